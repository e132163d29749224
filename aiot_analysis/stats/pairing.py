"""Pairs of instances that are compared image by image."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.stats import variance
from aiot_analysis.tables import pooling, select

DESIGN = ["device_id", "model", "framework", "delegate", "quantization"]
KEY = select.KEY
RUNS = ["run_variance", "run_freedom"]
# Columns that must be equal on both sides, by the column that varies. A quantized model is another file; a model run
# with another delegate is the same file.
ALIKE = {
    "device_id": pooling.SAME_INSTANCE,
    "delegate": [*pooling.SHARED, *pooling.SAME_FRAMEWORK, "model_sha256"],
    "quantization": [*pooling.SHARED, *pooling.SAME_FRAMEWORK],
    "framework": pooling.SHARED,
    "model": [*pooling.SHARED, *pooling.SAME_FRAMEWORK],
    "resize": [field for field in pooling.SAME_INSTANCE if field != "resize"],
}


def pair(rows: pd.DataFrame, vary: str, base: str) -> pd.DataFrame:
    """Match each row with the row that differs from it only in the column `vary`, where that column is `base`.

    `pair(rows, "quantization", "float32")` matches each quantized instance with its float32 version; `pair(rows,
    "device_id", "local")` matches each device with one. Takes the rows chosen by `select.measured_rows`. Returns one
    row per pair: the columns of DESIGN and `vary` (of the other row), run_id_base, device_id_base, instance_id_base and
    the same with _other, and RUNS: the variance that differences between runs add to the logarithm of the ratio of the
    two times, and its degrees of freedom (see `variance.ratio_variance`). Raises PoolingError if the two rows were
    measured under different conditions.
    """
    design = list(dict.fromkeys([*DESIGN, vary]))
    same = [column for column in design if column != vary]
    checked = ALIKE[vary]
    rows = variance.assumed(rows)
    sides = []
    for half, chosen in (("other", rows[rows[vary] != base]), ("base", rows[rows[vary] == base])):
        columns = {f"{field}_{half}": chosen[field] for field in dict.fromkeys([*KEY, *checked, *variance.COLUMNS])}
        sides.append(chosen[design if half == "other" else same].assign(**columns))
    pairs = sides[0].merge(sides[1], on=same)
    halves_of = [(pairs[f"{field}_base"], pairs[f"{field}_other"]) for field in checked]
    mismatched = pd.concat(
        [
            base_values.ne(other_values).fillna(True).astype(bool) & ~(base_values.isna() & other_values.isna())
            for base_values, other_values in halves_of
        ],
        axis=1,
    ).any(axis=1)
    for row in pairs[mismatched].to_dict("records"):
        halves = [{field: row[f"{field}_{half}"] for field in checked} for half in ("base", "other")]
        pooling.check(pd.DataFrame(halves), checked)
    noise = ["device_id", *variance.COLUMNS]
    base_noise, other_noise = (
        pairs[[f"{field}_{half}" for field in noise]].set_axis(noise, axis=1) for half in ("base", "other")
    )
    pairs["run_variance"], pairs["run_freedom"] = variance.ratio_variance(base_noise, other_noise)
    return pairs[[*design, *(f"{column}_{half}" for half in ("base", "other") for column in KEY), *RUNS]]


def common_images(images: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the images that both sides of each pair saw, in the order of `pairs` and then of image name.

    Columns are pair (position in `pairs`, from 0), image and, with _base and _other, query, correct, end_to_end_ms,
    inference_ms and failed.
    """
    halves = [pairs[[f"{column}_{half}" for column in KEY]].set_axis(KEY, axis=1) for half in ("base", "other")]
    records = select.per_image(select.image_rows(images, pd.concat(halves)))
    records["instance"] = records.groupby(KEY, observed=True).ngroup()
    numbers = records.drop_duplicates("instance")[[*KEY, "instance"]].astype(dict.fromkeys(KEY, str))
    records = records.drop(columns=KEY)
    base, other = (
        half.assign(pair=range(len(half)))
        .merge(numbers, on=KEY)[["pair", "instance"]]
        .merge(records, on="instance")
        .drop(columns="instance")
        for half in halves
    )
    return base.merge(other, on=["pair", "image"], suffixes=("_base", "_other"))


def join_results(pairs: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs joined with `results`, indexed by position in `pairs`; a pair without a row gets 0 images."""
    joined_pairs = pairs.reset_index(drop=True).join(results)
    return joined_pairs.assign(n_images=joined_pairs["n_images"].fillna(0).astype(int))
