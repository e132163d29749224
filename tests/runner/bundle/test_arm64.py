"""The bundles for arm64 under qemu-user: the same answers as here. Nothing of it says how fast a phone is."""

import os

import pytest

from runner import environments
from runner.bundle import build
from runner.dataset import store
from runner.dataset.drawing import CLASS_NAMES, draw_jpeg
from runner.errors import SetupError
from runner.suite import Instance
from runner.zoo.prepare import prepare
from tests.runner.bundle import qemu
from tests.runner.bundle.devices import Unpacked, answers, host_answers, push_agent

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("AIOT_E2E_ALL") != "1", reason="it takes minutes under qemu-user: run `make e2e-all`"
    ),
]
MODEL = "squeezenet"
IMAGES = 20
PROCESSORS = {"tflite": "cortex-a53", "pytorch": "cortex-a76", "caffe2": "cortex-a76"}


@pytest.fixture(scope="module")
def emulator():
    try:
        return qemu.emulator()
    except SetupError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    (folder / "images").mkdir()
    images = [(f"{number}.jpg", number * 5) for number in range(IMAGES)]
    for number, (name, label) in enumerate(images):
        (folder / "images" / name).write_bytes(draw_jpeg(label, number))
    return store.write(
        folder,
        name="sample",
        label_space="sample-100",
        images=images,
        classes=dict(enumerate(CLASS_NAMES)),
        made_by={"tool": "test"},
    )


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A function that makes the bundle of a framework and unpacks it, once each."""
    there = {}

    def get(framework):
        made = build.build(framework, "arm64", print)
        if made.name not in there:
            there[made.name] = Unpacked.of(made, tmp_path_factory.mktemp("device") / made.name)
        return there[made.name]

    return get


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """A function from a framework to a light model, converted as the suite does."""
    folder = tmp_path_factory.mktemp("models")

    def get(framework):
        instance = Instance(framework, "cpu", "float32", MODEL)
        found, _ = prepare([instance], kind="sample", folder=folder, cache=folder / "cache")
        return next(one for one in found if one.name == instance.artifact)

    return get


@pytest.mark.parametrize("page_bytes", [4096, 16384])
@pytest.mark.parametrize("framework", list(PROCESSORS))
def test_a_phones_processor_gives_the_answers_that_this_one_gives(
    framework, page_bytes, emulator, unpacked, artifacts, dataset, tmp_path
):
    bundle = unpacked(framework)
    python = environments.python_of(bundle.bundle.environment)
    if python is None:
        pytest.skip(f"there is no environment {bundle.bundle.environment} here to compare with")
    device = Unpacked(bundle.root, bundle.bundle, (str(emulator), "-cpu", PROCESSORS[framework], "-p", str(page_bytes)))
    found = device.first()
    assert (found["machine"], found["page_bytes"]) == ("aarch64", page_bytes)
    assert [path for path in found["files"] if not path.startswith(f"{device.root}/")] == []
    agent = push_agent(tmp_path / "agent")
    artifact = artifacts(framework)
    there = answers(device.words(), agent, tmp_path / "there.jsonl", artifact, framework, dataset)
    here = host_answers(python, agent, tmp_path / "here.jsonl", artifact, framework, dataset)
    assert len(there) == IMAGES
    assert {image: top5[0][0] for image, top5 in there.items()} == {image: top5[0][0] for image, top5 in here.items()}
