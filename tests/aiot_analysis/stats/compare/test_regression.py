"""Margins, and what is beyond them."""

import pandas as pd
import pytest

from aiot_analysis.errors import CompareError
from aiot_analysis.stats.compare import regression


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


def test_holm_is_over_all_rows_and_nothing_is_tested_without_a_test():
    rows = pd.DataFrame(
        {
            "metric": ["mean", "mean", "accuracy", "accuracy"],
            "change": [0.5, 0.2, -0.1, -0.1],
            "p_value": [0.001, 0.04, 0.001, None],
            "p_beyond": [0.001, 0.02, 0.02, None],
        }
    )
    found = regression.judged(rows, True)
    assert list(found["verdict"]) == ["worse", "worse", "worse", "not tested"]
    assert list(found["p_adjusted"][:3]) == pytest.approx([0.003, 0.04, 0.003])
    assert list(found["p_beyond_adjusted"][:3]) == pytest.approx([0.003, 0.04, 0.04])
    assert list(found["regression"]) == [True, True, True, False]
    more = regression.judged(pd.concat([rows] * 3, ignore_index=True), True)
    assert list(more["regression"][:3]) == [True, False, False]
