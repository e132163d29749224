"""Shared parts of all figures: colours and markers, panels, the origin line and messages for missing data."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache, partial, wraps
from itertools import cycle
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

import matplotlib
import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from aiot_analysis.errors import FigureError
from aiot_analysis.plots.contrast import contrast
from aiot_analysis.plots.origin_mark import OriginMark, is_covered
from aiot_analysis.tables import names
from aiot_analysis.words import typeset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from matplotlib.text import Text


P = ParamSpec("P")
T = TypeVar("T")
Canvas = Figure | SubFigure | Axes
"""What a plot draws on: a figure of its own, or what its caller passed as `ax` or `fig`."""
TARGET_NOTE = """

Draws on a new figure, or on existing axes `ax` (if there is one panel), or on an empty figure or subfigure `fig`.
These keep their size, and everything else on their figure stays as it is. Returns the figure in each case.
"""
SHEET = Path(__file__).with_name("paper.mplstyle")
SCREEN = Path(__file__).with_name("page.mplstyle")
"""Sizes of text on pages, on top of SHEET: pages show 96 pixels per inch, so 8.25 points are 11 pixels."""
INK = "#1a1a1a"  # text, axes and whatever is drawn in black
GREY = "#6b6b6b"  # notes and reference lines
RULE = "#bbbbbb"  # faint lines and frames
GRID = "#e6e6e6"
GROUND = "#ffffff"
"""The neutral colours of all figures, which pages replace in dark mode. INK, GRID and GROUND are in SHEET, too."""
ON_DARK, ON_LIGHT = "#fdfdfd", "#333333"
"""Colours of text on areas in the colour of a series. Pages keep them in dark mode, as they keep these areas."""
SIMULATED = "#b00020"
PUBLISHED = "#5b3f9e"  # as in the style sheet of the pages
BOLD = 1.3  # width of bold text relative to regular text
LETTER = 0.0075  # average width of a letter in inches, per point of font size
NARROWEST = 1.65  # minimum panel width in inches, including axis labels
WIDEST = 11.2  # inches: width of the main column of a page; wider figures would be displayed smaller
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
_target: ContextVar[Canvas | None] = ContextVar("target", default=None)
_sheets: ContextVar[tuple[Path, ...]] = ContextVar("sheets", default=(SHEET, SCREEN))
_with_origin_line: ContextVar[bool] = ContextVar("with_origin_line", default=True)

if TYPE_CHECKING:
    SMALL: float
    """Size of the smallest text in points: that of tick labels, which is larger on pages than in print."""
else:

    def __getattr__(name: str) -> float:
        """Return SMALL, which depends on whether figures are drawn for pages or for print."""
        if name == "SMALL":
            return small()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _setting(sheets: tuple[Path, ...], name: str) -> Any:
    """Return a setting from the last style sheet that has it."""
    contents: list[Any] = [matplotlib.rc_params_from_file(sheet, use_default_template=False) for sheet in sheets]
    return [settings[name] for settings in contents if name in settings][-1]


def _colors(sheets: tuple[Path, ...]) -> list[str]:
    colors: list[str] = _setting(sheets, "axes.prop_cycle").by_key()["color"]
    return colors


def small() -> float:
    """Return the size of the smallest text in points: that of tick labels."""
    return _points("xtick.labelsize")


def _points(name: str) -> float:
    """Return a font size from the style sheets in points; for one in words, such as "small", that of the project."""
    points = _setting(_sheets.get(), name)
    return float(points) if isinstance(points, int | float) else float(_setting((SHEET,), name))


def color(place: int) -> str:
    """Return the style sheet's colour at a position in its cycle, such as NOTABLE."""
    colors = _colors(_sheets.get())
    return colors[place % len(colors)]


def light(shade: str) -> str:
    """Return the colour mixed with white, for use as a background to text or lines."""
    red, green, blue = (0.8 + 0.2 * part for part in to_rgb(shade))
    return to_hex((red, green, blue))


