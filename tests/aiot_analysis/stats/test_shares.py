import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import shares
from tests.aiot_analysis.conftest import images, instance, instances
from tests.examples import examples

NO_IMAGES = images("tflite_cpu_float32_mnasnet", [True], [1.0]).iloc[:0]


def rows_of(**times):
    return instances(*(instance(f"{id_}_float32_mnasnet", time_ms=time) for id_, time in times.items()))


def values_of(frame, model="mnasnet"):
    return frame[frame["model"] == model].set_index(frame.columns[2])


def test_shares_of_three_frameworks_by_hand():
    result = values_of(shares.frameworks(rows_of(tflite_cpu=10.0, pytorch_cpu=30.0, caffe2_cpu=60.0)))
    assert result["share"].to_dict() == pytest.approx({"tflite_cpu": 0.1, "pytorch_cpu": 0.3, "caffe2_cpu": 0.6})
    assert not result["partial"].any() and (result["missing"] == "").all()


def test_a_lacking_part_is_a_gap_and_not_a_smaller_sum():
    result = values_of(shares.frameworks(rows_of(tflite_cpu=10.0, pytorch_cpu=30.0)))
    assert result["share"].isna().all() and (result["missing"] == "caffe2_cpu").all()


def test_partial_shares_are_flagged():
    result = values_of(shares.frameworks(rows_of(tflite_cpu=10.0, pytorch_cpu=30.0), partial=True))
    assert result["share"].iloc[:2].tolist() == [0.25, 0.75] and np.isnan(result.loc["caffe2_cpu", "share"])
    assert result["partial"].all()


def test_one_part_has_no_share():
    result = values_of(shares.nnapi(rows_of(tflite_cpu=10.0), partial=True))
    assert result["share"].isna().all() and not result["partial"].any()


def test_the_fastest_part_is_named_where_its_interval_is_beyond_those_of_all_others():
    columns = ["model", "device_id", "implementation", *shares.SPEED_UP]
    faster = pd.DataFrame(
        [
            ("mnasnet", "a", "pytorch_cpu", 2.0, 1.8, 2.2),
            ("mnasnet", "a", "caffe2_cpu", 1.5, 1.3, 1.7),
            ("mnasnet", "b", "pytorch_cpu", 2.0, 1.6, 2.2),
            ("mnasnet", "b", "caffe2_cpu", 1.5, 1.3, 1.7),
            ("mnasnet", "c", "pytorch_cpu", 0.8, 0.7, 0.9),
            ("mnasnet", "d", "pytorch_cpu", 0.9, 0.8, 1.1),
        ],
        columns=columns,
    )
    leaders = shares.fastest(faster, "tflite_cpu").set_index("device_id")["leader"]
    assert leaders.to_dict() == {"a": "pytorch_cpu", "b": "", "c": "tflite_cpu", "d": ""}


def test_every_panel_and_device_is_there():
    result = shares.models(rows_of(tflite_cpu=10.0), devices=["local", "other"])
    assert len(result) == 4 * 2 * 6
    assert result["missing"].str.contains("resnet50").all()


def test_quantizations_by_hand():
    ids = [f"tflite_nnapi_{id_}_mnasnet" for id_ in ("float32", "dynamic", "int8", "float16")]
    result = shares.quantizations(
        instances(*(instance(id_, time_ms=t) for id_, t in zip(ids, [4, 3, 2, 1], strict=True)))
    )
    mine = result[(result["model"] == "mnasnet") & (result["delegate"] == "nnapi")]
    assert mine["share"].tolist() == [0.4, 0.3, 0.2, 0.1]
    assert result["share"].notna().sum() == 4


def test_two_runs_of_an_instance_are_refused():
    twice = instances(instance("tflite_cpu_float32_mnasnet"), instance("tflite_cpu_float32_mnasnet", run_id="2"))
    with pytest.raises(PoolingError, match="more than once"):
        shares.nnapi(twice)


@given(st.lists(st.floats(0.01, 1e4), min_size=3, max_size=3))
@examples(20)
def test_shares_are_positive_and_sum_to_one(times):
    names = ("tflite_cpu", "pytorch_cpu", "caffe2_cpu")
    result = values_of(shares.frameworks(rows_of(**dict(zip(names, times, strict=True)))))
    assert (result["share"] > 0).all() and result["share"].sum() == pytest.approx(1)


