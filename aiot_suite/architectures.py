"""The networks as PyTorch modules, built from the definitions of torchvision or timm."""

from __future__ import annotations

import contextlib
import io
import math
import sys
import types
from collections import OrderedDict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import UnsupportedNetworkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from torch import nn

TORCHVISION_NAMES = {"squeezenet": "squeezenet1_0", "mnasnet": "mnasnet1_0"}
"""torchvision's names of the paper's networks, where they are not the same."""

WITH_SECOND_CLASSIFIER = ("inception_v3", "googlenet")
"""Networks that have a second classifier, only for training, and that normalize their input a second time if they are
built with torchvision's `transform_input`, as they are for the pretrained weights."""


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

    Its input has shape (batch, 3, size, size), and its output is logits of shape (batch, classes). Raises
    UnsupportedNetworkError if the installed torchvision does not have it.
    """
    constructor = getattr(torchvision_models(), TORCHVISION_NAMES.get(model, model), None)
    if constructor is None:
        raise UnsupportedNetworkError(f"torchvision {version('torchvision')} has no network {model}")
    arguments: dict[str, object] = {"num_classes": classes}
    if model in WITH_SECOND_CLASSIFIER:
        arguments |= {"aux_logits": False, "init_weights": False}
    with contextlib.redirect_stdout(io.StringIO()):
        network: nn.Module = constructor(**arguments)
    return network.eval()


def build_timm(name: str, classes: int) -> nn.Module:
    """Return a float32 network of timm in evaluation mode, with its default initialization."""
    network: nn.Module = timm_library().create_model(name, pretrained=False, num_classes=classes)
    return network.eval()


def timm_library() -> types.ModuleType:
    """Return `timm`, which imports torchvision."""
    torchvision_models()
    import timm

    library: types.ModuleType = timm
    return library


def torchvision_classifiers() -> list[str]:
    """Return the names of all networks of torchvision for the classification of images."""
    models = torchvision_models()
    return list(models.list_models(module=models))


def torchvision_settings(name: str) -> dict[str, Any]:
    """Return the input settings with which torchvision evaluates the weights that `pretrained_weights` lists first."""
    preset = pretrained_weights(name)[0].transforms()
    return {
        "size": preset.crop_size[0],
        "resize": "resize_crop",
        "resize_size": preset.resize_size[0],
        "interpolation": preset.interpolation.value,
        "mean": _for_bytes(preset.mean),
        "std": _for_bytes(preset.std),
    }


def timm_names() -> list[str]:
    """Return timm's names of its networks, without and with the name of their pretrained weights."""
    library = timm_library()
    return [*library.list_models(), *library.list_models(pretrained=True)]


def timm_settings(name: str) -> dict[str, Any]:
    """Return the input settings with which timm evaluates its pretrained weights of a network.

    Raises ValueError if its input is not a square image with three channels.
    """
    library = timm_library()
    stated = library.get_pretrained_cfg(name, allow_unregistered=False).to_dict()
    settings = library.data.resolve_data_config(pretrained_cfg=stated)
    channels, height, width = settings["input_size"]
    if channels != 3 or height != width:
        raise ValueError(f"its input has the shape {channels}x{height}x{width} instead of a square with 3 channels")
    return {
        "size": height,
        "resize": "square_crop" if settings["crop_mode"] == "squash" else "resize_crop",
        "resize_size": math.floor(height / settings["crop_pct"]),
        "interpolation": settings["interpolation"] if settings["interpolation"] == "bilinear" else "bicubic",
        "mean": _for_bytes(settings["mean"]),
        "std": _for_bytes(settings["std"]),
    }


def _for_bytes(values: Iterable[float]) -> list[float]:
    """Return values for pixels from 0 to 1 as values for pixels from 0 to 255."""
    return [round(255 * value, 6) for value in values]


def count(network: nn.Module, size: int) -> tuple[int, int]:
    """Return the multiply-accumulates for one image of shape (3, size, size), and the number of parameters.

    Operations are counted as for Table II: those of convolutions and matrix products, by torch.utils.flop_counter.
    Nothing is computed, only shapes.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    shapes = {name: value.to("meta") for name, value in (*network.named_parameters(), *network.named_buffers())}
    with FlopCounterMode(display=False) as counter:
        torch.func.functional_call(network, shapes, torch.empty(1, 3, size, size, device="meta"))
    return counter.get_total_flops() // 2, sum(value.numel() for value in network.parameters())


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
    """Return torchvision's entries for a network's ImageNet weights, by its own name of it, in order of publication."""
    return list(torchvision_models().get_model_weights(model))
