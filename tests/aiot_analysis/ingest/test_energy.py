"""Tests of energy from battery samples of known power: 3 W during the instance and 1 W while idle, at 4 V."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis import ingest
from aiot_analysis.ingest import energy
from aiot_analysis.stats import execution
from aiot_analysis.tables import data
from tests.rawlogs import LOAD, RUN, attempt, begin, end, image

NAME = "tflite_cpu_float32_mnasnet"
START = datetime(2026, 1, 1, tzinfo=UTC)
IDLE_S, RUN_S, EVERY_S = 120, 600, 5
MS = 20.0  # per image: (3 W - 1 W) x 20 ms = 40 mJ


def sampled(
    idle_watts=1.0, watts=3.0, step_uah=1.0, unit_ua=1.0, sign=-1, counter=True, screens=(True, True), noise=0.0, **more
):
    """Return telemetry of two idle minutes, ten minutes of the instance, and two idle minutes."""
    rows = []
    charge_c = 3.6 * 3000  # 3000 mAh
    for second in range(0, 2 * IDLE_S + RUN_S + 1, EVERY_S):
        running = IDLE_S <= second < IDLE_S + RUN_S
        now = watts if running else idle_watts
        now *= 1 + noise * math.sin(second)
        charge_uah = charge_c / 3.6e-3
        rows.append(
            {
                "instance_id": NAME if running else None,
                "attempt": 1 if running else None,
                "at": f"{START + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}",
                "charge_uah": math.floor(charge_uah / step_uah) * step_uah if counter else None,
                "voltage_mv": 4000.0,
                "current_ua": sign * now / 4.0 * 1e6 / unit_ua if unit_ua else None,
                "screen_on": None if running else screens[second >= IDLE_S],
                "plugged": False,
                "overridden": False,
                **more,
            }
        )
        charge_c -= now / 4.0 * EVERY_S
    return rows


def measured(rows, loop_s=RUN_S):
    return energy.per_image(rows, NAME, 1, loop_s, round(1000 * loop_s / MS))


def test_loading_the_model_does_not_count():
    rows = sampled(unit_ua=None)
    loading = [row for row in rows if row["instance_id"]][: 60 // EVERY_S]
    for number, row in enumerate(loading):  # a minute at 9 W instead of 3 W
        row["charge_uah"] += 6 / 4.0 * (60 - EVERY_S * number) / 3.6e-3
    for row in rows[: IDLE_S // EVERY_S]:
        row["charge_uah"] += 6 / 4.0 * 60 / 3.6e-3
    assert measured(rows, loop_s=RUN_S - 65)["energy_mj"] == pytest.approx(40.0, rel=1e-3)
    assert measured(rows)["energy_mj"] > 45


def write_run(folder, rows, profile="sustained", run_id=RUN):
    run = begin(folder, [NAME], run_id, profile={"name": profile})
    lines = [{"instance" if name == "instance_id" else name: value for name, value in row.items()} for row in rows]
    (run / "telemetry.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    attempt(run, NAME, LOAD, *(image(query) for query in range(500)), end() | {"loop_ns": RUN_S * 10**9})


@pytest.mark.parametrize("profile", ["sustained", "paper"])
def test_a_run_has_its_energy_in_the_table(tmp_path, profile):
    write_run(tmp_path / "raw", sampled(unit_ua=None), profile)
    ingest.process(tmp_path / "raw", tmp_path / "processed")
    tables = data.load(tmp_path / "processed")
    [row] = tables.instances.to_dict("records")
    if profile == "paper":
        assert pd.isna([row["energy_mj"], row["energy_mj_se"], row["energy_gap"]]).all()
        assert execution.energies(tables.instances).empty
        return
    assert pd.isna(row["energy_gap"])
    assert row["energy_mj"] == pytest.approx(2.0 * RUN_S / 500 * 1000, rel=1e-3)  # 2 W for 600 s, over 500 images
    assert (row["verdict"], row["reasons"]) == ("valid", ""), "samples of the idle device are none of the instance"
    [shown] = execution.energies(tables.instances).to_dict("records")
    assert (shown["gap"], shown["energy_mj"]) == ("", row["energy_mj"])
    assert shown["energy_mj_high"] - shown["energy_mj"] == pytest.approx(1.96 * row["energy_mj_se"], rel=1e-3)
    telemetry = tables.telemetry()
    assert telemetry["instance_id"].isna().sum() == 49
    assert set(telemetry["screen_on"].dropna()) == {True} and telemetry["charge_uah"].notna().all()


def test_why_a_run_has_no_energy_is_in_the_table(tmp_path):
    write_run(tmp_path / "raw", sampled(plugged=True))
    older = [{"instance_id": NAME, "attempt": 1, "at": "2026-01-01T00:00:00Z", "battery_percent": 80}]
    write_run(tmp_path / "older", older)
    for raw, gap in (("raw", energy.PLUGGED), ("older", energy.NO_COUNTER)):
        ingest.process(tmp_path / raw, tmp_path / "processed")
        tables = data.load(tmp_path / "processed")
        assert tables.instances["energy_gap"].tolist() == [gap]
        assert execution.energies(tables.instances)["gap"].tolist() == [gap]
    without = tables.instances.assign(energy_gap=None)  # like tables of earlier versions
    assert execution.energies(without)["gap"].tolist() == [execution.NOT_SAMPLED]


def test_the_energy_of_an_image_is_that_above_the_idle_device():
    result = measured(sampled(unit_ua=None))
    assert result["energy_gap"] is None
    assert result["energy_mj"] == pytest.approx(40.0, rel=1e-3)


def test_the_error_is_that_of_the_steps_of_the_counter():
    """A step of 1 mAh is 3.6 C, or 14.4 J at 4 V, and both readings have a uniform error of up to one step."""
    result = measured(sampled(step_uah=1000.0, unit_ua=None))
    during_s, idle_s = RUN_S - EVERY_S, [IDLE_S - EVERY_S, IDLE_S]
    during_w = math.sqrt(2 / 12) * 14.4 / during_s
    idle_w = math.sqrt(2 / 12) * 14.4 * math.sqrt(2) / sum(idle_s)
    assert result["energy_mj_se"] >= math.hypot(during_w, idle_w) * MS * 0.999
    assert abs(result["energy_mj"] - 40.0) < 3 * result["energy_mj_se"] < 40.0


@pytest.mark.parametrize("unit_ua", [1.0, 1000.0, 100.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_current_that_the_counter_confirms_is_more_precise(unit_ua, sign):
    by_counter = measured(sampled(step_uah=1000.0, unit_ua=None))
    result = measured(sampled(step_uah=1000.0, unit_ua=unit_ua, sign=sign, noise=0.05))
    assert result["energy_mj"] == pytest.approx(40.0, rel=0.01)
    assert result["energy_mj_se"] < by_counter["energy_mj_se"]


def test_a_current_that_the_counter_contradicts_is_not_used():
    rows = sampled(step_uah=100.0, unit_ua=2.0)  # half of the true value
    without = measured([{**row, "current_ua": None} for row in rows])
    assert measured(rows) == without


def test_a_coarse_counter_with_a_current_is_measurable_and_without_is_not():
    coarse = {"step_uah": 40_000.0}  # whole percents of 4000 mAh
    assert measured(sampled(unit_ua=None, **coarse))["energy_gap"] == (
        "its charge counter moves in steps of 40 mAh, and it drew 120 mAh"
    )
    assert measured(sampled(unit_ua=1000.0, noise=0.05, **coarse))["energy_mj"] == pytest.approx(40.0, rel=0.01)


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        ({"plugged": True}, energy.PLUGGED),
        ({"plugged": None}, energy.PLUGGED_UNKNOWN),
        ({"overridden": True}, energy.OVERRIDDEN),
        ({"charge_uah": None}, energy.NO_COUNTER),
        ({"voltage_mv": None}, energy.NO_COUNTER),
        ({"charge_uah": 3112.0}, "its charge counter reads 3112, which is not in microampere-hours"),
        ({"charge_uah": 3_000_000.0}, "its charge counter did not move"),
    ],
)
def test_what_is_not_measurable_has_a_reason(changes, gap):
    assert measured([{**row, **changes} for row in sampled()]) == {"energy_gap": gap}


def test_one_sample_while_plugged_in_is_enough():
    rows = sampled()
    rows[40]["plugged"] = True
    assert measured(rows) == {"energy_gap": energy.PLUGGED}


def test_without_idle_samples_nothing_is_measurable():
    assert measured([row for row in sampled() if row["instance_id"]]) == {"energy_gap": energy.NO_IDLE}
    long_ago = [row | ({} if row["instance_id"] else {"at": "2025-01-01T00:00:00Z"}) for row in sampled()]
    assert measured(long_ago) == {"energy_gap": energy.NO_IDLE}


def test_a_short_instance_is_not_measurable():
    short = [row for row in sampled() if not row["instance_id"] or row["at"] < "2026-01-01T00:02:30Z"]
    assert measured(short) == {"energy_gap": "it was sampled for less than 30 s"}
    at_once = [row | ({"at": "2026-01-01T00:02:00Z"} if row["instance_id"] else {}) for row in sampled()]
    assert measured(at_once) == {"energy_gap": "it was sampled for less than 30 s"}


def test_a_screen_that_turns_off_during_the_run_is_a_reason():
    assert measured(sampled(screens=(True, False))) == {"energy_gap": energy.SCREEN}


def test_of_the_idle_time_before_only_that_with_the_last_state_of_the_screen_counts():
    rows = sampled(screens=(False, False), unit_ua=None)
    for row in rows[:6]:  # the screen is on for half a minute, and takes 10 W
        row["screen_on"] = True
        row["charge_uah"] += 10 / 4.0 * 30 / 3.6e-3
    assert measured(rows)["energy_mj"] == pytest.approx(40.0, rel=1e-3)


def test_idle_power_that_changes_makes_it_less_certain():
    rows = sampled(unit_ua=None)
    warm = [row for row in rows if row["instance_id"] is None][IDLE_S // EVERY_S :]
    for number, row in enumerate(warm):  # 1.5 W instead of 1 W afterwards
        row["charge_uah"] -= 0.5 / 4.0 * EVERY_S * number / 3.6e-3
    result = measured(rows)
    assert result["energy_mj"] == pytest.approx((3 - 1.25) * MS, rel=0.02)
    assert result["energy_mj_se"] == pytest.approx(0.25 * MS, rel=0.05)


@given(
    idle_watts=st.floats(0.2, 3.0),
    more_watts=st.floats(0.5, 6.0),
    step_uah=st.sampled_from([1.0, 100.0, 1000.0, 5000.0, 40_000.0]),
    unit_ua=st.sampled_from([None, 1.0, 1000.0]),
)
def test_what_is_called_measurable_is_within_its_error(idle_watts, more_watts, step_uah, unit_ua):
    rows = sampled(idle_watts, idle_watts + more_watts, step_uah, unit_ua, noise=0.1)
    result = measured(rows)
    if result["energy_gap"] is None:
        assert abs(result["energy_mj"] - more_watts * MS) < 4.5 * result["energy_mj_se"] + 0.03 * more_watts * MS
        assert result["energy_mj_se"] <= energy.LARGEST_RELATIVE_ERROR * result["energy_mj"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "instance_id": st.sampled_from([NAME, None]),
                "attempt": st.just(1),
                "at": st.sampled_from(["x", "", "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:00:00"]),
                "charge_uah": st.sampled_from([None, 1e6, 2e6, -5.0]),
                "voltage_mv": st.sampled_from([None, 4000.0, 3000.0]),
                "current_ua": st.sampled_from([None, 0.0, -1e6]),
                "screen_on": st.sampled_from([None, True, False]),
                "plugged": st.sampled_from([None, False]),
                "overridden": st.just(None),
            }
        )
    )
)
def test_odd_samples_never_raise(rows):
    result = measured(rows)
    assert result["energy_gap"] or result["energy_mj"] > 0
