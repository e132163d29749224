"""Modules of a package as attributes that are imported when they are first used.

So `import aiot_analysis` stays fast, and `aiot_analysis.stats.<Tab>` lists what there is all the same.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def modules(package: str, path: Iterable[str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package whose modules are imported on first use."""
    names = sorted(module.name for module in pkgutil.iter_modules(path))

    def get(name: str) -> object:
        if name in names:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: names
