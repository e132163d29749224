"""Results of MLPerf LoadGen, written from the description of its formats (loadgen/results.cc and logging.cc)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LINE = "=" * 48
SINGLE_STREAM = "90th percentile latency (ns) : 600000"
OFFLINE = "Samples per second: 2000"
STATS = """QPS w/ loadgen overhead         : 1990.10
QPS w/o loadgen overhead        : 2000.00

Min latency (ns)                : 400000
Max latency (ns)                : 2500000
Mean latency (ns)               : 500000
50.00 percentile latency (ns)   : 450000
90.00 percentile latency (ns)   : 600000
95.00 percentile latency (ns)   : 700000
97.00 percentile latency (ns)   : 800000
99.00 percentile latency (ns)   : 900000
99.90 percentile latency (ns)   : 1500000
"""


def summary(scenario: str = "SingleStream", verdict: str = "VALID", sut: str = "snpe", result: str = "") -> str:
    """Return the summary of a performance run."""
    result = result or {"Offline": OFFLINE}.get(scenario, SINGLE_STREAM)
    return f"""{LINE}
MLPerf Results Summary
{LINE}
SUT name : {sut}
Scenario : {scenario}
Mode     : PerformanceOnly
{result}
Result is : {verdict}
  Min duration satisfied : Yes
  Min queries satisfied : Yes
  Early stopping satisfied: Yes
Early Stopping Result:
 * Processed at least 64 queries (12000).
 * Would discard 1100 highest latency queries.

{LINE}
Additional Stats
{LINE}
{STATS}
{LINE}
Test Parameters Used
{LINE}
samples_per_query : {24576 if scenario == "Offline" else 1}
target_qps : 1000

No warnings encountered during test.

No errors encountered during test.
"""


def detail(mode: str = "PerformanceOnly", qsl: str = "Imagenet", at: str = "2024-05-06T07:08:09Z") -> str:
    """Return the lines of a detail log."""
    values = {
        "loadgen_version": "3.1 @ NA",
        "loadgen_file_sha1": {"/README.md": "0"},
        "test_datetime": at,
        "sut_name": "snpe",
        "qsl_name": qsl,
        "effective_test_mode": mode,
    }
    rest = {"time_ms": 0.02, "namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", "metadata": {}}
    return "".join(f":::MLLOG {json.dumps({'key': key, 'value': value, **rest})}\n" for key, value in values.items())


def answer_bytes(answer: int, size: int = 4) -> str:
    """Return the bytes of an answer as LoadGen prints them."""
    return answer.to_bytes(size, "little").hex().upper()


def accuracy(answers: Sequence[int], order: Sequence[int] | None = None, size: int = 4) -> str:
    """Return the accuracy log of answers to the images 0, 1, ...; `order` is the order of the queries."""
    records = [
        f'{{ "seq_id" : {number}, "qsl_idx" : {image}, "data" : "{answer_bytes(answers[image], size)}" }}'
        for number, image in enumerate(order or range(len(answers)))
    ]
    return "[\n" + ",\n".join(records) + "\n]\n"


def write_submission(
    top: Path, accuracy_log: str, system: str = "phone_1", benchmark: str = "mobilenetEdgeTPU", **performance: str
) -> Path:
    """Write a submission in the layout of MLPerf Mobile, and return the folder of the result."""
    scenario = performance.get("scenario", "SingleStream")
    result = top / "results" / system / benchmark / scenario
    files = {
        "log_accuracy/mlperf_log_accuracy.json": accuracy_log,
        "log_accuracy/mlperf_log_detail.txt": detail("AccuracyOnly"),
        "log_performance/mlperf_log_accuracy.json": "[\n]\n",
        "log_performance/mlperf_log_detail.txt": detail(),
        "log_performance/mlperf_log_summary.txt": summary(**performance),
    }
    for name, text in files.items():
        (result / name).parent.mkdir(parents=True, exist_ok=True)
        (result / name).write_text(text)
    (top / "systems").mkdir(exist_ok=True)
    (top / "systems" / f"{system}.json").write_text(
        '{\n "submitter": "Example Inc.",\n "system_name": "Example Phone 1",\n'
        ' "host_processor_model_name": "Chip, 8 cores,",\n "accelerator_model_name": "Example NPU",\n'
        ' "framework": "SDK 2.0",\n}\n'
    )
    measured = top / "measurements" / system / benchmark / scenario
    measured.mkdir(parents=True, exist_ok=True)
    (measured / "phone_1_qti.json").write_text('{"input_data_types": "UINT8", "weight_data_types": "int8",}')
    return result
