"""Tests of published answer sets, by hand on small ones, and on the facts against independent computations."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, chisquare
from statsmodels.stats.contingency_tables import mcnemar

from aiot_analysis.errors import DataError, PoolingError
from aiot_analysis.stats import answer_sets
from aiot_analysis.stats.answer_sets import NetworkAnswers, Samples
from aiot_analysis.stats.pairing import NONE
from aiot_analysis.tables import names
from runner.importers import image_labels as facts
from runner.importers import published_facts
from tests.aiot_analysis.conftest import instance, instances, typed

DRAWS = 10_000


def network(labels, answers, submissions=None, model="net"):
    """Return answers of submissions a, b, ... of devices with these names; equal columns share a letter."""
    answers = np.array(answers)
    rows = pd.DataFrame({"submission": list("abcdefghij")[: answers.shape[1]]})
    rows = rows.assign(device=rows["submission"], device_id="id-" + rows["submission"], framework="snpe")
    rows = rows.assign(sdk="SNPE", submitter="Maker", publication="Round v1", run_id="r", instance_id="i")
    rows = rows.assign(soc="Chip", address="https://example.org", retrieved="2026-11-28")
    for column, values in (submissions or {}).items():
        rows[column] = values
    codes, _ = pd.factorize(pd.Series([tuple(column) for column in answers.T]))
    rows["answer_set"] = [chr(ord("A") + code) for code in codes]
    images = [f"{number:03}.jpg" for number in range(len(labels))]
    return NetworkAnswers(model, rows, images, np.array(labels), answers)


@pytest.fixture(scope="module")
def published():
    """Return the two networks in the facts of the package, read without importer, tables or `collect`."""
    answers = pd.read_parquet(facts.ANSWERS)
    runs = pd.read_csv(published_facts.MLPERF_RUNS)
    result = {}
    for model, part in runs.groupby("network"):
        sets = list(dict.fromkeys(part["answers"]))
        result[model] = network(answers["label"], answers[sets].to_numpy(), model=model)
    return result


@pytest.fixture(scope="module")
def drawn(published):
    return {model: answer_sets.sample(item, DRAWS, seed=1) for model, item in published.items()}


SMALL = network(
    [0, 0, 1, 1, 2],
    [
        [0, 0, 0],
        [0, 1, 1],
        [1, 1, 2],
        [2, 0, 1],
        [2, 2, NONE],
    ],
)


def test_accuracies_come_out_as_published(published):
    runs = pd.read_csv(published_facts.MLPERF_RUNS)
    for model, item in published.items():
        by_set = runs[runs["network"] == model].drop_duplicates("answers")["accuracy"]
        assert item.correct.mean(axis=0) == pytest.approx(by_set.to_numpy(), abs=1e-9)
    edge, v4 = (published[model].correct.mean(axis=0) for model in ("mobilenet_edgetpu", "mobilenet_v4_conv_large"))
    assert (round(100 * edge[0], 1), round(100 * v4[0], 1)) == (75.3, 82.1)


@pytest.mark.parametrize(
    ("model", "sets", "true", "median", "low", "high"),
    [("mobilenet_edgetpu", 10, 0.34, 1.8, 0.8, 3.4), ("mobilenet_v4_conv_large", 3, 0.58, 1.0, 0.2, 2.8)],
)
def test_the_spread_that_samples_show_is_the_one_that_was_computed_elsewhere(
    drawn, model, sets, true, median, low, high
):
    [row] = answer_sets.spreads([drawn[model]]).to_dict("records")
    assert (row["sets"], row["size"], row["draws"]) == (sets, 500, DRAWS)
    assert row["true_spread"] == pytest.approx(true, abs=0.005)
    assert row["spread"] == pytest.approx(median, abs=0.01)
    # one image of 500 is 0.2 points, and the ends are quantiles of a discrete distribution
    assert (row["spread_low"], row["spread_high"]) == (pytest.approx(low, abs=0.21), pytest.approx(high, abs=0.21))


def test_samples_of_the_facts_agree_with_the_exact_probability(drawn, published):
    item = published["mobilenet_edgetpu"]
    samples = drawn["mobilenet_edgetpu"]
    rare = int(samples.differ.mean(axis=0).argmin())
    a, b = list(combinations(range(10), 2))[rare]
    exact = answer_sets.detection_probability(item.answers[:, a] != item.answers[:, b], item.labels)
    share = (samples.differ[:, rare] > 0).mean()
    assert 0.99 < exact < 1 and abs(share - exact) < 4 * np.sqrt(exact * (1 - exact) / DRAWS)
    images = (item.answers[:, a] != item.answers[:, b]).sum()
    mean = samples.differ[:, rare].mean()  # 500 of 50,000 images
    assert abs(mean - images / 100) < 4 * samples.differ[:, rare].std() / np.sqrt(DRAWS)


def test_a_sample_counts_the_images_that_it_has():
    labels, rng = np.repeat(np.arange(6), 4), np.random.default_rng(3)
    item = network(labels, rng.integers(0, 6, (24, 3)))
    samples = answer_sets.sample(item, 50, seed=5, n_classes=3, per_class=2)
    picks = np.vstack([part.toarray() for part in answer_sets._picks(labels, 50, 5, 3, 2)]).astype(bool)
    for draw, picked in enumerate(picks):
        assert picked.sum() == 6
        assert sorted(np.bincount(labels[picked], minlength=6)) == [0, 0, 0, 2, 2, 2]
        assert samples.right[draw].tolist() == item.correct[picked].sum(axis=0).tolist()
        for pair, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
            assert samples.differ[draw, pair] == (item.answers[picked, a] != item.answers[picked, b]).sum()
            assert samples.discordant[draw, pair] == (item.correct[picked, a] != item.correct[picked, b]).sum()
    assert samples.spread == pytest.approx(100 * (samples.right.max(axis=1) - samples.right.min(axis=1)) / 6)


def test_every_subset_is_equally_likely():
    drawn = answer_sets._subsets(np.random.default_rng(0), np.full(30_000, 5), 2)
    _, counts = np.unique(np.sort(drawn, axis=1), axis=0, return_counts=True)
    assert len(counts) == 10 and chisquare(counts).pvalue > 0.001
    uneven = answer_sets._subsets(np.random.default_rng(0), np.array([2, 7]), 2)
    assert sorted(uneven[0]) == [0, 1] and set(uneven[1]) <= set(range(7))


def test_the_probability_that_a_sample_shows_an_image_counts_all_samples():
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
    marked = np.isin(np.arange(10), [0, 5, 6, 9])
    samples = [
        set(first) | set(second)
        for class_images, other_images in combinations(
            [[0, 1, 2], [3, 4], [5, 6, 7, 8]], 2
        )  # class 3 has too few images
        for first, second in product(combinations(class_images, 2), combinations(other_images, 2))
    ]
    weights = [1 / _subset_count(sample, labels) for sample in samples]
    hit = sum(weight for sample, weight in zip(samples, weights, strict=True) if any(marked[list(sample)]))
    assert answer_sets.detection_probability(marked, labels, 2, 2) == pytest.approx(hit / sum(weights))
    assert answer_sets.detection_probability(np.zeros(10, bool), labels, 2, 2) == 0
    assert answer_sets.detection_probability(np.ones(10, bool), labels, 3, 2) == pytest.approx(1)


def _subset_count(sample, labels):
    """Return the number of samples with the same classes."""
    sizes = [int((labels == label).sum()) for label in {int(labels[image]) for image in sample}]
    return np.prod([size * (size - 1) / 2 for size in sizes])


def test_a_sample_is_significant_where_the_exact_test_rejects():
    critical = answer_sets._critical(60)
    for n in range(61):
        rejected = [fewer for fewer in range(n // 2 + 1) if n and binomtest(fewer, n).pvalue < 0.05]
        assert critical[n] == max(rejected, default=-1), n
    item = network([0] * 4, [[0, 1]] * 4)
    samples = Samples(item, 1, 20, np.array([[12, 18], [12, 18]]), np.zeros((2, 1), int), np.array([[6], [8]]))
    assert samples.significant(0).tolist() == [True, False]  # p is 0.031 for 0 against 6, and 0.070 for 1 against 7
    assert samples.change(0).tolist() == [30.0, 30.0]


def test_pairs_are_compared_image_by_image():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    right = rng.random((300, 2)) < [0.9, 0.7]
    item = network(labels, np.where(right, labels[:, None], 7))
    [row] = answer_sets.pairs([item]).to_dict("records")
    only_a, only_b = (right[:, 0] & ~right[:, 1]).sum(), (right[:, 1] & ~right[:, 0]).sum()
    assert (row["set_a"], row["set_b"], row["only_base"], row["only_other"]) == ("A", "B", only_a, only_b)
    assert row["differ"] == only_a + only_b and row["differ_share"] == pytest.approx((only_a + only_b) / 300)
    assert row["p_value"] == pytest.approx(mcnemar([[0, only_a], [only_b, 0]], exact=True).pvalue)
    assert row["change"] == pytest.approx((only_b - only_a) / 300)
    assert row["change_low"] < row["change"] < row["change_high"] < 0


def test_the_intervals_of_all_pairs_hold_jointly_and_that_of_a_chosen_one_alone():
    item = network([0] * 60, [[0, 1, 1, 0]] * 9 + [[1, 0, 1, 1]] * 1 + [[0, 0, 0, 1]] * 50)
    table = answer_sets.pairs([item])
    assert len(table) == 6 and table["differ"].is_monotonic_decreasing
    assert table["p_adjusted"].to_numpy() == pytest.approx(np.minimum(6 * table["p_value"], 1))
    chosen = answer_sets.choose_pair([item], a="a", b="b")
    row, alone = table[(table["set_a"] == "A") & (table["set_b"] == "B")].iloc[0], chosen.of(table).iloc[0]
    assert row["change_low"] < alone["change_low"] and alone["change_high"] < row["change_high"]
    assert alone["p_adjusted"] == alone["p_value"] == row["p_value"]


def test_disagreement_counts_images_and_a_failed_image_has_no_class():
    twins = network([0, 0], [[0, 1, 0], [0, 0, 0]])
    table = answer_sets.disagreements([SMALL, twins])
    assert table["differ"].tolist() == [0, 2, 4, 2, 0, 3, 4, 3, 0, *[0, 1, 0], *[1, 0, 1], *[0, 1, 0]]
    assert table["set_b"].tolist() == [*"ABC" * 3, *"ABA" * 3]
    assert table["n_images"].tolist() == [5] * 9 + [2] * 9


def test_sets_list_the_submissions_that_share_them():
    item = network(
        [0, 0], [[0, 1, 0], [0, 0, 0]], {"device_id": ["x", "y", "x"], "publication": ["M v1", "M v1", "M v2"]}
    )
    table = answer_sets.distinct_sets([item])
    assert table[["answer_set", "submissions", "devices", "which", "publications"]].to_numpy().tolist() == [
        ["A", 2, 1, "a; c", "M v1 and v2"],
        ["B", 1, 1, "b", "M v1"],
    ]
    assert table[["n_images", "correct", "accuracy"]].to_numpy().tolist() == [[2, 2, 1.0], [2, 1, 0.5]]


def test_classes_by_the_share_of_images_that_flip():
    table = answer_sets.classes(SMALL)
    assert table["label"].tolist() == [1, 2, 0]  # 2 of 2, 1 of 1, 1 of 2
    assert table["unstable"].tolist() == [2, 1, 1] and table["instability"].tolist() == [1, 1, 0.5]
    assert table["class_name"].tolist() == ["goldfish", "great white shark", "tench"]
    assert table["accuracy_min"].tolist() == [0.5, 0, 0.5] and table["accuracy_max"].tolist() == [0.5, 1, 1]


def test_names_of_classes_are_unique():
    class_names = answer_sets.class_names()
    assert len(class_names) == 1000 and class_names.is_unique
    assert class_names[[0, 65, 970]].tolist() == ["tench", "sea snake", "alp"]
    assert class_names[[134, 517]].str.match(r"crane \(n\d{8}\)").all()  # the bird and the machine


def test_images_in_the_order_of_different_answers():
    table = answer_sets.disputed_images(SMALL)
    assert table["image"].tolist() == ["003.jpg", "001.jpg", "002.jpg"]  # a failed image is not another class
    assert table["different"].tolist() == [3, 2, 2] and table["minority"].tolist() == [2, 1, 1]
    assert table["right"].tolist() == [1, 1, 2]
    assert table["answers"].tolist()[1] == "A: tench; B, C: goldfish"
    assert answer_sets.disputed_images(SMALL, 1)["image"].tolist() == ["003.jpg"]


def test_images_of_a_pair_are_spread_over_all_that_differ():
    chosen = answer_sets.choose_pair([SMALL], a="a", b="c")
    assert (chosen.set_a, chosen.set_b, chosen.columns) == ("A", "C", (0, 2))
    table = answer_sets.different_images(chosen)
    assert table["image"].tolist() == ["001.jpg", "002.jpg", "003.jpg", "004.jpg"]
    assert table["right"].tolist() == ["A", "A", "C", "A"]
    assert table["answers"].iloc[0] == "A: tench; C: goldfish" and table["answers"].iloc[3].endswith("C: nothing")
    assert answer_sets.different_images(chosen, 2)["image"].tolist() == ["001.jpg", "004.jpg"]
    twins = answer_sets.choose_pair([network([0, 0], [[0, 0], [1, 1]])])
    assert twins.set_a == twins.set_b == "A" and answer_sets.different_images(twins).empty
    assert twins.of(answer_sets.pairs([twins.network])).empty


def test_the_most_different_pair_unless_others_are_named():
    other = network([0, 0], [[0, 1], [0, 1]], model="other")
    chosen = answer_sets.choose_pair([other, SMALL])
    assert (chosen.network.model, chosen.a, chosen.b) == ("net", "a", "c")
    assert answer_sets.choose_pair([other, SMALL], "other").network is other
    assert answer_sets.choose_pair([other, SMALL], b="b").network is SMALL  # 3 images, not 2
    assert answer_sets.choose_pair([other, SMALL], a="ID-B", b="A").b == "b"  # sorted like the sets
    assert answer_sets.choose_pair([network([0], [[0]])]) is None
    with pytest.raises(DataError, match=r"^No network has two submissions that match 'x': choose a, b, c\.$"):
        answer_sets.choose_pair([SMALL], a="x")
    with pytest.raises(DataError, match="There is no network 'x' in these data: choose net"):
        answer_sets.choose_pair([SMALL], "x")


def test_what_samples_show_is_beside_each_pair():
    item = network(np.repeat(np.arange(4), 3), [[0, 0]] * 11 + [[0, 1]])
    samples = answer_sets.sample(item, 400, n_classes=2, per_class=1)
    [row] = answer_sets.seen_in_samples(answer_sets.pairs([item]), [samples]).to_dict("records")
    assert row["shown"] == pytest.approx(
        2 / 4 / 3
    )  # its class is in half of the samples, and the image in a third of these
    assert row["differ_sample"] == pytest.approx(samples.differ.mean()) == pytest.approx(1 / 6, abs=0.08)
    assert row["significant"] == 0
    [row] = answer_sets.seen_in_samples(answer_sets.pairs([item]), []).to_dict("records")
    assert np.isnan(row["shown"])


def test_counts_of_samples_add_up():
    item = network(np.repeat(np.arange(4), 3), [[0, 1]] * 12)
    samples = answer_sets.sample(item, 100, n_classes=2, per_class=3)
    counts = answer_sets.spread_counts([samples])
    assert counts["samples"].sum() == 100 and counts["share"].sum() == pytest.approx(1)
    changes = answer_sets.change_counts(answer_sets.choose_pair([item]), samples)
    assert changes["share"].sum() == pytest.approx(1) and (changes["significant"] <= changes["share"]).all()
    assert changes["significant"].sum() == pytest.approx(samples.significant(0).mean())


def test_a_sample_that_cannot_be_drawn_is_refused():
    with pytest.raises(DataError, match="2 classes with 2 images each cannot be drawn, since only 0 classes"):
        answer_sets.sample(network([0, 1], [[0, 0], [0, 1]]), 10, n_classes=2, per_class=2)
    with pytest.raises(DataError, match=r"^draws is 0: give 1 or more\.$"):
        answer_sets.sample(SMALL, 0)


DEVICES = typed(
    "devices",
    pd.DataFrame(
        [
            {"device_id": name, "maker": "Maker", "model": name.title(), "soc": f"Chip {name}", "origin": "published"}
            for name in ("one", "two", "three")
        ]
    ),
)


def _row(device, run, version="Kit -- SDK v2.20.0", **more):
    facts = {"device_id": device, "run_id": run, "origin": "published", "source": "tool", "framework_version": version}
    return instance("snpe_npu_unknown_net", **{**facts, "submitter": "S", "publication": f"Round v{run}", **more})


def _records(device, run, answers, start=0):
    facts = {"run_id": str(run), "device_id": device, "instance_id": "snpe_npu_unknown_net", "label": 1}
    rows = [{**facts, "query": n, "image": f"{n}.jpg", "top1": top1} for n, top1 in enumerate(answers, start=start)]
    return pd.DataFrame(rows)


def test_submissions_are_collected_with_their_sets():
    rows = instances(_row("one", "1", None), _row("one", "2"), _row("two", "1"), _row("three", "3"))
    parts = [_records("one", 1, [1, 2, 3]), _records("one", 2, [1, 2, 4]), _records("two", 1, [1, 2, 3])]
    records = pd.concat([*parts, _records("three", 3, [1, 2])])
    records["top1"] = records["top1"].astype("Int64")
    [result] = answer_sets.collect(rows, records.sample(frac=1, random_state=0), DEVICES)
    assert result.model == "net" and result.images == ["0.jpg", "1.jpg", "2.jpg"]
    table = result.submissions
    assert table["submission"].tolist() == ["Maker One, v1", "Maker Two", "Maker One, v2"]
    assert table["answer_set"].tolist() == ["A", "A", "B"] and result.sets == ["A", "B"]
    assert table["sdk"].tolist() == ["SNPE", "SNPE 2.20.0", "SNPE 2.20.0"]
    assert table["soc"].tolist() == ["Chip one", "Chip two", "Chip one"]
    assert result.answers.tolist() == [[1, 1], [2, 2], [3, 4]]
    other = records.assign(label=records["label"].where(records["device_id"] != "two", 2))  # other labels, same images
    [result] = answer_sets.collect(rows, other, DEVICES)
    assert result.submissions["submission"].tolist() == ["Maker One, v1", "Maker One, v2"]
    [result] = answer_sets.collect(rows, records, DEVICES)
    accuracies = answer_sets.accuracies([result])
    assert accuracies["correct"].tolist() == [1, 1, 1] and accuracies["n_images"].tolist() == [3, 3, 3]
    with pytest.raises(PoolingError, match="origin 'published' and 'measured'"):
        answer_sets.collect(instances(_row("one", "1"), _row("two", "1", origin="measured")), records, DEVICES)
    assert answer_sets.collect(rows.iloc[:0], records, DEVICES) == []


def test_publications_of_one_series_are_named_together():
    rounds = ["MLPerf Mobile v4.0", "MLPerf Mobile v3.1", None, "MLPerf Mobile v4.0", "A paper"]
    assert names.publications(rounds) == "A paper; MLPerf Mobile v3.1 and v4.0"
    assert names.publications(["MLPerf Mobile v5.0"]) == "MLPerf Mobile v5.0"
    assert names.publications(["Models at b61a009028"]) == "Models at commit b61a009028"
    assert names.publications([f"M v{n}" for n in (1, 2, 3)]) == "M v1, v2 and v3"
