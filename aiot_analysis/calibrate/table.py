"""Table of error rates in Markdown, and writing it to docs/statistics.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiot_analysis.calibrate.rates import MET, NOT_MET, WITHIN_ERROR, Rate
from aiot_analysis.errors import DataError

BEGIN = "<!-- error rates: written by `make calibrate` -->"
END = "<!-- end of the error rates -->"

HEAD = [
    "| planted | looked at by | share of the trials | target | trials | met | row |",
    "| --- | --- | --- | --- | --- | --- | --- |",
]
VERDICTS = {MET: "yes", WITHIN_ERROR: "within error", NOT_MET: "**no**"}


def percent(share: float) -> str:
    """Return a share in percent with at most one decimal, without the sign."""
    return f"{100 * share:.1f}".removesuffix(".0")


def line(rate: Rate) -> str:
    """Return a rate as a row of the Markdown table."""
    row = rate.row
    low, high = rate.interval
    share = f"{row.share_of}: {percent(rate.share)} % ({percent(low)} to {percent(high)} %)"
    target = row.target.words if row.target else "none"
    verdict = VERDICTS.get(rate.verdict, row.note)
    if row.note and row.target:
        verdict = f"{verdict}: {row.note}"
    return f"| {row.planted} | {row.part} | {share} | {target} | {rate.tries} | {verdict} | `{row.name}` |"


def markdown(sections: Mapping[str, Sequence[Rate]]) -> str:
    """Return a summary of how many rows meet their targets, and the tables of all sections."""
    rates = [rate for section in sections.values() for rate in section]
    judged = [rate for rate in rates if rate.row.target]
    counts = Counter(rate.verdict for rate in judged)
    words = [
        (
            f"Of {len(judged)} rows with a target {counts[MET]} meet it, {counts[WITHIN_ERROR]} miss it within the "
            f"error of the trials, and {counts[NOT_MET]} do not meet it."
        )
    ]
    for title, section in sections.items():
        words += ["", f"**{title}**", "", *HEAD, *map(line, section)]
    return "\n".join(words)


def written(document: str, content: str) -> str:
    """Return the document with the content between its two markers.

    Raises DataError unless the document has each marker exactly once.
    """
    head, begin, remainder = document.partition(BEGIN)
    _, end, tail = remainder.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise DataError(f"The document must have one line {BEGIN!r} and, after it, one line {END!r}.")
    return f"{head}{BEGIN}\n\n{content}\n\n{END}{tail}"


def write(path: Path, content: str) -> None:
    """Replace the table in a document."""
    path.write_text(written(path.read_text(encoding="utf-8"), content), encoding="utf-8")
