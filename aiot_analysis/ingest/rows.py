"""Rows of the tables from the records of a run. Times are converted to the units of the tables here."""

from __future__ import annotations

from functools import cache, reduce
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow
from pyarrow import compute

from aiot_analysis.ingest import rules
from aiot_analysis.tables import dependence, names, paper, storage
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiot_analysis.ingest.attempt import Reading

Row = dict[str, Any]

PUBLICATION = ["publication", "publisher", "submitter", "scenario", "address", "retrieved"]
"""Fields of a log, and columns of the table `instances`, that tell where somebody else published the numbers."""

IMAGES_AT_MOST = 10**9

_TIMES = {"mean": "mean_ms", "median": "median_ms", "p90": "p90_ms", "sd": "sd_ms"}
_OF_SUMMARY = {"summary_min_ms": "min_ms", "summary_max_ms": "max_ms", "summary_p99_ms": "p99_ms"}
_OF_SUMMARY |= {"summary_runs": "count", "summary_validity": "validity"}
_OF_SUMMARY |= {name: name for name in ("memory_min_mb", "memory_max_mb", "torch_accuracy")}


def summary(reading: Reading) -> Row | None:
    """Return the summary that holds the times of an attempt; None if there is none, or if image records have times."""
    summaries = reading.of("summary")
    return summaries[0] if summaries and reading.images["at_ns"].null_count == len(reading.images) else None


def times(record: Row) -> Row:
    """Return the columns of an instance whose times are those of a summary."""
    timing = _timing(record)
    # end to end: images were shown and timed as by the agent, and only their records are missing
    timed_by_agent = timing == "end_to_end"
    return {
        "source": "agent" if timed_by_agent else "tool",
        "timing": timing,
        "first_image_ms": record.get("first_ms") if timed_by_agent else None,
        **{f"{timing}_ms_{name}": record.get(field) for name, field in _TIMES.items()},
        **{column: record.get(field) for column, field in _OF_SUMMARY.items()},
    }


def counts(last: Row) -> Row:
    """Return the columns of an instance without image records that its last event states.

    Accuracy is over all images: one that could not be shown to the model counts as wrong.
    """
    images, correct = last["images"] + last["failed_images"], last["correct"]
    is_plausible = _sound(last)
    return {
        "images": images if is_plausible else 0,
        "failed_images": last["failed_images"] if is_plausible else 0,
        "distinct_images": images if is_plausible else 0,
        "correct": correct if is_plausible else 0,
        "accuracy": correct / images if is_plausible and images else None,
    }


def loop(reading: Reading) -> tuple[float, int]:
    """Return the time in s of an attempt's loop over its images, and their number, or the number of runs of a tool."""
    runs = reading.last["images"] + reading.last["failed_images"]
    return reading.last["loop_ns"] / 1e9, runs or sum(event.get("count") or 0 for event in reading.of("summary"))


def _timing(record: Row) -> str:
    """Return the timing of a summary: inference, as with native tools, unless it states another."""
    timing = record.get("timing")
    return timing if timing in names.TIMES else "inference"


def _sound(last: Row) -> bool:
    """Return whether the counts of an ending are plausible."""
    correct, images, failed = (int(last[name]) for name in ("correct", "images", "failed_images"))
    return 0 <= correct <= images <= IMAGES_AT_MOST and 0 <= failed <= IMAGES_AT_MOST


def doubts(record: Row, reading: Reading) -> list[str]:
    """Return what is odd about an attempt with a summary."""
    [load] = reading.of("load") or [{}]
    requested, actual = load.get("accelerator_requested"), load.get("accelerator_actual")
    accuracy_missing, accuracy_accelerator = (
        record.get("accuracy_missing"),
        record.get("accuracy_accelerator"),
    )
    runs_requested, runs_timed = record.get("runs_asked"), record.get("count")
    messages = []
    if accuracy_missing is not None:
        messages.append(f"it has no accuracy: {accuracy_missing}")
    if not _sound(reading.last):
        messages.append("its last line has impossible counts")
    if runs_requested is not None and runs_timed is not None and runs_timed < runs_requested:
        messages.append(f"runs that were timed: {runs_timed} of {runs_requested}")
    if record.get("validity") == "INVALID":
        messages.append("the run that timed it was INVALID according to its log")
    if str(record.get("scenario")).lower() == "offline":
        messages.append("its time is the inverse of a throughput (offline), which is not the latency of an image")
    if None in (requested, actual) or _timing(record) == "end_to_end":
        return messages  # what ran is unknown (reported for every log), or time and accuracy are from the same run
    if requested != "cpu" and accuracy_accelerator is None and accuracy_missing is None:
        messages.append(f"{requested} was requested, but it is unknown what ran when its accuracy was measured")
    elif accuracy_accelerator not in (None, actual):
        messages.append(f"its time was measured on {actual}, but its accuracy on {accuracy_accelerator}")
    return messages


