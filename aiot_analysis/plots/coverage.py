"""Which instances ran on which device, and with what verdict."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import plural

SYMBOLS = {"valid": "✓", "semi-valid": "~", "invalid": "×", "unavailable": "–", "not run": "·"}
_NUMBERS = {verdict: number for number, verdict in enumerate(SYMBOLS)}

SIDE_BY_SIDE = 120
"""Of more devices it is told how many have which verdict: a figure has no room for each."""

LABELS, LEAST = 3.0, 0.08  # inches: of the names of instances, and of a device beside others


def colors() -> dict[str, str]:
    """The colour of each verdict."""
    of_verdicts = [*map(style.color, (style.PLAIN, style.FAINT, style.NOTABLE)), "#dddddd", "#ffffff"]
    return dict(zip(SYMBOLS, of_verdicts, strict=True))


@style.styled
def grid(instances: pd.DataFrame, origin: str, devices: pd.DataFrame | None = None) -> Figure:
    """The verdict of the latest run of each of the paper's 60 instances on each device: colour and symbol.

    Takes the table `instances`, all of it. Up to six devices have a panel each, models by versions; more are
    side by side, an instance to a line; of more than 120, or than a printed column has room for, a line has how
    many devices have which verdict.
    """
    latest = instances.sort_values("run_id").drop_duplicates(["device_id", "instance_id"], keep="last")
    known = [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED]
    every = [*known, *sorted(set(latest["instance_id"]) - set(known))]
    ids = device_axis.order(latest["device_id"], devices)
    table = latest.pivot(index="instance_id", columns="device_id", values="verdict").reindex(index=every, columns=ids)
    table = table.fillna("not run")
    if len(ids) <= device_axis.FEW:
        figure = _panels(table, ids, devices)
    else:
        most = min(SIDE_BY_SIDE, int((style.page_width(100) - LABELS) / LEAST))
        figure = _lines(table, ids, devices) if len(ids) <= most else _counted(table)
    counts = table.stack().value_counts().reindex(list(SYMBOLS)).dropna().astype(int)
    shades = colors()
    handles = {
        f"{verdict} {SYMBOLS[verdict]}": Patch(facecolor=shades[verdict], edgecolor="#bbbbbb")
        for verdict in counts.index
    }
    style.legend(figure, handles)
    said = style.listed(f"{count} {verdict}" for verdict, count in counts.items())
    alt = f"Of {table.size} tests on {plural(len(ids), 'device')}: {said}."
    shown = table.melt(ignore_index=False, value_name="verdict").reset_index()
    return style.finish(figure, origin, alt, shown)


def _panels(table: pd.DataFrame, ids: list[str], devices: pd.DataFrame | None) -> Figure:
    """Models by implementation and quantization, a panel per device."""
    told = [names.instance(one) for one in table.index]
    versions = [(one.implementation, one.quantization) for one in told]
    models = names.in_order({one.model for one in told}, names.MODELS)
    columns = list(dict.fromkeys(versions))
    figure, axes = style.panels(max(len(ids), 1), 2, 0.42 * len(columns) + 1.4, 0.3 * len(models) + 1.3)
    if not ids:
        style.empty(axes[0], "no data: no device has run anything")
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=False):
        of = {"model": [one.model for one in told], "version": versions}
        cells = pd.DataFrame(of | {"verdict": table[device].to_list()})
        shown = cells.pivot(index="model", columns="version", values="verdict").reindex(index=models, columns=columns)
        _cells(panel, shown.fillna("not run"))
        panel.set_title(name)
        panel.set_yticks(range(len(models)), [names.display(model) for model in models])
        texts = [", ".join(map(names.display, version)) for version in columns]
        panel.set_xticks(range(len(columns)), texts, rotation=40, ha="right", fontsize=style.SMALL)
    return figure


def _lines(table: pd.DataFrame, ids: list[str], devices: pd.DataFrame | None) -> Figure:
    """Devices side by side, an instance to a line."""
    figure, (panel,) = style.panels(1, 1, 0.14 * len(ids) + 3.2, 0.13 * len(table) + 0.8)
    _cells(panel, table)
    panel.set_yticks(range(len(table)), [names.instance_display(one) for one in table.index], fontsize=style.SMALL)
    device_axis.along_x(panel, ids, devices)
    panel.set_xlim(-0.5, len(ids) - 0.5)
    return figure


def _counted(table: pd.DataFrame) -> Figure:
    """How many devices have which verdict, an instance to a line."""
    figure, (panel,) = style.panels(1, 1, 7.0, 0.13 * len(table) + 0.8)
    devices = table.shape[1]
    left = pd.Series(0, index=table.index)
    for verdict, color in colors().items():
        count = (table == verdict).sum(axis=1)
        panel.barh(range(len(table)), count, 0.9, left, color=color, edgecolor="#bbbbbb", linewidth=0.3)
        for y, (start, number) in enumerate(zip(left, count, strict=True)):
            if number > 0.05 * devices:  # room for the words
                panel.annotate(
                    f"{SYMBOLS[verdict]} {number}",
                    (start + number / 2, y),
                    ha="center",
                    va="center",
                    color=style.ink(color),
                    fontsize=style.SMALL,
                )
        left += count
    panel.set_yticks(range(len(table)), [names.instance_display(one) for one in table.index], fontsize=style.SMALL)
    panel.set(xlim=(0, devices), ylim=(len(table) - 0.4, -0.6), xlabel="devices")
    panel.grid(False)
    panel.tick_params(axis="y", length=0)
    return figure


def _cells(panel: Axes, shown: pd.DataFrame) -> None:
    shades = colors()
    numbers = shown.apply(lambda column: column.map(_NUMBERS)).to_numpy(float)
    panel.pcolormesh(
        range(shown.shape[1]),
        range(shown.shape[0]),
        numbers,
        cmap=ListedColormap([*shades.values()]),
        vmin=-0.5,
        vmax=len(shades) - 0.5,
        shading="nearest",
        edgecolors="white",
        linewidth=0.8,
    )
    # they are inside the panel: the layout, which would measure each, need not know of them
    look: dict[str, Any] = {"fontsize": 8 if shown.shape[1] <= 12 else style.SMALL, "in_layout": False}
    for y in range(shown.shape[0]):
        for x in range(shown.shape[1]):
            verdict = str(shown.iat[y, x])
            panel.text(x, y, SYMBOLS[verdict], ha="center", va="center", color=style.ink(shades[verdict]), **look)
    panel.invert_yaxis()
    panel.grid(False)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
