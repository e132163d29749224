"""Rows and specifications of interactive charts, for frames whose values are easy to compute by hand."""

import json

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.charts import accuracy, chart, complexity, shares, vips
from aiot_analysis.display import figure_colors
from aiot_analysis.plots.contrast import contrast
from tests.aiot_analysis.charts import samples


def read(made: chart.Chart) -> dict[str, object]:
    """The content of a chart as a page reads it."""
    return json.loads(made.to_json())


def fields(node: object) -> set[str]:
    """All fields that a specification names."""
    if isinstance(node, dict):
        own = {node["field"]} if isinstance(node.get("field"), str) else set()
        return own.union(*map(fields, node.values())) if node else own
    return set().union(*map(fields, node)) if isinstance(node, list) else set()


def values(stored: list[object] | dict[str, list[object]]) -> list[object]:
    """The values of a column; one of text is stored as distinct values and their places."""
    return [stored["values"][place] for place in stored["places"]] if isinstance(stored, dict) else stored


def time_frame(scale: float = 1.0) -> pd.DataFrame:
    """Two devices and two frameworks; on device b, Caffe2 is missing."""
    rows = [
        ("resnet50", "a", "tflite_cpu", 30.0 * scale, 0.75, "", False),
        ("resnet50", "a", "caffe2_cpu", 10.0 * scale, 0.25, "", False),
        ("resnet50", "b", "tflite_cpu", 50.0 * scale, 1.0, "caffe2_cpu", True),
        ("resnet50", "b", "caffe2_cpu", np.nan, np.nan, "caffe2_cpu", True),
    ]
    return pd.DataFrame(
        rows, columns=["model", "device_id", "implementation", "time_ms", "share", "missing", "partial"]
    )


def speed_up_frame() -> pd.DataFrame:
    columns = ["model", "device_id", "implementation", "speed_up", "speed_up_low", "speed_up_high"]
    return pd.DataFrame([("resnet50", "a", "caffe2_cpu", 3.0, 2.5, 3.6)], columns=columns)


def made_shares() -> chart.Chart:
    return shares.time_shares(
        {"end_to_end": time_frame(), "inference": time_frame(0.5)}, "tflite_cpu", speed_up_frame()
    )


def test_speed_ups_are_ratios_of_times_and_have_intervals_only_for_the_timing_that_was_compared():
    rows = made_shares().rows
    caffe2 = rows[rows["part"] == "Caffe2"].set_index("timing")
    assert list(caffe2.index) == ["end_to_end", "inference"]
    assert caffe2["speed_up"].tolist() == [3.0, 3.0]
    assert caffe2.loc["end_to_end", ["speed_up_low", "speed_up_high"]].tolist() == [2.5, 3.6]
    assert caffe2.loc["inference", ["speed_up_low", "speed_up_high"]].isna().all()
    assert rows[rows["part"] == "TFLite CPU"]["speed_up"].tolist() == [1.0, 1.0, 1.0, 1.0]


def test_an_instance_without_a_time_has_no_mark():
    rows = made_shares().rows
    assert len(rows) == 6
    assert set(rows[rows["device_id"] == "b"]["part"]) == {"TFLite CPU"}


def test_a_bar_without_all_parts_has_a_star_that_names_what_is_missing():
    made = made_shares()
    stars = [layer for layer in made.views[0].spec["layer"] if layer["mark"].get("text") == "*"]
    assert len(stars) == 1
    assert made.rows.set_index("device_id")["missing"].to_dict() == {"a": "", "b": "Caffe2"}
    assert "missing" in {fact.field for fact in made.facts}


def test_a_strip_has_the_part_that_is_clearly_the_fastest_by_the_timing_that_was_compared():
    made = made_shares()
    strip = [layer for layer in made.views[0].spec["layer"] if layer["mark"]["type"] == "rect"]
    assert [layer["transform"][0]["filter"] for layer in strip] == ["datum.leads === 'yes' && isValid(datum.share)"]
    leading = made.rows[made.rows["leads"] == "yes"]
    assert leading[["device_id", "part", "timing", "fastest"]].values.tolist() == [
        ["a", "Caffe2", "end_to_end", "Caffe2"]
    ]


