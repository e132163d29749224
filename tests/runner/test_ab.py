"""Tests of `aiot ab`: the balanced order, sessions in raw logs, resumed sessions, and invalid input."""

import json
import shutil
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from aiot_suite.errors import ModelError, SelectionError
from aiot_suite.suite import PROFILES, Instance
from runner import ledger, rawlog, run_request
from runner.ab import session, settings
from runner.ab.session import Block, RecordedBlock, Session
from runner.devices.local import LocalDevice
from runner.tools.jobs import NativeToolOptions
from tests.command import aiot, refused
from tests.rawlogs import LOAD, attempt, begin, end, image
from tests.runner.conftest import TINY

WORDS = {"a": "threads=1", "b": "threads=2"}
SESSION = Session("20260101T000000Z-abcdef", 7, 4, WORDS)
ID = TINY[0].id
ONLY = ["--models", "squeezenet", "--frameworks", "tflite", "--quantizations", "float32", "--delegates", "cpu"]


@pytest.mark.parametrize("count", [4, 6, 12])
@pytest.mark.parametrize("seed", range(8))
def test_a_steady_drift_falls_on_both_sides_alike(count, seed):
    """If times grow by 1 from run to run, the sums of both sides are equal after every two blocks."""
    order = "".join(side for first in session.draw_first_sides(count, seed) for side in Block(1, first).sides)
    assert len(order) == 2 * count
    time = np.arange(2.0 * count).reshape(-1, 4)
    a = np.array(list(order)).reshape(-1, 4) == "a"
    assert ((time * a).sum(axis=1) == (time * ~a).sum(axis=1)).all()


def test_the_order_is_drawn_and_the_seed_repeats_it():
    orders = {tuple(session.draw_first_sides(6, seed)) for seed in range(40)}
    assert len(orders) == 8  # both orders for each of the three pairs
    assert session.draw_first_sides(6, 3) == session.draw_first_sides(6, 3)


@pytest.mark.parametrize(
    "count, reason",
    [
        (0, "With 0 blocks, nothing can be decided, because an interval over blocks needs 3"),
        (1, "With 1 block, nothing can be decided, because an interval over blocks needs 3"),
        (2, "With 2 blocks, nothing can be decided"),
        (3, "With 3 blocks, one side comes first more often, so a steady drift does not cancel"),
        (7, "With 7 blocks, one side comes first more often"),
    ],
)
def test_a_number_of_blocks_that_cannot_be_is_refused(count, reason):
    with pytest.raises(SelectionError, match=f"^{reason}.*: use an even number, 4 or more"):
        session.draw_first_sides(count, 0)


def short_run(raw, block, side, ended=True, of_session=SESSION, second=0):
    """Write the log of a short run, and return its folder."""
    number = 2 * block.number + second
    ab = of_session.record(block, side)
    folder = begin(
        raw, [ID], f"20260101T0000{number:02}.000Z-aaaaaa", study="ab", ab=ab, seed=of_session.seed_of(block)
    )
    last = end() if ended else {"event": "failed", "reason": "it crashed"}
    attempt(folder, ID, LOAD, last)
    return folder


def test_a_session_is_read_from_its_runs(tmp_path):
    first, second = Block(1, "a"), Block(2, "b")
    folders = [short_run(tmp_path, first, "a"), short_run(tmp_path, first, "b", second=1)]
    folders.append(short_run(tmp_path, second, "b", ended=False))
    short_run(tmp_path, Block(9, "a"), "a", of_session=replace(SESSION, id="another"))
    begin(tmp_path, [ID], "20260101T000059.000Z-aaaaaa")
    complete, broken = session.recorded_blocks(tmp_path, "local", SESSION.id)
    assert (complete.block, dict(complete.folders)) == (first, dict(zip("ab", folders, strict=False)))
    assert (complete.problems, complete.pairs) == ([], 1)
    assert (broken.block, broken.pairs) == (second, 0)
    assert broken.problems == [f"B: {ID} failed: it crashed", "A was not run"]


def test_an_instance_that_ran_on_another_accelerator_is_not_paired(tmp_path):
    block = Block(1, "a")
    folders = {side: short_run(tmp_path, block, side, second=at) for at, side in enumerate("ab")}
    fallback = {**LOAD, "accelerator_requested": "nnapi"}
    rawlog.attempt_path(folders["b"], ID, 1).unlink()
    attempt(folders["b"], ID, fallback, end())
    [only] = session.recorded_blocks(tmp_path, "local", SESSION.id)
    assert (only.problems, only.pairs) == ([f"B: {ID} ran on the cpu, but nnapi was requested"], 0)


