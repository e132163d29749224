"""Python environments that frameworks run in: the current one, and `legacy` for Caffe2 and PyTorch Mobile with XNNPACK.

The last PyTorch version with a working Caffe2 is 1.10.2, which needs Python 3.9. The legacy environment is kept in the
user's cache folder, outside any checkout, and shared by all checkouts.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_suite.errors import SetupError
from aiot_suite.workspace import PROJECT
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NAMES = ("main", "legacy")
INSTALL_LEGACY = "`aiot frameworks install legacy`"
"""The command to suggest when the legacy environment is missing."""

EXTRAS = {
    "MNN": "mnn",
    "adbutils": "run",
    "ai_edge_litert": "run",
    "distributed": "cluster",
    "elftools": "run",
    "executorch": "executorch",
    "flatbuffers": "run",
    "litert_quantizer": "models",
    "litert_torch": "models",
    "ncnn": "ncnn",
    "onnx": "models",
    "onnxruntime": "onnxruntime",
    "pnnx": "ncnn",
    "rocrate": "share",
    "safetensors": "models",
    "timm": "timm",
    "torch": "models",
    "torchao": "executorch",
    "torchvision": "models",
}
"""The extra of this distribution that installs each optional module."""

_ANSWER_TIMEOUT_S = 60.0  # for another program to tell which Python it has
_REQUIREMENTS = "legacy-requirements.txt"
_ABSENT = "import sys; from importlib.util import find_spec; print(*(m for m in sys.argv[1:] if find_spec(m) is None))"
_VERSIONS = (
    "import json, sys; from importlib import metadata as m\n"
    "def v(name):\n"
    "    try: return m.version(name)\n"
    "    except m.PackageNotFoundError: return 'not installed'\n"
    "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"
)


def interpreter_path(name: str) -> Path | None:
    """Return the interpreter of an environment, or None if the environment is not installed."""
    if name == "main":
        return Path(sys.executable)
    folder = legacy_folder()
    return folder / "bin" / "python" if (folder / "installed").is_file() else None


def first_installed(names: Sequence[str]) -> str | None:
    """Return the first of the named environments that is installed, or None."""
    return next((name for name in names if interpreter_path(name)), None)


def missing_modules(modules: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the modules that are missing in the named environment that lacks the fewest of them.

    Environments that are not installed lack all modules.
    """
    missing = [_missing_here(tuple(modules), name) for name in names if interpreter_path(name)]
    return min(missing, key=len, default=list(modules))


def _missing_here(modules: tuple[str, ...], name: str) -> list[str]:
    if name != "main":
        return _missing_in_legacy(modules)
    return [module for module in modules if importlib.util.find_spec(module) is None]


@cache
def _missing_in_legacy(modules: tuple[str, ...]) -> list[str]:
    return _output([str(interpreter_path("legacy")), "-c", _ABSENT, *modules]).split()


def not_installed(modules: Sequence[str]) -> str:
    """Return a clause like "torch and torchvision are not installed"."""
    return f"{' and '.join(modules)} {'is' if len(modules) == 1 else 'are'} not installed"


def how_to_install(modules: Sequence[str]) -> str:
    """Return the command that installs optional modules, or advice for modules that no extra has."""
    extras = sorted({EXTRAS[module] for module in modules if module in EXTRAS})
    if not extras:
        return f"install {' and '.join(modules)} in this Python"
    return f"`pip install 'aiotbench[{','.join(extras)}]'`"


def legacy_folder() -> Path:
    """Return the folder of the legacy environment, whether or not it exists. Its name depends on the requirements."""
    return cache_folder() / f"legacy-{hashlib.sha256(_requirements().encode()).hexdigest()[:8]}"


def cache_folder() -> Path:
    """Return the user's cache folder, shared by all checkouts. The environment variable AIOT_CACHE overrides it."""
    from platformdirs import user_cache_path

    return Path(os.environ["AIOT_CACHE"]) if os.environ.get("AIOT_CACHE") else user_cache_path("aiotbench")


