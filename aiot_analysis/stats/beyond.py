"""Frameworks and models beyond the paper's, beside the paper's own. They enter none of its figures and scores."""

from __future__ import annotations

import pandas as pd

from aiot_analysis.stats import latency, pairing
from aiot_analysis.tables import names

RATIO = ["speed_up", "speed_up_low", "speed_up_high"]
COLUMNS = [
    "device_id", "model", "implementation", "quantization", "mean_ms", "median_ms", *RATIO, "accuracy",
    "framework_version",
]  # fmt: skip


def implementations_beyond_paper(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the inference time of all implementations of each model that has one beyond the paper's 60 instances.

    Takes the rows of `select.measured_rows` and image records. Returns one row per float32 row of such a model, and one
    per row in another quantization that is not the paper's, in the order of `names`, with COLUMNS. mean_ms and
    median_ms are times of inference alone. speed_up, with its 95 % interval, is how many times faster the row is than
    the model in TFLite CPU, float32, on the images that both saw (`latency.speed_up`); it is null for TFLite CPU itself
    and where that was not measured. The frame is empty if there is nothing beyond the paper's instances.
    """
    others = ~rows["instance_id"].isin(names.PAPER)
    device_models = pd.MultiIndex.from_frame(rows[["device_id", "model"]])
    compared = rows[device_models.isin(device_models[others]) & ((rows["quantization"] == "float32") | others)]
    table = compared.assign(implementation=names.implementation).merge(_times(images), on=latency.KEY, how="left")
    pairs = pairing.pair(
        compared[(compared["quantization"] == "float32") & (compared["delegate"] == "cpu")], "framework", "tflite"
    )
    faster = latency.speed_up(images, pairs, "inference")
    faster = faster.rename(columns={f"{column}_other": column for column in ("run_id", "instance_id")})
    table = table.merge(faster[[*latency.KEY, *RATIO]], on=latency.KEY, how="left")
    return names.ordered(table, ["device_id", "model", "implementation", "quantization"])[COLUMNS]


def _times(images: pd.DataFrame) -> pd.DataFrame:
    """Return the mean and median inference time per run and instance, in ms."""
    times = latency.summary(images, "inference")[[*latency.KEY, "mean_ms", "median_ms"]]
    return times.astype(dict.fromkeys(latency.KEY, str))
