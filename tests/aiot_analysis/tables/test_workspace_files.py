"""Files that are written whole or not at all."""

import stat

import pytest

from aiot_analysis.tables.workspace import unfinished, whole, write_whole


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
