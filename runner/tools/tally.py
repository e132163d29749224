"""Detection of lines in an output that were not understood, so that none is ignored silently."""

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
"""Lines without information for a result, and the remaining lines of tables that are read in part."""

_COMMAND = re.compile(r"(?:^|\s)--\w+")
_FENCE = re.compile(r"(?:```|~~~)\w*$")  # in Markdown

_READ = (*reading.PATTERNS, *litert.LITERT_PATTERNS, *speed_benchmark.SPEED_PATTERNS)


def not_understood(found: list[tuple[str, str]]) -> list[str]:
    """Return the lines that no reader uses, except empty ones and those known to carry no information."""
    _, table_lines = operator_table.read_operator_table(found)
    return [
        text
        for index, (_, text) in enumerate(found)
        if text and index not in table_lines and not _FENCE.match(text) and not _understood(text)
    ]


def _understood(text: str) -> bool:
    if text.startswith("count="):
        line_stats = reading.stats(text)
        return line_stats is not None and (line_stats.count == 0 or line_stats.mean_ms is not None)
    if _PLAIN.match(text) or _COMMAND.search(text) or reading.PARAMETER.fullmatch(text):
        return True
    return delegates.mentions_delegate(text) or any(pattern.search(text) for pattern in _READ)
