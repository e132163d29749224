"""The verdict on a claim from its parts: which part decides, its place among them, and why there is none."""

import math

import pandas as pd
import pytest

from aiot_analysis.stats.remarks import CLAIMS
from aiot_analysis.stats.remarks.claim import (
    FASTER,
    PART_COLUMNS,
    ClaimPart,
    rows_of,
    verdict,
)
from aiot_analysis.stats.remarks.evidence import Estimate

NONE = Estimate(why="Caffe2 float32 not measured")


def part(name, low, high, claimed=FASTER, **more):
    return ClaimPart(name, Estimate((low + high) / 2, low, high, 7), claimed, **more)


def judged(claim, *parts):
    return verdict(CLAIMS[claim], pd.DataFrame(rows_of(CLAIMS[claim], parts, "measured"), columns=PART_COLUMNS))


def test_the_comparison_that_decides_has_its_place_among_all():
    row = judged("2a", part("a", 1.1, 1.3), part("b", 1.8, 2.2))
    assert (row["verdict"], row["comparison"]) == ("holds", "a")
    assert row["among"] == "weakest of 2; all: 1.20 to 2.00"
    row = judged("2a", part("a", 1.1, 1.3), part("b", 0.8, 1.4), part("c", 0.9, 1.9), ClaimPart("d", NONE, FASTER))
    assert (row["verdict"], row["comparison"]) == ("cannot be decided", "b")
    assert row["among"] == "weakest of 3, 2 undecided, 1 missing; all: 1.10 to 1.40"
    row = judged("2a", part("a", 0.6, 0.8), ClaimPart("b", NONE, FASTER), ClaimPart("c", NONE, FASTER))
    assert (row["verdict"], row["among"]) == ("does not hold", "2 others missing")
    assert judged("2a", part("a", 0.6, 0.8), ClaimPart("b", NONE, FASTER))["among"] == "1 other missing"
    row = judged("3f", part("a", 0.3, 0.5, (0, 0.95), device="x"), part("a", 1.1, 1.3, (0, 0.95), device="y"))
    assert (row["verdict"], row["comparison"], row["device"]) == ("holds", "a", "x")
    assert row["among"] == "strongest of 2, 1 as claimed; all: 0.40 to 1.20"


def test_a_difference_that_counts_as_none_says_so():
    row = judged("1d", part("a", 0.0, 0.2, (0.0, math.inf), refuted=(-math.inf, 2.0)))
    assert (row["verdict"], row["among"]) == ("does not hold", "under 2 points counts as none")
    assert row["claimed_low"] == 2.0, "the drawing shows what the claim would need"
    row = judged("1d", part("a", 0.1, 0.6, (0.0, math.inf), refuted=(-math.inf, 2.0)))
    assert (row["verdict"], row["among"], row["claimed_low"]) == ("holds", "small, but significant", 0.0)


@pytest.mark.parametrize(("claim", "decisive"), [("5h", 0.44), ("3f", 0.12)])
def test_0_is_no_threshold_of_a_speed_up(claim, decisive):
    """Of two that are under 1.05, the weakest (5h needs all) is nearer to it, and the strongest is nearer to 0."""
    parts = [part(str(effect), effect - 0.01, effect + 0.01, (0.0, 1.05)) for effect in (0.12, 0.44)]
    assert judged(claim, *parts)["effect"] == pytest.approx(decisive)


def test_there_is_no_effect_where_comparisons_without_a_number_prevent_a_decision():
    row = judged("2a", part("a", 1.1, 1.3), ClaimPart("b", NONE, FASTER))
    assert row["verdict"] == "cannot be decided"
    assert math.isnan(row["effect"]) and (row["comparison"], row["among"]) == ("", "")
    assert row["reasons"] == ("Caffe2 float32 not measured",)


def test_a_claim_that_is_not_applicable_has_its_reason_and_no_effect():
    untested = ClaimPart("a", Estimate(0.0, 0.0, 0.7, 1), (0.0, math.inf), untested="the weights are the same")
    row = judged("1d", ClaimPart("b", NONE, FASTER), untested)
    assert (row["verdict"], row["reasons"]) == ("not applicable", ("the weights are the same",))
    assert math.isnan(row["effect"]) and math.isnan(row["effect_low"])
    assert row["why"].startswith("2 comparisons: 1 not applicable, 1 missing. the weights are the same; ")
