"""One attempt at an instance by TFLite's own tools, and the events of the raw log for their output."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aiot_suite.suite import TIMEOUT_S
from runner import rawlog
from runner.tools import programs, tflite_output
from runner.tools.delegates import Delegation
from runner.tools.text import limit_length

if TYPE_CHECKING:
    from pathlib import Path

    from runner.tools.programs import Repeats, ToolOptions
    from runner.tools.tflite_output import Benchmark, EvaluationResult

Event = tuple[str, dict[str, Any]]
"""Name and fields of an event."""


@dataclass(frozen=True)
class AttemptFacts:
    """Facts about an attempt that its tools do not print. A field is None if it is unknown."""

    instance: str
    attempt: int
    delegate: str  # requested delegate
    at: str  # ISO 8601, UTC
    tool: str = "benchmark_model"
    version: str | None = None  # version of the tool: see runner.tools.programs
    model_sha256: str | None = None
    threads: int | None = None
    accelerator: str | None = None  # requested accelerator of NNAPI
    runs_asked: int | None = None


@dataclass(frozen=True)
class Accuracy:
    """An evaluation, with facts that its tool does not print."""

    evaluation: EvaluationResult
    version: str | None = None
    model_sha256: str | None = None


def load_fields(facts: AttemptFacts, benchmark: Benchmark) -> dict[str, Any]:
    """Return the fields of the event `load`. The accelerator that ran is that of the tool that measured the time."""
    delegation = benchmark.delegation or Delegation("none")
    delegated = facts.delegate not in ("cpu", "unknown")
    return {
        "instance": facts.instance,
        "attempt": facts.attempt,
        "load_ns": None if benchmark.init_ms is None else round(benchmark.init_ms * 1e6),
        "framework_version": facts.version,
        "threads": facts.threads,
        "model_sha256": facts.model_sha256,
        "accelerator_requested": None if facts.delegate == "unknown" else facts.delegate,
        "accelerator_actual": delegation.accelerator(facts.delegate, facts.accelerator),
        "nodes_delegated": delegation.nodes if delegated else None,
        "partitions": delegation.partitions,
        "nodes": delegation.of,
        "delegate_kernels": delegation.kernels,
        "accelerator_name": facts.accelerator or delegation.name,
        "accelerators": list(benchmark.accelerators),
        "at": facts.at,
    }


def summary_fields(
    facts: AttemptFacts, benchmark: Benchmark, accuracy: Accuracy | None, missing: str | None
) -> dict[str, Any]:
    """Return the fields of the event `summary`; `missing` is the reason if there is no accuracy."""
    times = (
        {name: value for name, value in asdict(benchmark.runs).items() if name.endswith("_ms")}
        if benchmark.runs
        else {}
    )
    fields: dict[str, Any] = {
        "tool": facts.tool,
        "tool_version": facts.version,
        "wording": benchmark.wording,
        "timing": "inference",
        "count": benchmark.runs.count if benchmark.runs else None,
        "runs_asked": facts.runs_asked,
        **times,
        "mean_ms": benchmark.mean_ms,
        "warmups": benchmark.warmup.count if benchmark.warmup else None,
        "warmup_ms": benchmark.warmup.mean_ms if benchmark.warmup else None,
        "init_memory_mb": benchmark.init_memory_mb,
        "overall_memory_mb": benchmark.overall_memory_mb,
        "delegates": [asdict(entry) for entry in benchmark.replaced],
        "accuracy": None,
        "accuracy_missing": None if accuracy else missing,
    }
    if accuracy is None:
        return fields
    evaluation = accuracy.evaluation
    delegation = evaluation.delegation or Delegation("none")
    return {
        **fields,
        "accuracy": evaluation.top[0] if evaluation.top else None,
        "accuracy_missing": evaluation.failure,
        "accuracy_tool": accuracy.version,
        "accuracy_model_sha256": accuracy.model_sha256,
        "accuracy_accelerator": delegation.accelerator(facts.delegate, facts.accelerator),
        "accuracy_delegates": [asdict(entry) for entry in evaluation.replaced],
        "top": list(evaluation.top),
        "images": evaluation.images,
        "images_mean_ms": evaluation.mean_ms,
        "images_sd_ms": evaluation.sd_ms,
    }


def ending_without_time(facts: AttemptFacts, benchmark: Benchmark, fault: str) -> Event:
    """Return the final event of an attempt without a time.

    It is `unavailable` if the delegate refused the model, else `failed`.
    """
    if benchmark.delegation is None or benchmark.delegation.applied != "refused":
        return "failed", {"reason": fault}
    reason = f"{facts.delegate} refused the model: {fault}"
    return "unavailable", {"reason": reason, "remedy": _remedy(facts, benchmark)}


def _remedy(facts: AttemptFacts, benchmark: Benchmark) -> str:
    """Return what may help if a delegate refused a model."""
    alternatives = [name for name in benchmark.accelerators if name != facts.accelerator]
    if facts.delegate == "nnapi" and alternatives:
        return f"choose one of the accelerators that the device offers: {', '.join(alternatives)[:500]}"
    return "the device offers no other accelerator for this model: measure it on the CPU"


def peak_rss_kb(benchmark: Benchmark) -> int | None:
    """Return the peak resident memory in kB, or None if the tool does not report it."""
    peak_mb = benchmark.peak_memory_mb
    return round(peak_mb * 1024) if peak_mb is not None and peak_mb > 0 else None


Run = Callable[[list[str], float], tuple[int, str, str]]
"""Type of a function that runs words for at most so many seconds and returns exit code, stdout and stderr.