def test_two_parts_have_a_line_at_one_half_and_three_have_none():
    def halves(made):
        return [layer for layer in made.views[0].spec["layer"] if layer["encoding"]["y"].get("datum") == 0.5]

    third = time_frame().query("implementation == 'caffe2_cpu'").assign(implementation="pytorch_cpu")
    of_three = {"end_to_end": pd.concat([time_frame(), third])}
    assert len(halves(made_shares())) == 1
    assert not halves(shares.time_shares(of_three, "tflite_cpu", speed_up_frame()))


def test_a_view_without_values_is_not_offered():
    frame = time_frame().query("implementation != 'tflite_cpu' and device_id == 'a'")
    made = shares.time_shares({"end_to_end": frame}, "tflite_cpu", speed_up_frame().head(0))
    assert [view.name for view in made_shares().views] == ["share", "ms", "speed_up"]
    assert [view.name for view in made.views] == ["share", "ms"]


def test_what_readers_can_filter_by_has_display_names():
    rows = made_shares().rows
    assert set(rows["framework"]) == {"TFLite", "Caffe2"}
    assert set(rows["model"]) == {"ResNet50"}


def accuracy_rows() -> pd.DataFrame:
    rows = [
        ("a", "tflite", "cpu", "float32", "resnet50", 0.76, 0.72, 0.80, 500, "valid"),
        ("a", "tflite", "nnapi", "int8", "resnet50", 0.74, 0.70, 0.78, 500, "semi-valid"),
        ("b", "pytorch", "cpu", "float32", "mnasnet", 0.73, 0.69, 0.77, 500, "valid"),
    ]
    columns = ["device_id", "framework", "delegate", "quantization", "model", "accuracy", "accuracy_low"]
    return pd.DataFrame(rows, columns=[*columns, "accuracy_high", "images", "verdict"])


def test_figure_4_has_the_float32_rows_and_figure_8_those_of_tflite():
    fourth, eighth = accuracy.frameworks(accuracy_rows()).rows, accuracy.quantizations(accuracy_rows()).rows
    assert fourth[["panel", "series", "accuracy"]].values.tolist() == [
        ["ResNet50", "TFLite CPU", 0.76],
        ["MnasNet", "PyTorch", 0.73],
    ]
    assert eighth[["panel", "series"]].values.tolist() == [["ResNet50, CPU", "float32"], ["ResNet50, NNAPI", "INT8"]]


def test_the_panels_of_figure_4_have_axes_of_equal_length_and_figure_8_has_one_axis():
    fourth, eighth = accuracy.frameworks(accuracy_rows()), accuracy.quantizations(accuracy_rows())
    assert fourth.rows["axis_low"].tolist() == pytest.approx([0.76 - 1.06 * 0.04, 0.73 - 1.06 * 0.04])
    assert fourth.rows["axis_high"].tolist() == pytest.approx([0.76 + 1.06 * 0.04, 0.73 + 1.06 * 0.04])
    assert fourth.views[0].spec["resolve"] == {"scale": {"y": "independent"}}
    assert "resolve" not in eighth.views[0].spec


def test_the_axes_of_many_devices_are_as_long_as_their_points_and_their_median_intervals():
    rows = [accuracy_rows().iloc[:1].assign(device_id=f"p{number:02}") for number in range(13)]
    rows[0] = rows[0].assign(
        accuracy=0.70, accuracy_low=0.5, accuracy_high=0.9
    )  # 0.70 is below the median 0.72 to 0.80
    made = accuracy.frameworks(pd.concat(rows, ignore_index=True))
    assert made.rows["axis_low"].iloc[0] == pytest.approx(0.75 - 1.06 * 0.05)
    assert made.rows["axis_high"].iloc[0] == pytest.approx(0.75 + 1.06 * 0.05)


