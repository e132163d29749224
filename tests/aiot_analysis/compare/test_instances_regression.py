"""Tests of margins and regressions beyond them."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.compare import changes, instances
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import intervals
from aiot_analysis.tables import names
from tests.examples import examples


@pytest.mark.parametrize(
    ("words", "share"), [("5%", 0.05), ("5", 0.05), ("2.5%", 0.025), (" 2.5 % ", 0.025), ("0%", 0.0), ("200", 2.0)]
)
def test_margins_are_percent(words, share):
    assert instances.margins(words).time == pytest.approx(share)
    assert instances.margins(words).accuracy == 0.01


@pytest.mark.parametrize("words", ["", "five", "-5%", "5%%", "nan", "inf", "1e3", "5 points", "٥%"])
def test_an_invalid_margin_is_refused_with_an_example(words):
    with pytest.raises(CompareError, match=r"not a margin for times: give a percentage, like 5% or 2.5%"):
        instances.margins(words)


@pytest.mark.parametrize("points", [-1, 100, float("nan")])
def test_points_are_from_0_to_100(points):
    with pytest.raises(CompareError, match="not a margin for accuracy"):
        instances.margins("5%", points)


def rows(**columns):
    return pd.DataFrame({"metric": ["mean", "mean", "accuracy", "accuracy"], **columns})


def test_a_change_is_shown_where_the_interval_is_on_one_side_of_0():
    result = instances.add_verdicts(
        rows(low=[0.1, -0.3, -0.2, 0.01], high=[0.3, -0.1, 0.0, 0.1], p_value=[0.001, 0.002, 0.03, 0.004]), None
    )
    assert list(result["verdict"]) == ["worse", "better", "no change shown", "better"]
    assert list(result["p_adjusted"]) == pytest.approx([0.004, 0.008, 0.12, 0.016])  # four tests
    assert not result["regression"].any()


def test_rows_without_a_test_are_not_counted():
    result = instances.add_verdicts(
        rows(low=[0.1, None, -0.2, None], high=[0.3, None, 0.1, None], p_value=[0.02, None, 0.9, None]),
        instances.Margins(0.05, 0.01),
    )
    assert list(result["verdict"]) == ["worse", "not tested", "no change shown", "not tested"]
    assert list(result["p_adjusted"][[0, 2]]) == pytest.approx([0.04, 1])
    assert result["p_adjusted"].isna().sum() == 2
    assert list(result["regression"]) == [True, False, False, False]


def test_rows_that_share_errors_are_corrected_as_one_of_their_family():
    columns = {instances.FAMILY: [0.002, 0.01, None, None], "p_value": [0.1, 0.1, 0.01, 0.02]}
    result = instances.add_verdicts(rows(low=[0.1, 0.1, -0.3, -0.3], high=[0.3, 0.3, -0.1, -0.1], **columns), None)
    assert list(result["p_adjusted"]) == pytest.approx([0.008, 0.04, 0.04, 0.08])
    assert instances.FAMILY not in result


def test_a_change_that_reaches_into_the_margin_is_no_regression():
    columns = {"low": [0.04, 0.06, -0.09, -0.09], "high": [0.2, 0.2, -0.005, -0.02], "p_value": 0.001}
    result = instances.add_verdicts(rows(**columns), instances.Margins(0.05, 0.01))
    assert list(result["verdict"]) == ["worse"] * 4
    assert list(result["regression"]) == [False, True, False, True]


MARGINS = st.builds(instances.Margins, time=st.floats(0, 0.3), accuracy=st.floats(0, 0.1))
LOGS = {"value": st.floats(-0.4, 0.4), "error": st.floats(0, 0.1) | st.just(math.nan), "freedom": st.floats(1, 99)}
ERRORS = {"shared": st.floats(1e-4, 0.05), "own": st.floats(1e-4, 0.05), "value": LOGS["value"]}
FREEDOMS = {"shared_freedom": st.floats(2, 20), "own_freedom": st.floats(2, 99), "rows": st.integers(1, 12)}
COUNTS = st.lists(st.integers(0, 60), min_size=4, max_size=4)


def change(counts):
    """Return the change in accuracy for numbers of images right on both sides, the base, the other side or neither."""
    return changes.accuracy_on_images(np.repeat([1.0, 1, 0, 0], counts), np.repeat([1.0, 0, 1, 0], counts))


EVIDENCE = (
    st.builds(changes.LogRatio, **LOGS)
    | st.builds(changes.SharedRatio, **ERRORS, **FREEDOMS)
    | st.builds(change, COUNTS)
)


@examples(150)
@given(st.lists(EVIDENCE, max_size=12), MARGINS)
def test_a_regression_is_a_row_whose_whole_interval_is_worse_than_the_margin(evidence, margins):
    metrics = ["accuracy" if isinstance(change, changes.AccuracyChange) else "mean" for change in evidence]
    lines = [
        {**names.facts("tflite_cpu_float32_mnasnet"), "metric": metric, **instances.tests(change)}
        for metric, change in zip(metrics, evidence, strict=True)
    ]
    table = instances.build_table(lines, evidence, margins)
    for row in table.to_dict("records"):
        # the smallest loss in the interval; a null interval has none
        least = -row["high"] - margins.accuracy if row["metric"] == "accuracy" else row["low"] - margins.time
        assert row["regression"] == (least > 0)
        assert not row["regression"] or row["verdict"] == "worse"
    assert len(table) == len(evidence)
    assert not instances.build_table(lines, evidence, None)["regression"].any()


def test_intervals_share_5_percent():
    assert intervals.level(1) == pytest.approx(0.95)
    assert intervals.level(20) == pytest.approx(0.9975)
    assert intervals.level(0) == pytest.approx(0.95)
