"""Interactive drawings of the time of operators (Figs. 1 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import operators as printed
from aiot_analysis.plots import style
from aiot_analysis.tables import names

if TYPE_CHECKING:
    import pandas as pd


def breakdown(shares: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return a bar of shares per model, in a panel per framework and device (Fig. 1).

    Takes the frame of `stats.operators.shares`.
    """
    looks = printed.looks()
    models = names.in_order(set(shares["model"]), names.MODELS)
    rows = _in_panels(shares, devices)
    kinds = [kind for kind in looks if kind in set(rows["kind"])]
    bars: Spec = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "model",
                "type": "nominal",
                "sort": list(map(names.display, models)),
                "axis": {"title": None, "labelAngle": -30},
                "scale": {"paddingInner": 0.25},
            },
            "y": {
                "field": "share",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"format": "~%", "title": "share of run time", "values": [0, 0.5, 1]},
                "scale": {"domain": [0, 1]},
            },
            "color": {"field": "kind", "type": "nominal"},
            "order": {"field": "number"},
            "opacity": LIT,
        },
    }
    columns = ["device_id", "panel", "framework", "model", "kind", "share", "share_p5", "share_p95", "time_ms"]
    return Chart(
        rows[[*columns, "calls", "repetitions"]],
        (ChartView("share", "share", bars, "share"),),
        (
            Fact("model", "model"),
            Fact("kind", "operator"),
            Fact("share", "share of run time", "percent"),
            Fact("share_p5", "5th percentile of the repetitions", "percent"),
            Fact("share_p95", "95th percentile of the repetitions", "percent"),
            Fact("time_ms", "time", "ms"),
            Fact("calls", "calls", "count"),
            Fact("repetitions", "repetitions", "count"),
        ),
        chart.areas((kind, looks[kind]) for kind in kinds),
        "kind",
        "panel",
        columns=2 if len(models) <= 3 else 1,
        height_px=230,
        device_axis="",
    )


def convolution_times(bins: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return a histogram of the times of single convolutions per model (Fig. 2); longer ones are in a separate bar.

    Takes the frame of `stats.operators.convolution_times`.
    """
    is_inside = np.isfinite(bins["high_ms"])
    inside = bins[is_inside]
    width, end = float((inside["high_ms"] - inside["low_ms"]).iloc[0]), float(inside["high_ms"].max())
    rows = _in_panels(bins, devices)
    is_inside = np.isfinite(rows["high_ms"])
    several = rows["panel"].nunique() > 1
    rows = rows.assign(
        panel=rows["model"] + (", " + rows["panel"] if several else ""),
        length=np.where(is_inside, WITHIN, LONGER),
        time=[
            f"{low:.2f} to {high:.2f} ms" if high < np.inf else f"over {low:.2f} ms"
            for low, high in rows[["low_ms", "high_ms"]].itertuples(index=False, name=None)
        ],
        start_ms=rows["low_ms"].where(is_inside, end + width),
        end_ms=rows["high_ms"].where(is_inside, end + 3 * width),
    )
    overflow = end + 2 * width  # the middle of the last bar
    ticks = [float(tick) for tick in MaxNLocator(5).tick_values(0, end) if 0 <= tick <= end - 2 * width]
    axis: Spec = {
        "title": "time of a convolution (ms)",
        "values": [*ticks, overflow],
        "labelExpr": f"datum.value > {end:g} ? '> {end:g}' : datum.label",
        "labelOverlap": False,
    }
    bars: Spec = {
        "mark": {"type": "rect"},
        "encoding": {
            "x": {
                "field": "start_ms",
                "type": "quantitative",
                "axis": axis,
                "scale": {"domain": [0, end + 3.5 * width]},
            },
            "x2": {"field": "end_ms"},
            "y": chart.value_axis("share", "relative frequency", zero=True, percent=True),
            "y2": {"datum": 0},
            "color": {"field": "length", "type": "nominal"},
            "opacity": LIT,
        },
    }
    edge = printed.short_edge(bins)
    limit = [] if edge is None else [chart.reference_line(edge)]
    columns = ["device_id", "panel", "framework", "model", "length", "time", "start_ms", "end_ms", "share"]
    return Chart(
        rows[[*columns, "convolutions", "repetitions"]],
        (ChartView("share", "share", {"layer": [bars, *limit]}, "share"),),
        (
            Fact("time", "time"),
            Fact("share", "share of the convolutions", "percent"),
            Fact("convolutions", "convolutions", "count"),
            Fact("repetitions", "repetitions", "count"),
        ),
        (Series(WITHIN, style.color(style.PLAIN), "square"), Series(LONGER, style.color(style.SECOND), "square")),
        "length",
        "panel",
        device_axis="",
    )


WITHIN, LONGER = "within the bins", "longer than the last bin"


def _in_panels(frame: pd.DataFrame, devices: pd.DataFrame | None) -> pd.DataFrame:
    """Return rows in the order of panels and models, with display names of their framework, model and panel."""
    pairs = printed.implementations_and_devices(frame)
    places = {pair: place for place, pair in enumerate(pairs)}
    place = [places[pair] for pair in frame[["framework", "device_id"]].itertuples(index=False, name=None)]
    rows = names.ordered(frame.assign(place_of_panel=place), ["model"])
    rows = rows.sort_values("place_of_panel", kind="stable")
    titles = [
        printed.panel_title(framework, device, frame, devices)
        for framework, device in rows[["framework", "device_id"]].itertuples(index=False, name=None)
    ]
    return rows.assign(
        panel=titles, model=rows["model"].map(names.display), framework=rows["framework"].map(names.framework)
    )
