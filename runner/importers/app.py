"""Import logs of the paper's app: a result log, a program log, or both of one session.

The program log has every image; the result log has the app's own results and the facts of the device. The names of the
two files contain different times, so they are matched by content: equal times of the load and of the first image in
each workload.
"""

from __future__ import annotations

import re
import statistics
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runner.errors import LogError
from runner.importers.app_logs import ProgramImage, ProgramLog, ResultLog
from runner.importers.imported_runs import Datasets, DeviceFacts, ImportSession, LogPart, event_lines, sha256_of
from runner.importers.input_files import LabelOverrides, LogSource
from runner.tools.text import parse_integer, quotable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiot_suite.suite import Instance
    from runner.importers import app_logs

RESOLUTION_MS = 1.0
WITH_IMAGES, MEANS_ALONE = "paper's app (whole ms)", "paper's app (means alone)"
"""Names of measurement profiles.

The app's own mean includes what it does between two images; a mean over the times of the images does not.
"""

_PROFILE = {  # every image once, no warm-up, first image included
    "warmups": 0,
    "passes": 1,
    "min_queries": 0,
    "min_duration_s": 0.0,
    "max_images": None,
}
ABI = "armeabi-v7a"  # the ABI that the app is built for
TOOL = "AIoTBench app"
LABEL_SPACES = {1000: "imagenet-1000", 1001: "imagenet-1000"}  # 1001: with a background class, which the app removes

Result = tuple[LogSource, ResultLog]
Program = tuple[LogSource, ProgramLog]
_FINGERPRINT = re.compile(r"([^/:]{1,60})/[^/]{0,90}/[^:]{0,90}:([^/]{1,30})/.*")
_DATE = re.compile(r"_(\d{8})_(\d{6})(?:\D|$)")


def pairs(results: list[Result], programs: list[Program]) -> list[tuple[Result | None, Program | None]]:
    """Return the logs of each session."""
    unmatched = list(programs)
    matched: list[tuple[Result | None, Program | None]] = []
    for result in results:
        program = next((candidate for candidate in unmatched if _same(result[1], candidate[1])), None)
        if program is not None:
            unmatched.remove(program)
        matched.append((result, program))
    return [*matched, *((None, program) for program in unmatched)]


def _same(result: ResultLog, program: ProgramLog) -> bool:
    """Return whether all workloads in both logs have equal times of the load and of the first image."""
    in_result = {entry.instance: (entry.load_ms, entry.first_ms) for entry in result.workloads if entry.fault is None}
    in_program = {
        entry.instance: (entry.load_ms, entry.images[0].end_ms - entry.images[0].start_ms)
        for entry in program.workloads
        if entry.images and entry.images[0].end_ms is not None
    }
    common = in_result.keys() & in_program.keys()
    return bool(common) and all(in_result[entry] == in_program[entry] for entry in common)


def device(result: Result | None) -> DeviceFacts:
    """Return the facts about the device in the header of a result log."""
    header = result[1].header if result else {}
    match = _FINGERPRINT.fullmatch(header.get("device fingerprint", ""))
    ram = parse_integer(header.get("ram size"))
    names = ("device", "device fingerprint", "device hardware", "device sdk int", "ram available size")
    return DeviceFacts(
        maker=quotable(match[1]) if match else None,
        code=quotable(header["device"]) if header.get("device") else None,
        os="Android",
        os_version=quotable(match[2]) if match else None,
        ram_gb=float(ram) if ram and ram < 1000 else None,
        abi=ABI,
        other={f"app_{name.replace(' ', '_')}": quotable(header[name]) for name in names if name in header},
    )


