"""Tests of LiteRT's machine-readable results, encoded by Google's protobuf package. The numbers are made up."""

from __future__ import annotations

import json

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from runner import rawlog
from runner.errors import LogError
from runner.importers import litert_json
from runner.tools.delegates import Replaced
from tests.command import aiot
from tests.runner.importers.conftest import PHONE, imported, whole_runs

# types of fields in the .proto files of TFLite: 1 double, 2 float, 3 int64, 5 int32, 9 string, 11 message
MESSAGES = {
    "Latency": {
        name: (number, 2)
        for number, name in enumerate(
            ["avg", "min", "max", "stddev", "median", "p5", "p95", "init", "first_inference", "average_warm_up"],
            start=1,
        )
    },
    "Memory": {"init_kb": (1, 3), "overall_kb": (2, 3), "peak_mb": (3, 2)},
    "Misc": {"model_mb": (1, 2), "num_runs": (2, 5), "num_warmup_runs": (3, 5)},
    "Result": {"name": (1, 9), "latency": (2, "Latency"), "memory": (3, "Memory"), "misc": (4, "Misc")},
    "Details": {"delegate_name": (1, 9), "replaced": (2, [5])},
    "Node": {"id": (1, 5), "name": (2, 9), "inputs": (4, [5]), "details": (8, "Details"), "delegated_to": (9, 5)},
    "Subgraph": {"id": (1, 5), "nodes": (3, ["Node"]), "plan": (4, [5]), "kind": (5, 5), "name": (6, 9)},
    "Runtime": {"model_name": (1, 9), "subgraphs": (2, ["Subgraph"])},
}


def _classes():
    file = descriptor_pb2.FileDescriptorProto(name="tests.proto", syntax="proto2")
    for title, fields in MESSAGES.items():
        message = file.message_type.add(name=title)
        for name, (number, kind) in fields.items():
            field = message.field.add(name=name, number=number, label=3 if isinstance(kind, list) else 1)
            plain = kind[0] if isinstance(kind, list) else kind
            if isinstance(plain, str):
                field.type, field.type_name = 11, f".{plain}"
            else:
                field.type = plain
            field.options.packed = isinstance(kind, list) and plain == 5
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {title: message_factory.GetMessageClass(pool.FindMessageTypeByName(title)) for title in MESSAGES}


CLASSES = _classes()


def result(**latency: float) -> bytes:
    message = CLASSES["Result"](name="mine")
    times = {"avg": 4.5, "min": 4.0, "max": 6.0, "stddev": 0.25, "median": 4.25, "p5": 4.125, "p95": 5.5}
    for name, value in {**times, "init": 12.5, "first_inference": 9.0, "average_warm_up": 7.0, **latency}.items():
        setattr(message.latency, name, value)
    message.memory.init_kb, message.memory.overall_kb, message.memory.peak_mb = 2048, 5120, 41.5
    message.misc.model_mb, message.misc.num_runs, message.misc.num_warmup_runs = 14.0, 300, 40
    return message.SerializeToString()


def runtime_info(*kernels: tuple[str, list[int]], nodes: int = 5) -> bytes:
    """Encode the nodes 0, 1, ... of a model, followed by nodes of delegates with the nodes that they replaced."""
    message = CLASSES["Runtime"](model_name="m")
    subgraph = message.subgraphs.add(id=0, kind=1, name="main")
    delegated = {node: nodes + index for index, (_, replaced) in enumerate(kernels) for node in replaced}
    for node in range(nodes):
        added = subgraph.nodes.add(id=node, name="CONV_2D", inputs=[0, 300])
        if node in delegated:
            added.delegated_to = delegated[node]
    for index, (name, replaced) in enumerate(kernels):
        added = subgraph.nodes.add(id=nodes + index, name=name)
        added.details.delegate_name = name
        added.details.replaced.extend(replaced)
    plan = list(dict.fromkeys(delegated.get(node, node) for node in range(nodes)))
    subgraph.plan.extend(plan)
    return message.SerializeToString()


NAMED = {"device": PHONE, "model": "mnasnet", "quantization": "float32"}


def events(space) -> list[dict]:
    [folder] = whole_runs(space)
    [[path]] = rawlog.attempt_paths(folder).values()
    return rawlog.read_attempt(path).events


