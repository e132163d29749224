"""Chart: rows and the ways to draw them, as a page's script reads them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aiot_analysis.tables import names

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from aiot_analysis.plots.style import Look

Spec = dict[str, Any]
"""Part of a Vega-Lite specification."""

SHAPES = {"o": "circle", "s": "square", "^": "triangle-up", "D": "diamond", "v": "triangle-down", "P": "cross"}
SHAPES["|"] = "stroke"
"""Vega's name of each marker of Matplotlib; others become crosses."""

PLACE: Spec = {"field": "place", "type": "ordinal"}
"""Encoding of the device axis. The page's script sets its order, labels and gaps."""

LIT: Spec = {
    "condition": {
        "test": "!length(highlighted) || !isValid(datum.device_id) || indexof(highlighted, datum.device_id) >= 0",
        "value": 1,
    },
    "value": 0.18,
}
"""Opacity that fades all devices but the highlighted ones; marks of no device are never faded."""

LIT_WHISKER: Spec = {
    "condition": {"test": "few ? (!length(highlighted) || indexof(highlighted, datum.device_id) >= 0) "
                          ": indexof(highlighted, datum.device_id) >= 0", "value": 1},
    "value": 0,
}  # fmt: skip
"""Opacity of whiskers: visible for few devices, or else for the highlighted ones."""


@dataclass(frozen=True)
class Fact:
    """Value that is displayed for the mark below the pointer."""

    field: str
    label: str
    format: str = ""  # "percent", "points", "ms", "times", "count" or "" for text
    low: str = ""  # fields with the ends of the interval
    high: str = ""


@dataclass(frozen=True)
class Series:
    """Set of marks with a colour and a shape."""

    name: str
    color: str
    shape: str  # of Vega, or for lines "stroke" (vertical) or "dash" (horizontal)


@dataclass(frozen=True)
class ChartView:
    """One way to draw the rows of a chart, such as shares or milliseconds."""

    name: str  # in permalinks
    label: str  # on the button
    spec: Spec  # of one panel, without data, width and height
    sort_by: str  # column whose mean over a device's rows sorts the devices by value
    sort_by_first: bool = False  # whether only the rows of the first series count, as for shares of a whole


@dataclass(frozen=True)
class Chart:
    """Interactive drawing of a figure.

    The page's script joins rows that have a column `device_id` with the facts of the page's devices (see
    `devices_json`), filters and sorts them, and draws one panel per value of `panel`, in the order of the rows. It also
    filters by the columns `framework`, `model` and `timing`, if there are any.
    """

    rows: pd.DataFrame
    views: tuple[ChartView, ...]
    facts: tuple[Fact, ...]
    series: tuple[Series, ...] = ()
    series_field: str = ""
    panel: str = ""  # column with the title of the panel of each row; "" for a single panel
    columns: int = 3  # panels side by side on a wide page
    height_px: int = 170  # of a panel, or of a line if the y axis has a line per device or per value of `line`
    device_axis: str = "x"  # "x", "y", or "" if no axis has the devices
    line: str = ""  # column with the name of the line of each row on the y axis; "" if it has no lines
    sort: str = ""  # initial order of devices: "id", "soc" or "value"; "": by SoC for many devices, else by id
    hollow: str = ""  # what hollow marks mean, for the legend; "" if there are none

    def to_json(self) -> str:
        """Return the chart as JSON that can stand in a script element."""
        content = {
            "rows": {str(name): _column(self.rows[name]) for name in self.rows},
            "views": [asdict(view) for view in self.views],
            "facts": [asdict(fact) for fact in self.facts],
            "series": [asdict(series) for series in self.series],
            "seriesField": self.series_field,
            "panel": self.panel,
            "columns": self.columns,
            "height": self.height_px,
            "deviceAxis": self.device_axis,
            "line": self.line,
            "sort": self.sort,
            "hollow": self.hollow,
        }
        return script_json(content)


def _column(values: pd.Series) -> Any:
    """Return a column for JSON; one of text has each distinct value once, and the place of that of each row."""
    plain = [_plain(value) for value in values]
    if not any(isinstance(value, str) for value in plain):
        return plain
    places = {value: place for place, value in enumerate(dict.fromkeys(plain))}
    return {"values": list(places), "places": [places[value] for value in plain]}


def devices_json(devices: pd.DataFrame) -> str:
    """Return the devices of a page as JSON for its script, in the order of the paper's Table III and then by id."""
    name_of_device = names.devices(devices)
    rows = devices.sort_values(["paper_id", "device_id"])[["device_id", "paper_id", "maker", "soc", "os", "os_version"]]
    content = [
        {
            "id": device,
            "name": name_of_device[device],
            "label": str(int(number)) if number == number else device[:8],
            "vendor": names.soc_vendor(soc),
            "soc": _plain(soc) or "",
            "maker": _plain(maker) or "",
            "android": str(version) if system == "Android" and _plain(version) else "",
        }
        for device, number, maker, soc, system, version in rows.astype({"paper_id": float}).itertuples(index=False)
    ]
    return script_json(content)


