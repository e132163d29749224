"""The sample set: pictures of 10 shapes x 10 textures = 100 classes, drawn from a seed."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from aiot_suite.datasets import store
from runner.rawlog.worker_pools import worker_pool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Field = np.ndarray
"""A float32 array of shape (height, width)."""

PARTS = ("test", "train")
SIZES = ((320, 240), (240, 320), (400, 300), (300, 400), (360, 360), (480, 320), (320, 480), (500, 375), (280, 260))
"""Possible sizes of the pictures: width and height in pixels."""


def _polygon(u: Field, v: Field, sides: int) -> Field:
    """Return the signed distance to a regular polygon with inradius 0.8 (negative inside)."""
    angle = np.arctan2(v, u)
    step = 2 * np.pi / sides
    distance: Field = np.hypot(u, v) * np.cos((angle % step) - step / 2) - 0.8
    return distance


def _star(u: Field, v: Field) -> Field:
    angle = np.arctan2(v, u)
    distance: Field = np.hypot(u, v) - (0.68 + 0.34 * np.cos(5 * angle))
    return distance


def _flower(u: Field, v: Field) -> Field:
    angle = np.arctan2(v, u)
    distance: Field = np.hypot(u, v) - (0.55 + 0.45 * np.abs(np.cos(1.5 * angle)))
    return distance


def _crescent(u: Field, v: Field) -> Field:
    distance: Field = np.maximum(np.hypot(u, v) - 1.0, 0.72 - np.hypot(u - 0.5, v))
    return distance


def _heart(u: Field, v: Field) -> Field:
    height = -v * 1.1 + 0.15 - 0.65 * np.sqrt(np.abs(u))
    distance: Field = np.hypot(u, height) - 0.85
    return distance


SHAPES: dict[str, Callable[[Field, Field], Field]] = {
    "disc": lambda u, v: np.hypot(u, v) - 0.9,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.72) - 0.26,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) - 0.8,
    "triangle": lambda u, v: _polygon(u * 0.8, v * 0.8, 3) + 0.35,
    "star": _star,
    "cross": lambda u, v: np.maximum(np.minimum(np.abs(u), np.abs(v)) - 0.3, np.maximum(np.abs(u), np.abs(v)) - 0.95),
    "crescent": _crescent,
    "heart": _heart,
    "flower": _flower,
    "bar": lambda u, v: np.maximum(np.abs(u) - 1.05, np.abs(v) - 0.38),
}
"""Signed distance function (negative inside) of each shape. Coordinates are in the shape's own frame, about -1 to 1."""


def _wave(phase: Field) -> Field:
    height: Field = 0.5 + 0.5 * np.sin(phase)
    return height


def _bricks(u: Field, v: Field, f: float) -> Field:
    row = np.floor(v * f)
    along = (u * f * 0.5 + 0.5 * (row % 2)) % 1.0
    across = (v * f) % 1.0
    return ((along > 0.14) & (across > 0.24)).astype(np.float32)


TEXTURES: dict[str, Callable[[Field, Field, float], Field]] = {
    "striped": lambda u, v, f: (_wave(u * f * np.pi) > 0.5).astype(np.float32),
    "checked": lambda u, v, f: ((np.floor(u * f) + np.floor(v * f)) % 2).astype(np.float32),
    "dotted": lambda u, v, f: (np.hypot((u * f) % 1 - 0.5, (v * f) % 1 - 0.5) < 0.33).astype(np.float32),
    "wavy": lambda u, v, f: (_wave((v + 0.22 * np.sin(u * f * 2.2)) * f * np.pi) > 0.5).astype(np.float32),
    "ringed": lambda u, v, f: (_wave(np.hypot(u, v) * f * 1.2 * np.pi) > 0.5).astype(np.float32),
    "rayed": lambda u, v, f: (_wave(np.arctan2(v, u) * 2 * round(f)) > 0.5).astype(np.float32),
    "bricked": _bricks,
    "netted": lambda u, v, f: (np.minimum(np.abs((u * f) % 1 - 0.5), np.abs((v * f) % 1 - 0.5)) < 0.11).astype(
        np.float32
    ),
    "shaded": lambda u, v, f: np.clip(0.5 + 0.55 * u, 0, 1).astype(np.float32),
    "plain": lambda u, v, f: np.ones_like(u),
}
"""Function of each texture that returns the share of the first colour, 0 to 1; f is the number of periods over half the
shape."""

CLASS_NAMES = [f"{texture}_{shape}" for shape in SHAPES for texture in TEXTURES]


def _hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """Return red, green and blue, 0 to 255, of a colour given by hue, saturation and value, each 0 to 1."""
    k = (np.array([5.0, 3.0, 1.0]) + hue * 6) % 6
    return (255 * value * (1 - saturation * np.clip(np.minimum(k, 4 - k), 0, 1))).astype(np.float32)


