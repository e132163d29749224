import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.stats import drift
from aiot_analysis.tables import names
from tests.aiot_analysis.conftest import instance, instances
from tests.examples import examples

SOME = names.PAPER[:12]


def rows(runs=3, effect=0.0, noise=0.01, seed=0, same_order=False, counterbalanced=False, **other):
    """Return runs in random orders of instances that differ fiftyfold; the last of a run takes `effect` longer.

    If counterbalanced, every second run has the reverse order of the one before.
    """
    rng = np.random.default_rng(seed)
    speed = dict(zip(SOME, np.geomspace(5, 250, len(SOME)), strict=True))
    result = []
    order = list(range(len(SOME)))
    for run in range(runs):
        if counterbalanced and run % 2:
            order = order[::-1]
        elif not same_order:
            order = list(rng.permutation(len(SOME)))
        warm = np.exp(rng.normal(0, 0.1))
        for position, at in enumerate(order):
            place = position / (len(SOME) - 1)
            ms = speed[SOME[at]] * warm * (1 + effect) ** place * np.exp(rng.normal(0, noise))
            result.append(instance(SOME[at], 0.5, ms, position=position, run_id=f"r{run}", **other))
    return instances(*result)


def test_a_planted_effect_is_found_though_instances_and_runs_differ():
    result = drift.order_effects(rows(effect=0.2)).iloc[0]
    assert result["effect"] == pytest.approx(0.2, abs=0.02)
    assert result["effect_low"] <= 0.2 <= result["effect_high"]
    assert result["p_value"] < 1e-6 and result["gap"] == ""
    assert (result["runs"], result["instances"]) == (3, 12)


def test_the_effect_of_exact_times_is_exact():
    result = drift.order_effects(rows(effect=0.1, noise=0)).iloc[0]
    assert result["effect"] == pytest.approx(0.1)


def test_the_level_is_kept_and_the_interval_covers():
    frame, rng = rows(runs=2), np.random.default_rng(0)
    copies = []
    for at in range(200):
        place = np.concatenate([rng.permutation(len(SOME)) for _ in range(2)])
        times = frame["end_to_end_ms_mean"] * np.exp(rng.normal(0, 0.05, len(frame)))
        copies.append(frame.assign(device_id=f"d{at:03}", position=place, end_to_end_ms_mean=times))
    result = drift.order_effects(pd.concat(copies, ignore_index=True))
    assert (result["gap"] == "").all()
    assert 0.01 <= (result["p_value"] < 0.05).mean() <= 0.09
    assert 0.91 <= ((result["effect_low"] <= 0) & (result["effect_high"] >= 0)).mean() <= 0.99


def test_one_run_cannot_tell():
    result = drift.order_effects(rows(runs=1)).iloc[0]
    assert result["gap"] == "one run: the position of an instance and its own speed cannot be separated"
    assert np.isnan(result["effect"])


def test_runs_of_one_order_cannot_tell():
    assert drift.order_effects(rows(runs=2, same_order=True)).iloc[0]["gap"] == "the 2 runs had the same order"


def test_runs_without_a_common_instance_cannot_tell():
    frame = rows(runs=2)
    other = frame["run_id"] == "r1"
    frame.loc[other, "threads"] = 4
    result = drift.order_effects(frame).iloc[0]
    assert result["gap"] == "2 runs, but no instance was measured under the same conditions in two of them"


def test_few_instances_are_too_few():
    frame = rows(runs=2)
    result = drift.order_effects(frame[frame["instance_id"].isin(SOME[:2])]).iloc[0]
    assert result["gap"] in ("4 times are too few for an estimate", "the 2 runs had the same order")


def test_each_device_is_asked_on_its_own():
    frame = instances(*rows(effect=0.3).to_dict("records"), *rows(runs=1, device_id="b").to_dict("records"))
    result = drift.order_effects(frame).set_index("device_id")
    assert result.loc["local", "effect"] == pytest.approx(0.3, abs=0.03)
    assert result.loc["b", "gap"].startswith("one run")


