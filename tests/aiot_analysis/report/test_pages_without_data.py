"""Pages without data, from notebooks with real kernels: readers see in the menu and on the front page why."""

import re
from pathlib import Path

import pytest

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
    results = render(project / "notebooks", project / "reports")
    assert [result.status for result in results] == ["rendered"] * 3
    return project / "reports"


def test_the_menu_says_why_instead_of_a_link(out: Path) -> None:
    for name in ("01_first", "02_nothing", "03_last", "index"):
        text = (out / f"{name}.html").read_text(encoding="utf-8")
        menu = text[text.index("<header>") : text.index("</header>")]
        assert f'<span class="empty" title="{REASON}"><span class="number">02</span>' in menu
        assert 'href="02_nothing.html"' not in menu
        assert 'href="01_first.html"' in menu and 'href="03_last.html"' in menu


def test_the_next_page_is_one_with_data(out: Path) -> None:
    text = (out / "01_first.html").read_text(encoding="utf-8")
    assert re.search('rel="next" href="03_last.html"', text)


def test_the_front_page_says_why_instead_of_a_link(out: Path) -> None:
    text = (out / "index.html").read_text(encoding="utf-8")
    cards = text[text.index('<h2 id="reports">') :]
    assert 'href="02_nothing.html"' not in cards and 'href="03_last.html"' in cards
    assert re.search(rf'<li class="card ok empty" title="{REASON}">', cards)
    assert f"No data. {REASON}" in cards
