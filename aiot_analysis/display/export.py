"""Export of figures (PDF, SVG, PNG) and tables (LaTeX, Markdown) from notebooks, with the numbers of both as CSV.

The process that runs a notebook sets an environment variable, which the kernel inherits, to say which files to write.
Without it, `show` and `table` write none.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from aiot_analysis.display.columns import Words

VARIABLE = "AIOT_EXPORT"
FOLDER = "figures"  # folder next to the pages for their exported files
BESIDE_PAGES = ("svg", "pdf", "csv")
FORMATS = ("pdf", "svg", "png", "csv", "tex", "md")
PICTURES = ("pdf", "svg", "png")
WIDTHS = {"single": 3.5, "double": 7.16}  # inches; column widths of IEEE and ACM journals
DPI = 300
LIST = "items.jsonl"  # record of the written items, one per line
LONG = 50  # a LaTeX table with more rows may span pages
MARKS = {
    "simulated": "Simulated data: nothing here was measured on a device. ",
    "published": "Published by others: nothing here was measured with this toolkit. ",
    "paper": "As printed in the paper. ",
}


@dataclass(frozen=True)
class Item:
    """Named figure or table."""

    name: str  # stem of the names of its files
    number: str  # in the paper, such as "Fig. 5"; "" if it is not in the paper
    caption: str
    kind: str  # "figure" or "table"
    origin: str  # measured, imported, published or simulated; "paper" for printed values


@dataclass(frozen=True)
class Sink:
    """Destination and selection of the exported files."""

    folder: str
    formats: tuple[str, ...]
    origin: str  # of the data that the notebook uses
    widths: tuple[str, ...] = ()  # print widths for which figures are redrawn; empty: as they are
    names: tuple[str, ...] = ()  # items to export; empty for all named ones
    sheet: str = ""  # style sheet applied after the project's
    displayed: bool = True  # whether figures and tables are also displayed, for a page

    @contextmanager
    def open(self) -> Iterator[None]:
        """Make kernels that are started within the context export to this sink."""
        shutil.rmtree(self.folder, ignore_errors=True)  # left by an interrupted call
        Path(self.folder).mkdir(parents=True)
        before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = json.dumps(asdict(self))
        try:
            yield
        finally:
            os.environ.pop(VARIABLE)
            if before is not None:
                os.environ[VARIABLE] = before

    def wants(self, name: str | None) -> bool:
        """Return whether the item of this name is to be exported."""
        return bool(name) and (not self.names or name in self.names)

    def written(self) -> list[dict[str, Any]]:
        """Return the items that the notebook wrote, in its order, each with its files."""
        path = Path(self.folder) / LIST
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def has_data(self) -> bool:
        """Return whether an item that the notebook wrote has a row of data that is not from the paper."""
        return any(
            len(lines.readlines(2**16)) > 1
            for item in self.written()
            if item["origin"] != "paper"
            for name in item["files"]
            if name.endswith(".csv")
            for lines in [(Path(self.folder) / name).open(encoding="utf-8")]
        )

    def place(self, folder: Path) -> list[str]:
        """Move the files to another folder, each atomically, and return their paths relative to its parent."""
        names = [name for item in self.written() for name in item["files"]]
        for name in names:
            folder.mkdir(exist_ok=True)
            (Path(self.folder) / name).replace(folder / name)
        shutil.rmtree(self.folder)
        return [f"{folder.name}/{name}" for name in names]

    def _note(self, item: Item, files: list[str]) -> list[str]:
        """Record an item with its files, and return the files."""
        with (Path(self.folder) / LIST).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**asdict(item), "files": files}) + "\n")
        return files


def beside_page(out: Path, page: str, origins: Sequence[str]) -> Sink:
    """Return the sink for the files of every page (SVG, PDF and CSV), in a temporary folder under `out`."""
    return Sink(str(out / ".part" / page), BESIDE_PAGES, " and ".join(origins))


def current() -> Sink | None:
    """Return the sink that the environment of this process sets, or None."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()
        }
        return Sink(**fields)
    except (ValueError, TypeError) as error:
        raise ReportError(f"{VARIABLE} does not have a value set by `aiot figures` ({error}): unset it.") from None


