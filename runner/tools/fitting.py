"""What run_eval needs of a model file, of images and of labels, so that it measures what the agent would.

run_eval knows one way of preprocessing. A JPEG is cropped to 87.5 % of its short side; a `.rgb8` file, which is the
bytes of its pixels, is taken as it is. Then every channel of a float32 input becomes (x - 127.5) / 127.5
(tflite/tools/evaluation/stages: image_classification_stage.cc, image_preprocessing_stage.cc and its header).

So images are decoded and resized here, as the agent does it, and given as `.rgb8`; and where a model's settings have
another normalization or channel order, the model file for run_eval begins with a 1x1 convolution that leads from the
tool's input to the model's own. The file that is timed is never changed.

The outputs of a model are read by the tool as if they were of the type of its input (SetTaskInfo in
image_classification_stage.cc), and the newest sources compare the size of an 8-bit input with one that is 16 bytes
longer: therefore the file for run_eval takes and gives float32, with a QUANTIZE and a DEQUANTIZE around 8 bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import ModelError
from aiot_suite.facts import Artifact, Settings
from aiot_suite.workspace import sha256_of

if TYPE_CHECKING:
    from aiot_suite.datasets.store import Dataset

TOOL_MEAN = TOOL_STD = 127.5
LEAST_OUTPUTS = 10
"""run_eval counts the ten best classes, and refuses a model with fewer."""

NO_CLASS = "none"
"""The label of an output that is no class; no image has it."""


@dataclass(frozen=True)
class Staged:
    """Images and labels as run_eval takes them, in files on this machine."""

    folder: Path
    names: tuple[str, ...]  # of the files in `images`, in the order of the labels
    failed: tuple[str, ...]  # images that cannot be decoded: the tool would give up at the first of them

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def ground_truth(self) -> Path:
        """One line an image: its label."""
        return self.folder / "ground_truth.txt"


def stage(dataset: Dataset, chosen: Sequence[tuple[str, int]], settings: Settings, root: Path) -> Staged:
    """Makes the `.rgb8` files of some images (name, label) in a folder below `root`, once for equal settings."""
    from aiot_suite import preprocess

    made_by = [preprocess.IMAGE_LIBRARY, sha256_of(Path(preprocess.__file__))]
    asked = [*made_by, dataset.sha256, settings.size, settings.resize, settings.resize_size, list(chosen)]
    folder = root / f"rgb8-{settings.size}-{_digest(asked)}"
    done = folder / "failed.json"
    if not done.is_file():
        (folder / "images").mkdir(parents=True, exist_ok=True)
        way = preprocess.Preprocess.of(settings.record())
        truths: list[int] = []
        failures: list[str] = []
        for name, label in chosen:
            try:
                image = preprocess.decode(dataset.path(name).read_bytes())
                pixels = preprocess.resized(image, way.size, way.resize, way.resize_size).tobytes()
            except (OSError, ValueError):
                failures.append(name)
                continue
            (folder / "images" / _file(len(truths))).write_bytes(pixels)
            truths.append(label)
        (folder / "ground_truth.txt").write_text("".join(f"{label}\n" for label in truths), encoding="utf-8")
        done.write_text(json.dumps(failures), encoding="utf-8")  # last: a folder without it is unfinished
    failed = json.loads(done.read_text(encoding="utf-8"))
    return Staged(folder, tuple(_file(number) for number in range(len(chosen) - len(failed))), tuple(failed))


def _file(number: int) -> str:
    """The tool takes images in the order of their names."""
    return f"{number:06}.rgb8"


def labels(settings: Settings, outputs: int) -> list[str]:
    """The label of each output as a text, as the ground truth has it."""
    from runner.agent.loop import labels as label_of

    found = [label_of(settings.record())(index) for index in range(outputs)]
    return [NO_CLASS if label == -1 else str(label) for label in found]


@dataclass(frozen=True)
class Fitted:
    """A model file for run_eval, and its labels by output."""

    path: Path
    sha256: str
    labels: Path
    changed: bool  # whether it is another file than the one that is timed


def fit(artifact: Artifact, root: Path) -> Fitted:
    """A prepared TFLite model as run_eval takes it, in a folder below `root`, once for an equal file and settings.

    Raises ModelError if the tool cannot show this model images, with the reason.
    """
    settings = artifact.settings
    folder = root / f"fitted-{artifact.name}-{_digest([artifact.sha256, settings.record()])}"
    label_file = folder / "labels.txt"
    model_file = folder / artifact.path.name
    if not label_file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        data = artifact.path.read_bytes()
        made, outputs = with_tool_input(data, settings, artifact.path.name)
        if made is not None:
            model_file.write_bytes(made)
        text = "".join(f"{label}\n" for label in labels(settings, outputs))
        label_file.write_text(text, encoding="utf-8")  # last: a folder without it is unfinished
    if model_file.is_file():
        return Fitted(model_file, hashlib.sha256(model_file.read_bytes()).hexdigest(), label_file, True)
    return Fitted(artifact.path, artifact.sha256, label_file, False)


def with_tool_input(data: bytes, settings: Settings, name: str = "The model") -> tuple[bytes | None, int]:
    """A .tflite file that takes the input of run_eval and gives float32, and how many outputs it has.

    None in the place of the file if `data` is such a file already. Raises ModelError if it cannot be made.
    """
    from runner.tools import flatbuffer

    model = flatbuffer.Network(data, name)
    if model.outputs < LEAST_OUTPUTS:
        raise ModelError(f"{name} has {model.outputs} outputs, and run_eval takes models with {LEAST_OUTPUTS} or more.")
    weights, bias = tool_to_model(settings)
    identical = weights == ((1, 0, 0), (0, 1, 0), (0, 0, 1)) and bias == (0, 0, 0)
    if identical and model.is_float:
        return None, model.outputs
    model.take_float(weights, bias)
    model.give_float()
    return model.pack(), model.outputs


def tool_to_model(settings: Settings) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    """Weights (3 x 3: a row a channel of the model) and biases that lead from the tool's input to the model's.

    The tool gives t = (x - 127.5) / 127.5 in the order RGB, the model takes (x - mean) / std in its own order.
    """
    order = [0, 1, 2] if settings.channel_order == "RGB" else [2, 1, 0]
    weights = tuple(
        tuple(TOOL_STD / std if channel == source else 0.0 for channel in range(3))
        for source, std in zip(order, settings.std, strict=True)
    )
    bias = tuple((TOOL_MEAN - mean) / std for mean, std in zip(settings.mean, settings.std, strict=True))
    return weights, bias


def _digest(values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
