"""The widgets to choose with. They all show and change one state, and who follows it hears of every change once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import traitlets

from aiot_analysis.explore.selection import BETWEEN, BY, COLUMNS, Known, Selection
from aiot_analysis.explore.soon import Soon
from aiot_analysis.tables import names, select

LISTED = 8  # lines of a list; more are scrolled
WIDTHS = {"devices": "14em", "models": "9em", "frameworks": "7em", "delegates": "6em", "quantizations": "8em"}


class State(traitlets.HasTraits):
    """What is chosen now. To set `selection` moves the widgets too; to set an equal one does nothing."""

    selection = traitlets.Instance(Selection)

    def choose(self, **values: Any) -> None:
        """Changes some of it, like choose(models=["mnasnet"], timing="inference")."""
        self.selection = replace(self.selection, **values)

    def follow(self, function: Callable[[Selection], None]) -> None:
        """Calls the function now, and after every change."""
        self.observe(lambda change: function(change["new"]), "selection")
        function(self.selection)

    def follow_soon(self, function: Callable[[Selection], None]) -> Soon:
        """As `follow`, but for what takes its time: of several changes in a row it hears the last."""
        function(self.selection)
        later = Soon(function)
        self.observe(lambda change: later(change["new"]), "selection")
        return later


def pickers(known: Known, state: State, ones: tuple[str, ...], *others: widgets.Widget) -> widgets.VBox:
    """A list for each of COLUMNS, of which several values are chosen, for each of `ones` a list to choose one of, and
    other widgets behind them.
    """
    made = [_several(name, known, state) for name in COLUMNS]
    made += [*(_one(name, state) for name in ones), *others]
    hint = widgets.HTML("<small>A click chooses one, Ctrl or Shift with it several, Ctrl+A all of a list.</small>")
    everything = widgets.Button(description="choose everything", layout={"width": "11em"})
    everything.on_click(lambda _: state.choose(**{name: getattr(known.everything, name) for name in COLUMNS}))
    layout = widgets.Layout(flex_flow="row wrap", display="flex")
    return widgets.VBox([widgets.Box(made, layout=layout), widgets.HBox([everything, hint])])


def origin(known: Known) -> widgets.HTML:
    """Where the data come from, in a word or in capitals."""
    return widgets.HTML(f"<p>{names.ORIGIN_SENTENCES[known.data.origin]}</p>").add_class("aiot-origin")


def titled(title: str, widget: widgets.DOMWidget) -> widgets.VBox:
    """A widget with its name above it."""
    return widgets.VBox([widgets.HTML(f"<b>{title}</b>"), widget], layout={"margin": "0 0.6em 0.4em 0"})


def _several(name: str, known: Known, state: State) -> widgets.VBox:
    values, labels = getattr(known.everything, name), known.labels(name)
    rows = min(max(len(values), 2), LISTED)
    options = [(labels[one], one) for one in values]
    control = widgets.SelectMultiple(options=options, rows=rows, layout={"width": WIDTHS[name]}, tooltip=name)
    control.add_class(f"aiot-{name}")
    return titled(name, _bound(control, name, state))


def _one(name: str, state: State) -> widgets.VBox:
    choices = {
        "timing": [(names.display(one), one) for one in select.TIMES],
        "by": [(word, one) for one, word in BY.items()],
        "between": [(word, one) for one, word in BETWEEN.items()],
    }
    titles = {"timing": "timing", "by": "colours tell", "between": "flips between"}
    control = widgets.Dropdown(options=choices[name], layout={"width": "8.5em"}, tooltip=titles[name])
    control.add_class(f"aiot-{name}")
    return titled(titles[name], _bound(control, name, state))


def _bound(control: widgets.ValueWidget, name: str, state: State) -> widgets.ValueWidget:
    """Ties the value of a widget to that of the state, both ways."""

    def shown(selection: Selection) -> None:
        control.value = getattr(selection, name)

    state.follow(shown)
    control.observe(lambda change: state.choose(**{name: change["new"]}), "value")
    return control
