"""What devices print: parsing of untrusted text, and the current battery, temperature, frequency and load."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

ANSWER_LIMIT_BYTES = 256 * 1024
"""Maximum number of bytes read of one answer; the scripts print only a few KiB."""

VALUE_LIMIT = 200
"""Maximum number of characters kept of one value. Android allows 91 in a property that can be set."""

PREAMBLE = """\
exec 2>/dev/null
export LC_ALL=C
section() { echo "
@aiot-section $1"; }
"""
"""First lines of every script.

Errors are discarded: a shell without a separate error stream would mix them into the answer. In the C locale, grep does
not skip lines that are not UTF-8. The marker starts on a new line even after a file that does not end with a newline.
"""

_SECTION = re.compile(r"@aiot-section ([a-z_]{1,30})")


def split_sections(answer: str | bytes) -> dict[str, str]:
    """Return the text printed in each section.

    If a name occurs twice, the first section counts. `end` is present only if the answer is complete.
    """
    text = answer[:ANSWER_LIMIT_BYTES]
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    lines_of: dict[str, list[str]] = {}
    lines: list[str] = []  # text before the first section, such as a shell's greeting, is dropped
    for line in text.replace("\r\n", "\n").split("\n"):  # a terminal on the way to the device ends lines in \r\n
        if marker := _SECTION.fullmatch(line):
            lines = []
            lines_of.setdefault(marker[1], lines)
        else:
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in lines_of.items()}


def printable_value(value: str | None) -> str | None:
    """Return a value on one line, of printable characters and at most VALUE_LIMIT long; None if nothing remains.

    Characters that a terminal would act on (escape sequences, marks of writing direction) are not printable.
    """
    text = "".join(character if character.isprintable() else " " for character in (value or "")[: 4 * VALUE_LIMIT])
    return " ".join(text.split())[:VALUE_LIMIT].strip() or None


def parse_number(text: str | None, lowest: float, highest: float) -> float | None:
    """Return the number in a text if it is within the limits, else None."""
    try:
        value = float((text or "")[:30])
    except ValueError:
        return None
    return value if math.isfinite(value) and lowest <= value <= highest else None


def first_match(pattern: re.Pattern[str], text: str | None) -> str | None:
    """Return the first group of the first match, or None."""
    match = pattern.search(text or "")
    return match[1] if match else None


def parse_json(text: str) -> Any:
    """Return the value of a JSON text, or None if it is not valid JSON or nested too deeply to parse."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


STATE_SCRIPT = (
    PREAMBLE
    + """\
section battery
dumpsys battery
section thermal
dumpsys thermalservice
section frequency
for file in /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq; do
  khz=
  read -r khz <"$file"
  echo "$khz"
done
section zones
command -v dumpsys >/dev/null || for zone in /sys/class/thermal/thermal_zone[0-9]*; do
  kind= heat=
  read -r kind <"$zone/type"
  read -r heat <"$zone/temp"
  echo "$heat $kind"
done
section throttled
command -v dumpsys >/dev/null || vcgencmd get_throttled || cat /sys/devices/platform/soc/soc:firmware/get_throttled
section cooling
command -v dumpsys >/dev/null || for device in /sys/class/thermal/cooling_device[0-9]*; do
  kind= step=
  read -r kind <"$device/type"
  case $kind in
    *cpufreq* | Processor) read -r step <"$device/cur_state"; echo "$step $kind" ;;
  esac
done
section supply
for supply in /sys/class/power_supply/*; do
  kind=
  read -r kind <"$supply/type"
  [ "$kind" = Battery ] || continue
  for name in charge_counter current_now; do
    value=
    read -r value <"$supply/$name"
    [ -n "$value" ] && echo "$name $value"
  done
done
section load
cat /proc/loadavg
section end
"""
)
"""Shell script that prints everything `current_state` reads. On a phone it starts only two processes, both dumpsys.

The kernel's thermal zones and cooling devices are read only on systems other than Android: which of them are readable
on a phone depends on its maker. vcgencmd is a tool of the Raspberry Pi, which needs the group `video`; the file in /sys
has the same flags.
"""

THROTTLED_FLAGS = {0: "under-voltage", 1: "capped", 2: "throttled", 3: "hot"}
"""Bits of `vcgencmd get_throttled` that say what slows a Raspberry Pi down now; those from 16 on are about the time
since it started (raspberrypi.com/documentation/computers/os.html#get_throttled)."""

NOT_THROTTLED = "none"

THERMAL_STATUSES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Names of android.os.PowerManager.THERMAL_STATUS_*, by number."""

COLDEST_C, HOTTEST_C = -40.0, 150.0
"""Range of plausible temperatures: some phones report -99.9, or millivolts."""

POWER_LINES = "dumpsys power | grep -E '^ *(mWakefulness|mScreenOffTimeoutSetting)='"
"""Command that prints whether the screen is on, and the time in milliseconds after which it turns off."""

SCREEN_ON = ("Awake", "Dreaming")
"""Values of mWakefulness for which the screen is on. Android calls a screen saver a dream."""

CHARGE_LIMIT_UAH, CURRENT_LIMIT_UA, VOLTAGE_LIMITS_MV = 1e8, 1e8, (2500.0, 10_000.0)
"""Limits of plausible readings of a phone's battery, which has one or two cells in series."""

_CHARGING = 2
_TYPES = ("CPU", "GPU", "BATTERY", "SKIN", "USB_PORT", "POWER_AMPLIFIER", "BCL_VOLTAGE", "BCL_CURRENT",
          "BCL_PERCENTAGE", "NPU", "TPU", "DISPLAY", "MODEM", "SOC")  # fmt: skip
"""Names of android.os.Temperature.TYPE_*, by number. The BCL types are not temperatures: volts, amperes and percent."""

_CHIP_TYPES = ("CPU", "GPU", "NPU", "TPU", "SOC")
_WAKEFULNESS = re.compile(r"mWakefulness=([A-Z][a-z]{1,20})")
_SCREEN_OFF_TIMEOUT = re.compile(r"mScreenOffTimeoutSetting=(\d{1,10})\b")
_FIELD = re.compile(r"^[ \t]*([A-Za-z][A-Za-z ]{0,40}): ?(\S{1,40})[ \t]*$", re.MULTILINE)
_TEMPERATURE = re.compile(r"Temperature\{mValue=([^,}]{1,30}), mType=(-?\d{1,4}), mName=([^\n]{0,100}?), mStatus=")
_THRESHOLD = re.compile(
    r"TemperatureThreshold\{mType=(-?\d{1,4}), mName=([^\n]{0,100}?), mHotThrottlingThresholds=\[([^\]\n]{0,200})\]"
)
_TYPE_NAME = re.compile(rf"TYPE_({'|'.join(_TYPES)})\d{{0,3}}", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"(CPU|GPU|NPU|TPU|BATTERY|BATT?|SKIN)\d{0,3}", re.IGNORECASE)
_STATUS = re.compile(r"^[ \t]*Thermal Status: (\d)[ \t]*$", re.MULTILINE)
_ZONE_OF_CHIP = re.compile(r"cpu|gpu|npu|soc|core|cluster|center|package|pkg|^tj", re.IGNORECASE)
_ZONE_CONSTANT = "PMIC-Die"  # 100 degrees at any time on a Jetson Nano, TX1 and TX2
_THROTTLED = re.compile(r"^(?:throttled=)?(?:0x)?([0-9a-f]{1,8})$", re.MULTILINE)
_COOLING = re.compile(r"^(\d{1,6}) \S", re.MULTILINE)
_ZONE = re.compile(r"^(-?\d{1,7}) (\S[^\n]{0,60})$", re.MULTILINE)
_SUPPLY = re.compile(r"^(charge_counter|current_now) (-?\d{1,10})$", re.MULTILINE)
_LOAD = re.compile(r"([0-9.]{1,10})\s")


@dataclass(frozen=True)
class Battery:
    """State of the battery according to `dumpsys battery`. A field is None if it is not reported."""

    percent: float | None
    temperature_c: float | None
    plugged: bool | None
    charging: bool | None
    overridden: bool  # whether the values were set by hand with `dumpsys battery set`
    charge_uah: float | None = None  # reading of the charge counter, in microampere-hours according to Android
    voltage_mv: float | None = None
    current_ua: float | None = None  # a line of some makers, whose unit is not documented


def current_state(answer: str | bytes) -> dict[str, Any]:
    """Return the current state of a device from the output of STATE. Never raises.

    The result has the fields of a line of telemetry.jsonl and those below. What the device does not offer is None.

    - `temperature_sensor`: the sensor of `temperature_c`: the hottest of the chip, else of the skin, else the battery's
    - `battery_temperature_c`, `skin_temperature_c`, `plugged`, `charging`
    - `charge_uah`, `voltage_mv`, `current_ua`: charge counter, voltage and current of the battery, the last of either
      sign and, depending on the maker, not in the unit that Android and the kernel document
    - `throttling`: what slows a board down now, several of THROTTLED_FLAGS or NOT_THROTTLED. On boards other than a
      Raspberry Pi it is "capped" if the kernel's thermal management limits the clock rate of a core.
    - `overridden`: whether the battery values or the thermal status were set by hand
    """
    texts = split_sections(answer)
    battery_state = parse_battery(texts.get("battery"))
    thermal = texts.get("thermal", "")
    sensors = _sensors(thermal) + _zones(texts.get("zones", ""))
    skin_c = max((celsius for celsius, kind, _ in sensors if kind == "SKIN"), default=None)
    supply = dict(_SUPPLY.findall(texts.get("supply", "")))
    charge_uah = battery_state.charge_uah if battery_state else None
    current_ua = parse_number(supply.get("current_now"), -CURRENT_LIMIT_UA, CURRENT_LIMIT_UA)
    battery_c = battery_state.temperature_c if battery_state else None
    if battery_c is None:
        battery_c = max((celsius for celsius, kind, _ in sensors if kind == "BATTERY"), default=None)
    hottest_c, sensor = _hottest(sensors, battery_c)
    return {
        "temperature_c": hottest_c,
        "temperature_sensor": sensor,
        "battery_temperature_c": battery_c,
        "skin_temperature_c": skin_c,
        "thermal_status": _thermal_status(thermal),
        "throttling": parse_throttling(texts.get("throttled", ""), texts.get("cooling", "")),
        "frequency_mhz": _mean_mhz(texts.get("frequency", "")),
        "battery_percent": battery_state.percent if battery_state else None,
        "plugged": battery_state.plugged if battery_state else None,
        "charging": battery_state.charging if battery_state else None,
        "charge_uah": charge_uah or parse_number(supply.get("charge_counter"), 1, CHARGE_LIMIT_UAH),
        "voltage_mv": battery_state.voltage_mv if battery_state else None,
        "current_ua": current_ua or (battery_state.current_ua if battery_state else None),
        "overridden": "IsStatusOverride: true" in thermal or bool(battery_state and battery_state.overridden),
        "load_average": parse_number(first_match(_LOAD, texts.get("load")), 0, 1e6),
    }


def parse_wakefulness(text: str | None) -> str | None:
    """Return Android's state of the screen from the output of POWER_LINES, such as Awake, Dreaming or Asleep."""
    return first_match(_WAKEFULNESS, text)


def parse_screen_timeout(text: str | None) -> float | None:
    """Return the seconds without a touch after which the screen turns off, from the output of POWER_LINES."""
    milliseconds = parse_number(first_match(_SCREEN_OFF_TIMEOUT, text), 1, 2**31 - 1)
    return milliseconds / 1000 if milliseconds else None


def parse_battery(text: str | None) -> Battery | None:
    """Parse the output of `dumpsys battery`. Return None if it describes no battery or says that none is present."""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text or ""):  # makers add lines; Android's own come first
        fields.setdefault(name.lower(), value)
    if not {"level", "status", "temperature"} & set(fields) or fields.get("present") == "false":
        return None
    level, scale = parse_number(fields.get("level"), 0, 1e6), parse_number(fields.get("scale", "100"), 1, 1e6)
    percent = None if level is None or scale is None or level > scale else round(100 * level / scale, 1)
    tenths = parse_number(fields.get("temperature"), 10 * COLDEST_C, 10 * HOTTEST_C)
    sources = {value for name, value in fields.items() if name.endswith(" powered")}
    status = parse_number(fields.get("status"), 1, 5)
    return Battery(
        percent=percent,
        temperature_c=tenths / 10 if tenths else None,  # a missing sensor reads 0
        plugged="true" in sources if sources else None,
        charging=None if status is None else status == _CHARGING,
        overridden="(UPDATES STOPPED" in (text or ""),
        # makers that lack a reading print 0
        charge_uah=parse_number(fields.get("charge counter"), 1, CHARGE_LIMIT_UAH),
        voltage_mv=parse_number(fields.get("voltage"), *VOLTAGE_LIMITS_MV),
        current_ua=parse_number(fields.get("current now"), -CURRENT_LIMIT_UA, CURRENT_LIMIT_UA) or None,
    )


