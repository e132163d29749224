"""Where a network's weights come from: the package's own, torchvision's, or a folder of the user's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.dataset.sample import LABEL_SPACE as SAMPLE_SPACE
from runner.errors import ModelError
from runner.suite import LIGHT_MODELS
from runner.workspace import sha256_of
from runner.zoo.facts import Settings, default_settings

if TYPE_CHECKING:
    import torch

SUFFIXES = (".pth", ".npz", ".safetensors")


@dataclass(frozen=True)
class Source:
    """Weights that are at hand."""

    name: str  # sample, pretrained or the folder's name
    file: Path
    sha256: str
    settings: Settings
    form: Literal["state dict", "torchvision", "slim"] = "state dict"  # slim: see runner.zoo.slim


def locate(kind: str, model: str, cache: Path) -> Source:
    """The weights of a model: kind is "sample", "pretrained" or a folder.

    Raises ModelError if there are none, or they cannot be downloaded.
    """
    if kind == "sample":
        return _sample(model)
    if kind == "pretrained":
        file = download(*torchvision_file(model), cache / "hub" / "checkpoints")
        return Source(kind, file, sha256_of(file), _pretrained_settings(model), "torchvision")
    return _from_folder(Path(kind), model)


def _sample(model: str) -> Source:
    file = Path(str(resources.files("runner.zoo").joinpath(f"sample_{model}.npz")))
    settings = default_settings(model, SAMPLE_SPACE, 100)
    return Source("sample", file, sha256_of(file), settings, "state dict" if model in LIGHT_MODELS else "slim")


def _from_folder(folder: Path, model: str) -> Source:
    found = [folder / f"{model}{suffix}" for suffix in SUFFIXES if (folder / f"{model}{suffix}").is_file()]
    if not found:
        raise ModelError(f"{folder} has no {model}{' or '.join(SUFFIXES)}: name the folder of the state dicts.")
    classes = classes_of(read(found[0]), found[0])
    settings = default_settings(model, "imagenet-1000" if classes == 1000 else f"custom-{classes}", classes)
    sidecar = folder / f"{model}.json"
    if sidecar.is_file():
        try:
            given = json.loads(sidecar.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelError(f"{sidecar} is not JSON ({error}).") from None
        settings = Settings.parse({**settings.record(), **given}, sidecar)
    return Source(folder.resolve().name, found[0], sha256_of(found[0]), settings)


def read(file: Path) -> dict[str, torch.Tensor]:
    """A state dict in float32 from a .pth, .npz or .safetensors file; raises ModelError if it is not one."""
    import numpy as np
    import torch

    try:
        if file.suffix == ".npz":
            with np.load(file) as arrays:
                state: Mapping[str, Any] = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        elif file.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(file)
        else:
            state = torch.load(file, map_location="cpu", weights_only=True)
        return {name: value.float() if value.is_floating_point() else value for name, value in state.items()}
    except Exception as error:  # each format has exceptions of its own for a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{file} is not a state dict that can be read ({reason}).") from None


def classes_of(state: Mapping[str, torch.Tensor], where: object) -> int:
    """Number of outputs: the length of the last bias."""
    biases = [value for name, value in state.items() if name.endswith(".bias") and value.ndim == 1]
    if not biases:
        raise ModelError(f"{where} holds no layer with a bias: it is not one of the suite's networks.")
    return int(biases[-1].shape[0])


def _pretrained_settings(model: str) -> Settings:
    settings = default_settings(model, "imagenet-1000", 1000)
    if model == "inception_v3":  # trained on inputs from -1 to 1
        settings = replace(settings, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
    return settings


def torchvision_file(model: str) -> tuple[str, str]:
    """Address and the beginning of the SHA-256 (torchvision writes it into the file's name)."""
    from runner.zoo.architectures import pretrained_weights

    url: str = pretrained_weights(model).url
    return url, url.rsplit("-", 1)[1].removesuffix(".pth")


def download(url: str, sha256_prefix: str, folder: Path) -> Path:
    """The file of an address, downloaded once and checked; an incomplete or wrong file is never kept.

    Raises ModelError if it cannot be had or its SHA-256 does not begin with the prefix.
    """
    import torch.hub

    file = folder / url.rsplit("/", 1)[1]
    if file.is_file() and sha256_of(file).startswith(sha256_prefix):
        return file
    folder.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=sha256_prefix, progress=False)
    except RuntimeError as error:  # what torch raises for a wrong hash, a cut download among them
        raise ModelError(f"{url} came with a wrong SHA-256 ({error}): it was not kept, try again.") from None
    except OSError as error:
        raise ModelError(
            f"{url} cannot be downloaded ({error}): use `--weights sample`, or put the file into a folder "
            "and give `--weights DIR`."
        ) from None
    return file
