"""State dicts: read from the files that trainers save, and fitted to a network.

A file may hold more than the weights, in dictionaries around them, and other names than the network's, with the
prefixes that wrappers leave. What cannot be told apart is refused: no weights are guessed.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import ModelError
from aiot_suite.model_files import refuse_other_files

if TYPE_CHECKING:
    import torch

    from aiot_suite.catalog import Model

SUFFIXES = (".pth", ".pt", ".pth.tar", ".ckpt", ".bin", ".npz", ".safetensors")

_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Names that DataParallel, torch.compile, FSDP and activation checkpointing put into the names of the layers."""

_EARLIER_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=\d\.)")
"""Before torch 0.4 the layers were called `norm.1`; today they are called `norm1`."""

_NOT_OF_THE_NETWORK = re.compile(r"AuxLogits\..+|n_averaged|(.+\.)?total_(ops|params)")
"""InceptionV3's second classifier, which only training uses, and what averaging and counting of operations leave."""

_COUNTER = "num_batches_tracked"  # of a batch norm: inference does not use it, and files before torch 0.4.1 lack it
_FEW = 3  # names in a message


@dataclass(frozen=True)
class Fitted:
    """The weights of a file under the network's own names."""

    state: dict[str, torch.Tensor]
    outputs: int  # of the network
    left_out: tuple[str, ...]  # names in the file that are no part of the network


def read(file: Path) -> dict[str, torch.Tensor]:
    """Read a state dict from a file with one of SUFFIXES, its floating-point values as float32.

    No code of the file is run. Raises ModelError if there is no state dict in it, or more than one.
    """
    refuse_other_files(file, "weights")
    try:
        content = _content(file)
    except ModelError:
        raise
    except ImportError as error:
        raise ModelError(f"{file} cannot be read without {error.name}: pip install 'aiotbench[models]'.") from None
    except Exception as error:  # each format has exceptions of its own for a damaged file
        raise ModelError(
            f"{file} is not a state dict that can be read ({_reason(error)}): it may be damaged or cut off."
        ) from None
    return {name: _as_float32(value, name, file) for name, value in _state_of(content, file).items()}


def load(file: Path, model: Model) -> Fitted:
    """Read a file and fit it to a network, whatever its number of classes.

    Raises ModelError if it does not fit, or holds values that are no finite numbers.
    """
    state = read(file)
    try:
        fitted = fit(state, model)
    except ValueError as error:
        raise ModelError(f"{file} does not fit {model.name}: {error}.") from None
    _refuse_unfinished(fitted.state, file)
    return fitted


