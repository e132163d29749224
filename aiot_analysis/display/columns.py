"""Headings and number formats of columns, and the text of the cells of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import ReportError
from aiot_analysis.tables import names
from aiot_analysis.words import DIGITS, MORE_DIGITS, estimate, minus, p_value

if TYPE_CHECKING:
    import pandas as pd

Format = str | Callable[[Any], str]


@dataclass(frozen=True)
class Column:
    """Heading and format of a column."""

    heading: str
    format: Format | None = None  # for str.format, or a function; None for the default of `text`


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
    "verdict": Column("verdict", names.display),
    "n_images": Column("images", "{:,.0f}"),
    "accelerator_requested": Column("requested", names.display),
    "accelerator_actual": Column("ran on", names.display),
    "share_delegated": Column("share of nodes", "{:.0%}"),
    "peak_rss_mb": Column("memory, MB", "{:,.0f}"),
    "model_mb": Column("file, MB", "{:,.2f}"),
    "energy_mj": Column("energy of an image, mJ", "{:,.1f}"),
    "note": Column("remark"),
    "interval_note": Column("remark"),
    "gap": Column("reason it is missing"),
    "instance_id_other": Column("instance", names.instance_display),
    # profiles of operators
    "time_ms": Column("time, ms", "{:,.3f}"),
    "share_p5": Column("5th percentile", "{:.1%}"),
    "share_p95": Column("95th percentile", "{:.1%}"),
    "covered": Column("covered", "{:.1%}"),
    "overhead": Column("overhead", "{:.1%}"),
    "profiled_ms": Column("pass with the profiler, ms", "{:,.2f}"),
    "plain_ms": Column("pass without it, ms", "{:,.2f}"),
    # devices
    "soc": Column("chip"),
    "abi": Column("ABI"),
    "os": Column("system"),
    "os_version": Column("version"),
    "max_mhz": Column("clock, MHz", "{:,.0f}"),
    "ram_gb": Column("RAM, GB", "{:,.1f}"),
    "paper_id": Column("id in the paper"),
    "android": Column("Android"),
    "aiotbench": Column("AIoTBench"),
    "mlperf_inference": Column("MLPerf Inference"),
    "ai_benchmark": Column("AI Benchmark"),
    "sha256": Column("SHA-256"),
    # networks
    "flops_millions": Column("FLOPs, millions", "{:,.0f}"),
    "macs_millions": Column("multiply-adds, millions", "{:,.0f}"),
    "macs_printed": Column("printed", "{:,.0f}"),
    "macs_difference": Column("difference", "{:+.1%}"),
    "params_millions": Column("parameters, millions", "{:,.2f}"),
    "params_printed": Column("printed", "{:,.2f}"),
    "params_difference": Column("difference", "{:+.1%}"),
    "accuracy_percent": Column("accuracy, %", "{:,.1f}"),
    "layers_all": Column("layers, including shortcuts"),
    "layers_printed": Column("layers, printed"),
    "branch_printed": Column("branch, printed"),
    # accuracy
    "accuracy": Column("accuracy", "{:,.3f}"),
    "change": Column("change in accuracy", "{:+.3f}"),
    "only_base": Column("lost", "{:,.0f}"),
    "only_other": Column("gained", "{:,.0f}"),
    "top1_differs": Column("another class", "{:.1%}"),
    "label": Column("class"),
    "unstable": Column("different classes"),
    "sides": Column("right and wrong"),
    "minority": Column("different answers", "{:.2%}"),
    "p_value": Column("p", p_value),
    "p_adjusted": Column("p, corrected", p_value),
    # times
    **{
        f"end_to_end_ms_{statistic}": Column(f"{statistic} time, end to end, ms", "{:,.2f}")
        for statistic in ("mean", "median")
    },
    **{
        f"inference_ms_{statistic}": Column(f"{statistic} time of inference, ms", "{:,.2f}")
        for statistic in ("mean", "median")
    },
    "cv": Column("CV", "{:.1%}"),
    "speed_up": Column("speed-up", "{:,.2f}"),
    "slowest": Column("slowest", "{:,.2f}"),
    "fastest": Column("fastest", "{:,.2f}"),
    "share": Column("share", "{:.1%}"),
    "slowdown": Column("slowdown", "{:,.3f}"),
    "times_fastest": Column("times the fastest", "{:,.2f}"),
    "latency_ms": Column("time, ms", "{:,.2f}"),
    "time_s": Column("time, s", "{:,.5f}"),
    "gmacs_per_s": Column("GMAC/s", "{:,.1f}"),
    "gflops_per_s": Column("GFLOP/s", "{:,.1f}"),
    "later_ms": Column("mean after it, ms", "{:,.2f}"),
    "decode_preprocess_ms": Column("decode + preprocess, ms", "{:,.2f}"),
    "effective_size": Column("effective sample size", "{:,.0f}"),
    # along a run
    "loops": Column("loops", "{:,.0f}"),
    "stability": Column("stability", "{:,.3f}"),
    "chance": Column("chance", "{:,.3f}"),
    "drift": Column("trend", "{:+.1%}"),
    "drift_p_adjusted": Column("p of the trend", p_value),
    "change_at": Column("at image"),
    "change_p_adjusted": Column("p of the change", p_value),
    "effect": Column("effect", "{:+.1%}"),
    "hours": Column("hours", "{:,.2f}"),
    "begin_percent": Column("begin, %", "{:,.0f}"),
    "end_percent": Column("end, %", "{:,.0f}"),
    "change_percent": Column("change, points", "{:+.1f}"),
    "per_hour": Column("points per hour", "{:+.1f}"),
    # quantization
    "compared": Column("devices compared"),
    "on_front": Column("on the front"),
    "front_share": Column("share on the front", "{:.0%}"),
    "pareto": Column("on the front"),
    "pareto_probability": Column("probability of it", "{:,.2f}"),
    "mb_min": Column("smallest, MB", "{:,.2f}"),
    "mb_max": Column("largest, MB", "{:,.2f}"),
    # lines and correlations
    "rho": Column("Spearman's ρ", "{:,.2f}"),
    "tau": Column("Kendall's τ", "{:,.3f}"),
    "tau_p_value": Column("p of Kendall's τ", p_value),
    "slope": Column("slope", "{:,.2f}"),
    "ratio": Column("ratio", "{:,.2f}"),
    "r_squared": Column("R²", "{:,.2f}"),
    # score
    "vips": Column("VIPS", "{:,.2f}"),
    "vips_end_to_end": Column("VIPS, end to end", "{:,.2f}"),
    "vips_inference": Column("VIPS, inference only", "{:,.2f}"),
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
    "printed_vips": Column("VIPS, printed", "{:,.2f}"),
    "moved": Column("devices that move"),
    "largest_move": Column("largest move, ranks"),
    "first_ten_changed": Column("leave the top ten"),
    "places_lost": Column("places lost", "{:,.0f}"),
    "share_median": Column("share of the score", "{:.1%}"),
    "share_min": Column("lowest", "{:.1%}"),
    "share_max": Column("highest", "{:.1%}"),
}
UNITS = {"_ms": ", ms", "_mb": ", MB", "_gb": ", GB", "_mhz": ", MHz", "_s": ", s", "_percent": ", %"}
FORMATS = {"_ms": "{:,.2f}", "_mb": "{:,.2f}"}
ENDS = {"_min": "lowest", "_max": "highest"}
INTERVAL = "95% interval"
TOGETHER = "joint 95% interval"
"""Heading of intervals that hold simultaneously for all rows of a table."""


def column_of(name: str, columns: Sequence[str] = ()) -> Column:
    """Return the heading and format of the column `name` in a frame with these columns."""
    if name in COLUMNS:
        return COLUMNS[name]
    for end, word in ENDS.items():
        base = name.removesuffix(end)
        if base != name:
            column = column_of(base)
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
    """Return the columns with the ends of a column's 95% interval, such as mean_low and mean_high; None if missing."""
    for base in (name, *(name.removesuffix(unit) for unit in UNITS if name.endswith(unit))):
        if f"{base}_low" in columns and f"{base}_high" in columns:
            return f"{base}_low", f"{base}_high"
    return None


