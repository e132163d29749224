"""Command line `python -m benchmarks [--only NAME] [--pairs N]`; see README.md."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import (
    boards,
    conversion,
    devices,
    fleet,
    frameworks,
    front_page,
    growth,
    inference,
    litert,
    notebooks,
    overhead,
    process,
    reports,
    start,
)
from benchmarks.machine import load_average, this_machine
from benchmarks.pairs import LEAST_PAIRS, ROOT, BenchmarkError, Options, Tell
from benchmarks.table import markdown, record, table
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

BENCHMARKS = {"start": start, "overhead": overhead, "inference": inference, "process": process, "reports": reports}
"""Benchmarks that run by default, in order."""

STUDIES = {
    "boards": boards,
    "conversion": conversion,
    "devices": devices,
    "fleet": fleet,
    "frameworks": frameworks,
    "front_page": front_page,
    "growth": growth,
    "litert": litert,
    "notebooks": notebooks,
}
"""Benchmarks that run only if named, since they need much time and disk space."""

NETWORKS = sorted({instance.artifact for instance in (*inference.INSTANCES, *frameworks.INSTANCES)})
RESULTS = ROOT / "data" / "benchmarks"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen benchmarks.

    Return 0 whatever the measured speed, 1 if a benchmark cannot be measured, and 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    available = BENCHMARKS | STUDIES
    chosen = {name: available[name] for name in available if name in (options.only or BENCHMARKS)}
    try:
        for name, benchmark in chosen.items():
            if sentence := benchmark.missing():
                raise BenchmarkError(f"{name}: {sentence}")
        _measure(chosen, options)
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmarks: interrupted; what was finished is in the results.", file=sys.stderr)
        return 130
    return 0


def _measure(chosen: dict[str, ModuleType], given: argparse.Namespace) -> None:
    machine, started, load = this_machine(ROOT), datetime.now(UTC), load_average()
    print(*machine.lines(), sep="\n")
    print(f"load      {load} before, of {machine.cores} cores")
    if load > machine.cores / 4:
        print("          something else runs here: the numbers are noisier than they need be")
    if given.pairs < LEAST_PAIRS:
        print(f"          fewer than {LEAST_PAIRS} pairs: this shows that it works, and measures nothing")
    document: dict[str, Any] = {
        "began": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "machine": asdict(machine),
        "load_before": load,
        "pairs": given.pairs,
        "images": given.images,
        "networks": given.network,
        "notebooks": given.notebooks,
        "results": {},
    }
    file = RESULTS / f"{started:%Y-%m-%dT%H%M%SZ}.json"
    networks = tuple(given.network or ())
    all_results = []
    for name, benchmark in chosen.items():
        clock = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="aiot-benchmark-") as folder:
            options = Options(Path(folder), _teller(name), given.pairs, given.images, networks, given.notebooks)
            results = benchmark.run(options)
        _tell_nothing()
        all_results += results
        print(f"\n{name} ({time.monotonic() - clock:.0f} s)\n{table(results)}", flush=True)
        document["results"][name] = [record(result) for result in results]
        document["load_after"] = load_average()
        rawlog.replace_text(file, json.dumps(document, indent=1) + "\n")
    print(f"\nload      {document['load_after']} after\nresults   {file}")
    if given.markdown:
        print("", *markdown(all_results), sep="\n")


def _teller(name: str) -> Tell:
    """Return a function that shows progress on one line of a terminal, and does nothing if there is no terminal."""

    def tell(text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{name}: {text}", end="", file=sys.stderr, flush=True)

    return tell


def _tell_nothing() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed of the toolkit against its peers.")
    parser.add_argument("--only", action="append", choices=BENCHMARKS | STUDIES, help="this one only; may be repeated")
    parser.add_argument("--pairs", type=_positive, default=LEAST_PAIRS, help="pairs of each comparison (%(default)s)")
    parser.add_argument(
        "--images", type=_positive, help="images of each run of a network (100; 500 for overhead and simulated devices)"
    )
    parser.add_argument(
        "--network",
        action="append",
        choices=NETWORKS,
        metavar="FILE",
        help="of inference, frameworks and litert only this, like pytorch_float32_squeezenet",
    )
    parser.add_argument("--notebooks", type=_positive, help="only the first so many notebooks, to try it")
    parser.add_argument("--markdown", action="store_true", help="print the table also as Markdown")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