def test_a_block_that_went_wrong_is_measured_again_as_a_whole_in_its_order(tmp_path):
    """The second block of ABBA BAAB failed and the third is incomplete: both are left, and get new numbers."""
    orders = session.draw_first_sides(SESSION.blocks, SESSION.seed)
    for number, first in enumerate(orders[:3], 1):
        block = Block(number, first)
        for second, side in enumerate(block.sides[: 1 if number == 3 else 2]):
            short_run(tmp_path, block, side, ended=number != 2, second=second)
    remaining = session.remaining_blocks(SESSION, session.recorded_blocks(tmp_path, "local", SESSION.id))
    assert [block.number for block in remaining] == [4, 5, 6]
    assert sorted([orders[0], *(block.first for block in remaining)]) == sorted(orders)
    assert session.remaining_blocks(SESSION, []) == [Block(number, first) for number, first in enumerate(orders, 1)]


def test_only_the_session_that_is_asked_for_is_gone_on_with(tmp_path):
    for second, side in enumerate("ab"):
        short_run(tmp_path, Block(1, "a"), side, second=second)
    [folder, _] = rawlog.run_folders(tmp_path)
    record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    stored = {
        name: record[name] for name in ("study", "suite", "threads", "dataset", "models", "profile", "ab", "seed")
    }
    new = Session.new(SESSION.seed, SESSION.blocks, WORDS)
    assert new.id != SESSION.id
    assert (session.newest_session(tmp_path, "local"), session.newest_session(tmp_path, "pixel")) == (SESSION.id, None)

    def different(requested=new, **b):
        return session.session_differences(
            tmp_path, "local", SESSION.id, requested, {"a": stored, "b": {**stored, **b}}
        )

    assert different() == []
    assert different(replace(new, seed=8, blocks=6)) == ["blocks", "seed"]
    assert different(replace(new, words={**WORDS, "b": "threads=4"})) == ["settings"]
    assert different(threads=3) == ["threads"]
    assert different(suite=["x"], models={}) == ["instances", "models"]


@pytest.mark.parametrize(
    "words, sentence",
    [
        ([], "--a contains no setting: use for example --a threads=2."),
        (
            ["speed=2"],
            "'speed=2' in --a is not a setting: use NAME=VALUE, where NAME is one of model, threads, framework",
        ),
        (["threads"], "'threads' in --a is not a setting"),
        (["threads="], "'threads=' in --a is not a setting"),
        (["threads=1", "threads=2"], "--a contains threads twice"),
    ],
)
def test_settings_that_are_none_are_refused(words, sentence):
    with pytest.raises(SelectionError, match=f"^{sentence}"):
        settings.parse(words, "--a")


def test_settings_are_told_in_one_order():
    assert settings.settings_text(settings.parse(["cores=big, threads=2"], "--a")) == "threads=2, cores=big"


def test_a_model_file_takes_the_place_of_the_prepared_one(workspace, request_, tmp_path):
    prepared = request_.artifacts[TINY[0].artifact]
    file = tmp_path / "after.tflite"
    shutil.copy(request_.artifacts[TINY[1].artifact].path, file)
    same, artifacts = settings.with_model(TINY[:1], request_.artifacts, file, request_.catalog)
    new = artifacts[TINY[0].artifact]
    assert same == TINY[:1]
    assert (new.path, new.settings, new.weights) == (file, prepared.settings, prepared.weights)
    assert new.sha256 == request_.artifacts[TINY[1].artifact].sha256 != prepared.sha256
    # the description beside the file states what it is
    prepared_file = request_.artifacts[TINY[1].artifact].path
    same, artifacts = settings.with_model(TINY, request_.artifacts, prepared_file, request_.catalog)
    assert (same, artifacts) == ([TINY[1]], request_.artifacts)


