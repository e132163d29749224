"""Devices along an axis: one or a hundred."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from aiot_analysis.errors import DataError
from aiot_analysis.plots import style
from aiot_analysis.tables.names import devices as display_names

FEW = 6  # up to here devices are called by name, beyond by number
MOST_LABELS = 60
NAME_WIDTH = 10  # characters in a line of one of two names
BESIDE, LABEL = 0.5, 0.1  # inches: what stands beside the axis, and a label that is turned


ORDERS = ("id", "value")
LABELS = ("number", "name")


def arranged(devices: pd.DataFrame, values: pd.Series, order: str = "id", labels: str = "number") -> pd.DataFrame:
    """The devices with what the figures go by: `place`, their rank on the axis, and `label`.

    `order` is "id" (the number in the paper's Table III, as in its figures, then the id) or "value": by
    `values`, which are by device id, the least first. `labels` is "number" or "name".
    Raises DataError for another order or label.
    """
    for given, known in ((order, ORDERS), (labels, LABELS)):
        if given not in known:
            raise DataError(f"Devices cannot be arranged by {given!r}: choose {' or '.join(known)}.")
    places = _number(devices)
    ids = sorted(devices["device_id"], key=lambda one: (places.get(one, math.inf), one))
    if order == "value":
        ids = sorted(ids, key=lambda one: values.get(one, math.inf))
    texts = names(ids, devices) if labels == "name" or len(ids) <= FEW else numbers(ids, devices)
    made = pd.DataFrame({"device_id": ids, "place": range(len(ids)), "label": texts})
    return devices.merge(made, on="device_id")


def order(ids: Iterable[str], devices: pd.DataFrame | None = None) -> list[str]:
    """The device ids by their place, or by their number in the paper's Table III, those without one last."""
    places = _column(devices, "place") or _number(devices)
    return sorted(set(ids), key=lambda one: (places.get(one, math.inf), one))


def labels(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """The label of each device; without one, names for few devices and numbers for many."""
    known = _column(devices, "label")
    if known:
        return [str(known.get(one, one)) for one in ids]
    return names(ids, devices) if len(ids) <= FEW else numbers(ids, devices)


def numbers(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """The number of each device in Table III, or the first letters of its id."""
    known = _number(devices)
    return [str(int(known[one])) if one in known else one[:8] for one in ids]


def _number(devices: pd.DataFrame | None) -> dict[Any, Any]:
    return _column(devices, "paper_id")


def names(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Maker and model of each device, or its id where they are unknown."""
    known = {} if devices is None else display_names(devices)
    return [known.get(one, one) for one in ids]


def layout(count: int, few: int = 3) -> tuple[int, float]:
    """Columns of panels and the width of a panel in inches for so many devices on its x axis."""
    if few > 3 and 2 < count <= FEW:  # names of several devices need room
        return 2, 3.8
    if count <= FEW:
        return few, 7.2 / few + 0.12 * count
    return (min(few, 3), 3.2) if count <= 20 else (2, 5.6)


def positions(rows: pd.DataFrame, ids: Sequence[str]) -> pd.Series:
    """Where the device of each row is on the x axis."""
    return rows["device_id"].map({device: at for at, device in enumerate(ids)}).astype(float)


def along_x(axes: Axes, ids: Sequence[str], devices: pd.DataFrame | None = None) -> None:
    """Puts the devices at 0, 1, ... of the x axis, with as many labels as fit."""
    texts = labels(ids, devices)
    room = (style.across(axes) - BESIDE) / len(ids)
    step = max(math.ceil(len(ids) / MOST_LABELS), math.ceil(LABEL / room) if len(ids) > FEW else 1)
    narrow = len(ids) > 20 or (len(ids) > FEW and max(map(len, texts)) > 2)
    many: dict[str, Any] = {"fontsize": style.SMALL} if len(ids) > 20 else {}
    slant: dict[str, Any] = (
        {"rotation": 90} if narrow else {"rotation": 20, "ha": "right"} if 2 < len(ids) <= FEW else {}
    )
    if len(ids) == 2:  # side by side, where a long name would run into the other
        texts = [textwrap.fill(text, NAME_WIDTH) for text in texts]
    if len(ids) == 1:
        texts = [textwrap.fill(text, max(NAME_WIDTH, int(room / (style.LETTER * style.SMALL)))) for text in texts]
    axes.set_xticks(range(0, len(ids), step), texts[::step], **many, **slant)
    axes.set_xlim(-0.6, len(ids) - 0.4)
    axes.grid(axis="x", visible=False)
    if len(ids) > FEW:
        axes.set_xlabel("device" if max(map(len, texts)) > 8 else "device id")


def _column(devices: pd.DataFrame | None, column: str) -> dict[Any, Any]:
    if devices is None or column not in devices:
        return {}
    return devices.dropna(subset=[column]).set_index("device_id")[column].to_dict()
