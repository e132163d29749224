"""A stand-in for TFLite's benchmark_model and run_eval. It runs no model, and its numbers are made up.

It accepts the flags of the tools and prints their output in the formats of their sources. The environment variable
STANDIN selects formats and failures as words separated by commas: see VARIANTS. `install` puts it into a folder under
the names of the tools.
"""

from __future__ import annotations

import math
import os
import random
import sys
import time
from pathlib import Path

FIRST_LINE = "This is a stand-in for tests and no real tool: it runs no model, and its numbers are made up."

VARIANTS = {
    "no_prefix": "no severities, as builds of 2020",
    "oldest": "the last lines of 2019",
    "no_percentiles": "builds before percentiles",
    "same": "all samples are equal",
    "slow": "an inference takes 1.2 s, which prints as 1.23457e+06",
    "quiet": "no lines of the runtime on stderr, as release builds for Linux",
    "replacing_2019": "Replacing N node(s)",
    "replacing_2020": "Replacing N out of M node(s)",
    "replacing_2026": "Replacing ... for subgraph 0 (main)",
    "applied_2020": "Applied NNAPI delegate, ... w/ the delegate",
    "partial": "the accelerator takes 20 of 31 nodes",
    "none": "the accelerator takes no node",
    "refused": "the delegate cannot be applied",
    "no_accelerators": "NNAPI names none",
    "unsupported": "the platform has no NNAPI",
    "few": "the time is over after 5 runs",
    "eval_fails": "run_eval gives up",
    "eval_on_cpu": "run_eval's delegate takes no node",
    "eval_odd": "run_eval prints what can be no accuracy",
    "crash": "ended by SIGSEGV",
    "hang": "nothing for an hour",
    "empty": "nothing but the first line",
    "garbage": "something else",
    "huge": "10 MB of other lines first, and one line of 1 MB",
}
NODES = 31


