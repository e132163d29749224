"""Remark 6: "The AI scores enable a direct comparison and ranking of different devices." (Table IV)"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from aiot_analysis.names import PAPER_FLOAT32
from aiot_analysis.stats import ratios
from aiot_analysis.stats.remarks.claim import SHARE, Claim, Estimate, Part
from aiot_analysis.stats.remarks.evidence import ERROR, Evidence
from aiot_analysis.stats.remarks.fluctuation import FEWEST
from aiot_analysis.words import plural

NEARLY_ALL = (0.9, math.inf)
MOST = (0.5, math.inf)
LEVEL = 1 - ERROR  # of each two devices: how many are told apart is counted, and not whether all are

Floats = NDArray[np.float64]
_SHOWN = {"figure": "Table IV", "unit": SHARE, "notebook": "08_vips"}


def scores(evidence: Evidence) -> tuple[Floats, Floats, str]:
    """VIPS of the devices that have all 24 instances, (devices,), and what each image adds, (devices, images).

    The second is the score's linear part (delta method): with r_i the answers, t_i the times of an instance in s,
    a_i and T_i their means over the images, it is the sum over i of (r_i - a_i) / T_i - a_i (t_i - T_i) / T_i^2.
    The variance of a difference of two scores is that of the difference of their rows over images, divided by their
    number. With the reason where there are no such devices.
    """
    if why := evidence.lacking(*PAPER_FLOAT32):
        return np.array([]), np.array([]), f"no device has all 24 instances: {why}"
    if why := next((why for one in PAPER_FLOAT32 if (why := evidence.refused(one))), ""):
        return np.array([]), np.array([]), why
    complete = evidence.ms[PAPER_FLOAT32].dropna().index
    total: Floats = np.zeros(len(complete))
    linear: Floats = np.zeros((len(complete), len(evidence.all_images)))
    for one in PAPER_FLOAT32:
        right, times = (table.reindex(complete).to_numpy(float) for table in (evidence.right(one), evidence.times(one)))
        if not np.isfinite(right).any(axis=1).all():
            return np.array([]), np.array([]), "no records of single images"
        a, seconds = np.nanmean(right, axis=1, keepdims=True), np.nanmean(times, axis=1, keepdims=True) / 1000
        total += (a / seconds)[:, 0]
        # an image that failed has no time, and adds none
        linear += (right - a) / seconds - np.nan_to_num(a * (times / 1000 - seconds) / seconds**2)
    seen = np.isfinite(linear)
    if (seen != seen[:1]).any():
        return np.array([]), np.array([]), "the devices saw different images"
    return total, linear[:, seen.any(axis=0)], ""


def told_apart(total: Floats, linear: Floats) -> NDArray[np.bool_]:
    """Which two devices the scores tell apart, (devices, devices): 0 is outside the 95 % interval of the difference."""
    n = linear.shape[1]
    covariance = np.cov(linear).reshape(len(total), len(total)) / n
    variance = np.diag(covariance)
    se = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0))
    apart = np.abs(total[:, None] - total[None, :]) > norm.ppf((1 + LEVEL) / 2) * se
    np.fill_diagonal(apart, False)
    return apart


def _few(devices: int) -> str:
    few = f"{plural(devices, 'device')} with all 24 instances: at least {FEWEST} are needed"
    return few if devices < FEWEST else ""


def _comparison(evidence: Evidence) -> list[Part]:
    name = "pairs of devices that their scores tell apart"
    total, linear, why = scores(evidence)
    if why := why or _few(len(total)):
        return [Part(name, Estimate(why=why), NEARLY_ALL)]
    n = len(total)
    apart = told_apart(total, linear).sum(axis=1)
    share = apart.sum() / (n * (n - 1))
    without = (apart.sum() - 2 * apart) / ((n - 1) * (n - 2))
    _, low, high = ratios.mean(n * share - (n - 1) * without)  # pseudo-values
    return [Part(name, Estimate(float(share), max(low, 0.0), min(high, 1.0), n), NEARLY_ALL)]


def _ranking(evidence: Evidence) -> list[Part]:
    name = "neighbours in the ranking that their scores tell apart"
    total, linear, why = scores(evidence)
    if why := why or _few(len(total)):
        return [Part(name, Estimate(why=why), MOST)]
    order = np.argsort(-total)
    apart = told_apart(total, linear)[order[:-1], order[1:]]
    low, high = proportion_confint(int(apart.sum()), len(apart), ERROR, method="beta")
    return [Part(name, Estimate(float(apart.mean()), float(low), float(high), len(total)), MOST)]


CLAIMS = [
    Claim(
        id="6a",
        text="The score compares any two devices directly.",
        quote="The AI scores enable a direct comparison [...] of different devices",
        rule="share of the pairs of devices with all 24 instances whose scores differ by more than the choice of "
        "images can make (95 % interval of each difference, paired by image): over 90 %, which is ours; interval of a "
        "jackknife over 5 devices or more",
        find=_comparison,
        **_SHOWN,
    ),
    Claim(
        id="6b",
        text="The score ranks the devices.",
        quote="The AI scores enable a direct [...] ranking of different devices",
        rule="share of the neighbours in the ranking whose scores differ by more than the choice of images can make "
        "(95 % interval of each difference, paired by image): over a half, which is ours, with the exact binomial "
        "interval, over 5 devices or more",
        find=_ranking,
        **_SHOWN,
    ),
]
