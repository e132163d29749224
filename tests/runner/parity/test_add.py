"""Tests of adding model files made elsewhere: what is read from them, and what is refused."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiot_suite import catalog, prepare
from aiot_suite.errors import ModelError, SelectionError
from aiot_suite.facts import Description, Tensor, describe, load_artifacts
from aiot_suite.suite import Instance
from runner.devices.local import LocalDevice
from runner.parity import add, check
from tests import command
from tests.runner.conftest import SIZE, make_dataset

AVAILABLE = catalog.load()
FLOAT32 = Instance("tflite", "cpu", "float32", "squeezenet")
HUNDRED = {"classes": 100, "label_space": "sample-100"}


def take_in(tmp_path, file, settings, instance=FLOAT32, name="mine"):
    """Add a file like `aiot models add`, and return the artifact and the messages."""
    messages = []
    settings_file = tmp_path / "settings.json"
    settings_file.write_text(json.dumps(settings))
    artifact = add.add(
        Path(file),
        instance,
        name=name,
        settings_file=settings_file,
        folder=tmp_path / "models",
        known=AVAILABLE,
        device=LocalDevice(tmp_path / "staging", "salt"),
        tell=messages.append,
    )
    return artifact, messages


def refused(tmp_path, file, settings, sentence, instance=FLOAT32, name="mine"):
    with pytest.raises(ModelError, match=sentence) as error:
        take_in(tmp_path, file, settings, instance, name)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("models/*"))


def tflite(path: Path, inputs, outputs) -> Path:
    """Write a .tflite file without operators.

    Inputs and outputs are (shape, type) or (shape, type, scale, zero point).
    """
    flatbuffers = pytest.importorskip("flatbuffers", reason="TFLite files need the extra `run`")
    from ai_edge_litert import schema_py_generated as schema

    def tensor(shape, kind, scale=None, zero_point=0):
        new = schema.TensorT()
        new.shape, new.type, new.name, new.buffer = list(shape), getattr(schema.TensorType, kind.upper()), "t", 0
        if scale:
            new.quantization = schema.QuantizationParametersT()
            new.quantization.scale, new.quantization.zeroPoint = [scale], [zero_point]
        return new

    graph = schema.SubGraphT()
    graph.tensors = [tensor(*fields) for fields in (*inputs, *outputs)]
    graph.inputs = list(range(len(inputs)))
    graph.outputs = list(range(len(inputs), len(inputs) + len(outputs)))
    graph.operators = []
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], [schema.BufferT()], []
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


IMAGE = ((1, 224, 224, 3), "float32")
SCORES = ((1, 1000), "float32")
NO_CLASSIFIERS = {
    "a detector": (
        [((1, 300, 300, 3), "float32")],
        [((1, 10, 4), "float32"), ((1, 10), "float32"), ((1, 10), "float32"), ((1,), "float32")],
        r"gives 4 tensors \(1x10x4 float32, .*it is not a classifier",
    ),
    "a detector of one output": (
        [IMAGE],
        [((1, 84, 8400), "float32")],
        "gives 1x84x8400 float32, but a classifier gives",
    ),
    "a segmenter": ([IMAGE], [((1, 257, 257, 21), "float32")], "gives 1x257x257x21 float32, but a classifier gives"),
    "a pose network": ([IMAGE], [((1, 1, 17, 3), "float32")], "gives 1x1x17x3 float32, but a classifier gives"),
    "one number": ([IMAGE], [((1, 1), "float32")], "gives 1x1 float32, but a classifier gives"),
    "an embedding": ([IMAGE], [((1, 1024), "float32")], "has 1024 outputs, but its settings say 1000 classes"),
    "text and image": ([IMAGE, ((1, 77), "int32")], [SCORES], r"takes 2 tensors \(1x224x224x3 float32, 1x77 int32\)"),
    "grey images": (
        [((1, 28, 28, 1), "float32")],
        [SCORES],
        "takes 1x28x28x1 float32: use a model whose input is one image with three",
    ),
    "a batch": (
        [((8, 224, 224, 3), "float32")],
        [SCORES],
        "takes 8x224x224x3 float32: use a model whose input is one image",
    ),
    "channels first": ([((1, 3, 224, 224), "float32")], [SCORES], "which is NCHW: convert it again with an NHWC input"),
    "no square": ([((1, 224, 320, 3), "float32")], [SCORES], "only square images are supported"),
    "16 bits": ([((1, 224, 224, 3), "int16", 0.1)], [SCORES], "use a model with an input of float32, uint8 or int8"),
}


@pytest.mark.parametrize(("inputs", "outputs", "sentence"), NO_CLASSIFIERS.values(), ids=NO_CLASSIFIERS)
def test_a_network_that_is_no_classifier_is_refused(tmp_path, inputs, outputs, sentence):
    refused(tmp_path, tflite(tmp_path / "model.tflite", inputs, outputs), {}, sentence)


SETTINGS = {
    "background unsaid": (
        {},
        "has 1001 outputs, but its settings say 1000 classes starting at output 0: correct classes or",
    ),
    "too many classes": ({"classes": 1001, "label_offset": 1}, "1001 classes starting at output 1"),
    "another size": ({"label_offset": 1, "size": 299}, "takes 1x224x224x3 uint8, but .* says size 299"),
    "std 0": ({"label_offset": 1, "std": [0, 0, 0]}, r"has std \[0, 0, 0\]: every value must be greater than 0"),
    "negative std": ({"label_offset": 1, "std": [1, 1, -1]}, "every value must be greater than 0"),
    "values from 0 to 1": (
        {"label_offset": 1, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        "multiply values meant for the range 0 to 1 by 255",
    ),
    "one mean": ({"label_offset": 1, "mean": 128}, "has mean 128: write three numbers"),
    "two means": ({"label_offset": 1, "mean": [128, 128]}, r"has mean \[128, 128\]: write three numbers"),
    "no number": ({"label_offset": 1, "mean": [128, 128, float("nan")]}, "has mean .*: write three numbers"),
    "percent": ({"label_offset": 1, "accuracy": 70.8}, r"has accuracy 70\.8: .*, for example 0\.708 for 70\.8%"),
    "accuracy in words": ({"label_offset": 1, "accuracy": "70%"}, "has accuracy '70%': write the fraction"),
    "accuracy of 0": ({"label_offset": 1, "accuracy": 0}, "has accuracy 0: write the fraction"),
    "offset in words": ({"label_offset": "1"}, "has label_offset '1': write a whole number"),
    "negative offset": ({"label_offset": -1, "classes": 1002}, "has label_offset -1: write a whole number, 0 or more"),
    "half a class": ({"label_offset": 1, "classes": 999.5}, r"has classes 999\.5: write a whole number"),
    "another space": (
        {"classes": 1001, "label_space": "imagenet-1000"},
        "imagenet-1000 has 1000 classes, but the settings have",
    ),
    "map beyond": ({"label_map": {"1001": 0}}, "label_map has output 1001, but the network has 1001 outputs"),
    "map of classes": ({"label_map": {"1": 1000}, "classes": 1000}, "'1': 1000 in label_map: .* label below 1000"),
    "map in words": ({"label_map": "one.txt", "label_offset": 1}, "has label_map 'one.txt': write an object"),
    "unknown": ({"label_offset": 1, "colour": "blue"}, "incomplete or contain unknown names .*colour"),
}


@pytest.mark.parametrize(("settings", "sentence"), SETTINGS.values(), ids=SETTINGS)
def test_settings_that_cannot_be_are_one_sentence(tmp_path, settings, sentence):
    file = tflite(tmp_path / "m.tflite", [((1, 224, 224, 3), "uint8", 1 / 128, 128)], [((1, 1001), "uint8", 1 / 256)])
    refused(tmp_path, file, settings, sentence)


def test_pixels_as_they_are_need_no_normalization(tmp_path):
    file = tflite(tmp_path / "m.tflite", [((1, 224, 224, 3), "uint8")], [SCORES])
    usual = {"mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    refused(
        tmp_path,
        file,
        usual,
        "takes 1x224x224x3 uint8 without quantization, so its input is unmodified pixels: write mean 0",
    )


@pytest.mark.parametrize("name", ["sample", "pretrained", "a/b", ".", ""])
def test_a_name_of_weights_is_a_valid_folder_name_and_not_reserved(tmp_path, name):
    file = tflite(tmp_path / "model.tflite", [IMAGE], [SCORES])
    refused(tmp_path, file, {}, "cannot be used as the name of the weights", name=name)


def test_a_pointer_in_place_of_the_file_is_named(tmp_path):
    file = tmp_path / "model.tflite"
    file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 14\n")
    refused(tmp_path, file, {}, "is a Git LFS pointer, not the model file itself")
    refused(tmp_path, tmp_path / "missing.tflite", {}, "There is no file")


QUANTIZATIONS = ("float32", "int8", "dynamic", "float16")


@pytest.fixture(scope="module")
def quantized(tiny_folder, tmp_path_factory):
    """Convert the tiny network of the other tests to each of the four quantizations."""
    from aiot_suite.convert import to_tflite

    folder = tmp_path_factory.mktemp("quantized")
    float32 = tiny_folder / "tflite_float32_squeezenet.tflite"
    shutil.copy(float32, folder / "float32.tflite")
    shutil.copy(tiny_folder / "tflite_int8_squeezenet.tflite", folder / "int8.tflite")
    for kind in ("dynamic", "float16"):
        to_tflite.quantize(float32, kind, (), folder / f"{kind}.tflite")
    return folder


@pytest.mark.parametrize("quantization", ["float32", "int8", "float16"])
def test_the_quantization_is_read_from_the_file(quantized, quantization):
    described = describe(quantized / f"{quantization}.tflite", "tflite")
    assert (described.quantization, described.weights) == (quantization, 8 * 3 * 5 * 5 + 8 * 100)
    assert described.inputs[0].shape == (1, SIZE, SIZE, 3) and described.outputs[0].shape == (1, 100)


@pytest.mark.parametrize(
    ("file", "claimed"), [("float32", "int8"), ("int8", "float32"), ("float16", "float32"), ("float32", "dynamic")]
)
def test_a_file_of_another_quantization_is_refused(tmp_path, quantized, file, claimed):
    instance = Instance("tflite", "cpu", claimed, "squeezenet")
    sentence = f"is {file}, not {claimed}, according to the types of its weights: add it with --quantization {file}"
    refused(tmp_path, quantized / f"{file}.tflite", HUNDRED, sentence, instance)


def test_a_file_of_the_shape_and_quantization_it_says_is_taken_in(tmp_path, quantized):
    artifact, messages = take_in(tmp_path, quantized / "float32.tflite", {**HUNDRED, "accuracy": 0.5})
    assert (artifact.settings.size, artifact.settings.classes, artifact.declared_accuracy) == (SIZE, 100, 0.5)
    assert messages[0] == "float32, takes 1x32x32x3 float32, gives 1x100 float32"
    assert "it has 0.00 million weights, but squeezenet has 0.79 million: if it is another network" in messages[1]
    assert load_artifacts(tmp_path / "models") == {artifact.name: artifact}


@pytest.mark.parametrize(
    ("kind", "zero_point", "mean"), [("uint8", 128, 128.0), ("int8", 0, 128.0), ("int8", -1, 127.0), ("uint8", 0, 0.0)]
)
def test_an_integer_input_is_the_image_itself_unless_settings_say_otherwise(tmp_path, kind, zero_point, mean):
    """A pixel is the stored value q of uint8, or q + 128 of int8; the network sees (q - zero point) / 128."""
    file = tflite(tmp_path / "m.tflite", [((1, 224, 224, 3), kind, 1 / 128, zero_point)], [SCORES])
    described = describe(file, "tflite")
    inputs, outputs = add._read_from(file, described.inputs, described.outputs, {}, "NHWC", file)
    assert (inputs["mean"], inputs["std"], inputs["size"], outputs) == ([mean] * 3, [128.0] * 3, 224, 1000)
    settings = add._settings(FLOAT32, inputs, outputs, file)
    assert add._note_on_input(described.inputs[0], settings) == []


@pytest.mark.parametrize(
    ("mean", "std", "note"),
    [
        (
            [127.5] * 3,
            [127.5] * 3,
            "shift 127 of the 256 pixel values by 1: with mean 128 and std 128, the input equals",
        ),
        ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375], "out of the range of the quantized input"),
    ],
)
def test_settings_that_do_not_suit_a_quantized_input_are_reported(tmp_path, mean, std, note):
    taken = Tensor((1, 224, 224, 3), "uint8", 1 / 128, 128)
    settings = add._settings(FLOAT32, {"mean": mean, "std": std}, 1000, tmp_path)
    [message] = add._note_on_input(taken, settings)
    assert note in message


def test_a_network_of_pytorch_with_two_outputs_is_refused(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="PyTorch Mobile files need the extra `models`")
    from aiot_suite.convert import to_pytorch

    class Detector(torch.nn.Module):
        def forward(self, image):
            return image.mean((2, 3)), image

    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "network.ptl"
    to_pytorch.convert_float32(Detector().eval(), SIZE, file)
    instance = Instance("pytorch", "cpu", "float32", "mnasnet")
    refused(tmp_path, file, {**HUNDRED, "size": SIZE}, "the output is not a single tensor of scores", instance)


RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(3, 100)).astype(np.float32)
ANSWERS = {
    "a segmenter": (RNG.normal(size=(3, 100, 7, 7)), "gives 100x7x7 per image, but a classifier gives"),
    "one number": (RNG.normal(size=(3, 1)), "gives 1 per image, but a classifier gives"),
    "an embedding": (
        VECTORS / np.linalg.norm(VECTORS, axis=1, keepdims=True),
        "gives vectors of length 1, as networks for embeddings do: use a classifier",
    ),
    "no numbers": (VECTORS * np.nan, "gives scores that are not finite numbers"),
    "other classes": (VECTORS[:, :90], "has 90 outputs, but its settings say 100 classes"),
}


@pytest.mark.parametrize(("scores", "sentence"), ANSWERS.values(), ids=ANSWERS)
def test_missing_facts_of_a_file_are_taken_from_its_answers(tmp_path, monkeypatch, scores, sentence):
    monkeypatch.setattr(check, "outputs", lambda *_: scores)
    file = tmp_path / "model.ptl"
    file.write_bytes(b"\x00\x01 a network of which nothing can be read")
    instance = Instance("pytorch", "cpu", "float32", "mnasnet")
    refused(tmp_path, file, {**HUNDRED, "size": SIZE}, sentence, instance)


def test_a_confident_classifier_is_not_taken_for_an_embedding(tmp_path, monkeypatch):
    """Probabilities that are all on one class also have the norm 1, but no negative values."""
    monkeypatch.setattr(check, "outputs", lambda *_: np.eye(3, 100, dtype=np.float32))
    file = tmp_path / "model.ptl"
    file.write_bytes(b"\x00\x01 a network of which nothing can be read")
    instance = Instance("pytorch", "cpu", "float32", "mnasnet")
    assert take_in(tmp_path, file, {**HUNDRED, "size": SIZE}, instance)[0].settings.classes == 100


def test_a_quantized_network_of_pytorch_is_not_float32(tmp_path):
    file = tmp_path / "model.ptl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/bytecode.pkl", b"..quantized::conv2d_relu..")
    assert describe(file, "pytorch") == Description("int8")
    instance = Instance("pytorch", "cpu", "float32", "mnasnet")
    refused(
        tmp_path,
        file,
        HUNDRED,
        "is int8, not float32, according to the types of its weights: use another file",
        instance,
    )
    as_int8 = add.instance_of(file, "mnasnet", "pytorch", None, AVAILABLE)
    refused(
        tmp_path,
        file,
        HUNDRED,
        "is int8 according to the types of its weights, but for pytorch only float32 can be run",
        as_int8,
    )


def test_added_and_built_files_do_not_replace_each_other(tmp_path, quantized):
    artifact, _ = take_in(tmp_path, quantized / "float32.tflite", HUNDRED)
    torch = pytest.importorskip("torch", reason="weights are read with the extra `models`")
    torch.save(AVAILABLE.models["squeezenet"].build(100).state_dict(), tmp_path / "squeezenet.pth")
    with pytest.raises(
        ModelError,
        match=r"contains tflite_float32_squeezenet\.tflite, which was added with `aiot models add` and not built from "
        "weights: rename",
    ):
        prepare.prepare([FLOAT32], kind=str(tmp_path), folder=artifact.path.parent, cache=tmp_path)
    replace(artifact, added=False).save()
    with pytest.raises(ModelError, match="which was built from weights: choose another --name"):
        take_in(tmp_path, quantized / "float32.tflite", HUNDRED)


def test_weights_are_no_model_file(tmp_path):
    (tmp_path / "mnasnet.npz").write_bytes(b"PK\x03\x04")
    refused(
        tmp_path,
        tmp_path / "mnasnet.npz",
        {},
        "contains weights, not a model: build model files from them with `aiot models prepare",
    )


def test_a_new_model_name_is_another_network(tmp_path, quantized):
    file = quantized / "int8.tflite"
    assert add.instance_of(file, "EfficientNet-Lite0", "tflite", None, AVAILABLE) == Instance(
        "tflite", "cpu", "int8", "efficientnet_lite0"
    )
    named = add.instance_of(file, "MobileNetV2", "TFLite", "float32", AVAILABLE)
    assert named.artifact == "tflite_float32_mobilenet_v2"
    with pytest.raises(SelectionError, match="'3d' is not a valid model name"):
        add.instance_of(file, "3d", "tflite", None, AVAILABLE)
    with pytest.raises(SelectionError, match="Quantization 'int4' is unknown"):
        add.instance_of(file, "mnasnet", "tflite", "int4", AVAILABLE)


def test_a_classifier_of_another_architecture_is_checked_and_run_under_its_own_name(tmp_path, quantized, monkeypatch):
    monkeypatch.setenv("AIOT_CACHE", str(tmp_path / "cache"))
    make_dataset(tmp_path / "data" / "datasets" / "sample")
    (tmp_path / "mine.json").write_text(json.dumps(HUNDRED))

    def aiot(*words):
        return command.aiot(*words, cwd=tmp_path)

    words = ["--model", "efficientnet_lite0", "--name", "mine", "--settings", "mine.json"]
    added = aiot("models", "add", str(quantized / "int8.tflite"), *words)
    assert added.returncode == 0
    assert (
        "efficientnet_lite0 is not one of the suite's models: select it with --models efficientnet_lite0"
        in added.stderr
    )
    checked = aiot("models", "check", "--weights", "mine")
    assert (
        "tflite_int8_efficientnet_lite0: 0 of 12 images are classified correctly, no more than by chance"
        in checked.stderr
    )
    assert checked.returncode == 1
    chosen = ["--models", "efficientnet_lite0", "--weights", "mine"]
    outcome = aiot("run", "--local", *chosen, "--delegates", "cpu")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert [log.name for log in tmp_path.rglob("*.jsonl") if "efficientnet" in log.name] == [
        "tflite_cpu_int8_efficientnet_lite0.1.jsonl"
    ]
    assert "Model 'efficientnet_lite0' is unknown" in aiot("run", "--local", "--models", "efficientnet_lite0").stderr
