import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiot_suite import catalog, prepare
from aiot_suite.convert import calibration
from aiot_suite.datasets import store
from aiot_suite.errors import ModelError
from aiot_suite.facts import Settings, load_artifacts
from aiot_suite.suite import Instance
from aiot_suite.workspace import sha256_of
from runner.devices.local import LocalDevice
from runner.parity import check
from runner.preflight import preflight
from tests.runner.conftest import TINY, make_dataset

FLOAT32, INT8 = (Instance("tflite", "cpu", quantization, "mnasnet") for quantization in ("float32", "int8"))


def test_the_images_are_recorded_by_their_content(tmp_path):
    dataset = make_dataset(tmp_path, count=3)
    record = calibration.calibration_from_dataset(dataset).record()
    assert (record.dataset, record.sha256, record.images) == ("sample", dataset.sha256, 3)
    assert record.image_sha256 == tuple(sha256_of(dataset.path(name)) for name, _ in dataset.images)


def test_another_image_is_another_calibration(tmp_path):
    dataset = make_dataset(tmp_path, count=3)
    before = calibration.calibration_from_dataset(dataset).key
    shutil.copy(dataset.path("0.jpg"), dataset.path("1.jpg"))
    os.utime(dataset.path("1.jpg"), ns=(1, 1))
    assert calibration.calibration_from_dataset(dataset).key != before


def test_an_image_that_is_none_is_named(tmp_path):
    dataset = make_dataset(tmp_path, count=2)
    dataset.path("1.jpg").write_bytes(b"none")
    with pytest.raises(ModelError, match=r"1\.jpg of dataset sample cannot be decoded"):
        list(calibration.calibration_from_dataset(dataset).inputs(Settings(8, "sample-100", 100)))


@pytest.fixture
def shared(workspace):
    """Return the workspace's int8 file as if calibrated with pictures 2 and 5 of the dataset under other names."""
    dataset = store.load(workspace.datasets / "sample")
    folder = workspace.datasets / "calibration"
    (folder / "images").mkdir(parents=True)
    for number in (2, 5):
        shutil.copy(dataset.path(f"{number}.jpg"), folder / "images" / f"other{number}.jpg")
    (folder / "images" / "own.jpg").write_bytes(dataset.path("0.jpg").read_bytes() + b"\0")
    own = store.write(
        folder,
        name="calibration",
        label_space="sample-100",
        images=[("other2.jpg", 0), ("other5.jpg", 0), ("own.jpg", 0)],
        classes={},
        made_by={},
    )
    artifact = load_artifacts(workspace.models / "sample")[TINY[1].artifact]
    return replace(artifact, calibrated=calibration.calibration_from_dataset(own).record()), dataset


REASON = r"it was calibrated with 2 of the 12 images of dataset sample \(--calibration calibration\)"


def test_a_file_cannot_be_tested_with_its_calibration_images(workspace, shared):
    artifact, dataset = shared
    available, device = catalog.load(), LocalDevice(workspace.staging, "salt")
    common = {"kind": "sample", "folder": workspace.models / "sample", "cache": workspace.models, "known": available}
    with pytest.raises(ModelError, match=REASON):
        check.check([artifact], dataset=dataset, images=1, device=device, **common)
    problem = preflight(TINY[1], artifact, available, dataset, device)
    assert problem["reason"].startswith(REASON.replace("\\", ""))
    assert "--calibration DATASET" in problem["remedy"]
    assert list(calibration.datasets_sharing_images(artifact.calibrated, workspace.datasets)) == [("sample", 2)]


def test_the_record_of_a_file_keeps_its_calibration(workspace, shared):
    artifact, _ = shared
    artifact.save()
    assert load_artifacts(workspace.models / "sample")[artifact.name] == artifact


