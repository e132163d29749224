"""A device that several runs want, and one whose folder is deleted under a run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.devices.reservation import NOTE
from tests.e2e.test_run import (
    LONG,
    ROOT,
    attempts,
    check,
    finished,
    gone_on_with,
    in_the_middle,
    run,
    running,
)
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e
STRANGER = "20260101T000000.000Z-cccccc"


@pytest.fixture
def space(workspace):  # noqa: F811
    return workspace


@pytest.fixture
def other(space, tmp_path):
    """A second workspace with the same models and pictures."""
    copy = Workspace(tmp_path / "other")
    for name in ("models", "datasets"):
        shutil.copytree(getattr(space, name), getattr(copy, name))
    return copy


def clean(space, phone, *words):
    command = [sys.executable, "-m", "aiot", "clean", "-s", phone.serial, *words, "--workspace", str(space.root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def agents(phone):
    """The agents at work there, without the shells around them, and without what starts these."""
    commands = []
    for process in phone.processes():
        with suppress(psutil.Error):  # it has ended meanwhile
            commands.append(process.cmdline())
    return [" ".join(words) for words in commands if "runner.agent" in words and "-c" not in words]


def killed(process):
    os.kill(process.pid, signal.SIGKILL)
    finished(process)


@pytest.mark.parametrize("way", ["deleted", pytest.param("cleaned", marks=pytest.mark.e2e_all)])
def test_a_folder_that_is_deleted_costs_one_attempt(space, other, phones, way):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        if way == "deleted":
            shutil.rmtree(phone.storage / ROOT)
        else:
            code, said = clean(other, phone)
            assert (
                code == 1 and f"is in use by run {rawlog.run_folders(space.raw)[0].name} (process {process.pid}" in said
            )
            assert clean(other, phone, "--force")[0] == 0
        code, said = finished(process)
    if way == "deleted":
        assert code == 0, said
    else:  # by then somebody else has the device
        gone_on_with(space, "-s", phone.serial)
    check(space, before)
    [failed] = [path for path in attempts(space) if rawlog.read_attempt(path).status == "failed"]
    reason = rawlog.read_attempt(failed).last["reason"]
    assert "/data/local/tmp/aiot on the device was deleted during the run" in reason or way == "cleaned"
    assert agents(phone) == []
    code, said = clean(space, phone)
    assert code == 0 and f"clean {phone.serial}: removed /data/local/tmp/aiot" in said


def test_a_refused_run_leaves_nothing_and_the_first_one_is_resumed(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        second = run(space, "-s", phone.serial)
        [folder] = rawlog.run_folders(space.raw)
        assert second.returncode == 1
        assert f"is in use by run {folder.name} (process {process.pid}" in " ".join(second.stderr.split())
        killed(process)
    gone_on_with(space, "-s", phone.serial)
    assert all(name.endswith(".1.jsonl") for name in check(space, before))


def test_an_orphaned_agent_is_collected_before_another_run_starts(space, phones):
    (phone,) = phones(1, board=True)
    repeat = 5 * LONG  # the agent must outlast two commands
    with in_the_middle(space, [phone], "-s", phone.serial, repeat=repeat) as (process, _):
        killed(process)
    [first] = rawlog.run_folders(space.raw)
    refused = run(space, "-s", phone.serial)
    said = " ".join(refused.stderr.split())
    assert refused.returncode == 1 and f"of run {first.name}, which nothing waits for: continue that run with" in said
    with running(space, "-s", phone.serial, "--if-busy", "collect", repeat=2) as process:
        most = 0
        while process.poll() is None:
            most = max(most, len(agents(phone)))
            time.sleep(0.02)
        code, said = finished(process)
    assert (code, most) == (0, 1), said
    assert len(rawlog.run_folders(space.raw)) == 2
    [log] = [path for path in attempts(space) if path.parent == first and rawlog.read_attempt(path).status == "end"]
    assert len(rawlog.read_attempt(log).of("image")) == repeat * 12


def test_two_workspaces_take_turns_or_the_second_one_ends_the_first(space, other, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        refused = run(other, "-s", phone.serial)
        assert refused.returncode == 1 and rawlog.run_folders(other.raw) == []
        ending = run(other, "-s", phone.serial, "--if-busy", "end")
        assert ending.returncode == 0, ending.stderr
        code, said = finished(process)
    assert code == 1 and "was taken over by run" in " ".join(said.split()), said
    check(other, {}, repeat=2)
    gone_on_with(space, "-s", phone.serial)
    check(space, before)


@pytest.mark.e2e_all
def test_a_run_waits_for_another_workspace(space, other, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        waiting = run(other, "-s", phone.serial, "--if-busy", "wait")
        assert waiting.returncode == 0, waiting.stderr
        assert process.poll() is not None
        assert finished(process)[0] == 0
    check(space, before)
    check(other, {}, repeat=2)


def test_another_host_is_believed_for_as_long_as_it_gives_signs_of_life(space, phones):
    (phone,) = phones(1, board=True)
    assert run(space, "-s", phone.serial).returncode == 0
    note = {"run": "of-a-colleague", "host": "other-host", "system": "0" * 16, "process": 7, "began": 1.0}
    (phone.storage / ROOT / NOTE).write_text(json.dumps(note))
    uptime_s = int(float(Path("/proc/uptime").read_text().split()[0]))
    beat = phone.storage / ROOT / f"{NOTE}.beat"
    beat.write_text(f"{uptime_s}\n")
    refused = run(space, "-s", phone.serial)
    assert refused.returncode == 1
    assert "is in use by run of-a-colleague (process 7 on other-host)" in " ".join(refused.stderr.split())
    beat.write_text(f"{max(uptime_s - 600, 0)}\n")
    assert run(space, "-s", phone.serial).returncode == 0
    assert not beat.exists() and not beat.with_name(NOTE).exists()


def test_a_measurement_that_does_not_respect_the_reservation_is_a_doubt(space, phones):
    """As of an earlier version, which leaves no note and looks for none."""
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, _):
        pid = next(one.pid for one in phone.processes() if "runner.agent" in " ".join(one.cmdline()))
        words = ["sh", "-c", "while :; do sleep 1; done", f"/x/runs/{STRANGER}/tflite_cpu_int8_mnasnet.1.pid"]
        enter = ["nsenter", f"--target={pid}", "--mount", "--pid", "--root", "--wdns=/"]
        stranger = subprocess.Popen([*enter, *words])
        code, said = finished(process)
    assert code == 0, said
    [folder] = rawlog.run_folders(space.raw)
    samples, _ = rawlog.read_telemetry(folder / "telemetry.jsonl")
    assert [sample["others"] for sample in (samples[0], samples[-1])] == ["none", "seen"]
    for words, remedy in (
        ([], "that run is not in this workspace, so use --if-busy wait or --if-busy end"),
        (["--if-busy", "collect"], "it cannot be fetched into this workspace"),
        (["--if-busy", "end"], "it cannot be ended from here"),  # it is another user's
    ):
        refused = run(space, "-s", phone.serial, *words)
        assert (refused.returncode, rawlog.run_folders(space.raw)) == (1, [folder])
        assert f"of run {STRANGER}, which nothing waits for: {remedy}" in " ".join(refused.stderr.split())
    stranger.kill()
    stranger.wait()
