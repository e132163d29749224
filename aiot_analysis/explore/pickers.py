"""Widgets for selecting. All display and change the same state, whose observers are notified once per change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import traitlets

from aiot_analysis.explore.selection import BETWEEN, BY, COLUMNS, ExplorerData, Selection
from aiot_analysis.explore.soon import Soon
from aiot_analysis.tables import names
from aiot_analysis.tables.choice import TIMES

LISTED = 8  # maximum number of visible lines; longer lists scroll
WIDTHS = {"devices": "14em", "models": "9em", "frameworks": "7em", "delegates": "6em", "quantizations": "8em"}


class State(traitlets.HasTraits):
    """The current selection. Setting `selection` also updates the widgets; setting an equal one has no effect."""

    selection = traitlets.Instance(Selection)

    def choose(self, **values: Any) -> None:
        """Change parts of the selection, as in choose(models=["mnasnet"], timing="inference")."""
        self.selection = replace(self.selection, **values)

    def follow(self, function: Callable[[Selection], None]) -> None:
        """Call the function now and after every change."""
        self.observe(lambda change: function(change["new"]), "selection")
        function(self.selection)

    def follow_soon(self, function: Callable[[Selection], None]) -> Soon:
        """Call a slow function now and after changes, but only after the last of several in quick succession."""
        function(self.selection)
        later = Soon(function)
        self.observe(lambda change: later(change["new"]), "selection")
        return later


def pickers(known: ExplorerData, state: State, ones: tuple[str, ...], *others: widgets.Widget) -> widgets.VBox:
    """Return the widgets for a selection.

    These are a list for multiple values for each of COLUMNS, a list for a single value for each of `ones`, and then the
    widgets `others`.
    """
    controls = [_several(name, known, state) for name in COLUMNS]
    controls += [*(_one(name, state) for name in ones), *others]
    hint = widgets.HTML(
        "<small>Click to choose one, Ctrl-click or Shift-click for several, Ctrl+A for the whole list.</small>"
    )
    everything = widgets.Button(description="choose everything", layout={"width": "11em"})
    everything.on_click(lambda _: state.choose(**{name: getattr(known.everything, name) for name in COLUMNS}))
    layout = widgets.Layout(flex_flow="row wrap", display="flex")
    return widgets.VBox([widgets.Box(controls, layout=layout), widgets.HBox([everything, hint])])


def origin(known: ExplorerData) -> widgets.HTML:
    """Return the sentence on the origin of the data as a widget."""
    return widgets.HTML(f"<p>{names.ORIGIN_SENTENCES[known.data.origin]}</p>").add_class("aiot-origin")


def titled(title: str, widget: widgets.DOMWidget) -> widgets.VBox:
    """Return a widget with a title above it."""
    return widgets.VBox([widgets.HTML(f"<b>{title}</b>"), widget], layout={"margin": "0 0.6em 0.4em 0"})


def _several(name: str, known: ExplorerData, state: State) -> widgets.VBox:
    """Return a list for selecting several values."""
    values, labels = getattr(known.everything, name), known.labels(name)
    rows = min(max(len(values), 2), LISTED)
    options = [(labels[value], value) for value in values]
    control = widgets.SelectMultiple(options=options, rows=rows, layout={"width": WIDTHS[name]}, tooltip=name)
    control.add_class(f"aiot-{name}")
    return titled(name, _bound(control, name, state))


def _one(name: str, state: State) -> widgets.VBox:
    """Return a list for selecting a single value."""
    choices = {
        "timing": [(names.display(value), value) for value in TIMES],
        "by": [(label, value) for value, label in BY.items()],
        "between": [(label, value) for value, label in BETWEEN.items()],
    }
    titles = {"timing": "timing", "by": "colours show", "between": "flips between"}
    control = widgets.Dropdown(options=choices[name], layout={"width": "8.5em"}, tooltip=titles[name])
    control.add_class(f"aiot-{name}")
    return titled(titles[name], _bound(control, name, state))


def _bound(control: widgets.ValueWidget, name: str, state: State) -> widgets.ValueWidget:
    """Bind the value of a widget to that of the state, in both directions."""

    def shown(selection: Selection) -> None:
        control.value = getattr(selection, name)

    state.follow(shown)
    control.observe(lambda change: state.choose(**{name: change["new"]}), "value")
    return control
