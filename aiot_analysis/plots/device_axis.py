"""Devices along an axis: one or a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

FEW = 6  # up to here devices are called by name, beyond by number
MOST_LABELS = 60


def order(ids: Iterable[str], devices: pd.DataFrame | None = None) -> list[str]:
    """The device ids by their number in the paper's Table III, those without one last, then by id."""
    numbers = _column(devices, "paper_id")
    return sorted(set(ids), key=lambda one: (numbers.get(one, 1000), one))


def labels(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Names for few devices; for many their number in Table III, or the first letters of the id."""
    if len(ids) <= FEW:
        return names(ids, devices)
    numbers = _column(devices, "paper_id")
    return [str(int(numbers[one])) if one in numbers else one[:8] for one in ids]


def names(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[str]:
    """Maker and model of each device, or its id where they are unknown."""
    makers, models = _column(devices, "maker"), _column(devices, "model")
    found = []
    for one in ids:
        maker, model = str(makers.get(one, "")), str(models.get(one, ""))
        found.append((model if model.lower().startswith(maker.lower()) else f"{maker} {model}").strip() or one)
    return found


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
    step = ceil(len(ids) / MOST_LABELS)
    narrow = len(ids) > 20 or (len(ids) > FEW and max(map(len, texts)) > 2)
    many: dict[str, Any] = {"fontsize": 5.5} if len(ids) > 20 else {}
    slant: dict[str, Any] = (
        {"rotation": 90} if narrow else {"rotation": 20, "ha": "right"} if 2 < len(ids) <= FEW else {}
    )
    axes.set_xticks(range(0, len(ids), step), texts[::step], **many, **slant)
    axes.set_xlim(-0.6, len(ids) - 0.4)
    axes.grid(axis="x", visible=False)
    if len(ids) > FEW:
        axes.set_xlabel("device id")


def _column(devices: pd.DataFrame | None, column: str) -> dict[Any, Any]:
    if devices is None or column not in devices:
        return {}
    return devices.dropna(subset=[column]).set_index("device_id")[column].to_dict()
