"""Axis of devices, for one device up to hundreds: order, labels and panel layout."""

from __future__ import annotations

import math
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.plots import style
from aiot_analysis.tables.names import DEVICE_LABELS, DEVICE_ORDERS, OTHER_VENDOR, soc_vendor
from aiot_analysis.tables.names import devices as display_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

FEW = 6  # up to this many devices are labelled by name, more by number
APART = 2  # up to this many devices are labelled in each panel; panels of more share one axis
MANY = 12  # with more devices than this, they are grouped, and figures have no room for details of each
MOST_LABELS = 60
NAME_WIDTH = 10  # characters per line when one or two names are wrapped
BESIDE = 0.5  # inches: width of what is left of the axis
DIGIT = 0.0105  # inches per point of font size: room of each digit of a level number
LABEL = 0.0145  # inches per point of font size: room of a rotated number
BETWEEN_GROUPS = "#9a9a9a"
WIDEST = 11.2  # inches: the width of a figure that fits a page without being scaled down


class Group(NamedTuple):
    """Successive devices on an axis that belong together."""

    name: str
    first: int  # positions on the axis
    last: int


def arrange_devices(
    devices: pd.DataFrame, values: pd.Series, order: str = "soc", labels: str = "number"
) -> pd.DataFrame:
    """Return the devices with the columns that the figures use: `place`, the position on the axis, and `label`.

    `order` is "soc" (by SoC vendor, with unknown vendors last, then by number in the paper's Table III), "id" (by the
    number in Table III, as in the paper's figures, then by id) or "value" (ascending by `values`, which are indexed by
    device id). With "soc", the column `group` has the vendor. `labels` is "number" or "name".
    Raises DataError for any other order or label.
    """
    for choice, choices in ((order, DEVICE_ORDERS), (labels, DEVICE_LABELS)):
        if choice not in choices:
            listed = " or ".join([", ".join(choices[:-1]), choices[-1]])
            raise DataError(f"Devices cannot be arranged by {choice!r}: choose {listed}.")
    places = _number(devices)
    ids = sorted(devices["device_id"], key=lambda device_id: (places.get(device_id, math.inf), device_id))
    if order == "value":
        ids = sorted(ids, key=lambda device_id: values.get(device_id, math.inf))
    if order == "soc":
        socs = devices["soc"] if "soc" in devices else pd.Series(None, devices.index)
        devices = devices.assign(group=socs.map(soc_vendor, na_action=None))
        vendors = _column(devices, "group")
        ids = sorted(ids, key=lambda device_id: (vendors[device_id] == OTHER_VENDOR, vendors[device_id]))
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


def groups(ids: Sequence[str], devices: pd.DataFrame | None = None) -> list[Group]:
    """Return the groups of many devices, in order; none for few devices and for devices in another order."""
    group_of_device = _column(devices, "group")
    if len(ids) <= MANY or not group_of_device:
        return []
    groups = []
    for name, part in groupby(enumerate(ids), lambda item: str(group_of_device.get(item[1], OTHER_VENDOR))):
        spots = [position for position, _ in part]
        groups.append(Group(name, spots[0], spots[-1]))
    return groups


def layout(count: int, few: int = 3) -> tuple[int, float]:
    """Return the number of panel columns and the panel width in inches for `count` devices on the x axis.

    `few` is the number of columns for one device. If it is four, panels come in pairs.
    """
    if few > 3 and 2 < count <= FEW:  # the names of several devices need room
        return 2, 3.8
    if count <= FEW:
        return few, 7.2 / few + 0.12 * count
    columns = few if count <= MANY else 2 if few > 3 or count <= 25 else 1
    return columns, WIDEST / max(columns, 3.5 if count <= MANY else 1)


def positions(rows: pd.DataFrame, ids: Sequence[str]) -> pd.Series:
    """Return the x position of the device of each row."""
    return rows["device_id"].map({device: position for position, device in enumerate(ids)}).astype(float)


def set_up_x_axis(axes: Axes, ids: Sequence[str], devices: pd.DataFrame | None = None, beside: float = BESIDE) -> None:
    """Set up the x axis with the devices at 0, 1, ..., as many labels as fit, and the groups of many devices.

    `beside` is the width of what is left of the axis, in inches.
    """
    _place_devices(axes, ids, devices)
    _label_devices(axes, ids, devices, beside - BESIDE)


