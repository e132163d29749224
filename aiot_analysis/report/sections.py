"""The sections of an executed notebook that its page shows: without those that display nothing."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from aiot_analysis.display.export import REPLACES_SECTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbformat import NotebookNode

_HEADING = re.compile(r"^(#{2,6}) ", re.MULTILINE)
TITLE = 1
"""Level of what comes before the first heading of the second level."""


@dataclass
class Section:
    """A heading and the cells up to the next heading of any level; `level` is the number of # of the heading."""

    level: int = TITLE
    cells: list[NotebookNode] = field(default_factory=list)

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.cells if cell.cell_type == "code"]

    @property
    def displays(self) -> bool:
        """Whether any code cell has an output that pages show: all but warnings."""
        return any(output.get("name") != "stderr" for cell in self.code for output in cell.outputs)


def shown(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Return copies of executed cells as pages show them.

    A sentence of `reading.replace_section` takes the place of everything from the last heading of the second level to
    the next one, and is not repeated by the sections that follow. Sections whose code displays nothing are left out
    with their text; a heading stays if a section below it does, and sections without code stay.
    """
    return [cell for section in _without_empty(_replaced(_split(cells))) for cell in section.cells]


def _split(cells: Sequence[NotebookNode]) -> list[Section]:
    sections = [Section()]
    for cell in cells:
        starts = [0, len(cell.source)]
        if cell.cell_type == "markdown" and "```" not in cell.source:
            starts = sorted({*starts, *(match.start() for match in _HEADING.finditer(cell.source))})
        for start, end in pairwise(starts):
            part = deepcopy(cell)
            part.source = cell.source[start:end].strip("\n")
            if start and "id" in cell:
                part.id = f"{cell.id}-{start}"
            heading = _HEADING.match(part.source) if cell.cell_type == "markdown" else None
            if heading:
                sections.append(Section(len(heading[1])))
            sections[-1].cells.append(part)
    return sections


def _replaced(sections: Iterable[Section]) -> list[Section]:
    """Return the sections with sentences in place of those that have one, together with the sections below them."""
    chapters: list[list[Section]] = []
    for section in sections:
        if not chapters or section.level == 2:
            chapters.append([])
        chapters[-1].append(section)
    result: list[Section] = []
    previous = ""
    for chapter in chapters:
        outputs = [(cell, output) for section in chapter for cell in section.code for output in cell.outputs]
        sentence = next(((cell, output) for cell, output in outputs if _role(output) == REPLACES_SECTION), None)
        if sentence is None:
            previous = ""
            result += chapter
        elif (text := str(sentence[1].data["text/html"])) != previous:
            previous = text
            cell, output = sentence
            cell.outputs = [output]
            result.append(Section(TITLE, [cell]))
    return result


def _role(output: NotebookNode) -> str:
    return str(output.get("metadata", {}).get("text/html", {}).get("role", ""))


def _without_empty(sections: Sequence[Section]) -> list[Section]:
    kept: list[Section] = []
    lowest = 0  # level of the section after this one that stays
    for section in reversed(sections):
        if section.level == TITLE or not section.code or section.displays:
            kept.append(section)
            lowest = section.level
        elif lowest > section.level:
            kept.append(Section(section.level, section.cells[:1]))
            lowest = section.level
    return kept[::-1]
