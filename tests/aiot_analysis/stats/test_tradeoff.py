import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.errors import DataError, PoolingError
from aiot_analysis.stats import tradeoff, variance
from tests.aiot_analysis.conftest import images, instance, instances
from tests.examples import examples

F32, DYNAMIC, INT8, F16 = (
    f"tflite_cpu_{quantization}_mnasnet" for quantization in ("float32", "dynamic", "int8", "float16")
)


def four(device="local", int8_ms=1.0):
    """Return float32 at 4 ms and all right, a slower half right dynamic, a faster int8 with 3 of 4, and float16.

    float16 has the times and answers of float32.
    """
    answers = {F32: (4.0, [1, 1, 1, 1]), DYNAMIC: (8.0, [1, 1, 0, 0]), INT8: (int8_ms, [1, 1, 1, 0])}
    answers[F16] = (4.0, [1, 1, 1, 1])
    rows = [instance(id_, device_id=device) for id_ in answers]
    records = [
        images(id_, [bool(right) for right in answer], [ms] * 4, device_id=device)
        for id_, (ms, answer) in answers.items()
    ]
    return rows, records


def test_by_hand():
    rows, records = four()
    result = tradeoff.tradeoff(instances(*rows), pd.concat(records)).set_index("quantization")
    assert result.loc["int8", ["speed_up", "change", "model_mb_ratio"]].tolist() == [4, -0.25, 4]
    assert result.loc["dynamic", ["speed_up", "change"]].tolist() == [0.5, -0.5]
    assert result.loc["float32", ["speed_up", "change"]].tolist() == [1, 0]
    # float16 is as fast and as accurate as float32: neither beats the other
    assert result["pareto"].to_dict() == {"dynamic": False, "float16": True, "float32": True, "int8": True}
    assert result["instance_id"].to_dict() == {"dynamic": DYNAMIC, "float16": F16, "float32": F32, "int8": INT8}
    assert (result["note"] == "").all()


def test_the_probability_of_being_on_the_front_by_hand():
    """dynamic is never faster, so never on it; int8 is always fastest; float32 unless all drawn images are among the
    three that int8 gets right, too: (3/4)**4 of the draws, where int8 beats it."""
    rows, records = four()
    alike = variance.assumed(instances(*rows), run_to_run=0)
    result = tradeoff.tradeoff(alike, pd.concat(records), resamples=20_000).set_index("quantization")
    assert result.loc["int8", "pareto_probability"] == 1
    assert result.loc["dynamic", "pareto_probability"] == 0
    assert result.loc["float32", "pareto_probability"] == pytest.approx(1 - 0.75**4, abs=0.02)
    assert result.loc["float16", "pareto_probability"] == result.loc["float32", "pareto_probability"]


def test_versions_of_one_speed_are_each_the_faster_one_in_half_of_the_runs():
    """float16 and float32 have the same time and answers; with the noise of runs, one of them is always beaten."""
    rows, records = four()
    result = tradeoff.tradeoff(instances(*rows), pd.concat(records), resamples=20_000).set_index("quantization")
    chances = result["pareto_probability"]
    assert chances["float32"] == pytest.approx((1 - 0.75**4) / 2, abs=0.02)
    assert chances["float32"] + chances["float16"] == pytest.approx(1 - 0.75**4, abs=0.02)


def test_pareto_by_hand_with_gaps_and_groups():
    frame = pd.DataFrame({"speed_up": [1, 2, 2, 3, np.nan, 1], "change": [0, 0, -0.1, -0.2, 0, 0]})
    result = tradeoff.pareto(frame, pd.Series([0, 0, 0, 0, 0, 1]))
    assert result[:4].tolist() == [False, True, False, True]
    assert result[4:].isna().all()  # one version without numbers, and one without others to compare with


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(-5, 5)), min_size=2, max_size=8))
@examples(100)
def test_the_front_is_what_no_other_beats_and_never_empty(points):
    speed, change = zip(*points, strict=True)
    frame = pd.DataFrame({"speed_up": speed, "change": change}, dtype=float)
    front = tradeoff.pareto(frame, pd.Series(0, index=frame.index))
    beaten = [any(o != p and o[0] >= p[0] and o[1] >= p[1] for o in points) for p in points]
    assert front.tolist() == [not is_beaten for is_beaten in beaten]
    assert front.any()


def test_parts_by_device_give_what_one_frame_gives():
    first, second = four("a"), four("b", int8_ms=2.0)
    rows = instances(*first[0], *second[0])
    expected = tradeoff.tradeoff(rows, pd.concat([*first[1], *second[1]]), resamples=50)
    parts = tradeoff.tradeoff(rows, (pd.concat(records) for records in (first[1], second[1])), resamples=50)
    pd.testing.assert_frame_equal(expected, parts)
    with pytest.raises(DataError, match="Image records of device a are in two parts"):
        tradeoff.tradeoff(rows, iter([pd.concat(first[1]), pd.concat(first[1])]))


