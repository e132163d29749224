"""TFLite's own tools in a folder given by the user, and their command lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiot_suite.errors import SetupError
from aiot_suite.workspace import sha256_of
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aiot_suite.suite import Profile

KINDS = {
    "benchmark_model": ("benchmark_model", "benchmark_model_plus_flex"),
    "run_eval": ("run_eval", "eval_imagenet_image_classification"),
}
"""Possible file names of each tool, without a prefix for the system and processor."""

# processor, as named by pyelftools -> prefixes of the documented file names
_PREFIXES = {
    "AArch64": ("android_aarch64_", "linux_aarch64_"),
    "ARM": ("android_arm_", "linux_arm_"),
    "x64": ("android_x86_64_", "android_x86-64_", "linux_x86-64_", "linux_x86_64_"),
    "x86": ("android_x86_", "linux_x86_"),
}
_ABIS = {
    "arm64-v8a": ("AArch64", "ARM"),
    "aarch64": ("AArch64", "ARM"),
    "arm64": ("AArch64", "ARM"),
    "armeabi-v7a": ("ARM",),
    "armv7l": ("ARM",),
    "armv8l": ("ARM",),
    "x86_64": ("x64", "x86"),
    "x86-64": ("x64", "x86"),
    "amd64": ("x64", "x86"),
    "x86": ("x86",),
    "i686": ("x86",),
}
"""Processors whose programs run under an ABI (Android's name, or that of `uname -m`), best first."""


@dataclass(frozen=True)
class Tool:
    """File of a tool. The tools print no version, so the SHA-256 identifies the build."""

    name: str  # benchmark_model or run_eval
    path: Path
    sha256: str

    @property
    def version(self) -> str:
        return f"{self.name} {self.sha256[:12]}"


@dataclass(frozen=True)
class Tools:
    """Tools to measure the instances of a device; without run_eval, there is no accuracy."""

    benchmark_model: Tool
    run_eval: Tool | None


def find(folder: Path, abi: str) -> Tools:
    """Return the tools for an ABI such as "arm64-v8a" or "x86_64"; a folder may hold those of several ABIs.

    The names of the published builds, such as `android_aarch64_benchmark_model` and
    `android_aarch64_eval_imagenet_image_classification`, take precedence over `benchmark_model` and `run_eval`. Raises
    SetupError if the folder or benchmark_model is missing, or if a file is not for the ABI.
    """
    rawlog.existing_folder(folder, "name the folder that contains benchmark_model and run_eval", SetupError)
    if abi.lower() not in _ABIS:
        raise SetupError(f"There are no native tools for ABI {abi!r}: supported ABIs are {', '.join(_ABIS)}.")
    benchmark, evaluation = (_tool(folder, name, abi) for name in KINDS)
    if benchmark is None:
        names = sorted(path.name for path in folder.iterdir())[:5]
        contents = f"it contains {', '.join(names)}" if names else "it is empty"
        raise SetupError(
            f"{folder} contains no benchmark_model for {abi} ({contents}): name the file benchmark_model or "
            f"{_names('benchmark_model', abi)[0]}."
        )
    return Tools(benchmark, evaluation)


def _names(tool: str, abi: str) -> list[str]:
    prefixes = [prefix for processor in _ABIS[abi.lower()] for prefix in _PREFIXES[processor]]
    return [prefix + kind for prefix in prefixes for kind in KINDS[tool]] + list(KINDS[tool])


def _tool(folder: Path, name: str, abi: str) -> Tool | None:
    for candidate in _names(name, abi):
        path = folder / candidate
        if path.is_file():
            _check(path, abi)
            return Tool(name, path, sha256_of(path))
    return None


def _check(path: Path, abi: str) -> None:
    """Raise SetupError if a file is no program for the ABI. A script is accepted for every ABI."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            if file.read(2) == b"#!":
                return
            processor = ELFFile(file).get_machine_arch()
    except ELFError:
        raise SetupError(
            f"{path} is not a program for Android or Linux: download it again, and check that it is the "
            "program and not a web page."
        ) from None
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}).") from None
    if processor not in _ABIS[abi.lower()]:
        raise SetupError(f"{path} is a program for {processor}, but the device is {abi}: use the program for {abi}.")


TOOL_DELEGATES = ("cpu", "nnapi", "gpu")
"""Delegates that the tools can be asked for."""


@dataclass(frozen=True)
class ToolOptions:
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


def benchmark_model_words(tool: str, model: str, ask: ToolOptions, repeats: Repeats, memory: bool = False) -> list[str]:
    """Return the words that time a model file; `memory` also samples the peak memory.

    --warmup_min_secs is 0, since the tool would otherwise warm up for half a second whatever the number of warm-ups. On
    the CPU, XNNPACK is requested explicitly, so that the output shows whether it was applied.
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


def run_eval_words(tool: str, model: str, images: str, labels: str, ground_truth: str, ask: ToolOptions) -> list[str]:
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


def _accelerated(ask: ToolOptions) -> Sequence[str]:
    return [f"--use_{ask.delegate}=true", *_named(ask)] if ask.delegate != "cpu" else []


def _named(ask: ToolOptions) -> Sequence[str]:
    return [f"--nnapi_accelerator_name={ask.accelerator}"] if ask.delegate == "nnapi" and ask.accelerator else []


def _flag(value: bool) -> str:
    return "true" if value else "false"
