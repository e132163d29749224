"""Tests of the examples of docs/adding.md, used through files in a workspace and the command."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from aiot_suite import catalog
from aiot_suite.workspace import Workspace
from runner import rawlog
from tests import command
from tests.runner.conftest import make_dataset

torch = pytest.importorskip("torch", reason="converting needs the extra `models`")
ROOT = Path(__file__).parents[2]
CHOSEN = ["--models", "squeezenet1_1", "--frameworks", "torchscript", "--weights", "weights"]


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    """Make a workspace with both examples, random weights for a hundred classes, and twelve pictures."""
    root = tmp_path_factory.mktemp("space")
    shutil.copytree(ROOT / "docs" / "examples" / "plugins", root / "plugins")
    make_dataset(root / "data" / "datasets" / "sample")
    torch.manual_seed(0)
    network = catalog.load(root / "plugins").models["squeezenet1_1"].build(100)
    (root / "weights").mkdir()
    state = {name: value.numpy() for name, value in network.state_dict().items()}
    np.savez(root / "weights" / "squeezenet1_1.npz", **state)
    (root / "weights" / "squeezenet1_1.json").write_text(json.dumps({"label_space": "sample-100"}))
    return Workspace(root)


@pytest.fixture(scope="module")
def converted(space, tmp_path_factory):
    """Return a copy of the model files made by the first `aiot models prepare`, and the result of the command."""
    preparation = aiot(space, "models", "prepare", *CHOSEN)
    return shutil.copytree(space.models, tmp_path_factory.mktemp("converted") / "models"), preparation


@pytest.fixture(autouse=True)
def as_new(space, converted):
    """Restore the converted model and the plug-ins, and remove runs of the previous test."""
    folder, _ = converted
    for changed in (space.models, space.raw, space.plugins):
        shutil.rmtree(changed, ignore_errors=True)
    shutil.copytree(folder, space.models)
    shutil.copytree(ROOT / "docs" / "examples" / "plugins", space.plugins)


def aiot(space, *words):
    return command.aiot(*words, cwd=space.root)


def test_a_model_and_a_framework_are_one_file_each(space, converted):
    _, preparation = converted
    assert (preparation.returncode, preparation.stderr) == (0, "")
    assert "1 model files, 1 of them built now" in preparation.stdout
    assert "1 model files, 0 of them built now" in aiot(space, "models", "prepare", *CHOSEN).stdout

    checked = aiot(space, "models", "check", "--weights", "weights", "--images", "12")
    assert "torchscript_float32_squeezenet1_1" in checked.stdout
    [record] = (space.models / "weights" / "checks").glob("*.json")
    check = json.loads(record.read_text())
    assert check["top1_agreement"] == 1 and check["largest_difference"] < 1e-5

    outcome = aiot(space, "run", "--local", *CHOSEN)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    [log] = space.raw.rglob("torchscript_cpu_float32_squeezenet1_1.1.jsonl")
    attempt = rawlog.read_attempt(log)
    assert (attempt.status, attempt.last["images"]) == ("end", 12)
    [load] = attempt.of("load")
    assert (load["framework_version"], load["image_library"]) == (
        f"torch {torch.__version__}",
        f"pillow {version('pillow')}",
    )
    run = rawlog.read_json(log.parent / "run.json", rawlog.RUN_FIELDS)
    preprocess = run["models"]["torchscript_cpu_float32_squeezenet1_1"]["preprocess"]
    assert (preprocess["channel_order"], preprocess["size"], preprocess["std"]) == ("BGR", 227, [1, 1, 1])


def test_a_changed_file_is_a_changed_model(space):
    plugin = space.plugins / "frameworks" / "torchscript.py"
    plugin.write_text(plugin.read_text() + "\n# changed\n")
    assert "1 model files, 1 of them built now" in aiot(space, "models", "prepare", *CHOSEN).stdout


def test_an_unknown_model_lists_the_choices_including_plugins(space):
    refused = aiot(space, "models", "prepare", "--models", "nothing")
    assert refused.returncode == 1
    assert refused.stderr.startswith("aiot: Model 'nothing' is unknown: choose from resnet50, ")
    assert "squeezenet1_1" in refused.stderr


def test_weights_that_are_missing_are_one_sentence(space):
    words = ["--models", "squeezenet1_1", "--frameworks", "torchscript"]
    refused = aiot(space, "models", "prepare", *words, "--weights", "pretrained")
    assert refused.returncode == 1 and "no pretrained weights" in refused.stderr and "Traceback" not in refused.stderr
    random = aiot(space, "models", "prepare", *words, "--weights", "sample")
    assert random.returncode == 0 and "squeezenet1_1 has no sample weights: its weights are random" in random.stderr


def test_a_framework_that_crashes_is_an_instance_that_failed_and_the_run_goes_on(space):
    example = (ROOT / "docs" / "examples" / "plugins" / "frameworks" / "torchscript.py").read_text()
    crash = (
        "        self.calls = getattr(self, 'calls', 0) + 1\n"
        "        if self.calls == 3:\n"
        "            import os\n"
        "            os.write(2, b'illegal instruction\\n')\n"
        "            os.abort()\n"
    )
    place = '        """Scores of shape (outputs,) and the time in ns."""\n'
    assert place in example
    (space.plugins / "frameworks" / "crashing.py").write_text(example.replace(place, place + crash))
    both = ["--models", "squeezenet1_1", "--frameworks", "torchscript,crashing", "--weights", "weights"]
    assert aiot(space, "models", "prepare", *both).returncode == 0
    outcome = aiot(space, "run", "--local", *both)
    assert outcome.returncode == 1
    assert "\naiot: Some measurements failed (see above)" in outcome.stderr
    [log] = space.raw.rglob("crashing_cpu_float32_squeezenet1_1.1.jsonl")
    attempt = rawlog.read_attempt(log)
    assert (attempt.status, len(attempt.of("image"))) == ("failed", 2)
    assert attempt.last["reason"] == "it ended with exit code -6, saying 'illegal instruction'"
    assert "illegal instruction" in (log.parent / "native" / f"{log.stem}.output.txt").read_text()
    [other] = log.parent.glob("torchscript_cpu_float32_squeezenet1_1.1.jsonl")
    assert rawlog.read_attempt(other).status == "end"
