"""Which notebooks are rendered, how often, and what is made of it; nothing here is timed."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import notebooks
from benchmarks.pairs import ROOT, BenchmarkError, Level, Options
from benchmarks.processes import Spent


@pytest.fixture
def rendered(monkeypatch) -> list[str]:
    """The notebooks that were rendered, instead of rendering them."""
    names: list[str] = []

    def render(command: list[str]) -> Spent:
        name, out = command[2], Path(command[command.index("--out") + 1])
        assert not out.exists()
        out.mkdir()
        (out / f"{name}.html").touch()
        names.append(name)
        return Spent(len(names), 0.1 * len(names))

    monkeypatch.setattr(notebooks, "wall_time_s", lambda *commands: 0.0)
    monkeypatch.setattr(notebooks, "with_memory", render)
    return names


def test_each_notebook_is_rendered_alone_in_every_round(rendered, tmp_path) -> None:
    results = notebooks.run(Options(tmp_path, lambda text: None, pairs=2))
    every = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb") if "published" not in path.stem)
    assert rendered == every * 2
    time, memory = results[:2]
    assert isinstance(time, Level) and isinstance(memory, Level)
    assert (time.values, time.unit, time.target) == ([1, 1 + len(every)], "s", 60.0)
    assert memory.values == pytest.approx([0.1, 0.1 * (1 + len(every))])
    assert (memory.unit, memory.target) == ("GB", 2.0)
    assert len(results) == 2 * len(every)


def test_a_notebook_without_a_page_is_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(notebooks, "wall_time_s", lambda *commands: 0.0)
    monkeypatch.setattr(notebooks, "with_memory", lambda command: Spent(1.0, 0.1))
    with pytest.raises(BenchmarkError, match=r"No page was made of 01_overview\."):
        notebooks.run(Options(tmp_path, lambda text: None, pairs=1))
