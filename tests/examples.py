"""Numbers of examples that hypothesis draws in `make test` and, ten times as many, in `make fuzz`."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

SEARCH = "search"
"""Profile of `make fuzz`, which draws other examples at each call."""
TIMES_IN_SEARCH = 10


def examples(count: int, **other: Any) -> settings:
    """Return settings for a test with `count` examples in `make test`; `other` are settings of hypothesis."""
    searching = settings.get_current_profile_name() == SEARCH
    return settings(max_examples=count * (TIMES_IN_SEARCH if searching else 1), **other)
