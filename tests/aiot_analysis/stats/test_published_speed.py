"""Tests of statistics of published profile jobs against numbers computed by hand from the published files."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.display import published_speed_text as tell
from aiot_analysis.stats import complexity, published_speed
from runner.importers import ai_hub
from tests.aiot_analysis.stats import published

STATISTICS = Path(__file__).parents[3] / "docs" / "statistics.md"
S25, S24 = "Samsung Galaxy S25", "Samsung Galaxy S24"
SLOW_BOARD = "Dragonwing Q-6690 MTP"


@pytest.fixture(scope="module")
def jobs():
    return published_speed.profiles(published.instances())


def only(frame, **selection):
    for column, value in selection.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def test_the_profile_is_the_one_that_the_importer_writes():
    assert published_speed.PROFILE == ai_hub.FASTEST_RUN


def test_a_row_is_a_job_with_its_source(jobs):
    assert len(jobs) == 1896
    row = only(jobs, device_id=S25, framework="onnxruntime", quantization="w8a8", model="densenet121")
    assert (row["latency_ms"], row["unit"], row["layers_npu"], row["layers_cpu"]) == (14.159, "npu", 506, 374)
    assert row[published_speed.SOURCE].to_dict() == {
        "publisher": "Qualcomm",
        "publication": "AI Hub Models at b61a009028",
        "address": "github:qualcomm/ai-hub-models@b61a009028:qai_hub_models/models/densenet121/perf.yaml",
        "retrieved": "2026-11-28",
    }


def test_rows_of_other_origins_profiles_and_without_a_time_do_not_count():
    rows = published.instances(model=["resnet50"], device=[S25], runtime=["tflite"])
    assert len(published_speed.profiles(rows)) == 2
    for change in ({"origin": "imported"}, {"profile": "AI Hub (all runs)"}, {"inference_ms_mean": np.nan}):
        assert published_speed.profiles(rows.assign(**change)).empty


def test_a_device_with_the_jobs_of_another_counts_once(jobs):
    copies = jobs.loc[jobs["same_jobs_as"] != "", ["device_id", "same_jobs_as"]].drop_duplicates().to_numpy().tolist()
    assert copies == [["SA7255P ADP", "QCS8275 (Proxy)"]]
    assert published_speed.independent(jobs)["device_id"].nunique() == 14
    alone = published_speed.profiles(published.instances(device=["SA7255P ADP"]))
    assert set(alone["same_jobs_as"]) == {""}


def test_the_first_of_two_devices_with_the_very_same_jobs_is_the_original():
    rows = published.instances(device=[S25, S24], model=["resnet50"], runtime=["tflite"], precision=["float"])
    result = published_speed.profiles(rows.assign(job="one"))
    assert result.set_index("device_id")["same_jobs_as"].to_dict() == {S24: "", S25: S24}


def test_operations_are_those_at_the_input_size_of_ai_hub():
    sizes = published_speed.network_sizes().set_index("model")
    assert sizes.loc["resnet50", ["macs_millions", "params_millions"]].tolist() == [4089.184, 25.557032]
    assert sizes.loc["inception_v3", "macs_millions"] == pytest.approx(2838, abs=1)  # 5,713 at 299 pixels
    assert set(sizes["size"]) == {224}


def test_networks_that_torchvision_lacks_are_listed(jobs):
    missing = published_speed.without_size(jobs)
    assert len(missing) == 11 and len(published_speed.network_sizes()) + len(missing) == jobs["model"].nunique() == 34
    assert {"beit", "nasnet"} <= set(missing) and "resnet50" not in missing


def test_points_are_float_on_the_npu(jobs):
    points = published_speed.complexity(jobs)
    row = only(points, device_id=S25, implementation="tflite", model="resnet50")
    assert (row["latency_ms"], row["macs_millions"]) == (1.263, 4089.184)
    assert row["gmacs_per_s"] == pytest.approx(4089.184 / 1.263)
    on_gpu = points[(points["model"] == "wideresnet50") & (points["device_id"] == "QCS8275 (Proxy)")]
    assert on_gpu["implementation"].tolist() == ["qnn"]  # TFLite ran it on the GPU


def test_rank_correlation_is_that_of_the_ranks(jobs):
    points = published_speed.complexity(jobs)
    part = points[(points["device_id"] == S25) & (points["implementation"] == "tflite")]
    ranks = part[["macs_millions", "latency_ms"]].rank()
    n = len(part)
    by_hand = 1 - 6 * ((ranks["macs_millions"] - ranks["latency_ms"]) ** 2).sum() / (n * (n**2 - 1))
    result = only(complexity.rank_correlation(part), device_id=S25)
    assert n == 23 and result["rho"] == pytest.approx(by_hand, abs=1e-9) and result["rho_low"] < result["rho"]


def test_pairs_in_order_are_counted_where_operations_differ_by_a_tenth():
    points = pd.DataFrame(
        {
            "device_id": "a", "implementation": "tflite", "model": list("wxyz"),
            "macs_millions": [100.0, 105.0, 200.0, 400.0], "latency_ms": [1.0, 3.0, 2.0, 4.0],
        }
    )  # fmt: skip
    row = published_speed.in_order(points).iloc[0]
    # five pairs, as w and x are too close; of these only x (105) and y (200) are out of order
    assert (row["pairs"], row["share"], row["apart"]) == pytest.approx((5, 0.8, 3.0))


def test_a_speed_up_compares_jobs_of_one_device_and_has_the_allowance_as_its_interval(jobs):
    row = only(
        published_speed.speed_ups(jobs, "quantization", "float"),
        device_id=S25, framework="tflite", model="resnet50", quantization="w8a8",
    )  # fmt: skip
    assert row["speed_up"] == pytest.approx(1.263 / 0.509)
    assert row["speed_up_low"] == pytest.approx(1.263 / 0.509 / 1.05)
    assert row["speed_up_high"] == pytest.approx(1.263 / 0.509 * 1.05)
    narrower = published_speed.speed_ups(jobs, "quantization", "float", run_to_run=0.01)
    assert (narrower["speed_up_high"] / narrower["speed_up"]).unique() == pytest.approx(1.01)
    assert set(published_speed.speed_ups(jobs, "framework", "tflite")["framework"]) == {"onnxruntime", "qnn"}


def test_the_mean_over_devices_is_geometric_and_leaves_out_copies(jobs):
    rows = jobs[(jobs["model"] == "resnet50") & (jobs["framework"] == "qnn")]
    [row] = published_speed.over_devices(
        published_speed.speed_ups(rows, "quantization", "float"), ["framework"]
    ).to_dict("records")
    wide = (
        rows[rows["same_jobs_as"] == ""].pivot(index="device_id", columns="quantization", values="latency_ms").dropna()
    )
    ratios = wide["float"] / wide["w8a8"]
    assert row["devices"] == len(ratios) == 11
    assert row["speed_up"] == pytest.approx(math.exp(np.log(ratios).mean()))
    half = 2.228139 * np.log(ratios).std(ddof=1) / math.sqrt(11)  # Student's t with 10 degrees of freedom
    assert math.log(row["speed_up_high"] / row["speed_up"]) == pytest.approx(half, rel=1e-6)


def test_no_interval_has_zero_width_even_if_devices_agree_completely():
    table = pd.DataFrame(
        {"device_id": list("abcd"), "framework": "x", "model": "m", "speed_up": 2.0, "same_jobs_as": ""}
    )
    row = published_speed.over_devices(table, ["framework"]).iloc[0]
    # 5% between two jobs at 95%, so 1.96 standard deviations of their ratio; t with 3 degrees of freedom is 3.182446
    half = 3.182446 * math.log(1.05) / 1.959964 / 2
    assert math.log(row["speed_up_high"] / 2) == pytest.approx(half, rel=1e-6)
    assert math.log(2 / row["speed_up_low"]) == pytest.approx(half, rel=1e-6)
    few = published_speed.over_devices(table.head(2), ["framework"]).iloc[0]
    assert math.isnan(few["speed_up_low"]) and "2 devices" in few["note"]


def test_shares_are_of_the_three_runtimes(jobs):
    shares = published_speed.runtime_shares(jobs)
    assert sorted(shares["device_id"].unique()) == sorted(
        [S24, S25, "QCS8550 (Proxy)", "Snapdragon 8 Elite Gen 5 QRD", "Dragonwing IQ-9075 EVK"]
    )
    total = 1.263 + 1.242 + 1.259
    part = shares[(shares["device_id"] == S25) & (shares["model"] == "resnet50")].set_index("framework")
    assert part["share"].to_dict() == pytest.approx(
        {"tflite": 1.263 / total, "onnxruntime": 1.242 / total, "qnn": 1.259 / total}
    )
    assert part.index[part["fastest"]].tolist() == ["onnxruntime"]
    mean = published_speed.shares_over_devices(shares)
    assert mean.groupby("model")["share"].sum().to_numpy() == pytest.approx(1)


def test_accuracy_is_compared_with_the_original_of_the_same_network(jobs):
    row = only(published_speed.accuracy_changes(jobs), model="mobilenet_v2", framework="qnn", quantization="w8a16")
    assert (row["device_id"], row["images"]) == (S25, 1000)
    assert row["change"] == pytest.approx(0.702 - 0.724)
    # Newcombe's hybrid of two Wilson intervals with 1.96: [0.6729, 0.7295] around 0.702, [0.6955, 0.7508] around 0.724
    low = -0.022 - math.hypot(0.702 - 0.67291, 0.75079 - 0.724)
    high = -0.022 + math.hypot(0.72951 - 0.702, 0.724 - 0.69548)
    assert (row["change_low"], row["change_high"]) == pytest.approx((low, high), abs=2e-4)
    inception = published_speed.accuracy_changes(jobs[jobs["model"] == "inception_v3"])
    assert inception["torch_accuracy"].unique() == pytest.approx(0.687)  # of its own original, not of torchvision's 77%
    assert inception["change"].abs().max() < 0.01


def test_integers_are_only_where_the_accuracy_was_measured(jobs):
    result = published_speed.quantized(jobs)
    assert set(result["device_id"]) == {S25} and set(result["quantization"]) == {"w8a8", "w8a16"}
    row = only(result, model="resnet50", framework="tflite", quantization="w8a8")
    assert row["speed_up"] == pytest.approx(1.263 / 0.509) and row["change"] == pytest.approx(0.756 - 0.757)


def test_jobs_off_the_npu_are_compared_with_qnn_on_the_same_device(jobs):
    result = published_speed.off_npu(jobs)
    row = only(result, device_id=SLOW_BOARD, model="resnet50", quantization="w8a8")
    assert (row["unit"], row["share_npu"]) == ("cpu", 0) and row["times"] == pytest.approx(23.437 / 6.5)
    assert (row["times_low"], row["times_high"]) == pytest.approx((23.437 / 6.5 / 1.05, 23.437 / 6.5 * 1.05))
    mixed = only(result, device_id=S25, model="densenet121", quantization="w8a8", framework="onnxruntime")
    assert mixed["share_npu"] == pytest.approx(506 / 880) and mixed["times"] == pytest.approx(14.159 / 1.044)


def test_rows_are_counted_by_unit(jobs):
    counts = published_speed.jobs_by_unit(jobs)
    assert counts[["cpu", "gpu"]].sum().to_dict() == {"cpu": 96, "gpu": 2}
    assert counts["jobs"].sum() == len(jobs)
    assert set(counts[counts["cpu"] > 0]["framework"]) == {"onnxruntime"}


@pytest.fixture(scope="module")
def scored(jobs):
    return published_speed.with_accuracy(jobs, jobs)


def test_the_score_is_the_sum_of_accuracy_over_time(jobs):
    two = jobs[jobs["device_id"].isin([S25, SLOW_BOARD]) & jobs["model"].isin(["resnet50", "mobilenet_v2"])]
    two = two[(two["quantization"] == "w8a8") & (two["framework"] == "tflite")]
    table = published_speed.scores(published_speed.with_accuracy(two, jobs)).set_index("device_id")
    assert table.loc[S25, "vips"] == pytest.approx(0.756 / 0.509e-3 + 0.711 / 0.212e-3)
    assert table.loc[SLOW_BOARD, "vips"] == pytest.approx(0.756 / 6.238e-3 + 0.711 / 1.654e-3)
    # a single job is off by 1.05 ** (1 / sqrt 2) at most in 95% of cases, since the ratio of two is off by 1.05
    width = 1.05 ** (1 / math.sqrt(2))
    assert table.loc[S25, "vips_high"] / table.loc[S25, "vips"] == pytest.approx(width)
    assert table["rank"].to_dict() == {S25: 1, SLOW_BOARD: 2}
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2]]


def test_all_devices_are_ranked_over_the_files_that_all_ran(scored):
    table = published_speed.scores(scored)
    assert len(table) == 15 and table["vips"].is_monotonic_decreasing
    assert set(table["instances"]) == {21}  # files with times of all 15 devices: counted in ai_hub_performance.csv
    twins = table[table["device_id"].isin(["QCS8275 (Proxy)", "SA7255P ADP"])]
    assert twins["rank"].nunique() == 1 and twins["tie_group"].nunique() == 1 and twins["tie_group"].iloc[0]


def test_ranks_without_a_network_and_by_other_suites(scored):
    left_out, by_suite = published_speed.without_each(scored), published_speed.by_suite(scored)
    all_networks = published_speed.suite_of_all(scored)
    rest = all_networks[all_networks["model"] != "squeezenet1_1"]
    sums = (rest["accuracy"] / rest["latency_ms"]).groupby(rest["device_id"]).sum()
    expected = sums.rank(ascending=False, method="min").to_dict()
    result = left_out[left_out["model"] == "squeezenet1_1"].set_index("device_id")["rank_without"]
    assert result.to_dict() == expected
    ranges = published_speed.rank_ranges(published_speed.scores(scored), left_out, by_suite)
    assert (ranges["suite_min"] <= ranges["without_min"]).all() and (ranges["suite_max"] >= ranges["without_max"]).all()
    assert (ranges["suite_min"] <= ranges["rank"]).all() and (ranges["rank"] <= ranges["suite_max"]).all()
    agreement = published_speed.agreement(by_suite, "suite", "rank_of_all", "rank").set_index("suite")
    assert agreement.loc[published_speed.SUITE, ["devices", "tau", "moved", "first"]].tolist() == [14, 1, 0, True]
    assert agreement.loc["TFLite, w8a8", "devices"] == 12  # 13 devices, of which two have the same jobs


def test_sentences_are_computed_from_the_data(jobs):
    own = published_speed.independent(jobs)
    two = own[own["device_id"].isin([S25]) & (own["model"] == "resnet50")]
    off = tell.off_npu(published_speed.off_npu(own), published_speed.jobs_by_unit(jobs))
    assert off.startswith(
        "98 of 1,896 rows are of jobs without the NPU: 96 ran on the CPU (ONNX Runtime on 3 devices) and 2 on"
    )
    integers = tell.quantized(published_speed.quantized(two))
    assert integers.startswith("w8a8: none of 3 files are slower than float, and accuracy changes by ")


def test_no_data_is_said_in_every_section(jobs):
    none = jobs.head(0)
    points = published_speed.complexity(none)
    correlation, in_order = complexity.rank_correlation(points), published_speed.in_order(points)
    assert tell.complexity(points, correlation, in_order, []) == tell.NO_JOBS
    assert tell.quantized(published_speed.quantized(none)).startswith("No accuracy")
    accurate = published_speed.with_accuracy(none, none)
    left_out, by_suite = published_speed.without_each(accurate), published_speed.by_suite(accurate)
    ranges = published_speed.rank_ranges(published_speed.scores(accurate), left_out, by_suite)
    assert tell.scores(ranges, {}).startswith("No file")
    assert published_speed.agreement(by_suite, "suite", "rank_of_all", "rank").empty


def test_the_results_in_the_documentation_are_those_of_the_published_rows(jobs, scored):
    section = STATISTICS.read_text(encoding="utf-8").partition("## Published speed")[2].partition("\n## ")[0]
    own = published_speed.independent(jobs)
    points = published_speed.complexity(own)
    rho = complexity.rank_correlation(points)["rho"]
    apart = published_speed.in_order(points)["apart"].max()
    without = published_speed.off_npu(own).query("unit != 'npu'")["times"].dropna()
    ranges = published_speed.rank_ranges(
        published_speed.scores(scored), published_speed.without_each(scored), published_speed.by_suite(scored)
    )
    moves = ranges["suite_max"] - ranges["suite_min"]
    on_npu = own[own["unit"] == "npu"]
    expected = [
        f"{rho.median():.2f} in the median of {len(rho)} combinations",
        f"({rho.min():.2f} to {rho.max():.2f})",
        f"| {apart:.1f} |",
        f"{without.median():.1f} times as long in the median ({without.min():.1f} to {without.max():.1f})",
        f"{(moves > 0).sum()} of {len(ranges)}, by at most {moves.max()} places",
    ]
    in_float = on_npu[(on_npu["quantization"] == "float") & on_npu["framework"].isin(published_speed.RUNTIMES)]
    tables = [
        published_speed.over_devices(published_speed.speed_ups(in_float, "framework", "tflite"), ["framework"]),
        published_speed.over_devices(
            published_speed.speed_ups(on_npu, "quantization", "float"), ["framework", "quantization"]
        ).query("quantization in ['w8a8', 'w8a16']"),
    ]
    ends = ["speed_up", "speed_up_low", "speed_up_high"]
    for table in tables:
        expected += ["{:.2f} ({:.2f} to {:.2f})".format(*row) for row in table[ends].to_numpy().tolist()]
    for precision in ("w8a8", "w8a16"):
        change = 100 * published_speed.quantized(jobs, precisions=[precision])["change"]
        expected.append(f"{change.median():.1f} ({change.min():.1f})")
    assert len(expected) == 14 and [text for text in expected if text not in section] == []
