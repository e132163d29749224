"""JSON output of a comparison, for programs."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd

from aiot_analysis.compare import wording
from aiot_analysis.compare.comparison import Comparison
from aiot_analysis.stats import multiple

SCHEMA_VERSION = 1


def render_json(found: Comparison) -> str:
    """Return the comparison as a JSON object, whose fields are described in docs/compare.md.

    Fractions are of 1, times are in ms, and unknown values are null.
    """
    margins = found.asked.margins
    sides = [{"words": words, **facts} for words, facts in zip(found.words, found.facts, strict=True)]
    content = {
        "schema_version": SCHEMA_VERSION,
        "simulated": found.simulated,
        "a": sides[0],
        "b": sides[1],
        "timing": found.timing,
        "kind": found.kind,
        "paired": wording.paired(found),
        "differs_in": {field: [list(pair) for pair in pairs] for field, pairs in found.differs.items()},
        "comparisons": found.comparisons,
        "level": multiple.level(found.comparisons),
        "margins": {"time": margins.time, "accuracy": margins.accuracy} if margins else None,
        "regressions": found.regressions,
        "instances": _rows(found.table),
        "together": _rows(found.groups),
        "scores": _rows(found.scores),
        "costs": _rows(found.costs),
        "with_care": _rows(found.careful),
        "not_compared": _rows(found.apart),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): _value(value) for name, value in row.items()} for row in frame.to_dict("records")]


def _value(value: Any) -> Any:
    """Convert a value to a JSON number, text or null; missing and non-finite numbers become null."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value
