"""Files of what notebooks show: figures as PDF, SVG and PNG, tables as LaTeX and Markdown, the numbers of both as CSV.

Who runs a notebook says what files it is to write, by an environment variable that its kernel inherits; without
it `show` and `table` write none.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import ReportError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from aiot_analysis.display.cells import Words

VARIABLE = "AIOT_EXPORT"
FOLDER = "figures"  # beside the pages, for the files of what they show
BESIDE_PAGES = ("svg", "csv")
FORMATS = ("pdf", "svg", "png", "csv", "tex", "md")
PICTURES = ("pdf", "svg", "png")
WIDTHS = {"single": 3.5, "double": 7.16}  # inches: columns of IEEE's and ACM's journals
DPI = 300
LIST = "items.jsonl"  # what was written, an item a line
LONG = 50  # rows, from which on a LaTeX table goes over pages
MARKS = {"simulated": "Simulated data: nothing here was measured on a device. ", "paper": "As printed in the paper. "}


@dataclass(frozen=True)
class Item:
    """A figure or table that has a name."""

    name: str  # of its files
    number: str  # the paper's, like "Fig. 5"; "" if it is not in the paper
    caption: str
    kind: str  # "figure" or "table"
    origin: str  # measured, simulated or imported; or "paper" for what the paper printed


@dataclass(frozen=True)
class Sink:
    """Where files go, and which."""

    folder: str
    formats: tuple[str, ...]
    origin: str  # of the data that the notebook is given
    widths: tuple[str, ...] = ()  # of printed columns, for which figures are drawn again; none: as they are
    names: tuple[str, ...] = ()  # only these; none: all that have a name
    sheet: str = ""  # a style sheet over the project's
    displayed: bool = True  # whether a page is made as well

    @contextmanager
    def open(self) -> Iterator[None]:
        """Kernels that start inside write here."""
        shutil.rmtree(self.folder, ignore_errors=True)  # of a call that was interrupted
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
        return bool(name) and (not self.names or name in self.names)

    def written(self) -> list[dict[str, Any]]:
        """The items that the notebook wrote, each with its files, in its order."""
        path = Path(self.folder) / LIST
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []

    def place(self, folder: Path) -> list[str]:
        """Moves what was written to another folder, each file at once; returns their addresses from its parent."""
        names = [name for item in self.written() for name in item["files"]]
        for name in names:
            folder.mkdir(exist_ok=True)
            (Path(self.folder) / name).replace(folder / name)
        shutil.rmtree(self.folder)
        return [f"{folder.name}/{name}" for name in names]

    def _note(self, item: Item, files: list[str]) -> list[str]:
        with (Path(self.folder) / LIST).open("a", encoding="utf-8") as file:
            file.write(json.dumps({**asdict(item), "files": files}) + "\n")
        return files


def beside_page(out: Path, page: str, origins: Sequence[str]) -> Sink:
    """What is written with every page: numbers and vectors, first where nobody looks."""
    return Sink(str(out / ".part" / page), BESIDE_PAGES, " and ".join(origins))


def current() -> Sink | None:
    """Where this process is to write, if anywhere."""
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        told: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()
        }
        return Sink(**told)
    except (ValueError, TypeError) as error:
        raise ReportError(f"{VARIABLE} is not what `aiot figures` sets ({error}): unset it.") from None


def figure(sink: Sink, item: Item, shown: Figure, data: Mapping[str, pd.DataFrame]) -> list[str]:
    """Writes a figure in the formats that are wanted, and the frames it draws; returns the files' names."""
    from aiot_analysis.plots import style

    folder = Path(sink.folder)
    files = []
    for width in sink.widths or ("",):
        end = f"_{width}" if width else ""
        with style.printing(WIDTHS.get(width), Path(sink.sheet) if sink.sheet else None):
            known = style.drawn(shown)
            drawn = known.again() if known and (width or sink.sheet) else shown
            style.lay_out(drawn)
            for kind in PICTURES:
                if kind in sink.formats:
                    save(drawn, folder / f"{item.name}{end}.{kind}", item.caption)
                    files.append(f"{item.name}{end}.{kind}")
    if "csv" in sink.formats:
        for number, (name, frame) in enumerate(data.items()):
            files.append(f"{item.name}{'' if number == 0 else '.' + name}.csv")
            csv(frame, folder / files[-1], item.origin)
    return sink._note(item, files)


def save(drawn: Figure, path: Path, caption: str = "") -> None:
    """Writes a figure as PDF with fonts that can be searched, as SVG with text as paths, or as PNG.

    The same figure gives the same bytes: there is no date in the file. Its description is.
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
    }  # whatever a user's sheet says
    with style.context(), rc_context(fonts):
        drawn.savefig(path, dpi=DPI, metadata=facts[kind], facecolor="white")


def table(sink: Sink, item: Item, frame: pd.DataFrame, words: Callable[[], Words]) -> list[str]:
    """Writes a table: its values as CSV; its `words`, as a page has them, as LaTeX and Markdown, if they are wanted."""
    folder = Path(sink.folder)
    files = [f"{item.name}.{kind}" for kind in ("csv", "tex", "md") if kind in sink.formats]
    if "csv" in sink.formats:
        csv(frame, folder / f"{item.name}.csv", item.origin)
    writers = {kind: write for kind, write in {"tex": latex, "md": markdown}.items() if kind in sink.formats}
    if writers:
        told = words()
        for kind, write in writers.items():
            (folder / f"{item.name}.{kind}").write_text(write(item, told), encoding="utf-8")
    return sink._note(item, files)


def csv(frame: pd.DataFrame, path: Path, origin: str) -> None:
    """Writes the values, not rounded, each row with its origin."""
    from aiot_analysis.display import cells

    flat = frame.set_axis(cells.flat(frame.columns), axis=1)
    if "origin" not in flat.columns:
        flat = flat.assign(origin=origin)
    flat.to_csv(path, index=False, lineterminator="\n")


def _caption(item: Item) -> str:
    return MARKS.get(item.origin, "") + item.caption


SIGNS = {"✓": r"$\checkmark$", "✗": r"$\times$", "×": r"$\times$", "◇": r"$\diamond$", "≥": r"$\geq$", "≤": r"$\leq$"}
SIGNS |= {"ρ": r"$\rho$", "τ": r"$\tau$", "²": r"\textsuperscript{2}", "→": r"$\rightarrow$", "±": r"$\pm$"}
ESCAPED = {one: "\\" + one for one in "&%$#_{}"}
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
    """A LaTeX table for the packages booktabs and amssymb, and longtable where it has many rows."""
    frame = words.frame
    escaped = frame.map(lambda text: text.translate(TEX)).set_axis([str(name).translate(TEX) for name in frame], axis=1)
    made = escaped.to_latex(
        index=False,
        escape=False,
        column_format="".join("r" if one else "l" for one in words.numeric),
        caption=_caption(item).translate(TEX),
        label=f"tab:{item.name}",
        longtable=len(frame) > LONG,
    )
    return f"% {_caption(item)}\n% origin: {item.origin}\n{made}"


def markdown(item: Item, words: Words) -> str:
    """A Markdown table under its caption."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def plain(text: str) -> str:
        return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())

    lines = [line(map(plain, words.frame.columns)), line("--:" if one else ":--" for one in words.numeric)]
    lines += [line(map(plain, row)) for row in words.frame.itertuples(index=False, name=None)]
    return f"{plain(_caption(item))} (origin: {item.origin})\n\n" + "\n".join(lines) + "\n"
