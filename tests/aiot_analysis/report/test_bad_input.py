"""What a user may get wrong: notebooks, tables and folders that are not as they should be."""

import fcntl
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from pyarrow import parquet

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.report.notebooks import find
from aiot_analysis.report.render import render
from aiot_analysis.report.site import sites

from .conftest import device, instance, make_project, write_tables
from .test_devices import add_notebook

R = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
OWN = {"kernelspec": {"name": "my-venv", "display_name": "Mine", "language": "python"}}


def test_notebooks_that_cannot_run_are_named_and_the_others_are_made(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    add_notebook(root, "01_plain", "print('plain', origin)")
    add_notebook(root, "02_without_parameters", "print('without')", parameters="")
    add_notebook(root, "03_in_r", "library(ggplot2)", **R)
    add_notebook(root, "04_own_kernel", "print('own')", **OWN)
    add_notebook(root, "05_no_python", "print(1)", parameters="origin = = 1")
    (root / "notebooks" / "06_broken.ipynb").write_text("<html>")
    results = {result.name: result for result in render(root / "notebooks", root / "reports")}
    assert {name: result.status for name, result in results.items()} == {
        "01_plain": "rendered",
        "02_without_parameters": "rendered",
        "03_in_r": "failed",
        "04_own_kernel": "rendered",
        "05_no_python": "failed",
        "06_broken": "failed",
    }
    assert results["03_in_r"].error == "its kernel 'ir' is for R, not Python: choose a Python kernel in Jupyter"
    assert "The parameters cell of 05_no_python is not valid Python" in results["05_no_python"].error
    assert "06_broken.ipynb is not a notebook of format 4" in results["06_broken"].error
    for name, text in (("01_plain", "plain measured"), ("02_without_parameters", "without"), ("04_own_kernel", "own")):
        assert text in (root / "reports" / f"{name}.html").read_text()
    front = (root / "reports" / "index.html").read_text()
    assert "not Python: choose a Python kernel" in front
    assert [result.status for result in render(root / "notebooks", root / "reports", ["06"])] == ["failed"]
    with pytest.raises(ReportError, match="'colour' is unknown to the chosen notebooks: they have none"):
        render(root / "notebooks", root / "reports", ["02"], {"colour": "red"})


def change(path: Path, **columns: object) -> None:
    """Drops the columns that are None, and replaces the others."""
    frame = parquet.read_table(path).to_pandas()
    for name, value in columns.items():
        frame = frame.drop(columns=name) if value is None else frame.assign(**{name: value})
    frame.to_parquet(path)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("instances", "origin", None),
        ("instances", "threads", None),
        ("instances", "threads", "two"),
        ("instances", "model", 7),
        ("devices", "origin", None),
        ("devices", "soc", None),
        ("left_out", "reason", None),
    ],
)
def test_tables_of_another_version_are_one_sentence(processed: Path, table: str, column: str, value: object) -> None:
    root = processed.parents[1]
    change(processed / f"{table}.parquet", **{column: value})
    with pytest.raises(DataError, match=rf"{table}\.parquet .*{column!r}.*: run `aiot process` to rebuild it"):
        render(root / "notebooks", root / "reports")
    assert not list((root / "reports").glob("*.html"))


def test_a_damaged_table_is_one_sentence(processed: Path) -> None:
    root = processed.parents[1]
    (processed / "instances.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"instances\.parquet cannot be read \(.*\): run `aiot process`"):
        render(root / "notebooks", root / "reports")


def test_a_folder_that_cannot_be_written_is_one_sentence(processed: Path) -> None:
    root = processed.parents[1]
    (root / "file").write_text("mine")
    for out in (root / "file", root / "file" / "reports", Path("/proc/reports")):
        with pytest.raises(ReportError, match=rf"cannot be written to {out} \(.+\): fix this, or choose another"):
            render(root / "notebooks", out)
    assert (root / "file").read_text() == "mine"


def test_foreign_files_are_never_deleted_or_replaced(tmp_path: Path) -> None:
    root = make_project(tmp_path)
    add_notebook(root, "01_plain", "print(1)")
    out = root / "reports"
    foreign = {"notes.txt": "a", ".mine.part": "b", "notebooks/draft.ipynb": "c", "devices/list.csv": "d", "x/y": "e"}
    for name, text in foreign.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)
    for _ in range(2):
        [result] = render(root / "notebooks", out, force=True)
        assert result.status == "rendered"
        assert {name: (out / name).read_text() for name in foreign} == foreign

    for name, text in (
        ("index.html", "<h1>My garden</h1>"),
        ("01_plain.html", "<p>"),
        ("manifest.json", '{"name": 1}'),
    ):
        elsewhere = root / f"of-{name}"
        elsewhere.mkdir()
        (elsewhere / name).write_text(text)
        with pytest.raises(
            ReportError,
            match=f"{name} (is not a page of a report|was not written by `aiot report`): .*choose another folder",
        ):
            render(root / "notebooks", elsewhere)
        assert [path.name for path in elsewhere.iterdir()] == [name]
        assert (elsewhere / name).read_text() == text


