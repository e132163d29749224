"""PyTorch network to PyTorch Mobile's lite interpreter format (.ptl)."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

LAYOUT = "NCHW"
SUFFIX = ".ptl"
DISTRIBUTIONS = ("torch", "torchvision")


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Writes the traced and frozen network with input of shape (1, 3, size, size).

    `optimize_for_mobile`, which the paper's app used, fails in this torch (it has no XNNPACK), so batch
    norms are folded by freezing; the framework's version is part of every record.
    """
    import torch

    example = torch.zeros(1, 3, size, size)
    with torch.no_grad(), warnings.catch_warnings():
        # TorchScript is deprecated, and is what PyTorch Mobile is made of.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.freeze(torch.jit.trace(network, example))
        traced._save_for_lite_interpreter(str(target))
