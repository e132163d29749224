"""Small projects to look around in: one measured device, and a simulated fleet."""

from __future__ import annotations

import pytest

import aiot_analysis
from aiot_analysis import ingest, simulate
from tests.test_notebooks import MEASURED, make_run


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """Data of one device with five instances of 60, on 20 images."""
    folder = tmp_path_factory.mktemp("measured")
    make_run(folder / "raw", MEASURED)
    ingest.process(folder / "raw", folder / "processed")
    return aiot_analysis.load(folder / "processed")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Data of eight simulated phones with every instance, on 20 images."""
    folder = tmp_path_factory.mktemp("fleet")
    simulate.simulate(simulate.Options(0, 8, 20, 3), folder / "raw")
    ingest.process(folder / "raw", folder / "processed")
    return aiot_analysis.load(folder / "processed", "simulated")
