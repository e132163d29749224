"""Fixtures: a workspace with tiny networks, which are really converted, and twelve drawn pictures."""

import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from aiot_suite import catalog
from aiot_suite.datasets import store
from aiot_suite.datasets.sample import CLASS_NAMES, draw_jpeg
from aiot_suite.facts import Artifact, Settings, load_artifacts
from aiot_suite.suite import PROFILES, Instance
from aiot_suite.workspace import Workspace, sha256_of
from runner import run_request
from tests.sharing import built_once

SIZE = 32
TINY = [
    Instance("tflite", "cpu", "float32", "squeezenet"),
    Instance("tflite", "cpu", "int8", "squeezenet"),
    Instance("pytorch", "cpu", "float32", "mnasnet"),
]


def make_dataset(folder: Path, count: int = 12, step: int = 7) -> store.Dataset:
    """Make a dataset of `count` pictures, whose classes increase by `step` from one picture to the next."""
    (folder / "images").mkdir(parents=True)
    images = []
    for number in range(count):
        label = number * step
        (folder / "images" / f"{number}.jpg").write_bytes(draw_jpeg(label, number))
        images.append((f"{number}.jpg", label))
    return store.write(
        folder,
        name="sample",
        label_space="sample-100",
        images=images,
        classes=dict(enumerate(CLASS_NAMES)),
        made_by={"tool": "test"},
    )


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """Convert a three-layer network under the names squeezenet (TFLite) and mnasnet (PyTorch Mobile)."""
    torch = pytest.importorskip("torch", reason="converting needs the extra `models`")
    pytest.importorskip("litert_torch", reason="converting needs the extra `models`")

    def convert(folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the converters use deprecated functions of their own libraries
            _convert(folder, torch)

    return built_once(tmp_path_factory, "tiny-models", convert)


def _convert(folder, torch):
    from aiot_suite.convert import to_pytorch, to_tflite
    from aiot_suite.convert.calibration import sample_inputs

    torch.manual_seed(0)
    layers = torch.nn
    network = layers.Sequential(
        layers.Conv2d(3, 8, 5, stride=4),
        layers.ReLU(),
        layers.AdaptiveAvgPool2d(1),
        layers.Flatten(),
        layers.Linear(8, 100),
    ).eval()
    for instance in TINY:
        converter = to_pytorch if instance.framework == "pytorch" else to_tflite
        settings = Settings(size=SIZE, label_space="sample-100", classes=100, layout=converter.LAYOUT)
        path = folder / f"{instance.artifact}{converter.SUFFIX}"
        if instance.quantization == "float32":
            converter.convert_float32(network, SIZE, path)
        else:
            to_tflite.quantize(folder / "tflite_float32_squeezenet.tflite", "int8", sample_inputs(settings, 8), path)
        Artifact(
            path=path,
            name=instance.artifact,
            sha256=sha256_of(path),
            size_bytes=path.stat().st_size,
            weights="sample",
            weights_sha256="0" * 64,
            settings=settings,
            made_with={},
            source_key="test",
        ).save()


@pytest.fixture
def request_(workspace: Workspace) -> run_request.RunRequest:
    """Return the request of a run of the tiny networks: each picture twice, after one warmup."""
    return run_request.RunRequest(
        instances=TINY,
        profile=replace(PROFILES["paper"], warmups=1, passes=2),
        seed=0,
        threads=1,
        dataset=store.load(workspace.datasets / "sample"),
        artifacts=load_artifacts(workspace.models / "sample"),
        catalog=catalog.load(),
        checks={},
        timeout_s=120,
    )


@pytest.fixture
def workspace(tmp_path, tiny_folder, monkeypatch) -> Workspace:
    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "cache"))  # no legacy environment, even if this machine has one
    space = Workspace(tmp_path)
    shutil.copytree(tiny_folder, space.models / "sample")
    make_dataset(space.datasets / "sample")
    return space
