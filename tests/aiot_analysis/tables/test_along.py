import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_analysis.tables import along
from tests.aiot_analysis.conftest import images, instance, instances
from tests.aiot_analysis.stats.series import records
from tests.examples import examples

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"


def spoiled():
    """Return ten images: the third failed; the fifth, sixth and seventh have no, a negative and an infinite time."""
    frame = records(A, np.arange(10.0, 20))
    frame.loc[2, "failed"] = True
    frame.loc[[2, 4], "inference_ms"] = np.nan
    frame.loc[5, "inference_ms"] = -1.0
    frame.loc[6, "inference_ms"] = np.inf
    return frame


def test_records_without_a_time_are_excluded_and_listed_with_the_reason():
    assert along.usable(spoiled())["query"].tolist() == [1, 3, 7, 8, 9]
    result = along.left_out(spoiled())
    assert dict(zip(result["reason"], result["queries"], strict=True)) == {
        "it failed": "2",
        "it has no time": "4",
        "its time is negative": "5",
        "its time is not a finite number": "6",
    }
    assert result["images"].sum() == 4
    assert along.left_out(records(A, np.ones(5))).empty


def test_the_first_image_is_apart_unless_it_is_asked_for():
    assert along.usable(records(A, np.array([9.0, 1, 2])))["ms"].tolist() == [1, 2]
    assert along.usable(records(A, np.array([9.0, 1, 2])), first=True)["ms"].tolist() == [9, 1, 2]
    failed = records(A, np.array([9.0, 1, 2])).assign(failed=[True, False, False])
    assert along.usable(failed)["query"].tolist() == [1, 2]  # the first query, not the first one with a time


def test_many_queries_are_listed_in_short():
    frame = records(A, np.ones(30)).assign(failed=True)
    assert along.left_out(frame)["queries"].tolist() == ["0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more"]


def test_the_order_of_the_rows_does_not_matter():
    frame = pd.concat([records(A, np.arange(5.0)), records(B, np.arange(7.0))])
    mixed = frame.sample(frac=1, random_state=0)
    key = [*along.KEY, "query"]
    result = [along.usable(variant).sort_values(key, ignore_index=True) for variant in (mixed, frame, frame.iloc[::-1])]
    pd.testing.assert_frame_equal(result[0], result[1])
    pd.testing.assert_frame_equal(result[2], result[1])


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6))
@examples(20)
def test_instances_of_a_length_come_together_with_their_own_times(lengths):
    parts = [records(A, 100 * at + np.arange(n, dtype=float), run_id=f"r{at}") for at, n in enumerate(lengths)]
    used = along.usable(pd.concat(parts), first=True)
    result = {}
    for keys, times in along.matrices(used):
        assert len(keys) == len(times)
        for row, values in zip(keys.to_dict("records"), times, strict=True):
            result[row["run_id"]] = values.tolist()
            assert used["ms"][row["begin"]] == values[0]
    assert result == {f"r{at}": [100.0 * at + i for i in range(n)] for at, n in enumerate(lengths)}


@pytest.mark.parametrize("n, loops", [(80, 10), (99, 10), (200, 10), (240, 12), (499, 20), (8363, 20)])
def test_a_run_is_cut_into_ten_to_twenty_equal_parts(n, loops):
    parts = along.loops(np.arange(n, dtype=float)[None])
    assert len(parts) == loops
    sizes = [part.shape[1] for part in parts]
    assert sum(sizes) == n and max(sizes) - min(sizes) <= 1
    assert np.hstack(parts).tolist() == [list(range(n))]


@pytest.mark.parametrize(
    "at_s, words",
    [
        ([0.0, 0.01, 0.02, 0.03], ""),
        ([0.0, 0.02, 0.01, 0.03], "the clock goes backwards 1 time, first at query 2"),
        ([0.0, 5.0, 4.0, 3.0], "the clock goes backwards 2 times, first at query 2"),
        ([0.0, 0.0, 0.0, 0.0], "the clock stands still"),
        ([0.0, 0.01, np.nan, 0.03], "the clock is missing at 1 images"),
        ([0.0, 0.01, 3600.0, 3600.1], "a pause of more than 10 s, or a jump of the clock, 1 time, first at query 2"),
    ],
)
def test_clocks_that_jump_are_named_and_give_no_duration(at_s, words):
    result = along.clocks(images(A, [True] * 4, [10.0] * 4).assign(at_s=at_s)).iloc[0]
    assert result["clock"] == words
    assert result["duration_s"] == pytest.approx(0.04) if not words else np.isnan(result["duration_s"])


def test_an_image_that_takes_long_is_no_leap_of_the_clock():
    result = along.clocks(images(A, [True] * 3, [30_000.0] * 3, at_s=[0.0, 30.0, 60.0])).iloc[0]
    assert (result["clock"], result["duration_s"]) == ("", 90.0)


def test_instances_of_a_native_tool_have_a_summary_alone():
    rows = instances(instance(A), instance(B, source="tool"))
    result = along.without_records(rows, records(A, np.ones(3)))
    assert result["instance_id"].tolist() == [B]
    assert result["gap"].tolist() == ["its log has a summary and no times of single images"]
    assert len(along.without_records(rows, records(A, np.ones(3)).iloc[:0])) == 2


def test_no_records_at_all():
    none = records(A, np.ones(2)).iloc[:0]
    assert along.usable(none).empty and along.left_out(none).empty and along.clocks(none).empty
    assert list(along.matrices(along.usable(none))) == []
