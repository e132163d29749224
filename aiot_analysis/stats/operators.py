"""Operators of networks: their times (Figs. 1 and 2), their graphs (Table II) and typical modules (Fig. 3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.tables import names, paper

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

KEY = ["device_id", "framework", "model"]
CONVOLUTIONS = ["convolution", "depthwise convolution"]
BIN_MS = 0.14
LAST_MS = 1.96
"""Bins of Fig. 2: its ticks, 0.21 to 1.89 ms in steps of 0.28, are the centres of every second bin of 0.14 ms."""


def matching_rows(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `operators`, `passes` or `nodes` that belong to rows of `instances`."""
    key = ["run_id", *KEY]
    return frame.merge(rows[key].drop_duplicates(), on=key)


def shares(operators: pd.DataFrame) -> pd.DataFrame:
    """Return Fig. 1: the share of each kind of operator in the time of all operators, by device, framework and model.

    Columns are KEY, kind, repetitions, calls (per pass), time_ms (mean over the repetitions), share, and share_p5 and
    share_p95, the 5th and 95th percentiles over the repetitions. A share is the mean of the shares in each repetition,
    so a slow repetition counts as much as any other; the shares of a network add up to 1.
    """
    columns = [*KEY, "kind", "repetitions", "calls", "time_ms", "share", "share_p5", "share_p95"]
    rows = []
    for group, part in operators.groupby(KEY, sort=False):
        times = part.pivot_table(index="repetition", columns="kind", values="time_ms", aggfunc="sum", fill_value=0.0)
        calls = part.groupby("kind").size() / part["repetition"].nunique()
        share = times.div(times.sum(axis=1), axis=0)
        low, high = (share.quantile(level) for level in (0.05, 0.95))
        for kind in share.mean().sort_values(ascending=False).index:
            numbers = (times[kind].mean(), share[kind].mean(), low[kind], high[kind])
            rows.append((*group, kind, len(times), round(calls[kind]), *numbers))
    return pd.DataFrame(rows, columns=columns)


def convolution_times(operators: pd.DataFrame) -> pd.DataFrame:
    """Return Fig. 2: the distribution of the times of single convolutions, by device, framework and model.

    One row per bin: KEY, repetitions, low_ms, high_ms, convolutions (their number over all repetitions) and share. The
    last row of a network has an infinite high_ms and counts what lies beyond the bins of Fig. 2; shares are of all
    convolutions.
    """
    edges = np.append(np.arange(0, LAST_MS + BIN_MS / 2, BIN_MS).round(2), np.inf)
    rows = []
    for group, part in operators[operators["kind"].isin(CONVOLUTIONS)].groupby(KEY, sort=False):
        counts, _ = np.histogram(part["time_ms"], edges)
        share = counts / counts.sum()
        repetitions = part["repetition"].nunique()
        rows += [(*group, repetitions, *row) for row in zip(edges[:-1], edges[1:], counts, share, strict=True)]
    return pd.DataFrame(rows, columns=[*KEY, "repetitions", "low_ms", "high_ms", "convolutions", "share"])


def coverage(operators: pd.DataFrame, passes: pd.DataFrame) -> pd.DataFrame:
    """Return how much of a pass the operators account for, and the overhead of the profiler.

    Columns are KEY, repetitions, operators_ms, profiled_ms and plain_ms (medians of a pass: its operators together, the
    whole pass with the profiler, and the whole pass without it), covered (operators_ms over profiled_ms) and overhead
    (profiled_ms over plain_ms, minus 1).
    """
    summed = operators.groupby([*KEY, "repetition"])["time_ms"].sum().rename("operators_ms").reset_index()
    with_sums = passes.merge(summed, on=[*KEY, "repetition"])
    groups = with_sums.groupby(KEY, sort=False)
    numbers = groups[["operators_ms", "profiled_ms", "plain_ms"]].median()
    numbers["covered"] = numbers["operators_ms"] / numbers["profiled_ms"]
    numbers["overhead"] = numbers["profiled_ms"] / numbers["plain_ms"] - 1
    return numbers.assign(repetitions=groups.size()).reset_index()[[*KEY, "repetitions", *numbers.columns]]


WEIGHTED = [*CONVOLUTIONS, "linear"]
"""Kinds of layers that count towards the depth of a network, like the 50 of ResNet50."""

_WORDS = {
    "concatenation": "concatenation",
    "addition": "identical map",
    "relu": "ReLU",
    "batch norm": "batch norm",
    "pooling": "pooling",
}
"""The paper's words for main operators other than convolutions, in its order."""

Inputs = dict[str, list[str]]