def test_a_result_has_the_times_that_the_tool_prints(space, save):
    assert imported(space, save("results.pb", result()), delegate="gpu", **NAMED).refused == []
    load, summary, end = events(space)
    assert (load["instance"], load["load_ns"]) == ("tflite_gpu_float32_mnasnet", 12_500_000)
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("gpu", None)
    names = ["mean_ms", "min_ms", "max_ms", "sd_ms", "median_ms", "p5_ms", "p95_ms", "count"]
    assert [summary[name] for name in names] == [4.5, 4.0, 6.0, 0.25, 4.25, 4.125, 5.5, 300]
    assert (summary["warmups"], summary["warmup_ms"], summary["model_mb"]) == (40, 7.0, 14.0)
    assert (summary["init_memory_mb"], summary["overall_memory_mb"]) == (2.0, 5.0)
    assert end["peak_rss_kb"] == 41.5 * 1024


@pytest.mark.parametrize(
    ("kernels", "instance", "actual", "delegated", "partitions"),
    [
        ([("TfLiteGpuDelegateV2", [0, 1, 2, 3, 4])], "tflite_gpu_float32_mnasnet", "gpu", 5, 1),
        ([("TfLiteGpuDelegateV2", [1, 2])], "tflite_gpu_float32_mnasnet", "gpu", 2, 3),
        ([("TfLiteXNNPackDelegate", [0, 1, 2, 3])], "tflite_cpu_float32_mnasnet", "cpu", None, None),
        ([], "tflite_cpu_float32_mnasnet", "cpu", None, None),
        ([("TfLiteGpuDelegateV2", [0]), ("TfLiteNnapiDelegate", [4])], "tflite_unknown_float32_mnasnet",
         "gpu and nnapi", None, None),
    ],
)  # fmt: skip
def test_the_runtime_info_proves_what_ran(space, save, kernels, instance, actual, delegated, partitions):
    files = [save("results_1.pb", result()), save("runtime_info_1.pb", runtime_info(*kernels))]
    assert imported(space, *files, **NAMED).refused == []
    load = events(space)[0]
    assert (load["instance"], load["accelerator_actual"], load["nodes"]) == (instance, actual, 5)
    assert (load["nodes_delegated"], load["partitions"]) == (delegated, partitions)
    [folder] = whole_runs(space)
    assert sorted(path.name for path in (folder / "native").iterdir()) == ["results_1.pb", "runtime_info_1.pb"]


def test_a_requested_delegate_that_took_no_node_did_not_run(space, save):
    files = [save("results.pb", result()), save("info.pb", runtime_info())]
    imported(space, *files, delegate="gpu", **NAMED)
    load = events(space)[0]
    assert (load["accelerator_requested"], load["accelerator_actual"]) == ("gpu", "cpu")


def test_files_of_several_runs_are_matched_by_name(space, save):
    files = [save(f"results_{run}.pb", result(avg=run)) for run in (1, 2)]
    files += [save("runtime_info_2.pb", runtime_info(("TfLiteGpuDelegateV2", [0, 1, 2, 3, 4])))]
    assert imported(space, *files, **NAMED).refused == []
    loads = {}
    for folder in whole_runs(space):
        for [path] in rawlog.attempt_paths(folder).values():
            load, summary, _ = rawlog.read_attempt(path).events
            loads[summary["mean_ms"]] = load["accelerator_actual"]
    assert loads == {1.0: None, 2.0: "gpu"}


def test_nodes_of_all_subgraphs_count():
    message = CLASSES["Runtime"].FromString(runtime_info(("TfLiteGpuDelegateV2", [1, 2])))
    other = CLASSES["Runtime"].FromString(runtime_info(("TfLiteGpuDelegateV2", [0, 1, 2]), nodes=3))
    message.subgraphs.extend(other.subgraphs)
    info = litert_json.parse_runtime_info("i", message.SerializeToString())
    assert info.nodes == 8
    assert info.replaced == (Replaced("TfLiteGpuDelegateV2", 2, 5, 3), Replaced("TfLiteGpuDelegateV2", 3, 3, 1))


