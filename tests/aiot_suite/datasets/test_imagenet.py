from collections import Counter

import numpy as np
import pytest
from scipy.io import savemat

from aiot_suite.datasets import classes, imagenet
from aiot_suite.errors import DatasetError

WNIDS = [row["wnid"] for row in classes.class_table()]


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
    assert classes.class_table()[162]["name"] == "beagle"


def test_class_folders_are_sampled_by_class_with_a_seed(tmp_path, class_folders):
    dataset = imagenet.sample_imagenet(tmp_path / "a", class_folders, classes=6, per_class=5, seed=1)
    counts = Counter(label for _, label in dataset.images)
    assert len(counts) == 6 and set(counts.values()) == {5}
    for image, label in dataset.images:
        assert dataset.path(image).read_bytes().startswith(b"%d " % label)
    assert dataset.label_space == "imagenet-1000"
    assert (
        imagenet.sample_imagenet(tmp_path / "b", class_folders, classes=6, per_class=5, seed=1).sha256 == dataset.sha256
    )
    assert (
        imagenet.sample_imagenet(tmp_path / "c", class_folders, classes=6, per_class=5, seed=2).sha256 != dataset.sha256
    )


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
    dataset = imagenet.sample_imagenet(tmp_path / "a", flat, classes=2, per_class=4, ground_truth=truth)
    assert {label for _, label in dataset.images} == {0, 500}
    assert all(int(dataset.path(image).read_bytes()) % 2 * 500 == label for image, label in dataset.images)


def test_the_development_kits_own_numbers_are_understood(tmp_path, flat):
    """Class 1 of the kit has index 700 in the order of WordNet ids, and class 2 has index 3."""
    kit = tmp_path / "data"
    kit.mkdir()
    synsets = np.array([(1, WNIDS[700]), (2, WNIDS[3])], dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
    savemat(kit / "meta.mat", {"synsets": synsets})
    truth = kit / "ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("".join(f"{1 + number % 2}\n" for number in range(1, 21)))
    dataset = imagenet.sample_imagenet(tmp_path / "a", flat, classes=2, per_class=3, ground_truth=truth)
    assert {(int(dataset.path(image).read_bytes()) % 2, label) for image, label in dataset.images} == {(0, 700), (1, 3)}

    (kit / "meta.mat").unlink()
    dataset = imagenet.sample_imagenet(tmp_path / "b", flat, classes=2, per_class=3, ground_truth=truth)
    kit_1, kit_2 = WNIDS.index("n02119789"), WNIDS.index("n02100735")  # kit fox, English setter
    assert {(int(dataset.path(image).read_bytes()) % 2, label) for image, label in dataset.images} == {
        (0, kit_1),
        (1, kit_2),
    }

    other = truth.rename(kit / "val.txt")
    with pytest.raises(
        DatasetError, match=r"has one number per line and no 0, .*: put the development kit's meta\.mat"
    ):
        imagenet.sample_imagenet(tmp_path / "c", flat, classes=2, per_class=3, ground_truth=other)


def test_labels_from_0_beside_the_kits_meta_mat_stay_as_they_are(tmp_path, flat):
    savemat(
        tmp_path / "meta.mat", {"synsets": np.array([(500, WNIDS[3])], dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])}
    )
    truth = tmp_path / "val.txt"
    truth.write_text("".join(f"{number % 2 * 500}\n" for number in range(1, 21)))
    dataset = imagenet.sample_imagenet(tmp_path / "a", flat, classes=2, per_class=4, ground_truth=truth)
    assert all(int(dataset.path(image).read_bytes()) % 2 * 500 == label for image, label in dataset.images)


@pytest.mark.parametrize("line", ["a.JPEG 1000", "a.JPEG x", "a b c", "a.JPEG"])
def test_a_wrong_line_of_the_ground_truth_is_named(tmp_path, flat, line):
    truth = tmp_path / "val.txt"
    truth.write_text(f"b.JPEG 1\n{line}\n")
    with pytest.raises(DatasetError, match=f"line 2 is '{line}'"):
        imagenet.sample_imagenet(tmp_path / "a", flat, ground_truth=truth)


@pytest.mark.parametrize("name", ["{}.JPEG", "val/{}.JPEG", "ILSVRC/Data/CLS-LOC/val/{}.JPEG", "{}"])
@pytest.mark.parametrize("below", ["", "val", "ILSVRC/Data/CLS-LOC/val"])
def test_flat_images_are_found_in_the_folder_or_below_it(tmp_path, flat, name, below):
    source = tmp_path / "images"
    (source / below).parent.mkdir(parents=True, exist_ok=True)
    flat.rename(source / below if below else source)
    truth = tmp_path / "val.txt"
    truth.write_text("".join(f"{name.format(f'ILSVRC2012_val_{n:08d}')} {n % 2 * 500}\n" for n in range(1, 25)))
    dataset = imagenet.sample_imagenet(tmp_path / "a", source, classes=2, per_class=10, ground_truth=truth)
    assert all(int(dataset.path(image).read_bytes()) % 2 * 500 == label for image, label in dataset.images)
    assert (f"assumed: the images are in {source / below}" in dataset.notes) is bool(below)
    assert any(note.startswith("skipped: 4 listed images that are not in the folder") for note in dataset.notes)


