"""An evidence bundle as an RO-Crate: what a reader needs to judge results, and to make them again.

A crate is a workspace, so that `aiot report` works in it once it is unpacked:

    ro-crate-metadata.json    what each file is, with its size and SHA-256; licence and authors if they were stated
    aiotbench.json            origin, versions, and the parameters of each page
    environment.txt           versions of all installed packages, as pip takes them
    data/raw/                 raw logs of the chosen runs
    data/processed/           tables that this version makes of them
    reports/                  pages, with the figures and the values of the tables on them

Only files of these kinds are included; data/salt, with which serial numbers are hashed, is not one of them. A serial
number that a raw log states in clear (`--keep-serial`) is removed.

https://www.researchobject.org/ro-crate/specification/1.2/
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_analysis.errors import DataError, ExportError
from aiot_analysis.export.timed import NOTES, check_origin
from aiot_analysis.tables import names, workspace
from aiot_analysis.words import plural
from runner import rawlog

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

METADATA = "ro-crate-metadata.json"
SETTINGS = "aiotbench.json"
ENVIRONMENT = "environment.txt"
RAW, PROCESSED, REPORTS = Path("data/raw"), Path(workspace.FOLDER), Path("reports")
ROCRATE_VERSION = "1.2"  # 1.3 is of June 2026 and unknown to many programs
FORMAT = 1  # of aiotbench.json
PAPER = "https://doi.org/10.48550/arXiv.2005.05085"  # of the suite
CONTENTS = ("data/raw/*/*/**/*", "data/processed/**/*.parquet", "reports/*.html", "reports/figures/*")
KINDS = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".html": "text/html",
    ".csv": "text/csv",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
PATHS = ("processed", "datasets", "scheduler", "workers_timeout_s")
"""Parameters of notebooks that name places on one machine, which a crate has no use for."""

Progress = Callable[[str], None]
"""Called with what is done next."""


@dataclass(frozen=True)
class CrateOptions:
    """What a crate contains, and what its metadata state about it."""

    origin: str = ""  # empty: the first that the runs have, unless it is simulated
    device: str = ""  # ids, separated by commas; empty: all
    runs: tuple[str, ...] = ()  # ids or the start of them; empty: all
    pages: tuple[str, ...] | None = ()  # numbers or names of notebooks; empty: all, None: no page
    parameters: Mapping[str, object] = field(default_factory=dict)  # of the notebooks
    name: str = ""
    license: str = ""  # SPDX identifier
    authors: tuple[str, ...] = ()  # like "Jane Doe" or "Jane Doe (0000-0002-1825-0097)", the latter with an ORCID


@dataclass
class CrateSummary:
    """What was written."""

    origin: str
    runs: int
    pages: int
    files: int = 0
    size: int = 0  # bytes
    remarks: list[str] = field(default_factory=list)  # what a user should know about it


def write(
    raw: Path, target: Path, options: CrateOptions, jobs: int = 2, progress: Progress = lambda text: None
) -> CrateSummary:
    """Write a crate of runs below `raw`, as a zip file if `target` ends in .zip, else as a folder.

    The tables and the pages in it are made anew by this version from the raw logs in it.

    Raises
    ------
    ExportError
        The target exists, no run is chosen, a page cannot be rendered, or a licence or an author is not valid.
    DataError
        A device or a run is unknown, or no run can be read.
    ModuleNotFoundError
        The package rocrate is missing.
    """
    from rocrate.rocrate import ROCrate

    check_target(target)
    checked = _Stated.of(options)
    chosen, origin = _choose(raw, options)
    for name in PATHS:
        if name in options.parameters:
            raise ExportError(f"A crate has its own tables, so parameter {name} cannot be set: leave it out.")
    summary = CrateSummary(origin, len(chosen), 0)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".aiot-", dir=target.parent) as temporary:
        work = Path(temporary) / "crate"
        for folder in chosen:
            progress(f"copying {folder.name}")
            _copy_run(folder, work / RAW / folder.parent.name / folder.name, summary.remarks)
        progress("making the tables")
        make_tables(work, Path(), jobs)
        pages = _render(work, options, origin, jobs, progress)
        summary.pages = len(pages)
        _write_settings(work, origin, pages)
        progress("writing the crate")
        crate = ROCrate(version=ROCRATE_VERSION)
        files = [work / ENVIRONMENT, work / SETTINGS, *_files(work)]
        _describe(crate, work, files, pages, summary, checked)
        written = Path(temporary) / f"written{target.suffix}"
        crate.write_zip(written) if target.suffix == ".zip" else crate.write(written)
        written.replace(target)
    summary.files, summary.size = len(files), sum(int(entity["contentSize"]) for entity in _entities(crate))
    return summary


def check_target(target: Path) -> None:
    """Raise ExportError if something would be replaced."""
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise ExportError(f"{target} exists and would be replaced: delete it, or choose another name.")


def make_tables(folder: Path, result: Path, jobs: int) -> None:
    """Make the tables of data/raw in `folder` in data/processed of the folder `result`, which is relative to it.

    The working folder changes meanwhile, since the table `left_out` has paths as they were given.
    """
    from aiot_analysis import ingest

    with chdir(folder):
        ingest.process(RAW, result / PROCESSED, jobs)


def _choose(raw: Path, options: CrateOptions) -> tuple[list[Path], str]:
    """Return the folders of the chosen runs, and their origin."""
    rawlog.existing_folder(raw, "name the folder of the raw logs with --raw", DataError)
    origin_of = {}
    for folder in rawlog.run_folders(raw):
        try:
            origin_of[folder] = str(rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)["origin"])
        except rawlog.RawLogError:
            continue  # `aiot process` cannot use it either
    devices = sorted({folder.parent.name for folder in origin_of})
    wanted = names.choose("device", options.device, devices) if options.device.strip(" ,") else devices
    folders = [folder for folder in origin_of if folder.parent.name in wanted]
    for run in options.runs:
        if not any(folder.name.startswith(run) for folder in folders):
            raise DataError(f"There is no run {run!r} of these devices in {raw}: give the id of a run, or its start.")
    if options.runs:
        folders = [folder for folder in folders if folder.name.startswith(options.runs)]
    present = [origin for origin in rawlog.ORIGINS if origin in {origin_of[folder] for folder in folders}]
    if options.origin and options.origin not in rawlog.ORIGINS:
        raise DataError(f"Origin {options.origin!r} is unknown: choose {', '.join(rawlog.ORIGINS)}.")
    if not present or (options.origin and options.origin not in present):
        origins = " and ".join(present) or "no runs"
        raise DataError(f"{raw} has no {options.origin or 'such'} data (it has {origins}): choose others.")
    origin = options.origin or present[0]
    check_origin(origin, options.origin)
    return [folder for folder in folders if origin_of[folder] == origin], origin


def _copy_run(folder: Path, target: Path, remarks: list[str]) -> None:
    """Copy the files of a run, without links and special files and without the serial number of the device.

    Raises ExportError if another file than device.json states the serial number.
    """

    def special(at: str, held: list[str]) -> list[str]:
        paths = [Path(at, name) for name in held]
        return [path.name for path in paths if path.is_symlink() or not (path.is_dir() or path.is_file())]

    shutil.copytree(folder, target, ignore=special)
    path = target / "device.json"
    try:
        device = rawlog.parse(rawlog.read_bytes(path, rawlog.RECORD_LIMIT_BYTES))
        serial = device.pop("serial", None) if isinstance(device, dict) else None
    except (rawlog.RawLogError, ValueError):
        return  # `aiot process` excludes such a run
    if not serial:
        return
    rawlog.write_json(path, device, rawlog.DEVICE_FIELDS)
    for other in sorted(target.rglob("*")):
        if other.is_file() and str(serial).encode() in other.read_bytes():
            name = folder / other.relative_to(target)
            raise ExportError(f"{name} contains the serial number of the device: remove it, or choose other runs.")
    remarks.append(f"the serial number of {folder.parent.name} was removed from run {folder.name}")


@dataclass(frozen=True)
class Page:
    """A page in a crate."""

    parameters: dict[str, object]
    notebook: str  # sha256 of its notebook
    files: list[str]  # of its figures and tables, relative to the crate


def _render(work: Path, options: CrateOptions, origin: str, jobs: int, progress: Progress) -> dict[str, Page]:
    """Render the chosen pages in the folder of the crate, and return them by name."""
    if options.pages is None:
        return {}
    rendered = render_pages(work, options.pages, {**options.parameters, "origin": origin}, jobs, None, progress)
    failed = [f"{name} failed ({error})" for name, error in rendered.items() if error]
    if failed:
        raise ExportError(f"{failed[0]}: choose other pages with --pages.")
    return pages_in(work)


def render_pages(
    work: Path,
    wanted: Sequence[str],
    parameters: Mapping[str, object],
    jobs: int,
    timeout_s: int | None,
    progress: Progress,
) -> dict[str, str]:
    """Render notebooks of this project on the tables in `work`, and return the error of each, "" if it succeeded."""
    from aiot_analysis.report import render

    def listen(result: render.RenderResult) -> None:
        if result.status == "running":
            progress(f"rendering {result.name}")

    results = render.render(
        None, work / REPORTS, wanted, parameters, jobs, timeout_s=timeout_s, progress=listen, working=work
    )
    return {result.name: result.error for result in results}


def pages_in(work: Path) -> dict[str, Page]:
    """Return the pages that were rendered in a folder."""
    from aiot_analysis.report import notebooks
    from aiot_analysis.report.site import load_manifest

    digests = {item.name: item.digest for item in notebooks.find(workspace.find_notebooks())}
    return {
        name: Page(entry.parameters, digests[name], [f"{REPORTS.name}/{file}" for file in entry.files])
        for name, entry in sorted(load_manifest(work / REPORTS / workspace.MANIFEST).reports.items())
        if entry.fingerprint  # the manifest also has notebooks that were not rendered
    }


def installed() -> dict[str, str]:
    """Return the versions of all installed packages by name."""
    versions = {str(item.metadata["Name"]): item.version for item in metadata.distributions() if item.metadata["Name"]}
    return dict(sorted(versions.items(), key=lambda pair: pair[0].casefold()))


def _write_settings(work: Path, origin: str, pages: Mapping[str, Page]) -> None:
    settings = {
        "format": FORMAT,
        "aiotbench": metadata.version("aiotbench"),
        "code": workspace.code(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "origin": origin,
        "note": NOTES.get(origin, ""),
        "pages": {name: vars(page) for name, page in pages.items()},
    }
    (work / SETTINGS).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    lines = [f"{name}=={version}" for name, version in installed().items()]
    (work / ENVIRONMENT).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _files(work: Path) -> list[Path]:
    return sorted({path for pattern in CONTENTS for path in work.glob(pattern) if path.is_file()})


@dataclass(frozen=True)
class _Stated:
    """What the author states, checked before any work is done."""

    name: str
    license: str
    authors: tuple[tuple[str, str], ...]  # name and ORCID, which may be ""

    @classmethod
    def of(cls, options: CrateOptions) -> _Stated:
        if options.license and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*", options.license):
            raise ExportError(f"{options.license!r} is not an SPDX identifier: give one like CC-BY-4.0 or MIT.")
        authors = []
        for text in options.authors:
            match = re.fullmatch(r"\s*([^()]+?)\s*(?:\(((?:\d{4}-){3}\d{3}[\dX])\))?\s*", text)
            if not match:
                raise ExportError(
                    f"{text!r} is not an author: give a name like 'Jane Doe' or 'Jane Doe (0000-0002-1825-0097)'."
                )
            authors.append((match[1], match[2] or ""))
        return cls(options.name, options.license, tuple(authors))


def _describe(
    crate: ROCrate,
    work: Path,
    files: Sequence[Path],
    pages: Mapping[str, Page],
    summary: CrateSummary,
    stated: _Stated,
) -> None:
    """Add the files, the software, and how the pages were made, to the metadata of a crate."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.model.person import Person

    crate.name = stated.name or f"AIoTBench results, {summary.origin}"
    note = NOTES.get(summary.origin, "Measured with AIoTBench.")
    crate.description = (
        f"{note} Raw logs of {plural(summary.runs, 'run')}, the tables and {plural(summary.pages, 'page')} made from "
        "them, and what is needed to make them again: `aiot reproduce` does so and compares them cell by cell."
    )
    for path in files:
        crate.add_file(path, path.relative_to(work).as_posix(), properties=_facts(path, work))
    if stated.license:
        address = f"https://spdx.org/licenses/{stated.license}"
        words = {"@type": "CreativeWork", "name": stated.license, "description": f"SPDX licence {stated.license}"}
        crate.license = crate.add(ContextEntity(crate, address, properties=words))
    else:  # the specification requires one
        crate.license = "None is stated: ask the author before using these data."
    people = [
        crate.add(Person(crate, f"https://orcid.org/{orcid}" if orcid else f"#author-{number}", {"name": name}))
        for number, (name, orcid) in enumerate(stated.authors, start=1)
    ]
    if people:
        crate.root_dataset["author"] = _one_or_all(people)
    toolkit = _add_software(crate)
    tables = [{"@id": path.relative_to(work).as_posix()} for path in files if path.suffix == ".parquet"]
    actions = [_action(crate, "tables", "`aiot process`, of all raw logs here.", toolkit, [{"@id": SETTINGS}], tables)]
    for name, page in pages.items():
        values = [
            crate.add(
                ContextEntity(crate, f"#{name}-{key}", {"@type": "PropertyValue", "name": key, "value": str(value)})
            )
            for key, value in page.parameters.items()
        ]
        way = f"`aiot report`, from notebook {name} (SHA-256 of its cells: {page.notebook})."
        result = [{"@id": f"{REPORTS.name}/{name}.html"}, *({"@id": file} for file in page.files)]
        actions.append(_action(crate, f"page {name}", way, toolkit, [{"@id": SETTINGS}, *values], result))
    crate.root_dataset["mentions"] = _one_or_all(actions)


