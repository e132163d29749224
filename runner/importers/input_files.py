"""Files to import: their text, their format, and what the user states about them."""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.suite import FRAMEWORKS, MODELS, QUANTIZATIONS, Instance
from runner import rawlog
from runner.errors import LogError
from runner.importers.formats import (
    DELEGATES,
    FORMATS,
    SIGNS,
    STRUCTURED_SIGNS,
    UNKNOWN,
)
from runner.tools.text import limit_length, split_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BYTES_AT_MOST = 256 << 20
"""Maximum size of a file. A program log of the app with 60 instances and 500 images has about 30 MB."""

LINE_AT_MOST = 10_000
"""Longer lines are ignored; lines of the supported formats have a few hundred characters."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class LogSource:
    """A file as it was when it was read."""

    path: Path
    sha256: str
    modified: datetime  # UTC
    format: str = ""  # see runner.importers.formats
    fact: str | None = None  # which of the facts in a file of the package; such a file is not copied


def read_source(path: Path) -> tuple[LogSource, str]:
    """Return a file and its text (see `text_of`).

    Raises:
        LogError: The path is not a regular file, or the file is empty, too large or not text.
    """
    source, data = read_bytes(path)
    return source, text_of(path, data)


def read_bytes(path: Path) -> tuple[LogSource, bytes]:
    """Return a file and its content.

    Raises:
        LogError: The path is not a regular file, or the file is empty or too large.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise LogError(f"{path} is not a file: name the log file itself.")
        if facts.st_size > BYTES_AT_MOST:
            raise LogError(
                f"{path} has {facts.st_size / 1e6:.0f} MB, but no log in these formats has more than "
                f"{BYTES_AT_MOST >> 20} MB: name the log file itself."
            )
        data = path.read_bytes()
    except OSError as error:
        raise LogError(f"{path} cannot be read ({error.strerror}): check the name.") from None
    if not data.strip():
        raise LogError(f"{path} is empty: copy the log again.")
    modified = datetime.fromtimestamp(facts.st_mtime, UTC)
    return LogSource(path, hashlib.sha256(data).hexdigest(), modified), data


def text_of(path: Path, data: bytes) -> str:
    """Return the text of a file.

    It may be UTF-8 with or without a byte order mark, or UTF-16 with one, which is what PowerShell writes for
    `adb shell ... > file`.

    Raises:
        LogError: The content is not text.
    """
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in data:
        raise LogError(f"{path} is a binary file: name the text that the tool printed or the app wrote.")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise LogError(
            f"{path} is not valid {encoding.removesuffix('-sig').upper()} text (byte {error.start}): save it as UTF-8."
        ) from None


def lines_of(text: str) -> list[str]:
    """Return the lines of a text without line ends, except lines longer than LINE_AT_MOST."""
    return [line.removesuffix("\r") for line in text.split("\n") if len(line) <= LINE_AT_MOST]


def copy_source(source: LogSource, target: Path) -> None:
    """Copy a file unchanged to `target`, with its modification time.

    Raises:
        LogError: The file has changed since it was read.
    """
    data = source.path.read_bytes()
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise LogError(f"{source.path} changed while it was being read: import it again when nothing writes to it.")
    target.write_bytes(data)
    os.utime(target, ns=(int(source.modified.timestamp() * 1e9),) * 2)


_SIGNS_OF_THE_APP = {name: SIGNS[name] for name in ("app-result", "app-program")}  # have no line prefixes to remove
_DIFFERENCE = re.compile(r"(?:OutputDiff\[\d+\]|(?:Reference|Test) run latency): ")

_HEADER = re.compile(
    r"^(?:Graph ?: \[|Num threads ?: \[|Loaded model \S|Initialized session in \d|count=\d+ (?:first|curr)="
    r"|(?:Failed to apply|Explicitly applied) \S+ delegate)",
    re.MULTILINE,
)
"""Lines that benchmark_model prints before any time; they identify a log that shows no other sign."""

_TORCH_ALONE = re.compile(r"Microseconds per iter: |PyTorchObserver \{")
_CAFFE2_ALONE = re.compile(r"Caffe2Observer \{|^Operator #\d+ \(|^Time per operator type:", re.MULTILINE)
_TOOLS_OF = {"pytorch": "speed_benchmark_torch", "caffe2": "caffe2_benchmark"}


def _with_signs(signs: Mapping[str, str], text: str) -> list[str]:
    """Return the formats whose sign, a regular expression, is in a text."""
    return [text_format for text_format, sign in signs.items() if re.search(sign, text, re.MULTILINE)]


