import asyncio
import json
import re

import pytest
from PIL import Image

from aiot_analysis.explore import images
from aiot_analysis.explore.explorer import DIMMED, initial_selection


def dataset(folder, data):
    """Make a folder of datasets with a red picture for every image of the run."""
    home = folder / "sample"
    (home / "images").mkdir(parents=True)
    names = sorted(data.images(["image", "label"])["image"].astype(str).unique())
    for name in names:
        Image.new("RGB", (300, 200), "red").save(home / "images" / name, format="JPEG")
    record = {"sha256": data.instances["dataset_sha256"].iloc[0], "image_folder": "images"}
    (home / "dataset.json").write_text(json.dumps(record))
    (home / "labels.csv").write_text("image,label\n" + "".join(f"{name},0\n" for name in names))
    (home / "classes.csv").write_text("label,name\n" + "".join(f"{n},class_{n}<b>\n" for n in range(20)))
    return folder


def test_one_device_is_looked_at_by_quantization(measured, tmp_path):
    viewer = images(measured, tmp_path)
    assert viewer.state.selection.between == "quantization"
    assert "of 20 images flip between quantizations." in viewer._said.value
    assert viewer.image.value == viewer.found.images["image"].iloc[0]
    assert "MobileNetV2, TFLite CPU on Example Local" in viewer._looked_at.value


def test_without_the_dataset_there_are_a_sentence_and_the_answers(measured, tmp_path):
    viewer = images(measured, tmp_path)
    assert f"No picture: there is no dataset &#x27;sample&#x27; in {tmp_path}." in viewer._looked_at.value
    assert "<img" not in viewer._looked_at.value and "<table>" in viewer._looked_at.value


def test_with_the_dataset_there_are_the_picture_and_the_names_of_classes(measured, tmp_path):
    viewer = images(measured, dataset(tmp_path, measured))
    html = viewer._looked_at.value
    assert '<img src="data:image/jpeg;base64,' in html and "No picture" not in html
    assert re.search(r"<b>class \d+&lt;b&gt;</b>", html) and not re.search(r"class \d+<b>", html)
    missing = next((tmp_path / "sample" / "images").glob(viewer.image.value))
    missing.unlink()
    viewer.image.index = 1
    viewer.image.index = 0
    assert f"the file {missing.name} is missing or cannot be read" in viewer._looked_at.value


def test_the_next_image_is_shown_when_it_is_chosen(measured, tmp_path):
    viewer = images(measured, tmp_path)
    before = viewer._looked_at.value
    viewer.image.index = 1
    assert viewer.image.value in viewer._looked_at.value != before


def test_the_viewer_says_what_to_choose_if_nothing_can_flip(measured, tmp_path):
    viewer = images(measured, tmp_path)
    viewer.state.choose(between="device_id")
    assert "choose an instance on two devices or more" in viewer._said.value
    assert (viewer.image.options, viewer.image.value, viewer._looked_at.value) == ((), None, "")
    viewer.state.choose(models=())
    assert "Nothing is chosen of models" in viewer._said.value and viewer.found is None
    viewer.state.choose(models=("mobilenet_v2",), between="quantization")
    assert viewer.image.value is not None


def test_an_image_that_still_flips_stays(fleet, tmp_path):
    viewer = images(fleet, tmp_path)
    everything = viewer.known.everything
    viewer.state.choose(models=everything.models)
    viewer.image.index = 2
    stays = viewer.image.value
    viewer.state.choose(timing="inference")
    assert viewer.image.value == stays


def test_of_many_devices_one_model_is_looked_at_first(fleet, tmp_path):
    viewer = images(fleet, tmp_path)
    assert (viewer.state.selection.models, viewer.state.selection.between) == (("mnasnet",), "device_id")
    assert initial_selection(viewer.known) == viewer.state.selection
    assert "images flip between devices." in viewer._said.value
    assert "No picture: the data are simulated" in viewer._looked_at.value


@pytest.mark.parametrize(("between", "names"), [("framework", "PyTorch"), ("quantization", "INT8")])
def test_frameworks_and_quantizations_are_named(fleet, tmp_path, between, names):
    viewer = images(fleet, tmp_path)
    viewer.state.choose(between=between, models=viewer.known.everything.models)
    assert names in "".join(shown_of_each(viewer))


def shown_of_each(viewer):
    for index in range(len(viewer.image.options)):
        viewer.image.index = index
        yield viewer._looked_at.value


def test_outdated_images_are_dimmed_until_others_are_found(measured, tmp_path):
    viewer = images(measured, tmp_path)

    def dimmed():
        return [DIMMED in widget._dom_classes for widget in (viewer.image, viewer._looked_at)]

    async def click():
        viewer.state.choose(between="device_id")
        assert dimmed() == [True, True]
        assert viewer._said.value == "<p role='status'>Comparing …</p>"

    assert dimmed() == [False, False]
    asyncio.run(click())
    assert viewer.found is not None and dimmed() == [False, False]
    assert "choose an instance on two devices or more" in viewer._said.value
