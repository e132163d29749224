"""Interactive drawings of accuracy across devices (Figs. 4 and 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import Chart, Fact, View
from aiot_analysis.plots import style
from aiot_analysis.tables import names

if TYPE_CHECKING:
    import pandas as pd


def frameworks(rows: pd.DataFrame) -> Chart:
    """Return the float32 accuracy of each implementation of each model across devices (Fig. 4).

    Takes the rows of `stats.accuracy.with_interval`.
    """
    rows = rows[rows["quantization"] == "float32"].assign(series=names.implementation)
    return _accuracies(rows.assign(panel=rows["model"].map(names.display)), names.IMPLEMENTATIONS, 3)


def quantizations(rows: pd.DataFrame) -> Chart:
    """Return the accuracy of each quantization of TFLite across devices, by model and delegate (Fig. 8).

    Takes the rows of `stats.accuracy.with_interval`.
    """
    rows = rows[rows["framework"] == "tflite"]
    panel = rows["model"].map(names.display) + ", " + rows["delegate"].map(names.display)
    return _accuracies(rows.assign(series=rows["quantization"], panel=panel), names.QUANTIZATIONS, 4)


def _accuracies(rows: pd.DataFrame, order: list[str], columns: int) -> Chart:
    rows = names.ordered(rows.dropna(subset="accuracy"), ["model", "delegate"])  # "cpu" comes before "nnapi"
    present = names.in_order(set(rows["series"]), order)
    tidy = rows.assign(
        series=rows["series"].map(names.display),
        framework=rows["framework"].map(names.framework),
        model=rows["model"].map(names.display),
        verdict=rows["verdict"].map(names.display),
    )
    axis = chart.value_axis("accuracy", "accuracy", percent=True)
    shown = ["device_id", "panel", "series", "accuracy", "accuracy_low", "accuracy_high"]
    shown += ["images", "verdict", "framework", "model"]
    spec = chart.points_with_whiskers("accuracy", axis, "series") | {"resolve": {"scale": {"y": "independent"}}}
    return Chart(
        tidy[shown],
        (View("accuracy", "accuracy", spec, "accuracy"),),
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
