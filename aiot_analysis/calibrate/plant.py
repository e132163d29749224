"""Generation of fleets with known true times, accuracies and noise, as the tables of a real fleet.

The logarithm of the mean time of an instance in a session is that of its true time plus session deviations: `run_sd`
for each instance independently, `shared_sd` for all instances together. Times of single images scatter around it with
the standard deviation `scatter` and the autocorrelation `autocorrelation`.

Each model file has a difficulty for each image and is right if it is below a threshold determined by its accuracy. All
devices run the same files on the same images, so without `flips` and `pattern_points` their answers are identical.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import norm

from aiot_analysis.stats.noise import AUTOCORRELATION, SCATTER
from aiot_analysis.tables import dependence, names, storage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Floats = NDArray[np.float64]

RUN_SD = 0.0176
"""Standard deviation of the logarithm of a run's time, such that two runs agree within 5% 19 times out of 20."""
FLIPS = 0.002
"""Share of answers that change at random from run to run."""

ACCURACY = 0.7
SAME_IMAGE, SAME_MODEL = 0.5, 0.2
"""Shares of the variance of an image's difficulty common to all files, and common to all files of a model."""
QUANTIZED_ALIKE = 0.998
"""Correlation of an image's difficulties for a file and its quantized version; about 2% of the answers differ."""

_START = datetime(2026, 1, 1, 8, tzinfo=UTC)
_RUN = timedelta(minutes=10)  # between the starts of consecutive runs of a session


@dataclass(frozen=True)
class FleetPlan:
    """Plan of a fleet. Mappings are by instance id; instances that they lack have the default value."""

    instances: Sequence[str]
    devices: int = 8
    images: int = 500
    sessions: int = 1  # sessions per device, one day apart
    runs: int = 1  # consecutive runs per session

    speed: Mapping[str, float] = field(default_factory=dict)  # speed relative to the default of 10 ms
    device_speed: Sequence[float] = ()  # by device: speed relative to the first
    session_speed: Sequence[float] = ()  # by session: relative speed
    speed_on_share: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # (share of devices, speed on them)
    speed_spread: Mapping[str, float] = field(default_factory=dict)  # standard deviation over devices of the log speed
    pieces_on_share: Mapping[str, float] = field(default_factory=dict)  # share of devices with several partitions

    accuracy: Mapping[str, float] = field(default_factory=dict)  # as a fraction of 1
    session_points: Sequence[float] = ()  # by session: gain in accuracy, percentage points
    pattern_points: Mapping[str, float] = field(default_factory=dict)  # SD of accuracy over devices, points
    pattern_shared: float = 0.0  # correlation over devices of the accuracies of any two instances
    lost_answers: Mapping[str, int] = field(default_factory=dict)  # correct answers made wrong on the last device
    same_images: bool = True  # whether all devices have the same images

    scatter: float = SCATTER
    autocorrelation: float = AUTOCORRELATION
    run_sd: float = RUN_SD
    shared_sd: float = 0.0
    flips: float = 0.0
    slower_at_end: float = 0.0  # fraction by which the last instance of a run is slower than the first
    common_order: bool = False  # whether all runs have the same order of instances instead of a random one each

    @property
    def records(self) -> int:
        """Number of image records of the fleet."""
        return self.devices * self.sessions * self.runs * len(self.instances) * self.images


@dataclass(frozen=True)
class PlantedFleet:
    """Tables of a planted fleet."""

    instances: pd.DataFrame
    images: pd.DataFrame
    run_ms: Floats  # true mean time by (device, run, instance), around which image times scatter

    def of_sessions(self, first: int, last: int) -> PlantedFleet:
        """Return the runs of sessions `first` (from 0) up to but not including `last`."""
        instance_rows = self.instances["run_id"].str.slice(4, 8).between(f"{first:04}", f"{last - 1:04}")
        runs = set(self.instances.loc[instance_rows, "run_id"])
        image_rows = self.images["run_id"].isin(runs)
        return PlantedFleet(
            self.instances[instance_rows].reset_index(drop=True),
            self.images[image_rows].reset_index(drop=True),
            self.run_ms,
        )


def plant(plan: FleetPlan, rng: np.random.Generator) -> PlantedFleet:
    """Draw the tables of a fleet."""
    order = _orders(plan, rng)
    run_ms = _run_times(plan, order, rng)
    shape = (*run_ms.shape, plan.images)
    noise = plan.scatter * autocorrelated(plan.autocorrelation, shape, rng)
    # the log of the mean of a log-normal variable exceeds the log of its median by half the variance of the log
    ms = run_ms[..., None] * np.exp(noise - plan.scatter**2 / 2)
    right = _answers(plan, shape, rng)
    return PlantedFleet(_instances(plan, ms, right, order, rng), _images(plan, ms, right), run_ms)


