import pandas as pd
import pytest

from aiot_analysis.errors import DataError, PoolingError
from aiot_analysis.stats import pairing, shares, vips
from aiot_analysis.tables import names, select
from tests.aiot_analysis.conftest import images, instance, instances

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"


def test_latest_usable_run_is_chosen_and_the_others_are_listed():
    rows, left_out = select.measured_rows(
        instances(
            instance(A, run_id="2026-1"),
            instance(A, run_id="2026-2", verdict="semi-valid", reasons="50 of 500 images"),
            instance(A, None, None, run_id="2026-3", verdict="invalid", reasons="the attempt failed"),
            instance(B, None, None, verdict="valid", reasons=""),
        )
    )
    assert rows["run_id"].tolist() == ["2026-2"]
    assert left_out["reasons"].tolist() == ["run 2026-2 is later", "the attempt failed", "no accuracy"]
    assert left_out["instance_id"].tolist() == [A, A, B]


def test_everything_unavailable_gives_empty_rows():
    rows, left_out = select.measured_rows(instances(instance(A, None, None)))
    assert rows.empty and left_out["reasons"].tolist() == ["not offered here"]


def test_image_rows_are_those_of_the_chosen_run():
    rows = instances(instance(A, run_id="2026-2"))
    both = [images(A, [True], [1.0]).assign(run_id=run) for run in ("2026-1", "2026-2")]
    assert select.image_rows(pd.concat(both), rows)["run_id"].tolist() == ["2026-2"]


def test_repeated_images_become_one():
    records = images(A, [True, False, True], [2.0, 4.0, 9.0]).assign(image=["a", "a", "b"])
    result = select.per_image(records)
    assert result["end_to_end_ms"].tolist() == [3.0, 9.0]
    assert result["correct"].tolist() == [True, True]


def test_unknown_timing():
    with pytest.raises(DataError, match="'wall'"):
        select.time_column("wall")


@pytest.mark.parametrize("field", select.SAME_INSTANCE)
def test_the_error_names_the_field_and_both_values(field):
    values = {"origin": "imported", "timing": "inference", "source": "tool", "threads": 4}
    other = values.get(field, "other")
    frame = instances(instance(A), instance(A, **{field: other}, device_id="b"))
    with pytest.raises(PoolingError) as error:
        select.check(frame, select.SAME_INSTANCE, by=["instance_id"])
    first = frame[field].astype("object").fillna("nothing").iloc[0]
    assert all(str(word) in str(error.value) for word in (field, other, first))


def test_null_differs_from_a_value_and_equals_itself():
    frame = instances(instance(A, weights=None), instance(B, weights=None))
    select.check(frame)
    with pytest.raises(PoolingError, match="'nothing' and 'sample'"):
        select.check(instances(instance(A, weights=None), instance(B)))


def test_side_by_side_groups_may_differ():
    frame = instances(instance(A), instance(A, device_id="b", weights="other"))
    select.check(frame, by=["device_id"])


@pytest.mark.parametrize("statistic", [vips.scores, lambda rows: shares.frameworks(rows, partial=True)])
def test_statistics_refuse_what_was_measured_differently(statistic):
    with pytest.raises(PoolingError, match="dataset_sha256"):
        statistic(instances(instance(A), instance(B, dataset_sha256="other")))


def test_pairs_refuse_another_model_file_but_not_another_quantization():
    rows = instances(instance(A), instance(A, device_id="b", model_sha256="other"))
    with pytest.raises(PoolingError, match="model_sha256"):
        pairing.pair(rows, "device_id", "local")
    quantized = instances(instance(A), instance("tflite_cpu_int8_mnasnet"), instance("tflite_cpu_dynamic_squeezenet"))
    result = pairing.pair(quantized, "quantization", "float32")
    assert result["instance_id_other"].tolist() == ["tflite_cpu_int8_mnasnet"]
    assert result["instance_id_base"].tolist() == [A]


def test_instances_under_other_conditions_are_not_used_with_the_others():
    frame = instances(
        instance(A, run_id="r1"),
        instance(B, run_id="r1"),
        instance(A, run_id="r2", conditions="fixed performance, big cores"),
    )
    rows, left_out = select.measured_rows(frame)
    assert rows[["instance_id", "run_id"]].values.tolist() == [[A, "r1"], [B, "r1"]]
    assert left_out["reasons"].tolist() == [
        (
            "run with paper profile, 1 threads, fixed performance, big cores, but most of the device's instances: "
            "paper profile, 1 threads"
        )
    ]


def test_instances_of_another_profile_or_threads_are_not_used_with_the_others():
    table = instances(
        instance(A, run_id="r1"),
        instance(B, run_id="r1"),
        instance(A, run_id="r2", threads=2),
    )
    rows, left_out = select.measured_rows(table)
    assert rows[["instance_id", "run_id", "threads"]].values.tolist() == [[A, "r1", 1], [B, "r1", 1]]
    assert left_out["reasons"].tolist() == [
        "run with paper profile, 2 threads, but most of the device's instances: paper profile, 1 threads"
    ]


def test_devices_without_a_quantized_instance_are_no_part_of_figures_8_and_9():
    both = [instance("tflite_cpu_float32_mnasnet", device_id="a"), instance("tflite_cpu_int8_mnasnet", device_id="a")]
    float32_only = instance("tflite_cpu_float32_mnasnet", device_id="b")
    assert set(select.with_quantized(instances(*both, float32_only))["device_id"]) == {"a"}
    assert set(select.with_quantized(instances(float32_only))["device_id"]) == {"b"}


