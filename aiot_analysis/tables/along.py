"""An instance's times in the order in which they were measured, and what of them cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.tables import select
from aiot_analysis.words import plural

KEY = select.KEY
LOOPS = (10, 20)  # equal parts of a run, in order: at least and at most
LOOP_IMAGES = 20  # of a part, where there are enough
MIN_IMAGES = 80  # of a run that is cut into parts
MAX_PAUSE_S = 10.0
"""From the end of an image to the begin of the next: writing the log takes milliseconds, so longer is a pause, a device
that slept, or a clock that was set."""
LISTED = 10  # queries named of each reason
COLUMNS = [*KEY, "query", "image", "correct", "inference_ms", "end_to_end_ms", "at_s", "failed"]
"""Of the table `images`, what statistics along a run read."""


def usable(images: pd.DataFrame, timing: str = "inference", first: bool = False) -> pd.DataFrame:
    """The records that have a time, each instance's together and by query: columns KEY, query, at_s and ms.

    Left out are images that failed and times that are missing, negative or not finite: `left_out` counts and lists
    them. The first query of each instance pays for what is set up late and is apart, unless `first`.
    """
    column = select.time_column(timing)
    ordered = _ordered(images)
    bad = _faults(ordered, column).notna()
    if not first:
        bad |= _begins(ordered)
    return ordered[~bad][[*KEY, "query", "at_s", column]].rename(columns={column: "ms"}).reset_index(drop=True)


def left_out(images: pd.DataFrame, timing: str = "inference") -> pd.DataFrame:
    """What `usable` leaves out, a row per run x instance x reason: columns images (how many) and queries (which)."""
    ordered = _ordered(images)
    faults = ordered.assign(reason=_faults(ordered, select.time_column(timing))).dropna(subset="reason")
    groups = faults.groupby([*KEY, "reason"], observed=True)["query"]
    return groups.agg(images="size", queries=_listed).reset_index()


def without_records(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """The usable rows of the table `instances` that no image record is of, with the reason in a column `gap`.

    Native tools and some imported logs give a summary of an instance and no times of single images: neither tail nor
    course, nor an interval.
    """
    there = pd.MultiIndex.from_frame(images.drop_duplicates(KEY)[KEY].astype(str))
    lacking = rows[~pd.MultiIndex.from_frame(rows[KEY].astype(str)).isin(there)].reset_index(drop=True)
    return lacking.assign(gap="its log has a summary and no times of single images")


def _faults(images: pd.DataFrame, column: str) -> pd.Series:
    """Why the time of a record cannot be used; null where it can."""
    times = images[column].astype(float)
    found = pd.Series(None, index=images.index, dtype=object)
    found[~np.isfinite(times)] = "its time is not a finite number"
    found[times.isna()] = "it has no time"
    found[times < 0] = "its time is negative"
    found[images["failed"].astype(bool)] = "it failed"
    return found


def _listed(queries: pd.Series) -> str:
    more = len(queries) - LISTED
    return ", ".join(map(str, queries.iloc[:LISTED])) + (f" and {more} more" if more > 0 else "")


def _ordered(images: pd.DataFrame) -> pd.DataFrame:
    """The records of an instance one after the other, by query. Nearly always they are."""
    begins = _begins(images)
    rising = begins[1:] | (np.diff(images["query"].to_numpy()) > 0)
    if rising.all() and not images[begins].duplicated(KEY).any():
        return images.reset_index(drop=True)
    groups = images.groupby(KEY, observed=True, sort=True).ngroup().to_numpy()
    return images.iloc[np.lexsort((images["query"].to_numpy(), groups))].reset_index(drop=True)


def _begins(images: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether a row is of another instance than the row before it."""
    found = np.zeros(len(images), bool)
    found[:1] = True
    for column in KEY:
        codes = images[column].astype("category").cat.codes.to_numpy()
        found[1:] |= codes[1:] != codes[:-1]
    return found