def _clouds(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Return a smooth random background of shape (height, width, 3), with values from 0 to 255."""
    cells = int(rng.integers(3, 9))
    coarse = rng.integers(40, 216, (cells, cells, 3)).astype(np.uint8)
    grey = coarse.mean(axis=2, keepdims=True)
    coarse = (grey + (coarse - grey) * rng.uniform(0.2, 0.9)).astype(np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def _paint(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(20, 236, 3).astype(np.float32)


def _cover(distance: Field, pixel: float) -> Field:
    """Return the share of each pixel that is inside the shape, with an edge two pixels wide."""
    share: Field = np.clip(0.5 - distance / (2 * np.float32(pixel)), 0, 1, dtype=np.float32)
    return share[:, :, None]


def _frame(
    x: Field, y: Field, rng: np.random.Generator, reach: float, scale: float, turn: float
) -> tuple[Field, Field]:
    """Return the coordinates in a randomly placed, rotated and slightly squeezed frame."""
    cx, cy = rng.uniform(-reach, reach, 2)
    squeeze = rng.uniform(0.85, 1.18)
    c, s = np.cos(turn), np.sin(turn)
    u = ((x - cx) * c + (y - cy) * s) / (scale * squeeze)
    v = (-(x - cx) * s + (y - cy) * c) / (scale / squeeze)
    return u.astype(np.float32), v.astype(np.float32)


def draw(label: int, index: int, part: str = "test", seed: int = 0) -> Image.Image:
    """Return picture `index` of class `label` (0 to 99) as an RGB image."""
    rng = np.random.default_rng([seed, PARTS.index(part), label, index])
    texture, shape = CLASS_NAMES[label].split("_")
    width, height = SIZES[rng.integers(len(SIZES))]
    half = min(width, height) / 2
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x - width / 2) / half, (y - height / 2) / half

    picture = _clouds(rng, width, height)
    for _ in range(rng.integers(1, 4)):
        u, v = _frame(x, y, rng, 1.1, rng.uniform(0.08, 0.24), rng.uniform(0, 2 * np.pi))
        distractor = list(SHAPES.values())[rng.integers(len(SHAPES))]
        picture += _cover(distractor(u, v), 1 / half) * (_paint(rng) - picture)

    scale = rng.uniform(0.5, 0.85)
    u, v = _frame(x, y, rng, 0.95 - scale, scale, rng.normal(0, 0.6))
    first_colour = _hsv((0.618 * label + rng.normal(0, 0.07)) % 1, rng.uniform(0.35, 0.95), rng.uniform(0.55, 1.0))
    second_colour = _hsv(rng.uniform(0, 1), rng.uniform(0.0, 0.7), rng.uniform(0.05, 0.5))
    tu, tv = u + rng.uniform(-0.15, 0.15), v + rng.uniform(-0.15, 0.15)
    share = TEXTURES[texture](tu, tv, rng.uniform(2.6, 4.6))[:, :, None]
    picture += _cover(SHAPES[shape](u, v), 1 / half / scale) * (
        first_colour * share + second_colour * (1 - share) - picture
    )

    if rng.random() < 0.35:  # an occluding bar in front of the shape
        u, v = _frame(x, y, rng, 0.8, rng.uniform(0.12, 0.22), rng.uniform(0, 2 * np.pi))
        picture += _cover(np.maximum(np.abs(v), np.abs(u) - 5) - 0.5, 1 / half) * (_paint(rng) - picture)

    slope = rng.uniform(-0.25, 0.25, 2)
    light = rng.uniform(0.65, 1.15) * (1 + np.float32(slope[0]) * x + np.float32(slope[1]) * y)
    noise = np.float32(rng.uniform(3, 22)) * rng.standard_normal((height, width, 1), dtype=np.float32)
    return Image.fromarray(np.clip(picture * light[:, :, None] + noise, 0, 255).astype(np.uint8))


def draw_jpeg(label: int, index: int, part: str = "test", seed: int = 0) -> bytes:
    """Return the picture that `draw` returns as the bytes of a JPEG file. Equal arguments give equal bytes."""
    quality = int(np.random.default_rng([seed, PARTS.index(part), label, index, 1]).integers(70, 93))
    buffer = io.BytesIO()
    draw(label, index, part, seed).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


LABEL_SPACE = "sample-100"
TEST_PER_CLASS = 5


def make(
    folder: Path,
    *,
    seed: int = 0,
    train_per_class: int = 0,
    jobs: int = 2,
    progress: store.Progress | None = None,
) -> store.Dataset:
    """Draw 100 classes x 5 test images, and optionally a separate training part; return the test dataset.

    The training part goes to `<folder>/train` and is a dataset of its own. Nothing is drawn if the same sample set
    already exists.
    """
    made_by = {"tool": "aiot dataset make", "seed": seed, "train_per_class": train_per_class}
    parts = [("test", folder, TEST_PER_CLASS)]
    if train_per_class:
        parts.append(("train", folder / "train", train_per_class))
    if (folder / "dataset.json").exists():
        existing = store.load(folder)
        if store.read_origin(folder) == made_by:
            return existing
    total, drawn_count = sum(100 * count for _, _, count in parts), 0
    store.fresh_folder(folder)
    with worker_pool(jobs) as pool:
        for part, part_folder, count in reversed(parts):
            pictures = [(label, index) for index in range(count) for label in range(len(CLASS_NAMES))]
            (part_folder / "images").mkdir(parents=True, exist_ok=True)
            images = []
            drawn = pool.map(partial(_draw, part=part, seed=seed), pictures, chunksize=10)
            for (label, index), data in zip(pictures, drawn, strict=True):
                name = f"{CLASS_NAMES[label]}_{index}.jpg"
                (part_folder / "images" / name).write_bytes(data)
                images.append((name, label))
                drawn_count += 1
                if progress:
                    progress(drawn_count, total)
            dataset = store.write(
                part_folder,
                name="sample" if part == "test" else "sample-train",
                label_space=LABEL_SPACE,
                images=images,
                classes=dict(enumerate(CLASS_NAMES)),
                made_by=made_by,
            )
    return dataset


def _draw(picture: tuple[int, int], part: str, seed: int) -> bytes:
    return draw_jpeg(*picture, part=part, seed=seed)
