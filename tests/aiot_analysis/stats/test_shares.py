import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import shares
from tests.aiot_analysis.conftest import instance, instances


def rows_of(**times):
    return instances(*(instance(f"{one}_float32_mnasnet", time_ms=time) for one, time in times.items()))


def of(frame, model="mnasnet"):
    return frame[frame["model"] == model].set_index(frame.columns[2])


def test_shares_of_three_frameworks_by_hand():
    found = of(shares.frameworks(rows_of(tflite_cpu=10.0, pytorch_cpu=30.0, caffe2_cpu=60.0)))
    assert found["share"].to_dict() == pytest.approx({"tflite_cpu": 0.1, "pytorch_cpu": 0.3, "caffe2_cpu": 0.6})
    assert not found["partial"].any() and (found["missing"] == "").all()


def test_a_lacking_part_is_a_gap_and_not_a_smaller_sum():
    found = of(shares.frameworks(rows_of(tflite_cpu=10.0, pytorch_cpu=30.0)))
    assert found["share"].isna().all() and (found["missing"] == "caffe2_cpu").all()


def test_partial_shares_are_flagged():
    found = of(shares.frameworks(rows_of(tflite_cpu=10.0, pytorch_cpu=30.0), partial=True))
    assert found["share"].iloc[:2].tolist() == [0.25, 0.75] and np.isnan(found.loc["caffe2_cpu", "share"])
    assert found["partial"].all()


def test_one_part_has_no_share():
    found = of(shares.nnapi(rows_of(tflite_cpu=10.0), partial=True))
    assert found["share"].isna().all() and not found["partial"].any()


def test_every_panel_and_device_is_there():
    found = shares.models(rows_of(tflite_cpu=10.0), devices=["local", "other"])
    assert len(found) == 4 * 2 * 6
    assert found["missing"].str.contains("resnet50").all()


def test_quantizations_by_hand():
    ids = [f"tflite_nnapi_{one}_mnasnet" for one in ("float32", "dynamic", "int8", "float16")]
    found = shares.quantizations(
        instances(*(instance(one, time_ms=t) for one, t in zip(ids, [4, 3, 2, 1], strict=True)))
    )
    mine = found[(found["model"] == "mnasnet") & (found["delegate"] == "nnapi")]
    assert mine["share"].tolist() == [0.4, 0.3, 0.2, 0.1]
    assert found["share"].notna().sum() == 4


def test_two_runs_of_an_instance_are_refused():
    twice = instances(instance("tflite_cpu_float32_mnasnet"), instance("tflite_cpu_float32_mnasnet", run_id="2"))
    with pytest.raises(PoolingError, match="more than once"):
        shares.nnapi(twice)


@given(st.lists(st.floats(0.01, 1e4), min_size=3, max_size=3))
@settings(max_examples=20, deadline=None)
def test_shares_are_positive_and_sum_to_one(times):
    names = ("tflite_cpu", "pytorch_cpu", "caffe2_cpu")
    found = of(shares.frameworks(rows_of(**dict(zip(names, times, strict=True)))))
    assert (found["share"] > 0).all() and found["share"].sum() == pytest.approx(1)
