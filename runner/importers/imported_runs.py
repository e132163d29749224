"""Imported runs: attempts at instances, grouped by session and written as runs, completely or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Any

from runner import rawlog
from runner.devices import android
from runner.errors import LogError
from runner.importers import input_files
from runner.tools.text import quotable

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from aiot_suite.suite import Instance
    from aiot_suite.workspace import Workspace
    from runner.importers.input_files import LabelOverrides, LogSource, Publication
    from runner.tools.tool_attempt import Event

OTHERS_SHOWN = 3
"""Maximum number of lines quoted that were not understood."""

MS_AT_MOST = 10**12
"""Upper limit of a plausible time in ms (about 30 years)."""


Datasets = Callable[[str, int, str | None], dict[str, Any]]
"""Return the dataset entry of run.json for a name, a number of images and a label space."""


@dataclass(frozen=True, eq=False)
class LoggedAnswers:
    """Answers without times: the name, the right class and the answered class of each image."""

    names: Sequence[str]
    classes: Sequence[int]
    answers: Sequence[int]

    @property
    def lines(self) -> bytes:
        """The records as log lines. They are valid if all classes are whole numbers, so they need no check."""
        names = map(json.dumps, self.names)
        records = enumerate(zip(names, self.classes, self.answers, strict=True))
        return "".join(
            f'{{"query":{query},"image":{name},"label":{label:d},"top5":[[{answer:d},null]],"event":"image"}}\n'
            for query, (name, label, answer) in records
        ).encode()


@dataclass(frozen=True)
class LogPart:
    """An attempt at an instance.

    `load` is None if the attempt ended before the model was loaded. `body` holds the events after it as log lines,
    `answers` follow them, and `ending` is the last event.
    """

    instance: Instance
    load: dict[str, Any] | None
    body: bytes
    ending: Event
    images: int = 0  # number of image records in the body
    model_sha256_of: str | None = None  # text whose hash stands in for that of the model file
    answers: LoggedAnswers | None = None
    publication: Publication | None = None

    @property
    def events(self) -> bytes:
        """The log of the attempt up to its answers."""
        source = asdict(self.publication) if self.publication else {}
        load = {**(self.load or {}), **source, "instance": self.instance.id, "attempt": 1}
        return event_lines([("load", load)] if self.load is not None else []) + self.body


@dataclass(frozen=True)
class DeviceFacts:
    """What the logs state about a device, in addition to what the user states."""

    maker: str | None = None
    code: str | None = None  # Build.MODEL: either the retail name or a code like SM-G970F
    os: str | None = None
    os_version: str | None = None
    ram_gb: float | None = None
    abi: str | None = None
    soc: str | None = None
    other: dict[str, str] = field(default_factory=dict)  # copied unchanged to device.json


@dataclass(frozen=True)
class ImportSession:
    """A measurement session: attempts on one device, measured in the same way, at most one per instance."""

    sources: tuple[LogSource, ...]
    parts: tuple[LogPart, ...]
    device: DeviceFacts
    profile: dict[str, Any]
    timing: str  # end_to_end or inference
    threads: int | None
    dataset: dict[str, Any]  # in the form used in run.json
    started: datetime
    started_from: str  # source of the start time
    ended: datetime | None
    notes: tuple[str, ...] = ()  # messages for the user

    @property
    def where(self) -> str:
        """The paths of its files, joined for use in a sentence."""
        return " and ".join(str(source.path) for source in self.sources)

    @property
    def setting(self) -> tuple[object, ...]:
        """Device and settings; sessions in which these are equal may form one run."""
        source = self.publication
        published = source and (source.publisher, source.publication)
        return self.device.code, self.profile["name"], self.timing, self.threads, self.dataset["sha256"], published

    @property
    def publication(self) -> Publication | None:
        """Where somebody else published its numbers; parts of one session may have different addresses."""
        return self.parts[0].publication


def understood(name: object, count: int, others: Sequence[str]) -> str:
    """Return a sentence on how many lines of a file were understood, quoting some of those that were not."""
    shown_first = ", ".join(repr(quotable(text)) for text in list(dict.fromkeys(others))[:OTHERS_SHOWN])
    more = ", ..." if len(set(others)) > OTHERS_SHOWN else ""
    return f"{name}: {count} lines understood, {len(others)} not{f' ({shown_first}{more})' if others else ''}"


def event_lines(events: Iterable[Event]) -> bytes:
    """Return events as lines of a log."""
    texts = (json.dumps({**fields, "event": name}, separators=(",", ":")) + "\n" for name, fields in events)
    return "".join(texts).encode()


def dataset_record(name: str, images: int, label_space: str | None) -> dict[str, Any]:
    """Return the entry of a dataset of which only the name is known.

    Its hash is computed from the name, so that equal names mean the same dataset.
    """
    text = f"imported dataset {name}"
    record = {"name": name, "sha256": sha256_of(text), "sha256_of": text, "images": images}
    return {**record, "label_space": label_space}


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


PUBLIC_SALT = "published"
"""Salt for devices of published data: their folders have the same name in every workspace, since nothing is secret."""


def device_record(
    facts: DeviceFacts,
    overrides: LabelOverrides,
    workspace: Workspace,
    where: str,
    publication: Publication | None = None,
) -> dict[str, Any]:
    """Return the fields of device.json for logs that error messages call `where`.

    All logs of the same maker, model and serial number belong to one device, and published ones to one of each
    publisher. Its slug differs from that of the same phone on an adb server, which keeps imported results apart from
    results measured here.

    Raises:
        LogError: Neither the logs nor the user name the device.
    """
    maker, model = overrides.maker_and_model() or (facts.maker, facts.code)
    if maker is None or model is None:
        raise LogError(f'{where} does not state the device: use --device, for example --device "Xiaomi Mi 10".')
    identity = f"imported {maker} {model} {overrides.serial or ''}"
    salt = workspace.salt()
    if publication is not None:
        identity = f"published {publication.publisher or ''} {maker} {model} {overrides.serial or ''}"
        salt = PUBLIC_SALT
    fields: dict[str, Any] = {
        "serial_sha256": android.hashed(overrides.serial, workspace.salt()) if overrides.serial else None,
        "maker": maker,
        "model": model,
        "soc": overrides.soc or facts.soc,
        "ram_gb": facts.ram_gb,
        "os": facts.os,
        "os_version": facts.os_version,
        "abi": facts.abi,
        "kernel": None,
        "cores": [],
        "battery": None,
    }
    name = android.slug(maker, model, identity, salt)
    record = {"schema_version": rawlog.SCHEMA_VERSION, "slug": name, **fields, **facts.other}
    return {**record, "not_offered": [name for name, value in fields.items() if not value]}


def group_into_runs(sessions: Iterable[ImportSession]) -> list[list[ImportSession]]:
    """Group the sessions of a device into runs: equal settings form one run, unless an instance would occur twice."""
    grouped: list[list[ImportSession]] = []
    for session in sorted(sessions, key=lambda item: item.started):
        instances = _instances([session])
        fitting = [run for run in grouped if run[0].setting == session.setting and not instances & _instances(run)]
        if fitting:
            fitting[0].append(session)
        else:
            grouped.append([session])
    return grouped


def _instances(run: list[ImportSession]) -> set[str]:
    return {part.instance.id for session in run for part in session.parts}


def write_run(run: list[ImportSession], overrides: LabelOverrides, workspace: Workspace) -> Path:
    """Write a run with its logs and, in `native/`, unchanged copies of the source files; return its folder.

    Raises:
        LogError: A log would not be readable. Everything that was written is removed.
    """
    started = min(session.started for session in run)
    content = _content(run)
    token = content["content"][:6] if content else secrets.token_hex(3)
    run_id = f"{started:%Y%m%dT%H%M%S}.{started.microsecond // 1000:03}Z-{token}"
    devices = [
        device_record(session.device, overrides, workspace, session.where, session.publication) for session in run
    ]
    device = min(devices, key=lambda item: len(item["not_offered"]))  # from the session that states most
    device_folder: Path = workspace.raw / device["slug"]
    unfinished, folder = device_folder / f".{run_id}", device_folder / run_id
    parts = [part for session in run for part in session.parts]
    try:
        (unfinished / "native").mkdir(parents=True)
        for part in parts:
            _write_attempt(unfinished, part)
        files = [_copied(item, unfinished / "native") for item in _sources(run)]
        rawlog.write_json(unfinished / "device.json", device, rawlog.DEVICE_FIELDS)
        record = _record(run, parts, run_id, device["slug"], overrides)
        record["imported"] = {
            "at": rawlog.utc_now(),
            "files": files,
            "started_from": run[0].started_from,
            **content,
        }
        rawlog.write_json(unfinished / "run.json", record, rawlog.RUN_FIELDS)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        if device_folder.is_dir() and not any(device_folder.iterdir()):
            device_folder.rmdir()
        raise
    return folder


def _record(
    run: list[ImportSession], parts: list[LogPart], run_id: str, slug: str, overrides: LabelOverrides
) -> dict[str, Any]:
    first = run[0]
    ended = [session.ended for session in run if session.ended is not None]
    return {
        "schema_version": rawlog.SCHEMA_VERSION,
        "run_id": run_id,
        "device_slug": slug,
        "origin": "imported" if first.publication is None else "published",
        "suite": [part.instance.id for part in parts],
        "profile": first.profile,
        "seed": None,
        "threads": first.threads,
        "timing": first.timing,
        "dataset": first.dataset,
        "models": {part.instance.id: _model(part, overrides) for part in parts},
        "software": {"aiotbench": metadata.version("aiotbench")},
        "started": _iso(min(session.started for session in run)),
        "ended": _iso(max(ended)) if ended else None,
    }


def _model(part: LogPart, overrides: LabelOverrides) -> dict[str, Any]:
    """Return the `models` entry of an attempt.

    There is no model file; where the log names a set of models, the hash is computed from the names.
    """
    sha256 = part.load["model_sha256"] if part.load else None
    return {"sha256": sha256, "sha256_of": part.model_sha256_of, "weights": overrides.weights}


def _write_attempt(folder: Path, part: LogPart) -> None:
    path = rawlog.attempt_path(folder, part.instance.id, 1)
    events, ending = part.events, event_lines([part.ending])
    attempt = rawlog.parse_attempt(path, events + ending)
    if attempt.left_out or attempt.status != part.ending[0]:
        raise LogError(f"{part.instance.id} would give a log that cannot be read ({attempt.left_out[:1]}).")
    path.write_bytes(events + (part.answers.lines if part.answers else b"") + ending)


def _sources(run: Sequence[ImportSession]) -> list[input_files.LogSource]:
    """Return the files of a run without duplicates."""
    return list({file.sha256: file for session in run for file in session.sources}.values())


def _copied(source: input_files.LogSource, folder: Path) -> dict[str, Any]:
    """Copy a file under a unique name and return its entry for run.json. Facts of the package are only named."""
    if source.fact is not None:
        return {"name": source.path.name, "fact": source.fact, "sha256": source.sha256, "format": source.format}
    plain = os.fsencode(source.path.name).decode("utf-8", "backslashreplace")  # JSON cannot hold bytes
    name, number = plain, 1
    while (folder / name).exists():
        number += 1
        name = f"{number}-{plain}"
    input_files.copy_source(source, folder / name)
    return {"name": name, "sha256": source.sha256, "format": source.format}


def _iso(moment: Any) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _content(run: Sequence[ImportSession]) -> dict[str, str]:
    """Return the field `content` of a run of facts of the package, a hash by which an equal run is found again."""
    if not any(source.fact for source in _sources(run)):
        return {}
    parts = [repr((part.events, part.ending, part.instance)) for session in run for part in session.parts]
    devices = [repr((session.device, session.profile, session.dataset)) for session in run]
    return {"content": sha256_of("\n".join([*(source.sha256 for source in _sources(run)), *parts, *devices]))}


def content_of(run: Sequence[ImportSession]) -> str:
    """Return the hash by which a run of facts is found again (see `runs_of_facts`)."""
    return _content(run)["content"]


def runs_of_facts(workspace: Workspace) -> dict[str, Path]:
    """Return the folder of each run that was made of facts of the package, by the hash of its content."""
    return {
        str(record["content"]): folder
        for folder, record in _imported(workspace)
        if isinstance(record.get("content"), str)
    }


def _imported(workspace: Workspace) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folder of each imported run, with what run.json says about the import. Unreadable runs are skipped."""
    for folder in rawlog.run_folders(workspace.raw):
        try:
            record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
        except rawlog.RawLogError:
            continue
        if record.get("imported"):
            yield folder, record["imported"]


def remove_run(folder: Path) -> None:
    """Remove the folder of a run, and that of its device if it was the last one."""
    shutil.rmtree(folder)
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def imported_files(workspace: Workspace) -> dict[str, Path]:
    """Return the run into which each file was imported, by the SHA-256 of the file. Unreadable runs are skipped."""
    runs_by_hash = {}
    for folder, record in _imported(workspace):
        files = record.get("files")
        for file in files if isinstance(files, list) else []:
            if isinstance(file, dict) and isinstance(file.get("sha256"), str):
                runs_by_hash[file["sha256"]] = folder
    return runs_by_hash
