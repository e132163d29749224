"""Tests of facts and states of phones, with the answers in android_specimens.py, which no phone gave."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import rawlog
from runner.devices import android, answers
from runner.errors import DeviceError
from tests.runner.devices import android_specimens as specimens

PHONE = specimens.answer(**specimens.PHONE)
BOARD = specimens.answer(**specimens.BOARD)
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,48}")

hostile = st.one_of(st.sampled_from(specimens.HOSTILE), st.text())


def test_properties_of_a_phone_become_the_fields_of_device_json():
    record = android.properties(PHONE, "salt", "xiaomi-redmi-k20-pro-00000000")
    rawlog.check(record, rawlog.DEVICE_FIELDS, "device.json")
    expected = {
        "schema_version": 1,
        "slug": "xiaomi-redmi-k20-pro-00000000",
        "serial_sha256": hashlib.sha256(b"salt:9f1c2d3e").hexdigest(),
        "system_sha256": hashlib.sha256(b"salt:3f7a91c2d4e5b608").hexdigest(),
        "identity_doubt": None,
        "maker": "Xiaomi",
        "model": "Redmi K20 Pro",
        "soc": "Qualcomm Technologies, Inc SM8150",
        "ram_gb": 7.5,
        "os": "Android",
        "os_version": "10",
        "abi": "arm64-v8a",
        "kernel": "4.14.117-perf-g1a2b3c4",
        "not_offered": [],
    }
    assert {name: record[name] for name in expected} == expected
    assert [core["max_mhz"] for core in record["cores"]] == [1785.6] * 4 + [2419.2] * 3 + [2841.6]
    assert {core["governor"] for core in record["cores"]} == {"schedutil"}
    assert record["battery"] == {
        "percent": 84.0,
        "temperature_c": 32.6,
        "plugged": True,
        "charging": True,
        "overridden": False,
        "charge_uah": 3_112_000.0,
        "voltage_mv": 4063.0,
        "current_ua": None,
    }


def test_the_serial_is_hashed_unless_it_is_to_be_kept():
    assert "9f1c2d3e" not in str(android.properties(PHONE, "salt", "x"))
    assert "9f1c2d3e" not in repr(android.facts(PHONE))
    assert "3f7a91c2d4e5b608" not in str(android.properties(PHONE, "salt", "x", keep_serial=True))
    assert android.properties(PHONE, "salt", "x", keep_serial=True)["serial"] == "9f1c2d3e"
    first, again, with_other_salt = (android.properties(PHONE, salt, "x")["serial_sha256"] for salt in ("a", "a", "b"))
    assert first == again != with_other_salt


def test_further_facts_of_a_phone_are_read():
    facts = android.facts(PHONE)
    assert (facts.sdk, facts.machine, facts.page_bytes, facts.nnapi) == (29, "aarch64", 4096, True)
    assert (facts.awake, facts.locked) == (True, False)
    assert facts.free_bytes == 68_700_000 * 1024


def test_a_linux_board_is_known_by_what_its_kernel_says():
    record = android.properties(BOARD, "salt", "board")
    rawlog.check(record, rawlog.DEVICE_FIELDS, "device.json")
    assert record["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert (record["os"], record["os_version"], record["abi"]) == ("Debian GNU/Linux", "12", "aarch64")
    assert record["serial_sha256"] == hashlib.sha256(b"salt:10000000abcdef01").hexdigest()
    assert [core["max_mhz"] for core in record["cores"]] == [1800.0, 1800.0, None, 1500.0]  # by number: 0, 1, 2, 10
    assert record["not_offered"] == ["battery", "maker", "soc"]
    facts = android.facts(BOARD)
    assert (facts.sdk, facts.nnapi, facts.awake, facts.locked) == (None, None, None, None)
    assert (facts.page_bytes, facts.free_bytes) == (16384, 21_000_000 * 1024)


def phone(**changed):
    return android.facts(specimens.answer(**{**specimens.PHONE, **changed}))


@pytest.mark.parametrize(
    ("soc_model", "hardware", "platform", "expected"),
    [
        ("SM8550", specimens.CPUINFO, "kalama", "SM8550"),
        ("", specimens.CPUINFO, "msmnile", "Qualcomm Technologies, Inc SM8150"),
        ("unknown", "", "kirin980", "kirin980"),
        ("", "", "", "qcom"),
    ],
)
def test_the_soc_is_named_by_what_says_most(soc_model, hardware, platform, expected):
    properties = specimens.properties(ro__soc__model=soc_model, ro__board__platform=platform)
    assert phone(properties=properties, hardware=hardware, processor="model name\t: ARMv8 Processor\n").soc == expected


def test_the_name_a_phone_is_sold_by_is_kept_where_its_maker_tells_it():
    properties = specimens.properties(ro__config__marketing_name="HUAWEI P30 Pro", ro__product__model="VOG-AL00")
    record = android.properties(specimens.answer(**{**specimens.PHONE, "properties": properties}), "salt", "x")
    assert (record["model"], record["market_name"]) == ("VOG-AL00", "HUAWEI P30 Pro")
    assert "market_name" not in android.properties(PHONE, "salt", "x")


@pytest.mark.parametrize(
    ("screen", "awake", "locked"),
    [
        ("  mWakefulness=Asleep\n      showing=true\n", False, True),
        ("  mWakefulness=Dozing\n", False, None),
        ("  mWakefulness=Dreaming\n", True, None),
        ("      showingAndNotOccluded=true\n      showing=false\n", None, False),
        ("    mShowingLockscreen=true mShowingDream=false\n", None, True),
        ("  mWakefulness=1\n", None, None),
        ("", None, None),
    ],
)
def test_screen_and_lock_are_known_or_unknown(screen, awake, locked):
    facts = phone(screen=screen)
    assert (facts.awake, facts.locked) == (awake, locked)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("  mScreenOffTimeoutSetting=30000\n", 30.0),
        ("  mScreenOffTimeoutSetting=2147483647\n", 2147483.647),  # some makers write this for "never"
        ("  mScreenOffTimeoutSetting=-1\n", None),
        ("  mScreenOffTimeoutSetting=0\n", None),
        ("  mScreenOffTimeoutSetting=99999999999\n", None),
        ("", None),
    ],
)
def test_the_time_after_which_the_screen_turns_off(line, seconds):
    assert phone(screen=f"  mWakefulness=Awake\n{line}").screen_timeout_s == seconds


def test_nnapi_is_there_if_its_library_is():
    assert phone(nnapi="").nnapi is False
    assert phone(nnapi="/apex/com.android.neuralnetworks/lib64\n").nnapi is True


@pytest.mark.parametrize("cut", [b"", b"@aiot-section properties\n", PHONE.encode()[:-6], b"\xff\xfe\n" * 9])
def test_an_answer_that_was_cut_short_is_refused(cut):
    with pytest.raises(DeviceError, match=r"is cut off.*try again"):
        android.facts(cut)


def test_no_more_of_an_answer_is_read_than_the_limit():
    flood = specimens.answer(properties="x" * answers.ANSWER_LIMIT_BYTES, end="")
    with pytest.raises(DeviceError, match="is cut off"):
        android.facts(flood)
    assert answers.split_sections(flood.encode())["properties"] == "x" * (
        answers.ANSWER_LIMIT_BYTES - len("\n@aiot-section properties\n")
    )


@pytest.mark.parametrize("section", ["properties", "battery", "thermal", "storage", "screen", "zones", "load"])
@pytest.mark.parametrize("piece", [" ", "\n", "1 ", "A ", "Temperature{mValue=1, mType=0, mName=", "[ro.a]: [", ":"])
def test_a_flood_takes_time_in_proportion_to_its_size(section, piece):
    flood = specimens.answer(**{section: piece * (answers.ANSWER_LIMIT_BYTES // len(piece) - 100)})
    began = time.perf_counter()
    android.facts(flood)
    answers.current_state(flood)
    assert time.perf_counter() - began < 10  # quadratic time would be minutes


def test_a_terminal_on_the_way_changes_nothing():
    assert android.facts(PHONE.replace("\n", "\r\n").encode()) == android.facts(PHONE)


def test_output_before_the_first_section_is_ignored():
    assert android.facts("Welcome!\n[ro.serialno]: [no]\n" + PHONE) == android.facts(PHONE)


def test_without_a_serial_of_its_own_a_device_has_none():
    facts = android.facts(specimens.answer(**{**specimens.BOARD, "serial": ""}))
    assert facts.serial is None
    record = android.properties(specimens.answer(**{**specimens.BOARD, "serial": ""}), "salt", "x", keep_serial=True)
    assert (record["serial"], record["serial_sha256"]) == (None, None)
    assert "serial_sha256" in record["not_offered"]
    assert phone(properties=specimens.properties(ro__serialno="unknown", ro__boot__serialno="b00")).serial == "b00"


@pytest.mark.parametrize(
    "answer", ["", "null", "9774d56d682e549c", "cmd: Can't find service: settings", "3f7a91c2d4e5b6080", "3F7A", "a\nb"]
)
def test_what_is_no_id_of_a_system_is_none(answer):
    assert phone(system=answer).system_id is None
    assert phone(system="f7a91c2d4e5b608\n").system_id == "f7a91c2d4e5b608", "Android leaves out leading zeros"


def test_of_two_sections_with_one_name_the_first_counts():
    assert android.facts(PHONE + "@aiot-section kernel\nforged\n").kernel == "4.14.117-perf-g1a2b3c4"


@given(value=hostile)
def test_any_property_gives_a_device_json_that_can_be_written_and_shown(value):
    properties = specimens.properties(
        **dict.fromkeys(["ro__product__manufacturer", "ro__product__model", "ro__serialno", "ro__soc__model"], value)
    )
    answer = specimens.answer(**{**specimens.PHONE, "properties": properties, "kernel": value, "hardware": value})
    try:
        record = android.properties(answer, "salt", "x", keep_serial=True)
    except DeviceError:  # the value is as long as the limit, or contains the mark of a section
        return
    rawlog.check(record, rawlog.DEVICE_FIELDS, "device.json")
    for name in ("maker", "model", "soc", "kernel", "serial"):
        text = record[name]
        assert text is None or (text.isprintable() and 0 < len(text) <= answers.VALUE_LIMIT)
        assert text is None or text.encode("utf-8")
    facts = android.facts(answer)
    assert SLUG.fullmatch(android.slug(facts.maker, facts.model, facts.serial or value, "salt"))


@given(st.one_of(st.binary(), st.text(), st.builds(lambda body: PHONE.replace("84", body), st.text())))
def test_no_answer_breaks_the_reader(answer):
    try:
        record = android.properties(answer, "salt", "x")
    except DeviceError:
        pass
    else:
        rawlog.check(record, rawlog.DEVICE_FIELDS, "device.json")
    line = {"at": rawlog.utc_now(), "instance": None, **answers.current_state(answer)}
    rawlog.check(line, rawlog.TELEMETRY_FIELDS, "telemetry.jsonl")


@given(maker=hostile, model=hostile, identity=hostile)
def test_a_slug_is_always_safe_in_a_path(maker, model, identity):
    assert SLUG.fullmatch(android.slug(maker, model, identity, "salt"))


def test_slugs_tell_devices_apart_without_telling_their_serials():
    slug = android.slug("HUAWEI", "HUAWEI P30 Pro", "serial1", "salt")
    assert re.fullmatch(r"huawei-p30-pro-[0-9a-f]{8}", slug)
    assert slug == android.slug("HUAWEI", "HUAWEI P30 Pro", "serial1", "salt")
    assert slug != android.slug("HUAWEI", "HUAWEI P30 Pro", "serial2", "salt")
    assert slug != android.slug("HUAWEI", "HUAWEI P30 Pro", "serial1", "pepper")
    assert android.slug("Citroën", "É 1", "s", "salt").startswith("citroen-e-1-")
    assert android.slug("小米", "红米", "s", "salt").startswith("device-")
    assert android.slug(None, None, "s", "salt").startswith("device-")


def test_a_slug_begins_the_hash_that_device_json_has():
    record = android.properties(PHONE, "salt", "x")
    assert android.slug("a", "b", "9f1c2d3e", "salt").endswith("-" + record["serial_sha256"][:8])


# ---- state


def state(**sections):
    return answers.current_state(specimens.answer(**sections))


def test_the_state_of_a_phone():
    assert state(
        battery=specimens.BATTERY,
        thermal=specimens.THERMAL,
        frequency="1785600\n1785600\n\n2419200\n0\n",
        load="3.50 2.10 1.00 4/1234 5678\n",
    ) == {
        "temperature_c": 43.8,
        "temperature_sensor": "CPU7",
        "battery_temperature_c": 32.6,
        "skin_temperature_c": 33.4,
        "thermal_status": "light",
        "throttling": None,
        "frequency_mhz": 1996.8,
        "battery_percent": 84.0,
        "plugged": True,
        "charging": True,
        "charge_uah": 3_112_000.0,
        "voltage_mv": 4063.0,
        "current_ua": None,
        "overridden": False,
        "load_average": 3.5,
    }


@pytest.mark.parametrize(
    ("battery", "supply", "charge_uah", "current_ua"),
    [
        (specimens.BATTERY, "charge_counter 3000000\ncurrent_now -512000\n", 3_112_000.0, -512_000.0),
        (specimens.BATTERY.replace("3112000", "0"), "charge_counter 3000000\n", 3_000_000.0, None),
        (specimens.BATTERY.replace("3112000", "0"), "charge_counter 0\ncurrent_now 0\n", None, None),
        (specimens.BATTERY_WITH_A_MAKERS_LINES, "", None, 321.0),  # the phone does not report the counter
        (specimens.BATTERY + "  current now: 321\n  charge counter: 0\n", "current_now 400\n", 3_112_000.0, 400.0),
        (specimens.BATTERY, "charge_counter 1e9\ncurrent_now 99999999999\n", 3_112_000.0, None),
        ("", "charge_counter 3000000\ncurrent_now -512000\n", 3_000_000.0, -512_000.0),
    ],
)
def test_charge_and_current_are_those_that_the_phone_tells(battery, supply, charge_uah, current_ua):
    values = state(battery=battery, supply=supply)
    assert (values["charge_uah"], values["current_ua"]) == (charge_uah, current_ua)


def test_the_script_reads_the_batteries_among_the_power_supplies(tmp_path):
    supplies = {
        "usb": {"type": "USB", "current_now": "900000"},
        "battery": {"type": "Battery", "current_now": "-512000", "charge_counter": "3000000"},
        "bms": {"type": "BMS", "current_now": "1"},
        "odd": {"current_now": "2"},
    }
    for name, files in supplies.items():
        (tmp_path / name).mkdir()
        for file, text in files.items():
            (tmp_path / name / file).write_text(f"{text}\n")
    script = answers.STATE_SCRIPT.replace("/sys/class/power_supply", str(tmp_path))
    printed = subprocess.run(["sh", "-c", script], check=True, capture_output=True).stdout
    assert answers.split_sections(printed)["supply"] == "charge_counter 3000000\ncurrent_now -512000\n"
    values = answers.current_state(printed)
    assert (values["charge_uah"], values["current_ua"]) == (3_000_000.0, -512_000.0)


def test_values_that_the_system_does_not_offer_are_unknown():
    unknown = state()
    assert unknown.pop("overridden") is False
    assert set(unknown.values()) == {None}


def test_a_makers_lines_do_not_hide_those_of_android():
    values = state(battery=specimens.BATTERY_WITH_A_MAKERS_LINES)
    assert (values["battery_percent"], values["plugged"], values["charging"]) == (75.0, False, False)
    assert (values["temperature_c"], values["temperature_sensor"]) == (29.8, "battery")
    assert values["overridden"] is True


def test_a_device_without_a_battery_has_none():
    assert answers.parse_battery(specimens.NO_BATTERY) is None
    assert answers.parse_battery("Can't find service: battery\n") is None


def test_without_a_thermal_hal_the_status_is_unknown():
    assert state(thermal=specimens.THERMAL_WITHOUT_HAL)["thermal_status"] is None
    by_hand = specimens.THERMAL_WITHOUT_HAL.replace("Override: false", "Override: true").replace("us: 0", "us: 3")
    values = state(thermal=by_hand)
    assert (values["thermal_status"], values["overridden"]) == ("severe", True)


@pytest.mark.parametrize(("number", "name"), list(enumerate(answers.THERMAL_STATUSES)))
def test_a_status_has_its_name(number, name):
    output = specimens.THERMAL.replace("Thermal Status: 1", f"Thermal Status: {number}")
    assert state(thermal=output)["thermal_status"] == name


@pytest.mark.parametrize(
    ("status", "thresholds", "name"),
    [
        ("0", None, None),  # Android 10 does not print thresholds
        ("0", "", None),
        ("0", "\tTemperatureThreshold{mType=3, mName=skin, mHotThrottlingThresholds=[NaN, NaN, NaN]}\n", None),
        ("0", "\tTemperatureThreshold{mType=0, mName=cpu, mHotThrottlingThresholds=[NaN, 95.0]}\n", None),
        ("0", "\tTemperatureThreshold{mType=4, mName=TYPE_SKIN, mHotThrottlingThresholds=[NaN, 45.0]}\n", "none"),
        ("0", "\tTemperatureThreshold{mType=3, mName=quiet-therm, mHotThrottlingThresholds=[NaN, 45.0]}\n", "none"),
        ("2", "", "moderate"),
    ],
)
def test_a_status_of_none_says_something_only_with_thresholds_of_the_skin(status, thresholds, name):
    output = f"IsStatusOverride: false\nThermal Status: {status}\nHAL Ready: true\n"
    output += "" if thresholds is None else f"Temperature static thresholds from HAL:\n{thresholds}"
    assert state(thermal=output)["thermal_status"] == name
    by_hand = output.replace("Override: false", "Override: true")
    assert state(thermal=by_hand)["thermal_status"] == answers.THERMAL_STATUSES[int(status)]


def test_the_name_of_a_type_decides_over_its_number():
    values = state(thermal=specimens.THERMAL_OTHER_NUMBERS)
    assert (values["skin_temperature_c"], values["battery_temperature_c"]) == (25.3, 24.4)
    assert (values["temperature_c"], values["temperature_sensor"]) == (71.5, "TYPE_CPU")
    assert values["thermal_status"] is None


def test_the_state_of_charge_is_no_temperature_of_a_chip():
    thermal = "\tTemperature{mValue=77.0, mType=8, mName=soc, mStatus=0}\n"
    assert state(thermal=thermal)["temperature_c"] is None
    assert state(thermal=thermal.replace("mType=8, mName=soc", "mType=7, mName=TYPE_SOC"))["temperature_c"] == 77.0


@pytest.mark.parametrize("status", ["7", "9", "-1", "12", "", "none"])
def test_a_status_that_android_does_not_have_is_unknown(status):
    assert state(thermal=f"Thermal Status: {status}\n")["thermal_status"] is None


def test_cached_temperatures_serve_where_the_hal_gives_none():
    cached, _, _ = specimens.THERMAL.partition("Current temperatures from HAL:")
    for text in (cached, cached + "Current temperatures from HAL:\nCurrent cooling devices from HAL:\n"):
        assert state(thermal=text)["temperature_sensor"] == "CPU-old"


@pytest.mark.parametrize("value", ["0.0", "-0.0", "NaN", "Infinity", "-99.9", "25600", "1e999", "", "x", "9" * 29])
def test_values_that_are_no_temperatures_are_dropped(value):
    thermal = f"\tTemperature{{mValue={value}, mType=0, mName=CPU0, mStatus=0}}\n"
    assert state(thermal=thermal)["temperature_c"] is None


def test_the_skin_speaks_where_the_chip_does_not():
    thermal = "\tTemperature{mValue=35.2, mType=3, mName=a, b}, mType=3, mName=skin, mStatus=0}\n"
    values = state(thermal=thermal, battery=specimens.BATTERY)
    assert (values["temperature_c"], values["skin_temperature_c"], values["battery_temperature_c"]) == (
        35.2,
        35.2,
        32.6,
    )


def test_zones_of_a_board_are_in_thousandths_of_a_degree():
    values = state(zones="48312 cpu-thermal\n0 gpu-thermal\n\n51200 soc thermal\n999999 broken\n")
    assert (values["temperature_c"], values["temperature_sensor"]) == (51.2, "soc thermal")
    assert values["battery_temperature_c"] is None


@given(st.text(alphabet="Temperature{mValue=1.5, mType=0mName=\n}:- ", max_size=2000))
def test_no_thermal_text_breaks_the_reader(text):
    state(thermal=text, battery=text, frequency=text, zones=text, load=text)


# ---- scripts in real shells


def shells():
    paths = {name: shutil.which(name) for name in ("dash", "mksh", "sh")}
    return [pytest.param(path, id=name) for name, path in paths.items() if path]


def run(shell, script, *arguments, path):
    environment = {"PATH": path, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [shell, "-c", script, "sh", *arguments], check=False, capture_output=True, env=environment, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def command(folder, name, text):
    """Make a command that prints a text, in which \\udcXX is the byte XX."""
    (folder / f"{name}.txt").write_text(text, encoding="utf-8", errors="surrogateescape")
    (folder / name).write_text(f"#!/bin/sh\nexec /bin/cat '{folder / name}.txt'\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("shell", shells())
def test_this_machine_is_read_by_a_real_shell(shell):
    facts = android.facts(run(shell, android.FACTS, "/nowhere/at/all", path=os.environ["PATH"]))
    assert (facts.machine, facts.kernel) == (os.uname().machine, os.uname().release)
    assert facts.page_bytes == os.sysconf("SC_PAGE_SIZE")
    assert facts.ram_gb == pytest.approx(os.sysconf("SC_PHYS_PAGES") * facts.page_bytes / 2**30, abs=0.06)
    assert len(facts.cores) == len(list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*")))
    disk = shutil.disk_usage("/")
    assert facts.free_bytes == pytest.approx(disk.free, abs=disk.total / 100)
    assert facts.os != "Android"
    assert facts.nnapi is None
    load = answers.current_state(run(shell, answers.STATE_SCRIPT, path=os.environ["PATH"]))["load_average"]
    assert load == pytest.approx(os.getloadavg()[0], abs=1)


@pytest.mark.parametrize("shell", shells())
def test_a_system_without_any_command_answers_and_says_nothing(shell):
    facts = android.facts(run(shell, android.FACTS, path="/nowhere"))
    assert (facts.machine, facts.ram_gb, facts.free_bytes, facts.battery) == (None, None, None, None)
    assert len(facts.cores) > 0  # folders are listed by the shell itself
    assert answers.current_state(run(shell, answers.STATE_SCRIPT, path="/nowhere"))["load_average"] is None


@pytest.mark.parametrize("shell", shells())
def test_a_real_shell_reads_what_a_phones_commands_print(shell, tmp_path):
    other = "[gsm.operator.alpha]: [somebody's]\n[ro.boot.wifimac]: [00:11:22]\n"
    command(tmp_path, "getprop", specimens.properties() + other)
    command(tmp_path, "dumpsys", specimens.BATTERY + specimens.THERMAL + specimens.POWER_AND_WINDOW)
    path = f"{tmp_path}:{os.environ['PATH']}"
    output = run(shell, android.FACTS, path=path)
    assert b"somebody" not in output and b"wifimac" not in output
    facts = android.facts(output)
    assert (facts.maker, facts.model, facts.os, facts.sdk) == ("Xiaomi", "Redmi K20 Pro", "Android", 29)
    assert facts.serial == "9f1c2d3e"
    assert (facts.awake, facts.locked) == (True, False)
    assert facts.battery.percent == 84.0
    values = answers.current_state(run(shell, answers.STATE_SCRIPT, path=path))
    assert (values["battery_percent"], values["temperature_c"], values["thermal_status"]) == (84.0, 43.8, "light")


@pytest.mark.parametrize("shell", shells())
def test_a_property_that_is_no_text_is_read_as_far_as_it_goes(shell, tmp_path):
    command(tmp_path, "getprop", specimens.properties(ro__product__model="K\udcff20"))
    facts = android.facts(run(shell, android.FACTS, path=f"{tmp_path}:{os.environ['PATH']}"))
    assert (facts.maker, facts.model, facts.serial) == ("Xiaomi", "K\ufffd20", "9f1c2d3e")


@pytest.mark.parametrize("shell", shells())
def test_frequencies_and_zones_are_read_from_where_linux_has_them(shell, tmp_path):
    files = {
        "devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1800000\n",
        "devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000\n",
        "devices/system/cpu/cpu2/cpufreq/cpuinfo_max_freq": "2400000\n",
        "devices/system/cpu/cpu2/cpufreq/scaling_cur_freq": "2400000",  # without a line end
        "devices/system/cpu/cpu11/online": "0\n",
        "devices/system/cpu/cpufreq/boost": "1\n",
        "class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "class/thermal/thermal_zone0/temp": "48312\n",
        "class/thermal/thermal_zone1/type": "without a temperature\n",
    }
    for name, text in files.items():
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text(text)
    facts_script, state_script = (
        script.replace("/sys/", f"{tmp_path}/sys/") for script in (android.FACTS, answers.STATE_SCRIPT)
    )
    path = os.environ["PATH"]
    assert android.facts(run(shell, facts_script, path=path)).cores == (
        {"max_mhz": 1800.0, "governor": "ondemand"},
        {"max_mhz": 2400.0, "governor": None},
        {"max_mhz": None, "governor": None},
    )
    values = answers.current_state(run(shell, state_script, path=path))
    assert (values["frequency_mhz"], values["temperature_c"]) == (1500.0, 48.3)
    command(tmp_path, "dumpsys", "")
    on_android = answers.current_state(run(shell, state_script, path=f"{tmp_path}:{path}"))
    assert (on_android["frequency_mhz"], on_android["temperature_c"]) == (1500.0, None)


@pytest.mark.parametrize("value", specimens.HOSTILE)
def test_a_real_shell_runs_nothing_that_a_property_holds(value, tmp_path):
    value = value.replace("\0", "").replace("\ud800", "\udcff")  # a property consists of bytes and ends at a NUL
    command(tmp_path, "getprop", specimens.properties(ro__product__model=value))
    for name in ("reboot", "id", "ls", "rm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho ran >{tmp_path}/harm\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    facts = android.facts(run("/bin/sh", android.FACTS, os.fsencode(value), path=path))
    assert not (tmp_path / "harm").exists()
    assert facts.maker == "Xiaomi"
    assert facts.battery is None
    assert SLUG.fullmatch(android.slug(facts.maker, facts.model, facts.serial, "salt"))


@pytest.mark.parametrize(
    "folder", ["/", "/usr/bin", "/usr/not/there", "/not there/$(id)/'x'", "relative", "-k", "", "//", "/a\nb"]
)
def test_storage_is_that_of_the_nearest_folder_that_exists(folder):
    facts = android.facts(run("/bin/sh", android.FACTS, folder, path=os.environ["PATH"]))
    if folder.startswith("/") or not folder:
        disk = shutil.disk_usage("/")
        assert facts.free_bytes == pytest.approx(disk.free, abs=disk.total / 100)
    else:
        assert facts.free_bytes is None
