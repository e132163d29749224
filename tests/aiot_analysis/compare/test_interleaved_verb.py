"""Tests of `aiot compare --ab` on raw logs of sessions, and that pages leave these sessions out."""

import json

import numpy as np
import pandas as pd
import pytest

from aiot_analysis import load
from aiot_analysis.tables import storage
from runner import rawlog
from tests.command import aiot, refused
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE, TWO = "tflite_cpu_float32_mnasnet", "tflite_cpu_float32_squeezenet"
SESSION = "20260101T000000Z-abcdef"
SETTINGS = {"a": "threads=1", "b": "threads=2"}
CRASH = {"event": "failed", "reason": "it crashed"}


def short_run(raw, place, side, block, ms, session=SESSION, failed=(), load_ms=12.5, settings=SETTINGS, **other):
    """Write a short run of both instances, in which all images but the last are right."""
    number = session[-6:]
    ab = {"session": session, "side": side, "block": block, "first": "a", "blocks": 4, "seed": 0, **settings}
    run_id = f"20260101T0000{place:02}.000Z-{number}"
    load = {**LOAD, "load_ns": int(1e6 * load_ms)}
    folder = begin(raw, [ONE, TWO], run_id, study="ab", ab=ab, **{"threads": {"a": 1, "b": 2}[side], **other})
    for instance_id in (ONE, TWO):
        if instance_id in failed:
            attempt(folder, instance_id, load, CRASH)
        else:
            shown = [image(query, ms - 4, right=query < 9) for query in range(10)]
            attempt(folder, instance_id, load, *shown, end())
    return folder


def measure(raw, ratio=1.2, failed=(), blocks=4, session=SESSION):
    """Write a session in which B takes `ratio` times as long; TWO fails in the pairs of side and block in `failed`."""
    for block in range(1, blocks + 1):
        for place, side in enumerate("ab" if block % 2 else "ba"):
            ms = 20 * (1 + block / 50) * (ratio * (1 + block / 1000) if side == "b" else 1)
            bad = [TWO] if (side, block) in failed else []
            short_run(raw, 2 * block + place, side, block, ms, session, bad)


@pytest.fixture
def project(tmp_path):
    """Make a project with the raw logs of a session, but without tables."""
    measure(tmp_path / "data" / "raw")
    return tmp_path


def compare(project, *words):
    assert aiot("process", cwd=project).returncode == 0
    return aiot("compare", *words, cwd=project)


def test_a_session_has_one_verdict_over_its_blocks(project):
    done = compare(project, "--ab", "newest", "--format", "json")
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert (content["a"]["words"], content["b"]["words"]) == ("threads=1", "threads=2")
    assert content["a"]["run"] == f"4 runs of session {SESSION}"
    assert content["differs_in"] == {"threads": [["1", "2"]]}
    assert content["scores"] == []
    rows = {(row["instance_id"], row["metric"]): row for row in content["instances"]}
    logs = np.log(1.2 * (1 + np.arange(1, 5) / 1000))
    assert rows[ONE, "mean"]["change"] == pytest.approx(np.expm1(logs.mean()), abs=1e-6)
    assert (rows[ONE, "mean"]["units"], rows[ONE, "mean"]["way"], rows[ONE, "mean"]["verdict"]) == (
        "4", "blocks", "worse"
    )  # fmt: skip
    assert (rows[ONE, "accuracy"]["base"], rows[ONE, "accuracy"]["p_value"]) == (0.9, 1.0)
    assert content["together"][0]["units"] == "10"


def test_costs_are_medians_over_the_runs_of_a_side(tmp_path):
    """Loading takes A 10 ms, and B 20, 20, 30 and 500 ms, whose median of 25 ms is 150% more."""
    for block, load_ms in enumerate((20, 20, 30, 500), 1):
        for place, side in enumerate("ab"):
            ms = 20 + block + place
            short_run(
                tmp_path / "data" / "raw", 2 * block + place, side, block, ms, load_ms={"a": 10, "b": load_ms}[side]
            )
    content = json.loads(compare(tmp_path, "--ab", "newest", "--format", "json").stdout)
    loads = {row["instance_id"]: row for row in content["costs"] if row["cost"] == "load_ms"}
    assert (loads[ONE]["base"], loads[ONE]["other"], loads[ONE]["change"]) == (10.0, 25.0, 1.5)


def test_settings_that_no_run_records_are_what_differs(tmp_path):
    settings = {"a": "python=old", "b": "python=new"}
    for block in range(1, 5):
        for place, side in enumerate("ab"):
            number = 2 * block + place
            short_run(tmp_path / "data" / "raw", number, side, block, 20 + number, settings=settings, threads=1)
    done = compare(tmp_path, "--ab", "newest")
    assert done.returncode == 0, done.stderr
    assert "differs in  settings: python=old → python=new\n" in done.stdout


def test_doubts_about_any_run_are_reported_once(tmp_path):
    """In blocks 1 and 2 of A, nine images take 1 ms and one takes 200 ms or more; all other images take 20 ms."""
    for block in range(1, 5):
        for place, side in enumerate("ab"):
            folder = short_run(tmp_path / "data" / "raw", 2 * block + place, side, block, 20 + block + place)
            if side == "a" and block < 3:
                uneven = [image(query, 200 * block if query == 5 else 1) for query in range(10)]
                path = rawlog.attempt_path(folder, ONE, 1)
                path.unlink()
                attempt(folder, ONE, LOAD, *uneven, end())
    content = json.loads(compare(tmp_path, "--ab", "newest", "--format", "json").stdout)
    doubts = {(row["side"], row["instance_id"]): row["reasons"] for row in content["with_care"]}
    assert doubts["A", ONE].count("times scatter by") == 1
    assert doubts["A", TWO].count("times scatter by") == doubts["B", ONE].count("times scatter by") == 0


