"""One source of dependencies: pyproject.toml; environment.yml and constraints.txt agree with it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CORE = PROJECT["dependencies"]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
DIRECT = [*CORE, *(one for extra in EXTRAS.values() for one in extra)]


def constraints():
    """The versions of constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def test_the_conda_environment_installs_what_pyproject_asks_for():
    [through_pip] = [one["pip"] for one in ENVIRONMENT["dependencies"] if isinstance(one, dict)]
    assert through_pip == [*CORE, *EXTRAS["run"], *EXTRAS["models"]]


def test_the_conda_environment_takes_only_python_and_pip_from_conda():
    assert ENVIRONMENT["name"] == PROJECT["name"] == "aiotbench"
    assert ENVIRONMENT["channels"] == ["conda-forge", "nodefaults"]
    assert ENVIRONMENT["dependencies"][:2] == [f"python {PROJECT['requires-python']}", "pip"]
    assert len(ENVIRONMENT["dependencies"]) == 3


@pytest.mark.parametrize("text", DIRECT)
def test_every_direct_requirement_is_pinned_to_one_version(text):
    assert re.fullmatch(r"[a-z0-9-]+==[0-9][0-9.]*", text)


@pytest.mark.parametrize("text", [text for text in DIRECT if not text.startswith("torch==")])
def test_the_constraints_pin_every_direct_requirement_to_the_same_version(text):
    requirement = Requirement(text)
    assert f"=={constraints()[canonicalize_name(requirement.name)]}" == str(requirement.specifier)


def test_torch_is_pinned_in_one_place_only():
    assert "torch" not in constraints()


def test_no_requirement_is_named_twice():
    named = [canonicalize_name(Requirement(text).name) for text in DIRECT]
    assert sorted(set(named)) == sorted(named)
