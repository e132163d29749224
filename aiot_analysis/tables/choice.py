"""What a user chooses by: one value, several in a list, or several with commas in a text; as the values of a column.

    named("a, b", ["a", "b", "c"])        ["a", "b"]
    choose("device", "d", ["a", "b"])     DataError: There is no device 'd' in these data: choose a, b.

Imports nothing that is slow to import.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from typing import Any

from aiot_analysis.errors import DataError

SHOWN = 12  # choices that an error lists
TRUE = {"true", "yes", "on", "1"}
FALSE = {"false", "no", "off", "0"}
KINDS = {"text": "text", "number": "a number", "whole number": "a whole number", "truth": "true or false"}


def listed(given: object) -> list[Any]:
    """Return what was given as a list: a text, a number, a truth or nothing is one value, and not several."""
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        return [given]
    return list(given)


def named(given: object, known: Collection[Any]) -> list[Any]:
    """Return what was given as a list, where a text may name several with commas.

    A text that is one of the known values is that value, since an id may have a comma in it.
    """
    if not isinstance(given, str) or given in known or "," not in given:
        return listed(given)
    return [part for one in given.split(",") if (part := one.strip())]


def choose(what: str, given: object, known: Collection[Any], kind: str = "text") -> list[Any]:
    """Return the values that were given, see `named`, each once and as a column of one of KINDS has it.

    None is the value that is missing, and known where it is. Raises DataError for a value that is not known.
    """
    values = list(dict.fromkeys(convert(what, one, kind) for one in named(given, known)))
    for one in values:
        if one not in known:
            raise DataError(f"There is no {what} {one!r} in these data: choose {choices(str(one), known)}.")
    return values


def choices(near: str, known: Collection[Any]) -> str:
    """Return the known values in words for an error; of many those that are spelled most like `near`."""
    names = [str(one) for one in known if one is not None]
    if not names:
        return "nothing, since there is none"
    if len(names) <= SHOWN:
        return ", ".join(names)
    some = get_close_matches(near, names, SHOWN // 2, 0.5) or names[: SHOWN // 2]
    return f"{', '.join(some)} or one of {len(names) - len(some)} others"


def missing_as_none(value: object) -> Any:
    """Return a value as Python has it; what pandas and NumPy write for a missing one is None."""
    value = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
    if (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
    ):
        return None
    return value


def convert(column: str, value: object, kind: str) -> Any:
    """Return a value as a column of one of KINDS has it: text is read, and 3.0 is the whole number 3.

    None stays None. Raises DataError for what is not of the kind.
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
        raise DataError(f"Column {column} holds {KINDS[kind]}, not {value!r}: give a value of that kind.") from None


def _truth(value: object) -> bool:
    text = str(value).casefold()
    if text not in TRUE | FALSE:
        raise ValueError
    return text in TRUE
