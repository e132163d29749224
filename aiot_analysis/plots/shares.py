"""Plots of shares of the summed time (Figs. 5, 6, 7 and 9), and of the speed-ups that they hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from aiot_analysis.plots import device_axis, log_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import listed, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

STRIP = (1.03, 1.1)
"""Ends of the strip above the bars that has the colour of the part that is clearly the fastest."""


@style.styled
def time_shares(
    frame: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    fastest: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw one panel per model, implementation or model x delegate, with a bar per device.

    Shorter parts took less time; a line is at one half if there are two parts. Devices that lack parts are shown as
    labelled gaps. If shares are over fewer parts (`partial`), the bar has a star and the panel lists the missing parts.

    Parameters
    ----------
    frame
        Frame of `stats.shares`: the columns before device_id define the panels, the column after it the parts.
    origin
        Line below the figure that states the origin of the data, such as `NotebookPage.source`.
    devices
        Table of the devices, for their order and names.
    fastest
        Frame of `stats.shares.fastest`: a strip above the bars has the colour of the part that is clearly the fastest.
    ax, fig
        Axes (if there is one panel), or an empty figure or subfigure, to draw on.

    Returns
    -------
    The figure.

    Examples
    --------
    >>> page = aiot_analysis.open_page()
    >>> shares = aiot_analysis.stats.shares.frameworks(page.rows, value=page.mean_column)
    >>> figure = aiot_analysis.plots.shares.time_shares(shares, page.source, page.devices)  # Figure 5
    >>> figure.savefig("figure5.pdf")
    """
    device_column = list(frame.columns).index("device_id")
    panel_columns, part = list(frame.columns[:device_column]), str(frame.columns[device_column + 1])
    ids = device_axis.order(frame["device_id"], devices)
    panel_keys = list(frame[panel_columns].drop_duplicates().itertuples(index=False, name=None)) or [("no data",)]
    columns, width = device_axis.layout(len(ids), few=_columns(len(panel_keys)))
    many = len(ids) > device_axis.MANY
    figure, axes = style.panels(
        len(panel_keys), columns, width, 1.25 if many else 1.5 if len(ids) > device_axis.APART else 1.9
    )
    parts = list(frame[part].drop_duplicates())
    notes = {}
    for panel, panel_key in zip(axes, panel_keys, strict=True):
        panel.set_title(", ".join(names.display(name) for name in panel_key))
        panel_rows = frame[(frame[panel_columns] == list(panel_key)).all(axis=1)] if len(frame) else frame
        table = panel_rows.pivot(index="device_id", columns=part, values="share").reindex(index=ids, columns=parts)
        missing = panel_rows.drop_duplicates("device_id").set_index("device_id")["missing"].reindex(ids).fillna("")
        if table.isna().all(axis=None):
            style.empty(panel, "no data" + _missing(missing))
        else:
            leaders = pd.Series("", index=ids)
            if fastest is not None:
                of_panel = fastest[(fastest[panel_columns] == list(panel_key)).all(axis=1)]
                leaders = of_panel.set_index("device_id")["leader"].reindex(ids).fillna("")
            notes[panel] = _bars(panel, table, missing, leaders)
    device_axis.set_up_x_axes(list(notes), ids, devices)
    lowest = device_axis.lowest_panels(notes) if many else []
    for panel, text in notes.items():
        if text:
            style.note(panel, text)
        if panel in lowest:  # without hatches, some colours look alike in grey print
            style.note(panel, f"parts from below: {listed(map(names.display, parts))}")
    style.legend(figure, {names.display(part_name): _patch(part_name, many) for part_name in parts})
    return style.finish(figure, origin, _alt(frame, panel_columns, part, parts, len(ids)))


def _columns(panel_count: int) -> int:
    """Return the number of panel columns for one device."""
    return 4 if panel_count > 8 else 2 if panel_count == 4 else 3


def _patch(part: str, many: bool) -> Patch:
    look = style.look(part)
    return Patch(facecolor=look.color, hatch="" if many else look.hatch, edgecolor="white", linewidth=0.4)