def ink(ground: str) -> str:
    """Return a text colour that is legible on a background: white or near black, by relative luminance (WCAG 2.2).

    On the neutral grounds of a figure it is INK, since pages replace these grounds in dark mode.
    """
    if ground in (GROUND, GRID):
        return INK
    return ON_DARK if contrast(GROUND, to_hex(ground)) >= 3 else ON_LIGHT


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


def legend_mark(series_look: Look) -> Line2D:
    """Return the mark of a series for a legend: its marker in its colour, without a line."""
    return Line2D([], [], color=series_look.color, marker=series_look.marker, linestyle="none")


def hollow_mark() -> Line2D:
    """Return a hollow grey circle, for a legend that explains hollow marks."""
    return Line2D([], [], color=GREY, marker="o", mfc="white", linestyle="none")


class FigureSource(NamedTuple):
    """Record of how a figure was drawn."""

    again: Callable[[], Figure]  # redraws the figure, for `printing`
    frames: dict[str, pd.DataFrame]  # the data shown, by argument name
    devices: pd.DataFrame | None  # table `devices` that labels them
    origin: str  # line that states where the data come from


def figure_source(figure: Figure) -> FigureSource | None:
    """Return how a figure was drawn, or None if it is not from this package."""
    return getattr(figure, "drawn", None)


def context() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn and saved in the project's style."""
    return matplotlib.style.context(list(_sheets.get()))


@contextmanager
def printing(width: float | None = None, sheet: Path | None = None, *, origin_line: bool = True) -> Iterator[None]:
    """Draw figures for a printed column `width` inches wide, with an optional style sheet on top of the project's.

    Text is smaller than on pages. Without `origin_line`, figures do not state the origin of their data in words; the
    light mark of simulated and published data stays.
    """
    sheets = (SHEET, sheet) if sheet else (SHEET,)
    with _set(_width, width), _set(_sheets, sheets), _set(_with_origin_line, origin_line):
        yield


@contextmanager
def narrow(width: float) -> Iterator[None]:
    """Draw figures for a column of a page `width` inches (of 96 pixels) wide, with text as large as on wide pages."""
    with _set(_width, width):
        yield


