"""Tests of noise from run to run, where a device sees the same image again."""

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import accuracy
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.test_pairing_answers import ONE, TWO, shown

FIRST, SECOND, THIRD = (f"2026010{number}T000000Z-aaaaaa" for number in (1, 2, 3))


def rows(*parts):
    """Return rows of the table `instances` with three images from (device, run, other columns)."""
    shared = {"images": 3, "distinct_images": 3}
    return instances(*(instance(ONE, device_id=device, run_id=run, **shared | other) for device, run, other in parts))


def test_two_runs_of_a_device_under_the_same_conditions_are_a_repeat():
    table = rows(("a", FIRST, {}), ("a", SECOND, {}), ("b", FIRST, {}))
    result = accuracy.repeated_rows(table)
    assert result[["device_id", "run_id"]].values.tolist() == [["a", FIRST], ["a", SECOND]]
    records = pd.concat([shown("a", [7, 8, None], run_id=FIRST), shown("a", [7, 9, 7], run_id=SECOND), shown("b", [7])])
    [row] = accuracy.answer_changes(result, records).to_dict("records")
    # the third image has only one answer
    assert (row["device_id"], row["runs"], row["images"], row["changed"]) == ("a", 2, 2, 1)
    assert row["noise"] == 0.5 and row["disagreement"] == 0.5
    assert 0 < row["noise_low"] < 0.5 < row["noise_high"] < 1


def test_of_runs_that_share_some_images_those_count():
    table = rows(("a", FIRST, {}), ("a", SECOND, {}))
    records = pd.concat([shown("a", [7, 8], run_id=FIRST), shown("a", [8, 9], names=["1.jpg", "2.jpg"], run_id=SECOND)])
    [row] = accuracy.answer_changes(accuracy.repeated_rows(table), records).to_dict("records")
    assert (row["images"], row["changed"]) == (1, 0)
    assert row["noise_high"] > 0.5  # one image proves little


def test_a_timed_profile_that_shows_images_again_is_a_repeat():
    table = rows(("a", FIRST, {"images": 5}))
    records = shown("a", [7, 8, 9, 7, 9], names=["0.jpg", "1.jpg", "2.jpg", "0.jpg", "1.jpg"])
    [row] = accuracy.answer_changes(accuracy.repeated_rows(table), records.assign(run_id=FIRST)).to_dict("records")
    assert (row["runs"], row["images"], row["changed"]) == (1, 2, 1)


def test_three_answers_to_an_image_are_three_pairs():
    table = rows(("a", FIRST, {}), ("a", SECOND, {}), ("a", THIRD, {}))
    records = pd.concat([shown("a", [top1], run_id=run) for top1, run in ((7, FIRST), (7, SECOND), (8, THIRD))])
    [row] = accuracy.answer_changes(accuracy.repeated_rows(table), records).to_dict("records")
    assert row["noise"] == 1 and row["disagreement"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    "other",
    [
        {"model_sha256": "another"},
        {"framework_version": "0.9"},
        {"threads": 4},
        {"conditions": "big cores"},
        {"verdict": "invalid"},
        {"study": "resize"},
        {"source": "tool"},
    ],
)
def test_runs_under_other_conditions_are_no_repeat(other):
    assert accuracy.repeated_rows(rows(("a", FIRST, {}), ("a", SECOND, other))).empty


def test_the_conditions_with_most_runs_are_taken_then_the_latest():
    two = [("a", FIRST, {}), ("a", SECOND, {"threads": 4}), ("a", THIRD, {})]
    assert accuracy.repeated_rows(rows(*two))["run_id"].tolist() == [FIRST, THIRD]
    runs = [f"2026010{number}T000000Z-aaaaaa" for number in range(1, 5)]
    equal = [("a", run, {"threads": number % 2 + 1}) for number, run in enumerate(runs)]
    assert accuracy.repeated_rows(rows(*equal))["run_id"].tolist() == [runs[1], runs[3]]


def test_without_repeats_the_result_is_empty_and_reads_no_records():
    result = accuracy.repeated_rows(rows(("a", FIRST, {}), ("b", SECOND, {})))
    assert result.empty
    assert accuracy.answer_changes(result, shown("a", [7]).iloc[:0]).empty


def test_runs_without_an_image_in_common_are_excluded():
    table = rows(("a", FIRST, {}), ("a", SECOND, {}))
    records = pd.concat([shown("a", [7], run_id=FIRST), shown("a", [8], names=["9.jpg"], run_id=SECOND)])
    assert accuracy.answer_changes(accuracy.repeated_rows(table), records).empty


def test_instances_of_a_device_are_distinguished():
    table = pd.concat([rows(("a", FIRST, {}), ("a", SECOND, {})), rows(("a", FIRST, {})).assign(instance_id=TWO)])
    records = pd.concat([shown("a", [7], run_id=FIRST), shown("a", [7], run_id=SECOND), shown("a", [9], id_=TWO)])
    result = accuracy.answer_changes(accuracy.repeated_rows(table), records)
    assert result["instance_id"].tolist() == [ONE] and result["changed"].tolist() == [0]


def test_the_noise_of_right_and_wrong_by_hand():
    table = rows(("a", FIRST, {}), ("a", SECOND, {}), ("b", FIRST, {"images": 4}))
    records = pd.concat(
        [
            shown("a", [0, 1, 0], run_id=FIRST).assign(correct=[True, False, True]),
            shown("a", [0, 0, 1], run_id=SECOND).assign(correct=[True, True, False]),
            shown("b", [0, 0, 0, 1], names=["0.jpg", "0.jpg", "0.jpg", "1.jpg"], run_id=FIRST).assign(
                correct=[True, False, True, True]
            ),
        ]
    )
    again = accuracy.repeated_answers(records, accuracy.repeated_rows(table))
    assert again.runs[["device_id", "run_id", "images"]].values.tolist() == [
        ["a", FIRST, 3],
        ["a", SECOND, 3],
        ["b", FIRST, 2],
    ]
    assert again.runs["accuracy"].tolist() == pytest.approx([2 / 3, 2 / 3, (2 / 3 + 1) / 2])
    # two images of a were answered both ways, with variances of a half; the one that b saw three times has a third
    [noise] = accuracy.answer_noise(again.variation).to_dict("records")
    assert (noise["repeated"], noise["changed"], noise["freedom"]) == (9, 3, 8)
    one_change = (0.5 * 3 + 1 / 3) / 4
    assert noise["variance"] == pytest.approx((0.5 + 0.5 + 1 / 3 + one_change) / 4)


def test_the_variance_of_noise_is_that_of_the_accuracy_of_runs():
    right = np.random.default_rng(0).random((300, 50)) < np.linspace(0.1, 0.9, 50)
    runs = [f"20260101T{number:06}Z-aaaaaa" for number in range(300)]
    run, image = (places.ravel() for places in np.indices(right.shape))
    records = pd.DataFrame({"device_id": "a", "instance_id": ONE, "run_id": np.array(runs)[run], "image": image})
    table = rows(*(("a", run, {"images": 50, "distinct_images": 50}) for run in runs))
    again = accuracy.repeated_answers(records.assign(correct=right.ravel()), accuracy.repeated_rows(table))
    variance = accuracy.answer_noise(again.variation)["variance"].item()
    assert variance / 50 == pytest.approx(again.runs["accuracy"].var(), rel=0.2)


def test_without_repeats_the_noise_is_unknown():
    again = accuracy.repeated_answers(shown("a", [7]), accuracy.repeated_rows(rows(("a", FIRST, {}))))
    assert again.runs.empty and accuracy.answer_noise(again.variation).empty
