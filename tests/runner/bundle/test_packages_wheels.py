import dataclasses
import hashlib

import pytest

from aiot_suite.errors import SetupError
from runner.bundle import packages
from runner.bundle.recipes import BundlePart
from tests.runner.bundle.parts import ARM64, RECIPE, THING, make_wheel, names


def test_a_glibc_runs_wheels_that_are_no_newer():
    tags = packages.wheel_platforms("2.31", "aarch64")
    assert tags[0] == "manylinux_2_31_aarch64"
    assert "manylinux_2_17_aarch64" in tags and "manylinux2014_aarch64" in tags
    assert "manylinux_2_32_aarch64" not in tags


def test_only_files_that_belong_on_the_path_are_unpacked(tmp_path):
    packages.unpack_wheel(make_wheel(tmp_path, "thing-1.0-py3-none-any.whl", THING), tmp_path / "site")
    below = {name for name in THING if ".data/" not in name}
    assert names(tmp_path / "site") == below | {"extra.py"}


@pytest.mark.parametrize("name", ["../evil.py", "thing/../../evil.py", "/evil.py", "thing-1.0.data/purelib/../../evil"])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    wheel = make_wheel(tmp_path, "thing-1.0-py3-none-any.whl", {name: "x"})
    with pytest.raises(
        SetupError,
        match=r"thing-1\.0-py3-none-any\.whl contains a file named .*evil.*would be unpacked outside the target folder",
    ):
        packages.unpack_wheel(wheel, tmp_path / "a" / "site")
    assert names(tmp_path) == {"thing-1.0-py3-none-any.whl"}


@pytest.fixture
def local(tmp_path, monkeypatch):
    """Make a folder of wheels, make it the only source of pip, and return the folder above it."""
    meta = "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n"
    kind = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {"thing-1.0.dist-info/METADATA": meta, "thing-1.0.dist-info/WHEEL": kind, "thing-1.0.dist-info/RECORD": ""}
    for tag in ("py3-none-any", "cp311-cp311-manylinux_2_36_aarch64", "cp311-cp311-manylinux_2_40_aarch64"):
        make_wheel(tmp_path / "index", f"thing-1.0-{tag}.whl", {**files, "thing.py": f"tag = {tag!r}"})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return tmp_path


def test_wheels_are_those_for_the_device_and_of_the_locked_hash(local):
    fitting = local / "index" / "thing-1.0-cp311-cp311-manylinux_2_36_aarch64.whl"
    [part] = packages.wheel_candidates(RECIPE, ARM64, local / "a")
    assert part == BundlePart("wheel", "thing", "1.0", hashlib.sha256(fitting.read_bytes()).hexdigest())
    [path] = packages.download_wheels(RECIPE, ARM64, [part], local / "b")
    assert path.read_bytes() == fitting.read_bytes()
    with pytest.raises(SetupError, match=r"The wheels for arm64 cannot be downloaded: .*says 'ERROR: .*HASH"):
        packages.download_wheels(RECIPE, ARM64, [dataclasses.replace(part, sha256="0" * 64)], local / "c")


def test_a_wheel_that_is_gone_is_one_sentence(local):
    gone = BundlePart("wheel", "thing", "2.0", "0" * 64)
    with pytest.raises(SetupError, match=r"The wheels for arm64 cannot be downloaded: .*thing==2\.0"):
        packages.download_wheels(RECIPE, ARM64, [gone], local / "a")
