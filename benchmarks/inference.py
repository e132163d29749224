"""Benchmark of inference time measured by the agent against a bare loop of the framework's calls."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from aiot_suite.suite import Instance
from benchmarks import jobs
from benchmarks.pairs import BenchmarkError, Comparison, Level, Measure, compared, measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.pairs import Options

TARGET = 1.02  # maximum ratio of the agent's median time to the peer's, with 1 thread
IMAGES = 100  # images per run
BETWEEN, HOT = "bare, between decodes", "bare, hot"

INSTANCES = [
    Instance(framework, "cpu", quantization, model)
    for model in ("mobilenet_v2", "squeezenet")
    for framework, quantization in (("tflite", "float32"), ("tflite", "int8"), ("pytorch", "float32"))
]


def missing() -> str | None:
    return jobs.missing(INSTANCES)


def run(options: Options) -> list[Comparison | Level]:
    results: list[Comparison | Level] = []
    for threads in (1, 2):
        for instance in INSTANCES:
            if options.networks and instance.artifact not in options.networks:
                continue
            what = f"{instance.artifact}, {threads} thread{'s' * (threads > 1)}"
            # the hot loop is measured with 1 thread only
            targets: dict[str, float | None] = {BETWEEN: TARGET, HOT: None} if threads == 1 else {BETWEEN: None}
            results += compare(what, instance, threads, targets, options, options.images or IMAGES)
    return results


def compare(
    what: str, instance: Instance, threads: int, targets: dict[str, float | None], options: Options, images: int
) -> list[Comparison]:
    """Measure median times in ms of the agent and of the peers named in `targets`."""
    job = jobs.job_of(instance, threads, images)
    classes: list[list[int]] = []

    def median_ms(times: Callable[[], jobs.Times]) -> Measure:
        def once() -> float:
            result = times()
            classes.append(result.best)
            if result.best != classes[0]:
                raise BenchmarkError(f"{what}: agent and bare loop see different classes, so not the same work.")
            return median(result.inference_ns) / 1e6

        return once

    ways = {BETWEEN: "between", HOT: "hot"}
    values = measure(
        median_ms(partial(jobs.agent_times, job, options.folder)),
        {peer: median_ms(partial(jobs.bare_times, job, ways[peer], options.folder)) for peer in targets},
        options.pairs,
        lambda text: options.tell(f"{what}, {text}"),
    )
    return list(compared(what, "ms", values, targets))
