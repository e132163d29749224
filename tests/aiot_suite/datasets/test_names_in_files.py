"""Tests of names in datasets, model descriptions and plug-ins, which become paths on this machine and on devices."""

import json
import os

import pytest
from PIL import Image

from aiot_suite import catalog
from aiot_suite.datasets import imagenet, store
from aiot_suite.errors import DatasetError, ModelError
from aiot_suite.facts import Artifact, Settings
from aiot_suite.workspace import Workspace

OUTSIDE = ["../secret.txt", "/etc/hostname", "a/../../b.png", "nul\0.png", ""]


@pytest.fixture
def dataset(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "photos" / "a.png")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "labels.csv").write_text("image,label\na.png,3\n")
    return imagenet.use_folder(
        tmp_path / "mine", tmp_path / "photos", tmp_path / "labels.csv", label_space="imagenet-1000"
    )


def change(folder, **fields):
    path = folder / "dataset.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_image_outside_of_the_dataset_is_refused(dataset, name):
    (dataset.folder / "labels.csv").write_text(f"image,label\na.png,3\n{name},4\n")
    with pytest.raises(DatasetError, match=r"is damaged \(the image name .* \("):
        store.load(dataset.folder)


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_dataset_is_written_with_an_image_outside_of_it(tmp_path, dataset, name):
    with pytest.raises(DatasetError, match="the image name"):
        store.write(
            tmp_path / "new",
            name="new",
            label_space="imagenet-1000",
            images=[(name, 1)],
            classes={1: "one"},
            made_by={},
            image_folder=tmp_path / "photos",
        )
    assert not (tmp_path / "new").exists()


def test_a_label_file_cannot_name_a_file_outside_of_its_folder(tmp_path, dataset):
    (tmp_path / "labels.csv").write_text("image,label\na.png,3\n../secret.txt,4\n")
    with pytest.raises(DatasetError, match=r"'\.\./secret\.txt' is not in"):
        imagenet.use_folder(
            tmp_path / "mine", tmp_path / "photos", tmp_path / "labels.csv", label_space="imagenet-1000"
        )


@pytest.mark.parametrize("fields", [{"image_folder": "../.."}, {"image_folder": "/a\0"}, {"sha256": "/../../../x"}])
def test_a_description_with_another_path_is_refused(dataset, fields):
    assert store.load(dataset.folder).image_folder.is_absolute(), "the folder of images that were not copied"
    change(dataset.folder, **fields)
    with pytest.raises(DatasetError, match=f"is damaged .*{next(iter(fields))}"):
        store.load(dataset.folder)


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("file", ["dataset.json", "labels.csv", "classes.csv"])
def test_a_file_of_a_dataset_that_never_ends_is_refused(dataset, file):
    (dataset.folder / file).unlink()
    os.mkfifo(dataset.folder / file)
    with pytest.raises(DatasetError, match=r"is damaged \(.*is not a file\)"):
        store.load(dataset.folder)


@pytest.mark.parametrize("name", ["../../../esc", "/tmp/esc", "a/b", "..", ".", "", "a\0"])
def test_a_dataset_cannot_be_outside_of_the_workspace(tmp_path, name):
    with pytest.raises(DatasetError, match="cannot be the name of a dataset"):
        Workspace(tmp_path).dataset(name)
    assert Workspace(tmp_path).dataset("my images") == tmp_path / "data" / "datasets" / "my images"


@pytest.fixture
def artifact(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.tflite").write_bytes(b"model")
    (tmp_path / "outside.tflite").write_bytes(b"model")
    result = Artifact(
        path=tmp_path / "models" / "m.tflite",
        name="tflite_float32_mnasnet",
        sha256="0" * 64,
        size_bytes=5,
        weights="mine",
        weights_sha256="0" * 64,
        settings=Settings(size=224, label_space="imagenet-1000", classes=1000),
        made_with={},
        source_key="",
    )
    result.save()
    assert Artifact.load(tmp_path / "models" / "tflite_float32_mnasnet.json") == result
    return tmp_path / "models" / "tflite_float32_mnasnet.json"


@pytest.mark.parametrize("field", ["path", "name", "weights"])
@pytest.mark.parametrize("value", ["../outside.tflite", "/etc/hostname", "a/b", "m.tflite\0", ""])
def test_a_model_with_a_name_that_is_a_path_is_refused(artifact, field, value):
    artifact.write_text(json.dumps({**json.loads(artifact.read_text()), field: value}))
    with pytest.raises(ModelError, match=rf"not a valid description of a model \({field} "):
        Artifact.load(artifact)


def test_a_plug_in_with_a_suffix_that_is_a_path_is_refused(tmp_path):
    (tmp_path / "frameworks").mkdir()
    plug_in = tmp_path / "frameworks" / "mine.py"
    plug_in.write_text("SUFFIX = '/../../x'\nprepare = version = print\n")
    with pytest.raises(ModelError, match=r"has the SUFFIX '/\.\./\.\./x' \(it leads out of the folder\)"):
        catalog.load(tmp_path)


@pytest.mark.usefixtures("time_limit")
def test_a_plug_in_that_never_ends_is_refused(tmp_path):
    (tmp_path / "models").mkdir()
    os.mkfifo(tmp_path / "models" / "mine.py")
    with pytest.raises(ModelError, match="is not a file"):
        catalog.load(tmp_path)
