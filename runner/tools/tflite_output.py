"""Parsing the output of TFLite's benchmark_model, run_eval and inference_diff."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.tools import benchmark_output, delegates
from runner.tools.text import NUMBER, failure, parse_integer, parse_milliseconds, parse_number, split_lines

if TYPE_CHECKING:
    from runner.tools.delegates import Delegation, Replaced

ROWS_AT_MOST = 100_000

_CELL = re.compile(r"[-+]?(?:nan|inf|[\d.]+(?:e[-+]?\d+)?)%?")
_BRACKETS = re.compile(r"\[([^\]]{1,40})\]")
_HEADERS = {"node type": "kind", "first": "first_ms", "avg ms": "mean_ms", "avg_ms": "mean_ms", "mem kb": "memory_kb",
            "times called": "times_called", "name": "name"}  # fmt: skip
_TITLE = re.compile(r"=+ (Run Order|Top by Computation Time|Top by Memory Use|Summary by node type) =+")
_PHASES = {
    "Profiling Info for Benchmark Initialization": "initialization",
    "Operator-wise Profiling Info for Regular Benchmark Runs": "runs",
    "Delegate internal": "delegate",
}
_SUBGRAPH = re.compile(r"(?:Primary graph|Subgraph \(index: (\d+)(?:, name: .*)?\))(?: \(name: .*\))? profile:")


@dataclass(frozen=True)
class Operator:
    """A row of a table "Run Order": the mean over the runs of one operator."""

    phase: str  # initialization, runs, or delegate (reported by a delegate about its own parts)
    subgraph: int
    name: str
    kind: str
    first_ms: float | None
    mean_ms: float
    times_called: int | None
    memory_kb: float | None


def read_operators(stdout: str) -> list[Operator]:
    """Return the operators in execution order; [] without such a table. Lines that are no rows are ignored."""
    return read_operator_table(split_lines(stdout))[0]


def read_operator_table(output_lines: list[tuple[str, str]]) -> tuple[list[Operator], set[int]]:
    """Return the operators in execution order and the indices of all lines that belong to tables of operators."""
    rows: list[Operator] = []
    table_lines: set[int] = set()
    phase, subgraph, in_order, counts = "runs", 0, False, False
    columns: list[str] = []
    for index, (_, text) in enumerate(output_lines):
        stripped = text.strip()
        is_table_line = True
        if stripped.rstrip(":") in _PHASES:
            phase, subgraph = _PHASES[stripped.rstrip(":")], 0
        elif match := _SUBGRAPH.fullmatch(stripped):
            subgraph = parse_integer(match[1]) or 0
        elif match := _TITLE.fullmatch(stripped):
            in_order, columns = match[1] == "Run Order", []
        elif header := _header(stripped):
            # a CSV file of an early build has no titles; its first table is the one in execution order
            columns, counts = header, "name" in header and (in_order or not rows)
        elif columns and (row := _row(stripped, columns)):
            mean_ms = parse_number(row.get("mean_ms"))
            is_table_line = mean_ms is not None
            if mean_ms is not None and counts and len(rows) < ROWS_AT_MOST:
                rows.append(_operator(phase, subgraph, row, mean_ms))
        else:
            is_table_line = False
            if not stripped:
                columns = []
        if is_table_line:
            table_lines.add(index)
    return rows, table_lines


def _operator(phase: str, subgraph: int, row: dict[str, str], mean_ms: float) -> Operator:
    return Operator(
        phase=phase,
        subgraph=subgraph,
        name=row.get("name", ""),
        kind=row.get("kind", ""),
        first_ms=parse_number(row.get("first_ms")),
        mean_ms=mean_ms,
        times_called=parse_integer(row.get("times_called")),
        memory_kb=parse_number(row.get("memory_kb")),
    )


def _header(text: str) -> list[str]:
    """Return the columns that a line names, by their names here; [] if it is no header of operators."""
    cells = _BRACKETS.findall(text) if text.startswith("[") else [cell.strip() for cell in text.split(",")]
    cells = [cell.lower() for cell in cells]
    return [_HEADERS.get(column, column) for column in cells] if cells[:1] == ["node type"] and len(cells) > 2 else []


def _row(text: str, columns: list[str]) -> dict[str, str]:
    """Return the cells of a row by column; {} if the line is no row.

    Between the kind and the name there are only numbers. Everything after the last number is the name.
    """
    if text.count(",") >= len(columns) - 1 and "\t" not in text:
        cells = [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True))]
        if len(cells) >= len(columns) and all(_CELL.fullmatch(cell) for cell in cells[1 : len(columns) - 1]):
            last = len(columns) - 1
            return {**dict(zip(columns, cells[:last], strict=False)), columns[last]: "\t".join(cells[last:])}
    has_name = "name" in columns
    numbers = len(columns) - 2 if has_name else len(columns) - 1
    words = text.split()
    for start in range(1, len(words) - numbers + 1):
        if all(_CELL.fullmatch(word) for word in words[start : start + numbers]):
            name_cells = text.split(None, start + numbers)[start + numbers :]
            cells = [" ".join(words[:start]), *words[start : start + numbers], *name_cells]
            if len(cells) > len(columns):
                return {}
            return {**dict.fromkeys(columns, ""), **dict(zip(columns, cells, strict=False))}
    return {}


PARAMETERS_AT_MOST = 200
TOP_AT_MOST = 10

_BLOCK_TIMES = ("mean_ms", "sd_ms", "min_ms", "max_ms", "p5_ms", "median_ms", "p95_ms")

_ANNOUNCED = re.compile(r"Running benchmark for ")
_COUNT = re.compile(r"count=(\d+)")
_VALUE = re.compile(rf"(first|curr|min|max|avg|std|p5|median|p95)=({NUMBER})")
PARAMETER = re.compile(r"([A-Za-z#][^:\[\]]{0,99}?) ?: \[(.*)\]")
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: ({NUMBER}), First inference: ({NUMBER}), "
    rf"Warmup \(avg\): ({NUMBER}), Inference \(avg\): ({NUMBER})"
)
_TIMINGS_2019 = re.compile(
    rf"Average inference timings in us: Warmup: ({NUMBER}), Init: ({NUMBER}), (?:no stats|Inference): ({NUMBER})"
)
_INITIALIZED = re.compile(rf"Initialized session in ({NUMBER})ms")
_FOOTPRINT = re.compile(
    rf"Memory footprint delta from the start of the tool \(MB\): init=({NUMBER}) overall=({NUMBER})"
)
_FOOTPRINT_2020 = re.compile(rf"Peak memory footprint \(MB\): init=({NUMBER}) overall=({NUMBER})")
_PEAK = re.compile(rf"Overall peak memory footprint \(MB\) via periodic monitoring: ({NUMBER})")
_MODEL_SIZE = re.compile(rf"The input model file size \(MB\): ({NUMBER})")
_EVALUATED = re.compile(r"Num evaluation runs: (\d+)")
_LATENCY = re.compile(rf"(Preprocessing|Inference|Reference run|Test run) latency: avg=({NUMBER})\(us\)"
                      rf", std_dev=({NUMBER})\(us\)")  # fmt: skip
_TOP = re.compile(rf"Top-(\d{{1,2}}) Accuracy: ({NUMBER})")
_DIFFERENCE = re.compile(rf"OutputDiff\[(\d+)\]: avg_error=({NUMBER}), std_dev=({NUMBER})")

PATTERNS = (_ANNOUNCED, _TIMINGS, _TIMINGS_2019, _INITIALIZED, _FOOTPRINT, _FOOTPRINT_2020, _PEAK, _MODEL_SIZE,
            _EVALUATED, _LATENCY, _TOP, _DIFFERENCE)  # fmt: skip
"""Patterns of the lines whose numbers are read here, except those parsed by `parse_stats`."""


@dataclass(frozen=True)
class Stats:
    """A line "count=...": times in ms, None if the line lacks them.

    As in the tool, the standard deviation is that of the population, truncated to whole microseconds, and percentiles
    are nearest ranks.
    """

    count: int
    mean_ms: float | None = None
    sd_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    first_ms: float | None = None
    p5_ms: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None


@dataclass(frozen=True)
class Benchmark:
    """Results of one run of benchmark_model."""

    runs: Stats | None  # None: it ended earlier, or its build prints only the mean
    warmup: Stats | None
    mean_ms: float | None  # mean of the runs
    init_ms: float | None  # from the start of loading to the first run
    model_mb: float | None  # in units of 1e6 bytes
    init_memory_mb: float | None  # increase since the tool's start in 2**20 bytes; overall: the maximum increase
    overall_memory_mb: float | None
    peak_memory_mb: float | None  # of the process, sampled; only if requested
    parameters: dict[str, str] = field(default_factory=dict)  # as printed by the tool: "Num threads" -> "4"
    accelerators: tuple[str, ...] = ()  # accelerators listed by the device's NNAPI
    replaced: tuple[Replaced, ...] = ()
    delegation: Delegation | None = None  # of the requested delegate
    wording: str | None = None  # signs of the tool's age in its wording
    failure: str | None = None  # why its numbers cannot be used, one sentence without a full stop


@dataclass(frozen=True)
class EvaluationResult:
    """Results of one run of imagenet_image_classification's run_eval."""

    images: int | None
    top: tuple[float, ...]  # top-1 accuracy, top-2 accuracy, ... as fractions of 1
    mean_ms: float | None  # inference time per image
    sd_ms: float | None
    preprocess_ms: float | None
    replaced: tuple[Replaced, ...] = ()
    delegation: Delegation | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Difference:
    """Results of one run of inference_diff: a delegate's outputs against those of one CPU thread, on random inputs."""

    runs: int | None
    reference_ms: float | None
    test_ms: float | None
    errors: tuple[tuple[float | None, float | None], ...]  # mean absolute error and its standard deviation, by output
    failure: str | None = None


