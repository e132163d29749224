"""Tests of jobs for tools: the files pushed to the device, and their use by the stand-ins of the tools."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from aiot_suite.facts import Artifact
from aiot_suite.suite import PROFILES, Instance
from runner import rawlog
from runner.tools import jobs, programs
from runner.tools.programs import Repeats, ToolOptions
from runner.tools.tool_attempt import run_job
from tests.runner.conftest import make_dataset
from tests.runner.tools import standin
from tests.runner.tools.test_tool_attempt import on_this_machine

ONE = Instance("tflite", "nnapi", "int8", "squeezenet")


def pushed_to(root: Path):
    """Return a device whose files are in a folder of this machine."""

    def push(files, folder, executable=False):
        for name, source in files.items():
            (root / folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / folder / name)
        return str(root / folder)

    return push


@pytest.fixture
def request_(tmp_path) -> jobs.ToolRequest:
    dataset = make_dataset(tmp_path / "set", 12)
    return jobs.ToolRequest(
        tools=programs.find(standin.install(tmp_path / "tools"), "x86_64"),
        dataset=dataset,
        images=dataset.images,
        profile=PROFILES["quick"],
        threads=2,
        scratch=tmp_path / "scratch",
    )


def test_a_job_finds_everything_on_the_device(tmp_path, tiny_folder, request_):
    artifact = Artifact.load(tiny_folder / f"{ONE.artifact}.json")
    request_.dataset.path("3.jpg").write_bytes(b"no image")
    job = jobs.make(request_, ONE, artifact, 3, pushed_to(tmp_path / "device"))
    assert (job.instance, job.attempt, job.ask) == (ONE.id, 3, ToolOptions("nnapi", 2))
    assert job.repeats == Repeats(1, 12, 0.0, 900.0)
    assert (job.evaluation.count, job.evaluation.failed) == (11, 1)
    assert job.benchmark.model_sha256 == artifact.sha256 != job.evaluation.program.model_sha256
    for path in (job.benchmark.model, job.evaluation.program.model, job.evaluation.labels, job.evaluation.ground_truth):
        assert Path(path).is_file() and path.startswith(str(tmp_path / "device"))
    assert sorted(path.name for path in (tmp_path / "device").iterdir())[0].startswith("fitted-tflite_int8_squeezenet-")
    log = rawlog.attempt_path(tmp_path, job.instance, job.attempt)
    assert run_job(job, on_this_machine(), log, tmp_path) == "end"
    end = rawlog.read_attempt(log).last
    assert (end["images"], end["failed_images"]) == (11, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda job: replace(job, tools=replace(job.tools, run_eval=None)), "run_eval was not provided"),
        (lambda job: replace(job, images=[]), "none of the images can be decoded"),
    ],
)
def test_without_an_evaluation_it_says_why(tmp_path, tiny_folder, request_, change, reason):
    artifact = Artifact.load(tiny_folder / f"{ONE.artifact}.json")
    job = jobs.make(change(request_), ONE, artifact, 1, pushed_to(tmp_path / "device"))
    assert job.evaluation is None and job.no_evaluation.startswith(reason)


def test_a_model_that_run_eval_cannot_take_is_timed_all_the_same(tmp_path, tiny_folder, request_):
    artifact = Artifact.load(tiny_folder / f"{ONE.artifact}.json")
    broken = tmp_path / artifact.path.name
    broken.write_bytes(b"no model at all")
    job = jobs.make(request_, ONE, replace(artifact, path=broken), 1, pushed_to(tmp_path / "device"))
    assert job.evaluation is None
    assert job.no_evaluation == f"{artifact.path.name} is not a TFLite model file"
    assert Path(job.benchmark.model).is_file()


def test_ten_minutes_of_an_instance_have_the_time_they_need(tmp_path, request_):
    assert Repeats.of(PROFILES["sustained"], 500, request_.timeout_s / 2).min_s == 600
