"""Tests of whether accuracy fluctuates beyond the noise of a device, by how much, and in repeated patterns."""

import math

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import remarks
from aiot_analysis.stats.accuracy import newcombe
from aiot_analysis.stats.remarks.claim import AGAINST, AS_CLAIMED, FAILS, HOLDS, MISSING, OPEN, UNDECIDED
from aiot_analysis.stats.remarks.evidence import Evidence
from aiot_analysis.stats.remarks.fluctuation import FEWEST, patterns, share_of_different, spread_apart
from aiot_analysis.tables import names
from tests.aiot_analysis.stats.remarks.fleets import (
    base_answers,
    fleet,
    judged,
    patterned,
    records,
    run_twice,
    steady,
    true_times,
)

FLOAT32 = {id_: ms for id_, ms in true_times().items() if "_float32_" in id_}
LIGHT = {id_: 10.0 for id_ in FLOAT32 if id_.startswith("tflite_cpu")}
ONE, TWO = list(LIGHT)[:2]


def flipping(rate, seed=0):
    """Make answers that differ only by chance."""
    draws = np.random.default_rng(seed)
    return lambda id_, *_: base_answers(id_, 400) ^ (draws.random(400) < rate)


def unlike(images):
    """Make constant answers, of which some on the first device differ from those on the others."""

    def answers(id_, device, rng):
        right = base_answers(id_, 400).copy()
        right[: images if device == 0 else 0] = False
        return right

    return answers


def evidence(rows, answers):
    latest = rows[rows["run_id"] == rows.groupby("device_id")["run_id"].transform("max")]
    return Evidence(latest, records(rows, answers), instances=rows)


def differ(rows, answers):
    """Return the part on whether the six instances of TFLite on the CPU differ between devices."""
    [part] = share_of_different(evidence(rows, answers), list(LIGHT), "combinations")
    return part


def test_few_devices_and_few_of_the_combinations_decide_nothing():
    rows = run_twice(fleet({ONE: 10.0}, devices=2))
    result = judged(rows, records(rows, unlike(4)), remarks=[1]).loc["1a"]
    assert result["verdict"] == OPEN
    assert result["reasons"] == ("2 comparable devices: at least 5 are needed",)
    for measured, state in ((11, MISSING), (12, AS_CLAIMED)):
        rows = run_twice(fleet(dict(list(FLOAT32.items())[:measured]), devices=FEWEST))
        [part] = share_of_different(evidence(rows, unlike(40)), names.PAPER_FLOAT32, "combinations")
        assert part.state == state


def test_only_differences_need_a_second_run_to_be_distinguished_from_noise():
    rows = fleet(FLOAT32, devices=6)
    result = judged(rows, records(rows, unlike(40)), remarks=[1]).loc["1a"]
    assert result["verdict"] == OPEN and math.isnan(result["effect"])  # its interval would start at 0 in any case
    assert result["why"].endswith(". no device was run twice")
    assert judged(rows, records(rows, steady), remarks=[1]).loc["1a", "verdict"] == FAILS


def test_frameworks_that_were_not_run_twice_are_named():
    rows = fleet(FLOAT32, devices=6)
    later = rows[rows["framework"] == "caffe2"].assign(run_id="20260102T000000Z-aaaaaa")
    rows = pd.concat([rows, later], ignore_index=True)
    result = judged(rows, records(rows, unlike(40)), remarks=[1]).loc["1a"]
    assert (result["verdict"], result["effect_low"]) == (OPEN, 6 / 24)
    assert "no device ran TFLite CPU float32, TFLite NNAPI float32, PyTorch float32 twice" in result["why"]


@pytest.mark.parametrize("rate", [0.002, 0.02])
def test_random_flips_are_no_difference_between_devices(rate):
    rows = run_twice(fleet(LIGHT, devices=8))
    parts = [differ(rows, flipping(rate, fleet_number)) for fleet_number in range(3)]
    assert {part.state for part in parts} == {UNDECIDED}
    assert np.mean([part.estimate.effect for part in parts]) > 0.9  # nearly all accuracies differ
    assert np.mean([part.estimate.low for part in parts]) < 0.1


def test_three_points_beyond_the_noise_are_a_difference():
    part = differ(run_twice(fleet(LIGHT, devices=8)), patterned(lambda id_: 3.0, flips=0.002))
    assert part.state == AS_CLAIMED and part.estimate.low == 1
    assert "6 of them by more than one device varies" in part.name


def test_how_surely_answers_differ_that_never_changed_by_hand():
    """Of 2,000 answers of 5 devices, B differ from those of the others, and none of R repeated ones changed."""
    rows = fleet(LIGHT, devices=5)
    # 6 instances with 400 images shown twice on each device that ran twice; Holm over 6 equal instances
    for devices, fewest in ((1, 4), (5, 2)):
        repeated = devices * 6 * 400 * 2
        chance = 2000 / (2000 + repeated)
        assert chance**fewest < 0.05 / 6 < chance ** (fewest - 1)
        twice = run_twice(rows, devices)
        assert differ(twice, unlike(fewest)).estimate.low == 1
        assert differ(twice, unlike(fewest - 1)).estimate.low == 0


def test_noise_under_other_conditions_is_not_used():
    rows = fleet(LIGHT, devices=5)
    other = rows.assign(run_id="20250101T000000Z-aaaaaa", threads=4)
    both = pd.concat([other, rows], ignore_index=True)
    assert evidence(both, unlike(40)).again.variation.empty
    assert not evidence(run_twice(rows), unlike(40)).again.variation.empty


