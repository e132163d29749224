"""What belongs to a model file: input size, preprocess settings, label space."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from runner.agent.preprocess import RESIZE_WAYS
from runner.errors import ModelError

INPUT_SIZES = {"inception_v3": 299}
"""Input height and width in pixels where it is not 224 (paper, Section IV-B)."""


@dataclass(frozen=True)
class Settings:
    """How an image becomes the model's input, and an output index a label (paper, Section IV-B).

    mean and std are of 0..255 values, in the model's channel order.
    """

    size: int
    label_space: str
    classes: int
    resize: str = RESIZE_WAYS[0]
    resize_size: int | None = None
    channel_order: str = "RGB"
    layout: str = "NCHW"
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    label_offset: int = 0  # label = output index - label_offset; outputs below it are no class
    label_map: dict[str, int] | None = None  # output index -> label, where the order differs

    def with_layout(self, layout: str) -> Settings:
        return replace(self, layout=layout)

    def record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, record: dict[str, Any], where: object) -> Settings:
        """Settings from JSON; raises ModelError naming the file and what is wrong with it."""
        try:
            triples: dict[str, Any] = {key: tuple(record[key]) for key in ("mean", "std") if key in record}
            settings = cls(**{**record, **triples})
        except TypeError as error:
            raise ModelError(f"The settings in {where} are not complete or not known ({error}).") from None
        if settings.resize not in RESIZE_WAYS:
            raise ModelError(f"{where} has resize {settings.resize!r}: choose one of {', '.join(RESIZE_WAYS)}.")
        if settings.channel_order not in ("RGB", "BGR") or settings.layout not in ("NHWC", "NCHW"):
            raise ModelError(f"{where}: channel_order is RGB or BGR, layout is NHWC or NCHW.")
        return settings


def default_settings(model: str, label_space: str, classes: int) -> Settings:
    """torchvision's preprocessing, with the paper's way of resizing."""
    return Settings(size=INPUT_SIZES.get(model, 224), label_space=label_space, classes=classes)


@dataclass(frozen=True)
class Artifact:
    """A model file that is ready to run, and all that belongs to it."""

    path: Path
    name: str  # <framework>_<quantization>_<model>
    sha256: str
    size_bytes: int
    weights: str
    weights_sha256: str
    settings: Settings
    made_with: dict[str, str]
    source_key: str  # changes when any input of the conversion does
    environment: str = "main"  # it was made in, and runs in: see runner.environments
    declared_accuracy: float | None = None  # top-1, 0 to 1, as whoever made the weights states it
    added: bool = False  # by file: there is no PyTorch original to compare it with

    def save(self) -> None:
        record = {**asdict(self), "path": self.path.name}
        temporary = self.path.with_name(f"{self.name}.json.part")
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.path.with_name(f"{self.name}.json"))

    @classmethod
    def load(cls, sidecar: Path) -> Artifact:
        """The artifact of a sidecar file; raises ModelError if that is damaged or the model file is gone."""
        try:
            record = json.loads(sidecar.read_text(encoding="utf-8"))
            settings = Settings.parse(record.pop("settings"), sidecar)
            artifact = cls(**{**record, "path": sidecar.parent / record["path"], "settings": settings})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{sidecar} is not a model's description ({error}): prepare the model again.") from None
        if not artifact.path.is_file():
            raise ModelError(f"{artifact.path} is gone: run `aiot models prepare`.")
        return artifact


def prepared(folder: Path) -> dict[str, Artifact]:
    """The artifacts of a folder by name; one that is damaged is left out (preparing makes it anew)."""
    artifacts = {}
    for sidecar in sorted(folder.glob("*.json")):
        try:
            artifact = Artifact.load(sidecar)
        except ModelError:
            continue
        artifacts[artifact.name] = artifact
    return artifacts
