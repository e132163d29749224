"""Tests of signals while images and models are made.

Ctrl-C and a closing terminal signal every process of a command, `kill` signals only the command itself, and `timeout`
does both.
"""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from aiot_suite.datasets import store
from runner.rawlog.worker_pools import WorkerPool

pytestmark = pytest.mark.slow
BY_SIGNAL = {
    signal.SIGINT: (130, "aiot: interrupted; completed work is kept."),
    signal.SIGTERM: (143, "aiot: interrupted by SIGTERM; completed work is kept."),
    signal.SIGHUP: (129, "aiot: interrupted by SIGHUP; completed work is kept."),
}
KILL = (signal.SIGTERM, os.kill)

TERMINAL = [(signal.SIGINT, os.killpg), (signal.SIGHUP, os.killpg)]


@pytest.fixture(autouse=True)
def no_signal_is_ignored():
    """Restore the default for SIGHUP, which commands would inherit as ignored if the tests were started by `nohup`."""
    earlier = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, earlier)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def interrupted(tmp_path, words, begun, number=signal.SIGINT, send=os.killpg):
    """Run `aiot <words>`, send a signal once `begun()` is true, and return the exit code and standard error."""
    command = [sys.executable, "-m", "aiot", *words, "--workspace", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not begun():
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline, "it did not begin"
        time.sleep(0.02)
    send(process.pid, number)
    _, errors = process.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while alive(process.pid):
        assert time.monotonic() < deadline, "somebody goes on in the background"
        time.sleep(0.05)
    return process.returncode, errors.strip()


def run(tmp_path, words):
    command = [sys.executable, "-m", "aiot", *words, "--workspace", str(tmp_path)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(("number", "send"), [*TERMINAL, KILL, (signal.SIGTERM, os.killpg)])
def test_images_can_be_made_after_an_interrupted_try(tmp_path, number, send):
    images = tmp_path / "data" / "datasets" / "sample" / "images"
    words = ["dataset", "make", "--jobs", "2"]
    outcome = interrupted(tmp_path, words, lambda: images.is_dir() and len(list(images.iterdir())) > 20, number, send)
    assert outcome == BY_SIGNAL[number]
    assert not (images.parent / "dataset.json").exists(), "half a dataset passes for one"
    assert run(tmp_path, words).returncode == 0
    assert len(store.load(images.parent).images) == len(list(images.iterdir())) == 500


@pytest.mark.parametrize(("number", "send"), [*TERMINAL, KILL])
def test_models_can_be_converted_after_an_interrupted_try(tmp_path, number, send):
    pytest.importorskip("litert_torch", reason="converting needs the extra `models`")
    folder = tmp_path / "data" / "models" / "sample"
    words = ["models", "prepare", "--models", "squeezenet", "--frameworks", "pytorch"]
    assert interrupted(tmp_path, words, (folder / "conversion.log").is_file, number, send) == BY_SIGNAL[number]
    assert [path.name for path in folder.iterdir()] == ["conversion.log"]
    done = run(tmp_path, words)
    assert (done.returncode, done.stdout.split(", ")[1]) == (0, "1 of them built now")


def test_the_processes_of_a_pool_end_when_their_command_is_killed(tmp_path):
    """A command cannot react to SIGKILL, so the processes of its pool have to notice that it has ended."""
    images = tmp_path / "data" / "datasets" / "sample" / "images"
    begun = lambda: images.is_dir() and len(list(images.iterdir())) > 20  # noqa: E731
    code, _ = interrupted(tmp_path, ["dataset", "make", "--jobs", "2"], begun, signal.SIGKILL, os.kill)
    assert code == -signal.SIGKILL


@pytest.mark.parametrize("jobs", [1, 2])
def test_timeout_and_nohup_have_their_usual_meaning(tmp_path, jobs):
    """`timeout` signals the command twice, which counts as once; under `nohup` a closing terminal is ignored."""
    words = [sys.executable, "-m", "aiot", "simulate", "--images", "5000", "--raw", tmp_path / "raw", "--jobs", jobs]
    done = subprocess.run(["timeout", "5", *map(str, words)], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.strip()) == (124, BY_SIGNAL[signal.SIGTERM][1])
    command = [sys.executable, "-m", "aiot", "simulate", "--images", "50", "--devices", "3", "--raw", tmp_path / "all"]
    process = subprocess.Popen(["nohup", *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "all").is_dir():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGHUP)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and out.startswith("simulate  3 devices")


def test_a_signal_while_a_process_starts_interrupts_once_it_has_started(monkeypatch):
    began = []

    def submit(pool, *_):
        os.kill(os.getpid(), signal.SIGINT)
        began.append(pool)

    monkeypatch.setattr(ProcessPoolExecutor, "submit", submit)
    pool = WorkerPool(1)
    with pytest.raises(KeyboardInterrupt):
        pool.submit(print)
    assert began == [pool]
    pool.shutdown()


DYING = """
import os, signal
from runner.rawlog.worker_pools import WorkerDiedError, worker_pool

def die(_):
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    try:
        with worker_pool(2) as pool:
            list(pool.map(die, [1]))
    except WorkerDiedError as error:
        print(error)
"""


def test_a_process_of_a_pool_that_dies_is_one_sentence(tmp_path):
    (tmp_path / "dying.py").write_text(DYING)
    done = subprocess.run([sys.executable, tmp_path / "dying.py"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("A process of this command died, perhaps because memory ran out: run fewer")
    assert done.stderr == ""
