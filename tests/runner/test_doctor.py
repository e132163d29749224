"""Tests of `aiot doctor` and of the start gate, with the answers in android_specimens.py, which no phone gave."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import doctor
from runner.devices import android, answers
from tests.runner.devices import android_specimens as specimens

FACTS = android.facts(specimens.answer(**specimens.PHONE))
GOOD = {
    "temperature_c": 41.0,
    "temperature_sensor": "CPU7",
    "battery_temperature_c": 29.0,
    "skin_temperature_c": 31.0,
    "thermal_status": "none",
    "frequency_mhz": 1800.0,
    "battery_percent": 84.0,
    "plugged": False,
    "charging": False,
    "overridden": False,
    "load_average": 1.0,
}
BARE = dict.fromkeys(GOOD)


def finding(check, facts=FACTS, state=GOOD, abilities=None, features=None):
    findings = doctor.findings("device", facts, state, abilities, features)
    (entry,) = [entry for entry in findings if entry.check == check]
    return entry


def test_a_healthy_phone_has_only_ok_findings():
    findings = doctor.findings("device", FACTS, GOOD, {"tflite": ["bundle"]}, ["shell_v2", "cmd"])
    assert doctor.worst(findings) == "ok"
    assert [entry.check for entry in findings] == [
        *("connection", "shell", "processor", "storage", "screen", "battery", "charging"),
        *("temperature", "thermal status", "NNAPI", "framework tflite"),
    ]


@pytest.mark.parametrize(
    ("state", "meaning", "remedy"),
    [
        ("unauthorized", "not authorized", "Allow USB debugging"),
        ("offline", "no answer", "adb connect"),
        (
            "no permissions (missing udev rules? user is in the plugdev group); see [link]",
            "not permitted to open",
            "plugdev",
        ),
        ("recovery", "recovery", "Reboot"),
        ("authorizing", "asking", "accept"),
        ("absent", "does not know this device", "connect it"),
        ("bootloader", "boot loader", "fastboot"),
        ("\x1b[2Jodd\n" + "x" * 10_000, "adb reports the state '[2Jodd xxx", "plug"),
        ("", "adb reports the state None", "plug"),
    ],
)
def test_of_a_device_that_cannot_be_used_only_the_connection_is_told(state, meaning, remedy):
    (connection,) = doctor.findings(state, FACTS, GOOD, {"tflite": []})
    assert (connection.check, connection.level) == ("connection", "problem")
    assert meaning in connection.message and remedy in connection.remedy
    assert len(connection.message) < 300 and connection.message.isprintable()


def test_every_problem_has_a_remedy():
    bad = {**GOOD, "battery_percent": 1, "battery_temperature_c": 50, "thermal_status": "severe", "overridden": True}
    worse = replace(FACTS, machine="armv7l", free_bytes=0, awake=False, nnapi=False)
    findings = doctor.findings("device", worse, bad, {"caffe2": []}, [])
    assert [entry.check for entry in findings if entry.level in ("warning", "problem")] == [
        *("processor", "storage", "screen", "battery", "temperature", "thermal status", "override", "NNAPI"),
        "framework caffe2",
    ]
    assert all(entry.remedy for entry in findings if entry.level in ("warning", "problem"))


@pytest.mark.parametrize(("percent", "level"), [(30, "ok"), (29.9, "warning"), (0, "warning"), (None, "note")])
def test_battery(percent, level):
    battery = finding("battery", state={**GOOD, "battery_percent": percent})
    assert battery.level == level
    assert (battery.remedy is not None) == (level == "warning")


@pytest.mark.parametrize(
    ("battery_c", "skin_c", "level"),
    [(40.0, 40.0, "ok"), (40.1, None, "warning"), (20.0, 45.0, "warning"), (45.1, 30.0, "problem")],
)
def test_temperature_is_that_of_battery_and_skin(battery_c, skin_c, level):
    temperature = finding(
        "temperature", state={**GOOD, "battery_temperature_c": battery_c, "skin_temperature_c": skin_c}
    )
    assert temperature.level == level
    assert f"battery is at {battery_c:.1f} °C" in temperature.message and "CPU7 is at 41.0 °C" in temperature.message


@pytest.mark.parametrize(
    ("chip_c", "status", "level"), [(70.0, None, "ok"), (70.1, None, "warning"), (90.0, "none", "ok")]
)
def test_a_chip_is_judged_only_where_the_thermal_status_is_not_known(chip_c, status, level):
    board = {**BARE, "temperature_c": chip_c, "temperature_sensor": "cpu-thermal", "thermal_status": status}
    assert finding("temperature", state=board).level == level
    assert finding("temperature", state={**board, "battery_temperature_c": 30.0}).level == level


def test_no_temperature_is_said_to_be_none():
    assert finding("temperature", state=BARE).message == "It does not report a temperature."


@pytest.mark.parametrize("status", [*answers.THERMAL_STATUSES, None])
def test_thermal_status(status):
    expected = {"none": "ok", "light": "warning", None: "note"}.get(status, "problem")
    assert finding("thermal status", state={**GOOD, "thermal_status": status}).level == expected


@pytest.mark.parametrize(
    ("free", "level"), [(2 * 10**9, "ok"), (2 * 10**9 - 1, "warning"), (5 * 10**8 - 1, "problem"), (None, "note")]
)
def test_storage(free, level):
    assert finding("storage", replace(FACTS, free_bytes=free)).level == level


@pytest.mark.parametrize(
    ("awake", "locked", "level"),
    [
        (True, False, "ok"),
        (True, None, "ok"),
        (None, False, "ok"),
        (True, True, "warning"),
        (False, None, "warning"),
        (None, None, "note"),
    ],
)
def test_screen(awake, locked, level):
    screen = finding("screen", replace(FACTS, awake=awake, locked=locked))
    assert screen.level == level
    assert ("svc power stayon" in (screen.remedy or "")) == (level != "ok")


@pytest.mark.parametrize(
    ("awake", "locked", "timeout_s", "words"),
    [
        (True, False, 30.0, "is on, but will turn off after 30 s without a touch"),
        (True, None, None, "is on, but will turn off: Android keeps it on only while the device is plugged in"),
        (False, False, 30.0, "A run cannot keep the screen on, since the device is not plugged in."),
        (True, True, 30.0, "Its screen is locked."),
    ],
)
def test_on_battery_the_screen_will_turn_off(awake, locked, timeout_s, words):
    unplugged = replace(FACTS.battery, plugged=False)
    screen = finding(
        "screen", replace(FACTS, awake=awake, locked=locked, screen_timeout_s=timeout_s, battery=unplugged)
    )
    assert screen.level == "warning" and words in screen.message
    assert "charger" in screen.remedy and "svc power stayon" not in screen.remedy


@pytest.mark.parametrize(
    ("plugged", "charging", "level"),
    [(True, True, "note"), (True, False, "note"), (False, False, "ok"), (None, None, "note")],
)
def test_charging(plugged, charging, level):
    assert finding("charging", state={**GOOD, "plugged": plugged, "charging": charging}).level == level


def test_values_set_by_hand_are_reported():
    override = finding("override", state={**GOOD, "overridden": True})
    assert override.level == "warning" and "dumpsys battery reset" in override.remedy


@pytest.mark.parametrize(
    ("sdk", "version", "library", "level", "word"),
    [
        (26, "8.0.0", False, "note", "added in Android 8.1"),
        (27, "8.1.0", True, "ok", "8.1.0 has NNAPI"),
        (29, "10", False, "warning", "library"),
        (34, "14", True, "ok", "14 has NNAPI"),
        (35, "15", True, "note", "deprecated since Android 15"),
        (None, "10", True, "note", "API level"),
    ],
)
def test_nnapi(sdk, version, library, level, word):
    nnapi = finding("NNAPI", replace(FACTS, sdk=sdk, os_version=version, nnapi=library))
    assert nnapi.level == level and word in nnapi.message


def test_nnapi_is_not_expected_of_a_linux_board():
    board = android.facts(specimens.answer(**specimens.BOARD))
    assert finding("NNAPI", board, BARE).message == "It does not run Android, and NNAPI is part of Android."


@pytest.mark.parametrize(
    ("machine", "level", "word"),
    [
        ("aarch64", "ok", "aarch64"),
        ("x86_64", "ok", "x86_64"),
        ("armv7l", "warning", "32-bit"),
        ("armv8l", "warning", "32-bit"),
        ("i686", "warning", "32-bit"),
        ("riscv64", "warning", "only for aarch64 and x86_64"),
        (None, "note", "does not report"),
    ],
)
def test_processor(machine, level, word):
    processor = finding("processor", replace(FACTS, machine=machine))
    assert processor.level == level and word in processor.message


def test_large_pages_are_told():
    assert finding("pages", replace(FACTS, page_bytes=16384)).message == "Its memory pages have 16 KB."
    assert not [entry for entry in doctor.findings("device", FACTS, GOOD) if entry.check == "pages"]


def test_an_adbd_without_shell_v2_is_reported():
    assert finding("shell", features=["cmd", "stat_v2"]).level == "note"
    assert finding("shell", features={"shell_v2"}).level == "ok"


def test_frameworks_are_told_with_the_ways_they_run():
    abilities = {"tflite": ["bundle", "benchmark_model"], "caffe2": []}
    assert finding("framework tflite", abilities=abilities).message == "tflite can run on it: benchmark_model, bundle."
    framework = finding("framework caffe2", abilities=abilities)
    assert framework.level == "warning" and "aiot bundle build" in framework.remedy


def test_findings_cover_only_what_was_asked():
    assert [entry.check for entry in doctor.findings("device", None, None)] == ["connection"]


def test_findings_are_json_and_lines():
    findings = doctor.findings("device", FACTS, {**GOOD, "battery_percent": 12})
    parsed = json.loads(json.dumps(doctor.as_json(findings)))
    assert {"check", "level", "message", "remedy"} == set(parsed[0])
    (line,) = [line for line in doctor.lines(findings) if "battery:" in line]
    assert line == "warning  battery: Its battery is at 12%. To do: charge it to 30% or more before a run."
    assert doctor.worst(findings) == "warning"
    assert doctor.worst([]) == "ok"


@given(st.sampled_from(specimens.HOSTILE) | st.text())
def test_nothing_a_device_says_reaches_the_terminal_as_it_is(value):
    properties = specimens.properties(**dict.fromkeys(["ro__build__version__release", "ro__product__model"], value))
    sections = {**specimens.PHONE, "properties": properties, "machine": value, "kernel": value}
    thermal = f"\tTemperature{{mValue=40.0, mType=0, mName={value}, mStatus=0}}\n"
    try:
        facts = android.facts(specimens.answer(**sections))
    except android.DeviceError:
        return
    state = answers.current_state(specimens.answer(thermal=thermal))
    for line in doctor.lines(doctor.findings(value, facts, state) + doctor.findings("device", facts, state)):
        assert line.isprintable() and len(line) < 1000


# ---- the start gate


def test_a_healthy_phone_may_start():
    assert doctor.gate(GOOD) == []


def test_missing_values_of_a_device_do_not_prevent_a_run():
    assert doctor.gate(BARE) == []
    assert doctor.gate({}) == []


def test_every_reason_is_told_with_value_and_limit():
    state = {**GOOD, "battery_percent": 12.0, "battery_temperature_c": 41.5, "thermal_status": "moderate"}
    assert doctor.gate(state) == [
        "its battery is at 12%, below 30%",
        "its battery is at 41.5 °C, above 40.0 °C",
        "its thermal status is moderate, worse than none",
    ]


def test_limits_can_be_set():
    state = {**GOOD, "battery_percent": 50.0, "skin_temperature_c": 36.0, "thermal_status": "light"}
    assert len(doctor.gate(state, doctor.Limits(battery_percent=60, body_c=35, thermal_status="none"))) == 3
    assert doctor.gate(state, doctor.Limits(thermal_status="light")) == []


@pytest.mark.parametrize(("chip_c", "status", "reasons"), [(70, None, 0), (71, None, 1), (71, "none", 0)])
def test_without_a_thermal_status_the_chip_is_waited_for(chip_c, status, reasons):
    board = {**BARE, "temperature_c": chip_c, "thermal_status": status}
    assert len(doctor.gate(board)) == reasons
    assert len(doctor.gate({**board, "battery_temperature_c": 30.0})) == reasons


def test_a_status_of_none_without_thresholds_lets_the_chip_count():
    thermal = specimens.THERMAL_OTHER_NUMBERS
    state = answers.current_state(specimens.answer(battery=specimens.BATTERY, thermal=thermal))
    assert doctor.gate(state) == ["its chip is at 71.5 °C, above 70.0 °C"]
    thermal += "\tTemperatureThreshold{mType=4, mName=TYPE_SKIN, mHotThrottlingThresholds=[NaN, 45.0]}\n"
    state = answers.current_state(specimens.answer(battery=specimens.BATTERY, thermal=thermal))
    assert (state["thermal_status"], doctor.gate(state)) == ("none", [])


def test_a_screen_saver_is_named():
    screen = finding("screen", replace(FACTS, awake=True, dreaming=True, locked=False))
    assert (screen.level, screen.message) == ("warning", "Its screen saver is running, which uses its processor.")
    screen = finding("screen", replace(FACTS, awake=True, dreaming=True, locked=True))
    assert screen.message.startswith("Its screen is locked.")


@given(
    percent=st.floats(0, 100),
    colder=st.floats(0, 50),
    battery_c=st.floats(-40, 150),
    status=st.sampled_from(answers.THERMAL_STATUSES),
)
def test_a_cooler_and_fuller_phone_never_has_more_reasons_to_wait(percent, colder, battery_c, status):
    now = {**BARE, "battery_percent": percent, "battery_temperature_c": battery_c, "thermal_status": status}
    better = {**now, "battery_percent": 100.0, "battery_temperature_c": battery_c - colder, "thermal_status": "none"}
    assert len(doctor.gate(better)) <= len(doctor.gate(now))
