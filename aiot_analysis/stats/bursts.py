"""The first images of a run against the remainder, and short runs against the profile `sustained`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.errors import DataError
from aiot_analysis.stats import blocks, variance
from aiot_analysis.tables import along, pooling
from aiot_analysis.tables.choice import BURST_UNITS

KEY = along.KEY
Floats = NDArray[np.float64]

MIN_PART = 20  # minimum number of images on each side
SUSTAINED = "sustained"  # the profile
_SUSTAINED = ["other_ms", "sustained_ms", "slowdown", "slowdown_low", "slowdown_high"]


def bursts(images: pd.DataFrame, burst: float = 50, unit: str = "images", timing: str = "inference") -> pd.DataFrame:
    """Compare the first images of a run with the remaining ones, one row per run x instance of image records.

    The burst consists of the first `burst` images after the very first, which is excluded, or of those that started in
    the first `burst` seconds. Columns are images, burst_images, burst_ms, rest_ms (means), slowdown (rest over burst:
    1.1 is 10 % slower later on), slowdown_low and slowdown_high (95 %, from the standard errors of both means,
    `blocks.errors`, transferred to the logarithm of their ratio; Student's t with Welch's degrees of freedom; null
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
            parts.append(part.assign(**_against(times[same_end, :end], times[same_end, end:])))
    columns = ["burst_images", "burst_ms", "rest_ms", "slowdown", "slowdown_low", "slowdown_high"]
    table = along.with_all_instances(images, parts, columns).merge(clocks[[*KEY, "clock"]], on=KEY)
    inside, after_burst = table["burst_images"].fillna(0), table["images"] - table["burst_images"].fillna(0)
    few = inside.map("{:.0f} images in the burst".format) + after_burst.map(" and {:.0f} after it".format)
    gap = (few.astype(str) + f", {MIN_PART} of each are needed").where(np.minimum(inside, after_burst) < MIN_PART, "")
    if unit == "seconds":
        gap = table["clock"].where(table["clock"] != "", gap)
    table.loc[gap != "", columns[1:]] = np.nan
    return table.drop(columns="clock").assign(gap=gap)


def _against(burst: Floats, rest: Floats, runs: float = 0.0, runs_freedom: float = np.inf) -> dict[str, Floats]:
    """Return the numbers of `bursts` for two parts of the same runs, (m, n) each; {} if a part is too small.

    For parts of two runs, `runs` is what runs add to the variance of the logarithm, with its degrees of freedom.
    """
    if min(burst.shape[1], rest.shape[1]) < MIN_PART:
        return {}
    first, then = burst.mean(axis=1), rest.mean(axis=1)
    (first_error, first_worth), (then_error, then_worth) = blocks.errors(burst), blocks.errors(rest)
    with np.errstate(divide="ignore", invalid="ignore"):  # a clock too coarse for the model gives zeros
        ratio, a, b = then / first, (first_error / first) ** 2, (then_error / then) ** 2
        # so few images do not show the range of their dependence: assume at least that of the longer remainder
        a = np.maximum(a, b * rest.shape[1] / burst.shape[1])
        freedoms = [first_worth - 1, then_worth - 1, np.full_like(a, runs_freedom)]
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
        numbers.append([float(number[0]) for number in _against(sides[0], sides[1], added, freedom).values()])
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
            unlike = [field for field in pooling.SAME_INSTANCE if _differ(long_run[field], other[field])]
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
