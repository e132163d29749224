import pytest

from aiot_analysis.stats import execution
from aiot_analysis.tables import select, validity
from tests.aiot_analysis.conftest import instance, instances

TFLITE, INT8 = "tflite_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"
PASSED = {
    "parity_passed": True,
    "parity_finding": "the same network",
    "parity_difference": 7.1e-7,
    "parity_correlation": 1.0,
    "parity_top1_agreement": 1.0,
    "parity_accuracy": 0.83,
    "parity_accuracy_original": 0.83,
    "parity_images": 100,
    "parity_dataset": "sample",
}
FAILED = {
    **PASSED,
    "parity_passed": False,
    "parity_finding": "outputs differ by 0.31 of their range, 0.001 are allowed",
    "parity_difference": 0.31,
    "parity_top1_agreement": 0.4,
    "parity_accuracy": 0.35,
}


def states(table):
    result = execution.model_files(table)
    return {
        f"{row['framework']}_{row['quantization']}_{row['model']}": row["state"] for row in result.to_dict("records")
    }


def test_devices_and_delegates_share_a_file_and_files_are_in_the_papers_order():
    table = instances(
        instance("executorch_cpu_float32_mnasnet", **PASSED),
        instance(INT8, **FAILED),
        instance(TFLITE, **PASSED),
        instance("tflite_nnapi_float32_mnasnet", None, None, **PASSED),
        instance(TFLITE, device_id="phone", **PASSED),
        instance("caffe2_cpu_float32_resnet50"),
        instance("caffe2_cpu_float32_mnasnet", None, None, model_sha256=None),  # a file that does not exist
    )
    assert list(states(table).items()) == [
        ("caffe2_float32_resnet50", "not checked"),
        ("tflite_float32_mnasnet", "passed"),
        ("tflite_int8_mnasnet", "failed"),
        ("executorch_float32_mnasnet", "passed"),
    ]


@pytest.mark.parametrize("later", [PASSED, FAILED])
def test_the_latest_run_says_which_file_and_how_it_did(later):
    table = instances(
        instance(TFLITE, run_id="r1", **FAILED), instance(TFLITE, run_id="r2", model_sha256="new", **later)
    )
    [state] = states(table).values()
    assert state == ("passed" if later is PASSED else "failed")


def test_a_check_of_an_earlier_run_holds_for_the_same_file_and_no_other():
    earlier = instance(TFLITE, run_id="r1", **PASSED)
    assert list(states(instances(earlier, instance(TFLITE, run_id="r2"))).values()) == ["passed"]
    other = instance(TFLITE, run_id="r2", model_sha256="new")
    assert list(states(instances(earlier, other)).values()) == ["not checked"]


def test_a_check_of_a_file_counts_for_every_run_of_it():
    """Run 1 precedes the check, run 3 has another file, and the phone has another doubt."""
    table = instances(
        instance(INT8, run_id="1", model_sha256="a"),
        instance(INT8, run_id="1", device_id="phone", model_sha256="a", verdict="semi-valid", reasons="hot"),
        instance(INT8, run_id="2", model_sha256="a", verdict="invalid", reasons="own", **FAILED),
        instance(INT8, run_id="3", model_sha256="b"),
        instance(TFLITE, run_id="1", model_sha256="c"),
        instance(TFLITE, run_id="2", model_sha256="c", **PASSED),
    )
    result = validity.with_checks_of_files(table)
    finding = f"its model file failed the check: {FAILED['parity_finding']}"
    assert result["verdict"].tolist() == ["invalid", "invalid", "invalid", "valid", "valid", "valid"]
    assert result["reasons"].tolist() == [finding, f"hot; {finding}", "own", "", "", ""]
    assert result["parity_passed"].fillna(True).tolist() == [False, False, False, True, True, True]
    assert result["parity_passed"].isna().tolist() == [False, False, False, True, False, False]
    assert table["parity_passed"].isna().sum() == 4  # the argument is unchanged


def test_what_was_measured_with_a_file_that_failed_is_in_no_statistic():
    checked = instance(INT8, run_id="2", device_id="phone", verdict="invalid", reasons="own", **FAILED)
    table = validity.with_checks_of_files(instances(instance(TFLITE), instance(INT8, run_id="1"), checked))
    rows, left_out = select.measured_rows(table)
    assert rows["instance_id"].tolist() == [TFLITE]
    assert left_out["instance_id"].tolist() == [INT8, INT8]
    assert left_out["reasons"].tolist() == [f"its model file failed the check: {FAILED['parity_finding']}", "own"]
