"""Model complexity against latency (Remark 4): how fast, and in what order. `complexity_lines` has the lines."""

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
    """Float32 rows with the complexity the paper gives their model (Table II, "FLOPs") and their effective speed.

    Table II counts multiply-accumulates, in millions, and calls them FLOPs (footnote 1); processors' peaks count both
    the multiplication and the addition. Takes one row per device x instance (see `select.measured_rows`); gives
    device_id, model, implementation, macs_millions, latency_ms (mean per image), gmacs_per_s (thousand million
    multiply-accumulates per second: GFLOP/s as Table II counts) and gflops_per_s (twice that: as peaks are told). A
    model that is not in Table II has null complexity; a time that is not above 0 is null.
    Raises PoolingError where rows of one device differ in what they were measured under.
    """
    wanted = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    pooling.check(wanted, by=["device_id", "implementation"])
    pooling.check(wanted, pooling.SHARED_INFERENCE if timing == "inference" else pooling.SHARED, by=["device_id"])
    facts = paper.models().rename(columns={"flops_millions": "macs_millions"})[["model", "macs_millions"]]
    found = wanted.rename(columns={f"{select.time_column(timing)}_mean": "latency_ms"}).merge(
        facts, on="model", how="left"
    )
    found["latency_ms"] = found["latency_ms"].where(found["latency_ms"] > 0)
    found["gmacs_per_s"] = found["macs_millions"] / found["latency_ms"]  # 1e6 / 1e-3 / 1e9 = 1
    found["gflops_per_s"] = OPERATIONS_PER_MAC * found["gmacs_per_s"]
    columns = ["device_id", "model", "implementation", "macs_millions", "latency_ms", "gmacs_per_s", "gflops_per_s"]
    return found[columns]


def rank_correlation(frame: pd.DataFrame) -> pd.DataFrame:
    """Rank correlations of complexity with latency, per device and implementation.

    Takes the frame of `complexity`; gives device_id, implementation, models (how many), rho (Spearman), rho_low and
    rho_high (95 %, Fisher's z with the variance of Bonett and Wright 2000, Psychometrika 65), p_value (two-sided, over
    all orders of the models; over 1000 of them at random for more than 6 models), tau (Kendall's tau-b), tau_low and
    tau_high (95 %, Fisher's z with the variance 0.437 / (n - 4) of Fieller, Hartley and Pearson 1957, Biometrika 44),
    tau_p_value and note, which says why a number is missing. An interval has 0 inside just where the p value of the
    same correlation is 5 % or more: see `multiple.agreeing`. With six models an interval is wide whatever the device:
    it tells how little six points say about models in general.
    """
    found = []
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    for (device, implementation), part in known.groupby(["device_id", "implementation"]):
        n = len(part)
        one: dict[str, Any] = {"device_id": device, "implementation": implementation, "models": n}
        if n < 3:
            found.append({**one, "note": f"{n} of at least 3 models: no rank correlation"})
            continue
        x, y = part["macs_millions"].to_numpy(float), part["latency_ms"].to_numpy(float)
        if len(set(x)) == 1 or len(set(y)) == 1:
            found.append({**one, "note": "all values are equal: no rank correlation"})
            continue
        rho, tau = float(spearmanr(x, y).statistic), float(kendalltau(x, y).statistic)
        ranks = tuple(rankdata(x)), tuple(rankdata(y))
        one |= {"rho": rho, "p_value": _exact_p(*ranks, _products)}
        one |= {"tau": tau, "tau_p_value": _exact_p(*ranks, _pairs_in_order), "note": ""}
        if n < 5:
            one["note"] = f"{n} models: an interval needs at least 5"
        elif abs(rho) > 1 - 1e-9:
            one["note"] = "the orders agree wholly: Fisher's interval is not defined"
        else:
            of_rho, of_tau = partial(_fisher, rho, (1 + rho**2 / 2) / (n - 3)), partial(_fisher, tau, 0.437 / (n - 4))
            for name, p_value, ends in (("rho", "p_value", of_rho), ("tau", "tau_p_value", of_tau)):
                one[p_value] = p = multiple.agreeing(float(one[p_value]), ends)
                one[f"{name}_low"], one[f"{name}_high"] = multiple.interval(p, ends)
        found.append(one)
    columns = ["device_id", "implementation", "models", "rho", "rho_low", "rho_high", "p_value"]
    return pd.DataFrame(found, columns=[*columns, "tau", "tau_low", "tau_high", "tau_p_value", "note"])


def _fisher(correlation: float, variance: float, level: float) -> tuple[float, float]:
    z, width = np.arctanh(correlation), norm.ppf((1 + level) / 2) * np.sqrt(variance)
    return float(np.tanh(z - width)), float(np.tanh(z + width))


def _products(some: Floats, ranks: Floats) -> Floats:
    """Return the sums of products of centred ranks, (..., n) and (n,): rho up to a factor."""
    return np.asarray((some * ranks).sum(axis=-1))


def _pairs_in_order(some: Floats, ranks: Floats) -> Floats:
    """Return how many more pairs are in one order than in opposite ones, of (..., n) and (n,): tau up to a factor."""
    first, then = np.triu_indices(len(ranks), 1)
    return np.asarray((np.sign(some[..., then] - some[..., first]) * np.sign(ranks[then] - ranks[first])).sum(axis=-1))


@cache
def _exact_p(x: tuple[float, ...], y: tuple[float, ...], of: Callable[[Floats, Floats], Floats]) -> float:
    """Of the permutation test of a statistic of ranks, which for n models has n! orders: 720 for the paper's six."""
    middle = (len(y) + 1) / 2
    ranks = np.array(y) - middle

    # rounded so that equal orders tie
    def statistic(some: Floats, axis: int) -> Floats:
        return np.round(of(np.moveaxis(some, axis, -1), ranks), 9)

    test = permutation_test(
        (np.array(x) - middle,), statistic, permutation_type="pairings", n_resamples=1000, vectorized=True, rng=0
    )
    return float(test.pvalue)


def relative(frame: pd.DataFrame) -> pd.DataFrame:
    """Each model's time as a multiple of the fastest model of the same implementation, on devices that ran all six.

    Takes the frame of `complexity`; gives implementation, model, macs_millions, devices, times_fastest (median over
    devices) with its interval and range (see `medians`), first and last: on how many devices the model is the
    fastest and the slowest. Fig. 7 and its four observations are about these.
    """
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    by = ["device_id", "implementation"]
    known = known[known.groupby(by)["model"].transform("nunique") == len(names.MODELS)]
    groups = known.groupby(by)["latency_ms"]
    fastest, slowest = groups.transform("min"), groups.transform("max")
    known = known.assign(
        times_fastest=known["latency_ms"] / fastest,
        first=known["latency_ms"] == fastest,
        last=known["latency_ms"] == slowest,
    )
    of = ["implementation", "model", "macs_millions"]
    counts = known.groupby(of)[["first", "last"]].sum().astype(int).reset_index()
    found = medians(known, "times_fastest", of).merge(counts, on=of)
    return names.ordered(found, ["implementation", "macs_millions"])
