"""Display of figures with their descriptions, of tables and of the origin of the data in notebooks.

All output is readable in JupyterLab and on a page without scripts, whose template adds the style.
"""

from __future__ import annotations

import io
import re
from functools import partial
from html import escape
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.display import columns, export
from aiot_analysis.display.columns import MISSING, Format
from aiot_analysis.errors import ReportError
from aiot_analysis.tables.names import ORIGIN_SENTENCES, software
from aiot_analysis.words import minus, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from aiot_analysis.charts.chart import Chart, Spec
    from aiot_analysis.tables.data import Data

DPI = 150  # of displayed figures
ADDRESS = "long address"  # CSS classes of cells with a web address, which printed pages omit
MOST_ROWS = 60  # number of instances of the suite; longer tables are folded and paged
PAGE_ROWS = 50  # rows of a paged table that are readable without a script
MOST_SHOWN = 3500  # rows; a little more than 51 devices x 60 instances, which keeps pages below 3 MB
TABLE_SCRIPT = Path(__file__).with_name("tables.js")  # sorts, searches and pages tables, on pages and in JupyterLab
VERDICT_STYLE = Path(__file__).with_name("verdicts.css")
LAB_STYLES = (VERDICT_STYLE, Path(__file__).with_name("lab.css"))
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

_shown = count(1)  # figures, whose drawings have ids that are unique on the page

PARTS = {"off_line": "distance from the line"}  # words for parts of figures whose names say too little
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
    interactive drawing, which replaces the picture in JupyterLab, and on pages where scripts run, unless it has no
    rows. `name` is the stem of the figure's files, unique across all notebooks; without it, none are written. `number`
    is the one in the paper, such as "Fig. 5". `data` is the frame that is drawn; figures of the package `plots` carry
    theirs. Raises ReportError if the figure has no label, because it would then have no alternative text for screen
    readers.
    """
    from matplotlib import pyplot

    from aiot_analysis.display import drawing

    label = str(figure.get_label())
    if not label:
        raise ReportError("The figure has no description: set one with figure.set_label(...).")
    sink = export.current()
    on_page = sink is not None and sink.displayed
    number_on_page = next(_shown)
    vector = drawing.svg(figure, f"w{number_on_page}") if on_page else ""
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
    if chart is not None and chart.rows.empty:
        chart = None  # the picture says why there is nothing to draw
    if on_page:
        metadata["chart"] = chart.to_json() if chart is not None else ""
        metadata["narrow"] = drawing.narrow(figure, f"n{number_on_page}") if chart is None else ""
        _display_picture("image/svg+xml", vector, label, metadata)
    else:
        width, height = (round(inches * drawing.CSS_PIXELS_PER_INCH) for inches in figure.get_size_inches())
        metadata |= {"width": width, "height": height}
        _display_picture("image/png", _picture(figure), label, metadata, interactive_drawing(figure, chart))
    pyplot.close(figure)
    if caption:
        text = _numbered(caption, number)
        display_html(f"<p><em>{escape(text)}</em></p>", text, role="caption")


def _display_picture(
    kind: str, picture: object, label: str, metadata: Mapping[str, object], drawing: Spec | None = None
) -> None:
    stated = {name: value for name, value in metadata.items() if value}
    data, facts = interactive(drawing)
    display_data({**data, kind: picture, "text/plain": label}, {**facts, kind: stated})


def interactive_drawing(figure: Figure, chart: Chart | None) -> Spec | None:
    """Return the interactive drawing of a figure for JupyterLab, or None without a chart.

    It has the names, the order and the origin of the devices with which the figure was drawn.
    """
    from aiot_analysis.charts import vegalite
    from aiot_analysis.plots import style

    if chart is None or chart.rows.empty:
        return None
    source = style.figure_source(figure)
    devices, origin = (source.devices, source.origin) if source else (None, "")
    return vegalite.specification(chart, devices, str(figure.get_label()), origin)


def interactive(drawing: Spec | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return an interactive drawing and its options by MIME type, to display beside the picture; empty without one."""
    from aiot_analysis.charts import vegalite

    if drawing is None:
        return {}, {}
    return {vegalite.MIME: drawing}, {vegalite.MIME: {"embed_options": vegalite.EMBED}}


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
        part_name = f", {', '.join(PARTS.get(part, part.replace('_', ' ')) for part in parts[1:])}" if parts[1:] else ""
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
    devices: Iterable[object] | None = None,
) -> None:
    """Display a frame as a table, with headings and formats from the module `columns`.

    `formats` and `headings` override them by column: {"share": "{:.0%}"} or a function, {"share": "share of time"}. A
    column and the ends of its interval, <column>_low and <column>_high, are merged into one. Verdicts in the columns
    VERDICT_COLUMNS are preceded by signs. `folded` hides the table until a reader opens it. `name` and `number` are as
    for `show`; `origin` is "paper" for values that the paper printed. `devices` has the device id of each row, by which
    a page filters and highlights rows; it defaults to the column `device_id`.
    """
    sink = export.current()
    files: list[str] = []
    if sink and name and sink.wants(name):
        item = export.Item(name, number, caption or "", "table", origin or sink.origin)
        files = export.table(sink, item, frame, partial(columns.words, frame, formats, headings, missing))
    if sink and not sink.displayed:
        return
    title = _numbered(caption, number, origin == "paper")
    addresses = [(words, escape(address)) for words, address in _links(files)]
    csv = next((address for words, address in addresses if words == KINDS["csv"]), "")
    html = to_html(frame, title, formats, headings, missing, folded, devices, csv)
    if name:  # the target of links to the table
        html = re.sub("<details|<div", rf'\g<0> id="{escape(name)}"', html, count=1)
    links = ", ".join(f'<a href="{address}">{escape(words)}</a>' for words, address in addresses)
    html += f'<p class="files">{links}</p>' if links and len(frame) else ""
    text = caption or frame.to_string(index=False)
    display_html(html, text, script=True)


