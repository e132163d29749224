"""Charts as complete Vega-Lite specifications, which JupyterLab draws without a script of the project."""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.charts.chart import LIT_WHISKER
from aiot_analysis.plots import device_axis, log_axis, style
from aiot_analysis.plots.origin_mark import MARK_SHARE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiot_analysis.charts.chart import Chart, ChartView, Fact, Spec

MIME = "application/vnd.vegalite.v5+json"
"""Type of these specifications. JupyterLab 4 draws versions 3 to 5; they use nothing that version 6 added."""

EMBED: Spec = {"renderer": "svg", "actions": {"export": True, "source": False, "compiled": False, "editor": False}}
"""Options of JupyterLab's renderer: a menu that saves the drawing, and no link to the editor on the web."""

WIDTH = 880  # of a chart, in pixels
MARKS = ("bar", "point", "rect")  # marks that show a row
LETTER_PX = 6.8  # average width of a letter of an axis label
LINE_NAMES_PX, DEVICE_NAMES_PX, NUMBERS_PX = 240, 200, 62  # beside the y axis
COLOR_BAR_PX = 80
SIGNS = {"stroke": "M-.25,-1H.25V1H-.25Z", "dash": "M-1,-.25H1V.25H-1Z"}  # areas that the colour of a legend fills
LOOKS = {"color": "color", "fill": "color", "stroke": "color", "shape": "shape"}  # what of a series a channel shows


def specification(
    chart: Chart, devices: pd.DataFrame | None = None, description: str = "", origin: str = "", width: int = WIDTH
) -> Spec:
    """Return the first view of a chart, with its data, as a specification that needs nothing else.

    The mark below the pointer shows its facts and the name and the SoC of its device, and all other devices fade.

    Parameters
    ----------
    chart
        The chart. If its rows are of several timings, those of the first are drawn.
    devices
        Table `devices`, whose names are shown. The order of devices is that of the figures, see
        `device_axis.arrange_devices`.
    description
        Alternative text.
    origin
        Line that states where the data come from, see `style.origin_line`.
    width
        Width in pixels.
    """
    view = chart.views[0]
    rows = _numbered(chart)
    ids = _ordered(rows, chart, view, devices)
    if "device_id" in rows:
        rows = rows.assign(place=device_axis.positions(rows, ids).astype("Int64"))
        rows = rows.sort_values(["place", "number"], kind="stable")
    panels = list(dict.fromkeys(chart.rows[chart.panel])) if chart.panel else []
    spec: Spec = json.loads(json.dumps(view.spec))  # a copy whose parts are not shared
    own_axes: Spec = spec.pop("resolve", {}).get("scale", {})  # channels with an axis of their own in each panel
    few = len(ids) <= device_axis.MANY
    layers = [layer for layer in spec.get("layer", [spec]) if few or layer["encoding"].get("opacity") != LIT_WHISKER]
    columns = max(1, min(chart.columns, len(panels)))
    panel_width = _panel_width(layers, chart, columns, width, "y" in own_axes)
    across = chart.device_axis == "x"
    groups = device_axis.groups(ids, devices) if across else []
    if groups:
        layers.append(_separators([group.first for group in groups[1:]]))
    for layer in layers:
        _complete(layer, chart, ids, few, bool(groups), panel_width, _tooltip(chart))
    _add_legend(layers, chart, width)
    for channel in ("x", "y"):
        _set_log_scale(layers, channel, rows)
    if ids:
        shown = next((layer for layer in layers if _has_rows(layer)), layers[0])
        shown["params"] = [HOVERED]
    lines = _lines(rows, chart, ids)
    layers = _with_mark(layers, chart, origin, panel_width, max(lines, 1) * chart.height_px)
    height = {"step": chart.height_px} if lines and "y" not in own_axes else max(lines, 1) * chart.height_px
    panel: Spec = {"width": panel_width, "height": height, "layer": layers}
    if panels:
        facet = {"field": chart.panel, "type": "nominal", "sort": panels, "title": None}
        panel = {"facet": facet, "columns": columns, "spec": panel, "spacing": 14}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": description,
        "data": _data(rows, chart, layers),
        "transform": [_facts_of_devices(ids, devices)] if ids else [],
        "params": [
            {
                "name": "labels",
                "value": _labels(ids, devices, groups, panel_width) if across else device_axis.names(ids, devices),
            },
            {"name": "few", "value": few},
            {"name": "narrow", "value": False},  # as on a wide page
            {"name": "tight", "value": False},
            {"name": "highlighted", "expr": HIGHLIGHTED} if ids else {"name": "highlighted", "value": []},
        ],
        **panel,
        **({"resolve": {"scale": own_axes}} if panels and own_axes else {}),
        "title": {
            "text": [f"Hollow: {chart.hollow}.", origin] if chart.hollow else origin,
            "orient": "bottom",
            "anchor": "end",
            "limit": width,
        },
        "config": _config(origin),
    }


