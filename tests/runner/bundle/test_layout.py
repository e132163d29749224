import dataclasses
import shutil

import pytest

from aiot_suite.errors import SetupError
from runner.bundle import layout, packages
from tests.runner.bundle.parts import ARM64, LAID_OUT, LIBC, PYTHON, RECIPE, THING, Program, make_deb, make_wheel, names

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb here")


@pytest.fixture
def laid_out(tmp_path):
    """Return a function that makes a bundle of the packages, some of whose files can be replaced."""

    def make(recipe=RECIPE, libc=LIBC, thing=THING):
        for name, files in (("libc6", libc), ("python3.11-minimal", PYTHON)):
            packages.unpack_deb(make_deb(tmp_path, name, "1", files), tmp_path / "packages")
        packages.unpack_wheel(make_wheel(tmp_path, "thing-1.0-py3-none-any.whl", thing), tmp_path / "site")
        bundle = tmp_path / "bundle"
        layout.lay_out(tmp_path / "packages", tmp_path / "site", bundle, recipe, ARM64)
        return bundle

    return make


def test_a_bundle_holds_what_is_needed_and_nothing_else(laid_out):
    bundle = laid_out()
    assert names(bundle) == LAID_OUT  # no tests, documents, unneeded libraries or scripts
    assert (bundle / "tmp").is_dir()
    assert not any(path.is_symlink() for path in bundle.rglob("*"))
    assert layout.check(bundle, RECIPE, ARM64) == 7


def test_a_library_that_is_opened_by_name_is_taken_if_it_is_named(laid_out):
    bundle = laid_out(dataclasses.replace(RECIPE, libraries=("libnever.so.1",)))
    assert names(bundle) == LAID_OUT | {"lib/libnever.so.1"}


def test_a_file_that_no_package_has_is_one_sentence(laid_out):
    with pytest.raises(
        SetupError, match=r"No package in the lock contains libfar\.so: add one that does to the recipe\."
    ):
        laid_out(dataclasses.replace(RECIPE, libraries=("libfar.so",)))


def test_a_link_that_leads_out_of_the_packages_stays_within(laid_out, tmp_path):
    outside = tmp_path / "outside"
    outside.write_bytes(Program().bytes())
    link = type(outside)("../../../../../../../../.." + str(outside))
    bundle = laid_out(thing=THING, libc={**LIBC, "usr/lib/aarch64-linux-gnu/libout.so.1": link})
    assert layout.library(tmp_path / "packages", ARM64, "libout.so.1") is None
    assert names(bundle) == LAID_OUT


def test_a_loop_of_links_is_no_library(laid_out, tmp_path):
    path = "usr/lib/aarch64-linux-gnu/libloop.so.1"
    laid_out(libc={**LIBC, path: type(tmp_path)("libloop.so.1")})
    assert layout.library(tmp_path / "packages", ARM64, "libloop.so.1") is None


def test_a_bundle_that_would_not_run_is_one_sentence_with_the_first_reasons(laid_out):
    bad = Program(needed=("libcuda.so.1", "libc.so.6"), alignment=4096, stack=7)
    bundle = laid_out(thing={**THING, "thing/a.so": bad, "thing/b.so": dataclasses.replace(bad, machine="amd64")})
    with pytest.raises(SetupError) as caught:
        layout.check(bundle, RECIPE, ARM64)
    assert str(caught.value) == (
        "The bundle tiny for arm64 would not run: site/thing/a.so is aligned to 4096 bytes, not 16384; "
        "site/thing/a.so requires an executable stack; site/thing/a.so needs libcuda.so.1, which is not in the bundle "
        "(and 4 more). Exclude the file, or choose another version of its package, in runner/bundle/recipes.toml."
    )


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("site/numpy/_core/tests/test_x.py", True),
        ("site/numpy/tests.py", False),
        ("lib/python3.11/test/support.py", True),
        ("lib/python3.11/unittest/mock.py", False),
        ("site/numpy/x.cpython-311.pyc", True),
    ],
)
def test_patterns_leave_out_what_is_below_a_folder(name, left_out):
    assert layout.matches(name, RECIPE.leave_out) is left_out
