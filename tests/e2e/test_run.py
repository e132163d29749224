"""Runs of the suite on real adbd devices, with faults in the middle of an instance.

After each fault and after a resumed run, the last attempt of every instance has every query exactly once, and attempts
that had ended are unchanged.
"""

import json
import os
import re
import signal
import time

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import data
from runner import rawlog
from runner.execution import ENDED
from tests.e2e.runs import (
    LONG,
    SHORT,
    aiot,
    check_logs,
    ended_attempts,
    failed_attempts,
    is_measuring,
    one_line,
    resume,
    run,
    run_in_progress,
    wait_for_exit,
)
from tests.runner.conftest import TINY

pytestmark = pytest.mark.e2e


def test_two_devices_at_once_and_their_logs_go_through_the_tables(workspace, phones, tmp_path):
    both = phones(2, board=True)
    done = run(workspace, "--all")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"run       (device-[0-9a-f]{8}): 3 instances measured", done.stdout)
    assert check_logs(workspace, {}, devices=2, repeat=SHORT) >= {f"{TINY[0].id}.1.jsonl"}
    ingest.process(workspace.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    assert tables.instances["status"].value_counts().to_dict() == {"end": 6, "unavailable": 6}
    assert tables.devices["origin"].tolist() == ["measured", "measured"]
    scores = []
    for folder in rawlog.run_folders(workspace.raw):
        log = rawlog.read_attempt(rawlog.attempt_path(folder, TINY[0].id, 1))
        scores.append([event["top5"] for event in log.of("image")])
    assert scores[0] == scores[1]

    pushed = {path: path.stat().st_mtime_ns for phone in both for path in phone.storage.rglob("*.tflite")}
    assert len(pushed) == 4
    again = run(workspace, "--all", repeat=3)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in pushed} == pushed, "a second run pushes nothing"

    cleaned = aiot("clean", "--all", "--workspace", str(workspace.root))
    assert cleaned.returncode == 0, cleaned.stderr
    assert not any(phone.aiot_folder.exists() for phone in both)


