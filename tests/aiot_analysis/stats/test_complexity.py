import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from aiot_analysis.errors import PoolingError
from aiot_analysis.stats import complexity
from aiot_analysis.tables import paper
from tests.aiot_analysis.conftest import instance, instances
from tests.examples import examples


def rows_of(**times):
    return instances(*(instance(f"tflite_cpu_float32_{model}", time_ms=time) for model, time in times.items()))


def test_multiply_accumulates_per_second_by_hand():
    result = complexity.complexity(rows_of(resnet50=100.0, added_model=5.0)).set_index("model")
    assert result.loc["resnet50", ["macs_millions", "latency_ms", "gmacs_per_s"]].tolist() == [
        3800,
        100,
        38,
    ]  # 3.8e9 / 0.1 s
    assert np.isnan(result.loc["added_model", "macs_millions"])


def test_correlation_of_table_ii_orders_by_hand():
    # latencies in the order of complexity except for one swap of neighbours: rho = 1 - 6 * 2 / (6 * 35)
    order = paper.models().sort_values("flops_millions")["model"].tolist()
    times = dict(zip(order, [2.0, 1.0, 3.0, 4.0, 5.0, 6.0], strict=True))
    result = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert result["rho"] == pytest.approx(1 - 12 / 210) and result["models"] == 6
    assert result["p_value"] == pytest.approx(12 / 720)  # 1 + 5 orders are at least as similar, and as many reversed
    assert result["rho_low"] < result["rho"] < result["rho_high"] < 1


def test_the_intervals_of_the_swap_by_hand():
    """After one swap of neighbours, rho = 33/35 has variance (1 + rho**2 / 2) / 3, and tau = 13/15 has 0.437 / 2."""
    order = paper.models().sort_values("flops_millions")["model"].tolist()
    times = dict(zip(order, [2.0, 1.0, 3.0, 4.0, 5.0, 6.0], strict=True))
    result = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    ends = np.tanh(np.arctanh(33 / 35) + np.array([-1, 1]) * 1.959964 * np.sqrt((1 + (33 / 35) ** 2 / 2) / 3))
    assert result[["rho_low", "rho_high"]].tolist() == pytest.approx(ends, abs=1e-6)
    assert result["rho_low"] == pytest.approx(0.3827, abs=1e-4)
    assert result["tau"] == pytest.approx(13 / 15)
    ends = np.tanh(np.arctanh(13 / 15) + np.array([-1, 1]) * 1.959964 * np.sqrt(0.437 / 2))
    assert result[["tau_low", "tau_high"]].tolist() == pytest.approx(ends, abs=1e-6)


def test_full_agreement_has_no_interval():
    times = {"mnasnet": 2.0, "mobilenet_v2": 1.0, "squeezenet": 3.0, "resnet50": 4.0, "inception_v3": 5.0}
    result = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert result["rho"] == result["tau"] == pytest.approx(1) and result["p_value"] == pytest.approx(2 / 120)
    assert np.isnan(result["rho_low"]) and np.isnan(result["tau_low"]) and "interval is undefined" in result["note"]


@pytest.mark.parametrize("models, note", [(4, "4 models: an interval needs at least 5"), (2, "2 of at least 3 models")])
def test_few_models_say_so(models, note):
    times = dict(zip(["mnasnet", "mobilenet_v2", "squeezenet", "resnet50"][:models], [1.0, 2, 3, 4], strict=False))
    result = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert note in result["note"] and np.isnan(result["rho_low"])


def test_equal_times_have_no_order():
    times = dict.fromkeys(["mnasnet", "mobilenet_v2", "squeezenet", "resnet50", "inception_v3"], 4.0)
    result = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert np.isnan(result["rho"]) and result["note"] == "all values are equal: no rank correlation"


def test_nothing_of_known_complexity():
    assert complexity.rank_correlation(complexity.complexity(rows_of(added_model=1.0))).empty


@pytest.mark.parametrize("time_ms", [0.0, -1.0, np.nan])
def test_a_time_that_is_none_has_no_speed(time_ms):
    rows = rows_of(resnet50=1.0).assign(end_to_end_ms_mean=time_ms)
    result = complexity.complexity(rows).iloc[0]
    assert np.isnan(result["latency_ms"]) and np.isnan(result["gflops_per_s"])


def test_effective_speed_counts_as_table_ii_and_as_processors_do():
    result = complexity.complexity(rows_of(resnet50=100.0)).iloc[0]
    assert result[["gmacs_per_s", "gflops_per_s"]].tolist() == [38, 76]


def test_instances_of_a_device_under_other_conditions_are_refused():
    mixed = instances(instance("tflite_cpu_float32_mnasnet"), instance("pytorch_cpu_float32_mnasnet", weights="x"))
    with pytest.raises(PoolingError, match="weights 'sample' and 'x'"):
        complexity.complexity(mixed)


