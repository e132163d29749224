"""The words that start Python of a bundle that was unpacked on a device."""

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


def command(root: str, python_arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """The words that start Python: its loader by path, with no variable, library or package of the system.

    root: the folder of the device that the bundle was unpacked in
    environment: further variables, or other values. A PYTHONPATH comes before the packages of the bundle
    """
    given = dict(environment or {})
    path = [*filter(None, [given.pop("PYTHONPATH", "")]), f"{root}/{SITE}"]
    variables = {
        "PYTHONHOME": root,
        "PYTHONPATH": ":".join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "PYTHONCOERCECLOCALE": "0",  # else it reads the locales of the system, if that has glibc too
        "PATH": "/system/bin:/usr/bin:/bin",
        # a phone has no /tmp, and no /etc/passwd that names the user
        "TMPDIR": f"{root}/{TMP}",
        "HOME": f"{root}/{TMP}",
        "USER": "shell",
        "LOGNAME": "shell",
        **given,
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
        "-S",  # Debian's module `site` would look for packages of the system
        *python_arguments,
    ]


def first(root: str, imports: Sequence[str]) -> list[str]:
    """The words of a bundle's first start: all that the agent imports, once.

    It leaves Python's bytecode beside the modules, so that no later start compiles them, and prints one line of JSON:
    `python`, `machine`, `page_bytes`, `prefix`, `path` and the `files` of all modules.
    """
    program = _CHECK.format(imports=list(imports)).strip()
    return command(root, ["-c", program], {"PYTHONDONTWRITEBYTECODE": ""})


def read_first(output: str) -> dict[str, object]:
    """What the first start printed; raises ValueError if it is not that."""
    lines = output.strip().splitlines()
    found = json.loads(lines[-1] if lines else "")
    if not isinstance(found, dict):
        raise ValueError(f"{lines[-1]!r} is not what a bundle prints")
    return found
