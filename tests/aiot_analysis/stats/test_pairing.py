"""Tests that several pairs together give the results of each pair alone."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, norm, t

from aiot_analysis.stats import accuracy, latency, pairing, tradeoff
from aiot_analysis.tables import dependence
from tests.aiot_analysis.conftest import images, instance, instances

MODELS = ["mnasnet", "squeezenet", "resnet50"]
IDS = [f"tflite_cpu_{quantization}_{model}" for model in MODELS for quantization in ("float32", "dynamic", "int8")]


def shown(rng, id_, device):
    """Return records of 12 to 20 of 20 images in random order, some of which are shown twice or failed."""
    names = rng.permutation(20)[: rng.integers(12, 21)]
    names = rng.permutation(np.concatenate([names, names[: rng.integers(0, 4)]]))
    right, times = rng.random(len(names)) < 0.6, rng.lognormal(3, 0.5, len(names))
    frame = images(id_, list(right), list(times), device_id=device, image=[f"image-{name:04}" for name in names])
    return frame.assign(failed=rng.random(len(names)) < 0.1)


@pytest.fixture(scope="module")
def measured():
    """Return rows and shuffled image records of two devices, one of which lacks the records of an instance."""
    rng = np.random.default_rng(5)
    each = [(id_, device) for device in ("phone", "local") for id_ in IDS]
    rows = instances(*(instance(id_, device_id=device) for id_, device in each))
    records = pd.concat([shown(rng, *id_) for id_ in each if id_ != (IDS[1], "phone")])
    return rows, records.sample(frac=1, random_state=1, ignore_index=True)


def alone(records, pair):
    """Return the images of one pair, joined by hand, with the times of two showings averaged."""
    sides = []
    for half in ("base", "other"):
        mine = (records["device_id"] == pair[f"device_id_{half}"]) & (
            records["instance_id"] == pair[f"instance_id_{half}"]
        )
        result = {}
        for name, part in records[mine].sort_values("query").groupby(records["image"].astype(str)):
            numbers = part["end_to_end_ms"].mean(), bool(part["failed"].any()), part["query"].min()
            result[name] = (bool(part["correct"].iloc[0]), *numbers)
        sides.append(result)
    return [(sides[0][name], sides[1][name]) for name in sorted(set(sides[0]) & set(sides[1]))]


def test_the_images_of_all_pairs_are_those_of_each(measured):
    rows, records = measured
    pairs = pairing.pair(rows, "quantization", "float32")
    result = pairing.common_images(records, pairs)
    assert result["pair"].is_monotonic_increasing
    for number, pair in enumerate(pairs.to_dict("records")):
        part = result[result["pair"] == number]
        expected = alone(records, pair)
        for half, side in (("base", 0), ("other", 1)):
            columns = [f"{name}_{half}" for name in ("correct", "end_to_end_ms", "failed")]
            values = list(part[columns].itertuples(index=False, name=None))
            assert [value[0] for value in values] == [value[side][0] for value in expected]
            assert [value[1] for value in values] == pytest.approx([value[side][1] for value in expected])
            assert [value[2] for value in values] == [value[side][2] for value in expected]


def test_changes_in_accuracy_of_all_pairs_are_those_of_each(measured):
    rows, records = measured
    pairs = pairing.pair(rows, "quantization", "float32")
    result = accuracy.accuracy_change(records, pairs)
    assert result[pairs.columns].equals(pairs)
    for pair in result.to_dict("records"):
        right = [(base[0], other[0]) for base, other in alone(records, pair)]
        assert pair["n_images"] == len(right)
        if not right:
            assert np.isnan([pair["change"], pair["change_low"], pair["p_value"], pair["only_base"]]).all()
            continue
        counts = [right.count(outcome) for outcome in ((True, True), (True, False), (False, True), (False, False))]
        assert (pair["only_base"], pair["only_other"]) == (counts[1], counts[2])
        assert pair["accuracy_base"] == (counts[0] + counts[1]) / len(right)
        assert pair["change"] == pytest.approx((counts[2] - counts[1]) / len(right))
        low, high = accuracy.newcombe(*counts)
        if pair["p_value"] >= 0.05:  # the interval includes 0 if the test does not reject
            low, high = min(low, 0), max(high, 0)
        assert (pair["change_low"], pair["change_high"]) == pytest.approx((low, high))
        discordant = counts[1] + counts[2]
        assert pair["p_value"] == pytest.approx(binomtest(counts[1], discordant, 0.5).pvalue if discordant else 1)
    assert (result["n_images"] == 0).sum() == 1


def test_speed_ups_of_all_pairs_are_those_of_each(measured):
    rows, records = measured
    pairs = pairing.pair(rows, "quantization", "float32")
    result = latency.speed_up(records, pairs)
    assert result[pairs.columns].equals(pairs)
    assert result["n_images"].nunique() > 4
    for pair in result.to_dict("records"):
        shown = [(base, other) for base, other in alone(records, pair) if not base[2] and not other[2]]
        times = [(base[1], other[1]) for base, other in shown]
        assert pair["n_images"] == len(times)
        if not times:
            assert np.isnan([pair["base_ms"], pair["speed_up"], pair["speed_up_low"]]).all()
            continue
        if len(times) == 1:
            assert np.isnan(pair["speed_up_low"]), "one image is too few for a test"
            continue
        values = np.array(times)
        assert (pair["base_ms"], pair["other_ms"]) == pytest.approx(tuple(values.mean(axis=0)))
        # each side saw the images in another order, so both vary independently
        variances, parts = [np.log(1.05) ** 2 / norm.ppf(0.975) ** 2], []
        for side in (0, 1):
            order = np.argsort([each[side][3] for each in shown])
            [error], [effective_size] = dependence.errors(values[order, side][None] / values[:, side].mean())
            variances.append(error**2)
            parts.append(error**4 / (effective_size - 1))
        reach = t.ppf(0.975, sum(variances) ** 2 / sum(parts)) * np.sqrt(sum(variances))
        ends = values[:, 0].mean() / values[:, 1].mean() * np.exp([-reach, reach])
        assert (pair["speed_up_low"], pair["speed_up_high"]) == pytest.approx(tuple(ends))


def test_without_pairs_or_records_nothing_is_found(measured):
    rows, records = measured
    pairs = pairing.pair(rows, "quantization", "float32")
    for frame, pairs_ in ((records, pairs.iloc[:0]), (records.iloc[:0], pairs)):
        for result in (accuracy.accuracy_change(frame, pairs_), latency.speed_up(frame, pairs_)):
            assert len(result) == len(pairs_)
            assert result["n_images"].tolist() == [0] * len(pairs_)
    result = tradeoff.tradeoff(rows, records.iloc[:0])
    assert not result["pareto"].any(), "of what has no records nothing is known to be on the front"
