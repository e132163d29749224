"""The networks as PyTorch modules, from torchvision's definitions."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

_TORCHVISION_NAMES = {
    "resnet50": "resnet50",
    "inception_v3": "inception_v3",
    "densenet121": "densenet121",
    "squeezenet": "squeezenet1_0",
    "mobilenet_v2": "mobilenet_v2",
    "mnasnet": "mnasnet1_0",
}


def torchvision_models() -> types.ModuleType:
    """`torchvision.models`, also where torchvision's compiled part does not fit the installed torch.

    Beside a CPU build of torch that part cannot load, and registering shapes for its operators then
    fails; the definitions themselves are pure Python and need none of it.
    """
    try:
        import torchvision.models
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
        import torchvision.models
    return torchvision.models


def build(model: str, classes: int) -> nn.Module:
    """The float32 network in evaluation mode with torchvision's default initialization.

    Takes images of shape (batch, 3, size, size) and gives logits of shape (batch, classes).
    """
    import torch

    arguments: dict[str, object] = {"num_classes": classes}
    if model == "inception_v3":
        arguments |= {"aux_logits": False, "init_weights": False}
    with contextlib.redirect_stdout(io.StringIO()):
        network: torch.nn.Module = getattr(torchvision_models(), _TORCHVISION_NAMES[model])(**arguments)
    return network.eval()
