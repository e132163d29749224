"""index.html, and the navigation at the head of every page.

Navigation is set into finished pages, since what can be linked to is known only when all is done.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aiot_analysis.report import front, manifest
from aiot_analysis.report.site import Site
from aiot_analysis.tables.fingerprint import combine

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

SIGNS = {"valid": "■", "semi-valid": "◧", "invalid": "☒", "unavailable": "□", "not run": "·"}  # told apart in grey too
NAVIGATION = re.compile("<!--navigation-->.*?<!--/navigation-->", re.DOTALL)


def update(site: Site) -> None:
    """Writes index.html and the pages' navigation anew, if anything in them has changed.

    Raises DataError if the processed tables are missing or hold no run.
    """
    reports = [_report(site, number) for number in range(len(site.notebooks))]
    print_ = combine(site.data(site.processed), site.code, site.others, reports, site.devices())
    address = site.out / "index.html"
    if site.manifest.index != print_ or not address.exists():
        from aiot_analysis.display.show import MARKS
        from aiot_analysis.report import facts, page

        environment = _environment()
        for report in reports:
            if report["page"]:
                _navigate(site, environment, report, reports)
        known = facts.read(site.processed, site.device)
        one = known.of(site.origin)
        html = environment.get_template("index.html.j2").render(
            one=one,
            others=[(known.of(origin), address) for origin, address in site.others.items()],
            devices=site.devices(),
            device=site.device,
            fleet=site.fleet,
            left_out=one.left_out,
            reports=reports,
            linked=[report for report in reports if report["page"]],
            pages={report["name"]: report for report in reports},
            scores=next((report for report in reports if report["name"].endswith("_vips") and report["page"]), None),
            front=_front(site, reports),
            origin=site.origin,
            addresses=site.others,
            marks=MARKS,
            signs=SIGNS,
            bar=_bar,
            data=site.data(site.processed)[:12],
            software=site.versions,
            css=page.style(),
            script=page.script(),
        )
        manifest.write(address, html)
        site.manifest.index = print_
        site.save()


def _front(site: Site, reports: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What a notebook kept for the front page when it was executed, with what is known of its page."""
    for report in reports:
        if report["page"] and (kept := front.read(site.out / "notebooks" / f"{report['name']}.ipynb")):
            return {**kept, "report": report}
    return None


def _bar(row: dict[str, Any], group: dict[str, Any]) -> Markup:
    """The score as a bar, and its interval as a line on it; the longest is as wide as its cell."""
    from markupsafe import Markup

    ends = [row["vips_low"] or row["vips"], row["vips_high"] or row["vips"]]
    most = max(other["vips_high"] or other["vips"] for other in group["rows"]) or 1
    bar, low, high = (100 * value / most for value in (row["vips"], *ends))
    return Markup(
        f'<span class="scale"><span class="bar" style="width: {bar:.2f}%"></span>'
        f'<span class="whisker" style="left: {low:.2f}%; width: {high - low:.2f}%"></span></span>'
    )


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
        device=site.device,
        fleet=site.fleet,
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
    environment.filters["instance"] = _instance
    return environment


def _instance(name: str) -> str:
    from aiot_analysis.tables import names

    return names.instance_display(name)


def _ticks(text: str) -> Markup:
    """Commands, which stand between backticks, as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))
