"""JupyterLab as `aiot lab` starts it: notebooks, widgets and figures in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

import aiot_analysis
from aiot_analysis import ingest, simulate
from aiot_analysis.plots import device_axis
from aiot_analysis.stats import vips
from aiot_analysis.tables import names
from tests.aiot_analysis.charts import samples
from tests.browser import chromium, jupyterlab
from tests.test_notebooks import MEASURED, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RAN_S = 120

FLEET = [
    """
import aiot_analysis
from aiot_analysis.charts import vips as vips_chart
from aiot_analysis.display.show import show, table
from aiot_analysis.explore import explore
from aiot_analysis.plots import vips as draw
from aiot_analysis.stats import vips
data = aiot_analysis.load("fleet/processed", "simulated")
rows = data.results()
""",
    "explore(data)",
    """
scores = vips.scores(rows, "end_to_end")
show(draw.ranking(scores, "simulated", data.devices), "The ranking.", chart=vips_chart.ranking(scores))
""",
    """
import pandas as pd
table(pd.DataFrame({"claim": range(4), "verdict": ["holds", "differs", "cannot be decided", "by construction"]}))
""",
]
"""Cells of a notebook with three simulated phones."""

NUMBERS = (1, samples.MANY, device_axis.MANY + 1)  # of phones: few, with one panel for all, and grouped by vendor
EVERY_CHART = """
from matplotlib.figure import Figure
from aiot_analysis.display.show import show
from tests.aiot_analysis.charts import samples
for name, chart in samples.charts({number}).items():
    figure = Figure(figsize=(3, 1))
    figure.set_label(name)
    show(figure, chart=chart)
"""
"""Cell of a notebook with every interactive figure."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with one measured run and a simulated fleet, into which `aiot lab` copies the notebooks."""
    root = tmp_path_factory.mktemp("project")
    make_run(root / "raw", MEASURED, images=20)
    ingest.process(root / "raw", root / "data" / "processed")
    simulate.simulate(simulate.Options(0, 3, 20, 3), root / "fleet" / "raw")
    ingest.process(root / "fleet" / "raw", root / "fleet" / "processed")
    (root / "notebooks" / "explore").mkdir(parents=True)
    every_chart = [EVERY_CHART.format(number=number) for number in NUMBERS]
    for name, sources in {"fleet": FLEET, "charts": every_chart}.items():
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, root / "notebooks" / "explore" / f"{name}.ipynb")
    return root


@pytest.fixture(scope="module")
def lab(project: Path) -> Iterator[str]:
    """Start a JupyterLab, and return the pattern of its addresses."""
    with jupyterlab.running(project) as address:
        yield address


@pytest.fixture(scope="module")
def own_context(playwright: Any) -> Iterator[Any]:
    """Make a context of a Chromium that can reach only this machine; it loads the scripts of JupyterLab once."""
    with chromium.launched(playwright, hosts="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1") as browser:
        yield browser.new_context(viewport={"width": 1440, "height": 1000})


@pytest.fixture
def open_notebook(lab: str, own_context: Any) -> Iterator[Any]:
    """Return a function that opens a notebook of the folder `explore` and runs all its cells by the menu."""
    pages = []

    def opened(name: str) -> Any:
        pages.append(own_context.new_page())
        jupyterlab.run_all_cells(pages[-1], lab.format(f"explore/{name}.ipynb"))
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


FIGURES = """
() => Object.fromEntries([...document.querySelectorAll(".aiot-figure:has(svg.marks)")].map(figure => {
    const drawing = figure.querySelector("[role=graphics-document]");
    return [figure.querySelector("em").innerText, `${drawing.ariaLabel} ${drawing.innerHTML}`];
}))
"""


def drawings(page: Any) -> dict[str, str]:
    """Return the alternative text and the drawing of each figure on the page, by its caption."""
    return dict(page.evaluate(FIGURES))


