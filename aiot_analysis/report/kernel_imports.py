"""Import what most notebooks import, once in the fork server of `kernels` for all kernels.

This is a separate module because neither the process that requests kernels nor the kernels themselves need all of it.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

USUAL = ["ipykernel.kernelapp", "matplotlib.pyplot", "aiot_analysis.display.notebook_page"]
for name in USUAL:
    with suppress(Exception):  # the notebook that imports it will report the error
        import_module(name)
gc.collect()
gc.freeze()  # keeps kernels from scanning imported objects and copying their pages
