"""Interactive drawings of shares of time, times and speed-ups (Figs. 5, 6, 7 and 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, PLACE, Chart, ChartView, Fact, Spec
from aiot_analysis.plots import shares as printed
from aiot_analysis.plots import style
from aiot_analysis.stats import shares as shares_stats
from aiot_analysis.tables import names
from aiot_analysis.words import listed

if TYPE_CHECKING:
    from collections.abc import Mapping


STRIP_TOP, STAR_TOP = 1.12, 1.22
"""Ends of the axis of shares with room for the strip of the fastest parts, and for stars above it."""


def time_shares(shares: Mapping[str, pd.DataFrame], base: str, speed_ups: pd.DataFrame) -> Chart:
    """Return bars of shares that readers can switch to times or speed-ups, and to the other timing.

    A strip above the bars has the colour of the part that is clearly the fastest (see `stats.shares.fastest`). If there
    are two parts, a line is at one half.

    Parameters
    ----------
    shares
        Frames of `stats.shares` for the same instances, by timing. The first timing is displayed initially.
    base
        Part that the speed-ups refer to, such as "tflite_cpu".
    speed_ups
        Frame of `stats.shares.speed_ups` for the same panels by the first timing, with intervals. Speed-ups by another
        timing are ratios of means, without intervals.
    """
    timing, first = next(iter(shares.items()))
    place = list(first.columns).index("device_id")
    panels, part = list(first.columns[:place]), str(first.columns[place + 1])
    rows = pd.concat([frame.assign(timing=name) for name, frame in shares.items()], ignore_index=True)
    rows = rows.dropna(subset="time_ms")
    key = [*panels, "device_id", "timing"]
    of_base = rows[rows[part] == base].set_index(key)["time_ms"]
    base_ms = of_base.reindex(pd.MultiIndex.from_frame(rows[key])).to_numpy()
    rows = rows.assign(speed_up=base_ms / rows["time_ms"].astype(float))
    ends = ["speed_up_low", "speed_up_high"]
    intervals = speed_ups[[*panels, "device_id", part, *ends]].assign(timing=timing)
    rows = rows.merge(intervals, on=[*key, part], how="left")
    leaders = shares_stats.fastest(speed_ups, base).assign(timing=timing)
    rows = rows.merge(leaders, on=key, how="left")
    leads = (rows["leader"] == rows[part]) & (rows["timing"] == timing)
    parts = list(dict.fromkeys(rows[part]))
    rows = rows.assign(
        panel=[", ".join(map(names.display, values)) for values in rows[panels].itertuples(index=False, name=None)],
        part=rows[part].map(names.display),
        leads=leads.map({True: "yes", False: "no"}),
        fastest=rows["leader"].fillna("").map(lambda name: names.display(name) if name else ""),
        missing=[listed(map(names.display, filter(None, missing.split(", ")))) for missing in rows["missing"]],
        **_filters(rows),
    )
    columns = [
        "device_id",
        "panel",
        "part",
        "timing",
        "time_ms",
        "share",
        "speed_up",
        *ends,
        "leads",
        "fastest",
        "missing",
    ]
    base_name = names.display(base)
    views = (
        ChartView(
            "share",
            "shares",
            _bars(len(parts) == 2, STAR_TOP if (rows["missing"] != "").any() else STRIP_TOP),
            "share",
            sort_by_first=True,
        ),
        ChartView("ms", "milliseconds", _times(), "time_ms"),
        ChartView("speed_up", "speed-up", _speed_ups(base_name), "speed_up"),
    )
    return Chart(
        rows[[*columns, *(name for name in ("framework", "model") if name in rows)]],
        tuple(view for view in views if rows[view.sort_by].notna().any()) or views[:1],
        (
            Fact("part", "part"),
            Fact("share", "share of time", "percent"),
            Fact("time_ms", "time per image", "ms"),
            Fact("speed_up", f"as fast as {base_name}", "times", *ends),
            Fact("fastest", "clearly the fastest"),
            Fact("missing", "not in the sum"),
        ),
        chart.series((names.display(name), style.look(name)) for name in parts),
        "part",
        "panel",
        columns=4 if rows["panel"].nunique() > 8 else 3,
    )


def speed_ups(frame: pd.DataFrame, summary: pd.DataFrame, base: str) -> Chart:
    """Return a point with its interval per device and part, with the geometric mean over devices as a line.

    Takes a frame of `stats.shares.speed_ups` and that of `stats.latency.over_devices` for the same panels and parts.
    Parts above 1 are faster than `base`, which is a display name.
    """
    place = list(frame.columns).index("device_id")
    panels, part = list(frame.columns[:place]), str(frame.columns[place + 1])
    means = summary.rename(columns={column: str(column).replace("speed_up", "mean") for column in summary})
    rows = frame.dropna(subset="speed_up").merge(
        means[[*panels, part, "mean", "mean_low", "mean_high", "devices"]], on=[*panels, part], how="left"
    )
    parts = names.in_order(set(rows[part]), [*names.IMPLEMENTATIONS, *names.QUANTIZATIONS, *names.MODELS])
    rows = rows.assign(
        panel=[", ".join(map(names.display, values)) for values in rows[panels].itertuples(index=False, name=None)],
        part=rows[part].map(names.display),
        **_filters(rows),
    )
    spec = _speed_ups(base)
    several = rows["device_id"].nunique() > 1
    mean: Spec = {
        "mark": {"type": "rule", "strokeWidth": 1.2, "opacity": 0.6},
        "encoding": {
            "y": chart.value_axis("mean", f"times as fast as {base}", log=True) | {"aggregate": "max"},
            "color": {"field": "part", "type": "nominal"},
        },
    }
    times = (Fact("base_ms", f"{base}, time per image", "ms"), Fact("other_ms", "time per image", "ms"))
    columns = ["device_id", "panel", "part", "speed_up", "speed_up_low", "speed_up_high", "n_images"]
    columns += ["mean", "mean_low", "mean_high", *(fact.field for fact in times)]
    over = Fact("mean", "geometric mean over all devices", "times", "mean_low", "mean_high")
    return Chart(
        rows[[*columns, *(name for name in ("framework", "model") if name in rows)]],
        (ChartView("speed_up", "speed-up", {"layer": [*spec["layer"], *([mean] if several else [])]}, "speed_up"),),
        (
            Fact("part", "part"),
            Fact("speed_up", f"as fast as {base}", "times", "speed_up_low", "speed_up_high"),
            *times,
            Fact("n_images", "images", "count"),
            *((over,) if several else ()),
        ),
        chart.series((names.display(name), style.look(name)) for name in parts),
        "part",
        "panel",
        columns=4 if rows["panel"].nunique() > 8 else 3,
    )


def _filters(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns `framework` and `model` with display names, as far as rows have them."""
    filters = {}
    if "model" in rows:
        filters["model"] = rows["model"].map(names.display)
    if "implementation" in rows:
        filters["framework"] = chart.frameworks(rows["implementation"])
    return filters


