"""Tests of the figures of published profile jobs."""

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from aiot_analysis.plots import complexity as complexity_plots
from aiot_analysis.plots import published_speed as plots
from aiot_analysis.plots import style, vips
from aiot_analysis.stats import complexity, published_speed
from tests.aiot_analysis.plots import test_print
from tests.aiot_analysis.stats import published

ORIGIN = "published by Qualcomm, AI Hub Models · inference only"


def frames(jobs):
    """Return the frames for each figure of profile jobs."""
    points = published_speed.complexity(jobs)
    off_line = complexity.over_devices(complexity.residuals(points))
    accurate = published_speed.with_accuracy(jobs, jobs)
    scores = published_speed.scores(accurate)
    ranges = published_speed.rank_ranges(
        scores, published_speed.without_each(accurate), published_speed.by_suite(accurate)
    )
    return {
        "complexity": [points, complexity.rank_correlation(points), off_line],
        "runtime_shares": [published_speed.shares_over_devices(published_speed.runtime_shares(jobs))],
        "quantized": [published_speed.quantized(jobs)],
        "off_npu": [published_speed.off_npu(jobs).query("unit != 'npu' and device_id != 'SA7255P ADP'")],
        "rank_ranges": [ranges],
    }


@pytest.fixture(scope="module")
def jobs():
    return published_speed.profiles(published.instances())


def drawn(name, jobs):
    return getattr(plots, name)(*frames(jobs)[name], ORIGIN)


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text)]


def test_time_over_operations_has_a_panel_per_runtime_and_names_outliers(jobs):
    figure = drawn("complexity", jobs)
    label = figure.get_label()
    assert label.startswith("Time over multiply-accumulates of 23 networks: TFLite ρ 0.74 to 0.98")
    assert len(figure.axes) == 3 and "GoogLeNet" in words(figure)
    assert figure.axes[0].get_title(loc="left").startswith("TFLite (ρ 0.74 to 0.98, 10 devices)")
    explained = [text.get_text() for text in figure.legends[0].get_texts()]
    assert explained[2:] == [
        "named: farthest from the lines of their devices",
        "ρ: Spearman's rank correlation, by device",
    ]


def test_shares_of_a_network_add_up(jobs):
    figure = drawn("runtime_shares", jobs)
    ends = [patch.get_x() + patch.get_width() for patch in figure.axes[0].patches]
    assert max(ends) == pytest.approx(1) and len(ends) == 3 * 33
    assert "mean over 33 networks: TFLite 33%, ONNX Runtime 31%, QNN 35%" in figure.get_label()


def test_integers_name_the_networks_that_lose_much(jobs):
    figure = drawn("quantized", jobs)
    assert "DenseNet121" in words(figure) and "MobileNetV3 Large" in words(figure)
    assert "TFLite w8a8: 0.84 to 3.12 times as fast" in figure.get_label()


def test_time_without_the_npu_is_given_for_each_device(jobs):
    assert "Dragonwing Q-6690 MTP 1.6 to 9.5 times as long" in drawn("off_npu", jobs).get_label()


def test_ranks_count_the_devices_that_move(jobs):
    assert drawn("rank_ranges", jobs).get_label() == (
        "Ranks of 15 devices; 5 of them change rank with parts of the suite."
    )


def test_large_scores_are_written_without_powers(jobs):
    scores = published_speed.scores(published_speed.with_accuracy(jobs, jobs))
    figure = vips.ranking(scores.assign(missing="", complete=True, peer_group=1), ORIGIN)
    assert "e+04" not in "".join(words(figure)) + figure.get_label() and "43,894" in figure.get_label()


@pytest.mark.parametrize("name", ["complexity", "runtime_shares", "quantized", "off_npu", "rank_ranges"])
def test_without_jobs_a_figure_says_that_there_are_none(jobs, name):
    figure = drawn(name, jobs.head(0))
    assert "no data" in figure.get_label() and any("no data" in text for text in words(figure))


def own_points(frameworks=("tflite_cpu", "pytorch_cpu")):
    return pd.DataFrame(
        [
            {"device_id": "a", "model": model, "implementation": name, "macs_millions": macs, "latency_ms": ms}
            for name in frameworks
            for model, macs, ms in (("mobilenet_v2", 300.8, 8.0), ("resnet50", 4089.2, 60.0))
        ]
    )


def grey_points(figure, panel):
    grey = [item for item in figure.axes[panel].collections if to_hex(item.get_facecolor()[0]) == style.GREY]
    return [point for item in grey for point in item.get_offsets().tolist()]


def test_published_times_are_a_grey_layer_of_their_framework_and_off_by_default(jobs):
    own, published_points = own_points(), published_speed.complexity(jobs)
    plain = complexity_plots.scatter(own, "measured")
    layered = complexity_plots.scatter(own, "measured", published=published_points)
    assert grey_points(plain, 0) == [] and "grey" not in plain.get_label()
    tflite = published_points[published_points["implementation"] == "tflite"]
    within = tflite[tflite["macs_millions"].between(300.8 / 1.3, 4089.2 * 1.3)]
    assert sorted(grey_points(layered, 0)) == sorted(within[["macs_millions", "latency_ms"]].to_numpy().tolist())
    assert layered.axes[1].get_title(loc="left") == "PyTorch"
    assert grey_points(layered, 1) == []  # not published
    low, high = layered.axes[0].get_ylim()
    assert (
        low < within["latency_ms"].min() and high > 60 and layered.get_label().endswith("Published times are in grey.")
    )
    assert layered.axes[0].get_xlim() == plain.axes[0].get_xlim()
    assert "published by others" in words(layered) and "published by others" not in words(plain)


@pytest.mark.parametrize("name", ["complexity", "runtime_shares", "quantized", "off_npu", "rank_ranges"])
@pytest.mark.parametrize("width", test_print.WIDTHS)
def test_words_are_readable_inside_and_apart_in_print(jobs, name, width):
    with style.printing(test_print.WIDTHS[width]):
        figure = drawn(name, jobs)
    placed = test_print.words(figure)
    assert min(float(text.get_fontsize()) for text, _ in placed) >= 7
    assert test_print.outside(figure, placed) == []
    assert test_print.overlapping(placed) == []
