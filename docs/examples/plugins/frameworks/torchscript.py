"""TorchScript, PyTorch's own runtime for servers, as a framework of the suite. Its name is the name of this file."""

import time

# What the host has to know.
SUFFIX = ".torchscript.pt"
LAYOUT = "NCHW"
DISTRIBUTIONS = ("torch", "torchvision")  # with other versions of them a file is made again
IMPORTS = ("torch",)  # needed where it runs; loaded before anything is timed


def convert_float32(network, size, target):
    """On the host: writes a network in evaluation mode, whose input has shape (1, 3, size, size)."""
    import torch

    with torch.no_grad():
        torch.jit.freeze(torch.jit.trace(network, torch.zeros(1, 3, size, size))).save(str(target))


def prepare(path, threads, delegate):
    """On the device: loads a file; ValueError for one that is no model, NotImplementedError for what it cannot do."""
    import torch

    if delegate != "cpu":
        raise NotImplementedError("TorchScript has no %s delegate" % delegate)
    torch.set_num_threads(threads)
    try:
        return Model(torch.jit.load(path))
    except RuntimeError as error:
        raise ValueError(str(error).split("\n")[0])


class Model:
    """A loaded model: what its input and output tensors are, and infer()."""

    dtype, scale, zero_point = "float32", 0.0, 0
    output_scale, output_zero_point = 0.0, 0
    accelerator = "cpu"

    def __init__(self, module):
        self._module = module

    def infer(self, tensor):
        """Scores of shape (outputs,) and the time in ns."""
        import torch

        began = time.perf_counter_ns()
        with torch.no_grad():
            scores = self._module(torch.from_numpy(tensor)).numpy()
        return scores[0], time.perf_counter_ns() - began


def version():
    import torch

    return "torch " + torch.__version__