def _kind(number: str, name: str) -> str | None:
    """Return the type of a sensor, such as "SKIN".

    A name that is one of Android's types takes precedence over the number, since some makers number the types
    differently. Some values that are not temperatures have names such as "soc" (state of charge), so for the BCL types
    only the full name of a type counts.
    """
    if match := _TYPE_NAME.fullmatch(name.strip()):
        return match[1].upper()
    numbered = _TYPES[int(number)] if 0 <= int(number) < len(_TYPES) else None
    if (match := _PLAIN_NAME.fullmatch(name.strip())) and not (numbered or "").startswith("BCL_"):
        plain = match[1].upper()
        return "BATTERY" if plain.startswith("BAT") else plain
    return numbered


def _sensors(text: str) -> list[tuple[float, str | None, str]]:
    """Return temperature in degrees Celsius, type and name of each sensor: current readings, else cached ones."""
    _, separator, current = text.partition("Current temperatures from HAL:")
    for part in (current, text) if separator else (text,):
        readings = []
        for value, kind, name in _TEMPERATURE.findall(part):
            celsius = parse_number(value, COLDEST_C, HOTTEST_C)
            if celsius:  # an idle or missing sensor reads 0.0
                readings.append((round(celsius, 1), _kind(kind, name), printable_value(name) or f"type {kind}"))
        if readings:
            return readings
    return []


