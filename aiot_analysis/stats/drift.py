"""Whether an instance gets slower along its run: through a trend, or a change at some image.

Times of inference are used by default: an end-to-end time depends on its image, and all instances see the images in the
same order, so large images at the end would look like drift.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm, theilslopes

from aiot_analysis.stats import changepoint
from aiot_analysis.tables import along, select
from aiot_analysis.words import ALPHA

KEY = along.KEY
Floats = NDArray[np.float64]

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

    Takes image records. The first image is excluded; images that failed or have no time are left out (`along.left_out`
    lists them). Columns, besides run_id, device_id and instance_id, are

    - images: number of images used.
    - drift, drift_low, drift_high: change of the time from the start of the run to its end, as a share of the median
      (0.1: 10 % slower): Theil and Sen's slope (`scipy.stats.theilslopes`) through the medians of `along.loops`, with
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

    Of 2,000 simulated runs of 500 images without drift, 5.1 % had a p-value of the trend below 5 % at an
    autocorrelation of 0.7, and 9.3 % at 0.9; for the change it was 5.5 and 8.1 %. For runs of 100 images it was 6.8 and
    16.4 % for the trend, and 10.2 and 21.6 % for the change.
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

    Sen's interval (1968) sorts the slopes between all pairs of medians and leaves out as many at both ends as Mann and
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
    split, p_value = changepoint.largest_change(times, seed)
    before = np.arange(times.shape[1]) < split[:, None]
    first, then = (np.nanmedian(np.where(half, times, np.nan), axis=1) for half in (before, ~before))
    with np.errstate(divide="ignore", invalid="ignore"):  # a clock too coarse for the model gives zeros
        change = np.where(first == then, 0.0, then / first - 1)
    return pd.DataFrame({"split": split, "before_ms": first, "after_ms": then, "change": change, "change_p": p_value})


def counted(drifts_of_instances: pd.DataFrame) -> pd.DataFrame:
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


def course(images: pd.DataFrame, chosen: pd.DataFrame, timing: str = "inference", most: int = 500) -> pd.DataFrame:
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
