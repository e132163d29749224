import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis import ingest
from aiot_analysis.ingest.rules import parity
from aiot_analysis.tables import storage
from tests.aiot_analysis.conftest import instance
from tests.aiot_analysis.ingest.fuzz import VALUES
from tests.examples import examples
from tests.rawlogs import LOAD, attempt, begin, end, image, unavailable

SAYABLE = [value for value in VALUES if value != "\ud800"]  # half a character, which no log can contain
ONE, NNAPI = "tflite_cpu_int8_mnasnet", "tflite_nnapi_int8_mnasnet"
CHECK = {
    "artifact": "tflite_int8_mnasnet",
    "sha256": f"sha of {ONE}",
    "settings": {},
    "dataset": "sample",
    "images": 100,
    "accuracy": 0.73,
    "original_accuracy": 0.83,
    "declared_accuracy": 0.8,
    "largest_difference": 0.245,
    "correlation": 1.0000000000000002,
    "top1_agreement": 0.83,
    "passed": True,
    "finding": "the same network",
}
COLUMNS = {
    "parity_passed": True,
    "parity_finding": "the same network",
    "parity_images": 100,
    "parity_dataset": "sample",
    "parity_difference": 0.245,
    "parity_correlation": 1.0,
    "parity_top1_agreement": 0.83,
    "parity_accuracy": 0.73,
    "parity_accuracy_original": 0.83,
}


def processed(tmp_path, checks, **run):
    models = {id_: {"sha256": f"sha of {ONE}", "preprocess": {"resize": "square_crop"}} for id_ in (ONE, NNAPI)}
    folder = begin(tmp_path / "raw", [ONE, NNAPI], checks=checks, models=models, **run)
    attempt(folder, ONE, LOAD, *(image(query) for query in range(4)), end())
    unavailable(folder, NNAPI)
    ingest.process(tmp_path / "raw", tmp_path / "tables")
    return storage.read("instances", tmp_path / "tables").set_index("instance_id")


def test_the_check_of_a_file_is_in_the_row_of_each_instance_that_runs_it(tmp_path):
    result = processed(tmp_path, {"tflite_int8_mnasnet": CHECK})
    for id_ in (ONE, NNAPI):
        assert result.loc[id_, list(COLUMNS)].to_dict() == COLUMNS
    assert result["resize"].tolist() == ["square_crop"] * 2
    assert result.loc[ONE, "reasons"] == "4 of 500 images"


@pytest.mark.parametrize("checks", [None, {}, {"tflite_float32_mnasnet": CHECK}])
def test_what_was_not_checked_has_nulls(tmp_path, checks):
    result = processed(tmp_path, checks)
    assert result[list(COLUMNS)].isna().all(axis=None)
    assert result.loc[ONE, "reasons"] == "4 of 500 images"


def test_what_was_measured_with_a_file_that_failed_is_invalid_with_the_finding(tmp_path):
    failed = {**CHECK, "passed": False, "finding": "outputs differ by 0.2 of their range, 0.001 are allowed"}
    row = processed(tmp_path, {"tflite_int8_mnasnet": failed}).loc[ONE]
    assert (row["verdict"], row["parity_passed"]) == ("invalid", False)
    assert row["reasons"] == (
        "its model file failed the check: outputs differ by 0.2 of their range, 0.001 are allowed"
    )


def test_a_file_without_an_original_has_an_accuracy_alone(tmp_path):
    nothing = dict.fromkeys(["original_accuracy", "largest_difference", "correlation", "top1_agreement"])
    row = processed(tmp_path, {"tflite_int8_mnasnet": {**CHECK, **nothing}}).loc[ONE]
    assert row[["parity_passed", "parity_accuracy"]].tolist() == [True, 0.73]
    assert row[["parity_difference", "parity_correlation", "parity_accuracy_original"]].isna().all()


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"sha256": "another"}, "the check in run.json is of another model file"),
        ({"accuracy": 1.5}, "the check of its model file in run.json is malformed"),
        ({"correlation": float("nan")}, "the check of its model file in run.json is malformed"),
        ({"passed": 1}, "the check of its model file in run.json is malformed"),
        ({"images": 0}, "the check of its model file in run.json is malformed"),
    ],
)
def test_a_malformed_check_is_a_doubt(tmp_path, change, doubt):
    row = processed(tmp_path, {"tflite_int8_mnasnet": {**CHECK, **change}}).loc[ONE]
    assert row["reasons"].startswith(doubt) and row["verdict"] == "semi-valid"
    assert row[list(COLUMNS)].isna().all()


@given(st.sampled_from(list(CHECK)), st.sampled_from(SAYABLE) | st.floats() | st.integers())
@examples(200)
def test_any_check_gives_valid_columns_or_a_doubt(field, value):
    check = {**copy.deepcopy(CHECK), field: value}
    run = {"checks": {"tflite_int8_mnasnet": check}, "models": {ONE: {"sha256": CHECK["sha256"]}}}
    columns, doubt = parity(run, ONE)
    assert bool(columns) != bool(doubt)
    if columns:
        row = {**instance(ONE), **columns}
        assert storage.table("instances", [row])["parity_finding"].tolist() == [check["finding"]]


def test_a_way_of_resizing_that_is_no_text_leaves_the_run_out(tmp_path):
    models = {ONE: {"sha256": "a", "preprocess": {"resize": 7}}}
    begin(tmp_path / "raw", [ONE], run_id="20260102T000000Z-bbbbbb", models=models)
    result = processed(tmp_path, {})
    assert set(result["run_id"]) == {"20260101T000000Z-aaaaaa"}
    [reason] = storage.read("left_out", tmp_path / "tables")["reason"]
    assert "has 7 as resize" in reason
