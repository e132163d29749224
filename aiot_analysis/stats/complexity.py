"""Model complexity against latency (Remark 4): speed, order, fitted lines and kinds of devices."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm, permutation_test, rankdata, spearmanr, theilslopes

from aiot_analysis.stats import intervals
from aiot_analysis.stats.intervals import medians
from aiot_analysis.tables import names, paper, select
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Floats = NDArray[np.float64]
OPERATIONS_PER_MAC = 2  # a multiplication and an addition


def complexity(rows: pd.DataFrame, timing: str = "end_to_end", counted: bool = False) -> pd.DataFrame:
    """Return the float32 rows with the complexity of their model and their effective speed.

    The complexity is the column "FLOPs" of Table II, which counts multiply-accumulates in millions (footnote 1); the
    peak performance of processors counts both the multiplication and the addition. With `counted`, it is the number
    that was counted in the network itself, which every network has. Takes one row per device x instance (see
    `select.measured_rows`). Returns device_id, model, implementation, macs_millions, latency_ms (mean per image),
    gmacs_per_s (10^9 multiply-accumulates per second: GFLOP/s as counted in Table II) and gflops_per_s (twice that, as
    peaks are stated). A model of unknown complexity has a null; a time that is not positive is null. Raises
    PoolingError if rows of one device were measured under different conditions.
    """
    wanted = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    select.check(wanted, by=["device_id", "implementation"])
    select.check(wanted, select.SHARED_INFERENCE if timing == "inference" else select.SHARED, by=["device_id"])
    table = wanted.rename(columns={f"{select.time_column(timing)}_mean": "latency_ms"}).reset_index(drop=True)
    if not counted:
        table["macs_millions"] = table["model"].map(paper.models().set_index("model")["flops_millions"])
    table["macs_millions"] = table["macs_millions"].astype(float)
    table["latency_ms"] = table["latency_ms"].where(table["latency_ms"] > 0)
    table["gmacs_per_s"] = table["macs_millions"] / table["latency_ms"]  # 1e6 / 1e-3 / 1e9 = 1
    table["gflops_per_s"] = OPERATIONS_PER_MAC * table["gmacs_per_s"]
    columns = ["device_id", "model", "implementation", "macs_millions", "latency_ms", "gmacs_per_s", "gflops_per_s"]
    return table[columns]


def beyond_paper(
    instances: pd.DataFrame, timing: str = "end_to_end", wanted: str | Sequence[str] = names.USABLE
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the float32 rows of all networks, and their `complexity` with counted operations.

    Takes the table `instances`. All networks are used together, also those with random weights, since only times are
    used. Both frames are empty if no network beyond the paper's six was timed.
    """
    float32 = instances[instances["quantization"] == "float32"]
    any_weights = float32.assign(own_weights=float32["weights"], weights="any")
    needs = (f"{select.time_column(timing)}_mean", "macs_millions")
    rows, _ = select.measured_rows(any_weights, needs, wanted=wanted, together=float32["model"].unique().tolist())
    if not set(rows["model"]) - set(names.MODELS):
        rows = rows.head(0)
    table = complexity(rows, timing, counted=True).dropna(subset="latency_ms")
    return rows.assign(weights=rows["own_weights"]).drop(columns="own_weights"), table


