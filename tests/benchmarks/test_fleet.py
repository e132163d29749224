"""Which reports are asked for, in which order, and what is made of their times; nothing here is timed."""

import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from benchmarks import fleet
from benchmarks.pairs import Comparison, Level, Options

ONLY_PUBLISHED = ("12_published_answers", "13_published_speed")
"""Notebooks of which `aiot report` makes no page for runs of the suite."""


@pytest.fixture
def called(monkeypatch) -> list[list[str]]:
    """The commands, instead of their execution: each `aiot report` renders what its notebook's text says is new."""
    commands: list[list[str]] = []
    texts: dict[str, str] = {}

    def run(*given: list[str]) -> float:
        commands.extend(given)
        for command in given:
            if command[1] == "process":
                tables = Path(command[command.index("--processed") + 1])
                tables.mkdir()
                parquet.write_table(pyarrow.table({"device_id": ["a", "b", "c"]}), tables / "devices.parquet")
            elif command[1] == "report":
                source, out = (Path(command[command.index(option) + 1]) for option in ("--notebooks", "--out"))
                out.mkdir(exist_ok=True)
                for path in source.glob("*.ipynb"):
                    if path.stem in ONLY_PUBLISHED:
                        continue
                    (out / f"{path.stem}.html").touch()
                    texts[path.stem] = str(len(path.read_text()))
                entries = {name: {"rendered": text} for name, text in texts.items()}
                (out / "manifest.json").write_text(json.dumps({"reports": entries}))
            elif command[0].endswith("jupyter"):
                Path(command[-1]).with_suffix(".html").touch()
        return float(len(commands))

    monkeypatch.setattr(fleet, "wall_time_s", run)
    return commands


def test_all_pages_then_nothing_then_one_then_devices(called, tmp_path) -> None:
    results = fleet.run(Options(tmp_path, lambda text: None, pairs=1))
    comparison, nothing, rendered, one, devices, nothing_again = results
    assert isinstance(comparison, Comparison) and comparison.target == 0.5
    assert all(isinstance(level, Level) for level in results[1:])
    assert rendered.values == [1] and rendered.unit == "pages"
    assert (nothing.target, nothing_again.target) == (3.0, 3.0)
    reports = [command for command in called if command[1] == "report"]
    assert len(reports) == 6
    assert [command[-3:] for command in reports[4:]] == [["-p", "device", "a,b"]] * 2
    assert all("--each-device" in command for command in reports[4:])
    assert one.values < devices.values < nothing_again.values  # in this order
