from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiot_suite import catalog
from aiot_suite.datasets import store
from aiot_suite.errors import DatasetError, ModelError
from aiot_suite.facts import NO_LABELS, Artifact, Settings, load_artifacts
from runner.devices.local import LocalDevice
from runner.parity import check
from runner.preflight import read_checks

PHOTOS = store.Dataset(Path("photos"), "photos", "ten", "3" * 64, (), Path("photos"), {})
SHOWN = [(f"{number}.jpg", number % 10) for number in range(100)]


def artifact(name="tflite_float32_mnasnet", **changes):
    settings = Settings(size=8, label_space="ten", classes=10)
    base = Artifact(Path("x"), name, "0" * 64, 1, "mine", "1" * 64, settings, {}, "key")
    return replace(base, **changes)


def answers(right: int) -> np.ndarray:
    """Return scores from 0 to 9 of shape (100, 10), in which the first `right` images get their own class."""
    rng = np.random.default_rng(0)
    scores = rng.permuted(np.tile(np.arange(10.0), (100, 1)), axis=1).astype(np.float32)
    for row, (_, label) in enumerate(SHOWN):
        best = label if row < right else (label + 1) % 10
        other = int(scores[row].argmax())
        scores[row, [best, other]] = scores[row, [other, best]]
    return scores


def test_the_same_outputs_are_the_same_network():
    result = check.compare(artifact(), answers(80), answers(80), SHOWN, PHOTOS)
    assert result.passed and result.finding == "the outputs match the original's"
    assert (result.largest_difference, result.correlation, result.top1_agreement) == (0, pytest.approx(1), 1)
    assert (result.accuracy, result.original_accuracy, result.images) == (0.8, 0.8, 100)


@pytest.mark.parametrize(("difference", "passed"), [(0.008, True), (0.0095, False)])
def test_float32_outputs_may_differ_by_a_thousandth_of_the_range(difference, passed):
    """The range of the scores is 9."""
    scores = answers(80)
    scores[3, 4] += difference
    result = check.compare(artifact(), scores, answers(80), SHOWN, PHOTOS)
    assert result.largest_difference == pytest.approx(difference / 9, rel=1e-3)
    assert result.passed is passed
    assert passed or "outputs differ by 0.0011 of their range, but at most 0.001 is allowed" in result.finding


def test_a_quantized_file_passes_and_its_loss_is_reported():
    result = check.compare(artifact("tflite_int8_mnasnet"), answers(60), answers(80), SHOWN, PHOTOS)
    assert result.passed and result.finding == "80% of the images get the same class as from the original"
    assert (result.accuracy, result.original_accuracy, result.top1_agreement) == (0.6, 0.8, 0.8)
    assert result.largest_difference > 0.1


def test_a_quantized_file_that_answers_something_else_fails():
    result = check.compare(artifact("tflite_int8_mnasnet"), answers(20), answers(80), SHOWN, PHOTOS)
    assert not result.passed
    assert result.finding == "only 40% of the images get the same class as from the original"


def test_random_weights_have_no_accuracy_and_only_the_float32_file_has_to_match():
    """A quantized file passes even if it gives every image the same scores, which correlate with nothing."""
    settings = replace(artifact().settings, label_space=NO_LABELS, label_map={})
    same = check.compare(artifact(settings=settings), answers(0), answers(0), SHOWN, PHOTOS)
    assert same.passed and (same.accuracy, same.original_accuracy) == (None, None)
    other = check.compare(artifact(settings=settings), answers(80), answers(0), SHOWN, PHOTOS)
    assert not other.passed and "of their range, but at most 0.001 is allowed" in other.finding
    constant = check.compare(
        artifact("tflite_int8_mnasnet", settings=settings), np.ones((100, 10)), answers(0), SHOWN, PHOTOS
    )
    assert constant.passed and constant.correlation is None
    assert constant.finding == "its weights are random, so the loss by quantization has no meaning"


@pytest.mark.parametrize(("right", "passed"), [(80, True), (67, True), (66, False), (60, False)])
def test_an_accuracy_far_under_the_declared_one_is_noticed(right, passed):
    """At a rate of 0.8, 67 or fewer of 100 occur by chance once in 600 cases, and 66 or fewer once in 1,300."""
    result = check.compare(artifact(declared_accuracy=0.8, added=True), answers(right), None, SHOWN, PHOTOS)
    assert (result.accuracy, result.original_accuracy, result.correlation) == (right / 100, None, None)
    assert result.passed is passed
    if not passed:
        assert (
            f"{right} of 100 images are classified correctly, but 80.0% is declared: check channel_order, mean, std"
            in result.finding
        )