def make_session(
    result: Result | None, program: Program | None, overrides: LabelOverrides, unit: str, datasets: Datasets
) -> ImportSession:
    """Return the session of one or both logs on the device with the slug `unit`.

    Raises:
        LogError: A required fact is stated neither in the logs nor by the user, or the logs contradict each other.
    """
    sources = tuple(entry[0] for entry in (result, program) if entry is not None)
    where = " and ".join(str(entry.path) for entry in sources)
    resource_name = result[1].header.get("resource name") if result else None
    resource = quotable(resource_name) if resource_name and resource_name != "null" else None
    name = overrides.dataset or resource
    if name is None:
        raise LogError(f"{where} does not state which images were used: name them with --dataset.")
    program_workloads = {entry.instance: entry for entry in program[1].workloads} if program else {}
    result_workloads = {entry.instance: entry for entry in result[1].workloads} if result else {}
    image_counts = {len(entry.images) for entry in program_workloads.values() if entry.fault is None}
    image_counts |= {result[1].images} if result else set()
    if len(image_counts) > 1:
        raise LogError(
            f"{where} has workloads with {' and '.join(map(str, sorted(image_counts)))} images: import each separately."
        )
    [images] = image_counts
    label_spaces = {LABEL_SPACES.get(entry.classes or 0) for entry in program_workloads.values() if entry.fault is None}
    labels = program[1].labels if program else {}
    image_names = _image_names(where, overrides, unit, images)
    started, started_from, ended = _when(result, program)
    parts = []
    for instance in dict.fromkeys([*program_workloads, *result_workloads]):
        logged, reported = program_workloads.get(instance), result_workloads.get(instance)
        model_text = f"{resource} {instance.artifact}" if resource else None
        load = _load(instance, model_text, started)
        if logged is not None and (logged.fault is None or reported is None or reported.fault):
            parts.append(_from_program(logged, reported, load, model_text, labels, image_names))
        elif reported is not None:
            parts.append(_from_result(reported, images, load, model_text))
    return ImportSession(
        sources=sources,
        parts=tuple(parts),
        device=device(result),
        profile={"name": WITH_IMAGES if program else MEANS_ALONE, **_PROFILE},
        timing="end_to_end",
        threads=None,  # TFLite uses one, for the others the app sets none: see each `load`
        dataset=datasets(name, images, label_spaces.pop() if len(label_spaces) == 1 else None),
        started=started,
        started_from=started_from,
        ended=ended,
    )


def _image_names(where: str, overrides: LabelOverrides, unit: str, images: int) -> list[str]:
    """Return the names of the images by index: those stated by the user, or numbers that are specific to this device.

    The app shows the files of a class in the order in which the file system lists them, which differs between devices,
    so the same number does not mean the same image on two devices.
    """
    if overrides.images is None:
        return [f"{unit}-{index:05}" for index in range(images)]
    if len(overrides.images) != images:
        raise LogError(f"{where} has {images} images, but --image-names has {len(overrides.images)}: check the list.")
    return list(overrides.images)


def _load(instance: Instance, model: str | None, started: datetime) -> dict[str, Any]:
    return {
        "load_ns": None,
        "framework_version": None,
        "threads": 1 if instance.framework == "tflite" else None,
        "model_sha256": sha256_of(model) if model else None,
        "accelerator_requested": instance.delegate,
        "accelerator_actual": "cpu" if instance.delegate == "cpu" else None,
        "resolution_ms": RESOLUTION_MS,
        "at": f"{started:%Y-%m-%dT%H:%M:%SZ}",
    }


def _from_result(block: app_logs.ResultBlock, images: int, load: dict[str, Any], model: str | None) -> LogPart:
    """Return an attempt with a summary, because a result log has no records of images."""
    if block.fault is not None:
        return LogPart(block.instance, None, b"", ("failed", {"reason": block.fault}))
    assert block.accuracy is not None and block.total_ms is not None
    correct = round(block.accuracy * images)
    summary = _summary(images, correct, block.mean_ms, block.sd_ms, block.first_ms)
    ending = _end(images, 0, correct, block.total_ms, block)
    load["load_ns"] = _ns(block.load_ms)
    return LogPart(block.instance, load, event_lines([("summary", summary)]), ending, model_sha256_of=model)


def _from_program(
    workload: app_logs.ProgramWorkload,
    reported: app_logs.ResultBlock | None,
    load: dict[str, Any],
    model: str | None,
    labels: dict[int, int],
    names: list[str],
) -> LogPart:
    """Return an attempt with records of the images, or with a summary if the class of a failed image is unknown."""
    load["load_ns"] = _ns(workload.load_ms)
    whole_images = [image for image in workload.images if image.end_ms is not None]
    if workload.fault is not None:
        usable_images = [
            image for image in whole_images if image.index < len(names) and _label(image, labels) is not None
        ]
        body = _records(usable_images, labels, names)
        return LogPart(workload.instance, load, body, ("failed", {"reason": workload.fault}), len(usable_images), model)
    correct_answers = sum(_is_right(image) for image in whole_images)
    failed = sum(image.error is not None for image in whole_images)
    correct = (
        round(reported.accuracy * len(whole_images)) if reported and reported.accuracy is not None else correct_answers
    )
    total_ms = (whole_images[-1].end_ms or 0) - whole_images[0].start_ms
    unlabelled = [image.index for image in whole_images if _label(image, labels) is None]
    if not unlabelled:
        ending = _end(len(whole_images) - failed, failed, correct, total_ms, reported)
        return LogPart(workload.instance, load, _records(whole_images, labels, names), ending, len(whole_images), model)
    times_ms = [float(_took(image)) for image in whole_images]
    summary = _summary(len(times_ms), correct, statistics.fmean(times_ms), statistics.pstdev(times_ms), times_ms[0])
    summary["median_ms"] = statistics.median(times_ms)
    summary["records_missing"] = f"image {unlabelled[0]} failed, and the log does not state its class"
    ending = _end(len(whole_images) - failed, failed, correct, total_ms, reported)
    return LogPart(workload.instance, load, event_lines([("summary", summary)]), ending, model_sha256_of=model)


