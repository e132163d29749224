"""Table II computed from the networks' graphs, beside what the paper prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from aiot_analysis.stats.operators import CONVOLUTIONS
from aiot_analysis.tables import names, paper

WEIGHTED = [*CONVOLUTIONS, "linear"]
"""Kinds of layers that are counted: those that the depth of a network is told by, like the 50 of ResNet50."""

_WORDS = {
    "concatenation": "concatenation",
    "addition": "identical map",
    "relu": "ReLU",
    "batch norm": "batch norm",
    "pooling": "pooling",
}
"""The paper's words for main operators but convolutions, in its order."""

Inputs = dict[str, list[str]]


def table2(nodes: pd.DataFrame) -> pd.DataFrame:
    """One row a model: what Table II tells, computed from the table `nodes` (one graph a model), and as printed.

    - macs_millions: multiply-accumulates of convolutions and linear layers for one image. The paper's are the round
      numbers of the networks' publications (ResNet50: 3.8e9, He et al. 2016, Table 1; InceptionV3: 5 billion, Szegedy
      et al. 2016, abstract). The networks that are run may be variants of those: torchvision's ResNet50 has its strides
      in the 3x3 convolutions and not in the 1x1, which costs more.
    - params_millions: all parameters, those of batch norm and biases too.
    - layers: convolutions and linear layers on the longest way from input to output. So a shortcut's convolution does
      not count in ResNet50, and of parallel branches the longest does. layers_all counts every one. The paper does not
      say how it counts; other ways give other numbers for networks with branches (SqueezeNet, InceptionV3).
    - branch: "multi" if a concatenation joins two convolutions of which neither is computed from the other.
    - main_operators: those that occur more than once, convolutions by kernel (height x width).

    Columns of the paper's end in _printed, macs and params in millions;
    macs_difference and params_difference are computed over printed, minus 1.
    """
    found = [{"model": model, **_facts(part)} for model, part in by_model(nodes)]
    columns = ["model", "macs_millions", "params_millions", "layers", "layers_all", "branch", "main_operators"]
    computed = pd.DataFrame(found, columns=columns)
    printed = paper.models().rename(columns={"flops_millions": "macs_millions"}).drop(columns="accuracy_percent")
    both = computed.merge(printed, on="model", how="left", suffixes=("", "_printed"))
    both = both.rename(columns={f"{name}_millions_printed": f"{name}_printed" for name in ("macs", "params")})
    for name in ("macs", "params"):
        both[f"{name}_difference"] = both[f"{name}_millions"] / both[f"{name}_printed"] - 1
    return both


def by_model(nodes: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The graph of each model, the paper's in its order; of several graphs of one model that of the latest run."""
    for model in names.in_order(set(nodes["model"]), names.MODELS):
        part = nodes[nodes["model"] == model]
        part = part[part["run_id"] == part["run_id"].max()]
        yield model, part[part["device_id"] == part["device_id"].min()].sort_values("position")


def inputs_of(part: pd.DataFrame) -> Inputs:
    """The inputs of each node of one graph that are nodes of it, in the order in which they can be computed."""
    there = set(part["node"])
    return {
        node: [one for one in inputs.split() if one in there]
        for node, inputs in zip(part["node"], part["inputs"], strict=True)
    }


def _facts(part: pd.DataFrame) -> dict[str, object]:
    kinds = dict(zip(part["node"], part["kind"], strict=True))
    inputs = inputs_of(part)
    depth: dict[str, int] = {}
    for node, before in inputs.items():
        depth[node] = max((depth[one] for one in before), default=0) + (kinds[node] in WEIGHTED)
    return {
        "macs_millions": part["macs"].sum() / 1e6,
        "params_millions": part["parameters"].sum() / 1e6,
        "layers": max(depth.values(), default=0),
        "layers_all": int(part["kind"].isin(WEIGHTED).sum()),
        "branch": "multi" if _branches(inputs, kinds) else "single",
        "main_operators": ", ".join(_main_operators(part)),
    }


def _branches(inputs: Inputs, kinds: dict[str, str]) -> bool:
    """Whether a concatenation joins convolutions of which neither is computed from the other."""
    before: dict[str, set[str]] = {}  # all convolutions that a node is computed from
    last: dict[str, set[str]] = {}  # those with no convolution between
    for node, some in inputs.items():
        before[node] = set().union(*(before[one] for one in some))
        last[node] = set().union(*(last[one] for one in some))
        if kinds[node] == "concatenation" and any(
            one not in before[other] and other not in before[one]
            for one in last[node]
            for other in last[node]
            if one != other
        ):
            return True
        if kinds[node] in CONVOLUTIONS:
            before[node] |= {node}
            last[node] = {node}
    return False


def _main_operators(part: pd.DataFrame) -> list[str]:
    counts = part["kind"].value_counts()
    convolutions = part[part["kind"].isin(CONVOLUTIONS)]
    counted = Counter(zip(convolutions["kind"], convolutions["kernel"], strict=True))
    often = [one for one, count in counted.items() if count > 1]
    often.sort(key=lambda one: (CONVOLUTIONS.index(one[0]), len(one[1]), one[1]))
    return [f"{kernel} {kind}" for kind, kernel in often] + [
        word for kind, word in _WORDS.items() if counts.get(kind, 0) > 1
    ]
