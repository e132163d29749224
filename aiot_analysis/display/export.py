"""Export of figures (PDF, SVG, PNG) and tables (LaTeX, Markdown) from notebooks, with the numbers of both as CSV.

The process that runs a notebook sets an environment variable, which the kernel inherits, to say which files to write.
Without it, `show` and `table` write none.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import ReportError
from aiot_analysis.plots.presets import IEEE_WIDTHS, PRESETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    from aiot_analysis.display.columns import Words

VARIABLE = "AIOT_EXPORT"
REPLACES_SECTION = "replaces section"  # role of a sentence that pages show in place of its section
FOLDER = "figures"  # folder next to the pages for their exported files
BESIDE_PAGES = ("svg", "pdf", "csv")
FORMATS = ("pdf", "svg", "png", "csv", "tex", "md")
PICTURES = ("pdf", "svg", "png")
WIDTHS = IEEE_WIDTHS  # inches; without a preset
DPI = 300
SHORT_MARKS = {
    "simulated": "Simulated data. ",
    "published": "Data published by others. ",
    "paper": "As printed in the paper. ",
}
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
    preset: str = ""  # key of PRESETS
    sheet: str = ""  # style sheet applied after the project's and the preset's
    origin_line: bool = True  # whether redrawn figures keep the line that states the origin of their data
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
        numbers = [name for item in self.written() if item["origin"] != "paper" for name in item["files"]]
        return any((Path(self.folder) / name).read_bytes().count(b"\n") > 1 for name in numbers if name[-4:] == ".csv")

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
    folder = Path(sink.folder)
    files = []
    if not set(PICTURES).isdisjoint(sink.formats):  # drawing anew takes most of the time
        sheet = _sheet(sink)
        for width in sink.widths or ("",):
            files += _pictures(sink, item, shown, width, sheet, svg)
    if "csv" in sink.formats:
        for number, (name, frame) in enumerate(data.items()):
            files.append(f"{item.name}{'' if number == 0 else '.' + name}.csv")
            csv(frame, folder / files[-1], item.origin)
    return sink._note(item, files)


def _pictures(sink: Sink, item: Item, shown: Figure, width: str, sheet: Path | None, svg: str) -> list[str]:
    """Write a figure in one width, "" for as it is, and its LaTeX float; return the names of the files.

    `svg` is its SVG in the width "", if it has been drawn already.
    """
    from aiot_analysis.plots import style

    folder, stem = Path(sink.folder), f"{item.name}_{width}" if width else item.name
    widths = PRESETS[sink.preset].widths if sink.preset else WIDTHS
    drawing = style.figure_source(shown)
    with style.printing(widths.get(width), sheet, origin_line=sink.origin_line):
        to_save = shown
        if drawing and (width or sheet):
            to_save = drawing.again()
        style.lay_out(to_save)
        files = [f"{stem}.{kind}" for kind in PICTURES if kind in sink.formats]
        for file in files:
            if file.endswith(".svg") and svg:
                (folder / file).write_text(svg, encoding="utf-8")
            else:
                save(to_save, folder / file, item.caption)
    included = next((file for file in files if not file.endswith(".svg")), "")
    if included and "tex" in sink.formats:
        source = latex_figure(item, included, str(to_save.get_label()), is_wide=width == "double")
        (folder / f"{stem}.tex").write_text(source, encoding="utf-8")
        files.append(f"{stem}.tex")
    return files


def _sheet(sink: Sink) -> Path | None:
    """Return the style sheet of a sink: that of its preset, its own, or a file with both, in which its own prevails."""
    own = Path(sink.sheet) if sink.sheet else None
    if not sink.preset:
        return own
    preset = PRESETS[sink.preset].sheet
    if not own:
        return preset
    from matplotlib import rc_params_from_file

    replaced = set(rc_params_from_file(own, use_default_template=False))
    lines = preset.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if line.partition(":")[0].strip() not in replaced]
    both = Path(sink.folder) / "both.mplstyle"
    both.write_text("\n".join([*kept, own.read_text(encoding="utf-8")]), encoding="utf-8")
    return both


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
    """Write the values without rounding. Each row has its origin.

    A text that a spreadsheet would compute as a formula gets an apostrophe in front, which spreadsheets do not show.
    """
    from aiot_analysis.display import columns

    flat = frame.set_axis(columns.flat(frame.columns), axis=1)
    if "origin" not in flat.columns:
        flat = flat.assign(origin=origin)
    texts = flat.select_dtypes(["object", "string", "category"]).columns
    flat = flat.assign(**{column: flat[column].map(_no_formula) for column in texts})
    flat.to_csv(path, index=False, lineterminator="\n")


_FORMULA = re.compile(r"[=@\t]|[+-](?!(?:\d+(?:[.,]\d+)*(?: ?%)?)?$)")  # a sign, also of a number, is none


def _no_formula(value: Any) -> Any:
    """Return a cell of a table; a text that starts like a formula gets an apostrophe in front."""
    if not isinstance(value, str):
        return value
    text = value.replace("\r", " ")  # it would start a new row
    return f"'{text}" if _FORMULA.match(text) else text


def _caption(item: Item) -> str:
    """Return the caption, preceded by a mark if the values are simulated or those of the paper."""
    return MARKS.get(item.origin, "") + item.caption


CAPTION_WORDS = 24
_SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[A-Z(])|;\s+")
_CLAUSE_END = re.compile(r"[:,]\s|\s(?=\()")


def short_caption(text: str, words: int = CAPTION_WORDS) -> str:
    """Return the first sentence of a caption, up to a semicolon if it has one, in at most this many words.

    A longer sentence ends with its last clause that is within the limit and outside of brackets, or else with an
    ellipsis.
    """
    sentence = _SENTENCE_END.split(text.strip(), maxsplit=1)[0]
    if len(sentence.split()) <= words:
        return sentence
    clauses = [sentence[: match.start()] for match in _CLAUSE_END.finditer(sentence)]
    fitting = [part for part in clauses if len(part.split()) <= words and part.count("(") == part.count(")")]
    return fitting[-1].rstrip() if fitting else " ".join(sentence.split()[:words]) + " …"


def _latex_caption(item: Item) -> str:
    """Return the short caption, after a short mark if the values are simulated, others' or those of the paper."""
    mark = SHORT_MARKS.get(item.origin, "")
    return (mark + short_caption(item.caption, CAPTION_WORDS - len(mark.split()))).translate(TEX)


