"""Benchmark of how time and memory of `aiot simulate`, `aiot process` and the overview grow with the devices.

The result is drawn in docs/images/growth.svg.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import notebooks, process
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Options
from benchmarks.processes import Spent, wall_time_s, with_memory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEVICES = (10, 51, 200, 1000)
MEMORY_TARGETS_GB = {51: 2.0, 1000: 4.0}
BYTES_PER_DEVICE = 7_000_000  # raw logs and tables, with 500 images and quantized models on half of the devices
OVERVIEW = "01_overview"
PLOT = ROOT / "docs" / "images" / "growth.svg"


@dataclass(frozen=True)
class Point:
    """Measurements for one size of the fleet."""

    devices: int
    simulated: Spent
    processed: Spent
    unchanged_s: float
    instances_s: float
    overview: Spent


def missing() -> str | None:
    return process.missing()


def run(options: Options) -> list[Comparison | Level]:
    """Measure one value each, without pairs, since only the differences between sizes matter."""
    needed = max(DEVICES) * BYTES_PER_DEVICE * (options.images or 500) / 500
    free = shutil.disk_usage(options.folder).free
    if free < 1.5 * needed:
        raise BenchmarkError(
            f"{options.folder} has {free / 1e9:.0f} GB free and {1.5 * needed / 1e9:.0f} GB are needed: "
            "free some, or set TMPDIR to another folder."
        )
    points = [_point(devices, options) for devices in DEVICES]
    if options.images is None:
        PLOT.parent.mkdir(parents=True, exist_ok=True)
        plot(points).savefig(PLOT, metadata={"Date": None})
    return [level for point in points for level in _levels(point)]


def _point(devices: int, options: Options) -> Point:
    raw, tables = options.folder / "raw", options.folder / "processed"
    options.tell(f"{devices} devices: simulate")
    simulated = with_memory(process.simulate(raw, devices, options.images or 500))
    options.tell(f"{devices} devices: process")
    processed = with_memory(process.process(raw, tables))
    unchanged_s = wall_time_s(process.process(raw, tables))
    instances_s = process.seconds_to_read_instances(tables)
    options.tell(f"{devices} devices: the overview")
    overview = notebooks.render(OVERVIEW, tables, options.folder / "reports")
    shutil.rmtree(raw)
    shutil.rmtree(tables)
    return Point(devices, simulated, processed, unchanged_s, instances_s, overview)


def _levels(point: Point) -> list[Level]:
    name = f"{point.devices} devices"
    target = MEMORY_TARGETS_GB.get(point.devices)
    return [
        Level(f"{name}, simulate", "s", [point.simulated.wall_s]),
        Level(f"{name}, simulate, memory", "GB", [point.simulated.memory_gb]),
        Level(f"{name}, process", "s", [point.processed.wall_s]),
        Level(f"{name}, process, memory", "GB", [point.processed.memory_gb], target=target),
        Level(f"{name}, process, nothing changed", "s", [point.unchanged_s]),
        Level(f"{name}, reading the table of instances", "s", [point.instances_s]),
        Level(f"{name}, the overview", "s", [point.overview.wall_s]),
        Level(f"{name}, the overview, memory", "GB", [point.overview.memory_gb], target=target),
    ]


def plot(points: list[Point]) -> Figure:
    """Plot time and memory over the number of devices, with a line for a constant time per device.

    The axes of devices and of time are logarithmic.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator

    from aiot_analysis.plots import style

    devices = [point.devices for point in points]
    with style.context():
        figure = Figure(figsize=(6.4, 2.8), layout="constrained")
        time, memory = figure.subplots(1, 2)
        lines = {
            "aiot simulate": ([point.simulated for point in points], "s", "#E69F00"),
            "aiot process": ([point.processed for point in points], "o", "#0072B2"),
            "the overview": ([point.overview for point in points], "D", "#CC79A7"),
        }
        for label, (spent, marker, colour) in lines.items():
            time.plot(devices, [item.wall_s for item in spent], marker=marker, color=colour, label=label)
            memory.plot(devices, [item.memory_gb for item in spent], marker=marker, color=colour, label=label)
        unchanged = [point.unchanged_s for point in points]
        time.plot(devices, unchanged, marker="^", color="#009E73", label="aiot process, nothing changed")
        ends = [devices[0], devices[-1]]
        proportional = [points[0].processed.wall_s * item / devices[0] for item in ends]
        time.plot(ends, proportional, linestyle=":", color=style.GREY, label="proportional to the devices")
        time.set(title="Wall time", ylabel="s")
        memory.set(title="Memory of all processes", ylabel="GB", ylim=(0, None))
        for axis in (time, memory):
            axis.set(xscale="log", xlabel="devices", xticks=devices, xticklabels=[str(item) for item in devices])
            axis.xaxis.set_minor_locator(NullLocator())
            axis.legend()
        time.set_yscale("log")
        time.set_ylim(top=time.get_ylim()[1] * 30)  # room for the legend
        figure.set_label("Time and memory of aiot simulate, aiot process and the overview for 10 to 1000 devices")
    return figure