def autocorrelated(phi: float, shape: Sequence[int], rng: np.random.Generator) -> Floats:
    """Return standard normal, first-order autoregressive series with coefficient phi along the last axis."""
    noise = rng.standard_normal(tuple(shape))
    noise[..., 1:] *= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=-1), float)


def _per_instance(plan: FleetPlan, values: Mapping[str, float], default: float) -> Floats:
    return np.array([values.get(name, default) for name in plan.instances], float)


def _orders(plan: FleetPlan, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the position of each instance in its run, from 0, as an array (devices, runs, instances)."""
    shape = (plan.devices, plan.sessions * plan.runs, len(plan.instances))
    places = np.broadcast_to(np.arange(shape[-1]), shape).copy()
    if plan.common_order:
        return np.broadcast_to(rng.permutation(shape[-1]), shape).copy()
    return rng.permuted(places, axis=-1)


def _run_times(plan: FleetPlan, order: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return the mean time of each instance in each run in ms, as an array (devices, runs, instances)."""
    devices, _, count = order.shape
    speed = np.broadcast_to(_per_instance(plan, plan.speed, 1.0), (devices, count)).copy()
    for name, (share, on_these) in plan.speed_on_share.items():
        speed[rng.random(devices) < share, list(plan.instances).index(name)] = on_these
    speed *= np.exp(_per_instance(plan, plan.speed_spread, 0.0) * rng.standard_normal((devices, count)))
    speed *= np.array(plan.device_speed or [1.0] * devices)[:, None]
    log = -np.log(speed)[:, None, :] - np.log(plan.session_speed or [1.0] * plan.sessions)[:, None]
    log = log + plan.run_sd * rng.standard_normal((devices, plan.sessions, count))
    log = log + plan.shared_sd * rng.standard_normal((devices, plan.sessions, 1))
    hot = np.log1p(plan.slower_at_end) * order / max(count - 1, 1)
    times_ms: Floats = 10.0 * np.exp(np.repeat(log, plan.runs, axis=1) + hot)
    return times_ms


def _answers(plan: FleetPlan, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return whether each answer is right, as an array (devices, runs, instances, images)."""
    devices, _, count, _ = shape
    sets = 1 if plan.same_images else devices
    difficulty = _difficulties(plan, sets, rng)[:, None]  # (sets, 1, instances, images)
    accuracy = np.broadcast_to(_per_instance(plan, plan.accuracy, ACCURACY), (devices, plan.sessions, count))
    common, individual = rng.standard_normal((devices, 1)), rng.standard_normal((devices, count))
    pattern = np.sqrt(plan.pattern_shared) * common + np.sqrt(1 - plan.pattern_shared) * individual
    points = pattern * _per_instance(plan, plan.pattern_points, 0.0)
    points = points[:, None, :] + np.array(plan.session_points or [0.0] * plan.sessions)[:, None]
    threshold = norm.ppf(np.clip(accuracy + points / 100, 1e-6, 1 - 1e-6))
    right = np.repeat(difficulty < threshold[..., None], plan.runs, axis=1)
    for name, number in plan.lost_answers.items():
        place = list(plan.instances).index(name)
        lost = rng.choice(np.flatnonzero(right[-1, 0, place]), number, replace=False)
        right[-1][:, place, lost] = False
    if plan.flips:
        right = right ^ (rng.random(right.shape) < plan.flips)
    return right


def _difficulties(plan: FleetPlan, sets: int, rng: np.random.Generator) -> Floats:
    """Return the difficulty of each image for each instance, standard normal, as (sets of images, instances, images).

    Instances that run the same file have the same difficulties.
    """
    shape = (sets, plan.images)
    drawn: dict[tuple[str, ...], Floats] = {}

    def draw(*key: str) -> Floats:
        if key not in drawn:
            drawn[key] = rng.standard_normal(shape)
        return drawn[key]

    difficulties = []
    for name in plan.instances:
        framework, _, quantization, model = names.instance(name)
        file = np.sqrt(SAME_IMAGE) * draw() + np.sqrt(SAME_MODEL) * draw(model)
        file = file + np.sqrt(1 - SAME_IMAGE - SAME_MODEL) * draw(framework, model)
        if quantization != "float32":
            changed = draw(framework, model, quantization)
            file = QUANTIZED_ALIKE * file + np.sqrt(1 - QUANTIZED_ALIKE**2) * changed
        difficulties.append(file)
    return np.stack(difficulties, axis=1)


@cache
def _types(name: str) -> dict[str, object]:
    """Return the column types of a table, in column order."""
    dtypes = storage.table(name, []).dtypes.to_dict()
    return {str(column): "category" if kind == "category" else kind for column, kind in dtypes.items()}


def run_ids(plan: FleetPlan) -> list[str]:
    """Return the run ids of a device, which have the session in characters 4 to 8."""
    return [f"run-{session:04}-{run:04}" for session in range(plan.sessions) for run in range(plan.runs)]


def device_ids(plan: FleetPlan) -> list[str]:
    """Return the device ids of a fleet, in order."""
    return [f"device-{number:02}" for number in range(plan.devices)]


def _instances(
    plan: FleetPlan, ms: Floats, right: NDArray[np.bool_], order: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    devices, runs, count, images = ms.shape
    size = devices * runs * count
    parts = pd.DataFrame([names.instance(name) for name in plan.instances], columns=names.InstanceParts._fields)
    parts["instance_id"] = list(plan.instances)
    frame = parts.iloc[np.tile(np.arange(count), devices * runs)].reset_index(drop=True)
    start = [_START + timedelta(days=s) + r * _RUN for s in range(plan.sessions) for r in range(plan.runs)]
    run_index = np.tile(np.repeat(np.arange(runs), count), devices)
    mean = ms.mean(axis=-1).ravel()
    times = {
        "mean": mean,
        "median": np.median(ms, axis=-1).ravel(),
        "p90": np.quantile(ms, 0.9, axis=-1).ravel(),
        "sd": ms.std(axis=-1, ddof=1).ravel(),
        "se": dependence.errors(ms.reshape(size, images))[0],
    }
    pieces = np.ones((devices, count), int)
    for name, share in plan.pieces_on_share.items():
        pieces[rng.random(devices) < share, list(plan.instances).index(name)] = 3
    frame = frame.assign(
        device_id=np.repeat(device_ids(plan), runs * count),
        run_id=np.array(run_ids(plan))[run_index],
        started=np.array([moment.isoformat() for moment in start])[run_index],
        ended=np.array([(moment + 0.9 * _RUN).isoformat() for moment in start])[run_index],
        position=order.ravel(),
        threads=1,
        attempt=1,
        attempts=1,
        source="agent",
        profile="paper",
        timing="end_to_end",
        weights=None,  # unknown: frameworks may have used different weights
        dataset="planted",
        dataset_sha256="planted",
        model_sha256=frame["framework"] + "-" + frame["quantization"] + "-" + frame["model"],
        framework_version="1.0",
        images=images,
        distinct_images=images,
        failed_images=0,
        log_lines=images + 2,
        correct=right.sum(axis=-1).ravel(),
        accuracy=right.mean(axis=-1).ravel(),
        partitions=np.repeat(pieces, runs, axis=0).ravel(),
        status="end",
        verdict="valid",
        reasons="",
        origin="measured",
        **{f"{timing}_ms_{name}": values for timing in ("end_to_end", "inference") for name, values in times.items()},
    )
    assert len(frame) == size
    return frame.reindex(columns=list(_types("instances"))).astype(_types("instances"))  # type: ignore[arg-type]


def _images(plan: FleetPlan, ms: Floats, right: NDArray[np.bool_]) -> pd.DataFrame:
    devices, runs, count, images = ms.shape
    rows = devices * runs * count

    def coded(codes: NDArray[np.int64], categories: Sequence[str]) -> pd.Categorical[str]:
        return pd.Categorical.from_codes(codes, pd.Index(sorted(categories)))

    ids = sorted(plan.instances)
    place = np.array([ids.index(name) for name in plan.instances])
    started = np.cumsum(ms, axis=-1) - ms
    answers, times = right.ravel(), ms.ravel()
    top5 = np.empty(rows * images, object)
    top5.fill([0, 1, 2, 3, 4])
    return pd.DataFrame(
        {
            "run_id": coded(np.tile(np.repeat(np.arange(runs), count * images), devices), run_ids(plan)),
            "device_id": coded(np.repeat(np.arange(devices), runs * count * images), device_ids(plan)),
            "instance_id": coded(np.tile(np.repeat(place, images), devices * runs), ids),
            "query": np.tile(np.arange(images), rows),
            "image": coded(np.tile(np.arange(images), rows), [f"image-{number:05}" for number in range(images)]),
            "label": 0,
            "top1": pd.array(np.where(answers, 0, 1), "Int64"),
            "top5": top5,
            "correct": answers,
            "decode_ms": 0.0,
            "preprocess_ms": 0.0,
            "inference_ms": times,
            "postprocess_ms": 0.0,
            "end_to_end_ms": times,
            "at_s": started.ravel() / 1000,
            "failed": False,
            "origin": coded(np.zeros(rows * images, int), ["measured"]),
        }
    )
