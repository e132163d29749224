"""Tests of runtimes beyond the paper: files give the scores computed by numpy, with the requested threads."""

import importlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiot_suite import catalog, prepare
from aiot_suite.errors import MissingOperatorError, ModelError
from aiot_suite.facts import load_unsupported
from aiot_suite.suite import Instance
from runner.devices.local import LocalDevice
from runner.preflight import _FRAMEWORK_VERSION

torch = pytest.importorskip("torch", reason="converting needs the extra `models`")
pytest.importorskip("onnx", reason="converting needs the extra `models`")

pytestmark = pytest.mark.filterwarnings("ignore")  # exporters and runtimes use deprecated functions of PyTorch
SIZE, CLASSES = 8, 5
FRAMEWORKS = ["onnxruntime", "ncnn", "mnn", "executorch"]
QUANTIZED = [
    ("onnxruntime", "dynamic"),
    ("onnxruntime", "int8"),
    ("onnxruntime", "float16"),
    ("ncnn", "float16"),
    ("mnn", "float16"),
    ("executorch", "int8"),
]
rng = np.random.default_rng(1)
POINTWISE, BIAS = rng.normal(size=(4, 3)), rng.normal(size=4)
LINEAR, OFFSET = rng.normal(size=(CLASSES, 4)), rng.normal(size=CLASSES)


def network():
    """Make a network of a 1 x 1 convolution, a ReLU, the mean over the image and a linear layer, with known weights."""
    layers = torch.nn
    module = layers.Sequential(
        layers.Conv2d(3, 4, 1), layers.ReLU(), layers.AdaptiveAvgPool2d(1), layers.Flatten(), layers.Linear(4, CLASSES)
    ).eval()
    arrays = [POINTWISE[:, :, None, None], BIAS, LINEAR, OFFSET]
    with torch.no_grad():
        for parameter, values in zip(module.parameters(), arrays, strict=True):
            parameter.copy_(torch.from_numpy(values))
    return module


def pictures(count, seed=0):
    """Return tensors of shape (1, 3, SIZE, SIZE) with different channels, so that a wrong layout changes the scores."""
    draw = np.random.default_rng(seed)
    offsets = np.reshape([-2, 0, 3], (3, 1, 1))
    return [(draw.normal(size=(1, 3, SIZE, SIZE)) + offsets).astype(np.float32) for _ in range(count)]


def expected_scores(tensor):
    """Compute the scores of the network in plain numpy."""
    pixels = np.einsum("oc,chw->ohw", POINTWISE, tensor[0].astype(np.float64)) + BIAS[:, None, None]
    return LINEAR @ np.maximum(pixels, 0).mean((1, 2)) + OFFSET


def agent(framework):
    pytest.importorskip(catalog.load().frameworks[framework].imports[0])
    return importlib.import_module(f"runner.agent.{framework}")


@pytest.fixture(scope="module", params=FRAMEWORKS)
def converted(request, tmp_path_factory):
    """Convert the network to float32, and return the framework and the file."""
    agent(request.param)
    host = catalog.load().frameworks[request.param].host
    file = tmp_path_factory.mktemp("today") / f"model{host.SUFFIX}"
    host.convert_float32(network(), SIZE, file)
    return request.param, file


def test_a_float32_file_gives_the_computed_scores(converted):
    framework, file = converted
    model = agent(framework).prepare(str(file), 1, "cpu")
    for tensor in pictures(3):
        scores, nanoseconds = model.infer(tensor)
        np.testing.assert_allclose(scores, expected_scores(tensor), rtol=1e-4, atol=1e-4)
        assert scores.shape == (CLASSES,) and nanoseconds > 0
    assert (model.dtype, model.accelerator) == ("float32", "cpu")


