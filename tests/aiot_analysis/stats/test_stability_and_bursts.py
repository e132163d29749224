import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.errors import DataError
from aiot_analysis.stats import drift
from aiot_analysis.tables import along
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.series import autocorrelated, records, runs
from tests.examples import examples

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"
NUMBERS = ["slowdown", "slowdown_low", "slowdown_high"]


def test_the_score_is_the_fastest_part_over_the_slowest():
    times = np.repeat([10.0, 12.5], 200)
    result = along.scores(records(A, np.append(99, times))).iloc[0]  # the first image counts separately
    assert result[["images", "loops", "fastest_ms", "slowest_ms", "stability"]].tolist() == [400, 20, 10, 12.5, 0.8]
    assert result["steadiness"] == "unstable" and result["chance"] > 0.9

    assert along.doubts(along.scores(records(A, np.append(99, times)))) == {
        A: "its time was unstable over the run: the slowest of 20 parts took 25% longer than the fastest, more than "
        "by chance: close other programs, let the device cool and run again"
    }


def test_noise_is_not_called_unstable():
    result = along.scores(runs(10 * (1 + 0.2 * np.abs(autocorrelated(0.0, 300, 500)))))
    assert (result["stability"] < 0.97).all()
    assert (result["steadiness"] == "unstable").mean() <= 0.03  # 1% by definition
    assert (result["stability"] - result["chance"]).median() == pytest.approx(0, abs=0.01)


def test_a_steady_run_is_stable():
    result = along.scores(records(A, 10 * (1 + 0.01 * autocorrelated(0, 1, 500)[0]))).iloc[0]
    assert result["steadiness"] == "stable" and 0.97 <= result["stability"] <= 1


@given(st.lists(st.floats(0.5, 50), min_size=81, max_size=120), st.floats(0.1, 10))
@examples(15)
def test_the_score_is_from_0_to_1_and_knows_no_unit(times, factor):
    result = [along.scores(records(A, np.array(times) * by)).iloc[0] for by in (1, factor)]
    assert 0 <= result[0]["stability"] <= 1
    assert result[0]["stability"] == pytest.approx(result[1]["stability"])
    assert result[0]["chance_low"] <= result[0]["chance"] <= 1


def test_too_few_images_and_a_clock_too_coarse():
    result = along.scores(records(A, np.ones(50))).iloc[0]
    assert result["steadiness"] == "cannot be decided" and np.isnan(result["stability"])
    assert result["gap"] == "49 images with a time after the first, but a score needs 80"
    assert along.scores(records(A, np.zeros(100))).iloc[0]["stability"] == 1
    assert along.scores(records(A, np.ones(3)).iloc[:0]).empty


def test_a_burst_against_the_rest():
    times = np.append(99, np.repeat([10.0, 12.0], [50, 400]))
    result = drift.bursts(records(A, times)).iloc[0]
    assert result[["images", "burst_images", "burst_ms", "rest_ms", "slowdown"]].tolist() == [450, 50, 10, 12, 1.2]
    assert result[["slowdown_low", "slowdown_high"]].isna().all()  # constant times show nothing about its error


def test_a_burst_in_seconds_ends_by_the_clock():
    times = np.append(10, np.repeat([10.0, 20.0], [100, 100]))
    result = drift.bursts(records(A, times), 1.01, "seconds").iloc[0]
    assert result["burst_images"] == 100 and result["slowdown"] == 2
    jumped = records(A, times)
    jumped.loc[150:, "at_s"] += 3600
    result = drift.bursts(jumped, 1.01, "seconds").iloc[0]
    assert np.isnan(result["slowdown"]) and "jump of the clock" in result["gap"]
    assert drift.bursts(jumped, 100).iloc[0]["slowdown"] == 2  # numbers of images need no clock


@pytest.mark.parametrize("phi, least", [(0.0, 0.92), (0.7, 0.91), (0.9, 0.89)])
def test_intervals_of_the_slowdown_cover_where_times_depend_on_those_before(phi, least):
    times = 100 + 5 * autocorrelated(phi, 600, 500)
    times[:, 51:] *= 1.1
    result = drift.bursts(runs(times))
    assert least <= ((result["slowdown_low"] <= 1.1) & (result["slowdown_high"] >= 1.1)).mean() <= 0.985


@pytest.mark.parametrize("n", [1, 30, 60])
def test_a_side_without_images_is_a_gap(n):
    result = drift.bursts(records(A, np.ones(n))).iloc[0]
    assert np.isnan(result["slowdown"])
    assert result["gap"] == f"{min(n - 1, 50)} images in the burst and {max(n - 51, 0)} after it, 20 of each are needed"


@pytest.mark.parametrize("burst, unit", [(50, "minutes"), (0, "images"), (-1, "seconds")])
def test_a_meaningless_burst_is_refused_in_one_sentence(burst, unit):
    with pytest.raises(DataError, match=rf"A burst of {burst} .*(choose images or seconds|choose a number above 0)\."):
        drift.bursts(records(A, np.ones(3)), burst, unit)


def long_and_short(**other):
    rows = instances(
        instance(A, run_id="r1"),
        instance(A, run_id="r2", profile="quick"),
        instance(A, run_id="r3", profile="sustained", **other),
        instance(B, run_id="r1"),
    )
    times = {"r1": (5.0, 40), "r2": (10.0, 50), "r3": (13.0, 300)}
    return rows, pd.concat([records(A, np.full(n, ms), run_id=run) for run, (ms, n) in times.items()])


def test_the_profile_sustained_against_the_latest_other_run():
    rows, images = long_and_short()
    [result] = drift.sustained(rows, images).to_dict("records")
    assert (result["run_id_other"], result["profile"], result["gap"]) == ("r2", "quick", "")
    assert (result["other_ms"], result["sustained_ms"], result["slowdown"]) == (10, 13, 1.3)
    # with constant times, only the agreement of two runs within 5% in 19 of 20 cases is uncertain
    assert (result["slowdown_low"], result["slowdown_high"]) == pytest.approx((1.3 / 1.05, 1.3 * 1.05))


def test_runs_that_differ_are_not_compared_with_the_profile_sustained():
    rows, images = long_and_short(threads=4)
    [result] = drift.sustained(rows, images).to_dict("records")
    assert result["gap"] == "its run r1 differs in threads" and np.isnan(result["slowdown"])
    alone = drift.sustained(rows[rows["profile"] == "sustained"], images).iloc[0]
    assert alone["gap"] == "it was not run with another profile"


def test_a_profile_sustained_without_records_is_a_gap_and_none_is_no_row():
    rows, images = long_and_short()
    [result] = drift.sustained(rows, images[images["run_id"] != "r3"]).to_dict("records")
    assert result["gap"] == "fewer than 20 records of images in one of them"
    nothing = drift.sustained(rows[rows["profile"] != "sustained"], images)
    assert nothing.empty and {"slowdown", "gap"} <= set(nothing)
