"""Rows of the tables from what a run says. Times leave here in the units of the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, reduce
from typing import Any

import numpy as np
import pyarrow
from pyarrow import compute

from aiot_analysis.ingest import checks, conditions
from aiot_analysis.ingest.attempt import Reading
from aiot_analysis.ingest.fast import PHASES
from aiot_analysis.tables import paper, storage
from runner import rawlog

Row = dict[str, Any]


def origin_of(run: Row) -> Row:
    return {"run_id": run["run_id"], "device_id": run["device_slug"], "origin": run["origin"]}


def device(properties: Row, run: Row) -> Row:
    """The row of a device as one of its runs tells it."""
    maxima = [core["max_mhz"] for core in properties["cores"] if core.get("max_mhz")]
    names = ("maker", "model", "soc", "ram_gb", "os", "os_version", "abi", "kernel")
    return {
        **{name: properties.get(name) for name in names},
        "device_id": properties["slug"],
        "paper_id": _paper_id(properties),
        "cores": len(properties["cores"]) or None,
        "max_mhz": max(maxima, default=None),
        "origin": run["origin"],
    }


def _paper_id(properties: Row) -> int | None:
    """The row of the paper's Table III that a device is, None if it is none of them, or names of several.

    A phone may tell its model as a code (SM-G970F), and in `market_name` what it is sold by, with or without its
    maker.
    """
    maker, model, sold_as = (
        value if isinstance(value := properties.get(name), str) else "" for name in ("maker", "model", "market_name")
    )
    names = {f"{maker} {model}", f"{maker} {sold_as}", sold_as}
    found = {_paper_ids().get(_plain(name)) for name in names} - {None}
    return found.pop() if len(found) == 1 else None


def _plain(name: str) -> str:
    """A name without what its writers do differently: capital letters and spaces. "Reno 3" is "Reno3"."""
    return "".join(name.casefold().split())


@cache
def _paper_ids() -> dict[str, int]:
    """Rows of the paper's Table III by maker and model."""
    table = paper.devices()
    return dict(zip(table["device"].map(_plain), table["paper_id"].tolist(), strict=True))


def sample(logged: Row, run: Row) -> Row:
    """The row of a line of telemetry.jsonl; what older logs do not have is null."""
    names = [name for name in rawlog.TELEMETRY_FIELDS if name != "instance"]
    return {**{name: logged.get(name) for name in names}, **origin_of(run), "instance_id": logged.get("instance")}


def samples_by_instance(telemetry: Sequence[Row]) -> dict[tuple[str | None, int | None], list[Row]]:
    """Rows of the table `telemetry`, in order, by instance and attempt; older logs do not tell the attempt."""
    found: dict[tuple[str | None, int | None], list[Row]] = {}
    for row in telemetry:
        found.setdefault((row["instance_id"], row["attempt"]), []).append(row)
    return found


def instance(run: Row, instance_id: str, position: int, tried: int) -> Row:
    """The row of an instance before any of its attempts is looked at; `tried` of them there are."""
    framework, delegate, quantization, model = instance_id.split("_", 3)
    file = run["models"].get(instance_id, {})
    settings = file.get("preprocess")
    return {
        **origin_of(run),
        "study": run.get("study"),
        **_interleaved(run),
        "instance_id": instance_id,
        "model": model,
        "framework": framework,
        "delegate": delegate,
        "quantization": quantization,
        "threads": run["threads"],
        "position": position,
        "attempts": tried,
        "source": "agent",
        "profile": run["profile"]["name"],
        "timing": run["timing"],
        "conditions": conditions.kept(run),
        "weights": file.get("weights"),
        "resize": settings.get("resize") if isinstance(settings, dict) else None,
        "dataset": run["dataset"]["name"],
        "images": 0,
        "failed_images": 0,
        "distinct_images": 0,
        "correct": 0,
        "log_lines": 0,
        "model_sha256": file.get("sha256"),
        "model_mb": None if file.get("size_bytes") is None else file["size_bytes"] / 1e6,
        "dataset_sha256": run["dataset"]["sha256"],
        **checks.parity(run, instance_id)[0],
        "started": run["started"],
        "status": "cut",
        "reasons": "its log is damaged: run it again" if tried else "it was not run: the run is unfinished",
    }


def _interleaved(run: Row) -> Row:
    """Return the place of a short run of `aiot ab` in its session; null for other runs, or where it is not clear."""
    place = run.get("ab") or {}
    session, side, block = (place.get(name) for name in ("session", "side", "block"))
    settings = place.get(side) if side in ("a", "b") else None
    if type(block) is not int or block < 1 or not (isinstance(session, str) and isinstance(settings, str)):
        session = side = block = settings = None
    return {"ab_session": session, "ab_side": side, "ab_block": block, "ab_settings": settings}


def ended(reading: Reading) -> Row:
    """What an attempt that ended says of itself, but for its images."""
    load = (reading.of("load") or [{}])[0]
    rss_kb = reading.last.get("peak_rss_kb")
    names = ["framework_version", "image_library", "accelerator_requested", "accelerator_actual"]
    names += ["resolution_ms", "nodes", "nodes_delegated", "partitions"]
    return {
        "attempt": reading.attempt,
        "status": reading.status,
        "load_ms": load["load_ns"] / 1e6 if load.get("load_ns") is not None else None,
        **{name: load.get(name) for name in names},
        "peak_rss_mb": rss_kb / 1000 if rss_kb else None,
    }