def test_only_the_wanted_runs_are_repeats():
    rows = run_twice(fleet(FLOAT32, devices=5))
    rows["verdict"] = np.where(rows["run_id"] == rows["run_id"].max(), "valid", "semi-valid")
    images = records(rows, unlike(40))
    both, valid = (
        judged(rows, images, remarks=[1], wanted=verdicts).loc["1a"] for verdicts in ("valid,semi-valid", "valid")
    )
    assert both["verdict"] == HOLDS
    assert valid["verdict"] == OPEN and "no device was run twice" in valid["why"]


def test_models_that_both_sides_have_are_compared():
    frameworks = {"tflite_cpu": "resnet50", "pytorch_cpu": "mnasnet", "caffe2_cpu": "mnasnet"}
    rows = fleet({names.instance_id(way, "float32", model): 10.0 for way, model in frameworks.items()}, devices=8)
    answers = patterned(lambda id_: 4.0 if "resnet" in id_ else 0.5)
    parts = remarks.parts(rows, records(rows, answers), remarks=[1]).query("id == '1b'")
    assert set(parts["state"]) == {MISSING}
    assert set(parts["why"]) == {"there is no model of which both were measured"}


def test_how_much_more_one_side_fluctuates_by_hand():
    ids = {
        way: [names.instance_id(way, "float32", model) for model in ("resnet50", "mnasnet")]
        for way in ("tflite_cpu", "pytorch_cpu")
    }
    lacking = [*ids["tflite_cpu"], ids["pytorch_cpu"][0]]
    rows = fleet(dict.fromkeys(lacking, 10.0), devices=6)
    numbers = {id_: [4 * place * step for step in range(6)] for place, id_ in enumerate(lacking, start=1)}
    answers = lambda id_, device, rng: np.arange(400) < 100 + numbers[id_][device]  # noqa: E731
    pairs = [([left], [other]) for left, other in zip(*ids.values(), strict=True)]
    [part] = spread_apart(evidence(rows, answers), [("TFLite's over PyTorch's", pairs)], "model")
    sd = np.std([0, 1, 2, 3, 4, 5], ddof=1)  # points of the first side; MnasNet of PyTorch is missing
    assert part.estimate.effect == pytest.approx(sd - 3 * sd)
    assert part.name == "TFLite's over PyTorch's (1 model)"
    assert part.state == AGAINST


PAIRS = [(ONE, TWO)]


def test_random_flips_have_no_pattern():
    for rows in (fleet(LIGHT, devices=8), run_twice(fleet(LIGHT, devices=8))):
        [part] = patterns(evidence(rows, flipping(0.002)), "two", PAIRS)
        assert part.state == MISSING and part.estimate.why.startswith("no pattern that repeats from ")


def test_a_pattern_of_single_images_repeats_from_run_to_run_only():
    """Each device has its own wrong images, the same in all runs, and about as many as other devices."""

    def answers(id_, device, rng):
        own = np.random.default_rng([list(LIGHT).index(id_), device, 5])
        return base_answers(id_, 400) ^ (own.random(400) < 0.02)

    rows = fleet(LIGHT, devices=12)
    pairs = [(id_, other_id) for id_ in LIGHT for other_id in LIGHT if id_ < other_id]
    [once] = patterns(evidence(rows, answers), "two", pairs)
    assert once.estimate.why == "no pattern that repeats from image to image"
    [twice] = patterns(evidence(run_twice(rows), answers), "two", pairs)
    assert twice.state == AS_CLAIMED and "from run to run" in twice.name
    [few] = patterns(evidence(run_twice(rows, 5), answers), "two", pairs)
    assert few.estimate.why == "no pattern that repeats from image to image"  # five of twelve ran twice


def test_a_pattern_in_common_is_found_through_noise_that_hides_it():
    def answers(id_, device, rng):
        moved = round(12 * np.random.default_rng([device, 1]).standard_normal())
        return (np.arange(400) < 280 + moved) ^ (rng.random(400) < 0.1)

    rows = fleet(LIGHT, devices=24)
    pairs = [(id_, other_id) for id_ in LIGHT for other_id in LIGHT if id_ < other_id]
    result = evidence(rows, answers)
    [part] = patterns(result, "two", pairs)
    accuracy = pd.DataFrame({id_: result.answers(id_)[0].mean(axis=1) for id_ in LIGHT})
    plain = accuracy.corr().to_numpy()[np.triu_indices(6, 1)].mean()
    assert plain < 0.8 < part.estimate.effect
    assert part.state == AGAINST


def test_claims_on_patterns_hold_where_each_instance_has_its_own():
    rows = fleet(FLOAT32, devices=8)
    result = judged(rows, records(rows, patterned(lambda id_: 3.0)), remarks=[1])
    assert result.loc[["1e", "1f"], "verdict"].tolist() == [HOLDS, HOLDS]
    assert "corrected for what does not repeat from image to image" in result.loc["1e", "figures"]


def test_random_flips_are_no_change_in_accuracy():
    rows = fleet({ONE: 10.0, TWO: 10.0}, devices=8)
    surely = []
    for rate in (0.002, 0.02):
        for number in range(10):
            change = Evidence(rows, records(rows, flipping(rate, number))).accuracy_change(ONE, TWO)
            surely.append(change.low > 0 or change.high < 0)
    assert np.mean(surely) <= 0.05


def test_the_size_of_a_change_that_500_images_can_show():
    """A change of 3 points, as in docs/statistics.md, in the notation of Newcombe's interval."""
    changed = {"no others": (365, 15, 0), "5% others": (352, 28, 13), "15% others": (327, 53, 38)}
    sides = {name: newcombe(both, lost, won, 500 - both - lost - won) for name, (both, lost, won) in changed.items()}
    assert {name: bool(high < 0) for name, (_, high) in sides.items()} == {
        "no others": True,
        "5% others": True,
        "15% others": False,
    }
