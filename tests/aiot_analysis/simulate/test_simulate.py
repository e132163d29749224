"""Tests that simulated raw logs have the right format, depend only on the options, and are never partial or mixed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiot_analysis import simulate
from aiot_analysis.errors import SimulationError
from aiot_analysis.simulate import draw, write
from aiot_analysis.tables import names
from runner import rawlog

ROOT = Path(__file__).parents[3]
SMALL = simulate.Options(devices=2, images=6, quantized_on=1)
LIMITED = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Code that runs another program with a limit on the size of the files it writes."""


def contents(folder):
    """Return the content of every file below a folder by its relative path."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def simulated(folder, options=SMALL, **how):
    simulate.simulate(options, folder, **{"jobs": 1, **how})
    return contents(folder)


def aiot(*words, limit_bytes=None, start_new_session=False):
    program = [sys.executable, "-m", "aiot", "simulate", *map(str, words)]
    if limit_bytes is not None:
        program = [sys.executable, "-c", LIMITED, str(limit_bytes), *program]
    return subprocess.Popen(
        program,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=start_new_session,
    )


def refused(*words, **how):
    """Return the sentence with which a call is refused."""
    process = aiot(*words, **how)
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    [line] = errors.splitlines()
    assert line.startswith("aiot: ")
    return line


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return the folder of a fleet of two phones and six images."""
    raw = tmp_path_factory.mktemp("small") / "raw"
    simulate.simulate(SMALL, raw, jobs=1)
    return raw


def test_each_phone_has_a_run_with_one_file_per_instance(small):
    first, second = rawlog.run_folders(small)
    assert [first.parent.name, second.parent.name] == ["sim-01-samsung-galaxy-s10e", "sim-02-samsung-galaxy-s10-plus"]
    assert sorted(rawlog.attempt_paths(first)) == sorted([*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED])
    assert sorted(rawlog.attempt_paths(second)) == sorted(names.PAPER_FLOAT32)
    assert [path for path in small.iterdir() if path.name.startswith(simulate.PART)] == []


def test_every_file_is_of_the_format_and_says_that_it_is_simulated(small):
    for folder in rawlog.run_folders(small):
        run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        device = rawlog.read_json(folder / "device.json", rawlog.DEVICE_FIELDS)
        assert (run["run_id"], run["device_slug"], device["slug"]) == (folder.name, *[folder.parent.name] * 2)
        assert run["origin"] == device["origin"] == "simulated"
        assert run["dataset"]["name"] == "simulated"
        assert {model["weights"] for model in run["models"].values()} == {"none (simulated)"}
        assert all(model["sha256_of"].startswith("simulated ") for model in run["models"].values())
        assert sorted(run["suite"]) == sorted(rawlog.attempt_paths(folder))
        assert set(device["not_offered"]) == {"serial_sha256", "kernel", "cores", "battery"}
        for instance, [path] in rawlog.attempt_paths(folder).items():
            attempt = rawlog.read_attempt(path)
            assert (attempt.status, attempt.dropped) == ("end", None)
            assert [event["event"] for event in attempt.events] == ["load", *["image"] * 6, "end"]
            images = attempt.of("image")
            assert [event["query"] for event in images] == list(range(6))
            assert attempt.last["correct"] == sum(event["top5"][0][0] == event["label"] for event in images)
            assert attempt.last["images"] == 6
            [load] = attempt.of("load")
            assert (load["instance"], load["model_sha256"]) == (instance, run["models"][instance]["sha256"])
            assert "simulated" in load["framework_version"]


def test_events_have_the_fields_a_real_run_has_in_its_order(small):
    written = json.loads(next(small.rglob("tflite_cpu_int8_mnasnet.1.jsonl")).read_text().splitlines()[1])
    times = ["decode_ns", "preprocess_ns", "inference_ns", "postprocess_ns", "at_ns"]
    assert list(written) == ["query", "image", "label", "top5", *times, "event"]
    assert all(isinstance(number, int) and 0 <= score <= 1 for number, score in written["top5"])


def test_each_phone_has_an_order_of_its_own(small):
    runs = [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS) for folder in rawlog.run_folders(small)]
    paper = [tuple(id_ for id_ in run["suite"] if "_float32_" in id_) for run in runs]  # run by all phones
    assert len(set(paper)) == len(runs) > 1


def test_instances_follow_each_other_in_the_order_of_the_suite(small):
    folder = rawlog.run_folders(small)[0]
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    begun = [rawlog.read_attempt(rawlog.attempt_path(folder, id_, 1)).of("load")[0]["at"] for id_ in run["suite"]]
    assert begun == sorted(begun)
    assert run["started"] == begun[0] < begun[-1] < run["ended"]
    assert run["suite"] != sorted(run["suite"])


