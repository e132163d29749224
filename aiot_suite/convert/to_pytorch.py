"""PyTorch network to PyTorch Mobile's lite interpreter format (.ptl).

In the legacy environment (torch 1.10.2) for XNNPACK, as the paper's app has it; where that is not installed, in the
main one, whose torch has no XNNPACK. A file of one is not for the other, and the record of a file says which it is.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

LAYOUT = "NHWC"  # of the tensor in memory; the network sees it as NCHW
SUFFIX = ".ptl"
DISTRIBUTIONS = ("torch", "torchvision")
ENVIRONMENTS = ("legacy", "main")


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Writes the traced network with input of shape (1, 3, size, size).

    `optimize_for_mobile` needs XNNPACK; without it batch norms are folded by freezing.
    """
    import torch
    from torch.utils.mobile_optimizer import optimize_for_mobile

    example = torch.zeros(1, 3, size, size)
    with torch.no_grad(), warnings.catch_warnings():
        # TorchScript is deprecated, and is what PyTorch Mobile is made of.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(network, example)
        xnnpack = torch._C._is_xnnpack_enabled()  # the public name for it came after 1.10
        optimized = optimize_for_mobile(traced) if xnnpack else torch.jit.freeze(traced)
        optimized._save_for_lite_interpreter(str(target))
