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
    found = vips_sensitivity.leave_one_out(two_devices()).set_index(["device_id", "instance_id"])
    assert found["vips"].to_dict() == pytest.approx({("a", A): 110, ("a", B): 110, ("b", A): 100, ("b", B): 100})
    assert found.loc[("a", A), ["share", "vips_without", "rank"]].tolist() == pytest.approx([100 / 110, 10, 1])
    # without A: a 10, b 50; without B: a 100, b 50
    assert found["rank_without"].to_dict() == {("a", A): 2, ("a", B): 1, ("b", A): 1, ("b", B): 2}
    # a alone without A has 10 against 100, without B 100 against 100: equal, and so not behind
    assert found["rank_alone"].to_dict() == {("a", A): 2, ("a", B): 1, ("b", A): 2, ("b", B): 2}


def test_what_each_instance_weighs_by_hand():
    found = vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(two_devices())).set_index("instance_id")
    assert found.index.tolist() == [A, B]  # the larger share first
    assert found.loc[A, ["devices", "tau", "moved", "largest_move"]].tolist() == [2, -1, 2, 1]
    assert found.loc[B, ["tau", "moved"]].tolist() == [1, 0]
    assert found.loc[A, ["share_min", "share_max"]].tolist() == pytest.approx([0.5, 100 / 110])
    assert found.loc[A, "places_lost"] == 0.5  # a loses a place, and b is last in any case


@given(st.lists(st.tuples(*[st.floats(1, 1000)] * 3), min_size=2, max_size=8))
@examples(10)
def test_without_an_instance_ranks_are_those_of_the_score_over_the_others(times):
    rows = instances(
        *(instance(one, 0.5, ms, device_id=f"d{number}")
          for number, some in enumerate(times) for one, ms in zip((A, B, C), some, strict=True))
    )  # fmt: skip
    found = vips_sensitivity.leave_one_out(rows)
    for one in (A, B, C):
        others = vips.scores(rows[rows["instance_id"] != one]).set_index("device_id")
        mine = found[found["instance_id"] == one].set_index("device_id").loc[others.index]
        assert mine["vips_without"].tolist() == pytest.approx(others["vips"].tolist())
        apart = others["vips"].round(6).is_unique  # else rounding may make equal scores differ
        assert not apart or mine["rank_without"].tolist() == others["rank"].tolist()
    assert (found["rank_alone"] >= found["rank"]).all()


def test_ranks_are_never_taken_across_peer_groups():
    rows = instances(*two_devices().to_dict("records"), instance(A, 1.0, 0.1, device_id="fast-but-one"))
    found = vips_sensitivity.leave_one_out(rows)
    assert found[found["device_id"] == "fast-but-one"]["rank"].tolist() == [1]
    assert found[found["peer_group"] == 1]["rank_without"].max() == 2


def test_one_device_has_no_order():
    rows = instances(instance(A, 1.0, 10.0), instance(B, 1.0, 100.0))
    found = vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(rows))
    assert found["note"].tolist() == ["one device: there is no order"] * 2
    assert found[["tau", "moved", "places_lost"]].isna().all(axis=None)
    assert found["share_median"].tolist() == pytest.approx([100 / 110, 10 / 110])


def test_nothing_measured():
    nothing = instances(instance(A, None, None))
    left = vips_sensitivity.leave_one_out(nothing)
    assert left.empty and vips_sensitivity.by_instance(left).empty
    assert vips_sensitivity.clocks(nothing, images(A, [True], [1.0]).iloc[:0]).empty
    both = vips_sensitivity.timings(nothing)
    assert both[["vips_end_to_end", "vips_inference", "rank_change"]].isna().all(axis=None)
    assert vips_sensitivity.rank_agreement(both, "rank_end_to_end", "rank_inference").empty


