"""Tables, statistics, figures and reports of AIoTBench's raw logs. Needs no machine learning framework.

    import aiot_analysis
    data = aiot_analysis.load()             # the tables of this workspace
    data.results()                          # the rows that the pages use, one per device and instance: start here
    data.results().pivot_table("accuracy", "model", "device_id")
    data.images(model="mnasnet")            # a row for each image; filter by any column, also by instance_id
    data.instances                          # a row for each run and instance, invalid and repeated ones included

    page = aiot_analysis.open_page()        # the same rows with all that statistics and figures need
    stats, plots = aiot_analysis.stats, aiot_analysis.plots
    stats.vips.scores(page.rows)            # VIPS of each device, Equation 1 of the paper
    shares = stats.shares.frameworks(page.rows, value=page.mean_column)
    plots.shares.time_shares(shares, page.source, page.devices)     # Figure 5

A mean over `data.results()` is over valid results, one of each device and instance; one over `data.instances` would
include invalid rows and earlier runs. docs/reference/python.md lists the functions that are kept stable, by task.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiot_analysis import plots, stats
    from aiot_analysis.display.notebook_page import NotebookPage, open_page
    from aiot_analysis.tables.data import Data, load

__all__ = ["Data", "NotebookPage", "load", "open_page", "plots", "stats"]
_MODULES = {
    "Data": "aiot_analysis.tables.data",
    "load": "aiot_analysis.tables.data",
    "NotebookPage": "aiot_analysis.display.notebook_page",
    "open_page": "aiot_analysis.display.notebook_page",
}


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def __getattr__(name: str) -> object:
    """Import pandas only when something is used, so that `aiot --help` stays fast."""
    if name in ("plots", "stats"):
        return importlib.import_module(f"{__name__}.{name}")
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
