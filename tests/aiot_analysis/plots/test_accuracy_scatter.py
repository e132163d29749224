import pytest

from aiot_analysis.plots import accuracy, style
from aiot_analysis.stats.accuracy import with_interval
from tests.aiot_analysis.conftest import instance, instances


@pytest.fixture
def rows():
    measured = {"tflite_cpu_float32_mnasnet": (0.5, 10.0), "tflite_cpu_int8_mnasnet": (0.7, 5.0)}
    measured["pytorch_cpu_float32_mnasnet"] = (0.6, 30.0)
    parts = [instance(id_, *numbers) for id_, numbers in measured.items()]
    return with_interval(instances(*parts, instance("caffe2_cpu_float32_mnasnet", None, None)))


def test_every_instance_with_numbers_is_a_point_at_its_time_and_accuracy(rows):
    figure = accuracy.accuracy_over_time(rows, "measured")
    [axes] = figure.axes
    points = sorted(tuple(map(float, at)) for artist in axes.collections for at in artist.get_offsets() if len(at) == 2)
    assert [at for at in points if at != (0.0, 0.0)] == [(5.0, 0.7), (10.0, 0.5), (30.0, 0.6)]
    assert axes.get_xscale() == "log"
    label = figure.get_label()
    assert "of 3 instances on 1 device: accuracy 0.500 to 0.700, 5 to 30 ms" in label
    assert "Most accurate: MnasNet, TFLite CPU, INT8, 0.700 in 5 ms." in label


@pytest.mark.parametrize(
    ("by", "labels"),
    [
        ("implementation", ["TFLite CPU", "PyTorch"]),
        ("quantization", ["float32", "INT8"]),
        ("model", ["MnasNet"]),
        ("device_id", ["local"]),
    ],
)
def test_the_legend_explains_the_colours(rows, by, labels):
    figure = accuracy.accuracy_over_time(rows, "measured", by=by)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == labels


def test_more_devices_than_looks_have_no_legend_and_whiskers_are_for_few(fleet):
    figure = accuracy.accuracy_over_time(with_interval(fleet), "simulated", by="device_id")
    assert figure.legends == []
    assert not figure.axes[0].containers
    assert accuracy.accuracy_over_time(with_interval(fleet.head(24)), "simulated").axes[0].containers
    assert figure.get_label().startswith("Simulated data.")


def test_without_numbers_the_figure_says_so(rows):
    figure = accuracy.accuracy_over_time(rows[rows["framework"] == "caffe2"], "measured")
    assert figure.get_label() == "Accuracy over time: no data."
    assert style.figure_source(figure) is not None
