import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.tables import dependence
from tests.aiot_analysis.stats.series import autocorrelated
from tests.examples import examples

T = np.arange(1, 401)


def test_errors_with_block_lengths_that_are_known():
    """By hand: with blocks of one sd / sqrt(n - 1); with blocks of two of 1, 2, 3, 6, around the end, see below."""
    times = np.array([[1.0, 2.0, 3.0, 6.0]])
    assert dependence.errors(times, np.array([1]))[0] == pytest.approx([times.std() / np.sqrt(3)])
    # the sums of two neighbours, from their mean of 6: -3, -1, 3, 1, so 20 / 4 / (2 (4 - 2))
    assert dependence.errors(times, np.array([2]))[0] == pytest.approx([np.sqrt(5 / 4)])


@pytest.mark.parametrize(
    "series, expected",
    [
        (np.sin(T) + 0.5 * np.sin(T * T / 7), 37.04641354685777),
        (np.cumsum(np.sin(T * T / 3)) * 0.3 + np.sin(T * T), 36.80523749155636),
        (np.sin(T * T), 2.4054022249631215),
    ],
)
def test_block_lengths_are_those_of_arch(series, expected):
    """`arch.bootstrap.optimal_block_length(series)["circular"]` of arch 8.0.0, rounded up."""
    assert dependence.lengths(series[None]).tolist() == [np.ceil(expected)]


@pytest.mark.parametrize("phi", [0.3, 0.6])
def test_block_lengths_of_long_series_tend_to_those_of_their_law(phi):
    """Of AR(1), G / sum R = 2 phi / (1 - phi^2), so b = (1.5 (2 phi / (1 - phi^2))^2 n)^(1/3)."""
    n = 20_000
    expected = (1.5 * (2 * phi / (1 - phi**2)) ** 2 * n) ** (1 / 3)
    assert np.median(dependence.lengths(autocorrelated(phi, 20, n))) == pytest.approx(expected, rel=0.1)


@given(st.lists(st.floats(0.1, 1e3), min_size=2, max_size=40))
@examples(50)
def test_block_lengths_stay_within_the_series_and_know_no_unit(times):
    series = np.array([times])
    length = dependence.lengths(series)[0]
    assert 1 <= length <= max(1, np.ceil(len(times) / 3))
    error, effective_size = dependence.errors(series)
    assert 0 <= error[0] <= np.ptp(times) and 2 <= effective_size[0] <= len(times)


def test_the_error_is_that_of_drawing_blocks():
    """The error agrees with that of 4000 resamples of one series, drawn block by block."""
    series = autocorrelated(0.6, 1, 200, seed=3)
    block = int(dependence.lengths(series)[0])
    rng = np.random.default_rng(0)
    starts = rng.integers(0, 200, (4000, -(-200 // block)))
    drawn = ((starts[:, :, None] + np.arange(block)) % 200).reshape(4000, -1)[:, :200]
    by_drawing = series[0][drawn].mean(axis=1).std() * np.sqrt(200 / (200 - block))
    assert dependence.errors(series)[0][0] == pytest.approx(by_drawing, rel=0.05)


def test_independent_times_have_the_usual_error():
    series = autocorrelated(0.0, 200, 400)
    error, effective_size = dependence.errors(series)
    assert np.median(error / (series.std(axis=1) / np.sqrt(400))) == pytest.approx(1, abs=0.05)
    assert np.median(effective_size) >= 380
