"""Tests that planted fleets have the truth and the noise of their plan."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.calibrate.plant import FleetPlan, autocorrelated, plant
from aiot_analysis.stats import variance
from aiot_analysis.tables import names, storage

TFLITE = ["tflite_cpu_float32_resnet50", "tflite_nnapi_float32_resnet50"]


def fleet(plan, seed=1):
    return plant(plan, np.random.default_rng(seed))


def answers(planted):
    """Return whether answers are right, of shape (device x run x instance, image)."""
    return planted.images.pivot(index=["device_id", "run_id", "instance_id"], columns="image", values="correct")


def test_the_tables_are_of_the_schemas():
    planted = fleet(FleetPlan(names.PAPER, devices=2, images=5, sessions=2, runs=2))
    instances = storage.table("instances", planted.instances)
    images = storage.table("images", planted.images)
    assert (len(instances), len(images)) == (2 * 4 * 60, 2 * 4 * 60 * 5)
    pd.testing.assert_frame_equal(instances, planted.instances)


def test_rows_of_instances_are_the_means_of_their_records():
    planted = fleet(FleetPlan(TFLITE, devices=3, images=50, sessions=2))
    key = ["run_id", "device_id", "instance_id"]
    means = planted.images.groupby(key, observed=True)[["end_to_end_ms", "correct"]].mean()
    rows = planted.instances.set_index(key).sort_index()
    means.index = pd.MultiIndex.from_frame(means.index.to_frame().astype(str))
    means = means.sort_index()
    assert rows["end_to_end_ms_mean"].to_numpy() == pytest.approx(means["end_to_end_ms"].to_numpy())
    assert rows["accuracy"].to_numpy() == pytest.approx(means["correct"].to_numpy())


def test_series_correlate_from_neighbour_to_neighbour_from_the_first_on():
    series = autocorrelated(0.45, (20_000, 4), np.random.default_rng(0))
    correlation = np.corrcoef(series, rowvar=False)
    assert series.std(axis=0) == pytest.approx(np.ones(4), abs=0.02)
    assert correlation[0] == pytest.approx([1, 0.45, 0.45**2, 0.45**3], abs=0.03)


def test_times_scatter_within_a_run_and_between_runs_as_planned():
    plan = FleetPlan(names.PAPER_FLOAT32, devices=20, images=400, sessions=4, run_sd=0.05, speed={TFLITE[0]: 2.0})
    planted = fleet(plan)
    rows = planted.instances
    within = rows["end_to_end_ms_sd"] / rows["end_to_end_ms_mean"]
    assert within.mean() == pytest.approx(0.1, abs=0.005)
    logs = np.log(rows["end_to_end_ms_mean"])
    apart = logs.groupby([rows["device_id"], rows["instance_id"]]).std()
    # in addition to runs, a mean of 400 times has the error 0.1 sqrt(1.45 / 0.55 / 400) = 0.008
    assert np.sqrt((apart**2).mean()) == pytest.approx(np.hypot(0.05, 0.008), abs=0.003)
    medians = np.exp(logs.groupby(rows["instance_id"]).mean())
    assert medians[TFLITE[0]] == pytest.approx(5, rel=0.02)
    assert medians[TFLITE[1]] == pytest.approx(10, rel=0.02)


def test_what_a_run_has_in_common_cancels_within_it():
    planted = fleet(FleetPlan(TFLITE, devices=200, images=4, scatter=0.0, run_sd=0.0, shared_sd=0.05))
    wide = planted.instances.pivot(index="device_id", columns="instance_id", values="end_to_end_ms_mean")
    assert (wide[TFLITE[0]] / wide[TFLITE[1]]).to_numpy() == pytest.approx(np.ones(200))
    assert np.log(wide[TFLITE[0]]).std() == pytest.approx(0.05, abs=0.008)


def test_sessions_are_what_the_statistics_take_for_sessions():
    planted = fleet(FleetPlan(TFLITE, devices=2, images=2, sessions=3, runs=2))
    result = variance.sessions(planted.instances)
    planned = planted.instances["run_id"].str.slice(4, 8).astype(int) + 1
    assert result.to_numpy().tolist() == planned.to_numpy().tolist()


def test_runs_of_a_session_deviate_alike():
    planted = fleet(FleetPlan(TFLITE, devices=1, images=2, sessions=2, runs=2, scatter=0.0))
    first, again, later, _ = planted.run_ms[0, :, 0]
    assert first == again != later


def test_some_sessions_are_taken_out_with_their_records():
    planted = fleet(
        FleetPlan(TFLITE, devices=2, images=3, sessions=3, session_speed=[1.0, 2.0, 4.0], scatter=0, run_sd=0)
    )
    second = planted.of_sessions(1, 2)
    assert second.instances["end_to_end_ms_mean"].to_numpy() == pytest.approx(np.full(4, 5.0))
    assert second.images["end_to_end_ms"].to_numpy() == pytest.approx(np.full(12, 5.0))


def test_the_same_file_gives_the_same_answers_everywhere():
    right = answers(fleet(FleetPlan(TFLITE, devices=3, images=100)))
    assert (right == right.iloc[0]).all(axis=None)


def test_quantized_answers_differ_a_little_and_accuracies_are_as_planned():
    ids = ["tflite_cpu_float32_resnet50", "tflite_cpu_int8_resnet50", "pytorch_cpu_float32_resnet50"]
    plan = FleetPlan(ids, devices=1, images=20_000, accuracy={ids[2]: 0.6})
    right = answers(fleet(plan)).droplevel(["device_id", "run_id"]).T
    assert right.mean()[ids].to_numpy() == pytest.approx([0.7, 0.7, 0.6], abs=0.02)
    assert 0.01 < (right[ids[0]] != right[ids[1]]).mean() < 0.03
    assert (right[ids[0]] != right[ids[2]]).mean() > 0.2


def test_answers_flip_anew_in_each_run():
    right = answers(fleet(FleetPlan(TFLITE[:1], devices=1, images=50_000, sessions=2, flips=0.002)))
    # each of the two runs flips 0.2%
    assert (right.iloc[0] != right.iloc[1]).mean() == pytest.approx(0.004, abs=0.001)


def test_missing_answers_are_missing_on_the_last_device():
    right = answers(fleet(FleetPlan(TFLITE[:1], devices=2, images=500, lost_answers={TFLITE[0]: 4})))
    first, last = right.to_numpy(int)
    assert (first - last).sum() == 4
    assert set(first - last) == {0, 1}


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_patterns_correlate_as_planned(shared):
    plan = FleetPlan(TFLITE, devices=400, images=500, pattern_points=dict.fromkeys(TFLITE, 3.0), pattern_shared=shared)
    rows = fleet(plan).instances.pivot(index="device_id", columns="instance_id", values="accuracy")
    assert rows.corr().iloc[0, 1] == pytest.approx(shared, abs=0.1)
    assert rows.std().to_numpy() == pytest.approx(np.full(2, 0.03), abs=0.006)


def test_each_run_has_an_order_of_its_own_unless_one_is_common():
    plan = FleetPlan(names.PAPER_FLOAT32, devices=2, images=2, sessions=2, slower_at_end=0.1, scatter=0.0, run_sd=0.0)
    rows = fleet(plan).instances
    orders = rows.groupby(["device_id", "run_id"])["position"].agg(tuple)
    assert orders.nunique() == 4
    assert all(sorted(order) == list(range(24)) for order in orders)
    common = fleet(replace(plan, common_order=True)).instances
    assert common.groupby(["device_id", "run_id"])["position"].agg(tuple).nunique() == 1
    by_place = rows.groupby("position")["end_to_end_ms_mean"].mean()
    assert by_place.loc[0] == pytest.approx(10)
    assert by_place.loc[23] == pytest.approx(11)


def test_shares_of_devices_are_drawn():
    plan = FleetPlan(
        TFLITE, devices=400, images=2, scatter=0.0, run_sd=0.0,
        speed_on_share={TFLITE[1]: (0.5, 2.0)}, pieces_on_share={TFLITE[1]: 0.5},
    )  # fmt: skip
    rows = fleet(plan).instances.set_index("instance_id")
    faster = rows.loc[TFLITE[1], "end_to_end_ms_mean"].to_numpy() < 6
    assert faster.mean() == pytest.approx(0.5, abs=0.1)
    assert (rows.loc[TFLITE[1], "partitions"] > 1).mean() == pytest.approx(0.5, abs=0.1)
    assert (rows.loc[TFLITE[0], "partitions"] == 1).all()
