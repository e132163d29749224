"""A slim network inside a heavy one: trained weights for the sample set that cost little to train and to keep.

The slim network is the heavy one with a quarter of the channels in every layer, and is what is trained. The
heavy network then gets the slim one's weights in the first channels of each layer and random numbers in the
others; no weight leads from the others into the first ones or to the classes. So it has the shape, size and
cost of its kind, and gives the slim network's answers.
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

SHARE = 0.25  # of the channels
SEED = 0
RESIDUAL_SCALE = 0.2  # of the random channels: at 1 they grow from block to block
STATISTICS_BATCHES = 2  # of sample pictures, for the random channels' batch norms


@dataclass(frozen=True)
class Channels:
    """Channels of a tensor: how many there are, and which of them belong to the slim network."""

    count: int
    slim: Tensor  # indices, ascending

    @classmethod
    def first(cls, count: int) -> Channels:
        return cls(count, torch.arange(ceil(count * SHARE)))

    @classmethod
    def joined(cls, parts: list[Channels]) -> Channels:
        """Of tensors that are concatenated."""
        ends = torch.tensor([0] + [part.count for part in parts]).cumsum(0)
        return cls(int(ends[-1]), torch.cat([part.slim + start for part, start in zip(parts, ends, strict=False)]))


def channels(network: nn.Module) -> dict[str, tuple[Channels, Channels]]:
    """Input and output channels of every convolution, batch norm and linear layer, by name."""
    found: dict[str, tuple[Channels, Channels]] = {}
    at: dict[fx.Node, Channels] = {}
    for node in fx.symbolic_trace(network).graph.nodes:
        inputs = [at[one] for one in node.all_input_nodes]
        if node.op == "placeholder":
            at[node] = Channels(3, torch.arange(3))
            continue
        layer = network.get_submodule(node.target) if node.op == "call_module" else None
        if isinstance(layer, nn.Conv2d):
            at[node] = Channels.first(layer.out_channels)
        elif isinstance(layer, nn.Linear):
            at[node] = Channels(layer.out_features, torch.arange(layer.out_features))
        elif node.target is torch.cat:
            at[node] = Channels.joined([at[one] for one in node.args[0]])
        else:
            at[node] = inputs[0]
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.Linear)):
            found[str(node.target)] = inputs[0], at[node]
    return found


def slim(model: str) -> nn.Module:
    """The slim network of a heavy model, untrained."""
    network = build(model, len(CLASS_NAMES))
    for name, (into, out) in channels(network).items():
        layer = network.get_submodule(name)
        thin: nn.Module
        if isinstance(layer, nn.Conv2d):
            thin = nn.Conv2d(
                len(into.slim),
                len(out.slim),
                layer.kernel_size,  # type: ignore[arg-type]
                layer.stride,  # type: ignore[arg-type]
                layer.padding,  # type: ignore[arg-type]
                bias=layer.bias is not None,
            )
            nn.init.kaiming_normal_(thin.weight, nonlinearity="relu")
        elif isinstance(layer, nn.BatchNorm2d):
            thin = nn.BatchNorm2d(len(out.slim), eps=layer.eps)
        else:
            thin = nn.Linear(len(into.slim), len(out.slim))
        network.set_submodule(name, thin)
    return network.eval()


def embedded(model: str, state: Mapping[str, Tensor]) -> nn.Module:
    """The heavy network that holds a slim one of the given weights.

    Raises RuntimeError if they do not fit the slim network.
    """
    thin = slim(model)
    load_arrays(thin, state)
    torch.manual_seed(SEED)
    network = build(model, len(CLASS_NAMES))
    layout = channels(network)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        elif isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean over all batches
    for name, parameter in network.named_parameters():
        if name.endswith("bn3.weight"):  # of a residual block
            nn.init.constant_(parameter, RESIDUAL_SCALE)
    _put(network, thin, layout)
    settings = default_settings(model, "sample-100", len(CLASS_NAMES))
    network.train()
    with torch.no_grad():
        for batch in islice(sample_batches(settings, 1), STATISTICS_BATCHES):
            network(batch)
    _put(network, thin, layout)  # the slim network's own statistics again
    return network.eval()


def _put(network: nn.Module, thin: nn.Module, layout: Mapping[str, tuple[Channels, Channels]]) -> None:
    """Sets the slim channels of every layer, and what leads into them from others to zero."""
    with torch.no_grad():
        for name, (into, out) in layout.items():
            heavy: Any = network.get_submodule(name)
            light: Any = thin.get_submodule(name)
            if isinstance(heavy, nn.BatchNorm2d):
                for field in ("weight", "bias", "running_mean", "running_var"):
                    getattr(heavy, field)[out.slim] = getattr(light, field)
                continue
            heavy.weight[out.slim] = 0
            heavy.weight[out.slim[:, None], into.slim] = light.weight
            if heavy.bias is not None:
                heavy.bias[out.slim] = light.bias
