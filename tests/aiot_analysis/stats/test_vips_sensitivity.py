import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from aiot_analysis.stats import variance, vips, vips_sensitivity
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import images, instance, instances
from tests.examples import examples

A, B, C = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet", "caffe2_cpu_float32_mnasnet"


def two_devices():
    """Return rows of a device a with 100 and 10 images per second, and of a device b with 50 and 50."""
    return instances(
        instance(A, 1.0, 10.0, device_id="a"), instance(B, 1.0, 100.0, device_id="a"),
        instance(A, 1.0, 20.0, device_id="b"), instance(B, 1.0, 20.0, device_id="b"),
    )  # fmt: skip


def test_leaving_one_out_by_hand():
    result = vips_sensitivity.leave_one_out(two_devices()).set_index(["device_id", "instance_id"])
    assert result["vips"].to_dict() == pytest.approx({("a", A): 110, ("a", B): 110, ("b", A): 100, ("b", B): 100})
    assert result.loc[("a", A), ["share", "vips_without", "rank"]].tolist() == pytest.approx([100 / 110, 10, 1])
    # without A: a 10, b 50; without B: a 100, b 50
    assert result["rank_without"].to_dict() == {("a", A): 2, ("a", B): 1, ("b", A): 1, ("b", B): 2}
    # a alone without A has 10 against 100, without B 100 against 100: equal, and so not behind
    assert result["rank_alone"].to_dict() == {("a", A): 2, ("a", B): 1, ("b", A): 2, ("b", B): 2}


def test_what_each_instance_weighs_by_hand():
    result = vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(two_devices())).set_index("instance_id")
    assert result.index.tolist() == [A, B]  # the larger share first
    assert result.loc[A, ["devices", "tau", "moved", "largest_move"]].tolist() == [2, -1, 2, 1]
    assert result.loc[B, ["tau", "moved"]].tolist() == [1, 0]
    assert result.loc[A, ["share_min", "share_max"]].tolist() == pytest.approx([0.5, 100 / 110])
    assert result.loc[A, "places_lost"] == 0.5  # a loses a place, and b is last in any case


@given(st.lists(st.tuples(*[st.floats(1, 1000)] * 3), min_size=2, max_size=8))
@examples(10)
def test_without_an_instance_ranks_are_those_of_the_score_over_the_others(times):
    rows = instances(
        *(instance(id_, 0.5, ms, device_id=f"d{number}")
          for number, times_of_device in enumerate(times) for id_, ms in zip((A, B, C), times_of_device, strict=True))
    )  # fmt: skip
    result = vips_sensitivity.leave_one_out(rows)
    for id_ in (A, B, C):
        expected = vips.scores(rows[rows["instance_id"] != id_]).set_index("device_id")
        mine = result[result["instance_id"] == id_].set_index("device_id").loc[expected.index]
        assert mine["vips_without"].tolist() == pytest.approx(expected["vips"].tolist())
        apart = expected["vips"].round(6).is_unique  # else rounding may make equal scores differ
        assert not apart or mine["rank_without"].tolist() == expected["rank"].tolist()
    assert (result["rank_alone"] >= result["rank"]).all()


def test_ranks_are_never_taken_across_peer_groups():
    rows = instances(*two_devices().to_dict("records"), instance(A, 1.0, 0.1, device_id="fast-but-one"))
    result = vips_sensitivity.leave_one_out(rows)
    assert result[result["device_id"] == "fast-but-one"]["rank"].tolist() == [1]
    assert result[result["peer_group"] == 1]["rank_without"].max() == 2


def test_one_device_has_no_order():
    rows = instances(instance(A, 1.0, 10.0), instance(B, 1.0, 100.0))
    result = vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(rows))
    assert result["note"].tolist() == ["one device: there is no order"] * 2
    assert result[["tau", "moved", "places_lost"]].isna().all(axis=None)
    assert result["share_median"].tolist() == pytest.approx([100 / 110, 10 / 110])


def test_nothing_measured():
    nothing = instances(instance(A, None, None))
    scores_without = vips_sensitivity.leave_one_out(nothing)
    assert scores_without.empty and vips_sensitivity.by_instance(scores_without).empty
    assert vips_sensitivity.clocks(nothing, images(A, [True], [1.0]).iloc[:0]).empty
    both = vips_sensitivity.timings(nothing)
    assert both[["vips_end_to_end", "vips_inference", "rank_change"]].isna().all(axis=None)
    assert vips_sensitivity.rank_agreement(both, "rank_end_to_end", "rank_inference").empty


