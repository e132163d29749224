"""The catalog of available models and frameworks: built-in ones and those in a workspace's `plugins` folder.

A model is a file `plugins/models/<name>.py` that defines `build(classes)`. A framework is a file
`plugins/frameworks/<name>.py` that defines `prepare(path, threads, delegate)` and, if it converts models,
`convert_float32`. See docs/adding.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from aiot_suite import suite
from aiot_suite.environments import how_to_install
from aiot_suite.errors import ModelError, SelectionError
from aiot_suite.suite import Instance
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import ModuleType

    from torch import nn

    from aiot_suite.facts import Artifact

_HOSTS = {name: f"aiot_suite.convert.to_{name}" for name in (*suite.FRAMEWORKS, *suite.BEYOND_FRAMEWORKS)}
MODEL_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NAMES = {"models": MODEL_NAME, "frameworks": re.compile(r"[a-z][a-z0-9]*")}


@dataclass(frozen=True)
class Model:
    """A network that the suite can build."""

    name: str
    build: Callable[[int], nn.Module]  # takes the number of classes; returns the network in evaluation mode
    settings: Mapping[str, Any] = field(default_factory=dict)  # those of aiot_suite.facts.Settings that are not default
    file: Path | None = None  # of the plugin; None: built in
    torchvision: str | None = None  # torchvision's name, if it is one of its networks


@dataclass(frozen=True)
class Framework:
    """A framework: its properties and its converter. The runner has the module that runs it on a device."""

    name: str
    host: ModuleType  # properties and convert_float32()
    file: Path | None = None  # of the plugin, which also runs on the device; None: built in

    @property
    def layout(self) -> str:
        """Layout of its input tensors: NCHW or NHWC."""
        return str(getattr(self.host, "LAYOUT", "NCHW"))

    @property
    def suffix(self) -> str:
        """Suffix of its model files, including the dot."""
        return str(self.host.SUFFIX)

    @property
    def distributions(self) -> tuple[str, ...]:
        """Packages whose versions a conversion depends on."""
        return tuple(getattr(self.host, "DISTRIBUTIONS", ()))

    @property
    def environments(self) -> tuple[str, ...]:
        """Environments it can run in (see aiot_suite.environments), the preferred one first."""
        return tuple(getattr(self.host, "ENVIRONMENTS", ("main",)))

    @property
    def delegates(self) -> tuple[str, ...]:
        """Delegates that it supports."""
        return tuple(getattr(self.host, "DELEGATES", ("cpu",)))

    @property
    def agent_delegates(self) -> tuple[str, ...]:
        """Delegates of which only its agent, on the device, can tell whether they are there."""
        return tuple(getattr(self.host, "AGENT_DELEGATES", ()))

    @property
    def quantizations(self) -> tuple[str, ...]:
        """Quantizations that it supports."""
        return tuple(getattr(self.host, "QUANTIZATIONS", ("float32",)))

    @property
    def imports(self) -> tuple[str, ...]:
        """Modules that must be importable where it runs."""
        return tuple(getattr(self.host, "IMPORTS", ()))


@dataclass(frozen=True)
class Catalog:
    """All models and frameworks by name, the paper's first."""

    models: Mapping[str, Model]
    frameworks: Mapping[str, Framework]

    def model(self, name: str) -> Model:
        """Return a model of the catalog, of torchvision or of timm; raises ModelError if none has the name."""
        model = self.models.get(name) or find_network(name)
        if model is None:
            raise ModelError(f"There is no model {name} in this workspace: put its file into plugins/models/{name}.py.")
        return model

    def everything(self, artifacts: Iterable[Artifact] = (), names: Iterable[str] = ()) -> list[Instance]:
        """Return all possible instances: the paper's 60, then those of other frameworks and models.

        Besides the models of the catalog, these are models with a model file, and networks of torchvision and timm that
        are in `names`, which may be separated by commas. The instances of added model files whose network is not in the
        catalog come last. Raises SelectionError for a name that is nowhere.
        """
        paper = suite.paper_float32() + suite.paper_quantized()
        paper_ids = {item.id for item in paper}
        files = [(Instance.of_artifact(item.name), item.added) for item in artifacts]
        models = list(dict.fromkeys([*self.models, *(item.model for item, added in files if not added)]))
        models += self._found(names, [*models, *(item.model for item, _ in files)])
        others = [
            Instance(framework.name, delegate, quantization, model)
            for model in models
            for framework in self.frameworks.values()
            for quantization in framework.quantizations
            for delegate in framework.delegates
        ]
        others += [
            replace(item, delegate=delegate)
            for item, added in files
            if added and item.model not in models and item.framework in self.frameworks
            for delegate in self.frameworks[item.framework].delegates
        ]
        return paper + [item for item in others if item.id not in paper_ids]

    def _found(self, names: Iterable[str], known: Iterable[str]) -> list[str]:
        """Return the names in the catalog of networks of torchvision and timm that are in `names` but not in `known`.

        Raises SelectionError for a name that is nowhere.
        """
        known, models = list(known), []
        for name in suite.split_names(names):
            if suite.match_name(name, known):
                continue
            if match := suite.match_name(name, suite.TODAY_MODELS):  # known without torchvision
                models.append(match)
                continue
            network = find_network(name)
            if network is None:
                raise SelectionError(
                    f"Model {name!r} is unknown: choose from {', '.join(self.models)}, a classifier of torchvision"
                    f"{_similar_networks(name)}, or one of timm, as timm:NAME."
                )
            models.append(network.name)
        return list(dict.fromkeys(models))


