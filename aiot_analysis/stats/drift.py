"""Whether times change along a run: trends, changes in level, first images, and the order of instances."""

from __future__ import annotations

from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, rankdata, theilslopes
from statsmodels.regression.linear_model import OLS

from aiot_analysis.errors import DataError
from aiot_analysis.stats import variance
from aiot_analysis.tables import along, dependence, select
from aiot_analysis.tables.names import BURST_UNITS
from aiot_analysis.words import ALPHA, CONFIDENCE, plural

Floats = NDArray[np.float64]

NULL_LENGTH = 256
"""Length of the series from which the distribution under no change is drawn; it hardly depends on it from 50 to 1000.
"""
NULL_SERIES = 20_000


def change_statistics(values: Floats) -> Floats:
    """Return the self-normalized Wilcoxon statistic of series (m, n) after each k of n values, (m, n - 1).

    Here k = 1 ... n - 1. With R the ranks less their mean and S(a, b) = R_a + ... + R_b,

        G(k) = |S(1, k)| / sqrt(V(k)),
        V(k) = (sum_{t<=k} [S(1, t) - t/k S(1, k)]^2 + sum_{t>k} [S(t, n) - (n-t+1)/(n-k) S(k+1, n)]^2) / n.

    Its square is Shao and Zhang's statistic of ranks. It is 0 everywhere for a series of equal values.
    """
    m, n = values.shape
    # centred and scaled so that sums stay small for any length, neither of which changes the statistic
    ranks = (rankdata(values, axis=1) - (n + 1) / 2) / n
    sums, left = _halves(ranks)
    right = _halves(ranks[:, ::-1])[1][:, ::-1]
    scale = np.sqrt(np.maximum(left + right, 0) / n)
    ratio: Floats = np.divide(np.abs(sums), scale, out=np.zeros((m, n - 1)), where=scale > 1e-9)
    return ratio


def _halves(ranks: Floats) -> tuple[Floats, Floats]:
    """Return S(1, k) and the first sum of V(k) for k = 1 ... n - 1, from running sums."""
    n = ranks.shape[1]
    t = np.arange(1.0, n + 1)
    sums = np.cumsum(ranks, axis=1)
    squares, products, ts = np.cumsum(sums**2, axis=1), np.cumsum(t * sums, axis=1), np.cumsum(t**2)
    slope = sums / t
    return sums[:, :-1], (squares - 2 * slope * products + slope**2 * ts)[:, :-1]


