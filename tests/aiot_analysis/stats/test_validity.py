import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats.validity import judge

GOOD = {
    "status": "end", "images": 500, "failed_images": 0, "accuracy": 0.7, "timing": "end_to_end",
    "end_to_end_ms_mean": 10.0, "end_to_end_ms_sd": 1.0, "inference_ms_mean": None, "inference_ms_sd": None,
    "accelerator_requested": None, "accelerator_actual": pd.NA,
}  # fmt: skip


@pytest.mark.parametrize(
    "changes, verdict, reason",
    [
        ({}, "valid", ""),
        ({"end_to_end_ms_sd": 5.0}, "valid", ""),  # just half of the mean
        ({"status": "unavailable", "reasons": "NNAPI needs Android"}, "unavailable", "NNAPI needs Android"),
        ({"status": "failed", "reasons": "out of memory"}, "invalid", "out of memory"),
        ({"status": "cut"}, "invalid", "the log breaks off: run it again"),
        ({"accuracy": None}, "invalid", "no accuracy was measured"),
        ({"accuracy": float("nan")}, "invalid", "no accuracy was measured"),
        ({"timing": "inference"}, "invalid", "no time was measured"),
        ({"study": "profile", "accuracy": None, "images": 0}, "valid", ""),  # it shows no images
        ({"study": "profile", "reasons": "no operator was timed"}, "semi-valid", "no operator was timed"),
        ({"study": "resize", "accuracy": None}, "invalid", "no accuracy was measured"),
        ({"images": 499}, "semi-valid", "499 of 500 images"),
        ({"failed_images": 2}, "semi-valid", "failed images, counted as wrong: 2"),
        ({"end_to_end_ms_sd": 6.0}, "semi-valid", "times scatter by 60% of their mean"),
        ({"accelerator_requested": "nnapi", "accelerator_actual": "cpu"}, "semi-valid", "nnapi was asked for, cpu ran"),
        ({"accelerator_requested": "nnapi", "accelerator_actual": "nnapi"}, "valid", ""),
        ({"parity_passed": True, "parity_finding": "the same network"}, "valid", ""),
        ({"parity_passed": pd.NA}, "valid", ""),
        (
            {"parity_passed": np.bool_(False), "parity_finding": "18 of 100 images right, 80% declared"},
            "semi-valid",
            "its model file failed the check: 18 of 100 images right, 80% declared",
        ),
    ],
)
def test_verdicts(changes, verdict, reason):
    found, reasons = judge({**GOOD, **changes})
    assert found == verdict
    assert reasons.startswith(reason) and bool(reasons) == bool(reason)


def test_all_doubts_are_listed():
    assert (
        judge({**GOOD, "images": 50, "failed_images": 1})[1] == "50 of 500 images; failed images, counted as wrong: 1"
    )
