from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.tables import validity
from aiot_analysis.tables.validity import judge
from runner import doctor
from runner.devices import answers

GOOD = {
    "status": "end", "images": 500, "failed_images": 0, "accuracy": 0.7, "timing": "end_to_end",
    "end_to_end_ms_mean": 10.0, "end_to_end_ms_sd": 1.0, "inference_ms_mean": None, "inference_ms_sd": None,
    "accelerator_requested": None, "accelerator_actual": pd.NA,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes, verdict, reason",
    [
        ({}, "valid", ""),
        ({"end_to_end_ms_sd": 5.0}, "valid", ""),  # just half of the mean
        ({"status": "unavailable", "reasons": "NNAPI needs Android"}, "unavailable", "NNAPI needs Android"),
        ({"status": "failed", "reasons": "out of memory"}, "invalid", "out of memory"),
        ({"status": "cut"}, "invalid", "the log ends too early: run it again"),
        ({"accuracy": None}, "invalid", "no accuracy was measured"),
        ({"accuracy": float("nan")}, "invalid", "no accuracy was measured"),
        ({"timing": "inference"}, "invalid", "no time was measured"),
        (
            {"weights": "random", "accuracy": None, "images": 10},
            "semi-valid",
            "its weights are random, so that it has ",
        ),
        ({"weights": "random", "accuracy": None, "timing": "inference"}, "invalid", "no time was measured"),
        ({"study": "profile", "accuracy": None, "images": 0}, "valid", ""),  # this run shows no images
        ({"study": "profile", "reasons": "no operator was timed"}, "semi-valid", "no operator was timed"),
        ({"study": "resize", "accuracy": None}, "invalid", "no accuracy was measured"),
        ({"images": 499}, "semi-valid", "499 of 500 images"),
        ({"failed_images": 2}, "semi-valid", "failed images, counted as wrong: 2"),
        ({"end_to_end_ms_sd": 6.0}, "semi-valid", "times scatter by 60% of their mean"),
        (
            {"accelerator_requested": "nnapi", "accelerator_actual": "cpu"},
            "invalid",
            "nnapi was requested, but cpu ran: this is not",
        ),
        (
            {"accelerator_requested": "nnapi", "accelerator_actual": "gpu"},
            "semi-valid",
            "nnapi was requested, but gpu ran",
        ),
        ({"accelerator_requested": "nnapi", "accelerator_actual": "nnapi"}, "valid", ""),
        ({"parity_passed": True, "parity_finding": "the same network"}, "valid", ""),
        ({"parity_passed": pd.NA}, "valid", ""),
        (
            {"parity_passed": np.bool_(False), "parity_finding": "18 of 100 images right, 80% declared"},
            "invalid",
            "its model file failed the check: 18 of 100 images right, 80% declared",
        ),
    ],
)
def test_verdicts(changes, verdict, reason):
    result, reasons = judge({**GOOD, **changes})
    assert result == verdict
    assert reasons.startswith(reason) and bool(reasons) == bool(reason)


def test_all_doubts_are_listed():
    assert (
        judge({**GOOD, "images": 50, "failed_images": 1})[1] == "50 of 500 images; failed images, counted as wrong: 1"
    )


COOL = {
    "temperature_c": 70.0, "battery_temperature_c": 30.0, "skin_temperature_c": 33.0, "thermal_status": "none",
    "frequency_mhz": 2000.0, "battery_percent": 80.0, "plugged": True, "charging": True, "overridden": False,
    "lost": None,
}  # fmt: skip


