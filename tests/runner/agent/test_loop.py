import sys
import types

import numpy as np
import pytest

from runner import rawlog
from runner.agent import loop


@pytest.fixture
def hungry(monkeypatch):
    """Register a framework that requests more memory than any machine has, and return its name."""
    module = types.ModuleType("runner.agent.hungry")
    module.prepare = lambda path, threads, delegate: np.empty(2**60, np.float32)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return "hungry"


def test_too_little_memory_is_a_failed_attempt_that_says_so(tmp_path, hungry):
    log = tmp_path / "tflite_cpu_float32_mnasnet.1.jsonl"
    job = {"framework": hungry, "settings": {}, "model": "m", "threads": 1, "delegate": "cpu", "log": str(log)}
    assert loop.run_job(job) == loop.EXIT_CODES["failed"] == 1
    attempt = rawlog.read_attempt(log)
    assert attempt.status == "failed"
    assert attempt.last["reason"].startswith("there was not enough memory (Unable to allocate 4.00 EiB")
