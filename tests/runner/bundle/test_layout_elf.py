import dataclasses
import sys
from pathlib import Path

import pytest

from runner.bundle import layout
from tests.runner.bundle.parts import ARM64, Program, write

GOOD = Program(needed=("libc.so.6", "ld-linux-aarch64.so.1"))


def findings(tmp_path, program, glibc="2.36"):
    write(tmp_path, {"lib/libc.so.6": Program(), "site/a/x.so": program})
    return list(layout.find_problems(tmp_path, tmp_path / "site/a/x.so", ARM64, glibc))


def test_facts_are_read(tmp_path):
    program = Program(
        needed=("a.so", "b.so"), search="$ORIGIN:/opt/lib:", runpath=False, machine="amd64", alignment=4096
    )
    write(tmp_path, {"x": program})
    assert layout.read_elf(tmp_path / "x") == layout.Elf(
        machine="EM_X86_64",
        needed=("a.so", "b.so"),
        search=("$ORIGIN", "/opt/lib"),
        alignment=4096,
        executable_stack=False,
        text_relocations=False,
        glibc=(0,),
    )


def test_the_newest_glibc_that_a_real_library_needs_is_read():
    umath = pytest.importorskip("numpy._core._multiarray_umath")
    if not sys.platform.startswith("linux"):
        pytest.skip("libraries are ELF on Linux only")
    facts = layout.read_elf(Path(umath.__file__))
    assert (2, 17) <= facts.glibc <= (2, 28)  # its wheel is for manylinux_2_27
    assert "libc.so.6" in facts.needed


def test_a_library_that_runs_everywhere_has_no_findings(tmp_path):
    assert findings(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"machine": "amd64"}, "site/a/x.so is for EM_X86_64, not EM_AARCH64"),
        ({"alignment": 4096}, "site/a/x.so is aligned to 4096 bytes, not 16384"),
        ({"stack": 7}, "site/a/x.so requires an executable stack"),
        ({"stack": None}, "site/a/x.so requires an executable stack"),
        ({"text_relocations": "tag"}, "site/a/x.so contains text relocations"),
        ({"text_relocations": "flag"}, "site/a/x.so contains text relocations"),
        ({"search": "/usr/local/cuda/lib64"}, "site/a/x.so searches /usr/local/cuda/lib64"),
        ({"needed": ("libcuda.so.1",)}, "site/a/x.so needs libcuda.so.1, which is not in the bundle"),
    ],
)
def test_obstacles_in_a_program_are_found(tmp_path, changed, finding):
    assert findings(tmp_path, dataclasses.replace(GOOD, **changed)) == [finding]


def test_16_kb_are_enough_and_less_is_not(tmp_path):
    assert findings(tmp_path, dataclasses.replace(GOOD, alignment=16384)) == []
    assert findings(tmp_path, dataclasses.replace(GOOD, alignment=8192)) != []


def test_a_newer_glibc_than_the_bundle_has_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(layout, "_versions", lambda _: [(2, 17), (2, 34)])
    assert findings(tmp_path, GOOD, "2.36") == []
    assert findings(tmp_path, GOOD, "2.34") == []
    assert findings(tmp_path, GOOD, "2.31") == ["site/a/x.so needs glibc 2.34, but the bundle has 2.31"]


def test_a_library_is_found_beside_where_its_search_path_says(tmp_path):
    write(tmp_path, {"site/a.libs/libq.so": GOOD})
    beside = dataclasses.replace(GOOD, needed=("libq.so",), search="$ORIGIN/../a.libs")
    assert findings(tmp_path, beside) == []
    elsewhere = dataclasses.replace(beside, search="$ORIGIN/../b.libs")
    assert findings(tmp_path, elsewhere) == ["site/a/x.so needs libq.so, which is not in the bundle"]


def test_libraries_that_a_wheel_brings_find_each_other(tmp_path):
    write(
        tmp_path,
        {"lib/libc.so.6": GOOD, "site/a.libs/libp.so": GOOD, "site/a.libs/libq.so": Program(needed=("libp.so",))},
    )
    assert list(layout.find_problems(tmp_path, tmp_path / "site/a.libs/libq.so", ARM64, "2.36")) == []
    write(tmp_path, {"site/a/libq.so": Program(needed=("libp.so",)), "site/a/libp.so": GOOD})
    assert len(list(layout.find_problems(tmp_path, tmp_path / "site/a/libq.so", ARM64, "2.36"))) == 1


def test_searches_are_kept_within_the_bundle(tmp_path):
    search = "/home/builder/lib:$ORIGIN/lib:/usr/local/lib:/opt"
    program = Program(needed=("/home/builder/lib.txt",), search=search)
    write(tmp_path, {"x": program})
    layout.confine_search_paths(tmp_path / "x")
    facts = layout.read_elf(tmp_path / "x")
    # "/opt" is too short to be overwritten and stays a finding
    assert facts.search == ("$ORIGIN" + "/" * 10, "$ORIGIN/lib", "$ORIGIN" + "/" * 7, "/opt")
    assert facts.needed == program.needed
    assert (tmp_path / "x").stat().st_size == len(program.bytes())


def test_a_file_without_such_searches_is_not_touched(tmp_path):
    write(tmp_path, {"x": GOOD})
    before = (tmp_path / "x").stat().st_mtime_ns
    layout.confine_search_paths(tmp_path / "x")
    assert (tmp_path / "x").stat().st_mtime_ns == before
    assert (tmp_path / "x").read_bytes() == GOOD.bytes()


def test_a_text_is_no_program(tmp_path):
    write(tmp_path, {"a": "\x7fEL", "b": "", "c": GOOD})
    assert [layout.is_elf(tmp_path / name) for name in "abc"] == [False, False, True]


def test_an_executable_stack_is_forgone_and_nothing_else_changes(tmp_path):
    asks, plain = dataclasses.replace(GOOD, stack=7), dataclasses.replace(GOOD, stack=6)
    write(tmp_path, {"x": asks})
    layout.forgo_executable_stack(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == plain.bytes() != asks.bytes()
