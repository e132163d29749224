"""Import outputs of command-line tools: benchmark_model, with the accuracy of run_eval, and the times of other tools.

None of these tools prints which network a model file holds, and only benchmark_model prints what it was asked for.
Times are of inference alone.
"""

from __future__ import annotations

import posixpath
import statistics
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from runner.errors import LogError
from runner.importers import sections
from runner.importers.formats import UNKNOWN
from runner.importers.imported_runs import (
    MS_AT_MOST,
    Datasets,
    DeviceFacts,
    ImportSession,
    LogPart,
    event_lines,
    understood,
)
from runner.importers.input_files import LINE_AT_MOST, LabelOverrides, LogSource, of_file
from runner.tools import benchmark_output, tflite_output, tool_attempt
from runner.tools.delegates import Delegation
from runner.tools.text import TEXT_AT_MOST, parse_integer, quotable
from runner.tools.text import split_lines as tool_lines
from runner.tools.tflite_output import Benchmark, EvaluationResult, Operator, Stats
from runner.tools.tool_attempt import Accuracy, AttemptFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiot_suite.suite import Instance
    from runner.importers.sections import Section

RANDOM = "random input"
"""The input on which benchmark_model and similar tools run a model."""

_FRAMEWORKS = {"speed_benchmark_torch": "pytorch", "caffe2_benchmark": "caffe2"}  # all others: tflite


@dataclass(frozen=True)
class Output:
    """One run of a tool, with its instance: either its times or its evaluation."""

    source: LogSource
    instance: Instance
    threads: int | None
    benchmark: Benchmark | None = None
    evaluation: EvaluationResult | None = None
    runs_asked: int | None = None
    accelerator: str | None = None
    operators: tuple[Operator, ...] = ()
    graph: str | None = None  # the model file, if the output names one whose name does not identify the network
    also: tuple[LogSource, ...] = ()  # further files of the same run


@dataclass(frozen=True)
class Read:
    """The runs in a file, and notes on them for the user."""

    outputs: list[Output]
    notes: list[str]


def outputs(source: LogSource, text: str, overrides: LabelOverrides) -> Read:
    """Read the runs in a file.

    Raises:
        LogError: Required facts are stated neither in the file nor by the user, or there is no usable number.
    """
    output_lines = tool_lines(text)
    runs = sections.split(output_lines, source.format)
    several = len(runs) > 1
    names = [
        f"Run {run_number} in {source.path}" if several else str(source.path) for run_number in range(1, len(runs) + 1)
    ]
    usable = [_has_number(run, source.format) for run in runs]
    parsed, notes = [], []
    for name, run, is_usable in zip(names, runs, usable, strict=True):
        # next to usable runs, a run that breaks off counts as a result too
        output, run_notes = _output(
            source, name, run, overrides, strict=not several or not (any(usable) and not is_usable)
        )
        parsed.append(output)
        notes += run_notes
    if several:
        notes.insert(0, f"{source.path} contains {len(runs)} runs{_without_model(runs, overrides)}")
    return Read(parsed, [*notes, _lines_understood(source, text, output_lines)])


def _without_model(runs: Sequence[Section], overrides: LabelOverrides) -> str:
    """Return a note on the runs that do not name a model file, for which --model is used."""
    unnamed = sum(_graph(run, _parameters(run)) is None for run in runs)
    return (
        f", of which {unnamed} do not name a model file; --model is used for them"
        if unnamed and overrides.model
        else ""
    )


def _parameters(run: Section) -> dict[str, str]:
    """Return the parameters that a run lists in its header, by lower-case name."""
    return {key.lower(): value for key, value in tflite_output.parameters(run.lines).items()}


def _lines_understood(source: LogSource, text: str, output_lines: list[tuple[str, str]]) -> str:
    """Return a sentence on how many lines of a file were understood."""
    long_lines = [line for line in text.splitlines() if len(line) > LINE_AT_MOST]
    others = [*tflite_output.unknown_lines(output_lines), *long_lines]
    summary = understood(
        source.path, sum(bool(line) for _, line in output_lines) + len(long_lines) - len(others), others
    )
    unread = len(text) - TEXT_AT_MOST
    return f"{summary}; {unread} characters in its middle were not read" if unread > 0 else summary


