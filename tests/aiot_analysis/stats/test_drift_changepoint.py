import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from aiot_analysis.stats import drift
from tests.aiot_analysis.stats.series import autocorrelated
from tests.examples import examples


def by_definition(values):
    """Compute G(k) of one series from the sums of its definition."""
    ranks = rankdata(values) - (len(values) + 1) / 2
    n, result = len(values), []
    for k in range(1, n):
        left = [(ranks[:t].sum() - t / k * ranks[:k].sum()) ** 2 for t in range(1, k + 1)]
        right = [(ranks[t - 1 :].sum() - (n - t + 1) / (n - k) * ranks[k:].sum()) ** 2 for t in range(k + 1, n + 1)]
        result.append(abs(ranks[:k].sum()) / np.sqrt((sum(left) + sum(right)) / n))
    return result


def test_the_running_sums_are_the_sums_of_the_definition():
    values = np.random.default_rng(0).normal(size=(3, 40))
    expected = [by_definition(series) for series in values]
    assert drift.change_statistics(values) == pytest.approx(np.array(expected), rel=1e-9)


def test_critical_values_are_those_of_shao_and_zhang():
    """In their Table 1 (2010) with q = 1, the values are 29.6, 40.1 and 68.6 at 10, 5 and 1%."""
    squares = np.quantile(drift.null_maxima(), [0.90, 0.95, 0.99]) ** 2
    assert squares[:2] == pytest.approx([29.6, 40.1], rel=0.04)
    assert squares[2] == pytest.approx(68.6, rel=0.08)  # 200 of our series are beyond it


@pytest.mark.parametrize("phi, most", [(0.0, 0.07), (0.5, 0.08), (0.7, 0.09)])
def test_the_level_is_kept_on_noise_that_depends_on_what_was_before(phi, most):
    _, p_values = drift.largest_change(autocorrelated(phi, 1000, 500))
    assert (p_values < 0.05).mean() <= most
    assert (p_values < 0.05).mean() >= 0.03


def test_the_level_is_kept_on_skewed_times_with_spikes():
    rng = np.random.default_rng(1)
    times = np.exp(rng.normal(size=(1000, 200))) + (rng.random((1000, 200)) < 0.02) * 50
    _, p_values = drift.largest_change(times)
    assert 0.03 <= (p_values < 0.05).mean() <= 0.07


@pytest.mark.parametrize("at", [100, 250, 400])
def test_planted_changes_are_found_where_they_are(at):
    noise = autocorrelated(0.5, 100, 500)
    where, p_values = drift.largest_change(np.where(np.arange(500) < at, noise, noise + 3))
    assert (p_values < 0.05).mean() >= 0.95
    assert np.median(np.abs(where - at)) <= 10


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.integers(1, 9), st.integers(-9, 9))
@examples(50)
def test_only_the_order_of_the_values_counts(values, factor, added):
    series = np.array([values], float)
    result = drift.change_statistics(series)
    assert drift.change_statistics(series * factor + added) == pytest.approx(result)
    assert drift.change_statistics(series[:, ::-1])[:, ::-1] == pytest.approx(result)


def test_equal_values_do_not_change():
    where, p_values = drift.largest_change(np.ones((2, 50)))
    assert p_values.tolist() == [1, 1] and (where >= 1).all()


def test_the_null_depends_on_the_seed_alone():
    assert (drift.null_maxima(0) == drift.null_maxima(0)).all()
    assert (drift.null_maxima(0) != drift.null_maxima(1)).any()
