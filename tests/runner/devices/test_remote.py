"""Tests of processes on a device through a real `sh`, with a few lines of Python as the agent."""

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from runner import rawlog
from runner.devices import GONE, DeviceTask, remote
from runner.devices.remote import DeviceFiles, RemoteTool, RemoteWork
from runner.errors import DeviceError, DeviceLostError, FolderLostError
from runner.execution import carry_out
from tests.runner.devices.stand_in import ShellConnection

RUN = "20261130T080000.000Z-abcdef"
INSTANCE = "tflite_cpu_int8_mnasnet"
END = {"event": "end", "images": 0, "failed_images": 0, "correct": 0, "loop_ns": 1, "peak_rss_kb": None}


def task_of(tmp_path, program):
    """Return a task whose agent runs this program, in which `log` is the path of the log."""
    agent = tmp_path / "agent; 'x'"
    agent.mkdir()
    (agent / "stand_in_agent.py").write_text(
        f"import json, sys\nlog = json.load(open(sys.argv[1]))['log']\n{program}\n"
    )
    (tmp_path / "run" / "native").mkdir(parents=True)
    return DeviceTask(f"{INSTANCE}.1", tmp_path / "run", str(agent), "stand_in_agent", "main", {"attempt": 1})


@pytest.fixture(params=["runs", "it's `a` $(b); c"])
def run_folder(request, tmp_path):
    """Return the folder of a run on the device."""
    return tmp_path / "device" / request.param / "runs" / "run"


def files_of(run_folder, connection=None):
    """Return our folder on the device, which contains the folder of the run."""
    return DeviceFiles(connection or ShellConnection(), str(run_folder.parent.parent))


def start(task, run_folder, connection=None):
    return RemoteWork.start(files_of(run_folder, connection), task, [sys.executable])


