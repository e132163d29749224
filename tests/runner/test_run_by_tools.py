"""Tests of runs by TFLite's tools on the command line, with stand-ins for the tools."""

import json

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import data, select
from runner import rawlog
from tests import command
from tests.runner.tools import standin


@pytest.fixture
def tools(tmp_path):
    return standin.install(tmp_path / "given")


def aiot(workspace, tools, *options):
    return command.aiot("run", "--local", "--native-tools", tools, "--workspace", workspace.root, *options)


def only_run(workspace):
    [folder] = rawlog.run_folders(workspace.raw)
    return folder, json.loads((folder / "run.json").read_text())


def test_tflite_is_measured_by_its_tools_and_the_others_by_the_agent(workspace, tools, tmp_path):
    done = aiot(workspace, tools, "--models", "squeezenet,mnasnet", "--quantizations", "float32")
    assert done.returncode == 0, done.stderr
    folder, record = only_run(workspace)
    assert {name: text and text.split()[0] for name, text in record["native_tools"].items()} == {
        "benchmark_model": "benchmark_model",
        "run_eval": "run_eval",
        "accelerator": None,
    }
    by_tool = rawlog.read_attempt(folder / "tflite_cpu_float32_squeezenet.1.jsonl")
    assert [event["event"] for event in by_tool.events] == ["load", "summary", "end"]
    assert (by_tool.last["images"], by_tool.events[0]["accelerator_actual"]) == (12, "cpu")
    by_agent = rawlog.read_attempt(folder / "pytorch_cpu_float32_mnasnet.1.jsonl")
    assert len(by_agent.of("image")) == 12
    nnapi = rawlog.read_attempt(folder / "tflite_nnapi_float32_squeezenet.1.jsonl")
    assert (nnapi.status, nnapi.last["reason"]) == ("unavailable", "NNAPI is part of Android")

    ingest.process(workspace.raw, tmp_path / "tables")
    rows, _ = select.measured_rows(data.load(tmp_path / "tables").instances, by_framework=True)
    assert dict(zip(rows["framework"], rows["source"], strict=True)) == {"tflite": "tool", "pytorch": "agent"}

    before = {path: path.read_bytes() for path in folder.glob("*.*.jsonl")}
    again = aiot(workspace, tools, "--models", "squeezenet,mnasnet", "--quantizations", "float32", "--resume")
    assert again.returncode == 0, again.stderr
    assert {path: path.read_bytes() for path in folder.glob("*.*.jsonl")} == before
    assert only_run(workspace)[0] == folder, "a run that is over is not begun again"


def test_a_device_without_a_framework_is_measured_all_the_same(workspace, tools):
    done = aiot(workspace, tools, "--dry-run", "--models", "squeezenet")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert lines["tflite_cpu_int8_squeezenet"] == "ready"
    assert lines["tflite_nnapi_int8_squeezenet"] == "unavailable: NNAPI is part of Android"
    assert not workspace.raw.exists()


@pytest.mark.parametrize("tools", ["none", "file"])
def test_tools_that_are_none_are_one_sentence_before_anything_begins(workspace, tmp_path, tools):
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "benchmark_model").write_text("<html>404</html>")
    done = aiot(workspace, tmp_path / tools)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("aiot: local: ")
    assert not workspace.raw.exists()


def test_an_accelerator_is_for_the_tools(workspace):
    done = command.aiot("run", "--local", "--nnapi-accelerator", "qti-dsp", "--workspace", workspace.root)
    assert (done.returncode, done.stderr) == (
        1,
        "aiot: --nnapi-accelerator requires TFLite's own tools: give their folder with --native-tools.\n",
    )
