"""Fluctuation of accuracy across devices: whether it exists, its size and its pattern."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import f as fisher
from statsmodels.stats.multitest import multipletests

from aiot_analysis.stats import intervals
from aiot_analysis.stats.accuracy import answer_noise
from aiot_analysis.stats.intervals import level
from aiot_analysis.stats.remarks.claim import ClaimPart, Region
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence, implementation_words
from aiot_analysis.tables.names import instance_display
from aiot_analysis.words import ALPHA, plural

FEWEST = 5  # minimum number of devices for a standard deviation or a correlation over devices
MOST = (0.5, math.inf)
UNLIKE = (-math.inf, 0.7)  # correlation: they share less than half of their variance
BEYOND_NOISE = (
    f"whose accuracy differs between {FEWEST} devices or more, on the same images, by more than repeated answers of "
    "one device vary (tests at 5% together): over a half. It needs a second run on some device, and a number for at "
    "least half of the combinations"
)
OWN_PATTERN = (
    "mean over all pairs, corrected for what does not repeat from run to run (or, without second runs, from image to "
    "image): under 0.7 (less than half of the variance is shared, our choice), by a jackknife over "
    f"{FEWEST} devices or more. It needs a pattern that repeats"
)

Floats = NDArray[np.float64]
Sides = tuple[Sequence[str], Sequence[str]]


def too_few(devices: int) -> str:
    """Return the reason why a statistic over so many devices has no number."""
    return f"{plural(devices, 'comparable device')}: at least {FEWEST} are needed"


def share_of_different(evidence: Evidence, instances: Sequence[str], what: str) -> list[ClaimPart]:
    """Return the share of instances whose accuracy differs between devices by more than one device's answers vary.

    The low end of the interval is the share that surely differs (see `_p_values`, corrected by Holm's method over the
    instances); the high end is the share with an answer that is not the same on all devices. Requires FEWEST devices,
    and a number for at least half of the instances. If no device was run twice and an answer differs for more than half
    of the instances, nothing is known but that, and there is no number.

    Simulations used 100 fleets each, of 8 devices with two runs of 24 instances on 500 images. The claim never held
    where answers flipped at random with a probability of 0.2 or 2%, and some instance surely differed in 0 and 6% of
    the fleets. If accuracies had a standard deviation of 3 points over devices, with flips of 0.2%, it held in all of
    60 fleets in which all devices had two runs, and in all of 60 in which one device had.
    """
    right: dict[str, Floats] = {}
    reasons: list[str] = []
    for instance_id in instances:
        answers, why = evidence.answers(instance_id)
        if not why and len(answers) < FEWEST:
            reasons.insert(0, too_few(len(answers)))
        elif why:
            reasons.append(why)
        else:
            right[instance_id] = answers.to_numpy(float)
    if not right:
        return [ClaimPart(what, Estimate(why=reasons[0]), MOST)]
    if 2 * len(right) < len(instances):
        few = f"{len(right)} of {len(instances)} {what} have a number: at least half are needed"
        return [ClaimPart(what, Estimate(why=f"{few} ({reasons[0]})"), MOST)]
    chances, why = _p_values(evidence, right)
    surely = multipletests(chances, ALPHA, method="holm")[0]
    spreads = np.array([100 * np.ptp(answers.mean(axis=1)) for answers in right.values()])
    any_differs = [np.ptp(answers, axis=0).any() for answers in right.values()]
    effect, low, high = (float(np.mean(numbers)) for numbers in (spreads > 1e-9, surely, any_differs))
    worst = instance_display(list(right)[int(np.argmax(spreads))])
    name = (
        f"{what} whose accuracy differs between devices, of {len(right)} (by {np.median(spreads):.1f} points in the "
        f"median, at most {max(spreads):.1f}: {worst}), {surely.sum()} of them by more than one device varies"
    )
    devices = min(len(answers) for answers in right.values())
    is_open = low <= MOST[0] < high
    if is_open and evidence.again.variation.empty:  # the interval would start at 0 whatever the answers are
        return [ClaimPart(name, Estimate(why=why), MOST)]
    return [ClaimPart(name, Estimate(effect, low, high, devices, why if is_open else ""), MOST)]


def _p_values(evidence: Evidence, right: dict[str, Floats]) -> tuple[Floats, str]:
    """Return the p-value of each instance for no difference between devices but noise, and where noise is unknown.

    Takes right or wrong for each instance, (devices, images). Noise is the variation between repeated answers of one
    device: that of all models of the framework if none of their answers ever changed, otherwise that of the instance
    itself if it was repeated.

    Where answers changed, an F test compares the variance of the accuracy over devices with the variance of one
    device's accuracy. Where none of R repeated answers changed, answers are counted: if they did change by chance, the
    probability that all of the B answers that differ from the majority's are among the A answers compared, and none
    among the R repeated ones, is at most (A / (A + R))^B. With 8 devices and 500 images (A = 4,000) and two runs of six
    models on each device (R = 48,000) it is below 0.001 for B = 3. The p-value is 1 for an instance of a framework
    without repeats, and for one whose accuracy is the same on all devices.
    """
    variation = evidence.again.variation
    variation = variation.assign(framework=variation["instance_id"].map(implementation_words))
    by_framework, by_instance = (answer_noise(variation, by).to_dict("index") for by in ("framework", "instance_id"))
    chances, unknown = [], []
    for instance_id, answers in right.items():
        devices, images = answers.shape
        accuracy = answers.mean(axis=1)
        noise = by_framework.get(implementation_words(instance_id))
        if noise is None:
            unknown.append(implementation_words(instance_id))
            chances.append(1.0)
            continue
        if noise["changed"]:
            noise = by_instance.get(instance_id, noise)
        if np.ptp(accuracy) < 1e-9:
            chances.append(1.0)
        elif not noise["changed"]:
            unlike = float(np.minimum(answers.sum(axis=0), devices - answers.sum(axis=0)).sum())
            chances.append((answers.size / (answers.size + noise["repeated"])) ** unlike)
        else:
            ratio = accuracy.var(ddof=1) / (noise["variance"] / images)
            chances.append(float(fisher.sf(ratio, devices - 1, noise["freedom"])))
    if variation.empty:
        return np.array(chances), "no device was run twice"
    return np.array(chances), f"no device ran {', '.join(dict.fromkeys(unknown))} twice" if unknown else ""


def _comparable_answers(evidence: Evidence, instances: Sequence[str]) -> tuple[dict[str, pd.DataFrame], str]:
    """Return right or wrong, device x image, of each instance on the devices that have all of them.

    If too few devices have all of them, the reason is returned too. Instances that no device has are excluded.
    """
    right, reasons = {}, []
    for instance_id in instances:
        answers, why = evidence.answers(instance_id)
        if why:
            reasons.append(why)
        else:
            right[instance_id] = answers
    if not right:
        return {}, reasons[0]
    devices = pd.Index(sorted(set.intersection(*(set(answers.index) for answers in right.values()))))
    few = too_few(len(devices)) if len(devices) < FEWEST else ""
    return {instance_id: answers.loc[devices] for instance_id, answers in right.items()}, few


def spread_apart(evidence: Evidence, groups: Sequence[tuple[str, Sequence[Sides]]], kind: str) -> list[ClaimPart]:
    """Return how much more one side of instances fluctuates than another, one part per (name, pairs of sides).

    The effect is the difference of the standard deviations of accuracy over devices, in percentage points: the mean
    over the instances of a side, and the mean over the pairs of which both sides were measured. The interval is that of
    a bootstrap over devices. `kind` says what the two sides of a pair have in common, like "model".
    """
    all_instances = dict.fromkeys(
        instance_id for _, pairs in groups for sides in pairs for side in sides for instance_id in side
    )
    right, why = _comparable_answers(evidence, list(all_instances))
    accuracy = pd.DataFrame({instance_id: 100 * answers.mean(axis=1) for instance_id, answers in right.items()})
    parts = []
    for name, pairs in groups:
        measured = [
            [[instance_id for instance_id in side if instance_id in accuracy] for side in sides] for sides in pairs
        ]
        complete = [sides for sides in measured if all(sides)]
        if why or not complete:
            parts.append(
                ClaimPart(name, Estimate(why=why or _no_pair(evidence, pairs, accuracy, kind)), (0.0, math.inf))
            )
            continue
        sds, drawn = _deviations(accuracy, evidence.seed)
        weights = sum(_mean_of(accuracy, more) - _mean_of(accuracy, less) for more, less in complete) / len(complete)
        effect = float(sds @ weights)
        low, high = map(float, intervals.percentile_interval(drawn @ weights, level(len(groups))))
        estimate = Estimate(effect, min(low, effect), max(high, effect), len(accuracy))
        parts.append(ClaimPart(f"{name} ({plural(len(complete), kind)})", estimate, (0.0, math.inf)))
    return parts


def _no_pair(evidence: Evidence, pairs: Sequence[Sides], accuracy: pd.DataFrame, kind: str) -> str:
    """Return why there is no pair of which both sides were measured."""
    for sides in zip(*pairs, strict=True):
        instances = [instance_id for side in sides for instance_id in side]
        if not any(instance_id in accuracy for instance_id in instances):
            return evidence.lacking(*instances) or "not comparable"
    return f"there is no {kind} of which both were measured"


def _mean_of(table: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Return the weights of all columns of `table` that give the mean over `columns`."""
    return table.columns.isin(columns) / len(columns)


