"""Evidence for judging claims: speed, accuracy and score of comparable instances, with intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import accuracy, blocks, latency, pairing, variance
from aiot_analysis.stats.accuracy import newcombe
from aiot_analysis.stats.remarks.reasons import lacking_words
from aiot_analysis.tables import by_device, names, select
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = [*select.KEY, "query", "image", "correct", "end_to_end_ms", "inference_ms", "failed"]
"""The columns of image records that are used here."""
Images = pd.DataFrame | Iterable[pd.DataFrame]


@dataclass(frozen=True)
class ClaimRecords:
    """Answers, times and positions of all devices, instances and images.

    `right` is 1, 0, or NaN where an image was not shown. `ms` is also NaN where the image failed. `turn` is the query
    of the image. `excess` is what the dependence of neighbours along a run adds to the variance of the logarithm of a
    mean time (see `blocks.excess_variance`).
    """

    devices: pd.Index
    instances: pd.Index
    images: pd.Index  # in order of name
    right: NDArray[np.float32]  # (devices, instances, images)
    ms: NDArray[np.float32]
    turn: NDArray[np.float32]
    excess: pd.DataFrame  # device x instance

    def of_instance(self, instance: str, values: NDArray[np.float32]) -> pd.DataFrame:
        """Return `right`, `ms` or `turn` of one instance: device x image, for the devices with records of it."""
        if instance not in self.instances:
            return pd.DataFrame(columns=self.images, dtype=float)
        column = self.instances.get_loc(instance)
        recorded = np.flatnonzero(~np.isnan(self.right[:, column]).all(axis=1))
        return pd.DataFrame(values[recorded, column].astype(float), self.devices[recorded], self.images)


def collect(images: Images, rows: pd.DataFrame, column: str) -> ClaimRecords:
    """Return the records of the runs and instances in `rows`, with the times in `column`.

    `images` is a frame, or parts of it that each have all records of their devices, in which case only one part is in
    memory at a time (see `by_device.map_devices`).
    """
    instances = pd.Index(sorted(rows["instance_id"].unique()), dtype=object)
    tables = partial(_tables, instances=instances, column=column)
    tables_by_device = dict(by_device.map_devices(images, rows, tables))
    devices = pd.Index(sorted(tables_by_device), dtype=object)
    all_images = pd.Index(sorted(set().union(*(part[0] for part in tables_by_device.values()))), dtype=object)
    excess = pd.DataFrame({device: part[4] for device, part in tables_by_device.items()}).T.reindex(
        devices, columns=instances
    )
    right, ms, turn = (np.full((len(devices), len(instances), len(all_images)), np.nan, np.float32) for _ in range(3))
    for place, device in enumerate(devices):
        names, answers, times, queries, _ = tables_by_device.pop(device)
        columns = all_images.get_indexer(names)
        right[place][:, columns], ms[place][:, columns], turn[place][:, columns] = answers, times, queries
    return ClaimRecords(devices, instances, all_images, right, ms, turn, excess)


def _tables(
    records: pd.DataFrame, instances: pd.Index, column: str
) -> tuple[pd.Index, NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], pd.Series]:
    """Return the images of one device, its answers, times and queries, and the excess by instance.

    Answers, times and queries are matrices of instance x image.
    """
    excess = blocks.excess_variance(records, column)
    if records.duplicated([*select.KEY, "image"]).any():  # a timed profile may show an image several times
        records = select.per_image(records)
    images = records["image"].astype("category").cat.remove_unused_categories()
    instance_column = records["instance_id"].astype("category")
    row_numbers = instances.get_indexer(pd.Index(instance_column.cat.categories.astype(str)))[instance_column.cat.codes]
    tables = [np.full((len(instances), len(images.cat.categories)), np.nan, np.float32) for _ in range(3)]
    tables[0][row_numbers, images.cat.codes] = records["correct"].to_numpy(np.float32)
    times = records[column].astype(float).where(~records["failed"].astype(bool))
    tables[1][row_numbers, images.cat.codes] = times.where(np.isfinite(times) & (times >= 0)).to_numpy(np.float32)
    tables[2][row_numbers, images.cat.codes] = records["query"].to_numpy(np.float32)
    return pd.Index(images.cat.categories.astype(str)), tables[0], tables[1], tables[2], excess


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and its number of devices; NaN with a reason if there is no number."""

    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n_devices: int = 0
    why: str = ""


