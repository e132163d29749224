"""Tests that each file in `specimens` is read correctly: see its README.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiot_suite.workspace import Workspace
from runner import doctor, rawlog
from runner.devices import answers
from runner.importers.import_files import import_files
from runner.importers.input_files import LabelOverrides
from runner.tools import delegates, tflite_output
from tests.runner.devices.android_specimens import answer

FOLDER = Path(__file__).parent / "specimens"


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.fixture
def imported(tmp_path):
    """Return a function that imports a file and returns the instance, `load` and `summary` of each run by mean time."""

    def do(name: str, **labels: str) -> list[tuple[str, dict, dict]]:
        space = Workspace(tmp_path)
        overrides = LabelOverrides(device="Specimen Made Up", model="mnasnet", quantization="float32", **labels)
        result = import_files([FOLDER / name], overrides, space)
        assert result.refused == []
        assert result.notes[-1].endswith(" lines understood, 0 not")
        runs = []
        for folder in rawlog.run_folders(space.raw):
            for paths in rawlog.attempt_paths(folder).values():
                for attempt in map(rawlog.read_attempt, paths):
                    assert attempt.left_out == []
                    runs.append((attempt.of("load")[0]["instance"], attempt.of("load")[0], attempt.of("summary")[0]))
        return sorted(runs, key=lambda run: run[2]["mean_ms"])

    return do


def test_an_external_delegate_is_called_by_its_own_name(imported):
    [(instance, load, summary)] = imported("external_delegate.txt")
    assert instance == "tflite_external_float32_mnasnet"
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("external", "external")
    assert (load["accelerator_name"], load["nodes_delegated"], load["nodes"]) == ("Vx Delegate", 31, 31)
    assert (load["partitions"], summary["mean_ms"], summary["count"]) == (1, 1.1, 50)


@pytest.mark.parametrize("name", ["logcat_threadtime.txt", "indented.txt"])
def test_prefixes_of_lines_hide_nothing(imported, name):
    [(instance, load, summary)] = imported(name)
    assert (instance, load["accelerator_actual"], load["threads"]) == ("tflite_cpu_float32_mnasnet", "cpu", 4)
    assert (summary["count"], summary["sd_ms"], summary["mean_ms"]) == (25, 13.583, 145.528)
    assert (summary["warmups"], summary["warmup_ms"], load["load_ns"]) == (3, 211.0, 92_318_000)


def test_terse_runs_in_one_file_are_several_results(imported):
    first, second = imported("several_runs.txt")
    assert (first[0], first[1]["accelerator_actual"], first[2]["mean_ms"]) == (
        "tflite_nnapi_float32_mnasnet",
        "nnapi",
        8.0,
    )
    assert (second[0], second[1]["accelerator_requested"], second[1]["accelerator_actual"], second[2]["mean_ms"]) == (
        *("tflite_unknown_float32_mnasnet", None, None, 90.0),
    )


def test_two_forms_of_one_run_are_one_result(imported):
    [(_, load, summary)] = imported("litert_2025.txt")
    times = [summary[name] for name in ("mean_ms", "count", "p5_ms", "median_ms", "p95_ms", "sd_ms")]
    assert times == [0.947132, 1054, 0.910, 0.942, 0.991, 0.023]
    assert (summary["overall_memory_mb"], load["load_ns"]) == (7.07, 11_200_000)


def test_what_ran_is_unknown_if_the_log_does_not_tell(imported):
    [(instance, load, summary)] = imported("torch_short.txt", delegate="nnapi")
    assert (instance, load["accelerator_requested"]) == ("pytorch_nnapi_float32_mnasnet", "nnapi")
    assert (load["accelerator_actual"], summary["mean_ms"]) == (None, 25.6357)


@pytest.mark.parametrize("labels", [{}, {"delegate": "nnapi"}])
def test_the_wording_of_2019_asks_for_nnapi(imported, labels):
    [(instance, load, summary)] = imported("nnapi_2019.txt", **labels)
    assert (instance, load["accelerator_requested"]) == ("tflite_nnapi_float32_mnasnet", "nnapi")
    assert (load["accelerator_actual"], summary["mean_ms"]) == (None, 66.1)


def test_the_memory_of_2020_is_kept(imported):
    [(_, _, summary)] = imported("memory_2020.txt")
    assert (summary["init_memory_mb"], summary["overall_memory_mb"]) == (0.0, 12.8)


def test_operators_aligned_with_spaces_have_times(imported):
    [(_, _, summary)] = imported("operators_spaces.txt")
    assert [(operator["kind"], operator["mean_ms"], operator["name"]) for operator in summary["operators"]] == [
        ("CONV_2D", 4.269, "[conv1]"),
        ("DEPTHWISE_CONV_2D", 2.15, "[dw1]"),
        ("SOFTMAX", 0.01, "[prob]"),
    ]


ONE_RUN = sorted(
    {path.name for path in FOLDER.glob("*.txt")} - {"several_runs.txt", "torch_short.txt", "thermal_samsung.txt"}
)
"""Files with the output of one run of benchmark_model."""


@pytest.mark.parametrize("name", ONE_RUN)
def test_a_run_of_ours_reads_the_same_as_an_import(imported, name):
    [(_, load, summary)] = imported(name)
    delegate = load["accelerator_requested"] or "cpu"
    benchmark = tflite_output.parse_benchmark(text_of(name), delegate=delegate)
    assert benchmark.failure is None
    assert (benchmark.mean_ms, benchmark.runs.count, benchmark.warmup.count) == (
        *(summary["mean_ms"], summary["count"], summary["warmups"]),
    )
    assert benchmark.overall_memory_mb == summary["overall_memory_mb"]
    assert len(tflite_output.read_operators(text_of(name))) == len(summary["operators"])


def test_the_name_of_a_sensor_decides_over_its_number():
    state = answers.current_state(answer(thermal=text_of("thermal_samsung.txt")))
    assert (state["skin_temperature_c"], state["battery_temperature_c"]) == (25.3, 24.4)
    assert (state["temperature_c"], state["temperature_sensor"]) == (25.3, "TYPE_SKIN")
    [finding] = [finding for finding in doctor.findings("device", None, state) if finding.check == "temperature"]
    assert finding.message == "Its battery is at 24.4 °C, its skin is at 25.3 °C, TYPE_SKIN is at 25.3 °C."


@pytest.mark.parametrize("name", ["BAT", "BATT", "battery", "Battery0"])
def test_a_battery_with_the_number_of_a_skin_is_a_battery(name):
    text = text_of("thermal_samsung.txt").replace("TYPE_BATTERY", name).replace("TYPE_SKIN", "SKIN")
    state = answers.current_state(answer(thermal=text))
    assert (state["skin_temperature_c"], state["battery_temperature_c"]) == (25.3, 24.4)


REPLACED = [
    (  # no partitions, as in 2019 and early 2020
        "INFO: Replacing 31 node(s) with delegate (TfLiteNnapiDelegate) node.",
        *("TfLiteNnapiDelegate", 31, None, None),
    ),
    (
        "Replacing 29 out of 31 node(s) with delegate (TfLiteQnnDelegate) node, yielding 3 partitions for subgraph 0.",
        *("TfLiteQnnDelegate", 29, 31, 3),
    ),
    ("INFO: EthosuDelegate: 1 nodes delegated out of 4 nodes with 1 partitions.", "EthosuDelegate", 1, 4, 1),
    (
        "INFO: TfLiteQnnDelegate delegate: 0 nodes delegated out of 31 nodes with 0 partitions.",
        *("TfLiteQnnDelegate", 0, 31, 0),
    ),
    ("CoreML delegate: 71 nodes delegated out of 78 nodes, with 2 partitions.", "CoreML", 71, 78, 2),
]
"""Lines in wordings of several years and makers: delegate, nodes it took, nodes of the graph, and partitions."""


@pytest.mark.parametrize(("line", "name", "nodes", "total", "partitions"), REPLACED)
def test_what_a_delegate_took_over_is_read_in_all_wordings(line, name, nodes, total, partitions):
    [replaced] = delegates.find_replacements([("", line)])
    assert replaced == delegates.Replaced(name, nodes, total, partitions)
