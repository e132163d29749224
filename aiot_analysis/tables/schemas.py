"""Schemas of the processed tables.

Every table is tidy: one row per device, instance, image, sample or operator. The names of times end in their unit,
accuracies are fractions of 1, and each row carries its origin.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import ClassVar

import pandas as pd
import pandera.pandas as pa
from pandera.typing.pandas import Series

from aiot_analysis.tables.names import TIMES, VERDICTS
from runner.rawlog import ORIGINS

STATUSES = ["end", "summary", "failed", "unavailable", "cut"]


def _import_without_dask(name: str) -> None:
    """Import a module as if Dask were not installed, unless Dask's data frames are loaded already."""
    blocked = "dask.dataframe" if "dask" in sys.modules else "dask"
    if "dask.dataframe" in sys.modules:
        return
    sys.modules[blocked] = None  # type: ignore[assignment]  # importing it now raises ImportError
    try:
        import_module(name)
    finally:
        del sys.modules[blocked]


# pandera's types for Dask data frames are not used here and would delay the start of every process by half a second
_import_without_dask("pandera.typing.dask")


class Table(pa.DataFrameModel):
    """Base class of all tables: exactly these columns, converted to these types."""

    class Config:
        strict = True
        coerce = True


class Devices(Table):
    """One row per device and origin: a phone may be both measured and simulated."""

    device_id: Series[str]  # slug
    paper_id: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=1, le=51)  # row of the paper's Table III
    maker: Series[str] = pa.Field(nullable=True)
    model: Series[str] = pa.Field(nullable=True)
    soc: Series[str] = pa.Field(nullable=True)
    ram_gb: Series[float] = pa.Field(nullable=True)
    os: Series[str] = pa.Field(nullable=True)
    os_version: Series[str] = pa.Field(nullable=True)
    abi: Series[str] = pa.Field(nullable=True)
    kernel: Series[str] = pa.Field(nullable=True)
    cores: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    max_mhz: Series[float] = pa.Field(nullable=True)
    identity_doubt: Series[str] = pa.Field(nullable=True)  # why another device may have been taken for this one
    origin: Series[str] = pa.Field(isin=ORIGINS)

    class Config:
        unique: ClassVar = ["device_id", "origin"]


