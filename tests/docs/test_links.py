"""What README.md and CONTRIBUTING.md link to is there; the build of the site holds the links between pages of docs/."""

import re
from pathlib import Path

import pytest
import yaml

from tests.test_environment import PROJECT

ROOT = Path(__file__).parents[2]


def anchors(path):
    """The addresses of a page's headings, as they are made from their words."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    paths = [link.partition("#") for link in links if not link.startswith("http")]
    assert len(paths) > 3
    assert [path for path, _, _ in paths if not (ROOT / path).exists()] == []
    assert [anchor for path, _, anchor in paths if anchor and anchor not in anchors(ROOT / path)] == []


def test_the_readme_is_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_citation_is_of_this_version():

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
