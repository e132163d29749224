"""Code of notebooks that a figure or a table needs: what is kept, and that it gives what the whole notebook gives."""

import ast
import builtins
import json
from pathlib import Path

import pytest

from aiot_analysis.report import figures, notebooks
from aiot_analysis.report.pruning import prune

PROJECT = Path(__file__).parents[3] / "notebooks"


def pruned(*cells: str, wanted: str = "wanted") -> list[str]:
    def calls(call: ast.Call, name: str) -> bool:
        return ast.unparse(call.func) == name

    return prune(cells, lambda call: calls(call, wanted), lambda call: calls(call, "show"))


def test_only_what_a_wanted_call_uses_remains() -> None:
    cells = ("import pandas\na = load()\nb = slow(a)", "show(b)", "c = a.sum()\nwanted(c)", "d = slow(c)\nshow(d)")
    assert pruned(*cells) == ["import pandas\na = load()", "pass", "c = a.sum()\nwanted(c)", "pass"]


@pytest.mark.parametrize(
    "change",
    [
        "a.insert(1)",
        "fill(a)",
        "a['x'] = 1",
        "a.x = 1",
        "a += 1",
        "del a['x']",
        "for item in a:\n    item.fill()",
        "for item in load():\n    a[item] = 1",
        "b = a['x']\nb.fill()",
        "b = a\nb['x'] = 1",
        "if b:\n    a = 2",
        "if (a := load()):\n    pass",
        "with context():\n    a = 2",
        "try:\n    a = 2\nexcept ValueError:\n    pass",
        "a, b = load()",
        "def a():\n    pass",
        "assert b",
    ],
)
def test_what_may_change_a_variable_that_is_used_remains(change: str) -> None:
    kept, _ = pruned(f"a, b = load()\n{change}", "wanted(a)")
    assert ast.dump(ast.parse(kept)) == ast.dump(ast.parse(f"a, b = load()\n{change}"))


@pytest.mark.parametrize(
    "change", ["show(a)", "b = a.copy()", "a", "for item in a:\n    show(item)", "if a:\n    show(a)\nelse:\n    b = 1"]
)
def test_what_changes_nothing_that_is_used_is_removed(change: str) -> None:
    assert pruned(f"a = load()\n{change}", "wanted(a)") == ["a = load()", "wanted(a)"]


def test_a_branch_without_needed_code_is_empty() -> None:
    [kept] = pruned("if a:\n    show(1)\nelse:\n    wanted(b)")
    assert kept == "if a:\n    pass\nelse:\n    wanted(b)"


def test_order_matters_a_later_change_is_not_needed() -> None:
    assert pruned("a = 1", "wanted(a)", "a = 2") == ["a = 1", "wanted(a)", "pass"]


def test_a_notebook_with_a_line_magic_is_left_as_it_is() -> None:
    assert pruned("%matplotlib inline", "show(1)") == ["%matplotlib inline", "show(1)"]


def needed(book: notebooks.Notebook, *names: str) -> str:
    cells = json.loads(figures._needed_code(book, names))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


@pytest.mark.parametrize("book", notebooks.find(PROJECT), ids=lambda book: book.name)
def test_each_item_of_the_project_keeps_its_call_and_every_name_that_the_code_uses(book: notebooks.Notebook) -> None:
    for entry in figures.read_catalogue(book):
        text = needed(book, entry.name)
        assert "say(" not in text
        displayed = {item.name for call in figures._calls(text) for item in figures._entries(call, book.name)}
        assert entry.name in displayed
        tree = ast.parse(text)
        bound = set(dir(builtins))
        bound |= {part.asname or part.name for node in ast.walk(tree) for part in getattr(node, "names", ())}
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
        bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        assert {node.id for node in names} - bound == set(), entry.name


def test_claims_and_comparisons_of_other_items_are_not_computed() -> None:
    [book] = [book for book in notebooks.find(PROJECT) if book.name == "04_frameworks"]
    text = needed(book, "fig5_framework_shares")
    assert "time_shares" in text
    for costly in ("draw.speed_ups", "claims", "over_devices", "table("):
        assert costly in "".join(map(str, json.loads(book.path.read_text())["cells"]))
        assert costly not in text
