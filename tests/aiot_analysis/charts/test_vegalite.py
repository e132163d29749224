"""Charts as specifications for JupyterLab: their rows, the order of devices, and what depends on their number."""

import io
import json

import pandas as pd
import pytest

from aiot_analysis.charts import accuracy, complexity, latency, vegalite, vips
from aiot_analysis.plots import device_axis
from tests.aiot_analysis.charts.test_charts import CHARTS, accuracy_rows, fields, score_rows, time_rows

DEVICES = pd.DataFrame(
    [
        ("a", 2, "Honor", "20i", "Kirin 710", "Android", "9"),
        ("b", 1, "Oppo", "Ace2", "Snapdragon 865", "Android", "10"),
    ],
    columns=["device_id", "paper_id", "maker", "model", "soc", "os", "os_version"],
)
ADDED = {"place", "number", "device_id"}


def fleet(count: int) -> pd.DataFrame:
    """Devices whose SoC vendors alternate, in the order of figures."""
    rows = [(f"d{i:02}", i, "Maker", f"Phone {i}", ["Kirin 710", "Snapdragon 865"][i % 2]) for i in range(count)]
    devices = pd.DataFrame(rows, columns=["device_id", "paper_id", "maker", "model", "soc"])
    return device_axis.arrange_devices(devices, pd.Series(dtype=float))


def of_fleet(count: int) -> pd.DataFrame:
    """The same accuracies for each of many devices."""
    first = accuracy_rows().head(1)
    return pd.concat([first.assign(device_id=f"d{i:02}") for i in range(count)], ignore_index=True)


def rows_of(spec: dict) -> pd.DataFrame:
    """The rows of a specification as JupyterLab reads them."""
    return pd.read_csv(io.StringIO(spec["data"]["values"]))


def nodes(node: object) -> list[dict]:
    """Every object within a specification."""
    if isinstance(node, dict):
        return [node, *(inner for value in node.values() for inner in nodes(value))]
    return [inner for value in node for inner in nodes(value)] if isinstance(node, list) else []


@pytest.mark.parametrize("name", CHARTS)
def test_a_specification_needs_nothing_else(name):
    made = CHARTS[name]()
    spec = json.loads(json.dumps(vegalite.specification(made, DEVICES, "What it shows", "measured")))
    rows = rows_of(spec)
    assert not [node for node in nodes(spec) if "url" in node]
    assert spec["description"] == "What it shows"
    assert fields({name: part for name, part in spec.items() if name != "transform"}) <= set(rows) | ADDED
    first = made.rows["timing"] == made.rows["timing"].iloc[0] if "timing" in made.rows else slice(None)
    assert len(rows) == len(made.rows[first])
    numeric = spec["data"]["format"]["parse"]
    assert {fact.field for fact in made.facts if fact.format} <= set(numeric)


@pytest.mark.parametrize("name", CHARTS)
def test_colours_and_shapes_of_series_are_those_of_the_chart(name):
    made = CHARTS[name]()
    encodings = [node["encoding"] for node in nodes(vegalite.specification(made, DEVICES)) if "encoding" in node]
    for channel, looks in (("color", [s.color for s in made.series]), ("shape", [s.shape for s in made.series])):
        for encoding in encodings:
            if made.series and encoding.get(channel, {}).get("field") == made.series_field:
                scale = {"domain": [series.name for series in made.series], "range": looks}
                assert encoding[channel]["scale"] == scale


def test_names_and_socs_of_devices_come_from_their_table():
    spec = vegalite.specification(accuracy.frameworks(accuracy_rows()), DEVICES)
    [lookup] = spec["transform"]
    assert lookup["from"]["data"]["values"] == [
        {"id": "b", "device_name": "Oppo Ace2", "device_facts": "Snapdragon 865, Android 10"},
        {"id": "a", "device_name": "Honor 20i", "device_facts": "Kirin 710, Android 9"},
    ]
    without = vegalite.specification(accuracy.frameworks(accuracy_rows()))
    assert [device["device_name"] for device in without["transform"][0]["from"]["data"]["values"]] == ["a", "b"]


