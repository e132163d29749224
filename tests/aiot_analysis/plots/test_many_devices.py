"""Tests of figures of many devices."""

from __future__ import annotations

from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from aiot_analysis.plots import accuracy, coverage, device_axis, shares, style, vips
from aiot_analysis.stats import accuracy as accuracy_stats
from aiot_analysis.stats import shares as shares_stats
from aiot_analysis.stats import vips as vips_stats
from aiot_analysis.tables import names

from ..conftest import device, instance, instances

ORIGIN = "simulated · end to end"
SUITE = names.PAPER_FLOAT32[:2]


def fleet(count):
    """Return rows of devices, every third of which cannot run the second instance."""
    rows = [instance(SUITE[0], device_id=f"phone-{number:04}") for number in range(count)]
    for number in range(count):
        accuracy, time_ms = (None, None) if number % 3 == 0 else (0.5, 10.0)
        rows.append(instance(SUITE[1], accuracy, time_ms, device_id=f"phone-{number:04}"))
    return instances(*rows)


@pytest.mark.parametrize("count", [120, 121, 600])
def test_of_many_devices_the_coverage_is_counted_and_the_figure_stays_small(count):
    figure = coverage.grid(fleet(count), ORIGIN)
    absent = -(-count // 3)
    counts = f"{2 * count - absent} valid, {absent} unavailable and {58 * count} not run."
    assert figure.get_label() == f"Simulated data. Of {60 * count} tests on {count} devices: {counts}"
    width, height = figure.get_size_inches()
    assert width < 21 and height < 11
    shown = [text.get_text() for text in figure.axes[0].texts]
    if count > coverage.SIDE_BY_SIDE:
        assert shown[:2] == [f"✓ {count}", f"✓ {count - absent}"]
        assert f"– {absent}" in shown and shown.count(f"· {count}") == 58
        assert figure.axes[0].get_xlabel() == "devices" and width < 8
    else:
        assert len(shown) == 60 * count


@pytest.mark.parametrize("count", [120, 600])
def test_a_ranking_of_many_devices_shows_the_first_and_the_total(count):
    scores = vips_stats.scores(fleet(count))
    with style.printing():
        assert vips.ranking(scores, ORIGIN).get_size_inches()[1] < 24
        points = style.small()
    figure = vips.ranking(scores, ORIGIN)
    assert figure.get_size_inches()[1] < 24 * style.small() / points  # text is larger on pages
    assert len(figure.axes[0].get_yticklabels()) == 120
    assert f"VIPS of {count} devices, 50 to 100 valid images per second" in figure.get_label()
    assert ("the first 120 of 600 devices" in figure.axes[0].get_xlabel()) == (count > 120)


SOCS = ["Snapdragon 855", "Kirin 990", "Exynos 990", "", "Snapdragon 865"]
"""Chips that are assigned to phones in turn."""


def arranged(count, order="soc"):
    """Return rows of phones numbered from 1 in Table III, with the last one first."""
    phones = [
        device(f"phone-{number:02}", number, maker="Maker", soc=SOCS[(number - 1) % len(SOCS)])
        for number in range(count, 0, -1)
    ]
    return device_axis.arrange_devices(pd.DataFrame(phones), pd.Series(dtype=float), order)


def ids_of(devices):
    return device_axis.order(devices["device_id"], devices)


def labelled(axes):
    return axes.xaxis.get_tick_params()["labelbottom"]


def test_devices_are_arranged_by_vendor_and_then_by_number():
    devices = arranged(13)
    by_hand = [2, 7, 12, 1, 5, 6, 10, 11, 3, 8, 13, 4, 9]  # HiSilicon, Qualcomm, Samsung, other
    assert ids_of(devices) == [f"phone-{number:02}" for number in by_hand]
    assert device_axis.groups(ids_of(devices), devices) == [
        ("HiSilicon", 0, 2),
        ("Qualcomm", 3, 7),
        ("Samsung", 8, 10),
        ("other", 11, 12),
    ]
    assert device_axis.labels(ids_of(devices), devices) == [str(number) for number in by_hand]


@pytest.mark.parametrize(("count", "order"), [(12, "soc"), (13, "id"), (13, "value")])
def test_few_devices_and_those_in_another_order_have_no_groups(count, order):
    devices = arranged(count, order)
    assert device_axis.groups(ids_of(devices), devices) == []


def test_devices_without_a_column_of_chips_are_one_group():
    devices = arranged(13).drop(columns=["soc", "place", "label", "group"])
    again = device_axis.arrange_devices(devices, pd.Series(dtype=float))
    assert device_axis.groups(ids_of(again), again) == [("other", 0, 12)]


def accuracies(count):
    """Return rows of two implementations of a model; only the first has another accuracy on the last device."""
    rows = []
    for number in range(1, count + 1):
        phone = f"phone-{number:02}"
        rows.append(instance(names.PAPER_FLOAT32[0], 0.72 if number == count else 0.7, device_id=phone))
        rows.append(instance(names.PAPER_FLOAT32[2], 0.5, device_id=phone))
    return accuracy_stats.with_interval(instances(*rows))


def wilson_length(correct, n):
    interval = scipy.stats.binomtest(correct, n).proportion_ci(method="wilson")
    return interval.high - interval.low


def panel_of(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def whisker(panel):
    """Return the ends of the reference whisker."""
    [line] = [line for line in panel.lines if len(line.get_xdata()) == 2 and line.get_xdata()[0] > 12.5]
    return line.get_ydata()


def test_accuracies_of_many_devices_have_rows_set_by_the_points_and_one_whisker():
    devices = arranged(13)
    figure = accuracy.frameworks(accuracies(13), ORIGIN, devices)
    panel = panel_of(figure, "ResNet50")
    height = 2.7 * 0.02  # the farthest point is 0.02 above the median of its row
    assert panel.get_ylim() == pytest.approx((-1.5 * height, 0.5 * height))
    assert [label.get_text() for label in panel.get_yticklabels()] == ["0.700", "0.500"]
    first, second = (spots for spots in panel.collections if isinstance(spots, mpl.collections.PathCollection))
    above = ids_of(devices).index("phone-13")
    offsets = np.asarray(first.get_offsets())
    assert dict(offsets.tolist())[above] == pytest.approx(0.02)
    assert sorted(offsets[:, 1])[:12] == pytest.approx([0] * 12)
    assert np.asarray(second.get_offsets())[:, 1] == pytest.approx([-height] * 13)
    by_hand = np.median([wilson_length(350, 500)] * 12 + [wilson_length(360, 500)] + [wilson_length(250, 500)] * 13)
    assert np.ptp(whisker(panel)) == pytest.approx(by_hand)
    words = " ".join([panel.get_title(loc="right"), panel.get_xlabel()]).replace("\n", " ")
    assert f"whisker: 95% interval of one device, {by_hand:.3f}" in words and "longer" not in words
    assert f"interval of one device is {by_hand:.3f} wide" in figure.get_label()


def test_a_whisker_that_is_longer_than_the_axis_spans_it_and_says_so():
    steady = accuracies(13)
    panel = panel_of(accuracy.frameworks(steady[steady["accuracy"] == 0.5], ORIGIN, arranged(13)), "ResNet50")
    assert panel.get_ylim() == pytest.approx((-0.002, 0.002)) == whisker(panel)
    assert "(longer than the axis)" in panel.get_title(loc="right") + panel.get_xlabel()


@pytest.mark.parametrize("count", [2, 13])
def test_the_range_of_the_y_axis_can_be_given(count):
    panel = panel_of(accuracy.frameworks(accuracies(count), ORIGIN, arranged(count), y_range=(0.3, 0.8)), "ResNet50")
    assert panel.get_ylim() == (0.3, 0.8)
    if count > device_axis.MANY:
        heights = {
            height
            for spots in panel.collections
            if isinstance(spots, mpl.collections.PathCollection)
            for _, height in np.asarray(spots.get_offsets()).tolist()
        }
        assert heights == {0.7, 0.72, 0.5}


def test_up_to_twelve_devices_keep_their_whiskers():
    panel = panel_of(accuracy.frameworks(accuracies(12), ORIGIN, arranged(12)), "ResNet50")
    assert [len(part.lines[2][0].get_segments()) for part in panel.containers] == [12, 12]
    assert panel.get_title(loc="right") == ""


def test_lines_end_at_the_borders_of_groups():
    panel = panel_of(accuracy.frameworks(accuracies(13), ORIGIN, arranged(13)), "ResNet50")
    ends = [(line.get_xdata()[0], line.get_xdata()[-1]) for line in panel.lines if len(line.get_ydata()) > 2]
    assert ends == [(0, 2), (3, 7), (8, 10)] * 2


def shared(count, order="soc"):
    models = ("resnet50", "mobilenet_v2", "mnasnet", "squeezenet")
    rows = [
        instance(f"{implementation}_float32_{model}", 0.5, time_ms, device_id=f"phone-{number:02}")
        for number in range(1, count + 1)
        for implementation, time_ms in (("tflite_cpu", 10.0), ("pytorch_cpu", 30.0), ("caffe2_cpu", 60.0))
        for model in models
    ]
    return shares.time_shares(shares_stats.frameworks(instances(*rows)), ORIGIN, arranged(count, order))


def test_bars_of_many_devices_touch_and_have_no_hatches():
    panel = panel_of(shared(13), "ResNet50")
    bars = [patch for patch in panel.patches if isinstance(patch, mpl.patches.Rectangle)]
    lowest = sorted((bar for bar in bars if bar.get_y() == 0), key=lambda bar: bar.get_x())
    assert [bar.get_x() for bar in lowest] == pytest.approx([number - 0.5 for number in range(13)])
    assert {bar.get_width() for bar in lowest} == {1.0} and {bar.get_height() for bar in lowest} == {0.1}
    assert {bar.get_hatch() for bar in bars} == {None} and {bar.get_linewidth() for bar in bars} == {0}
    assert len({bar.get_hatch() for bar in panel_of(shared(12), "ResNet50").patches}) == 3


def test_lines_separate_the_parts_of_many_devices():
    panel = panel_of(shared(13), "ResNet50")
    lines = [patch for patch in panel.patches if isinstance(patch, mpl.patches.StepPatch)]
    # times of 10, 30 and 60 ms
    assert [set(np.round(line.get_data().values, 9)) for line in lines] == [{0.1}, {0.4}, {1.0}]


def test_only_the_lowest_panels_of_many_devices_have_labels_and_names_of_groups():
    figure = shared(13)
    drawn = [axes for axes in figure.axes if len(axes.patches)]
    columns = drawn[0].get_gridspec().ncols
    lowest = {axes.get_subplotspec().colspan.start: axes for axes in drawn}.values()
    assert columns == len(lowest) == 2
    for axes in drawn:
        assert labelled(axes) == (axes in lowest)
        lines = [line.get_xdata()[0] for line in axes.lines]
        assert lines == [2.5, 7.5, 10.5]
        marks = {text.get_text(): text.xy[0] for text in axes.texts if isinstance(text, mpl.text.Annotation)}
        middles = {"HiSilicon": 1.0, "Qualcomm": 5.0, "Samsung": 9.0, "other": 11.5}
        assert marks == (middles if axes in lowest else {})
    assert [labelled(axes) for axes in shared(3).axes if len(axes.patches)] == [False, True, True, True]
    assert all(labelled(axes) for axes in shared(2).axes if len(axes.patches))


@pytest.mark.parametrize("count", [13, 25, 51])
def test_names_of_groups_and_labels_of_devices_do_not_overlap(count):
    figure = shared(count)
    figure.draw_without_rendering()
    panel = next(axes for axes in figure.axes if len(axes.patches) and labelled(axes))
    names_of_groups = [text.get_window_extent() for text in panel.texts if isinstance(text, mpl.text.Annotation)]
    labels = [label.get_window_extent() for label in panel.get_xticklabels()]
    assert len(names_of_groups) == 4 and len(labels) == count
    for number, box in enumerate(names_of_groups):
        assert not any(box.overlaps(other) for other in names_of_groups[number + 1 :])
        assert not any(box.overlaps(other) for other in [*labels, panel.xaxis.label.get_window_extent()])
    for label, other in pairwise(labels):
        assert not label.overlaps(other)


def contributions(count, fastest=10.0):
    """Return rows of two instances with 0.5 / 10 ms = 50 and 0.5 / 100 ms = 5 images/s; the last phone lacks one."""
    rows = [
        instance(id_, 0.5, time_ms, device_id=f"phone-{number:02}")
        for number in range(1, count + 1)
        for id_, time_ms in (("tflite_cpu_float32_resnet50", fastest), ("caffe2_cpu_float32_mnasnet", 100.0))
        if number < count or time_ms == fastest
    ]
    return vips_stats.contributions(instances(*rows))


@pytest.mark.parametrize("count", [2, 6, 13, 51])
def test_contributions_of_several_devices_are_a_heatmap(count):
    devices = arranged(count)
    figure = vips.contributions(contributions(count), ORIGIN, devices)
    [panel] = figure.axes
    [cells] = (part for part in panel.collections if isinstance(part, mpl.collections.QuadMesh))
    values = np.ma.filled(cells.get_array(), np.nan)
    assert values.shape == (2, count)
    assert values[0] == pytest.approx([50] * count)
    lacking = ids_of(devices).index(f"phone-{count:02}")
    assert np.isnan(values[1, lacking]) and np.delete(values[1], lacking) == pytest.approx([5] * (count - 1))
    crosses = [line.get_xydata().tolist() for line in panel.lines if line.get_marker() == "x"]
    assert crosses == [[[lacking, 1]]] and "x: no data" in panel.get_xlabel()
    assert [label.get_text() for label in panel.get_yticklabels()] == ["TFLite CPU, ResNet50", "Caffe2, MnasNet"]
    written = [text.get_text() for text in panel.texts if text.get_text() not in {*names.SOC_VENDORS.values(), "other"}]
    assert [text for text in written if text[0].isdigit()] == (
        ["50.0"] * count + ["5.00"] * (count - 1) if count <= 13 else []
    )
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["5 to 10", "10 to 20", "20 to 50", "50 to 100"]
    assert {patch.get_hatch() for patch in legend.get_patches()} == {None}
    assert "Contribution of 2 instances to VIPS on" in figure.get_label()


@pytest.mark.parametrize("inches", [3.5, 7.16, None])
def test_words_of_a_heatmap_do_not_overlap(inches):
    with style.printing(inches):
        figure = vips.contributions(contributions(51), ORIGIN, arranged(51))
        figure.draw_without_rendering()
    [panel] = figure.axes
    for words in (panel.texts, panel.get_xticklabels(), panel.get_yticklabels()):
        boxes = [text.get_window_extent() for text in words]
        assert len(boxes) > 1
        assert not any(box.overlaps(other) for box, other in combinations(boxes, 2))


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([1.5, 7], [1, 2, 5, 10]),
        ([2, 5], [2, 5, 10]),
        ([0.0004, 900], [0.0001, 0.001, 0.01, 0.1, 1, 10, 100, 1000]),
        ([0, 3], [0, 2, 5]),
        ([0], [0, 1]),
        ([np.nan, 4], [2, 5]),
    ],
)
def test_shades_change_at_round_numbers(values, edges):
    assert vips._edges(pd.DataFrame(values)) == pytest.approx(edges)


def test_contributions_of_one_device_are_bars_without_rows_for_what_it_lacks():
    figure = vips.contributions(contributions(1), ORIGIN)
    [panel] = figure.axes
    assert [bar.get_width() for bar in panel.patches] == pytest.approx([50])
    assert "no data: 23 of 24 instances" in panel.get_xlabel()


@pytest.mark.parametrize("count", [1, 2, 51])
def test_a_ranking_has_room_for_every_name_and_readable_ticks(count):
    figure = vips.ranking(vips_stats.scores(fleet(count)), ORIGIN)
    figure.draw_without_rendering()
    [panel] = figure.axes
    boxes = [label.get_window_extent() for label in panel.get_yticklabels()]
    assert len(boxes) == count and not any(box.overlaps(other) for box, other in pairwise(boxes))
    assert 3 <= len(panel.get_xticks()) <= 7


def test_scores_of_thousands_have_ticks_without_powers():
    figure = vips.ranking(vips_stats.scores(fleet(2)).assign(vips=[40_000.0, 20_000.0]), ORIGIN)
    figure.draw_without_rendering()
    assert "20,000" in [label.get_text() for label in figure.axes[0].get_xticklabels()]