def rank_correlation(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rank correlations of complexity with latency, per device and implementation.

    Takes the frame of `complexity`. Returns device_id, implementation, models (their number), rho (Spearman), rho_low
    and rho_high (95%, Fisher's z with the variance of Bonett and Wright 2000, Psychometrika 65), p_value (two-sided,
    over all orders of the models; over 1000 random ones for more than 6 models), tau (Kendall's tau-b), tau_low and
    tau_high (95%, Fisher's z with the variance 0.437 / (n - 4) of Fieller, Hartley and Pearson 1957, Biometrika 44),
    tau_p_value and note, which says why a number is missing. An interval contains 0 exactly when the p-value of the
    same correlation is 5% or more: see `intervals.joint_p_value`. With six models an interval is wide on any device:
    it reflects how little six points say about models in general.
    """
    table = []
    complete = frame.dropna(subset=["macs_millions", "latency_ms"])
    for (device, implementation), part in complete.groupby(["device_id", "implementation"]):
        n = len(part)
        row: dict[str, Any] = {"device_id": device, "implementation": implementation, "models": n}
        if n < 3:
            table.append({**row, "note": f"{n} of at least 3 models: no rank correlation"})
            continue
        x, y = part["macs_millions"].to_numpy(float), part["latency_ms"].to_numpy(float)
        if len(set(x)) == 1 or len(set(y)) == 1:
            table.append({**row, "note": "all values are equal: no rank correlation"})
            continue
        rho, tau = float(spearmanr(x, y).statistic), float(kendalltau(x, y).statistic)
        ranks = tuple(rankdata(x)), tuple(rankdata(y))
        row |= {"rho": rho, "p_value": _exact_p(*ranks, _products)}
        row |= {"tau": tau, "tau_p_value": _exact_p(*ranks, _pairs_in_order), "note": ""}
        if n < 5:
            row["note"] = f"{n} models: an interval needs at least 5"
        elif abs(rho) > 1 - 1e-9:
            row["note"] = "the orders agree completely: Fisher's interval is undefined"
        else:
            of_rho, of_tau = partial(_fisher, rho, (1 + rho**2 / 2) / (n - 3)), partial(_fisher, tau, 0.437 / (n - 4))
            for name, p_value, ends in (("rho", "p_value", of_rho), ("tau", "tau_p_value", of_tau)):
                row[p_value] = p = intervals.joint_p_value(float(row[p_value]), ends)
                row[f"{name}_low"], row[f"{name}_high"] = intervals.joint_interval(p, ends)
        table.append(row)
    columns = ["device_id", "implementation", "models", "rho", "rho_low", "rho_high", "p_value"]
    return pd.DataFrame(table, columns=[*columns, "tau", "tau_low", "tau_high", "tau_p_value", "note"])


def _fisher(correlation: float, variance: float, level: float) -> tuple[float, float]:
    """Return the interval of a correlation on Fisher's z scale, for a variance of z."""
    z, width = np.arctanh(correlation), norm.ppf((1 + level) / 2) * np.sqrt(variance)
    return float(np.tanh(z - width)), float(np.tanh(z + width))


def _products(other_ranks: Floats, ranks: Floats) -> Floats:
    """Return the sums of products of centred ranks, (..., n) and (n,): rho up to a factor."""
    return np.asarray((other_ranks * ranks).sum(axis=-1))


def _pairs_in_order(other_ranks: Floats, ranks: Floats) -> Floats:
    """Return the number of concordant pairs minus that of discordant pairs, for shapes (..., n) and (n,).

    This is Kendall's tau-a times the number of pairs.
    """
    first, then = np.triu_indices(len(ranks), 1)
    return np.asarray(
        (np.sign(other_ranks[..., then] - other_ranks[..., first]) * np.sign(ranks[then] - ranks[first])).sum(axis=-1)
    )


@cache
def _exact_p(x: tuple[float, ...], y: tuple[float, ...], measure: Callable[[Floats, Floats], Floats]) -> float:
    """Return the p-value of the permutation test of a statistic of ranks.

    For n models there are n! orders: 720 for the paper's six.
    """
    middle = (len(y) + 1) / 2
    ranks = np.array(y) - middle

    def statistic(other_ranks: Floats, axis: int) -> Floats:
        """Return the statistic along an axis, rounded so that equal orders tie."""
        return np.round(measure(np.moveaxis(other_ranks, axis, -1), ranks), 9)

    test = permutation_test(
        (np.array(x) - middle,), statistic, permutation_type="pairings", n_resamples=1000, vectorized=True, rng=0
    )
    return float(test.pvalue)


def relative(frame: pd.DataFrame) -> pd.DataFrame:
    """Return each model's time as a multiple of that of the fastest model of the same implementation.

    Only devices that ran all six models count. Takes the frame of `complexity`. Returns implementation, model,
    macs_millions, devices, times_fastest (median over devices) with its interval and range (see `medians`), first and
    last: the number of devices on which the model is the fastest and the slowest. Fig. 7 and its four observations
    concern these numbers.
    """
    complete = frame.dropna(subset=["macs_millions", "latency_ms"])
    by = ["device_id", "implementation"]
    complete = complete[complete.groupby(by)["model"].transform("nunique") == len(names.MODELS)]
    groups = complete.groupby(by)["latency_ms"]
    fastest, slowest = groups.transform("min"), groups.transform("max")
    complete = complete.assign(
        times_fastest=complete["latency_ms"] / fastest,
        first=complete["latency_ms"] == fastest,
        last=complete["latency_ms"] == slowest,
    )
    key = ["implementation", "model", "macs_millions"]
    counts = complete.groupby(key)[["first", "last"]].sum().astype(int).reset_index()
    table = medians(complete, "times_fastest", key).merge(counts, on=key)
    return names.ordered(table, ["implementation", "macs_millions"])


OFF_SCORE = 3.5
"""Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers).
"""
LEAST_POINTS = 5  # minimum for a line whose outliers are named


def lines(frame: pd.DataFrame, by: Sequence[str] = ("device_id",)) -> pd.DataFrame:
    """Fit a line of log latency over log complexity to the points of each group of `by`.

    Takes the frame of `complexity.complexity`. `by` is ("device_id",) for one line through all implementations of a
    device, or ("device_id", "implementation"). The Theil-Sen line is used (Sen 1968, JASA 63; scipy.stats.theilslopes):
    its slope is the median of the slopes of all pairs of points, so a few distant points have little influence. Returns
    `by`, points, slope with its 95% interval slope_low and slope_high (1: time is proportional to operations; 0: it
    does not depend on them), intercept (of log2 ms over log2 millions), r_squared (squared Pearson correlation of the
    logs: the share of the variance that complexity explains) and note, which says why a number is missing.
    """
    table = []
    complete = frame.dropna(subset=["macs_millions", "latency_ms"])
    for key, part in complete.groupby(list(by)):
        row = {**dict(zip(by, key, strict=True)), "points": len(part)}
        x, y = np.log2(part["macs_millions"].to_numpy(float)), np.log2(part["latency_ms"].to_numpy(float))
        models = len(set(x))
        if models < 3:
            table.append({**row, "note": f"{models} of at least 3 models: no line"})
            continue
        fit = theilslopes(y, x, CONFIDENCE, method="joint")
        row |= {"slope": fit.slope, "slope_low": fit.low_slope, "slope_high": fit.high_slope}
        row |= {"intercept": fit.intercept, "note": "" if y.std() else "all times are equal"}
        table.append({**row, "r_squared": np.corrcoef(x, y)[0, 1] ** 2 if y.std() else np.nan})
    columns = [*by, "points", "slope", "slope_low", "slope_high", "intercept", "r_squared", "note"]
    return pd.DataFrame(table, columns=columns)


def residuals(frame: pd.DataFrame) -> pd.DataFrame:
    """Return how far each instance is off the line of its device, and flag outliers.

    Takes the frame of `complexity.complexity`. Returns its rows that have both numbers, with line_ms (the time
    according to the line through all implementations of the device, see `lines`), ratio (latency_ms / line_ms: 2 is
    twice as long as the line says), score (modified z-score: 0.6745 * (r - median) / MAD, where r is the logarithm of
    ratio) and off: "slower" or "faster" where the score is beyond OFF_SCORE in either direction, else "". score and off
    are null where a device has fewer than LEAST_POINTS points, or more than half of them on the line.
    """
    fits = lines(frame).dropna(subset=["slope"])
    complete = frame.dropna(subset=["macs_millions", "latency_ms"])
    table = complete.merge(fits[["device_id", "points", "slope", "intercept"]], on="device_id")
    table["line_ms"] = 2 ** (table["intercept"] + table["slope"] * np.log2(table["macs_millions"].astype(float)))
    table["ratio"] = table["latency_ms"] / table["line_ms"]
    logs = np.log2(table["ratio"])
    deviations = logs - logs.groupby(table["device_id"]).transform("median")
    spread = deviations.abs().groupby(table["device_id"]).transform("median")
    spread = spread.where((spread > 1e-9) & (table["points"] >= LEAST_POINTS))
    table["score"] = norm.ppf(0.75) * deviations / spread
    table["off"] = _direction(table["score"] > OFF_SCORE, table["score"] < -OFF_SCORE, table["score"].notna())
    columns = [
        "device_id",
        "model",
        "implementation",
        "macs_millions",
        "latency_ms",
        "line_ms",
        "ratio",
        "score",
        "off",
    ]
    return table[columns]


def implementations(residuals_of_instances: pd.DataFrame) -> pd.DataFrame:
    """Return how far each implementation is off the line of its device, and flag those clearly off it.

    Takes the frame of `residuals`. Returns device_id, implementation, models, ratio (median over the models) with
    ratio_low, ratio_high, ratio_min and ratio_max (see `medians`: with six models the interval is the whole range), and
    off: "slower" or "faster" where the whole interval is above or below 1, else ""; null without an interval.
    """
    result = medians(residuals_of_instances, "ratio", ["device_id", "implementation"], "models")
    low, high = result["ratio_low"], result["ratio_high"]
    return result.assign(off=_direction(low > 1, high < 1, low.notna()))


def over_devices(off_line: pd.DataFrame, by: Sequence[str] = ("implementation", "model")) -> pd.DataFrame:
    """Return what is off the line on many devices, the most distant first.

    Takes the frame of `residuals`, or that of `implementations` with by=("implementation",). Returns `by`, devices,
    ratio (median over devices) with its interval and range (see `medians`), slower and faster (number of devices on
    which it is flagged as such), judged (number of devices on which the rule applies) and named: "slower" or "faster"
    where it is off in that direction on at least half of those, and the interval of its ratio (with fewer than 6
    devices, the ratio itself) is on that side of 1; else "".
    """
    result = medians(off_line, "ratio", by)
    judged = off_line.assign(
        slower=off_line["off"] == "slower", faster=off_line["off"] == "faster", judged=off_line["off"].notna()
    )
    counts = judged.groupby(list(by), sort=False)[["slower", "faster", "judged"]].sum().astype(int).reset_index()
    result = result.merge(counts, on=list(by))
    half = result["judged"].clip(lower=1) / 2
    low, high = (result[f"ratio_{end}"].fillna(result["ratio"]) for end in ("low", "high"))
    slower, faster = (result["slower"] >= half) & (low > 1), (result["faster"] >= half) & (high < 1)
    result["named"] = _direction(slower, faster, result["judged"] > 0)
    far: pd.Series = -np.log(result["ratio"]).abs()
    return result.iloc[far.argsort(kind="stable")].reset_index(drop=True)


def _direction(slower: pd.Series, faster: pd.Series, has_number: pd.Series) -> pd.Series:
    """Return "slower", "faster" or "" for each row, and null where nothing is `has_number`."""
    words = np.select([slower, faster], ["slower", "faster"], "")
    return pd.Series(words, index=has_number.index, dtype=object).where(has_number, None)


SOC_MAKERS = {
    "Qualcomm": r"snapdragon|qualcomm|^(sm|sdm|msm|apq)[ -]?\d{3}",
    "HiSilicon": r"kirin|hisilicon|^hi3\d{3}",
    "Samsung": r"exynos|^s5e\d{4}",
    "MediaTek": r"mediatek|helio|dimensity|^mt\d{4}",
    "Google": r"tensor|^gs\d{3}|^zuma",
    "Unisoc": r"unisoc|spreadtrum|^(ums|sc)\d{4}",
}
"""Case-insensitive patterns in the name of a system on a chip: the names of Table III, and the model numbers that
Android reports instead as ro.soc.model (SM8150, MT6785).
"""


def device_classes(devices: pd.DataFrame) -> pd.DataFrame:
    """Return the class of each device of the table `devices`: columns device_id and device_class.

    Phones are Android devices, classified by the maker of their system on a chip; other devices are classified by their
    instruction set. A class is like "phone, Qualcomm", "phone, other SoC", "Arm computer" or "x86 computer"; "unknown"
    if neither the operating system nor the instruction set is known.
    """
    facts = devices[["device_id", "os", "abi", "soc"]].astype("object")
    facts = facts.where(facts.notna(), "").astype(str)
    class_names = [
        _device_class(os, abi, soc) for os, abi, soc in facts[["os", "abi", "soc"]].itertuples(index=False, name=None)
    ]
    return pd.DataFrame({"device_id": facts["device_id"], "device_class": class_names})


def class_rule(classes: pd.DataFrame) -> str:
    """Return the rule behind the classes of `device_classes` as a sentence; "" if there are not several classes."""
    kinds = set(classes["device_class"])
    if len(kinds) < 2:
        return ""
    phones = sum(kind.startswith("phone") for kind in kinds)
    rules = []
    if phones:
        rules.append("Phones (Android devices) are grouped by the maker of their system on a chip")
    if phones < len(kinds):
        rules.append(
            "boards and computers by their instruction set"
            if phones
            else "Devices are grouped by their instruction set"
        )
    return f"{', '.join(rules)}."


def _device_class(os: str, abi: str, soc: str) -> str:
    """Return the class of a device from its operating system, instruction set and system on a chip."""
    if "android" in os.lower():
        makers = (maker for maker, pattern in SOC_MAKERS.items() if re.search(pattern, soc.strip(), re.IGNORECASE))
        return f"phone, {next(makers, 'other SoC')}"
    if re.match(r"arm|aarch64", abi, re.IGNORECASE):
        return "Arm computer"
    return "x86 computer" if re.match(r"x86|amd64|i[3-6]86", abi, re.IGNORECASE) else "unknown"
