"""Tests of pasted outputs of tools with prefixes, several runs, and old and new wordings. The numbers are made up."""

from __future__ import annotations

import pytest

from runner import rawlog
from tests.runner.importers import specimens
from tests.runner.importers.conftest import PHONE, imported, whole_runs

NAMED = {"device": PHONE, "model": "mnasnet", "quantization": "float32"}

HEADER = """\
INFO: STARTING!
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/m.tflite]
"""
TIMES = """\
INFO: Loaded model /data/local/tmp/m.tflite
INFO: Initialized session in 50.5ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=3 first=24000 curr=21000 min=20000 max=24000 avg=21500 std=1600

INFO: Running benchmark for at least 25 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=25 first=18000 curr=17000 min=16000 max=19000 avg=17250 std=433

INFO: Inference timings in us: Init: 50500, First inference: 24000, Warmup (avg): 21500, Inference (avg): 17250
"""
OLD = """\
STARTING!
Num runs: [50]
Num threads: [1]
Graph: [/data/local/tmp/m.tflite]
Use nnapi : [0]
Loaded model /data/local/tmp/m.tflite
resolved reporter
Initialized session in 7.5ms
Running benchmark for at least 1 iterations and at least 0.5 seconds
count=1 curr=90000

Running benchmark for at least 50 iterations and at least 1 seconds
count=50 first=60000 curr=61000 min=59000 max=62000 avg=60500 std=250

Average inference timings in us: Warmup: 90000, Init: 7500, no stats: 60500
"""
LITERT = """\
INFO: STARTING!
INFO: Num threads: [2]
INFO: Loading model from: /data/local/tmp/m.tflite
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=400 first=2500 curr=1300 min=1200 max=2500 avg=1310.5 std=60 p5=1210 median=1305 p95=1400
INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=800 first=1290 curr=1250 min=1190 max=1500 avg=1254.44 std=25 p5=1200 median=1251 p95=1300
INFO: [./litert/tools/benchmark_litert_model.h:71]\x20
========== BENCHMARK RESULTS ==========
INFO: [./litert/tools/benchmark_litert_model.h:73] Model initialization: 8.25 ms
INFO: [./litert/tools/benchmark_litert_model.h:76] Warmup (first):       2.50 ms
INFO: [./litert/tools/benchmark_litert_model.h:77] Warmup (avg):         1.31 ms (400 runs)
INFO: [./litert/tools/benchmark_litert_model.h:79] Inference (avg):      1.25 ms (800 runs)
INFO: [./litert/tools/benchmark_litert_model.h:94] Throughput:           100.00 MB/s
INFO: [./litert/tools/benchmark_litert_model.h:105] Init footprint:       3.50 MB
INFO: [./litert/tools/benchmark_litert_model.h:107] Overall footprint:    6.25 MB
"""
TERSE = "Inference timings in us: Init: 5000, First inference: 9000, Warmup (avg): 9000, Inference (avg): {}\n"
APPLIED = "Explicitly applied {} delegate, and the model graph will be completely executed by the delegate.\n"


def instances(space):
    """Return the load, summary and ending of every instance by its id and mean time in ms."""
    by_instance = {}
    for folder in whole_runs(space):
        for instance, [path] in rawlog.attempt_paths(folder).items():
            events = rawlog.read_attempt(path).events
            mean_ms = events[1]["mean_ms"] if len(events) == 3 else None
            by_instance[instance, mean_ms] = events
    return by_instance


def only(space):
    [(key, events)] = instances(space).items()
    return key[0], *events


def delegated(name, own="", nodes=31, parameter=""):
    replacing = f"VERBOSE: Replacing {nodes} out of 31 node(s) with delegate ({own}) node, yielding 1 partitions."
    return (
        HEADER + f"INFO: {parameter}\nINFO: {name} delegate created.\n{replacing}\nINFO: {APPLIED.format(name)}" + TIMES
    )


