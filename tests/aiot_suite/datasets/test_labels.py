"""Tests of files of labels in common forms, and of faulty ones."""

import pytest

from aiot_suite.datasets import classes, labels
from aiot_suite.errors import DatasetError

WNIDS = [row["wnid"] for row in classes.class_table()]
TRUE = {1: 700, 2: 3, 3: 700, 4: 0}  # the label of each validation image


def image(number, suffix=".JPEG"):
    return f"ILSVRC2012_val_{number:08d}{suffix}"


def lines(form):
    return "".join(form(number, label) + "\n" for number, label in TRUE.items())


KAGGLE = "ImageId,PredictionString\n" + lines(
    lambda number, label: f"{image(number, '')},{WNIDS[label]} 85 1 499 272 {WNIDS[label]} 3 20 40 60 "
)
FORMS = {
    "LOC_val_solution.csv": KAGGLE,
    "synset_labels.txt": lines(lambda number, label: WNIDS[label]),
    "file wnid": lines(lambda number, label: f"{image(number)} {WNIDS[label]}"),
    "file label": lines(lambda number, label: f"{image(number)} {label}"),
    "file,label": lines(lambda number, label: f"{image(number)},{label}"),
    "file;label": lines(lambda number, label: f"{image(number)};{label}"),
    "file tab label": lines(lambda number, label: f"{image(number)}\t{label}"),
    "label,file": "label,file\n" + lines(lambda number, label: f"{label},{image(number)}"),
    "label,file without a header": lines(lambda number, label: f"{label},{image(number)}"),
    "pandas": ",file,target\n" + lines(lambda number, label: f"{number},{image(number)},{label}.0"),
    "a part": "file,label,part\n" + lines(lambda number, label: f"{image(number)},{label},test"),
    "label for the name": "file,index,label\n" + lines(lambda number, label: f"{image(number)},{label},thing {label}"),
    "labels in a column": "label\n" + lines(lambda number, label: str(label)),
}


def read(tmp_path, text, space="imagenet-1000", numbering=None, name="labels.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return labels.read(path, space, numbering)


@pytest.mark.parametrize("form", FORMS)
def test_every_usual_form_gives_the_same(tmp_path, form):
    listed = read(tmp_path, FORMS[form])
    assert {entry.image.removesuffix(".JPEG"): entry.label for entry in listed.entries} == {
        image(number, ""): label for number, label in TRUE.items()
    }


def test_the_first_line_is_an_image_where_there_is_no_header_and_that_is_said(tmp_path):
    listed = read(tmp_path, "a.jpg,3\nb.jpg,4\n")
    assert [(entry.image, entry.label, entry.line) for entry in listed.entries] == [("a.jpg", 3, 1), ("b.jpg", 4, 2)]
    assert "assumed: there is no header, and the first line is an image" in listed.notes
    assert [entry.image for entry in read(tmp_path, "file,label\na.jpg,3\n").entries] == ["a.jpg"]


def test_the_assumed_numbering_is_reported(tmp_path):
    [note] = read(tmp_path, "a.jpg 3\n").notes
    assert note == (
        "assumed: labels count from 0 in the order of the WordNet ids (nothing in the file confirms this; "
        "if the labels count from 1, use --numbering 1)"
    )
    [note] = read(tmp_path, "a.jpg 0\n").notes
    assert note == "assumed: labels count from 0 in the order of the WordNet ids (the numbers include 0)"
    [note] = read(tmp_path, "a.jpg 3\n", "pets").notes
    assert "labels count from 0 in the order of pets, whose number of classes is unknown" in note


OUTSIDE = [
    ("imagenet-1000", "1000", "the labels of imagenet-1000 are 0 to 999.$"),
    ("imagenet-1000", "-5", "the labels of imagenet-1000 are 0 to 999.$"),
    ("imagenet-1000", "99999", "the labels of imagenet-1000 are 0 to 999.$"),
    ("imagenet-1000", "n00000001", "n00000001 is not one of the 1000 classes of ILSVRC 2012.$"),
    ("sample-100", "100", "the labels of sample-100 are 0 to 99.$"),
    ("custom-7", "7", "the labels of custom-7 are 0 to 6.$"),
    ("pets", "-1", "the labels of pets are 0 and above.$"),
    (
        "pets",
        "n01440764",
        "WordNet ids are labels of imagenet-1000: use numbers, or choose --label-space imagenet-1000.$",
    ),
]


@pytest.mark.parametrize(("space", "label", "reason"), OUTSIDE)
def test_an_invalid_label_of_the_list_is_named_with_its_line(tmp_path, space, label, reason):
    with pytest.raises(DatasetError, match=f"line 3 is 'b.jpg {label}': {reason}"):
        read(tmp_path, f"a.jpg 0\n\nb.jpg {label}\n", space)


@pytest.mark.parametrize("label", ["x", "²", "--5", "1.5", "3 4"])
def test_an_invalid_label_is_named_with_its_line(tmp_path, label):
    with pytest.raises(DatasetError, match=r"line 2 is 'b.jpg,.*': the columns must be image, label"):
        read(tmp_path, f"a.jpg,1\nb.jpg,{label}\n")


def test_a_file_that_lists_nothing_or_is_no_text_is_one_sentence(tmp_path):
    for text in ("", "\n\n", "image,label\n"):
        with pytest.raises(DatasetError, match="lists no images: name the file"):
            read(tmp_path, text)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DatasetError, match="cannot be read as text"):
        labels.read(tmp_path / "binary", "imagenet-1000")