def test_a_choice_in_the_browser_changes_every_figure(open_notebook: Any):
    page = open_notebook("explore")
    page.locator(".aiot-models select").wait_for(timeout=1000 * RAN_S)
    page.wait_for_function(jupyterlab.READY.format(3), timeout=1000 * RAN_S)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=1000 * RAN_S)
    assert "Measured on the devices named here." in page.locator(".aiot-origin").text_content()
    summary = page.locator(".aiot-said")
    assert summary.text_content() == "5 instances with numbers on 1 device; 55 of your choices have none."
    before = drawings(page)
    assert len(before) == 3
    assert all("5 instances" in alt or "sum over the chosen instances of 1 device" in alt for alt in before.values())

    page.locator(".aiot-quantizations select").select_option(["float32"])
    page.wait_for_function("document.querySelector('.aiot-said').innerText.startsWith('2 instances')")
    every_other = f"{jupyterlab.SHOWN}.every(figure => !figure.ariaLabel.includes('5 instances'))"
    page.wait_for_function(f"{jupyterlab.READY.format(3)} && {every_other}")
    after = drawings(page)
    assert after.keys() == before.keys()
    assert all(after[caption] != before[caption] for caption in before)

    page.locator(".aiot-timing select").select_option("inference only")
    page.get_by_text("Time per image, inference only.").wait_for()

    page.locator(".aiot-figures select").select_option(["phases"])
    page.get_by_text("Mean time of each phase per image.").wait_for()
    page.wait_for_function(jupyterlab.READY.format(1))

    page.locator(".aiot-models select").select_option([])
    page.wait_for_function("document.querySelector('.aiot-said').innerText.startsWith('Nothing is chosen of models')")
    page.wait_for_function(jupyterlab.READY.format(0))
    page.get_by_role("button", name="choose everything").click()
    page.get_by_text("Mean time of each phase per image.").wait_for()
    assert page.locator(".jp-OutputArea-output[data-mime-type*=error], .jp-mod-error").count() == 0


def tooltip(page: Any, mark: Any) -> dict[str, str]:
    """Return what is displayed when the pointer is on a mark; "" is the title."""
    shown = page.locator("#vg-tooltip-element.visible")
    for _ in range(5):  # the notebook may scroll while the pointer moves
        page.mouse.move(5, 5)
        mark.hover(force=True)
        page.wait_for_timeout(1000)
        if shown.count():
            break
    cells = [row.locator("td").all_text_contents() for row in shown.locator("tr").all()]
    return {"": shown.locator("h2").text_content(), **{label.rstrip(":"): value for label, value in cells}}


def test_a_point_tells_its_device_and_values_and_fades_the_others_without_a_request(open_notebook: Any, project: Path):
    page = open_notebook("fleet")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.wait_for_function(jupyterlab.READY.format(3), timeout=1000 * RAN_S)
    page.wait_for_function("document.querySelectorAll('svg.marks').length === 4", timeout=1000 * RAN_S)
    data = aiot_analysis.load(project / "fleet" / "processed", "simulated")
    name_of_device, socs = names.devices(data.devices), data.devices.set_index("device_id")["soc"]
    rows = data.results().assign(instance=lambda rows: rows["instance_id"].map(names.instance_display))

    figure = page.locator(".aiot-figure").first
    points = figure.locator(".mark-symbol.role-mark path")
    assert points.count() == len(rows)
    shown = tooltip(page, points.last)
    [device] = [device for device, name in name_of_device.items() if name == shown[""]]
    [row] = rows[(rows["device_id"] == device) & (rows["instance"] == shown["instance"])].to_dict("records")
    assert shown["SoC"].startswith(f"{socs[device]}, Android ")
    assert shown["accuracy"].startswith(f"{100 * row['accuracy']:.1f}% (95%: ")
    assert float(shown["time per image"].removesuffix(" ms")) == pytest.approx(row["end_to_end_ms_mean"], rel=0.005)
    assert shown["images"] == "20"
    faded = figure.locator(".mark-symbol.role-mark path[opacity='0.18']")
    page.wait_for_function("document.querySelector(\".mark-symbol.role-mark path[opacity='0.18']\") !== null")
    assert faded.count() == (rows["device_id"] != device).sum()

    ranking = page.locator(".jp-OutputArea-output:has(svg.marks)").last
    scores = vips.scores(data.results(), "end_to_end").sort_values("vips", ascending=False)
    best = tooltip(page, ranking.locator(".mark-rect.role-mark path").first)
    assert best[""] == name_of_device[scores["device_id"].iloc[0]] and best["rank"].startswith("1 of ")
    assert float(best["VIPS"]) == pytest.approx(scores["vips"].iloc[0], rel=0.0005)
    assert ranking.get_by_text("SIMULATED", exact=True).count() == 1
    elsewhere = [
        url for url in requests if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
    ]
    assert elsewhere == []


