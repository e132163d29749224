import pandas as pd
import pytest

from aiot_analysis.stats import latency
from aiot_analysis.tables import names, select
from tests.aiot_analysis.conftest import images, instance, instances

TIMES = {  # mean time end to end in ms, 75% of which is inference
    "tflite_cpu_float32_mnasnet": 8.0,
    "tflite_nnapi_float32_mnasnet": 2.0,
    "tflite_cpu_int8_mnasnet": 4.0,
    "pytorch_cpu_float32_mnasnet": 16.0,
    "executorch_cpu_float32_mnasnet": 10.0,
    "torchscript_cpu_float32_squeezenet1_1": 20.0,
    "tflite_cpu_float32_resnet50": 90.0,
}


def table(times):
    rows = instances(*(instance(one, framework_version=f"{one.split('_')[0]} 1") for one in times))
    records = [images(one, [True, True, False], [times[one] * factor for factor in (0.5, 1, 1.5)]) for one in times]
    return latency.implementations_beyond_paper(rows, pd.concat(records))


def test_every_implementation_of_a_model_that_was_run_beyond_the_paper():
    found = table(TIMES)
    assert found[["model", "implementation", "framework_version", "mean_ms"]].values.tolist() == [
        ["mnasnet", "tflite_cpu", "tflite 1", 6.0],
        ["mnasnet", "tflite_nnapi", "tflite 1", 1.5],
        ["mnasnet", "pytorch_cpu", "pytorch 1", 12.0],
        ["mnasnet", "executorch_cpu", "executorch 1", 7.5],
        ["squeezenet1_1", "torchscript_cpu", "torchscript 1", 15.0],
    ]
    assert found["median_ms"].tolist() == found["mean_ms"].tolist()


def test_ratios_are_to_tflite_cpu_float32_on_the_same_images():
    found = table(TIMES).set_index("implementation")[latency.RATIO]
    # every image is 1.25 times as slow, so only the assumed 5% between two runs is uncertain
    assert found.loc["executorch_cpu"].tolist() == pytest.approx([0.8, 0.8 / 1.05, 0.8 * 1.05])
    assert found.loc["pytorch_cpu"].tolist() == pytest.approx([0.5, 0.5 / 1.05, 0.5 * 1.05])
    assert found.loc[["tflite_cpu", "torchscript_cpu"]].isna().all(axis=None)


@pytest.mark.parametrize("times", [{}, {one: TIMES[one] for one in TIMES if one in names.PAPER}])
def test_nothing_beyond_the_paper_nothing_to_show(times):
    rows = instances(*(instance(one) for one in times))
    records = [images(one, [True], [time]) for one, time in times.items()]
    nothing = images("tflite_cpu_float32_mnasnet", [True], [1.0]).head(0)
    found = latency.implementations_beyond_paper(rows, pd.concat([nothing, *records]))
    assert found.empty and found.columns.tolist() == latency.COLUMNS


def test_a_model_with_weights_of_its_own_is_used_beside_the_papers():
    own = {"weights": "mine", "dataset": "photos", "dataset_sha256": "other", "profile": "quick"}
    added = [instance(f"{one}_cpu_float32_squeezenet1_1", run_id="r2", **own) for one in ("tflite", "executorch")]
    replaced = instance("tflite_cpu_float32_mnasnet", run_id="r2", **own)
    table = instances(*(instance(one, run_id="r1") for one in TIMES if one in names.PAPER), *added, replaced)
    rows, left_out = select.measured_rows(table)
    assert set(rows["instance_id"]) == set(table["instance_id"])
    assert rows.set_index("instance_id").loc["tflite_cpu_float32_mnasnet", "weights"] == "sample"
    [reason] = left_out["reasons"]
    assert reason.startswith("run with quick profile, 1 threads, but most of the device's instances: paper profile")
    same_profile = table.assign(profile="paper")
    [reason] = select.measured_rows(same_profile)[1]["reasons"]
    assert reason.startswith("run with mine weights, photos images (other), end to end by the agent, but most of")