def origin_of(run: Row) -> Row:
    """Return the columns that identify the run, the device and the origin."""
    return {"run_id": run["run_id"], "device_id": run["device_slug"], "origin": run["origin"]}


def device(properties: Row, run: Row) -> Row:
    """Return the row of a device as described by one of its runs."""
    maxima = [core["max_mhz"] for core in properties["cores"] if core.get("max_mhz")]
    names = ("maker", "model", "soc", "ram_gb", "os", "os_version", "abi", "kernel", "identity_doubt")
    return {
        **{name: properties.get(name) for name in names},
        "device_id": properties["slug"],
        "paper_id": _paper_id(properties),
        "cores": len(properties["cores"]) or None,
        "max_mhz": max(maxima, default=None),
        "origin": run["origin"],
    }


def _paper_id(properties: Row) -> int | None:
    """Return the id of a device in the paper's Table III, or None if it matches no row or several.

    A phone may report its model as a code (SM-G970F), and in `market_name` the name it is sold under, with or without
    its maker.
    """
    maker, model, sold_as = (
        value if isinstance(value := properties.get(name), str) else "" for name in ("maker", "model", "market_name")
    )
    names = {f"{maker} {model}", f"{maker} {sold_as}", sold_as}
    ids = {_paper_ids().get(_plain(name)) for name in names} - {None}
    return ids.pop() if len(ids) == 1 else None


def _plain(name: str) -> str:
    """Return a name in lower case without spaces, since spellings differ: "Reno 3" and "Reno3" are the same."""
    return "".join(name.casefold().split())


@cache
def _paper_ids() -> dict[str, int]:
    """Return the ids in the paper's Table III by maker and model, as `_plain` returns them."""
    table = paper.devices()
    return dict(zip(table["device"].map(_plain), table["paper_id"].tolist(), strict=True))


def sample(logged: Row, run: Row) -> Row:
    """Return the row of a line of telemetry.jsonl; fields that older logs lack are null."""
    names = [name for name in rawlog.TELEMETRY_FIELDS if name != "instance"]
    return {**{name: logged.get(name) for name in names}, **origin_of(run), "instance_id": logged.get("instance")}


def samples_by_instance(telemetry: Sequence[Row]) -> dict[tuple[str | None, int | None], list[Row]]:
    """Return rows of the table `telemetry`, in order, by instance and attempt, which is None in older logs."""
    groups: dict[tuple[str | None, int | None], list[Row]] = {}
    for row in telemetry:
        groups.setdefault((row["instance_id"], row["attempt"]), []).append(row)
    return groups


def instance(run: Row, instance_id: str, position: int, tried: int) -> Row:
    """Return the row of an instance before any of its attempts is examined; `tried` is the number of attempts."""
    parts = names.instance(instance_id)
    model_file = run["models"].get(instance_id, {})
    settings = model_file.get("preprocess")
    return {
        **origin_of(run),
        "study": run.get("study"),
        "suite": run.get("suite_name"),
        **_interleaved(run),
        "instance_id": instance_id,
        **parts._asdict(),
        "threads": run["threads"],
        "position": position,
        "attempts": tried,
        "source": "agent",
        "profile": run["profile"]["name"],
        "timing": run["timing"],
        "conditions": rules.kept_conditions(run),
        "weights": model_file.get("weights"),
        "resize": settings.get("resize") if isinstance(settings, dict) else None,
        "dataset": run["dataset"]["name"],
        "images": 0,
        "failed_images": 0,
        "distinct_images": 0,
        "correct": 0,
        "log_lines": 0,
        "model_sha256": model_file.get("sha256"),
        **{column: _millions(model_file.get(field)) for column, field in _OF_MODEL.items()},
        "dataset_sha256": run["dataset"]["sha256"],
        **rules.parity(run, instance_id)[0],
        "started": run["started"],
        "status": "cut",
        "reasons": "its log is damaged: run it again" if tried else "it was not run, because the run is unfinished",
    }


