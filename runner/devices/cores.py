"""The cores of a device: which of them are big ones, and keeping a process to those."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from runner.devices import BIG_CORES, Held
from runner.devices.answers import cleaned, first
from runner.errors import DeviceError

SHOW = "grep Cpus_allowed_list: /proc/self/status; cat /proc/self/cpuset 2>/dev/null"
"""Prints the cores that whoever runs it may use, and its cpuset: see proc(5) and cpuset(7)."""

_ALLOWED = re.compile(r"^Cpus_allowed_list:\s*([0-9,-]{1,200})$", re.MULTILINE)
_CPUSET = re.compile(r"^(/\S{0,200})$", re.MULTILINE)

Run = Callable[[list[str]], tuple[int, str]]
"""Runs words on a device: exit code, and what they printed."""


def big_mask(cores: Sequence[Mapping[str, Any]]) -> str:
    """The cores that can be faster than the slowest ones, by `max_mhz` of each, as a hexadecimal mask for taskset.

    Raises DeviceError where there are none, or that cannot be known.
    """
    speeds = [core.get("max_mhz") for core in cores]
    known = [speed for speed in speeds if speed is not None]
    if not known or len(known) < len(speeds):
        raise DeviceError("it does not say how fast each of its cores can be (cpuinfo_max_freq)")
    slowest = min(known)
    mask = sum(1 << number for number, speed in enumerate(known) if speed > slowest)
    if not mask:
        raise DeviceError(f"none of its {len(known)} cores is a big one: all are of {slowest:g} MHz")
    return f"{mask:x}"


def pinned(words: Sequence[str], mask: str | None) -> list[str]:
    """The words that run these on some cores, where all that they start stays too; None: on all."""
    return ["taskset", mask, *words] if mask else [*words]


def held(wanted: str, cores: Sequence[Mapping[str, Any]], run: Run) -> Held:
    """Which cores agents will run on, tried once; what cannot be had is among the refused."""
    refused: dict[str, str] = {}
    mask = None
    if wanted == BIG_CORES:
        try:
            mask = big_mask(cores)
        except DeviceError as error:
            refused["cores"] = str(error)
    if mask:
        exit_code, said = run(pinned(["true"], mask))
        if exit_code != 0:
            refused["cores"] = f"`taskset {mask}` fails there (it says {cleaned(said)!r})"
            mask = None
    _, said = run(pinned(["sh", "-c", SHOW], mask))
    return Held(core_mask=mask, cores_allowed=first(_ALLOWED, said), cpuset=first(_CPUSET, said), refused=refused)
