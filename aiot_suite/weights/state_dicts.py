"""State dicts: reading them from the files that training code saves, and fitting them to a network.

A file may contain more than the weights, nested in dictionaries, and its names may have prefixes added by wrappers.
Ambiguous files are refused: weights are never guessed.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import ModelError
from aiot_suite.facts import refuse_other_files

if TYPE_CHECKING:
    import torch

    from aiot_suite.catalog import Model

SUFFIXES = (".pth", ".pt", ".pth.tar", ".ckpt", ".bin", ".npz", ".safetensors")

_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Parts that DataParallel, torch.compile, FSDP and activation checkpointing add to the names of layers."""

_EARLIER_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=\d\.)")
"""Pattern of DenseNet layer names from before torch 0.4, such as `norm.1`, which is called `norm1` today."""

_NOT_OF_THE_NETWORK = re.compile(r"(AuxLogits|aux[12])\..+|n_averaged|(.+\.)?total_(ops|params)")
"""Pattern of names that inference does not need: second classifiers of InceptionV3 and GoogLeNet, and entries left by
weight averaging and by counting operations."""

_COUNTER = "num_batches_tracked"  # of a batch norm: not used by inference, and missing in files from before torch 0.4.1
_FEW = 3  # maximum number of names in a message


@dataclass(frozen=True)
class FittedWeights:
    """Weights of a file, under the network's own names."""

    state: dict[str, torch.Tensor]
    outputs: int  # of the network
    left_out: tuple[str, ...]  # names in the file that are not part of the network


