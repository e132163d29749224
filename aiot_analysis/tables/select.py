"""Selection of the rows that a statistic may use and pool, with the reasons for excluding others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aiot_analysis.errors import DataError, PoolingError
from aiot_analysis.tables import names
from aiot_analysis.tables.names import TIMES, USABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

SHARED = ["origin", "dataset_sha256", "timing", "weights", "source"]  # must be equal in all rows of one statistic
SHARED_INFERENCE = [field for field in SHARED if field not in ("timing", "source")]
"""As SHARED, for statistics of inference alone that mix instances of an agent and of a native tool, and say so."""
SAME_FRAMEWORK = ["framework_version"]
SAME_INSTANCE = [*SHARED, *SAME_FRAMEWORK, "image_library", "threads", "conditions", "resize", "model_sha256"]
"""Fields that must be equal where one instance is pooled across devices or runs."""


def check(frame: pd.DataFrame, fields: Sequence[str] = SHARED, by: Sequence[str] = ()) -> None:
    """Raise PoolingError, with the field and two of its values, if rows differ in a field.

    Rows are compared within each group of `by`, or all with one another if it is empty. A null is a value of its own.
    Rows that are drawn side by side, each with its own statistic, need no check.
    """
    if frame.empty:
        return
    varying = [field for field in fields if frame[field].nunique(dropna=False) > 1]
    if not varying:  # the usual case
        return
    # group number of each row, constant if `by` is empty
    groups = frame.groupby(list(by), dropna=False).ngroup() if by else pd.Series(0, index=frame.index)
    for field in varying:
        values = frame[field].astype("object").where(frame[field].notna(), "nothing")
        pairs = pd.DataFrame({"group": groups, "value": values}).drop_duplicates()
        mixed = pairs[pairs.duplicated("group", keep=False)]
        if not mixed.empty:
            group = mixed["group"].iloc[0]
            first, second = mixed[mixed["group"] == group]["value"].iloc[:2]
            row = frame[groups == group].iloc[0]
            where = "".join(f", {column} {row[column]}" for column in by)
            raise PoolingError(
                f"Rows with {field} {first!r} and {second!r} cannot be combined in one statistic{where}: "
                f"choose rows with one {field}, or compare them side by side."
            )


def conditions(rows: pd.DataFrame) -> pd.Series:
    """Return the conditions of each row's measurement as text: rows with equal texts may share a statistic."""
    if rows.empty:
        return pd.Series(index=rows.index, dtype=str)
    fields = rows[["instance_id", *SAME_INSTANCE]].astype("object")
    text = fields.where(fields.notna(), "nothing").astype(str)
    return pd.Series(map("|".join, text.itertuples(index=False, name=None)), rows.index, dtype=str)


def ways(rows: pd.DataFrame) -> pd.Series:
    """Return `conditions` with the profile: rows of an instance with equal texts differ only in their run."""
    return conditions(rows) + "|" + rows["profile"].astype(str)


KEY = ["run_id", "device_id", "instance_id"]  # identifies an instance in image records
PROFILE = "profile"  # the operator study, which shows no images
LEFT_OUT_COLUMNS = ["run_id", "device_id", "instance_id", "model", "framework", "delegate", "quantization"]


def time_column(timing: str) -> str:
    """Return the column of image records that holds a timing, in ms; raise DataError if the timing is unknown."""
    if timing not in TIMES:
        raise DataError(f"Timing {timing!r} is unknown: choose {' or '.join(TIMES)}.")
    return TIMES[timing]


