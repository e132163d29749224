"""What nbconvert makes of a notebook, made fit for a page: contents, tables that scroll, and fewer bytes."""

from __future__ import annotations

import re

CONTENTS = "<!--contents-->"  # where they go
MANY_ROWS = 200  # a folded table of more is not unfolded in print
COLUMNS = 24  # of a table, whose alignment the style sheet knows
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
    """The page with a table of its contents in the place of CONTENTS, and an id of its own for each heading."""
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
    """Tables of Markdown and of other libraries in a box of their own, so that the page does not scroll sideways."""
    if 'class="scroll"' in html:
        return html
    return html.replace("<table", '<div class="scroll" tabindex="0"><table').replace("</table>", "</table></div>")


def finish(html: str) -> str:
    """A page as nbconvert gives it, with contents, and with tables in fewer bytes.

    nbconvert's parser does not know that HTML leaves end tags out: so this comes after it.
    """
    html = _FOLDED.sub(lambda match: _many(match[0]), html)
    return contents(_TABLE.sub(lambda match: compact(match[0]), html))


def compact(table: str) -> str:
    """A table in half the bytes: without end tags that HTML does not need, and aligned by column.

    `show.table` aligns each cell, for JupyterLab, which has no style of ours.
    """
    head = _HEAD.search(table)
    leaves = _CELL.findall(head[0].rpartition("<tr>")[2]) if head else []
    numbers = [place for place, cell in enumerate(leaves, start=1) if _NUMBER in cell and place <= COLUMNS]
    table = _CELL.sub(lambda match: match[0].replace(_LEFT, ""), table)
    if len(leaves) <= COLUMNS:
        table = _CELL.sub(lambda match: match[0].replace(_NUMBER, ""), table)
        kinds = " ".join(f"n{place}" for place in numbers)
        table = table.replace("<table>", f'<table class="{kinds}">', 1) if kinds else table
    table = re.sub("<caption>(.*?)</caption>", r"<caption><span>\1</span></caption>", table, count=1, flags=re.DOTALL)
    return re.sub("</t[hdr]>", "", table)


def _many(folded: str) -> str:
    """Marks a folded table of many rows, which is not for print."""
    return folded.replace("<details>", '<details class="many">', 1) if folded.count("<tr") > MANY_ROWS else folded


def alignment() -> str:
    """The style of the columns that `compact` tells of."""
    columns = ", ".join(f".n{place} > * > tr > :nth-child({place})" for place in range(1, COLUMNS + 1))
    return f"{columns} {{ text-align: right; }}"