TIMM = "timm"
"""Prefix of the names of timm's networks: `timm:NAME` on the command line, and `timm_name` in instances."""


@lru_cache
def find_network(name: str) -> Model | None:
    """Return the classifier of torchvision, or the network of timm, that has a name (see TIMM); None if none has it.

    Case and punctuation are ignored. Raises SelectionError if timm is needed and not installed, or if timm's network
    does not take a square image.
    """
    from aiot_suite import architectures

    if name.lower().startswith(TIMM):
        try:
            timm_names = architectures.timm_names()
        except ImportError:
            raise SelectionError(f"{name} cannot be built without timm: {how_to_install([TIMM])}.") from None
        own_name = suite.match_name(name[len(TIMM) :].lstrip("_:"), timm_names)
        if own_name is None:
            return None
        try:
            settings = architectures.timm_settings(own_name)
        except ValueError as error:
            raise SelectionError(f"{name} cannot be measured ({error}): choose another network.") from None
        model = f"{TIMM}_{re.sub('[^a-z0-9]', '_', own_name.lower())}"
        return Model(model, partial(architectures.build_timm, own_name), settings)
    own_name = suite.match_name(name, _torchvision_classifiers())
    if own_name is None:
        return None
    settings = architectures.torchvision_settings(own_name)
    return Model(own_name, partial(architectures.build, own_name), settings, torchvision=own_name)


def _torchvision_classifiers() -> list[str]:
    """Return torchvision's classifiers; none if torchvision is not installed."""
    from aiot_suite import architectures

    try:
        return architectures.torchvision_classifiers()
    except ImportError:
        return []


def _similar_networks(name: str) -> str:
    """Return the names of torchvision's classifiers that resemble a name, as part of a sentence."""
    classifiers = _torchvision_classifiers()
    if not classifiers:
        return ", which is not installed (pip install 'aiotbench[models]')"
    similar = get_close_matches(name.lower(), classifiers, 3)
    return f" (like {', '.join(similar)})" if similar else ""


def load(plugins: Path | None = None) -> Catalog:
    """Load the built-in models and frameworks and those of a plugins folder, which need not exist.

    Raises ModelError naming a file that is not a valid plugin.
    """
    from aiot_suite import architectures

    models = {}
    for name in suite.MODELS:
        torchvision_name = architectures.TORCHVISION_NAMES.get(name, name)
        models[name] = Model(name, partial(architectures.build, name), torchvision=torchvision_name)
    frameworks = {name: Framework(name, importlib.import_module(host)) for name, host in _HOSTS.items()}
    for file in _files(plugins, "models", models):
        models[file.stem] = read_model(file)
    for file in _files(plugins, "frameworks", frameworks):
        framework = Framework(file.stem, _module(file, ("SUFFIX", "prepare", "version")), file)
        if fault := rawlog.name_fault(f"model{framework.suffix}"):
            raise ModelError(f"{file} has the SUFFIX {framework.suffix!a} ({fault}): write a suffix like .onnx.")
        frameworks[file.stem] = framework
    return Catalog(models, frameworks)


def read_model(file: Path) -> Model:
    """Load the model that a file defines; raises ModelError if it defines none."""
    module = _module(file, ("build",))

    def build(classes: int) -> nn.Module:
        network: nn.Module = module.build(classes)
        return network.eval()

    return Model(file.stem, build, getattr(module, "SETTINGS", {}), file)


def _files(plugins: Path | None, kind: str, taken: Mapping[str, object]) -> list[Path]:
    files = sorted((plugins / kind).glob("*.py")) if plugins else []
    for file in files:
        if not file.is_file():  # importing a pipe would never end
            raise ModelError(f"{file} is not a file: move it out of the folder of plug-ins.")
        if file.stem in taken:
            raise ModelError(f"{file} has the same name as an existing one: choose another name.")
        if not _NAMES[kind].fullmatch(file.stem):
            allowed = "letters, digits and underscores" if kind == "models" else "letters and digits"
            raise ModelError(f"{file}: a name here consists of lower-case {allowed}: rename the file.")
    return files


def _module(file: Path, needed: tuple[str, ...]) -> ModuleType:
    """Import a file as a module; raises ModelError if it cannot be imported or lacks a needed name."""
    spec = importlib.util.spec_from_file_location(f"aiot_plugin_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ModelError(f"{file} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a user's file may raise anything
        raise ModelError(f"{file} cannot be imported ({type(error).__name__}: {error}).") from None
    missing = [name for name in needed if not hasattr(module, name)]
    if missing:
        raise ModelError(f"{file} does not define {' or '.join(missing)}: see docs/adding.md.")
    return module
