"""Tests of flipping images and classes, counted by hand."""

import numpy as np
import pytest

from aiot_analysis.stats import agreement
from aiot_analysis.stats.pairing import NONE, Answers

ONE, TWO = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"
LABELS = [1, 1, 2]


def answers(top1, instance=ONE, labels=LABELS):
    top1, labels = np.array(top1, np.int64), np.array(labels, np.int64)
    devices = [f"phone-{number}" for number in range(top1.shape[1])]
    return Answers(instance, devices, ["a.jpg", "b.jpg", "c.jpg"][: len(top1)], labels, top1, top1 == labels[:, None])


EVERY = [
    answers([[1, 1, 1], [1, 1, 3], [4, 5, 5]]),
    answers([[1, 1, 1], [3, 3, 1], [2, 2, NONE]], instance=TWO),
]


def test_each_image_of_each_instance():
    result = agreement.image_classes(EVERY)
    assert result["unstable"].tolist() == [False, True, True, False, True, False]
    assert result["sides"].tolist() == [False, True, False, False, True, True]  # the last device failed
    assert result["minority"].tolist() == [0, 1, 1, 0, 1, 0]
    assert result["right"].tolist() == [3, 2, 0, 3, 1, 2]


def test_images_that_flip_most_often_first():
    result = agreement.by_image(agreement.image_classes(EVERY))
    assert result["image"].tolist() == ["b.jpg", "c.jpg"]
    assert result["unstable"].tolist() == [2, 1] and result["instances"].tolist() == [2, 2]
    assert result["minority"].tolist() == pytest.approx([2 / 6, 1 / 6])


def test_classes_have_their_shares():
    result = agreement.by_class(agreement.image_classes(EVERY)).set_index("label")
    assert result.index.tolist() == [1, 2]
    assert result.loc[1, ["images", "unstable", "sides"]].tolist() == [2, 0.5, 0.5]
    assert result.loc[2, ["images", "unstable", "sides"]].tolist() == [1, 0.5, 0.5]


def test_the_answers_to_an_image_are_those_of_the_instances_that_agree_least():
    result = agreement.answers_to_image(EVERY, "b.jpg")
    assert [(one.instance_id, one.answer, one.devices) for one in result] == [
        (ONE, 1, ("phone-0", "phone-1")),
        (ONE, 3, ("phone-2",)),
        (TWO, 3, ("phone-0", "phone-1")),
        (TWO, 1, ("phone-2",)),
    ]
    assert len(agreement.answers_to_image(EVERY, "b.jpg", most=1)) == 2
    assert agreement.answers_to_image(EVERY, "a.jpg") == [] and agreement.answers_to_image(EVERY, "nowhere.jpg") == []


def test_a_failure_is_reported_beside_answers_that_differ():
    [first, second, third] = agreement.answers_to_image([answers([[1, 3, NONE]], labels=[1])], "a.jpg")
    assert [first.answer, second.answer, third.answer] == [1, 3, NONE]
    assert third.devices == ("phone-2",)


def test_pairs_of_classes_say_which_is_right():
    result = agreement.pairs_of_classes(EVERY)
    assert result.values.tolist() == [
        [1, 3, "most", 1, 1],
        [3, 1, "other", 1, 1],
        [5, 4, "neither", 1, 1],
    ]


@pytest.mark.parametrize(
    "every", [[], [answers([[1], [1], [2]])], [answers([[1, 1], [1, 1], [2, 2]])]], ids=["none", "one", "alike"]
)
def test_nothing_flips(every):
    result = agreement.image_classes(every)
    assert agreement.by_image(result).empty
    assert (agreement.by_class(result)["unstable"] == 0).all()
    assert agreement.pairs_of_classes(every).empty
