"""Charts as specifications for JupyterLab: their rows, the order of devices, and what depends on their number."""

import io
import json

import pandas as pd
import pytest

from aiot_analysis.charts import accuracy, answer_sets, complexity, latency, vegalite, vips
from aiot_analysis.plots import device_axis
from tests.aiot_analysis.charts import samples
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
    domain, colors = [series.name for series in made.series], [series.color for series in made.series]
    shapes = [vegalite.SIGNS.get(series.shape, series.shape) for series in made.series]
    encodings = [node["encoding"] for node in nodes(vegalite.specification(made, DEVICES)) if "encoding" in node]
    looks = {"color": colors, "fill": colors, "stroke": colors, "shape": shapes}
    of_series = [
        (channel, encoding[channel])
        for channel in looks
        for encoding in encodings
        if made.series and encoding.get(channel, {}).get("field") == made.series_field
    ]
    assert bool(of_series) == bool(made.series)  # series without any would have no legend
    for channel, encoding in of_series:
        assert encoding["scale"] == {"domain": domain, "range": looks[channel]}
        assert encoding["legend"]["orient"] == "top"


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
    layers = [node for node in nodes(spec) if isinstance(node.get("mark"), dict)]
    marks = [layer["mark"]["type"] for layer in layers if "transform" not in layer]  # else they are no devices
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


@pytest.mark.parametrize(("count", "few"), [(device_axis.FEW, True), (device_axis.FEW + 1, False)])
def test_times_of_few_devices_have_a_panel_each_and_those_of_many_a_panel_per_network(count, few):
    times = latency.distribution(samples.summary(count), samples.devices(count))
    phases = latency.phases(samples.phases(count), samples.devices(count))
    for made in (times, phases):
        spec = vegalite.specification(made, samples.devices(count))
        panels = made.rows["panel"].nunique()
        assert panels == (count if few else 2) and spec["facet"]["field"] == "panel"
        assert len(rows_of(spec)) == len(made.rows)
        assert spec["transform"][0]["lookup"] == "device_id"


def test_figures_without_devices_are_drawn_with_names_of_lines_and_highlight_nothing():
    spec = vegalite.specification(samples.charts(2)["published runtimes"], origin="PUBLISHED")
    assert spec["transform"] == [] and not [node for node in nodes(spec) if "select" in node]
    assert {"name": "highlighted", "value": []} in spec["params"]
    assert spec["height"] == {"step": 18}
    [tooltip] = {node["tooltip"]["expr"] for node in nodes(spec) if "tooltip" in node}
    assert 'datum["model"]' in tooltip.split('"runtime"')[0]


def test_panels_with_axes_of_their_own_are_as_high_as_the_most_lines():
    submissions = pd.concat([samples.submissions(), samples.submissions().head(1).assign(model="mnasnet")])
    spec = vegalite.specification(answer_sets.published_accuracy(submissions))
    assert spec["spec"]["height"] == 2 * 20
    assert spec["resolve"] == {"scale": {"x": "independent", "y": "independent"}}


def test_a_logarithmic_axis_has_room_for_all_marks_and_ticks_within():
    made = samples.charts(2)["latency distribution"]  # from 10 - 3 ms to 50 times the longer median
    axes = [node["x"] for node in nodes(vegalite.specification(made)) if isinstance(node.get("x"), dict)]
    [domain] = {tuple(axis["scale"]["domain"]) for axis in axes if "domain" in axis.get("scale", {})}
    assert domain == pytest.approx((7 / (550 / 7) ** 0.04, 550 * (550 / 7) ** 0.04))
    assert all(domain[0] <= tick <= domain[1] for axis in axes for tick in axis.get("axis", {}).get("values", []))


def test_categories_that_no_row_has_are_not_drawn():
    frame = samples.phases(2)
    frame = frame.assign(phase=frame["phase"].astype("category"), instance_id=frame["instance_id"].astype("category"))
    frame = frame[(frame["phase"] != "decode_ms") & (frame["instance_id"] != samples.INSTANCES[0])]
    made = latency.phases(frame, samples.devices(2))
    drawn = rows_of(vegalite.specification(made, samples.devices(2)))
    assert drawn["phase"].unique().tolist() == ["preprocess", "inference", "post-process"]
    assert drawn.groupby("phase")["number"].unique().map(list).to_dict() == {
        "preprocess": [0], "inference": [1], "post-process": [2]
    }  # fmt: skip
    assert drawn["instance"].nunique() == 2
