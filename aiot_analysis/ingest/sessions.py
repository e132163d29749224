"""When a run ended and in which boot of the device it was measured, which together separate sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

TOLERANCE = timedelta(minutes=1)
"""Largest difference between the boot times that two uptimes of one boot give: two clocks, both in whole seconds."""


def run_ended(run: Row, telemetry: Iterable[Row]) -> str | None:
    """Return when a run ended; for one that was cut off, the time of its last telemetry sample, or None without any."""
    ends = [run.get("ended")] if run.get("ended") else [sample.get("at") for sample in telemetry]
    times = {moment: text for text in ends if (moment := _moment(text))}
    return times[max(times)] if times else None


def boot_id(run: Row) -> str | None:
    """Return the id of the boot in which all of a run was measured, or None if unknown.

    If the system does not report a boot id, it is the hour of the system's start, computed from its uptime. A run that
    was resumed after a restart belongs to several boots and has None, so that only the time between runs separates it
    from the runs before and after it.
    """
    boots = [boot for boot in run.get("boots") or [] if isinstance(boot, dict)]
    ids = {boot.get("boot_id") for boot in boots}
    if len(ids) != 1:
        return None
    reported = ids.pop()
    if reported is not None:
        return reported if isinstance(reported, str) else None
    starts = [_start(boot) for boot in boots]
    known_starts = [start for start in starts if start]
    if len(known_starts) < len(starts) or max(known_starts) - min(known_starts) > TOLERANCE:
        return None
    return f"started {min(known_starts):%Y-%m-%dT%HZ}"


def _start(boot: Row) -> datetime | None:
    """Return when the system started, from its uptime at one moment, or None if unknown."""
    moment, uptime_s = _moment(boot.get("at")), boot.get("uptime_s")
    if moment is None or isinstance(uptime_s, bool) or not isinstance(uptime_s, (int, float)):
        return None
    try:
        return moment - timedelta(seconds=uptime_s)
    except (OverflowError, ValueError):
        return None


def _moment(text: object) -> datetime | None:
    """Return a time in ISO 8601, in UTC unless it names a time zone; None if the text is not such a time."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
