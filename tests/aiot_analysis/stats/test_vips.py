import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.errors import DataError, PoolingError
from aiot_analysis.stats import intervals, variance, vips
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import images, instance, instances
from tests.aiot_analysis.stats.series import autocorrelated
from tests.examples import examples

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"


def test_equation_1_by_hand():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.8, 20.0))
    result = vips.scores(rows).iloc[0]
    assert result["vips"] == pytest.approx(0.5 / 0.010 + 0.8 / 0.020)  # 90 images a second
    assert result["instances"] == 2 and not result["complete"] and "caffe2_cpu_float32_resnet50" in result["missing"]
    assert vips.scores(rows, "inference")["vips"].iloc[0] == pytest.approx(90 / 0.8)


def test_contributions_by_hand_with_gaps():
    result = vips.contributions(instances(instance(A, 0.5, 10.0))).set_index("instance_id")
    assert len(result) == 24 and result["vips"].notna().sum() == 1
    assert result.loc[A, ["vips", "time_s", "implementation", "model"]].tolist() == [50, 0.01, "tflite_cpu", "mnasnet"]


def test_quantized_score():
    rows = instances(instance(A), instance("tflite_cpu_int8_mnasnet", 0.5, 5.0))
    result = vips.scores(rows, suite=names.PAPER_QUANTIZED).iloc[0]
    assert result["vips"] == pytest.approx(100) and result["instances"] == 1


def test_devices_with_other_instances_or_conditions_are_not_ranked_together():
    rows = instances(
        instance(A, 0.5, 10.0, device_id="a"), instance(B, 0.5, 10.0, device_id="a"),
        instance(A, 0.5, 20.0, device_id="b"), instance(B, 0.5, 10.0, device_id="b"),
        instance(A, 0.5, 1.0, device_id="fast-but-one"),
        instance(A, 0.5, 1.0, device_id="other-weights", weights="x"),
        instance(B, 0.5, 1.0, device_id="other-weights", weights="x"),
    )  # fmt: skip
    result = vips.scores(rows).set_index("device_id")
    assert result["peer_group"].to_dict() == {"a": 1, "b": 1, "other-weights": 2, "fast-but-one": 3}
    assert result["rank"].to_dict() == {"a": 1, "b": 2, "other-weights": 1, "fast-but-one": 1}


def test_a_device_without_any_instance_of_the_suite():
    result = vips.scores(instances(instance(A)), suite=names.PAPER_QUANTIZED).iloc[0]
    assert result["instances"] == 0 and np.isnan(result["vips"]) and pd.isna(result["rank"])


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.1, 1e3)), min_size=2, max_size=6), st.floats(0.1, 10))
@examples(8)
def test_vips_adds_up_over_instances_and_halves_when_time_doubles(tests, factor):
    rows = instances(*(instance(id_, *test) for id_, test in zip(names.PAPER_FLOAT32, tests, strict=False)))
    total = vips.scores(rows)["vips"].iloc[0]
    assert total == pytest.approx(sum(vips.scores(rows.iloc[[i]])["vips"].iloc[0] for i in range(len(rows))))
    slower = rows.assign(end_to_end_ms_mean=rows["end_to_end_ms_mean"] * factor)
    assert vips.scores(slower)["vips"].iloc[0] == pytest.approx(total / factor)


def test_interval_where_no_draw_can_differ_is_a_gap_that_says_why():
    """If all images are right or all are wrong, a bootstrap would give an interval without width."""
    for right in (True, False):
        records = pd.concat([images(A, [right] * 10, [10.0] * 10), images(B, [right] * 10, [20.0] * 10)])
        result = vips.intervals(instances(instance(A, right, 10.0), instance(B, right, 20.0)), records).iloc[0]
        assert result["vips"] == pytest.approx(150 * right)
        assert np.isnan(result["vips_low"]) and pd.isna(result["rank_low"])
        assert result["interval_note"].startswith("no interval: all answers of every instance are equal")
    records = pd.concat([images(A, [True, False] * 5, [10.0] * 10), images(B, [True] * 10, [20.0] * 10)])
    result = vips.intervals(instances(instance(A, 0.5, 10.0), instance(B, 1.0, 20.0)), records).iloc[0]
    assert result["vips_low"] < 100 < result["vips_high"]
    assert result["interval_note"] == "too narrow: all answers of 1 of 2 instances are equal"