@pytest.mark.parametrize(
    ("parameter", "name", "own", "kind"),
    [
        ("External delegate path: [/lib/libvx_delegate.so]", "EXTERNAL", "Vx Delegate", "external"),
        ("External delegate path: [/lib/libqnn.so]", "EXTERNAL", "TfLiteQnnDelegate", "external"),
        ("Delegate settings file path: [/data/s.json]", "STABLE_DELEGATE", "SampleStableDelegate", "stable"),
        ("Use Hexagon: [1]", "Hexagon", "TfLiteHexagonDelegate", "dsp"),
        ("Use CoreML: [1]", "COREML", "TfLiteCoreMlDelegate", "coreml"),
        ("Use NPU: [1]", "NPU", "DispatchDelegate", "npu"),
    ],
)
def test_a_delegate_is_never_stored_as_the_cpu(space, save, parameter, name, own, kind):
    path = save("b.txt", delegated(name, own, parameter=parameter))
    refused = imported(space, path, delegate="cpu", **NAMED).refused[0]
    assert f"has the delegate {kind}, but --delegate says cpu" in str(refused)
    imported(space, path, **NAMED)
    instance, load, summary, _ = only(space)
    assert instance == f"tflite_{kind}_float32_mnasnet"
    assert (load["accelerator_requested"], load["accelerator_actual"]) == (kind, kind)
    assert (load["accelerator_name"], load["nodes_delegated"], load["nodes"]) == (own, 31, 31)
    assert (load["partitions"], summary["mean_ms"]) == (1, 17.25)


def test_a_processor_behind_an_external_delegate_may_be_named(space, save):
    text = delegated("EXTERNAL", "Vx Delegate", parameter="External delegate path: [/lib/libvx_delegate.so]")
    imported(space, save("b.txt", text), delegate="npu", **NAMED)
    instance, load, *_ = only(space)
    assert (instance, load["accelerator_actual"]) == ("tflite_npu_float32_mnasnet", "npu")
    assert load["accelerator_name"] == "Vx Delegate"


def test_without_a_line_on_what_ran_it_is_unknown(space, save):
    imported(space, save("b.txt", HEADER + "INFO: External delegate path: [/lib/libvx_delegate.so]\n" + TIMES), **NAMED)
    instance, load, *_ = only(space)
    assert (instance, load["accelerator_actual"]) == ("tflite_external_float32_mnasnet", None)


TWO = (
    HEADER
    + "INFO: Use gpu: [1]\nINFO: Use NNAPI: [1]\n"
    + "VERBOSE: Replacing 20 out of 31 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 3 partitions.\n"
    + "VERBOSE: Replacing {} out of 13 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 3 partitions.\n"
    + TIMES
)


def test_a_run_of_two_delegates_is_of_neither_alone(space, save):
    path = save("b.txt", TWO.format(11))
    assert "requested 2 delegates, gpu and nnapi: choose one of them with --delegate" in str(
        imported(space, path, **NAMED).refused[0]
    )
    assert whole_runs(space) == []
    imported(space, path, delegate="nnapi", **NAMED)
    instance, load, *_ = only(space)
    assert (instance, load["nodes_delegated"]) == ("tflite_nnapi_float32_mnasnet", 11)
    assert load["accelerator_actual"] == "nnapi and gpu"


def test_of_two_delegates_the_one_that_took_nodes_ran(space, save):
    result = imported(space, save("b.txt", TWO.format(0)), **NAMED)
    assert "requested gpu and nnapi: it is imported as gpu" in result.notes[0]
    instance, load, *_ = only(space)
    assert (instance, load["accelerator_actual"]) == ("tflite_gpu_float32_mnasnet", "gpu")


PREFIXES = [
    "07-14 13:14:52.097 22838 22839 {} tflite  : ",
    "2026-07-14 13:14:52.097  1000 22838 22839 {} tflite  : ",
    "1759525000.400  4242  4301 {} tflite  : ",
    "{}/tflite  (22838): ",
    "07-14 13:14:52.097 {}/tflite  (22838): ",
    "{}/tflite: ",
    "{} tflite  : ",
    "07-14 13:14:52.097 22838-22839/org.tensorflow.lite.benchmark {}/tflite: ",
    "2026-07-14 13:14:52.097 22838-22839 tflite                  org.tensorflow.lite.benchmark        {}  ",
    "13:14:52.097  {}  ",
    "> ",
    "> > ",
    "        ",
    "\t",
    "2026-07-14T13:14:52.0970000Z ",
    "Jul 14 13:14:52 board bench[33]: ",
    "[phone 17] ",
    "12| ",
    "> 07-14 13:14:52.097 22838 22839 {} tflite  : ",
]