def _deviations(table: pd.DataFrame, seed: int) -> tuple[Floats, Floats]:
    """Return the standard deviation of each column, overall and in each resample of the rows.

    The shapes are (columns,) and (resamples, columns).
    """
    values = table.to_numpy(float) - table.to_numpy(float).mean(axis=0)
    n = len(values)
    weights = intervals.bootstrap_weights(n, seed=seed)
    variance = weights @ values**2 - (weights @ values) ** 2
    return values.std(axis=0, ddof=1), np.sqrt(np.maximum(variance, 0) * n / (n - 1))


def patterns(
    evidence: Evidence, name: str, pairs: Sequence[tuple[str, str]], claimed: Region = UNLIKE
) -> list[ClaimPart]:
    """Return how similarly accuracy varies across devices in the two instances of a pair.

    The result is the mean correlation over the pairs, corrected for noise, with its jackknife interval: see
    `intervals.likeness`. Noise is what does not repeat: from run to run if at least FEWEST devices, and half of all,
    have two runs of all instances; otherwise from image to image. There is no number if no pattern repeats.

    Simulations used 24 instances on 500 images. Where answers only flip at random (0.2%), a pattern seemed to repeat
    in 0.5 to 2% of 200 to 300 fleets of 8 and of 24 devices, with one run and with two, and the claim held in none.
    With one pattern common to all instances (standard deviation 0.3 to 3 points; 5, 8 and 24 devices) it held in none
    of 300, and at a true correlation of 0.7 in at most 2.3%. With independent patterns of 3 points it held in all of
    300 fleets of 8 devices and of 200 of 24.
    """
    right, why = _comparable_answers(
        evidence, list(dict.fromkeys(instance_id for pair in pairs for instance_id in pair))
    )
    measured = [(left, other) for left, other in pairs if left in right and other in right]
    if why or not measured:
        return [ClaimPart(name, Estimate(why=why or "no two of them were measured"), claimed)]
    right = {
        instance_id: right[instance_id]
        for instance_id in dict.fromkeys(instance_id for pair in measured for instance_id in pair)
    }
    values, units = _units_of_repetition(evidence, right)
    if values.shape[1] < 2:
        return [ClaimPart(name, Estimate(why="the instances have no two images in common"), claimed)]
    place = {instance_id: index for index, instance_id in enumerate(right)}
    likeness = intervals.likeness(values, [(place[left], place[other]) for left, other in measured])
    if not likeness.repeats:
        return [ClaimPart(name, Estimate(why=f"no pattern that repeats from {units} to {units}"), claimed)]
    label = f"{name} ({plural(len(measured), 'pair')}, corrected for what does not repeat from {units} to {units})"
    return [ClaimPart(label, Estimate(likeness.correlation, likeness.low, likeness.high, len(values)), claimed)]


