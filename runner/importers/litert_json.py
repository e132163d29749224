"""Import machine-readable results of LiteRT's tools: `--result_file_path`, `--model_runtime_info_output_file`, JSON.

benchmark_model writes its results as a protocol buffer (tflite/tools/benchmark/proto/benchmark_result.proto), and the
nodes of the model with their delegates as another one (tflite/profiling/proto/model_runtime_info.proto). The tool
benchmark_litert_model of the Python package ai-edge-litert writes JSON (`--result_json`).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from runner.errors import LogError
from runner.importers.formats import UNKNOWN
from runner.importers.input_files import LabelOverrides, LogSource, of_file
from runner.importers.structured_text import count, load_json, mapping, number, sequence, string
from runner.importers.tool_output import Output
from runner.tools import delegates
from runner.tools.delegates import Delegation, Replaced, delegate_kind
from runner.tools.text import quotable
from runner.tools.tflite_output import Benchmark, Stats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RESULT, RUNTIME_INFO, RESULT_JSON = "benchmark_model-result", "model-runtime-info", "benchmark_litert_model-json"
"""Names of the formats."""

_File = tuple[LogSource, bytes]

Fields = dict[int, list[Any]]
"""Values of a message by field number: whole numbers, 4 or 8 bytes as bytes, or content as bytes."""

_VARINT, _FIXED64, _CONTENT, _FIXED32 = 0, 1, 2, 5


def _varint(data: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(start, min(start + 10, len(data))):
        value |= (data[position] & 0x7F) << shift
        if data[position] < 0x80:
            return value, position + 1
        shift += 7
    raise ValueError("a number is cut off")


def message_fields(data: bytes) -> Fields:
    """Return the fields of a protocol buffer message (protobuf.dev/programming-guides/encoding).

    Raises:
        ValueError: The bytes are not a complete message.
    """
    fields: Fields = {}
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire = key & 7
        if wire == _VARINT:
            value: Any
            value, position = _varint(data, position)
        elif wire in (_FIXED64, _FIXED32, _CONTENT):
            size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
            if size is None:
                size, position = _varint(data, position)
            value, position = data[position : position + size], position + size
            if position > len(data):
                raise ValueError("a field is cut off")
        else:
            raise ValueError(f"wire type {wire} is not in use")
        if not key >> 3:
            raise ValueError("field number 0")
        fields.setdefault(key >> 3, []).append(value)
    return fields


_TIMES = (
    "avg_ms",
    "min_ms",
    "max_ms",
    "stddev_ms",
    "median_ms",
    "p5_ms",
    "p95_ms",
    "init_ms",
    "first_inference_ms",
    "average_warm_up_ms",
)


@dataclass(frozen=True)
class RuntimeInfo:
    """How the nodes of a model were shared out among delegates, over all subgraphs."""

    nodes: int  # of the model
    replaced: tuple[Replaced, ...]  # one entry for each delegate and subgraph


def recognise_binary(data: bytes) -> str | None:
    """Return the format of a binary file, or None if it has neither of the two."""
    if not data or data[0] not in (0x0A, 0x12):
        return None
    try:
        fields = message_fields(data)
        if any(not isinstance(item, bytes) for values in fields.values() for item in values):
            return None
        if 2 in fields and fields.keys() <= {1, 2, 3, 4}:
            times = message_fields(fields[2][-1])
            sizes = {len(value) if isinstance(value, bytes) else 0 for values in times.values() for value in values}
            if times.keys() <= set(range(1, len(_TIMES) + 1)) and sizes == {4}:
                return RESULT
        if 2 in fields and fields.keys() <= {1, 2}:
            parse_runtime_info("", data)
            return RUNTIME_INFO
    except (ValueError, TypeError, LogError):
        pass
    return None


def _single(fields: Fields, number_of_field: int) -> float | None:
    values = fields.get(number_of_field)
    if not values or not isinstance(values[-1], bytes) or len(values[-1]) != 4:
        return None
    return number(struct.unpack("<f", values[-1])[0])


def _whole(fields: Fields, number_of_field: int) -> int | None:
    values = fields.get(number_of_field)
    return count(values[-1]) if values else None


def parse_result(name: object, data: bytes) -> Benchmark:
    """Return the times in a BenchmarkResult. Its numbers have single precision (7 digits).

    Raises:
        LogError: The message is damaged, or has no mean time. Error messages call it `name`.
    """
    try:
        fields = message_fields(data)
        latency, memory, misc = (message_fields(fields.get(field, [b""])[-1]) for field in (2, 3, 4))
    except (ValueError, TypeError) as error:
        raise LogError(f"{name} is a damaged result of benchmark_model ({error}): copy it again.") from None
    times = {title: _single(latency, position) for position, title in enumerate(_TIMES, start=1)}
    runs, warmups = _whole(misc, 2), _whole(misc, 3)
    if not times["avg_ms"]:
        raise LogError(f"{name} has no mean run time: run benchmark_model again without --dry_run.")
    init_kb, overall_kb = _whole(memory, 1), _whole(memory, 2)
    return Benchmark(
        runs=Stats(
            runs or 0,
            mean_ms=times["avg_ms"],
            sd_ms=times["stddev_ms"],
            min_ms=times["min_ms"],
            max_ms=times["max_ms"],
            p5_ms=times["p5_ms"],
            median_ms=times["median_ms"],
            p95_ms=times["p95_ms"],
        ),
        warmup=Stats(warmups, mean_ms=times["average_warm_up_ms"], first_ms=times["first_inference_ms"])
        if warmups
        else None,
        mean_ms=times["avg_ms"],
        init_ms=times["init_ms"],
        model_mb=_single(misc, 1),
        init_memory_mb=None if init_kb is None else init_kb / 1024,
        overall_memory_mb=None if overall_kb is None else overall_kb / 1024,
        peak_memory_mb=_single(memory, 3),
    )


def parse_runtime_info(name: object, data: bytes) -> RuntimeInfo:
    """Return how the nodes were shared out, from a ModelRuntimeDetails.

    A node of a delegate stands for the nodes that it replaced, which are listed beside it.

    Raises:
        LogError: The message is damaged, or has no nodes. Error messages call it `name`.
    """
    total, replaced = 0, list[Replaced]()
    try:
        for subgraph in message_fields(data).get(2, []):
            parts = message_fields(subgraph)
            nodes = [message_fields(node) for node in parts.get(3, [])]
            kernels = [message_fields(node[8][-1]) for node in nodes if 8 in node]
            own = len(nodes) - len(kernels)
            total += own
            taken: dict[str, int] = {}
            for kernel in kernels:
                title = quotable(kernel.get(1, [b"unnamed"])[-1].decode("utf-8", "replace"))
                taken[title] = taken.get(title, 0) + len(_packed(kernel.get(2, [])))
            partitions = _partitions(_packed(parts.get(4, [])), nodes)
            replaced += [Replaced(title, number_of_nodes, own, partitions) for title, number_of_nodes in taken.items()]
    except (ValueError, TypeError, AttributeError) as error:
        raise LogError(f"{name} is a damaged model runtime info ({error}): copy it again.") from None
    if not total:
        raise LogError(f"{name} lists no nodes: name the file of --model_runtime_info_output_file.")
    return RuntimeInfo(total, tuple(replaced))


def _packed(values: Sequence[Any]) -> list[int]:
    """Return the whole numbers of a repeated field, packed or not."""
    numbers: list[int] = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        position = 0
        while position < len(value):
            item, position = _varint(value, position)
            numbers.append(item)
    return numbers


def _partitions(plan: Sequence[int], nodes: Sequence[Fields]) -> int:
    """Return into how many parts an execution plan is cut: each node of a delegate, and each run of other nodes."""
    on_delegate = {node.get(1, [None])[-1] for node in nodes if 8 in node}
    parts, between = 0, False
    for node in plan:
        if node in on_delegate:
            parts, between = parts + 1, False
        elif not between:
            parts, between = parts + 1, True
    return parts


def parse_json(name: object, text: str) -> tuple[Benchmark, dict[str, Any]]:
    """Return the times in the JSON of benchmark_litert_model, and the JSON itself.

    Raises:
        LogError: It is not complete JSON, or has no mean time. The message calls it `name`.
    """
    loaded = load_json(name, text)
    latency = mapping(loaded.get("latency"))
    mean_ms, warmups = number(latency.get("avg_ms")), count(latency.get("num_warmup_runs"))
    if not mean_ms:
        raise LogError(
            f"{name} has no mean run time (latency, avg_ms), or one below 0.005 ms, which the tool rounds to 0."
        )
    times = {field: number(latency.get(field)) for field in ("min_ms", "max_ms", "median_ms", "p5_ms", "p95_ms")}
    size_mib = number(loaded.get("model_size_mb"))
    benchmark = Benchmark(
        runs=Stats(count(latency.get("num_runs")) or 0, mean_ms=mean_ms, sd_ms=number(latency.get("std_ms")), **times),
        warmup=Stats(
            warmups, mean_ms=number(latency.get("warmup_avg_ms")), first_ms=number(latency.get("warmup_first_ms"))
        )
        if warmups
        else None,
        mean_ms=mean_ms,
        init_ms=number(latency.get("init_ms")),
        model_mb=None if size_mib is None else size_mib * 2**20 / 1e6,
        init_memory_mb=None,
        overall_memory_mb=None,
        peak_memory_mb=None,
    )
    return benchmark, loaded


def json_output(source: LogSource, text: str, overrides: LabelOverrides) -> Output:
    """Return the run in a file of benchmark_litert_model.

    An accelerator is proven only if the CPU was not allowed beside it, since "fully accelerated" includes delegates of
    the CPU.

    Raises:
        LogError: The file is damaged, or a fact about the instance is stated neither there nor by the user.
    """
    benchmark, loaded = parse_json(source.path, text)
    accelerators = [(string(name) or "").lower() for name in sequence(loaded.get("accelerators"))]
    requested = accelerators[0] if accelerators else None
    graph = string(loaded.get("model"))
    from_name = of_file(graph or "")
    instance = overrides.instance(source.path, {"framework": "tflite", **from_name, "delegate": requested})
    applied = "none" if accelerators == ["cpu"] else "unknown"
    if accelerators and "cpu" not in accelerators:
        applied = "whole" if loaded.get("fully_accelerated") is True else "some"
    threads = count(loaded.get("num_threads")) if requested == "cpu" else None
    return Output(
        source,
        instance,
        threads or overrides.threads,
        benchmark=replace(benchmark, delegation=Delegation(applied)),
        graph=graph if "model" not in from_name else None,
    )


def binary_outputs(files: Sequence[_File], overrides: LabelOverrides) -> tuple[list[Output], list[LogError]]:
    """Return the run of each result file, with the model runtime info that belongs to it, and what cannot be read.

    They belong together if they are in the same folder and their names differ only in the words "result" and "model
    runtime info", or if they are the only ones in it.
    """
    infos = [file for file in files if file[0].format == RUNTIME_INFO]
    results = [file for file in files if file[0].format == RESULT]
    outputs, errors, used = [], [], []
    for source, data in results:
        info = _belonging(source, infos, results)
        used += [info] if info else []
        try:
            outputs.append(_output(source, data, info, overrides))
        except LogError as error:
            errors.append(error)
    errors += [
        LogError(
            f"{info[0].path} has the nodes of a model but no time: import it together with the file of "
            "--result_file_path of the same run."
        )
        for info in infos
        if info not in used
    ]
    return outputs, errors


def _belonging(source: LogSource, infos: Sequence[_File], results: Sequence[_File]) -> _File | None:
    folder = source.path.parent
    beside = [info for info in infos if info[0].path.parent == folder]
    named = [info for info in beside if _plain(info[0].path) == _plain(source.path)]
    alone = len(beside) == 1 and sum(result[0].path.parent == folder for result in results) == 1
    return named[0] if len(named) == 1 else beside[0] if alone else None


def _plain(path: Path) -> str:
    return re.sub(r"model|runtime|info|results?|[^a-z0-9]", "", path.stem.lower())


def _output(source: LogSource, data: bytes, info_file: _File | None, overrides: LabelOverrides) -> Output:
    benchmark = parse_result(source.path, data)
    info = parse_runtime_info(info_file[0].path, info_file[1]) if info_file else None
    delegate = overrides.delegate or (_requested(info) if info else UNKNOWN)
    instance = overrides.instance(source.path, {"framework": "tflite", "delegate": delegate})
    if info is None:
        delegation = Delegation("unknown")
    else:
        share = delegates.share_of(info.replaced, instance.delegate)
        applied = "none" if share.applied == "unknown" and not share.others else share.applied  # all nodes are listed
        delegation = replace(share, applied=applied, of=info.nodes)
        benchmark = replace(benchmark, replaced=info.replaced)
    return Output(
        source,
        instance,
        overrides.threads,
        benchmark=replace(benchmark, delegation=delegation),
        also=(info_file[0],) if info_file else (),
    )


def _requested(info: RuntimeInfo) -> str:
    """Return the kind of the delegate that took nodes: "cpu" if only the CPU's did, "unknown" if several did."""
    kinds = {delegate_kind(entry.delegate) for entry in info.replaced if entry.nodes} - {"cpu"}
    return kinds.pop() if len(kinds) == 1 else UNKNOWN if kinds else "cpu"