def prefixed(text, prefix, keep_severity):
    lines = []
    for line in filter(None, text.splitlines()):
        severity, _, message = line.rpartition(": ") if line.startswith("VERBOSE") else line.partition(": ")
        lines.append(prefix.format(severity[0]) + (line if keep_severity else message))
    return "\n".join(lines)


@pytest.mark.parametrize("keep_severity", [True, False])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefixes_of_lines_are_ignored(space, save, prefix, keep_severity):
    table = (
        "INFO: ============================== Run Order ==============================\n"
        "INFO:      [node type]   [first]   [avg ms]   [%]   [cdf%]   [mem KB]   [times called]   [Name]\n"
        "INFO:          CONV_2D     4.269      4.267   75.1%    75.1%      0.000              1   [conv]:0\n"
    )
    text = prefixed(HEADER + TIMES + table, prefix, keep_severity)
    result = imported(space, save("b.txt", text), **NAMED)
    assert result.notes[-1].endswith("b.txt: 13 lines understood, 0 not")
    instance, load, summary, _ = only(space)
    assert (instance, load["accelerator_actual"]) == ("tflite_cpu_float32_mnasnet", "cpu")
    assert (load["threads"], load["load_ns"]) == (4, 50_500_000)
    assert (summary["count"], summary["sd_ms"], summary["warmups"], summary["warmup_ms"]) == (25, 0.433, 3, 21.5)
    assert [(operator["kind"], operator["mean_ms"], operator["name"]) for operator in summary["operators"]] == [
        ("CONV_2D", 4.267, "[conv]:0")
    ]


@pytest.mark.parametrize(
    "prefix", ["07-14 13:14:52.097 22838 22838 {} tflite  : ", "{} tflite  : ", "{}/tflite  (7): "]
)
def test_the_letter_of_a_severity_tells_a_failure(space, save, prefix):
    lines = ["I Graph: [/data/m.tflite]", "I Use gpu: [1]", "E Failed to apply GPU delegate."]
    text = "\n".join(prefix.format(line[0]) + line[2:] for line in lines)
    imported(space, save("b.txt", text), **NAMED)
    [(key, [event])] = instances(space).items()
    assert key[0] == "tflite_gpu_float32_mnasnet" and event["event"] == "unavailable"
    assert event["reason"].endswith("its message is 'Failed to apply GPU delegate'")


def test_errors_of_other_processes_are_none_of_the_tool(space, save):
    begin = "07-14 13:14:52.097 22838 22838"
    text = f"{begin} I tflite  : Graph: [/data/m.tflite]\n{begin} E wifi: no network\n"
    result = imported(space, save("b.txt", text), **NAMED)
    assert "printed no time that can be understood" in str(result.refused[0])


def test_terse_runs_are_separated(space, save):
    command = "$ ./benchmark_model --graph=/data/m.tflite --num_threads=2"
    text = f"{command}\n{TERSE.format(90000)}{command} --use_nnapi=true\n{APPLIED.format('NNAPI')}{TERSE.format(8000)}"
    result = imported(space, save("b.txt", text), **NAMED)
    assert result.notes[0].endswith("contains 2 runs")
    by_instance = instances(space)
    assert {key: events[0]["accelerator_actual"] for key, events in by_instance.items()} == {
        ("tflite_unknown_float32_mnasnet", 90.0): None,
        ("tflite_nnapi_float32_mnasnet", 8.0): "nnapi",
    }
    assert {events[0]["threads"] for events in by_instance.values()} == {2}


@pytest.mark.parametrize("text", ["{0}{1}{2}{3}", "{0}Created TensorFlow Lite delegate for NNAPI.\n{1}{2}{3}"])
def test_terse_runs_without_commands_are_separated(space, save, text):
    nnapi, gpu = APPLIED.format("NNAPI") + TERSE.format(8000), APPLIED.format("GPU") + TERSE.format(7000)
    text = text.format(TERSE.format(90000), nnapi, gpu, TERSE.format(6000))
    result = imported(space, save("b.txt", text), **NAMED)
    assert "contains 4 runs, of which 4 do not name a model file; --model is used for them" in result.notes[0]
    assert set(instances(space)) == {
        ("tflite_unknown_float32_mnasnet", 90.0),
        ("tflite_nnapi_float32_mnasnet", 8.0),
        ("tflite_gpu_float32_mnasnet", 7.0),
        ("tflite_unknown_float32_mnasnet", 6.0),
    }


