"""Whole renderings, with real kernels. What takes a kernel is done once, and looked at by many tests."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.report.page import script
from aiot_analysis.report.render import RenderResult, render

from .conftest import device, instance, make_project, write_tables

REPOSITORY = Path(__file__).parents[3]


class Page(HTMLParser):
    """Elements with their attributes, and the text outside of style and script."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self._open = ""
        self.text = ""
        self.feed(self.source)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.elements.append((tag, {name: value or "" for name, value in attributes}))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open not in ("style", "script"):
            self.text += data

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


class Rendered:
    """A project after one call of `render` on notebooks that work and notebooks that do not."""

    def __init__(self, root: Path) -> None:
        self.root = make_project(root, "01_good", "02_fails", "03_other_error", "05_dies")
        self.out = self.root / "reports"
        self.told: list[RenderResult] = []
        self.results = {result.name: result for result in self.call(force=False, progress=self.told.append)}

    def call(self, *names: str, **options: object) -> list[RenderResult]:
        return render(self.root / "notebooks", self.out, names, **options)  # type: ignore[arg-type]

    def page(self, name: str) -> Page:
        return Page(self.out / f"{name}.html")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    return Rendered(tmp_path_factory.mktemp("project {with} braces"))


def test_the_good_one_is_finished_although_others_failed(rendered: Rendered) -> None:
    assert {name: result.status for name, result in rendered.results.items()} == {
        "01_good": "rendered",
        "02_fails": "failed",
        "03_other_error": "failed",
        "05_dies": "failed",
    }
    assert rendered.results["01_good"].page == rendered.out / "01_good.html"
    assert sorted(path.name for path in rendered.out.iterdir()) == [
        "01_good.html",
        "failed",
        "index.html",
        "manifest.json",
        "notebooks",
    ]
    assert sorted(path.name for path in (rendered.out / "notebooks").iterdir()) == ["01_good.ipynb"]


def test_an_error_of_ours_is_named_with_its_cell_and_without_its_class(rendered: Rendered) -> None:
    result = rendered.results["02_fails"]
    assert (result.error, result.cell) == ("There is no run 7: choose another.", 3)
    assert result.kept == rendered.out / "failed" / "02_fails.ipynb"
    assert str(result) == f"02_fails failed in cell 3: There is no run 7: choose another. (kept as {result.kept})"
    kept = json.loads(result.kept.read_text())
    outputs = [output for cell in kept["cells"] for output in cell.get("outputs", [])]
    assert [output.get("ename", output.get("name")) for output in outputs] == ["stdout", "DataError"]


def test_another_error_keeps_its_class(rendered: Rendered) -> None:
    result = rendered.results["03_other_error"]
    assert (result.error, result.cell) == ("ZeroDivisionError: division by zero", 2)


def test_a_dead_kernel_is_reported_as_dead(rendered: Rendered) -> None:
    result = rendered.results["05_dies"]
    assert (result.error, result.cell) == ("the kernel died, perhaps because it ran out of memory", 1)


def test_progress_reports_each_start_and_end(rendered: Rendered) -> None:
    for name, result in rendered.results.items():
        assert [told.status for told in rendered.told if told.name == name] == ["waiting", "running", result.status]


def test_a_page_loads_nothing_and_runs_one_script_of_ours(rendered: Rendered) -> None:
    for name in ("01_good", "index"):
        page = rendered.page(name)
        assert [script for script in page.of("script") if script.get("type") != "application/json"] == [{}]
        assert page.source.partition("<script>")[2].partition("</script>")[0].strip() == script().strip()
        assert [link["href"] for link in page.of("link")] == ["data:,"]
        assert page.of("img") == []
        assert not re.search(r"https?://|@import|url\((?!#)", page.source)
        assert all(not re.match(r"[a-z]+:", link["href"]) for link in page.of("a"))


