"""Tests of operator studies, from the command to the tables, and of keeping them apart from runs of the suite."""

import os
import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from aiot_analysis import ingest
from aiot_analysis.stats import operators
from aiot_analysis.tables import data, select
from aiot_suite import environments
from aiot_suite.facts import Artifact, Settings
from aiot_suite.suite import Instance
from aiot_suite.workspace import PROJECT, Workspace, sha256_of
from runner import execution, ledger, rawlog, run_request
from runner.devices import DeviceTask
from runner.devices.local import LocalDevice
from runner.operators import operator_study
from tests.command import aiot
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = Instance("pytorch", "cpu", "float32", "squeezenet")


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path)


@pytest.fixture
def device(space):
    return LocalDevice(space.staging, space.salt())


def request_for(space, *models, **options):
    return operator_study.OperatorRequest(models or ["squeezenet"], space.plugins, **options)


def execute(space, device, request):
    events = []
    folder = run_request.create_run(space, device, request)
    entries = execution.execute(folder, device, request, lambda *event: events.append(event))
    return folder, entries, events


def test_a_profile_is_a_run_of_its_own_kind(space, device):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    folder, [entry], events = execute(space, device, request_for(space, repeat=3, warmups=1))
    assert (entry.instance_id, entry.status) == (ONE.id, "end")
    assert [event for event, *_ in events if event not in ("progress", "telemetry")] == ["start", "end"]
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    assert (record["study"], record["ended"] >= record["started"]) == ("profile", True)
    # records of the device, as in every run
    assert record["boots"][0]["boot_id"] == device.boot().boot_id
    assert record["held"][0]["refused"] == {}
    samples, broken = rawlog.read_telemetry(folder / "telemetry.jsonl")
    assert broken == 0 and {sample["instance"] for sample in samples} == {ONE.id}
    result = ingest.process(space.raw, space.root / "tables")
    assert result.left_out == []
    tables = data.load(space.root / "tables")
    assert tables.instances.empty and tables.studies["verdict"].tolist() == ["valid"]
    rows = select.of_study(tables.studies, select.PROFILE)
    times = operators.matching_rows(tables.operators(), rows)
    convolutions = times[times["kind"] == "convolution"]
    assert len(convolutions) == 26 * 3  # one row per convolution and repetition
    assert convolutions.groupby("operator").size().unique().tolist() == [3]
    nodes = tables.nodes()
    assert set(convolutions["operator"]) == set(nodes[nodes["kind"] == "convolution"]["node"])
    [coverage] = operators.coverage(times, tables.passes()).to_dict("records")
    assert coverage["repetitions"] == 3
    assert 0.5 < coverage["covered"] <= 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timeout_s": 0.1}, r"it took longer than 0\.1 s"),
        ({"models": "broken"}, r"it ended with exit code 1, saying \"KeyError: 'nothing'\""),
    ],
)
def test_a_process_that_hangs_or_crashes_is_a_failed_attempt(space, device, changes, reason):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    (space.plugins / "models").mkdir(parents=True)
    (space.plugins / "models" / "broken.py").write_text('def build(classes):\n    raise KeyError("nothing")\n')
    models = [changes.pop("models")] if "models" in changes else []
    _, [entry], _ = execute(space, device, request_for(space, *models, repeat=10**6, **changes))
    assert entry.status == "failed"
    assert re.fullmatch(reason, entry.last["reason"])


def test_an_instance_that_cannot_be_profiled_has_a_reason_and_a_remedy(space, device):
    device.__class__ = type("Bare", (LocalDevice,), {"environments": ("main",)})
    _, [entry], _ = execute(space, device, request_for(space, frameworks=["caffe2"]))
    assert entry.status == "unavailable"
    assert entry.last["reason"] == "caffe2 needs the environment legacy"
    assert "aiot frameworks install legacy" in entry.last["remedy"]


CONVERT = """
import sys
import torch
from pathlib import Path
from aiot_suite.convert.to_caffe2 import convert_float32
layers = torch.nn
network = layers.Sequential(
    layers.Conv2d(3, 8, 3), layers.BatchNorm2d(8), layers.ReLU6(), layers.Conv2d(8, 8, 3, groups=8), layers.ReLU(),
    layers.MaxPool2d(2), layers.AdaptiveAvgPool2d(1), layers.Flatten(), layers.Linear(8, 10),
)
convert_float32(network.eval(), 32, Path(sys.argv[1]))
"""
CAFFE2 = Instance("caffe2", "cpu", "float32", "squeezenet")


