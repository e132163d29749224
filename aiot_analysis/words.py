"""Small grammar of the sentences that readers see."""

from __future__ import annotations


def plural(n: float, what: str) -> str:
    """Like "1 device" or "51 devices"; `what` is the singular of a word that takes an s."""
    return f"{n:g} {what}{'s' * (n != 1)}" if isinstance(n, float) else f"{n} {what}{'s' * (n != 1)}"
