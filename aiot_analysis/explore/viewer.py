"""`images(data)`: which images flip, one after the other, with the picture."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path

import ipywidgets as widgets

from aiot_analysis.display import pictures
from aiot_analysis.explore import flip_viewer, pickers, selection
from aiot_analysis.explore.flip_viewer import Flips
from aiot_analysis.explore.selection import Known, Selection
from aiot_analysis.plots import device_axis
from aiot_analysis.tables import names
from aiot_analysis.tables.data import Data

LINES = 10


class Viewer(widgets.VBox):
    """Lists to choose from, the images that flip, and the one that is looked at. `state` and `found` are for code."""

    def __init__(self, data: Data, datasets: Path | str) -> None:
        self.known = selection.known(data)
        self.state = pickers.State(selection=first(self.known))
        self.pictures = pictures.of(self.known.rows, datasets)
        self._found: Flips | None = None
        self._names = names.devices(data.devices)
        self._said = widgets.HTML().add_class("aiot-said")
        self.image = widgets.Select(rows=LINES, layout={"width": "32em"}, tooltip="images").add_class("aiot-image")
        self._looked_at = widgets.HTML().add_class("aiot-picture")
        choosing = pickers.pickers(self.known, self.state, ("between",))
        looking = widgets.HBox(
            [pickers.titled("images that flip, and in how many", self.image), self._looked_at],
            layout={"flex_flow": "row wrap"},
        )
        super().__init__([pickers.origin(self.known), choosing, self._said, looking])
        self.image.observe(lambda _: self._show(), "value")
        self._soon = self.state.follow_soon(self._find)

    @property
    def found(self) -> Flips | None:
        """What flips of what is chosen now; None where nothing is chosen."""
        self._soon.now()
        return self._found

    def _find(self, chosen: Selection) -> None:
        """Looks for the images that flip; the one that was looked at stays, if it still does."""
        some = len(chosen.of(self.known.rows)) > 0
        self._found = flip_viewer.find(self.known, chosen) if some else None
        said = selection.sentence(chosen, self.known) if self._found is None else flip_viewer.sentence(self._found)
        self._said.value = f"<p role='status'>{escape(said)}</p>"
        before, listed = self.image.value, flip_viewer.options(self._found, self.pictures) if self._found else []
        there = [image for _, image in listed]
        self.image.options = listed
        self.image.value = before if before in there else next(iter(there), None)
        self._show()

    def _show(self) -> None:
        html = ""
        if self._found and self.image.value is not None:
            html = flip_viewer.to_html(self._found, self.image.value, self.pictures, self._names)
        self._looked_at.value = html


def first(known: Known) -> Selection:
    """What is looked at first: all of few devices, a model of many; between devices, or quantizations of one."""
    every = known.everything
    count = len(every.devices)
    models = every.models if count <= device_axis.FEW else every.models[-1:]
    return replace(every, models=models, between="device_id" if count > 1 else "quantization")


def images(data: Data, datasets: Path | str = "data/datasets") -> Viewer:
    """The images that flip between devices, quantizations or frameworks, with the picture and what was answered.

    `datasets` is the folder of the datasets; without that of the results there are the answers alone.
    """
    return Viewer(data, datasets)
