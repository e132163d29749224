"""Tests of the published results in the package, in raw logs and in tables."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import storage
from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.importers import published_facts
from runner.importers.published_facts import MLPERF_RUNS, import_published

ANSWERS = MLPERF_RUNS.with_name("mlperf_mobile_answers.parquet")


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    space = Workspace(tmp_path_factory.mktemp("published"))
    result = import_published(space)
    assert (result.written, result.unchanged, result.removed) == (len(rawlog.run_folders(space.raw)), 0, 0)
    return space


@pytest.fixture(scope="module")
def processed(space):
    folder = space.root / "data" / "processed"
    assert ingest.process(space.raw, folder).left_out == []
    return folder


@pytest.fixture(scope="module")
def runs():
    with MLPERF_RUNS.open(newline="") as file:
        return list(csv.DictReader(file))


def address(run):
    """Return the address of the accuracy log of a run from its column `source`."""
    repository, path = run["source"].removeprefix("github:").split(":")
    return "https://github.com/{}/blob/{}/{}".format(*repository.split("@"), path)


def test_every_submission_has_the_accuracy_of_its_source_to_the_last_image(processed, runs):
    rows = storage.read("instances", processed, publisher="MLCommons").set_index("address")
    assert len(rows) == len(runs) == 26
    for run in runs:
        row = rows.loc[address(run)]
        assert (row["images"], row["correct"]) == (int(run["images"]), int(run["correct"])), run["run"]
        assert row["accuracy"] == float(run["accuracy"])
        for column, source in {"mean": "mean_ns", "median": "p50_ns", "p90": "p90_ns"}.items():
            assert row[f"inference_ms_{column}"] == pytest.approx(int(run[source]) / 1e6, abs=1e-9)
        assert (row["publication"], row["submitter"]) == (f"MLPerf Mobile v{run['round']}", run["submitter"])
        assert (row["origin"], row["retrieved"], row["scenario"]) == ("published", "2026-11-28", "single stream")


def test_every_answer_is_that_of_its_source(processed, runs):
    answers = pd.read_parquet(ANSWERS)
    rows = storage.read("instances", processed).set_index("address")
    for run in runs[::9]:
        row = rows.loc[address(run)]
        images = storage.read("images", processed, run_id=row["run_id"], instance_id=row["instance_id"])
        assert images["top1"].tolist() == answers[run["answers"]].tolist()
        assert images["label"].tolist() == answers["label"].tolist()


def test_what_is_known_makes_an_instance_valid(processed, runs):
    rows = storage.read("instances", processed, publisher="MLCommons").set_index("address")
    for run in runs:
        row = rows.loc[address(run)]
        expected = (
            ("valid", "") if "NPU" in run["accelerator"] else ("semi-valid", "its log does not say which delegate ran")
        )
        assert (row["verdict"], row["reasons"]) == expected


def test_a_log_of_answers_is_valid_by_definition(space):
    path = next(space.raw.glob("*/*/*mobilenet_edgetpu.1.jsonl"))
    attempt = rawlog.read_attempt(path)
    assert (attempt.left_out, attempt.status, len(attempt.of("image"))) == ([], "end", 50000)


def test_a_second_import_changes_nothing(space):
    before = {path: path.stat().st_mtime_ns for path in space.raw.rglob("*")}
    result = import_published(space)
    assert (result.written, result.removed) == (0, 0) and result.unchanged == len(rawlog.run_folders(space.raw))
    assert {path: path.stat().st_mtime_ns for path in space.raw.rglob("*")} == before


def test_facts_that_changed_replace_their_runs(tmp_path, monkeypatch):
    space = Workspace(tmp_path)
    submissions = list(published_facts.mlperf_submissions())

    def one_reader(*chosen):
        return (lambda: [published_facts.loadgen.make_session(submission) for submission in chosen],)

    monkeypatch.setattr(published_facts, "READERS", one_reader(submissions[0], submissions[1]))
    import_published(space)
    monkeypatch.setattr(published_facts, "READERS", one_reader(submissions[1], submissions[2]))
    result = import_published(space)
    assert (result.written, result.unchanged, result.removed) == (1, 1, 1)
    records = [json.loads(path.read_text()) for path in space.raw.glob("*/*/run.json")]
    facts = {file["fact"] for record in records for file in record["imported"]["files"]}
    assert facts == {submission.name for submission in submissions[1:3]}
    assert len(list(space.raw.iterdir())) == 2
