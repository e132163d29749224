"""Interactive drawings of scores: the ranking and what each instance adds."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, PLACE, Chart, Fact, Spec, View
from aiot_analysis.plots import style
from aiot_analysis.tables import names


def ranking(scores: pd.DataFrame, score: str = "VIPS") -> Chart:
    """Return a bar per device with the interval of its score. Takes the frame of `stats.vips.intervals`."""
    rows = scores.dropna(subset="vips").rename(columns={"tie_group": "ties"})
    possible = " (" + rows["rank_low"].astype(str) + " to " + rows["rank_high"].astype(str) + ")"
    size = rows["group_size"] if "group_size" in rows else pd.Series(len(rows), rows.index)
    ranks = rows["rank"].astype(str) + " of " + size.astype(str)
    rows = rows.assign(rank_text=ranks + possible.where(rows["rank_low"].notna(), ""))
    bar_spec: Spec = {
        "mark": {"type": "bar", "color": style.color(style.PLAIN)},
        "encoding": {
            "y": PLACE,
            "x": {
                "field": "vips",
                "type": "quantitative",
                "axis": {"title": f"valid images per second ({score})", "tickCount": 8},
            },
            "opacity": LIT,
        },
    }
    whisker: Spec = {
        "mark": {"type": "rule", "strokeWidth": 1.2},
        "encoding": {
            "y": PLACE,
            "x": {"field": "vips_low", "type": "quantitative"},
            "x2": {"field": "vips_high"},
            "opacity": LIT,
        },
    }
    letters: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11},
        "encoding": {
            "y": PLACE,
            "x": {"field": "text_at", "type": "quantitative"},
            "text": {"field": "ties"},
            "opacity": LIT,
        },
    }
    rows["text_at"] = rows["vips_high"].fillna(rows["vips"])
    columns = ["device_id", "vips", "vips_low", "vips_high", "rank_text", "ties", "text_at", "instances", "missing"]
    return Chart(
        rows.reindex(columns=columns),  # scores of published times have no ties
        (View("score", score, {"layer": [bar_spec, whisker, letters]}, "vips"),),
        (
            Fact("vips", score, "number", "vips_low", "vips_high"),
            Fact("rank_text", "rank"),
            Fact("ties", "cannot be distinguished from the other devices with the letter"),
            Fact("instances", "instances", "count"),
            Fact("missing", "missing"),
        ),
        height_px=15,
        device_axis="y",
        sort="value",
    )


def contributions(parts: pd.DataFrame) -> Chart:
    """Return what each instance adds to the score of each device, as a heatmap.

    Takes the frame of `stats.vips_sensitivity.shares`.
    """
    rows = parts.dropna(subset="vips")
    rows = names.ordered(rows, ["model", "implementation"])
    rows = rows.assign(
        instance=rows["implementation"].map(names.display) + ", " + rows["model"].map(names.display),
        framework=chart.frameworks(rows["implementation"]),
        model=rows["model"].map(names.display),
    )
    facts = (
        Fact("instance", "instance"),
        Fact("share", "share of the score", "percent", "share_low", "share_high"),
        Fact("vips", "adds to VIPS", "number"),
        Fact("accuracy", "accuracy", "percent"),
        Fact("time_ms", "time per image", "ms"),
    )
    shown = ["device_id", "instance", "framework", "model", "vips", "share", "share_low", "share_high", "accuracy"]
    return Chart(
        rows.assign(time_ms=1000 * rows["time_s"])[[*shown, "time_ms"]],
        (
            View("share", "share of the score", _heatmap("share", "share", percent=True), "share"),
            View("vips", "images per second", _heatmap("vips", "images/s"), "vips"),
        ),
        facts,
        height_px=16 * rows["instance"].nunique(),
    )


def _heatmap(field: str, title: str, *, percent: bool = False) -> Spec:
    legend = {"title": title, **({"format": "~%"} if percent else {})}
    return {
        "mark": {"type": "rect"},
        "encoding": {
            "x": PLACE,
            "y": {"field": "instance", "type": "nominal", "sort": None, "axis": {"title": None}},
            "color": {"field": field, "type": "quantitative", "scale": {"scheme": "viridis"}, "legend": legend},
            "opacity": LIT,
        },
    }


def timings(both: pd.DataFrame) -> Chart:
    """Return the score of each device end to end and for inference alone.

    Takes the frame of `stats.vips_sensitivity.timings`.
    """
    rows = both.dropna(subset="vips_inference").melt(
        ["device_id", "rank_end_to_end", "rank_inference", "ratio"],
        ["vips_end_to_end", "vips_inference"],
        "by",
        "vips",
    )
    labels = {f"vips_{timing}": names.display(timing) for timing in names.TIMES}
    rows["by"] = rows["by"].map(labels)
    marks: Spec = {
        "mark": {"type": "point", "filled": True, "size": 40},
        "encoding": {
            "y": PLACE,
            "x": {"field": "vips", "type": "quantitative", "axis": {"title": "valid images per second (VIPS)"}},
            "color": {"field": "by", "type": "nominal"},
            "shape": {"field": "by", "type": "nominal"},
            "opacity": LIT,
        },
    }
    return Chart(
        rows,
        (View("score", "VIPS", marks, "vips"),),
        (
            Fact("by", "time"),
            Fact("vips", "VIPS", "number"),
            Fact("rank_end_to_end", "rank end to end", "count"),
            Fact("rank_inference", "rank for inference", "count"),
        ),
        chart.series(zip(labels.values(), style.palette(), strict=False)),
        "by",
        height_px=15,
        device_axis="y",
        sort="value",
    )
