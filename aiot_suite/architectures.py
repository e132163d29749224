"""The networks as PyTorch modules, built from torchvision's definitions."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import nn

TORCHVISION_NAMES = {
    "resnet50": ("resnet50", "ResNet50_Weights"),
    "inception_v3": ("inception_v3", "Inception_V3_Weights"),
    "densenet121": ("densenet121", "DenseNet121_Weights"),
    "squeezenet": ("squeezenet1_0", "SqueezeNet1_0_Weights"),
    "mobilenet_v2": ("mobilenet_v2", "MobileNet_V2_Weights"),
    "mnasnet": ("mnasnet1_0", "MNASNet1_0_Weights"),
}
"""torchvision's names of each network and of its weights."""


def torchvision_models() -> types.ModuleType:
    """Return `torchvision.models`, even if torchvision's compiled extension does not match the installed torch.

    With a CPU build of torch the extension may not load, and registering shapes for its operators then fails. The
    network definitions are pure Python and do not need it.
    """
    try:
        import torchvision.models
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
        import torchvision.models
    models: types.ModuleType = torchvision.models
    return models


def build(model: str, classes: int) -> nn.Module:
    """Return a float32 network in evaluation mode, with torchvision's default initialization.

    Its input has shape (batch, 3, size, size), and its output is logits of shape (batch, classes).
    """
    arguments: dict[str, object] = {"num_classes": classes}
    if model == "inception_v3":
        arguments |= {"aux_logits": False, "init_weights": False}
    with contextlib.redirect_stdout(io.StringIO()):
        network: nn.Module = getattr(torchvision_models(), TORCHVISION_NAMES[model][0])(**arguments)
    return network.eval()


def outputs_of(state: Mapping[str, torch.Tensor], network: nn.Module) -> int:
    """Return the number of outputs of the network that a state dict belongs to.

    `network` is the same network with 1000 classes: only the size of the last layer may differ.
    Raises ValueError if the state dict belongs to another network.
    """
    expected = network.state_dict()
    lengths = {int(state[name].shape[0]) for name, value in expected.items() if state[name].shape != value.shape}
    if len(lengths) > 1:
        raise ValueError("layers other than the last one have different sizes in this network")
    return lengths.pop() if lengths else int(list(expected.values())[-1].shape[0])


def load_arrays(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Load a state dict of plain arrays into a network; raises RuntimeError if it does not fit.

    Files of plain arrays do not record the format versions of the layers, which MnasNet checks: the versions of the
    installed torchvision are used.
    """
    versioned = OrderedDict(state)
    versioned._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(versioned)


def pretrained_weights(model: str) -> list[Any]:
    """Return torchvision's entries for a model's ImageNet weights, starting with those of the paper's time."""
    return list(getattr(torchvision_models(), TORCHVISION_NAMES[model][1]))
