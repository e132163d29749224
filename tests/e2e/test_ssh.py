"""Runs of the suite on boards over a real sshd, and what can happen in the middle of an instance."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from runner import rawlog
from runner.execution import ENDED
from tests.e2e.test_run import attempts, check, finished, gone_on_with, running, until
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e
SHORT, LONG = 2, 150  # passes through the images, as in test_run


@pytest.fixture
def space(workspace):  # noqa: F811
    return workspace


def named(*boards):
    """The words that choose these boards."""
    return [word for board in boards for word in ("--ssh", board.serial)]


def aiot(*words):
    return subprocess.run(
        [sys.executable, "-m", "aiot", *words], check=False, capture_output=True, text=True, timeout=100
    )


def measuring(board):
    """Whether an agent is in the middle of its images there."""
    logs = board.aiot_folder.glob("runs/*/*.jsonl")
    return any(log.read_bytes().count(b'"event":"image"') > 20 for log in logs)


@contextmanager
def in_the_middle(space, boards, *words):
    """The command at work, once an agent on each board is in the middle of its images; and the attempts by then."""
    with running(space, *named(*boards), *words, repeat=LONG) as process:
        until(lambda: all(map(measuring, boards)), "measuring", process=process)
        yield process, attempts(space)


def ssh_processes():
    """The connections of this user's ssh that any `aiot` has made."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "aiot-ssh-" in line and not line.startswith("ps ")]


def test_two_boards_at_once_and_one_is_killed_and_resumed(space, boards):
    one, two = boards(2)
    with in_the_middle(space, [one, two], "--patience", "3") as (process, before):
        one.drop()
        code, said = finished(process)
    assert code == 1, said
    assert f"The device {one.serial} does not answer" in said
    assert said.count(": 3 instances measured, 3 unavailable in") == 1, "the other board came to its end"
    one.start()
    gone_on_with(space, *named(one, two))
    check(space, before, devices=2)
    cleaned = aiot("clean", *named(one, two), "--workspace", str(space.root))
    assert cleaned.returncode == 0, cleaned.stderr
    assert not one.aiot_folder.exists() and not two.aiot_folder.exists()
    assert [process for process in one.processes()[1:] if process.name() != "cat"] == []


def test_a_connection_that_is_cut_costs_nothing(space, boards):
    (board,) = boards()
    with in_the_middle(space, [board]) as (process, before):
        agents = {agent.pid for agent in board.agents()}
        board.cut()
        assert {agent.pid for agent in board.agents()} == agents, "the agent outlives the connection"
        code, said = finished(process)
    assert code == 0, said
    names = check(space, before)
    assert all(name.endswith(".1.jsonl") for name in names), "nothing had to be repeated"


def test_a_host_process_that_is_killed_finds_its_agent_again(space, boards):
    (board,) = boards()
    with in_the_middle(space, [board]) as (process, before):
        os.kill(process.pid, signal.SIGKILL)
        finished(process)
    assert measuring(board), "the agent goes on by itself"
    until(lambda: not ssh_processes(), "the end of the connection", timeout_s=10)
    gone_on_with(space, *named(board))
    names = check(space, before)
    assert all(name.endswith(".1.jsonl") for name in names), "nothing had to be repeated"


@pytest.mark.e2e_all
def test_a_board_that_reboots(space, boards):
    (board,) = boards()
    with in_the_middle(space, [board]) as (process, before):
        board.reboot()
        code, said = finished(process)
    assert code == 0, said
    check(space, before)
    [folder] = rawlog.run_folders(space.raw)
    first, second = (boot["boot_id"] for boot in rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["boots"])
    assert None not in (first, second) and first != second
    [repeated] = [path for path in attempts(space) if path.name.endswith(".2.jsonl")]
    first_attempt = rawlog.read_attempt(repeated.with_name(repeated.name.replace(".2.", ".1.")))
    assert (first_attempt.status, first_attempt.last["reason"]) == ("failed", ENDED)


@pytest.mark.e2e_all
def test_a_board_that_hangs_and_wakes_up(space, boards):
    (board,) = boards()
    with in_the_middle(space, [board]) as (process, before):
        board.freeze()
        time.sleep(25)  # longer than a connection is waited for
        board.thaw()
        code, said = finished(process)
    assert code == 0, said
    names = check(space, before)
    assert all(name.endswith(".1.jsonl") for name in names), "the agent went on meanwhile"


@pytest.mark.e2e_all
def test_a_full_home_is_said_and_gone_on_with(space, boards):
    (board,) = boards()
    with in_the_middle(space, [board]) as (process, before):
        board.fill_storage()
        code, said = finished(process)
    assert code == 1, said
    assert re.search("no space (is )?left on (the )?device", " ".join(said.split()), re.IGNORECASE), said
    board.free_storage()
    gone_on_with(space, *named(board))
    check(space, before)


def test_ctrl_c_ends_the_agent_on_the_board_and_the_connection(space, boards):
    (board,) = boards()
    with in_the_middle(space, [board]) as (process, _):
        process.send_signal(signal.SIGINT)
        code, said = finished(process)
    assert (code, said.strip().splitlines()[-1]) == (130, "aiot: interrupted; completed work is kept.")
    assert board.agents() == []
    assert ssh_processes() == []


def test_devices_and_doctor_show_a_board_without_adb(space, boards, monkeypatch):
    (board,) = boards()
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")  # where nothing listens, and no server could be started
    place = ("--workspace", str(space.root))
    listed = aiot("devices", *named(board), "--json", *place)
    assert listed.returncode == 0, listed.stderr
    [row] = json.loads(listed.stdout)
    assert (row["serial"], row["state"], row["abi"]) == (board.serial, "device", os.uname().machine)
    examined = aiot("doctor", *named(board), "--json", *place)
    assert examined.returncode == 0, examined.stderr
    levels = {finding["check"]: finding["level"] for finding in json.loads(examined.stdout)[board.serial]}
    assert (levels["connection"], levels["framework tflite"]) == ("ok", "ok")
    board.drop()
    examined = aiot("doctor", *named(board), *place)
    assert examined.returncode == 1
    assert f"problem  connection: The device {board.serial} does not answer (ssh: connect to host" in examined.stdout
    listed = aiot("devices", *named(board), *place)
    assert (listed.returncode, "no answer" in listed.stdout) == (0, True)
    assert listed.stderr.startswith(f"The device {board.serial} does not answer (ssh: connect to host")
