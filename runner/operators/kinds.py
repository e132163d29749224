"""Kinds of operators, and the names of PyTorch's layers, functions and ATen operators of each kind."""

from __future__ import annotations

CONVOLUTION = "convolution"
DEPTHWISE = "depthwise convolution"
INPUT = "input"
OTHER = "other"

_NAMES = {
    CONVOLUTION: ("conv2d",),
    "batch norm": ("batchnorm2d", "batch_norm"),
    "relu": ("relu", "relu6", "hardtanh"),
    "pooling": (
        *("maxpool2d", "avgpool2d", "adaptiveavgpool2d", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"),
        "mean",  # over height and width: MnasNet's global pooling
    ),
    "concatenation": ("cat", "concat"),
    "addition": ("add", "iadd"),
    "linear": ("linear",),
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names}


def kind_of(name: str) -> str:
    """Return the kind of an operator by its name, like "relu" for ReLU6, relu_ and aten::relu6_, or OTHER."""
    return _KINDS.get(name.removeprefix("aten::").strip("_").lower(), OTHER)