def _comments(item: Item, *more: str) -> str:
    """Return the whole caption, the origin and other remarks as comments of LaTeX."""
    return "".join(f"% {' '.join(line.split())}\n" for line in (_caption(item), f"origin: {item.origin}", *more))


_HYPHEN_MINUS = re.compile(r"(?<![\w.)])-(?=\.?\d)")


def true_minus(text: str) -> str:
    """Return a text with minus signs in place of the hyphens before negative numbers."""
    return _HYPHEN_MINUS.sub("\N{MINUS SIGN}", text)


SIGNS = {"✓": r"$\checkmark$", "✗": r"$\times$", "×": r"$\times$", "◇": r"$\diamond$", "≥": r"$\geq$", "≤": r"$\leq$"}
SIGNS |= {"ρ": r"$\rho$", "τ": r"$\tau$", "²": r"\textsuperscript{2}", "→": r"$\rightarrow$", "±": r"$\pm$"}
SIGNS |= {
    "\N{MINUS SIGN}": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "·": r"$\cdot$",
    "≈": r"$\approx$",
    "“": "``",
    "”": "''",
}
ESCAPED = {character: "\\" + character for character in "&%$#_{}"}
ESCAPED |= {
    "\N{NO-BREAK SPACE}": "~",
    "\N{ZERO WIDTH SPACE}": r"\allowbreak{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "|": r"\textbar{}",
    "<": "$<$",
    ">": "$>$",
}
TEX = str.maketrans(ESCAPED | SIGNS)

