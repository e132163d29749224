"""Tests of several devices at once, and of waiting for a lost device with a simulated clock."""

import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_suite.errors import RunnerError
from aiot_suite.workspace import Workspace
from runner import execution, fleet, ledger, rawlog
from runner.errors import DeviceError, DeviceLostError


class Clock:
    """A clock that advances only during waits; it replaces `time` and the event that stops a worker."""

    def __init__(self, stop_at=float("inf")):
        self.now, self.pauses, self._stop_at = 1000.0, [], 1000.0 + stop_at

    def monotonic(self):
        return self.now

    def wait(self, pause_s):
        self.pauses.append(pause_s)
        self.now += pause_s
        return self.now >= self._stop_at


@pytest.fixture
def clock(monkeypatch):
    stand_in = Clock()
    monkeypatch.setattr(fleet, "time", stand_in)
    return stand_in


def lost():
    raise DeviceLostError("It does not answer.")


def test_a_disconnected_device_is_polled_less_often_and_finally_given_up(clock):
    with pytest.raises(DeviceLostError):
        fleet.retry_while_lost(lost, 60, clock)
    assert clock.pauses[:6] == [1, 2, 4, 8, 8, 8]
    assert 60 < clock.now - 1000 <= 60 + 8


def test_a_device_that_reconnects_continues_its_run(clock):
    answers = iter([lost, lost, lambda: "done"])

    def ask():
        return next(answers)()

    assert fleet.retry_while_lost(ask, 60, clock) == "done"
    assert clock.pauses == [1, 2]


def test_without_patience_a_lost_device_is_given_up_at_the_second_loss(clock):
    with pytest.raises(DeviceLostError):
        fleet.retry_while_lost(lost, 0, clock)
    assert clock.pauses == [1]


def test_a_device_that_was_connected_for_long_gets_the_full_patience_again(clock):
    def work():
        if len(clock.pauses) in (3, 6, 9):
            clock.now += 1000  # an instance that succeeded
        if len(clock.pauses) == 12:
            return "done"
        return lost()

    assert fleet.retry_while_lost(work, 10, clock) == "done"
    assert clock.pauses == [1, 2, 4] * 4


@given(st.lists(st.floats(0, 30), max_size=40), st.floats(0, 200))
def test_a_lost_device_is_waited_for_as_long_as_was_asked_and_hardly_longer(silences, patience_s):
    """The time limit holds however long each attempt takes to notice that the device does not answer."""
    clock = Clock()
    tries = iter(silences)

    def work():
        clock.now += next(tries, 5.0)
        return lost()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet, "time", clock)
        began = clock.now + (silences[0] if silences else 5.0)
        with pytest.raises(DeviceLostError):
            fleet.retry_while_lost(work, patience_s, clock)
    assert patience_s < clock.now - began <= patience_s + max(fleet.BACK_OFF_S) + max([5.0, *silences])


def test_an_error_other_than_a_lost_device_is_not_retried(clock):
    def work():
        raise DeviceError("It has no space left.")

    with pytest.raises(DeviceError, match="no space"):
        fleet.retry_while_lost(work, 60, clock)
    assert clock.pauses == []


def test_a_stop_ends_the_waiting(monkeypatch):
    clock = Clock(stop_at=10)
    monkeypatch.setattr(fleet, "time", clock)
    with pytest.raises(KeyboardInterrupt):
        fleet.retry_while_lost(lost, 1000, clock)
    assert clock.now - 1000 < 20


@dataclass
class Device:
    """A stand-in for a device whose work is a function of the test."""

    slug: str
    work: object
    reserved: bool = False

    def reserve(self, run, end=False):
        self.reserved = True
        return []

    def release(self):
        self.reserved = False


