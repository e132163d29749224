"""Interactive drawing of which instances ran on which device, and with what verdict."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, PLACE, Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import coverage as printed
from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names

CELL_PX = 18


def grid(instances: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return the verdict of the latest run of each instance on each device.

    Takes the whole table `instances`. Few devices have a panel each, with a line per version; many are side by side,
    with one line per instance. Has no rows for more devices than printed figures show side by side.
    """
    latest = instances.sort_values("run_id").drop_duplicates(["device_id", "instance_id"], keep="last")
    ids, all_ids = device_axis.order(latest["device_id"], devices), printed.all_instances(latest)
    cells = pd.MultiIndex.from_product([ids, all_ids], names=["device_id", "instance_id"])
    rows = latest.set_index(["device_id", "instance_id"])[["verdict", "reasons", "images"]].reindex(cells).reset_index()
    rows = chart.instances(rows.assign(verdict=rows["verdict"].fillna("not run").map(names.display)))
    parts = [names.instance(instance_id) for instance_id in rows["instance_id"]]
    shades = {names.display(verdict): color for verdict, color in printed.colors().items()}
    symbols = {names.display(verdict): symbol for verdict, symbol in printed.SYMBOLS.items()}
    rows = rows.assign(
        symbol=rows["verdict"].map(symbols),
        version=[f"{names.display(part.implementation)}, {names.display(part.quantization)}" for part in parts],
    )
    few = len(ids) <= device_axis.FEW
    if few:
        rows = rows.assign(panel=rows["device_id"].map(dict(zip(ids, device_axis.names(ids, devices), strict=True))))
        models = [names.display(model) for model in names.in_order({part.model for part in parts}, names.MODELS)]
        x: Spec = {
            "field": "model",
            "type": "nominal",
            "sort": models,
            "axis": {"title": None, "labelAngle": -40, "labelLimit": 0},
        }
        y = chart.line_axis("version", dict.fromkeys(rows["version"]))
    else:
        x, y = PLACE, chart.line_axis("instance", map(names.instance_display, all_ids))
    color: Spec = {"field": "verdict", "type": "nominal"}
    mark: Spec = {"type": "rect", "stroke": style.GROUND, "strokeWidth": 1 if few else 0.5}
    layers: list[Spec] = [{"mark": mark, "encoding": {"x": x, "y": y, "color": color, "opacity": LIT}}]
    inks = {name: style.ink(shade) for name, shade in shades.items()}
    for ink in dict.fromkeys(inks.values()) if few else ():
        on_this = [name for name in inks if inks[name] == ink]
        layers.append(
            {
                "transform": [{"filter": {"field": "verdict", "oneOf": on_this}}],
                "mark": {"type": "text", "color": ink if ink == style.INK else f"{ink}ff"},  # the same in dark mode
                "encoding": {"x": x, "y": y, "text": {"field": "symbol"}, "opacity": LIT},
            }
        )
    columns = ["device_id", "instance", "framework", "model", "verdict", "symbol", "reasons", "images"]
    drawn = rows if len(ids) <= printed.SIDE_BY_SIDE else rows.head(0)
    return Chart(
        drawn[[*columns, *(["panel", "version"] if few else [])]],
        (ChartView("verdict", "verdict", {"layer": layers}, "images"),),
        (
            Fact("instance", "instance"),
            Fact("verdict", "verdict"),
            Fact("reasons", "reasons"),
            Fact("images", "images", "count"),
        ),
        tuple(Series(name, color, "square") for name, color in shades.items() if name in set(rows["verdict"])),
        "verdict",
        "panel" if few and len(ids) > 1 else "",
        columns=2,
        height_px=CELL_PX if few else 14,
        device_axis="" if few else "x",
        line="version" if few else "instance",
    )
