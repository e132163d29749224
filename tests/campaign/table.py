"""The table of a campaign in docs/devices.md."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.campaign.counting import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.campaign.kinds import Kind
    from tests.campaign.tries import Try

BEGIN = "<!-- faults: written by `make campaign` -->"
END = "<!-- end of the faults -->"
HEAD = [
    "| provoked | tries | lost | doubled | changed | left behind | tracebacks | wrong statements | kind |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
]


def markdown(kinds: Sequence[Kind], tries: Sequence[Try], seed: int) -> str:
    """Return a summary and a row for each kind."""
    faultless = sum(not attempt.findings for attempt in tries)
    lines = [
        f"{len(tries)} tries of {len(kinds)} kinds with seed {seed}: nothing went wrong in {faultless} of them.",
        "",
        *HEAD,
    ]
    sums: Counter[str] = Counter()
    for kind in kinds:
        counts: Counter[str] = Counter()
        tries_of_kind = [attempt for attempt in tries if attempt.kind == kind.name]
        for attempt in tries_of_kind:
            counts.update(attempt.counts)
        sums.update(counts)
        lines.append(row(kind.words, len(tries_of_kind), counts, f"`{kind.name}`"))
    return "\n".join([*lines, row("**all**", len(tries), sums, "")])


def row(words: str, tries: int, counts: Counter[str], name: str) -> str:
    """Return a row of the table; counts other than 0 are bold."""
    cells = [f"**{counts[column]}**" if counts[column] else "0" for column in COLUMNS]
    return f"| {words} | {tries} | {' | '.join(cells)} | {name} |"


def written(document: str, content: str) -> str:
    """Return the document with the content between its two markers.

    Raises ValueError unless the document has each marker exactly once, in this order.
    """
    head, begin, remainder = document.partition(BEGIN)
    _, end, tail = remainder.partition(END)
    if not begin or not end or BEGIN in tail or END in tail:
        raise ValueError(f"The document must have one line {BEGIN!r} and, after it, one line {END!r}.")
    return f"{head}{BEGIN}\n\n{content}\n\n{END}{tail}"


def write(path: Path, content: str) -> None:
    """Replace the table in a document."""
    path.write_text(written(path.read_text(encoding="utf-8"), content), encoding="utf-8")
