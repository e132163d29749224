"""Parsing of what a user selects by: one value, a list, or text with commas, converted to the type of a column.

    named("a, b", ["a", "b", "c"])        ["a", "b"]
    choose("device", "d", ["a", "b"])     DataError: There is no device 'd' in these data: choose a, b.

This module imports nothing that is slow to import.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from aiot_analysis.errors import DataError
from runner.rawlog import ORIGINS

TIMES = {"end_to_end": "end_to_end_ms", "inference": "inference_ms"}  # column of image records by timing
VERDICTS = ("valid", "semi-valid", "invalid", "unavailable")  # of instances
USABLE = VERDICTS[:2]  # those of instances whose numbers are used
DEVICE_ORDERS = ("id", "value")
DEVICE_LABELS = ("number", "name")
BURST_UNITS = ("images", "seconds")
PARAMETERS = {  # of notebooks, which have one of a few values
    "origin": ORIGINS,
    "timing": tuple(TIMES),
    "course": tuple(TIMES),
    "order": DEVICE_ORDERS,
    "labels": DEVICE_LABELS,
    "burst_unit": BURST_UNITS,
}
SHOWN = 12  # number of choices that an error message lists
TRUE = {"true", "yes", "on", "1"}
FALSE = {"false", "no", "off", "0"}
KINDS = {"text": "text", "number": "a number", "whole number": "a whole number", "truth": "true or false"}


def listed(given: object) -> list[Any]:
    """Return the argument as a list; text, a number, a truth value or None counts as a single value."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def named(given: object, known: Collection[Any]) -> list[Any]:
    """Return the argument as a list, splitting text at commas.

    Text that equals a known value is not split, since an id may contain a comma.
    """
    if not isinstance(given, str) or given in known or "," not in given:
        return listed(given)
    return [name for part in given.split(",") if (name := part.strip())]


def choose(what: str, given: object, known: Collection[Any], kind: str = "text") -> list[Any]:
    """Return the given values (see `named`) without duplicates, converted to one of KINDS.

    None stands for a missing value and is valid if `known` contains it. Raises DataError for a value that is not in
    `known`.
    """
    values = list(dict.fromkeys(convert(what, value, kind) for value in named(given, known)))
    for value in values:
        if value not in known:
            raise DataError(f"There is no {what} {value!r} in these data: choose {choices(str(value), known)}.")
    return values


def verdicts(asked: str | Sequence[str]) -> list[str]:
    """Return the verdicts named in text like "valid,semi-valid" or in a list.

    Raises DataError if there are none, or for any that is not in USABLE.
    """
    words = [word.strip() for word in asked.split(",")] if isinstance(asked, str) else list(asked)
    unknown = [word for word in words if word not in USABLE]
    if unknown or not words:
        listed_words = ", ".join(map(repr, unknown)) or "none"
        raise DataError(
            f"Instances whose verdict is {listed_words} have no numbers to use: choose {' or '.join(USABLE)}."
        )
    return words


def choices(near: str, known: Collection[Any]) -> str:
    """Return the known values as text for an error message; of many, those spelled most like `near`."""
    names = [str(value) for value in known if value is not None]
    if not names:
        return "nothing, because there are none"
    if len(names) <= SHOWN:
        return ", ".join(names)
    closest = get_close_matches(near, names, SHOWN // 2, 0.5) or names[: SHOWN // 2]
    return f"{', '.join(closest)} or one of {len(names) - len(closest)} others"


def missing_as_none(value: object) -> Any:
    """Return a value as a plain Python object, with None for the missing values of pandas and NumPy."""
    value = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
    if (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
    ):
        return None
    return value


def convert(column: str, value: object, kind: str) -> Any:
    """Return a value converted to one of KINDS: text is parsed, and 3.0 is the whole number 3.

    None stays None. Raises DataError for a value that is not of the kind.
    """
    value = missing_as_none(value)
    if value is None:
        return None
    try:
        if kind == "text":
            return str(value)
        if kind == "truth":
            return _truth(value)
        if isinstance(value, bool):
            raise ValueError
        number = float(value)  # type: ignore[arg-type]
        if kind == "number":
            return number
        if not number.is_integer() or abs(number) >= 2**63:
            raise ValueError
        return int(number)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"Column {column} holds {KINDS[kind]}, not {value!r}: give a value of that type.") from None


def _truth(value: object) -> bool:
    """Return text like "yes" or "0" as a boolean; raise ValueError for anything else."""
    text = str(value).casefold()
    if text not in TRUE | FALSE:
        raise ValueError
    return text in TRUE
