"""What pages say of devices that agree or not, and the images that flip."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aiot_analysis.display import agreement_table as tell
from aiot_analysis.display import flip_table as shown
from aiot_analysis.display.pictures import Pictures
from aiot_analysis.stats import agreement, flips
from aiot_analysis.stats.answers import APART_COLUMNS, NONE, Answers

ONE, TWO = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"
DEVICES = pd.DataFrame({"device_id": ["a", "b", "c"], "maker": "Maker", "model": ["<A>", "B", "C"]})


def answers(top1, instance=ONE, devices="abc"):
    top1 = np.array(top1, np.int64)
    names = [f"{number}.jpg" for number in range(len(top1))]
    labels = np.ones(len(top1), np.int64)
    return Answers(instance, list(devices[: top1.shape[1]]), names, labels, top1, top1 == 1)


EVERY = [answers([[1, 1, 1], [1, 1, 2], [1, 1, 1], [1, 2, NONE]]), answers([[1, 1]] * 4, instance=TWO)]


def said(every, origin="measured"):
    return tell.of_devices(agreement.cochran(every), agreement.instability(every), origin)


def test_the_sentence_has_the_numbers():
    assert said(EVERY) == (
        "2 instances can be compared, on 2 to 3 devices and 4 images. By instance, some devices give another class on "
        "0.0% to 50.0% of the images, two devices on 0.0% to 30.0%. That devices are not equally often right is sure "
        "in 0 of 2 instances."
    )


def test_simulated_data_are_by_construction_whatever_they_say():
    for every in (EVERY, [], [answers([[1]])]):
        assert said(every, "simulated").startswith("By construction: the answers of this fleet were drawn by rule")
        assert "By construction" not in said(every) and "By construction" not in said(every, "imported")


def test_where_nothing_is_compared_the_sentence_says_why():
    assert said([answers([[1]])]) == ("No instance can be compared across devices (only one device ran it).")
    assert said([]) == "No instance can be compared across devices (nothing was measured)."


def test_the_reference_and_the_rule_that_chose_it():
    assert agreement.reference(EVERY) == "a"
    told = tell.of_reference(EVERY, "a", "", DEVICES)
    assert told.startswith("The reference is Maker <A> (`a`): of the devices with the most instances (2)")
    assert "(81.25% of them" in told  # 5 of 8 in the first, all in the second
    assert tell.of_reference(EVERY, "b", "b", DEVICES) == "The reference is Maker B (`b`), as the parameter says."
    assert tell.of_reference([], "", "", DEVICES).startswith("There is no reference")


def test_noise_from_run_to_run_is_told_or_that_it_is_not_known():
    columns = {"device_id": ["a", "a"], "instance_id": [ONE, TWO], "images": [100, 50], "changed": [1, 0]}
    assert tell.of_repeats(pd.DataFrame(columns), "measured") == (
        "1 device saw images again under the same recorded conditions, in 2 instances: 1 of 150 images got another "
        "class."
    )
    nothing = pd.DataFrame(columns).iloc[:0]
    assert "is not known" in tell.of_repeats(nothing, "measured")
    assert "A simulated phone has one run." in tell.of_repeats(nothing, "simulated")


def test_devices_that_are_apart_are_told_once_for_all_instances():
    found = pd.DataFrame([("a", ONE, "why"), ("a", TWO, "why"), ("b", ONE, "else")], columns=APART_COLUMNS)
    table = tell.apart(found, DEVICES)
    assert table.columns.tolist() == ["device", "reason", "instances", "such as"]
    assert table.values.tolist() == [
        ["Maker <A>", "why", 2, "MnasNet, TFLite CPU, float32"],
        ["Maker B", "else", 1, "MnasNet, TFLite CPU, float32"],
    ]
    assert tell.apart(found.iloc[:0], DEVICES).empty


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    Image.new("RGB", (300, 300), "blue").save(tmp_path / "1.jpg")
    return Pictures({1: "striped_disc", 2: "wavy & <disc>"}, {"1.jpg": tmp_path / "1.jpg"})


def gallery(pictures, every=EVERY):
    return shown.to_html(
        flips.by_image(flips.image_classes(every)), every, pictures, {"a": "Maker <A>", "b": "B", "c": "C"}
    )


def test_the_gallery_has_the_picture_and_the_answers_in_words(pictures):
    html = gallery(pictures)
    assert html.count('<img src="data:image/jpeg;base64,') == 1
    assert 'alt="Picture 1.jpg of the class striped disc"' in html
    assert (
        "<b>MnasNet, TFLite CPU, float32</b>: striped disc ✓ on 2 devices (Maker &lt;A&gt;, B); "
        "wavy &amp; &lt;disc&gt; on 1 device (C)" in html
    )
    assert "flips in 1 of 2 instances" in html
    assert "no answer (failed) on 1 device (C)" in html
    assert len(html) < 6000


def test_without_pictures_the_gallery_says_why_and_keeps_the_words():
    html = gallery(Pictures(why="there is no dataset 'sample' in <x>"))
    assert html.startswith("<p>Without pictures: there is no dataset &#x27;sample&#x27; in &lt;x&gt;.</p>")
    assert "<img" not in html and "class 1 ✓ on 2 devices" in html


def test_many_devices_are_counted_not_named():
    html = gallery(Pictures(), [answers([[1] * 5 + [2]], devices="uvwxyz")])
    assert "class 1 ✓ on 5 devices; class 2 on 1 device (z)" in html


def test_a_gallery_of_nothing_says_so():
    assert gallery(Pictures(), [answers([[1, 1]])]) == f"<p>{shown.NOTHING}</p>"


def test_the_table_of_differences_has_a_line_an_instance_that_can_be_compared():
    every = [
        *EVERY,
        answers([[1]], instance="caffe2_cpu_float32_mnasnet"),
        answers([[1, 2]], instance="pytorch_cpu_x_y"),
    ]
    found = tell.differences(agreement.cochran(every), agreement.instability(every)).set_index("instance")
    assert found.index.tolist() == ["MnasNet, TFLite CPU", "ResNet50, PyTorch"]  # one image tells of no spread
    first, second = found.to_dict("records")
    assert (first["devices"], first["accuracy"], first["two differ"]) == (3, "0.500–1.000", "30.00%")
    assert first["some differ"] == "50.0% (15.0–85.0)"
    assert (second["spread (chance)"], second["Q"]) == ("0.00 (0.00)", "0.0")
    assert (second["p (epsilon)"], second["p, corrected"]) == ("1.000 (1.000)", "1.000")
    assert tell.differences(agreement.cochran([]), agreement.instability([])).columns.tolist() == tell.DIFFERENCES
