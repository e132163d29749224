import numpy as np
import pandas as pd

from aiot_analysis.plots.shares import speed_ups
from aiot_analysis.stats import latency


def frame(devices, models=("resnet50", "mnasnet")):
    rows = [
        [model, f"phone-{number:02}", part, 100, 20.0, 20.0 / speed, speed, speed * 0.9, speed * 1.1]
        for model in models
        for number in range(devices)
        for part, speed in (("pytorch_cpu", 2.0), ("caffe2_cpu", 0.5))
    ]
    columns = ["model", "device_id", "implementation", "n_images", "base_ms", "other_ms"]
    return pd.DataFrame(rows, columns=[*columns, "speed_up", "speed_up_low", "speed_up_high"])


def drawn(rows, origin="measured · end to end"):
    return speed_ups(rows, latency.over_devices(rows, ["model", "implementation"]), "TFLite CPU", origin)


def test_a_panel_a_model_with_a_point_a_device_and_framework():
    figure = drawn(frame(1))
    assert [axes.get_title(loc="left") or axes.get_title() for axes in figure.axes] == ["ResNet50", "MnasNet"]
    [pytorch, caffe2] = figure.axes[0].containers
    assert pytorch.lines[0].get_ydata().tolist() == [2.0] and caffe2.lines[0].get_ydata().tolist() == [0.5]
    [bars] = pytorch.lines[2]
    assert np.allclose(bars.get_segments()[0][:, 1], [1.8, 2.2])
    assert "ResNet50: PyTorch 2.00 times, Caffe2 0.50 times" in figure.get_label()


def test_many_devices_have_their_geometric_mean_as_a_line():
    axes = drawn(frame(51)).axes[0]
    flat = [
        line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2
    ]
    assert np.allclose(sorted(flat), [0.5, 1, 2])
    assert "(faster on 51 of 51)" in drawn(frame(51)).get_label()


def test_nothing_to_compare_is_a_labelled_gap():
    figure = drawn(frame(0))
    assert "no data" in figure.axes[0].texts[0].get_text() and "No data" in figure.get_label()


def test_simulated_data_are_marked():
    assert drawn(frame(2), "simulated · end to end").get_label().startswith("Simulated data.")


def test_an_interval_that_is_not_known_is_no_whisker():
    figure = drawn(frame(1).assign(speed_up_low=np.nan, speed_up_high=np.nan))
    [bars] = figure.axes[0].containers[0].lines[2]
    assert np.ptp(bars.get_segments()[0][:, 1]) == 0


def test_the_axis_of_close_speed_ups_has_a_tick_at_one():
    close = frame(13).assign(speed_up=1.1, speed_up_low=0.9, speed_up_high=1.4)
    for axes in drawn(close).axes:
        low, high = axes.get_ylim()
        assert low < 1 < high and np.isclose(axes.get_yticks(), 1).any()
