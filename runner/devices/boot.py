"""Which start of its system a device is in, so that runs before and after a restart can be told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiot_suite.errors import printable
from runner.devices.android import hashed

FILES = ("/proc/sys/kernel/random/boot_id", "/proc/uptime")
"""What Linux draws at each start (random(4)), and the seconds since then, with those that cores were idle (proc(5))."""

_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UPTIME = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) \d+(?:\.\d+)?")
_DIGITS = 16


@dataclass(frozen=True)
class Boot:
    """A start of a system. What cannot be read is None."""

    boot_id: str | None = None  # a hash: a boot id itself could be found in other logs of the device
    uptime_s: float | None = None


def parse(text: str, salt: str) -> Boot:
    """Return what the content of FILES tells; one of them may be missing."""
    lines = [printable(line) for line in text.splitlines()]
    boot_id = next((line for line in lines if _BOOT_ID.fullmatch(line)), None)
    uptime = next((match for line in lines if (match := _UPTIME.fullmatch(line))), None)
    return Boot(hashed(boot_id, salt)[:_DIGITS] if boot_id else None, float(uptime[1]) if uptime else None)
