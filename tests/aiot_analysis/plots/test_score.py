"""Tests that figures of complexity, trade-off and score draw the numbers of their frames."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from aiot_analysis.plots import complexity, quantization, style, vips
from aiot_analysis.stats import complexity as complexity_stats
from aiot_analysis.stats import tradeoff, vips_sensitivity
from aiot_analysis.stats import vips as vips_stats
from aiot_analysis.stats.complexity import device_classes, implementations, lines, residuals
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import device, images, instance, instances

ORIGIN = "measured · end to end · sample weights"
A, INT8 = "tflite_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"


def words(figure):
    return "\n".join(text.get_text().replace("\n", " ") for text in figure.findobj(mpl.text.Text))


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes]


def offsets(collection):
    return np.asarray(collection.get_offsets()).round(6).tolist()


def six(device_id="local", factor=1.0, implementation="tflite_cpu"):
    times = {"resnet50": 38, "inception_v3": 50, "densenet121": 28, "squeezenet": 8.33, "mobilenet_v2": 3, "mnasnet": 9}
    return [
        instance(f"{implementation}_float32_{model}", time_ms=factor * ms, device_id=device_id)
        for model, ms in times.items()
    ]


def test_points_are_coloured_by_class_of_device_and_lie_where_their_numbers_are():
    rows = instances(*six(), *six("phone", 2.0))
    devices = pd.DataFrame([device(os="Debian", abi="x86_64"), device("phone", os="Android", soc="Kirin 990")])
    devices["abi"] = devices["abi"].fillna("arm64-v8a")
    points = complexity_stats.complexity(rows)
    figure = complexity.scatter(points, ORIGIN, None, device_classes(devices), lines(points))
    panel = figure.axes[0]
    looks = style.looks(["phone, HiSilicon", "x86 computer"])
    drawn = {mpl.colors.to_hex(artist.get_facecolor()[0][:3]).upper(): artist for artist in panel.collections}
    assert set(drawn) == {look.color.upper() for look in looks.values()}
    heights = [y for _, y in offsets(drawn[looks["phone, HiSilicon"].color.upper()])]
    assert heights == pytest.approx([76, 100, 56, 16.66, 6, 18])
    assert {"phone, HiSilicon", "x86 computer", "line of each device, through all implementations"} <= set(
        words(figure).split("\n")
    )
    assert titles(figure) == ["TFLite CPU"]  # the others have no data


def test_the_line_of_one_device_passes_where_it_should():
    points = complexity_stats.complexity(instances(*six()))
    fits = lines(points)
    figure = complexity.scatter(points, ORIGIN, None, None, fits)
    [line] = [line for line in figure.axes[0].lines if line.get_xdata()[0] != line.get_xdata()[1]]
    x, y = line.get_xdata(), line.get_ydata()
    assert y == pytest.approx(2 ** (fits["intercept"][0] + fits["slope"][0] * np.log2(x)))


def test_points_are_at_their_operations_and_each_panel_has_the_line_through_its_points():
    """Times of TFLite are proportional to operations, and times of PyTorch to their square root."""
    macs = {"squeezenet": 833.0, "mobilenet_v2": 300.0, "resnet50": 3800.0}
    rows = [
        {"device_id": device_id, "implementation": name, "model": model, "macs_millions": size, "latency_ms": ms}
        for model, size in macs.items()
        for device_id, name, ms in (
            ("local", "tflite_cpu", size / 10),
            ("phone", "tflite_cpu", size / 10),
            ("local", "pytorch_cpu", size**0.5),
            ("phone", "pytorch_cpu", size**0.5),
        )
    ]
    points = pd.DataFrame(rows)
    classes = pd.DataFrame({"device_id": ["local", "phone"], "device_class": ["x86 computer", "phone, Samsung"]})
    figure = complexity.scatter(points, ORIGIN, None, classes, lines(points, ["implementation"]))
    assert titles(figure) == ["TFLite CPU", "PyTorch"]
    for axes, time_of in zip(figure.axes, (lambda x: x / 10, np.sqrt), strict=True):
        for collection in axes.collections:  # of each class of devices
            assert sorted(x for x, _ in offsets(collection)) == [300, 833, 3800]
        [line] = [line for line in axes.lines if line.get_xdata()[0] != line.get_xdata()[1]]
        assert line.get_ydata() == pytest.approx(time_of(np.array(line.get_xdata())))
    assert "line through the points of a panel" in words(figure)
    assert "no data: TFLite NNAPI and Caffe2 (not measured)" in words(figure)


def test_networks_beyond_the_paper_are_drawn_in_the_panel_of_each_implementation():
    columns = ["device_id", "model", "implementation", "macs_millions", "latency_ms"]
    values = [("vit_b_16", "ncnn_cpu", 17564.0, 400.0), ("vit_b_16", "tflite_cpu", 17564.0, 300.0)]
    values += [("mnasnet", "tflite_cpu", 314.0, 5.0)]
    figure = complexity.networks(pd.DataFrame([("local", *row) for row in values], columns=columns), ORIGIN)
    assert titles(figure) == ["TFLite CPU", "ncnn"]
    drawn = [sorted(point for artist in axes.collections for point in offsets(artist)) for axes in figure.axes]
    assert drawn == [[[314.0, 5.0], [17564.0, 300.0]], [[17564.0, 400.0]]]
    assert "2 networks on 1 device: TFLite CPU 5 to 300 ms; ncnn 400 ms" in figure.get_label()
    assert "no data" in complexity.networks(pd.DataFrame(columns=columns), ORIGIN).get_label()


def test_labels_of_models_do_not_overlap():
    """MobileNetV2 and MnasNet are 5% apart and share a label of two lines."""
    figure = complexity.scatter(complexity_stats.complexity(instances(*six())), ORIGIN)
    figure.draw_without_rendering()
    labels = figure.axes[0].get_xticklabels()
    assert "MobileNetV2 300\nMnasNet 315" in [label.get_text() for label in labels]
    # slanted labels do not overlap if their anchors are further apart than their height
    step = np.diff(sorted(label.get_window_extent().x1 for label in labels))
    height = max(label.get_window_extent().height for label in figure.axes[0].get_yticklabels())
    assert len(labels) == 5 and (step > height).all()


def test_what_is_off_the_line_is_marked_and_reported():
    slow = instance("caffe2_cpu_float32_densenet121", 0.5, 900.0)
    rows = instances(*six(), *six(factor=1.1, implementation="pytorch_cpu"), slow)
    result = residuals(complexity_stats.complexity(rows))
    figure = complexity.off_line(result, implementations(result), ORIGIN)
    *_, usual, off = figure.axes[0].collections
    assert len(usual.get_offsets()) + len(off.get_offsets()) == 13
    flagged = result[result["off"].isin(["slower", "faster"])]
    assert len(flagged) > 0
    assert sorted(x for x, _ in offsets(off)) == pytest.approx(sorted(flagged["ratio"].round(6)))
    assert f"{len(flagged)} of 13 instances are off by rule." in figure.get_label()
    assert "off the line by rule" in words(figure)


def test_without_a_line_no_instance_is_off_the_line():
    result = residuals(complexity_stats.complexity(instances(instance(A))))
    figure = complexity.off_line(result, implementations(result), ORIGIN)
    assert "no data: no device has a line, which needs three models" in words(figure)


def traded(count):
    rows, records = [], []
    for number in range(count):
        for id_, ms, answers in ((A, 4.0, [True] * 4), (INT8, 2.0, [True] * 3 + [False])):
            rows.append(instance(id_, device_id=f"d{number}"))
            records.append(images(id_, answers, [ms] * 4, device_id=f"d{number}"))
    return tradeoff.tradeoff(instances(*rows), pd.concat(records), resamples=50)


def test_the_trade_off_has_a_panel_per_model_and_one_for_a_delegate_that_was_not_measured():
    figure = quantization.tradeoff(traded(1), ORIGIN)
    assert titles(figure) == [*(f"{names.display(one)}, CPU" for one in names.MODELS), "NNAPI"]
    panel = figure.axes[names.MODELS.index("mnasnet")]
    drawn = sorted(spot for one in panel.collections for spot in offsets(one) if hasattr(one, "get_sizes"))
    assert [1.0, 0.0] in drawn and [2.0, -25.0] in drawn
    assert "no data: no pair of a quantized model and float32" in words(figure)


def test_points_of_the_trade_off_carry_no_words_that_could_overlap():
    for count in (1, 8):
        figure = quantization.tradeoff(traded(count), ORIGIN)
        assert not figure.axes[names.MODELS.index("mnasnet")].texts


def test_what_is_on_the_front_is_filled():
    frame = traded(1)
    frame.loc[frame["quantization"] == "float32", "pareto"] = False
    panel = quantization.tradeoff(frame, ORIGIN).axes[names.MODELS.index("mnasnet")]
    faces = {
        tuple(offsets(artist)[0]): mpl.colors.to_hex(artist.get_facecolor()[0])
        for artist in panel.collections
        if isinstance(artist, mpl.collections.PathCollection) and len(artist.get_offsets())
    }
    assert faces == {(1.0, 0.0): "#ffffff", (2.0, -25.0): style.look("int8").color.lower()}


def fleet(count):
    """Return rows of devices, each slower than the one before; every second one has a smaller share of inference."""
    rows = []
    for number in range(count):
        for id_ in names.PAPER_FLOAT32:
            ms = 10.0 + number
            rows.append(
                instance(id_, 0.5, ms, device_id=f"d{number:02}", inference_ms_mean=ms * (0.8 if number % 2 else 0.5))
            )
    return instances(*rows)


def test_both_timings_are_drawn_with_the_places_gained():
    frame = vips_sensitivity.timings(fleet(3))
    figure = vips.timings(frame, ORIGIN)
    first, second = (
        artist for artist in figure.axes[0].collections if isinstance(artist, mpl.collections.PathCollection)
    )
    assert [x for x, _ in offsets(first)] == pytest.approx([24 * 50, 24 * 0.5 / 0.011, 24 * 0.5 / 0.012])
    assert [x for x, _ in offsets(second)] == pytest.approx([24 * 100, 24 * 0.5 / 0.0088, 24 * 0.5 / 0.006])
    assert {text.get_text().strip() for text in figure.axes[0].texts} == {"-1", "+1"}
    assert "2 of 3 change rank between the timings." in figure.get_label()


def test_inference_alone_is_drawn_alone():
    rows = instances(instance(A, 0.5, None, source="tool", timing="inference")).assign(inference_ms_mean=5.0)
    figure = vips.timings(vips_sensitivity.timings(rows), ORIGIN)
    assert figure.get_label() == "VIPS of 1 device: inference only 100."
    assert "end to end\n" not in words(figure)


def test_what_instances_weigh_is_drawn_for_the_largest_peer_group():
    rows = fleet(3)
    alone = rows[rows["device_id"] == "d00"].iloc[:2].assign(device_id="alone")
    frame = vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(pd.concat([rows, alone])))
    figure = vips.weights(frame, ORIGIN)
    assert len(figure.axes[0].get_yticklabels()) == 24
    assert "no device moves" in words(figure)
    assert "Shares of 24 instances in the score of 3 devices" in figure.get_label()
    [spots] = [artist for artist in figure.axes[0].collections if isinstance(artist, mpl.collections.PathCollection)]
    assert [x for x, _ in offsets(spots)] == pytest.approx([100 / 24] * 24, abs=1e-5)


def test_one_device_and_none_say_what_is_lacking():
    one_row = vips_sensitivity.by_instance(vips_sensitivity.leave_one_out(instances(instance(A))))
    for frame in (one_row, one_row.iloc[:0]):
        figure = vips.weights(frame, ORIGIN)
        assert "no data: ranks need two devices" in words(figure) and figure.get_label().endswith("no data.")
    nothing = instances(instance(A, None, None))
    assert "no data: no device has a score" in words(vips.timings(vips_sensitivity.timings(nothing), ORIGIN))
    scores = vips_stats.scores(nothing.iloc[:0])
    assert "no data: no device has a score" in words(vips.ranking(scores, ORIGIN))
