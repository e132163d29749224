"""Tests of how often comparisons report false changes; docs/compare.md has the numbers of more trials."""

from dataclasses import replace

import pytest
from scipy import stats

from tests.aiot_analysis.compare.error_rates import Case, rates

TRIALS = 40


def most(share):
    """Return the largest share of TRIALS within chance (99.9%) if `share` is the true rate."""
    return stats.binom.ppf(0.999, TRIALS, share) / TRIALS


CASES = [
    Case("one run a side"),
    Case("three runs a side, of one session each", runs=3),
    Case("three sessions a side, of two runs each", sessions=3, runs=2),
    Case("three sessions a side, sessions within 50%", sessions=3, between=0.5),
]
SMALL = [replace(case, name=f"small, {case.name}", instances=6, images=100) for case in CASES]


@pytest.mark.parametrize(
    "case",
    [*SMALL, CASES[0], *(pytest.param(case, marks=pytest.mark.slow) for case in CASES[1:])],
    ids=lambda case: case.name,
)
def test_changes_are_rarely_found_where_there_are_none(case):
    result = rates(case, TRIALS)
    assert result["any change"] <= most(0.05)
    assert result["any regression"] <= most(0.01)


@pytest.mark.parametrize("case", [SMALL[0], pytest.param(CASES[0], marks=pytest.mark.slow)], ids=lambda case: case.name)
def test_what_is_slower_by_just_the_margin_is_seldom_a_regression(case):
    result = rates(replace(case, ratio=1.05, lost=0.01), TRIALS)
    assert result["any regression"] <= most(0.05)


def test_what_is_much_worse_is_a_regression():
    assert rates(Case("slower", ratio=1.2), 10)["any regression"] == 1
    assert rates(Case("less accurate", lost=0.06), 10)["any regression"] == 1


def test_single_runs_on_a_busy_machine_appear_to_differ():
    """For this reason, docs/compare.md requires three sessions per side."""
    assert rates(Case("sessions within 50%", between=0.5), 10)["any change"] > 0.5
