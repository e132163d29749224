"""Instances whose log has a `summary` instead of image records: from native tools, or imported."""

from __future__ import annotations

from typing import Any

from aiot_analysis.ingest.attempt import Reading
from aiot_analysis.tables import choice

Row = dict[str, Any]

IMAGES_AT_MOST = 10**9

_TIMES = {"mean": "mean_ms", "median": "median_ms", "sd": "sd_ms"}  # tools give no 90th percentile


def summary(reading: Reading) -> Row | None:
    """Return the summary that stands for an attempt, or None if there is none or there are image records as well."""
    summaries = reading.of("summary")
    return summaries[0] if summaries and not reading.images.num_rows else None


def row(found: Row, last: Row) -> Row:
    """Return the columns of an instance that differ from those computed from image records; `last` is the last event.

    Accuracy is over all images: one that could not be shown to the model counts as wrong.
    """
    images, correct = last["images"] + last["failed_images"], last["correct"]
    is_plausible = _sound(last)
    timing = _timing(found)
    # end to end: images were shown and timed as by the agent, and only their records are missing
    timed_by_agent = timing == "end_to_end"
    return {
        "source": "agent" if timed_by_agent else "tool",
        "timing": timing,
        "first_image_ms": found.get("first_ms") if timed_by_agent else None,
        "images": images if is_plausible else 0,
        "failed_images": last["failed_images"] if is_plausible else 0,
        "distinct_images": images if is_plausible else 0,
        "correct": correct if is_plausible else 0,
        "accuracy": correct / images if is_plausible and images else None,
        **{f"{timing}_ms_{name}": found.get(field) for name, field in _TIMES.items()},
    }


def _timing(found: Row) -> str:
    """Return the timing of a summary: inference, as with native tools, unless it states another."""
    timing = found.get("timing")
    return timing if timing in choice.TIMES else "inference"


def _sound(last: Row) -> bool:
    """Return whether the counts of an ending are plausible."""
    correct, images, failed = (int(last[name]) for name in ("correct", "images", "failed_images"))
    return 0 <= correct <= images <= IMAGES_AT_MOST and 0 <= failed <= IMAGES_AT_MOST


def doubts(found: Row, reading: Reading) -> list[str]:
    """Return what is odd about an attempt with a summary."""
    [load] = reading.of("load") or [{}]
    requested, actual = load.get("accelerator_requested"), load.get("accelerator_actual")
    accuracy_missing, accuracy_accelerator = found.get("accuracy_missing"), found.get("accuracy_accelerator")
    runs_requested, runs_timed = found.get("runs_asked"), found.get("count")
    messages = []
    if accuracy_missing is not None:
        messages.append(f"it has no accuracy: {accuracy_missing}")
    if not _sound(reading.last):
        messages.append("its last line has impossible counts")
    if runs_requested is not None and runs_timed is not None and runs_timed < runs_requested:
        messages.append(f"runs that were timed: {runs_timed} of {runs_requested}")
    if None in (requested, actual) or _timing(found) == "end_to_end":
        return messages  # what ran is unknown (reported for every log), or time and accuracy are from the same run
    if requested != "cpu" and accuracy_accelerator is None and accuracy_missing is None:
        messages.append(f"{requested} was requested, but it is unknown what ran when its accuracy was measured")
    elif accuracy_accelerator not in (None, actual):
        messages.append(f"its time was measured on {actual}, but its accuracy on {accuracy_accelerator}")
    return messages