@pytest.fixture
def caffe2_model(tmp_path):
    """Convert a small network to a Caffe2 file, and return it as an artifact of the suite's SqueezeNet."""
    python = environments.interpreter_path("legacy")
    if python is None:
        pytest.skip(f"Caffe2 needs the legacy environment: {environments.INSTALL_LEGACY}")
    path = tmp_path / "model.caffe2.zip"
    variables = {**environments.clean_environment(), "PYTHONPATH": str(PROJECT)}
    subprocess.run([python, "-c", CONVERT, path], env=variables, check=True, capture_output=True, timeout=120)
    return Artifact(
        path=path,
        name=CAFFE2.artifact,
        sha256=sha256_of(path),
        size_bytes=path.stat().st_size,
        weights="sample",
        weights_sha256="0" * 64,
        settings=Settings(size=32, label_space="sample-100", classes=10),
        made_with={},
        source_key="test",
        environment="legacy",
    )


@pytest.mark.slow
def test_caffe2_times_the_operators_of_its_own_net(space, device, caffe2_model):
    request = request_for(space, frameworks=["caffe2"], repeat=3, warmups=1, artifacts={CAFFE2.artifact: caffe2_model})
    folder, [entry], _ = execute(space, device, request)
    assert (entry.status, entry.last.get("reason")) == ("end", None)
    log = rawlog.read_attempt(rawlog.attempt_path(folder, CAFFE2.id, 1))
    assert (log.left_out, len(log.of("pass"))) == ([], 3)
    kinds = [event["kind"] for event in log.of("operator") if event["repetition"] == 2]
    assert [kind for kind in kinds if kind != "other"] == [
        *("convolution", "relu", "depthwise convolution", "relu", "pooling", "pooling", "linear")
    ]
    assert sum(event["time_ns"] for event in log.of("operator")) > 0


@pytest.mark.slow
def test_a_file_that_is_no_model_of_caffe2_is_a_failed_attempt(space, device, caffe2_model):
    caffe2_model.path.write_text("this is no model")
    request = request_for(space, frameworks=["caffe2"], repeat=3, artifacts={CAFFE2.artifact: caffe2_model})
    _, [entry], _ = execute(space, device, request)
    assert entry.status == "failed"
    assert "model.caffe2.zip is not a Caffe2 model" in entry.last["reason"]


