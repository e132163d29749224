"""Fixtures: data of one measured device, and of a simulated fleet."""

from __future__ import annotations

import pytest

import aiot_analysis
from aiot_analysis import ingest, simulate
from tests.test_notebooks import MEASURED, make_run


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """Return data of one device with 5 of 60 instances on 20 images."""
    folder = tmp_path_factory.mktemp("measured")
    make_run(folder / "raw", MEASURED)
    ingest.process(folder / "raw", folder / "processed")
    return aiot_analysis.load(folder / "processed")


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Return data of eight simulated phones with every instance on 20 images."""
    folder = tmp_path_factory.mktemp("fleet")
    simulate.simulate(simulate.Options(0, 8, 20, 3), folder / "raw")
    ingest.process(folder / "raw", folder / "processed")
    return aiot_analysis.load(folder / "processed", "simulated")
