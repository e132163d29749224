"""Tests of the figures of stability: numbers in the alternative text, and words in every gap."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from aiot_analysis.plots import latency as draw
from aiot_analysis.stats import drift, latency
from aiot_analysis.tables import along
from tests.aiot_analysis.stats.series import autocorrelated, records

ORIGIN = "measured · inference only · sample weights"
A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"


def words(figure):
    texts = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return "\n".join(text.replace("\n", " ") for text in texts)


def measured(devices=1, n=300):
    """Return records of A on every device, 50% slower from the middle on, and of a steady B on the first device."""
    noise = 1 + 0.02 * autocorrelated(0.3, devices + 1, n)
    step = np.where(np.arange(n) < n // 2, 10.0, 15.0)
    parts = [records(A, step * noise[at], device_id=f"d{at}") for at in range(devices)]
    return pd.concat([*parts, records(B, 10 * noise[-1], device_id="d0")], ignore_index=True)


def figures(images, origin=ORIGIN):
    drifts = drift.drifts(images)
    moved = drift.most_moved(drifts)
    yield "tails", draw.tails(latency.summary(images, "inference"), origin)
    yield "along", draw.along_run(drift.times_along_run(images, moved), moved, origin)
    yield "scores", draw.stability_scores(along.scores(images), origin)
    yield "slowdown", draw.slowdown(drift.bursts(images), origin)


@pytest.mark.parametrize("devices", [1, 3, 8])
def test_every_figure_has_its_origin_its_numbers_and_a_word_in_every_gap(devices):
    before = dict(mpl.rcParams)
    for name, figure in figures(measured(devices), "simulated · inference only"):
        figure.draw_without_rendering()
        assert "SIMULATED" in words(figure), name
        assert figure.get_label().startswith("Simulated data. "), name
        assert any(letter.isdigit() for letter in figure.get_label()), name
        assert figure.get_size_inches()[0] <= 12, name
        for axes in figure.axes:
            assert axes.has_data() or axes.images or "no" in words(figure), name
    assert dict(mpl.rcParams) == before


def test_the_numbers_in_words():
    labels = {name: figure.get_label() for name, figure in figures(measured())}
    assert "2 instances on 1 device: the 99th percentile is 1." in labels["tails"]
    assert "of 1 instance: MnasNet, TFLite CPU, float32 on d0 slower, +" in labels["along"]
    assert "1 unstable" in labels["scores"]
    assert "Time after the burst over that in it, of 2 instances on 1 device: 1.00 to 1.3" in labels["slowdown"]


def test_an_instance_that_another_device_has_is_a_gap_on_this_one():
    shown = dict(figures(measured(2)))
    assert words(shown["tails"]).count("no data") == 1
    assert words(shown["scores"]).count("no score: too few images") == 1
    assert words(shown["slowdown"]).count("no data") == 1


def test_short_runs_and_no_records_say_so():
    short = measured(n=10)
    for name, text in (("along", "no instance became slower or faster"), ("scores", "no run is long enough")):
        assert text in words(dict(figures(short))[name])
    assert "no run is long enough to be divided" in words(dict(figures(short))["slowdown"])
    for name, figure in figures(short.iloc[:0]):
        assert "no " in words(figure), name
    moved = drift.most_moved(drift.drifts(short))
    untested = draw.along_run(drift.times_along_run(short, moved), moved, ORIGIN, tested=0)
    assert "no run is long enough to be tested" in words(untested)


def test_a_change_is_drawn_where_it_is_and_only_where_it_is_seen():
    images = measured()
    moved = drift.most_moved(drift.drifts(images))
    times = drift.times_along_run(images, moved)
    [axes] = draw.along_run(times, moved, ORIGIN).axes
    lines = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert [line.get_xdata()[0] for line in lines] == pytest.approx([150], abs=5)
    [axes] = draw.along_run(times, moved.assign(change_p_adjusted=0.5), ORIGIN).axes
    assert not [line for line in axes.lines if line.get_linestyle() == "--"]


def test_images_that_took_long_are_marked_at_the_top_and_not_dropped():
    images = measured()
    images.loc[images.index[[50, 60, 200]], "inference_ms"] = 500.0
    moved = drift.most_moved(drift.drifts(images))
    [axes] = draw.along_run(drift.times_along_run(images, moved), moved, ORIGIN).axes
    points = {line.get_marker(): len(line.get_xdata()) for line in axes.lines if line.get_marker() != "None"}
    assert points == {".": 296, "^": 3}  # 300 images except the first


def test_in_the_grid_only_what_is_unstable_is_shaded_by_its_score():
    scores = pd.DataFrame(
        {
            "device_id": [f"d{n}" for n in range(8)],
            "instance_id": A,
            "stability": [0.7, 0.85, 0.92, 0.96, 0.96, 0.99, np.nan, 0.9],
            "chance": 0.98,
            "steadiness": ["unstable"] * 4 + ["no less stable than chance", "stable", "cannot be decided", "unstable"],
        }
    )
    [axes] = draw.stability_scores(scores, ORIGIN).axes
    assert axes.images[0].get_array().tolist() == [[0, 1, 2, 3, 4, 5, 6, 1]]


def test_in_the_grid_what_was_not_run_is_white_and_what_cannot_be_decided_is_not():
    rows = [(f"d{n}", instance_id) for n in range(8) for instance_id in (A, B) if (n, instance_id) != (2, B)]
    scores = pd.DataFrame(rows, columns=["device_id", "instance_id"])
    scores = scores.assign(stability=0.99, chance=0.98, steadiness="stable")
    scores.loc[0, ["stability", "steadiness"]] = [np.nan, "cannot be decided"]
    figure = draw.stability_scores(scores, ORIGIN)
    [legend] = figure.legends
    colors = {
        text.get_text(): to_hex(handle.get_color())
        for text, handle in zip(legend.get_texts(), legend.legend_handles, strict=True)
    }
    assert list(colors) == ["stable", "cannot be decided", "not run"]
    white = [name for name, color in colors.items() if color == "#ffffff"]
    assert white == ["not run"]


def test_many_devices_have_a_panel_per_network_with_a_tick_at_each_median():
    ratios = [1.1, 1.2, 1.3, 1.9, 1.4, 1.5, 1.2, 1.6]
    rows = [
        {"device_id": f"d{n}", "instance_id": instance_id, "median_ms": 10.0, "tail": ratio + extra}
        for instance_id, extra in ((A, 0.0), (B, 0.1), ("tflite_cpu_float32_resnet50", 0.2))
        for n, ratio in enumerate(ratios)
    ]
    figure = draw.tails(pd.DataFrame(rows), ORIGIN)
    resnet50, mnasnet = figure.axes  # in the order of the paper
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["ResNet50", "MnasNet"]
    points, ticks = mnasnet.collections
    assert len(points.get_offsets()) == 16
    middle = {round(float(y)): float(x) for x, y in ticks.get_offsets()}
    assert middle == pytest.approx({0: 1.35, 1: 1.45})  # sorted, the fourth and fifth of the eight are 1.3 and 1.4
    assert [label.get_text() for label in resnet50.get_yticklabels()] == ["TFLite CPU, float32", "PyTorch, float32"]
    assert [text.get_text() for text in resnet50.texts] == ["no data", "d3"]  # PyTorch; the longest tail is named
    # of the 24 ratios, one is 1.1, three are 1.2, four 1.3, four 1.4, and the others 1.5 or more
    assert [axes.lines[0].get_xdata()[0] for axes in figure.axes] == pytest.approx([1.45, 1.45])
