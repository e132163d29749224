"""Order and display names of models, implementations and quantizations. Imports nothing that is slow to import."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

MODEL_NAMES = {
    "resnet50": "ResNet50",
    "inception_v3": "InceptionV3",
    "densenet121": "DenseNet121",
    "squeezenet": "SqueezeNet",
    "mobilenet_v2": "MobileNetV2",
    "mnasnet": "MnasNet",
}
IMPLEMENTATION_NAMES = {
    "tflite_cpu": "TFLite CPU",
    "tflite_nnapi": "TFLite NNAPI",
    "pytorch_cpu": "PyTorch",
    "caffe2_cpu": "Caffe2",
}
BEYOND_NAMES = {  # not in the paper
    "executorch_cpu": "ExecuTorch",
    "tflite_gpu": "TFLite GPU",
    "squeezenet1_1": "SqueezeNet 1.1",
}
QUANTIZATION_NAMES = {"float32": "float32", "dynamic": "dynamic", "int8": "INT8", "float16": "float16"}
PHASES = ("decode", "preprocess", "inference", "postprocess")  # of an image, in order
PHASE_NAMES = {f"{phase}_ms": phase for phase in PHASES} | {"postprocess_ms": "post-process"}
RESIZE_NAMES = {  # the three ways in the paper, Section IV-B
    "crop_resize": "crop, then resize",
    "resize_crop": "resize the short side, then crop",
    "square_crop": "resize to a square, then crop",
}
TIMING_NAMES = {"end_to_end": "end to end", "inference": "inference only"}

MODELS = list(MODEL_NAMES)
IMPLEMENTATIONS = list(IMPLEMENTATION_NAMES)  # framework and delegate: the four of the paper (Section V)
FRAMEWORKS = list(dict.fromkeys(name.partition("_")[0] for name in IMPLEMENTATIONS))
QUANTIZATIONS = list(QUANTIZATION_NAMES)
DELEGATES = ["cpu", "nnapi"]

_ALL = (
    BEYOND_NAMES | MODEL_NAMES | IMPLEMENTATION_NAMES | QUANTIZATION_NAMES | PHASE_NAMES | RESIZE_NAMES | TIMING_NAMES
)
DELEGATE_NAMES = {  # of imported logs, not in the paper
    "dsp": "DSP",
    "npu": "NPU",
    "coreml": "Core ML",
    "external": "external delegate",
    "stable": "stable delegate",
    "unknown": "unknown delegate",
}

_ALL |= {"cpu": "CPU", "nnapi": "NNAPI", "gpu": "GPU", **DELEGATE_NAMES}
_ALL |= {f"tflite_{delegate}": f"TFLite {label}" for delegate, label in DELEGATE_NAMES.items()}


_INSTANCE_ID = re.compile(r"[a-z0-9]+_[a-z0-9]+_[a-z0-9]+_[a-z0-9_]+")


class InstanceParts(NamedTuple):
    """Parts of an instance id, <framework>_<delegate>_<quantization>_<model>."""

    framework: str
    delegate: str
    quantization: str
    model: str

    @property
    def implementation(self) -> str:
        """Return the implementation, <framework>_<delegate>."""
        return f"{self.framework}_{self.delegate}"

    @property
    def file(self) -> str:
        """Return the name of the model file, <framework>_<quantization>_<model>: delegates share one."""
        return f"{self.framework}_{self.quantization}_{self.model}"


ORIGIN_SENTENCES = {
    "measured": "<strong>Measured</strong> on the devices named here.",
    "simulated": "<strong>SIMULATED DATA</strong>, produced by a simulation. Nothing here was measured on a device.",
    "imported": "<strong>Imported</strong> from logs of another tool.",
}
"""First sentence that pages show about their data, by origin."""


def instance(instance_id: str) -> InstanceParts:
    """Return the parts of an instance id. Raises TypeError for text with fewer parts."""
    return InstanceParts(*instance_id.split("_", 3))


def is_instance_id(text: str) -> bool:
    """Return whether text has the form of an instance id."""
    return bool(_INSTANCE_ID.fullmatch(text))


def framework_and_delegate(implementation: str) -> tuple[str, str]:
    """Return the parts of an implementation, <framework>_<delegate>."""
    framework, _, delegate = implementation.partition("_")
    return framework, delegate


def instance_id(implementation: str, quantization: str, model: str) -> str:
    """Return the id of an instance: <framework>_<delegate>_<quantization>_<model>."""
    return f"{implementation}_{quantization}_{model}"


PAPER_FLOAT32 = [
    instance_id(implementation, "float32", model) for model in MODELS for implementation in IMPLEMENTATIONS
]
PAPER_QUANTIZED = [
    instance_id(f"tflite_{delegate}", quantization, model)
    for model in MODELS
    for quantization in QUANTIZATIONS[1:]
    for delegate in DELEGATES
]
PAPER = [*PAPER_FLOAT32, *PAPER_QUANTIZED]


def display(name: str) -> str:
    """Return the display name of a model, implementation, delegate, quantization, phase or timing."""
    return _ALL.get(name, name.replace("_", " "))


def framework(name: str) -> str:
    """Return the display name of a framework, without a delegate."""
    return display(f"{name}_cpu").removesuffix(" CPU").removesuffix(" cpu")


def instance_display(instance_id: str) -> str:
    """Return the display name of an instance id, like "MnasNet, TFLite CPU, INT8"."""
    parts = instance(instance_id)
    return ", ".join(display(part) for part in (parts.model, parts.implementation, parts.quantization))


def facts(instance_id: str) -> dict[str, str]:
    """Return the columns that describe an instance in a statistic: its id, model, implementation and quantization."""
    parts = instance(instance_id)
    return {
        "instance_id": instance_id,
        "model": parts.model,
        "implementation": parts.implementation,
        "quantization": parts.quantization,
    }


def devices(frame: pd.DataFrame) -> dict[str, str]:
    """Return the display name of each device of the table `devices` by its id: maker and model.

    The id is used instead if both are unknown, and is appended if two devices have the same name.
    """
    import pandas as pd

    makers_and_models = frame.set_index("device_id").reindex(columns=["maker", "model"]).fillna("").astype(str)
    labels = {}
    for device, maker, model in makers_and_models.itertuples(name=None):
        labels[device] = (model if model.lower().startswith(maker.lower()) else f"{maker} {model}").strip() or device
    duplicated = pd.Series(labels).duplicated(keep=False)
    return {device: f"{name} ({device})" if duplicated[device] else name for device, name in labels.items()}


def implementation(rows: pd.DataFrame) -> pd.Series:
    """Return the implementation of each row, <framework>_<delegate>."""
    return rows["framework"] + "_" + rows["delegate"]


def instance_ids(rows: pd.DataFrame) -> pd.Series:
    """Return the instance id of each row, from the columns that hold its parts."""
    return rows[list(InstanceParts._fields)].astype(str).agg("_".join, axis=1)


def places(column: pd.Series, order: list[str]) -> pd.Series:
    """Return the position of each name of a column in `in_order`, as a sort key."""
    sorted_names = in_order(set(column), order)
    return column.map({name: place for place, name in enumerate(sorted_names)})


def ordered(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the rows sorted by the columns `by`, with names in the paper's order, and with a new index."""
    import pandas as pd

    orders = {"model": MODELS, "implementation": IMPLEMENTATIONS, "quantization": QUANTIZATIONS}
    keys = {column: places(frame[column], orders[column]) if column in orders else frame[column] for column in by}
    return frame.loc[pd.DataFrame(keys).sort_values(list(by), kind="stable").index].reset_index(drop=True)


def in_order(found: set[str], order: list[str]) -> list[str]:
    """Return the names that were found: those of the paper in its order, then any others by name."""
    return [name for name in order if name in found] + sorted(found - set(order))