_OF_MODEL = {"model_mb": "size_bytes", "macs_millions": "macs", "params_millions": "parameters"}


def _millions(value: float | None) -> float | None:
    return None if value is None else value / 1e6


def _interleaved(run: Row) -> Row:
    """Return the position of a short run of `aiot ab` in its session; null for other runs, or if it is unclear."""
    position = run.get("ab") or {}
    session, side, block = (position.get(name) for name in ("session", "side", "block"))
    settings = position.get(side) if side in ("a", "b") else None
    if type(block) is not int or block < 1 or not (isinstance(session, str) and isinstance(settings, str)):
        session = side = block = settings = None
    return {"ab_session": session, "ab_side": side, "ab_block": block, "ab_settings": settings}


def ended(reading: Reading) -> Row:
    """Return the fields that a completed attempt reports, except those of its images."""
    load = (reading.of("load") or [{}])[0]
    rss_kb = reading.last.get("peak_rss_kb")
    names = ["framework_version", "image_library", "accelerator_requested", "accelerator_actual"]
    names += ["resolution_ms", "nodes", "nodes_delegated", "partitions", "layers_npu", "layers_gpu", "layers_cpu"]
    names += ["job", *PUBLICATION]
    return {
        "attempt": reading.attempt,
        "status": reading.status,
        "load_ms": load["load_ns"] / 1e6 if load.get("load_ns") is not None else None,
        **{name: load.get(name) for name in names},
        "peak_rss_mb": rss_kb / 1000 if rss_kb else None,
    }


def not_ended(reading: Reading) -> Row:
    """Return how an attempt failed, or why it cannot be run."""
    words = [reading.last.get("reason"), reading.last.get("remedy")]
    reasons = ": ".join(word for word in words if word)
    return {"attempt": reading.attempt, "status": reading.status, "reasons": reasons}


def operators(run: Row, events: Sequence[Row]) -> list[Row]:
    """Return rows of the table `operators`."""
    names = ("model", "framework", "operator", "kind", "repetition")
    return [
        {**origin_of(run), **{name: event[name] for name in names}, "time_ms": event["time_ns"] / 1e6}
        for event in events
    ]


def passes(run: Row, instance_row: Row, events: Sequence[Row]) -> list[Row]:
    """Return rows of the table `passes` for the instance of a row."""
    return [
        {
            **origin_of(run),
            **{name: instance_row[name] for name in ("model", "framework")},
            "repetition": event["repetition"],
            "profiled_ms": event["profiled_ns"] / 1e6,
            "plain_ms": event["plain_ns"] / 1e6,
        }
        for event in events
    ]


def nodes(run: Row, instance_row: Row, events: Sequence[Row]) -> list[Row]:
    """Return rows of the table `nodes` for the instance of a row. Lists become text, as in the table."""
    names = ("node", "kind", "operation", "groups", "macs", "parameters")
    return [
        {
            **origin_of(run),
            **{name: instance_row[name] for name in ("model", "framework")},
            "position": position,
            **{name: event.get(name) for name in names},
            **{name: " ".join(event[name]) for name in ("within", "inputs")},
            **{name: _by(event.get(name)) for name in ("kernel", "stride", "in_shape", "out_shape")},
        }
        for position, event in enumerate(events)
    ]


def _by(sizes: Sequence[int] | None) -> str | None:
    """Return sizes as text like "3x3", or None without sizes."""
    return "x".join(map(str, sizes)) if sizes else None


