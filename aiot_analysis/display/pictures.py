"""Pictures and class names of a dataset, and images that flip with their pictures."""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image

from aiot_analysis.display.show import display_html, say, table
from aiot_analysis.errors import DataError
from aiot_analysis.tables import names
from aiot_analysis.tables.workspace import upwards
from aiot_analysis.words import plural
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiot_analysis.stats.agreement import ClassesGiven
    from aiot_analysis.stats.pairing import Answers


@dataclass(frozen=True)
class Pictures:
    """Class names by number and picture files by name.

    Both are empty if the dataset is not available; `why` then gives the reason.
    """

    classes: dict[int, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    why: str = ""

    def name(self, label: int) -> str:
        """Return the name of a class for readers, or its number if the name is unknown."""
        return self.classes[label].replace("_", " ") if label in self.classes else f"class {label}"

    def thumbnail(self, image: str, pixels: int = 112) -> bytes | None:
        """Return a picture as a JPEG of at most `pixels` per side; None if it is missing or unreadable."""
        if image not in self.files or not self.files[image].is_file():
            return None
        try:
            with Image.open(self.files[image]) as picture:
                small = _eight_bit(picture).convert("RGB")
                small.thumbnail((pixels, pixels))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        content = io.BytesIO()
        small.save(content, format="JPEG", quality=80)
        return content.getvalue()


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits, as the agent does; Pillow would clip it to white."""
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    return picture


def find_pictures(rows: pd.DataFrame, datasets: Path | str = "data/datasets") -> Pictures:
    """Return the pictures of the dataset that rows of the table `instances` were measured on.

    `datasets` is the folder of the datasets; a relative one is looked up in the working directory and its parents. The
    SHA-256 of the dataset must match, since a different dataset of the same name may have other pictures under the same
    file names.
    """
    measured_datasets = rows[["origin", "dataset", "dataset_sha256"]].drop_duplicates()
    if measured_datasets.empty:
        return Pictures(why="there are no results")
    if (measured_datasets["origin"] == "simulated").all():
        return Pictures(why="the data are simulated, so there are no pictures")
    if len(measured_datasets) > 1:
        return Pictures(why="the results are from several datasets")
    name, sha256 = str(measured_datasets["dataset"].iloc[0]), str(measured_datasets["dataset_sha256"].iloc[0])
    folder = None if rawlog.name_fault(name) else upwards(Path(datasets) / name, Path.cwd())
    if folder is None:
        return Pictures(why=f"there is no dataset {name!r} in {datasets}")
    try:
        return _read(folder, name, sha256)
    except (OSError, KeyError, ValueError, TypeError, csv.Error, rawlog.RawLogError) as error:
        return Pictures(why=f"the dataset in {folder} is damaged ({error!r})")
    except DataError as error:
        return Pictures(why=str(error))


def _read(folder: Path, name: str, sha256: str) -> Pictures:
    """Read a dataset. Raises DataError if its SHA-256 is a different one."""
    record = rawlog.parse(rawlog.read_bytes(folder / "dataset.json", rawlog.RECORD_LIMIT_BYTES))
    if record["sha256"] != sha256:
        raise DataError(f"the dataset in {folder} differs from {name!r} of the results (by its SHA-256)")
    image_folder = folder / record["image_folder"]
    classes = {int(row["label"]): row["name"] for row in _rows(folder / "classes.csv")}
    images = [row["image"] for row in _rows(folder / "labels.csv")]
    for image in images:
        if fault := rawlog.name_fault(image, subfolders=True):
            raise ValueError(f"the image name {image!a}: {fault}")
    return Pictures(classes, {image: image_folder / image for image in images})


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(rawlog.read_bytes(path).decode(), newline="")))


FEW = 3  # up to this many devices are named
NOTHING = "No image flips: no two devices gave different classes for the same image and instance."


def gallery(
    images: pd.DataFrame,
    answers: Sequence[Answers],
    pictures: Pictures,
    devices: pd.DataFrame,
    most: int = 6,
) -> None:
    """Display the first `most` images of `stats.agreement.by_image` with the answers of the devices.

    Without pictures, they are a folded table.
    """
    if pictures.why and len(images):
        say(f"Pictures are not shown: {pictures.why}.")
        answers_given = answer_table(images.head(most), answers, pictures, names.devices(devices))
        table(answers_given, "Answers to the images that flip most", folded=True, name="flips_answers")
    else:
        html = to_html(images.head(most), answers, pictures, names.devices(devices))
        display_html(html, f"{len(images)} images flip")


def answer_table(
    images: pd.DataFrame, answers: Sequence[Answers], pictures: Pictures, devices: Mapping[str, str]
) -> pd.DataFrame:
    """Return the answers to images in words, one row per image and instance. Takes the arguments of `to_html`."""
    lines = [
        {"image": image, "class": pictures.name(int(label)), "instance": names.instance_display(instance),
         "answers": "; ".join(texts)}
        for image, label in images[["image", "label"]].itertuples(index=False)
        for instance, texts in _answers_by_instance(str(image), int(label), answers, pictures, devices).items()
    ]  # fmt: skip
    return pd.DataFrame(lines, columns=["image", "class", "instance", "answers"])


def to_html(images: pd.DataFrame, answers: Sequence[Answers], pictures: Pictures, devices: Mapping[str, str]) -> str:
    """Return images with their pictures and the answers of the devices."""
    if images.empty:
        return f"<p>{escape(NOTHING)}</p>"
    return "".join(
        _image_html(str(image), int(label), int(unstable), int(instances), answers, pictures, devices)
        for image, label, unstable, instances in images[["image", "label", "unstable", "instances"]].itertuples(
            index=False
        )
    )


def _image_html(
    image: str,
    label: int,
    unstable: int,
    instances: int,
    answers: Sequence[Answers],
    pictures: Pictures,
    devices: Mapping[str, str],
) -> str:
    """Return one image with its true class and the answers by instance."""
    listed = "".join(
        f"<li><b>{escape(names.instance_display(instance))}</b>: {escape('; '.join(texts))}</li>"
        for instance, texts in _answers_by_instance(image, label, answers, pictures, devices).items()
    )
    class_name = pictures.name(label)
    jpeg = pictures.thumbnail(image)
    picture = ""
    if jpeg:
        data = base64.b64encode(jpeg).decode()
        alt = escape(f"Picture {image} of the class {class_name}")
        picture = (
            f'<img src="data:image/jpeg;base64,{data}" alt="{alt}" style="flex: none; width: 112px; '
            'height: 112px; object-fit: contain">'
        )
    return (
        f'<div style="display: flex; gap: 1em; align-items: flex-start; margin: 0 0 1em">{picture}<div>'
        f"<b>{escape(class_name)}</b> ({escape(image)}), flips in {unstable} of {instances} instances"
        f'<ul style="margin: 0.3em 0 0">{listed}</ul></div></div>'
    )


def _answers_by_instance(
    image: str, label: int, answers: Sequence[Answers], pictures: Pictures, devices: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the answers to an image as text, by instance (see `agreement.answers_to_image`)."""
    from aiot_analysis.stats import agreement

    texts: dict[str, list[str]] = {}
    for answer in agreement.answers_to_image(answers, image):
        texts.setdefault(answer.instance_id, []).append(_answer_text(answer, label, pictures, devices))
    return texts


def _answer_text(answer: ClassesGiven, label: int, pictures: Pictures, devices: Mapping[str, str]) -> str:
    """Return an answer and its devices, such as "wavy disc on 2 devices (Honor V20, Oppo Reno)"."""
    from aiot_analysis.stats.pairing import NONE

    answer_text = "no answer (failed)" if answer.answer == NONE else pictures.name(answer.answer)
    mark = " ✓" if answer.answer == label else ""
    count = len(answer.devices)
    device_names = f" ({', '.join(devices.get(device, device) for device in answer.devices)})" if count <= FEW else ""
    return f"{answer_text}{mark} on {plural(count, 'device')}{device_names}"