@pytest.mark.parametrize(("framework", "quantization"), QUANTIZED)
def test_a_quantized_file_is_smaller_in_steps_but_gives_nearly_the_computed_scores(tmp_path, framework, quantization):
    module, host = agent(framework), catalog.load().frameworks[framework].host
    float32, file = tmp_path / f"float32{host.SUFFIX}", tmp_path / f"quantized{host.SUFFIX}"
    if hasattr(host, "convert_quantized"):
        host.convert_quantized(network(), SIZE, quantization, pictures(20, seed=5), file)
    else:
        host.convert_float32(network(), SIZE, float32)
        host.quantize(float32, quantization, pictures(20, seed=5), file)
    assert quantization in host.QUANTIZATIONS
    model = module.prepare(str(file), 1, "cpu")
    scores = np.stack([model.infer(tensor)[0] for tensor in pictures(4)])
    expected = np.stack([expected_scores(tensor) for tensor in pictures(4)])
    allowed = 0.002 if quantization == "float16" else 0.03
    assert 0 < np.abs(scores - expected).max() < allowed * np.ptp(expected)
    assert scores.dtype == np.float32 and len(np.unique(scores)) == scores.size


def test_the_version_in_records_is_that_of_the_installed_package(converted):
    from importlib import metadata

    framework, _ = converted
    words = [sys.executable, "-c", _FRAMEWORK_VERSION, framework]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert answer.stdout.splitlines()[-1] == f"{framework} {metadata.version(framework)}"


_COUNT_THREADS = """
import importlib, sys
import numpy as np
import psutil
framework = importlib.import_module("runner.agent." + sys.argv[1])
counts = []
for threads in (1, 3):
    model = framework.prepare(sys.argv[2], threads, "cpu")
    model.infer(np.zeros((1, 3, 8, 8), np.float32))
    counts.append(psutil.Process().num_threads())
print("more threads:", counts[1] - counts[0])
"""


def test_the_number_of_threads_is_the_requested_one(converted):
    """The operating system counts two more threads with three threads than with one, which is the main thread."""
    framework, file = converted
    words = [sys.executable, "-c", _COUNT_THREADS, framework, str(file)]
    answer = subprocess.run(words, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert "more threads: 2\n" in answer.stdout  # MNN prints lines of its own before or after the result


def test_what_is_not_a_model_is_refused(converted, tmp_path):
    framework, file = converted
    module = agent(framework)
    (tmp_path / "wrong").write_bytes(b"\0\1nothing" * 100)
    with pytest.raises(ValueError, match=r"\w"):
        module.prepare(str(tmp_path / "wrong"), 1, "cpu")
    with pytest.raises(NotImplementedError, match="dsp"):
        module.prepare(str(file), 1, "dsp")


# ONNX Runtime


def initializers(file):
    import onnx

    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}


@pytest.fixture
def onnx_file(tmp_path):
    pytest.importorskip("onnxruntime", reason="needs the extra `onnxruntime`")
    from aiot_suite.convert import to_onnxruntime

    file = tmp_path / "float32.onnx"
    to_onnxruntime.convert_float32(network(), SIZE, file)
    return file


def test_int8_has_the_range_of_all_calibration_images_and_float32_scores(onnx_file, tmp_path):
    """The images range from -1 to 3, so a step is 4 / 255, and the zero point is 63.75, rounded to 64."""
    import onnx

    from aiot_suite.convert.to_onnxruntime import quantize

    dull = [np.full((1, 3, SIZE, SIZE), value, np.float32) for value in (0.5, -1)]
    peak = np.zeros((1, 3, SIZE, SIZE), np.float32)
    peak[0, 1, 2, 3] = 3
    quantize(onnx_file, "int8", [dull[0], peak, dull[1]], tmp_path / "int8.onnx")
    values = initializers(tmp_path / "int8.onnx")
    assert values["image_scale"] == pytest.approx(4 / 255) and values["image_zero_point"] == 64
    weights = [array for array in values.values() if array.dtype == np.int8 and array.ndim > 1]
    assert sorted(array.shape for array in weights) == [(4, 3, 1, 1), (CLASSES, 4)]
    nodes = onnx.load(tmp_path / "int8.onnx").graph.node
    [last] = [node.op_type for node in nodes if "scores" in node.output]
    assert last == "Gemm"


