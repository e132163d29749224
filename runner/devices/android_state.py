"""How a device stands while it works: battery, temperatures, throttling, frequency, load. Read through a shell.

Formats: `dumpsys battery` and `dumpsys thermalservice` as Android's BatteryService and ThermalManagerService print
them; their numbers are constants of android.os.BatteryManager, Temperature and PowerManager
(developer.android.com/reference).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from runner.devices.answers import PREAMBLE, cleaned, first, number, sections

STATE = (
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
section load
cat /proc/loadavg
section end
"""
)
"""Prints what `state` reads. Two calls of dumpsys are all the processes it starts on a phone.

Zones are asked for where there is no Android: on phones, which of them can be read differs by maker.
"""

THERMAL_STATUSES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""android.os.PowerManager.THERMAL_STATUS_*, by number."""

COLDEST_C, HOTTEST_C = -40.0, 150.0
"""Other temperatures are no temperatures: some phones say -99.9, or millivolts."""

_CHARGING = 2
_TYPES = ("CPU", "GPU", "BATTERY", "SKIN", "USB_PORT", "POWER_AMPLIFIER", "BCL_VOLTAGE", "BCL_CURRENT",
          "BCL_PERCENTAGE", "NPU", "TPU", "DISPLAY", "MODEM", "SOC")  # fmt: skip
"""android.os.Temperature.TYPE_*, by number. Those of BCL are no temperatures: they are volts, amperes and percent."""

_CHIP_TYPES = ("CPU", "GPU", "NPU", "TPU", "SOC")
_FIELD = re.compile(r"^[ \t]*([A-Za-z][A-Za-z ]{0,40}): ?(\S{1,40})[ \t]*$", re.MULTILINE)
_TEMPERATURE = re.compile(r"Temperature\{mValue=([^,}]{1,30}), mType=(-?\d{1,4}), mName=([^\n]{0,100}?), mStatus=")
_THRESHOLD = re.compile(
    r"TemperatureThreshold\{mType=(-?\d{1,4}), mName=([^\n]{0,100}?), mHotThrottlingThresholds=\[([^\]\n]{0,200})\]"
)
_TYPE_NAME = re.compile(rf"TYPE_({'|'.join(_TYPES)})\d{{0,3}}", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"(CPU|GPU|NPU|TPU|BATTERY|SKIN)\d{0,3}", re.IGNORECASE)
_STATUS = re.compile(r"^[ \t]*Thermal Status: (\d)[ \t]*$", re.MULTILINE)
_ZONE = re.compile(r"^(-?\d{1,7}) (\S[^\n]{0,60})$", re.MULTILINE)
_LOAD = re.compile(r"([0-9.]{1,10})\s")


@dataclass(frozen=True)
class Battery:
    """What `dumpsys battery` says; None for what it does not."""

    percent: float | None
    temperature_c: float | None
    plugged: bool | None
    charging: bool | None
    overridden: bool  # somebody set these values by hand: `dumpsys battery set`


def state(answer: str | bytes) -> dict[str, Any]:
    """How a device stands, from what STATE printed. Has the fields of a line of telemetry.jsonl, and:

    `temperature_sensor`, which sensor `temperature_c` is of: the hottest of the chip's, or where none is offered, of
    the skin, or of the battery; `battery_temperature_c`; `skin_temperature_c`; `plugged`; `charging`; and `overridden`,
    whether somebody set battery or thermal status by hand. What is not offered is None. Raises nothing.
    """
    said = sections(answer)
    power = battery(said.get("battery"))
    thermal = said.get("thermal", "")
    sensors = _sensors(thermal) + _zones(said.get("zones", ""))
    skin_c = max((heat for heat, kind, _ in sensors if kind == "SKIN"), default=None)
    battery_c = power.temperature_c if power else None
    if battery_c is None:
        battery_c = max((heat for heat, kind, _ in sensors if kind == "BATTERY"), default=None)
    hottest_c, sensor = _hottest(sensors, battery_c)
    return {
        "temperature_c": hottest_c,
        "temperature_sensor": sensor,
        "battery_temperature_c": battery_c,
        "skin_temperature_c": skin_c,
        "thermal_status": _thermal_status(thermal),
        "frequency_mhz": _mean_mhz(said.get("frequency", "")),
        "battery_percent": power.percent if power else None,
        "plugged": power.plugged if power else None,
        "charging": power.charging if power else None,
        "overridden": "IsStatusOverride: true" in thermal or bool(power and power.overridden),
        "load_average": number(first(_LOAD, said.get("load")), 0, 1e6),
    }


def battery(text: str | None) -> Battery | None:
    """What `dumpsys battery` printed; None if it says nothing of a battery, or that there is none."""
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text or ""):  # makers add lines; those of Android come first
        fields.setdefault(name.lower(), value)
    if not {"level", "status", "temperature"} & set(fields) or fields.get("present") == "false":
        return None
    level, scale = number(fields.get("level"), 0, 1e6), number(fields.get("scale", "100"), 1, 1e6)
    percent = None if level is None or scale is None or level > scale else round(100 * level / scale, 1)
    tenths = number(fields.get("temperature"), 10 * COLDEST_C, 10 * HOTTEST_C)
    sources = {value for name, value in fields.items() if name.endswith(" powered")}
    status = number(fields.get("status"), 1, 5)
    return Battery(
        percent=percent,
        temperature_c=tenths / 10 if tenths else None,  # 0 is what a missing sensor says
        plugged="true" in sources if sources else None,
        charging=None if status is None else status == _CHARGING,
        overridden="(UPDATES STOPPED" in (text or ""),
    )


def _kind(number: str, name: str) -> str | None:
    """Return the type of a sensor, like "SKIN".

    A name that is one of Android's types decides, since some makers number the types differently. Of the values that
    are no temperatures, some have names like "soc" (state of charge): only the full name of a type decides there.
    """
    if match := _TYPE_NAME.fullmatch(name.strip()):
        return match[1].upper()
    numbered = _TYPES[int(number)] if 0 <= int(number) < len(_TYPES) else None
    if (match := _PLAIN_NAME.fullmatch(name.strip())) and not (numbered or "").startswith("BCL_"):
        return match[1].upper()
    return numbered


def _sensors(text: str) -> list[tuple[float, str | None, str]]:
    """Temperature in degrees Celsius, type and name of each sensor: those asked just now, else those remembered."""
    _, asked, now = text.partition("Current temperatures from HAL:")
    for part in (now, text) if asked else (text,):
        found = []
        for value, kind, name in _TEMPERATURE.findall(part):
            heat = number(value, COLDEST_C, HOTTEST_C)
            if heat:  # 0.0 is what an idle or missing sensor says
                found.append((round(heat, 1), _kind(kind, name), cleaned(name) or f"type {kind}"))
        if found:
            return found
    return []


def _zones(text: str) -> list[tuple[float, str | None, str]]:
    """As _sensors, of the kernel's zones in thousandths of a degree. They are of a board, and count as its chip."""
    found: list[tuple[float, str | None, str]] = []
    for value, name in _ZONE.findall(text):
        heat = number(value, 1000 * COLDEST_C, 1000 * HOTTEST_C)
        if heat:
            found.append((round(heat / 1000, 1), _CHIP_TYPES[0], cleaned(name) or "zone"))
    return found


