"""manifest.json of the reports: what was rendered, from what, and what failed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aiot_analysis.tables.files import write_whole
from aiot_analysis.tables.fingerprint import FileHashes

VERSION = 1


@dataclass
class ManifestEntry:
    """The last rendering of one notebook."""

    fingerprint: str = ""  # fingerprint of the existing page; "" if there is none
    parameters: dict[str, object] = field(default_factory=dict)  # values that were passed
    rendered: str = ""  # when the existing page was made: ISO 8601, UTC
    seconds: float | None = None
    error: str = ""  # why the last rendering failed; "" if it succeeded
    cell: int | None = None  # the code cell it failed in, counted from 1
    failed: str = ""  # when it failed: ISO 8601, UTC
    warnings: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # files of its figures and tables next to the page


@dataclass
class PageManifest:
    """Everything that `render` remembers between two calls."""

    reports: dict[str, ManifestEntry] = field(default_factory=dict)  # by the notebook's name
    files: FileHashes = field(default_factory=dict)
    index: str = ""  # fingerprint of index.html and of the pages' navigation

    def save(self, path: Path) -> None:
        write_whole(path, json.dumps({"version": VERSION, **asdict(self)}, indent=1))


def load_manifest(path: Path) -> PageManifest:
    """Return the manifest of a folder.

    If it is missing, damaged or of another version, it is empty, and everything counts as out of date.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            return PageManifest()
        reports = {name: ManifestEntry(**entry) for name, entry in content["reports"].items()}
        return PageManifest(reports, content["files"], content["index"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return PageManifest()
