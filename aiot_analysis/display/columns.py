"""Headings (with units) and formats for the columns of frames.

A column whose name ends in a unit, such as `load_ms`, needs no entry here. Neither do `<column>_low` and
`<column>_high`, the ends of a 95 % interval, which are shown beside the value, nor `<column>_min` and `<column>_max`,
the ends of a range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiot_analysis.tables import names
from aiot_analysis.words import p_value

Format = str | Callable[[Any], str]


@dataclass(frozen=True)
class Column:
    """Heading and format of a column."""

    heading: str
    format: Format | None = None  # for str.format, or a function; None for the default of `cells.text`


COLUMNS = {
    # instances and runs
    "device_id": Column("device"),
    "instance_id": Column("instance", names.instance_display),
    "model": Column("model", names.display),
    "implementation": Column("implementation", names.display),
    "framework": Column("framework", names.framework),
    "framework_version": Column("version"),
    "delegate": Column("delegate", names.display),
    "quantization": Column("quantization", names.display),
    "resize": Column("resizing", names.display),
    "run_id": Column("run"),
    "n_images": Column("images", "{:.0f}"),
    "accelerator_requested": Column("requested", names.display),
    "accelerator_actual": Column("ran on", names.display),
    "share_delegated": Column("share of nodes", "{:.0%}"),
    "peak_rss_mb": Column("memory, MB", "{:.0f}"),
    "model_mb": Column("file, MB", "{:.2f}"),
    "note": Column("remark"),
    "interval_note": Column("remark"),
    "gap": Column("reason it is missing"),
    "instance_id_other": Column("instance", names.instance_display),
    # profiles of operators
    "time_ms": Column("time, ms", "{:.3f}"),
    "share_p5": Column("5th percentile", "{:.1%}"),
    "share_p95": Column("95th percentile", "{:.1%}"),
    "covered": Column("covered", "{:.1%}"),
    "overhead": Column("overhead", "{:.1%}"),
    "profiled_ms": Column("pass with the profiler, ms", "{:.2f}"),
    "plain_ms": Column("pass without it, ms", "{:.2f}"),
    # devices
    "soc": Column("chip"),
    "abi": Column("ABI"),
    "os": Column("system"),
    "os_version": Column("version"),
    "max_mhz": Column("clock, MHz", "{:.0f}"),
    "ram_gb": Column("RAM, GB", "{:.1f}"),
    "paper_id": Column("id in the paper"),
    "android": Column("Android"),
    "aiotbench": Column("AIoTBench"),
    "mlperf_inference": Column("MLPerf Inference"),
    "ai_benchmark": Column("AI Benchmark"),
    "sha256": Column("SHA-256"),
    # networks
    "flops_millions": Column("FLOPs, millions", "{:.0f}"),
    "macs_millions": Column("multiply-adds, millions", "{:.0f}"),
    "macs_printed": Column("printed", "{:.0f}"),
    "macs_difference": Column("difference", "{:+.1%}"),
    "params_millions": Column("parameters, millions", "{:.2f}"),
    "params_printed": Column("printed", "{:.2f}"),
    "params_difference": Column("difference", "{:+.1%}"),
    "accuracy_percent": Column("accuracy, %", "{:.1f}"),
    "layers_all": Column("layers, including shortcuts"),
    "layers_printed": Column("layers, printed"),
    "branch_printed": Column("branch, printed"),
    # accuracy
    "accuracy": Column("accuracy", "{:.3f}"),
    "change": Column("change in accuracy", "{:+.3f}"),
    "only_base": Column("lost", "{:.0f}"),
    "only_other": Column("gained", "{:.0f}"),
    "top1_differs": Column("another class", "{:.1%}"),
    "label": Column("class"),
    "unstable": Column("different classes"),
    "sides": Column("right and wrong"),
    "minority": Column("different answers", "{:.2%}"),
    "p_value": Column("p", p_value),
    "p_adjusted": Column("p, corrected", p_value),
    # times
    **{
        f"end_to_end_ms_{statistic}": Column(f"{statistic} time, end to end, ms", "{:.2f}")
        for statistic in ("mean", "median")
    },
    **{
        f"inference_ms_{statistic}": Column(f"{statistic} time of inference, ms", "{:.2f}")
        for statistic in ("mean", "median")
    },
    "cv": Column("CV", "{:.1%}"),
    "speed_up": Column("speed-up", "{:.2f}"),
    "slowest": Column("slowest", "{:.2f}"),
    "fastest": Column("fastest", "{:.2f}"),
    "share": Column("share", "{:.1%}"),
    "slowdown": Column("slowdown", "{:.3f}"),
    "times_fastest": Column("times the fastest", "{:.2f}"),
    "latency_ms": Column("time, ms", "{:.2f}"),
    "time_s": Column("time, s", "{:.5f}"),
    "gmacs_per_s": Column("GMAC/s", "{:.1f}"),
    "gflops_per_s": Column("GFLOP/s", "{:.1f}"),
    "later_ms": Column("mean after it, ms", "{:.2f}"),
    "decode_preprocess_ms": Column("decode + preprocess, ms", "{:.2f}"),
    "worth": Column("number of independent images it is worth", "{:.0f}"),
    # along a run
    "loops": Column("loops", "{:.0f}"),
    "stability": Column("stability", "{:.3f}"),
    "chance": Column("chance", "{:.3f}"),
    "drift": Column("trend", "{:+.1%}"),
    "drift_p_adjusted": Column("p of the trend", p_value),
    "change_at": Column("at image"),
    "change_p_adjusted": Column("p of the change", p_value),
    "effect": Column("effect", "{:+.1%}"),
    "hours": Column("hours", "{:.2f}"),
    "begin_percent": Column("begin, %", "{:.0f}"),
    "end_percent": Column("end, %", "{:.0f}"),
    "change_percent": Column("change, points", "{:+.1f}"),
    "per_hour": Column("points per hour", "{:+.1f}"),
    # quantization
    "compared": Column("devices compared"),
    "on_front": Column("on the front"),
    "front_share": Column("share on the front", "{:.0%}"),
    "pareto": Column("on the front"),
    "pareto_probability": Column("probability of it", "{:.2f}"),
    "mb_min": Column("smallest, MB", "{:.2f}"),
    "mb_max": Column("largest, MB", "{:.2f}"),
    # lines and correlations
    "rho": Column("Spearman's ρ", "{:.2f}"),
    "tau": Column("Kendall's τ", "{:.3f}"),
    "tau_p_value": Column("p of Kendall's τ", p_value),
    "slope": Column("slope", "{:.2f}"),
    "ratio": Column("ratio", "{:.2f}"),
    "r_squared": Column("R²", "{:.2f}"),
    # score
    "vips": Column("VIPS", "{:.2f}"),
    "vips_end_to_end": Column("VIPS, end to end", "{:.2f}"),
    "vips_inference": Column("VIPS, inference only", "{:.2f}"),
    "vops": Column("VOPS", "{:,.0f}"),
    "vops_rank": Column("rank by VOPS"),
    "rank_end_to_end": Column("rank, end to end"),
    "rank_inference": Column("rank, inference only"),
    "rank_change": Column("ranks gained"),
    "exact_rank": Column("rank by exact clock"),
    "group_size": Column("of"),
    "first_ten": Column("in the top ten"),
    "tie_group": Column("ties"),
    "printed_device": Column("device, printed"),
    "printed_vips": Column("VIPS, printed", "{:.2f}"),
    "moved": Column("devices that move"),
    "largest_move": Column("largest move, ranks"),
    "first_ten_changed": Column("leave the top ten"),
    "places_lost": Column("places lost", "{:.0f}"),
    "share_median": Column("share of the score", "{:.1%}"),
    "share_min": Column("lowest", "{:.1%}"),
    "share_max": Column("highest", "{:.1%}"),
}
UNITS = {"_ms": ", ms", "_mb": ", MB", "_gb": ", GB", "_mhz": ", MHz", "_s": ", s", "_percent": ", %"}
FORMATS = {"_ms": "{:.2f}", "_mb": "{:.2f}"}
ENDS = {"_min": "lowest", "_max": "highest"}
INTERVAL = "95\N{NO-BREAK SPACE}% interval"
TOGETHER = "joint 95\N{NO-BREAK SPACE}% interval"
"""Heading of intervals that hold simultaneously for all rows of a table."""


def told(name: str, columns: Sequence[str] = ()) -> Column:
    """Return the heading and format of the column `name` in a frame with these columns."""
    if name in COLUMNS:
        return COLUMNS[name]
    for end, word in ENDS.items():
        base = name.removesuffix(end)
        if base != name:
            column = told(base)
            return Column(word if base in columns else f"{column.heading}, {word}", column.format)
    for unit, words in UNITS.items():
        if name.endswith(unit):
            return Column(name.removesuffix(unit).replace("_", " ") + words, FORMATS.get(unit))
    return Column(name.replace("_", " "))


def with_intervals(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the names, each followed by the columns with the ends of its interval if `columns` contains them."""
    selected = (column for name in names for column in (name, *(interval_columns(name, columns) or ())))
    return list(dict.fromkeys(selected))


def interval_columns(name: str, columns: Sequence[str]) -> tuple[str, str] | None:
    """Return the columns with the ends of a column's 95 % interval, such as mean_low and mean_high; None if missing."""
    for base in (name, *(name.removesuffix(unit) for unit in UNITS if name.endswith(unit))):
        if f"{base}_low" in columns and f"{base}_high" in columns:
            return f"{base}_low", f"{base}_high"
    return None
