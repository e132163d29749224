"""What is told of processes; nothing here is timed."""

from __future__ import annotations

import sys

import pytest

from benchmarks import growth
from benchmarks.pairs import BenchmarkError
from benchmarks.processes import Spent, wall_time_s, with_memory

HOLDS_80_MB = "import time; held = bytearray(b'x') * 80_000_000; time.sleep(0.3)"
WITH_A_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLDS_80_MB!r}], check=True)"


@pytest.mark.parametrize("code", [HOLDS_80_MB, WITH_A_CHILD])
def test_the_memory_of_a_process_is_that_of_its_children_too(code: str) -> None:
    spent = with_memory([sys.executable, "-c", code])
    assert 0.08 < spent.memory_gb < 0.2
    assert spent.wall_s > 0.3


@pytest.mark.parametrize("run", [wall_time_s, with_memory])
def test_a_process_that_fails_is_named_with_what_it_said(run) -> None:
    with pytest.raises(BenchmarkError, match="failed, saying 'no such fleet'"):
        run([sys.executable, "-c", "raise SystemExit('no such fleet')"])


def test_growth_is_drawn_over_the_number_of_devices() -> None:
    points = [
        growth.Point(n, Spent(n / 10, 0.2), Spent(n / 20, 0.3), 0.3, 0.1, Spent(n / 5, n / 1e3)) for n in growth.DEVICES
    ]
    time, memory = growth.plot(points).axes
    simulated, processed, overview, unchanged, alike = time.get_lines()
    assert list(processed.get_xdata()) == list(growth.DEVICES)
    assert list(processed.get_ydata()) == [n / 20 for n in growth.DEVICES]
    assert list(alike.get_ydata()) == [0.5, 50.0]
    assert list(memory.get_lines()[1].get_ydata()) == [0.3] * 4
    assert (overview.get_label(), list(overview.get_ydata())) == ("the overview", [n / 5 for n in growth.DEVICES])
    assert list(memory.get_lines()[2].get_ydata()) == [n / 1e3 for n in growth.DEVICES]
    assert (memory.get_ylabel(), simulated.get_label(), unchanged.get_ydata()[0]) == ("GB", "aiot simulate", 0.3)
