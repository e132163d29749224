"""Make pages with interactive figures like those of the notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat

from aiot_analysis.charts.chart import devices_json
from aiot_analysis.display import export
from aiot_analysis.display import show as showing
from aiot_analysis.report import page as report_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd
    import pytest
    from matplotlib.figure import Figure

    from aiot_analysis.charts.chart import Chart

FACTS = {
    "name": "04_frameworks", "title": "Frameworks", "origins": ["measured"], "weights": [], "parameters": [],
    "data": "0123456789ab", "rendered": "2026-01-02 03:04 UTC", "versions": {},
}  # fmt: skip


def write(
    folder: Path,
    origin: str,
    devices: pd.DataFrame,
    charts: Mapping[str, Chart],
    draw: Callable[[], Figure],
    monkeypatch: pytest.MonkeyPatch,
    table: str = "",
) -> Path:
    """Write a page with charts, each of which replaces the figure that `draw` returns, and the HTML of a table."""
    outputs: list[Any] = []

    def keep(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        text = {kind: value for kind, value in data.items() if isinstance(value, str)}
        outputs.append(nbformat.v4.new_output("display_data", text, metadata=metadata or {}))

    monkeypatch.setattr(showing, "display_data", keep)
    banner = f'<div class="banner {origin}" role="note">{origin} data</div>'
    showing.display_html(f'{banner}<script type="application/json" id="devices">{devices_json(devices)}</script>', "")
    with export.beside_page(folder, "04_frameworks", [origin]).open():
        for name, chart in charts.items():
            showing.show(draw(), f"Caption of {name}", name=name, title=f"Finding of {name}", chart=chart)
    if table:
        showing.display_html(table, "")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("", outputs=outputs)])
    path = folder / "04_frameworks.html"
    path.write_text(report_page.to_html(notebook, {**FACTS, "origins": [origin]}), encoding="utf-8")
    return path
