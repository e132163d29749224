"""Agent jobs on the sample models and the sample set, and running them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiot_suite import environments, facts
from aiot_suite.datasets import store
from aiot_suite.errors import DatasetError
from aiot_suite.workspace import Workspace
from benchmarks.pairs import ROOT, BenchmarkError
from benchmarks.processes import wall_time_s
from runner import rawlog
from runner.devices.local import LocalDevice

if TYPE_CHECKING:
    from pathlib import Path

    from aiot_suite.suite import Instance

WARMUPS = 5
SEED = 0  # for the choice of images

_WORKSPACE = Workspace(ROOT)
_MODELS = _WORKSPACE.models / "sample"
_DATASET = _WORKSPACE.datasets / "sample"


@dataclass(frozen=True)
class Times:
    """Result of one run: the time of each call in ns, and the predicted class."""

    inference_ns: list[int]
    best: list[int]


def missing(instances: list[Instance]) -> str | None:
    """Return one sentence about missing models or images, or None."""
    prepared = facts.load_artifacts(_MODELS)
    absent = [instance.artifact for instance in instances if instance.artifact not in prepared]
    if absent:
        return f"{_MODELS} does not hold {', '.join(absent)}: run `make demo`, or `aiot models prepare`."
    try:
        store.load(_DATASET)
    except DatasetError as error:
        return str(error)
    return None


def job_of(instance: Instance, threads: int, images: int) -> dict[str, Any]:
    """Return a job as written by `aiot run`, without the path of the log."""
    artifact = facts.load_artifacts(_MODELS)[instance.artifact]
    dataset = store.load(_DATASET)
    return {
        "instance": instance.id,
        "attempt": 1,
        "framework": instance.framework,
        "delegate": instance.delegate,
        "environment": artifact.environment,
        "model": str(artifact.path.resolve()),
        "settings": artifact.settings.record(),
        "threads": threads,
        "warmups": WARMUPS,
        "passes": 1,
        "min_queries": 0,
        "min_duration_s": 0.0,
        "images": store.subset(dataset, images, SEED),
        "image_folder": str(dataset.image_folder.resolve()),
        "parent": os.getpid(),
    }


def run_agent(job: dict[str, Any], folder: Path) -> rawlog.Attempt:
    """Run the agent in a separate process, as `aiot run` does. Raise BenchmarkError if it fails."""
    log = folder / f"{job['instance']}.1.jsonl"
    log.unlink(missing_ok=True)
    file = folder / "job.json"
    file.write_text(json.dumps({**job, "log": str(log)}), encoding="utf-8")
    output = folder / "output.txt"
    process = LocalDevice(folder, salt="").start_agent(
        str(ROOT), ["-m", "runner.agent", str(file)], job["environment"], output
    )
    try:
        process.wait()
    finally:
        process.kill()  # Ctrl-C does not reach it, since it has its own session; no effect if it has ended
    if not log.exists():
        raise BenchmarkError(f"The agent did not start: {output.read_text(encoding='utf-8').strip()[-200:]}")
    attempt = rawlog.read_attempt(log)
    if attempt.status != "end" or attempt.last["failed_images"]:
        raise BenchmarkError(f"The agent did not get through {job['instance']}: {attempt.last}")
    return attempt


def agent_times(job: dict[str, Any], folder: Path) -> Times:
    events = run_agent(job, folder).of("image")
    return Times([event["inference_ns"] for event in events], [event["top5"][0][0] for event in events])


def bare_times(job: dict[str, Any], way: str, folder: Path) -> Times:
    """Run the bare loop in a separate process and return its times. Raise BenchmarkError if it fails."""
    file, out = folder / "bare.json", folder / "bare_times.json"
    file.write_text(json.dumps(job), encoding="utf-8")
    python = environments.interpreter_path(job["environment"])
    wall_time_s([str(python), "-m", "benchmarks.bare", str(file), str(out), way])
    return Times(**json.loads(out.read_text(encoding="utf-8")))
