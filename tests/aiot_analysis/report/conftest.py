"""A project of a few notebooks, one for each way a notebook can end, on a small folder of processed tables."""

import shutil
from pathlib import Path

import pytest

from aiot_analysis.tables import storage

NOTEBOOKS = Path(__file__).parent / "notebooks"
RUN = "20261122T184000Z-3f9a1c"
REMEDY = "NNAPI is a part of Android: run `aiot run` on a phone <with it>"


def device(origin: str = "measured", device_id: str = "local") -> dict[str, object]:
    return {
        "device_id": device_id,
        "maker": "Example",
        "model": "Workstation",
        "soc": "x86_64",
        "ram_gb": 8.0,
        "os": "Linux",
        "os_version": "6.1",
        "cores": 2,
        "origin": origin,
    }


def instance(
    delegate: str, model: str, origin: str = "measured", device_id: str = "local", run_id: str = RUN
) -> dict[str, object]:
    """A valid instance on the CPU, an unavailable one elsewhere."""
    valid = delegate == "cpu"
    return {
        "run_id": run_id,
        "device_id": device_id,
        "instance_id": f"tflite_{delegate}_float32_{model}",
        "model": model,
        "framework": "tflite",
        "delegate": delegate,
        "quantization": "float32",
        "threads": 2,
        "position": 0,
        "attempts": 1,
        "source": "agent",
        "profile": "quick",
        "timing": "end_to_end",
        "weights": "torchvision" if valid else None,
        "dataset": "samples",
        "images": 100 if valid else 0,
        "failed_images": 0,
        "distinct_images": 100 if valid else 0,
        "log_lines": 102 if valid else 1,
        "correct": 70 if valid else 0,
        "accuracy": 0.7 if valid else None,
        "status": "end" if valid else "unavailable",
        "verdict": "valid" if valid else "unavailable",
        "reasons": "" if valid else REMEDY,
        "dataset_sha256": "ab" * 32,
        "framework_version": "2.3.0" if valid else None,
        "started": "2026-11-22T18:40:00Z",
        "origin": origin,
    }


def write_tables(
    processed: Path,
    devices: list[dict[str, object]],
    instances: list[dict[str, object]],
    left_out: str = "data/raw/local/x.1.jsonl:88",
    device_id: str = "local",
) -> None:
    row = {"device_id": device_id, "origin": "measured", "path": left_out, "reason": "the last line was half written"}
    reasons: list[dict[str, object]] = [row]
    rows = {"devices": devices, "instances": instances, "left_out": reasons}
    for name, content in rows.items():
        storage.write(name, storage.table(name, content), processed)


def make_project(folder: Path, *names: str) -> Path:
    """A folder with the named notebooks and with processed tables of one measured run."""
    (folder / "notebooks").mkdir(parents=True)
    for name in names:
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", folder / "notebooks")
    rows = [instance("cpu", "resnet50"), instance("cpu", "mnasnet"), instance("nnapi", "resnet50")]
    write_tables(folder / "data" / "processed", [device()], rows)
    return folder


@pytest.fixture
def processed(tmp_path: Path) -> Path:
    return make_project(tmp_path, "01_good") / "data" / "processed"
