"""What notebooks show: figures with their descriptions, tables, and where the data come from.

Everything is displayed such that it reads well in JupyterLab and on a page without scripts: the page's
template adds the style.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import ReportError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from aiot_analysis.data import Data

DPI = 150
CSS_PIXELS_PER_INCH = 96
MISSING = "–"
MOST_ROWS = 60  # the instances of the suite; a table of more is folded
MOST_SHOWN = 3500  # rows: 51 devices with 60 instances, and some more; browsers are slow to open a page with many more
VERDICT_COLUMNS = ("verdict", "state")
LONG_CHARACTERS = 32  # from here on the text of a cell is set in lines, shorter text in one
ORIGIN_SENTENCES = {
    "measured": "<strong>Measured</strong> on the devices named here.",
    "simulated": "<strong>SIMULATED DATA</strong>, made by a simulation: nothing here was measured on a device.",
    "imported": "<strong>Imported</strong> from logs of another tool.",
}

MARKS = {  # of verdicts: the sign and the look, which never stands alone
    "holds": ("✓", "yes"),
    "agrees": ("✓", "yes"),
    "as claimed": ("✓", "yes"),
    "does not hold": ("✗", "no"),
    "differs": ("✗", "no"),
    "against": ("✗", "no"),
    "cannot be decided": ("?", "open"),
    "not comparable": ("?", "open"),
    "undecided": ("?", "open"),
    "missing": ("–", "open"),
    "not printed": ("–", "open"),
    "by construction": ("◇", "built"),
}

Format = str | Callable[[Any], str]


def show(figure: Figure, caption: str | None = None) -> None:
    """Displays a figure as PNG of 150 dpi with its label as alternative text, and closes it.

    The caption is plain text. Raises ReportError if the figure has no label, since the picture would then
    be lost on who cannot see it.
    """
    from IPython.display import display
    from matplotlib import pyplot

    label = str(figure.get_label())
    if not label:
        raise ReportError("The figure has no description: say what it shows with figure.set_label(...).")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=DPI, facecolor="white")
    width, height = (round(inches * CSS_PIXELS_PER_INCH) for inches in figure.get_size_inches())
    pyplot.close(figure)
    facts: dict[str, object] = {"alt": label, "width": width, "height": height}
    if caption:
        facts["caption"] = caption  # pages set it below the picture, in the same <figure>
    display({"image/png": picture.getvalue(), "text/plain": label}, raw=True, metadata={"image/png": facts})
    if caption:  # JupyterLab knows no captions
        _display_html(f"<p><em>{escape(caption)}</em></p>", caption, role="caption")


def table(
    frame: pd.DataFrame,
    caption: str | None = None,
    formats: Mapping[str, Format] | None = None,
    index: bool = False,
    missing: str = MISSING,
    folded: bool = False,
) -> None:
    """Displays a frame as a table; `formats` are by column, like {"accuracy": "{:.1%}"} or a function.

    A column `verdict` or `state` has signs before its words. `folded` hides the table until a reader opens it.
    """
    html = to_html(frame, caption, formats, index, missing, folded)
    _display_html(html, caption or frame.to_string(index=index))


def to_html(
    frame: pd.DataFrame,
    caption: str | None = None,
    formats: Mapping[str, Format] | None = None,
    index: bool = False,
    missing: str = MISSING,
    folded: bool = False,
) -> str:
    """The table that `table` displays. Headings tell their scope, numbers are aligned right.

    Columns of two levels become two rows of headings. A table of more than MOST_ROWS is folded, and one that is to
    be `folded`; of one of more than MOST_SHOWN it has the first, and says so. Raises ReportError if a format is for
    a column that is not there.
    """
    from pandas.api import types

    if index:
        frame = frame.reset_index()
    formats = formats or {}
    for name in formats:
        if name not in frame.columns:
            raise ReportError(f"There is no column {name!r} to format: choose {', '.join(map(str, frame.columns))}.")
    total, frame = len(frame), frame.head(MOST_SHOWN)
    numeric = [
        types.is_numeric_dtype(frame.dtypes.iloc[n]) and not types.is_bool_dtype(frame.dtypes.iloc[n])
        for n in range(frame.shape[1])
    ]
    rows = [
        "<tr>"
        + "".join(
            _verdict(value)
            if name in VERDICT_COLUMNS and value in MARKS
            else _cell(_text(value, formats.get(name), missing), number, "th scope='row'" if index and n == 0 else "td")
            for n, (name, number, value) in enumerate(zip(frame.columns, numeric, row, strict=True))
        )
        + "</tr>"
        for row in frame.itertuples(index=False, name=None)
    ]
    if not rows:
        rows = [f'<tr><td colspan="{frame.shape[1]}" style="text-align: left">none</td></tr>']
    label = f' role="region" aria-label="{escape(caption)}"' if caption else ""
    folded = folded or len(rows) > MOST_ROWS
    html = (
        f'<div class="scroll" tabindex="0"{label} style="overflow-x: auto"><table>'
        + (f"<caption>{escape(caption)}</caption>" if caption and not folded else "")
        + f"<thead>{_headings(frame.columns, numeric)}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    if not folded:
        return html
    count = f"{len(rows)} row{'s' * (len(rows) != 1)}"
    if total > len(rows):
        count = f"the first {len(rows):,} of {total:,} rows"
    return f"<details><summary>{escape(caption or 'Table')} ({count})</summary>{html}</details>"


def _headings(columns: pd.Index, numeric: list[bool]) -> str:
    if columns.nlevels == 1:
        return "<tr>" + _leaves(columns, numeric) + "</tr>"
    groups: list[list[Any]] = []  # name and span of neighbours that share it
    for first in columns.get_level_values(0):
        if groups and groups[-1][0] == first:
            groups[-1][1] += 1
        else:
            groups.append([first, 1])
    top = "".join(f'<th scope="colgroup" colspan="{span}">{escape(str(name))}</th>' for name, span in groups)
    names = [" ".join(map(str, column[1:])) for column in columns]
    return f"<tr>{top}</tr><tr>{_leaves(names, numeric)}</tr>"


def _leaves(names: Any, numeric: list[bool]) -> str:
    return "".join(
        _cell(escape(str(name)), number, 'th scope="col"') for name, number in zip(names, numeric, strict=True)
    )


def _text(value: Any, format_: Format | None, missing: str) -> str:
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return escape(missing)
    if callable(format_):
        return escape(format_(value))
    if format_:
        return escape(format_.format(value))
    return escape(f"{value:.4g}" if isinstance(value, float) else str(value))


def _cell(text: str, number: bool, tag: str) -> str:
    # JupyterLab aligns every cell to the right, and has no style of ours
    kind = ' class="long"' if len(text) > LONG_CHARACTERS else ""
    align = ' class="number"' if number else f'{kind} style="text-align: left"'
    return f"<{tag.replace(chr(39), chr(34))}{align}>{text}</{tag.split()[0]}>"


def _verdict(word: str) -> str:
    sign, kind = MARKS[word]
    return f'<td class="verdict {kind}" style="text-align: left">{sign} {escape(word)}</td>'


def say(text: str) -> None:
    """Displays a paragraph of plain text; what stands in `backquotes` is a command."""
    html = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    _display_html(f"<p>{html}</p>", text)


def timing_used(rows: pd.DataFrame, timing: str) -> str:
    """The timing that a page uses, by `select.timing_of`; displays why, where native tools measured."""
    from aiot_analysis.stats import select

    tools = int((rows["source"] == "tool").sum())
    if tools:
        say(
            f"{tools} of the {len(rows)} instances on this page were measured by native tools, which time inference "
            "alone: all times here, and what is made of them, are of inference. Their accuracy is of the images, and "
            "they have no records of single images."
        )
    return select.timing_of(rows, timing)


def banner(data: Data, rows: pd.DataFrame | None = None) -> None:
    """Displays where the data come from: origin, devices, dates, profile, weights, dataset and versions.

    Of the runs of the suite, or of other rows of the table `instances`.
    """
    _display_html(banner_html(data, rows), f"{data.origin.capitalize()} data")


def banner_html(data: Data, rows: pd.DataFrame | None = None) -> str:
    """The box that `banner` displays; where the data are simulated, it says so first and in capitals."""
    some = (one for one in (rows, data.instances, data.studies) if one is not None and len(one))
    runs = next(some, data.instances)
    names = data.devices["model"].fillna(data.devices["device_id"])
    devices = ", ".join(names) if len(names) <= 5 else f"{len(names)} devices"
    versions = runs.dropna(subset="framework_version").groupby("framework")["framework_version"].unique()
    dates = sorted({str(started)[:10] for started in runs["started"]})
    facts = {
        "devices": devices,
        "runs": f"{runs['run_id'].nunique()}, " + (dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"),
        "profile": _listed(runs["profile"]) + ", timing " + _listed(runs["timing"]).replace("_", " "),
        "weights": _listed(runs["weights"]),
        "dataset": _listed(runs["dataset"]),
        "versions": ", ".join(f"{name} {' and '.join(found)}" for name, found in versions.items()) or "unknown",
    }
    listed = " · ".join(f"<b>{name}</b> {escape(value)}" for name, value in facts.items())
    return (
        f'<div class="banner {data.origin}" role="note" style="border: 1px solid; border-left-width: 6px; '
        f'padding: 0.6em 1em">{ORIGIN_SENTENCES[data.origin]}<br>{listed}</div>'
    )


def _listed(values: pd.Series) -> str:
    return ", ".join(sorted({str(value) for value in values.dropna()})) or "unknown"


def _display_html(html: str, text: str, role: str | None = None) -> None:
    from IPython.display import display

    metadata = {"text/html": {"role": role}} if role else {}
    display({"text/html": html, "text/plain": text}, raw=True, metadata=metadata)