def _for_lab(html: str, script: bool = False) -> str:
    """Return HTML with the style and the script of tables that pages have of their own, once per cell of a notebook."""
    from IPython import get_ipython

    shell: Any = get_ipython()
    if export.current() or not hasattr(shell, "kernel"):  # a page, or no browser
        return html
    html = f'<div class="aiot-output">{html}</div>'
    if _is_first_in_cell(shell, "style"):
        html += f"<style>{''.join(style.read_text(encoding='utf-8') for style in LAB_STYLES)}</style>"
    if script:
        first = _is_first_in_cell(shell, "script")
        html += f"<script>{TABLE_SCRIPT.read_text(encoding='utf-8') if first else 'window.aiotTables?.()'}</script>"
    return html


def _is_first_in_cell(shell: Any, name: str) -> bool:
    """Return whether this is the first call with this name during the execution of a cell."""
    cells: dict[str, int] = shell.__dict__.setdefault("aiot_cells", {})
    is_first = bool(cells.get(name) != shell.execution_count)
    cells[name] = shell.execution_count
    return is_first


def to_html(
    frame: pd.DataFrame,
    caption: str | None = None,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
    folded: bool = False,
    devices: Iterable[object] | None = None,
    csv: str = "",
) -> str:
    """Return the HTML that `table` displays. Headings have a scope attribute, and numbers are right-aligned.

    The table is folded if it has more than MOST_ROWS rows or if `folded` is true. With more than MOST_ROWS rows, only
    the first PAGE_ROWS are HTML; the others are JSON for the script of the page, and a sentence says so and links to
    the file `csv`, if any. Of a longer table than MOST_SHOWN, only the first rows are included, and the summary says
    so. A table without rows is a sentence. Raises ReportError if a format or heading is for a column that does not
    exist.
    """
    shown = frame.head(MOST_SHOWN)
    words = columns.words(shown, formats, headings, missing)
    ids = _device_ids(frame, devices)[: len(shown)]
    kinds = list(zip(words.frame, words.numeric, words.boolean, strict=True))
    rows = [
        [_cell(heading, number, text, boolean) for (heading, number, boolean), text in zip(kinds, row, strict=True)]
        for row in words.frame.itertuples(index=False, name=None)
    ]
    on_page = len(rows) if len(rows) <= MOST_ROWS else PAGE_ROWS
    body = "".join(_row(row, device) for row, device in zip(rows[:on_page], ids, strict=False))
    caption = minus(caption or "")
    caption_html = _markup(caption)
    if not rows:
        return f'<p class="empty">{caption_html or "Table"}: none.</p>'
    label = f' role="region" aria-label="{escape(caption.replace("`", ""))}"' if caption else ""
    folded = folded or len(rows) > MOST_ROWS
    html = (
        f'<div class="scroll" tabindex="0"{label} style="overflow-x: auto"><table>'
        + (f"<caption>{caption_html}</caption>" if caption and not folded else "")
        + f"<thead>{_headings(list(words.frame.columns), words.numeric, rows)}</thead><tbody>{body}</tbody></table>"
        + (_stored(rows[on_page:], ids[on_page:], words.numeric) if len(rows) > on_page else "")
        + "</div>"
    )
    if len(rows) > on_page:
        link = f'; all are in the <a href="{csv}">CSV file</a>' if csv else ""
        html += f'<p class="more"><span class="range">Rows 1 to {on_page} of {len(rows):,}</span>{link}.</p>'
    if not folded:
        return html
    count = plural(len(rows), "row", "{:,}")
    if len(frame) > len(rows):
        count = f"the first {len(rows):,} of {len(frame):,} rows"
    return f"<details><summary>{caption_html or 'Table'} ({count})</summary>{html}</details>"


