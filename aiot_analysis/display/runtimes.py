"""Findings and tables about the versions of each network on one device (see `stats.runtimes`)."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.tables import names
from aiot_analysis.words import estimate, listed, plural

MOST_WORDS = 40  # of a heading


def choose_device(rows: pd.DataFrame, devices: pd.DataFrame) -> str:
    """Return the id of the device with most usable instances, the first in the order of `devices`; "" without rows."""
    counts = rows["device_id"].value_counts()
    ordered = [device for device in devices["device_id"] if device in counts.index]
    return max(ordered, key=lambda device: counts[device]) if ordered else ""


def _version(instance_id: str) -> str:
    """Return the name of a version without its network, such as "TFLite CPU, INT8"."""
    parts = names.instance(instance_id)
    return f"{names.display(parts.implementation)} {names.display(parts.quantization)}"


def in_sentence(device: str, devices: pd.DataFrame) -> str:
    """Return the name of a device for use in a sentence, such as "the Samsung Galaxy S10e"; ids have no article."""
    name = names.devices(devices)[device]
    return name if name == device else f"the {name}"


def subject(device: str, origin: str) -> str:
    """Return the sentences on which device a page is about and how to get the page of another one."""
    source = "" if origin == "measured" else f"-p origin {origin} "
    return (
        f"This page is about {device}. For another device, run `aiot report {source}-p device ID 14`; the "
        "ids are in the table of devices of the front page."
    )


def accuracy(reference: str, margin: float) -> str:
    """Return when a version is as accurate as its reference. Takes the margin of `stats.runtimes.versions`."""
    return (
        f"A version is shown to be as accurate as {reference} if the 95% interval of its loss of accuracy ends below "
        f"{plural(float(100 * margin), 'point')}."
    )


def ranking(fastest: pd.DataFrame, reference: str, device: str = "") -> str:
    """Return for which networks one version is clearly the fastest, and which.

    Takes the frame of `stats.runtimes.fastest` of one device, the name of the reference (`plots.runtimes`), and that of
    the device if it must be named. The versions are left out if the sentence would have more than MOST_WORDS words.
    """
    compared = fastest[fastest["compared"] > 1]
    if compared.empty:
        return ""
    clear = compared[~compared["tied"].astype(bool)]
    networks = clear["model"].map(names.display).groupby(clear["instance_id"].map(_version), sort=False).agg(", ".join)
    start = f"{f'On {device}, the' if device else 'The'} fastest version shown to be as accurate as {reference} is"
    if clear.empty:
        return f"{start} not clear for any of {plural(len(compared), 'network')}."
    start += f" clear for {len(clear)} of {plural(len(compared), 'network')}"
    sentence = f"{start}: {', '.join(f'{version} ({models})' for version, models in networks.items())}."
    return sentence if len(sentence.split()) <= MOST_WORDS else f"{start}."


def front(versions: pd.DataFrame) -> str:
    """Return the versions on the Pareto front, from the fastest. Takes the frame of `stats.runtimes.versions`."""
    best = versions[versions["pareto"].eq(True).fillna(False)].sort_values("mean_ms")
    if len(best) < 2:
        return ""
    first, last = best.iloc[0], best.iloc[-1]
    ends = [
        f"{names.instance_display(row['instance_id'])} ({estimate(row['mean_ms'])} ms, {100 * row['accuracy']:.1f}%)"
        for row in (first, last)
    ]
    return f"{len(best)} of {plural(len(versions), 'version')} are on the Pareto front, from {ends[0]} to {ends[1]}."


def fastest_table(fastest: pd.DataFrame) -> pd.DataFrame:
    """Return the frame of `stats.runtimes.fastest` with its intervals and ties in words, for a table."""
    times = [estimate(row["mean_ms"], row["mean_ms_low"], row["mean_ms_high"]) for row in fastest.to_dict("records")]
    return pd.DataFrame(
        {
            "model": fastest["model"],
            "version": [_version(instance_id) for instance_id in fastest["instance_id"]],
            "mean_ms": times,
            "compared": fastest["compared"],
            "tied": [listed([_version(instance_id) for instance_id in tied]) or "none" for tied in fastest["tied"]],
        }
    )
