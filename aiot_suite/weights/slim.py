"""Slim networks embedded in heavy ones: sample weights that are cheap to train and to store.

The slim network, which is the one that is trained, is the heavy network with a quarter of the channels in every layer.
The heavy network then gets the slim network's weights in the first channels of each layer and random numbers in the
other channels; no weight leads from the other channels to the first ones or to the classes. The heavy network
therefore has its usual shape, size and cost, but produces the outputs of the slim network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from aiot_suite.architectures import build, load_arrays
from aiot_suite.convert.inputs import sample_batches
from aiot_suite.datasets.drawing import CLASS_NAMES
from aiot_suite.facts import default_settings

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.25  # share of the channels that belong to the slim network
SEED = 0
RESIDUAL_SCALE = 0.2  # of the random channels: with 1, their values grow from block to block
STATISTICS_BATCHES = 2  # batches of sample pictures for the batch-norm statistics of the random channels


@dataclass(frozen=True)
class Channels:
    """Channels of a tensor: their number, and which of them belong to the slim network."""

    count: int
    slim: Tensor  # indices, ascending

    @classmethod
    def first(cls, count: int) -> Channels:
        """Return `count` channels of which the first SHARE belong to the slim network."""
        return cls(count, torch.arange(ceil(count * SHARE)))

    @classmethod
    def joined(cls, parts: list[Channels]) -> Channels:
        """Return the channels of concatenated tensors."""
        ends = torch.tensor([0] + [part.count for part in parts]).cumsum(0)
        return cls(int(ends[-1]), torch.cat([part.slim + start for part, start in zip(parts, ends, strict=False)]))


def channels(network: nn.Module) -> dict[str, tuple[Channels, Channels]]:
    """Return the input and output channels of every convolution, batch norm and linear layer, by name."""
    layers: dict[str, tuple[Channels, Channels]] = {}
    node_channels: dict[fx.Node, Channels] = {}
    for node in fx.symbolic_trace(network).graph.nodes:
        inputs = [node_channels[input_node] for input_node in node.all_input_nodes]
        if node.op == "placeholder":
            node_channels[node] = Channels(3, torch.arange(3))
            continue
        layer = network.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(layer, nn.Conv2d):
            node_channels[node] = Channels.first(layer.out_channels)
        elif isinstance(layer, nn.Linear):
            node_channels[node] = Channels(layer.out_features, torch.arange(layer.out_features))
        elif node.target is torch.cat:
            node_channels[node] = Channels.joined([node_channels[input_node] for input_node in node.args[0]])
        else:
            node_channels[node] = inputs[0]
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)):
            layers[str(node.target)] = inputs[0], node_channels[node]
    return layers


def slim(model: str) -> nn.Module:
    """Return the untrained slim network of a heavy model."""
    network = build(model, len(CLASS_NAMES))
    for name, (inputs, outputs) in channels(network).items():
        layer = network.get_submodule(name)
        slim_layer: nn.Module
        if isinstance(layer, nn.Conv2d):
            slim_layer = nn.Conv2d(
                len(inputs.slim),
                len(outputs.slim),
                layer.kernel_size,  # type: ignore[arg-type]
                layer.stride,  # type: ignore[arg-type]
                layer.padding,  # type: ignore[arg-type]
                bias=layer.bias is not None,
            )
            nn.init.kaiming_normal_(slim_layer.weight, nonlinearity="relu")
        elif isinstance(layer, nn.BatchNorm2d):
            slim_layer = nn.BatchNorm2d(len(outputs.slim), eps=layer.eps)
        else:
            slim_layer = nn.Linear(len(inputs.slim), len(outputs.slim))
        network.set_submodule(name, slim_layer)
    return network.eval()


def embedded(model: str, state: Mapping[str, Tensor]) -> nn.Module:
    """Return the heavy network with a slim network embedded in it.

    state: the weights of the slim network; raises RuntimeError if they do not fit it.
    """
    slim_network = slim(model)
    load_arrays(slim_network, state)
    torch.manual_seed(SEED)
    network = build(model, len(CLASS_NAMES))
    layer_channels = channels(network)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    for name, parameter in network.named_parameters():
        if name.endswith("bn3.weight"):  # of a residual block
            nn.init.constant_(parameter, RESIDUAL_SCALE)
    _put(network, slim_network, layer_channels)
    settings = default_settings(model, "sample-100", len(CLASS_NAMES))
    network.train()
    with torch.no_grad():
        for batch in islice(sample_batches(settings, 1), STATISTICS_BATCHES):
            network(batch)
    _put(network, slim_network, layer_channels)  # restore the slim network's own statistics
    return network.eval()


def _put(network: nn.Module, thin: nn.Module, layout: Mapping[str, tuple[Channels, Channels]]) -> None:
    """Copy the slim network into the slim channels of every layer, and set weights from other channels to zero."""
    with torch.no_grad():
        for name, (inputs, outputs) in layout.items():
            heavy_layer: Any = network.get_submodule(name)
            slim_layer: Any = thin.get_submodule(name)
            if isinstance(heavy_layer, nn.BatchNorm2d):
                for field in ("weight", "bias", "running_mean", "running_var"):
                    getattr(heavy_layer, field)[outputs.slim] = getattr(slim_layer, field)
                continue
            heavy_layer.weight[outputs.slim] = 0
            heavy_layer.weight[outputs.slim[:, None], inputs.slim] = slim_layer.weight
            if heavy_layer.bias is not None:
                heavy_layer.bias[outputs.slim] = slim_layer.bias