def _one_or_all(entities: Sequence[Any]) -> Any:
    """Return a single entity as itself, as RO-Crate recommends, and several as a list."""
    return entities[0] if len(entities) == 1 else list(entities)


def _add_software(crate: ROCrate) -> Any:
    """Add this toolkit and what it needs, and return it."""
    from rocrate.model.contextentity import ContextEntity

    python = {"@type": "SoftwareApplication", "name": "Python", "url": "https://www.python.org"}
    python["version"] = platform.python_version()
    interpreter = crate.add(ContextEntity(crate, "#python", python))
    facts = {
        "@type": "SoftwareApplication",
        "name": "AIoTBench toolkit",
        "url": PAPER,
        "version": metadata.version("aiotbench"),
        "softwareRequirements": [interpreter, {"@id": ENVIRONMENT}],
    }
    return crate.add(ContextEntity(crate, "#aiotbench", facts))


def _action(crate: ROCrate, what: str, way: str, toolkit: Any, made_from: Sequence[Any], result: Sequence[Any]) -> Any:
    """Add how something was made."""
    from rocrate.model.contextentity import ContextEntity

    facts = {
        "@type": "CreateAction",
        "name": f"Making the {what}",
        "description": f"Made by {way}",
        "instrument": toolkit,
        "object": _one_or_all(made_from),
        "result": _one_or_all(result),
    }
    return crate.add(ContextEntity(crate, f"#making-{what.replace(' ', '-')}", facts))


def _facts(path: Path, work: Path) -> dict[str, str]:
    """Return the properties of a file."""
    place = path.relative_to(work).as_posix()
    return {
        "name": place,
        "description": _meaning(place),
        "contentSize": str(path.stat().st_size),
        "sha256": workspace.digest(path),
        "encodingFormat": KINDS.get(path.suffix, "application/octet-stream"),
    }


def _meaning(place: str) -> str:
    """Return what a file of a crate is."""
    meanings = {
        SETTINGS: "Origin of the data, versions, and parameters of the pages",
        ENVIRONMENT: "Versions of all packages that were installed, one per line",
        "data/raw/": "Raw log of a run",
        "data/processed/": "Table made from the raw logs",
        "reports/figures/": "Figure of a page, or the values of a figure or table",
        "reports/": "Page of the report",
    }
    return next(words for start, words in meanings.items() if place.startswith(start))


def _entities(crate: ROCrate) -> list[Any]:
    return [entity for entity in crate.data_entities if "contentSize" in entity]