def test_a_model_file_that_cannot_be_is_refused(request_, tmp_path):
    file = tmp_path / "after.tflite"
    with pytest.raises(ModelError, match=r"^There is no model file .*after\.tflite: name an existing file\.$"):
        settings.with_model(TINY[:1], request_.artifacts, file, request_.catalog)
    file.write_bytes(b"x")
    with pytest.raises(SelectionError, match="may be any of 3 models: select the one whose settings apply to it"):
        settings.with_model(TINY, request_.artifacts, file, request_.catalog)
    with pytest.raises(ModelError, match=r"is not a pytorch model file, whose name ends in \.ptl"):
        settings.with_model(TINY[2:], request_.artifacts, file, request_.catalog)
    with pytest.raises(ModelError, match="has not been prepared"):
        settings.with_model([Instance("tflite", "cpu", "float16", "mnasnet")], {}, file, request_.catalog)


def test_instances_are_paired_by_what_the_settings_do_not_name():
    cpu, nnapi = (Instance("tflite", delegate, "float32", "mnasnet") for delegate in ("cpu", "nnapi"))
    other = Instance("tflite", "nnapi", "float32", "resnet50")
    instances = {"a": [cpu], "b": [other, nnapi]}
    varied = {"a": {"delegate": "cpu"}, "b": {"delegate": "nnapi"}}
    assert settings.pairs(instances, varied) == [(cpu, nnapi)]
    with pytest.raises(SelectionError, match="A and B have no instances in common"):
        settings.pairs(instances, {"a": {"threads": "1"}, "b": {"threads": "2"}})
    with pytest.raises(SelectionError, match="--b sets the delegate, but --a does not: set it on both sides"):
        settings.pairs(instances, {"a": {"threads": "1"}, "b": {"delegate": "nnapi"}})


@pytest.fixture
def device(workspace):
    return LocalDevice(workspace.staging, "salt")


def command(workspace, *words):
    return ["ab", "--local", "--workspace", workspace.root, "--images", "5", "--blocks", "4", "--yes", *ONLY, *words]


def processed_of(workspace):
    """Make the tables from the raw logs, and return their folder."""
    folder = workspace.root / "data" / "processed"
    assert aiot("process", "--raw", workspace.raw, "--processed", folder).returncode == 0
    return folder


def runs_of(workspace):
    folders = rawlog.run_folders(workspace.raw)
    return [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in folders]


def test_two_thread_counts_take_turns_and_are_compared(workspace):
    done = aiot(*command(workspace, "--a", "threads=1", "--b", "threads=2"))
    assert done.returncode == 0, done.stderr
    records = runs_of(workspace)
    order = "".join(first + {"a": "b", "b": "a"}[first] for first in session.draw_first_sides(4, 0))
    assert "".join(record["ab"]["side"] for record in records) == order
    assert (
        f"order     {' '.join(order[at : at + 2].upper() for at in range(0, 8, 2))}: 8 runs of 5 images" in done.stdout
    )
    assert [record["ab"]["block"] for record in records] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert {record["study"] for record in records} == {"ab"}
    assert all(record["threads"] == {"a": 1, "b": 2}[record["ab"]["side"]] for record in records)
    assert [record["seed"] for record in records] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert "intervals of times are over 4 blocks of one session" in done.stdout
    assert "differences between days are not included" in done.stdout
    assert "threads: 1 → 2" in done.stdout
    # the runs do not belong to the suite, and the comparison can be repeated
    assert ledger.runs_of(workspace.raw, "local") == []
    again = aiot("compare", "--ab", "newest", "--processed", processed_of(workspace), "--format", "json")
    assert again.returncode == 0, again.stderr
    content = json.loads(again.stdout)
    assert (content["kind"], content["a"]["words"], content["b"]["words"]) == ("in turn", "threads=1", "threads=2")
    assert {row["metric"]: (row["way"], row["units"]) for row in content["instances"]}["mean"] == ("blocks", "4")
    # a complete session is not measured again
    repeated = aiot(*command(workspace, "--a", "threads=1", "--b", "threads=2", "--resume"))
    assert (repeated.returncode, len(runs_of(workspace))) == (0, 8)
    assert "order     nothing left to measure\n" in repeated.stdout


