"""Import results of the MLPerf Mobile app, which are JSON (github.com/mlcommons/mobile_app_open).

A result has benchmarks of several tasks, of which image classification is read. Each has a performance run, an accuracy
run, or both. Times are of inference alone: images are decoded before the run, and LoadGen times queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner.errors import LogError
from runner.importers.formats import UNKNOWN
from runner.importers.imported_runs import MS_AT_MOST, Datasets, DeviceFacts, ImportSession, LogPart, event_lines
from runner.importers.input_files import LabelOverrides, LogSource, delegate_name, of_file
from runner.importers.structured_text import count, id_part, load_json, mapping, number, sequence, string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiot_suite.suite import Instance

CLASSIFICATION = "image_classification"
"""Start of the ids of the benchmarks that are read."""

_NETWORKS = {
    "image_classification": "mobilenet_edgetpu",
    "image_classification_offline": "mobilenet_edgetpu",
    "image_classification_v2": "mobilenet_v4_conv_large",
    "image_classification_offline_v2": "mobilenet_v4_conv_large",
}
"""Network of each benchmark, which the rules of MLPerf Mobile prescribe."""

_SCENARIOS = {"SingleStream": "single stream", "MultiStream": "multiple streams", "Offline": "offline"}

RANDOM = "random input"


@dataclass(frozen=True)
class AppRun:
    """A performance run or an accuracy run of the app."""

    samples: int
    duration_s: float
    throughput: float | None  # in samples per second, as computed by the app
    accuracy: float | None  # as a fraction of 1
    dataset: str | None
    started: datetime | None
    valid: bool | None  # what LoadGen decided; None if it is not stated

    @property
    def mean_ms(self) -> float:
        """Mean time of a sample."""
        return self.duration_s * 1000 / self.samples


@dataclass(frozen=True)
class AppBenchmark:
    """The results of a benchmark of the app."""

    id: str
    scenario: str
    framework: str | None
    backend: str | None
    accelerator: str | None  # the code of the accelerator that the backend was asked to use
    accelerator_reported: str | None  # its name as reported by the backend
    model_path: str | None
    performance: AppRun | None
    accuracy: AppRun | None


@dataclass(frozen=True)
class AppResult:
    """A result file of the app."""

    device: DeviceFacts
    benchmarks: tuple[AppBenchmark, ...]
    left_out: tuple[str, ...]  # ids of benchmarks of other tasks
    version: str | None  # of the app


def parse(name: object, text: str) -> AppResult:
    """Return the benchmarks of image classification in a result, and the device.

    Raises:
        LogError: It is not complete JSON, or has no result of image classification. The message calls it `name`.
    """
    loaded = load_json(name, text)
    results = [mapping(result) for result in sequence(loaded.get("results"))]
    ids = [
        string(result.get("benchmark_id")) or string(result.get("benchmark_name")) or "unnamed" for result in results
    ]
    left_out = tuple(benchmark for benchmark in ids if not _plain(benchmark).startswith(CLASSIFICATION))
    benchmarks = tuple(
        _benchmark(name, benchmark, result)
        for benchmark, result in zip(ids, results, strict=True)
        if benchmark not in left_out
    )
    if not any(benchmark.performance or benchmark.accuracy for benchmark in benchmarks):
        others = f" (only of {', '.join(dict.fromkeys(left_out))})" if left_out else ""
        raise LogError(
            f"{name} has no result of image classification{others}: name a result of the MLPerf Mobile app with one."
        )
    environment, build = mapping(loaded.get("environment_info")), mapping(loaded.get("build_info"))
    return AppResult(_device(environment), benchmarks, left_out, string(build.get("version")))


def _text(facts: Mapping[str, Any], *names: str) -> str | None:
    """Return the first of several fields that is a text, or None."""
    return next((text for name in names if (text := string(facts.get(name)))), None)


def _plain(benchmark: str) -> str:
    return benchmark.strip().lower().replace(" ", "_")


def _benchmark(name: object, benchmark: str, result: Mapping[str, Any]) -> AppBenchmark:
    settings, backend = mapping(result.get("backend_settings")), mapping(result.get("backend_info"))
    where = f"{benchmark} in {name}"
    scenario = string(result.get("loadgen_scenario")) or "SingleStream"
    accuracy = _run(where, mapping(result.get("accuracy_run")))
    return AppBenchmark(
        id=_plain(benchmark),
        scenario=_SCENARIOS.get(scenario, scenario),
        framework=string(settings.get("framework")) or string(settings.get("configuration")),
        backend=string(backend.get("backend_name")),
        accelerator=string(settings.get("accelerator_code")),
        accelerator_reported=string(backend.get("accelerator_name")),
        model_path=string(settings.get("model_path")),
        performance=_run(where, mapping(result.get("performance_run"))),
        accuracy=accuracy if accuracy and accuracy.accuracy is not None else None,
    )


def _run(where: str, run: Mapping[str, Any]) -> AppRun | None:
    """Return a run, or None if there was none."""
    if not run:
        return None
    milliseconds = number(run.get("measured_duration_ms"))  # in results before 2023
    duration_s = number(run.get("measured_duration")) if milliseconds is None else milliseconds / 1000
    samples = count(run.get("measured_samples"))
    if not samples or not duration_s or duration_s * 1000 > MS_AT_MOST:
        raise LogError(
            f"{where} has no usable duration and number of samples ({duration_s} s, {samples}): run the app again."
        )
    accuracy = mapping(run.get("accuracy"))
    value = accuracy.get("normalized", accuracy.get("value"))
    fraction = number(value)
    if value is not None and (fraction is None or fraction > 1):
        raise LogError(f"{where} has the accuracy {value!r}, which is no fraction of 1: run the app again.")
    throughput = mapping(run.get("throughput")).get("value", run.get("throughput"))
    valid = mapping(run.get("loadgen_info")).get("validity")
    return AppRun(
        samples=samples,
        duration_s=duration_s,
        throughput=number(throughput),
        accuracy=fraction,
        dataset=string(mapping(run.get("dataset")).get("name")),
        started=_moment(run.get("start_datetime")),
        valid=valid if isinstance(valid, bool) else None,
    )


def _moment(value: object) -> datetime | None:
    """Return a date and time; without a time zone, as in results before 2023, it is used unchanged."""
    try:
        moment = datetime.fromisoformat(string(value) or "")
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _device(environment: Mapping[str, Any]) -> DeviceFacts:
    """Return the facts about the device, in the present form by platform or in the flat one before 2023."""
    platform = (string(environment.get("platform")) or string(environment.get("os_name")) or "").lower()
    values = mapping(environment.get("value"))
    facts = mapping(values.get(platform)) or environment
    maker = string(facts.get("manufacturer")) or ("Apple" if platform == "ios" else None)
    name = _text(facts, "model_name", "model")
    code = string(facts.get("model_code"))
    titles = {"android": "Android", "ios": "iOS", "windows": "Windows"}
    if maker and name and name.lower().startswith(maker.lower() + " "):
        name = name[len(maker) :].strip()
    return DeviceFacts(
        maker=maker,
        code=name or code,
        os=titles.get(platform) or string(facts.get("os_name")),
        os_version=string(facts.get("os_version")),
        soc=_text(facts, "proc_cpuinfo_soc_name", "soc_name", "cpu_full_name"),
        other={"model_code": code} if code and code != name else {},
    )


def make_sessions(
    source: LogSource, result: AppResult, overrides: LabelOverrides, datasets: Datasets
) -> list[ImportSession]:
    """Return a session for each scenario and each set of images.

    Raises:
        LogError: A benchmark does not state its framework, and the user does not either, or contradicts it.
    """
    by_setting: dict[tuple[str, str, int], list[tuple[AppBenchmark, Instance]]] = {}
    for benchmark in result.benchmarks:
        if benchmark.performance is None and benchmark.accuracy is None:
            continue
        name, images = RANDOM, 0
        if benchmark.accuracy is not None:
            name, images = overrides.dataset or benchmark.accuracy.dataset or RANDOM, benchmark.accuracy.samples
        instance = _instance(source, benchmark, overrides)
        members = by_setting.setdefault((benchmark.scenario, name, images), [])
        if any(other == instance for _, other in members):
            raise LogError(f"{source.path} has {benchmark.id} twice with the same settings: import one of them.")
        members.append((benchmark, instance))
    sessions = []
    for (scenario, name, images), members in by_setting.items():
        starts = [run.started for benchmark, _ in members for run in _runs(benchmark) if run.started]
        started = min(starts, default=source.modified)
        at = f"{started:%Y-%m-%dT%H:%M:%SZ}"
        sessions.append(
            ImportSession(
                sources=(source,),
                parts=tuple(_part(benchmark, instance, result, at) for benchmark, instance in members),
                device=result.device,
                profile={"name": f"MLPerf Mobile app, {scenario}"},
                timing="inference",
                threads=overrides.threads,
                dataset=datasets(name, images, None),
                started=started,
                started_from="the app's result" if starts else "time of the file",
                ended=None,
            )
        )
    return sessions


def _runs(benchmark: AppBenchmark) -> list[AppRun]:
    return [run for run in (benchmark.performance, benchmark.accuracy) if run is not None]


def _instance(source: LogSource, benchmark: AppBenchmark, overrides: LabelOverrides) -> Instance:
    """Return the instance. "TFLite CoreML" is the framework TFLite; the app does not state the quantization."""
    from_name = of_file(benchmark.model_path or "")
    framework = (benchmark.framework or benchmark.backend or "").split(" ")[0]
    logged = {
        "framework": id_part(framework) or None,
        "delegate": id_part(delegate_name(benchmark.accelerator)) if benchmark.accelerator else None,
        "quantization": from_name.get("quantization"),
        "model": from_name.get("model") or _NETWORKS.get(benchmark.id, benchmark.id),
    }
    stated = replace(
        overrides,
        delegate=overrides.delegate or (None if logged["delegate"] else UNKNOWN),
        quantization=overrides.quantization or (None if logged["quantization"] else UNKNOWN),
    )
    return stated.instance(f"{benchmark.id} in {source.path}", logged)


def _part(benchmark: AppBenchmark, instance: Instance, result: AppResult, at: str) -> LogPart:
    """Return the attempt of a benchmark. Without a performance run, the times are those of the accuracy run."""
    accuracy = benchmark.accuracy
    timed = benchmark.performance or accuracy
    assert timed is not None
    images = accuracy.samples if accuracy else 0
    correct = round(accuracy.accuracy * images) if accuracy and accuracy.accuracy is not None else 0
    load = {
        "load_ns": None,
        "framework_version": benchmark.framework,
        "threads": None,
        "model_sha256": None,
        "accelerator_requested": None if instance.delegate == UNKNOWN else instance.delegate,
        "accelerator_actual": None,  # the app reports what it asked for
        "accelerator_name": benchmark.accelerator_reported,
        "scenario": benchmark.scenario,
        "app_version": result.version,
        "model_path": benchmark.model_path,
        "at": at,
    }
    summary = {
        "tool": "MLPerf Mobile app",
        "timing": "inference",
        "count": timed.samples,
        "mean_ms": timed.mean_ms,
        "throughput_per_s": timed.throughput,
        "scenario": benchmark.scenario,
        "validity": None if timed.valid is None else "VALID" if timed.valid else "INVALID",
        "accuracy": accuracy.accuracy if accuracy else None,
        "accuracy_missing": None if accuracy else "the result has no accuracy run",
        "images": images or None,
    }
    ending = {
        "images": images,
        "failed_images": 0,
        "correct": correct,
        "loop_ns": round(timed.duration_s * 1e9),
        "peak_rss_kb": None,
    }
    return LogPart(instance, load, event_lines([("summary", summary)]), ("end", ending))