def test_a_device_that_drops_out_and_comes_back(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        phone.drop()
        time.sleep(3)
        phone.start()
        code, output = wait_for_exit(process)
    assert code == 0, output
    check_logs(workspace, before)
    [second] = [path for path in ended_attempts(workspace) if path.name.endswith(".2.jsonl")]
    first = rawlog.read_attempt(second.with_name(second.name.replace(".2.", ".1.")))
    assert (first.status, len(first.of("image")) > 20) == ("failed", True)
    assert first.last["reason"] == ENDED


@pytest.mark.e2e_all
def test_a_disconnected_device_is_given_up_and_can_be_resumed_later(workspace, phones):
    lost, other = phones(2, board=True)
    with run_in_progress(workspace, [lost, other], "--all", "--patience", "3") as (process, before):
        lost.drop()
        code, output = wait_for_exit(process)
    assert code == 1, output
    assert f"The device {lost.serial} does not answer" in output
    assert output.count(": 3 instances measured, 3 unavailable in") == 1, "the other device was measured completely"
    lost.start()
    connected = aiot("devices", "--connect", lost.serial)
    assert connected.returncode == 0, connected.stderr
    resume(workspace, "--all")
    check_logs(workspace, before, devices=2)


def test_a_host_process_that_is_killed_finds_its_agent_again(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        os.kill(process.pid, signal.SIGKILL)
        wait_for_exit(process)
    assert is_measuring(phone), "the agent continues without its host process"
    resume(workspace, "-s", phone.serial)
    names = check_logs(workspace, before)
    assert all(name.endswith(".1.jsonl") for name in names), "nothing had to be repeated"


def test_an_adb_server_that_is_restarted_costs_nothing(workspace, phones, adb_server):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        adb_server.restart()
        code, output = wait_for_exit(process)
    assert code == 0, output
    check_logs(workspace, before)


@pytest.mark.e2e_all
def test_four_devices_at_once(workspace, phones):
    phones(4, board=True)
    done = run(workspace, "--all")
    assert done.returncode == 0, done.stderr
    check_logs(workspace, {}, devices=4, repeat=SHORT)


@pytest.mark.e2e_all
def test_a_device_that_hangs_and_wakes_up(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        phone.freeze()
        time.sleep(25)  # longer than the time limit of a shell
        phone.thaw()
        code, output = wait_for_exit(process)
    assert code == 0, output
    names = check_logs(workspace, before)
    assert all(name.endswith(".1.jsonl") for name in names), "the agent continued meanwhile"


@pytest.mark.e2e_all
def test_a_device_that_reboots(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        phone.reboot()
        code, output = wait_for_exit(process)
    assert code == 0, output
    check_logs(workspace, before)
    [folder] = rawlog.run_folders(workspace.raw)
    first, second = (boot["boot_id"] for boot in rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["boots"])
    assert None not in (first, second) and first != second


@pytest.mark.e2e_all
def test_a_full_storage_is_said_and_gone_on_with(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        phone.fill_storage()
        code, output = wait_for_exit(process)
    assert code == 1, output
    assert re.search("no space (is )?left on (the )?device", one_line(output), re.IGNORECASE), output
    phone.free_storage()
    resume(workspace, "-s", phone.serial)
    check_logs(workspace, before)


@pytest.mark.e2e_all
def test_a_push_that_is_cut_in_the_middle(workspace, phones, proxied):
    (phone,) = phones(1, board=True)
    proxy = proxied(phone)
    proxy.cut_after(60_000)
    done = run(workspace, "-s", proxy.serial, "--patience", "30", repeat=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.cuts == 1
    check_logs(workspace, {})


@pytest.mark.e2e_all
def test_a_shell_that_tells_no_exit_codes(workspace, phones, proxied):
    (phone,) = phones(1, board=True)
    proxy = proxied(phone, shell_v2=False)
    done = run(workspace, "-s", proxy.serial)
    assert done.returncode == 0, done.stdout + done.stderr
    check_logs(workspace, {}, repeat=SHORT)


@pytest.mark.parametrize(
    ("number", "expected_code", "message"),
    [
        (signal.SIGINT, 130, "aiot: interrupted; completed work is kept."),
        (signal.SIGTERM, 143, "aiot: interrupted by SIGTERM; completed work is kept."),
        (signal.SIGHUP, 129, "aiot: interrupted by SIGHUP; completed work is kept."),
    ],
)
def test_ctrl_c_and_signals_end_the_agent_on_the_device(workspace, phones, number, expected_code, message, request):
    (phone,) = phones(1, board=True)
    if number == signal.SIGHUP:  # `aiot` inherits that it is ignored if these tests run in the background
        previous = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        request.addfinalizer(lambda: signal.signal(signal.SIGHUP, previous))
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, _):
        process.send_signal(number)
        code, output = wait_for_exit(process)
    assert (code, output.strip().splitlines()[-1]) == (expected_code, message)
    assert not phone.processes_with("runner.agent")
    [folder] = rawlog.run_folders(workspace.raw)
    record = json.loads((folder / "run.json").read_text())
    [interrupted] = failed_attempts(workspace)
    assert rawlog.read_attempt(interrupted).last["reason"] == "the run was interrupted"
    assert record["ended"] is None


def test_all_measures_the_usable_devices_and_tells_of_the_others(workspace, phones, proxied, adb_server):
    _, other = phones(2, board=True)
    unauthorized = proxied(other, authorized=False)
    adb_server.client().disconnect(other.serial)
    done = run(workspace, "--all")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 instances measured" in done.stdout
    skipped = f"The device {unauthorized.serial} is unauthorized: it is skipped."
    assert skipped in done.stderr.splitlines()
    assert done.stderr.splitlines()[-1].startswith("aiot: Some attached devices were not used (see above)")
    accepted = run(workspace, "--all", "--resume", "--skip-unusable")
    assert (accepted.returncode, skipped in accepted.stderr.splitlines()) == (0, True), accepted.stderr
    check_logs(workspace, {}, repeat=SHORT)