def fit(state: Mapping[str, torch.Tensor], model: Model) -> Fitted:
    """Find a network's own weights in a state dict; raises ValueError with the reason if they are not there."""
    from aiot_suite.architectures import outputs_of

    network = model.build(1000)
    expected = network.state_dict()
    named = _plain(state, expected)
    weights = [name for name in expected if not name.endswith(_COUNTER)]
    prefixes = [name.removesuffix(weights[0]) for name in named if f".{name}".endswith(f".{weights[0]}")]
    whole = [prefix for prefix in prefixes if all(prefix + name in named for name in weights)]
    if len(whole) > 1:
        raise ValueError(f"it holds the network more than once ({_few(whole)}): save the one that is meant by itself")
    if not whole:
        raise ValueError(_what_is_missing(named, weights, prefixes))
    (prefix,) = whole
    own = {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
    strange = [name for name in own if name not in expected and not _NOT_OF_THE_NETWORK.fullmatch(name)]
    if strange:
        raise ValueError(f"{_few(strange)} {'is' if len(strange) == 1 else 'are'} not in this network")
    for name in weights:
        if expected[name].is_floating_point() and not own[name].is_floating_point():
            raise ValueError(f"{name} is {_type(own[name])}: give weights in floating point, before quantization")
        if own[name].shape[1:] != expected[name].shape[1:] or own[name].ndim != expected[name].ndim:
            raise ValueError(f"{name} is {_shape(own[name])}, in this network it is {_shape(expected[name])}")
    kept = {
        name: own.get(name, value).reshape(value.shape) if name.endswith(_COUNTER) else own[name]
        for name, value in expected.items()
    }
    outside = tuple(sorted(name for name in named if not name.startswith(prefix)))
    return Fitted(kept, outputs_of(kept, network), outside)


class _StandIn(dict[str, object]):
    """Takes the place of an object of a class that is not torch's: whatever is done to it, nothing happens."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        pass


def _content(file: Path) -> Any:
    """What is in a file, as its format gives it."""
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
                raise _objects(file, f"objects of Python classes ({_few(foreign)})") from None
            if "GLOBAL" in str(error):  # in a file of before 1.6, which are not listed
                raise _objects(file) from None
            raise


def _foreign_classes(file: Path) -> list[str]:
    """Names of classes and functions in a file of torch.save, other than those of tensors."""
    import torch

    if not zipfile.is_zipfile(file):
        return []  # as torch saved before 1.6
    with zipfile.ZipFile(file) as archive:
        if any(Path(name).name == "constants.pkl" for name in archive.namelist()):
            raise ModelError(f"{file} is a TorchScript program, not a state dict: save the network's `state_dict()`.")
    return torch.serialization.get_unsafe_globals_in_checkpoint(file)


def _objects(file: Path, found: str = "Python objects other than tensors") -> ModelError:
    return ModelError(
        f"{file} holds {found}, and reading that would run code of the file: save the network's `state_dict()` alone."
    )


def _reason(error: Exception) -> str:
    """The first words of an error; torch's and numpy's advice to read a file unsafely is not passed on."""
    text = str(error).strip()
    if "allow_pickle" in text:
        return "it is no archive of arrays"
    if "weights_only" in text or "Weights only" in text:
        return "it is no file of torch.save"
    if not text:
        return type(error).__name__
    return text.splitlines()[0].split(". ")[0].rstrip(".")[:200]


def _state_of(content: Any, file: Path) -> dict[str, Any]:
    """The one dictionary of weights in what a file holds."""
    import torch

    if isinstance(content, _StandIn):
        raise _objects(file, f"a whole {type(content).__name__}")
    if not isinstance(content, Mapping):
        raise ModelError(f"{file} holds a {type(content).__name__}: save the network's `state_dict()`.")
    found = _sets_of_weights(content)
    if len(found) > 1:
        raise ModelError(
            f"{file} holds {len(found)} sets of weights ({_few(list(found))}): save the one that is meant by itself."
        )
    if found:
        (state,) = found.values()
        return state
    tensors = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if tensors:
        return {str(name): value for name, value in tensors.items()}
    networks = [
        f"a {type(value).__name__} as {name!r}" for name, value in content.items() if isinstance(value, _StandIn)
    ]
    if networks:
        raise _objects(file, f"no weights but {_few(networks)}")
    raise ModelError(f"{file} holds no weights but {_few([f'{name!r}' for name in content]) or 'nothing'}.")


def _sets_of_weights(content: Mapping[Any, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """The dictionaries, at any depth, in which tensors have the names of layers: with a dot."""
    import torch

    found = {}
    own = {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, torch.Tensor)}
    if any("." in name for name in own):
        found[path or "at the top"] = own
    for name, value in content.items():
        if isinstance(value, Mapping) and isinstance(name, str):
            found |= _sets_of_weights(value, f"{path}.{name}" if path else name)
    return found


def _as_float32(value: Any, name: str, file: Path) -> torch.Tensor:
    if value.is_quantized:
        raise ModelError(f"{file} holds quantized tensors, {name} among them: give the weights before quantization.")
    tensor: torch.Tensor = value.detach()
    return tensor.float() if tensor.is_floating_point() else tensor


def _plain(state: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    """A state dict without what wrappers and earlier versions of torchvision put into the names."""
    wrappers = _WRAPPERS - {part for name in expected for part in name.split(".")}

    def plain(name: str) -> str:
        return _EARLIER_DENSENET.sub(r"\1", ".".join(part for part in name.split(".") if part not in wrappers))

    named = {plain(name): value for name, value in state.items()}
    if len(named) < len(state):
        raise ValueError(
            "it holds layers twice, with and without the prefix of a wrapper: save one set of them by itself"
        )
    return named


def _what_is_missing(named: Mapping[str, Any], weights: list[str], prefixes: list[str]) -> str:
    """The sentence about a state dict that does not hold the whole network."""
    best = max(["", *prefixes], key=lambda prefix: sum(prefix + name in named for name in weights))
    missing = [name for name in weights if best + name not in named]
    return (
        f"{len(missing)} of the network's {len(weights)} tensors are missing ({_few(missing)}), "
        f"and it holds {_few(list(named)) or 'nothing'}"
    )


def _refuse_unfinished(state: Mapping[str, torch.Tensor], file: Path) -> None:
    values = {name: value for name, value in state.items() if value.is_floating_point()}
    wrong = {name: int((~value.isfinite()).sum()) for name, value in values.items()}
    count, total = sum(wrong.values()), sum(value.numel() for value in values.values())
    if count:
        first = next(name for name in wrong if wrong[name])
        raise ModelError(
            f"{file} holds {count} values of {total} that are not finite numbers (first in {first}): "
            "the training failed or the file is damaged, take other weights."
        )


def _few(names: list[str]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return ", ".join(name or "without a prefix" for name in names[:_FEW]) + more


def _shape(value: torch.Tensor) -> str:
    return "x".join(map(str, value.shape)) or "a single number"


def _type(value: Any) -> str:
    return str(getattr(value, "dtype", type(value).__name__)).removeprefix("torch.")
