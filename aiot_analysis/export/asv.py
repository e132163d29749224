"""One's own results as a folder of asv (airspeed velocity), results format version 2.

    asv.conf.json                         the folder itself as an asv project: `asv show`, `asv publish`
    results/benchmarks.json               one benchmark per instance
    results/DEVICE/machine.json           a device is a machine
    results/DEVICE/COMMIT-FRAMEWORK.json  times of one version of a framework
    versions.git                          a Git repository in which each version is a commit with a tag

asv orders results by commits of a repository. What changes between results here is the framework that ran, so a commit
is a version of a framework; the repository has no files. Its commits are in the order in which the versions were first
measured, with the date of that run. The version of this toolkit, which does not change the times, is not a commit.

https://asv.readthedocs.io/en/stable/dev.html#file-formats
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from aiot_analysis.errors import ExportError
from aiot_analysis.export.timed import NOTES, Timed, TimedInstance, nothing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONF_VERSION, MACHINE_VERSION, BENCHMARKS_VERSION, RESULTS_VERSION = 1, 1, 2, 2
COLUMNS = (
    *["result", "params", "version", "started_at", "duration", "stats_ci_99_a", "stats_ci_99_b"],
    *["stats_q_25", "stats_q_75", "stats_number", "stats_repeat", "samples", "profile"],
)
BRANCH = "main"
REPOSITORY = "versions.git"


def write(timed: Timed, folder: Path, excluded: dict[str, str]) -> int:
    """Write the results of each version of each framework; reasons are added to `excluded`.

    Returns the number of results.

    Raises
    ------
    ExportError
        No instance has a time for each image, or Git is not installed.
    """
    _git("--version")
    rows = timed.of_each_version()
    items = list(timed.instances(rows, excluded))
    if not items:
        raise nothing(excluded)
    folder.mkdir(parents=True, exist_ok=True)
    commits = _write_repository(folder / REPOSITORY, items)
    note = NOTES.get(timed.origin, "")
    conf = {
        "version": CONF_VERSION,
        "project": f"AIoTBench, {timed.origin} data" + (f" ({note.rstrip('.')})" if note else ""),
        "repo": REPOSITORY,
        "branches": [BRANCH],
        "environment_type": "existing",
        "results_dir": "results",
        "html_dir": "html",
    }
    _write(folder / "asv.conf.json", conf)
    results = folder / "results"
    benchmarks = {name: _benchmark(name, timed, note) for name in sorted({item.instance_id for item in items})}
    _write(results / "benchmarks.json", {**benchmarks, "version": BENCHMARKS_VERSION})
    groups: dict[tuple[str, str], list[TimedInstance]] = {}
    for item in items:
        groups.setdefault((item.device_id, _version(item)), []).append(item)
    for (device_id, version), group in groups.items():
        machine = _machine(group[0])
        _write(results / device_id / "machine.json", {**machine, "version": MACHINE_VERSION})
        commit, date = commits[version]
        name = f"{commit[:8]}-{group[0].row['framework']}.json"
        _write(results / device_id / name, _results(group, machine, timed.origin, commit, date, benchmarks))
    return len(items)


def _version(item: TimedInstance) -> str:
    """Return a version of a framework as the name of a tag, like tflite-ai-edge-litert-2.3.0."""
    words = re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{item.row['framework']} {item.row['framework_version']}")
    return re.sub(r"\.{2,}", ".", words).strip(".-").removesuffix(".lock")  # as Git requires


def _write_repository(path: Path, items: Sequence[TimedInstance]) -> dict[str, tuple[str, int]]:
    """Write a Git repository with a tagged commit without files for each version.

    Returns the hash of the commit and its date in ms since 1970, by version.
    """
    first: dict[str, int] = {}
    for item in sorted(items, key=lambda item: str(item.row["started"])):
        first.setdefault(_version(item), _seconds(str(item.row["started"])))
    stream = []
    for mark, (version, seconds) in enumerate(first.items(), start=1):
        stream.append(f"commit refs/heads/{BRANCH}\nmark :{mark}\ncommitter AIoTBench <> {seconds} +0000\n")
        stream.append(f"data {len(version.encode())}\n{version}\n")
        stream.append(f"reset refs/tags/{version}\nfrom :{mark}\n\n")
    _git("init", "--quiet", "--bare", f"--initial-branch={BRANCH}", str(path))
    _git("--git-dir", str(path), "fast-import", "--quiet", text="".join(stream))
    hashes = _git("--git-dir", str(path), "rev-list", "--reverse", BRANCH).split()
    return {version: (commit, 1000 * seconds) for (version, seconds), commit in zip(first.items(), hashes, strict=True)}


def _git(*words: str, text: str = "") -> str:
    try:
        done = subprocess.run(["git", *words], input=text, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        raise ExportError("This export needs git, as asv does, which is not installed: install it.") from None
    except subprocess.CalledProcessError as error:
        reason = " ".join(error.stderr.split())
        raise ExportError(f"git could not write the versions ({reason}): choose another folder.") from None
    return done.stdout


def _seconds(started: str) -> int:
    return int(datetime.fromisoformat(started).timestamp())


def _benchmark(instance_id: str, timed: Timed, note: str) -> dict[str, Any]:
    """Return the definition of a benchmark; its version changes with the meaning of the time."""
    code = f"# {note or 'Measured with AIoTBench.'}\n# {timed.timing.replace('_', ' ')} time per image of {instance_id}"
    return {
        "code": code,
        "name": instance_id,
        "param_names": [],
        "params": [],
        "type": "time",
        "unit": "seconds",
        "version": hashlib.sha256(f"{timed.timing} {instance_id}".encode()).hexdigest(),
    }


def _machine(item: TimedInstance) -> dict[str, str]:
    device = item.device
    return {
        "machine": item.device_id,
        "os": " ".join(str(device[key]) for key in ("os", "os_version") if device[key]),
        "arch": device["abi"] or "",
        "cpu": device["soc"] or "",
        "num_cpu": "" if device["cores"] is None else str(device["cores"]),
        "ram": "" if device["ram_gb"] is None else f"{device['ram_gb']:g}GB",
    }


def _results(
    group: Sequence[TimedInstance],
    machine: dict[str, str],
    origin: str,
    commit: str,
    date: int,
    benchmarks: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the content of a results file: one machine, one commit, one framework."""
    row = group[0].row
    source = {name: str(row[name]) for name in ("publication", "submitter", "address", "retrieved") if row[name]}
    return {
        "commit_hash": commit,
        "date": date,
        "env_name": row["framework"],
        "env_vars": {},
        "params": {**machine, "python": "", "origin": origin, "framework": row["framework"], **source},
        "python": "",
        "requirements": {},
        "result_columns": list(COLUMNS),
        "results": {item.instance_id: _result(item, benchmarks[item.instance_id]["version"]) for item in group},
        "durations": {},
        "version": RESULTS_VERSION,
    }


def _result(item: TimedInstance, version: str) -> list[Any]:
    """Return the columns of a result: the median, as asv's own for times, the quartiles, and the times themselves."""
    lower, median, upper = np.quantile(item.seconds, [0.25, 0.5, 0.75])
    count = len(item.seconds)
    started = 1000 * _seconds(str(item.row["started"]))
    statistics = [None, None, [float(lower)], [float(upper)], [1], [count]]
    return [[float(median)], [], version, started, None, *statistics, [item.seconds]]


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=None if "result_columns" in content else 1) + "\n", encoding="utf-8")