def test_agreement_by_hand():
    frame = pd.DataFrame({"peer_group": 1, "one": range(1, 13), "other": [12, *range(2, 12), 1]})
    result = vips_sensitivity.rank_agreement(frame, "one", "other").iloc[0]
    assert result["tau"] == pytest.approx(kendalltau(frame["one"], frame["other"]).statistic)
    assert result[["devices", "moved", "largest_move", "first_ten_changed"]].tolist() == [12, 2, 11, 1]
    few = vips_sensitivity.rank_agreement(frame.iloc[:3].assign(other=[1, 2, 3]), "one", "other").iloc[0]
    assert few["tau"] == 1 and pd.isna(few["first_ten_changed"]) and few["note"] == "no more than ten devices"


def test_both_timings_by_hand():
    rows = two_devices()  # inference takes 0.8 of the time elsewhere
    rows.loc[2, "inference_ms_mean"] = 5.0
    result = vips_sensitivity.timings(rows).set_index("device_id")
    assert result["vips_end_to_end"].to_dict() == pytest.approx({"a": 110, "b": 100})
    assert result["vips_inference"].to_dict() == pytest.approx({"a": 137.5, "b": 200 + 62.5})
    assert result["rank_change"].to_dict() == {"a": -1, "b": 1}
    assert result.loc["b", "ratio"] == pytest.approx(2.625)


def test_what_a_native_tool_measured_has_inference_alone():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, None, source="tool", timing="inference"))
    rows.loc[1, "inference_ms_mean"] = 4.0
    result = vips_sensitivity.timings(rows).iloc[0]
    assert result["vips_inference"] == pytest.approx(187.5) and result["instances"] == 2
    assert pd.isna(result["vips_end_to_end"]) and pd.isna(result["rank_change"]) and pd.isna(result["ratio"])


def test_a_timing_that_some_instance_lacks_is_not_compared():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, 10.0))
    rows.loc[1, "inference_ms_mean"] = np.nan
    result = vips_sensitivity.timings(rows).iloc[0]
    assert result["instances"] == 1 and pd.isna(result["ratio"]) and pd.isna(result["rank_change"])


