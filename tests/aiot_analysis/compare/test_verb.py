"""Tests of the command `aiot compare`."""

import json

import pytest

from tests.command import aiot, refused


def test_no_regression_ends_with_0(processed, tmp_path):
    done = aiot("compare", "threads=2", "threads=1", "--fail-on-regression", "5%", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        "no regression found (slower by more than 5%, or accuracy lower by more than 1 point; assuming that two"
        in done.stdout
    )


def test_a_regression_ends_with_3_and_is_written_to_the_file(processed, tmp_path):
    words = ["--fail-on-regression", "5%", "--format", "markdown", "--output", "out/compare.md"]
    done = aiot("compare", "threads=1", "threads=2", *words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == f"compare   {tmp_path / 'out' / 'compare.md'}\n"
    assert "1 regression" in (tmp_path / "out" / "compare.md").read_text(encoding="utf-8")


def test_without_the_option_no_change_is_a_failure(processed, tmp_path):
    done = aiot("compare", "threads=1", "threads=2", "--format", "json", "-m", "squeezenet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(done.stdout)
    assert {row["verdict"] for row in content["instances"]} == {"no change shown", "worse"}
    assert content["regressions"] == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nexus", "local"], "data/processed has no device or run 'nexus': choose from devices local"),
        (["local", "local"], "A and B have results in common ("),
        (["local", "sim-01"], "A and B cannot be compared, because they differ in origin: 'measured' and 'simulated'"),
        (["threads=1", "threads=2", "--metric", "p99"], "Metric 'p99' is unknown: choose from accuracy, mean, median."),
        (["threads=1", "threads=2", "--format", "xml"], "Format 'xml' is unknown: choose from text, markdown, json."),
        (["threads=1", "threads=2", "--fail-on-regression", "some"], "'some' is not a margin for times"),
        (["threads=1", "threads=2", "--output", "data"], "data cannot be written"),
        (
            ["threads=1", "threads=2", "--processed", "nowhere"],
            "There is no folder nowhere here or in a folder above: run",
        ),
    ],
)
def test_user_errors_are_one_sentence(words, sentence, processed, tmp_path):
    assert sentence in refused(aiot("compare", *words, cwd=tmp_path))


def test_one_side_is_wrong_usage(tmp_path):
    assert aiot("compare", "local", cwd=tmp_path).returncode == 2