MARKS_BY_FIGURE = """
() => [...document.querySelectorAll("[role=graphics-document]:has(svg.marks)")].map(figure => [
    figure.ariaLabel,
    [...figure.querySelectorAll(".role-mark > *")].filter(mark => mark.__data__?.datum?.number !== undefined).length,
])
"""


def test_every_interactive_figure_is_drawn_for_any_number_of_devices(open_notebook: Any):
    page = open_notebook("charts")
    names_of_charts = list(samples.charts(1))
    drawn = len(NUMBERS) * len(names_of_charts)
    page.wait_for_function(f"document.querySelectorAll('svg.marks').length >= {drawn}", timeout=1000 * RAN_S)
    marks = page.evaluate(MARKS_BY_FIGURE)
    assert [name for name, _ in marks] == len(NUMBERS) * names_of_charts
    assert [name for name, count in marks if not count] == []
    assert page.locator(".jp-OutputArea-output[data-mime-type*=error], .jp-mod-error").count() == 0


def test_an_image_that_is_chosen_in_the_browser_is_shown_with_its_answers(open_notebook: Any):
    page = open_notebook("images")
    listed = page.locator(".aiot-image select")
    listed.wait_for(timeout=1000 * RAN_S)
    shown = page.locator(".aiot-picture")
    page.wait_for_function("document.querySelector('.aiot-picture table') !== null")
    assert "No picture: there is no dataset" in shown.text_content()
    lines = [line.replace("\xa0", " ") for line in listed.locator("option").all_text_contents()]
    assert len(lines) > 1 and all(re.search(r": \d+ of \d+$", line) for line in lines)
    second = lines[1].split(": ")[0].split(", ")[1]
    assert second not in shown.text_content()
    listed.select_option(index=1)
    page.wait_for_function(f"document.querySelector('.aiot-picture').innerText.includes({second!r})")
    assert "MobileNetV2, TFLite CPU on " in shown.text_content()


def test_verdicts_have_the_colours_of_pages_in_both_themes(open_notebook: Any):
    page = open_notebook("fleet")
    page.locator("td.verdict").nth(3).wait_for(timeout=1000 * RAN_S)
    colors = "() => [...document.querySelectorAll('td.verdict')].map((cell) => getComputedStyle(cell).color)"
    light, dark = (
        [f"rgb({red}, {green}, {blue})" for red, green, blue in theme]
        for theme in (
            [(27, 122, 61), (179, 38, 30), (138, 90, 0), (85, 97, 109)],
            [(111, 207, 142), (255, 154, 144), (240, 190, 90), (163, 175, 186)],
        )
    )
    assert page.evaluate(colors) == light
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("JupyterLab Dark", exact=True).click()
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    assert page.evaluate(colors) == dark


def test_a_table_is_sorted_by_its_headings_as_on_pages(open_notebook: Any):
    page = open_notebook("own_analysis")
    page.get_by_text("Two figures of the project side by side.", exact=True).first.wait_for(timeout=1000 * RAN_S)
    table = page.locator(".aiot-output table", has_text="verdict")
    places = table.locator("th").all_text_contents()  # the table may be out of view
    [place] = [number for number, text in enumerate(places, 1) if text.startswith("accuracy")]
    button = table.get_by_role("button", name="accuracy")
    cells = table.locator(f"tbody tr > :nth-child({place})")
    for way in (1, -1):
        button.click()
        values = [float(text.split()[0]) for text in cells.all_text_contents()]
        assert len(values) > 1 and values == sorted(values)[::way]


def test_the_names_of_the_tables_are_offered_at_the_tab_key(open_notebook: Any):
    page = open_notebook("own_analysis")
    page.get_by_text("Two figures of the project side by side.", exact=True).first.wait_for(timeout=1000 * RAN_S)
    assert "data.images()" in page.locator(".jp-OutputArea table").first.text_content()  # the table may be out of view
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=1000 * RAN_S)
    cell = page.locator(".jp-CodeCell .cm-content").last
    cell.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\ndata.")
    offered = page.locator(".jp-Completer-item")
    for _ in range(10):  # JupyterLab gives up on a kernel that needs over a second for its first answer
        page.keyboard.press("Tab")
        page.wait_for_timeout(2000)
        if offered.count():
            break
    names = {text.split("\n")[1] for text in offered.all_inner_texts()}
    assert {"devices", "image_parts", "images", "instances", "telemetry"} <= names
