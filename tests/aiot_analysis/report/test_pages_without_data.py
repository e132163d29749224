"""Pages without data, from notebooks with real kernels: readers see in the menu and on the front page why."""

import re
from pathlib import Path

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from aiot_analysis.report.page import reason_without_data
from aiot_analysis.report.render import render

from .conftest import make_project
from .test_figures import LOAD, write

SHOW = 'table(frame, "Numbers", name="{}")'
NOTHING = """
from aiot_analysis.display.show import say
say("No network was profiled: run `aiot operators`, then `aiot process`.")
table(frame.head(0), "Profiles", name="profiles")
table(frame, "Printed", name="printed", origin="paper")
"""
REASON = "No network was profiled: run aiot operators, then aiot process."


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("project"))
    write(project / "notebooks", "01_first", LOAD, SHOW.format("first"))
    write(project / "notebooks", "02_nothing", LOAD, NOTHING)
    write(project / "notebooks", "03_last", LOAD, SHOW.format("last"))
    write(
        project / "notebooks",
        "04_own",
        LOAD,
        'from aiot_analysis.display.show import say\nsay("Made by `aiot run`.")\ntable(frame, "Without a name")',
    )
    results = render(project / "notebooks", project / "reports")
    assert [result.status for result in results] == ["rendered"] * 4
    return project / "reports"


def test_the_menu_says_why_instead_of_a_link(out: Path) -> None:
    for name in ("01_first", "02_nothing", "03_last", "index"):
        text = (out / f"{name}.html").read_text(encoding="utf-8")
        menu = text[text.index("<header>") : text.index("</header>")]
        assert f'<span class="empty" title="{REASON}"><span class="number">02</span>' in menu
        assert 'href="02_nothing.html"' not in menu
        assert all(f'href="{name}.html"' in menu for name in ("01_first", "03_last", "04_own"))


def test_the_next_page_is_one_with_data(out: Path) -> None:
    text = (out / "01_first.html").read_text(encoding="utf-8")
    assert re.search('rel="next" href="03_last.html"', text)


def test_the_front_page_says_why_instead_of_a_link(out: Path) -> None:
    text = (out / "index.html").read_text(encoding="utf-8")
    cards = text[text.index('<h2 id="reports">') :]
    assert 'href="02_nothing.html"' not in cards and 'href="03_last.html"' in cards
    assert re.search(rf'<li class="card ok empty" title="{REASON}">', cards)
    assert f"No data. {REASON}" in cards


def test_a_text_cell_may_name_the_command() -> None:
    cell = new_markdown_cell("Profiles of networks. If there are none,\nrun `aiot operators`. They are exact.")
    assert reason_without_data(new_notebook(cells=[cell])) == "If there are none, run aiot operators."
    mention = new_markdown_cell("`aiot operators` does the same.")
    assert reason_without_data(new_notebook(cells=[mention, cell])) == "If there are none, run aiot operators."
    assert reason_without_data(new_notebook(cells=[mention])) == "aiot operators does the same."
    assert reason_without_data(new_notebook(cells=[new_markdown_cell("Nothing.")])) == ""