def _bars(halves: bool, top: float) -> Spec:
    """Return stacked bars below a strip of the fastest parts, with a star above each whose device lacks a part.

    With `halves`, a line is at one half. The axis ends at `top`.
    """
    share_axis = {"format": "~%", "title": "share of time", "values": [0, 0.25, 0.5, 0.75, 1]}
    scale = {"domain": [0, top]}
    bars: Spec = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": PLACE,
            "y": {"field": "share", "type": "quantitative", "stack": "zero", "axis": share_axis, "scale": scale},
            "color": {"field": "part", "type": "nominal"},
            "order": {"field": "number"},
            "opacity": LIT,
        },
    }
    low, high = printed.STRIP
    strip: Spec = {
        "transform": [{"filter": "datum.leads === 'yes' && isValid(datum.share)"}],
        "mark": {"type": "rect"},
        "encoding": {
            "x": PLACE,
            "y": {"datum": low, "scale": scale},
            "y2": {"datum": high},
            "color": {"field": "part", "type": "nominal"},
            "opacity": LIT,
        },
    }
    one_per_bar: list[Spec] = [
        {"filter": "datum.missing !== '' && isValid(datum.missing) && isValid(datum.share)"},
        {
            "aggregate": [{"op": "max", "field": "number", "as": "number"}],
            "groupby": ["device_id", "device_name", "device_facts", "place", "panel", "missing"],
        },
    ]
    stars: Spec = {
        "transform": one_per_bar,
        "mark": {"type": "text", "text": "*", "fontSize": 15, "baseline": "top"},
        "encoding": {"x": PLACE, "y": {"datum": top, "scale": scale}, "opacity": LIT},
    }
    half: Spec = {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "color": style.INK, "strokeWidth": 1.4},
        "encoding": {"y": {"datum": 0.5, "scale": scale}},
    }
    return {"layer": [bars, *([half] if halves else []), strip, stars]}


def _times() -> Spec:
    color = {"field": "part", "type": "nominal"}
    axis = chart.value_axis("time_ms", "ms per image", log=True)
    marks = {"x": PLACE, "xOffset": color, "y": axis, "color": color, "shape": color, "opacity": LIT}
    return {"mark": {"type": "point", "filled": True, "size": 28}, "encoding": marks}


def _speed_ups(base: str) -> Spec:
    axis = chart.value_axis("speed_up", f"times as fast as {base}", log=True)
    spec = chart.points_with_whiskers("speed_up", axis, "part")
    return {"layer": [chart.reference_line(1, "y"), *spec["layer"]]}
