"""What command-line tools printed: benchmark_model, with the accuracy of run_eval beside it, and other tools' times.

None of them prints which network a model file holds, and only benchmark_model says what it was asked for. Times are of
inference alone.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

from runner.errors import LogError
from runner.importers.given import DELEGATES, Given, of_file
from runner.importers.parts import MS_AT_MOST, Datasets, DeviceFacts, Part, Sitting, lines
from runner.importers.source import Source
from runner.native import delegates, events, litert, operators, pytorch, reading
from runner.native.events import Accuracy, Known
from runner.native.reading import Benchmark, Evaluation, Stats
from runner.native.text import lines as tool_lines
from runner.native.text import whole
from runner.suite import Instance

RUNS_AT_MOST = 1000
"""Outputs in one file."""

RANDOM = "random input"
"""What benchmark_model and its like run a model on."""

_STARTING = re.compile(r"^(?:INFO: )?STARTING!", re.MULTILINE)
_FRAMEWORKS = {"speed_benchmark_torch": "pytorch", "caffe2_benchmark": "caffe2"}  # of the others: tflite


@dataclass(frozen=True)
class Output:
    """One run of a tool, by the instance that it is of: its times, or its evaluation."""

    source: Source
    instance: Instance
    threads: int | None
    benchmark: Benchmark | None = None
    evaluation: Evaluation | None = None
    runs_asked: int | None = None
    accelerator: str | None = None
    operators: tuple[operators.Operator, ...] = ()


def outputs(source: Source, text: str, given: Given) -> list[Output]:
    """The runs in a file; raises LogError for what nobody says, and where there is no number that can be used."""
    if source.format == "run_eval":
        return [_evaluated(source, text, given)]
    if source.format == "benchmark_model":
        sections = _sections(text)
        named = [
            source.path if len(sections) == 1 else f"Run {n} in {source.path}" for n in range(1, len(sections) + 1)
        ]
        return [_timed(source, name, section, given) for name, section in zip(named, sections, strict=True)]
    return [_other(source, text, given)]


def pairs(found: list[Output]) -> list[tuple[Output | None, Output | None]]:
    """The times of each instance, beside the accuracy of the same instance if there is one."""
    evaluated = [one for one in found if one.evaluation is not None]
    made: list[tuple[Output | None, Output | None]] = []
    for one in found:
        if one.evaluation is None:
            accuracy = next((other for other in evaluated if other.instance == one.instance), None)
            if accuracy is not None:
                evaluated.remove(accuracy)
            made.append((one, accuracy))
    return [*made, *((None, one) for one in evaluated)]


def _sections(text: str) -> list[str]:
    """The text of each run: a loop over models appends one to the other."""
    begins = [match.start() for match in _STARTING.finditer(text)][:RUNS_AT_MOST]
    return [text[begin:end] for begin, end in pairwise([0, *begins[1:], len(text)])]


def _timed(source: Source, name: object, text: str, given: Given) -> Output:
    first = reading.benchmark(text)
    parameters = first.parameters
    told = {"framework": "tflite", **of_file(parameters.get("Graph", "")), "delegate": _delegate(text, parameters)}
    instance = given.instance(name, told)
    benchmark = reading.benchmark(text, delegate=instance.delegate)
    _usable(name, benchmark.failure, text, benchmark)
    return Output(
        source,
        instance,
        _threads(name, parameters, given),
        benchmark,
        runs_asked=whole(parameters.get("Min num runs")),
        accelerator=parameters.get("NNAPI accelerator name") or None,
        operators=tuple(operators.operators(text)),
    )


def _delegate(text: str, parameters: Mapping[str, str]) -> str | None:
    """What benchmark_model was asked to run a model on; None if the output does not begin with what it was asked."""
    for name in DELEGATES[1:]:
        asked = parameters.get(f"Use {name.upper()}") or parameters.get(f"Use {name}")
        if asked in ("1", "true"):
            return name
    found = tool_lines(text)
    for name in DELEGATES[1:]:
        if delegates.delegation(found, name).applied not in ("none", "unknown"):
            return name
    return "cpu" if "Graph" in parameters else None


def _threads(name: object, parameters: Mapping[str, str], given: Given) -> int | None:
    told = whole(parameters.get("Num threads"))
    if None not in (told, given.threads) and told != given.threads:
        raise LogError(f"{name} is of {told} threads, and --threads says {given.threads}: leave the option out.")
    return told or given.threads


def _usable(name: object, failure: str | None, text: str, benchmark: Benchmark | None = None) -> None:
    """Raises LogError for an output without a time, unless the tool itself says that it failed: that is a result."""
    gave_up = any(severity in ("ERROR", "FATAL") for severity, _ in tool_lines(text))
    if failure and not gave_up:
        raise LogError(f"{name}: {failure}.")
    if benchmark is None or failure:
        return
    if not benchmark.mean_ms:
        raise LogError(f"{name} has {benchmark.mean_ms} ms as the mean time of a run, which is none: run it again.")
    longest = max(benchmark.mean_ms * (benchmark.runs.count if benchmark.runs else 1), benchmark.init_ms or 0)
    if longest > MS_AT_MOST:
        raise LogError(f"{name} has runs or a load of {longest:g} ms, which cannot be: copy it again.")


def _evaluated(source: Source, text: str, given: Given) -> Output:
    first = reading.evaluation(text)
    _usable(source.path, first.failure, "")
    seen = [name for name in DELEGATES[1:] if any(name in one.delegate.lower() for one in first.replaced)]
    instance = given.instance(source.path, {"framework": "tflite", "delegate": seen[0] if seen else None})
    evaluation = reading.evaluation(text, delegate=instance.delegate)
    return Output(source, instance, given.threads, evaluation=evaluation)


def _other(source: Source, text: str, given: Given) -> Output:
    instance = given.instance(source.path, {"framework": _FRAMEWORKS.get(source.format, "tflite")})
    if source.format == "benchmark_litert_model":
        said = litert.result(text)
        failure = said.failure
        names = ("mean_ms", "sd_ms", "min_ms", "max_ms", "p5_ms", "median_ms", "p95_ms")
        times = {name: said.times_ms[name] for name in names if name in said.times_ms}
        runs = Stats(said.count, **times) if said.count else None
        benchmark = _benchmark(said.times_ms.get("mean_ms"), runs, said.times_ms.get("init_ms"))
    else:
        speed = pytorch.speed(text)
        failure = speed.failure
        runs = _stats(speed.latencies_ms) if speed.latencies_ms else None
        benchmark = _benchmark(speed.mean_ms, runs, None)
    _usable(source.path, failure, "", benchmark)
    return Output(source, instance, given.threads, benchmark)


def _stats(latencies_ms: tuple[float, ...]) -> Stats:
    return Stats(
        len(latencies_ms),
        mean_ms=statistics.fmean(latencies_ms),
        sd_ms=statistics.pstdev(latencies_ms),
        min_ms=min(latencies_ms),
        max_ms=max(latencies_ms),
        first_ms=latencies_ms[0],
        median_ms=statistics.median(latencies_ms),
    )


def _benchmark(mean_ms: float | None, runs: Stats | None, init_ms: float | None) -> Benchmark:
    """Another tool's times, as if benchmark_model had printed them."""
    return Benchmark(
        runs=runs,
        warmup=None,
        mean_ms=mean_ms,
        init_ms=init_ms,
        model_mb=None,
        init_memory_mb=None,
        overall_memory_mb=None,
        peak_memory_mb=None,
    )


