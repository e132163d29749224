"""Figures and tables for print, from whole notebooks with real kernels: once, and looked at by many tests."""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from aiot_analysis.errors import ReportError
from aiot_analysis.report.figures import INDEX, FigureOptions, FigureResult, figures
from aiot_analysis.report.render import render

from .conftest import device, instance, make_project, write_tables

PARAMETERS = 'processed: str = "data/processed"  # folder\norigin: str = "measured"  # measured or simulated\n'
LOAD = """
import pandas as pd
from aiot_analysis.tables import data as tables
from aiot_analysis.plots import shares
from aiot_analysis.display.show import show, table
data = tables.load(processed, origin)
rows = [("resnet50", "local", one, 0.5, "") for one in ("tflite_cpu", "pytorch_cpu")]
frame = pd.DataFrame(rows, columns=["model", "device_id", "implementation", "share", "missing"])
"""
SHOW = """
show(shares.time_shares(frame, origin), "Shares | of it", name="fig5_shares", number="Fig. 5")
table(frame, "Numbers", {"share": "{:.0%}"}, name="table4_numbers", number="Table IV")
if frame.empty:
    table(frame, "Nothing", name="never")
"""
ARCHIVE = "figures/06_named.zip"
FILES = ["fig5_shares.csv", "fig5_shares_single.pdf", "table4_numbers.csv"]
QUICK = FigureOptions(("pdf", "csv"), "single")


def write(folder: Path, name: str, *cells: str) -> None:
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(
        new_notebook(cells=[parameters, *map(new_code_cell, cells)], metadata=spec), folder / f"{name}.ipynb"
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("project"), "01_good")
    write(folder / "notebooks", "06_named", LOAD, SHOW)
    write(folder / "notebooks", "07_broken", LOAD, "table(frame.nothing, name='broken')")
    return folder


@pytest.fixture(scope="module")
def made(project: Path) -> tuple[Path, FigureResult]:
    out = project / "figures"
    out.mkdir()
    (out / "foreign.txt").write_text("kept")
    told: list[tuple[str, str]] = []
    result = figures(project / "notebooks", out, wanted=QUICK, listen=lambda *one: told.append(one))
    books = ("06_named", "07_broken")
    assert told[:2] == [(name, "waiting") for name in books]  # so that a bar knows how many there are
    assert sorted(told[2:]) == [(name, state) for name in books for state in ("done", "running")]
    return out, result


def test_what_is_named_is_written_and_what_fails_is_reported(made: tuple[Path, FigureResult]) -> None:
    out, result = made
    assert (result.items, result.files, result.failed) == (2, 3, True)
    kept = out / "failed" / "07_broken.ipynb"
    assert kept.exists()
    said = "07_broken failed in cell 3: AttributeError: 'DataFrame' object has no attribute 'nothing'"
    assert result.remarks == [f"{said} (kept as {kept})"]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [*FILES, INDEX, "failed", "figures.json", "foreign.txt"]
    )
    assert (out / "foreign.txt").read_text() == "kept"


def test_the_index_describes_each_file(made: tuple[Path, FigureResult]) -> None:
    text = (made[0] / INDEX).read_text()
    line = next(line for line in text.splitlines() if "fig5" in line)
    assert line.startswith(
        "| Fig. 5 | Shares \\| of it | measured | [fig5_shares_single.pdf](fig5_shares_single.pdf), "
    )
    assert line.endswith(" | 06_named |")
    items = json.loads((made[0] / "figures.json").read_text())
    assert list(items) == ["fig5_shares", "table4_numbers"]
    assert items["fig5_shares"]["data"] in line and len(items["fig5_shares"]["data"]) == 12


def test_the_same_data_give_the_same_bytes_and_one_notebook_is_run(
    project: Path, made: tuple[Path, FigureResult]
) -> None:
    again = project / "again"
    told: list[str] = []
    result = figures(
        project / "notebooks", again, ["Fig. 5", "table4"], wanted=QUICK, listen=lambda name, _: told.append(name)
    )
    assert set(told) == {"06_named"}
    assert (result.failed, result.remarks) == (False, [])
    for name in [*FILES, INDEX, "figures.json"]:
        assert (again / name).read_bytes() == (made[0] / name).read_bytes(), name