@pytest.fixture
def real(tmp_path, monkeypatch):
    """Return arguments of `prepare` for weights in a folder; the conversion is replaced by a stand-in."""
    torch = pytest.importorskip("torch", reason="weights are read with the extra `models`")
    (tmp_path / "weights").mkdir()
    shutil.copy(Path(prepare.__file__).parent / "weights" / "sample_mnasnet.npz", tmp_path / "weights" / "mnasnet.npz")
    host = catalog.load().frameworks["tflite"].host
    monkeypatch.setattr(prepare, "network", lambda source, model: torch.nn.Conv2d(3, 1, 1))
    monkeypatch.setattr(host, "convert_float32", lambda network, size, target: target.write_bytes(b"float32"))
    monkeypatch.setattr(host, "quantize", lambda file, kind, inputs, target: target.write_bytes(b"int8"))
    return {"kind": str(tmp_path / "weights"), "folder": tmp_path / "models", "cache": tmp_path}


def test_without_images_int8_of_other_than_sample_weights_is_refused_and_nothing_is_built(real):
    with pytest.raises(
        ModelError, match=r"tflite_int8_mnasnet \(weights weights\) needs calibration images .*--calibration"
    ):
        prepare.prepare([FLOAT32, INT8], **real)
    assert not real["folder"].exists()


def test_a_file_stays_as_long_as_its_calibration_is_the_same(real, tmp_path):
    own = calibration.calibration_from_dataset(make_dataset(tmp_path / "own", count=2))
    other = calibration.calibration_from_dataset(make_dataset(tmp_path / "other", count=3))
    available = catalog.load()
    source = prepare.weight_sources.locate(real["kind"], available.models["mnasnet"], tmp_path)
    real["folder"].mkdir()
    artifact = prepare._build(INT8, available, source, real["folder"], own)
    assert artifact.calibrated == own.record()
    artifacts, built = prepare.prepare([FLOAT32, INT8], **real)
    assert ([entry.name for entry in artifacts], built) == (["tflite_float32_mnasnet", "tflite_int8_mnasnet"], 0)
    assert artifacts[0].calibrated is None
    assert prepare._up_to_date(INT8, available, source, real["folder"], own)
    assert prepare._up_to_date(INT8, available, source, real["folder"], other) is None


def answers(file, tensors):
    """Return the outputs, of shape (images, classes), and the names of the input and output types."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=1)
    interpreter.allocate_tensors()
    (inputs,), (outputs,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero_point = inputs["quantization"]
    rows = []
    for tensor in tensors:
        steps = np.clip(np.round(tensor / scale) + zero_point, -128, 127) if scale else tensor
        interpreter.set_tensor(inputs["index"], steps.astype(inputs["dtype"]))
        interpreter.invoke()
        rows.append(interpreter.get_tensor(outputs["index"])[0])
    return np.stack(rows), inputs["dtype"].__name__, outputs["dtype"].__name__


@pytest.mark.filterwarnings("ignore")  # deprecation warnings of the quantizer's own libraries
def test_ranges_hold_the_peaks_of_every_image_in_any_order_and_scores_are_float(tiny_folder, tmp_path):
    """With nineteen dull images and a bright one, averaging the extremes would clip the bright one."""
    from aiot_suite.convert.to_tflite import quantize

    rng = np.random.default_rng(0)
    dull = [rng.uniform(-0.1, 0.1, (1, 32, 32, 3)).astype(np.float32) for _ in range(19)]
    bright = rng.uniform(-2, 2, (1, 32, 32, 3)).astype(np.float32)
    float32 = tiny_folder / "tflite_float32_squeezenet.tflite"
    first, last = tmp_path / "first.tflite", tmp_path / "last.tflite"
    quantize(float32, "int8", [bright, *dull], first)
    quantize(float32, "int8", [*dull, bright], last)
    assert first.read_bytes() == last.read_bytes()
    expected, _, _ = answers(float32, [bright])
    scores, input_type, output_type = answers(first, [bright])
    assert (input_type, output_type) == ("int8", "float32")
    assert np.abs(scores - expected).max() < 0.02 * np.ptp(expected)
    assert len(np.unique(scores)) == scores.size