def script_json(content: Any) -> str:
    """Return content as compact JSON that can stand in a script element."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def series(looks: Iterable[tuple[str, Look]]) -> tuple[Series, ...]:
    """Return the series for display names with their looks in printed figures."""
    return tuple(Series(name, look.color, SHAPES.get(look.marker, "cross")) for name, look in looks)


def areas(looks: Iterable[tuple[str, Look]]) -> tuple[Series, ...]:
    """Return the series of bars, whose sign in legends is a square."""
    return series((name, look._replace(marker="s")) for name, look in looks)


def frameworks(implementations: pd.Series) -> pd.Series:
    """Return the display name of the framework of each implementation, by which readers filter."""
    return implementations.map(lambda name: names.framework(names.framework_and_delegate(name)[0]))


def instances(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the display name of each instance, and that of its framework and model, by which readers filter.

    The names are in the columns `instance`, `framework` and `model`.
    """
    parts = {instance_id: names.instance(instance_id) for instance_id in rows["instance_id"].unique()}
    frameworks_of_instances = {instance_id: names.framework(part.framework) for instance_id, part in parts.items()}
    models = {instance_id: names.display(part.model) for instance_id, part in parts.items()}
    return rows.assign(
        instance=rows["instance_id"].map(names.instance_display),
        framework=rows["instance_id"].map(frameworks_of_instances),
        model=rows["instance_id"].map(models),
    )


def value_axis(field: str, title: str, *, log: bool = False, zero: bool = False, percent: bool = False) -> Spec:
    """Return the encoding of a value axis."""
    axis: Spec = {"title": title, "tickCount": 5}  # the page's script sets the ticks of logarithmic axes
    if percent:
        axis["format"] = ".1~%"
    elif log:
        axis["format"] = "~g"
    scale: Spec = {"type": "log"} if log else {"zero": zero}
    return {"field": field, "type": "quantitative", "axis": axis, "scale": scale}


def point_axis(field: str, title: str) -> Spec:
    """Return the encoding of a y axis with a difference of shares in percentage points."""
    axis = value_axis(field, title)
    return axis | {"axis": axis["axis"] | {"labelExpr": "format(100 * datum.value, '~g')"}}


def line_axis(field: str, order: Iterable[str]) -> Spec:
    """Return the encoding of a y axis with a line per name, in an order from top to bottom."""
    return {"field": field, "type": "nominal", "sort": list(order), "axis": {"title": None, "labelLimit": 0}}


def points_on_lines(axis: Spec, lines: Spec, series_field: str, *, size: int = 26, offset: bool = False) -> Spec:
    """Return a layer with a point per row on its line, in the colour and shape of its series.

    With `offset`, the series of a line are drawn above each other.
    """
    look = {"field": series_field, "type": "nominal"}
    marks: Spec = {"x": axis, "y": lines, "color": look, "shape": look, "opacity": LIT}
    if offset:
        marks["yOffset"] = look
    return {"mark": {"type": "point", "filled": True, "size": size, "strokeWidth": 1.5}, "encoding": marks}


def whiskers_on_lines(
    field: str, axis: Spec, lines: Spec, series_field: str, *, offset: bool = False, always: bool = False
) -> Spec:
    """Return a layer with the interval of each row on its line, from the columns <field>_low and <field>_high.

    With many devices, only the highlighted ones have intervals, unless `always` is set.
    """
    look = {"field": series_field, "type": "nominal"}
    marks: Spec = {
        "x": {**axis, "field": f"{field}_low"},
        "x2": {"field": f"{field}_high"},
        "y": lines,
        "color": look,
        "opacity": LIT if always else LIT_WHISKER,
    }
    if offset:
        marks["yOffset"] = look
    return {"mark": {"type": "rule", "strokeWidth": 1.2}, "encoding": marks}


def reference_line(value: float, channel: str = "x") -> Spec:
    """Return a layer with a dashed line at a value."""
    return {
        "data": {"values": [{}]},  # one line, not one per row
        "mark": {"type": "rule", "strokeDash": [4, 3], "opacity": 0.6},
        "encoding": {channel: {"datum": value}},
    }


def points_with_whiskers(field: str, axis: Spec, series_field: str) -> Spec:
    """Return layers with a point per row and its interval, from the columns <field>_low and <field>_high."""
    color = {"field": series_field, "type": "nominal"}
    offset = {"field": series_field, "type": "nominal"}
    return {
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 1.2},
                "encoding": {
                    "x": PLACE,
                    "xOffset": offset,
                    "y": {**axis, "field": f"{field}_low"},
                    "y2": {"field": f"{field}_high"},
                    "color": color,
                    "opacity": LIT_WHISKER,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 28},
                "encoding": {
                    "x": PLACE,
                    "xOffset": offset,
                    "y": axis,
                    "color": color,
                    "shape": color,
                    "opacity": LIT,
                },
            },
        ]
    }


def _plain(value: Any) -> Any:
    """Return a value for JSON: null for missing values, and numbers with at most six significant digits."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return None
