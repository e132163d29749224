"""The smallest differences in time, accuracy and VIPS that the data can show, and what smaller ones require.

`resolution` gives the smallest true difference that measurements with the noise of a device show (see `noise`), and
`needed` how many images or sessions are required to show a given difference. A difference counts as resolved where a
two-sided test at 5 % detects it in 80 % of all cases (see `power`).

Times vary as in `variance`: with n images and s sessions per side, the squared standard error of the logarithm of a
ratio is within / (n s) + runs / s. More images reduce only the first term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import t as student

from aiot_analysis.stats import accuracy, power, variance
from aiot_analysis.stats.noise import Row
from aiot_analysis.words import ALPHA

MOST_IMAGES = 50_000  # size of the validation set of ImageNet
MOST_SESSIONS = 100

TIME, CORRECT, SCORE = "time", "accuracy", "vips"
METRICS = (TIME, CORRECT, SCORE)
SAME_SESSION = "two instances of a device"
APART = "two devices or versions"
SAME_IMAGES = "two instances, same images"
DEVICES = "two devices or versions, same images"
OTHER_IMAGES = "other images on each side"
COMPARISONS = [
    (TIME, SAME_SESSION), (TIME, APART), (CORRECT, SAME_IMAGES), (CORRECT, DEVICES), (CORRECT, OTHER_IMAGES),
    (SCORE, APART),
]  # fmt: skip

COLUMNS = ["device_id", "metric", "comparison", "images", "sessions", "resolves", "half_width"]
COLUMNS += ["comparisons", "resolves_corrected"]
NEEDS = ["device_id", "metric", "comparison", "difference", "comparisons"]
NEEDS += [f"{name}{end}" for end in ("", "_corrected") for name in ("images", "runs", "sessions")]


def resolution(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the smallest difference that the data show, one row per device and comparison of COMPARISONS.

    Takes the frame of `noise.measured`. Columns are COLUMNS: images and sessions per side; resolves (the smallest
    difference that a single test detects), half_width (of the 95 % interval where there is no difference), comparisons
    (the number of tests that pages and `aiot compare` correct for) and resolves_corrected. Times and VIPS are a share
    of the smaller side; accuracy is a fraction of 1. Null where nothing is resolved, for example with too few images.

    Two instances of a device are compared on the pages, with one run of each and against a single base: `comparisons`
    is the number of other instances. Two devices or versions are compared by `aiot compare`, over sessions if each side
    has enough, with two metrics for each instance. Accuracy of several devices is compared on a page, in each instance
    against one reference. Scores are compared for the ranks, each with each other.
    """
    table = []
    for device in measured.to_dict("records"):
        for metric, comparison in COMPARISONS:
            if not _applies(device, comparison) or (metric == SCORE and np.isnan(device["score_within"])):
                continue
            tests = _tests(device, metric, comparison)
            design = device["images"], device["sessions"] if comparison == APART else 1
            single, corrected = (
                smallest(device, metric, comparison, *design, *test) for test in ((ALPHA, 1), _corrected(device, tests))
            )
            width = _half_width(device, metric, comparison, *design)
            table.append([device["device_id"], metric, comparison, *design, single, width, tests, corrected])
    return pd.DataFrame(table, columns=COLUMNS)


def _applies(device: Row, comparison: str) -> bool:
    """Return whether the device has enough instances for the comparison."""
    return comparison not in (SAME_SESSION, SAME_IMAGES) or device["instances"] > 1


