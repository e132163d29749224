"""Tests of real conversions to Caffe2 and PyTorch Mobile in the environment of Python 3.9."""

import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aiot_suite import catalog, environments, prepare
from aiot_suite.errors import ModelError
from aiot_suite.facts import load_artifacts, load_unsupported
from aiot_suite.suite import Instance
from aiot_suite.workspace import Workspace
from runner.devices.local import LocalDevice
from runner.parity import add, check

torch = pytest.importorskip("torch", reason="converting needs the extra `models`")
LEGACY = environments.interpreter_path("legacy")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LEGACY is None, reason=f"no legacy environment: {environments.INSTALL_LEGACY}"),
]
TINY = """
SETTINGS = {"size": 48}

def build(classes):
    from torch import nn
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, classes),
    )
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """Make a workspace with a plug-in for a small network with every kind of layer, its weights, and pictures."""
    root = tmp_path_factory.mktemp("legacy")
    (root / "plugins" / "models").mkdir(parents=True)
    (root / "plugins" / "models" / "tiny.py").write_text(TINY)
    torch.manual_seed(0)
    network = catalog.load(root / "plugins").models["tiny"].build(10)
    (root / "weights").mkdir()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    np.savez(root / "weights" / "tiny.npz", **state)
    rng = np.random.default_rng(0)
    for number in range(6):
        pixels = rng.integers(0, 256, (60 + 10 * number, 90, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((200, 130)).save(root / f"{number}.jpg")
    return Workspace(root)


def outputs(space, framework):
    """Return the outputs of a framework's file for the pictures, of shape (6, 10), and the record of the file."""
    instance = Instance(framework, "cpu", "float32", "tiny")
    common = {"kind": str(space.root / "weights"), "folder": space.models / "weights", "cache": space.models}
    [artifact], _ = prepare.prepare([instance], plugins=space.plugins, **common)
    shown = [(f"{number}.jpg", 0) for number in range(6)]
    device = LocalDevice(space.staging, "salt")
    return check.outputs(artifact, catalog.load(space.plugins), device, space.root, shown), artifact


@pytest.mark.parametrize("framework", ["caffe2", "pytorch"])
def test_a_network_has_the_same_outputs_in_the_legacy_environment(space, framework):
    scores, artifact = outputs(space, framework)
    assert (artifact.environment, artifact.made_with["torch"]) == ("legacy", "1.10.2")
    original = catalog.load(space.plugins).models["tiny"].build(10)
    with np.load(space.root / "weights" / "tiny.npz") as arrays:
        original.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    from aiot_suite.preprocess import Preprocess, decode

    preprocess = Preprocess.of(artifact.settings.with_layout("NCHW").record())
    tensors = [preprocess(decode((space.root / f"{number}.jpg").read_bytes())).copy() for number in range(6)]
    with torch.inference_mode():
        expected = original(torch.from_numpy(np.concatenate(tensors))).numpy()
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_a_network_that_the_legacy_torchvision_lacks_is_left_out(tmp_path):
    """ConvNeXt-Tiny requires torchvision 0.12; SqueezeNet, requested in the same call, is built."""
    names = ("squeezenet", "convnext_tiny")
    instances = [Instance("caffe2", "cpu", "float32", name) for name in names]
    artifacts, _ = prepare.prepare(instances, kind="random", folder=tmp_path / "random", cache=tmp_path, jobs=1)
    assert [artifact.name for artifact in artifacts] == ["caffe2_float32_squeezenet"]
    [(name, reason)] = load_unsupported(tmp_path / "random").items()
    assert name == "caffe2_float32_convnext_tiny"
    version = environments.versions("legacy", ("torchvision",))["torchvision"]
    assert reason == (
        f"the legacy environment does not support it (torchvision {version} has no network convnext_tiny)"
    )


def test_both_environments_make_the_same_pixels(space):
    """If their versions of Pillow rounded differently when resizing, the environments could not be compared."""
    code = (
        "import sys, hashlib, numpy; from aiot_suite.preprocess import decode, resized, RESIZE_WAYS\n"
        "image = decode(open(sys.argv[1], 'rb').read())\n"
        "pixels = [numpy.asarray(resized(image, 224, way, 256)).tobytes() for way in RESIZE_WAYS]\n"
        "print([hashlib.sha256(one).hexdigest() for one in pixels])"
    )
    pixels = [
        subprocess.run(
            [environments.interpreter_path(name), "-c", code, str(space.root / "3.jpg")],
            env={**environments.clean_environment(), "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in environments.NAMES
    ]
    assert pixels[0] == pixels[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x00\x01nothing", "is not a Caffe2 model: File is not a zip file"),
        ({"init_net.pb": b""}, "is not a Caffe2 model: .*predict_net.pb"),
        ({"init_net.pb": b"\xff\xff", "predict_net.pb": b""}, "does not contain a Caffe2 net"),
    ],
)
def test_a_file_that_is_no_caffe2_model_is_refused(space, tmp_path, content, sentence):
    file = tmp_path / "model.zip"
    if isinstance(content, bytes):
        file.write_bytes(content)
    else:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    with pytest.raises(
        ModelError, match=f"cannot be run by caffe2 in the environment legacy: the message is .*{sentence}"
    ):
        added(space, file, "caffe2", tmp_path)


def test_a_file_of_a_newer_pytorch_runs_in_the_main_environment(space, tmp_path):
    """torch 1.10 rejects files written by torch 2.13, so the file runs in the environment that can load it."""
    from aiot_suite.convert import to_pytorch

    file = tmp_path / "new.ptl"
    to_pytorch.convert_float32(catalog.load(space.plugins).models["tiny"].build(10), 48, file)
    assert added(space, file, "pytorch", tmp_path).environment == "main"
    _, old = outputs(space, "pytorch")
    assert added(space, old.path, "pytorch", tmp_path).environment == "legacy"


def added(space, file, framework, folder):
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"size": 48, "classes": 10}))
    target = folder / "models"
    artifact = add.add(
        file,
        Instance(framework, "cpu", "float32", "tiny"),
        name="mine",
        settings_file=settings,
        folder=target,
        known=catalog.load(space.plugins),
        device=LocalDevice(space.staging, "salt"),
    )
    assert load_artifacts(target) == {artifact.name: artifact}
    return artifact
