import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import accuracy, answer_set_claims, published_claims
from aiot_analysis.stats.remarks import CLAIMS
from runner.importers import published_facts
from tests.aiot_analysis.stats.test_answer_sets import network, published

__all__ = ["published"]  # as in the fixture

N = 4000


def answers(*accuracies, seed=0):
    """Return answers with these accuracies: right answers are 0, and each column flips a tenth of the images."""
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.permutation(N) >= share * N for share in accuracies]).astype(int)


def judged(*networks):
    claims = answer_set_claims.remark_1(networks)
    verdicts = published_claims.verdicts(claims).set_index("id")
    return verdicts, published_claims.comparisons(claims)


def pair(first, second, **submissions):
    return network([0] * N, answers(first, second), submissions)


def test_every_claim_of_remark_1_has_a_verdict_with_a_translation_or_a_reason():
    verdicts, _ = judged(pair(0.7, 0.7))
    papers = verdicts.index.map(lambda claim: CLAIMS[claim].short)
    assert ((verdicts["short"] == papers) == (verdicts["translation"] == "")).all()
    assert verdicts["short"].str.split().str.len().max() <= 8
    assert list(verdicts.index) == [claim for claim in CLAIMS if CLAIMS[claim].remark == 1]
    untested = verdicts["translation"] == ""
    assert verdicts.index[untested].tolist() == ["1b", "1c", "1e"]
    assert (verdicts["verdict"][untested] == "not applicable").all() and verdicts["why"][untested].str.len().min() > 20


def test_devices_with_one_sdk_differ_if_the_interval_excludes_0():
    verdicts, parts = judged(pair(0.6, 0.7))
    assert verdicts.loc["1a", "verdict"] == "holds"
    [row] = parts[parts["id"] == "1a"].to_dict("records")
    right = answers(0.6, 0.7) == 0
    cells = [(right == side).all(axis=1).sum() for side in ([True, True], [True, False], [False, True], [False, False])]
    low, high = accuracy.newcombe(*cells)
    assert (row["effect"], row["effect_low"], row["effect_high"]) == pytest.approx((10, 100 * low, 100 * high))
    assert judged(pair(0.7, 0.7005))[0].loc["1a", "verdict"] == "cannot be decided"  # up to 2 points are possible


def test_a_difference_that_is_certainly_small_counts_as_none():
    few = np.zeros((N, 2), int)
    few[:4, 0] = few[4:7, 1] = 1
    verdicts, _ = judged(network([0] * N, few))
    assert verdicts.loc["1a", "verdict"] == "does not hold"


def test_submissions_of_one_device_and_of_other_frameworks_are_no_devices_with_one_sdk():
    same = pair(0.6, 0.7, device_id=["x", "x"])
    assert judged(same)[1].query("id == '1a'").empty
    other = pair(0.6, 0.7, framework=["snpe", "samsung"])
    assert judged(other)[1].query("id == '1a'").empty


def test_equal_answers_have_no_difference_to_test():
    verdicts, parts = judged(network([0] * 4, [[0, 0]] * 4))
    assert verdicts.loc["1a", "verdict"] == "cannot be decided"
    assert "all have the same answers" in parts[parts["id"] == "1a"]["why"].iloc[0]


def test_sdks_are_compared_within_a_round():
    frameworks = {"framework": ["snpe", "samsung"]}
    assert judged(pair(0.6, 0.7, **frameworks))[0].loc["1d", "verdict"] == "holds"
    apart = judged(pair(0.6, 0.7, **frameworks, publication=["v1", "v2"]))[0]
    assert apart.loc["1d", "verdict"] == "cannot be decided"


def test_intervals_of_a_claim_hold_jointly():
    three = network([0] * N, answers(0.6, 0.65, 0.7))
    widest = judged(three)[1].query("id == '1a'").iloc[0]
    right = answers(0.6, 0.65, 0.7) == 0
    a, c = right[:, 0], right[:, 2]
    cells = [(a & c).sum(), (a & ~c).sum(), (~a & c).sum(), (~a & ~c).sum()]
    low, _ = accuracy.newcombe(*cells, 1 - 0.05 / 3)
    assert widest["effect_low"] == pytest.approx(100 * low) and "between sets A and C (3 pairs" in widest["part"]


def test_patterns_of_two_networks_need_five_devices():
    four = answers(0.6, 0.62, 0.64, 0.66)
    verdicts, parts = judged(network([0] * N, four), network([0] * N, four, model="other"))
    assert verdicts.loc["1f", "verdict"] == "cannot be decided"
    assert "4 devices ran both, with 4 combinations of answer sets" in parts[parts["id"] == "1f"]["why"].iloc[0]


@pytest.mark.parametrize(
    ("order", "verdict"), [([0, 1, 2, 3, 4, 5, 6, 7], "does not hold"), ([3, 6, 1, 4, 7, 0, 5, 2], "holds")]
)
def test_patterns_of_two_networks_over_devices(order, verdict):
    shares = np.linspace(0.3, 0.8, 8)
    first = network([0] * N, answers(*shares))
    second = network([0] * N, answers(*shares[order], seed=1), model="other")
    assert judged(first, second)[0].loc["1f", "verdict"] == verdict


def test_verdicts_on_the_published_answers(published):
    """Each answer set stands for one device, with the framework and the round of its first submission."""
    runs = pd.read_csv(published_facts.MLPERF_RUNS)
    for model, item in published.items():
        first = runs[runs["network"] == model].drop_duplicates("answers")
        item.submissions["framework"] = first["backend"].to_numpy()
        item.submissions["publication"] = first["round"].to_numpy()
    verdicts, parts = judged(*published.values())
    states = parts[parts["id"] == "1a"]
    assert set(states["state"]) == {"against"} and states["effect"].max() < 0.3 and states["effect_high"].max() < 0.6
    assert verdicts.loc["1a", "verdict"] == "does not hold"
    assert verdicts.loc["1d", "effect"] == pytest.approx(75.636 - 75.308, abs=1e-9)  # of round 3.1
    assert verdicts.loc["1d", "verdict"] == "holds"
