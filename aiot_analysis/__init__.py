"""Tables, statistics, figures and reports of AIoTBench's raw logs. Needs no machine learning framework.

    import aiot_analysis
    from aiot_analysis import plots, stats

Load the tables of this workspace, of the first origin that they have (measured, imported, published or simulated):

    data = aiot_analysis.load(origin="")

Compute means and pivot tables of the rows that the pages use: valid, of the newest runs, one per device and instance.
`data.instances` also has invalid rows and earlier runs:

    rows = data.results()
    rows.pivot_table("accuracy", "model", "device_id")

Read a row for each image, of one model or one instance:

    data.images(model="mnasnet")
    data.images(instance_id="tflite_cpu_float32_mnasnet")

Open a page: the same rows with all that statistics and figures need:

    page = aiot_analysis.open_page()

Compute the score VIPS of each device, with intervals:

    stats.vips.intervals(page.rows, page.data.image_parts())

Draw a figure of the paper, here Figure 5:

    shares = stats.shares.frameworks(page.rows, value=page.mean_column)
    plots.shares.time_shares(shares, page.source, page.devices)

Draw on axes of your own, in a layout of your own (`fig=` takes a figure or subfigure):

    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    plots.vips.ranking(stats.vips.scores(page.rows), page.source, ax=axes[0])

Render the notebooks as pages, like `aiot report`:

    aiot_analysis.render(None, "reports", ["04"])

Compare two devices, runs or versions, like `aiot compare`:

    first, second = data.devices["device_id"][:2]
    aiot_analysis.compare_sides(first, second).table

Plan a study, like `aiot plan`: what it takes to detect 3% of a time:

    aiot_analysis.plan(page, time=0.03)

Explore the data in JupyterLab with lists and figures, or image by image:

    aiot_analysis.explore.explore(data)
    aiot_analysis.explore.images(data)

docs/reference/python.md lists the functions that are kept stable, by task.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiot_analysis import explore, plots, stats
    from aiot_analysis.display.notebook_page import NotebookPage, open_page
    from aiot_analysis.report.render import render
    from aiot_analysis.tables.data import Data, load
    from aiot_analysis.tasks import compare_sides, plan

__all__ = [
    "Data",
    "NotebookPage",
    "compare_sides",
    "explore",
    "load",
    "open_page",
    "plan",
    "plots",
    "render",
    "stats",
]
_MODULES = {
    "Data": "aiot_analysis.tables.data",
    "load": "aiot_analysis.tables.data",
    "NotebookPage": "aiot_analysis.display.notebook_page",
    "open_page": "aiot_analysis.display.notebook_page",
    "compare_sides": "aiot_analysis.tasks",
    "plan": "aiot_analysis.tasks",
    "render": "aiot_analysis.report.render",
}


def __dir__() -> list[str]:
    """Return the public names, for Tab."""
    return [*__all__]


def __getattr__(name: str) -> object:
    """Import pandas only when something is used, so that `aiot --help` stays fast."""
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