def test_interval_of_images_half_of_them_right():
    n = 400
    records = images(A, [True, False] * (n // 2), [10.0] * n)
    rows = variance.assumed(instances(instance(A, 0.5, 10.0)), 0.0)  # runs agree
    result = vips.intervals(rows, records).iloc[0]
    width = 1.96 * np.sqrt(0.25 / n) / 0.010  # the normal interval of a mean of n draws
    assert result["vips_low"] == pytest.approx(50 - width, abs=0.7)
    assert result["vips_high"] == pytest.approx(50 + width, abs=0.7)
    again = vips.intervals(rows, records).iloc[0]
    assert again["vips_low"] == result["vips_low"]


def test_interval_has_room_for_another_run():
    """With half of 2000 images right and runs that agree within 50%, it has 1.96 standard deviations of 14.6%."""
    n = 2000
    records = images(A, [True, False] * (n // 2), [10.0] * n)
    rows = variance.assumed(instances(instance(A, 0.5, 10.0)), 0.5)
    result = vips.intervals(rows, records).iloc[0]
    reach = np.exp(np.hypot(np.log(1.5) / np.sqrt(2), 1.96 * np.sqrt(1 / n)))
    assert result["vips_low"] == pytest.approx(50 / reach, rel=0.03)
    assert result["vips_high"] == pytest.approx(50 * reach, rel=0.03)
    assert result["vops_high"] == pytest.approx(315 * 50 * reach, rel=0.03)


def test_few_sessions_make_the_interval_that_of_student():
    """Differences of runs are known with 5 degrees of freedom, so it has 2.571 standard deviations instead of 1.96."""
    n = 1000
    records = images(A, [True, False] * (n // 2), [10.0] * n)
    rows = variance.assumed(instances(instance(A, 0.5, 10.0)), 0.5).assign(run_sd=0.5, shared_sd=0.0, run_freedom=5.0)
    result = vips.intervals(rows, records, resamples=5000).iloc[0]
    assert np.log(result["vips_high"] / 50) == pytest.approx(2.571 * 0.5, rel=0.07)


def test_neighbours_that_are_alike_widen_the_interval():
    """With an autocorrelation of 0.7, a mean time of a long series has 1.7 / 0.3 times the variance."""
    n = 4000
    times = 10 * np.exp(autocorrelated(0.7, 1, n, seed=1)[0])
    mean = float(times.mean())
    half = [True, False] * (n // 2)
    rows = variance.assumed(instances(instance(A, 0.5, mean)), 0.0)
    widths = []
    for order in (np.arange(n), np.random.default_rng(0).permutation(n)):
        result = vips.intervals(rows, images(A, half, times[order].tolist())).iloc[0]
        widths.append(np.log(result["vips_high"] / result["vips_low"]) / 2 / 1.96)
    of_time, of_answers = times.var() / mean**2 / n, 1 / n
    assert widths[1] == pytest.approx(np.sqrt(of_time + of_answers), rel=0.06)
    assert widths[0] == pytest.approx(np.sqrt(of_time * excess_of_exponentials(0.7) + of_answers), rel=0.15)


def excess_of_exponentials(phi):
    """Return the variance of a mean of exp(x) relative to independent values, where x is AR(1) with variance 1."""
    lags = np.exp(phi ** np.arange(1, 200)) - 1
    return 1 + 2 * (lags / (np.e - 1)).sum()


def test_intervals_and_ranks_hold_with_noise_of_runs_and_neighbours():
    """In 12 trials, devices are 1% apart, times scatter by 10% with an autocorrelation of 0.45, and runs by 1.77%.

    docs/statistics.md has the numbers of larger simulations.
    """
    rng = np.random.default_rng(8)
    n, count, ids = 100, 8, [A, B]
    ms = np.array([10.0, 30.0])[:, None]
    pace = 1.01 ** np.arange(count)[:, None, None]
    devices = [f"d{number}" for number in range(count)]
    truth = (0.9 / (ms / 1000)).sum() / pace.ravel()
    one_device = pd.concat([images(name, [True] * n, [1.0] * n) for name in ids])
    records = pd.concat([one_device.assign(device_id=device) for device in devices], ignore_index=True)
    covered, ranks_held = [], []
    for trial in range(12):
        right = rng.random((count, 2, n)) < 0.9
        noise = 1 + 0.1 * autocorrelated(0.45, count * 2, n, seed=trial).reshape(count, 2, n)
        times = ms * pace * np.exp(rng.normal(0, 0.0177, (count, 1, 1))) * noise
        measured = records.assign(correct=right.ravel(), end_to_end_ms=times.ravel())
        rows = [
            instance(name, float(right[i, j].mean()), float(times[i, j].mean()), device_id=device)
            for i, device in enumerate(devices)
            for j, name in enumerate(ids)
        ]
        result = vips.intervals(instances(*rows), measured, resamples=400).set_index("device_id").loc[devices]
        covered += ((result["vips_low"] <= truth) & (truth <= result["vips_high"])).tolist()
        places = np.arange(1, count + 1)
        ranks_held.append(bool(((result["rank_low"] <= places) & (places <= result["rank_high"])).all()))
    assert 0.90 <= np.mean(covered) <= 0.99
    assert np.mean(ranks_held) >= 0.93


def test_ranks_of_resamples_of_clearly_different_devices():
    rows = instances(instance(A, 0.5, 10.0), instance(A, 0.5, 30.0, device_id="slow"))
    records = [images(A, [True, False] * 20, [10.0] * 40), images(A, [True, False] * 20, [30.0] * 40, device_id="slow")]
    result = vips.intervals(rows, pd.concat(records)).set_index("device_id")
    assert result[["rank", "rank_low", "rank_high"]].loc["slow"].tolist() == [2, 2, 2]


def test_vops_by_hand():
    """VOPS in the paper's app is accuracy * FLOPs (millions) / time (s), with 315 and 3800 from Table II."""
    heavy = "tflite_cpu_float32_resnet50"
    rows = instances(instance(A, 0.5, 10.0), instance(heavy, 0.8, 100.0))
    result = vips.scores(rows).iloc[0]
    assert result["vops"] == pytest.approx(0.5 * 315 / 0.010 + 0.8 * 3800 / 0.100)
    parts = vips.contributions(rows).set_index("instance_id")
    assert parts.loc[A, "share"] == pytest.approx(50 / 58)
    assert parts.loc[A, "vops_share"] == pytest.approx(15750 / (15750 + 30400))


def test_vops_may_rank_devices_the_other_way():
    heavy = "tflite_cpu_float32_resnet50"
    rows = instances(
        instance(A, 0.5, 10.0, device_id="a"), instance(heavy, 0.5, 100.0, device_id="a"),
        instance(A, 0.5, 20.0, device_id="b"), instance(heavy, 0.5, 50.0, device_id="b"),
    )  # fmt: skip
    result = vips.scores(rows).set_index("device_id")
    assert result["rank"].to_dict() == {"a": 1, "b": 2}
    assert result["vops_rank"].to_dict() == {"a": 2, "b": 1}


def test_a_device_without_peers_has_an_interval_and_no_range_of_ranks():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, 10.0, device_id="other"))
    records = [
        images(A, [True, False] * 20, [10.0] * 40),
        images(B, [True, False] * 20, [10.0] * 40, device_id="other"),
    ]
    result = vips.intervals(rows, pd.concat(records))
    assert result["peer_group"].tolist() == [1, 2] and result["rank"].tolist() == [1, 1]
    assert (result["vips_low"] < result["vips_high"]).all()
    assert result[["rank_low", "rank_high"]].isna().all(axis=None)


def test_no_interval_without_image_records_of_an_instance():
    result = vips.intervals(instances(instance(A), instance(B)), images(A, [True], [1.0])).iloc[0]
    assert result["vips"] == 100 and np.isnan(result["vips_low"]) and pd.isna(result["rank_low"])
    assert result["interval_note"] == "no interval: 1 of 2 instances have records of images"
    none = vips.intervals(instances(instance(A)), images(A, [True], [1.0]).iloc[:0]).iloc[0]
    assert none["interval_note"] == "no interval: there are no records of images" and np.isnan(none["vips_low"])


def test_an_instance_that_does_not_count_is_not_drawn_from():
    """The instance has records, but no valid mean time."""
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, 0.0))
    records = pd.concat([images(id_, [True, False] * 30, [10.0] * 60) for id_ in (A, B)])
    result = vips.intervals(rows, records).iloc[0]
    assert result["vips"] == 50 and result["vips_low"] < 50 < result["vips_high"] < 80


def test_an_instance_that_saw_hardly_an_image_leaves_no_interval():
    records = pd.concat([images(A, [True, False] * 30, [10.0] * 60), images(B, [True, False], [10.0] * 2)])
    result = vips.intervals(instances(instance(A), instance(B)), records).iloc[0]
    assert np.isnan(result["vips_low"]) and "so few images" in result["interval_note"]


def test_one_image_gives_a_score_and_no_interval():
    result = vips.intervals(instances(instance(A, 1.0)), images(A, [True], [10.0])).iloc[0]
    assert result["vips"] == 100 and np.isnan(result["vips_low"])
    assert result["interval_note"] == "no interval: there is one image"


def test_records_of_another_run_are_not_drawn_from():
    """Only the later of two runs of a device counts."""
    records = [images(A, [True, False] * 20, [10.0] * 40), images(A, [True, False], [1.0, 1.0], run_id="earlier")]
    result = vips.intervals(instances(instance(A, 0.5, 10.0)), pd.concat(records)).iloc[0]
    assert result["interval_images"] == 40 and result["vips_high"] < 80


def test_parts_by_device_give_what_one_frame_gives():
    rng = np.random.default_rng(1)
    records = [
        images(id_, (rng.random(30) < 0.6).tolist(), rng.uniform(5, 15, 30).tolist(), device_id=device)
        for device in "abc"
        for id_ in (A, B)
    ]
    rows = instances(*(instance(id_, device_id=device) for device in "abc" for id_ in (A, B)))
    expected = vips.intervals(rows, pd.concat(records), resamples=200)
    parts = vips.intervals(rows, (pd.concat(records[i : i + 2]) for i in (0, 2, 4)), resamples=200)
    pd.testing.assert_frame_equal(expected, parts)
    with pytest.raises(DataError, match="device a are in two parts: pass all records of a device at once"):
        vips.intervals(rows, iter(records))


def test_an_image_shown_often_is_drawn_with_all_its_showings():
    """Images shown twice do not narrow the interval, which is around the mean of the showings."""
    once = images(A, [True, False] * 30, [10.0] * 60)
    twice = pd.concat([once, once.assign(query=once["query"] + 60)], ignore_index=True)
    first, second = (vips.intervals(instances(instance(A, 0.5, 10.0)), records).iloc[0] for records in (once, twice))
    assert first[["vips_low", "vips_high"]].tolist() == pytest.approx(second[["vips_low", "vips_high"]].tolist())
    assert second["interval_images"] == 60


def test_an_image_that_failed_is_wrong_and_has_no_time_of_inference():
    """With half of the images failed, accuracy is 1/2 of all, and the time of inference is that of the others."""
    records = images(A, [True, False] * 50, [10.0, 99.0] * 50)
    failed = np.array([False, True] * 50)
    records["failed"], records["inference_ms"] = failed, np.where(failed, np.nan, 8.0)
    accuracy, time_ms = intervals.bootstrap_means(records, "inference", resamples=500)
    assert time_ms[A].to_numpy() == pytest.approx(8.0)
    assert accuracy[A].mean() == pytest.approx(0.5, abs=0.02)
    result = vips.intervals(instances(instance(A, 0.5, 10.0)), records, "inference").iloc[0]  # 8 ms of inference
    assert result["vips_low"] < result["vips"] == 62.5 < result["vips_high"]


@pytest.mark.parametrize("time_ms", [0.0, -5.0, np.nan])
def test_a_time_that_is_none_is_a_gap_and_never_an_infinite_score(time_ms):
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, 10.0)).assign(end_to_end_ms_mean=[10.0, time_ms])
    result = vips.scores(rows).iloc[0]
    assert result["vips"] == 50 and result["instances"] == 1 and B in result["missing"]


def test_a_device_that_got_no_image_right_has_a_score_of_0_and_no_shares():
    result = vips.scores(instances(instance(A, 0.0))).iloc[0]
    assert result["vips"] == 0 and result["instances"] == 1
    assert vips.contributions(instances(instance(A, 0.0)))["share"].isna().all()


def test_two_rows_of_an_instance_are_refused():
    with pytest.raises(DataError, match="has tflite_cpu_float32_mnasnet more than once: choose one run"):
        vips.scores(instances(instance(A), instance(A, run_id="2")))


def test_devices_that_saw_other_images_are_no_peers():
    rows = instances(
        instance(A, device_id="a"), instance(A, device_id="b"),
        instance(A, device_id="part", images=100, distinct_images=100),
        instance(A, device_id="other", dataset_sha256="x"), instance(A, device_id="timed", profile="mlperf-like"),
    )  # fmt: skip
    result = vips.scores(rows).set_index("device_id")
    assert result.loc[["a", "b"], "peer_group"].tolist() == [1, 1]
    assert result["peer_group"].nunique() == 4 and result.loc["part", "group_size"] == 1


def test_an_agent_and_a_tool_share_a_score_of_inference_alone():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.5, None, source="tool", timing="inference"))
    rows.loc[1, "inference_ms_mean"] = 4.0
    assert vips.scores(rows, "inference").iloc[0]["vips"] == pytest.approx(0.5 / 0.008 + 0.5 / 0.004)
    with pytest.raises(PoolingError, match="'end_to_end' and 'inference'"):
        vips.scores(rows)


