"""Fixtures: an adb server and phones of their own for every test. What this machine cannot run is skipped, and why."""

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from typing import Any

import pytest

from tests.e2e import debian
from tests.e2e.board import SshBoard, SshClient
from tests.e2e.phone import Phone
from tests.e2e.phones import PAPER_IDS, running_phones, running_server
from tests.e2e.proxy import Proxy
from tests.e2e.server import Server, adb
from tests.unpacked import NotHere

LEAKED = "ignore:unclosed <socket:ResourceWarning"
"""adbutils leaves a connection open where the adb server says no."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.filterwarnings(LEAKED))


@pytest.fixture(scope="session")
def parts() -> None:
    """The adbd and the adb that everything here is made of."""
    try:
        debian.root()
        adb()
    except NotHere as reason:
        pytest.skip(str(reason))


@pytest.fixture
def adb_server(parts: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running adb server that knows no device; whatever the test starts finds it by ANDROID_ADB_SERVER_PORT."""
    with running_server() as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        yield server
    gc.collect()  # what was leaked goes now, not in a test that would have to answer for it


@pytest.fixture
def phones(adb_server: Server) -> Iterator[Callable[..., list[Phone]]]:
    """`phones(2)` starts so many and connects them; `paper_ids`, `storage_mb` and `board` as Phone has them."""
    with ExitStack() as stack:

        def start(count: int = 1, paper_ids: Sequence[int] = PAPER_IDS, **options: Any) -> list[Phone]:
            try:
                started = stack.enter_context(running_phones(islice(cycle(paper_ids), count), **options))
            except NotHere as reason:
                pytest.skip(str(reason))
            for phone in started:
                adb_server.client().connect(phone.serial)
            return started

        yield start


@pytest.fixture
def ssh_client(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> SshClient:
    """An ssh of its own, which comes first in PATH."""
    try:
        client = SshClient(tmp_path_factory.mktemp("ssh"))
    except NotHere as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv("PATH", f"{client.folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    return client


@pytest.fixture
def boards(ssh_client: SshClient) -> Iterator[Callable[..., list[SshBoard]]]:
    """`boards(2)` starts so many, which this machine's ssh can log in to; options as SshBoard has them."""
    with ExitStack() as stack:

        def start(count: int = 1, **options: Any) -> list[SshBoard]:
            started = []
            for _ in range(count):
                try:
                    board = SshBoard(**options)
                    stack.callback(board.stop)
                    ssh_client.trust(board)
                    board.start()
                except NotHere as reason:
                    pytest.skip(str(reason))
                started.append(board)
            return started

        yield start


@pytest.fixture
def proxied(adb_server: Server) -> Iterator[Callable[..., Proxy]]:
    """`proxied(phone, shell_v2=False)` connects a phone once more, through a proxy; options as Proxy has them."""
    with ExitStack() as stack:

        def start(phone: Phone, **options: bool) -> Proxy:
            proxy = Proxy(phone, **options)
            proxy.start()
            stack.callback(proxy.stop)
            adb_server.client().connect(proxy.serial)
            return proxy

        yield start
