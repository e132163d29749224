"""Tests that bundles for arm64 give the answers of this machine under qemu-user, which says nothing about speed."""

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

pytestmark = [pytest.mark.slow, pytest.mark.e2e_all]  # takes minutes under qemu-user
MODEL = "mobilenet_v2"  # the lightest model
IMAGES = 20
IMAGES_WITH_16_KB = 2
FRAMEWORKS_OF_THE_PAPER = ["tflite", "pytorch", "caffe2"]
FRAMEWORKS = [*FRAMEWORKS_OF_THE_PAPER, "onnxruntime", "ncnn", "mnn"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("dataset"), IMAGES, step=5)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """Return a function that builds the bundle of a framework and unpacks it, once each."""
    bundles = {}

    def get(framework):
        bundle = build.build(framework, "arm64", print)
        if bundle.name not in bundles:
            bundles[bundle.name] = Unpacked.of(bundle, tmp_path_factory.mktemp("device") / bundle.name)
        return bundles[bundle.name]

    return get


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    """Return a function that converts a light model for a framework, as the suite does."""
    folder = tmp_path_factory.mktemp("models")

    def get(framework):
        instance = Instance(framework, "cpu", "float32", MODEL)
        built, _ = prepare([instance], kind="sample", folder=folder, cache=folder / "cache")
        return next(artifact for artifact in built if artifact.name == instance.artifact)

    return get


def emulated(bundle, emulator, processor, page_bytes):
    """Return the bundle on a processor, after its first start, which imports all that the agent imports."""
    try:
        words = (str(emulator.program()), "-cpu", processor, "-p", str(page_bytes))
    except SetupError as reason:
        pytest.skip(str(reason))
    device = dataclasses.replace(bundle, emulator=words)
    facts = device.first()
    assert (facts["machine"], facts["page_bytes"]) == ("aarch64", page_bytes)
    assert [path for path in facts["files"] if not path.startswith(f"{device.root}/")] == []
    return device


def check_answers(device, framework, artifacts, dataset, folder):
    """Assert that a device and this machine have the same first answer for each image."""
    python = environments.interpreter_path(device.bundle.environment)
    if python is None:
        pytest.skip(f"there is no environment {device.bundle.environment} here to compare with")
    agent, artifact = push_agent(folder / "agent"), artifacts(framework)
    on_device = answers(device.words(), agent, folder / "device.jsonl", artifact, framework, dataset)
    on_host = host_answers(python, agent, folder / "host.jsonl", artifact, framework, dataset)
    assert len(on_device) == len(dataset.images)
    first, expected = ({image: top5[0][0] for image, top5 in top5s.items()} for top5s in (on_device, on_host))
    assert first == expected


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_phones_processor_gives_the_answers_that_this_one_gives(framework, unpacked, artifacts, dataset, tmp_path):
    device = emulated(unpacked(framework), qemu.NEW, "cortex-a76", 4096)
    check_answers(device, framework, artifacts, dataset, tmp_path)


@pytest.mark.parametrize("framework", FRAMEWORKS_OF_THE_PAPER)
def test_pages_of_16_kb_change_nothing(framework, unpacked, artifacts, dataset, tmp_path):
    """This version of qemu crashes when ONNX Runtime is imported and when LiteRT computes, with 4 KB pages as well."""
    bundle = unpacked(framework)
    imports = tuple(module for module in bundle.bundle.imports if module != "onnxruntime")
    bundle = dataclasses.replace(bundle, bundle=dataclasses.replace(bundle.bundle, imports=imports))
    device = emulated(bundle, qemu.WITH_PAGES, "cortex-a53", 16384)
    if framework != "tflite":
        few = dataclasses.replace(dataset, images=dataset.images[:IMAGES_WITH_16_KB])
        check_answers(device, framework, artifacts, few, tmp_path)
