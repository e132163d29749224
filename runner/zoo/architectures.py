"""The networks as PyTorch modules, from torchvision's definitions."""

from __future__ import annotations

import contextlib
import io
import sys
import types
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
"""Names of the network and of its weights in torchvision."""


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
    arguments: dict[str, object] = {"num_classes": classes}
    if model == "inception_v3":
        arguments |= {"aux_logits": False, "init_weights": False}
    with contextlib.redirect_stdout(io.StringIO()):
        network: nn.Module = getattr(torchvision_models(), TORCHVISION_NAMES[model][0])(**arguments)
    return network.eval()


def classes_of(state: Mapping[str, torch.Tensor]) -> int:
    """Number of outputs of a state dict: the length of the last bias. Raises ValueError if there is none."""
    biases = [value for name, value in state.items() if name.endswith(".bias") and value.ndim == 1]
    if not biases:
        raise ValueError("holds no layer with a bias: it is not one of the suite's networks")
    return int(biases[-1].shape[0])


def load_arrays(network: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    """Loads a state dict that came from plain arrays; raises RuntimeError if it does not fit.

    Such files do not hold the versions of the layers' formats, which MnasNet asks for: they are this
    torchvision's own.
    """
    versioned = OrderedDict(state)
    versioned._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(versioned)


def pretrained_weights(model: str) -> Any:
    """torchvision's entry for the first ImageNet weights of a model, the ones of the paper's time."""
    return getattr(torchvision_models(), TORCHVISION_NAMES[model][1]).IMAGENET1K_V1


def build_pretrained(model: str, hub: Path) -> nn.Module:
    """The network with torchvision's weights, from the file in `hub/checkpoints`, where they were put before.

    What only training needs is taken off, and with it InceptionV3's own second normalization: the settings
    of the model file say how its input is normalized.
    """
    import torch.hub

    torch.hub.set_dir(str(hub))
    network = getattr(torchvision_models(), TORCHVISION_NAMES[model][0])(weights=pretrained_weights(model))
    if model == "inception_v3":
        network.aux_logits, network.AuxLogits, network.transform_input = False, None, False
    return network.eval()
