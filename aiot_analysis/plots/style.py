"""What all figures share: looks, panels, the line of origin, the words for a gap."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache, partial, wraps
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec

import matplotlib
import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from aiot_analysis.tables import names

P = ParamSpec("P")
SHEET = Path(__file__).with_name("paper.mplstyle")
GREY = "#6b6b6b"
SIMULATED = "#b00020"
SMALL = 7.0  # points: the least that is read in print
BOLD = 1.3  # times as wide as other words
LETTER = 0.0075  # inches of a letter, on the average, by point of its size
NARROWEST = 1.65  # inches of a panel, with room for what stands beside its axis
MANY = 300  # times from end to end of a logarithmic axis, over which there is no room for 1, 2 and 5
TALL, LOW = 8.4, 1.35  # inches: of all rows of panels, where a page is to hold them, and of a panel


class Look(NamedTuple):
    """Never colour alone: a marker for points and a hatch for bars tell series apart as well."""

    color: str
    marker: str
    hatch: str


_KINDS: list[list[str]] = [names.IMPLEMENTATIONS, names.QUANTIZATIONS, names.MODELS, list(names.PHASE_NAMES)]
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")
_PLACES = {name: place for kind in _KINDS for place, name in enumerate(kind)}
_REST = 6  # the look of what has no place
PLAIN, SECOND, THIRD, FOURTH, FAINT, NOTABLE = range(6)
"""Places in the style sheet's cycle of colours, by what a colour is for where a figure has no series."""
CONTEXT = ("devices", "left_out", "apart", "classes")
"""Frames that name or explain what is drawn, but are not drawn."""

_width: ContextVar[float | None] = ContextVar("width", default=None)
_sheets: ContextVar[tuple[Path, ...]] = ContextVar("sheets", default=(SHEET,))


@cache
def _colors(sheets: tuple[Path, ...]) -> list[str]:
    """The colours of the property cycle, of the last sheet that has one."""
    found: list[str] = []
    for sheet in sheets:
        cycler = matplotlib.rc_params_from_file(sheet, use_default_template=False).get("axes.prop_cycle")
        found = found if cycler is None else cycler.by_key()["color"]
    return found


def color(place: int) -> str:
    """The style sheet's colour at a place of its cycle, like NOTABLE."""
    some = _colors(_sheets.get())
    return some[place % len(some)]


def light(shade: str) -> str:
    """A colour mixed with white, for a ground that text or a line is read on."""
    red, green, blue = (0.8 + 0.2 * part for part in to_rgb(shade))
    return to_hex((red, green, blue))


def ink(ground: str) -> str:
    """What can be read on a ground of that colour: white or nearly black, by its luminance (WCAG 2.2)."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(ground)]
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
    return "white" if 1.05 / (luminance + 0.05) >= 3 else "#333333"


def palette() -> list[Look]:
    """The looks of series in their order: the colours are those of the style sheet."""
    return [Look(*one) for one in zip(cycle(_colors(_sheets.get())), MARKERS, HATCHES, strict=False)]


def look(name: str) -> Look:
    """The look of a model, implementation, quantization or phase: the same in every figure."""
    some = palette()
    return some[_PLACES.get(name, _REST)]


def looks(series: Iterable[str]) -> dict[str, Look]:
    """A look for each of some series that the project has no names for, like classes of devices, in their order."""
    return dict(zip(series, cycle(palette()), strict=False))


class Drawn(NamedTuple):
    """What a figure was made of."""

    again: Callable[[], Figure]  # draws it once more, for `printing`
    frames: dict[str, pd.DataFrame]  # the numbers that it shows, by the name of the argument


def drawn(figure: Figure) -> Drawn | None:
    """What a figure of this package was made of; of another one nothing is known."""
    return getattr(figure, "drawn", None)


def context() -> AbstractContextManager[None]:
    """Applies the style to what is drawn or saved inside, and to nothing else."""
    return matplotlib.style.context(list(_sheets.get()))


@contextmanager
def printing(width: float | None = None, sheet: Path | None = None) -> Iterator[None]:
    """What is drawn inside is for a column of so many inches, and in a style sheet that is laid over the project's."""
    tokens = _width.set(width), _sheets.set((SHEET, sheet) if sheet else (SHEET,))
    try:
        yield
    finally:
        _width.reset(tokens[0])
        _sheets.reset(tokens[1])


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draws in the style, leaves the settings of matplotlib as they were, and keeps with the figure what it shows."""
    parameters = inspect.signature(function)

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with context():
            figure = function(*args, **kwargs)
        given = parameters.bind(*args, **kwargs).arguments
        frames = {
            name: value for name, value in given.items() if isinstance(value, pd.DataFrame) and name not in CONTEXT
        }
        shown = getattr(figure, "shown", None)  # a plot that draws little of a wide frame says what
        if shown is not None:
            frames[next(iter(frames))] = shown
        figure.drawn = Drawn(partial(wrapper, *args, **kwargs), frames)  # type: ignore[attr-defined]
        return figure

    return wrapper


def panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of `count` panels of width x height inches each, at most `columns` in a row.

    For print the figure is as wide as its column: panels are narrower, fewer stand in a row, and many rows are lower.
    """
    columns = max(1, min(columns, count))
    page = _width.get()
    if page:
        columns = max(1, min(columns, int(page / max(NARROWEST, 0.55 * width))))
        width = page / columns
    rows = max(1, ceil(count / columns))
    if page and rows > 3:
        height = min(height, max(LOW, TALL / rows))
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    figure = Figure(figsize=(page or max(columns * width, 4.2), rows * height + 0.7), layout=layout)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(count)]
    return figure, axes


