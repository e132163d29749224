"""Interactive drawings of published answers: accuracy, disagreement, samples of images, and unstable classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import answer_sets as printed
from aiot_analysis.plots import style
from aiot_analysis.tables import names

if TYPE_CHECKING:
    from collections.abc import Sequence

OWN_AXES: Spec = {"scale": {"x": "independent", "y": "independent"}}
ALL_IMAGES, SAMPLES, SIGNIFICANT, MEDIAN, MOST = "all images", "samples", "significant", "their median", "95% of them"


def published_accuracy(accuracies: pd.DataFrame) -> Chart:
    """Return the accuracy of each submission with its interval, one panel per network.

    Takes the frame of `stats.answer_sets.accuracies`.
    """
    rows = accuracies.assign(
        line=accuracies["answer_set"] + " · " + accuracies["submission"],
        model=accuracies["model"].map(names.display),
    )
    looks = style.looks(accuracies["submitter"].unique())
    lines = chart.line_axis("line", dict.fromkeys(rows["line"]))
    axis = chart.value_axis("accuracy", "accuracy", percent=True)
    layers = [
        chart.whiskers_on_lines("accuracy", axis, lines, "submitter"),
        chart.points_on_lines(axis, lines, "submitter"),
    ]
    columns = ["line", "model", "answer_set", "accuracy", "accuracy_low", "accuracy_high", "correct", "n_images"]
    return Chart(
        rows[[*columns, "soc", "sdk", "submitter", "publication"]],
        (ChartView("accuracy", "accuracy", {"layer": layers, "resolve": OWN_AXES}, "accuracy"),),
        (
            Fact("answer_set", "answer set of the submission"),
            Fact("accuracy", "accuracy", "percent", "accuracy_low", "accuracy_high"),
            Fact("correct", "correct answers", "count"),
            Fact("n_images", "images", "count"),
            Fact("soc", "SoC"),
            Fact("sdk", "SDK"),
            Fact("submitter", "submitted by"),
            Fact("publication", "publication"),
        ),
        chart.series((str(submitter), look) for submitter, look in looks.items()),
        "submitter",
        "model",
        columns=2,
        height_px=20,
        device_axis="",
        line="line",
    )


def disagreement(differences: pd.DataFrame) -> Chart:
    """Return in how many images each two submissions have different classes, a matrix for each network.

    Takes the frame of `stats.answer_sets.disagreements`.
    """
    own = differences["submission_a"] == differences["submission_b"]
    rows = differences.assign(
        line=differences["set_a"] + " · " + differences["submission_a"],
        column=differences["set_b"] + " · " + differences["submission_b"],
        share=differences["differ"] / differences["n_images"],
        text=differences["differ"].map("{:,}".format).mask(own, ""),
        shade=differences["differ"].mask(own),
        model=differences["model"].map(names.display),
    )
    order = list(dict.fromkeys(rows["line"]))
    letter = "split(datum.label, ' · ')[0]"  # of the answer set
    x: Spec = {
        "field": "column",
        "type": "nominal",
        "sort": order,
        "axis": {"title": "answer set, in the order of the rows", "labelExpr": letter, "labelAngle": 0},
    }
    lines = chart.line_axis("line", order)
    darkest = 1.7 * max(1, int(rows["differ"].max())) if len(rows) else 1
    cells: Spec = {
        "transform": [{"filter": "isValid(datum.shade)"}],
        "mark": {"type": "rect"},
        "encoding": {
            "x": x,
            "y": lines,
            "color": {
                "field": "shade",
                "type": "quantitative",
                "scale": {"range": [style.GRID, style.color(style.PLAIN)], "domain": [0, darkest]},
                "legend": {"title": "images", "format": ",~f", "tickCount": 4},
            },
        },
    }
    words: Spec = {
        "mark": {"type": "text", "fontSize": {"expr": "tight ? 8 : 11"}},
        "encoding": {
            "x": x,
            "y": lines,
            "text": {"condition": {"test": "narrow", "value": ""}, "field": "text"},
        },
    }
    return Chart(
        rows[["line", "column", "model", "differ", "shade", "share", "text", "n_images", "sdk_a", "submitter_a"]],
        (ChartView("differ", "images", {"layer": [cells, words], "resolve": OWN_AXES}, "differ"),),
        (
            Fact("column", "compared with"),
            Fact("differ", "images with different classes", "count"),
            Fact("share", "share of the images", "percent"),
            Fact("n_images", "images", "count"),
            Fact("submitter_a", "submitted by"),
            Fact("sdk_a", "SDK"),
        ),
        panel="model",
        columns=1,
        height_px=22,
        device_axis="",
        line="line",
    )


def unstable_classes(least_stable: pd.DataFrame) -> Chart:
    """Return in how many images of a class the answer sets differ, in the order of the rows in each panel.

    Takes rows of `stats.answer_sets.classes`.
    """
    rows = least_stable.assign(
        model=least_stable["model"].map(names.display), position=least_stable.groupby("model").cumcount()
    )
    in_panel = {"field": "position", "op": "min", "order": "ascending"}
    lines = chart.line_axis("class_name", []) | {"sort": in_panel}
    axis = chart.value_axis("instability", "images of the class with different answers", zero=True, percent=True)
    axis["scale"] = {"domain": [0, 1]}
    bars: Spec = {"mark": {"type": "bar", "color": printed.BAR}, "encoding": {"x": axis, "y": lines}}
    whiskers: Spec = {
        "mark": {"type": "rule", "strokeWidth": 1.2},
        "encoding": {"x": {**axis, "field": "instability_low"}, "x2": {"field": "instability_high"}, "y": lines},
    }
    columns = ["model", "class_name", "position", "instability", "instability_low", "instability_high", "unstable"]
    return Chart(
        rows[[*columns, "n_images", "accuracy_min", "accuracy_max"]],
        (ChartView("share", "share", {"layer": [bars, whiskers], "resolve": OWN_AXES}, "instability"),),
        (
            Fact("instability", "images with different answers", "percent", "instability_low", "instability_high"),
            Fact("unstable", "number of these images", "count"),
            Fact("n_images", "images of the class", "count"),
            Fact("accuracy_min", "lowest accuracy of an answer set", "percent"),
            Fact("accuracy_max", "highest accuracy of an answer set", "percent"),
        ),
        panel="model",
        columns=2,
        height_px=18,
        device_axis="",
        line="class_name",
    )


def sample_spread(counts: pd.DataFrame, spreads: pd.DataFrame) -> Chart:
    """Return how large the spread of accuracy seems in samples of images, beside the true one.

    Takes the frames of `stats.answer_sets.spread_counts` and `stats.answer_sets.spreads`.
    """
    step = counts["model"].map((100 / spreads.set_index("model")["size"]).to_dict()).astype(float)
    bars = counts.assign(mark=SAMPLES, value=counts["spread"], low=0.0, high=counts["share"])
    bars = bars.assign(start=bars["value"] - 0.425 * step, end=bars["value"] + 0.425 * step)
    half = 50 / spreads["size"]
    band = spreads.assign(mark=MOST, start=spreads["spread_low"] - half, end=spreads["spread_high"] + half)
    lines = [
        spreads.assign(mark=MEDIAN, value=spreads["spread"]),
        spreads.assign(mark=ALL_IMAGES, value=spreads["true_spread"]),
    ]
    kept = ["model", "sets", "size", "draws", "mark", "start", "end", "value", "low", "high", "share", "samples"]
    parts = [part.reindex(columns=[*kept, "spread_low", "spread_high"]) for part in (band, bars, *lines)]
    rows = pd.concat(parts, ignore_index=True)
    facts = spreads.set_index("model")[["sets", "size", "draws"]]
    for column in facts:
        rows[column] = rows["model"].map(facts[column].to_dict())
    title = rows["model"].map(names.display) + ", " + rows["sets"].astype(int).astype(str) + " answer sets"
    rows = rows.assign(panel=title, model=rows["model"].map(names.display))
    return _histogram(rows, "highest minus lowest accuracy (points)", "panel")


def pair_change(counts: pd.DataFrame, pair: pd.DataFrame, labels: Sequence[str] = ()) -> Chart:
    """Return the difference in accuracy that samples show between two answer sets, beside the true one.

    Takes the frame of `stats.answer_sets.change_counts`, the pair's row of `stats.answer_sets.seen_in_samples`, and the
    names of both submissions. Has no rows if both gave the same answers.
    """
    counts = counts if len(pair) else counts.head(0)
    step = float(np.diff(counts["change"]).min()) if len(counts) > 1 else 0.2
    alike = counts["share"] - counts["significant"]
    ends = {"start": counts["change"] - 0.425 * step, "end": counts["change"] + 0.425 * step, "value": counts["change"]}
    bars = [
        counts.assign(mark=SAMPLES, low=0.0, high=alike, share=alike, **ends),
        counts.assign(mark=SIGNIFICANT, low=alike, high=counts["share"], share=counts["significant"], **ends),
    ]
    line = pair.assign(mark=ALL_IMAGES, value=100 * pair["change"]) if len(pair) else pair
    kept = ["mark", "start", "end", "value", "low", "high", "share"]
    rows = pd.concat([part.reindex(columns=kept) for part in (*bars, line)], ignore_index=True)
    rows = rows[(rows["mark"] == ALL_IMAGES) | (rows["high"] > rows["low"])]
    row = pair.iloc[0] if len(pair) else {"set_a": "", "set_b": ""}
    a, b = labels or (f"set {row['set_a']}", f"set {row['set_b']}")
    return _histogram(rows, f"accuracy of {b} minus that of {a} (points)")


def _histogram(rows: pd.DataFrame, title: str, panel: str = "") -> Chart:
    """Return bars from `low` to `high` over `start` to `end`, lines at `value`, and a band, told apart by `mark`."""
    x: Spec = {"field": "value", "type": "quantitative", "axis": {"title": title, "tickCount": 8}}
    x["scale"] = {"zero": False, "nice": False}  # no values beyond the bars, such as a negative spread
    y = chart.value_axis("high", "samples", zero=True, percent=True)
    color: Spec = {"field": "mark", "type": "nominal"}

    def layer(mark: dict[str, Any], marks: list[str], **encoding: Any) -> Spec:
        transform = [{"filter": {"field": "mark", "oneOf": marks}}]
        return {"transform": transform, "mark": mark, "encoding": {"color": color, **encoding}}

    between: Spec = {"x": {**x, "field": "start"}, "x2": {"field": "end"}}
    spec: Spec = {
        "layer": [
            layer({"type": "rect", "opacity": 0.5}, [MOST], **between),
            layer({"type": "rect"}, [SAMPLES, SIGNIFICANT], **between, y={**y, "field": "low"}, y2={"field": "high"}),
            layer({"type": "rule", "strokeDash": [4, 3]}, [MEDIAN], x=x),
            layer({"type": "rule", "strokeWidth": 2}, [ALL_IMAGES], x=x),
        ],
        "resolve": OWN_AXES,
    }
    series = (
        Series(ALL_IMAGES, style.color(style.NOTABLE), "stroke"),
        Series(SAMPLES, printed.BAR, "square"),
        Series(SIGNIFICANT, style.color(style.SECOND), "square"),
        Series(MEDIAN, style.INK, "stroke"),
        Series(MOST, style.GRID, "square"),
    )
    facts = (
        Fact("mark", "mark"),
        Fact("value", title, "number"),
        Fact("share", "share of the samples", "percent"),
        Fact("spread_low", "95% of the samples from", "number"),
        Fact("spread_high", "to", "number"),
        Fact("size", "images of a sample", "count"),
        Fact("sets", "answer sets", "count"),
    )
    return Chart(
        rows,
        (ChartView("samples", "samples", spec, "share"),),
        tuple(fact for fact in facts if fact.field in rows),
        tuple(item for item in series if item.name in set(rows["mark"])),
        "mark",
        panel,
        columns=2,
        height_px=200,
        device_axis="",
    )
