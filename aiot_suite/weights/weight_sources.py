"""Sources of a network's weights: the package's own sample weights, torchvision's, random ones, or a user's folder."""

from __future__ import annotations

import hashlib
import json
import re
import reprlib
from dataclasses import dataclass, replace
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aiot_suite.datasets.sample import LABEL_SPACE as SAMPLE_SPACE
from aiot_suite.errors import ModelError
from aiot_suite.facts import NO_LABELS, Settings, default_settings, pop_declared_accuracy
from aiot_suite.suite import LIGHT_MODELS
from aiot_suite.workspace import OWN_WEIGHTS, sha256_of
from runner import rawlog

if TYPE_CHECKING:
    from torch import nn

    from aiot_suite.catalog import Model


@dataclass(frozen=True)
class WeightSource:
    """Weights of a model, in a local file or drawn at random, with their settings."""

    name: str  # sample, pretrained, random or the folder's name
    file: Path | None  # None: random
    sha256: str  # of the file; for random weights, of what determines them
    settings: Settings
    form: Literal["state dict", "slim", "random"] = "state dict"  # slim: see aiot_suite.train
    accuracy: float | None = None  # top-1, 0 to 1, as stated by the author of the weights
    notes: tuple[str, ...] = ()  # what was assumed or ignored, one sentence each


def locate(kind: str, model: Model, cache: Path) -> WeightSource:
    """Return the source of a model's weights.

    kind: "sample", "pretrained", "random" or a folder. A model without sample weights gets random ones instead.
    Raises ModelError if the weights do not exist or cannot be downloaded.
    """
    if kind == "sample":
        return _sample(model.name) or _random(model, NO_SAMPLE_WEIGHTS.format(model.name))
    if kind == "random":
        return _random(model)
    if kind == "pretrained":
        return _pretrained(model, cache / "hub" / "checkpoints")
    return _from_folder(Path(kind), model)


NO_SAMPLE_WEIGHTS = "{} has no sample weights: its weights are random, so that it has times, but no accuracy"


def _sample(model: str) -> WeightSource | None:
    """Return the sample weights of a model, or None if there are none."""
    file = Path(str(resources.files("aiot_suite.weights").joinpath(f"sample_{model}.npz")))
    if not file.is_file():
        return None
    training_record = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    settings = default_settings(model, SAMPLE_SPACE, 100)
    form: Literal["state dict", "slim"] = "state dict" if model in LIGHT_MODELS else "slim"
    return WeightSource("sample", file, sha256_of(file), settings, form, training_record["accuracy"])


RANDOM_CLASSES = 1000  # outputs of networks with random weights, as for ImageNet


def _random(model: Model, *notes: str) -> WeightSource:
    """Return random weights. They depend on the model and the versions of torch and of the definition of the network.

    Their outputs are no classes: see NO_LABELS.
    """
    versions = [f"{package} {metadata.version(package)}" for package in ("torch", "torchvision")]
    definition = sha256_of(model.file) if model.file else ""
    identity = json.dumps([RANDOM_SEED, model.name, definition, versions])
    no_classes = {"label_space": NO_LABELS, "classes": RANDOM_CLASSES, "label_offset": 0, "label_map": {}}
    defaults = default_settings(model.name, NO_LABELS, RANDOM_CLASSES).record()
    settings = Settings.parse({**defaults, **model.settings, **no_classes}, model.file or model.name)
    sha256 = hashlib.sha256(identity.encode()).hexdigest()
    return WeightSource("random", None, sha256, settings, "random", notes=notes)


RANDOM_SEED = 0


def draw(model: Model) -> nn.Module:
    """Return a network with random weights, the same ones at every call.

    Layers that a definition initializes with zeros, such as the last one of a ViT, get values too: otherwise all
    outputs would be equal.
    """
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(RANDOM_SEED)
        network = model.build(RANDOM_CLASSES)
        for parameter in network.parameters():
            if parameter.ndim > 1 and not parameter.any():
                torch.nn.init.normal_(parameter, std=0.02)
    return network


