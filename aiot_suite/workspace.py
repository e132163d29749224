"""Where a project keeps its data."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """The folders under one root, by default the folder the command is called in."""

    root: Path

    @property
    def raw(self) -> Path:
        return self.root / "data" / "raw"

    @property
    def models(self) -> Path:
        return self.root / "data" / "models"

    @property
    def datasets(self) -> Path:
        return self.root / "data" / "datasets"

    @property
    def plugins(self) -> Path:
        """Models and frameworks of the user's own: see aiot_suite.catalog."""
        return self.root / "plugins"

    @property
    def staging(self) -> Path:
        """What is pushed to devices is put together here."""
        return self.root / "data" / "staging"

    def salt(self) -> str:
        """What serial numbers are hashed with: drawn once and kept in the workspace."""
        file = self.root / "data" / "salt"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(secrets.token_hex(16), encoding="utf-8")
        return file.read_text(encoding="utf-8")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal; read once while its size and time of change stay what they are."""
    state = path.stat()
    return _sha256(path.absolute(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=100_000)
def _sha256(path: Path, mtime_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
