import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.stats import operators
from aiot_analysis.tables import select, storage
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.networks import RUN, times


def test_shares_are_means_of_the_shares_of_each_pass():
    result = operators.shares(times("mnasnet", {"convolution": 3, "relu": 1}, {"convolution": 50, "relu": 50}))
    by_kind = result.set_index("kind")
    assert by_kind["share"].to_dict() == {"convolution": 0.625, "relu": 0.375}  # of 0.75 and 0.5; of sums 0.51
    assert by_kind["time_ms"].to_dict() == {"convolution": 26.5, "relu": 25.5}
    assert by_kind.loc["convolution", ["share_p5", "share_p95"]].tolist() == pytest.approx([0.5125, 0.7375])
    assert by_kind["calls"].tolist() == [1, 1]
    assert by_kind["repetitions"].tolist() == [2, 2]


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.floats(0.001, 1e6), min_size=1), min_size=1, max_size=5))
def test_shares_of_a_network_add_up_to_one(passes):
    result = operators.shares(times("mnasnet", *passes))
    assert result["share"].sum() == pytest.approx(1)
    assert set(result["kind"]) == {kind for one in passes for kind in one}
    assert (result["share_p5"] <= result["share_p95"]).all()


def test_the_bins_of_figure_2_have_its_ticks_in_their_middles_and_leave_nothing_out():
    frame = pd.concat(
        [
            times("mnasnet", {"convolution": 0.15, "depthwise convolution": 0.0, "relu": 0.5}),
            times("mnasnet", {"convolution": 1.95, "depthwise convolution": 7.0}),
        ]
    )
    result = operators.convolution_times(frame)
    middles = ((result["low_ms"] + result["high_ms"]) / 2).round(2).tolist()
    assert middles[1:-1:2] == [0.21, 0.49, 0.77, 1.05, 1.33, 1.61, 1.89]
    counts = result.set_index("low_ms")["convolutions"]
    assert counts[counts > 0].to_dict() == {0.0: 1, 0.14: 1, 1.82: 1, 1.96: 1}
    assert np.isinf(result["high_ms"].iloc[-1]) and result["share"].iloc[-1] == 0.25
    assert set(result["repetitions"]) == {1}


@given(st.lists(st.floats(0, 100), min_size=1))
def test_every_convolution_is_in_one_bin(values):
    frame = times("mnasnet", *({"convolution": value} for value in values))
    result = operators.convolution_times(frame)
    assert result["convolutions"].sum() == len(values)
    assert result["share"].sum() == pytest.approx(1)


def test_coverage_compares_operators_with_their_passes():
    passes = storage.table(
        "passes",
        pd.DataFrame(
            {
                "repetition": range(3),
                "profiled_ms": [10.0, 10.0, 13.0],
                "plain_ms": [8.0, 5.0, 20.0],
                "model": "mnasnet",
            }
        ).assign(**RUN),
    )
    frame = times(
        "mnasnet", {"convolution": 6, "relu": 2}, {"convolution": 8, "relu": 1}, {"convolution": 8, "relu": 0.5}
    )
    [result] = operators.coverage(frame, passes).to_dict("records")
    assert (result["repetitions"], result["operators_ms"]) == (3, 8.5)
    assert (result["profiled_ms"], result["plain_ms"]) == (10.0, 8.0)
    assert result["covered"] == pytest.approx(
        0.85
    )  # the ratio of the adjacent numbers; the median of the ratios is 0.8
    assert result["overhead"] == pytest.approx(0.25)


def test_only_rows_of_the_runs_asked_for_are_used():
    first, second = (times("mnasnet", {"relu": 1}, run_id=run) for run in ("r1", "r2"))
    rows = instances(instance("pytorch_cpu_float32_mnasnet", run_id="r2"))
    assert operators.matching_rows(pd.concat([first, second]), rows)["run_id"].tolist() == ["r2"]


def test_of_a_study_the_latest_usable_run_of_each_instance_is_chosen():
    mnasnet, resnet50 = "pytorch_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"
    table = instances(
        instance(mnasnet, run_id="r1", study="profile"),
        instance(mnasnet, run_id="r2", study="profile"),
        instance(mnasnet, run_id="r3", study="resize"),
        instance(mnasnet, run_id="r4"),
        instance(resnet50, run_id="r1", study="profile"),
        instance(resnet50, run_id="r2", study="profile", verdict="invalid"),
    )
    result = select.of_study(table, select.PROFILE)
    assert result[["instance_id", "run_id"]].values.tolist() == [[mnasnet, "r2"], [resnet50, "r1"]]
    assert select.of_suite(table)["run_id"].tolist() == ["r4"]


def test_nothing_profiled_gives_empty_frames():
    nothing = storage.table("operators", [])
    assert operators.shares(nothing).empty
    assert operators.convolution_times(nothing).empty
    assert operators.coverage(nothing, storage.table("passes", [])).empty
