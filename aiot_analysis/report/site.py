"""A folder of reports as it is: which pages are there, and whether they still are true.

Origins never share a page. Each has a site: the first one that the tables hold in the folder of the reports,
every other in a subfolder of its name. A device may have a site of its own, in the folder `devices` of its origin's.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path

from aiot_analysis.errors import DataError, ReportError
from aiot_analysis.report import manifest
from aiot_analysis.report.manifest import Entry, Manifest
from aiot_analysis.report.notebooks import Notebook
from aiot_analysis.tables import choice, fingerprint, processed
from aiot_analysis.tables.fingerprint import Tables

ORIGINS = ("measured", "simulated", "imported")  # in the order in which sites are linked
DEVICES = "devices"  # the folder of the sites of single devices
DEVICE = "device"  # the parameter that names devices
FOLDER_CHARACTERS = 60  # of the folder of a device, at most


@dataclass
class Site:
    """A folder of notebooks, the folder of their reports, and what both were made of."""

    root: Path  # where notebooks run: what holds their folder
    out: Path
    origin: str
    others: dict[str, str]  # relative addresses of the other sites' indexes, by origin
    processed: Path  # the tables the index tells of
    notebooks: list[Notebook]
    manifest: Manifest
    code: str
    versions: dict[str, str]
    tables: dict[Path, Tables]  # by folder; all sites share them
    device: str = ""  # id of the only device of this site; "" for all there are
    fleet: str = ""  # relative address of the index of all devices, where this is the site of one
    known_devices: tuple[str, ...] = ()  # ids of all devices of this origin

    def parameters(self, notebook: Notebook, values: Mapping[str, object]) -> dict[str, object]:
        """The values for a notebook, with the site's device, and its origin where it is not the notebook's default."""
        return {
            **values,
            **({"origin": self.origin} if notebook.value("origin", {}) not in (None, self.origin) else {}),
            **({DEVICE: self.device} if self.device else {}),
        }

    def entry(self, name: str) -> Entry:
        return self.manifest.reports.setdefault(name, Entry())

    def page(self, name: str) -> Path:
        return self.out / f"{name}.html"

    def save(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        for tables in self.tables.values() if not self.device else ():  # the site of all devices keeps them for all
            self.manifest.files |= tables.seen
        self.manifest.save(self.out / "manifest.json")

    def data(self, folder: Path) -> str:
        """sha256 of the processed tables in a folder, or of what is in them of the site's device."""
        tables = self._tables(folder)
        return tables.of_device(self.device) if self.device else tables.whole

    def _tables(self, folder: Path) -> Tables:
        if folder not in self.tables:
            self.tables[folder] = Tables(folder, self.manifest.files)
        return self.tables[folder]

    def data_of(self, notebook: Notebook, given: dict[str, object]) -> str:
        """sha256 of the tables a notebook reads, or "" if it has no parameter `processed`. May raise DataError."""
        folder = notebook.value("processed", given)
        return self.data(processed.find(str(folder), self.root)) if folder else ""

    def fingerprint(self, notebook: Notebook, given: dict[str, object]) -> str:
        """What a page of the notebook with these parameters depends on: not on where that is. May raise DataError."""
        values = {name: value for name, value in given.items() if name != "scheduler"}
        parts = [notebook.digest, values, self.data_of(notebook, given), self.code, self.versions, notebook.name]
        return fingerprint.combine(*parts, self._pictures(notebook, given))

    def _pictures(self, notebook: Notebook, given: dict[str, object]) -> list[str]:
        """What there is of the pictures a notebook may show; simulated data have none."""
        folder = notebook.value("datasets", given)
        if not folder or self.origin == "simulated":
            return []
        return fingerprint.pictures(self.root, str(folder), self._tables(self.processed).datasets)

    def status(self, notebook: Notebook) -> str:
        """Of the page that is there: "ok", "failed", "outdated" or "missing"."""
        entry = self.entry(notebook.name)
        if entry.error:
            return "failed"
        if not entry.fingerprint or not self.page(notebook.name).exists():
            return "missing"
        try:
            return "ok" if entry.fingerprint == self.fingerprint(notebook, entry.parameters) else "outdated"
        except DataError:
            return "outdated"  # the tables it was made of are gone

    def is_fresh(self, notebook: Notebook, print_: str) -> bool:
        entry = self.entry(notebook.name)
        there = all((self.out / file).exists() for file in entry.files)
        return not entry.error and entry.fingerprint == print_ and self.page(notebook.name).exists() and there

    def forget(self, before: Sequence[str], now: Sequence[str]) -> None:
        """Deletes files of figures and tables that a page had before and has no more, unless another page has them."""
        kept = {file for entry in self.manifest.reports.values() if entry.files != before for file in entry.files}
        for file in set(before) - set(now) - kept:
            (self.out / file).unlink(missing_ok=True)

    def folder_of(self, device: str) -> Path:
        """The folder of the site of one device."""
        return self.out / DEVICES / folder_name(device)

    def devices(self) -> dict[str, str]:
        """Relative addresses of the indexes of single devices that are there, by id."""
        there = {one: self.folder_of(one) / "index.html" for one in self.known_devices}
        return {one: index.relative_to(self.out).as_posix() for one, index in there.items() if index.exists()}


