"""Peer of the agent: a plain loop of a framework's own calls.  python -m benchmarks.bare JOB.json OUT.json WAY

JOB is a job of the agent. WAY is "between" (each image is decoded and preprocessed right before its call, as in any
application) or "hot" (all tensors are ready before the first call). The output file OUT has the form
{"inference_ns": [...], "best": [...]}, with the time of each call and the index of the highest score.

Only preprocessing is shared with the agent, so that both use the same tensors. Loading, calls and timing are
implemented here, and nothing is logged.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

import numpy as np

from aiot_suite.preprocess import Preprocess, decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

WAYS = ("between", "hot")


@dataclass(frozen=True)
class Network:
    """Loaded network: the type of its input, and a call that returns the time in ns and the scores."""

    call: Callable[[np.ndarray], tuple[int, np.ndarray]]
    dtype: str = "float32"
    scale: float = 0.0
    zero_point: int = 0


def tflite(path: str, threads: int) -> Network:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    input_details, output_details = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    source, result = input_details["index"], output_details["index"]

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        interpreter.set_tensor(source, tensor)
        interpreter.invoke()
        scores = interpreter.get_tensor(result)
        return perf_counter_ns() - started, scores[0]

    return Network(call, np.dtype(input_details["dtype"]).name, *input_details["quantization"])


def pytorch(path: str, threads: int) -> Network:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # same settings as the agent
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    import torch
    from torch.jit.mobile import _load_for_lite_interpreter

    torch.set_num_threads(threads)
    load: Callable[[str], Any] = _load_for_lite_interpreter  # torch does not annotate it
    module = load(path)

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        with torch.no_grad():
            scores = module(torch.from_numpy(tensor).permute(0, 3, 1, 2)).numpy()
        return perf_counter_ns() - started, scores[0]

    return Network(call)


def caffe2(path: str, threads: int) -> Network:
    import zipfile

    from caffe2.proto import caffe2_pb2
    from caffe2.python import workspace

    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2", f"--caffe2_omp_num_threads={threads}"])
    init, predict = caffe2_pb2.NetDef(), caffe2_pb2.NetDef()
    with zipfile.ZipFile(path) as file:
        init.ParseFromString(file.read("init_net.pb"))
        predict.ParseFromString(file.read("predict_net.pb"))
    filled = {blob for operator in init.op for blob in operator.output}
    (source,) = (name for name in predict.external_input if name not in filled)
    result = predict.external_output[0]
    workspace.RunNetOnce(init)
    workspace.FeedBlob(source, np.zeros((1, 3, 1, 1), np.float32))
    workspace.CreateNet(predict)

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        workspace.FeedBlob(source, tensor)
        workspace.RunNet(predict.name)
        scores = workspace.FetchBlob(result)
        return perf_counter_ns() - started, scores[0]

    return Network(call)


def executorch(path: str, threads: int) -> Network:
    import torch
    from executorch.extension.pybindings import portable_lib
    from executorch.runtime import Runtime

    portable_lib._unsafe_reset_threadpool(threads)
    program = Runtime.get().load_program(path)
    method = program.load_method("forward")

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        scores = method.execute([torch.from_numpy(tensor)])[0].numpy()
        return perf_counter_ns() - started, scores[0]

    return Network(call)


def onnxruntime(path: str, threads: int) -> Network:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # as the agent does
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        scores = session.run(None, {source: tensor})[0]
        return perf_counter_ns() - started, scores[0]

    return Network(call)


def ncnn(path: str, threads: int) -> Network:
    import ncnn as runtime

    content = Path(path).read_bytes()
    net = runtime.Net()
    net.opt.num_threads = threads
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.load_param_mem(content[content.rindex(b"7767517\n") :].decode())
    net.load_model(path)
    source, result = net.input_names()[0], net.output_names()[0]

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        with net.create_extractor() as extractor:
            extractor.input(source, runtime.Mat(tensor[0]))
            scores = np.array(extractor.extract(result)[1])
        return perf_counter_ns() - started, scores

    return Network(call)


def mnn(path: str, threads: int) -> Network:
    from MNN import expr, nn

    manager = nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": threads},))
    module = nn.load_module_from_file(path, [], [], runtime_manager=manager)

    def call(tensor: np.ndarray) -> tuple[int, np.ndarray]:
        started = perf_counter_ns()
        scores = module.forward([expr.const(tensor, list(tensor.shape), expr.NCHW)])[0].read().copy()
        return perf_counter_ns() - started, scores[0]

    return Network(call)


NETWORKS = {
    "tflite": tflite,
    "pytorch": pytorch,
    "caffe2": caffe2,
    "executorch": executorch,
    "onnxruntime": onnxruntime,
    "ncnn": ncnn,
    "mnn": mnn,
}


def run(job: dict[str, Any], way: str) -> dict[str, list[int]]:
    """Run a job and return, for each query, the time in ns and the index of the highest score."""
    network = NETWORKS[job["framework"]](job["model"], job["threads"])
    preprocess = Preprocess.of(job["settings"], network.dtype, network.scale, network.zero_point)
    paths = [Path(job["image_folder"], name) for name, _ in job["images"]]
    for path in paths[: job["warmups"]]:
        network.call(preprocess(decode(path.read_bytes())))
    tensors: Iterable[np.ndarray] = _made(paths, preprocess)
    if way == "hot":
        tensors = [tensor.copy() for tensor in tensors]
    times, best = [], []
    for tensor in tensors:
        inference_ns, scores = network.call(tensor)
        times.append(inference_ns)
        best.append(int(scores.argmax()))
    return {"inference_ns": times, "best": best}


def _made(paths: list[Path], preprocess: Preprocess) -> Iterator[np.ndarray]:
    for path in paths:
        yield preprocess(decode(path.read_bytes()))


def main(argv: list[str]) -> None:
    _, job, out, way = argv
    result = run(json.loads(Path(job).read_text(encoding="utf-8")), way)
    Path(out).write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv)
