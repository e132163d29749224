"""Tests of real ImageNet weights on real photographs, which require the folder `shared` beside the checkout.

Each photograph is 299 x 299. The expected result, 15 of 16 right, is stated in the description of that folder.
"""

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiot_suite import catalog, environments, prepare
from aiot_suite.convert import calibration
from aiot_suite.datasets import imagenet as dataset_folder
from aiot_suite.errors import ModelError
from aiot_suite.preprocess import Preprocess, decode, resized
from aiot_suite.suite import Instance
from aiot_suite.workspace import Workspace
from runner.devices.local import LocalDevice
from runner.parity import add, check

SHARED = Path(os.environ.get("AIOT_SHARED", Path(__file__).parents[3] / "shared"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (SHARED / "models").is_dir(), reason=f"{SHARED} with real weights and photographs is not there"
    ),
]
CAFFE_SETTINGS = {"channel_order": "BGR", "mean": [104, 117, 123], "std": [1, 1, 1]}
RIGHT = 15 / 16


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    pytest.importorskip("litert_torch", reason="converting needs the extra `models`")
    root = tmp_path_factory.mktemp("real")
    (root / "weights").mkdir()
    shutil.copy(SHARED / "models" / "squeezenet1_0_imagenet.npz", root / "weights" / "squeezenet.npz")
    (root / "weights" / "squeezenet.json").write_text(json.dumps({**CAFFE_SETTINGS, "accuracy": RIGHT}))
    shutil.copy(SHARED / "models" / "squeezenet1_1_imagenet.npz", root / "weights" / "squeezenet1_1.npz")
    (root / "weights" / "squeezenet1_1.json").write_text(json.dumps({"accuracy": RIGHT}))
    shutil.copytree(Path(__file__).parents[2] / "docs" / "examples" / "plugins", root / "plugins")
    return Workspace(root)


@pytest.fixture(scope="module")
def photos(space):
    labels = SHARED / "images" / "labels.csv"
    return dataset_folder.use_folder(space.datasets / "photos", SHARED / "images", labels, label_space="imagenet-1000")


@pytest.fixture(scope="module")
def padded(space):
    """Return the photographs with borders, alternately at the sides or above and below, so that none is square."""
    folder = space.root / "padded"
    folder.mkdir()
    with (SHARED / "images" / "labels.csv").open() as file:
        names = [row["file"] for row in csv.DictReader(file)]
    for number, name in enumerate(names):
        photo = Image.open(SHARED / "images" / name).convert("RGB")
        width, height = photo.size
        wide = number % 2 == 0
        canvas = Image.new("RGB", (width + 200, height) if wide else (width, height + 200), (124, 117, 104))
        canvas.paste(photo, (100, 0) if wide else (0, 100))
        canvas.save(folder / name, quality=95)
    labels = SHARED / "images" / "labels.csv"
    return dataset_folder.use_folder(space.datasets / "padded", folder, labels, label_space="imagenet-1000")


def checked(space, instances, dataset, weights="weights"):
    available = catalog.load(space.plugins)
    folder = space.models / weights
    common = {"kind": str(space.root / weights), "folder": folder, "cache": space.models}
    artifacts, _ = prepare.prepare(instances, plugins=space.plugins, **common)
    device = LocalDevice(space.staging, "salt")
    return check.check(artifacts, known=available, dataset=dataset, images=16, device=device, **common)


@pytest.fixture(scope="module")
def validation(space):
    """Return 100 images for calibration and 200 for tests, from the validation set of ILSVRC 2012, by part."""
    folder = SHARED / "images" / "ilsvrc_val"
    if not folder.is_dir():
        pytest.skip(f"{folder} with images of ILSVRC 2012 is not there")
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    datasets = {}
    for part in ("calibration", "test"):
        labels = space.root / f"{part}.csv"
        lines = [f"{row['file']},{row['label']}" for row in rows if row["part"] == part]
        labels.write_text("\n".join(["image,label", *lines]) + "\n")
        datasets[part] = dataset_folder.use_folder(space.datasets / part, folder, labels, label_space="imagenet-1000")
    return datasets


# Right answers of 200 in float32. An independent evaluation in plain PyTorch gives the same 141 for SqueezeNet 1.0.
@pytest.mark.parametrize(("model", "right"), [("squeezenet", 141), ("squeezenet1_1", 147)])
def test_int8_of_real_weights_is_within_two_points_of_float32(space, validation, model, right):
    instances = [Instance("tflite", "cpu", kind, model) for kind in ("float32", "int8")]
    available, folder = catalog.load(space.plugins), space.models / "validated"
    common = {"kind": str(space.root / "weights"), "folder": folder, "cache": space.models}
    images = calibration.calibration_from_dataset(validation["calibration"])
    artifacts, _ = prepare.prepare(instances, plugins=space.plugins, calibration=images, **common)
    undeclared = [replace(entry, declared_accuracy=None) for entry in artifacts]  # declared for the photographs
    device = LocalDevice(space.staging, "salt")
    checks = check.check(undeclared, known=available, dataset=validation["test"], images=200, device=device, **common)
    float32, int8 = sorted(checks, key=lambda entry: "int8" in entry.artifact)
    assert (round(float32.accuracy * 200), float32.original_accuracy) == (right, float32.accuracy)
    assert int8.passed and abs(int8.accuracy - float32.accuracy) <= 0.02
    assert int8.top1_agreement >= 0.93


