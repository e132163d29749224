"""Fig. 3: the typical module of each network, as boxes and arrows from its graph."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from aiot_analysis.stats import graphs
from aiot_analysis.stats.operators import CONVOLUTIONS

LARGER = {"inception_v3": "Mixed_7c", "densenet121": "features.denseblock1"}
"""Modules that are specified by name instead of being determined: the paper means a whole dense block, not one of its
layers (Section III-B3), and an Inception module with 1x3 and 3x1 convolutions (Table II), of which there are fewer than
with 1x7 and 7x1.
"""

CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
LIGHT = ["batch norm", "relu", "other"]
"""Kinds of nodes that share a box with the node they follow."""

COLUMNS = ["model", "module", "of_class", "box", "kind", "label", "also", "inputs"]


def boxes(nodes: pd.DataFrame) -> pd.DataFrame:
    """Return the boxes of the typical module of each model, in the paper's order, from the table `nodes`.

    One row per box: model, module (path in the network), of_class, box (name), kind, label (like "3x3 convolution,
    64"), also (what follows in the same box, like "batch norm, relu"), inputs (boxes, separated by spaces). Inputs from
    outside the module are boxes of kind "input". A model without a module of two convolutions has no rows.
    """
    tables = [pd.DataFrame(columns=COLUMNS)]
    for model, part in graphs.by_model(nodes):
        module = LARGER.get(model) or typical_module(part)
        inside = part[[_is_in(within, module) for within in part["within"]]]
        if module is not None and len(inside):
            tables.append(_boxes(part, inside).assign(model=model, module=module, of_class=_class_of(inside, module)))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def typical_module(part: pd.DataFrame) -> str | None:
    """Return the path of the typical module of a graph, or None if there is none.

    Modules with at least two convolutions are grouped by class and by their operators, in order. The first module of
    the largest group is typical. Containers that only hold a sequence do not count.
    """
    content: dict[tuple[str, str], list[tuple[object, ...]]] = defaultdict(list)
    for row in part.itertuples():
        for module in str(row.within).split():
            path, _, of_class = module.rpartition(":")
            if of_class not in CONTAINERS:
                content[path, of_class].append((row.kind, row.operation, str(row.kernel)))
    alike = {
        path: (of_class, *operators)
        for (path, of_class), operators in content.items()
        if sum(kind in CONVOLUTIONS for kind, *_ in operators) > 1
    }
    counts = Counter(alike.values())
    return max(alike, key=lambda path: counts[alike[path]], default=None)


def _is_in(within: str, module: str | None) -> bool:
    """Return whether `within`, the modules that contain a node, includes `module`."""
    return any(entry.rpartition(":")[0] == module for entry in within.split())


def _class_of(inside: pd.DataFrame, module: str) -> str:
    """Return the class of the module, from the first of the nodes inside it."""
    entries = (entry.rpartition(":") for entry in str(inside["within"].iloc[0]).split())
    return next(of_class for path, _, of_class in entries if path == module)


@dataclass
class _Box:
    """A box of the drawing: its kind and label, the boxes it is computed from, and what follows inside it."""

    kind: str
    label: str
    inputs: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)


def _boxes(graph: pd.DataFrame, inside: pd.DataFrame) -> pd.DataFrame:
    """Return the boxes of the nodes of a module, with batch norm and ReLU in the box of the node they follow."""
    inputs = graphs.inputs_of(graph)
    inside_nodes = set(inside["node"])
    uses = Counter(source for sources in inputs.values() for source in sources)
    shapes = dict(zip(graph["node"], graph["out_shape"], strict=True))
    box_of: dict[str, str] = {}
    boxes_by_name: dict[str, _Box] = {}
    for row in inside.to_dict("records"):
        node = str(row["node"])
        before = inputs[node]
        for outer in before:
            if outer not in inside_nodes and outer not in box_of:
                box_of[outer] = outer
                boxes_by_name[outer] = _Box("input", f"input, {_channels(shapes[outer])}")
        if row["kind"] in LIGHT and len(before) == 1 and before[0] in inside_nodes and uses[before[0]] == 1:
            box_of[node] = box_of[before[0]]
            boxes_by_name[box_of[node]].also.append(_name(row))
            continue
        box_of[node] = node
        boxes_by_name[node] = _Box(
            str(row["kind"]), _label(row), list(dict.fromkeys(box_of[source] for source in before))
        )
    return pd.DataFrame(
        [
            {
                "box": name,
                "kind": box.kind,
                "label": box.label,
                "also": ", ".join(box.also),
                "inputs": " ".join(box.inputs),
            }
            for name, box in boxes_by_name.items()
        ]
    )


def _channels(shape: object) -> str:
    """Return the number of channels of a shape like 1x64x56x56."""
    sizes = str(shape).split("x")
    return sizes[1] if len(sizes) > 1 else "?"


def _label(row: Mapping[Hashable, Any]) -> str:
    """Return the label of a node, with the kernel, channels and stride where they matter."""
    kernel, stride, channels = row["kernel"], row["stride"], _channels(row["out_shape"])
    if row["kind"] in CONVOLUTIONS:
        step = "" if pd.isna(stride) or stride == "1x1" else f" / {stride.split('x')[0]}"
        word = "conv" if row["kind"] == CONVOLUTIONS[0] else "depthwise"
        return f"{kernel} {word}, {channels}{step}"
    if row["kind"] == "concatenation":
        return f"concatenation, {channels}"
    if row["kind"] == "pooling":
        way = "max" if "max" in row["operation"].lower() else "average"
        return f"{'global' if pd.isna(kernel) else kernel} {way} pooling"
    return _name(row)


def _name(row: Mapping[Hashable, Any]) -> str:
    """Return the kind of a node or, if it has none, its operation."""
    return str(row["operation"] if row["kind"] == "other" else row["kind"])
