"""Export of PyTorch networks to ONNX, the format that the converters of several frameworks take."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

from aiot_suite.errors import ConversionError, MissingOperatorError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

OPSET = 17
INPUT, OUTPUT = "image", "scores"


def export(network: nn.Module, size: int, target: Path) -> None:
    """Write the network with an input of shape (1, 3, size, size). Batch norms after convolutions are folded.

    Raises MissingOperatorError for an operator that ONNX lacks, and ConversionError if the export fails otherwise.
    """
    import torch
    from torch.onnx import errors

    with torch.no_grad(), warnings.catch_warnings():
        # the newer exporter, of torch.export, needs more packages and takes longer
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                network,
                (torch.zeros(1, 3, size, size),),
                str(target),
                opset_version=OPSET,
                dynamo=False,
                input_names=[INPUT],
                output_names=[OUTPUT],
            )
        except errors.UnsupportedOperatorError as error:
            raise MissingOperatorError("ONNX", re.findall(r"operator '([^']+)'", str(error))) from None
        except errors.OnnxExporterError as error:
            import onnx  # noqa: F401  its absence is another error, which names the package

            message = " ".join(str(error).split())[:300]
            raise ConversionError(f"the network cannot be exported to ONNX, and the message is {message!r}.") from None
