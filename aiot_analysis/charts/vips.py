"""Interactive drawings of scores: the ranking and what each instance adds."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, PLACE, Chart, ChartView, Fact, Spec
from aiot_analysis.plots import device_axis, style
from aiot_analysis.plots import vips as printed
from aiot_analysis.tables import names

ENDS = ["vips_low", "vips_high", "rank_low", "rank_high"]
"""Columns that only scores with intervals have."""


def ranking(scores: pd.DataFrame, score: str = "VIPS") -> Chart:
    """Return a bar per device with the interval of its score, if any.

    Takes the frame of `stats.vips.intervals` or `scores`.
    """
    rows = scores.dropna(subset="vips").rename(columns={"tie_group": "ties"})
    rows = rows.reindex(columns=[*rows, *(name for name in [*ENDS, "ties"] if name not in rows)])
    rows["ties"] = rows["ties"].astype("object").fillna("")
    possible = " (" + rows["rank_low"].astype(str) + " to " + rows["rank_high"].astype(str) + ")"
    size = rows["group_size"] if "group_size" in rows else pd.Series(len(rows), rows.index)
    ranks = rows["rank"].astype(str) + " of " + size.astype(str)
    rows = rows.assign(rank_text=ranks + possible.where(rows["rank_low"].notna(), ""))
    top = max((float(end) for end in rows["vips_high"].fillna(rows["vips"])), default=1.0)
    bar_spec: Spec = {  # right of the bars is room for words
        "mark": {"type": "bar", "color": style.color(style.PLAIN)},
        "encoding": {
            "y": PLACE,
            "x": {
                "field": "vips",
                "type": "quantitative",
                "axis": {"title": f"valid images per second ({score})", "tickCount": 8},
                "scale": {"domainMax": {"expr": f"{top:.6g} * (narrow ? 1.35 : 1.12)"}, "nice": False},
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
            "text": {"condition": {"test": "narrow", "field": "beside_narrow"}, "field": "beside"},
            "opacity": LIT,
        },
    }
    has_intervals = bool(rows["vips_low"].notna().any())
    layers = [bar_spec, *([whisker] if has_intervals else []), letters]
    rows["beside"] = printed.possible_ranks(scores).reindex(rows.index)
    rows["beside_narrow"] = rows["beside"].str.replace(r"^ranks? ", "", regex=True)
    rows["text_at"] = rows["vips_high"].fillna(rows["vips"])
    columns = ["device_id", "vips", "vips_low", "vips_high", "rank_text", "ties", "beside", "text_at"]
    columns += ["beside_narrow", "instances", "missing"]
    return Chart(
        rows[columns],
        (ChartView("score", score, {"layer": layers}, "vips"),),
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
    lines = chart.line_axis("instance", dict.fromkeys(rows["instance"]))
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
            ChartView("share", "share of the score", _heatmap(rows, "share", "share", lines, percent=True), "share"),
            ChartView("vips", "images per second", _heatmap(rows, "vips", "images/s", lines), "vips"),
        ),
        facts,
        height_px=16,
        line="instance",
    )


def weights(frame: pd.DataFrame) -> Chart:
    """Return the share of each instance in the score over devices, and how ranks change without it.

    Takes the frame of `stats.vips_sensitivity.by_instance` and draws its largest peer group.
    """
    rows, devices = printed.largest_group(frame)
    if devices < 2:
        rows = rows.head(0)
    rows = chart.instances(rows)
    implementations = rows["instance_id"].map(lambda name: names.instance(name).implementation)
    moved = rows["moved"].astype(str) + f" of {devices} move, by at most " + rows["largest_move"].astype(str)
    rows = rows.assign(
        part=implementations.map(names.display),
        ranks=moved.where(rows["moved"] > 0, "no device moves"),
    )
    lines = chart.line_axis("instance", rows["instance"])
    axis = chart.value_axis("share_median", "share of the score", percent=True)
    axis["scale"] = {"domain": [0, 1.45 * float(rows["share_max"].max())]}  # room for the words
    color: Spec = {"field": "part", "type": "nominal"}
    span: Spec = {
        "mark": {"type": "rule", "strokeWidth": 1.2},
        "encoding": {"x": {**axis, "field": "share_min"}, "x2": {"field": "share_max"}, "y": lines, "color": color},
    }
    words: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11, "clip": True},
        "encoding": {"x": {**axis, "field": "share_max"}, "y": lines, "text": {"field": "ranks"}},
    }
    columns = ["instance", "framework", "model", "part", "share_median", "share_min", "share_max", "ranks", "tau"]
    present = names.in_order(set(implementations), names.IMPLEMENTATIONS)
    return Chart(
        rows[[*columns, "first_ten_changed"]],
        (
            ChartView(
                "share", "share", {"layer": [span, chart.points_on_lines(axis, lines, "part"), words]}, "share_median"
            ),
        ),
        (
            Fact("share_median", "share of the score, median over devices", "percent"),
            Fact("share_min", "lowest share", "percent"),
            Fact("share_max", "highest share", "percent"),
            Fact("ranks", "ranks without it"),
            Fact("tau", "Kendall's tau with the ranks without it", "number"),
            Fact("first_ten_changed", "devices that leave the top ten", "count"),
        ),
        chart.series((names.display(name), style.look(name)) for name in present),
        "part",
        height_px=18,
        device_axis="",
        line="instance",
    )


def _heatmap(rows: pd.DataFrame, field: str, title: str, lines: Spec, *, percent: bool = False) -> Spec:
    """Return a cell per instance and device in the colour of a value; with few devices, the value is written on it."""
    legend = {"title": title, **({"format": "~%"} if percent else {})}
    cells: Spec = {
        "mark": {"type": "rect"},
        "encoding": {
            "x": PLACE,
            "y": lines,
            "color": {"field": field, "type": "quantitative", "scale": {"scheme": "viridis"}, "legend": legend},
            "opacity": LIT,
        },
    }
    if rows["device_id"].nunique() > device_axis.FEW:
        return cells
    bright = 0.5 * (rows[field].min() + rows[field].max())
    layers = [cells]
    for test, ink in ((f"datum.{field} >= {bright}", style.INK), (f"datum.{field} < {bright}", style.GROUND)):
        numbers: Spec = {
            "transform": [{"filter": test}],
            "mark": {"type": "text", "color": f"{ink}ff"},  # the same in dark mode
            "encoding": {
                "x": PLACE,
                "y": lines,
                "text": {"field": field, "format": ".1%" if percent else ".3~s"},
                "opacity": LIT,
            },
        }
        layers.append(numbers)
    return {"layer": layers}


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
            "x": {
                "field": "vips",
                "type": "quantitative",
                "axis": {"title": "valid images per second (VIPS)", "tickCount": 8},
                "scale": {"domain": [0, 1.05 * float(rows["vips"].max())]} if len(rows) else {},
            },
            "color": {"field": "by", "type": "nominal"},
            "shape": {"field": "by", "type": "nominal"},
            "opacity": LIT,
        },
    }
    return Chart(
        rows,
        (ChartView("score", "VIPS", marks, "vips", sort_by_first=True),),
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
