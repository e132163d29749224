"""Tests of the conditions of a run and the samples of its device, from raw logs to the tables."""

import json

import pytest

from aiot_analysis import ingest
from aiot_analysis.tables import storage
from tests.rawlogs import LOAD, attempt, begin, end, image

ONE = "tflite_cpu_float32_mobilenet_v2"
TWO = "pytorch_cpu_float32_mobilenet_v2"
BOTH = {"fixed_performance": True, "cores": "big"}
KEPT = {"at": "2026-01-01T00:00:00Z", "fixed_performance": True, "core_mask": "f0", "refused": {}}


def sample(at="2026-01-01T00:00:00Z", instance=ONE, **state):
    return {"at": at, "instance": instance, **state}


def processed(tmp_path, *samples, attempts=1, **run):
    folder = begin(tmp_path / "raw", [ONE, TWO], **run)
    for one in (ONE, TWO):
        for number in range(1, attempts + 1):
            ending = end() if number == attempts else {"event": "failed", "reason": "gone"}
            attempt(folder, one, LOAD, *(image(query) for query in range(500)), ending, number=number)
    (folder / "telemetry.jsonl").write_text("".join(json.dumps(one) + "\n" for one in samples))
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    result = storage.read("instances", tmp_path / "processed").set_index("instance_id")
    return result, storage.read("telemetry", tmp_path / "processed")


@pytest.mark.parametrize(
    "requested, applied, expected, reason",
    [
        (None, None, None, ""),
        (None, [{"at": "x", "refused": {"screen_on": "no"}}], None, ""),
        (BOTH, [KEPT], "fixed performance, big cores", ""),
        ({"cores": "big"}, [KEPT], "big cores", ""),
        (
            BOTH,
            [KEPT, {**KEPT, "fixed_performance": False, "refused": {"fixed_performance": "it says 'no'"}}],
            "big cores",
            "fixed performance was requested but not applied: it says 'no'",
        ),
        (
            {"cores": "big"},
            [{**KEPT, "core_mask": None, "refused": "no"}],
            None,
            "big cores was requested but not applied: the reason is unknown",
        ),
        (
            {"fixed_performance": True},
            None,
            None,
            "fixed performance was requested, but it is unknown whether the device applied it",
        ),
        ({"fixed_performance": "yes", "cores": 7}, None, None, ""),  # not in the format, so nothing is requested
    ],
)
def test_conditions_are_reported_and_judged(tmp_path, requested, applied, expected, reason):
    result, _ = processed(tmp_path, conditions=requested, held=applied)
    assert result["conditions"].astype("object").where(result["conditions"].notna(), None).tolist() == [
        expected,
        expected,
    ]
    assert result["reasons"].tolist() == [reason, reason]
    assert set(result["verdict"]) == {"semi-valid" if reason else "valid"}


def test_samples_are_in_the_table_and_old_ones_have_nulls(tmp_path):
    state = {"battery_temperature_c": 31.5, "skin_temperature_c": 33, "temperature_sensor": "AP", "plugged": True}
    new = sample(attempt=1, charging=False, overridden=False, **state)
    _, telemetry = processed(tmp_path, sample(temperature_c=40), new, sample(attempt=1, lost=True))
    columns = ["attempt", "battery_temperature_c", "skin_temperature_c", "temperature_sensor", "plugged", "charging"]
    result = telemetry[[*columns, "overridden", "lost"]]
    assert result.iloc[0].isna().all() and telemetry.loc[0, "temperature_c"] == 40
    assert result.iloc[1].tolist()[:-1] == [1, 31.5, 33.0, "AP", True, False, False]
    assert result.iloc[2].drop(["attempt", "lost"]).isna().all() and result.loc[2, "lost"]


def test_an_instance_is_judged_by_the_samples_of_its_own_attempt(tmp_path):
    result, _ = processed(
        tmp_path,
        sample(attempt=1, thermal_status="light"),  # the attempt that failed
        sample(attempt=2, thermal_status="none"),
        sample(instance=TWO, attempt=1, thermal_status="none"),
        sample(instance=TWO, attempt=2, thermal_status="severe"),
        attempts=2,
    )
    assert result["verdict"].to_dict() == {ONE: "valid", TWO: "invalid"}
    assert result.loc[TWO, "reasons"] == "the thermal status was severe: let the device cool and run again"


def test_samples_of_older_logs_have_no_attempt_and_count_for_the_one_that_is_used(tmp_path):
    result, _ = processed(tmp_path, sample(battery_percent=12), sample(instance=None, thermal_status="severe"))
    assert result["reasons"].to_dict() == {ONE: "the battery was at 12%, below 30%: charge it and run again", TWO: ""}


def test_a_sample_that_is_not_of_the_format_is_excluded(tmp_path):
    _, telemetry = processed(tmp_path, sample(plugged="yes"), sample(charging=1), sample(attempt=True), sample())
    assert len(telemetry) == 1
    left_out = storage.read("left_out", tmp_path / "processed")
    assert left_out[["reason", "lines"]].values.tolist() == [["malformed lines: 3", 3]]
