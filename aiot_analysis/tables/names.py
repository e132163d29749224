"""The order and the display names of models, implementations and quantizations, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

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
BEYOND_NAMES = {  # the paper
    "executorch_cpu": "ExecuTorch",
    "tflite_gpu": "TFLite GPU",
    "squeezenet1_1": "SqueezeNet 1.1",
}
QUANTIZATION_NAMES = {"float32": "float32", "dynamic": "dynamic", "int8": "INT8", "float16": "float16"}
PHASE_NAMES = {
    "decode_ms": "decode",
    "preprocess_ms": "preprocess",
    "inference_ms": "inference",
    "postprocess_ms": "post-process",
}
RESIZE_NAMES = {  # the paper's three ways, Section IV-B
    "crop_resize": "crop, then resize",
    "resize_crop": "resize the short side, then crop",
    "square_crop": "resize to a square, then crop",
}
TIMING_NAMES = {"end_to_end": "end to end", "inference": "inference only"}

MODELS = list(MODEL_NAMES)
IMPLEMENTATIONS = list(IMPLEMENTATION_NAMES)  # framework and delegate, the paper's four (Section V)
QUANTIZATIONS = list(QUANTIZATION_NAMES)
DELEGATES = ["cpu", "nnapi"]

_ALL = (
    BEYOND_NAMES | MODEL_NAMES | IMPLEMENTATION_NAMES | QUANTIZATION_NAMES | PHASE_NAMES | RESIZE_NAMES | TIMING_NAMES
)
DELEGATE_NAMES = {  # beyond the paper's, of imported logs
    "dsp": "DSP",
    "npu": "NPU",
    "coreml": "Core ML",
    "external": "external delegate",
    "stable": "stable delegate",
    "unknown": "unknown delegate",
}

_ALL |= {"cpu": "CPU", "nnapi": "NNAPI", "gpu": "GPU", **DELEGATE_NAMES}
_ALL |= {f"tflite_{name}": f"TFLite {shown}" for name, shown in DELEGATE_NAMES.items()}


class Instance(NamedTuple):
    """What the id of an instance, <framework>_<delegate>_<quantization>_<model>, tells."""

    framework: str
    delegate: str
    quantization: str
    model: str

    @property
    def implementation(self) -> str:
        return f"{self.framework}_{self.delegate}"


ORIGIN_SENTENCES = {
    "measured": "<strong>Measured</strong> on the devices named here.",
    "simulated": "<strong>SIMULATED DATA</strong>, made by a simulation: nothing here was measured on a device.",
    "imported": "<strong>Imported</strong> from logs of another tool.",
}
"""What pages say first of their data, by origin."""


def instance(instance_id: str) -> Instance:
    """What an instance id tells. Raises TypeError for a text of fewer parts."""
    return Instance(*instance_id.split("_", 3))


def instance_id(implementation: str, quantization: str, model: str) -> str:
    """The id of an instance: <framework>_<delegate>_<quantization>_<model>."""
    return f"{implementation}_{quantization}_{model}"


PAPER_FLOAT32 = [instance_id(one, "float32", model) for model in MODELS for one in IMPLEMENTATIONS]
PAPER_QUANTIZED = [
    instance_id(f"tflite_{delegate}", quantization, model)
    for model in MODELS
    for quantization in QUANTIZATIONS[1:]
    for delegate in DELEGATES
]
PAPER = [*PAPER_FLOAT32, *PAPER_QUANTIZED]


def display(name: str) -> str:
    """How a model, implementation, delegate, quantization, phase or timing is written for readers."""
    return _ALL.get(name, name.replace("_", " "))


def framework(name: str) -> str:
    """How a framework is written for readers, without a delegate."""
    return display(f"{name}_cpu").removesuffix(" CPU").removesuffix(" cpu")


def instance_display(instance_id: str) -> str:
    """How an instance id is written for readers, like "MnasNet, TFLite CPU, INT8"."""
    told = instance(instance_id)
    return ", ".join(display(part) for part in (told.model, told.implementation, told.quantization))


def facts(instance_id: str) -> dict[str, str]:
    """What a row of a statistic tells of its instance: its id, model, implementation and quantization."""
    told = instance(instance_id)
    return {
        "instance_id": instance_id,
        "model": told.model,
        "implementation": told.implementation,
        "quantization": told.quantization,
    }


def devices(frame: pd.DataFrame) -> dict[str, str]:
    """How each device of the table `devices` is written for readers, by its id: maker and model.

    The id stands in their place where both are unknown, and behind them where two devices have the same.
    """
    known = frame.set_index("device_id").reindex(columns=["maker", "model"]).fillna("").astype(str)
    found = {}
    for device, maker, model in known.itertuples(name=None):
        found[device] = (model if model.lower().startswith(maker.lower()) else f"{maker} {model}").strip() or device
    several = pd.Series(found).duplicated(keep=False)
    return {device: f"{name} ({device})" if several[device] else name for device, name in found.items()}


def implementation(rows: pd.DataFrame) -> pd.Series:
    """The implementation of each row, <framework>_<delegate>."""
    return rows["framework"] + "_" + rows["delegate"]


def places(column: pd.Series, order: list[str]) -> pd.Series:
    """The place of each name of a column `in_order`, to sort by."""
    every = in_order(set(column), order)
    return column.map({name: place for place, name in enumerate(every)})


def ordered(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The rows in the paper's order of the names in the columns `by`, the first of them foremost, numbered anew."""
    orders = {"model": MODELS, "implementation": IMPLEMENTATIONS, "quantization": QUANTIZATIONS}
    keys = {one: places(frame[one], orders[one]) if one in orders else frame[one] for one in by}
    return frame.loc[pd.DataFrame(keys).sort_values(list(by), kind="stable").index].reset_index(drop=True)


def in_order(found: set[str], order: list[str]) -> list[str]:
    """The names found: those of the paper in its order, then any others by name."""
    return [name for name in order if name in found] + sorted(found - set(order))