MISSING = "–"


@dataclass(frozen=True)
class Words:
    """Table as text, as readers see it."""

    frame: pd.DataFrame  # of strings; a value and its interval share a column
    numeric: list[bool]  # whether each column holds numbers
    boolean: list[bool]  # whether each column holds "yes" and "no"


def words(
    frame: pd.DataFrame,
    formats: Mapping[str, Format] | None = None,
    headings: Mapping[str, str] | None = None,
    missing: str = MISSING,
) -> Words:
    """Return a frame as text, with headings and formats from `columns` unless others are passed.

    Columns that contain only empty strings are omitted, such as remarks if there are none. The heading of <column>_low,
    if passed, replaces "95% interval", for intervals of another kind.
    Raises ReportError if a format or a heading is for a column that does not exist.
    """
    import pandas as pd

    frame = frame.set_axis(flat(frame.columns), axis=1)
    names = list(frame.columns)
    for name in {**(formats or {}), **(headings or {})}:
        if name not in names:
            raise ReportError(f"There is no column {name!r} to format: choose {', '.join(names)}.")
    ends_by_name = {name: ends for name in names if (ends := interval_columns(name, names))}
    end_columns = {end for ends in ends_by_name.values() for end in ends}
    column_headings, column_texts, numeric, boolean = [], [], [], []
    for name, (_, column), is_number in zip(names, frame.items(), _numeric(frame), strict=True):
        if name in end_columns:
            continue
        default = column_of(name, names)
        column_style = Column((headings or {}).get(name, default.heading), (formats or {}).get(name, default.format))
        values = [text(value, column_style.format, missing) for value in column]
        if values and not any(values):
            continue
        if name in ends_by_name:
            values = _with_intervals(column, frame[[*ends_by_name[name]]], formats or {}, default, missing)
        if name in ends_by_name:
            interval_heading = (headings or {}).get(ends_by_name[name][0], INTERVAL)
            column_headings.append(f"{column_style.heading} ({interval_heading})")
        else:
            column_headings.append(column_style.heading)
        column_texts.append([minus(value) for value in values])
        numeric.append(is_number)
        boolean.append(pd.api.types.is_bool_dtype(column.dtype))
    texts = pd.DataFrame(dict(enumerate(column_texts)), dtype=str).set_axis(column_headings, axis=1)
    return Words(texts, numeric, boolean)


