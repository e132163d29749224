"""`aiot ab` on a device behind a real adbd: two thread counts, two model files, and a device that disconnects."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from runner import rawlog
from tests.e2e.runs import aiot, background, wait_for_exit
from tests.runner.conftest import TINY

pytestmark = pytest.mark.e2e


def ab_words(workspace, phone, *words):
    options = ["--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32", "--delegates", "cpu"]
    options += ["--blocks", "4", "--images", "5", "--yes", "--workspace", str(workspace.root)]
    return ["ab", "-s", phone.serial, *words, *options]


def ab(workspace, phone, *words):
    return aiot(*ab_words(workspace, phone, *words))


def run_records(workspace):
    """Return the content of run.json of each run."""
    folders = rawlog.run_folders(workspace.raw)
    return [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in folders]


def test_two_thread_counts_take_turns_on_a_device(workspace, phones):
    (phone,) = phones(1, board=True)
    done = ab(workspace, phone, "--a", "threads=1", "--b", "threads=2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "intervals of times are over 4 blocks of one session" in done.stdout
    assert "differs in  threads: 1 → 2\n" in done.stdout
    runs = run_records(workspace)
    assert [run["ab"]["block"] for run in runs] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert all(run["threads"] == {"a": 1, "b": 2}[run["ab"]["side"]] for run in runs)
    refused = ab(workspace, phone, "--a", "threads=1", "--b", "python=/no/python")
    assert "\naiot: /no/python cannot run tflite (" in f"\n{refused.stderr}"


def test_two_pythons_on_a_device_take_turns_and_their_versions_are_named(workspace, phones):
    """The two sides are two names of the same interpreter, since the device has the packages of this machine."""
    (phone,) = phones(1, board=True)
    other = Path(sys.executable).with_name("python3")
    done = ab(workspace, phone, "--a", f"python={sys.executable}", "--b", f"python={other}")
    assert done.returncode == 0, done.stdout + done.stderr
    version = metadata.version("ai-edge-litert")
    for side, python in (("A", sys.executable), ("B", other)):
        assert f"{side}         python={python} (ai-edge-litert {version})\n" in done.stdout
    assert [run["ab"]["a"] for run in run_records(workspace)] == [f"python={sys.executable}"] * 8


@pytest.mark.e2e_all
def test_two_model_files_on_a_device_that_goes_away_in_the_middle(workspace, adb_server, phones):
    """A block during which the device disconnects is measured again, and earlier blocks are kept."""
    (phone,) = phones(1, board=True)
    files = [workspace.models / "sample" / f"{instance.artifact}.tflite" for instance in TINY[:2]]
    copies = [workspace.root / f"{name}.tflite" for name in "ab"]  # without the files that describe the models
    for file, copy in zip(files, copies, strict=True):
        copy.write_bytes(file.read_bytes())
    words = ["--a", f"model={copies[0]}", "--b", f"model={copies[1]}", "--resume", "--patience", "2"]
    with background(*ab_words(workspace, phone, *words), PYTHONUNBUFFERED="1") as process:
        for line in process.stdout:
            if line.startswith("block     1 "):
                break
        phone.drop()
        code, output = wait_for_exit(process)
    assert code == 1
    assert "is unfinished: repeat the command with `--resume` to continue" in output
    assert "aiot: Block 2, " in output
    assert f"The device {phone.serial} does not answer" in output
    phone.start()
    adb_server.client().connect(phone.serial)
    again = ab(workspace, phone, *words)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "differs in  model files: 1 differ\n" in again.stdout
    runs = run_records(workspace)
    assert len({run["ab"]["session"] for run in runs}) == 1
    ended = [(run["ab"]["block"], run["ab"]["side"]) for run in runs if run["ended"]]
    assert {side for block, side in ended if block == 1} == {"a", "b"}
    assert len({block for block, _ in ended if {(block, "a"), (block, "b")} <= set(ended)}) == 4
