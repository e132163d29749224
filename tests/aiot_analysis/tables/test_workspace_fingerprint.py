import os
import shutil
from pathlib import Path

import pytest

from aiot_analysis.errors import DataError
from aiot_analysis.report import site
from aiot_analysis.report.site import ManifestEntry, PageManifest
from aiot_analysis.tables import workspace
from aiot_analysis.tables.workspace import Tables
from tests.aiot_analysis.report.conftest import device, instance, write_tables


def test_data_are_hashed_by_content_and_files_that_did_not_change_are_not_read(processed: Path) -> None:
    tables = Tables(processed, {})
    before = tables.whole
    known_files = tables.seen
    assert sorted(Path(path).name for path in known_files) == [
        "devices.parquet",
        "instances.parquet",
        "left_out.parquet",
    ]
    devices = processed / "devices.parquet"
    os.utime(devices, (1, 1))
    assert Tables(processed, known_files).whole == before  # the same content with another time
    forged = {path: [size, time, "0" * 64] for path, (size, time, _) in known_files.items()}
    assert Tables(processed, forged).whole != before  # accepted, since size and time are the same
    devices.write_bytes(devices.read_bytes() + b"x")
    assert Tables(processed, known_files).whole != before


def test_the_hash_of_a_device_is_of_its_rows_alone(processed: Path) -> None:
    def hashes(*extra: dict[str, object], left_out: str = "local") -> list[str]:
        rows = [instance("cpu", "resnet50"), instance("cpu", "mnasnet", device_id="phone"), *extra]
        write_tables(processed, [device(), device(device_id="phone")], rows, device_id=left_out)
        shutil.rmtree(processed / "images", ignore_errors=True)
        tables = Tables(processed, {})
        return [tables.of_device("local"), tables.of_device("phone"), tables.whole]

    before = hashes()
    assert hashes() == before
    added = hashes(instance("nnapi", "resnet50", device_id="phone"))
    assert [value == other_value for value, other_value in zip(added, before, strict=True)] == [True, False, False]
    first = {**instance("nnapi", "resnet50", device_id="an-earlier-one"), "position": 5}
    assert [value == other_value for value, other_value in zip(hashes(first), before, strict=True)] == [
        True,
        True,
        False,
    ]
    named = hashes(left_out="phone")
    assert [value == other_value for value, other_value in zip(named, before, strict=True)] == [False, False, False]

    hashes()
    images = processed / "images" / "phone" / "20261122T184000Z-3f9a1c.parquet"
    images.parent.mkdir(parents=True)
    images.write_bytes(b"records")
    tables = Tables(processed, {})
    assert tables.of_device("local") == before[0]
    assert tables.of_device("phone") != before[1]


def test_a_table_that_cannot_be_read_is_named_with_what_to_do(processed: Path) -> None:
    path = processed / "instances.parquet"
    with pytest.raises(DataError, match=r"another version \((it has )?no column 'colour'\): run `aiot process`"):
        workspace.read_columns(path, "origin", "colour")
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"instances.parquet cannot be read \(.+\): run `aiot process` to rebuild it"):
        workspace.read_columns(path, "origin")


def test_pictures_count_where_record_and_folder_are_there(tmp_path: Path) -> None:
    def result() -> list[str]:
        return workspace.pictures(tmp_path / "notebooks", "data/datasets", ["samples", "others"])

    folder = tmp_path / "data" / "datasets" / "samples"
    assert result() == []
    (folder / "images").mkdir(parents=True)
    assert result() == []
    (folder / "dataset.json").write_text('{"image_folder": "images", "sha256": "ab"}')
    [with_folder] = result()
    assert with_folder.startswith("samples ")
    (folder / "dataset.json").write_text('{"image_folder": "images", "sha256": "cd"}')
    assert result() != [with_folder]
    (folder / "images").rmdir()
    assert result() == []
    (folder / "dataset.json").write_text("no JSON")
    assert result() == []


def test_a_manifest_survives_a_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    entry = ManifestEntry("ab", {"origin": "measured", "seed": 3}, "2026-11-22T18:40:00Z", 2.5, warnings=["w"])
    written = PageManifest({"01_x": entry}, {"a.parquet": [1, 2, "cd"]}, "ef")
    written.save(path)
    assert site.load_manifest(path) == written
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("content", ["", "[]", '{"version": 0}', '{"version": 1, "reports": {"a": {"odd": 1}}}'])
def test_an_unusable_manifest_counts_as_missing(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert site.load_manifest(tmp_path / "manifest.json") == PageManifest()
    assert site.load_manifest(tmp_path / "nothing.json") == PageManifest()