def test_headers_without_a_start_are_told_apart(space, save):
    first = OLD.removeprefix("STARTING!\n")
    imported(space, save("b.txt", first + first.replace("60500", "70500")), **NAMED)
    assert set(instances(space)) == {("tflite_cpu_float32_mnasnet", 60.5), ("tflite_cpu_float32_mnasnet", 70.5)}


REPLACED = "VERBOSE: Replacing {} out of 31 node(s) with delegate (TfLiteNnapiDelegate) node, yielding 1 partitions.\n"


@pytest.mark.parametrize("order", ["before", "after"])
def test_lines_of_the_other_stream_go_to_their_run(space, save, order):
    runs = [
        (REPLACED.format(nodes), (HEADER + "INFO: Use NNAPI: [1]\n" + TIMES).replace("17250", mean))
        for nodes, mean in ((31, "17250"), (20, "18250"))
    ]
    text = "".join(err + out if order == "before" else out + err for err, out in runs)
    imported(space, save("b.txt", text), **NAMED)
    nodes = {key[1]: events[0]["nodes_delegated"] for key, events in instances(space).items()}
    assert nodes == {17.25: 31, 18.25: 20}


def test_a_run_that_breaks_off_among_others_is_a_result(space, save):
    imported(space, save("b.txt", HEADER + TIMES + HEADER), **NAMED)
    endings = sorted(events[-1]["event"] for events in instances(space).values())
    assert endings == ["end", "failed"]


@pytest.mark.parametrize(
    "text",
    [
        HEADER + TIMES + (HEADER + TIMES).replace("m.tflite", "n.tflite"),
        "Graph: [/data/m.tflite]\n" + TERSE.format(9000) + "Graph: [/data/n.tflite]\n" + TERSE.format(8000),
        "$ ./benchmark_model --graph=m.tflite\n" + TERSE.format(9000) + "$ ./benchmark_model --graph=n.tflite\n"
        + TERSE.format(8000),
    ],
)  # fmt: skip
def test_one_model_does_not_stand_for_several_files(space, save, text):
    result = imported(space, save("b.txt", text), **NAMED)
    assert "but --model names only one network: import the runs of each model file" in str(result.refused[0])
    assert whole_runs(space) == []


def test_one_model_does_not_stand_for_several_files_of_several_outputs(space, save):
    paths = [save("a.txt", HEADER + TIMES), save("b.txt", (HEADER + TIMES).replace("m.tflite", "n.tflite"))]
    assert len(imported(space, *paths, **NAMED).refused) == 2
    assert whole_runs(space) == []


def test_model_files_that_name_their_networks_may_differ(space, save):
    text = (
        HEADER
        + TIMES
        + HEADER.replace("m.tflite", "squeezenet.tflite")
        + TIMES.replace("m.tflite", "squeezenet.tflite")
    )
    imported(space, save("b.txt", text.replace("/m.tflite", "/mnasnet.tflite")), device=PHONE, quantization="float32")
    assert {key[0].rpartition("_")[2] for key in instances(space)} == {"mnasnet", "squeezenet"}


def test_litert_prints_two_forms_of_one_run(space, save):
    result = imported(space, save("b.txt", LITERT), **NAMED)
    assert result.notes[-1].endswith(" 15 lines understood, 0 not")
    instance, load, summary, _ = only(space)
    assert (instance, load["accelerator_actual"]) == ("tflite_unknown_float32_mnasnet", None)  # no delegate is named
    assert (load["load_ns"], load["threads"]) == (8_250_000, 2)
    times = ("count", "mean_ms", "p5_ms", "median_ms", "p95_ms", "sd_ms", "warmups", "overall_memory_mb")
    assert [summary[name] for name in times] == [800, 1.25444, 1.2, 1.251, 1.3, 0.025, 400, 6.25]


@pytest.mark.parametrize("cut", [LITERT, LITERT[LITERT.index("INFO: [") :]])
def test_several_runs_of_litert_are_separated(space, save, cut):
    other = cut.replace("1254.44", "2254.44").replace("1.25 ms", "2.25 ms")
    imported(space, save("b.txt", cut + other), **NAMED)
    means = sorted(key[1] for key in instances(space))
    assert means == ([1.25444, 2.25444] if cut == LITERT else [1.25, 2.25])


