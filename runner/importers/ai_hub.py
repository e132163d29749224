"""Import results of Qualcomm AI Hub: `perf.yaml` and `numerics.yaml` of its models, and profile jobs as JSON.

The forms follow github.com/qualcomm/ai-hub-models (2026) and the client `qai_hub`. A time in perf.yaml is that of the
fastest run (app.aihub.qualcomm.com/docs/hub/howitworks.html); only a profile job has the time of every run. Inputs are
random, and times are of inference alone.
"""

from __future__ import annotations

import csv
import statistics
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.suite import Instance
from runner.errors import LogError
from runner.importers.formats import UNKNOWN
from runner.importers.imported_runs import Datasets, DeviceFacts, ImportSession, LogPart, event_lines
from runner.importers.input_files import LabelOverrides, LogSource, model_name
from runner.importers.structured_text import count, id_part, load_json, load_yaml, mapping, number, sequence, string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from runner.importers.input_files import Publication

FASTEST_RUN = "AI Hub (fastest run)"
"""Profile of times in perf.yaml, which are those of the fastest of the runs."""

ALL_RUNS = "AI Hub (all runs)"
"""Profile of times of a profile job, which has those of all runs."""

RANDOM = "random input"

FRAMEWORKS = {"tflite": "tflite", "onnx": "onnxruntime", "qnn_dlc": "qnn"}
"""Framework of each runtime of AI Hub; other runtimes keep their name, without its punctuation."""

PASSED = "Passed"

_UNITS = ("npu", "gpu", "cpu")
_DEVICES = Path(__file__).parent / "facts" / "ai_hub_devices.csv"


@dataclass(frozen=True)
class HubProfile:
    """One profile job in perf.yaml: a model in a precision, run on a device by a runtime."""

    model: str  # as in instance ids
    precision: str  # this and the following three as published
    device: str
    runtime: str
    status: str
    inference_ms: float | None  # of the fastest run
    compute_unit: str | None
    layers: int | None
    layers_npu: int | None
    layers_gpu: int | None
    layers_cpu: int | None
    memory_min_mb: float | None
    memory_max_mb: float | None
    job_id: str | None
    versions: str | None  # such as "qairt 2.43.0; tflite 2.17.0"
    message: str | None = None  # why the job failed

    @property
    def instance(self) -> Instance:
        """The instance. What AI Hub was asked to run it on is not stated."""
        return instance_of(self.model, self.precision, self.runtime)


@dataclass(frozen=True)
class HubAccuracy:
    """One accuracy in numerics.yaml: that of a model in a precision, on a device and by a runtime."""

    model: str
    precision: str
    device: str
    runtime: str
    dataset: str
    images: int
    correct: int
    torch_accuracy: float | None  # of the PyTorch original on the same images, as a fraction of 1

    @property
    def instance(self) -> Instance:
        return instance_of(self.model, self.precision, self.runtime)


@dataclass(frozen=True)
class HubJob:
    """The result of a profile job as its client returns it (`download_profile`)."""

    times_ms: tuple[float, ...]  # of each run, in order; () in results of old clients
    fastest_ms: float | None
    first_load_ms: float | None
    warm_load_ms: float | None
    memory_min_mb: float | None  # range of the peak memory during inference, in 2**20 bytes
    memory_max_mb: float | None
    layers: dict[str, int]  # number of layers by unit


def instance_of(model: str, precision: str, runtime: str) -> Instance:
    """Return the instance of a model, precision and runtime as published.

    Raises:
        LogError: Precision or runtime has no letter and no digit.
    """
    framework, quantization = FRAMEWORKS.get(runtime, id_part(runtime)), id_part(precision)
    if not framework or not quantization:
        raise LogError(f"{model} has the precision {precision!r} and the runtime {runtime!r}: both need a name.")
    return Instance(framework, UNKNOWN, quantization, model)