def parse_stats(line: str) -> Stats | None:
    """Parse a text that begins with "count=", else return None. Zeros after a count of 0 are not times."""
    match = _COUNT.match(line)
    count = parse_integer(match[1]) if match else None
    if count is None:
        return None
    if count == 0:
        return Stats(0)
    values = {name: parse_milliseconds(text) for name, text in _VALUE.findall(line)}
    last = values.pop("curr", None)
    if "avg" not in values and last is not None:  # "count=4 curr=123(all same)", or a single run
        values |= dict.fromkeys(("avg", "min", "max", "first"), last)
        values["std"] = 0.0 if count > 1 else None
    return Stats(
        count,
        mean_ms=values.get("avg"),
        sd_ms=values.get("std"),
        min_ms=values.get("min"),
        max_ms=values.get("max"),
        first_ms=values.get("first"),
        p5_ms=values.get("p5"),
        median_ms=values.get("median"),
        p95_ms=values.get("p95"),
    )


def parse_benchmark(stdout: str, stderr: str = "", exit_code: int = 0, delegate: str = "cpu") -> Benchmark:
    """Parse the output of benchmark_model, LiteRT's included. `delegate` is what was requested: "cpu", "nnapi", ..."""
    return parse_benchmark_lines(split_lines(stdout, stderr), exit_code, delegate)


