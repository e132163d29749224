"""Interactive drawings of time against the operations of a model, and of accuracy against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, Chart, Fact, Spec, View
from aiot_analysis.plots import style
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
        (View("time", "time", spec, "latency_ms"),),
        (
            Fact("model", "model"),
            Fact("latency_ms", "time per image", "ms"),
            Fact("macs_millions", "million multiply-accumulates", "number"),
            Fact("gmacs_per_s", "GMAC per second", "number"),
        ),
        chart.series((names.display(name), style.look(name)) for name in models),
        "model",
        "panel",
        columns=2 if len(implementations) > 1 else 1,
        height_px=260,
        device_axis="",
    )


def accuracy_over_time(rows: pd.DataFrame, timing: str, by: str = "implementation") -> Chart:
    """Return accuracy over mean time (logarithmic), a point per device and instance.

    Takes the rows of `stats.accuracy.with_interval`; `by` is the column that colours show.
    """
    value = f"{select.time_column(timing)}_mean"
    rows = rows.dropna(subset=["accuracy", value]).assign(implementation=names.implementation)
    order = {"model": names.MODELS, "implementation": names.IMPLEMENTATIONS, "quantization": names.QUANTIZATIONS}[by]
    present = names.in_order(set(rows[by]), order)
    tidy = rows.assign(
        by=rows[by].map(names.display),
        time_ms=rows[value],
        instance=rows["instance_id"].map(names.instance_display),
        framework=rows["framework"].map(names.framework),
        model=rows["model"].map(names.display),
    )
    spec: Spec = {
        "mark": {"type": "point", "filled": True, "size": 26},
        "encoding": {
            "x": chart.value_axis("time_ms", "ms per image", log=True),
            "y": chart.value_axis("accuracy", "accuracy", percent=True),
            "color": {"field": "by", "type": "nominal"},
            "shape": {"field": "by", "type": "nominal"},
            "opacity": LIT,
        },
    }
    columns = ["device_id", "by", "instance", "framework", "model", "accuracy", "accuracy_low", "accuracy_high"]
    return Chart(
        tidy[[*columns, "time_ms", "images"]],
        (View("accuracy", "accuracy", spec, "accuracy"),),
        (
            Fact("instance", "instance"),
            Fact("accuracy", "accuracy", "percent", "accuracy_low", "accuracy_high"),
            Fact("time_ms", "time per image", "ms"),
            Fact("images", "images", "count"),
        ),
        chart.series((names.display(name), style.look(name)) for name in present),
        "by",
        height_px=320,
        device_axis="",
    )
