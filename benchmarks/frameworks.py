"""The benchmark `inference` for every framework and model, float32 with 1 thread, against the fair peer only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiot_suite.suite import BEYOND_FRAMEWORKS, FRAMEWORKS, MODELS, Instance
from benchmarks import jobs
from benchmarks.inference import BETWEEN, TARGET, compare
from benchmarks.pairs import BenchmarkError, Comparison, Level

if TYPE_CHECKING:
    from benchmarks.pairs import Options

IMAGES = 20  # images per run; the heavy networks take up to a third of a second per image

INSTANCES = [
    Instance(framework, "cpu", "float32", model) for framework in (*FRAMEWORKS, *BEYOND_FRAMEWORKS) for model in MODELS
]


def missing() -> str | None:
    return None  # depends on which instances are chosen


def run(options: Options) -> list[Comparison | Level]:
    chosen = [candidate for candidate in INSTANCES if not options.networks or candidate.artifact in options.networks]
    if sentence := jobs.missing(chosen):
        raise BenchmarkError(sentence)
    results: list[Comparison | Level] = []
    for instance in chosen:
        what = f"{instance.artifact}, 1 thread"
        results += compare(what, instance, 1, {BETWEEN: TARGET}, options, options.images or IMAGES)
    return results