def parse_benchmark_lines(output_lines: list[tuple[str, str]], exit_code: int = 0, delegate: str = "cpu") -> Benchmark:
    """Parse one run of benchmark_model from the lines it printed.

    LiteRT's tool prints a block of results with two decimals, mostly below TFLite's lines. Values in both are taken
    from TFLite's lines, which have more digits.
    """
    init_ms = mean_ms = warmup_ms = None
    memory: dict[str, float | None] = {}
    for _, text in output_lines:
        if match := _TIMINGS.search(text):
            init_ms, warmup_ms, mean_ms = (parse_milliseconds(match[number]) for number in (1, 3, 4))
        elif match := _TIMINGS_2019.search(text):
            init_ms, warmup_ms, mean_ms = (parse_milliseconds(match[number]) for number in (2, 1, 3))
        elif (match := _INITIALIZED.search(text)) and init_ms is None:
            init_ms = parse_number(match[1])
        elif match := _FOOTPRINT.search(text) or _FOOTPRINT_2020.search(text):
            memory["init_memory_mb"], memory["overall_memory_mb"] = parse_number(match[1]), parse_number(match[2])
        elif match := _PEAK.search(text):
            memory["peak_memory_mb"] = parse_number(match[1])
        elif match := _MODEL_SIZE.search(text):
            memory["model_mb"] = parse_number(match[1])
    warmup, runs = _phases(output_lines, warmup_ms, mean_ms)
    if runs is not None:
        mean_ms = runs.mean_ms if runs.mean_ms is not None else mean_ms if runs.count else None
    block = benchmark_output.read_litert_lines(output_lines)
    times = block.times_ms
    if runs is None and block.count is not None:
        runs = Stats(block.count, **{name: times[name] for name in _BLOCK_TIMES if name in times})
    if warmup is None and block.warmups is not None:
        warmup = Stats(block.warmups, mean_ms=times.get("warmup_ms"), first_ms=times.get("first_ms"))
    replaced = delegates.find_replacements(output_lines)
    parsed = Benchmark(
        runs=runs,
        warmup=warmup,
        mean_ms=mean_ms if mean_ms is not None else times.get("mean_ms"),
        init_ms=init_ms if init_ms is not None else times.get("init_ms"),
        parameters=parameters(output_lines),
        accelerators=delegates.accelerators(output_lines),
        replaced=tuple(replaced),
        delegation=delegates.delegation(output_lines, delegate),
        wording=_wording(output_lines, runs),
        model_mb=memory.get("model_mb"),
        init_memory_mb=memory.get("init_memory_mb", block.memory_mb.get("init")),
        overall_memory_mb=memory.get("overall_memory_mb", block.memory_mb.get("overall")),
        peak_memory_mb=memory.get("peak_memory_mb", block.memory_mb.get("peak")),
    )
    return replace(
        parsed, failure=failure(parsed.mean_ms is not None, output_lines, exit_code, "benchmark_model", "time")
    )


