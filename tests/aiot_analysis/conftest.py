"""Make small frames in the schemas of the tables, with explicit numbers."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.tables import names, storage

INSTANCE = {
    "run_id": "20260101T000000Z-aaaaaa",
    "device_id": "local",
    "threads": 1,
    "position": 0,
    "attempt": 1,
    "attempts": 1,
    "source": "agent",
    "profile": "paper",
    "timing": "end_to_end",
    "weights": "sample",
    "dataset": "sample",
    "images": 500,
    "failed_images": 0,
    "distinct_images": 500,
    "log_lines": 502,
    "status": "end",
    "verdict": "valid",
    "reasons": "",
    "dataset_sha256": "d" * 8,
    "framework_version": "1.0",
    "started": "2026-01-01T00:00:00Z",
    "origin": "measured",
}


def instance(instance_id: str, accuracy: float | None = 0.5, time_ms: float | None = 10.0, **other: object) -> dict:
    """Return a row of the table `instances`; without accuracy and time, the instance is unavailable."""
    framework, delegate, quantization, model = instance_id.split("_", 3)
    row = {
        **INSTANCE,
        "instance_id": instance_id,
        "model": model,
        "framework": framework,
        "delegate": delegate,
        "quantization": quantization,
        "accuracy": accuracy,
        "correct": 0 if accuracy is None else round(accuracy * 500),
        "end_to_end_ms_mean": time_ms,
        "inference_ms_mean": None if time_ms is None else time_ms * 0.8,
        "model_sha256": f"{framework}-{quantization}-{model}",
        "model_mb": {"float32": 8.0, "float16": 4.0}.get(quantization, 2.0),
    }
    if accuracy is None:
        row |= {"status": "unavailable", "verdict": "unavailable", "reasons": "not offered here"}
        row |= {"images": 0, "distinct_images": 0, "log_lines": 1}
    return {**row, **other}


def instances(*rows: dict) -> pd.DataFrame:
    return typed("instances", pd.DataFrame(list(rows)))


def typed(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the columns and types of a table, without checking every value, which takes much longer."""
    return frame.reindex(columns=list(types_of(name))).astype(types_of(name))


@cache
def types_of(name: str) -> dict[str, object]:
    """Return the types of the columns of a table, in its order."""
    result = storage.table(name, []).dtypes.to_dict()
    return {column: "category" if kind == "category" else kind for column, kind in result.items()}


def images(instance_id: str, correct: list[bool], time_ms: list[float], **other: object) -> pd.DataFrame:
    """Return image records of one instance: 10% decode, 10% preprocess, 75% inference, 5% post-process."""
    n = len(correct)
    times = np.asarray(time_ms, float)
    frame = pd.DataFrame(
        {
            "run_id": INSTANCE["run_id"],
            "device_id": "local",
            "instance_id": instance_id,
            "query": range(n),
            "image": [f"image-{i:04}" for i in range(n)],
            "label": 0,
            "top1": [0 if right else 1 for right in correct],
            "top5": [[0, 1, 2, 3, 4]] * n,
            "correct": correct,
            "decode_ms": times * 0.1,
            "preprocess_ms": times * 0.1,
            "inference_ms": times * 0.75,
            "postprocess_ms": times * 0.05,
            "end_to_end_ms": times,
            "at_s": np.arange(n) * 0.01,
            "failed": False,
            "origin": "measured",
        }
    )
    return typed("images", frame.assign(**other))


def device(device_id: str = "local", paper_id: int | None = None, **other: object) -> dict:
    return {"device_id": device_id, "paper_id": paper_id, "model": device_id.title(), "origin": "measured", **other}


def computer() -> pd.DataFrame:
    """Return the rows of a computer that runs three light models on TFLite CPU and PyTorch, and nothing else."""
    light, rows = names.MODELS[3:], []
    for id_ in [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED]:
        framework, delegate, quantization, model = id_.split("_", 3)
        if model in light and delegate == "cpu" and framework != "caffe2":
            time_ms = (10.0 + 2 * light.index(model)) / (1 + names.QUANTIZATIONS.index(quantization))
            rows.append(instance(id_, 0.6, time_ms * (2 if framework == "pytorch" else 1)))
        else:
            reason = "NNAPI needs Android" if delegate == "nnapi" else "no such model or framework here"
            rows.append(instance(id_, None, None, reasons=reason))
    return instances(*rows)


def phones() -> pd.DataFrame:
    """Return the rows of 51 simulated devices with the 24 float32 instances, each slower than the one before."""
    rng = np.random.default_rng(0)
    rows = [
        instance(id_, float(rng.uniform(0.5, 0.8)), float(rng.uniform(20, 80)) * number, device_id=f"phone-{number:02}")
        for number in range(1, 52)
        for id_ in names.PAPER_FLOAT32
    ]
    return instances(*rows).assign(origin="simulated")


@pytest.fixture
def one_device() -> pd.DataFrame:
    return computer()


@pytest.fixture
def fleet() -> pd.DataFrame:
    return phones()
