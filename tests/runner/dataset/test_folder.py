import pytest

from runner.dataset import folder
from runner.errors import DatasetError


@pytest.fixture
def source(tmp_path):
    place = tmp_path / "photos"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "cat.jpg").write_bytes(b"cat")
    (place / "dog.jpg").write_bytes(b"dog")
    return place


def use(tmp_path, source, text):
    labels = tmp_path / "labels.csv"
    labels.write_text(text)
    return folder.use(tmp_path / "made", source, labels, label_space="pets")


def test_images_stay_where_they_are(tmp_path, source):
    made = use(tmp_path, source, "file,index,name\nsub/cat.jpg,1,cat\ndog.jpg,2,dog\n")
    assert made.images == (("sub/cat.jpg", 1), ("dog.jpg", 2))
    assert made.classes == {1: "cat", 2: "dog"}
    assert (made.name, made.label_space) == ("made", "pets")
    assert made.path("sub/cat.jpg").read_bytes() == b"cat"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "would hold no image"),
        ("image,label\n", "would hold no image"),
        ("image,label\ndog.jpg,dog\n", "line 2 is 'dog.jpg,dog': columns are image, label"),
        ("image,label\nbird.jpg,1\n", "Image 'bird.jpg' is not in"),
    ],
)
def test_wrong_labels_are_one_sentence(tmp_path, source, text, message):
    with pytest.raises(DatasetError, match=message):
        use(tmp_path, source, text)