def test_over_devices_by_hand():
    first, second = four("a"), four("b", int8_ms=2.0)
    third = [instance(id_, device_id="c") for id_ in (F32, INT8)]  # of two versions, so counted separately
    more = [images(F32, [True] * 4, [4.0] * 4, device_id="c"), images(INT8, [True] * 4, [2.0] * 4, device_id="c")]
    rows = instances(*first[0], *second[0], *third)
    result = tradeoff.over_devices(tradeoff.tradeoff(rows, pd.concat([*first[1], *second[1], *more]), resamples=50))
    assert result["quantization"].tolist() == ["float32", "dynamic", "int8", "float16"]
    int8 = result.set_index("quantization").loc["int8"]
    assert int8[["devices", "speed_up", "speed_up_min", "speed_up_max", "compared", "on_front"]].tolist() == [
        3, 2, 2, 4, 2, 2,
    ]  # fmt: skip
    assert np.isnan(int8["speed_up_low"])  # three devices are too few for an interval


def test_an_instance_without_image_records_has_no_paired_numbers_and_says_so():
    records = images(F32, [True, False], [1.0, 1.0])
    result = tradeoff.tradeoff(instances(instance(F32), instance(INT8)), records).set_index("quantization")
    assert result.loc["int8", ["change", "speed_up", "pareto", "pareto_probability"]].isna().all()
    assert result.loc["int8", "note"] == "there are no image records of it and of float32"
    assert pd.isna(result.loc["float32", "pareto"]) and np.isnan(result.loc["float32", "pareto_probability"])


def test_a_device_without_any_image_records():
    result = tradeoff.tradeoff(instances(instance(F32), instance(INT8)), images(F32, [True], [1.0]).iloc[:0])
    assert result.set_index("quantization")["speed_up"].isna().to_dict() == {"float32": False, "int8": True}
    assert result["n_images"].fillna(0).tolist() == [0, 0]


@pytest.mark.parametrize("right", [True, False])
def test_all_right_or_all_wrong_on_both_sides_is_no_change(right):
    records = pd.concat([images(F32, [right] * 20, [4.0] * 20), images(INT8, [right] * 20, [2.0] * 20)])
    int8 = tradeoff.tradeoff(instances(instance(F32), instance(INT8)), records).set_index("quantization").loc["int8"]
    assert int8[["change", "speed_up", "p_value"]].tolist() == [0, 2, 1]
    assert int8["change_low"] < 0 < int8["change_high"] and int8["pareto"]


def test_one_image_is_a_comparison_of_one_image():
    records = pd.concat([images(F32, [True], [4.0]), images(INT8, [True], [2.0])])
    int8 = tradeoff.tradeoff(instances(instance(F32), instance(INT8)), records).set_index("quantization").loc["int8"]
    assert int8["n_images"] == 1 and int8["p_value"] == 1 and int8["change_low"] < -0.5


def test_versions_under_other_conditions_are_refused():
    with pytest.raises(PoolingError, match="weights"):
        tradeoff.tradeoff(instances(instance(F32), instance(INT8, weights="x")), images(F32, [True], [1.0]))


def test_nothing_to_trade():
    result = tradeoff.tradeoff(instances(instance(F32)), images(F32, [True], [1.0]))
    assert result.empty and tradeoff.over_devices(result).empty


def test_sizes_by_hand():
    rows = instances(
        instance(F32), instance(INT8), instance(INT8.replace("cpu", "nnapi")),
        instance(F32, device_id="b", model_mb=9.0, model_sha256="other"), instance(INT8, device_id="b"),
        instance("tflite_cpu_dynamic_squeezenet", model_mb=None),
    )  # fmt: skip
    result = tradeoff.sizes(rows)
    assert result["quantization"].tolist() == ["dynamic", "float32", "int8"]  # SqueezeNet is before MnasNet
    assert result.iloc[0][["mb_min", "ratio_min"]].isna().all()
    assert result.iloc[1][["files", "mb_min", "mb_max", "ratio_min"]].tolist() == [2, 8, 9, 1]
    assert result.iloc[2][["files", "mb_min", "ratio_min", "ratio_max"]].tolist() == [1, 2, 4, 4.5]


def test_coverage_of_the_front_probability():
    """If two versions are practically equal, each wins equally often, and the probability is uniform."""
    rng = np.random.default_rng(5)
    n, rows, records = 200, [], []
    for trial in range(60):  # one device each, with no other difference
        hard, device = rng.random(n), f"trial-{trial:02}"
        for id_ in (F32, INT8):
            right, times_ms = (hard + rng.normal(0, 0.1, n) < 0.6).tolist(), rng.lognormal(1, 0.05, n).tolist()
            rows.append(instance(id_, device_id=device))
            records.append(images(id_, right, times_ms, device_id=device))
    result = tradeoff.tradeoff(instances(*rows), pd.concat(records), resamples=200)
    chances = result[result["quantization"] == "int8"]["pareto_probability"]
    assert len(chances) == 60
    # beaten if the other is better in both, which is a quarter of the cases
    assert np.mean(chances) == pytest.approx(0.75, abs=0.08)
