"""Instances of which the log has a `summary`, and no records of images: a native tool's, or imported ones."""

from __future__ import annotations

from typing import Any

from aiot_analysis.ingest.attempt import Reading
from aiot_analysis.tables import select

Row = dict[str, Any]

IMAGES_AT_MOST = 10**9

_TIMES = {"mean": "mean_ms", "median": "median_ms", "sd": "sd_ms"}  # a tool gives no 90th percentile


def summary(reading: Reading) -> Row | None:
    """The summary that stands for an attempt; None where there is none, or there are records of images beside it."""
    found = reading.of("summary")
    return found[0] if found and not reading.images.num_rows else None


def row(found: Row, last: Row) -> Row:
    """What an instance's row says otherwise than one of records of images; `last` is the ending.

    Accuracy is that of all images: one that could not be shown to the model counts as wrong.
    """
    images, correct = last["images"] + last["failed_images"], last["correct"]
    sound = _sound(last)
    timing = _timing(found)
    whole = timing == "end_to_end"  # images were shown and timed as the agent does it: only their records are missing
    return {
        "source": "agent" if whole else "tool",
        "timing": timing,
        "first_image_ms": found.get("first_ms") if whole else None,
        "images": images if sound else 0,
        "failed_images": last["failed_images"] if sound else 0,
        "distinct_images": images if sound else 0,
        "correct": correct if sound else 0,
        "accuracy": correct / images if sound and images else None,
        **{f"{timing}_ms_{name}": found.get(field) for name, field in _TIMES.items()},
    }


def _timing(found: Row) -> str:
    """What the times of a summary are of: that of native tools where it does not say."""
    said = found.get("timing")
    return said if said in select.TIMES else "inference"


def _sound(last: Row) -> bool:
    """Whether the counts of an ending can be such."""
    return 0 <= last["correct"] <= last["images"] <= IMAGES_AT_MOST and 0 <= last["failed_images"] <= IMAGES_AT_MOST


def doubts(found: Row, reading: Reading) -> list[str]:
    """What is odd about such an attempt."""
    [load] = reading.of("load") or [{}]
    requested, actual = load.get("accelerator_requested"), load.get("accelerator_actual")
    missing, accurate_on = found.get("accuracy_missing"), found.get("accuracy_accelerator")
    asked, runs = found.get("runs_asked"), found.get("count")
    said = []
    if missing is not None:
        said.append(f"it has no accuracy: {missing}")
    if not _sound(reading.last):
        said.append("its ending has counts that cannot be")
    if asked is not None and runs is not None and runs < asked:
        said.append(f"runs that were timed: {runs} of {asked}")
    if None in (requested, actual) or _timing(found) == "end_to_end":
        return said  # what ran is not known, which is said of every log, or all that is known ran together
    if requested != "cpu" and accurate_on is None and missing is None:
        said.append(f"{requested} was asked for, and what ran for its accuracy is not known")
    elif accurate_on not in (None, actual):
        said.append(f"its time is that of {actual}, its accuracy that of {accurate_on}")
    return said