def _phases(
    output_lines: list[tuple[str, str]], warmup_ms: float | None, mean_ms: float | None
) -> tuple[Stats | None, Stats | None]:
    """Return the "count=" lines of the warm-up and of the runs.

    They follow the first and the second announcement. In a part of a log without announcements, the last such line is
    that of the runs, and the one before is that of the warm-up. If there is a line of timings, its means decide.
    """
    announcements = 0
    stats_after: dict[int, Stats] = {}
    all_stats: list[Stats] = []
    for _, text in output_lines:
        if _ANNOUNCED.match(text):
            announcements += 1
        elif (line_stats := parse_stats(text)) is not None:
            stats_after[announcements] = line_stats
            all_stats.append(line_stats)
    warmup, runs = (stats_after.get(1), stats_after.get(2)) if announcements else ([None, None, *all_stats])[-2:]
    return _line_with_mean(warmup, warmup_ms, all_stats), _line_with_mean(runs, mean_ms, all_stats)


def _line_with_mean(placed: Stats | None, mean_ms: float | None, every: list[Stats]) -> Stats | None:
    """Return the line with a mean: the one at the expected place if it has that mean or no mean is known."""
    if mean_ms is None or (placed is not None and placed.mean_ms is None):
        return placed
    matching = [
        candidate
        for candidate in every
        if candidate.mean_ms is not None and abs(candidate.mean_ms - mean_ms) <= 1e-5 * mean_ms
    ]
    return placed if placed in matching else next(iter(matching), None)


def parameters(output_lines: list[tuple[str, str]]) -> dict[str, str]:
    """Return the options that a tool prints, such as "Num threads" -> "4"."""
    matches = [match for _, text in output_lines if (match := PARAMETER.fullmatch(text))]
    return {match[1]: match[2] for match in matches[:PARAMETERS_AT_MOST]}


def _wording(output_lines: list[tuple[str, str]], runs: Stats | None) -> str | None:
    """Return the signs of the tool's age in its wording."""
    texts = [text for _, text in output_lines]
    signs = {
        "the timings of 2019": any(_TIMINGS_2019.search(text) for text in texts),
        "no severities, as in 2020": bool(texts) and not any(severity for severity, _ in output_lines),
        "no percentiles": runs is not None and runs.count > 0 and runs.median_ms is None,
        "subgraphs with names, as since July 2026": any(
            re.search(r"Replacing .* for subgraph \d+ \(", text) for text in texts
        ),
    }
    return ", ".join(sign for sign, present in signs.items() if present) or None