def table2(nodes: pd.DataFrame) -> pd.DataFrame:
    """Return the facts of Table II, computed from the table `nodes` and as printed, one row per model.

    One graph per model is used. Computed columns are

    - macs_millions: multiply-accumulates of convolutions and linear layers for one image. The paper's are the round
      numbers of the networks' publications (ResNet50: 3.8e9, He et al. 2016, Table 1; InceptionV3: 5 billion, Szegedy
      et al. 2016, abstract). The networks that are run may be variants of those: torchvision's ResNet50 has its strides
      in the 3x3 convolutions instead of the 1x1, which costs more.
    - params_millions: all parameters, including those of batch norm and biases.
    - layers: convolutions and linear layers on the longest path from input to output. The convolution of a shortcut
      therefore does not count in ResNet50, and of parallel branches the longest counts. layers_all counts all of them.
      The paper does not say how it counts; other ways give other numbers for networks with branches (SqueezeNet,
      InceptionV3).
    - branch: "multi" if a concatenation joins two convolutions neither of which is computed from the other.
    - main_operators: operators that occur more than once, convolutions by kernel (height x width).

    Columns of the paper end in _printed, with macs and params in millions. macs_difference and params_difference are
    computed over printed, minus 1.
    """
    rows = [{"model": model, **_facts(part)} for model, part in by_model(nodes)]
    columns = ["model", "macs_millions", "params_millions", "layers", "layers_all", "branch", "main_operators"]
    computed = pd.DataFrame(rows, columns=columns)
    printed = paper.models().rename(columns={"flops_millions": "macs_millions"}).drop(columns="accuracy_percent")
    comparison = computed.merge(printed, on="model", how="left", suffixes=("", "_printed"))
    comparison = comparison.rename(
        columns={f"{name}_millions_printed": f"{name}_printed" for name in ("macs", "params")}
    )
    for name in ("macs", "params"):
        comparison[f"{name}_difference"] = comparison[f"{name}_millions"] / comparison[f"{name}_printed"] - 1
    return comparison


def by_model(nodes: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the graph of each model, with the paper's models in its order.

    If a model has several graphs, that of the latest run is used.
    """
    for model in names.in_order(set(nodes["model"]), names.MODELS):
        part = nodes[nodes["model"] == model]
        part = part[part["run_id"] == part["run_id"].max()]
        yield model, part[part["device_id"] == part["device_id"].min()].sort_values("position")


def inputs_of(part: pd.DataFrame) -> Inputs:
    """Return the inputs of each node that are nodes of the same graph, in the order of computation."""
    node_names = set(part["node"])
    return {
        node: [source for source in inputs.split() if source in node_names]
        for node, inputs in zip(part["node"], part["inputs"], strict=True)
    }


def _facts(part: pd.DataFrame) -> dict[str, object]:
    """Return the computed columns of one graph."""
    kinds = dict(zip(part["node"], part["kind"], strict=True))
    inputs = inputs_of(part)
    depth: dict[str, int] = {}
    for node, sources in inputs.items():
        depth[node] = max((depth[source] for source in sources), default=0) + (kinds[node] in WEIGHTED)
    return {
        "macs_millions": part["macs"].sum() / 1e6,
        "params_millions": part["parameters"].sum() / 1e6,
        "layers": max(depth.values(), default=0),
        "layers_all": int(part["kind"].isin(WEIGHTED).sum()),
        "branch": "multi" if _branches(inputs, kinds) else "single",
        "main_operators": ", ".join(_main_operators(part)),
    }


def _branches(inputs: Inputs, kinds: dict[str, str]) -> bool:
    """Return whether a concatenation joins convolutions neither of which is computed from the other."""
    before: dict[str, set[str]] = {}  # all convolutions that a node depends on
    last: dict[str, set[str]] = {}  # those with no other convolution in between
    for node, sources in inputs.items():
        before[node] = set().union(*(before[source] for source in sources))
        last[node] = set().union(*(last[source] for source in sources))
        if kinds[node] == "concatenation" and any(
            source not in before[other] and other not in before[source]
            for source in last[node]
            for other in last[node]
            if source != other
        ):
            return True
        if kinds[node] in CONVOLUTIONS:
            before[node] |= {node}
            last[node] = {node}
    return False


def _main_operators(part: pd.DataFrame) -> list[str]:
    """Return the operators of a graph that occur more than once, convolutions by kernel."""
    counts = part["kind"].value_counts()
    convolutions = part[part["kind"].isin(CONVOLUTIONS)]
    counted = Counter(zip(convolutions["kind"], convolutions["kernel"], strict=True))
    repeated = [operator for operator, count in counted.items() if count > 1]
    repeated.sort(key=lambda operator: (CONVOLUTIONS.index(operator[0]), len(operator[1]), operator[1]))
    return [f"{kernel} {kind}" for kind, kernel in repeated] + [
        word for kind, word in _WORDS.items() if counts.get(kind, 0) > 1
    ]


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
    for model, part in by_model(nodes):
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
    inputs = inputs_of(graph)
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
