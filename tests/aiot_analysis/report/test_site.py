"""What makes a page out of date, and what does not."""

from pathlib import Path

import pytest

from aiot_analysis.errors import DataError
from aiot_analysis.report import facts
from aiot_analysis.report.notebooks import find
from aiot_analysis.report.site import PageManifest, check_folder, load_manifest, of_each_device, sites
from aiot_analysis.tables import storage

from .conftest import device, instance, write_tables
from .test_devices import add_notebook


def test_a_page_does_not_depend_on_where_it_was_computed(processed: Path) -> None:
    root = processed.parents[1]
    [notebook] = found = find(root / "notebooks")
    [site] = sites(root, found, root / "reports", {})
    plain = site.fingerprint(notebook, {"timing": "inference"})
    assert (
        site.fingerprint(
            notebook, {"timing": "inference", "scheduler": "tcp://10.0.0.1:8786", "workers_timeout_s": 5.0}
        )
        == plain
    )
    assert site.fingerprint(notebook, {"timing": "end_to_end"}) != plain


def test_excluded_files_are_on_the_pages_of_their_origin_and_device(processed: Path) -> None:
    devices = [device(), device(device_id="tablet"), device(device_id="phone", origin="simulated")]
    rows = [instance("cpu", "resnet50", **{name: one[name] for name in ("device_id", "origin")}) for one in devices]
    write_tables(processed, devices, rows)
    files = [("local", "measured"), ("tablet", "measured"), ("phone", "simulated"), (None, None)]
    left_out = [{"device_id": one, "origin": origin, "path": f"data/raw/{one}", "reason": "?"} for one, origin in files]
    storage.write("left_out", storage.table("left_out", left_out), processed)

    def names(origin: str, device: str = "") -> list[str]:
        return [row["path"].rpartition("/")[2] for row in facts.read(processed, device).of(origin).left_out]

    assert names("measured") == ["local", "tablet", "None"]
    assert names("simulated") == ["phone", "None"]
    assert names("measured", "tablet") == ["tablet"]


@pytest.mark.parametrize(
    ("wanted", "measured", "simulated"),
    [
        ("", ["local", "both"], ["phone", "both"]),
        ("local", ["local"], []),
        ("phone, both", ["both"], ["phone", "both"]),
        (["phone"], [], ["phone"]),
    ],
)
def test_devices_have_their_sites_below_the_origin_that_they_are_of(
    processed: Path, wanted: object, measured: list[str], simulated: list[str]
) -> None:
    ids = [("measured", "local"), ("measured", "both"), ("simulated", "phone"), ("simulated", "both")]
    rows = [instance("cpu", "resnet50", origin, one, f"{origin}-{one}") for origin, one in ids]
    write_tables(processed, [device(*one) for one in ids], rows)
    root = processed.parents[1]
    add_notebook(root, "01_good", "print(device)")
    fleets = sites(root, find(root / "notebooks"), root / "reports", {})
    found = of_each_device(fleets, wanted)
    assert {origin: [site.device for site in some] for origin, some in found.items()} == {
        "measured": measured,
        "simulated": simulated,
    }
    with pytest.raises(DataError, match="There is no device 'loc' in these data: choose local, both, phone"):
        of_each_device(fleets, "loc")


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "[" * 100_000 + "]" * 100_000])
def test_a_damaged_manifest_is_empty_and_may_be_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    assert load_manifest(tmp_path / "manifest.json") == PageManifest()
    check_folder(tmp_path, tmp_path / "source", [])
