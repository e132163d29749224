"""Caffe2 on the device. A model file is a zip archive of two nets, `init_net.pb` and `predict_net.pb`."""

from __future__ import annotations

import time
import zipfile
from collections import namedtuple

import numpy as np
from caffe2.proto import caffe2_pb2
from caffe2.python import workspace

Nets = namedtuple("Nets", "init predict")


def prepare(path: str, threads: int, delegate: str) -> Caffe2Model:
    """Load a model; raises ValueError if the file is not a model, NotImplementedError for an unsupported delegate."""
    if delegate != "cpu":
        raise NotImplementedError("Caffe2 has no %s delegate" % delegate)
    # the number of threads can be set only once per process, and each process runs one instance
    workspace.GlobalInit(["caffe2", "--caffe2_log_level=2", "--caffe2_omp_num_threads=%d" % threads])
    return Caffe2Model(read(path))


def read(path: str) -> Nets:
    """Read the nets of a model file; raises ValueError if the file is not a Caffe2 model."""
    nets = Nets(caffe2_pb2.NetDef(), caffe2_pb2.NetDef())
    try:
        with zipfile.ZipFile(path) as file:
            nets.init.ParseFromString(file.read("init_net.pb"))
            nets.predict.ParseFromString(file.read("predict_net.pb"))
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError("%s is not a Caffe2 model: %s" % (path, error))
    except Exception as error:  # DecodeError is a different class in each version of protobuf
        if type(error).__name__ != "DecodeError":
            raise
        raise ValueError("%s does not contain a Caffe2 net: %s" % (path, error))
    return nets


class Caffe2Model(object):
    """A loaded model: type and quantization of its input and output, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, nets: Nets) -> None:
        self._net, self._input, self._output = nets.predict.name, input_of(nets), nets.predict.external_output[0]
        workspace.RunNetOnce(nets.init)
        # the input blob must exist before the net is created
        workspace.FeedBlob(self._input, np.zeros((1, 3, 1, 1), np.float32))
        workspace.CreateNet(nets.predict)

    def infer(self, tensor: np.ndarray) -> tuple[np.ndarray, int]:
        """Run the model on an input tensor; return scores of shape (outputs,) and the time in ns."""
        start = time.perf_counter_ns()
        workspace.FeedBlob(self._input, tensor)
        workspace.RunNet(self._net)
        scores = workspace.FetchBlob(self._output)
        return scores[0], time.perf_counter_ns() - start


def input_of(nets: Nets) -> str:
    """Return the name of the image input: the only input blob that the init net does not fill."""
    filled = {blob for operator in nets.init.op for blob in operator.output}
    (name,) = [name for name in nets.predict.external_input if name not in filled]
    return str(name)


def version() -> str:
    """Return the PyTorch version that contains Caffe2, for the log."""
    import torch.version

    return "torch " + torch.version.__version__
