"""One attempt at an instance by TFLite's own tools, on whatever runs their command lines, as events of the raw log.

benchmark_model gives the time, a short second run of it the peak memory, run_eval the accuracy. There are no records
of images: a `summary` takes their place, and the times in it are of inference alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from runner import rawlog
from runner.native import commands, reading
from runner.native.commands import Ask, Repeats
from runner.native.delegates import Delegation
from runner.native.text import bounded

Run = Callable[[list[str], float], tuple[int, str, str]]
"""Runs words for at most so many seconds: exit code, stdout, stderr. Raises TimeoutError if it takes longer."""

MEMORY_TIMEOUT_S = 300.0


@dataclass(frozen=True)
class Program:
    """A tool and a model file, where they are on the device, and what tells them from others."""

    tool: str
    version: str  # of the tool: see runner.native.tools
    model: str
    model_sha256: str


@dataclass(frozen=True)
class Evaluation:
    """What accuracy is measured with: paths on the device (see runner.native.fitting)."""

    program: Program
    images: str
    labels: str
    ground_truth: str
    count: int  # images in the folder
    failed: int = 0  # images of the dataset that cannot be decoded and are not in the folder: they count as wrong


@dataclass(frozen=True)
class Job:
    """An attempt that is to be made."""

    instance: str
    attempt: int
    ask: Ask
    repeats: Repeats
    benchmark: Program
    evaluation: Evaluation | None
    no_evaluation: str = "run_eval was not given"  # why there is none, where there is none
    timeout_s: float = 1800.0  # of each command


def run_job(job: Job, run: Run, log: Path, outputs: Path) -> str:
    """Makes an attempt, writes its log and gives its ending: end, failed or unavailable.

    The command lines and what they printed are kept as `<log's stem>.<step>.*` in the folder `outputs`. What `run`
    raises, other than TimeoutError, ends the attempt as failed and is raised again.
    Raises RawLogError if the log exists.
    """
    with rawlog.AttemptWriter(log) as writer:
        try:
            ending = _attempt(job, _Steps(job, run, outputs, log.stem), writer)
        except BaseException as error:
            writer.write("failed", reason=str(error) or f"it was interrupted ({type(error).__name__})")
            raise
    return ending


class _Steps:
    """Runs the commands of an attempt and keeps what they print."""

    def __init__(self, job: Job, run: Run, outputs: Path, stem: str) -> None:
        self.took_s = 0.0
        self._run, self._outputs, self._stem, self._timeout_s = run, outputs, stem, job.timeout_s
        self._keep("job.json", json.dumps(asdict(job), indent=1))

    def __call__(self, step: str, words: list[str], timeout_s: float | None = None) -> tuple[int, str, str]:
        limit_s = timeout_s or self._timeout_s
        self._keep(f"{step}.words.json", json.dumps(words))
        began = time.monotonic()
        try:
            exit_code, stdout, stderr = self._run(words, limit_s)
        except TimeoutError:
            raise _TooSlow(f"{step} took longer than {limit_s:g} s") from None
        finally:
            self.took_s += time.monotonic() - began
        self._keep(f"{step}.stdout.txt", bounded(stdout))
        self._keep(f"{step}.stderr.txt", bounded(stderr))
        return exit_code, stdout, stderr

    def _keep(self, name: str, text: str) -> None:
        path = self._outputs / f"{self._stem}.{name}"
        path.write_text(text, encoding="utf-8", errors="replace", newline="")


class _TooSlow(Exception):
    """A command took longer than it may."""


def _attempt(job: Job, steps: _Steps, log: rawlog.AttemptWriter) -> str:
    try:
        exit_code, stdout, stderr = steps("benchmark_model", _timing_words(job, job.repeats))
        benchmark = reading.benchmark(stdout, stderr, exit_code, job.ask.delegate)
        if ending := _without_time(job, benchmark, log):
            return ending
        log.write("load", **load(job, benchmark))
        peak_rss_kb = _peak_rss_kb(job, steps)
        evaluation = None
        if job.evaluation is not None:
            exit_code, stdout, stderr = steps("run_eval", _accuracy_words(job, job.evaluation))
            evaluation = reading.evaluation(stdout, stderr, exit_code, job.ask.delegate)
    except _TooSlow as error:
        log.write("failed", reason=str(error))
        return "failed"
    log.write("summary", **summary(job, benchmark, evaluation))
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


def _timing_words(job: Job, repeats: Repeats, memory: bool = False) -> list[str]:
    return commands.benchmark_model(job.benchmark.tool, job.benchmark.model, job.ask, repeats, memory)


def _accuracy_words(job: Job, given: Evaluation) -> list[str]:
    program = given.program
    return commands.run_eval(program.tool, program.model, given.images, given.labels, given.ground_truth, job.ask)


def _peak_rss_kb(job: Job, steps: _Steps) -> int | None:
    """Peak resident memory of a short run in kB, None where the tool does not say: that is no failure."""
    try:
        exit_code, stdout, stderr = steps("memory", _timing_words(job, commands.MEMORY, True), MEMORY_TIMEOUT_S)
    except _TooSlow:
        return None
    peak_mb = reading.benchmark(stdout, stderr, exit_code).peak_memory_mb
    return round(peak_mb * 1024) if exit_code == 0 and peak_mb is not None and peak_mb > 0 else None


def _without_time(job: Job, benchmark: reading.Benchmark, log: rawlog.AttemptWriter) -> str | None:
    """Ends an attempt that gave no time, or no time that can be used: failed, or unavailable if it was refused."""
    refused = benchmark.delegation is not None and benchmark.delegation.applied == "refused"
    fault = benchmark.failure
    if fault is None and (benchmark.init_ms is None or benchmark.runs is None or not benchmark.runs.count):
        fault = "benchmark_model printed a time, but not how long loading took and how many runs were timed"
    if fault is None:
        return None
    if refused:
        log.write(
            "unavailable", reason=f"{job.ask.delegate} refused the model: {fault}", remedy=_remedy(job, benchmark)
        )
        return "unavailable"
    log.write("failed", reason=fault)
    return "failed"


def _remedy(job: Job, benchmark: reading.Benchmark) -> str:
    """What may help where a delegate refused a model."""
    others = [name for name in benchmark.accelerators if name != job.ask.accelerator]
    if job.ask.delegate == "nnapi" and others:
        return f"ask for one of the accelerators that the device names: {', '.join(others)[:500]}"
    return "the device offers nothing else for this model: measure it on the CPU"


def _without_accuracy(job: Job, evaluation: reading.Evaluation | None) -> str | None:
    """Why the accuracy that was asked for was not measured."""
    if job.evaluation is None or evaluation is None:
        return None
    if evaluation.failure:
        return evaluation.failure
    if evaluation.images != job.evaluation.count:
        return f"run_eval showed the model {evaluation.images} of {job.evaluation.count} images"
    return None


def load(job: Job, benchmark: reading.Benchmark) -> dict[str, Any]:
    """The fields of the event `load`: which accelerator ran, as the tool that took the time tells it."""
    delegation = benchmark.delegation or Delegation("none")
    return {
        "instance": job.instance,
        "attempt": job.attempt,
        "load_ns": round((benchmark.init_ms or 0) * 1e6),
        "framework_version": job.benchmark.version,
        "threads": job.ask.threads,
        "model_sha256": job.benchmark.model_sha256,
        "accelerator_requested": job.ask.delegate,
        "accelerator_actual": delegation.accelerator(job.ask.delegate, job.ask.accelerator),
        "nodes_delegated": delegation.nodes if benchmark.delegation else None,
        "partitions": delegation.partitions,
        "nodes": delegation.of,
        "delegate_kernels": delegation.kernels,
        "accelerator_name": job.ask.accelerator,
        "accelerators": list(benchmark.accelerators),
        "at": rawlog.utc_now(),
    }


def summary(job: Job, benchmark: reading.Benchmark, evaluation: reading.Evaluation | None) -> dict[str, Any]:
    """The fields of the event `summary`; needs a benchmark with a number of runs and their mean."""
    runs = benchmark.runs
    assert runs is not None
    times = {name: value for name, value in asdict(runs).items() if name.endswith("_ms")}
    fields: dict[str, Any] = {
        "tool": "benchmark_model",
        "tool_version": job.benchmark.version,
        "wording": benchmark.wording,
        "timing": "inference",
        "count": runs.count,
        "runs_asked": job.repeats.runs,
        **times,
        "mean_ms": benchmark.mean_ms,
        "warmups": benchmark.warmup.count if benchmark.warmup else None,
        "warmup_ms": benchmark.warmup.mean_ms if benchmark.warmup else None,
        "overall_memory_mb": benchmark.overall_memory_mb,
        "delegates": [asdict(one) for one in benchmark.replaced],
        "accuracy": None,
        "accuracy_missing": None if evaluation else job.no_evaluation,
    }
    if evaluation is None or job.evaluation is None:
        return fields
    delegation = evaluation.delegation or Delegation("none")
    return {
        **fields,
        "accuracy": evaluation.top[0] if evaluation.top else None,
        "accuracy_missing": evaluation.failure,
        "accuracy_tool": job.evaluation.program.version,
        "accuracy_model_sha256": job.evaluation.program.model_sha256,
        "accuracy_accelerator": delegation.accelerator(job.ask.delegate, job.ask.accelerator),
        "accuracy_delegates": [asdict(one) for one in evaluation.replaced],
        "top": list(evaluation.top),
        "images": evaluation.images,
        "images_mean_ms": evaluation.mean_ms,
        "images_sd_ms": evaluation.sd_ms,
    }
