"""The content of the processed tables as text and counts, for the index and the foot of each page."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pandas as pd

from aiot_analysis.errors import DataError
from aiot_analysis.tables import names, select, storage, validity
from runner.rawlog import ORIGINS

if TYPE_CHECKING:
    from pathlib import Path

    from aiot_analysis.report.notebooks import Notebook


@dataclass(frozen=True)
class OriginFacts:
    """The data of one origin: rows of the tables on the index, and values that belong to them."""

    origin: str
    devices: list[dict[str, str]]
    runs: list[dict[str, Any]]
    counts: dict[str, int]  # devices x instances by the verdict of their latest run
    sources: list[str]  # where data of origin "published" were published, like "MLCommons, MLPerf Mobile v5.0"
    weights: list[str]
    datasets: list[str]
    versions: str  # versions of the frameworks, see `names.software`
    caveats: list[tuple[str, int]]  # reasons why instances are usable with caveats, with their number
    missing: list[dict[str, Any]]  # reasons, with verdict, count and the instances concerned
    coverage: dict[str, Any]  # result of `coverage`
    left_out: list[dict[str, str]]  # excluded files and lines of raw logs, of this origin or of unknown origin


@dataclass(frozen=True)
class SiteFacts:
    """Everything that the index shows about the data."""

    origins: list[OriginFacts]

    def of(self, origin: str) -> OriginFacts:
        """Return the data of an origin.

        Raises:
            StopIteration: There are none.
        """
        return next(facts for facts in self.origins if facts.origin == origin)


def read(processed: Path, device: str = "") -> SiteFacts:
    """Read the tables of a folder, restricted to one device if it is named.

    Raises:
        DataError: A table is missing or damaged, or the tables contain no run.
    """
    instances = validity.read(processed)
    if instances.empty:
        raise DataError(f"{processed} has no runs: run the suite, then `aiot process`.")
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
        for origin in ORIGINS
        if (instances["origin"] == origin).any()
    ]
    return SiteFacts(origins)


def _origin(origin: str, devices: pd.DataFrame, instances: pd.DataFrame, left_out: pd.DataFrame) -> OriginFacts:
    """Return the facts of one origin from runs of the suite; the runs of a study are described by its own notebook."""
    instances = select.of_suite(instances)
    latest = instances.sort_values("run_id").drop_duplicates(["device_id", "instance_id"], keep="last")
    covered = coverage(latest, names.devices(devices))
    return OriginFacts(
        origin,
        [_device(row) for row in devices.to_dict("records")],
        [_run(str(run_id), rows) for run_id, rows in instances.groupby("run_id", sort=False)],
        _verdict_counts(latest),
        names.sources(instances),
        _distinct(instances["weights"]),
        _distinct(instances["dataset"]),
        names.software(instances),
        _caveats(latest),
        _missing_reasons(latest, covered, origin),
        covered,
        [{"path": path, "reason": reason} for path, reason in zip(left_out["path"], left_out["reason"], strict=True)],
    )


NOT_RUN = "not run"
NO_NNAPI = "run it on an Android phone"  # end of the reason that computers log for NNAPI
REMEDIES = {  # what includes the paper's instances in a run, by origin
    "measured": ": by default, `aiot run` runs all 60 of the paper",
    "simulated": ": `aiot simulate --quantized-on all --replace`, then `aiot process`, simulates them on all phones",
}


def coverage(latest: pd.DataFrame, devices: dict[str, str]) -> dict[str, Any]:
    """Return how each of the paper's 60 instances, and each other instance, ended on each device.

    `latest` has one row per device and instance, and `devices` has the names of the devices. In the result, `columns`
    are versions of the models, with name, quantization and models: the paper's six, also those that no device ran in
    this version, and then its others. `never_run` is how many of the instances that some device ran, or that are the
    paper's, had no run. `rows` are devices, with name and, for each column, the verdicts of its models, where equal
    neighbours are combined: [("valid", 2), ("not run", 4)].
    """
    verdicts = latest.set_index(["device_id", "instance_id"])["verdict"].to_dict()
    others = sorted(set(latest["instance_id"]) - set(names.PAPER))
    versions: dict[str, list[str]] = {}
    for instance in [*names.PAPER_FLOAT32, *sorted(names.PAPER_QUANTIZED, key=_version), *others]:
        versions.setdefault(_version(instance), []).append(instance)
    columns, cells_of_columns = [], []
    for version, ids in versions.items():
        parsed = [names.instance(item) for item in ids]
        models = names.in_order({*names.MODELS, *(item.model for item in parsed)}, names.MODELS)
        cells_of_columns.append([f"{version}_{model}" for model in models])
        columns.append(
            {
                "name": names.display(parsed[0].implementation),
                "quantization": names.display(parsed[0].quantization),
                "models": [names.display(model) for model in models],
                "never_run": sum((device, item) not in verdicts for device in devices for item in ids),
            }
        )
    rows = []
    for device, name in devices.items():
        verdict_rows = [[verdicts.get((device, item), NOT_RUN) for item in ids] for ids in cells_of_columns]
        rows.append(
            {
                "name": name,
                "cells": [
                    [(item, len(list(equal))) for item, equal in groupby(verdict_row)] for verdict_row in verdict_rows
                ],
            }
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
        **_verdict_counts(rows),
    }


def _verdict_counts(rows: pd.DataFrame) -> dict[str, int]:
    return {verdict: int((rows["verdict"] == verdict).sum()) for verdict in names.VERDICTS}


_DETAIL = re.compile(r" \([^)]*\)|, (?:more than|above|below) .*|:.*")  # of a reason: what differs by instance
_NUMBER = re.compile(r"\d[\d.,]*")


def _caveats(latest: pd.DataFrame) -> list[tuple[str, int]]:
    """Return each reason for a caveat without its details, and how many instances have it; the most frequent first.

    Reasons that only differ in numbers are one, in which these are an ellipsis.
    """
    reasons = latest.loc[latest["verdict"] == "semi-valid", "reasons"].fillna("").str.split("; ").explode()
    texts = reasons.str.replace(_DETAIL, "", regex=True).str.replace(r"^its ", "the ", regex=True)
    frame = pd.DataFrame({"instance": texts.index, "text": texts, "kind": texts.str.replace(_NUMBER, "…", regex=True)})
    by_kind = frame[frame["text"] != ""].groupby("kind")
    texts_of_kind = by_kind["text"].agg(["first", "nunique"]).itertuples(name=None)
    counts = by_kind["instance"].nunique()
    listed = [(first if n == 1 else kind, int(counts[kind])) for kind, first, n in texts_of_kind]
    return sorted(listed, key=lambda item: (-item[1], item[0]))


def _missing_reasons(latest: pd.DataFrame, covered: dict[str, Any], origin: str) -> list[dict[str, Any]]:
    """Return each reason once, the most frequent first. Models that are not prepared have one command."""
    absent = latest[latest["verdict"].isin(["unavailable", "invalid"])]
    absent = absent.assign(reasons=one_command(absent["reasons"]))
    groups = []
    for (reason, verdict), rows in absent.groupby(["reasons", "verdict"], sort=False):
        kinds = rows.groupby(["framework", "delegate", "quantization"], sort=False).size()
        concerned = [
            f"{names.display(f'{kind[0]}_{kind[1]}')} {names.display(str(kind[2]))} ({count})"
            for kind, count in kinds.items()
            if isinstance(kind, tuple)
        ]
        text = str(reason) or "unknown reason"
        text += ", with `aiot run`, then `aiot process`" if text.endswith(NO_NNAPI) else ""
        groups.append({"reason": text, "verdict": verdict, "count": len(rows), "of": concerned})
    never_run = {f"{column['name']} {column['quantization']}": column["never_run"] for column in covered["columns"]}
    if any(never_run.values()) and origin != "published":  # nobody meant to run the paper's instances
        concerned = [f"{name} ({count})" for name, count in never_run.items() if count]
        reason = f"no run included them{_remedy(origin, [name for name, count in never_run.items() if count])}"
        groups.append({"reason": reason, "verdict": NOT_RUN, "count": sum(never_run.values()), "of": concerned})
    return sorted(groups, key=lambda group: -group["count"])


def _remedy(origin: str, versions: list[str]) -> str:
    """Return the command that adds instances of these versions, which no run included, or "" if there is none."""
    only_quantized = not any(version.endswith(names.display("float32")) for version in versions)
    return REMEDIES.get(origin, "") if origin != "simulated" or only_quantized else ""


_PREPARE = re.compile(r"(.*aiot models prepare --models )(\S+)( --frameworks )(\w+)(.*)", re.DOTALL)


def one_command(reasons: pd.Series) -> pd.Series:
    """Return reasons in which the commands that prepare models are combined: one command for all their models.

    A command names several models for a framework, and several frameworks only if they lack the same models.
    """
    parts = reasons.fillna("").str.extract(_PREPARE)
    parts.columns = pd.Index(["start", "models", "option", "framework", "end"])
    is_command = parts["models"].notna()
    if not is_command.any():
        return reasons
    parts = parts[is_command]
    parts["models"] = parts.groupby(["start", "end", "framework"])["models"].transform(_comma_separated)
    parts["framework"] = parts.groupby(["start", "end", "models"])["framework"].transform(_comma_separated)
    return reasons.where(~is_command, parts.sum(axis=1))


def _comma_separated(values: pd.Series) -> str:
    return ",".join(sorted(set(values)))


def _distinct(values: pd.Series) -> list[str]:
    return sorted({str(value) for value in values.dropna()})


def provenance(facts: SiteFacts, notebook: Notebook, values: dict[str, object]) -> dict[str, Any]:
    """Return what the page of a notebook states about itself.

    A notebook with a parameter `origin` shows data of that origin; a notebook without it shows all origins.
    """
    origin = notebook.value("origin", values)
    included = [item for item in facts.origins if origin in (None, item.origin)]
    return {
        "title": notebook.title,
        "name": notebook.name,
        "origins": [item.origin for item in included] or [str(origin)],
        "weights": sorted({weights for item in included for weights in item.weights}),
        "parameters": [
            (item.name, notebook.value(item.name, values), item.comment, item.name in values)
            for item in notebook.parameters.values()
        ],
    }
