from aiot_analysis.display import agreement_table as tell
from aiot_analysis.stats import execution
from tests.aiot_analysis.conftest import instance, instances
from tests.aiot_analysis.stats.test_execution_parity import FAILED, INT8, PASSED, TFLITE


def test_the_table_has_three_lines_a_model_and_a_column_a_file():
    added = {**PASSED, **dict.fromkeys(["parity_difference", "parity_top1_agreement", "parity_accuracy_original"])}
    table = instances(
        instance(TFLITE, **PASSED),
        instance(INT8, **FAILED),
        instance("executorch_cpu_float32_squeezenet"),
        instance("tflite_cpu_float32_squeezenet", **added),
    )
    found = tell.grid(execution.model_files(table)).astype(object)
    found = found.where(found.notna(), None)
    assert found.columns.tolist() == ["model", "TFLite float32", "TFLite INT8", "ExecuTorch float32"]
    assert found.values.tolist() == [
        ["SqueezeNet: difference", "no original", None, "not checked"],
        ["same top-1", None, None, None],
        ["accuracy / original's", "0.830", None, None],
        ["MnasNet: difference", "7.1e-07", "✗ 3.1e-01", None],
        ["same top-1", "100%", "40%", None],
        ["accuracy / original's", "0.830 / 0.830", "0.350 / 0.830", None],
    ]
    [failure] = tell.failures(execution.model_files(table)).to_dict("records")
    assert (failure["model"], failure["file"]) == ("MnasNet", "TFLite INT8")
    assert failure["finding"] == FAILED["parity_finding"]


def test_weights_are_named_if_a_model_has_several():
    table = instances(
        instance(TFLITE, **PASSED),
        instance(TFLITE, weights="google", **PASSED),
        instance("tflite_cpu_float32_resnet50", **PASSED),
    )
    models = tell.grid(execution.model_files(table))["model"].tolist()[::3]
    assert models == ["ResNet50: difference", "MnasNet (google): difference", "MnasNet (sample): difference"]


def test_the_sentence_counts_and_names_the_command_that_helps():
    table = instances(
        instance(TFLITE, **PASSED), instance(INT8, **{**FAILED, "parity_images": 50}), instance("a_cpu_float32_b")
    )
    said = tell.summarize_files(execution.model_files(table), "measured")
    assert said.startswith("1 of 2 checked model files passed, on 50 to 100 images. The others, marked ✗,")
    assert "Not checked: 1. To check them, run `aiot models check`" in said
    unchecked = execution.model_files(instances(instance(TFLITE)))
    assert tell.summarize_files(unchecked, "measured").startswith("No model file was checked: run `aiot models check`")
    assert tell.summarize_files(execution.model_files(instances()), "measured").startswith("No model file was run: ")
    assert "nothing to check" in tell.summarize_files(unchecked, "simulated")
