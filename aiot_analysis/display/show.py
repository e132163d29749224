"""What notebooks show: figures with their descriptions, tables, and where the data come from.

Everything is displayed such that it reads well in JupyterLab and on a page without scripts: the page's
template adds the style.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from aiot_analysis.display import cells, export
from aiot_analysis.display.cells import MISSING
from aiot_analysis.display.columns import Format
from aiot_analysis.errors import ReportError
from aiot_analysis.tables.names import ORIGIN_SENTENCES
from aiot_analysis.words import plural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from aiot_analysis.tables.data import Data

DPI = 150
CSS_PIXELS_PER_INCH = 96
MOST_ROWS = 60  # the instances of the suite; a table of more is folded
MOST_SHOWN = 3500  # rows: 51 devices with 60 instances, and some more; browsers are slow to open a page with many more
VERDICT_COLUMNS = ("verdict", "state", "mark")
LONG_CHARACTERS = 36  # from here on the text of a cell is set in lines, shorter text in one

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
    "not applicable": ("–", "open"),
    "missing": ("–", "open"),
    "not printed": ("–", "open"),
    "by construction": ("◇", "built"),
}

KINDS = {"csv": "data (CSV)", "svg": "vector (SVG)", "pdf": "PDF", "tex": "LaTeX", "md": "Markdown"}


def show(
    figure: Figure,
    caption: str | None = None,
    name: str | None = None,
    number: str = "",
    data: pd.DataFrame | None = None,
) -> None:
    """Displays a figure as PNG of 150 dpi with its label as alternative text, and closes it.

    The caption is plain text. `name` is that of the figure's files, unique in all notebooks, where it is to have any;
    `number` the paper's own, like "Fig. 5". `data` is the frame that is drawn; plots of this package know theirs.
    Raises ReportError if the figure has no label, since the picture would then be lost on who cannot see it.
    """
    from IPython.display import display
    from matplotlib import pyplot

    label = str(figure.get_label())
    if not label:
        raise ReportError("The figure has no description: say what it shows with figure.set_label(...).")
    sink = export.current()
    files: list[str] = []
    if sink and name and sink.wants(name):
        item = export.Item(name, number, caption or "", "figure", sink.origin)
        files = export.figure(sink, item, figure, _data(figure, data))
    if sink and not sink.displayed:
        pyplot.close(figure)
        return
    picture = _picture(figure)
    width, height = (round(inches * CSS_PIXELS_PER_INCH) for inches in figure.get_size_inches())
    pyplot.close(figure)
    facts: dict[str, object] = {"alt": label, "width": width, "height": height}
    if caption:
        facts["caption"] = caption  # pages set it below the picture, in the same <figure>
    if name:
        facts["name"] = name
    if number:
        facts["number"] = number
    if files:
        facts["files"] = _links(files)
    display({"image/png": picture, "text/plain": label}, raw=True, metadata={"image/png": facts})
    if caption:  # JupyterLab knows no captions
        text = _numbered(caption, number)
        _display_html(f"<p><em>{escape(text)}</em></p>", text, role="caption")


def _picture(figure: Figure) -> bytes:
    """A PNG with a palette of 256 colours, which is a third as large as one without and looks the same."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    from aiot_analysis.plots import style

    style.lay_out(figure)
    figure.set_facecolor("white")
    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    colors = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small = io.BytesIO()
    colors.save(small, "png", dpi=(DPI, DPI))
    return small.getvalue()


def _numbered(caption: str | None, number: str, printed: bool = False) -> str:
    of = f"{'The' if printed else 'As the'} paper's {number}" if number else ""
    return ": ".join(part for part in (of, caption) if part)