def test_operations_after_the_last_layer_stay_in_float32(tmp_path):
    """The scores are the mean of a convolution over the image, as in SqueezeNet."""
    import onnx

    from aiot_suite.convert.to_onnxruntime import convert_float32, quantize

    pytest.importorskip("onnxruntime", reason="needs the extra `onnxruntime`")
    layers = torch.nn
    module = layers.Sequential(layers.Conv2d(3, CLASSES, 1), layers.AdaptiveAvgPool2d(1), layers.Flatten()).eval()
    convert_float32(module, SIZE, tmp_path / "float32.onnx")
    quantize(tmp_path / "float32.onnx", "int8", pictures(3), tmp_path / "int8.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
    after = kinds[kinds.index("Conv") + 1 :]
    assert after[:2] == ["QuantizeLinear", "DequantizeLinear"]
    assert not {"QuantizeLinear", "DequantizeLinear"} & set(after[2:])


def test_dynamic_weights_have_256_steps_between_their_extremes(onnx_file, tmp_path):
    from aiot_suite.convert.to_onnxruntime import quantize

    quantize(onnx_file, "dynamic", (), tmp_path / "dynamic.onnx")
    values = initializers(tmp_path / "dynamic.onnx")
    [scale] = [array for name, array in values.items() if name.startswith("0.weight") and name.endswith("_scale")]
    assert scale == pytest.approx(np.ptp(np.append(POINTWISE, 0)) / 255, rel=1e-5)
    assert {array.dtype for name, array in values.items() if name.endswith("quantized")} == {np.dtype(np.uint8)}


def test_float16_halves_every_weight_and_keeps_input_and_scores(onnx_file, tmp_path):
    from aiot_suite.convert.to_onnxruntime import quantize

    quantize(onnx_file, "float16", (), tmp_path / "float16.onnx")
    weights = [array for array in initializers(tmp_path / "float16.onnx").values() if array.size > 3]
    assert sorted(array.size for array in weights) == [4, CLASSES, 12, 4 * CLASSES]
    assert {array.dtype for array in weights} == {np.dtype(np.float16)}


def test_an_operator_that_onnx_runtime_lacks_is_named(tmp_path):
    """ONNX defines convolutions of 64-bit numbers, but the CPU provider of ONNX Runtime does not implement them."""
    import onnx
    from onnx import TensorProto, helper

    pytest.importorskip("onnxruntime", reason="needs the extra `onnxruntime`")
    from runner.agent import onnxruntime

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 4, 4])
    scores = helper.make_tensor_value_info("scores", TensorProto.DOUBLE, [1, 2, 4, 4])
    weights = onnx.numpy_helper.from_array(np.zeros((2, 3, 1, 1)), "weights")
    nodes = [
        helper.make_node("Cast", ["image"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Conv", ["wide", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(nodes, "wide", [image], [scores], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "wide.onnx")
    with pytest.raises(NotImplementedError) as caught:
        onnxruntime.prepare(str(tmp_path / "wide.onnx"), 1, "cpu")
    assert caught.value.args == ("ONNX Runtime has no operator Conv(11)", "use another network or runtime")


@pytest.mark.parametrize("module", ["runner.agent.onnxruntime", "aiot_suite.convert.to_onnxruntime, onnxruntime"])
def test_onnx_runtime_collects_no_events(tmp_path, module):
    """If ONNX Runtime collected events, importing it would write its session to the temporary folder."""
    pytest.importorskip("onnxruntime", reason="needs the extra `onnxruntime`")
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    root = Path(prepare.__file__).parents[1]
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True, cwd=root, env=variables)
    assert not (tmp_path / ".ses").exists()


@pytest.mark.parametrize("delegate", ["xnnpack", "nnapi", "qnn"])
def test_a_delegate_that_a_build_of_onnx_runtime_lacks_is_unavailable(onnx_file, request_, delegate):
    """The packages for Linux lack this provider. Only the agent refuses it, because other builds may have it."""
    from runner.agent import onnxruntime
    from runner.preflight import preflight

    with pytest.raises(NotImplementedError) as caught:
        onnxruntime.prepare(str(onnx_file), 1, delegate)
    reason, remedy = caught.value.args
    assert reason.startswith(f"this build of ONNX Runtime has no provider for {delegate}, but only ")
    assert "CPUExecutionProvider" in reason and remedy == "install a build of ONNX Runtime that has it"
    device = LocalDevice(Path(onnx_file).parent, "salt")
    instance, artifact = (
        Instance("onnxruntime", delegate, "float32", "squeezenet"),
        next(iter(request_.artifacts.values())),
    )
    artifact = replace(artifact, environment="main", settings=artifact.settings.with_layout("NCHW"))
    assert preflight(instance, artifact, request_.catalog, request_.dataset, device) == {}
    refused = preflight(replace(instance, framework="mnn"), artifact, request_.catalog, request_.dataset, device)
    assert refused["reason"]


@pytest.mark.parametrize(("provider", "accelerator"), [("CPUExecutionProvider", "xnnpack"), ("Another", "cpu")])
def test_the_accelerator_is_the_one_that_took_nodes_of_the_graph(onnx_file, monkeypatch, provider, accelerator):
    """The CPU provider stands in for XNNPACK and takes all nodes; a provider of another name takes none."""
    import onnxruntime as library

    from runner.agent import onnxruntime

    options = library.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    session = library.InferenceSession(str(onnx_file), options, providers=["CPUExecutionProvider"])
    monkeypatch.setitem(onnxruntime.PROVIDERS, "xnnpack", provider)
    model = onnxruntime.OnnxruntimeModel(session, "xnnpack", 2)
    assert (model.accelerator, model.threads) == (accelerator, 2)
    assert model.nodes >= 3 and model.nodes_delegated == (model.nodes if accelerator == "xnnpack" else 0)


class Exponential(torch.nn.Module):
    def forward(self, image):
        return torch.linalg.matrix_exp(image).flatten(1)


def test_an_operator_that_onnx_lacks_is_named(tmp_path):
    from aiot_suite.convert.onnx_files import export

    with pytest.raises(MissingOperatorError, match=r"^ONNX lacks the operator aten::linalg_matrix_exp: use"):
        export(Exponential().eval(), SIZE, tmp_path / "exponential.onnx")


LACKING = """
SUFFIX = ".lacking"
from aiot_suite.errors import MissingOperatorError, ModelError
def convert_float32(network, size, target):
    if len(list(network.parameters())) > {limit}:
        raise MissingOperatorError("lacking", ["Softsign", "Softsign", "Erf"])
    target.write_bytes(b"model")
def prepare(path, threads, delegate): ...
def version(): ...
"""


def test_a_file_whose_operators_are_missing_is_left_out_with_their_names(workspace, request_):
    """MnasNet has more parameters than SqueezeNet, and only its conversion fails."""
    counts = {
        name: len(list(catalog.load().models[name].build(100).parameters())) for name in ("squeezenet", "mnasnet")
    }
    assert counts["squeezenet"] < counts["mnasnet"]
    plugin = workspace.plugins / "frameworks" / "lacking.py"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(LACKING.format(limit=counts["squeezenet"]))
    instances = [Instance("lacking", "cpu", "float32", name) for name in counts]
    folder = workspace.models / "sample"
    common = {"kind": "sample", "folder": folder, "cache": workspace.models, "plugins": workspace.plugins, "jobs": 1}
    artifacts, built = prepare.prepare(instances, **common)
    assert [artifact.name for artifact in artifacts] == ["lacking_float32_squeezenet"] and built == 1
    reason = "lacking lacks the operator Softsign and Erf"
    assert load_unsupported(folder) == {"lacking_float32_mnasnet": reason}
    request = replace(request_, lacking=load_unsupported(folder))
    assert request.obstacle(instances[1], None)["reason"] == reason
    plugin.write_text(LACKING.format(limit=10_000))
    artifacts, built = prepare.prepare(instances, **common)
    assert len(artifacts) == 2 and load_unsupported(folder) == {}


def test_the_record_of_a_missing_operator_that_is_damaged_is_ignored(tmp_path):
    (tmp_path / "unsupported").mkdir()
    (tmp_path / "unsupported" / "a.json").write_text("{")
    (tmp_path / "unsupported" / "b.json").write_text(json.dumps({"reason": "b"}))
    assert load_unsupported(tmp_path) == {"b": "b"}


# ExecuTorch


def test_executorch_int8_has_the_range_of_all_calibration_images_in_any_order(tmp_path):
    """With nineteen dull images and a bright one, a histogram or averaged extremes would clip the bright one."""
    module = agent("executorch")
    from aiot_suite.convert.to_executorch import convert_quantized

    dull = [tensor * np.float32(0.05) for tensor in pictures(19, seed=2)]
    [bright] = pictures(1, seed=3)
    scores = []
    for name, images in (("first", [bright, *dull]), ("last", [*dull, bright])):
        convert_quantized(network(), SIZE, "int8", images, tmp_path / f"{name}.pte")
        scores.append(module.prepare(str(tmp_path / f"{name}.pte"), 1, "cpu").infer(bright)[0])
    np.testing.assert_array_equal(*scores)
    expected = expected_scores(bright)
    assert np.abs(scores[0] - expected).max() < 0.02 * np.ptp(expected)


# ncnn and MNN, and converters that crash


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import os; os.abort()", r"the converter pnnx crashed \(SIGABRT\), and the last line it printed is 'one'"),
        ("import os; os.kill(os.getpid(), 11)", r"the converter pnnx crashed \(SIGSEGV\)"),
        ("import os; os.kill(os.getpid(), 9)", "the converter pnnx was killed, as happens when the system runs out of"),
        ("import sys; sys.exit(5)", "the converter pnnx ended with exit code 5"),
    ],
)
def test_a_converter_that_crashes_is_one_sentence(tmp_path, code, sentence):
    from aiot_suite.convert.converter_process import run_converter
    from aiot_suite.errors import ConversionError

    words = [sys.executable, "-c", f"print('one', flush=True); print(); {code}"]
    with pytest.raises(ConversionError, match=f"^{sentence}.*: use another network or framework\\.$"):
        run_converter("pnnx", words, tmp_path)


