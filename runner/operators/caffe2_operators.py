"""The time of each operator in Caffe2, with the Python of the legacy environment."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from caffe2.python import workspace

from runner import rawlog
from runner.agent import caffe2

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = {
    "BatchNormalization": "batch norm",
    "SpatialBN": "batch norm",
    "Relu": "relu",
    "Clip": "relu",  # ReLU6
    "MaxPool": "pooling",
    "AveragePool": "pooling",
    "ReduceMean": "pooling",  # over height and width: MnasNet's global pooling
    "Concat": "concatenation",
    "Add": "addition",
    "Sum": "addition",
    "FC": "linear",
}
"""Kinds of Caffe2's operators but convolutions, in the words of runner.operators.pytorch_operators."""


def main(argv: Sequence[str]) -> int:
    job = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    with rawlog.AttemptWriter(job["log"]) as log:
        try:
            run(job, log)
        except ValueError as error:  # of a file that is no model
            log.write("failed", reason=str(error))
            return 1
    return 0


def run(job: dict[str, Any], log: rawlog.AttemptWriter) -> None:
    """Log the time of each operator in each repetition, as measured by Caffe2's own benchmark (BenchmarkNet).

    A repetition is one plain pass and two passes of the benchmark: one as a whole, and one operator by operator.
    """
    began = time.perf_counter_ns()
    model = caffe2.prepare(job["file"], job["threads"], "cpu")
    load_ns = time.perf_counter_ns() - began
    nets = caffe2.read(job["file"])
    log.write(
        "load",
        attempt=job["attempt"],
        instance=job["instance"],
        load_ns=load_ns,
        framework_version=caffe2.version(),
        threads=job["threads"],
        model_sha256=hashlib.sha256(Path(job["file"]).read_bytes()).hexdigest(),
        accelerator_requested="cpu",
        accelerator_actual=model.accelerator,
        at=rawlog.utc_now(),
    )
    operators = named_operators(nets)
    image = np.random.default_rng(job["seed"]).random((1, 3, job["size"], job["size"]), dtype=np.float32)
    start = time.perf_counter_ns()
    for _ in range(job["warmups"]):
        log.write("warmup", inference_ns=model.infer(image)[1])
    for repetition in range(job["repeat"]):
        if os.getppid() != job["parent"]:
            return  # the host is gone
        plain_ns = model.infer(image)[1]
        whole_ms, *times_ms = workspace.BenchmarkNet(nets.predict.name, 0, 1, True)
        common = {"model": job["model"], "framework": "caffe2", "repetition": repetition}
        for (name, kind), time_ms in zip(operators, times_ms):  # noqa: B905  Python 3.9 has no strict
            log.write("operator", operator=name, kind=kind, time_ns=round(time_ms * 1e6), **common)
        log.write("pass", repetition=repetition, profiled_ns=round(whole_ms * 1e6), plain_ns=plain_ns)
    log.write(
        "end",
        images=0,
        failed_images=0,
        correct=0,
        loop_ns=time.perf_counter_ns() - start,
        peak_rss_kb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def named_operators(nets: caffe2.Nets) -> list[tuple[str, str]]:
    """Return name and kind of each operator of a network, in the order in which they run.

    A name is that of the operator's first output. A convolution is depthwise if it has as many groups as its
    weights have output channels, and more than one.
    """
    channels = {
        operator.output[0]: argument.ints[0]
        for operator in nets.init.op
        for argument in operator.arg
        if argument.name == "shape"
    }
    operators = []
    for operator in nets.predict.op:
        kind = KINDS.get(operator.type, "other")
        if operator.type == "Conv":
            groups = max([argument.i for argument in operator.arg if argument.name == "group"], default=1)
            depthwise = groups > 1 and groups == channels.get(operator.input[1])
            kind = "depthwise convolution" if depthwise else "convolution"
        operators.append((operator.output[0], kind))
    return operators


if __name__ == "__main__":
    sys.exit(main(sys.argv))
