"""A folder of reports as it is: which pages are there, and whether they still are true.

Origins never share a page. Each has a site: the first one that the tables hold in the folder of the reports,
every other in a subfolder of its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os.path import relpath
from pathlib import Path

from aiot_analysis.errors import DataError
from aiot_analysis.report import fingerprint, manifest
from aiot_analysis.report.fingerprint import FileHashes
from aiot_analysis.report.manifest import Entry, Manifest
from aiot_analysis.report.notebooks import Notebook

PROCESSED = "data/processed"  # where the tables are if no notebook says otherwise
ORIGINS = ("measured", "simulated", "imported")  # in the order in which sites are linked


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
    seen: FileHashes = field(default_factory=dict)
    _data: dict[Path, str] = field(default_factory=dict)

    def parameters(self, notebook: Notebook, values: Mapping[str, object]) -> dict[str, object]:
        """The values for a notebook, and the site's origin where it is not the notebook's default."""
        return {
            **values,
            **({"origin": self.origin} if notebook.value("origin", {}) not in (None, self.origin) else {}),
        }

    def entry(self, name: str) -> Entry:
        return self.manifest.reports.setdefault(name, Entry())

    def page(self, name: str) -> Path:
        return self.out / f"{name}.html"

    def save(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.manifest.files |= self.seen
        self.manifest.save(self.out / "manifest.json")

    def data(self, folder: Path) -> str:
        """sha256 of the processed tables in a folder."""
        if folder not in self._data:
            self._data[folder] = fingerprint.data(folder, self.manifest.files, self.seen)
        return self._data[folder]

    def data_of(self, notebook: Notebook, given: dict[str, object]) -> str:
        """sha256 of the tables a notebook reads, or "" if it has no parameter `processed`. May raise DataError."""
        folder = notebook.value("processed", given)
        return self.data(fingerprint.processed_folder(self.root, str(folder))) if folder else ""

    def fingerprint(self, notebook: Notebook, given: dict[str, object]) -> str:
        """What a page of the notebook with these parameters depends on: not on where that is. May raise DataError."""
        values = {name: value for name, value in given.items() if name != "scheduler"}
        return fingerprint.combine(
            notebook.digest, values, self.data_of(notebook, given), self.code, self.versions, notebook.name
        )

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
        return not entry.error and entry.fingerprint == print_ and self.page(notebook.name).exists()


def sites(root: Path, found: Sequence[Notebook], out: Path, values: Mapping[str, object]) -> list[Site]:
    """A site of the notebooks for each origin of the tables, or only for the one that `values` name.

    The notebooks run in `root`. Raises DataError if the processed tables are missing or hold nothing of the origin.
    """
    folder = values.get("processed") or next(
        (value for value in (notebook.value("processed", {}) for notebook in found) if value), PROCESSED
    )
    processed = fingerprint.processed_folder(root, str(folder))
    there = _origins(processed)
    folders = {origin: out if number == 0 else out / origin for number, origin in enumerate(there)}
    made = []
    for origin in _wanted(values, there, processed):
        others = {one: relpath(folders[one] / "index.html", folders[origin]) for one in there if one != origin}
        known = [one for one in found if origin == there[0] or "origin" in one.parameters]
        if not known:
            continue
        made.append(
            Site(
                root,
                folders[origin],
                origin,
                others,
                processed,
                known,
                manifest.load(folders[origin] / "manifest.json"),
                fingerprint.code(),
                fingerprint.versions(),
            )
        )
    return made


def _origins(processed: Path) -> list[str]:
    """Origins of the instances; read without pandas, which takes longer to import than all else here."""
    from pyarrow import parquet

    table = parquet.ParquetFile(processed / "instances.parquet").read(columns=["origin"])
    found = set(table["origin"].unique().to_pylist())
    if not found:
        raise DataError(f"{processed} holds no run: run the suite, then `aiot process`.")
    return [origin for origin in ORIGINS if origin in found]


def _wanted(values: Mapping[str, object], there: list[str], processed: Path) -> list[str]:
    if "origin" not in values:
        return there
    if values["origin"] not in there:
        raise DataError(
            f"{processed} holds nothing {values['origin']} (it holds {' and '.join(there)}): choose another origin."
        )
    return [str(values["origin"])]
