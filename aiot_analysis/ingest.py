"""Raw logs to processed tables. What cannot be read is left out and named; the rest goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from aiot_analysis import paper, tables
from aiot_analysis.errors import DataError
from aiot_analysis.stats import select, validity
from runner import rawlog

Row = dict[str, Any]


@dataclass
class Result:
    """Rows of every table, and what was left out: (path, reason)."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in tables.TABLES})
    seen: set[tuple[str, str]] = field(default_factory=set)  # device and id of each run that was read

    @property
    def runs(self) -> int:
        return len(self.seen)

    @property
    def left_out(self) -> list[tuple[str, str]]:
        return [(row["path"], row["reason"]) for row in self.rows["left_out"]]

    def leave_out(self, path: Path | str, reason: str) -> None:
        self.rows["left_out"].append({"path": str(path), "reason": reason})

    def summary(self) -> str:
        """Like "1 run, 60 instances, 7500 images, 0 files left out"."""
        counts = [(self.runs, "run"), *((len(self.rows[name]), name[:-1]) for name in ("instances", "images"))]
        told = [f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts]
        return ", ".join([*told, f"{len(self.left_out)} left out"])


def process(raw: Path, processed: Path) -> Result:
    """Reads every run below `raw` and writes all tables into `processed`.

    Raises DataError if there is no run that can be read; then nothing is written.
    """
    result = Result()
    for folder in rawlog.run_folders(raw):
        try:
            _read_run(folder, result)
        except rawlog.RawLogError as error:
            result.leave_out(folder, str(error))
    if not result.runs:
        unread = "; ".join(reason.rstrip(".") for _, reason in result.left_out[:3])
        raise DataError(
            f"{raw} holds no run that can be read{f' ({unread})' if unread else ''}: run `aiot run --local`."
        )
    made = {name: tables.table(name, rows) for name, rows in result.rows.items()}  # all are valid before one is written
    for name, frame in made.items():
        tables.write(name, frame, processed)
    return result


def _read_run(folder: Path, result: Result) -> None:
    run = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
    device = rawlog.read_json(folder / "device.json", rawlog.DEVICE_FIELDS)
    _check_run(run, str(folder / "run.json"))
    one = run["device_slug"], run["run_id"]
    if one in result.seen:
        raise rawlog.RawLogError(
            f"{folder} holds run {one[1]} of {one[0]}, which was read from another folder already."
        )
    result.seen.add(one)
    _add_device(device, run, result)
    attempts = rawlog.attempt_paths(folder)
    for position, instance_id in enumerate(run["suite"]):
        paths = attempts.pop(instance_id, [])
        _add_instance(run, instance_id, position, list(_readable(paths, result)), len(paths), result)
    for paths in attempts.values():
        for path in paths:
            result.leave_out(path, "its instance is not in the suite of run.json")
    _add_telemetry(folder / "telemetry.jsonl", run, result)


def _check_run(run: Row, where: str) -> None:
    """Raises RawLogError for values of run.json that have the right type and still mean nothing here."""
    for name, known in (("origin", rawlog.ORIGINS), ("timing", tuple(select.TIMES))):
        if run[name] not in known:
            raise rawlog.RawLogError(f"{where} has {name} {run[name]!r}, which is none of {', '.join(known)}.")
    for instance_id in run["suite"]:
        if not isinstance(instance_id, str) or instance_id.count("_") < 3:
            raise rawlog.RawLogError(f"{where} has {instance_id!r} in its suite, which is no instance.")
    for instance_id, file in run["models"].items():
        if not isinstance(file, dict):
            raise rawlog.RawLogError(f"{where} has {file!r} as the model of {instance_id}, which is not of the format.")
    rawlog.check(run["profile"], {"name": (str,)}, f"{where}, profile")
    rawlog.check(run["dataset"], {"name": (str,), "sha256": (str,)}, f"{where}, dataset")


def _add_telemetry(path: Path, run: Row, result: Result) -> None:
    samples, broken = rawlog.read_telemetry(path)
    for sample in samples:
        row = {name: sample.get(name) for name in rawlog.TELEMETRY_FIELDS if name != "instance"}
        result.rows["telemetry"].append({**row, **_origin_of(run), "instance_id": sample.get("instance")})
    if broken:
        result.leave_out(path, f"lines that are not of the format: {broken}")


def _origin_of(run: Row) -> Row:
    return {"run_id": run["run_id"], "device_id": run["device_slug"], "origin": run["origin"]}


def _add_device(device: Row, run: Row, result: Result) -> None:
    """Adds the device of a run; a later run of the same device tells how it is now."""
    key = device["slug"], run["origin"]
    others = [row for row in result.rows["devices"] if (row["device_id"], row["origin"]) != key]
    maxima = [core["max_mhz"] for core in device["cores"] if core.get("max_mhz")]
    row = {
        **{name: device.get(name) for name in ("maker", "model", "soc", "ram_gb", "os", "os_version", "abi", "kernel")},
        "device_id": device["slug"],
        "paper_id": _paper_id(device),
        "cores": len(device["cores"]) or None,
        "max_mhz": max(maxima, default=None),
        "origin": run["origin"],
    }
    result.rows["devices"] = [*others, row]


