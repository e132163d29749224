import shutil

import pytest
from PIL import Image

from aiot_suite.datasets import imagenet
from aiot_suite.errors import DatasetError


@pytest.fixture
def source(tmp_path):
    place = tmp_path / "photos"
    (place / "sub").mkdir(parents=True)
    Image.new("RGB", (3, 2), "red").save(place / "sub" / "cat.jpg")
    Image.new("RGB", (3, 2), "blue").save(place / "dog.jpg")
    return place


def use(tmp_path, source, text):
    labels = tmp_path / "labels.csv"
    labels.write_text(text)
    return imagenet.use_folder(tmp_path / "made", source, labels, label_space="pets")


def test_images_stay_where_they_are(tmp_path, source):
    dataset = use(tmp_path, source, "file,index,name\nsub/cat.jpg,1,cat\ndog.jpg,2,dog\n")
    assert dataset.images == (("sub/cat.jpg", 1), ("dog.jpg", 2))
    assert dataset.classes == {1: "cat", 2: "dog"}
    assert (dataset.name, dataset.label_space) == ("made", "pets")
    assert dataset.path("sub/cat.jpg").read_bytes() == (source / "sub" / "cat.jpg").read_bytes()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no images"),
        ("image,label\ndog.jpg,dog\n", "line 2 is 'dog.jpg,dog': the columns must be image, label"),
        ("image,label\nbird.jpg,1\n", r"Image 'bird.jpg' is not in .*photos: check line 2 of"),
        (
            "bird.jpg,1\ncow.jpg,1\n",
            r"Image 'bird.jpg' is not in .*photos \(2 listed images are missing\): check line 1 of",
        ),
        ("dog.jpg,1\nsub/cat.jpg,2\ndog.jpg,3\n", "has two labels for dog.jpg: 1 in line 1 and 3 in line 3"),
        ("dog.jpg,1\n./dog.jpg,3\n", "has two labels for dog.jpg: 1 in line 1 and 3 in line 2"),
        ("dog.jpg,-5\n", "the labels of pets are 0 and above"),
    ],
)
def test_wrong_labels_are_one_sentence(tmp_path, source, text, message):
    with pytest.raises(DatasetError, match=message):
        use(tmp_path, source, text)


def test_the_first_image_of_a_file_without_a_header_is_there_and_every_assumption_is_kept(tmp_path, source):
    dataset = use(tmp_path, source, "dog.jpg,2\nsub/cat.jpg,1\n")
    assert dataset.images == (("dog.jpg", 2), ("sub/cat.jpg", 1))
    assert "assumed: there is no header, and the first line is an image" in dataset.notes


def test_repeated_lines_and_hidden_files_are_skipped_and_reported(tmp_path, source):
    (source / "._dog.jpg").write_bytes(b"AppleDouble")
    dataset = use(tmp_path, source, "dog.jpg,2\n._dog.jpg,2\ndog.jpg,2\n")
    assert dataset.images == (("dog.jpg", 2),)
    assert "skipped: 1 entries for hidden files, which macOS stores beside photographs" in dataset.notes
    assert "skipped: 1 lines that repeat an image with the same label" in dataset.notes


@pytest.mark.parametrize(
    "names",
    ["photos/sub/cat.jpg photos/dog.jpg", "/data/photos/sub/cat.jpg /data/photos/dog.jpg", r"sub\cat.jpg dog.jpg"],
)
def test_listed_paths_may_begin_above_the_folder(tmp_path, source, names):
    cat, dog = names.split()
    dataset = use(tmp_path, source, f"{cat},1\n{dog},2\n")
    assert dataset.images == (("sub/cat.jpg", 1), ("dog.jpg", 2))


def test_a_name_that_several_files_have_needs_its_folder(tmp_path, source):
    shutil.copy(source / "dog.jpg", source / "sub" / "dog.jpg")
    (source / "old").mkdir()
    shutil.copy(source / "dog.jpg", source / "old" / "cat.jpg")
    assert use(tmp_path, source, "dog.jpg,1\n").images == (("dog.jpg", 1),)
    with pytest.raises(DatasetError, match=r"line 1 names cat.jpg, but several files have that name"):
        use(tmp_path, source, "cat.jpg,1\n")


def test_equal_files_of_two_labels_and_files_that_are_no_images_are_told(tmp_path, source):
    shutil.copy(source / "dog.jpg", source / "wolf.jpg")
    (source / "fox.jpg").write_text("version https://git-lfs.github.com/spec/v1")
    notes = use(tmp_path, source, "dog.jpg,2\nwolf.jpg,3\nfox.jpg,4\n").notes
    assert "images that occur again with a different label: 1, for example dog.jpg (2) and wolf.jpg (3)" in notes
    assert "files that cannot be read as images: 1, for example fox.jpg" in notes


def test_nothing_that_is_no_such_dataset_is_overwritten(tmp_path, source):
    text = "dog.jpg,1\n"
    use(tmp_path, source, text)
    use(tmp_path, source, text)
    record = tmp_path / "made" / "dataset.json"
    record.write_text(record.read_text().replace("aiot dataset use", "aiot dataset make"))
    with pytest.raises(
        DatasetError, match=r"made contains a dataset made by `aiot dataset make`: choose another --name"
    ):
        use(tmp_path, source, text)
    with pytest.raises(DatasetError, match=r"labels.csv is in .*photos, which would be overwritten"):
        shutil.copy(tmp_path / "labels.csv", source / "labels.csv")
        imagenet.use_folder(source, source, source / "labels.csv", label_space="pets")
    with pytest.raises(DatasetError, match=r"photos already exists and is not a dataset \(it contains dog.jpg\)"):
        (source / "labels.csv").unlink()
        imagenet.use_folder(source, source, tmp_path / "labels.csv", label_space="pets")


def test_classes_of_imagenet_are_called_what_they_are(tmp_path, source):
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label,part\ndog.jpg,162,test\n")
    dataset = imagenet.use_folder(tmp_path / "made", source, labels, label_space="imagenet-1000")
    assert dataset.classes == {162: "beagle"}
    assert "unused columns: part" in dataset.notes
