"""The images all phones see: how hard each is, for every model file, and what it is taken for."""

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
NEXT = np.array([2 / 3, 1 / 6, 1 / 12, 1 / 24])  # of what the best class leaves, to the four after it


@dataclass(frozen=True)
class Images:
    """What is drawn once for the whole fleet. There are n images; the same seed and n give the same images."""

    seed: int
    names: list[str]
    labels: Integers  # (n,)
    effort: Floats  # (n,) of decoding, around 1
    difficulty: Floats  # (n,) standard normal, the same for all models
    rivals: Integers  # (n, 5) other classes an image looks like

    def sha256(self) -> str:
        """Of what the images are called and labelled: there are no pictures."""
        text = "\n".join(f"{name} {label}" for name, label in zip(self.names, self.labels.tolist(), strict=True))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class File:
    """How a model file stands to the images: where margin is positive, it is right."""

    margin: Floats  # (n,) in standard deviations of an image's standing
    rivals: Integers  # (n, 5) the other classes, likeliest first


@cache
def draw(seed: int, count: int) -> Images:
    """Draws `count` images: five of each of 100 classes where there are 500, as in the paper's Section III-A.

    Difficulties are spread evenly over the normal distribution, so that accuracies come out near the published
    ones with few images too.
    """
    known = assumptions.file()["images"]
    rng = stream(seed, "images", count)
    classes = np.sort(rng.choice(known["label_space"], known["classes"], replace=False))
    order = np.arange(count)
    labels = classes[order % len(classes)]
    quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / count) for i in range(count)])
    apart = rng.permuted(np.tile(np.arange(1, known["label_space"]), (count, 1)), axis=1)[:, :RIVALS]
    return Images(
        seed=seed,
        names=[f"simulated_{label:03}_{i // len(classes)}.jpg" for i, label in enumerate(labels.tolist())],
        labels=labels,
        effort=np.exp(known["size_sd"] * rng.standard_normal(count)),
        difficulty=rng.permutation(quantiles),
        rivals=(labels[:, None] + apart) % known["label_space"],
    )


@cache
def of_file(seed: int, count: int, framework: str, quantization: str, model: str) -> File:
    """How a model file stands to the images. The quantized files of a model stay near its float32 file."""
    known, images = assumptions.file()["images"], draw(seed, count)

    def normal(*names: str) -> Floats:
        return stream(seed, count, *names).standard_normal(count)

    standing = (
        np.sqrt(known["difficulty"]) * images.difficulty
        + np.sqrt(known["model"]) * normal(model)
        + np.sqrt(known["file"]) * normal(model, framework)
    )
    changed = known["quantization"].get(quantization, 0.0)
    standing = np.sqrt(1 - changed) * standing + np.sqrt(changed) * normal(model, framework, quantization)
    threshold = NormalDist().inv_cdf(assumptions.accuracy(framework, quantization, model).value)
    likeness = np.arange(RIVALS) + stream(seed, count, model, framework, "rivals").normal(0, 1, (count, RIVALS))
    return File(threshold - standing, np.take_along_axis(images.rivals, likeness.argsort(axis=1), axis=1))


def top5(labels: Integers, margin: Floats, rivals: Integers) -> tuple[Integers, Floats]:
    """The five best classes of each image and their scores, (n, 5) both, best first.

    The label is first where the margin is positive. Below that it falls back a place per fifth of a standard
    deviation, and is out of the five from 0.8 on. Scores say how far the margin is from zero.
    """
    place = np.where(margin > 0, 0, 1 + np.floor(-margin / 0.2)).astype(int)
    column = np.arange(RIVALS)
    before = column < place[:, None]
    classes = np.where(before, rivals, np.roll(rivals, 1, axis=1))
    classes[column == place[:, None]] = labels[place < RIVALS]
    rest = 0.6 * np.exp(-1.5 * np.abs(margin))[:, None]
    return classes, np.round(np.hstack([1 - rest, rest * NEXT]), 5)