COLUMN_POINTS, PAGE_POINTS = 241.0, 506.0  # width of one and of two columns of acmart, narrower than those of IEEE
LETTER_POINTS = {"footnotesize": 4.4, "scriptsize": 3.9}  # a little more than digits of Computer Modern in 8 and 7 pt
NARROW_GAP = 3.0  # points on both sides of a column of a table that would be too wide otherwise
WRAPPED = 14  # letters; columns of longer text are wrapped if a table is too wide, to this width or their longest word
LINE_END = r"\\{}"  # the braces keep it from taking a star or a bracket after it as an option
HEADING = 14  # letters; longer headings have several lines, unless the values below are as long


@dataclass(frozen=True)
class TableLayout:
    """How a LaTeX table is set so that it fits a page, if it can."""

    size: str  # command for the size of the font
    gap: float  # points on both sides of a column
    columns: tuple[str, ...]  # type of each column
    points: float  # estimated width

    @property
    def is_wide(self) -> bool:
        """Whether the table is wider than a column of two."""
        return self.points > COLUMN_POINTS


def lay_out_table(words: Words, headings: Sequence[str]) -> TableLayout:
    """Return the first layout that fits a page: in small print, with narrow gaps, in smaller print with wrapped text.

    `headings` may have several lines.
    """
    types = ["r" if is_number else "l" for is_number in words.numeric]
    heading_letters = [max(map(len, heading.split("\n"))) for heading in headings]
    cell_letters = [int(column.str.len().max()) if len(column) else 0 for _, column in words.frame.items()]
    letters = [max(pair) for pair in zip(heading_letters, cell_letters, strict=True)]
    long = [kind == "l" and count > WRAPPED for kind, count in zip(types, letters, strict=True)]
    for size, gap in (("footnotesize", 6.0), ("footnotesize", NARROW_GAP), ("scriptsize", NARROW_GAP)):
        letter = LETTER_POINTS[size]
        gaps = 2 * gap * len(letters)
        points = letter * sum(letters) + gaps
        if points <= PAGE_POINTS:
            return TableLayout(size, gap, tuple(types), points)
    least = [
        max(WRAPPED, wide, _longest_word(column)) if is_long else 0
        for wide, (_, column), is_long in zip(heading_letters, words.frame.items(), long, strict=True)
    ]
    short = sum(count for count, is_long in zip(letters, long, strict=True) if not is_long)
    spare = (PAGE_POINTS - gaps) / letter - short - sum(least)
    demand = sum(count - start for count, start, is_long in zip(letters, least, long, strict=True) if is_long)
    share = max(0.0, min(1.0, spare / demand)) if demand else 0.0
    columns = [
        rf">{{\raggedright\arraybackslash}}p{{{letter * (start + share * (count - start)):.0f}pt}}" if is_long else kind
        for kind, count, start, is_long in zip(types, letters, least, long, strict=True)
    ]
    return TableLayout(size, gap, tuple(columns), letter * (short + sum(least) + share * demand) + gaps)


_ADDRESS = re.compile(r"https?://\S+")
_BREAK = "\N{ZERO WIDTH SPACE}"  # where LaTeX may break an address


def _breakable(text: str) -> str:
    """Return a text with a break after each slash and underscore of the addresses in it."""
    return _ADDRESS.sub(lambda match: re.sub(r"(?<=[/_])(?=[^/])", _BREAK, match[0]), text)


def _longest_word(column: pd.Series) -> int:
    """Return the number of letters of the longest part of a column that LaTeX does not break."""
    return max((len(part) for text in column for part in re.split(rf"\s|{_BREAK}|(?<=-)", _breakable(text))), default=0)


def distinct(columns: Iterable[object]) -> list[str]:
    """Return headings of which no two are alike: one that occurs again names what it belongs to.

    That is the last heading before it that occurs once, without its unit, as in "parameters: printed".
    """
    headings = [str(column) for column in columns]
    result: list[str] = []
    subject = ""
    for heading in headings:
        if headings.count(heading) == 1:
            subject, name = heading.partition(",")[0], heading
        else:
            name = f"{subject}: {heading}" if subject else heading
        repeats = sum(earlier == name or earlier.startswith(f"{name} (") for earlier in result)
        result.append(f"{name} ({repeats + 1})" if name in result else name)
    return result


