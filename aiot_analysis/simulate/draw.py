"""Results of one phone: which images it gets right, and its times, scaled to its score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aiot_analysis.errors import SimulationError
from aiot_analysis.simulate import assumptions, images, score
from aiot_analysis.simulate.fleet import Phone, stream
from aiot_analysis.tables import names, paper
from aiot_analysis.tables.names import PHASES

BYTES = {"float32": 4, "dynamic": 1, "int8": 1, "float16": 2}  # per weight


@dataclass(frozen=True)
class DrawnRun:
    """Results of one instance on one phone, for n images."""

    instance_id: str
    classes: NDArray[np.int64]  # (n, 5) best first
    scores: NDArray[np.float64]  # (n, 5)
    correct: NDArray[np.bool_]  # (n,)
    phases_ns: NDArray[np.int64]  # (4, n) in the order of PHASES
    at_ns: NDArray[np.int64]  # (n,) since the start of the first image
    loop_ns: int
    load_ns: int


@cache
def model_bytes(instance_id: str) -> int:
    """Return the size of a model file, from its parameters (Table II) and the bytes per weight."""
    _, _, quantization, model = names.instance(instance_id)
    millions = paper.models().set_index("model")["params_millions"][model]
    return int(millions * 1e6 * BYTES[quantization])


def phone(one: Phone, instances: Sequence[str], seed: int, count: int) -> tuple[list[DrawnRun], float]:
    """Draw the instances of a phone on `count` images; also return the factor by which its times were scaled.

    All its times are scaled alike, so that VIPS over the 24 float32 instances is what `score.scale` aims at. Raises
    SimulationError if no image is right.
    """
    slowdown = _throttle(one, seed)
    answers = {instance: _answers(one, instance, seed, count) for instance in instances}
    times = {instance: _times_ms(one, instance, seed, count, slowdown) for instance in instances}
    vips = sum(answers[i][2].mean() / (times[i].sum(axis=0).mean() / 1000) for i in names.PAPER_FLOAT32)
    if not vips:
        raise SimulationError(
            f"None of the {count} images is correct on {one.name}, so there is no score: simulate more images."
        )
    factor = score.scale(one, float(vips), _slowness(one, seed))
    return [_drawn(one, i, answers[i], times[i] * factor, factor) for i in instances], factor


def _answers(one: Phone, instance_id: str, seed: int, count: int) -> tuple[Any, Any, Any]:
    """Return the five best classes and their scores, and whether the first is right.

    A phone shifts the margin of each image a little, mostly in the same way as all phones with its chip and Android
    version.
    """
    framework, delegate, quantization, model = names.instance(instance_id)
    fluctuation = assumptions.file()["fluctuation"]
    file = images.of_file(seed, count, framework, quantization, model)
    sd = fluctuation["implementation"][f"{framework}_{delegate}"] * fluctuation["model"][model]
    shared = stream(seed, count, one.soc, one.android, instance_id).standard_normal(count)
    individual = stream(seed, count, one.slug, instance_id).standard_normal(count)
    shift = np.sqrt(fluctuation["shared"]) * shared + np.sqrt(1 - fluctuation["shared"]) * individual
    margin = file.margin + sd * shift
    return *images.top5(images.draw(seed, count).labels, margin, file.rivals), margin > 0


def _slowness(one: Phone, seed: int) -> float:
    """Return how much slower than usual a phone is for its chip; the phones in Table IV follow their score instead."""
    return float(np.exp(assumptions.file()["time"]["phone_sd"] * stream(seed, one.slug, "speed").standard_normal()))


def _throttle(one: Phone, seed: int) -> float:
    """Return the fraction by which a phone slows down when it is hot, which is 0 for most."""
    settings = assumptions.file()["time"]
    chance, amount = stream(seed, one.slug, "throttle").random(2)
    low, high = settings["throttle"]
    return float(low + amount * (high - low)) if chance < settings["throttled_phones"] else 0.0


def _times_ms(one: Phone, instance_id: str, seed: int, count: int, throttle: float) -> NDArray[np.float64]:
    """Return the times of the four phases of each image in ms, (4, n), before scaling.

    They are skewed, and the first image is slow.
    """
    settings = assumptions.file()["time"]
    _, delegate, _, model = names.instance(instance_id)
    rng = stream(seed, count, one.slug, instance_id, "times")
    typical = assumptions.around_ms(one.soc, model)
    instance_factor = np.exp(settings["instance_sd"] * rng.standard_normal())
    typical["inference"] = assumptions.time_ms(one.soc, instance_id).value * instance_factor
    sd = np.array([settings["image_sd"][phase] for phase in PHASES])[:, None]
    times = np.array([typical[phase] for phase in PHASES])[:, None] * np.exp(sd * rng.standard_normal((4, count)))
    effort = images.draw(seed, count).effort
    times[0] *= effort
    times[1] *= np.sqrt(effort)  # a larger picture also takes longer to crop and resize
    spikes = rng.random((4, count)) < settings["spike_rate"]
    times *= 1 + spikes * rng.exponential(settings["spike_mean"], (4, count))
    first = settings["first_image"]
    times[:, 0] *= [first[delegate if phase == "inference" else "around"] for phase in PHASES]
    spent_s = np.cumsum(times.sum(axis=0)) / 1000
    slowdown: NDArray[np.float64] = 1 + throttle * (1 - np.exp(-spent_s / settings["throttle_after_s"]))
    return times * slowdown


def _drawn(one: Phone, instance_id: str, answer: Any, times_ms: NDArray[np.float64], factor: float) -> DrawnRun:
    """Return the results of an instance with scaled times."""
    settings = assumptions.file()["time"]
    classes, scores, correct = answer
    phases_ns = np.rint(times_ms * 1e6).astype(np.int64)
    ends_ns = np.cumsum(phases_ns.sum(axis=0) + round(settings["gap_ms"] * 1e6))
    load_ms = settings["load_ms"] + settings["load_ms_per_mb"] * model_bytes(instance_id) / 1e6
    load_ms *= assumptions.cpu_speed(one.soc).value * factor
    load_ms *= settings["load_nnapi"] if names.instance(instance_id).delegate == "nnapi" else 1.0
    at_ns = np.concatenate([[0], ends_ns[:-1]])
    return DrawnRun(instance_id, classes, scores, correct, phases_ns, at_ns, int(ends_ns[-1]), round(load_ms * 1e6))
