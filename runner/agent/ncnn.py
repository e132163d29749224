"""ncnn on the device. A model file is the weights (.bin), followed by the layers as text (.param).

The last line of a float16 file is a comment that says so.
"""

from __future__ import annotations

import mmap
import time
from typing import TYPE_CHECKING

import ncnn
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"7767517\n"  # first line of the text
FLOAT16 = b"# float16\n"


def prepare(path: str, threads: int, delegate: str) -> NcnnModel:
    """Load a model; raises ValueError if the file is not a model.

    Raises NotImplementedError for an unsupported delegate or an operator that this build of ncnn lacks.
    """
    if delegate != "cpu":
        raise NotImplementedError("the agent of ncnn has no %s delegate" % delegate)
    text = _read_layers(path)
    missing = sorted({kind for kind in _kinds(text) if ncnn.layer_to_index(kind) < 0})
    if missing:
        raise NotImplementedError("ncnn has no operator %s" % " and ".join(missing), "use another network or runtime")
    net = ncnn.Net()
    net.opt.num_threads = threads
    half = text.endswith(FLOAT16.decode())
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = half
    if net.load_param_mem(text) or net.load_model(path):
        raise ValueError("%s cannot be loaded by ncnn: its text or its weights are incomplete" % path)
    return NcnnModel(net)


def _read_layers(path: str) -> str:
    """Return the text at the end of a model file."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        if not file.tell():
            raise ValueError("%s is empty" % path)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.rfind(MAGIC)
            if start < 0:
                raise ValueError("%s is not an ncnn model: it has no line 7767517, with which the layers start" % path)
            return content[start:].decode("utf-8", "replace")


def _kinds(text: str) -> Iterator[str]:
    """Yield the kind of each layer: the first word of each line after the first two."""
    for line in text.split("\n")[2:]:
        words = line.split()
        if words and words[0] != "#":
            yield words[0]


class NcnnModel(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, net: ncnn.Net) -> None:
        self._net = net
        self._input, self._output = net.input_names()[0], net.output_names()[0]
        self.threads = net.opt.num_threads

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return scores of shape (outputs,) and the time in ns."""
        start = time.perf_counter_ns()
        with self._net.create_extractor() as extractor:
            extractor.input(self._input, ncnn.Mat(tensor[0]))
            _, scores = extractor.extract(self._output)
            values = np.array(scores)
        return values.reshape(-1), time.perf_counter_ns() - start


def version() -> str:
    """Return the ncnn version, for the log."""
    return "ncnn " + str(ncnn.__version__)
