"""Tests of patterns over devices: their reliability, and their correlation corrected for noise."""

from itertools import combinations, permutations, product

import numpy as np
import pytest
from scipy.stats import t as student

from aiot_analysis.stats.intervals import cross_products, likeness, repetition


def planted(devices, units, shared, noise, seed, patterns=6):
    """Return patterns with standard deviation 1, which share a part of their variance, plus noise of each unit."""
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((devices, 1, 1)), rng.standard_normal((devices, 1, patterns))
    pattern = np.sqrt(shared) * common + np.sqrt(1 - shared) * own
    return pattern + noise * rng.standard_normal((devices, units, patterns))


PAIRS = list(combinations(range(6), 2))


def test_covariances_of_different_units_are_the_mean_over_all_halves():
    values = np.random.default_rng(0).standard_normal((5, 4, 2))
    result = cross_products(values).sum(axis=0) / 4
    halves = []
    for half in combinations(range(4), 2):
        other = [unit for unit in range(4) if unit not in half]
        left, right = values[:, list(half)].mean(axis=1), values[:, other].mean(axis=1)
        halves.append([[np.cov(left[:, a], right[:, b])[0, 1] for b in range(2)] for a in range(2)])
    assert result == pytest.approx(np.mean(halves, axis=0))


def test_whether_patterns_repeat_by_all_permutations():
    values = np.random.default_rng(1).standard_normal((3, 3, 2)).cumsum(axis=1)
    centred = values - values.mean(axis=0)

    def statistic(orders):
        permuted = np.stack([centred[list(order), unit] for unit, order in enumerate(orders)], axis=1)
        return (permuted.sum(axis=1) ** 2).sum() - (permuted**2).sum()

    every = [statistic(orders) for orders in product(permutations(range(3)), repeat=3)]
    assert np.mean(every) == pytest.approx(0, abs=1e-9)
    assert repetition(values) == pytest.approx(statistic([range(3)] * 3) / np.std(every))


@pytest.mark.parametrize("units", [2, 50])
def test_noise_alone_does_not_repeat(units):
    noise = np.random.default_rng(0).standard_normal((100, 8, units, 6))
    assert np.mean([likeness(values, PAIRS).repeats for values in noise]) <= 0.05


def test_what_never_varies_does_not_repeat():
    assert not likeness(np.full((6, 10, 6), 0.1) * np.arange(10)[:, None], PAIRS).repeats


@pytest.mark.parametrize("units", [2, 50])
def test_the_correlation_is_that_without_noise(units):
    values = planted(400, units, 0.5, np.sqrt(units), 3)
    plain = np.corrcoef(values.mean(axis=1).T)[np.triu_indices(6, 1)].mean()
    result = likeness(values, PAIRS)
    assert plain == pytest.approx(0.25, abs=0.05)  # half of the variance of a mean is noise
    assert result.correlation == pytest.approx(0.5, abs=0.08)


def test_noise_that_patterns_share_in_a_unit_does_not_count():
    rng = np.random.default_rng(4)
    values = planted(200, 20, 0, 0, 4) + 4 * rng.standard_normal((200, 20, 1))
    result = likeness(values, PAIRS)
    assert np.corrcoef(values.mean(axis=1).T)[np.triu_indices(6, 1)].mean() > 0.4
    assert result.low < 0 < result.high < 0.4


def test_the_interval_is_that_of_the_jackknife_over_devices():
    values = planted(9, 12, 0.5, 0.5, 5)

    def ratio(part):
        covariance = cross_products(part).sum(axis=0) / (len(part) - 1)
        own = covariance.diagonal()
        above, below = (
            [f(a, b) for a, b in PAIRS] for f in (lambda a, b: covariance[a, b], lambda a, b: np.sqrt(own[a] * own[b]))
        )
        return np.mean(above) / np.mean(below)

    estimate, without = ratio(values), np.array([ratio(np.delete(values, device, axis=0)) for device in range(9)])
    se = np.sqrt(8 / 9 * ((without - without.mean()) ** 2).sum())
    result = likeness(values, PAIRS)
    margin = student.ppf(0.975, 8) * se
    assert (result.correlation, result.low, result.high) == pytest.approx(
        (estimate, estimate - margin, min(estimate + margin, 1))
    )


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_intervals_cover_the_correlation(shared):
    result = [likeness(planted(8, 30, shared, 1, seed), PAIRS) for seed in range(200)]
    assert np.mean([one.low <= shared <= one.high for one in result]) >= 0.88


def test_one_pattern_in_common_is_never_taken_for_patterns_of_their_own():
    result = [likeness(planted(8, 30, 1, 3, seed), PAIRS) for seed in range(100)]
    assert np.mean([one.high < 0.7 for one in result]) <= 0.05