class Instances(Table):
    """One row per run x instance: the last complete attempt, or the reason why there is none."""

    run_id: Series[str]
    device_id: Series[str]
    study: Series[str] = pa.Field(nullable=True)  # null for a run of the suite
    suite: Series[str] = pa.Field(nullable=True)  # as named for the run; null for the paper's
    ab_session: Series[str] = pa.Field(nullable=True)  # set for a short run of `aiot ab`: see docs/raw-logs.md
    ab_side: Series[str] = pa.Field(nullable=True, isin=["a", "b"])
    ab_block: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=1)
    ab_settings: Series[str] = pa.Field(nullable=True)  # settings of the side, like "threads=2"
    instance_id: Series[str]  # <framework>_<delegate>_<quantization>_<model>
    model: Series[str]
    framework: Series[str]
    delegate: Series[str]
    quantization: Series[str]
    threads: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    position: Series[int]  # in the order of the run, from 0
    attempt: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    attempts: Series[int]  # number of attempts
    source: Series[str] = pa.Field(isin=["agent", "tool"])
    profile: Series[str]
    timing: Series[str] = pa.Field(isin=list(TIMES))
    conditions: Series[str] = pa.Field(nullable=True)  # requested and kept, like "fixed performance, big cores"
    weights: Series[str] = pa.Field(nullable=True)
    resize: Series[str] = pa.Field(nullable=True)  # one of the three ways in the paper's Section IV-B
    dataset: Series[str]
    images: Series[int] = pa.Field(ge=0)
    failed_images: Series[int] = pa.Field(ge=0)
    distinct_images: Series[int] = pa.Field(ge=0)  # a timed profile may show an image more than once
    correct: Series[int] = pa.Field(ge=0)
    accuracy: Series[float] = pa.Field(nullable=True, ge=0, le=1)  # an image that failed counts as wrong
    load_ms: Series[float] = pa.Field(nullable=True)
    first_image_ms: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_mean: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_median: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_p90: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_sd: Series[float] = pa.Field(nullable=True)
    end_to_end_ms_se: Series[float] = pa.Field(nullable=True)  # of the mean; neighbours in time are dependent
    inference_ms_mean: Series[float] = pa.Field(nullable=True)
    inference_ms_median: Series[float] = pa.Field(nullable=True)
    inference_ms_p90: Series[float] = pa.Field(nullable=True)
    inference_ms_sd: Series[float] = pa.Field(nullable=True)
    inference_ms_se: Series[float] = pa.Field(nullable=True)
    peak_rss_mb: Series[float] = pa.Field(nullable=True)
    model_mb: Series[float] = pa.Field(nullable=True)  # size on disk
    macs_millions: Series[float] = pa.Field(nullable=True)  # multiply-accumulates for an image, from the graph
    params_millions: Series[float] = pa.Field(nullable=True)  # parameters of the network
    # energy of an image in mJ less that of the idle device, by its battery, with the standard error; only for the
    # profile `sustained`, and null with the reason in energy_gap if it is not measurable
    energy_mj: Series[float] = pa.Field(nullable=True)
    energy_mj_se: Series[float] = pa.Field(nullable=True, ge=0)
    energy_gap: Series[str] = pa.Field(nullable=True)
    accelerator_requested: Series[str] = pa.Field(nullable=True)
    accelerator_actual: Series[str] = pa.Field(nullable=True)
    resolution_ms: Series[float] = pa.Field(nullable=True)  # of the clock; null if nanoseconds or unknown
    nodes: Series[pd.Int64Dtype] = pa.Field(nullable=True)  # of the graph, if the delegate reports them
    nodes_delegated: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    partitions: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    layers_npu: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)  # nodes of the graph by the unit that ran them
    layers_gpu: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)
    layers_cpu: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)
    # further facts of a summary, if the times of the instance are those of one
    summary_runs: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)
    summary_min_ms: Series[float] = pa.Field(nullable=True)
    summary_max_ms: Series[float] = pa.Field(nullable=True)
    summary_p99_ms: Series[float] = pa.Field(nullable=True)
    summary_validity: Series[str] = pa.Field(nullable=True)  # "VALID" or "INVALID", as MLPerf LoadGen states it
    memory_min_mb: Series[float] = pa.Field(nullable=True)  # range in which peak memory was observed
    memory_max_mb: Series[float] = pa.Field(nullable=True)
    # of the PyTorch original on the same images, as stated by whoever measured the accuracy
    torch_accuracy: Series[float] = pa.Field(nullable=True)
    job: Series[str] = pa.Field(nullable=True)  # id of the measurement; rows that share one are one measurement
    # where somebody else published the numbers: null unless the origin is "published"
    publication: Series[str] = pa.Field(nullable=True)  # like "MLPerf Mobile v5.0"
    publisher: Series[str] = pa.Field(nullable=True)
    submitter: Series[str] = pa.Field(nullable=True)  # who measured, if that is not the publisher
    scenario: Series[str] = pa.Field(nullable=True)  # how the load was generated, like "single stream"
    address: Series[str] = pa.Field(nullable=True)  # URL of the numbers
    retrieved: Series[str] = pa.Field(nullable=True)  # date on which they were read there, in ISO 8601
    log_lines: Series[int] = pa.Field(ge=0)  # lines of the attempt's log used for this row and its images
    status: Series[str] = pa.Field(isin=STATUSES)
    verdict: Series[str] = pa.Field(isin=list(VERDICTS))
    reasons: Series[str]  # why the verdict is not "valid", and what would help; "" if it is
    model_sha256: Series[str] = pa.Field(nullable=True)
    dataset_sha256: Series[str]
    framework_version: Series[str] = pa.Field(nullable=True)
    image_library: Series[str] = pa.Field(nullable=True)  # used to decode and resize the images; null if unknown
    # result of `aiot models check` for the model file against the float32 PyTorch original; null if not checked
    parity_passed: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    parity_finding: Series[str] = pa.Field(nullable=True)  # as a sentence
    parity_difference: Series[float] = pa.Field(nullable=True, ge=0)  # largest, relative to the original's output range
    parity_correlation: Series[float] = pa.Field(nullable=True, ge=-1, le=1)
    parity_top1_agreement: Series[float] = pa.Field(nullable=True, ge=0, le=1)
    parity_accuracy: Series[float] = pa.Field(nullable=True, ge=0, le=1)  # of the file, on the images of the check
    parity_accuracy_original: Series[float] = pa.Field(
        nullable=True, ge=0, le=1
    )  # null without an original or with random weights
    parity_images: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=1)
    parity_dataset: Series[str] = pa.Field(nullable=True)
    started: Series[str]  # of the run; ISO 8601, UTC
    ended: Series[str] = pa.Field(nullable=True)  # of the run; if it was cut off, the last known time
    boot_id: Series[str] = pa.Field(nullable=True)  # identifies the boot it ran in; null if unknown or several
    origin: Series[str] = pa.Field(isin=ORIGINS)

    class Config:
        unique: ClassVar = ["run_id", "device_id", "instance_id"]