def test_instances_of_another_version_of_a_framework_are_not_used_with_the_others():
    heavy, new, old = "pytorch_cpu_float32_resnet50", "torch 2.13.0", "torch 1.10.2"
    table = instances(
        instance(A, run_id="r1", framework_version="ai-edge-litert 2.3.0"),
        instance(B, run_id="r1", framework_version=new),
        instance(heavy, run_id="r1", framework_version=new),
        instance(B, run_id="r2", framework_version=old),
    )
    rows, left_out = select.measured_rows(table)
    assert rows[["instance_id", "run_id"]].values.tolist() == [[A, "r1"], [B, "r1"], [heavy, "r1"]]
    assert left_out["reasons"].tolist() == [
        f"run with {old}, but most of the device's instances of this framework: {new}"
    ]
    shares.frameworks(rows, partial=True)  # which refuses a mixture
    later = instances(*table.to_dict("records"), instance(heavy, run_id="r2", framework_version=old))
    rows, left_out = select.measured_rows(later)
    assert rows[rows["framework"] == "pytorch"]["framework_version"].unique().tolist() == [old]
    assert len(left_out) == 2


def mixed():
    """Return rows of a device whose TFLite was measured by a native tool, and PyTorch by the agent."""
    by_tool = {"source": "tool", "timing": "inference", "end_to_end_ms_mean": None}
    nnapi = "tflite_nnapi_float32_mnasnet"
    return instances(instance(A, 0.5, **by_tool), instance(nnapi, 0.5, 5.0, **by_tool), instance(B, 0.8, 20.0))


def test_instances_of_a_tool_are_not_used_with_those_of_an_agent():
    rows, left_out = select.measured_rows(mixed())
    assert rows["source"].unique().tolist() == ["tool"]
    assert left_out["reasons"].tolist() == [
        (
            "run with sample weights, sample images (dddddddd), end to end by the agent, but most of the device's "
            "instances: sample weights, sample images (dddddddd), inference only by the tool"
        )
    ]


def test_by_framework_each_may_have_its_own_source_and_the_page_is_of_inference():
    rows, left_out = select.measured_rows(mixed(), by_framework=True)
    assert rows["source"].tolist() == ["tool", "tool", "agent"] and left_out.empty
    assert select.timing_of(rows, "end_to_end") == "inference"
    assert select.timing_of(rows[rows["source"] == "agent"], "end_to_end") == "end_to_end"
    shares.nnapi(rows, value="inference_ms_mean")  # of one tool and one timing
    with pytest.raises(PoolingError, match="timing"):
        shares.frameworks(rows, value="inference_ms_mean", partial=True)


def test_within_a_framework_the_usual_source_is_used_by_framework_too():
    again = instance(A, run_id="20260202T000000Z-aaaaaa")
    rows, left_out = select.measured_rows(instances(*mixed().to_dict("records"), again), by_framework=True)
    assert rows["source"].tolist() == ["tool", "tool", "agent"]
    assert left_out["reasons"].tolist() == [
        (
            "run with end to end by the agent, but most of the device's instances of this framework: "
            "inference only by the tool"
        )
    ]


def test_the_score_takes_an_agent_and_a_tool_together_by_inference_alone():
    rows = mixed()
    result = vips.scores(rows, "inference").iloc[0]
    assert result["vips"] == pytest.approx(0.5 / 0.008 + 0.5 / 0.004 + 0.8 / 0.016)
    with pytest.raises(PoolingError, match="timing"):
        vips.scores(rows)
    with pytest.raises(PoolingError, match="weights"):
        vips.scores(rows.assign(weights=["a", "b", "a"]), "inference")


def test_versions_are_compared_within_a_device():
    table = instances(
        instance(B, device_id="a", framework_version="torch 1.10.2"),
        instance(B, device_id="b", framework_version="torch 2.13.0"),
        instance(A, framework_version=None),
    )
    rows, left_out = select.measured_rows(table)
    assert len(rows) == 3 and left_out.empty


def test_of_the_paper_are_its_60_instances_and_no_other():
    beyond = ["executorch_cpu_float32_mnasnet", "tflite_cpu_float32_squeezenet1_1", "pytorch_cpu_int8_mnasnet"]
    table = instances(*(instance(id_) for id_ in [*names.PAPER, *beyond]))
    assert select.of_paper(table)["instance_id"].tolist() == names.PAPER
    assert len(names.PAPER) == 60


def test_devices_whose_images_another_library_resized_are_not_compared():
    rows = instances(*(instance(A, device_id=f"d{n}", image_library=f"pillow 1{n}.0.0") for n in (2, 3)))
    with pytest.raises(PoolingError, match=r"image_library 'pillow 12\.0\.0' and 'pillow 13\.0\.0'"):
        pairing.pair(rows, "device_id", "d2")


def test_pairs_of_ways_of_resizing_are_of_one_instance():
    ways = ["crop_resize", "resize_crop", "square_crop"]
    rows = instances(*(instance(id_, resize=way, run_id=way) for id_ in (A, B) for way in ways))
    result = pairing.pair(rows, "resize", "crop_resize")
    assert result[["instance_id_other", "resize", "run_id_base", "run_id_other"]].values.tolist() == [
        [id_, way, "crop_resize", way] for id_ in (A, B) for way in ways[1:]
    ]
    assert (result["instance_id_base"] == result["instance_id_other"]).all()
