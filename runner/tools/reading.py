"""Parsing the output of TFLite's benchmark_model, run_eval and inference_diff.

The line formats are those of the tools' sources (tflite/tools/benchmark and tflite/tools/evaluation in LiteRT,
tensorflow/lite/tools before 2025), in all wordings since 2019. The functions never raise: a problem is one sentence in
`failure`, and what a tool does not print is None.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from runner.tools import delegates, litert
from runner.tools.delegates import Delegation, Replaced
from runner.tools.text import NUMBER, failure, lines, milliseconds, number, whole

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
"""Patterns of the lines whose numbers are read here, except those parsed by `stats`."""


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
    wording: str | None = None  # what the wording tells about the age of the tool
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


def stats(line: str) -> Stats | None:
    """Parse a text that begins with "count=", else return None. Zeros after a count of 0 are not times."""
    match = _COUNT.match(line)
    count = whole(match[1]) if match else None
    if count is None:
        return None
    if count == 0:
        return Stats(0)
    values = {name: milliseconds(text) for name, text in _VALUE.findall(line)}
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


def benchmark(stdout: str, stderr: str = "", exit_code: int = 0, delegate: str = "cpu") -> Benchmark:
    """Parse the output of benchmark_model, LiteRT's included. `delegate` is what was requested: "cpu", "nnapi", ..."""
    return benchmark_of(lines(stdout, stderr), exit_code, delegate)


def benchmark_of(found: list[tuple[str, str]], exit_code: int = 0, delegate: str = "cpu") -> Benchmark:
    """Parse one run of benchmark_model from the lines it printed.

    LiteRT's tool prints a block of results with two decimals, mostly below TFLite's lines. Values in both are taken
    from TFLite's lines, which have more digits.
    """
    init_ms = mean_ms = warmup_ms = None
    memory: dict[str, float | None] = {}
    for _, text in found:
        if match := _TIMINGS.search(text):
            init_ms, warmup_ms, mean_ms = (milliseconds(match[number]) for number in (1, 3, 4))
        elif match := _TIMINGS_2019.search(text):
            init_ms, warmup_ms, mean_ms = (milliseconds(match[number]) for number in (2, 1, 3))
        elif (match := _INITIALIZED.search(text)) and init_ms is None:
            init_ms = number(match[1])
        elif match := _FOOTPRINT.search(text) or _FOOTPRINT_2020.search(text):
            memory["init_memory_mb"], memory["overall_memory_mb"] = number(match[1]), number(match[2])
        elif match := _PEAK.search(text):
            memory["peak_memory_mb"] = number(match[1])
        elif match := _MODEL_SIZE.search(text):
            memory["model_mb"] = number(match[1])
    warmup, runs = _phases(found, warmup_ms, mean_ms)
    if runs is not None:
        mean_ms = runs.mean_ms if runs.mean_ms is not None else mean_ms if runs.count else None
    block = litert.read_litert_lines(found)
    times = block.times_ms
    if runs is None and block.count is not None:
        runs = Stats(block.count, **{name: times[name] for name in _BLOCK_TIMES if name in times})
    if warmup is None and block.warmups is not None:
        warmup = Stats(block.warmups, mean_ms=times.get("warmup_ms"), first_ms=times.get("first_ms"))
    replaced = delegates.find_replacements(found)
    parsed = Benchmark(
        runs=runs,
        warmup=warmup,
        mean_ms=mean_ms if mean_ms is not None else times.get("mean_ms"),
        init_ms=init_ms if init_ms is not None else times.get("init_ms"),
        parameters=parameters(found),
        accelerators=delegates.accelerators(found),
        replaced=tuple(replaced),
        delegation=delegates.delegation(found, delegate),
        wording=_wording(found, runs),
        model_mb=memory.get("model_mb"),
        init_memory_mb=memory.get("init_memory_mb", block.memory_mb.get("init")),
        overall_memory_mb=memory.get("overall_memory_mb", block.memory_mb.get("overall")),
        peak_memory_mb=memory.get("peak_memory_mb", block.memory_mb.get("peak")),
    )
    return replace(parsed, failure=failure(parsed.mean_ms is not None, found, exit_code, "benchmark_model", "time"))


def _phases(
    found: list[tuple[str, str]], warmup_ms: float | None, mean_ms: float | None
) -> tuple[Stats | None, Stats | None]:
    """Return the "count=" lines of the warm-up and of the runs.

    They follow the first and the second announcement. In a part of a log without announcements, the last such line is
    that of the runs, and the one before is that of the warm-up. If there is a line of timings, its means decide.
    """
    announcements = 0
    stats_after: dict[int, Stats] = {}
    all_stats: list[Stats] = []
    for _, text in found:
        if _ANNOUNCED.match(text):
            announcements += 1
        elif (line_stats := stats(text)) is not None:
            stats_after[announcements] = line_stats
            all_stats.append(line_stats)
    warmup, runs = (stats_after.get(1), stats_after.get(2)) if announcements else ([None, None, *all_stats])[-2:]
    return _of_mean(warmup, warmup_ms, all_stats), _of_mean(runs, mean_ms, all_stats)


