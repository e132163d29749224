"""Make raw logs like those of a run, with the runner's own writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RUN = "20260101T000000Z-aaaaaa"
LOAD = {
    "event": "load",
    "attempt": None,  # set according to the file name
    "instance": None,
    "load_ns": 12_500_000,
    "framework_version": "ai-edge-litert 2.3.0",
    "image_library": "pillow 12.3.0",
    "threads": 2,
    "model_sha256": "m" * 64,
    "accelerator_requested": "cpu",
    "accelerator_actual": "cpu",
    "at": "2026-01-01T00:00:00Z",
}


def begin(
    raw: Path, suite: Sequence[str], run_id: str = RUN, device: str = "local", maker: str = "Example", **other: Any
) -> Path:
    """Make a run folder with run.json and device.json, and return it; `other` replaces fields of run.json."""
    folder = raw / device / run_id
    folder.mkdir(parents=True)
    properties = {
        "schema_version": rawlog.SCHEMA_VERSION,
        "slug": device,
        "maker": maker,
        "model": device.title(),
        "ram_gb": 8,
        "cores": [{"max_mhz": 1800, "governor": None}, {"max_mhz": 2400.5, "governor": None}],
        "not_offered": ["soc", "battery"],
    }
    rawlog.write_json(folder / "device.json", properties, rawlog.DEVICE_FIELDS)
    record = {
        "schema_version": rawlog.SCHEMA_VERSION,
        "run_id": run_id,
        "device_slug": device,
        "origin": "measured",
        "suite": list(suite),
        "profile": {"name": "paper"},
        "seed": 0,
        "threads": 2,
        "timing": "end_to_end",
        "dataset": {"name": "sample", "sha256": "d" * 64, "images": 500, "label_space": "sample-100"},
        "models": {name: {"sha256": f"sha of {name}", "weights": "sample", "size_bytes": 3_500_000} for name in suite},
        "software": {},
        "started": "2026-01-01T00:00:00Z",
        "ended": None,
        **other,
    }
    rawlog.write_json(folder / "run.json", record, rawlog.RUN_FIELDS)
    return folder


def image(query: int, inference_ms: float = 6, right: bool = True, label: int = 7, name: str = "") -> dict[str, Any]:
    """Return an event `image` that takes 4 ms in addition to its inference: 1 decode, 2 preprocess, 1 post-process."""
    best = label if right else label + 1
    return {
        "event": "image",
        "query": query,
        "image": name or f"{query:03}.jpg",
        "label": label,
        "top5": [[best, 0.9], [label + 2, 0.1]],
        "decode_ns": 1_000_000,
        "preprocess_ns": 2_000_000,
        "inference_ns": round(inference_ms * 1e6),
        "postprocess_ns": 1_000_000,
        "at_ns": query * 1_000_000_000,
    }


def answer(query: int, right: bool = True, label: int = 7, score: float | None = None) -> dict[str, Any]:
    """Return an event `image` with the answer only, without times."""
    top5 = [[label if right else label + 1, score]]
    return {"event": "image", "query": query, "image": f"{query:03}.jpg", "label": label, "top5": top5}


def failed_image(query: int, spent_ms: float = 50) -> dict[str, Any]:
    return {
        "event": "image_failed",
        "query": query,
        "image": f"{query:03}.jpg",
        "label": 7,
        "reason": "OSError: it is no image",
        "spent_ns": round(spent_ms * 1e6),
        "at_ns": query * 1_000_000_000,
    }


def end(peak_rss_kb: int | None = 123_456, **counts: int) -> dict[str, Any]:
    """Return an event `end`; `attempt` adds those of images, failed_images and correct that are not in `counts`."""
    return {"event": "end", "loop_ns": 1, "peak_rss_kb": peak_rss_kb, **counts}


def counted(events: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the counts that an event `end` has for the events before it."""
    shown = [event for event in events if event["event"] == "image"]
    return {
        "images": len(shown),
        "failed_images": sum(event["event"] == "image_failed" for event in events),
        "correct": sum(event["top5"][:1] != [] and event["top5"][0][0] == event["label"] for event in shown),
    }


def attempt(folder: Path, instance_id: str, *events: dict[str, Any], number: int = 1) -> Path:
    """Write events as an attempt, and return its path. The attempt has ended only if the last event is an ending."""
    path = rawlog.attempt_path(folder, instance_id, number)
    with rawlog.AttemptWriter(path) as log:
        for event in events:
            fields = dict(event)
            if event["event"] == "end":
                fields = {**counted(events), **event}
            if event["event"] == "load":
                fields |= {
                    name: value for name, value in (("attempt", number), ("instance", instance_id)) if not event[name]
                }
            log.write(fields.pop("event"), **fields)
    return path


def profile(raw: Path, *models: str, repeat: int = 3, run_id: str = "20260103T000000Z-aaaaaa", **other: Any) -> Path:
    """Write an operator study of networks with one module of two parallel convolutions, at 1 ms per operator."""
    suite = [f"pytorch_cpu_float32_{model}" for model in models]
    folder = begin(raw, suite, run_id, study="profile", timing="inference", **other)
    for model, instance_id in zip(models, suite, strict=True):
        nodes = [
            node("x", "input"),
            node("squeeze", "convolution", "x", kernel=[1, 1]),
            node("left", "convolution", "squeeze", kernel=[1, 1]),
            node("right", "convolution", "squeeze", kernel=[3, 3]),
            node("join", "concatenation", "left", "right"),
        ]
        events: list[dict[str, Any]] = [LOAD, *nodes]
        for repetition in range(repeat):
            common = {"event": "operator", "model": model, "framework": "pytorch", "repetition": repetition}
            events += [
                {**common, "operator": event["node"], "kind": event["kind"], "time_ns": 1_000_000}
                for event in nodes[1:]
            ]
            events.append({"event": "pass", "repetition": repetition, "profiled_ns": 5_000_000, "plain_ns": 4_000_000})
        attempt(folder, instance_id, *events, end())
    return folder


def node(name: str, kind: str, *inputs: str, kernel: list[int] | None = None) -> dict[str, Any]:
    """Return an event `node` of a network's graph; a convolution has 3 million multiply-accumulates."""
    return {
        "event": "node",
        "node": name,
        "kind": kind,
        "operation": kind,
        "within": ["fire:Fire"] if inputs else [],
        "inputs": list(inputs),
        "kernel": kernel,
        "stride": kernel and [1, 1],
        "groups": 1,
        "in_shape": [1, 8, 4, 4],
        "out_shape": [1, 8, 4, 4],
        "macs": 3_000_000 if kernel else 0,
        "parameters": 0,
    }


def unavailable(folder: Path, instance_id: str, reason: str = "NNAPI is part of Android") -> None:
    path = rawlog.attempt_path(folder, instance_id, 1)
    rawlog.close_attempt(path, "unavailable", reason=reason, remedy="run it on an Android phone")
