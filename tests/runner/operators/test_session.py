"""A run of profiles, from the verb to the tables: beside runs of the suite, and never mixed with them."""

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
from aiot_suite.workspace import Workspace, sha256_of
from runner import ledger, rawlog
from runner.devices.local import LocalDevice
from runner.operators import session
from tests.command import aiot
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = Instance("pytorch", "cpu", "float32", "squeezenet")


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path)


@pytest.fixture
def device(space):
    return LocalDevice(space.staging, space.salt())


def execute(space, device, request):
    said = []
    folder = session.begin(space, device, request)
    entries = session.execute(folder, space, device, request, lambda *words: said.append(words))
    return folder, entries, said


def test_a_profile_is_a_run_of_its_own_kind(space, device):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    request = session.StudyRequest(models=["squeezenet"], repeat=3, warmups=1)
    folder, [entry], said = execute(space, device, request)
    assert (entry.instance_id, entry.status) == (ONE.id, "end")
    assert said[-1] == (ONE.id, 3, 3)
    assert rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["study"] == "profile"
    result = ingest.process(space.raw, space.root / "tables")
    assert result.left_out == []
    found = data.load(space.root / "tables")
    assert found.instances.empty and found.studies["verdict"].tolist() == ["valid"]
    rows = select.of_study(found.studies, select.PROFILE)
    times = operators.of_rows(found.operators(), rows)
    convolutions = times[times["kind"] == "convolution"]
    assert len(convolutions) == 26 * 3  # one a convolution and repetition
    assert convolutions.groupby("operator").size().unique().tolist() == [3]
    nodes = found.nodes()
    assert set(convolutions["operator"]) == set(nodes[nodes["kind"] == "convolution"]["node"])
    [covered] = operators.coverage(times, found.passes()).to_dict("records")
    assert covered["repetitions"] == 3
    assert 0.5 < covered["covered"] <= 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"timeout_s": 0.1}, r"it took longer than 0\.1 s"),
        ({"models": ["nothing"]}, r"it ended with exit code 1, saying \"KeyError: 'nothing'\""),
    ],
)
def test_a_process_that_hangs_or_crashes_is_a_failed_attempt(space, device, changes, reason):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    request = session.StudyRequest(**{"models": ["squeezenet"], "repeat": 10**6, **changes})
    _, [entry], _ = execute(space, device, request)
    assert entry.status == "failed"
    assert re.fullmatch(reason, entry.last["reason"])


def test_what_cannot_be_profiled_says_what_would_help(space, device):
    device.__class__ = type("Bare", (LocalDevice,), {"environments": ("main",)})
    _, [entry], _ = execute(space, device, session.StudyRequest(["squeezenet"], ["caffe2"]))
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
    """A small model file of Caffe2, as the suite's SqueezeNet."""
    python = environments.interpreter_path("legacy")
    if python is None:
        pytest.skip(f"Caffe2 needs the legacy environment: {environments.INSTALL_LEGACY}")
    path = tmp_path / "model.caffe2.zip"
    variables = {**environments.clean_environment(), "PYTHONPATH": str(session.ROOT)}
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
    request = session.StudyRequest(
        ["squeezenet"], ["caffe2"], repeat=3, warmups=1, artifacts={CAFFE2.artifact: caffe2_model}
    )
    folder, [entry], _ = execute(space, device, request)
    assert (entry.status, entry.last.get("reason")) == ("end", None)
    log = rawlog.read_attempt(rawlog.attempt_path(folder, CAFFE2.id, 1))
    assert (log.left_out, len(log.of("pass"))) == ([], 3)
    kinds = [one["kind"] for one in log.of("operator") if one["repetition"] == 2]
    assert [kind for kind in kinds if kind != "other"] == [
        *("convolution", "relu", "depthwise convolution", "relu", "pooling", "pooling", "linear")
    ]
    assert sum(one["time_ns"] for one in log.of("operator")) > 0


@pytest.mark.slow
def test_a_file_that_is_no_model_of_caffe2_is_a_failed_attempt(space, device, caffe2_model):
    caffe2_model.path.write_text("this is no model")
    request = session.StudyRequest(["squeezenet"], ["caffe2"], repeat=3, artifacts={CAFFE2.artifact: caffe2_model})
    _, [entry], _ = execute(space, device, request)
    assert entry.status == "failed"
    assert "model.caffe2.zip is no Caffe2 model" in entry.last["reason"]


def test_without_torch_the_networks_are_unavailable(space, device, monkeypatch):
    monkeypatch.setattr(device, "missing", lambda modules: ["torch"])
    _, [entry], _ = execute(space, device, session.StudyRequest(["squeezenet"]))
    assert (entry.status, entry.last["reason"]) == ("unavailable", "torch is not installed")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--models", "nothing"], "Model 'nothing' is unknown: choose from resnet50, "),
        (["--frameworks", "tflite"], "Framework 'tflite' is unknown: choose from pytorch, caffe2."),
    ],
)
def test_a_name_that_is_unknown_is_one_sentence(tmp_path, words, sentence):
    done = aiot("profile", *words, "--workspace", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"aiot: {sentence}")
    assert not (tmp_path / "data" / "raw").exists()


@pytest.mark.slow
def test_ctrl_c_ends_the_process_and_closes_the_attempt(space):
    pytest.importorskip("torch", reason="profiling needs the extra `models`")
    words = ["profile", "--models", "squeezenet", "--repeat", "100000", "--workspace", str(space.root)]
    process = subprocess.Popen([sys.executable, "-m", "aiot", *words], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not any(b'"pass"' in log.read_bytes() for log in space.raw.glob("*/*/*.jsonl")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    [log] = space.raw.glob("*/*/*.jsonl")
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (130, "aiot: interrupted; what was finished is kept.")
    ending = rawlog.read_attempt(log)
    assert (ending.status, ending.last["reason"]) == ("failed", "the run was interrupted")
    size = log.stat().st_size
    time.sleep(0.5)
    assert log.stat().st_size == size, "somebody goes on in the background"


def test_a_study_is_no_run_to_go_on_with(tmp_path):
    suite = begin(tmp_path, [ONE.id], run_id="20260101T000000Z-aaaaaa")
    begin(tmp_path, [ONE.id], run_id="20260102T000000Z-aaaaaa", study="profile")
    assert ledger.newest_run(tmp_path, "local") == suite


def test_a_study_takes_no_part_in_what_is_said_of_the_suite(tmp_path):
    first = begin(tmp_path / "raw", [ONE.id], run_id="20260101T000000Z-aaaaaa")
    later = begin(tmp_path / "raw", [ONE.id], run_id="20260102T000000Z-aaaaaa", study="resize")
    for folder in (first, later):
        attempt(folder, ONE.id, LOAD, image(0), end())
    ingest.process(tmp_path / "raw", tmp_path / "tables")
    found = data.load(tmp_path / "tables")
    assert found.instances["run_id"].tolist() == [first.name]
    assert found.studies[["run_id", "study"]].values.tolist() == [[later.name, "resize"]]
    rows, left_out = select.measured_rows(pd.concat([found.instances, found.studies]))
    assert rows["run_id"].tolist() == [first.name] and left_out.empty
