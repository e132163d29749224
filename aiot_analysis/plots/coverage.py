"""Plot of which instances ran on which device, and with what verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import listed, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

SYMBOLS = {"valid": "✓", "semi-valid": "~", "invalid": "×", "unavailable": "–", "not run": "·"}
_NUMBERS = {verdict: number for number, verdict in enumerate(SYMBOLS)}

SIDE_BY_SIDE = 120
"""Maximum number of devices drawn individually; above it, devices are counted by verdict."""

ROW = 0.15  # inches: height of an instance
LABELS, LEAST = 3.0, 0.08  # inches: width of the instance names, and minimum width of a device


def colors() -> dict[str, str]:
    """Return the colour of each verdict."""
    verdict_colors = [*map(style.color, (style.PLAIN, style.FAINT, style.NOTABLE)), style.GRID, style.GROUND]
    return dict(zip(SYMBOLS, verdict_colors, strict=True))


def all_instances(rows: pd.DataFrame) -> list[str]:
    """Return the paper's instances in its order, whether they ran or not, and then the others of the rows by name."""
    paper_ids = [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED]
    return [*paper_ids, *sorted(set(rows["instance_id"]) - set(paper_ids))]


@style.styled
def grid(
    instances: pd.DataFrame,
    origin: str,
    devices: pd.DataFrame | None = None,
    *,
    ax: Axes | None = None,
    fig: Figure | SubFigure | None = None,
) -> Figure:
    """Draw the verdict of the latest run of each of the paper's 60 instances on each device, as colour and symbol.

    Takes the whole table `instances`. Up to six devices have a panel each, with a line per version. More devices are
    drawn side by side, with one line per instance. Above 120 devices, or more than fit in a printed column, each line
    shows the number of devices per verdict.
    """
    latest = instances.sort_values("run_id").drop_duplicates(["device_id", "instance_id"], keep="last")
    all_ids = all_instances(latest)
    ids = device_axis.order(latest["device_id"], devices)
    table = latest.pivot(index="instance_id", columns="device_id", values="verdict").reindex(index=all_ids, columns=ids)
    table = table.fillna("not run")
    if len(ids) <= device_axis.FEW:
        figure = _panels(table, ids, devices)
    else:
        device_limit = min(SIDE_BY_SIDE, int((style.page_width(100) - LABELS) / LEAST))
        figure = _lines(table, ids, devices) if len(ids) <= device_limit else _draw_counts(table)
    counts = table.stack().value_counts().reindex(list(SYMBOLS)).dropna().astype(int)
    shades = colors()
    handles = {
        f"{names.display(verdict)} {SYMBOLS[verdict]}": Patch(facecolor=shades[verdict], edgecolor=style.RULE)
        for verdict in counts.index
    }
    style.legend(figure, handles)
    verdict_counts = listed(f"{count} {names.display(str(verdict))}" for verdict, count in counts.items())
    alt = f"Of {table.size} tests on {plural(len(ids), 'device')}: {verdict_counts}."
    cells = table.melt(ignore_index=False, value_name="verdict").reset_index()
    return style.finish(figure, origin, alt, cells)


def _panels(table: pd.DataFrame, ids: list[str], devices: pd.DataFrame | None) -> style.Canvas:
    """Draw one panel per device, with a line per implementation and quantization, and models side by side."""
    parts = [names.instance(instance) for instance in table.index]
    versions = [(instance.implementation, instance.quantization) for instance in parts]
    models = names.in_order({instance.model for instance in parts}, names.MODELS)
    lines = list(dict.fromkeys(versions))
    figure, axes = style.panels(max(len(ids), 1), 2, 0.42 * len(models) + 2.0, 0.24 * len(lines) + 1.3)
    if not ids:
        style.empty(axes[0], "no data: no device has run anything")
    for panel, device, name in zip(axes, ids, device_axis.names(ids, devices), strict=False):
        keys = {"model": [instance.model for instance in parts], "version": versions}
        cells = pd.DataFrame(keys | {"verdict": table[device].to_list()})
        grid_of_device = cells.pivot(index="version", columns="model", values="verdict").reindex(
            index=lines, columns=models
        )
        _cells(panel, grid_of_device.fillna("not run"))
        panel.set_title(name)
        panel.set_yticks(range(len(lines)), [", ".join(map(names.display, version)) for version in lines])
        texts = [names.display(model) for model in models]
        panel.set_xticks(range(len(models)), texts, rotation=40, ha="right", fontsize=style.SMALL)
    return figure


def _lines(table: pd.DataFrame, ids: list[str], devices: pd.DataFrame | None) -> style.Canvas:
    """Draw devices side by side, with one line per instance."""
    figure, (panel,) = style.panels(1, 1, 0.14 * len(ids) + 3.2, ROW * len(table) + 0.8)
    _cells(panel, table)
    panel.set_yticks(
        range(len(table)), [names.instance_display(instance_id) for instance_id in table.index], fontsize=style.SMALL
    )
    device_axis.set_up_x_axis(panel, ids, devices)
    panel.set_xlim(-0.5, len(ids) - 0.5)
    return figure


def _draw_counts(table: pd.DataFrame) -> style.Canvas:
    """Draw the number of devices per verdict, with one line per instance."""
    figure, (panel,) = style.panels(1, 1, 7.0, ROW * len(table) + 0.8)
    devices = table.shape[1]
    left = pd.Series(0, index=table.index)
    for verdict, color in colors().items():
        count = (table == verdict).sum(axis=1)
        panel.barh(range(len(table)), count, 0.9, left, color=color, edgecolor=style.RULE, linewidth=0.3)
        for y, (start, number) in enumerate(zip(left, count, strict=True)):
            if number > 0.05 * devices:  # enough room for the label
                panel.annotate(
                    f"{SYMBOLS[verdict]} {number}",
                    (start + number / 2, y),
                    ha="center",
                    va="center",
                    color=style.ink(color),
                    fontsize=style.SMALL,
                )
        left += count
    panel.set_yticks(
        range(len(table)), [names.instance_display(instance_id) for instance_id in table.index], fontsize=style.SMALL
    )
    panel.set(xlim=(0, devices), ylim=(len(table) - 0.4, -0.6), xlabel="devices")
    panel.grid(False)
    panel.tick_params(axis="y", length=0)
    return figure


def _cells(panel: Axes, rows: pd.DataFrame) -> None:
    shades = colors()
    numbers = rows.apply(lambda column: column.map(_NUMBERS)).to_numpy(float)
    panel.pcolormesh(
        range(rows.shape[1]),
        range(rows.shape[0]),
        numbers,
        cmap=ListedColormap([*shades.values()]),
        vmin=-0.5,
        vmax=len(shades) - 0.5,
        shading="nearest",
        edgecolors=style.GROUND,
        linewidth=0.8,
    )
    # exclude the symbols from the layout, which would measure each of them: they are inside the panel anyway
    look: dict[str, Any] = {"fontsize": style.SMALL, "in_layout": False}
    for y in range(rows.shape[0]):
        for x in range(rows.shape[1]):
            verdict = str(rows.iat[y, x])
            panel.text(x, y, SYMBOLS[verdict], ha="center", va="center", color=style.ink(shades[verdict]), **look)
    panel.invert_yaxis()
    panel.grid(False)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
