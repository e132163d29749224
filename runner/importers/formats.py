"""Which format a text is of, by what it says."""

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
"""Names of the formats, as --format takes them."""

_PATTERNS = {name: re.compile(sign, re.MULTILINE) for name, sign in _SIGNS.items()}
_OF_THE_APP = ("app-result", "app-program")  # which nothing is put before
_DIFFERENCE = re.compile(r"(?:OutputDiff\[\d+\]|(?:Reference|Test) run latency): ")

_HEADER = re.compile(
    r"^(?:Graph ?: \[|Num threads ?: \[|Loaded model \S|Initialized session in \d|count=\d+ (?:first|curr)="
    r"|(?:Failed to apply|Explicitly applied) \S+ delegate)",
    re.MULTILINE,
)
"""What benchmark_model prints before any time: of a log without more, it is a sign too."""

_TORCH_ALONE = re.compile(r"Microseconds per iter: |PyTorchObserver \{")
_CAFFE2_ALONE = re.compile(r"Caffe2Observer \{|^Operator #\d+ \(|^Time per operator type:", re.MULTILINE)
_TOOLS_OF = {"pytorch": "speed_benchmark_torch", "caffe2": "caffe2_benchmark"}


def recognised(name: object, text: str, asked: str | None = None, framework: str | None = None) -> str:
    """The format of a text; with `asked`, that one if the text may be of it. `framework` is what the user says of it.

    What other logs put before a line does not matter. LiteRT's benchmark_model prints what TFLite's does, and a block
    of its own: that is benchmark_litert_model. Until May 2020, PyTorch's speed_benchmark_torch printed what Caffe2's
    tool does: such a text is of the framework that is given.
    Raises LogError, calling the text `name`, if it is of none, or if it may be of several.
    """
    told = bounded(text)
    if not any(_PATTERNS[one].search(told) for one in _OF_THE_APP):
        told = "\n".join(line for _, line in lines(text))
    if _DIFFERENCE.search(told):
        raise LogError(f"{name} is of inference_diff, which compares outputs: import what benchmark_model printed.")
    found = [one for one, pattern in _PATTERNS.items() if pattern.search(told)]
    if not found and _HEADER.search(told):
        found = ["benchmark_model"]
    if asked is not None:
        if asked not in found:
            raise LogError(f"{name} holds nothing of {asked}{_seems(found)}.")
        return asked
    if not found:
        raise LogError(f"{name} is of no format that is known: {', '.join(FORMATS)} are.")
    if found == ["benchmark_model", "benchmark_litert_model"]:
        return "benchmark_litert_model"
    if found == list(_TOOLS_OF.values()):
        found = _speed_benchmark(told, framework)
        if not found:
            raise LogError(
                f"{name} may be of PyTorch's tool before May 2020 or of Caffe2's, which is the same: give --framework."
            )
    if len(found) > 1:
        raise LogError(f"{name} may be of {' or '.join(found)}: save each output by itself, or choose with --format.")
    return found[0]


def _speed_benchmark(told: str, framework: str | None) -> list[str]:
    """The tool that printed a text that may be of PyTorch's or Caffe2's; [] if nothing tells."""
    torch, caffe2 = _TORCH_ALONE.search(told), _CAFFE2_ALONE.search(told)
    if torch or caffe2:
        return [tool for tool, sign in zip(_TOOLS_OF.values(), (torch, caffe2), strict=True) if sign]
    return [_TOOLS_OF[framework]] if framework in _TOOLS_OF else []


def _seems(found: list[str]) -> str:
    return f": it seems to be of {' or '.join(found)}, leave --format out" if found else ", nor of any other format"
