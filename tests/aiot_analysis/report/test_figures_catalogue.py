"""Which figures and tables there are, read from notebooks: those of the project, and words for them."""

import ast
import json
from pathlib import Path

import pytest

from aiot_analysis.display import export
from aiot_analysis.errors import ReportError
from aiot_analysis.report import figures, notebooks
from aiot_analysis.report.figures import CatalogueEntry

PROJECT = Path(__file__).parents[3] / "notebooks"
FIVE = CatalogueEntry("fig5_shares", "Fig. 5", "figure", "04")
ENTRIES = [
    FIVE,
    CatalogueEntry("fig15_more", "Fig. 15", "figure", "04"),
    CatalogueEntry("table4_vips", "Table IV", "table", "08"),
    CatalogueEntry("table4_again", "Table IV", "table", "02"),
    CatalogueEntry("coverage", "", "figure", "01"),
]


def every() -> list[CatalogueEntry]:
    return [entry for notebook in notebooks.find(PROJECT) for entry in figures.read_catalogue(notebook)]


def test_every_figure_and_table_of_the_project_has_a_name_of_its_own() -> None:
    entries = every()
    figures.check_unique(entries)
    calls = 0
    for path in PROJECT.glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                nodes = [node for node in ast.walk(ast.parse("".join(cell["source"]))) if isinstance(node, ast.Call)]
                functions = [ast.unparse(node.func) for node in nodes]
                one = ("show", "table", "page.table", "page.show_excluded", "page.show_with_care")
                calls += sum(function in one for function in functions) + 2 * functions.count("page.claims")
    assert len(entries) == calls
    assert all(one.name.isidentifier() and one.name == one.name.lower() for one in entries)


def captions() -> list[str]:
    """Return the captions of the project's notebooks, with "5" in place of what only execution can tell."""
    found = []
    for path in PROJECT.glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for call in figures._calls("".join(cell["source"])) if cell["cell_type"] == "code" else []:
                caption = call.args[1] if len(call.args) > 1 else None
                parts = caption.values if isinstance(caption, ast.JoinedStr) else [caption]
                found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "5" for part in parts))
    return [caption for caption in found if caption != "5"]


def test_every_caption_has_a_short_form_of_fewer_than_25_words_that_is_a_whole_clause() -> None:
    for caption in captions():
        short = export.short_caption(caption)
        assert 0 < len(short.split()) < 25, caption
        assert caption.startswith(short) and "…" not in short, caption


def test_captions_have_at_most_25_words() -> None:
    assert len(captions()) > 90
    assert [caption for caption in captions() if len(caption.split()) > 25] == []


def test_all_that_the_paper_numbers_is_there() -> None:
    numbered = {one.key for one in every()}
    assert numbered >= {f"fig{number}" for number in range(1, 10)} | {f"table{number}" for number in range(1, 5)}
    assert all(one.key == "" or one.name.startswith(one.key) or one.key == "table4" for one in every())


@pytest.mark.parametrize("word", ["5", "fig5", "FIG5", "Fig. 5", "figure 5", " fig_5 ", "fig5_shares", "Fig5_Shares"])
def test_a_figure_has_its_name_and_its_number_in_any_form(word: str) -> None:
    assert figures.choose_entries(ENTRIES, [word]) == [FIVE]


@pytest.mark.parametrize("word", ["table4", "Table IV", "tab. 4", "TABLE iv"])
def test_a_number_means_all_that_have_it(word: str) -> None:
    assert [one.name for one in figures.choose_entries(ENTRIES, [word])] == ["table4_vips", "table4_again"]


def test_no_word_means_all() -> None:
    assert figures.choose_entries(ENTRIES, []) == ENTRIES


@pytest.mark.parametrize("word", ["4", "fig4", "", "vips", "table"])
def test_an_unknown_name_lists_the_available_ones(word: str) -> None:
    with pytest.raises(ReportError, match=r"choose fig5_shares \(Fig\. 5\), .*; or coverage\."):
        figures.choose_entries(ENTRIES, [word])


def test_a_name_that_two_have_is_refused() -> None:
    with pytest.raises(ReportError, match=r"'coverage' in 01 and 09: rename one"):
        figures.check_unique([*ENTRIES, CatalogueEntry("coverage", "", "table", "09")])
