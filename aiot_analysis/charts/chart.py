"""Chart: rows and the ways to draw them, as a page's script reads them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class View:
    """One way to draw the rows of a chart, such as shares or milliseconds."""

    name: str  # in permalinks
    label: str  # on the button
    spec: dict[str, Any]  # Vega-Lite specification of one panel, without data, width and height


@dataclass(frozen=True)
class Chart:
    """Interactive drawing of a figure.

    Rows with a column `device_id` are joined with the facts of the page's devices, filtered and sorted by the page's
    script, which draws one panel per value of the column `panel`, in the order of the rows.
    """

    rows: pd.DataFrame
    views: tuple[View, ...]
    panel: str = ""  # column with the title of the panel of each row; "" for a single panel
    columns: int = 3  # panels side by side on a wide page
    height_px: int = 170  # of a panel
    device_axis: bool = True  # whether the x axis has a place for each device
    sort_by: str = ""  # column whose mean over a device's rows sorts the devices by value
    facts: dict[str, Any] = field(default_factory=dict)  # further values that the specifications use as parameters

    def to_json(self) -> str:
        """Return the chart as JSON that can stand in a script element."""
        columns = {str(name): [_plain(value) for value in self.rows[name]] for name in self.rows}
        content = {
            "rows": columns,
            "views": [{"name": view.name, "label": view.label, "spec": view.spec} for view in self.views],
            "panel": self.panel,
            "columns": self.columns,
            "height": self.height_px,
            "deviceAxis": self.device_axis,
            "sortBy": self.sort_by,
            "facts": self.facts,
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _plain(value: Any) -> Any:
    """Return a value for JSON: null for missing values, and numbers with at most six significant digits."""
    if value is None or value != value or value is getattr(value, "NA", ...):
        return None
    if isinstance(value, bool | str | int):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
