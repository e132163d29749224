"""Images that all phones see: how hard each one is for every model file, and which classes it is confused with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from aiot_analysis.simulate import assumptions
from aiot_analysis.simulate.fleet import stream

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
class File:
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
def of_file(seed: int, count: int, framework: str, quantization: str, model: str) -> File:
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
    return File(threshold - difficulty, np.take_along_axis(images.rivals, likeness.argsort(axis=1), axis=1))


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
