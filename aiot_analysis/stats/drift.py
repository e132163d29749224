"""Does an instance get slower along its run: by a trend, or from some image on?

Times of inference are looked at by default: an end-to-end time depends on its image, and all instances see the images
in the same order, so that large images at the end would look like drift.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, kendalltau, theilslopes

from aiot_analysis.stats import along, changepoint, resample, select

KEY = along.KEY
Floats = NDArray[np.float64]

LEVEL = 0.05  # of the tests together, per device and run
MATERIAL = 0.05
"""Share of the time by which it has to change to be called slower or faster: within it a result counts as repeatable
by the rules of MLPerf Mobile."""
FINDINGS = ("slower", "faster", "no drift seen", "cannot be decided")
TREND = ["drift", "drift_low", "drift_high", "drift_p"]
CHANGE = ["change_at", "change_s", "before_ms", "after_ms", "change", "change_p"]
_NOTHING = pd.DataFrame(columns=[*KEY, "images", *TREND, *CHANGE], dtype=float).astype(dict.fromkeys(KEY, str))


def drifts(
    images: pd.DataFrame, timing: str = "inference", material: float = MATERIAL, level: float = LEVEL, seed: int = 0
) -> pd.DataFrame:
    """One row per run x instance of image records: the trend of its time, its largest change in level, a finding.

    The first image is apart; images that failed or have no time are left out (`along.left_out` lists them). Columns
    beside run_id, device_id and instance_id:

    - images: that are used.
    - drift, drift_low, drift_high: what the time changes by from the begin of the run to its end, as a share of the
      median (0.1: 10 % slower), with 95 % interval: Theil and Sen's slope (`scipy.stats.theilslopes`) through the
      medians of `along.loops`. drift_p: Mann's test for a trend of the same medians, which is Kendall's tau
      (`scipy.stats.kendalltau`).
    - change_at: the query from which on the level is another; change_s: when that was, in s since the first query, null
      if the clock is not to be trusted; before_ms, after_ms: the medians around it; change: after over before, less 1.
      change_p: see `changepoint`.
    - drift_q, change_q: the p-values corrected for all tests of a device's run (Benjamini and Hochberg 1995), of which
      there are two an instance.
    - finding: `slower` or `faster` where a q is under `level` and its share is at least `material`, else `no drift
      seen`; `cannot be decided` where there are fewer than `along.MIN_IMAGES` images. gap: then why; else "".
    - duration_s, clock: see `along.clocks`.

    Of simulated runs of 500 images without drift, whose times depend on those before by an autocorrelation of 0.7, 6
    to 7 % had a p-value under 5 % in either test, and up to 10 % at 0.9; of runs of 100 images 8 and 11 % at 0.7.
    """
    used = along.usable(images, timing)
    query, at_s = (used[column].to_numpy(float) for column in ("query", "at_s"))
    tested = []
    for keys, times in along.matrices(used):
        some = keys.assign(images=times.shape[1])
        if times.shape[1] >= along.MIN_IMAGES:
            change = _change(times, seed)
            at = keys["begin"] + change.pop("split")
            some = pd.concat([some.assign(change_at=query[at], change_s=at_s[at]), _trend(times), change], axis=1)
        tested.append(some)
    clocks = along.clocks(images).astype(dict.fromkeys(KEY, str))
    found = clocks.merge(pd.concat([_NOTHING, *tested]), on=KEY, how="left")
    found["images"] = found["images"].fillna(0).astype(int)
    found["change_s"] = found["change_s"].where(found["clock"] == "")
    found = pd.concat([found, _corrected(found)], axis=1)
    enough = found["images"] >= along.MIN_IMAGES
    words = f"{{}} images with a time after the first, a trend needs {along.MIN_IMAGES}"
    found["gap"] = found["images"].map(words.format).where(~enough, "")
    found["finding"] = _findings(found, material, level)
    order = ["images", *TREND, "drift_q", *CHANGE, "change_q", "finding", "gap", "duration_s", "clock"]
    return found[[*KEY, *order]].sort_values(KEY, ignore_index=True)


def _corrected(found: pd.DataFrame) -> pd.DataFrame:
    """drift_q and change_q of each row: both tests of all instances of a device's run are one family."""
    tests = found.melt(["device_id", "run_id"], ["drift_p", "change_p"], ignore_index=False).dropna(subset="value")
    families = tests.groupby(["device_id", "run_id"])["value"]
    tests["q"] = families.transform(lambda p: false_discovery_control(p.to_numpy(float)))
    q = tests.set_index("variable", append=True)["q"].unstack()
    return q.reindex(index=found.index, columns=["drift_p", "change_p"]).set_axis(["drift_q", "change_q"], axis=1)


