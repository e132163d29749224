"""Findings of the pages on published results, from small frames whose answer can be read off."""

import pandas as pd

from aiot_analysis.display import published_findings as findings


def test_samples_show_a_larger_spread_than_all_images():
    spreads = pd.DataFrame(
        {"model": ["resnet50", "mnasnet", "vit"], "sets": [3, 2, 1], "size": 500, "spread": [1.8, 2.04, 0.0],
         "true_spread": [0.34, 0.58, 0.0]}
    )  # fmt: skip
    assert findings.samples(spreads, 50_000) == (
        "500 images typically show a spread of 1.8 points for ResNet50 and 2.0 points for MnasNet; all 50,000 show "
        "0.34 and 0.58."
    )
    assert findings.samples(spreads.tail(1), 50_000) == ""


def test_speed():
    correlation = pd.DataFrame({"rho": [0.7, 0.9, 0.95]})
    assert findings.complexity(correlation) == (
        "More operations take longer: Spearman's ρ is 0.90 (0.70 to 0.95), the median over 3 combinations of device "
        "and runtime."
    )
    assert findings.complexity(correlation.assign(rho=[-0.7, 0.1, 0.2])) == (
        "Spearman's ρ of operations and time is 0.10 (−0.70 to 0.20), the median over 3 combinations of device and "
        "runtime."
    )
    assert findings.complexity(correlation.head(1)) == "More operations take longer: Spearman's ρ is 0.70."
    versions = pd.DataFrame(
        {"quantization": ["w8a8", "w8a8", "w8a16"], "speed_up": [2.0, 3.0, 1.1], "change": [-0.001, -0.003, 0.004]}
    )
    assert findings.integers(versions) == (
        "Against float, w8a8 is typically 2.50 times as fast at −0.2 points of accuracy, w8a16 1.10 times at +0.4 "
        "points (medians over files)."
    )
    jobs = pd.DataFrame({"times": [2.0, 4.0, 30.0]})
    assert findings.off_npu(jobs) == (
        "Without the NPU, a job typically takes 4.0 times as long (2.0 to 30.0; median of 3 jobs)."
    )
    assert findings.off_npu(jobs.head(1)) == "Without the NPU, the job takes 2.0 times as long."


def test_results():
    accuracies = pd.DataFrame({"model": "mobilenet_edgetpu", "accuracy": [0.76, 0.765]})
    assert findings.accuracy(accuracies) == (
        "On all images, accuracies differ by at most 0.50 points for MobileNetEdgeTPU (2 submissions)."
    )
    runtimes = pd.DataFrame(
        {
            "device_id": ["a", "a", "b", "b"],
            "model": "vit",
            "framework": ["tflite", "qnn"] * 2,
            "fastest": [False, True, True, False],
            "same_jobs_as": ["", "", "a", "a"],
        }
    )
    assert findings.runtimes(runtimes) == "Of 1 case, the fastest runtime is QNN in 1."
    tied = runtimes.head(2).assign(fastest=True)
    assert findings.runtimes(tied) == (
        "Of 1 case, the fastest runtime is TFLite in 1 and QNN in 1 (ties count for each)."
    )
    ranges = pd.DataFrame({"suite_min": [1, 2], "suite_max": [1, 5]})
    assert findings.ranks(ranges) == "With parts of the suite, 1 of 2 devices changes rank, by at most 3 places."
    for finding in (findings.accuracy, findings.disagreement, findings.classes):
        assert finding(pd.DataFrame()) == ""
