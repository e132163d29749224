"""Interactive drawings of the time per image by instance: its distribution, its phases, and its stability."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, PLACE, Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import device_axis, style
from aiot_analysis.plots import latency as printed
from aiot_analysis.tables import names
from aiot_analysis.words import ALPHA

LINE_PX = 15
DEVICE, MEDIAN, QUARTILES = "a device", "median over devices", "median and quartiles"


def distribution(summary: pd.DataFrame, devices: pd.DataFrame | None = None, what: str = "end-to-end time") -> Chart:
    """Return a box per instance in a panel per device, or for many devices points at their medians, by network.

    Takes the frame of `stats.latency.summary`.
    """
    if _are_many(summary):
        title = f"median {what} of each device (ms)"
        return _over_devices(summary, devices, "median_ms", title, Fact("median_ms", "median", "ms"), log=True)
    marks = {
        QUARTILES: ("median_ms", style.Look(style.color(style.PLAIN), "|", "")),
        "longest": ("max_ms", style.Look(style.INK, "o", "")),
        "first image": ("first_ms", style.Look(style.color(style.NOTABLE), "P", "")),
    }
    rows, lines, axis = _percentiles(summary, devices, marks, what)
    once: Spec = {"transform": [{"filter": f"datum.mark === '{QUARTILES}'"}]}
    ends: list[tuple[str, str, str, Spec]] = [
        ("rule", "min_ms", "p99_ms", {"strokeWidth": 1}),
        ("bar", "p25_ms", "p75_ms", {"fillOpacity": 0.35}),
    ]
    boxes = [
        once
        | {
            "mark": {"type": kind, "color": style.color(style.PLAIN)} | look,
            "encoding": {"x": {**axis, "field": low}, "x2": {"field": high}, "y": lines, "opacity": LIT},
        }
        for kind, low, high, look in ends
    ]
    median: Spec = once | {
        "mark": {"type": "tick", "color": style.color(style.PLAIN), "thickness": 3},
        "encoding": {"x": axis, "y": lines, "opacity": LIT},
    }
    others = {"transform": [{"filter": f"datum.mark !== '{QUARTILES}'"}]} | chart.points_on_lines(axis, lines, "mark")
    return _panels(rows, [*boxes, median, others], _looks(marks), _TIMES_WITH_QUARTILES, "median_ms")


def tails(summary: pd.DataFrame, devices: pd.DataFrame | None = None, what: str = "end-to-end time") -> Chart:
    """Return the range from the median to the 99th percentile of each instance, as multiples of the median.

    Takes the frame of `stats.latency.summary`. The first image is at the end of the axis if it took longer than all
    tails. Many devices have a panel per network, with a point per device at its 99th percentile.
    """
    summary = summary.dropna(subset="median_ms")
    if _are_many(summary):
        title = f"99th percentile over median of the {what}, of each device"
        return _over_devices(summary, devices, "tail", title, Fact("tail", "99th percentile over median", "number"))
    looks = {
        printed.TAIL_NAMES[column]: style.Look(style.color(place), marker, "")
        for column, (place, marker) in printed.TAILS.items()
    }
    looks[printed.FIRST_IMAGE] = style.Look(style.INK, "P", "")
    rows, lines = _on_lines(summary, devices)
    columns = dict(zip(looks, [*printed.TAILS, "first_ms"], strict=True))
    ratios = {name: rows[column] / rows["median_ms"] for name, column in columns.items()}
    rows = pd.concat([rows.assign(mark=name, ratio=ratio) for name, ratio in ratios.items()])
    far, end = (printed.tail_place(summary, part) for part in (printed.FIRST_AT, printed.TAILS_END))
    is_far = (rows["mark"] == printed.FIRST_IMAGE) & (rows["ratio"] > far)
    numbers_of_medians = rows["ratio"].map(printed.medians_text)
    rows = rows.assign(far=numbers_of_medians.where(is_far, ""), place_ratio=rows["ratio"].mask(is_far, far))
    axis = chart.value_axis("place_ratio", f"{what} over its median")
    places = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(1, far)
    ticks = [round(float(tick), 6) for tick in places if 1 <= tick < far]
    axis |= {
        "axis": axis["axis"] | {"values": ticks, "format": "~g"},
        "scale": {"domain": [1 - 0.03 * (end - 1), end], "nice": False},
    }
    median = _line_at(1, axis, style.color(style.PLAIN))
    line: Spec = {
        "transform": [{"filter": f"datum.mark === '{printed.TAIL_NAMES['p99_ms']}'"}],
        "mark": {"type": "rule", "strokeWidth": 1.5, "color": style.GREY},
        "encoding": {"x": axis, "x2": {"datum": 1}, "y": lines, "opacity": LIT},
    }
    numbers: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 11},
        "encoding": {"x": axis, "y": lines, "text": {"field": "far"}, "opacity": LIT},
    }
    series = (Series("median", style.color(style.PLAIN), "stroke"), *chart.series(looks.items()))
    layers = [median, line, chart.points_on_lines(axis, lines, "mark"), numbers]
    return _panels(rows, layers, series, _TIMES, "tail")


_TIMES = (
    Fact("median_ms", "median", "ms"),
    Fact("p90_ms", "90th percentile", "ms"),
    Fact("p99_ms", "99th percentile", "ms"),
    Fact("tail", "99th percentile over median", "number"),
    Fact("first_ms", "first image", "ms"),
    Fact("images", "images", "count"),
)
_TIMES_WITH_QUARTILES = (
    Fact("median_ms", "median", "ms"),
    Fact("p25_ms", "lower quartile", "ms"),
    Fact("p75_ms", "upper quartile", "ms"),
    Fact("min_ms", "shortest", "ms"),
    Fact("p99_ms", "99th percentile", "ms"),
    Fact("max_ms", "longest", "ms"),
    Fact("first_ms", "first image", "ms"),
    Fact("images", "images", "count"),
)


def phases(frame: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return stacked bars of the mean time of each phase in a panel per device, or points of many by network.

    Takes the frame of `stats.latency.phases`.
    """
    rows, lines = _on_lines(frame.dropna(subset="mean_ms"), devices)
    present = [phase for phase in names.PHASE_NAMES if phase in set(rows["phase"])]
    rows = rows.assign(
        total_ms=rows.groupby(["device_id", "instance_id"])["mean_ms"].transform("sum"),
        phase=rows["phase"].map(names.display),
    )
    looks = [(names.display(phase), style.look(phase)) for phase in present]
    facts = (Fact("phase", "phase"), Fact("mean_ms", "mean time", "ms"), Fact("total_ms", "all phases", "ms"))
    if _are_many(rows):
        axis = chart.value_axis("mean_ms", "mean time per image and phase (ms)", log=True)
        points = chart.points_on_lines(axis, _version_lines(rows), "phase", size=14)
        return _networks(rows, [points], chart.series(looks), facts, "mean_ms", "phase")
    bars: Spec = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": chart.value_axis("mean_ms", "mean time per image (ms)", zero=True) | {"stack": "zero"},
            "y": lines,
            "color": {"field": "phase", "type": "nominal"},
            "order": {"field": "number"},
            "opacity": LIT,
        },
    }
    return _panels(rows, [bars], chart.areas(looks), facts, "total_ms", "phase")


