"""What the user states about files, combined with what the files state: one of them is enough, and both must agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiot_suite.suite import FRAMEWORKS, MODELS, QUANTIZATIONS, Instance
from runner import rawlog
from runner.errors import LogError
from runner.tools.delegates import ACCELERATED

UNKNOWN = "unknown"
"""Delegate of a log that does not state one."""

DELEGATES = ("cpu", *ACCELERATED, UNKNOWN)
"""Delegates that a log may have."""

_ALIASES = {
    "hexagon": "dsp",
    "tpu": "npu",
    "edgetpu": "npu",
    "stabledelegate": "stable",
    "externaldelegate": "external",
}

_PLAIN = {re.sub(r"[^a-z0-9]", "", name): name for name in (*MODELS, "squeezenet1_1")}
_PLAIN |= {"res50": "resnet50", "squeezenet10": "squeezenet"}  # as in the app's comments; Table II has version 1.0


@dataclass(frozen=True)
class LabelOverrides:
    """What the user states; None means not stated."""

    device: str | None = None  # "Maker Model"
    serial: str | None = None  # distinguishes two phones of the same model
    soc: str | None = None
    format: str | None = None
    model: str | None = None
    framework: str | None = None
    delegate: str | None = None
    quantization: str | None = None
    dataset: str | None = None
    weights: str | None = None
    threads: int | None = None
    images: tuple[str, ...] | None = None  # names, in the order in which they were shown

    def instance(self, where: object, told: Mapping[str, str | None]) -> Instance:
        """Return the instance of a log from what the log (`told`) and the user state, by field.

        Error messages call the log `where`.

        Raises:
            LogError: A field is stated by neither (the message names the options), or with two different values.
        """
        values = {}
        for field in ("framework", "delegate", "quantization", "model"):
            logged, wanted = told.get(field), getattr(self, field)
            if logged is not None and wanted == UNKNOWN:
                wanted = None
            if None not in (logged, wanted) and logged != wanted:
                raise LogError(f"{where} has the {field} {logged}, but --{field} says {wanted}: omit the option.")
            values[field] = logged or wanted
        missing = [field for field, value in values.items() if value is None]
        if missing:
            raise LogError(
                f"{where} does not state its {_and(missing)}: use {_and([f'--{name}' for name in missing])}."
            )
        return Instance(**values)

    def maker_and_model(self) -> tuple[str, str] | None:
        """Return the maker and the model of the device, or None if --device is not set.

        Raises:
            LogError: --device has fewer than two words.
        """
        if self.device is None:
            return None
        maker, _, model = self.device.strip().partition(" ")
        if not model.strip():
            raise LogError(f'--device {self.device!r} is not a maker and a model: write it in the form "Xiaomi Mi 10".')
        return maker, model.strip()


def delegate_name(text: str) -> str:
    """Return the canonical name of a delegate, given in any spelling or as an alias; unknown names stay unchanged."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return _ALIASES.get(plain, plain) if plain in (*_ALIASES, *DELEGATES) else text


def model_name(text: str) -> str:
    """Return the canonical name of one of the paper's models in any spelling; others become a slug in lower case."""
    canonical = _PLAIN.get(re.sub(r"[^a-z0-9]", "", text.lower()))
    return canonical or re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60] or "unknown"


def of_file(path: str) -> dict[str, str]:
    """Return the facts that the name of a model file states for certain.

    These are the fields of names that `aiot models prepare` writes, or just the model for a name of one of the paper's
    models. A name like mobilenet_v2_1.4_224 states nothing for certain: it is not the paper's network.
    """
    stem = Path(path.replace("\\", "/")).stem
    with suppress(ValueError):
        framework, quantization, model = rawlog.split_model_file_name(stem)
        if framework in FRAMEWORKS and quantization in QUANTIZATIONS and model_name(model) == model:
            return {"framework": framework, "quantization": quantization, "model": model}
    return {"model": model_name(stem)} if model_name(stem) in _PLAIN.values() else {}


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
