"""Tests of the command `aiot plan`."""

import json

import numpy as np
import pandas as pd
import pytest

from aiot_analysis.stats import noise, resolution
from aiot_analysis.tables import storage
from tests.aiot_analysis.conftest import device, images, instance
from tests.command import aiot, refused

IDS = ["tflite_cpu_float32_mnasnet", "tflite_cpu_int8_mnasnet"]
N = 200


@pytest.fixture
def processed(tmp_path):
    """Write two devices, whose MnasNet instances differ on 6 and 10 of 200 images, and one without image records."""
    folder = tmp_path / "data" / "processed"
    rng = np.random.default_rng(5)
    rows, records = [], []
    for name, differ in (("local", 6), ("pixel-4", 10)):
        for at, id_ in enumerate(IDS):
            rows.append(instance(id_, 0.5, 10.0, device_id=name, distinct_images=N, images=N, end_to_end_ms_sd=1.0))
            right = [(image < 100) != (at and image < differ) for image in range(N)]
            records.append(images(id_, right, rng.normal(10, 1, N), device_id=name))
    rows.append(instance(IDS[0], 0.5, 10.0, device_id="tool", images=N, distinct_images=N))
    storage.write("instances", storage.table("instances", rows), folder)
    names = ("local", "pixel-4", "tool")
    storage.write("devices", storage.table("devices", [device(name) for name in names]), folder)
    storage.write("images", storage.table("images", pd.concat(records)), folder)
    storage.write("left_out", storage.table("left_out", []), folder)
    return folder


def test_without_data_it_says_that_it_uses_the_default(tmp_path):
    done = aiot("plan", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("plan      default noise, since there are no data: There is no folder data/processed")
    assert "an assumed 5% between runs" in done.stdout
    [line] = [line for line in done.stdout.splitlines() if line.startswith("time, two instances of a device")]
    assert "7.8%" in line and "what it takes" not in done.stdout


def test_differences_are_planned_for_and_more_images_do_not_always_help(tmp_path):
    words = ["--noise", "default", "--time", "3%", "--accuracy", "2", "--vips", "5 %", "--devices", "3"]
    done = aiot("plan", *words, cwd=tmp_path)
    assert done.returncode == 0 and "default noise, as requested" in done.stdout
    lines = done.stdout.splitlines()
    [line] = [line for line in lines if line.startswith("time 3%, two devices or versions")]
    assert "8 sessions of 500 images; more images do not help" in line
    assert any(
        line.startswith("accuracy 2 points, two devices or versions, same images") and "(48 tests)" in line
        for line in lines
    )


def test_the_noise_of_the_data_is_used_where_there_are_any(processed, tmp_path):
    done = aiot("plan", "--json", "--time", "5", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(done.stdout)
    facts = {row["device_id"]: row for row in content["noise"]}
    assert (content["noise_of"], content["origin"], set(facts)) == ("data", "measured", {"local", "pixel-4", "tool"})
    assert (facts["local"]["discordant"], facts["pixel-4"]["discordant"]) == pytest.approx((6 / N, 10 / N))
    assert facts["local"]["discordant_devices"] == pytest.approx(4 / N / 2)  # on 4 images of one of the two instances
    assert facts["local"]["within"] == pytest.approx(0.02, rel=0.5) and facts["local"]["assumed"] == ""
    assert facts["tool"]["assumed"].startswith("an autocorrelation of 0.45")
    assert facts["tool"]["same_freedom"] is None  # infinite
    assert {row["device_id"] for row in content["needed"]} == set(facts)
    assert {row["metric"] for row in content["needed"]} == {"time"}


def test_a_device_and_a_plan_of_ones_own(processed, tmp_path):
    done = aiot("plan", "--device", "local", "--images", "1000", "--sessions", "4", "--json", cwd=tmp_path)
    [row] = [row for row in json.loads(done.stdout)["resolution"] if row["comparison"] == resolution.APART][:1]
    assert (row["device_id"], row["images"], row["sessions"]) == ("local", 1000, 4)
    table = aiot("plan", "--device", "local,tool", cwd=tmp_path).stdout
    assert "plan      noise of 2 devices, measured" in table
    assert "plan      Assumed on 1 device, because it was not measured: an autocorrelation of 0.45" in table


def test_another_allowance_between_runs_is_reported(tmp_path):
    done = aiot("plan", "--run-to-run", "10%", "--json", cwd=tmp_path)
    content = json.loads(done.stdout)
    assert content["intervals"] == "95%, including an assumed 10% between runs"
    assert content["noise"][0]["apart_runs"] == pytest.approx((np.log(1.1) / 1.959964) ** 2, rel=1e-5)
    assert content["noise"][0]["discordant"] == noise.DISCORDANT


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--noise", "some"], "Noise 'some' is unknown: choose data or default."),
        (["--noise", "data"], "There is no folder data/processed here or in a folder above"),
        (["--processed", "nowhere"], "There is no folder nowhere here or in a folder above"),
        (["--device", "pixel"], "There is no folder data/processed here or in a folder above"),
        (["--time", "fast"], "'fast' is not a difference in time: give a percentage, like 5% or 2.5%."),
        (["--vips", "0"], "No test finds a difference of 0: give --vips a percentage above 0, like 3%."),
        (["--accuracy", "0"], "0 is not a difference in accuracy: give points between 0 and 100"),
        (["--accuracy", "nan"], "nan is not a difference in accuracy"),
        (["--timing", "clock"], "Timing 'clock' is unknown: choose end_to_end or inference."),
        (["--run-to-run", "x"], "'x' is not a difference between runs"),
    ],
)
def test_user_errors_are_one_sentence(words, sentence, tmp_path):
    assert sentence in refused(aiot("plan", *words, cwd=tmp_path))


def test_a_device_that_is_not_there_and_data_without_times_are_one_sentence(processed, tmp_path):
    assert "nexus" in refused(aiot("plan", "--device", "nexus", cwd=tmp_path))
    rows = [instance(IDS[0], None, None)]
    storage.write("instances", storage.table("instances", rows), processed)
    assert "plan with --noise default" in refused(aiot("plan", cwd=tmp_path))


def test_no_images_are_wrong_usage(tmp_path):
    assert aiot("plan", "--images", "1", cwd=tmp_path).returncode == 2