def images(run: Row, parts: Mapping[str, pyarrow.Table]) -> pyarrow.Table:
    """Return the table `images` of instances of a run; `parts` has the columns `attempt.IMAGES` by instance id."""
    logged = pyarrow.concat_tables(parts.values()).combine_chunks()
    column = {name: logged[name].combine_chunks() for name in logged.column_names}
    rows = len(logged)
    phases = {f"{phase}_ms": _divided(column[f"{phase}_ns"], 1e6) for phase in names.PHASES}
    summed = reduce(compute.add, phases.values())
    counts = [len(part) for part in parts.values()]
    top1 = _first(column["classes"])
    of_run = {
        name: pyarrow.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [str(value)])
        for name, value in origin_of(run).items()
    }
    columns = {
        **of_run,
        "instance_id": pyarrow.DictionaryArray.from_arrays(
            np.repeat(np.arange(len(counts), dtype=np.int32), counts), list(parts)
        ),
        "query": column["query"],
        "image": column["image"].dictionary_encode(),
        "label": column["label"],
        "top1": top1,
        "top5": column["classes"],
        "correct": compute.fill_null(compute.equal(top1, column["label"]), False),
        **phases,
        "end_to_end_ms": compute.coalesce(
            *(_divided(column[f"{name}_ns"], 1e6) for name in ("spent", "total")), summed
        ),
        "at_s": _divided(column["at_ns"], 1e9),
        "failed": column["failed"],
    }
    schema = storage.images_schema()
    return pyarrow.table([columns[name] for name in schema.names], schema)


def _divided(whole: pyarrow.Array, by: float) -> pyarrow.Array:
    """Return whole numbers divided by a number, as floating point."""
    return compute.divide(whole.cast(pyarrow.float64(), safe=False), by)


def _first(lists: pyarrow.ListArray) -> pyarrow.Array:
    """Return the first element of each list, null if the list is empty or null."""
    lengths = lists.value_lengths().fill_null(0).to_numpy()
    non_empty = lengths > 0
    first = np.zeros(len(lists), np.int64)
    first[non_empty] = lists.flatten().to_numpy()[(lengths.cumsum() - lengths)[non_empty]]
    return pyarrow.array(first, mask=~non_empty)


def summaries(made: pyarrow.Table, counts: Sequence[int]) -> list[Row]:
    """Return accuracy and times of each instance in a table `images`.

    `counts` are the numbers of consecutive rows of each instance. An image that failed counts as wrong, and its time
    counts (as in the paper's app).
    """
    columns = {name: made[name].to_numpy() for name in ("failed", "correct", "end_to_end_ms", "inference_ms")}
    columns["image"] = made["image"].combine_chunks().indices.to_numpy()
    ends = np.cumsum(counts)
    parts = [
        {name: column[end - n : end] for name, column in columns.items()} for end, n in zip(ends, counts, strict=True)
    ]
    result = [_counts(part) if len(part["image"]) else {} for part in parts]
    for name in ("end_to_end_ms", "inference_ms"):
        times = [part[name][~np.isnan(part[name])] for part in parts]  # NaN where null
        for row, distribution in zip(result, _distributions(times, name), strict=True):
            row.update(distribution)
    return result


def _counts(records: Mapping[str, np.ndarray]) -> Row:
    """Return counts, accuracy and the first time of one instance's records."""
    images, correct = len(records["image"]), int(records["correct"].sum())
    return {
        "images": images,
        "failed_images": int(records["failed"].sum()),
        "distinct_images": len(np.unique(records["image"])),
        "correct": correct,
        "accuracy": correct / images,
        "first_image_ms": None if np.isnan(records["end_to_end_ms"][0]) else float(records["end_to_end_ms"][0]),
    }


def _distributions(times: list[np.ndarray], name: str) -> list[Row]:
    """Return mean, median, 90th percentile, sd and standard error of each array of times; {} if it is empty.

    The sd is that of the population, as in the paper's app. The standard error of the mean treats neighbours as
    dependent and is NaN for a single time. Arrays of equal length are computed together: nearly all
    have the same, and each call takes a while.
    """
    result: list[Row] = [{} for _ in times]
    for length in {len(array) for array in times} - {0}:
        indices = [index for index, array in enumerate(times) if len(array) == length]
        stacked = np.stack([times[index] for index in indices])
        columns = {
            f"{name}_mean": stacked.mean(axis=1),
            f"{name}_median": np.median(stacked, axis=1),
            f"{name}_p90": np.percentile(stacked, 90, axis=1),
            f"{name}_sd": stacked.std(axis=1),
            f"{name}_se": dependence.errors(stacked)[0] if length > 1 else np.full(len(indices), np.nan),
        }
        for row, index in enumerate(indices):
            result[index] = {column: float(values[row]) for column, values in columns.items()}
    return result