def test_a_block_of_litert_with_another_mean_is_another_run(space, save):
    block = LITERT[LITERT.index("INFO: [") :]
    imported(space, save("b.txt", HEADER + TIMES + block), **NAMED)
    assert sorted(key[1] for key in instances(space)) == [1.25, 17.25]


@pytest.mark.parametrize(
    ("flag", "override", "kind", "actual"),
    [("1", None, "nnapi", None), ("1", "nnapi", "nnapi", None), ("0", None, "cpu", "cpu"), ("0", "cpu", "cpu", "cpu")],
)
def test_the_wording_of_2019_tells_what_was_asked_for(space, save, flag, override, kind, actual):
    text = OLD.replace("Use nnapi : [0]", f"Use nnapi : [{flag}]")
    imported(space, save("b.txt", text), delegate=override, **NAMED)
    instance, load, summary, _ = only(space)
    assert (instance, load["accelerator_requested"]) == (f"tflite_{kind}_float32_mnasnet", kind)
    assert (load["accelerator_actual"], summary["runs_asked"], summary["mean_ms"]) == (actual, 50, 60.5)


def test_memory_in_the_wording_of_2020(space, save):
    imported(space, save("b.txt", OLD + "Peak memory footprint (MB): init=1.5 overall=12.8\n"), **NAMED)
    summary = only(space)[2]
    assert (summary["init_memory_mb"], summary["overall_memory_mb"]) == (1.5, 12.8)


TORCH = "Starting benchmark.\nRunning warmup runs.\nMain runs.\nMain run finished. Microseconds per iter: {}. Iters\n"


@pytest.mark.parametrize("delegate", ["cpu", "nnapi"])
def test_without_proof_in_the_log_the_cpu_is_not_assumed(space, save, delegate):
    imported(space, save("b.txt", TORCH.format(25000)), delegate=delegate, **NAMED)
    instance, load, *_ = only(space)
    assert instance == f"pytorch_{delegate}_float32_mnasnet"
    assert (load["accelerator_requested"], load["accelerator_actual"]) == (delegate, None)


def test_several_runs_of_pytorch_and_its_milliseconds_before_may_2020(space, save):
    old = TORCH.format(30.5).replace("Microseconds", "Milliseconds")
    imported(space, save("b.txt", TORCH.format(25000) + old), **NAMED)
    assert sorted(key[1] for key in instances(space)) == [25.0, 30.5]
    assert "use --framework" in str(imported(space, save("old.txt", old), **NAMED).refused[0])
    imported(space, save("old.txt", old), framework="pytorch", **NAMED)
    assert len(instances(space)) == 2 and len(whole_runs(space)) == 3


def test_tables_of_caffe2_are_kept(space, save):
    text = (
        "Main run finished. Milliseconds per iter: 66.8. Iters\nOperator #0 (conv1, Conv) 4.27 ms/iter (0.02 GFLOP)\n"
    )
    imported(space, save("b.txt", text), **NAMED)
    [operator] = only(space)[2]["operators"]
    assert (operator["name"], operator["kind"], operator["mean_ms"]) == ("conv1", "Conv", 4.27)


def test_lines_that_were_not_understood_are_counted_and_shown(space, save):
    unknown = [f"thermal throttle {number}\n" for number in range(5)]
    result = imported(
        space, save("b.txt", HEADER + "".join(unknown) + TIMES + "count=many avg=?\n" + "x" * 10_001), **NAMED
    )
    message = result.notes[-1].partition("b.txt: ")[2]
    assert message.startswith("10 lines understood, 7 not ('thermal throttle 0', 'thermal throttle 1', 'thermal thr")
    assert message.endswith(", ...)")


def test_lines_of_the_app_that_were_not_understood_are_counted(space, app_files):
    result_log, program_log = app_files(specimens.app_session(4, ["tflite_cpu_mnasnet"]))
    with program_log.open("a") as file:
        file.write("ic  -  index  -  3  -  mood  -  cheerful\nsomething else\n")
    with result_log.open("a") as file:
        file.write("mood:cheerful\n")
    notes = imported(space, result_log, program_log).notes
    assert [note.rpartition(", ")[2] for note in notes if "not (" in note and "mood:" in note] == [
        "1 not ('mood:cheerful')"
    ]
    [message] = [note for note in notes if "something else" in note]
    assert "2 not ('ic  -  index  -  3  -  mood  -  cheerful', 'something else')" in message
