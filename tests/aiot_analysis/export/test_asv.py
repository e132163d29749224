"""Tests of `aiot export asv` against version 2 of the results format in the documentation of asv."""

import json
import subprocess

import pytest

from aiot_analysis import ingest
from tests.aiot_analysis.export.conftest import MNASNET, RESNET, add_run
from tests.command import aiot


def exported(workspace, *words):
    done = aiot("export", "asv", "asv", *words, cwd=workspace)
    assert done.returncode == 0, done.stderr
    return workspace / "asv"


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def git(folder, *words):
    command = ["git", "--git-dir", str(folder / "versions.git"), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def results(folder):
    return {path.name: read(path) for path in sorted((folder / "results").glob("*/*.json")) if "-" in path.name}


def test_a_result_is_the_median_with_its_quartiles_and_times(measured):
    folder = exported(measured)
    [content] = [item for item in results(folder).values() if item["env_name"] == "tflite"]
    assert content["version"] == 2
    row = dict(zip(content["result_columns"], content["results"][MNASNET], strict=False))
    assert row["result"] == pytest.approx([0.012])
    assert row["samples"][0] == pytest.approx([0.010, 0.012, 0.014])
    # interpolated between 10, 12 and 14 ms
    assert (row["stats_q_25"], row["stats_q_75"]) == (pytest.approx([0.011]), pytest.approx([0.013]))
    assert (row["stats_repeat"], row["params"], row["duration"]) == ([3], [], None)
    benchmarks = read(folder / "results" / "benchmarks.json")
    assert benchmarks["version"] == 2
    assert set(benchmarks) - {"version"} == {MNASNET, RESNET}
    assert row["version"] == benchmarks[MNASNET]["version"]  # asv ignores results of another version
    assert (benchmarks[MNASNET]["type"], benchmarks[MNASNET]["unit"]) == ("time", "seconds")


def test_a_device_is_a_machine(measured):
    folder = exported(measured)
    machine = read(folder / "results" / "local" / "machine.json")
    assert machine == {
        "machine": "local",
        "os": "",
        "arch": "",
        "cpu": "",
        "num_cpu": "2",
        "ram": "8GB",
        "version": 1,
    }
    assert all(item["params"]["machine"] == "local" for item in results(folder).values())


def test_a_version_of_a_framework_is_a_commit_in_the_order_of_their_first_runs(tmp_path):
    raw = tmp_path / "data" / "raw"
    days = {"2.2.0": "2026-01-03", "2.3.0": "2026-01-01", "2.1.0": "2026-01-02"}
    for version, day in days.items():
        run_id = f"{day.replace('-', '')}T000000Z-aaaaaa"
        add_run(raw, {MNASNET: [6, 8]}, run_id, load={"framework_version": version}, started=f"{day}T00:00:00Z")
    ingest.process(raw, tmp_path / "data" / "processed")
    folder = exported(tmp_path)
    # 1, 2 and 3 January 2026 in seconds since 1970
    assert git(folder, "log", "--reverse", "--format=%s %ct", "main") == [
        "tflite-2.3.0 1767225600",
        "tflite-2.1.0 1767312000",
        "tflite-2.2.0 1767398400",
    ]
    hashes = {tag: git(folder, "rev-list", "-n", "1", tag)[0] for tag in git(folder, "tag")}
    assert sorted(hashes) == ["tflite-2.1.0", "tflite-2.2.0", "tflite-2.3.0"]
    assert {item["commit_hash"] for item in results(folder).values()} == set(hashes.values())
    assert f"{hashes['tflite-2.1.0'][:8]}-tflite.json" in results(folder)
    # the same times in ms
    assert results(folder)[f"{hashes['tflite-2.1.0'][:8]}-tflite.json"]["date"] == 1767312000000


def test_the_newest_run_of_a_version_is_exported(tmp_path):
    raw = tmp_path / "data" / "raw"
    add_run(raw, {MNASNET: [6, 6]})
    add_run(raw, {MNASNET: [16, 16]}, "20260105T000000Z-bbbbbb", started="2026-01-05T00:00:00Z")
    ingest.process(raw, tmp_path / "data" / "processed")
    [content] = results(exported(tmp_path)).values()
    assert content["results"][MNASNET][0] == pytest.approx([0.020])


def test_the_origin_is_in_every_file(measured):
    folder = exported(measured)
    assert "measured" in read(folder / "asv.conf.json")["project"]
    assert {item["params"]["origin"] for item in results(folder).values()} == {"measured"}


def test_without_git_it_says_so(measured, monkeypatch):
    monkeypatch.setenv("PATH", "")
    done = aiot("export", "asv", "asv", cwd=measured)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("aiot: This export needs git")
    assert not (measured / "asv").exists()
