"""Kernels that start without delay: forked from a process that has already imported what notebooks import.

Starting Python and IPython and importing the libraries for statistics and figures takes about three seconds of CPU
time, half of the time for the page of one device. The fork server of `multiprocessing` does this once per worker. Every
notebook still has its own process, which starts in the same state as all others and ends with the notebook.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
from importlib.metadata import EntryPoint
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from aiot_analysis.report import kernel_process

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

NAME = "aiot-forked"
IMPORTS = "aiot_analysis.report.kernel_imports"  # as a name, because this process itself does not need these imports


def prepare() -> None:
    """Enable forked kernels in this process, on Linux only: elsewhere some system libraries do not support forking."""
    if sys.platform != "linux":
        return
    # kernels set it too, but after these imports
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    multiprocessing.get_context("forkserver").set_forkserver_preload([kernel_process.__name__, IMPORTS])
    forkserver.ensure_running()  # imports in parallel with this process
    atexit.register(_end_all)
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:{ForkedProvisioner.__name__}", factory.GROUP_NAME)
    factory.default_provisioner_name = NAME


def _end_all() -> None:
    """Kill kernels that are still starting when the worker is asked to end; nbclient does not manage them yet."""
    for kernel in multiprocessing.active_children():
        kernel.kill()


class ForkedProvisioner(LocalProvisioner):
    """A provisioner that starts kernels by forking, and otherwise behaves like Jupyter's own."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        connection_file = cmd[cmd.index("-f") + 1]
        process = multiprocessing.get_context("forkserver").Process(
            target=kernel_process.serve, args=(connection_file, kwargs.get("cwd") or str(Path.cwd()), kwargs["env"])
        )
        process.start()
        self.process = KernelProcess(process)  # type: ignore[assignment]
        self.pid = self.pgid = process.pid  # the process makes itself the leader of a group
        return self.connection_info


class KernelProcess:
    """The subset of subprocess.Popen that a provisioner uses, for a process of multiprocessing."""

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
