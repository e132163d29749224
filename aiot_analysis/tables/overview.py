"""What `data` shows of itself: where it comes from, which tables there are, and how to get at them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.tables import storage
from aiot_analysis.display import show
from aiot_analysis.errors import DataError

if TYPE_CHECKING:
    from aiot_analysis.tables.data import Data

READ_LATER = {  # what a call of a method reads, and what it has a row for
    "telemetry": "sample of temperature, frequency and battery in a run",
    "operators": "operator and repetition of a profiled model",
    "passes": "repetition of a profiled model",
    "nodes": "node of the graph of a profiled model",
}


def to_html(data: Data) -> str:
    """The origin, marked, then a table of the tables. Image records are counted, and not read."""
    rows = data.instances if len(data.instances) else data.studies
    origin = show.banner_html(data) if len(rows) else f"<p>{show.ORIGIN_SENTENCES[data.origin]} Nothing was run.</p>"
    return f"{origin}<p>Tables in {escape(str(data.processed))}</p>{show.to_html(overview(data))}"


def overview(data: Data) -> pd.DataFrame:
    """One row per table: what to write to get it, what one of its rows is, and how many there are (null: no table)."""
    images = data.instances["images"].sum() + data.studies["images"].sum()
    found: list[tuple[str, str, int | None]] = [
        ("data.devices", "device", len(data.devices)),
        ("data.results()", "device and instance: the newest usable run, as on the pages", len(data.results())),
        ("data.instances", "run and instance of the suite, also what is not usable", len(data.instances)),
        ("data.images()", "image that an instance was shown: see data.images?", int(images)),
        ("data.studies", "run and instance of a study, as of operators or resizing", len(data.studies)),
        *((f"data.{name}()", what, _count(data, name)) for name, what in READ_LATER.items()),
        ("data.left_out", "file or line of the raw logs that was not used", len(data.left_out)),
    ]
    frame = pd.DataFrame(found, columns=["table", "one row for each", "rows"])
    return frame.astype({"rows": "Int64"})


def _count(data: Data, name: str) -> int | None:
    """How many rows a table has of these data, without reading more than a column."""
    devices = list(data.devices["device_id"])
    try:
        return len(storage.read(name, data.processed, ["origin"], origin=[data.origin], device_id=devices))
    except DataError:
        return None
