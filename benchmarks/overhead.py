"""Benchmark of the share of the agent's loop not spent on decode, preprocess, inference or post-process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_suite.suite import Instance
from benchmarks import jobs
from benchmarks.pairs import Comparison, Level

if TYPE_CHECKING:
    from benchmarks.pairs import Options

TARGET = 3.0  # %
IMAGES = 500
INSTANCE = Instance("tflite", "cpu", "int8", "mobilenet_v2")
PARTS = ("decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns")


def missing() -> str | None:
    return jobs.missing([INSTANCE])


def run(options: Options) -> list[Comparison | Level]:
    """Measure the share in % for each run; each run is repeated immediately, and the repetition is its peer."""
    images = options.images or IMAGES
    job = jobs.job_of(INSTANCE, 1, images)
    values, repeated = [], []
    for number in range(options.pairs):
        options.tell(f"pair {number + 1} of {options.pairs}")
        values.append(_share(job, options))
        repeated.append(_share(job, options))
    return [Level(f"{INSTANCE.artifact}, 1 thread, {images} images", "%", values, repeated, TARGET)]


def _share(job: dict[str, object], options: Options) -> float:
    attempt = jobs.run_agent(job, options.folder)
    accounted_ns = sum(event[part] for event in attempt.of("image") for part in PARTS)
    loop_ns = attempt.last["loop_ns"]
    return float(100 * (loop_ns - accounted_ns) / loop_ns)