def test_what_all_devices_have_in_common():
    rows = instances(
        instance(A, device_id="a"), instance(B, device_id="a"), instance(A, device_id="b"),
        instance("tflite_cpu_int8_mnasnet", device_id="c"),
    )  # fmt: skip
    assert vips.common_suite(rows) == [A]  # c has no instance of the suite and does not affect the others
    assert vips.common_suite(rows.iloc[:0]) == []
    result = vips.scores(rows, suite=vips.common_suite(rows))
    assert result.set_index("device_id").loc[["a", "b"], "peer_group"].tolist() == [1, 1]


def test_intervals_cover_the_score_that_was_planted():
    """Accuracies and mean times are known, and images are equally hard for all models."""
    rng = np.random.default_rng(2)
    n, ids = 150, names.PAPER_FLOAT32[:6]
    accuracy, ms = rng.uniform(0.5, 0.8, 6)[:, None], rng.uniform(5, 50, 6)[:, None]
    truth = float((accuracy / (ms / 1000)).sum())
    records = pd.concat([images(id_, [True] * n, [1.0] * n) for id_ in ids], ignore_index=True)
    covered = 0
    for _ in range(200):
        # as hard as for the other models, or drawn again: uniform in both cases
        hard = np.where(rng.random((6, n)) < 0.7, rng.random(n), rng.random((6, n)))
        right, times = hard < accuracy, ms * rng.gamma(20, 1 / 20, (6, n))
        drawn = records.assign(correct=right.ravel(), end_to_end_ms=times.ravel())
        low, high = intervals.percentile_interval(vips.resampled(drawn, resamples=400).sum(axis=1).to_numpy())
        covered += low <= truth <= high
    assert 0.91 <= covered / 200 <= 0.98


