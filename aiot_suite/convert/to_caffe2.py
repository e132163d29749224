"""Conversion of PyTorch networks to Caffe2 via ONNX. Runs in the legacy environment (Python 3.9)."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

LAYOUT = "NCHW"
SUFFIX = ".caffe2.zip"
IMPORTS = ("caffe2",)
DISTRIBUTIONS = ("torch", "torchvision", "onnx")
ENVIRONMENTS = ("legacy",)
OPSET = 9  # the newest that Caffe2's importer supports completely


def convert_float32(network: nn.Module, size: int, target: Path) -> None:
    """Write a zip of `init_net.pb` (weights) and `predict_net.pb`, with an input of shape (1, 3, size, size)."""
    import onnx
    import torch
    from caffe2.python.onnx.backend import Caffe2Backend

    buffer: Any = io.BytesIO()  # valid for torch 1.10, but not by the type hints of later versions
    # the importer recognizes weights only if the initializers are among the inputs
    torch.onnx.export(
        network, (torch.zeros(1, 3, size, size),), buffer, opset_version=OPSET, keep_initializers_as_inputs=True
    )
    model = onnx.load_model_from_string(buffer.getvalue())
    for node in model.graph.node:
        node.ClearField("name")  # the importer would interpret a name containing "Pool" as the kind of pooling
    init, predict = Caffe2Backend.onnx_graph_to_caffe2_net(model)
    weights = [operator for operator in init.op if operator.type == "GivenTensorFill"]
    del init.op[:]
    init.op.extend(weights)  # otherwise it would contain the whole network a second time
    del init.external_output[:]
    init.external_output.extend(blob for operator in weights for blob in operator.output)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        for name, net_def in (("init_net.pb", init), ("predict_net.pb", predict)):
            # ZipInfo has a fixed date, so equal nets give equal bytes
            file.writestr(zipfile.ZipInfo(name), net_def.SerializeToString())
