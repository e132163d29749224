"""What commands print with --json."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any


def print_json(content: Any) -> None:
    """Print a table as JSON: a list of dataclasses or dictionaries, a data frame, or a dictionary of these.

    A frame becomes a list with an object per row. Missing and infinite numbers become null, and paths text. The output
    is ASCII, so that no character in a text of a device or a log acts on a terminal.
    """
    print(json.dumps(_plain(content), indent=1, allow_nan=False))


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if hasattr(value, "to_dict"):  # a data frame
        value = value.to_dict("records")
    if hasattr(value, "item"):  # a number of numpy
        value = value.item()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