It raises TimeoutError if the time is exceeded.
"""

MEMORY_TIMEOUT_S = 300.0
"""Maximum time for the short run that measures the peak memory."""


@dataclass(frozen=True)
class Program:
    """Paths of a tool and a model file on the device, with their versions."""

    tool: str
    version: str  # version of the tool: see runner.tools.programs
    model: str
    model_sha256: str


@dataclass(frozen=True)
class EvaluationFiles:
    """Tool and files to measure accuracy with: paths on the device (see runner.tools.jobs)."""

    program: Program
    images: str
    labels: str
    ground_truth: str
    count: int  # number of images in the folder
    failed: int = 0  # images of the dataset that cannot be decoded and are missing in the folder; they count as wrong


@dataclass(frozen=True)
class ToolJob:
    """An attempt to be made."""

    instance: str
    attempt: int
    ask: ToolOptions
    repeats: Repeats
    benchmark: Program
    evaluation: EvaluationFiles | None
    no_evaluation: str = "run_eval was not provided"  # reason if there is no evaluation
    timeout_s: float = TIMEOUT_S  # time limit of each command

    def known(self) -> AttemptFacts:
        return AttemptFacts(
            instance=self.instance,
            attempt=self.attempt,
            delegate=self.ask.delegate,
            at=rawlog.utc_now(),
            version=self.benchmark.version,
            model_sha256=self.benchmark.model_sha256,
            threads=self.ask.threads,
            accelerator=self.ask.accelerator,
            runs_asked=self.repeats.runs,
        )

    def accuracy(self, evaluation: tflite_output.EvaluationResult | None) -> Accuracy | None:
        if evaluation is None or self.evaluation is None:
            return None
        return Accuracy(evaluation, self.evaluation.program.version, self.evaluation.program.model_sha256)


def run_job(job: ToolJob, run: Run, log: Path, outputs: Path) -> str:
    """Make an attempt, write its log and return its final event: end, failed or unavailable.

    The command lines and their output are stored as `<log's stem>.<step>.*` in the folder `outputs`. Any exception of
    `run` other than TimeoutError ends the attempt as failed and is raised again. Raises RawLogError if the log exists.
    """
    with rawlog.AttemptWriter(log) as writer:
        try:
            ending = _attempt(job, _Steps(job, run, outputs, log.stem), writer)
        except BaseException as error:
            writer.write("failed", reason=str(error) or f"it was interrupted ({type(error).__name__})")
            raise
    return ending


class _Steps:
    """Runs the commands of an attempt and stores their output."""

    def __init__(self, job: ToolJob, run: Run, outputs: Path, stem: str) -> None:
        self.took_s = 0.0
        self._run, self._outputs, self._stem, self._timeout_s = run, outputs, stem, job.timeout_s
        self._keep("job.json", json.dumps(asdict(job), indent=1))

    def __call__(self, step: str, words: list[str], timeout_s: float | None = None) -> tuple[int, str, str]:
        limit_s = timeout_s or self._timeout_s
        self._keep(f"{step}.words.json", json.dumps(words))
        started = time.monotonic()
        try:
            exit_code, stdout, stderr = self._run(words, limit_s)
        except TimeoutError:
            raise _TooSlow(f"{step} took longer than {limit_s:g} s") from None
        finally:
            self.took_s += time.monotonic() - started
        self._keep(f"{step}.stdout.txt", limit_length(stdout))
        self._keep(f"{step}.stderr.txt", limit_length(stderr))
        return exit_code, stdout, stderr

    def _keep(self, name: str, text: str) -> None:
        path = self._outputs / f"{self._stem}.{name}"
        path.write_text(text, encoding="utf-8", errors="replace", newline="")


class _TooSlow(Exception):
    """A command exceeded its time limit."""


def _attempt(job: ToolJob, steps: _Steps, log: rawlog.AttemptWriter) -> str:
    try:
        exit_code, stdout, stderr = steps("benchmark_model", _timing_words(job, job.repeats))
        benchmark = tflite_output.parse_benchmark(stdout, stderr, exit_code, job.ask.delegate)
        if fault := _time_problem(benchmark):
            ending, fields = ending_without_time(job.known(), benchmark, fault)
            log.write(ending, **fields)
            return ending
        log.write("load", **load_fields(job.known(), benchmark))
        peak_rss_kb = _peak_rss_kb(job, steps)
        evaluation = None
        if job.evaluation is not None:
            exit_code, stdout, stderr = steps("run_eval", _accuracy_words(job, job.evaluation))
            evaluation = tflite_output.parse_evaluation(stdout, stderr, exit_code, job.ask.delegate)
    except _TooSlow as error:
        log.write("failed", reason=str(error))
        return "failed"
    log.write("summary", **summary_fields(job.known(), benchmark, job.accuracy(evaluation), job.no_evaluation))
    if fault := _without_accuracy(job, evaluation):
        log.write("failed", reason=fault)
        return "failed"
    images = evaluation.images or 0 if evaluation else 0
    log.write(
        "end",
        images=images,
        failed_images=job.evaluation.failed if job.evaluation else 0,
        correct=round(evaluation.top[0] * images) if evaluation else 0,
        loop_ns=round(steps.took_s * 1e9),
        peak_rss_kb=peak_rss_kb,
    )
    return "end"


def _timing_words(job: ToolJob, repeats: Repeats, memory: bool = False) -> list[str]:
    return programs.benchmark_model_words(job.benchmark.tool, job.benchmark.model, job.ask, repeats, memory)


def _accuracy_words(job: ToolJob, files: EvaluationFiles) -> list[str]:
    program = files.program
    return programs.run_eval_words(program.tool, program.model, files.images, files.labels, files.ground_truth, job.ask)


def _peak_rss_kb(job: ToolJob, steps: _Steps) -> int | None:
    """Return the peak resident memory of a short run in kB, or None if not reported, which is no failure."""
    try:
        exit_code, stdout, stderr = steps("memory", _timing_words(job, programs.MEMORY_REPEATS, True), MEMORY_TIMEOUT_S)
    except _TooSlow:
        return None
    return peak_rss_kb(tflite_output.parse_benchmark(stdout, stderr, exit_code)) if exit_code == 0 else None


def _time_problem(benchmark: tflite_output.Benchmark) -> str | None:
    """Return why there is no usable time, or None."""
    if benchmark.failure is None and (benchmark.init_ms is None or benchmark.runs is None or not benchmark.runs.count):
        return "benchmark_model printed a time, but not the load time and the number of timed runs"
    return benchmark.failure


def _without_accuracy(job: ToolJob, evaluation: tflite_output.EvaluationResult | None) -> str | None:
    """Return why the requested accuracy was not measured, or None."""
    if job.evaluation is None or evaluation is None:
        return None
    if evaluation.failure:
        return evaluation.failure
    if evaluation.images != job.evaluation.count:
        return f"run_eval used {evaluation.images} of {job.evaluation.count} images"
    return None
