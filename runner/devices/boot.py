"""The current boot of a device's system, to distinguish runs before and after a restart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiot_suite.errors import printable
from runner.devices.android import hashed

BOOT_FILES = ("/proc/sys/kernel/random/boot_id", "/proc/uptime")
"""Files with the random id drawn at each boot (random(4)) and the seconds since boot and of idle cores (proc(5))."""

_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UPTIME = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) \d+(?:\.\d+)?")
_DIGITS = 16


@dataclass(frozen=True)
class Boot:
    """One boot of a system. A field is None if it cannot be read."""

    boot_id: str | None = None  # a hash, since other logs of the device may contain the boot id itself
    uptime_s: float | None = None


def parse_boot(text: str, salt: str) -> Boot:
    """Return the boot described by the contents of FILES, either of which may be missing."""
    lines = [printable(line) for line in text.splitlines()]
    boot_id = next((line for line in lines if _BOOT_ID.fullmatch(line)), None)
    uptime = next((match for line in lines if (match := _UPTIME.fullmatch(line))), None)
    return Boot(hashed(boot_id, salt)[:_DIGITS] if boot_id else None, float(uptime[1]) if uptime else None)
