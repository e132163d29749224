"""Tests of when a run ended and in which boot of the system it was measured."""

import json

import pandas as pd
import pytest

from aiot_analysis import ingest
from aiot_analysis.errors import DataError
from aiot_analysis.ingest import rules
from aiot_analysis.stats import variance
from aiot_analysis.tables import storage
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = "tflite_cpu_float32_mobilenet_v2"
AT = "2026-01-01T10:00:00Z"


def boot(boot_id=None, uptime_s=None, at=AT):
    return {"at": at, "boot_id": boot_id, "uptime_s": uptime_s}


@pytest.mark.parametrize(
    "boots, expected",
    [
        (None, None),  # an older log
        ([], None),
        ([boot("a", 10)], "a"),
        ([boot("a"), boot("a")], "a"),
        ([boot("a"), boot("b")], None),  # resumed after a restart
        ([boot("a"), boot(None, 10)], None),
        ([boot(None, 5400)], "started 2026-01-01T08Z"),  # 10:00 less 1.5 h
        ([boot(None, 5400), boot(None, 9010, "2026-01-01T11:00:00Z")], "started 2026-01-01T08Z"),  # 10 s apart
        ([boot(None, 5400), boot(None, 60, "2026-01-01T11:00:00Z")], None),  # restarted at 10:59
        ([boot(None, 1e300)], None),
        ([boot(None, "x")], None),
        ([boot(None, 5400, "noon")], None),
        ([boot(7)], None),
        (["a", 1], None),
    ],
)
def test_the_start_of_the_system_that_a_run_was_measured_in(boots, expected):
    assert rules.boot_id({"boots": boots}) == expected
    assert rules.boot_id({}) is None


@pytest.mark.parametrize(
    "ended, samples, expected",
    [
        ("2026-01-01T11:00:00Z", [AT], "2026-01-01T11:00:00Z"),
        (None, ["2026-01-01T09:00:00Z", AT, "2026-01-01T08:00:00+00:00"], AT),  # cut off
        (None, ["2026-01-01T10:30:00+01:00", AT], AT),  # 9:30 UTC
        (None, ["noon", "0001-01-01T00:00:00+14:00"], None),
        (None, [], None),
        ("noon", [AT], None),
    ],
)
def test_the_end_of_a_run_is_its_last_sample_where_it_was_cut_off(ended, samples, expected):
    assert rules.run_ended({"ended": ended}, [{"at": at} for at in samples]) == expected


def test_runs_of_one_session_differ_from_runs_after_a_restart(tmp_path):
    """Four runs are ten minutes apart, with a restart before the third; the fourth is from an older version."""
    for number, boots in enumerate(([boot("a")], [boot("a")], [boot("b")], None)):
        started, over = f"2026-01-01T1{number}:00:00Z", f"2026-01-01T1{number}:50:00Z"
        run_id = f"20260101T1{number}0000.000Z-{number:06}"
        folder = begin(tmp_path / "raw", [ONE], run_id=run_id, started=started, ended=over, boots=boots)
        attempt(folder, ONE, LOAD, image(0), image(1), end())
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    rows = storage.read("instances", tmp_path / "processed")
    assert list(rows["ended"]) == [f"2026-01-01T1{number}:50:00Z" for number in range(4)]
    assert list(rows["boot_id"].fillna("")) == ["a", "a", "b", ""]
    assert list(variance.sessions(rows)) == [1, 1, 2, 2]
    assert list(variance.sessions(rows.drop(columns="boot_id"))) == [1, 1, 1, 1]


def test_a_run_that_was_cut_off_ends_with_its_telemetry(tmp_path):
    """Two hours of an unfinished run do not put the next run into another session."""
    folder = begin(tmp_path / "raw", [ONE], run_id="20260101T080000.000Z-000000", started="2026-01-01T08:00:00Z")
    attempt(folder, ONE, LOAD, image(0), image(1), end())
    lines = [json.dumps({"at": at, "instance": ONE}) for at in ("2026-01-01T08:00:02Z", AT)]
    (folder / "telemetry.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    started = "2026-01-01T10:05:00Z"
    folder = begin(tmp_path / "raw", [ONE], run_id="20260101T100500.000Z-000000", started=started)
    attempt(folder, ONE, LOAD, image(0), image(1), end())
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    rows = storage.read("instances", tmp_path / "processed")
    assert (rows["ended"][0], pd.isna(rows["ended"][1])) == (AT, True)
    assert list(variance.sessions(rows)) == [1, 1]


def test_tables_of_a_version_without_these_columns_say_what_to_do(tmp_path):
    attempt(begin(tmp_path / "raw", [ONE]), ONE, LOAD, image(0), end())
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    file = tmp_path / "processed" / "instances.parquet"
    pd.read_parquet(file).drop(columns=["ended", "boot_id"]).to_parquet(file)
    with pytest.raises(DataError, match="run `aiot process`"):
        storage.read("instances", tmp_path / "processed")
