"""Shares of the summed time as 100 % stacked bars: Figs. 5, 6, 7 and 9."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural


@style.styled
def time_shares(frame: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None) -> Figure:
    """A panel per model, implementation or model x delegate; a bar per device; shorter parts took less time.

    Takes a frame of `stats.shares`: the columns before device_id make the panels, the one after it the parts.
    A device without all parts is a gap that says so; where shares are over fewer parts (`partial`), the bar
    has a star and the panel names what is missing.
    """
    at = list(frame.columns).index("device_id")
    panel_columns, part = list(frame.columns[:at]), str(frame.columns[at + 1])
    ids = device_axis.order(frame["device_id"], devices)
    each = list(frame[panel_columns].drop_duplicates().itertuples(index=False, name=None)) or [("no data",)]
    columns, width = device_axis.layout(len(ids), few=4 if len(each) > 8 else 2 if len(each) == 4 else 3)
    if len(each) > 8:
        columns = 4 if columns > 2 else 2
    figure, axes = style.panels(len(each), columns, width, 1.9)
    parts = list(frame[part].drop_duplicates())
    for panel, of in zip(axes, each, strict=True):
        panel.set_title(", ".join(names.display(name) for name in of))
        some = frame[(frame[panel_columns] == list(of)).all(axis=1)] if len(frame) else frame
        _bars(panel, some, part, parts, ids, devices)
    style.legend(figure, {names.display(one): _patch(one) for one in parts})
    return style.finish(figure, origin, _alt(frame, panel_columns, part, parts, len(ids)))


def _patch(part: str) -> Patch:
    look = style.look(part)
    return Patch(facecolor=look.color, hatch=look.hatch, edgecolor="white", linewidth=0.4)


def _bars(
    axes: Axes, some: pd.DataFrame, part: str, parts: list[str], ids: list[str], devices: pd.DataFrame | None
) -> None:
    table = some.pivot(index="device_id", columns=part, values="share").reindex(index=ids, columns=parts)
    missing = some.drop_duplicates("device_id").set_index("device_id")["missing"].reindex(ids).fillna("")
    if table.isna().all(axis=None):
        style.empty(axes, "no data" + _missing(missing))
        return
    few = len(ids) <= device_axis.FEW
    bottom = pd.Series(0.0, index=ids)
    for one in parts:
        height = table[one].fillna(0.0).astype(float)
        look = style.look(one)
        edge: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.4 if few else 0.1}
        axes.bar(range(len(ids)), height, bottom=bottom, width=0.75, color=look.color, hatch=look.hatch, **edge)
        for x, (low, share) in enumerate(zip(bottom, height, strict=True)):
            if few and share >= 0.08:
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
                text = f"{share:.0%}"
                axes.text(x, low + share / 2, text, ha="center", va="center", fontsize=style.SMALL, bbox=box)
        bottom += height
    for x, device in enumerate(ids):
        if table.loc[device].isna().all():
            axes.bar(x, 1, width=0.75, color="none", edgecolor="#bbbbbb", linestyle=":", linewidth=0.6)
            axes.text(x, 0.5, "no data", ha="center", va="center", rotation=90, fontsize=style.SMALL, color=style.GREY)
        elif missing[device]:
            axes.text(x, 1.01, "*", ha="center", va="bottom", fontsize=style.SMALL, color=style.GREY)
    axes.set(ylim=(0, 1.08), yticks=[0, 0.5, 1], yticklabels=["0 %", "50 %", "100 %"], ylabel="share of time")
    device_axis.along_x(axes, ids, devices)
    if (missing != "").any():
        star = "* " if (table.notna().any(axis=1) & (missing != "")).any() else "no data"
        style.note(axes, star + _missing(missing).lstrip(": " if star == "* " else ""))


def _missing(missing: pd.Series) -> str:
    """What is missing, and on how many devices if not on all alike."""
    counts = missing[missing != ""].value_counts()
    said = [
        style.listed(names.display(part) for part in str(parts).split(", "))
        + " missing"
        + (f" on {count} of {len(missing)} devices" if len(missing) > 1 else "")
        for parts, count in counts.items()
    ]
    return ": " + "; ".join(said) if said else ""


def _alt(frame: pd.DataFrame, panel_columns: list[str], part: str, parts: list[str], devices: int) -> str:
    known = frame.dropna(subset=["share"])
    said = []
    for of, some in known.groupby(panel_columns, sort=False):
        ranges = [
            f"{names.display(one)} {style.span(some[some[part] == one]['share'], '{:.0%}')}"
            for one in parts
            if (some[part] == one).any()
        ]
        said.append(f"{', '.join(names.display(str(name)) for name in of)}: {', '.join(ranges)}")
    without = frame[frame["missing"] != ""].drop_duplicates([*panel_columns, "device_id"])
    gaps = f" {len(without)} bars lack a part." if len(without) else ""
    return (
        f"Share of {style.listed(names.display(one) for one in parts)} in the summed time of "
        f"{plural(devices, 'device')}. {'; '.join(said) or 'No data'}.{gaps}"
    )
