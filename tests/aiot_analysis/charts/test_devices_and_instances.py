"""Charts by device and instance have the values, the order and the intervals of the frames that they draw."""

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.charts import (
    accuracy,
    agreement,
    complexity,
    coverage,
    operators,
    quantization,
    runtimes,
    shares,
    vips,
)
from aiot_analysis.plots import coverage as printed_coverage
from aiot_analysis.plots import style
from aiot_analysis.tables import names
from tests.aiot_analysis.charts import samples

RESNET50, MNASNET = "ResNet50, TFLite CPU, float32", "MnasNet, PyTorch, float32"


@pytest.mark.parametrize("number", [2, 8])
def test_coverage_has_the_latest_verdict_of_each_device_and_instance(number: int) -> None:
    rows = coverage.grid(samples.runs(number), samples.devices(number)).rows
    assert len(rows) == number * len(names.PAPER)  # an instance that never ran has its line, too
    verdicts = rows.set_index(["device_id", "instance"])[["verdict", "symbol"]]
    assert verdicts.loc[("p00", RESNET50)].tolist() == ["valid", "✓"]
    assert verdicts.loc[("p01", RESNET50)].tolist() == ["not run", "·"]
    assert verdicts.loc[("p01", MNASNET)].tolist() == ["valid", "✓"]
    assert rows["verdict"].value_counts().to_dict() == {"valid": 2 * number + 1, "not run": 58 * number - 1}


def test_coverage_of_few_devices_has_a_line_per_version_and_a_column_per_model() -> None:
    made = coverage.grid(samples.runs(2), samples.devices(2))
    assert made.line == "version"
    axes = made.views[0].spec["layer"][0]["encoding"]
    assert axes["x"]["sort"][0] == "ResNet50" and axes["y"]["sort"][0] == "TFLite CPU, float32"
    inks = {layer["mark"]["color"] for layer in made.views[0].spec["layer"] if layer["mark"]["type"] == "text"}
    assert style.ON_LIGHT not in inks and style.ON_DARK not in inks  # which pages would replace in dark mode


def test_coverage_of_too_many_devices_is_left_to_the_picture() -> None:
    number = printed_coverage.SIDE_BY_SIDE + 1
    frame = pd.DataFrame({"device_id": [f"p{place}" for place in range(number)], "instance_id": samples.INSTANCES[0]})
    assert coverage.grid(frame.assign(run_id="run", verdict="valid", reasons="", images=500)).rows.empty


def test_shares_of_operators_are_those_of_pytorch_first_with_the_models_of_the_paper_in_order() -> None:
    rows = operators.breakdown(samples.kinds(1), samples.devices(1)).rows
    assert rows["panel"].drop_duplicates().tolist() == ["PyTorch", "Caffe2"]
    assert rows["model"].drop_duplicates().tolist() == ["ResNet50", "MnasNet"]
    assert rows.groupby(["panel", "model"])["share"].sum().tolist() == [1.0] * 4
    of_several = operators.breakdown(samples.kinds(2), samples.devices(2)).rows
    assert "PyTorch, Honor Model 01" in set(of_several["panel"])


def test_a_ring_marks_the_fastest_of_the_versions_that_are_as_accurate() -> None:
    made = runtimes.by_time(samples.candidates())
    first = made.rows[made.rows["first"] == "yes"]
    assert first[["model", "version", "label"]].values.tolist() == [
        ["ResNet50", "PyTorch, float32", "fastest"],
        ["MnasNet", "PyTorch, float32", "fastest"],
    ]
    tied = samples.candidates().assign(rank_low=pd.array([1, 1, pd.NA] * 2, "Int64"))
    labels = runtimes.by_time(tied.assign(tie_group="a")).rows.groupby("version")["label"].first().to_dict()
    assert labels == {
        "PyTorch, float32": "may be the fastest (a)",
        "TFLite CPU, float32": "may be the fastest (a)",
        "TFLite CPU, INT8": "a",
    }


