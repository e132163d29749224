"""Tests that a network with random weights has times, but no accuracy from its preparation to the tables."""

import json

import pytest

import aiot_analysis
from aiot_analysis.tables import select
from runner import rawlog
from tests.command import aiot

pytest.importorskip("torch", reason="networks are converted with the extra `models`")
pytest.importorskip("ai_edge_litert", reason="TFLite runs with the extra `run`")

ONE = "tflite_cpu_float32_squeezenet1_1"
WORDS = ["--models", "squeezenet1_1", "--frameworks", "tflite", "--quantizations", "float32"]


def test_a_network_with_random_weights_has_times_and_no_accuracy(tmp_path):
    make = aiot("dataset", "make", "--workspace", str(tmp_path))
    assert make.returncode == 0, make.stderr
    prepared = aiot("models", "prepare", *WORDS, "--weights", "random", "--workspace", str(tmp_path))
    assert prepared.returncode == 0, prepared.stderr
    checked = aiot("models", "check", *WORDS, "--weights", "random", "--workspace", str(tmp_path), "--json")
    [check] = json.loads(checked.stdout)
    assert check["passed"] and check["largest_difference"] < 1e-3 and check["top1_agreement"] == 1
    assert (check["accuracy"], check["original_accuracy"]) == (None, None)

    outcome = aiot(
        "run", "--local", *WORDS, "--delegates", "cpu", "--weights", "random", "--images", "5",
        "--workspace", str(tmp_path),
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stderr
    assert "times only, no accuracy, because the weights are random: squeezenet1_1" in outcome.stderr
    [folder] = rawlog.run_folders(tmp_path / "data" / "raw")
    [path] = rawlog.attempt_paths(folder)[ONE]
    attempt = rawlog.read_attempt(path)
    assert {label for event in attempt.of("image") for label, _ in event["top5"]} == {-1}
    assert attempt.last["correct"] == 0

    assert aiot("process", "--workspace", str(tmp_path)).returncode == 0
    data = aiot_analysis.load(tmp_path / "data" / "processed", "measured")
    [row] = data.instances.to_dict("records")
    assert (row["instance_id"], row["weights"], row["verdict"], row["images"]) == (ONE, "random", "semi-valid", 5)
    assert row["accuracy"] != row["accuracy"] and row["parity_accuracy"] != row["parity_accuracy"]  # no accuracy
    # stated by torchvision for SqueezeNet 1.1 with 1000 classes
    assert (round(row["macs_millions"]), row["params_millions"]) == (349, 1.235496)
    assert row["parity_passed"] and row["inference_ms_mean"] > 0
    assert not data.images()["correct"].any()
    assert select.measured_rows(data.instances)[0].empty
    timed, excluded = select.timed_rows(data.instances, "end_to_end")
    assert timed["instance_id"].tolist() == [ONE] and excluded.empty