def test_a_list_of_other_images_is_refused_as_such(tmp_path, flat):
    truth = tmp_path / "val.txt"
    truth.write_text("a.JPEG 1\nb.JPEG 2\n")
    with pytest.raises(
        DatasetError, match=r"flat contains none of the 2 images that .*val.txt lists, the first of which is a"
    ):
        imagenet.sample_imagenet(tmp_path / "a", flat, ground_truth=truth)


def test_a_list_may_name_the_images_of_class_folders(tmp_path, class_folders):
    names = [path.name for path in sorted(class_folders.rglob("*.JPEG"))]
    truth = tmp_path / "val.txt"
    truth.write_text("".join(f"{name} {int(name[15:19])}\n" for name in names))
    dataset = imagenet.sample_imagenet(tmp_path / "a", class_folders, classes=10, per_class=8, ground_truth=truth)
    assert len(dataset.images) == 80


def test_images_of_the_same_name_in_several_class_folders_are_kept_apart(tmp_path):
    source = tmp_path / "imagenet-r"
    for label in (0, 7, 300):
        (source / WNIDS[label]).mkdir(parents=True)
        for number in range(4):
            (source / WNIDS[label] / f"{'Art' if label else 'art'}_{number}.jpg").write_bytes(
                b"%d %d" % (label, number)
            )
    dataset = imagenet.sample_imagenet(tmp_path / "a", source, classes=3, per_class=4)
    assert len(list((tmp_path / "a" / "images").rglob("*.jpg"))) == len({image for image, _ in dataset.images}) == 12
    assert all(dataset.path(image).read_bytes().startswith(b"%d " % label) for image, label in dataset.images)
    assert all(image.startswith(WNIDS[label]) for image, label in dataset.images)


def test_hidden_files_of_macos_are_no_photographs(tmp_path, class_folders):
    for path in sorted(class_folders.rglob("*.JPEG")):
        path.with_name(f"._{path.name}").write_bytes(b"AppleDouble")
    (class_folders / "__MACOSX").mkdir()
    dataset = imagenet.sample_imagenet(tmp_path / "a", class_folders, classes=10, per_class=8)
    assert not [image for image, _ in dataset.images if image.startswith("._")]
    assert "skipped: 80 hidden files (._*), which macOS stores beside photographs" in dataset.notes


def test_the_folders_of_imagenetv2_are_called_after_their_labels(tmp_path):
    source = tmp_path / "imagenetv2-matched-frequency-format-val"
    for label in (0, 2, 10, 999):
        (source / str(label)).mkdir(parents=True)
        (source / str(label) / f"{label:x}.jpeg").write_bytes(b"%d" % label)
    dataset = imagenet.sample_imagenet(tmp_path / "a", tmp_path, classes=4, per_class=1)
    assert all(int(dataset.path(image).read_bytes()) == label for image, label in dataset.images)
    assert f"assumed: the images are in {source}" in dataset.notes
    (source / "0").rename(source / "1000")
    with pytest.raises(
        DatasetError, match=r"val/1000 is not a class: .* 0 to 999; if these labels count from 1, use --numbering 1"
    ):
        imagenet.sample_imagenet(tmp_path / "a", source, classes=4, per_class=1)
    dataset = imagenet.sample_imagenet(tmp_path / "a", source, classes=4, per_class=1, numbering="1")
    assert {label for _, label in dataset.images} == {1, 9, 998, 999}


def test_the_validation_folder_is_found_beside_others(tmp_path, class_folders):
    root = tmp_path / "ILSVRC2012"
    root.mkdir()
    class_folders.rename(root / "val")
    (root / "train" / WNIDS[0]).mkdir(parents=True)
    assert len(imagenet.sample_imagenet(tmp_path / "a", root, classes=10, per_class=8).images) == 80
    (root / "val").rename(root / "test")
    with pytest.raises(DatasetError, match=r"contains several folders of images \(.*test, .*train\): name one of them"):
        imagenet.sample_imagenet(tmp_path / "b", root, classes=10, per_class=8)


def test_the_folder_of_the_images_is_never_emptied(tmp_path, class_folders):
    with pytest.raises(DatasetError, match=r"would be overwritten: choose another --name"):
        imagenet.sample_imagenet(class_folders, class_folders)
    assert len(list(class_folders.rglob("*.JPEG"))) == 80


def test_too_few_classes_or_none_is_one_sentence(tmp_path, class_folders):
    with pytest.raises(DatasetError, match="has 10 classes with at least 5 images, but 100 were requested"):
        imagenet.sample_imagenet(tmp_path / "a", class_folders)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="contains no images and no class folders named like n01440764 or 0 to 999"):
        imagenet.sample_imagenet(tmp_path / "a", tmp_path / "empty")
