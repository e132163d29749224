"""Published profile jobs for readers: opening their page, and the finding of each of its sections in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiot_analysis.display.reading import fold, how_to_read
from aiot_analysis.display.show import banner, say
from aiot_analysis.stats import published_speed as speed
from aiot_analysis.stats import variance, vips
from aiot_analysis.tables import names, select
from aiot_analysis.tables.data import Data, load
from aiot_analysis.tables.workspace import FOLDER
from aiot_analysis.words import minus, plural

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NO_JOBS = "No profile jobs were published for these devices."
PROXY = "(Proxy)"


@dataclass(frozen=True)
class ProfilesPage:
    """Data of the page on published profile jobs."""

    data: Data
    rows: pd.DataFrame  # the frame of `published_speed.profiles`
    everything: pd.DataFrame  # the same of all devices, which has the accuracies
    source: str  # line below each figure that states the origin of its data
    run_to_run: float  # share of time within which two jobs are assumed to agree

    @property
    def names(self) -> dict[str, str]:
        """Names of devices by their id."""
        return names.devices(self.data.devices)

    @property
    def intervals(self) -> str:
        """What the intervals of times consist of, as two sentences."""
        share = f"{100 * self.run_to_run:g}%"
        return (
            f"The 95% intervals of times on one device assume that two jobs agree within {share} of time. Those of "
            "means over devices with jobs of their own (Student's, from 3 devices on) include how devices differ, and "
            f"at least these {share}."
        )

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with the names of devices in place of their ids."""
        found = frame.assign(device_id=frame["device_id"].map(self.names)).rename(columns={"device_id": "device"})
        if "same_jobs_as" in found:
            found["same_jobs_as"] = [self.names.get(device, "") for device in found["same_jobs_as"]]
        return found

    def with_names(self) -> pd.DataFrame:
        """Return `rows` with the names of devices as their ids, for tables of claims."""
        return self.rows.assign(device_id=self.rows["device_id"].map(self.names))


def open_profiles(
    processed: str | Path = FOLDER,
    origin: str = "published",
    *,
    device: str = "",
    verdicts: str = ",".join(names.USABLE),
    run_to_run: float = variance.RUN_TO_RUN,
) -> ProfilesPage:
    """Load the processed tables, display their origin, and select the profile jobs.

    Parameters are those of `notebook_page.open_page`. Raises DataError if the tables are missing or a value is unknown.
    """
    everything = load(processed, origin)
    data = everything[device] if device.strip(" ,") else everything
    usable = select.usable_rows(everything.instances, ["inference_ms_mean"], verdicts)
    of_devices = usable["device_id"].isin(data.devices["device_id"])
    used = usable[of_devices & (usable["profile"] == speed.PROFILE)]
    banner(data[list(used["device_id"].unique())] if len(used) else data, used)
    how_to_read()
    source = f"{names.origin_words(used)} · inference only · fastest run" if len(used) else data.origin
    say(f"All numbers on this page were {names.with_retrieval(names.origin_words(used), used)}." if len(used) else "")
    return ProfilesPage(data, speed.profiles(used), speed.profiles(usable), source, run_to_run)


@dataclass(frozen=True)
class ReferenceLayer:
    """Published times that a figure of other data shows in grey."""

    points: pd.DataFrame  # the frame of `published_speed.complexity`, of devices with jobs of their own
    description: str  # what the points are, and their source


def reference_layer(processed: str | Path = FOLDER) -> ReferenceLayer:
    """Return the published times of networks whose operations are known, in float on the NPU.

    Raises DataError if the tables have no published data.
    """
    data = load(processed, "published")
    used = data.instances[data.instances["profile"] == speed.PROFILE]
    points = speed.independent(speed.complexity(speed.profiles(used)))
    devices = plural(points["device_id"].nunique(), "device")
    source = names.with_retrieval(names.origin_words(used), used)
    return ReferenceLayer(
        points,
        f"Grey: inference alone, in float on the NPU of {devices}, {source}. "
        "These are other networks, units and timings, for orientation; no statistic uses them.",
    )


def cautions(page: ProfilesPage) -> None:
    """Display what readers must know about the devices, the times and the precisions."""
    if page.rows.empty:
        return
    shown = page.names
    proxies = sorted(name for name in page.rows["device_id"].map(shown).unique() if PROXY in name)
    copies = page.rows.loc[page.rows["same_jobs_as"] != "", ["device_id", "same_jobs_as"]].drop_duplicates()
    same = [f"{shown[copy]} has the same jobs as {shown[other]}" for copy, other in copies.itertuples(index=False)]
    devices = page.rows["device_id"].nunique()
    fold(
        "What a row is, and what intervals include",
        f"{len(page.rows):,} rows on {plural(devices, 'device')}, of {page.rows['job'].nunique():,} profile "
        "jobs. Each time is that of the fastest run of a job, of inference alone: one number without spread. "
        f"float on the NPU is computed in half precision. {page.intervals}"
        + (f" {', '.join(proxies)}: a proxy stands for a chip, and the device is not named." if proxies else "")
        + (f" {'; '.join(same)}: one measurement under two names; means count it once." if same else ""),
    )


