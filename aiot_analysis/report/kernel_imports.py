"""What most notebooks import, imported by importing this: the fork server of `kernels` does it once for all kernels.

A module of its own, since neither the process that asks for kernels nor the kernels themselves need all of it.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

USUAL = [
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "aiot_analysis.tables.data",
    "aiot_analysis.plots.device_axis",
    "aiot_analysis.display.show",
    "aiot_analysis.stats.remarks",
    "aiot_analysis.stats.run_order",
]
for name in USUAL:
    with suppress(Exception):  # the notebook that imports it will say what is wrong
        import_module(name)
gc.collect()
gc.freeze()  # kernels need not look at what is imported, nor copy it to mark it
