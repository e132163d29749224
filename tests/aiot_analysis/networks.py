"""Make small networks as the table `nodes`, and times of their operators, with explicit numbers."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.tables import storage

RUN = {"run_id": "20260101T000000Z-aaaaaa", "device_id": "local", "framework": "pytorch", "origin": "measured"}
OPERATIONS = {"convolution": "Conv2d", "depthwise convolution": "Conv2d", "relu": "ReLU", "concatenation": "cat"}


def node(name: str, kind: str, *inputs: str, within: str = "", kernel: str | None = None, **other: object) -> dict:
    return {
        "node": name,
        "kind": kind,
        "operation": OPERATIONS.get(kind, kind),
        "inputs": " ".join(inputs),
        "within": within,
        "kernel": kernel,
        "stride": "1x1" if kernel else None,
        "in_shape": "1x8x4x4",
        "out_shape": "1x8x4x4",
        "macs": 0,
        "parameters": 0,
        **other,
    }


def nodes(model: str, *rows: dict, **other: object) -> pd.DataFrame:
    frame = pd.DataFrame(rows).assign(model=model, position=range(len(rows)), **RUN)
    return storage.table("nodes", frame.assign(**other))


def residual(kernel: str = "3x3") -> pd.DataFrame:
    """Return a network with a stem, two equal residual modules, and a final part with another kernel."""
    rows = [node("x", "input"), node("stem", "convolution", "x", kernel="7x7", macs=7_000_000, parameters=70_000)]
    last = "stem"
    for number, (path, size) in enumerate([("a", "5x5"), ("b.0", kernel), ("b.1", kernel)]):
        within = f"{path.split('.')[0]}:Sequential {path}:Bottleneck" if "." in path else f"{path}:Bottleneck"
        c1, norm, relu, c2, add = (f"{name}{number}" for name in ("one", "norm", "relu", "two", "add"))
        rows += [
            node(c1, "convolution", last, within=within, kernel="1x1", macs=1_000_000, parameters=1000),
            node(norm, "batch norm", c1, within=within, parameters=16),
            node(relu, "relu", norm, within=within),
            node(c2, "convolution", relu, within=within, kernel=size, macs=2_000_000, parameters=2000),
            node(add, "addition", c2, last, within=within),
        ]
        last = add
    rows.append(node("head", "linear", last, macs=500_000, parameters=300))
    return nodes("resnet50", *rows)


def fire(joined: str = "concatenation") -> pd.DataFrame:
    """Return a network with one module of two parallel convolutions."""
    within = "fire:Fire"
    return nodes(
        "squeezenet",
        node("x", "input"),
        node("squeeze", "convolution", "x", within=within, kernel="1x1"),
        node("left", "convolution", "squeeze", within=within, kernel="1x1"),
        node("right", "convolution", "squeeze", within=within, kernel="3x3"),
        node("join", joined, "left", "right", within=within, out_shape="1x16x4x4"),
    )


def times(model: str, *passes: dict[str, float], **other: object) -> pd.DataFrame:
    """Return the table `operators` from the time of each kind in each pass, with one operator per kind."""
    rows = [
        {"operator": kind, "kind": kind, "repetition": repetition, "time_ms": time_ms}
        for repetition, times_ms in enumerate(passes)
        for kind, time_ms in times_ms.items()
    ]
    return storage.table("operators", pd.DataFrame(rows).assign(model=model, **{**RUN, **other}))
