"""Several devices and an adb server of their own. By hand, until Ctrl-C: `python -m tests.e2e.phones 2`."""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from typing import TYPE_CHECKING

from tests.e2e.phone import Phone
from tests.e2e.server import Server
from tests.unpacked import NotHere

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PAPER_IDS = (1, 8, 38, 20)  # Table III: Snapdragon 855 with Android 9, Snapdragon 865, Helio G90T, Kirin 990


@contextmanager
def running_server() -> Iterator[Server]:
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.close()


@contextmanager
def running_phones(paper_ids: Iterable[int], storage_mb: int = 1024, board: bool = False) -> Iterator[list[Phone]]:
    """Phones that have started, one for each row of Table III; all are ended at the end, whatever happens."""
    with ExitStack() as stack:
        phones = []
        for paper_id in paper_ids:
            phone = Phone(paper_id, storage_mb, board)
            stack.callback(phone.stop)
            phone.start()
            phones.append(phone)
        yield phones


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.phones", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=2, help="how many devices")
    parser.add_argument("--board", action="store_true", help="Linux boards with this machine's Python, not phones")
    parser.add_argument("--storage-mb", type=int, default=1024, help="storage of each")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    ids = islice(cycle(PAPER_IDS), options.count)
    try:
        with running_server() as server, running_phones(ids, options.storage_mb, options.board) as phones:
            for phone in phones:
                print(server.client().connect(phone.serial), f"  storage: {phone.storage}")
            print(f"\nANDROID_ADB_SERVER_PORT={server.port} aiot devices\n\nCtrl-C ends them.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except NotHere as reason:
        print(f"Not here: {reason}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
