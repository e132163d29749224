"""The arithmetic of the benchmarks; nothing here is timed."""

from __future__ import annotations

from itertools import count

import pytest

from benchmarks.pairs import Comparison, Level, compared, interval_of, measure, verdict
from benchmarks.table import record, table


def test_order_swaps_from_pair_to_pair_and_neighbours_stay_neighbours() -> None:
    calls = []

    def step(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    values = measure(lambda: step("A"), {"B": lambda: step("B"), "C": lambda: step("C")}, 2, lambda text: None)
    assert calls == ["A", "B", "B", "C", "C", "C", "C", "B", "B", "A"]
    assert values == {"ours": [1, 10], "B": [2, 9], "B again": [3, 8], "C": [4, 7], "C again": [5, 6]}


def test_a_peer_that_takes_long_is_measured_once_a_pair() -> None:
    times = count(1)
    values = measure(lambda: float(next(times)), {"B": lambda: float(next(times))}, 2, lambda text: None, again=False)
    assert values == {"ours": [1, 4], "B": [2, 3]}
    [result] = compared("work", "s", values, {"B": None})
    assert result.noise == [] and record(result)["median_of_peer_to_itself"] is None


def test_ratios_are_taken_within_a_pair() -> None:
    drift = count(1)  # a machine that gets slower from pair to pair
    ours, first, again = ([], [], [])
    for _ in range(8):
        slower = next(drift)
        ours.append(0.5 * slower)
        first.append(1.0 * slower)
        again.append(1.0 * slower)
    values = {"ours": ours, "peer": first, "peer again": again}
    (result,) = compared("work", "s", values, {"peer": 0.6})
    assert result.ratios == [0.5] * 8
    assert result.noise == [1.0] * 8
    assert record(result)["met"] == "yes"


@pytest.mark.parametrize(
    ("number", "low", "high", "coverage"),
    # of the sign test's table: the ranks that hold the median in at least 95% of cases
    [(6, 1, 6, 0.969), (8, 1, 8, 0.992), (9, 2, 8, 0.961), (12, 3, 10, 0.961), (20, 6, 15, 0.959)],
)
def test_interval_is_that_of_the_sign_test(number: int, low: int, high: int, coverage: float) -> None:
    interval = interval_of([float(value) for value in range(number, 0, -1)])
    assert (interval.low, interval.high) == (low, high)
    assert interval.coverage == pytest.approx(coverage, abs=5e-4)


def test_verdicts() -> None:
    assert verdict([1.0] * 8, None) == ""
    assert verdict([1.0] * 5, 2.0) == "too few pairs"
    assert verdict([1.0] * 8, 1.0) == "yes"
    assert verdict([1.1] * 8, 1.0) == "no"
    assert verdict([0.9] * 7 + [1.1], 1.0) == "yes, in doubt"
    assert verdict([1.1] * 7 + [0.9], 1.0) == "no, in doubt"


def test_table_shows_ratio_interval_noise_and_target() -> None:
    lines = table(
        [
            Comparison("work", "peer", "ms", [2.0] * 8, [4.0] * 8, [5.0] * 8, 0.6),
            Level("share", "%", [1.0] * 8, [1.5] * 8, 3.0),
        ]
    ).splitlines()
    shown = [" ".join(line.split()) for line in lines]
    assert shown[2] == "work peer 2 ms 4 ms 0.500 0.500 .. 0.500 1.250 (1.250 .. 1.250) <= 0.6 yes"
    assert shown[3] == "share 1% 1 .. 1% 1.500 (1.500 .. 1.500) <= 3% yes"
