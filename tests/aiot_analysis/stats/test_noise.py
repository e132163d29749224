"""Tests of the scatter of measurements with planted noise, and with shares counted by hand."""

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import noise, variance
from tests.aiot_analysis.conftest import images, instance, instances

MODELS = ["mnasnet", "mobilenet_v2", "squeezenet", "resnet50"]
ALLOWED = 2 * (np.log(1.05) / 1.959964) ** 2 / 2  # of a ratio of two runs that agree within 5% 19 times of 20
TFLITE, DYNAMIC, TORCH = "tflite_cpu_float32_mnasnet", "tflite_cpu_dynamic_mnasnet", "pytorch_cpu_float32_mnasnet"


def table(*rows):
    frame = instances(*rows)
    return variance.with_noise(frame, frame)


def random_times(rng, n, scatter, correlation):
    """Return times of 20 ms with a standard deviation and an AR(1) autocorrelation, after 100 discarded ones."""
    drawn = rng.normal(size=n + 100)
    for at in range(1, n + 100):
        drawn[at] = correlation * drawn[at - 1] + np.sqrt(1 - correlation**2) * drawn[at]
    return 20 * (1 + scatter * drawn[100:])


@pytest.mark.parametrize(("correlation", "inflation"), [(0.0, 1.0), (0.45, 1.45 / 0.55)])
def test_planted_scatter_and_autocorrelation_are_found(correlation, inflation):
    rng = np.random.default_rng(2)
    ids = [f"{kind}_{model}" for kind in ("tflite_cpu_float32", "pytorch_cpu_float32") for model in MODELS]
    records = pd.concat([images(id_, [True] * 2000, random_times(rng, 2000, 0.1, correlation)) for id_ in ids])
    [result] = noise.measured(table(*map(instance, ids)), records).to_dict("records")
    assert result["within"] == pytest.approx(2 * 0.1**2 * inflation, rel=0.2)
    assert result["effective_share"] == pytest.approx(1 / inflation, rel=0.2)
    assert (result["same_runs"], result["apart_runs"]) == pytest.approx((ALLOWED, ALLOWED), rel=1e-5)
    assert result["assumed"] == ""


def test_what_an_image_costs_both_instances_is_not_noise():
    cost = np.random.default_rng(3).uniform(10, 30, 100)  # ms, alike on both sides
    records = pd.concat([images(TFLITE, [True] * 100, cost), images(TORCH, [True] * 100, 2 * cost)])
    [result] = noise.measured(table(instance(TFLITE), instance(TORCH)), records).to_dict("records")
    assert result["within"] == pytest.approx(0, abs=1e-12)


def test_one_instance_counts_twice():
    rng = np.random.default_rng(4)
    times = random_times(rng, 4000, 0.2, 0.0)
    [result] = noise.measured(table(instance(TFLITE)), images(TFLITE, [True] * 4000, times)).to_dict("records")
    assert result["within"] == pytest.approx(2 * 0.2**2, rel=0.25)
    assert result["discordant"] == noise.DISCORDANT
    assert result["assumed"] == "4% of the images right on one side only"


def test_instances_of_a_model_are_compared_where_there_are_any():
    answers = {
        TFLITE: "1111000000",
        DYNAMIC: "1110100000",
        TORCH: "1111100000",
        "tflite_cpu_float32_resnet50": "0" * 10,
    }
    records = pd.concat([images(id_, [digit == "1" for digit in text], [10.0] * 10) for id_, text in answers.items()])
    [result] = noise.measured(table(*map(instance, answers)), records).to_dict("records")
    assert result["discordant"] == pytest.approx((2 + 1 + 1) / 3 / 10)
    selected = records[records["instance_id"].isin([TFLITE, "tflite_cpu_float32_resnet50"])]
    rows = table(instance(TFLITE), instance("tflite_cpu_float32_resnet50"))
    assert noise.measured(rows, selected)["discordant"].item() == pytest.approx(0.4)  # no two of them share a model


def test_devices_are_compared_on_the_images_that_both_saw():
    answers = {"a": "110010", "b": "111010", "c": "0100"}  # c saw the first four
    records = pd.concat(
        [
            images(TFLITE, [digit == "1" for digit in text], [10.0] * len(text), device_id=device)
            for device, text in answers.items()
        ]
    )
    rows = table(*(instance(TFLITE, device_id=device) for device in answers))
    result = noise.measured(rows, records).set_index("device_id")["discordant_devices"]
    # a and b differ on 1 of 6, a and c on 1 of 4, b and c on 2 of 4
    assert result.to_dict() == pytest.approx({"a": 2 / 10, "b": 3 / 10, "c": 3 / 8})


def test_devices_with_other_images_or_weights_are_not_compared():
    records = pd.concat([images(TFLITE, [device == "a"] * 20, [10.0] * 20, device_id=device) for device in "ab"])
    unlike = table(instance(TFLITE, device_id="a"), instance(TFLITE, device_id="b", dataset_sha256="e" * 8))
    assert set(noise.measured(unlike, records)["discordant_devices"]) == {noise.DISCORDANT}


def test_without_image_records_the_standard_deviation_counts():
    rows = table(instance(TFLITE, time_ms=20.0, end_to_end_ms_sd=4.0), instance(TORCH, time_ms=10.0))
    [result] = noise.measured(rows, images(TFLITE, [], [])).to_dict("records")
    assert result["within"] == pytest.approx(2 * 0.2**2 * 1.45 / 0.55)
    assert result["assumed"].startswith("an autocorrelation of 0.45 between times of neighbouring images")
    [result] = noise.measured(table(instance(TORCH)), images(TFLITE, [], [])).to_dict("records")
    assert result["within"] == pytest.approx(2 * 0.1**2 * 1.45 / 0.55)
    assert "times that scatter by 10%" in result["assumed"]


def test_a_score_weighs_instances_by_their_share():
    rows = table(
        instance(TFLITE, 0.8, 10.0, end_to_end_ms_sd=1.0), instance(TORCH, 0.5, 50.0, end_to_end_ms_sd=5.0),
        instance(DYNAMIC, 0.8, 1.0, end_to_end_ms_sd=0.1),
    )  # fmt: skip
    [result] = noise.measured(rows, images(TFLITE, [], [])).to_dict("records")
    first, second = 0.08 / 0.09, 0.01 / 0.09  # of two float32 instances, since the third is not float32
    each = [result["within"] + 0.04 / 0.8**2, result["within"] + 0.04 / 0.5**2]
    assert result["score_within"] == pytest.approx(first**2 * each[0] + second**2 * each[1])
    assert result["score_runs"] == pytest.approx(ALLOWED, rel=1e-5)
    [none] = noise.measured(table(instance(DYNAMIC)), images(TFLITE, [], [])).to_dict("records")
    assert np.isnan(none["score_within"])


def test_instances_without_a_time_are_excluded():
    assert noise.measured(table(instance(TFLITE, 0.5, None)), images(TFLITE, [], [])).empty
    [result] = noise.measured(table(instance(TFLITE, 0.5, None), instance(TORCH)), images(TFLITE, [], [])).to_dict(
        "records"
    )
    assert result["instances"] == 1
