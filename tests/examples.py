"""How many examples hypothesis draws: a number for `make test`, and ten times as many for `make fuzz`."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

SEARCH = "search"
"""The profile of `make fuzz`, which draws other examples at each call."""
TIMES_IN_SEARCH = 10


def examples(count: int, **other: Any) -> settings:
    """Settings of a test that takes `count` examples in `make test`; `other` as for hypothesis's own settings."""
    searching = settings.get_current_profile_name() == SEARCH
    return settings(max_examples=count * (TIMES_IN_SEARCH if searching else 1), **other)
