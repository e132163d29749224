"""Kinds of operators, and the names they have: of PyTorch's layers, functions and ATen operators."""

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
    """The kind of an operator, like "relu" of ReLU6, relu_ and aten::relu6_; OTHER if the name is none of these."""
    return _KINDS.get(name.removeprefix("aten::").strip("_").lower(), OTHER)
