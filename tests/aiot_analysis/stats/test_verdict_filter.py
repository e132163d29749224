import pytest

from aiot_analysis.errors import DataError
from aiot_analysis.stats import latency
from aiot_analysis.tables import names, select
from tests.aiot_analysis.conftest import images, instance, instances

A, B, C = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"


def table():
    return instances(
        instance(A),
        instance(B, verdict="semi-valid", reasons="50 of 500 images"),
        instance(C, None, None, verdict="invalid", reasons="the attempt failed"),
    )


@pytest.mark.parametrize(
    "verdicts, used, left_out",
    [
        (
            "valid,semi-valid",
            [A, B],
            [(C, "the attempt failed")],
        ),
        ("valid", [A], [(B, "50 of 500 images"), (C, "the attempt failed")]),
        (["semi-valid"], [B], [(A, "only semi-valid instances were requested"), (C, "the attempt failed")]),
    ],
)
def test_rows_are_filtered_by_verdict_and_the_others_are_listed_with_the_reason(verdicts, used, left_out):
    rows, excluded = select.measured_rows(table(), wanted=verdicts)
    assert rows["instance_id"].tolist() == used
    assert list(zip(excluded["instance_id"], excluded["reasons"], strict=True)) == left_out
    assert select.usable_rows(table(), wanted=verdicts)["instance_id"].tolist() == used


def test_a_verdict_that_is_not_asked_for_does_not_decide_which_run_is_used():
    rows, excluded = select.measured_rows(
        instances(instance(A, run_id="r1"), instance(A, run_id="r2", verdict="semi-valid", reasons="hot")),
        wanted="valid",
    )
    assert rows["run_id"].tolist() == ["r1"] and excluded["reasons"].tolist() == ["hot"]


@pytest.mark.parametrize(
    "verdicts, named", [("valid,invalid", "'invalid'"), ("", "''"), ("good, bad", "'good', 'bad'")]
)
def test_other_verdicts_are_one_sentence(verdicts, named):
    with pytest.raises(
        DataError, match=rf"with the verdict {named} have no usable numbers: choose valid or semi-valid"
    ):
        select.measured_rows(table(), wanted=verdicts)


def test_spaces_do_not_matter():
    assert names.verdicts(" valid , semi-valid") == ["valid", "semi-valid"]


def test_usable_rows_are_of_every_run_of_the_suite():
    rows = instances(instance(A, run_id="r1"), instance(A, run_id="r2"), instance(A, run_id="r3", study="resize"))
    assert select.usable_rows(rows)["run_id"].tolist() == ["r1", "r2"]


def test_verdicts_and_reasons_are_joined_to_a_statistic():
    result = latency.summary(images(B, [True] * 3, [1.0, 2, 3]))
    joined = select.with_verdict(result, table()).iloc[0]
    assert (joined["median_ms"], joined["verdict"], joined["reasons"]) == (2, "semi-valid", "50 of 500 images")
