"""Tests of Figs. 1, 2 and 3: their words, their marks, and the gap if nothing was profiled."""

import contextlib

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from aiot_analysis.plots import operators as draw
from aiot_analysis.plots import style
from aiot_analysis.stats import operators
from aiot_analysis.tables import storage
from tests.aiot_analysis.networks import fire, residual, times

ORIGIN = "measured · inference only · random weights"
FRAME = pd.concat(
    [
        times("resnet50", {"convolution": 1.5, "batch norm": 0.3, "relu": 0.2}),
        times("mnasnet", {"convolution": 0.3, "depthwise convolution": 2.1, "relu": 0.6}),
    ]
)


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def test_a_bar_has_the_shares_of_its_model_from_the_bottom_up():
    figure = draw.breakdown(operators.shares(FRAME), ORIGIN)
    [panel] = figure.axes
    heights = {}
    for bar in panel.patches:
        heights.setdefault(round(bar.get_x() + bar.get_width() / 2), []).append(bar.get_height())
    assert heights[0] == pytest.approx([0.75, 0, 0.15, 0.1])  # in the order of the legend
    assert heights[1] == pytest.approx([0.1, 0.7, 0, 0.2])
    assert [text.get_text() for text in panel.get_xticklabels()] == ["ResNet50", "MnasNet"]
    assert "ResNet50: convolution 75%, batch norm 15% and relu 10%" in figure.get_label()
    assert "75%" in words(figure) and ORIGIN in words(figure)


def test_frameworks_and_devices_have_panels_of_their_own():
    both = pd.concat([FRAME, FRAME.assign(framework="caffe2"), FRAME.assign(device_id="board")])
    figure = draw.breakdown(operators.shares(both), ORIGIN)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["PyTorch, board", "PyTorch, local", "Caffe2, local"]


@pytest.mark.parametrize(("count", "hatched"), [(12, True), (13, False)])
def test_bars_are_hatched_up_to_12_devices(count, hatched):
    many = pd.concat([times("resnet50", {"batch norm": 1.0}).assign(device_id=f"d{n:02}") for n in range(count)])
    figure = draw.breakdown(operators.shares(many), ORIGIN)
    assert {bool(bar.get_hatch()) for axes in figure.axes for bar in axes.patches} == {hatched}


def test_a_model_that_one_framework_lacks_is_a_labelled_gap():
    both = pd.concat([FRAME, times("mnasnet", {"convolution": 1.0}, framework="caffe2")])
    figure = draw.breakdown(operators.shares(both), ORIGIN)
    gaps = [[text.get_text() for text in axes.texts].count("no data") for axes in figure.axes]
    assert gaps == [0, 1]
    assert "MnasNet, Caffe2: convolution 100%" in figure.get_label()
    panels = draw.convolution_times(operators.convolution_times(both), ORIGIN).axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["(a) ResNet50, PyTorch", "(b) MnasNet, PyTorch", "(c) MnasNet, Caffe2"]


def test_histograms_have_the_bins_of_the_frame_and_a_bar_for_what_is_beyond():
    frame = operators.convolution_times(FRAME)
    figure = draw.convolution_times(frame, ORIGIN)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["(a) ResNet50", "(b) MnasNet"]
    resnet, mnasnet = figure.axes
    bars = {round(bar.get_x(), 2): bar.get_height() for bar in mnasnet.patches if bar.get_height()}
    assert bars == {0.28: 0.5, 2.1: 0.5}  # of the bins, and of longer times
    assert "50.0%" in words(figure) and "none" in words(figure)
    times_drawn = [axes.get_xlabel() for axes in figure.axes]
    assert times_drawn == ["time of each of 1 convolution (ms)", "time of each of 2 convolutions (ms)"]
    ticks = [text.get_text() for text in resnet.get_xticklabels()]
    assert (
        ticks[0] == "0.21"
        and ticks[-1] == "> 1.96"
        and set(ticks[1:-1]) <= {"0.49", "0.77", "1.05", "1.33", "1.61", "1.89"}
    )
    assert np.allclose([bar.get_width() for bar in resnet.patches], [0.14] * 14 + [0.28])
    assert resnet.get_ylabel() == "relative frequency\n(1 repetition)"
    assert draw.breakdown(operators.shares(FRAME), ORIGIN).axes[0].get_ylabel() == "share of run time\n(1 repetition)"


def texts(figure):
    """Return the texts in the boxes of each panel."""
    return [[text.get_text() for text in axes.texts if text.get_text()] for axes in figure.axes]


