"""Tests of files sent as archives, which a real `sh` unpacks and checks with tar, xargs and sha256sum."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_suite.errors import SetupError
from runner.devices import archives
from runner.devices.remote import DeviceFiles
from runner.errors import DeviceError
from tests.runner.devices.stand_in import ShellConnection

PLAIN = [
    "-rf",
    "it's",
    '"$(id)"',
    "`id`",
    "*",
    "a/b/deep.jpg",
    "x" * 100,
    *(f"{number:04}.jpg" for number in range(30)),
]
MB = 2**20


@pytest.fixture
def connection():
    return ShellConnection()


@pytest.fixture
def sources(tmp_path):
    (tmp_path / "sources").mkdir()
    files = {name: tmp_path / "sources" / str(number) for number, name in enumerate(PLAIN)}
    for number, path in enumerate(files.values()):
        path.write_bytes(path.name.encode() * number * 300)  # empty, and shorter and longer than a block of 512 bytes
    return files


def singles(connection):
    return [path for path in connection.pushed if not path.endswith(".pushed.json")]


def names_in(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


def arrived(place):
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("folder", ["aiot", 'it\'s; $(id) `id` "x"', "two  words\nand lines", "Ü 小米"])
def test_many_files_are_sent_as_archives_once(tmp_path, connection, sources, folder):
    ours = tmp_path / "device" / folder
    place = Path(DeviceFiles(connection, str(ours)).push(sources, "images of it", executable=True))
    files = arrived(place)
    digests = json.loads(files.pop(".pushed.json"))
    assert files == {name: path.read_bytes() for name, path in sources.items()}
    assert digests == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sources.items()}
    assert all((place / name).stat().st_mode & 0o777 == 0o755 for name in sources)
    assert (len(connection.fed), singles(connection)) == (archives.PARALLEL, [])
    connection.fed.clear(), connection.pushed.clear()
    DeviceFiles(connection, str(ours)).push(sources, "images of it")
    assert (connection.fed, connection.pushed) == ([], []), "a second push sends nothing"


def test_only_what_changed_is_sent_again(tmp_path, connection, sources):
    DeviceFiles(connection, str(tmp_path / "device")).push(sources, "it")
    changed = [f"{number:04}.jpg" for number in range(10)]
    for name in changed:
        sources[name].write_bytes(b"other" + sources[name].read_bytes())
    connection.fed.clear()
    DeviceFiles(connection, str(tmp_path / "device")).push(sources, "it")
    members = [name for data in connection.fed for name in names_in(data)]
    assert sorted(name for name in members if not name.startswith(".sent")) == changed
    assert all((tmp_path / "device" / "it" / name).read_bytes() == sources[name].read_bytes() for name in changed)


@pytest.mark.parametrize("fault", ["no shell_v2", "no tar", "damaged", "cut"])
def test_where_archives_do_not_arrive_the_files_are_sent_one_by_one(tmp_path, connection, sources, monkeypatch, fault):
    feed = connection.feed

    def faulty(line, content, timeout_s):
        data = b"".join(content)
        if fault == "no shell_v2":
            return None
        if fault == "no tar":
            return feed(line.replace("tar ", "there-is-no-such-tar "), [data], timeout_s)
        content = data[: len(data) // 2] if fault == "cut" else data.replace(b"36" * 50, b"34" * 50)
        return feed(line, [content], timeout_s)

    monkeypatch.setattr(connection, "feed", faulty)
    place = Path(DeviceFiles(connection, str(tmp_path / "device")).push(sources, "it"))
    files = arrived(place)
    assert set(json.loads(files.pop(".pushed.json"))) == set(sources)
    assert files == {name: path.read_bytes() for name, path in sources.items()}
    assert len(singles(connection)) == (1 if fault == "damaged" else len(sources))


def test_an_archive_does_not_make_our_folder(tmp_path, connection, sources):
    ours = tmp_path / "device"
    assert archives.send(connection, str(ours / ".aiotbench"), str(ours / "it"), sources, 0o644) == {}
    assert not ours.exists()


def test_a_file_of_this_side_that_cannot_be_read_is_no_lost_device(tmp_path):
    with pytest.raises(SetupError, match=r"gone cannot be read \(No such file or directory\): check the file"):
        archives._content(tmp_path / "gone")


@given(st.dictionaries(st.text(st.characters(codec="ascii", categories=["L", "Nd", "P"]), min_size=1), st.binary()))
def test_an_archive_is_read_by_another_library(contents):
    contents = {name[:100]: data for name, data in contents.items() if "/" not in name and name not in (".", "..")}
    data = b"".join(archives.archive(contents.items(), 0o755))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert {member.name: archive.extractfile(member).read() for member in archive} == contents
        assert {member.mode for member in archive} <= {0o755}


SIZES = st.dictionaries(st.text(min_size=1), st.integers(0, 20 * MB), max_size=80)


@given(SIZES)
def test_every_file_is_in_one_round_or_sent_by_itself(sizes):
    rounds, single_files = archives.split_into_rounds(sizes)
    assert sorted([*(name for names in rounds for name in names), *single_files]) == sorted(sizes)
    for names in rounds:
        assert len(names) > archives.PARALLEL or names is not rounds[-1]
        assert sum(sizes[name] for name in names) <= 32 * MB
        assert all(name.isascii() and name.isprintable() and not {" ", "\\"} & set(name) for name in names)


def test_the_images_of_imagenet_are_sent_in_rounds():
    sizes = {f"ILSVRC2012_val_{number:08}.JPEG": 130_000 for number in range(1, 50_001)}
    rounds, single_files = archives.split_into_rounds(sizes)
    assert single_files == [] and {len(names) for names in rounds[:-1]} == {32 * MB // 130_000}


def test_a_file_that_arrives_changed_is_refused(tmp_path, connection, sources, monkeypatch):
    monkeypatch.setattr(connection, "feed", lambda *words: None)
    push = connection.push
    monkeypatch.setattr(connection, "push", lambda source, *words: push(b"something else", *words))
    with pytest.raises(DeviceError, match="differs from the file that was sent: try again"):
        DeviceFiles(connection, str(tmp_path / "device")).push(sources, "it")