def test_the_notebooks_themselves_are_not_replaced_by_the_executed_ones(processed: Path) -> None:
    root = processed.parents[1]
    before = (root / "notebooks" / "01_good.ipynb").read_bytes()
    with pytest.raises(ReportError, match="would replace those in"):
        render(root / "notebooks", root)
    assert (root / "notebooks" / "01_good.ipynb").read_bytes() == before
    assert sorted(path.name for path in root.iterdir()) == ["data", "notebooks"]


def test_two_do_not_write_into_one_folder(processed: Path) -> None:
    root = processed.parents[1]
    out = root / "reports"
    out.mkdir()
    other = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(ReportError, match=f"Another `aiot report` is writing to {out}: wait for it"):
            render(root / "notebooks", out)
        assert list(out.iterdir()) == []
    finally:
        os.close(other)
    with pytest.raises(ReportError, match="is unknown"):  # and no lock is left
        render(root / "notebooks", out, parameters={"odd": 1})


def test_data_of_the_working_folder_win_over_those_beside_the_notebooks(tmp_path: Path) -> None:
    theirs = make_project(tmp_path / "theirs")
    add_notebook(theirs, "01_where", "from pathlib import Path; print('ran in', Path.cwd().name)")
    ours = tmp_path / "ours"
    write_tables(
        ours / "data" / "processed", [device(device_id="mine")], [instance("cpu", "mnasnet", device_id="mine")]
    )
    (ours / "below").mkdir()
    for working, name in ((ours, "ours"), (ours / "below", "below"), (tmp_path, "theirs")):
        out, used = tmp_path / f"out-{name}", []
        [result] = render(theirs / "notebooks", out, working=working, using=used.append)
        assert result.status == "rendered"
        assert used == [(theirs if name == "theirs" else ours) / "data" / "processed"]
        assert f"ran in {name}" in result.page.read_text()
        assert ("mine" in (out / "index.html").read_text()) == (name != "theirs")


def test_a_page_is_old_when_the_pictures_it_shows_come_or_go(processed: Path) -> None:
    root = processed.parents[1]
    parameters = 'processed: str = "data/processed"\ndatasets: str = "data/datasets"\n'
    add_notebook(root, "02_pictures", "print(1)", parameters=parameters)

    def prints() -> list[str]:
        found = find(root / "notebooks")
        [site] = sites(root, found, root / "reports", {})
        return [site.fingerprint(notebook, {}) for notebook in found]

    without = prints()
    folder = root / "data" / "datasets" / "samples"
    (folder / "images").mkdir(parents=True)
    (folder / "dataset.json").write_text(json.dumps({"sha256": "ab" * 32, "image_folder": "images"}))
    with_pictures = prints()
    assert with_pictures[0] == without[0] and with_pictures[1] != without[1]
    (folder.parent / "others" / "images").mkdir(parents=True)  # of no result here
    (folder.parent / "others" / "dataset.json").write_text('{"image_folder": "images"}')
    assert prints() == with_pictures
    shutil.rmtree(folder)
    assert prints() == without


def test_what_is_not_of_the_type_of_a_parameter_is_named(processed: Path) -> None:
    root = processed.parents[1]
    for value in ("many", "0,5", True):
        with pytest.raises(
            ReportError, match=re.escape(f"confidence must be a number, not {value!r}: give a value like")
        ):
            render(root / "notebooks", root / "reports", parameters={"confidence": value})
