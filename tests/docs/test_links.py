"""What README.md and CONTRIBUTING.md link to is there; the build of the site holds the links between pages of docs/."""

import re
from pathlib import Path

import pytest
import yaml

from tests.test_environment import PROJECT
from tests.test_rules import LAYERS

ROOT = Path(__file__).parents[2]
SMALL = {"runner.errors", "runner.zoo", "aiot_analysis.errors", "aiot_analysis.lazy", "aiot_analysis.words"}
"""Single modules and a former name, which the map leaves out of the layers."""


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


@pytest.mark.parametrize("name", ["data/raw/README.md", "data/processed/README.md", "reports/README.md"])
def test_links_of_the_folders_of_results_lead_somewhere(name):
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not ((ROOT / name).parent / link).exists()] == []


def test_the_map_names_every_package_and_only_paths_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE)
    named = set()
    for cell in first_cells:
        first, *others = re.findall(r"`([^`]+)`", cell)
        beside = first.rstrip("/").rpartition("/")[0]  # `runner/a.py`, `b.py`: the second is beside the first
        paths = [first, *(path if (ROOT / path).exists() else f"{beside}/{path}" for path in others)]
        named |= {path.rstrip("/") for path in paths}
    packages = ("aiot_suite", "runner", "aiot_analysis")
    folders = {
        path.parent.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).glob("*/__init__.py")
    }
    assert len(folders) > 20
    assert folders - named == set()
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def rooms(layer, prefix):
    """Return the full names of the packages of a layer, as the map writes it."""
    if layer == "rawlog":
        return ["runner.rawlog"]
    if " " in layer:  # the modules beside the packages
        return ["runner" if layer == "runner's own modules" else "aiot_analysis"]
    head, brace, inner = layer.partition("{")
    return [prefix + head + name for name in (inner.rstrip("}").split(",") if brace else [""])]


def test_the_layers_of_the_map_are_those_that_are_checked():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.search(r"## Layers\n.*?```\n(.*?)\n```", text, flags=re.DOTALL)[1]
    suite, analysis = (" ".join(lines.split()).split(" <- ") for lines in drawn.split("\n\n"))
    assert suite[0] == analysis[0] == "rawlog"
    layers = [rooms(layer, "") for layer in suite] + [rooms(layer, "aiot_analysis.") for layer in analysis[1:]]
    checked = [[name for name in layer if name not in SMALL] for layer in LAYERS]
    assert layers == [layer for layer in checked if layer]


def test_the_readme_is_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_the_citation_is_of_this_version():

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
