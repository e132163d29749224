"""Tests of files from elsewhere: reading them always ends, and their names stay in their folder."""

import os
import resource
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import rawlog

INSTANCE = "tflite_cpu_int8_mnasnet"


def pipe(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to("/dev/zero")


def huge(path):
    with path.open("wb") as file:
        file.truncate(2**40)  # a sparse file, which takes no space on the disk


@pytest.fixture
def little_memory():
    """Fail with MemoryError instead of filling the memory of the machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (present + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize(("make", "reason"), [(pipe, "is not a file"), (endless, "is not a file"), (huge, "limit of")])
def test_files_that_never_end_are_refused(tmp_path, little_memory, make, reason):
    log = rawlog.attempt_path(tmp_path, INSTANCE, 1)
    for path in (tmp_path / "run.json", tmp_path / "telemetry.jsonl", log):
        make(path)
    with pytest.raises(rawlog.RawLogError, match=reason):
        rawlog.read_json(tmp_path / "run.json", rawlog.RUN_FIELDS)
    with pytest.raises(rawlog.RawLogError, match=reason):
        rawlog.read_telemetry(tmp_path / "telemetry.jsonl")
    with pytest.raises(rawlog.RawLogError, match=reason):
        rawlog.read_attempt(log)


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("make", [pipe, endless])
def test_no_ending_is_written_to_what_is_not_a_file(tmp_path, make):
    log = rawlog.attempt_path(tmp_path, INSTANCE, 1)
    make(log)
    with pytest.raises(rawlog.RawLogError, match="is not a file"):
        rawlog.close_attempt(log, "failed", reason="killed")


def test_a_link_to_a_file_and_a_file_at_the_limit_are_read(tmp_path):
    (tmp_path / "log").write_bytes(b"four")
    (tmp_path / "link").symlink_to("log")
    assert rawlog.read_bytes(tmp_path / "link", limit_bytes=4) == b"four"
    with pytest.raises(rawlog.RawLogError, match=r"link has 4 bytes, more than the limit of 3"):
        rawlog.read_bytes(tmp_path / "link", limit_bytes=3)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../secret.txt", "leads out"),
        ("a/../../b", "leads out"),
        ("..", "leads out"),
        ("/etc/hostname", "absolute"),
        ("a\0b", "NUL"),
        ("", "names no file"),
        (".", "names no file"),
        ("./", "names no file"),
    ],
)
def test_names_that_leave_their_folder_have_a_fault(name, fault):
    assert fault in rawlog.name_fault(name, subfolders=True)
    assert rawlog.name_fault(name)


@pytest.mark.parametrize("name", ["a.jpg", "..a", "a..", "-rf", "new\nline", "back\\slash", "Ü 小米", "=1+1"])
def test_other_names_have_none(name):
    assert rawlog.name_fault(name) is None
    assert rawlog.name_fault(f"folder/{name}", subfolders=True) is None
    assert "slash" in rawlog.name_fault(f"folder/{name}")


@given(st.lists(st.sampled_from(["a", "..", ".", "", "/", "b"]), max_size=6).map("/".join))
def test_a_name_without_a_fault_is_below_its_folder(name):
    if rawlog.name_fault(name, subfolders=True) is None:
        joined = PurePosixPath(os.path.normpath(os.path.join("/folder", name)))  # noqa: PTH118
        assert PurePosixPath("/folder") in joined.parents


def test_an_instance_id_that_leaves_the_folder_of_the_run_names_no_log(tmp_path):
    with pytest.raises(rawlog.RawLogError, match=r"'\.\./x_cpu_int8_y', which cannot be a name: it leads out"):
        rawlog.attempt_path(tmp_path, "../x_cpu_int8_y", 1)
