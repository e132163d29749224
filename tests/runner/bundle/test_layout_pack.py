import os
import random
import subprocess
import tarfile
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.bundle import layout as module
from runner.bundle.layout import pack_folder
from tests.runner.bundle.parts import write

FILES = {"bin/python3": b"\x7fELF", "lib/ld.so": b"x", "lib/a.py": b"", "site/" + "long/" * 25 + "name.py": b"deep"}


def packed(folder, files, tmp_path, name="a.tar"):
    write(folder, files)
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    pack_folder(folder, tmp_path / name)
    return tmp_path / name


def test_the_same_files_are_the_same_archive(tmp_path):
    first = packed(tmp_path / "a", FILES, tmp_path)
    shuffled = list(FILES.items())
    random.Random(1).shuffle(shuffled)
    second = packed(tmp_path / "b", dict(shuffled), tmp_path, "b.tar")
    os.utime(tmp_path / "b" / "lib/a.py", (5, 5))
    (tmp_path / "b" / "lib/a.py").chmod(0o600)
    pack_folder(tmp_path / "b", second)
    assert first.read_bytes() == second.read_bytes()
    (tmp_path / "b" / "lib/a.py").write_text("#")
    pack_folder(tmp_path / "b", second)
    assert first.read_bytes() != second.read_bytes()


def test_an_archive_has_files_and_folders_of_nobody_and_no_link(tmp_path):
    folder = write(tmp_path / "a", FILES)
    (folder / "lib" / "twin.py").hardlink_to(folder / "bin" / "python3")  # Android refuses to unpack hard links
    with tarfile.open(packed(folder, {}, tmp_path)) as tar:
        members = tar.getmembers()
        assert {member.name: tar.extractfile(member).read() for member in members if member.isfile()} == {
            **FILES,
            "lib/twin.py": FILES["bin/python3"],
        }
    assert all(member.isfile() or member.isdir() for member in members)
    assert {(member.mtime, member.uid, member.gid, member.uname) for member in members} == {(0, 0, 0, "")}
    modes = {member.name: member.mode for member in members}
    assert (modes["bin/python3"], modes["lib/ld.so"], modes["lib/a.py"], modes["tmp"]) == (0o755, 0o755, 0o644, 0o755)
    assert [member.name for member in members] == sorted(modes, key=lambda name: name.split("/"))


def test_a_link_is_refused(tmp_path):
    folder = write(tmp_path / "a", FILES)
    (folder / "lib" / "link").symlink_to("a.py")
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        pack_folder(folder, tmp_path / "a.tar")


NAMES = st.lists(
    st.text("abz_.-0", min_size=1, max_size=9).filter(lambda name: name.strip(".")), min_size=1, max_size=4
)


@given(st.dictionaries(NAMES.map("/".join), st.binary(max_size=50), max_size=6))
def test_whatever_is_packed_comes_out_and_no_member_is_large(tmp_path_factory, files):
    packable = {name: data for name, data in files.items() if not any(other.startswith(f"{name}/") for other in files)}
    tmp_path = tmp_path_factory.mktemp("pack")
    with (
        patch.object(module, "PIECE_BYTES", 12),
        tarfile.open(packed(tmp_path / "a", packable, tmp_path)) as tar,
    ):
        assert all(member.size <= 12 for member in tar.getmembers())
        tar.extractall(tmp_path / "out", filter="data")
    subprocess.run(["sh", "-c", module.JOIN], cwd=tmp_path / "out", check=True)
    unpacked = {
        str(p.relative_to(tmp_path / "out")): p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    assert unpacked == packable
