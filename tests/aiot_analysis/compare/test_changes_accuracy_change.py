"""Tests of changes in accuracy against other computations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from aiot_analysis.compare import changes
from aiot_analysis.stats import accuracy
from tests.examples import examples


def sides(both, lost, won, neither):
    """Return right and wrong answers of two sides."""
    base = np.repeat([1.0, 1.0, 0.0, 0.0], [both, lost, won, neither])
    other = np.repeat([1.0, 0.0, 1.0, 0.0], [both, lost, won, neither])
    return base, other


def test_one_device_a_side_has_mcnemars_test_and_newcombes_interval():
    result = changes.accuracy_on_images(*sides(300, 25, 10, 165))
    assert (result.base, result.other, result.images) == (0.65, 0.62, 500)
    assert result.p_value == pytest.approx(mcnemar([[300, 25], [10, 165]], exact=True).pvalue)
    low, high = accuracy.newcombe(300, 25, 10, 165)
    assert result.interval() == (pytest.approx(float(low)), pytest.approx(float(high)))
    low, high = accuracy.newcombe(300, 25, 10, 165, level=0.99)
    assert result.interval(0.99) == (pytest.approx(float(low)), pytest.approx(float(high)))


def test_an_exact_test_that_does_not_reject_widens_the_interval_to_0():
    low, high = accuracy.newcombe(1400, 12, 24, 564)
    exact = mcnemar([[1400, 12], [24, 564]], exact=True).pvalue
    assert low > 0
    result = changes.accuracy_on_images(*sides(1400, 12, 24, 564))
    assert result.p_value == pytest.approx(exact)
    assert exact > 0.05
    assert result.interval() == (0, pytest.approx(float(high)))
    assert result.interval(0.9)[0] > 0  # at 10% it rejects


def test_an_interval_that_includes_0_raises_p_to_the_level_at_which_it_first_does():
    counts = 1400, 4, 23, 573
    result = changes.accuracy_on_images(*sides(*counts))
    exact = mcnemar(np.reshape(counts, (2, 2)), exact=True).pvalue
    low, high = accuracy.newcombe(*counts, level=1 - exact)
    assert low < 0 < high
    assert result.p_value > exact
    assert float(accuracy.newcombe(*counts, level=1 - result.p_value)[0]) == pytest.approx(0, abs=1e-9)


@examples(150)
@given(st.integers(0, 300), st.integers(0, 40), st.integers(0, 40), st.integers(1, 300), st.floats(1e-6, 0.5))
def test_interval_and_p_value_never_contradict_each_other(both, lost, won, neither, alpha):
    result = changes.accuracy_on_images(*sides(both, lost, won, neither))
    low, high = result.interval(1 - alpha)
    assert low <= result.other - result.base <= high
    assert result.p_value >= mcnemar([[both, lost], [won, neither]], exact=True).pvalue * (1 - 1e-9)
    if abs(result.p_value / alpha - 1) > 1e-6:
        assert (low > 0 or high < 0) == (result.p_value < alpha)


def test_answers_that_are_all_alike_are_no_change_and_keep_a_width():
    result = changes.accuracy_on_images(*sides(300, 0, 0, 200))
    assert result.p_value == 1
    low, high = result.interval()
    assert low < 0 < high


def test_several_devices_are_compared_by_what_each_image_is_right_on():
    base = np.array([1.0, 0.5, 0.5, 0.0, 1.0, 1.0])
    other = np.array([0.5, 0.5, 0.0, 0.0, 0.5, 1.0])
    result = changes.accuracy_on_images(base, other)
    reference = stats.ttest_1samp(other - base, 0)
    assert reference.pvalue < result.p_value == stats.binomtest(0, 3).pvalue  # three images change, and all get worse
    assert result.interval() == pytest.approx([*reference.confidence_interval()])
    assert result.interval(0.8)[1] == 0 > reference.confidence_interval(0.8).high
    assert result.interval(0.7) == pytest.approx([*reference.confidence_interval(0.7)])


def test_one_image_and_none_say_nothing_of_others():
    result = changes.accuracy_on_images(np.array([0.5]), np.array([0.25]))
    assert np.isnan(result.interval()).all()
    nothing = changes.accuracy_on_images(np.array([]), np.array([]))
    assert nothing.images == 0
    assert np.isnan([nothing.base, nothing.other, nothing.p_value]).all()


def test_all_images_that_change_alike_have_no_interval():
    result = changes.accuracy_on_images(np.full(9, 0.75), np.full(9, 0.5))
    assert np.isnan([*result.interval(), result.p_value]).all()
    assert changes.accuracy_on_images(np.full(9, 0.75), np.full(9, 0.75)).p_value == 1


def test_sides_without_records_are_compared_as_if_each_had_seen_images_of_its_own():
    result = changes.accuracy_from_counts((0.7, 500), (0.6, 500))
    low, high = result.interval()
    assert low < -0.1 < high < 0
    # the score test of two proportions is Pearson's chi square
    chi = stats.chi2_contingency([[350, 150], [300, 200]], correction=False)
    assert result.p_value == pytest.approx(chi.pvalue, rel=0.01)
    paired = changes.accuracy_on_images(*sides(290, 60, 10, 140))
    assert paired.interval()[1] - paired.interval()[0] < high - low


def test_counts_that_are_missing_or_extreme_are_no_test():
    assert changes.accuracy_from_counts((np.nan, 500), (0.6, 500)).images == 0
    assert changes.accuracy_from_counts((0.5, 0), (0.6, 500)).images == 0
    for share in (0.0, 1.0):
        assert changes.accuracy_from_counts((share, 50), (share, 50)).p_value == 1
