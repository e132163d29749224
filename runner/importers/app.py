"""The paper's app: its result log, its program log, or the two of one sitting together.

The program log has every image, the result log what the app made of them and what the device is. Their names have
different times, so that the two of a sitting are known by what they say: the same load and first image of each
workload.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiot_suite.suite import Instance
from runner.errors import LogError
from runner.importers import app_program, app_result
from runner.importers.app_program import ProgramLog, Shown
from runner.importers.app_result import ResultLog
from runner.importers.given import Given
from runner.importers.parts import Datasets, DeviceFacts, Part, Sitting, lines, sha256_of
from runner.importers.source import Source
from runner.tools.text import shown, whole

RESOLUTION_MS = 1.0
WITH_IMAGES, MEANS_ALONE = "paper's app (whole ms)", "paper's app (means alone)"
"""Profiles. The app's own mean takes in what it does between two images; a mean over the images' times does not."""

_PROFILE = {  # every image once, no warm-up, the first image counts
    "warmups": 0,
    "passes": 1,
    "min_queries": 0,
    "min_duration_s": 0.0,
    "max_images": None,
}
ABI = "armeabi-v7a"  # that the app is built for
TOOL = "AIoTBench app"
LABEL_SPACES = {1000: "imagenet-1000", 1001: "imagenet-1000"}  # 1001: with a background, which the app takes off

Result = tuple[Source, ResultLog]
Program = tuple[Source, ProgramLog]
_FINGERPRINT = re.compile(r"([^/:]{1,60})/[^/]{0,90}/[^:]{0,90}:([^/]{1,30})/.*")
_DATE = re.compile(r"_(\d{8})_(\d{6})(?:\D|$)")


def pairs(results: list[Result], programs: list[Program]) -> list[tuple[Result | None, Program | None]]:
    """The logs of each sitting."""
    left = list(programs)
    found: list[tuple[Result | None, Program | None]] = []
    for result in results:
        program = next((one for one in left if _same(result[1], one[1])), None)
        if program is not None:
            left.remove(program)
        found.append((result, program))
    return [*found, *((None, program) for program in left)]


def _same(result: ResultLog, program: ProgramLog) -> bool:
    """Whether every workload that both have was loaded as fast, and began with as fast an image."""
    known = {one.instance: (one.load_ms, one.first_ms) for one in result.workloads if one.fault is None}
    seen = {
        one.instance: (one.load_ms, one.images[0].end_ms - one.images[0].start_ms)
        for one in program.workloads
        if one.images and one.images[0].end_ms is not None
    }
    common = known.keys() & seen.keys()
    return bool(common) and all(known[one] == seen[one] for one in common)


def device(result: Result | None) -> DeviceFacts:
    """What the header of a result log tells of the device."""
    header = result[1].header if result else {}
    match = _FINGERPRINT.fullmatch(header.get("device fingerprint", ""))
    ram = whole(header.get("ram size"))
    names = ("device", "device fingerprint", "device hardware", "device sdk int", "ram available size")
    return DeviceFacts(
        maker=shown(match[1]) if match else None,
        code=shown(header["device"]) if header.get("device") else None,
        os="Android",
        os_version=shown(match[2]) if match else None,
        ram_gb=float(ram) if ram and ram < 1000 else None,
        abi=ABI,
        other={f"app_{name.replace(' ', '_')}": shown(header[name]) for name in names if name in header},
    )


def sitting(result: Result | None, program: Program | None, given: Given, unit: str, datasets: Datasets) -> Sitting:
    """A sitting of the device that is called `unit`. Raises LogError for what nobody says, or what cannot be."""
    sources = tuple(one[0] for one in (result, program) if one is not None)
    where = " and ".join(str(one.path) for one in sources)
    told = result[1].header.get("resource name") if result else None
    resource = shown(told) if told and told != "null" else None
    name = given.dataset or resource
    if name is None:
        raise LogError(f"{where} does not tell which images were shown: give --dataset with a name for them.")
    of_program = {one.instance: one for one in program[1].workloads} if program else {}
    of_result = {one.instance: one for one in result[1].workloads} if result else {}
    counts = {len(one.images) for one in of_program.values() if one.fault is None}
    counts |= {result[1].images} if result else set()
    if len(counts) > 1:
        raise LogError(
            f"{where} has workloads of {' and '.join(map(str, sorted(counts)))} images: import each by itself."
        )
    [images] = counts
    spaces = {LABEL_SPACES.get(one.classes or 0) for one in of_program.values() if one.fault is None}
    labels = program[1].labels if program else {}
    image_names = _image_names(where, given, unit, images)
    started, started_from, ended = _when(result, program)
    parts = []
    for instance in dict.fromkeys([*of_program, *of_result]):
        seen, reported = of_program.get(instance), of_result.get(instance)
        text = f"{resource} {instance.artifact}" if resource else None
        load = _load(instance, text, started)
        if seen is not None and (seen.fault is None or reported is None or reported.fault):
            parts.append(_from_program(seen, reported, load, text, labels, image_names))
        elif reported is not None:
            parts.append(_from_result(reported, images, load, text))
    return Sitting(
        sources=sources,
        parts=tuple(parts),
        device=device(result),
        profile={"name": WITH_IMAGES if program else MEANS_ALONE, **_PROFILE},
        timing="end_to_end",
        threads=None,  # TFLite has one, for the others the app sets none: each `load` has its own
        dataset=datasets(name, images, spaces.pop() if len(spaces) == 1 else None),
        started=started,
        started_from=started_from,
        ended=ended,
    )


def _image_names(where: str, given: Given, unit: str, images: int) -> list[str]:
    """Names of the images by index: those that are given, or numbers of this device.

    The app shows the files of a class in the order in which the file system lists them, which is another one on every
    device. So a number is no name that two devices share.
    """
    if given.images is None:
        return [f"{unit}-{index:05}" for index in range(images)]
    if len(given.images) != images:
        raise LogError(f"{where} is of {images} images, and --images names {len(given.images)}.")
    return list(given.images)


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


def _from_result(one: app_result.Workload, images: int, load: dict[str, Any], model: str | None) -> Part:
    """A summary: the log has no images."""
    if one.fault is not None:
        return Part(one.instance, None, b"", ("failed", {"reason": one.fault}))
    assert one.accuracy is not None and one.total_ms is not None
    correct = round(one.accuracy * images)
    summary = _summary(images, correct, one.mean_ms, one.sd_ms, one.first_ms)
    ending = _end(images, 0, correct, one.total_ms, one)
    load["load_ns"] = _ns(one.load_ms)
    return Part(one.instance, load, lines([("summary", summary)]), ending, model_sha256_of=model)


def _from_program(
    one: app_program.Workload,
    reported: app_result.Workload | None,
    load: dict[str, Any],
    model: str | None,
    labels: dict[int, int],
    names: list[str],
) -> Part:
    """Records of images; a summary where the class of one that failed is not known."""
    load["load_ns"] = _ns(one.load_ms)
    whole_images = [image for image in one.images if image.end_ms is not None]
    if one.fault is not None:
        kept = [image for image in whole_images if image.index < len(names) and _label(image, labels) is not None]
        body = _records(kept, labels, names)
        return Part(one.instance, load, body, ("failed", {"reason": one.fault}), len(kept), model)
    right = sum(_is_right(image) for image in whole_images)
    failed = sum(image.error is not None for image in whole_images)
    correct = round(reported.accuracy * len(whole_images)) if reported and reported.accuracy is not None else right
    total_ms = (whole_images[-1].end_ms or 0) - whole_images[0].start_ms
    unlabelled = [image.index for image in whole_images if _label(image, labels) is None]
    if not unlabelled:
        ending = _end(len(whole_images) - failed, failed, correct, total_ms, reported)
        return Part(one.instance, load, _records(whole_images, labels, names), ending, len(whole_images), model)
    times = [float(_took(image)) for image in whole_images]
    summary = _summary(len(times), correct, statistics.fmean(times), statistics.pstdev(times), times[0])
    summary["median_ms"] = statistics.median(times)
    summary["records_missing"] = f"image {unlabelled[0]} failed, and the log does not tell its class"
    ending = _end(len(whole_images) - failed, failed, correct, total_ms, reported)
    return Part(one.instance, load, lines([("summary", summary)]), ending, model_sha256_of=model)


def _records(images: Iterable[Shown], labels: dict[int, int], names: list[str]) -> bytes:
    began_ms = None
    events = []
    for image in images:
        began_ms = image.start_ms if began_ms is None else began_ms
        both = {
            "query": image.index,
            "image": names[image.index],
            "label": _label(image, labels),
            "at_ns": _ns(image.start_ms - began_ms),
        }
        if image.error is not None:
            events.append(("image_failed", {**both, "reason": image.error, "spent_ns": _ns(_took(image))}))
            continue
        steps = {
            "bitmap_ns": image.took_ms("bitmap"),  # decode, crop and resize
            "ic_ns": image.took_ms("ic"),  # normalize and inference
            "statistics_ns": image.took_ms("statistics"),  # five best classes, and the log of them
        }
        own = {name: _ns(took) for name, took in steps.items()}
        events.append(("image", {**both, "top5": image.best, "total_ns": _ns(_took(image)), **own}))
    return lines(events)


def _label(image: Shown, labels: dict[int, int]) -> int | None:
    return image.target if image.target is not None else labels.get(image.index)


def _is_right(image: Shown) -> bool:
    return image.error is None and bool(image.best) and image.best[0][0] == image.target  # type: ignore[index]


def _took(image: Shown) -> int:
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
    images: int, failed: int, correct: int, total_ms: float, reported: app_result.Workload | None
) -> tuple[str, dict[str, Any]]:
    names = ("load_ms", "first_ms", "total_ms", "mean_ms", "sd_ms", "accuracy")
    said = {name: getattr(reported, name) for name in names} if reported and not reported.fault else None
    counts = {"images": images, "failed_images": failed, "correct": correct}
    return "end", {**counts, "loop_ns": _ns(total_ms), "peak_rss_kb": None, "reported": said}


def _ns(ms: float | None) -> int | None:
    return None if ms is None else round(ms * 1e6)


def _when(result: Result | None, program: Program | None) -> tuple[datetime, str, datetime | None]:
    """Begin, what it is told by, and end.

    The program log is named after the time at which the sitting began, and the result log after that at which it ended,
    in the time zone of the device, which no log tells. Where a file was renamed its own time is taken.
    """
    total = timedelta(milliseconds=result[1].total_ms or 0) if result else None
    if program is not None and (named := _date(program[0])):
        return named, "name of the file, in the device's own time", named + total if total is not None else None
    if result is not None and total is not None and (named := _date(result[0])):
        return named - total, "name of the file, in the device's own time", named
    source = (program or result or (None,))[0]
    assert source is not None
    return source.modified - (total or timedelta()), "time of the file", source.modified


def _date(source: Source) -> datetime | None:
    match = _DATE.search(source.path.name)
    try:
        found = datetime.strptime(match[1] + match[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if match else None
    except ValueError:
        return None
    return found if found and found.year > 2000 else None
