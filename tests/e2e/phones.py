"""Run several devices and an adb server; `python -m tests.e2e.phones 2` does so until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from typing import TYPE_CHECKING, TypeVar

from tests.e2e.phone import Phone
from tests.e2e.server import Server
from tests.unpacked import NotHere

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

PAPER_IDS = (1, 8, 38, 20)  # Table III: Snapdragon 855 with Android 9, Snapdragon 865, Helio G90T, Kirin 990
Device = TypeVar("Device", bound=Phone)


@contextmanager
def running_server() -> Iterator[Server]:
    """Start an adb server, and stop it at the end."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def running(devices: Iterable[Device]) -> Iterator[list[Device]]:
    """Start devices one after the other, and stop all of them at the end."""
    with ExitStack() as stack:
        started = []
        for device in devices:
            stack.callback(device.stop)
            device.start()
            started.append(device)
        yield started


def running_phones(
    paper_ids: Iterable[int], storage_mb: int = 1024, board: bool = False
) -> AbstractContextManager[list[Phone]]:
    """Start a phone for each row of Table III, and stop all of them at the end."""
    return running(Phone(paper_id, storage_mb, board) for paper_id in paper_ids)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.phones", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=2, help="number of devices")
    parser.add_argument(
        "--board", action="store_true", help="start Linux boards with this machine's Python instead of phones"
    )
    parser.add_argument("--storage-mb", type=int, default=1024, help="size of the storage of each device")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ids = islice(cycle(PAPER_IDS), options.count)
    try:
        with running_server() as server, running_phones(ids, options.storage_mb, options.board) as phones:
            for phone in phones:
                print(server.client().connect(phone.serial), f"  storage: {phone.storage}")
            print(f"\nANDROID_ADB_SERVER_PORT={server.port} aiot devices\n\nPress Ctrl-C to stop them.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except NotHere as reason:
        print(f"Devices cannot be started on this machine: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
