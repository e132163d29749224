"""The Python environments that frameworks run in: this one, and `legacy` for Caffe2 and PyTorch Mobile with XNNPACK.

The last PyTorch with a working Caffe2 is 1.10.2, which needs Python 3.9. It is kept in the user's cache folder,
outside any checkout, and serves all of them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

from aiot_suite.errors import SetupError

NAMES = ("main", "legacy")
INSTALL_LEGACY = "`aiot frameworks install legacy`"
"""What helps where the legacy environment is missing."""

_REQUIREMENTS = "legacy-requirements.txt"
_VERSIONS = "import json, sys; from importlib import metadata as m\n" + (
    "def v(name):\n"
    "    try: return m.version(name)\n"
    "    except m.PackageNotFoundError: return 'not installed'\n"
    "print(json.dumps({name: v(name) for name in sys.argv[1:]}))"
)


def python_of(name: str) -> Path | None:
    """The interpreter of an environment, None if the environment is not installed."""
    if name == "main":
        return Path(sys.executable)
    folder = legacy_folder()
    return folder / "bin" / "python" if (folder / "installed").is_file() else None


def first_of(names: Sequence[str]) -> str | None:
    """The first of the environments that is installed."""
    return next((name for name in names if python_of(name)), None)


def legacy_folder() -> Path:
    """Where the legacy environment is, whether it is there or not; other requirements are another folder."""
    return cache_folder() / f"legacy-{hashlib.sha256(_requirements().encode()).hexdigest()[:8]}"


def cache_folder() -> Path:
    """The user's cache of what is made once for all checkouts; AIOT_CACHE names another place."""
    from platformdirs import user_cache_path

    return Path(os.environ["AIOT_CACHE"]) if os.environ.get("AIOT_CACHE") else user_cache_path("aiotbench")


@cache
def versions(environment: str, distributions: tuple[str, ...]) -> dict[str, str]:
    """The installed versions of packages, "not installed" where one is missing."""
    python = python_of(environment)
    if python is None:
        return dict.fromkeys(distributions, "not installed")
    done = subprocess.run(
        [python, "-c", _VERSIONS, *distributions], capture_output=True, text=True, check=True, env=clean_environment()
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


def clean_environment() -> dict[str, str]:
    """The environment variables for another interpreter: none that would lead it to this one's packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def install_legacy(say: Callable[[str], None]) -> Path:
    """Builds the legacy environment where it is not there yet, and gives its interpreter.

    Raises SetupError if there is no Python 3.9 or a package cannot be had. `say` is called with what is
    being done.
    """
    folder = legacy_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with locked(folder.with_suffix(".lock")):
        if there := python_of("legacy"):
            return there
        say("looking for Python 3.9")
        base = find_python39()
        say(f"building on {base}")
        shutil.rmtree(folder, ignore_errors=True)
        _run([str(base), "-m", "venv", str(folder)], "The environment cannot be made")
        say("packages: 2 GB, most of it PyTorch 1.10.2")
        with resources.as_file(resources.files("aiot_suite") / _REQUIREMENTS) as file:
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
            _run([*pip, "--no-deps", "-r", str(file)], "The packages cannot be installed")
        _run(
            [str(folder / "bin" / "python"), "-c", "from caffe2.python import workspace; import torch, onnx"],
            "Caffe2 does not start",
        )
        (folder / "installed").touch()
    python_of_legacy = python_of("legacy")
    assert python_of_legacy
    versions.cache_clear()
    return python_of_legacy


def install_extra(name: str, say: Callable[[str], None]) -> None:
    """Installs what an extra of this package asks for into this environment; SetupError if it cannot be had."""
    from importlib import metadata

    from packaging.requirements import Requirement

    asked = [Requirement(text) for text in metadata.requires("aiotbench") or []]
    wanted = [
        f"{one.name}{one.specifier}"
        for one in asked
        if one.marker and one.marker.evaluate({"extra": name}) and not one.marker.evaluate({"extra": ""})
    ]
    say(f"packages: {', '.join(wanted)}")
    pinned = Path(__file__).parents[1] / "constraints.txt"  # in a checkout
    pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    pip += ["-c", str(pinned)] if pinned.is_file() else []
    _run([*pip, *wanted], "The packages cannot be installed")


def find_python39() -> Path:
    """An interpreter of Python 3.9 that starts and can make environments.

    Looked for in AIOT_PYTHON39, on the PATH, beside this Python (as pyenv has them), in pyenv, uv and conda.
    Raises SetupError saying how to get one.
    """
    tried = []
    for candidate in _candidates():
        if candidate in tried:
            continue
        tried.append(candidate)
        if _is_python39(candidate):
            return candidate
    raise SetupError(
        f"No Python 3.9 was found ({len(tried)} tried): get one with `pyenv install 3.9`, `uv python install 3.9` or "
        "`conda create -n py39 python=3.9`, or name one, like AIOT_PYTHON39=/opt/python3.9/bin/python3.9."
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("AIOT_PYTHON39"):
        yield Path(named)
    if found := shutil.which("python3.9"):
        yield Path(found)
    yield from sorted(Path(sys.base_prefix).parent.glob("3.9*/bin/python3.9"))
    for root in (os.environ.get("PYENV_ROOT"), "~/.pyenv"):
        if root:
            yield from sorted((Path(root).expanduser() / "versions").glob("3.9*/bin/python3.9"))
    if shutil.which("uv"):
        yield from map(Path, _output(["uv", "python", "find", "--no-project", "3.9"]).splitlines())
    conda = os.environ.get("CONDA_EXE") or shutil.which("conda") or shutil.which("mamba")
    if conda:
        listed = _output([conda, "env", "list", "--json"])
        for folder in json.loads(listed)["envs"] if listed.startswith("{") else []:
            yield Path(folder) / "bin" / "python"


def _is_python39(python: Path) -> bool:
    """Whether it starts, is of that version and can make an environment: a name on the PATH may be a shim."""
    if not python.is_file():
        return False
    return _output([str(python), "-c", "import sys, venv, ensurepip; print(sys.version_info[:2])"]).strip() == "(3, 9)"


def _output(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=clean_environment())
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _run(command: Sequence[str], failure: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment()
    )
    if done.returncode:
        said = done.stdout.decode(errors="replace").strip().splitlines()
        raise SetupError(f"{failure}: {said[-1] if said else 'no message'!r} (command: {' '.join(command)}).")


def _requirements() -> str:
    return (resources.files("aiot_suite") / _REQUIREMENTS).read_text(encoding="utf-8")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The block is run by one process at a time."""
    import fcntl

    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