def clock_rows(times):
    return instances(instance(A, 0.5, float(np.mean(times)))), images(A, [True, False] * (len(times) // 2), list(times))


def test_each_clock_by_hand():
    """Images of 1.6 ms start at 0, 2.5, 5 and 7.5 ms and end at 1.6, 4.1, 6.6 and 9.1 ms."""
    rows, records = clock_rows([1.6] * 4)
    records["at_s"] = [0.0, 0.0025, 0.005, 0.0075]
    result = vips_sensitivity.clocks(rows, records).set_index("clock")["vips"]
    seconds = {"exact": 6.4, "run": 6, "image": 1 + 2 + 1 + 2, "cut": 4}  # thousandths, of four images
    assert result.to_dict() == pytest.approx({name: 0.5 / (ms / 4 / 1000) for name, ms in seconds.items()})


def test_the_clock_of_the_inference_starts_behind_decoding_and_preprocessing():
    rows, records = clock_rows([10.0] * 2)
    records = records.assign(at_s=[0.0, 0.010], decode_ms=0.3, preprocess_ms=0.4, inference_ms=[0.5, 1.5])
    rows["inference_ms_mean"] = 1.0
    result = vips_sensitivity.clocks(rows, records, "inference").set_index("clock")["vips"]
    assert result["image"] == pytest.approx(0.5 / (3 / 2 / 1000))  # 0.7 to 1.2, 10.7 to 12.2: 1 and 2 ms
    assert result["cut"] == pytest.approx(0.5 / (1 / 2 / 1000))


def test_whole_milliseconds_are_the_same_by_every_clock():
    rows, records = clock_rows([7.0, 9.0])
    result = vips_sensitivity.clocks(rows, records.assign(at_s=[0.0001, 0.0071]))
    assert result["vips"].tolist() == pytest.approx([62.5] * 4)
    assert result["change"].tolist() == pytest.approx([0] * 4)


def test_a_clock_that_jumps_back_changes_nothing_but_where_images_start():
    rows, records = clock_rows([1.5] * 4)
    forth = vips_sensitivity.clocks(rows, records.assign(at_s=[0.0, 0.002, 0.004, 0.006]))
    back = vips_sensitivity.clocks(rows, records.assign(at_s=[0.006, 0.0, 0.004, 0.002]))
    assert forth["vips"].tolist() == back["vips"].tolist()


def test_times_under_a_millisecond_have_no_score_by_a_clock_that_cuts():
    rows, records = clock_rows([0.4] * 4)
    result = vips_sensitivity.clocks(rows, records.assign(at_s=[0.0, 0.001, 0.002, 0.003])).set_index("clock")
    assert result.loc["run", "vips"] == pytest.approx(0.5 / (1 / 4 / 1000))
    for clock in ("image", "cut"):
        assert np.isnan(result.loc[clock, "vips"]) and pd.isna(result.loc[clock, "rank"])
        assert result.loc[clock, "note"] == "an instance takes 0 ms by this clock"


def test_an_instance_without_records_leaves_no_score_by_any_clock():
    result = vips_sensitivity.clocks(instances(instance(A), instance(B)), images(A, [True] * 2, [10.0] * 2))
    assert result["vips"].isna().all() and (result["note"] == "an instance has no records of images").all()


def test_reading_before_and_after_each_image_is_right_on_average_and_cutting_is_half_a_millisecond_short():
    rng = np.random.default_rng(4)
    n = 20_000
    times = rng.uniform(4, 6, n)
    rows, records = clock_rows(times)
    result = vips_sensitivity.clocks(rows, records.assign(at_s=np.cumsum(times + 0.1) / 1000)).set_index("clock")
    assert abs(result.loc["run", "change"]) < 1e-5
    assert abs(result.loc["image", "change"]) < 0.003
    assert result.loc["cut", "change"] == pytest.approx(5 / 4.5 - 1, abs=0.003)


def test_intervals_of_shares_hold_them_and_are_null_without_records():
    rng = np.random.default_rng(6)
    records = pd.concat(
        [images(id_, (rng.random(80) < 0.5).tolist(), rng.uniform(9, 11, 80).tolist()) for id_ in (A, B)]
    )
    means = records.groupby("instance_id", observed=True).agg({"correct": "mean", "end_to_end_ms": "mean"})
    rows = instances(*(instance(id_, *map(float, means.loc[id_])) for id_ in (A, B)))
    result = vips_sensitivity.shares(rows, records).dropna(subset=["vips"])
    assert (result["share_low"] < result["share"]).all() and (result["share"] < result["share_high"]).all()
    # of two instances, one has the share that the other lacks
    assert result["share_low"].iloc[0] == pytest.approx(1 - result["share_high"].iloc[1], abs=0.01)
    without = vips_sensitivity.shares(rows, records[records["instance_id"] == A])
    assert len(without) == len(names.PAPER_FLOAT32) and without["share_low"].isna().all()


def test_an_interval_of_a_share_has_room_for_another_run_of_every_instance():
    """Half of the answers are right on the same images, so only runs count: log odds of 0 with sqrt(2) x 0.1."""
    half = [True, False] * 50
    records = pd.concat([images(id_, half, [10.0] * 100) for id_ in (A, B)])
    rows = variance.assumed(instances(instance(A, 0.5, 10.0), instance(B, 0.5, 10.0)))
    rows = rows.assign(run_sd=0.1, shared_sd=5.0)  # the shared part of all instances cancels
    result = vips_sensitivity.shares(rows, records, resamples=20_000).dropna(subset=["vips"])
    reach = 1 / (1 + np.exp(-1.96 * np.sqrt(2) * 0.1))
    assert result["share_high"].tolist() == pytest.approx([reach, reach], abs=0.002)
    assert result["share_low"].tolist() == pytest.approx([1 - reach, 1 - reach], abs=0.002)


def test_a_single_instance_is_all_of_the_score_without_an_interval():
    result = vips_sensitivity.shares(instances(instance(A, 0.5)), images(A, [True, False] * 20, [10.0] * 40))
    assert result["share"].max() == 1 and result[["share_low", "share_high"]].isna().all(axis=None)
