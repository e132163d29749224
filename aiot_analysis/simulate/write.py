"""Writing a phone's run as raw logs, in the format of runner.rawlog with origin "simulated"."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from aiot_analysis.simulate import assumptions, draw
from aiot_analysis.simulate.assumptions import Phone, stream
from aiot_analysis.tables import names
from runner import rawlog

if TYPE_CHECKING:
    from pathlib import Path

    from aiot_analysis.simulate.draw import SimulatedImages

ORIGIN = "simulated"
WEIGHTS = "none (simulated)"
DATASET = "simulated"
NOT_OFFERED = ["serial_sha256", "kernel", "cores", "battery"]


def write_run(
    folder: Path,
    run_id: str,
    phone: Phone,
    drawn: list[draw.DrawnRun],
    scale: float,
    images: SimulatedImages,
    facts: dict[str, Any],
) -> None:
    """Write the run of a phone into an empty folder, run.json last: a folder without it is not a run.

    `facts` are the options that it was drawn with, for run.json. The order of the instances is shuffled, and their
    clock times follow from it.
    """
    started = datetime.fromisoformat(assumptions.file()["time"]["started"])
    clock = started
    pause = timedelta(seconds=assumptions.file()["time"]["pause_s"])
    ordered = [drawn[i] for i in stream(images.seed, phone.slug, "order").permutation(len(drawn))]
    for instance in ordered:
        rawlog.attempt_path(folder, instance.instance_id, 1).write_bytes(_attempt(instance, clock, images))
        clock += timedelta(microseconds=(instance.load_ns + instance.loop_ns) // 1000) + pause
    device = {
        "schema_version": rawlog.SCHEMA_VERSION,
        "slug": phone.slug,
        "serial_sha256": None,
        "maker": phone.maker,
        "model": phone.model,
        "soc": phone.soc,
        "ram_gb": phone.ram_gb,
        "os": "Android",
        "os_version": phone.android,
        "abi": "armeabi-v7a",  # the paper's app is 32-bit
        "kernel": None,
        "cores": [],
        "battery": None,
        "not_offered": NOT_OFFERED,
        "origin": ORIGIN,
    }
    rawlog.write_json(folder / "device.json", device, rawlog.DEVICE_FIELDS)
    run = {
        "schema_version": rawlog.SCHEMA_VERSION,
        "run_id": run_id,
        "device_slug": phone.slug,
        "origin": ORIGIN,
        "suite": [instance.instance_id for instance in ordered],
        # like the paper's app: every image once, no warm-up, the first image counts
        "profile": {
            "name": "paper",
            "warmups": 0,
            "passes": 1,
            "min_queries": 0,
            "min_duration_s": 0.0,
            "max_images": None,
        },
        "seed": images.seed,
        "threads": 1,
        "timing": "end_to_end",
        "dataset": {
            "name": DATASET,
            "sha256": images.sha256(),
            "images": len(images.names),
            "label_space": "imagenet-1000",
        },
        "models": {instance.instance_id: _model(instance.instance_id) for instance in drawn},
        "software": {"simulator": "aiot simulate"},
        "started": _iso_time(started),
        "ended": _iso_time(clock),
        "simulation": {**facts, "scale": scale},
    }
    rawlog.write_json(folder / "run.json", run, rawlog.RUN_FIELDS)


def _model(instance_id: str) -> dict[str, object]:
    """Return the record of a model file, which does not exist: the hash is of its name.

    The hash is thus the same on all phones and for both delegates.
    """
    name = f"simulated {names.instance(instance_id).file}"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return {"sha256": sha256, "sha256_of": name, "weights": WEIGHTS, "size_bytes": draw.model_bytes(instance_id)}


def _attempt(drawn: draw.DrawnRun, began: datetime, images: SimulatedImages) -> bytes:
    """Return the lines of an attempt: load, one line per image, end."""
    framework, delegate, _, _ = names.instance(drawn.instance_id)
    load = {
        "instance": drawn.instance_id,
        "attempt": 1,
        "load_ns": drawn.load_ns,
        "framework_version": "simulated",
        # the app sets one thread for TensorFlow Lite and does not set any for the others
        "threads": 1 if framework == "tflite" else None,
        "model_sha256": _model(drawn.instance_id)["sha256"],
        "accelerator_requested": delegate,
        "accelerator_actual": delegate,
        "at": _iso_time(began),
        "event": "load",
    }
    end = {
        "images": len(images.names),
        "failed_images": 0,
        "correct": int(drawn.correct.sum()),
        "loop_ns": drawn.loop_ns,
        "peak_rss_kb": None,
        "event": "end",
    }
    return b"\n".join(map(orjson.dumps, [load, *_image_events(drawn, images), end])) + b"\n"


def _image_events(drawn: draw.DrawnRun, images: SimulatedImages) -> list[dict[str, object]]:
    """Return the image records of an instance."""
    pairs = zip(drawn.classes.tolist(), drawn.scores.tolist(), strict=True)
    columns = zip(
        images.names, images.labels.tolist(), pairs, *drawn.phases_ns.tolist(), drawn.at_ns.tolist(), strict=True
    )
    return [
        {
            "query": query,
            "image": image,
            "label": label,
            "top5": list(zip(classes, scores, strict=True)),
            "decode_ns": decode_ns,
            "preprocess_ns": preprocess_ns,
            "inference_ns": inference_ns,
            "postprocess_ns": postprocess_ns,
            "at_ns": at_ns,
            "event": "image",
        }
        for query, (
            image,
            label,
            (classes, scores),
            decode_ns,
            preprocess_ns,
            inference_ns,
            postprocess_ns,
            at_ns,
        ) in enumerate(columns)
    ]


def _iso_time(moment: datetime) -> str:
    """Return a time in ISO 8601 with a Z for UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
