"""A device that several runs request, and one whose folder is deleted during a run."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.devices.reservation import NOTE
from tests.e2e.runs import (
    IMAGES,
    LONG,
    aiot,
    background,
    check_logs,
    ended_attempts,
    failed_attempts,
    one_line,
    resume,
    run,
    run_in_progress,
    suite_words,
    wait_for_exit,
)

pytestmark = pytest.mark.e2e
UNKNOWN_RUN = "20260101T000000.000Z-cccccc"


@pytest.fixture
def other(workspace, tmp_path):
    """Return a second workspace with the same models and images."""
    copy = Workspace(tmp_path / "other")
    for name in ("models", "datasets"):
        shutil.copytree(getattr(workspace, name), getattr(copy, name))
    return copy


def clean(workspace, phone, *words):
    """Run `aiot clean`, and return its exit code and its output as one line."""
    done = aiot("clean", "-s", phone.serial, *words, "--workspace", str(workspace.root))
    return done.returncode, one_line(done.stdout + done.stderr)


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    wait_for_exit(process)


@pytest.mark.parametrize("way", ["deleted", pytest.param("cleaned", marks=pytest.mark.e2e_all)])
def test_a_folder_that_is_deleted_costs_one_attempt(workspace, other, phones, way):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        if way == "deleted":
            shutil.rmtree(phone.aiot_folder)
        else:
            code, output = clean(other, phone)
            [folder] = rawlog.run_folders(workspace.raw)
            assert code == 1 and f"is in use by run {folder.name} (process {process.pid}" in output
            assert clean(other, phone, "--force")[0] == 0
        code, output = wait_for_exit(process)
    if way == "deleted":
        assert code == 0, output
    else:  # the run no longer has the device
        resume(workspace, "-s", phone.serial)
    check_logs(workspace, before)
    [failed] = failed_attempts(workspace)
    reason = rawlog.read_attempt(failed).last["reason"]
    assert "/data/local/tmp/aiot on the device was deleted during the run" in reason or way == "cleaned"
    assert phone.agents() == []
    code, output = clean(workspace, phone)
    assert code == 0 and f"clean {phone.serial}: removed /data/local/tmp/aiot" in output


def test_a_refused_run_leaves_nothing_and_the_first_one_is_resumed(workspace, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        second = run(workspace, "-s", phone.serial)
        [folder] = rawlog.run_folders(workspace.raw)
        assert second.returncode == 1
        assert f"is in use by run {folder.name} (process {process.pid}" in one_line(second.stderr)
        kill(process)
    resume(workspace, "-s", phone.serial)
    assert all(name.endswith(".1.jsonl") for name in check_logs(workspace, before))


def test_an_orphaned_agent_is_collected_before_another_run_starts(workspace, phones):
    (phone,) = phones(1, board=True)
    repeat = 5 * LONG  # the agent must outlast two commands
    with run_in_progress(workspace, [phone], "-s", phone.serial, repeat=repeat) as (process, _):
        kill(process)
    [first] = rawlog.run_folders(workspace.raw)
    refused = run(workspace, "-s", phone.serial)
    message = f"of run {first.name}, which nothing waits for: continue that run with"
    assert refused.returncode == 1 and message in one_line(refused.stderr)
    with background(*suite_words(workspace, "-s", phone.serial, "--if-busy", "collect", repeat=2)) as process:
        most_agents = 0
        while process.poll() is None:
            most_agents = max(most_agents, len(phone.agents()))
            time.sleep(0.02)
        code, output = wait_for_exit(process)
    assert (code, most_agents) == (0, 1), output
    assert len(rawlog.run_folders(workspace.raw)) == 2
    [log] = [
        path for path in ended_attempts(workspace) if path.parent == first and rawlog.read_attempt(path).status == "end"
    ]
    assert len(rawlog.read_attempt(log).of("image")) == repeat * IMAGES


def test_two_workspaces_take_turns_or_the_second_one_ends_the_first(workspace, other, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        refused = run(other, "-s", phone.serial)
        assert refused.returncode == 1 and rawlog.run_folders(other.raw) == []
        ending = run(other, "-s", phone.serial, "--if-busy", "end")
        assert ending.returncode == 0, ending.stderr
        code, output = wait_for_exit(process)
    assert code == 1 and "was taken over by run" in one_line(output), output
    check_logs(other, {}, repeat=2)
    resume(workspace, "-s", phone.serial)
    check_logs(workspace, before)


@pytest.mark.e2e_all
def test_a_run_waits_for_another_workspace(workspace, other, phones):
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, before):
        waiting = run(other, "-s", phone.serial, "--if-busy", "wait")
        assert waiting.returncode == 0, waiting.stderr
        assert process.poll() is not None
        assert wait_for_exit(process)[0] == 0
    check_logs(workspace, before)
    check_logs(other, {}, repeat=2)


def test_another_host_is_believed_for_as_long_as_it_gives_signs_of_life(workspace, phones):
    (phone,) = phones(1, board=True)
    assert run(workspace, "-s", phone.serial).returncode == 0
    note = {"run": "of-a-colleague", "host": "other-host", "system": "0" * 16, "process": 7, "began": 1.0}
    (phone.aiot_folder / NOTE).write_text(json.dumps(note))
    uptime_s = int(float(Path("/proc/uptime").read_text().split()[0]))
    beat = phone.aiot_folder / f"{NOTE}.beat"
    beat.write_text(f"{uptime_s}\n")
    refused = run(workspace, "-s", phone.serial)
    assert refused.returncode == 1
    assert "is in use by run of-a-colleague (process 7 on other-host)" in one_line(refused.stderr)
    beat.write_text(f"{max(uptime_s - 600, 0)}\n")
    assert run(workspace, "-s", phone.serial).returncode == 0
    assert not beat.exists() and not beat.with_name(NOTE).exists()


def test_a_measurement_that_does_not_respect_the_reservation_is_a_doubt(workspace, phones):
    """Telemetry records a measurement by a version without reservations, and other runs are refused during it."""
    (phone,) = phones(1, board=True)
    with run_in_progress(workspace, [phone], "-s", phone.serial) as (process, _):
        pid = phone.processes_with("runner.agent")[0].pid
        words = ["sh", "-c", "while :; do sleep 1; done", f"/x/runs/{UNKNOWN_RUN}/tflite_cpu_int8_mnasnet.1.pid"]
        enter = ["nsenter", f"--target={pid}", "--mount", "--pid", "--root", "--wdns=/"]
        stranger = subprocess.Popen([*enter, *words])
        code, output = wait_for_exit(process)
    assert code == 0, output
    [folder] = rawlog.run_folders(workspace.raw)
    samples, _ = rawlog.read_telemetry(folder / "telemetry.jsonl")
    assert [sample["others"] for sample in (samples[0], samples[-1])] == ["none", "seen"]
    for words, remedy in (
        ([], "that run is not in this workspace, so use --if-busy wait or --if-busy end"),
        (["--if-busy", "collect"], "it cannot be fetched into this workspace"),
        (["--if-busy", "end"], "it cannot be ended from here"),  # it belongs to another user
    ):
        refused = run(workspace, "-s", phone.serial, *words)
        assert (refused.returncode, rawlog.run_folders(workspace.raw)) == (1, [folder])
        assert f"of run {UNKNOWN_RUN}, which nothing waits for: {remedy}" in one_line(refused.stderr)
    stranger.kill()
    stranger.wait()
