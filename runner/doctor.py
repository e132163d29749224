"""Checks of an attached device before a run, with remedies. All thresholds are defined here."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from runner.devices.answers import NOT_THROTTLED, THERMAL_STATUSES, printable_value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from runner.devices.android import AndroidFacts

BATTERY_LOW_PERCENT = 30
"""Below this level, a run may not finish, and some phones start to save power."""

BODY_WARM_C, BODY_HOT_C = 40.0, 45.0
"""Temperatures of battery or skin. JEITA's guideline allows lithium cells to be charged up to 45 degrees; that a phone
at rest stays well below 40 is an assumption."""

CHIP_HOT_C = 70.0
"""Temperature of an idle chip, used if the thermal status is unknown. A Raspberry Pi slows down from 80 degrees on
(Raspberry Pi documentation, "Frequency management and thermal control")."""

FREE_LOW_BYTES, FREE_TOO_LOW_BYTES = 2 * 10**9, 5 * 10**8
"""Free storage. The prepared model files of the paper's three frameworks take 1.0 GB, both bundles take 0.43 GB when
unpacked, and the archive of the larger bundle takes another 0.07 GB while it is unpacked."""

NNAPI_SINCE_SDK, NNAPI_DEPRECATED_SDK = 27, 35
"""API levels of Android 8.1 and Android 15 (NNAPI Migration Guide, developer.android.com/ndk/guides/neuralnetworks)."""

USUAL_PAGE_BYTES = 4096
"""Usual size of a memory page. Android 15 also supports larger pages
(developer.android.com/guide/practices/page-sizes)."""

WIDE_MACHINES = ("aarch64", "x86_64")
"""Processors for which bundles exist."""

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
"""States that adb reports for a device that cannot be used: the meaning of each, and the remedy."""

_WIRELESS = (
    "for a run under the rules of MLPerf Mobile (not plugged in), connect over the network (`--connect HOST:PORT`) and "
    "choose a long time for its screen to turn off: Android keeps the screen on only while the device is plugged in"
)
_STAY_ON = (
    "unlock it, and keep the screen on while plugged in: `adb shell svc power stayon true` (to undo: `... false`)"
)
_ON_BATTERY = (
    "plug it into a computer or a charger, also if it is used over Wi-Fi; or choose a time after which its screen "
    "turns off that is longer than the run"
)


@dataclass(frozen=True)
class Finding:
    """Result of one check."""

    check: str
    level: Level
    message: str  # the result as a sentence
    remedy: str | None = None  # what to do


@dataclass(frozen=True)
class Limits:
    """Limits that a device must meet before a run starts. Values that it does not report are not checked."""

    battery_percent: float = BATTERY_LOW_PERCENT  # at least
    body_c: float = BODY_WARM_C  # of battery and skin, at most
    chip_c: float = CHIP_HOT_C  # at most; checked only if the thermal status is unknown
    thermal_status: str = "none"  # at worst; one of THERMAL_STATUSES


def findings(
    connection_state: str,
    facts: AndroidFacts | None,
    state: Mapping[str, Any] | None,
    abilities: Mapping[str, Collection[str]] | None = None,
    features: Collection[str] | None = None,
) -> list[Finding]:
    """Return the results of all checks of a device, including those that it passes.

    An argument that is None was not queried, and its checks are skipped.

    Parameters
    ----------
    connection_state
        State of the connection according to adb; the other checks are made only if it is "device".
    facts
        See `runner.devices.android.facts`.
    state
        Battery, temperatures and thermal status: see `runner.devices.Device.telemetry`.
    abilities
        For each framework, the ways in which it can run on the device, like "legacy" or "benchmark_model"; empty if
        there are none.
    features
        Features of the device's adbd.
    """
    results = [_connection(connection_state)]
    if results[0].level != "ok":
        return results
    if features is not None:
        results.append(_shell(features))
    if facts is not None:
        results += [_processor(facts), _storage(facts)]
        if facts.os == "Android" or facts.awake is not None or facts.locked is not None:
            results.append(_screen(facts))
        if facts.os != "Android":
            results.append(_governor(facts))
        if (facts.page_bytes or 0) > USUAL_PAGE_BYTES:
            results.append(_pages(facts))
    if state is not None:
        is_board = facts is not None and facts.os != "Android"
        throttling = _throttling(state, facts) if facts is not None and is_board else _thermal_status(state)
        results += [_battery(state), _charging(state), _temperature(state), throttling]
        if state.get("overridden"):
            results.append(_overridden())
    if facts is not None:
        results.append(_nnapi(facts))
    return results + [_framework(name, ways) for name, ways in (abilities or {}).items()]


def gate(state: Mapping[str, Any], limits: Limits | None = None) -> list[str]:
    """Return the reasons why a run should not start yet on a device in this state, empty if it may start."""
    limits = limits or Limits()
    reasons = []
    battery, status = state.get("battery_percent"), state.get("thermal_status")
    if battery is not None and battery < limits.battery_percent:
        reasons.append(f"its battery is at {battery:g}%, below {limits.battery_percent:g}%")
    body = _body(state)
    for name, heat in body.items():
        if heat > limits.body_c:
            reasons.append(f"its {name} is at {heat:.1f} °C, above {limits.body_c:.1f} °C")
    chip = state.get("temperature_c")
    if status is None and chip is not None and chip > limits.chip_c:
        reasons.append(f"its chip is at {chip:.1f} °C, above {limits.chip_c:.1f} °C")
    throttling = state.get("throttling") or NOT_THROTTLED
    if throttling != NOT_THROTTLED and "under-voltage" not in throttling:  # for which it would not help to wait
        reasons.append(f"it is throttled ({throttling})")
    if status in THERMAL_STATUSES and _severity(status) > _severity(limits.thermal_status):
        reasons.append(f"its thermal status is {status}, worse than {limits.thermal_status}")
    return reasons


def worst(results: Iterable[Finding]) -> Level:
    """Return the worst level of the findings, "ok" if there are none."""
    return max((finding.level for finding in results), key=LEVELS.index, default="ok")


def as_json(results: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return the findings as JSON objects with the fields check, level, message and remedy."""
    return [asdict(finding) for finding in results]


