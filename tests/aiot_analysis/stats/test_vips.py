import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiot_analysis import names
from aiot_analysis.stats import vips
from tests.aiot_analysis.conftest import images, instance, instances

A, B = "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet"


def test_equation_1_by_hand():
    rows = instances(instance(A, 0.5, 10.0), instance(B, 0.8, 20.0))
    found = vips.scores(rows).iloc[0]
    assert found["vips"] == pytest.approx(0.5 / 0.010 + 0.8 / 0.020)  # 90 images a second
    assert found["instances"] == 2 and not found["complete"] and "caffe2_cpu_float32_resnet50" in found["missing"]
    assert vips.scores(rows, "inference")["vips"].iloc[0] == pytest.approx(90 / 0.8)


def test_contributions_by_hand_with_gaps():
    found = vips.contributions(instances(instance(A, 0.5, 10.0))).set_index("instance_id")
    assert len(found) == 24 and found["vips"].notna().sum() == 1
    assert found.loc[A, ["vips", "time_s", "implementation", "model"]].tolist() == [50, 0.01, "tflite_cpu", "mnasnet"]


def test_quantized_score():
    rows = instances(instance(A), instance("tflite_cpu_int8_mnasnet", 0.5, 5.0))
    found = vips.scores(rows, suite=names.PAPER_QUANTIZED).iloc[0]
    assert found["vips"] == pytest.approx(100) and found["instances"] == 1


def test_devices_with_other_instances_or_conditions_are_not_ranked_together():
    rows = instances(
        instance(A, 0.5, 10.0, device_id="a"), instance(B, 0.5, 10.0, device_id="a"),
        instance(A, 0.5, 20.0, device_id="b"), instance(B, 0.5, 10.0, device_id="b"),
        instance(A, 0.5, 1.0, device_id="fast-but-one"),
        instance(A, 0.5, 1.0, device_id="other-weights", weights="x"),
        instance(B, 0.5, 1.0, device_id="other-weights", weights="x"),
    )  # fmt: skip
    found = vips.scores(rows).set_index("device_id")
    assert found["peers"].to_dict() == {"a": 1, "b": 1, "other-weights": 2, "fast-but-one": 3}
    assert found["rank"].to_dict() == {"a": 1, "b": 2, "other-weights": 1, "fast-but-one": 1}


def test_a_device_without_any_instance_of_the_suite():
    found = vips.scores(instances(instance(A)), suite=names.PAPER_QUANTIZED).iloc[0]
    assert found["instances"] == 0 and np.isnan(found["vips"])


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.1, 1e3)), min_size=2, max_size=6), st.floats(0.1, 10))
@settings(max_examples=8, deadline=None)
def test_vips_adds_up_over_instances_and_halves_when_time_doubles(tests, factor):
    rows = instances(*(instance(one, *test) for one, test in zip(names.PAPER_FLOAT32, tests, strict=False)))
    whole = vips.scores(rows)["vips"].iloc[0]
    assert whole == pytest.approx(sum(vips.scores(rows.iloc[[i]])["vips"].iloc[0] for i in range(len(rows))))
    slower = rows.assign(end_to_end_ms_mean=rows["end_to_end_ms_mean"] * factor)
    assert vips.scores(slower)["vips"].iloc[0] == pytest.approx(whole / factor)


def test_interval_of_constant_images_has_no_width():
    records = pd.concat([images(A, [True] * 10, [10.0] * 10), images(B, [True] * 10, [20.0] * 10)])
    found = vips.intervals(instances(instance(A, 1.0, 10.0), instance(B, 1.0, 20.0)), records).iloc[0]
    assert found[["vips", "vips_low", "vips_high"]].tolist() == pytest.approx([150, 150, 150])
    assert found["interval_images"] == 10 and found["top10_probability"] == 1


def test_interval_of_images_half_of_them_right():
    n = 400
    records = images(A, [True, False] * (n // 2), [10.0] * n)
    found = vips.intervals(instances(instance(A, 0.5, 10.0)), records).iloc[0]
    width = 1.96 * np.sqrt(0.25 / n) / 0.010  # the normal interval of a mean of n draws
    assert found["vips_low"] == pytest.approx(50 - width, abs=0.7)
    assert found["vips_high"] == pytest.approx(50 + width, abs=0.7)
    again = vips.intervals(instances(instance(A, 0.5, 10.0)), records).iloc[0]
    assert again["vips_low"] == found["vips_low"]


def test_ranks_of_resamples_of_clearly_different_devices():
    rows = instances(instance(A, 0.5, 10.0), instance(A, 0.5, 30.0, device_id="slow"))
    records = [images(A, [True, False] * 20, [10.0] * 40), images(A, [True, False] * 20, [30.0] * 40, device_id="slow")]
    found = vips.intervals(rows, pd.concat(records)).set_index("device_id")
    assert found[["rank", "rank_low", "rank_high"]].loc["slow"].tolist() == [2, 2, 2]


def test_no_interval_without_image_records_of_an_instance():
    found = vips.intervals(instances(instance(A), instance(B)), images(A, [True], [1.0])).iloc[0]
    assert found["vips"] == 100 and np.isnan(found["vips_low"]) and pd.isna(found["rank_low"])


def test_table_iv_has_the_first_ten_of_complete_devices_beside_the_printed_ones():
    slow = [instance(one, 0.5, 20.0, device_id="slow") for one in names.PAPER_FLOAT32]
    fast = [instance(one, 0.5, 10.0, device_id="fast") for one in names.PAPER_FLOAT32]
    scores = vips.scores(instances(*slow, *fast, instance(A, 0.9, 0.1, device_id="fastest-but-one")))
    devices = pd.DataFrame([{"device_id": "fast", "maker": "Oppo", "model": "Ace2"}])
    found = vips.table_iv(scores.assign(vips_low=0.0, vips_high=1.0), devices)
    assert len(found) == 10
    assert found["device"].tolist()[:3] == ["Oppo Ace2", "slow", np.nan]
    assert found["vips"].tolist()[:2] == pytest.approx([24 * 50, 24 * 25])
    assert found["printed_device"].tolist()[:2] == ["Samsung Galaxy S20", "Oppo Ace2"]
    assert found["printed_vips"].tolist()[9] == 129.46
