"""What all figures share: looks, panels, the line of origin, the words for a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from aiot_analysis import names

P = ParamSpec("P")
SHEET = Path(__file__).with_name("paper.mplstyle")
GREY = "#6b6b6b"
SIMULATED = "#b00020"


class Look(NamedTuple):
    """Never colour alone: a marker for points and a hatch for bars tell series apart as well."""

    color: str
    marker: str
    hatch: str


# Okabe and Ito's palette, which colour-blind readers can tell apart
_LOOKS = [
    Look("#0072B2", "o", ""),
    Look("#E69F00", "s", "///"),
    Look("#009E73", "^", "..."),
    Look("#CC79A7", "D", "xxx"),
    Look("#56B4E9", "v", "\\\\\\"),
    Look("#D55E00", "P", "+++"),
    Look("#999999", "X", "ooo"),
]
_KINDS: list[list[str]] = [names.IMPLEMENTATIONS, names.QUANTIZATIONS, names.MODELS, list(names.PHASE_NAMES)]
_KNOWN = {name: look for kind in _KINDS for name, look in zip(kind, _LOOKS, strict=False)}


def look(name: str) -> Look:
    """The look of a model, implementation, quantization or phase: the same in every figure."""
    return _KNOWN.get(name, _LOOKS[-1])


def looks(series: Iterable[str]) -> dict[str, Look]:
    """A look for each of some series that the project has no names for, like classes of devices, in their order."""
    return {name: _LOOKS[number % len(_LOOKS)] for number, name in enumerate(series)}


def context() -> AbstractContextManager[None]:
    """Applies the style to what is drawn or saved inside, and to nothing else."""
    return matplotlib.style.context(SHEET)


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draws in the style, and leaves the settings of matplotlib as they were."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with context():
            return function(*args, **kwargs)

    return wrapper


def panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels of width x height inches each, at most `columns` in a row."""
    columns = max(1, min(columns, count))
    rows = max(1, ceil(count / columns))
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    figure = Figure(figsize=(max(columns * width, 4.2), rows * height + 0.7), layout=layout)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
    return figure, axes


def origin_line(rows: pd.DataFrame) -> str:
    """Where data come from, like "measured · end to end · sample weights": from rows of `instances`."""

    def of(column: str) -> str:
        return " and ".join(names.display(str(value)) for value in sorted(rows[column].dropna().unique())) or "unknown"

    return f"{of('origin')} · {of('timing')} · {of('weights')} weights · {of('dataset')} images"


def finish(figure: Figure, origin: str, alt: str) -> Figure:
    """Puts the line of origin on the figure and the alternative text into its label.

    Simulated data are marked over the whole figure, so that no cut-out loses the mark.
    """
    simulated = "simulated" in origin.lower()
    line = origin.replace("simulated", "SIMULATED", 1) if simulated else origin
    # as the figure's x label the constrained layout keeps room for it
    figure.supxlabel(line, x=0.995, ha="right", fontsize=6.5, color=SIMULATED if simulated else GREY)
    if simulated:
        mark: dict[str, Any] = {
            "fontsize": 40,
            "color": SIMULATED,
            "alpha": 0.22,
            "rotation": 25,
            "ha": "center",
            "va": "center",
        }
        figure.text(0.5, 0.5, "SIMULATED", **mark)
    figure.set_label(f"{'Simulated data. ' if simulated else ''}{alt}")
    return figure


def legend(figure: Figure, handles: Mapping[str, Any]) -> None:
    """One legend above all panels, of handles by label."""
    if handles:
        keys = list(handles)
        width = figure.get_size_inches()[0]
        per_entry = 0.062 * max(map(len, keys)) + 0.55  # inches, of 7.5 points
        figure.legend(
            list(handles.values()),
            keys,
            loc="outside upper center",
            ncols=max(1, min(len(keys), int(width / per_entry))),
        )


def empty(axes: Axes, text: str) -> None:
    """Says in an empty panel why it is empty."""
    figure = axes.get_figure(root=True)
    across = axes.get_position().width * figure.get_size_inches()[0] if figure else 2.0
    letters = max(12, int(across / 0.065))  # of 7 points
    axes.text(
        0.5, 0.5, wrapped(text, letters), transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=7
    )
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#cccccc", linestyle=(0, (4, 3)))


def note(axes: Axes, text: str, width: int = 60) -> None:
    """Small words under a panel, below what its axis says."""
    said = axes.get_xlabel()
    axes.set_xlabel("\n".join(part for part in (said, wrapped(text, width)) if part), fontsize=6.5, color="#444444")


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most `width` letters where words allow."""
    lines = [""]
    for word in text.split():
        lines = (
            [*lines, word]
            if lines[-1] and len(lines[-1]) + len(word) >= width
            else [*lines[:-1], f"{lines[-1]} {word}".strip()]
        )
    return "\n".join(lines)


def why(left_out: pd.DataFrame | None, **of: str) -> str:
    """Why there is no data, in brackets, from the frame of what was left out; "" if it says nothing.

    `of` gives values of its columns, like framework="tflite", delegate="nnapi".
    """
    if left_out is None:
        return ""
    found = left_out
    for column, value in of.items():
        found = found[found[column] == value]
    if found.empty:
        return " (not run)"
    reasons = found["reasons"].unique()
    verdicts = ", ".join(sorted(found["verdict"].unique()))
    return f" ({reasons[0]})" if len(reasons) == 1 and len(reasons[0]) <= 60 else f" ({verdicts})"


def listed(words: Iterable[str]) -> str:
    """Words as a sentence has them: "a, b and c"."""
    some: Sequence[str] = list(words)
    return " and ".join([", ".join(some[:-1]), some[-1]]) if len(some) > 1 else "".join(some)


def span(values: pd.Series, pattern: str) -> str:
    """The range of values in words, like "0.50 to 0.70" for the pattern "{:.2f}"."""
    low, high = (pattern.format(value) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def plain_log(axis: Axis) -> None:
    """A logarithmic axis with numbers like 20, 50, 100 instead of powers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
