"""Fixture: a folder of processed tables with two runs of one device, another device, and a simulated phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from aiot_analysis.tables import storage
from tests.aiot_analysis.compare.two import MNASNET, RUN_A, RUN_B, SQUEEZENET, TORCH, answered, noisy, records
from tests.aiot_analysis.conftest import device, instance

if TYPE_CHECKING:
    from pathlib import Path

N = 60
OLD, NEW = "torch 1.10.2+cu102", "torch 2.13.0+cpu"
RUN_P, RUN_S = "20260103T000000Z-cccccc", "20210101T000000Z-dddddd"


def write(folder: Path, parts, devices) -> Path:
    """Write the tables for rows, each of which has its image records or None."""
    frames = [frame for _, frame in parts if frame is not None]
    storage.write("instances", storage.table("instances", [row for row, _ in parts]), folder)
    storage.write("devices", storage.table("devices", devices), folder)
    storage.write("images", storage.table("images", pd.concat(frames)), folder)
    storage.write("left_out", storage.table("left_out", []), folder)
    return folder


@pytest.fixture
def processed(tmp_path):
    """Write MnasNet and SqueezeNet in two runs of the device local, where SqueezeNet became three times as slow."""
    parts = []
    for run, factor, version, seed in ((RUN_A, 1, OLD, 1), (RUN_B, 3, NEW, 2)):
        columns = {"run_id": run, "threads": seed}
        parts.append(records(MNASNET, answered(N, 0.8), noisy(N, 10, seed), **columns))
        parts.append(records(SQUEEZENET, answered(N, 0.6), noisy(N, 10 * factor, seed + 5), **columns))
        parts.append(records(TORCH, answered(N, 0.8), noisy(N, 20, seed + 9), framework_version=version, **columns))
    parts.append(records(MNASNET, answered(N, 0.8), noisy(N, 5, 7), run_id=RUN_P, device_id="pixel-4"))
    facts = {"run_id": RUN_S, "device_id": "sim-01-pixel", "origin": "simulated"}
    parts.append(records(MNASNET, answered(N, 0.8), noisy(N, 5, 8), **facts))
    profiled = instance(SQUEEZENET, 0.5, 1.0, run_id="20260104T000000Z-eeeeee", study="profile")
    devices = [
        device("local", model=None),
        device("pixel-4", maker="Google", model="Pixel 4 | <script>alert(1)</script>"),
        device("sim-01-pixel", maker="Google", model="Pixel", origin="simulated"),
    ]
    return write(tmp_path / "data" / "processed", [*parts, (profiled, None)], devices)
