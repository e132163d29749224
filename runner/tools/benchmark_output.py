"""Parsing the output of LiteRT's, PyTorch's and Caffe2's benchmark tools."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

from runner.tools.text import NUMBER, failure, parse_integer, parse_number, split_lines

_TIME = re.compile(
    r"(Model initialization|Warmup \(first\)|Warmup \(avg\)|Inference \(avg\)|Inference \(min\)|Inference \(max\)"
    rf"|Inference \(std\)|Inference \(median\)|Inference \(p5\)|Inference \(p95\)): +({NUMBER})(?: ms)?"
    r"(?: \((\d+) runs\))?"
)
_NAMES = {"Model initialization": "init_ms", "Warmup (first)": "first_ms", "Warmup (avg)": "warmup_ms",
          "Inference (avg)": "mean_ms", "Inference (std)": "sd_ms"}  # fmt: skip


_MEMORY = re.compile(rf"(Init footprint|Overall footprint|Peak memory): +({NUMBER}) MB")
_MEMORY_NAMES = {"Init footprint": "init", "Overall footprint": "overall", "Peak memory": "peak"}

LITERT_PATTERNS = (_TIME, _MEMORY)
"""Patterns of the lines whose numbers are read here."""


@dataclass(frozen=True)
class LitertResult:
    """Results of one run of benchmark_litert_model."""

    count: int | None
    times_ms: dict[str, float]  # those printed of init_ms, first_ms, warmup_ms, mean_ms, sd_ms, min_ms, max_ms, ...
    warmups: int | None = None
    memory_mb: dict[str, float] = field(default_factory=dict)  # init, overall, peak in units of 2**20 bytes
    failure: str | None = None


def read_litert(stdout: str, stderr: str = "", exit_code: int = 0) -> LitertResult:
    """Parse the output. `failure` is the reason if there is no time, one sentence without a full stop."""
    return read_litert_lines(split_lines(stdout, stderr), exit_code)


def read_litert_lines(output_lines: list[tuple[str, str]], exit_code: int = 0) -> LitertResult:
    """Parse the block of results in these lines."""
    memory: dict[str, float] = {}
    times: dict[str, float] = {}
    count = warmups = None
    for _, text in output_lines:
        if match := _TIME.search(text):
            value = parse_number(match[2])
            name = _NAMES.get(match[1]) or f"{match[1].partition('(')[2].rstrip(')')}_ms"
            if value is not None and value >= 0:
                times[name] = value
            if name == "mean_ms":
                count = parse_integer(match[3])
            elif name == "warmup_ms":
                warmups = parse_integer(match[3])
        elif match := _MEMORY.search(text):
            value = parse_number(match[2])
            if value is not None:
                memory[_MEMORY_NAMES[match[1]]] = value
    fault = failure("mean_ms" in times, output_lines, exit_code, "benchmark_litert_model", "time")
    return LitertResult(count, times, warmups, memory, fault)


RECORDS_AT_MOST = 1_000_000

_FINISHED = re.compile(rf"Main run finished\. (Microseconds|Milliseconds) per iter: ({NUMBER})")
_OBSERVER = re.compile(r"(PyTorchObserver|Caffe2Observer) (\{.*\})")
_OPERATOR = re.compile(rf"Operator #(\d+) \((.*), ([^,()]*)\) ({NUMBER}) ms/iter")

SPEED_PATTERNS = (_FINISHED, _OBSERVER, _OPERATOR)
"""Patterns of the lines whose numbers are read here."""


@dataclass(frozen=True)
class Speed:
    """Results of one run of such a tool. Inputs are all ones (PyTorch) or as given (Caffe2)."""

    mean_ms: float | None
    latencies_ms: tuple[float, ...]  # of each run, if the tool reports them
    operators: tuple[tuple[str, str, float], ...]  # name, kind and mean time in ms of each operator, in order
    failure: str | None = None


def read_speed(stdout: str, stderr: str = "", exit_code: int = 0) -> Speed:
    """Parse the output of either tool. `failure` is one sentence, without a full stop, if there is no time."""
    return read_speed_lines(split_lines(stdout, stderr), exit_code)


def read_speed_lines(output_lines: list[tuple[str, str]], exit_code: int = 0) -> Speed:
    """Parse one run from the lines it printed. PyTorch's tool prints milliseconds in builds before May 2020."""
    mean_ms = None
    latencies: list[float] = []
    operators: list[tuple[str, str, float]] = []
    for _, text in output_lines:
        if match := _FINISHED.search(text):
            mean_ms = _positive(parse_number(match[2]))
            if mean_ms is not None and match[1] == "Microseconds":
                mean_ms /= 1000
        elif (match := _OPERATOR.match(text)) and len(operators) < RECORDS_AT_MOST:
            time_ms = _positive(parse_number(match[4]))
            if time_ms is not None:
                operators.append((match[2].strip(), match[3].strip(), time_ms))
        elif (match := _OBSERVER.search(text)) and len(latencies) < RECORDS_AT_MOST:
            latency = _latency(match[2])
            if latency is not None:
                latencies.append(latency)
    if mean_ms is None and latencies:
        mean_ms = math.fsum(latencies) / len(latencies)
    fault = failure(mean_ms is not None, output_lines, exit_code, "the benchmark", "time")
    return Speed(mean_ms, tuple(latencies), tuple(operators), fault)


def _latency(text: str) -> float | None:
    """Return the time in ms that an observer reports for a run of the network; None for any other record."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or (record.get("type"), record.get("metric")) != ("NET", "latency"):
        return None
    value = _positive(parse_number(str(record.get("value"))))
    scales = {"us": 1000.0, "ms": 1.0}
    unit = record.get("unit")
    return None if value is None or not isinstance(unit, str) or unit not in scales else value / scales[unit]


def _positive(value: float | None) -> float | None:
    return value if value is not None and value >= 0 else None
