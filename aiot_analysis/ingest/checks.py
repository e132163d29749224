"""Results of `aiot models check` for the model files of a run, as columns of the table `instances`."""

from __future__ import annotations

from typing import Any

from aiot_analysis.tables import names
from runner import rawlog

Row = dict[str, Any]

_SHARE = (0.0, 1.0)
_NUMBERS = {  # field of a check -> column and range
    "largest_difference": ("parity_difference", (0.0, float("inf"))),
    "correlation": ("parity_correlation", (-1.0, 1.0)),
    "top1_agreement": ("parity_top1_agreement", _SHARE),
    "accuracy": ("parity_accuracy", _SHARE),
    "original_accuracy": ("parity_accuracy_original", _SHARE),
}
_FIELDS = {
    "sha256": (str,),
    "passed": (bool,),
    **dict.fromkeys(["finding", "dataset"], (str,)),
    "images": (int,),
    **dict.fromkeys(_NUMBERS, (int, float, type(None))),
}
_ROUNDING = 1e-9  # a correlation may come out as 1.0000000000000002


def parity(run: Row, instance_id: str) -> tuple[Row, str]:
    """Return the columns parity_... of an instance, and what is odd about its check ("" if nothing).

    There are no columns if the model file was not checked.
    """
    check = (run.get("checks") or {}).get(names.instance(instance_id).file)
    if check is None:
        return {}, ""
    if not _is_one(check):
        return {}, "the check of its model file in run.json is malformed: run `aiot models check`, then run it again"
    if check["sha256"] != run["models"].get(instance_id, {}).get("sha256"):
        return {}, "the check in run.json is of another model file: run `aiot models check`, then run it again"
    columns = {f"parity_{name}": check[name] for name in ("passed", "finding", "images", "dataset")}
    for name, (column, (low, high)) in _NUMBERS.items():
        value = check.get(name)
        columns[column] = None if value is None else min(max(value, low), high)
    return columns, ""


def _is_one(check: Any) -> bool:
    """Return whether a check is in the expected format."""
    if not isinstance(check, dict):
        return False
    try:
        rawlog.check(check, _FIELDS, "check")
    except rawlog.RawLogError:
        return False
    values = [(check.get(name), limits) for name, (_, limits) in _NUMBERS.items()]
    within_limits = all(value is None or low - _ROUNDING <= value <= high + _ROUNDING for value, (low, high) in values)
    return within_limits and check["images"] > 0
