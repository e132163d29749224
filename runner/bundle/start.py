"""The commands that start the Python of a bundle unpacked on a device."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from runner.bundle.layout import LOADER, PYTHON, SITE, TMP

_CHECK = """
import importlib, json, os, platform, sys
for name in {imports!r}:
    importlib.import_module(name)
files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
print(json.dumps({{
    "python": platform.python_version(), "machine": platform.machine(), "prefix": sys.prefix,
    "page_bytes": os.sysconf("SC_PAGE_SIZE"), "path": sys.path, "files": sorted(filter(None, files)),
}}))
"""


def python_command(
    root: str, python_arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> list[str]:
    """Return the command that starts Python: its loader by path, without anything of the system.

    No variable, library or package of the system is used.

    root: the folder of the device where the bundle was unpacked
    environment: additional variables, or other values for existing ones. A PYTHONPATH precedes the packages of the
    bundle
    """
    overrides = dict(environment or {})
    path = [*filter(None, [overrides.pop("PYTHONPATH", "")]), f"{root}/{SITE}"]
    variables = {
        "PYTHONHOME": root,
        "PYTHONPATH": ":".join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTHONCOERCECLOCALE": "0",  # otherwise Python reads the system's locales if the system has glibc too
        "PATH": "/system/bin:/usr/bin:/bin",
        # a phone has no /tmp, and no /etc/passwd that names the user
        "TMPDIR": f"{root}/{TMP}",
        "HOME": f"{root}/{TMP}",
        "USER": "shell",
        "LOGNAME": "shell",
        **overrides,
    }
    return [
        "env",
        "-i",
        *(f"{name}={value}" for name, value in variables.items()),
        f"{root}/{LOADER}",
        "--inhibit-cache",
        "--library-path",
        f"{root}/lib",
        f"{root}/{PYTHON}",
        "-s",
        "-S",  # Debian's module `site` would add packages of the system
        *python_arguments,
    ]


def first_start_command(root: str, imports: Sequence[str]) -> list[str]:
    """Return the command for a bundle's first start, which imports everything that the agent imports.

    It stores Python's bytecode next to the modules, so that later starts need not compile them, and prints one line of
    JSON: `python`, `machine`, `page_bytes`, `prefix`, `path` and the `files` of all modules.
    """
    program = _CHECK.format(imports=list(imports)).strip()
    return python_command(root, ["-c", program], {"PYTHONDONTWRITEBYTECODE": ""})


def read_first_start(output: str) -> dict[str, object]:
    """Return what the first start printed. Raise ValueError if the output is anything else."""
    lines = output.strip().splitlines()
    record = json.loads(lines[-1] if lines else "")
    if not isinstance(record, dict):
        raise ValueError(f"{lines[-1]!r} is not the expected output of a bundle")
    return record