def _tests(device: Row, metric: str, comparison: str) -> int:
    """Return how many tests of the metric and comparison are corrected for together."""
    instances, devices = int(device["instances"]), int(device["devices"])
    if metric == SCORE:
        return max(devices * (devices - 1) // 2, 1)
    if comparison == DEVICES and devices > 1:
        return instances * (devices - 1)
    return instances - 1 if comparison in (SAME_SESSION, SAME_IMAGES) else 2 * instances


def _corrected(device: Row, tests: int) -> tuple[float, int]:
    """Return the level of each of so many tests, and the number of instances that are compared."""
    return ALPHA / tests, int(device["instances"])


def smallest(
    device: Row,
    metric: str,
    comparison: str,
    images: int,
    sessions: int = 1,
    alpha: float = ALPHA,
    instances: int = 1,
) -> float:
    """Return the smallest difference that a test at `alpha` detects with this many images and sessions per side.

    `device` is a row of `noise.measured`. If several `instances` are compared over the same sessions, their times
    jointly show how sessions differ. NaN if no difference is detected.
    """
    if metric == CORRECT:
        if comparison == OTHER_IMAGES:
            return power.unpaired_change(images, device["accuracy"], alpha)
        share = device["discordant_devices" if comparison == DEVICES else "discordant"]
        return power.paired_change(images, share, alpha)
    error, freedom = _error(device, metric, comparison, images, sessions)
    units = _units(comparison, sessions)
    if units and metric == TIME and instances > 1:
        ways = (power.detectable_over_sessions(units, instances, way, alpha) for way in _shared(device, images))
        return float(np.expm1(max(ways) * error))
    reach = power.detectable_by_welch(units, alpha) if units else power.detectable(freedom, alpha)
    return float(np.expm1(reach * error))


def _shared(device: Row, images: int) -> list[float]:
    """Return the share of the variance of a session that all instances have in common, rounded to a tenth.

    An allowance for what runs add covers both ways in which runs may differ; there are then two values.
    """
    apart_runs, same_runs = device["apart_runs"], device["same_runs"]
    variances = [0.0, apart_runs] if np.isinf(device["apart_freedom"]) else [max(apart_runs - same_runs, 0.0)]
    total = device["within"] / images + apart_runs
    return [round(way / total, 1) if total > 0 else 0.0 for way in variances]


def _units(comparison: str, sessions: int) -> int:
    """Return how many sessions per side Welch's test of `aiot compare` uses as its sample; 0 if there are too few."""
    return sessions if comparison == APART and 2 * (sessions - 1) >= variance.MIN_FREEDOM else 0


def _error(device: Row, metric: str, comparison: str, images: int, sessions: int) -> tuple[float, float]:
    """Return the standard error of a log ratio, and its degrees of freedom.

    From `variance.MIN_FREEDOM` on, the sessions themselves show how they differ: within a device through all its
    instances, otherwise on each side separately. Below that, a single session counts, and what runs add is taken from
    `noise.measured`.
    """
    kind = "score" if metric == SCORE else "same" if comparison == SAME_SESSION else "apart"
    within, runs = device["score_within" if metric == SCORE else "within"], device[f"{kind}_runs"]
    session_freedom = (sessions - 1) * (device["instances"] - 1 if kind == "same" else 2)
    if session_freedom >= variance.MIN_FREEDOM:
        return float(np.sqrt((within / images + runs) / sessions)), float(session_freedom)
    squares = [np.array([within / images]), np.array([runs])]
    freedoms = [np.array([max(images * device["worth"] - 1, 1.0)]), np.array([device[f"{kind}_freedom"]])]
    [error], [freedom] = variance.standard_error(squares, freedoms)
    return float(error), float(freedom)


def _half_width(device: Row, metric: str, comparison: str, images: int, sessions: int) -> float:
    """Return half the width of the 95 % interval where there is no difference.

    For a ratio it is the distance of the upper end from 1.
    """
    if metric != CORRECT:
        error, freedom = _error(device, metric, comparison, images, sessions)
        units = _units(comparison, sessions)
        freedoms, weights = power.welch_freedoms(units) if units else (np.array([freedom]), np.ones(1))
        return float(np.expm1(weights @ student.isf(ALPHA / 2, freedoms) * error))
    p = device["accuracy"]
    if comparison == OTHER_IMAGES:  # the discordant share of two independent sides
        share = 2 * p * (1 - p)
    else:
        share = min(device["discordant_devices" if comparison == DEVICES else "discordant"], 2 * p, 2 * (1 - p))
    cells = np.array([p - share / 2, share / 2, share / 2, 1 - p - share / 2]) * images
    low, high = accuracy.newcombe(*cells)
    return float(high - low) / 2


def needed(measured: pd.DataFrame, wanted: Mapping[str, float]) -> pd.DataFrame:
    """Return what it takes to detect the differences `wanted`, by metric: one row per device and comparison.

    A difference is a fraction (0.03 of a time or of VIPS, 0.02 for two points of accuracy). Columns are device_id,
    metric, comparison, difference and the following, for a single test and, with _corrected, for the `comparisons` of
    `resolution`:

    - images: the fewest images with which one run per side detects it; null if more than MOST_IMAGES are required.
    - runs: the number of runs in one session, each with the present number of images, that together provide as many.
    - sessions: the fewest sessions with the present number of images; null if more than MOST_SESSIONS are required, and
      for accuracy, since other sessions show the same images.
    """
    table = []
    for device in measured.to_dict("records"):
        for metric, comparison in COMPARISONS:
            if metric not in wanted or not _applies(device, comparison):
                continue
            if metric == SCORE and np.isnan(device["score_within"]):
                continue
            difference, tests = wanted[metric], _tests(device, metric, comparison)
            row = {"device_id": device["device_id"], "metric": metric, "comparison": comparison}
            row |= {"difference": difference, "comparisons": tests}
            for end, test in (("", (ALPHA, 1)), ("_corrected", _corrected(device, tests))):
                numbers = _needs(device, metric, comparison, difference, *test)
                row |= {f"{name}{end}": number for name, number in numbers.items()}
            table.append(row)
    return pd.DataFrame(table, columns=NEEDS).astype(dict.fromkeys(NEEDS[5:], "Int64"))


def _needs(device: Row, metric: str, comparison: str, difference: float, alpha: float, instances: int) -> Row:
    """Return the images, runs and sessions that `needed` lists for one test at the level `alpha`."""

    def finds(images: int, sessions: int = 1) -> bool:
        """Return whether this many images and sessions per side detect the difference."""
        if metric != CORRECT:
            return smallest(device, metric, comparison, images, sessions, alpha, instances) <= difference
        if comparison == OTHER_IMAGES:
            return power.unpaired_power(images, difference, device["accuracy"], alpha) >= power.POWER
        share = device["discordant_devices" if comparison == DEVICES else "discordant"]
        return power.mcnemar_power(images, difference, share, alpha) >= power.POWER

    images = _fewest(finds, 2, MOST_IMAGES)
    sessions = None
    if metric != CORRECT:
        sessions = 1 if finds(device["images"]) else _fewest(lambda n: finds(device["images"], n), 2, MOST_SESSIONS)
    return {"images": images, "runs": images and -(-images // device["images"]), "sessions": sessions}


def _fewest(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """Return the smallest number from `least` to `most` that is enough, by bisection; None if none is."""
    if not enough(most):
        return None
    low, high = least - 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
