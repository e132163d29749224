"""Tests of the smallest differences that tests find, against other libraries, enumeration and simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest, t, ttest_ind
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import power_proportions_2indep

from aiot_analysis.stats import resolution


def test_with_a_known_error_the_difference_is_the_sum_of_two_quantiles():
    assert resolution.detectable(np.inf) == pytest.approx(1.959964 + 0.841621, abs=1e-5)
    assert resolution.detectable(np.inf, 0.05 / 24) == pytest.approx(3.078 + 0.841621, abs=1e-3)


@pytest.mark.parametrize("freedom", [2, 3, 4, 30, 99])
def test_with_an_estimated_error_it_is_that_of_the_noncentral_t(freedom):
    effect = resolution.detectable(freedom) / np.sqrt(freedom + 1)
    assert TTestPower().power(effect, freedom + 1, 0.05) == pytest.approx(0.8, abs=1e-4)


def test_few_degrees_of_freedom_at_the_level_of_many_tests_are_solved_too():
    # scipy's noncentral t is NaN here; the definition of t, drawn 200,000 times
    distance = resolution.detectable(2, 0.05 / 3000)
    rng = np.random.default_rng(0)
    drawn = (rng.normal(size=200_000) + distance) / np.sqrt(rng.chisquare(2, 200_000) / 2)
    assert (drawn > t.isf(0.025 / 3000, 2)).mean() == pytest.approx(0.8, abs=0.004)


@pytest.mark.parametrize(("units", "alpha"), [(3, 0.05), (3, 0.05 / 24), (6, 0.05)])
def test_welchs_test_finds_it_in_80_of_100_simulated_cases(units, alpha):
    rng = np.random.default_rng(units)
    drawn = rng.normal(size=(2, 20_000, units))
    drawn[1] += resolution.detectable_by_welch(units, alpha) * np.sqrt(2 / units)
    assert (ttest_ind(*drawn, axis=1, equal_var=False).pvalue <= alpha).mean() == pytest.approx(0.8, abs=0.012)


@pytest.mark.parametrize(("change", "discordant"), [(0.1, 0.3), (0.2, 0.1), (0.0, 0.4), (0.5, 0.5)])
def test_the_power_of_mcnemars_test_is_the_sum_over_all_outcomes(change, discordant):
    n, differ = 25, max(change, discordant)
    better, worse = (differ + change) / 2, (differ - change) / 2
    expected = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            if b + c and binomtest(b, b + c).pvalue <= 0.05:
                ways = np.prod([float(n - i) for i in range(b + c)]) / np.prod(
                    [float(i) for i in (*range(1, b + 1), *range(1, c + 1))]
                )
                expected += ways * better**b * worse**c * (1 - differ) ** (n - b - c)
    assert resolution.mcnemar_power(n, change, discordant) == pytest.approx(expected, rel=1e-6)


def test_six_images_that_all_go_one_way_are_the_fewest():
    assert resolution.mcnemar_power(6, 1.0, 0.0) == 1.0  # p is 2 / 64
    assert resolution.mcnemar_power(5, 1.0, 0.0) == 0.0  # p is 2 / 32
    assert np.isnan(resolution.paired_change(5, 0.0))
    assert resolution.mcnemar_power(0, 0.5, 0.5) == resolution.mcnemar_power(100, 0.0, 0.0) == 0.0


def test_mcnemars_test_finds_the_smallest_change_in_80_of_100_simulated_cases():
    n, discordant = 500, 0.04
    change = resolution.paired_change(n, discordant)
    rng = np.random.default_rng(1)
    draws = rng.multinomial(n, [(discordant + change) / 2, (discordant - change) / 2, 1 - discordant], size=1500)
    result = [mcnemar([[0, b], [c, 0]], exact=True).pvalue <= 0.05 for b, c, _ in draws]
    assert np.mean(result) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("n", "low", "high"), [(500, 0.66, 0.74), (100, 0.4, 0.6), (50, 0.0, 0.2)])
def test_the_power_of_two_proportions_is_that_of_statsmodels(n, low, high):
    expected = power_proportions_2indep(high - low, low, n).power
    assert resolution.unpaired_power(n, high - low, (low + high) / 2) == pytest.approx(expected, abs=1e-6)


def test_the_smallest_difference_of_two_proportions_has_the_power():
    for accuracy in (0.3, 0.7, 0.99):
        change = resolution.unpaired_change(400, accuracy)
        assert resolution.unpaired_power(400, change, accuracy) >= 0.8
        assert resolution.unpaired_power(400, change - 2 * resolution.TOLERANCE, accuracy) < 0.8
