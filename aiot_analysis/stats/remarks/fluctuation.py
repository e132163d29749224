"""How accuracy fluctuates across devices: whether, how much, and in which pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.names import instance_display
from aiot_analysis.stats import resample
from aiot_analysis.stats.remarks.claim import Estimate, Part, Region
from aiot_analysis.stats.remarks.evidence import Evidence, level
from aiot_analysis.words import plural

FEWEST = 5  # devices for a standard deviation or a correlation over devices
MOST = (0.5, math.inf)
UNLIKE = (-math.inf, 0.7)  # correlation: they share less than half of their variance

Floats = NDArray[np.float64]


def different(evidence: Evidence, instances: Sequence[str], of: str) -> list[Part]:
    """The share of instances whose accuracy is not the same on all devices.

    All devices show the same images and the networks have no randomness, so one image more or less is a difference.
    The interval is of a bootstrap over the images, drawn alike for all devices: what other images would show.
    """
    found, reasons = {}, []
    for one in instances:
        right, why = evidence.answers(one)
        if why or len(right) < 2:
            reasons.append(why or "one device: nothing can differ")
        else:
            found[one] = right
    if not found:
        return [Part(of, Estimate(why=reasons[0]), MOST)]
    spreads, draws = [], []
    for right in found.values():
        table = np.unique(right.to_numpy(float), axis=0)  # devices that answer alike are one
        spreads.append(100 * float(np.ptp(table.mean(axis=1))))
        drawn = resample.weights(table.shape[1], seed=evidence.seed) @ table.T
        draws.append(np.ptp(drawn, axis=1) > 1e-12)
    most = instance_display(list(found)[int(np.argmax(spreads))])
    name = (
        f"{of} whose accuracy differs between devices, of {len(found)} (by {np.median(spreads):.1f} points in the "
        f"median, at most {max(spreads):.1f}: {most})"
    )
    low, high = resample.interval(np.mean(draws, axis=0))
    effect = float(np.mean(np.array(spreads) > 1e-9))
    devices = min(len(one) for one in found.values())
    return [Part(name, Estimate(effect, min(low, effect), max(high, effect), devices), MOST)]


def accuracies(evidence: Evidence, instances: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """Accuracy in percent, device x instance, of the devices that have all instances there are; or why there is none.

    Instances that no device has are left out.
    """
    found, reasons = {}, []
    for one in instances:
        right, why = evidence.answers(one)
        if why:
            reasons.append(why)
        else:
            found[one] = 100 * right.mean(axis=1)
    if not found:
        return pd.DataFrame(), reasons[0]
    table = pd.DataFrame(found).dropna()
    few = f"{plural(len(table), 'device')} with the same instances: at least {FEWEST} are needed"
    return table, few if len(table) < FEWEST else ""


def spread_apart(evidence: Evidence, groups: Sequence[tuple[str, Sequence[str], Sequence[str]]]) -> list[Part]:
    """How much more one group of instances fluctuates than another, a part per (name, more, less).

    The difference of the mean standard deviations of accuracy over devices, in percentage points; the interval is of
    a bootstrap over devices.
    """
    every = dict.fromkeys(one for _, *sides in groups for side in sides for one in side)
    table, why = accuracies(evidence, list(every))
    found = []
    for name, *sides in groups:
        there = [[one for one in side if one in table] for side in sides]
        empty = [side for side, some in zip(sides, there, strict=True) if not some]
        lack = why or (evidence.lacking(*empty[0]) or "not comparable" if empty else "")
        if lack:
            found.append(Part(name, Estimate(why=lack), (0.0, math.inf)))
            continue
        sds, drawn = _deviations(table, evidence.seed)
        more, less = (table.columns.isin(some) for some in there)
        effect = float(sds[more].mean() - sds[less].mean())
        apart = drawn[:, more].mean(axis=1) - drawn[:, less].mean(axis=1)
        low, high = map(float, resample.interval(apart, level(len(groups))))
        found.append(Part(name, Estimate(effect, min(low, effect), max(high, effect), len(table)), (0.0, math.inf)))
    return found


def _deviations(table: pd.DataFrame, seed: int) -> tuple[Floats, Floats]:
    """Standard deviation of each column, (columns,), and of each resample of the rows, (resamples, columns)."""
    values = table.to_numpy(float) - table.to_numpy(float).mean(axis=0)
    n = len(values)
    weights = resample.weights(n, seed=seed)
    variance = weights @ values**2 - (weights @ values) ** 2
    return values.std(axis=0, ddof=1), np.sqrt(np.maximum(variance, 0) * n / (n - 1))


def patterns(evidence: Evidence, name: str, pairs: Sequence[tuple[str, str]], claimed: Region = UNLIKE) -> list[Part]:
    """How alike accuracy goes up and down across devices in both instances of a pair: mean correlation over the pairs.

    Pearson's correlation over devices; the interval is of a bootstrap over devices. A pair with an instance that has
    the same accuracy everywhere has no pattern, and is left out.
    """
    table, why = accuracies(evidence, list(dict.fromkeys(one for pair in pairs for one in pair)))
    there = [pair for pair in pairs if all(one in table and np.ptp(table[one]) > 0 for one in pair)]
    if why or not there:
        return [Part(name, Estimate(why=why or "no two of them fluctuate"), claimed)]
    left, right = (table[[pair[side] for pair in there]].to_numpy(float) for side in (0, 1))
    same = np.full((1, len(table)), 1 / len(table))
    effect = float(np.nanmean(_correlations(left, right, same)))
    drawn = _correlations(left, right, resample.weights(len(table), seed=evidence.seed))
    varies = ~np.isnan(drawn)
    told = varies.any(axis=1)  # a draw in which nothing varies has no pattern
    low, high = map(float, resample.interval(np.nansum(drawn[told], axis=1) / varies[told].sum(axis=1)))
    label = f"{name} ({plural(len(there), 'pair')})"
    return [Part(label, Estimate(effect, min(low, effect), max(high, effect), len(table)), claimed)]


def _correlations(left: Floats, right: Floats, weights: Floats) -> Floats:
    """Pearson's correlation of each column under each row of weights, (resamples, columns)."""
    x, y = left - left.mean(axis=0), right - right.mean(axis=0)
    mean_x, mean_y = weights @ x, weights @ y
    covariance = weights @ (x * y) - mean_x * mean_y
    variance = np.maximum((weights @ x**2 - mean_x**2) * (weights @ y**2 - mean_y**2), 0)
    nothing = np.full_like(covariance, np.nan)
    return np.divide(covariance, np.sqrt(variance), out=nothing, where=variance > 1e-12)
