"""Pairs of instances that are compared image by image."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.tables import pooling, select

DESIGN = ["device_id", "model", "framework", "delegate", "quantization"]
KEY = select.KEY
RUNS = ["run_variance", "run_freedom"]
# What else must be alike, by what varies: a quantized model is another file, another delegate is not.
ALIKE = {
    "device_id": pooling.SAME_INSTANCE,
    "delegate": [*pooling.SHARED, *pooling.SAME_FRAMEWORK, "model_sha256"],
    "quantization": [*pooling.SHARED, *pooling.SAME_FRAMEWORK],
    "framework": pooling.SHARED,
    "model": [*pooling.SHARED, *pooling.SAME_FRAMEWORK],
    "resize": [field for field in pooling.SAME_INSTANCE if field != "resize"],
}


def pair(rows: pd.DataFrame, vary: str, base: str) -> pd.DataFrame:
    """Every row against the row that differs from it in the column `vary` alone, where that is `base`.

    `pair(rows, "quantization", "float32")` sets each quantized instance against its float32 version;
    `pair(rows, "device_id", "local")` sets each device against one. Takes the rows chosen by
    `select.measured_rows`; gives one row per pair: the columns of DESIGN and `vary` (those of the other row),
    run_id_base, device_id_base, instance_id_base and the same with _other, and RUNS: the variance that runs add to the
    logarithm of a ratio of their times, and its degrees of freedom (see `variance.of_ratio`). Raises PoolingError where
    the two differ in what they were measured under.
    """
    design = list(dict.fromkeys([*DESIGN, vary]))
    same = [column for column in design if column != vary]
    checked = ALIKE[vary]
    rows = variance.assumed(rows)
    sides = []
    for half, chosen in (("other", rows[rows[vary] != base]), ("base", rows[rows[vary] == base])):
        columns = {f"{field}_{half}": chosen[field] for field in dict.fromkeys([*KEY, *checked, *variance.COLUMNS])}
        sides.append(chosen[design if half == "other" else same].assign(**columns))
    both = sides[0].merge(sides[1], on=same)
    halves_of = [(both[f"{field}_base"], both[f"{field}_other"]) for field in checked]
    unlike = pd.concat(
        [one.ne(other).fillna(True).astype(bool) & ~(one.isna() & other.isna()) for one, other in halves_of], axis=1
    ).any(axis=1)
    for side in both[unlike].to_dict("records"):
        halves = [{field: side[f"{field}_{half}"] for field in checked} for half in ("base", "other")]
        pooling.check(pd.DataFrame(halves), checked)
    noise = ["device_id", *variance.COLUMNS]
    base_noise, other_noise = (
        both[[f"{field}_{half}" for field in noise]].set_axis(noise, axis=1) for half in ("base", "other")
    )
    both["run_variance"], both["run_freedom"] = variance.of_ratio(base_noise, other_noise)
    return both[[*design, *(f"{column}_{half}" for half in ("base", "other") for column in KEY), *RUNS]]


def joined(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The images that both sides of a pair saw, in the order of `pairs` and of the images' names.

    Columns pair (which row of `pairs`, from 0), image and, with _base and _other, query, correct, end_to_end_ms,
    inference_ms and failed.
    """
    halves = [pairs[[f"{column}_{half}" for column in KEY]].set_axis(KEY, axis=1) for half in ("base", "other")]
    records = select.per_image(select.image_rows(images, pd.concat(halves)))
    records["instance"] = records.groupby(KEY, observed=True).ngroup()
    known = records.drop_duplicates("instance")[[*KEY, "instance"]].astype(dict.fromkeys(KEY, str))
    records = records.drop(columns=KEY)
    base, other = (
        half.assign(pair=range(len(half)))
        .merge(known, on=KEY)[["pair", "instance"]]
        .merge(records, on="instance")
        .drop(columns="instance")
        for half in halves
    )
    return base.merge(other, on=["pair", "image"], suffixes=("_base", "_other"))


def beside(pairs: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The pairs with the columns found for them, whose index is which row of `pairs`; the others saw 0 images."""
    known = pairs.reset_index(drop=True).join(found)
    return known.assign(n_images=known["n_images"].fillna(0).astype(int))