def _records(images: Iterable[ProgramImage], labels: dict[int, int], names: list[str]) -> bytes:
    origin_ms = None
    events = []
    for image in images:
        origin_ms = image.start_ms if origin_ms is None else origin_ms
        common = {
            "query": image.index,
            "image": names[image.index],
            "label": _label(image, labels),
            "at_ns": _ns(image.start_ms - origin_ms),
        }
        if image.error is not None:
            events.append(("image_failed", {**common, "reason": image.error, "spent_ns": _ns(_took(image))}))
            continue
        steps = {
            "bitmap_ns": image.took_ms("bitmap"),  # decode, crop and resize
            "ic_ns": image.took_ms("ic"),  # normalize and inference
            "statistics_ns": image.took_ms("statistics"),  # five best classes, and logging them
        }
        durations = {name: _ns(took) for name, took in steps.items()}
        events.append(("image", {**common, "top5": image.best, "total_ns": _ns(_took(image)), **durations}))
    return event_lines(events)


def _label(image: ProgramImage, labels: dict[int, int]) -> int | None:
    return image.target if image.target is not None else labels.get(image.index)


def _is_right(image: ProgramImage) -> bool:
    return image.error is None and bool(image.best) and image.best[0][0] == image.target  # type: ignore[index]


def _took(image: ProgramImage) -> int:
    return (image.end_ms or image.start_ms) - image.start_ms


def _summary(
    count: int, correct: int, mean_ms: float | None, sd_ms: float | None, first_ms: float | None
) -> dict[str, Any]:
    return {
        "tool": TOOL,
        "tool_version": None,
        "timing": "end_to_end",
        "count": count,
        "runs_asked": count,
        "mean_ms": mean_ms,
        "sd_ms": sd_ms,
        "first_ms": first_ms,
        "accuracy": correct / count,
        "accuracy_missing": None,
        "images": count,
    }


def _end(
    images: int, failed: int, correct: int, total_ms: float, reported: app_logs.ResultBlock | None
) -> tuple[str, dict[str, Any]]:
    names = ("load_ms", "first_ms", "total_ms", "mean_ms", "sd_ms", "accuracy")
    app_values = {name: getattr(reported, name) for name in names} if reported and not reported.fault else None
    counts = {"images": images, "failed_images": failed, "correct": correct}
    return "end", {**counts, "loop_ns": _ns(total_ms), "peak_rss_kb": None, "reported": app_values}


def _ns(ms: float | None) -> int | None:
    return None if ms is None else round(ms * 1e6)


def _when(result: Result | None, program: Program | None) -> tuple[datetime, str, datetime | None]:
    """Return the start of a session, the source of that time, and the end.

    The name of a program log has the time at which the session started, that of a result log the time at which it
    ended, both in the time zone of the device, which no log states. For a renamed file, its modification time is used.
    """
    total = timedelta(milliseconds=result[1].total_ms or 0) if result else None
    if program is not None and (file_time := _date(program[0])):
        return file_time, "name of the file, in the device's own time", file_time + total if total is not None else None
    if result is not None and total is not None and (file_time := _date(result[0])):
        return file_time - total, "name of the file, in the device's own time", file_time
    source = (program or result or (None,))[0]
    assert source is not None
    return source.modified - (total or timedelta()), "time of the file", source.modified


def _date(source: LogSource) -> datetime | None:
    match = _DATE.search(source.path.name)
    try:
        moment = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if match else None
    except ValueError:
        return None
    return moment if moment and moment.year > 2000 else None
