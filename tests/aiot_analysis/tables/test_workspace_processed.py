"""Tests of finding the tables, and of checking that their files are those written by `aiot process`."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

import aiot_analysis
from aiot_analysis import ingest
from aiot_analysis.compare import sides
from aiot_analysis.errors import DamagedError, DataError
from aiot_analysis.report import facts
from aiot_analysis.report.site import sites
from aiot_analysis.tables import storage
from aiot_analysis.tables import workspace as processed
from runner import rawlog
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE, TWO = "tflite_cpu_float32_mobilenet_v2", "tflite_cpu_int8_mobilenet_v2"


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """Make a workspace with a table of instances in data/processed, and change to its folder of notebooks."""
    _tables(tmp_path / "data" / "processed")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


def _tables(folder):
    folder.mkdir(parents=True)
    (folder / "instances.parquet").touch()
    return folder


def test_a_relative_path_is_found_from_a_folder_below(workspace):
    assert processed.find() == workspace / "data" / "processed"


def test_the_nearest_folder_is_the_one_that_is_found(workspace):
    nearest = _tables(workspace / "notebooks" / "data" / "processed")
    assert processed.find("data/processed") == nearest


@pytest.mark.parametrize("readme", [True, False])
def test_a_folder_without_tables_does_not_hide_those_of_a_folder_above(workspace, readme):
    empty = workspace / "notebooks" / "data" / "processed"
    empty.mkdir(parents=True)
    if readme:  # as in a fresh clone
        (empty / "README.md").write_text("# Processed tables")
    assert processed.find() == workspace / "data" / "processed"
    (workspace / "data" / "processed" / "instances.parquet").unlink()
    with pytest.raises(DataError, match=rf"There is no table instances in {empty}: run `aiot process` first"):
        processed.find()


def test_load_and_the_commands_have_one_workspace(workspace):
    inner = workspace / "notebooks"
    assert processed.find().parents[1] == rawlog.workspace_to_read() == workspace
    begin(inner / "data" / "raw", [ONE])  # a separate workspace without tables
    assert rawlog.workspace_to_read() == Path()
    with pytest.raises(DataError, match=rf"There is no table instances in {inner}/data/processed: run `aiot process`"):
        aiot_analysis.load()
    _tables(inner / "data" / "processed")
    assert processed.find() == inner / "data" / "processed"


def test_an_address_is_refused():
    with pytest.raises(DataError, match=r"^s3://bucket/processed is an address, but only files on this machine"):
        aiot_analysis.load("s3://bucket/processed")


def test_an_absolute_path_is_taken_as_it_is(workspace, tmp_path):
    other = _tables(tmp_path / "other")
    assert processed.find(other) == processed.find(str(other)) == other


def test_the_first_base_with_tables_wins(workspace, tmp_path):
    second = tmp_path / "theirs"
    _tables(second / "data" / "processed")
    own = workspace / "notebooks"
    assert processed.find("data/processed", own, second) == workspace / "data" / "processed"
    (workspace / "data" / "processed" / "instances.parquet").unlink()  # as in a fresh clone
    assert processed.find("data/processed", own, second) == second / "data" / "processed"
    (workspace / "data" / "processed" / "devices.parquet").touch()  # some tables are lost
    with pytest.raises(
        DataError, match=rf"There is no table instances in {workspace}/data/processed: run `aiot process`"
    ):
        processed.find("data/processed", own, second)


def test_the_base_is_the_one_from_which_the_tables_are_found(workspace, tmp_path):
    second = tmp_path / "theirs"
    _tables(second / "data" / "processed")
    own = workspace / "notebooks"
    assert processed.base_of("data/processed", own, second) == own
    (workspace / "data" / "processed" / "instances.parquet").unlink()
    assert processed.base_of("data/processed", own, second) == second


def test_notebooks_are_found_from_a_folder_below(workspace, tmp_path):
    assert processed.find_notebooks("notebooks") == workspace / "notebooks"
    assert processed.find_notebooks(tmp_path / "other") == tmp_path / "other"
    assert processed.find_notebooks("none-such") == workspace / "notebooks" / "none-such"


def test_the_notebooks_of_the_project_are_the_default_in_any_folder(workspace, tmp_path, monkeypatch):
    assert processed.find_notebooks() == Path(__file__).parents[3] / "notebooks"  # here, as in any checkout
    installed = tmp_path / "site-packages" / "aiot_analysis"
    (installed / "notebooks").mkdir(parents=True)
    monkeypatch.setattr(processed, "PACKAGE", installed)
    assert processed.find_notebooks() == installed / "notebooks"


def test_a_path_that_is_nowhere_is_named_with_where_it_was_looked_for(workspace, tmp_path):
    with pytest.raises(
        DataError, match=r"^There is no folder data/nowhere here or in a folder above: run `aiot process`, or"
    ):
        processed.find("data/nowhere")
    with pytest.raises(
        DataError, match=rf"^There is no folder data/nowhere in {tmp_path}, /mnt or in a folder above: run"
    ):
        processed.find("data/nowhere", tmp_path, Path("/mnt"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the tables of two devices with two instances each as written by `aiot process`."""
    folder = tmp_path_factory.mktemp("whole")
    for device in ("local", "phone"):
        run = begin(folder / "raw", [ONE, TWO], "20260101T000000Z-aaaaaa", device)
        for instance in (ONE, TWO):
            images = [image(query, query % 2) for query in range(3)]
            attempt(run, instance, {**LOAD, "instance": instance}, *images, {**end(), "images": 3})
    for name in ("notes.txt", "phone/notes.txt"):  # two excluded files
        (folder / "raw" / name).touch()
    ingest.process(folder / "raw", folder / "processed")
    return folder / "processed"


