"""The cores of a device: finding the big ones and pinning processes to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner.devices import BIG_CORES, AppliedConditions
from runner.devices.answers import cleaned, first
from runner.errors import DeviceError

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


def pinned(words: Sequence[str], mask: str | None) -> list[str]:
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
        exit_code, output = run(pinned(["true"], mask))
        if exit_code != 0:
            refused["cores"] = f"`taskset {mask}` fails on it (the message is {cleaned(output)!r})"
            mask = None
    _, output = run(pinned(["sh", "-c", SHOW_CORES], mask))
    return AppliedConditions(
        core_mask=mask, cores_allowed=first(_ALLOWED, output), cpuset=first(_CPUSET, output), refused=refused
    )
