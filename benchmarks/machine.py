"""Description of the machine and software that results were measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from runner.devices.local import LocalDevice

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ["aiotbench", "ai-edge-litert", "torch", "numpy", "pandas", "pyarrow", "duckdb", "pillow", "papermill"]
PACKAGES += ["nbconvert", "typer"]


@dataclass(frozen=True)
class Machine:
    """The machine and its software."""

    cpu: str
    cores: int  # cores available to this process
    ram_gb: float  # GiB
    system: str
    python: str
    versions: dict[str, str]  # versions of the installed PACKAGES

    def lines(self) -> list[str]:
        return [
            f"machine   {self.cpu}, {self.cores} cores, {self.ram_gb:g} GiB RAM, {self.system}",
            f"software  Python {self.python}, "
            + ", ".join(f"{name} {version}" for name, version in self.versions.items()),
        ]


def this_machine(root: Path) -> Machine:
    facts = LocalDevice(root, salt="").properties()
    return Machine(
        cpu=facts["soc"] or "CPU of unknown name",
        cores=len(os.sched_getaffinity(0)),
        ram_gb=facts["ram_gb"],
        system=" ".join(str(facts[name]) for name in ("os", "os_version", "kernel") if facts[name]),
        python=platform.python_version(),
        versions={name: version for name in PACKAGES if (version := _version(name))},
    )


def load_average() -> float:
    """Return the load average over the last minute."""
    return round(os.getloadavg()[0], 2)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
