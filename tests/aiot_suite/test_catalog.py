import shutil
from pathlib import Path

import pytest

from aiot_suite import catalog, suite
from aiot_suite.errors import ModelError
from aiot_suite.suite import Instance

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "plugins"


@pytest.fixture
def plugins(tmp_path):
    return Path(shutil.copytree(EXAMPLES, tmp_path / "plugins"))


def test_without_plugins_there_are_the_papers_models_and_frameworks_and_the_runtimes_of_today():
    available = catalog.load()
    assert tuple(available.models) == suite.MODELS
    assert tuple(available.frameworks) == (*suite.FRAMEWORKS, "executorch", "onnxruntime", "ncnn", "mnn")


def test_everything_begins_with_the_papers_60_instances():
    everything = catalog.load().everything()
    assert everything[:60] == suite.paper_float32() + suite.paper_quantized()
    later = {(instance.framework, instance.delegate) for instance in everything[60:]}
    assert later == {
        ("tflite", "gpu"),
        *((name, "cpu") for name in suite.BEYOND_FRAMEWORKS),
        *(("onnxruntime", name) for name in ("nnapi", "xnnpack", "qnn")),
    }
    assert len(everything) == len(set(everything)) == 60 + 6 * (4 + 2 + 4 * 4 + 2 + 2)


def test_a_file_adds_a_model_to_every_framework(plugins):
    (plugins / "frameworks" / "torchscript.py").unlink()
    added = [instance for instance in catalog.load(plugins).everything() if instance.model == "squeezenet1_1"]
    assert len(added) == 12 + 1 + 1 + 2 + 4 * 4 + 2 + 2
    assert Instance("tflite", "nnapi", "int8", "squeezenet1_1") in added


def test_a_file_adds_a_framework_to_every_model(plugins):
    added = [instance for instance in catalog.load(plugins).everything() if instance.framework == "torchscript"]
    assert [instance.model for instance in added] == [*suite.MODELS, "squeezenet1_1"]
    assert {(instance.delegate, instance.quantization) for instance in added} == {("cpu", "float32")}


def test_facts_that_a_plugin_defines_are_read(plugins):
    available = catalog.load(plugins)
    framework = available.frameworks["torchscript"]
    assert (framework.suffix, framework.layout, framework.imports) == (".torchscript.pt", "NCHW", ("torch",))
    assert framework.file == plugins / "frameworks" / "torchscript.py"
    assert available.models["squeezenet1_1"].settings["channel_order"] == "BGR"


def test_names_choose_among_everything_and_no_name_means_the_papers(plugins):
    everything = catalog.load(plugins).everything()
    assert suite.select(everything=everything) == suite.paper_float32() + suite.paper_quantized()
    [instance] = suite.select(["SqueezeNet1-1"], ["torchscript"], everything=everything)
    assert instance == Instance("torchscript", "cpu", "float32", "squeezenet1_1")
    assert {instance.framework for instance in suite.select(["squeezenet1_1"], everything=everything)} == set(
        suite.FRAMEWORKS
    )


@pytest.mark.parametrize(
    ("place", "text", "sentence"),
    [
        ("models/resnet50.py", "", r"resnet50\.py has the same name as an existing one"),
        ("models/Big.py", "", r"lower-case letters, digits and underscores: rename the file"),
        ("frameworks/my_own.py", "", r"lower-case letters and digits: rename the file"),
        ("models/empty.py", "", r"empty\.py does not define build: see docs/adding\.md"),
        ("frameworks/empty.py", "SUFFIX = '.x'", r"empty\.py does not define prepare or version"),
        ("models/broken.py", "1 / 0", r"broken\.py cannot be imported \(ZeroDivisionError: division by zero\)"),
        ("models/broken.py", "def", r"broken\.py cannot be imported \(SyntaxError"),
    ],
)
def test_a_file_that_adds_nothing_is_named(plugins, place, text, sentence):
    (plugins / place).write_text(text)
    with pytest.raises(ModelError, match=sentence):
        catalog.load(plugins)


def test_a_framework_that_is_not_in_the_paper_runs_on_the_cpu_unless_a_delegate_is_named():
    everything = catalog.load().everything()
    unnamed = suite.select(["mnasnet"], ["tflite", "onnxruntime"], everything=everything)
    assert {(instance.framework, instance.delegate) for instance in unnamed} == {
        ("tflite", "cpu"),
        ("tflite", "nnapi"),
        ("onnxruntime", "cpu"),
    }
    named = suite.select(["mnasnet"], ["onnxruntime"], ["nnapi", "xnnpack"], ["float32"], everything)
    assert [instance.id for instance in named] == [
        "onnxruntime_nnapi_float32_mnasnet",
        "onnxruntime_xnnpack_float32_mnasnet",
    ]
    assert [Instance.parse(instance.id) for instance in named] == named
