"""A network as a graph of operators, traced by torch.fx: kinds, shapes, multiply-accumulates and parameters."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

from runner.operators import kinds

Record = dict[str, Any]


def trace(network: nn.Module, size: int) -> list[Record]:
    """Return the nodes of a network for one image of shape (1, 3, size, size), in the order of computation.

    Each is an event `node` of `runner.rawlog`. Multiply-accumulates are half the floating-point operations that
    torch.utils.flop_counter counts: those of convolutions and linear layers. Nothing is computed, only shapes.
    """
    traced = fx.symbolic_trace(copy.deepcopy(network).to("meta"))
    _Shapes(traced).run(torch.empty(1, 3, size, size, device="meta"))
    known: set[str] = set()
    return [_record(network, node, known) for node in traced.graph.nodes if node.op != "output"]


class _Shapes(fx.Interpreter):
    """Stores the output shape of each node and its number of operations."""

    def run_node(self, n: fx.Node) -> Any:
        with FlopCounterMode(display=False) as counter:
            result = super().run_node(n)
        n.meta["shape"] = list(result.shape) if isinstance(result, torch.Tensor) else []
        n.meta["flops"] = counter.get_total_flops()
        return result


def _record(network: nn.Module, node: fx.Node, known: set[str]) -> Record:
    layer = network.get_submodule(str(node.target)) if node.op == "call_module" else None
    operation = _operation(node, layer)
    settings = vars(layer) if layer is not None else _arguments(node)
    groups = settings.get("groups")
    kernel, stride = _pair(settings.get("kernel_size")), _pair(settings.get("stride"))
    return {
        "node": node.name,
        "kind": _kind(node, operation, layer),
        "operation": operation,
        "within": _within(node),
        "inputs": [one.name for one in node.all_input_nodes],
        "kernel": kernel,
        "stride": stride or kernel,  # what pooling does where none is given
        "groups": groups if isinstance(groups, int) else None,
        "in_shape": node.all_input_nodes[0].meta["shape"] if node.all_input_nodes else [],
        "out_shape": node.meta["shape"],
        "macs": node.meta["flops"] // 2,
        "parameters": _parameters(node, layer, known),
    }


def _operation(node: fx.Node, layer: nn.Module | None) -> str:
    if layer is not None:
        return type(layer).__name__
    return str(getattr(node.target, "__name__", node.target))


def _arguments(node: fx.Node) -> dict[str, Any]:
    """Return the arguments of a function by name; positional ones are named as in torch's pooling functions."""
    return dict(zip(("input", "kernel_size", "stride"), node.args, strict=False)) | dict(node.kwargs)


def _kind(node: fx.Node, operation: str, layer: nn.Module | None) -> str:
    if node.op == "placeholder":
        return kinds.INPUT
    depthwise = isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1
    return kinds.DEPTHWISE if depthwise else kinds.kind_of(operation)


def _within(node: fx.Node) -> list[str]:
    """Return the modules that contain a node, without the layer that the node itself is."""
    modules = [
        f"{path}:{found if isinstance(found, str) else found.__name__}"
        for path, found in node.meta.get("nn_module_stack", {}).values()
        if path
    ]
    return [one for one in modules if not (node.op == "call_module" and one.startswith(f"{node.target}:"))]


def _pair(value: object) -> list[int] | None:
    """Return height and width, or None if there are none or they are computed."""
    both = [value, value] if isinstance(value, int) else list(value) if isinstance(value, (tuple, list)) else []
    return both if both and all(isinstance(one, int) for one in both) else None


def _parameters(node: fx.Node, layer: nn.Module | None, known: set[str]) -> int:
    """Return the number of parameters of a layer at its first use, and 0 afterwards."""
    if layer is None or str(node.target) in known:
        return 0
    known.add(str(node.target))
    return sum(one.numel() for one in layer.parameters())
