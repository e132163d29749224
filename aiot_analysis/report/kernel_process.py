"""The process of a kernel that was forked, see `kernels`: the fork server imports this and `kernel_imports`.

Nothing that they import may start a thread or draw anything: all kernels have in common what is done before a fork.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Mapping
from threading import Thread

COLLECT = 20_000, 20, 100
"""When garbage is collected. Figures are made of many small objects: by Python's own numbers a tenth of a page's time
goes into looking for garbage among them."""


def serve(connection_file: str, folder: str, environment: Mapping[str, str]) -> None:
    """The life of a kernel in a process that was just forked."""
    os.setsid()  # as Jupyter starts kernels: what a kernel starts ends with it
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
    """Jupyter's kernels end when their parent is gone. That of this one is the fork server, which waits for it."""
    worker = multiprocessing.parent_process()
    assert worker is not None
    worker.join()
    os._exit(1)
