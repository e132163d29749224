"""Shared parts of all figures: colours and markers, panels, the origin line and messages for missing data."""

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
SMALL = 7.0  # points: the smallest size that is legible in print
BOLD = 1.3  # width of bold text relative to regular text
LETTER = 0.0075  # average width of a letter in inches, per point of font size
NARROWEST = 1.65  # minimum panel width in inches, including axis labels
MANY = 300  # ratio of the ends of a logarithmic axis above which there is no room for 1, 2 and 5
TALL, LOW = 8.4, 1.35  # inches: total height of all rows of panels on a page, and minimum height of a panel


class Look(NamedTuple):
    """Appearance of a series: a marker for points and a hatch for bars, so that colour is never the only cue."""

    color: str
    marker: str
    hatch: str


_KINDS: list[list[str]] = [names.IMPLEMENTATIONS, names.QUANTIZATIONS, names.MODELS, list(names.PHASE_NAMES)]
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")
_PLACES = {name: place for kind in _KINDS for place, name in enumerate(kind)}
_REST = 6  # position of the look for names that are not listed above
PLAIN, SECOND, THIRD, FOURTH, FAINT, NOTABLE = range(6)
"""Positions in the style sheet's colour cycle, named by purpose, for figures without series."""
CONTEXT = ("devices", "left_out", "apart", "classes")
"""Arguments with frames that label or explain the figure but are not drawn themselves."""

_width: ContextVar[float | None] = ContextVar("width", default=None)
_sheets: ContextVar[tuple[Path, ...]] = ContextVar("sheets", default=(SHEET,))


@cache
def _colors(sheets: tuple[Path, ...]) -> list[str]:
    """Return the colours of the property cycle from the last style sheet that defines one."""
    colors: list[str] = []
    for sheet in sheets:
        cycler = matplotlib.rc_params_from_file(sheet, use_default_template=False).get("axes.prop_cycle")
        colors = colors if cycler is None else cycler.by_key()["color"]
    return colors


def color(place: int) -> str:
    """Return the style sheet's colour at a position in its cycle, such as NOTABLE."""
    colors = _colors(_sheets.get())
    return colors[place % len(colors)]


def light(shade: str) -> str:
    """Return the colour mixed with white, for use as a background to text or lines."""
    red, green, blue = (0.8 + 0.2 * part for part in to_rgb(shade))
    return to_hex((red, green, blue))


def ink(ground: str) -> str:
    """Return a text colour that is legible on a background: white or near black, by relative luminance (WCAG 2.2)."""
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(ground)]
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))
    return "white" if 1.05 / (luminance + 0.05) >= 3 else "#333333"


def palette() -> list[Look]:
    """Return the looks of successive series, in the colours of the style sheet."""
    return [Look(*parts) for parts in zip(cycle(_colors(_sheets.get())), MARKERS, HATCHES, strict=False)]


def look(name: str) -> Look:
    """Return the look of a model, implementation, quantization or phase, which is the same in every figure."""
    series_looks = palette()
    return series_looks[_PLACES.get(name, _REST)]


def looks(series: Iterable[str]) -> dict[str, Look]:
    """Return a look for each series, in order, for names that have no fixed look, such as device classes."""
    return dict(zip(series, cycle(palette()), strict=False))


class FigureSource(NamedTuple):
    """Record of how a figure was drawn."""

    again: Callable[[], Figure]  # redraws the figure, for `printing`
    frames: dict[str, pd.DataFrame]  # the data shown, by argument name


def figure_source(figure: Figure) -> FigureSource | None:
    """Return how a figure was drawn, or None if it is not from this package."""
    return getattr(figure, "drawn", None)


def context() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn and saved in the project's style."""
    return matplotlib.style.context(list(_sheets.get()))


@contextmanager
def printing(width: float | None = None, sheet: Path | None = None) -> Iterator[None]:
    """Draw figures for a column `width` inches wide, with an optional style sheet on top of the project's."""
    tokens = _width.set(width), _sheets.set((SHEET, sheet) if sheet else (SHEET,))
    try:
        yield
    finally:
        _width.reset(tokens[0])
        _sheets.reset(tokens[1])


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a plot function to draw in the project's style and store the data with the figure (see `FigureSource`).

    Matplotlib's settings are left unchanged.
    """
    parameters = inspect.signature(function)

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with context():
            figure = function(*args, **kwargs)
        arguments = parameters.bind(*args, **kwargs).arguments
        frames = {
            name: value for name, value in arguments.items() if isinstance(value, pd.DataFrame) and name not in CONTEXT
        }
        drawn_subset = getattr(figure, "shown", None)  # set by plots that draw only part of a wide frame
        if drawn_subset is not None:
            frames[next(iter(frames))] = drawn_subset
        figure.drawn = FigureSource(partial(wrapper, *args, **kwargs), frames)  # type: ignore[attr-defined]
        return figure

    return wrapper


def panels(count: int, columns: int, width: float, height: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with `count` panels of width x height inches each, at most `columns` per row, and its axes.

    In print, the figure is as wide as the text column: panels may be narrower, fewer per row and, with many rows,
    lower.
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
    """Return the page width set by `printing`, or `inches` if none is set."""
    return _width.get() or inches


def panel_width(axes: Axes) -> float:
    """Return the width of a panel in inches, including axis labels."""
    grid = axes.get_subplotspec()
    figure = axes.get_figure(root=True)
    if grid is None or figure is None:
        return 2.0
    return float(figure.get_size_inches()[0]) / grid.get_gridspec().ncols


def origin_line(rows: pd.DataFrame) -> str:
    """Return where the data come from, such as "measured · end to end · sample weights".

    `rows` are rows of the table `instances`.
    """

    def of(column: str) -> str:
        return " and ".join(names.display(str(value)) for value in sorted(rows[column].dropna().unique())) or "unknown"

    return f"{of('origin')} · {of('timing')} · {of('weights')} weights · {of('dataset')} images"


def finish(figure: Figure, origin: str, alt: str, shown: pd.DataFrame | None = None) -> Figure:
    """Add the origin line to a figure, and the alternative text as its label.

    Simulated data are marked across the whole figure, so that a cropped copy keeps the mark. `shown` holds the data
    that are drawn, if the plot received much more than that.
    """
    figure.shown = shown  # type: ignore[attr-defined]
    simulated = "simulated" in origin.lower()
    line = origin.replace("simulated", "SIMULATED", 1) if simulated else origin
    width = float(figure.get_size_inches()[0])
    # the constrained layout reserves room for the figure's x label
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
    """Wrap the titles and labels of narrow panels, once the layout has fixed the width of their axes."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        inches = axes.get_window_extent().width / figure.dpi
        title = axes.title if axes.title.get_text() else axes._left_title  # type: ignore[attr-defined]
        title.set_text(_folded(title.get_text(), inches, float(title.get_fontsize()) * BOLD))
        label = axes.xaxis.label
        label_inches = LETTER * float(label.get_fontsize()) * max(map(len, label.get_text().split("\n")))
        if label_inches > inches:  # right-align the label so that it may extend below the axis labels on the left
            room = axes.get_window_extent().x1 / figure.dpi % panel_width(axes) or panel_width(axes)
            label.set(ha="right", x=1.0, text=_folded(label.get_text(), room - 0.1, float(label.get_fontsize())))


