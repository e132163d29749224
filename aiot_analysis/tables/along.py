"""Per-image times in run order, with unusable records removed, and their stability from part to part of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import select
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEY = select.KEY
LOOPS = (10, 20)  # fewest and most parts of equal size that a run is cut into
LOOP_IMAGES = 20  # images per part, if there are enough
MIN_IMAGES = 80  # fewest images of a run that is cut into parts
MAX_PAUSE_S = 10.0
"""Longest plausible time from the end of an image to the start of the next. Writing the log takes milliseconds, so
anything longer is a pause, a device that slept, or a clock that was set.
"""
LISTED = 10  # number of queries listed per reason
COLUMNS = [*KEY, "query", "image", "correct", "inference_ms", "end_to_end_ms", "at_s", "failed"]
"""Columns of the table `images` that statistics along a run read."""


def usable(images: pd.DataFrame, timing: str = "inference", first: bool = False) -> pd.DataFrame:
    """Return the records that have a time, grouped by instance and sorted by query: columns KEY, query, at_s and ms.

    Images that failed and times that are missing, negative or not finite are excluded: `left_out` counts and lists
    them. The first query of each instance includes one-time setup and is excluded too, unless `first`.
    """
    column = select.time_column(timing)
    ordered = _ordered(images)
    excluded = _faults(ordered, column).notna()
    if not first:
        excluded |= _begins(ordered)
    return ordered[~excluded][[*KEY, "query", "at_s", column]].rename(columns={column: "ms"}).reset_index(drop=True)


def left_out(images: pd.DataFrame, timing: str = "inference") -> pd.DataFrame:
    """Return what `usable` excludes, one row per run x instance x reason: columns images (count) and queries (list)."""
    ordered = _ordered(images)
    faults = ordered.assign(reason=_faults(ordered, select.time_column(timing))).dropna(subset="reason")
    groups = faults.groupby([*KEY, "reason"], observed=True)["query"]
    return groups.agg(images="size", queries=_listed).reset_index()


def without_records(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the usable rows of the table `instances` without any image record, with the reason in a column `gap`.

    Native tools and some imported logs give a summary of an instance without times of single images. Such an instance
    has no tail of latency, no latency over the run and no confidence interval.
    """
    recorded = pd.MultiIndex.from_frame(images.drop_duplicates(KEY)[KEY].astype(str))
    summary_only = rows[~pd.MultiIndex.from_frame(rows[KEY].astype(str)).isin(recorded)].reset_index(drop=True)
    return summary_only.assign(gap="its log has a summary and no times of single images")


def _faults(images: pd.DataFrame, column: str) -> pd.Series:
    """Return why the time of each record cannot be used; null if it can."""
    times = images[column].astype(float)
    reasons = pd.Series(None, index=images.index, dtype=object)
    reasons[~np.isfinite(times)] = "its time is not a finite number"
    reasons[times.isna()] = "it has no time"
    reasons[times < 0] = "its time is negative"
    reasons[images["failed"].astype(bool)] = "it failed"
    return reasons


def _listed(queries: pd.Series) -> str:
    """Return the first queries as text, with the number of the others."""
    remaining = len(queries) - LISTED
    return ", ".join(map(str, queries.iloc[:LISTED])) + (f" and {remaining} more" if remaining > 0 else "")


def _ordered(images: pd.DataFrame) -> pd.DataFrame:
    """Return the records grouped by instance and sorted by query, which they nearly always are already."""
    is_first = _begins(images)
    rising = is_first[1:] | (np.diff(images["query"].to_numpy()) > 0)
    if rising.all() and not images[is_first].duplicated(KEY).any():
        return images.reset_index(drop=True)
    groups = images.groupby(KEY, observed=True, sort=True).ngroup().to_numpy()
    return images.iloc[np.lexsort((images["query"].to_numpy(), groups))].reset_index(drop=True)


def _begins(images: pd.DataFrame) -> NDArray[np.bool_]:
    """Return whether each row is of another instance than the row before it."""
    is_first = np.zeros(len(images), bool)
    is_first[:1] = True
    for column in KEY:
        codes = images[column].astype("category").cat.codes.to_numpy()
        is_first[1:] |= codes[1:] != codes[:-1]
    return is_first


