"""One's own results as a JSON file of pyperf, format version 1.0: one benchmark per device and instance.

A benchmark has one run, and its values are the times of the images in run order, so that `pyperf stats` and
`pyperf hist` show how they vary, and `pyperf compare_to` finds the same benchmark in another file by its name.

https://pyperf.readthedocs.io/en/latest/api.html
"""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING, Any

from aiot_analysis.export.timed import FACTS, NOTES, nothing

if TYPE_CHECKING:
    from aiot_analysis.export.timed import Timed, TimedInstance

FORMAT = "1.0"


def suite(timed: Timed, excluded: dict[str, str]) -> dict[str, Any]:
    """Return the newest usable results of each device as a benchmark suite; reasons are added to `excluded`.

    Raises
    ------
    ExportError
        No instance has a time for each image.
    """
    shared = {"unit": "second", "loops": 1, "origin": timed.origin, "timing": timed.timing}
    shared["aiotbench_version"] = metadata.version("aiotbench")
    if timed.origin in NOTES:
        shared["origin_note"] = NOTES[timed.origin]
    benchmarks = [_benchmark(item) for item in timed.instances(timed.newest(), excluded)]
    if not benchmarks:
        raise nothing(excluded)
    return {"version": FORMAT, "metadata": shared, "benchmarks": benchmarks}


def _benchmark(item: TimedInstance) -> dict[str, Any]:
    row, device = item.row, item.device
    maker_and_model = " ".join(str(device[key]) for key in ("maker", "model") if device[key])
    facts = {
        "name": f"{item.device_id} {item.instance_id}",
        "device": maker_and_model or item.device_id,
        "soc": device["soc"],
        "platform": " ".join(str(device[key]) for key in ("os", "os_version", "abi") if device[key]),
        "cpu_count": device["cores"],
        "run_id": row["run_id"],
        **{name: row[name] for name in FACTS if name != "timing"},
    }
    present = {name: value for name, value in facts.items() if value not in (None, "")}
    # pyperf takes dates without a time zone, in UTC here as everywhere in the raw logs
    run = {"metadata": {"date": str(row["started"])[:19].replace("T", " ")}, "values": item.seconds}
    return {"metadata": present, "runs": [run]}


def text(suite: dict[str, Any]) -> str:
    """Return the content of the file."""
    return json.dumps(suite, separators=(",", ":"), sort_keys=True) + "\n"
