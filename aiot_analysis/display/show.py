"""Display of figures with their descriptions, of tables and of the origin of the data in notebooks.

All output is readable in JupyterLab and on a page without scripts, whose template adds the style.
"""

from __future__ import annotations

import io
import re
from functools import partial
from html import escape
from itertools import count
from typing import TYPE_CHECKING, Any

from aiot_analysis.display import columns, export
from aiot_analysis.display.columns import MISSING, Format
from aiot_analysis.errors import ReportError
from aiot_analysis.tables.names import ORIGIN_SENTENCES
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from aiot_analysis.charts.chart import Chart
    from aiot_analysis.tables.data import Data

DPI = 150  # of displayed figures
CSS_PIXELS_PER_INCH = 96
MOST_ROWS = 60  # number of instances of the suite; longer tables are folded
MOST_SHOWN = 3500  # rows; a little more than 51 devices x 60 instances; browsers open longer pages slowly
VERDICT_COLUMNS = ("verdict", "state", "mark")
LONG_CHARACTERS = 36  # cells with longer text may wrap; shorter text stays on one line

MARKS = {  # sign and CSS class of each verdict; the style never carries the meaning alone
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

_unnamed = count(1)  # figures without a name, whose drawings need ids all the same

KINDS = {"csv": "data (CSV)", "svg": "vector (SVG)", "pdf": "PDF", "tex": "LaTeX", "md": "Markdown"}


def show(
    figure: Figure,
    caption: str | None = None,
    name: str | None = None,
    number: str = "",
    data: pd.DataFrame | None = None,
    title: str = "",
    chart: Chart | None = None,
) -> None:
    """Display a figure with its label as alternative text, and close it: as SVG on pages, as PNG in JupyterLab.

    The caption is plain text. `title` is a sentence with the finding, displayed above the figure. `chart` is its
    interactive drawing, which pages show in place of the picture where scripts run. `name` is the stem of the figure's
    files, unique across all notebooks; without it, none are written. `number` is the one in the paper, such as
    "Fig. 5". `data` is the frame that is drawn; figures of the package `plots` carry theirs. Raises ReportError if the
    figure has no label, because it would then have no alternative text for screen readers.
    """
    from matplotlib import pyplot

    from aiot_analysis.display import drawing

    label = str(figure.get_label())
    if not label:
        raise ReportError("The figure has no description: set one with figure.set_label(...).")
    sink = export.current()
    on_page = sink is not None and sink.displayed
    prefix = name or f"figure{next(_unnamed)}"
    vector = drawing.svg(figure, prefix) if on_page else ""
    files: list[str] = []
    if sink and name and sink.wants(name):
        item = export.Item(name, number, caption or "", "figure", sink.origin)
        files = export.figure(sink, item, figure, _data(figure, data), vector)
    if sink and not on_page:
        pyplot.close(figure)
        return
    metadata: dict[str, object] = {"alt": label, "caption": caption, "name": name, "number": number, "title": title}
    metadata["files"] = _links(files)
    if title:  # pages place it and the caption in the same <figure>; JupyterLab supports neither
        display_html(f"<p><b>{escape(title)}</b></p>", title, role="caption")
    if chart is not None:
        metadata["chart"] = chart.to_json()
    if on_page:
        metadata["narrow"] = drawing.narrow(figure, f"{prefix}-narrow") if chart is None else ""
        _display_picture("image/svg+xml", vector, label, metadata)
    else:
        width, height = (round(inches * CSS_PIXELS_PER_INCH) for inches in figure.get_size_inches())
        _display_picture("image/png", _picture(figure), label, metadata | {"width": width, "height": height})
    pyplot.close(figure)
    if caption:
        text = _numbered(caption, number)
        display_html(f"<p><em>{escape(text)}</em></p>", text, role="caption")


def _display_picture(kind: str, picture: object, label: str, metadata: Mapping[str, object]) -> None:
    stated = {name: value for name, value in metadata.items() if value}
    display_data({kind: picture, "text/plain": label}, {kind: stated})


def _picture(figure: Figure) -> bytes:
    """Return a PNG with a palette of 256 colours, a third of the size of one without and visually the same."""
    from PIL import Image

    from aiot_analysis.plots import style

    style.lay_out(figure)
    figure.set_facecolor("white")
    colors = draw(figure, DPI).quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small = io.BytesIO()
    colors.save(small, "png", dpi=(DPI, DPI))
    return small.getvalue()


def draw(figure: Figure, dpi: int) -> Image:
    """Return a figure as an RGB picture. It is drawn once, whereas `savefig` draws twice for the layout."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(dpi)
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no annotations
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _numbered(caption: str | None, number: str, printed: bool = False) -> str:
    """Return a caption preceded by the number in the paper, if any. `printed` means that it is the paper's own."""
    label = f"{'The' if printed else 'As the'} paper's {number}" if number else ""
    return ": ".join(part for part in (label, caption) if part)


def _data(figure: Figure, data: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Return the frames that a figure draws, by name."""
    from aiot_analysis.plots import style

    source = style.figure_source(figure)
    return {"data": data} if data is not None else source.frames if source else {}


def _links(files: list[str]) -> list[tuple[str, str]]:
    """Return the link text and the address of each file, relative to the page."""
    links = []
    for file in files:
        *parts, kind = file.split(".")
        part_name = f", {' '.join(parts[1:]).replace('_', ' ')}" if len(parts) > 1 else ""
        links.append((KINDS[kind] + part_name, f"{export.FOLDER}/{file}"))
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
    """Display a frame as a table, with headings and formats from the module `columns`.

    `formats` and `headings` override them by column: {"share": "{:.0%}"} or a function, {"share": "share of time"}. A
    column and the ends of its interval, <column>_low and <column>_high, are merged into one. Verdicts in the columns
    VERDICT_COLUMNS are preceded by signs. `folded` hides the table until a reader opens it. `name` and `number` are as
    for `show`; `origin` is "paper" for values that the paper printed.
    """
    sink = export.current()
    files: list[str] = []
    if sink and name and sink.wants(name):
        item = export.Item(name, number, caption or "", "table", origin or sink.origin)
        files = export.table(sink, item, frame, partial(columns.words, frame, formats, headings, missing))
    if sink and not sink.displayed:
        return
    title = _numbered(caption, number, origin == "paper")
    html = to_html(frame, title, formats, headings, missing, folded)
    links = ", ".join(f'<a href="{escape(address)}">{escape(words)}</a>' for words, address in _links(files))
    text = caption or frame.to_string(index=False)
    display_html(html + (f'<p class="files">{links}</p>' if links else ""), text)


def to_html(
    frame: pd.DataFrame,
    caption: str | None = None,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
    folded: bool = False,
) -> str:
    """Return the HTML that `table` displays. Headings have a scope attribute, and numbers are right-aligned.

    The table is folded if it has more than MOST_ROWS rows or if `folded` is true. Of a longer
    table than MOST_SHOWN, only the first rows are included, and the summary says so. Raises ReportError if a format or
    heading is for a column that does not exist.
    """
    words = columns.words(frame.head(MOST_SHOWN), formats, headings, missing)
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
    # JupyterLab right-aligns all cells and lacks the style of the pages
    kind = ' class="long"' if len(text) > LONG_CHARACTERS else ""
    align = ' class="number"' if number else f'{kind} style="text-align: left"'
    return f"<{tag}{align}>{text}</{tag.split(maxsplit=1)[0]}>"


def _verdict(word: str) -> str:
    sign, kind = MARKS[word]
    return f'<td class="verdict {kind}" style="text-align: left">{sign} {escape(word)}</td>'


def say(text: str) -> None:
    """Display a paragraph of plain text, with text in `backquotes` set as code. An empty text displays nothing."""
    if not text:
        return
    html = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    display_html(f"<p>{html}</p>", text)


def timing_used(rows: pd.DataFrame, timing: str) -> str:
    """Return the timing that a page uses (see `select.timing_of`); display the reason if native tools measured."""
    from aiot_analysis.tables import select

    tools = int((rows["source"] == "tool").sum())
    if tools:
        say(
            f"{tools} of the {len(rows)} instances on this page were measured by native tools, which time only "
            "inference. All times on this page, and all numbers computed from them, are therefore of inference alone. "
            "The accuracy of these instances is over all images, but they have no records of single images."
        )
    return select.timing_of(rows, timing)


def banner(data: Data, rows: pd.DataFrame | None = None) -> None:
    """Display the origin of the data: devices, dates, profile, weights, dataset and versions.

    Covers the runs of the suite unless other rows of the table `instances` are passed. Model files that failed their
    check are listed, since no statistic of a page uses measurements made with them.
    """
    from aiot_analysis.charts.chart import devices_json

    devices = f'<script type="application/json" id="devices">{devices_json(data.devices)}</script>'
    display_html(banner_html(data, rows) + devices, f"{data.origin.capitalize()} data")


def banner_html(data: Data, rows: pd.DataFrame | None = None) -> str:
    """Return the box that `banner` displays. For simulated data, it begins with a statement in capitals."""
    from aiot_analysis.display import agreement_table as tell
    from aiot_analysis.stats import execution

    candidates = (entry for entry in (rows, data.instances, data.studies) if entry is not None and len(entry))
    runs = next(candidates, data.instances)
    names = data.devices["model"].fillna(data.devices["device_id"])
    devices = ", ".join(names) if len(names) <= 5 else f"{len(names)} devices"
    versions = runs.dropna(subset="framework_version").groupby("framework")["framework_version"].unique()
    dates = sorted({str(started)[:10] for started in runs["started"]})
    facts = {
        "devices": devices,
        "runs": f"{runs['run_id'].nunique()}, " + (dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"),
        "profile": _distinct_text(runs["profile"]) + ", timing " + _distinct_text(runs["timing"]).replace("_", " "),
        "weights": _distinct_text(runs["weights"]),
        "dataset": _distinct_text(runs["dataset"]),
        "versions": ", ".join(f"{name} {' and '.join(values)}" for name, values in versions.items()) or "unknown",
    }
    failed = tell.failures(execution.model_files(runs))
    if len(failed):
        findings = (f"{entry.file} {entry.model} ({entry.finding})" for entry in failed.itertuples(index=False))
        facts["excluded because their model files failed aiot models check"] = "; ".join(findings)
    listed = " · ".join(f"<b>{name}</b> {escape(value)}" for name, value in facts.items())
    return (
        f'<div class="banner {data.origin}" role="note" style="border: 1px solid; border-left-width: 6px; '
        f'padding: 0.6em 1em">{ORIGIN_SENTENCES[data.origin]}<br>{listed}</div>'
    )


def _distinct_text(values: pd.Series) -> str:
    """Return the distinct values as text, sorted and without nulls."""
    return ", ".join(sorted({str(value) for value in values.dropna()})) or "unknown"


def display_html(html: str, text: str, role: str | None = None) -> None:
    """Display HTML, and a text where HTML is not supported."""
    display_data({"text/html": html, "text/plain": text}, {"text/html": {"role": role}} if role else {})


def display_data(data: Mapping[str, object], metadata: Mapping[str, object] | None = None) -> None:
    """Display data by MIME type, with metadata by MIME type."""
    from IPython import display

    publish: Callable[..., None] = display.display  # which has no annotations
    publish(data, raw=True, metadata=metadata or {})
