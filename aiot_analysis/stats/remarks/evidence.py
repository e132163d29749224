"""What claims are judged by: speed, accuracy and score of the instances that may be compared, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import pairing, ratios, repeats, variance
from aiot_analysis.stats.accuracy import newcombe
from aiot_analysis.stats.remarks import records
from aiot_analysis.tables import names, pooling, select

ERROR = 0.05  # of all intervals of a claim together


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, over so many devices; NaN and the reason where there is none."""

    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n_devices: int = 0
    why: str = ""


def level(comparisons: int) -> float:
    """The level of each of so many intervals with which all of them together keep 95 % (Bonferroni)."""
    return 1 - ERROR / max(comparisons, 1)


def share(effect: float, low: float, high: float, comparisons: int, devices: int) -> Estimate:
    """Return the estimate of a share of so many comparisons, whose interval is between 0 and 1.

    It reaches at least one comparison below and one above the share: where all devices agree, they do not scatter, and
    are not known exactly all the same.
    """
    step = 1 / comparisons
    low, high = max(min(low, effect - step), 0.0), min(max(high, effect + step), 1.0)
    return Estimate(effect, float(low), float(high), devices)


class Evidence:
    """Rows of `variance.with_noise` and image records (records.COLUMNS), and what is computed from them.

    `instances` is the table that the rows were chosen from, with all runs; without it nothing was run twice.

    An effect over several devices is a mean over devices, whose interval is over devices. On one device it is that
    device's, and its interval is of its images and of what runs add (see `variance`). Where the rows of an instance
    differ between devices in what they were measured under, or the two sides of a comparison do, there is no number,
    and `why` says what differs.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        images: records.Images,
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
        origins = self.rows["origin"].unique()
        return str(origins[0]) if len(origins) else ""

    @cached_property
    def ms(self) -> pd.DataFrame:
        """Mean time per image in ms, device x instance; NaN where it is not positive."""
        wide = self.rows.pivot(index="device_id", columns="instance_id", values=f"{self.column}_mean").astype(float)
        return wide.where(wide > 0)

    @cached_property
    def _conditions(self) -> dict[str, list[dict[str, object]]]:
        """The distinct conditions that each instance was measured under; a null is None."""
        fields = {field for alike in pairing.ALIKE.values() for field in alike}
        distinct = self.rows[["instance_id", *sorted(fields)]].drop_duplicates()
        found: dict[str, list[dict[str, object]]] = {}
        for row in distinct.to_dict("records"):
            values = {str(field): None if pd.isna(value) else value for field, value in row.items()}
            found.setdefault(str(row["instance_id"]), []).append(values)
        return found

    @cached_property
    def _measured(self) -> frozenset[str]:
        """Return the instances that at least one device has a time of."""
        return frozenset(self.ms.columns[self.ms.notna().any()])

    def has(self, instance: str) -> bool:
        return instance in self._measured

    def same_weights(self, *instances: str) -> str:
        """Return the name of the weights that all of the instances have in common; "" if they differ or are unknown."""
        labels = self.rows.loc[self.rows["instance_id"].isin(instances), "weights"]
        known = self.origin != "simulated" and labels.notna().all() and labels.nunique() == 1
        return str(labels.iloc[0]) if known else ""

    def lacking(self, *instances: str) -> str:
        """The first of the instances that no device has, in words; "" if all are there."""
        missing = next((one for one in instances if not self.has(one)), None)
        if missing is None:
            return ""
        *way, model = names.instance(missing)
        elsewhere = any([*names.instance(one)][:3] == way and self.has(one) for one in map(str, self.ms.columns))
        return f"{_implementation(missing)} not measured" + (f" for {names.display(model)}" if elsewhere else "")

    def refused(self, *instances: str, may_differ: str = "") -> str:
        """Return why the instances may not share a statistic over devices; "" if they may.

        Two instances that are compared may differ in the column `may_differ`, each of them may not between devices.
        """
        key = (may_differ, *instances)
        if key not in self._refused:
            self._refused[key] = self._refusal(instances, may_differ)
        return self._refused[key]

    def _refusal(self, instances: tuple[str, ...], may_differ: str) -> str:
        if len(instances) > 1 and (said := next((why for one in instances if (why := self.refused(one))), "")):
            return said
        fields = pooling.SAME_INSTANCE
        if len(instances) > 1:
            told = [names.instance(one) for one in instances]
            other = next(field for field in names.Instance._fields if len({getattr(one, field) for one in told}) > 1)
            fields = [field for field in pairing.ALIKE[other] if field != may_differ]
        if len({tuple(row[field] for field in fields) for one in instances for row in self._conditions[one]}) < 2:
            return ""  # nearly always, and faster to tell
        try:
            pooling.check(self.rows[self.rows["instance_id"].isin(instances)], fields)
        except PoolingError as error:
            return str(error).split(":")[0]
        return ""

    def speed_up(self, slow: str, fast: str, level: float = 0.95) -> Estimate:
        """How many times as fast as instance `slow` the instance `fast` is: the geometric mean over devices."""
        logs, why = self._log_ratios(slow, fast)
        if why:
            return Estimate(why=why)
        if len(logs) == 1:
            [found] = self.speed_ups(slow, fast, level).values()
            return found
        effect, low, high = np.exp(ratios.mean(logs.to_numpy(), level))
        return Estimate(effect, low, high, len(logs), ratios.too_few_devices(np.exp(logs)))

    def speed_ups(self, slow: str, fast: str, level: float = 0.95) -> dict[str, Estimate]:
        """As `speed_up`, of each device by itself (see `within`). Empty where there is none."""
        logs, why = self._log_ratios(slow, fast)
        if why:
            return {}
        ids = list(map(str, logs.index))
        found = zip(*self.within(slow, fast, ids, level), strict=True)
        return {
            one: Estimate(effect, low, high, 1, "" if np.isfinite(low) else "no scatter of times is known")
            for one, (effect, low, high) in zip(ids, found, strict=True)
        }

    def _log_ratios(self, slow: str, fast: str) -> tuple[pd.Series, str]:
        if why := self.lacking(slow, fast) or self.refused(slow, fast):
            return pd.Series(dtype=float), why
        ratio = (self.ms[slow] / self.ms[fast]).dropna()
        return ratio.map(math.log), "" if len(ratio) else "no device has both"

    def within(
        self, slow: str, fast: str, ids: list[str], level: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the ratio of mean times on each device, and the ends of its interval.

        Of the images of both runs, or of their means and standard deviations where a native tool measured, which
        records no images; and of what runs add.
        """
        sides = [self.times(one) for one in (slow, fast)] + [self.turns(one) for one in (slow, fast)]
        logs, squares, freedom = ratios.of_images(*(side.reindex(ids).to_numpy() for side in sides))
        recorded = sides[0].index.intersection(sides[1].index)
        for place in (place for place, device in enumerate(ids) if device not in recorded):
            logs[place], se, n = ratios.log_ratio(*(self._summaries[one, ids[place]] for one in (slow, fast)))
            squares[place], freedom[place] = se**2, n - 1
        runs, runs_freedom = variance.of_ratio(*(self._by_instance[one].loc[ids].reset_index() for one in (slow, fast)))
        low, high = variance.around(logs, *variance.standard_error([squares, runs], [freedom, runs_freedom]), level)
        return np.exp(logs), np.exp(low), np.exp(high)

    @cached_property
    def _by_instance(self) -> dict[str, pd.DataFrame]:
        """Return what is known of how runs differ, by instance: device x variance.COLUMNS."""
        noise = variance.assumed(self.rows)[["device_id", "instance_id", *variance.COLUMNS]]
        return {str(name): part.set_index("device_id") for name, part in noise.groupby("instance_id")}

    @cached_property
    def _summaries(self) -> dict[tuple[str, str], list[float]]:
        """Mean and standard deviation in ms and number of images, by instance and device."""
        columns = [f"{self.column}_mean", f"{self.column}_sd", "images"]
        keys = zip(self.rows["instance_id"], self.rows["device_id"], strict=True)
        return dict(zip(keys, self.rows[columns].astype(float).to_numpy().tolist(), strict=True))

    @cached_property
    def _records(self) -> records.Records:
        return records.collect(self._images, self.rows, self.column)

    @property
    def all_images(self) -> pd.Index:
        """Every image that there are records of."""
        return self._records.images

    def times(self, instance: str) -> pd.DataFrame:
        """Time per image in ms, device x image; NaN where the image failed or was not shown."""
        return self._records.of(instance, self._records.ms)

    def turns(self, instance: str) -> pd.DataFrame:
        """When each image had its turn, as the number of its query, device x image; NaN where it was not shown."""
        return self._records.of(instance, self._records.turn)

    def right(self, instance: str) -> pd.DataFrame:
        """1 where the answer to an image was right, 0 where wrong, NaN where it was not shown: device x image."""
        return self._records.of(instance, self._records.right)

    def excess(self, instance: str) -> pd.Series:
        """What dependent neighbours add to the variance of the log of a mean time, by device (see `blocks.excess`)."""
        return self._records.excess[instance].dropna()

    def answers(self, instance: str) -> tuple[pd.DataFrame, str]:
        """`right` of the images that all devices saw, or why the devices cannot be compared by image."""
        if instance not in self._answers:
            self._answers[instance] = self._find_answers(instance)
        return self._answers[instance]

    def _find_answers(self, instance: str) -> tuple[pd.DataFrame, str]:
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
    def again(self) -> repeats.Again:
        """Return what the runs of all of `instances` tell that were made under the conditions of `rows`."""
        alike = pooling.conditions(self.instances).isin(pooling.conditions(self.rows))
        return repeats.again(self._images, repeats.rows(self.instances[alike]))

    def accuracy_change(self, base: str, other: str, level: float = 0.95, may_differ: str = "") -> Estimate:
        """Return the accuracy of `other` minus that of `base` in percentage points, on the images both saw.

        Newcombe's interval for paired proportions (`accuracy.newcombe`), whose counts of images are means over
        devices: all devices show the same images, so more devices do not make it narrower.
        """
        sides, reasons = zip(*(self.answers(one) for one in (base, other)), strict=True)
        if why := next((one for one in reasons if one), "") or self.refused(base, other, may_differ=may_differ):
            return Estimate(why=why)
        both = [side.dropna(axis=1) for side in sides]
        devices, shown = both[0].index.intersection(both[1].index), both[0].columns.intersection(both[1].columns)
        if devices.empty or shown.empty:
            return Estimate(why="no device has both" if devices.empty else "the two were shown different images")
        a, b = (side.loc[devices, shown].to_numpy(bool) for side in both)
        kept, lost, won, none = ((one & two).sum(axis=1).mean() for one, two in ((a, b), (a, ~b), (~a, b), (~a, ~b)))
        low, high = (100 * float(end) for end in newcombe(kept, lost, won, none, level=level))
        return Estimate(100 * (won - lost) / len(shown), low, high, len(devices))


def _implementation(instance: str) -> str:
    told = names.instance(instance)
    return f"{names.display(told.implementation)} {names.display(told.quantization)}"
