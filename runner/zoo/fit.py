"""Weights of the heavy networks for the sample set: a seeded random backbone with a fitted last layer.

Training them from scratch takes hours here. A random convolutional network is a usable feature extractor
once its batch norms hold statistics of real data and its residual branches are scaled down (else they
drown the identity path); the last layer is then fitted in closed form, by ridge regression on the
training part of the sample set. The accuracy is real and far below what training would reach.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from runner.zoo.facts import Settings, default_settings
from runner.zoo.inputs import sample_batches

if TYPE_CHECKING:
    import torch
    from torch import nn

SEED = 0
PER_CLASS = 16
RESIDUAL_SCALE = 0.2
RIDGE = 0.1  # times the mean eigenvalue of the features' covariance
LAST_LAYERS = {"resnet50": "fc", "inception_v3": "fc", "densenet121": "classifier"}


@lru_cache(maxsize=1)
def fitted(model: str) -> nn.Module:
    """The network of a heavy model (resnet50, inception_v3, densenet121); made once a process."""
    import torch
    from torch import nn

    from runner.dataset.drawing import CLASS_NAMES
    from runner.zoo.architectures import build

    torch.manual_seed(SEED)
    network = build(model, len(CLASS_NAMES))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if type(module).__name__ == "Bottleneck":
            nn.init.constant_(module.bn3.weight, RESIDUAL_SCALE)  # type: ignore[union-attr, arg-type]
    last = getattr(network, LAST_LAYERS[model])
    setattr(network, LAST_LAYERS[model], nn.Identity())
    settings = default_settings(model, "sample-100", len(CLASS_NAMES))
    _take_statistics(network, settings)
    with torch.no_grad():
        features = torch.cat([network(batch) for batch in sample_batches(settings, PER_CLASS)]).double()
        labels = torch.arange(len(features)) % len(CLASS_NAMES)
        weight, bias = _ridge(features, nn.functional.one_hot(labels).double())
        last.weight.copy_(weight)
        last.bias.copy_(bias)
    setattr(network, LAST_LAYERS[model], last)
    return network.eval()


def _take_statistics(network: nn.Module, settings: Settings) -> None:
    """Sets every batch norm's statistics from one picture of each class."""
    import torch
    from torch import nn

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    network.train()
    with torch.no_grad():
        for batch in sample_batches(settings, 1):
            network(batch)
    network.eval()


def _ridge(features: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight (classes, features) and bias of the ridge regression of centred targets, scaled to logits."""
    import torch

    mean = features.mean(0)
    centred = features - mean
    scale = centred.std(0) + 1e-6
    scaled = centred / scale
    gram = scaled @ scaled.T  # pictures are fewer than features: solve in their space
    strength = RIDGE * gram.diagonal().mean()
    weight = (scaled.T @ torch.linalg.solve(gram + strength * torch.eye(len(gram)), targets - targets.mean(0))).T
    weight = 10 * weight / scale
    return weight.float(), (-(weight @ mean)).float()
