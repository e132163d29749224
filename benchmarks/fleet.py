"""All reports of the simulated 51 phones: `aiot report` against papermill and nbconvert, and what a change costs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pyarrow import parquet

from benchmarks import process, reports
from benchmarks.options import ROOT, Options
from benchmarks.pairs import BenchmarkError, Comparison, Level, compared, measure
from benchmarks.processes import SCRIPTS, wall_time_s

TARGET = 1 / 1.8  # ours takes at most this part of the peer's time
UNCHANGED_TARGET_S = 3.0
JOBS = 2
DEVICES = 2  # of which reports of their own are made
CHANGED = "09"  # the notebook that is changed


def missing() -> str | None:
    return process.missing()


def run(options: Options) -> list[Comparison | Level]:
    """Wall times in s: of all pages, with nothing and with one notebook changed, and of the reports of two devices."""
    options.tell("simulate and process")
    raw, tables = options.folder / "raw", options.folder / "processed"
    wall_time_s(process.simulate(raw, images=options.images or 500), process.process(raw, tables))
    source, site = options.folder / "notebooks", options.folder / "reports"
    shutil.copytree(ROOT / "notebooks", source)
    chosen = [source / notebook.name for notebook in reports.notebooks(options)]
    devices = parquet.read_table(tables / "devices.parquet")["device_id"].to_pylist()[:DEVICES]
    each = ["--each-device", "-p", "device", ",".join(devices)]
    found: dict[str, list[float]] = {name: [] for name in ("none", "again", "one", "pages")}

    def report(*more: str) -> float:
        names = [notebook.stem for notebook in chosen] if options.notebooks else []
        given = ["-p", "processed", str(tables), "--notebooks", str(source), "--out", str(site), "--jobs", str(JOBS)]
        return wall_time_s([str(SCRIPTS / "aiot"), "report", *names, *given, *more])

    def ours() -> float:
        shutil.rmtree(site, ignore_errors=True)
        spent = report()
        reports.check(site, chosen)
        found["none"].append(report())
        found["again"].append(report())
        rendered = _rendered(site)
        _change(next((one for one in chosen if one.name.startswith(CHANGED)), chosen[-1]))
        found["one"].append(report())
        found["pages"].append(sum(time != rendered[name] for name, time in _rendered(site).items()))
        return spent

    def peer() -> float:
        folder = options.folder / "peer"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        given = ["-p", "processed", str(tables), "-p", "origin", "simulated"]
        spent = wall_time_s(*(command for one in chosen for command in reports.by_hand(one, folder, *given)))
        reports.check(folder, chosen)
        return spent

    values = measure(ours, {reports.PEER: peer}, options.pairs, options.tell, again=False)  # the peer takes minutes
    options.tell("reports of devices")
    of_devices = [report(*each)]
    nothing_changed = [report(*each) for _ in range(options.pairs)]
    what = f"{len(chosen)} pages, 51 devices"
    pages = len(chosen) * len(devices)
    return [
        *compared(f"{what}, --jobs {JOBS}", "s", values, {reports.PEER: TARGET}),
        Level(f"{what}, nothing changed", "s", found["none"], found["again"], UNCHANGED_TARGET_S),
        Level(f"{what}, one notebook changed: rendered", "pages", found["pages"], target=1),
        Level(f"{what}, one notebook changed", "s", found["one"]),
        Level(f"{pages} pages of {len(devices)} devices alone", "s", of_devices),
        Level(
            f"{pages} pages of {len(devices)} devices alone, nothing changed",
            "s",
            nothing_changed,
            target=UNCHANGED_TARGET_S,
        ),
    ]


def _rendered(site: Path) -> dict[str, str]:
    """When each page was made, to the second: a page is never made twice in one."""
    try:
        document = json.loads((site / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{site} has no manifest that can be read ({error}).") from None
    return {name: entry["rendered"] for name, entry in document["reports"].items()}


def _change(notebook: Path) -> None:
    """Adds a word to the first cell."""
    document = json.loads(notebook.read_text(encoding="utf-8"))
    document["cells"][0]["source"] = ["".join(document["cells"][0]["source"]) + " More."]
    notebook.write_text(json.dumps(document), encoding="utf-8")
