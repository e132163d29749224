"""The page on accuracy across devices: whom it compares, whom it refuses and why, and the pictures that flip."""

import json
import re
from pathlib import Path

from PIL import Image

from aiot_analysis import ingest, simulate
from aiot_analysis.report.render import render
from tests.rawlogs import LOAD, attempt, begin, end, image, unavailable

ROOT = Path(__file__).parents[1]
ONE = "tflite_cpu_float32_mobilenet_v2"
MODELS = {ONE: {"sha256": "the same file", "weights": "sample", "size_bytes": 1}}


def run(raw, device, wrong, images=30, **other):
    """A run of one instance on a device that is wrong on the images numbered in `wrong`."""
    folder = begin(raw, [ONE], device=device, models=MODELS, **other)
    shown = [image(query, right=query not in wrong) for query in range(images)]
    attempt(folder, ONE, {**LOAD, "model_sha256": "the same file"}, *shown, end())


def page(folder, **parameters):
    """The text of the page, made of the raw logs in a folder, in one line."""
    ingest.process(folder / "raw", folder / "processed")
    given = {"processed": str(folder / "processed"), **parameters}
    [result] = render(ROOT / "notebooks", folder / "out", ["03"], given, jobs=1)
    assert result.status == "rendered", str(result)
    assert result.warnings == []
    return result.page.read_text(encoding="utf-8").replace("\n", " ")


def alternatives(text):
    return re.findall(r'<img[^>]*alt="([^"]*)"', text)


def test_devices_are_compared_by_image_and_those_that_cannot_be_are_named(tmp_path):
    for device, wrong in (("a", {1, 2}), ("b", {1, 2}), ("c", {1, 3})):
        run(tmp_path / "raw", device, wrong)
    run(tmp_path / "raw", "d", {1}, images=20)
    folder = tmp_path / "datasets" / "sample"
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (40, 40), "green").save(folder / "images" / "002.jpg")
    (folder / "labels.csv").write_text("image,label\n002.jpg,7\n")
    (folder / "classes.csv").write_text("label,name\n7,striped_disc\n8,wavy_disc\n")
    (folder / "dataset.json").write_text(json.dumps({"sha256": "d" * 64, "image_folder": "images"}))
    text = page(tmp_path, datasets=str(tmp_path / "datasets"))
    assert "1 instance can be compared, on 3 devices and 30 images" in text
    assert "it saw other images: 20, the others 30, 20 are the same" in text
    assert "open: not measured as on the other devices" not in text  # that is in the picture
    assert "The reference is Example A (<code>a</code>)" in text
    [noise, _, versus, *_] = alternatives(text)[1:]
    assert "images with another class on some device 6.7 %" in noise  # 2 of 30
    assert "Accuracy of 2 devices less that of Example A" in versus and "0 of 2 differences are sure" in versus
    assert 'src="data:image/jpeg;base64,' in text
    assert "wavy disc on 2 devices (Example A, Example B); striped disc ✓ on 1 device (Example C)" in text
    assert "By construction" not in text


def test_another_reference_can_be_asked_for_and_an_unknown_one_is_refused(tmp_path):
    for device in "ab":
        run(tmp_path / "raw", device, {1})
    assert "The reference is Example B (<code>b</code>), as the parameter says." in page(tmp_path, reference="b")
    given = {"processed": str(tmp_path / "processed"), "reference": "x"}
    [result] = render(ROOT / "notebooks", tmp_path / "other", ["03"], given, jobs=1)
    assert "Reference 'x' is no device with image records: choose a, b." in str(result)


def test_a_device_that_was_measured_twice_tells_of_noise(tmp_path):
    run(tmp_path / "raw", "a", {1})
    run(tmp_path / "raw", "a", {2}, run_id="20260102T000000Z-aaaaaa")
    text = page(tmp_path)
    assert "1 device saw images again under the same recorded conditions, in 1 instance: 2 of 30 images" in text
    assert "No instance can be compared across devices (only one device ran it)." in text
    assert "run 20260102T000000Z-aaaaaa is later" in text
    assert all(alternatives(text))


def test_a_simulated_fleet_is_by_construction(tmp_path):
    simulate.simulate(simulate.Options(devices=4, images=20, quantized_on=2), tmp_path / "raw", jobs=1)
    text = page(tmp_path, origin="simulated")
    assert "By construction: the answers of this fleet were drawn by rule" in text
    assert "60 instances can be compared, on 2 to 4 devices and 20 images" in text
    assert "Without pictures: the data are simulated, and there are no pictures." in text
    assert all(one.startswith("Simulated data. ") for one in alternatives(text))


def test_where_nothing_was_measured_every_figure_says_so(tmp_path):
    folder = begin(tmp_path / "raw", [ONE, "tflite_nnapi_float32_mnasnet"])
    unavailable(folder, ONE)
    unavailable(folder, "tflite_nnapi_float32_mnasnet")
    text = page(tmp_path)
    assert "No instance can be compared across devices (nothing was measured)." in text
    assert len(alternatives(text)) == 5
    assert all("no data" in one.lower() for one in alternatives(text))


def test_a_native_tool_has_no_records_of_images_and_is_named(tmp_path):
    for device in "ab":
        run(tmp_path / "raw", device, {1})
    folder = begin(tmp_path / "raw", [ONE], device="c", models=MODELS)
    load = {**LOAD, "model_sha256": "the same file", "accelerator_requested": "cpu", "accelerator_actual": "cpu"}
    summary = {
        "event": "summary",
        "tool": "benchmark_model",
        "count": 30,
        "mean_ms": 8.0,
        "accuracy_accelerator": "cpu",
    }
    attempt(folder, ONE, load, summary, end(images=30, failed_images=0, correct=28))
    text = page(tmp_path)
    assert "1 instance can be compared, on 2 devices and 30 images" in text
    assert "there are no records of single images" in text
