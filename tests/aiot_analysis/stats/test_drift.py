import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, norm, theilslopes

from aiot_analysis.stats import drift
from aiot_analysis.tables import along
from tests.aiot_analysis.stats.series import autocorrelated, records, runs
from tests.examples import examples

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"


def noisy(n=500, cv=0.02, phi=0.5, seed=0, mean_ms=10.0):
    return mean_ms * (1 + cv * autocorrelated(phi, 1, n, seed)[0])


def test_a_trend_is_that_of_scipy_through_the_medians_of_the_parts():
    times = noisy() * np.linspace(1, 1.2, 500)
    result = drift.drifts(records(A, times)).iloc[0]
    medians = [np.median(part) for part in np.array_split(times[1:], 20)]
    shares = np.array(medians) / np.median(times[1:])
    slope, _, low, high = theilslopes(shares, np.linspace(0, 1, 20), 0.975)  # two tests of one instance keep 95%
    assert result[["drift", "drift_low", "drift_high"]].tolist() == pytest.approx([slope, low, high])
    score = kendalltau(range(20), medians).statistic * 190
    assert result["drift_p"] == pytest.approx(2 * norm.sf((score - 1) / 950**0.5))  # n (n - 1) (2 n + 5) / 18
    assert result["drift_p_adjusted"] == pytest.approx(2 * result["drift_p"])
    assert result["drift"] == pytest.approx(0.18, abs=0.03)  # of the median, which is 1.1 times the start
    assert result["finding"] == "slower"


def test_a_step_is_found_at_its_image_with_both_levels():
    times = noisy()
    times[300:] *= 1.3
    result = drift.drifts(records(A, times)).iloc[0]
    assert abs(result["change_at"] - 300) <= 5
    assert result["before_ms"] == pytest.approx(10, rel=0.02) and result["after_ms"] == pytest.approx(13, rel=0.02)
    assert result["change"] == pytest.approx(0.3, abs=0.02) and result["change_p_adjusted"] < 0.05
    assert result["change_s"] == pytest.approx(times[: int(result["change_at"])].sum() / 1000)
    assert result["finding"] == "slower"


def test_getting_faster_and_staying_steady():
    faster = noisy(seed=1) * np.where(np.arange(500) < 200, 1.2, 1.0)
    small = noisy(seed=2) * np.linspace(1, 1.03, 500)  # present, but below 5%
    frame = pd.concat([records(A, faster), records(B, small)])
    result = drift.drifts(frame).set_index("instance_id")
    assert result["finding"].to_dict() == {A: "faster", B: "small drift"}
    assert result.loc[B, "drift_p_adjusted"] < 0.05
    assert drift.drifts(frame, material=0.02).set_index("instance_id").loc[B, "finding"] == "slower"


@pytest.mark.parametrize("phi, most", [(0.0, 0.07), (0.7, 0.10)])
def test_the_level_is_kept_on_noise_that_depends_on_what_was_before(phi, most):
    result = drift.drifts(runs(10 + autocorrelated(phi, 400, 500)))
    for test in ("drift_p", "change_p"):
        assert 0.02 <= (result[test] < 0.05).mean() <= most


def test_naive_tests_would_not_keep_it():
    series = autocorrelated(0.7, 200, 500)
    naive = np.mean([kendalltau(range(500), times).pvalue < 0.05 for times in series])
    assert naive > 0.2


def test_the_interval_of_the_trend_covers_at_its_rate():
    true = 0.2
    times = 10 * (1 + 0.05 * autocorrelated(0.5, 300, 500)) + 10 * true * np.linspace(0, 1, 500)
    result = drift.drifts(runs(times))
    share = true / (1 + true / 2)  # of the median of the run
    assert ((result["drift_low"] <= share) & (share <= result["drift_high"])).mean() >= 0.88


def test_p_values_are_corrected_within_a_run_of_a_device():
    frame = pd.concat([records(id_, noisy(seed=at), device_id="a") for at, id_ in enumerate([A, B])])
    result = drift.drifts(frame)
    four_times = np.minimum(4 * result[["drift_p", "change_p"]].to_numpy(), 1)
    assert result[["drift_p_adjusted", "change_p_adjusted"]].to_numpy() == pytest.approx(four_times)
    alone = drift.drifts(pd.concat([frame, records(A, noisy(seed=9), device_id="b")]))
    assert alone[alone["device_id"] == "a"]["drift_p_adjusted"].tolist() == result["drift_p_adjusted"].tolist()


def test_the_interval_of_a_trend_is_on_one_side_of_0_just_where_its_test_finds_one():
    slopes = np.linspace(0, 0.06, 300)[:, None] * np.linspace(0, 1, 200)
    result = drift.drifts(runs(10 * (1 + 0.05 * autocorrelated(0.3, 300, 200) + slopes)), material=0.02)
    sure = result["drift_p_adjusted"] < 0.05
    assert 20 < sure.sum() < 280
    assert (((result["drift_low"] > 0) | (result["drift_high"] < 0)) == sure).all()
    assert (sure | (result["change_p_adjusted"] < 0.05) == (result["finding"] != "no drift seen")).all()


