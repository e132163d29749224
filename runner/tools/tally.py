"""Which lines of an output were understood, so that nothing is passed over without a word."""

from __future__ import annotations

import re

from runner.tools import delegates, litert, operator_table, reading, speed_benchmark

_PLAIN = re.compile(
    r"STARTING!|Log parameter values|Tensorflow Version|Duplicate flags: |Loaded model |Loading model from"
    r"|resolved reporter"
    r"|Initialized TensorFlow Lite runtime|Created TensorFlow Lite |Note: as the benchmark tool itself affects memory"
    r"|Memory status at the end of ex|[-+] (?:VmRSS|RssAnon|RssFile)|Benchmarking failed"
    r"|Could not run the task evaluation"
    r"|Running TensorFlow Lite benchmark with args|nnapi error: |NNAPI SL driver"
    r"|Profiling Info for Benchmark|Operator-wise Profiling Info|Number of nodes executed: |\d+ nodes observed"
    r"|Timings \(microseconds\): |Memory \(bytes\): |Average inference timings|Evaluated: \d+%"
    r"|=+ BENCHMARK RESULTS =+|Memory Usage:|Throughput: |No throughput data|Peak memory usage not available|[-=]{5,}$"
    r"|dispatch_library_path:|compiler_plugin_library_path:|No inference runs were performed"
    r"|Starting benchmark\.|Running warmup runs|Main runs?\.?$|Time per operator type:|FLOP per operator type:"
    r"|(?:Feature|Parameter) Memory per operator type:|[\d.]+ (?:ms|MB|GFLOP)(?:\.| in Total)|-+ beginning of "
    r"|(?:TfLite)?Hexagon ?Delegate|loaded libadsprpc"
)
"""Lines that tell nothing which a result needs, and the rest of tables that are read in part."""

_COMMAND = re.compile(r"(?:^|\s)--\w+")
_FENCE = re.compile(r"(?:```|~~~)\w*$")  # of Markdown

_READ = (*reading.PATTERNS, *litert.PATTERNS, *speed_benchmark.PATTERNS)


def not_understood(found: list[tuple[str, str]]) -> list[str]:
    """Return the lines that no reader takes anything from, but for empty ones and those known to tell nothing."""
    _, of_tables = operator_table.read(found)
    return [
        text
        for index, (_, text) in enumerate(found)
        if text and index not in of_tables and not _FENCE.match(text) and not _understood(text)
    ]


def _understood(text: str) -> bool:
    if text.startswith("count="):
        read = reading.stats(text)
        return read is not None and (read.count == 0 or read.mean_ms is not None)
    if _PLAIN.match(text) or _COMMAND.search(text) or reading.PARAMETER.fullmatch(text):
        return True
    return delegates.tells(text) or any(pattern.search(text) for pattern in _READ)
