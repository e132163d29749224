"""Speed of real phones and boards, from profile jobs that Qualcomm AI Hub published (Remarks 2 to 6).

A row is a profile job: a network in one precision, run by one runtime on one device. Its time is that of the fastest of
the runs, a single number without spread. What another job would give is unknown, so every interval rests on an
allowance: two jobs are assumed to agree within `run_to_run` of their time 19 times out of 20 (see `variance`).

Two names of devices may stand for the same jobs. The second is marked (`same_jobs_as`), and no mean over devices
counts it.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scipy.stats import t as student

from aiot_analysis.stats import accuracy, latency, variance, vips
from aiot_analysis.tables import names
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]

PROFILE = "AI Hub (fastest run)"
"""Profile of the rows of the table `instances` that are used here."""
RUNTIMES = names.RUNTIMES
FLOAT, W8A8, W8A16 = PRECISIONS = names.PRECISIONS
"""Precisions that are compared. On the NPU, `float` is computed in half precision; w8a16 has weights of 8 bits and
activations of 16.
"""
NPU = "npu"
PAPER_NETWORKS = {
    "resnet50": "resnet50",
    "inception_v3": "inception_v3",
    "densenet121": "densenet121",
    "squeezenet": "squeezenet1_1",
    "mobilenet_v2": "mobilenet_v2",
    "mnasnet": "mnasnet05",
}
"""Network of AI Hub that stands for each of the paper's: SqueezeNet 1.1 for 1.0, MnasNet 0.5 for 1.0."""
APART = 1.1
"""Smallest ratio of operations of two networks whose order is judged, as for the paper's claim."""
KEY = ["device_id", "framework", "quantization", "model"]
SOURCE = ["publisher", "publication", "address", "retrieved"]
_LAYERS = ["layers_npu", "layers_gpu", "layers_cpu"]


