"""Tests of the figures of noise and differences, and of devices against a reference."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from aiot_analysis.plots import accuracy as draw_accuracy
from aiot_analysis.plots import agreement as draw
from aiot_analysis.plots import style
from aiot_analysis.stats import accuracy, agreement
from aiot_analysis.stats.pairing import APART_COLUMNS, Answers
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import device, instance, instances

ONE, TWO, INT8 = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet", "tflite_nnapi_int8_mnasnet"
ORIGIN = "measured · end to end · sample weights"


def words(figure):
    return "\n".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text))


def answers(k=6, instance=ONE, n=200, worse=0.0, seed=0):
    rng = np.random.default_rng(seed)
    correct = np.repeat(rng.random((n, 1)) < 0.7, k, axis=1)
    at_edge = rng.random(n) < 0.05
    correct[at_edge] = rng.random((at_edge.sum(), k)) < 0.5
    correct[:, -1] &= rng.random(n) >= worse
    ids = [f"phone-{number:02}" for number in range(k)]
    images = [f"{number:03}.jpg" for number in range(n)]
    return Answers(instance, ids, images, np.ones(n, np.int64), correct.astype(np.int64), correct)


REPEATS = pd.DataFrame(
    [{"device_id": "a", "instance_id": ONE, "images": 100, "noise": 0.01, "noise_low": 0.002, "noise_high": 0.05}]
)
NOTHING = accuracy.answer_changes(
    accuracy.repeated_rows(instances()), pd.DataFrame(columns=["run_id", "device_id", "instance_id"])
)


def noise(every, again=REPEATS, origin=ORIGIN):
    return draw.noise(agreement.cochran(every), agreement.instability(every), again, origin)


def against(every, base="phone-00", **other):
    result = agreement.compare_with(every, base)
    return draw.against(result, ORIGIN, base, None, agreement.not_comparable(every, base), **other)


def test_the_spread_is_drawn_beside_chance_and_other_images():
    every = [answers(), answers(instance=TWO, seed=1)]
    figure = noise(every)
    result = agreement.cochran(every)
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx((100 * result["sd_chance_most"]).tolist())
    offsets = [marks.get_offsets()[:, 0] for marks in left.collections]
    assert offsets[0].tolist() == pytest.approx((100 * result["sd_chance"]).tolist())
    assert offsets[1].tolist() == pytest.approx((100 * result["sd_sampling"]).tolist())
    assert offsets[2].tolist() == pytest.approx((100 * result["sd"]).tolist())  # no difference is significant
    assert [text.get_text() for text in left.get_yticklabels()] == ["MnasNet · TFLite CPU", "MnasNet · PyTorch"]
    assert right.containers[1].lines[0].get_xdata().tolist() == [1.0]  # the device compared with itself
    assert "significantly more than chance in 0" in figure.get_label()
    figure.draw_without_rendering()


def test_a_sure_difference_is_marked_and_reported():
    figure = noise([answers(worse=0.3)], NOTHING)
    assert "significantly more than chance in 1" in figure.get_label()
    assert "observed, significant" in words(figure)
    assert "no data on a device compared with itself" in words(figure)


def test_an_empty_panel_names_no_instances():
    for inches in (None, 3.5):  # beside each other, and below each other
        with style.printing(inches):
            left, right = noise([answers(k=1)]).axes
        assert [text.get_text() for text in left.get_yticklabels()] == []
        assert [text.get_text() for text in right.get_yticklabels()] == ["MnasNet · TFLite CPU"]


def test_one_device_is_a_labelled_gap_but_its_noise_is_shown():
    figure = noise([answers(k=1)])
    assert "no data: only one device ran it" in words(figure)
    assert "no data between devices: only one device" in words(figure)
    assert "from one device on repeated images 1.0%" in figure.get_label()
    assert "only one device" in figure.get_label()
    figure.draw_without_rendering()


@pytest.mark.parametrize("every", [[], [answers(k=1)]])
def test_nothing_to_compare_says_so_in_every_panel(every):
    for figure in (noise(every, NOTHING), against(every, "")):
        for axes in figure.axes:
            assert "no data" in " ".join(text.get_text() for text in axes.texts)
        assert "no data" in figure.get_label()
        figure.draw_without_rendering()


def test_an_instance_on_one_device_among_others_is_named_on_its_line():
    figure = noise([answers(), answers(k=1, instance=TWO)], NOTHING)
    assert "no data: only one device ran it" in words(figure)
    figure.draw_without_rendering()


def test_differences_are_drawn_with_both_intervals():
    every = [answers(k=3)]
    result = agreement.compare_with(every, "phone-00")
    [panel] = against(every).axes
    alone, paired = panel.collections[:2]
    ends = np.array([segment[:, 1] for segment in alone.get_segments()])
    low_high = result[["accuracy_low", "accuracy_high"]].sub(result["accuracy_base"], axis=0)
    assert ends == pytest.approx(100 * low_high.to_numpy())
    ends = np.array([segment[:, 1] for segment in paired.get_segments()])
    assert ends == pytest.approx(100 * result[["change_low", "change_high"]].to_numpy())
    assert panel.get_title(loc="left") == "MnasNet, TFLite CPU"


def test_a_worse_device_is_marked():
    every = [answers(worse=0.3)]
    figure = against(every)
    assert "1 of 5 differences are significant" in figure.get_label()
    assert "significant difference" in words(figure)
    assert "significant difference" not in words(against([answers()]))


def test_versions_without_devices_and_devices_without_versions_are_labelled():
    figure = against([answers(k=4), answers(k=2, instance=TWO), answers(k=1, instance="caffe2_cpu_float32_mnasnet")])
    texts = words(figure)
    assert "no data: 2 of 4 devices" in texts
    assert "MnasNet, Caffe2" in texts and "no data: only one device ran it" in texts
    figure.draw_without_rendering()


def test_only_the_quantizations_asked_for_have_panels():
    every = [answers(k=3), answers(k=1, instance=INT8)]
    assert len(against(every, quantizations=["float32"]).axes) == 1
    assert "NNAPI INT8" in words(against(every))


def test_a_fleet_fits_on_a_page_and_names_few_devices_a_panel():
    ids = [f"{one}_float32_{model}" for model in names.MODELS for one in names.IMPLEMENTATIONS]
    every = [answers(k=51, instance=one, n=50) for one in ids]
    figure = against(every)
    assert len(figure.axes) == 24 and figure.get_size_inches()[0] < 12
    assert all(len(panel.get_xticks()) <= draw.MOST_TICKS for panel in figure.axes)


def test_simulated_data_are_marked():
    figure = noise([answers()], REPEATS, ORIGIN.replace("measured", "simulated"))
    assert figure.get_label().startswith("Simulated data.") and "SIMULATED" in words(figure)


def test_in_fig_4_devices_that_were_measured_otherwise_have_open_points():
    rows = accuracy.with_interval(instances(*(instance(ONE, 0.7, device_id=device_id) for device_id in "abc")))
    devices = pd.DataFrame([device(device_id, maker="") for device_id in "abc"])
    apart = pd.DataFrame([("b", ONE, "it has other images")], columns=APART_COLUMNS)
    figure = draw_accuracy.frameworks(rows, ORIGIN, devices, None, apart)
    panel = figure.axes[names.MODELS.index("mnasnet")]
    [mark] = [marks for marks in panel.collections if isinstance(marks, mpl.collections.PathCollection)]
    assert mark.get_offsets()[0][0] == pytest.approx(1 - 0.27)
    assert "open: measured under other conditions than the rest: TFLite CPU on 1 of 3 devices" in words(figure)
    assert "open:" not in words(draw_accuracy.frameworks(rows, ORIGIN, devices, None, apart.iloc[:0]))
