"""Profiles one network in PyTorch, eager, on the CPU: python -m runner.operators.profile_pytorch JOB.json

The job names the model, how often, how many threads, and the file the attempt is logged to. A process of its own, so
that nothing else of the host takes part in what is timed.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from aiot_suite import catalog
from aiot_suite.errors import ModelError
from aiot_suite.facts import INPUT_SIZES
from runner import rawlog
from runner.operators import graph, kinds

CLASSES = 1000  # as of ImageNet: what Table II counts

Record = dict[str, Any]


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
    model = catalog.load(Path(job["plugins"])).models[job["model"]]
    size = model.settings.get("size", INPUT_SIZES.get(model.name, 224))
    torch.manual_seed(job["seed"])
    began = time.perf_counter_ns()
    network = model.build(CLASSES)
    load_ns = time.perf_counter_ns() - began
    nodes = graph.trace(network, size)
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
    expected = [node for node in nodes if node["kind"] not in (kinds.INPUT, kinds.OTHER)]
    there = [name for name, _ in ran if kinds.kind_of(name) != kinds.OTHER]
    plain = [kinds.CONVOLUTION if node["kind"] == kinds.DEPTHWISE else node["kind"] for node in expected]
    if plain != [kinds.kind_of(name) for name in there]:
        raise ModelError(
            f"PyTorch ran {len(there)} operators, which do not match the {len(expected)} nodes of the traced "
            "graph: the network cannot be profiled operator by operator."
        )
    left = iter(expected)
    found = []
    for name, time_ns in ran:
        known = kinds.kind_of(name) != kinds.OTHER
        node = next(left) if known else {"node": name, "kind": kinds.OTHER}
        found.append({"operator": node["node"], "kind": node["kind"], "time_ns": time_ns})
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv))
