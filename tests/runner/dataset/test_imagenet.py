from collections import Counter

import numpy as np
import pytest
from scipy.io import savemat

from runner.dataset import imagenet
from runner.errors import DatasetError

WNIDS = [row["wnid"] for row in imagenet.class_table()]


@pytest.fixture
def class_folders(tmp_path):
    source = tmp_path / "val"
    for label in range(0, 1000, 100):
        folder = source / WNIDS[label]
        folder.mkdir(parents=True)
        for number in range(8):
            (folder / f"ILSVRC2012_val_{label:04d}{number:04d}.JPEG").write_bytes(b"%d %d" % (label, number))
    return source


def test_the_classes_are_the_1000_of_ilsvrc_2012_in_the_order_of_their_ids():
    assert len(WNIDS) == 1000 and sorted(WNIDS) == WNIDS
    assert imagenet.class_table()[162]["name"] == "beagle"


def test_class_folders_are_sampled_by_class_with_a_seed(tmp_path, class_folders):
    made = imagenet.sample(tmp_path / "a", class_folders, classes=6, per_class=5, seed=1)
    counts = Counter(label for _, label in made.images)
    assert len(counts) == 6 and set(counts.values()) == {5}
    for image, label in made.images:
        assert made.path(image).read_bytes().startswith(b"%d " % label)
    assert made.label_space == "imagenet-1000"
    assert imagenet.sample(tmp_path / "b", class_folders, classes=6, per_class=5, seed=1).sha256 == made.sha256
    assert imagenet.sample(tmp_path / "c", class_folders, classes=6, per_class=5, seed=2).sha256 != made.sha256


@pytest.fixture
def flat(tmp_path):
    source = tmp_path / "flat"
    source.mkdir()
    for number in range(1, 21):
        (source / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(b"%d" % number)
    return source


def test_flat_images_take_their_labels_from_the_ground_truth(tmp_path, flat):
    truth = tmp_path / "val.txt"
    truth.write_text("".join(f"ILSVRC2012_val_{number:08d}.JPEG {number % 2 * 500}\n" for number in range(1, 21)))
    made = imagenet.sample(tmp_path / "a", flat, classes=2, per_class=4, ground_truth=truth)
    assert {label for _, label in made.images} == {0, 500}
    assert all(int(made.path(image).read_bytes()) % 2 * 500 == label for image, label in made.images)


def test_the_development_kits_own_numbers_are_understood(tmp_path, flat):
    """Class 1 of the kit is WordNet id 700 in our order, class 2 is 3."""
    kit = tmp_path / "data"
    kit.mkdir()
    synsets = np.array([(1, WNIDS[700]), (2, WNIDS[3])], dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
    savemat(kit / "meta.mat", {"synsets": synsets})
    truth = kit / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("".join(f"{1 + number % 2}\n" for number in range(1, 21)))
    made = imagenet.sample(tmp_path / "a", flat, classes=2, per_class=3, ground_truth=truth)
    assert {(int(made.path(image).read_bytes()) % 2, label) for image, label in made.images} == {(0, 700), (1, 3)}

    (kit / "meta.mat").unlink()
    with pytest.raises(DatasetError, match=r"meta\.mat that explains them is not there or damaged"):
        imagenet.sample(tmp_path / "b", flat, classes=2, per_class=3, ground_truth=truth)


@pytest.mark.parametrize("line", ["a.JPEG 1000", "a.JPEG x", "a b c", "a.JPEG"])
def test_a_wrong_line_of_the_ground_truth_is_named(tmp_path, flat, line):
    truth = tmp_path / "val.txt"
    truth.write_text(f"b.JPEG 1\n{line}\n")
    with pytest.raises(DatasetError, match=f"line 2 is '{line}'"):
        imagenet.sample(tmp_path / "a", flat, ground_truth=truth)


def test_too_few_classes_and_no_classes_say_so(tmp_path, class_folders):
    with pytest.raises(DatasetError, match="has 10 classes of at least 5 images, 100 were asked for"):
        imagenet.sample(tmp_path / "a", class_folders)
    with pytest.raises(DatasetError, match="has no class folder like n01440764"):
        imagenet.sample(tmp_path / "a", tmp_path)
