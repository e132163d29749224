"""Tests that any content of data/raw is either read or reported, without a traceback."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis import ingest
from aiot_analysis.errors import DataError
from aiot_analysis.tables import storage
from tests.aiot_analysis.ingest import fuzz
from tests.examples import examples
from tests.rawlogs import LOAD, attempt, begin, end, image

SUITE = [fuzz.INSTANCE, "pytorch_cpu_float32_mnasnet"]
TELEMETRY = b"".join(b'{"at":"2026-01-01T00:00:%02dZ","temperature_c":40.5}\n' % second for second in range(4))
OTHER_NAMES = [
    *("notes.txt", ".hidden", "run.json.part", "telemetry.jsonl", f"{SUITE[0]}.2.jsonl", f"{SUITE[1]}.9.jsonl"),
    *(f"{SUITE[0]}.01.jsonl", f"{SUITE[0]}.0.jsonl", "tflite_gpu_float32_mnasnet.1.jsonl", "x" * 200, "run.json"),
]


@st.composite
def folders(draw: st.DrawFn, raw: Path) -> None:
    """Write the raw logs of three runs of two devices, and damage them up to six times."""
    for device, month in (("a", 1), ("a", 2), ("b", 1)):
        folder = begin(raw, SUITE, f"2026{month:02}01T000000Z-aaaaaa", device)
        for id_ in SUITE:
            attempt(folder, id_, LOAD, *(image(query) for query in range(3)), end())
        (folder / f"{SUITE[0]}.1.jsonl").write_bytes(draw(fuzz.damaged_logs()))
        (folder / "telemetry.jsonl").write_bytes(TELEMETRY)
        (folder / "native").mkdir()
    for _ in range(draw(st.integers(0, 6))):
        draw(happening(raw))


@st.composite
def happening(draw: st.DrawFn, raw: Path) -> None:
    """Damage one file or folder."""
    existing = sorted(raw.rglob("*"))
    if not existing:
        return
    path = draw(st.sampled_from(existing))
    kind = draw(
        st.sampled_from(["damage", "damage", "value", "value", "delete", "copy", "move", "alien", "folder", "link"])
    )
    other = draw(st.sampled_from([entry if entry.is_dir() else entry.parent for entry in existing])) / draw(
        st.sampled_from(OTHER_NAMES)
    )
    try:
        if kind == "damage" and path.is_file():
            path.write_bytes(draw(fuzz.damaged(path.read_bytes())))
        elif kind == "value" and path.is_file():
            path.write_bytes(draw(fuzz.with_other_value(path.read_bytes())))
        elif kind == "delete":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif kind == "copy":
            (shutil.copytree if path.is_dir() else shutil.copy)(path, other)
        elif kind == "move":
            path.rename(other)
        elif kind == "alien":
            other.write_bytes(draw(st.sampled_from([b"", b"\n\n", b"\xff" * 9, *fuzz.ALIEN])))
        elif kind == "folder":
            other.mkdir()
        elif kind == "link":
            other.symlink_to(draw(st.sampled_from([path, Path("nowhere")])), target_is_directory=path.is_dir())
    except OSError:
        pass  # impossible here, like moving a folder into itself
    except shutil.Error:
        pass


def lines_of(path):
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    return data.count(b"\n") + (data != b"" and not data.endswith(b"\n"))


class Account:
    """The account that the tables give of every file below the raw folder."""

    def __init__(self, raw, processed):
        self.raw = raw
        self.table = {name: storage.read(name, processed) for name in storage.TABLES}
        left_out = self.table["left_out"]
        self.whole = set(left_out[left_out["lines"].isna()]["path"])
        self.lines = left_out.groupby("path")["lines"].sum(min_count=1).fillna(0).to_dict()
        self.runs = {
            path.parent: json.loads(path.read_bytes())
            for path in raw.glob("*/*/run.json")
            if not {str(path.parent), str(path.parent.parent)} & self.whole
        }

    def log(self, device_id, run_id, instance_id, attempt):
        folders = {(run["device_slug"], run["run_id"]): folder for folder, run in self.runs.items()}
        return folders[device_id, run_id] / f"{instance_id}.{attempt}.jsonl"

    def rows(self, name, run):
        frame = self.table[name]
        return frame[(frame["device_id"] == run["device_slug"]) & (frame["run_id"] == run["run_id"])]

    def used_lines(self, path, run):
        """Return how many lines of a log became rows or parts of rows."""
        if path.name == "telemetry.jsonl":
            return len(self.rows("telemetry", run))
        rows = self.rows("instances", run)
        names = rows["instance_id"] + "." + rows["attempt"].astype(str) + ".jsonl"
        return int(rows[names == path.name]["log_lines"].sum())

    def misses(self, path):
        """Return which part of a path is neither in a table nor reported, or ""."""
        if any(str(parent) in self.whole for parent in (path, *path.parents)):
            return ""
        if path.parent == self.raw or path in self.runs:
            return "" if path.is_dir() else "the file"
        run = self.runs.get(path.parent)
        if run is None:
            is_output = "native" in path.relative_to(self.raw).parts[2:-1]  # outputs of frameworks
            return "" if is_output else "the file or folder"
        if path.name in ("run.json", "device.json", "native"):
            return ""
        accounted = self.used_lines(path, run) + self.lines.get(str(path), 0)
        return "" if path.is_file() and accounted == lines_of(path) else f"all but {accounted} lines"


def check_that_all_is_accounted_for(raw, processed):
    account = Account(raw, processed)
    assert {path: missed for path in sorted(raw.rglob("*")) if (missed := account.misses(path))} == {}
    instances, images = account.table["instances"], account.table["images"]
    key = ["device_id", "run_id", "instance_id"]
    shown = instances[instances["images"] > 0].set_index(key)[["images", "attempt"]]
    records = images.groupby(key, observed=True).size().to_dict()
    summarised = {
        index: row["images"]
        for index, row in shown.iterrows()
        if index not in records and b'"summary"' in account.log(*index, row["attempt"]).read_bytes()
    }
    assert records | summarised == shown["images"].to_dict()
    assert (instances["log_lines"] >= instances["images"]).all()
    runs = sorted((run["device_slug"], run["run_id"]) for run in account.runs.values())
    assert runs == sorted(set(instances[["device_id", "run_id"]].itertuples(index=False, name=None)))


@examples(20)
@given(data=st.data())
def test_what_was_read_and_what_was_named_is_all_there_was(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    raw, processed = folder / "raw", folder / "processed"
    data.draw(folders(raw))
    try:
        ingest.process(raw, processed)
    except DataError as error:
        assert "holds no run that can be read" in str(error) and "\n" not in str(error)
    else:
        check_that_all_is_accounted_for(raw, processed)
    finally:
        if not os.environ.get("KEEP_FUZZ"):
            shutil.rmtree(folder)
