"""The figures and tables that the notebooks show, read from their cells without executing them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiot_analysis.display import CLAIM_TABLES
from aiot_analysis.errors import ReportError
from aiot_analysis.report.notebooks import Notebook

CALLS = {"show": "figure", "table": "table", "show_excluded": "table", "show_with_care": "table"}
CLAIMS = "claims"  # called with the number of a remark, it displays CLAIM_TABLES
ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}


@dataclass(frozen=True)
class CatalogueEntry:
    """A figure or table with a name, by a call of `show`, `table` or a method of `NotebookPage`."""

    name: str
    number: str  # number in the paper, like "Fig. 5" or "Table IV"; "" if it is not in the paper
    kind: str  # "figure" or "table"
    notebook: str

    @property
    def key(self) -> str:
        """The short form of the number: fig5, table4."""
        return _key(self.number)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.number else self.name


def read_catalogue(notebook: Notebook) -> list[CatalogueEntry]:
    """Return the named figures and tables of a notebook, in order."""
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return [entry for source in sources for call in _calls(source) for entry in _entries(call, notebook.name)]


def _calls(source: str) -> list[ast.Call]:
    """Return the calls in a cell that display something, in order."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []  # a line magic, or an error that execution will report
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _of(node) in {*CALLS, CLAIMS}]
    return sorted(calls, key=lambda call: (call.lineno, call.col_offset))


def _entries(call: ast.Call, notebook: str) -> list[CatalogueEntry]:
    """Return what a call displays under a name: one figure or table, or the tables of the claims of a remark."""
    if _of(call) == CLAIMS:
        numbers = [word.value for word in call.args if isinstance(word, ast.Constant)]
        return [
            CatalogueEntry(name.format(number), "", "table", notebook) for number in numbers for name in CLAIM_TABLES
        ]
    texts = {
        keyword.arg: keyword.value.value
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    if not texts.get("name"):
        return []
    return [CatalogueEntry(texts["name"], texts.get("number", ""), CALLS[_of(call)], notebook)]


def _of(call: ast.Call) -> str:
    """Return the name of the called function, without its module."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def choose_entries(entries: Sequence[CatalogueEntry], words: Sequence[str]) -> list[CatalogueEntry]:
    """Return the entries that are named, or all if `words` is empty.

    A word is a name, or the paper's number in any form: 5, fig5, "Fig. 5", table4, "Table IV". A number selects all
    entries that have it.

    Raises:
        ReportError: A word matches no entry.
    """
    wanted = set()
    for word in words:
        key = _key(f"fig{word}" if word.strip().isdecimal() else word)
        matching = {entry.name for entry in entries if entry.name == word.strip().casefold()} or {
            entry.name for entry in entries if key and entry.key == key
        }
        if not matching:
            numbered = ", ".join(str(entry) for entry in entries if entry.number)
            others = ", ".join(entry.name for entry in entries if not entry.number)
            raise ReportError(f"There is no figure or table {word!r}: choose {numbered}; or {others}.")
        wanted |= matching
    return [entry for entry in entries if not words or entry.name in wanted]


def _key(text: str) -> str:
    """Return the short form of a number in the paper, or "" if the text is not one.

    The texts "Fig. 5", "figure 5" and "FIG5" become fig5; "Table IV", "table 4" and "tab. 4" become table4.
    """
    match = re.fullmatch(r"(fig|figure|tab|table)[\s._]*(\d+|[ivx]+)", text.strip().casefold())
    if not match:
        return ""
    number = ROMAN.get(match[2], match[2].lstrip("0"))
    return f"{'fig' if match[1].startswith('fig') else 'table'}{number}"


def check_unique(entries: Sequence[CatalogueEntry]) -> None:
    """Raise ReportError if two entries have the same name, since one would overwrite the files of the other."""
    seen: dict[str, CatalogueEntry] = {}
    for entry in entries:
        if entry.name in seen:
            books = " and ".join(dict.fromkeys([seen[entry.name].notebook, entry.notebook]))
            raise ReportError(f"Two figures or tables have the name {entry.name!r} in {books}: rename one.")
        seen[entry.name] = entry