def _pretrained(model: Model, folder: Path) -> WeightSource:
    from aiot_suite.architectures import WITH_SECOND_CLASSIFIER, pretrained_weights

    if model.torchvision is None:
        raise ModelError(
            f"There are no pretrained weights for {model.name}: name a folder that contains weights, for "
            "example --weights DIR."
        )
    file = download(*torchvision_file(model.torchvision), folder)
    settings = Settings.of_outputs(model.name, model.settings, 1000, file)
    if model.torchvision in WITH_SECOND_CLASSIFIER:
        settings = _combine_normalizations(settings)
    accuracy = _published_accuracy(pretrained_weights(model.torchvision)[0])
    return WeightSource("pretrained", file, sha256_of(file), settings, accuracy=accuracy)


def _from_folder(folder: Path, model: Model) -> WeightSource:
    from aiot_suite.weights import state_dicts

    name = folder.resolve().name
    if name in OWN_WEIGHTS:
        raise ModelError(f"{folder} has a name reserved for the toolkit's own weights, {name!r}: rename the folder.")
    file = _file_in(folder, model)
    fitted = state_dicts.load(file, model)
    sha256, notes = sha256_of(file), []
    entry = _published(model, sha256)
    hash_in_name = re.search(r"-([0-9a-f]{8,64})\.", file.name)
    if hash_in_name and not sha256.startswith(hash_in_name[1]):
        notes.append(
            f"its SHA-256 starts with {sha256[:8]}, but its name says {hash_in_name[1]}, so it is a different file"
        )
    if fitted.left_out:
        count, first = len(fitted.left_out), fitted.left_out[0]
        notes.append(f"{count} tensors of the file are not part of the network and are ignored, for example {first}")
    settings, accuracy, assumed = _settings(folder, file, model, fitted.outputs, is_published=entry is not None)
    if accuracy is None and entry is not None:
        accuracy = _published_accuracy(entry)
    notes += assumed
    return WeightSource(
        name, file, sha256, settings, accuracy=accuracy, notes=tuple(f"{file}: {note}" for note in notes)
    )


def _file_in(folder: Path, model: Model) -> Path:
    """Return the only file in a folder with a model's weights, named after the model or as torchvision names it."""
    from aiot_suite.weights.state_dicts import SUFFIXES

    if folder.is_file():
        raise ModelError(
            f"{folder} is a file: give the folder that contains it, and name the file {model.name}{folder.suffix}."
        )
    if not folder.is_dir():
        raise ModelError(f"There is no folder {folder}: give sample, pretrained, random or a folder of state dicts.")
    names, example = [model.name], ""
    if model.torchvision:
        published = torchvision_file(model.torchvision)[0].rsplit("/", 1)[1]
        names += [model.torchvision, published.rsplit("-", 1)[0]]
        example = f", or torchvision's {published}"
    pattern = re.compile(
        f"({'|'.join(map(re.escape, names))})(-[0-9a-f]{{8,64}})?({'|'.join(map(re.escape, SUFFIXES))})"
    )
    matches = sorted(file for file in folder.iterdir() if pattern.fullmatch(file.name) and file.is_file())
    if not matches:
        raise ModelError(
            f"{folder} contains no {model.name}{' or '.join(SUFFIXES)}{example}: put the state dict there."
        )
    if len(matches) > 1:
        raise ModelError(
            f"{folder} contains {' and '.join(file.name for file in matches)}, but {model.name} can have only one "
            "weights file: move the others to another folder."
        )
    return matches[0]


