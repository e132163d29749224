"""The bundle on a phone that has no Python: pushed, unpacked and run over a real adbd, by the suite."""

import json
import platform
import subprocess
import sys

import pytest

from aiot_suite.errors import SetupError
from runner import rawlog
from runner.bundle import build, packages
from runner.bundle.recipes import architecture_for
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e
INSTANCES = ("tflite_cpu_float32_squeezenet", "tflite_cpu_int8_squeezenet")


@pytest.fixture(scope="session")
def bundle():
    """The one for this machine's processor, from the user's cache."""
    architecture = architecture_for(platform.machine())
    if architecture is None:
        pytest.skip(f"no bundle is made for {platform.machine()}")
    try:
        packages.archive()
    except SetupError as reason:
        pytest.skip(str(reason))
    return build.build("tflite", architecture, print)


@pytest.fixture
def space(bundle, workspace):  # noqa: F811
    """A workspace whose cache has the bundles and no environment."""
    build.folder().parent.mkdir()
    build.folder().symlink_to(bundle.path.parent)
    return workspace


def run(space, *words):
    asked = [
        "--frameworks",
        "tflite",
        "--delegates",
        "cpu",
        "--models",
        "squeezenet",
        "--quantizations",
        "float32,int8",
    ]
    command = [sys.executable, "-m", "aiot", "run", *words, *asked, "--repeat", "2", "--workspace", str(space.root)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def scores(folder):
    """Top-5 of every query, by instance."""
    found = {}
    for name in INSTANCES:
        attempt = rawlog.read_attempt(rawlog.attempt_path(folder, name, 1))
        assert attempt.status == "end"
        found[name] = [(event["image"], event["top5"]) for event in attempt.of("image")]
    return found


def test_a_phone_without_python_gives_the_answers_of_this_machine(space, phones):
    (phone,) = phones(1, paper_ids=(17,))
    run(space, "-s", phone.serial)
    run(space, "--local")
    folders = {
        json.loads((folder / "device.json").read_text())["maker"]: folder for folder in rawlog.run_folders(space.raw)
    }
    there = folders.pop("Xiaomi")
    [here] = folders.values()
    assert scores(there) == scores(here)
    device = json.loads((there / "device.json").read_text())
    assert (device["model"], device["os"], device["os_version"]) == ("Mi 10", "Android", "10")
    assert there.parent.name.startswith("xiaomi-mi-10-")
    assert [path for path in phone.storage.rglob("python3") if path.is_file()], "its Python is the one that was pushed"


def test_a_board_over_ssh_without_a_framework_gives_the_answers_of_this_machine(space, boards):
    (board,) = boards(path="/adbd/applets", shell="/adbd/applets/sh")  # where there is no Python at all
    run(space, "--ssh", board.serial)
    run(space, "--local")
    there, here = sorted(rawlog.run_folders(space.raw), key=lambda folder: folder.parent.name == "local")
    assert scores(there) == scores(here)
    assert len(list(board.aiot_folder.rglob("ld.so"))) == 1


def test_a_second_run_pushes_no_bundle(space, phones):
    (phone,) = phones(1)
    run(space, "-s", phone.serial)
    unpacked = {path: path.stat().st_mtime_ns for path in phone.storage.rglob("ld.so")}
    assert len(unpacked) == 1
    run(space, "-s", phone.serial)
    assert {path: path.stat().st_mtime_ns for path in phone.storage.rglob("ld.so")} == unpacked
