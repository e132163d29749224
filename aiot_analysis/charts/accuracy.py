"""Interactive drawings of accuracy across devices (Figs. 4 and 8), and of accuracy and time by way of resizing."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import Chart, ChartView, Fact, Spec
from aiot_analysis.plots import accuracy as printed
from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names

AXIS_ROOM = 1.06
"""Length of the y axis as a multiple of the range of what is drawn on it."""


def frameworks(rows: pd.DataFrame) -> Chart:
    """Return the float32 accuracy of each implementation of each model across devices (Fig. 4).

    Takes the rows of `stats.accuracy.with_interval`.
    """
    rows = rows[rows["quantization"] == "float32"].assign(series=names.implementation)
    return _accuracies(rows.assign(panel=rows["model"].map(names.display)), names.IMPLEMENTATIONS, 3, one_axis=False)


def quantizations(rows: pd.DataFrame) -> Chart:
    """Return the accuracy of each quantization of TFLite across devices, by model and delegate (Fig. 8).

    Takes the rows of `stats.accuracy.with_interval`.
    """
    rows = rows[rows["framework"] == "tflite"]
    panel = rows["model"].map(names.display) + ", " + rows["delegate"].map(names.display)
    return _accuracies(rows.assign(series=rows["quantization"], panel=panel), names.QUANTIZATIONS, 4, one_axis=True)


def resizing(frame: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return accuracy and times of each way of resizing with their intervals, a line per device and instance.

    Takes the frame of `stats.resize.summary`. Accuracy is drawn in percent.
    """
    name_of_device = {} if devices is None else names.devices(devices)
    several = frame["device_id"].nunique() > 1
    label = frame["instance_id"].map(names.instance_display)
    if several:
        label += ", " + frame["device_id"].map(lambda device: name_of_device.get(device, device))
    frame = chart.instances(frame).assign(line=label, way=frame["resize"].map(names.display))
    parts = []
    for column, panel in printed.RESIZE_PANELS.items():
        factor = 100 if column == "accuracy" else 1
        ends = {"value": column, "value_low": f"{column}_low", "value_high": f"{column}_high"}
        values = {name: factor * frame[source] for name, source in ends.items()}
        parts.append(frame.assign(panel="accuracy (%)" if column == "accuracy" else panel, **values))
    rows = pd.concat(parts, ignore_index=True).dropna(subset="value")
    lines = chart.line_axis("line", dict.fromkeys(frame["line"]))
    axis: Spec = chart.value_axis("value", "")
    layers = [
        chart.whiskers_on_lines("value", axis, lines, "way", offset=True, always=True),
        chart.points_on_lines(axis, lines, "way", offset=True),
    ]
    spec: Spec = {"layer": layers, "resolve": {"scale": {"x": "independent"}}}
    columns = ["device_id", "panel", "line", "instance", "framework", "model", "way", "value", "value_low"]
    looks = style.looks(names.RESIZE_NAMES)
    return Chart(
        rows[[*columns, "value_high", "images"]],
        (ChartView("value", "value", spec, "value"),),
        (
            Fact("instance", "instance"),
            Fact("way", "way of resizing"),
            Fact("value", "value", "number", "value_low", "value_high"),
            Fact("images", "images", "count"),
        ),
        chart.series((names.display(way), looks[way]) for way in looks if way in set(frame["resize"])),
        "way",
        "panel",
        columns=3,
        height_px=36,
        device_axis="",
        line="line",
    )


def _accuracies(rows: pd.DataFrame, order: list[str], columns: int, *, one_axis: bool) -> Chart:
    """Return a point per device and series in panels with `one_axis`, or with axes of equal length.

    With many devices, a band shows the median interval of each series.
    """
    rows = names.ordered(rows.dropna(subset="accuracy"), ["model", "delegate"])  # "cpu" comes before "nnapi"
    present = names.in_order(set(rows["series"]), order)
    tidy = rows.assign(
        **_axis_ends(rows),
        series=rows["series"].map(names.display),
        framework=rows["framework"].map(names.framework),
        model=rows["model"].map(names.display),
        verdict=rows["verdict"].map(names.display),
    )
    axis = chart.value_axis("accuracy", "accuracy", percent=True)
    # panels with axes of their own are equally wide and high
    axis["axis"] |= {} if one_axis else {"minExtent": 40, "labelBound": True}
    axis["scale"] = {"zero": False, "nice": False}
    points = chart.points_with_whiskers("accuracy", axis, "series")["layer"]
    spec: Spec = {"layer": [*([] if one_axis else [_axis_layer(axis)]), _bands(axis), *points]}
    if not one_axis:
        spec["resolve"] = {"scale": {"y": "independent"}}
    shown = ["device_id", "panel", "series", "accuracy", "accuracy_low", "accuracy_high", "axis_low", "axis_high"]
    shown += ["images", "verdict", "framework", "model"]
    return Chart(
        tidy[shown],
        (ChartView("accuracy", "accuracy", spec, "accuracy"),),
        (
            Fact("series", "series"),
            Fact("accuracy", "accuracy", "percent", "accuracy_low", "accuracy_high"),
            Fact("images", "images", "count"),
            Fact("verdict", "verdict"),
        ),
        chart.series((names.display(name), style.look(name)) for name in present),
        "series",
        "panel",
        columns,
    )


def _axis_ends(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the ends of the y axis of the panel of each row, such that all axes have the same length.

    The widest panel sets this length: its points, and its intervals or, for many devices, their medians.
    """
    ends = rows[["panel", "series", "accuracy_low", "accuracy_high"]]
    if rows["device_id"].nunique() > device_axis.MANY:
        ends = ends.groupby(["panel", "series"], sort=False).median().reset_index()
    ends = pd.concat([ends, rows[["panel", "accuracy"]].rename(columns={"accuracy": "accuracy_low"})])
    low = ends.groupby("panel")["accuracy_low"].min()
    high = pd.concat([ends["accuracy_high"], ends["accuracy_low"]]).groupby(pd.concat([ends["panel"]] * 2)).max()
    half = 0.5 * AXIS_ROOM * float((high - low).max()) if len(ends) else 0.0
    middle = rows["panel"].map((low + high) / 2).astype(float)
    return {"axis_low": middle - half, "axis_high": middle + half}


def _axis_layer(axis: Spec) -> Spec:
    """Return an invisible layer that makes the y axis of each panel as long as its rows say."""
    ends = [
        {"op": "min", "field": "axis_low", "as": "axis_low"},
        {"op": "max", "field": "axis_high", "as": "axis_high"},
    ]
    return {
        "transform": [{"aggregate": ends, "groupby": ["panel"]}],
        "mark": {"type": "rule", "strokeWidth": 0, "opacity": 0},
        "encoding": {"y": {**axis, "field": "axis_low"}, "y2": {"field": "axis_high"}},
    }


def _bands(axis: Spec) -> Spec:
    """Return a band per series at the median interval of its devices, for many devices."""
    ends = [{"op": "median", "field": field, "as": field} for field in ("accuracy_low", "accuracy_high")]
    return {
        "transform": [{"aggregate": ends, "groupby": ["panel", "series"]}],
        "mark": {"type": "rect", "fillOpacity": 0.05},
        "encoding": {
            "y": {**axis, "field": "accuracy_low"},
            "y2": {"field": "accuracy_high"},
            "color": {"field": "series", "type": "nominal"},
            "opacity": {"condition": {"test": "few", "value": 0}, "value": 1},
        },
    }
