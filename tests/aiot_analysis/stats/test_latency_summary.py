"""Tests of the distribution of times with missing and negative times and failed images."""

import numpy as np
import pytest

from aiot_analysis.stats import latency
from tests.aiot_analysis.conftest import images

A = "tflite_cpu_float32_mnasnet"


def test_the_first_image_is_apart_and_counts():
    result = latency.summary(images(A, [True] * 4, [90.0, 10, 20, 30])).iloc[0]
    assert result[["mean_ms", "first_ms", "later_ms"]].tolist() == [37.5, 90, 20]
    row = latency.summary(images(A, [True], [90.0])).iloc[0]
    assert row["first_ms"] == 90 and np.isnan(row["later_ms"]) and np.isnan(row["cv"]) and row["tail"] == 1


def test_the_tail_is_the_99th_percentile_over_the_median():
    times = np.arange(1.0, 102)
    result = latency.summary(images(A, [True] * 101, times.tolist())).iloc[0]
    assert result[["median_ms", "p90_ms", "p99_ms"]].tolist() == [51, 91, 100]
    assert result["tail"] == pytest.approx(100 / 51)


def test_what_has_no_time_is_counted_and_is_in_no_number():
    frame = images(A, [True] * 6, [10.0] * 6)
    frame["end_to_end_ms"] = [10, np.nan, -5, np.inf, 20, 30]
    result = latency.summary(frame).iloc[0]
    assert result[["images", "unusable", "mean_ms", "max_ms", "min_ms"]].tolist() == [3, 3, 20, 30, 10]


def test_an_image_that_failed_counts_with_the_time_it_took():
    frame = images(A, [True, False, True], [10.0, 40, 10]).assign(failed=[False, True, False])
    frame.loc[1, "inference_ms"] = np.nan
    assert latency.summary(frame).iloc[0][["images", "failed", "unusable", "mean_ms"]].tolist() == [3, 1, 0, 20]
    assert latency.summary(frame, "inference").iloc[0][["images", "failed", "unusable"]].tolist() == [2, 1, 1]


def test_a_first_image_without_a_time_is_null_and_not_the_second():
    frame = images(A, [True] * 3, [10.0, 20, 30])
    frame.loc[0, "end_to_end_ms"] = np.nan
    result = latency.summary(frame).iloc[0]
    assert np.isnan(result["first_ms"]) and result["later_ms"] == 25


def test_zeros_give_no_ratio_and_no_records_no_row():
    result = latency.summary(images(A, [True] * 3, [0.0] * 3)).iloc[0]
    assert result["mean_ms"] == 0 and np.isnan(result["cv"]) and np.isnan(result["tail"])
    assert latency.summary(images(A, [True], [1.0]).iloc[:0]).empty
