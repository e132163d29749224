"""The process of a kernel that was forked, see `kernels`: the fork server imports this, and what most notebooks import.

Nothing here may start a thread or draw anything: whatever is done before a fork, all kernels have in common.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from threading import Thread

USUAL = [
    "ipykernel.kernelapp",
    "matplotlib.pyplot",
    "seaborn",
    "statsmodels.api",
    "aiot_analysis.data",
    "aiot_analysis.plots.device_axis",
    "aiot_analysis.display.show",
    "aiot_analysis.stats.remarks",
    "aiot_analysis.stats.run_order",
]
for name in USUAL:
    with suppress(Exception):  # the notebook that imports it will say what is wrong
        import_module(name)


def serve(connection_file: str, folder: str, environment: Mapping[str, str]) -> None:
    """The life of a kernel in a process that was just forked."""
    os.setsid()  # as Jupyter starts kernels: what a kernel starts ends with it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    Thread(target=_end_with_worker, daemon=True).start()

    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(["-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"])


def _end_with_worker() -> None:
    """Jupyter's kernels end when their parent is gone. That of this one is the fork server, which waits for it."""
    worker = multiprocessing.parent_process()
    assert worker is not None
    worker.join()
    os._exit(1)
