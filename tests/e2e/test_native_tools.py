"""Runs by TFLite's own tools on phones over a real adbd. The tools are stand-ins, which measure nothing.

A phone has no Python, so that each stand-in is a shell script with the output of `tests/runner/tools/standin.py`.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import data
from runner import rawlog
from runner.execution import LOST
from runner.ledger import runs_of
from tests.e2e.runs import IMAGES, aiot, background, wait_for_exit, wait_until
from tests.runner.tools import standin

pytestmark = pytest.mark.e2e
SLEEP = "61.25"  # seconds; no other process sleeps for this time
CPU, NNAPI = "tflite_cpu_float32_squeezenet", "tflite_nnapi_float32_squeezenet"


@pytest.fixture
def tools(tmp_path):
    """Return a function that makes a folder with both tools.

    `variants` are those of the stand-in, and `timed_s` is the time in s that a tool sleeps before its timed runs.
    """

    def make(variants="", timed_s="0"):
        folder = tmp_path / "tools"
        folder.mkdir(exist_ok=True)
        (folder / "images").mkdir(exist_ok=True)
        for number in range(IMAGES):
            (folder / "images" / str(number)).touch()
        (folder / "truth").write_text("7\n" * IMAGES)
        (folder / "labels").write_text("7\n" * 100)
        for tool, flags in FLAGS.items():
            cases = [
                _case(tool, flags, folder, variants, delegate) for delegate in ("--use_nnapi=true --delegate=nnapi", "")
            ]
            pause = f'case "$*" in *peak*) ;; *--num_runs*) sleep {timed_s} ;; esac'
            output = f'case "$*" in *nnapi*)\n{cases[0]}\n;; *)\n{cases[1]}\n;; esac'
            (folder / tool).write_text(f"#!/system/bin/sh\n# {standin.FIRST_LINE}\n{pause}\n{output}\n")
        return folder

    return make


FLAGS = {
    "benchmark_model": (
        f"--num_runs={IMAGES} --num_threads=1 --graph={{0}}/truth --warmup_runs=0 --warmup_min_secs=0 --min_secs=0 "
        "--max_secs=150 --use_xnnpack=true --report_peak_memory_footprint=true"
    ),
    "run_eval": (
        "--model_file={0}/truth --ground_truth_images_path={0}/images --ground_truth_labels={0}/truth "
        "--model_output_labels={0}/labels"
    ),
}


def _case(tool, flags, folder, variants, delegate):
    """Return shell code with the output and the exit code that the stand-in has on this machine."""
    words = [sys.executable, standin.__file__, tool, *flags.format(folder).split(), *delegate.split()]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env={**os.environ, "STANDIN": variants})
    return f"printf %s {shlex.quote(done.stdout)}\nprintf %s {shlex.quote(done.stderr)} >&2\nexit {done.returncode}"


def run_words(workspace, folder, *words):
    options = ["--native-tools", str(folder), "--models", "squeezenet", "--frameworks", "tflite"]
    options += ["--quantizations", "float32", "--workspace", str(workspace.root)]
    return ["run", *words, *options]


def run(workspace, folder, *words):
    """Run the suite with the tools, check that it succeeds, and return its standard output."""
    done = aiot(*run_words(workspace, folder, *words))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_phones_are_measured_by_tools_and_which_accelerator_ran_is_told(workspace, phones, tools, tmp_path):
    with_nnapi, without_nnapi = phones(2)
    with_nnapi.answers.set_nnapi(True)
    without_nnapi.answers.set_nnapi(False)
    run(workspace, tools("partial"), "--all")
    ingest.process(workspace.raw, tmp_path / "tables")
    rows = data.load(tmp_path / "tables").instances
    by_status = {key: group.to_dict("records") for key, group in rows.groupby(["instance_id", "status"])}
    assert {key: len(group) for key, group in by_status.items()} == {
        (CPU, "end"): 2,
        (NNAPI, "end"): 1,
        (NNAPI, "unavailable"): 1,
    }
    [nnapi], [unavailable] = by_status[NNAPI, "end"], by_status[NNAPI, "unavailable"]
    assert (nnapi["source"], nnapi["accelerator_actual"], nnapi["nodes_delegated"]) == ("tool", "nnapi", 20)
    assert (nnapi["partitions"], nnapi["images"]) == (7, IMAGES)
    assert unavailable["reasons"].startswith("this Android has no NNAPI")
    assert {row["accelerator_actual"] for row in by_status[CPU, "end"]} == {"cpu"}
    pushed = {path: path.stat().st_mtime_ns for path in with_nnapi.storage.rglob("benchmark_model")}
    assert len(pushed) == 1
    run(workspace, tools("partial"), "--all")
    assert {path: path.stat().st_mtime_ns for path in pushed} == pushed, "a second run pushes nothing"
    assert not list(with_nnapi.storage.rglob("*.pid")), "the runs of the tools leave no files"


def test_nnapi_asked_for_and_the_cpu_ran_is_a_recorded_fact(workspace, phones, tools, tmp_path):
    (phone,) = phones(1)
    phone.answers.set_nnapi(True)
    run(workspace, tools("none"), "-s", phone.serial, "--delegates", "nnapi")
    ingest.process(workspace.raw, tmp_path / "tables")
    [row] = data.load(tmp_path / "tables").instances.to_dict("records")
    assert (row["accelerator_requested"], row["accelerator_actual"], row["verdict"]) == ("nnapi", "cpu", "invalid")


def test_the_gpu_is_asked_for_by_name_and_is_none_of_the_papers_suite(workspace, phones, tools):
    (phone,) = phones(1)
    options = ["-s", phone.serial, "--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32"]
    plan = run(workspace, tools(), *options, "--dry-run", "--delegates", "gpu,cpu").split()
    states = dict(zip(plan[::2], plan[1::2], strict=True))  # the order of the run depends on the device
    assert states == {"tflite_cpu_float32_squeezenet": "ready", "tflite_gpu_float32_squeezenet": "ready"}
    assert "gpu" not in run(workspace, tools(), *options, "--dry-run")


def tool_is_running(phone):
    """Return whether a tool on the phone is in the middle of its timed runs."""
    for process in phone.processes():
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[1:2] == [SLEEP]:
                return True
    return False


@pytest.mark.parametrize("fault", ["drop", "kill", "stop"])
def test_a_fault_while_a_tool_runs_costs_one_attempt(workspace, phones, tools, fault):
    (phone,) = phones(1)
    options = ["-s", phone.serial, "--delegates", "cpu"]
    with background(*run_words(workspace, tools(timed_s=SLEEP), *options)) as process:
        wait_until(lambda: tool_is_running(phone), "a timed run of a tool", process=process)
        if fault == "drop":
            phone.drop()
            time.sleep(1)
            phone.start()
            wait_until(lambda: tool_is_running(phone), "another attempt", process=process)
        process.send_signal(signal.SIGINT if fault == "stop" else signal.SIGKILL)
        wait_for_exit(process)
        assert tool_is_running(phone) == (fault != "stop")
        run(workspace, tools(), *options, "--resume")
    assert not tool_is_running(phone), "a tool that was still running was ended"
    [folder] = rawlog.run_folders(workspace.raw)
    assert runs_of(workspace.raw, folder.parent.name)[0][0] == folder
    *others, last = rawlog.attempt_paths(folder)[CPU]
    assert rawlog.read_attempt(last).status == "end"
    reasons = [rawlog.read_attempt(path).last["reason"] if path.read_bytes() else None for path in others]
    expected = {"stop": ["it was interrupted (KeyboardInterrupt)"], "kill": [None], "drop": [LOST, None]}
    assert reasons == expected[fault], "a killed process logs no reason"