def sitting(timed: Output | None, evaluated: Output | None, given: Given, datasets: Datasets) -> Sitting:
    """The sitting of one pair; raises LogError where the images of an accuracy are not named."""
    both = [one for one in (timed, evaluated) if one is not None]
    first = both[0]
    evaluation = evaluated.evaluation if evaluated else None
    images = evaluation.images or 0 if evaluation else 0
    if evaluated is not None and given.dataset is None:
        raise LogError(
            f"{evaluated.source.path} does not tell which images were shown: give --dataset with a name for them."
        )
    used = datasets(given.dataset or RANDOM, images, None) if evaluation else datasets(RANDOM, 0, None)
    began = min(one.source.modified for one in both)
    part = _part(timed, evaluated, f"{began:%Y-%m-%dT%H:%M:%SZ}")
    return Sitting(
        sources=tuple({one.source.sha256: one.source for one in both}.values()),
        parts=(part,),
        device=DeviceFacts(),
        profile={"name": first.source.format},
        timing="inference",
        threads=first.threads,
        dataset=used,
        started=began,
        started_from="time of the file",
        ended=max(one.source.modified for one in both),
    )


def _part(timed: Output | None, evaluated: Output | None, at: str) -> Part:
    """The attempt: of run_eval alone, the times are those it took while it showed the images."""
    first = timed or evaluated
    assert first is not None
    evaluation = evaluated.evaluation if evaluated else None
    benchmark = timed.benchmark if timed else None
    if benchmark is None:
        assert evaluation is not None
        runs = Stats(evaluation.images or 0, mean_ms=evaluation.mean_ms, sd_ms=evaluation.sd_ms)
        benchmark = replace(
            _benchmark(evaluation.mean_ms, runs, None), replaced=evaluation.replaced, delegation=evaluation.delegation
        )
        _usable(first.source.path, None, "", benchmark)
    known = Known(
        instance=first.instance.id,
        attempt=1,
        delegate=first.instance.delegate,
        at=at,
        tool=first.source.format,
        threads=first.threads,
        accelerator=first.accelerator,
        runs_asked=first.runs_asked,
    )
    if benchmark.failure:
        return Part(first.instance, None, b"", events.without_time(known, benchmark, benchmark.failure))
    accuracy = Accuracy(evaluation) if evaluation else None
    summary = events.summary(known, benchmark, accuracy, "there is no output of run_eval beside it")
    summary |= {"model_mb": benchmark.model_mb, "operators": [asdict(one) for one in first.operators]}
    images = evaluation.images or 0 if evaluation else 0
    ending = {
        "images": images,
        "failed_images": 0,
        "correct": round(evaluation.top[0] * images) if evaluation else 0,
        "loop_ns": round((benchmark.mean_ms or 0) * 1e6 * (benchmark.runs.count if benchmark.runs else 1)),
        "peak_rss_kb": events.peak_rss_kb(benchmark),
    }
    return Part(first.instance, events.load(known, benchmark), lines([("summary", summary)]), ("end", ending))
