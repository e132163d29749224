"""The folder of reports as it is: which pages are there, and whether they still are true."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aiot_analysis.errors import DataError
from aiot_analysis.report import fingerprint, manifest, notebooks
from aiot_analysis.report.fingerprint import FileHashes
from aiot_analysis.report.manifest import Entry, Manifest
from aiot_analysis.report.notebooks import Notebook

PROCESSED = "data/processed"  # where the tables are if no notebook says otherwise


@dataclass
class Site:
    """A folder of notebooks, the folder of their reports, and what both were made of."""

    root: Path  # where notebooks run: what holds their folder
    out: Path
    notebooks: list[Notebook]
    manifest: Manifest
    code: str
    versions: dict[str, str]
    seen: FileHashes = field(default_factory=dict)
    _data: dict[Path, str] = field(default_factory=dict)

    @classmethod
    def open(cls, notebooks_dir: Path, out: Path) -> Site:
        """Reads both folders. Raises ReportError if there are no notebooks, or one cannot be read."""
        return cls(
            notebooks_dir.parent,
            out,
            notebooks.find(notebooks_dir),
            manifest.load(out / "manifest.json"),
            fingerprint.code(),
            fingerprint.versions(),
        )

    def entry(self, name: str) -> Entry:
        return self.manifest.reports.setdefault(name, Entry())

    def page(self, name: str) -> Path:
        return self.out / f"{name}.html"

    def save(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        self.manifest.files |= self.seen
        self.manifest.save(self.out / "manifest.json")

    def processed(self, given: object = None) -> Path:
        """The processed tables the index tells of: those given, or those the first notebook reads.

        Raises DataError if they are not there.
        """
        defaults = (notebook.value("processed", {}) for notebook in self.notebooks)
        folder = given or next((value for value in defaults if value), PROCESSED)
        return fingerprint.processed_folder(self.root, str(folder))

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
        """What a page of the notebook with these parameters depends on. May raise DataError."""
        return fingerprint.combine(
            notebook.digest, given, self.data_of(notebook, given), self.code, self.versions, notebook.name
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