class Images(Table):
    """One row per image (query) of an instance. Names are categories, since few names fill many rows."""

    run_id: Series[pd.CategoricalDtype]
    device_id: Series[pd.CategoricalDtype]
    instance_id: Series[pd.CategoricalDtype]
    query: Series[int] = pa.Field(ge=0)
    image: Series[pd.CategoricalDtype]
    label: Series[int]
    top1: Series[pd.Int64Dtype] = pa.Field(nullable=True)  # null if the image failed
    top5: Series[object] = pa.Field(nullable=True)  # classes, best first
    correct: Series[bool]
    decode_ms: Series[float] = pa.Field(nullable=True)
    preprocess_ms: Series[float] = pa.Field(nullable=True)
    inference_ms: Series[float] = pa.Field(nullable=True)
    postprocess_ms: Series[float] = pa.Field(nullable=True)
    # sum of the four; for a failed image, the time spent on it; null if only the answer is known
    end_to_end_ms: Series[float] = pa.Field(nullable=True, ge=0)
    at_s: Series[float] = pa.Field(nullable=True, ge=0)  # since the first query began; null if the answer has no time
    failed: Series[bool]
    origin: Series[pd.CategoricalDtype] = pa.Field(isin=ORIGINS)


class Telemetry(Table):
    """One row per sample in a run; values that a system does not offer are null."""

    run_id: Series[str]
    device_id: Series[str]
    instance_id: Series[str] = pa.Field(nullable=True)  # null while the device is idle
    attempt: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    at: Series[str]  # ISO 8601, UTC
    temperature_c: Series[float] = pa.Field(nullable=True)
    temperature_sensor: Series[str] = pa.Field(nullable=True)  # the sensor that temperature_c comes from
    battery_temperature_c: Series[float] = pa.Field(nullable=True)
    skin_temperature_c: Series[float] = pa.Field(nullable=True)
    frequency_mhz: Series[float] = pa.Field(nullable=True)
    battery_percent: Series[float] = pa.Field(nullable=True)
    plugged: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    charging: Series[pd.BooleanDtype] = pa.Field(nullable=True)
    charge_uah: Series[float] = pa.Field(nullable=True)  # of the battery, as the device reports it
    voltage_mv: Series[float] = pa.Field(nullable=True)
    current_ua: Series[float] = pa.Field(nullable=True)  # sign and unit depend on the maker
    screen_on: Series[pd.BooleanDtype] = pa.Field(nullable=True)  # only in samples of the idle device
    overridden: Series[pd.BooleanDtype] = pa.Field(nullable=True)  # battery or thermal status was set by hand
    lost: Series[pd.BooleanDtype] = pa.Field(nullable=True)  # the device did not answer
    others: Series[str] = pa.Field(nullable=True)  # other measurements on the device: none, seen or unknown
    thermal_status: Series[str] = pa.Field(nullable=True)
    throttling: Series[str] = pa.Field(nullable=True)  # what slows a board down, such as "capped, hot", or none
    load_average: Series[float] = pa.Field(nullable=True)
    origin: Series[str] = pa.Field(isin=ORIGINS)


