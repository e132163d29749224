import hashlib
import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from aiot_suite.datasets import sample, store
from aiot_suite.datasets.sample import CLASS_NAMES, SIZES, draw, draw_jpeg
from aiot_suite.errors import DatasetError


def test_100_classes_have_names_of_their_own():
    assert len(set(CLASS_NAMES)) == 100


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others():
    assert draw_jpeg(42, 3) == draw_jpeg(42, 3)
    pictures = {
        draw_jpeg(42, 3),
        draw_jpeg(42, 4),
        draw_jpeg(43, 3),
        draw_jpeg(42, 3, "train"),
        draw_jpeg(42, 3, seed=1),
    }
    assert len(pictures) == 5


def test_pictures_have_many_sizes():
    sizes = {Image.open(io.BytesIO(draw_jpeg(label, 0))).size for label in range(40)}
    assert sizes <= set(SIZES)
    assert len(sizes) >= 6


def test_a_picture_shows_its_shape_in_the_middle():
    """A plain disc is recognizable in the middle of the picture, where its pixels vary little."""
    label = CLASS_NAMES.index("plain_disc")
    spreads = []
    for index in range(20):
        pixels = np.asarray(draw(label, index), dtype=float)
        height, width = pixels.shape[:2]
        middle = pixels[height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8]
        spreads.append(middle.std(axis=(0, 1)).mean() / pixels.std(axis=(0, 1)).mean())
    assert np.median(spreads) < 0.6


@pytest.mark.slow
def test_the_set_is_500_images_and_is_made_once(tmp_path):
    steps = []
    dataset = sample.make(
        tmp_path / "sample", train_per_class=1, progress=lambda done, total: steps.append((done, total))
    )
    assert len(dataset.images) == 500
    assert set(Counter(label for _, label in dataset.images).values()) == {5}
    assert steps[-1] == (600, 600)
    train = store.load(tmp_path / "sample" / "train")
    assert len(train.images) == 100
    digests = [
        hashlib.sha256(part.path(image).read_bytes()).digest() for part in (dataset, train) for image, _ in part.images
    ]
    assert len(set(digests)) == 600, "a training picture is also a test picture"

    steps.clear()
    assert sample.make(tmp_path / "sample", train_per_class=1, progress=lambda *step: steps.append(step)) == dataset
    assert steps == []
    assert sample.make(tmp_path / "sample", seed=1).sha256 != dataset.sha256


def test_a_subset_is_seeded_and_keeps_the_order(tmp_path):
    dataset = store.Dataset(tmp_path, "d", "s", "0", tuple((f"{n}.jpg", n) for n in range(100)), tmp_path, {})
    chosen = store.subset(dataset, 10, seed=3)
    assert chosen == sorted(chosen, key=lambda image: image[1])
    assert chosen == store.subset(dataset, 10, seed=3) != store.subset(dataset, 10, seed=4)
    assert store.subset(dataset, None, seed=3) == store.subset(dataset, 1000, seed=3) == list(dataset.images)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("dataset.json", "{}"),
        ("dataset.json", "{"),
        ("labels.csv", "image,label\na,b\n"),
        ("labels.csv", "image,label\na.jpg,-1\n"),
        ("labels.csv", "image,label\na.jpg,1\na.jpg,2\n"),
    ],
)
def test_a_damaged_dataset_says_what_to_do(tmp_path, file, text):
    (tmp_path / "a.jpg").write_bytes(b"")
    store.write(
        tmp_path,
        name="d",
        label_space="s",
        images=[("a.jpg", 1)],
        classes={1: "one"},
        made_by={},
        image_folder=tmp_path,
    )
    (tmp_path / file).write_text(text)
    with pytest.raises(DatasetError, match=r"is damaged .*: delete the folder and make it again"):
        store.load(tmp_path)


def test_no_dataset_says_what_to_do(tmp_path):
    with pytest.raises(DatasetError, match=r"There is no dataset in .*: run `aiot dataset make`"):
        store.load(tmp_path / "none")