def test_devices_that_are_alike_are_in_one_tie_group_and_may_have_any_rank():
    rng = np.random.default_rng(3)
    ids = [f"phone-{number:02}" for number in range(20)]
    records = [
        images(A, (rng.random(60) < 0.5).tolist(), rng.uniform(9, 11, 60).tolist(), device_id=id_) for id_ in ids
    ]
    records[7]["end_to_end_ms"] *= 100  # except for one
    rows = instances(
        *(instance(A, float(part["correct"].mean()), float(part["end_to_end_ms"].mean()), device_id=id_)
          for id_, part in zip(ids, records, strict=True))
    )  # fmt: skip
    result = vips.intervals(rows, pd.concat(records)).set_index("device_id")
    slow, others = result.loc["phone-07"], result.drop(index="phone-07")
    assert slow[["rank_low", "rank_high", "first_ten", "tie_group"]].tolist() == [20, 20, "no", ""]
    assert (others["rank_low"] == 1).all() and (others["rank_high"] == 19).all()
    assert (others["first_ten"] == "open").all() and (others["tie_group"] == "a").all()


def test_a_device_without_records_has_no_rank_and_leaves_those_of_others_open():
    rows = instances(*(instance(A, 0.5, ms, device_id=f"d{ms:.0f}") for ms in (10.0, 20.0, 40.0)))
    records = [images(A, [True, False] * 200, [ms] * 400, device_id=f"d{ms:.0f}") for ms in (10.0, 40.0)]
    result = vips.intervals(rows, pd.concat(records)).set_index("device_id")
    assert result.loc["d10", ["rank_low", "rank_high"]].tolist() == [1, 2]
    assert result.loc["d40", ["rank_low", "rank_high"]].tolist() == [2, 3]
    assert result.loc["d20", ["rank_low", "rank_high"]].isna().all() and result.loc["d20", "tie_group"] == ""


