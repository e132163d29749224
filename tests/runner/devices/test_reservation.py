"""Tests of the owner's note on a device through a real `sh`, and of what counts as using the device."""

import json
import subprocess
import sys
import threading
from dataclasses import asdict, replace

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.devices import Rival
from runner.devices.remote import DeviceFiles
from runner.devices.reservation import (
    LEASE_S,
    NOTE,
    SCAN,
    SCAN_END,
    Measurement,
    Occupancy,
    Owner,
    in_use,
    measurements,
    others_seen,
)
from runner.errors import DeviceError, FolderLostError
from tests.runner.devices.stand_in import ShellConnection

OURS, THEIRS = "20261130T080000.000Z-aaaaaa", "20261130T080000.001Z-bbbbbb"
NAME = "tflite_cpu_int8_mnasnet.1"
ELSEWHERE = Owner(THEIRS, "other-host", "0" * 16, 1234, 1.5)
SELF = "@aiot-process /proc/9/cmdline\nsh\0-c\0: /runs/00000000T000000.000Z-000000/scan.pid\n"


@pytest.fixture(params=["device", "it's `a` $(b); c"])
def files(request, tmp_path):
    device_files = DeviceFiles(ShellConnection(), str(tmp_path / request.param))
    device_files.make([])
    return device_files


def occupancy(owner=None, silent_s=None, processes=()):
    return Occupancy(owner.text() if owner else "", owner, silent_s, list(processes))


def test_a_note_is_written_once_and_removed_only_by_its_owner(files):
    reservation = files.reservation
    before = reservation.look()
    assert (before.note, before.owner) == ("", None)
    assert reservation.take(before, OURS)
    now = reservation.look()
    assert now.owner == Owner.of_this_process(OURS) and now.silent_s < LEASE_S
    assert now.rivals(OURS) == []
    other = DeviceFiles(ShellConnection(), files.folder).reservation
    assert not other.take(before, THEIRS), "a note has appeared since"
    other.owner = ELSEWHERE
    other.release()
    assert reservation.look() == replace(now, silent_s=reservation.look().silent_s)
    reservation.release()
    assert reservation.look().note == ""


def test_of_many_that_take_a_device_at_once_one_gets_it(files):
    before = files.reservation.look()
    reservations = [DeviceFiles(ShellConnection(), files.folder).reservation for _ in range(6)]
    results = []
    threads = [
        threading.Thread(
            target=lambda reservation=reservation, number=number: results.append(
                reservation.take(before, f"{OURS[:-1]}{number}")
            )
        )
        for number, reservation in enumerate(reservations)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 5 + [True]


def test_a_note_that_is_none_is_replaced(files, tmp_path):
    note = next(path for path in tmp_path.iterdir()) / NOTE
    for content in (b"", b"\xff\xfe {\0", b"[]", b'{"run": 1}', b"{" * 5000, json.dumps({"x": 1}).encode()):
        note.write_bytes(content)
        before = files.reservation.look()
        assert before.owner is None and before.rivals(OURS) == []
        assert files.reservation.take(before, OURS)
        assert json.loads(note.read_text()) == asdict(Owner.of_this_process(OURS))
        note.unlink()


def test_without_our_note_nothing_is_made(files, tmp_path):
    [folder] = tmp_path.iterdir()
    assert files.reservation.take(files.reservation.look(), OURS)
    files.make([])
    (folder / NOTE).write_text(ELSEWHERE.text())
    with pytest.raises(DeviceError, match=rf"was taken over by run {THEIRS} \(process 1234 on other-host\)"):
        files.make([f"{files.folder}/runs"])
    (folder / NOTE).unlink()
    with pytest.raises(FolderLostError):
        files.make([f"{files.folder}/runs"])
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "owner, silent_s, in_use",
    [
        (ELSEWHERE, 0.0, True),
        (ELSEWHERE, LEASE_S, True),
        (ELSEWHERE, LEASE_S + 1, False),
        (ELSEWHERE, None, False),  # the device has been restarted since
        (Owner.of_this_process(THEIRS), 0.0, False),  # left by this process, which runs commands one after the other
        (replace(Owner.of_this_process(THEIRS), process=2**22 + 5), 0.0, False),  # the process has ended
        (replace(Owner.of_this_process(THEIRS), began=1.0), 0.0, False),  # its number was assigned to another process
    ],
)
def test_an_owner_counts_while_its_process_runs_or_gives_signs_of_life(owner, silent_s, in_use):
    rivals = occupancy(owner, silent_s).rivals(OURS)
    assert rivals == ([Rival(THEIRS, None, owner.process, owner.host)] if in_use else [])