def _device_ids(frame: pd.DataFrame, devices: Iterable[object] | None) -> list[str]:
    """Return the device id of each row, "" where there is none."""
    if devices is None:
        devices = frame["device_id"] if frame.columns.nlevels == 1 and "device_id" in frame else [None] * len(frame)
    return [device if isinstance(device, str) else "" for device in devices]


def _cell(heading: object, number: bool, text: str, boolean: bool = False) -> tuple[str, str]:
    """Return what a cell says and its CSS class."""
    if boolean and text == "yes":
        return "✓ yes", "verdict yes"
    if heading in VERDICT_COLUMNS and text in MARKS:
        sign, kind = MARKS[text]
        return f"{sign} {text}", f"verdict {kind}"
    if text.startswith(("https://", "http://")):
        return text, ADDRESS
    return text, "number" if number else "long" if len(text) > LONG_CHARACTERS else ""


def _row(cells: Sequence[tuple[str, str]], device: str) -> str:
    attribute = f' data-device="{escape(device)}"' if device else ""
    return f"<tr{attribute}>{''.join(_tagged(text, kind, 'td') for text, kind in cells)}</tr>"


def _headings(words: Sequence[str], numeric: Sequence[bool], rows: Sequence[Sequence[tuple[str, str]]]) -> str:
    with_addresses = [any(kind == ADDRESS for _, kind in column) for column in zip(*rows, strict=True)]
    cells = [
        (word, "address") if has_addresses else _cell("", number, word)
        for word, number, has_addresses in zip(words, numeric, with_addresses, strict=True)
    ]
    return "<tr>" + "".join(_tagged(text, kind, "th", ' scope="col"') for text, kind in cells) + "</tr>"


def _tagged(text: str, kind: str, tag: str, attributes: str = "") -> str:
    # JupyterLab right-aligns all cells and lacks the style of the pages
    attributes += f' class="{kind}"' if kind else ""
    attributes += "" if kind == "number" else ' style="text-align: left"'
    return f"<{tag}{attributes}>{_markup(text)}</{tag}>"


def _stored(rows: Sequence[Sequence[tuple[str, str]]], devices: Sequence[str], numeric: Sequence[bool]) -> str:
    """Return rows as JSON in a script element, from which the script of the page makes those that a reader turns to.

    A column is a list of its distinct cells, and a list with the position of the cell of each row. A cell is its text,
    or a pair of text and CSS class unless that is the one of its column.
    """
    from aiot_analysis.charts.chart import script_json

    cells = [[text if kind in ("", "number") else (text, kind) for text, kind in row] for row in rows]
    content = {
        "numeric": list(numeric),
        "columns": [_distinct(column) for column in zip(*cells, strict=True)],
        "devices": _distinct(devices),
    }
    text = script_json(content)
    return f'<script type="application/json" class="rows" data-count="{len(rows)}">{text}</script>'


def _distinct(values: Sequence[Any]) -> tuple[list[Any], list[int]]:
    """Return the distinct values, and the position of each value among them."""
    positions = {value: position for position, value in enumerate(dict.fromkeys(values))}
    return list(positions), [positions[value] for value in values]