def profiles(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the profile jobs in the table `instances`, one row per device, runtime, precision and network.

    Returns device_id, framework (the runtime), quantization (the precision), model, latency_ms, unit (where most of it
    ran: npu, gpu or cpu), the numbers of layers by unit (0 where none is stated), accuracy, torch_accuracy (of the
    PyTorch original) and images, which are null unless the accuracy was measured on this device, job, SOURCE, and
    same_jobs_as: the device whose jobs all jobs of this device are, or "".
    """
    published = instances[(instances["origin"] == "published") & (instances["profile"] == PROFILE)]
    rows = published.rename(columns={"inference_ms_mean": "latency_ms", "accelerator_actual": "unit"})
    rows = rows[rows["latency_ms"] > 0].sort_values("run_id").drop_duplicates(KEY, keep="last")
    layers = rows[_LAYERS].astype("Int64").fillna(0).astype(int)
    has_accuracy = rows["accuracy"].notna()
    rows = rows.assign(**layers, images=rows["images"].where(has_accuracy).astype("Int64"))
    copies = _same_jobs(rows)
    rows["same_jobs_as"] = [copies.get(device, "") for device in rows["device_id"]]
    columns = [*KEY, "latency_ms", "unit", *_LAYERS, "accuracy", "torch_accuracy", "images", "job", *SOURCE]
    return rows[[*columns, "same_jobs_as", "instance_id"]].sort_values(KEY, ignore_index=True)


def _same_jobs(rows: pd.DataFrame) -> dict[str, str]:
    """Return for each device without a job of its own the first other device that has all of its jobs."""
    jobs = {str(device): set(part) for device, part in rows.dropna(subset=["job"]).groupby("device_id")["job"]}
    copies: dict[str, str] = {}
    for device in sorted(jobs):
        others = (other for other in sorted(jobs) if other != device and other not in copies)
        first = next((other for other in others if jobs[device] <= jobs[other]), "")
        if first and (first < device or jobs[device] < jobs[first]):
            copies[device] = first
    return copies


def independent(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of devices that have jobs of their own."""
    return rows[rows["same_jobs_as"] == ""]


def network_sizes() -> pd.DataFrame:
    """Return the operations of the networks that torchvision has, one row per network.

    Columns are model (AI Hub's name), torchvision (its name there), size (of the input), macs_millions and
    params_millions, counted by the code that makes Table II.
    """
    with resources.files(__package__).joinpath("network_sizes.csv").open("rb") as file:
        return pd.read_csv(file)


def complexity(rows: pd.DataFrame) -> pd.DataFrame:
    """Return operations and time of each network that torchvision has, in float on the NPU.

    Takes the frame of `profiles`. The result has the columns of `complexity.complexity`, with the runtime as
    implementation, and same_jobs_as: the statistics of that module take it.
    """
    wanted = rows[(rows["quantization"] == FLOAT) & (rows["unit"] == NPU) & rows["framework"].isin(RUNTIMES)]
    points = wanted.assign(implementation=wanted["framework"]).merge(network_sizes(), on="model")
    points["gmacs_per_s"] = points["macs_millions"] / points["latency_ms"]
    points["gflops_per_s"] = 2 * points["gmacs_per_s"]
    columns = ["device_id", "model", "implementation", "macs_millions", "params_millions", "latency_ms"]
    return points[[*columns, "gmacs_per_s", "gflops_per_s", "same_jobs_as"]]


def without_size(rows: pd.DataFrame) -> list[str]:
    """Return the networks that torchvision lacks, in order of their names."""
    return sorted(set(rows["model"]) - set(network_sizes()["model"]))


def in_order(points: pd.DataFrame) -> pd.DataFrame:
    """Return the share of pairs of networks of which the one with more operations takes longer.

    Takes the frame of `complexity`. Counts pairs whose operations differ by APART or more. Returns device_id,
    implementation, models, pairs, share, and apart: the largest ratio of times among networks whose operations differ
    by less than APART.
    """
    table = []
    for (device, implementation), part in points.groupby(["device_id", "implementation"], sort=False):
        ordered = part.sort_values("macs_millions")
        macs, ms = ordered["macs_millions"].to_numpy(float), ordered["latency_ms"].to_numpy(float)
        fewer, more = np.triu_indices(len(ordered), 1)
        judged = macs[more] > APART * macs[fewer]
        ratios = ms[more] / ms[fewer]
        table.append(
            {
                "device_id": device,
                "implementation": implementation,
                "models": len(ordered),
                "pairs": int(judged.sum()),
                "share": float((ratios[judged] > 1).mean()) if judged.any() else np.nan,
                "apart": float(np.exp(np.abs(np.log(ratios[~judged])).max())) if (~judged).any() else np.nan,
            }
        )
    return pd.DataFrame(table, columns=["device_id", "implementation", "models", "pairs", "share", "apart"])


def speed_ups(
    rows: pd.DataFrame, column: str, base: str, run_to_run: float = variance.RUN_TO_RUN, level: float = CONFIDENCE
) -> pd.DataFrame:
    """Return how many times as fast each row is as the row that differs from it only in `column`, which is `base`.

    Takes the frame of `profiles`. `column` is one of KEY, such as "quantization" with the base "float". Returns KEY,
    base_ms, latency_ms, base_unit, unit, speed_up with its interval speed_up_low and speed_up_high, which consists of
    the allowance for two jobs alone, and same_jobs_as.
    """
    by = [name for name in KEY if name != column]
    bases = rows[rows[column] == base]
    pairs = rows[rows[column] != base].merge(bases, on=by, suffixes=("", "_base"))
    sides = [
        variance.assumed(pairs[["device_id"]].assign(device_id=pairs[name]), run_to_run)
        for name in ("device_id_base" if column == "device_id" else "device_id", "device_id")
    ]
    logs = np.log(pairs["latency_ms_base"].to_numpy(float) / pairs["latency_ms"].to_numpy(float))
    runs, freedom = variance.ratio_variance(*sides)
    low, high = variance.interval_of_parts(logs, [runs], [freedom], level)
    table = pairs.rename(columns={"latency_ms_base": "base_ms", "unit_base": "base_unit"})
    table = table.assign(speed_up=np.exp(logs), speed_up_low=np.exp(low), speed_up_high=np.exp(high))
    columns = [*KEY, "base_ms", "latency_ms", "base_unit", "unit", "speed_up", "speed_up_low", "speed_up_high"]
    return table[[*columns, "same_jobs_as"]]


def over_devices(
    table: pd.DataFrame, by: Sequence[str], run_to_run: float = variance.RUN_TO_RUN, level: float = CONFIDENCE
) -> pd.DataFrame:
    """Return the geometric mean of the speed-ups of `speed_ups` over devices with jobs of their own.

    If several rows of a device are in one group of `by`, their geometric mean is the value of the device. Returns `by`,
    devices, networks, speed_up, its interval over devices (null for fewer than 3), speed_up_min and speed_up_max (over
    devices), and note: why there is no interval. The standard error is that of the scatter over devices, but at least
    what the allowance for two jobs would give.
    """
    columns = [*by, "devices", "networks", "speed_up", "speed_up_low", "speed_up_high", "speed_up_min", "speed_up_max"]
    groups = independent(table).groupby(list(by), sort=False)
    records = []
    for key, part in groups:
        logs = part.assign(log=np.log(part["speed_up"].astype(float))).groupby("device_id")["log"].mean()
        middle, low, high = mean_of_logs(logs.to_numpy(), run_to_run, level)
        values = np.exp([middle, low, high, logs.min(), logs.max()])
        note = latency.too_few_devices(np.exp(logs))
        records.append([*key, len(logs), part["model"].nunique(), *values, note])
    return pd.DataFrame(records, columns=[*columns, "note"])


def mean_of_logs(
    logs: Floats, run_to_run: float = variance.RUN_TO_RUN, level: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Return the mean of the log ratios of devices and the ends of Student's interval, which never has zero width.

    The scatter counts as at least that of two jobs of one device by the allowance. The ends are NaN for fewer than 3
    devices.
    """
    n, middle = len(logs), float(logs.mean()) if len(logs) else np.nan
    if n < latency.FEWEST_DEVICES:
        return middle, np.nan, np.nan
    scatter = max(float(logs.std(ddof=1)), np.sqrt(2) * variance.standard_deviation(run_to_run))
    width = float(student.ppf((1 + level) / 2, n - 1)) * scatter / np.sqrt(n)
    return middle, middle - width, middle + width


def runtime_shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each of the three RUNTIMES in their summed time, for networks and devices with all three.

    Takes the frame of `profiles`; uses float only. Returns device_id, model, framework, latency_ms, share, fastest
    (whether it is the fastest of the three) and same_jobs_as.
    """
    wanted = rows[(rows["quantization"] == FLOAT) & (rows["unit"] == NPU) & rows["framework"].isin(RUNTIMES)]
    runtimes = wanted.groupby(["device_id", "model"])["framework"].transform("nunique")
    complete = wanted[runtimes == len(RUNTIMES)]
    times = complete.groupby(["device_id", "model"])["latency_ms"]
    table = complete.assign(
        share=complete["latency_ms"] / times.transform("sum"), fastest=complete["latency_ms"] == times.transform("min")
    )
    columns = ["device_id", "model", "framework", "latency_ms", "share", "fastest", "same_jobs_as"]
    return table[columns].reset_index(drop=True)


def shares_over_devices(shares: pd.DataFrame) -> pd.DataFrame:
    """Return the mean share of each runtime over devices, and how often it is the fastest, by network.

    Takes the frame of `runtime_shares`. Returns model, framework, devices, share, share_min, share_max and fastest (on
    how many devices).
    """
    groups = independent(shares).groupby(["model", "framework"])
    return groups.agg(
        devices=("device_id", "nunique"),
        share=("share", "mean"),
        share_min=("share", "min"),
        share_max=("share", "max"),
        fastest=("fastest", "sum"),
    ).reset_index()


def accuracy_changes(rows: pd.DataFrame, level: float = CONFIDENCE) -> pd.DataFrame:
    """Return the change in accuracy of each file against its PyTorch original on the same images.

    Takes the frame of `profiles`; only the device on which an accuracy was measured has one. Which images differ is not
    published, so the interval is the one for answers that are independent of those of the original: Newcombe's with
    the correlation 0. The answers of two versions of a network are alike, so it is too wide rather than too narrow.
    Returns KEY, images, accuracy, torch_accuracy, change (fraction of 1), change_low and change_high.
    """
    table = rows.dropna(subset=["accuracy", "torch_accuracy"])
    images, other, base = (table[name].to_numpy(float) for name in ("images", "accuracy", "torch_accuracy"))
    low, high = difference(base, other, images, level)
    columns = [*KEY, "images", "accuracy", "torch_accuracy"]
    return table[columns].assign(change=other - base, change_low=low, change_high=high).reset_index(drop=True)


def difference(base: Floats, other: Floats, images: Floats, level: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Return the ends of the interval of other minus base accuracy on equally many images, if they are independent."""
    kept, lost = images * base * other, images * base * (1 - other)
    won, none = images * (1 - base) * other, images * (1 - base) * (1 - other)
    return accuracy.newcombe(kept, lost, won, none, level)


def quantized(
    rows: pd.DataFrame, run_to_run: float = variance.RUN_TO_RUN, precisions: Sequence[str] = (W8A8, W8A16)
) -> pd.DataFrame:
    """Return speed-up over float and change in accuracy of each integer version, where the accuracy was measured.

    Takes the frame of `profiles`. Returns the columns of `speed_ups` and those of `accuracy_changes`. Both sides of a
    speed-up are of the same network, device and runtime.
    """
    faster = speed_ups(rows, "quantization", FLOAT, run_to_run)
    faster = faster[faster["quantization"].isin(precisions)]
    return faster.merge(accuracy_changes(rows), on=KEY)


def off_npu(rows: pd.DataFrame, run_to_run: float = variance.RUN_TO_RUN) -> pd.DataFrame:
    """Return the jobs of which the NPU did not compute every layer, with the time of the same job by QNN on the NPU.

    Takes the frame of `profiles`. Returns KEY, unit, the layers by unit, share_npu (of the layers), latency_ms, npu_ms
    (null without such a job), times (latency_ms / npu_ms) with times_low and times_high by the allowance for two jobs,
    and same_jobs_as.
    """
    wanted = rows[(rows["unit"] != NPU) | (rows["layers_gpu"] > 0) | (rows["layers_cpu"] > 0)]
    whole = rows[(rows["framework"] == "qnn") & (rows["unit"] == NPU)]
    whole = whole[["device_id", "quantization", "model", "latency_ms"]].rename(columns={"latency_ms": "npu_ms"})
    table = wanted.merge(whole, on=["device_id", "quantization", "model"], how="left")
    table["share_npu"] = table["layers_npu"] / table[_LAYERS].sum(axis=1)
    table["times"] = table["latency_ms"] / table["npu_ms"]
    off_by = 1 + run_to_run  # at most this factor at 95%: see `variance.RUN_TO_RUN`
    table = table.assign(times_low=table["times"] / off_by, times_high=table["times"] * off_by)
    columns = [*KEY, "unit", *_LAYERS, "share_npu", "latency_ms", "npu_ms", "times", "times_low", "times_high"]
    return table[[*columns, "same_jobs_as"]]


def jobs_by_unit(rows: pd.DataFrame) -> pd.DataFrame:
    """Return how many jobs ran where, by device and runtime.

    Returns device_id, framework, jobs, npu (the whole network on the NPU), mixed (most of it), gpu and cpu.
    """
    mixed = (rows["unit"] == NPU) & ((rows["layers_gpu"] > 0) | (rows["layers_cpu"] > 0))
    place = rows["unit"].where(~mixed, "mixed")
    by = ["device_id", "framework"]
    counts = rows.assign(place=place).groupby([*by, "place"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["npu", "mixed", "gpu", "cpu"], fill_value=0)
    return counts.assign(jobs=counts.sum(axis=1)).reset_index().rename_axis(columns=None)


SUITE = "all that the devices have in common"


def with_accuracy(rows: pd.DataFrame, everything: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the accuracy of the same file on the device on which it was measured; others are dropped.

    Takes the frame of `profiles` for the devices of interest, and for all. A file is a network in one precision for one
    runtime. `accuracy_device` is the id of the device on which the accuracy was measured.
    """
    file = ["framework", "quantization", "model"]
    measured = everything.dropna(subset=["accuracy"]).drop_duplicates(file, keep="last")
    measured = measured[[*file, "accuracy", "device_id"]].rename(columns={"device_id": "accuracy_device"})
    return rows.drop(columns="accuracy").merge(measured, on=file)


def suite_of_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the files that every device in `rows` ran."""
    file = ["framework", "quantization", "model"]
    everywhere = rows.groupby(file)["device_id"].transform("nunique") == rows["device_id"].nunique()
    return rows[everywhere]


def scores(
    rows: pd.DataFrame, run_to_run: float = variance.RUN_TO_RUN, seed: int = 0, draws: int = 2000
) -> pd.DataFrame:
    """Return the score of each device over the files that all devices have, best first.

    The score is VIPS (Equation 1): the sum of accuracy / time over files. Takes the frame of `with_accuracy`. Returns
    device_id, same_jobs_as, instances (their number), vips, its interval vips_low and vips_high, rank, rank_low and
    rank_high (for all devices at once, see `vips.surely_better`), first_ten and tie_group. Intervals consist of the
    allowance for what all jobs of a device share, with which scores vary most; the accuracies are common to all devices
    and count as exact.
    """
    table = _totals(suite_of_all(rows))
    error = variance.standard_deviation(run_to_run)
    width = np.exp(float(student.ppf((1 + CONFIDENCE) / 2, np.inf)) * error)
    table = table.assign(vips_low=table["vips"] / width, vips_high=table["vips"] * width)
    measured = table["same_jobs_as"].where(table["same_jobs_as"] != "", table["device_id"])
    codes, sets_of_jobs = pd.factorize(measured)
    errors = np.random.default_rng(seed).normal(0.0, error, (draws, len(sets_of_jobs)))
    logs = np.log(table["vips"].to_numpy(float))
    better = vips.surely_better(logs, logs + errors[:, codes])
    low, high = vips.rank_sets(better)
    ranked = table.assign(rank_low=low, rank_high=high, first_ten=vips.among_first(low, high, vips.TOP))
    return ranked.assign(tie_group=vips.tie_groups(better, np.arange(len(ranked))))


def _totals(rows: pd.DataFrame) -> pd.DataFrame:
    """Return device_id, same_jobs_as, instances, vips and rank of each device, best first."""
    added = rows.assign(vips=rows["accuracy"] / (rows["latency_ms"] / 1000))
    table = added.groupby(["device_id", "same_jobs_as"]).agg(instances=("vips", "size"), vips=("vips", "sum"))
    table = table.reset_index()
    table["rank"] = _ranks(table.set_index("device_id")["vips"]).to_numpy()
    return table.sort_values(["rank", "same_jobs_as", "device_id"], ignore_index=True)


def _ranks(values: pd.Series) -> pd.Series:
    """Return ranks from 1, the highest value first; values that are equal but for rounding share the better rank."""
    return values.round(9).rank(ascending=False, method="min").astype(int)


def suites(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows of every suite whose ranking is compared, by its name, the suite that all devices have first.

    Takes the frame of `with_accuracy`. Suites are parts of that suite (one precision; the paper's networks), or those
    of one runtime and precision, which fewer devices have.
    """
    whole = suite_of_all(rows)
    rows_by_name = {SUITE: whole}
    rows_by_name |= {f"of these, only {name}": whole[whole["quantization"] == name] for name in PRECISIONS}
    of_paper = whole["model"].isin(list(PAPER_NETWORKS.values()))
    rows_by_name["of these, only networks of the paper"] = whole[of_paper]
    for framework in RUNTIMES:
        for precision in PRECISIONS:
            part = rows[(rows["framework"] == framework) & (rows["quantization"] == precision)]
            rows_by_name[f"{names.framework(framework)}, {precision}"] = suite_of_all(_many(part))
    return {name: part for name, part in rows_by_name.items() if len(part)}


def _many(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of devices that have at least half as many files as the device with the most."""
    files = rows.groupby("device_id")["model"].transform("nunique")
    many: pd.DataFrame = rows[files >= files.max() / 2]
    return many


def by_suite(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the score and rank of each device in each of the suites of `suites`.

    Returns suite, device_id, same_jobs_as, instances, vips, rank, devices (in the suite) and rank_of_all: the rank
    among the same devices by the suite that all devices have.
    """
    parts = suites(rows)
    of_all = _totals(suite_of_all(rows)).set_index("device_id")["vips"]
    tables = [_totals(rows.head(0)).assign(suite="", devices=0, rank_of_all=0)]
    for name, part in parts.items():
        table = _totals(part)
        ranks = of_all.reindex(table["device_id"]).round(9).rank(ascending=False, method="min").astype("Int64")
        tables.append(table.assign(suite=name, devices=len(table), rank_of_all=ranks.to_numpy()))
    return pd.concat(tables, ignore_index=True)


def without_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rank of each device by the suite that all devices have without one network at a time.

    Takes the frame of `with_accuracy`. Returns model (the network left out), device_id, same_jobs_as, share (of the
    network in the score of the device), rank and rank_without.
    """
    whole = suite_of_all(rows)
    everything = _totals(whole).set_index("device_id")
    tables = []
    for model in sorted(whole["model"].unique()):
        rest = _totals(whole[whole["model"] != model]).set_index("device_id").reindex(everything.index)
        if rest["vips"].isna().all():
            continue
        table = everything[["same_jobs_as", "rank"]].assign(model=model, rank_without=rest["rank"])
        tables.append(table.assign(share=1 - rest["vips"] / everything["vips"]).reset_index())
    columns = ["model", "device_id", "same_jobs_as", "share", "rank", "rank_without"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def agreement(ranked: pd.DataFrame, by: str, rank: str, other: str) -> pd.DataFrame:
    """Return how far two rankings of the same devices agree, for each value of `by`.

    Returns `by`, devices, instances (if the frame has them), tau (Kendall's), moved, largest_move, and first (whether
    the same device is first).
    """
    table = []
    for key, part in independent(ranked).dropna(subset=[rank, other]).groupby(by, sort=False):
        moves = (part[rank] - part[other]).abs()
        row: dict[str, object] = {by: key, "devices": len(part)}
        if "instances" in part:
            row["instances"] = int(part["instances"].iloc[0])
        table.append(
            {
                **row,
                "tau": float(kendalltau(part[rank], part[other]).statistic) if len(part) > 1 else np.nan,
                "moved": int((moves > 0).sum()),
                "largest_move": int(moves.max()),
                "first": set(part.loc[part[rank] == part[rank].min(), "device_id"])
                == set(part.loc[part[other] == part[other].min(), "device_id"]),
            }
        )
    columns = [
        by,
        "devices",
        *(["instances"] if "instances" in ranked else []),
        "tau",
        "moved",
        "largest_move",
        "first",
    ]
    return pd.DataFrame(table, columns=columns)


def rank_ranges(scored: pd.DataFrame, left_out: pd.DataFrame, by_suites: pd.DataFrame) -> pd.DataFrame:
    """Return `scores` with the range of each device's ranks over suites that all devices have.

    Takes the frames of `scores`, `without_each` and `by_suite`. Adds without_min and without_max (ranks with one
    network left out) and suite_min and suite_max (ranks by the parts of the suite and with one network left out).
    """
    everywhere = by_suites[by_suites["devices"] == len(scored)]
    of_parts = everywhere[["device_id", "rank"]]
    of_rest = left_out[["device_id", "rank_without"]].rename(columns={"rank_without": "rank"})
    table = scored.set_index("device_id")
    for name, part in {"without": of_rest, "suite": pd.concat([of_rest, of_parts])}.items():
        ranks = part.groupby("device_id")["rank"]
        table[f"{name}_min"], table[f"{name}_max"] = ranks.min(), ranks.max()
    return table.reset_index()


def sources(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the publications of the rows of `profiles`: one row per network, with SOURCE and the number of jobs."""
    return rows.groupby(["model", *SOURCE]).agg(jobs=("job", "nunique"), devices=("device_id", "nunique")).reset_index()
