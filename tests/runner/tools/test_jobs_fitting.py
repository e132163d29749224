"""Tests that run_eval gives the agent's answers, with its preprocessing written here according to its sources."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aiot_suite.errors import ModelError
from aiot_suite.facts import Artifact, Settings
from aiot_suite.preprocess import Preprocess, decode
from runner.tools import jobs
from tests.runner.conftest import make_dataset

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = Settings(size=32, label_space="sample-100", classes=100, layout="NHWC")


@pytest.fixture(params=["tflite_float32_squeezenet", "tflite_int8_squeezenet"])
def artifact(request, tiny_folder) -> Artifact:
    return Artifact.load(tiny_folder / f"{request.param}.json")


def as_the_tool(fitted: jobs.FittedModel, staged: jobs.Staged) -> list[tuple[str, str, np.ndarray]]:
    """Return the expected label, best label and scores of each image.

    The computation follows AddDefaultNormalizationStep and TopkAccuracyEvalStage.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(fitted.path))
    interpreter.allocate_tensors()
    [inputs], [outputs] = interpreter.get_input_details(), interpreter.get_output_details()
    assert inputs["dtype"] == outputs["dtype"] == np.float32
    names = fitted.labels.read_text().splitlines()
    truths = staged.ground_truth.read_text().splitlines()
    files = sorted(staged.images.iterdir())
    assert len(names) == outputs["shape"][1] and len(files) == len(truths)
    results = []
    for file, truth in zip(files, truths, strict=True):
        pixels = np.frombuffer(file.read_bytes(), np.uint8).astype(np.float32)
        interpreter.set_tensor(inputs["index"], ((pixels - 127.5) / 127.5).reshape(inputs["shape"]))
        interpreter.invoke()
        scores = interpreter.get_tensor(outputs["index"])[0]
        results.append((truth, names[int(scores.argmax())], scores))
    return results


def as_the_agent(artifact: Artifact, images: list[Path]) -> list[np.ndarray]:
    from runner.agent import tflite

    model = tflite.prepare(str(artifact.path), 1, "cpu")
    preprocess = Preprocess.of(artifact.settings.record(), model.dtype, model.scale, model.zero_point)
    scores = [model.infer(preprocess(decode(path.read_bytes())))[0] for path in images]
    return [(array.astype(np.float32) - model.output_zero_point) * (model.output_scale or 1) for array in scores]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"channel_order": "BGR", "mean": (104.0, 117.0, 123.0), "std": (1.0, 1.0, 1.0)},
        {"resize": "square_crop", "label_offset": 1},
    ],
)
def test_the_tool_gives_the_answers_of_the_agent(artifact, settings, tmp_path):
    artifact = replace(artifact, settings=replace(artifact.settings, **settings))
    dataset = make_dataset(tmp_path / "set", 6)
    staged = jobs.stage_images(dataset, dataset.images, artifact.settings, tmp_path)
    fitted = jobs.fit_model(artifact, tmp_path)
    assert fitted.changed and fitted.sha256 != artifact.sha256
    labels = jobs.label_lines(artifact.settings, 100)
    agents = as_the_agent(artifact, [dataset.path(name) for name, _ in dataset.images])
    for (truth, best, scores), expected, (_, label) in zip(
        as_the_tool(fitted, staged), agents, dataset.images, strict=True
    ):
        np.testing.assert_allclose(scores, expected, atol=1e-4 * max(1.0, float(np.abs(expected).max())))
        assert (truth, best) == (str(label), labels[int(expected.argmax())])


def test_a_model_that_takes_the_tools_input_already_is_left_as_it_is(tiny_folder, tmp_path):
    artifact = Artifact.load(tiny_folder / "tflite_float32_squeezenet.json")
    plain = replace(artifact.settings, mean=(127.5,) * 3, std=(127.5,) * 3)
    fitted = jobs.fit_model(replace(artifact, settings=plain), tmp_path)
    assert (fitted.path, fitted.sha256, fitted.changed) == (artifact.path, artifact.sha256, False)
    assert len(fitted.labels.read_text().splitlines()) == 100


def test_an_existing_file_for_run_eval_is_not_made_again(tiny_folder, tmp_path):
    artifact = Artifact.load(tiny_folder / "tflite_int8_squeezenet.json")
    first = jobs.fit_model(artifact, tmp_path)
    written = first.path.stat().st_mtime_ns
    assert jobs.fit_model(artifact, tmp_path) == first
    assert first.path.stat().st_mtime_ns == written
    assert (
        jobs.fit_model(replace(artifact, settings=replace(artifact.settings, channel_order="BGR")), tmp_path) != first
    )


def test_a_file_that_is_no_model_is_one_sentence(tiny_folder):
    content = (tiny_folder / "tflite_float32_squeezenet.tflite").read_bytes()
    for data in (b"", b"x" * 100, content[:100], content[:8] + b"\xff" * 64):
        with pytest.raises(ModelError) as error:
            jobs.with_tool_input(data, SETTINGS, "m.tflite")
        assert str(error.value).startswith("m.tflite ") and "\n" not in str(error.value)


def test_staged_images_are_the_pixels_the_agent_sees(tmp_path):
    dataset = make_dataset(tmp_path / "set", 4)
    staged = jobs.stage_images(dataset, dataset.images[1:3], SETTINGS, tmp_path)
    assert staged.names == ("000000.rgb8", "000001.rgb8")
    assert [path.name for path in sorted(staged.images.iterdir())] == list(staged.names)
    assert staged.ground_truth.read_text() == "7\n14\n"
    plain = Preprocess.of(replace(SETTINGS, mean=(0,) * 3, std=(1,) * 3).record())
    for name, (image, _) in zip(staged.names, dataset.images[1:3], strict=True):
        expected = plain(decode(dataset.path(image).read_bytes()))
        assert (staged.images / name).read_bytes() == expected.astype(np.uint8).tobytes()


def test_an_image_that_cannot_be_decoded_is_not_given_to_the_tool(tmp_path):
    dataset = make_dataset(tmp_path / "set", 3)
    dataset.path("1.jpg").write_bytes(b"no image")
    staged = jobs.stage_images(dataset, dataset.images, SETTINGS, tmp_path)
    assert (staged.names, staged.failed) == (("000000.rgb8", "000001.rgb8"), ("1.jpg",))
    assert staged.ground_truth.read_text() == "0\n14\n"
    assert jobs.stage_images(dataset, dataset.images, SETTINGS, tmp_path) == staged


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["0", "1", "2"]),
        ({"label_offset": 1}, [jobs.NO_CLASS, "0", "1"]),
        ({"label_map": {"0": 9, "2": 4}}, ["9", jobs.NO_CLASS, "4"]),
    ],
)
def test_labels_by_output(settings, expected):
    assert jobs.label_lines(replace(SETTINGS, **settings), 3) == expected


def test_the_convolution_leads_from_the_tools_input_to_the_models():
    settings = replace(SETTINGS, channel_order="BGR", mean=(104.0, 117.0, 123.0), std=(1.0, 2.0, 4.0))
    weights, bias = (np.array(values) for values in jobs.tool_to_model(settings))
    pixel = np.array([200.0, 100.0, 50.0])  # red, green, blue
    result = weights @ ((pixel - 127.5) / 127.5) + bias
    np.testing.assert_allclose(result, (pixel[::-1] - settings.mean) / np.array(settings.std))
    assert jobs.tool_to_model(replace(SETTINGS, mean=(127.5,) * 3, std=(127.5,) * 3)) == (
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        (0, 0, 0),
    )
