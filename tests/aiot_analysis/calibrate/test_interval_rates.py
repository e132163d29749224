"""Tests that coverage is counted against the planted truth."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from aiot_analysis.calibrate import interval_rates
from aiot_analysis.calibrate.interval_rates import inside
from aiot_analysis.compare import changes, instances


def counted(trial, plan, trials):
    hits = tries = 0
    for seed in range(trials):
        [(hit, tried)] = trial(plan, "row", np.random.default_rng(seed)).values()
        hits, tries = hits + hit, tries + tried
    return hits, tries


def test_an_interval_that_is_missing_covers_nothing():
    low, high = pd.Series([1.0, 1.0, np.nan, pd.NA]), pd.Series([3.0, 1.5, np.nan, 3.0])
    assert inside(low, high, 2.0) == (1, 4)


def test_each_interval_has_a_truth_of_its_own():
    assert inside(pd.Series([1, 1]), pd.Series([3, 3]), np.array([2.0, 4.0])) == (1, 2)


@pytest.mark.parametrize(
    ("trial", "plan", "trials"),
    [
        (interval_rates.speed_up, interval_rates.SPEED_UP, 2),
        (interval_rates.over_devices, interval_rates.SPEED_UPS, 1),
        (interval_rates.mean_time, interval_rates.ONE_DEVICE, 2),
        (interval_rates.mean_over_sessions, replace(interval_rates.ONE_DEVICE, sessions=6), 1),
        (interval_rates.wilson, interval_rates.ONE_FILE, 1),
        (interval_rates.newcombe, interval_rates.QUANTIZED, 1),
        (interval_rates.score, interval_rates.ONE_DEVICE, 6),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_without_the_noise_of_runs_intervals_have_the_planted_value_inside(trial, plan, trials):
    hits, tries = counted(trial, replace(plan, run_sd=0.0, autocorrelation=0.0), trials)
    assert hits >= binom.ppf(0.001, tries, 0.93)


@pytest.mark.parametrize(("name", "wrong"), [("FASTER", 1.5), ("LOST", 0.3)], ids=["speed-up", "accuracy"])
def test_another_value_than_the_planted_one_is_outside(monkeypatch, name, wrong):
    monkeypatch.setattr(interval_rates, name, wrong)
    trial, plan = {
        "FASTER": (interval_rates.speed_up, interval_rates.SPEED_UP),
        "LOST": (interval_rates.newcombe, interval_rates.QUANTIZED),
    }[name]
    hits, tries = counted(trial, plan, 1)
    assert hits < tries / 4


def test_rank_sets_cover_ranks_that_are_beyond_doubt():
    plan = replace(interval_rates.NEIGHBOURS, device_speed=[2.0**place for place in range(8)], images=100)
    counts = interval_rates.ranks(plan, "all", "each", np.random.default_rng(0))
    assert counts == {"all": (1, 1), "each": (1, 1)}


def test_the_fastest_device_has_the_true_rank_1(monkeypatch):
    """If the slowest device had rank 1, no rank set would contain its rank."""
    plan = replace(interval_rates.NEIGHBOURS, device_speed=[2.0**-place for place in range(8)], images=100)
    assert interval_rates.ranks(plan, "all", "each", np.random.default_rng(0))["all"] == (1, 1)


def test_without_noise_only_a_change_is_shown():
    quiet = partial(interval_rates.two_sides, run_sd=0.0)
    same = interval_rates.compared(quiet(1), np.random.default_rng(0))
    assert set(same["verdict"]) == {"no change shown"}
    slower = interval_rates.compared(quiet(1, speed=1 / 1.3), np.random.default_rng(0))
    of_times = slower[slower["metric"] == changes.MEAN]
    assert set(of_times["verdict"]) == {"worse"}
    assert of_times["change"].to_numpy() == pytest.approx(np.full(24, 0.3), abs=0.05)
    lost = interval_rates.compared(quiet(1, points=-10.0), np.random.default_rng(0))
    assert set(lost.loc[lost["metric"] == instances.ACCURACY, "verdict"]) == {"worse"}
