"""Kernels that start at once: forked from a process that has imported what notebooks import.

To start Python and IPython and to import the libraries of the statistics and figures takes about three seconds of a
processor, half of the page of one device. `multiprocessing`'s fork server does it once for each worker. Every notebook
still has a process of its own, which begins like all others and ends with the notebook.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
from importlib.metadata import EntryPoint
from multiprocessing import forkserver
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from aiot_analysis.report import kernel_process

NAME = "aiot-forked"
IMPORTS = "aiot_analysis.report.kernel_imports"  # by name: this process needs nothing of what it imports


def prepare() -> None:
    """Lets kernels of this process be forked, on Linux: elsewhere some system libraries do not bear it."""
    if sys.platform != "linux":
        return
    os.environ.setdefault(
        "MPLBACKEND", "module://matplotlib_inline.backend_inline"
    )  # as kernels do, but before imports
    multiprocessing.get_context("forkserver").set_forkserver_preload([kernel_process.__name__, IMPORTS])
    forkserver.ensure_running()  # it imports while this process does other things
    atexit.register(_end_all)
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:Forked", factory.GROUP_NAME)
    factory.default_provisioner_name = NAME


def _end_all() -> None:
    """Of a worker that is told to end while a kernel starts: nbclient has not begun to look after it then."""
    for kernel in multiprocessing.active_children():
        kernel.kill()


class Forked(LocalProvisioner):
    """Starts a kernel by forking, and otherwise is as Jupyter's own."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        connection_file = cmd[cmd.index("-f") + 1]
        process = multiprocessing.get_context("forkserver").Process(
            target=kernel_process.serve, args=(connection_file, kwargs.get("cwd") or str(Path.cwd()), kwargs["env"])
        )
        process.start()
        self.process = Process(process)  # type: ignore[assignment]
        self.pid = self.pgid = process.pid  # it makes itself the leader of a group
        return self.connection_info


class Process:
    """What a provisioner asks of subprocess.Popen, of a process of multiprocessing."""

    stdin = stdout = stderr = None

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)
