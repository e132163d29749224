"""What the processed tables hold, in words and counts, for the index and the foot of each page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.report.notebooks import Notebook
from aiot_analysis.tables import names, schemas, select, storage, validity


@dataclass(frozen=True)
class OriginFacts:
    """The data of one origin: rows for tables, and values that go with them."""

    origin: str
    devices: list[dict[str, str]]
    runs: list[dict[str, Any]]
    counts: dict[str, int]  # devices x instances by the verdict of their latest run
    weights: list[str]
    datasets: list[str]
    versions: dict[str, list[str]]  # of the frameworks
    missing: list[dict[str, Any]]  # reasons, with verdict, count and the instances they are of
    coverage: dict[str, Any]  # as of `coverage`
    left_out: list[dict[str, str]]  # files and lines of the raw logs that no table holds, of this origin or of none


@dataclass(frozen=True)
class Facts:
    """Everything the index tells of the data."""

    origins: list[OriginFacts]

    def of(self, origin: str) -> OriginFacts:
        """The data of an origin; raises StopIteration if there are none."""
        return next(one for one in self.origins if one.origin == origin)


def read(processed: Path, device: str = "") -> Facts:
    """Reads the tables of a folder, of one device where it is named.

    Raises DataError if a table is missing or damaged, or if there is no run in them.
    """
    instances = validity.read(processed)
    if instances.empty:
        raise DataError(f"{processed} holds no run: run the suite, then `aiot process`.")
    devices = storage.read("devices", processed)
    left_out = storage.read("left_out", processed)
    if device:
        instances, devices = (frame[frame["device_id"] == device] for frame in (instances, devices))
        left_out = left_out[left_out["device_id"] == device]
    origins = [
        _origin(
            origin,
            devices[devices["origin"] == origin],
            instances[instances["origin"] == origin],
            left_out[left_out["origin"].isna() | (left_out["origin"] == origin)],
        )
        for origin in schemas.ORIGINS
        if (instances["origin"] == origin).any()
    ]
    return Facts(origins)


def _origin(origin: str, devices: pd.DataFrame, instances: pd.DataFrame, left_out: pd.DataFrame) -> OriginFacts:
    """Of the runs of the suite: what a study measured is told by its own notebook."""
    instances = select.of_suite(instances)
    latest = instances.sort_values("run_id").drop_duplicates(["device_id", "instance_id"], keep="last")
    covered = coverage(latest, names.devices(devices))
    versions = instances.dropna(subset="framework_version").groupby("framework")["framework_version"]
    return OriginFacts(
        origin,
        [_device(row) for row in devices.to_dict("records")],
        [_run(str(run_id), rows) for run_id, rows in instances.groupby("run_id", sort=False)],
        _counts(latest),
        _distinct(instances["weights"]),
        _distinct(instances["dataset"]),
        {str(name): _distinct(found) for name, found in versions},
        _missing(latest, covered, origin),
        covered,
        [{"path": path, "reason": reason} for path, reason in zip(left_out["path"], left_out["reason"], strict=True)],
    )


NOT_RUN = "not run"


def coverage(latest: pd.DataFrame, devices: dict[str, str]) -> dict[str, Any]:
    """How each of the paper's 60 instances, and of all others, ended on each device.

    Takes one row per device x instance, and the names of the devices. `columns` are versions of the models, with name,
    quantization and models; `rows` are devices, with name and for each column the verdicts of its models, neighbours of
    one verdict together: [("valid", 2), ("not run", 4)].
    """
    verdicts = latest.set_index(["device_id", "instance_id"])["verdict"].to_dict()
    others = sorted(set(latest["instance_id"]) - set(names.PAPER))
    versions: dict[str, list[str]] = {}
    for instance in [*names.PAPER_FLOAT32, *sorted(names.PAPER_QUANTIZED, key=_version), *others]:
        versions.setdefault(_version(instance), []).append(instance)
    columns = []
    for ids in versions.values():
        told = [names.instance(one) for one in ids]
        columns.append(
            {
                "name": names.display(told[0].implementation),
                "quantization": names.display(told[0].quantization),
                "models": [names.display(one.model) for one in told],
            }
        )
    rows = []
    for device, name in devices.items():
        found = [[verdicts.get((device, one), NOT_RUN) for one in ids] for ids in versions.values()]
        rows.append(
            {"name": name, "cells": [[(one, len(list(same))) for one, same in groupby(some)] for some in found]}
        )
    return {"columns": columns, "rows": rows}


def _version(instance: str) -> str:
    return "_".join(names.instance(instance)[:3])


def _device(row: dict[Any, Any]) -> dict[str, str]:
    def text(value: Any, unit: str = "") -> str:
        return "–" if pd.isna(value) else f"{value:g}{unit}" if isinstance(value, float) else f"{value}{unit}"

    name = " ".join(str(row[key]) for key in ("maker", "model") if not pd.isna(row[key]))
    system = " ".join(str(row[key]) for key in ("os", "os_version") if not pd.isna(row[key]))
    return {
        "id": str(row["device_id"]),
        "name": name or "–",
        "soc": text(row["soc"]),
        "ram": text(row["ram_gb"], " GB"),
        "cores": text(row["cores"]),
        "system": system or "–",
    }


def _run(run_id: str, rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "id": run_id,
        "device": ", ".join(_distinct(rows["device_id"])),
        "date": min(map(str, rows["started"]))[:10],
        "profile": ", ".join(_distinct(rows["profile"])),
        "timing": ", ".join(_distinct(rows["timing"])).replace("_", " "),
        "threads": ", ".join(_distinct(rows["threads"])) or "–",
        **_counts(rows),
    }


def _counts(rows: pd.DataFrame) -> dict[str, int]:
    return {verdict: int((rows["verdict"] == verdict).sum()) for verdict in schemas.VERDICTS}


def _missing(latest: pd.DataFrame, covered: dict[str, Any], origin: str) -> list[dict[str, Any]]:
    """Each reason once, the most frequent first."""
    absent = latest[latest["verdict"].isin(["unavailable", "invalid"])]
    groups = []
    for (reason, verdict), rows in absent.groupby(["reasons", "verdict"], sort=False):
        kinds = rows.groupby(["framework", "delegate", "quantization"], sort=False).size()
        which = [
            f"{names.display(f'{kind[0]}_{kind[1]}')} {names.display(str(kind[2]))} ({count})"
            for kind, count in kinds.items()
            if isinstance(kind, tuple)
        ]
        groups.append({"reason": reason or "no reason is known", "verdict": verdict, "count": len(rows), "of": which})
    never = {
        f"{column['name']} {column['quantization']}": sum(
            count for row in covered["rows"] for verdict, count in row["cells"][place] if verdict == NOT_RUN
        )
        for place, column in enumerate(covered["columns"])
    }
    if any(never.values()):
        which = [f"{name} ({count})" for name, count in never.items() if count]
        remedy = ": `aiot run` has all 60 of the paper, if not told otherwise" if origin == "measured" else ""
        reason = f"no run had them{remedy}"
        groups.append({"reason": reason, "verdict": NOT_RUN, "count": sum(never.values()), "of": which})
    return sorted(groups, key=lambda group: -group["count"])


def _distinct(values: pd.Series) -> list[str]:
    return sorted({str(value) for value in values.dropna()})


def provenance(facts: Facts, notebook: Notebook, given: dict[str, object]) -> dict[str, Any]:
    """What the page of a notebook tells of itself.

    A notebook with a parameter `origin` shows data of that origin; of one without, all there are.
    """
    origin = notebook.value("origin", given)
    shown = [one for one in facts.origins if origin in (None, one.origin)]
    return {
        "title": notebook.title,
        "name": notebook.name,
        "origins": [one.origin for one in shown] or [str(origin)],
        "weights": sorted({weights for one in shown for weights in one.weights}),
        "parameters": [
            (one.name, notebook.value(one.name, given), one.comment, one.name in given)
            for one in notebook.parameters.values()
        ],
    }