def test_text_and_markdown_say_over_what_it_is(project):
    words = "intervals of times are over 4 blocks of one session"
    for form in ("text", "markdown"):
        done = compare(project, "--ab", "abcdef", "--format", form)
        assert (done.returncode, done.stderr) == (0, "")
        assert words in done.stdout
        assert "differences between days are not included" in done.stdout


def test_a_slower_side_is_a_regression(project):
    done = compare(project, "--ab", "newest", "--fail-on-regression", "5%")
    assert done.returncode == 3
    assert "2 regressions (slower by more than 5%, or accuracy lower by more than 1 point)" in done.stdout
    assert compare(project, "--ab", "newest", "--fail-on-regression", "25%").returncode == 0


def test_an_instance_without_a_result_is_listed_and_is_a_regression_if_b_failed(tmp_path):
    measure(tmp_path / "data" / "raw", ratio=1.0, failed=[("b", 2), ("b", 3)])
    done = compare(tmp_path, "--ab", "newest", "--fail-on-regression", "5%")
    assert done.returncode == 3
    assert "1 instance compared" in done.stdout
    reason = f"no result: 2 blocks of {TWO} can be used, but an interval over blocks needs 3"
    assert f"{reason} (blocks 2, 3 excluded: B is invalid (it crashed))" in done.stdout


def test_a_block_that_is_excluded_is_named(tmp_path):
    measure(tmp_path / "data" / "raw", failed=[("a", 4)])
    done = compare(tmp_path, "--ab", "newest")
    assert done.returncode == 0, done.stderr
    assert "SqueezeNet, TFLite CPU, float32: block 4 excluded: A is invalid (it crashed)" in done.stdout
    assert "over 3 to 4 blocks of one session" in done.stdout


@pytest.mark.parametrize("blocks", [1, 2])
def test_too_few_blocks_are_an_error_in_one_sentence(tmp_path, blocks):
    measure(tmp_path / "data" / "raw", blocks=blocks)
    sentence = refused(compare(tmp_path, "--ab", "newest"))
    count = f"{blocks} block{'s' * (blocks > 1)}"
    assert sentence == (
        f"aiot: Session {SESSION} has no result: {count} of {ONE} can be used, but an interval over blocks needs 3."
    )


def test_sessions_are_named_by_the_start_or_the_end_of_their_ids(project):
    measure(project / "data" / "raw", session="20260102T000000Z-fedcba", ratio=1.0)
    processed = project / "data" / "processed"
    assert "session 20260102T000000Z-fedcba" in compare(project, "--ab", "newest").stdout
    assert f"session {SESSION}" in compare(project, "--ab", "abcdef").stdout
    assert f"session {SESSION}" in compare(project, "--ab", "20260101").stdout
    assert refused(compare(project, "--ab", "2026")) == (
        f"aiot: '2026' matches 2 sessions in {processed}: choose newest, or one of 20260102T000000Z-fedcba, {SESSION}."
    )
    assert refused(compare(project, "--ab", "12")).startswith(
        f"aiot: '12' is not an A/B session in {processed}: choose"
    )


def test_tables_without_a_session_are_one_sentence(processed, tmp_path):
    sentence = refused(aiot("compare", "--ab", "newest", cwd=tmp_path))
    assert sentence == f"aiot: There is not an A/B session in {processed}: run `aiot ab`, then `aiot process`."


@pytest.mark.parametrize("words", [["local", "--ab", "newest"], ["local", "other", "--ab", "newest"], ["local"], []])
def test_a_session_stands_in_place_of_two_sides(words, tmp_path):
    done = aiot("compare", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert "give both A and B, or --ab SESSION" in done.stderr


def test_short_runs_are_excluded_from_the_suite(project):
    suite = begin(project / "data" / "raw", [ONE], "20251231T000000Z-ffffff")
    attempt(suite, ONE, LOAD, *[image(query) for query in range(10)], end())
    assert aiot("process", cwd=project).returncode == 0
    data = load(project / "data" / "processed")
    assert list(data.instances["run_id"]) == [suite.name]
    assert data.instances["ab_session"].isna().all()
    assert set(data.studies["study"]) == {"ab"}
    assert sorted(set(data.studies["ab_block"])) == [1, 2, 3, 4]
    assert set(data.studies["ab_settings"]) == set(SETTINGS.values())
    with_both = refused(aiot("compare", "local", "local", cwd=project))
    assert with_both.startswith("aiot: A and B have results in common (1, such as ")


@pytest.mark.parametrize(
    "ab",
    [
        {},
        {"session": 3, "side": "a", "block": 1, "a": "x"},
        {"session": "s", "side": "c", "block": 1, "c": "x"},
        {"session": "s", "side": "a", "block": "1", "a": "x"},
        {"session": "s", "side": "a", "block": True, "a": "x"},
        {"session": "s", "side": "a", "block": 0, "a": "x"},
        {"session": "s", "side": "a", "block": 1},
        {"session": "s", "side": ["a"], "block": 1},
    ],
)
def test_an_unclear_position_is_ignored(tmp_path, ab):
    folder = begin(tmp_path / "data" / "raw", [ONE], study="ab", ab=ab)
    attempt(folder, ONE, LOAD, image(0), image(1), end())
    assert aiot("process", cwd=tmp_path).returncode == 0
    [row] = storage.read("instances", tmp_path / "data" / "processed").to_dict("records")
    assert all(pd.isna(row[name]) for name in ("ab_session", "ab_side", "ab_block", "ab_settings"))
