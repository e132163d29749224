"""Conversion of PyTorch networks to ExecuTorch with XNNPACK: float32 and full integer.

ExecuTorch succeeds PyTorch Mobile; it is not in the paper.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import numpy as np
    from torch import nn

LAYOUT = "NCHW"
SUFFIX = ".pte"
DISTRIBUTIONS = ("executorch", "torch", "torchvision")
IMPORTS = ("executorch",)
QUANTIZATIONS = ("float32", "int8")


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write a program with an input of shape (1, 3, size, size), lowered to XNNPACK where possible."""
    import torch

    _write(torch.export.export(network, (torch.zeros(1, 3, size, size),)), target)


def convert_quantized(
    network: nn.Module, size: int, quantization: str, calibration: Iterable[np.ndarray], target: Path
) -> None:
    """Write a program with weights and activations in 8 bits; the only quantization is "int8".

    The range of an activation is its minimum and maximum over all calibration images, as in the TFLite files, and the
    scores are float32, too: everything after the last layer with weights is computed in float32. If that layer itself
    gives the scores, and is not a convolution, its activations are quantized at run time.

    calibration: float32 input tensors of shape (1, 3, size, size).
    """
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from torchao.quantization.pt2e import MinMaxObserver
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
    from torchao.quantization.pt2e.quantizer.composable_quantizer import ComposableQuantizer

    assert quantization == "int8"
    example = (torch.zeros(1, 3, size, size),)
    static = get_symmetric_quantization_config(is_per_channel=True)
    # the default observer, of histograms, cuts off peaks
    activation = replace(static.input_activation, observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=2**-12))
    static = replace(static, input_activation=activation, output_activation=activation)
    dynamic = get_symmetric_quantization_config(is_per_channel=True, is_dynamic=True)
    linear = torch.ops.aten.linear.default

    def is_static(node: Any) -> bool:
        last = _last_layer(node.graph)
        return bool(node < last if last.target == linear else node <= last)

    def is_dynamic(node: Any) -> bool:
        return node.target == linear and node is _last_layer(node.graph)

    quantizer = ComposableQuantizer(
        [_filtered(XNNPACKQuantizer(), dynamic, is_dynamic), _filtered(XNNPACKQuantizer(), static, is_static)]
    )
    prepared = prepare_pt2e(torch.export.export(network, example).module(), quantizer)
    for tensor in calibration:
        prepared(torch.from_numpy(tensor))
    _write(torch.export.export(convert_pt2e(prepared), example), target)


def _filtered(quantizer: Any, config: Any, use: Callable[[Any], bool]) -> Any:
    """Set what a quantizer does with the nodes for which `use` is true."""
    quantizer.set_global(config)
    quantizer.set_filter_function(use)
    return quantizer


def _last_layer(graph: Any) -> Any:
    """Return the last node of a graph that is a layer with weights, or the last node if there is none."""
    import torch

    layers = (torch.ops.aten.linear.default, torch.ops.aten.conv2d.default, torch.ops.aten.conv_transpose2d.input)
    nodes = list(graph.nodes)
    return next((node for node in reversed(nodes) if node.target in layers), nodes[-1])


def _write(exported: Any, target: Path) -> None:
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()]).to_executorch()
    with target.open("wb") as file:
        program.write_to_file(file)