def test_agreement_by_hand():
    frame = pd.DataFrame({"peer_group": 1, "one": range(1, 13), "other": [12, *range(2, 12), 1]})
    found = vips_sensitivity.rank_agreement(frame, "one", "other").iloc[0]
    assert found["tau"] == pytest.approx(kendalltau(frame["one"], frame["other"]).statistic)
    assert found[["devices", "moved", "largest_move", "first_ten_changed"]].tolist() == [12, 2, 11, 1]
    few = vips_sensitivity.rank_agreement(frame.iloc[:3].assign(other=[1, 2, 3]), "one", "other").iloc[0]
    assert few["tau"] == 1 and pd.isna(few["first_ten_changed"]) and few["note"] == "no more than ten devices"


def test_both_timings_by_hand():
    rows = two_devices()  # inference takes 0.8 of the time elsewhere
    rows.loc[2, "inference_ms_mean"] = 5.0
    found = vips_sensitivity.timings(rows).set_index("device_id")
    assert found["vips_end_to_end"].to_dict() == pytest.approx({"a": 110, "b": 100})
    assert found["vips_inference"].to_dict() == pytest.approx({"a": 137.5, "b": 200 + 62.5})
    assert found["rank_change"].to_dict() == {"a": -1, "b": 1}
    assert found.loc["b", "ratio"] == pytest.approx(2.625)


def test_what_a_native_tool_measured_has_inference_alone():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, None, source="tool", timing="inference"))
    rows.loc[1, "inference_ms_mean"] = 4.0
    found = vips_sensitivity.timings(rows).iloc[0]
    assert found["vips_inference"] == pytest.approx(187.5) and found["instances"] == 2
    assert pd.isna(found["vips_end_to_end"]) and pd.isna(found["rank_change"]) and pd.isna(found["ratio"])


def test_a_timing_that_some_instance_lacks_is_not_compared():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, 10.0))
    rows.loc[1, "inference_ms_mean"] = np.nan
    found = vips_sensitivity.timings(rows).iloc[0]
    assert found["instances"] == 1 and pd.isna(found["ratio"]) and pd.isna(found["rank_change"])


