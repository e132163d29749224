"""Raw-log events for the output of a native tool, whether it was run by this toolkit or by somebody else."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from runner.tools.delegates import Delegation
from runner.tools.reading import Benchmark, EvaluationResult

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


def load_fields(known: AttemptFacts, benchmark: Benchmark) -> dict[str, Any]:
    """Return the fields of the event `load_fields`. The tool that measured the time tells which accelerator ran."""
    delegation = benchmark.delegation or Delegation("none")
    delegated = known.delegate not in ("cpu", "unknown")
    return {
        "instance": known.instance,
        "attempt": known.attempt,
        "load_ns": None if benchmark.init_ms is None else round(benchmark.init_ms * 1e6),
        "framework_version": known.version,
        "threads": known.threads,
        "model_sha256": known.model_sha256,
        "accelerator_requested": None if known.delegate == "unknown" else known.delegate,
        "accelerator_actual": delegation.accelerator(known.delegate, known.accelerator),
        "nodes_delegated": delegation.nodes if delegated else None,
        "partitions": delegation.partitions,
        "nodes": delegation.of,
        "delegate_kernels": delegation.kernels,
        "accelerator_name": known.accelerator or delegation.name,
        "accelerators": list(benchmark.accelerators),
        "at": known.at,
    }


def summary_fields(
    known: AttemptFacts, benchmark: Benchmark, accuracy: Accuracy | None, missing: str | None
) -> dict[str, Any]:
    """Return the fields of the event `summary_fields`; `missing` is the reason if there is no accuracy."""
    times = (
        {name: value for name, value in asdict(benchmark.runs).items() if name.endswith("_ms")}
        if benchmark.runs
        else {}
    )
    fields: dict[str, Any] = {
        "tool": known.tool,
        "tool_version": known.version,
        "wording": benchmark.wording,
        "timing": "inference",
        "count": benchmark.runs.count if benchmark.runs else None,
        "runs_asked": known.runs_asked,
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
        "accuracy_accelerator": delegation.accelerator(known.delegate, known.accelerator),
        "accuracy_delegates": [asdict(entry) for entry in evaluation.replaced],
        "top": list(evaluation.top),
        "images": evaluation.images,
        "images_mean_ms": evaluation.mean_ms,
        "images_sd_ms": evaluation.sd_ms,
    }


def ending_without_time(known: AttemptFacts, benchmark: Benchmark, fault: str) -> Event:
    """Return the final event of an attempt without a time.

    It is `unavailable` if the delegate refused the model, else `failed`.
    """
    if benchmark.delegation is None or benchmark.delegation.applied != "refused":
        return "failed", {"reason": fault}
    reason = f"{known.delegate} refused the model: {fault}"
    return "unavailable", {"reason": reason, "remedy": _remedy(known, benchmark)}


def _remedy(known: AttemptFacts, benchmark: Benchmark) -> str:
    """Return what may help if a delegate refused a model."""
    alternatives = [name for name in benchmark.accelerators if name != known.accelerator]
    if known.delegate == "nnapi" and alternatives:
        return f"choose one of the accelerators that the device offers: {', '.join(alternatives)[:500]}"
    return "the device offers no other accelerator for this model: measure it on the CPU"


def peak_rss_kb(benchmark: Benchmark) -> int | None:
    """Return the peak resident memory in kB, or None if the tool does not report it."""
    peak_mb = benchmark.peak_memory_mb
    return round(peak_mb * 1024) if peak_mb is not None and peak_mb > 0 else None
