"""When a run ended and in which start of the device's system it was measured: what tells sessions apart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

TOLERANCE = timedelta(minutes=1)
"""Two uptimes of one start of a system give its time within this: the clocks are two, and tell whole seconds."""


def ended(run: Row, telemetry: Iterable[Row]) -> str | None:
    """Return when a run ended: of one that was cut off, the time of its last sample of telemetry, None without any."""
    ends = [run.get("ended")] if run.get("ended") else [sample.get("at") for sample in telemetry]
    times = {moment: text for text in ends if (moment := _moment(text))}
    return times[max(times)] if times else None


def boot_id(run: Row) -> str | None:
    """Return what tells the start of the system that all of a run was measured in; None if it is not known.

    Where the system tells no boot id, it is the hour in which the system started by its uptime. A run that was resumed
    after a restart belongs to more than one start and has None, so that only the time between runs separates it from
    the one before and the one after it.
    """
    boots = [boot for boot in run.get("boots") or [] if isinstance(boot, dict)]
    ids = {boot.get("boot_id") for boot in boots}
    if len(ids) != 1:
        return None
    only = ids.pop()
    if only is not None:
        return only if isinstance(only, str) else None
    starts = [_start(boot) for boot in boots]
    certain = [start for start in starts if start]
    if len(certain) < len(starts) or max(certain) - min(certain) > TOLERANCE:
        return None
    return f"started {min(certain):%Y-%m-%dT%HZ}"


def _start(boot: Row) -> datetime | None:
    """Return when the system started by its uptime at a moment."""
    moment, uptime_s = _moment(boot.get("at")), boot.get("uptime_s")
    if moment is None or isinstance(uptime_s, bool) or not isinstance(uptime_s, (int, float)):
        return None
    try:
        return moment - timedelta(seconds=uptime_s)
    except (OverflowError, ValueError):
        return None


def _moment(text: object) -> datetime | None:
    """Return a time in ISO 8601, UTC where it names no time zone; None if it is none."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
