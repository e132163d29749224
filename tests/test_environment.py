"""Tests that dependencies have ranges in pyproject.toml and exact versions in constraints.txt for all environments."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]
CORE = PROJECT["dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
DIRECT = [*CORE, *(requirement for lines in [*EXTRAS.values(), *GROUPS.values()] for requirement in lines)]


def constraints():
    """Return the versions of constraints.txt by name; fail on a line that is not one version of one package."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [re.fullmatch(r"([\w.-]+)==(\d[\w.]*)", line).groups() for line in lines if line and line[0] != "#"]
    versions = {canonicalize_name(name): version for name, version in pairs}
    assert len(versions) == len(pairs)
    return versions


def test_the_conda_environment_installs_the_project_with_the_exact_versions():
    [through_pip] = [entry["pip"] for entry in ENVIRONMENT["dependencies"] if isinstance(entry, dict)]
    assert through_pip == ["-c constraints.txt", "-e .[run,models]"]


def test_the_conda_environment_takes_only_python_and_pip_from_conda():
    assert ENVIRONMENT["name"] == PROJECT["name"] == "aiotbench"
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert ENVIRONMENT["dependencies"][:2] == ["python >=3.11,<3.14", "pip"]
    assert len(ENVIRONMENT["dependencies"]) == 3


def test_the_makefile_installs_every_extra_but_executorch_and_every_group_with_the_exact_versions():
    [pip] = re.findall(r"^PIP := (.*)$", MAKEFILE, re.M)
    assert pip.endswith(" -c constraints.txt")
    [extras, groups] = re.findall(r"^\t@\$\(PIP\) -e '\.\[([a-z,]+)\]'((?: --group [a-z]+)+)$", MAKEFILE, re.M)[0]
    assert sorted([*extras.split(","), "executorch"]) == sorted(EXTRAS)
    assert sorted(groups.split()[1::2]) == sorted(GROUPS)


def test_pip_is_new_enough_for_groups_before_they_are_installed():
    assert MAKEFILE.index("$(PIP) 'pip>=25.1'") < MAKEFILE.index("--group")
    assert Version(constraints()["pip"]) >= Version("25.1")


@pytest.mark.parametrize("text", DIRECT)
def test_every_direct_requirement_has_a_lowest_version_and_no_highest(text):
    assert re.fullmatch(r"[a-z0-9-]+>=[0-9][0-9.]*", text)


@pytest.mark.parametrize("text", DIRECT)
def test_the_constraints_pin_every_direct_requirement_within_its_range(text):
    requirement = Requirement(text)
    assert requirement.specifier.contains(constraints()[canonicalize_name(requirement.name)])


def test_the_workflow_tests_the_lowest_and_the_highest_python_and_the_lowest_versions():
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    assert text.startswith("# Not tried")
    jobs = yaml.safe_load(text)["jobs"]
    exact = jobs["exact"]["strategy"]["matrix"]["python"]
    ranges = {job["resolution"]: job["python"] for job in jobs["ranges"]["strategy"]["matrix"]["include"]}
    supported = SpecifierSet(PROJECT["requires-python"])
    versions = [f"3.{minor}" for minor in range(30) if supported.contains(f"3.{minor}")]
    assert ranges == {"lowest-direct": versions[0], "highest": versions[-1]}
    converters = SpecifierSet(ENVIRONMENT["dependencies"][0].removeprefix("python "))
    exactly = [version for version in versions if converters.contains(version)]
    assert exact == [exactly[0], exactly[-1]]


def test_no_requirement_is_named_twice():
    named = [canonicalize_name(Requirement(text).name) for text in DIRECT]
    assert sorted(set(named)) == sorted(named)
