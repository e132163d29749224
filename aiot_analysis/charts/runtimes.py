"""Interactive drawings of the versions of each network on one device: ranked by time, and accuracy against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, Chart, ChartView, Fact, Spec
from aiot_analysis.plots import runtimes as printed
from aiot_analysis.plots import style
from aiot_analysis.tables import names

if TYPE_CHECKING:
    import pandas as pd

_AS_ACCURATE = {"yes": "yes", "no": "no", "open": "cannot be decided"}
_FACTS = (
    Fact("version", "version"),
    Fact("mean_ms", "time per image", "ms", "mean_ms_low", "mean_ms_high"),
    Fact("accuracy", "accuracy", "percent", "accuracy_low", "accuracy_high"),
    Fact("change", "change against the reference", "points", "change_low", "change_high"),
    Fact("accurate", "as accurate"),
    Fact("load_ms", "load", "ms"),
    Fact("peak_rss_mb", "memory, MB", "number"),
    Fact("model_mb", "size of the file, MB", "number"),
)


def _rows(versions: pd.DataFrame) -> pd.DataFrame:
    """Return the timed versions with the names that readers see, by network and time."""
    rows = versions.dropna(subset="mean_ms")
    rows = names.ordered(rows.sort_values("mean_ms"), ["model"])
    return rows.assign(
        version=printed.version_names(rows),
        network=rows["model"].map(names.display),
        part=rows["implementation"].map(names.display),
        accurate=rows["as_accurate"].map(_AS_ACCURATE),
        front=rows["pareto"].eq(True).fillna(False).map({True: "yes", False: "no"}),
        framework=chart.frameworks(rows["implementation"]),
        model=rows["model"].map(names.display),
    )


def _columns(*others: str) -> list[str]:
    facts = [field for fact in _FACTS for field in (fact.field, fact.low, fact.high) if field]
    return list(dict.fromkeys(["device_id", "framework", "model", *others, *facts]))


def _points(x: Spec, y: Spec, series_field: str, filled: str, size: int, opacity: float) -> Spec:
    """Return a layer with a point per row in the look of its series; those for which `filled` is true are filled."""
    look = {"field": series_field, "type": "nominal"}
    return {
        "mark": {"type": "point", "size": size, "strokeWidth": 1.5},
        "encoding": {
            "x": x,
            "y": y,
            "stroke": look,
            "fill": look,
            "shape": look,
            "fillOpacity": {"condition": {"test": filled, "value": opacity}, "value": 0},
            "opacity": LIT,
        },
    }


def by_time(versions: pd.DataFrame) -> Chart:
    """Return the mean time of each version with its interval, fastest first, one panel per network.

    Takes the frame of `stats.runtimes.versions` of one device. Versions that are as accurate as their reference are
    filled, and a ring marks those that are or may be the fastest.
    """
    rows = _rows(versions)
    lines = chart.line_axis("version", rows["version"]) | {"sort": {"field": "mean_ms", "op": "min"}}
    axis = chart.value_axis("mean_ms", "mean time per image (ms)", log=True)
    whiskers = chart.whiskers_on_lines("mean_ms", axis, lines, "part", always=True)
    points = _points(axis, lines, "part", "datum.accurate === 'yes'", size=40, opacity=1)
    ground: Spec = {  # so that whiskers do not show through hollow points
        "mark": {"type": "point", "filled": True, "size": 40, "color": style.GROUND},
        "encoding": {"x": axis, "y": lines, "shape": {"field": "part", "type": "nominal"}},
    }
    ring: Spec = {
        "transform": [{"filter": "datum.first === 'yes'"}],
        "mark": {"type": "point", "filled": False, "size": 190, "strokeWidth": 1.5, "color": style.INK},
        "encoding": {"x": axis, "y": lines},
    }
    words: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 11},
        "encoding": {"x": {**axis, "field": "label_at"}, "y": lines, "text": {"field": "label"}},
    }
    rows = rows.assign(
        label_at=rows["mean_ms_high"].fillna(rows["mean_ms"]),
        label=printed.labels(rows),
        first=printed.may_be_fastest(rows).map({True: "yes", False: "no"}),
    )
    own_axes = {"scale": {"x": "independent", "y": "independent"}}
    spec: Spec = {"layer": [whiskers, ground, points, ring, words], "resolve": own_axes}
    return Chart(
        rows[_columns("network", "part", "label_at", "label", "first")],
        (ChartView("time", "time", spec, "mean_ms"),),
        _FACTS,
        chart.series((names.display(name), look) for name, look in printed.looks(versions["implementation"]).items()),
        "part",
        "network",
        columns=2,
        height_px=20,
        line="version",
        hollow=printed.less_accurate(rows),
    )


def front(versions: pd.DataFrame) -> Chart:
    """Return the accuracy of each version over its mean time; those on the Pareto front are filled.

    Takes the frame of `stats.runtimes.versions` of one device.
    """
    rows = _rows(versions).dropna(subset="accuracy")
    x = chart.value_axis("mean_ms", "mean time per image (ms)", log=True)
    y = chart.value_axis("accuracy", "accuracy", percent=True)
    y["scale"] |= {"padding": 10}  # so that points at the ends are not cut
    line: Spec = {
        "transform": [{"filter": "datum.front === 'yes'"}],
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 1, "color": style.GREY},
        "encoding": {"x": x, "y": y},
    }
    points = _points(x, y, "network", "datum.front === 'yes'", size=45, opacity=0.9)
    looks = printed.network_looks(printed.models(versions))
    return Chart(
        rows[_columns("network", "front", "pareto_probability")],
        (ChartView("front", "front", {"layer": [line, points]}, "mean_ms"),),
        (
            Fact("network", "network"),
            *_FACTS,
            Fact("front", "on the Pareto front"),
            Fact("pareto_probability", "probability of it", "percent"),
        ),
        chart.series((names.display(name), look) for name, look in looks.items()),
        "network",
        columns=1,
        height_px=380,
        device_axis="",
        hollow=printed.NOT_ON_FRONT if (rows["front"] == "no").any() else "",
    )
