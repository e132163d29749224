"""The folders of a project, and hashes of its files."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aiot_suite.errors import DatasetError, SetupError
from runner import rawlog

PROJECT = Path(__file__).parents[1]
"""The folder that contains the packages of this project: a checkout, or the `site-packages` they are installed in."""


@dataclass(frozen=True)
class Workspace:
    """The folders under one root, by default the current working directory."""

    root: Path

    @property
    def raw(self) -> Path:
        """Folder of the raw logs."""
        return self.root / "data" / "raw"

    @property
    def models(self) -> Path:
        """Folder of the prepared model files, with a subfolder for each kind of weights."""
        return self.root / "data" / "models"

    @property
    def datasets(self) -> Path:
        """Folder of the datasets, with a subfolder for each."""
        return self.root / "data" / "datasets"

    def dataset(self, name: str) -> Path:
        """Return the folder of a dataset; raises DatasetError if the name is not that of a folder in `datasets`."""
        if fault := rawlog.name_fault(name):
            raise DatasetError(f"{name!a} cannot be the name of a dataset ({fault}): use a name like my-images.")
        return self.datasets / name

    @property
    def plugins(self) -> Path:
        """Folder of the user's own models and frameworks: see aiot_suite.catalog."""
        return self.root / "plugins"

    @property
    def staging(self) -> Path:
        """Folder in which files are assembled before they are pushed to devices."""
        return self.root / "data" / "staging"

    def salt(self) -> str:
        """Return the salt for hashing serial numbers, which is generated once and stored in the workspace."""
        path = self.root / "data" / "salt"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with rawlog.locked(path.parent):  # another process may be generating it
                if not path.exists():
                    rawlog.replace_text(path, secrets.token_hex(16))
        return self._read_salt(path)

    def salt_to_read(self) -> str:
        """Return the salt without writing anything: a temporary one if the workspace has none."""
        path = self.root / "data" / "salt"
        return self._read_salt(path) if path.exists() else secrets.token_hex(16)

    @staticmethod
    def _read_salt(path: Path) -> str:
        try:
            return rawlog.read_bytes(path).decode()
        except (rawlog.RawLogError, UnicodeDecodeError):
            raise SetupError(
                f"{path} cannot be read as text: restore it from a copy, or delete it, after which devices have other "
                "names."
            ) from None


OWN_WEIGHTS = ("sample", "pretrained", "random")
"""Names of the kinds of weights that need no folder of the user's."""


def models_folder(workspace: Workspace, weights: str) -> Path:
    """Return the folder of the model files for a kind of weights."""
    return workspace.models / (weights if weights in OWN_WEIGHTS else Path(weights).resolve().name)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, cached until the file's size or modification time changes."""
    state = path.stat()
    return _sha256(path.absolute(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=100_000)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
