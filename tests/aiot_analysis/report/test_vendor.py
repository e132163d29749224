"""The libraries on pages are the files that their list names."""

import hashlib
import re

from aiot_analysis.report.page import TEMPLATES

FOLDER = TEMPLATES / "vendor"


def test_the_libraries_are_those_that_the_list_names() -> None:
    listed = re.findall(r"\| `(\S+\.js)` \|.*\| `([0-9a-f]{64})` \|", (FOLDER / "README.md").read_text("utf-8"))
    found = [(path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in sorted(FOLDER.glob("*.js"))]
    assert sorted(listed) == found and len(found) == 2


def test_the_licence_of_each_is_there() -> None:
    for package in ("vega", "vega-lite"):
        text = (FOLDER / f"LICENSE-{package}").read_text("utf-8")
        assert "University of Washington Interactive Data Lab" in text and "Redistribution and use" in text
