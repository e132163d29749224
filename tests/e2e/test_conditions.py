"""Checks of a phone before each instance, and conditions that are applied during a run, over a real adbd.

The phone's dumpsys, cmd, svc and settings are stand-ins; its Python is the bundle.
"""

import json
import os
import signal
import threading
import time

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
from tests.e2e.runs import aiot, background, is_measuring, one_line, wait_for_exit, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("bundle_in_cache")]
INSTANCE = "tflite_cpu_float32_squeezenet"
ANDROID_11 = (10,)  # row of Table III: Oppo Ace2


def run_words(workspace, serial, *words):
    options = ["--frameworks", "tflite", "--delegates", "cpu", "--models", "squeezenet", "--quantizations", "float32"]
    return ["run", "-s", serial, *options, *words, "--workspace", str(workspace.root)]


def run(workspace, serial, *words, code=0):
    """Run the instance, check the exit code, and return the output as one line."""
    done = aiot(*run_words(workspace, serial, *words), timeout_s=200)
    assert done.returncode == code, done.stdout + done.stderr
    return one_line(done.stdout + done.stderr)


def running(workspace, serial, *words):
    return background(*run_words(workspace, serial, *words))


def stay_on(phone):
    """Return the setting that keeps the screen on, or None if it is not set."""
    setting = phone.storage / "stand-in" / "stay_on_while_plugged_in"
    return setting.read_text().strip() if setting.exists() else None


def modes(phone):
    """Return the values that the fixed-performance mode was set to, in order."""
    return [call.split()[-1] for call in phone.calls() if call.startswith("cmd power set-fixed-performance-mode")]


def read_attempts(workspace):
    """Return all attempts of the instance in the only run."""
    [folder] = rawlog.run_folders(workspace.raw)
    return [rawlog.read_attempt(path) for path in rawlog.attempt_paths(folder)[INSTANCE]]