def install(folder: Path) -> Path:
    """Write the tools to a folder as scripts that start this file with the Python of the tests; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("benchmark_model", "run_eval"):
        path = folder / name
        path.write_text(f'#!/bin/sh\n# {FIRST_LINE}\nexec "{sys.executable}" "{__file__}" {name} "$@"\n')
        path.chmod(0o755)
    return folder


class Printer:
    """A printer in the formats of TFLITE_LOG (stdout, errors to stderr) and TFLITE_LOG_PROD (stderr)."""

    def __init__(self, variants: set[str]) -> None:
        self.variants = variants

    def log(self, text: str, severity: str = "INFO") -> None:
        stream = sys.stderr if severity in ("ERROR", "FATAL") else sys.stdout
        prefix = "" if "no_prefix" in self.variants else f"{severity}: "
        print(f"{prefix}{text}", file=stream)

    def runtime(self, text: str, severity: str = "INFO") -> None:
        if "quiet" not in self.variants:
            print(f"{severity}: {text}", file=sys.stderr)


def stats(samples: list[int], percentiles: bool) -> str:
    """Return statistics in the format of Stat::OutputToStream and StatWithPercentiles::OutputToStream."""
    if not samples:
        return "count=0" + (" p5=0 median=0 p95=0" if percentiles else "")
    if min(samples) == max(samples):
        text = f"count={len(samples)} curr={samples[-1]}" + ("(all same)" if len(samples) > 1 else "")
    else:
        mean = sum(samples) / len(samples)
        sd = int(math.sqrt(sum(time_us * time_us for time_us in samples) / len(samples) - mean * mean))
        text = f"count={len(samples)} first={samples[0]} curr={samples[-1]} min={min(samples)} max={max(samples)}"
        text += f" avg={mean:g} std={sd}"
    if percentiles:
        ordered = sorted(samples)
        ranks = {name: ordered[len(ordered) * rank // 100] for name, rank in (("p5", 5), ("median", 50), ("p95", 95))}
        text += "".join(f" {name}={value}" for name, value in ranks.items())
    return text


def samples(count: int, variants: set[str], seed: int) -> list[int]:
    """Make up times in microseconds."""
    around = 1_234_567 if "slow" in variants else 14_500
    if "same" in variants:
        return [around] * count
    rng = random.Random(seed)
    return [round(around * (1 + rng.random() / 20)) for _ in range(count)]


def delegated(out: Printer, flags: dict[str, str], evaluation: bool) -> bool:
    """Print the lines of a delegate, and return whether the tool continues."""
    variants = out.variants
    nnapi = flags.get("use_nnapi") == "true" or flags.get("delegate") == "nnapi"
    if not nnapi:
        if flags.get("use_xnnpack") != "false":
            out.runtime("Created TensorFlow Lite XNNPACK delegate for CPU.")
            replacing(out, "TfLiteXNNPackDelegate", NODES, 1)
            if flags.get("use_xnnpack") == "true" and not evaluation:
                applied(out, "XNNPACK", "whole")
        return True
    if "unsupported" in variants:
        out.log("NNAPI acceleration is unsupported on this platform.", "WARN")
        return True
    out.runtime("Created TensorFlow Lite delegate for NNAPI.")
    if "no_accelerators" in variants:
        out.runtime("NNAPI delegate requested but no accelerators available.", "ERROR")
    if {"no_accelerators", "refused"} & variants:
        if evaluation:
            print(
                "E0000 00:00:1700000000.123456 77 tflite_inference_stage.cc:155] Failed to apply delegate 0",
                file=sys.stderr,
            )
        else:
            out.log("Failed to apply NNAPI delegate.", "ERROR")
        return False
    extent = "none" if "none" in variants or ("eval_on_cpu" in variants and evaluation) else "whole"
    if "partial" in variants:
        extent = "partial"
    if extent != "none":
        replacing(out, "TfLiteNnapiDelegate", NODES if extent == "whole" else 20, 1 if extent == "whole" else 7)
    if extent != "whole":  # the CPU runs the other nodes, by default with XNNPACK
        replacing(out, "TfLiteXNNPackDelegate", *((11, 4) if extent == "partial" else (NODES, 1)))
    if not evaluation:
        applied(out, "NNAPI", extent)
    return True


def replacing(out: Printer, delegate: str, nodes: int, partitions: int) -> None:
    total = "" if "replacing_2019" in out.variants else f" out of {NODES}"
    where = " for subgraph 0" if not {"replacing_2019", "replacing_2020"} & out.variants else ""
    where += " (main)" if "replacing_2026" in out.variants else ""
    text = f"Replacing {nodes}{total} node(s) with delegate ({delegate}) node, yielding {partitions} partitions{where}."
    out.runtime(text, "VERBOSE")


def applied(out: Printer, name: str, extent: str) -> None:
    if "applied_2020" in out.variants and extent != "none":
        how = "completely" if extent == "whole" else "partially"
        out.log(f"Applied {name} delegate, and the model graph will be {how} executed w/ the delegate.")
    elif extent == "whole":
        out.log(f"Explicitly applied {name} delegate, and the model graph will be completely executed by the delegate.")
    elif extent == "partial":
        out.log(
            f"Explicitly applied {name} delegate, and the model graph will be partially executed by the delegate "
            "w/ 3 delegate kernels."
        )
    else:
        out.log(f"Though {name} delegate is explicitly applied, the model graph will not be executed by the delegate.")


def benchmark_model(flags: dict[str, str], out: Printer) -> int:
    variants = out.variants
    out.log("STARTING!")
    out.log("Log parameter values verbosely: [0]")
    out.log(f"Min num runs: [{flags['num_runs']}]")
    out.log(f"Num threads: [{flags['num_threads']}]")
    out.log(f"Graph: [{flags['graph']}]")
    if flags.get("use_nnapi") == "true":
        out.log("Use NNAPI: [1]")
        if not {"no_accelerators", "unsupported"} & variants:
            out.log("NNAPI accelerators available: [qti-default,qti-dsp,nnapi-reference]")
    if not Path(flags["graph"]).is_file():
        out.log(f"Failed to load model {flags['graph']}", "ERROR")
        out.log("Benchmarking failed.", "ERROR")
        return 1
    out.log(f"Loaded model {flags['graph']}")
    if not delegated(out, flags, evaluation=False):
        out.log("Benchmarking failed.", "ERROR")
        return 1
    out.log(f"The input model file size (MB): {Path(flags['graph']).stat().st_size / 1e6:g}")
    out.log("Initialized session in 134.52ms.")
    warmup = announced(out, int(flags["warmup_runs"]), flags["warmup_min_secs"], flags["max_secs"], 1)
    if "crash" in variants:
        sys.stdout.flush()
        os.kill(os.getpid(), 11)
    runs = 5 if "few" in variants else int(flags["num_runs"])
    measured = announced(out, runs, flags["min_secs"], flags["max_secs"], 2)
    mean = sum(measured) / len(measured)
    warm = f"{sum(warmup) / len(warmup):g}" if warmup else "-nan"
    first = warmup[0] if warmup else 0
    if "oldest" in variants:
        out.log(f"Average inference timings in us: Warmup: {warm}, Init: 134520, Inference: {mean:g}")
    else:
        out.log(
            f"Inference timings in us: Init: 134520, First inference: {first}, Warmup (avg): {warm}, "
            f"Inference (avg): {mean:g}"
        )
        out.log(
            "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the "
            "actual memory footprint of the model at runtime. Take the information at your discretion."
        )
        out.log("Memory footprint delta from the start of the tool (MB): init=12.3 overall=30.5")
        if flags.get("report_peak_memory_footprint") == "true":
            out.log("Overall peak memory footprint (MB) via periodic monitoring: 41.2")
            out.log("Memory status at the end of exeution:")
            out.log("- VmRSS              : 40 MB")
            out.log("+ RssAnnon           : 30 MB")
            out.log("+ RssFile + RssShmem : 10 MB")
    return 0


def announced(out: Printer, count: int, min_s: str, max_s: str, seed: int) -> list[int]:
    out.log(
        f"Running benchmark for at least {count} iterations and at least {min_s} seconds but terminate if exceeding "
        f"{max_s} seconds."
    )
    taken = samples(count, out.variants, seed)
    out.log(stats(taken, not {"no_percentiles", "oldest"} & out.variants))
    print()
    return taken


def run_eval(flags: dict[str, str], out: Printer) -> int:
    images = sorted(Path(flags["ground_truth_images_path"]).iterdir())
    labels = Path(flags["ground_truth_labels"]).read_text().splitlines()
    outputs = Path(flags["model_output_labels"]).read_text().splitlines()
    problem = None
    if len(images) != len(labels):
        problem = "Number of images and ground truth labels is not same"
    if len(outputs) < 10 or "eval_fails" in out.variants:
        problem = "Invalid model_output_shape_"
    if problem is None and not Path(flags["model_file"]).is_file():
        problem = "Model file not found"
    if problem is None and not delegated(out, flags, evaluation=True):
        problem = "Failed to initialize the evaluation"
    if problem is not None:
        out.log(problem, "ERROR")
        out.log("Could not run the task evaluation!", "ERROR")
        return 1
    step = len(images) // 100
    for number in range(len(images) if step > 1 else 0):
        if number % step == 0:
            out.log(f"Evaluated: {number // step}%")
    out.log(f"Num evaluation runs: {len(images)}")
    out.log("Preprocessing latency: avg=13772.5(us), std_dev=0(us)")
    out.log("Inference latency: avg=15001.2(us), std_dev=600(us)")
    for k in range(1, 11):
        correct = len(images) if k == 10 else int(len(images) * (0.6 + 0.03 * k))
        out.log(f"Top-{k} Accuracy: {71.5 if 'eval_odd' in out.variants else correct / len(images):g}")
    return 0


def main() -> int:
    tool, *arguments = sys.argv[1:]
    variants = set(filter(None, os.environ.get("STANDIN", "").split(",")))
    if unknown := variants - set(VARIANTS):
        raise SystemExit(f"the stand-in has no variant {', '.join(sorted(unknown))}")
    print(FIRST_LINE, flush=True)
    if "hang" in variants:
        time.sleep(3600)
    if "empty" in variants:
        return 0
    if "garbage" in variants:
        print(
            "\x1b[31mcount=many first=?\nInference timings in us: Init: soon, First inference: later\n"
            "count=-3 avg=1e999\n"
        )
        return 0
    if "huge" in variants:
        print("x" * 1_000_000)
        print("INFO: nothing of interest in this line, of which there are many\n" * 160_000)
    flags = dict(word[2:].partition("=")[::2] for word in arguments)
    return {"benchmark_model": benchmark_model, "run_eval": run_eval}[tool](flags, Printer(variants))


if __name__ == "__main__":
    sys.exit(main())