def parse_evaluation(stdout: str, stderr: str = "", exit_code: int = 0, delegate: str = "cpu") -> EvaluationResult:
    """Parse the output of imagenet_image_classification's run_eval; `delegate` as for `benchmark`."""
    return parse_evaluation_lines(split_lines(stdout, stderr), exit_code, delegate)


def parse_evaluation_lines(
    output_lines: list[tuple[str, str]], exit_code: int = 0, delegate: str = "cpu"
) -> EvaluationResult:
    """Parse one run of run_eval from the lines it printed."""
    images = _evaluated(output_lines)
    latencies = _latencies(output_lines)
    accuracies: dict[int, float | None] = {}
    for _, text in output_lines:
        if match := _TOP.match(text):
            accuracies[int(match[1])] = parse_number(match[2])
    top = [accuracies[k] for k in range(1, TOP_AT_MOST + 1) if k in accuracies]
    valid = [value for value in top if value is not None and 0 <= value <= 1]
    mean_ms, sd_ms = latencies.get("Inference", (None, None))
    fault = failure(bool(top and images), output_lines, exit_code, "run_eval", "accuracy")
    if not fault and (len(valid) < len(top) or sorted(valid) != valid or 1 not in accuracies):
        printed = ", ".join(f"top-{k} {value}" for k, value in sorted(accuracies.items()))
        fault = f"run_eval printed impossible accuracies ({printed})"
    return EvaluationResult(
        images=images,
        top=() if fault else tuple(valid),
        mean_ms=mean_ms,
        sd_ms=sd_ms,
        preprocess_ms=latencies.get("Preprocessing", (None, None))[0],
        replaced=tuple(delegates.find_replacements(output_lines)),
        delegation=delegates.delegation(output_lines, delegate),
        failure=fault,
    )


def parse_difference(stdout: str, stderr: str = "", exit_code: int = 0) -> Difference:
    """Parse the output of inference_diff's run_eval."""
    printed = split_lines(stdout, stderr)
    latencies = _latencies(printed)
    errors = [
        (parse_number(match[2]), parse_number(match[3])) for _, text in printed if (match := _DIFFERENCE.match(text))
    ]
    return Difference(
        runs=_evaluated(printed),
        reference_ms=latencies.get("Reference run", (None, None))[0],
        test_ms=latencies.get("Test run", (None, None))[0],
        errors=tuple(errors),
        failure=failure(bool(errors), printed, exit_code, "inference_diff", "difference"),
    )


def _evaluated(output_lines: list[tuple[str, str]]) -> int | None:
    return next((parse_integer(match[1]) for _, text in output_lines if (match := _EVALUATED.match(text))), None)


def _latencies(output_lines: list[tuple[str, str]]) -> dict[str, tuple[float | None, float | None]]:
    """Return mean and standard deviation in ms, by what was timed."""
    matches = [match for _, text in output_lines if (match := _LATENCY.match(text))]
    return {match[1]: (parse_milliseconds(match[2]), parse_milliseconds(match[3])) for match in matches}


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

_READ = (*PATTERNS, *benchmark_output.LITERT_PATTERNS, *benchmark_output.SPEED_PATTERNS)


def unknown_lines(output_lines: list[tuple[str, str]]) -> list[str]:
    """Return the lines that no reader uses, except empty ones and those known to carry no information."""
    _, table_lines = read_operator_table(output_lines)
    return [
        text
        for index, (_, text) in enumerate(output_lines)
        if text and index not in table_lines and not _FENCE.match(text) and not _understood(text)
    ]


def _understood(text: str) -> bool:
    if text.startswith("count="):
        line_stats = parse_stats(text)
        return line_stats is not None and (line_stats.count == 0 or line_stats.mean_ms is not None)
    if _PLAIN.match(text) or _COMMAND.search(text) or PARAMETER.fullmatch(text):
        return True
    return delegates.mentions_delegate(text) or any(pattern.search(text) for pattern in _READ)