def clocks(images: pd.DataFrame) -> pd.DataFrame:
    """One row per run x instance: columns duration_s, from the first query's begin to the last one's end, and clock.

    `clock` is "" or what is wrong with `at_s`: it is missing, goes back, stands still, or leaps (over MAX_PAUSE_S
    between the end of an image and the begin of the next). `duration_s` is then null. The times of images do not
    rest on this clock.
    """
    ordered = _ordered(images)
    begins = _begins(ordered)
    at_s, took_s = ordered["at_s"].astype(float), ordered["end_to_end_ms"].astype(float).fillna(0) / 1000
    step = at_s.diff().mask(begins)
    query = ordered["query"]
    marked = pd.DataFrame(
        {
            "missing": ~np.isfinite(at_s),
            "back": query.where(step < 0),
            "leap": query.where(step - took_s.shift(1) > MAX_PAUSE_S),
            "moved": step > 0,
            "end_s": at_s + took_s,
            "begin_s": at_s,
        }
    )
    found = marked.groupby(begins.cumsum()).agg(
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
    words = np.select(
        [found["missing"] > 0, found["back"] > 0, ~found["moved"] & (found["images"] > 1), found["leaps"] > 0],
        [
            found["missing"].map("the clock is missing at {} images".format),
            _times(found["back"], "the clock goes back") + found["back_at"].map(", first at query {:.0f}".format),
            "the clock stands still",
            _times(found["leaps"], f"a pause of over {MAX_PAUSE_S:g} s, or a leap of the clock,")
            + found["leap_at"].map(", first at query {:.0f}".format),
        ],
        "",
    )
    duration_s = (found["end_s"] - found["begin_s"]).where(words == "")
    keys = ordered.loc[begins, KEY].astype(str).reset_index(drop=True)
    told = keys.assign(duration_s=duration_s.to_numpy(), clock=words.astype(object))
    return told.sort_values(KEY, ignore_index=True)


def _times(counts: pd.Series, words: str) -> pd.Series:
    return counts.map(lambda n: f"{words} {plural(n, 'time')}")


def matrices(times: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, NDArray[np.float64]]]:
    """Instances with equally many records together, and their times in ms in order, (m, n).

    Takes the frame of `usable`; gives m rows of KEY and begin, the row of `times` where the instance begins. So a
    statistic of all instances of a fleet is a few operations on whole arrays.
    """
    values = times["ms"].to_numpy(float)
    begins = np.flatnonzero(_begins(times))
    lengths = np.diff(np.append(begins, len(times)))
    keys = times.iloc[begins][KEY].astype(str).assign(begin=begins)
    for n in np.unique(lengths):
        alike = lengths == n
        yield keys[alike].reset_index(drop=True), values[begins[alike][:, None] + np.arange(n)]


def loops(times: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Times (m, n) cut along n into equal parts in order: of LOOP_IMAGES or more, LOOPS in number.

    Twenty is what 3DMark's stress tests have. Parts of a short run are smaller, since ten are the fewest that a trend
    is seen in. Single images depend on their neighbours; medians or means of parts much less (batch means: Schmeiser,
    "Batch size effects in the analysis of simulation output", Operations Research 30, 1982, advises 10 to 30 of them).
    """
    return np.array_split(times, int(np.clip(times.shape[1] // LOOP_IMAGES, *LOOPS)), axis=1)


def every(images: pd.DataFrame, parts: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The parts as one frame with a row for every instance that has records, null where no part has it.

    Parts have KEY, images and some of `columns`; `images` becomes 0 where there is nothing usable.
    """
    instances = images.drop_duplicates(KEY)[KEY].astype(str)
    nothing = pd.DataFrame(columns=[*KEY, "images", *columns], dtype=float).astype(dict.fromkeys(KEY, str))
    found = instances.merge(pd.concat([nothing, *parts]), on=KEY, how="left").sort_values(KEY, ignore_index=True)
    return found.assign(images=found["images"].fillna(0).astype(int))