def set_up_x_axes(
    panels: Sequence[Axes], ids: Sequence[str], devices: pd.DataFrame | None = None, after: float = 0.0
) -> None:
    """Set up the x axes of the panels of a figure; with several devices, only the lowest of each column has labels.

    `after` is the room right of the last device, in inches.
    """
    lowest = lowest_panels(panels)
    for panel in panels:
        _place_devices(panel, ids, devices, after)
        if len(ids) <= APART or panel in lowest:
            _label_devices(panel, ids, devices, after)
        else:
            panel.tick_params(axis="x", labelbottom=False, length=0)


def lowest_panels(panels: Iterable[Axes]) -> list[Axes]:
    """Return the lowest of the panels of each column of a figure."""
    return list({_column_of(panel): panel for panel in panels}.values())


def device_inches(axes: Axes, count: int, after: float = 0.0) -> float:
    """Return the room of each of `count` devices on an x axis, in inches."""
    return max(style.panel_width(axes) - BESIDE - after, 0.5) / count


def _column_of(axes: Axes) -> object:
    """Return the column of a panel in its figure."""
    spec = axes.get_subplotspec()
    return spec.colspan.start if spec else axes


def _place_devices(axes: Axes, ids: Sequence[str], devices: pd.DataFrame | None, after: float = 0.0) -> None:
    """Give each device a place from 0 on, and separate groups by faint lines."""
    axes.set_xlim(-0.6, len(ids) - 0.4 + after / device_inches(axes, len(ids), after))
    axes.grid(axis="x", visible=False)
    for group in groups(ids, devices)[1:]:
        axes.axvline(group.first - 0.5, color=BETWEEN_GROUPS, linewidth=0.8, zorder=2.5)


def _label_devices(axes: Axes, ids: Sequence[str], devices: pd.DataFrame | None, after: float = 0.0) -> None:
    """Write as many labels of devices as fit below an axis, and below them the names of the groups."""
    texts = labels(ids, devices)
    room = device_inches(axes, len(ids), after)
    many = len(ids) > MANY
    step = max(math.ceil(len(ids) / MOST_LABELS), math.ceil(LABEL * style.SMALL / room) if len(ids) > FEW else 1)
    broad = max(map(len, texts)) * DIGIT * style.SMALL
    small: dict[str, Any] = {"fontsize": style.SMALL} if many else {}
    slant: dict[str, Any] = (
        {"rotation": 90}
        if len(ids) > FEW and broad > room * step
        else {"rotation": 20, "ha": "right"}
        if 2 < len(ids) <= FEW
        else {}
    )
    if len(ids) == 2:  # long names would overlap
        texts = [textwrap.fill(text, NAME_WIDTH) for text in texts]
    if len(ids) == 1:
        texts = [textwrap.fill(text, max(NAME_WIDTH, int(room / (style.LETTER * style.SMALL)))) for text in texts]
    axes.set_xticks(range(0, len(ids), step), texts[::step], **small, **slant)
    if many:
        axes.tick_params(axis="x", length=2, pad=1.5)
    if len(ids) > FEW:
        axes.set_xlabel("device" if max(map(len, texts)) > 8 else "device id")
    _name_groups(axes, groups(ids, devices), room)


def _name_groups(axes: Axes, groups: Sequence[Group], room: float) -> None:
    """Write the names of groups between the labels of devices and that of the axis, in as many lines as they need."""
    ends: list[float] = []  # where each line of names ends, in inches
    line = 1.3 * style.SMALL
    placed = []
    for group in groups:
        middle, width = (group.first + group.last) / 2, style.LETTER * style.SMALL * len(group.name) * 1.1
        start = (middle + 0.6) * room - width / 2
        row = next((row for row, end in enumerate(ends) if end + 0.05 <= start), len(ends))
        ends[row:] = [start + width, *ends[row + 1 :]]
        placed.append((group.name, middle, row))
    if not groups:
        return
    axes.xaxis.labelpad = line * len(ends) + 4
    above_label: Any = ("data", axes.xaxis.label)
    for name, middle, row in placed:
        axes.annotate(
            name,
            (middle, 1),
            xycoords=above_label,
            xytext=(0, line * (len(ends) - row - 1) + 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=style.SMALL,
            color=style.GREY,
            annotation_clip=False,
        )


def _column(devices: pd.DataFrame | None, column: str) -> dict[Any, Any]:
    if devices is None or column not in devices:
        return {}
    return devices.dropna(subset=[column]).set_index("device_id")[column].to_dict()
