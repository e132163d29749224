"""Differences that the data can show, for readers: a sentence and tables of text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.stats import resolution
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {resolution.TIME: "time", resolution.CORRECT: "accuracy", resolution.SCORE: "VIPS"}
NOTHING = "none"
SIDES = {resolution.SAME_IMAGES: resolution.SAME_SESSION, resolution.DEVICES: resolution.APART}
MOST = 10.0
"""Larger relative differences in time or score are not written out: with a few images, they are practically unknown."""


def sentence(resolved: pd.DataFrame, measured: pd.DataFrame) -> str:
    """Return which differences in accuracy and time are indistinguishable from noise, and which noise is assumed.

    Takes the frames of `resolution.resolution` and `noise.measured`. The differences are between two instances of a
    device if it has two. With several devices, they are those of the median device.
    """
    if resolved.empty:
        return "There are no usable instances, so these data cannot show any difference."
    chosen = [_first(resolved, metric) for metric in (resolution.CORRECT, resolution.TIME)]
    single_test, corrected = (
        " and ".join(_range_below(part, column) for part in chosen) for column in ("resolves", "resolves_corrected")
    )
    sides = " and ".join(dict.fromkeys(_comparison_name(part) for part in chosen))
    devices = resolved["device_id"].nunique()
    median = f", on the median of {devices} devices" if devices > 1 else ""
    return (
        f"With these data, differences {single_test} cannot be distinguished from noise. A single test at the 5% "
        f"level finds larger ones in at least 80% of cases ({sides}{median}). If tests are corrected for the number "
        f"of tests on a page, differences {corrected} cannot be distinguished. {' '.join(assumptions(measured))}"
    ).rstrip()


def assumptions(measured: pd.DataFrame) -> list[str]:
    """Return sentences that say how noisy devices are assumed to be. Takes the frame of `noise.measured`."""
    counts = measured.loc[measured["assumed"] != "", "assumed"].value_counts()
    return [f"Assumed on {plural(n, 'device')}, because it was not measured: {words}." for words, n in counts.items()]


def _first(resolved: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the rows of the first comparison of a metric, in the order of `resolution.COMPARISONS`."""
    part: pd.DataFrame = resolved[resolved["metric"] == metric]
    first: str = min(part["comparison"], key=lambda comparison: resolution.COMPARISONS.index((metric, comparison)))
    return part[part["comparison"] == first]


def _comparison_name(part: pd.DataFrame) -> str:
    """Return the name of the comparison; equivalent ones have the name that is used for times."""
    comparison = str(part["comparison"].iloc[0])
    return SIDES.get(comparison, comparison)


def _range_below(part: pd.DataFrame, column: str) -> str:
    """Return the range of differences of a metric that the data do not show, such as "in time under 6.0%"."""
    metric, values = part["metric"].iloc[0], part[column]
    if values.isna().any():
        return f"in {NAMES[metric]} of any size (too few images: {int(part['images'].min())})"
    words = size(metric, values.median())
    return f"in {NAMES[metric]} {'even' if words.startswith('over') else 'under'} {words}"


def size(metric: str, difference: float) -> str:
    """Return a difference as text: "4.1 points" for accuracy, "6.0%" for other metrics."""
    if np.isnan(difference):
        return NOTHING
    if difference > MOST:
        return f"over {100 * MOST:,.0f}%"
    return f"{100 * difference:.1f}{' points' if metric == resolution.CORRECT else '%'}"


def by_device(resolved: pd.DataFrame) -> pd.DataFrame:
    """Return the frame of `resolution.resolution` as text, with a row per device and comparison."""
    metrics = list(resolved["metric"])
    widths = _sizes(metrics, resolved["half_width"])
    return pd.DataFrame(
        {
            "device_id": resolved["device_id"],
            "comparison": resolved["metric"].map(NAMES) + ", " + resolved["comparison"],
            "images": resolved["images"],
            "sessions": resolved["sessions"],
            "smallest difference": _sizes(metrics, resolved["resolves"]),
            "95% interval": [f"± {width}" for width in widths],
            "tests": resolved["comparisons"],
            "smallest, corrected": _sizes(metrics, resolved["resolves_corrected"]),
        }
    )


def _sizes(metrics: list[str], differences: pd.Series) -> list[str]:
    return [size(metric, difference) for metric, difference in zip(metrics, differences, strict=True)]