def test_the_plan_is_shown_and_nothing_is_run_without_a_yes(workspace):
    words = [word for word in command(workspace, "--a", "threads=1", "--b", "threads=2") if word != "--yes"]
    plan = aiot(*words, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert f"expected  unknown, because no earlier run on this device measured {ID}\n" in plan.stdout
    declined = aiot(*words)  # the question cannot be answered without a terminal
    assert declined.returncode == 1
    assert "Run it? [y/N]" in declined.stderr
    assert not rawlog.run_folders(workspace.raw)


@pytest.mark.slow
def test_two_quantizations_are_compared_under_the_name_of_the_first(workspace):
    words = [word for word in command(workspace) if word not in ("--quantizations", "float32")]
    done = aiot(*words, "--a", "quantization=float32", "--b", "quantization=int8")
    assert done.returncode == 0, done.stderr
    assert {tuple(record["suite"]) for record in runs_of(workspace)} == {(TINY[0].id,), (TINY[1].id,)}
    assert "quantization: float32 → int8" in done.stdout
    assert "1 instance compared" in done.stdout


@pytest.mark.slow
def test_an_interrupted_session_can_be_resumed(workspace, monkeypatch):
    """The third run is interrupted, and its block is measured again on both sides."""
    from runner import fleet

    calls, run_all = [], fleet.run_all

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run_all(*arguments)

    words = command(workspace, "--a", "threads=1", "--b", "threads=2", "--resume")
    monkeypatch.setattr(fleet, "run_all", interrupted)
    broken = aiot(*words)
    assert broken.returncode == 130
    assert "is unfinished: repeat the command with `--resume` to continue" in broken.stderr
    assert len(runs_of(workspace)) == 2
    done = aiot(*words)
    assert done.returncode == 0, done.stderr
    records = runs_of(workspace)
    assert [record["ab"]["block"] for record in records] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len({record["ab"]["session"] for record in records}) == 1


@pytest.fixture
def broken_int8(workspace, monkeypatch, tmp_path):
    """Make the int8 file of B impossible to load in the second block."""
    file = tmp_path / "broken.tflite"
    file.write_bytes(b"no model")
    request_of_block = session.request_of_block

    def broken(request, ab_session, block, side, order):
        if (block.number, side) == (2, "b"):
            name = TINY[1].artifact
            request = replace(
                request, artifacts={**request.artifacts, name: replace(request.artifacts[name], path=file)}
            )
        return request_of_block(request, ab_session, block, side, order)

    monkeypatch.setattr(session, "request_of_block", broken)
    return monkeypatch


@pytest.mark.slow
def test_a_block_that_fails_is_named_and_left_out_of_the_pairs(workspace, broken_int8):
    words = command(workspace, "--quantizations", "int8", "--a", "threads=1", "--b", "threads=2")
    done = aiot(*words)
    assert done.returncode == 1
    assert "block     2 (2 of 4): B: tflite_cpu_int8_squeezenet failed: " in done.stdout
    assert (
        "1 block failed (see above): repeat the command with `--resume` to measure every failed block again."
        in done.stderr
    )
    assert "intervals of times are over 3 to 4 blocks of one session" in done.stdout
    assert "block 2 excluded: B is invalid" in done.stdout
    broken_int8.undo()
    again = aiot(*words, "--resume")
    assert again.returncode == 0, again.stderr
    records = runs_of(workspace)
    assert [record["ab"]["block"] for record in records] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert records[8]["ab"]["first"] == records[2]["ab"]["first"]
    assert "intervals of times are over 4 to 5 blocks of one session" in again.stdout


@pytest.mark.slow
def test_a_session_stops_where_nothing_ends_on_both_sides(workspace, broken_int8):
    words = [word if word != "float32" else "int8" for word in command(workspace)]
    done = aiot(*words, "--a", "threads=1", "--b", "threads=2")
    assert done.returncode == 1
    assert (
        "The session was stopped because no instance was measured on both sides in block 2: "
        "fix the problems listed above." in done.stderr
    )
    assert len(runs_of(workspace)) == 4
    sentence = refused(aiot("compare", "--ab", "newest", "--processed", processed_of(workspace)))
    assert sentence.startswith("aiot: Session ")
    assert "no result: 1 block of tflite_cpu_int8_squeezenet can be used" in sentence
    assert "an interval over blocks needs 3 (block 2 excluded: B is invalid" in sentence


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["--a", "threads=1", "--b", "threads=1"], "A and B are the same (threads=1): choose two different settings."),
        (
            ["--a", "threads=1", "--b", "cores=all"],
            "A (threads=1) and B (cores=all) are the same for the selected instances: choose",
        ),
        (["--a", "threads=1", "--b", "threads=0"], "threads=0 is not a valid number of threads: use 1 or more."),
        (["--a", "threads=1", "--b", "threads=٣"], "threads=٣ is not a valid number of threads: use 1 or more."),
        (["--a", "threads=1", "--b", "model=no.tflite"], "There is no model file no.tflite: name an existing file."),
        (["--a", "threads=1", "--b", "python=/no/python"], "There is no Python /no/python: name the interpreter of"),
        (["--a", "threads=1", "--b", "accelerator=npu"], "accelerator= requires TFLite's own tools: give their folder"),
        (["--a", "threads=1", "--b", "threads=2", "--blocks", "1"], "With 1 block, nothing can be decided, because an"),
    ],
)
def test_bad_input_is_one_sentence(workspace, words, sentence):
    assert refused(aiot(*command(workspace, *words))).startswith(f"aiot: {sentence}")
    assert not rawlog.run_folders(workspace.raw)


