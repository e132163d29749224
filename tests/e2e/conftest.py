"""Fixtures: an adb server, phones and boards for each test. Tests that this machine cannot run are skipped."""

import gc
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import cycle, islice
from typing import Any

import pytest

from aiot_suite.errors import SetupError
from aiot_suite.workspace import Workspace
from runner.bundle import build, packages
from runner.bundle.recipes import architecture_for
from tests.e2e import debian
from tests.e2e.board import SshBoard, SshClient
from tests.e2e.phone import Phone
from tests.e2e.phones import PAPER_IDS, Device, running, running_server
from tests.e2e.proxy import Proxy
from tests.e2e.server import Server, adb
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401
from tests.unpacked import NotHere

UNCLOSED_SOCKETS = "ignore:unclosed <socket:ResourceWarning"
"""adbutils does not close the connection if the adb server refuses a request."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.filterwarnings(UNCLOSED_SOCKETS))


@pytest.fixture(scope="session")
def parts() -> None:
    """Skip the test if adbd or adb is not available."""
    try:
        debian.root()
        adb()
    except NotHere as reason:
        pytest.skip(str(reason))


@pytest.fixture
def adb_server(parts: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Start an adb server without devices, to which ANDROID_ADB_SERVER_PORT points."""
    with running_server() as server:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
        monkeypatch.delenv("ANDROID_SERIAL", raising=False)
        yield server
    gc.collect()  # unclosed sockets are reported for this test, and not for a later one


def start_or_skip(stack: ExitStack, devices: Iterable[Device]) -> list[Device]:
    """Start devices, which are stopped with the stack; skip the test if this machine cannot run them."""
    try:
        return stack.enter_context(running(devices))
    except NotHere as reason:
        pytest.skip(str(reason))


@pytest.fixture
def phones(adb_server: Server) -> Iterator[Callable[..., list[Phone]]]:
    """Return a function that starts and connects phones: `phones(2)`, with the options of Phone and `paper_ids`."""
    with ExitStack() as stack:

        def start(count: int = 1, paper_ids: Sequence[int] = PAPER_IDS, **options: Any) -> list[Phone]:
            started = start_or_skip(stack, (Phone(paper_id, **options) for paper_id in islice(cycle(paper_ids), count)))
            for phone in started:
                adb_server.client().connect(phone.serial)
            return started

        yield start


@pytest.fixture
def proxied(adb_server: Server) -> Iterator[Callable[..., Proxy]]:
    """Return a function that connects a phone once more, through a proxy: `proxied(phone, shell_v2=False)`."""
    with ExitStack() as stack:

        def start(phone: Phone, **options: bool) -> Proxy:
            proxy = Proxy(phone, **options)
            proxy.start()
            stack.callback(proxy.stop)
            adb_server.client().connect(proxy.serial)
            return proxy

        yield start


@pytest.fixture(scope="session")
def ssh_parts() -> None:
    """Skip the test if sshd is not available.

    A fixture of the session is set up before `workspace` changes the cache folder, which holds sshd.
    """
    try:
        debian.ssh_root()
    except NotHere as reason:
        pytest.skip(str(reason))


@pytest.fixture
def ssh_client(ssh_parts: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> SshClient:
    """Make an ssh client with its own configuration, and put it first in PATH."""
    try:
        client = SshClient(tmp_path_factory.mktemp("ssh"))
    except NotHere as reason:
        pytest.skip(str(reason))
    monkeypatch.setenv("PATH", f"{client.folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    return client


@pytest.fixture
def boards(ssh_client: SshClient) -> Iterator[Callable[..., list[SshBoard]]]:
    """Return a function that starts boards which `ssh_client` can log in to: `boards(2)`, with options of SshBoard."""
    with ExitStack() as stack:

        def make(options: dict[str, Any]) -> SshBoard:
            board = SshBoard(**options)
            ssh_client.trust(board)
            return board

        def start(count: int = 1, **options: Any) -> list[SshBoard]:
            return start_or_skip(stack, (make(options) for _ in range(count)))

        yield start


@pytest.fixture(scope="session")
def bundle() -> build.Bundle:
    """Return the TFLite bundle for this machine's processor, from the user's cache."""
    architecture = architecture_for(platform.machine())
    if architecture is None:
        pytest.skip(f"no bundle is made for {platform.machine()}")
    try:
        packages.archive()
    except SetupError as reason:
        pytest.skip(str(reason))
    return build.build("tflite", architecture, print)


@pytest.fixture
def bundle_in_cache(bundle: build.Bundle, workspace: Workspace) -> None:  # noqa: F811
    """Put the bundle into the cache that the fixture `workspace` has set, which has no environments."""
    build.folder().parent.mkdir()
    build.folder().symlink_to(bundle.path.parent)