def test_the_bar_of_longer_convolutions_is_apart_from_the_bins() -> None:
    rows = operators.convolution_times(samples.bins(1), samples.devices(1)).rows
    assert rows["time"].tolist() == ["0.00 to 0.50 ms", "0.50 to 1.00 ms", "over 1.00 ms"]
    assert rows["share"].tolist() == [0.5, 0.3, 0.2]
    assert rows[["start_ms", "end_ms"]].values.tolist() == [[0.0, 0.5], [0.5, 1.0], [1.5, 2.5]]
    assert rows["panel"].unique().tolist() == ["MnasNet"]


def test_the_label_of_longer_convolutions_is_below_their_bar_and_the_limit_of_the_title_is_a_line() -> None:
    [bars, limit] = operators.convolution_times(samples.bins(1), samples.devices(1)).views[0].spec["layer"]
    axis = bars["encoding"]["x"]["axis"]
    assert axis["values"] == [0.0, 2.0] and "'> 1'" in axis["labelExpr"]
    assert limit["encoding"]["x"]["datum"] == 0.5  # the last edge below 1 ms


def test_convolutions_of_several_devices_have_a_panel_each() -> None:
    rows = operators.convolution_times(samples.bins(2), samples.devices(2)).rows
    assert rows["panel"].unique().tolist() == ["MnasNet, PyTorch, Oppo Model 00", "MnasNet, PyTorch, Honor Model 01"]


def test_speed_ups_have_their_interval_and_the_mean_over_devices() -> None:
    rows = shares.speed_ups(*samples.faster(2), "TFLite CPU").rows
    values = rows[["device_id", "speed_up", "speed_up_low", "speed_up_high", "mean"]].values.tolist()
    assert values == [["p00", 2.0, 1.5, 2.5, 2.5], ["p01", 3.0, 2.5, 3.5, 2.5]]


def test_the_mean_over_one_device_is_not_shown() -> None:
    def facts(number: int) -> set[str]:
        return {fact.field for fact in shares.speed_ups(*samples.faster(number), "TFLite CPU").facts}

    assert facts(2) - facts(1) == {"mean"}


def test_each_way_of_resizing_has_its_accuracy_in_percent_and_its_times() -> None:
    rows = accuracy.resizing(samples.ways(2), samples.devices(2)).rows
    of_one = rows[rows["line"] == f"{RESNET50}, Honor Model 01"].set_index(["panel", "way"])
    crop, square = names.display("crop_resize"), names.display("square_crop")
    assert of_one.loc[("accuracy (%)", crop), ["value", "value_low", "value_high"]].tolist() == pytest.approx(
        [70, 66, 74]
    )
    assert of_one.loc[("preprocess (ms)", square), ["value", "value_low", "value_high"]].tolist() == [3.0, 2.5, 3.5]
    assert of_one.loc[("decode and preprocess (ms)", crop), "value"] == 7.0
    assert accuracy.resizing(samples.ways(1), samples.devices(1)).rows["line"].unique().tolist()[-1] == RESNET50


def test_agreement_has_chance_beside_what_was_observed() -> None:
    rows = agreement.noise(samples.spread(), samples.unstable(), samples.repeats()).rows
    by_mark = rows.set_index(["mark", "instance"])["value"]
    first, second = "ResNet50 · TFLite CPU", "MnasNet · PyTorch"
    assert by_mark[("observed, significant", first)] == pytest.approx(2.0)
    assert by_mark[("observed spread", second)] == pytest.approx(0.4)
    assert by_mark[("chance alone (95%, all instances)", first)] == pytest.approx(1.0)
    assert by_mark[("if each device had other images", first)] == pytest.approx(1.9)
    itself = rows[rows["mark"] == "a device differs from itself"]
    assert itself[["value", "value_low", "value_high"]].values.tolist() == [[2.0, 1.0, 3.0]]
    some = rows[rows["mark"] == "some devices differ"]
    assert some["value"].tolist() == pytest.approx([10.0, 5.0])
    assert some["value_high"].tolist() == pytest.approx([12.0, 12.0])
    assert not rows["instance"].str.contains("NNAPI").any()  # of which nothing is known


