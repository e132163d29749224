"""Runs of the suite on boards over a real sshd, with faults in the middle of an instance."""

import json
import os
import re
import signal
import subprocess
import time

import pytest

from runner import rawlog
from runner.execution import ENDED
from tests.e2e.runs import (
    aiot,
    check_logs,
    ended_attempts,
    is_measuring,
    one_line,
    resume,
    run_in_progress,
    wait_for_exit,
    wait_until,
)

pytestmark = pytest.mark.e2e


def choice(*boards):
    """Return the options that choose these boards."""
    return [word for board in boards for word in ("--ssh", board.serial)]


def run_on(workspace, boards, *words):
    return run_in_progress(workspace, boards, *choice(*boards), *words)


def ssh_processes():
    """Return the command lines of all processes of ssh that were started by `aiot`."""
    command_lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in command_lines.splitlines() if "aiot-ssh-" in line and not line.startswith("ps ")]


def test_two_boards_at_once_and_one_is_killed_and_resumed(workspace, boards):
    lost, other = boards(2)
    with run_on(workspace, [lost, other], "--patience", "3") as (process, before):
        lost.drop()
        code, output = wait_for_exit(process)
    assert code == 1, output
    assert f"The device {lost.serial} does not answer" in output
    assert output.count(": 3 instances measured, 3 unavailable in") == 1, "the other board was measured completely"
    lost.start()
    resume(workspace, *choice(lost, other))
    check_logs(workspace, before, devices=2)
    cleaned = aiot("clean", *choice(lost, other), "--workspace", str(workspace.root))
    assert cleaned.returncode == 0, cleaned.stderr
    assert not lost.aiot_folder.exists() and not other.aiot_folder.exists()
    assert [process for process in lost.processes()[1:] if process.name() != "cat"] == []


def test_a_connection_that_is_cut_costs_nothing(workspace, boards):
    (board,) = boards()
    with run_on(workspace, [board]) as (process, before):
        agents = {process.pid for process in board.processes_with("-m runner.agent")}
        board.cut()
        after = {process.pid for process in board.processes_with("-m runner.agent")}
        assert after == agents, "the agent outlives the connection"
        code, output = wait_for_exit(process)
    assert code == 0, output
    names = check_logs(workspace, before)
    assert all(name.endswith(".1.jsonl") for name in names), "nothing had to be repeated"


def test_a_host_process_that_is_killed_finds_its_agent_again(workspace, boards):
    (board,) = boards()
    with run_on(workspace, [board]) as (process, before):
        os.kill(process.pid, signal.SIGKILL)
        wait_for_exit(process)
    assert is_measuring(board), "the agent continues without its host process"
    wait_until(lambda: not ssh_processes(), "the end of the connection", timeout_s=10)
    resume(workspace, *choice(board))
    names = check_logs(workspace, before)
    assert all(name.endswith(".1.jsonl") for name in names), "nothing had to be repeated"


@pytest.mark.e2e_all
def test_a_board_that_reboots(workspace, boards):
    (board,) = boards()
    with run_on(workspace, [board]) as (process, before):
        board.reboot()
        code, output = wait_for_exit(process)
    assert code == 0, output
    check_logs(workspace, before)
    [folder] = rawlog.run_folders(workspace.raw)
    first, second = (boot["boot_id"] for boot in rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["boots"])
    assert None not in (first, second) and first != second
    [repeated] = [path for path in ended_attempts(workspace) if path.name.endswith(".2.jsonl")]
    first_attempt = rawlog.read_attempt(repeated.with_name(repeated.name.replace(".2.", ".1.")))
    assert (first_attempt.status, first_attempt.last["reason"]) == ("failed", ENDED)


@pytest.mark.e2e_all
def test_a_board_that_hangs_and_wakes_up(workspace, boards):
    (board,) = boards()
    with run_on(workspace, [board]) as (process, before):
        board.freeze()
        time.sleep(25)  # longer than the time limit of a connection
        board.thaw()
        code, output = wait_for_exit(process)
    assert code == 0, output
    names = check_logs(workspace, before)
    assert all(name.endswith(".1.jsonl") for name in names), "the agent continued meanwhile"


@pytest.mark.e2e_all
def test_a_full_home_is_said_and_gone_on_with(workspace, boards):
    (board,) = boards()
    with run_on(workspace, [board]) as (process, before):
        board.fill_storage()
        code, output = wait_for_exit(process)
    assert code == 1, output
    assert re.search("no space (is )?left on (the )?device", one_line(output), re.IGNORECASE), output
    board.free_storage()
    resume(workspace, *choice(board))
    check_logs(workspace, before)


def test_ctrl_c_ends_the_agent_on_the_board_and_the_connection(workspace, boards):
    (board,) = boards()
    with run_on(workspace, [board]) as (process, _):
        process.send_signal(signal.SIGINT)
        code, output = wait_for_exit(process)
    assert (code, output.strip().splitlines()[-1]) == (130, "aiot: interrupted; completed work is kept.")
    assert board.processes_with("-m runner.agent") == []
    assert ssh_processes() == []


def test_devices_and_doctor_show_a_board_without_adb(workspace, boards, monkeypatch):
    (board,) = boards()
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", "1")  # a port without an adb server, on which none can be started
    in_workspace = ("--workspace", str(workspace.root))
    listed = aiot("devices", *choice(board), "--json", *in_workspace)
    assert listed.returncode == 0, listed.stderr
    [row] = json.loads(listed.stdout)
    assert (row["serial"], row["state"], row["abi"]) == (board.serial, "device", os.uname().machine)
    checked = aiot("doctor", *choice(board), "--json", *in_workspace)
    assert checked.returncode == 0, checked.stderr
    levels = {finding["check"]: finding["level"] for finding in json.loads(checked.stdout)[board.serial]}
    assert (levels["connection"], levels["framework tflite"]) == ("ok", "ok")
    board.drop()
    checked = aiot("doctor", *choice(board), *in_workspace)
    assert checked.returncode == 1
    assert f"problem  connection: The device {board.serial} does not answer (ssh: connect to host" in checked.stdout
    listed = aiot("devices", *choice(board), *in_workspace)
    assert (listed.returncode, "no answer" in listed.stdout) == (0, True)
    assert listed.stderr.startswith(f"The device {board.serial} does not answer (ssh: connect to host")
