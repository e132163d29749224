"""Model complexity against latency (Remark 4)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm, permutation_test, rankdata, spearmanr

from aiot_analysis import names, paper
from aiot_analysis.stats import pooling, select
from aiot_analysis.stats.resample import LEVEL


def complexity(rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Float32 rows with the complexity the paper gives their model (Table II, "FLOPs").

    Table II counts multiply-accumulates, in millions; one is two floating-point operations. Takes one row
    per device x instance (see `select.measured_rows`); gives device_id, model, implementation, macs_millions,
    latency_ms and gmacs_per_s (thousand million multiply-accumulates per second). A model that is not in
    Table II has null complexity.
    """
    wanted = rows[rows["quantization"] == "float32"].assign(implementation=names.implementation)
    pooling.check(wanted, by=["device_id", "implementation"])
    facts = paper.models().rename(columns={"flops_millions": "macs_millions"})[["model", "macs_millions"]]
    found = wanted.rename(columns={f"{select.time_column(timing)}_mean": "latency_ms"}).merge(
        facts, on="model", how="left"
    )
    found["gmacs_per_s"] = found["macs_millions"] / found["latency_ms"]  # 1e6 / 1e-3 / 1e9 = 1
    return found[["device_id", "model", "implementation", "macs_millions", "latency_ms", "gmacs_per_s"]]


def rank_correlation(frame: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of complexity with latency, per device and implementation.

    Takes the frame of `complexity`; gives device_id, implementation, models (how many), rho, rho_low and
    rho_high (95 %, Fisher's z with the variance of Bonett and Wright 2000, Psychometrika 65), p_value
    (two-sided, over all orders of the models; over 1000 of them at random for more than 6 models) and note,
    which says why a number is missing.
    """
    found = []
    known = frame.dropna(subset=["macs_millions", "latency_ms"])
    for (device, implementation), part in known.groupby(["device_id", "implementation"]):
        n = len(part)
        one: dict[str, object] = {"device_id": device, "implementation": implementation, "models": n}
        if n < 3:
            found.append({**one, "note": f"{n} of at least 3 models: no rank correlation"})
            continue
        x, y = part["macs_millions"].to_numpy(float), part["latency_ms"].to_numpy(float)
        rho = float(spearmanr(x, y).statistic)
        one |= {"rho": rho, "p_value": _exact_p(x, y), "note": ""}
        if n < 4:
            one["note"] = f"{n} models: an interval needs at least 4"
        elif abs(rho) > 1 - 1e-9:
            one["note"] = "the orders agree wholly: Fisher's interval is not defined"
        else:
            width = norm.ppf((1 + LEVEL) / 2) * np.sqrt((1 + rho**2 / 2) / (n - 3))
            one |= {"rho_low": np.tanh(np.arctanh(rho) - width), "rho_high": np.tanh(np.arctanh(rho) + width)}
        found.append(one)
    columns = ["device_id", "implementation", "models", "rho", "rho_low", "rho_high", "p_value", "note"]
    return pd.DataFrame(found, columns=columns)


def _exact_p(x: np.ndarray, y: np.ndarray) -> float:
    """Of the permutation test, which for n models has n! orders: 720 for the paper's six."""
    ranks = rankdata(y) - (len(y) + 1) / 2

    # rho is the sum of products of centred ranks, up to a factor; rounded so that equal orders tie
    def statistic(some: np.ndarray, axis: int) -> np.ndarray:
        return np.round((some * ranks).sum(axis=axis), 9)

    centred = rankdata(x) - (len(x) + 1) / 2
    test = permutation_test(
        (centred,), statistic, permutation_type="pairings", n_resamples=1000, vectorized=True, rng=0
    )
    return float(test.pvalue)
