import json
from pathlib import Path

import pytest

from aiot_analysis.errors import ReportError
from aiot_analysis.report import notebooks

from .conftest import NOTEBOOKS


@pytest.fixture(scope="module")
def found() -> list[notebooks.Notebook]:
    return notebooks.find(NOTEBOOKS)


def test_notebooks_are_found_in_order_with_title_and_first_paragraph(found: list[notebooks.Notebook]) -> None:
    assert [notebook.name for notebook in found] == ["01_good", "02_fails", "03_other_error", "04_slow", "05_dies"]
    assert found[0].title == "Bars & tables"
    assert found[0].summary == "How long each instance took, see all."
    assert found[0].number == "01"


def test_subfolders_and_other_names_are_no_reports(tmp_path: Path) -> None:
    (tmp_path / "explore").mkdir()
    for path in ("explore/01_try.ipynb", "scratch.ipynb", "02_last.ipynb"):
        (tmp_path / path).write_bytes((NOTEBOOKS / "05_dies.ipynb").read_bytes())
    assert [notebook.name for notebook in notebooks.find(tmp_path)] == ["02_last"]


def test_a_folder_without_notebooks_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=f"no notebook like 01_name.ipynb in {tmp_path}"):
        notebooks.find(tmp_path)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    "text", ["{}", "[]", "5", DEEP, '{"cells": [5]}', '{"cells": [{"cell_type": "x", "source": 5}]}']
)
def test_a_file_that_is_no_notebook_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "01_bad.ipynb").write_text(text)
    with pytest.raises(ReportError, match=r"01_bad\.ipynb is not a notebook of format 4") as error:
        notebooks.read(tmp_path / "01_bad.ipynb")
    [found] = notebooks.find(tmp_path)  # which goes on with the others
    assert (found.name, found.problem) == ("01_bad", str(error.value))


@pytest.mark.parametrize("text", ["03", "3", "other_error", "Other_Error", "03_OTHER_error", "03_other_error.ipynb"])
def test_a_notebook_goes_by_number_by_name_and_by_both(found: list[notebooks.Notebook], text: str) -> None:
    assert [notebook.name for notebook in notebooks.choose(found, [text])] == ["03_other_error"]


def test_no_name_means_all_and_order_is_that_of_the_folder(found: list[notebooks.Notebook]) -> None:
    assert notebooks.choose(found, []) == found
    assert [notebook.name for notebook in notebooks.choose(found, ["slow", "01", "4"])] == ["01_good", "04_slow"]


def test_an_unknown_name_lists_the_choices(found: list[notebooks.Notebook]) -> None:
    with pytest.raises(ReportError, match="no notebook 'good_': choose 01_good, 02_fails, 03_other_error, 04_slow"):
        notebooks.choose(found, ["good_"])


def test_outputs_do_not_change_the_digest_but_sources_do(tmp_path: Path, found: list[notebooks.Notebook]) -> None:
    document = json.loads((NOTEBOOKS / "01_good.ipynb").read_text())
    path = tmp_path / "01_good.ipynb"
    document["cells"][1] |= {"execution_count": 7, "outputs": [{"output_type": "stream", "name": "stdout", "text": ""}]}
    path.write_text(json.dumps(document))
    assert notebooks.read(path).digest == found[0].digest
    document["cells"][1]["source"] = "processed: str = 'elsewhere'"
    path.write_text(json.dumps(document))
    assert notebooks.read(path).digest != found[0].digest


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("a **b** _c_ `d_e_f` [g](h.html)\ni", "a b c d_e_f g i"),
        ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
    ],
)
def test_markdown_of_a_paragraph_becomes_plain_text(markdown: str, text: str) -> None:
    assert notebooks.plain(markdown) == text


def test_a_parameter_goes_only_to_notebooks_that_know_it(found: list[notebooks.Notebook]) -> None:
    assigned = notebooks.assign(found, {"confidence": "0.9", "origin": "simulated"})
    assert assigned == {
        "01_good": {"confidence": 0.9, "origin": "simulated"},
        "02_fails": {"origin": "simulated"},
        "03_other_error": {},
        "04_slow": {},
        "05_dies": {},
    }


def test_an_unknown_parameter_lists_the_known_ones(found: list[notebooks.Notebook]) -> None:
    chosen = notebooks.choose(found, ["other_error", "dies"])
    with pytest.raises(ReportError) as error:
        notebooks.assign(chosen, {"confidence": "0.9"})
    assert str(error.value) == (
        "Parameter 'confidence' is unknown to the chosen notebooks: they have "
        "divisor: int = 0 (by which to divide); verbose: bool = False (say more)."
    )
