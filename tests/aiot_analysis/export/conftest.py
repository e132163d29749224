"""Two devices with raw logs whose times are written down here, and a small simulated fleet."""

from __future__ import annotations

import pytest

from aiot_analysis import ingest, simulate
from tests import rawlogs
from tests.sharing import built_once

MNASNET, RESNET = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_resnet50"
TORCH = {"framework_version": "torch 2.13.0"}
SERIAL = "R58M12ABCDE"


def add_run(raw, times, run_id=rawlogs.RUN, device="local", load=None, **other):
    """A run with one attempt per instance id, whose images have these inference times in ms; `other` is in run.json."""
    folder = rawlogs.begin(raw, list(times), run_id, device, **other)
    for instance_id, inference_ms in times.items():
        framework = TORCH if instance_id.startswith("pytorch") else {}
        events = [rawlogs.image(query, ms) for query, ms in enumerate(inference_ms)]
        rawlogs.attempt(folder, instance_id, {**rawlogs.LOAD, **framework, **(load or {})}, *events, rawlogs.end())
    return folder


@pytest.fixture
def measured(tmp_path):
    """A workspace with a device and the tables of its two instances: 10, 12 and 14 ms, and 30 and 50 ms an image."""
    add_run(tmp_path / "data" / "raw", {MNASNET: [6, 8, 10], RESNET: [26, 46]})
    ingest.process(tmp_path / "data" / "raw", tmp_path / "data" / "processed")
    return tmp_path


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """A workspace with the raw logs of two simulated phones."""

    def build(folder):
        simulate.simulate(simulate.Options(0, 2, 4, 0), folder / "data" / "raw")

    return built_once(tmp_path_factory, "export_fleet", build)