def _of_mean(placed: Stats | None, mean_ms: float | None, every: list[Stats]) -> Stats | None:
    """Return the line with a mean: the one at the expected place if it has that mean or no mean is known."""
    if mean_ms is None or (placed is not None and placed.mean_ms is None):
        return placed
    matching = [
        candidate
        for candidate in every
        if candidate.mean_ms is not None and abs(candidate.mean_ms - mean_ms) <= 1e-5 * mean_ms
    ]
    return placed if placed in matching else next(iter(matching), None)


def parameters(found: list[tuple[str, str]]) -> dict[str, str]:
    """Return the options that a tool prints, such as "Num threads" -> "4"."""
    matches = [match for _, text in found if (match := PARAMETER.fullmatch(text))]
    return {match[1]: match[2] for match in matches[:PARAMETERS_AT_MOST]}


def _wording(found: list[tuple[str, str]], runs: Stats | None) -> str | None:
    """Return what the wording tells about the age of the tool."""
    texts = [text for _, text in found]
    signs = {
        "the timings of 2019": any(_TIMINGS_2019.search(text) for text in texts),
        "no severities, as in 2020": bool(texts) and not any(severity for severity, _ in found),
        "no percentiles": runs is not None and runs.count > 0 and runs.median_ms is None,
        "subgraphs with names, as since July 2026": any(
            re.search(r"Replacing .* for subgraph \d+ \(", text) for text in texts
        ),
    }
    return ", ".join(sign for sign, present in signs.items() if present) or None


def evaluation(stdout: str, stderr: str = "", exit_code: int = 0, delegate: str = "cpu") -> EvaluationResult:
    """Parse the output of imagenet_image_classification's run_eval; `delegate` as for `benchmark`."""
    return evaluation_of(lines(stdout, stderr), exit_code, delegate)


def evaluation_of(found: list[tuple[str, str]], exit_code: int = 0, delegate: str = "cpu") -> EvaluationResult:
    """Parse one run of run_eval from the lines it printed."""
    images = _evaluated(found)
    latencies = _latencies(found)
    accuracies: dict[int, float | None] = {}
    for _, text in found:
        if match := _TOP.match(text):
            accuracies[int(match[1])] = number(match[2])
    top = [accuracies[k] for k in range(1, TOP_AT_MOST + 1) if k in accuracies]
    valid = [value for value in top if value is not None and 0 <= value <= 1]
    mean_ms, sd_ms = latencies.get("Inference", (None, None))
    fault = failure(bool(top and images), found, exit_code, "run_eval", "accuracy")
    if not fault and (len(valid) < len(top) or sorted(valid) != valid or 1 not in accuracies):
        printed = ", ".join(f"top-{k} {value}" for k, value in sorted(accuracies.items()))
        fault = f"run_eval printed impossible accuracies ({printed})"
    return EvaluationResult(
        images=images,
        top=() if fault else tuple(valid),
        mean_ms=mean_ms,
        sd_ms=sd_ms,
        preprocess_ms=latencies.get("Preprocessing", (None, None))[0],
        replaced=tuple(delegates.find_replacements(found)),
        delegation=delegates.delegation(found, delegate),
        failure=fault,
    )


def difference(stdout: str, stderr: str = "", exit_code: int = 0) -> Difference:
    """Parse the output of inference_diff's run_eval."""
    printed = lines(stdout, stderr)
    latencies = _latencies(printed)
    errors = [(number(match[2]), number(match[3])) for _, text in printed if (match := _DIFFERENCE.match(text))]
    return Difference(
        runs=_evaluated(printed),
        reference_ms=latencies.get("Reference run", (None, None))[0],
        test_ms=latencies.get("Test run", (None, None))[0],
        errors=tuple(errors),
        failure=failure(bool(errors), printed, exit_code, "inference_diff", "difference"),
    )


def _evaluated(found: list[tuple[str, str]]) -> int | None:
    return next((whole(match[1]) for _, text in found if (match := _EVALUATED.match(text))), None)


def _latencies(found: list[tuple[str, str]]) -> dict[str, tuple[float | None, float | None]]:
    """Return mean and standard deviation in ms, by what was timed."""
    matches = [match for _, text in found if (match := _LATENCY.match(text))]
    return {match[1]: (milliseconds(match[2]), milliseconds(match[3])) for match in matches}
