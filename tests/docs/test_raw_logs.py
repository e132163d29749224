"""docs/raw-logs.md names every field of the format with its type, and no other."""

import re
from pathlib import Path

import pytest

from runner.rawlog import schema

PAGE = Path(__file__).parents[2] / "docs" / "raw-logs.md"
TYPES = {
    (int,): "whole number",
    (int, float): "number",
    (str,): "text",
    (bool,): "true or false",
    (list,): "list",
    (dict,): "object",
}
RECORDS = {
    "run.json": schema.RUN_FIELDS,
    "device.json": schema.DEVICE_FIELDS,
    "telemetry.jsonl": schema.TELEMETRY_FIELDS,
    **schema.EVENT_FIELDS,
}


def said():
    """Fields and types that the page gives under each heading."""
    parts = re.split(r"^#{2,3} (.+)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    row = re.compile(r"^\| `(\w+)` \| ([a-z ]+) \|", re.MULTILINE)
    return {heading: row.findall(text) for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def in_words(types):
    null = type(None)
    return TYPES[tuple(one for one in types if one is not null)] + (" or null" if null in types else "")


@pytest.mark.parametrize("record", RECORDS)
def test_the_page_has_the_fields_of_the_schema(record):
    assert said()[record] == [(name, in_words(types)) for name, types in RECORDS[record].items()]


def test_the_page_has_no_other_record():
    assert {heading for heading, fields in said().items() if fields} == set(RECORDS)
