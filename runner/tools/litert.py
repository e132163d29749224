"""Parsing the output of LiteRT's benchmark_litert_model (litert/tools/benchmark_litert_model.h, 2025 and 2026)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from runner.tools.text import NUMBER, failure, lines, number, whole

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
    return read_litert_lines(lines(stdout, stderr), exit_code)


def read_litert_lines(found: list[tuple[str, str]], exit_code: int = 0) -> LitertResult:
    """Parse the block of results in these lines."""
    memory: dict[str, float] = {}
    times: dict[str, float] = {}
    count = warmups = None
    for _, text in found:
        if match := _TIME.search(text):
            value = number(match[2])
            name = _NAMES.get(match[1]) or f"{match[1].partition('(')[2].rstrip(')')}_ms"
            if value is not None and value >= 0:
                times[name] = value
            if name == "mean_ms":
                count = whole(match[3])
            elif name == "warmup_ms":
                warmups = whole(match[3])
        elif match := _MEMORY.search(text):
            value = number(match[2])
            if value is not None:
                memory[_MEMORY_NAMES[match[1]]] = value
    fault = failure("mean_ms" in times, found, exit_code, "benchmark_litert_model", "time")
    return LitertResult(count, times, warmups, memory, fault)
