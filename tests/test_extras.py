"""Tests that commands without the packages of an extra end without a traceback and name the extra."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

from aiot_suite import environments
from tests.command import command
from tests.test_rules import SOURCES, imports

ROOT = Path(__file__).parents[1]
MODULES = {"pyelftools": "elftools", "mnn": "MNN"}
"""The module of each distribution with another name."""

TRIED = {  # the arguments of each command, and the extra that it requires; "" if it succeeds
    "simulate": ("--devices 2 --images 3 --quantized-on none --jobs 1", ""),
    "process": ("--jobs 1", ""),
    "compare": ("sim-01-samsung-galaxy-s10e sim-02-samsung-galaxy-s10-plus", ""),
    "plan": ("--noise default", ""),
    "export pyperf": ("results.json --origin simulated", ""),
    "export asv": ("asv --origin simulated", ""),
    "export crate": ("evidence.zip --origin simulated --pages none", "share"),
    "figures": (f"--list --notebooks {ROOT / 'notebooks'}", ""),
    "dataset use": ("pictures --labels labels.csv", ""),
    "dataset sample": (f"--imagenet {ROOT}", "-"),
    "models list": ("", "-"),
    "models prepare": ("--jobs 1", "models"),
    "models check": ("", "-"),
    "models add": (f"{ROOT / 'README.md'} --settings {ROOT / 'README.md'} --model mine --name mine", "-"),
    "models train": ("--models mnasnet", "models"),
    "frameworks list": ("", ""),
    "frameworks install": ("tflite", "run"),
    "bundle list": ("", ""),
    "bundle build": ("", "run"),
    "devices": ("", "run"),
    "doctor": ("", "run"),
    "clean": ("--all", "run"),
    "run": ("--local --models mnasnet --dataset pictures --frameworks tflite", "run"),
    "ab": ("--local --a threads=1 --b threads=2 --models mnasnet --dataset pictures --frameworks tflite --yes", "run"),
    "operators": ("--models mnasnet", "models"),
    "profile": ("--models mnasnet", "models"),
    "import": (f"{ROOT / 'README.md'}", "-"),
}
"""A dash stands for a command with unusable arguments, which it reports before it needs an extra."""
MORE = {
    "devices of the network": ("devices --connect 127.0.0.1:1", "run"),
    "runs of devices": ("run --all --models mnasnet --dataset pictures", "run"),
    "tables with a cluster": ("process --processed elsewhere --scheduler tcp://127.0.0.1:1", "cluster"),
    "a dry run": ("run --local --dry-run --models mnasnet --dataset pictures", ""),
}
NOT_TRIED = {
    "bundle lock",
    "dataset make",
    "lab",
    "report",
    "reproduce",
}  # these need the network, a server, a long time or a crate
USED = "export    tables in "  # the first message of a command that finds the tables itself
BLOCKED = """
import os
import sys
from importlib.machinery import PathFinder

class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        blocked = name.partition(".")[0] in os.environ["BLOCKED"].split()
        return None if blocked else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
"""Code that hides modules from a Python at its start, and from the Pythons that it starts."""

PROGRAM = """
import json, sys
from pathlib import Path
from tests.command import aiot

if __name__ == "__main__":
    for name, words in json.load(sys.stdin).items():
        done = aiot(*words.split(), cwd=Path.cwd(), AIOT_CACHE=str(Path.cwd() / "cache"))
        print(json.dumps([name, done.returncode, done.stdout, done.stderr]))
"""


def leaves(group, prefix=""):
    for name, entry in group.commands.items():
        yield from leaves(entry, f"{prefix}{name} ") if hasattr(entry, "commands") else [prefix + name]


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """Call each command in one program without the modules of extras, and return its exit code and streams."""
    lines = {name: f"{name} {words}" for name, (words, _) in TRIED.items()}
    lines |= {name: words for name, (words, _) in MORE.items()}
    folder = tmp_path_factory.mktemp("bare")
    (folder / "sitecustomize.py").write_text(BLOCKED, encoding="utf-8")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    (folder / "pictures").mkdir()
    (folder / "labels.csv").write_text("image,label\none.png,3\n", encoding="utf-8")
    Image.new("RGB", (300, 300)).save(folder / "pictures" / "one.png")
    missing = {"BLOCKED": " ".join([*environments.EXTRAS, "dask"]), "PYTHONPATH": f"{folder}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "program.py"],
        check=True,
        input=json.dumps(lines),
        cwd=folder,
        env={**os.environ, **missing},
        stdout=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    return {name: (code, out, err) for name, code, out, err in map(json.loads, done.stdout.splitlines())}


def test_every_command_is_tried():
    assert set(leaves(command())) - NOT_TRIED == set(TRIED)


@pytest.mark.parametrize("name", [*TRIED, *MORE])
def test_a_command_without_its_extra_says_which_one_to_install(ended, name):
    code, out, err = ended[name]
    expected = (TRIED | MORE)[name][1]
    assert "Traceback" not in out + err
    if not expected:
        messages = [line for line in err.splitlines() if not line.startswith(USED)]
        assert (code, messages) == (0, [])
        return
    assert code == 1
    [line] = [line for line in err.splitlines() if line.startswith("aiot: ")]
    extras = re.findall(r"aiotbench\[(\w+)\]", line)
    assert set(extras) == (set() if expected == "-" else {expected})


def test_no_framework_is_ready_that_is_not_installed(ended):
    listed = ended["frameworks list"][1]
    assert {name: line for line in listed.splitlines() for name in line.split()[:1]}.keys() >= {"tflite", "caffe2"}
    assert not re.search(r"\bready\b", listed)
    [tflite] = [line for line in listed.splitlines() if line.startswith("tflite ")]
    assert "not installed: `pip install 'aiotbench[run]'`" in tflite
    planned = ended["a dry run"][1].splitlines()
    assert [line for line in planned if line.startswith("tflite_cpu_")]
    assert not [line for line in planned if line.endswith(" ready")]


def test_the_extra_of_each_module_is_the_one_that_has_its_distribution():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    names = {
        extra: {Requirement(text).name for text in extras[extra]}
        for extra in ("run", "models", "executorch", "mnn", "ncnn", "onnxruntime", "timm", "cluster", "share")
    }
    listed = {(extra, module) for module, extra in environments.EXTRAS.items()}
    assert listed == {
        (extra, MODULES.get(name, name.replace("-", "_")))
        for extra, distributions in names.items()
        for name in distributions
    }


def test_every_optional_module_that_is_imported_belongs_to_an_extra():
    """Modules of the standard library, the legacy environment and the dependencies are not optional."""
    required = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    names = {Requirement(text).name.replace("-", "_") for text in required}
    dependencies = {
        "PIL",
        "yaml",
        "IPython",
        "traitlets",
        "jupyter_client",
        "markupsafe",
    }  # pillow, pyyaml, and requirements of the dependencies
    legacy = {"caffe2", "onnx"}
    ours = {"aiot_suite", "runner", "aiot_analysis", "__future__"}
    imported = {name.partition(".")[0] for path in SOURCES for name in imports(path)}
    assert imported - set(sys.stdlib_module_names) - names - dependencies - legacy - ours <= set(environments.EXTRAS)
