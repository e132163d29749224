"""Small grammar of the sentences that readers see."""

from __future__ import annotations


def plural(n: float, what: str) -> str:
    """Like "1 device" or "51 devices"; `what` is the singular of a word that takes an s."""
    number = f"{n:g}" if isinstance(n, float) else n
    return f"{number} {what}{'s' * (n != 1)}"