def summary(resolved: pd.DataFrame) -> list[list[str]]:
    """Return a heading and rows of cells: the numbers of the median and of the worst device for each comparison."""
    several = resolved["device_id"].nunique() > 1
    heading = ["", "images", "sessions", "smallest difference", "95% interval", "tests", "smallest, corrected"]
    rows = [[*heading, "worst device"] if several else heading]
    for metric, comparison, part in _groups(resolved):
        images, sessions, tests = (_range(part[column]) for column in ("images", "sessions", "comparisons"))
        single, width, corrected = (
            size(metric, part[column].median(skipna=False))
            for column in ("resolves", "half_width", "resolves_corrected")
        )
        row = [f"{NAMES[metric]}, {comparison}", images, sessions, single, f"± {width}", tests, corrected]
        if several:
            worst = _ranked(part).iloc[-1]
            sizes = f"{size(metric, worst['resolves'])}, corrected {size(metric, worst['resolves_corrected'])}"
            row.append(f"{sizes} ({worst['device_id']})")
        rows.append(row)
    return rows


def _groups(frame: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield each metric and comparison with its rows."""
    for key, part in frame.groupby(["metric", "comparison"], sort=False):
        metric, comparison = (str(word) for word in key)
        yield metric, comparison, part


def _range(values: pd.Series) -> str:
    """Return the number that all devices have in common, or the lowest and the highest, as text."""
    low, high = int(values.min()), int(values.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _ranked(part: pd.DataFrame) -> pd.DataFrame:
    """Return rows sorted by the smallest difference that the device shows; devices without one come last."""
    return part.sort_values(["resolves", "device_id"], na_position="last")


def requirements(needed: pd.DataFrame, resolved: pd.DataFrame) -> list[list[str]]:
    """Return a heading and rows of cells: what is required to show each difference on the median and worst device.

    Takes the frames of `resolution.needed` and `resolution.resolution`.
    """
    key = ["metric", "comparison"]
    sizes = needed.merge(resolved[["device_id", *key, "resolves", "images"]].rename(columns={"images": "images_there"}))
    several = needed["device_id"].nunique() > 1
    rows = [["difference", *(["device"] if several else []), "in a single test", "corrected for the tests of a page"]]
    for metric, comparison, part in _groups(sizes):
        ranked = _ranked(part)
        chosen = {"median": ranked.iloc[(len(ranked) - 1) // 2], "worst": ranked.iloc[-1]}
        for label, device in chosen.items() if several else [("", ranked.iloc[0])]:
            name = f"{NAMES[metric]} {100 * device['difference']:g}{' points' if metric == resolution.CORRECT else '%'}"
            device_label = f"{label}: {device['device_id']}"
            cells = [describe_requirement(device, end) for end in ("", "_corrected")]
            cells[1] += f" ({plural(int(device['comparisons']), 'test')})"
            rows.append([f"{name}, {comparison}", *([device_label] if several else []), *cells])
    return rows


def describe_requirement(device: pd.Series | dict[str, Any], end: str = "") -> str:
    """Return what is required to show a difference, as text.

    Takes a row of `resolution.needed` with the column `images_there`, the number of images of the data. `end` is the
    suffix of the columns to use: "" or "_corrected".
    """
    images, runs, sessions = (device[f"{name}{end}"] for name in ("images", "runs", "sessions"))
    images_text = f"{int(device['images_there']):,}"
    ways = []
    if pd.notna(images):
        ways.append(plural(int(images), "image", "{:,}"))
        if runs > 1 and device["metric"] != resolution.CORRECT:
            ways[0] += f" ({plural(int(runs), 'run', '{:,}')} of {images_text} in one session)"
    if pd.notna(sessions) and not (pd.notna(images) and runs == 1):
        ways.append(f"{plural(int(sessions), 'session', '{:,}')} of {images_text} images")
    if not ways:
        not_enough = f"not with {resolution.MOST_IMAGES:,} images"
        nor_sessions = "" if device["metric"] == resolution.CORRECT else f", nor in {resolution.MOST_SESSIONS} sessions"
        return not_enough + nor_sessions
    return ", or ".join(ways) if pd.notna(images) else f"{ways[0]}; more images do not help"