def test_without_torch_the_networks_are_unavailable(space, device, monkeypatch):
    monkeypatch.setattr(device, "missing", lambda modules, names: ["torch"])
    _, [entry], _ = execute(space, device, request_for(space))
    assert (entry.status, entry.last["reason"]) == ("unavailable", "torch is not installed")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--models", "nothing"], "Model 'nothing' is unknown: choose from resnet50, "),
        (["--frameworks", "tflite"], "Framework 'tflite' is unknown: choose from pytorch, caffe2."),
    ],
)
def test_a_name_that_is_unknown_is_one_sentence(tmp_path, words, sentence):
    done = aiot("operators", *words, "--workspace", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"aiot: {sentence}")
    assert not (tmp_path / "data" / "raw").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_process_and_closes_the_attempt(space):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    words = ["operators", "--models", "squeezenet", "--repeat", "100000", "--workspace", str(space.root)]
    process = subprocess.Popen([sys.executable, "-m", "aiot", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any(b'"pass"' in log.read_bytes() for log in space.raw.glob("*/*/pytorch_*.jsonl")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    [log] = space.raw.glob("*/*/pytorch_*.jsonl")
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (130, "aiot: interrupted; completed work is kept.")
    ending = rawlog.read_attempt(log)
    assert (ending.status, ending.last["reason"]) == ("failed", "the run was interrupted")
    size = log.stat().st_size
    time.sleep(0.5)
    assert log.stat().st_size == size, "somebody goes on in the background"


def in_child_process(space, code, *words):
    """Start `aiot operators` in a Python that first executes `code`."""
    program = f"import sys, aiot\n{code}\nsys.argv = ['aiot', 'operators', *sys.argv[1:]]\naiot.main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "--workspace", str(space.root), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_study_that_was_killed_is_resumed_and_what_was_finished_stays(space):
    """One of SqueezeNet and MnasNet is finished, and only the other one is attempted again."""
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    words = ["--models", "squeezenet,mnasnet", "--repeat", "2", "--warmup-runs", "0"]
    process = in_child_process(space, KILLED_AFTER_ONE, *words)
    assert process.wait(120) == -signal.SIGKILL
    process.stdout.close(), process.stderr.close()
    [folder] = rawlog.run_folders(space.raw)
    [first, second] = ledger.read(folder)
    assert (first.status, second.status) == ("end", "missing")
    log = rawlog.attempt_path(folder, first.instance_id, 1)
    before = log.read_bytes()
    done = aiot("operators", *words, "--resume", "--workspace", space.root)
    assert done.returncode == 0, done.stderr
    assert f"2 instances measured in {folder}" in done.stdout
    assert rawlog.run_folders(space.raw) == [folder]
    assert [(entry.status, entry.attempts) for entry in ledger.read(folder)] == [("end", 1), ("end", 1)]
    assert log.read_bytes() == before
    assert len(rawlog.read_attempt(rawlog.attempt_path(folder, second.instance_id, 1)).of("pass")) == 2
    # a run with another number of repetitions is not resumed
    assert (
        run_request.find_run_to_resume(space, LocalDevice(space.staging, "salt"), request_for(space, repeat=3)) is None
    )


KILLED_AFTER_ONE = """
import os, signal
from runner import execution
carry_out = execution.carry_out
def first_only(device, task, *more):
    if "done" in globals():
        os.kill(os.getpid(), signal.SIGKILL)
    globals()["done"] = True
    return carry_out(device, task, *more)
execution.carry_out = first_only
"""


def test_a_network_that_failed_is_in_the_ledger_and_attempted_again(space, monkeypatch):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    words = ["operators", "--models", "squeezenet", "--repeat", "2", "--resume", "--workspace", space.root]
    module = DeviceTask.__init__

    def broken(task, **fields):
        module(task, **{**fields, "module": "runner.operators.nothing"})

    monkeypatch.setattr(DeviceTask, "__init__", broken)
    failed = aiot(*words)
    assert failed.returncode == 1
    assert failed.stderr.endswith(
        "\naiot: Some measurements failed (see above): repeat the command with `--resume` to continue.\n"
    )
    assert f"          {ONE.id} failed: it ended with exit code 1, saying " in failed.stderr
    [folder] = rawlog.run_folders(space.raw)
    [entry] = ledger.read(folder)
    assert (entry.status, entry.attempts) == ("failed", 1)
    monkeypatch.undo()
    assert aiot(*words).returncode == 0
    [entry] = ledger.read(folder)
    assert (entry.status, entry.attempts) == ("end", 2)


def test_a_hot_device_is_waited_for_and_then_left_out(space, device, monkeypatch):
    """The conditions for starting are those of the suite: see runner.doctor.gate."""
    monkeypatch.setattr(execution, "gate", lambda state: ["it is hot"])
    _, [entry], events = execute(space, device, request_for(space, cooldown_s=0.01))
    assert (entry.status, entry.last["reason"]) == ("unavailable", "it is hot")
    assert [event for event, *_ in events] == ["waiting", "unavailable"]


def test_a_study_is_never_resumed_as_a_run(tmp_path):
    suite = begin(tmp_path, [ONE.id], run_id="20260101T000000Z-aaaaaa")
    begin(tmp_path, [ONE.id], run_id="20260102T000000Z-aaaaaa", study="profile")
    assert ledger.runs_of(tmp_path, "local")[0][0] == suite


def test_a_study_is_not_used_in_results_of_the_suite(tmp_path):
    first = begin(tmp_path / "raw", [ONE.id], run_id="20260101T000000Z-aaaaaa")
    later = begin(tmp_path / "raw", [ONE.id], run_id="20260102T000000Z-aaaaaa", study="resize")
    for folder in (first, later):
        attempt(folder, ONE.id, LOAD, image(0), end())
    ingest.process(tmp_path / "raw", tmp_path / "tables")
    tables = data.load(tmp_path / "tables")
    assert tables.instances["run_id"].tolist() == [first.name]
    assert tables.studies[["run_id", "study"]].values.tolist() == [[later.name, "resize"]]
    rows, left_out = select.measured_rows(pd.concat([tables.instances, tables.studies]))
    assert rows["run_id"].tolist() == [first.name] and left_out.empty
