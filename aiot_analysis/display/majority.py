"""What holds on most devices, in words: which part leads, for which networks, and on how many devices."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from aiot_analysis.tables import names
from aiot_analysis.words import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

HEAVY, LIGHT = names.MODELS[:3], names.MODELS[3:]
LARGE_MAJORITY = 0.75  # share of devices; what holds on fewer, but on more than half, is "on only" so many
CLEARLY = "clearly "  # its interval is beyond those of all others


def networks(models: Sequence[str]) -> str:
    """Return models as text, such as "the three heavy networks" or "MnasNet"."""
    groups = {"all six networks": names.MODELS, "the three heavy networks": HEAVY, "the three light networks": LIGHT}
    for text, group in groups.items():
        if set(models) == set(group):
            return text
    missing = [model for model in names.MODELS if model not in models]
    if len(missing) == 1 and len(set(models)) == len(names.MODELS) - 1:
        return f"all networks but {names.display(missing[0])}"
    return listed([names.display(model) for model in names.in_order(set(models), names.MODELS)])


def on_devices(count: int, total: int, short: bool = False) -> str:
    """Return on how many devices something holds, such as " on 48 of 51 devices"; "" for the only device.

    `short` omits what an earlier clause of the sentence said, as in " on 48". A majority that is not large is "only" so
    many.
    """
    if total == 1:
        return ""
    only = "only " if count < LARGE_MAJORITY * total else ""
    if count == total:
        number = "both" if total == 2 else f"all {total}"
    else:
        number = f"{only}{count}" if short else f"{only}{count} of {total}"
    return f" on {number}{'' if short else ' devices'}"


class Lead(NamedTuple):
    """A leader with the panels in which it leads on most devices."""

    leader: str  # "" if none leads on most devices
    panels: list[str]
    devices: int  # on which it leads in all of these panels
    total: int  # devices with any of them


def leads(leaders: pd.DataFrame, panel: str) -> list[Lead]:
    """Return each leader with the panels in which it leads on most devices, in the order of the frame.

    Panels in which it leads on a large majority of devices are together if it leads in all of them on as many. Panels
    with a smaller majority come later, each alone, and those without a leader come last.
    """
    groups: dict[tuple[str, str], list[str]] = {}  # the panels by leader, and by panel if the majority is small
    for name, values in leaders.groupby(panel, sort=False)["leader"]:
        counts = values[values != ""].value_counts()
        share = counts.iloc[0] / len(values) if len(counts) else 0.0
        leader = str(counts.index[0]) if share > 0.5 else ""
        alone = str(name) if leader and share < LARGE_MAJORITY else ""
        groups.setdefault((leader, alone), []).append(str(name))
    leads = []
    for (leader, _), panels in groups.items():
        together = _lead_in(leaders, panel, leader, panels)
        if leader and together.devices < LARGE_MAJORITY * together.total:
            leads += [_lead_in(leaders, panel, leader, [name]) for name in panels]
        else:
            leads.append(together)
    return sorted(leads, key=lambda lead: (lead.leader == "", lead.devices < LARGE_MAJORITY * lead.total))


def _lead_in(leaders: pd.DataFrame, panel: str, leader: str, panels: list[str]) -> Lead:
    agrees = (leaders["leader"] == leader)[leaders[panel].isin(panels)]
    devices = agrees.groupby(leaders["device_id"]).all()
    return Lead(leader, panels, int(devices.sum()), len(devices))


def everywhere(leads: Sequence[Lead]) -> int:
    """Return the number of devices if all leads are on all of them, and there are several of both; else 0."""
    total = max((lead.total for lead in leads), default=0)
    complete = all(lead.leader and lead.devices == lead.total == total for lead in leads)
    return total if complete and total > 1 and len(leads) > 1 else 0


def all_devices(total: int) -> str:
    """Return the end of a sentence that holds on all devices, such as " (all 51 devices)"; "" for 0."""
    return f" ({on_devices(total, total).removeprefix(' on ')})" if total else ""


def clause(
    leads: Sequence[Lead],
    parts: Sequence[str],
    kind: str,
    over: Callable[[Sequence[str]], str],
    link: str = "for",
    form: str = f"{CLEARLY}{{}}",
    everywhere: bool = False,
    verb: bool = True,
) -> str:
    """Return which part leads in which panels, such as "PyTorch is clearly the fastest for MnasNet on 3 of 5 devices".

    `parts` are all that are compared: of two, one is "faster than" the other. `kind` is a noun for them, `over`
    describes panels, `link` is the preposition, and `form` says how sure a lead is. `everywhere` omits the numbers of
    devices, and without `verb`, it is that of an earlier clause.
    """
    pair = len(parts) == 2
    clauses: list[str] = []
    counted = everywhere
    for leader, group in groupby((lead for lead in leads if lead.leader), key=lambda lead: lead.leader):
        places = []
        for lead in group:
            where = "" if everywhere else on_devices(lead.devices, lead.total, counted and lead.total == leads[0].total)
            counted = counted or bool(where)
            places.append(f"{link} {over(lead.panels)}{where}")
        if pair and clauses:
            subject = "faster" if leader == leads[0].leader else "slower"
        elif pair:
            other = next(part for part in parts if part != leader)
            subject = f"{names.display(leader)} is {form.format(f'faster than {names.display(other)}')}"
        else:
            subject = names.display(leader)
            subject += f" is {form.format('the fastest')}" if verb and not clauses else ""
        clauses.append(f"{subject} {' and '.join(places)}")
    text = ", ".join(clauses)
    for lead in leads:
        if lead.leader:
            continue
        most = "" if lead.total == 1 else " on most" if counted else " on most devices"
        if text:
            text += f"; {link} {over(lead.panels)}, {'neither' if pair else f'no {kind}'}{most}"
        else:
            subject = f"neither {' nor '.join(map(names.display, parts))}" if pair else f"no {kind}"
            text = f"{subject} is {form.format('faster' if pair else 'the fastest')} {link} {over(lead.panels)}{most}"
    return text


def implementations(values: Sequence[str]) -> str:
    if set(values) == set(names.IMPLEMENTATIONS):
        return "all four implementations"
    return listed([names.display(value) for value in names.in_order(set(values), names.IMPLEMENTATIONS)])
