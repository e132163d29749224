"""Selections as data, and the rows they contain; independent of widgets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names, select
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from aiot_analysis.tables.data import Data

COLUMNS = {  # fields of a selection, with their columns in the table `instances`
    "devices": "device_id",
    "models": "model",
    "frameworks": "framework",
    "delegates": "delegate",
    "quantizations": "quantization",
}
ORDERS = {
    "models": names.MODELS,
    "frameworks": names.FRAMEWORKS,
    "delegates": names.DELEGATES,
    "quantizations": names.QUANTIZATIONS,
}


BETWEEN = {"device_id": "devices", "quantization": "quantizations", "framework": "frameworks"}
BY = {"implementation": "framework", "model": "model", "quantization": "quantization", "device_id": "device"}


@dataclass(frozen=True)
class Selection:
    """Selected values of each of COLUMNS, and the settings of the figures."""

    devices: tuple[str, ...]
    models: tuple[str, ...]
    frameworks: tuple[str, ...]
    delegates: tuple[str, ...]
    quantizations: tuple[str, ...]
    timing: str = "end_to_end"
    by: str = "implementation"  # what colours distinguish, a key of BY
    between: str = "device_id"  # what images flip between, a key of BETWEEN

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the selected rows of `instances` or of any other frame with the columns of COLUMNS."""
        chosen = [rows[column].isin(getattr(self, name)) for name, column in COLUMNS.items()]
        return rows[pd.concat(chosen, axis=1).all(axis=1)].reset_index(drop=True)

    def empty(self) -> list[str]:
        """Return the fields without any selected value, such as ["models"]."""
        return [name for name in COLUMNS if not getattr(self, name)]


@dataclass(frozen=True)
class ExplorerData:
    """The data to select from: rows that statistics use, excluded rows, and a selection of every value."""

    data: Data = field(repr=False)
    rows: pd.DataFrame = field(repr=False)  # see `select.measured_rows`
    left_out: pd.DataFrame = field(repr=False)
    everything: Selection

    def labels(self, name: str) -> dict[str, str]:
        """Return the display name of each value of one of COLUMNS."""
        if name == "devices":
            return names.devices(self.data.devices)
        display_name = names.framework if name == "frameworks" else names.display
        return {value: display_name(value) for value in getattr(self.everything, name)}


def known(data: Data) -> ExplorerData:
    """Return everything that can be selected, in the paper's order, including values without usable rows."""
    rows, left_out = select.measured_rows(data.instances, by_framework=True)

    def of(name: str) -> tuple[str, ...]:
        values = set(data.instances[COLUMNS[name]])
        if name == "devices":
            return tuple(device_axis.order(values, data.devices))
        return tuple(names.in_order(values, ORDERS[name]))

    timing = "end_to_end" if (rows["timing"] == "end_to_end").any() or rows.empty else "inference"
    lists = of("devices"), of("models"), of("frameworks"), of("delegates"), of("quantizations")
    everything = Selection(*lists, timing=timing)
    return ExplorerData(data, rows, left_out, everything)


def rows_sentence(selection: Selection, known: ExplorerData) -> str:
    """Return a sentence on what is selected, or on why no row is, as plain text."""
    empty_lists = selection.empty()
    if empty_lists:
        return f"Nothing is chosen of {style.listed(empty_lists)}: choose one or more."
    rows, requested = selection.of(known.rows), selection.of(known.data.instances)
    if requested.empty:
        return "No device was set to run what you chose: choose more."
    if rows.empty:
        reasons = selection.of(known.left_out)["reasons"].value_counts()
        other_reasons = f", and {len(reasons) - 1} other reasons" if len(reasons) > 1 else ""
        return f"Nothing you chose has numbers: {reasons.index[0]}{other_reasons}. Choose more."
    n_devices, n_missing = (
        rows["device_id"].nunique(),
        len(requested[["device_id", "instance_id"]].drop_duplicates()) - len(rows),
    )
    text = f"{plural(len(rows), 'instance')} with numbers on {plural(n_devices, 'device')}"
    return f"{text}; {n_missing} of your choices have none." if n_missing else f"{text}."
