"""Make fleets in which the paper's claims are planted, as tidy frames with explicit times and answers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from aiot_analysis.stats import remarks
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import INSTANCE, instance, instances

TFLITE = {  # ms in float32, in the order of FLOPs
    "resnet50": 380.0,
    "inception_v3": 500.0,
    "densenet121": 280.0,
    "squeezenet": 83.0,
    "mobilenet_v2": 30.0,
    "mnasnet": 32.0,
}
FACTORS = {  # of these
    "pytorch_cpu": [0.70, 0.70, 0.75, 0.85, 7.0, 6.6],
    "caffe2_cpu": [0.90, 0.95, 1.05, 0.90, 3.2, 3.0],
    "tflite_nnapi": [0.40, 0.50, 6.0, 0.50, 0.95, 1.0],
}
QUANTIZED = {  # relative to float32 with the same delegate
    ("cpu", "dynamic"): [0.75, 0.75, 0.80, 0.80, 1.10, 1.15],
    ("cpu", "int8"): [0.55, 0.58, 0.62, 0.60, 0.68, 0.68],
    ("cpu", "float16"): [0.90, 0.90, 0.90, 0.90, 0.90, 0.90],
    ("nnapi", "dynamic"): [1.25, 1.25, 0.35, 1.25, 1.30, 1.30],
    ("nnapi", "int8"): [1.70, 1.70, 0.50, 1.70, 1.80, 1.80],
    ("nnapi", "float16"): [1.45, 1.45, 1.10, 1.45, 1.55, 1.55],
}
Times = dict[str, float]


def true_times() -> Times:
    """Return the times in ms of the paper's 60 instances, as its remarks describe them in general."""
    times = {names.instance_id("tflite_cpu", "float32", model): ms for model, ms in TFLITE.items()}
    for implementation, factors in FACTORS.items():
        for (model, ms), factor in zip(TFLITE.items(), factors, strict=True):
            times[names.instance_id(implementation, "float32", model)] = ms * factor
    for (delegate, quantization), factors in QUANTIZED.items():
        for model, factor in zip(TFLITE, factors, strict=True):
            base = times[names.instance_id(f"tflite_{delegate}", "float32", model)]
            times[names.instance_id(f"tflite_{delegate}", quantization, model)] = base * factor
    return times


EXCEPTIONS = {  # on the first device only: what the remarks find "on some devices"
    "caffe2_cpu_float32_resnet50": 0.74,
    "tflite_nnapi_float32_mobilenet_v2": 1.3,
    "tflite_nnapi_float32_inception_v3": 0.25,
}


def fleet(
    times: Mapping[str, float] | None = None,
    devices: int = 8,
    scatter: float = 0.02,
    exceptions: Mapping[str, float] | None = None,
    seed: int = 0,
    **other: object,
) -> pd.DataFrame:
    """Return rows of the table `instances`, in which devices differ in speed and times scatter per instance."""
    rng = np.random.default_rng(seed)
    times = true_times() if times is None else times
    exceptions = EXCEPTIONS if exceptions is None else exceptions
    rows = []
    for number in range(devices):
        speed = rng.uniform(0.5, 2)
        for id_, ms in times.items():
            factor = exceptions.get(id_, 1.0) if number == 0 else 1.0
            drawn = ms * factor * speed * float(np.exp(rng.normal(0, scatter)))
            partitions = 40 if id_.startswith("tflite_nnapi") and "densenet" in id_ else 1
            row = {"device_id": f"phone-{number:02}", "partitions": partitions, "end_to_end_ms_sd": 0.1 * drawn}
            rows.append(instance(id_, 0.6, drawn, **row | other))
    return instances(*rows)


Answers = Callable[[str, int, np.random.Generator], np.ndarray]


def base_answers(id_: str, images: int) -> np.ndarray:
    """Return answers that are the same on all devices: 70% right, and fewer where Remark 5 says so."""
    framework, _, quantization, model = id_.split("_", 3)
    share = 0.70 + 0.05 * ["pytorch", "tflite", "caffe2"].index(framework)
    if quantization == "int8" and model in ("densenet121", "squeezenet"):
        share = 0.4
    if quantization == "float16" and model == "mobilenet_v2":
        share = 0.1
    return np.arange(images) < share * images


def patterned(points: Callable[[str], float], flips: float = 0.001) -> Answers:
    """Make answers whose accuracy has a standard deviation of `points` over devices, with a few flips in each run.

    Except for the flips, an instance of a device has the same accuracy in all runs.
    """

    def answers(id_: str, device: int, rng: np.random.Generator) -> np.ndarray:
        own = np.random.default_rng(zlib.crc32(f"{id_} on {device}".encode()))
        moved = round(4 * points(id_) * own.standard_normal())  # of 400 images
        right = np.arange(400) < base_answers(id_, 400).sum() + moved
        return right ^ (rng.random(400) < flips)

    return answers


def _fluctuation(id_: str) -> float:
    """Return the points by which accuracy fluctuates: most with TFLite, and most for InceptionV3."""
    return (2.0 if id_.startswith("tflite") else 0.5) * (3 if "inception" in id_ else 1)


fluctuating = patterned(_fluctuation)


def steady(id_: str, device: int, rng: np.random.Generator) -> np.ndarray:
    return base_answers(id_, 400)


def run_twice(rows: pd.DataFrame, devices: int = 99) -> pd.DataFrame:
    """Return the rows with a later run of the first devices."""
    again = rows[rows["device_id"] < f"phone-{devices:02}"]
    return pd.concat([rows, again.assign(run_id="20260102T000000Z-aaaaaa")], ignore_index=True)


KEPT = ["instance_id", "device_id", "end_to_end_ms_mean"]


def records(rows: pd.DataFrame, answers: Answers = fluctuating, scatter: float = 0.05, seed: int = 1) -> pd.DataFrame:
    """Return image records of the rows, whose times scatter around the mean of the row."""
    rng = np.random.default_rng(seed)
    correct, times_ms, queries = [np.empty(0, bool)], [np.empty(0)], [np.empty(0, int)]
    for instance_id, device_id, mean in zip(*(rows[name] for name in KEPT), strict=True):
        right = answers(str(instance_id), int(str(device_id)[-2:]), rng)
        times = np.exp(rng.normal(0, scatter, len(right)))
        correct.append(right)
        times_ms.append(times / times.mean() * float(mean))
        queries.append(np.arange(len(right)))
    frame = pd.DataFrame({"query": np.concatenate(queries), "correct": np.concatenate(correct)})
    frame["end_to_end_ms"] = np.concatenate(times_ms)
    frame = frame.assign(inference_ms=frame["end_to_end_ms"] * 0.8, failed=False)
    counts = [len(part) for part in queries[1:]]
    for name in ("run_id", "device_id", "instance_id"):
        codes, values = pd.factorize(rows[name], sort=True)
        frame[name] = pd.Categorical.from_codes(np.repeat(codes, counts), values)
    images = [f"image-{number:04}" for number in range(max(counts, default=0))]
    frame["image"] = pd.Categorical.from_codes(frame["query"], images)
    return frame[remarks.IMAGE_COLUMNS]


NO_IMAGES = records(instances(instance("tflite_cpu_float32_mnasnet")).iloc[:0])
RUN = INSTANCE["run_id"]


def judged(rows: pd.DataFrame, images: pd.DataFrame = NO_IMAGES, **options: object) -> pd.DataFrame:
    """Return the table of claims by id."""
    return remarks.verdicts(remarks.parts(rows, images, **options)).set_index("id")
