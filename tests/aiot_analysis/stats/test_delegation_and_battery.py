import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import execution
from aiot_analysis.tables import storage
from tests.aiot_analysis.conftest import instance, instances

CPU, NNAPI = "tflite_cpu_float32_mnasnet", "tflite_nnapi_float32_mnasnet"


@pytest.mark.parametrize(
    "changes, nodes, share, words",
    [
        ({"nodes_delegated": 31, "partitions": 1}, 31, 1.0, "all of it"),
        ({"nodes_delegated": 20, "partitions": 3}, 80, 0.25, "part of it"),
        ({"nodes_delegated": 0, "partitions": 0}, 80, 0.0, "none of it"),
        ({"nodes_delegated": 20}, None, np.nan, "not reported"),
        ({}, None, np.nan, "not reported"),
        ({"accelerator_requested": "nnapi", "accelerator_actual": "gpu", "nodes_delegated": 5}, 5, 1.0, "another ran"),
        ({"accelerator_requested": "nnapi", "accelerator_actual": "cpu"}, None, np.nan, "another ran"),
        ({"accelerator_requested": "cpu", "accelerator_actual": "cpu"}, None, np.nan, "none requested"),
    ],
)
def test_what_a_delegate_took(changes, nodes, share, words):
    rows = instances(instance(NNAPI, peak_rss_mb=80.0, nodes=nodes, **changes))
    result = execution.delegations(rows).iloc[0]
    assert result["delegation"] == words
    assert result["share_delegated"] == pytest.approx(share, nan_ok=True)
    assert (result["peak_rss_mb"], result["threads"], result["verdict"]) == (80.0, 1, "valid")


def test_the_cpu_needs_no_delegate_and_missing_reports_are_null():
    result = execution.delegations(instances(instance(CPU))).iloc[0]
    assert result["delegation"] == "none requested"
    assert pd.isna(result["nodes_delegated"]) and pd.isna(result["nodes"]) and np.isnan(result["share_delegated"])
    assert execution.delegations(instances(instance(CPU)).iloc[:0]).empty


def samples(percents, minutes=10, run_id="r1", **other):
    """Return samples of a device on battery, this many minutes apart."""
    rows = [
        {
            "run_id": run_id,
            "device_id": "phone",
            "instance_id": CPU,
            "attempt": 1,
            "at": f"2026-01-01T{(n * minutes) // 60:02}:{(n * minutes) % 60:02}:00Z",
            "battery_percent": percent,
            "plugged": False,
            "charging": False,
            "origin": "measured",
            **other,
        }
        for n, percent in enumerate(percents)
    ]
    return storage.table("telemetry", rows)


def test_a_battery_change_has_the_resolution_of_its_readings():
    result = execution.battery_changes(samples([90, 88, 87, 84])).iloc[0]
    assert result[["samples", "told", "begin_percent", "end_percent"]].tolist() == [4, 4, 90, 84]
    assert result[["change_percent", "change_percent_min", "change_percent_max"]].tolist() == [-6, -7, -5]
    assert result["hours"] == 0.5 and result["per_hour"] == -12 and result["gap"] == ""
    assert not result["charged"]


@pytest.mark.parametrize(
    "frame, gap",
    [
        (samples([None, None]), "the device does not report a battery"),
        (samples([90]), "there is only one reading"),
        (samples([90, 80], overridden=True), "the battery was set by hand"),
        (samples([90, 80], plugged=True), "it was plugged in or charging"),
        (samples([90, 80], charging=True), "it was plugged in or charging"),
        (samples([90, 80], plugged=None, charging=None), "it is unknown whether it was charging"),
        (samples([80, 82]), "the level rose without charging, so the reading is unreliable"),
        (samples([80, 80]), "below the resolution of the reading"),
    ],
)
def test_uninformative_battery_readings_have_a_reason(frame, gap):
    result = execution.battery_changes(frame).iloc[0]
    assert result["gap"] == gap and np.isnan(result["per_hour"])


def test_plugged_in_once_is_enough():
    both = pd.concat([samples([90, 85]), samples([84], plugged=True).assign(at="2026-01-01T01:00:00Z")])
    assert execution.battery_changes(both).iloc[0]["gap"] == "it was plugged in or charging"


def test_clocks_that_stand_or_mean_nothing_give_no_rate():
    still = samples([90, 85], minutes=0)
    assert execution.battery_changes(still).iloc[0]["change_percent"] == -5
    assert np.isnan(execution.battery_changes(still).iloc[0]["per_hour"])
    broken = samples([90, 85]).assign(at="yesterday")
    assert np.isnan(execution.battery_changes(broken).iloc[0]["per_hour"])


def test_runs_and_instances_are_kept_apart():
    frame = pd.concat([samples([90, 85]), samples([50, 49], run_id="r2")])
    assert execution.battery_changes(frame)["change_percent"].tolist() == [-5, -1]
    result = execution.battery_changes(frame, [*execution.RUN, "instance_id"])
    assert result["instance_id"].tolist() == [CPU, CPU]
    assert execution.battery_changes(frame.iloc[:0]).empty