def samples(*changes, every_s=5):
    """Return samples of a cool device, this many seconds apart, each with other values."""
    times = pd.Timestamp("2026-01-01T00:00:00Z") + pd.to_timedelta(np.arange(len(changes)) * every_s, unit="s")
    pairs = zip(times, changes, strict=True)
    return [{**COOL, "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), **change} for at, change in pairs]


@pytest.mark.parametrize(
    "changes, reason",
    [
        ([{}, {}, {}], ""),
        ([dict.fromkeys(COOL), dict.fromkeys(COOL)], ""),  # a device without readings
        ([{}, {"thermal_status": "light"}, {}], "the thermal status was light: let the device cool and run again"),
        ([{}, {"thermal_status": "moderate"}, {"thermal_status": "light"}], "the thermal status was moderate"),
        ([{"battery_temperature_c": 45.0, "skin_temperature_c": 45.0}], ""),
        ([{"battery_temperature_c": 45.1}, {}], "the battery was at 45.1 °C, above 45 °C"),
        ([{}, {"skin_temperature_c": 47.0}], "the skin was at 47.0 °C, above 45 °C"),
        ([{"battery_percent": 30.0}], ""),
        ([{"battery_percent": 31.0}, {"battery_percent": 29.0}], "the battery was at 29%, below 30%"),
        ([{}, {"plugged": False, "charging": False}], "the device was plugged in or unplugged during the measurement"),
        ([{}, {"plugged": None, "charging": None}, {}], ""),
        ([{}, {"charging": False}], "the device started or stopped charging during the measurement"),
        ([{"battery_percent": 100.0}, {"battery_percent": 100.0, "charging": False}], ""),
        ([{"frequency_mhz": mhz} for mhz in (2000, 2100, 1900, 1900, 1850, 1850)], ""),
        ([{"frequency_mhz": mhz} for mhz in (2000, 2000, 1900, 1900, 1700, 1700)], "the frequency fell by 15%"),
        ([{"frequency_mhz": mhz} for mhz in (2000, 2000, 900, 900, 900)], ""),  # too few samples
        ([{"frequency_mhz": mhz} for mhz in (1000, 1000, 1500, 1500, 2000, 2000)], ""),  # it rose under load
        ([{}, {"lost": True}, {}], "the connection was lost during the measurement (10 s between"),
        ([{}, {"overridden": True}], "the battery or thermal status was set by hand"),
        (
            [{"throttling": "none"}, {"throttling": "hot, capped"}, {"throttling": "throttled"}],
            "the device was throttled (capped, hot, throttled): cool it and run again",
        ),
        ([{"throttling": "under-voltage"}], "the device was throttled (under-voltage): use a stronger power supply"),
        ([{"others": "none"}, {"others": None}, {}], ""),
        (
            [{"others": "none"}, {"others": "unknown"}, {"others": "seen"}],
            "another measurement ran on the device at the same time: run it again alone",
        ),
        (
            [{"others": "unknown"}],
            "the device does not show whether another measurement ran at the same time",
        ),
    ],
)
def test_what_the_samples_tell(changes, reason):
    result, reasons = judge(GOOD, samples(*changes))
    assert result == ("semi-valid" if reason else "valid")
    assert reasons.startswith(reason) and bool(reasons) == bool(reason)


def test_a_gap_between_samples_is_reported():
    assert judge(GOOD, samples({}, {}, every_s=30)) == ("valid", "")
    assert (
        judge(GOOD, samples({}, {}, every_s=31))[1]
        == "the device's state was not sampled for 31 s during the measurement"
    )
    back = [*samples({}, {}), *samples({})]  # the clock was changed
    assert judge(GOOD, back) == ("valid", "")
    assert judge(GOOD, [{**COOL, "at": "soon"}, {**COOL, "at": "2026-01-01T00:00:00"}]) == ("valid", "")


@pytest.mark.parametrize("status", validity.THERMAL_STATUSES[validity.SEVERE :])
def test_severe_throttling_is_no_measurement_but_where_it_is_looked_for(status):
    hot = samples({}, {"thermal_status": status})
    reason = f"the thermal status was {status}: let the device cool and run again"
    assert judge(GOOD, hot) == ("invalid", reason)
    assert judge({**GOOD, "profile": "sustained"}, hot) == ("semi-valid", reason)


def test_a_profile_of_operators_is_judged_by_the_samples_too():
    row = {**GOOD, "study": "profile", "accuracy": None, "images": 0}
    assert judge(row, samples({}, {"thermal_status": "light"}))[0] == "semi-valid"


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "battery_temperature_c": st.none() | st.floats(-40, 150),
                "battery_percent": st.none() | st.floats(0, 100),
                "frequency_mhz": st.none() | st.floats(1, 1e5),
                "thermal_status": st.none() | st.sampled_from([*validity.THERMAL_STATUSES, "cold"]),
                "plugged": st.none() | st.booleans(),
                "lost": st.none() | st.booleans(),
                "at": st.sampled_from(
                    ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00", "x", "2027-01-01T00:00:00+01:00"]
                ),
            }
        ),
        max_size=12,
    )
)
def test_samples_never_make_a_row_better(result):
    order = ["valid", "semi-valid", "invalid"]
    there = [{**dict.fromkeys(COOL), **reason} for reason in result]
    for row in (GOOD, {**GOOD, "images": 3}, {**GOOD, "status": "cut"}):
        without, reasons_without = judge(row)
        verdict, reasons = judge(row, there)
        assert order.index(verdict) >= order.index(without)
        assert verdict == "invalid" or all(reason in reasons for reason in reasons_without.split("; "))


def test_the_limits_are_those_of_the_documentation():
    rules = (Path(__file__).parents[3] / "docs" / "verdicts.md").read_text(encoding="utf-8")
    for limit in (
        f"{validity.MIN_IMAGES} (Section III-A)",
        f"over {validity.BODY_HOT_C:.0f} °C",
        f"under {validity.BATTERY_LOW_PERCENT:.0f}%",
        f"over {validity.MAX_FREQUENCY_DROP * 100:.0f}%",
        f"of at least {validity.MIN_FREQUENCIES}",
        f"over {validity.MAX_GAP_S:.0f} s",
        f"thermal status `{validity.THERMAL_STATUSES[validity.SEVERE]}` or worse",
    ):
        assert limit in rules
    assert validity.MAX_CV == 0.5 and "a standard deviation over half the mean" in rules


def test_the_limits_are_those_of_the_runner():
    assert validity.BATTERY_LOW_PERCENT == doctor.BATTERY_LOW_PERCENT
    assert validity.BODY_HOT_C == doctor.BODY_HOT_C
    assert validity.THERMAL_STATUSES == answers.THERMAL_STATUSES