def _units_of_repetition(evidence: Evidence, right: dict[str, pd.DataFrame]) -> tuple[Floats, str]:
    """Return accuracy by run or answers by image, (devices, units, instances), and which of the two the units are."""
    runs = _latest_two_runs(evidence, right)
    devices = len(next(iter(right.values())))
    if len(runs) >= max(FEWEST, devices / 2):
        return runs, "run"
    images = sorted(set.intersection(*(set(answers.columns) for answers in right.values())))
    return np.stack([answers[images].to_numpy(float) for answers in right.values()], axis=2), "image"


def _latest_two_runs(evidence: Evidence, right: dict[str, pd.DataFrame]) -> Floats:
    """Return the accuracy in the latest two runs on all images, for devices with two such runs of all instances.

    The shape is (devices, 2, instances).
    """
    keys = ["device_id", "instance_id", "run_id"]
    runs = evidence.again.runs.sort_values(keys)
    images = runs["instance_id"].map({instance_id: answers.shape[1] for instance_id, answers in right.items()})
    runs = runs[runs["images"] == images]
    latest = runs.groupby(keys[:2]).tail(2)
    latest = latest.assign(turn=latest.groupby(keys[:2]).cumcount())
    wide = latest.pivot(index="device_id", columns=["turn", "instance_id"], values="accuracy")
    wide = wide.reindex(columns=pd.MultiIndex.from_product([[0, 1], list(right)])).dropna()
    return wide.to_numpy(float).reshape(len(wide), 2, len(right))