def test_the_first_ten_are_not_judged_for_ten_devices_or_fewer():
    records = images(A, [True, False] * 20, [10.0] * 40)
    assert pd.isna(vips.intervals(instances(instance(A, 0.5)), records)["first_ten"].iloc[0])


def test_table_iv_has_the_first_ten_devices_beside_the_printed_ones_complete_ones_first():
    slow = [instance(id_, 0.5, 20.0, device_id="slow") for id_ in names.PAPER_FLOAT32]
    fast = [instance(id_, 0.5, 10.0, device_id="fast") for id_ in names.PAPER_FLOAT32]
    scores = vips.scores(instances(*slow, *fast, instance(A, 0.9, 0.1, device_id="fastest-but-one")))
    devices = pd.DataFrame([{"device_id": "fast", "maker": "Oppo", "model": "Ace2"}])
    result = vips.table_iv(scores.assign(vips_low=0.0, vips_high=1.0), devices)
    assert len(result) == 10
    assert result["device"].tolist()[:4] == ["Oppo Ace2", "slow", "fastest-but-one", np.nan]
    assert result["instances"].tolist()[:4] == ["24 of 24", "24 of 24", "1 of 24", np.nan]
    assert result["vips"].tolist()[:3] == pytest.approx([24 * 50, 24 * 25, 9000])
    assert result["printed_device"].tolist()[:2] == ["Samsung Galaxy S20", "Oppo Ace2"]
    assert result["printed_vips"].tolist()[9] == 129.46
    nothing = vips.table_iv(scores.iloc[:0].assign(vips_low=0.0, vips_high=1.0), devices)
    assert len(nothing) == 10 and nothing["vips"].isna().all()
