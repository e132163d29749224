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
    rows = instances(*(instance(id_, framework_version=f"{id_.split('_')[0]} 1") for id_ in times))
    records = [images(id_, [True, True, False], [times[id_] * factor for factor in (0.5, 1, 1.5)]) for id_ in times]
    return latency.implementations_beyond_paper(rows, pd.concat(records))


def test_every_implementation_of_a_model_that_was_run_beyond_the_paper():
    result = table(TIMES)
    assert result[["model", "implementation", "framework_version", "mean_ms"]].values.tolist() == [
        ["mnasnet", "tflite_cpu", "tflite 1", 6.0],
        ["mnasnet", "tflite_nnapi", "tflite 1", 1.5],
        ["mnasnet", "pytorch_cpu", "pytorch 1", 12.0],
        ["mnasnet", "executorch_cpu", "executorch 1", 7.5],
        ["squeezenet1_1", "torchscript_cpu", "torchscript 1", 15.0],
    ]
    assert result["median_ms"].tolist() == result["mean_ms"].tolist()


def test_ratios_are_to_tflite_cpu_float32_on_the_same_images():
    result = table(TIMES).set_index("implementation")[latency.RATIO]
    # every image is 1.25 times as slow, so only the assumed 5% between two runs is uncertain
    assert result.loc["executorch_cpu"].tolist() == pytest.approx([0.8, 0.8 / 1.05, 0.8 * 1.05])
    assert result.loc["pytorch_cpu"].tolist() == pytest.approx([0.5, 0.5 / 1.05, 0.5 * 1.05])
    assert result.loc[["tflite_cpu", "torchscript_cpu"]].isna().all(axis=None)


@pytest.mark.parametrize("times", [{}, {id_: TIMES[id_] for id_ in TIMES if id_ in names.PAPER}])
def test_nothing_beyond_the_paper_nothing_to_show(times):
    rows = instances(*(instance(id_) for id_ in times))
    records = [images(id_, [True], [time]) for id_, time in times.items()]
    nothing = images("tflite_cpu_float32_mnasnet", [True], [1.0]).head(0)
    result = latency.implementations_beyond_paper(rows, pd.concat([nothing, *records]))
    assert result.empty and result.columns.tolist() == latency.COLUMNS


def test_a_model_with_weights_of_its_own_is_used_beside_the_papers():
    own = {"weights": "mine", "dataset": "photos", "dataset_sha256": "other", "profile": "quick"}
    added = [instance(f"{name}_cpu_float32_squeezenet1_1", run_id="r2", **own) for name in ("tflite", "executorch")]
    replaced = instance("tflite_cpu_float32_mnasnet", run_id="r2", **own)
    table = instances(*(instance(name, run_id="r1") for name in TIMES if name in names.PAPER), *added, replaced)
    rows, left_out = select.measured_rows(table)
    assert set(rows["instance_id"]) == set(table["instance_id"])
    assert rows.set_index("instance_id").loc["tflite_cpu_float32_mnasnet", "weights"] == "sample"
    [reason] = left_out["reasons"]
    assert reason.startswith("run with quick profile, 1 threads, but most of the device's instances: paper profile")
    same_profile = table.assign(profile="paper")
    [reason] = select.measured_rows(same_profile)[1]["reasons"]
    assert reason.startswith("run with mine weights, photos images (other), end to end by the agent, but most of")