def score_rows() -> pd.DataFrame:
    rows = [
        ("a", 20.0, 18.0, 22.0, 24, "", 1, 2, 1, 2, "a"),
        ("b", 19.0, np.nan, np.nan, 24, "", 2, 2, pd.NA, pd.NA, "a"),
    ]
    columns = ["device_id", "vips", "vips_low", "vips_high", "instances", "missing", "rank", "group_size"]
    return pd.DataFrame(rows, columns=[*columns, "rank_low", "rank_high", "tie_group"])


def test_ranks_are_given_with_the_ranks_that_are_possible():
    rows = vips.ranking(score_rows()).rows
    assert rows["rank_text"].tolist() == ["1 of 2 (1 to 2)", "2 of 2"]
    assert rows["text_at"].tolist() == [22.0, 19.0]
    assert rows["beside"].tolist() == ["ranks 1–2", "a"]  # of b, only the tie group is known
    assert rows["beside_narrow"].tolist() == ["1–2", "a"]


def contribution_rows() -> pd.DataFrame:
    columns = ["device_id", "model", "implementation", "accuracy", "time_s", "vips", "share", "share_low", "share_high"]
    rows = [
        ("a", "mnasnet", "tflite_cpu", 0.7, 0.1, 7.0, 0.4, 0.3, 0.5),
        ("a", "mnasnet", "caffe2_cpu", 0.7, 0.2, 3.5, 0.2, 0.1, 0.3),
    ]
    return pd.DataFrame(rows, columns=columns)


def timing_rows() -> pd.DataFrame:
    columns = ["device_id", "vips_end_to_end", "vips_inference", "rank_end_to_end", "rank_inference", "ratio"]
    return pd.DataFrame([("a", 10.0, 15.0, 1, 2, 1.5), ("b", 9.0, np.nan, 2, pd.NA, np.nan)], columns=columns)


def complexity_rows() -> pd.DataFrame:
    columns = ["device_id", "model", "implementation", "macs_millions", "latency_ms", "gmacs_per_s"]
    return pd.DataFrame([("a", "mnasnet", "tflite_cpu", 315, 90.0, 3.5)], columns=columns)


def time_rows() -> pd.DataFrame:
    return accuracy_rows().assign(
        end_to_end_ms_mean=[100.0, 50.0, 90.0],
        instance_id=["tflite_cpu_float32_resnet50", "tflite_nnapi_int8_resnet50", "pytorch_cpu_float32_mnasnet"],
    )


def test_contributions_have_times_in_milliseconds():
    assert vips.contributions(contribution_rows()).rows["time_ms"].tolist() == [100.0, 200.0]


def test_both_timings_of_a_score_are_rows_of_their_own_and_a_device_without_one_has_none():
    rows = vips.timings(timing_rows()).rows
    assert rows[["device_id", "by", "vips"]].values.tolist() == [
        ["a", "end to end", 10.0],
        ["a", "inference only", 15.0],
    ]


CHARTS = {
    "shares": made_shares,
    "fig 4": lambda: accuracy.frameworks(accuracy_rows()),
    "fig 8": lambda: accuracy.quantizations(accuracy_rows()),
    "ranking": lambda: vips.ranking(score_rows()),
    "contributions": lambda: vips.contributions(contribution_rows()),
    "timings": lambda: vips.timings(timing_rows()),
    "complexity": lambda: complexity.scatter(complexity_rows()),
    "accuracy over time": lambda: complexity.accuracy_over_time(time_rows(), "end_to_end"),
}
for number_of_devices in (1, samples.SEVERAL, samples.MANY):
    for name_of_chart in samples.charts(number_of_devices):
        CHARTS[f"{name_of_chart}, {number_of_devices}"] = lambda name=name_of_chart, number=number_of_devices: (
            samples.charts(number)[name]
        )
OF_THE_PAGE = {"place", "number"}  # fields that the page's script adds