JSON = {  # as written by benchmark_litert_model of ai-edge-litert 2.3.0
    "model": "/data/tflite_int8_squeezenet.tflite",
    "model_size_mb": 1.0,
    "accelerators": ["CPU"],
    "signature": "serving_default",
    "fully_accelerated": True,
    "num_threads": 4,
    "latency": {"init_ms": 33.29, "warmup_first_ms": 8.0, "warmup_avg_ms": 6.0, "num_warmup_runs": 3, "avg_ms": 4.56,
                "min_ms": 4.0, "max_ms": 5.0, "median_ms": 4.5, "std_ms": 0.2, "p5_ms": 4.1, "p95_ms": 4.9,
                "num_runs": 20},
    "throughput_mb_s": 753.18,
}  # fmt: skip


def test_json_of_the_python_tool_is_read(space, save):
    assert imported(space, save("r.json", json.dumps(JSON)), device=PHONE).refused == []
    load, summary, _ = events(space)
    assert (load["instance"], load["load_ns"]) == ("tflite_cpu_int8_squeezenet", 33_290_000)
    assert (load["threads"], load["accelerator_actual"]) == (4, "cpu")
    names = ["mean_ms", "min_ms", "max_ms", "sd_ms", "median_ms", "p5_ms", "p95_ms", "count", "warmups", "warmup_ms"]
    assert [summary[name] for name in names] == [4.56, 4.0, 5.0, 0.2, 4.5, 4.1, 4.9, 20, 3, 6.0]
    assert summary["model_mb"] == pytest.approx(1.048576)


@pytest.mark.parametrize(
    ("accelerators", "fully", "actual"),
    [(["GPU"], True, "gpu"), (["GPU", "CPU"], True, None), (["NPU", "CPU"], False, None), (["NPU"], True, "npu")],
)
def test_an_accelerator_beside_which_the_cpu_was_allowed_is_not_proven(space, save, accelerators, fully, actual):
    text = json.dumps({**JSON, "accelerators": accelerators, "fully_accelerated": fully})
    imported(space, save("r.json", text), device=PHONE)
    load = events(space)[0]
    assert (load["accelerator_requested"], load["accelerator_actual"]) == (accelerators[0].lower(), actual)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("r.json", json.dumps(JSON)[:-60], "is not complete JSON (line 1)"),
        ("r.json", json.dumps({**JSON, "latency": {"avg_ms": 0.0}}), "has no mean run time (latency, avg_ms)"),
        ("results.pb", result(avg=0.0), "has no mean run time: run benchmark_model again without --dry_run"),
        ("results.pb", result()[:-9], "is a binary file"),
        ("info.pb", runtime_info(), "has the nodes of a model but no time: import it together with"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF", "is a binary file"),
    ],
)
def test_what_cannot_be_imported_is_refused_in_one_sentence(space, save, name, content, sentence):
    [error] = imported(space, save(name, content), delegate="cpu", **NAMED).refused
    assert sentence in str(error) and "\n" not in str(error)
    assert whole_runs(space) == []


@pytest.mark.parametrize("data", [b"", b"\x08", b"\x0a\x05ab", b"\x0b\x00", b"\x02\x01a", b"\x08" + b"\xff" * 11])
def test_damaged_messages_are_no_results(data):
    assert litert_json.recognise_binary(data) is None
    with pytest.raises(LogError):
        litert_json.parse_result("r", data)


def test_every_cut_of_a_message_is_refused_or_still_a_message():
    message = runtime_info(("TfLiteGpuDelegateV2", [1, 2]))
    for length in range(len(message)):
        assert litert_json.recognise_binary(message[:length]) in (None, litert_json.RUNTIME_INFO)
        assert litert_json.recognise_binary(result()[:length]) in (None, litert_json.RESULT)


def test_the_command_imports_both_files(tmp_path, save):
    files = [save("results.pb", result()), save("runtime_info.pb", runtime_info(("TfLiteGpuDelegateV2", [0, 1])))]
    words = ["--device", PHONE, "--model", "mnasnet", "--quantization", "float32"]
    done = aiot("import", *files, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = aiot("process", cwd=tmp_path)
    assert done.stdout.startswith("process   1 run, 1 instance, 0 images"), done.stdout + done.stderr