def clocks(images: pd.DataFrame) -> pd.DataFrame:
    """Return the duration and clock faults of each run x instance, one row each: columns duration_s and clock.

    `duration_s` is from the start of the first query to the end of the last. `clock` is "" or what is wrong with
    `at_s`: it is missing, goes back, stands still, or leaps (more than MAX_PAUSE_S between the end of an image and the
    start of the next). `duration_s` is then null. The times of images do not depend on this clock.
    """
    ordered = _ordered(images)
    is_first = _begins(ordered)
    at_s, took_s = ordered["at_s"].astype(float), ordered["end_to_end_ms"].astype(float).fillna(0) / 1000
    step = at_s.diff().mask(is_first)
    query = ordered["query"]
    flags = pd.DataFrame(
        {
            "missing": ~np.isfinite(at_s),
            "back": query.where(step < 0),
            "leap": query.where(step - took_s.shift(1) > MAX_PAUSE_S),
            "moved": step > 0,
            "end_s": at_s + took_s,
            "begin_s": at_s,
        }
    )
    totals = flags.groupby(is_first.cumsum()).agg(
        missing=("missing", "sum"),
        back=("back", "count"),
        back_at=("back", "first"),
        leaps=("leap", "count"),
        leap_at=("leap", "first"),
        moved=("moved", "any"),
        images=("moved", "size"),
        begin_s=("begin_s", "first"),
        end_s=("end_s", "last"),
    )
    faults = np.select(
        [totals["missing"] > 0, totals["back"] > 0, ~totals["moved"] & (totals["images"] > 1), totals["leaps"] > 0],
        [
            totals["missing"].map("the clock is missing at {} images".format),
            _times(totals["back"], "the clock goes backwards")
            + totals["back_at"].map(", first at query {:.0f}".format),
            "the clock stands still",
            _times(totals["leaps"], f"a pause of more than {MAX_PAUSE_S:g} s, or a jump of the clock,")
            + totals["leap_at"].map(", first at query {:.0f}".format),
        ],
        "",
    )
    duration_s = (totals["end_s"] - totals["begin_s"]).where(faults == "")
    keys = ordered.loc[is_first, KEY].astype(str).reset_index(drop=True)
    result = keys.assign(duration_s=duration_s.to_numpy(), clock=faults.astype(object))
    return result.sort_values(KEY, ignore_index=True)


def _times(counts: pd.Series, words: str) -> pd.Series:
    """Return "<words> 1 time" or "<words> n times" for each count."""
    return counts.map(lambda n: f"{words} {plural(n, 'time')}")


def matrices(times: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, NDArray[np.float64]]]:
    """Yield instances with equally many records together: their keys, and their times in ms in run order, (m, n).

    Takes the frame that `usable` returns. The keys are m rows of KEY and `begin`, the row of `times` where the instance
    starts. A statistic of all instances of a fleet thus takes a few operations on whole arrays.
    """
    values = times["ms"].to_numpy(float)
    starts = np.flatnonzero(_begins(times))
    lengths = np.diff(np.append(starts, len(times)))
    keys = times.iloc[starts][KEY].astype(str).assign(begin=starts)
    for n in np.unique(lengths):
        same_length = lengths == n
        yield keys[same_length].reset_index(drop=True), values[starts[same_length][:, None] + np.arange(n)]


