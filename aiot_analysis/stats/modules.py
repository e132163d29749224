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
"""Modules that are named and not found: the paper means a whole dense block, not one of its layers (Section III-B3),
and an Inception module with 1x3 and 3x1 convolutions (Table II), of which there are fewer than with 1x7 and 7x1."""

CONTAINERS = {"Sequential", "ModuleList", "ModuleDict"}
LIGHT = ["batch norm", "relu", "other"]
"""Kinds that share a box with what they follow."""

COLUMNS = ["model", "module", "of_class", "box", "kind", "label", "also", "inputs"]


def boxes(nodes: pd.DataFrame) -> pd.DataFrame:
    """The boxes of the typical module of each model, the paper's in its order, from the table `nodes`.

    One row a box: model, module (path in the network), of_class, box (name), kind, label (like "3x3 convolution, 64"),
    also (what follows in the same box, like "batch norm, relu"), inputs (boxes, with spaces between). What comes in
    from outside of the module is a box of kind "input". No row for a model without a module of two convolutions.
    """
    found = [pd.DataFrame(columns=COLUMNS)]
    for model, part in graphs.by_model(nodes):
        module = LARGER.get(model) or typical(part)
        inside = part[[_is_in(within, module) for within in part["within"]]]
        if module is not None and len(inside):
            found.append(_boxes(part, inside).assign(model=model, module=module, of_class=_class_of(inside, module)))
    return pd.concat(found, ignore_index=True)[COLUMNS]


def typical(part: pd.DataFrame) -> str | None:
    """The path of the typical module of one graph, None if there is none.

    Of all modules with at least two convolutions, those are counted that are alike: of one class, with the same
    operators in the same order. The first one of the most frequent kind is typical. Containers that only hold a
    sequence do not count.
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
    return any(one.rpartition(":")[0] == module for one in within.split())


def _class_of(inside: pd.DataFrame, module: str) -> str:
    return next(
        of_class
        for path, _, of_class in (one.rpartition(":") for one in inside["within"].iloc[0].split())
        if path == module
    )


@dataclass
class _Box:
    kind: str
    label: str
    inputs: list[str] = field(default_factory=list)
    also: list[str] = field(default_factory=list)


def _boxes(graph: pd.DataFrame, inside: pd.DataFrame) -> pd.DataFrame:
    """The boxes of the nodes of a module. Batch norm and ReLU are put into the box of what they follow."""
    inputs = graphs.inputs_of(graph)
    there = set(inside["node"])
    uses = Counter(one for some in inputs.values() for one in some)
    shapes = dict(zip(graph["node"], graph["out_shape"], strict=True))
    box_of: dict[str, str] = {}
    made: dict[str, _Box] = {}
    for row in inside.to_dict("records"):
        node = str(row["node"])
        before = inputs[node]
        for outer in before:
            if outer not in there and outer not in box_of:
                box_of[outer] = outer
                made[outer] = _Box("input", f"input, {_channels(shapes[outer])}")
        if row["kind"] in LIGHT and len(before) == 1 and before[0] in there and uses[before[0]] == 1:
            box_of[node] = box_of[before[0]]
            made[box_of[node]].also.append(_name(row))
            continue
        box_of[node] = node
        made[node] = _Box(str(row["kind"]), _label(row), list(dict.fromkeys(box_of[one] for one in before)))
    return pd.DataFrame(
        [
            {
                "box": name,
                "kind": box.kind,
                "label": box.label,
                "also": ", ".join(box.also),
                "inputs": " ".join(box.inputs),
            }
            for name, box in made.items()
        ]
    )


def _channels(shape: object) -> str:
    """The channels of a shape like 1x64x56x56."""
    sizes = str(shape).split("x")
    return sizes[1] if len(sizes) > 1 else "?"


def _label(row: Mapping[Hashable, Any]) -> str:
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
    return str(row["operation"] if row["kind"] == "other" else row["kind"])