def latex(item: Item, words: Words) -> str:
    """Return a LaTeX table for a page of two columns.

    It needs the packages booktabs and amssymb, array if it has wrapped columns, and longtable if it has many rows.
    """
    headings = []
    for name, (_, column) in zip(distinct(words.frame.columns), words.frame.items(), strict=True):
        letters = max(HEADING, int(column.str.len().max()) if len(column) else 0)
        headings.append("\n".join(wrap(name, letters)))
    layout = lay_out_table(words, headings)
    head = _row(
        rf"\shortstack[{'r' if is_number else 'l'}]{{{_tex(heading, newline=LINE_END)}}}"
        if "\n" in heading
        else _tex(heading)
        for heading, is_number in zip(headings, words.numeric, strict=True)
    )
    rows = [_row(map(_tex, row)) for row in words.frame.itertuples(index=False, name=None)]
    remarks = (
        [] if layout.points < PAGE_POINTS + 1 else [f"about {layout.points:.0f} pt wide: omit columns, or turn it"]
    )
    caption, label = rf"\caption{{{_latex_caption(item)}}}", rf"\label{{tab:{item.name}}}"
    kind = "".join(layout.columns)
    font = [rf"\{layout.size}"]
    font += [rf"\setlength{{\tabcolsep}}{{{layout.gap:g}pt}}"] if layout.gap == NARROW_GAP else []
    if len(rows) > LONG:
        remarks.append(r"longtable is for one column: precede it with \onecolumn in a document of two")
        start = [r"\begingroup", *font, rf"\begin{{longtable}}{{{kind}}}", rf"{caption}{label} \\"]
        repeated = [r"\toprule", head, r"\midrule"]
        body = [*repeated, r"\endfirsthead", *repeated, r"\endhead", r"\bottomrule", r"\endfoot", *rows]
        lines = [*start, *body, r"\end{longtable}", r"\endgroup"]
    else:
        name = "table*" if layout.is_wide else "table"
        start = [rf"\begin{{{name}}}[t]", r"\centering", caption, label, *font, rf"\begin{{tabular}}{{{kind}}}"]
        body = [r"\toprule", head, r"\midrule", *rows, r"\bottomrule"]
        lines = [*start, *body, r"\end{tabular}", rf"\end{{{name}}}"]
    return _comments(item, *remarks) + "\n".join(lines) + "\n"


def _tex(text: str, newline: str = " ") -> str:
    """Return a text of a table in LaTeX."""
    return true_minus(_breakable(text)).translate(TEX).replace("\n", newline)


def _row(cells: Iterable[str]) -> str:
    """Return a row of a LaTeX table; the line before it would take a star or a bracket at its start as an option."""
    line = " & ".join(cells) + r" \\"
    return "{}" + line if line.startswith(("*", "[")) else line


def latex_figure(item: Item, file: str, description: str, is_wide: bool) -> str:
    r"""Return a LaTeX float that includes the file of a figure, which needs the package graphicx.

    The description is a comment, since only some classes have a command for it, such as \Description of acmart.
    """
    name = "figure*" if is_wide else "figure"
    lines = [
        rf"\begin{{{name}}}[t]",
        r"\centering",
        rf"\includegraphics[width=\linewidth]{{{file}}}",
        rf"\caption{{{_latex_caption(item)}}}",
        rf"\label{{fig:{item.name}}}",
        rf"\end{{{name}}}",
    ]
    return _comments(item, f"description: {description}") + "\n".join(lines) + "\n"


def markdown(item: Item, words: Words) -> str:
    """Return a Markdown table below its caption."""

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    def plain(text: str) -> str:
        return " ".join(true_minus(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").split())

    lines = [
        line(map(plain, distinct(words.frame.columns))),
        line("--:" if is_number else ":--" for is_number in words.numeric),
    ]
    lines += [line(map(plain, row)) for row in words.frame.itertuples(index=False, name=None)]
    return f"{plain(_caption(item))} (origin: {item.origin})\n\n" + "\n".join(lines) + "\n"