def lines(results: Iterable[Finding]) -> list[str]:
    """Return the findings as lines of plain text, without control characters."""
    return [
        f"{finding.level:<7}  {finding.check}: {finding.message}"
        + (f" To do: {finding.remedy}." if finding.remedy else "")
        for finding in results
    ]


def _connection(state: str) -> Finding:
    if state == "device":
        return Finding("connection", "ok", "The device answers.")
    for prefix, (meaning, remedy) in _STATES.items():
        if state.startswith(prefix):  # adb adds reasons and links to "no permissions"
            return Finding("connection", "problem", meaning, remedy)
    return Finding(
        "connection",
        "problem",
        f"adb reports the state {printable_value(state)!r} for the device.",
        "unplug and reconnect it",
    )


def _shell(features: Collection[str]) -> Finding:
    if "shell_v2" in features:
        return Finding("shell", "ok", "Its shell reports exit codes and separates errors from output.")
    sentence = (
        "Its adbd lacks shell_v2 (available since Android 7), so exit codes and errors are obtained by a workaround."
    )
    return Finding("shell", "note", sentence, "nothing; each command takes a little longer")


def _processor(facts: AndroidFacts) -> Finding:
    name = facts.machine or "an unknown processor"
    if facts.machine in WIDE_MACHINES:
        return Finding("processor", "ok", f"Its system runs on {name}.")
    if facts.machine is None:
        return Finding("processor", "note", "It does not report its processor.", "check that it is a 64-bit one")
    sentence = f"Its system runs on {name}, but bundles with Python exist only for {' and '.join(WIDE_MACHINES)}."
    if facts.machine.startswith(("armv7", "armv8", "i686", "i386")):
        sentence = f"Its system is 32-bit ({name}), but bundles with Python need 64 bits."
    return Finding("processor", "warning", sentence, "install Python on the device and name it with --device-python")


def _pages(facts: AndroidFacts) -> Finding:
    sentence = f"Its memory pages have {(facts.page_bytes or 0) // 1024} KB."
    return Finding(
        "pages",
        "note",
        sentence,
        "bundles support this; a separately installed Python must be linked for pages of this size",
    )


def _storage(facts: AndroidFacts) -> Finding:
    free = facts.free_bytes
    needed = f"{FREE_LOW_BYTES / 1e9:.0f} GB"
    if free is None:
        return Finding("storage", "note", "It does not report its free storage.", f"check that {needed} are free")
    sentence = f"{free / 1e9:.1f} GB are free in the file system of the device folder."
    if free >= FREE_LOW_BYTES:
        return Finding("storage", "ok", sentence)
    level: Level = "warning" if free >= FREE_TOO_LOW_BYTES else "problem"
    return Finding("storage", level, sentence, f"free {needed}, or run fewer models at a time")


def _screen(facts: AndroidFacts) -> Finding:
    """Check the screen: a locked phone may briefly drop USB when the screen turns off, which ends adbd's processes."""
    on_battery = facts.battery is not None and facts.battery.plugged is False
    remedy = f"unlock it, and {_ON_BATTERY}" if on_battery else _STAY_ON
    if facts.awake is None and facts.locked is None:
        return Finding("screen", "note", "It does not report whether its screen is on or locked.", remedy)
    if facts.dreaming and not facts.locked:
        return Finding("screen", "warning", "Its screen saver is running, which uses its processor.", remedy)
    if facts.awake is not False and not facts.locked:
        if not on_battery:
            return Finding("screen", "ok", "Its screen is on and unlocked.")
        after = f" after {facts.screen_timeout_s:g} s without a touch" if facts.screen_timeout_s else ""
        sentence = (
            f"Its screen is on, but will turn off{after}: Android keeps it on only while the device is plugged in."
        )
        return Finding("screen", "warning", sentence, _ON_BATTERY)
    sentence = "Its screen is locked." if facts.locked else "Its screen is off."
    slow = "Some phones disconnect USB or slow down in this state."
    if on_battery:
        slow += " A run cannot keep the screen on, since the device is not plugged in."
    return Finding("screen", "warning", f"{sentence} {slow}", remedy)


