"""TFLite's own tools on phones over a real adbd: pushed, started, read. The tools are stand-ins, and measure nothing.

A phone has no Python, so each stand-in is a shell script that says what `tests/runner/tools/standin.py` says here.
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
from tests.e2e.test_run import IMAGES, finished, until
from tests.runner.conftest import tiny_folder, workspace  # noqa: F401
from tests.runner.tools import standin

pytestmark = pytest.mark.e2e
SLEEP = "61.25"  # seconds, which nothing else sleeps for
CPU, NNAPI = "tflite_cpu_float32_squeezenet", "tflite_nnapi_float32_squeezenet"


@pytest.fixture
def tools(tmp_path):
    """Makes a folder with both tools: `variants` of the stand-in, and for how many seconds a tool sleeps first."""

    def make(variants="", timed_s="0"):
        folder = tmp_path / "given"
        folder.mkdir(exist_ok=True)
        (folder / "images").mkdir(exist_ok=True)
        for number in range(IMAGES):
            (folder / "images" / str(number)).touch()
        (folder / "truth").write_text("7\n" * IMAGES)
        (folder / "labels").write_text("7\n" * 100)
        for tool, flags in FLAGS.items():
            cases = [_case(tool, flags, folder, variants, way) for way in ("--use_nnapi=true --delegate=nnapi", "")]
            waits = f'case "$*" in *peak*) ;; *--num_runs*) sleep {timed_s} ;; esac'
            says = f'case "$*" in *nnapi*)\n{cases[0]}\n;; *)\n{cases[1]}\n;; esac'
            (folder / tool).write_text(f"#!/system/bin/sh\n# {standin.FIRST_LINE}\n{waits}\n{says}\n")
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


def _case(tool, flags, folder, variants, way):
    """A piece of shell that says what the stand-in says here, and ends as it does."""
    words = [sys.executable, standin.__file__, tool, *flags.format(folder).split(), *way.split()]
    done = subprocess.run(words, check=False, capture_output=True, text=True, env={**os.environ, "STANDIN": variants})
    return f"printf %s {shlex.quote(done.stdout)}\nprintf %s {shlex.quote(done.stderr)} >&2\nexit {done.returncode}"


def command(space, folder, *words):
    options = ["--native-tools", str(folder), "--models", "squeezenet", "--frameworks", "tflite"]
    options += ["--quantizations", "float32", "--workspace", str(space.root)]
    return [sys.executable, "-m", "aiot", "run", *words, *options]


def run(space, folder, *words):
    done = subprocess.run(command(space, folder, *words), check=False, capture_output=True, text=True, timeout=150)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_two_phones_are_measured_by_tools_and_which_accelerator_ran_is_told(workspace, phones, tools, tmp_path):  # noqa: F811
    one, two = phones(2)
    one.answers.set_nnapi(True)
    two.answers.set_nnapi(False)
    run(workspace, tools("partial"), "--all")
    ingest.process(workspace.raw, tmp_path / "tables")
    rows = data.load(tmp_path / "tables").instances
    found = {key: part.to_dict("records") for key, part in rows.groupby(["instance_id", "status"])}
    assert {key: len(part) for key, part in found.items()} == {
        (CPU, "end"): 2,
        (NNAPI, "end"): 1,
        (NNAPI, "unavailable"): 1,
    }
    [nnapi], [without] = found[NNAPI, "end"], found[NNAPI, "unavailable"]
    assert (nnapi["source"], nnapi["accelerator_actual"], nnapi["nodes_delegated"]) == ("tool", "nnapi", 20)
    assert (nnapi["partitions"], nnapi["images"]) == (7, IMAGES)
    assert without["reasons"].startswith("this Android has no NNAPI")
    assert {row["accelerator_actual"] for row in found[CPU, "end"]} == {"cpu"}
    pushed = {path: path.stat().st_mtime_ns for path in one.storage.rglob("benchmark_model")}
    assert len(pushed) == 1
    run(workspace, tools("partial"), "--all")
    assert {path: path.stat().st_mtime_ns for path in pushed} == pushed, "a second run pushes nothing"
    assert not list(one.storage.rglob("*.pid")), "nothing of the tools' runs is left there"


def test_nnapi_asked_for_and_the_cpu_ran_is_a_recorded_fact(workspace, phones, tools, tmp_path):  # noqa: F811
    (phone,) = phones(1)
    phone.answers.set_nnapi(True)
    run(workspace, tools("none"), "-s", phone.serial, "--delegates", "nnapi")
    ingest.process(workspace.raw, tmp_path / "tables")
    [row] = data.load(tmp_path / "tables").instances.to_dict("records")
    assert (row["accelerator_requested"], row["accelerator_actual"], row["verdict"]) == ("nnapi", "cpu", "invalid")


def test_the_gpu_is_asked_for_by_name_and_is_none_of_the_papers_suite(workspace, phones, tools):  # noqa: F811
    (phone,) = phones(1)
    chosen = ["-s", phone.serial, "--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32"]
    plan = run(workspace, tools(), *chosen, "--dry-run", "--delegates", "gpu,cpu").split()
    ready = dict(zip(plan[::2], plan[1::2], strict=True))  # in the order of the run, which depends on the device
    assert ready == {"tflite_cpu_float32_squeezenet": "ready", "tflite_gpu_float32_squeezenet": "ready"}
    assert "gpu" not in run(workspace, tools(), *chosen, "--dry-run")


def tool_at_work(phone):
    """Whether a tool is in the middle of its timed runs there."""
    for one in phone.processes():
        with suppress(psutil.NoSuchProcess):
            if one.cmdline()[1:2] == [SLEEP]:
                return True
    return False


@pytest.mark.parametrize("fault", ["drop", "kill", "stop"])
def test_a_fault_while_a_tool_runs_costs_one_attempt(workspace, phones, tools, fault):  # noqa: F811
    (phone,) = phones(1)
    chosen = ["-s", phone.serial, "--delegates", "cpu"]
    words = command(workspace, tools(timed_s=SLEEP), *chosen)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        until(lambda: tool_at_work(phone), "a tool at work", process=process)
        if fault == "drop":
            phone.drop()
            time.sleep(1)
            phone.start()
            until(lambda: tool_at_work(phone), "another attempt", process=process)
        process.send_signal(signal.SIGINT if fault == "stop" else signal.SIGKILL)
        finished(process)
        assert tool_at_work(phone) == (fault != "stop")
        run(workspace, tools(), *chosen, "--resume")
    finally:
        process.kill()
        process.communicate()
    assert not tool_at_work(phone), "one that was left over was ended"
    [folder] = rawlog.run_folders(workspace.raw)
    assert runs_of(workspace.raw, folder.parent.name)[0][0] == folder
    *others, last = rawlog.attempt_paths(folder)[CPU]
    assert rawlog.read_attempt(last).status == "end"
    said = [rawlog.read_attempt(path).last["reason"] if path.read_bytes() else None for path in others]
    expected = {"stop": ["it was interrupted (KeyboardInterrupt)"], "kill": [None], "drop": [LOST, None]}
    assert said == expected[fault], "a killed process says nothing"