def figure(sink: Sink, item: Item, shown: Figure, data: Mapping[str, pd.DataFrame], svg: str = "") -> list[str]:
    """Write a figure in the formats of the sink, and the frames it draws as CSV; return the names of the files.

    `svg` is its SVG, if it has been drawn already.
    """
    from aiot_analysis.plots import style

    folder = Path(sink.folder)
    files = []
    for width in sink.widths or ("",):
        suffix = f"_{width}" if width else ""
        with style.printing(WIDTHS.get(width), Path(sink.sheet) if sink.sheet else None):
            drawing = style.figure_source(shown)
            to_save = drawing.again() if drawing and (width or sink.sheet) else shown
            style.lay_out(to_save)
            for kind in PICTURES:
                if kind == "svg" and svg:
                    (folder / f"{item.name}.svg").write_text(svg, encoding="utf-8")
                    files.append(f"{item.name}.svg")
                elif kind in sink.formats:
                    save(to_save, folder / f"{item.name}{suffix}.{kind}", item.caption)
                    files.append(f"{item.name}{suffix}.{kind}")
    if "csv" in sink.formats:
        for number, (name, frame) in enumerate(data.items()):
            files.append(f"{item.name}{'' if number == 0 else '.' + name}.csv")
            csv(frame, folder / files[-1], item.origin)
    return sink._note(item, files)


def save(drawn: Figure, path: Path, caption: str = "") -> None:
    """Write a figure as PDF with searchable fonts, as SVG with text as paths, or as PNG.

    The file contains the description of the figure but no date, so the same figure gives the same bytes.
    """
    from matplotlib import rc_context

    from aiot_analysis.plots import style

    kind = path.suffix.removeprefix(".")
    label = str(drawn.get_label())
    facts: dict[str, dict[str, str | None]] = {
        "pdf": {"CreationDate": None, "Title": caption, "Subject": label},
        "svg": {"Date": None, "Title": caption, "Description": label},
        "png": {"Title": caption, "Description": label},
    }
    fonts: dict[Any, Any] = {
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "svg.hashsalt": "aiotbench",
    }  # take precedence over the user's style sheet
    with style.context(), rc_context(fonts):
        drawn.savefig(path, dpi=DPI, metadata=facts[kind], facecolor="white")


def table(sink: Sink, item: Item, frame: pd.DataFrame, words: Callable[[], Words]) -> list[str]:
    """Write a table in the formats of the sink: values as CSV, and its `words` as LaTeX and Markdown."""
    folder = Path(sink.folder)
    files = [f"{item.name}.{kind}" for kind in ("csv", "tex", "md") if kind in sink.formats]
    if "csv" in sink.formats:
        csv(frame, folder / f"{item.name}.csv", item.origin)
    writers = {kind: write for kind, write in {"tex": latex, "md": markdown}.items() if kind in sink.formats}
    if writers:
        text = words()
        for kind, write in writers.items():
            (folder / f"{item.name}.{kind}").write_text(write(item, text), encoding="utf-8")
    return sink._note(item, files)


def csv(frame: pd.DataFrame, path: Path, origin: str) -> None:
    """Write the values without rounding. Each row has its origin."""
    from aiot_analysis.display import columns

    flat = frame.set_axis(columns.flat(frame.columns), axis=1)
    if "origin" not in flat.columns:
        flat = flat.assign(origin=origin)
    flat.to_csv(path, index=False, lineterminator="\n")


def _caption(item: Item) -> str:
    """Return the caption, preceded by a mark if the values are simulated or those of the paper."""
    return MARKS.get(item.origin, "") + item.caption


SIGNS = {"✓": r"$\checkmark$", "✗": r"$\times$", "×": r"$\times$", "◇": r"$\diamond$", "≥": r"$\geq$", "≤": r"$\leq$"}
SIGNS |= {"ρ": r"$\rho$", "τ": r"$\tau$", "²": r"\textsuperscript{2}", "→": r"$\rightarrow$", "±": r"$\pm$"}
ESCAPED = {character: "\\" + character for character in "&%$#_{}"}
ESCAPED |= {
    "\N{NO-BREAK SPACE}": "~",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": "$<$",
    ">": "$>$",
}
TEX = str.maketrans(ESCAPED | SIGNS)


def latex(item: Item, words: Words) -> str:
    """Return a LaTeX table that needs the packages booktabs and amssymb, and longtable if it has many rows."""
    frame = words.frame
    escaped = frame.map(lambda text: text.translate(TEX)).set_axis([str(name).translate(TEX) for name in frame], axis=1)
    source = escaped.to_latex(
        index=False,
        escape=False,
        column_format="".join("r" if is_number else "l" for is_number in words.numeric),
        caption=_caption(item).translate(TEX),
        label=f"tab:{item.name}",
        longtable=len(frame) > LONG,
    )
    return f"% {_caption(item)}\n% origin: {item.origin}\n{source}"


def markdown(item: Item, words: Words) -> str:
    """Return a Markdown table below its caption."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def plain(text: str) -> str:
        return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())

    lines = [line(map(plain, words.frame.columns)), line("--:" if is_number else ":--" for is_number in words.numeric)]
    lines += [line(map(plain, row)) for row in words.frame.itertuples(index=False, name=None)]
    return f"{plain(_caption(item))} (origin: {item.origin})\n\n" + "\n".join(lines) + "\n"