def _battery(state: Mapping[str, Any]) -> Finding:
    percent = state.get("battery_percent")
    if percent is None:
        return Finding("battery", "note", "It does not report a battery.")
    sentence = f"Its battery is at {percent:g}%."
    if percent >= BATTERY_LOW_PERCENT:
        return Finding("battery", "ok", sentence)
    return Finding("battery", "warning", sentence, f"charge it to {BATTERY_LOW_PERCENT}% or more before a run")


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
    temperatures = [f"its {name} is at {heat:.1f} °C" for name, heat in body.items()]
    sensor = printable_value(state.get("temperature_sensor")) or "chip"
    if chip is not None and sensor not in body:
        temperatures.append(f"{sensor} is at {chip:.1f} °C")
    sentence = ", ".join(temperatures)
    sentence = sentence[:1].upper() + sentence[1:] + "."
    hottest = max(body.values(), default=None)
    cool = "let it cool: out of the sun, unplugged, without its case"
    if hottest is not None and hottest > BODY_WARM_C:
        return Finding("temperature", "problem" if hottest > BODY_HOT_C else "warning", sentence, cool)
    if state.get("thermal_status") is None and chip is not None and chip > CHIP_HOT_C:
        return Finding("temperature", "warning", sentence, "let it rest, or cool it with a fan")
    return Finding("temperature", "ok", sentence)


def _thermal_status(state: Mapping[str, Any]) -> Finding:
    status = state.get("thermal_status")
    if status not in THERMAL_STATUSES:
        return Finding("thermal status", "note", "It does not report whether it is thermally throttled.")
    if status == "none":
        return Finding("thermal status", "ok", "It is not thermally throttled.")
    level: Level = "warning" if status == "light" else "problem"
    sentence = f"It is thermally throttled: its thermal status is {status}."
    return Finding("thermal status", level, sentence, "let it cool until the status is none")


def _throttling(state: Mapping[str, Any], facts: AndroidFacts) -> Finding:
    throttling = state.get("throttling")
    if throttling is None:
        is_pi = "raspberry pi" in (facts.model or "").lower()
        group = "allow its user to call vcgencmd: `sudo usermod -aG video USER`, then log in again" if is_pi else None
        return Finding("throttling", "note", "It does not report whether it is throttled.", group)
    if throttling == NOT_THROTTLED:
        return Finding("throttling", "ok", "It is not throttled.")
    remedy = (
        "use the power supply that is made for the board" if "under-voltage" in throttling else "cool it with a fan"
    )
    return Finding("throttling", "problem", f"It is throttled now: {printable_value(throttling)}.", remedy)


STEADY_GOVERNOR = "performance"
"""Governor that keeps a core at its highest clock rate (Documentation/admin-guide/pm/cpufreq.rst of Linux)."""


def _governor(facts: AndroidFacts) -> Finding:
    governors = sorted({core["governor"] for core in facts.cores if core["governor"]})
    if not governors:
        return Finding("governor", "note", "It does not report how its clock rates are chosen.")
    sentence = f"The clock rates of its cores are chosen by the governor {' and '.join(governors)}."
    if governors == [STEADY_GOVERNOR]:
        return Finding("governor", "ok", sentence)
    path = "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
    return Finding(
        "governor",
        "note",
        f"{sentence} Times vary with them.",
        f"for steady clock rates: `echo {STEADY_GOVERNOR} | sudo tee {path}` on the board, until it restarts",
    )


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
        sentence = f"{version} should have NNAPI, but its library is not in the usual place."
        return Finding("NNAPI", "warning", sentence, "run only the CPU instances")
    tool = "TFLite's benchmark_model reports in its log which accelerator ran: docs/native-tools.md"
    if facts.sdk >= NNAPI_DEPRECATED_SDK:
        sentence = f"{version} has NNAPI, which is deprecated since Android 15: manufacturers may omit their drivers."
        return Finding("NNAPI", "note", sentence, tool)
    return Finding("NNAPI", "ok", f"{version} has NNAPI; only a run shows whether it uses an accelerator.", tool)


def _framework(name: str, ways: Collection[str]) -> Finding:
    if ways:
        return Finding(f"framework {name}", "ok", f"{name} can run on it: {', '.join(sorted(ways))}.")
    remedy = "build a bundle (`aiot bundle build`), or install the framework in a Python on the device"
    return Finding(f"framework {name}", "warning", f"{name} cannot run on it.", remedy)


def _body(state: Mapping[str, Any]) -> dict[str, float]:
    """Return the known temperatures of battery and skin, in degrees Celsius."""
    named = {"battery": state.get("battery_temperature_c"), "skin": state.get("skin_temperature_c")}
    return {name: heat for name, heat in named.items() if heat is not None}


def _severity(status: str) -> int:
    return THERMAL_STATUSES.index(status)
