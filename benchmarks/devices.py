"""Benchmark of attached devices (real adbd processes of tests/e2e): pushing files, and the load of runs on the host."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from time import perf_counter
from typing import TYPE_CHECKING
from unittest.mock import patch

from aiot_suite import workspace
from aiot_suite.datasets import store
from aiot_suite.facts import Artifact, Settings
from aiot_suite.workspace import Workspace, sha256_of
from benchmarks import jobs, waiting
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Measure, Options, compared, measure
from benchmarks.processes import wall_time_s
from runner.devices import FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.e2e.phone import Phone
    from tests.e2e.server import Server

PUSHED_BYTES = 100 * 10**6
DEVICES = 4
IMAGES, PASSES = 10, 30
MODELS = ("mnasnet", "mobilenet_v2")  # only their names are used: nothing is computed

IMAGES_TARGET = 1.5
SHARE_TARGET = 3.0  # %
FOUR_TARGET = 1.15
PUSHED_AGAIN_TARGET = 0.0


@dataclass(frozen=True)
class Ran:
    """Time used by a call of `aiot run`."""

    wall_s: float
    processor_s: float  # of the process and all its children on the host


def missing() -> str | None:
    from tests.e2e import debian
    from tests.e2e.server import adb
    from tests.unpacked import NotHere

    try:
        debian.root()
        adb()
    except NotHere as reason:
        return f"{reason}."
    return jobs.missing([])


def run(options: Options) -> list[Comparison | Level]:
    with _attached() as (server, phones):
        return [*_pushes(options, server, phones[0]), *_runs(options, phones)]


@contextmanager
def _attached() -> Iterator[tuple[Server, list[Phone]]]:
    """Start a separate adb server with attached boards that use this machine's Python."""
    from tests.e2e.phones import PAPER_IDS, running_phones, running_server
    from tests.unpacked import NotHere

    try:
        with running_server() as server, running_phones(islice(cycle(PAPER_IDS), DEVICES), board=True) as phones:
            for phone in phones:
                server.client().connect(phone.serial)
            with patch.dict(os.environ, {"ANDROID_ADB_SERVER_PORT": str(server.port)}):
                yield server, phones
    except NotHere as reason:
        raise BenchmarkError(f"{reason}.") from None


def _pushes(options: Options, server: Server, phone: Phone) -> list[Comparison | Level]:
    """Measure wall times in s of pushing one incompressible file, and of pushing all images."""
    from runner.devices.adb import Client, Connection
    from runner.devices.remote import DeviceFiles
    from tests.e2e.server import adb

    bundle = options.folder / "bundle"
    bundle.write_bytes(os.urandom(PUSHED_BYTES))
    dataset = store.load(Workspace(ROOT).datasets / "sample")
    images = {name: dataset.path(name) for name, _ in dataset.images}
    connection = Connection(phone.serial, Client())

    def by_adb(source: Path) -> Measure:
        words = [str(adb()), "-P", str(server.port), "-s", phone.serial, "push", str(source), "/data/local/tmp/it"]
        return lambda: wall_time_s(words)

    def sent() -> float:
        started = perf_counter()
        connection.push(bundle, "/data/local/tmp/it")
        return perf_counter() - started

    def checked(files: dict[str, Path]) -> float:
        device_files = DeviceFiles(connection, "/data/local/tmp/pushed")
        workspace._sha256.cache_clear()
        started = perf_counter()
        device_files.push(files, "it")
        spent = perf_counter() - started
        device_files.remove()
        return spent

    single_push = measure(sent, {"adb push": by_adb(bundle)}, options.pairs, options.tell)
    checked_push = [checked({"bundle": bundle}) for _ in range(options.pairs)]
    connection.shell(["rm", "/data/local/tmp/it"])
    image_pushes = measure(
        lambda: checked(images), {"adb push": by_adb(dataset.image_folder)}, options.pairs, options.tell
    )
    return [
        *compared("push of 100 MB", "s", single_push, {"adb push": None}),
        Level("push of 100 MB, checked by SHA-256", "s", checked_push),
        *compared(f"push of {len(images)} images, checked by SHA-256", "s", image_pushes, {"adb push": IMAGES_TARGET}),
    ]