def models_of_one_name(outputs: Sequence[Output], overrides: LabelOverrides) -> dict[LogSource, LogError]:
    """Return an error for each file if its runs are of different model files, but --model names only one network."""
    named_by_option = [run for run in outputs if run.graph is not None and overrides.model is not None]
    graphs: list[str] = []
    for run in named_by_option:
        if run.graph is not None and not any(_same_file(run.graph, graph) for graph in graphs):
            graphs.append(run.graph)
    if len(graphs) < 2:
        return {}
    files = f"{', '.join(map(quotable, graphs[:-1]))} and {quotable(graphs[-1])}"
    return {
        run.source: LogError(
            f"{run.source.path} belongs to runs of {files}, but --model names only one network: import the "
            "runs of each model file separately."
        )
        for run in named_by_option
    }


def _same_file(first: str, second: str) -> bool:
    first, second = (posixpath.normpath(path.replace("\\", "/")) for path in (first, second))
    return first == second or first.endswith(f"/{second}") or second.endswith(f"/{first}")


def pairs(outputs: list[Output]) -> list[tuple[Output | None, Output | None]]:
    """Return the times of each instance together with the accuracy of the same instance, if there is one."""
    evaluated = [output for output in outputs if output.evaluation is not None]
    matched: list[tuple[Output | None, Output | None]] = []
    for output in outputs:
        if output.evaluation is None:
            accuracy = next((candidate for candidate in evaluated if candidate.instance == output.instance), None)
            if accuracy is not None:
                evaluated.remove(accuracy)
            matched.append((output, accuracy))
    return [*matched, *((None, output) for output in evaluated)]


def _has_number(run: Section, tool: str) -> bool:
    if tool == "run_eval":
        return tflite_output.parse_evaluation_lines(run.lines).failure is None
    return bool(_read(run, tool, UNKNOWN)[0].mean_ms)


def _output(
    source: LogSource, name: str, run: Section, overrides: LabelOverrides, strict: bool
) -> tuple[Output, list[str]]:
    """Read one run. Unless `strict`, a missing number counts as a result instead of an error."""
    parameters = _parameters(run)
    graph = _graph(run, parameters)
    from_name = of_file(graph or "")
    delegate, notes = sections.delegate_of(name, run, parameters, source.format, overrides)
    instance = overrides.instance(
        name, {"framework": _FRAMEWORKS.get(source.format, "tflite"), **from_name, "delegate": delegate}
    )
    output = Output(
        source,
        instance,
        _threads(name, parse_integer(parameters.get("num threads") or run.flags.get("num_threads")), overrides),
        runs_asked=_runs_asked(run, parameters),
        accelerator=parameters.get("nnapi accelerator name") or run.flags.get("nnapi_accelerator_name") or None,
        graph=graph if "model" not in from_name else None,
    )
    context = (instance.delegate, run, parameters, source.format)
    if source.format == "run_eval":
        evaluation = tflite_output.parse_evaluation_lines(run.lines, delegate=instance.delegate)
        _usable(name, evaluation.failure, [])
        delegation = sections.proven_delegation(evaluation.delegation, *context)
        return replace(output, evaluation=replace(evaluation, delegation=delegation)), notes
    benchmark, table = _read(run, source.format, instance.delegate)
    _usable(name, benchmark.failure, run.lines, benchmark, strict)
    delegation = sections.proven_delegation(benchmark.delegation, *context)
    return replace(output, benchmark=replace(benchmark, delegation=delegation), operators=table), notes


def _read(run: Section, tool: str, delegate: str) -> tuple[Benchmark, tuple[Operator, ...]]:
    """Return the times that a tool printed, and its table of operators."""
    if tool not in _FRAMEWORKS:
        return tflite_output.parse_benchmark_lines(run.lines, delegate=delegate), tuple(
            tflite_output.read_operator_table(run.lines)[0]
        )
    speed = benchmark_output.read_speed_lines(run.lines)
    benchmark = _benchmark(speed.mean_ms, _stats(speed.latencies_ms) if speed.latencies_ms else None, None)
    table = [Operator("runs", 0, name, kind, None, mean_ms, None, None) for name, kind, mean_ms in speed.operators]
    return replace(benchmark, delegation=Delegation("unknown"), failure=speed.failure), tuple(table)


