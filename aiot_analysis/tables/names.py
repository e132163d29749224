"""Names of models, instances and devices: grammar, order, labels, and parsing of selections."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from aiot_analysis import words
from aiot_analysis.errors import DataError
from runner.rawlog import ORIGINS

if TYPE_CHECKING:
    import pandas as pd

TIMES = {"end_to_end": "end_to_end_ms", "inference": "inference_ms"}  # column of image records by timing
RANDOM = "random"  # weights of networks that were only timed
VERDICTS = ("valid", "semi-valid", "invalid", "unavailable")  # of instances
USABLE = VERDICTS[:2]  # those of instances whose numbers are used
DEVICE_ORDERS = ("soc", "id", "value")
DEVICE_LABELS = ("number", "name")
BURST_UNITS = ("images", "seconds")
PARAMETERS = {  # of notebooks, which have one of a few values
    "origin": ORIGINS,
    "timing": tuple(TIMES),
    "run_timing": tuple(TIMES),
    "order": DEVICE_ORDERS,
    "labels": DEVICE_LABELS,
    "burst_unit": BURST_UNITS,
}
SHOWN = 12  # number of choices that an error message lists
TRUE = {"true", "yes", "on", "1"}
FALSE = {"false", "no", "off", "0"}
KINDS = {"text": "text", "number": "a number", "whole number": "a whole number", "truth": "true or false"}


def listed(values: object) -> list[Any]:
    """Return the values as a list; text, a number, a truth value or None counts as a single value."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return [values]
    return list(values)


def named(values: object, known: Collection[Any]) -> list[Any]:
    """Return the values as a list, splitting text at commas.

    Text that equals a known value is not split, since an id may contain a comma.
    """
    if not isinstance(values, str) or values in known or "," not in values:
        return listed(values)
    return [name for part in values.split(",") if (name := part.strip())]


def choose(what: str, selection: object, known: Collection[Any], kind: str = "text") -> list[Any]:
    """Return the selected values (see `named`) without duplicates, converted to one of KINDS.

    None stands for a missing value and is valid if `known` contains it. Raises DataError for a value that is not in
    `known`.
    """
    values = list(dict.fromkeys(convert(what, value, kind) for value in named(selection, known)))
    for value in values:
        if value not in known:
            raise DataError(f"There is no {what} {value!r} in these data: choose {choices(str(value), known)}.")
    return values


def verdicts(selection: str | Sequence[str]) -> list[str]:
    """Return the verdicts named in text like "valid,semi-valid" or in a list.

    Raises DataError if there are none, or for any that is not in USABLE.
    """
    words = [word.strip() for word in selection.split(",")] if isinstance(selection, str) else list(selection)
    unknown = [word for word in words if word not in USABLE]
    if unknown or not words:
        listed_words = ", ".join(map(repr, unknown)) or "none"
        raise DataError(
            f"Instances with the verdict {listed_words} have no usable numbers: choose {' or '.join(USABLE)}."
        )
    return words


def choices(near: str, known: Collection[Any]) -> str:
    """Return the known values as text for an error message; of many, those spelled most like `near`."""
    names = [str(value) for value in known if value is not None]
    if not names:
        return "nothing, because there are none"
    if len(names) <= SHOWN:
        return ", ".join(names)
    closest = get_close_matches(near, names, SHOWN // 2, 0.5) or names[: SHOWN // 2]
    return f"{', '.join(closest)} or one of {len(names) - len(closest)} others"


def missing_as_none(value: object) -> Any:
    """Return a value as a plain Python object, with None for the missing values of pandas and NumPy."""
    value = value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value
    if (
        value is None
        or type(value).__name__ in ("NAType", "NaTType")
        or (isinstance(value, float) and math.isnan(value))
    ):
        return None
    return value


def convert(column: str, value: object, kind: str) -> Any:
    """Return a value converted to one of KINDS: text is parsed, and 3.0 is the whole number 3.

    None stays None. Raises DataError for a value that is not of the kind.
    """
    value = missing_as_none(value)
    if value is None:
        return None
    try:
        if kind == "text":
            return str(value)
        if kind == "truth":
            return _truth(value)
        if isinstance(value, bool):
            raise ValueError
        number = float(value)  # type: ignore[arg-type]
        if kind == "number":
            return number
        if not number.is_integer() or abs(number) >= 2**63:
            raise ValueError
        return int(number)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"Column {column} holds {KINDS[kind]}, not {value!r}: give a value of that type.") from None


