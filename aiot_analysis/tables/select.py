"""Which rows a statistic may use, and what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.tables import names, pooling

USABLE = ["valid", "semi-valid"]
KEY = ["run_id", "device_id", "instance_id"]  # of an instance in image records
PROFILE = "profile"  # the study of operators, which shows no images
TIMES = {"end_to_end": "end_to_end_ms", "inference": "inference_ms"}
LEFT_OUT_COLUMNS = ["run_id", "device_id", "instance_id", "model", "framework", "delegate", "quantization"]


def time_column(timing: str) -> str:
    """The column of image records that holds a timing, in ms; DataError if the timing is unknown."""
    if timing not in TIMES:
        raise DataError(f"Timing {timing!r} is unknown: choose {' or '.join(TIMES)}.")
    return TIMES[timing]


def of_suite(instances: pd.DataFrame) -> pd.DataFrame:
    """The instances of runs of the suite: those of a study are for its own statistics and no other."""
    return instances[instances["study"].isna()].reset_index(drop=True)


def of_paper(instances: pd.DataFrame) -> pd.DataFrame:
    """Of the suite's instances the paper's 60: its figures, tables and score know no other."""
    return instances[instances["instance_id"].isin(names.PAPER)].reset_index(drop=True)


def of_study(studies: pd.DataFrame, study: str) -> pd.DataFrame:
    """The usable instances of a study: of each device and instance those of its latest run."""
    usable = studies[(studies["study"] == study) & studies["verdict"].isin(USABLE)]
    latest = usable.groupby(["device_id", "instance_id"])["run_id"].transform("max")
    return usable[usable["run_id"] == latest].reset_index(drop=True)


def timing_of(rows: pd.DataFrame, timing: str) -> str:
    """The timing asked for, or "inference" where some of the rows have no other, as those of native tools."""
    return "inference" if (rows["timing"] == "inference").any() else timing


def verdicts(asked: str | Sequence[str]) -> list[str]:
    """The verdicts named in text like "valid,semi-valid", or in a list; DataError for others than USABLE, or none."""
    words = [word.strip() for word in asked.split(",")] if isinstance(asked, str) else list(asked)
    unknown = [word for word in words if word not in USABLE]
    if unknown or not words:
        named = ", ".join(map(repr, unknown)) or "none"
        raise DataError(f"Instances whose verdict is {named} have no numbers to use: choose {' or '.join(USABLE)}.")
    return words


def usable_rows(
    instances: pd.DataFrame, needs: Sequence[str] = ("accuracy",), wanted: str | Sequence[str] = USABLE
) -> pd.DataFrame:
    """The rows of all runs of the suite that have one of the verdicts and a number in each column of `needs`.

    For what compares runs of a device: `measured_rows` takes one run of each instance.
    """
    instances = of_suite(instances)
    usable = instances["verdict"].isin(verdicts(wanted)) & instances[list(needs)].notna().all(axis=1)
    return instances[usable].reset_index(drop=True)


def with_verdict(found: pd.DataFrame, instances: pd.DataFrame) -> pd.DataFrame:
    """The rows of a statistic by run x instance with the verdict and the reasons of each, from table `instances`."""
    known = instances[[*KEY, "verdict", "reasons"]].drop_duplicates(KEY)
    return found.astype(dict.fromkeys(KEY, str)).merge(known.astype(dict.fromkeys(KEY, str)), on=KEY, how="left")


def measured_rows(
    instances: pd.DataFrame,
    needs: Sequence[str] = ("accuracy",),
    by_framework: bool = False,
    wanted: str | Sequence[str] = USABLE,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One usable row per device x instance, and every row that is not used with the reason.

    Only runs of the suite count (see `of_suite`). Usable is what has a verdict that is `wanted` (see `verdicts`; valid
    and semi-valid, unless told otherwise) and a number in each column of `needs`; of several runs the latest is taken
    (run ids begin with the time), never a mean over runs.
    Instances of a device are only used together if they ran with the same profile, threads, weights and images, and
    those of one framework with the same version of it: with those that most ran with (see `_settings`). They are of
    one timing and one source (agent or tool), or, with `by_framework`, those of each framework are. Takes the
    table `instances`; gives it with the rows chosen, and a frame of the columns run_id, device_id, instance_id, model,
    framework, delegate, quantization, verdict and reasons, where the same reason in several runs of a device stands
    once.
    """
    instances = of_suite(instances)
    lacking = instances[list(needs)].isna()
    asked = verdicts(wanted)
    judged = instances["verdict"].isin(asked)
    usable = judged & ~lacking.any(axis=1)
    other = pd.Series(index=instances.index, dtype=object)
    for setting, of, by in _settings(instances, by_framework):
        groups = [instances["device_id"], *by]
        usual = _usual(instances[usable], setting[usable], [one[usable] for one in groups])
        usual = usual.reindex(instances.index).astype(str)
        unusual = usable & (setting != usual)
        other = other.where(~unusual, "run with " + setting + f"; most of the device's instances{of}: " + usual)
        usable &= ~unusual
    latest = instances[usable].groupby(["device_id", "instance_id"])["run_id"].transform("max")
    superseded = latest[latest != instances.loc[latest.index, "run_id"]]
    chosen = usable & ~instances.index.isin(superseded.index)

    left_out = instances[~chosen][[*LEFT_OUT_COLUMNS, "verdict", "reasons"]].copy()
    absent = [
        ", ".join(f"no {column}" for column in needs if row[column]) for row in lacking[~chosen].to_dict("records")
    ]
    unusable = left_out["reasons"].where(left_out["reasons"] != "", pd.Series(absent, left_out.index, dtype=object))
    unasked = left_out["verdict"].isin(USABLE) & ~judged.reindex(left_out.index)
    unusable = unusable.where((unusable != "") | ~unasked, f"only {' and '.join(asked)} ones are asked for")
    later = "run " + superseded.reindex(left_out.index) + " is later"
    left_out["reasons"] = later.fillna(other.reindex(left_out.index)).fillna(unusable)
    left_out = left_out.drop_duplicates(["device_id", "instance_id", "verdict", "reasons"], keep="last")
    return instances[chosen].reset_index(drop=True), left_out.reset_index(drop=True)