CRASHING = """
SUFFIX = ".crashing"
def convert_float32(network, size, target):
    from aiot_suite.convert.converter_process import run_converter
    run_converter("of the test", ["sh", "-c", "kill -SEGV $$"], target.parent)
def prepare(path, threads, delegate): ...
def version(): ...
"""


def test_a_crash_of_a_converter_names_the_model_file_and_leaves_the_others(workspace):
    """Two converters crash and the third works: its file is built, and the error names the other two."""
    plugins = workspace.plugins / "frameworks"
    plugins.mkdir(parents=True)
    (plugins / "crashing.py").write_text(CRASHING)
    (plugins / "dying.py").write_text(CRASHING)
    (plugins / "working.py").write_text(re.sub("    from .*\n    run_.*", "    target.write_bytes(b'1')", CRASHING))
    instances = [Instance(name, "cpu", "float32", "mnasnet") for name in ("crashing", "dying", "working")]
    folder = workspace.models / "sample"
    common = {"kind": "sample", "folder": folder, "cache": workspace.models, "plugins": workspace.plugins, "jobs": 1}
    sentence = r"^crashing_float32_mnasnet cannot be built, because the converter of the test crashed \(SIGSEGV\)"
    others = r"These could not be built either, see conversion\.log: dying_float32_mnasnet\.$"
    with pytest.raises(ModelError, match=f"{sentence}.* {others}"):
        prepare.prepare(instances, **common)
    assert [file.name for file in folder.glob("*.crashing")] == ["working_float32_mnasnet.crashing"]
    assert "dying_float32_mnasnet cannot be built" in (folder / "conversion.log").read_text()
    with pytest.raises(ModelError, match=sentence):
        prepare.prepare(instances[:1], **common)
    assert prepare.prepare(instances[2:], **common)[1] == 0  # the file built before


