"""Fleets whose truth is known: true times and accuracies, and the noise around them, as the tables of a real fleet.

The logarithm of the mean time of an instance in a session is that of its true time, plus deviations of the session
(`run_sd` of each instance by itself, `shared_sd` of all instances alike). Times of single images scatter around it by
`scatter`, each like the one before it (autocorrelation `autocorrelation`).

Whether a model file is right on an image is decided by a number that the file gives the image: it is right where the
number is below a threshold that follows from its accuracy. All devices run the same files on the same images, so
without `flips` and `pattern_points` their answers are alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import norm

from aiot_analysis.stats.noise import AUTOCORRELATION, SCATTER
from aiot_analysis.tables import names, storage

Floats = NDArray[np.float64]

RUN_SD = 0.0176
"""Standard deviation of the logarithm of a run's time with which two runs agree within 5 % 19 times of 20."""
FLIPS = 0.002
"""Share of the answers that change at random from one run to another."""

ACCURACY = 0.7
SAME_IMAGE, SAME_MODEL = 0.5, 0.2
"""Shares of the variance of an image's difficulty that all files have in common, and all files of a model."""
QUANTIZED_ALIKE = 0.998
"""Correlation of the difficulties of an image for a file and its quantized version: about 2 % of the answers differ."""

_START = datetime(2026, 1, 1, 8, tzinfo=UTC)
_RUN = timedelta(minutes=10)  # from the start of a run to the start of the next one of the same session


@dataclass(frozen=True)
class FleetPlan:
    """What is planted. Mappings have instance ids as keys; what they lack has the default."""

    instances: Sequence[str]
    devices: int = 8
    images: int = 500
    sessions: int = 1  # of each device, a day apart
    runs: int = 1  # of each session, one after the other

    speed: Mapping[str, float] = field(default_factory=dict)  # times as fast as the default of 10 ms
    device_speed: Sequence[float] = ()  # of each device: times as fast as the first
    session_speed: Sequence[float] = ()  # of each session
    speed_on_share: Mapping[str, tuple[float, float]] = field(default_factory=dict)  # share of devices, speed on these
    speed_spread: Mapping[str, float] = field(default_factory=dict)  # sd of the log of the speed over devices
    pieces_on_share: Mapping[str, float] = field(default_factory=dict)  # share of devices with several partitions

    accuracy: Mapping[str, float] = field(default_factory=dict)  # fraction of 1
    session_points: Sequence[float] = ()  # of each session: percentage points more accurate
    pattern_points: Mapping[str, float] = field(default_factory=dict)  # sd of the accuracy over devices, points
    pattern_shared: float = 0.0  # correlation over devices of the accuracies of any two instances
    lost_answers: Mapping[str, int] = field(default_factory=dict)  # right ones that are wrong on the last device
    same_images: bool = True  # on all devices

    scatter: float = SCATTER
    autocorrelation: float = AUTOCORRELATION
    run_sd: float = RUN_SD
    shared_sd: float = 0.0
    flips: float = 0.0
    slower_at_end: float = 0.0  # share by which the last instance of a run is slower than the first
    common_order: bool = False  # the instances of all runs in one order, and not each run in an order of its own

    @property
    def records(self) -> int:
        """How many image records the fleet has."""
        return self.devices * self.sessions * self.runs * len(self.instances) * self.images


@dataclass(frozen=True)
class PlantedFleet:
    """The tables of a planted fleet."""

    instances: pd.DataFrame
    images: pd.DataFrame
    run_ms: Floats  # mean time of each (device, run, instance) that the errors within a run scatter around

    def of_sessions(self, first: int, last: int) -> PlantedFleet:
        """Return the runs of some sessions, numbered from 0; `last` is not among them."""
        mine = self.instances["run_id"].str.slice(4, 8).between(f"{first:04}", f"{last - 1:04}")
        runs = set(self.instances.loc[mine, "run_id"])
        shown = self.images["run_id"].isin(runs)
        return PlantedFleet(
            self.instances[mine].reset_index(drop=True), self.images[shown].reset_index(drop=True), self.run_ms
        )


def plant(plan: FleetPlan, rng: np.random.Generator) -> PlantedFleet:
    """Draw the tables of a fleet."""
    order = _orders(plan, rng)
    run_ms = _run_times(plan, order, rng)
    shape = (*run_ms.shape, plan.images)
    noise = plan.scatter * autocorrelated(plan.autocorrelation, shape, rng)
    # the mean of a log-normal time is above its median by half of the variance of the logarithm
    ms = run_ms[..., None] * np.exp(noise - plan.scatter**2 / 2)
    right = _answers(plan, shape, rng)
    return PlantedFleet(_instances(plan, ms, right, order, rng), _images(plan, ms, right), run_ms)


def autocorrelated(phi: float, shape: Sequence[int], rng: np.random.Generator) -> Floats:
    """Return standard normal series along the last axis, where each value is phi times the one before, plus noise."""
    noise = rng.standard_normal(tuple(shape))
    noise[..., 1:] *= np.sqrt(1 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=-1), float)


