"""Tests of what a run records about its device: applied conditions, boots, and samples of its state."""

import threading
import time
from contextlib import contextmanager, suppress
from copy import copy
from functools import partial
from types import SimpleNamespace

import pytest

from aiot_suite.suite import Instance
from runner import execution, rawlog
from runner.devices import AppliedConditions, Conditions
from runner.devices.android import Boot
from runner.errors import DeviceError, DeviceLostError
from tests.rawlogs import begin

ONE = Instance("tflite", "cpu", "float32", "squeezenet")


class Device:
    """A device that returns its states one after the other, and then repeats the last one."""

    telemetry_interval_s = 0.01

    def __init__(self, *states):
        self._states = list(states)

    def telemetry(self):
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if isinstance(state, Exception):
            raise state
        return state


def run_of(folder, device):
    return SimpleNamespace(folder=folder, device=device, listen=lambda *_: None)


def samples_of(folder, device, body=lambda: time.sleep(0.1), attempt=3):
    with suppress(DeviceLostError), execution._sampling_telemetry(run_of(folder, device), ONE, attempt):
        body()
    samples, broken = rawlog.read_telemetry(folder / "telemetry.jsonl")
    assert broken == 0
    return samples


def test_every_sample_tells_instance_and_attempt(tmp_path):
    samples = samples_of(tmp_path, Device({"temperature_c": 30.5, "plugged": True}))
    assert len(samples) > 2
    assert {(sample["instance"], sample["attempt"], sample["plugged"]) for sample in samples} == {(ONE.id, 3, True)}


@pytest.mark.parametrize("error", [DeviceLostError("gone"), DeviceError("it talks without end")])
def test_a_device_that_does_not_answer_is_noted_without_its_name(tmp_path, error):
    samples = samples_of(tmp_path, Device({"temperature_c": 30}, error, {"temperature_c": 31}))
    assert [sample.get("lost") for sample in samples][:3] == [None, True, None]
    assert set(samples[1]) == {"at", "instance", "attempt", "lost"}


def test_a_connection_lost_in_the_middle_is_detected(tmp_path):
    def lose():
        time.sleep(0.05)
        raise DeviceLostError("gone")

    samples = samples_of(tmp_path, Device({"temperature_c": 30}), lose)
    assert [sample.get("lost") for sample in samples[-2:]] == [None, True]
    with pytest.raises(DeviceLostError), execution._sampling_telemetry(run_of(tmp_path, Device({})), ONE, 1):
        raise DeviceLostError("gone")


UNPLUGGED = {"charge_uah": 3e6, "plugged": False}


@pytest.mark.parametrize(
    ("profile", "state", "idle"),
    [
        ("sustained", UNPLUGGED, True),
        ("sustained", {**UNPLUGGED, "plugged": True}, False),
        ("sustained", {**UNPLUGGED, "plugged": None}, False),
        ("sustained", {**UNPLUGGED, "charge_uah": None}, False),
        ("sustained", {}, False),
        ("paper", UNPLUGGED, False),
    ],
)
def test_an_idle_device_is_sampled_only_where_its_charge_tells_something(tmp_path, monkeypatch, profile, state, idle):
    monkeypatch.setattr(execution, "IDLE_S", 0.05)
    device = Device(state)
    device.screen_on = lambda: True
    run = run_of(tmp_path, device)
    run.record, run.stop = {"profile": {"name": profile}}, threading.Event()
    execution._sample_idle_device(run, ONE)
    if not idle:
        assert not (tmp_path / "telemetry.jsonl").exists()
        return
    samples, broken = rawlog.read_telemetry(tmp_path / "telemetry.jsonl")
    assert len(samples) > 1 and broken == 0
    assert {(sample["instance"], sample["attempt"], sample["screen_on"]) for sample in samples} == {(None, None, True)}