def test_a_phone_that_is_empty_or_hot_is_not_measured_until_it_no_longer_is(workspace, phones, tmp_path):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    phone.answers.set_battery(percent=20)
    run(workspace, phone.serial, "--cooldown", "1", "--repeat", "2", code=1)
    [empty] = read_attempts(workspace)
    assert (empty.status, empty.last["reason"]) == ("unavailable", "its battery is at 20%, below 30%")

    phone.answers.set_battery(percent=85)
    phone.answers.set_thermal(status=2)
    with running(workspace, phone.serial, "--cooldown", "60", "--resume", "--repeat", "2") as process:
        wait_until(lambda: stay_on(phone) == "15", "a setting of the screen", process=process)
        time.sleep(8)
        assert process.poll() is None
        assert len(read_attempts(workspace)) == 1 and not list(phone.aiot_folder.glob("runs/*/*.pid"))
        phone.answers.set_thermal(status=0)
        code, output = wait_for_exit(process, timeout_s=120)
    assert code == 0, output
    assert [attempt.status for attempt in read_attempts(workspace)] == ["unavailable", "end"]
    assert stay_on(phone) is None and modes(phone) == []

    ingest.process(workspace.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    [row] = tables.instances.to_dict("records")
    assert row["verdict"] == "semi-valid" and row["reasons"].startswith("24 of 500 images")
    assert "thermal" not in row["reasons"] and "battery" not in row["reasons"]
    samples = tables.telemetry()
    assert set(samples["thermal_status"]) == {"none"} and samples["plugged"].all() and samples["charging"].all()
    assert set(samples["attempt"]) == {2} and set(samples["temperature_sensor"]) == {"AP"}
    assert tables.devices["paper_id"].tolist() == [10]


def test_a_phone_that_becomes_hot_during_an_instance_gets_a_verdict(workspace, phones, tmp_path):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    with running(workspace, phone.serial, "--repeat", "400") as process:
        wait_until(lambda: is_measuring(phone), "measuring", timeout_s=120, process=process)
        phone.answers.set_thermal(status=3)
        phone.answers.set_battery(percent=85, plugged=False)
        code, output = wait_for_exit(process, timeout_s=200)
    assert code == 0, output
    ingest.process(workspace.raw, tmp_path / "tables")
    [row] = data.load(tmp_path / "tables").instances.to_dict("records")
    assert row["verdict"] == "invalid"
    assert "the thermal status was severe: let the device cool and run again" in row["reasons"].split("; ")


def test_requested_conditions_are_applied_recorded_and_restored(workspace, phones):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    output = run(workspace, phone.serial, "--fixed-performance", "--cores", "big")
    [folder] = rawlog.run_folders(workspace.raw)
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    [held] = record["held"]
    assert record["conditions"] == {"fixed_performance": True, "cores": "big"}
    assert (held["fixed_performance"], held["screen_on"]) == (True, True)
    assert held["cores_allowed"] and held["cpuset"].startswith("/")
    speeds = {core["max_mhz"] for core in json.loads((folder / "device.json").read_text())["cores"]}
    if len(speeds) == 1:  # the phone has the cores of this machine, which are usually all equal
        assert held["core_mask"] is None and f"the request for cores was refused: {held['refused']['cores']}" in output
    assert modes(phone) == ["true", "false"]
    assert stay_on(phone) is None and not list(phone.storage.rglob(NOTE))


def test_refused_conditions_are_recorded_and_the_run_continues(workspace, phones, tmp_path):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    phone.answers.set_fixed_performance(False)
    output = run(workspace, phone.serial, "--fixed-performance")
    refusal = "the device refuses it with the message 'Failed to set"
    assert f"the request for fixed performance was refused: {refusal}" in output
    ingest.process(workspace.raw, tmp_path / "tables")
    [row] = data.load(tmp_path / "tables").instances.to_dict("records")
    assert "fixed performance was requested but not applied: the device refuses it" in row["reasons"]
    assert row["conditions"] is None or row["conditions"] != row["conditions"]


def test_the_screen_of_a_phone_on_battery_is_recorded_as_it_is(workspace, phones):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    phone.answers.set_battery(plugged=False)
    phone.answers.set_screen(awake=False)
    output = run(workspace, phone.serial, "--repeat", "1")
    why = "the device is not plugged in, and Android keeps the screen on only while it is; the screen is off (Asleep)"
    assert f"the screen does not stay on: {why}" in output
    [folder] = rawlog.run_folders(workspace.raw)
    [held] = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["held"]
    assert (held["screen_on"], held["wakefulness"], held["plugged"]) == (False, "Asleep", False)
    assert stay_on(phone) is None


@pytest.mark.e2e_all
def test_a_sustained_run_on_battery_has_an_energy(workspace, phones, tmp_path, monkeypatch):
    """The phone draws 1 W while idle and 5 W while the agent runs, at the voltage in the answer of dumpsys."""
    (phone,) = phones(1, paper_ids=ANDROID_11)
    monkeypatch.setitem(suite.PROFILES, "sustained", suite.Profile("sustained", warmups=1, min_duration_s=12.0))
    monkeypatch.setattr(execution, "IDLE_S", 8.0)
    monkeypatch.setattr(energy, "LEAST_S", 4.0)
    monkeypatch.setattr(AttachedDevice, "telemetry_interval_s", 0.5)
    stop = threading.Event()

    def discharge():
        charge_uah, volts, before = 3e6, 4.195, time.monotonic()
        while not stop.wait(0.2):
            now = time.monotonic()
            charge_uah -= (5 if is_measuring(phone) else 1) / volts * (now - before) / 3.6e-3
            before = now
            phone.answers.set_battery(plugged=False, charge_uah=round(charge_uah))

    thread = threading.Thread(target=discharge)
    thread.start()
    try:
        outcome = run_suite(
            [phone.serial],
            workspace=workspace.root,
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
    ingest.process(workspace.raw, tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    [row] = tables.instances.to_dict("records")
    assert row["energy_gap"] is None or row["energy_gap"] != row["energy_gap"], row["energy_gap"]
    power_w = row["energy_mj"] / (1000 * 12 / row["images"])
    assert power_w == pytest.approx(4.0, rel=0.3)  # times of samples are in whole seconds
    idle = tables.telemetry()[lambda telemetry: telemetry["instance_id"].isna()]
    assert len(idle) > 10 and idle["screen_on"].all() and not idle["plugged"].any()


def test_a_phone_that_was_away_is_restored_by_the_run_that_goes_on(workspace, phones):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    with running(workspace, phone.serial, "--fixed-performance", "--repeat", "60") as process:
        wait_until(lambda: is_measuring(phone), "measuring", timeout_s=120, process=process)
        phone.drop()
        time.sleep(2)
        assert stay_on(phone) == "15"
        phone.start()
        code, output = wait_for_exit(process, timeout_s=200)
    assert code == 0, output
    assert [attempt.status for attempt in read_attempts(workspace)] == ["failed", "end"]
    assert stay_on(phone) is None and modes(phone)[-1] == "false"
    samples, _ = rawlog.read_telemetry(rawlog.run_folders(workspace.raw)[0] / "telemetry.jsonl")
    assert any(sample.get("lost") for sample in samples)


def test_cleaning_restores_what_a_killed_run_changed(workspace, phones):
    (phone,) = phones(1, paper_ids=ANDROID_11)
    with running(workspace, phone.serial, "--fixed-performance", "--repeat", "600") as process:
        wait_until(lambda: is_measuring(phone), "measuring", timeout_s=120, process=process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert (stay_on(phone), modes(phone)) == ("15", ["true"])
    words = ["clean", "-s", phone.serial, "--workspace", str(workspace.root)]
    cleaned = aiot(*words, "--force")  # since its agent still measures
    assert cleaned.returncode == 0, cleaned.stderr
    assert (stay_on(phone), modes(phone)) == (None, ["true", "false"])
    assert not phone.aiot_folder.exists()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is only one core")
def test_androids_own_taskset_keeps_what_is_started_on_the_cores_that_were_asked_for(workspace, phones):
    (phone,) = phones(1)
    [device] = choose_devices(Choice(serials=[phone.serial]), workspace)
    last_core = max(os.sched_getaffinity(0))
    speeds = [{"max_mhz": 2000 if core == last_core else 1000} for core in range(last_core + 1)]
    with device.hold(Conditions()):
        held = conditions.choose_cores("big", speeds, device.conditions.run)
    assert (int(held.core_mask, 16), held.cores_allowed, held.refused) == (1 << last_core, str(last_core), {})