@pytest.mark.parametrize("name", CHARTS)
def test_specifications_and_displayed_values_name_only_columns_of_the_rows(name):
    made = CHARTS[name]()
    columns = set(made.rows.columns)
    for view in made.views:
        assert fields(view.spec) <= columns | OF_THE_PAGE
        assert view.sort_by in columns
    displayed = {field for fact in made.facts for field in (fact.field, fact.low, fact.high)} - {""}
    assert displayed <= columns
    assert {made.panel, made.series_field} - {""} <= columns
    if made.series:
        assert set(made.rows[made.series_field]) <= {series.name for series in made.series}


@pytest.mark.parametrize("name", CHARTS)
def test_a_page_reads_the_rows_that_python_has(name):
    made = CHARTS[name]()
    rows = pd.DataFrame({column: values(stored) for column, stored in read(made)["rows"].items()})
    assert len(rows) == len(made.rows)
    for column in made.rows.select_dtypes("number"):
        np.testing.assert_allclose(
            rows[column].to_numpy(float), made.rows[column].to_numpy(float, na_value=np.nan), rtol=1e-5
        )
    for column in made.rows.select_dtypes(exclude="number"):
        assert rows[column].fillna("").tolist() == made.rows[column].fillna("").tolist()


def test_text_cannot_end_the_script_element_and_infinite_numbers_are_null():
    rows = pd.DataFrame({"device_id": ["</script><b>"], "value": [np.inf]})
    text = chart.Chart(rows, (chart.ChartView("a", "a", {}, "value"),), ()).to_json()
    assert "<" not in text
    assert json.loads(text)["rows"] == {"device_id": {"values": ["</script><b>"], "places": [0]}, "value": [None]}


def test_a_text_that_many_rows_have_is_stored_once():
    rows = pd.DataFrame({"name": ["b", "a", "b", None], "value": [1, 2, 3, 4]})
    assert read(chart.Chart(rows, (), ()))["rows"] == {
        "name": {"values": ["b", "a", None], "places": [0, 1, 0, 2]},
        "value": [1, 2, 3, 4],
    }


def test_devices_are_in_the_order_of_table_iii_and_then_by_id():
    columns = ["device_id", "paper_id", "maker", "model", "soc", "os", "os_version"]
    rows = [
        ("zz", None, None, None, None, "Debian", "12"),
        ("b", 2, "Honor", "20i", "Kirin 710", "Android", "9"),
        ("a", 10, "Oppo", "Ace2", "Snapdragon 865", "Android", "10"),
    ]
    made = json.loads(chart.devices_json(pd.DataFrame(rows, columns=columns)))
    assert [device["id"] for device in made] == ["b", "a", "zz"]
    assert made[0] == {
        "id": "b",
        "name": "Honor 20i",
        "label": "2",
        "vendor": "HiSilicon",
        "soc": "Kirin 710",
        "maker": "Honor",
        "android": "9",
    }
    assert made[2]["name"] == made[2]["label"] == "zz"
    assert made[2]["android"] == "" and made[2]["vendor"] == "other"


GROUNDS = {"chance alone (95%, all instances)", "each device alone (Wilson, 95% each)", "95% of them"}  # broad bands
CELLS = {"stability", "coverage"}  # grids, whose cells differ from their neighbours rather than from the page


@pytest.mark.parametrize("number", [1, samples.MANY])
def test_every_series_differs_from_the_page_in_both_themes(number: int) -> None:
    colors = {
        (name, series.name): series.color.lower()
        for name, made in samples.charts(number).items()
        for series in made.series
        if name not in CELLS and series.name not in GROUNDS
    }
    faint = []
    for key, color in colors.items():
        if color in figure_colors.NAMED:
            assert figure_colors.NAMED[color] in ("ink", "grey"), key
            continue
        for shade, ground in zip(figure_colors.shades(color), ("#ffffff", "#14181c"), strict=True):
            if contrast(shade, ground) < 3:
                faint.append((key, shade, ground))
    assert len(set(colors.values())) > 5 and faint == []