def _bars(axes: Axes, table: pd.DataFrame, missing: pd.Series, leaders: pd.Series) -> str:
    """Draw a stacked bar per device. Return the note on what is missing.

    Takes the shares by device and part, and the missing parts and the fastest part of each device. The bars of many
    devices touch and have no hatches.
    """
    count = len(table)
    few, many = count <= device_axis.FEW, count > device_axis.MANY
    width = 1.0 if many else 0.75
    bottom = pd.Series(0.0, index=table.index)
    for part_name, column in table.items():
        height = column.fillna(0.0).astype(float)
        look = style.look(str(part_name))
        edge: dict[str, Any] = (
            {"linewidth": 0} if many else {"edgecolor": "white", "linewidth": 0.4 if few else 0.1, "hatch": look.hatch}
        )
        axes.bar(range(count), height, bottom=bottom, width=width, color=look.color, **edge)
        for x, (low, share) in enumerate(zip(bottom, height, strict=True)):
            if few and share >= 0.08:
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
                text = f"{share:.0%}"
                axes.text(x, low + share / 2, text, ha="center", va="center", fontsize=style.SMALL, bbox=box)
        bottom += height
        if many:
            steps = [position - 0.5 for position in range(count + 1)]
            axes.stairs(bottom, steps, baseline=None, color="white", linewidth=0.8)
    if table.notna().any().sum() == 2:
        axes.axhline(0.5, color=style.INK, linewidth=0.9)
    low, high = STRIP
    for x, device in enumerate(table.index):
        if leaders[device] and table.loc[device].notna().any():
            look = style.look(leaders[device])
            hatch: dict[str, Any] = {} if many else {"hatch": look.hatch, "edgecolor": "white"}
            axes.bar(x, high - low, bottom=low, width=width, color=look.color, linewidth=0, **hatch)
        if table.loc[device].isna().all():
            axes.bar(x, 1, width=width, color="none", edgecolor="#bbbbbb", linestyle=":", linewidth=0.6)
            axes.text(x, 0.5, "no data", ha="center", va="center", rotation=90, fontsize=style.SMALL, color=style.GREY)
        elif missing[device]:
            axes.text(
                x,
                high if leaders[device] else 1.01,
                "*",
                ha="center",
                va="bottom",
                fontsize=style.SMALL,
                color=style.GREY,
            )
    top = 1.08 if (leaders == "").all() else high + (0.1 if (missing != "").any() else 0.01)
    axes.set(ylim=(0, top), yticks=[0, 0.5, 1], yticklabels=["0%", "50%", "100%"], ylabel="share of time")
    if not (missing != "").any():
        return ""
    starred = (table.notna().any(axis=1) & (missing != "")).any()
    return "* " + _missing(missing).lstrip(": ") if starred else "no data" + _missing(missing)


def _missing(missing: pd.Series) -> str:
    """Return the missing parts as text, with the number of devices if there are several."""
    counts = missing[missing != ""].value_counts()
    sentences = [
        listed(names.display(part) for part in str(parts).split(", "))
        + " missing"
        + (f" on {count} of {len(missing)} devices" if len(missing) > 1 else "")
        for parts, count in counts.items()
    ]
    return ": " + "; ".join(sentences) if sentences else ""


def _alt(frame: pd.DataFrame, panel_columns: list[str], part: str, parts: list[str], devices: int) -> str:
    measured = frame.dropna(subset=["share"])
    descriptions = []
    for panel_key, panel_rows in measured.groupby(panel_columns, sort=False):
        ranges = [
            f"{names.display(part_name)} {style.span(panel_rows[panel_rows[part] == part_name]['share'], '{:.0%}')}"
            for part_name in parts
            if (panel_rows[part] == part_name).any()
        ]
        descriptions.append(f"{', '.join(names.display(str(name)) for name in panel_key)}: {', '.join(ranges)}")
    incomplete = frame[frame["missing"] != ""].drop_duplicates([*panel_columns, "device_id"])
    gaps = f" {len(incomplete)} bars lack a part." if len(incomplete) else ""
    return (
        f"Share of {listed(names.display(part_name) for part_name in parts)} in the summed time of "
        f"{plural(devices, 'device')}. {'; '.join(descriptions) or 'No data'}.{gaps}"
    )


VALUE_ROOM = 0.043  # inches per point of font size: room of a speed-up beside its point
NARROW = 4  # ratio of the ends of an axis below which ticks at 1, 2 and 5 are too few