def _zones(text: str) -> list[tuple[float, str | None, str]]:
    """Return the kernel's thermal zones in the format of _sensors.

    The kernel reports thousandths of a degree. The zones are those of a board, of which some may be of other parts,
    such as a radio; they count as the chip if no zone is named like one.
    """
    zones = [
        (round(celsius / 1000, 1), printable_value(name) or "zone")
        for value, name in _ZONE.findall(text)
        if (celsius := parse_number(value, 1000 * COLDEST_C, 1000 * HOTTEST_C)) and name.strip() != _ZONE_CONSTANT
    ]
    of_chip = [(celsius, name) for celsius, name in zones if _ZONE_OF_CHIP.search(name)]
    return [(celsius, _CHIP_TYPES[0], name) for celsius, name in of_chip or zones]


def parse_throttling(flags: str, cooling: str) -> str | None:
    """Return what slows a board down now, NOT_THROTTLED if nothing does, or None if it is unknown.

    `flags` is the output of vcgencmd, or the content of the file in /sys; `cooling` has the step and the name of each
    cooling device of a processor, one per line.
    """
    hexadecimal = first_match(_THROTTLED, flags)
    steps = [int(step) for step in _COOLING.findall(cooling)]
    if hexadecimal is None and not steps:
        return None
    reasons = [name for bit, name in THROTTLED_FLAGS.items() if int(hexadecimal or "0", 16) >> bit & 1]
    if any(steps) and "capped" not in reasons:
        reasons.append("capped")
    return ", ".join(reasons) or NOT_THROTTLED


