"""The measurement itself: alternating pairs of ours and its peers, and what they say together.

A machine is faster or slower from one minute to the next. So ours and a peer are measured one right after
the other, again and again, with the order swapped from pair to pair, and only ratios within a pair are
compared. Each peer is measured twice in every pair, unless it takes too long: its ratio to itself is 1 but for the
machine's noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import comb
from statistics import median

Measure = Callable[[], float]
Tell = Callable[[str], None]
"""Called with what is being done, in a few words."""

LEAST_PAIRS = 8
"""Fewer show whether a benchmark works, not what it measures."""


class BenchmarkError(Exception):
    """A benchmark cannot be measured: one sentence with what is missing or went wrong, and what to try."""


@dataclass(frozen=True)
class Interval:
    """Of a median: its two ends, and how often such an interval holds the true median (0 to 1)."""

    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class Comparison:
    """Ours against one peer: one value a pair, all in `unit`, less being better."""

    what: str
    peer: str
    unit: str  # "s" or "ms"
    ours: list[float]
    first: list[float]  # of the peer, measured next to ours
    again: list[float]  # of the peer, measured next to its first; empty if it was not
    target: float | None = None  # highest ratio ours/peer

    @property
    def ratios(self) -> list[float]:
        return [own / peer for own, peer in zip(self.ours, self.first, strict=True)]

    @property
    def noise(self) -> list[float]:
        """Ratios of the peer to itself."""
        return [second / first for first, second in zip(self.first, self.again, strict=True)] if self.again else []


@dataclass(frozen=True)
class Level:
    """Ours alone against a fixed limit: two values a pair in `unit`, less being better."""

    what: str
    unit: str  # "s", "%", "GB" or "files"
    values: list[float]
    again: list[float] = field(default_factory=list)  # repeated right after; empty if it was not
    target: float | None = None  # highest value

    @property
    def noise(self) -> list[float]:
        """Ratios of the repetition to the first."""
        return [second / first for first, second in zip(self.values, self.again, strict=True)] if self.again else []


def measure(
    ours: Measure, peers: Mapping[str, Measure], pairs: int, tell: Tell, again: bool = True
) -> dict[str, list[float]]:
    """Values of "ours" and, for every peer, of its name and, if `again`, of its name + " again"; one a pair.

    The order is ours, first peer, first peer again, second peer, ...; in every other pair it is the reverse.
    """
    steps: list[tuple[str, Measure]] = [("ours", ours)]
    for name, peer in peers.items():
        steps.append((name, peer))
        if again:
            steps.append((f"{name} again", peer))
    values: dict[str, list[float]] = {name: [] for name, _ in steps}
    for number in range(pairs):
        tell(f"pair {number + 1} of {pairs}")
        for name, step in steps if number % 2 == 0 else reversed(steps):
            values[name].append(step())
    return values


def compared(
    what: str, unit: str, values: Mapping[str, list[float]], targets: Mapping[str, float | None]
) -> list[Comparison]:
    """What `measure` gave, a comparison for each peer in `targets`."""
    return [
        Comparison(what, peer, unit, values["ours"], values[peer], values.get(f"{peer} again", []), target)
        for peer, target in targets.items()
    ]


def interval_of(values: list[float]) -> Interval:
    """Interval of the median from ordered values, of any distribution; 95 % or a little more.

    Below 6 values no such interval reaches 95 %: it is from the smallest to the greatest then. With 8 it is
    that too, and holds the true median in 99 of 100 cases.
    """
    ordered, count = sorted(values), len(values)

    def coverage(left_out: int) -> float:
        """Of the interval without so many values at either end."""
        return 1 - 2 * sum(comb(count, number) for number in range(left_out + 1)) / 2**count

    left_out = 0
    while left_out + 1 < count / 2 and coverage(left_out + 1) >= 0.95:
        left_out += 1
    return Interval(ordered[left_out], ordered[-1 - left_out], max(0.0, coverage(left_out)))


def verdict(values: list[float], target: float | None) -> str:
    """Whether the median is at most the target, and whether the interval leaves a doubt; "" without a target."""
    if target is None:
        return ""
    interval = interval_of(values)
    if interval.coverage < 0.95:
        return "too few pairs"
    doubt = ", in doubt" if interval.low <= target < interval.high else ""
    return ("yes" if median(values) <= target else "no") + doubt
