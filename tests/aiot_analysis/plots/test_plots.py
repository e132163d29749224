"""Tests of all figures: numbers in the alternative text, words in every gap, and no side effects."""

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from aiot_analysis.errors import DataError
from aiot_analysis.plots import (
    accuracy,
    complexity,
    coverage,
    device_axis,
    latency,
    quantization,
    runtimes,
    shares,
    style,
    vips,
)
from aiot_analysis.stats import accuracy as accuracy_stats
from aiot_analysis.stats import complexity as complexity_stats
from aiot_analysis.stats import latency as latency_stats
from aiot_analysis.stats import runtimes as runtimes_stats
from aiot_analysis.stats import shares as shares_stats
from aiot_analysis.stats import tradeoff
from aiot_analysis.stats import vips as vips_stats
from aiot_analysis.tables import names, select
from tests.aiot_analysis.conftest import device, images, instance, instances

ORIGIN = "measured · end to end · sample weights"
A, INT8 = "tflite_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"


def words(figure):
    """Return every text of a figure, each on one line."""
    texts = [text.get_text() for text in figure.findobj(mpl.text.Text)]
    return "\n".join(text.replace("\n", " ") for text in texts)


def records(rows):
    rng = np.random.default_rng(0)
    each = [(row.instance_id, row.end_to_end_ms_mean * rng.uniform(0.9, 1.1, 5)) for row in rows.itertuples()]
    return pd.concat([images(id_, [True, True, False, True, False], times.tolist()) for id_, times in each])


def all_figures(frame, origin=ORIGIN, devices=None):
    """Yield every figure from rows of the table `instances`; the image records are made for one device."""
    rows, left_out = select.measured_rows(frame)
    one_device = rows[rows["device_id"] == rows["device_id"].min()]
    pictures = (
        records(one_device).assign(device_id=one_device["device_id"].iloc[0])
        if len(one_device)
        else images(A, [True], [1.0]).iloc[:0]
    )
    accurate = accuracy_stats.with_interval(rows)
    complex_ = complexity_stats.complexity(rows)
    yield "fig4", accuracy.frameworks(accurate, origin, devices, left_out)
    yield "fig8", accuracy.quantizations(accurate, origin, devices, left_out)
    for name in ("frameworks", "nnapi", "models", "quantizations"):
        yield name, shares.time_shares(getattr(shares_stats, name)(rows, partial=True), origin, devices)
    yield "complexity", complexity.scatter(complex_, origin, complexity_stats.rank_correlation(complex_))
    yield "tradeoff", quantization.tradeoff(tradeoff.tradeoff(one_device, pictures), origin)
    versions = runtimes_stats.versions(one_device, pictures, resamples=50)
    yield "runtimes", runtimes.by_time(versions, origin)
    yield "front", runtimes.front(versions, origin)
    yield "latency", quantization.latency(rows, origin, devices, left_out)
    yield "ranking", vips.ranking(vips_stats.intervals(rows, pictures, resamples=50), origin, devices)
    yield "contributions", vips.contributions(vips_stats.contributions(rows), origin, devices)
    yield "coverage", coverage.grid(frame, origin, devices)
    yield "distribution", latency.distribution(latency_stats.summary(pictures), origin, devices)
    yield "phases", latency.phases(latency_stats.phases(pictures), origin, devices)


def test_one_device_with_most_of_the_suite_unavailable(one_device):
    before = dict(mpl.rcParams)
    for name, figure in all_figures(one_device):
        assert ORIGIN in words(figure), name
        assert name == "nnapi" or any(letter.isdigit() for letter in figure.get_label()), name
        for axes in figure.axes:  # each panel has a text or a mark
            assert axes.has_data() or "no data" in " ".join(text.get_text() for text in axes.texts), name
        figure.draw_without_rendering()
    assert dict(mpl.rcParams) == before


@pytest.mark.filterwarnings("ignore:Glyph:UserWarning")  # the font has no Chinese
def test_the_name_of_a_device_is_drawn_as_it_is(one_device):
    models = ["a $\\frac$ b", "$x$", "\\$", "<b>&amp;", "{0} %s \\n", "小米"]
    rows = pd.concat([one_device.assign(device_id=f"d{number}") for number in range(len(models))], ignore_index=True)
    devices = pd.DataFrame([device(f"d{number}", maker="", model=model) for number, model in enumerate(models)])
    for _, figure in all_figures(rows, devices=devices):
        figure.draw_without_rendering()
    drawn = words(coverage.grid(rows, ORIGIN, devices))
    for model in models:
        assert model in drawn


