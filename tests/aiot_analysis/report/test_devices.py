"""A report for each device: which pages are made, which are made again, and what their folders are called."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.report.render import render
from aiot_analysis.report.site import FOLDER_CHARACTERS, folder_name

from .conftest import device, instance, make_project, write_tables

LATER = "20261123T080000Z-000001"
PARAMETERS = """\
processed: str = "data/processed"
origin: str = "measured"
device: str = ""
"""
HOSTILE = "'Pixel'; rm -rf /\"<b>"


def add_notebook(root: Path, name: str, *cells: str, parameters: str = PARAMETERS, **metadata: object) -> None:
    """A notebook that imports nothing heavy."""
    tagged = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})] if parameters else []
    others = [nbformat.v4.new_code_cell(cell) for cell in cells]
    title = nbformat.v4.new_markdown_cell(f"# {name}\n\nOne page of {name}.")
    notebook = nbformat.v4.new_notebook(cells=[title, *tagged, *others], metadata=metadata)
    nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")


def statuses(root: Path, *names: str, **options: object) -> dict[str, str]:
    results = render(root / "notebooks", root / "reports", names, each_device=True, **options)  # type: ignore[arg-type]
    assert [result.error for result in results if result.error] == []
    return {result.name: result.status for result in results}


def test_each_device_has_a_report_and_its_pages_depend_on_its_data_alone(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    add_notebook(root, "01_one", "print(f'shown: {device or \"all\"}')")
    add_notebook(root, "02_all", "print(1)", parameters='processed: str = "data/processed"')
    devices = [device(device_id="alpha"), device(device_id="beta")]
    rows = [instance("cpu", "resnet50", device_id=one) for one in ("alpha", "beta")]
    write_tables(root / "data" / "processed", devices, rows)

    every = ["devices/alpha/01_one", "devices/beta/01_one", "01_one", "02_all"]
    assert statuses(root) == dict.fromkeys(every, "rendered")
    out = root / "reports"
    assert "shown: all" in (out / "01_one.html").read_text()
    assert "shown: alpha" in (out / "devices/alpha/01_one.html").read_text()
    assert "shown: beta" in (out / "devices/beta/01_one.html").read_text()

    front, alone = (out / "index.html").read_text(), (out / "devices/alpha/index.html").read_text()
    assert 'href="devices/alpha/index.html"' in front and 'href="devices/beta/index.html"' in front
    assert 'href="../../index.html"' in alone and "beta" not in alone
    assert 'href="../../index.html"' in (out / "devices/alpha/01_one.html").read_text()
    assert "1 device and 1 run measured" in " ".join(alone.split())

    assert set(statuses(root).values()) == {"up to date"}

    again = instance("cpu", "mnasnet", device_id="beta", run_id=LATER)
    write_tables(root / "data" / "processed", devices, [again, *rows])
    assert statuses(root) == {**dict.fromkeys(every, "rendered"), "devices/alpha/01_one": "up to date"}

    add_notebook(root, "01_one", "print(f'shown again: {device}')")
    assert statuses(root) == {**dict.fromkeys(every, "rendered"), "02_all": "up to date"}

    # without the pages of devices the front page still leads to those that are there
    results = render(root / "notebooks", out)
    assert [result.name for result in results] == ["01_one", "02_all"]
    assert 'href="devices/beta/index.html"' in (out / "index.html").read_text()

    chosen = statuses(root, parameters={"device": "beta"})
    assert chosen == dict.fromkeys(["devices/beta/01_one", "01_one", "02_all"], "up to date")
    with pytest.raises(DataError, match="There is no device 'gamma' in these data: choose alpha, beta"):
        statuses(root, parameters={"device": "beta, gamma"})


def test_each_origin_has_its_devices_below_it(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    add_notebook(root, "01_one", "print(origin, device)")
    write_tables(
        root / "data" / "processed",
        [device(device_id="same"), device("simulated", "same")],
        [
            instance("cpu", "resnet50", device_id="same"),
            instance("cpu", "resnet50", "simulated", "same", "20261122T190000Z-000000"),
        ],
    )
    assert set(statuses(root)) == {"devices/same/01_one", "01_one", "simulated/devices/same/01_one", "simulated/01_one"}
    assert "simulated same" in (root / "reports/simulated/devices/same/01_one.html").read_text()
    assert "measured same" in (root / "reports/devices/same/01_one.html").read_text()


def test_names_of_devices_that_no_file_could_have_do_no_harm(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    add_notebook(root, "01_one", "print('shown:', len(device))")
    names = ["../../../escaped", HOSTILE, "x" * 300, "手机", "Pixel", "pixel"]
    rows = [instance("cpu", "resnet50", device_id=one) for one in names]
    write_tables(root / "data" / "processed", [device(device_id=one) for one in names], rows)
    assert set(statuses(root).values()) == {"rendered"}
    folders = sorted((root / "reports" / "devices").iterdir())
    assert [path.name for path in folders] == sorted(map(folder_name, names))
    assert all((path / "01_one.html").exists() for path in folders)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "notebooks", "reports"]
    front = (root / "reports" / "index.html").read_text()
    assert HOSTILE not in front and "&lt;b&gt;" in front
    assert f"shown: {len(HOSTILE)}" in (root / "reports" / "devices" / folder_name(HOSTILE) / "01_one.html").read_text()


def test_notebooks_without_a_device_parameter_are_an_error(tmp_path: Path) -> None:
    root = make_project(tmp_path, "04_slow")
    with pytest.raises(ReportError, match="No notebook has a parameter `device`"):
        statuses(root)


@given(st.text(max_size=200), st.text(max_size=200))
@example("Pixel", folder_name("Pixel"))
@example("", "device")
def test_every_id_has_a_folder_of_its_own_that_any_file_system_takes(one: str, other: str) -> None:
    assert re.fullmatch(rf"[a-z0-9_][a-z0-9_-]{{0,{FOLDER_CHARACTERS - 1}}}", folder_name(one))
    assert (folder_name(one) == folder_name(other)) == (one == other)


@pytest.mark.parametrize("name", ["local", "sim-01-samsung-galaxy-s10e", "oppo_reno"])
def test_an_ordinary_id_is_its_own_folder(name: str) -> None:
    assert folder_name(name) == name


def test_every_notebook_of_the_project_can_be_of_one_device() -> None:
    for path in sorted((Path(__file__).parents[3] / "notebooks").glob("[0-9]*.ipynb")):
        sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
        assert sum(re.search(r'^device: str = ""', source, re.MULTILINE) is not None for source in sources) == 1
        opened = r"(?:aiot_analysis\.load|open_\w+)\(\s*(?:[\w.]+,\s+)?processed,\s+origin[^)]*\)"
        calls = re.findall(opened, "\n".join(sources))
        assert len(calls) == 1
        assert "devices=device)" in calls[0] or "device=device" in calls[0]