def stability_scores(frame: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return the stability score of each instance in a panel per device, or a grid of instances by many devices.

    Takes the frame of `tables.along.scores`.
    """
    rows, lines = _on_lines(frame.dropna(subset="stability"), devices)
    facts = (
        Fact("stability", "stability", "number"),
        Fact("chance", "the same times in random order", "number"),
        Fact("steadiness", "finding"),
        Fact("images", "images", "count"),
    )
    if _are_many(frame):
        shades = printed.stability_shades()
        rows, _ = _on_lines(frame, devices)
        rows = rows.assign(group=printed.stability_groups(rows)).dropna(subset="group")
        cells: Spec = {
            "mark": {"type": "rect"},
            "encoding": {"x": PLACE, "y": lines, "color": {"field": "group", "type": "nominal"}, "opacity": LIT},
        }
        cell_count = rows["device_id"].nunique() * rows["instance"].nunique()
        series = tuple(
            Series(name, color, "square")
            for name, color in shades.items()
            if (len(rows) < cell_count if name == printed.NOT_RUN else name in set(rows["group"]))
        )
        columns = ["device_id", "group", *_FILTERS, *(fact.field for fact in facts)]
        return Chart(
            rows[columns],
            (ChartView("stability", "stability", cells, "stability"),),
            (Fact("instance", "instance"), *facts),
            series,
            "group",
            height_px=LINE_PX,
            line="instance",
        )
    axis = chart.value_axis("stability", "stability: fastest part of the run over the slowest")
    chance: Spec = {
        "mark": {"type": "tick", "color": style.GREY, "thickness": 2},
        "encoding": {"x": {**axis, "field": "chance"}, "y": lines, "opacity": LIT},
    }
    layers = [
        chart.reference_line(printed.LEVELS[-1]),
        chance,
        chart.points_on_lines(axis, lines, "mark"),
    ]
    present = set(rows["steadiness"])
    series = (
        *chart.series((name, look) for name, look in printed.steadiness_looks().items() if name in present),
        Series("the same times in random order", style.GREY, "stroke"),
        Series(printed.LIMIT, style.INK, "stroke"),
    )
    rows = rows.assign(mark=rows["steadiness"])
    return _panels(rows, layers, series, facts, "stability")


def slowdown(frame: pd.DataFrame, devices: pd.DataFrame | None = None, first: str = "burst") -> Chart:
    """Return the ratio of the time after the burst to that in it, a point per device with its interval.

    Takes the frame of `stats.drift.bursts`; `first` is the name of the burst in labels.
    """
    label = f"time after the {first} over that in it"
    facts = (
        Fact("slowdown", label, "number", "slowdown_low", "slowdown_high"),
        Fact("burst_ms", f"mean time in the {first}", "ms"),
        Fact("rest_ms", "mean time after it", "ms"),
        Fact("images", "images", "count"),
    )
    frame = frame.dropna(subset="slowdown")
    if _are_many(frame):
        return _over_devices(frame, devices, "slowdown", f"{label}, of each device", *facts, reference=1)
    rows, lines = _on_lines(frame, devices)
    axis = chart.value_axis("slowdown", label)
    layers = [
        chart.reference_line(1),
        chart.whiskers_on_lines("slowdown", axis, lines, "mark"),
        chart.points_on_lines(axis, lines, "mark"),
    ]
    look = style.Look(style.color(style.PLAIN), "o", "")
    return _panels(rows.assign(mark=DEVICE), layers, chart.series([(DEVICE, look)]), facts, "slowdown")


def along_run(times: pd.DataFrame, chosen: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return the latency over the run of the chosen instances, one panel each, with any change in level.

    Takes the frames of `stats.drift.times_along_run` and `stats.drift.most_moved`. Images that took much longer than
    the others are at the top of a panel.
    """
    key = ["run_id", "device_id", "instance_id"]
    top = (1.35 * times[times["kind"] == "loop"].groupby(key)["ms"].max()).rename("top").reset_index()
    rows = times.merge(top, on=key).merge(chosen, on=key)
    is_high = (rows["kind"] == "image") & (rows["ms"] > rows["top"])
    kinds = {"image": IMAGE, "loop": PART}
    rows = rows.assign(mark=rows["kind"].map(kinds).mask(is_high, LONGER), shown_ms=rows["ms"].clip(upper=rows["top"]))
    ends = rows.groupby(key)["query"].agg(start="min", end="max").reset_index()
    changes = chosen[chosen["change_p_adjusted"] < ALPHA].merge(ends, on=key).assign(mark=CHANGE)
    level = changes.assign(query=changes["change_at"])
    order = {tuple(values): place for place, values in enumerate(chosen[key].itertuples(index=False, name=None))}
    rows = pd.concat([rows, level], ignore_index=True)
    rows["panel_place"] = [order[values] for values in rows[key].itertuples(index=False, name=None)]
    rows = chart.instances(rows.sort_values("panel_place", kind="stable"))
    ids = device_axis.order(chosen["device_id"], devices)
    name_of_device = dict(zip(ids, device_axis.names(ids, devices), strict=True))
    rows = rows.assign(panel=rows["device_id"].map(name_of_device) + ": " + rows["instance"])
    image_axis: Spec = {
        "field": "query",
        "type": "quantitative",
        "axis": {"title": "image of the run", "tickCount": 5},
        "scale": {"zero": False},
    }
    axis = chart.value_axis("shown_ms", "time (ms)")
    look = {"field": "mark", "type": "nominal"}

    def layer(mark: dict[str, Any], kinds_of_layer: list[str], **encoding: Any) -> Spec:
        chosen_marks = [{"filter": {"field": "mark", "oneOf": kinds_of_layer}}]
        return {"transform": chosen_marks, "mark": mark, "encoding": {"color": look, "opacity": LIT, **encoding}}

    level_ends = (("start", "change_at", "before_ms"), ("change_at", "end", "after_ms"))
    spec: Spec = {
        "layer": [
            layer({"type": "point", "filled": True, "size": 10}, [IMAGE, LONGER], x=image_axis, y=axis, shape=look),
            layer({"type": "line", "strokeWidth": 1.6}, [PART], x=image_axis, y=axis),
            layer({"type": "rule", "strokeDash": [4, 3]}, [CHANGE], x=image_axis),
            *(
                layer(
                    {"type": "rule", "strokeWidth": 2},
                    [CHANGE],
                    x={**image_axis, "field": start},
                    x2={"field": end},
                    y={**axis, "field": height},
                )
                for start, end, height in level_ends
            ),
        ],
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
    }
    facts = (
        Fact("mark", "mark"),
        Fact("query", "image of the run", "count"),
        Fact("ms", "time", "ms"),
        Fact("finding", "the instance became"),
        Fact("drift", "change from start to end", "percent", "drift_low", "drift_high"),
        Fact("before_ms", "time before the change", "ms"),
        Fact("after_ms", "time after it", "ms"),
    )
    numbers = ["query", "ms", "shown_ms", "start", "end", "change_at", "before_ms", "after_ms"]
    of_change = rows["mark"] == CHANGE
    rows = rows.assign(**{name: rows[name].where(of_change) for name in ("change_at", "before_ms", "after_ms")})
    columns = ["device_id", "panel", "mark", "framework", "model", *numbers, "finding"]
    return Chart(
        rows.reindex(columns=[*columns, "drift", "drift_low", "drift_high"]),
        (ChartView("time", "time", spec, "ms"),),
        facts,
        (
            Series(IMAGE, "#9db3c1", "circle"),
            Series(LONGER, style.GREY, "triangle-up"),
            Series(PART, style.color(style.PLAIN), "dash"),
            Series(CHANGE, style.color(style.NOTABLE), "stroke"),
        ),
        "mark",
        "panel",
        device_axis="",
    )


IMAGE, LONGER, PART, CHANGE = "image", "longer than drawn", "median of a part", "change in level"
_FILTERS = ["instance", "framework", "model"]


def _are_many(rows: pd.DataFrame) -> bool:
    """Return whether there are too many devices for a panel of each."""
    return rows["device_id"].nunique() > device_axis.FEW


def _on_lines(rows: pd.DataFrame, devices: pd.DataFrame | None = None) -> tuple[pd.DataFrame, Spec]:
    """Return rows by device and instance in the order of printed figures, and the encoding of the instances.

    Few devices have their names in the column `panel`.
    """
    ids, instance_ids = device_axis.order(rows["device_id"], devices), printed.order_instances(rows["instance_id"])
    keys = {"device_id": ids, "instance_id": instance_ids}
    places = {name: {value: place for place, value in enumerate(values)} for name, values in keys.items()}
    rows = rows.sort_values(list(keys), key=lambda column: column.map(places[str(column.name)]), kind="stable")
    if not _are_many(rows):
        panels = dict(zip(ids, device_axis.names(ids, devices), strict=True))
        rows = rows.assign(panel=rows["device_id"].map(panels))
    return chart.instances(rows), chart.line_axis("instance", map(names.instance_display, instance_ids))


def _percentiles(
    summary: pd.DataFrame, devices: pd.DataFrame | None, marks: dict[str, tuple[str, style.Look]], what: str
) -> tuple[pd.DataFrame, Spec, Spec]:
    """Return a row per mark of each instance, the encoding of the instances, and that of the times."""
    rows, lines = _on_lines(summary.dropna(subset="median_ms"), devices)
    rows = pd.concat([rows.assign(mark=name, ms=rows[column]) for name, (column, _) in marks.items()])
    return rows, lines, chart.value_axis("ms", f"{what} per image (ms)", log=True)


def _looks(marks: dict[str, tuple[str, style.Look]]) -> tuple[Series, ...]:
    return chart.series((name, look) for name, (_, look) in marks.items())


def _with_facts(rows: pd.DataFrame, columns: list[str], facts: tuple[Fact, ...]) -> pd.DataFrame:
    """Return some columns of rows and those of the facts, each once."""
    of_facts = (column for fact in facts for column in (fact.field, fact.low, fact.high) if column)
    return rows[list(dict.fromkeys([*columns, *of_facts]))]


def _panels(
    rows: pd.DataFrame,
    layers: list[Spec],
    series: tuple[Series, ...],
    facts: tuple[Fact, ...],
    sort_by: str,
    series_field: str = "mark",
) -> Chart:
    """Return a chart with a line per instance, in a panel per device if rows have the column `panel`."""
    panel = "panel" if "panel" in rows and rows["device_id"].nunique() > 1 else ""
    drawn = [name for name in ("panel", "ms", "p99_ms", "place_ratio", "far") if name in rows]
    shown = ["device_id", series_field, *_FILTERS, *drawn, sort_by]
    return Chart(
        _with_facts(rows, shown, facts),
        (ChartView("time", "time", {"layer": layers}, sort_by),),
        (Fact("instance", "instance"), *facts),
        series,
        series_field,
        panel,
        columns=2,
        height_px=LINE_PX,
        device_axis="",
        line="instance",
    )


def _line_at(value: float, axis: Spec, color: str) -> Spec:
    """Return a layer with a line at a value of an axis with fixed ends."""
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rule", "strokeWidth": 1.4, "color": color},
        "encoding": {"x": {"datum": value, "scale": axis["scale"]}},
    }


