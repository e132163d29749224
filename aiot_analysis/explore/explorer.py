"""The widget of `explore(data)`: a selection, and figures that follow it."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from aiot_analysis.explore import panels, pickers, selection
from aiot_analysis.explore.panels import PANELS
from aiot_analysis.explore.selection import Selection
from aiot_analysis.tables.data import Data

FIRST = ("accuracy over time", "time per image", "valid images per second")


class Explorer:
    """Lists to select from, and the figures of the selection.

    The attributes `state`, `rows` and `figures` give other cells access to the selection. `widget` is the whole as a
    widget, to put into a layout of one's own.
    """

    def __init__(self, data: Data) -> None:
        self.known = selection.known(data)
        self.state = pickers.State(selection=self.known.everything)
        self._figures: dict[str, Figure] = {}
        self._kept: dict[tuple[str, str], pd.DataFrame] = {}
        self._said = widgets.HTML().add_class("aiot-said")
        self._boxes = {name: widgets.HTML() for name in PANELS}
        self.shown = widgets.SelectMultiple(
            options=list(PANELS), value=FIRST, rows=len(PANELS), layout={"width": "12em"}, tooltip="figures"
        )
        self.shown.add_class("aiot-figures")
        selectors = pickers.pickers(self.known, self.state, ("timing", "by"), pickers.titled("figures", self.shown))
        figures = widgets.Box(list(self._boxes.values()), layout={"display": "flex", "flex_flow": "row wrap"})
        self.widget = widgets.VBox([pickers.origin(self.known), selectors, self._said, figures])
        self._soon = self.state.follow_soon(self._draw)
        self.shown.observe(lambda _: self._soon(self.state.selection), "value")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def figures(self) -> dict[str, Figure]:
        """Figures of the current selection that are displayed, by name."""
        self._soon.now()
        return self._figures

    @property
    def rows(self) -> pd.DataFrame:
        """Selected rows of `data.instances` that statistics can use, one per device and instance."""
        return self.state.selection.of(self.known.rows)

    def _draw(self, chosen: Selection) -> None:
        """Redraw all displayed figures. An empty selection clears them, and the sentence gives the reason."""
        view = panels.view(self.known, chosen, self._kept)
        text = selection.rows_sentence(chosen, self.known)
        if view.timing != chosen.timing:
            text += " Native tools measured some of them and time only inference, so all times here are of inference."
        self._said.value = f"<p role='status'>{escape(text)}</p>"
        self._figures = {}
        for name, box in self._boxes.items():
            html = ""
            if len(view.rows) and name in self.shown.value:
                figure, html = panels.draw(PANELS[name], view)
                if figure is not None:
                    self._figures[name] = figure
            box.value = html


def explore(data: Data) -> Explorer:
    """Return lists of devices, models, frameworks, delegates and quantizations, with figures of what is selected.

    Parameters
    ----------
    data
        Tables of one origin, as returned by `aiot_analysis.load`.

    Returns
    -------
    A widget, displayed by JupyterLab. `rows` has the selected rows, `figures` the figures by name, and
    `state.choose(models=["mnasnet"])` changes the selection.

    Examples
    --------
    >>> view = aiot_analysis.explore.explore(aiot_analysis.load(origin=""))
    >>> view.rows
    """
    return Explorer(data)