def test_nothing_usable_at_all_says_so_everywhere():
    nothing = instances(instance(A, None, None), instance(INT8, None, None))
    for name, figure in all_figures(nothing):
        if name != "coverage":
            assert "no data" in words(figure), name


def test_many_simulated_devices(fleet):
    part = fleet[fleet["device_id"] > "phone-28"]  # 23 of the 51
    for name, figure in all_figures(part, "simulated · end to end · sample weights"):
        assert figure.get_label().startswith("Simulated data. "), name
        assert "SIMULATED · end to end" in words(figure) and "simulated" not in words(figure), name
        assert figure.get_size_inches()[0] <= 12, name


def test_accuracy_alt_text_and_reason_of_a_gap():
    rows, left_out = select.measured_rows(
        instances(
            instance(A, 0.7),
            instance("pytorch_cpu_float32_mnasnet", 0.5),
            instance("tflite_nnapi_float32_mnasnet", None, None, reasons="NNAPI needs Android"),
        )
    )
    figure = accuracy.frameworks(accuracy_stats.with_interval(rows), ORIGIN, None, left_out)
    assert "MnasNet 0.500 to 0.700" in figure.get_label()
    assert "TFLite NNAPI (NNAPI needs Android); Caffe2 (not run)" in words(figure)


def test_accuracy_points_and_whiskers_are_the_numbers_of_the_frame():
    rows = accuracy_stats.with_interval(instances(instance(A, 0.7)))
    panel = accuracy.frameworks(rows, ORIGIN).axes[names.MODELS.index("mnasnet")]
    points = panel.containers[0]
    assert points.lines[0].get_ydata().tolist() == [0.7]
    (whisker,) = points.lines[2][0].get_segments()
    assert whisker[:, 1].tolist() == pytest.approx(rows[["accuracy_low", "accuracy_high"]].iloc[0].tolist())


def test_share_bars_are_the_shares_and_gaps_are_labelled():
    rows = instances(instance(A, time_ms=10.0), instance("pytorch_cpu_float32_mnasnet", time_ms=30.0))
    figure = shares.time_shares(shares_stats.frameworks(rows, partial=True), ORIGIN)
    panel = figure.axes[names.MODELS.index("mnasnet")]
    assert [bar.get_height() for bar in panel.patches][:2] == [0.25, 0.75]
    assert "* Caffe2 missing" in words(figure)
    assert "MnasNet: TFLite CPU 25%, PyTorch 75%" in figure.get_label()
    strict = shares.time_shares(shares_stats.frameworks(rows), ORIGIN)
    assert "no data: Caffe2 missing" in words(strict)


def test_a_strip_above_the_bars_has_the_colour_of_the_fastest_part():
    rows = instances(instance(A, time_ms=10.0), instance("pytorch_cpu_float32_mnasnet", time_ms=30.0))
    leaders = pd.DataFrame([("mnasnet", "local", "tflite_cpu")], columns=["model", "device_id", "leader"])
    frame = shares_stats.frameworks(rows, partial=True)
    panel = shares.time_shares(frame, ORIGIN, fastest=leaders).axes[names.MODELS.index("mnasnet")]
    strip = [bar for bar in panel.patches if bar.get_y() == shares.STRIP[0]]
    assert [to_hex(bar.get_facecolor()) for bar in strip] == [style.look("tflite_cpu").color.lower()]
    assert [line.get_ydata()[0] for line in panel.lines] == [0.5]  # of two parts


def test_complexity_alt_text_and_missing_implementations():
    rows = instances(instance(A, time_ms=10.0), instance("tflite_cpu_float32_resnet50", time_ms=90.0))
    figure = complexity.scatter(complexity_stats.complexity(rows), ORIGIN)
    assert "TFLite CPU 10 to 90 ms" in figure.get_label()
    panels = [axes.get_title(loc="left") for axes in figure.axes]
    assert set(panels) == {"TFLite CPU"}
    assert "no data: TFLite NNAPI, PyTorch and Caffe2 (not measured)" in words(figure)


def test_tradeoff_alt_text():
    rows = instances(instance(A), instance(INT8))
    both = pd.concat([images(A, [True] * 4, [4.0] * 4), images(INT8, [True] * 3 + [False], [2.0] * 4)])
    figure = quantization.tradeoff(tradeoff.tradeoff(rows, both), ORIGIN)
    assert "CPU INT8: 2.00 times as fast, accuracy change −25.0 points" in figure.get_label()


def test_ranking_says_what_is_missing():
    rows = instances(instance(A, 0.5, 10.0), instance(A, 0.5, 5.0, device_id="b"))
    figure = vips.ranking(vips_stats.scores(rows), ORIGIN)
    assert "first is b with 100 over 1 of 24 instances" in figure.get_label()
    assert "50 (1 of 24 instances)" in words(figure)


