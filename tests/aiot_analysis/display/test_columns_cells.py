"""Tables in words."""

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.display import columns
from aiot_analysis.errors import ReportError

FRAME = pd.DataFrame(
    {
        "device": ["a", "b"],
        "instance_id": ["tflite_nnapi_int8_mnasnet", None],
        "mean_ms": [12.345, 7.0],
        "mean_low": [12.0, np.nan],
        "mean_high": [12.75, 8.0],
        "ok": [True, False],
    }
)


def test_columns_have_headings_units_and_formats_and_intervals_stand_beside_their_values() -> None:
    words = columns.words(FRAME)
    assert list(words.frame) == ["device", "instance", "mean, ms (95% interval)", "ok"]
    assert words.frame.iloc[0].tolist() == ["a", "MnasNet, TFLite NNAPI, INT8", "12.3 (12.0 to 12.8)", "yes"]
    assert words.numeric == [False, False, True, False] and words.boolean == [False, False, False, True]


def test_without_an_interval_end_only_the_value_is_shown() -> None:
    assert columns.words(FRAME).frame.iloc[1].tolist() == ["b", "–", "7.00", "no"]


def test_a_table_may_write_a_column_otherwise_and_its_interval_follows() -> None:
    words = columns.words(FRAME, {"mean_ms": "{:.0f}"}, {"mean_ms": "time"}, "missing")
    assert list(words.frame)[2] == "time (95% interval)"
    assert words.frame.iloc[:, 2].tolist() == ["12 (12 to 13)", "7"]
    assert words.frame.iloc[1, 1] == "missing"


def test_a_table_may_say_what_its_intervals_are() -> None:
    words = columns.words(FRAME, headings={"mean_low": columns.TOGETHER})
    assert list(words.frame)[2] == "mean, ms (joint 95% interval)"


def test_a_column_without_a_word_is_excluded() -> None:
    frame = pd.DataFrame({"device": ["a", "b"], "note": ["", ""], "gap": ["", "one run"]})
    assert list(columns.words(frame).frame) == ["device", "reason it is missing"]
    assert list(columns.words(frame.head(0)).frame) == ["device", "remark", "reason it is missing"]


def test_a_text_among_numbers_stays_as_it_is() -> None:
    assert columns.text("0.7 to 0.8", "{:.3f}") == "0.7 to 0.8"


def test_a_heading_for_an_unknown_column_lists_the_columns() -> None:
    with pytest.raises(ReportError, match="no column 'mean' to format: choose device, instance_id, mean_ms"):
        columns.words(FRAME, headings={"mean": "time"})


def test_a_frame_is_not_changed_and_an_empty_one_has_headings() -> None:
    before = FRAME.copy()
    empty = columns.words(FRAME.head(0))
    assert list(empty.frame) == list(columns.words(FRAME).frame) and len(empty.frame) == 0
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1 / 3, "0.3333"),
        (12.0, "12"),
        (0.00001234, "0.00001234"),
        (1330.4, "1,330"),
        (-213_456.7, "-213,457"),
        (float("inf"), "inf"),
        (2_124, "2,124"),
        (np.True_, "yes"),
        (None, "–"),
        (float("nan"), "–"),
        ("a", "a"),
        ([1], "[1]"),
    ],
)
def test_a_value_without_a_format(value: object, words: str) -> None:
    assert columns.text(value) == words


def test_two_columns_of_one_name_are_two() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["n", "n"])
    assert columns.words(frame).frame.to_numpy().tolist() == [["1", "2"]]


def test_an_interval_on_a_table_never_looks_as_if_it_had_no_width():
    frame = pd.DataFrame({"speed_up": [0.234, 1.5], "speed_up_low": [0.2302, 1.2], "speed_up_high": [0.2338, 1.9]})
    assert columns.words(frame).frame.iloc[:, 0].tolist() == ["0.234 (0.230 to 0.234)", "1.50 (1.20 to 1.90)"]


def test_ranks_and_their_intervals_are_whole_numbers():
    frame = pd.DataFrame({"rank": [1, 12], "rank_low": [1, 10], "rank_high": [3, 12]}, dtype="Int64")
    assert columns.words(frame).frame.iloc[:, 0].tolist() == ["1 (1 to 3)", "12 (10 to 12)"]


def test_a_format_for_one_table_keeps_its_decimals():
    frame = pd.DataFrame({"accuracy": [0.75302], "accuracy_low": [0.74922], "accuracy_high": [0.75678]})
    assert columns.words(frame).frame.iloc[0, 0] == "0.753 (0.749 to 0.757)"
    exact = columns.words(frame, {"accuracy": "{:.5f}"}).frame.iloc[0, 0]
    assert exact == "0.75302 (0.74922 to 0.75678)"


def test_negative_numbers_and_their_intervals_have_minus_signs() -> None:
    frame = pd.DataFrame({"device": ["sim-01"], "change": [-0.0125], "change_low": [-0.02], "change_high": [-0.005]})
    assert columns.words(frame).frame.iloc[0].tolist() == ["sim-01", "−0.013 (−0.020 to −0.005)"]
