"""Ranks with confidence sets that hold for all devices at once, and groups of tied devices.

Percentiles of the ranks in each draw of a bootstrap are not confidence sets: a rank is not a smooth function of the
scores, and with many devices close to each other nearly every draw reorders them. For 51 devices whose scores are 0.1
standard errors apart, such percentiles contained all true ranks in 2 of 100 trials.

Mogstad, Romano, Shaikh and Wilhelm, "Inference for Ranks with Applications to Mobility across Neighbourhoods and
Academic Achievement across Countries", Review of Economic Studies (2023), test all pairs at once instead. With d_jk the
difference of the scores of two devices and s_jk its standard error, j is *surely better* than k if d_jk > c s_jk, where
c is the 95% quantile of the maximum over all pairs of |d*_jk - d_jk| / s_jk in the draws d*. The rank of j is then
from 1 + (number of devices surely better) to p - (number of devices surely worse), for all p devices at once.
"""

from __future__ import annotations

import zlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.errors import DataError
from aiot_analysis.stats import blocks, variance
from aiot_analysis.stats.intervals import RESAMPLES, bootstrap_means, percentile_interval
from aiot_analysis.tables import by_device, names, paper, select
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
YES, NO, OPEN = "yes", "no", "open"


def surely_better(scores: Floats, draws: Floats, level: float = CONFIDENCE) -> Flags:
    """Return which devices are better than which others with a joint confidence of `level`: (devices, devices).

    Parameters
    ----------
    scores
        The score of each device on a scale on which differences matter, such as its logarithm: (devices,).
    draws
        The scores in joint draws of what they depend on: (draws, devices). A device with a value that is not finite in
        any draw is neither better nor worse than any other.

    Returns
    -------
    Entry (j, k) is true where j is surely better than k. In 1000 trials each of 51 normal scores that were 0, 0.1 and 3
    standard errors apart, with 2000 draws, no entry was wrong in 94.6, 99.7 and 100% of the trials, which is also how
    often all rank sets hold at once.
    """
    count = len(scores)
    usable = np.flatnonzero(np.isfinite(scores) & np.isfinite(draws).all(axis=0))
    better = np.zeros((count, count), bool)
    if len(usable) < 2:
        return better
    values, moved = scores[usable], draws[:, usable] - scores[usable]
    errors = np.zeros((len(usable), len(usable)))
    largest = np.zeros(len(draws))
    for place in range(
        len(usable) - 1
    ):  # one device against those after it; all pairs at once would take too much memory
        deviations = moved[:, place, None] - moved[:, place + 1 :]
        error = deviations.std(axis=0, ddof=1)
        errors[place, place + 1 :] = errors[place + 1 :, place] = error
        studentized = np.divide(np.abs(deviations), error, out=np.zeros_like(deviations), where=error > 0)
        np.maximum(largest, studentized.max(axis=1), out=largest)
    critical = float(np.quantile(largest, level))
    better[np.ix_(usable, usable)] = values[:, None] - values[None, :] > critical * errors
    return better


