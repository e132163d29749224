"""Locks, and files that are written whole or not at all."""

import fcntl
import stat

import pytest

from aiot_analysis.errors import DataError
from aiot_analysis.tables.workspace import locked, unfinished, whole, write_whole

BUSY = DataError("another process writes there")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_lock_is_held_by_one_at_a_time_and_ends_with_the_block(tmp_path, kind):
    path = tmp_path if kind == "folder" else tmp_path / ".lock"
    with locked(path, BUSY):
        with path.open() if kind == "file" else (tmp_path / "x").open("w"):
            pass
        with pytest.raises(DataError, match="another process writes there"), locked(path, BUSY):
            pytest.fail("it was locked twice")
    with locked(path, BUSY):
        assert sorted(entry.name for entry in tmp_path.iterdir()) == (["x"] if kind == "folder" else [".lock"])


def test_a_lock_that_the_file_system_does_not_offer_is_no_other_process(tmp_path, monkeypatch):
    def refuse(handle, how):
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="Bad file descriptor") as caught, locked(tmp_path, BUSY):
        pytest.fail("it was not locked")
    assert caught.value.filename == str(tmp_path)


def test_a_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with whole(path) as temporary:
        temporary.write_text("half")
        assert temporary == unfinished(path) and not path.exists()
        temporary.write_text("all of it")
    assert path.read_text() == "all of it"
    assert [entry.name for entry in path.parent.iterdir()] == ["a.txt"]
    write_whole(path, "ä")
    assert path.read_bytes() == "ä".encode()
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRUSR


def test_a_folder_appears_when_it_is_complete(tmp_path):
    with whole(tmp_path / "device" / "run", tmp_path / ".part-device") as temporary:
        temporary.mkdir()
        (temporary / "run.json").write_text("{}")
        assert not (tmp_path / "device").exists()
    assert (tmp_path / "device" / "run" / "run.json").is_file() and not (tmp_path / ".part-device").exists()


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_failure_leaves_what_was_there(tmp_path, kind):
    path = tmp_path / "a"
    write_whole(path, "before")
    with pytest.raises(KeyboardInterrupt), whole(path) as temporary:
        if kind == "folder":
            temporary.mkdir()
            (temporary / "x").touch()
        else:
            temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "before" and [entry.name for entry in tmp_path.iterdir()] == ["a"]