@style.styled
def speed_ups(
    frame: pd.DataFrame,
    summary: pd.DataFrame,
    base: str,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw one panel per model, implementation or model x delegate, with a point and interval per device and part.

    Takes a frame of `stats.shares.speed_ups` and that of `stats.latency.over_devices` for the same panels and parts.
    Parts above 1 are faster than `base`, which is a display name. With several devices, a line marks the geometric mean
    over devices.
    """
    device_column = list(frame.columns).index("device_id")
    panel_columns, part = list(frame.columns[:device_column]), str(frame.columns[device_column + 1])
    measured = frame.dropna(subset="speed_up")
    ids = device_axis.order(frame["device_id"], devices)
    panel_keys = list(measured[panel_columns].drop_duplicates().itertuples(index=False, name=None))
    columns, width = device_axis.layout(len(ids), few=_columns(len(panel_keys)))
    figure, axes = style.panels(len(panel_keys) or 1, columns, width, 1.5 if len(ids) > device_axis.APART else 1.9)
    parts = names.in_order(set(measured[part]), [*names.IMPLEMENTATIONS, *names.QUANTIZATIONS, *names.MODELS])
    for panel, panel_key in zip(axes, panel_keys, strict=False):
        panel.set_title(", ".join(names.display(name) for name in panel_key))
        panel_rows, lines = (
            (item[(item[panel_columns] == list(panel_key)).all(axis=1)]) for item in (measured, summary)
        )
        _points(panel, panel_rows, lines, part, parts, ids)
        panel.set_ylabel(f"times as fast as\n{base}")
    device_axis.set_up_x_axes(axes[: len(panel_keys)], ids, devices)
    if not panel_keys:
        style.empty(axes[0], "no data: nothing was measured together with its baseline")
    style.legend(figure, {names.display(item): _speed_up_mark(item) for item in parts})
    return style.finish(figure, origin, _alt_speed_ups(summary, panel_columns, part, base))


def _points(axes: Axes, rows: pd.DataFrame, summary: pd.DataFrame, part: str, parts: list[str], ids: list[str]) -> None:
    few = len(ids) <= device_axis.FEW
    # width used by the points of one device; devices are 1 apart
    room = 0.9 if len(ids) == 1 else 0.8 if len(ids) <= device_axis.APART else 0.6
    apart = room / len(parts) * device_axis.device_inches(axes, len(ids))
    axes.axhline(1, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, part_name in enumerate(parts):
        points = rows[rows[part] == part_name]
        if points.empty:
            continue
        look = style.look(part_name)
        x = device_axis.positions(points, ids) + (number - (len(parts) - 1) / 2) * room / len(parts)
        speed = points["speed_up"].astype(float)
        ends = [(speed - points["speed_up_low"]).clip(lower=0), (points["speed_up_high"] - speed).clip(lower=0)]
        size: dict[str, Any] = {"markersize": 5, "capsize": 3} if few else {"markersize": 2.6, "elinewidth": 0.6}
        if len(ids) > device_axis.MANY:
            size |= {"capsize": 0, "ecolor": (look.color, 0.6)}
        axes.errorbar(x, speed, yerr=[end.fillna(0) for end in ends], fmt=look.marker, color=look.color, **size)
        if few and apart >= VALUE_ROOM * style.SMALL:
            for position, value in zip(x, speed, strict=True):
                axes.annotate(
                    f"{value:.2f}" if value < 10 else f"{value:.0f}",
                    (position, value),
                    xytext=(5, 0),
                    textcoords="offset points",
                    fontsize=style.SMALL,
                    va="center",
                )
        mean_row = summary.loc[summary[part] == part_name]
        if len(ids) > 1 and len(mean_row):
            axes.axhline(float(mean_row["speed_up"].iloc[0]), color=look.color, linewidth=0.9, alpha=0.6)
    axes.set_yscale("log")
    axes.margins(y=0.15)
    low, high = axes.get_ylim()
    if high < NARROW * low:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))  # steps that have a tick at 1
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        log_axis.plain_log(axes.yaxis)


def _speed_up_mark(part: str) -> Line2D:
    look = style.look(part)
    return Line2D([], [], color=look.color, marker=look.marker, linestyle="none", markersize=5)


def _alt_speed_ups(summary: pd.DataFrame, panel_columns: list[str], part: str, base: str) -> str:
    descriptions = []
    for panel_key, panel_rows in summary.groupby(panel_columns, sort=False):
        words = [
            f"{names.display(str(part_name))} {speed:.2f} times"
            + (f" (faster on {int(faster)} of {count})" if count > 1 else "")
            for part_name, speed, count, faster in panel_rows[[part, "speed_up", "devices", "faster_on"]].itertuples(
                index=False
            )
        ]
        descriptions.append(f"{', '.join(names.display(str(name)) for name in panel_key)}: {', '.join(words)}")
    return f"How many times as fast as {base}, with 95% intervals. {'; '.join(descriptions) or 'No data'}."
