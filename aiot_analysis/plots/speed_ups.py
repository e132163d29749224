"""Plots of speed-ups, to accompany the shares of time in Figs. 5, 6, 7 and 9, which hide them."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names

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

    Takes a frame of `stats.shares.speed_ups` and that of `stats.ratios.over_devices` for the same panels and parts.
    Parts above 1 are faster than `base`, which is a display name. With several devices, a line marks the geometric mean
    over devices.
    """
    device_column = list(frame.columns).index("device_id")
    panel_columns, part = list(frame.columns[:device_column]), str(frame.columns[device_column + 1])
    measured = frame.dropna(subset="speed_up")
    ids = device_axis.order(frame["device_id"], devices)
    panel_keys = list(measured[panel_columns].drop_duplicates().itertuples(index=False, name=None))
    columns, width = device_axis.layout(len(ids), few=4 if len(panel_keys) > 8 else 2 if len(panel_keys) == 4 else 3)
    figure, axes = style.panels(len(panel_keys) or 1, columns, width, 1.9)
    parts = names.in_order(set(measured[part]), [*names.IMPLEMENTATIONS, *names.QUANTIZATIONS, *names.MODELS])
    for panel, panel_key in zip(axes, panel_keys, strict=False):
        panel.set_title(", ".join(names.display(name) for name in panel_key))
        panel_rows, lines = (
            (item[(item[panel_columns] == list(panel_key)).all(axis=1)]) for item in (measured, summary)
        )
        _points(panel, panel_rows, lines, part, parts, ids)
        panel.set_ylabel(f"times as fast as\n{base}")
        device_axis.set_up_x_axis(panel, ids, devices)
    if not panel_keys:
        style.empty(axes[0], "no data: nothing was measured together with its baseline")
    style.legend(figure, {names.display(item): _speed_up_mark(item) for item in parts})
    return style.finish(figure, origin, _alt_speed_ups(summary, panel_columns, part, base))


def _points(axes: Axes, some: pd.DataFrame, summary: pd.DataFrame, part: str, parts: list[str], ids: list[str]) -> None:
    few = len(ids) <= device_axis.FEW
    room = 0.9 if len(ids) == 1 else 0.6  # width used by the points of one device; devices are 1 apart
    axes.axhline(1, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, part_name in enumerate(parts):
        points = some[some[part] == part_name]
        if points.empty:
            continue
        look = style.look(part_name)
        x = device_axis.positions(points, ids) + (number - (len(parts) - 1) / 2) * room / len(parts)
        speed = points["speed_up"].astype(float)
        ends = [(speed - points["speed_up_low"]).clip(lower=0), (points["speed_up_high"] - speed).clip(lower=0)]
        size: dict[str, Any] = {"markersize": 5, "capsize": 3} if few else {"markersize": 2.2, "elinewidth": 0.6}
        axes.errorbar(x, speed, yerr=[end.fillna(0) for end in ends], fmt=look.marker, color=look.color, **size)
        if few:
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
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        style.plain_log(axes.yaxis)


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
    return f"How many times as fast as {base}, with 95 % intervals. {'; '.join(descriptions) or 'No data'}."