def test_a_model_has_one_hash_on_all_phones_and_with_both_delegates(small):
    models = [rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["models"] for folder in small.glob("*/*")]
    for instance in names.PAPER_FLOAT32:
        assert models[0][instance] == models[1][instance]
        other = instance.replace("_nnapi_", "_cpu_")
        assert models[0][instance]["sha256"] == models[0][other]["sha256"]
    first = next(key for key in models if len(key) == 60)
    assert len({model["sha256"] for model in first.values()}) == 36
    sizes = {key: model["size_bytes"] for key, model in first.items()}
    assert sizes["tflite_cpu_float32_mnasnet"] == 4 * sizes["tflite_cpu_int8_mnasnet"] == 15_600_000


def test_the_same_options_give_the_same_bytes_whatever_the_jobs(small, tmp_path):
    expected = contents(small)
    assert len(expected) == 60 + 24 + 2 * 2
    assert simulated(tmp_path / "again") == expected
    assert simulated(tmp_path / "parallel", jobs=2) == expected


@pytest.mark.parametrize("other", [{"seed": 1}, {"images": 7}, {"quantized_on": None}])
def test_other_options_are_another_fleet(small, tmp_path, other):
    options = simulate.Options(**{**vars(SMALL), **other})
    runs = [{path.split("/")[1] for path in files} for files in (contents(small), simulated(tmp_path, options))]
    assert runs[0] != runs[1]
    if "seed" in other:
        name = "pytorch_cpu_float32_resnet50.1.jsonl"
        first, second = (sorted(folder.rglob(name))[0].read_text() for folder in (small, tmp_path))
        assert first.splitlines()[2] != second.splitlines()[2]


def test_a_larger_fleet_holds_the_smaller_one_byte_for_byte(small, tmp_path):
    larger = simulate.Options(devices=3, images=6, quantized_on=1)
    assert contents(small).items() <= simulated(tmp_path, larger).items()


def test_phones_beyond_51_are_no_phone_of_the_paper(tmp_path):
    options = simulate.Options(devices=53, images=2, quantized_on=0)
    result = simulate.simulate(options, tmp_path, jobs=1)
    assert (result.devices, result.summary()) == (53, "53 devices, 1272 instances, 2544 images")
    device = rawlog.read_json(next(tmp_path.glob("sim-53-*/*/device.json")), rawlog.DEVICE_FIELDS)
    assert (device["maker"], device["model"]) == ("Simulated", "Phone 53")


def test_a_second_call_writes_nothing_and_a_larger_one_adds(tmp_path):
    numbers = []
    simulate.simulate(SMALL, tmp_path, jobs=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.jsonl")}
    again = simulate.simulate(SMALL, tmp_path, jobs=1, progress=lambda run: numbers.append(run.phone.number))
    assert (again.kept, numbers) == (2, [1, 2])
    larger = simulate.simulate(simulate.Options(devices=3, images=6, quantized_on=1), tmp_path, jobs=1)
    assert (larger.devices, larger.kept) == (3, 2)
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("other", [{"seed": 1}, {"images": 5}, {"devices": 1}, {"quantized_on": None}])
def test_a_fleet_of_other_options_is_not_mixed_with(tmp_path, other):
    before = simulated(tmp_path)
    options = simulate.Options(**{**vars(SMALL), **other})
    with pytest.raises(SimulationError) as refusal:
        simulate.simulate(options, tmp_path, jobs=1)
    assert "that these options do not produce" in str(refusal.value)
    assert "(seed 0, 6 images)" in str(refusal.value)
    assert "--replace" in str(refusal.value)
    assert contents(tmp_path) == before


def test_a_fleet_of_another_version_is_not_mixed_with(tmp_path, monkeypatch):
    simulated(tmp_path)
    monkeypatch.setattr(simulate, "version", lambda: "another")
    with pytest.raises(SimulationError, match="by another version"):
        simulate.simulate(SMALL, tmp_path, jobs=1)


def test_replace_deletes_simulated_runs_of_other_options_and_nothing_else(tmp_path):
    simulated(tmp_path)
    measured = tmp_path / "local" / "20260101T000000Z-aaaaaa"
    measured.mkdir(parents=True)
    (measured / "run.json").write_text("{}")
    strange = tmp_path / "sim-01-samsung-galaxy-s10e" / "notes"
    strange.mkdir()
    options = simulate.Options(devices=1, images=3)
    result = simulate.simulate(options, tmp_path, jobs=1, replace=True)
    assert (result.devices, result.kept) == (1, 0)
    folders = rawlog.run_folders(tmp_path)
    assert {folder.name for folder in folders} == {measured.name, "notes", simulate.runs(options)[0].id}
    assert not (tmp_path / "sim-02-samsung-galaxy-s10-plus").exists()


def test_a_measured_run_is_never_taken_for_a_simulated_one(tmp_path):
    folder = tmp_path / "sim-99-mine" / "20260101T000000Z-aaaaaa"
    simulated(tmp_path)
    [first, _] = rawlog.run_folders(tmp_path)
    folder.mkdir(parents=True)
    record = json.loads((first / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, "origin": "measured"}))
    simulate.simulate(SMALL, tmp_path, jobs=1, replace=True)
    assert (folder / "run.json").exists()


