"""Which conversions are measured, each from scratch; nothing here is converted."""

from pathlib import Path

from benchmarks import conversion
from benchmarks.pairs import Level, Options
from benchmarks.processes import Spent


def test_each_group_of_frameworks_has_its_own_workspace_and_its_files_are_counted(monkeypatch, tmp_path) -> None:
    workspaces = []

    def prepare(command: list[str]) -> Spent:
        workspace = Path(command[command.index("--workspace") + 1])
        assert list(workspace.iterdir()) == []
        models = workspace / "data" / "models" / "sample"
        models.mkdir(parents=True)
        for framework in command[command.index("--frameworks") + 1].split(","):
            (models / f"{framework}_float32_mnasnet.json").touch()
        workspaces.append(workspace)
        return Spent(10.0 * len(workspaces), 1.5)

    monkeypatch.setattr(conversion, "with_memory", prepare)
    results = conversion.run(Options(tmp_path, lambda text: None))
    assert all(isinstance(level, Level) for level in results)
    assert [level.values for level in results] == [[10.0], [1.5], [20.0], [1.5]]
    assert "TFLite and PyTorch, 2 files" in results[0].what and "ncnn and MNN, 3 files" in results[2].what
    assert [level.target for level in results[::2]] == [360.0, 360.0]
