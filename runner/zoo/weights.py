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

    from runner.catalog import Model

SUFFIXES = (".pth", ".npz", ".safetensors")


@dataclass(frozen=True)
class Source:
    """Weights that are at hand."""

    name: str  # sample, pretrained or the folder's name
    file: Path
    sha256: str
    settings: Settings
    form: Literal["state dict", "torchvision", "slim"] = "state dict"  # slim: see runner.zoo.slim
    accuracy: float | None = None  # top-1, 0 to 1, as whoever made them states it


def locate(kind: str, model: Model, cache: Path) -> Source:
    """The weights of a model: kind is "sample", "pretrained" or a folder.

    Raises ModelError if there are none, or they cannot be downloaded.
    """
    if kind == "sample":
        return _sample(model.name)
    if kind == "pretrained":
        return _pretrained(model.name, cache / "hub" / "checkpoints")
    return _from_folder(Path(kind), model)


def _sample(model: str) -> Source:
    file = Path(str(resources.files("runner.zoo").joinpath(f"sample_{model}.npz")))
    if not file.is_file():
        raise ModelError(f"There are no sample weights of {model}: give a folder that has some, like --weights DIR.")
    trained = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    settings = default_settings(model, SAMPLE_SPACE, 100)
    form: Literal["state dict", "slim"] = "state dict" if model in LIGHT_MODELS else "slim"
    return Source("sample", file, sha256_of(file), settings, form, trained["accuracy"])


def _pretrained(model: str, folder: Path) -> Source:
    from runner.zoo.architectures import TORCHVISION_NAMES, pretrained_weights

    if model not in TORCHVISION_NAMES:
        raise ModelError(
            f"There are no pretrained weights of {model}: give a folder that has some, like --weights DIR."
        )
    file = download(*torchvision_file(model), folder)
    published = pretrained_weights(model).meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100
    return Source("pretrained", file, sha256_of(file), _pretrained_settings(model), "torchvision", published)


def _from_folder(folder: Path, model: Model) -> Source:
    from runner.zoo.architectures import classes_of

    names = [folder / f"{model.name}{suffix}" for suffix in SUFFIXES]
    found = [file for file in names if file.is_file()]
    if not found:
        raise ModelError(f"{folder} has no {model.name}{' or '.join(SUFFIXES)}: name the folder of the state dicts.")
    try:
        classes = classes_of(read(found[0]))
    except ValueError as error:
        raise ModelError(f"{found[0]} {error}.") from None
    space = "imagenet-1000" if classes == 1000 else f"custom-{classes}"
    record = {**default_settings(model.name, space, classes).record(), **model.settings}
    sidecar = folder / f"{model.name}.json"
    given = read_json(sidecar) if sidecar.is_file() else {}
    accuracy = given.pop("accuracy", None)
    settings = Settings.parse({**record, **given}, sidecar if sidecar.is_file() else model.file or model.name)
    return Source(folder.resolve().name, found[0], sha256_of(found[0]), settings, accuracy=accuracy)


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file; raises ModelError if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} is not JSON ({error}).") from None
    if not isinstance(content, dict):
        raise ModelError(f'{file} holds no settings but {content!r}: write an object, like {{"size": 224}}.')
    return content


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
