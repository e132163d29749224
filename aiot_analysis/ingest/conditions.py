"""What a run asked its device to keep to, and what the device made of it."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

_WORDS = {"fixed_performance": "fixed performance", "cores": "big cores"}


def kept(run: Row) -> str | None:
    """The conditions that were asked for and kept through all of the run, like "fixed performance, big cores"."""
    words = [_WORDS[name] for name in _asked(run) if all(_is_kept(name, held) for held in _held(run))]
    return ", ".join(words) if words and _held(run) else None


def doubts(run: Row) -> list[str]:
    """What was asked for and not kept, with the device's reason."""
    found = []
    for name in _asked(run):
        missed = [held for held in _held(run) if not _is_kept(name, held)]
        if not _held(run):
            found.append(f"{_WORDS[name]} was asked for, and what the device made of it is not known")
        elif missed:
            refused = missed[0].get("refused")
            reason = refused.get(name) if isinstance(refused, dict) else None
            found.append(f"{_WORDS[name]} was asked for, and not to be had: {reason or 'the reason is not known'}")
    return found


def _asked(run: Row) -> list[str]:
    wanted = run.get("conditions") or {}
    asked = {"fixed_performance": wanted.get("fixed_performance") is True, "cores": wanted.get("cores") == "big"}
    return [name for name, value in asked.items() if value]


def _held(run: Row) -> list[Row]:
    """What the device kept to, each time that it was another."""
    return [held for held in run.get("held") or [] if isinstance(held, dict)]


def _is_kept(name: str, held: Row) -> bool:
    if name == "fixed_performance":
        return held.get("fixed_performance") is True
    return isinstance(held.get("core_mask"), str)
