"""What is chosen, as data, and which rows that is. No widget is needed for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.plots import device_axis, style
from aiot_analysis.tables import names, select
from aiot_analysis.words import plural

if TYPE_CHECKING:
    from aiot_analysis.tables.data import Data

COLUMNS = {  # what can be chosen, and its column in `instances`
    "devices": "device_id",
    "models": "model",
    "frameworks": "framework",
    "delegates": "delegate",
    "quantizations": "quantization",
}
ORDERS = {
    "models": names.MODELS,
    "frameworks": list(dict.fromkeys(one.split("_")[0] for one in names.IMPLEMENTATIONS)),
    "delegates": names.DELEGATES,
    "quantizations": names.QUANTIZATIONS,
}


BETWEEN = {"device_id": "devices", "quantization": "quantizations", "framework": "frameworks"}
BY = {"implementation": "framework", "model": "model", "quantization": "quantization", "device_id": "device"}


@dataclass(frozen=True)
class Selection:
    """The values that are chosen of each of COLUMNS, and the timing."""

    devices: tuple[str, ...]
    models: tuple[str, ...]
    frameworks: tuple[str, ...]
    delegates: tuple[str, ...]
    quantizations: tuple[str, ...]
    timing: str = "end_to_end"
    by: str = "implementation"  # what colours tell apart, of BY
    between: str = "device_id"  # what images flip between, of BETWEEN

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of `instances`, or of any frame with the columns of COLUMNS, that are chosen."""
        chosen = [rows[column].isin(getattr(self, name)) for name, column in COLUMNS.items()]
        return rows[pd.concat(chosen, axis=1).all(axis=1)].reset_index(drop=True)

    def empty(self) -> list[str]:
        """Of what nothing at all is chosen, like ["models"]."""
        return [name for name in COLUMNS if not getattr(self, name)]


@dataclass(frozen=True)
class Known:
    """What can be chosen of: the rows that statistics use, those they do not, and every value there is."""

    data: Data = field(repr=False)
    rows: pd.DataFrame = field(repr=False)  # of `select.measured_rows`
    left_out: pd.DataFrame = field(repr=False)
    everything: Selection

    def labels(self, name: str) -> dict[str, str]:
        """How each value of one of COLUMNS is written for readers."""
        if name == "devices":
            return names.devices(self.data.devices)
        word = names.framework if name == "frameworks" else names.display
        return {one: word(one) for one in getattr(self.everything, name)}


def known(data: Data) -> Known:
    """All that can be chosen of the data, also what was not usable, in the paper's order."""
    rows, left_out = select.measured_rows(data.instances, by_framework=True)

    def of(name: str) -> tuple[str, ...]:
        there = set(data.instances[COLUMNS[name]])
        if name == "devices":
            return tuple(device_axis.order(there, data.devices))
        return tuple(names.in_order(there, ORDERS[name]))

    timing = "end_to_end" if (rows["timing"] == "end_to_end").any() or rows.empty else "inference"
    lists = of("devices"), of("models"), of("frameworks"), of("delegates"), of("quantizations")
    everything = Selection(*lists, timing=timing)
    return Known(data, rows, left_out, everything)


def sentence(selection: Selection, known: Known) -> str:
    """What is chosen in words, or what is lacking where no row is; plain text."""
    lacking = selection.empty()
    if lacking:
        return f"Nothing is chosen of {style.listed(lacking)}: choose one or more."
    rows, asked = selection.of(known.rows), selection.of(known.data.instances)
    if asked.empty:
        return "No device was asked to run what you chose: choose more."
    if rows.empty:
        reasons = selection.of(known.left_out)["reasons"].value_counts()
        more = f", and {len(reasons) - 1} other reasons" if len(reasons) > 1 else ""
        return f"Nothing that you chose has numbers: {reasons.index[0]}{more}. Choose more."
    devices, without = (
        rows["device_id"].nunique(),
        len(asked[["device_id", "instance_id"]].drop_duplicates()) - len(rows),
    )
    said = f"{plural(len(rows), 'instance')} with numbers on {plural(devices, 'device')}"
    return f"{said}; {without} of what you chose have none." if without else f"{said}."