def test_an_operator_that_ncnn_lacks_is_named(tmp_path):
    """The operator is named during conversion, and when a file made by another version of pnnx is loaded."""
    pytest.importorskip("pnnx", reason="needs the extra `ncnn`")
    from aiot_suite.convert.to_ncnn import convert_float32
    from runner.agent import ncnn

    with pytest.raises(MissingOperatorError, match=r"^ncnn lacks the operator [a-zA-Z_.:]*matrix_exp:"):
        convert_float32(Exponential().eval(), SIZE, tmp_path / "exponential.ncnn")
    (tmp_path / "own.ncnn").write_text("7767517\n2 2\nInput in0 0 1 in0\nSquareDance dance 1 1 in0 out0\n")
    with pytest.raises(NotImplementedError) as caught:
        ncnn.prepare(str(tmp_path / "own.ncnn"), 1, "cpu")
    assert caught.value.args == ("ncnn has no operator SquareDance", "use another network or runtime")


def test_an_operator_that_mnn_lacks_is_named(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    pytest.importorskip("MNN", reason="needs the extra `mnn`")
    from aiot_suite.convert import to_mnn

    image, scores = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in ("image", "scores"))
    node = helper.make_node("SquareDance", ["image"], ["scores"])
    model = helper.make_model(helper.make_graph([node], "dance", [image], [scores]), ir_version=8)
    onnx.save(model, tmp_path / "dance.onnx")
    with pytest.raises(MissingOperatorError, match=r"^MNN lacks the operator SquareDance:"):
        to_mnn._convert("ONNX", tmp_path / "dance.onnx", "float32", tmp_path / "dance.mnn")


