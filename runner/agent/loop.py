"""One attempt at an instance: load and warm up, then decode, preprocess, infer and post-process each image."""

from __future__ import annotations

import gc
import hashlib
import importlib
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from aiot_suite.preprocess import IMAGE_LIBRARY, Preprocess, decode
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

EXIT_CODES = {"end": 0, "failed": 1, "unavailable": 3}


class Abandoned(Exception):
    """Raised if the parent process has exited, so that nothing waits for the result."""


def run_job(job: Mapping[str, Any]) -> int:
    """Run a job, log it, and return the exit code of the process."""
    with rawlog.AttemptWriter(job["log"]) as log:
        try:
            final_event = _attempt(job, log)
        except ImportError as error:
            final_event = "unavailable"
            log.write(
                final_event,
                reason="%s is not installed (%s)" % (job["framework"], error),
                remedy="install it into the environment in which the agent runs",
            )
        except NotImplementedError as error:
            final_event = "unavailable"
            reason, remedy = (*error.args, "run it with the framework's own Android tools")[:2]
            log.write(final_event, reason=str(reason), remedy=remedy)
        except Abandoned:
            final_event = "failed"
            log.write(final_event, reason="the run that started this attempt has ended")
        except MemoryError as error:
            final_event = "failed"
            log.write(final_event, reason="there was not enough memory" + (" (%s)" % error if str(error) else ""))
        except (OSError, ValueError) as error:
            final_event = "failed"
            log.write(final_event, reason="%s: %s" % (type(error).__name__, error))
    return EXIT_CODES[final_event]


def _attempt(job: Mapping[str, Any], log: rawlog.AttemptWriter) -> str:
    framework = importlib.import_module("runner.agent." + job["framework"])
    for name in getattr(framework, "IMPORTS", ()):  # modules that a plugin imports inside its functions
        importlib.import_module(name)
    settings = job["settings"]
    start = time.perf_counter_ns()
    model = framework.prepare(job["model"], job["threads"], job["delegate"])
    load_ns = time.perf_counter_ns() - start
    log.write(
        "load",
        instance=job["instance"],
        attempt=job["attempt"],
        load_ns=load_ns,
        framework_version=framework.version(),
        image_library=IMAGE_LIBRARY,
        threads=getattr(model, "threads", job["threads"]),
        model_sha256=_sha256_of(job["model"]),
        accelerator_requested=job["delegate"],
        accelerator_actual=model.accelerator,
        at=rawlog.utc_now(),
        **{name: getattr(model, name) for name in ("nodes", "nodes_delegated") if hasattr(model, name)},
    )
    preprocess = Preprocess.of(settings, model.dtype, model.scale, model.zero_point)
    for number in range(job["warmups"]):
        path, _, _ = _image_of(job, number)
        with open(path, "rb") as file:
            _, inference_ns = model.infer(preprocess(decode(file.read())))
        log.write("warmup", inference_ns=inference_ns)
    return _loop(job, log, model, preprocess, labels(settings))


def _image_of(job: Mapping[str, Any], query: int) -> tuple[str, str, int]:
    """Return the path, name and label of a query's image."""
    name, label = job["images"][query % len(job["images"])]
    return job["image_folder"] + "/" + name, name, label


def labels(settings: Mapping[str, Any]) -> Callable[[int], int]:
    """Return a function from output index to label, which is -1 for an output that is not a class."""
    mapping = settings["label_map"]
    offset = settings["label_offset"]

    def label_of(index: int) -> int:
        if mapping is not None:
            return int(mapping.get(str(index), -1))
        return int(index - offset) if index >= offset else -1

    return label_of


def _loop(
    job: Mapping[str, Any],
    log: rawlog.AttemptWriter,
    model: Any,
    preprocess: Preprocess,
    label_of: Callable[[int], int],
) -> str:
    scale, zero_point = model.output_scale or 1.0, model.output_zero_point
    now = time.perf_counter_ns
    images = failed = correct = query = 0
    gc.collect()
    gc.freeze()  # loaded objects are never garbage; skipping them keeps collections in the loop short
    loop_start = now()
    while _goes_on(job, query, now() - loop_start):
        if job["parent"] is not None and os.getppid() != job["parent"]:
            raise Abandoned
        path, name, label = _image_of(job, query)
        query_start = now()
        try:
            with open(path, "rb") as file:
                image = decode(file.read())
            decoded = now()
            tensor = preprocess(image)
        except (OSError, ValueError) as error:
            failed += 1
            log.write(
                "image_failed",
                query=query,
                image=name,
                label=label,
                reason="%s: %s" % (type(error).__name__, error),
                spent_ns=now() - query_start,
                at_ns=query_start - loop_start,
            )
        else:
            preprocessed = now()
            scores, inference_ns = model.infer(tensor)
            inferred = now()
            best_indices = np.argsort(-scores.astype(np.float32), kind="stable")[:5]
            top5 = [
                (label_of(int(index)), round((float(scores[index]) - zero_point) * scale, 5)) for index in best_indices
            ]
            postprocessed = now()
            images += 1
            correct += top5[0][0] == label
            log.write(
                "image",
                query=query,
                image=name,
                label=label,
                top5=top5,
                decode_ns=decoded - query_start,
                preprocess_ns=preprocessed - decoded,
                inference_ns=inference_ns,
                postprocess_ns=postprocessed - inferred,
                at_ns=query_start - loop_start,
            )
        query += 1
    log.write(
        "end",
        images=images,
        failed_images=failed,
        correct=correct,
        loop_ns=now() - loop_start,
        peak_rss_kb=_peak_rss_kb(),
    )
    return "end"


def _goes_on(job: Mapping[str, Any], query: int, spent_ns: int) -> bool:
    """Return whether to run another query: first complete all passes, then continue until both minimums are met."""
    if query < job["passes"] * len(job["images"]):
        return True
    return bool(query < job["min_queries"] or spent_ns < job["min_duration_s"] * 1e9)


def _sha256_of(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def _peak_rss_kb() -> int | None:
    """Return the peak resident memory of this process in kB, or None if the system does not report it."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except OSError:
        pass
    return None