def rank_sets(better: Flags) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the best and the worst rank of each device, from 1, according to `surely_better`: (devices,) each."""
    return 1 + better.sum(axis=0), len(better) - better.sum(axis=1)


def among_first(lowest: NDArray[np.int64], highest: NDArray[np.int64], places: int) -> list[str]:
    """Return for each rank set whether it is within the first `places` ranks: YES, NO or OPEN."""
    return [YES if high <= places else NO if low > places else OPEN for low, high in zip(lowest, highest, strict=True)]


def tie_groups(better: Flags, order: NDArray[np.int64]) -> list[str]:
    """Return the letters of the tie groups of each device, as in a compact letter display: (devices,).

    A tie group is a maximal sequence of neighbours in the ranking that contains no two devices of which one is surely
    better. `order` has the devices to be ranked, best first. Groups overlap, and their letters follow the ranking: a
    device in the second and third has "bc", one in the second to fifth "b–e", and one that differs significantly from
    both of its neighbours "". Devices that share a letter do not differ significantly. Two that are far from each other
    may share no letter and still not differ significantly, if one between them is measured much better.
    """
    distinguished = (better | better.T)[np.ix_(order, order)]
    count = len(order)
    ends = np.zeros(count, int)  # last place of the longest sequence that starts at each place
    for start in reversed(range(count)):
        others = np.flatnonzero(distinguished[start, start + 1 :])
        end = start + int(others[0]) if len(others) else count - 1
        ends[start] = min(end, ends[start + 1]) if start + 1 < count else end
    longest = np.diff(ends, prepend=-1) > 0  # otherwise a sequence that starts earlier contains it
    groups = [(start, ends[start]) for start in np.flatnonzero(longest & (ends > np.arange(count)))]
    letters = [""] * len(better)
    for place, device in enumerate(order):
        letters_of_device = [_letter(number) for number, (start, stop) in enumerate(groups) if start <= place <= stop]
        letters[device] = (
            "".join(letters_of_device)
            if len(letters_of_device) < 3
            else f"{letters_of_device[0]}–{letters_of_device[-1]}"
        )
    return letters


def _letter(number: int) -> str:
    """Return a to z for 0 to 25, then aa, ab and so on, like the columns of a spreadsheet."""
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


TOP = 10  # Table IV lists ten devices
_INTERVALS = ["vips_low", "vips_high", "vops_low", "vops_high", "interval_images", "interval_note"]
_RANKS = ["rank_low", "rank_high", "first_ten", "tie_group"]


def contributions(
    rows: pd.DataFrame, timing: str = "end_to_end", suite: Sequence[str] = tuple(names.PAPER_FLOAT32)
) -> pd.DataFrame:
    """Return what each instance adds to the scores of its device.

    VIPS is the sum over instances of accuracy / time (Equation 1); VOPS is the sum of accuracy * FLOPs / time, with the
    FLOPs of Table II, which are millions of multiply-accumulates; for networks that are not in it, they are counted
    from the graph.

    Takes one row per device x instance (see `select.measured_rows`). Returns one row per device x instance of `suite`:
    device_id, instance_id, model, implementation, quantization, accuracy (fraction of 1), time_s (mean per image), vips
    (images per second), vops (millions of FLOPs per second, as logged by the paper's app), share and vops_share
    (fractions of the device's sums over the instances it has). Null where the device lacks the instance or its time is
    not positive.

    Raises PoolingError if rows of one device were measured under different conditions; with inference times they may be
    from an agent and from a native tool, which time the same call. Raises DataError if a row occurs twice.
    """
    value = f"{select.time_column(timing)}_mean"
    wanted = rows[rows["instance_id"].isin(suite)]
    key = ["device_id", "instance_id"]
    if wanted.duplicated(key).any():
        device, instance = wanted.loc[wanted.duplicated(key), key].iloc[0]
        raise DataError(f"Device {device} has {instance} more than once: choose one run, as select.measured_rows does.")
    select.check(wanted, select.SHARED_INFERENCE if timing == "inference" else select.SHARED, by=["device_id"])
    select.check(wanted, select.SAME_FRAMEWORK, by=["device_id", "framework"])

    grid = pd.MultiIndex.from_product([rows["device_id"].unique(), list(suite)], names=key)
    parts = wanted.set_index(key)[["accuracy", value]].reindex(grid).reset_index()
    parts = parts.merge(_instance_parts(suite, rows), on="instance_id", how="left")
    parts["time_s"] = parts[value].where(parts[value] > 0) / 1000
    parts["vips"] = parts["accuracy"] / parts["time_s"]
    parts["vops"] = parts["vips"] * parts["macs_millions"]
    sums = parts.groupby("device_id")[["vips", "vops"]].transform("sum")
    sums = sums.where(sums > 0)  # a device that got no image right has no shares
    parts["share"], parts["vops_share"] = parts["vips"] / sums["vips"], parts["vops"] / sums["vops"]
    columns = [*key, "model", "implementation", "quantization", "accuracy", "time_s"]
    return parts[[*columns, "vips", "vops", "share", "vops_share"]]


def _instance_parts(suite: Sequence[str], rows: pd.DataFrame) -> pd.DataFrame:
    """Return the parts of the instance ids, and the FLOPs of their models by Table II, or else by their rows."""
    parts = pd.DataFrame(map(names.instance, suite), columns=names.InstanceParts._fields)
    parts["instance_id"], parts["implementation"] = list(suite), names.implementation(parts)
    macs = paper.models().set_index("model")["flops_millions"].astype(float)
    counted = rows.groupby("model")["macs_millions"].max() if "macs_millions" in rows else pd.Series(dtype=float)
    macs_millions = parts["model"].map(macs).fillna(parts["model"].map(counted))
    return parts.assign(macs_millions=macs_millions).drop(columns=["framework", "delegate"])


def counted_rows(rows: pd.DataFrame, timing: str, suite: Sequence[str]) -> pd.DataFrame:
    """Return the rows that count in a score: those of `suite` with an accuracy and a positive time."""
    parts = contributions(rows, timing, suite).dropna(subset=["vips"])
    return rows.merge(parts[["device_id", "instance_id"]])


def scores(
    rows: pd.DataFrame, timing: str = "end_to_end", suite: Sequence[str] = tuple(names.PAPER_FLOAT32)
) -> pd.DataFrame:
    """Return VIPS and VOPS of each device, best first within its peer group.

    One row per device: device_id, vips and vops (over the instances it has, see `contributions`), instances (their
    number), missing (ids, joined by ", "), complete, peer_group, group_size (devices in it), rank by vips and vops_rank
    in the group, from 1. Devices of one peer group, which is a number, have the same instances, measured under the same
    conditions, with the same profile and the same number of images; group 1 has the most instances. Devices of
    different groups have no common rank. `suite=names.PAPER_QUANTIZED` gives the score of the quantized models.
    """
    parts = contributions(rows, timing, suite)
    is_measured = parts["vips"].notna()
    parts_by_device = parts[is_measured].groupby("device_id")
    table = pd.DataFrame({"device_id": parts["device_id"].unique()}).set_index("device_id")
    table["vips"], table["vops"] = parts_by_device["vips"].sum(), parts_by_device["vops"].sum(skipna=False)
    table["instances"] = parts_by_device.size().reindex(table.index, fill_value=0)
    table["missing"] = parts[~is_measured].groupby("device_id")["instance_id"].agg(", ".join)
    table["missing"] = table["missing"].fillna("")
    table["complete"] = table["missing"] == ""
    table["peer_group"] = _peer_groups(rows.merge(parts[is_measured][["device_id", "instance_id"]]), table)
    groups = table.groupby("peer_group")
    table["group_size"] = groups["vips"].transform("size")
    table["rank"] = groups["vips"].rank(ascending=False, method="min").astype("Int64")
    table["vops_rank"] = groups["vops"].rank(ascending=False, method="min").astype("Int64")
    return table.reset_index().sort_values(["peer_group", "rank", "device_id"], ignore_index=True)


def _peer_groups(rows: pd.DataFrame, devices: pd.DataFrame) -> pd.Series:
    """Return the number of each device's group: the group with most instances first, then the larger group."""
    key_of_device = pd.Series(dtype=object)
    if not rows.empty:
        # the hash of a dataset covers all its images, of which a run may have shown only a part
        shown_images = rows["profile"].astype(str) + "|" + rows["distinct_images"].astype(str)
        text = select.conditions(rows) + "|" + shown_images
        key_of_device = text.groupby(rows["device_id"]).agg(lambda conditions: "\n".join(sorted(conditions)))
    keys = key_of_device.reindex(devices.index).fillna("").astype(str)
    size = keys.map(keys.value_counts())
    order = pd.DataFrame({"key": keys, "instances": devices["instances"], "size": size}).drop_duplicates("key")
    order = order.sort_values(["instances", "size", "key"], ascending=[False, False, True])
    return keys.map({key: number for number, key in enumerate(order["key"], start=1)})


def common_suite(rows: pd.DataFrame, suite: Sequence[str] = tuple(names.PAPER_FLOAT32)) -> list[str]:
    """Return the instances of `suite` that all devices with any of them have, over which all devices are comparable.

    Takes one row per device x instance (see `select.measured_rows`). The ids are in the order of `suite`.
    """
    wanted = rows[rows["instance_id"].isin(suite)]
    devices = wanted.groupby("instance_id")["device_id"].nunique()
    everywhere = set(devices[devices == wanted["device_id"].nunique()].index)
    return [instance for instance in suite if instance in everywhere]


def resampled(
    records: pd.DataFrame,
    timing: str = "end_to_end",
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Return VIPS of each instance of one device in every draw of a bootstrap over images: resamples x instances.

    Takes the image records of one run of each instance (see `intervals.bootstrap_means`).
    """
    accuracy, time_ms = bootstrap_means(records, timing, seed, resamples)
    return accuracy / (time_ms / 1000)


def intervals(
    rows: pd.DataFrame,
    images: pd.DataFrame | Iterable[pd.DataFrame],
    timing: str = "end_to_end",
    suite: Sequence[str] = tuple(names.PAPER_FLOAT32),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Return `scores` with 95% intervals, confidence sets of the ranks, and tie groups.

    Intervals include the choice of images, the dependence of neighbouring times along a run, and the differences
    between runs of a device, as given by the columns of `variance.with_noise`, or by the allowance for `rows` without
    them.

    Parameters
    ----------
    rows
        One usable row per device and instance, as in `Data.results()` or `NotebookPage.rows`.
    images
        Image records: a frame, or parts by device (see `by_device.map_devices`). They are drawn jointly for accuracy
        and time, for all instances of a device and for all devices that saw the same number of images. The logarithm of
        each drawn score gets an error with the variance of runs (`variance.sum_variance`) and neighbours
        (`blocks.excess_variance`), independent between devices.
    timing
        "end_to_end" or "inference".
    suite
        Instances whose scores are summed up (default: the paper's 24 float32 instances).
    seed, resamples
        Seed and number of the bootstrap's draws.

    Returns
    -------
    The frame of `scores` with

    - vips_low and vips_high, vops_low and vops_high: percentiles of the draws;
    - rank_low and rank_high: best and worst rank in the peer group, for all its devices at once (see `ranks`). They are
      null for a device that is alone in its group and for one without an interval, which may have any rank in the sets
      of others;
    - first_ten: whether the device is among the first ten of its group, "yes", "no" or "open"; null for a group of at
      most ten;
    - tie_group: letters; devices that share one do not differ significantly (see `tie_groups`);
    - interval_images: number of images on which the intervals are based;
    - interval_note: what an interval lacks, or why it is null.

    Examples
    --------
    >>> page = aiot_analysis.open_page()
    >>> aiot_analysis.stats.vips.intervals(page.rows, page.data.image_parts())[["device_id", "rank", "vips"]]
    """
    scored = scores(rows, timing, suite)
    counted = scored.set_index("device_id")["instances"].to_dict()
    macs = _instance_parts(suite, rows).set_index("instance_id")["macs_millions"].to_dict()
    of_device = partial(
        draw_scores, counted=counted, macs=macs, runs=_run_variance(rows, timing, suite), timing=timing, seed=seed,
        resamples=resamples,
    )  # fmt: skip
    draws: dict[str, Floats] = {}
    facts: dict[str, dict[str, object]] = {}
    for device, (values, facts_of_device) in by_device.map_devices(
        images, counted_rows(rows, timing, suite), of_device
    ):
        facts[device] = facts_of_device
        if len(values):
            draws[device] = values
    no_records = {"interval_note": "no interval: there are no records of images"}
    uncertain = pd.DataFrame(
        [facts.get(device, no_records) for device in scored["device_id"]], scored.index, _INTERVALS
    )
    uncertain = uncertain.astype({**dict.fromkeys(_INTERVALS[:4], float), "interval_images": "Int64"})
    return scored.join(uncertain).join(_rank_sets(scored, draws, resamples))


def _run_variance(rows: pd.DataFrame, timing: str, suite: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """Return the variance that runs add to the logarithms of VIPS and VOPS of each device, and its freedom."""
    parts = contributions(rows, timing, suite).dropna(subset=["vips"])
    used = rows.merge(parts[["device_id", "instance_id", "share", "vops_share"]], on=["device_id", "instance_id"])
    return {
        str(device): [variance.sum_variance(part, part[share].to_numpy(float)) for share in ("share", "vops_share")]
        for device, part in used.groupby("device_id", sort=False)
    }


def draw_scores(
    records: pd.DataFrame,
    counted: Mapping[Any, int],
    macs: Mapping[Any, float],
    runs: Mapping[str, Sequence[tuple[float, float]]],
    timing: str,
    seed: int,
    resamples: int,
) -> tuple[Floats, dict[str, object]]:
    """Return VIPS of one device in every draw, (resamples,), and the columns that `intervals` adds.

    The draws are empty, (0,), if the device has no interval. Takes the image records of the device. `counted` is the
    number of instances in its score, by device id; `macs` the FLOPs by instance; and `runs` the variance
    that runs add to the logarithms of VIPS and VOPS, with its degrees of freedom, by device id.
    """
    device = str(records["device_id"].iloc[0])
    n, n_instances = records["image"].nunique(), records["instance_id"].nunique()
    n_constant = int(records.groupby("instance_id", observed=True)["correct"].mean().isin([0.0, 1.0]).sum())
    note = missing_interval_reason(records, counted[device])
    if not note and n_constant == n_instances:
        note = "no interval: all answers of every instance are equal, so resampling does not change the accuracy"
    if note:
        return np.empty(0), {"interval_images": n, "interval_note": note}
    vips_draws = resampled(records, timing, seed, resamples)
    if vips_draws.isna().any(axis=None):
        note = "no interval: an instance has so few images that some resamples are empty"
        return np.empty(0), {"interval_images": n, "interval_note": note}
    excess = blocks.excess_variance(records, select.time_column(timing)).reindex(vips_draws.columns).to_numpy()
    drawn_scores = []
    for weights, (of_runs, freedom) in zip(
        (1.0, [macs[name] for name in vips_draws.columns]), runs[device], strict=True
    ):
        parts = vips_draws.to_numpy() * weights
        share = parts.mean(axis=0) / parts.mean(axis=0).sum()
        errors = time_errors(device, of_runs, freedom, float(share**2 @ excess), seed, resamples)
        drawn_scores.append(parts.sum(axis=1) * np.exp(errors))
    note = f"too narrow: all answers of {n_constant} of {n_instances} instances are equal" if n_constant else ""
    ends = [*percentile_interval(drawn_scores[0]), *percentile_interval(drawn_scores[1]), n, note]
    return drawn_scores[0], dict(zip(_INTERVALS, ends, strict=True))


def time_errors(key: str, of_runs: float, freedom: float, of_neighbours: float, seed: int, resamples: int) -> Floats:
    """Return errors of a logarithm due to other runs and dependent neighbours: (resamples,).

    Takes the variance between runs with its degrees of freedom, and what neighbours add to the variance of draws over
    images (ignored if negative). Errors are Student's t, or normal if the freedom is infinite, and are independent for
    different keys, such as the ids of devices.
    """
    generator = np.random.default_rng([seed, zlib.crc32(key.encode())])
    variances = [np.array([of_runs]), np.array([max(of_neighbours, 0.0)])]
    [error], [together] = variance.standard_error(variances, [np.array([freedom]), np.array([np.inf])])
    standard = generator.standard_t(together, resamples) if np.isfinite(together) else generator.normal(size=resamples)
    drawn: Floats = standard * error
    return drawn


def missing_interval_reason(records: pd.DataFrame, instances: int) -> str:
    """Return why the image records of a device give no interval, or "" if they give one.

    `instances` is the number of instances that count in the score of the device.
    """
    n_recorded = records["instance_id"].nunique()
    if n_recorded != instances:
        return f"no interval: {n_recorded} of {instances} instances have records of images"
    return "" if records["image"].nunique() > 1 else "no interval: there is one image"


def _rank_sets(scored: pd.DataFrame, draws: Mapping[str, Floats], resamples: int) -> pd.DataFrame:
    """Return the columns _RANKS for the frame of `scores`, from the draws of VIPS by device id."""
    sets = pd.DataFrame(index=scored.index, columns=_RANKS, dtype=object).assign(tie_group="")
    unknown = np.full(resamples, np.nan)
    for _, group in scored.groupby("peer_group"):
        if len(group) < 2:
            continue
        with np.errstate(divide="ignore"):
            log = np.log(group["vips"].to_numpy(float))
            table = np.log(np.column_stack([draws.get(device, unknown) for device in group["device_id"]]))
        better = surely_better(log, table)
        lowest, highest = rank_sets(better)
        places = np.flatnonzero(group["device_id"].isin(draws.keys()))  # rows of `scores` are in order of the ranking
        sets.loc[group.index[places], "rank_low"] = lowest[places]
        sets.loc[group.index[places], "rank_high"] = highest[places]
        if len(group) > TOP:
            sets.loc[group.index, "first_ten"] = among_first(lowest, highest, TOP)
        sets.loc[group.index, "tie_group"] = tie_groups(better, places)
    return sets.astype({"rank_low": "Int64", "rank_high": "Int64"})


def table_iv(scores: pd.DataFrame, devices: pd.DataFrame) -> pd.DataFrame:
    """Return the first ten devices of the data beside the paper's Table IV as printed.

    Takes the frame of `intervals` and the table `devices`. Returns ten rows in the paper's order: rank (the paper's),
    device (maker and model, or the id), instances (like "24 of 24"), vips, vips_low, vips_high, printed_device and
    printed_vips. Our columns are null where there are no more devices. Devices are ordered by peer group and rank, so
    those with all instances come first; a score over fewer instances is not comparable with a printed one.
    """
    first = scores[scores["instances"] > 0].head(TOP).reset_index(drop=True)
    absent = [len(ids.split(", ")) if ids else 0 for ids in first["missing"]]
    counts = [f"{n} of {n + lacking}" for n, lacking in zip(first["instances"], absent, strict=True)]
    ours = first.assign(
        rank=first.index + 1,
        device=first["device_id"].map(names.devices(devices)).fillna(first["device_id"]),
        instances=pd.Series(counts, dtype=object),
    )
    printed = paper.top10().rename(columns={"device": "printed_device", "vips": "printed_vips"})
    columns = ["rank", "device", "instances", "vips", "vips_low", "vips_high"]
    return ours[columns].merge(printed, on="rank", how="right").sort_values("rank", ignore_index=True)
