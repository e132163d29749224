"""Conditions of a device during a run: the cores that are used, and settings that are restored afterwards."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from runner.devices import BIG_CORES, AppliedConditions, Conditions
from runner.devices.answers import (
    POWER_LINES,
    SCREEN_ON,
    first_match,
    parse_battery,
    parse_json,
    parse_wakefulness,
    printable_value,
)
from runner.errors import DeviceError

if TYPE_CHECKING:
    from runner.devices.android import AndroidFacts
    from runner.devices.connection import DeviceConnection
    from runner.devices.remote import DeviceFiles

SHOW_CORES = "grep Cpus_allowed_list: /proc/self/status; cat /proc/self/cpuset 2>/dev/null"
"""Shell script that prints the cores its process may use, and its cpuset: see proc(5) and cpuset(7)."""

_ALLOWED = re.compile(r"^Cpus_allowed_list:\s*([0-9,-]{1,200})$", re.MULTILINE)
_CPUSET = re.compile(r"^(/\S{0,200})$", re.MULTILINE)

Run = Callable[[list[str]], tuple[int, str]]
"""Type of a function that runs words on a device and returns the exit code and the output."""


def big_mask(cores: Sequence[Mapping[str, Any]]) -> str:
    """Return the cores that can be faster than the slowest ones, as a hexadecimal mask for taskset.

    They are found by the `max_mhz` of each core. Raises DeviceError if there are none, or if a maximum frequency is
    unknown.
    """
    speeds = [core.get("max_mhz") for core in cores]
    known_speeds = [speed for speed in speeds if speed is not None]
    if not known_speeds or len(known_speeds) < len(speeds):
        raise DeviceError("it does not report the maximum speed of each core (cpuinfo_max_freq)")
    slowest = min(known_speeds)
    mask = sum(1 << number for number, speed in enumerate(known_speeds) if speed > slowest)
    if not mask:
        raise DeviceError(
            f"none of its {len(known_speeds)} cores is faster than the others: all run at {slowest:g} MHz"
        )
    return f"{mask:x}"


def with_cores(words: Sequence[str], mask: str | None) -> list[str]:
    """Return the words with a prefix that pins the process and its children to some cores; None: all cores."""
    return ["taskset", mask, *words] if mask else [*words]


def choose_cores(wanted: str, cores: Sequence[Mapping[str, Any]], run: Run) -> AppliedConditions:
    """Return the cores that agents will run on, after trying it once. What fails is listed in `refused`."""
    refused: dict[str, str] = {}
    mask = None
    if wanted == BIG_CORES:
        try:
            mask = big_mask(cores)
        except DeviceError as error:
            refused["cores"] = str(error)
    if mask:
        exit_code, output = run(with_cores(["true"], mask))
        if exit_code != 0:
            refused["cores"] = f"`taskset {mask}` fails on it (the message is {printable_value(output)!r})"
            mask = None
    _, output = run(with_cores(["sh", "-c", SHOW_CORES], mask))
    return AppliedConditions(
        core_mask=mask,
        cores_allowed=first_match(_ALLOWED, output),
        cpuset=first_match(_CPUSET, output),
        refused=refused,
    )


FIXED_PERFORMANCE_SINCE_SDK = 30
"""First API level with the mode, Android 11 (developer.android.com/games/optimize/adpf/fixed-performance-mode)."""

NOTE = ".aiotbench-conditions.json"

_FIXED_PERFORMANCE = ["cmd", "power", "set-fixed-performance-mode-enabled"]
_STAY_ON = ["global", "stay_on_while_plugged_in"]  # android.provider.Settings.Global: one bit for each power source
_STAY_ON_VALUE = re.compile(r"\d{1,2}|null")  # null: never set


class AttachedConditions:
    """Conditions of one device, applied through its shell without root.

    Methods raise DeviceLostError if the device does not answer.
    """

    def __init__(self, connection: DeviceConnection, files: DeviceFiles, facts: AndroidFacts) -> None:
        self._connection = connection
        self._files = files
        self._facts = facts
        self._note = posixpath.join(files.folder, NOTE)
        self._previous: dict[str, Any] = {}  # content of the note, which may be deleted with our folder

    @contextmanager
    def hold(self, wanted: Conditions) -> Iterator[AppliedConditions]:
        """Apply the conditions within the block: see runner.devices.Device.

        If the device is lost in between, the note stays there.
        """
        try:
            yield self._apply(wanted)
        except BaseException:
            with suppress(DeviceError):
                self.restore()
            raise
        self.restore()

    def _apply(self, wanted: Conditions) -> AppliedConditions:
        held = choose_cores(wanted.cores, self._facts.cores, self.run)
        if self._facts.os != "Android":
            if not wanted.fixed_performance:
                return held
            refused = {**held.refused, "fixed_performance": "it is a mode of Android, which the device does not run"}
            return replace(held, fixed_performance=False, refused=refused)
        previous = self._noted()
        fixed_before = bool(previous.get("fixed_performance"))  # left on by an interrupted run
        stay_on = previous.get("stay_on") or self._stay_on()
        note = {"stay_on": stay_on, "fixed_performance": fixed_before or wanted.fixed_performance}
        self._files.make([])
        self._files.write(self._files.folder, {NOTE: json.dumps(note).encode()})
        self._previous = note
        held = self._keep_screen_on(held, stay_on)
        refused = {**held.refused}
        if wanted.fixed_performance:
            refused |= self._fix_performance()
        elif fixed_before:
            self.run([*_FIXED_PERFORMANCE, "false"])
        return replace(
            held,
            fixed_performance="fixed_performance" not in refused if wanted.fixed_performance else None,
            refused=refused,
        )

    def _keep_screen_on(self, held: AppliedConditions, stay_on: str | None) -> AppliedConditions:
        """Turn the screen on and let it stay on. Return the conditions with what the device then reports about it."""
        if stay_on is not None:  # otherwise it could not be restored
            self.run(["svc", "power", "stayon", "true"])
        wakefulness = parse_wakefulness(self.run(["sh", "-c", POWER_LINES])[1])
        battery = parse_battery(self.run(["dumpsys", "battery"])[1])
        plugged = battery.plugged if battery else None
        reasons = []
        if stay_on is None or self._stay_on() in (None, "null", "0"):
            reasons.append("`svc power stayon true` has no effect on the device")
        elif plugged is False:
            reasons.append("the device is not plugged in, and Android keeps the screen on only while it is")
        if wakefulness and wakefulness not in SCREEN_ON:
            reasons.append(f"the screen is off ({wakefulness})")
        return replace(
            held,
            screen_on=False if reasons else True if wakefulness and plugged else None,
            wakefulness=wakefulness,
            plugged=plugged,
            refused={**held.refused, **({"screen_on": "; ".join(reasons)} if reasons else {})},
        )

    def _fix_performance(self) -> dict[str, str]:
        """Turn the fixed-performance mode on. Return what to add to AppliedConditions.refused."""
        if (self._facts.sdk or 0) < FIXED_PERFORMANCE_SINCE_SDK:
            return {"fixed_performance": f"it requires Android 11 or later (API level {FIXED_PERFORMANCE_SINCE_SDK})"}
        exit_code, output = self.run([*_FIXED_PERFORMANCE, "true"])
        if exit_code != 0:
            return {"fixed_performance": f"the device refuses it with the message {printable_value(output)!r}"}
        return {}

    def restore(self) -> bool:
        """Restore the previous state of the device. Return whether there was anything to restore."""
        previous = self._noted() or self._previous
        if not previous:
            return False
        if previous["fixed_performance"]:
            self.run([*_FIXED_PERFORMANCE, "false"])
        if previous["stay_on"] == "null":
            self.run(["settings", "delete", *_STAY_ON])
        elif previous["stay_on"]:
            self.run(["settings", "put", *_STAY_ON, previous["stay_on"]])
        self._files.do(["rm", "-f", self._note])
        self._previous = {}
        return True

    def _noted(self) -> dict[str, Any]:
        """Return the noted previous state, {} without a note. The content of the note is not trusted."""
        if self._facts.os != "Android":
            return {}
        answer = self._connection.shell(["cat", self._note])
        note = parse_json(answer.stdout) if answer.exit_code == 0 else None
        if not isinstance(note, dict):
            return {}
        stay_on = note.get("stay_on")
        valid = isinstance(stay_on, str) and _STAY_ON_VALUE.fullmatch(stay_on)
        return {"stay_on": stay_on if valid else None, "fixed_performance": note.get("fixed_performance") is True}

    def _stay_on(self) -> str | None:
        """Return the setting that keeps the screen on, or None if the device has no such setting."""
        exit_code, output = self.run(["settings", "get", *_STAY_ON])
        return output.strip() if exit_code == 0 and _STAY_ON_VALUE.fullmatch(output.strip()) else None

    def run(self, words: list[str]) -> tuple[int, str]:
        """Run words on the device: see runner.devices.conditions.Run."""
        answer = self._connection.shell(words)
        return answer.exit_code, answer.stdout + answer.stderr
