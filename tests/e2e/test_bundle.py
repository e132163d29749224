"""The bundle on devices without Python, pushed, unpacked and run over real connections."""

import json

import pytest

from runner import rawlog
from tests.e2e.runs import aiot

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("bundle_in_cache")]
INSTANCES = ("tflite_cpu_float32_squeezenet", "tflite_cpu_int8_squeezenet")


def run(workspace, *words):
    options = ["--frameworks", "tflite", "--delegates", "cpu", "--models", "squeezenet"]
    options += ["--quantizations", "float32,int8", "--repeat", "2", "--workspace", str(workspace.root)]
    done = aiot("run", *words, *options)
    assert done.returncode == 0, done.stdout + done.stderr


def scores(folder):
    """Return the five best classes of every query, by instance."""
    top5 = {}
    for name in INSTANCES:
        attempt = rawlog.read_attempt(rawlog.attempt_path(folder, name, 1))
        assert attempt.status == "end"
        top5[name] = [(event["image"], event["top5"]) for event in attempt.of("image")]
    return top5


def test_a_phone_without_python_gives_the_answers_of_this_machine(workspace, phones):
    (phone,) = phones(1, paper_ids=(17,))
    run(workspace, "-s", phone.serial)
    run(workspace, "--local")
    folders = {
        json.loads((folder / "device.json").read_text())["maker"]: folder
        for folder in rawlog.run_folders(workspace.raw)
    }
    on_phone = folders.pop("Xiaomi")
    [on_host] = folders.values()
    assert scores(on_phone) == scores(on_host)
    device = json.loads((on_phone / "device.json").read_text())
    assert (device["model"], device["os"], device["os_version"]) == ("Mi 10", "Android", "10")
    assert on_phone.parent.name.startswith("xiaomi-mi-10-")
    assert [path for path in phone.storage.rglob("python3") if path.is_file()], "Python is part of the pushed bundle"


def test_a_board_over_ssh_without_a_framework_gives_the_answers_of_this_machine(workspace, boards):
    (board,) = boards(path="/adbd/applets", shell="/adbd/applets/sh")  # a board without any Python
    run(workspace, "--ssh", board.serial)
    run(workspace, "--local")
    on_board, on_host = sorted(rawlog.run_folders(workspace.raw), key=lambda folder: folder.parent.name == "local")
    assert scores(on_board) == scores(on_host)
    assert len(list(board.aiot_folder.rglob("ld.so"))) == 1


def test_a_second_run_pushes_no_bundle(workspace, phones):
    (phone,) = phones(1)
    run(workspace, "-s", phone.serial)
    unpacked = {path: path.stat().st_mtime_ns for path in phone.storage.rglob("ld.so")}
    assert len(unpacked) == 1
    run(workspace, "-s", phone.serial)
    assert {path: path.stat().st_mtime_ns for path in phone.storage.rglob("ld.so")} == unpacked
