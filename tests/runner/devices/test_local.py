import platform
import sys
import time

import psutil
import pytest

from aiot_suite import environments
from runner import rawlog
from runner.devices.local import LocalDevice
from runner.errors import DeviceError
from runner.execution import wait_for_exit


def test_properties_are_of_the_format_and_list_what_is_not_offered(tmp_path):
    facts = LocalDevice(tmp_path, "salt").properties()
    rawlog.check(facts, rawlog.DEVICE_FIELDS, "device.json")
    assert facts["abi"] == platform.machine()
    assert facts["not_offered"] == sorted(
        name for name in set(rawlog.DEVICE_FIELDS) - {"identity_doubt"} if facts[name] is None
    )
    assert 0.1 < facts["ram_gb"] < 10_000


def test_the_serial_is_hashed_with_the_workspaces_salt(tmp_path):
    first, again, with_other_salt = (
        LocalDevice(tmp_path, salt).properties()["serial_sha256"] for salt in ("a", "a", "b")
    )
    assert first == again
    assert first is None or (len(first) == 64 and first != with_other_salt)


def test_pushed_files_are_there_and_follow_their_source(tmp_path):
    source = tmp_path / "model.bin"
    source.write_text("one")
    device = LocalDevice(tmp_path / "device", "salt")
    for text in ("one", "two"):
        source.write_text(text)
        folder = device.push({"sub/m.bin": source}, "models")
        assert (tmp_path / "device" / "models" / "sub" / "m.bin").read_text() == text
    assert folder == str(tmp_path / "device" / "models")


@pytest.mark.parametrize(
    ("name", "folder"),
    [("../out", "models"), ("/tmp/out", "models"), ("a\0", "models"), ("a", "../o"), ("a", "/tmp")],
)
def test_nothing_is_pushed_outside_of_the_folder(tmp_path, name, folder):
    source = tmp_path / "model.bin"
    source.write_text("one")
    with pytest.raises(DeviceError, match=r"cannot be pushed to a device \(it"):
        LocalDevice(tmp_path / "device", "salt").push({name: source}, folder)
    assert list(tmp_path.rglob("*")) == [source]


def local_tool(tmp_path, script):
    """Push a script whose file is not executable, and start it as a tool."""
    source = tmp_path / "given"
    source.write_text(f"#!/bin/sh\n{script}\n")
    source.chmod(0o600)
    device = LocalDevice(tmp_path / "staging", "salt")
    folder = device.push({"tool": source}, "tools", executable=True)
    return device.start_tool("run", [f"{folder}/tool", "two words"])


def test_a_tool_is_made_executable_and_its_streams_come_apart(tmp_path):
    tool = local_tool(tmp_path, 'echo "$1"; echo err >&2; exit 3')
    assert wait_for_exit(tool, 0.01, 10) == 3
    assert tool.output() == ("two words\n", "err\n")
    assert (tmp_path / "given").stat().st_mode & 0o777 == 0o600, "what was given is left as it is"


def test_a_tool_is_ended_with_all_that_it_started(tmp_path):
    tool = local_tool(tmp_path, f"sleep 600 & echo $! >{tmp_path}/pid; wait")
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert tool.poll() is None
    with pytest.raises(TimeoutError, match=r"it took longer than 0\.05 s"):
        wait_for_exit(tool, 0.01, 0.05)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10  # a killed process ends when the system schedules it once more
    while is_running(pid):
        assert time.monotonic() < deadline


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_program_that_is_none_is_one_sentence(tmp_path):
    (tmp_path / "tool").write_bytes(b"\0\0")
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(
        DeviceError, match=r"cannot be started on this machine .*check that it was built for this machine"
    ):
        LocalDevice(tmp_path, "salt").start_tool("run", [str(tmp_path / "tool")])


def test_another_python_runs_agents_and_says_what_it_lacks(tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nAIOT_TEST_PYTHON=other exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    device = LocalDevice(tmp_path, "salt", python)
    assert device.environments == environments.NAMES
    assert device.missing(("json", "no_such_module"), ["main"]) == ["no_such_module"]
    output = tmp_path / "output"
    code = "import os; print(os.environ['AIOT_TEST_PYTHON'])"
    assert device.start_agent(str(tmp_path), ["-c", code], "legacy", output).wait() == 0
    assert output.read_text() == "other\n"


def test_a_python_that_does_not_start_is_one_sentence(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho it is broken >&2; exit 1\n")
    python.chmod(0o755)
    with pytest.raises(
        DeviceError, match=r"python does not start as a Python interpreter \(it is broken\): name another one\.$"
    ):
        LocalDevice(tmp_path, "salt", python).missing(("json",), ["main"])