def _folded(text: str, inches: float, points: float) -> str:
    return "\n".join(wrapped(line, letters(inches, points)) for line in text.split("\n"))


def lay_out(figure: Figure) -> None:
    """Fix the layout of a finished figure, so that all of its files agree and each is drawn only once.

    While a figure has a layout engine, every `savefig` draws it twice, the first time only for the layout.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        with context():
            engine.execute(figure)
        figure.set_layout_engine(None)


def legend(figure: Figure, handles: Mapping[str, Any]) -> None:
    """Add one legend above all panels, from a mapping of labels to handles."""
    if handles:
        keys = list(handles)
        width, height = figure.get_size_inches()
        per_entry = 0.062 * max(map(len, keys)) + 0.55  # inches, at 7.5 points
        columns = max(1, min(len(keys), int(width / per_entry)))
        figure.set_size_inches(width, height + 0.15 * (ceil(len(keys) / columns) - 1))
        figure.legend(list(handles.values()), keys, loc="outside upper center", ncols=columns)


def empty(axes: Axes, text: str) -> None:
    """Write in an empty panel why it is empty."""
    words = wrapped(text, letters(panel_width(axes) - 0.7))
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=SMALL)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#cccccc", linestyle=(0, (4, 3)))


def note(axes: Axes, text: str) -> None:
    """Add a note in small print under a panel, below the axis label."""
    axis_label = axes.get_xlabel()
    words = wrapped(text, max(20, letters(0.88 * panel_width(axes) - 0.55)))  # centred on the axis
    axes.set_xlabel("\n".join(part for part in (axis_label, words) if part), fontsize=SMALL, color="#444444")
    grid, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    if _width.get() and grid and figure:  # make the row taller, since low panels would be squeezed
        lines: dict[int, int] = figure.__dict__.setdefault("note_lines", {})
        row, count = grid.rowspan.start, axis_label.count("\n") + words.count("\n") + 1
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + 0.115 * max(0, count - lines.get(row, 0)))
        lines[row] = max(count, lines.get(row, 0))


def letters(inches: float, points: float = SMALL) -> int:
    """Return how many letters of a font size fit in a line; for bold text, pass the size times BOLD."""
    return max(12, int(inches / (LETTER * points)))


def wrapped(text: str, width: int) -> str:
    """Return the text wrapped to lines of at most `width` letters, except for longer words."""
    lines = [""]
    for word in text.split():
        lines = (
            [*lines, word]
            if lines[-1] and len(lines[-1]) + len(word) >= width
            else [*lines[:-1], f"{lines[-1]} {word}".strip()]
        )
    return "\n".join(lines)


def gap_reason(left_out: pd.DataFrame | None, **of: str) -> str:
    """Return in brackets why there is no data, from the frame of excluded rows, or "" without such a frame.

    `of` selects rows by column values, such as framework="tflite", delegate="nnapi".
    """
    if left_out is None:
        return ""
    matching = left_out
    for column, value in of.items():
        matching = matching[matching[column] == value]
    if matching.empty:
        return " (not run)"
    reasons = matching["reasons"].unique()
    verdicts = ", ".join(sorted(matching["verdict"].unique()))
    return f" ({reasons[0]})" if len(reasons) == 1 and len(reasons[0]) <= 60 else f" ({verdicts})"


def listed(words: Iterable[str]) -> str:
    """Return words joined as in a sentence: "a, b and c"."""
    items: Sequence[str] = list(words)
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def span(values: pd.Series, pattern: str) -> str:
    """Return the range of values as text, such as "0.50 to 0.70" for the pattern "{:.2f}"."""
    low, high = (pattern.format(value) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def plain_log(axis: Axis) -> None:
    """Label a logarithmic axis with numbers like 20, 50, 100 instead of powers, or 10, 100 over many decades."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < MANY * low else (1,), numticks=30))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
