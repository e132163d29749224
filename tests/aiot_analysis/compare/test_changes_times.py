"""Tests of ratios of times against other computations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from aiot_analysis.compare import changes
from aiot_analysis.stats import blocks
from aiot_analysis.tables import dependence
from tests.aiot_analysis.stats.series import autocorrelated
from tests.examples import examples


def two(n=400, ratio=1.2, phi=0.0, seed=0):
    """Return the times of two runs of the same images."""
    rng = np.random.default_rng(seed)
    image, noise = rng.normal(0, 0.2, n), 0.05 * autocorrelated(phi, 2, n, seed)
    return 10 * np.exp(image + noise[0]), 10 * ratio * np.exp(image + noise[1])


def independent_error(base, other):
    """Return the standard error of the log ratio of means of independent pairs by the delta method."""
    apart = base / base.mean() - other / other.mean()
    return apart.std(ddof=1) / np.sqrt(len(base))


def test_independent_pairs_have_the_interval_of_the_delta_method():
    base, other = two()
    result = changes.ratio_of_images(base, other, changes.MEAN, paired=True)
    assert result.value == pytest.approx(np.log(other.mean() / base.mean()))
    assert result.error == pytest.approx(independent_error(base, other), rel=0.15)  # blocks of one or two images
    low, high = result.interval()
    assert low < 1.2 < high


def test_pairs_leave_out_what_an_image_costs_on_both_sides():
    base, other = two()
    paired = changes.ratio_of_images(base, other, changes.MEAN, paired=True)
    alone = changes.ratio_of_images(base, other, changes.MEAN, paired=False)
    assert alone.value == paired.value
    assert alone.error > 2 * paired.error
    squares = [dependence.errors(side_[None] / side_.mean())[0][0] ** 2 for side_ in (base, other)]
    assert alone.error == pytest.approx(np.sqrt(sum(squares)))


def test_times_that_depend_on_those_before_tell_less():
    base, other = two(phi=0.8)
    result = changes.ratio_of_images(base, other, changes.MEAN, paired=True)
    assert result.error > 1.5 * independent_error(base, other)


def test_the_interval_of_pairs_covers_the_ratio():
    """The interval covers the ratio in 95% of 300 pairs of runs, within binomial chance (99.9%)."""
    inside = 0
    for seed in range(300):
        low, high = changes.ratio_of_images(*two(300, 1.1, 0.5, seed), changes.MEAN, paired=True).interval()
        inside += low < 1.1 < high
    assert inside >= stats.binom.ppf(0.001, 300, 0.93)


@pytest.mark.parametrize("paired", [True, False])
def test_the_error_of_medians_is_that_of_many_pairs_of_runs(paired):
    values, errors = [], []
    for seed in range(60):
        base, other = two(300, 1.0, 0.5, seed)
        if not paired:
            other = np.random.default_rng(seed).permutation(other)
        result = changes.ratio_of_images(base, other, changes.MEDIAN, paired, seed)
        values.append(result.value)
        errors.append(result.error)
    if paired:  # both times include the cost of an image, so the ratio of medians varies by the noise alone
        assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)
    assert np.mean(errors) < 0.05


def test_the_same_seed_draws_the_same_medians():
    base, other = two(100)
    first, again = (changes.ratio_of_images(base, other, changes.MEDIAN, True, 3) for _ in range(2))
    assert first == again
    assert first != changes.ratio_of_images(base, other, changes.MEDIAN, True, 4)
    assert first.value == pytest.approx(np.log(np.median(other) / np.median(base)))


def test_medians_of_many_times_are_drawn_in_parts(monkeypatch):
    base, other = two(100)
    at_once = changes.ratio_of_images(base, other, changes.MEDIAN, True, 3)
    monkeypatch.setattr(changes, "_AT_ONCE", 5000)
    assert changes.ratio_of_images(base, other, changes.MEDIAN, True, 3).error == pytest.approx(at_once.error, rel=0.2)


@pytest.mark.parametrize("statistic", [changes.MEAN, changes.MEDIAN])
def test_times_that_do_not_vary_or_are_too_few_have_no_error(statistic):
    same = changes.ratio_of_images(np.full(50, 20.0), np.full(50, 21.0), statistic, True)
    assert same.value == pytest.approx(np.log(1.05))
    assert np.isnan([same.error, same.p_value(), *same.interval()]).all()
    assert np.isnan(changes.ratio_of_images(np.array([1.0]), np.array([2.0]), statistic, True).value)
    assert np.isnan(changes.ratio_of_images(np.array([]), np.array([2.0]), statistic, False).value)
    assert np.isnan(changes.ratio_of_images(np.zeros(9), np.ones(9), statistic, True).value)


def test_units_are_compared_as_scipy_does():
    rng = np.random.default_rng(1)
    base, other = rng.normal(0, 0.1, 4), rng.normal(0.2, 0.3, 6)
    result, reference = changes.ratio_of_units(base, other), stats.ttest_ind(other, base, equal_var=False)
    assert result.p_value() == pytest.approx(reference.pvalue)
    assert np.log(result.interval()) == pytest.approx([*reference.confidence_interval()])
    assert result.freedom == pytest.approx(reference.df)


def test_one_run_against_several_is_a_new_value_among_them():
    base = np.array([0.0, 0.1, 0.2, 0.1, 0.1])
    result = changes.ratio_of_units(base, np.array([0.5]))
    t = (0.5 - base.mean()) / (base.std(ddof=1) * np.sqrt(1 + 1 / 5))
    assert result.p_value() == pytest.approx(2 * stats.t.sf(t, 4))
    assert np.isnan(changes.ratio_of_units(base[:1], base[1:2]).error)
    assert np.isnan(changes.ratio_of_units(base[:0], base).value)


def test_pairs_of_devices_are_compared_as_scipy_does():
    logs = np.array([0.1, 0.2, 0.05, 0.3])
    reference = stats.ttest_1samp(logs, 0)
    result = changes.ratio_of_pairs(logs)
    assert result.p_value() == pytest.approx(reference.pvalue)
    assert np.log(result.interval()) == pytest.approx([*reference.confidence_interval()])
    assert np.isnan(changes.ratio_of_pairs(logs[:1]).error)
    assert np.isnan(changes.ratio_of_pairs(logs[:0]).value)


def test_summaries_have_the_errors_of_their_means():
    result = changes.ratio_of_summaries((10.0, 2.0, 100.0), (12.0, 3.0, 400.0))
    assert result.value == pytest.approx(np.log(1.2))
    assert result.error == pytest.approx(np.sqrt((0.2**2) / 100 + (0.25**2) / 400))
    assert result.freedom == 99
    for nothing in ((np.nan, 1.0, 10.0), (0.0, 1.0, 10.0), (1.0, 1.0, 1.0)):
        assert np.isnan(changes.ratio_of_summaries(nothing, (12.0, 3.0, 400.0)).value)
    assert np.isnan(changes.ratio_of_summaries((10.0, np.nan, 100.0), (12.0, 3.0, 400.0)).error)


def test_runs_that_may_differ_widen_the_interval():
    result = changes.LogRatio(0.0, 1e-6, 10.0).of_any_run(0.05)
    assert result.interval() == pytest.approx((1 / 1.05, 1.05), rel=1e-6)
    both = changes.LogRatio(0.0, result.error, 10.0).of_any_run(0.05)
    assert both.error == pytest.approx(np.sqrt(2) * result.error)
    assert both.freedom == pytest.approx(40)  # (2 s^2)^2 / (s^4 / 10)
    side = changes.LogRatio(0.0, 1e-6, 10.0).of_any_run(0.05, runs=1)
    assert side.error == pytest.approx(result.error / np.sqrt(2))
    same = changes.LogRatio(0.3, 0.1, 10.0).of_any_run(0.0)
    assert (same.error, same.freedom) == (pytest.approx(0.1), pytest.approx(10))
    assert np.isnan(changes.LogRatio(0.3, np.nan, 1.0).of_any_run(0.05).error)


def test_a_geometric_mean_of_instances_is_surer_than_each():
    each = changes.LogRatio(0.2, 0.03, 50.0)
    result = changes.mean_of([each] * 9)
    assert (result.value, result.error) == (pytest.approx(0.2), pytest.approx(0.01))
    assert result.freedom == pytest.approx(450)
    assert np.isnan(changes.mean_of([]).value)


@examples(40)
@given(st.lists(st.floats(0.1, 1000), min_size=5, max_size=40), st.floats(0.1, 10), st.booleans())
def test_sides_that_change_places_change_the_sign_and_a_scale_moves_the_value(base, scale, paired):
    first = np.array(base)
    second = np.array(base[::-1]) + 1
    forward, back = (
        changes.ratio_of_images(*sides, changes.MEAN, paired) for sides in ((first, second), (second, first))
    )
    assert forward.value == pytest.approx(-back.value)
    assert forward.error == pytest.approx(back.error, nan_ok=True)
    scaled = changes.ratio_of_images(first, second * scale, changes.MEAN, paired)
    assert scaled.value == pytest.approx(forward.value + np.log(scale))
    assert scaled.error == pytest.approx(forward.error, nan_ok=True, abs=1e-9)


def test_the_largest_block_sums_are_counted_by_hand():
    """Sums of pairs are 0, 0, 0, 4, 4, 8 and 12 with mean 4, so the squares are 16, 16, 16, 0, 0, 16 and 64."""
    series = np.array([0.0, 0, 1, -1, 2, -2, 3, 1, 2, 2, 7, 1, 6, 6, 99])  # the last block is incomplete
    assert blocks.share_of_largest_blocks(series, 2) == pytest.approx(96 / 128)
    assert blocks.share_of_largest_blocks(np.ones(9), 1) == 0
    assert blocks.share_of_largest_blocks(np.arange(9.0), 3) == 1  # there are only three blocks


@pytest.mark.parametrize("paired", [True, False])
def test_times_with_a_heavy_tail_and_slow_changes_have_a_doubt(paired):
    base, other = two(500, phi=0.45)
    assert changes.ratio_of_images(base, other, changes.MEAN, paired).doubt == ""
    rare = other * np.where(np.arange(500) % 250 == 99, 20, 1)
    assert changes.ratio_of_images(base, rare, changes.MEAN, paired).doubt.startswith("a few long times cause most")
    assert changes.ratio_of_images(base, rare, changes.MEDIAN, paired).doubt == ""
    slow = other * np.where(np.arange(500) < 300, 1, 1.4)
    for statistic in (changes.MEAN, changes.MEDIAN):
        log = changes.ratio_of_images(base, slow, statistic, paired).of_any_run(0.05)
        assert log.doubt.startswith("times change slowly over a run")


def test_few_images_are_no_doubt_by_themselves():
    assert changes.ratio_of_images(*two(20), changes.MEAN, paired=True).doubt == ""
