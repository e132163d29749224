"""Small grammar of the sentences that readers see."""

from __future__ import annotations

MORE_DIGITS = 6  # at most, in which the ends of an interval may differ


def plural(n: float, what: str) -> str:
    """Like "1 device" or "51 devices"; `what` is the singular of a word that takes an s."""
    number = f"{n:g}" if isinstance(n, float) else n
    return f"{number} {what}{'s' * (n != 1)}"


def interval(low: float, high: float, form: str) -> str:
    """Write an interval like "1.20 to 1.40", with more digits where both ends would look alike.

    The format has one digit for its precision, like "{:.2f}".
    """
    start, _, rest = form.partition(".")  # like "{:" and "2f}"
    digits, kind = rest[0], rest[1:]
    for more in range(MORE_DIGITS):
        longer = f"{start}.{int(digits) + more}{kind}"
        ends = [longer.format(value) for value in (low, high)]
        if ends[0] != ends[1] or low == high:
            break
    return " to ".join(ends)
