"""Fixtures: workspaces with raw logs of known times, and with a small simulated fleet."""

from __future__ import annotations

import pytest

from aiot_analysis import ingest, simulate
from tests import rawlogs
from tests.sharing import built_once

MNASNET, RESNET = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"
TORCH = {"framework_version": "torch 2.13.0"}
SERIAL = "R58M12ABCDE"


def add_run(raw, times, run_id=rawlogs.RUN, device="local", load=None, **other):
    """Write a run with one attempt per instance id and these inference times in ms; `other` are fields of run.json."""
    folder = rawlogs.begin(raw, list(times), run_id, device, **other)
    for instance_id, inference_ms in times.items():
        framework = TORCH if instance_id.startswith("pytorch") else {}
        events = [rawlogs.image(query, ms) for query, ms in enumerate(inference_ms)]
        rawlogs.attempt(folder, instance_id, {**rawlogs.LOAD, **framework, **(load or {})}, *events, rawlogs.end())
    return folder


@pytest.fixture
def measured(tmp_path):
    """Make a workspace with the tables of two instances, with images of 10, 12 and 14 ms, and of 30 and 50 ms."""
    add_run(tmp_path / "data" / "raw", {MNASNET: [6, 8, 10], RESNET: [26, 46]})
    ingest.process(tmp_path / "data" / "raw", tmp_path / "data" / "processed")
    return tmp_path


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Make a workspace with the raw logs of two simulated phones."""

    def build(folder):
        simulate.simulate(simulate.Options(0, 2, 4, 0), folder / "data" / "raw")

    return built_once(tmp_path_factory, "export_fleet", build)