def _paper_id(device: Row) -> int | None:
    """Row of the paper's Table III with the same maker and model."""
    name = f"{device.get('maker') or ''} {device.get('model') or ''}".strip().lower()
    table = paper.devices()
    known = dict(zip(table["device"].str.lower(), table["paper_id"].astype(int), strict=True))
    return known.get(name)


def _readable(paths: Iterable[Path], result: Result) -> Iterable[rawlog.Attempt]:
    for path in paths:
        try:
            attempt = rawlog.read_attempt(path)
        except rawlog.RawLogError as error:
            result.leave_out(path, str(error))
            continue
        if attempt.dropped is not None:
            result.leave_out(path, f"a half-written line was dropped: {attempt.dropped[:60]!r}")
        yield attempt


def _add_instance(
    run: Row, instance_id: str, position: int, attempts: list[rawlog.Attempt], tried: int, result: Result
) -> None:
    """Adds an instance from its last complete attempt; other attempts with measurements are listed as left out.

    `attempts` are those that can be read, of the `tried` that there are.
    """
    complete = [attempt for attempt in attempts if attempt.status == "end"]
    chosen = complete[-1] if complete else attempts[-1] if attempts else None
    for attempt in attempts:
        if attempt is not chosen:
            result.leave_out(attempt.path, f"attempt {attempt.attempt} ({attempt.status}) is not the last complete one")
    framework, delegate, quantization, model = instance_id.split("_", 3)
    file = run["models"].get(instance_id, {})
    row: Row = {
        **_origin_of(run),
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
        "weights": file.get("weights"),
        "dataset": run["dataset"]["name"],
        "images": 0,
        "failed_images": 0,
        "correct": 0,
        "model_sha256": file.get("sha256"),
        "model_mb": file["size_bytes"] / 1e6 if "size_bytes" in file else None,
        "dataset_sha256": run["dataset"]["sha256"],
        "started": run["started"],
        "status": "cut",
        "reasons": "its log is damaged: run it again" if tried else "it was not run: the run is unfinished",
    }
    if chosen is not None:
        row["reasons"] = ""
        row |= _measured(chosen) if chosen.status == "end" else _reason(chosen)
        if chosen.status == "end":
            images = [_image(event, run, instance_id) for event in chosen.events if event["event"].startswith("image")]
            row |= _summary(images)
            result.rows["images"] += images
            result.rows["operators"] += [_operator(event, run) for event in chosen.of("operator")]
    row["verdict"], row["reasons"] = validity.judge(row)
    result.rows["instances"].append(row)


def _reason(attempt: rawlog.Attempt) -> Row:
    words = [attempt.last.get("reason"), attempt.last.get("remedy")]
    return {
        "attempt": attempt.attempt,
        "status": attempt.status,
        "reasons": ": ".join(word for word in words if word),
    }


def _measured(attempt: rawlog.Attempt) -> Row:
    load = (attempt.of("load") or [{}])[0]
    end = attempt.last
    rss_kb = end.get("peak_rss_kb")
    return {
        "attempt": attempt.attempt,
        "status": attempt.status,
        "load_ms": load["load_ns"] / 1e6 if "load_ns" in load else None,
        "framework_version": load.get("framework_version"),
        "accelerator_requested": load.get("accelerator_requested"),
        "accelerator_actual": load.get("accelerator_actual"),
        "nodes_delegated": load.get("nodes_delegated"),
        "partitions": load.get("partitions"),
        "peak_rss_mb": rss_kb / 1000 if rss_kb else None,
    }


def _image(event: Row, run: Row, instance_id: str) -> Row:
    row = {
        **_origin_of(run),
        "instance_id": instance_id,
        "query": event["query"],
        "image": event["image"],
        "label": event["label"],
        "at_s": event["at_ns"] / 1e9,
        "failed": event["event"] == "image_failed",
    }
    if row["failed"]:
        return {**row, "correct": False, "end_to_end_ms": event["spent_ns"] / 1e6}
    parts = {name: event[f"{name}_ns"] / 1e6 for name in ("decode", "preprocess", "inference", "postprocess")}
    classes = [found for found, _ in event["top5"]]
    return {
        **row,
        "top1": classes[0] if classes else None,
        "top5": classes,
        "correct": classes[:1] == [event["label"]],
        **{f"{name}_ms": value for name, value in parts.items()},
        "end_to_end_ms": sum(parts.values()),
    }


def _summary(images: list[Row]) -> Row:
    """Accuracy and times over the images of an instance; a failed image is wrong and has a time (the paper's app)."""
    if not images:
        return {}
    frame = pd.DataFrame(images)
    failed = int(frame["failed"].sum())
    correct = int(frame["correct"].sum())
    row: Row = {
        "images": len(frame),
        "failed_images": failed,
        "correct": correct,
        "accuracy": correct / len(frame),
        "first_image_ms": frame["end_to_end_ms"].iloc[0],
    }
    for column in ("end_to_end_ms", "inference_ms"):
        if column not in frame:  # every image failed
            continue
        times = frame[column].dropna()
        row[f"{column}_mean"] = times.mean()
        row[f"{column}_median"] = times.median()
        row[f"{column}_p90"] = times.quantile(0.9)
        row[f"{column}_sd"] = times.std(ddof=0)  # of the population, as the paper's app has it
    return row


def _operator(event: Row, run: Row) -> Row:
    names = ("model", "framework", "operator", "kind", "repetition")
    return {**_origin_of(run), **{name: event[name] for name in names}, "time_ms": event["time_ns"] / 1e6}