def from_one(rows):
    return "".join(f"{name} {label + 1}\n" for name, label in rows)


BY_WNID = [(f"{WNIDS[7]}/a.jpg", 7)]
BY_FILE = [("beagle.jpg", 162), ("koala_2.jpg", 105), ("bagel/17.jpg", 931)]
BY_VALIDATION = [(image(number), label) for number, label in enumerate(classes.FIRST_OF_VALIDATION, 1)]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (BY_WNID, "the WordNet ids in the same lines"),
        (BY_FILE, "the file names"),
        (BY_VALIDATION, "the first validation images, whose classes are known"),
    ],
)
def test_numbers_from_1_are_found_by_what_is_known_of_the_images(tmp_path, rows, reason):
    listed = read(tmp_path, from_one(rows))
    assert [entry.label for entry in listed.entries] == [label for _, label in rows]
    assert any(
        "labels count from 1" in note and f"so 1 was subtracted (according to {reason})" in note
        for note in listed.notes
    )
    assert [entry.label for entry in read(tmp_path, from_one((name, label - 1) for name, label in rows)).entries] == [
        label for _, label in rows
    ]


def test_numbers_from_1_are_found_by_names_of_classes(tmp_path):
    listed = read(tmp_path, "image,label,name\na.jpg,163,beagle\nb.jpg,106,koala\n")
    assert [entry.label for entry in listed.entries] == [162, 105]


def test_the_numbers_of_the_development_kit_are_found_by_the_first_validation_images(tmp_path):
    """The ground truth of the kit starts with 490, 361, 171: sea snake, alp, Shetland sheepdog."""
    truth = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]
    listed = read(tmp_path, "".join(f"{number}\n" for number in truth))
    assert tuple(entry.label for entry in listed.entries) == classes.FIRST_OF_VALIDATION


def test_numbers_up_to_1000_without_a_0_need_the_option_numbering(tmp_path):
    text = "a.jpg 1\nb.jpg 1000\n"
    with pytest.raises(
        DatasetError,
        match="if these labels count from 1, use --numbering 1, or --numbering devkit if they are the development",
    ):
        read(tmp_path, text)
    assert [entry.label for entry in read(tmp_path, text, numbering="1").entries] == [0, 999]
    fox, dumbbell = WNIDS.index("n02119789"), WNIDS.index("n03255030")
    assert [entry.label for entry in read(tmp_path, text, numbering="devkit").entries] == [fox, dumbbell]
    with pytest.raises(
        DatasetError, match="the labels of custom-7 are 0 to 6; if these labels count from 1, use --numbering 1"
    ):
        read(tmp_path, "a.jpg 7\n", "custom-7")


def test_labels_in_another_order_than_what_is_beside_them_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"line 1 is .*: its label means n01440764, tench.*in another order"):
        read(tmp_path, f"{WNIDS[700]}_12.JPEG 0\n")
    with pytest.raises(DatasetError, match=r"line 3 is 'b.jpg,0,koala': its label means 'tench, Tinca tinca'"):
        read(tmp_path, "image,label,name\na.jpg,162,beagle\nb.jpg,0,koala\nc.jpg,9,bagel\n")
    notes = read(tmp_path, "koala.jpg 0\nbeagle.jpg 162\n").notes
    assert any("names of files that contradict the labels" in note and "1 of 2" in note for note in notes)


def test_a_class_of_two_names_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"line 3 is 'b.jpg,1,dog': label 1 is already named 'cat' in line 2"):
        read(tmp_path, "image,label,name\na.jpg,1,cat\nb.jpg,1,dog\n", "pets")
    assert read(tmp_path, "image,label,name\na.jpg,1,cat\n", "pets").names == {1: "cat"}
    assert read(tmp_path, "image,label,name\na.jpg,1,cat\n", "pets", numbering="1").names == {0: "cat"}


@pytest.mark.parametrize(
    "label", ["\u00b2", "\u0663", "--5", "+5", "5_0", "1e3", "9" * 19, "1" * 5000, "-" + "1" * 5000]
)
@pytest.mark.parametrize("head", ["", "image,label\n"])
@pytest.mark.parametrize("space", ["imagenet-1000", "mine"])
def test_what_only_looks_like_a_number_is_no_label(tmp_path, label, head, space):
    with pytest.raises(DatasetError, match=r"line \d is 'b\.jpg,.*: the columns must be image, label") as raised:
        read(tmp_path, f"{head}a.jpg,1\nb.jpg,{label}\nc.jpg,2\n", space)
    assert len(str(raised.value)) < 600


def test_a_cell_that_is_too_long_for_the_format_is_named_with_its_line(tmp_path):
    with pytest.raises(DatasetError, match=r"line 2 cannot be read as CSV \(field larger than field limit"):
        read(tmp_path, f"a.jpg,1\n{'b' * 200_000}.jpg,2\n", "mine")