def test_times_of_zero_and_missing_ones_are_not_used():
    frame = rows(effect=0.2)
    frame.loc[0, "end_to_end_ms_mean"] = 0.0
    frame.loc[1, "end_to_end_ms_mean"] = np.nan
    assert drift.order_effects(frame).iloc[0]["effect"] == pytest.approx(0.2, abs=0.02)
    assert drift.order_effects(frame.iloc[:0]).empty


@pytest.mark.parametrize(("runs", "effect"), [(2, 0.0), (2, 0.1), (4, 0.1)])
def test_counterbalanced_runs_find_a_slow_down_of_a_tenth_and_none_where_there_is_none(runs, effect):
    """On 60 devices, the interval covers the truth, a tenth is always found, and no effect is rarely taken for one."""
    settings = {"noise": 0.0176, "counterbalanced": True}
    devices = [rows(runs, effect, seed=seed, device_id=f"d{seed:03}", **settings) for seed in range(60)]
    effects = drift.order_effects(pd.concat(devices, ignore_index=True))
    assert (effects["gap"] == "").all()
    assert effects["effect"].mean() == pytest.approx(effect, abs=0.01)
    assert ((effects["effect_low"] <= effect) & (effect <= effects["effect_high"])).mean() >= 0.91
    shown = (effects["p_value"] < 0.05).mean()
    assert shown >= 0.95 if effect else shown <= 0.09


def test_a_slow_down_cancels_in_the_mean_of_two_counterbalanced_runs():
    """Relative to known speeds, the last instance of one run looks 10% slower, but none does in both runs together."""
    speed = np.geomspace(5, 250, len(SOME))
    frame = rows(2, effect=0.1, noise=0, counterbalanced=True)
    log_ms = np.log(frame.pivot(index="instance_id", columns="run_id", values="end_to_end_ms_mean").loc[SOME])
    off = log_ms.sub(np.log(speed), axis=0)
    assert np.ptp(off["r0"]) == pytest.approx(np.log(1.1))
    assert np.ptp(off.mean(axis=1)) == pytest.approx(0, abs=1e-9)


APART = "The effect of the order and the speed of an instance cannot be separated"


def ran(order, run_id="r0", device_id="a"):
    return [instance(id_, position=at, run_id=run_id, device_id=device_id) for at, id_ in enumerate(order)]


def test_one_order_of_all_runs_is_reported():
    """The order is recognized even if some runs lack instances."""
    assert drift.common_order(instances(*ran(SOME))).startswith(
        f"The only run used one order of the instances. {APART}"
    )
    two = drift.common_order(instances(*ran(SOME), *ran(SOME, "r1")))
    assert two.startswith(f"Both runs used the same order of the instances. {APART}")
    fleet = [*ran(SOME), *ran(SOME[1::2], device_id="b"), *ran(SOME, "r1", "b"), *ran(SOME[:1], "r2", "c")]
    sentence = drift.common_order(instances(*fleet))
    assert sentence.startswith(f"All 4 runs used the same order of the instances on 3 devices. {APART}")
    assert drift.common_order(instances(*fleet[::-1])) == sentence, "the order of rows does not count"


def test_orders_that_differ_need_no_word():
    assert drift.common_order(instances(*ran(SOME), *ran(SOME[::-1], "r1"))) == ""
    assert drift.common_order(instances(*ran(SOME), *ran(SOME[::-1], device_id="b"))) == ""  # one run per device
    three = [*ran(SOME[:2]), *ran(SOME[1:3], "r1"), *ran([SOME[2], SOME[0]], "r2")]  # only with all three together
    assert drift.common_order(instances(*three)) == ""
    assert drift.common_order(instances(*three[:4])) != ""


def test_without_an_order_there_is_no_sentence():
    frame = instances(*ran(SOME[:1]), *ran(SOME[1:2], "r1"))
    assert drift.common_order(frame) == drift.common_order(frame.iloc[:0]) == ""
    apart = instances(*ran(SOME[:2]), *ran(SOME[2:4], "r1"))
    assert drift.common_order(apart) == "", "runs of different instances have no order in common"


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.005, 0.01, 0.02]))
@examples(40)
def test_interval_and_p_value_never_contradict_each_other(seed, effect):
    result = drift.order_effects(rows(effect=effect, seed=seed)).iloc[0]
    assert (result["effect_low"] > 0 or result["effect_high"] < 0) == (result["p_value"] < 0.05)
