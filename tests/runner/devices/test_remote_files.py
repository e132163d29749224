"""Tests of our folder on a device through a real `sh`: files are pushed once, checked, and removed without others."""

import hashlib
import json
import shlex
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.devices import remote as module
from runner.devices.remote import DeviceFiles, split_into_batches
from runner.errors import DeviceError, FolderLostError
from tests.runner.devices.stand_in import ShellConnection

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=80)
ODD = ["-rf", "two words", "back\\slash", "new\nline", "it's", '"$(id)"', "`id`;id", "Ü 小米", "\u202eevil", "* ?"]


@pytest.fixture
def connection():
    return ShellConnection()


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    files = {}
    for number, name in enumerate(ODD):
        files[name] = folder / str(number)
        files[name].write_bytes(name.encode() * (number + 1))
    return files


def below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@given(st.lists(NAMES, max_size=60))
def test_batches_hold_every_name_once_in_order_and_fit_into_one_command(names):
    groups = list(split_into_batches(names))
    assert [name for group in groups for name in group] == names
    for group in groups:
        assert len(group) == 1 or len(shlex.join(group).encode()) <= module._BATCH_BYTES
        assert len(group) == 1 or all(module._PLAIN.fullmatch(name) for name in group)


def test_500_usual_names_take_few_commands():
    assert len(list(split_into_batches(f"ILSVRC2012_val_{number:08}.JPEG" for number in range(500)))) < 10


@pytest.mark.parametrize("count", [1, 2, len(ODD)])
def test_files_sent_after_our_folder_was_deleted_do_not_leave_a_folder_without_its_mark(
    tmp_path, connection, sources, monkeypatch, count
):
    ours, push = tmp_path / "device" / "aiot", connection.push

    def push_after_deletion(source, target, mode=0o644):
        if len(connection.pushed) == count - 1:
            shutil.rmtree(ours)
        push(source, target, mode)

    files = DeviceFiles(connection, str(ours))
    with monkeypatch.context() as patched:
        patched.setattr(connection, "push", push_after_deletion)
        with pytest.raises(FolderLostError, match="was deleted during the run"):
            files.push(sources, "images/of it")
    assert not ours.exists()
    place = Path(files.push(sources, "images/of it"))
    assert below(place) == {*ODD, ".pushed.json"}


def test_an_archive_unpacked_while_our_folder_is_deleted_leaves_nothing(tmp_path, monkeypatch):
    ours, connection = tmp_path / "device" / "aiot", ShellConnection()
    place, feed = ours / "images", connection.feed
    sources = {f"{number}.jpg": tmp_path / "picture" for number in range(20)}
    (tmp_path / "picture").write_bytes(b"picture")

    def feed_after_deletion(line, content, timeout_s):
        remove_mark = f"rm -f {ours}/.aiotbench"  # `rm -r` may remove the mark before the folder that tar writes to
        return feed(line.replace("tar -xf -", f"{remove_mark}; tar -xf -"), content, timeout_s)

    monkeypatch.setattr(connection, "feed", feed_after_deletion)
    with pytest.raises(FolderLostError):
        DeviceFiles(connection, str(ours)).push(sources, "images")
    assert not place.exists() and not ours.exists()


@pytest.mark.parametrize("folder", ["aiot", 'it\'s; $(id) `id` "x"', "two  words\nand lines", "-rf", "Ü 小米 \u202e"])
def test_files_of_any_name_arrive_are_found_again_and_removed(tmp_path, connection, sources, folder):
    ours = tmp_path / "device" / folder
    place = DeviceFiles(connection, str(ours)).push(sources, "images of it")
    assert place == str(ours / "images of it")
    for name, source in sources.items():
        assert (ours / "images of it" / name).read_bytes() == source.read_bytes()
    connection.pushed.clear()
    assert DeviceFiles(connection, str(ours)).push(sources, "images of it") == place
    assert connection.pushed == [], "a second push sends nothing"
    assert DeviceFiles(connection, str(ours)).remove()
    assert not ours.exists() and (tmp_path / "device").is_dir()
    assert not DeviceFiles(connection, str(ours)).remove()


@pytest.mark.parametrize(
    ("name", "folder"), [("../out", "it"), ("/etc/hostname", "it"), ("a\0", "it"), ("a", "../out"), ("a", "/tmp")]
)
def test_nothing_is_pushed_outside_of_our_folder(tmp_path, connection, sources, name, folder):
    with pytest.raises(DeviceError, match=r"cannot be pushed to a device \(it"):
        DeviceFiles(connection, str(tmp_path / "device")).push({name: sources["it's"]}, folder)
    assert connection.pushed == [] and not (tmp_path / "device").exists()


