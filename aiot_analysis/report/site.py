"""A folder of reports: its lock, its manifest, its pages, and whether they are up to date."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.report.notebooks import PUBLISHED
from aiot_analysis.tables import names, workspace
from aiot_analysis.tables.workspace import FileHashes, Tables
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aiot_analysis.report.notebooks import Notebook

CLUSTER = ("scheduler", "workers_timeout_s")  # parameters that do not change a page
OURS = b"AIoTBench"  # occurs in the title of every page


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Create the folder if necessary and lock it for one writer; the lock is on the folder itself and leaves no file.

    Raises:
        ReportError: Another process has locked the folder, or writing to it fails now or within the block.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _foreign_files(out, error) from None
    busy = ReportError(f"Another `aiot report` is writing to {out}: wait for it to finish, or choose another folder.")
    try:
        with rawlog.locked(out, busy):
            yield
    except OSError as error:
        if error.filename is None or not Path(str(error.filename)).is_relative_to(out):
            raise
        raise _foreign_files(out, error) from None


def _foreign_files(out: Path, error: OSError) -> ReportError:
    return ReportError(f"Reports cannot be written to {out} ({error.strerror}): fix this, or choose another folder.")


def check_folder(out: Path, notebooks: Path, pages: Iterable[Path]) -> None:
    """Raise ReportError if writing the pages would replace the notebooks or an unrelated file."""
    if (out / "notebooks").resolve() == notebooks.resolve():
        raise ReportError(
            f"Executed notebooks would replace those in {notebooks}: choose a different folder from {out}."
        )
    for page in pages:
        for path in (page, page.with_name("index.html")):
            if path.exists() and not _is_our_page(path):
                raise ReportError(f"{path} is not a page of a report: delete it, or choose another folder (--out).")
    if (out / "manifest.json").exists() and not _is_our_manifest(out / "manifest.json"):
        raise ReportError(f"{out / 'manifest.json'} was not written by `aiot report`: choose another folder (--out).")


def _is_our_page(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4096)
    return not head or OURS in head


def _is_our_manifest(path: Path) -> bool:
    """Return whether the file may be replaced: it is a manifest of reports, or damaged."""
    try:
        content = rawlog.parse(path.read_bytes())
    except ValueError:
        return True
    return not isinstance(content, dict) or not content or "reports" in content


VERSION = 1


@dataclass
class ManifestEntry:
    """The last rendering of one notebook."""

    fingerprint: str = ""  # fingerprint of the existing page; "" if there is none
    parameters: dict[str, object] = field(default_factory=dict)  # values that were passed
    rendered: str = ""  # when the existing page was made: ISO 8601, UTC
    seconds: float | None = None
    error: str = ""  # why the last rendering failed; "" if it succeeded
    cell: int | None = None  # the code cell it failed in, counted from 1
    failed: str = ""  # when it failed: ISO 8601, UTC
    warnings: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # files of its figures and tables next to the page
    empty: str = ""  # why the existing page has no data, if it has none


@dataclass
class PageManifest:
    """Everything that `render` remembers between two calls."""

    reports: dict[str, ManifestEntry] = field(default_factory=dict)  # by the notebook's name
    files: FileHashes = field(default_factory=dict)
    index: str = ""  # fingerprint of index.html and of the pages' navigation

    def save(self, path: Path) -> None:
        rawlog.replace_text(path, json.dumps({"version": VERSION, **asdict(self)}, indent=1))


def load_manifest(path: Path) -> PageManifest:
    """Return the manifest of a folder.

    If it is missing, damaged or of another version, it is empty, and everything counts as out of date.
    """
    try:
        content = rawlog.parse(path.read_bytes())
        if content["version"] != VERSION:
            return PageManifest()
        reports = {name: ManifestEntry(**entry) for name, entry in content["reports"].items()}
        return PageManifest(reports, content["files"], content["index"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return PageManifest()


DEVICES = "devices"  # folder of the sites of single devices
DEVICE = "device"  # parameter that names devices
FOLDER_CHARACTERS = 60  # maximum length of the name of a device's folder


@dataclass
class Site:
    """A folder of notebooks, the output folder of their reports, and what both were made from."""

    root: Path  # working directory of the notebooks, see `root_of`
    out: Path
    origin: str
    others: dict[str, str]  # relative URLs of the other sites' indexes, by origin
    processed: Path  # folder of the tables that the index describes
    notebooks: list[Notebook]
    manifest: PageManifest
    code: str
    versions: dict[str, str]
    tables: dict[Path, Tables]  # by folder; shared by all sites
    device: str = ""  # id of the only device of this site; "" for all devices
    fleet: str = ""  # relative URL of the index of all devices, if this is the site of one
    known_devices: tuple[str, ...] = ()  # ids of all devices of this origin
    published: Sequence[Notebook] = ()  # notebooks of the site of published data, if that is another site

    def parameters(self, notebook: Notebook, values: Mapping[str, object]) -> dict[str, object]:
        """Return the values for a notebook with the site's device, and its origin unless that is the default."""
        return {
            **values,
            **({"origin": self.origin} if notebook.value("origin", {}) not in (None, self.origin) else {}),
            **({DEVICE: self.device} if self.device else {}),
        }

    def entry(self, name: str) -> ManifestEntry:
        return self.manifest.reports.setdefault(name, ManifestEntry())

    def page(self, name: str) -> Path:
        return self.out / f"{name}.html"

    def save(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        for tables in self.tables.values() if not self.device else ():  # the site of all devices stores them for all
            self.manifest.files |= tables.seen
        self.manifest.save(self.out / "manifest.json")

    def data(self, folder: Path) -> str:
        """Return the SHA-256 of the processed tables in a folder, restricted to the device of the site, if any."""
        tables = self._tables(folder)
        return tables.of_device(self.device) if self.device else tables.whole

    def _tables(self, folder: Path) -> Tables:
        if folder not in self.tables:
            self.tables[folder] = Tables(folder, self.manifest.files)
        return self.tables[folder]

    def data_of(self, notebook: Notebook, values: dict[str, object]) -> str:
        """Return the SHA-256 of the tables that a notebook reads, or "" if it has no parameter `processed`.

        Raises:
            DataError: The tables are missing.
        """
        folder = notebook.value("processed", values)
        return self.data(workspace.find(str(folder), self.root)) if folder else ""

    def fingerprint(self, notebook: Notebook, parameters: dict[str, object]) -> str:
        """Return a hash of what a page depends on: the notebook, its parameters, the data, the code and the libraries.

        It does not depend on the locations of files, nor on the machines that do the work.

        Raises:
            DataError: The tables are missing.
        """
        values = {name: value for name, value in parameters.items() if name not in CLUSTER}
        parts = [notebook.digest, values, self.data_of(notebook, parameters), self.code, self.versions, notebook.name]
        return workspace.combine(*parts, self._pictures(notebook, parameters))

    def _pictures(self, notebook: Notebook, values: dict[str, object]) -> list[str]:
        """Return the state of the pictures that a notebook may show; simulated data have none."""
        folder = notebook.value("datasets", values)
        if not folder or self.origin == "simulated":
            return []
        return workspace.pictures(self.root, str(folder), self._tables(self.processed).datasets)

    def status(self, notebook: Notebook) -> str:
        """Return the status of the existing page: "ok", "failed", "outdated" or "missing"."""
        entry = self.entry(notebook.name)
        if entry.error:
            return "failed"
        if not entry.fingerprint or not self.page(notebook.name).exists():
            return "missing"
        try:
            return "ok" if entry.fingerprint == self.fingerprint(notebook, entry.parameters) else "outdated"
        except DataError:
            return "outdated"  # the tables from which it was made no longer exist

    def is_fresh(self, notebook: Notebook, print_: str) -> bool:
        entry = self.entry(notebook.name)
        files_exist = all((self.out / file).exists() for file in entry.files)
        return not entry.error and entry.fingerprint == print_ and self.page(notebook.name).exists() and files_exist

    def forget(self, before: Sequence[str], now: Sequence[str]) -> None:
        """Delete the files of figures and tables that a page no longer has, unless another page has them."""
        still_used = {file for entry in self.manifest.reports.values() if entry.files != before for file in entry.files}
        for file in set(before) - set(now) - still_used:
            (self.out / file).unlink(missing_ok=True)

    def folder_of(self, device: str) -> Path:
        """Return the folder of the site of one device."""
        return self.out / DEVICES / folder_name(device)

    def devices(self) -> dict[str, str]:
        """Return the relative URLs of the existing indexes of single devices, by id."""
        indexes = {device: self.folder_of(device) / "index.html" for device in self.known_devices}
        return {device: index.relative_to(self.out).as_posix() for device, index in indexes.items() if index.exists()}


def root_of(
    notebooks: Sequence[Notebook], named: Path | str | None, working: Path | None, values: Mapping[str, object]
) -> Path:
    """Return the working directory of notebooks that are in the folder `named`, or in this project if it is None.

    This is the folder `working` if there are tables in it or above it, else the parent of `named`. Tables of the
    former take precedence over those next to the notebooks. Without either folder, it is the current folder.

    Raises:
        DataError: There are no tables.
    """
    beside = None if named is None else workspace.find_notebooks(named).parent
    bases = [base.resolve() for base in (working, beside) if base]
    name = _processed(notebooks, values)
    return workspace.base_of(name, *bases)


def _processed(notebooks: Sequence[Notebook], values: Mapping[str, object]) -> str:
    """Return the folder of the tables according to the parameters, or else to the first notebook that names one."""
    candidates = (values.get("processed"), *(notebook.value("processed", {}) for notebook in notebooks))
    return str(next((candidate for candidate in candidates if candidate), workspace.FOLDER))


def sites(root: Path, notebooks: Sequence[Notebook], out: Path, values: Mapping[str, object]) -> list[Site]:
    """Return a site of the notebooks for each origin in the tables, or only for the origin in `values`.

    The notebooks run in `root`. The first site is in `out`, the others are in folders of it; that of published data
    is in `out` only if there are no other data.

    Raises:
        DataError: The processed tables are missing or damaged, or have no data of the origin.
        ReportError: No notebook is made for the data (see `Notebook.is_made_for`).
    """
    tables_folder = workspace.find(_processed(notebooks, values), root)
    workspace.check(tables_folder)
    origins = _origins(tables_folder)
    notebooks_of = {origin: [item for item in notebooks if item.is_made_for(origin)] for origin in origins}
    pages_of = [origin for origin in origins if notebooks_of[origin]]
    main = next((origin for origin in pages_of if origin != PUBLISHED), next(iter(pages_of), ""))
    folders = {origin: out if origin == main else out / origin for origin in pages_of}
    code, versions = workspace.code(), workspace.versions()
    tables: dict[Path, Tables] = {}
    result = []
    for origin in _selects(values, origins, tables_folder):
        usable = [item for item in notebooks_of[origin] if origin == main or "origin" in item.parameters]
        if not usable:
            continue
        others = {item: relpath(folders[item] / "index.html", folders[origin]) for item in pages_of if item != origin}
        stored_manifest = load_manifest(folders[origin] / "manifest.json")
        devices = _devices(tables_folder, origin)
        result.append(
            Site(
                root,
                folders[origin],
                origin,
                others,
                tables_folder,
                usable,
                stored_manifest,
                code,
                versions,
                tables,
                known_devices=devices,
                published=notebooks_of[PUBLISHED] if PUBLISHED in others else (),
            )
        )
    if notebooks and not result:
        raise _not_made_for(" or ".join(_selects(values, origins, tables_folder)), notebooks)
    return result


def check_made(chosen: Sequence[Notebook], origin_sites: Sequence[Site]) -> None:
    """Raise ReportError if one of the chosen notebooks is in none of the sites."""
    for notebook in chosen:
        if not any(notebook in site.notebooks for site in origin_sites):
            raise _not_made_for(" or ".join(site.origin for site in origin_sites), [notebook])


def _not_made_for(origin: str, notebooks: Sequence[Notebook]) -> ReportError:
    subject = f"{notebooks[0].name} is not" if len(notebooks) == 1 else "No notebook is"
    return ReportError(f"{subject} made for {origin} data: choose another notebook or data of another origin.")


def of_each_device(fleets: Sequence[Site], wanted: object = "") -> dict[str, list[Site]]:
    """Return the sites of single devices for each given site, by origin.

    They contain the notebooks that have a parameter `device`.

    `wanted` selects devices by id, as a list or as text separated by commas; an empty text selects all.

    Raises:
        ReportError: No notebook has the parameter `device`.
        DataError: No site has a device of that name.
    """
    known_devices = list(dict.fromkeys(device for fleet in fleets for device in fleet.known_devices))
    select_all = isinstance(wanted, str) and not wanted.strip(" ,")
    chosen = known_devices if select_all else names.choose("device", wanted, known_devices)
    return {
        fleet.origin: _of_devices(fleet, [device_id for device_id in fleet.known_devices if device_id in chosen])
        for fleet in fleets
    }


def _of_devices(fleet: Site, devices: Sequence[str]) -> list[Site]:
    notebooks = [notebook for notebook in fleet.notebooks if DEVICE in notebook.parameters]
    if not notebooks:
        raise ReportError(
            "No notebook has a parameter `device`, which reports of single devices need: add it to a notebook."
        )
    result = []
    for device in devices:
        out = fleet.folder_of(device)
        stored_manifest = load_manifest(out / "manifest.json")
        fleet_index = relpath(fleet.out / "index.html", out)
        result.append(
            replace(
                fleet,
                out=out,
                others={},
                notebooks=notebooks,
                manifest=stored_manifest,
                device=device,
                fleet=fleet_index,
            )
        )
    return result


def folder_name(device: str) -> str:
    """Return a folder name for a device that is valid in every file system and URL.

    It is the id itself if that is valid. Otherwise it is the valid part of the id followed by part of its hash:
    different ids never share a folder, and the name does not depend on which other devices exist.
    """
    plain = unicodedata.normalize("NFKD", device).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:FOLDER_CHARACTERS].rstrip("-")
    if slug and slug == device:
        return slug
    digest = hashlib.sha256(device.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug[: FOLDER_CHARACTERS - 10].rstrip('-') or 'device'}--{digest}"  # ids used unchanged never contain --


def _origins(processed: Path) -> list[str]:
    """Return the origins of the instances, in the order of their sites."""
    present = set(workspace.read_columns(processed / "instances.parquet", "origin")["origin"].unique().to_pylist())
    if not present:
        raise DataError(f"{processed} has no runs: run the suite, then `aiot process`.")
    return [origin for origin in rawlog.ORIGINS if origin in present]


def _devices(processed: Path, origin: str) -> tuple[str, ...]:
    """Return the ids of the devices of an origin, in the order of their table."""
    path = processed / "devices.parquet"
    if not path.exists():
        raise DataError(f"There is no table devices in {processed}: run `aiot process` first.")
    rows = workspace.read_columns(path, "device_id", "origin").to_pylist()
    return tuple(row["device_id"] for row in rows if row["origin"] == origin)


def _selects(values: Mapping[str, object], origins: list[str], processed: Path) -> list[str]:
    if "origin" not in values:
        return origins
    if values["origin"] not in origins:
        raise DataError(
            f"{processed} has no {values['origin']} data (it has {' and '.join(origins)}): choose another origin."
        )
    return [str(values["origin"])]
