"""`explore(data)`: choose, and all figures follow."""

from __future__ import annotations

from html import escape

import ipywidgets as widgets
import pandas as pd
from matplotlib.figure import Figure

from aiot_analysis.explore import panels, pickers, selection
from aiot_analysis.explore.panels import PANELS
from aiot_analysis.explore.selection import Selection
from aiot_analysis.tables.data import Data

FIRST = ("accuracy over time", "time per image", "valid images per second")


class Explorer(widgets.VBox):
    """Lists to choose from, and the figures of what is chosen. `state` and `rows` are there for code beside it."""

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
        choosing = pickers.pickers(self.known, self.state, ("timing", "by"), pickers.titled("figures", self.shown))
        figures = widgets.Box(list(self._boxes.values()), layout={"display": "flex", "flex_flow": "row wrap"})
        super().__init__([pickers.origin(self.known), choosing, self._said, figures])
        self._soon = self.state.follow_soon(self._draw)
        self.shown.observe(lambda _: self._soon(self.state.selection), "value")

    @property
    def figures(self) -> dict[str, Figure]:
        """The figures that are shown, by name, of what is chosen now."""
        self._soon.now()
        return self._figures

    @property
    def rows(self) -> pd.DataFrame:
        """The rows of `data.instances` that are chosen and have numbers, one per device and instance."""
        return self.state.selection.of(self.known.rows)

    def _draw(self, chosen: Selection) -> None:
        """Draws every figure that is shown anew. Those of nothing go, and the sentence says why."""
        view = panels.view(self.known, chosen, self._kept)
        said = selection.sentence(chosen, self.known)
        if view.timing != chosen.timing:
            said += " Native tools measured some of them, which time inference alone: all times here are of it."
        self._said.value = f"<p role='status'>{escape(said)}</p>"
        self._figures = {}
        for name, box in self._boxes.items():
            html = ""
            if len(view.rows) and name in self.shown.value:
                figure, html = panels.draw(PANELS[name], view)
                if figure is not None:
                    self._figures[name] = figure
            box.value = html


def explore(data: Data) -> Explorer:
    """Lists of devices, models, frameworks, delegates and quantizations, with figures that follow what is chosen."""
    return Explorer(data)