@pytest.fixture
def run_all(monkeypatch, tmp_path):
    """Return a function that runs work on stand-ins for devices, with empty folders as runs."""
    monkeypatch.setattr(fleet, "create_run", lambda workspace, device, request, run_id: tmp_path / device.slug)
    monkeypatch.setattr(ledger, "read", lambda folder: [folder.name])

    def execute(folder, device, request, listen, stop):
        assert device.reserved
        return device.work(folder, listen, stop)

    monkeypatch.setattr(execution, "execute", execute)

    def start(*works, listeners=None, patience_s=0.1):
        devices = [Device(f"device-{number}", work) for number, work in enumerate(works)]
        request = SimpleNamespace(timeout_s=60)
        outcomes = fleet.run_all(
            Workspace(tmp_path), devices, request, False, listeners or [None] * len(devices), patience_s
        )
        assert not any(device.reserved for device in devices)
        return outcomes

    return start


def test_a_slow_or_lost_device_holds_up_none_of_the_others(run_all):
    quick_is_done = threading.Event()
    finished_in_time = []

    def slow(folder, listen, stop):
        finished_in_time.append(quick_is_done.wait(10))
        return ["slow"]

    def quick(folder, listen, stop):
        quick_is_done.set()
        return ["quick"]

    def away(folder, listen, stop):
        raise DeviceLostError("It does not answer.")

    first, second, third = run_all(slow, away, quick, patience_s=0)
    assert finished_in_time == [True]
    assert (first.entries, first.error, third.entries) == (["slow"], None, ["quick"])
    assert str(second.error) == "It does not answer."
    assert second.folder.name == "device-1" and second.entries == ["device-1"], "what it had done is told"


def test_each_device_has_a_listener_and_a_run_of_its_own(run_all):
    events = [[], []]

    def work(folder, listen, stop):
        listen(folder.name)
        return []

    outcomes = run_all(work, work, listeners=[events[0].append, events[1].append])
    assert events == [["device-0"], ["device-1"]]
    assert [outcome.folder.name for outcome in outcomes] == ["device-0", "device-1"]


def test_a_lost_device_goes_on_in_its_run_and_begins_no_other(run_all, monkeypatch):
    monkeypatch.setattr(fleet, "BACK_OFF_S", (0.0,))
    folders = []

    def work(folder, listen, stop):
        folders.append(folder)
        return ["done"] if len(folders) == 3 else lost()

    [outcome] = run_all(work, patience_s=10)
    assert outcome.entries == ["done"] and len(set(folders)) == 1


def test_ctrl_c_is_said_to_all_devices_and_waited_for(run_all, monkeypatch):
    ended = []

    def work(folder, listen, stop):
        assert stop.wait(10)
        time.sleep(0.05)
        ended.append(folder.name)
        raise KeyboardInterrupt

    def interrupted(work):
        time.sleep(0.05)
        raise KeyboardInterrupt

    monkeypatch.setattr(fleet, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_all(work, work)
    assert sorted(ended) == ["device-0", "device-1"]


def test_a_device_that_cannot_start_has_an_outcome_with_an_error(run_all, monkeypatch):
    def begin(workspace, device, request, run_id):
        raise RunnerError("No space is left.")

    monkeypatch.setattr(fleet, "create_run", begin)
    [outcome] = run_all(lambda *_: [])
    assert (outcome.folder, str(outcome.error), outcome.entries) == (None, "No space is left.", ())


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(5, "Input/output error", "/raw/x"), "/raw/x cannot be read or written (Input/output error): "),
        (OSError(24, "Too many open files"), "a file of device-0 cannot be read or written (Too many open files): "),
        (rawlog.RawLogError("run.json is cut."), "run.json is cut."),
    ],
)
def test_an_error_of_files_of_one_device_does_not_hide_the_others(run_all, error, sentence):
    def fail(folder, listen, stop):
        raise error

    first, second = run_all(fail, lambda folder, listen, stop: ["measured"])
    assert str(first.error).startswith(sentence) and isinstance(first.error, RunnerError)
    assert (second.entries, second.error) == (["measured"], None)


def test_a_run_whose_record_cannot_be_read_has_an_outcome_too(run_all, monkeypatch):
    def refuse(folder):
        raise RunnerError("run.json is cut.")

    def lose(folder, listen, stop):
        raise DeviceError("It is gone.")

    monkeypatch.setattr(ledger, "read", refuse)
    first, second = run_all(lose, lambda folder, listen, stop: ["measured"])
    assert (str(first.error), first.entries, second.entries) == ("It is gone.", (), ["measured"])