def _version_lines(rows: pd.DataFrame) -> Spec:
    """Return the encoding of the versions of networks, in the order of printed figures."""
    return chart.line_axis("version", printed.networks_and_versions(rows["instance_id"])[1])


def _networks(
    rows: pd.DataFrame,
    layers: list[Spec],
    series: tuple[Series, ...],
    facts: tuple[Fact, ...],
    sort_by: str,
    series_field: str = "mark",
    drawn: tuple[str, ...] = (),
) -> Chart:
    """Return a chart of many devices with a panel per network, and a line per version in each of them."""
    networks, _ = printed.networks_and_versions(rows["instance_id"])
    places = {network: place for place, network in enumerate(networks)}
    model = rows["instance_id"].map(lambda instance_id: names.instance(instance_id).model)
    rows = rows.assign(
        version=rows["instance_id"].map(printed.version_name), panel=model.map(names.display), at=model.map(places)
    ).sort_values("at", kind="stable")
    shown = ["device_id", series_field, "panel", "version", *_FILTERS, *drawn, sort_by]
    spec: Spec = {"layer": layers, "resolve": {"scale": {"x": "independent"}}}  # an axis below each panel
    return Chart(
        _with_facts(rows, shown, facts),
        (ChartView("time", "time", spec, sort_by),),
        (Fact("instance", "instance"), *facts),
        series,
        series_field,
        "panel",
        columns=3,
        height_px=LINE_PX,
        device_axis="",
        line="version",
    )


