"""Import results of MLPerf LoadGen: folders with the logs of an accuracy run and of a performance run.

LoadGen (github.com/mlcommons/inference, folder `loadgen`) writes these files into the folder of each run:

    mlperf_log_summary.txt    scenario, mode, latencies; only of a performance run
    mlperf_log_detail.txt     events as JSON after ":::MLLOG", such as the mode and the time of the test
    mlperf_log_accuracy.json  an answer per image: qsl_idx, the number of the image, and data, the bytes of the answer

A submission holds the two runs in folders such as `accuracy` and `performance/run_1`, and above them
`systems/<system>.json` and `measurements/<system>/...json` describe the device and the model.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner.errors import LogError
from runner.importers.formats import UNKNOWN
from runner.importers.imported_runs import DeviceFacts, ImportSession, LoggedAnswers, LogPart, event_lines
from runner.importers.input_files import LabelOverrides, LogSource, Publication, model_name, read_source
from runner.tools.text import quotable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aiot_suite.suite import Instance
    from runner.importers.input_files import ImageLabels

SUMMARY, DETAIL, ACCURACY = "mlperf_log_summary.txt", "mlperf_log_detail.txt", "mlperf_log_accuracy.json"
FORMAT = "loadgen"
SCENARIOS = {"SingleStream": "single stream", "Offline": "offline"}
FRAMEWORKS = ("tflite", "onnxruntime", "qnn", "snpe", "samsung")
"""Names of systems under test that are the name of a framework."""

NETWORKS = {
    **dict.fromkeys(["mobilenetedgetpu", "imageclassification", "imageclassificationoffline"], "mobilenet_edgetpu"),
    **dict.fromkeys(
        ["mobilenetv4", "imageclassificationv2", "imageclassificationofflinev2"], "mobilenet_v4_conv_large"
    ),
}
"""MLPerf Mobile's networks by the name that a submission or the app gives the folder, in lower case and without "_"."""

ACCELERATORS = ("accelerator_model_name", "Accelerator type", "Accelerator_type_1")
"""Names of the field of a system that holds its accelerator."""

LEVELS = 6
"""Number of folders above a result in which `systems` and `measurements` are looked for."""

