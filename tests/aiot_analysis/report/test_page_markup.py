"""Contents, and tables in fewer bytes."""

import json
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from aiot_analysis.display.show import to_html
from aiot_analysis.report import page

FRAME = pd.DataFrame({"name": ["a < b", "c"], "ms": [1.5, 20.25], "verdict": ["holds", "semi-valid"], "n": [1, 2]})


class Cells(HTMLParser):
    """The words of each cell, row by row, as a reader of HTML finds them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def heading(tag: str, name: str, words: str) -> str:
    return f'<{tag} id="{name}">{words}<a class="anchor-link" href="#{name}">#</a></{tag}>'


def test_contents_list_the_headings_below_the_title_and_each_has_an_id_of_its_own() -> None:
    html = page.add_contents(
        page.CONTENTS
        + heading("h1", "Title", "Title")
        + heading("h2", "Times", "Times of <em>all</em>")
        + heading("h3", "More", "More")
        + heading("h2", "Times", 'Times "again"')
    )
    assert '<li class="h2"><a href="#Times">Times of all</a></li><li class="h3"><a href="#More">More</a></li>' in html
    assert '<a href="#Times-2">Times "again"</a>' in html
    assert '<h2 id="Times-2">' in html and 'href="#Times-2" aria-label="Link to Times &quot;again&quot;"' in html
    assert "#Title" not in html.partition("</nav>")[0]


def test_a_page_with_one_heading_has_no_contents() -> None:
    assert page.add_contents(page.CONTENTS + heading("h2", "a", "A")).startswith('<h2 id="a">')


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME[["ms", "n"]], FRAME.set_axis(pd.MultiIndex.from_product([["x", "y"], [1, 2]]), axis=1)],
)
def test_a_compact_table_has_the_same_content_in_fewer_bytes(frame: pd.DataFrame) -> None:
    whole = to_html(frame, "Times")
    short = page.finish(whole)
    assert len(short) < len(whole)
    assert Cells(short).rows == Cells(whole).rows
    assert "</td>" not in short and "text-align" not in short


def test_the_columns_of_numbers_are_aligned_by_the_style_sheet() -> None:
    short = page.finish(to_html(FRAME))
    assert '<table class="n2 n4">' in short and "number" not in short
    assert ".n2 > * > tr > :nth-child(2)" in page.alignment()
    wide = page.finish(to_html(pd.DataFrame([range(30)])))
    assert "<table>" in wide and wide.count('class="number"') == 60


def test_stored_rows_stay_as_they_are() -> None:
    frame = pd.DataFrame({"name": ["</td></table><table>"] * 80})
    stored = to_html(frame).partition("<script")[2].partition("</script>")[0]
    assert "<" not in stored and stored in page.finish(to_html(frame))


def test_tables_of_others_get_a_box_of_their_own() -> None:
    assert page.wrap_tables("<table></table>") == '<div class="scroll" tabindex="0"><table></table></div>'


FACTS = {
    "title": "Times",
    "name": "04_times",
    "origins": ["measured"],
    "weights": [],
    "parameters": [],
    "data": "0123456789ab",
    "rendered": "2026-01-02 03:04 UTC",
    "versions": {"matplotlib": "3.10"},
}
CHART = json.dumps({"rows": {"device": ["</script><b>", "<!--<script>"]}})


def page_of(data: dict[str, str], metadata: dict[str, object]) -> str:
    """The page of a notebook that displays one picture."""
    [kind] = data
    output = nbformat.v4.new_output("display_data", data, metadata={kind: metadata})
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    return page.to_html(nbformat.v4.new_notebook(cells=[cell]), FACTS)


def test_a_figure_has_its_finding_above_it_and_without_scripts_its_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("report", "style.css", "charts.css", "script.js"):
        (tmp_path / name).symlink_to(page.TEMPLATES / name)
    (tmp_path / "charts.js").write_text("drawAll('</script>')")
    monkeypatch.setattr(page, "TEMPLATES", tmp_path)
    facts = {"name": "fig", "title": "A < B", "caption": "All", "alt": "Two bars"}
    html = page_of({"image/png": "AAAA"}, {**facts, "chart": CHART})
    figure = html[html.index("<figure") : html.index("</figure>")]
    assert figure.index('<p class="finding">A &lt; B</p>') < figure.index("<noscript>") < figure.index("<figcaption>")
    noscript = figure[figure.index("<noscript>") : figure.index("</noscript>")]
    assert 'alt="Two bars"' in noscript and "base64,AAAA" in noscript
    assert '<div class="chart" data-chart="fig"></div>' in figure
    written = figure[figure.index("<script") : figure.index("</script>")].partition(">")[2]
    assert "</" not in written and "<!--" not in written and json.loads(written) == json.loads(CHART)
    assert r"drawAll('<\/script>')" in html
    static = page_of({"image/png": "AAAA"}, facts)
    assert "noscript" not in static and 'class="chart"' not in static and "drawAll" not in static
    assert page.LIBRARIES not in html + static


def test_the_foot_has_the_weights_of_the_banner() -> None:
    output = nbformat.v4.new_output(
        "display_data", {"text/html": "a banner"}, metadata={"text/html": {"weights": "w1"}}
    )
    cell = nbformat.v4.new_code_cell("", outputs=[output])
    html = page.to_html(nbformat.v4.new_notebook(cells=[cell]), {**FACTS, "weights": ["w2"]})
    assert "<dt>Weights</dt><dd>w1</dd>" in html and "w2" not in html
    plain = page.to_html(nbformat.v4.new_notebook(cells=[]), {**FACTS, "weights": ["w2"]})
    assert "<dt>Weights</dt><dd>w2</dd>" in plain