def test_sampling_an_idle_device_ends_when_it_is_plugged_in_lost_or_interrupted(tmp_path):
    for states, count in (((UNPLUGGED, {**UNPLUGGED, "plugged": True}), 1), ((UNPLUGGED, DeviceLostError("gone")), 2)):
        folder = tmp_path / str(count)
        folder.mkdir()
        device = Device(*states)
        device.screen_on = lambda: None
        run = run_of(folder, device)
        run.record, run.stop = {"profile": {"name": "sustained"}}, threading.Event()
        execution._sample_idle_device(run, ONE)
        assert len(rawlog.read_telemetry(folder / "telemetry.jsonl")[0]) == 1
    run.stop.set()
    run.device = Device(UNPLUGGED)
    run.device.screen_on = lambda: None
    with pytest.raises(KeyboardInterrupt):
        execution._sample_idle_device(run, ONE)


def test_a_full_disk_does_not_end_the_sampling_with_a_traceback(tmp_path, monkeypatch):
    (tmp_path / "telemetry.jsonl").symlink_to("/dev/full")
    raised = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    with execution._sampling_telemetry(run_of(tmp_path, Device({"temperature_c": 30})), ONE, 1):
        time.sleep(0.05)
    assert raised == []


def test_applied_conditions_are_recorded_whenever_they_change(tmp_path):
    folder = begin(tmp_path, [ONE.id])
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    granted, refused = (
        AppliedConditions(core_mask="f0", fixed_performance=True),
        AppliedConditions(refused={"cores": "all are of 1 MHz"}),
    )
    for applied, count in ((granted, 1), (granted, 1), (refused, 2), (refused, 2), (granted, 3)):
        record = execution._record_applied_conditions(folder, record, applied)
        assert rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) == record
        assert len(record["held"]) == count
        assert {name: record["held"][-1][name] for name in ("core_mask", "refused")} == {
            "core_mask": applied.core_mask,
            "refused": applied.refused,
        }


@pytest.mark.parametrize(
    "boots, logged",
    [
        ([Boot("a", 10), Boot("a", 20), Boot("b", 5), Boot("b", 9)], [("a", 10), ("b", 5)]),
        ([Boot(None, 10), Boot(None, 20)], [(None, 10), (None, 20)]),  # all are recorded without ids
        ([Boot(), Boot("a"), Boot()], [("a", None)]),
        ([Boot()], None),
    ],
)
def test_each_start_of_the_system_that_an_attempt_begins_in_is_in_the_run(tmp_path, boots, logged):
    folder = begin(tmp_path, [ONE.id])
    for boot in boots:  # each time as if the run were resumed
        record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        device = SimpleNamespace(boot=partial(copy, boot))
        execution._note_boot(SimpleNamespace(folder=folder, record=record, device=device))
    boots_in_run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["boots"]
    assert (boots_in_run and [(boot["boot_id"], boot["uptime_s"]) for boot in boots_in_run]) == logged
    assert all(boot["at"].endswith("Z") for boot in boots_in_run or [])


@pytest.mark.parametrize("lost", [False, True])
def test_the_device_is_held_to_the_runs_conditions_and_let_go(tmp_path, lost):
    """The conditions are those of run.json, also if a run is resumed."""
    folder = begin(
        tmp_path, ["tflite_cpu_float32_mnasnet"] if lost else [], conditions={"fixed_performance": True, "cores": "big"}
    )
    calls = []

    class Holding:
        @contextmanager
        def hold(self, conditions):
            calls.append(conditions)
            try:
                yield AppliedConditions(core_mask="f0")
            finally:
                calls.append("let go")

        @property
        def delegates(self):
            raise DeviceLostError("gone")

    request = SimpleNamespace(tasks=lambda run: None, obstacle=lambda instance, device: device.delegates, checks={})
    if lost:
        with pytest.raises(DeviceLostError):
            execution.execute(folder, Holding(), request, lambda *_: None)
    else:
        assert execution.execute(folder, Holding(), request, lambda *_: None) == []
    assert calls == [Conditions(True, "big"), "let go"]
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert [applied["core_mask"] for applied in record["held"]] == ["f0"]
    assert (record["ended"] is None) == lost
