"""Benchmark of all reports of the simulated 51 phones against papermill and nbconvert, and after a change."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from pyarrow import parquet

from benchmarks import process, reports
from benchmarks.pairs import ROOT, BenchmarkError, Comparison, Level, Options, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s

if TYPE_CHECKING:
    from pathlib import Path

TARGET = 0.5  # maximum ratio of our time to the peer's
UNCHANGED_TARGET_S = 3.0
JOBS = 2
DEVICES = 2  # number of devices that get their own reports
CHANGED = "09"  # prefix of the notebook that is changed


def missing() -> str | None:
    return process.missing()


def run(options: Options) -> list[Comparison | Level]:
    """Measure wall times in s of all pages, without and with a changed notebook, and of the reports of two devices."""
    options.tell("simulate and process")
    raw, tables = options.folder / "raw", options.folder / "processed"
    wall_time_s(process.simulate(raw, images=options.images or 500), process.process(raw, tables))
    source, site = options.folder / "notebooks", options.folder / "reports"
    shutil.copytree(ROOT / "notebooks", source)
    chosen = [source / notebook.name for notebook in reports.notebooks(options)]
    devices = parquet.read_table(tables / "devices.parquet")["device_id"].to_pylist()[:DEVICES]
    each_device = ["--each-device", "-p", "device", ",".join(devices)]
    measured: dict[str, list[float]] = {name: [] for name in ("none", "again", "one", "pages")}

    def report(*more: str) -> float:
        names = [notebook.stem for notebook in chosen] if options.notebooks else []
        args = [
            "-p",
            "processed",
            str(tables),
            "--notebooks",
            str(source),
            "--out",
            str(site),
            "--jobs",
            str(JOBS),
        ]
        return wall_time_s([str(SCRIPTS / "aiot"), "report", *names, *args, *more])

    def ours() -> float:
        shutil.rmtree(site, ignore_errors=True)
        spent = report()
        reports.check(site, chosen)
        measured["none"].append(report())
        measured["again"].append(report())
        rendered = _rendered(site)
        _change(next((notebook_path for notebook_path in chosen if notebook_path.name.startswith(CHANGED)), chosen[-1]))
        measured["one"].append(report())
        measured["pages"].append(sum(time != rendered[name] for name, time in _rendered(site).items()))
        return spent

    def peer() -> float:
        folder = options.folder / "peer"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        args = ["-p", "processed", str(tables), "-p", "origin", "simulated"]
        spent = wall_time_s(
            *(command for notebook_path in chosen for command in reports.by_hand(notebook_path, folder, *args))
        )
        reports.check(folder, chosen)
        return spent

    values = measure(ours, {reports.PEER: peer}, options.pairs, options.tell, again=False)  # the peer takes minutes
    options.tell("reports of devices")
    of_devices = [report(*each_device)]
    nothing_changed = [report(*each_device) for _ in range(options.pairs)]
    what = f"{len(chosen)} pages, 51 devices"
    pages = len(chosen) * len(devices)
    return [
        *compared(f"{what}, --jobs {JOBS}", "s", values, {reports.PEER: TARGET}),
        Level(f"{what}, nothing changed", "s", measured["none"], measured["again"], UNCHANGED_TARGET_S),
        Level(f"{what}, one notebook changed: rendered", "pages", measured["pages"], target=1),
        Level(f"{what}, one notebook changed", "s", measured["one"]),
        Level(f"{pages} pages of {len(devices)} devices alone", "s", of_devices),
        Level(
            f"{pages} pages of {len(devices)} devices alone, nothing changed",
            "s",
            nothing_changed,
            target=UNCHANGED_TARGET_S,
        ),
    ]


def _rendered(site: Path) -> dict[str, str]:
    """Return when each page was rendered, to the second; no page is rendered twice within a second."""
    try:
        document = json.loads((site / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{site} has no manifest that can be read ({error}).") from None
    return {name: entry["rendered"] for name, entry in document["reports"].items()}


def _change(notebook: Path) -> None:
    """Append a word to the first cell."""
    document = json.loads(notebook.read_text(encoding="utf-8"))
    document["cells"][0]["source"] = ["".join(document["cells"][0]["source"]) + " More."]
    notebook.write_text(json.dumps(document), encoding="utf-8")
