"""Which figures and tables the notebooks show: read from their cells, without executing them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from aiot_analysis.errors import ReportError
from aiot_analysis.report.notebooks import Notebook

CALLS = {"show": "figure", "table": "table"}
ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6"}


@dataclass(frozen=True)
class Entry:
    """A call of `show` or `table` with a name."""

    name: str
    number: str  # the paper's, like "Fig. 5" or "Table IV"; "" if it is not in the paper
    kind: str  # "figure" or "table"
    notebook: str

    @property
    def key(self) -> str:
        """The number in short: fig5, table4."""
        return _key(self.number)

    def __str__(self) -> str:
        return f"{self.name} ({self.number})" if self.number else self.name


def read(notebook: Notebook) -> list[Entry]:
    """The figures and tables of a notebook that have a name, in its order."""
    cells = json.loads(notebook.path.read_text(encoding="utf-8"))["cells"]
    found = []
    for cell in cells:
        if cell["cell_type"] != "code":
            continue
        try:
            tree = ast.parse("".join(cell["source"]))
        except SyntaxError:
            continue  # a line magic, or a fault that running it will tell
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _of(node) in CALLS]
        for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            texts = {
                word.arg: word.value.value
                for word in call.keywords
                if isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
            }
            if texts.get("name"):
                found.append(Entry(texts["name"], texts.get("number", ""), CALLS[_of(call)], notebook.name))
    return found


def _of(call: ast.Call) -> str:
    """The name of the function that is called, with or without its module."""
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def choose(entries: Sequence[Entry], words: Sequence[str]) -> list[Entry]:
    """Those that are named, by name or by the paper's number in any form: 5, fig5, "Fig. 5", table4, "Table IV".

    A number means all that have it; none are all. Raises ReportError for a word that is none of them.
    """
    wanted = set()
    for word in words:
        key = _key(f"fig{word}" if word.strip().isdecimal() else word)
        found = {one.name for one in entries if one.name == word.strip().casefold()} or {
            one.name for one in entries if key and one.key == key
        }
        if not found:
            numbered = ", ".join(str(one) for one in entries if one.number)
            others = ", ".join(one.name for one in entries if not one.number)
            raise ReportError(f"There is no figure or table {word!r}: choose {numbered}; or {others}.")
        wanted |= found
    return [one for one in entries if not words or one.name in wanted]


def _key(text: str) -> str:
    """fig5 of "Fig. 5", "figure 5" and "FIG5"; table4 of "Table IV", "table 4" and "tab. 4"; "" of anything else."""
    match = re.fullmatch(r"(fig|figure|tab|table)[\s._]*(\d+|[ivx]+)", text.strip().casefold())
    if not match:
        return ""
    number = ROMAN.get(match[2], match[2].lstrip("0"))
    return f"{'fig' if match[1].startswith('fig') else 'table'}{number}"


def unique(entries: Sequence[Entry]) -> None:
    """Raises ReportError if two have the same name, of which one would overwrite the files of the other."""
    seen: dict[str, Entry] = {}
    for one in entries:
        if one.name in seen:
            books = " and ".join(dict.fromkeys([seen[one.name].notebook, one.notebook]))
            raise ReportError(f"Two figures or tables are called {one.name!r} in {books}: rename one.")
        seen[one.name] = one