def complexity(points: pd.DataFrame, correlation: pd.DataFrame, in_order: pd.DataFrame, left_out: list[str]) -> str:
    """Return how far operations order the networks by time.

    Takes the frames of `published_speed.complexity`, `complexity.rank_correlation` and `published_speed.in_order`, and
    the networks without a known size.
    """
    rho = correlation["rho"].dropna()
    if rho.empty:
        return NO_JOBS
    widest = in_order.nlargest(1, "apart").iloc[0] if in_order["apart"].notna().any() else None
    alike = (
        f" Yet of two networks with nearly equal operations, one takes up to {widest['apart']:.1f} times as long as "
        f"the other ({names.framework(str(widest['implementation']))})."
        if widest is not None
        else ""
    )
    return (
        f"Of the pairs of {plural(points['model'].nunique(), 'network')}, {100 * in_order['share'].mean():.0f}% are in "
        f"order.{alike}"
        + (
            f" Not drawn, because torchvision lacks them: {', '.join(map(names.display, left_out))}."
            if left_out
            else ""
        )
    )


def quantized(frame: pd.DataFrame) -> str:
    """Return speed-ups and changes in accuracy by precision. Takes the frame of `published_speed.quantized`."""
    if frame.empty:
        return "No accuracy of an integer precision was published together with a time and that of float."
    parts = []
    for precision in names.in_order(set(frame["quantization"]), names.PRECISIONS):
        part = frame[frame["quantization"] == precision]
        worst = part.nsmallest(1, "change").iloc[0]
        slower = int((part["speed_up_high"] < 1).sum())
        parts.append(
            f"{precision}: {slower or 'none'} of {plural(len(part), 'file')} {'is' if slower == 1 else 'are'} slower "
            f"than float, and accuracy changes by {100 * worst['change']:+.1f} points at worst "
            f"({names.display(str(worst['model']))}, {names.framework(str(worst['framework']))})"
        )
    shown = int(((frame["change_high"] < 0) | (frame["change_low"] > 0)).sum())
    verb = "is" if shown == 1 else "are"
    return minus(
        f"{'; '.join(parts)}. On {frame['images'].min():,} images, {shown or 'none'} of these changes {verb} "
        "distinguishable from 0."
    )


def off_npu(jobs: pd.DataFrame, counts: pd.DataFrame) -> str:
    """Return how many jobs ran without the NPU, where, and what it cost to leave a part of the layers to the CPU.

    Takes the frames of `published_speed.off_npu` and `jobs_by_unit`.
    """
    total, elsewhere = int(counts["jobs"].sum()), int(counts[["gpu", "cpu"]].to_numpy().sum())
    if not elsewhere:
        return f"The NPU ran all {total:,} rows."
    on_cpu = counts[counts["cpu"] > 0]
    runtimes_on_cpu = " and ".join(names.framework(name) for name in sorted(on_cpu["framework"].unique()))
    mixed = jobs[(jobs["unit"] == speed.NPU) & jobs["times"].notna()]
    worst = mixed.nlargest(1, "times").iloc[0] if len(mixed) else None
    partly = (
        f" Leaving a part to the CPU can cost more: {names.display(str(worst['model']))} in {worst['quantization']} by "
        f"{names.framework(str(worst['framework']))} with {100 * worst['share_npu']:.0f}% of its layers on the NPU "
        f"takes {worst['times']:.1f} times as long as QNN."
        if worst is not None and worst["times_low"] > 1
        else ""
    )
    return (
        f"{elsewhere} of {total:,} rows are of jobs without the NPU: {int(counts['cpu'].sum())} ran on the CPU"
        + (f" ({runtimes_on_cpu} on {plural(on_cpu['device_id'].nunique(), 'device')})" if len(on_cpu) else "")
        + f" and {int(counts['gpu'].sum())} on the GPU.{partly}"
    )


def scores(ranges: pd.DataFrame, shown: dict[str, str]) -> str:
    """Return how far the first device is ahead of the last, and how many may be in the top ten or not.

    Takes the frame of `published_speed.rank_ranges`.
    """
    if ranges.empty:
        return "No file with a known accuracy ran on all devices."
    best, files = ranges.iloc[0], int(ranges["instances"].iloc[0])
    crossing = int(((ranges["suite_min"] <= vips.TOP) & (ranges["suite_max"] > vips.TOP)).sum())
    devices = "device crosses" if crossing == 1 else "devices cross"
    return (
        f"Over the {plural(files, 'file')} that all {len(ranges)} devices ran, "
        f"{shown.get(best['device_id'], best['device_id'])} has {best['vips'] / ranges['vips'].min():.1f} times the "
        f"score of the last. By parts of this suite, {crossing or 'no'} {devices} the border of the top ten."
    )
