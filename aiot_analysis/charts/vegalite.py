"""Charts as complete Vega-Lite specifications, which JupyterLab draws without a script of the project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.charts.chart import LIT_WHISKER
from aiot_analysis.plots import device_axis, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiot_analysis.charts.chart import Chart, Fact, Spec, View

MIME = "application/vnd.vegalite.v5+json"
"""Type of these specifications. JupyterLab 4 draws versions 3 to 5; they use nothing that version 6 added."""

EMBED: Spec = {"renderer": "svg", "actions": {"export": True, "source": False, "compiled": False, "editor": False}}
"""Options of JupyterLab's renderer: a menu that saves the drawing, and no link to the editor on the web."""

WIDTH = 880  # of a chart, in pixels
MARKS = ("bar", "point", "rect")  # marks that show a row, and react to the pointer
LETTER_PX = 6.8  # average width of a letter of an axis label


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
    rows = chart.rows.infer_objects()
    if "timing" in rows:
        rows = rows[rows["timing"] == rows["timing"].iloc[0]]
    positions = {series.name: position for position, series in enumerate(chart.series)}
    numbers = rows[chart.series_field].map(positions).fillna(0).astype(int) if chart.series_field else 0
    rows = rows.assign(number=numbers)
    ids = _ordered(rows, chart, view, devices)
    rows = rows.assign(place=device_axis.positions(rows, ids).astype(int))
    rows = rows.sort_values(["place", "number"], kind="stable")
    panels = list(dict.fromkeys(chart.rows[chart.panel])) if chart.panel else []
    spec: Spec = json.loads(json.dumps(view.spec))  # a copy whose parts are not shared
    resolve: Spec = {"resolve": spec.pop("resolve")} if "resolve" in spec else {}
    few = len(ids) <= device_axis.MANY
    layers = [layer for layer in spec.get("layer", [spec]) if few or layer["encoding"].get("opacity") != LIT_WHISKER]
    columns = max(1, min(chart.columns, len(panels)))
    panel_width = _panel_width(layers, columns, width, bool(resolve))
    across = chart.device_axis == "x"
    groups = device_axis.groups(ids, devices) if across else []
    if groups:
        layers.append(_separators([group.first for group in groups[1:]]))
    for layer in layers:
        _complete(layer, chart, ids, few, bool(groups), _tooltip(chart))
    for channel in ("x", "y"):
        _set_log_ticks([layer["encoding"][channel] for layer in layers if channel in layer["encoding"]], rows)
    shown = next(layer for layer in layers if layer["mark"]["type"] in MARKS)
    shown["params"] = [
        {
            "name": "hovered",
            "select": {"type": "point", "fields": ["device_id"], "on": "pointerover", "clear": "pointerout"},
        }
    ]
    height = {"step": chart.height_px} if chart.device_axis == "y" else chart.height_px
    layers = _with_mark(layers, chart, origin, panel_width, len(ids))
    panel: Spec = {"width": panel_width, "height": height, "layer": layers}
    if panels:
        facet = {"field": chart.panel, "type": "nominal", "sort": panels, "title": None}
        panel = {"facet": facet, "columns": columns, "spec": panel, "spacing": 14}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "description": description,
        "data": _data(rows, chart),
        "transform": [_facts_of_devices(ids, devices)],
        "params": [
            {
                "name": "labels",
                "value": _labels(ids, devices, groups, panel_width) if across else device_axis.names(ids, devices),
            },
            {"name": "few", "value": few},
            {
                "name": "highlighted",
                "expr": "isArray(hovered.device_id) && hovered.device_id[0] ? hovered.device_id : []",
            },
        ],
        **panel,
        **resolve,
        "title": {"text": origin, "orient": "bottom", "anchor": "end", "limit": width},
        "config": _config(origin),
    }


def _ordered(rows: pd.DataFrame, chart: Chart, view: View, devices: pd.DataFrame | None) -> list[str]:
    """Return the device ids from left to right, or from top to bottom."""
    if chart.sort != "value":
        return device_axis.order(rows["device_id"], devices)
    values = rows[rows["number"] == 0] if view.sort_by_first else rows
    means = values.groupby("device_id")[view.sort_by].mean().reindex(rows["device_id"].unique())
    return [str(device) for device in means.sort_values(ascending=chart.device_axis != "y", kind="stable").index]


