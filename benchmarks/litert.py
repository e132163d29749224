"""Benchmark of TFLite inference time measured by the agent against `litert-benchmark`, which LiteRT provides."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path
from statistics import median

from aiot_suite.suite import MODELS, Instance
from benchmarks import inference, jobs
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Options, compared, measure
from benchmarks.processes import SCRIPTS

TARGET = 1.05  # maximum ratio of the agent's median time to the peer's, with 1 thread
PEER = "litert-benchmark"
INSTANCES = [Instance("tflite", "cpu", "float32", model) for model in MODELS]


def missing() -> str | None:
    return jobs.missing(INSTANCES)


def run(options: Options) -> list[Comparison | Level]:
    """Measure median times in ms. The peer feeds random numbers in consecutive calls without decoding."""
    results: list[Comparison | Level] = []
    images = options.images or inference.IMAGES
    for instance in INSTANCES:
        if options.networks and instance.artifact not in options.networks:
            continue
        job = jobs.job_of(instance, 1, images)
        what = f"{instance.artifact}, 1 thread"
        values = measure(
            partial(_agent_ms, job, options.folder),
            {PEER: partial(_peer_ms, Path(job["model"]), images, options.folder)},
            options.pairs,
            lambda text, what=what: options.tell(f"{what}, {text}"),  # type: ignore[misc]
        )
        results += compared(what, "ms", values, {PEER: TARGET})
    return results


def _agent_ms(job: dict[str, object], folder: Path) -> float:
    return median(jobs.agent_times(job, folder).inference_ns) / 1e6


def _peer_ms(model: Path, runs: int, folder: Path) -> float:
    out = folder / "litert.json"
    out.unlink(missing_ok=True)
    words = ["--model", str(model), "--num_runs", str(runs), "--warmup_runs", str(jobs.WARMUPS), "--num_threads", "1"]
    command = [str(SCRIPTS / "litert-benchmark"), *words, "--result_json", str(out)]
    completed = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    if completed.returncode or not out.is_file():
        raise BenchmarkError(
            f"litert-benchmark failed, saying {(completed.stderr or completed.stdout).strip()[-200:]!r}."
        )
    result = json.loads(out.read_text(encoding="utf-8"))
    return float(result["latency"]["median_ms"])