@lru_cache(maxsize=4)
def null_maxima(seed: int = 0) -> Floats:
    """Return the sorted maxima of G(k) of NULL_SERIES series in random order: the distribution without a change.

    Owing to the ranks it is the same for every distribution of the values and, in long series, owing to
    self-normalization also for every short-range dependence between them. Its squares at 10, 5 and 1% are 29.6, 40.1
    and 68.6 in Shao and Zhang's Table 1.
    """
    rng = np.random.default_rng(seed)
    series = np.tile(np.arange(NULL_LENGTH, dtype=float), (1000, 1))
    maxima = [change_statistics(rng.permuted(series, axis=1)).max(axis=1) for _ in range(NULL_SERIES // 1000)]
    return np.sort(np.concatenate(maxima))


def largest_change(values: Floats, seed: int = 0) -> tuple[NDArray[np.int64], Floats]:
    """Return where each series (m, n) changes most, and the p-value of any change, (m,) each.

    The position is the number of values before the change. The p-value is the share of series in random order with a
    statistic at least as large, and at least 1 / (NULL_SERIES + 1).
    """
    g = change_statistics(values)
    largest = g.max(axis=1)
    above = NULL_SERIES - np.searchsorted(null_maxima(seed), largest, side="left")
    return g.argmax(axis=1) + 1, (above + 1) / (NULL_SERIES + 1)


KEY = along.KEY

TESTS = 2  # per instance: a trend and a change in level
MATERIAL = 0.05
"""Smallest change, as a share of the time, that is called slower or faster. By the rules of MLPerf Mobile, a result
counts as repeatable within it.
"""
FINDINGS = ("slower", "faster", "small drift", "no drift seen", "cannot be decided")
SLOWER, FASTER, SMALL, NONE_SEEN, OPEN = FINDINGS
TREND = ["drift", "drift_low", "drift_high", "drift_p"]
CHANGE = ["change_at", "change_s", "before_ms", "after_ms", "change", "change_p"]
_NOTHING = pd.DataFrame(columns=[*KEY, "images", "tests", *TREND, *CHANGE], dtype=float).astype(dict.fromkeys(KEY, str))


def drifts(
    images: pd.DataFrame, timing: str = "inference", material: float = MATERIAL, level: float = ALPHA, seed: int = 0
) -> pd.DataFrame:
    """Return the trend of the time, its largest change in level and a finding, one row per run x instance.

    Takes image records. The first image is excluded; images that failed or have no time are excluded (`along.left_out`
    lists them). Columns, besides run_id, device_id and instance_id, are

    - images: number of images used.
    - drift, drift_low, drift_high: change of the time from the start of the run to its end, as a share of the median
      (0.1: 10% slower): Theil and Sen's slope (`scipy.stats.theilslopes`) through the medians of `along.loops`, with
      an interval at the level of the corrected test. drift_p: Mann and Kendall's test for a trend of the same medians,
      of which Sen's interval is the inverse (see `_trend`).
    - change_at: the query from which on the level differs; change_s: its time in s since the first query, null if the
      clock is unreliable; before_ms, after_ms: the medians before and after; change: after over before, less 1.
      change_p: see `changepoint`.
    - drift_p_adjusted, change_p_adjusted: the p-values times the number of tests of a device's run (Bonferroni), which
      is TESTS per instance. drift_p_adjusted is below `level` exactly when the interval of the drift excludes 0.
    - finding: `slower` or `faster` if an adjusted p-value is below `level` and its share is at least `material`;
      `small drift` if one is below `level` but no such share is that large; `no drift seen` if none is;
      `cannot be decided` if there are fewer than `along.MIN_IMAGES` images. gap: the reason in the last case; else "".
    - duration_s, clock: see `along.clocks`.

    Of 2,000 simulated runs of 500 images without drift, 5.1% had a p-value of the trend below 5% at an
    autocorrelation of 0.7, and 9.3% at 0.9; for the change it was 5.5 and 8.1%. For runs of 100 images it was 6.8 and
    16.4% for the trend, and 10.2 and 21.6% for the change.
    """
    used = along.usable(images, timing)
    query, at_s = (used[column].to_numpy(float) for column in ("query", "at_s"))
    matrices = [(keys, times) for keys, times in along.matrices(used)]
    long = [keys for keys, times in matrices if times.shape[1] >= along.MIN_IMAGES]
    sizes = pd.concat([_NOTHING, *long]).groupby(["device_id", "run_id"], observed=True).size()
    tested = []
    for keys, times in matrices:
        part = keys.assign(images=times.shape[1])
        if times.shape[1] >= along.MIN_IMAGES:
            family = TESTS * sizes.reindex(pd.MultiIndex.from_frame(keys[["device_id", "run_id"]])).to_numpy(int)
            change = _change(times, seed)
            first_after_change = keys["begin"] + change.pop("split")
            part = part.assign(change_at=query[first_after_change], change_s=at_s[first_after_change], tests=family)
            part = pd.concat([part, _trend(times, level / family), change], axis=1)
        tested.append(part)
    clocks = along.clocks(images).astype(dict.fromkeys(KEY, str))
    table = clocks.merge(pd.concat([_NOTHING, *tested]), on=KEY, how="left")
    table["images"] = table["images"].fillna(0).astype(int)
    table["change_s"] = table["change_s"].where(table["clock"] == "")
    for test in ("drift", "change"):
        table[f"{test}_p_adjusted"] = (table[f"{test}_p"] * table["tests"]).clip(upper=1)
    enough = table["images"] >= along.MIN_IMAGES
    too_few = f"{{}} images with a time after the first, but a trend needs {along.MIN_IMAGES}"
    table["gap"] = table["images"].map(too_few.format).where(~enough, "")
    table["finding"] = _findings(table, material, level)
    order = [
        "images",
        *TREND,
        "drift_p_adjusted",
        *CHANGE,
        "change_p_adjusted",
        "finding",
        "gap",
        "duration_s",
        "clock",
    ]
    return table[[*KEY, *order]].sort_values(KEY, ignore_index=True)


def _findings(tests: pd.DataFrame, material: float, level: float) -> NDArray[np.object_]:
    """Return one of FINDINGS for each row. If trend and change have opposite directions, the change decides."""
    ways, seen = [], np.zeros(len(tests), bool)
    for test in ("change", "drift"):
        share = tests[test].to_numpy(float)
        sure = tests[f"{test}_p_adjusted"].to_numpy(float) < level
        ways.append(np.where(sure & (np.abs(share) >= material), share, 0.0))
        seen |= sure
    way = np.where(ways[0] != 0, ways[0], ways[1])
    return np.select([tests["gap"] != "", way > 0, way < 0, seen], [OPEN, SLOWER, FASTER, SMALL], NONE_SEEN)


def _trend(times: Floats, alpha: Floats) -> pd.DataFrame:
    """Return the columns TREND of times (m, n), each with an interval of its own level 1 - alpha (m,).

    Sen's interval (1968) sorts the slopes between all pairs of medians and drops as many at both ends as Mann and
    Kendall's test allows. Its p-value has the continuity correction, and counts slopes of 0 against a trend, so it is
    below alpha exactly when the interval excludes 0.
    """
    medians = np.column_stack([np.median(part, axis=1) for part in along.loops(times)])
    middle = np.median(times, axis=1, keepdims=True)
    shares = np.divide(medians, middle, out=np.ones_like(medians), where=middle > 0)
    k = medians.shape[1]
    place = np.linspace(0, 1, k)  # from start to end
    slopes = [theilslopes(row, place, 1 - row_alpha)[:] for row, row_alpha in zip(shares, alpha, strict=True)]
    earlier, later = np.triu_indices(k, 1)
    steps = shares[:, later] - shares[:, earlier]
    majority = np.maximum((steps > 0).sum(axis=1), (steps < 0).sum(axis=1))
    pairs = k * (k - 1) / 2
    surplus = np.maximum(2 * majority - pairs - 1, 0)
    p_value = 2 * norm.sf(surplus / np.sqrt(pairs * (2 * k + 5) / 9))
    columns = dict(zip(["drift", "_", "drift_low", "drift_high"], np.reshape(slopes, (-1, 4)).T, strict=True))
    return pd.DataFrame({**columns, "drift_p": np.minimum(p_value, 1.0)})[TREND]


def _change(times: Floats, seed: int) -> pd.DataFrame:
    """Return the last four columns of CHANGE for times (m, n), and split.

    split is the number of images, of n, that come before the change.
    """
    split, p_value = largest_change(times, seed)
    before = np.arange(times.shape[1]) < split[:, None]
    first, then = (np.nanmedian(np.where(half, times, np.nan), axis=1) for half in (before, ~before))
    with np.errstate(divide="ignore", invalid="ignore"):  # a clock too coarse for the model gives zeros
        change = np.where(first == then, 0.0, then / first - 1)
    return pd.DataFrame({"split": split, "before_ms": first, "after_ms": then, "change": change, "change_p": p_value})


def count_findings(drifts_of_instances: pd.DataFrame) -> pd.DataFrame:
    """Return, per device, how many of its instances have each of FINDINGS, in columns of these names."""
    counts = pd.crosstab(drifts_of_instances["device_id"], drifts_of_instances["finding"]).reindex(
        columns=list(FINDINGS), fill_value=0
    )
    return counts.rename_axis(columns=None).reset_index()


def most_moved(drifts_of_instances: pd.DataFrame, most: int = 9) -> pd.DataFrame:
    """Return the slower or faster instances of the frame of `drifts`, with the largest trend or change first."""
    moved = drifts_of_instances[drifts_of_instances["finding"].isin([SLOWER, FASTER])]
    size = moved[["drift", "change"]].abs().max(axis=1)
    return moved.loc[size.sort_values(ascending=False, kind="stable").index].head(most).reset_index(drop=True)


def times_along_run(
    images: pd.DataFrame, chosen: pd.DataFrame, timing: str = "inference", most: int = 500
) -> pd.DataFrame:
    """Return the times of the instances `chosen` for drawing them along the run.

    Columns are KEY, query, ms and kind. Rows of kind `image` are single images, evenly spaced so that there are at most
    `most` of an instance. Rows of kind `loop` have the median of each of `along.loops` at the query in its middle.
    """
    used = along.usable(select.image_rows(images, chosen), timing)
    step = -(-used.groupby(KEY, observed=True)["ms"].transform("size") // most)
    single = used[used.groupby(KEY, observed=True).cumcount() % step == 0].assign(kind="image")
    parts = [single.astype(dict.fromkeys(KEY, str))]
    query = used["query"].to_numpy(float)
    for keys, times in along.matrices(used):
        queries = query[keys["begin"].to_numpy()[:, None] + np.arange(times.shape[1])]
        for middle, loop in zip(along.loops(queries), along.loops(times), strict=True):
            if loop.shape[1]:
                numbers = {"query": np.median(middle, axis=1), "ms": np.median(loop, axis=1)}
                parts.append(keys[KEY].assign(**numbers, kind="loop"))
    points = pd.concat(parts)[[*KEY, "query", "ms", "kind"]]
    return points.sort_values([*KEY, "kind", "query"], ignore_index=True)


MIN_PART = 20  # minimum number of images on each side
SUSTAINED = "sustained"  # the profile
_SUSTAINED = ["other_ms", "sustained_ms", "slowdown", "slowdown_low", "slowdown_high"]


def bursts(images: pd.DataFrame, burst: float = 50, unit: str = "images", timing: str = "inference") -> pd.DataFrame:
    """Compare the first images of a run with the remaining ones, one row per run x instance of image records.

    The burst consists of the first `burst` images after the very first, which is excluded, or of those that started in
    the first `burst` seconds. Columns are images, burst_images, burst_ms, rest_ms (means), slowdown (rest over burst:
    1.1 is 10% slower later on), slowdown_low and slowdown_high (95%, from the standard errors of both means,
    `dependence.errors`, transferred to the logarithm of their ratio; Student's t with Welch's degrees of freedom; null
    where times do not vary) and gap: fewer than MIN_PART images on a side, or an unreliable clock if `unit` is seconds.
    Raises DataError for an unknown unit or an empty burst.
    """
    if unit not in BURST_UNITS:
        raise DataError(f"A burst of {burst:g} {unit!r} is unknown: choose {' or '.join(BURST_UNITS)}.")
    if not burst > 0:
        raise DataError(f"A burst of {burst:g} {unit} has no image: choose a number above 0.")
    used = along.usable(images, timing)
    clocks = along.clocks(images).astype(dict.fromkeys(KEY, str))
    parts = []
    for keys, times in along.matrices(used):
        ends = np.full(len(times), min(burst, times.shape[1]))
        if unit == "seconds":
            at_s = used["at_s"].to_numpy(float)[keys["begin"].to_numpy()[:, None] + np.arange(times.shape[1])]
            ends = (at_s < burst).sum(axis=1)
        for end in np.unique(ends.astype(int)):
            same_end = ends.astype(int) == end
            part = keys.loc[same_end, KEY].assign(images=times.shape[1], burst_images=end)
            parts.append(part.assign(**_compare_parts(times[same_end, :end], times[same_end, end:])))
    columns = ["burst_images", "burst_ms", "rest_ms", "slowdown", "slowdown_low", "slowdown_high"]
    table = along.with_all_instances(images, parts, columns).merge(clocks[[*KEY, "clock"]], on=KEY)
    inside, after_burst = table["burst_images"].fillna(0), table["images"] - table["burst_images"].fillna(0)
    few = inside.map("{:.0f} images in the burst".format) + after_burst.map(" and {:.0f} after it".format)
    gap = (few.astype(str) + f", {MIN_PART} of each are needed").where(np.minimum(inside, after_burst) < MIN_PART, "")
    if unit == "seconds":
        gap = table["clock"].where(table["clock"] != "", gap)
    table.loc[gap != "", columns[1:]] = np.nan
    return table.drop(columns="clock").assign(gap=gap)


def _compare_parts(
    burst: Floats, remainder: Floats, runs: float = 0.0, runs_freedom: float = np.inf
) -> dict[str, Floats]:
    """Return the numbers of `bursts` for two parts of the same runs, (m, n) each; {} if a part is too small.

    For parts of two runs, `runs` is what runs add to the variance of the logarithm, with its degrees of freedom.
    """
    if min(burst.shape[1], remainder.shape[1]) < MIN_PART:
        return {}
    first, then = burst.mean(axis=1), remainder.mean(axis=1)
    (first_error, first_size), (then_error, then_size) = dependence.errors(burst), dependence.errors(remainder)
    with np.errstate(divide="ignore", invalid="ignore"):  # a clock too coarse for the model gives zeros
        ratio, a, b = then / first, (first_error / first) ** 2, (then_error / then) ** 2
        # so few images do not show the range of their dependence: assume at least that of the longer remainder
        a = np.maximum(a, b * remainder.shape[1] / burst.shape[1])
        freedoms = [first_size - 1, then_size - 1, np.full_like(a, runs_freedom)]
        low, high = np.exp(variance.interval_of_parts(np.log(ratio), [a, b, np.full_like(a, runs)], freedoms))
    numbers = [first, then, ratio, low, high]
    return dict(zip(["burst_ms", "rest_ms", "slowdown", "slowdown_low", "slowdown_high"], numbers, strict=True))


def sustained(rows: pd.DataFrame, images: pd.DataFrame, timing: str = "inference") -> pd.DataFrame:
    """Compare each instance that a device ran with the profile `sustained` with its latest run with another profile.

    Takes usable rows of the table `instances`, of any number of runs, with what runs add (`variance.with_noise`; the
    allowance for rows without it), and the image records of the runs listed by `sustained_runs`. Columns are device_id,
    instance_id, run_id_sustained, run_id_other, profile (the other one), other_ms, sustained_ms (means), slowdown with
    its interval (as in `bursts`, but including the variation between runs) and gap: there is no other run, the other
    run differs in a condition that must be equal, or there are no records. The first image is excluded.
    """
    pairs = sustained_runs(rows)
    if pairs.empty:
        return pairs.assign(**dict.fromkeys(_SUSTAINED, np.nan))
    times = {
        key: part["ms"].to_numpy(float)[None]
        for key, part in along.usable(images, timing).astype(dict.fromkeys(KEY, str)).groupby(KEY)
    }
    nothing = np.empty((1, 0))
    noise = variance.assumed(rows).set_index(KEY, drop=False)
    numbers = []
    for pair in pairs.itertuples():
        runs = (pair.run_id_other, pair.run_id_sustained)
        sides = [times.get((run, pair.device_id, pair.instance_id), nothing) for run in runs]
        enough = not pair.gap and min(side.shape[1] for side in sides) >= MIN_PART
        if not enough:
            numbers.append([np.nan] * len(_SUSTAINED))
            continue
        keys = [(run, pair.device_id, pair.instance_id) for run in runs]
        [added], [freedom] = variance.ratio_variance(*(noise.loc[[key]].reset_index(drop=True) for key in keys))
        numbers.append([float(number[0]) for number in _compare_parts(sides[0], sides[1], added, freedom).values()])
    comparisons = pd.DataFrame(numbers, index=pairs.index, columns=_SUSTAINED)
    none = f"fewer than {MIN_PART} records of images in one of them"
    gap = pairs["gap"].where((pairs["gap"] != "") | comparisons["slowdown"].notna(), none)
    return pd.concat([pairs.drop(columns="gap"), comparisons, gap], axis=1)


def sustained_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that `sustained` compares, one row per device x instance with the profile `sustained`."""
    columns = ["device_id", "instance_id", "run_id_sustained", "run_id_other", "profile", "gap"]
    long = rows["profile"] == SUSTAINED
    latest = rows.sort_values("run_id").drop_duplicates(["device_id", "instance_id", "profile"], keep="last")
    others = latest[~long.reindex(latest.index)]
    table = []
    for long_run in latest[long.reindex(latest.index)].to_dict("records"):
        same = others[
            (others["device_id"] == long_run["device_id"]) & (others["instance_id"] == long_run["instance_id"])
        ]
        named = {"run_id_sustained": long_run["run_id"], "run_id_other": None, "profile": None}
        gap = "it was not run with another profile"
        for other in same.sort_values("run_id", ascending=False).to_dict("records"):
            unlike = [field for field in select.SAME_INSTANCE if _differ(long_run[field], other[field])]
            if not unlike:
                named |= {"run_id_other": other["run_id"], "profile": other["profile"]}
                gap = ""
                break
            gap = f"its run {other['run_id']} differs in {', '.join(unlike)}"
        table.append({"device_id": long_run["device_id"], "instance_id": long_run["instance_id"], **named, "gap": gap})
    return pd.DataFrame(table, columns=columns)


def _differ(value: Any, other: Any) -> bool:
    """Return whether two values differ; null is a value of its own."""
    nulls = pd.isna(value), pd.isna(other)
    return nulls[0] != nulls[1] if any(nulls) else bool(value != other)


EFFECT = ["effect", "effect_low", "effect_high", "p_value"]
MIN_FREE = 5  # residual degrees of freedom


def common_order(rows: pd.DataFrame) -> str:
    """Return a sentence if all runs took their instances in one order, and "" if two of them differ in it.

    Takes rows of the table `instances`, of any number of devices and runs. The runs may have different instances: they
    have a common order if the relations "ran before" of all runs together have no cycle. Runs of single instances have
    no order, and runs that share no instance have no order in common.
    """
    runs_of_instance = rows[["device_id", "run_id", "instance_id"]].drop_duplicates().groupby("instance_id").size()
    devices, runs = rows["device_id"].nunique(), len(rows[["device_id", "run_id"]].drop_duplicates())
    if runs > 1 and runs_of_instance.max() == 1:
        return ""
    before: dict[str, set[str]] = {}
    for _, run in rows.sort_values("position").groupby(["device_id", "run_id"]):
        for first, second in pairwise(run["instance_id"]):
            before.setdefault(second, set()).add(first)
    try:
        TopologicalSorter(before).prepare()
    except CycleError:
        return ""
    if not before:
        return ""
    where = f" on {plural(devices, 'device')}" if devices > 1 else ""
    whose = {1: "The only run used one", 2: "Both runs used the same"}.get(runs, f"All {runs} runs used the same")
    return (
        f"{whose} order of the instances{where}. The effect of the order and the speed of an instance cannot be "
        "separated: if a device slows down over a run, the instances that come late look slow."
    )


def order_effects(rows: pd.DataFrame, timing: str = "end_to_end") -> pd.DataFrame:
    """Return how much slower an instance is at the end of a run than at its start, one row per device.

    Takes usable rows of the table `instances`, of any number of runs. Instances differ a hundredfold in time, so only
    those that ran at several places contain information: their rows of several runs that agree in all that must be
    equal (`select.SAME_INSTANCE`) and in profile. A least squares fit has an effect for each instance and for each
    run:

        log(mean time) = instance + run + beta * place,   place = position / (instances of the run - 1), from 0 to 1

    Columns are device_id, runs and instances (those with information), effect (exp(beta) - 1: 0.1 is 10% slower at the
    end), effect_low and effect_high (95%), p_value (of beta = 0; heteroscedasticity-robust, HC3) and gap, which says
    why there is no effect: place and instance cannot be separated with a single run, nor if all runs had the same
    order.
    """
    column = f"{select.time_column(timing)}_mean"
    last = rows.groupby(["device_id", "run_id"])["position"].transform("max")
    timed = rows.assign(
        place=rows["position"] / last.where(last > 0),
        way=select.ways(rows),
        log_ms=np.log(rows[column].where(rows[column] > 0)),
    ).dropna(subset=["place", "log_ms"])
    devices = rows["device_id"].unique()
    rows_of_devices = [{"device_id": device, **_effect(timed[timed["device_id"] == device])} for device in devices]
    return pd.DataFrame(rows_of_devices, columns=["device_id", "runs", "instances", *EFFECT, "gap"])


def _effect(rows: pd.DataFrame) -> dict[str, object]:
    """Return the columns of one device other than its id."""
    runs = rows["run_id"].nunique()
    rows = rows[rows.groupby("way")["run_id"].transform("nunique") > 1]
    counts = {"runs": rows["run_id"].nunique() or runs, "instances": rows["way"].nunique()}
    row = {**counts, **dict.fromkeys(EFFECT, np.nan)}
    if runs < 2:
        return {**row, "gap": "one run: the position of an instance and its own speed cannot be separated"}
    if rows.empty:
        return {**row, "gap": f"{runs} runs, but no instance was measured under the same conditions in two of them"}
    instance_columns = pd.get_dummies(rows["way"], dtype=float)
    run_columns = pd.get_dummies(rows["run_id"], dtype=float, drop_first=True)
    fixed = np.column_stack([instance_columns, run_columns])
    free = len(rows) - np.linalg.matrix_rank(fixed) - 1
    place = rows["place"].to_numpy(float)
    place_residual = place - fixed @ np.linalg.lstsq(fixed, place, rcond=None)[0]
    if np.ptp(place_residual) < 1e-9:
        return {**row, "gap": f"the {counts['runs']} runs had the same order"}
    if free < MIN_FREE:
        return {**row, "gap": f"{len(rows)} times are too few for an estimate"}
    fit = OLS(rows["log_ms"].to_numpy(float), np.column_stack([fixed, place])).fit(cov_type="HC3", use_t=True)
    low, high = fit.conf_int(1 - CONFIDENCE)[-1]
    numbers = np.expm1([fit.params[-1], low, high])
    return {**row, **dict(zip(EFFECT, [*numbers, fit.pvalues[-1]], strict=True)), "gap": ""}
