"""Axis of devices, for one device up to hundreds: order, labels and panel layout."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.plots import style
from aiot_analysis.tables.names import DEVICE_LABELS, DEVICE_ORDERS
from aiot_analysis.tables.names import devices as display_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

FEW = 6  # up to this many devices are labelled by name, more by number
MOST_LABELS = 60
NAME_WIDTH = 10  # characters per line when one or two names are wrapped
BESIDE, LABEL = 0.5, 0.1  # inches: width of what is left of the axis, and of a rotated label


def arrange_devices(
    devices: pd.DataFrame, values: pd.Series, order: str = "id", labels: str = "number"
) -> pd.DataFrame:
    """Return the devices with two columns that the figures use: `place`, the position on the axis, and `label`.

    `order` is "id" (by the number in the paper's Table III, as in its figures, then by id) or "value" (ascending by
    `values`, which are indexed by device id). `labels` is "number" or "name".
    Raises DataError for any other order or label.
    """
    for choice, choices in ((order, DEVICE_ORDERS), (labels, DEVICE_LABELS)):
        if choice not in choices:
            raise DataError(f"Devices cannot be arranged by {choice!r}: choose {' or '.join(choices)}.")
    places = _number(devices)
    ids = sorted(devices["device_id"], key=lambda device_id: (places.get(device_id, math.inf), device_id))
    if order == "value":
        ids = sorted(ids, key=lambda device_id: values.get(device_id, math.inf))
    texts = names(ids, devices) if labels == "name" or len(ids) <= FEW else numbers(ids, devices)
    positions_and_labels = pd.DataFrame({"device_id": ids, "place": range(len(ids)), "label": texts})
    return devices.merge(positions_and_labels, on="device_id")


def order(ids: Iterable[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Return the device ids sorted by `place`, or by number in the paper's Table III; those without one come last."""
    places = _column(devices, "place") or _number(devices)
    return sorted(set(ids), key=lambda device_id: (places.get(device_id, math.inf), device_id))


def labels(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Return the label of each device; if devices have no labels, names for few devices and numbers for many."""
    label_of_device = _column(devices, "label")
    if label_of_device:
        return [str(label_of_device.get(device_id, device_id)) for device_id in ids]
    return names(ids, devices) if len(ids) <= FEW else numbers(ids, devices)


def numbers(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Return the number of each device in Table III, or the first eight characters of its id."""
    paper_ids = _number(devices)
    return [str(int(paper_ids[device_id])) if device_id in paper_ids else device_id[:8] for device_id in ids]


def _number(devices: pd.DataFrame | None) -> dict[Any, Any]:
    return _column(devices, "paper_id")


def names(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Return the manufacturer and model of each device, or its id if they are unknown."""
    name_of_device = {} if devices is None else display_names(devices)
    return [name_of_device.get(device_id, device_id) for device_id in ids]


def layout(count: int, few: int = 3) -> tuple[int, float]:
    """Return the number of panel columns and the panel width in inches for `count` devices on the x axis."""
    if few > 3 and 2 < count <= FEW:  # the names of several devices need room
        return 2, 3.8
    if count <= FEW:
        return few, 7.2 / few + 0.12 * count
    return (min(few, 3), 3.2) if count <= 20 else (2, 5.6)


def positions(rows: pd.DataFrame, ids: Sequence[str]) -> pd.Series:
    """Return the x position of the device of each row."""
    return rows["device_id"].map({device: position for position, device in enumerate(ids)}).astype(float)


def set_up_x_axis(axes: Axes, ids: Sequence[str], devices: pd.DataFrame | None = None) -> None:
    """Set up the x axis with the devices at 0, 1, ... and as many labels as fit."""
    texts = labels(ids, devices)
    room = (style.panel_width(axes) - BESIDE) / len(ids)
    step = max(math.ceil(len(ids) / MOST_LABELS), math.ceil(LABEL / room) if len(ids) > FEW else 1)
    narrow = len(ids) > 20 or (len(ids) > FEW and max(map(len, texts)) > 2)
    small: dict[str, Any] = {"fontsize": style.SMALL} if len(ids) > 20 else {}
    slant: dict[str, Any] = (
        {"rotation": 90} if narrow else {"rotation": 20, "ha": "right"} if 2 < len(ids) <= FEW else {}
    )
    if len(ids) == 2:  # long names would overlap
        texts = [textwrap.fill(text, NAME_WIDTH) for text in texts]
    if len(ids) == 1:
        texts = [textwrap.fill(text, max(NAME_WIDTH, int(room / (style.LETTER * style.SMALL)))) for text in texts]
    axes.set_xticks(range(0, len(ids), step), texts[::step], **small, **slant)
    axes.set_xlim(-0.6, len(ids) - 0.4)
    axes.grid(axis="x", visible=False)
    if len(ids) > FEW:
        axes.set_xlabel("device" if max(map(len, texts)) > 8 else "device id")


def _column(devices: pd.DataFrame | None, column: str) -> dict[Any, Any]:
    if devices is None or column not in devices:
        return {}
    return devices.dropna(subset=[column]).set_index("device_id")[column].to_dict()
