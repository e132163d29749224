"""A verdict on each instance: may its numbers be used, and what is to be known about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from aiot_analysis.stats import select

MIN_IMAGES = 500  # the paper's subset of ILSVRC 2012, Section III-A
MAX_CV = 0.5  # standard deviation over mean of the times of one instance


def judge(row: Mapping[str, Any]) -> tuple[str, str]:
    """The verdict on a row of the table `instances`, and the reasons, joined by "; " ("" if valid).

    The words are those of the MLPerf Mobile rules:

    - unavailable: the device cannot run it (status "unavailable").
    - invalid: it failed or was cut off, or there is no accuracy or no time (or none but zeros).
    - semi-valid: there are numbers, but with fewer than 500 images (MIN_IMAGES), images that failed, times that
      scatter by more than half their mean (MAX_CV), another accelerator than was asked for, a model file that
      is not the network it should be (`aiot models check`), or something odd in the log.
    - valid: none of these.

    A profile of operators shows no images, and is valid if it ended with nothing odd.

    Reads study, status, images, failed_images, accuracy, timing, the mean and sd of that timing,
    accelerator_requested and _actual, parity_passed and parity_finding; `reasons`, if the row has any, are what
    the log itself says and come first.
    """
    said = _value(row, "reasons") or ""
    status = row["status"]
    if status == "unavailable":
        return "unavailable", said or "the device offers no such framework or delegate"
    if status in ("failed", "cut"):
        return "invalid", said or ("the attempt failed" if status == "failed" else "the log breaks off: run it again")

    if _value(row, "study") == select.PROFILE:
        return ("semi-valid", said) if said else ("valid", "")

    column = select.time_column(row["timing"])
    mean, sd = _value(row, f"{column}_mean"), _value(row, f"{column}_sd")
    # a mean of zero is what a clock gives that stands still
    without = [what for what, value in (("accuracy", _value(row, "accuracy")), ("time", mean or None)) if value is None]
    if without:
        return "invalid", _join(said, *(f"no {what} was measured" for what in without))

    images, failed = int(row["images"]), int(_value(row, "failed_images") or 0)
    asked, actual = _value(row, "accelerator_requested"), _value(row, "accelerator_actual")
    doubts = [said] if said else []
    if images < MIN_IMAGES:
        doubts.append(f"{images} of {MIN_IMAGES} images")
    if failed:
        doubts.append(f"failed images, counted as wrong: {failed}")
    if mean and sd is not None and sd / mean > MAX_CV:
        doubts.append(
            f"times scatter by {sd / mean:.0%} of their mean, more than {MAX_CV:.0%}: cool down and run again"
        )
    if asked is not None and actual is not None and asked != actual:
        doubts.append(f"{asked} was asked for, {actual} ran")
    passed = _value(row, "parity_passed")
    if passed is not None and not passed:
        doubts.append(f"its model file failed the check: {_value(row, 'parity_finding')}")
    return ("semi-valid", _join(*doubts)) if doubts else ("valid", "")


def _value(row: Mapping[str, Any], name: str) -> Any:
    """The value of a row, or None where it is missing or null."""
    value = row.get(name)
    return None if value is None or pd.isna(value) else value


def _join(*reasons: str) -> str:
    return "; ".join(reason for reason in reasons if reason)