def parse_perf(name: object, text: str, model: str | None = None) -> list[HubProfile]:
    """Return the profile jobs in the text of a perf.yaml. `model` overrides the name of the network in the file.

    Raises:
        LogError: It is another kind of file, has no profile job, or is of a network in several components. The message
            calls it `name`.
    """
    precisions = mapping(load_yaml(name, text).get("precisions"))
    components = {
        (precision, component): mapping(mapping(facts).get("performance_metrics"))
        for precision, parts in precisions.items()
        for component, facts in mapping(mapping(parts).get("components")).items()
    }
    names = list(dict.fromkeys(component for _, component in components))
    if not any(components.values()):
        raise LogError(
            f"{name} has no performance_metrics by precision and component: name a perf.yaml of AI Hub Models from "
            "2025 or later."
        )
    if len(names) > 1:
        raise LogError(
            f"{name} is of a network in {len(names)} components ({', '.join(names[:3])}), and a time of one of them is "
            "not that of the network: name the file of a network in one component."
        )
    return [
        _profile(model or model_name(names[0]), precision, device, runtime, mapping(facts))
        for (precision, _), devices in components.items()
        for device, runtimes in devices.items()
        for runtime, facts in mapping(runtimes).items()
    ]


def _profile(model: str, precision: str, device: str, runtime: str, facts: Mapping[str, Any]) -> HubProfile:
    memory, layers = mapping(facts.get("estimated_peak_memory_range_mb")), mapping(facts.get("layer_counts"))
    return HubProfile(
        model=model,
        precision=precision,
        device=device,
        runtime=runtime,
        status=string(facts.get("job_status")) or "not stated",
        inference_ms=number(facts.get("inference_time_milliseconds")),
        compute_unit=string(facts.get("primary_compute_unit")),
        layers=count(layers.get("total")),
        layers_npu=count(layers.get("npu")),
        layers_gpu=count(layers.get("gpu")),
        layers_cpu=count(layers.get("cpu")),
        memory_min_mb=number(memory.get("min")),
        memory_max_mb=number(memory.get("max")),
        job_id=string(facts.get("job_id")),
        versions="; ".join(f"{tool} {version}" for tool, version in mapping(facts.get("tool_versions")).items())
        or None,
        message=string(facts.get("job_error_message")),
    )


def parse_numerics(name: object, text: str, model: str) -> list[HubAccuracy]:
    """Return the accuracies of a classifier in the text of a numerics.yaml, which does not name the network.

    If there are several datasets, the first counts.

    Raises:
        LogError: It is another kind of file, has no classification accuracy, or an accuracy is not one of a whole
            number of images. The message calls it `name`.
    """
    metrics = [mapping(metric) for metric in sequence(load_yaml(name, text).get("metrics"))]
    if not any("device_metric" in metric for metric in metrics):
        raise LogError(f"{name} has no metrics by device: name a numerics.yaml of AI Hub Models.")
    names = [string(metric.get("metric_name")) or "unnamed" for metric in metrics]
    chosen = [metric for metric, title in zip(metrics, names, strict=True) if title == "Classification Accuracy"]
    if not chosen:
        raise LogError(
            f"{name} has no Classification Accuracy, but {', '.join(names)}: name a file of a network that classifies "
            "images."
        )
    metric = chosen[0]
    images = count(metric.get("num_partial_samples"))
    if not images:
        raise LogError(f"{name} does not state the number of images (num_partial_samples): copy it again.")
    torch_percent = number(metric.get("partial_torch_metric"))
    return [
        HubAccuracy(
            model=model,
            precision=precision,
            device=device,
            runtime=runtime,
            dataset=string(metric.get("dataset_name")) or "images of AI Hub",
            images=images,
            correct=correct_images(name, number(mapping(facts).get("partial_metric")), images),
            torch_accuracy=None if torch_percent is None else torch_percent / 100,
        )
        for device, precisions in mapping(metric.get("device_metric")).items()
        for precision, runtimes in mapping(precisions).items()
        for runtime, facts in mapping(runtimes).items()
    ]


def correct_images(name: object, percent: float | None, images: int) -> int:
    """Return the number of correct images from an accuracy in percent, which may be rounded.

    Raises:
        LogError: No whole number of images has this accuracy.
    """
    if percent is not None and percent <= 100:
        correct = round(percent * images / 100)
        digits = len(repr(float(percent)).partition(".")[2])
        if round(100 * correct / images, digits) == percent:
            return correct
    raise LogError(
        f"{name} has an accuracy of {percent}%, which no whole number of {images} images has: copy it again."
    )