def _per_instance(plan: FleetPlan, values: Mapping[str, float], default: float) -> Floats:
    return np.array([values.get(name, default) for name in plan.instances], float)


def _orders(plan: FleetPlan, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the place of each instance in the order of its run, from 0: (devices, runs, instances)."""
    shape = (plan.devices, plan.sessions * plan.runs, len(plan.instances))
    places = np.broadcast_to(np.arange(shape[-1]), shape).copy()
    if plan.common_order:
        return np.broadcast_to(rng.permutation(shape[-1]), shape).copy()
    return rng.permuted(places, axis=-1)


def _run_times(plan: FleetPlan, order: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Return the mean time of each instance in each run in ms: (devices, runs, instances)."""
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
    return 10.0 * np.exp(np.repeat(log, plan.runs, axis=1) + hot)


def _answers(plan: FleetPlan, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return whether each answer is right: (devices, runs, instances, images)."""
    devices, _, count, _ = shape
    sets = 1 if plan.same_images else devices
    difficulty = _difficulties(plan, sets, rng)[:, None]  # (sets, 1, instances, images)
    accuracy = np.broadcast_to(_per_instance(plan, plan.accuracy, ACCURACY), (devices, plan.sessions, count))
    common, own = rng.standard_normal((devices, 1)), rng.standard_normal((devices, count))
    pattern = np.sqrt(plan.pattern_shared) * common + np.sqrt(1 - plan.pattern_shared) * own
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
    """Return how difficult each image is for each instance, standard normal: (sets of images, instances, images).

    Instances that run the same file have the same numbers.
    """
    shape = (sets, plan.images)
    drawn: dict[tuple[str, ...], Floats] = {}

    def draw(*key: str) -> Floats:
        if key not in drawn:
            drawn[key] = rng.standard_normal(shape)
        return drawn[key]

    each = []
    for name in plan.instances:
        framework, _, quantization, model = names.instance(name)
        file = np.sqrt(SAME_IMAGE) * draw() + np.sqrt(SAME_MODEL) * draw(model)
        file = file + np.sqrt(1 - SAME_IMAGE - SAME_MODEL) * draw(framework, model)
        if quantization != "float32":
            changed = draw(framework, model, quantization)
            file = QUANTIZED_ALIKE * file + np.sqrt(1 - QUANTIZED_ALIKE**2) * changed
        each.append(file)
    return np.stack(each, axis=1)


@cache
def _types(name: str) -> dict[str, object]:
    """Return the types of the columns of a table, in its order."""
    found = storage.table(name, []).dtypes.to_dict()
    return {str(column): "category" if kind == "category" else kind for column, kind in found.items()}


def run_ids(plan: FleetPlan) -> list[str]:
    """Return the ids of the runs of a device, which have the session in characters 4 to 8."""
    return [f"run-{session:04}-{run:04}" for session in range(plan.sessions) for run in range(plan.runs)]


def device_ids(plan: FleetPlan) -> list[str]:
    return [f"device-{number:02}" for number in range(plan.devices)]


def _instances(
    plan: FleetPlan, ms: Floats, right: NDArray[np.bool_], order: NDArray[np.int64], rng: np.random.Generator
) -> pd.DataFrame:
    devices, runs, count, images = ms.shape
    size = devices * runs * count
    parts = pd.DataFrame([names.instance(name) for name in plan.instances], columns=names.Instance._fields)
    parts["instance_id"] = list(plan.instances)
    frame = parts.iloc[np.tile(np.arange(count), devices * runs)].reset_index(drop=True)
    start = [_START + timedelta(days=s) + r * _RUN for s in range(plan.sessions) for r in range(plan.runs)]
    of_run = np.tile(np.repeat(np.arange(runs), count), devices)
    mean = ms.mean(axis=-1).ravel()
    times = {
        "mean": mean,
        "median": np.median(ms, axis=-1).ravel(),
        "p90": np.quantile(ms, 0.9, axis=-1).ravel(),
        "sd": ms.std(axis=-1, ddof=1).ravel(),
    }
    pieces = np.ones((devices, count), int)
    for name, share in plan.pieces_on_share.items():
        pieces[rng.random(devices) < share, list(plan.instances).index(name)] = 3
    frame = frame.assign(
        device_id=np.repeat(device_ids(plan), runs * count),
        run_id=np.array(run_ids(plan))[of_run],
        started=np.array([at.isoformat() for at in start])[of_run],
        ended=np.array([(at + 0.9 * _RUN).isoformat() for at in start])[of_run],
        position=order.ravel(),
        threads=1,
        attempt=1,
        attempts=1,
        source="agent",
        profile="paper",
        timing="end_to_end",
        weights=None,  # unknown: frameworks may have had weights of their own
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
    began = np.cumsum(ms, axis=-1) - ms
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
            "at_s": began.ravel() / 1000,
            "failed": False,
            "origin": coded(np.zeros(rows * images, int), ["measured"]),
        }
    )
