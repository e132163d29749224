"""Tests that only changed runs are read again, and that interrupted updates leave the tables unchanged."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from pyarrow import parquet

from aiot_analysis import ingest, tables
from aiot_analysis.errors import DataError
from aiot_analysis.ingest import parts, rows, run
from aiot_analysis.tables import storage
from runner import rawlog
from tests.examples import examples
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = "tflite_cpu_float32_mobilenet_v2"
DEVICES = ["a", "b", "c"]


@pytest.fixture
def raw(tmp_path):
    """Write one run each of three devices, with 1, 2 and 3 images."""
    for number, device in enumerate(DEVICES, 1):
        add_run(tmp_path / "raw", device, number)
    return tmp_path / "raw"


@pytest.fixture
def processed(tmp_path):
    return tmp_path / "processed"


@pytest.fixture
def read_now(monkeypatch):
    """Return a list that receives the names of the runs that are read, in order."""
    names, make_part = [], run.make_part

    def noted(folder, key, place):
        names.append(folder.name.partition("/")[0])
        make_part(folder, key, place)

    monkeypatch.setattr(run, "make_part", noted)
    return names


def add_run(raw, device, images, month=1, **other):
    folder = begin(raw, [ONE], f"2026{month:02}01T000000Z-aaaaaa", device, **other)
    attempt(folder, ONE, LOAD, *(image(query, 5 + images) for query in range(images)), end())
    return folder


def add_image(raw, device):
    """Write another attempt in the first run of a device, with one more image."""
    folder = sorted((raw / device).iterdir())[0]
    number = len(list(folder.glob("*.jsonl"))) + 1
    attempt(folder, ONE, LOAD, *(image(query) for query in range(number + 2)), end(), number=number)


def content(processed):
    """Return every table; image records have their classes as tuples."""
    tables = {name: storage.read(name, processed) for name in storage.TABLES}
    tables["images"]["top5"] = tables["images"]["top5"].map(tuple)
    return tables


def assert_same(tables, other_tables):
    for name, frame in tables.items():
        assert_frame_equal(frame, other_tables[name], obj=name)


def from_scratch(raw, folder):
    shutil.rmtree(folder, ignore_errors=True)
    ingest.process(raw, folder)
    return content(folder)


def test_nothing_is_read_where_nothing_changed(raw, processed, read_now):
    first = ingest.process(raw, processed)
    files = {path: path.stat().st_mtime_ns for path in [*processed.rglob("*.parquet"), *processed.glob("*.json")]}
    second = ingest.process(raw, processed)
    assert (first.read, second.read, read_now) == (3, 0, DEVICES)
    assert first.summary() == second.summary() == "3 runs, 3 instances, 6 images, 0 excluded"
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert len(files) == len(storage.TABLES) + len(DEVICES)  # a file of images per device, and manifest.json


def test_a_call_that_finds_nothing_changed_imports_neither_pandas_nor_pyarrow(raw, processed):
    ingest.process(raw, processed)
    code = (
        "import sys; from pathlib import Path; from aiot_analysis import ingest\n"
        "ingest.process(Path(sys.argv[1]), Path(sys.argv[2])); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, raw, processed], capture_output=True, text=True, check=True)
    assert not {"pandas", "pyarrow", "numpy", "pandera"} & set(done.stdout.split())


def test_only_a_run_that_changed_is_read(raw, processed, read_now, tmp_path):
    ingest.process(raw, processed)
    add_image(raw, "b")
    add_run(raw, "d", 4)
    shutil.rmtree(raw / "c")
    result = ingest.process(raw, processed)
    assert read_now == [*DEVICES, "b", "d"]
    assert result.summary() == "3 runs, 3 instances, 9 images, 1 excluded"
    assert_same(content(processed), from_scratch(raw, tmp_path / "other"))


def test_what_frameworks_printed_is_no_change(raw, processed, read_now):
    ingest.process(raw, processed)
    native = next(raw.glob("a/*")) / "native"
    native.mkdir()
    (native / "output.txt").write_text("hello")
    ingest.process(raw, processed)
    assert read_now == DEVICES


def test_other_code_reads_everything_again(raw, processed, read_now, monkeypatch):
    ingest.process(raw, processed)
    monkeypatch.setattr(ingest, "code_hash", lambda: "another version")
    ingest.process(raw, processed)
    assert read_now == DEVICES * 2


def test_tables_of_an_older_version_are_made_anew(raw, processed, tmp_path, monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(ingest, "code_hash", lambda: "an older version")
        ingest.process(raw, processed)
        record = json.loads((processed / "manifest.json").read_text())
        for path in processed.glob("*.parquet"):
            parquet.write_table(parquet.read_table(path).select([0]), path)
            record["files"][path.name] = [path.stat().st_size, path.stat().st_mtime_ns]
        (processed / "manifest.json").write_text(json.dumps(record))
        assert len(parts.Parts(processed).manifest().runs) == len(DEVICES)  # everything is in order for that version
    with pytest.raises(DataError, match="another version"):
        storage.read("instances", processed)
    assert ingest.process(raw, processed).read == len(DEVICES)
    assert_same(content(processed), from_scratch(raw, tmp_path / "other"))


def test_the_code_that_counts_is_all_that_reads():
    folders = [Path(package.__file__).parent for package in (ingest, tables, rawlog)]
    modules = {path for folder in folders for path in folder.glob("*.py")}
    assert modules <= set(parts.CODE) and len(modules) > 15
    assert all(path.is_file() for path in parts.CODE)


def test_a_stray_file_is_named_without_reading_a_run(raw, processed, read_now):
    ingest.process(raw, processed)
    (raw / "notes.txt").touch()
    result = ingest.process(raw, processed)
    assert (read_now, len(result.left_out)) == (DEVICES, 1)
    assert storage.read("left_out", processed)["path"].tolist() == [str(raw / "notes.txt")]


def test_a_copy_takes_the_place_of_the_run_it_was_copied_from(raw, processed, read_now, tmp_path):
    shutil.copytree(raw / "b", raw / "z")
    assert len(ingest.process(raw, processed).left_out) == 1
    ingest.process(raw, processed)
    assert read_now == [*DEVICES, "z"]
    shutil.rmtree(raw / "b")
    assert ingest.process(raw, processed).summary() == "3 runs, 3 instances, 6 images, 0 excluded"
    assert read_now == [*DEVICES, "z", "z"]
    assert_same(content(processed), from_scratch(raw, tmp_path / "other"))


CHANGES = {
    "run": lambda raw, device, n: add_run(raw, device, 1 + n, 2 + n),
    "other origin": lambda raw, device, n: add_run(raw, device, 1, 2 + n, origin="simulated", maker=f"Maker {n}"),
    "image": lambda raw, device, n: add_image(raw, device),
    "copy": lambda raw, device, n: shutil.copytree(sorted((raw / device).iterdir())[0], raw / device / f"copy {n}"),
    "earlier copy": lambda raw, device, n: shutil.copytree(sorted((raw / device).iterdir())[-1], raw / "a" / f"0 {n}"),
    "gone": lambda raw, device, n: shutil.rmtree(sorted((raw / device).iterdir())[-1]),
    "first gone": lambda raw, device, n: shutil.rmtree(sorted((raw / device).iterdir())[0]),
    "broken": lambda raw, device, n: (sorted((raw / device).iterdir())[0] / "run.json").write_text("{"),
    "stray": lambda raw, device, n: (raw / device / f"stray {n}").touch(),
    "garbage": lambda raw, device, n: (sorted((raw / device).iterdir())[0] / f"{ONE}.9.jsonl").write_text("x\n" * n),
    "table": lambda raw, device, n: (raw.parent / "processed" / f"{list(storage.TABLES)[n % 2]}.parquet").unlink(),
    "images": lambda raw, device, n: shutil.rmtree(raw.parent / "processed" / "images" / device, ignore_errors=True),
    "manifest": lambda raw, device, n: (raw.parent / "processed" / "manifest.json").write_text("[]" if n % 2 else "{"),
}


def test_a_run_that_is_gone_with_its_images_leaves_the_tables(raw, processed, tmp_path):
    ingest.process(raw, processed)
    shutil.rmtree(processed / "images" / "b")
    shutil.rmtree(raw / "b")
    assert ingest.process(raw, processed).summary() == "2 runs, 2 instances, 4 images, 0 excluded"
    assert_same(content(processed), from_scratch(raw, tmp_path / "other"))


@examples(6)
@given(
    st.lists(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(DEVICES)), max_size=3), max_size=4)
)
def test_after_any_changes_the_tables_are_those_made_from_scratch(tmp_path_factory, calls):
    folder = tmp_path_factory.mktemp("law")
    raw = folder / "raw"
    for device in DEVICES:
        add_run(raw, device, 1)
    ingest.process(raw, folder / "processed")
    for number, changes in enumerate(calls):
        for place, (change, device) in enumerate(changes):
            try:
                CHANGES[change](raw, device, 3 * number + place)
            except (FileNotFoundError, FileExistsError, NotADirectoryError, IndexError):
                continue  # the file to damage no longer exists
        try:
            expected = from_scratch(raw, folder / "other")
        except DataError:  # no run is left, so the tables stay unchanged
            with pytest.raises(DataError, match="holds no run that can be read"):
                ingest.process(raw, folder / "processed")
            return
        ingest.process(raw, folder / "processed")
        assert_same(content(folder / "processed"), expected)
        assert not (folder / "processed" / ".parts").exists()


def test_several_runs_at_a_time_give_the_same_tables(raw, processed, tmp_path):
    progress = []
    result = ingest.process(raw, processed, 2, lambda done, total: progress.append((done, total)))
    assert progress == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert result.summary() == "3 runs, 3 instances, 6 images, 0 excluded"
    assert_same(content(processed), from_scratch(raw, tmp_path / "other"))


def interrupted_after(monkeypatch, count):
    """Simulate Ctrl-C after this many runs."""
    make_part, parts_made = run.make_part, []

    def limited(*arguments):
        if len(parts_made) == count:
            raise KeyboardInterrupt
        parts_made.append(make_part(*arguments))

    monkeypatch.setattr(run, "make_part", limited)


def test_an_interrupted_call_leaves_the_tables_and_the_next_goes_on(raw, processed, tmp_path, monkeypatch):
    ingest.process(raw, processed)
    before = content(processed)
    for device in DEVICES:
        add_image(raw, device)
    with monkeypatch.context() as patch:
        interrupted_after(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            ingest.process(raw, processed)
    assert_same(content(processed), before)
    with monkeypatch.context() as patch:
        interrupted_after(patch, 1)  # one run is left to read
        assert ingest.process(raw, processed).read == 3
    assert_same(content(processed), from_scratch(raw, tmp_path / "other"))


class Crash(BaseException):
    """Raised where the process is assumed to end."""


def crash_at_move(monkeypatch, number):
    """Simulate a crash before the move of a file with this number, from 0; return the list of completed moves."""
    moved, replace = [], os.replace

    def limited(source, target):
        if len(moved) == number:
            raise Crash
        moved.append(Path(target).name)
        replace(source, target)

    monkeypatch.setattr(os, "replace", limited)  # Path.replace calls it, too
    return moved


def test_a_crash_at_any_move_of_a_file_leaves_tables_that_the_next_call_completes(raw, tmp_path, monkeypatch):
    original = tmp_path / "kept"
    ingest.process(raw, original)
    before = content(original)
    add_image(raw, "a")
    add_run(raw, "d", 4)
    shutil.rmtree(raw / "c")
    after = from_scratch(raw, tmp_path / "other")
    for number in range(100):
        processed = tmp_path / f"processed {number}"
        shutil.copytree(original, processed, copy_function=shutil.copy2)
        with monkeypatch.context() as patch:
            moved = crash_at_move(patch, number)
            try:
                ingest.process(raw, processed)
            except Crash:
                crashed = True
            else:
                crashed = False
        if not crashed:
            break
        if "manifest.json" not in moved:
            assert_same(content(processed), before)
        # all tables can be read
        assert all(len(frame) for name, frame in content(processed).items() if len(before[name]))
        read_again = ingest.process(raw, processed).read
        assert (read_again == 0) == ("manifest.json" in moved)
        assert_same(content(processed), after)
    assert number > 10 and "manifest.json" in moved


def test_where_no_space_is_left_the_tables_stay_and_the_error_says_so(raw, processed, monkeypatch):
    ingest.process(raw, processed)
    before = content(processed)
    add_image(raw, "a")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write_file", full)
        with pytest.raises(
            DataError, match=r"processed cannot be written \(No space left on device\): free some"
        ) as caught:
            ingest.process(raw, processed)
    assert "\n" not in str(caught.value)
    assert_same(content(processed), before)
    ingest.process(raw, processed)
    assert len(content(processed)["images"]) == 9


def test_two_calls_at_a_time_do_not_mix(raw, processed):
    ingest.process(raw, processed)
    with (processed / ".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(
            DataError, match=r"Another `aiot process` is writing to .*processed: wait for it to finish, or stop it\."
        ):
            ingest.process(raw, processed)


def test_rows_that_do_not_fit_a_table_cost_only_their_run(raw, processed, monkeypatch):
    instance = rows.instance

    def unfit(record, *arguments):
        return {**instance(record, *arguments), **({"images": -1} if record["device_slug"] == "b" else {})}

    monkeypatch.setattr(rows, "instance", unfit)
    monkeypatch.setattr(rows, "summaries", lambda records, counts: [{}] * len(counts))
    result = ingest.process(raw, processed)
    [(path, reason)] = result.left_out
    assert (result.runs, path) == (2, str(raw / "b" / "20260101T000000Z-aaaaaa"))
    assert reason == "Table instances, column images: -1 fails greater_than_or_equal_to(0)."
    assert storage.read("images", processed)["device_id"].unique().tolist() == ["a", "c"]


def test_image_records_that_do_not_fit_their_table_cost_only_their_run(raw, processed, monkeypatch):
    images = rows.images

    def unfit(record, of_instances):
        table = images(record, of_instances)
        if record["device_slug"] != "b":
            return table
        column = table.schema.get_field_index("at_s")
        return table.set_column(column, "at_s", [[-1.0] * len(table)])

    monkeypatch.setattr(rows, "images", unfit)
    result = ingest.process(raw, processed)
    assert [reason for _, reason in result.left_out] == [
        "Table images, column at_s: -1.0 fails greater_than_or_equal_to(0)."
    ]
    assert storage.read("images", processed)["device_id"].unique().tolist() == ["a", "c"]


def test_many_images_of_a_run_are_written_in_pieces(raw, processed, tmp_path, monkeypatch):
    expected = from_scratch(raw, tmp_path / "other")
    monkeypatch.setattr(run, "BATCH_ROWS", 1)
    ingest.process(raw, processed)
    assert_same(content(processed), expected)


def test_a_manifest_of_another_version_is_not_used(raw, processed, read_now):
    ingest.process(raw, processed)
    record = json.loads((processed / "manifest.json").read_text())
    (processed / "manifest.json").write_text(json.dumps({**record, "colour": "red"}))
    ingest.process(raw, processed)
    assert read_now == DEVICES * 2


def test_tables_of_a_folder_without_a_manifest_are_replaced(raw, processed):
    (processed / "images").mkdir(parents=True)
    (processed / "images" / "local.parquet").write_bytes(b"of an earlier version")
    ingest.process(raw, processed)
    assert sorted(storage.read("images", processed)["device_id"].unique()) == DEVICES
    assert parts.Parts(processed).manifest().raw == str(raw)
