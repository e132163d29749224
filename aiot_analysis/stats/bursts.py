"""A burst of images against the rest of its run, and short runs against the profile `sustained`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.errors import DataError
from aiot_analysis.stats import blocks, variance
from aiot_analysis.tables import along, pooling

KEY = along.KEY
Floats = NDArray[np.float64]

UNITS = ("images", "seconds")
MIN_PART = 20  # images on each side
SUSTAINED = "sustained"  # the profile
_SUSTAINED = ["other_ms", "sustained_ms", "slowdown", "slowdown_low", "slowdown_high"]


def bursts(images: pd.DataFrame, burst: float = 50, unit: str = "images", timing: str = "inference") -> pd.DataFrame:
    """One row per run x instance of image records: its first images against the rest.

    The burst are the first `burst` images after the very first, which is apart, or those that began in the first
    `burst` seconds. Columns images, burst_images, burst_ms, rest_ms (means), slowdown (rest over burst: 1.1 is 10 %
    slower later on), slowdown_low and slowdown_high (95 %, from the standard errors of both means, `blocks.errors`,
    carried to the logarithm of their ratio; Student's t with Welch's degrees of freedom; null where times do not vary)
    and gap: fewer than MIN_PART images on a side, or seconds asked for and a clock that is not to be trusted.
    DataError for another unit, or no burst.
    """
    if unit not in UNITS:
        raise DataError(f"A burst of {burst:g} {unit!r} is not known: choose {' or '.join(UNITS)}.")
    if not burst > 0:
        raise DataError(f"A burst of {burst:g} {unit} holds no image: choose a number over 0.")
    used = along.usable(images, timing)
    clocks = along.clocks(images).astype(dict.fromkeys(KEY, str))
    parts = []
    for keys, times in along.matrices(used):
        ends = np.full(len(times), min(burst, times.shape[1]))
        if unit == "seconds":
            at_s = used["at_s"].to_numpy(float)[keys["begin"].to_numpy()[:, None] + np.arange(times.shape[1])]
            ends = (at_s < burst).sum(axis=1)
        for end in np.unique(ends.astype(int)):
            alike = ends.astype(int) == end
            some = keys.loc[alike, KEY].assign(images=times.shape[1], burst_images=end)
            parts.append(some.assign(**_against(times[alike, :end], times[alike, end:])))
    columns = ["burst_images", "burst_ms", "rest_ms", "slowdown", "slowdown_low", "slowdown_high"]
    found = along.every(images, parts, columns).merge(clocks[[*KEY, "clock"]], on=KEY)
    inside, rest = found["burst_images"].fillna(0), found["images"] - found["burst_images"].fillna(0)
    few = inside.map("{:.0f} images in the burst".format) + rest.map(" and {:.0f} after it".format)
    gap = (few.astype(str) + f", {MIN_PART} of each are needed").where(np.minimum(inside, rest) < MIN_PART, "")
    if unit == "seconds":
        gap = found["clock"].where(found["clock"] != "", gap)
    found.loc[gap != "", columns[1:]] = np.nan
    return found.drop(columns="clock").assign(gap=gap)


def _against(burst: Floats, rest: Floats, runs: float = 0.0, runs_freedom: float = np.inf) -> dict[str, Floats]:
    """The numbers of `bursts` of two parts of the same runs, (m, n) each; none where a part is too small.

    For parts of two runs, `runs` is what runs add to the variance of the logarithm, with its degrees of freedom.
    """
    if min(burst.shape[1], rest.shape[1]) < MIN_PART:
        return {}
    first, then = burst.mean(axis=1), rest.mean(axis=1)
    (first_error, first_worth), (then_error, then_worth) = blocks.errors(burst), blocks.errors(rest)
    with np.errstate(divide="ignore", invalid="ignore"):  # zeros of a clock too coarse for the model
        ratio, a, b = then / first, (first_error / first) ** 2, (then_error / then) ** 2
        # so few images do not show how far their errors reach: no fewer than those of the rest, which has more
        a = np.maximum(a, b * rest.shape[1] / burst.shape[1])
        freedoms = [first_worth - 1, then_worth - 1, np.full_like(a, runs_freedom)]
        error, freedom = variance.standard_error([a, b, np.full_like(a, runs)], freedoms)
        low, high = np.exp(variance.around(np.log(ratio), error, freedom))
    numbers = [first, then, ratio, low, high]
    return dict(zip(["burst_ms", "rest_ms", "slowdown", "slowdown_low", "slowdown_high"], numbers, strict=True))


def sustained(rows: pd.DataFrame, images: pd.DataFrame, timing: str = "inference") -> pd.DataFrame:
    """One row per instance that a device ran with the profile `sustained`: against its latest run with another profile.

    Takes usable rows of the table `instances`, of any number of runs, with what runs add (`variance.with_noise`; the
    allowance for rows without it), and the image records of those that `sustained_runs` names. Columns device_id,
    instance_id, run_id_sustained, run_id_other, profile (the other one), other_ms, sustained_ms (means), slowdown with
    its interval (as in `bursts`, and of what other runs may give) and gap: no other run, one that differs in what must
    be alike, or no records. The first image is apart.
    """
    found = sustained_runs(rows)
    if found.empty:
        return found.assign(**dict.fromkeys(_SUSTAINED, np.nan))
    times = {
        key: part["ms"].to_numpy(float)[None]
        for key, part in along.usable(images, timing).astype(dict.fromkeys(KEY, str)).groupby(KEY)
    }
    nothing = np.empty((1, 0))
    noise = variance.assumed(rows).set_index(KEY, drop=False)
    numbers = []
    for pair in found.itertuples():
        runs = (pair.run_id_other, pair.run_id_sustained)
        sides = [times.get((run, pair.device_id, pair.instance_id), nothing) for run in runs]
        enough = not pair.gap and min(side.shape[1] for side in sides) >= MIN_PART
        if not enough:
            numbers.append([np.nan] * len(_SUSTAINED))
            continue
        keys = [(run, pair.device_id, pair.instance_id) for run in runs]
        [added], [freedom] = variance.of_ratio(*(noise.loc[[key]].reset_index(drop=True) for key in keys))
        numbers.append([float(number[0]) for number in _against(sides[0], sides[1], added, freedom).values()])
    made = pd.DataFrame(numbers, index=found.index, columns=_SUSTAINED)
    none = f"fewer than {MIN_PART} records of images in one of them"
    gap = found["gap"].where((found["gap"] != "") | made["slowdown"].notna(), none)
    return pd.concat([found.drop(columns="gap"), made, gap], axis=1)


def sustained_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """The runs that `sustained` compares, a row per device x instance with the profile `sustained`; see there."""
    columns = ["device_id", "instance_id", "run_id_sustained", "run_id_other", "profile", "gap"]
    long = rows["profile"] == SUSTAINED
    latest = rows.sort_values("run_id").drop_duplicates(["device_id", "instance_id", "profile"], keep="last")
    others = latest[~long.reindex(latest.index)]
    found = []
    for one in latest[long.reindex(latest.index)].to_dict("records"):
        same = others[(others["device_id"] == one["device_id"]) & (others["instance_id"] == one["instance_id"])]
        named = {"run_id_sustained": one["run_id"], "run_id_other": None, "profile": None}
        gap = "it was run with no other profile"
        for other in same.sort_values("run_id", ascending=False).to_dict("records"):
            unlike = [field for field in pooling.SAME_INSTANCE if _differ(one[field], other[field])]
            if not unlike:
                named |= {"run_id_other": other["run_id"], "profile": other["profile"]}
                gap = ""
                break
            gap = f"its run {other['run_id']} differs in {', '.join(unlike)}"
        found.append({"device_id": one["device_id"], "instance_id": one["instance_id"], **named, "gap": gap})
    return pd.DataFrame(found, columns=columns)


def _differ(one: Any, other: Any) -> bool:
    """Null is a value of its own."""
    nulls = pd.isna(one), pd.isna(other)
    return nulls[0] != nulls[1] if any(nulls) else one != other
