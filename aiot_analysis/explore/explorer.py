"""Widgets that select from the data: `explore` shows figures, `images` shows images that flip."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import traitlets

from aiot_analysis.display import pictures
from aiot_analysis.explore import views
from aiot_analysis.explore.views import BETWEEN, BY, COLUMNS, PANELS, ExplorerData, Flips, Selection
from aiot_analysis.plots import device_axis
from aiot_analysis.tables import names
from aiot_analysis.tables.names import TIMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from aiot_analysis.tables.data import Data

WAIT_S = 0.2  # people make their next click in a list sooner than this
PAUSE_S = 0.01  # between the parts of a slow function, for the kernel to notice clicks
DIMMED = "aiot-dimmed"  # CSS class of what no longer shows the selection
STYLE = f"<style>.{DIMMED} {{ opacity: 0.3; filter: grayscale(1) }}</style>"


class Debounced:
    """Callable that calls a function with the most recent arguments after WAIT_S without another call.

    A kernel handles clicks one after the other, so drawing the figures for each of them immediately would delay the
    last. The function may return an iterator, whose steps are then executed one by one; another call abandons those
    that are left. Without a running event loop, as in a script, all is done immediately.
    """

    def __init__(self, function: Callable[..., Iterator[None] | None]) -> None:
        self._function = function
        self._steps: Iterator[None] = iter(())
        self._waiting: asyncio.TimerHandle | None = None

    def __call__(self, *arguments: Any) -> None:
        self._steps = self._all_steps(arguments)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self.now()
            return
        self._wait(WAIT_S)

    def now(self) -> None:
        """Do immediately what is pending, if anything is."""
        self._stop_waiting()
        for _ in self._steps:
            pass

    def _all_steps(self, arguments: tuple[Any, ...]) -> Iterator[None]:
        yield from self._function(*arguments) or ()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._waiting = asyncio.get_running_loop().call_later(seconds, self._step)

    def _step(self) -> None:
        self._waiting = None
        for _ in self._steps:
            self._wait(PAUSE_S)
            return

    def _stop_waiting(self) -> None:
        if self._waiting:
            self._waiting.cancel()
            self._waiting = None


LISTED = 8  # maximum number of visible lines; longer lists scroll
NARROWEST_EM, WIDEST_EM = 6.0, 20.0  # of a list


class SelectionState(traitlets.HasTraits):
    """The current selection. Setting `selection` also updates the widgets; setting an equal one has no effect."""

    selection = traitlets.Instance(Selection)

    def choose(self, **values: Any) -> None:
        """Change parts of the selection, as in choose(models=["mnasnet"], timing="inference")."""
        self.selection = replace(self.selection, **values)

    def follow(self, function: Callable[[Selection], None]) -> None:
        """Call the function now and after every change."""
        self.observe(lambda change: function(change["new"]), "selection")
        function(self.selection)

    def follow_soon(self, function: Callable[[Selection], Iterator[None] | None]) -> Debounced:
        """Call a slow function now and after changes, but only after the last of several in quick succession.

        See `Debounced` on functions that return an iterator.
        """
        later = Debounced(function)
        later(self.selection)
        later.now()
        self.observe(lambda change: later(change["new"]), "selection")
        return later


def pickers(data: ExplorerData, state: SelectionState, ones: tuple[str, ...], *others: widgets.Widget) -> widgets.VBox:
    """Return the widgets for a selection.

    These are a list for multiple values for each of COLUMNS, a list for a single value for each of `ones`, and then the
    widgets `others`.
    """
    controls = [_multiple_choice(name, data, state) for name in COLUMNS]
    controls += [*(_single_choice(name, state) for name in ones), *others]
    hint = widgets.HTML(
        "<small>Click to choose one, Ctrl-click or Shift-click for several, Ctrl+A for the whole list.</small>"
    )
    everything = widgets.Button(description="choose everything", layout={"width": "11em"})
    everything.on_click(lambda _: state.choose(**{name: getattr(data.everything, name) for name in COLUMNS}))
    layout = widgets.Layout(flex_flow="row wrap", display="flex")
    return widgets.VBox([widgets.Box(controls, layout=layout), widgets.HBox([everything, hint])])


def origin(data: ExplorerData) -> widgets.HTML:
    """Return the sentence on the origin of the data as a widget, with the style of the others."""
    return widgets.HTML(f"{STYLE}<p>{names.ORIGIN_SENTENCES[data.data.origin]}</p>").add_class("aiot-origin")


def said(text: str) -> str:
    """Return plain text as HTML that screen readers read out when it changes."""
    return f"<p role='status'>{escape(text)}</p>"


def with_title(title: str, widget: widgets.DOMWidget) -> widgets.VBox:
    """Return a widget with a title above it."""
    return widgets.VBox([widgets.HTML(f"<b>{title}</b>"), widget], layout={"margin": "0 0.6em 0.4em 0"})


def width_for(labels: Iterable[str]) -> str:
    """Return the width of a list that has room for its longest label, up to WIDEST_EM, as a CSS length."""
    longest = max(map(len, labels), default=0)
    return f"{min(max(0.55 * longest + 2, NARROWEST_EM), WIDEST_EM):g}em"


def _multiple_choice(name: str, data: ExplorerData, state: SelectionState) -> widgets.VBox:
    """Return a list for selecting several values."""
    values, labels = getattr(data.everything, name), data.labels(name)
    rows = min(max(len(values), 2), LISTED)
    options = [(labels[value], value) for value in values]
    control = widgets.SelectMultiple(
        options=options, rows=rows, layout={"width": width_for(labels.values())}, tooltip=name
    )
    control.add_class(f"aiot-{name}")
    return with_title(name, _bound(control, name, state))


def _single_choice(name: str, state: SelectionState) -> widgets.VBox:
    """Return a list for selecting a single value."""
    choices = {
        "timing": [(names.display(value), value) for value in TIMES],
        "by": [(label, value) for value, label in BY.items()],
        "between": [(label, value) for value, label in BETWEEN.items()],
    }
    titles = {"timing": "timing", "by": "colours show", "between": "flips between"}
    control = widgets.Dropdown(
        options=choices[name], layout={"width": width_for(label for label, _ in choices[name])}, tooltip=titles[name]
    )
    control.add_class(f"aiot-{name}")
    return with_title(titles[name], _bound(control, name, state))


def _bound(control: widgets.ValueWidget, name: str, state: SelectionState) -> widgets.ValueWidget:
    """Bind the value of a widget to that of the state, in both directions."""

    def shown(selection: Selection) -> None:
        control.value = getattr(selection, name)

    state.follow(shown)
    control.observe(lambda change: state.choose(**{name: change["new"]}), "value")
    return control


class FigureBox:
    """A figure with the text below it, as a widget."""

    def __init__(self) -> None:
        self.figure, self.text = widgets.Output(), widgets.HTML()
        self.widget = widgets.VBox([self.figure, self.text], layout={"margin": "0 1em 1em 0"}).add_class("aiot-figure")

    def show(self, outputs: tuple[dict[str, Any], ...], text: str) -> None:
        """Display other outputs and another text."""
        self.figure.outputs, self.text.value = outputs, text


FIRST = ("accuracy over time", "time per image", "valid images per second")


class Explorer:
    """Lists to select from, and the figures of the selection.

    The attributes `state`, `rows` and `figures` give other cells access to the selection. `widget` is the whole as a
    widget, to put into a layout of one's own.
    """

    def __init__(self, data: Data) -> None:
        self.known = views.known(data)
        self.state = SelectionState(selection=self.known.everything)
        self._figures: dict[str, Figure] = {}
        self._kept: dict[tuple[str, str], pd.DataFrame] = {}
        self._said = widgets.HTML().add_class("aiot-said")
        self._boxes = {name: FigureBox() for name in PANELS}
        self.shown = widgets.SelectMultiple(
            options=list(PANELS), value=FIRST, rows=len(PANELS), layout={"width": width_for(PANELS)}, tooltip="figures"
        )
        self.shown.add_class("aiot-figures")
        selectors = pickers(self.known, self.state, ("timing", "by"), with_title("figures", self.shown))
        figures = widgets.Box(
            [box.widget for box in self._boxes.values()], layout={"display": "flex", "flex_flow": "row wrap"}
        )
        self.widget = widgets.VBox([origin(self.known), selectors, self._said, figures])
        self.state.observe(self._dim, "selection")
        self._soon = self.state.follow_soon(self._draw)
        self.shown.observe(self._dim, "value")
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

    def _dim(self, _: object) -> None:
        """Mark all figures as outdated, before the new ones are drawn."""
        self._said.value = said("Drawing …")
        for box in self._boxes.values():
            box.widget.add_class(DIMMED)

    def _draw(self, chosen: Selection) -> Iterator[None]:
        """Redraw the displayed figures one by one. An empty selection clears them, and a sentence gives the reason."""
        view = views.view(self.known, chosen, self._kept)
        text = views.rows_sentence(chosen, self.known)
        if view.timing != chosen.timing:
            text += " Native tools measured some of them and time only inference, so all times here are of inference."
        drawn = [name for name in self.shown.value if len(view.rows)]
        self._figures = {}
        self._said.value = said(f"{text} Drawing …" if drawn else text)
        for name, box in self._boxes.items():
            if name not in drawn:
                box.show((), "")
                box.widget.remove_class(DIMMED)
        for name in drawn:
            result = views.draw(PANELS[name], view)
            self._boxes[name].show(result.outputs, result.text)
            self._boxes[name].widget.remove_class(DIMMED)
            if result.figure is not None:
                self._figures[name] = result.figure
            yield
        self._said.value = said(text)


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


LINES = 10  # visible lines of the list of images


class Viewer:
    """Lists to select from, the images that flip, and the current image.

    The attributes `state` and `found` give other cells access to the selection and its result. `widget` is the whole as
    a widget, to put into a layout of one's own.
    """

    def __init__(self, data: Data, datasets: Path | str) -> None:
        self.known = views.known(data)
        self.state = SelectionState(selection=initial_selection(self.known))
        self.pictures = pictures.find_pictures(self.known.rows, datasets)
        self._found: Flips | None = None
        self._names = names.devices(data.devices)
        self._said = widgets.HTML().add_class("aiot-said")
        self.image = widgets.Select(rows=LINES, layout={"width": "32em"}, tooltip="images").add_class("aiot-image")
        self._looked_at = widgets.HTML().add_class("aiot-picture")
        selectors = pickers(self.known, self.state, ("between",))
        image_row = widgets.HBox(
            [with_title("images that flip, and in how many", self.image), self._looked_at],
            layout={"flex_flow": "row wrap"},
        )
        self.widget = widgets.VBox([origin(self.known), selectors, self._said, image_row])
        self.image.observe(lambda _: self._show(), "value")
        self.state.observe(self._dim, "selection")
        self._soon = self.state.follow_soon(self._find)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def found(self) -> Flips | None:
        """Images of the current selection that flip; None if no rows are selected."""
        self._soon.now()
        return self._found

    def _dim(self, _: object) -> None:
        """Mark the images as outdated, before others are found."""
        self._said.value = said("Comparing …")
        for widget in (self.image, self._looked_at):
            widget.add_class(DIMMED)

    def _find(self, chosen: Selection) -> None:
        """Find the images that flip. The current image is kept if it is still among them."""
        has_rows = len(chosen.of(self.known.rows)) > 0
        self._found = views.find(self.known, chosen) if has_rows else None
        text = views.rows_sentence(chosen, self.known) if self._found is None else views.flips_sentence(self._found)
        self._said.value = said(text)
        previous, options = self.image.value, views.options(self._found, self.pictures) if self._found else []
        available = [image for _, image in options]
        self.image.options = options
        self.image.value = previous if previous in available else next(iter(available), None)
        self._show()
        for widget in (self.image, self._looked_at):
            widget.remove_class(DIMMED)

    def _show(self) -> None:
        """Display the current image."""
        html = ""
        if self._found and self.image.value is not None:
            html = views.image_html(self._found, self.image.value, self.pictures, self._names)
        self._looked_at.value = html


def initial_selection(data: ExplorerData) -> Selection:
    """Return the initial selection.

    It has all models for few devices and a single model for many. Images are compared between devices or, if there is
    only one, between quantizations.
    """
    everything = data.everything
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
