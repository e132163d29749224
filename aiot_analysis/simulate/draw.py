"""What one phone makes of the images: which it gets right, and its times, scaled to its score."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aiot_analysis.errors import SimulationError
from aiot_analysis.simulate import assumptions
from aiot_analysis.simulate.assumptions import Phone, stream
from aiot_analysis.tables import names, paper
from aiot_analysis.tables.names import PHASES

if TYPE_CHECKING:
    from collections.abc import Sequence

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RIVALS = 5
NEXT = np.array([2 / 3, 1 / 6, 1 / 12, 1 / 24])  # shares of the score left by the best class, for the next four


@dataclass(frozen=True)
class SimulatedImages:
    """The images of the whole fleet. There are n of them; the same seed and n give the same images."""

    seed: int
    names: list[str]
    labels: Integers  # (n,)
    effort: Floats  # (n,) relative effort of decoding, around 1
    difficulty: Floats  # (n,) standard normal, the same for all models
    rivals: Integers  # (n, 5) other classes that an image resembles

    def sha256(self) -> str:
        """Return a hash of the names and labels, since there are no pictures."""
        text = "\n".join(f"{name} {label}" for name, label in zip(self.names, self.labels.tolist(), strict=True))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ModelFile:
    """How well a model file does on the images: it is right where the margin is positive."""

    margin: Floats  # (n,) in standard deviations of the images' difficulty for this file
    rivals: Integers  # (n, 5) other classes, most likely first


@cache
def draw(seed: int, count: int) -> SimulatedImages:
    """Draw `count` images: five of each of 100 classes if there are 500, as in the paper's Section III-A.

    Difficulties are spread evenly over the normal distribution, so that accuracies come out near the published ones
    even with few images.
    """
    settings = assumptions.file()["images"]
    rng = stream(seed, "images", count)
    classes = np.sort(rng.choice(settings["label_space"], settings["classes"], replace=False))
    order = np.arange(count)
    labels = classes[order % len(classes)]
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)])
    offsets = rng.permuted(np.tile(np.arange(1, settings["label_space"]), (count, 1)), axis=1)[:, :RIVALS]
    return SimulatedImages(
        seed=seed,
        names=[f"simulated_{label:03}_{i // len(classes)}.jpg" for i, label in enumerate(labels.tolist())],
        labels=labels,
        effort=np.exp(settings["size_sd"] * rng.standard_normal(count)),
        difficulty=rng.permutation(quantiles),
        rivals=(labels[:, None] + offsets) % settings["label_space"],
    )


@cache
def draw_model_file(seed: int, count: int, framework: str, quantization: str, model: str) -> ModelFile:
    """Return how well a model file does on the images. Quantized files of a model stay close to its float32 file."""
    settings, images = assumptions.file()["images"], draw(seed, count)

    def normal(*names: str) -> Floats:
        return stream(seed, count, *names).standard_normal(count)

    difficulty = (
        np.sqrt(settings["difficulty"]) * images.difficulty
        + np.sqrt(settings["model"]) * normal(model)
        + np.sqrt(settings["file"]) * normal(model, framework)
    )
    changed = settings["quantization"].get(quantization, 0.0)
    difficulty = np.sqrt(1 - changed) * difficulty + np.sqrt(changed) * normal(model, framework, quantization)
    threshold = NormalDist().inv_cdf(assumptions.accuracy(framework, quantization, model).value)
    likeness = np.arange(RIVALS) + stream(seed, count, model, framework, "rivals").normal(0, 1, (count, RIVALS))
    return ModelFile(threshold - difficulty, np.take_along_axis(images.rivals, likeness.argsort(axis=1), axis=1))


def top5(labels: Integers, margin: Floats, rivals: Integers) -> tuple[Integers, Floats]:
    """Return the five best classes of each image and their scores, both (n, 5), best first.

    The label comes first where the margin is positive. Below zero, it falls by one place per fifth of a standard
    deviation, and leaves the top five at -0.8. Scores reflect the distance of the margin from zero.
    """
    place = np.where(margin > 0, 0, 1 + np.floor(-margin / 0.2)).astype(int)
    column = np.arange(RIVALS)
    before = column < place[:, None]
    classes = np.where(before, rivals, np.roll(rivals, 1, axis=1))
    classes[column == place[:, None]] = labels[place < RIVALS]
    remainder = 0.6 * np.exp(-1.5 * np.abs(margin))[:, None]
    return classes, np.round(np.hstack([1 - remainder, remainder * NEXT]), 5)


@cache
def expected(soc: str) -> float:
    """Return the VIPS (Equation 1) of a phone with this chip from the parameters alone, before scaling."""
    total = 0.0
    for instance_id in names.PAPER_FLOAT32:
        framework, _, quantization, model = names.instance(instance_id)
        overhead_ms = sum(assumptions.other_phases_ms(soc, model).values())
        time_s = (assumptions.time_ms(soc, instance_id).value + overhead_ms) / 1000
        total += assumptions.accuracy(framework, quantization, model).value / time_s
    return total


@cache
def common_scale() -> float:
    """Return the factor on all times of phones that are not in Table IV.

    It is the geometric mean of the factors that the phones in Table IV need by their chip, except those listed as odd
    in fleet.toml.
    """
    odd = assumptions.file()["score"]["odd"]
    factors = [
        expected(phone.soc) / phone.vips for phone in assumptions.paper_phones() if phone.vips and phone.name not in odd
    ]
    return math.exp(sum(map(math.log, factors)) / len(factors))


def ceiling() -> float:
    """Return the score that no phone outside Table IV reaches: a little less than that of rank 10."""
    return float(assumptions.file()["score"]["ceiling"] * paper.top10()["vips"].min())


def limit_score(vips: float) -> float:
    """Return a score reduced to stay below the ceiling, in a way that preserves the order of scores."""
    power = assumptions.file()["score"]["power"]
    return vips * float((1 + (vips / ceiling()) ** power) ** (-1 / power))


def scale(phone: assumptions.Phone, drawn: float, slowness: float = 1.0) -> float:
    """Return the factor on all times of a phone whose times and images were drawn with the score `drawn`.

    A phone in Table IV gets its score there; any other gets that of its chip, a little faster or slower.
    """
    target = phone.vips if phone.vips is not None else limit_score(drawn / (common_scale() * slowness))
    return drawn / target


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


def phone(simulated: Phone, instances: Sequence[str], seed: int, count: int) -> tuple[list[DrawnRun], float]:
    """Draw the instances of a phone on `count` images; also return the factor by which its times were scaled.

    All its times are scaled alike, so that VIPS over the 24 float32 instances is what `scale` aims at. Raises
    SimulationError if no image is right.
    """
    slowdown = _throttle(simulated, seed)
    answers = {instance: _answers(simulated, instance, seed, count) for instance in instances}
    times = {instance: _times_ms(simulated, instance, seed, count, slowdown) for instance in instances}
    vips = sum(answers[i][2].mean() / (times[i].sum(axis=0).mean() / 1000) for i in names.PAPER_FLOAT32)
    if not vips:
        raise SimulationError(
            f"None of the {count} images is correct on {simulated.name}, so there is no score: simulate more images."
        )
    factor = scale(simulated, float(vips), _slowness(simulated, seed))
    return [_drawn(simulated, i, answers[i], times[i] * factor, factor) for i in instances], factor


def _answers(phone: Phone, instance_id: str, seed: int, count: int) -> tuple[Any, Any, Any]:
    """Return the five best classes and their scores, and whether the first is right.

    A phone shifts the margin of each image a little, mostly in the same way as all phones with its chip and Android
    version.
    """
    framework, delegate, quantization, model = names.instance(instance_id)
    fluctuation = assumptions.file()["fluctuation"]
    file = draw_model_file(seed, count, framework, quantization, model)
    sd = fluctuation["implementation"][f"{framework}_{delegate}"] * fluctuation["model"][model]
    shared = stream(seed, count, phone.soc, phone.android, instance_id).standard_normal(count)
    individual = stream(seed, count, phone.slug, instance_id).standard_normal(count)
    shift = np.sqrt(fluctuation["shared"]) * shared + np.sqrt(1 - fluctuation["shared"]) * individual
    margin = file.margin + sd * shift
    return *top5(draw(seed, count).labels, margin, file.rivals), margin > 0


def _slowness(phone: Phone, seed: int) -> float:
    """Return how much slower than usual a phone is for its chip; the phones in Table IV follow their score instead."""
    return float(np.exp(assumptions.file()["time"]["phone_sd"] * stream(seed, phone.slug, "speed").standard_normal()))


def _throttle(phone: Phone, seed: int) -> float:
    """Return the fraction by which a phone slows down when it is hot, which is 0 for most."""
    settings = assumptions.file()["time"]
    chance, amount = stream(seed, phone.slug, "throttle").random(2)
    low, high = settings["throttle"]
    return float(low + amount * (high - low)) if chance < settings["throttled_phones"] else 0.0


def _times_ms(phone: Phone, instance_id: str, seed: int, count: int, throttle: float) -> NDArray[np.float64]:
    """Return the times of the four phases of each image in ms, (4, n), before scaling.

    They are skewed, and the first image is slow.
    """
    settings = assumptions.file()["time"]
    _, delegate, _, model = names.instance(instance_id)
    rng = stream(seed, count, phone.slug, instance_id, "times")
    typical = assumptions.other_phases_ms(phone.soc, model)
    instance_factor = np.exp(settings["instance_sd"] * rng.standard_normal())
    typical["inference"] = assumptions.time_ms(phone.soc, instance_id).value * instance_factor
    sd = np.array([settings["image_sd"][phase] for phase in PHASES])[:, None]
    times = np.array([typical[phase] for phase in PHASES])[:, None] * np.exp(sd * rng.standard_normal((4, count)))
    effort = draw(seed, count).effort
    times[0] *= effort
    times[1] *= np.sqrt(effort)  # a larger picture also takes longer to crop and resize
    spikes = rng.random((4, count)) < settings["spike_rate"]
    times *= 1 + spikes * rng.exponential(settings["spike_mean"], (4, count))
    first = settings["first_image"]
    times[:, 0] *= [first[delegate if phase == "inference" else "around"] for phase in PHASES]
    spent_s = np.cumsum(times.sum(axis=0)) / 1000
    slowdown: NDArray[np.float64] = 1 + throttle * (1 - np.exp(-spent_s / settings["throttle_after_s"]))
    return times * slowdown


def _drawn(phone: Phone, instance_id: str, answer: Any, times_ms: NDArray[np.float64], factor: float) -> DrawnRun:
    """Return the results of an instance with scaled times."""
    settings = assumptions.file()["time"]
    classes, scores, correct = answer
    phases_ns = np.rint(times_ms * 1e6).astype(np.int64)
    ends_ns = np.cumsum(phases_ns.sum(axis=0) + round(settings["gap_ms"] * 1e6))
    load_ms = settings["load_ms"] + settings["load_ms_per_mb"] * model_bytes(instance_id) / 1e6
    load_ms *= assumptions.cpu_speed(phone.soc).value * factor
    load_ms *= settings["load_nnapi"] if names.instance(instance_id).delegate == "nnapi" else 1.0
    at_ns = np.concatenate([[0], ends_ns[:-1]])
    return DrawnRun(instance_id, classes, scores, correct, phases_ns, at_ns, int(ends_ns[-1]), round(load_ms * 1e6))