def _settings(
    folder: Path, file: Path, model: Model, outputs: int, *, is_published: bool
) -> tuple[Settings, float | None, list[str]]:
    """Return the settings and the accuracy of weights in a folder, and the assumptions made about them.

    is_published: whether the file is one that torchvision publishes.
    """
    from aiot_suite.architectures import WITH_SECOND_CLASSIFIER
    from aiot_suite.weights.state_dicts import SUFFIXES

    stem = next(file.name.removesuffix(suffix) for suffix in SUFFIXES if file.name.endswith(suffix))
    json_files = [folder / f"{candidate}.json" for candidate in dict.fromkeys((model.name, stem))]
    json_files = [candidate for candidate in json_files if candidate.is_file()]
    if len(json_files) > 1:
        raise ModelError(
            f"{folder} contains {' and '.join(candidate.name for candidate in json_files)}: keep only one of them."
        )
    record = read_json(json_files[0]) if json_files else {}
    where = json_files[0] if json_files else model.file or file
    accuracy = pop_declared_accuracy(record, where)
    is_twice_normalized = model.torchvision in WITH_SECOND_CLASSIFIER
    normalize_twice = record.pop("transform_input", None) if is_twice_normalized else False
    if normalize_twice not in (None, True, False):
        raise ModelError(f"{where} has transform_input {normalize_twice!r}: write true or false.")
    settings = Settings.of_outputs(model.name, {**model.settings, **record}, outputs, where)
    assumed = []
    if normalize_twice is None:
        default = default_settings(model.name, "", 1)
        if not {"mean", "std"} & set(record):
            normalize_twice = True
            if not is_published:
                assumed.append(
                    "inputs are assumed to range from -1 to 1, as for torchvision's pretrained weights, which need "
                    'transform_input; if that is wrong, write "transform_input": false into '
                    f"{folder / model.name}.json"
                )
        elif (settings.mean, settings.std) == (default.mean, default.std):
            raise ModelError(
                f"{where} has the mean and std of torchvision's preprocessing, but {model.name} normalizes the "
                'input a second time if it was created with transform_input: write "transform_input": '
                "true for torchvision's pretrained weights and weights trained from them, and false "
                "otherwise."
            )
    return (_combine_normalizations(settings) if normalize_twice else settings), accuracy, assumed


def _combine_normalizations(settings: Settings) -> Settings:
    """Combine the settings' normalization with that of a network of torchvision with `transform_input`.

    The latter converts inputs normalized with torchvision's mean and std, for values from 0 to 1, to a mean and std
    of 0.5.
    """
    mean, std = [], []
    for first_mean, first_std, second_mean, second_std in zip(
        settings.mean, settings.std, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True
    ):
        scale, shift = second_std / 0.5, (second_mean - 0.5) / 0.5
        mean.append(round(first_mean - shift * first_std / scale, 6))
        std.append(round(first_std / scale, 6))
    return replace(settings, mean=(mean[0], mean[1], mean[2]), std=(std[0], std[1], std[2]))


def _published(model: Model, sha256: str) -> Any | None:
    """Return torchvision's entry for the file with a SHA-256, or None if torchvision does not publish it."""
    from aiot_suite.architectures import pretrained_weights

    entries = pretrained_weights(model.torchvision) if model.torchvision else []
    return next((entry for entry in entries if sha256.startswith(_hash_in(entry.url))), None)


def _published_accuracy(entry: Any) -> float:
    return float(entry.meta["_metrics"]["ImageNet-1K"]["acc@1"]) / 100


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raises ModelError if the file is missing or holds no object."""
    if not file.is_file():
        raise ModelError(f'There is no file {file}: create it with the settings, for example {{"size": 224}}.')
    try:
        content = rawlog.parse(rawlog.read_bytes(file))
    except (rawlog.RawLogError, ValueError) as error:
        raise ModelError(f"{file} is not valid JSON ({error}).") from None
    if not isinstance(content, dict):
        raise ModelError(
            f"{file} contains {reprlib.repr(content)} instead of settings: write an object, for example "
            '{"size": 224}.'
        )
    return content


def torchvision_file(name: str) -> tuple[str, str]:
    """Return the URL of the weights that torchvision published first, by its own name of the network.

    The start of their SHA-256, which is part of the file's name, comes second.
    """
    from aiot_suite.architectures import pretrained_weights

    url: str = pretrained_weights(name)[0].url
    return url, _hash_in(url)


def _hash_in(url: str) -> str:
    return url.rsplit("-", 1)[1].removesuffix(".pth")


def download(url: str, sha256_prefix: str, folder: Path) -> Path:
    """Download a file unless it exists, verify it and return its path. Incomplete or wrong files are not kept.

    Raises ModelError if the download fails or the SHA-256 does not start with the prefix.
    """
    import torch.hub

    file = folder / url.rsplit("/", 1)[1]
    if file.is_file() and sha256_of(file).startswith(sha256_prefix):
        return file
    folder.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=sha256_prefix, progress=False)
    except RuntimeError as error:  # raised by torch for a wrong hash, for example of an incomplete download
        raise ModelError(f"The file from {url} has the wrong SHA-256 ({error}) and was discarded: try again.") from None
    except OSError as error:
        raise ModelError(
            f"{url} cannot be downloaded ({error}): use `--weights sample`, or put the file into a folder and "
            "use `--weights DIR`."
        ) from None
    return file