def clock_rows(times):
    return instances(instance(A, 0.5, float(np.mean(times)))), images(A, [True, False] * (len(times) // 2), list(times))


def test_each_clock_by_hand():
    """Images of 1.6 ms start at 0, 2.5, 5 and 7.5 ms and end at 1.6, 4.1, 6.6 and 9.1 ms."""
    rows, records = clock_rows([1.6] * 4)
    records["at_s"] = [0.0, 0.0025, 0.005, 0.0075]
    found = vips_sensitivity.clocks(rows, records).set_index("clock")["vips"]
    seconds = {"exact": 6.4, "run": 6, "image": 1 + 2 + 1 + 2, "cut": 4}  # thousandths, of four images
    assert found.to_dict() == pytest.approx({name: 0.5 / (ms / 4 / 1000) for name, ms in seconds.items()})


def test_the_clock_of_the_inference_starts_behind_decoding_and_preprocessing():
    rows, records = clock_rows([10.0] * 2)
    records = records.assign(at_s=[0.0, 0.010], decode_ms=0.3, preprocess_ms=0.4, inference_ms=[0.5, 1.5])
    rows["inference_ms_mean"] = 1.0
    found = vips_sensitivity.clocks(rows, records, "inference").set_index("clock")["vips"]
    assert found["image"] == pytest.approx(0.5 / (3 / 2 / 1000))  # 0.7 to 1.2, 10.7 to 12.2: 1 and 2 ms
    assert found["cut"] == pytest.approx(0.5 / (1 / 2 / 1000))


def test_whole_milliseconds_are_the_same_by_every_clock():
    rows, records = clock_rows([7.0, 9.0])
    found = vips_sensitivity.clocks(rows, records.assign(at_s=[0.0001, 0.0071]))
    assert found["vips"].tolist() == pytest.approx([62.5] * 4)
    assert found["change"].tolist() == pytest.approx([0] * 4)


def test_a_clock_that_jumps_back_changes_nothing_but_where_images_start():
    rows, records = clock_rows([1.5] * 4)
    forth = vips_sensitivity.clocks(rows, records.assign(at_s=[0.0, 0.002, 0.004, 0.006]))
    back = vips_sensitivity.clocks(rows, records.assign(at_s=[0.006, 0.0, 0.004, 0.002]))
    assert forth["vips"].tolist() == back["vips"].tolist()


def test_times_under_a_millisecond_have_no_score_by_a_clock_that_cuts():
    rows, records = clock_rows([0.4] * 4)
    found = vips_sensitivity.clocks(rows, records.assign(at_s=[0.0, 0.001, 0.002, 0.003])).set_index("clock")
    assert found.loc["run", "vips"] == pytest.approx(0.5 / (1 / 4 / 1000))
    for clock in ("image", "cut"):
        assert np.isnan(found.loc[clock, "vips"]) and pd.isna(found.loc[clock, "rank"])
        assert found.loc[clock, "note"] == "an instance takes 0 ms by this clock"


def test_an_instance_without_records_leaves_no_score_by_any_clock():
    found = vips_sensitivity.clocks(instances(instance(A), instance(B)), images(A, [True] * 2, [10.0] * 2))
    assert found["vips"].isna().all() and (found["note"] == "an instance has no records of images").all()


def test_reading_before_and_after_each_image_is_right_on_average_and_cutting_is_half_a_millisecond_short():
    rng = np.random.default_rng(4)
    n = 20_000
    times = rng.uniform(4, 6, n)
    rows, records = clock_rows(times)
    found = vips_sensitivity.clocks(rows, records.assign(at_s=np.cumsum(times + 0.1) / 1000)).set_index("clock")
    assert abs(found.loc["run", "change"]) < 1e-5
    assert abs(found.loc["image", "change"]) < 0.003
    assert found.loc["cut", "change"] == pytest.approx(5 / 4.5 - 1, abs=0.003)


def test_intervals_of_shares_hold_them_and_are_null_without_records():
    rng = np.random.default_rng(6)
    records = pd.concat(
        [images(one, (rng.random(80) < 0.5).tolist(), rng.uniform(9, 11, 80).tolist()) for one in (A, B)]
    )
    means = records.groupby("instance_id", observed=True).agg({"correct": "mean", "end_to_end_ms": "mean"})
    rows = instances(*(instance(one, *map(float, means.loc[one])) for one in (A, B)))
    found = vips_sensitivity.shares(rows, records).dropna(subset=["vips"])
    assert (found["share_low"] < found["share"]).all() and (found["share"] < found["share_high"]).all()
    # of two instances, one has the share that the other lacks
    assert found["share_low"].iloc[0] == pytest.approx(1 - found["share_high"].iloc[1], abs=0.01)
    without = vips_sensitivity.shares(rows, records[records["instance_id"] == A])
    assert len(without) == len(names.PAPER_FLOAT32) and without["share_low"].isna().all()


def test_an_interval_of_a_share_has_room_for_another_run_of_every_instance():
    """Half of the answers are right on the same images, so only runs count: log odds of 0 with sqrt(2) x 0.1."""
    half = [True, False] * 50
    records = pd.concat([images(one, half, [10.0] * 100) for one in (A, B)])
    rows = variance.assumed(instances(instance(A, 0.5, 10.0), instance(B, 0.5, 10.0)))
    rows = rows.assign(run_sd=0.1, shared_sd=5.0)  # the shared part of all instances cancels
    found = vips_sensitivity.shares(rows, records, resamples=20_000).dropna(subset=["vips"])
    reach = 1 / (1 + np.exp(-1.96 * np.sqrt(2) * 0.1))
    assert found["share_high"].tolist() == pytest.approx([reach, reach], abs=0.002)
    assert found["share_low"].tolist() == pytest.approx([1 - reach, 1 - reach], abs=0.002)


def test_a_single_instance_is_all_of_the_score_without_an_interval():
    found = vips_sensitivity.shares(instances(instance(A, 0.5)), images(A, [True, False] * 20, [10.0] * 40))
    assert found["share"].max() == 1 and found[["share_low", "share_high"]].isna().all(axis=None)
