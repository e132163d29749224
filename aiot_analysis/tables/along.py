"""Per-image times in run order, with unusable records removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import select
from aiot_analysis.words import plural

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