def _markup(text: str) -> str:
    """Return plain text as HTML, with text in `backquotes` set as code."""
    return re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))


_PAGE_LINK = re.compile(r"\[([^\]]+)\]\((\d\d_\w+(?:#\w+)?)\)")


def say(text: str, role: str | None = None) -> None:
    """Display a paragraph of plain text, with text in `backquotes` set as code. An empty text displays nothing.

    `[words](11_latency#latency_means)` is a link to a table or figure of another page, once that page exists (see
    `report.index`).
    """
    if not text:
        return
    text = minus(text)
    html = _PAGE_LINK.sub(r'<a class="page-link" data-page="\2">\1</a>', _markup(text))
    display_html(f"<p>{html}</p>", _PAGE_LINK.sub(r"\1", text), role)


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
    weights = _distinct_text(_rows_of_banner(data, rows)["weights"])
    text = f"{data.origin.capitalize()} data"
    display_html(banner_html(data, rows) + devices, text, facts={"weights": weights})


def _rows_of_banner(data: Data, rows: pd.DataFrame | None) -> pd.DataFrame:
    """Return the rows if there are any, else the runs of the suite, else those of studies."""
    candidates = (entry for entry in (rows, data.instances, data.studies) if entry is not None and len(entry))
    return next(candidates, data.instances)


def banner_html(data: Data, rows: pd.DataFrame | None = None) -> str:
    """Return the box that `banner` displays. For simulated data, it begins with a statement in capitals."""
    from aiot_analysis.display import agreement_table as tell
    from aiot_analysis.stats import execution

    runs = _rows_of_banner(data, rows)
    names = data.devices["model"].fillna(data.devices["device_id"])
    devices = ", ".join(names) if len(names) <= 5 else f"{len(names)} devices"
    dates = sorted({str(started)[:10] for started in runs["started"]})
    facts = {
        "devices": devices,
        "runs": f"{_runs_text(runs)}, " + (dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"),
        "profile": _distinct_text(runs["profile"]) + ", timing " + _distinct_text(runs["timing"]).replace("_", " "),
        "weights": _distinct_text(runs["weights"]),
        "dataset": _distinct_text(runs["dataset"]),
    }
    failed = tell.failures(execution.model_files(runs))
    if len(failed):
        findings = (f"{entry.file} {entry.model} ({entry.finding})" for entry in failed.itertuples(index=False))
        facts["excluded because their model files failed aiot models check"] = "; ".join(findings)
    listed = " · ".join(f"<b>{name}</b> {escape(value)}" for name, value in facts.items())
    versions = escape(software(runs) or "unknown")
    return (
        f'<div class="banner {data.origin}" role="note" style="border: 1px solid; border-left-width: 6px; '
        f'padding: 0.6em 1em">{ORIGIN_SENTENCES[data.origin]}<br>{listed}'
        f"<details><summary>Versions</summary>{versions}</details></div>"
    )


def _runs_text(rows: pd.DataFrame) -> str:
    """Return the number of runs, and that no instance ran in two of them if that is so: nothing was repeated then."""
    count = rows["run_id"].nunique()
    ran = rows[rows["verdict"] != "unavailable"]
    if count == 1 or ran.groupby("instance_id", observed=True)["run_id"].nunique().max() > 1:
        return str(count)
    return f"{count} (no instance in {'both' if count == 2 else 'more than one'} of them)"


def _distinct_text(values: pd.Series) -> str:
    """Return the distinct values as text, sorted and without nulls."""
    return ", ".join(sorted({str(value) for value in values.dropna()})) or "unknown"


def display_html(
    html: str, text: str, role: str | None = None, script: bool = False, facts: Mapping[str, str] | None = None
) -> None:
    """Display HTML, and a text where HTML is not supported.

    `script` tells that it has tables, for their script. `facts` are for the page, which does not display them.
    """
    metadata = {**({"role": role} if role else {}), **(facts or {})}
    display_data({"text/html": _for_lab(html, script), "text/plain": text}, {"text/html": metadata} if metadata else {})


def display_data(data: Mapping[str, object], metadata: Mapping[str, object] | None = None) -> None:
    """Display data by MIME type, with metadata by MIME type."""
    from IPython import display

    publish: Callable[..., None] = display.display  # which has no annotations
    publish(data, raw=True, metadata=metadata or {})