DIGITS = (8, 16)  # hexadecimal digits of an integer of 4 or 8 bytes
_OF_A_RUN = re.compile(r"(?:log_)?(?:accuracy|performance)|run_?\d+", re.IGNORECASE)
_OF_A_PAIR = re.compile(r"(.+)[-_](?:accuracy|performance)", re.IGNORECASE)  # as the app of MLPerf Mobile names them
_OTHER_TASKS = re.compile(
    r"ssd|det(?:ect|_)|coco|openimages|retinanet|deeplab|mosaic|ade20k|segment|bert|squad|language|edsr|super.?res|"
    r"3d.?unet|kits19|dlrm|criteo|gpt|llama|rnnt|whisper|diffusion",
    re.IGNORECASE,
)
_NPU = re.compile(r"\b(?:NPU|HTP|DSP|Hexagon|EdgeTPU|Tensor Processor)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Times:
    """The times of a performance run, in ms."""

    scenario: str  # a value of SCENARIOS
    mean_ms: float  # of an image; offline, the inverse of the throughput
    count: int | None = None  # number of images
    min_ms: float | None = None
    max_ms: float | None = None
    median_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    validity: str | None = None  # VALID or INVALID


@dataclass(frozen=True)
class Submission:
    """A result of LoadGen: the answers of one run, and the times of another."""

    name: str  # how messages call it
    sources: tuple[LogSource, ...]
    instance: Instance
    device: DeviceFacts
    times: Times
    answers: Sequence[int]  # a class per image, in the order of `labels`
    labels: ImageLabels
    started: datetime
    started_from: str
    tool: str = "MLPerf LoadGen"
    framework_version: str | None = None
    publication: Publication | None = None


def make_session(submission: Submission) -> ImportSession:
    """Return the session of a submission."""
    labels, times, instance = submission.labels, submission.times, submission.instance
    requested = None if instance.delegate == UNKNOWN else instance.delegate
    load: dict[str, Any] = {
        "load_ns": None,
        "framework_version": submission.framework_version,
        "threads": None,
        "model_sha256": None,
        "accelerator_requested": requested,
        "accelerator_actual": requested,  # as the submission states it
        "scenario": times.scenario,
        "at": f"{submission.started:%Y-%m-%dT%H:%M:%SZ}",
    }
    facts = {name: value for name, value in vars(times).items() if value is not None}
    summary = {"tool": submission.tool, "timing": "inference", "accuracy_accelerator": requested, **facts}
    correct = sum(answer == label for answer, label in zip(submission.answers, labels.classes, strict=True))
    ending = {
        "images": len(labels.classes),
        "failed_images": 0,
        "correct": correct,
        "loop_ns": round(times.mean_ms * 1e6 * (times.count or 1)),
    }
    part = LogPart(
        instance,
        load,
        event_lines([("summary", summary)]),
        ("end", ending),
        images=len(labels.classes),
        answers=LoggedAnswers(labels.names, labels.classes, submission.answers),
        publication=submission.publication,
    )
    return ImportSession(
        sources=submission.sources,
        parts=(part,),
        device=submission.device,
        profile={"name": times.scenario},
        timing="inference",
        threads=None,
        dataset=labels.dataset,
        started=submission.started,
        started_from=submission.started_from,
        ended=None,
        notes=(f"{submission.name}: {correct} of {len(labels.classes)} answers are right",),
    )


def delegate_of(accelerator: str | None) -> str:
    """Return the delegate that the description of a system names as its accelerator: npu, gpu or unknown."""
    text = accelerator or ""
    return "npu" if _NPU.search(text) else "gpu" if re.search(r"\bGPU\b", text, re.IGNORECASE) else UNKNOWN


@dataclass(frozen=True)
class _Run:
    """The folder of one run of LoadGen."""

    folder: Path
    times: Times | None  # of a performance run
    has_answers: bool
    sut: str | None
    detail: dict[str, Any]
    sources: tuple[LogSource, ...]


def is_loadgen_file(path: Path) -> bool:
    """Return whether a file is one of LoadGen's logs, which are imported by naming their folder."""
    return path.name in (SUMMARY, DETAIL, ACCURACY)


def submissions(folder: Path, overrides: LabelOverrides) -> Iterator[Submission | LogError]:
    """Yield each result of LoadGen in a folder or below it, or the reason why it cannot be imported."""
    logs = [path for name in (SUMMARY, ACCURACY) for path in folder.rglob(name) if path.is_file()]
    by_result: dict[Path, set[Path]] = {}
    for path in logs:
        by_result.setdefault(_result_of(path.parent, folder), set()).add(path.parent)
    if not by_result:
        yield LogError(
            f"{folder} is a folder without logs of MLPerf LoadGen ({SUMMARY}, {ACCURACY}): name the folder of a "
            "result, or log files."
        )
    for result, run_folders in sorted(by_result.items()):
        try:
            yield _submission(result, sorted(run_folders), overrides)
        except LogError as error:
            yield error


def _result_of(run_folder: Path, top: Path) -> Path:
    """Return the path of the result that a run belongs to, below the folder that the user named or equal to it.

    The runs are in folders of the result, such as `log_accuracy` and `performance/run_1`, or beside each other, such as
    `image_classification-accuracy` and `image_classification-performance`; the path of these two ends without the kind.
    """
    result = run_folder
    while result != top and _OF_A_RUN.fullmatch(result.name):
        result = result.parent
    pair = _OF_A_PAIR.fullmatch(result.name)
    return result.with_name(pair[1]) if pair and result != top else result


def _submission(result: Path, run_folders: Sequence[Path], overrides: LabelOverrides) -> Submission:
    """Read a result of LoadGen.

    Raises:
        LogError: It is not one pair of runs of an image classification, or a file is not as LoadGen writes it.
    """
    for part in (result.name, result.parent.name):
        _check_task(result, part)
    runs = [_read_run(folder) for folder in run_folders]
    accuracy_run = _only([run for run in runs if run.has_answers], result, "accuracy", ACCURACY)
    performance_run = _only([run for run in runs if run.times is not None], result, "performance", SUMMARY)
    times = performance_run.times
    assert times is not None
    for run in (accuracy_run, performance_run):
        _check_task(result, str(run.detail.get("qsl_name", "")))
    answers, accuracy_source = _read_answers(accuracy_run.folder / ACCURACY, overrides.labels)
    assert overrides.labels is not None  # `_read_answers` raises without labels
    systems, system_source = _described(result, "systems")
    measured, measurement_source = _described(result, "measurements")
    other_sources = [source for source in (system_source, measurement_source) if source is not None]
    sut = (performance_run.sut or "").lower()
    instance = overrides.instance(
        result,
        {
            "framework": sut if sut in FRAMEWORKS else None,
            "delegate": overrides.delegate or delegate_of(_first(systems, *ACCELERATORS)),
            "quantization": overrides.quantization or _quantization(_first(measured, "weight_data_types")),
            "model": _benchmark(result) if overrides.model is None else None,
        },
    )
    started, started_from = _started(performance_run, accuracy_run)
    version = performance_run.detail.get("loadgen_version")
    return Submission(
        name=str(result),
        sources=(*performance_run.sources, accuracy_source, *accuracy_run.sources, *other_sources),
        instance=instance,
        device=_device(systems),
        times=times,
        answers=answers,
        labels=overrides.labels,
        started=started,
        started_from=started_from,
        tool=f"MLPerf LoadGen {str(version).partition(' @')[0]}" if version else "MLPerf LoadGen",
        framework_version=_first(systems, "vendor SDK", "framework"),
        publication=overrides.publication
        and replace(overrides.publication, submitter=_first(systems, "submitter") or overrides.publication.submitter),
    )


def _only(runs: Sequence[_Run], result: Path, kind: str, file: str) -> _Run:
    """Return the only run of a kind; raise LogError if there is none, or if there are several."""
    if not runs:
        other = {"accuracy": "performance", "performance": "accuracy"}[kind]
        raise LogError(
            f"{result} has the log of a run of {other}, but {file} of a run of {kind} is missing: name a folder with "
            "both runs."
        )
    if len(runs) > 1:
        folders = " and ".join(str(run.folder) for run in runs[:2])
        raise LogError(f"{result} has {len(runs)} {kind} runs, such as {folders}: keep one of them.")
    return runs[0]


def _check_task(result: Path, name: str) -> None:
    """Raise LogError if a name is that of another task than image classification."""
    if _OTHER_TASKS.search(name):
        raise LogError(
            f"{result} is a result of {quotable(name)}, which is not image classification: only logs whose answers are "
            "classes of images can be imported."
        )


def _read_run(folder: Path) -> _Run:
    """Read the logs of a run of LoadGen, except its answers."""
    sources, summary, detail = [], "", {}
    if (folder / DETAIL).is_file():
        source, text = read_source(folder / DETAIL)
        sources.append(replace(source, format=FORMAT))
        detail = _detail(text)
    if (folder / SUMMARY).is_file() and (folder / SUMMARY).stat().st_size:
        source, summary = read_source(folder / SUMMARY)
        sources.append(replace(source, format=FORMAT))
    fields = _summary_fields(summary)
    mode = str(fields.get("Mode") or detail.get("effective_test_mode") or "")
    accuracy = folder / ACCURACY
    has_answers = accuracy.is_file() and mode != "PerformanceOnly" and b"qsl_idx" in _start_of(accuracy)
    is_timed = "Result is" in fields and mode in ("", "PerformanceOnly", "SubmissionRun")
    times = _times(folder / SUMMARY, fields, summary) if is_timed else None
    return _Run(folder, times, has_answers, fields.get("SUT name"), detail, tuple(sources))


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096).replace(b"\0", b"")  # UTF-16 has a zero in each letter


