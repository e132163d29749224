"""Images that flip for readers: the picture, and the answers of the devices as text."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from aiot_analysis.display.show import display_html
from aiot_analysis.tables import names
from aiot_analysis.words import plural

if TYPE_CHECKING:
    import pandas as pd

    from aiot_analysis.display.pictures import Pictures
    from aiot_analysis.stats.answers import Answers
    from aiot_analysis.stats.flips import ClassesGiven

FEW = 3  # up to this many devices are named
NOTHING = "No image flips: no two devices gave different classes for the same image and instance."


def gallery(
    images: pd.DataFrame,
    answers: Sequence[Answers],
    pictures: Pictures,
    devices: pd.DataFrame,
    most: int = 6,
) -> None:
    """Display the first `most` images of `stats.flips.by_image` with the answers of the devices."""
    html = to_html(images.head(most), answers, pictures, names.devices(devices))
    display_html(html, f"{len(images)} images flip")


def to_html(images: pd.DataFrame, answers: Sequence[Answers], pictures: Pictures, devices: Mapping[str, str]) -> str:
    """Return what `gallery` displays. Without pictures, it is the text alone with the reason."""
    if images.empty:
        return f"<p>{escape(NOTHING)}</p>"
    why = f"<p>Pictures are not shown: {escape(pictures.why)}.</p>" if pictures.why else ""
    return why + "".join(
        _one(str(image), int(label), int(unstable), int(instances), answers, pictures, devices)
        for image, label, unstable, instances in images[["image", "label", "unstable", "instances"]].itertuples(
            index=False
        )
    )


def _one(
    image: str,
    label: int,
    unstable: int,
    instances: int,
    answers: Sequence[Answers],
    pictures: Pictures,
    devices: Mapping[str, str],
) -> str:
    """Return one image with its true class and the answers by instance."""
    from aiot_analysis.stats import flips

    texts_by_instance: dict[str, list[str]] = {}
    for answer in flips.answers_to_image(answers, image):
        texts_by_instance.setdefault(answer.instance_id, []).append(_answer(answer, label, pictures, devices))
    listed = "".join(
        f"<li><b>{escape(names.instance_display(instance))}</b>: {escape('; '.join(texts))}</li>"
        for instance, texts in texts_by_instance.items()
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


def _answer(one: ClassesGiven, label: int, pictures: Pictures, devices: Mapping[str, str]) -> str:
    """Return an answer and its devices, such as "wavy disc on 2 devices (Honor V20, Oppo Reno)"."""
    from aiot_analysis.stats.answers import NONE

    answer = "no answer (failed)" if one.answer == NONE else pictures.name(one.answer)
    mark = " ✓" if one.answer == label else ""
    count = len(one.devices)
    device_names = f" ({', '.join(devices.get(device, device) for device in one.devices)})" if count <= FEW else ""
    return f"{answer}{mark} on {plural(count, 'device')}{device_names}"
