"""Make up packages for tests: programs of a few bytes, Debian packages and wheels."""

import struct
import subprocess
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from runner.bundle.recipes import ARCHITECTURES, Recipe

MACHINES = {"arm64": 183, "amd64": 62}  # EM_AARCH64, EM_X86_64
_LOAD, _DYNAMIC, _STACK = 1, 2, 0x6474E551
_NEEDED, _STRTAB, _STRSZ, _RPATH, _RUNPATH, _FLAGS, _TEXTREL = 1, 5, 10, 15, 29, 30, 22


@dataclass(frozen=True)
class Program:
    """An ELF file with the headers that are read, and without code."""

    needed: tuple = ()
    search: str = ""
    runpath: bool = True
    machine: str = "arm64"
    alignment: int = 65536
    stack: int | None = 6  # flags of the header, where 6 is read and write; None for no such header
    text_relocations: str = ""  # "tag" or "flag"

    def bytes(self) -> bytes:
        strings = b"\0" + b"".join(name.encode() + b"\0" for name in (*self.needed, self.search))
        headers = 2 + (self.stack is not None)
        text = 64 + 56 * headers
        dynamic = -(-(text + len(strings)) // 8) * 8
        at, entries = 1, []
        for name in self.needed:
            entries.append((_NEEDED, at))
            at += len(name) + 1
        if self.search:
            entries.append((_RUNPATH if self.runpath else _RPATH, at))
        entries += {"": [], "tag": [(_TEXTREL, 0)], "flag": [(_FLAGS, 4)]}[self.text_relocations]
        entries += [(_STRTAB, text), (_STRSZ, len(strings)), (0, 0)]
        body = b"".join(struct.pack("<qQ", *entry) for entry in entries)
        size = dynamic + len(body)
        elf = b"\x7fELF\x02\x01\x01" + bytes(9)
        elf += struct.pack("<HHIQQQIHHHHHH", 3, MACHINES[self.machine], 1, 0, 64, 0, 0, 64, 56, headers, 64, 0, 0)
        elf += struct.pack("<IIQQQQQQ", _LOAD, 5, 0, 0, 0, size, size, self.alignment)
        elf += struct.pack("<IIQQQQQQ", _DYNAMIC, 6, dynamic, dynamic, dynamic, len(body), len(body), 8)
        if self.stack is not None:
            elf += struct.pack("<IIQQQQQQ", _STACK, self.stack, 0, 0, 0, 0, 0, 16)
        return (elf + strings).ljust(dynamic, b"\0") + body


def write(folder: Path, files: dict) -> Path:
    """Write files below a folder from bytes, text or a Program; a Path becomes a link to it."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            path.symlink_to(content)
        elif isinstance(content, Program):
            path.write_bytes(content.bytes())
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def make_deb(folder: Path, name: str, version: str, files: dict, architecture: str = "arm64") -> Path:
    """Make a Debian package with dpkg-deb."""
    root = write(folder / f"{name}-tree", files)
    control = f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: nobody <n@example>\n"
    write(root, {"DEBIAN/control": f"{control}Description: made up\n"})
    path = folder / f"{name}_{version}_{architecture}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, path], check=True, capture_output=True)
    return path


def make_wheel(folder: Path, filename: str, files: dict) -> Path:
    path = folder / filename
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content.bytes() if isinstance(content, Program) else content)
    return path


ARM64 = ARCHITECTURES["arm64"]
RECIPE = Recipe(
    name="tiny",
    frameworks=("tflite",),
    environment="main",
    suite="bookworm",
    glibc="2.36",
    python="3.11",
    debian=("libc6", "python3.11-minimal"),
    libraries=(),
    wheels=("thing==1.0",),
    imports=("thing",),
    leave_out=("site/*/tests/*", "lib/python3.*/test/*", "*.pyc"),
)
_LIB = "lib/aarch64-linux-gnu"
LIBC = {
    f"{_LIB}/ld-2.36.so": Program(),
    f"{_LIB}/ld-linux-aarch64.so.1": Path("ld-2.36.so"),
    f"{_LIB}/libc-2.36.so": Program(needed=("ld-linux-aarch64.so.1",)),
    f"{_LIB}/libc.so.6": Path("libc-2.36.so"),
    f"{_LIB}/libnever.so.1": Program(),
    f"usr/{_LIB}/libz.so.1.2.13": Program(needed=("libc.so.6",)),
    f"usr/{_LIB}/libz.so.1": Path(f"/usr/{_LIB}/libz.so.1.2.13"),  # path from the root of the package
}
PYTHON = {
    "usr/bin/python3.11": Program(needed=("libc.so.6",)),
    "usr/lib/python3.11/os.py": "",
    "usr/lib/python3.11/sitecustomize.py": Path("/etc/python3.11/sitecustomize.py"),  # belongs to no package
    "usr/lib/python3.11/test/big.py": "",
    "usr/lib/python3.11/lib-dynload/zlib.so": Program(needed=("libz.so.1", "libc.so.6")),
    "usr/share/doc/python3.11/README": "",
}
THING = {
    "thing/__init__.py": "",
    "thing/tests/test_thing.py": "",
    "thing/part.so": Program(needed=("libthing.so", "libc.so.6"), search="/home/builder/lib:$ORIGIN/../thing.libs"),
    "thing.libs/libthing.so": Program(needed=("libc.so.6",)),
    "thing-1.0.data/purelib/extra.py": "",
    "thing-1.0.data/scripts/thing": "",
    "thing-1.0.dist-info/METADATA": "",
}
LAID_OUT = {
    "bin/python3",
    "lib/ld.so",
    "lib/libc.so.6",
    "lib/libz.so.1",
    "lib/python3.11/lib-dynload/zlib.so",
    "lib/python3.11/os.py",
    "site/extra.py",
    "site/thing-1.0.dist-info/METADATA",
    "site/thing.libs/libthing.so",
    "site/thing/__init__.py",
    "site/thing/part.so",
}


@dataclass
class TinyArchive:
    """A stand-in for Debian's archive and pip that provides the packages above and counts the downloads."""

    folder: Path
    requests: list = field(default_factory=list)

    def packages(self, parts):
        self.requests.append([part.name for part in parts])
        folder = self.folder / f"debs-{len(self.requests)}"
        folder.mkdir()
        trees = {"libc6": LIBC, "python3.11-minimal": PYTHON}
        return [make_deb(folder, part.name, part.version, trees[part.name]) for part in parts]

    def wheels(self, recipe, architecture, parts, folder):
        self.requests.append([part.name for part in parts])
        return [make_wheel(folder, "thing-1.0-py3-none-any.whl", THING)]


def names(folder: Path) -> set:
    """Return the names of the files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