def test_networks_beyond_the_paper_have_counted_operations_and_may_have_random_weights():
    paper_alone = rows_of(resnet50=100.0, mnasnet=10.0).assign(macs_millions=[4089.0, 314.0])
    assert all(frame.empty for frame in complexity.beyond_paper(paper_alone))
    other = instance("ncnn_cpu_float32_vit_b_16", time_ms=400.0, weights="random", macs_millions=17564.0, accuracy=None)
    other |= {"status": "measured", "verdict": "valid", "reasons": ""}
    unknown = instance("ncnn_cpu_float32_my_network", time_ms=1.0)
    rows = pd.concat([paper_alone, instances(other, unknown)], ignore_index=True)
    used, table = complexity.beyond_paper(rows)
    assert used.set_index("model")["weights"].to_dict() == {
        "resnet50": "sample",
        "mnasnet": "sample",
        "vit_b_16": "random",
    }
    result = table.set_index("model")
    assert result["macs_millions"].to_dict() == {"resnet50": 4089.0, "mnasnet": 314.0, "vit_b_16": 17564.0}
    assert result.loc["vit_b_16", ["latency_ms", "gmacs_per_s"]].tolist() == [400.0, pytest.approx(43.91)]


def test_quantized_instances_are_not_correlated():
    assert complexity.complexity(instances(instance("tflite_cpu_int8_mnasnet"))).empty


def six(device, *times):
    return [
        instance(f"pytorch_cpu_float32_{model}", time_ms=ms, device_id=device)
        for model, ms in zip(
            ["mobilenet_v2", "mnasnet", "squeezenet", "densenet121", "resnet50", "inception_v3"], times, strict=False
        )
    ]


def test_multiples_of_the_fastest_by_hand():
    """As in the paper's second observation, SqueezeNet is the fastest, although its FLOPs are not the fewest."""
    complete = [*six("a", 30.0, 40, 10, 50, 60, 70), *six("b", 10.0, 40, 20, 50, 60, 70)]
    rows = instances(*complete, *six("five", 1.0, 1, 1, 1, 1))
    result = complexity.relative(complexity.complexity(rows)).set_index("model")
    assert result.index.tolist()[:3] == ["mobilenet_v2", "mnasnet", "squeezenet"]  # in the order of Table II's FLOPs
    assert (result["devices"] == 2).all()  # the third device did not run all six
    assert result.loc["squeezenet", ["times_fastest", "first", "last"]].tolist() == [1.5, 1, 0]
    assert result.loc["mobilenet_v2", ["times_fastest_min", "times_fastest_max", "first"]].tolist() == [1, 3, 1]
    assert result.loc["inception_v3", "last"] == 2
    assert complexity.relative(complexity.complexity(rows.iloc[:3])).empty


@pytest.mark.parametrize("r", [0.0, 0.5, 0.8])
def test_the_intervals_of_six_models_cover_at_least_at_their_rate(r):
    """For normal values with correlation r, rho is 6/pi * asin(r/2) and tau 2/pi * asin(r) (Kruskal 1958)."""
    rng = np.random.default_rng(0)
    truth = {"rho": 6 / np.pi * np.arcsin(r / 2), "tau": 2 / np.pi * np.arcsin(r)}
    parts = []
    for number in range(400):
        x = rng.normal(size=6)
        y = r * x + np.sqrt(1 - r**2) * rng.normal(size=6)
        parts.append(pd.DataFrame({"device_id": number, "implementation": "a", "macs_millions": x, "latency_ms": y}))
    result = complexity.rank_correlation(pd.concat(parts)).dropna(subset=["rho_low"])
    assert len(result) > 350  # there is none if the orders agree completely
    for name, value in truth.items():
        covered = ((result[f"{name}_low"] <= value) & (value <= result[f"{name}_high"])).mean()
        assert covered >= 0.93


def test_a_test_that_does_not_reject_widens_the_interval_of_tau_to_0():
    """Of six models two pairs are in the wrong order: tau = 11/15, p = 2 * 20 / 720 (Kendall), and Fisher's interval is
    above 0."""
    order = paper.models().sort_values("flops_millions")["model"].tolist()
    times = dict(zip(order, [2.0, 1.0, 4.0, 3.0, 5.0, 6.0], strict=True))
    result = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert result["tau"] == pytest.approx(11 / 15)
    exact = kendalltau(range(6), [2, 1, 4, 3, 5, 6], method="exact").pvalue
    assert exact > 0.05 and result["tau_p_value"] == pytest.approx(exact)
    assert np.tanh(np.arctanh(11 / 15) - 1.959964 * np.sqrt(0.437 / 2)) > 0
    assert result["tau_low"] == 0


@given(st.lists(st.lists(st.integers(1, 7), min_size=5, max_size=6), min_size=1, max_size=8))
@examples(60)
def test_intervals_and_p_values_of_correlations_never_contradict_each_other(times):
    """Times may have ties, as with a coarse clock."""
    parts = [
        pd.DataFrame(
            {
                "device_id": at,
                "implementation": "a",
                "macs_millions": np.arange(len(latencies)),
                "latency_ms": np.array(latencies),
            }
        )
        for at, latencies in enumerate(times)
    ]
    result = complexity.rank_correlation(pd.concat(parts))
    for name, p_value in (("rho", "p_value"), ("tau", "tau_p_value")):
        finite = result.dropna(subset=[f"{name}_low"])
        low, high, estimate = (finite[column].astype(float) for column in (f"{name}_low", f"{name}_high", name))
        assert ((low > 0) | (high < 0)).tolist() == (finite[p_value] < 0.05).tolist()
        assert ((low <= estimate) & (estimate <= high)).all()
