"""Tests of the command's streams and of Ctrl-C with pipes, full disks, closed streams and terminals."""

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aiot_suite.cli import streams
from tests.command import aiot, refused

ROOT = Path(__file__).parents[3]
AIOT = f"{sys.executable} -m aiot"
TABLE = "frameworks list"
FULL = (
    "aiot: Standard output cannot be written (No space left on device): send it to a file on a disk that has space.\n"
)
CLOSED = "aiot: Standard output is closed: send it to a file, or to /dev/null to ignore it.\n"


def shell(line, folder):
    """Run a line in a shell, and return its exit code and standard error."""
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "AIOT_CACHE": str(folder / "cache"), "PYTHONUNBUFFERED": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (f"{AIOT} {TABLE} >/dev/full", 1, FULL),
        (f"{AIOT} --help >/dev/full", 1, FULL),
        (f"PYTHONUNBUFFERED=1 {AIOT} {TABLE} >/dev/full", 1, FULL),
        (f"{AIOT} {TABLE} >&-", 1, CLOSED),
        (f"{AIOT} {TABLE} | true", 141, ""),
        (f"{AIOT} {TABLE} | cat", 0, ""),
        (f"{AIOT} {TABLE} 2>&-", 0, ""),
        (f"{AIOT} process --raw nowhere 2>/dev/full", 1, ""),
        (f"{AIOT} dance 2>/dev/full", 2, ""),
        (f"{AIOT} dance 2>&-", 2, ""),
    ],
)
def test_what_cannot_be_written_is_one_sentence_or_none(line, code, message, tmp_path):
    assert shell(line, tmp_path) == (code, message)


def test_closed_streams_do_not_become_files(tmp_path):
    """A file opened after the streams were closed must not get their file descriptors."""
    (tmp_path / "program.py").write_text(
        "import os, sys\n"
        "from aiot_suite.cli import streams\n"
        "try:\n"
        "    with streams.checked():\n"
        "        pass\n"
        "except streams.OutputError:\n"
        "    with open('data', 'w') as file:\n"
        "        os._exit(file.fileno())\n"
    )
    assert shell(f"{sys.executable} program.py <&- >&- 2>&-", tmp_path)[0] >= 3
    assert (tmp_path / "data").read_text() == ""


def test_messages_and_results_are_on_different_streams(tmp_path):
    done = aiot("simulate", "--devices", "1", "--images", "2", "--raw", tmp_path / "raw", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "raw" / "phone" / "notes").mkdir(parents=True)
    done = aiot("process", "--raw", tmp_path / "raw", cwd=tmp_path)
    assert done.stdout == "process   1 run, 60 instances, 120 images, 1 excluded in data/processed\n"
    assert done.stderr.startswith(f"          excluded {tmp_path / 'raw'}")


def in_terminal(words, columns, **variables):
    """Return what `aiot <words>` shows in a terminal with this number of columns."""
    main, side = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm-256color", **variables}
    process = subprocess.Popen(
        [sys.executable, "-m", "aiot", *words], cwd=ROOT, env=environment, stdin=side, stdout=side, stderr=side
    )
    os.close(side)
    shown = b""
    try:
        while chunk := os.read(main, 65536):
            shown += chunk
    except OSError:  # the other end of the terminal is closed
        pass
    os.close(main)
    assert process.wait(60) == 0
    return shown.decode()


def test_a_narrow_terminal_gets_narrow_lines_without_colours():
    shown = in_terminal(["frameworks", "list"], 40, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*(3|4|9|10)[0-7]", shown), "a colour"
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines()]
    assert max(map(len, lines)) <= 40
    assert [line for line in lines if line.startswith("executorch ")]
    assert "…" not in shown, "nothing is cut off"


@pytest.mark.parametrize(
    "words",
    [
        ["figures", "fig5", "--notebooks", ROOT / "notebooks", "--out"],
        ["models", "train", "--target"],
    ],
)
def test_a_folder_that_cannot_be_made_is_one_sentence(words, tmp_path):
    """A parent folder is a file here, because permissions do not stop tests that run as root."""
    (tmp_path / "file").write_text("")
    attempt = tmp_path / "data" / "raw"
    aiot("simulate", "--devices", "1", "--images", "2", "--raw", attempt, cwd=tmp_path)
    aiot("process", cwd=tmp_path)
    done = aiot(*words, tmp_path / "file" / "x", cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"aiot: {tmp_path / 'file' / 'x'}") and "(Not a directory): make it accessible" in line


@pytest.mark.parametrize("words", [["dataset", "make"], ["models", "prepare", "--models", "mnasnet"]])
def test_a_workspace_that_cannot_be_written_is_one_sentence(words, tmp_path):
    (tmp_path / "data").write_text("a file in place of the folder")
    done = aiot(*words, "--workspace", tmp_path, cwd=tmp_path)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"aiot: {tmp_path / 'data'}") and "(Not a directory): make it accessible" in line


def test_an_error_of_the_system_that_names_no_file_is_a_fault_of_the_program(monkeypatch):
    monkeypatch.setattr("aiot.run", lambda: os.close(10**6))
    done = aiot()
    assert done.returncode == 1 and "Traceback" in done.stderr and "Bad file descriptor" in done.stderr


def test_a_full_disk_is_one_sentence(monkeypatch):
    def write():
        with Path("/dev/full").open("w") as file:
            file.write("x")

    monkeypatch.setattr("aiot.run", write)
    assert refused(aiot()).startswith("aiot: A file cannot be read or written (No space left on device): ")


SLOW = """
import sys, threading, time
from aiot_analysis.ingest import run
import aiot

def make_part(*arguments):
    print("reading", flush=True)
    time.sleep(60)

run.make_part = make_part
sys.argv = ["aiot", "process", "--jobs", "1"]
aiot.main()
"""


def test_a_second_interruption_ends_the_command_at_once(tmp_path):
    """The first interruption waits for the run that is being read, which takes a minute here."""
    aiot("simulate", "--devices", "2", "--images", "2", "--raw", tmp_path / "data" / "raw", cwd=tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    process = subprocess.Popen(
        [sys.executable, "slow.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "reading\n"
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (streams.INTERRUPTED, f"{streams.INTERRUPTED_MESSAGE}\n")


def test_a_message_has_no_characters_that_a_terminal_would_interpret(capsys):
    streams.say("aiot: \33[31mred\u202e 小米\n\tand more")
    assert capsys.readouterr().err == "aiot:  [31mred  小米\n\tand more\n"