def test_a_later_call_keeps_what_is_there_in_the_index(project: Path, made: tuple[Path, FigureResult]) -> None:
    out = project / "kept"
    figures(project / "notebooks", out, ["table4"], wanted=FigureOptions(("md",)))
    figures(project / "notebooks", out, ["never", "fig5"], wanted=FigureOptions(("csv",)))
    text = (out / INDEX).read_text()
    assert "(table4_numbers.md)" in text and "(fig5_shares.csv)" in text
    assert "| Numbers |" in text
    assert "50%" in (out / "table4_numbers.md").read_text()
    assert pd.read_csv(out / "fig5_shares.csv")["share"].tolist() == [0.5, 0.5]


def test_an_index_of_somebody_else_is_not_overwritten(project: Path, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text("# My project\n")
    with pytest.raises(ReportError, match=r"README\.md was not written by `aiot figures`"):
        figures(project / "notebooks", tmp_path, ["fig5"])
    assert (tmp_path / INDEX).read_text() == "# My project\n"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (FigureOptions(("doc",)), "There is no format 'doc': choose pdf, svg, png, csv, tex, md"),
        (FigureOptions(width="triple"), "There is no width 'triple': choose single, double, both"),
        (FigureOptions(preset="nature"), "There is no preset 'nature': choose ieee, ieee-sans, acm, acm-sans"),
        (FigureOptions(sheet=Path("nothing")), "There is no style sheet nothing"),
    ],
)
def test_what_is_wrong_is_one_sentence(project: Path, tmp_path: Path, wrong: FigureOptions, sentence: str) -> None:
    with pytest.raises(ReportError, match=sentence):
        figures(project / "notebooks", tmp_path / "out", wanted=wrong)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("text", "reason"), [("font.size: large\n", "large"), ("", "has no setting")])
def test_a_file_that_is_not_a_style_sheet_is_refused(project: Path, tmp_path: Path, text: str, reason: str) -> None:
    sheet = tmp_path / "own.mplstyle"
    sheet.write_text(text)
    with pytest.raises(ReportError, match=reason):
        figures(project / "notebooks", tmp_path / "out", wanted=FigureOptions(sheet=sheet))


def test_a_page_links_to_the_data_and_the_vector_of_a_figure_and_deletes_only_its_own(project: Path) -> None:
    out = project / "reports"
    [result] = render(project / "notebooks", out, ["06"])
    assert result.status == "rendered"
    page = result.page.read_text(encoding="utf-8")
    for address in ("figures/fig5_shares.csv", "figures/fig5_shares.svg", "figures/fig5_shares.pdf", ARCHIVE):
        assert f'href="{address}"' in page
        assert (out / address).stat().st_size > 50
    assert 'href="notebooks/06_named.ipynb"' in page
    assert 'id="fig5_shares"' in page
    (out / "figures" / "foreign.csv").write_text("kept")
    manifest: dict[str, Any] = json.loads((out / "manifest.json").read_text())
    assert sorted(manifest["reports"]["06_named"]["files"]) == [
        ARCHIVE,
        "figures/fig5_shares.csv",
        "figures/fig5_shares.pdf",
        "figures/fig5_shares.svg",
        "figures/table4_numbers.csv",
    ]
    (out / "figures" / "fig5_shares.svg").unlink()  # somebody deleted it: the page is out of date
    write(project / "notebooks", "06_named", LOAD, SHOW.replace("table4_numbers", "table4_renamed"))
    [result] = render(project / "notebooks", out, ["06"])
    assert result.status == "rendered"
    there = sorted(path.name for path in (out / "figures").iterdir())
    figure = [f"fig5_shares.{kind}" for kind in ("csv", "pdf", "svg")]
    assert there == ["06_named.zip", *figure, "foreign.csv", "table4_renamed.csv"]
    write(project / "notebooks", "06_named", LOAD, SHOW)


def test_the_archive_of_a_page_has_its_numbers_its_figures_and_the_notebook_as_it_was_executed(project: Path) -> None:
    out = project / "archived"
    render(project / "notebooks", out, ["06"])
    with zipfile.ZipFile(out / ARCHIVE) as archive:
        assert archive.testzip() is None
        content = {name: archive.read(name) for name in archive.namelist()}
    figures_folder = [f"figures/{name}" for name in ("fig5_shares.csv", "fig5_shares.pdf", "table4_numbers.csv")]
    expected = {f"06_named/{Path(file).name}": (out / file).read_bytes() for file in figures_folder}
    expected["06_named/06_named.ipynb"] = (out / "notebooks" / "06_named.ipynb").read_bytes()
    assert content == expected
    assert content["06_named/fig5_shares.pdf"].startswith(b"%PDF")