def test_an_ncnn_file_without_all_of_its_weights_is_refused(tmp_path):
    pytest.importorskip("pnnx", reason="needs the extra `ncnn`")
    from aiot_suite.convert.to_ncnn import convert_float32
    from runner.agent import ncnn

    convert_float32(network(), SIZE, tmp_path / "whole.ncnn")
    content = (tmp_path / "whole.ncnn").read_bytes()
    (tmp_path / "part.ncnn").write_bytes(content[content.rindex(b"7767517") :])
    with pytest.raises(ValueError, match="its text or its weights are incomplete"):
        ncnn.prepare(str(tmp_path / "part.ncnn"), 1, "cpu")


@pytest.mark.parametrize("framework", ["ncnn", "mnn"])
def test_float16_files_store_half_as_many_bytes_of_weights(tmp_path, framework):
    """A layer of 10,000 weights takes 40 kB in 32 bits and 20 kB in 16 bits, plus less than 3 kB of other data."""
    agent(framework)
    host = catalog.load().frameworks[framework].host
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(58), torch.nn.Flatten(), torch.nn.Linear(3 * 58 * 58, 1))
    sizes = []
    for quantization in ("float32", "float16"):
        file = tmp_path / f"{quantization}{host.SUFFIX}"
        if quantization == "float32":
            host.convert_float32(module.eval(), 58, file)
        elif framework == "ncnn":
            host.convert_quantized(module.eval(), 58, quantization, (), file)
        else:
            host.quantize(tmp_path / f"float32{host.SUFFIX}", quantization, (), file)
        sizes.append(file.stat().st_size)
    weights = 3 * 58 * 58
    assert 4 * weights < sizes[0] < 4 * weights + 3000
    assert 2 * weights < sizes[1] < 2 * weights + 3000
