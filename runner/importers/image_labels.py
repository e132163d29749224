"""Labels of images, for logs that have only the numbers of images."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import LogError
from runner.importers.imported_runs import dataset_record, sha256_of
from runner.importers.input_files import ImageLabels, check_unique, lines_of, read_source

if TYPE_CHECKING:
    from collections.abc import Sequence

FACTS = Path(__file__).parent / "facts"
"""Facts that come with the package; its README.md names their sources."""

ANSWERS = FACTS / "mlperf_mobile_answers.parquet"
ILSVRC = "ilsvrc2012-val"
IMAGENET_CLASSES = 1000
CLASSES_AT_MOST = 1_000_000


@cache
def ilsvrc() -> ImageLabels:
    """Return the labels of the 50,000 images of ILSVRC 2012 val in the order of file names, as MLPerf numbers them."""
    from pyarrow import parquet

    classes = parquet.read_table(ANSWERS, columns=["label"])["label"].to_pylist()
    names = [f"ILSVRC2012_val_{number:08}.JPEG" for number in range(1, len(classes) + 1)]
    return _labels(ILSVRC, names, classes, IMAGENET_CLASSES, "imagenet-1000")


def read_labels(choice: str, dataset: str | None = None) -> ImageLabels:
    """Return the labels that `--image-labels` names: "ilsvrc2012-val", or a file with an image on each line.

    A line is the class, or the name of the image and its class. `dataset` is the name of the images.

    Raises:
        LogError: The file cannot be read, or a line is neither.
    """
    if choice.lower() == ILSVRC:
        return ilsvrc()
    path = Path(choice)
    if not path.exists():
        raise LogError(f"--image-labels {choice} is neither {ILSVRC} nor a file: write one of them.")
    names, classes = [], []
    for number, line in enumerate(filter(str.strip, lines_of(read_source(path)[1])), 1):
        match = re.fullmatch(r"(?:(\S+)\s+)?(\d{1,6})", line.strip())
        if match is None:
            raise LogError(f"{path} has {line.strip()[:60]!r} as line {number}: write a class, or a name and a class.")
        names.append(match[1] or f"image {number - 1}")
        classes.append(int(match[2]))
    check_unique(path, names)
    return _labels(dataset or path.stem, names, classes, CLASSES_AT_MOST, None)


def _labels(
    name: str, names: Sequence[str], classes: Sequence[int], class_count: int, label_space: str | None
) -> ImageLabels:
    record = dataset_record(name, len(classes), label_space)
    record["sha256"] = sha256_of("".join(f"{image} {label}\n" for image, label in zip(names, classes, strict=True)))
    record["sha256_of"] = "names and classes of the images"
    return ImageLabels(name, names, classes, class_count, record)