def share(effect: float, low: float, high: float, comparisons: int, devices: int) -> Estimate:
    """Return the estimate of a share of so many comparisons, whose interval is between 0 and 1.

    The interval reaches at least one comparison below and one above the share: if all devices agree, they do not
    scatter, but this does not make the share exact.
    """
    step = 1 / comparisons
    low, high = max(min(low, effect - step), 0.0), min(max(high, effect + step), 1.0)
    return Estimate(effect, float(low), float(high), devices)


class Evidence:
    """Rows of `variance.with_noise` and image records (COLUMNS), and the statistics computed from them.

    `instances` is the table that the rows were chosen from, with all runs; without it, nothing counts as repeated.

    An effect over several devices is a mean over devices, and its interval is over devices. On a single device it is
    that of the device, and its interval is over images and includes what runs add (see `variance`). If the rows of an
    instance were measured under different conditions on different devices, or the two sides of a comparison were, there
    is no number and `why` says what differs.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        images: Images,
        timing: str = "end_to_end",
        seed: int = 0,
        instances: pd.DataFrame | None = None,
    ) -> None:
        self.rows = rows
        self.instances = rows if instances is None else instances
        self.timing = select.timing_of(rows, timing)
        self.seed = seed
        self.column = select.time_column(self.timing)
        self._images = images
        self._refused: dict[tuple[str, ...], str] = {}
        self._answers: dict[str, tuple[pd.DataFrame, str]] = {}

    @property
    def origin(self) -> str:
        """Return the origin of the rows; "" if there are none."""
        origins = self.rows["origin"].unique()
        return str(origins[0]) if len(origins) else ""

    @cached_property
    def ms(self) -> pd.DataFrame:
        """Mean time per image in ms, device x instance; NaN where it is not positive."""
        wide = self.rows.pivot(index="device_id", columns="instance_id", values=f"{self.column}_mean").astype(float)
        return wide.where(wide > 0)

    @cached_property
    def _conditions(self) -> dict[str, list[dict[str, object]]]:
        """Distinct conditions under which each instance was measured; a null is None."""
        fields = {field for alike in pairing.ALIKE.values() for field in alike}
        distinct = self.rows[["instance_id", *sorted(fields)]].drop_duplicates()
        conditions: dict[str, list[dict[str, object]]] = {}
        for row in distinct.to_dict("records"):
            values = {str(field): None if pd.isna(value) else value for field, value in row.items()}
            conditions.setdefault(str(row["instance_id"]), []).append(values)
        return conditions

    @cached_property
    def _measured(self) -> frozenset[str]:
        """Instances for which at least one device has a time."""
        return frozenset(self.ms.columns[self.ms.notna().any()])

    def has(self, instance: str) -> bool:
        """Return whether any device has a time for the instance."""
        return instance in self._measured

    def same_weights(self, *instances: str) -> str:
        """Return the name of the weights that all instances have in common; "" if they differ or are unknown."""
        labels = self.rows.loc[self.rows["instance_id"].isin(instances), "weights"]
        is_common = self.origin != "simulated" and labels.notna().all() and labels.nunique() == 1
        return str(labels.iloc[0]) if is_common else ""

    def lacking(self, *instances: str) -> str:
        """Return, in words, the instances that no device has; "" if all were measured.

        Models are only named if another model was measured with the same framework, delegate and quantization.
        """
        models: dict[str, list[str]] = {}
        for missing in (instance for instance in instances if not self.has(instance)):
            *way, model = names.instance(missing)
            elsewhere = any(
                [*names.instance(instance)][:3] == way and self.has(instance) for instance in map(str, self.ms.columns)
            )
            models.setdefault(implementation_words(missing), []).append(names.display(model) if elsewhere else "")
        return lacking_words(models)

    def refused(self, *instances: str, may_differ: str = "") -> str:
        """Return why the instances may not share a statistic over devices; "" if they may.

        Two instances that are compared may differ in the column `may_differ`, but neither of them may vary in it
        between devices.
        """
        key = (may_differ, *instances)
        if key not in self._refused:
            self._refused[key] = self._refusal(instances, may_differ)
        return self._refused[key]

    def _refusal(self, instances: tuple[str, ...], may_differ: str) -> str:
        """Return the result of `refused`, which caches it."""
        if len(instances) > 1 and (
            reason := next((why for instance in instances if (why := self.refused(instance))), "")
        ):
            return reason
        fields = select.SAME_INSTANCE
        if len(instances) > 1:
            parts_of_ids = [names.instance(instance) for instance in instances]
            other = next(
                field
                for field in names.InstanceParts._fields
                if len({getattr(instance, field) for instance in parts_of_ids}) > 1
            )
            fields = [field for field in pairing.ALIKE[other] if field != may_differ]
        if (
            len({tuple(row[field] for field in fields) for instance in instances for row in self._conditions[instance]})
            < 2
        ):
            return ""  # the usual case, which needs no full check
        try:
            select.check(self.rows[self.rows["instance_id"].isin(instances)], fields)
        except PoolingError as error:
            return str(error).split(":")[0]
        return ""

    def speed_up(self, slow: str, fast: str, level: float = CONFIDENCE) -> Estimate:
        """Return how many times as fast as instance `slow` the instance `fast` is: geometric mean over devices."""
        logs, why = self._log_ratios(slow, fast)
        if why:
            return Estimate(why=why)
        if len(logs) == 1:
            [estimate] = self.speed_ups(slow, fast, level).values()
            return estimate
        effect, low, high = np.exp(latency.mean_over_devices(logs.to_numpy(), level))
        return Estimate(effect, low, high, len(logs), latency.too_few_devices(np.exp(logs)))

    def speed_ups(self, slow: str, fast: str, level: float = CONFIDENCE) -> dict[str, Estimate]:
        """Return `speed_up` for each device separately (see `within`); empty if there is none."""
        logs, why = self._log_ratios(slow, fast)
        if why:
            return {}
        ids = list(map(str, logs.index))
        numbers = zip(*self.within(slow, fast, ids, level), strict=True)
        return {
            device: Estimate(effect, low, high, 1, "" if np.isfinite(low) else "no scatter of times is known")
            for device, (effect, low, high) in zip(ids, numbers, strict=True)
        }

    def _log_ratios(self, slow: str, fast: str) -> tuple[pd.Series, str]:
        """Return the log ratio of the mean times on each device that has both, or why there is none."""
        if why := self.lacking(slow, fast) or self.refused(slow, fast):
            return pd.Series(dtype=float), why
        ratio = (self.ms[slow] / self.ms[fast]).dropna()
        return ratio.map(math.log), "" if len(ratio) else "no device has both"

    def within(
        self, slow: str, fast: str, ids: list[str], level: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the ratio of mean times on each device, and the ends of its interval.

        The interval is based on the images of both runs, or on their means and standard deviations where a native tool
        measured, which records no images; and on what runs add.
        """
        sides = [self.times(instance) for instance in (slow, fast)] + [
            self.turns(instance) for instance in (slow, fast)
        ]
        logs, squares, freedom = latency.image_log_ratios(*(side.reindex(ids).to_numpy() for side in sides))
        recorded = sides[0].index.intersection(sides[1].index)
        for place in (place for place, device in enumerate(ids) if device not in recorded):
            logs[place], se, n = latency.log_ratio(
                *(self._summaries[instance, ids[place]] for instance in (slow, fast))
            )
            squares[place], freedom[place] = se**2, n - 1
        runs, runs_freedom = variance.ratio_variance(
            *(self._by_instance[instance].loc[ids].reset_index() for instance in (slow, fast))
        )
        low, high = variance.interval_of_parts(logs, [squares, runs], [freedom, runs_freedom], level)
        return np.exp(logs), np.exp(low), np.exp(high)

    @cached_property
    def _by_instance(self) -> dict[str, pd.DataFrame]:
        """Estimates of how runs differ, by instance: device x variance.COLUMNS."""
        noise = variance.assumed(self.rows)[["device_id", "instance_id", *variance.COLUMNS]]
        return {str(name): part.set_index("device_id") for name, part in noise.groupby("instance_id")}

    @cached_property
    def _summaries(self) -> dict[tuple[str, str], list[float]]:
        """Mean and standard deviation in ms and number of images, by instance and device."""
        columns = [f"{self.column}_mean", f"{self.column}_sd", "images"]
        keys = zip(self.rows["instance_id"], self.rows["device_id"], strict=True)
        return dict(zip(keys, self.rows[columns].astype(float).to_numpy().tolist(), strict=True))

    @cached_property
    def _records(self) -> ClaimRecords:
        """Image records of all devices in one table."""
        return collect(self._images, self.rows, self.column)

    @property
    def all_images(self) -> pd.Index:
        """All images that have records."""
        return self._records.images

    def times(self, instance: str) -> pd.DataFrame:
        """Return the time per image in ms, device x image; NaN where the image failed or was not shown."""
        return self._records.of_instance(instance, self._records.ms)

    def turns(self, instance: str) -> pd.DataFrame:
        """Return the position of each image in its run, as its query, device x image; NaN where it was not shown."""
        return self._records.of_instance(instance, self._records.turn)

    def right(self, instance: str) -> pd.DataFrame:
        """Return 1 for right answers, 0 for wrong ones and NaN where an image was not shown: device x image."""
        return self._records.of_instance(instance, self._records.right)

    def excess(self, instance: str) -> pd.Series:
        """Return what dependent neighbours add to the variance of the log of a mean time, by device.

        See `blocks.excess_variance`.
        """
        return self._records.excess[instance].dropna()

    def answers(self, instance: str) -> tuple[pd.DataFrame, str]:
        """Return `right` for the images that all devices saw, or why the devices are not comparable by image."""
        if instance not in self._answers:
            self._answers[instance] = self._find_answers(instance)
        return self._answers[instance]

    def _find_answers(self, instance: str) -> tuple[pd.DataFrame, str]:
        """Return the result of `answers`, which caches it."""
        if why := self.lacking(instance) or self.refused(instance):
            return pd.DataFrame(), why
        right = self.right(instance).dropna(axis=1, how="all")
        if right.empty:
            return right, "no records of single images"
        partly = right.isna().any(axis=1)
        if partly.any():
            return pd.DataFrame(), f"the devices saw different images ({partly.idxmax()} not all of them)"
        return right, ""

    @cached_property
    def again(self) -> accuracy.RepeatedAnswers:
        """Repeated answers in all runs of `instances` that were made under the conditions of `rows`."""
        same_conditions = select.conditions(self.instances).isin(select.conditions(self.rows))
        return accuracy.repeated_answers(self._images, accuracy.repeated_rows(self.instances[same_conditions]))

    def accuracy_change(self, base: str, other: str, level: float = CONFIDENCE, may_differ: str = "") -> Estimate:
        """Return the accuracy of `other` minus that of `base`, in percentage points, on the images that both saw.

        The interval is Newcombe's for paired proportions (`accuracy.newcombe`), from counts of images that are means
        over devices: all devices show the same images, so more devices do not make it narrower.
        """
        sides, reasons = zip(*(self.answers(base_side) for base_side in (base, other)), strict=True)
        if (
            why := self.lacking(base, other)
            or next((base_side for base_side in reasons if base_side), "")
            or self.refused(base, other, may_differ=may_differ)
        ):
            return Estimate(why=why)
        complete_sides = [side.dropna(axis=1) for side in sides]
        devices, common_images = (
            complete_sides[0].index.intersection(complete_sides[1].index),
            complete_sides[0].columns.intersection(complete_sides[1].columns),
        )
        if devices.empty or common_images.empty:
            return Estimate(why="no device has both" if devices.empty else "the two have different images")
        a, b = (side.loc[devices, common_images].to_numpy(bool) for side in complete_sides)
        kept, lost, won, none = (
            (base_side & other_side).sum(axis=1).mean()
            for base_side, other_side in ((a, b), (a, ~b), (~a, b), (~a, ~b))
        )
        low, high = (100 * float(end) for end in newcombe(kept, lost, won, none, level=level))
        return Estimate(100 * (won - lost) / len(common_images), low, high, len(devices))


def implementation_words(instance: str) -> str:
    """Return what an instance runs with in words, like "TFLite CPU float32": everything but the model."""
    parts = names.instance(instance)
    return f"{names.display(parts.implementation)} {names.display(parts.quantization)}"