def loops(times: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return times (m, n) cut along n into LOOPS equal parts in run order, of LOOP_IMAGES or more if there are enough.

    3DMark's stress tests have twenty. Parts of a short run are smaller, since ten is the smallest number in which a
    trend can be seen. Single images depend on their neighbours; medians or means of parts do so much less (batch means:
    Schmeiser, "Batch size effects in the analysis of simulation output", Operations Research 30, 1982, advises 10 to 30
    of them).
    """
    return np.array_split(times, int(np.clip(times.shape[1] // LOOP_IMAGES, *LOOPS)), axis=1)


def with_all_instances(images: pd.DataFrame, parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """Return the parts as one frame with a row for every instance that has records, null where no part has it.

    Parts have KEY, images and some of `columns`; `images` is 0 for instances without usable records.
    """
    instances = images.drop_duplicates(KEY)[KEY].astype(str)
    empty = pd.DataFrame(columns=[*KEY, "images", *columns], dtype=float).astype(dict.fromkeys(KEY, str))
    result = instances.merge(pd.concat([empty, *parts]), on=KEY, how="left").sort_values(KEY, ignore_index=True)
    return result.assign(images=result["images"].fillna(0).astype(int))


Floats = NDArray[np.float64]

STABLE = 0.97
"""Frame-rate stability from which 3DMark's stress tests count as passed (UL Solutions)."""
SHUFFLES = 100
CHANCE = 0.01
"""How often the times of an equally noisy instance, in random order, may score as low as an unstable one."""
STEADINESS = ("stable", "unstable", "no less stable than chance", "cannot be decided")


def scores(images: pd.DataFrame, timing: str = "inference", seed: int = 0) -> pd.DataFrame:
    """Return the stability score of image records, one row per run x instance.

    The score is that of 3DMark's stress tests: the frame rate of the worst loop over that of the best one. This is the
    mean time of the fastest of `along.loops` over that of the slowest, from 0 to 1. The first image is excluded.

    Columns are images, loops, fastest_ms and slowest_ms (mean times of those loops), stability, chance and chance_low
    (median and 1st percentile of the score over SHUFFLES random orders of the same times, since noise alone makes some
    loops slower than others), steadiness and gap. `steadiness` is `stable` from STABLE on. Below that, it is `unstable`
    if the score is also under chance_low, otherwise `no less stable than chance`. With fewer than `along.MIN_IMAGES`
    images it is `cannot be decided`, and `gap` says so.
    """
    parts = []
    for keys, times in matrices(usable(images, timing)):
        part = keys[KEY].assign(images=times.shape[1])
        if times.shape[1] >= MIN_IMAGES:
            fastest, slowest = _extremes(times)
            score, chance = _ratio(fastest, slowest), _by_chance(times, seed)
            median, lowest = np.quantile(chance, [0.5, CHANCE], axis=1)
            numbers = {"fastest_ms": fastest, "slowest_ms": slowest, "stability": score, "chance": median}
            part = part.assign(loops=len(loops(times)), **numbers, chance_low=lowest)
        parts.append(part)
    columns = ["loops", "fastest_ms", "slowest_ms", "stability", "chance", "chance_low"]
    result = with_all_instances(images, parts, columns)
    unstable = result["stability"] < result["chance_low"]
    conditions = [result["stability"].isna(), result["stability"] >= STABLE, unstable]
    result["steadiness"] = np.select(conditions, [STEADINESS[3], STEADINESS[0], STEADINESS[1]], STEADINESS[2])
    gap = result["images"].map(f"{{}} images with a time after the first, but a score needs {MIN_IMAGES}".format)
    return result.assign(gap=gap.where(result["images"] < MIN_IMAGES, ""))


def doubts(scores: pd.DataFrame) -> dict[str, str]:
    """Return why the unstable instances of a run should be used with care, by instance id."""
    unstable = scores[scores["steadiness"] == STEADINESS[1]]
    template = (
        "its time was unstable over the run: the slowest of {loops:.0f} parts took {more:.0%} longer than the "
        "fastest, more than by chance: close other programs, let the device cool and run again"
    )
    return {
        str(row["instance_id"]): template.format(loops=row["loops"], more=row["slowest_ms"] / row["fastest_ms"] - 1)
        for row in unstable.to_dict("records")
    }


def _extremes(times: Floats) -> tuple[Floats, Floats]:
    """Return the smallest and the largest mean over `along.loops` for each row of times."""
    sizes = np.array([part.shape[1] for part in loops(times)])
    means = np.add.reduceat(times, np.cumsum(sizes) - sizes, axis=1) / sizes
    return means.min(axis=1), means.max(axis=1)


def _ratio(fastest: Floats, slowest: Floats) -> Floats:
    """Return fastest / slowest, and 1 where both are 0: a clock too coarse for the model sees no difference."""
    return np.divide(fastest, slowest, out=np.ones_like(fastest), where=slowest > 0)


def _by_chance(times: Floats, seed: int) -> Floats:
    """Return the scores (m, SHUFFLES) of times (m, n) in random orders, which are the same for all instances."""
    rng = np.random.default_rng(seed)
    orders = (rng.permutation(times.shape[1]) for _ in range(SHUFFLES))
    return np.column_stack([_ratio(*_extremes(times[:, order])) for order in orders])
