"""JSON and YAML of other programs: safe loading, and access to fields whose absence is reported in one sentence."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import yaml

from runner.errors import LogError

_YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is missing in some builds of PyYAML


DEPTH_AT_MOST = 50
"""Maximum depth of a YAML text. A deep one would overflow the stack of the C loader, which ends the process."""


def load_json(name: object, text: str) -> dict[str, Any]:
    """Return the object in a JSON text.

    Raises:
        LogError: The text is not complete JSON, or not an object. The message calls it `name`.
    """
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise LogError(f"{name} is not complete JSON ({where}): copy it again.") from None
    if not isinstance(loaded, dict):
        raise LogError(f"{name} contains no JSON object: name the file that the tool wrote.")
    return loaded


def load_yaml(name: object, text: str) -> dict[str, Any]:
    """Return the mapping in a YAML text, in which nothing may have a tag or refer to another part.

    Raises:
        LogError: The text is not YAML, has tags or aliases, or is not a mapping. The message calls it `name`.
    """
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_YAML_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH_AT_MOST:
                raise LogError(f"{name} is nested more than {DEPTH_AT_MOST} levels deep: copy it again.")
            tag = getattr(event, "tag", None)
            if tag is not None:
                raise LogError(f"{name} has the YAML tag {tag!r}, and tags are not read: remove it.")
            if isinstance(event, yaml.AliasEvent):
                raise LogError(f"{name} has the YAML alias {event.anchor!r}, and aliases are not read: write it out.")
        loaded = yaml.load(text, Loader=_YAML_LOADER)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark else ""
        raise LogError(f"{name} is not valid YAML{where}: copy it again.") from None
    if not isinstance(loaded, dict):
        raise LogError(f"{name} contains no YAML mapping: name a perf.yaml or numerics.yaml of AI Hub.")
    return loaded


def mapping(value: object) -> dict[str, Any]:
    """Return a mapping with text as keys, {} for anything else."""
    return {str(key): item for key, item in value.items()} if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """Return a list, [] for anything else."""
    return value if isinstance(value, list) else []


def number(value: object) -> float | None:
    """Return a finite number that is not negative, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return value


def count(value: object) -> int | None:
    """Return a whole number that is not negative, None for anything else."""
    return value if type(value) is int and 0 <= value < 2**53 else None


def string(value: object) -> str | None:
    """Return a text without white space at its ends, None for anything else and for an empty text."""
    return (value.strip() or None) if isinstance(value, str) else None


def id_part(text: str) -> str:
    """Return a name as a part of instance ids, which have only lower-case letters and digits: "qnn_dlc" -> "qnndlc"."""
    return re.sub(r"[^a-z0-9]+", "", text.lower())
