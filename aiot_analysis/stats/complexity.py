"""Model complexity against latency (Remark 4): speed and order. `complexity_lines` fits the lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, norm, permutation_test, rankdata, spearmanr

from aiot_analysis.stats import multiple
from aiot_analysis.stats.medians import medians
from aiot_analysis.tables import names, paper, pooling, select

Floats = NDArray[np.float64]
OPERATIONS_PER_MAC = 2  # a multiplication and an addition


def complexity(rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return the float32 rows with the complexity that the paper states for their model and their effective speed.

    The complexity is the column "FLOPs" of Table II, which counts multiply-accumulates in millions (footnote 1); the
    peak performance of processors counts both the multiplication and the addition. Takes one row per device x instance
    (see `select.measured_rows`). Returns device_id, model, implementation, macs_millions, latency_ms (mean per image),
    gmacs_per_s (10^9 multiply-accumulates per second: GFLOP/s as counted in Table II) and gflops_per_s (twice that, as
    peaks are stated). A model that is not in Table II has null complexity; a time that is not positive is null. Raises
    PoolingError if rows of one device were measured under different conditions.
    """
    wanted = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    pooling.check(wanted, by=["device_id", "implementation"])
    pooling.check(wanted, pooling.SHARED_INFERENCE if timing == "inference" else pooling.SHARED, by=["device_id"])
    facts = paper.models().rename(columns={"flops_millions": "macs_millions"})[["model", "macs_millions"]]
    table = wanted.rename(columns={f"{select.time_column(timing)}_mean": "latency_ms"}).merge(
        facts, on="model", how="left"
    )
    table["latency_ms"] = table["latency_ms"].where(table["latency_ms"] > 0)
    table["gmacs_per_s"] = table["macs_millions"] / table["latency_ms"]  # 1e6 / 1e-3 / 1e9 = 1
    table["gflops_per_s"] = OPERATIONS_PER_MAC * table["gmacs_per_s"]
    columns = ["device_id", "model", "implementation", "macs_millions", "latency_ms", "gmacs_per_s", "gflops_per_s"]
    return table[columns]


def rank_correlation(frame: pd.DataFrame) -> pd.DataFrame:
    """Return rank correlations of complexity with latency, per device and implementation.

    Takes the frame of `complexity`. Returns device_id, implementation, models (their number), rho (Spearman), rho_low
    and rho_high (95 %, Fisher's z with the variance of Bonett and Wright 2000, Psychometrika 65), p_value (two-sided,
    over all orders of the models; over 1000 random ones for more than 6 models), tau (Kendall's tau-b), tau_low and
    tau_high (95 %, Fisher's z with the variance 0.437 / (n - 4) of Fieller, Hartley and Pearson 1957, Biometrika 44),
    tau_p_value and note, which says why a number is missing. An interval contains 0 exactly when the p-value of the
    same correlation is 5 % or more: see `multiple.agreeing`. With six models an interval is wide on any device: it
    reflects how little six points say about models in general.
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
                row[p_value] = p = multiple.agreeing(float(row[p_value]), ends)
                row[f"{name}_low"], row[f"{name}_high"] = multiple.agreeing_interval(p, ends)
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
    """Return the number of pairs in the same order less those in opposite order, for (..., n) and (n,).

    It is tau up to a factor.
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