@cache
def versions(environment: str, distributions: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of packages in an environment, "not installed" for missing packages."""
    python = interpreter_path(environment)
    if python is None:
        return dict.fromkeys(distributions, "not installed")
    result = subprocess.run(
        [python, "-c", _VERSIONS, *distributions], capture_output=True, text=True, check=True, env=clean_environment()
    )
    installed: dict[str, str] = json.loads(result.stdout)
    return installed


def clean_environment() -> dict[str, str]:
    """Return the environment variables for another interpreter, without those that point to this one's packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def install_legacy(say: Callable[[str], None]) -> Path:
    """Build the legacy environment unless it exists, and return its interpreter.

    say: called with a message for each step.
    Raises SetupError if no Python 3.9 is found or a package cannot be installed.
    """
    folder = legacy_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with rawlog.locked(folder.with_suffix(".lock")):
        if existing := interpreter_path("legacy"):
            return existing
        say("looking for Python 3.9")
        python39 = find_python39()
        say(f"building the environment with {python39}")
        shutil.rmtree(folder, ignore_errors=True)
        _run([str(python39), "-m", "venv", str(folder)], "The environment cannot be created")
        say("installing packages: 2 GB, mostly PyTorch 1.10.2")
        with resources.as_file(resources.files("aiot_suite") / _REQUIREMENTS) as file:
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            _run([*pip, "--no-deps", "-r", str(file)], "The packages cannot be installed")
        _run(
            [str(folder / "bin" / "python"), "-c", "from caffe2.python import workspace; import torch, onnx"],
            "Caffe2 does not start",
        )
        (folder / "installed").touch()
    python_of_legacy = interpreter_path("legacy")
    assert python_of_legacy
    versions.cache_clear()
    _missing_in_legacy.cache_clear()
    return python_of_legacy


def install_extra(name: str, say: Callable[[str], None]) -> None:
    """Install the packages of an extra of this distribution into the current environment.

    say: called with a message for each step.
    Raises SetupError if the packages cannot be installed.
    """
    from importlib import metadata

    from packaging.requirements import Requirement

    requirements = [Requirement(text) for text in metadata.requires("aiotbench") or []]
    packages = [
        f"{requirement.name}{requirement.specifier}"
        for requirement in requirements
        if requirement.marker
        and requirement.marker.evaluate({"extra": name})
        and not requirement.marker.evaluate({"extra": ""})
    ]
    say(f"installing packages: {', '.join(packages)}")
    constraints = PROJECT / "constraints.txt"  # exists in a checkout only
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    pip += ["-c", str(constraints)] if constraints.is_file() else []
    _run([*pip, *packages], "The packages cannot be installed")


def find_python39() -> Path:
    """Return a working Python 3.9 interpreter that can create environments.

    Searches AIOT_PYTHON39, the PATH, the installations next to this Python (as pyenv arranges them), pyenv, uv and
    conda. Raises SetupError with instructions for installing one.
    """
    tried = []
    for candidate in _candidates():
        if candidate in tried:
            continue
        tried.append(candidate)
        if _is_python39(candidate):
            return candidate
    raise SetupError(
        f"No Python 3.9 was found ({len(tried)} interpreters tried): install one with `pyenv install 3.9`, "
        "`uv python install 3.9` or `conda create -n py39 python=3.9`, or set AIOT_PYTHON39 to its path, for "
        "example AIOT_PYTHON39=/opt/python3.9/bin/python3.9."
    )


def _candidates() -> Iterator[Path]:
    if configured := os.environ.get("AIOT_PYTHON39"):
        yield Path(configured)
    if on_path := shutil.which("python3.9"):
        yield Path(on_path)
    yield from sorted(Path(sys.base_prefix).parent.glob("3.9*/bin/python3.9"))
    for pyenv_root in (os.environ.get("PYENV_ROOT"), "~/.pyenv"):
        if pyenv_root:
            yield from sorted((Path(pyenv_root).expanduser() / "versions").glob("3.9*/bin/python3.9"))
    if shutil.which("uv"):
        yield from map(Path, _output(["uv", "python", "find", "--no-project", "3.9"]).splitlines())
    conda = os.environ.get("CONDA_EXE") or shutil.which("conda") or shutil.which("mamba")
    if conda:
        conda_output = _output([conda, "env", "list", "--json"])
        for folder in json.loads(conda_output)["envs"] if conda_output.startswith("{") else []:
            yield Path(folder) / "bin" / "python"


def _is_python39(python: Path) -> bool:
    """Return whether an interpreter starts, is Python 3.9 and can create environments.

    The interpreter is run, because a file on the PATH may be a shim.
    """
    if not python.is_file():
        return False
    return _output([str(python), "-c", "import sys, venv, ensurepip; print(sys.version_info[:2])"]).strip() == "(3, 9)"


def _output(command: Sequence[str]) -> str:
    try:
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_ANSWER_TIMEOUT_S, env=clean_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout if result.returncode == 0 else ""


def _run(command: Sequence[str], failure: str) -> None:
    result = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_environment(),
    )
    if result.returncode:
        output_lines = result.stdout.decode(errors="replace").strip().splitlines()
        raise SetupError(
            f"{failure}: {output_lines[-1] if output_lines else 'no message'!r} (command: {' '.join(command)})."
        )


def _requirements() -> str:
    return (resources.files("aiot_suite") / _REQUIREMENTS).read_text(encoding="utf-8")