def read(file: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from a file with one of SUFFIXES, with floating-point values as float32.

    No code in the file is executed. Raises ModelError if the file contains no state dict, or more than one.
    """
    refuse_other_files(file, "weights")
    try:
        content = _content(file)
    except ModelError:
        raise
    except ImportError as error:
        raise ModelError(f"{file} cannot be read without {error.name}: pip install 'aiotbench[models]'.") from None
    except Exception as error:  # each format raises its own exceptions for damaged files
        raise ModelError(
            f"{file} cannot be read as a state dict ({_reason(error)}): it may be damaged or incomplete."
        ) from None
    return {name: _as_float32(value, name, file) for name, value in _state_of(content, file).items()}


def load(file: Path, model: Model) -> FittedWeights:
    """Read a state dict from a file and fit it to a network with any number of classes.

    Raises ModelError if it does not fit or contains values that are not finite.
    """
    state = read(file)
    try:
        fitted = fit(state, model)
    except ValueError as error:
        raise ModelError(f"{file} does not fit {model.name}: {error}.") from None
    _refuse_unfinished(fitted.state, file)
    return fitted


def fit(state: Mapping[str, torch.Tensor], model: Model) -> FittedWeights:
    """Find the weights of a network in a state dict; raises ValueError with the reason if they are not found."""
    from aiot_suite.architectures import outputs_of

    network = model.build(1000)
    expected = network.state_dict()
    plain_state = _without_additions(state, expected)
    weights = [name for name in expected if not name.endswith(_COUNTER)]
    prefixes = [name.removesuffix(weights[0]) for name in plain_state if f".{name}".endswith(f".{weights[0]}")]
    complete = [prefix for prefix in prefixes if all(prefix + name in plain_state for name in weights)]
    if len(complete) > 1:
        raise ValueError(
            f"it contains the network more than once ({_name_some(complete)}): save only the copy that you want to use"
        )
    if not complete:
        raise ValueError(_describe_missing(plain_state, weights, prefixes))
    (prefix,) = complete
    network_state = {name.removeprefix(prefix): value for name, value in plain_state.items() if name.startswith(prefix)}
    unexpected = [name for name in network_state if name not in expected and not _NOT_OF_THE_NETWORK.fullmatch(name)]
    if unexpected:
        raise ValueError(f"{_name_some(unexpected)} {'is' if len(unexpected) == 1 else 'are'} not in this network")
    for name in weights:
        if expected[name].is_floating_point() and not network_state[name].is_floating_point():
            raise ValueError(
                f"{name} is {_type(network_state[name])}: use floating-point weights from before quantization"
            )
        if network_state[name].shape[1:] != expected[name].shape[1:] or network_state[name].ndim != expected[name].ndim:
            raise ValueError(
                f"{name} has shape {_shape(network_state[name])}, but this network expects {_shape(expected[name])}"
            )
    fitted = {
        name: network_state.get(name, value).reshape(value.shape) if name.endswith(_COUNTER) else network_state[name]
        for name, value in expected.items()
    }
    left_out = tuple(sorted(name for name in plain_state if not name.startswith(prefix)))
    return FittedWeights(fitted, outputs_of(fitted, network), left_out)


class _StandIn(dict[str, object]):
    """Inert placeholder for an object of a class that does not belong to torch."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        pass


def _content(file: Path) -> Any:
    """Return the content of a file as its format provides it."""
    import numpy as np
    import torch

    if file.suffix == ".npz":
        try:
            with np.load(file) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        except ValueError as error:
            if "Object arrays" in str(error):
                raise _objects(file) from None
            raise
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    foreign = _foreign_classes(file)
    stand_ins = [type(name.rsplit(".", 1)[-1], (_StandIn,), {"__module__": name}) for name in foreign]
    with torch.serialization.safe_globals(list(zip(stand_ins, foreign, strict=True))):
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            if foreign:
                raise _objects(file, f"objects of Python classes ({_name_some(foreign)})") from None
            if "GLOBAL" in str(error):  # in files from before torch 1.6, whose classes cannot be listed
                raise _objects(file) from None
            raise


def _foreign_classes(file: Path) -> list[str]:
    """Return the names of classes and functions in a file of torch.save, except those used for tensors."""
    import torch

    if not zipfile.is_zipfile(file):
        return []  # the format of torch before 1.6
    with zipfile.ZipFile(file) as archive:
        if any(Path(name).name == "constants.pkl" for name in archive.namelist()):
            raise ModelError(
                f"{file} is a TorchScript program, not a state dict: save the network's `state_dict()` instead."
            )
    return torch.serialization.get_unsafe_globals_in_checkpoint(file)


def _objects(file: Path, objects: str = "Python objects other than tensors") -> ModelError:
    return ModelError(
        f"{file} contains {objects}, and loading it would run code from the file: save only the network's "
        "`state_dict()`."
    )


def _reason(error: Exception) -> str:
    """Return the first sentence of an error, without torch's and numpy's advice to load the file unsafely."""
    text = str(error).strip()
    if "allow_pickle" in text:
        return "it is not an archive of arrays"
    if "weights_only" in text or "Weights only" in text:
        return "it was not written by torch.save"
    if not text:
        return type(error).__name__
    return text.splitlines()[0].split(". ")[0].rstrip(".")[:200]


def _state_of(content: Any, file: Path) -> dict[str, Any]:
    """Return the only dictionary of weights in the content of a file; raises ModelError unless there is exactly one."""
    import torch

    if isinstance(content, _StandIn):
        raise _objects(file, f"a whole {type(content).__name__}")
    if not isinstance(content, Mapping):
        raise ModelError(f"{file} contains a {type(content).__name__}: save the network's `state_dict()` instead.")
    sets = _sets_of_weights(content)
    if len(sets) > 1:
        raise ModelError(
            f"{file} contains {len(sets)} sets of weights ({_name_some(list(sets))}): save only the set that "
            "you want to use."
        )
    if sets:
        (state,) = sets.values()
        return state
    tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if tensors:
        return {str(name): value for name, value in tensors.items()}
    networks = [
        f"a {type(value).__name__} as {name!r}" for name, value in content.items() if isinstance(value, _StandIn)
    ]
    if networks:
        raise _objects(file, f"no weights, only {_name_some(networks)}")
    raise ModelError(
        f"{file} contains no weights, only "
        f"{_name_some([f'{name!r}' for name in content]) or 'an empty dictionary'}: save the network's `state_dict()`."
    )


def _sets_of_weights(content: Mapping[Any, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """Return the dictionaries, at any depth, in which tensors have names of layers, that is, names with a dot."""
    import torch

    weight_sets = {}
    tensors = {
        name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if any("." in name for name in tensors):
        weight_sets[path or "at the top level"] = tensors
    for name, value in content.items():
        if isinstance(value, Mapping) and isinstance(name, str):
            weight_sets |= _sets_of_weights(value, f"{path}.{name}" if path else name)
    return weight_sets


def _as_float32(value: Any, name: str, file: Path) -> torch.Tensor:
    if value.is_quantized:
        raise ModelError(
            f"{file} contains quantized tensors, for example {name}: use the weights from before quantization."
        )
    tensor: torch.Tensor = value.detach()
    return tensor.float() if tensor.is_floating_point() else tensor


def _without_additions(state: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state dict whose names have no additions of wrappers or of earlier versions of torchvision."""
    wrappers = _WRAPPERS - {part for name in expected for part in name.split(".")}

    def plain(name: str) -> str:
        return _EARLIER_DENSENET.sub(r"\1", ".".join(part for part in name.split(".") if part not in wrappers))

    renamed = {plain(name): value for name, value in state.items()}
    if len(renamed) < len(state):
        raise ValueError(
            "it contains some layers twice, with and without a wrapper's prefix: save only one set of them"
        )
    return renamed


def _describe_missing(named: Mapping[str, Any], weights: list[str], prefixes: list[str]) -> str:
    """Return the message about a state dict that does not contain the whole network."""
    best_prefix = max(["", *prefixes], key=lambda prefix: sum(prefix + name in named for name in weights))
    missing = [name for name in weights if best_prefix + name not in named]
    return (
        f"{len(missing)} of the network's {len(weights)} tensors are missing ({_name_some(missing)}); it contains "
        f"{_name_some(list(named)) or 'nothing'}"
    )


def _refuse_unfinished(state: Mapping[str, torch.Tensor], file: Path) -> None:
    values = {name: value for name, value in state.items() if value.is_floating_point()}
    non_finite = {name: int((~value.isfinite()).sum()) for name, value in values.items()}
    count, total = sum(non_finite.values()), sum(value.numel() for value in values.values())
    if count:
        first_name = next(name for name in non_finite if non_finite[name])
        raise ModelError(
            f"{count} of the {total} values in {file} are not finite (the first is in {first_name}): the "
            "training failed or the file is damaged, so use other weights."
        )


def _name_some(names: list[str]) -> str:
    suffix = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(name or "without a prefix" for name in names[:_FEW]) + suffix


def _shape(value: torch.Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a single number"


def _type(value: Any) -> str:
    return str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")
