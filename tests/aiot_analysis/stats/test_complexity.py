import numpy as np
import pytest

from aiot_analysis import paper
from aiot_analysis.stats import complexity
from tests.aiot_analysis.conftest import instance, instances


def rows_of(**times):
    return instances(*(instance(f"tflite_cpu_float32_{model}", time_ms=time) for model, time in times.items()))


def test_multiply_accumulates_per_second_by_hand():
    found = complexity.complexity(rows_of(resnet50=100.0, added_model=5.0)).set_index("model")
    assert found.loc["resnet50", ["macs_millions", "latency_ms", "gmacs_per_s"]].tolist() == [
        3800,
        100,
        38,
    ]  # 3.8e9 / 0.1 s
    assert np.isnan(found.loc["added_model", "macs_millions"])


def test_correlation_of_table_ii_orders_by_hand():
    # latencies in the order of complexity but for one swap of neighbours: rho = 1 - 6 * 2 / (6 * 35)
    order = paper.models().sort_values("flops_millions")["model"].tolist()
    times = dict(zip(order, [2.0, 1.0, 3.0, 4.0, 5.0, 6.0], strict=True))
    found = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert found["rho"] == pytest.approx(1 - 12 / 210) and found["models"] == 6
    assert found["p_value"] == pytest.approx(12 / 720)  # 1 + 5 orders at least as alike, and as many reversed
    assert found["rho_low"] < found["rho"] < found["rho_high"] < 1


def test_full_agreement_has_no_interval():
    found = complexity.rank_correlation(
        complexity.complexity(rows_of(mnasnet=2.0, mobilenet_v2=1.0, squeezenet=3.0, resnet50=4.0))
    ).iloc[0]
    assert found["rho"] == pytest.approx(1) and found["p_value"] == pytest.approx(2 / 24)
    assert np.isnan(found["rho_low"]) and "not defined" in found["note"]


@pytest.mark.parametrize("models, note", [(3, "3 models: an interval needs at least 4"), (2, "2 of at least 3 models")])
def test_few_models_say_so(models, note):
    times = dict(zip(["mnasnet", "mobilenet_v2", "squeezenet"][:models], [1.0, 2.0, 3.0], strict=False))
    found = complexity.rank_correlation(complexity.complexity(rows_of(**times))).iloc[0]
    assert note in found["note"] and np.isnan(found["rho_low"])


def test_nothing_of_known_complexity():
    assert complexity.rank_correlation(complexity.complexity(rows_of(added_model=1.0))).empty
