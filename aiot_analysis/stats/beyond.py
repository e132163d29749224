"""Frameworks and models that are not the paper's, beside those that are. No figure or score of the paper has them."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.stats import latency, pairing
from aiot_analysis.tables import names

SPEED = ["speed_up", "speed_up_low", "speed_up_high"]
COLUMNS = [
    "device_id", "model", "implementation", "quantization", "mean_ms", "median_ms", *SPEED, "accuracy",
    "framework_version",
]  # fmt: skip


def implementations(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Inference time of every implementation of each model of which one is not among the paper's 60 instances.

    Takes the rows of `select.measured_rows` and image records. Gives one row per float32 row of such a model, and per
    row in another quantization that is not the paper's, in the order of `names`: COLUMNS, where mean_ms and median_ms
    are of the inference alone, and speed_up with its 95 % interval is how many times faster it is than the model in
    TFLite CPU, float32, on the images both saw (`latency.speed_up`); null for that itself and where it is not there.
    Empty where there is nothing that is not the paper's.
    """
    others = ~rows["instance_id"].isin(names.PAPER)
    of = pd.MultiIndex.from_frame(rows[["device_id", "model"]])
    shown = rows[of.isin(of[others]) & ((rows["quantization"] == "float32") | others)]
    found = shown.assign(implementation=names.implementation).merge(_times(images), on=latency.KEY, how="left")
    pairs = pairing.pair(
        shown[(shown["quantization"] == "float32") & (shown["delegate"] == "cpu")], "framework", "tflite"
    )
    faster = latency.speed_up(images, pairs, "inference")
    faster = faster.rename(columns={f"{column}_other": column for column in ("run_id", "instance_id")})
    found = found.merge(faster[[*latency.KEY, *SPEED]], on=latency.KEY, how="left")
    orders = {"model": names.MODELS, "implementation": names.IMPLEMENTATIONS, "quantization": names.QUANTIZATIONS}
    by = ["device_id", *orders]
    return found.sort_values(by, key=lambda one: names.places(one, orders.get(str(one.name), [])))[COLUMNS]


def _times(images: pd.DataFrame) -> pd.DataFrame:
    found = latency.summary(images, "inference")[[*latency.KEY, "mean_ms", "median_ms"]]
    return found.astype(dict.fromkeys(latency.KEY, str))
