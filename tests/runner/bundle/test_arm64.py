"""The bundles for arm64 under qemu-user: the same answers as here. Nothing of it says how fast a phone is."""

import dataclasses

import pytest

from aiot_suite import environments
from aiot_suite.errors import SetupError
from aiot_suite.prepare import prepare
from aiot_suite.suite import Instance
from runner.bundle import build
from tests.runner.bundle import qemu
from tests.runner.bundle.devices import Unpacked, answers, host_answers, push_agent
from tests.runner.conftest import make_dataset

pytestmark = [pytest.mark.slow, pytest.mark.e2e_all]  # it takes minutes under qemu-user
MODEL = "mobilenet_v2"  # the lightest here
IMAGES = 20
IMAGES_WITH_16_KB = 2
FRAMEWORKS_OF_THE_PAPER = ["tflite", "pytorch", "caffe2"]
FRAMEWORKS = [*FRAMEWORKS_OF_THE_PAPER, "onnxruntime", "ncnn", "mnn"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("dataset"), IMAGES, step=5)


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


def emulated(bundle, emulator, processor, page_bytes):
    """The bundle on that processor, after its first start, which imports all that the agent does."""
    try:
        words = (str(emulator.program()), "-cpu", processor, "-p", str(page_bytes))
    except SetupError as reason:
        pytest.skip(str(reason))
    device = dataclasses.replace(bundle, emulator=words)
    found = device.first()
    assert (found["machine"], found["page_bytes"]) == ("aarch64", page_bytes)
    assert [path for path in found["files"] if not path.startswith(f"{device.root}/")] == []
    return device


def same_answers(device, framework, artifact, dataset, folder):
    python = environments.interpreter_path(device.bundle.environment)
    if python is None:
        pytest.skip(f"there is no environment {device.bundle.environment} here to compare with")
    agent = push_agent(folder / "agent")
    there = answers(device.words(), agent, folder / "there.jsonl", artifact, framework, dataset)
    here = host_answers(python, agent, folder / "here.jsonl", artifact, framework, dataset)
    assert len(there) == len(dataset.images)
    assert {image: top5[0][0] for image, top5 in there.items()} == {image: top5[0][0] for image, top5 in here.items()}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_phones_processor_gives_the_answers_that_this_one_gives(framework, unpacked, artifacts, dataset, tmp_path):
    device = emulated(unpacked(framework), qemu.NEW, "cortex-a76", 4096)
    same_answers(device, framework, artifacts(framework), dataset, tmp_path)


@pytest.mark.parametrize("framework", FRAMEWORKS_OF_THE_PAPER)
def test_pages_of_16_kb_change_nothing(framework, unpacked, artifacts, dataset, tmp_path):
    device = emulated(unpacked(framework), qemu.WITH_PAGES, "cortex-a53", 16384)
    if framework == "tflite":
        return  # all is loaded and imported; this version of qemu crashes where LiteRT computes, at 4 KB as well
    few = dataclasses.replace(dataset, images=dataset.images[:IMAGES_WITH_16_KB])
    same_answers(device, framework, artifacts(framework), few, tmp_path)
