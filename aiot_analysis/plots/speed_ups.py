"""How many times as fast each part is, beside the shares that hide it: Figs. 5, 6, 7 and 9."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names

NARROW = 4  # times from end to end of an axis, under which 1, 2 and 5 are too few numbers


@style.styled
def speed_ups(
    frame: pd.DataFrame, summary: pd.DataFrame, base: str, origin: str, devices: pd.DataFrame | None = None
) -> Figure:
    """A panel per model, implementation or model x delegate; a point with its interval per device and part.

    Takes a frame of `stats.shares.speed_ups` and that of `stats.ratios.over_devices` by the same panels and parts.
    Over 1 a part is faster than `base`, which is a name for readers. With several devices a line is the geometric
    mean over devices.
    """
    at = list(frame.columns).index("device_id")
    panel_columns, part = list(frame.columns[:at]), str(frame.columns[at + 1])
    known = frame.dropna(subset="speed_up")
    ids = device_axis.order(frame["device_id"], devices)
    each = list(known[panel_columns].drop_duplicates().itertuples(index=False, name=None))
    columns, width = device_axis.layout(len(ids), few=4 if len(each) > 8 else 2 if len(each) == 4 else 3)
    figure, axes = style.panels(len(each) or 1, columns, width, 1.9)
    parts = names.in_order(set(known[part]), [*names.IMPLEMENTATIONS, *names.QUANTIZATIONS, *names.MODELS])
    for panel, of in zip(axes, each, strict=False):
        panel.set_title(", ".join(names.display(name) for name in of))
        some, lines = ((one[(one[panel_columns] == list(of)).all(axis=1)]) for one in (known, summary))
        _points(panel, some, lines, part, parts, ids)
        panel.set_ylabel(f"times as fast as\n{base}")
        device_axis.along_x(panel, ids, devices)
    if not each:
        style.empty(axes[0], "no data: nothing was measured together with what it is compared with")
    style.legend(figure, {names.display(one): _handle(one) for one in parts})
    return style.finish(figure, origin, _alt(summary, panel_columns, part, base))


def _points(axes: Axes, some: pd.DataFrame, summary: pd.DataFrame, part: str, parts: list[str], ids: list[str]) -> None:
    few = len(ids) <= device_axis.FEW
    room = 0.9 if len(ids) == 1 else 0.6  # of the place of a device
    axes.axhline(1, color=style.GREY, linewidth=0.8, linestyle=(0, (4, 3)))
    for n, one in enumerate(parts):
        mine = some[some[part] == one]
        if mine.empty:
            continue
        look = style.look(one)
        x = device_axis.positions(mine, ids) + (n - (len(parts) - 1) / 2) * room / len(parts)
        speed = mine["speed_up"].astype(float)
        ends = [(speed - mine["speed_up_low"]).clip(lower=0), (mine["speed_up_high"] - speed).clip(lower=0)]
        size: dict[str, Any] = {"markersize": 5, "capsize": 3} if few else {"markersize": 2.2, "elinewidth": 0.6}
        axes.errorbar(x, speed, yerr=[end.fillna(0) for end in ends], fmt=look.marker, color=look.color, **size)
        if few:
            for place, value in zip(x, speed, strict=True):
                axes.annotate(
                    f"{value:.2f}" if value < 10 else f"{value:.0f}",
                    (place, value),
                    xytext=(5, 0),
                    textcoords="offset points",
                    fontsize=style.SMALL,
                    va="center",
                )
        middle = summary.loc[summary[part] == one]
        if len(ids) > 1 and len(middle):
            axes.axhline(float(middle["speed_up"].iloc[0]), color=look.color, linewidth=0.9, alpha=0.6)
    axes.set_yscale("log")
    axes.margins(y=0.15)
    low, high = axes.get_ylim()
    if high < NARROW * low:
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        style.plain_log(axes.yaxis)


def _handle(part: str) -> Line2D:
    look = style.look(part)
    return Line2D([], [], color=look.color, marker=look.marker, linestyle="none", markersize=5)


def _alt(summary: pd.DataFrame, panel_columns: list[str], part: str, base: str) -> str:
    said = []
    for of, some in summary.groupby(panel_columns, sort=False):
        words = [
            f"{names.display(str(one))} {speed:.2f} times"
            + (f" (faster on {int(faster)} of {count})" if count > 1 else "")
            for one, speed, count, faster in some[[part, "speed_up", "devices", "faster_on"]].itertuples(index=False)
        ]
        said.append(f"{', '.join(names.display(str(name)) for name in of)}: {', '.join(words)}")
    return f"How many times as fast as {base}, with 95 % intervals. {'; '.join(said) or 'No data'}."
