"""The process of a forked kernel, see `kernels`: the fork server imports this module and `kernel_imports`.

Nothing that they import may start a thread or draw anything, because all kernels share the state before a fork.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

COLLECT = 20_000, 20, 100
"""Thresholds of garbage collection.

Figures consist of many small objects; with Python's defaults, a tenth of the time of a page is spent searching them for
garbage.
"""


def serve(connection_file: str, folder: str, environment: Mapping[str, str]) -> None:
    """Run a kernel in a process that was just forked."""
    os.setsid()  # like Jupyter, so that processes started by a kernel end with it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    gc.set_threshold(*COLLECT)
    Thread(target=_end_with_worker, daemon=True).start()

    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(["-f", connection_file, f"--IPKernelApp.parent_handle={os.getppid()}"])


def _end_with_worker() -> None:
    """End this process when its worker is gone.

    Jupyter's kernels end when their parent does, but the parent of this one is the fork server, which waits for it.
    """
    worker = multiprocessing.parent_process()
    assert worker is not None
    worker.join()
    os._exit(1)
