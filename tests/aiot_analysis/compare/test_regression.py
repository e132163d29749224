"""Margins, and what is beyond them."""

import pandas as pd
import pytest

from aiot_analysis.compare import regression
from aiot_analysis.errors import CompareError
from aiot_analysis.stats import multiple


@pytest.mark.parametrize(("words", "share"), [("5%", 0.05), ("5", 0.05), (" 2.5 % ", 0.025), ("0%", 0.0), ("200", 2.0)])
def test_margins_are_percent(words, share):
    assert regression.margins(words).time == pytest.approx(share)
    assert regression.margins(words).accuracy == 0.01


@pytest.mark.parametrize("words", ["", "five", "-5%", "5%%", "nan", "inf", "1e3", "5 points", "٥%"])
def test_what_is_no_margin_is_refused_with_an_example(words):
    with pytest.raises(CompareError, match=r"no margin for times: give percent, like 5% or 2.5%"):
        regression.margins(words)


@pytest.mark.parametrize("points", [-1, 100, float("nan")])
def test_points_are_from_0_to_100(points):
    with pytest.raises(CompareError, match="no margin for accuracy"):
        regression.margins("5%", points)


def rows(**columns):
    return pd.DataFrame({"metric": ["mean", "mean", "accuracy", "accuracy"], **columns})


def test_a_change_is_shown_where_the_interval_is_on_one_side_of_0():
    found = regression.judged(
        rows(
            low=[0.1, -0.3, -0.2, 0.01], high=[0.3, -0.1, 0.0, 0.1], p_value=[0.001, 0.002, 0.03, 0.004], p_beyond=1.0
        ),
        False,
    )
    assert list(found["verdict"]) == ["worse", "better", "no change shown", "better"]
    assert list(found["p_adjusted"]) == pytest.approx([0.004, 0.008, 0.12, 0.016])  # four tests
    assert not found["regression"].any()


def test_rows_without_a_test_are_not_counted():
    found = regression.judged(
        rows(low=[0.1, None, -0.2, None], high=[0.3, None, 0.1, None], p_value=[0.02, None, 0.9, None], p_beyond=1.0),
        True,
    )
    assert list(found["verdict"]) == ["worse", "not tested", "no change shown", "not tested"]
    assert list(found["p_adjusted"][[0, 2]]) == pytest.approx([0.04, 1])
    assert found["p_adjusted"].isna().sum() == 2


def test_what_is_worse_by_more_than_the_margin_is_corrected_by_holm():
    p_beyond = [0.01, 0.02, 0.04, None]
    columns = {"p_value": 0.001, "p_beyond": p_beyond}
    found = regression.judged(rows(low=[0.1, 0.1, -0.3, -0.3], high=[0.3, 0.3, -0.1, -0.1], **columns), True)
    assert list(found["p_beyond_adjusted"][:3]) == pytest.approx([0.03, 0.04, 0.04])
    assert list(found["regression"]) == [True, True, True, False]


def test_rows_that_share_errors_are_corrected_by_bonferroni_and_the_others_by_holm():
    """Of four tests two share errors: the others have half of the error rate."""
    columns = dict(zip(regression.FAMILY, ([0.002, 0.01, None, None], [0.004, 0.02, None, None]), strict=True))
    columns |= {"p_value": [0.1, 0.1, 0.01, 0.02], "p_beyond": [0.2, 0.2, 0.01, 0.02]}
    found = regression.judged(rows(low=[0.1, 0.1, -0.3, -0.3], high=[0.3, 0.3, -0.1, -0.1], **columns), True)
    assert list(found["p_adjusted"]) == pytest.approx([0.008, 0.04, 0.04, 0.08])
    assert list(found["p_beyond_adjusted"]) == pytest.approx([0.016, 0.08, 0.04, 0.04])
    assert list(found["regression"]) == [True, False, True, True]
    assert not set(regression.FAMILY) & set(found.columns)


def test_a_regression_is_a_change_that_is_shown():
    """Two rows are rejected by Holm's one-sided tests, of which one has an interval with 0 inside."""
    columns = {"p_value": [0.001, 0.06, 0.5, 0.5], "p_beyond": [0.001, 0.012, 0.9, 0.9]}
    found = regression.judged(rows(low=[0.1, -0.01, -0.1, -0.1], high=[0.3, 0.4, 0.1, 0.1], **columns), True)
    assert (found["p_beyond_adjusted"][:2] < 0.05).all()
    assert list(found["regression"]) == [True, False, False, False]
    assert found["verdict"][1] == "no change shown"


def test_intervals_share_5_percent():
    assert multiple.level(1) == pytest.approx(0.95)
    assert multiple.level(20) == pytest.approx(0.9975)
    assert multiple.level(0) == pytest.approx(0.95)
