"""What makes a page out of date, and what does not."""

from pathlib import Path

from aiot_analysis import tables
from aiot_analysis.report import facts
from aiot_analysis.report.notebooks import find
from aiot_analysis.report.site import sites

from .conftest import device, instance, write_tables


def test_a_page_does_not_depend_on_where_it_was_computed(processed: Path) -> None:
    root = processed.parents[1]
    [notebook] = found = find(root / "notebooks")
    [site] = sites(root, found, root / "reports", {})
    plain = site.fingerprint(notebook, {"timing": "inference"})
    assert site.fingerprint(notebook, {"timing": "inference", "scheduler": "tcp://10.0.0.1:8786"}) == plain
    assert site.fingerprint(notebook, {"timing": "end_to_end"}) != plain


def test_what_was_left_out_is_on_the_pages_of_its_origin_and_device(processed: Path) -> None:
    devices = [device(), device(device_id="tablet"), device(device_id="phone", origin="simulated")]
    rows = [instance("cpu", "resnet50", **{name: one[name] for name in ("device_id", "origin")}) for one in devices]
    write_tables(processed, devices, rows)
    files = [("local", "measured"), ("tablet", "measured"), ("phone", "simulated"), (None, None)]
    left_out = [{"device_id": one, "origin": origin, "path": f"data/raw/{one}", "reason": "?"} for one, origin in files]
    tables.write("left_out", tables.table("left_out", left_out), processed)

    def names(origin: str, device: str = "") -> list[str]:
        return [row["path"].rpartition("/")[2] for row in facts.read(processed, device).of(origin).left_out]

    assert names("measured") == ["local", "tablet", "None"]
    assert names("simulated") == ["phone", "None"]
    assert names("measured", "tablet") == ["tablet"]