def script(path, *lines):
    """Make a program that stands in for the Python of an environment."""
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


def test_the_plan_names_the_versions_of_two_pythons(workspace, tmp_path):
    a, b = (script(tmp_path / name, f'exec {sys.executable} "$@"') for name in ("old", "new"))
    plan = aiot(*command(workspace, "--a", f"python={a}", "--b", f"python={b}", "--dry-run"))
    assert plan.returncode == 0, plan.stderr
    version = metadata.version("ai-edge-litert")
    assert f"A         python={a} (ai-edge-litert {version})\n" in plan.stdout
    assert f"B         python={b} (ai-edge-litert {version})\n" in plan.stdout


def test_a_python_that_cannot_run_the_agent_is_refused_before_anything_runs(workspace, tmp_path):
    python = script(tmp_path / "python", "echo Traceback >&2", "echo no module numpy >&2", "exit 1")
    sentence = refused(aiot(*command(workspace, "--a", "threads=1", "--b", f"python={python}")))
    reason = f"{python} cannot run tflite (no module numpy): install what is missing there, or name another Python."
    assert sentence == f"aiot: {reason}"
    sentence = refused(aiot(*command(workspace, "--a", "threads=1", "--b", f"python={tmp_path}")))
    assert sentence.endswith(f"name the interpreter of an environment, for example {tmp_path}/bin/python.")
    assert not rawlog.run_folders(workspace.raw)


def test_a_framework_that_the_python_lacks_is_left_out(device, request_, tmp_path, monkeypatch):
    """With a Python that has only TFLite, the PyTorch instance is left out."""

    def run_python(words, _agent):
        return (0, "a warning\nlitert 9.9\n") if words[-1] == "tflite" else (1, "no module torch\n")

    monkeypatch.setattr(device, "run_python", run_python)
    side = settings.SettingsSide("python=x", device, request_, tmp_path / "x")
    versioned, instances = settings.with_versions(side, TINY)
    assert (versioned.versions, instances) == ("litert 9.9", TINY[:2])
    assert settings.with_versions(replace(side, python=None), TINY) == (replace(side, python=None), TINY)


def test_settings_without_effect_on_the_selected_instances_are_no_difference(device, request_, monkeypatch):
    """The accelerator has an effect on NNAPI only, and the Python has none on tools."""
    record = run_request.RunRequest.record
    tools = {"benchmark_model": "1", "run_eval": "1"}

    def with_tools(request, device):
        return {
            **record(replace(request, native=None), device),
            "native_tools": {**tools, "accelerator": request.native.accelerator},
        }

    monkeypatch.setattr(run_request.RunRequest, "record", with_tools)
    cpu, nnapi = TINY[0], Instance("tflite", "nnapi", "float32", "squeezenet")

    def facts_of(instance, accelerator=None, python=None):
        native = NativeToolOptions(Path("tools"), Path("scratch"), accelerator)
        side = settings.SettingsSide("", device, replace(request_, instances=[instance], native=native), python)
        return side.requested_facts

    assert facts_of(cpu, "npu") == facts_of(cpu, "dsp") == facts_of(cpu, python=Path("x"))
    assert facts_of(nnapi, "npu") != facts_of(nnapi, "dsp")
    assert facts_of(TINY[2]) != facts_of(TINY[2], python=Path("x"))