def test_coverage_counts():
    figure = coverage.grid(instances(instance(A), instance(INT8, None, None)), ORIGIN)
    assert figure.get_label() == "Of 60 tests on 1 device: 1 valid, 1 unavailable and 58 not run."


def test_a_distribution_of_means_alone_is_gaps():
    summary = latency_stats.summary(images(A, [True] * 3, [10.0, 20.0, 30.0]))
    times = [name for name in summary if name.endswith("_ms")]
    figure = latency.distribution(summary.assign(**dict.fromkeys(times, float("nan"))), ORIGIN)
    figure.savefig(io.BytesIO(), format="svg")  # which draws ticks that are not displayed
    assert [text.get_text() for text in figure.axes[0].texts].count("no data") == 1


def test_a_long_time_is_written_without_powers():
    figure = quantization.latency(instances(instance(A, time_ms=1234.5)), ORIGIN)
    assert "MnasNet, CPU 1,234 ms" in figure.get_label() and "1,234" in words(figure)


def test_latency_alt_text():
    figure = latency.distribution(latency_stats.summary(images(A, [True] * 3, [10.0, 20.0, 30.0])), ORIGIN)
    assert "medians 20 ms" in figure.get_label()
    figure = latency.phases(latency_stats.phases(images(A, [True] * 2, [10.0, 10.0])), ORIGIN)
    assert "inference 7.5 ms" in figure.get_label()


def test_devices_in_the_order_of_table_iii():
    devices = pd.DataFrame(
        [device("b", 2), device("a", 10), device("z"), device("c", 1, maker="Maker", model="Maker X")]
    )
    assert device_axis.order(["z", "a", "b", "c"], devices) == ["c", "b", "a", "z"]
    assert device_axis.labels(["c", "z"], devices) == ["Maker X", "Z"]
    many = [*"abcz", "unknown-device", "e", "f"]
    assert device_axis.labels(many, devices)[:5] == ["10", "2", "1", "z", "unknown-"]


def test_origin_line():
    rows = instances(instance(A), instance(INT8))
    assert style.origin_line(rows) == "measured · end to end · sample weights · sample images"


def fleet(count):
    """Return rows of phones of Table III, and of one without a number."""
    return pd.DataFrame(
        {
            "device_id": [f"phone-{n:02d}" for n in range(count)],
            "paper_id": [count - n if n else None for n in range(count)],
            "maker": "Maker",
            "model": [f"Phone {n}" for n in range(count)],
        }
    )


def test_devices_are_arranged_by_number_or_by_value():
    devices = fleet(8)
    values = pd.Series([5.0, 3, 9, 1, 7, 2, 8, 4], devices["device_id"])
    by_id = device_axis.arrange_devices(devices, values, "id")
    ids = list(devices["device_id"])
    assert device_axis.order(ids, by_id) == [*ids[:0:-1], ids[0]]
    assert device_axis.labels(device_axis.order(ids, by_id), by_id) == [*map(str, range(1, 8)), "phone-00"]
    by_value = device_axis.arrange_devices(devices, values.drop("phone-02"), "value", "name")
    assert device_axis.order(ids, by_value) == [f"phone-0{n}" for n in (3, 5, 1, 7, 0, 4, 6, 2)]
    assert device_axis.labels(["phone-03"], by_value) == ["Maker Phone 3"]


@pytest.mark.parametrize("words", [{"order": "speed"}, {"labels": "serial"}])
def test_another_arrangement_is_one_sentence(words):
    with pytest.raises(DataError, match=r"arranged by '(speed|serial)': choose (soc, id or value|number or name)\."):
        device_axis.arrange_devices(fleet(2), pd.Series(dtype=float), **words)


def test_frameworks_beyond_the_paper_have_looks_of_their_own_beside_those_of_the_paper():
    looks = runtimes.looks(["ncnn_cpu", "tflite_cpu", "mnn_cpu", "onnxruntime_cpu", "caffe2_cpu"])
    assert list(looks)[:2] == ["tflite_cpu", "caffe2_cpu"]
    assert looks["tflite_cpu"] == style.look("tflite_cpu") and looks["caffe2_cpu"] == style.look("caffe2_cpu")
    assert len({(look.color, look.marker) for look in looks.values()}) == 5


def test_networks_have_the_looks_of_the_paper_s_figures_and_others_have_looks_of_their_own():
    looks = runtimes.network_looks(["squeezenet", "mnasnet", "resnet18", "vgg16"])
    assert looks["squeezenet"] == style.look("squeezenet") and looks["mnasnet"] == style.look("mnasnet")
    assert len({(look.color, look.marker) for look in looks.values()}) == 4
