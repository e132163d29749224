"""Conversion of PyTorch networks to PyTorch Mobile's lite interpreter format (.ptl).

Runs in the legacy environment (torch 1.10.2), which has XNNPACK like the paper's app, or, if that is not installed, in
the main environment, whose torch has no XNNPACK. A file only works in the environment that it was made in, which is
recorded with the file.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

LAYOUT = "NHWC"  # in memory; the network sees the tensor as NCHW
SUFFIX = ".ptl"
IMPORTS = ("torch",)
DISTRIBUTIONS = ("torch", "torchvision")
ENVIRONMENTS = ("legacy", "main")


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write the traced network with an input of shape (1, 3, size, size).

    `optimize_for_mobile` needs XNNPACK; without it, batch norms are folded by freezing.
    """
    import torch
    from torch.utils.mobile_optimizer import optimize_for_mobile

    example = torch.zeros(1, 3, size, size)
    with torch.no_grad(), warnings.catch_warnings():
        # TorchScript is deprecated, but PyTorch Mobile is based on it.
        warnings.simplefilter("ignore", DeprecationWarning)
        jit: Any = torch.jit  # its functions have no types
        traced = jit.trace(network, example)
        xnnpack = torch._C._is_xnnpack_enabled()  # torch 1.10 has no public function for this
        optimized = optimize_for_mobile(traced) if xnnpack else jit.freeze(traced)
        optimized._save_for_lite_interpreter(str(target))