def ended(work, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while (code := work.poll()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return code


class Device:
    """The part of a device that an attempt needs."""

    poll_interval_s = 0.02

    def __init__(self, run_folder):
        self.connection, self.there = ShellConnection(), run_folder

    def start(self, task):
        return start(task, self.there, self.connection)

    def started(self, task):
        return RemoteWork.find(files_of(self.there, self.connection), task)


def test_log_output_and_exit_code_come_back_and_nothing_is_left(tmp_path, run_folder):
    task = task_of(tmp_path, f"open(log, 'w').write({json.dumps(END)!r} + chr(10)); print('said'); sys.exit(3)")
    work = start(task, run_folder)
    assert ended(work) == 3
    assert json.loads(work.tail()) == END
    work.collect()
    assert json.loads(task.log.read_text()) == END
    assert task.output.read_text() == "said\n"
    assert sorted(path.name for path in task.folder.rglob("*") if path.is_file()) == sorted(
        [task.log.name, task.job_file.name, task.output.name]
    )
    assert list(run_folder.iterdir()) == []


def test_work_is_found_again_by_another_connection(tmp_path, run_folder):
    task = task_of(tmp_path, "import time; time.sleep(600)")
    assert RemoteWork.find(files_of(run_folder), task) is None
    start(task, run_folder)
    work = RemoteWork.find(files_of(run_folder), task)
    assert work.poll() is None
    work.kill()
    assert ended(work) == GONE, "the shell around it, which would have told its exit code, was ended too"
    work.collect()
    assert RemoteWork.find(files_of(run_folder), task) is None


def test_only_a_process_of_the_task_is_ended(tmp_path, run_folder):
    """The number of an ended process may have been assigned to another process."""
    task = task_of(tmp_path, "")
    work = start(task, run_folder)
    ended(work)
    other = subprocess.Popen(["sleep", "30"], process_group=0)
    (run_folder / f"{task.name}.pid").write_text(f"{other.pid}\n")
    work.kill()
    assert other.poll() is None
    other.kill()
    other.wait()


@pytest.mark.parametrize(
    "answer", ["", "running", "exit 1234\n", "\33[31mexit 0\n", "exit 0; rm -rf /\n", "x" * 10_240]
)
def test_an_answer_about_a_process_that_is_none_is_refused(tmp_path, answer, monkeypatch):
    task = task_of(tmp_path, "")
    connection = ShellConnection()
    monkeypatch.setattr(connection, "shell", lambda *_: remote_answer(answer))
    with pytest.raises(DeviceError, match="about a process that was started") as raised:
        RemoteWork(DeviceFiles(connection, "/there"), task).poll()
    assert str(raised.value).isprintable() and len(str(raised.value)) < 500


def remote_answer(output):
    from runner.devices.adb import CommandResult

    return CommandResult(0, output, "")


@pytest.mark.parametrize(
    ("program", "limits", "sentence"),
    [
        ("open(log, 'w').write('x' * 2000 + chr(10))", {"LINE_LIMIT_BYTES": 1000}, "has a line over 1000 bytes"),
        ("open(log, 'w').write('{}' + chr(10))", {"LOG_LIMIT_BYTES": 2}, "is larger than 2 bytes and was not copied"),
    ],
)
def test_a_log_over_the_limits_is_not_taken_and_the_attempt_failed(
    tmp_path, run_folder, monkeypatch, program, limits, sentence
):
    for name, limit in limits.items():
        monkeypatch.setattr(remote, name, limit)
    task = task_of(tmp_path, program)
    assert not carry_out(Device(run_folder), task, 20, lambda tail: None)
    attempt = rawlog.read_attempt(task.log)
    assert attempt.status == "failed" and sentence in attempt.last["reason"]
    assert attempt.events == [attempt.last]
    assert list(run_folder.iterdir()) == [], "what was refused is not kept there either"
    assert not list(task.folder.rglob("*.part"))


def test_a_flood_of_agent_output_is_truncated_but_its_log_is_kept(tmp_path, run_folder, monkeypatch):
    monkeypatch.setattr(remote, "OUTPUT_LIMIT_BYTES", 100)
    task = task_of(tmp_path, f"open(log, 'w').write({json.dumps(END)!r} + chr(10)); print('x' * 200)")
    carry_out(Device(run_folder), task, 20, lambda tail: None)
    assert rawlog.read_attempt(task.log).status == "end"
    assert "is larger than 100 bytes and was not copied" in task.output.read_text()


@pytest.mark.parametrize(
    "log", [b"\xff\xfe\n\xff\n", b"[" * 3000 + b"\n" + b"x\n", b"\n\n\n", b'{"event":"end"}\n{}\n']
)
def test_a_log_that_is_none_is_closed_as_failed(tmp_path, run_folder, log):
    task = task_of(tmp_path, f"open(log, 'wb').write({log!r}); sys.exit(5)")
    carry_out(Device(run_folder), task, 20, lambda tail: None)
    attempt = rawlog.read_attempt(task.log)
    assert (attempt.status, attempt.last["reason"]) == ("failed", "it ended with exit code 5")


@pytest.mark.usefixtures("time_limit")
@pytest.mark.parametrize("kind", ["jsonl", "output.txt", "exit"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "zeros"])
def test_a_file_on_the_device_that_never_ends_is_not_read(tmp_path, run_folder, kind, make):
    task = task_of(tmp_path, f"open(log, 'w').write({json.dumps(END)!r} + chr(10))")
    work = start(task, run_folder)
    assert ended(work) == 0
    (run_folder / f"{task.name}.{kind}").unlink()
    make(run_folder / f"{task.name}.{kind}")
    assert work.poll() == (GONE if kind == "exit" else 0)
    work.collect()
    assert task.log.exists() == (kind != "jsonl") and task.output.exists() == (kind != "output.txt")
    assert str(run_folder) not in [process.info["cwd"] for process in psutil.process_iter(["cwd"])]


def test_a_path_on_this_side_is_never_a_devices(tmp_path, run_folder):
    """Files on the device under the fetched names may be links or have names like paths."""
    secret = tmp_path / "secret"
    secret.write_text("of this machine\n")
    program = (
        "import os; folder = os.path.dirname(log); os.symlink('../../../evil', folder + '/link');"
        "open(folder + '/..%2f..%2fevil', 'w').close(); open(log, 'w').write('../../../evil' + chr(10))"
    )
    task = task_of(tmp_path, program)

    def files():
        return {path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "device" not in path.parents}

    before = files()
    carry_out(Device(run_folder), task, 20, lambda tail: None)
    assert files() - before == {task.log, task.output, task.job_file}


def test_a_fetch_that_was_interrupted_is_completed_later(tmp_path, run_folder, monkeypatch):
    task = task_of(tmp_path, f"open(log, 'w').write({json.dumps(END)!r} + chr(10))")
    device = Device(run_folder)
    device.connection.pull = cut
    with pytest.raises(DeviceLostError):
        carry_out(device, task, 20, lambda tail: None)
    assert not task.log.exists() and not list(task.folder.rglob("*.part"))
    device.connection = ShellConnection()
    carry_out(device, task, 20, lambda tail: None)
    assert rawlog.read_attempt(task.log).events == [END]


def cut(path, limit_bytes):
    yield b"half a"
    raise DeviceLostError("The device stand-in does not answer.")


def test_a_process_that_does_not_start_is_reported_with_what_the_device_says(tmp_path, run_folder):
    """The device lacks `setsid`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "ls", "mkdir", "touch", "rm", "cat", "sleep"):
        (tools / name).symlink_to(shutil.which(name))

    class Connection(ShellConnection):
        def shell(self, command, timeout_s=20.0):
            line = command if isinstance(command, str) else shlex.join(command)
            return super().shell(f"PATH={shlex.join([str(tools)])}\n{line}", timeout_s)

    task = task_of(tmp_path, "")
    with pytest.raises(DeviceError, match=r"A process did not start on stand-in: the message is .*setsid.* not found"):
        start(task, run_folder, Connection())
    assert sorted(path.suffix for path in run_folder.iterdir()) == [".json"], "only the job is left"
    assert RemoteWork.find(files_of(run_folder), task) is None


def test_a_missing_agent_means_that_the_folder_was_deleted(tmp_path, run_folder):
    task = replace(task_of(tmp_path, ""), agent=str(tmp_path / "none"))
    with pytest.raises(FolderLostError, match=r"^the folder .* on the device was deleted during the run$"):
        start(task, run_folder)


@pytest.mark.parametrize("part", ["everything", "files"])
def test_a_folder_that_vanishes_fails_the_attempt_and_ends_its_agent(tmp_path, part):
    """Either our whole folder or only the folder of the run is deleted, while an agent or a tool runs."""
    run_folder = tmp_path / "device" / "runs" / RUN
    vanishing = run_folder.parents[1] if part == "everything" else run_folder
    for number, kind in enumerate((RemoteWork, RemoteTool)):
        folder = tmp_path / str(number) / RUN
        if kind is RemoteWork:
            task = replace(task_of(tmp_path, "import time; time.sleep(600)"), folder=folder)
            (folder / "native").mkdir(parents=True)
            process = start(task, run_folder)
        else:
            process = RemoteTool.start(files_of(run_folder), RUN, ["sleep", "600"])
        [pid] = [int(path.read_text()) for path in run_folder.glob("*.pid")]
        shutil.rmtree(vanishing)
        with pytest.raises(FolderLostError):
            process.poll()
        assert not run_folder.exists(), "nothing makes it again without its mark"
        process.kill()
        until_ended(pid)


def until_ended(pid, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_stop_ends_the_process_and_closes_its_log(tmp_path, run_folder):
    task = task_of(tmp_path, "import time; time.sleep(600)")
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    with pytest.raises(KeyboardInterrupt):
        carry_out(Device(run_folder), task, 20, lambda tail: None, stop)
    assert rawlog.read_attempt(task.log).last["reason"] == "the run was interrupted"
    assert RemoteWork.find(files_of(run_folder), task) is None


def test_a_process_that_takes_too_long_is_ended(tmp_path, run_folder):
    task = task_of(tmp_path, "import time; time.sleep(600)")
    carry_out(Device(run_folder), task, 0.2, lambda tail: None)
    assert rawlog.read_attempt(task.log).last["reason"] == "it took longer than 0.2 s"


def tool(run_folder, script, connection=None):
    return RemoteTool.start(files_of(run_folder, connection), run_folder.name, ["sh", "-c", script])


def test_a_tools_streams_come_back_apart_and_nothing_is_left(run_folder):
    work = tool(run_folder, "echo out; echo err >&2; printf '\\377'; exit 3")
    assert ended(work) == 3
    assert work.output() == ("out\n\ufffd", "err\n")
    assert list(run_folder.iterdir()) == []


def test_a_tool_that_an_earlier_attempt_left_is_ended_before_the_next_begins(run_folder):
    earlier = tool(run_folder, "echo earlier; sleep 600")
    assert earlier.poll() is None
    pid = int((run_folder / "native-tool.pid").read_text())
    later = tool(run_folder, "echo later")
    assert ended(later) == 0 and later.output() == ("later\n", "")
    assert not Path(f"/proc/{pid}").exists() or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_tool_that_was_ended_is_gone(run_folder):
    work = tool(run_folder, "sleep 600")
    work.kill()
    assert ended(work) == GONE


def test_more_than_the_limit_of_a_tools_words_is_not_taken(run_folder, monkeypatch):
    monkeypatch.setattr(remote, "OUTPUT_LIMIT_BYTES", 10)
    work = tool(run_folder, "echo this is longer; echo short >&2")
    ended(work)
    output, errors = work.output()
    assert "is larger than 10 bytes and was not copied" in output and errors == "short\n"
