"""Tests of recognizing shifted or reordered labels by the answers of a network."""

import numpy as np
import pytest

from aiot_suite.datasets import classes
from aiot_suite.facts import Settings
from runner.parity import check

IMAGENET = Settings(224, "imagenet-1000", 1000)
TRUE = np.random.default_rng(0).integers(10, 900, 50)
OTHER = (TRUE + np.random.default_rng(1).integers(1, 900, 50)) % 1000  # always a wrong class
KIT = {label: number for number, label in classes.label_of_devkit().items()}


def answers(right=35):
    """Return the answers of a network that is right on the first `right` images and wrong on the others."""
    return np.where(np.arange(50) < right, TRUE, OTHER)


def test_a_network_with_its_own_labels_has_no_problem():
    for right in (50, 35, 8):
        assert check.label_problem(answers(right), TRUE, IMAGENET) is None


@pytest.mark.parametrize(
    ("shift", "text"),
    [
        (1, "35 are correct if every label is 1 lower (make the dataset again with --numbering 1)"),
        (-1, "35 are correct if every label is 1 higher (label_offset 1 in the settings of the model)"),
        (-7, "35 are correct if every label is 7 higher (label_offset 7 in the settings of the model)"),
    ],
)
def test_a_shift_is_named_with_what_to_do(shift, text):
    problem = check.label_problem(answers(), TRUE + shift, IMAGENET)
    assert problem == f"0 of 50 images are classified correctly: the labels may be shifted or in another order; {text}"


def test_an_offset_of_the_model_that_is_one_too_high_is_named():
    settings = Settings(224, "imagenet-1000", 1000, label_offset=1)
    problem = check.label_problem(answers() - 1, TRUE, settings)
    assert problem is not None and "every label is 1 lower (label_offset 0 in the settings of the model, or" in problem


def test_a_shift_among_similar_classes_is_found_above_chance_level():
    """If labels are one too high, a network is counted as right where it confuses an image with the class before."""
    problem = check.label_problem(np.where(np.arange(50) < 10, TRUE + 1, answers(50)), TRUE + 1, IMAGENET)
    assert problem is not None and problem.startswith(
        f"10 of 50 images are classified correctly: {check.LABEL_DOUBT}; 40 are correct if every label"
    )


DIGITS = sorted(range(1000), key=str)


@pytest.mark.parametrize(
    ("answer", "truth", "text"),
    [
        (lambda label: label, KIT.get, "if the labels are the class numbers of ILSVRC 2012's development kit (--numb"),
        (lambda label: label, lambda label: KIT[label] - 1, "development kit minus one"),
        (KIT.get, lambda label: label, "if the outputs are the class numbers of ILSVRC 2012's development kit"),
        (lambda label: label, DIGITS.index, "if the labels are sorted as text: 0, 1, 10, 100, 101"),
        (DIGITS.index, lambda label: label, "if the outputs are sorted as text"),
    ],
)
def test_another_order_is_named(answer, truth, text):
    problem = check.label_problem(
        np.array([answer(int(label)) for label in answers()]), np.array([truth(int(label)) for label in TRUE]), IMAGENET
    )
    assert problem is not None and check.LABEL_DOUBT in problem
    assert text in problem


def test_at_chance_level_labels_and_settings_are_doubted():
    problem = check.label_problem(OTHER, TRUE, IMAGENET)
    assert problem is not None
    assert problem.startswith(
        f"0 of 50 images are classified correctly, no more than by chance: {check.LABEL_DOUBT}, "
        "although no shift and no common"
    )
    assert "images with the same label" not in problem and problem.endswith("label_offset in its settings")


def test_an_order_that_nobody_knows_shows_in_equal_answers():
    truth = np.repeat(np.arange(10), 5)
    problem = check.label_problem(OTHER[truth], truth, IMAGENET)
    assert problem is not None and "images with the same label get the same answer, but not that label" in problem


def test_one_answer_to_everything_is_no_shift():
    truth = np.repeat([3, 4], 25)
    problem = check.label_problem(np.full(50, 7), truth, IMAGENET)
    assert (
        problem is not None
        and "no shift and no common order" in problem
        and "images with the same label" not in problem
    )


def test_a_few_images_are_not_enough_for_a_finding():
    assert check.label_problem(OTHER[:5], TRUE[:5], IMAGENET) is None


@pytest.mark.parametrize(
    ("right", "images", "classes", "expected"),
    [
        (0, 16, 1000, True),
        (1, 16, 1000, True),  # by chance in 1.6% of cases, or in 0.03% for a network that is right half the time
        (2, 16, 1000, False),  # by chance in 0.012% of cases
        (0, 9, 1000, False),  # in 0.2% of cases for a network that is right half the time: too few to decide
        (0, 10, 1000, True),
        (50, 100, 2, True),
        (75, 100, 2, False),
        (4, 50, 100, True),  # by chance in 0.16% of cases
        (5, 50, 100, False),  # by chance in 0.02%
    ],
)
def test_answers_at_chance_level(right, images, classes, expected):
    assert check.at_chance_level(right, images, classes) is expected
