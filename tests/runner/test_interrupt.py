"""Ctrl-C in the middle of making images and models, as a terminal sends it: to every process of the command."""

import os
import signal
import subprocess
import sys
import time

import pytest

from aiot_suite.datasets import store

pytestmark = pytest.mark.slow
SAID = "aiot: interrupted; completed work is kept."


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def interrupted(tmp_path, words, begun):
    """Exit code and standard error of `aiot <words>`, interrupted once `begun()` is true."""
    command = [sys.executable, "-m", "aiot", *words, "--workspace", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not begun():
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline, "it did not begin"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while alive(process.pid):
        assert time.monotonic() < deadline, "somebody goes on in the background"
        time.sleep(0.05)
    return process.returncode, errors


def run(tmp_path, words):
    command = [sys.executable, "-m", "aiot", *words, "--workspace", str(tmp_path)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def test_images_can_be_made_after_an_interrupted_try(tmp_path):
    images = tmp_path / "data" / "datasets" / "sample" / "images"
    words = ["dataset", "make", "--jobs", "2"]
    code, errors = interrupted(tmp_path, words, lambda: images.is_dir() and len(list(images.iterdir())) > 20)
    assert (code, errors.strip()) == (130, SAID)
    assert not (images.parent / "dataset.json").exists(), "half a dataset passes for one"
    assert run(tmp_path, words).returncode == 0
    assert len(store.load(images.parent).images) == len(list(images.iterdir())) == 500


def test_models_can_be_converted_after_an_interrupted_try(tmp_path):
    pytest.importorskip("litert_torch", reason="converting needs the extra `models`")
    folder = tmp_path / "data" / "models" / "sample"
    words = ["models", "prepare", "--models", "squeezenet", "--frameworks", "pytorch"]
    code, errors = interrupted(tmp_path, words, (folder / "conversion.log").is_file)
    assert (code, errors.strip()) == (130, SAID)
    assert [path.name for path in folder.iterdir()] == ["conversion.log"]
    done = run(tmp_path, words)
    assert (done.returncode, done.stdout.split(", ")[1]) == (0, "1 of them built now")
