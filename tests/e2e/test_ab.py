"""`aiot ab` on a device behind a real adbd: two thread counts, two model files, and a device that goes away."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from runner import rawlog
from tests.e2e.test_run import finished
from tests.runner.conftest import TINY, tiny_folder, workspace  # noqa: F401

pytestmark = pytest.mark.e2e


@pytest.fixture
def space(workspace):  # noqa: F811
    return workspace


def command(space, phone, *words):
    options = ["--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32", "--delegates", "cpu"]
    options += ["--blocks", "4", "--images", "5", "--yes", "--workspace", str(space.root)]
    return [sys.executable, "-m", "aiot", "ab", "-s", phone.serial, *words, *options]


def ab(space, phone, *words):
    return subprocess.run(command(space, phone, *words), check=False, capture_output=True, text=True, timeout=150)


def records(space):
    folders = rawlog.run_folders(space.raw)
    return [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in folders]


def test_two_thread_counts_take_turns_on_a_device(space, phones):
    (phone,) = phones(1, board=True)
    done = ab(space, phone, "--a", "threads=1", "--b", "threads=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "intervals of times are over 4 blocks of one session" in done.stdout
    assert "differs in  threads: 1 → 2\n" in done.stdout
    runs = records(space)
    assert [run["ab"]["block"] for run in runs] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert all(run["threads"] == {"a": 1, "b": 2}[run["ab"]["side"]] for run in runs)
    sentence = ab(space, phone, "--a", "threads=1", "--b", "python=/no/python").stderr
    assert "\naiot: /no/python cannot run tflite (" in f"\n{sentence}"


def test_two_pythons_on_a_device_take_turns_and_their_versions_are_named(space, phones):
    """Two names of one interpreter, since a device here has this machine's packages."""
    (phone,) = phones(1, board=True)
    other = Path(sys.executable).with_name("python3")
    done = ab(space, phone, "--a", f"python={sys.executable}", "--b", f"python={other}")
    assert done.returncode == 0, done.stdout + done.stderr
    version = metadata.version("ai-edge-litert")
    for side, python in (("A", sys.executable), ("B", other)):
        assert f"{side}         python={python} (ai-edge-litert {version})\n" in done.stdout
    assert [run["ab"]["a"] for run in records(space)] == [f"python={sys.executable}"] * 8


@pytest.mark.e2e_all
def test_two_model_files_on_a_device_that_goes_away_in_the_middle(space, adb_server, phones):
    """Block 2 is lost with its device: it is measured again, and the first one is kept."""
    (phone,) = phones(1, board=True)
    files = [space.models / "sample" / f"{one.artifact}.tflite" for one in TINY[:2]]
    copies = [space.root / f"{name}.tflite" for name in "ab"]  # without the descriptions that are beside the files
    for file, copy in zip(files, copies, strict=True):
        copy.write_bytes(file.read_bytes())
    words = ["--a", f"model={copies[0]}", "--b", f"model={copies[1]}", "--resume", "--patience", "2"]
    process = subprocess.Popen(
        command(space, phone, *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        for line in process.stdout:
            if line.startswith("block     1 "):
                break
        phone.drop()
        code, printed = finished(process)
    finally:
        process.kill()
        process.communicate()
    assert code == 1
    assert "is unfinished: repeat the command with `--resume` to continue" in printed
    assert "aiot: Block 2, " in printed
    assert f"The device {phone.serial} does not answer" in printed
    phone.start()
    adb_server.client().connect(phone.serial)
    again = ab(space, phone, *words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "differs in  model files: 1 differ\n" in again.stdout
    runs = records(space)
    assert len({run["ab"]["session"] for run in runs}) == 1
    ended = [(run["ab"]["block"], run["ab"]["side"]) for run in runs if run["ended"]]
    assert {side for block, side in ended if block == 1} == {"a", "b"}
    assert len({block for block, _ in ended if {(block, "a"), (block, "b")} <= set(ended)}) == 4