def parse_job(name: object, text: str) -> HubJob:
    """Return the result of a profile job from the JSON that its client returns.

    Raises:
        LogError: It is not complete JSON, or has no time. The message calls it `name`.
    """
    loaded = load_json(name, text)
    facts = mapping(loaded.get("execution_summary"))
    times = [number(item) for item in sequence(facts.get("all_inference_times"))]
    fastest_us = number(facts.get("estimated_inference_time"))
    times_us = [time for time in times if time is not None]
    if len(times_us) < len(times) or not (any(times_us) or fastest_us):
        raise LogError(
            f"{name} has no usable inference times (all_inference_times, estimated_inference_time): download the "
            "profile of a job that has ended successfully."
        )
    memory = [number(item) for item in sequence(facts.get("inference_memory_peak_range"))]
    low, high = memory if len(memory) == 2 else (None, None)
    units = [string(mapping(layer).get("compute_unit")) for layer in sequence(loaded.get("execution_detail"))]
    return HubJob(
        times_ms=tuple(time / 1000 for time in times_us),
        fastest_ms=None if fastest_us is None else fastest_us / 1000,
        first_load_ms=_ms(facts.get("first_load_time")),
        warm_load_ms=_ms(facts.get("warm_load_time")),
        memory_min_mb=None if low is None else low / 2**20,
        memory_max_mb=None if high is None else high / 2**20,
        layers=dict(Counter((unit or UNKNOWN).lower() for unit in units)),
    )


def _ms(microseconds: object) -> float | None:
    value = number(microseconds)
    return None if value is None else value / 1000


@cache
def _devices() -> dict[str, dict[str, str]]:
    """Return what AI Hub states about its devices, by name."""
    with _DEVICES.open(encoding="utf-8", newline="") as file:
        return {row["device"]: row for row in csv.DictReader(file)}


def device_facts(device: str) -> DeviceFacts:
    """Return the facts about a device of AI Hub.

    A name without a known maker, such as that of a chip, is Qualcomm's own board. A "(Proxy)" stands for a chip: the
    device that was measured is another one with the same chip.
    """
    facts = _devices().get(device, {})
    maker, _, model = device.partition(" ")
    if maker not in ("Samsung", "Google", "Xiaomi", "OnePlus"):
        maker, model = "Qualcomm", device
    other = {"ai_hub_name": device}
    if "(Proxy)" in device:
        other["proxy"] = "the measured device has the same chip, but is not named"
    if facts.get("same_jobs_as"):
        other["same_jobs_as"] = facts["same_jobs_as"]
    return DeviceFacts(
        maker=maker,
        code=model,
        os=facts.get("os") or None,
        os_version=facts.get("os_version") or None,
        soc=facts.get("chipset") or None,
        other=other,
    )


def make_sessions(
    profiles: Sequence[HubProfile],
    accuracies: Sequence[HubAccuracy],
    sources: Sequence[LogSource],
    datasets: Datasets,
    started: datetime,
    started_from: str,
    publication: Publication | None = None,
) -> list[ImportSession]:
    """Return a session for each device and each dataset on which accuracies were measured."""
    measured = {(item.device, item.instance): item for item in accuracies}
    by_setting: dict[tuple[str, str, int], dict[str, LogPart]] = {}
    at = f"{started:%Y-%m-%dT%H:%M:%SZ}"
    for profile in profiles:
        accuracy = measured.pop((profile.device, profile.instance), None)
        name, images = (f"AI Hub {accuracy.dataset}", accuracy.images) if accuracy else (RANDOM, 0)
        parts = by_setting.setdefault((profile.device, name, images), {})
        if profile.instance.id in parts:
            raise LogError(f"{profile.device} has two profile jobs of {profile.instance.id}: import one of them.")
        parts[profile.instance.id] = replace(_part(profile, accuracy, at), publication=publication)
    without_time = tuple(
        f"{item.instance.id} on {item.device} is left out, since it has an accuracy but no time"
        for item in measured.values()
    )
    return [
        ImportSession(
            sources=tuple(sources),
            parts=tuple(parts.values()),
            device=device_facts(device),
            profile={"name": FASTEST_RUN},
            timing="inference",
            threads=None,
            dataset=datasets(name, images, None),
            started=started,
            started_from=started_from,
            ended=None,
            notes=without_time if position == 0 else (),
        )
        for position, ((device, name, images), parts) in enumerate(by_setting.items())
    ]


