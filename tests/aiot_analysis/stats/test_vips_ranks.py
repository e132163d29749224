"""Tests of rank sets and tie groups, by hand and by their coverage."""

import numpy as np
import pytest

from aiot_analysis.stats import vips

# a is better than c and d, and b than d; neighbours are never distinguished
BETTER = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0]], bool)


def test_rank_sets_by_hand():
    lowest, highest = vips.rank_sets(BETTER)
    assert lowest.tolist() == [1, 1, 2, 3]
    assert highest.tolist() == [2, 3, 4, 4]
    assert vips.among_first(lowest, highest, 2) == ["yes", "open", "open", "no"]


def test_two_devices_are_distinguished_beyond_the_normal_quantile():
    """With one pair, the maximum over pairs is that pair: 1.96 errors of the difference, or sqrt(2) of a score."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(100_000, 2))
    limit = 1.96 * np.sqrt(2)
    for apart, better in ((0.98 * limit, False), (1.02 * limit, True)):
        scores = np.array([apart, 0.0])
        assert vips.surely_better(scores, scores + noise).tolist() == [[False, better], [False, False]]


def test_of_three_devices_the_quantile_is_that_of_the_studentized_range():
    """The largest difference of three in standard errors is a studentized range over sqrt(2): 3.314 / sqrt(2)."""
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(100_000, 3))
    for apart, better in ((0.98 * 3.314, False), (1.02 * 3.314, True)):
        scores = np.array([0.0, apart, apart / 2])
        assert vips.surely_better(scores, scores + noise)[1, 0] == better


def test_what_all_devices_share_in_a_draw_does_not_hide_their_differences():
    """Images that are equally hard for all devices change all scores, but no difference."""
    rng = np.random.default_rng(2)
    noise = rng.normal(scale=0.01, size=(500, 3)) + rng.normal(size=(500, 1))
    scores = np.array([0.3, 0.2, 0.1])
    assert vips.surely_better(scores, scores + noise).sum() == 3


def test_a_device_without_finite_draws_may_have_any_rank():
    rng = np.random.default_rng(3)
    for unknown in (np.nan, -np.inf):
        scores = np.array([9.0, 6.0, 3.0])
        draws = scores + rng.normal(scale=0.1, size=(200, 3))
        draws[7, 1] = unknown
        lowest, highest = vips.rank_sets(vips.surely_better(scores, draws))
        assert (lowest.tolist(), highest.tolist()) == ([1, 1, 2], [2, 3, 3])


def test_equal_draws_tell_nothing_apart_that_is_equal():
    draws = np.repeat(np.random.default_rng(4).normal(size=(50, 1)), 2, axis=1)
    assert not vips.surely_better(np.zeros(2), draws).any()
    assert not vips.surely_better(np.zeros(1), draws[:, :1]).any()


@pytest.mark.parametrize("step", [0.0, 0.1, 3.0])
def test_all_rank_sets_hold_at_once(step):
    """Ten devices are 0, 0.1 or 3 standard errors apart; `surely_better` states the numbers for 51 devices."""
    rng = np.random.default_rng(5)
    truth = -step * np.arange(10)
    places = np.arange(1, 11)
    first, last = (places, places) if step else (np.ones(10), np.full(10, 10))  # equal devices have all ranks
    covered = 0
    for _ in range(800):
        scores = truth + rng.normal(size=10)
        lowest, highest = vips.rank_sets(vips.surely_better(scores, scores + rng.normal(size=(1000, 10))))
        covered += bool(((lowest <= first) & (last <= highest)).all())
    assert covered / 800 >= 0.93
    assert step > 0 or covered / 800 < 0.98  # and are no wider than necessary


def test_tie_groups_by_hand():
    """The neighbours a and b, b and c, and c and d are not distinguished, but no three devices are tied."""
    assert vips.tie_groups(BETTER, np.arange(4)) == ["a", "ab", "bc", "c"]
    mixed = [2, 0, 3, 1]  # the same devices in another order of rows
    order = np.argsort(mixed)
    assert vips.tie_groups(BETTER[np.ix_(mixed, mixed)], order) == ["bc", "a", "c", "ab"]


def test_tie_groups_leave_out_who_is_alone_and_who_is_not_ranked():
    alone = np.array([[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool)
    assert vips.tie_groups(alone, np.arange(3)) == ["", "a", "a", ""]
    assert vips.tie_groups(alone, np.arange(0)) == [""] * 4


def test_many_tie_groups_are_a_range_of_letters():
    """A device is better than those three or more places behind it, so it is tied with two on either side."""
    places = np.arange(40)
    letters = vips.tie_groups(places[None, :] - places[:, None] >= 3, places)
    assert letters[:4] == ["a", "ab", "a–c", "b–d"]
    assert letters[27] == "z–ab" and letters[-1] == "al"


def test_devices_that_share_a_letter_are_not_distinguished():
    rng = np.random.default_rng(6)
    scores = np.sort(rng.normal(scale=2, size=15))[::-1]
    better = vips.surely_better(scores, scores + rng.normal(size=(300, 15)) * rng.uniform(0.2, 2, 15))
    letters = vips.tie_groups(better, np.arange(15))
    spans = [(text[:1], text[-1:]) for text in letters]
    for i, (first, last) in enumerate(spans):
        for j, (start, end) in enumerate(spans):
            if first and start and first <= end and start <= last:
                assert not better[i, j]
    for i in range(14):  # neighbours that are not distinguished share one
        if not better[i, i + 1]:
            assert spans[i][1] >= spans[i + 1][0] != ""