def not_ended(reading: Reading) -> Row:
    """How an attempt failed, or why it cannot be run."""
    words = [reading.last.get("reason"), reading.last.get("remedy")]
    reasons = ": ".join(word for word in words if word)
    return {"attempt": reading.attempt, "status": reading.status, "reasons": reasons}


def operators(run: Row, events: Sequence[Row]) -> list[Row]:
    names = ("model", "framework", "operator", "kind", "repetition")
    return [
        {**origin_of(run), **{name: event[name] for name in names}, "time_ms": event["time_ns"] / 1e6}
        for event in events
    ]


def passes(run: Row, of: Row, events: Sequence[Row]) -> list[Row]:
    """The table `passes` of the instance whose row is `of`."""
    return [
        {
            **origin_of(run),
            **{name: of[name] for name in ("model", "framework")},
            "repetition": event["repetition"],
            "profiled_ms": event["profiled_ns"] / 1e6,
            "plain_ms": event["plain_ns"] / 1e6,
        }
        for event in events
    ]


def nodes(run: Row, of: Row, events: Sequence[Row]) -> list[Row]:
    """The table `nodes` of the instance whose row is `of`. Lists become text, as the table has them."""
    names = ("node", "kind", "operation", "groups", "macs", "parameters")
    return [
        {
            **origin_of(run),
            **{name: of[name] for name in ("model", "framework")},
            "position": position,
            **{name: event.get(name) for name in names},
            **{name: " ".join(event[name]) for name in ("within", "inputs")},
            **{name: _by(event.get(name)) for name in ("kernel", "stride", "in_shape", "out_shape")},
        }
        for position, event in enumerate(events)
    ]


def _by(sizes: Sequence[int] | None) -> str | None:
    """Sizes as people write them, like "3x3"; None of none."""
    return "x".join(map(str, sizes)) if sizes else None


def images(run: Row, parts: Mapping[str, pyarrow.Table]) -> pyarrow.Table:
    """The table `images` of some instances of a run, from the columns fast.IMAGES of each, by instance id."""
    logged = pyarrow.concat_tables(parts.values()).combine_chunks()
    column = {name: logged[name].combine_chunks() for name in logged.column_names}
    rows = len(logged)
    phases = {f"{phase}_ms": _divided(column[f"{phase}_ns"], 1e6) for phase in PHASES}
    summed = reduce(compute.add, phases.values())
    counts = [len(part) for part in parts.values()]
    top1 = _first(column["classes"])
    of_run = {
        name: pyarrow.DictionaryArray.from_arrays(np.zeros(rows, np.int32), [str(value)])
        for name, value in origin_of(run).items()
    }
    made = {
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
    return pyarrow.table([made[name] for name in schema.names], schema)


def _divided(whole: pyarrow.Array, by: float) -> pyarrow.Array:
    return compute.divide(whole.cast(pyarrow.float64(), safe=False), by)


def _first(lists: pyarrow.ListArray) -> pyarrow.Array:
    """The first element of each list, null where it is empty or null."""
    lengths = lists.value_lengths().fill_null(0).to_numpy()
    there = lengths > 0
    first = np.zeros(len(lists), np.int64)
    first[there] = lists.flatten().to_numpy()[(lengths.cumsum() - lengths)[there]]
    return pyarrow.array(first, mask=~there)


def summaries(made: pyarrow.Table, counts: Sequence[int]) -> list[Row]:
    """Accuracy and times of each instance of a table `images`, of whose rows each has so many, one after the other.

    An image that failed is wrong and has a time (the paper's app).
    """
    columns = {name: made[name].to_numpy() for name in ("failed", "correct", "end_to_end_ms", "inference_ms")}
    columns["image"] = made["image"].combine_chunks().indices.to_numpy()
    ends = np.cumsum(counts)
    parts = [
        {name: column[end - n : end] for name, column in columns.items()} for end, n in zip(ends, counts, strict=True)
    ]
    found = [_counts(part) if len(part["image"]) else {} for part in parts]
    for name in ("end_to_end_ms", "inference_ms"):
        times = [part[name][~np.isnan(part[name])] for part in parts]  # NaN where null
        for row, more in zip(found, _distributions(times, name), strict=True):
            row |= more
    return found


def _counts(shown: Mapping[str, np.ndarray]) -> Row:
    images, correct = len(shown["image"]), int(shown["correct"].sum())
    return {
        "images": images,
        "failed_images": int(shown["failed"].sum()),
        "distinct_images": len(np.unique(shown["image"])),
        "correct": correct,
        "accuracy": correct / images,
        "first_image_ms": float(shown["end_to_end_ms"][0]),
    }


def _distributions(times: list[np.ndarray], name: str) -> list[Row]:
    """Mean, median, 90th percentile and sd (of the population, as the paper's app has it) of each; {} of none.

    Those of equally many times are computed together: nearly all are, and each call takes a while.
    """
    found: list[Row] = [{} for _ in times]
    for length in {len(some) for some in times} - {0}:
        places = [place for place, some in enumerate(times) if len(some) == length]
        alike = np.stack([times[place] for place in places])
        columns = {
            f"{name}_mean": alike.mean(axis=1),
            f"{name}_median": np.median(alike, axis=1),
            f"{name}_p90": np.percentile(alike, 90, axis=1),
            f"{name}_sd": alike.std(axis=1),
        }
        for row, place in enumerate(places):
            found[place] = {column: float(values[row]) for column, values in columns.items()}
    return found