def test_another_process_of_this_machine_counts_without_signs_of_life():
    with subprocess.Popen(["sleep", "60"]) as process:
        owner = replace(
            Owner.of_this_process(OURS), process=process.pid, began=psutil.Process(process.pid).create_time()
        )
        assert occupancy(owner).rivals(OURS) == [Rival(OURS, None, process.pid, owner.host)], "even of the same run"
        process.kill()
    assert occupancy(owner).rivals(OURS) == []


def test_agents_count_unless_they_are_of_the_run_that_goes_on():
    processes = [Measurement(OURS, NAME, 5), Measurement(THEIRS, NAME, 6), Measurement(THEIRS, NAME, 7)]
    assert occupancy(None, None, processes).rivals(OURS) == [Rival(THEIRS, NAME)]
    assert occupancy(None, None, processes[:1]).rivals(OURS) == []
    assert occupancy(ELSEWHERE, 0, processes).rivals(THEIRS) == [
        Rival(THEIRS, None, 1234, "other-host"), Rival(OURS, NAME)
    ]  # fmt: skip
    assert occupancy(ELSEWHERE, None, processes).rivals(THEIRS) == [Rival(OURS, NAME)], "its owner is gone"


def test_an_agent_is_found_among_the_processes_and_ended_with_what_it_started(files):
    path = f"{files.folder}/runs/{OURS}/{NAME}"
    words = [sys.executable, "-c", "import time; time.sleep(60)", f"{path}.job.json"]
    agent = subprocess.Popen(words, start_new_session=True)
    other = subprocess.Popen([*words[:-1], f"{path}.jsonl"], start_new_session=True)
    try:
        pids = {entry.pid for entry in files.reservation.look().processes if (entry.run, entry.name) == (OURS, NAME)}
        assert agent.pid in pids and other.pid not in pids
        files.reservation.end_work(OURS, NAME)
        assert agent.wait(10) == -9
        assert other.poll() is None
    finally:
        for process in (agent, other):
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "scan, expected, sentence",
    [
        (f"\n{SELF}\n{SCAN_END}", [], "none"),
        (f"\n{SCAN_END}", None, "unknown"),
        ("sh: grep: not found", None, "unknown"),
        (
            f"\n@aiot-process /proc/12/cmdline\nsh\0-c\0cd /x\necho $$ >'/a b/runs/{THEIRS}/{NAME}.pid'\n\0\n{SELF}",
            [Measurement(THEIRS, NAME, 12)],
            "seen",
        ),
        (
            f"\n@aiot-process /proc/12/cmdline\npython3\0-m\0runner.agent\0/a/runs/{OURS}/{NAME}.job.json\0\n{SELF}",
            [Measurement(OURS, NAME, 12)],
            "none",
        ),
    ],
)
def test_what_measures_is_read_from_command_lines(scan, expected, sentence):
    assert measurements(scan) == expected
    assert others_seen(scan, OURS) == sentence


def test_the_script_finds_itself_where_processes_are_shown(tmp_path):
    """Where processes are hidden, the script reports that it sees none."""
    answer = ShellConnection().shell(SCAN).stdout
    assert measurements(answer) is not None
    blind = SCAN.replace("/proc/[0-9]*/cmdline", f"{tmp_path}/[0-9]*/cmdline")
    assert others_seen(ShellConnection().shell(blind).stdout, OURS) == "unknown"


@given(st.text())
def test_whatever_a_device_says_is_an_owner_or_none(text):
    owner = Owner.parse(text)
    assert owner is None or in_use("it", [Rival(owner.run, None, owner.process, owner.host)], "wait").isprintable()


@given(st.text(min_size=1), st.text(min_size=1), st.integers())
def test_a_hostile_note_is_read_without_characters_that_a_terminal_acts_on(run, host, process):
    owner = Owner.parse(json.dumps({**asdict(ELSEWHERE), "run": run, "host": host, "process": process}))
    if 0 < process < 2**31:
        assert owner.run.isprintable() and owner.host.isprintable() and owner.process == process
    else:
        assert owner is None