def _panel_width(layers: Sequence[Spec], columns: int, width: int, own_axes: bool) -> int:
    """Return the width of each panel. `own_axes` means that each panel has a y axis of its own."""
    words = any(layer["encoding"].get("y", {}).get("type") in ("nominal", "ordinal") for layer in layers)
    legend = any(layer["mark"]["type"] == "rect" for layer in layers)
    axes = 240 + 80 * legend if words else 12 + 62 * (columns if own_axes else 1)
    return max(120, (width - axes - 16 - 14 * (columns - 1)) // columns)


def _data(rows: pd.DataFrame, chart: Chart) -> Spec:
    """Return rows as CSV text, which is about a third of the length of JSON."""
    shown = {name for fact in chart.facts if fact.format for name in (fact.field, fact.low, fact.high)}
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


def _with_mark(layers: list[Spec], chart: Chart, origin: str, width: int, devices: int) -> list[Spec]:
    """Return layers with a light word that says that the data are simulated or published.

    It is below points and lines, but above bars that would hide it. A ranking has room for it at the lower right.
    """
    word, color = style.origin_mark(origin)
    if not word:
        return layers
    ranking = chart.device_axis == "y"
    x, y = (0.8 * width, devices * chart.height_px - 20) if ranking else (width / 2, chart.height_px / 2)
    text = {"type": "text", "text": word, "color": color, "opacity": style.MARK_SHARE, "fontSize": min(22, width / 9)}
    mark: Spec = {"data": {"values": [{}]}, "mark": text, "encoding": {"x": {"value": x}, "y": {"value": max(y, 10)}}}
    covered = not ranking and any(layer["mark"]["type"] in ("bar", "rect") for layer in layers)
    return [*layers, mark] if covered else [mark, *layers]


def _complete(layer: Spec, chart: Chart, ids: Sequence[str], few: bool, grouped: bool, tooltip: str) -> None:
    """Add scales, axes, legends and what the pointer shows to a layer, in place."""
    encoding = layer["encoding"]
    for channel, content in encoding.items():
        if content.get("field") == "place":
            content.update(_device_axis(channel, len(ids), few, grouped))
        if chart.series and content.get("field") == chart.series_field and channel in ("color", "shape"):
            looks = [series.color if channel == "color" else series.shape for series in chart.series]
            content["scale"] = {"domain": [series.name for series in chart.series], "range": looks}
            content["legend"] = {"title": None, "orient": "top", "symbolOpacity": 1}
    if not few:
        encoding.pop("xOffset", None)
    if layer["mark"]["type"] != "line" and "data" not in layer:
        layer["mark"]["tooltip"] = {"expr": tooltip}


def _set_log_ticks(encodings: Sequence[Spec], rows: pd.DataFrame) -> None:
    """Give a logarithmic axis the ticks of figures, in place. `encodings` are those of one channel in all layers."""
    logarithmic = [encoding for encoding in encodings if encoding.get("scale", {}).get("type") == "log"]
    values = rows[[encoding["field"] for encoding in logarithmic]].astype(float)
    ticks = style.PlainLogLocator().tick_values(values.min().min(), values.max().max()) if len(values.columns) else []
    for encoding in logarithmic:
        encoding["scale"] = {"type": "log", "nice": False, "padding": 6}
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
    """Return the expression of what the pointer shows: an object of labels and texts, under the name of the device."""
    head = "datum.device_name"
    if chart.panel:
        panel = f"datum[{json.dumps(chart.panel)}]"
        head += f" + ({panel} === datum.device_name ? '' : ' · ' + {panel})"
    entries = [f'"title": {head}', '"SoC": datum.device_facts || datum["-"]']
    entries += [f"{json.dumps(fact.label)}: {_words(fact)}" for fact in chart.facts]
    return f"{{{', '.join(entries)}}}"


def _words(fact: Fact) -> str:
    """Return the expression of a value with its unit and interval, undefined where it is missing."""
    value, low, high = (f"datum[{json.dumps(name)}]" for name in (fact.field, fact.low, fact.high))
    text = _formatted(value, fact.format)
    if fact.low:
        ends = f"{_formatted(low, fact.format)} + ' to ' + {_formatted(high, fact.format)}"
        text += f" + (isValid({low}) && isValid({high}) ? ' (95 %: ' + {ends} + ')' : '')"
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
        "percent": f"format(100 * {value}, '.1f') + ' %'",
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
