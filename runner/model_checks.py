"""Results of `aiot models check`, kept beside the model files and copied into run.json. `runner.parity` makes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiot_suite.facts import Artifact, Settings


@dataclass(frozen=True)
class Check:
    """Result of checking one model file."""

    artifact: str
    sha256: str  # hash of the model file
    settings: dict[str, Any]
    dataset: str
    dataset_sha256: str
    images: int
    unreadable: list[str]  # skipped images, each with the reason
    accuracy: float
    original_accuracy: float | None  # None: no PyTorch original
    declared_accuracy: float | None
    largest_difference: float | None  # as a share of the range (maximum minus minimum) of the original's outputs
    correlation: float | None
    top1_agreement: float | None
    passed: bool
    finding: str  # one sentence

    def is_of(self, artifact: Artifact) -> bool:
        """Return whether the check still applies to the file in its present state."""
        return self.sha256 == artifact.sha256 and self.settings == plain_settings(artifact.settings)


def read_checks(folder: Path, artifacts: Iterable[Artifact]) -> dict[str, Check]:
    """Return the earlier checks that still apply to these files, by file name."""
    check_of = {}
    for artifact in artifacts:
        try:
            earlier = Check(**json.loads(check_file(folder, artifact).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if earlier.is_of(artifact):
            check_of[artifact.name] = earlier
    return check_of


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings as they are read back from JSON."""
    record: dict[str, Any] = json.loads(json.dumps(settings.record()))
    return record


def check_file(folder: Path, artifact: Artifact) -> Path:
    """Return the file that keeps the check of a model file in `folder`."""
    return folder / "checks" / f"{artifact.name}.json"
