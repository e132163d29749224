"""Findings and tables about the versions of each network on one device (see `stats.runtimes`)."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.tables import names
from aiot_analysis.words import interval, listed, plural


def choose_device(rows: pd.DataFrame, devices: pd.DataFrame) -> str:
    """Return the id of the device with most usable instances, the first in the order of `devices`; "" without rows."""
    counts = rows["device_id"].value_counts()
    ordered = [device for device in devices["device_id"] if device in counts.index]
    return max(ordered, key=lambda device: counts[device]) if ordered else ""


def _version(instance_id: str) -> str:
    """Return the name of a version without its network, such as "TFLite CPU, INT8"."""
    parts = names.instance(instance_id)
    return f"{names.display(parts.implementation)} {names.display(parts.quantization)}"


def ranking(fastest: pd.DataFrame) -> str:
    """Return the fastest version of each network, and where it cannot be distinguished from others.

    Takes the frame of `stats.runtimes.fastest` of one device.
    """
    compared = fastest[fastest["compared"] > 1]
    clear, open_ = [], []
    for row in compared.to_dict("records"):
        name, version = names.display(row["model"]), _version(row["instance_id"])
        if row["tied"]:
            others = listed([_version(instance_id) for instance_id in row["tied"]])
            open_.append(f"for {name}, {version} cannot be distinguished from {others}")
        else:
            clear.append((version, name))
    clauses = [
        f"{version} is the fastest for {listed([name for other, name in clear if other == version])}"
        for version in dict.fromkeys(version for version, _ in clear)
    ]
    sentence = "; ".join([*clauses, *open_])
    return f"At equal accuracy, {sentence}." if sentence else ""


def front(versions: pd.DataFrame) -> str:
    """Return the versions on the Pareto front, from the fastest. Takes the frame of `stats.runtimes.versions`."""
    best = versions[versions["pareto"].eq(True).fillna(False)].sort_values("mean_ms")
    if len(best) < 2:
        return ""
    first, last = best.iloc[0], best.iloc[-1]
    ends = [
        f"{names.instance_display(row['instance_id'])} ({row['mean_ms']:.3g} ms, {100 * row['accuracy']:.1f}%)"
        for row in (first, last)
    ]
    return f"{len(best)} of {plural(len(versions), 'version')} are on the Pareto front, from {ends[0]} to {ends[1]}."


def fastest_table(fastest: pd.DataFrame) -> pd.DataFrame:
    """Return the frame of `stats.runtimes.fastest` with its intervals and ties in words, for a table."""
    times = [
        f"{row['mean_ms']:.3g} ({interval(row['mean_ms_low'], row['mean_ms_high'], '{:.3g}')})"
        for row in fastest.to_dict("records")
    ]
    return pd.DataFrame(
        {
            "model": fastest["model"],
            "version": [_version(instance_id) for instance_id in fastest["instance_id"]],
            "mean_ms": times,
            "compared": fastest["compared"],
            "tied": [listed([_version(instance_id) for instance_id in tied]) or "none" for tied in fastest["tied"]],
        }
    )