HOVERED: Spec = {
    "name": "hovered",
    "select": {"type": "point", "fields": ["device_id"], "on": "pointerover", "clear": "pointerout"},
}
HIGHLIGHTED = "isArray(hovered.device_id) && hovered.device_id[0] ? hovered.device_id : []"


def _has_rows(layer: Spec) -> bool:
    """Return whether the marks of a layer are rows, which react to the pointer, and not aggregates of them."""
    return layer["mark"]["type"] in MARKS and not any("aggregate" in step for step in layer.get("transform", []))


def _numbered(chart: Chart) -> pd.DataFrame:
    """Return the rows of a chart, of one timing, with the position of their series in the column `number`."""
    rows = chart.rows.infer_objects().replace([math.inf, -math.inf], math.nan)
    if "timing" in rows:
        rows = rows[rows["timing"] == rows["timing"].iloc[0]]
    positions = {series.name: position for position, series in enumerate(chart.series)}
    numbers = rows[chart.series_field].map(positions).astype(float).fillna(0).astype(int) if chart.series_field else 0
    return rows.assign(number=numbers)


def _ordered(rows: pd.DataFrame, chart: Chart, view: ChartView, devices: pd.DataFrame | None) -> list[str]:
    """Return the device ids from left to right, or from top to bottom."""
    if "device_id" not in rows:
        return []
    if chart.sort != "value":
        return device_axis.order(rows["device_id"].dropna(), devices)
    values = rows[rows["number"] == 0] if view.sort_by_first else rows
    means = values.groupby("device_id")[view.sort_by].mean().reindex(rows["device_id"].dropna().unique())
    return [str(device) for device in means.sort_values(ascending=chart.device_axis != "y", kind="stable").index]


def _lines(rows: pd.DataFrame, chart: Chart, ids: Sequence[str]) -> int:
    """Return how many lines the y axis of the highest panel has, one per device or name; 0 if it has none."""
    if chart.device_axis == "y":
        return len(ids)
    if not chart.line:
        return 0
    return int(rows.groupby(chart.panel)[chart.line].nunique().max() if chart.panel else rows[chart.line].nunique())