def _graph(run: Section, parameters: Mapping[str, str]) -> str | None:
    """Return the model file that a run names in its header or on its command line."""
    named = parameters.get("graph") or next(
        (run.flags[flag] for flag in ("graph", "model_file", "model", "net") if flag in run.flags), None
    )
    for _, text in run.lines if not named else []:
        for prefix in ("Loaded model ", "Loading model from: "):
            named = named or (text.removeprefix(prefix) if text.startswith(prefix) else None)
    return named if named and "$" not in named else None


def _runs_asked(run: Section, parameters: Mapping[str, str]) -> int | None:
    return parse_integer(parameters.get("min num runs") or parameters.get("num runs") or run.flags.get("num_runs"))


def _threads(name: object, logged: int | None, overrides: LabelOverrides) -> int | None:
    if None not in (logged, overrides.threads) and logged != overrides.threads:
        raise LogError(f"{name} used {logged} threads, but --threads says {overrides.threads}: omit the option.")
    return logged or overrides.threads


def _usable(
    name: object,
    failure: str | None,
    output_lines: list[tuple[str, str]],
    benchmark: Benchmark | None = None,
    strict: bool = True,
) -> None:
    """Raise LogError if an output has no usable time, unless the tool itself reported a failure, which is a result."""
    gave_up = any(severity in ("ERROR", "FATAL") for severity, _ in output_lines)
    if failure and not gave_up and strict:
        raise LogError(f"{name}: {failure}.")
    if benchmark is None or failure:
        return
    if not benchmark.mean_ms:
        raise LogError(f"{name} has a mean run time of {benchmark.mean_ms} ms, which is not usable: run it again.")
    longest = max(benchmark.mean_ms * (benchmark.runs.count if benchmark.runs else 1), benchmark.init_ms or 0)
    if longest > MS_AT_MOST:
        raise LogError(f"{name} has a run or load time of {longest:g} ms, which is not possible: copy it again.")


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
    """Return the times of another tool in the form of benchmark_model's."""
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


def make_session(
    timed: Output | None, evaluated: Output | None, overrides: LabelOverrides, datasets: Datasets
) -> ImportSession:
    """Return the session of one pair of runs.

    Raises:
        LogError: There is an accuracy, but no name for the images.
    """
    present = [output for output in (timed, evaluated) if output is not None]
    first = present[0]
    evaluation = evaluated.evaluation if evaluated else None
    images = evaluation.images or 0 if evaluation else 0
    if evaluated is not None and overrides.dataset is None:
        raise LogError(f"{evaluated.source.path} does not state which images were used: name them with --dataset.")
    used = datasets(overrides.dataset or RANDOM, images, None) if evaluation else datasets(RANDOM, 0, None)
    started = min(output.source.modified for output in present)
    part = _part(timed, evaluated, f"{started:%Y-%m-%dT%H:%M:%SZ}")
    return ImportSession(
        sources=tuple({file.sha256: file for output in present for file in (output.source, *output.also)}.values()),
        parts=(part,),
        device=DeviceFacts(),
        profile={"name": first.source.format},
        timing="inference",
        threads=first.threads,
        dataset=used,
        started=started,
        started_from="time of the file",
        ended=max(output.source.modified for output in present),
    )


def _part(timed: Output | None, evaluated: Output | None, at: str) -> LogPart:
    """Return the attempt of a pair of runs.

    If there is only a run of run_eval, the times are those that it took during the evaluation.
    """
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
        _usable(first.source.path, None, [], benchmark)
    context = AttemptFacts(
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
        return LogPart(
            first.instance, None, b"", tool_attempt.ending_without_time(context, benchmark, benchmark.failure)
        )
    accuracy = Accuracy(evaluation) if evaluation else None
    summary = tool_attempt.summary_fields(context, benchmark, accuracy, "there is no output of run_eval with it")
    summary |= {
        "model_mb": benchmark.model_mb,
        "operators": [asdict(operator) for operator in first.operators],
        "parameters": benchmark.parameters,
    }
    images = evaluation.images or 0 if evaluation else 0
    ending = {
        "images": images,
        "failed_images": 0,
        "correct": round(evaluation.top[0] * images) if evaluation else 0,
        "loop_ns": round((benchmark.mean_ms or 0) * 1e6 * (benchmark.runs.count if benchmark.runs else 1)),
        "peak_rss_kb": tool_attempt.peak_rss_kb(benchmark),
    }
    return LogPart(
        first.instance,
        tool_attempt.load_fields(context, benchmark),
        event_lines([("summary", summary)]),
        ("end", ending),
    )