_FIELD = re.compile(r"^\s*([^:\n]+?)\s*:\s*(.*?)\s*$")
_DETAILS = ("test_datetime", "effective_test_mode", "qsl_name", "loadgen_version")


def _summary_fields(text: str) -> dict[str, str]:
    """Return the lines "name : value" of a summary; the first of each name."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        if match := _FIELD.match(line):
            fields.setdefault(match[1], match[2])
    return fields


def _detail(text: str) -> dict[str, Any]:
    """Return the values of some events of a detail log by key; lines that are not JSON are passed over."""
    values: dict[str, Any] = {}
    for line in text.splitlines():
        if line.startswith(":::MLLOG ") and any(f'"{key}"' in line for key in _DETAILS):
            try:
                event = json.loads(line.removeprefix(":::MLLOG "))
            except (ValueError, RecursionError):
                continue
            if isinstance(event, dict) and event.get("key") in _DETAILS:
                values.setdefault(str(event["key"]), event.get("value"))
    return values


def _times(path: Path, fields: dict[str, str], text: str) -> Times:
    """Return the times of a performance run.

    Raises:
        LogError: The scenario is not supported, or a time is missing or impossible.
    """
    scenario = SCENARIOS.get(fields.get("Scenario", ""))
    if scenario is None:
        raise LogError(
            f"{path} is of the scenario {quotable(fields.get('Scenario', ''))!r}: only {' and '.join(SCENARIOS)} can "
            "be imported."
        )
    validity = fields["Result is"].upper()
    if scenario == "offline":
        per_second = _number(path, fields, "Samples per second")
        samples = fields.get("samples_per_query", "")
        return Times(scenario, 1000 / per_second, int(samples) if samples.isdecimal() else None, validity=validity)
    queries = re.search(r"Processed at least \d+ queries \((\d+)\)", text)
    names = {"mean_ms": "Mean latency (ns)", "min_ms": "Min latency (ns)", "max_ms": "Max latency (ns)"}
    percentiles = {"median_ms": "50.00", "p90_ms": "90.00", "p95_ms": "95.00", "p99_ms": "99.00"}
    names |= {name: f"{percentile} percentile latency (ns)" for name, percentile in percentiles.items()}
    times = {
        name: _number(path, fields, label) / 1e6
        for name, label in names.items()
        if name == "mean_ms" or label in fields
    }
    return Times(scenario, count=int(queries[1]) if queries else None, validity=validity, **times)


def _number(path: Path, fields: dict[str, str], name: str) -> float:
    """Return a positive number of a summary; raise LogError if it is missing or is not one."""
    try:
        value = float(fields[name])
    except (KeyError, ValueError):
        value = float("nan")
    if not 0 < value < 1e18:
        raise LogError(f"{path} has {quotable(fields.get(name, 'nothing'))!r} as {name!r}: copy the log again.")
    return value


def _read_answers(path: Path, labels: ImageLabels | None) -> tuple[list[int], LogSource]:
    """Return the answers of an accuracy log in the order of the labels.

    Raises:
        LogError: There are no labels, or the log is not a list of one answer for each labelled image.
    """
    source, text = read_source(path)
    if labels is None:
        raise LogError(
            f"{path} has numbers of images, but not their classes: use --image-labels ilsvrc2012-val if they are the "
            "50,000 images of ILSVRC 2012 val in the order of file names, or --image-labels FILE with a class on each "
            "line."
        )
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LogError(f"{path} is not valid JSON ({error}): it may have been cut off, so copy it again.") from None
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise LogError(f"{path} is not a list of answers, as LoadGen writes it: copy it again.")
    answers: dict[int, int] = {}
    for record in records:
        image = record.get("qsl_idx")
        if type(image) is not int or not 0 <= image < len(labels.classes):
            raise LogError(
                f"{path} has an answer for image {image!r}, but {labels.name} has the images 0 to "
                f"{len(labels.classes) - 1}: choose other --image-labels."
            )
        if image in answers:
            raise LogError(f"{path} has two answers for image {image}: import the log of one accuracy run.")
        answers[image] = _class(path, image, record.get("data"), labels)
    missing = [image for image in range(len(labels.classes)) if image not in answers]
    if missing:
        more = f" and {len(missing) - 1} other images" if len(missing) > 1 else ""
        raise LogError(
            f"{path} has no answer for image {missing[0]}{more} of the {len(labels.classes)} of {labels.name}: "
            "import a complete accuracy run, or choose other --image-labels."
        )
    return [answers[image] for image in range(len(labels.classes))], replace(source, format=FORMAT)


def _class(path: Path, image: int, data: Any, labels: ImageLabels) -> int:
    """Return the class that the bytes of an answer hold: a little-endian integer of 4 or 8 bytes."""
    if not isinstance(data, str) or re.search(r"[^0-9A-Fa-f]", data):
        raise LogError(f"{path} has {quotable(str(data))!r} as the answer for image {image}, which is not hexadecimal.")
    if len(data) % 2:
        raise LogError(
            f"{path} has {quotable(data)!r} as the answer for image {image}, an odd number of hexadecimal digits: copy "
            "it again."
        )
    if len(data) not in DIGITS:
        raise LogError(
            f"{path} has an answer of {len(data) // 2} bytes for image {image}, but a class has 4 or 8: logs of object "
            "detection and other tasks cannot be imported."
        )
    answer = int.from_bytes(bytes.fromhex(data), "little", signed=True)
    if not 0 <= answer < labels.class_count:
        raise LogError(
            f"{path} has the class {answer} for image {image}, but {labels.name} has the classes 0 to "
            f"{labels.class_count - 1}: choose other --image-labels."
        )
    return answer


def _described(result: Path, folder_name: str) -> tuple[dict[str, str], LogSource | None]:
    """Return the texts of the JSON file in `systems` or `measurements` that belongs to a result, and the file.

    It is looked for in the folders above. In `systems`, it is named after a folder of the result, or the only one; in
    `measurements`, it is in the folder of the same benchmark and scenario.
    """
    for above in [result, *result.parents][:LEVELS]:
        folder = above / folder_name
        if not folder.is_dir():
            continue
        below = {part.lower() for part in result.relative_to(above).parts}
        if folder_name == "systems":
            files = sorted(folder.glob("*.json"))
            named = [file for file in files if file.stem.lower() in below] or (files if len(files) == 1 else [])
        else:
            inside = result.relative_to(above).parts[1:]  # without `results`
            named = sorted(folder.joinpath(*inside).glob("*.json"))
        if named:
            source, text = read_source(named[0])
            return _texts(named[0], text), replace(source, format=FORMAT)
    return {}, None


_TRAILING_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])')


def _texts(path: Path, text: str) -> dict[str, str]:
    """Return the texts of a JSON object and of objects in it; commas may precede a closing bracket.

    Raises:
        LogError: The file is not a JSON object.
    """
    try:
        record = json.loads(_TRAILING_COMMA.sub(lambda match: match[1] or "", text))
    except (ValueError, RecursionError) as error:
        raise LogError(f"{path} is not valid JSON ({error}): copy it again.") from None
    if not isinstance(record, dict):
        raise LogError(f"{path} is not a JSON object: copy it again.")
    inner = [item for value in record.values() if isinstance(value, dict) for item in value.items()]
    items = [*record.items(), *inner]
    return {key.lower(): quotable(value) for key, value in items if isinstance(value, str) and value.strip()}


def _first(texts: dict[str, str], *names: str) -> str | None:
    return next((texts[name.lower()] for name in names if name.lower() in texts), None)


_PRECISIONS = {"fp32": "float32", "fp16": "float16", "uint8": "int8"}


def _quantization(types: str | None) -> str:
    """Return the quantization that a submission states in one word, otherwise "unknown"."""
    word = (types or "").strip().lower()
    return _PRECISIONS.get(word, word) if re.fullmatch(r"[a-z]+\d{1,2}", word) else UNKNOWN


def _benchmark(result: Path) -> str | None:
    """Return the network that the folder of a submission names, as in results/<system>/<benchmark>/<scenario>."""
    parts = [part for part in result.parts if part not in SCENARIOS]
    if "results" not in parts[:-1]:
        return None
    return NETWORKS.get(parts[-1].lower().replace("_", ""), model_name(parts[-1]))


def _device(system: dict[str, str]) -> DeviceFacts:
    name = _first(system, "System", "system_name", "Phone summary") or ""
    maker, _, model = name.partition(" ")
    return DeviceFacts(
        maker=maker or None,
        code=model or None,
        soc=_first(system, "Processor Name", "host_processor_model_name"),
        os=_first(system, "OS Version", "operating_system"),
    )


def _started(*runs: _Run) -> tuple[datetime, str]:
    """Return the time of the first run that states one, or else that of its file."""
    for run in runs:
        try:
            moment = datetime.fromisoformat(str(run.detail.get("test_datetime")))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC), "the log"
        except (ValueError, OverflowError):
            continue
    return min(source.modified for run in runs for source in run.sources), "time of the file"


def check_names(found: Sequence[Submission]) -> dict[str, LogError]:
    """Return an error for each submission of a call that has the instance, device and scenario of an earlier one."""
    earlier: dict[tuple[object, ...], str] = {}
    errors = {}
    for item in found:
        key = (item.instance, item.device.maker, item.device.code, item.times.scenario)
        if key in earlier:
            errors[item.name] = LogError(
                f"{item.name} and {earlier[key]} are both {item.instance.id} in the scenario {item.times.scenario} on "
                "one device: import them separately, and tell two devices apart with --serial."
            )
        earlier.setdefault(key, item.name)
    return errors