def _hottest(sensors: list[tuple[float, str | None, str]], battery_c: float | None) -> tuple[float | None, str | None]:
    """The hottest sensor of the chip, else of the skin, else the battery, and its name."""
    for kinds in (_CHIP_TYPES, ("SKIN",)):
        if found := [(heat, name) for heat, kind, name in sensors if kind in kinds]:
            return max(found)
    return battery_c, None if battery_c is None else "battery"


def _thermal_status(text: str) -> str | None:
    """Return the name of the status, or None where it says nothing.

    Android derives the status from the thresholds that the thermal HAL gives for the skin. Without them, or without a
    HAL, it is 0 whatever happens. A status other than 0, or one that was set by hand, is what Android acts on.
    """
    digit = first(_STATUS, text)
    if digit is None or int(digit) >= len(THERMAL_STATUSES):
        return None
    if "IsStatusOverride: true" not in text:
        if "HAL Ready: false" in text:
            return None
        if digit == "0" and not _has_thresholds(text):
            return None
    return THERMAL_STATUSES[int(digit)]


def _has_thresholds(text: str) -> bool:
    """Return whether the thermal HAL gives a temperature of the skin from which on the device is throttled."""
    return any(
        _kind(number_of, name) == "SKIN"
        and any(number(one, COLDEST_C, HOTTEST_C) is not None for one in hot.split(","))
        for number_of, name, hot in _THRESHOLD.findall(text)
    )


def _mean_mhz(text: str) -> float | None:
    """Mean over the cores that say a frequency in kHz."""
    known = [khz for line in text.split() if (khz := number(line, 1, 1e8))]
    return round(sum(known) / len(known) / 1000, 1) if known else None
