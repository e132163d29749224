"""Interactive drawings of agreement between devices, compared with chance and with a reference device (Remark 1)."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, LIT_WHISKER, PLACE, Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import agreement as printed
from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names
from aiot_analysis.words import ALPHA

SPREAD, CLASSES = "spread of accuracy between devices (points)", "images with another class (%)"
OBSERVED, SIGNIFICANT, CHANCE = "observed spread", "observed, significant", "chance alone (95%, all instances)"
OTHER_IMAGES = "if each device had other images"
SOME, TWO, ITSELF = "some devices differ", "two devices differ (mean)", "a device differs from itself"


def noise(spread: pd.DataFrame, unstable: pd.DataFrame, repeats: pd.DataFrame) -> Chart:
    """Return the differences between devices next to those expected by chance, one line per instance.

    Takes the frames of `stats.agreement.cochran`, `stats.agreement.instability` and `stats.accuracy.answer_changes`.
    """
    with_spread = spread.dropna(subset="sd")
    compared = unstable.dropna(subset="instability")
    ids = list(spread["instance_id"])
    significant = (with_spread["p_adjusted"] < ALPHA).map({True: SIGNIFICANT, False: OBSERVED})
    parts = [
        _marks(with_spread, SPREAD, CHANCE, "sd_chance_most"),
        _marks(with_spread, SPREAD, OTHER_IMAGES, "sd_sampling"),
        _marks(with_spread, SPREAD, significant, "sd"),
        _marks(compared, CLASSES, SOME, "instability", "instability_low", "instability_high"),
        _marks(compared, CLASSES, TWO, "disagreement"),
        _marks(repeats[repeats["instance_id"].isin(ids)], CLASSES, ITSELF, "noise", "noise_low", "noise_high"),
    ]
    rows = chart.instances(pd.concat(parts, ignore_index=True))
    rows = rows.assign(instance=rows["instance_id"].map(printed.line_name))
    lines = chart.line_axis("instance", map(printed.line_name, ids))
    axis = chart.value_axis("value", "", zero=True)
    is_chance = {"filter": f"datum.mark === '{CHANCE}'"}
    band: Spec = {
        "transform": [is_chance],
        "mark": {"type": "bar", "opacity": 0.5},
        "encoding": {"x": axis, "y": lines, "color": {"field": "mark", "type": "nominal"}},
    }
    others: Spec = {"transform": [{"filter": f"datum.mark !== '{CHANCE}'"}]}
    spec: Spec = {
        "layer": [
            band,
            others | chart.whiskers_on_lines("value", axis, lines, "mark"),
            others | chart.points_on_lines(axis, lines, "mark"),
        ],
        "resolve": {"scale": {"x": "independent"}},
    }
    columns = ["panel", "mark", "instance", "framework", "model", "value", "value_low", "value_high", "devices"]
    plain, fourth, notable = map(style.color, (style.PLAIN, style.FOURTH, style.NOTABLE))
    series = (
        Series(OBSERVED, style.INK, "circle"),
        Series(SIGNIFICANT, notable, "cross"),
        Series(CHANCE, printed.BAND, "square"),
        Series(OTHER_IMAGES, fourth, "diamond"),
        Series(SOME, plain, "square"),
        Series(TWO, plain, "circle"),
        Series(ITSELF, notable, "triangle-up"),
    )
    return Chart(
        rows.reindex(columns=[*columns, "images", "p_adjusted"]),
        (ChartView("value", "value", spec, "value"),),
        (
            Fact("mark", "mark"),
            Fact("value", "value", "number", "value_low", "value_high"),
            Fact("p_adjusted", "p, corrected for all instances", "number"),
            Fact("devices", "devices", "count"),
            Fact("images", "images", "count"),
        ),
        tuple(item for item in series if item.name in set(rows["mark"])),
        "mark",
        "panel",
        columns=2,
        height_px=18,
        device_axis="",
        line="instance",
    )


def _marks(
    frame: pd.DataFrame, panel: str, mark: str | pd.Series, value: str, low: str = "", high: str = ""
) -> pd.DataFrame:
    """Return a row per instance with a value in percent, and its interval."""
    values = {"value": value, "value_low": low, "value_high": high}
    scaled = {name: 100 * frame[column].astype(float) for name, column in values.items() if column}
    kept = frame.reindex(columns=["instance_id", "devices", "images"])
    p_values = {"p_adjusted": frame["p_adjusted"]} if isinstance(mark, pd.Series) else {}
    return kept.assign(panel=panel, mark=mark, **scaled, **p_values)


ALONE, DIFFERENCE = "each device alone (Wilson, 95% each)", "difference on the same images (95% jointly)"
MANY_DIFFERENCES, TYPICAL = "difference on the same images", "median half-width of its joint 95% interval"
NOTABLE, REFERENCE = "significant difference", "the reference"


def against(frame: pd.DataFrame, base: str) -> Chart:
    """Return the accuracy of each device minus that of the reference `base`, one panel per model and version.

    Takes the frame of `stats.agreement.compare_with`. Few devices have their intervals; with many, a band around 0 is
    as wide as the median interval of a panel.
    """
    are_many = frame["device_id"].nunique() > device_axis.MANY
    difference = MANY_DIFFERENCES if are_many else DIFFERENCE
    version = frame["implementation"] + "_" + frame["quantization"]
    versions = names.in_order(set(version), printed.VERSIONS)
    order = version.map({name: place for place, name in enumerate(versions)})
    rows = names.ordered(frame.assign(version=version, order=order), ["model", "order"])
    panels = rows.drop_duplicates("instance_id").assign(device_id=base, mark=REFERENCE, change=0.0)
    kept = ["instance_id", "model", "version", "order", "device_id", "mark", "change", "accuracy_base"]
    significant = (rows["p_adjusted"] < ALPHA).map({True: NOTABLE, False: difference})
    rows = rows.assign(
        mark=significant,
        alone_low=rows["accuracy_low"] - rows["accuracy_base"],
        alone_high=rows["accuracy_high"] - rows["accuracy_base"],
    )
    rows = names.ordered(pd.concat([rows, panels[kept]], ignore_index=True), ["model", "order"])
    rows = rows.assign(panel=rows["model"].map(names.display) + ", " + rows["version"].map(printed.version_name))
    rows = chart.instances(rows)
    axis = chart.point_axis("change", "points")
    color: Spec = {"field": "mark", "type": "nominal"}
    alone: Spec = {
        "mark": {"type": "rule", "strokeWidth": 4, "color": printed.BAND},
        "encoding": {
            "x": PLACE,
            "y": {**axis, "field": "alone_low"},
            "y2": {"field": "alone_high"},
            "opacity": LIT_WHISKER,
        },
    }
    paired: Spec = {
        "mark": {"type": "rule", "strokeWidth": 1.2},
        "encoding": {
            "x": PLACE,
            "y": {**axis, "field": "change_low"},
            "y2": {"field": "change_high"},
            "color": color,
            "opacity": LIT_WHISKER,
        },
    }
    points: Spec = {
        "mark": {"type": "point", "filled": True, "size": 22},
        "encoding": {"x": PLACE, "y": axis, "color": color, "shape": color, "opacity": LIT},
    }
    half = (rows["change_high"] - rows["change_low"]).astype(float).groupby(rows["panel"]).transform("median") / 2
    rows = rows.assign(band_low=-half, band_high=half)
    ends = [{"op": "median", "field": field, "as": field} for field in ("band_low", "band_high")]
    band: Spec = {
        "transform": [{"aggregate": ends, "groupby": ["panel"]}],
        "mark": {"type": "rect", "color": printed.BAND, "opacity": 0.5},
        "encoding": {"y": {**axis, "field": "band_low"}, "y2": {"field": "band_high"}},
    }
    layers = (
        [band, chart.reference_line(0, "y"), points]
        if are_many
        else [chart.reference_line(0, "y"), alone, paired, points]
    )
    columns = ["device_id", "panel", "mark", "framework", "model", "change", "change_low", "change_high", "alone_low"]
    columns += ["band_low", "band_high"] if are_many else []
    columns += ["alone_high", "accuracy", "accuracy_low", "accuracy_high", "accuracy_base", "only_base", "only_other"]
    series = (
        Series(difference, style.INK, "circle"),
        Series(NOTABLE, style.color(style.NOTABLE), "cross"),
        Series(REFERENCE, style.GREY, "diamond"),
    )
    return Chart(
        rows.reindex(columns=[*columns, "n_images"]),
        (ChartView("change", "difference", {"layer": layers}, "change"),),
        (
            Fact("mark", "mark"),
            Fact("change", "accuracy less that of the reference", "points", "change_low", "change_high"),
            Fact("accuracy", "accuracy", "percent", "accuracy_low", "accuracy_high"),
            Fact("accuracy_base", "accuracy of the reference", "percent"),
            Fact("only_base", "images that only the reference gets right", "count"),
            Fact("only_other", "images that only this device gets right", "count"),
            Fact("n_images", "images", "count"),
        ),
        (
            *(item for item in series if item.name in set(rows["mark"])),
            Series(TYPICAL if are_many else ALONE, printed.BAND, "square"),
        ),
        "mark",
        "panel",
        columns=min(4, len(versions)) or 1,
        height_px=130,
    )