@contextmanager
def _set(variable: ContextVar[T], value: T) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def styled(function: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorate a plot function to draw in the project's style, on a new figure or on its argument `ax` or `fig`.

    A new figure stores its data and how it was drawn (see `FigureSource`). Matplotlib's settings are left unchanged.
    """
    parameters = inspect.signature(function)

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        target = _checked_target(kwargs.get("ax"), kwargs.get("fig"))
        with context(), _drawing_on(target):
            figure = function(*args, **kwargs)
        if target is not None:
            return figure
        arguments = parameters.bind(*args, **kwargs).arguments
        frames = {
            name: value for name, value in arguments.items() if isinstance(value, pd.DataFrame) and name not in CONTEXT
        }
        drawn_subset = getattr(figure, "shown", None)  # set by plots that draw only part of a wide frame
        if drawn_subset is not None:
            frames[next(iter(frames))] = drawn_subset
        devices, origin = arguments.get("devices"), arguments.get("origin", "")
        figure.drawn = FigureSource(  # type: ignore[attr-defined]
            partial(wrapper, *args, **kwargs), frames, devices, str(origin)
        )
        return figure

    wrapper.__doc__ = inspect.cleandoc(function.__doc__ or "") + TARGET_NOTE
    return wrapper


def _checked_target(ax: object, fig: object) -> Canvas | None:
    """Return the axes or the figure to draw on, or None for a new figure."""
    if ax is not None and fig is not None:
        raise FigureError("Both `ax` and `fig` were passed: pass one of them.")
    if ax is not None and not isinstance(ax, Axes):
        raise FigureError(
            f"`ax` is of type {type(ax).__name__}: pass single axes, or a figure or a subfigure as `fig`."
        )
    if isinstance(ax, Axes) and ax.get_figure() is None:
        raise FigureError("`ax` was removed from its figure: pass axes that are on a figure.")
    if fig is not None and not isinstance(fig, Figure | SubFigure):
        raise FigureError(f"`fig` is of type {type(fig).__name__}: pass a figure or subfigure, or axes as `ax`.")
    if isinstance(fig, Figure | SubFigure) and (fig.axes or fig.subfigs):
        raise FigureError("`fig` has axes already: pass one of them as `ax`, or an empty subfigure.")
    return ax or fig


@contextmanager
def _drawing_on(target: Canvas | None) -> Iterator[None]:
    """Draw on existing axes or an existing figure, whose width limits panels and texts as a printed column does."""
    if target is None:
        yield
        return
    width = panel_width(target) if isinstance(target, Axes) else size(target)[0]
    with _set(_width, width), _set(_target, target):
        yield


def blank(count: int, width: float, height: float, layout: ConstrainedLayoutEngine | None) -> Canvas:
    """Return what to draw `count` panels on: a new figure of width x height inches, or the caller's `ax` or `fig`.

    `layout` places the panels; without one, the plot does so itself. Raises FigureError if there is more than one panel
    for the caller's axes.
    """
    target = _target.get()
    if target is None:
        figure = Figure(figsize=(width, height), layout=layout)
        FigureCanvasAgg(figure)  # keeps its renderer: without one, each measuring of a text would make a new picture
        return figure
    if isinstance(target, Axes):
        if count != 1:
            raise FigureError(
                f"This figure has {count} panels and cannot be drawn on one `ax`: pass an empty figure or subfigure as "
                "`fig`, such as one of `figure.subfigures(2, 2)`."
            )
        _restyle(target)
    elif layout and isinstance(target, Figure) and target.get_layout_engine() is None:
        target.set_layout_engine(layout)
    return target


def _restyle(axes: Axes) -> None:
    """Apply the project's style to axes that were created in another one, and to ticks that are created later."""
    settings: Mapping[Any, Any] = matplotlib.rcParams
    axes.set_axisbelow(settings["axes.axisbelow"])
    for side, spine in axes.spines.items():
        spine.set(visible=settings[f"axes.spines.{side}"], linewidth=settings["axes.linewidth"])
        spine.set_edgecolor(settings["axes.edgecolor"])
    for name, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
        axis.reset_ticks()
        axis.set_tick_params(
            labelsize=settings[f"{name}tick.labelsize"],
            width=settings[f"{name}tick.major.width"],
            colors=settings[f"{name}tick.color"],
        )
        axis.grid(True, color=settings["grid.color"], linewidth=settings["grid.linewidth"])
        axis.grid(settings["axes.grid"])
        axis.label.set(fontsize=settings["axes.labelsize"], parse_math=settings["text.parse_math"])
        axis.label.set_color(settings["axes.labelcolor"])
    axes._left_title.set_parse_math(settings["text.parse_math"])  # type: ignore[attr-defined]


def panels(count: int, columns: int, width: float, height: float) -> tuple[Canvas, list[Axes]]:
    """Return a figure with `count` panels of width x height inches each, at most `columns` per row, and its axes.

    In print, the figure is as wide as the text column: panels may be narrower, fewer per row and, with many rows,
    lower. On a figure of the caller, they share its height, too. On axes of the caller, these are the only panel.
    """
    columns = max(1, min(columns, count))
    page, target = _width.get(), _target.get()
    if page:
        columns = max(1, min(columns, int(page / max(NARROWEST, 0.55 * width))))
    if page and isinstance(target, Figure | SubFigure):  # rows that would be too low have more panels
        columns = max(columns, min(ceil(count / max(1, int(size(target)[1] / LOW))), int(page / NARROWEST)))
    if page:
        width = page / columns
    rows = max(1, ceil(count / columns))
    if page and rows > 3:
        height = min(height, max(LOW, TALL / rows))
    layout = ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    canvas = blank(count, page or min(max(columns * width, 4.2), WIDEST), rows * height + 0.7, layout)
    if isinstance(canvas, Axes):
        return canvas, [canvas]
    axes = [canvas.add_subplot(rows, columns, number + 1) for number in range(count)]
    for panel in axes:
        _restyle(panel)
    return canvas, axes


def page_width(inches: float) -> float:
    """Return the page width set by `printing` or by the caller's axes or figure, or `inches` if none is set."""
    return _width.get() or inches


def size(figure: Figure | SubFigure) -> tuple[float, float]:
    """Return the width and height of a figure or a subfigure in inches."""
    if isinstance(figure, Figure):
        width, height = figure.get_size_inches()
    else:
        width, height = figure.bbox.width / figure.dpi, figure.bbox.height / figure.dpi
    return float(width), float(height)


def panel_width(axes: Axes) -> float:
    """Return the width of a panel in inches, including axis labels."""
    figure, spec = axes.get_figure(), axes.get_subplotspec()
    if figure is None:
        return 2.0
    width = size(figure)[0]
    if spec is None:
        return width * float(axes.get_position().width)
    outer = spec.get_topmost_subplotspec()
    for cell in [spec] if outer == spec else [outer, spec]:
        ratios: Any = cell.get_gridspec().get_width_ratios()
        width = width * sum(ratios[cell.colspan.start : cell.colspan.stop]) / sum(ratios)
    return float(width)


def origin_line(rows: pd.DataFrame) -> str:
    """Return where the data come from, such as "measured · end to end · sample weights".

    `rows` are rows of the table `instances`.
    """

    def of(column: str) -> str:
        return " and ".join(names.display(str(value)) for value in sorted(rows[column].dropna().unique())) or "unknown"

    return f"{names.origin_words(rows)} · {of('timing')} · {of('weights')} weights · {of('dataset')} images"


def origin_mark(origin: str) -> tuple[str, str]:
    """Return the word that marks the panels of a figure ("" for measured data) and the colour of its origin."""
    if "simulated" in origin.lower():
        return "SIMULATED", SIMULATED
    return ("PUBLISHED", PUBLISHED) if origin.startswith("published") else ("", GREY)


def finish(canvas: Canvas, origin: str, alt: str, shown: pd.DataFrame | None = None) -> Figure:
    """Add the origin line to a figure, and the alternative text as its label. Return the figure.

    Simulated and published data are marked in each panel, so that a cropped copy keeps the mark. `shown` holds the data
    that are drawn, if the plot received much more than that. The label of a figure of the caller joins the alternative
    texts of all that is drawn on it, and the axes and subfigures have their own.
    """
    word, color = origin_mark(origin)
    line = origin.replace("simulated", "SIMULATED", 1) if word == "SIMULATED" else origin
    width = panel_width(canvas) if isinstance(canvas, Axes) else size(canvas)[0]
    words: dict[str, Any] = {"ha": "right", "fontsize": small(), "color": color}
    if not _with_origin_line.get():
        pass
    elif isinstance(canvas, Axes):
        below: Any = ("axes fraction", canvas.xaxis.label)  # below the label of the x axis, wherever that is
        offset: dict[str, Any] = {"xytext": (0, -2), "textcoords": "offset points", "va": "top"}
        canvas.annotate(wrap_text(line, letters_per_line(width)), (1, 0), xycoords=below, **offset, **words)
    else:
        # the constrained layout reserves room for the figure's x label
        canvas.supxlabel(wrap_text(line, letters_per_line(width)), x=0.995, **words)
    figure = canvas.get_figure(root=True)
    assert isinstance(figure, Figure)  # see `_checked_target`
    _describe(figure, canvas, f"{'Simulated data. ' if word == 'SIMULATED' else ''}{typeset(alt)}")
    if _target.get() is None:
        figure.shown = shown  # type: ignore[attr-defined]
    if _width.get():
        _fit(figure, canvas)
    for axes in ([canvas] if isinstance(canvas, Axes) else canvas.axes) if word else []:
        _mark_panel(axes, word, color)
    return figure


def _mark_panel(axes: Axes, word: str, color: str) -> None:
    """Mark the origin of a panel below its data, or above the panel if it is covered by cells or bars."""
    if not axes.has_data():
        return  # an empty panel says why it is empty
    if not is_covered(axes):
        axes.add_artist(OriginMark(axes, word, color, small()))
        return
    title = axes._left_title if axes._left_title.get_text() else axes.title  # type: ignore[attr-defined]
    lines = title.get_text().split("\n") if title.get_text() else []
    letters = LETTER * BOLD * float(title.get_fontsize()) * max(map(len, lines), default=0)
    figure, labels = axes.get_figure(root=True), axes.yaxis.get_tightbbox()
    room = panel_width(axes) - max(0.7, 0.1 + (labels.width / figure.dpi if figure and labels else 0.0))
    beside = letters + LETTER * small() * len(word) < room
    above = "" if beside else "\n" * len(lines)
    axes.set_title(word + above, loc="right", fontsize=small(), color=color, fontweight="normal")


def _describe(figure: Figure, canvas: Canvas, alt: str) -> None:
    """Label what was drawn on, and its figure unless the caller has labelled that."""
    texts: dict[Canvas, str] = figure.__dict__.setdefault("alternative_texts", {})
    free = figure.get_label() in ("", " ".join(texts.values()))
    texts[canvas] = alt
    if canvas is not figure:
        canvas.set_label(alt)
    if free:
        figure.set_label(" ".join(texts.values()))


def _fit(figure: Figure, canvas: Canvas) -> None:
    """Wrap the titles and labels of narrow panels to the width of their axes.

    The layout fixes that width. A figure of the caller may not be complete yet, so there it is estimated.
    """
    if _target.get() is None:
        figure.draw_without_rendering()
    for axes in [canvas] if isinstance(canvas, Axes) else canvas.axes:
        if _target.get() is None:
            inches = axes.get_window_extent().width / figure.dpi
            room = axes.get_window_extent().x1 / figure.dpi % panel_width(axes) or panel_width(axes)
        else:
            beside = axes.yaxis.get_tightbbox()
            room = panel_width(axes) - 0.1
            inches = max(0.3 * room, room - (beside.width / figure.dpi if beside else 0.0))
        title = axes.title if axes.title.get_text() else axes._left_title  # type: ignore[attr-defined]
        _wrap_title(title, inches)
        label = axes.xaxis.label
        label_inches = LETTER * float(label.get_fontsize()) * max(map(len, label.get_text().split("\n")))
        if label_inches > inches:  # right-align the label so that it may extend below the axis labels on the left
            label.set(ha="right", x=1.0, text=_break_lines(label.get_text(), room - 0.1, float(label.get_fontsize())))


def _wrap_title(title: Text, inches: float) -> None:
    """Wrap a title to lines of at most `inches` as they are drawn, except for longer words."""
    text, letters = title.get_text(), letters_per_line(inches, float(title.get_fontsize()) * BOLD)
    title.set_text(_break_lines(text, inches, float(title.get_fontsize()) * BOLD))
    figure = title.get_figure(root=True)
    assert figure is not None
    while title.get_window_extent().width > inches * figure.dpi and letters > max(map(len, text.split()), default=0):
        letters -= 1
        title.set_text("\n".join(wrap_text(line, letters) for line in text.split("\n")))


def _break_lines(text: str, inches: float, points: float) -> str:
    return "\n".join(wrap_text(line, letters_per_line(inches, points)) for line in text.split("\n"))


def lay_out(figure: Figure) -> None:
    """Fix the layout of a finished figure, so that all of its files agree and each is drawn only once.

    While a figure has a layout engine, every `savefig` draws it twice, the first time only for the layout.
    """
    engine = figure.get_layout_engine()
    if engine is not None:
        with context():
            engine.execute(figure)
        figure.set_layout_engine(None)


def legend(canvas: Canvas, handles: Mapping[str, Any]) -> None:
    """Add one legend above all panels, or inside of axes of the caller, from a mapping of labels to handles."""
    if not handles:
        return
    keys = list(handles)
    if isinstance(canvas, Axes):
        box: dict[str, Any] = {"frameon": True, "framealpha": 0.8, "edgecolor": "none", "fontsize": small()}
        tight: dict[str, Any] = {"labelspacing": 0.25, "handlelength": 1.4, "columnspacing": 1.0}
        keys = [wrap_text(key, letters_per_line(0.4 * panel_width(canvas))) for key in keys]
        canvas.legend(list(handles.values()), keys, loc="best", ncols=ceil(len(keys) / 5), **box, **tight)
        return
    width, height = size(canvas)
    points = _points("legend.fontsize")
    keys = [wrap_text(key, letters_per_line(width - 0.7, 1.1 * points)) for key in keys]
    lines = [line for key in keys for line in key.split("\n")]
    per_entry = 1.1 * LETTER * points * max(map(len, lines)) + 0.55  # inches
    columns = max(1, min(len(keys), int(width / per_entry)))
    if isinstance(canvas, Figure) and _target.get() is None:
        rows = ceil(len(keys) / columns) + len(lines) - len(keys)
        canvas.set_size_inches(width, height + 0.02 * points * (rows - 1))
    canvas.legend(list(handles.values()), keys, loc="outside upper center", ncols=columns)


def empty(axes: Axes, text: str) -> None:
    """Write in an empty panel why it is empty, or only the words before a colon if there is no room for more."""
    words = wrap_text(text, letters_per_line(panel_width(axes) - 0.7))
    figure = axes.get_figure(root=True)
    assert figure is not None  # see `_checked_target`
    height = axes.get_position().height * figure.get_size_inches()[1]
    if 1.4 * small() / 72 * (words.count("\n") + 1) > height:
        words = text.partition(":")[0]
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=GREY, fontsize=small())
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=RULE, linestyle=(0, (4, 3)))