def with_quantized(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of devices that ran a quantized instance (the paper: 25 of its 51); all rows if none did."""
    ran = rows[rows["quantization"] != "float32"]["device_id"].unique()
    return rows[rows["device_id"].isin(ran)] if len(ran) else rows


def _settings(instances: pd.DataFrame, by_framework: bool) -> Iterator[tuple[pd.Series, str, list[pd.Series]]]:
    """What instances that are used together have alike, in words: of which, and within what beside the device.

    The paper's six models are used together, any other model by itself.
    """
    fields = ["model", "framework", "profile", "threads", *pooling.SHARED, "dataset", "framework_version"]
    kept = instances["conditions"].fillna("").map(lambda words: f", {words}" if words else "")
    text = instances[fields].astype("object").where(instances[fields].notna(), "unknown").astype(str)
    own = text["model"].where(~text["model"].isin(names.MODELS), "")
    yield text["profile"] + " profile, " + text["threads"] + " threads" + kept, "", [own]
    images = text["dataset"] + " images (" + text["dataset_sha256"].str[:8] + ")"
    timed = text["timing"].map(names.display) + " by the " + text["source"]
    weights = text["weights"] + " weights, " + images
    yield (weights if by_framework else weights + ", " + timed), "", [own]
    if by_framework:
        yield timed, " of this framework", [own, text["framework"]]
    yield text["framework_version"], " of this framework", [own, text["framework"]]


def _usual(usable: pd.DataFrame, setting: pd.Series, groups: list[pd.Series]) -> pd.Series:
    """For each row the setting that most instances of its group ran with; of equally many that of the latest run."""
    if usable.empty:
        return pd.Series(index=usable.index, dtype=object)
    columns = {f"group_{place}": values for place, values in enumerate(groups)}
    rows = pd.DataFrame({**columns, "setting": setting, **usable[["instance_id", "run_id"]]})
    if not rows[[*columns, "setting"]].drop_duplicates().duplicated([*columns]).any():
        return setting  # nearly always: each group ran with one
    counts = rows.groupby([*columns, "setting"], as_index=False)[["instance_id", "run_id"]]
    found = counts.agg({"instance_id": "nunique", "run_id": "max"}).sort_values(["instance_id", "run_id"])
    best = found.drop_duplicates([*columns], keep="last").set_index([*columns])["setting"]
    return rows.join(best.rename("usual"), on=[*columns])["usual"]


def image_rows(images: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The image records of the runs and instances in `rows`, and of no other run."""
    columns = [images[name].astype("category").cat for name in KEY]
    sizes = [max(1, len(column.categories)) for column in columns]
    there = np.ravel_multi_index([column.codes.to_numpy() for column in columns], sizes)
    wanted = np.array(
        [
            column.categories.astype(str).get_indexer(pd.Index(rows[name]))
            for name, column in zip(KEY, columns, strict=True)
        ]
    )
    wanted = wanted[:, (wanted >= 0).all(axis=0)]  # of a fleet, for the records of a device
    return images[np.isin(there, np.ravel_multi_index(list(wanted), sizes))].reset_index(drop=True)


def records_by_device(
    images: pd.DataFrame | Iterable[pd.DataFrame], rows: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The image records of the runs and instances in `rows`, one device after the other.

    `images` is a frame, or parts of it that each have all records of the devices in them (see `Data.image_parts`): then
    no more than a part is in memory. Raises DataError where a device comes in two parts.
    """
    seen: set[str] = set()
    for part in [images] if isinstance(images, pd.DataFrame) else images:
        chosen = image_rows(part, rows) if len(part) else part
        for key, records in chosen.groupby("device_id", observed=True, sort=False):
            device = str(key)
            if device in seen:
                raise DataError(f"Image records of device {device} come in two parts: give all of a device at once.")
            seen.add(device)
            yield device, records


def per_image(images: pd.DataFrame) -> pd.DataFrame:
    """One row per run x device x instance x image: a timed profile may show an image more than once.

    Times are means over the showings; `query` and `correct` are those of the first, so that `correct` stays true or
    false. Rows are in order of instance and image.
    """
    key = [*KEY, "image"]
    if not images.duplicated(key).any():  # nearly always
        columns = [*key, "query", "correct", "end_to_end_ms", "inference_ms", "failed"]
        return images[columns].sort_values(key, ignore_index=True)
    return (
        images.sort_values("query", kind="stable")
        .groupby(key, as_index=False, observed=True)
        .agg(
            query=("query", "first"),
            correct=("correct", "first"),
            end_to_end_ms=("end_to_end_ms", "mean"),
            inference_ms=("inference_ms", "mean"),
            failed=("failed", "any"),
        )
    )
