"""The images of a selection that flip, and who gave which answer to one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from aiot_analysis.display import show
from aiot_analysis.display.pictures import Pictures
from aiot_analysis.explore.selection import BETWEEN, Known, Selection
from aiot_analysis.stats import answers, flips, versions
from aiot_analysis.stats.answers import NONE, Answers
from aiot_analysis.tables import names

FEW = 8  # up to here devices are named
MOST = 12  # instances in the table of an image
PIXELS = 224


@dataclass(frozen=True)
class Flips:
    """What was answered, and which images flip: `images` is the frame of `stats.flips.by_image`."""

    between: str
    answers: list[Answers]
    images: pd.DataFrame
    shown: int  # images that were compared at all
    apart: pd.DataFrame  # of `stats.answers.collect`


def find(known: Known, selection: Selection) -> Flips:
    """The images of the chosen instances that flip between what the selection says. Reads no other image records."""
    rows = selection.of(known.rows)
    wanted = {column: set(rows[column]) for column in ("device_id", "run_id", "instance_id")}
    records = known.data.images(answers.COLUMNS, **wanted)
    found, apart = versions.collect(rows, records, selection.between)
    compared = [one for one in found if len(one.devices) > 1]
    every = flips.each(compared)
    return Flips(selection.between, compared, flips.by_image(every), every["image"].nunique(), apart)


def sentence(found: Flips) -> str:
    """How many images flip, or why none can; plain text."""
    between = BETWEEN[found.between]
    if not found.answers:
        why = f" Not compared: {found.apart['reason'].iloc[0]}." if len(found.apart) else ""
        what = {"device_id": "an instance on", "quantization": "a model in", "framework": "a model in"}[found.between]
        return f"Nothing can flip between {between}: {what} two {between} or more has to be chosen.{why}"
    if found.images.empty:
        return f"No image flips: all {between} gave each of the {found.shown} images the same class."
    apart = f" {len(found.apart)} are not compared, as they were measured otherwise." if len(found.apart) else ""
    return f"{len(found.images)} of {found.shown} images flip between {between}.{apart}"


def options(found: Flips, pictures: Pictures) -> list[tuple[str, str]]:
    """A line to choose each image by, the one that flips most first, and the image."""
    columns = found.images[["image", "label", "unstable", "instances"]].itertuples(index=False)
    return [
        (f"{pictures.name(int(label))}, {image}: {unstable} of {instances}", str(image))
        for image, label, unstable, instances in columns
    ]


def table(found: Flips, image: str, pictures: Pictures, devices: Mapping[str, str]) -> pd.DataFrame:
    """A row per instance and class that it was given, of the MOST instances that agree least.

    Columns of (what was the same), answer (the class), right and given by (who, in words; `devices` has their names).
    """
    label = int(found.images.loc[found.images["image"] == image, "label"].iloc[0])
    rows = [
        {
            "of": same(one.instance_id, devices),
            "answer": "none, it failed" if one.answer == NONE else pictures.name(one.answer),
            "right": "✓" if one.answer == label else "✗",
            "given by": _listed(one.devices, found.between, devices),
        }
        for one in flips.given(found.answers, image, MOST)
    ]
    return pd.DataFrame(rows, columns=["of", "answer", "right", "given by"])


def to_html(found: Flips, image: str, pictures: Pictures, devices: Mapping[str, str]) -> str:
    """The picture, or a sentence why there is none, its true class, and the table of answers."""
    label = int(found.images.loc[found.images["image"] == image, "label"].iloc[0])
    true = pictures.name(label)
    content = pictures.thumbnail(image, PIXELS)
    if content:
        data = base64.b64encode(content).decode()
        alt = escape(f"Picture {image} of the class {true}", quote=True)
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{alt}" style="flex: none; align-self: flex-start">'
    else:
        why = pictures.why or f"the file of {image} is missing or cannot be read"
        picture = f'<p style="flex: none; width: {PIXELS}px"><em>No picture: {escape(why)}.</em></p>'
    answered = show.to_html(table(found, image, pictures, devices))
    return (
        f'<div style="display: flex; flex-wrap: wrap; gap: 1em">{picture}<div><b>{escape(true)}</b> '
        f"({escape(image)}){answered}</div></div>"
    )


def same(instance: str, devices: Mapping[str, str]) -> str:
    """The id of an instance, also of `stats.versions`, in words: "MnasNet, TFLite CPU on Honor V20"."""
    instance, _, device = instance.partition("@")
    told = names.instance(instance)
    implementation = names.display(told.delegate if told.framework == "*" else told.implementation)
    words = [names.display(told.model), implementation, names.display(told.quantization)]
    said = ", ".join(word for word in words if word != "*")
    return f"{said} on {devices.get(device, device)}" if device else said


def _listed(who: tuple[str, ...], between: str, devices: Mapping[str, str]) -> str:
    if between == "device_id" and len(who) > FEW:
        return f"{len(who)} devices"
    known = {
        "device_id": lambda one: devices.get(one, one),
        "quantization": names.display,
        "framework": names.framework,
    }
    return ", ".join(known[between](one) for one in who)
