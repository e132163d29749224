import dataclasses
import errno
import json
import shutil
import tarfile

import pytest

from aiot_suite.errors import SetupError
from runner.bundle import build, layout, packages
from runner.bundle.recipes import BundlePart, Lock
from tests.runner.bundle.parts import ARM64, LAID_OUT, RECIPE, TinyArchive

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb here")
LOCK = Lock(
    RECIPE,
    ARM64,
    (
        BundlePart("debian", "libc6", "2.36", "0" * 64),
        BundlePart("debian", "python3.11-minimal", "3.11", "1" * 64),
        BundlePart("wheel", "thing", "1.0", "2" * 64),
    ),
)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Replace Debian's archive and pip by made-up packages, and the cache by an empty one."""
    tiny = TinyArchive(tmp_path)
    opened = type("Opened", (), {"download": staticmethod(tiny.packages)})
    monkeypatch.setattr(packages.Apt, "open", lambda *_: opened)
    monkeypatch.setattr(packages, "download_wheels", tiny.wheels)
    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "cache"))
    return tiny


def silent(_):
    pass


def test_a_bundle_is_one_archive_named_by_its_content_with_a_manifest(archive):
    messages = []
    bundle = build.build_lock(LOCK, messages.append)
    assert bundle.path.name == f"tiny-arm64-{bundle.sha256[:12]}.tar"
    assert bundle.path.stat().st_size == bundle.size_bytes
    assert (bundle.frameworks, bundle.environment, bundle.python, bundle.imports) == (
        ("tflite",),
        "main",
        "3.11",
        ("thing",),
    )
    assert bundle.parts == LOCK.parts
    with tarfile.open(bundle.path) as tar:
        assert {member.name for member in tar if member.isfile()} == LAID_OUT | {"bundle.json"}
        inside = json.load(tar.extractfile("bundle.json"))
    assert inside == {"name": "tiny-arm64", "parts": [dataclasses.asdict(part) for part in LOCK.parts]}
    assert messages[-1] == "checked 7 programs and libraries"
    suffixes = {path.suffix for path in build.folder().iterdir()}
    assert suffixes == {".tar", ".json", ".lock"}


def test_it_is_made_once(archive):
    bundle = build.build_lock(LOCK, silent)
    assert build.build_lock(LOCK, silent) == bundle == build.find_locked(LOCK)
    assert archive.requests == [["libc6", "python3.11-minimal"], ["thing"]]


def test_the_same_lock_gives_the_same_archive_elsewhere(archive, tmp_path, monkeypatch):
    first = build.build_lock(LOCK, silent)
    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "elsewhere"))
    second = build.build_lock(LOCK, silent)
    assert first.path != second.path
    assert first.sha256 == second.sha256


def test_another_lock_is_another_bundle(archive):
    first = build.build_lock(LOCK, silent)
    other = dataclasses.replace(LOCK, recipe=dataclasses.replace(RECIPE, leave_out=("*.pyc",)))
    assert build.find_locked(other) is None
    assert build.build_lock(other, silent).sha256 != first.sha256
    assert build.find_locked(LOCK) == first


@pytest.mark.parametrize("damage", ["gone", "short", "manifest"])
def test_a_damaged_bundle_is_built_again(archive, damage):
    bundle = build.build_lock(LOCK, silent)
    if damage == "gone":
        bundle.path.unlink()
    elif damage == "short":
        bundle.path.write_bytes(b"half")
    else:
        next(build.folder().glob("*.json")).write_text("{")
    assert build.find_locked(LOCK) is None
    again = build.build_lock(LOCK, silent)
    assert again == bundle
    assert again.path.stat().st_size == bundle.size_bytes


def test_a_bundle_that_would_not_run_is_not_kept(archive):
    old = dataclasses.replace(LOCK, recipe=dataclasses.replace(RECIPE, leave_out=("site/thing.libs/*",)))
    with pytest.raises(SetupError, match=r"site/thing/part\.so needs libthing\.so, which is not in the bundle"):
        build.build_lock(old, silent)
    assert [path.suffix for path in build.folder().iterdir()] == [".lock"]


def test_a_full_disk_is_one_sentence_and_leaves_nothing(archive, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(layout, "pack_folder", full)
    with pytest.raises(
        SetupError, match=r"No space is left in .*bundles: free some space, or choose another folder with AIOT_CACHE"
    ):
        build.build_lock(LOCK, silent)
    assert [path.suffix for path in build.folder().iterdir()] == [".lock"]


def test_a_bundle_is_found_by_framework_and_architecture(archive, monkeypatch):
    monkeypatch.setattr(build, "recipe_for", {"tflite": "tiny"}.__getitem__)
    monkeypatch.setattr(build, "lock_of", lambda *names: {("tiny", "arm64"): LOCK}[names])
    assert build.find("tflite", "arm64") is None
    bundle = build.build("tflite", "arm64", silent)
    assert build.find("tflite", "arm64") == bundle


def test_the_lock_takes_what_the_archives_have_now(monkeypatch):
    opened = []

    class Opened:
        def __init__(self, _, suite, architecture):
            opened.append((suite, architecture))

        def candidate(self, name):
            return BundlePart("debian", name, f"of {opened[-1][1]}", "0" * 64)

    wheel = BundlePart("wheel", "thing", "1.0", "2" * 64)
    monkeypatch.setattr(build, "load_recipes", lambda: {"tiny": RECIPE})
    monkeypatch.setattr(packages.Apt, "open", Opened)
    monkeypatch.setattr(packages, "wheel_candidates", lambda *_: [wheel])
    locks = build.renew_lock(silent)
    assert opened == [("bookworm", "arm64"), ("bookworm", "amd64")]
    assert [lock.name for lock in locks] == ["tiny-arm64", "tiny-amd64"]
    assert [(part.name, part.version) for part in locks[1].parts] == [
        ("libc6", "of amd64"),
        ("python3.11-minimal", "of amd64"),
        ("thing", "1.0"),
    ]
