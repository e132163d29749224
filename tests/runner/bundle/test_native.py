"""Tests of bundles for this machine's own processor, built from real packages of Debian and pip, and run."""

import dataclasses
import json
import platform
import sys
import tarfile
from pathlib import Path

import pytest

from aiot_suite import catalog
from aiot_suite.datasets import store
from aiot_suite.errors import SetupError
from aiot_suite.facts import load_artifacts
from runner.bundle import build, packages
from runner.bundle.layout import python_command
from runner.bundle.packages import Apt
from runner.bundle.recipes import architecture_for, lock_of
from tests.runner.bundle.devices import Unpacked, answers, host_answers, push_agent, run

pytestmark = pytest.mark.slow
HERE = architecture_for(platform.machine())


@pytest.fixture(scope="module")
def archive():
    """Return Debian's archive, or skip the test with the reason."""
    try:
        return packages.archive()
    except SetupError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def bundle(archive):
    return build.build("tflite", HERE, print)


@pytest.fixture(scope="module")
def device(bundle, tmp_path_factory):
    return Unpacked.of(bundle, tmp_path_factory.mktemp("device") / "bundle")


def test_python_starts_with_nothing_of_this_machine(device):
    report = device.first()
    root = str(device.root)
    assert report["python"].startswith("3.11.")
    assert report["prefix"] == root
    assert report["machine"] == platform.machine()
    assert {path for path in report["path"] if not path.startswith(root + "/")} <= {""}  # "" is the entry for -c
    assert report["files"]
    assert [path for path in report["files"] if not path.startswith(root + "/")] == []
    assert f"{root}/site/numpy/__init__.py" in report["files"]
    assert list(device.root.glob("site/numpy/__pycache__/*.pyc"))  # later starts do not compile it again


def test_no_library_of_this_machine_is_opened(device):
    program = (
        "import numpy, PIL.Image, ctypes, bz2, lzma, zlib, json, sys\n"
        "import ai_edge_litert.interpreter, onnxruntime, ncnn, MNN.nn\n"
        "ctypes.CDLL(None).fflush(None)\n"  # MNN prints a line of its own
        "for line in open('/proc/self/maps'):\n"
        "    if '/' in line: print(line.split(None, 5)[5].strip())\n"
        "print(sys.executable)"
    )
    lines = run(device.words("-c", program), device.root).splitlines()
    *mapped, executable = [line for line in lines if line.startswith("/")]
    assert executable == f"{device.root}/bin/python3"
    assert any(path.endswith("/lib/libc.so.6") for path in mapped)
    assert {path for path in mapped if not path.startswith(f"{device.root}/")} == set()


def test_a_device_without_tmp_user_and_home_is_enough(device):
    program = (
        "import getpass, json, os, pathlib, tempfile\n"
        "with tempfile.NamedTemporaryFile() as file: told = [os.path.dirname(file.name)]\n"
        "print(json.dumps([*told, str(pathlib.Path.home()), getpass.getuser(), sorted(os.environ)]))"
    )
    temporary, home, user, variables = json.loads(run(device.words("-c", program), device.root))
    assert (temporary, home, user) == (f"{device.root}/tmp", f"{device.root}/tmp", "shell")
    set_names = {word.split("=")[0] for word in python_command("/b", []) if "=" in word}
    assert set(variables) == set_names


def test_the_agent_gives_the_answers_that_it_gives_here(device, workspace, tmp_path):
    dataset = store.load(workspace.datasets / "sample")
    agent = push_agent(tmp_path / "agent")
    for name in ("tflite_float32_squeezenet", "tflite_int8_squeezenet"):
        artifact = load_artifacts(workspace.models / "sample")[name]
        on_device = answers(device.words(), agent, tmp_path / f"{name}.there.jsonl", artifact, "tflite", dataset)
        on_host = host_answers(
            Path(sys.executable), agent, tmp_path / f"{name}.here.jsonl", artifact, "tflite", dataset
        )
        assert len(on_device) == len(dataset.images)
        assert on_device == on_host


@pytest.mark.parametrize("framework", ["onnxruntime", "ncnn", "mnn"])
@pytest.mark.filterwarnings("ignore")  # exporters use deprecated functions of PyTorch
def test_the_runtimes_of_today_give_the_answers_that_they_give_here(device, workspace, tmp_path, framework):
    host = catalog.load().frameworks[framework].host
    pytest.importorskip(host.IMPORTS[0], reason=f"needs the extra `{framework}`")
    torch = pytest.importorskip("torch", reason="converting needs the extra `models`")
    layers = torch.nn
    network = layers.Sequential(layers.Conv2d(3, 100, 5, stride=4), layers.AdaptiveAvgPool2d(1), layers.Flatten())
    like = load_artifacts(workspace.models / "sample")["tflite_float32_squeezenet"]
    artifact = dataclasses.replace(
        like, path=tmp_path / f"model{host.SUFFIX}", settings=like.settings.with_layout(host.LAYOUT)
    )
    host.convert_float32(network.eval(), artifact.settings.size, artifact.path)
    dataset, agent = store.load(workspace.datasets / "sample"), push_agent(tmp_path / "agent")
    on_device = answers(device.words(), agent, tmp_path / "there.jsonl", artifact, framework, dataset)
    on_host = host_answers(Path(sys.executable), agent, tmp_path / "here.jsonl", artifact, framework, dataset)
    assert len(on_device) == len(dataset.images)
    assert on_device == on_host


def test_every_file_of_the_archive_is_a_file_or_a_folder(bundle):
    with tarfile.open(bundle.path) as tar:
        assert all(member.isfile() or member.isdir() for member in tar)
    assert 30e6 < bundle.size_bytes < 250e6


def test_a_version_that_debian_does_not_have_is_one_sentence(archive, tmp_path):
    apt = Apt.open(tmp_path, "bookworm", HERE)
    part = next(part for part in lock_of("main", HERE).parts if part.name == "zlib1g")
    assert apt.candidate("zlib1g") == part
    with pytest.raises(SetupError, match=rf"no longer has zlib1g 0\.1 \(bookworm, {HERE}\): run `aiot bundle lock`"):
        apt.download([dataclasses.replace(part, version="0.1")])
    with pytest.raises(SetupError, match=r"zlib1g_.*\.deb has the SHA-256 .*, but the lock says 000"):
        apt.download([dataclasses.replace(part, sha256="0" * 64)])
    with pytest.raises(SetupError, match=r"bookworm has no package nothing-of-this-name"):
        apt.candidate("nothing-of-this-name")


def test_a_suite_that_debian_does_not_have_is_one_sentence(archive, tmp_path):
    with pytest.raises(
        SetupError,
        match=r"Debian's package list for nowhere cannot be downloaded: apt-get says .E: The repository .*nowhere",
    ):
        Apt.open(tmp_path, "nowhere", HERE)