def _with_intervals(
    values: pd.Series, ends: pd.DataFrame, formats: Mapping[str, Format], column: Column, missing: str
) -> list[str]:
    """Return each value followed by its interval in parentheses, if that is known.

    A format that is passed for the column is kept; else there are as many digits as `estimate` gives, and no decimals
    if all numbers are whole.
    """
    form = formats.get(str(values.name), column.format)
    numbers = [values.astype(float), *(ends[end].astype(float) for end in ends)]
    if not isinstance(form, str) or "." not in form:
        form = "{:.0f}" if all((part.dropna() % 1 == 0).all() for part in numbers) else "{:.6f}"
    digits = MORE_DIGITS + DIGITS if values.name in formats else DIGITS
    return [
        estimate(value, low, high, form, digits) if value == value else missing
        for value, low, high in zip(*numbers, strict=True)
    ]


def text(value: Any, format_: Format | None = None, missing: str = MISSING) -> str:
    """Return a value as text. Without a format, numbers get four significant digits and strings stay as they are.

    Numbers from 1,000 on have all their digits before the point, and never an exponent.
    """
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return missing
    if callable(format_):
        return format_(value)
    if format_ and not isinstance(value, str):
        return format_.format(value)
    if pd.api.types.is_bool(value):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _general(value)
    return f"{value:,}" if pd.api.types.is_integer(value) else str(value)


def _general(value: float) -> str:
    import numpy as np

    if not np.isfinite(value):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")


def flat(names: pd.Index) -> list[str]:
    """Return column names as strings, with several levels joined by spaces."""
    if names.nlevels == 1:
        return [str(name) for name in names]
    return [" ".join(str(part) for part in name if str(part)) for name in names]


def _numeric(frame: pd.DataFrame) -> list[bool]:
    """Return for each column whether it holds numbers; booleans do not count."""
    from pandas.api import types

    return [types.is_numeric_dtype(kind) and not types.is_bool_dtype(kind) for kind in frame.dtypes]