def _part(profile: HubProfile, accuracy: HubAccuracy | None, at: str) -> LogPart:
    if profile.status != PASSED or not profile.inference_ms:
        reason = f"the job {profile.job_id or 'without an id'} of AI Hub has the status {profile.status}"
        reason += f": {profile.message}" if profile.message else ""
        if profile.status == PASSED:
            reason += ", but no time"
        return LogPart(profile.instance, None, b"", ("failed", {"reason": reason}))
    layers = {f"layers_{unit}": getattr(profile, f"layers_{unit}") for unit in _UNITS}
    load = {
        **_load(at, profile.compute_unit, profile.layers, layers),
        "framework_version": profile.versions,
        "job": profile.job_id,
    }
    summary = {
        "mean_ms": profile.inference_ms,
        "mean_is": "the fastest run",
        "min_ms": profile.inference_ms,
        "memory_min_mb": profile.memory_min_mb,
        "memory_max_mb": profile.memory_max_mb,
        "precision": profile.precision,
        "runtime": profile.runtime,
    }
    return _timed_part(profile.instance, load, summary, accuracy)


def _load(at: str, unit: str | None, layers: int | None, layers_by_unit: Mapping[str, int | None]) -> dict[str, Any]:
    """Return the fields of the event `load`. What AI Hub was asked for is not stated; it uses what is fastest."""
    return {
        "load_ns": None,
        "threads": None,
        "model_sha256": None,
        "accelerator_requested": None,
        "accelerator_actual": unit.lower() if unit else None,
        "nodes": layers,
        **{name: value for name, value in layers_by_unit.items() if value is not None},
        "at": at,
    }


def _timed_part(
    instance: Instance, load: dict[str, Any], summary: dict[str, Any], accuracy: HubAccuracy | None
) -> LogPart:
    images, correct = (accuracy.images, accuracy.correct) if accuracy else (0, 0)
    summary = {
        "tool": "AI Hub",
        "timing": "inference",
        "count": None,
        **summary,
        "accuracy": correct / images if images else None,
        "images": images or None,
        "torch_accuracy": accuracy.torch_accuracy if accuracy else None,
    }
    ending = {
        "images": images,
        "failed_images": 0,
        "correct": correct,
        "loop_ns": round(summary["mean_ms"] * 1e6 * (summary["count"] or 1)),
        "peak_rss_kb": None,
    }
    return LogPart(instance, load, event_lines([("summary", summary)]), ("end", ending))


def job_sessions(source: LogSource, job: HubJob, overrides: LabelOverrides, datasets: Datasets) -> list[ImportSession]:
    """Return the session of a profile job, in a list.

    The user states the device, the framework, the network and its precision.

    Raises:
        LogError: One of them is missing.
    """
    instance = overrides.instance(
        source.path, {"delegate": overrides.delegate or UNKNOWN, "framework": None, "quantization": None, "model": None}
    )
    times = job.times_ms
    accelerated = sorted(job.layers.items(), key=lambda item: -item[1])
    load = _load(
        f"{source.modified:%Y-%m-%dT%H:%M:%SZ}",
        accelerated[0][0] if accelerated else None,
        sum(job.layers.values()) or None,
        {f"layers_{unit}": job.layers.get(unit, 0) for unit in _UNITS} if job.layers else {},
    )
    load |= {
        "load_ns": None if job.first_load_ms is None else round(job.first_load_ms * 1e6),
        "accelerator_requested": None if instance.delegate == UNKNOWN else instance.delegate,
    }
    summary: dict[str, Any] = {"warm_load_ms": job.warm_load_ms, "fastest_ms": job.fastest_ms}
    summary["accuracy_missing"] = "a profile job measures none"
    summary |= {"memory_min_mb": job.memory_min_mb, "memory_max_mb": job.memory_max_mb}
    if times:
        summary |= _distribution(times)
    else:
        summary |= {"mean_ms": job.fastest_ms, "mean_is": "the fastest run", "min_ms": job.fastest_ms}
    session = ImportSession(
        sources=(source,),
        parts=(_timed_part(instance, load, summary, None),),
        device=DeviceFacts(),
        profile={"name": ALL_RUNS if times else FASTEST_RUN},
        timing="inference",
        threads=overrides.threads,
        dataset=datasets(RANDOM, 0, None),
        started=source.modified,
        started_from="time of the file",
        ended=source.modified,
    )
    return [session]