def test_what_breaks_while_a_phone_is_written_leaves_no_half_run(tmp_path, monkeypatch):
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) > 40:
            raise KeyboardInterrupt
        return b"{}\n"

    monkeypatch.setattr(write, "_attempt", stop)
    with pytest.raises(KeyboardInterrupt):
        simulate.simulate(SMALL, tmp_path, jobs=1)
    assert contents(tmp_path) == {}
    monkeypatch.undo()
    assert len(simulated(tmp_path)) == 88


def test_what_a_killed_call_left_is_cleared_away_and_is_no_run(small, tmp_path):
    part = tmp_path / f"{simulate.PART}sim-01-samsung-galaxy-s10e"
    part.mkdir()
    (part / "run.json").write_text("{}")
    assert rawlog.run_folders(tmp_path) == []
    assert simulated(tmp_path) == contents(small)


def test_a_second_call_at_the_same_time_is_refused(tmp_path):
    with simulate._locked(tmp_path), pytest.raises(SimulationError, match="Another `aiot simulate` is writing to"):
        simulate.simulate(SMALL, tmp_path, jobs=1)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    line = refused("--devices", 1, "--images", 2, "--raw", tmp_path / "file" / "raw")
    assert line.startswith(f"aiot: Raw logs cannot be written to {tmp_path / 'file' / 'raw'}: Not a directory")


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_disk_that_takes_no_more_is_one_sentence_and_leaves_no_half_run(tmp_path, jobs):
    words = ["--devices", 2, "--images", 100, "--jobs", jobs, "--raw", tmp_path]
    line = refused(*words, limit_bytes=20_000)
    assert "File too large" in line
    assert "free some space, or name another folder with --raw" in line
    assert contents(tmp_path) == {}


@pytest.mark.slow
def test_an_interrupted_call_keeps_whole_runs_and_goes_on(tmp_path):
    words = ["--devices", 20, "--images", 300, "--jobs", 2, "--raw", tmp_path / "raw"]
    process = aiot(*words, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "raw").glob("sim-*/*/run.json")):
        assert process.poll() is None, "it ended before it could be interrupted"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.strip()) == (130, "aiot: interrupted; completed work is kept.")
    folders = rawlog.run_folders(tmp_path / "raw")
    assert 0 < len(folders) < 20
    assert all(len(list(folder.iterdir())) in (24 + 2, 60 + 2) for folder in folders)
    assert list((tmp_path / "raw").glob(f"{simulate.PART}*")) == []
    out, _ = aiot(*words).communicate(timeout=120)
    assert f"{len(folders)} there already" in out
    expected = simulated(tmp_path / "whole", simulate.Options(devices=20, images=300), jobs=2)
    assert contents(tmp_path / "raw") == expected


def test_the_command_says_what_is_there(tmp_path):
    words = ["--devices", 2, "--images", 3, "--quantized-on", "none", "--raw", tmp_path]
    line = f"simulate  2 devices, 48 instances, 144 images in {tmp_path}"
    assert aiot(*words, "--jobs", 1).communicate(timeout=60)[0] == f"{line}\n"
    assert aiot(*words).communicate(timeout=60)[0] == f"{line}, all there already\n"
    assert aiot("--devices", 2, "--images", 4, "--raw", tmp_path).communicate(timeout=60)[1].startswith("aiot: ")


@pytest.mark.parametrize(
    "words",
    [["--devices", "0"], ["--images", "0"], ["--seed", "-1"], ["--quantized-on", "some"], ["--quantized-on", "-3"]],
)
def test_wrong_usage_exits_with_2(words, tmp_path):
    process = aiot(*words, "--raw", tmp_path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "Usage:" in errors
    assert list(tmp_path.iterdir()) == []


def test_the_factor_of_a_phone_is_in_its_run(small):
    run = rawlog.read_json(rawlog.run_folders(small)[1] / "run.json", rawlog.RUN_FIELDS)
    [_, second] = simulate.runs(SMALL)
    _, factor = draw.phone(second.phone, second.instances, 0, 6)
    expected = {"seed": 0, "images": 6, "quantized": False, "version": simulate.version(), "scale": factor}
    assert run["simulation"] == expected
