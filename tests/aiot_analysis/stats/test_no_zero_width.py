"""Tests that intervals of constant times, as from a coarse clock, have a width or are missing."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import blocks, latency, remarks, resize, shares, variance
from aiot_analysis.stats.pairing import pair
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.series import records

MODELS = ["resnet50", "inception_v3", "densenet121", "squeezenet", "mobilenet_v2", "mnasnet"]
IDS = [f"{way}_float32_{model}" for way in ("tflite_cpu", "pytorch_cpu") for model in MODELS]
MS = dict(zip(IDS, range(12, 0, -1), strict=True))
IMAGES = 40


def table(sessions: int) -> pd.DataFrame:
    """Return rows with the same constant times in this many sessions, a day apart."""
    days = [f"2026-11-{day:02}T10:00:00Z" for day in range(1, sessions + 1)]
    return instances(
        *(
            instance(name, time_ms=float(ms), images=IMAGES, distinct_images=IMAGES, end_to_end_ms_sd=0.0,
                     resize="crop_resize", run_id=f"run-{day}", started=day, ended=day)
            for day in days
            for name, ms in MS.items()
        )
    )  # fmt: skip


def every_image(rows: pd.DataFrame) -> pd.DataFrame:
    run = rows["run_id"].iloc[0]
    return pd.concat([records(name, np.full(IMAGES, float(ms)), run_id=run) for name, ms in MS.items()])


def over_sessions(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    days = [f"2026-11-{day:02}T10:00:00Z" for day in range(1, 5)]
    return blocks.over_sessions(pd.concat(rows.assign(run_id=day, started=day, ended=day) for day in days))


def claims(rows: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Return the comparisons of claims on times that have an interval."""
    allowed = float(rows["run_to_run"].iloc[0])
    parts = remarks.parts(rows, images, remarks=[2, 4], run_to_run=allowed)
    return parts[parts["effect"].notna()].rename(columns=lambda name: name.replace("effect_", "speed_"))


INTERVALS: dict[str, Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]] = {
    "mean": lambda rows, images: blocks.means(images, rows),
    "mean over sessions": over_sessions,
    "speed-up of pairs": lambda rows, images: latency.speed_up(images, pair(rows, "framework", "tflite")),
    "speed-up with images": lambda rows, images: shares.speed_ups(rows, images, "frameworks"),
    "speed-up of means": lambda rows, images: shares.speed_ups(rows, images.iloc[:0], "frameworks"),
    "claim": claims,
    "resizing": resize.summary,
}


@pytest.mark.parametrize("allowed", [0.05, 0.0])
@pytest.mark.parametrize("sessions", [1, 2])
@pytest.mark.parametrize("name", INTERVALS)
def test_constant_times_have_no_interval_of_zero_width(name, sessions, allowed):
    every = table(sessions)
    rows = variance.with_noise(every[every["run_id"] == every["run_id"].max()], every, run_to_run=allowed)
    result = INTERVALS[name](rows, every_image(rows))
    assert len(result)
    ends = [column.removesuffix("_low") for column in result if column.endswith("_low") and "accuracy" not in column]
    assert ends
    for column in ends:
        low, high = (result[f"{column}_{end}"].astype(float) for end in ("low", "high"))
        assert not np.isclose(low, high, rtol=1e-6).any()
        if allowed:  # the allowance covers what constant times cannot show
            assert low.notna().all() or name == "mean over sessions"
    if allowed:
        assert variance.describe_noise(rows) == "95%, including an assumed 5% between runs"


def test_an_interval_that_is_not_known_says_why():
    every = table(2)
    rows = variance.with_noise(every[every["run_id"] == every["run_id"].max()], every, run_to_run=0.0)
    images = every_image(rows)
    assert set(over_sessions(rows, images)["gap"]) == {"unknown, because the time is the same in all sessions"}
    parts = claims(rows, images)
    assert set(parts.loc[parts["speed_low"].isna(), "why"]) == {"no scatter of times is known"}