FRAMEWORKS = [
    ("pytorch", "float32"),
    ("caffe2", "float32"),
    ("tflite", "float32"),
    ("tflite", "float16"),
    ("executorch", "float32"),
]


@pytest.mark.parametrize(("framework", "quantization"), FRAMEWORKS)
@pytest.mark.parametrize("model", ["squeezenet", "squeezenet1_1"])
def test_15_of_16_photographs_are_right_in_every_framework(space, photos, padded, framework, quantization, model):
    if framework == "caffe2" and environments.interpreter_path("legacy") is None:
        pytest.skip(f"the legacy environment is not installed: {environments.INSTALL_LEGACY}")
    if framework == "executorch":
        pytest.importorskip("executorch", reason="`aiot frameworks install executorch` was not called")
    instance = Instance(framework, "cpu", quantization, model)
    for dataset in (photos, padded):
        [result] = checked(space, [instance], dataset)
        assert result.passed, result.finding
        assert (result.accuracy, result.original_accuracy) == (RIGHT, RIGHT)
        assert result.largest_difference < (1e-3 if quantization == "float32" else 1e-2)


WRONG = {
    "channel order": ({"channel_order": "RGB"}, "the correct classes have a clearer lead with channel_order BGR"),
    "normalization": (
        {"mean": [103.53, 116.28, 123.675], "std": [57.375, 57.12, 58.395]},
        "of 16 images are classified correctly, but 93.8% is declared: check channel_order, mean, std",
    ),
}


@pytest.mark.parametrize(("change", "finding"), WRONG.values(), ids=WRONG)
def test_wrong_settings_are_noticed(space, photos, change, finding):
    folder = space.root / "wrong"
    shutil.copytree(space.root / "weights", folder, dirs_exist_ok=True)
    (folder / "squeezenet.json").write_text(json.dumps({**CAFFE_SETTINGS, "accuracy": RIGHT, **change}))
    [result] = checked(space, [Instance("pytorch", "cpu", "float32", "squeezenet")], photos, "wrong")
    assert not result.passed
    assert finding in result.finding


QUANTIZED = Instance("tflite", "cpu", "int8", "mobilenet_v2")


def added(space, name, settings, file=None, instance=QUANTIZED):
    path = space.root / f"{name}.json"
    path.write_text(json.dumps({"mean": [128] * 3, "std": [128] * 3, "accuracy": RIGHT, **settings}))
    return add.add(
        file or SHARED / "models" / "mobilenet_v2_1.0_224_quant.tflite",
        instance,
        name=name,
        settings_file=path,
        folder=space.models / name,
        known=catalog.load(),
        device=LocalDevice(space.staging, "salt"),
    )


def test_a_model_file_that_exists_is_taken_in(space, photos):
    artifact = added(space, "google", {"label_offset": 1})
    device = LocalDevice(space.staging, "salt")
    common = {"kind": "google", "folder": artifact.path.parent, "cache": space.models, "known": catalog.load()}
    [result] = check.check([artifact], dataset=photos, images=16, device=device, **common)
    assert (result.accuracy * 16, result.passed, result.original_accuracy) == (15, True, None)


def test_mean_and_std_of_128_give_the_quantized_network_the_image_itself(space, photos):
    """With a mean and std of 127.5, the values from 128 to 254 would be one too high."""
    artifact = added(space, "exact", {"label_offset": 1})
    name, _ = photos.images[0]
    image = decode(photos.path(name).read_bytes())
    pixels = np.asarray(resized(image, 224, "crop_resize"))
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(str(artifact.path)).get_input_details()[0]

    def taken(settings):
        return Preprocess.of(settings.record(), details["dtype"], *details["quantization"])

    assert np.array_equal(taken(artifact.settings)(image)[0], pixels)
    other = taken(replace(artifact.settings, mean=(127.5,) * 3, std=(127.5,) * 3))
    shifted = other.table[0].astype(int) - np.arange(256)
    assert shifted.tolist() == [0] * 128 + [1] * 127 + [0]


def test_a_file_that_does_not_fit_is_refused(space, tmp_path):
    with pytest.raises(ModelError, match="has 1001 outputs, but its settings say 1001 classes starting at output 1"):
        added(space, "unfit", {"label_offset": 1, "classes": 1001})
    with pytest.raises(ModelError, match="has 1001 outputs, but its settings say 1000 classes starting at output 0"):
        added(space, "unfit", {})
    with pytest.raises(ModelError, match="is int8, not float32, according to the types of its weights"):
        added(space, "unfit", {"label_offset": 1}, instance=replace(QUANTIZED, quantization="float32"))
    with pytest.raises(ModelError, match=r"cannot be run by pytorch .*the message is"):
        added(space, "other", {}, instance=Instance("pytorch", "cpu", "float32", "mobilenet_v2"))
    assert not list((space.models / "unfit").glob("*"))


def test_the_quantized_network_has_as_many_right_of_200_as_an_independent_evaluation(space, validation):
    artifact = added(space, "google200", {"label_offset": 1, "accuracy": 0.708})
    device = LocalDevice(space.staging, "salt")
    common = {"kind": "google200", "folder": artifact.path.parent, "cache": space.models, "known": catalog.load()}
    [result] = check.check([artifact], dataset=validation["test"], images=200, device=device, **common)
    assert result.passed and round(result.accuracy * 200) == 155
