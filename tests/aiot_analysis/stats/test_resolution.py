"""Tests of the smallest differences that data show, and of the data needed for smaller ones."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, ttest_ind

from aiot_analysis.compare import changes
from aiot_analysis.stats import noise, resolution

Z = norm.isf(0.025) + norm.isf(0.2)
RUN = np.log(1.05) / norm.isf(0.025) / np.sqrt(2)  # standard deviation of a run if two agree within 5%
WITHIN = 2 * 0.1**2 * 1.45 / 0.55  # 10% with an autocorrelation of 0.45, of both sides


def resolved(**values):
    return resolution.resolution(noise.default().assign(**values)).set_index(["metric", "comparison"])


def test_default_noise_by_hand():
    result = resolved()
    error = np.sqrt(WITHIN / 500 + 2 * RUN**2)
    time = result.loc["time", "two devices or versions"]
    assert time["resolves"] == pytest.approx(np.expm1(Z * error), rel=1e-3)
    assert time["half_width"] == pytest.approx(np.expm1(norm.isf(0.025) * error), rel=1e-3)
    assert time["comparisons"] == 48
    many = norm.isf(0.025 / 48) + norm.isf(0.2)
    assert time["resolves_corrected"] == pytest.approx(np.expm1(many * error), rel=2e-3)
    score = np.sqrt(0.066 * (WITHIN + 0.04 / 0.71**2) / 500 + 2 * RUN**2)
    assert result.loc["vips", resolution.APART]["resolves"] == pytest.approx(np.expm1(Z * score), rel=1e-3)
    assert result.loc["accuracy", resolution.SAME_IMAGES]["resolves"] == resolution.paired_change(500, 0.04)
    # Wald's interval of the paired difference: Newcombe's is close to it
    width = norm.isf(0.025) * np.sqrt(0.04 / 500)
    assert result.loc["accuracy", resolution.SAME_IMAGES]["half_width"] == pytest.approx(width, rel=0.05)
    width = norm.isf(0.025) * np.sqrt(2 * 0.71 * 0.29 / 500)
    assert result.loc["accuracy", resolution.OTHER_IMAGES]["half_width"] == pytest.approx(width, rel=0.02)
    assert result.loc["accuracy", resolution.DEVICES]["comparisons"] == 48  # of versions, since there is one device


def test_the_tests_that_pages_correct_for():
    result = resolved(devices=51, instances=60)["comparisons"]
    assert result.to_dict() == {
        ("time", "two instances of a device"): 59,
        ("time", "two devices or versions"): 120,
        ("accuracy", "two instances, same images"): 59,
        ("accuracy", "two devices or versions, same images"): 3000,
        ("accuracy", "other images on each side"): 120,
        ("vips", "two devices or versions"): 1275,
    }


def test_one_instance_of_one_device_is_only_compared_with_others():
    result = resolved(instances=1, score_within=np.nan)
    assert list(result.index) == [
        ("time", "two devices or versions"),
        ("accuracy", "two devices or versions, same images"),
        ("accuracy", "other images on each side"),
    ]


@pytest.mark.parametrize("sessions", [3, 5])
def test_welchs_test_over_sessions_finds_the_smallest_difference_in_80_of_100_simulated_cases(sessions):
    result = resolved(sessions=sessions).loc["time", resolution.APART]
    rng = np.random.default_rng(sessions)
    scatter = np.sqrt(WITHIN / 2 / 500 + RUN**2)  # of the mean of a session, on the log scale
    logs = rng.normal(0, scatter, (2, 4000, sessions))
    logs[1] += np.log1p(result["resolves"])
    assert (ttest_ind(*logs, axis=1, equal_var=False).pvalue <= 0.05).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("instances", [4, 24])
def test_more_sessions_resolve_more_where_many_tests_are_corrected_for(instances):
    result = {
        n: resolved(sessions=n, instances=instances).loc["time", resolution.APART]["resolves_corrected"]
        for n in (1, 3, 5)
    }
    assert result[1] > result[3] > result[5]


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_the_smallest_difference_over_sessions_is_found_in_80_of_100_simulated_comparisons(shared):
    """Comparisons have independent draws, and every instance counts."""
    distance = resolution.detectable_over_sessions(3, 12, shared, 0.05 / 24)
    rng, shown = np.random.default_rng(11), []
    for _ in range(150):
        own, common = rng.normal(size=(2, 12, 3)), rng.normal(size=(2, 1, 3))
        base, other = np.sqrt(1 - shared) * own + np.sqrt(shared) * common
        result = changes.ratio_of_sessions(base, other + distance * np.sqrt(2 / 3))
        shown.append(np.mean([one.p_value(12) < 0.05 / 24 for one in result]))
    assert np.mean(shown) == pytest.approx(0.8, abs=0.09)  # shared deviations are those of 150 comparisons


def test_two_sessions_tell_no_more_of_two_versions_than_one():
    assert resolved(sessions=2).loc["time", resolution.APART]["resolves"] == pytest.approx(
        resolved().loc["time", resolution.APART]["resolves"]
    )


def test_an_estimate_from_few_sessions_widens_what_is_resolved():
    assumed = resolved().loc["time", resolution.SAME_SESSION]
    estimated = resolved(same_freedom=4.0).loc["time", resolution.SAME_SESSION]
    assert estimated["resolves"] > 1.15 * assumed["resolves"]


def test_too_few_images_resolve_no_accuracy():
    result = resolved(images=5)
    assert np.isnan(result.loc["accuracy", resolution.SAME_IMAGES]["resolves"])


def needs(**options):
    result = resolution.needed(noise.default(), options)
    return result.set_index(["metric", "comparison"])


def test_images_that_a_difference_in_time_needs_by_hand():
    result = needs(time=0.1).loc["time", resolution.APART]
    expected = WITHIN / ((np.log(1.1) / Z) ** 2 - 2 * RUN**2)
    assert result["images"] == pytest.approx(expected, abs=3)
    assert (result["runs"], result["sessions"]) == (1, 1)
    runs = needs(time=0.075).loc["time", resolution.APART]
    expected = WITHIN / ((np.log(1.075) / Z) ** 2 - 2 * RUN**2)
    assert runs["images"] == pytest.approx(expected, rel=0.02)
    assert runs["runs"] == -(-runs["images"] // 500) > 1


def test_where_runs_differ_by_more_only_sessions_help():
    # with any number of images 2.80 x sqrt(2) x 1.76% is left, which is 7.2%
    result = needs(time=0.03).loc["time", resolution.APART]
    assert pd.isna(result["images"]) and pd.isna(result["runs"])
    noise_of = noise.default().iloc[0].to_dict()
    sizes = {n: resolution.smallest(noise_of, "time", resolution.APART, 500, n) for n in (7, 8)}
    assert sizes[7] > 0.03 >= sizes[8]
    assert result["sessions"] == 8
    # with 14 degrees of freedom at most Student's and Welch's tests need 5 to 15% more than with a known error
    expected = Z * np.sqrt((WITHIN / 500 + 2 * RUN**2) / 8)
    assert 1.05 < np.log1p(sizes[8]) / expected < 1.15


def test_no_number_is_reported_if_none_is_enough():
    result = needs(time=0.001, accuracy=0.0001)
    columns = ["images", "runs", "sessions", "images_corrected", "sessions_corrected"]
    assert pd.isna(result[columns]).all(axis=None)


def test_images_that_a_difference_in_accuracy_needs():
    result = needs(accuracy=0.02)
    images = int(result.loc["accuracy", resolution.SAME_IMAGES]["images"])
    assert resolution.mcnemar_power(images, 0.02, 0.04) >= 0.8 > resolution.mcnemar_power(images - 1, 0.02, 0.04)
    # n = (z sqrt(d) + z' sqrt(d - change^2))^2 / change^2, Connor 1987, without the discreteness of the exact test
    approximate = (norm.isf(0.025) * np.sqrt(0.04) + norm.isf(0.2) * np.sqrt(0.04 - 0.02**2)) ** 2 / 0.02**2
    assert approximate < images < 1.15 * approximate
    other = result.loc["accuracy", resolution.OTHER_IMAGES]
    assert other["images"] == pytest.approx(Z**2 * 2 * 0.71 * 0.29 / 0.02**2, rel=0.01)
    assert pd.isna(result["sessions"]).all()  # other sessions show the same images


def test_nothing_measured_resolves_nothing():
    assert resolution.resolution(pd.DataFrame()).empty
    assert resolution.needed(pd.DataFrame(), {"time": 0.1}).empty
