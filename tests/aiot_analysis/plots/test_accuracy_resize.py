"""Tests of the figure of the three ways of resizing."""

import pandas as pd

from aiot_analysis.plots import accuracy as draw
from aiot_analysis.stats import resize
from tests.aiot_analysis.conftest import images, instance, instances

ONE, TWO = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"
ORIGIN = "measured · end to end · sample weights"


def summary(ways, **other):
    table = instances(
        *(instance(id_, 0.8, study="resize", resize=way, run_id=way) for id_ in (ONE, TWO) for way in ways)
    )
    rows, _ = resize.rows(table.assign(**other))
    shown = [images(id_, [True, False], [10.0, 20.0], run_id=way) for id_ in (ONE, TWO) for way in ways]
    return resize.summary(rows, pd.concat(shown))


def test_each_way_has_a_point_with_an_interval_for_each_instance():
    figure = draw.resizing(summary(resize.WAYS), ORIGIN)
    assert [len(panel.containers) for panel in figure.axes] == [3, 3, 3]
    [*first] = figure.axes[0].containers[0].lines[0].get_xdata()
    assert first == [0.8, 0.8]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [
        "MnasNet, PyTorch, float32",
        "MnasNet, TFLite CPU, float32",
    ]
    label = figure.get_label()
    assert "2 instances" in label
    assert "crop, then resize: accuracy 0.800, decode and preprocess 3.00 ms" in label


def test_a_way_that_was_not_run_is_not_in_the_legend():
    figure = draw.resizing(summary(["crop_resize"]), ORIGIN)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["crop, then resize"]


def test_without_such_a_study_the_figure_says_which_command_makes_one():
    rows, _ = resize.rows(instances())
    figure = draw.resizing(resize.summary(rows, images(ONE, [True], [1.0]).head(0)), ORIGIN)
    [panel] = figure.axes
    words = " ".join(text.get_text().replace("\n", " ") for text in panel.texts)
    assert "aiot run --local --resize crop_resize,resize_crop,square_crop" in words
    assert "no data" in figure.get_label()


def test_simulated_data_are_marked():
    figure = draw.resizing(summary(resize.WAYS, origin="simulated"), ORIGIN.replace("measured", "simulated"))
    assert figure.get_label().startswith("Simulated data.")
