"""Pictures and names of classes: of the dataset the results are of, or a reason why not."""

import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from aiot_analysis.display import pictures
from tests.aiot_analysis.conftest import instance, instances

ONE = "tflite_cpu_float32_mnasnet"
SHA = "d" * 8  # as the rows of conftest have it


@pytest.fixture
def datasets(tmp_path):
    """A dataset of one picture, as the runner writes it; a second one is named and missing, a third is no picture."""
    folder = tmp_path / "datasets" / "sample"
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (400, 200), "red").save(folder / "images" / "a.jpg")
    (folder / "images" / "c.jpg").write_text("no picture")
    (folder / "labels.csv").write_text("image,label\na.jpg,0\nb.jpg,1\nc.jpg,1\n")
    (folder / "classes.csv").write_text('label,name\n0,striped_disc\n1,"tench, Tinca tinca"\n')
    (folder / "dataset.json").write_text(json.dumps({"sha256": SHA, "image_folder": "images"}))
    return tmp_path / "datasets"


def rows(**other):
    return instances(instance(ONE, **other))


def test_classes_are_named_and_pictures_become_small(datasets):
    found = pictures.find_pictures(rows(), datasets)
    assert found.why == ""
    assert (found.name(0), found.name(1), found.name(7)) == ("striped disc", "tench, Tinca tinca", "class 7")
    with Image.open(io.BytesIO(found.thumbnail("a.jpg", 100))) as picture:
        assert (picture.format, picture.size) == ("JPEG", (100, 50))


def test_16_bit_grey_is_scaled_not_clipped_to_white(datasets):
    Image.fromarray(np.full((20, 20), 100 * 257, np.uint16)).save(datasets / "sample" / "images" / "a.jpg", "PNG")
    with Image.open(io.BytesIO(pictures.find_pictures(rows(), datasets).thumbnail("a.jpg"))) as picture:
        assert picture.getpixel((10, 10)) == (100, 100, 100)


@pytest.mark.parametrize("image", ["b.jpg", "c.jpg", "d.jpg", "../sample/images/a.jpg"])
def test_a_picture_that_is_not_there_or_is_none_has_no_thumbnail(datasets, image):
    assert pictures.find_pictures(rows(), datasets).thumbnail(image) is None


@pytest.mark.parametrize("name", ["../secret.jpg", "/etc/hostname", "a.jpg\0"])
def test_no_picture_outside_of_the_dataset_is_shown(datasets, name):
    Image.new("RGB", (40, 20), "red").save(datasets / "sample" / "secret.jpg")
    (datasets / "sample" / "labels.csv").write_text(f"image,label\na.jpg,0\n{name},1\n")
    found = pictures.find_pictures(rows(), datasets)
    assert "is damaged" in found.why and found.files == {}


def test_no_dataset_outside_of_the_workspace_is_shown(datasets):
    (datasets / "sample").rename(datasets.parent / "other")
    name = "../other"
    assert pictures.find_pictures(rows(dataset=name), datasets).why == f"there is no dataset {name!r} in {datasets}"


@pytest.mark.usefixtures("time_limit")
def test_a_picture_that_never_ends_has_no_thumbnail(datasets):
    (datasets / "sample" / "images" / "a.jpg").unlink()
    os.mkfifo(datasets / "sample" / "images" / "a.jpg")
    assert pictures.find_pictures(rows(), datasets).thumbnail("a.jpg") is None


def test_the_folder_of_images_may_be_elsewhere(datasets, tmp_path):
    folder = datasets / "sample"
    (folder / "images").rename(tmp_path / "elsewhere")
    (folder / "dataset.json").write_text(json.dumps({"sha256": SHA, "image_folder": str(tmp_path / "elsewhere")}))
    assert pictures.find_pictures(rows(), datasets).thumbnail("a.jpg")


def test_a_relative_folder_is_found_from_below(datasets, monkeypatch):
    below = datasets.parent / "notebooks"
    below.mkdir()
    monkeypatch.chdir(below)
    assert pictures.find_pictures(rows(), "datasets").why == ""


def test_a_dataset_with_other_pictures_is_not_shown(datasets):
    found = pictures.find_pictures(rows(dataset_sha256="another"), datasets)
    assert "differs from 'sample' of the results" in found.why
    assert found.thumbnail("a.jpg") is None and found.name(0) == "class 0"


def test_why_there_are_no_pictures(datasets):
    assert (
        pictures.find_pictures(rows(dataset="imagenet"), datasets).why
        == f"there is no dataset 'imagenet' in {datasets}"
    )
    simulated = pictures.find_pictures(rows(origin="simulated"), datasets)
    assert simulated.why == "the data are simulated, so there are no pictures"
    two = instances(instance(ONE), instance(ONE, device_id="b", dataset="mine"))
    assert pictures.find_pictures(two, datasets).why == "the results are from several datasets"
    assert pictures.find_pictures(instances(), datasets).why == "there are no results"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"sha256": 3, "image_folder": "images"}', "\udcff"])
def test_a_damaged_dataset_is_a_reason(datasets, text):
    (datasets / "sample" / "dataset.json").write_text(text, errors="surrogateescape")
    assert pictures.find_pictures(rows(), datasets).why


@pytest.mark.parametrize("name", ["classes.csv", "labels.csv", "dataset.json"])
def test_a_dataset_without_a_file_is_a_reason(datasets, name):
    (datasets / "sample" / name).unlink()
    assert "is damaged" in pictures.find_pictures(rows(), datasets).why


def test_classes_that_are_no_table_are_a_reason(datasets):
    (datasets / "sample" / "classes.csv").write_text("label,name\nx,disc\n")
    assert "is damaged" in pictures.find_pictures(rows(), datasets).why
