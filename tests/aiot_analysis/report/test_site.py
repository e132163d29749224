"""What makes a page out of date, and what does not."""

from pathlib import Path

from aiot_analysis.report.notebooks import find
from aiot_analysis.report.site import sites


def test_a_page_does_not_depend_on_where_it_was_computed(processed: Path) -> None:
    root = processed.parents[1]
    [notebook] = found = find(root / "notebooks")
    [site] = sites(root, found, root / "reports", {})
    plain = site.fingerprint(notebook, {"timing": "inference"})
    assert site.fingerprint(notebook, {"timing": "inference", "scheduler": "tcp://10.0.0.1:8786"}) == plain
    assert site.fingerprint(notebook, {"timing": "end_to_end"}) != plain