def _truth(value: object) -> bool:
    """Return text like "yes" or "0" as a boolean; raise ValueError for anything else."""
    text = str(value).casefold()
    if text not in TRUE | FALSE:
        raise ValueError
    return text in TRUE


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
    "ncnn_cpu": "ncnn",
    "mnn_cpu": "MNN",
    "tflite_gpu": "TFLite GPU",
    "squeezenet1_1": "SqueezeNet 1.1",
    "shufflenet_v2_x1_0": "ShuffleNetV2",
    "vit_b_16": "ViT-B/16",
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
VERDICT_NAMES = {"semi-valid": "usable with caveats"}

MODELS = list(MODEL_NAMES)
IMPLEMENTATIONS = list(IMPLEMENTATION_NAMES)  # framework and delegate: the four of the paper (Section V)
FRAMEWORKS = list(dict.fromkeys(name.partition("_")[0] for name in IMPLEMENTATIONS))
QUANTIZATIONS = list(QUANTIZATION_NAMES)
DELEGATES = ["cpu", "nnapi"]

_ALL = (
    BEYOND_NAMES
    | MODEL_NAMES
    | IMPLEMENTATION_NAMES
    | QUANTIZATION_NAMES
    | PHASE_NAMES
    | RESIZE_NAMES
    | TIMING_NAMES
    | VERDICT_NAMES
)
DELEGATE_NAMES = {  # of imported logs and of ONNX Runtime, not in the paper
    "dsp": "DSP",
    "npu": "NPU",
    "coreml": "Core ML",
    "external": "external delegate",
    "stable": "stable delegate",
    "unknown": "unknown delegate",
    "xnnpack": "XNNPACK",
    "qnn": "QNN",
}

_ALL |= {"cpu": "CPU", "nnapi": "NNAPI", "gpu": "GPU", **DELEGATE_NAMES}
FRAMEWORK_NAMES = {"onnxruntime": "ONNX Runtime", "qnn": "QNN", "snpe": "SNPE", "samsung": "Samsung's SDK"}  # of logs
_ALL |= {f"tflite_{delegate}": f"TFLite {label}" for delegate, label in DELEGATE_NAMES.items()}
_ALL |= {
    f"{framework}_{delegate}": f"{name} {label}"
    for framework, name in FRAMEWORK_NAMES.items()
    for delegate, label in {"cpu": "CPU", "nnapi": "NNAPI", "gpu": "GPU", **DELEGATE_NAMES}.items()
}
RUNTIMES = ["tflite", "onnxruntime", "qnn"]  # of published results, in the order of figures
PRECISIONS = ["float", "w8a8", "w8a16"]
NETWORK_NAMES = {  # of published results, not in the paper
    "beit": "BEiT",
    "convnext_base": "ConvNeXt Base",
    "convnext_tiny": "ConvNeXt Tiny",
    "dla102x": "DLA-102-X",
    "efficientformer": "EfficientFormer",
    "efficientnet_b0": "EfficientNet-B0",
    "efficientnet_b4": "EfficientNet-B4",
    "efficientnet_v2_s": "EfficientNetV2-S",
    "efficientvit_b2_cls": "EfficientViT-B2",
    "efficientvit_l2_cls": "EfficientViT-L2",
    "googlenet": "GoogLeNet",
    "gpunet": "GPUNet",
    "internimage": "InternImage",
    "levit": "LeViT",
    "mnasnet05": "MnasNet 0.5",
    "mobile_vit": "MobileViT",
    "mobilenet_edgetpu": "MobileNetEdgeTPU",
    "mobilenet_v3_large": "MobileNetV3 Large",
    "mobilenet_v3_small": "MobileNetV3 Small",
    "mobilenet_v4_conv_large": "MobileNetV4 Conv-L",
    "nasnet": "NASNet",
    "regnet": "RegNet",
    "regnet_y_800mf": "RegNet-Y 800MF",
    "resnet18": "ResNet18",
    "resnet101": "ResNet101",
    "resnext50": "ResNeXt50",
    "resnext101": "ResNeXt101",
    "sequencer2d": "Sequencer2D",
    "shufflenet_v2": "ShuffleNetV2",
    "vit": "ViT",
    "wideresnet50": "Wide ResNet50",
}
_ALL |= NETWORK_NAMES
_ALL |= {
    "w8a16mixedint16": "w8a16 with int16",
    "w8a8mixedfp16": "w8a8 with fp16",
    "w8a8mixedint16": "w8a8 with int16",
    "precompiledqnnonnx_cpu": "ONNX Runtime, precompiled",
    "qnncontextbinary_cpu": "QNN context binary",
}


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
    "published": "<strong>Published</strong> by others, who measured it. Nothing here was measured with this toolkit.",
}
"""First sentence that pages show about their data, by origin."""

