"""Conditions that a run requested of its device, and those that the device applied."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

_WORDS = {"fixed_performance": "fixed performance", "cores": "big cores"}


def kept_conditions(run: Row) -> str | None:
    """Return the requested conditions that held throughout a run, like "fixed performance, big cores"."""
    words = [_WORDS[name] for name in _asked(run) if all(_is_kept(name, applied) for applied in _held(run))]
    return ", ".join(words) if words and _held(run) else None


def condition_doubts(run: Row) -> list[str]:
    """Return the requested conditions that did not hold, with the device's reason."""
    messages = []
    for name in _asked(run):
        missed = [applied for applied in _held(run) if not _is_kept(name, applied)]
        if not _held(run):
            messages.append(f"{_WORDS[name]} was requested, but it is unknown whether the device applied it")
        elif missed:
            refused = missed[0].get("refused")
            reason = refused.get(name) if isinstance(refused, dict) else None
            messages.append(f"{_WORDS[name]} was requested but not applied: {reason or 'the reason is unknown'}")
    return messages


def _asked(run: Row) -> list[str]:
    """Return the names of the requested conditions."""
    wanted = run.get("conditions") or {}
    asked = {"fixed_performance": wanted.get("fixed_performance") is True, "cores": wanted.get("cores") == "big"}
    return [name for name, value in asked.items() if value]


def _held(run: Row) -> list[Row]:
    """Return the conditions that the device applied, one record for each time they changed."""
    return [applied for applied in run.get("held") or [] if isinstance(applied, dict)]


def _is_kept(name: str, held: Row) -> bool:
    """Return whether a condition is among those applied."""
    if name == "fixed_performance":
        return held.get("fixed_performance") is True
    return isinstance(held.get("core_mask"), str)
