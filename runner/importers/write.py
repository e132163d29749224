"""Sittings to runs: data/raw/<device>/<run>/, each whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from aiot_suite.workspace import Workspace
from runner import rawlog
from runner.devices import android
from runner.errors import LogError
from runner.importers import source
from runner.importers.given import Given
from runner.importers.parts import DeviceFacts, Part, Sitting

ORIGIN = "imported"


def device(facts: DeviceFacts, given: Given, workspace: Workspace, where: str) -> dict[str, Any]:
    """The fields of device.json for logs called `where`; raises LogError if neither they nor the user tell the device.

    All of one maker, model and serial number are one device. Its slug is another one than that of the same phone
    attached to an adb server: what was imported is apart from what was measured here.
    """
    maker, model = given.maker_and_model() or (facts.maker, facts.code)
    if maker is None or model is None:
        raise LogError(f'{where} does not tell the device: give --device, like --device "Xiaomi Mi 10".')
    identity = f"imported {maker} {model} {given.serial or ''}"
    fields: dict[str, Any] = {
        "serial_sha256": android.hashed(given.serial, workspace.salt()) if given.serial else None,
        "maker": maker,
        "model": model,
        "soc": given.soc,
        "ram_gb": facts.ram_gb,
        "os": facts.os,
        "os_version": facts.os_version,
        "abi": facts.abi,
        "kernel": None,
        "cores": [],
        "battery": None,
    }
    name = android.slug(maker, model, identity, workspace.salt())
    record = {"schema_version": rawlog.SCHEMA_VERSION, "slug": name, **fields, **facts.other}
    return {**record, "not_offered": [name for name, value in fields.items() if not value]}


def runs(sittings: Iterable[Sitting]) -> list[list[Sitting]]:
    """Sittings of one device by run: those of one setting together, as long as no instance comes twice."""
    found: list[list[Sitting]] = []
    for sitting in sorted(sittings, key=lambda one: one.started):
        mine = _instances([sitting])
        fitting = [run for run in found if run[0].setting == sitting.setting and not mine & _instances(run)]
        if fitting:
            fitting[0].append(sitting)
        else:
            found.append([sitting])
    return found


def _instances(run: list[Sitting]) -> set[str]:
    return {part.instance.id for sitting in run for part in sitting.parts}


def write(run: list[Sitting], given: Given, workspace: Workspace) -> Path:
    """The folder of a run with its logs and, in `native/`, untouched copies of the files they are from.

    Raises LogError if a log does not come out as one that can be read, and removes what was begun.
    """
    started = min(sitting.started for sitting in run)
    run_id = f"{started:%Y%m%dT%H%M%S}.{started.microsecond // 1000:03}Z-{secrets.token_hex(3)}"
    devices = [device(sitting.device, given, workspace, sitting.where) for sitting in run]
    of = min(devices, key=lambda one: len(one["not_offered"]))  # the sitting that tells most
    home = workspace.raw / of["slug"]
    hidden, folder = home / f".{run_id}", home / run_id
    parts = [part for sitting in run for part in sitting.parts]
    try:
        (hidden / "native").mkdir(parents=True)
        for part in parts:
            _write_attempt(hidden, part)
        files = [_copied(one, hidden / "native") for one in _sources(run)]
        rawlog.write_json(hidden / "device.json", of, rawlog.DEVICE_FIELDS)
        record = _record(run, parts, run_id, of["slug"], given)
        record["imported"] = {
            "at": rawlog.utc_now(),
            "files": files,
            "started_from": run[0].started_from,
        }
        rawlog.write_json(hidden / "run.json", record, rawlog.RUN_FIELDS)
        hidden.rename(folder)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        if home.is_dir() and not any(home.iterdir()):
            home.rmdir()
        raise
    return folder


def _record(run: list[Sitting], parts: list[Part], run_id: str, slug: str, given: Given) -> dict[str, Any]:
    first = run[0]
    ended = [sitting.ended for sitting in run if sitting.ended is not None]
    return {
        "schema_version": rawlog.SCHEMA_VERSION,
        "run_id": run_id,
        "device_slug": slug,
        "origin": ORIGIN,
        "suite": [part.instance.id for part in parts],
        "profile": first.profile,
        "seed": None,
        "threads": first.threads,
        "timing": first.timing,
        "dataset": first.dataset,
        "models": {part.instance.id: _model(part, given) for part in parts},
        "software": {"aiotbench": metadata.version("aiotbench")},
        "started": _iso(min(sitting.started for sitting in run)),
        "ended": _iso(max(ended)) if ended else None,
    }


def _model(part: Part, given: Given) -> dict[str, Any]:
    """There is no model file: where the log names a set of them, the hash is of the names."""
    sha256 = part.load["model_sha256"] if part.load else None
    return {"sha256": sha256, "sha256_of": part.model_sha256_of, "weights": given.weights}


def _write_attempt(folder: Path, part: Part) -> None:
    path = rawlog.attempt_path(folder, part.instance.id, 1)
    attempt = rawlog.parse_attempt(path, part.lines)
    if attempt.left_out or attempt.status != part.ending[0]:
        raise LogError(f"{part.instance.id} does not come out as a log that can be read ({attempt.left_out[:1]}).")
    path.write_bytes(part.lines)


def _sources(run: list[Sitting]) -> list[source.Source]:
    """The files of a run, each once."""
    return list({one.sha256: one for sitting in run for one in sitting.sources}.values())


def _copied(one: source.Source, folder: Path) -> dict[str, Any]:
    """Copies a file under its name, and gives what run.json says of it."""
    plain = os.fsencode(one.path.name).decode("utf-8", "backslashreplace")  # JSON has no bytes
    name, number = plain, 1
    while (folder / name).exists():
        number += 1
        name = f"{number}-{plain}"
    source.copy(one, folder / name)
    return {"name": name, "sha256": one.sha256, "format": one.format}


def _iso(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def imported(workspace: Workspace) -> dict[str, Path]:
    """The runs that files were imported into, by the SHA-256 of the file. What cannot be read is passed over."""
    found = {}
    for folder in rawlog.run_folders(workspace.raw):
        try:
            record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        except rawlog.RawLogError:
            continue
        files = (record.get("imported") or {}).get("files")
        for file in files if isinstance(files, list) else []:
            if isinstance(file, dict) and isinstance(file.get("sha256"), str):
                found[file["sha256"]] = folder
    return found