def note(axes: Axes, text: str) -> None:
    """Add a note in small print under a panel, below the axis label."""
    axis_label = axes.get_xlabel()
    words = wrap_text(text, max(20, letters_per_line(0.88 * panel_width(axes) - 0.55)))  # centred on the axis
    axes.set_xlabel("\n".join(part for part in (axis_label, words) if part), fontsize=small(), color=GREY)
    grid, figure = axes.get_subplotspec(), axes.get_figure(root=True)
    if (
        _width.get() and _target.get() is None and grid and figure
    ):  # make the row taller, since low panels would be squeezed
        lines: dict[int, int] = figure.__dict__.setdefault("note_lines", {})
        row, count = grid.rowspan.start, axis_label.count("\n") + words.count("\n") + 1
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + 0.115 * max(0, count - lines.get(row, 0)))
        lines[row] = max(count, lines.get(row, 0))


def letters_per_line(inches: float, points: float | None = None) -> int:
    """Return how many letters of a font size (SMALL by default) fit in a line; for bold text, pass it times BOLD."""
    return max(12, int(inches / (LETTER * (points or small()))))


def wrap_text(text: str, width: int) -> str:
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


def span(values: pd.Series, pattern: str) -> str:
    """Return the range of values as text, such as "0.50 to 0.70" for the pattern "{:.2f}"."""
    low, high = (written(value, pattern) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def written(value: float, pattern: str = "{:.3g}") -> str:
    """Return a number in a pattern, and 2,170 instead of 2.17e+03."""
    text = pattern.format(value)
    return f"{float(text):,.0f}" if "e+" in text else text