def recognise_format(name: object, text: str, requested: str | None = None, framework: str | None = None) -> str:
    """Return the format of a text; if `requested` is set, return that format, provided that the text may have it.

    `framework` is the framework according to the user. Prefixes that other logs put before a line are ignored. LiteRT's
    benchmark_model prints what TFLite's does plus a block of its own, which identifies benchmark_litert_model. Until
    May 2020, PyTorch's speed_benchmark_torch printed the same as Caffe2's tool; such a text is attributed to
    `framework`.

    Raises:
        LogError: The text has no known format, not the requested one, or may have several. The message calls it `name`.
    """
    searched = limit_length(text)
    structured = _with_signs(STRUCTURED_SIGNS, searched)
    if len(structured) == 1 and requested in (None, *structured):
        return structured[0]
    if not _with_signs(_SIGNS_OF_THE_APP, searched):
        searched = "\n".join(line for _, line in split_lines(text))
    if _DIFFERENCE.search(searched):
        raise LogError(
            f"{name} is the output of inference_diff, which compares outputs: import the output of "
            "benchmark_model instead."
        )
    matching = _with_signs(SIGNS, searched) + structured
    if not matching and _HEADER.search(searched):
        matching = ["benchmark_model"]
    if requested is not None:
        if requested not in matching:
            raise LogError(f"{name} does not match the format {requested}{_seems(matching)}.")
        return requested
    if not matching:
        raise LogError(f"{name} has an unknown format: supported formats are {', '.join(FORMATS)}.")
    if matching == ["benchmark_model", "benchmark_litert_model"]:
        return "benchmark_litert_model"
    if matching == list(_TOOLS_OF.values()):
        matching = _speed_benchmark(searched, framework)
        if not matching:
            raise LogError(
                f"{name} may be from PyTorch's tool before May 2020 or from Caffe2's, which have the same "
                "output: use --framework."
            )
    if len(matching) > 1:
        raise LogError(
            f"{name} may be from {' or '.join(matching)}: save each output in its own file, or choose with "
            "--log-format."
        )
    return matching[0]


def _speed_benchmark(text: str, framework: str | None) -> list[str]:
    """Return the tools that can have printed a text of PyTorch's or Caffe2's benchmark, or [] if that is unclear."""
    torch, caffe2 = _TORCH_ALONE.search(text), _CAFFE2_ALONE.search(text)
    if torch or caffe2:
        return [tool for tool, sign in zip(_TOOLS_OF.values(), (torch, caffe2), strict=True) if sign]
    return [_TOOLS_OF[framework]] if framework in _TOOLS_OF else []


def _seems(formats: list[str]) -> str:
    return (
        f": it seems to be from {' or '.join(formats)}, so omit --log-format"
        if formats
        else ", nor any other known format"
    )


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
class Publication:
    """Where somebody else published the numbers of an attempt."""

    publication: str | None  # like "MLPerf Mobile v5.0"
    address: str  # URL
    retrieved: str  # date on which they were read there, in ISO 8601
    publisher: str | None = None
    submitter: str | None = None  # who measured, if that is not the publisher


def github_address(source: str) -> tuple[str, str]:
    """Return the address and the commit of a file in a repository, given as "github:owner/name@commit:path"."""
    repository, _, path = source.removeprefix("github:").partition(":")
    repository, _, commit = repository.partition("@")
    return f"https://github.com/{repository}/blob/{commit}/{path}", commit


def check_unique(path: Path, names: Sequence[str]) -> None:
    """Raise LogError if a list of images in a file contains a name twice."""
    if len(set(names)) < len(names):
        raise LogError(f"{path} contains a name twice: give each image its own name.")


@dataclass(frozen=True, eq=False)
class ImageLabels:
    """Names and right classes of images, in the order in which a log numbers them."""

    name: str  # how messages call them
    names: Sequence[str]
    classes: Sequence[int]
    class_count: int
    dataset: dict[str, Any]  # in the form used in run.json


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
    labels: ImageLabels | None = None  # of a log that has only numbers of images
    publication: Publication | None = None  # if somebody else published the logs

    def instance(self, where: object, logged_fields: Mapping[str, str | None]) -> Instance:
        """Return the instance of a log from what the log (`logged_fields`) and the user state, by field.

        Error messages call the log `where`.

        Raises:
            LogError: A field is stated by neither (the message names the options), or with two different values.
        """
        values = {}
        for field in ("framework", "delegate", "quantization", "model"):
            logged, wanted = logged_fields.get(field), getattr(self, field)
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