def _findings(found: pd.DataFrame, material: float, level: float) -> NDArray[np.object_]:
    """One of FINDINGS for each row. Where trend and change go opposite ways, the change says which it is."""
    ways = []
    for test in ("change", "drift"):
        share = found[test].to_numpy(float)
        seen = (found[f"{test}_q"].to_numpy(float) < level) & (np.abs(share) >= material)
        ways.append(np.where(seen, share, 0.0))
    way = np.where(ways[0] != 0, ways[0], ways[1])
    return np.select([found["gap"] != "", way > 0, way < 0], [FINDINGS[3], FINDINGS[0], FINDINGS[1]], FINDINGS[2])


def _trend(times: Floats) -> pd.DataFrame:
    """The columns TREND of times (m, n)."""
    medians = np.column_stack([np.median(part, axis=1) for part in along.loops(times)])
    middle = np.median(times, axis=1, keepdims=True)
    shares = np.divide(medians, middle, out=np.ones_like(medians), where=middle > 0)
    place = np.broadcast_to(np.linspace(0, 1, medians.shape[1]), medians.shape)  # from begin to end
    slope, _, low, high = theilslopes(shares, place, resample.LEVEL, axis=1)
    p_value = np.asarray(kendalltau(place, shares, axis=1).pvalue)
    moves = np.ptp(shares, axis=1) > 0  # tau is not defined where nothing does
    return pd.DataFrame(dict(zip(TREND, [slope, low, high, np.where(moves, p_value, 1.0)], strict=True)))


def _change(times: Floats, seed: int) -> pd.DataFrame:
    """The last four columns CHANGE of times (m, n), and split: how many of the n come before the change."""
    split, p_value = changepoint.change(times, seed)
    before = np.arange(times.shape[1]) < split[:, None]
    first, then = (np.nanmedian(np.where(half, times, np.nan), axis=1) for half in (before, ~before))
    with np.errstate(divide="ignore", invalid="ignore"):  # a clock too coarse for the model gives zeros
        change = np.where(first == then, 0.0, then / first - 1)
    return pd.DataFrame({"split": split, "before_ms": first, "after_ms": then, "change": change, "change_p": p_value})


def counted(found: pd.DataFrame) -> pd.DataFrame:
    """One row per device: how many of its instances have each of FINDINGS, in columns of these names."""
    counts = pd.crosstab(found["device_id"], found["finding"]).reindex(columns=list(FINDINGS), fill_value=0)
    return counts.rename_axis(columns=None).reset_index()


def most_moved(found: pd.DataFrame, most: int = 9) -> pd.DataFrame:
    """Of the frame of `drifts` the instances that are slower or faster, the largest trend or change first."""
    moved = found[found["finding"].isin(FINDINGS[:2])]
    size = moved[["drift", "change"]].abs().max(axis=1)
    return moved.loc[size.sort_values(ascending=False, kind="stable").index].head(most).reset_index(drop=True)


def course(images: pd.DataFrame, chosen: pd.DataFrame, timing: str = "inference", most: int = 500) -> pd.DataFrame:
    """The times of the instances `chosen`, to be drawn along the run: columns KEY, query, ms and kind.

    Rows of kind `image` are single images, evenly spaced such that there are at most `most` of an instance; rows of
    kind `loop` have the median of each of `along.loops` at the query in its middle.
    """
    used = along.usable(select.image_rows(images, chosen), timing)
    step = -(-used.groupby(KEY, observed=True)["ms"].transform("size") // most)
    single = used[used.groupby(KEY, observed=True).cumcount() % step == 0].assign(kind="image")
    parts = [single.astype(dict.fromkeys(KEY, str))]
    query = used["query"].to_numpy(float)
    for keys, times in along.matrices(used):
        at = query[keys["begin"].to_numpy()[:, None] + np.arange(times.shape[1])]
        for middle, loop in zip(along.loops(at), along.loops(times), strict=True):
            if loop.shape[1]:
                numbers = {"query": np.median(middle, axis=1), "ms": np.median(loop, axis=1)}
                parts.append(keys[KEY].assign(**numbers, kind="loop"))
    found = pd.concat(parts)[[*KEY, "query", "ms", "kind"]]
    return found.sort_values([*KEY, "kind", "query"], ignore_index=True)
