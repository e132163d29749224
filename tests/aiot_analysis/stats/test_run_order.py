import numpy as np
import pandas as pd
import pytest

from aiot_analysis import names
from aiot_analysis.stats import run_order
from tests.aiot_analysis.conftest import instance, instances

SOME = names.PAPER[:12]


def rows(runs=3, effect=0.0, noise=0.01, seed=0, same_order=False, **other):
    """Runs of a device whose instances differ fiftyfold, in random orders; the last of a run takes `effect` longer."""
    rng = np.random.default_rng(seed)
    speed = dict(zip(SOME, np.geomspace(5, 250, len(SOME)), strict=True))
    found = []
    order = list(range(len(SOME)))
    for run in range(runs):
        order = order if same_order else list(rng.permutation(len(SOME)))
        warm = np.exp(rng.normal(0, 0.1))
        for position, at in enumerate(order):
            place = position / (len(SOME) - 1)
            ms = speed[SOME[at]] * warm * (1 + effect) ** place * np.exp(rng.normal(0, noise))
            found.append(instance(SOME[at], 0.5, ms, position=position, run_id=f"r{run}", **other))
    return instances(*found)


def test_a_planted_effect_is_found_though_instances_and_runs_differ():
    found = run_order.effects(rows(effect=0.2)).iloc[0]
    assert found["effect"] == pytest.approx(0.2, abs=0.02)
    assert found["effect_low"] <= 0.2 <= found["effect_high"]
    assert found["p_value"] < 1e-6 and found["gap"] == ""
    assert (found["runs"], found["instances"]) == (3, 12)


def test_the_effect_of_exact_times_is_exact():
    found = run_order.effects(rows(effect=0.1, noise=0)).iloc[0]
    assert found["effect"] == pytest.approx(0.1)


def test_the_level_is_kept_and_the_interval_covers():
    frame, rng = rows(runs=2), np.random.default_rng(0)
    copies = []
    for at in range(200):
        place = np.concatenate([rng.permutation(len(SOME)) for _ in range(2)])
        times = frame["end_to_end_ms_mean"] * np.exp(rng.normal(0, 0.05, len(frame)))
        copies.append(frame.assign(device_id=f"d{at:03}", position=place, end_to_end_ms_mean=times))
    found = run_order.effects(pd.concat(copies, ignore_index=True))
    assert (found["gap"] == "").all()
    assert 0.01 <= (found["p_value"] < 0.05).mean() <= 0.09
    assert 0.91 <= ((found["effect_low"] <= 0) & (found["effect_high"] >= 0)).mean() <= 0.99


def test_one_run_cannot_tell():
    found = run_order.effects(rows(runs=1)).iloc[0]
    assert found["gap"] == "one run: the place of an instance and its own speed cannot be told apart"
    assert np.isnan(found["effect"])


def test_runs_of_one_order_cannot_tell():
    assert run_order.effects(rows(runs=2, same_order=True)).iloc[0]["gap"] == "the 2 runs had the same order"


def test_runs_without_a_common_instance_cannot_tell():
    frame = rows(runs=2)
    other = frame["run_id"] == "r1"
    frame.loc[other, "threads"] = 4
    found = run_order.effects(frame).iloc[0]
    assert found["gap"] == "2 runs, but no instance that was measured in the same way in two of them"


def test_few_instances_are_too_few():
    frame = rows(runs=2)
    found = run_order.effects(frame[frame["instance_id"].isin(SOME[:2])]).iloc[0]
    assert found["gap"] in ("4 times are too few to tell", "the 2 runs had the same order")


def test_each_device_is_asked_on_its_own():
    frame = instances(*rows(effect=0.3).to_dict("records"), *rows(runs=1, device_id="b").to_dict("records"))
    found = run_order.effects(frame).set_index("device_id")
    assert found.loc["local", "effect"] == pytest.approx(0.3, abs=0.03)
    assert found.loc["b", "gap"].startswith("one run")


def test_times_of_zero_and_missing_ones_are_not_used():
    frame = rows(effect=0.2)
    frame.loc[0, "end_to_end_ms_mean"] = 0.0
    frame.loc[1, "end_to_end_ms_mean"] = np.nan
    assert run_order.effects(frame).iloc[0]["effect"] == pytest.approx(0.2, abs=0.02)
    assert run_order.effects(frame.iloc[:0]).empty