def _data(figure: Figure, data: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    from aiot_analysis.plots import style

    known = style.drawn(figure)
    return {"data": data} if data is not None else known.frames if known else {}


def _links(files: list[str]) -> list[tuple[str, str]]:
    """The words and the address of each file, from a page beside whose folder they are."""
    links = []
    for file in files:
        *parts, kind = file.split(".")
        of = f", {' '.join(parts[1:]).replace('_', ' ')}" if len(parts) > 1 else ""
        links.append((KINDS[kind] + of, f"{export.FOLDER}/{file}"))
    return links


def table(
    frame: pd.DataFrame,
    caption: str | None = None,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
    folded: bool = False,
    name: str | None = None,
    number: str = "",
    origin: str = "",
) -> None:
    """Displays a frame as a table, its columns as `columns` tells them.

    `formats` and `headings` are by column, for one that this table writes otherwise: {"share": "{:.0%}"} or a function,
    {"share": "share of time"}. A column with the ends of its interval, <column>_low and <column>_high, becomes one.
    A column `verdict` or `state` has signs before its words. `folded` hides the table until a reader opens it.
    `name` and `number` are as for `show`; `origin` is "paper" for what the paper printed.
    """
    sink = export.current()
    files: list[str] = []
    if sink and name and sink.wants(name):
        item = export.Item(name, number, caption or "", "table", origin or sink.origin)
        files = export.table(sink, item, frame, partial(cells.words, frame, formats, headings, missing))
    if sink and not sink.displayed:
        return
    title = _numbered(caption, number, origin == "paper")
    html = to_html(frame, title, formats, headings, missing, folded)
    links = ", ".join(f'<a href="{escape(address)}">{escape(words)}</a>' for words, address in _links(files))
    text = caption or frame.to_string(index=False)
    _display_html(html + (f'<p class="files">{links}</p>' if links else ""), text)


def to_html(
    frame: pd.DataFrame,
    caption: str | None = None,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
    folded: bool = False,
) -> str:
    """The table that `table` displays. Headings tell their scope, numbers are aligned right.

    A table of more than MOST_ROWS is folded, and one that is to be `folded`; of one of more than MOST_SHOWN it has the
    first, and says so. Raises ReportError if a format or heading is for a column that is not there.
    """
    words = cells.words(frame.head(MOST_SHOWN), formats, headings, missing)
    rows = [
        "<tr>"
        + "".join(
            _verdict(text) if heading in VERDICT_COLUMNS and text in MARKS else _cell(escape(text), number, "td")
            for heading, number, text in zip(words.frame.columns, words.numeric, row, strict=True)
        )
        + "</tr>"
        for row in words.frame.itertuples(index=False, name=None)
    ]
    if not rows:
        rows = [f'<tr><td colspan="{words.frame.shape[1]}" style="text-align: left">none</td></tr>']
    label = f' role="region" aria-label="{escape(caption)}"' if caption else ""
    folded = folded or len(rows) > MOST_ROWS
    html = (
        f'<div class="scroll" tabindex="0"{label} style="overflow-x: auto"><table>'
        + (f"<caption>{escape(caption)}</caption>" if caption and not folded else "")
        + f"<thead>{_headings(list(words.frame.columns), words.numeric)}</thead>"
        + f"<tbody>{''.join(rows)}</tbody></table></div>"
    )
    if not folded:
        return html
    count = plural(len(rows), "row")
    if len(frame) > len(rows):
        count = f"the first {len(rows):,} of {len(frame):,} rows"
    return f"<details><summary>{escape(caption or 'Table')} ({count})</summary>{html}</details>"


def _headings(words: Sequence[str], numeric: Sequence[bool]) -> str:
    heads = [_cell(escape(word), number, 'th scope="col"') for word, number in zip(words, numeric, strict=True)]
    return f"<tr>{''.join(heads)}</tr>"


def _cell(text: str, number: bool, tag: str) -> str:
    # JupyterLab aligns every cell to the right, and has no style of ours
    kind = ' class="long"' if len(text) > LONG_CHARACTERS else ""
    align = ' class="number"' if number else f'{kind} style="text-align: left"'
    return f"<{tag}{align}>{text}</{tag.split()[0]}>"


def _verdict(word: str) -> str:
    sign, kind = MARKS[word]
    return f'<td class="verdict {kind}" style="text-align: left">{sign} {escape(word)}</td>'


def say(text: str) -> None:
    """Displays a paragraph of plain text; what stands in `backquotes` is a command. Without text there is none."""
    if not text:
        return
    html = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    _display_html(f"<p>{html}</p>", text)


def timing_used(rows: pd.DataFrame, timing: str) -> str:
    """The timing that a page uses, by `select.timing_of`; displays why, where native tools measured."""
    from aiot_analysis.tables import select

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

    Of the runs of the suite, or of other rows of the table `instances`. Model files that failed their check are named:
    no statistic of a page uses what was measured with them.
    """
    _display_html(banner_html(data, rows), f"{data.origin.capitalize()} data")


def banner_html(data: Data, rows: pd.DataFrame | None = None) -> str:
    """The box that `banner` displays; where the data are simulated, it says so first and in capitals."""
    from aiot_analysis.display import parity_table as tell
    from aiot_analysis.stats import parity

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
    failed = tell.failures(parity.files(runs))
    if len(failed):
        said = (f"{one.file} {one.model} ({one.finding})" for one in failed.itertuples(index=False))
        facts["left out, since their model files failed aiot models check"] = "; ".join(said)
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
