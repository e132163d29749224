"""Which format a text is of, by what it says."""

from __future__ import annotations

import re

from runner.errors import LogError
from runner.native.text import bounded

_SIGNS = {
    "app-result": r"^(?:image count:|ram available size:|time_first_img:)",
    "app-program": r"^(?:ic  -  index  -  \d+  -  |start workload \d+ name=)",
    "benchmark_model": (
        r"Inference timings in us: |Average inference timings in us: |Running benchmark for at least |"
        r"Benchmarking failed|^(?:INFO: )?STARTING!"
    ),
    "run_eval": r"^(?:INFO: )?(?:Evaluated: \d+%|Num evaluation runs: |Top-1 Accuracy: )|Could not run the task evalu",
    "benchmark_litert_model": r"= BENCHMARK RESULTS =|Model initialization: +[\d.]+ ms",
    "speed_benchmark_torch": r"Microseconds per iter: |PyTorchObserver \{",
    "caffe2_benchmark": r"Milliseconds per iter: |Caffe2Observer \{",
}
FORMATS = tuple(_SIGNS)
"""Names of the formats, as --format takes them."""

_PATTERNS = {name: re.compile(sign, re.MULTILINE) for name, sign in _SIGNS.items()}
_DIFFERENCE = re.compile(r"(?:OutputDiff\[\d+\]|(?:Reference|Test) run latency): ")


def recognised(name: object, text: str, asked: str | None = None) -> str:
    """The format of a text; with `asked`, that one if the text may be of it.

    Raises LogError, calling the text `name`, if it is of none, or if it may be of several.
    """
    told = bounded(text)
    if _DIFFERENCE.search(told):
        raise LogError(f"{name} is of inference_diff, which compares outputs: import what benchmark_model printed.")
    found = [one for one, pattern in _PATTERNS.items() if pattern.search(told)]
    if asked is not None:
        if asked not in found:
            raise LogError(f"{name} holds nothing of {asked}{_seems(found)}.")
        return asked
    if not found:
        raise LogError(f"{name} is of no format that is known: {', '.join(FORMATS)} are.")
    if len(found) > 1:
        raise LogError(f"{name} may be of {' or '.join(found)}: save each output by itself, or choose with --format.")
    return found[0]


def _seems(found: list[str]) -> str:
    return f": it seems to be of {' or '.join(found)}, leave --format out" if found else ", nor of any other format"
