"""Interactive drawings of time against the operations of a model, and of accuracy against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import device_axis, style
from aiot_analysis.plots.accuracy import MOST_WHISKERS
from aiot_analysis.plots.runtimes import network_looks
from aiot_analysis.tables import names, select

if TYPE_CHECKING:
    import pandas as pd


FAINT_LINE: Spec = {
    "condition": [
        {"test": "!length(highlighted)", "value": 0.15},
        {"test": "indexof(highlighted, datum.device_id) >= 0", "value": 1},
    ],
    "value": 0.03,
}
"""Opacity of the line of a device, faint unless the device is highlighted."""


def scatter(points: pd.DataFrame) -> Chart:
    """Return time over multiply-accumulates, both logarithmic, by implementation.

    Takes the frame of `stats.complexity.complexity`.
    """
    rows = points.dropna(subset=["macs_millions", "latency_ms"])
    rows = names.ordered(rows, ["implementation", "model"])
    implementations = list(dict.fromkeys(rows["implementation"]))
    macs: Spec = {
        "field": "macs_millions",
        "type": "quantitative",
        "scale": {"type": "log"},
        "axis": {"title": "million multiply-accumulates", "format": "~g", "tickCount": 5},
    }
    spec: Spec = {
        "layer": [
            {
                "mark": {"type": "line", "strokeWidth": 1},
                "encoding": {
                    "x": macs,
                    "y": chart.value_axis("latency_ms", "ms per image", log=True),
                    "detail": {"field": "device_id"},
                    "opacity": FAINT_LINE,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 26},
                "encoding": {
                    "x": macs,
                    "y": chart.value_axis("latency_ms", "ms per image", log=True),
                    "color": {"field": "model", "type": "nominal"},
                    "shape": {"field": "model", "type": "nominal"},
                    "opacity": LIT,
                },
            },
        ]
    }
    models = names.in_order(set(rows["model"]), names.MODELS)
    rows = rows.assign(
        panel=rows["implementation"].map(names.display),
        framework=chart.frameworks(rows["implementation"]),
        model=rows["model"].map(names.display),
    )
    columns = ["device_id", "panel", "framework", "model", "macs_millions", "latency_ms", "gmacs_per_s"]
    return Chart(
        rows[columns],
        (ChartView("time", "time", spec, "latency_ms"),),
        (
            Fact("model", "model"),
            Fact("latency_ms", "time per image", "ms"),
            Fact("macs_millions", "million multiply-accumulates", "number"),
            Fact("gmacs_per_s", "GMAC per second", "number"),
        ),
        chart.series((names.display(name), look) for name, look in network_looks(models).items()),
        "model",
        "panel",
        columns=2 if len(implementations) > 1 else 1,
        height_px=260,
        device_axis="",
    )


def off_line(residuals: pd.DataFrame, implementations: pd.DataFrame) -> Chart:
    """Return the time of each instance as a multiple of the line of its device, a line per implementation and model.

    Takes the frame of `stats.complexity.residuals` and, for medians of implementations with their intervals, that of
    `implementations` (one device) or `over_devices` (several).
    """
    rows = names.ordered(residuals, ["implementation", "model"])
    present = list(dict.fromkeys(rows["implementation"]))
    middle = implementations.rename(columns={"ratio": "middle", "ratio_low": "middle_low", "ratio_high": "middle_high"})
    rows = rows.merge(middle[["implementation", "middle", "middle_low", "middle_high"]], on="implementation")
    display = rows["implementation"].map(names.display)
    rows = rows.assign(
        line=rows["model"].map(names.display) + ", " + display,
        framework=chart.frameworks(rows["implementation"]),
        model=rows["model"].map(names.display),
        part=display,
        mark=display.mask(rows["off"].isin(["slower", "faster"]), OFF),
    )
    lines = chart.line_axis("line", dict.fromkeys(rows["line"]))
    axis = chart.value_axis("ratio", "time as a multiple of the device's line", log=True)
    color: Spec = {"field": "mark", "type": "nominal"}
    one_per_line: list[Spec] = [
        {
            "aggregate": [{"op": "max", "field": name, "as": name} for name in ("middle", "middle_low", "middle_high")],
            "groupby": ["line", "part"],
        },
        {"calculate": "datum.part", "as": "mark"},
    ]
    band: Spec = {
        "transform": one_per_line,
        "mark": {"type": "rect", "opacity": 0.18},
        "encoding": {
            "x": {**axis, "field": "middle_low"},
            "x2": {"field": "middle_high"},
            "y": lines,
            "color": color,
        },
    }
    median: Spec = {
        "transform": one_per_line,
        "mark": {"type": "tick", "thickness": 2, "bandSize": 16},
        "encoding": {"x": {**axis, "field": "middle"}, "y": lines, "color": color},
    }
    columns = ["device_id", "line", "part", "mark", "framework", "model", "ratio", "latency_ms", "line_ms"]
    looks = [(names.display(name), style.look(name)) for name in present]
    return Chart(
        rows[[*columns, "macs_millions", "middle", "middle_low", "middle_high"]],
        (ChartView("ratio", "ratio", {"layer": [band, median, chart.points_on_lines(axis, lines, "mark")]}, "ratio"),),
        (
            Fact("line", "instance"),
            Fact("ratio", "as long as by the line of the device", "times"),
            Fact("latency_ms", "time per image", "ms"),
            Fact("line_ms", "by the line of the device", "ms"),
            Fact("middle", "median of the implementation", "times", "middle_low", "middle_high"),
        ),
        (
            *chart.series(looks),
            *([Series(OFF, style.color(style.NOTABLE), "diamond")] if (rows["mark"] == OFF).any() else []),
            Series(MEDIAN, style.INK, "stroke"),
        ),
        "mark",
        height_px=16,
        device_axis="",
        line="line",
    )


OFF, MEDIAN = "off the line by rule", "median of the implementation"


def accuracy_over_time(
    rows: pd.DataFrame, timing: str, by: str = "implementation", devices: pd.DataFrame | None = None
) -> Chart:
    """Return accuracy over mean time (logarithmic), a point per device and instance.

    Takes the rows of `stats.accuracy.with_interval`. Colours show the column `by`: model, implementation, quantization
    or device_id, for which `devices` has the names.
    """
    value = f"{select.time_column(timing)}_mean"
    rows = rows.dropna(subset=["accuracy", value]).assign(implementation=names.implementation)
    if by == "device_id":
        ids = device_axis.order(rows[by], devices)
        labels, looks = dict(zip(ids, device_axis.names(ids, devices), strict=True)), style.looks(ids)
    else:
        order = {"model": names.MODELS, "implementation": names.IMPLEMENTATIONS, "quantization": names.QUANTIZATIONS}
        present = names.in_order(set(rows[by]), order[by])
        labels = {name: names.display(name) for name in present}
        looks = {name: style.look(name) for name in present}
    tidy = rows.assign(
        by=rows[by].map(labels),
        time_ms=rows[value],
        instance=rows["instance_id"].map(names.instance_display),
        framework=rows["framework"].map(names.framework),
        model=rows["model"].map(names.display),
    )
    color: Spec = {"field": "by", "type": "nominal"}
    encoding: Spec = {"x": chart.value_axis("time_ms", "ms per image", log=True), "color": color, "opacity": LIT}
    y = chart.value_axis("accuracy", "accuracy", percent=True)
    point: Spec = {
        "mark": {"type": "point", "filled": True, "size": 26},
        "encoding": {**encoding, "y": y, "shape": color},
    }
    ends: Spec = {"y": {**y, "field": "accuracy_low"}, "y2": {"field": "accuracy_high"}}
    whisker: Spec = {"mark": {"type": "rule", "strokeWidth": 1}, "encoding": {**encoding, **ends}}
    spec: Spec = {"layer": [*([whisker] if len(rows) <= MOST_WHISKERS else []), point]}
    columns = ["device_id", "by", "instance", "framework", "model", "accuracy", "accuracy_low", "accuracy_high"]
    return Chart(
        tidy[[*columns, "time_ms", "images"]],
        (ChartView("accuracy", "accuracy", spec, "accuracy"),),
        (
            Fact("instance", "instance"),
            Fact("accuracy", "accuracy", "percent", "accuracy_low", "accuracy_high"),
            Fact("time_ms", "time per image", "ms"),
            Fact("images", "images", "count"),
        ),
        chart.series((labels[name], look) for name, look in looks.items()),
        "by",
        height_px=320,
        device_axis="",
    )
