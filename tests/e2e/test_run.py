"""Runs of the suite over a real adb server and real adbd, and what can happen in the middle of an instance.

After each fault, and after going on, the last complete attempt of every instance holds every query exactly once, and
no attempt that had ended was changed.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import data
from runner import rawlog
from runner.execution import ENDED
from tests.runner.conftest import TINY, tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e
IMAGES = 12
SHORT, LONG = 2, 150  # passes through the images: LONG leaves some seconds in which something can happen
ROOT = "local/tmp/aiot"


@pytest.fixture
def space(workspace):  # noqa: F811
    return workspace


def command(space, *words, repeat=SHORT):
    options = ["--frameworks", "tflite,pytorch", "--delegates", "cpu", "--models", "squeezenet,mnasnet"]
    options += ["--quantizations", "float32,int8", "--repeat", str(repeat), "--workspace", str(space.root)]
    return [sys.executable, "-m", "aiot", "run", *words, *options]


def run(space, *words, repeat=SHORT, timeout_s=150):
    return subprocess.run(
        command(space, *words, repeat=repeat), check=False, capture_output=True, text=True, timeout=timeout_s
    )


@contextmanager
def running(space, *words, repeat=LONG):
    """The command at work, ended at the end whatever happens."""
    process = subprocess.Popen(
        command(space, *words, repeat=repeat), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(true, what, timeout_s=60, process=None):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout_s} s"
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def measuring(phone):
    """Whether an agent is in the middle of its images there."""
    return any(log.read_bytes().count(b'"event":"image"') > 20 for log in phone.storage.glob(f"{ROOT}/runs/*/*.jsonl"))


@contextmanager
def in_the_middle(space, phones, *words, repeat=LONG):
    """The command at work, once an agent on each phone is in the middle of its images; and the attempts by then."""
    with running(space, *words, repeat=repeat) as process:
        until(lambda: all(map(measuring, phones)), "measuring", process=process)
        yield process, attempts(space)


def gone_on_with(space, *words):
    """The same command with `--resume`, which comes to its end."""
    again = run(space, *words, "--resume", repeat=LONG)
    assert again.returncode == 0, again.stdout + again.stderr


def attempts(space):
    """SHA-256 of every attempt that has ended, by path."""
    found = {}
    for folder in rawlog.run_folders(space.raw):
        for paths in rawlog.attempt_paths(folder).values():
            for path in paths:
                if rawlog.read_attempt(path).status in rawlog.TERMINAL:
                    found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def check(space, before, devices=1, repeat=LONG):
    """Every instance of every device is whole, and what had ended before is as it was."""
    after = attempts(space)
    assert {path: after[path] for path in before} == before
    folders = rawlog.run_folders(space.raw)
    assert len(folders) == devices
    for folder in folders:
        paths = rawlog.attempt_paths(folder)
        for one in TINY:
            attempt = rawlog.read_attempt(paths[one.id][-1])
            assert attempt.status == "end"
            assert [event["query"] for event in attempt.of("image")] == list(range(repeat * IMAGES))
    return {path.name for path in after}


def finished(process, timeout_s=150):
    said, _ = process.communicate(timeout=timeout_s)
    return process.returncode, said


def test_two_devices_at_once_and_their_logs_go_through_the_tables(space, phones, tmp_path):
    one, two = phones(2, board=True)
    done = run(space, "--all")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"run       (device-[0-9a-f]{8}): 3 instances measured", done.stdout)
    assert check(space, {}, devices=2, repeat=SHORT) >= {f"{TINY[0].id}.1.jsonl"}
    ingest.process(space.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    assert tables.instances["status"].value_counts().to_dict() == {"end": 6, "unavailable": 6}
    assert tables.devices["origin"].tolist() == ["measured", "measured"]
    scores = []
    for folder in rawlog.run_folders(space.raw):
        log = rawlog.read_attempt(rawlog.attempt_path(folder, TINY[0].id, 1))
        scores.append([event["top5"] for event in log.of("image")])
    assert scores[0] == scores[1]

    pushed = {path: path.stat().st_mtime_ns for phone in (one, two) for path in phone.storage.rglob("*.tflite")}
    assert len(pushed) == 4
    again = run(space, "--all", repeat=3)
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in pushed} == pushed, "a second run pushes nothing"

    cleaned = subprocess.run(
        [sys.executable, "-m", "aiot", "clean", "--all", "--workspace", str(space.root)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert cleaned.returncode == 0, cleaned.stderr
    assert not (one.storage / ROOT).exists() and not (two.storage / ROOT).exists()


def test_a_device_that_drops_out_and_comes_back(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        phone.drop()
        time.sleep(3)
        phone.start()
        code, said = finished(process)
    assert code == 0, said
    check(space, before)
    [second] = [path for path in attempts(space) if path.name.endswith(".2.jsonl")]
    first = rawlog.read_attempt(second.with_name(second.name.replace(".2.", ".1.")))
    assert (first.status, len(first.of("image")) > 20) == ("failed", True)
    assert first.last["reason"] == ENDED


@pytest.mark.e2e_all
def test_a_disconnected_device_is_given_up_and_can_be_resumed_later(space, phones):
    one, two = phones(2, board=True)
    with in_the_middle(space, [one, two], "--all", "--patience", "3") as (process, before):
        one.drop()
        code, said = finished(process)
    assert code == 1, said
    assert f"The device {one.serial} does not answer" in said
    assert said.count(": 3 instances measured, 3 unavailable in") == 1, "the other device came to its end"
    one.start()
    subprocess.run([sys.executable, "-m", "aiot", "devices", "--connect", one.serial], check=True, capture_output=True)
    gone_on_with(space, "--all")
    check(space, before, devices=2)


def test_a_host_process_that_is_killed_finds_its_agent_again(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        os.kill(process.pid, signal.SIGKILL)
        finished(process)
    assert measuring(phone), "the agent goes on by itself"
    gone_on_with(space, "-s", phone.serial)
    names = check(space, before)
    assert all(name.endswith(".1.jsonl") for name in names), "nothing had to be repeated"


def test_an_adb_server_that_is_restarted_costs_nothing(space, phones, adb_server):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        adb_server.restart()
        code, said = finished(process)
    assert code == 0, said
    check(space, before)


@pytest.mark.e2e_all
def test_four_devices_at_once(space, phones):
    phones(4, board=True)
    done = run(space, "--all")
    assert done.returncode == 0, done.stderr
    check(space, {}, devices=4, repeat=SHORT)


@pytest.mark.e2e_all
def test_a_device_that_hangs_and_wakes_up(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        phone.freeze()
        time.sleep(25)  # longer than a shell is waited for
        phone.thaw()
        code, said = finished(process)
    assert code == 0, said
    names = check(space, before)
    assert all(name.endswith(".1.jsonl") for name in names), "the agent went on meanwhile"


@pytest.mark.e2e_all
def test_a_device_that_reboots(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        phone.reboot()
        code, said = finished(process)
    assert code == 0, said
    check(space, before)
    [folder] = rawlog.run_folders(space.raw)
    first, second = (boot["boot_id"] for boot in rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["boots"])
    assert None not in (first, second) and first != second


@pytest.mark.e2e_all
def test_a_full_storage_is_said_and_gone_on_with(space, phones):
    (phone,) = phones(1, board=True)
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, before):
        phone.fill_storage()
        code, said = finished(process)
    assert code == 1, said
    assert re.search("no space (is )?left on (the )?device", " ".join(said.split()), re.IGNORECASE), said
    phone.free_storage()
    gone_on_with(space, "-s", phone.serial)
    check(space, before)


@pytest.mark.e2e_all
def test_a_push_that_is_cut_in_the_middle(space, phones, proxied):
    (phone,) = phones(1, board=True)
    proxy = proxied(phone)
    proxy.cut_after(60_000)
    done = run(space, "-s", proxy.serial, "--patience", "30", repeat=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert proxy.cuts == 1
    check(space, {})


@pytest.mark.e2e_all
def test_a_shell_that_tells_no_exit_codes(space, phones, proxied):
    (phone,) = phones(1, board=True)
    proxy = proxied(phone, shell_v2=False)
    done = run(space, "-s", proxy.serial)
    assert done.returncode == 0, done.stdout + done.stderr
    check(space, {}, repeat=SHORT)


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (signal.SIGINT, 130, "aiot: interrupted; completed work is kept."),
        (signal.SIGTERM, 143, "aiot: interrupted by SIGTERM; completed work is kept."),
        (signal.SIGHUP, 129, "aiot: interrupted by SIGHUP; completed work is kept."),
    ],
)
def test_ctrl_c_and_signals_end_the_agent_on_the_device(space, phones, number, code, said, request):
    (phone,) = phones(1, board=True)
    if number == signal.SIGHUP:  # which these tests, and so `aiot`, may have been started to ignore
        previous = signal.signal(signal.SIGHUP, signal.SIG_DFL)
        request.addfinalizer(lambda: signal.signal(signal.SIGHUP, previous))
    with in_the_middle(space, [phone], "-s", phone.serial) as (process, _):
        process.send_signal(number)
        outcome, output = finished(process)
    assert (outcome, output.strip().splitlines()[-1]) == (code, said)
    assert not [one for one in phone.processes() if "runner.agent" in " ".join(one.cmdline())]
    [folder] = rawlog.run_folders(space.raw)
    record = json.loads((folder / "run.json").read_text())
    [cut] = [path for path in attempts(space) if rawlog.read_attempt(path).status == "failed"]
    assert rawlog.read_attempt(cut).last["reason"] == "the run was interrupted"
    assert record["ended"] is None


def test_all_measures_the_usable_devices_and_tells_of_the_others(space, phones, proxied, adb_server):
    _, other = phones(2, board=True)
    shut = proxied(other, authorized=False)
    adb_server.client().disconnect(other.serial)
    done = run(space, "--all")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 instances measured" in done.stdout
    skipped = f"The device {shut.serial} is unauthorized: it is skipped."
    assert skipped in done.stderr.splitlines()
    assert done.stderr.splitlines()[-1].startswith("aiot: Some attached devices were not used (see above)")
    accepted = run(space, "--all", "--resume", "--skip-unusable")
    assert (accepted.returncode, skipped in accepted.stderr.splitlines()) == (0, True), accepted.stderr
    check(space, {}, repeat=SHORT)
