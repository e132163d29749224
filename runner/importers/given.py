"""What the user says of files, beside what they say themselves: what one of them says is taken, and both must agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiot_suite.suite import FRAMEWORKS, MODELS, QUANTIZATIONS, Instance
from runner.errors import LogError
from runner.tools.delegates import ACCELERATED

UNKNOWN = "unknown"
"""The delegate of a log that does not tell it."""

DELEGATES = ("cpu", *ACCELERATED, UNKNOWN)
"""What a log may be of."""

_ALIASES = {
    "hexagon": "dsp",
    "tpu": "npu",
    "edgetpu": "npu",
    "stabledelegate": "stable",
    "externaldelegate": "external",
}

_PLAIN = {re.sub(r"[^a-z0-9]", "", name): name for name in (*MODELS, "squeezenet1_1")}
_PLAIN |= {"res50": "resnet50", "squeezenet10": "squeezenet"}  # as comments in the app write it; Table II has 1.0


@dataclass(frozen=True)
class Given:
    """What the user says; None: nothing."""

    device: str | None = None  # "Maker Model"
    serial: str | None = None  # tells two phones of one model apart
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
        """The instance of a log, from what is told of it and what is given, by field.

        Raises LogError, calling the log `where`, that names the options for what nobody says, or both values of what is
        said twice.
        """
        found = {}
        for field in ("framework", "delegate", "quantization", "model"):
            said, wanted = told.get(field), getattr(self, field)
            if said is not None and wanted == UNKNOWN:
                wanted = None
            if None not in (said, wanted) and said != wanted:
                raise LogError(f"{where} is of {field} {said}, and --{field} says {wanted}: leave the option out.")
            found[field] = said or wanted
        missing = [field for field, value in found.items() if value is None]
        if missing:
            raise LogError(
                f"{where} does not tell its {_and(missing)}: give {_and([f'--{name}' for name in missing])}."
            )
        return Instance(**found)

    def maker_and_model(self) -> tuple[str, str] | None:
        """The device as it is named; raises LogError if that is not two words or more."""
        if self.device is None:
            return None
        maker, _, model = self.device.strip().partition(" ")
        if not model.strip():
            raise LogError(f'--device {self.device!r} is not a maker and a model: write it like "Xiaomi Mi 10".')
        return maker, model.strip()


def delegate_name(text: str) -> str:
    """A delegate by the name it has here, in other spellings and under other names too; unknown ones as they are."""
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return _ALIASES.get(plain, plain) if plain in (*_ALIASES, *DELEGATES) else text


def model_name(text: str) -> str:
    """A model by the name it has here: the paper's in any spelling, or else small letters, digits and underscores."""
    known = _PLAIN.get(re.sub(r"[^a-z0-9]", "", text.lower()))
    return known or re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60] or "unknown"


def of_file(path: str) -> dict[str, str]:
    """What the name of a model file tells for sure: that of `aiot models prepare`, or one of the paper's models alone.

    Of a name like mobilenet_v2_1.4_224 nothing is sure: it is another network than the paper's.
    """
    stem = Path(path.replace("\\", "/")).stem
    for framework in FRAMEWORKS:
        for quantization in QUANTIZATIONS:
            name = stem.removeprefix(f"{framework}_{quantization}_")
            if name != stem and model_name(name) == name:
                return {"framework": framework, "quantization": quantization, "model": name}
    return {"model": model_name(stem)} if model_name(stem) in _PLAIN.values() else {}


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