@pytest.fixture
def copy(whole, tmp_path):
    """Return a copy of the tables with other modification times."""
    return Path(shutil.copytree(whole, tmp_path / "copy", copy_function=shutil.copyfile))


IMAGES = "images/phone/20260101T000000Z-aaaaaa.parquet"


def halved_bytes(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def halved_rows(path):
    content = parquet.read_table(path)
    parquet.write_table(content.slice(0, len(content) // 2), path)


def doubled_rows(path):
    content = parquet.read_table(path).to_pandas()
    pd.concat([content, content]).to_parquet(path)


def out_of_range(path):
    content = parquet.read_table(path).to_pandas()
    column = "accuracy" if "accuracy" in content else "end_to_end_ms"
    content.assign(**{column: 7.0 if column == "accuracy" else -7.0}).to_parquet(path)


def changed_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(bytes(content))


DAMAGES = [Path.unlink, halved_bytes, halved_rows, doubled_rows, out_of_range, changed_byte]
READERS = {
    "load": lambda folder: aiot_analysis.load(folder).images(),
    "compare": lambda folder: [
        side.side("inference", "valid,semi-valid").images.of("local", "phone")
        for side in (sides.find(f"{folder},local", folder), sides.find(f"{folder},phone", folder))
    ],
    "report": lambda folder: (sites(folder, [], folder, {"processed": str(folder)}), facts.read(folder)),
}


def test_a_copy_of_the_tables_is_as_good_as_they_are(whole, copy):
    for folder in (whole, copy):
        assert len(aiot_analysis.load(folder).images()) == 12
        processed.check(folder)
    assert processed.is_as_written(copy / IMAGES, copy) is True


NAMES = ["instances.parquet", "devices.parquet", "left_out.parquet", IMAGES]
HAVE_RANGES = ["instances.parquet", IMAGES]


@pytest.mark.parametrize(
    ("damage", "name"),
    [(parameter, name) for parameter in DAMAGES for name in (HAVE_RANGES if parameter is out_of_range else NAMES)],
    ids=lambda parameter: getattr(parameter, "__name__", parameter),
)
def test_tables_that_are_not_as_they_were_written_are_one_sentence(copy, damage, name):
    damage(copy / name)
    read = READERS if name in ("instances.parquet", "devices.parquet") or damage is not changed_byte else ["load"]
    for reader in read:  # `load` reads every table
        with pytest.raises(DataError) as raised:
            READERS[reader](copy)
        sentence = str(raised.value)
        assert name.rpartition("/")[2].removesuffix(".parquet") in sentence and "`aiot process`" in sentence
        assert "\n" not in sentence


@pytest.mark.parametrize("damage", [halved_bytes, doubled_rows, out_of_range], ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", ["instances.parquet", IMAGES])
def test_without_a_manifest_the_content_is_checked(copy, name, damage):
    (copy / "manifest.json").unlink()
    assert len(aiot_analysis.load(copy).images()) == 12
    damage(copy / name)
    with pytest.raises(
        DamagedError, match=rf"{name} (is damaged|cannot be read) \(.*: run `aiot process` to rebuild it"
    ):
        aiot_analysis.load(copy).images()


def test_a_file_of_other_tables_among_them_is_named(copy):
    shutil.copy(copy / IMAGES, copy / "images" / "local" / "20270101T000000Z-bbbbbb.parquet")
    with pytest.raises(DataError, match=r"local/20270101T000000Z-bbbbbb.parquet does not belong to these tables"):
        aiot_analysis.load(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}', '{"files": {"instances.parquet": 3}}'])
def test_a_damaged_manifest_is_one_sentence(copy, content):
    (copy / "manifest.json").write_text(content)
    with pytest.raises(DataError, match=r"manifest\.json cannot be read \(.+\): run `aiot process`"):
        aiot_analysis.load(copy)


def test_an_interrupted_update_is_reported(copy, monkeypatch):
    monkeypatch.setattr(processed, "MOVING_S", 0)
    record = json.loads((copy / "manifest.json").read_text())
    record["files"]["devices.parquet"][0] += 1
    (copy / "manifest.json").write_text(json.dumps(record))
    (copy / ".parts").mkdir()
    with pytest.raises(DataError, match=rf"An update of the tables in {copy} is incomplete: wait for `aiot process`"):
        aiot_analysis.load(copy)


def test_process_makes_damaged_tables_anew(whole, copy):
    """Tables that cannot be read are made again, even if their size and time are unchanged."""
    raw = whole.parent / "raw"
    halved_bytes(copy / IMAGES)
    ingest.process(raw, copy)
    assert len(aiot_analysis.load(copy).images()) == 12
    path = copy / "telemetry.parquet"
    before = path.stat()
    path.write_bytes(b"\0" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    run = begin(raw, [ONE], "20260201T000000Z-cccccc", "phone")
    attempt(run, ONE, {**LOAD, "instance": ONE}, image(0), {**end(), "images": 1})
    try:
        ingest.process(raw, copy)
    finally:
        shutil.rmtree(run)
    assert len(aiot_analysis.load(copy).images()) == 13
    assert storage.read("telemetry", copy).empty