def _distribution(times: Sequence[float]) -> dict[str, Any]:
    """Return the fields of a summary for the times of all runs. Percentiles are nearest ranks, as in TFLite's tools."""
    ranked = sorted(times)

    def percentile(percent: int) -> float:
        return ranked[max(0, -(-percent * len(ranked) // 100) - 1)]

    return {
        "count": len(times),
        "mean_ms": statistics.fmean(times),
        "sd_ms": statistics.pstdev(times),
        "min_ms": ranked[0],
        "max_ms": ranked[-1],
        "first_ms": times[0],
        "p5_ms": percentile(5),
        "median_ms": statistics.median(times),
        "p90_ms": percentile(90),
        "p95_ms": percentile(95),
        "p99_ms": percentile(99),
    }


def same_names(files: Iterable[tuple[LogSource, Sequence[HubProfile]]]) -> dict[LogSource, LogError]:
    """Return an error for each perf.yaml whose network has the name of that of another one."""
    by_model: dict[str, list[LogSource]] = {}
    for source, profiles in files:
        by_model.setdefault(profiles[0].model, []).append(source)
    errors = {}
    for model, sources in by_model.items():
        for source in sources if len(sources) > 1 else []:
            others = " and ".join(str(other.path) for other in sources if other is not source)
            errors[source] = LogError(
                f"{source.path} is of the network {model}, as is {others}: import them in separate calls, one of them "
                "with another --model."
            )
    return errors


@dataclass
class HubFiles:
    """The files of AI Hub in one call of `aiot import`."""

    perf: list[tuple[LogSource, list[HubProfile]]] = field(default_factory=list)
    numerics: list[tuple[LogSource, str]] = field(default_factory=list)
    jobs: list[tuple[LogSource, HubJob]] = field(default_factory=list)

    def take(self, source: LogSource, text: str, overrides: LabelOverrides) -> None:
        """Read a file.

        Raises:
            LogError: It cannot be read, or an option contradicts it.
        """
        if source.format == "ai-hub-job":
            self.jobs.append((source, parse_job(source.path, text)))
        elif source.format == "ai-hub-numerics":
            self.numerics.append((source, text))  # the network is known only when all files are read
        else:
            profiles = parse_perf(source.path, text, overrides.model)
            devices = {profile.device for profile in profiles}
            if overrides.device is not None and devices != {overrides.device}:
                raise LogError(
                    f"{source.path} states its {len(devices)} devices, such as {min(devices)}: omit --device."
                )
            self.perf.append((source, profiles))

    def builders(self, overrides: LabelOverrides, datasets: Datasets) -> list[Callable[[], list[ImportSession]]]:
        """Return functions that build the sessions of the files, and raise LogError for files that have none."""
        conflicts = same_names(self.perf)
        folders = [source.path.parent for source, _ in self.perf]
        errors = [*conflicts.values()] + [
            LogError(f"{source.path} does not name its network: import it together with the one perf.yaml beside it.")
            for source, _ in self.numerics
            if folders.count(source.path.parent) != 1
        ]

        def refuse(error: LogError) -> list[ImportSession]:
            raise error

        return [
            *(partial(self._sessions, *item, datasets) for item in self.perf if item[0] not in conflicts),
            *(partial(job_sessions, *item, overrides, datasets) for item in self.jobs),
            *(partial(refuse, error) for error in errors),
        ]

    def _sessions(self, source: LogSource, profiles: list[HubProfile], datasets: Datasets) -> list[ImportSession]:
        """Return the sessions of a perf.yaml, with the accuracies of the numerics.yaml beside it."""
        folder = source.path.parent
        alone = sum(other.path.parent == folder for other, _ in self.perf) == 1
        beside = [item for item in self.numerics if item[0].path.parent == folder and alone]
        accuracies = [
            accuracy for numerics, text in beside for accuracy in parse_numerics(numerics.path, text, profiles[0].model)
        ]
        sources = [source, *(numerics for numerics, _ in beside)]
        return make_sessions(profiles, accuracies, sources, datasets, source.modified, "time of the file")