def test_only_what_changed_is_sent_again(tmp_path, connection, sources):
    ours = tmp_path / "device"
    DeviceFiles(connection, str(ours)).push(sources, "it")
    sources["it's"].write_text("other content")
    (ours / "it" / "two words").write_text("cut")  # its size differs from that of the pushed file
    connection.pushed.clear()
    DeviceFiles(connection, str(ours)).push(sources, "it")
    assert [path for path in connection.pushed if ".pushed" not in path] == [f"{ours}/it/two words", f"{ours}/it/it's"]
    assert (ours / "it" / "two words").read_bytes() == sources["two words"].read_bytes()
    assert (ours / "it" / "it's").read_text() == "other content"


def test_a_file_that_arrives_changed_is_refused(tmp_path, connection, sources, monkeypatch):
    def damaged(source, target, mode=0o644):
        ShellConnection.push(connection, b"something else" if "two words" in target else source, target, mode)

    monkeypatch.setattr(connection, "push", damaged)
    with pytest.raises(
        DeviceError, match=r"/it/two words on stand-in differs from the file that was sent: try again\."
    ):
        DeviceFiles(connection, str(tmp_path / "device")).push(sources, "it")


@pytest.mark.parametrize("note", ["[" * 100_000, '["x"]', '{"it": {"x": 1}}', "nothing", '{"it": null}', "\udcff"])
def test_an_invalid_note_on_a_device_is_ignored(tmp_path, connection, note):
    (tmp_path / "source").write_text("content")
    ours = DeviceFiles(connection, str(tmp_path / "device"))
    ours.make([f"{ours.folder}/it"])
    (tmp_path / "device" / "it" / ".pushed.json").write_bytes(note.encode(errors="surrogateescape"))
    ours.push({"it": tmp_path / "source"}, "it")
    assert (tmp_path / "device" / "it" / "it").read_text() == "content"
    assert list(json.loads((tmp_path / "device" / "it" / ".pushed.json").read_text())) == ["it"]


def test_a_folder_with_files_of_others_is_neither_used_nor_removed(tmp_path, connection, sources):
    (tmp_path / "device").mkdir()
    (tmp_path / "device" / "holiday.jpg").write_text("of somebody")
    ours = DeviceFiles(connection, str(tmp_path / "device"))
    with pytest.raises(
        DeviceError, match="contains files that aiot did not create: choose another folder with --device-folder"
    ):
        ours.push(sources, "it")
    with pytest.raises(DeviceError, match="was not created by aiot, so it is not removed"):
        ours.remove()
    assert below(tmp_path / "device") == {"holiday.jpg"}


def test_an_empty_folder_is_taken_also_after_it_was_cut_off_in_the_middle(tmp_path, connection):
    (tmp_path / "device").mkdir()
    DeviceFiles(connection, str(tmp_path / "device")).make([])
    assert below(tmp_path / "device") == {".aiotbench"}


@pytest.mark.parametrize("folder", ["", "/", "//", "aiot", "~/aiot", "/data/../etc", "/data:/etc"])
def test_a_path_that_cannot_be_our_folder_is_refused(connection, folder):
    with pytest.raises(DeviceError, match="cannot be used as the folder on a device: name an absolute path"):
        DeviceFiles(connection, folder)
    assert connection.commands == []


def test_the_message_of_a_failed_command_has_no_control_characters(tmp_path, connection):
    ours = DeviceFiles(connection, str(tmp_path / "device"))
    with pytest.raises(DeviceError) as raised:
        ours.do("printf '\\033[31mno\\nway' >&2; exit 4")
    assert str(raised.value).endswith("( [31mno way).") and str(raised.value).isprintable()


def test_output_of_tools_about_odd_names_is_not_trusted(tmp_path):
    """sha256sum of GNU escapes a backslash and marks the line by another one; that of toybox does neither."""
    (tmp_path / "a\\b").write_text("x")
    ours = DeviceFiles(ShellConnection(), str(tmp_path))
    assert ours._table(str(tmp_path), ["a\\b", "none\n"], ["sha256sum"]) == {"a\\b": hashlib.sha256(b"x").hexdigest()}


def test_only_what_is_to_be_started_is_executable(tmp_path, connection):
    (tmp_path / "tool").write_text("#!/bin/sh\n")
    files = DeviceFiles(connection, str(tmp_path / "device"))
    for executable, mode in ((True, 0o755), (False, 0o644)):
        place = files.push({"tool": tmp_path / "tool"}, f"tools-{executable}", executable)
        assert (Path(place) / "tool").stat().st_mode & 0o777 == mode
