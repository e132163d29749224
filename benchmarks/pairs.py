"""Measurement in alternating pairs of ours and its peers: options, and evaluation of the results.

The speed of a machine varies from minute to minute. Ours and a peer are therefore measured directly one after the
other, repeatedly, in alternating order, and only ratios within a pair are used. Each peer is measured twice in every
pair, unless it takes too long: apart from the machine's noise, its ratio to itself is 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import comb
from pathlib import Path
from statistics import median

Measure = Callable[[], float]
Tell = Callable[[str], None]
"""Function that is called with a short description of progress."""

LEAST_PAIRS = 8
"""Minimum number of pairs for a measurement; fewer only show that a benchmark works."""


ROOT = Path(__file__).resolve().parent.parent
"""Folder of the checkout; its subfolder data has the results of `make demo`."""


@dataclass(frozen=True)
class Options:
    """Options of a benchmark: amount of measurement, and the folder for temporary files."""

    folder: Path
    tell: Tell
    pairs: int = LEAST_PAIRS
    images: int | None = None  # images per run of a network; None for the benchmark's default
    networks: tuple[str, ...] = ()  # such as pytorch_float32_squeezenet; empty for all
    notebooks: int | None = None  # number of notebooks, from the first; None for all


class BenchmarkError(Exception):
    """Error that prevents a benchmark, as one sentence with the problem and what to try."""


@dataclass(frozen=True)
class Interval:
    """Interval of a median, with the probability that it includes the true median (0 to 1)."""

    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class Comparison:
    """Comparison of ours with one peer: one value per pair, all in `unit`; lower is better."""

    what: str
    peer: str
    unit: str  # "s" or "ms"
    ours: list[float]
    first: list[float]  # the peer, measured next to ours
    again: list[float]  # the peer, measured next to `first`; empty if not repeated
    target: float | None = None  # maximum ratio ours/peer

    @property
    def ratios(self) -> list[float]:
        return [our_value / peer_value for our_value, peer_value in zip(self.ours, self.first, strict=True)]

    @property
    def noise(self) -> list[float]:
        """Ratios of the peer to itself."""
        return [second / first for first, second in zip(self.first, self.again, strict=True)] if self.again else []


@dataclass(frozen=True)
class Level:
    """Comparison of ours alone with a fixed limit: two values per pair in `unit`; lower is better."""

    what: str
    unit: str  # "s", "%", "GB" or "files"
    values: list[float]
    again: list[float] = field(default_factory=list)  # immediate repetitions; empty if not repeated
    target: float | None = None  # maximum value

    @property
    def noise(self) -> list[float]:
        """Ratios of the repetition to the first value."""
        return [second / first for first, second in zip(self.values, self.again, strict=True)] if self.again else []


def measure(
    ours: Measure, peers: Mapping[str, Measure], pairs: int, tell: Tell, again: bool = True
) -> dict[str, list[float]]:
    """Measure ours and its peers in pairs, and return one value per pair by name.

    The names are "ours", that of each peer and, if `again`, that of each peer + " again". The order is ours, first
    peer, first peer again, second peer, ...; it is reversed in every other pair.
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
    """Return the results of `measure` as one comparison for each peer in `targets`."""
    return [
        Comparison(what, peer, unit, values["ours"], values[peer], values.get(f"{peer} again", []), target)
        for peer, target in targets.items()
    ]


def interval_of(values: list[float]) -> Interval:
    """Return the distribution-free interval of the median from order statistics, with 95% coverage or slightly more.

    With fewer than 6 values no such interval reaches 95%, and the whole range is returned. With 8 values it is also
    the whole range, which includes the true median in 99 of 100 cases.
    """
    ordered, count = sorted(values), len(values)

    def coverage(left_out: int) -> float:
        """Return the coverage of the interval without `left_out` values at either end."""
        return 1 - 2 * sum(comb(count, number) for number in range(left_out + 1)) / 2.0**count

    left_out = 0
    while left_out + 1 < count / 2 and coverage(left_out + 1) >= 0.95:
        left_out += 1
    return Interval(ordered[left_out], ordered[-1 - left_out], max(0.0, coverage(left_out)))


def verdict(values: list[float], target: float | None) -> str:
    """Return whether the median meets the target, and whether the interval leaves a doubt; "" without a target."""
    if target is None:
        return ""
    interval = interval_of(values)
    if interval.coverage < 0.95:
        return "too few pairs"
    doubt = ", in doubt" if interval.low <= target < interval.high else ""
    return ("yes" if median(values) <= target else "no") + doubt
