"""What is right and wrong with an attached device before a run, and what to do about it. All thresholds are here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from runner.devices.android import AndroidFacts
from runner.devices.answers import THERMAL_STATUSES, cleaned

BATTERY_LOW_PERCENT = 30
"""Under it a run may not come to its end, and some phones begin to save power."""

BODY_WARM_C, BODY_HOT_C = 40.0, 45.0
"""Of battery or skin. Lithium cells are to be charged up to 45 degrees (JEITA's guideline); that a phone at rest stays
well below 40 is assumed."""

CHIP_HOT_C = 70.0
"""Of a chip that has nothing to do, judged where the thermal status is not known. A Raspberry Pi slows down from 80
degrees on (Raspberry Pi documentation, "Frequency management and thermal control")."""

FREE_LOW_BYTES, FREE_TOO_LOW_BYTES = 2 * 10**9, 5 * 10**8
"""The model files of the paper's three frameworks take 1.0 GB as prepared here, both bundles unpacked 0.43 GB, and the
archive of the larger one 0.07 GB while it is unpacked."""

NNAPI_SINCE_SDK, NNAPI_DEPRECATED_SDK = 27, 35
"""Android 8.1 and Android 15 (NNAPI Migration Guide, developer.android.com/ndk/guides/neuralnetworks)."""

USUAL_PAGE_BYTES = 4096
"""Of memory. Android 15 runs with larger ones too (developer.android.com/guide/practices/page-sizes)."""

WIDE_MACHINES = ("aarch64", "x86_64")
"""Processors that there are bundles for."""

LEVELS = ("ok", "note", "warning", "problem")
Level = Literal["ok", "note", "warning", "problem"]

_STATES = {
    "unauthorized": (
        "The device has not authorized this computer for debugging.",
        (
            "unlock it and accept 'Allow USB debugging'; if it does not ask, choose 'Revoke USB debugging "
            "authorizations' in its developer options and reconnect it"
        ),
    ),
    "authorizing": ("The device is asking whether to allow debugging from this computer.", "unlock it and accept"),
    "connecting": ("The connection is being established.", "wait a few seconds and try again"),
    "absent": ("adb does not know this device.", "connect it and turn on USB debugging, or name it with `--connect`"),
    "offline": (
        "adb sees the device but gets no answer from it.",
        (
            "unplug and reconnect it, or turn USB debugging off and on; over the network: `adb disconnect "
            "ADDRESS`, then `adb connect ADDRESS`"
        ),
    ),
    "no permissions": (
        "This computer's user is not permitted to open the USB device.",
        (
            "on Debian and Ubuntu: `sudo apt install android-sdk-platform-tools-common`, add yourself to the "
            "group plugdev, log in again and reconnect the device"
        ),
    ),
    "bootloader": ("The device is in its boot loader.", "run `fastboot reboot`, or restart it with its buttons"),
    "recovery": ("The device is in recovery mode.", "choose 'Reboot system now' on it"),
    "sideload": ("The device is waiting for an update by adb.", "choose 'Reboot system now' on it"),
    "rescue": ("The device is in rescue mode.", "choose 'Reboot system now' on it"),
}
"""What adb says of a device that cannot be used: what that means, and what helps."""

_WIRELESS = (
    "for a run under the rules of MLPerf Mobile (not plugged in), connect over the network: `--connect HOST:PORT`"
)
_STAY_ON = (
    "unlock it, and keep the screen on while plugged in: `adb shell svc power stayon true` (to undo: `... false`)"
)


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    check: str
    level: Level
    said: str  # a sentence
    remedy: str | None = None  # what to do


@dataclass(frozen=True)
class Limits:
    """What a device must be like for a run to begin. What it does not tell stands in no way."""

    battery_percent: float = BATTERY_LOW_PERCENT  # at least
    body_c: float = BODY_WARM_C  # of battery and skin, at most
    chip_c: float = CHIP_HOT_C  # at most, where the thermal status is not known
    thermal_status: str = "none"  # at most, of THERMAL_STATUSES


def findings(
    connection_state: str,
    facts: AndroidFacts | None,
    state: Mapping[str, Any] | None,
    abilities: Mapping[str, Collection[str]] | None = None,
    features: Collection[str] | None = None,
) -> list[Finding]:
    """What is to be said of a device, check by check, the good things too.

    `connection_state` is adb's word for it: only of a "device" more can be known. `facts` is
    `runner.devices.android.facts`, `state` is `runner.devices.answers.state`. `abilities` has for each framework
    the ways it can run there, like "legacy" or "benchmark_model", empty where there is none. `features` are those of
    its adbd. What is None was not asked, and nothing is said of it.
    """
    found = [_connection(connection_state)]
    if found[0].level != "ok":
        return found
    if features is not None:
        found.append(_shell(features))
    if facts is not None:
        found += [_processor(facts), _storage(facts), _screen(facts)]
        if (facts.page_bytes or 0) > USUAL_PAGE_BYTES:
            found.append(_pages(facts))
    if state is not None:
        found += [_battery(state), _charging(state), _temperature(state), _thermal_status(state)]
        if state.get("overridden"):
            found.append(_overridden())
    if facts is not None:
        found.append(_nnapi(facts))
    return found + [_framework(name, ways) for name, ways in (abilities or {}).items()]


def gate(state: Mapping[str, Any], limits: Limits | None = None) -> list[str]:
    """Why a run should not begin yet on a device in this state (`android_state.state`); [] if it may."""
    limits = limits or Limits()
    reasons = []
    battery, status = state.get("battery_percent"), state.get("thermal_status")
    if battery is not None and battery < limits.battery_percent:
        reasons.append(f"its battery is at {battery:g} %, below {limits.battery_percent:g} %")
    body = _body(state)
    for name, heat in body.items():
        if heat > limits.body_c:
            reasons.append(f"its {name} is at {heat:.1f} °C, above {limits.body_c:.1f} °C")
    chip = state.get("temperature_c")
    if status is None and chip is not None and chip > limits.chip_c:
        reasons.append(f"its chip is at {chip:.1f} °C, above {limits.chip_c:.1f} °C")
    if status in THERMAL_STATUSES and _severity(status) > _severity(limits.thermal_status):
        reasons.append(f"its thermal status is {status}, worse than {limits.thermal_status}")
    return reasons


def worst(found: Iterable[Finding]) -> Level:
    """The worst level there is among findings, "ok" without any."""
    return max((finding.level for finding in found), key=LEVELS.index, default="ok")


def as_json(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """The findings as JSON has them: check, level, said, remedy."""
    return [asdict(finding) for finding in found]


def lines(found: Iterable[Finding]) -> list[str]:
    """The findings as plain text, one a line; no line holds anything that a terminal would act on."""
    return [
        f"{one.level:<7}  {one.check}: {one.said}" + (f" To do: {one.remedy}." if one.remedy else "") for one in found
    ]


def _connection(said: str) -> Finding:
    if said == "device":
        return Finding("connection", "ok", "The device answers.")
    for known, (meaning, remedy) in _STATES.items():
        if said.startswith(known):  # adb adds reasons and links to "no permissions"
            return Finding("connection", "problem", meaning, remedy)
    return Finding(
        "connection", "problem", f"adb reports the state {cleaned(said)!r} for the device.", "unplug and reconnect it"
    )


def _shell(features: Collection[str]) -> Finding:
    if "shell_v2" in features:
        return Finding("shell", "ok", "Its shell reports exit codes and separates errors from output.")
    said = "Its adbd lacks shell_v2 (available since Android 7), so exit codes and errors are obtained by a workaround."
    return Finding("shell", "note", said, "nothing; each command takes a little longer")


def _processor(facts: AndroidFacts) -> Finding:
    name = facts.machine or "an unknown processor"
    if facts.machine in WIDE_MACHINES:
        return Finding("processor", "ok", f"Its system runs on {name}.")
    if facts.machine is None:
        return Finding("processor", "note", "It does not report its processor.", "check that it is a 64-bit one")
    said = f"Its system runs on {name}, but bundles with Python exist only for {' and '.join(WIDE_MACHINES)}."
    if facts.machine.startswith(("armv7", "armv8", "i686", "i386")):
        said = f"Its system is 32-bit ({name}), but bundles with Python need 64 bits."
    return Finding("processor", "warning", said, "install Python on the device and name it with --device-python")


def _pages(facts: AndroidFacts) -> Finding:
    said = f"Its memory pages have {(facts.page_bytes or 0) // 1024} KB."
    return Finding(
        "pages",
        "note",
        said,
        "bundles support this; a separately installed Python must be linked for pages of this size",
    )


def _storage(facts: AndroidFacts) -> Finding:
    free = facts.free_bytes
    needed = f"{FREE_LOW_BYTES / 1e9:.0f} GB"
    if free is None:
        return Finding("storage", "note", "It does not report its free storage.", f"check that {needed} are free")
    said = f"{free / 1e9:.1f} GB are free in the file system of the device folder."
    if free >= FREE_LOW_BYTES:
        return Finding("storage", "ok", said)
    level: Level = "warning" if free >= FREE_TOO_LOW_BYTES else "problem"
    return Finding("storage", level, said, f"free {needed}, or run fewer models at a time")


def _screen(facts: AndroidFacts) -> Finding:
    """A locked phone may drop USB for a moment when its screen goes off, and adbd with all that it started."""
    if facts.awake is None and facts.locked is None:
        return Finding("screen", "note", "It does not report whether its screen is on or locked.", _STAY_ON)
    if facts.dreaming and not facts.locked:
        return Finding("screen", "warning", "Its screen saver is running, which uses its processor.", _STAY_ON)
    if facts.awake is not False and not facts.locked:
        return Finding("screen", "ok", "Its screen is on and unlocked.")
    said = "Its screen is locked." if facts.locked else "Its screen is off."
    return Finding("screen", "warning", f"{said} Some phones disconnect USB or slow down in this state.", _STAY_ON)


def _battery(state: Mapping[str, Any]) -> Finding:
    percent = state.get("battery_percent")
    if percent is None:
        return Finding("battery", "note", "It does not report a battery.")
    said = f"Its battery is at {percent:g} %."
    if percent >= BATTERY_LOW_PERCENT:
        return Finding("battery", "ok", said)
    return Finding("battery", "warning", said, f"charge it to {BATTERY_LOW_PERCENT} % or more before a run")


def _charging(state: Mapping[str, Any]) -> Finding:
    plugged, charging = state.get("plugged"), state.get("charging")
    if plugged is None and charging is None:
        return Finding("charging", "note", "It does not report whether it is charging.")
    if charging:
        return Finding(
            "charging", "note", "It is charging, which warms it up; this is recorded with every sample.", _WIRELESS
        )
    if plugged:
        return Finding(
            "charging", "note", "It is plugged in but not charging; this is recorded with every sample.", _WIRELESS
        )
    return Finding("charging", "ok", "It is running on battery.")


def _temperature(state: Mapping[str, Any]) -> Finding:
    body, chip = _body(state), state.get("temperature_c")
    if not body and chip is None:
        return Finding("temperature", "note", "It does not report a temperature.", "check by touch that it is cool")
    told = [f"its {name} is at {heat:.1f} °C" for name, heat in body.items()]
    sensor = cleaned(state.get("temperature_sensor")) or "chip"
    if chip is not None and sensor not in body:
        told.append(f"{sensor} is at {chip:.1f} °C")
    said = ", ".join(told)
    said = said[:1].upper() + said[1:] + "."
    hottest = max(body.values(), default=None)
    cool = "let it cool: out of the sun, unplugged, without its case"
    if hottest is not None and hottest > BODY_WARM_C:
        return Finding("temperature", "problem" if hottest > BODY_HOT_C else "warning", said, cool)
    if state.get("thermal_status") is None and chip is not None and chip > CHIP_HOT_C:
        return Finding("temperature", "warning", said, "let it rest, or cool it with a fan")
    return Finding("temperature", "ok", said)


def _thermal_status(state: Mapping[str, Any]) -> Finding:
    status = state.get("thermal_status")
    if status not in THERMAL_STATUSES:
        return Finding("thermal status", "note", "It does not report whether it is thermally throttled.")
    if status == "none":
        return Finding("thermal status", "ok", "It is not thermally throttled.")
    level: Level = "warning" if status == "light" else "problem"
    said = f"It is thermally throttled: its thermal status is {status}."
    return Finding("thermal status", level, said, "let it cool until the status is none")


def _overridden() -> Finding:
    return Finding(
        "override",
        "warning",
        "Its battery or thermal status was overridden by hand, so the reported values are not the real ones.",
        "`adb shell dumpsys battery reset` and `adb shell cmd thermalservice reset`",
    )


def _nnapi(facts: AndroidFacts) -> Finding:
    if facts.os != "Android":
        return Finding("NNAPI", "note", "It does not run Android, and NNAPI is part of Android.")
    if facts.sdk is None:
        return Finding("NNAPI", "note", "It does not report its API level, so whether it has NNAPI is unknown.")
    version = f"Android {facts.os_version}" if facts.os_version else f"API level {facts.sdk}"
    if facts.sdk < NNAPI_SINCE_SDK:
        return Finding(
            "NNAPI", "note", f"{version} has no NNAPI, which was added in Android 8.1.", "run only the CPU instances"
        )
    if not facts.nnapi:
        said = f"{version} should have NNAPI, but its library is not in the usual place."
        return Finding("NNAPI", "warning", said, "run only the CPU instances")
    tool = "TFLite's benchmark_model reports in its log which accelerator ran: docs/native-tools.md"
    if facts.sdk >= NNAPI_DEPRECATED_SDK:
        said = f"{version} has NNAPI, which is deprecated since Android 15: manufacturers may omit their drivers."
        return Finding("NNAPI", "note", said, tool)
    return Finding("NNAPI", "ok", f"{version} has NNAPI; only a run shows whether it uses an accelerator.", tool)


def _framework(name: str, ways: Collection[str]) -> Finding:
    if ways:
        return Finding(f"framework {name}", "ok", f"{name} can run on it: {', '.join(sorted(ways))}.")
    remedy = "build a bundle (`aiot bundle build`), or install the framework in a Python on the device"
    return Finding(f"framework {name}", "warning", f"{name} cannot run on it.", remedy)


def _body(state: Mapping[str, Any]) -> dict[str, float]:
    """Temperatures of what is not the chip, in degrees Celsius, of those that are known."""
    named = {"battery": state.get("battery_temperature_c"), "skin": state.get("skin_temperature_c")}
    return {name: heat for name, heat in named.items() if heat is not None}


def _severity(status: str) -> int:
    return THERMAL_STATUSES.index(status)