def test_a_module_is_drawn_with_all_its_boxes_and_arrows():
    figure = draw.typical_modules(operators.boxes(residual()), ORIGIN)
    assert texts(figure) == [["input, 8", "1x1 conv, 8\nBN, relu", "3x3 conv, 8", "addition"]]
    assert figure.axes[0].get_title(loc="left") == "(a) ResNet50: Bottleneck, b.0"
    assert len([text for text in figure.axes[0].texts if text.get_text() == ""]) == 4  # arrowheads


def test_a_layer_that_changes_changes_the_drawing():
    changed = fire()
    changed.loc[changed["node"] == "right", "kernel"] = "7x7"
    before, after = (draw.typical_modules(operators.boxes(network), ORIGIN) for network in (fire(), changed))
    [old], [new] = texts(before), texts(after)
    assert set(old) - set(new) == {"3x3 conv, 8"}
    assert set(new) - set(old) == {"7x7 conv, 8"}
    cut = fire()
    cut = cut[cut["node"] != "left"].assign(inputs=cut["inputs"].str.replace("left ", ""))
    figure = draw.typical_modules(operators.boxes(cut), ORIGIN)
    assert len(figure.axes[0].patches) == len(before.axes[0].patches) - 1


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_any_number_of_models_has_room(count):
    frame = pd.concat([fire().assign(model=f"net_{number}") for number in range(count)])
    figure = draw.typical_modules(operators.boxes(frame), ORIGIN)
    assert len(figure.axes) == count
    figure.draw_without_rendering()


def test_where_nothing_was_profiled_the_figure_says_what_to_do():
    nothing = storage.table("operators", [])
    figures = [
        draw.breakdown(operators.shares(nothing), ORIGIN),
        draw.convolution_times(operators.convolution_times(nothing), ORIGIN),
        draw.typical_modules(operators.boxes(storage.table("nodes", [])), ORIGIN),
    ]
    for figure in figures:
        assert "aiot operators" in " ".join(words(figure)).replace("\n", " ")
        assert "no data" in figure.get_label()


def test_the_papers_range_cuts_bars_and_says_how_far_they_go_on():
    frame = operators.convolution_times(FRAME)
    plain, ranged = draw.convolution_times(frame, ORIGIN), draw.convolution_times(frame, ORIGIN, paper_range=True)
    assert {axes.get_ylim() for axes in ranged.axes} == {(0, 0.12)}  # the paper's label of the axis
    assert {round(axes.get_ylim()[1], 3) for axes in plain.axes} == {1.2}  # ResNet50: one convolution of 1.5 ms
    [resnet, mnasnet] = ranged.axes
    limit, cut = resnet.lines
    assert limit.get_xdata() == pytest.approx([0.98, 0.98])  # the last of the edges 0, 0.14, 0.28, ... below 1 ms
    assert cut.get_xdata() == pytest.approx([1.47]) and cut.get_ydata() == pytest.approx([0.12])  # bin 1.40 to 1.54
    assert "goes on to at most 1.00" in resnet.get_xlabel() and "goes on to at most 0.50" in mnasnet.get_xlabel()
    [overflow] = [bar for bar in mnasnet.patches if bar.get_x() > 1.96]
    assert overflow.get_height() == 0.5 and "50.0%" in words(ranged)


@pytest.mark.parametrize("width", [None, 3.5, 7.16])
def test_a_box_is_as_large_in_every_module(width):
    frame = pd.concat([fire(), residual(), fire().assign(model="net_1"), residual().assign(model="net_2")])
    context = style.printing(width) if width else contextlib.nullcontext()
    with context:
        figure = draw.typical_modules(operators.boxes(frame), ORIGIN)
    figure.draw_without_rendering()
    sizes = []
    for axes in figure.axes:
        unit = axes.transData.transform([(0, 0), (1, 1)])
        sizes.append(np.abs(unit[1] - unit[0]))
        for box in axes.patches:
            extent = box.get_window_extent()
            assert extent.x0 >= -0.5 and extent.x1 <= figure.bbox.width + 0.5
    assert np.allclose(sizes, sizes[0], rtol=1e-6)
    assert len(sizes) == 4


def test_a_label_that_is_wider_than_its_box_names_only_the_kernel():
    frame = pd.concat([fire().assign(model=f"net_{number}") for number in range(2)])
    for width, shown in ((7.16, "1x1 conv, 8"), (1.5, "1x1, 8")):
        with style.printing(width):
            figure = draw.typical_modules(operators.boxes(frame), ORIGIN)
        assert any(text.startswith(shown) for text in words(figure)), width
