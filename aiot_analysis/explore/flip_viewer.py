"""Images of a selection that flip, and the answers to each of them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from aiot_analysis.display import show
from aiot_analysis.display.pictures import Pictures
from aiot_analysis.explore.selection import BETWEEN, ExplorerData, Selection
from aiot_analysis.stats import answers, flips
from aiot_analysis.stats.answers import NONE, Answers
from aiot_analysis.tables import names

FEW = 8  # up to this many devices are named
MOST = 12  # maximum number of instances in the table of an image
PIXELS = 224  # largest side of a picture


@dataclass(frozen=True)
class Flips:
    """Answers to the images of a selection, and the images that flip."""

    between: str  # see `Selection.between`
    answers: list[Answers]  # of the instances that can be compared
    images: pd.DataFrame  # images that flip, see `stats.flips.by_image`
    shown: int  # number of images that were compared
    apart: pd.DataFrame  # what is not compared, see `stats.answers.collect`


def find(known: ExplorerData, selection: Selection) -> Flips:
    """Find the images of the selected instances that flip. Only the image records of these instances are read."""
    rows = selection.of(known.rows)
    wanted = {column: set(rows[column]) for column in ("device_id", "run_id", "instance_id")}
    records = known.data.images(answers.COLUMNS, **wanted)
    collected, apart = answers.collect(rows, records, selection.between)
    compared = [instance_answers for instance_answers in collected if len(instance_answers.devices) > 1]
    every_image = flips.image_classes(compared)
    return Flips(selection.between, compared, flips.by_image(every_image), every_image["image"].nunique(), apart)


def flips_sentence(found: Flips) -> str:
    """Return how many images flip, or why none can, as plain text."""
    between = BETWEEN[found.between]
    if not found.answers:
        why = f" Not compared: {found.apart['reason'].iloc[0]}." if len(found.apart) else ""
        item = {"device_id": "an instance on", "quantization": "a model in", "framework": "a model in"}[found.between]
        return f"Nothing can flip between {between}: choose {item} two {between} or more.{why}"
    if found.images.empty:
        return f"No image flips: all {between} gave each of the {found.shown} images the same class."
    excluded = (
        f" {len(found.apart)} are not compared, because they were measured under other conditions."
        if len(found.apart)
        else ""
    )
    return f"{len(found.images)} of {found.shown} images flip between {between}.{excluded}"


def options(found: Flips, pictures: Pictures) -> list[tuple[str, str]]:
    """Return a label and the name of each image that flips, those that flip most often first."""
    columns = found.images[["image", "label", "unstable", "instances"]].itertuples(index=False)
    return [
        (f"{pictures.name(int(label))}, {image}: {unstable} of {instances}", str(image))
        for image, label, unstable, instances in columns
    ]


def table(found: Flips, image: str, pictures: Pictures, devices: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per instance and class that the image was given, for the MOST instances that agree least.

    The columns are of (what was the same), answer (the class), right (a sign), and given by (text; `devices` maps
    device ids to names).
    """
    label = int(found.images.loc[found.images["image"] == image, "label"].iloc[0])
    rows = [
        {
            "of": same(answer.instance_id, devices),
            "answer": "none (failed)" if answer.answer == NONE else pictures.name(answer.answer),
            "right": "✓" if answer.answer == label else "✗",
            "given by": _listed(answer.devices, found.between, devices),
        }
        for answer in flips.answers_to_image(found.answers, image, MOST)
    ]
    return pd.DataFrame(rows, columns=["of", "answer", "right", "given by"])


def image_html(found: Flips, image: str, pictures: Pictures, devices: Mapping[str, str]) -> str:
    """Return the picture (or the reason why it is missing), its true class and the table of answers."""
    label = int(found.images.loc[found.images["image"] == image, "label"].iloc[0])
    class_name = pictures.name(label)
    jpeg = pictures.thumbnail(image, PIXELS)
    if jpeg:
        data = base64.b64encode(jpeg).decode()
        alt = escape(f"Picture {image} of the class {class_name}", quote=True)
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{alt}" style="flex: none; align-self: flex-start">'
    else:
        why = pictures.why or f"the file {image} is missing or cannot be read"
        picture = f'<p style="flex: none; width: {PIXELS}px"><em>No picture: {escape(why)}.</em></p>'
    answer_table = show.to_html(table(found, image, pictures, devices))
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 1em">{picture}<div><b>{escape(class_name)}</b> '
        f"({escape(image)}){answer_table}</div></div>"
    )


def same(instance: str, devices: Mapping[str, str]) -> str:
    """Return the id of an instance, or of `stats.answers`, as text: "MnasNet, TFLite CPU on Honor V20"."""
    instance, _, device = instance.partition("@")
    parts = names.instance(instance)
    implementation = names.display(parts.delegate if parts.framework == "*" else parts.implementation)
    words = [names.display(parts.model), implementation, names.display(parts.quantization)]
    text = ", ".join(word for word in words if word != "*")
    return f"{text} on {devices.get(device, device)}" if device else text


def _listed(who: tuple[str, ...], between: str, devices: Mapping[str, str]) -> str:
    """Return the devices, quantizations or frameworks that gave an answer, as text."""
    if between == "device_id" and len(who) > FEW:
        return f"{len(who)} devices"
    label_functions = {
        "device_id": lambda name: devices.get(name, name),
        "quantization": names.display,
        "framework": names.framework,
    }
    return ", ".join(label_functions[between](name) for name in who)