def test_a_page_has_language_title_description_and_headings(rendered: Rendered) -> None:
    page = rendered.page("01_good")
    assert page.source.startswith("<!DOCTYPE html>")
    assert page.of("html") == [{"lang": "en"}]
    assert "<title>Bars &amp; tables – AIoTBench</title>" in page.source
    assert [tag for tag, _ in page.elements if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2"]
    (drawing,) = page.of("svg")  # of a figure that is not of the package, which cannot be drawn for narrow screens
    assert (drawing["width"], drawing["height"]) == ("288", "192")
    [picture] = [division for division in page.of("div") if division.get("role") == "img"]
    assert picture["aria-label"] == 'Two bars, "a" < "b"'
    assert page.source.count("Times of a &amp; b") == 1
    assert "<figcaption>Times of a &amp; b</figcaption>" in page.source
    assert page.of("figure") == [{"class": "drawn", "tabindex": "0"}]  # on a narrow screen it scrolls, also by keys


def test_a_page_shows_results_and_no_code_and_no_warning(rendered: Rendered) -> None:
    page = rendered.page("01_good")
    for text in ("confidence is 0.95", "70.0%", "–", "Measured on the devices named here", "resnet50"):
        assert text in page.text
    for text in ("import", "figure.set_label", "old style", "UserWarning", "In [", "Out["):
        assert text not in page.text
    assert any("old style" in line for line in rendered.results["01_good"].warnings)
    assert page.source.count('class="scroll"') == 2 == len(page.of("table"))


def test_the_foot_of_a_page_states_its_sources(rendered: Rendered) -> None:
    page = rendered.page("01_good")
    for text in ("confidence = 0.95", "origin = measured", "torchvision", "pandas 3", "papermill 2"):
        assert text in page.text.partition("About this page")[2]
    assert re.search(r"Hash of the tables ?[0-9a-f]{12} ", page.text)
    [when] = re.findall(r"Rendered ?(\d{4}-\d\d-\d\d \d\d:\d\d UTC)", page.text)
    assert f"Up to date, rendered {when}" in rendered.page("index").text


def test_the_index_lists_data_reports_and_what_is_missing(rendered: Rendered) -> None:
    page = rendered.page("index")
    for text in (
        "1 device and 1 run measured. 1 of 4 pages has data, 3 are not rendered.",
        "How long each instance took, see all.",
        "Failed in cell 3",
        "There is no run 7: choose another.",
        "Failed in cell 2",
        "2 valid",
        "1 unavailable",
        "of 3 instances",
        "Example Workstation",
        "Linux 6.1",
        "8 GB",
        "20261122T184000Z-3f9a1c",
        "1 instance unavailable: NNAPI is a part of Android: run aiot run on a phone <with it>",
        "TFLite NNAPI float32 (1)",
        "data/raw/local/x.1.jsonl:88",
        "the last line was half written",
    ):
        assert text in page.text
    assert "SIMULATED" not in page.text
    links = [link["href"] for link in page.of("a")]
    assert links == [
        "#content",
        "index.html",
        "01_good.html",  # in the navigation, and its card
        "01_good.html",
        "failed/02_fails.ipynb",
        "failed/03_other_error.ipynb",
        "failed/05_dies.ipynb",
    ]


def test_unchanged_pages_are_not_rendered_again(rendered: Rendered) -> None:
    """In a process of its own, to see what it imports and how long it takes."""
    script = (
        "import sys; from aiot_analysis.report.render import render;"
        f"print([r.status for r in render({str(rendered.root / 'notebooks')!r}, {str(rendered.out)!r}, ['01'])]);"
        "print([m for m in ('pandas', 'papermill', 'nbconvert', 'nbformat', 'matplotlib') if m in sys.modules])"
    )
    files = {path: path.stat().st_mtime_ns for path in rendered.out.rglob("*") if path.is_file()}
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["['up to date']", "[]"]
    assert time.perf_counter() - began < 3
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_what_changed_is_rendered_again_and_a_page_that_fails_is_marked(tmp_path: Path) -> None:
    project = Rendered.__new__(Rendered)
    project.root = make_project(tmp_path, "03_other_error", "04_slow")
    project.out = tmp_path / "reports"
    quick = {"divisor": "4", "seconds": "0"}
    assert [result.status for result in project.call(parameters=quick)] == ["rendered", "rendered"]
    page = project.page("03_other_error")
    assert "divisor = 4 (set for this page)" in page.text
    assert "0.25" in page.text
    assert [link["href"] for link in page.of("a") if link.get("rel") == "next"] == ["04_slow.html"]
    assert "This page is old" not in page.text

    # tables of two origins: nothing these two notebooks read, but the index tells of them
    write_tables(
        tmp_path / "data" / "processed",
        [device(), device("simulated", "phone")],
        [instance("cpu", "mnasnet"), instance("cpu", "mnasnet", "simulated", "phone", "20261122T190000Z-000000")],
    )
    assert [result.status for result in project.call(parameters=quick)] == ["up to date", "up to date"]
    index = project.page("index")
    for text in (
        "Measured data",
        "1 device and 1 run measured. 2 of 2 pages have data.",
        "1 simulated device is shown separately, and never combined with these data.",
    ):
        assert text in index.text
    assert "Simulated data" not in index.text

    # now one fails, with the page of before still there
    (result,) = project.call("03", parameters={"divisor": 0})
    assert result.error == "ZeroDivisionError: division by zero"
    page = project.page("03_other_error")
    assert "This page is old. It was rendered on" in page.text
    assert "in cell 3: ZeroDivisionError: division by zero" in page.text  # the injected cell counts
    assert "The existing page is old" in project.page("index").text

    # and the other one is out of date, without being asked for
    slow = tmp_path / "notebooks" / "04_slow.ipynb"
    slow.write_text(slow.read_text().replace("Sleeps.", "Sleeps long."))
    assert [result.status for result in project.call("03", parameters={"divisor": 4})] == ["rendered"]
    assert "This page is old" not in project.page("03_other_error").text
    assert "its notebook, the data or the code has changed since" in project.page("04_slow").text
    assert "Out of date" in project.page("index").text
    assert not list((project.out / "failed").iterdir())


def test_a_cell_that_takes_too_long_is_named(tmp_path: Path) -> None:
    root = make_project(tmp_path, "04_slow")
    (result,) = render(root / "notebooks", root / "reports", timeout_s=2)
    assert (result.error, result.cell) == ("the cell took longer than 2 s: give it more time or less data", 2)
    assert result.kept == root / "reports" / "failed" / "04_slow.ipynb"
    assert not result.page.exists()


def test_simulated_data_are_marked_on_a_page_whatever_its_notebook_does(tmp_path: Path) -> None:
    root = make_project(tmp_path, "01_good")
    write_tables(root / "data" / "processed", [device("simulated")], [instance("cpu", "mnasnet", "simulated")])
    (result,) = render(root / "notebooks", root / "reports", parameters={"origin": "simulated"}, jobs=1)
    assert result.status == "rendered"
    page = Page(result.page)
    assert page.text.count("SIMULATED DATA") == 1
    assert "origin = simulated (set for this page)" in page.text


def test_each_origin_has_a_site_of_its_own(tmp_path: Path) -> None:
    root = make_project(tmp_path, "01_good", "03_other_error")
    write_tables(
        root / "data" / "processed",
        [device(), device("simulated", "phone")],
        [instance("cpu", "resnet50"), instance("cpu", "mnasnet", "simulated", "phone", "20261122T190000Z-000000")],
    )
    source, out = root / "notebooks", root / "reports"
    results = {result.name: result.status for result in render(source, out, ["01"])}
    assert results == {"01_good": "rendered", "simulated/01_good": "rendered"}
    measured, simulated = Page(out / "01_good.html"), Page(out / "simulated" / "01_good.html")
    assert "SIMULATED" not in measured.text
    assert "SIMULATED DATA" in simulated.text
    assert "origin = measured" in measured.text and "origin = simulated" in simulated.text
    assert "simulated/index.html" in [link["href"] for link in measured.of("a")]
    assert "../index.html" in [link["href"] for link in simulated.of("a")]
    index = Page(out / "simulated" / "index.html")
    assert (
        "1 device and 1 run simulated. 1 of 1 page has data." in index.text
    )  # one without an origin is not asked for twice
    assert "1 measured device is shown separately" in index.text

    results = {result.name: result.status for result in render(source, out, ["01"], {"origin": "simulated"})}
    assert results == {"simulated/01_good": "up to date"}
    with pytest.raises(DataError, match=r"has no imported data \(it has measured and simulated\): choose another"):
        render(source, out, parameters={"origin": "imported"})


def _with_published(root: Path, *origins: str) -> None:
    """Tables with a device of each origin, and a notebook that is made for published data."""
    good = root / "notebooks" / "01_good.ipynb"
    text = good.read_text().replace('origin: str = \\"measured\\"', 'origin: str = \\"published\\"')
    good.with_name("12_others.ipynb").write_text(text)
    devices = [device(origin, origin) for origin in origins]
    runs = [f"2026112{number}T190000Z-000000" for number in range(len(origins))]
    rows = [instance("cpu", "mnasnet", origin, origin, run) for origin, run in zip(origins, runs, strict=True)]
    write_tables(root / "data" / "processed", devices, rows)


def test_published_data_have_the_pages_that_are_made_for_them(tmp_path: Path) -> None:
    root = make_project(tmp_path, "01_good")
    _with_published(root, "simulated", "published", "measured")
    source, out = root / "notebooks", root / "reports"
    results = {result.name: result.status for result in render(source, out)}
    assert results == dict.fromkeys(["01_good", "published/12_others", "simulated/01_good"], "rendered")
    index, page = Page(out / "index.html"), Page(out / "published" / "12_others.html")
    assert [link["href"] for link in index.of("a") if link["href"].endswith("/index.html")] == [
        "published/index.html",  # at the top of the page
        "simulated/index.html",
        "simulated/index.html",  # shown separately
        "published/index.html",  # beside the pages below
    ]
    assert [link["href"] for link in index.of("a") if "12_others" in link["href"]] == ["published/12_others.html"]
    assert (
        index.text.index("Score The ranking and the claims appear")
        < index.text.index("Real devices Others measured 1 device")
        < index.text.index("Coverage")
    )
    assert {"href": "../published/12_others.html"} in Page(out / "simulated" / "index.html").of("a")
    assert "Published by others" in page.text and "SIMULATED" not in page.text
    published = Page(out / "published" / "index.html")
    assert "Published by others, who measured it" in published.text
    assert "1 device and 1 run published. 1 of 1 page has data." in published.text
    assert "The ranking and the claims" not in published.text

    with pytest.raises(ReportError, match=r"^01_good is not made for published data: choose another notebook or"):
        render(source, out, ["01"], {"origin": "published"})
    with pytest.raises(ReportError, match=r"^12_others is not made for measured data: "):
        render(source, out, ["12"], {"origin": "measured"})


def test_published_data_without_pages_are_only_linked_to(tmp_path: Path) -> None:
    root = make_project(tmp_path, "01_good")
    _with_published(root, "published", "measured")
    render(root / "notebooks", root / "reports", ["01"])
    index = Page(root / "reports" / "index.html")
    assert "Real devices" not in index.text and "1 published device is shown separately" in index.text
    render(root / "notebooks", root / "reports")
    assert "Real devices" in Page(root / "reports" / "index.html").text


def test_published_data_alone_are_in_the_folder_of_the_reports(tmp_path: Path) -> None:
    root = make_project(tmp_path, "01_good")
    _with_published(root, "published")
    assert [result.name for result in render(root / "notebooks", root / "reports")] == ["12_others"]
    (root / "notebooks" / "12_others.ipynb").unlink()
    with pytest.raises(ReportError, match=r"^01_good is not made for published data: "):
        render(root / "notebooks", root / "reports")


def _children(process: int) -> list[int]:
    """The processes below a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if parent == process:
            child = int(path.parent.name)
            found += [child, *_children(child)]
    return found


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""  # it has ended


def _lives(process: int) -> bool:
    return _command(process) != ""  # what has ended but was not yet waited for has no command


def _kernel_runs(process: int) -> bool:
    """A kernel is a child of the fork server, or a program of its own."""
    below = _children(process)
    servers = [child for child in below if "multiprocessing.forkserver" in _command(child)]
    return any(map(_children, servers)) or any("ipykernel_launcher" in _command(child) for child in below)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("moment", ["a kernel starts", "a cell runs"])
@pytest.mark.parametrize("killed", ["none", "caller", "caller and workers"])
def test_an_interrupt_ends_everything_and_leaves_no_half_page(tmp_path: Path, moment: str, killed: str) -> None:
    root = make_project(tmp_path, "04_slow")
    running = root / "running"
    slow = root / "notebooks" / "04_slow.ipynb"
    slow.write_text(slow.read_text().replace("from time import sleep", "from time import sleep; open('running', 'x')"))
    script = f"""
from aiot_analysis.report.render import render
try:
    render({str(root / "notebooks")!r}, {str(root / "reports")!r})
except KeyboardInterrupt:
    print("interrupted")
"""
    (tmp_path / "script.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            deadline = time.monotonic() + 120
            while not (_kernel_runs(process.pid) if moment == "a kernel starts" else running.exists()):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            started = _children(process.pid)
            assert len(started) >= 2  # a worker and its kernel
            workers = [child for child in started if "report.workers" in _command(child)]
            if killed == "none":
                os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all processes of the group
            else:  # what cannot be caught: the workers are alone then, and the machine may be out of memory
                for one in [process.pid, *(workers if killed == "caller and workers" else [])]:
                    os.kill(one, signal.SIGKILL)
            assert process.communicate(timeout=60) == ("interrupted\n" if killed == "none" else "", "")
        finally:
            if process.poll() is None:
                process.kill()
    deadline = time.monotonic() + 20
    while any(map(_lives, started)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [_command(child) for child in started if _lives(child)] == []
    assert not list((root / "reports").glob("*.html"))
    assert killed != "none" or not (root / "reports" / ".part").exists()


def test_errors_come_before_anything_runs(tmp_path: Path) -> None:
    root = make_project(tmp_path, "01_good")
    source, out = root / "notebooks", root / "reports"
    with pytest.raises(ReportError, match="no notebook '9'"):
        render(source, out, ["9"])
    with pytest.raises(ReportError, match="'conf' is unknown"):
        render(source, out, parameters={"conf": 1})
    with pytest.raises(ReportError, match="confidence must be a number, not 'abc'"):
        render(source, out, parameters={"confidence": "abc"})
    with pytest.raises(ReportError, match="0 is not a possible number of notebooks"):
        render(source, out, jobs=0)
    with pytest.raises(DataError, match="There is no folder data/none in"):
        render(source, out, parameters={"processed": "data/none"})
    write_tables(root / "data" / "processed", [], [])
    with pytest.raises(DataError, match="has no runs: run the suite"):
        render(source, out)
    assert not list(out.glob("*.html"))


def test_kernels_are_reached_by_files_and_not_by_ports(tmp_path: Path) -> None:
    """Two that start at the same moment may choose the same port, and one of them dies."""
    root = make_project(tmp_path)
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# How"),
            nbformat.v4.new_code_cell("processed = 'data/processed'", metadata={"tags": ["parameters"]}),
            nbformat.v4.new_code_cell(
                "import json, ipykernel; json.load(open(ipykernel.get_connection_file()))['transport']"
            ),
        ]
    )
    nbformat.write(notebook, root / "notebooks" / "06_how.ipynb")
    [result] = render(root / "notebooks", root / "reports")
    assert (result.status, result.error) == ("rendered", "")
    done = nbformat.read(root / "reports" / "notebooks" / "06_how.ipynb", as_version=4)
    assert done.cells[-1].outputs[0].data["text/plain"] == "'ipc'"


def test_a_worker_leaves_what_notebooks_import_to_the_fork_server():
    code = "import sys; from aiot_analysis.report import kernels, page; page.prepare(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert "papermill" in modules
    assert not {"pandas", "scipy", "matplotlib"} & modules
