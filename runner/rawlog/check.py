"""Validation of records against the format."""

from __future__ import annotations

import json
import math
import reprlib
from typing import Any, Mapping

from .schema import COUNTS, EVENT_FIELDS, LISTS, SCHEMA_VERSION, STEPS, Fields


class RawLogError(Exception):
    """Raised if a raw log cannot be read or written. The message is one sentence with path, value and what to try."""


def parse(text: bytes) -> Any:
    """Parse the bytes of a line or a file as JSON; raises ValueError if they are not JSON or not valid UTF-8."""
    try:
        record = json.loads(text.decode("utf-8"))
        if b"\\u" in text:  # an escape may be a lone surrogate, which cannot be encoded
            json.dumps(record, ensure_ascii=False).encode("utf-8")
        return record
    except RecursionError:
        raise ValueError("it is nested too deeply")


def check(record: Mapping[str, Any], fields: Fields, where: str) -> None:
    """Raise RawLogError if a field is missing, has the wrong type or has an invalid value.

    Integers must fit in 64 bits, other numbers must be finite, and times and counts must not be negative.

    fields: the allowed types of each field; a field that allows None may be missing.
    where: the origin of the record, which starts the error message.
    """
    for name, types in fields.items():
        if name not in record and type(None) not in types:
            raise RawLogError("%s has no field %r." % (where, name))
        value = record.get(name)
        fits = math.isfinite(value) if isinstance(value, float) else type(value) is not int or -(2**63) <= value < 2**63
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types) or not fits:
            raise RawLogError("%s has %s as %s, which is not valid in the format." % (where, reprlib.repr(value), name))
        if (name.endswith(("_ns", "_ms")) or name in COUNTS) and isinstance(value, (int, float)) and value < 0:
            raise RawLogError("%s has the negative value %r as %s." % (where, value, name))


def check_event(record: Any, where: str) -> None:
    """Raise RawLogError if a record is not a valid event. The error message starts with `where`."""
    event = record.get("event") if isinstance(record, dict) else None
    if not isinstance(event, str) or event not in EVENT_FIELDS:
        raise RawLogError("%s is not an event of schema version %d." % (where, SCHEMA_VERSION))
    check(record, EVENT_FIELDS[event], where)
    if event == "image" and record.get("total_ns") is None:
        check(record, STEPS, where)
    if event == "image" and not all(_is_answer(pair) for pair in record["top5"]):
        raise RawLogError(
            "%s has %s as top5, which must be pairs of class and score." % (where, reprlib.repr(record["top5"]))
        )
    for name in LISTS if event == "node" else ():
        values = record.get(name) or ()
        if not all(type(item) is LISTS[name] and (type(item) is not int or 0 <= item < 2**53) for item in values):
            raise RawLogError(
                "%s has %s as %s, which is not valid in the format." % (where, reprlib.repr(values), name)
            )


def _is_answer(pair: Any) -> bool:
    """Return whether a pair is a class and its score. The score may be NaN, which a broken network produces."""
    if not isinstance(pair, list) or [type(value) in (int, float) for value in pair] != [True, True]:
        return False
    # JSON does not distinguish 36 and 36.0 (RFC 8259, section 6)
    return bool(abs(pair[0]) < 2**53 and pair[0] == int(pair[0]))
