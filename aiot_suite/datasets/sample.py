"""The sample set: drawn pictures for trying everything out when ImageNet is not available."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from aiot_suite.datasets import store
from aiot_suite.datasets.drawing import CLASS_NAMES, draw_jpeg
from aiot_suite.pool import worker_pool

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
        if store.made_by(folder) == made_by:
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
