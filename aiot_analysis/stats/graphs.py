"""Table II computed from the networks' graphs, beside the values printed in the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from aiot_analysis.stats.operators import CONVOLUTIONS
from aiot_analysis.tables import names, paper

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