def of_suite(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the instances of runs of the suite; those of a study are only for the study's own statistics."""
    return instances[instances["study"].isna()].reset_index(drop=True)


def of_paper(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the suite's instances that are among the paper's 60.

    Only these are in the paper's figures, tables and score.
    """
    return instances[instances["instance_id"].isin(names.PAPER)].reset_index(drop=True)


def suites(instances: pd.DataFrame) -> dict[str, list[str]]:
    """Return the ids of all instances of each suite that a run named, by the name of the suite.

    The paper's suite, whose instances are `names.PAPER`, is not among them.
    """
    named = of_suite(instances).dropna(subset=["suite"])
    named = names.ordered(
        named.assign(implementation=names.implementation), ["model", "implementation", "quantization"]
    )
    return {str(suite): list(dict.fromkeys(part["instance_id"])) for suite, part in named.groupby("suite")}


def of_study(studies: pd.DataFrame, study: str) -> pd.DataFrame:
    """Return the usable instances of a study, from the latest run of each device and instance."""
    usable = studies[(studies["study"] == study) & studies["verdict"].isin(USABLE)]
    latest = usable.groupby(["device_id", "instance_id"])["run_id"].transform("max")
    return usable[usable["run_id"] == latest].reset_index(drop=True)


def timing_of(rows: pd.DataFrame, timing: str) -> str:
    """Return the given timing, or "inference" if some of the rows have no other, like those of native tools."""
    return "inference" if (rows["timing"] == "inference").any() else timing


def usable_rows(
    instances: pd.DataFrame, needs: Sequence[str] = ("accuracy",), wanted: str | Sequence[str] = USABLE
) -> pd.DataFrame:
    """Return the rows of all runs of the suite with one of the verdicts and a number in each column of `needs`.

    This is for comparing runs of a device; `measured_rows` takes one run of each instance.
    """
    instances = of_suite(instances)
    usable = instances["verdict"].isin(names.verdicts(wanted)) & instances[list(needs)].notna().all(axis=1)
    return instances[usable].reset_index(drop=True)


def with_verdict(statistic: pd.DataFrame, instances: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a statistic by run x instance with the verdict and the reasons from table `instances`."""
    columns = instances[[*KEY, "verdict", "reasons"]].drop_duplicates(KEY)
    return statistic.astype(dict.fromkeys(KEY, str)).merge(columns.astype(dict.fromkeys(KEY, str)), on=KEY, how="left")


def measured_rows(
    instances: pd.DataFrame,
    needs: Sequence[str] = ("accuracy",),
    by_framework: bool = False,
    wanted: str | Sequence[str] = USABLE,
    together: Collection[str] = tuple(names.MODELS),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one usable row per device x instance, and every other row with the reason why it is not used.

    Only runs of the suite count (see `of_suite`). A row is usable if its verdict is in `wanted` (see
    `names.verdicts`; by default valid and semi-valid) and it has a number in each column of `needs`. Of several runs
    the latest is taken (run ids begin with the time), never a mean over runs.

    Instances of a device are only used together if they ran with the same profile, threads, weights and images, and
    those of one framework with the same version of it; the settings with which most instances ran are used (see
    `_settings`). They have the same timing and source (agent or tool); with `by_framework`, this holds only within each
    framework. Models that are not in `together` are used by themselves.

    Takes the table `instances`. Returns its selected rows, and a frame of the others with the columns run_id,
    device_id, instance_id, model, framework, delegate, quantization, verdict and reasons, in which a reason that recurs
    in several runs of a device is listed once.
    """
    instances = of_suite(instances)
    missing = instances[list(needs)].isna()
    accepted = names.verdicts(wanted)
    has_verdict = instances["verdict"].isin(accepted)
    usable = has_verdict & ~missing.any(axis=1)
    setting_reasons = pd.Series(index=instances.index, dtype=object)
    for setting, scope, by in _settings(instances, by_framework, together):
        groups = [instances["device_id"], *by]
        usual = _usual(instances[usable], setting[usable], [group[usable] for group in groups])
        usual = usual.reindex(instances.index).astype(str)
        unusual = usable & (setting != usual)
        setting_reasons = setting_reasons.where(
            ~unusual, "run with " + setting + f", but most of the device's instances{scope}: " + usual
        )
        usable &= ~unusual
    latest = instances[usable].groupby(["device_id", "instance_id"])["run_id"].transform("max")
    superseded = latest[latest != instances.loc[latest.index, "run_id"]]
    chosen = usable & ~instances.index.isin(superseded.index)

    left_out = instances[~chosen][[*LEFT_OUT_COLUMNS, "verdict", "reasons"]].copy()
    absent_columns = [
        ", ".join(f"no {column}" for column in needs if row[column]) for row in missing[~chosen].to_dict("records")
    ]
    unusable = left_out["reasons"].where(
        left_out["reasons"] != "", pd.Series(absent_columns, left_out.index, dtype=object)
    )
    unwanted = left_out["verdict"].isin(USABLE) & ~has_verdict.reindex(left_out.index)
    unusable = unusable.where((unusable != "") | ~unwanted, f"only {' and '.join(accepted)} instances were requested")
    later_run = "run " + superseded.reindex(left_out.index) + " is later"
    left_out["reasons"] = later_run.fillna(setting_reasons.reindex(left_out.index)).fillna(unusable)
    left_out = left_out.drop_duplicates(["device_id", "instance_id", "verdict", "reasons"], keep="last")
    return instances[chosen].reset_index(drop=True), left_out.reset_index(drop=True)


def timed_rows(
    instances: pd.DataFrame, timing: str, by_framework: bool = False, wanted: str | Sequence[str] = USABLE
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what `measured_rows` does, and also rows that have a time but, with random weights, no accuracy.

    These are only used where a device has no row of the instance with an accuracy. For statistics of time alone.
    """
    rows, left_out = measured_rows(instances, by_framework=by_framework, wanted=wanted)
    has_accuracy = pd.MultiIndex.from_frame(rows[["device_id", "instance_id"]])
    only_timed = instances[
        (instances["weights"] == names.RANDOM)
        & ~pd.MultiIndex.from_frame(instances[["device_id", "instance_id"]]).isin(has_accuracy)
    ]
    if only_timed.empty:
        return rows, left_out
    timed, _ = measured_rows(only_timed, (f"{time_column(timing)}_mean",), by_framework, wanted)
    is_used = pd.MultiIndex.from_frame(left_out[KEY]).isin(pd.MultiIndex.from_frame(timed[KEY]))
    return pd.concat([rows, timed], ignore_index=True), left_out[~is_used].reset_index(drop=True)


def with_quantized(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of devices that ran a quantized instance (25 of the 51 in the paper); all rows if none did."""
    ran = rows[rows["quantization"] != "float32"]["device_id"].unique()
    return rows[rows["device_id"].isin(ran)] if len(ran) else rows


def _settings(
    instances: pd.DataFrame, by_framework: bool, together: Collection[str]
) -> Iterator[tuple[pd.Series, str, list[pd.Series]]]:
    """Yield each setting that instances used together must share: its text per row, its scope in words, extra groups.

    The models in `together` are used together, any other model by itself. Rows are grouped by the extra groups within
    each device.
    """
    fields = ["model", "framework", "profile", "threads", *SHARED, "dataset", "framework_version"]
    kept_conditions = instances["conditions"].fillna("").map(lambda words: f", {words}" if words else "")
    text = instances[fields].astype("object").where(instances[fields].notna(), "unknown").astype(str)
    model_group = text["model"].where(~text["model"].isin(list(together)), "")
    yield text["profile"] + " profile, " + text["threads"] + " threads" + kept_conditions, "", [model_group]
    images = text["dataset"] + " images (" + text["dataset_sha256"].str[:8] + ")"
    timing_and_source = text["timing"].map(names.display) + " by the " + text["source"]
    weights = text["weights"] + " weights, " + images
    yield (weights if by_framework else weights + ", " + timing_and_source), "", [model_group]
    if by_framework:
        yield timing_and_source, " of this framework", [model_group, text["framework"]]
    yield text["framework_version"], " of this framework", [model_group, text["framework"]]


def _usual(usable: pd.DataFrame, setting: pd.Series, groups: list[pd.Series]) -> pd.Series:
    """Return for each row the setting of most instances in its group; in a tie, that of the latest run."""
    if usable.empty:
        return pd.Series(index=usable.index, dtype=object)
    columns = {f"group_{place}": values for place, values in enumerate(groups)}
    rows = pd.DataFrame({**columns, "setting": setting, **usable[["instance_id", "run_id"]]})
    if not rows[[*columns, "setting"]].drop_duplicates().duplicated([*columns]).any():
        return setting  # the usual case: each group has one setting
    counts = rows.groupby([*columns, "setting"], as_index=False)[["instance_id", "run_id"]]
    ranked = counts.agg({"instance_id": "nunique", "run_id": "max"}).sort_values(["instance_id", "run_id"])
    best = ranked.drop_duplicates([*columns], keep="last").set_index([*columns])["setting"]
    return rows.join(best.rename("usual"), on=[*columns])["usual"]


def image_rows(images: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the image records of the runs and instances in `rows`, and of no other run."""
    columns = [images[name].astype("category").cat for name in KEY]
    sizes = [max(1, len(column.categories)) for column in columns]
    codes = np.ravel_multi_index([column.codes.to_numpy() for column in columns], sizes)
    wanted = np.array(
        [
            column.categories.astype(str).get_indexer(pd.Index(rows[name]))
            for name, column in zip(KEY, columns, strict=True)
        ]
    )
    wanted = wanted[:, (wanted >= 0).all(axis=0)]  # drop rows without records, as when `rows` is for a whole fleet
    return images[np.isin(codes, np.ravel_multi_index(list(wanted), sizes))].reset_index(drop=True)


def records_by_device(
    images: pd.DataFrame | Iterable[pd.DataFrame], rows: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the image records of the runs and instances in `rows`, one device at a time.

    `images` is a frame, or an iterable of parts that each have all records of their devices (see `Data.image_parts`);
    then only one part is in memory at a time. Raises DataError if the records of a device are split over two parts.
    """
    seen: set[str] = set()
    for part in [images] if isinstance(images, pd.DataFrame) else images:
        chosen = image_rows(part, rows) if len(part) else part
        for key, records in chosen.groupby("device_id", observed=True, sort=False):
            device = str(key)
            if device in seen:
                raise DataError(
                    f"Image records of device {device} are in two parts: pass all records of a device at once."
                )
            seen.add(device)
            yield device, records


def per_image(images: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run x device x instance x image, since a timed profile may show an image more than once.

    Times are means over all showings; `query` and `correct` are those of the first, so that `correct` remains a
    boolean. Rows are sorted by instance and image.
    """
    key = [*KEY, "image"]
    if not images.duplicated(key).any():  # the usual case
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
