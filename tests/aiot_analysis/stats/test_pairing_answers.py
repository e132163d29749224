"""Tests of the wide matrices of answers: compared devices and images, and reasons for excluding devices."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.stats import pairing
from aiot_analysis.tables import select
from tests.aiot_analysis.conftest import images, instance, instances
from tests.examples import examples

ONE, TWO = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"


def shown(device, top1, id_=ONE, label=7, names=None, **other):
    """Return image records of a device from the class of each image, or None if it failed."""
    frame = images(id_, [answer == label for answer in top1], [1.0] * len(top1), device_id=device, **other)
    names = names or [f"{number}.jpg" for number in range(len(top1))]
    return frame.assign(
        image=names, label=label, top1=pd.array(top1, "Int64"), failed=[answer is None for answer in top1]
    )


def collected(*parts, **other):
    """Collect the answers of devices by name from their records; `other` are columns of their rows by device."""
    devices = list(dict.fromkeys(device for part in parts for device in part["device_id"]))
    rows = instances(*(instance(ONE, device_id=device, **other.get(device, {})) for device in devices))
    return pairing.collect(rows, pd.concat(parts))


def test_an_instance_becomes_a_matrix_of_images_and_devices():
    [answers], apart = collected(shown("a", [7, 8, None]), shown("b", [7, 7, 9]))
    assert (answers.instance_id, answers.devices, answers.images) == (ONE, ["a", "b"], ["0.jpg", "1.jpg", "2.jpg"])
    assert answers.top1.tolist() == [[7, 7], [8, 7], [pairing.NONE, 9]]
    assert answers.correct.tolist() == [[True, True], [False, True], [False, False]]
    assert answers.labels.tolist() == [7, 7, 7]
    assert apart.empty


def test_records_in_any_order_give_the_same_matrix():
    parts = [shown("a", [7, 8, None]), shown("b", [7, 7, 9])]
    [expected], _ = collected(*parts)
    rows = instances(instance(ONE, device_id="a"), instance(ONE, device_id="b"))
    [result], _ = pairing.collect(rows, pd.concat(parts).sample(frac=1, random_state=2, ignore_index=True))
    assert result.images == expected.images
    assert result.top1.tolist() == expected.top1.tolist() and result.correct.tolist() == expected.correct.tolist()


def test_of_an_image_shown_twice_the_first_answer_counts():
    twice = shown("a", [8, 7, 9], names=["0.jpg", "0.jpg", "1.jpg"]).assign(query=[5, 2, 3])
    [answers], _ = collected(twice, shown("b", [7, 7]))
    assert answers.top1.tolist() == [[7, 7], [9, 7]]


def test_a_device_that_saw_other_images_is_named_and_excluded():
    [answers], apart = collected(shown("a", [7, 8, 9]), shown("b", [7, 8]), shown("c", [7, 7, 7]))
    assert answers.devices == ["a", "c"] and len(answers.images) == 3
    assert apart.values.tolist() == [["b", ONE, "it has other images: 2, the others 3, with 2 in common"]]


def test_a_device_with_equally_many_but_other_images_is_excluded():
    [answers], apart = collected(shown("a", [7, 8]), shown("b", [7, 8]), shown("c", [7, 8], names=["0.jpg", "9.jpg"]))
    assert answers.devices == ["a", "b"] and answers.images == ["0.jpg", "1.jpg"]
    assert apart["reason"].tolist() == ["it has other images: 2, the others 2, with 1 in common"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_sha256", "another"),
        ("dataset_sha256", "another"),
        ("framework_version", "0.9"),
        ("weights", "mine"),
        ("source", "tool"),
        ("timing", "inference"),
        ("threads", 4),
        ("conditions", "big cores"),
    ],
)
def test_devices_that_were_measured_otherwise_are_never_compared(field, value):
    parts = [shown(device, [7, 8]) for device in "abc"]
    [answers], apart = collected(*parts, b={field: value})
    assert answers.devices == ["a", "c"]
    [[device, instance_id, reason]] = apart.values.tolist()
    assert (device, instance_id) == ("b", ONE)
    assert reason.startswith(f"{field} {value}, but on the others ")


def test_of_two_devices_that_differ_each_is_alone():
    [answers], apart = collected(shown("a", [7]), shown("b", [7]), b={"model_sha256": "m" * 64})
    assert answers.devices == ["a"]
    assert apart["reason"].tolist() == ["model_sha256 mmmmmmmm…, but on the others tflite-float32-mnasnet"]


def test_a_device_without_records_of_single_images_is_named():
    rows = instances(instance(ONE, device_id="a"), instance(ONE, device_id="b"), instance(TWO, device_id="a"))
    result, apart = pairing.collect(rows, shown("a", [7, 8]))
    assert [one.devices for one in result] == [["a"]]
    assert sorted(map(tuple, apart.values)) == [
        ("a", TWO, "there are no records of single images"),
        ("b", ONE, "there are no records of single images"),
    ]


def test_of_two_runs_of_a_device_only_the_later_is_compared():
    first, second = "20260101T000000Z-aaaaaa", "20260102T000000Z-aaaaaa"
    table = instances(*(instance(ONE, device_id=d, run_id=r) for d, r in (("a", first), ("a", second), ("b", first))))
    rows, left_out = select.measured_rows(table)
    records = pd.concat([shown("a", [1], run_id=first), shown("a", [2], run_id=second), shown("b", [3], run_id=first)])
    [answers], apart = pairing.collect(rows, records)
    assert answers.top1.tolist() == [[2, 3]] and apart.empty
    assert left_out["reasons"].tolist() == [f"run {second} is later"]


def test_instances_are_in_the_order_of_the_paper():
    rows = instances(instance(ONE), instance(TWO), instance("caffe2_cpu_float32_resnet50"))
    records = pd.concat([shown("local", [7], id_=id_) for id_ in rows["instance_id"]])
    result, _ = pairing.collect(rows, records)
    assert [one.instance_id for one in result] == [TWO, "caffe2_cpu_float32_resnet50", ONE]


def test_nothing_at_all_gives_nothing():
    result, apart = pairing.collect(instances(), shown("a", [7]).iloc[:0])
    assert result == [] and apart.columns.tolist() == pairing.APART_COLUMNS


def test_only_the_columns_that_are_needed_are_needed():
    records = shown("a", [7, None])[pairing.COLUMNS]
    [answers], _ = pairing.collect(instances(instance(ONE, device_id="a")), records)
    assert answers.top1.tolist() == [[7], [pairing.NONE]]


@given(st.lists(st.lists(st.integers(-1, 4), min_size=3, max_size=3), min_size=1, max_size=6))
@examples(60)
def test_counts_are_those_of_each_image(cells):
    image, answer, count = pairing.counts(np.array(cells))
    for number, row in enumerate(cells):
        expected = Counter(value for value in row if value >= 0)
        mine = image == number
        assert dict(zip(answer[mine].tolist(), count[mine].tolist(), strict=True)) == expected
        assert count[mine].tolist() == sorted(expected.values(), reverse=True)
