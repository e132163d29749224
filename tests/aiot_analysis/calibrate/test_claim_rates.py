"""Tests that the truths planted for claims make them false or true as intended."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.calibrate import claim_rates
from aiot_analysis.calibrate.claim_rates import PLANTED, holds
from aiot_analysis.calibrate.plant import plant
from aiot_analysis.calibrate.rates import NULL, POWER
from aiot_analysis.stats import remarks
from aiot_analysis.stats.remarks.claim import AS_CLAIMED, TIMES

NULLS = [planted for planted in PLANTED if planted.target is NULL]
EFFECTS = [planted for planted in PLANTED if planted.target is POWER]
OF_TIMES = {id_ for id_, claim in remarks.CLAIMS.items() if claim.unit == TIMES}
ALL_BUT_ONE = sorted(OF_TIMES - {"2e"} - {id_ for id_ in OF_TIMES if remarks.CLAIMS[id_].needs == "any"})
ANY = sorted(id_ for id_ in OF_TIMES if remarks.CLAIMS[id_].needs == "any")


def quiet(plan, **other):
    """Return the plan with hardly any noise."""
    return replace(plan, run_sd=0.0, shared_sd=0.0, scatter=1e-4, autocorrelation=0.0, **other)


def parts(planted):
    fleet = plant(quiet(planted.plan, images=20), np.random.default_rng(0))
    table = remarks.parts(fleet.instances, fleet.images, remarks=[remarks.CLAIMS[planted.claim].remark])
    return table[table["id"] == planted.claim]


def at_boundary(table):
    ends = table[["claimed_low", "claimed_high"]].sub(table["effect"], axis=0).abs()
    return ends.min(axis=1) < 0.001


def null_of(claim):
    return next(planted for planted in NULLS if planted.claim == claim)


def test_every_claim_is_tried_where_it_is_false_and_where_it_is_true():
    once = dict.fromkeys(remarks.CLAIMS, 1)
    assert Counter(planted.claim for planted in NULLS) == once
    assert Counter(planted.claim for planted in EFFECTS) == once


def test_rows_have_names_of_their_own():
    names = Counter(row.name for study in claim_rates.claim_studies() for row in study.rows)
    assert set(names.values()) == {1}
    assert len(names) == len([*claim_rates.PITFALLS, *claim_rates.PLANTED, *claim_rates.FURTHER])


@pytest.mark.parametrize("claim", ALL_BUT_ONE)
def test_of_a_claim_that_needs_all_only_what_is_at_the_boundary_is_not_as_claimed(claim):
    result = parts(null_of(claim))
    boundary = at_boundary(result)
    assert boundary.any()
    assert (result.loc[~boundary, "state"] == AS_CLAIMED).all()


@pytest.mark.parametrize("claim", ANY)
def test_of_a_claim_that_needs_one_none_is_as_claimed_and_all_are_near_it(claim):
    result = parts(null_of(claim))
    assert not (result["state"] == AS_CLAIMED).any()
    near = result["claimed_low"].where(result["claimed_low"] > 0, result["claimed_high"])
    assert np.abs(np.log(result["effect"] / near)).max() < np.log(1.06)


@pytest.mark.parametrize(
    "planted", [planted for planted in EFFECTS if planted.claim in OF_TIMES], ids=lambda planted: planted.claim
)
def test_without_noise_claims_of_times_hold_where_they_are_true(planted):
    rng = np.random.default_rng(0)
    counts = holds(quiet(planted.plan, images=20), [planted], rng)
    assert counts == {planted.row.name: (1, 1)}


def test_tflite_is_behind_no_other_where_no_framework_is_to_be_beaten():
    speed = pd.Series(claim_rates.TFLITE_BEST.speed).reindex(claim_rates.TFLITE_BEST.instances).fillna(1.0)
    parts_of = speed.index.str.split("_", n=3)
    table = pd.DataFrame({"framework": parts_of.str[0], "model": parts_of.str[3], "speed": speed.to_numpy()})
    wide = table.pivot(index="model", columns="framework", values="speed")
    assert (wide.max(axis=1) == wide["tflite"]).all()
    assert ((wide == 1.0).sum(axis=1) == 2).all()


@pytest.mark.parametrize("share", [0.8, 0.88])
def test_models_are_in_the_order_of_their_flops_as_often_as_planned(share):
    plan = replace(claim_rates.COMPLEXITY_NULL, devices=2000, images=2, scatter=0.0, run_sd=0.0)
    ids = [id_ for id_ in plan.instances if id_.startswith("tflite_cpu_")]
    spread = dict.fromkeys(ids, claim_rates.spread_for(share))
    rows = plant(replace(plan, instances=ids, speed_spread=spread), np.random.default_rng(0)).instances
    ms = rows.pivot(index="device_id", columns="model", values="end_to_end_ms_mean")
    shares = [(ms[more] > ms[fewer]).mean() for more, fewer in claim_rates.ordered_pairs()]
    assert np.mean(shares) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("claim", "other", "base", "points"),
    [
        ("5d", "int8_resnet50", "dynamic_resnet50", -3),
        ("5e", "int8_densenet121", "dynamic_densenet121", -5),
        ("5f", "float16_mobilenet_v2", "float32_mobilenet_v2", -10),
    ],
)
def test_accuracies_of_quantized_models_are_at_the_thresholds(claim, other, base, points):
    planted = null_of(claim)
    accuracy = [planted.plan.accuracy.get(f"tflite_cpu_{name}", 0.7) for name in (other, base)]
    assert 100 * (accuracy[0] - accuracy[1]) == pytest.approx(points)
    low, high = parts(planted)[["claimed_low", "claimed_high"]].iloc[0]
    assert points in (low, high)


def test_a_part_as_claimed_counts_where_the_row_asks_for_parts():
    [planted] = [pitfall for pitfall in claim_rates.PITFALLS if pitfall.share_of]
    assert holds(planted.plan, [planted], np.random.default_rng(0))[planted.row.name][1] == 1
