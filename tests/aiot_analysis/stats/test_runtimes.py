import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import runtimes, variance
from tests.aiot_analysis.conftest import images, instance, instances

N = 400
FLOAT32, PYTORCH, DYNAMIC, INT8 = (
    "tflite_cpu_float32_mnasnet", "pytorch_cpu_float32_mnasnet", "tflite_cpu_dynamic_mnasnet",
    "tflite_cpu_int8_mnasnet",
)  # fmt: skip
OTHER = "tflite_cpu_float32_squeezenet"


def answers(wrong, n=N):
    return [place >= wrong for place in range(n)]


def measured(versions, run_to_run=0.0, n=N):
    """Return rows and image records of versions from id -> (time in ms or times, number of wrong answers)."""
    rows, records = [], []
    for name, (ms, wrong) in versions.items():
        times = np.broadcast_to(np.asarray(ms, float), n)
        rows.append(instance(name, accuracy=1 - wrong / n, time_ms=float(times.mean())))
        records.append(images(name, answers(wrong, n), list(times)))
    return variance.assumed(instances(*rows), run_to_run), pd.concat(records)


def test_versions_by_hand():
    """int8 is fastest, but wrong on 40 more of 400 images; dynamic and PyTorch are both as accurate as float32."""
    rows, records = measured(
        {FLOAT32: (10, 100), PYTORCH: (20, 100), DYNAMIC: (5, 101), INT8: (2, 140), OTHER: (1, 200)}
    )
    table = runtimes.versions(rows, records).set_index("instance_id")
    assert table.loc[[FLOAT32, PYTORCH, DYNAMIC, INT8], "reference"].eq(FLOAT32).all()
    assert table.loc[OTHER, "reference"] == OTHER
    assert table["change"].to_dict() == pytest.approx({FLOAT32: 0, PYTORCH: 0, DYNAMIC: -1 / N, INT8: -0.1, OTHER: 0})
    assert table["as_accurate"].to_dict() == {FLOAT32: "yes", PYTORCH: "yes", DYNAMIC: "yes", INT8: "no", OTHER: "yes"}
    ranks = table["rank"].dropna().to_dict()
    assert ranks == {DYNAMIC: 1, FLOAT32: 2, PYTORCH: 3, OTHER: 1}
    # times are constant, so nothing is uncertain
    assert table.loc[DYNAMIC, ["rank_low", "rank_high"]].tolist() == [1, 1]
    assert table.loc[PYTORCH, ["rank_low", "rank_high"]].tolist() == [3, 3]
    assert table.loc[FLOAT32, ["mean_ms_low", "mean_ms_high"]].tolist() == pytest.approx([10, 10])
    # over all networks: PyTorch is slower than float32 and no more accurate
    assert table["pareto"].to_dict() == {FLOAT32: True, PYTORCH: False, DYNAMIC: True, INT8: True, OTHER: True}
    best = runtimes.fastest(table.reset_index()).set_index("model")
    assert best["instance_id"].to_dict() == {"mnasnet": DYNAMIC, "squeezenet": OTHER}
    assert best["compared"].to_dict() == {"mnasnet": 3, "squeezenet": 1}
    assert best["tied"].tolist() == [[], []]


@pytest.mark.parametrize(("wrong", "verdict"), [(100, "yes"), (108, "open"), (130, "no")])
def test_a_version_is_as_accurate_if_its_whole_interval_is_within_the_margin(wrong, verdict):
    rows, records = measured({FLOAT32: (10, 100), INT8: (5, wrong)})
    row = runtimes.versions(rows, records, margin=0.03).set_index("instance_id").loc[INT8]
    assert row["as_accurate"] == verdict
    assert (row["change_low"] >= -0.03) == (verdict == "yes")
    assert (row["change_high"] < -0.03) == (verdict == "no")
    assert pd.isna(row["rank"]) == (verdict != "yes")


