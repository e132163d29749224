"""Benchmark of boards over SSH (a real sshd of tests/e2e): pushing files, compared with `scp -r`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING
from unittest.mock import patch

from aiot_suite import workspace
from benchmarks.pairs import BenchmarkError, Comparison, Level, Options, compared, measure
from benchmarks.processes import wall_time_s
from runner.devices.remote import DeviceFiles
from runner.devices.ssh import SshConnection, SshTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.board import SshBoard

FOLDERS = {"one file of 100 MB": (1, 100 * 10**6), "1000 files of 20 kB": (1000, 20_000)}
"""Number and size in bytes of the files of each folder; their content is incompressible, like that of images."""

TARGET = 1.5


def missing() -> str | None:
    from tests.e2e import debian
    from tests.unpacked import NotHere

    try:
        debian.ssh_root()
    except NotHere as reason:
        return f"{reason}."
    return None


def run(options: Options) -> list[Comparison | Level]:
    with _board(options.folder / "ssh") as board:
        results: list[Comparison | Level] = []
        for number, (name, (count, size)) in enumerate(FOLDERS.items()):
            folder = options.folder / str(number)
            folder.mkdir()
            for file in range(count):
                (folder / f"{file:04}.jpg").write_bytes(os.urandom(size))
            options.tell(name)
            results += _pushes(options, board, folder, name)
    return results


@contextmanager
def _board(folder: Path) -> Iterator[SshBoard]:
    from tests.e2e.board import SshBoard, SshClient
    from tests.unpacked import NotHere

    try:
        client, board = SshClient(folder), SshBoard(storage_mb=1024)
        client.trust(board)
        try:
            board.start()
            with patch.dict(os.environ, {"PATH": f"{client.folder}{os.pathsep}{os.environ['PATH']}"}):
                yield board
        finally:
            board.stop()
    except NotHere as reason:
        raise BenchmarkError(f"{reason}.") from None


def _pushes(options: Options, board: SshBoard, folder: Path, name: str) -> list[Comparison]:
    """Measure wall times in s, each with the login, of pushing a folder to where it was not before."""
    files = {path.name: path for path in folder.iterdir()}

    def ours() -> float:
        workspace._sha256.cache_clear()  # the sums that the device's are compared with count, too
        started = perf_counter()
        connection = SshConnection(SshTarget.parse(board.serial))
        device_files = DeviceFiles(connection, connection.default_folder())
        device_files.push(files, "it")
        spent = perf_counter() - started
        device_files.remove()
        connection.close()
        return spent

    def scp() -> float:
        target = f"{board.home}/copied"
        spent = wall_time_s(["scp", "-q", "-r", "-P", str(board.port), str(folder), f"pi@127.0.0.1:{target}"])
        connection = SshConnection(SshTarget.parse(board.serial))
        connection.shell(["rm", "-r", target])
        connection.close()
        return spent

    values = measure(ours, {"scp -r": scp}, options.pairs, options.tell)
    return compared(f"push over SSH of {name}", "s", values, {"scp -r": TARGET})
