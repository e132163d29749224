import os
from pathlib import Path

import pytest

from aiot_analysis.errors import DataError
from aiot_analysis.report import fingerprint, manifest
from aiot_analysis.report.manifest import Entry, Manifest


def test_data_are_hashed_by_content_and_files_that_did_not_change_are_not_read(processed: Path) -> None:
    seen: fingerprint.FileHashes = {}
    before = fingerprint.data(processed, {}, seen)
    assert sorted(Path(path).name for path in seen) == ["devices.parquet", "instances.parquet", "left_out.parquet"]
    devices = processed / "devices.parquet"
    os.utime(devices, (1, 1))
    assert fingerprint.data(processed, seen, {}) == before  # same content, another time
    forged = {path: [size, time, "0" * 64] for path, (size, time, _) in seen.items()}
    assert fingerprint.data(processed, forged, {}) != before  # believed, since size and time are the same
    devices.write_bytes(devices.read_bytes() + b"x")
    assert fingerprint.data(processed, seen, {}) != before


def test_tables_are_found_above_and_missing_ones_are_named(processed: Path) -> None:
    root = processed.parents[1]
    assert fingerprint.processed_folder(root / "notebooks", "data/processed") == processed
    with pytest.raises(DataError, match=r"There is no data/elsewhere in .*: run `aiot process`"):
        fingerprint.processed_folder(root, "data/elsewhere")
    (processed / "instances.parquet").unlink()
    with pytest.raises(DataError, match=r"no table instances in .*: run `aiot process` first"):
        fingerprint.processed_folder(root, "data/processed")


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    entry = Entry("ab", {"origin": "measured", "seed": 3}, "2026-11-22T18:40:00Z", 2.5, warnings=["w"])
    written = Manifest({"01_x": entry}, {"a.parquet": [1, 2, "cd"]}, "ef")
    written.save(path)
    assert manifest.load(path) == written
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("content", ["", "[]", '{"version": 0}', '{"version": 1, "reports": {"a": {"odd": 1}}}'])
def test_a_manifest_that_cannot_be_used_is_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert manifest.load(tmp_path / "manifest.json") == Manifest()
    assert manifest.load(tmp_path / "nothing.json") == Manifest()
