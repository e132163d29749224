"""The command lines of TFLite's tools, as lists of words. The caller has to quote them for a shell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiot_suite.suite import Profile

TOOL_DELEGATES = ("cpu", "nnapi", "gpu")
"""Delegates that the tools can be asked for."""


@dataclass(frozen=True)
class Ask:
    """Options of a tool that runs a model.

    accelerator: an accelerator of NNAPI (`nnapi-reference` is the CPU); None: NNAPI chooses, but not its CPU
    xnnpack: whether XNNPACK runs the part on the CPU, as it does in the agent's TFLite; False turns it off
    """

    delegate: str = "cpu"
    threads: int = 1
    accelerator: str | None = None
    xnnpack: bool = True


@dataclass(frozen=True)
class Repeats:
    """Number of runs and time limits of benchmark_model.

    max_s: no further run is started after this many seconds, in the warm-up and in the timed runs separately, so that a
    slow model gets fewer runs than requested
    """

    warmups: int
    runs: int
    min_s: float
    max_s: float

    @classmethod
    def of(cls, profile: Profile, images: int, max_s: float) -> Repeats:
        """Return the repeats for a profile: as many runs as the agent would process images.

        `images` is the number of images in a pass. `paper` has as many runs as images and no warm-up; `mlperf-like` 5
        warm-ups, at least 1024 runs and 60 s; `quick` 1 warm-up and its images; `sustained` ten minutes.
        """
        images_per_pass = min(images, profile.max_images or images)
        runs = max(1, profile.passes * images_per_pass, profile.min_queries)
        return cls(profile.warmups, runs, profile.min_duration_s, max(max_s, profile.min_duration_s))


MEMORY_REPEATS = Repeats(warmups=0, runs=3, min_s=0.0, max_s=60.0)
"""Repeats for the peak memory, which the tool samples in a thread that would disturb the timed runs."""


def benchmark_model_words(tool: str, model: str, ask: Ask, repeats: Repeats, memory: bool = False) -> list[str]:
    """Return the words that time a model file; `memory` also samples the peak memory.

    --warmup_min_secs is 0, since the tool would otherwise warm up for half a second whatever the number of warm-ups. On
    the CPU, XNNPACK is requested explicitly, so that the output tells whether it was applied.
    """
    return [
        tool,
        f"--graph={model}",
        f"--num_threads={ask.threads}",
        f"--warmup_runs={repeats.warmups}",
        "--warmup_min_secs=0",
        f"--num_runs={repeats.runs}",
        f"--min_secs={repeats.min_s:g}",
        f"--max_secs={repeats.max_s:g}",
        *_accelerated(ask),
        *([f"--use_xnnpack={_flag(ask.xnnpack)}"] if ask.delegate == "cpu" or not ask.xnnpack else []),
        *(["--report_peak_memory_footprint=true"] if memory else []),
    ]


def run_eval_words(tool: str, model: str, images: str, labels: str, ground_truth: str, ask: Ask) -> list[str]:
    """Return the words that measure accuracy.

    images: folder of images
    labels: file with the label of each output
    ground_truth: file with the labels of the images

    Without a delegate flag, the tool runs on the CPU with XNNPACK. `--delegate=xnnpack` is not used, since it also
    makes the tool compute in 16 bits (xnnpack_force_fp16 in evaluation_delegate_provider.cc). `--delegate=nnapi` is
    supported by builds of all years; the flags of single options are newer.
    """
    return [
        tool,
        f"--model_file={model}",
        f"--ground_truth_images_path={images}",
        f"--ground_truth_labels={ground_truth}",
        f"--model_output_labels={labels}",
        "--num_images=0",
        f"--num_interpreter_threads={ask.threads}",
        *([f"--delegate={ask.delegate}"] if ask.delegate != "cpu" else []),
        *_named(ask),
        *([] if ask.xnnpack else ["--use_xnnpack=false"]),
    ]


def _accelerated(ask: Ask) -> Sequence[str]:
    return [f"--use_{ask.delegate}=true", *_named(ask)] if ask.delegate != "cpu" else []


def _named(ask: Ask) -> Sequence[str]:
    return [f"--nnapi_accelerator_name={ask.accelerator}"] if ask.delegate == "nnapi" and ask.accelerator else []


def _flag(value: bool) -> str:
    return "true" if value else "false"