def test_a_figure_says_how_to_cite_it(project: Path) -> None:
    out = project / "cited"
    render(project / "notebooks", out, ["06"])
    page = (out / "06_named.html").read_text(encoding="utf-8")
    cite = page[page.index('<details class="cite">') :].partition("</details>")[0]
    data = re.search(r"Hash of the tables</dt><dd><code>(\w{12})<", page)
    assert data and f"Tables {data[1]}." in cite and f"@misc{{fig5_shares_{data[1]}," in cite
    assert "AIoTBench toolkit 0.1.0" in cite and "Measured on the devices named here." in cite
    assert "author" not in cite
    assert 'href="#fig5_shares">permalink</a>' in page


def test_without_a_change_a_page_whose_file_is_gone_is_rendered_again(project: Path) -> None:
    out = project / "others"
    render(project / "notebooks", out, ["06"])
    (out / "figures" / "fig5_shares.svg").unlink()
    [result] = render(project / "notebooks", out, ["06"])
    assert result.status == "rendered"
    [result] = render(project / "notebooks", out, ["06"])
    assert result.status == "up to date"


def test_data_of_the_working_folder_win_over_those_beside_the_notebooks(tmp_path: Path) -> None:
    theirs = make_project(tmp_path / "theirs")
    write(theirs / "notebooks", "06_named", LOAD, "table(data.devices[['device_id']], 'Devices', name='who')")
    ours = tmp_path / "ours"
    rows = [instance("cpu", "mnasnet", device_id="mine")]
    write_tables(ours / "data" / "processed", [device(device_id="mine")], rows)
    for working, name, owner in ((ours, "mine", ours), (tmp_path, "local", theirs)):
        out, used = tmp_path / f"figures of {name}", []
        figures(theirs / "notebooks", out, ["who"], wanted=FigureOptions(("csv",)), working=working, using=used.append)
        assert pd.read_csv(out / "who.csv")["device_id"].tolist() == [name]
        assert used == [owner / "data" / "processed"]


WHO = "table(data.devices[['device_id']], 'Devices', name='{}')"


def test_only_origins_and_code_of_what_is_named_are_used(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    origins = ("measured", "simulated", "published")
    write_tables(
        project / "data" / "processed",
        [device(origin, device_id=f"{origin}-phone") for origin in origins],
        [instance("cpu", "mnasnet", origin, f"{origin}-phone") for origin in origins],
    )
    book = project / "notebooks" / "06_named.ipynb"
    write(project / "notebooks", "06_named", LOAD, WHO.format("who"), "show(frame.nothing)")  # it would fail
    theirs = book.read_text(encoding="utf-8").replace('origin: str = \\"measured\\"', 'origin: str = \\"published\\"')
    (book.parent / "12_theirs.ipynb").write_text(theirs.replace("name='who'", "name='theirs'"), encoding="utf-8")
    told: list[tuple[str, str]] = []
    out = tmp_path / "out"
    options = FigureOptions(("csv",))
    result = figures(book.parent, out, ["who"], wanted=options, listen=lambda *one: told.append(one))
    assert (result.items, result.failed, result.remarks) == (2, False, [])
    assert told[:2] == [("06_named", "waiting"), ("simulated/06_named", "waiting")]
    assert {name for name, _ in told} == {"06_named", "simulated/06_named"}
    assert pd.read_csv(out / "who.csv")["device_id"].tolist() == ["measured-phone"]
    assert pd.read_csv(out / "simulated" / "who.csv")["device_id"].tolist() == ["simulated-phone"]
    assert sorted(path.name for path in out.iterdir()) == [INDEX, "figures.json", "simulated", "who.csv"]
    result = figures(book.parent, tmp_path / "one", ["who"], {"origin": "simulated"}, options)
    assert [path.name for path in (tmp_path / "one").rglob("who.csv")] == ["who.csv"]
    result = figures(book.parent, tmp_path / "both", ["who", "theirs"], {"origin": "measured"}, options)
    assert result.remarks == ["measured data do not produce theirs: they are for data of another origin."]
    assert [path.name for path in (tmp_path / "both").glob("*.csv")] == ["who.csv"]
    with pytest.raises(ReportError, match="12_theirs is not made for measured data"):
        figures(book.parent, tmp_path / "none", ["theirs"], {"origin": "measured"}, options)
    assert not (tmp_path / "none").exists()
