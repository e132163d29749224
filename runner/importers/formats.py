"""Recognise the format of a text by its content."""

from __future__ import annotations

import re

from runner.errors import LogError
from runner.tools.text import bounded, lines

_SIGNS = {
    "app-result": r"^(?:image count:|ram available size:|time_first_img:)",
    "app-program": r"^(?:ic  -  index  -  \d+  -  |start workload \d+ name=)",
    "benchmark_model": (
        r"^Inference timings in us: |^Average inference timings in us: |^Running benchmark for at least |"
        r"^Benchmarking failed|^STARTING!"
    ),
    "run_eval": r"^(?:Evaluated: \d+%|Num evaluation runs: |Top-1 Accuracy: )|Could not run the task evalu",
    "benchmark_litert_model": r"= BENCHMARK RESULTS =|^Model initialization: +[\d.]+ ms",
    "speed_benchmark_torch": r"(?:Micro|Milli)seconds per iter: |PyTorchObserver \{",
    "caffe2_benchmark": r"Milliseconds per iter: |Caffe2Observer \{",
}
FORMATS = tuple(_SIGNS)
"""Names of the formats, as accepted by --format."""

_PATTERNS = {text_format: re.compile(sign, re.MULTILINE) for text_format, sign in _SIGNS.items()}
_OF_THE_APP = ("app-result", "app-program")  # these logs have no line prefixes to remove
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


def recognise_format(name: object, text: str, asked: str | None = None, framework: str | None = None) -> str:
    """Return the format of a text; if `asked` is set, return that format, provided that the text may have it.

    `framework` is the framework according to the user. Prefixes that other logs put before a line are ignored. LiteRT's
    benchmark_model prints what TFLite's does plus a block of its own, which identifies benchmark_litert_model. Until
    May 2020, PyTorch's speed_benchmark_torch printed the same as Caffe2's tool; such a text is attributed to
    `framework`.

    Raises:
        LogError: The text has no known format, not the requested one, or may have several. The message calls it `name`.
    """
    searched = bounded(text)
    if not any(_PATTERNS[app_format].search(searched) for app_format in _OF_THE_APP):
        searched = "\n".join(line for _, line in lines(text))
    if _DIFFERENCE.search(searched):
        raise LogError(
            f"{name} is the output of inference_diff, which compares outputs: import the output of "
            "benchmark_model instead."
        )
    matching = [app_format for app_format, pattern in _PATTERNS.items() if pattern.search(searched)]
    if not matching and _HEADER.search(searched):
        matching = ["benchmark_model"]
    if asked is not None:
        if asked not in matching:
            raise LogError(f"{name} does not match the format {asked}{_seems(matching)}.")
        return asked
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
            f"{name} may be from {' or '.join(matching)}: save each output in its own file, or choose with --format."
        )
    return matching[0]


def _speed_benchmark(told: str, framework: str | None) -> list[str]:
    """Return the tools that can have printed a text of PyTorch's or Caffe2's benchmark, or [] if that is unclear."""
    torch, caffe2 = _TORCH_ALONE.search(told), _CAFFE2_ALONE.search(told)
    if torch or caffe2:
        return [tool for tool, sign in zip(_TOOLS_OF.values(), (torch, caffe2), strict=True) if sign]
    return [_TOOLS_OF[framework]] if framework in _TOOLS_OF else []


def _seems(found: list[str]) -> str:
    return f": it seems to be from {' or '.join(found)}, so omit --format" if found else ", nor any other known format"
