import dataclasses
import json
import re
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from aiot_suite.errors import SelectionError, SetupError
from aiot_suite.suite import FRAMEWORKS
from runner.bundle import recipes
from runner.bundle.recipes import ARCHITECTURES, BundlePart, Lock
from tests.runner.bundle.parts import ARM64, RECIPE

ROOT = Path(__file__).parents[3]
EVERY = [(name, architecture) for name in recipes.load_recipes() for architecture in ARCHITECTURES]


@pytest.mark.parametrize(("name", "architecture"), EVERY)
def test_every_bundle_is_locked_to_versions_and_hashes(name, architecture):
    lock = recipes.lock_of(name, architecture)
    assert lock.name == f"{name}-{architecture}"
    assert [part.name for part in lock.of("debian")] == list(lock.recipe.debian)
    assert [f"{part.name}=={part.version}" for part in lock.of("wheel")] == list(lock.recipe.wheels)
    assert all(re.fullmatch("[0-9a-f]{64}", part.sha256) for part in lock.parts)
    [glibc] = [part.version for part in lock.parts if part.name == "libc6"]
    assert glibc.startswith(lock.recipe.glibc + "-")
    [python] = [part.version for part in lock.parts if part.name == f"python{lock.recipe.python}-minimal"]
    assert python.startswith(lock.recipe.python + ".")


def test_the_keys_of_all_bundles_differ():
    assert len({recipes.lock_of(*bundle).key for bundle in EVERY}) == len(EVERY)


def pins(lines):
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


@pytest.mark.parametrize("name", ["main", "legacy"])
def test_a_device_runs_the_versions_that_this_machine_does(name):
    """With other versions, the answers of both would not be comparable."""
    file = {"main": ROOT / "constraints.txt", "legacy": ROOT / "aiot_suite" / "legacy-requirements.txt"}[name]
    on_host = pins(file.read_text(encoding="utf-8").splitlines())
    on_device = pins(recipes.load_recipes()[name].wheels)
    only_on_device = {"setuptools"}  # virtual environments have it by default
    assert {package: version for package, version in on_device.items() if package not in only_on_device} == {
        package: on_host[package] for package in on_device if package not in only_on_device
    }


def test_each_framework_that_runs_without_pytorch_and_each_of_the_paper_is_in_one_bundle():
    assert [recipes.recipe_for(framework) for framework in FRAMEWORKS] == ["main", "legacy", "legacy"]
    assert {recipes.recipe_for(framework) for framework in ("onnxruntime", "ncnn", "mnn")} == {"main"}
    with pytest.raises(SelectionError, match=r"no bundle with the framework 'mxnet': choose one of tflite, onnx"):
        recipes.recipe_for("mxnet")


@pytest.mark.parametrize(
    ("abi", "architecture"),
    [
        ("arm64-v8a", "arm64"),
        ("aarch64", "arm64"),
        ("arm64", "arm64"),
        ("x86_64", "amd64"),
        ("amd64", "amd64"),
        ("armeabi-v7a", None),
        ("armv8l", None),
        ("", None),
    ],
)
def test_an_abi_has_an_architecture_or_no_bundle(abi, architecture):
    assert recipes.architecture_for(abi) == architecture


PARTS = (
    BundlePart("debian", "libc6", "1:2.36", "0" * 64),
    BundlePart("debian", "python3.11-minimal", "3.11", "1" * 64),
    BundlePart("wheel", "thing", "1.0", "2" * 64),
)


def test_the_key_changes_with_whatever_the_bundle_is_made_of(monkeypatch):
    lock = Lock(RECIPE, ARM64, PARTS)
    changed = [
        Lock(dataclasses.replace(RECIPE, leave_out=()), ARM64, PARTS),
        Lock(RECIPE, ARCHITECTURES["amd64"], PARTS),
        Lock(RECIPE, ARM64, (*PARTS[:2], dataclasses.replace(PARTS[2], sha256="3" * 64))),
    ]
    assert lock.key == Lock(RECIPE, ARM64, PARTS).key
    assert len({lock.key, *(changed_lock.key for changed_lock in changed)}) == 4
    before = lock.key
    monkeypatch.setattr(recipes, "LAYOUT", recipes.LAYOUT + 1)
    assert lock.key != before


def test_a_lock_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "LOCK", tmp_path / "lock.json")
    monkeypatch.setattr(recipes, "load_recipes", lambda: {"tiny": RECIPE})
    lock = Lock(RECIPE, ARM64, PARTS)
    recipes.write_lock([lock], tmp_path / "lock.json")
    assert recipes.lock_of("tiny", "arm64") == lock
    lines = (tmp_path / "lock.json").read_text().splitlines()
    assert [json.loads(line.strip().rstrip(",")) for line in lines if "sha256" in line] == [
        dataclasses.asdict(part) for part in PARTS
    ]
    with pytest.raises(
        SetupError, match=r"lock\.json does not match the recipe tiny for amd64: run `aiot bundle lock`"
    ):
        recipes.lock_of("tiny", "amd64")
    recipes.write_lock([Lock(RECIPE, ARM64, PARTS[:2])], tmp_path / "lock.json")
    with pytest.raises(SetupError, match=r"does not match the recipe tiny for arm64"):
        recipes.lock_of("tiny", "arm64")