def _panel_width(layers: Sequence[Spec], chart: Chart, columns: int, width: int, own_axes: bool) -> int:
    """Return the width of each panel. `own_axes` means that each panel has a y axis of its own."""
    beside = LINE_NAMES_PX if chart.line else DEVICE_NAMES_PX if chart.device_axis == "y" else NUMBERS_PX
    has_color_bar = any(layer["encoding"].get("color", {}).get("legend") for layer in layers)
    axes = 28 + beside * (columns if own_axes else 1) + COLOR_BAR_PX * has_color_bar
    return max(120, (width - axes - 14 * (columns - 1)) // columns)


def _data(rows: pd.DataFrame, chart: Chart, layers: Sequence[Spec]) -> Spec:
    """Return rows as CSV text, which is about a third of the length of JSON."""
    shown = {name for fact in chart.facts if fact.format for name in (fact.field, fact.low, fact.high)}
    encodings = [encoding for layer in layers for encoding in layer["encoding"].values()]
    shown |= {encoding["field"] for encoding in encodings if encoding.get("type") == "quantitative"}
    numeric = [name for name in rows if name in shown or pd.api.types.is_numeric_dtype(rows[name])]
    values = rows.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return {"values": values, "format": {"type": "csv", "parse": dict.fromkeys(numeric, "number")}}


def _facts_of_devices(ids: Sequence[str], devices: pd.DataFrame | None) -> Spec:
    """Return the transform that gives each row the name and the SoC of its device."""
    facts = _device_facts(devices)
    values = [
        {"id": device, "device_name": name, "device_facts": facts.get(device, "")}
        for device, name in zip(ids, device_axis.names(ids, devices), strict=True)
    ]
    source = {"data": {"values": values}, "key": "id", "fields": ["device_name", "device_facts"]}
    return {"lookup": "device_id", "from": source}


def _device_facts(devices: pd.DataFrame | None) -> dict[str, str]:
    """Return the SoC and the operating system of each device, as far as they are known, by its id."""
    if devices is None:
        return {}
    columns = devices.set_index("device_id").reindex(columns=["soc", "os", "os_version"]).astype("object").fillna("")
    systems = (columns["os"] + " " + columns["os_version"].astype(str)).where(columns["os_version"] != "", "")
    listed = zip(columns.index, columns["soc"], systems, strict=True)
    return {str(device): ", ".join(filter(None, facts)) for device, *facts in listed}


def _labels(
    ids: Sequence[str], devices: pd.DataFrame | None, groups: Sequence[device_axis.Group], width: int
) -> list[str]:
    """Return the labels of an x axis: names of few devices, or else SoC vendors where they have room, or numbers."""
    if len(ids) <= device_axis.MANY:
        return device_axis.names(ids, devices)
    if not groups:
        return device_axis.numbers(ids, devices)
    texts, end = [""] * len(ids), 0.0
    for group in groups:
        centre = ((group.first + group.last) / 2 + 0.5) * width / len(ids)
        half = LETTER_PX * len(group.name) / 2 + 3
        if centre - half >= end:
            texts[(group.first + group.last) // 2] = group.name
            end = centre + half
    return texts


def _separators(places: Sequence[int]) -> Spec:
    """Return lines before these places."""
    return {
        "data": {"values": [{"place": place} for place in places]},
        "mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.3},
        "encoding": {"x": {"field": "place", "type": "ordinal", "bandPosition": 0}},
    }


def _with_mark(layers: list[Spec], chart: Chart, origin: str, width: int, height: int) -> list[Spec]:
    """Return layers with a light word that says that the data are simulated or published.

    It is below points and lines, but above bars that would hide it. A ranking has room for it at the lower right.
    """
    word, color = style.origin_mark(origin)
    if not word:
        return layers
    ranking = chart.device_axis == "y"
    x, y = (0.8 * width, max(height - 20, 10)) if ranking else (width / 2, height / 2)
    text = {"type": "text", "text": word, "color": color, "opacity": MARK_SHARE, "fontSize": min(22, width / 9)}
    mark: Spec = {"data": {"values": [{}]}, "mark": text, "encoding": {"x": {"value": x}, "y": {"value": y}}}
    covered = not ranking and any(layer["mark"]["type"] in ("bar", "rect") for layer in layers)
    return [*layers, mark] if covered else [mark, *layers]


def _complete(
    layer: Spec, chart: Chart, ids: Sequence[str], few: bool, grouped: bool, width: int, tooltip: str
) -> None:
    """Add scales, axes and what the pointer shows to a layer, in place."""
    encoding = layer["encoding"]
    for channel, content in encoding.items():
        if content.get("field") == "place":
            content.update(_device_axis(channel, len(ids), few, grouped))
        if chart.series and content.get("field") == chart.series_field and channel in LOOKS:
            content.update(_series_scale(channel, chart))
    title = encoding.get("x", {}).get("axis", {}).get("title")
    if title:
        encoding["x"]["axis"]["title"] = textwrap.wrap(title, int(width // LETTER_PX))
    if not few:
        encoding.pop("xOffset", None)
    if layer["mark"]["type"] != "line" and "data" not in layer:
        layer["mark"]["tooltip"] = {"expr": tooltip}


def _add_legend(layers: list[Spec], chart: Chart, width: int) -> None:
    """Give the series a legend in lines that fit the width, in place.

    If their looks are not those of areas and no layer has their shapes, a layer without marks has them.
    """
    if not chart.series:
        return
    shown = {
        (channel, layer["mark"]["type"])
        for layer in layers
        for channel in LOOKS
        if layer["encoding"].get(channel, {}).get("field") == chart.series_field
    }
    channels, marks = ({pair[place] for pair in shown} for place in (0, 1))
    if "shape" not in channels and not (marks and marks <= {"bar", "rect"}):
        layers.append(
            {
                "data": {"values": []},
                "mark": {"type": "point", "filled": True},
                "encoding": {channel: _series_scale(channel, chart) for channel in ("color", "shape")},
            }
        )
    longest = max(len(series.name) for series in chart.series)
    columns = max(1, int(width / (LETTER_PX * longest + 30)))
    legend = {"title": None, "orient": "top", "columns": columns, "labelLimit": 0, "symbolOpacity": 1}
    for layer in layers:
        for channel in LOOKS:
            if layer["encoding"].get(channel, {}).get("field") == chart.series_field:
                layer["encoding"][channel]["legend"] = legend


def _series_scale(channel: str, chart: Chart) -> Spec:
    """Return the encoding of the series by their colours or shapes."""
    looks = [getattr(series, LOOKS[channel]) for series in chart.series]
    if channel == "shape":
        looks = [SIGNS.get(shape, shape) for shape in looks]
    scale = {"domain": [series.name for series in chart.series], "range": looks}
    return {"field": chart.series_field, "type": "nominal", "scale": scale}


def _set_log_scale(layers: Sequence[Spec], channel: str, rows: pd.DataFrame) -> None:
    """Give a logarithmic axis the ticks of figures, and room around the values of all layers, in place."""
    encodings = [layer["encoding"] for layer in layers]
    logarithmic = [
        encoding[channel] for encoding in encodings if encoding.get(channel, {}).get("scale", {}).get("type") == "log"
    ]
    if not logarithmic:
        return
    ends = [encoding[name] for encoding in encodings for name in (channel, f"{channel}2") if name in encoding]
    values = pd.concat([rows[end["field"]].astype(float) for end in ends if end.get("field") in rows])
    marked = [end["datum"] for end in ends if "datum" in end]  # lines of reference
    low, high = (function([*values[values > 0], *marked], default=1) for function in (min, max))
    room = max((high / low) ** 0.04, 1.01)
    low, high = low / room, high * room
    ticks = log_axis.PlainLogLocator().tick_values(low, high)
    for encoding in logarithmic:
        encoding["scale"] = {"type": "log", "nice": False, "domain": [low, high]}
        encoding["axis"] = {**encoding["axis"], "values": ticks, "labelOverlap": "greedy"}


def _device_axis(channel: str, count: int, few: bool, grouped: bool) -> Spec:
    axis: Spec = {"labelExpr": "labels[datum.value]", "title": None, "labelLimit": 180}
    if channel == "y":
        return {"scale": {"type": "band", "paddingInner": 0.15, "paddingOuter": 0.1}, "sort": None, "axis": axis}
    slanted = few and count > 2
    axis |= {"ticks": False, "labelAngle": -35 if slanted else 0, "labelAlign": "right" if slanted else "center"}
    axis["labelOverlap"] = False if few or grouped else "greedy"
    return {
        "scale": {"type": "band", "paddingInner": 0.2 if few else 0, "paddingOuter": 0.1 if few else 0},
        "sort": None,
        "axis": axis,
    }


def _tooltip(chart: Chart) -> str:
    """Return the expression of what the pointer shows: an object of labels and texts, under the name of the device.

    Without a device, the name of the line is the title. A mark of several rows, such as their median, shows nothing.
    """
    line, panel = (f"datum[{json.dumps(name or '-')}]" for name in (chart.line, chart.panel))
    name = f"datum.device_name || {line}"
    title = f"[{name}, {panel}]"
    head = f"isValid({name}) && isValid({panel}) && ({name}) !== {panel} ? join({title}, ' · ') : {name} || {panel}"
    entries = {"title": head}
    if "device_id" in chart.rows:
        entries["SoC"] = "datum.device_facts || datum['-']"
    entries |= {fact.label: _words(fact) for fact in chart.facts}
    listed = ", ".join(f"{json.dumps(label)}: {words}" for label, words in entries.items())
    return f"isDefined(datum.number) ? {{{listed}}} : null"


def _words(fact: Fact) -> str:
    """Return the expression of a value with its unit and interval, undefined where it is missing."""
    value, low, high = (f"datum[{json.dumps(name)}]" for name in (fact.field, fact.low, fact.high))
    text = _formatted(value, fact.format)
    if fact.low:
        ends = f"{_formatted(low, fact.format)} + ' to ' + {_formatted(high, fact.format)}"
        text += f" + (isValid({low}) && isValid({high}) ? ' (95%: ' + {ends} + ')' : '')"
    return f"isValid({value}) && {value} !== '' ? {text} : datum['-']"  # rows have no such column


def _formatted(value: str, kind: str) -> str:
    """Return the expression of a number as text, as the page's script writes it."""
    digits = {"ms": 3, "times": 3, "number": 4}.get(kind, 0)
    number = (
        f"(abs({value}) >= {10 ** (digits - 1)} ? format({value}, ',.0f') : format({value}, '.{digits}r'))"
        if digits
        else ""
    )
    return {
        "percent": f"format(100 * {value}, '.1f') + '%'",
        "points": f"format(100 * {value}, '.1f') + ' points'",
        "ms": f"{number} + ' ms'",
        "times": f"{number} + ' times'",
        "count": f"format({value}, ',')",
        "number": number,
        "": value,
    }[kind]


def _config(origin: str) -> Spec:
    """Return the colours and sizes of figures, on white in each theme of JupyterLab, as pictures are."""
    labels = {"labelColor": style.INK, "titleColor": style.INK, "labelFontSize": 11, "titleFontSize": 11}
    lines = {"domainColor": style.RULE, "tickColor": style.RULE, "gridColor": style.GRID}
    return {
        "background": style.GROUND,
        "view": {"stroke": None},
        "axis": {**labels, **lines, "titleFontWeight": "normal"},
        "header": {"labelColor": style.INK, "labelFontSize": 12, "labelFontWeight": "bold"},
        "legend": labels,
        "title": {"color": style.origin_mark(origin)[1], "fontSize": 11, "fontWeight": "normal"},
        "rule": {"color": style.INK},
        "text": {"color": style.INK},
    }
