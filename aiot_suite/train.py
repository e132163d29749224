"""Training of the sample weights on the training part of the sample set; heavy networks get those of slim ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import fx, nn
from torch.nn import functional

from aiot_suite.architectures import build, load_arrays
from aiot_suite.convert.calibration import sample_batches
from aiot_suite.datasets.sample import CLASS_NAMES, SHAPES, TEST_PER_CLASS, TEXTURES, draw_jpeg
from aiot_suite.errors import ModelError, SelectionError
from aiot_suite.facts import Settings, default_settings
from aiot_suite.preprocess import decode, resized
from aiot_suite.suite import HEAVY_MODELS
from aiot_suite.weights.state_dicts import read
from runner import rawlog
from runner.rawlog.worker_pools import worker_pool

if TYPE_CHECKING:
    from pathlib import Path

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
    _embed_layer(network, slim_network, layer_channels)
    settings = default_settings(model, "sample-100", len(CLASS_NAMES))
    network.train()
    with torch.no_grad():
        for batch in islice(sample_batches(settings, 1), STATISTICS_BATCHES):
            network(batch)
    _embed_layer(network, slim_network, layer_channels)  # restore the slim network's own statistics
    return network.eval()


def _embed_layer(network: nn.Module, thin: nn.Module, layout: Mapping[str, tuple[Channels, Channels]]) -> None:
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


@dataclass(frozen=True)
class Phase:
    """A number of training steps at one resolution, with one cycle of the learning rate up to `rate` and down."""

    size: int  # pixels
    steps: int  # of BATCH pictures each
    rate: float

    @classmethod
    def parse(cls, text: str) -> Phase:
        """Return the phase written as SIZE:STEPS:RATE, such as 224:300:6e-4; raises SelectionError if invalid."""
        try:
            size, steps, rate = text.split(":")
            phase = cls(int(size), int(steps), float(rate))
        except ValueError:
            raise SelectionError(
                f"Phase {text!r} is not of the form SIZE:STEPS:RATE, for example 224:300:6e-4."
            ) from None
        if phase.size < 32 or phase.steps < 1 or not 0 < phase.rate < 1:
            raise SelectionError(
                f"Phase {text!r} needs a size of at least 32 pixels, at least one step, and a rate between 0 and 1."
            )
        return phase


PHASES = {
    "resnet50": (Phase(64, 1500, 2e-3), Phase(112, 300, 1e-3), Phase(160, 300, 1.5e-3), Phase(224, 420, 6e-4)),
    "inception_v3": (Phase(96, 1200, 2e-3), Phase(160, 300, 1e-3), Phase(224, 300, 1.5e-3), Phase(299, 330, 6e-4)),
    "densenet121": (Phase(64, 1500, 2e-3), Phase(112, 300, 1e-3), Phase(224, 200, 6e-4)),
    "squeezenet": (Phase(64, 3000, 1e-3), Phase(112, 600, 2.5e-4), Phase(224, 400, 4e-4)),
    "mobilenet_v2": (Phase(64, 1750, 3e-3), Phase(112, 350, 7.5e-4), Phase(224, 420, 6e-4)),
    "mnasnet": (Phase(64, 1750, 3e-3), Phase(112, 260, 7.5e-4), Phase(160, 400, 1.5e-3), Phase(224, 890, 6e-4)),
}
"""Training recipe of each network. Only DenseNet121 was trained in a single run. The weights of the others come from
several runs, each starting from the previous one, and the recipes are the sums of these runs. sample_<model>.json
lists what was run."""
BATCH = 64
LABEL_SMOOTHING = 0.05
DROPOUT = 0.1

Progress = Callable[[str, int, int], None]
"""Progress callback, called with a description, the number of steps done and the total."""


@dataclass(frozen=True)
class Trained:
    """The weights of a trained network, its accuracy and its training history."""

    model: str
    state: dict[str, np.ndarray]  # float16, counters as integers
    accuracy: float  # on the 500 test pictures of the default seed, at the size the network runs at
    history: list[dict[str, Any]]  # one entry per training run, with phases, seed, minutes, ...

    def save(self, folder: Path) -> Path:
        """Write sample_<model>.npz and a .json that records how it was trained, and return the path of the .npz."""
        path = folder / f"sample_{self.model}.npz"
        np.savez_compressed(path, **self.state)  # type: ignore[arg-type]
        record = {"model": self.model, "accuracy": self.accuracy, "history": self.history}
        path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        return path


def train(
    model: str,
    *,
    phases: Sequence[Phase],
    seed: int,
    per_class: int,
    threads: int,
    progress: Progress,
    bfloat16: bool = False,
    start: Path | None = None,
) -> Trained:
    """Train a light network, or the slim version of a heavy one.

    start: folder with weights written by `Trained.save` to continue from; None: train from scratch.
    bfloat16: halves the time on processors that support it; weights and batch norms stay float32.
    Equal arguments give equal weights on the same machine.
    """
    started = time.monotonic()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    settings = default_settings(model, "sample-100", len(CLASS_NAMES))
    network = _fresh_pictures(model)
    history = _continued(network, model, start) if start else []
    labels = np.arange(per_class * len(CLASS_NAMES)) % len(CLASS_NAMES)
    progress(f"{model}: drawing", 0, 1)
    all_pictures = _pictures("train", per_class, sorted({phase.size for phase in phases}), seed)
    for phase in phases:
        pictures = all_pictures[phase.size]
        optimizer = torch.optim.AdamW(network.parameters(), lr=phase.rate, weight_decay=0.02)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, phase.rate, total_steps=phase.steps + 1, pct_start=0.2
        )
        order = np.concatenate([rng.permutation(len(labels)) for _ in range(phase.steps * BATCH // len(labels) + 1)])
        for step in range(phase.steps):
            batch_indices = order[step * BATCH : (step + 1) * BATCH]
            batch = _normalized(_shifted(pictures[batch_indices], rng), settings)
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logits = network(batch)
            loss = _loss(logits.float(), torch.from_numpy(labels[batch_indices]))
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimizer.step()
            schedule.step()
            progress(f"{model} at {phase.size} pixels, loss {loss.item():.2f}", step + 1, phase.steps)
    _fresh_batch_norms(network, sample_batches(settings, 20, seed=seed))
    minutes = (time.monotonic() - started) / 60
    return Trained(
        model=model,
        state={name: _as_stored(value) for name, value in network.state_dict().items()},
        accuracy=accuracy(network, settings),
        history=[
            *history,
            {
                "phases": [f"{phase.size}:{phase.steps}:{phase.rate:g}" for phase in phases],
                "seed": seed,
                "per_class": per_class,
                "threads": threads,
                "bfloat16": bfloat16,
                "torch": torch.__version__,
                "minutes": round(minutes, 1),
            },
        ],
    )


def _continued(network: nn.Module, model: str, start: Path) -> list[dict[str, Any]]:
    """Load the weights of an earlier training run into a network, and return its history."""
    rawlog.existing_folder(start, "omit --start to train from scratch", ModelError)
    path = start / f"sample_{model}.npz"
    if not path.is_file():
        raise ModelError(f"There are no weights {path} to start from: omit --start to train from scratch.")
    load_arrays(network, read(path))
    history: list[dict[str, Any]] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["history"]
    return history


def _fresh_pictures(model: str) -> nn.Module:
    network: nn.Module = slim(model) if model in HEAVY_MODELS else build(model, len(CLASS_NAMES))
    network = network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.05
        elif isinstance(module, nn.Dropout):
            module.p = DROPOUT
        elif isinstance(module, nn.Conv2d) and model == "squeezenet":  # no batch norm: initialize to keep the scale
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    if model == "squeezenet":
        nn.init.normal_(network.get_parameter("classifier.1.weight"), std=0.01)
    return network


def _picture(number: int, part: str, sizes: Sequence[int], seed: int) -> list[np.ndarray]:
    image = decode(draw_jpeg(number % len(CLASS_NAMES), number // len(CLASS_NAMES), part, seed))
    return [np.asarray(resized(image, size, "crop_resize")) for size in sizes]


def _pictures(part: str, per_class: int, sizes: Sequence[int], seed: int) -> dict[int, np.ndarray]:
    """Return 8-bit pictures by size, each with shape (100 * per_class, size, size, 3).

    Picture n belongs to class n modulo 100.
    """
    draw_picture = partial(_picture, part=part, sizes=sizes, seed=seed)
    with worker_pool(2) as pool:
        drawn = list(pool.map(draw_picture, range(per_class * len(CLASS_NAMES)), chunksize=50))
    return {size: np.stack([picture[index] for picture in drawn]) for index, size in enumerate(sizes)}


def _shifted(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the pictures shifted by up to a tenth of their size, about half of them mirrored."""
    count, size = pictures.shape[:2]
    margin = size // 10
    padded = np.pad(pictures, ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="edge")
    shifted = np.empty_like(pictures)
    tops, lefts = rng.integers(0, 2 * margin + 1, (2, count))
    mirrors = np.less(rng.random(count), 0.5)
    for index, (top, left, mirror) in enumerate(zip(tops, lefts, mirrors, strict=True)):
        cropped = padded[index, top : top + size, left : left + size]
        shifted[index] = cropped[:, ::-1] if mirror else cropped
    return shifted


def _normalized(pictures: np.ndarray, settings: Settings) -> torch.Tensor:
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (settings.mean, settings.std))
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).float()
    return ((tensor - mean) / std).contiguous(memory_format=torch.channels_last)


def _loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    log_probabilities = logits.log_softmax(1)
    grid = log_probabilities.view(-1, len(SHAPES), len(TEXTURES))
    shape = functional.nll_loss(grid.logsumexp(2), labels // len(TEXTURES))
    texture = functional.nll_loss(grid.logsumexp(1), labels % len(TEXTURES))
    return functional.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING) + shape + texture


def _fresh_batch_norms(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
    with torch.no_grad():
        for batch in batches:
            network(batch)


def _as_stored(value: torch.Tensor) -> np.ndarray:
    return value.numpy().astype(np.float16) if value.is_floating_point() else value.numpy()


def accuracy(network: nn.Module, settings: Settings) -> float:
    """Return the share of the 500 test pictures of the default seed that the network classifies correctly."""
    network.eval()
    with torch.no_grad():
        predicted = torch.cat([network(batch).argmax(1) for batch in sample_batches(settings, TEST_PER_CLASS, "test")])
    return float((predicted == torch.arange(len(predicted)) % len(CLASS_NAMES)).float().mean())
