"""Postprocess the HTML of nbconvert: table of contents, scrolling tables, and fewer bytes."""

from __future__ import annotations

import re

CONTENTS = "<!--contents-->"  # placeholder for the table of contents
MANY_ROWS = 200  # a folded table with more rows stays folded in print
COLUMNS = 24  # number of table columns that the style sheet can align
_HEADING = re.compile(
    r'<(?P<tag>h[1-6]) id="(?P<id>[^"]*)">(?P<words>.*?)<a class="anchor-link" href="[^"]*">.*?</a></(?P=tag)>',
    re.DOTALL,
)
_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_FOLDED = re.compile(r"<details><summary>[^<]*</summary><div[^>]*><table>.*?</table>", re.DOTALL)
_HEAD = re.compile(r"<thead>.*</thead>", re.DOTALL)
_CELL = re.compile(r"<t[hd]\b[^>]*>")
_NUMBER = ' class="number"'
_LEFT = ' style="text-align: left"'


def contents(html: str) -> str:
    """Return the page with its table of contents in place of CONTENTS, and with a unique id for each heading."""
    seen: dict[str, int] = {}
    entries: list[tuple[str, str, str]] = []

    def heading(match: re.Match[str]) -> str:
        tag, words = match["tag"], match["words"]
        seen[match["id"]] = number = seen.get(match["id"], 0) + 1
        name = match["id"] if number == 1 else f"{match['id']}-{number}"
        plain = re.sub("<[^>]*>", "", words)
        if tag in ("h2", "h3"):
            entries.append((tag, name, plain))
        link = f'<a class="anchor-link" href="#{name}" aria-label="Link to {plain.replace(chr(34), "&quot;")}">#</a>'
        return f'<{tag} id="{name}">{words}{link}</{tag}>'

    html = _HEADING.sub(heading, html)
    return html.replace(CONTENTS, _listed(entries), 1)


def _listed(entries: list[tuple[str, str, str]]) -> str:
    if len(entries) < 2:
        return ""
    lines = [f'<li class="{tag}"><a href="#{name}">{words}</a></li>' for tag, name, words in entries]
    return (
        '<nav class="contents" aria-label="On this page"><details open><summary>On this page</summary>'
        f"<ol>{''.join(lines)}</ol></details></nav>"
    )


def scrolling(html: str) -> str:
    """Put tables of Markdown and other libraries in a box of their own, so that the page does not scroll sideways."""
    if 'class="scroll"' in html:
        return html
    return html.replace("<table", '<div class="scroll" tabindex="0"><table').replace("</table>", "</table></div>")


def finish(html: str) -> str:
    """Return a page of nbconvert with a table of contents, and with tables in fewer bytes.

    This must be the last step, since nbconvert's parser does not accept HTML without end tags.
    """
    html = _FOLDED.sub(lambda match: _many(match[0]), html)
    return contents(_TABLE.sub(lambda match: compact(match[0]), html))


def compact(table: str) -> str:
    """Return a table in half the bytes: without end tags that are optional in HTML, and aligned by column.

    `show.table` aligns each cell for JupyterLab, which does not use our style sheet.
    """
    head = _HEAD.search(table)
    head_cells = _CELL.findall(head[0].rpartition("<tr>")[2]) if head else []
    numbers = [position for position, cell in enumerate(head_cells, start=1) if _NUMBER in cell and position <= COLUMNS]
    table = _CELL.sub(lambda match: match[0].replace(_LEFT, ""), table)
    if len(head_cells) <= COLUMNS:
        table = _CELL.sub(lambda match: match[0].replace(_NUMBER, ""), table)
        classes = " ".join(f"n{position}" for position in numbers)
        table = table.replace("<table>", f'<table class="{classes}">', 1) if classes else table
    table = re.sub("<caption>(.*?)</caption>", r"<caption><span>\1</span></caption>", table, count=1, flags=re.DOTALL)
    return re.sub("</t[hdr]>", "", table)


def _many(folded: str) -> str:
    """Mark a folded table with many rows, which stays folded in print."""
    return folded.replace("<details>", '<details class="many">', 1) if folded.count("<tr") > MANY_ROWS else folded


def alignment() -> str:
    """Return the style rules for the column classes that `compact` sets."""
    columns = ", ".join(f".n{position} > * > tr > :nth-child({position})" for position in range(1, COLUMNS + 1))
    return f"{columns} {{ text-align: right; }}"