def test_differences_to_the_reference_have_both_intervals_and_the_reference_is_at_zero() -> None:
    made = agreement.against(samples.compared(3), "p00")
    rows = made.rows[made.rows["panel"] == "ResNet50, TFLite CPU"].set_index("device_id")
    assert rows["mark"].to_dict() == {
        "p00": "the reference",
        "p01": "significant difference",
        "p02": "difference on the same images (95% jointly)",
    }
    assert rows.loc["p00", "change"] == 0.0 and np.isnan(rows.loc["p00", "alone_low"])
    ends = ["change_low", "change", "change_high", "alone_low", "alone_high"]
    assert rows.loc["p01", ends].tolist() == pytest.approx([0.0, 0.01, 0.02, -0.03, 0.05])
    assert made.rows["panel"].drop_duplicates().tolist() == [
        "ResNet50, TFLite CPU",
        "ResNet50, TFLite NNAPI INT8",
        "MnasNet, PyTorch",
    ]


def test_instances_off_the_line_are_marked_and_have_the_median_of_their_implementation() -> None:
    rows = complexity.off_line(*samples.residuals(2)).rows
    assert rows["line"].drop_duplicates().tolist() == [
        "ResNet50, TFLite CPU",
        "MnasNet, TFLite CPU",
        "ResNet50, PyTorch",
        "MnasNet, PyTorch",
    ]
    assert rows.groupby("part")["mark"].unique().map(list).to_dict() == {
        "PyTorch": ["off the line by rule"],
        "TFLite CPU": ["TFLite CPU"],
    }
    pytorch = rows[rows["part"] == "PyTorch"]
    assert pytorch[["ratio", "middle", "middle_low", "middle_high"]].drop_duplicates().values.tolist() == [
        [2.0, 2.0, 1.8, 2.2]
    ]


def test_only_what_is_drawn_off_the_line_is_in_the_legend() -> None:
    residuals, implementations = samples.residuals(2)
    names_of = [
        [series.name for series in complexity.off_line(frame, implementations).series]
        for frame in (residuals, residuals.assign(off=""))
    ]
    assert [complexity.OFF in series for series in names_of] == [True, False]
    assert all(complexity.MEDIAN in series for series in names_of)  # vertical lines


def test_a_tradeoff_needs_a_version_to_compare_with_float32() -> None:
    rows = quantization.tradeoff(samples.versions(1)).rows
    assert rows["panel"].unique().tolist() == ["ResNet50, CPU"]
    assert rows[["version", "speed_up", "change", "front"]].values.tolist() == [
        ["float32", 1.0, 0.0, "no"],
        ["INT8", 2.0, -0.01, "yes"],
    ]


@pytest.mark.parametrize(("number", "mark"), [(2, "bar"), (8, "point")])
def test_times_of_quantizations_are_bars_or_points(number: int, mark: str) -> None:
    made = quantization.latency(samples.versions(number))
    assert made.views[0].spec["mark"]["type"] == mark
    first = made.rows[made.rows["device_id"] == "p00"]
    assert first[["panel", "version", "time_ms"]].values.tolist() == [
        ["ResNet50, CPU", "float32", 100.0],
        ["ResNet50, CPU", "INT8", 50.0],
        ["ResNet50, NNAPI", "float32", 100.0],
    ]
    assert set(first["verdict"]) == {"usable with caveats"}


def test_weights_are_those_of_the_largest_group() -> None:
    rows = vips.weights(samples.weights()).rows
    assert rows[["instance", "share_median", "ranks"]].values.tolist() == [
        [RESNET50, 0.6, "3 of 5 move, by at most 2"],
        [MNASNET, 0.4, "no device moves"],
    ]
    alone = samples.weights().assign(devices=1)
    assert vips.weights(alone).rows.empty  # one device has no ranks