def test_without_float32_nothing_is_called_as_accurate():
    rows, records = measured({DYNAMIC: (5, 100), INT8: (2, 100)})
    table = runtimes.versions(rows, records)
    assert table["reference"].isna().all() and table["as_accurate"].eq("open").all() and table["rank"].isna().all()
    assert table["pareto"].tolist() == [True, False]  # int8 is as accurate and faster


def test_versions_without_image_records_are_listed_and_not_compared():
    rows, records = measured({FLOAT32: (10, 100), PYTORCH: (20, 100)})
    table = runtimes.versions(rows, records[records["instance_id"] == FLOAT32]).set_index("instance_id")
    assert table.loc[PYTORCH, "note"] == "there are no image records, so it is not compared"
    assert table.loc[PYTORCH, ["rank", "mean_ms_low", "pareto"]].isna().all()
    assert table.loc[FLOAT32, "rank"] == 1 and table.loc[FLOAT32, "note"] == ""


def test_two_runs_within_the_allowance_cannot_be_told_apart():
    """With an allowance of 5% between runs, versions 3% apart cannot be distinguished, and versions 20% apart can."""
    near, far = {FLOAT32: (10.3, 100), PYTORCH: (10, 100)}, {FLOAT32: (12, 100), PYTORCH: (10, 100)}
    for versions, highest, letters in ((near, 2, "a"), (far, 1, "")):
        table = runtimes.versions(*measured(versions, run_to_run=0.05)).set_index("instance_id")
        assert table.loc[PYTORCH, ["rank_low", "rank_high"]].tolist() == [1, highest]
        assert table["tie_group"].eq(letters).all()
    tied = runtimes.fastest(runtimes.versions(*measured(near, run_to_run=0.05)))["tied"]
    assert tied.tolist() == [[FLOAT32]]


def test_what_all_versions_of_a_session_share_does_not_blur_their_order():
    rows, records = measured({FLOAT32: (12, 100), PYTORCH: (10, 100)})
    shaken = rows.assign(shared_sd=0.5)
    table = runtimes.versions(shaken, records).set_index("instance_id")
    assert table.loc[PYTORCH, ["rank_low", "rank_high"]].tolist() == [1, 1]
    low, high = table.loc[PYTORCH, ["mean_ms_low", "mean_ms_high"]]
    assert (low, high) == pytest.approx((10 * np.exp(-1.96 * 0.5), 10 * np.exp(1.96 * 0.5)), rel=0.1)
    apart = shaken.assign(session=[1, 2])
    assert runtimes.versions(apart, records).set_index("instance_id").loc[PYTORCH, "rank_high"] == 2


def test_equal_versions_are_rarely_told_apart():
    """Among six versions with the same true time, a pair is called different in at most 5% of trials."""
    rng = np.random.default_rng(3)
    ids = [
        f"{framework}_cpu_{kind}_mnasnet"
        for framework in ("tflite", "pytorch")
        for kind in ("float32", "int8", "dynamic")
    ]
    run_sd = variance.standard_deviation(0.05)
    wrong = 0
    for _ in range(60):
        times = {name: 10 * np.exp(rng.normal(0, run_sd) + rng.normal(0, 0.1, 100)) for name in ids}
        rows, records = measured({name: (ms, 10) for name, ms in times.items()}, run_to_run=0.05, n=100)
        table = runtimes.versions(rows, records, margin=0.5, resamples=400)
        wrong += bool((table["rank_high"] < 6).any() or (table["rank_low"] > 1).any())
    assert wrong <= 3 + 2 * 1.7  # the mean, and two standard deviations of a binomial distribution


def test_devices_are_ranked_by_themselves():
    rows, records = measured({FLOAT32: (10, 100), PYTORCH: (5, 100)})
    both = pd.concat([rows, rows.assign(device_id="other", run_id="other")], ignore_index=True)
    other = records.assign(device_id="other", run_id="other")
    table = runtimes.versions(both, [records, other])
    assert table.groupby("device_id")["rank"].apply(list).to_dict() == {"local": [1, 2], "other": [1, 2]}
