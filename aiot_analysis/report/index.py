"""index.html, and the navigation at the top of every page.

The navigation is inserted into finished pages, because the pages to link to are only known at the end.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.display import front
from aiot_analysis.report.notebooks import PUBLISHED
from aiot_analysis.tables.workspace import combine
from aiot_analysis.words import estimate, plural
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Collection

    from jinja2 import Environment
    from markupsafe import Markup

    from aiot_analysis.report.site import Site

SIGNS = {"valid": "■", "semi-valid": "◧", "invalid": "☒", "unavailable": "□", "not run": "·"}  # distinct without color
NAVIGATION = re.compile("<!--navigation-->.*?<!--/navigation-->", re.DOTALL)
PAGE_LINK = re.compile(r'<a class="page-link"(?: href="[^"]*")? data-page="(\w+)(#\w+)?">')  # of `show.say`


def update(site: Site) -> None:
    """Rewrite index.html and the navigation of the pages if anything in them has changed.

    Raises:
        DataError: The processed tables are missing or contain no run.
    """
    reports = [_report(site, number) for number in range(len(site.notebooks))]
    published = _published_pages(site)
    content_hash = combine(site.data(site.processed), site.code, site.others, reports, site.devices(), published)
    address = site.out / "index.html"
    if site.manifest.index != content_hash or not address.exists():
        from aiot_analysis.display.show import MARKS
        from aiot_analysis.report import facts, page

        environment = _environment()
        for report in reports:
            if report["page"]:
                _navigate(site, environment, report, reports)
        all_facts = facts.read(site.processed, site.device)
        origin_facts = all_facts.of(site.origin)
        html = environment.get_template("index.html.j2").render(
            one=origin_facts,
            others=[(all_facts.of(origin), address) for origin, address in site.others.items()],
            published=published,
            devices=site.devices(),
            device=site.device,
            fleet=site.fleet,
            left_out=origin_facts.left_out,
            reports=reports,
            linked=[report for report in reports if report["page"]],
            pages_text=_count_pages(reports),
            pages={report["name"]: report for report in reports},
            scores=next((report for report in reports if report["name"].endswith("_vips") and report["page"]), None),
            front=_front(site, reports),
            origin=site.origin,
            addresses=site.others,
            marks=MARKS,
            signs=SIGNS,
            bar=_score_bar,
            data=site.data(site.processed)[:12],
            software=site.versions,
            css=page.style(),
            script=page.script(),
        )
        rawlog.replace_text(address, html)
        site.manifest.index = content_hash
        site.save()


def _published_pages(site: Site) -> list[dict[str, str]]:
    """Return title, summary and relative URL of the pages on published data, which are in another site."""
    if not site.published:
        return []
    folder = Path(site.others[PUBLISHED]).parent
    urls = [(folder / f"{notebook.name}.html").as_posix() for notebook in site.published]
    return [
        {"number": notebook.number, "title": notebook.title, "summary": notebook.summary, "url": url}
        for notebook, url in zip(site.published, urls, strict=True)
        if (site.out / url).exists()
    ]


def _front(site: Site, reports: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what a notebook saved for the front page when it was executed, with the facts of its page."""
    for report in reports:
        if report["page"] and (saved := front.read(site.out / "notebooks" / f"{report['name']}.ipynb")):
            return {**saved, "report": report}
    return None


def _score_bar(row: dict[str, Any], group: dict[str, Any]) -> Markup:
    """Return a score as a bar with its interval as a line on top; the longest one fills the width of its cell."""
    from markupsafe import Markup

    ends = [row["vips_low"] or row["vips"], row["vips_high"] or row["vips"]]
    largest = max(other["vips_high"] or other["vips"] for other in group["rows"]) or 1
    bar, low, high = (100 * value / largest for value in (row["vips"], *ends))
    return Markup(
        f'<span class="scale"><span class="bar" style="width: {bar:.2f}%"></span>'
        f'<span class="whisker" style="left: {low:.2f}%; width: {high - low:.2f}%"></span></span>'
    )


def _report(site: Site, number: int) -> dict[str, Any]:
    notebook = site.notebooks[number]
    entry = site.entry(notebook.name)
    status = site.status(notebook)
    has_page = bool(entry.fingerprint) and site.page(notebook.name).exists()
    failed_copy = f"failed/{notebook.name}.ipynb"
    return {
        "name": notebook.name,
        "number": notebook.number,
        "title": notebook.title,
        "summary": notebook.summary,
        "status": status,
        "page": f"{notebook.name}.html" if has_page else "",
        "empty": entry.empty if has_page else "",
        "rendered": _date(entry.rendered),
        "failed": _date(entry.failed),
        "error": entry.error,
        "cell": entry.cell,
        "kept": failed_copy if entry.error and (site.out / failed_copy).exists() else "",
    }


def _count_pages(reports: list[dict[str, Any]]) -> str:
    """Return how many pages have data, have none, and do not exist yet, as text."""
    total, empty = len(reports), sum(bool(report["empty"]) for report in reports)
    absent = sum(not report["page"] for report in reports)
    full = total - empty - absent
    clauses = [f"{full} of {plural(total, 'page')} {'has' if full == 1 else 'have'} data"]
    clauses += [f"{empty} {'has' if empty == 1 else 'have'} none"] if empty else []
    clauses += [f"{absent} {'is' if absent == 1 else 'are'} not rendered"] if absent else []
    return f"{', '.join(clauses)}."


def _date(iso: str) -> str:
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else ""


def _navigate(site: Site, environment: Environment, report: dict[str, Any], reports: list[dict[str, Any]]) -> None:
    page = site.page(report["name"])
    linked = [entry for entry in reports if entry["page"] and (not entry["empty"] or entry is report)]
    position = linked.index(report)
    html = environment.get_template("navigation.html.j2").render(
        report=report,
        reports=[entry for entry in reports if entry["page"]],
        origin=site.origin,
        others=site.others,
        device=site.device,
        fleet=site.fleet,
        previous=linked[position - 1] if position else None,
        next=linked[position + 1] if position + 1 < len(linked) else None,
    )
    old_html = page.read_text(encoding="utf-8")
    new_html = NAVIGATION.sub(lambda _: f"<!--navigation-->{html}<!--/navigation-->", old_html, count=1)
    new_html = link_pages(new_html, {entry["name"] for entry in linked})
    if new_html != old_html:
        rawlog.replace_text(page, new_html)


def link_pages(html: str, names: Collection[str]) -> str:
    """Return a page in which links to other pages have an address if these pages exist, and none otherwise."""

    def with_address(match: re.Match[str]) -> str:
        page, anchor = match[1], match[2] or ""
        address = f' href="{page}.html{anchor}"' if page in names else ""
        return f'<a class="page-link"{address} data-page="{page}{anchor}">'

    return PAGE_LINK.sub(with_address, html)


def _environment() -> Environment:
    import jinja2

    from aiot_analysis.report.page import TEMPLATES

    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["ticks"] = _ticks
    environment.filters["instance"] = _instance
    environment.filters["name"] = _name
    environment.filters["score"] = _score
    return environment


def _instance(name: str) -> str:
    from aiot_analysis.tables import names

    return names.instance_display(name)


def _name(word: str) -> str:
    from aiot_analysis.tables import names

    return names.display(word)


def _score(row: dict[str, Any]) -> str:
    """Return a score with its interval, as the page of the scores has it."""
    low, high = (math.nan if row[end] is None else row[end] for end in ("vips_low", "vips_high"))
    return estimate(row["vips"], low, high, "{:.2f}")


def _ticks(text: str) -> Markup:
    """Return a text in which commands between backticks are marked up as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
