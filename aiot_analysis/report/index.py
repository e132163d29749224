"""index.html, and the navigation at the head of every page.

Navigation is set into finished pages, since what can be linked to is known only when all is done.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiot_analysis.report import manifest
from aiot_analysis.report.fingerprint import combine
from aiot_analysis.report.site import Site

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

NAVIGATION = re.compile("<!--navigation-->.*?<!--/navigation-->", re.DOTALL)


def update(site: Site) -> None:
    """Writes index.html and the pages' navigation anew, if anything in them has changed.

    Raises DataError if the processed tables are missing or hold no run.
    """
    reports = [_report(site, number) for number in range(len(site.notebooks))]
    print_ = combine(site.data(site.processed), site.code, site.others, reports)
    page = site.out / "index.html"
    if site.manifest.index != print_ or not page.exists():
        from aiot_analysis.report import facts

        environment = _environment()
        for report in reports:
            if report["page"]:
                _navigate(site, environment, report, reports)
        known = facts.read(site.processed)
        html = environment.get_template("index.html.j2").render(
            one=known.of(site.origin),
            others=[(known.of(origin), address) for origin, address in site.others.items()],
            left_out=known.left_out,
            reports=reports,
            data=site.data(site.processed)[:12],
            css=_css(),
        )
        manifest.write(page, html)
        site.manifest.index = print_
        site.save()


def _report(site: Site, number: int) -> dict[str, Any]:
    notebook = site.notebooks[number]
    entry = site.entry(notebook.name)
    status = site.status(notebook)
    there = bool(entry.fingerprint) and site.page(notebook.name).exists()
    kept = f"failed/{notebook.name}.ipynb"
    return {
        "name": notebook.name,
        "number": notebook.number,
        "title": notebook.title,
        "summary": notebook.summary,
        "status": status,
        "page": f"{notebook.name}.html" if there else "",
        "rendered": _date(entry.rendered),
        "failed": _date(entry.failed),
        "error": entry.error,
        "cell": entry.cell,
        "kept": kept if entry.error and (site.out / kept).exists() else "",
    }


def _date(iso: str) -> str:
    return f"{iso[:16].replace('T', ' ')} UTC" if iso else ""


def _navigate(site: Site, environment: Environment, report: dict[str, Any], reports: list[dict[str, Any]]) -> None:
    page = site.page(report["name"])
    linked = [one for one in reports if one["page"]]
    place = linked.index(report)
    html = environment.get_template("navigation.html.j2").render(
        report=report,
        reports=linked,
        origin=site.origin,
        others=site.others,
        previous=linked[place - 1] if place else None,
        next=linked[place + 1] if place + 1 < len(linked) else None,
    )
    before = page.read_text(encoding="utf-8")
    after = NAVIGATION.sub(lambda _: f"<!--navigation-->{html}<!--/navigation-->", before, count=1)
    if after != before:
        manifest.write(page, after)


def _environment() -> Environment:
    import jinja2

    from aiot_analysis.report.page import TEMPLATES

    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["ticks"] = _ticks
    return environment


def _ticks(text: str) -> Markup:
    """Commands, which stand between backticks, as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _css() -> str:
    from aiot_analysis.report.page import style

    return style()
