"""Interactive drawings of quantization: speed against accuracy, and mean times side by side (Remark 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, LIT_WHISKER, PLACE, Chart, ChartView, Fact, Spec
from aiot_analysis.plots import device_axis, runtimes, style
from aiot_analysis.tables import names

if TYPE_CHECKING:
    import pandas as pd


def tradeoff(frame: pd.DataFrame) -> Chart:
    """Return the change in accuracy over the speed-up of each version against float32, by model and delegate.

    Takes the frame of `stats.tradeoff.tradeoff`. Points on the Pareto front of their model and device are filled.
    """
    rows = _in_panels(frame.dropna(subset=["speed_up", "change"]))
    compared = rows[rows["quantization"] != "float32"]
    rows = rows[rows["panel"].isin(compared["panel"])]
    rows = rows.assign(
        version=rows["quantization"].map(names.display),
        front=rows["pareto"].eq(True).fillna(False).map({True: "yes", False: "no"}),
    )
    look: Spec = {"field": "version", "type": "nominal"}
    x = chart.value_axis("speed_up", "speed-up (×)")
    y = chart.point_axis("change", "accuracy change (points)")
    points: Spec = {
        "mark": {"type": "point", "size": 30, "strokeWidth": 1},
        "encoding": {
            "x": x,
            "y": y,
            "fill": look,
            "stroke": look,
            "shape": look,
            "fillOpacity": {"condition": {"test": "datum.front === 'yes'", "value": 0.9}, "value": 0},
            "opacity": LIT,
        },
    }
    whiskers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": 1},
            "encoding": {
                "x": {**x, "field": "speed_up_low"},
                "x2": {"field": "speed_up_high"},
                "y": y,
                "color": look,
                "opacity": LIT_WHISKER,
            },
        },
        {
            "mark": {"type": "rule", "strokeWidth": 1},
            "encoding": {
                "x": x,
                "y": {**y, "field": "change_low"},
                "y2": {"field": "change_high"},
                "color": look,
                "opacity": LIT_WHISKER,
            },
        },
    ]
    even = [chart.reference_line(1), chart.reference_line(0, "y")]
    spec: Spec = {
        "layer": [*even, *whiskers, points],
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    columns = ["device_id", "panel", "framework", "model", "version", "speed_up", "speed_up_low", "speed_up_high"]
    columns += ["change", "change_low", "change_high", "front", "other_ms", "model_mb", "n_images"]
    return Chart(
        rows[columns],
        (ChartView("change", "change", spec, "speed_up"),),
        (
            Fact("version", "version"),
            Fact("speed_up", "as fast as float32", "times", "speed_up_low", "speed_up_high"),
            Fact("change", "accuracy change", "points", "change_low", "change_high"),
            Fact("front", "on the Pareto front"),
            Fact("other_ms", "time per image", "ms"),
            Fact("model_mb", "size of the file, MB", "number"),
            Fact("n_images", "images", "count"),
        ),
        _series(rows),
        "version",
        "panel",
        columns=4,
        device_axis="",
        hollow=runtimes.NOT_ON_FRONT if (rows["front"] == "no").any() else "",
    )


def latency(rows: pd.DataFrame, value: str = "end_to_end_ms_mean") -> Chart:
    """Return the mean time per image of each quantization, by model and delegate: bars, or points for many devices.

    Takes one row per device x instance (see `tables.select.measured_rows`).
    """
    rows = _in_panels(rows[rows["framework"] == "tflite"].dropna(subset=[value]))
    rows = rows.assign(version=rows["quantization"].map(names.display), time_ms=rows[value])
    look: Spec = {"field": "version", "type": "nominal"}
    encoding: Spec = {
        "x": PLACE,
        "xOffset": {**look, "sort": [names.display(name) for name in names.QUANTIZATIONS]},
        "y": chart.value_axis("time_ms", "mean time (ms)", zero=True),
        "color": look,
        "opacity": LIT,
    }
    many = rows["device_id"].nunique() > device_axis.FEW
    mark: Spec = {"type": "point", "filled": True, "size": 26} if many else {"type": "bar"}
    if many:
        encoding["shape"] = look
    spec: Spec = {"mark": mark, "encoding": encoding, "resolve": {"scale": {"y": "independent"}}}
    columns = ["device_id", "panel", "framework", "model", "version", "time_ms", "images", "verdict"]
    return Chart(
        rows.assign(verdict=rows["verdict"].map(names.display))[columns],
        (ChartView("time", "time", spec, "time_ms"),),
        (
            Fact("version", "version"),
            Fact("time_ms", "mean time per image", "ms"),
            Fact("images", "images", "count"),
            Fact("verdict", "verdict"),
        ),
        _series(rows),
        "version",
        "panel",
        columns=4,
    )


def _in_panels(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order of panels, with display names of panel, framework and model."""
    rows = names.ordered(rows, ["model", "delegate", "quantization"])
    model = rows["model"].map(names.display)
    return rows.assign(
        panel=model + ", " + rows["delegate"].map(names.display),
        framework=rows["framework"].map(names.framework),
        model=model,
    )


def _series(rows: pd.DataFrame) -> tuple[chart.Series, ...]:
    present = names.in_order(set(rows["quantization"]), names.QUANTIZATIONS)
    return chart.series((names.display(name), style.look(name)) for name in present)