def test_single_slow_images_are_no_drift():
    times = noisy()
    times[[3, 400, 410, 450, 490]] *= 40
    assert drift.drifts(records(A, times)).iloc[0]["finding"] == "no drift seen"


@pytest.mark.parametrize("n", [1, 2, 80])
def test_too_few_images_cannot_be_decided(n):
    result = drift.drifts(records(A, np.ones(n))).iloc[0]
    assert result["finding"] == "cannot be decided"
    assert result["gap"] == f"{n - 1} images with a time after the first, but a trend needs 80"
    assert np.isnan(result["drift"]) and np.isnan(result["change_at"])


def test_a_clock_that_is_too_coarse_shows_no_drift():
    result = drift.drifts(records(A, np.full(200, 1.0))).iloc[0]
    assert (result["finding"], result["drift"], result["drift_p"], result["change_p"]) == ("no drift seen", 0, 1, 1)
    assert drift.drifts(records(A, np.zeros(200))).iloc[0]["finding"] == "no drift seen"


def test_no_usable_time_of_this_kind():
    frame = records(A, noisy()).assign(inference_ms=np.nan)
    result = drift.drifts(frame).iloc[0]
    assert (result["images"], result["finding"]) == (0, "cannot be decided")
    assert drift.drifts(frame, "end_to_end").iloc[0]["finding"] == "no drift seen"
    assert drift.drifts(frame.iloc[:0]).empty


def test_a_clock_that_jumps_gives_no_time_of_the_change():
    times = noisy()
    times[300:] *= 1.3
    frame = records(A, times)
    frame.loc[200:, "at_s"] -= 1.0
    result = drift.drifts(frame).iloc[0]
    assert result["clock"].startswith("the clock goes backwards 1 time")
    assert np.isnan(result["change_s"]) and abs(result["change_at"] - 300) <= 5


def test_images_without_a_time_keep_the_numbers_of_the_others():
    times = noisy()
    times[300:] *= 1.3
    frame = records(A, times).assign(failed=np.arange(500) < 100)
    result = drift.drifts(frame).iloc[0]
    assert result["images"] == 400 and abs(result["change_at"] - 300) <= 5


def test_the_most_moved_come_first_and_steady_ones_not_at_all():
    shares = enumerate([1.1, 1.0, 0.5])
    result = drift.drifts(runs(np.array([noisy(seed=n) * np.where(np.arange(500) < 250, 1, by) for n, by in shares])))
    assert drift.most_moved(result)["run_id"].tolist() == ["r0002", "r0000"]
    assert len(drift.most_moved(result, 1)) == 1
    assert drift.count_findings(result).iloc[0].to_dict() == {
        "device_id": "local", "slower": 1, "faster": 1, "small drift": 0, "no drift seen": 1,
        "cannot be decided": 0,
    }  # fmt: skip


def test_the_course_has_the_images_and_the_median_of_each_part():
    times = noisy(1000)
    frame = runs(np.array([times, times]))
    chosen = drift.drifts(frame).iloc[:1]
    result = drift.times_along_run(frame, chosen, most=100)
    assert result["run_id"].unique().tolist() == ["r0000"]
    single, loops = (result[result["kind"] == kind] for kind in ("image", "loop"))
    assert len(single) == 100 and len(loops) == 20
    assert loops["ms"].tolist() == pytest.approx([np.median(part) for part in np.array_split(times[1:], 20)])
    assert drift.times_along_run(frame, chosen.iloc[:0]).empty


def test_instances_of_several_lengths_and_devices_are_kept_apart():
    slow = noisy(300, seed=5) * np.where(np.arange(300) < 150, 1, 1.5)
    frame = pd.concat([records(A, noisy(500), device_id="a"), records(A, slow, device_id="b")])
    result = drift.drifts(frame).set_index("device_id")
    assert result["finding"].to_dict() == {"a": "no drift seen", "b": "slower"}
    assert result["images"].to_dict() == {"a": 499, "b": 299}
    assert len(along.usable(frame)) == 798


@given(st.integers(0, 10_000), st.integers(81, 300), st.sampled_from([0.0, 0.02, 0.05, 0.2]), st.integers(1, 3))
@examples(40)
def test_a_row_agrees_with_itself(seed, n, slope, digits):
    """Times are rounded as with a coarse clock, so that slopes of 0 are frequent."""
    times = 10 * (1 + 0.05 * autocorrelated(0.3, 3, n, seed) + slope * np.linspace(0, 1, n))
    result = drift.drifts(runs(np.round(times, digits)))
    outside = (result["drift_low"] > 0) | (result["drift_high"] < 0)
    assert outside.tolist() == (result["drift_p_adjusted"] < 0.05).tolist()
    has_finding = outside | (result["change_p_adjusted"] < 0.05)
    assert has_finding.tolist() == (result["finding"] != "no drift seen").tolist()