SOURCES_SHOWN = 3
_VERSION = re.compile(r"v?\d[\d.]*")
_COMMIT = re.compile(r"(?<= at )(?=[0-9a-f]{7,40}$)")


def publications(values: Iterable[object]) -> str:
    """Return distinct publications as text, with versions of one together: "MLPerf Mobile v4.0, v4.1 and v5.0"."""
    versions: dict[str, list[str]] = {}
    stated = {_COMMIT.sub("commit ", str(value)) for value in values if missing_as_none(value) is not None}
    for value in sorted(stated):
        title, _, last = value.rpartition(" ")
        if title and _VERSION.fullmatch(last):
            versions.setdefault(title, []).append(last)
        else:
            versions.setdefault(value, [])
    return "; ".join(
        f"{title} {' and '.join(filter(None, [', '.join(found[:-1]), found[-1]]))}" if found else title
        for title, found in versions.items()
    )


def sources(rows: pd.DataFrame) -> list[str]:
    """Return who published rows of the table `instances`, and where, like "MLCommons, MLPerf Mobile v5.0"."""
    stated = rows[["publisher", "publication"]].dropna(how="all").drop_duplicates().fillna("").astype(str)
    return sorted(
        ", ".join(filter(None, (str(publisher), publications(part[part != ""]))))
        for publisher, part in stated.groupby("publisher")["publication"]
    )


def origin_words(rows: pd.DataFrame) -> str:
    """Return the origin of rows of `instances` in words, like "published by MLCommons, MLPerf Mobile v5.0"."""
    origins = " and ".join(sorted(rows["origin"].dropna().astype(str).unique())) or "unknown"
    published = sources(rows) if origins == "published" else []
    more = f" and {len(published) - SOURCES_SHOWN} more" if len(published) > SOURCES_SHOWN else ""
    return f"published by {'; '.join(published[:SOURCES_SHOWN])}{more}" if published else origins


def with_retrieval(source: str, rows: pd.DataFrame) -> str:
    """Return a source, followed by the dates on which the rows of `instances` were retrieved, if there are any."""
    dates = sorted(rows["retrieved"].dropna().astype(str).unique())
    return f"{source}, retrieved {' and '.join(dates)}" if dates else source


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
    """Return the display name of a model, implementation, delegate, quantization, phase, timing or verdict."""
    return _ALL.get(name, name.replace("_", " "))


def framework(name: str) -> str:
    """Return the display name of a framework, without a delegate."""
    return display(f"{name}_cpu").removesuffix(" CPU").removesuffix(" cpu")


