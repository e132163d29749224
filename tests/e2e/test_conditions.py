"""The gate before an instance and what a phone is held to while a run goes on, over a real adbd.

The phone's dumpsys, cmd, svc and settings are stand-ins; its Python is the bundle.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from aiot_analysis import ingest
from aiot_analysis.ingest import energy
from aiot_analysis.tables import data
from aiot_suite import suite
from runner import execution, rawlog, run_suite
from runner.devices import Conditions, conditions
from runner.devices.attached import AttachedDevice
from runner.devices.choice import Choice, choose_devices
from runner.devices.conditions import NOTE
from tests.e2e.test_bundle import bundle, space  # noqa: F401
from tests.e2e.test_run import ROOT, measuring, until
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e
ONE = "tflite_cpu_float32_squeezenet"
ANDROID_11 = (10,)  # of Table III: Oppo Ace2


def command(space, serial, *words):  # noqa: F811
    asked = ["--frameworks", "tflite", "--delegates", "cpu", "--models", "squeezenet", "--quantizations", "float32"]
    return [sys.executable, "-m", "aiot", "run", "-s", serial, *asked, *words, "--workspace", str(space.root)]


def run(space, serial, *words, code=0):  # noqa: F811
    done = subprocess.run(command(space, serial, *words), check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == code, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


@contextmanager
def running(space, serial, *words):  # noqa: F811
    process = subprocess.Popen(
        command(space, serial, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def stay_on(phone):
    """The setting that keeps its screen on; None where it was never set."""
    setting = phone.storage / "stand-in" / "stay_on_while_plugged_in"
    return setting.read_text().strip() if setting.exists() else None


def modes(phone):
    """What fixed performance was set to, in order."""
    return [call.split()[-1] for call in phone.calls() if call.startswith("cmd power set-fixed-performance-mode")]


def attempts(space):  # noqa: F811
    [folder] = rawlog.run_folders(space.raw)
    return [rawlog.read_attempt(path) for path in rawlog.attempt_paths(folder)[ONE]]


def test_a_phone_that_is_empty_or_hot_is_not_measured_until_it_no_longer_is(space, phones, tmp_path):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    phone.answers.set_battery(percent=20)
    run(space, phone.serial, "--cooldown", "1", "--repeat", "2", code=1)
    [empty] = attempts(space)
    assert (empty.status, empty.last["reason"]) == ("unavailable", "its battery is at 20 %, below 30 %")

    phone.answers.set_battery(percent=85)
    phone.answers.set_thermal(status=2)
    with running(space, phone.serial, "--cooldown", "60", "--resume", "--repeat", "2") as process:
        until(lambda: stay_on(phone) == "15", "holding", process=process)
        time.sleep(8)
        assert process.poll() is None
        assert len(attempts(space)) == 1 and not list(phone.storage.glob(f"{ROOT}/runs/*/*.pid"))
        phone.answers.set_thermal(status=0)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert [one.status for one in attempts(space)] == ["unavailable", "end"]
    assert stay_on(phone) is None and modes(phone) == []

    ingest.process(space.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    [row] = tables.instances.to_dict("records")
    assert row["verdict"] == "semi-valid" and row["reasons"].startswith("24 of 500 images")
    assert "thermal" not in row["reasons"] and "battery" not in row["reasons"]
    samples = tables.telemetry()
    assert set(samples["thermal_status"]) == {"none"} and samples["plugged"].all() and samples["charging"].all()
    assert set(samples["attempt"]) == {2} and set(samples["temperature_sensor"]) == {"AP"}
    assert tables.devices["paper_id"].tolist() == [10]


def test_a_phone_that_becomes_hot_during_an_instance_gets_a_verdict(space, phones, tmp_path):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    with running(space, phone.serial, "--repeat", "400") as process:
        until(lambda: measuring(phone), "measuring", timeout_s=120, process=process)
        phone.answers.set_thermal(status=3)
        phone.answers.set_battery(percent=85, plugged=False)
        said, _ = process.communicate(timeout=200)
    assert process.returncode == 0, said
    ingest.process(space.raw, tmp_path / "tables")
    [row] = data.load(tmp_path / "tables").instances.to_dict("records")
    assert row["verdict"] == "invalid"
    assert "the thermal status was severe: let the device cool and run again" in row["reasons"].split("; ")


def test_requested_conditions_are_applied_recorded_and_restored(space, phones):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    said = run(space, phone.serial, "--fixed-performance", "--cores", "big")
    [folder] = rawlog.run_folders(space.raw)
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    [held] = record["held"]
    assert record["conditions"] == {"fixed_performance": True, "cores": "big"}
    assert (held["fixed_performance"], held["screen_on"]) == (True, True)
    assert held["cores_allowed"] and held["cpuset"].startswith("/")
    there = [core["max_mhz"] for core in json.loads((folder / "device.json").read_text())["cores"]]
    if len(set(there)) == 1:  # as on most machines that this runs on: the phone has this machine's cores
        assert held["core_mask"] is None and f"the request for cores was refused: {held['refused']['cores']}" in said
    assert modes(phone) == ["true", "false"]
    assert stay_on(phone) is None and not list(phone.storage.rglob(NOTE))


def test_refused_conditions_are_recorded_and_the_run_continues(space, phones, tmp_path):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    phone.answers.set_fixed_performance(False)
    said = run(space, phone.serial, "--fixed-performance")
    refusal = "the device refuses it with the message 'Failed to set"
    assert f"the request for fixed performance was refused: {refusal}" in said
    ingest.process(space.raw, tmp_path / "tables")
    [row] = data.load(tmp_path / "tables").instances.to_dict("records")
    assert "fixed performance was requested but not applied: the device refuses it" in row["reasons"]
    assert row["conditions"] is None or row["conditions"] != row["conditions"]


def test_the_screen_of_a_phone_on_battery_is_recorded_as_it_is(space, phones):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    phone.answers.set_battery(plugged=False)
    phone.answers.set_screen(awake=False)
    said = run(space, phone.serial, "--repeat", "1")
    why = "the device is not plugged in, and Android keeps the screen on only while it is; the screen is off (Asleep)"
    assert f"the screen does not stay on: {why}" in said
    [folder] = rawlog.run_folders(space.raw)
    [held] = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["held"]
    assert (held["screen_on"], held["wakefulness"], held["plugged"]) == (False, "Asleep", False)
    assert stay_on(phone) is None


@pytest.mark.e2e_all
def test_a_sustained_run_on_battery_has_an_energy(space, phones, tmp_path, monkeypatch):  # noqa: F811
    """A short one: the phone draws 1 W while idle and 5 W while the agent runs, at the voltage that it tells."""
    (phone,) = phones(1, paper_ids=ANDROID_11)
    monkeypatch.setitem(suite.PROFILES, "sustained", suite.Profile("sustained", warmups=1, min_duration_s=12.0))
    monkeypatch.setattr(execution, "IDLE_S", 8.0)
    monkeypatch.setattr(energy, "LEAST_S", 4.0)
    monkeypatch.setattr(AttachedDevice, "telemetry_interval_s", 0.5)
    stop = threading.Event()

    def drain():
        charge_uah, volts, before = 3e6, 4.195, time.monotonic()
        while not stop.wait(0.2):
            now = time.monotonic()
            charge_uah -= (5 if measuring(phone) else 1) / volts * (now - before) / 3.6e-3
            before = now
            phone.answers.set_battery(plugged=False, charge_uah=round(charge_uah))

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        outcome = run_suite(
            [phone.serial],
            workspace=space.root,
            profile="sustained",
            models="squeezenet",
            frameworks="tflite",
            delegates="cpu",
            quantizations="float32",
        )
    finally:
        stop.set()
        thread.join()
    assert not outcome.failed
    ingest.process(space.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    [row] = tables.instances.to_dict("records")
    assert row["energy_gap"] is None or row["energy_gap"] != row["energy_gap"], row["energy_gap"]
    assert row["energy_mj"] / (1000 * 12 / row["images"]) == pytest.approx(4.0, rel=0.3)  # W: samples are in whole s
    idle = tables.telemetry()[lambda telemetry: telemetry["instance_id"].isna()]
    assert len(idle) > 10 and idle["screen_on"].all() and not idle["plugged"].any()


def test_a_phone_that_was_away_is_restored_by_the_run_that_goes_on(space, phones):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    with running(space, phone.serial, "--fixed-performance", "--repeat", "60") as process:
        until(lambda: measuring(phone), "measuring", timeout_s=120, process=process)
        phone.drop()
        time.sleep(2)
        assert stay_on(phone) == "15"
        phone.start()
        said, _ = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert [one.status for one in attempts(space)] == ["failed", "end"]
    assert stay_on(phone) is None and modes(phone)[-1] == "false"
    samples, _ = rawlog.read_telemetry(rawlog.run_folders(space.raw)[0] / "telemetry.jsonl")
    assert any(one.get("lost") for one in samples)


def test_cleaning_restores_what_a_killed_run_changed(space, phones):  # noqa: F811
    (phone,) = phones(1, paper_ids=ANDROID_11)
    with running(space, phone.serial, "--fixed-performance", "--repeat", "600") as process:
        until(lambda: measuring(phone), "measuring", timeout_s=120, process=process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (stay_on(phone), modes(phone)) == ("15", ["true"])
    words = ["clean", "--force", "-s", phone.serial, "--workspace", str(space.root)]  # its agent still measures
    cleaned = subprocess.run([sys.executable, "-m", "aiot", *words], check=False, capture_output=True, text=True)
    assert cleaned.returncode == 0, cleaned.stderr
    assert (stay_on(phone), modes(phone)) == (None, ["true", "false"])
    assert not (phone.storage / ROOT).exists()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is only one core")
def test_androids_own_taskset_keeps_what_is_started_on_the_cores_that_were_asked_for(space, phones):  # noqa: F811
    (phone,) = phones(1)
    [device] = choose_devices(Choice(serials=[phone.serial]), space)
    last = max(os.sched_getaffinity(0))
    speeds = [{"max_mhz": 2000 if core == last else 1000} for core in range(last + 1)]
    with device.hold(Conditions()):
        held = conditions.choose_cores("big", speeds, device.conditions.run)
    assert (int(held.core_mask, 16), held.cores_allowed, held.refused) == (1 << last, str(last), {})
