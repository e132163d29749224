"""Remark 6: "The AI scores enable a direct comparison and ranking of different devices." (Table IV)"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from aiot_analysis.stats import latency, variance
from aiot_analysis.stats.accuracy import clopper_pearson
from aiot_analysis.stats.remarks.claim import SHARE, Claim, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence, share
from aiot_analysis.stats.remarks.fluctuation import FEWEST
from aiot_analysis.tables.names import PAPER_FLOAT32
from aiot_analysis.words import CONFIDENCE, plural

if TYPE_CHECKING:
    import pandas as pd

NEARLY_ALL = (0.9, math.inf)
MOST = (0.5, math.inf)

Floats = NDArray[np.float64]
_TABLE_IV = {"figure": "Table IV", "unit": SHARE, "notebook": "08_vips"}


@dataclass(frozen=True)
class DeviceScores:
    """VIPS of the devices that have all 24 instances, and their uncertainty.

    `linear` is the score's linear part (delta method): with r the answers to images, t their times in s, and a and T
    their means, it is the sum over instances of (r - a) / T - a (t - T) / T^2. The variance of a difference of two
    scores due to the choice of images is that of the difference of their rows over images, divided by the number of
    images. `error` is the standard error that runs and dependent neighbours add to each score, with its degrees of
    freedom.
    """

    total: Floats  # (devices,)
    linear: Floats  # (devices, images)
    error: Floats  # (devices,)
    freedom: Floats  # (devices,)

    def __len__(self) -> int:
        return len(self.total)


def scores(evidence: Evidence) -> tuple[DeviceScores, str]:
    """Return the scores of the devices that have all 24 instances, or the reason why there are none."""
    no_scores = DeviceScores(np.array([]), np.array([[]]), np.array([]), np.array([]))
    if why := evidence.lacking(*PAPER_FLOAT32):
        return no_scores, why
    if why := next((why for instance in PAPER_FLOAT32 if (why := evidence.refused(instance))), ""):
        return no_scores, why
    complete = evidence.ms[PAPER_FLOAT32].dropna().index
    linear: Floats = np.zeros((len(complete), len(evidence.all_images)))
    parts, excess = (np.zeros((len(complete), len(PAPER_FLOAT32))) for _ in range(2))
    for place, instance in enumerate(PAPER_FLOAT32):
        right, times = (
            table.reindex(complete).to_numpy(float) for table in (evidence.right(instance), evidence.times(instance))
        )
        if not np.isfinite(right).any(axis=1).all():
            return no_scores, "no records of single images"
        a, seconds = np.nanmean(right, axis=1, keepdims=True), np.nanmean(times, axis=1, keepdims=True) / 1000
        parts[:, place] = (a / seconds)[:, 0]
        excess[:, place] = evidence.excess(instance).reindex(complete, fill_value=0.0)
        # a failed image has no time and contributes none
        linear += (right - a) / seconds - np.nan_to_num(a * (times / 1000 - seconds) / seconds**2)
    seen = np.isfinite(linear)
    if (seen != seen[:1]).any():
        return no_scores, "the devices saw different images"
    error, freedom = _timing_errors(evidence, complete, parts, excess)
    return DeviceScores(parts.sum(axis=1), linear[:, seen.any(axis=0)], error, freedom), ""


def _timing_errors(evidence: Evidence, devices: pd.Index, parts: Floats, excess: Floats) -> tuple[Floats, Floats]:
    """Return the standard error that runs and neighbours add to each score, and its freedom, (devices,) each.

    Takes what each instance adds to the score, and its excess variance due to neighbours, (devices, instances) each.
    """
    rows = evidence.rows[evidence.rows["instance_id"].isin(PAPER_FLOAT32)]
    measured = {device: part.set_index("instance_id", drop=False) for device, part in rows.groupby("device_id")}
    runs = [
        variance.sum_variance(measured[device].loc[PAPER_FLOAT32], part)
        for device, part in zip(devices, parts, strict=True)
    ]
    of_runs, freedom = np.array(runs).reshape(-1, 2).T
    of_neighbours = np.maximum((parts**2 * excess).sum(axis=1), 0.0)
    return variance.standard_error([of_runs, of_neighbours], [freedom, np.full(len(freedom), np.inf)])


def distinguishable(scored: DeviceScores) -> NDArray[np.bool_]:
    """Return which pairs of devices have significantly different scores, (devices, devices).

    Two devices differ significantly if the 95% interval of their difference excludes 0. The interval includes the
    choice of images, which both devices share, and the uncertainty of the times of each: other runs, and the dependence
    of neighbours.
    """
    devices, n = scored.linear.shape
    covariance = np.cov(scored.linear).reshape(devices, devices) / n
    variances = np.diag(covariance)
    of_images = np.maximum(variances[:, None] + variances[None, :] - 2 * covariance, 0)
    squares = np.meshgrid(scored.error**2, scored.error**2)
    freedoms = [np.full((devices, devices), n - 1.0), *np.meshgrid(scored.freedom, scored.freedom)]
    error, freedom = variance.standard_error([of_images, *squares], freedoms)
    apart: NDArray[np.bool_] = (
        np.abs(scored.total[:, None] - scored.total[None, :]) > student.ppf((1 + CONFIDENCE) / 2, freedom) * error
    )
    np.fill_diagonal(apart, False)
    return apart


def _too_few(devices: int) -> str:
    """Return why there are too few devices; "" if there are enough."""
    few = f"{plural(devices, 'device')} with all 24 instances: at least {FEWEST} are needed"
    return few if devices < FEWEST else ""


def _comparison(evidence: Evidence) -> list[ClaimPart]:
    """Return the share of pairs of devices that their scores distinguish."""
    name = "pairs of devices that their scores distinguish"
    scored, why = scores(evidence)
    if why := why or _too_few(len(scored)):
        return [ClaimPart(name, Estimate(why=why), NEARLY_ALL)]
    n = len(scored)
    apart = distinguishable(scored).sum(axis=1)
    share_apart = float(apart.sum() / (n * (n - 1)))
    without = (apart.sum() - 2 * apart) / ((n - 1) * (n - 2))
    _, low, high = latency.mean_over_devices(n * share_apart - (n - 1) * without)  # pseudo-values
    return [ClaimPart(name, share(share_apart, low, high, n * (n - 1) // 2, n), NEARLY_ALL)]


def _ranking(evidence: Evidence) -> list[ClaimPart]:
    """Return the share of neighbours in the ranking that their scores distinguish."""
    name = "neighbours in the ranking that their scores distinguish"
    scored, why = scores(evidence)
    if why := why or _too_few(len(scored)):
        return [ClaimPart(name, Estimate(why=why), MOST)]
    order = np.argsort(-scored.total)
    apart = distinguishable(scored)[order[:-1], order[1:]]
    low, high = clopper_pearson(int(apart.sum()), len(apart))
    return [ClaimPart(name, Estimate(float(apart.mean()), low, high, len(scored)), MOST)]


VIPS_CLAIMS = [
    Claim(
        id="6a",
        short="Scores distinguish any two devices",
        text="The score compares any two devices directly.",
        quote="The AI scores enable a direct comparison [...] of different devices",
        rule="share of the pairs of devices with all 24 instances whose scores differ by more than the choice of "
        "images and other runs can make (95% interval of each difference, paired by image): over 90%, our choice; "
        "interval of a jackknife over 5 devices or more",
        find=_comparison,
        **_TABLE_IV,
    ),
    Claim(
        id="6b",
        short="Scores rank the devices",
        text="The score ranks the devices.",
        quote="The AI scores enable a direct [...] ranking of different devices",
        rule="share of the neighbours in the ranking whose scores differ by more than the choice of images and "
        "other runs can make (95% interval of each difference, paired by image): over a half, our choice, with the "
        "exact binomial interval, over 5 devices or more",
        find=_ranking,
        **_TABLE_IV,
    ),
]
