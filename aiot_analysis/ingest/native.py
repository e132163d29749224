"""Instances that a native tool measured: the log has a `summary`, and no records of images."""

from __future__ import annotations

from typing import Any

from aiot_analysis.ingest.attempt import Reading

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
    return {
        "source": "tool",
        "timing": "inference",
        "images": images if sound else 0,
        "failed_images": last["failed_images"] if sound else 0,
        "distinct_images": images if sound else 0,
        "correct": correct if sound else 0,
        "accuracy": correct / images if sound and images else None,
        **{f"inference_ms_{name}": found.get(field) for name, field in _TIMES.items()},
    }


def _sound(last: Row) -> bool:
    """Whether the counts of an ending can be such."""
    return 0 <= last["correct"] <= last["images"] <= IMAGES_AT_MOST and 0 <= last["failed_images"] <= IMAGES_AT_MOST


def doubts(found: Row, reading: Reading) -> list[str]:
    """What is odd about such an attempt."""
    [load] = reading.of("load") or [{}]
    requested, actual = load.get("accelerator_requested"), load.get("accelerator_actual")
    missing, accurate_on = found.get("accuracy_missing"), found.get("accuracy_accelerator")
    asked, runs = found.get("runs_asked"), found["count"]
    said = []
    if missing is not None:
        said.append(f"it has no accuracy: {missing}")
    if not _sound(reading.last):
        said.append("its ending has counts that cannot be")
    if asked is not None and runs < asked:
        said.append(f"runs that were timed: {runs} of {asked}")
    if requested is not None and actual is None:
        said.append(f"{requested} was asked for, and what ran is not known")
    elif requested not in (None, "cpu") and accurate_on is None and missing is None:
        said.append(f"{requested} was asked for, and what ran for its accuracy is not known")
    elif None not in (actual, accurate_on) and accurate_on != actual:
        said.append(f"its time is that of {actual}, its accuracy that of {accurate_on}")
    return said