def _hottest(sensors: list[tuple[float, str | None, str]], battery_c: float | None) -> tuple[float | None, str | None]:
    """Return temperature and name of the hottest sensor of the chip, else of the skin, else the battery."""
    for kinds in (_CHIP_TYPES, ("SKIN",)):
        if candidates := [(celsius, name) for celsius, kind, name in sensors if kind in kinds]:
            return max(candidates)
    return battery_c, None if battery_c is None else "battery"


def _thermal_status(text: str) -> str | None:
    """Return the name of the thermal status, or None if the status carries no information.

    Android derives the status from the thresholds that the thermal HAL reports for the skin. Without thresholds or
    without a HAL, it is always 0. A status that is not 0, or that was set by hand, is one that Android acts on.
    """
    digit = first_match(_STATUS, text)
    if digit is None or int(digit) >= len(THERMAL_STATUSES):
        return None
    if "IsStatusOverride: true" not in text:
        if "HAL Ready: false" in text:
            return None
        if digit == "0" and not _has_thresholds(text):
            return None
    return THERMAL_STATUSES[int(digit)]


def _has_thresholds(text: str) -> bool:
    """Return whether the thermal HAL reports a skin temperature above which the device is throttled."""
    return any(
        _kind(type_number, name) == "SKIN"
        and any(parse_number(threshold, COLDEST_C, HOTTEST_C) is not None for threshold in hot_thresholds.split(","))
        for type_number, name, hot_thresholds in _THRESHOLD.findall(text)
    )


def _mean_mhz(text: str) -> float | None:
    """Return the mean frequency over the cores that report one in kHz."""
    frequencies = [khz for line in text.split() if (khz := parse_number(line, 1, 1e8))]
    return round(sum(frequencies) / len(frequencies) / 1000, 1) if frequencies else None
