"""Tests of `aiot export pyperf` against the format in the documentation of pyperf."""

import json

import pytest

from aiot_analysis import ingest
from tests import rawlogs
from tests.aiot_analysis.export.conftest import MNASNET, RESNET, add_run
from tests.command import aiot, refused


def exported(workspace, *words):
    done = aiot("export", "pyperf", "results.json", *words, cwd=workspace)
    assert done.returncode == 0, done.stderr
    return done, json.loads((workspace / "results.json").read_text(encoding="utf-8"))


def by_name(suite):
    return {benchmark["metadata"]["name"]: benchmark for benchmark in suite["benchmarks"]}


def values(benchmark):
    [run] = benchmark["runs"]
    return run["values"]


def test_values_are_the_times_of_the_images_in_seconds_in_run_order(measured):
    done, suite = exported(measured)
    assert suite["version"] == "1.0"
    benchmarks = by_name(suite)
    assert set(benchmarks) == {f"local {MNASNET}", f"local {RESNET}"}
    # 1 ms decode, 2 ms preprocess and 1 ms postprocess in addition to the inference
    assert values(benchmarks[f"local {MNASNET}"]) == pytest.approx([0.010, 0.012, 0.014])
    assert values(benchmarks[f"local {RESNET}"]) == pytest.approx([0.030, 0.050])
    assert done.stdout == f"export    2 benchmarks, measured: {measured / 'results.json'}\n"


def test_inference_alone(measured):
    _, suite = exported(measured, "--timing", "inference")
    assert values(by_name(suite)[f"local {MNASNET}"]) == pytest.approx([0.006, 0.008, 0.010])
    assert suite["metadata"]["timing"] == "inference"


def test_metadata_say_what_was_measured(measured):
    _, suite = exported(measured)
    assert suite["metadata"]["origin"] == "measured"
    assert suite["metadata"]["unit"] == "second"
    facts = by_name(suite)[f"local {RESNET}"]["metadata"]
    assert facts["device"] == "Example Local"
    assert facts["cpu_count"] == 2
    assert (facts["framework"], facts["framework_version"], facts["threads"]) == ("pytorch", "torch 2.13.0", 2)
    assert facts["dataset_sha256"] == "d" * 64
    assert facts["model_sha256"] == f"sha of {RESNET}"
    assert "soc" not in facts  # this device does not offer it
    # pyperf accepts only text and numbers
    assert {type(value) for value in {**suite["metadata"], **facts}.values()} <= {str, int, float}


def test_an_instance_without_times_is_named(tmp_path):
    folder = rawlogs.begin(tmp_path / "data" / "raw", [MNASNET, RESNET], timing="inference")
    rawlogs.attempt(folder, MNASNET, rawlogs.LOAD, rawlogs.image(0, 0), rawlogs.image(1, 5), rawlogs.end())
    rawlogs.attempt(folder, RESNET, rawlogs.LOAD, rawlogs.image(0, 5), rawlogs.image(1, 7), rawlogs.end())
    ingest.process(tmp_path / "data" / "raw", tmp_path / "data" / "processed")
    done, suite = exported(tmp_path)
    assert list(by_name(suite)) == [f"local {RESNET}"]
    assert f"excluded local {MNASNET}: some of its times are 0, since the clock is coarse" in done.stderr


def test_published_data_say_so_and_where(tmp_path):
    load = {"publication": "MLPerf Mobile v5.0", "submitter": "Example", "retrieved": "2026-11-28"}
    load["address"] = "https://example.org/results"
    add_run(tmp_path / "data" / "raw", {MNASNET: [6, 8]}, load=load, origin="published")
    ingest.process(tmp_path / "data" / "raw", tmp_path / "data" / "processed")
    _, suite = exported(tmp_path)
    assert suite["metadata"]["origin"] == "published"
    assert suite["metadata"]["origin_note"].startswith("Published by others")
    [benchmark] = suite["benchmarks"]
    assert load.items() <= benchmark["metadata"].items()
    assert aiot("export", "asv", "asv", cwd=tmp_path).returncode == 0
    [path] = (tmp_path / "asv" / "results" / "local").glob("*-tflite.json")
    assert {"origin": "published", **load}.items() <= json.loads(path.read_text())["params"].items()


@pytest.mark.parametrize("kind", ["pyperf", "asv", "crate"])
def test_simulated_data_are_refused_unless_named(fleet, tmp_path, kind):
    ingest.process(fleet / "data" / "raw", tmp_path / "processed")
    place = ("--raw", fleet / "data" / "raw") if kind == "crate" else ("--processed", tmp_path / "processed")
    done = aiot("export", kind, tmp_path / "target", *place, cwd=tmp_path)
    message = refused(done)
    assert "only data here are simulated" in message
    assert "--origin simulated" in message
    assert not (tmp_path / "target").exists()


def test_simulated_data_say_so_if_named(fleet, tmp_path):
    ingest.process(fleet / "data" / "raw", tmp_path / "processed")
    _, suite = exported(tmp_path, "--processed", tmp_path / "processed", "--origin", "simulated")
    assert suite["metadata"]["origin_note"] == "Simulated: nothing here was measured on a device."
    assert len(suite["benchmarks"]) == 2 * 24


def test_origins_are_not_mixed(fleet, measured):
    ingest.process(fleet / "data" / "raw", measured / "other")
    add_run(measured / "data" / "raw", {MNASNET: [1, 1]}, "20260102T000000Z-bbbbbb", "another", origin="imported")
    ingest.process(measured / "data" / "raw", measured / "data" / "processed")
    _, suite = exported(measured)
    assert {name.split()[0] for name in by_name(suite)} == {"local"}


@pytest.mark.parametrize("kind", ["pyperf", "asv", "crate"])
def test_nothing_is_replaced(measured, kind):
    target = measured / "target"
    target.write_text("mine")
    assert "exists and would be replaced" in refused(aiot("export", kind, "target", cwd=measured))
    assert target.read_text() == "mine"
