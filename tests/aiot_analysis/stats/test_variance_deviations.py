"""Tests of the deviations of sessions against closed forms, simulated draws and error rates."""

import numpy as np
import pytest
from scipy import stats

from aiot_analysis.compare import changes
from aiot_analysis.stats import variance

RUN = 0.0176  # standard deviation of a run if two agree within 5%
LEVEL = 1 - 0.05 / 24  # of 12 instances and two metrics


def sides(rng, own, shared, sessions=(3, 3), change=0.0):
    """Return the logarithms of times of two sides; `own` are the standard deviations of the instances."""
    drawn = [
        np.asarray(own)[:, None] * rng.standard_normal((len(own), count)) + shared * rng.standard_normal(count)
        for count in sessions
    ]
    return drawn[0], drawn[1] + change


def chance(distance, shared, shared_freedom, own, own_freedom, rows):
    return float(
        variance.error_rate_share(
            *(np.array(values) for values in (distance, shared, shared_freedom, own, own_freedom)), rows
        )
    )


@pytest.mark.parametrize("rows", [1, 2, 24])
def test_with_one_part_alone_the_chance_is_students(rows):
    for distance in (1.0, 3.0, 7.0):
        own = chance(distance, 1e-9, 3.0, 1.0, 40.0, rows)
        assert own == pytest.approx(min(2 * stats.t.sf(distance, 40), 1 / rows), rel=1e-3)
        shared = chance(distance, 1.0, 3.0, 1e-9, 40.0, rows)
        assert shared == pytest.approx(2 * stats.t.sf(distance, 3) / rows, rel=1e-3)


def test_the_chance_of_one_row_is_that_of_a_sum_of_two_draws():
    rng = np.random.default_rng(1)
    drawn = np.abs(2 * rng.standard_t(5, 400_000) + rng.standard_t(20, 400_000))
    for distance in (1.0, 4.0, 8.0):
        assert chance(distance, 2.0, 5.0, 1.0, 20.0, 1) == pytest.approx((drawn >= distance).mean(), rel=0.03)


def test_the_chance_of_many_rows_bounds_that_of_the_farthest_draw():
    rng = np.random.default_rng(2)
    shared = 2 * rng.standard_t(5, 100_000)
    farthest = np.abs(shared + rng.standard_t(20, (24, 100_000))).max(axis=0)
    for distance in (5.0, 8.0):
        share = (farthest >= distance).mean()
        assert share <= 24 * chance(distance, 2.0, 5.0, 1.0, 20.0, 24) <= 1.5 * share


def test_a_single_instance_has_welchs_test():
    base, other = sides(np.random.default_rng(3), [RUN], RUN, (3, 5))
    [result] = changes.ratio_of_sessions(base, other)
    reference = stats.ttest_ind(other[0], base[0], equal_var=False)
    assert result.p_value() == pytest.approx(reference.pvalue, rel=1e-4)
    assert np.log(result.interval()) == pytest.approx([*reference.confidence_interval()], rel=1e-3)
    base, other = base[:, :2], other[:, :4]  # a side of two sessions is assumed to scatter like the other
    [result] = changes.ratio_of_sessions(base, other)
    assert result.p_value() == pytest.approx(stats.ttest_ind(other[0], base[0]).pvalue, rel=1e-4)


def test_variances_are_drawn_towards_the_prior_that_they_were_drawn_from():
    """True variances scatter around 2 as with 6 degrees of freedom, and each is estimated with 3."""
    rng = np.random.default_rng(4)
    truth = 2 * 6 / rng.chisquare(6, (2, 4000))
    estimates = truth * rng.chisquare(3, truth.shape) / 3
    result, freedoms = variance.moderated(estimates, [3.0, 3.0])
    assert freedoms == pytest.approx([9.0, 9.0], rel=0.15)
    assert result == pytest.approx((6 * 2 + 3 * estimates) / 9, rel=0.15)


def test_variances_that_differ_by_chance_alone_are_drawn_to_their_mean():
    estimates = np.array([[0.9, 1.0, 1.1, 1.2]])
    result, freedoms = variance.moderated(estimates, [2.0])
    assert result == pytest.approx((8 * 1.05 + 2 * estimates) / 10)
    assert freedoms == [6.0]


def test_an_instance_that_scatters_more_than_all_others_has_its_own_variance():
    rng = np.random.default_rng(5)
    base, other = sides(rng, [0.2, *[0.01] * 11], 0.0)
    result = variance.errors(base, other)
    apart = base[0] - base.mean(axis=0), other[0] - other.mean(axis=0)
    assert result.own[0] >= np.sqrt(sum(one.var(ddof=1) for one in apart) / 3) * (1 - 1e-9)
    assert result.own[0] > 5 * np.median(result.own)


@pytest.mark.parametrize(
    ("own", "shared", "sessions"),
    [
        ([RUN] * 12, 0.0, (3, 3)),  # instances deviate independently
        ([RUN / 4] * 12, RUN, (3, 3)),  # runs deviate as a whole
        ([RUN / 2] * 12, RUN, (3, 3)),
        ([RUN, 3 * RUN] * 6, RUN / 2, (3, 3)),  # half of the instances deviate by more
        ([10 * RUN, *[RUN] * 11], 0.0, (3, 3)),
        ([RUN] * 12, RUN, (3, 6)),
        ([RUN] * 12, RUN, (2, 4)),
    ],
)
def test_where_nothing_changed_a_change_is_seldom_shown(own, shared, sessions):
    """Times have half of the 5%; the limit is that of chance in 150 comparisons (99.9%)."""
    rng = np.random.default_rng(6)
    shown = 0
    for _ in range(150):
        result = changes.ratio_of_sessions(*sides(rng, own, shared, sessions))
        shown += min(one.p_value(one.rows) for one in result) < 1 - LEVEL
    assert shown <= stats.binom.ppf(0.999, 150, 0.025)


def test_an_interval_leaves_0_out_where_p_is_under_its_level():
    rng = np.random.default_rng(7)
    outcomes = set()
    for change in (0.03, 0.06, 0.09):
        for ratio in changes.ratio_of_sessions(*sides(rng, [RUN] * 12, RUN / 2, change=change)):
            low, high = ratio.interval(LEVEL)
            shown = not low <= 1 <= high
            assert shown == (ratio.p_value(12) < 1 - LEVEL)
            assert ratio.p_value() >= ratio.p_value(12)
            outcomes.add(shown)
    assert outcomes == {True, False}


def test_sessions_that_are_all_alike_tell_nothing():
    same = np.zeros((2, 3))
    for ratio in changes.ratio_of_sessions(same, same + 0.1):
        assert ratio.value == pytest.approx(0.1)
        assert np.isnan([ratio.error, ratio.p_value(), *ratio.interval()]).all()
