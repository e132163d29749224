"""What the runs of the study of attached devices are made of; nothing here is timed."""

from __future__ import annotations

import time

import numpy as np
import pytest

from aiot_suite import catalog
from aiot_suite.facts import load_artifacts
from benchmarks import devices, waiting
from benchmarks.pairs import BenchmarkError
from tests.e2e import debian
from tests.unpacked import NotHere


def test_the_workspace_has_a_framework_that_waits_and_its_models(tmp_path) -> None:
    space = devices._workspace(tmp_path)
    framework = catalog.load(space.plugins).frameworks["waiting"]
    artifacts = load_artifacts(space.models / "sample")
    assert sorted(artifacts) == [f"waiting_float32_{model}" for model in sorted(devices.MODELS)]
    assert all(one.settings.layout == framework.layout for one in artifacts.values())


def test_an_inference_of_it_waits_and_says_how_long() -> None:
    began = time.process_time()
    scores, spent_ns = waiting.prepare("", 1, "cpu").infer(np.zeros(1))
    assert scores.shape == (100,)
    assert spent_ns >= waiting.INFERENCE_S * 1e9
    assert time.process_time() - began < waiting.INFERENCE_S / 2


def test_a_run_that_fails_is_no_measurement(tmp_path, monkeypatch) -> None:
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    space = devices._workspace(tmp_path)
    with pytest.raises(BenchmarkError, match=r"`aiot run` failed on 0 devices, saying .*No device is selected"):
        devices._aiot(space, [], 1, 1)


def test_without_adbd_it_is_said_what_is_missing(monkeypatch) -> None:
    def nothing() -> None:
        raise NotHere("Debian's adbd cannot be had")

    monkeypatch.setattr(debian, "root", nothing)
    assert devices.missing() == "Debian's adbd cannot be had."