_PACKAGES = {
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
    "onnx_runtime": "ONNX Runtime",
    "ai-edge-litert": "LiteRT",
    "tflite": "TFLite",
    "qairt": "QAIRT",
    "enn": "ENN",
}  # display names of the packages that versions of frameworks name
_VERSION = re.compile(r"v?(\d+(?:\.\d+){0,2})\S*$")  # no build number


def software(rows: pd.DataFrame) -> str:
    """Return the versions of the frameworks of rows of `instances`, each once, like "ONNX Runtime 1.32.0".

    A version may name several packages, such as "qairt 2.42.0.251225; onnx_runtime 1.24.1". One without a package, or
    with an unknown one, gets the name of its framework.
    """
    versions: dict[str, set[str]] = {}
    stated = rows[["framework", "framework_version"]].dropna().drop_duplicates().astype(str)
    for framework_name, text in stated.itertuples(index=False):
        for part in text.split("; "):
            number = _VERSION.search(part)
            package = part[: number.start()].strip().lower() if number else ""
            name = _PACKAGES.get(package, framework(framework_name))
            versions.setdefault(name, set()).add(number[1] if number else part)
    return ", ".join(
        f"{name} {words.listed(sorted(numbers, key=_by_number))}"
        for name, numbers in sorted(versions.items(), key=_by_name)
    )


def _by_number(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _by_name(item: tuple[str, object]) -> str:
    return item[0].casefold()


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


SOC_VENDORS = {  # first word of the name of a SoC, in lower case, and its vendor
    "snapdragon": "Qualcomm",
    "qualcomm": "Qualcomm",
    "dragonwing": "Qualcomm",
    "kirin": "HiSilicon",
    "hisilicon": "HiSilicon",
    "mediatek": "MediaTek",
    "dimensity": "MediaTek",
    "helio": "MediaTek",
    "exynos": "Samsung",
    "samsung": "Samsung",
    "unisoc": "Unisoc",
    "tiger": "Unisoc",
    "tensor": "Google",
    "google": "Google",
    "apple": "Apple",
    "rockchip": "Rockchip",
    "broadcom": "Broadcom",
    "nvidia": "NVIDIA",
    "amlogic": "Amlogic",
    "intel": "Intel",
    "amd": "AMD",
}
OTHER_VENDOR = "other"
"""Vendor of a SoC whose name is unknown or not listed."""


def soc_vendor(soc: object) -> str:
    """Return the vendor of a SoC by its name, such as "Qualcomm" for "Snapdragon 855", or OTHER_VENDOR."""
    words = str(soc).lower().split()
    return SOC_VENDORS.get(words[0], OTHER_VENDOR) if words else OTHER_VENDOR


def implementation(rows: pd.DataFrame) -> pd.Series:
    """Return the implementation of each row, <framework>_<delegate>."""
    return rows["framework"] + "_" + rows["delegate"]


def instance_ids(rows: pd.DataFrame) -> pd.Series:
    """Return the instance id of each row, from the columns that hold its parts."""
    return rows[list(InstanceParts._fields)].astype(str).agg("_".join, axis=1)


def places(column: pd.Series, order: list[str]) -> pd.Series:
    """Return the position of each name of a column in the order of `in_order`, as a sort key."""
    sorted_names = in_order(set(column), order)
    return column.map({name: place for place, name in enumerate(sorted_names)})


def ordered(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the rows sorted by the columns `by`, with names in the paper's order, and with a new index."""
    import pandas as pd

    orders = {"model": MODELS, "implementation": IMPLEMENTATIONS, "quantization": QUANTIZATIONS}
    keys = {column: places(frame[column], orders[column]) if column in orders else frame[column] for column in by}
    return frame.loc[pd.DataFrame(keys).sort_values(list(by), kind="stable").index].reset_index(drop=True)


def in_order(names: set[str], order: list[str]) -> list[str]:
    """Return the names in order: those of the paper as in `order`, then any others by name."""
    return [name for name in order if name in names] + sorted(names - set(order))