def test_a_session_stops_where_the_device_refuses_what_differs(workspace, monkeypatch):
    def refuses_big(folder):
        conditions = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["conditions"]
        return ["the request for cores was refused: all are alike"] if conditions else []

    monkeypatch.setattr(session, "refused_conditions", refuses_big)
    done = aiot(*command(workspace, "--a", "cores=all", "--b", "cores=big"))
    assert done.returncode == 1
    assert done.stderr.endswith(
        "aiot: The device refuses a condition in which A and B differ "
        "(the request for cores was refused: all are alike): choose other settings.\n"
    )
    assert len(runs_of(workspace)) == 2


@pytest.mark.slow
def test_a_condition_refused_on_both_sides_is_reported_once(workspace):
    done = aiot(*command(workspace, "--a", "threads=1", "--b", "threads=2", "--fixed-performance"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("the request for fixed performance was refused: it is a mode of Android") == 1


def test_a_session_with_other_settings_is_not_resumed_and_the_differences_are_named(workspace):
    other = replace(SESSION, words={"a": "threads=1", "b": "threads=3"})
    short_run(workspace.raw, Block(1, "a"), "a", of_session=other)
    done = aiot(*command(workspace, "--a", "threads=1", "--b", "threads=2", "--resume", "--dry-run"))
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith(
        f"resume    starting a new session, because session {SESSION.id} differs in seed, settings, "
    )
    assert first.endswith(", models")


@pytest.mark.parametrize("verb", ["ab", "run"])
def test_a_folder_of_raw_logs_that_cannot_be_written_is_one_sentence(workspace, verb):
    workspace.raw.parent.mkdir(parents=True, exist_ok=True)
    workspace.raw.touch()  # not a folder
    words = {
        "ab": command(workspace, "--a", "threads=1", "--b", "threads=2"),
        "run": ["run", "--local", "--workspace", workspace.root, *ONLY],
    }
    done = aiot(*words[verb])
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    sentence = f"No run can be written to {workspace.raw} (Not a directory): free some space, or make it a folder that"
    assert sentence in done.stdout + done.stderr


def test_instances_that_cannot_run_on_both_sides_are_not_paired(workspace):
    [_, nnapi] = (Instance("tflite", delegate, "float32", "squeezenet") for delegate in ("cpu", "nnapi"))
    words = [word for word in command(workspace) if word not in ("--delegates", "cpu")]
    sentence = refused(aiot(*words, "--a", "delegate=cpu", "--b", "delegate=nnapi"))
    reason = "NNAPI is part of Android (run it on an Android phone)"
    assert sentence == f"aiot: No instance can run on both sides: {nnapi.id}: {reason}."


def test_expected_time_is_that_of_earlier_runs(tmp_path, request_):
    """Earlier runs took 2 s for ten images and 3 s for the rest, so five images take 1 s and 3 s."""
    times = {"started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:05Z"}
    folder = begin(tmp_path, [ID], **times)
    attempt(folder, ID, LOAD, *map(image, range(10)), {**end(), "loop_ns": 2_000_000_000})

    profile = replace(PROFILES["quick"], max_images=5)

    class Local:
        slug = "local"

    side = settings.SettingsSide("threads=1", Local(), replace(request_, instances=TINY[:2], profile=profile))
    assert session.expected_duration_s(tmp_path, side) == (pytest.approx(4.0), [TINY[1].id])


def test_a_recorded_block_without_a_side_has_no_pair():
    assert RecordedBlock(Block(1, "a")).problems == ["A was not run", "B was not run"]
    assert RecordedBlock(Block(1, "a")).pairs == 0


def test_a_run_of_another_version_of_the_format_is_no_part_of_a_session(tmp_path):
    begin(tmp_path, [ID], study="ab", ab={"session": SESSION.id, "side": "a"})
    assert session.recorded_blocks(tmp_path, "local", SESSION.id) == []


def test_a_session_stops_where_its_device_is_lost(workspace, monkeypatch):
    from runner import fleet
    from runner.errors import DeviceLostError
    from runner.fleet import DeviceOutcome

    def lost(space, devices, request, *_):
        return [DeviceOutcome(devices[0], error=DeviceLostError("The device local does not answer."))]

    monkeypatch.setattr(fleet, "run_all", lost)
    done = aiot(*command(workspace, "--a", "threads=1", "--b", "threads=2"))
    first = session.draw_first_sides(4, 0)[0].upper()
    assert done.returncode == 1
    assert f"aiot: Block 1, {first}: The device local does not answer." in done.stderr
    assert "is unfinished: repeat the command with `--resume` to continue" in done.stderr
