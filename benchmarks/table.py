"""Formatting of results as plain text, Markdown and JSON records."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.pairs import Comparison, Level, interval_of, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HEADER = ("what", "peer", "ours", "peer takes", "ours/peer", "95% interval", "peer/itself", "target", "met")


def table(results: Sequence[Comparison | Level]) -> str:
    """Return a plain text table with one line per result and aligned columns."""
    rows = [HEADER, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def record(result: Comparison | Level) -> dict[str, Any]:
    """Return all measured values and the derived statistics of a result."""
    judged = result.ratios if isinstance(result, Comparison) else result.values
    return {
        "kind": type(result).__name__.lower(),
        **asdict(result),
        "median": median(judged),
        "interval": asdict(interval_of(judged)),
        "median_of_peer_to_itself": median(result.noise) if result.noise else None,
        "met": verdict(judged, result.target) or None,
    }


def _row(result: Comparison | Level) -> tuple[str, ...]:
    noise = f"{median(result.noise):.3f} ({_span(result.noise)})" if result.noise else ""
    if isinstance(result, Level):
        interval, unit = interval_of(result.values), _suffix(result.unit)
        return (
            result.what,
            "",
            f"{median(result.values):.3g}{unit}",
            "",
            "",
            f"{interval.low:.3g} .. {interval.high:.3g}{unit}",
            noise,
            f"<= {result.target:g}{unit}" if result.target is not None else "",
            verdict(result.values, result.target),
        )
    interval, unit = interval_of(result.ratios), _suffix(result.unit)
    return (
        result.what,
        result.peer,
        f"{median(result.ours):.3g}{unit}",
        f"{median(result.first):.3g}{unit}",
        f"{median(result.ratios):.3f}",
        f"{interval.low:.3f} .. {interval.high:.3f}",
        noise,
        f"<= {result.target:.3g}" if result.target is not None else "",
        verdict(result.ratios, result.target),
    )


def _suffix(unit: str) -> str:
    """Return a unit as it is written after a number: with a space, except for a percent sign."""
    return unit if unit == "%" else f" {unit}"


def _span(values: list[float]) -> str:
    return f"{min(values):.3f} .. {max(values):.3f}"


def markdown(results: Sequence[Comparison | Level]) -> Iterator[str]:
    """Yield the lines of the same table in Markdown, for README.md."""
    yield "| " + " | ".join(HEADER) + " |"
    yield "|" + " --- |" * len(HEADER)
    for result in results:
        yield "| " + " | ".join(_row(result)) + " |"