@pytest.mark.parametrize("added", [True, False])
def test_a_file_at_chance_level_fails_without_a_declared_accuracy(added):
    scores = answers(8)
    result = check.compare(artifact(added=added), scores, None if added else scores, SHOWN, PHOTOS)
    assert not result.passed
    assert result.finding == (
        "8 of 100 images are classified correctly: the labels may be shifted or in another order; "
        "82 are correct if every label is 1 higher "
        "(label_offset 1 in the settings of the model)"
    )


def test_labels_shifted_by_one_are_noticed():
    shifted = artifact(declared_accuracy=0.9, added=True, settings=Settings(8, "ten", 9, label_offset=1))
    result = check.compare(shifted, answers(95), None, SHOWN, PHOTOS)
    assert result.accuracy < 0.2 and not result.passed
    assert "label_offset" in result.finding


def test_the_labels_are_doubted_where_the_original_is_as_wrong():
    result = check.compare(artifact(), answers(0), answers(0), SHOWN, PHOTOS)
    assert not result.passed and "the labels may be shifted or in another order" in result.finding
    result = check.compare(artifact("tflite_int8_mnasnet"), answers(0), answers(80), SHOWN, PHOTOS)
    assert not result.passed and result.finding == "only 20% of the images get the same class as from the original"


def test_outputs_that_are_not_numbers_fail():
    scores = answers(80)
    scores[5, 5] = np.nan
    result = check.compare(artifact(), scores, answers(80), SHOWN, PHOTOS)
    assert (result.passed, result.finding, result.largest_difference) == (
        False,
        "some outputs are not finite numbers",
        None,
    )


def test_other_outputs_than_the_original_has_are_refused():
    with pytest.raises(ModelError, match="has 9 outputs, but its original has 10"):
        check.compare(artifact(), answers(80)[:, :9], answers(80), SHOWN, PHOTOS)


def test_outputs_come_from_the_agent_and_a_check_is_kept_while_the_file_is_the_same(workspace):
    artifacts = load_artifacts(workspace.models / "sample")
    [entry] = [entry for entry in artifacts.values() if entry.name == "tflite_float32_squeezenet"]
    entry = replace(entry, added=True, declared_accuracy=0.0)
    dataset = store.load(workspace.datasets / "sample")
    device = LocalDevice(workspace.staging, "salt")
    common = {"kind": "sample", "folder": workspace.models / "sample", "cache": workspace.models, "images": 5}
    [result] = check.check([entry], known=catalog.load(), dataset=dataset, device=device, **common)
    assert (result.images, result.passed) == (5, True)
    assert read_checks(workspace.models / "sample", [entry]) == {entry.name: result}
    entry.path.write_bytes(b"no model any more")  # files that were checked are not run again
    assert check.check([entry], known=catalog.load(), dataset=dataset, device=device, **common) == [result]
    changed = replace(entry, settings=replace(entry.settings, channel_order="BGR"))
    assert read_checks(workspace.models / "sample", [changed, replace(entry, sha256="other")]) == {}
    few = replace(dataset, images=(*dataset.images[:3], ("0.jpg", 100)))
    with pytest.raises(ModelError, match=r"has 100 classes, but dataset sample has label 100 \(0.jpg\)"):
        check.check([entry], known=catalog.load(), dataset=few, device=device, **common)
    other = replace(dataset, label_space="imagenet-1000")
    with pytest.raises(
        ModelError, match="has the classes of sample-100, but dataset sample has those of imagenet-1000"
    ):
        check.check([entry], known=catalog.load(), dataset=other, device=device, **common)
    with pytest.raises(ModelError, match=r"No model files in .* match the selection: run `aiot models prepare`"):
        check.check([], known=catalog.load(), dataset=dataset, device=device, **common)


def test_an_image_that_cannot_be_read_is_left_out_and_named(workspace):
    artifacts = load_artifacts(workspace.models / "sample")
    entry = replace(artifacts["tflite_float32_squeezenet"], added=True)
    dataset = store.load(workspace.datasets / "sample")
    common = {"kind": "sample", "folder": workspace.models / "sample", "cache": workspace.models, "images": 5}
    common |= {"known": catalog.load(), "dataset": dataset, "device": LocalDevice(workspace.staging, "salt")}
    chosen = [name for name, _ in store.subset(dataset, 5, 0)]
    dataset.path(chosen[1]).write_bytes(b"no image")
    dataset.path(chosen[3]).unlink()
    [result] = check.check([entry], **common)
    assert (result.images, len(result.unreadable)) == (3, 2)
    assert result.unreadable[0] == f"{chosen[1]} (OSError: cannot identify image file)"
    assert result.unreadable[1].startswith(f"{chosen[3]} (FileNotFoundError: ")
    for name in chosen:
        dataset.path(name).write_bytes(b"no image")
    with pytest.raises(DatasetError, match="None of the selected images of dataset sample can be read"):
        check.check([entry], **common)
