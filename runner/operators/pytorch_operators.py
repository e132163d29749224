"""Graphs of networks, and the time of each operator in PyTorch."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from aiot_suite import catalog
from aiot_suite.errors import ModelError
from aiot_suite.facts import INPUT_SIZES
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Sequence

CONVOLUTION = "convolution"
DEPTHWISE = "depthwise convolution"
INPUT = "input"
OTHER = "other"

_NAMES = {
    CONVOLUTION: ("conv2d",),
    "batch norm": ("batchnorm2d", "batch_norm"),
    "relu": ("relu", "relu6", "hardtanh"),
    "pooling": (
        *("maxpool2d", "avgpool2d", "adaptiveavgpool2d", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d"),
        "mean",  # over height and width: MnasNet's global pooling
    ),
    "concatenation": ("cat", "concat"),
    "addition": ("add", "iadd"),
    "linear": ("linear",),
}
_KINDS = {name: kind for kind, names in _NAMES.items() for name in names}


def kind_of(name: str) -> str:
    """Return the kind of an operator by its name, like "relu" for ReLU6, relu_ and aten::relu6_, or OTHER."""
    return _KINDS.get(name.removeprefix("aten::").strip("_").lower(), OTHER)


Record = dict[str, Any]


def trace(network: nn.Module, size: int) -> list[Record]:
    """Return the nodes of a network for one image of shape (1, 3, size, size), in the order of computation.

    Each is an event `node` of `runner.rawlog`. Multiply-accumulates are half the floating-point operations that
    torch.utils.flop_counter counts: those of convolutions and linear layers. Nothing is computed, only shapes.
    """
    traced = fx.symbolic_trace(copy.deepcopy(network).to("meta"))
    _Shapes(traced).run(torch.empty(1, 3, size, size, device="meta"))
    counted: set[str] = set()
    return [_record(network, node, counted) for node in traced.graph.nodes if node.op != "output"]


class _Shapes(fx.Interpreter):
    """Stores the output shape of each node and its number of operations."""

    def run_node(self, n: fx.Node) -> Any:
        with FlopCounterMode(display=False) as counter:
            result = super().run_node(n)
        n.meta["shape"] = list(result.shape) if isinstance(result, torch.Tensor) else []
        n.meta["flops"] = counter.get_total_flops()
        return result


def _record(network: nn.Module, node: fx.Node, counted: set[str]) -> Record:
    layer = network.get_submodule(str(node.target)) if node.op == "call_module" else None
    operation = _operation(node, layer)
    settings = vars(layer) if layer is not None else _arguments(node)
    groups = settings.get("groups")
    kernel, stride = _pair(settings.get("kernel_size")), _pair(settings.get("stride"))
    return {
        "node": node.name,
        "kind": _kind(node, operation, layer),
        "operation": operation,
        "within": _containing_modules(node),
        "inputs": [source.name for source in node.all_input_nodes],
        "kernel": kernel,
        "stride": stride or kernel,  # what pooling does where none is given
        "groups": groups if isinstance(groups, int) else None,
        "in_shape": node.all_input_nodes[0].meta["shape"] if node.all_input_nodes else [],
        "out_shape": node.meta["shape"],
        "macs": node.meta["flops"] // 2,
        "parameters": _parameters(node, layer, counted),
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
        return INPUT
    depthwise = isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1
    return DEPTHWISE if depthwise else kind_of(operation)


def _containing_modules(node: fx.Node) -> list[str]:
    """Return the modules that contain a node, without the layer that the node itself is."""
    modules = [
        f"{path}:{module if isinstance(module, str) else module.__name__}"
        for path, module in node.meta.get("nn_module_stack", {}).values()
        if path
    ]
    return [text for text in modules if not (node.op == "call_module" and text.startswith(f"{node.target}:"))]


def _pair(value: object) -> list[int] | None:
    """Return height and width, or None if there are none or they are computed."""
    sizes = [value, value] if isinstance(value, int) else list(value) if isinstance(value, (tuple, list)) else []
    return sizes if sizes and all(isinstance(size, int) for size in sizes) else None


def _parameters(node: fx.Node, layer: nn.Module | None, counted: set[str]) -> int:
    """Return the number of parameters of a layer at its first use, and 0 afterwards."""
    if layer is None or str(node.target) in counted:
        return 0
    counted.add(str(node.target))
    return sum(tensor.numel() for tensor in layer.parameters())


CLASSES = 1000  # as of ImageNet: what Table II counts


def main(argv: Sequence[str]) -> int:
    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    torch.set_num_interop_threads(1)
    with rawlog.AttemptWriter(job["log"]) as log:
        try:
            run(job, log)
        except ModelError as error:
            log.write("failed", reason=str(error))
            return 1
    return 0


def run(job: Record, log: rawlog.AttemptWriter) -> None:
    """Log the graph of the network and the time of each operator in each repetition.

    The weights are random: no operator's time depends on their values. Each repetition is one pass without the
    profiler and one with it, so that the overhead of the profiler is known.
    """
    model = catalog.load(Path(job["plugins"])).model(job["model"])
    size = model.settings.get("size", INPUT_SIZES.get(model.name, 224))
    torch.manual_seed(job["seed"])
    began = time.perf_counter_ns()
    network = model.build(CLASSES)
    load_ns = time.perf_counter_ns() - began
    nodes = trace(network, size)
    log.write(
        "load",
        attempt=job["attempt"],
        instance=job["instance"],
        load_ns=load_ns,
        framework_version=f"torch {torch.__version__}",
        threads=job["threads"],
        model_sha256=hashlib.sha256(json.dumps(nodes, sort_keys=True).encode()).hexdigest(),  # of the graph
        accelerator_requested="cpu",
        accelerator_actual="cpu",
        at=rawlog.utc_now(),
    )
    for node in nodes:
        log.write("node", **node)
    image = torch.rand(1, 3, size, size)
    start = time.perf_counter_ns()
    with torch.inference_mode():
        for _ in range(job["warmups"]):
            log.write("warmup", inference_ns=plain_pass(network, image))
        for repetition in range(job["repeat"]):
            if os.getppid() != job["parent"]:
                return  # the host is gone
            plain_ns = plain_pass(network, image)
            profiled_ns, ran = profiled_pass(network, image)
            for operator in named_operators(nodes, ran):
                log.write("operator", model=job["model"], framework="pytorch", repetition=repetition, **operator)
            log.write("pass", repetition=repetition, profiled_ns=profiled_ns, plain_ns=plain_ns)
    log.write(
        "end",
        images=0,
        failed_images=0,
        correct=0,
        loop_ns=time.perf_counter_ns() - start,
        peak_rss_kb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def plain_pass(network: nn.Module, image: torch.Tensor) -> int:
    """Return the time of one pass in ns."""
    began = time.perf_counter_ns()
    network(image)
    return time.perf_counter_ns() - began


def profiled_pass(network: nn.Module, image: torch.Tensor) -> tuple[int, list[tuple[str, int]]]:
    """Return the time of one pass in ns with the profiler on, and the operators called, each with its time in ns.

    These are the operators that the network itself calls. The time of an operator is from its start to its end and
    includes the operators that it calls, as aten::conv2d calls aten::mkldnn_convolution.
    """
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        took = plain_pass(network, image)
    events = [event for event in profiler.events() if event.cpu_parent is None and event.name.startswith("aten::")]
    events.sort(key=lambda event: event.time_range.start)
    return took, [(event.name, round(event.time_range.elapsed_us() * 1000)) for event in events]


def named_operators(nodes: Sequence[Record], ran: Sequence[tuple[str, int]]) -> list[Record]:
    """Return the operators that ran, each with the name and kind of its node: the n-th operator is the n-th node.

    Operators of other kinds, like flatten, keep their own names. Raises ModelError if the operators do not match the
    graph.
    """
    expected = [node for node in nodes if node["kind"] not in (INPUT, OTHER)]
    matched_names = [name for name, _ in ran if kind_of(name) != OTHER]
    plain = [CONVOLUTION if node["kind"] == DEPTHWISE else node["kind"] for node in expected]
    if plain != [kind_of(name) for name in matched_names]:
        raise ModelError(
            f"PyTorch ran {len(matched_names)} operators, which do not match the {len(expected)} nodes of the traced "
            "graph: the network cannot be profiled operator by operator."
        )
    left = iter(expected)
    operators = []
    for name, time_ns in ran:
        is_matched = kind_of(name) != OTHER
        node = next(left) if is_matched else {"node": name, "kind": OTHER}
        operators.append({"operator": node["node"], "kind": node["kind"], "time_ns": time_ns})
    return operators


if __name__ == "__main__":
    sys.exit(main(sys.argv))