def _over_devices(
    rows: pd.DataFrame,
    devices: pd.DataFrame | None,
    field: str,
    title: str,
    *facts: Fact,
    log: bool = False,
    reference: float | None = None,
) -> Chart:
    """Return a point per device and instance, and the median over the devices that a page shows as a tick.

    The largest value has the name of its device. A line is at the median of all, unless the axis is logarithmic.
    """
    rows, _ = _on_lines(rows.dropna(subset=field).reset_index(drop=True).assign(mark=DEVICE))
    lines = _version_lines(rows)
    axis = chart.value_axis(field, title, log=log)
    values = [*rows[field].astype(float), *([] if reference is None else [reference])]
    if rows["device_id"].nunique() <= device_axis.MANY:  # whiskers are drawn
        ends = [name for fact in facts for name in (fact.low, fact.high) if name]
        values += [value for name in ends for value in rows[name].astype(float).dropna()]
    low, high, middle = min(values), max(values), float(rows[field].median())
    if not log:  # panels have axes of their own, and the same values on them
        room = 0.03 * (high - low) or 0.01
        axis["scale"] = {"domain": [low - room, high + room], "nice": False}
    place_of_largest = int(rows[field].to_numpy(float).argmax())
    name = device_axis.names([rows["device_id"].iloc[place_of_largest]], devices)[0]
    rows = rows.assign(named=[name if place == place_of_largest else "" for place in range(len(rows))])
    median: Spec = {
        "mark": {"type": "tick", "color": style.INK, "thickness": 2},
        "encoding": {"x": {**axis, "aggregate": "median"}, "y": lines},
    }
    words: Spec = {
        "transform": [{"filter": "datum.named !== ''"}],
        "mark": {"type": "text", "align": "right", "dx": -6, "fontSize": 11, "limit": {"expr": "width"}},
        "encoding": {"x": axis, "y": lines, "text": {"field": "named"}, "opacity": LIT},
    }
    layers = [] if reference is None else [_line_at(reference, axis, style.GREY)]
    layers += [] if log else [_line_at(middle, axis, style.color(style.NOTABLE))]
    if any(fact.low for fact in facts):
        layers.append(chart.whiskers_on_lines(field, axis, lines, "mark"))
    layers += [chart.points_on_lines(axis, lines, "mark", size=14), median, words]
    shown = {fact.field for fact in facts}
    more = (*facts, *(fact for fact in _TIMES if fact.field in rows and fact.field not in shown))
    series = [Series(DEVICE, style.color(style.PLAIN), "circle"), Series(MEDIAN, style.INK, "stroke")]
    if not log:
        series.append(Series(printed.overall(rows, field), style.color(style.NOTABLE), "stroke"))
    return _networks(rows, layers, tuple(series), more, field, drawn=("named",))
