"""Conversion of PyTorch networks to ExecuTorch with XNNPACK. ExecuTorch succeeds PyTorch Mobile; not in the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

LAYOUT = "NCHW"
SUFFIX = ".pte"
DISTRIBUTIONS = ("executorch", "torch", "torchvision")
IMPORTS = ("executorch",)


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write a program with an input of shape (1, 3, size, size), lowered to XNNPACK where possible."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    exported = torch.export.export(network, (torch.zeros(1, 3, size, size),))
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    with target.open("wb") as file:
        program.write_to_file(file)
