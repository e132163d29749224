"""The widget of `images(data)`: the images that flip, with the picture of one at a time."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from aiot_analysis.display import pictures
from aiot_analysis.explore import flip_viewer, pickers, selection
from aiot_analysis.explore.flip_viewer import Flips
from aiot_analysis.explore.selection import ExplorerData, Selection
from aiot_analysis.plots import device_axis
from aiot_analysis.tables import names
from aiot_analysis.tables.data import Data

LINES = 10  # visible lines of the list of images


class Viewer:
    """Lists to select from, the images that flip, and the current image.

    The attributes `state` and `found` give other cells access to the selection and its result. `widget` is the whole as
    a widget, to put into a layout of one's own.
    """

    def __init__(self, data: Data, datasets: Path | str) -> None:
        self.known = selection.known(data)
        self.state = pickers.State(selection=first(self.known))
        self.pictures = pictures.of(self.known.rows, datasets)
        self._found: Flips | None = None
        self._names = names.devices(data.devices)
        self._said = widgets.HTML().add_class("aiot-said")
        self.image = widgets.Select(rows=LINES, layout={"width": "32em"}, tooltip="images").add_class("aiot-image")
        self._looked_at = widgets.HTML().add_class("aiot-picture")
        selectors = pickers.pickers(self.known, self.state, ("between",))
        image_row = widgets.HBox(
            [pickers.titled("images that flip, and in how many", self.image), self._looked_at],
            layout={"flex_flow": "row wrap"},
        )
        self.widget = widgets.VBox([pickers.origin(self.known), selectors, self._said, image_row])
        self.image.observe(lambda _: self._show(), "value")
        self._soon = self.state.follow_soon(self._find)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def found(self) -> Flips | None:
        """Images of the current selection that flip; None if no rows are selected."""
        self._soon.now()
        return self._found

    def _find(self, chosen: Selection) -> None:
        """Find the images that flip. The current image is kept if it is still among them."""
        has_rows = len(chosen.of(self.known.rows)) > 0
        self._found = flip_viewer.find(self.known, chosen) if has_rows else None
        text = (
            selection.rows_sentence(chosen, self.known)
            if self._found is None
            else flip_viewer.flips_sentence(self._found)
        )
        self._said.value = f"<p role='status'>{escape(text)}</p>"
        previous, options = self.image.value, flip_viewer.options(self._found, self.pictures) if self._found else []
        available = [image for _, image in options]
        self.image.options = options
        self.image.value = previous if previous in available else next(iter(available), None)
        self._show()

    def _show(self) -> None:
        """Display the current image."""
        html = ""
        if self._found and self.image.value is not None:
            html = flip_viewer.image_html(self._found, self.image.value, self.pictures, self._names)
        self._looked_at.value = html


def first(known: ExplorerData) -> Selection:
    """Return the initial selection.

    It has all models for few devices and a single model for many. Images are compared between devices or, if there is
    only one, between quantizations.
    """
    everything = known.everything
    n_devices = len(everything.devices)
    models = everything.models if n_devices <= device_axis.FEW else everything.models[-1:]
    return replace(everything, models=models, between="device_id" if n_devices > 1 else "quantization")


def images(data: Data, datasets: Path | str = "data/datasets") -> Viewer:
    """Return a widget with the images that flip between devices, quantizations or frameworks.

    It displays the picture and the answers.

    Parameters
    ----------
    data
        Tables of one origin, as returned by `aiot_analysis.load`.
    datasets
        Folder of the datasets; if it lacks the dataset of the results, only the answers are displayed.

    Returns
    -------
    A widget, displayed by JupyterLab. `found.images` has the images that flip.

    Examples
    --------
    >>> viewer = aiot_analysis.explore.images(aiot_analysis.load(origin=""))
    >>> viewer.found.images
    """
    return Viewer(data, datasets)