class _Profiled(Table):
    """Columns that the tables of profiled models have in common."""

    run_id: Series[str]
    device_id: Series[str]
    model: Series[str]
    framework: Series[str]
    origin: Series[str] = pa.Field(isin=ORIGINS)


class Operators(_Profiled):
    """One row per operator x repetition of a profiled model."""

    operator: Series[str]
    kind: Series[str]
    repetition: Series[int]
    time_ms: Series[float] = pa.Field(ge=0)


class Passes(_Profiled):
    """One row per repetition of a profiled model: the network run once with the profiler and once without."""

    repetition: Series[int] = pa.Field(ge=0)
    profiled_ms: Series[float] = pa.Field(ge=0)
    plain_ms: Series[float] = pa.Field(ge=0)


class Nodes(_Profiled):
    """One row per node of a network's graph, in an order in which they can be computed. Sizes are text like "3x3"."""

    position: Series[int] = pa.Field(ge=0)
    node: Series[str]
    kind: Series[str]
    operation: Series[str]  # as the tracer names it, like Conv2d
    within: Series[str]  # enclosing modules as path:class, outermost first, separated by spaces
    inputs: Series[str]  # nodes, separated by spaces
    kernel: Series[str] = pa.Field(nullable=True)  # height x width
    stride: Series[str] = pa.Field(nullable=True)
    groups: Series[pd.Int64Dtype] = pa.Field(nullable=True)
    in_shape: Series[str] = pa.Field(nullable=True)  # of the first input: N x C x H x W
    out_shape: Series[str] = pa.Field(nullable=True)
    macs: Series[int] = pa.Field(ge=0)  # multiply-accumulates
    parameters: Series[int] = pa.Field(ge=0)

    class Config:
        unique: ClassVar = ["run_id", "device_id", "model", "framework", "node"]


class LeftOut(Table):
    """One row per file or line of the raw logs that was not used, with the reason."""

    device_id: Series[str] = pa.Field(nullable=True)  # null if it is not in the folder of a device
    origin: Series[str] = pa.Field(nullable=True, isin=ORIGINS)  # null if unknown
    path: Series[str]
    reason: Series[str]
    lines: Series[pd.Int64Dtype] = pa.Field(nullable=True, ge=0)  # number of lines; null if it is not a readable log


ADDED = {
    "devices": ["identity_doubt"],
    "instances": [
        *["end_to_end_ms_se", "inference_ms_se"],
        *["layers_npu", "layers_gpu", "layers_cpu", "summary_runs", "summary_min_ms", "summary_max_ms"],
        *["summary_p99_ms", "summary_validity", "memory_min_mb", "memory_max_mb", "torch_accuracy", "job"],
        *["publication", "publisher", "submitter", "scenario", "address", "retrieved"],
        *["energy_mj", "energy_mj_se", "energy_gap", "macs_millions", "params_millions", "suite"],
    ],
    "telemetry": ["charge_uah", "voltage_mv", "current_ua", "screen_on", "others", "throttling"],
}
"""Columns that tables of earlier versions lack, and that are null there."""

TABLES: dict[str, type[Table]] = {
    "devices": Devices,
    "instances": Instances,
    "images": Images,
    "telemetry": Telemetry,
    "operators": Operators,
    "passes": Passes,
    "nodes": Nodes,
    "left_out": LeftOut,
}