def _runs(options: Options, phones: Sequence[Phone]) -> list[Comparison | Level]:
    space = _workspace(options.folder / "space")
    images = options.images or IMAGES
    options.tell("first run, which pushes")
    _aiot(space, phones, images, passes=1)
    pushed = _pushed(phones)
    if not pushed:
        raise BenchmarkError("Nothing was pushed, so there is nothing to push again.")
    shares: dict[int, list[float]] = {1: [], DEVICES: []}
    pushed_again: list[float] = []

    def on(count: int) -> float:
        call = _aiot(space, phones[:count], images, PASSES)
        shares[count].append(100 * call.processor_s / call.wall_s / count)
        pushed_again.append(sum(pushed.get(path) != mtime for path, mtime in _pushed(phones).items()))
        return call.wall_s

    values = measure(lambda: on(DEVICES), {"one device": lambda: on(1)}, options.pairs, options.tell)
    seconds = len(MODELS) * images * PASSES * waiting.INFERENCE_S
    return [
        Level(
            f"pushed again of {len(pushed) // DEVICES} on each device", "files", pushed_again, [], PUSHED_AGAIN_TARGET
        ),
        *compared(f"{DEVICES} devices that wait {seconds:g} s each", "s", values, {"one device": FOUR_TARGET}),
        Level("processor of this side, one device", "%", shares[1], [], SHARE_TARGET),
        Level(f"processor of this side, {DEVICES} devices, for each", "%", shares[DEVICES], [], SHARE_TARGET),
    ]


def _workspace(root: Path) -> Workspace:
    """Create a workspace with the sample set and model files of the framework `waiting`."""
    space = Workspace(root)
    (space.plugins / "frameworks").mkdir(parents=True)
    shutil.copy(waiting.__file__, space.plugins / "frameworks" / "waiting.py")
    space.datasets.mkdir(parents=True)
    (space.datasets / "sample").symlink_to(Workspace(ROOT).datasets / "sample")
    models = space.models / "sample"
    models.mkdir(parents=True)
    for model in MODELS:
        path = models / f"waiting_float32_{model}{waiting.SUFFIX}"
        path.write_text("nothing\n")
        Artifact(
            path=path,
            name=path.stem,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            weights="sample",
            weights_sha256="0" * 64,
            settings=Settings(size=32, label_space="sample-100", classes=100),
            made_with={},
            source_key="benchmark",
        ).save()
    return space


def _aiot(space: Workspace, phones: Sequence[Phone], images: int, passes: int) -> Ran:
    """Run `aiot run` in a process. Raise BenchmarkError if it fails or does not measure what was requested."""
    command = [sys.executable, "-m", "aiot", "run", "--workspace", str(space.root), "--cooldown", "0"]
    command += ["--frameworks", "waiting", "--models", ",".join(MODELS), "--delegates", "cpu"]
    command += ["--images", str(images), "--repeat", str(passes)]
    for phone in phones:
        command += ["-s", phone.serial]
    with tempfile.TemporaryFile() as output:
        started = perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        spent = Ran(perf_counter() - started, usage.ru_utime + usage.ru_stime)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        printed = output.read().decode(errors="replace")
    if process.returncode or printed.count(f"{len(MODELS)} instances measured") != len(phones):
        raise BenchmarkError(f"`aiot run` failed on {len(phones)} devices, saying {printed.strip()[-300:]!r}.")
    return spent


def _pushed(phones: Sequence[Phone]) -> dict[Path, int]:
    """Return the modification time of every file in our folder on the devices, except jobs and logs."""
    mtimes: dict[Path, int] = {}
    for phone in phones:
        folder = phone.storage / FOLDER.removeprefix("/data/")
        files = (path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] != "runs")
        mtimes |= {path: path.stat().st_mtime_ns for path in files}
    return mtimes