def page_width(inches: float) -> float:
    """The width that is drawn for, or so many inches where none is asked for."""
    return _width.get() or inches


def across(axes: Axes) -> float:
    """The width of a panel in inches, with what stands beside its axis."""
    grid = axes.get_subplotspec()
    figure = axes.get_figure(root=True)
    if grid is None or figure is None:
        return 2.0
    return float(figure.get_size_inches()[0]) / grid.get_gridspec().ncols


def origin_line(rows: pd.DataFrame) -> str:
    """Where data come from, like "measured · end to end · sample weights": from rows of `instances`."""

    def of(column: str) -> str:
        return " and ".join(names.display(str(value)) for value in sorted(rows[column].dropna().unique())) or "unknown"

    return f"{of('origin')} · {of('timing')} · {of('weights')} weights · {of('dataset')} images"


def finish(figure: Figure, origin: str, alt: str, shown: pd.DataFrame | None = None) -> Figure:
    """Puts the line of origin on the figure and the alternative text into its label.

    Simulated data are marked over the whole figure, so that no cut-out loses the mark. `shown` are the numbers that
    are drawn, where the plot was given much more.
    """
    figure.shown = shown  # type: ignore[attr-defined]
    simulated = "simulated" in origin.lower()
    line = origin.replace("simulated", "SIMULATED", 1) if simulated else origin
    width = float(figure.get_size_inches()[0])
    # as the figure's x label the constrained layout keeps room for it
    figure.supxlabel(
        wrapped(line, letters(width)),
        x=0.995,
        ha="right",
        fontsize=SMALL,
        color=SIMULATED if simulated else GREY,
    )
    if simulated:
        mark: dict[str, Any] = {
            "fontsize": min(40.0, 11 * width),
            "color": SIMULATED,
            "alpha": 0.22,
            "rotation": 25,
            "ha": "center",
            "va": "center",
        }
        figure.text(0.5, 0.5, "SIMULATED", **mark)
    figure.set_label(f"{'Simulated data. ' if simulated else ''}{alt}")
    if _width.get():
        _fit(figure)
    return figure


def _fit(figure: Figure) -> None:
    """Sets titles and labels of narrow panels in lines, once the layout has told how wide their axes are."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        inches = axes.get_window_extent().width / figure.dpi
        title = axes.title if axes.title.get_text() else axes._left_title  # type: ignore[attr-defined]
        title.set_text(_folded(title.get_text(), inches, float(title.get_fontsize()) * BOLD))
        label = axes.xaxis.label
        wide = LETTER * float(label.get_fontsize()) * max(map(len, label.get_text().split("\n")))
        if wide > inches:  # from the right, under what stands beside the axis as well
            room = axes.get_window_extent().x1 / figure.dpi % across(axes) or across(axes)
            label.set(ha="right", x=1.0, text=_folded(label.get_text(), room - 0.1, float(label.get_fontsize())))


def _folded(text: str, inches: float, points: float) -> str:
    return "\n".join(wrapped(line, letters(inches, points)) for line in text.split("\n"))


def lay_out(figure: Figure) -> None:
    """Lay a finished figure out for good, so that all of its files agree and each is drawn once.

    While a figure has a layout engine, every `savefig` draws it twice, the first time only to lay it out.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        with context():
            engine.execute(figure)
        figure.set_layout_engine(None)


def legend(figure: Figure, handles: Mapping[str, Any]) -> None:
    """One legend above all panels, of handles by label."""
    if handles:
        keys = list(handles)
        width, height = figure.get_size_inches()
        per_entry = 0.062 * max(map(len, keys)) + 0.55  # inches, of 7.5 points
        columns = max(1, min(len(keys), int(width / per_entry)))
        figure.set_size_inches(width, height + 0.15 * (ceil(len(keys) / columns) - 1))
        figure.legend(list(handles.values()), keys, loc="outside upper center", ncols=columns)


def empty(axes: Axes, text: str) -> None:
    """Says in an empty panel why it is empty."""
    words = wrapped(text, letters(across(axes) - 0.7))
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=SMALL)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#cccccc", linestyle=(0, (4, 3)))


def note(axes: Axes, text: str) -> None:
    """Small words under a panel, below what its axis says."""
    said = axes.get_xlabel()
    words = wrapped(text, max(20, letters(0.88 * across(axes) - 0.55)))  # they are in the middle of the axis
    axes.set_xlabel("\n".join(part for part in (said, words) if part), fontsize=SMALL, color="#444444")
    grid, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    if _width.get() and grid and figure:  # low panels would be squeezed: their row becomes as much higher
        lines: dict[int, int] = figure.__dict__.setdefault("note_lines", {})
        row, count = grid.rowspan.start, said.count("\n") + words.count("\n") + 1
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + 0.115 * max(0, count - lines.get(row, 0)))
        lines[row] = max(count, lines.get(row, 0))


def letters(inches: float, points: float = SMALL) -> int:
    """How many letters of so many points, times BOLD where they are bold, stand in a line."""
    return max(12, int(inches / (LETTER * points)))


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
    """A logarithmic axis with numbers like 20, 50, 100 instead of powers; over many decades like 10, 100."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < MANY * low else (1,), numticks=30))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
