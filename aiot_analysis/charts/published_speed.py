"""Interactive drawings of published profile jobs: operations, runtimes, precisions, units and ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_analysis.charts import chart
from aiot_analysis.charts.chart import LIT, LIT_WHISKER, PLACE, Chart, ChartView, Fact, Series, Spec
from aiot_analysis.plots import device_axis, style
from aiot_analysis.plots import published_speed as printed
from aiot_analysis.tables import names

if TYPE_CHECKING:
    import pandas as pd

JOBS, MEDIAN = "a network on a device", "median over devices"


def complexity(points: pd.DataFrame) -> Chart:
    """Return time over operations on logarithmic axes, a panel per runtime: each device as a point, and the median.

    Takes the frame of `stats.published_speed.complexity`.
    """
    runtimes = names.in_order(set(points["implementation"]), names.RUNTIMES)
    looks = style.looks(names.RUNTIMES)
    place = points["implementation"].map({name: place for place, name in enumerate(runtimes)})
    rows = points.assign(place_of_panel=place).sort_values("place_of_panel", kind="stable")
    runtime = rows["implementation"].map(names.framework)
    rows = rows.assign(runtime=runtime, framework=runtime, model=rows["model"].map(names.display))
    x: Spec = {
        "field": "macs_millions",
        "type": "quantitative",
        "scale": {"type": "log"},
        "axis": {"title": "million multiply-accumulates", "format": "~g"},
    }
    y = chart.value_axis("latency_ms", "ms per image", log=True)
    layers: list[Spec] = [
        {
            "mark": {"type": "point", "filled": True, "size": 26, "fillOpacity": 0.4},
            "encoding": {"x": x, "y": y, "color": {"field": "runtime", "type": "nominal"}, "opacity": LIT},
        },
        {
            "mark": {"type": "tick", "orient": "horizontal", "thickness": 3, "size": 16, "color": style.INK},
            "encoding": {"x": x, "y": {**y, "aggregate": "median"}, "detail": {"field": "model"}},
        },
    ]
    return Chart(
        rows[["device_id", "runtime", "framework", "model", "macs_millions", "latency_ms", "gmacs_per_s"]],
        (ChartView("time", "time", {"layer": layers}, "latency_ms"),),
        (
            Fact("model", "network"),
            Fact("latency_ms", "published time per image", "ms"),
            Fact("macs_millions", "million multiply-accumulates", "number"),
            Fact("gmacs_per_s", "GMAC per second", "number"),
        ),
        (
            *chart.series((names.framework(name), looks[name]._replace(marker="o")) for name in runtimes),
            Series(MEDIAN, style.INK, "dash"),
        ),
        "runtime",
        "runtime",
        height_px=260,
        device_axis="",
    )


def runtime_shares(shares: pd.DataFrame) -> Chart:
    """Return the mean share of each runtime in the summed time of the three, a bar per network.

    Takes the frame of `stats.published_speed.shares_over_devices`.
    """
    order, runtimes = printed.networks_and_runtimes(shares)
    looks = style.looks(names.RUNTIMES)
    runtime = shares["framework"].map(names.framework)
    rows = shares.assign(runtime=runtime, framework=runtime, model=shares["model"].map(names.display))
    lines = chart.line_axis("model", map(names.display, order))
    bars: Spec = {
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "share",
                "type": "quantitative",
                "stack": "zero",
                "axis": {"format": "~%", "title": "share of the summed time of the runtimes"},
                "scale": {"domain": [0, 1]},
            },
            "y": lines,
            "color": {"field": "runtime", "type": "nominal"},
            "order": {"field": "number"},
        },
    }
    thirds = [chart.reference_line(third) for third in (1 / 3, 2 / 3)]
    return Chart(
        rows[["model", "runtime", "framework", "share", "share_min", "share_max", "devices", "fastest"]],
        (ChartView("share", "share", {"layer": [bars, *thirds]}, "share"),),
        (
            Fact("runtime", "runtime"),
            Fact("share", "share of the time, mean over devices", "percent"),
            Fact("share_min", "lowest share", "percent"),
            Fact("share_max", "highest share", "percent"),
            Fact("fastest", "fastest on so many devices", "count"),
            Fact("devices", "devices with all runtimes", "count"),
        ),
        chart.areas((names.framework(name), looks[name]) for name in runtimes),
        "runtime",
        height_px=18,
        device_axis="",
        line="model",
    )


def quantized(frame: pd.DataFrame) -> Chart:
    """Return the change in accuracy over the speed-up of integer precisions, a panel per runtime.

    Takes the frame of `stats.published_speed.quantized`.
    """
    runtimes = names.in_order(set(frame["framework"]), names.RUNTIMES)
    place = frame["framework"].map({name: place for place, name in enumerate(runtimes)})
    rows = frame.assign(place_of_panel=place).sort_values("place_of_panel", kind="stable")
    runtime = rows["framework"].map(names.framework)
    rows = rows.assign(runtime=runtime, framework=runtime, model=rows["model"].map(names.display))
    looks = style.looks(names.PRECISIONS)
    color: Spec = {"field": "quantization", "type": "nominal"}
    x = chart.value_axis("speed_up", "speed-up over float (×)", log=True)
    y = chart.point_axis("change", "accuracy minus PyTorch's (points)")
    whisker: Spec = {
        "mark": {"type": "rule", "strokeWidth": 1},
        "encoding": {
            "x": x,
            "y": {**y, "field": "change_low"},
            "y2": {"field": "change_high"},
            "color": color,
            "opacity": LIT_WHISKER,
        },
    }
    points: Spec = {
        "mark": {"type": "point", "filled": True, "size": 34},
        "encoding": {"x": x, "y": y, "color": color, "shape": color, "opacity": LIT},
    }
    layers = [chart.reference_line(1), chart.reference_line(0, "y"), whisker, points]
    columns = ["device_id", "runtime", "framework", "model", "quantization", "speed_up", "speed_up_low"]
    columns += ["speed_up_high", "change", "change_low", "change_high", "latency_ms", "base_ms", "accuracy"]
    present = names.in_order(set(rows["quantization"]), names.PRECISIONS)
    return Chart(
        rows[[*columns, "torch_accuracy", "images"]],
        (ChartView("change", "change", {"layer": layers}, "speed_up"),),
        (
            Fact("model", "network"),
            Fact("quantization", "precision"),
            Fact("speed_up", "as fast as float", "times", "speed_up_low", "speed_up_high"),
            Fact("change", "accuracy minus PyTorch's", "points", "change_low", "change_high"),
            Fact("latency_ms", "published time", "ms"),
            Fact("base_ms", "published time of float", "ms"),
            Fact("accuracy", "published accuracy", "percent"),
            Fact("images", "images", "count"),
        ),
        chart.series((name, looks[name]) for name in present),
        "quantization",
        "runtime",
        height_px=240,
        device_axis="",
    )


def off_npu(frame: pd.DataFrame, devices: pd.DataFrame | None = None) -> Chart:
    """Return how many times as long jobs took that the NPU did not run as the same job on it, a line per network.

    Takes the rows of `stats.published_speed.off_npu` with such a job.
    """
    known = frame.dropna(subset="times")
    label = known["model"].map(names.display) + ", " + known["quantization"].map(names.display)
    known = known.assign(line=label)
    order = known.groupby("line")["times"].median().sort_values(ascending=False).index
    ids = device_axis.order(known["device_id"], devices)
    name_of_device = dict(zip(ids, device_axis.names(ids, devices), strict=True))
    looks = style.looks(ids)
    rows = known.assign(
        name=known["device_id"].map(name_of_device),
        framework=known["framework"].map(names.framework),
        model=known["model"].map(names.display),
        unit=known["unit"].map(names.display),
    )
    lines = chart.line_axis("line", order)
    axis = chart.value_axis("times", "time as a multiple of that of QNN on the NPU", log=True)
    layers = [chart.reference_line(1), chart.points_on_lines(axis, lines, "name")]
    columns = ["device_id", "name", "line", "framework", "model", "unit", "times", "times_low", "times_high"]
    return Chart(
        rows[[*columns, "latency_ms", "npu_ms", "layers_npu", "layers_gpu", "layers_cpu"]],
        (ChartView("times", "times", {"layer": layers}, "times"),),
        (
            Fact("line", "network"),
            Fact("framework", "runtime"),
            Fact("unit", "ran on"),
            Fact("times", "as long as QNN on the NPU", "times", "times_low", "times_high"),
            Fact("latency_ms", "published time", "ms"),
            Fact("npu_ms", "published time of QNN on the NPU", "ms"),
            Fact("layers_gpu", "layers on the GPU", "count"),
            Fact("layers_cpu", "layers on the CPU", "count"),
        ),
        chart.series((name_of_device[device], looks[device]) for device in ids),
        "name",
        height_px=18,
        device_axis="",
        line="line",
    )


RANK, OTHER_JOBS, PARTS = "rank", "ranks that other jobs could give", "ranks by parts of the suite"


def rank_ranges(frame: pd.DataFrame) -> Chart:
    """Return the rank of each device, the ranks that another job could give, and its ranks by other suites.

    Takes the frame of `stats.published_speed.rank_ranges`.
    """
    rows = frame.assign(mark=RANK)
    axis: Spec = {
        "field": "rank",
        "type": "quantitative",
        "axis": {"title": "rank", "format": "d"},
        "scale": {"domain": [0.4, len(frame) + 0.6]},
    }
    uncertain, other = style.color(style.FAINT), style.color(style.NOTABLE)

    def span(low: str, high: str, color: str, width: float, opacity: float) -> Spec:
        mark = {"type": "rule", "strokeWidth": width, "color": color, "strokeOpacity": opacity, "strokeCap": "round"}
        return {
            "mark": mark,
            "encoding": {"x": {**axis, "field": low}, "x2": {"field": high}, "y": PLACE, "opacity": LIT},
        }

    point: Spec = {
        "mark": {"type": "point", "filled": True, "size": 40, "color": style.INK},
        "encoding": {"x": axis, "y": PLACE, "opacity": LIT},
    }
    layers = [
        span("rank_low", "rank_high", uncertain, 7, 0.5),
        span("suite_min", "suite_max", other, 1.6, 1),
        point,
    ]
    columns = ["device_id", "mark", "rank", "rank_low", "rank_high", "suite_min", "suite_max", "vips", "vips_low"]
    return Chart(
        rows[[*columns, "vips_high", "instances"]],
        (ChartView("rank", "rank", {"layer": layers}, "vips"),),
        (
            Fact("rank", "rank", "count", "rank_low", "rank_high"),
            Fact("suite_min", "best rank by a part of the suite", "count"),
            Fact("suite_max", "worst rank by a part of the suite", "count"),
            Fact("vips", "images per second", "number", "vips_low", "vips_high"),
            Fact("instances", "files", "count"),
        ),
        (
            Series(RANK, style.INK, "circle"),
            Series(OTHER_JOBS, uncertain, "square"),
            Series(PARTS, other, "dash"),
        ),
        "mark",
        height_px=18,
        device_axis="y",
        sort="value",
    )
