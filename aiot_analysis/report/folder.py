"""The folder that reports are written into: one writer at a time, and unrelated files stay untouched."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiot_analysis.errors import ReportError
from aiot_analysis.tables import files

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
        raise _not_written(out, error) from None
    busy = ReportError(f"Another `aiot report` is writing to {out}: wait for it to finish, or choose another folder.")
    try:
        with files.locked(out, busy):
            yield
    except OSError as error:
        if error.filename is None or not Path(str(error.filename)).is_relative_to(out):
            raise
        raise _not_written(out, error) from None


def _not_written(out: Path, error: OSError) -> ReportError:
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
        content = json.loads(path.read_bytes())
    except ValueError:
        return True
    return not isinstance(content, dict) or not content or "reports" in content