def test_devices_are_in_the_order_of_figures_and_rankings_by_value():
    arranged = device_axis.arrange_devices(DEVICES, pd.Series(dtype=float))
    by_vendor = vegalite.specification(accuracy.frameworks(accuracy_rows()), arranged)
    assert by_vendor["params"][0] == {"name": "labels", "value": ["Honor 20i", "Oppo Ace2"]}  # HiSilicon, Qualcomm
    assert dict(rows_of(by_vendor)[["device_id", "place"]].itertuples(index=False)) == {"a": 0, "b": 1}
    scores = score_rows().assign(vips=[10.0, 30.0])
    ranked = rows_of(vegalite.specification(vips.ranking(scores), arranged))
    assert ranked["device_id"].tolist() == ["b", "a"] and ranked["vips"].tolist() == [30.0, 10.0]


@pytest.mark.parametrize(("count", "few"), [(device_axis.MANY, True), (device_axis.MANY + 1, False)])
def test_many_devices_have_their_vendors_below_them_and_no_whiskers(count, few):
    spec = vegalite.specification(accuracy.frameworks(of_fleet(count)), fleet(count))
    marks = [node["mark"]["type"] for node in nodes(spec) if isinstance(node.get("mark"), dict)]
    labels = spec["params"][0]["value"]
    assert spec["params"][1] == {"name": "few", "value": few}
    if few:
        assert marks == ["rule", "point"]
        assert labels == [f"Maker Phone {i}" for i in (*range(0, count, 2), *range(1, count, 2))]
    else:
        assert marks == ["point", "rule"]  # the rule separates vendors
        assert [label for label in labels if label] == ["HiSilicon", "Qualcomm"]
        [start] = [node for node in nodes(spec) if node.get("mark", {}).get("opacity") == 0.3]
        assert start["data"]["values"] == [{"place": sum(fleet(count)["soc"] == "Kirin 710")}]


@pytest.mark.parametrize(
    ("origin", "word"), [("measured", []), ("SIMULATED · x", ["SIMULATED"]), ("published by A", ["PUBLISHED"])]
)
def test_each_panel_of_data_that_nobody_measured_here_is_marked(origin, word):
    spec = vegalite.specification(accuracy.frameworks(accuracy_rows()), DEVICES, origin=origin)
    assert [node["text"] for node in nodes(spec["spec"]) if isinstance(node.get("text"), str)] == word
    assert spec["title"]["text"] == origin


def test_scores_without_intervals_have_no_whiskers_and_no_letters():
    scores = score_rows().drop(columns=["vips_low", "vips_high", "rank_low", "rank_high", "tie_group"])
    made = vips.ranking(scores)
    assert made.rows["rank_text"].tolist() == ["1 of 2", "2 of 2"] and made.rows["ties"].tolist() == ["", ""]
    assert [layer["mark"]["type"] for layer in made.views[0].spec["layer"]] == ["bar", "text"]


def test_points_of_devices_have_the_names_of_devices():
    made = complexity.accuracy_over_time(time_rows(), "end_to_end", "device_id", DEVICES)
    assert [series.name for series in made.series] == ["Oppo Ace2", "Honor 20i"]
    assert dict(made.rows[["device_id", "by"]].itertuples(index=False)) == {"a": "Honor 20i", "b": "Oppo Ace2"}


def summary(count: int) -> pd.DataFrame:
    """Times of two instances, in another order than the paper's."""
    values = {"min_ms": 1.0, "p25_ms": 2.0, "median_ms": 3.0, "p75_ms": 4.0, "p99_ms": 5.0, "max_ms": 6.0}
    rows = [
        {"device_id": f"d{i:02}", "instance_id": instance, **values, "first_ms": 7.0, "images": 20}
        for i in range(count)
        for instance in ("tflite_cpu_float32_mnasnet", "tflite_cpu_float32_resnet50")
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("count", "few"), [(device_axis.FEW, True), (device_axis.FEW + 1, False)])
def test_times_of_few_devices_have_a_panel_each_and_those_of_many_share_one(count, few):
    made = latency.distribution(summary(count), fleet(count))
    assert made.rows["instance"].iloc[0].startswith("ResNet50")
    assert made.panel == ("panel" if few else "")
    assert ("p99_ms" in made.rows) == few
    frame = summary(count).assign(phase="inference_ms", mean_ms=2.5)
    bars = latency.phases(frame, fleet(count))
    assert bars.rows["phase"].unique().tolist() == ["inference"]
    assert bars.views[0].spec["mark"]["type"] == ("bar" if few else "point")
    for chart in (made, bars):
        spec = vegalite.specification(chart, fleet(count))
        assert ("facet" in spec) == few and len(rows_of(spec)) == len(chart.rows)