def root_of(found: Sequence[Notebook], source: Path, working: Path | None, values: Mapping[str, object]) -> Path:
    """Where notebooks of the folder `source` run: what holds their folder, or the working folder if there are tables.

    Tables in the working folder or above it win over those beside the notebooks. Raises DataError if there are none.
    """
    bases = [base for base in (working, source.parent) if base]
    name = _processed(found, values)
    folder = processed.find(name, *bases)
    return next(base for base in bases if processed.upwards(name, base) == folder)


def _processed(found: Sequence[Notebook], values: Mapping[str, object]) -> str:
    """The folder of the tables as the parameters name it, or the first notebook that does."""
    named = (values.get("processed"), *(notebook.value("processed", {}) for notebook in found))
    return str(next((one for one in named if one), processed.FOLDER))


def sites(root: Path, found: Sequence[Notebook], out: Path, values: Mapping[str, object]) -> list[Site]:
    """A site of the notebooks for each origin of the tables, or only for the one that `values` name.

    The notebooks run in `root`. Raises DataError if the processed tables are missing or damaged, or hold nothing of the
    origin.
    """
    tables_folder = processed.find(_processed(found, values), root)
    processed.check(tables_folder)
    there = _origins(tables_folder)
    folders = {origin: out if number == 0 else out / origin for number, origin in enumerate(there)}
    code, versions = fingerprint.code(), fingerprint.versions()
    tables: dict[Path, Tables] = {}
    made = []
    for origin in _wanted(values, there, tables_folder):
        others = {one: relpath(folders[one] / "index.html", folders[origin]) for one in there if one != origin}
        known = [one for one in found if origin == there[0] or "origin" in one.parameters]
        if not known:
            continue
        kept = manifest.load(folders[origin] / "manifest.json")
        devices = _devices(tables_folder, origin)
        made.append(
            Site(
                root,
                folders[origin],
                origin,
                others,
                tables_folder,
                known,
                kept,
                code,
                versions,
                tables,
                known_devices=devices,
            )
        )
    return made


def of_each_device(fleets: Sequence[Site], wanted: object = "") -> dict[str, list[Site]]:
    """The sites of the devices of each site, by its origin, with the notebooks that can be of one device.

    Of all devices, or of those wanted: by id, in a list, or with commas in a text. Raises ReportError if no notebook
    has the parameter `device`, and DataError for a device that no site knows.
    """
    known = list(dict.fromkeys(device for fleet in fleets for device in fleet.known_devices))
    every = isinstance(wanted, str) and not wanted.strip(" ,")
    chosen = known if every else choice.choose("device", wanted, known)
    return {fleet.origin: _of_devices(fleet, [one for one in fleet.known_devices if one in chosen]) for fleet in fleets}


def _of_devices(fleet: Site, devices: Sequence[str]) -> list[Site]:
    notebooks = [one for one in fleet.notebooks if DEVICE in one.parameters]
    if not notebooks:
        raise ReportError("No notebook has a parameter `device`, so that none can be of one device: give one to them.")
    made = []
    for device in devices:
        out = fleet.folder_of(device)
        kept = manifest.load(out / "manifest.json")
        back = relpath(fleet.out / "index.html", out)
        made.append(replace(fleet, out=out, others={}, notebooks=notebooks, manifest=kept, device=device, fleet=back))
    return made


def folder_name(device: str) -> str:
    """A name for the folder of a device that every file system and address takes.

    That is the id itself where it is one. Otherwise what is left of it, and a part of its hash: ids that differ never
    share a folder, and a folder does not depend on which other devices there are.
    """
    plain = unicodedata.normalize("NFKD", device).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:FOLDER_CHARACTERS].rstrip("-")
    if slug and slug == device:
        return slug
    digest = hashlib.sha256(device.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug[: FOLDER_CHARACTERS - 10].rstrip('-') or 'device'}--{digest}"  # no id that is its own folder has --


def _origins(processed: Path) -> list[str]:
    """Origins of the instances, in the order of their sites."""
    found = set(fingerprint.read_columns(processed / "instances.parquet", "origin")["origin"].unique().to_pylist())
    if not found:
        raise DataError(f"{processed} holds no run: run the suite, then `aiot process`.")
    return [origin for origin in ORIGINS if origin in found]


def _devices(processed: Path, origin: str) -> tuple[str, ...]:
    """Ids of the devices of an origin, in the order of their table."""
    path = processed / "devices.parquet"
    if not path.exists():
        raise DataError(f"There is no table devices in {processed}: run `aiot process` first.")
    rows = fingerprint.read_columns(path, "device_id", "origin").to_pylist()
    return tuple(row["device_id"] for row in rows if row["origin"] == origin)


def _wanted(values: Mapping[str, object], there: list[str], processed: Path) -> list[str]:
    if "origin" not in values:
        return there
    if values["origin"] not in there:
        raise DataError(
            f"{processed} holds nothing {values['origin']} (it holds {' and '.join(there)}): choose another origin."
        )
    return [str(values["origin"])]