def two_devices():
    ids = ["tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet", "tflite_nnapi_float32_mnasnet"]
    times = {"one": [10.0, 20.0, 5.0], "two": [30.0, 15.0, 60.0]}
    rows = [
        instance(id_, time_ms=ms, device_id=device, end_to_end_ms_sd=ms / 10)
        for device, each in times.items()
        for id_, ms in zip(ids, each, strict=True)
    ]
    shown = [
        images(id_, [True] * 50, list(np.linspace(0.8, 1.2, 50) * ms), device_id=device)
        for device, each in times.items()
        for id_, ms in zip(ids, each, strict=True)
    ]
    return instances(*rows), pd.concat(shown, ignore_index=True)


def test_what_the_shares_of_figure_5_hide():
    rows, shown = two_devices()
    result = shares.speed_ups(rows, shown, "frameworks")
    assert result.columns.tolist()[:4] == ["model", "device_id", "implementation", "n_images"]
    assert result[["device_id", "implementation"]].values.tolist() == [["one", "pytorch_cpu"], ["two", "pytorch_cpu"]]
    assert result["speed_up"].tolist() == pytest.approx([0.5, 2.0])
    assert (result["speed_up_low"] <= result["speed_up"]).all() and (
        result["speed_up"] <= result["speed_up_high"]
    ).all()
    assert result["n_images"].tolist() == [50, 50]


def test_what_the_shares_of_figure_6_hide():
    rows, shown = two_devices()
    assert shares.speed_ups(rows, shown, "nnapi")["speed_up"].tolist() == pytest.approx([2.0, 0.5])


def test_figures_7_and_9_are_against_resnet50_and_float32():
    ids = [f"tflite_cpu_{id_}" for id_ in ("float32_resnet50", "float32_mnasnet", "int8_resnet50", "int8_mnasnet")]
    rows = instances(*(instance(id_, time_ms=ms) for id_, ms in zip(ids, [40.0, 10.0, 20.0, 8.0], strict=True)))
    rows = rows.assign(end_to_end_ms_sd=1.0)
    models = shares.speed_ups(rows, NO_IMAGES, "models")
    assert models[["implementation", "model"]].values.tolist() == [["tflite_cpu", "mnasnet"]]
    assert models["speed_up"].tolist() == pytest.approx([4.0])
    result = shares.speed_ups(rows, NO_IMAGES, "quantizations").set_index("model")
    assert result["speed_up"].to_dict() == pytest.approx({"resnet50": 2.0, "mnasnet": 1.25})
    assert list(result["quantization"]) == ["int8", "int8"]


def test_without_records_of_images_a_ratio_is_of_means_and_its_interval_of_deviations():
    rows, _ = two_devices()
    result = shares.speed_ups(rows, NO_IMAGES, "frameworks")
    assert result["n_images"].tolist() == [0, 0]
    assert result["speed_up"].tolist() == pytest.approx([0.5, 2.0])
    # with the assumed difference of two runs in 19 of 20 cases; Student's quantile is within 0.1% of the normal one
    half = np.hypot(1.96 * np.sqrt(2 * 0.1**2 / 500), np.log(1.05))
    assert result["speed_up_high"].tolist() == pytest.approx([0.5 * np.exp(half), 2 * np.exp(half)], rel=1e-4)
    unknown = shares.speed_ups(rows.assign(end_to_end_ms_sd=np.nan), NO_IMAGES, "frameworks")
    assert unknown["speed_up"].notna().all() and unknown["speed_up_low"].isna().all()


def test_where_nothing_can_be_compared_there_are_no_speed_ups():
    rows, shown = two_devices()
    assert shares.speed_ups(rows[rows["framework"] == "pytorch"], shown, "frameworks").empty
    assert shares.speed_ups(rows.iloc[:0], shown, "models").empty


def test_records_of_one_device_after_the_other_give_the_same_speed_ups():
    rows, shown = two_devices()
    parts = [part for _, part in shown.groupby("device_id", observed=True)]
    expected = shares.speed_ups(rows, shown, "frameworks")
    pd.testing.assert_frame_equal(shares.speed_ups(rows, parts, "frameworks"), expected)
    incomplete = shares.speed_ups(rows, parts[:1], "frameworks")  # the other instance has no records
    assert incomplete["n_images"].tolist() == [50, 0]
    assert incomplete["speed_up"].tolist() == pytest.approx(expected["speed_up"].tolist())
