"""Reasons why comparisons have no number, and how they are merged."""

from aiot_analysis.stats.remarks.reasons import is_lacking, lacking_words, merge_reasons


def test_what_was_not_measured_is_said_once_for_all_models():
    reasons = [
        "TFLite CPU float32 not measured for ResNet50",
        "no device has both",
        "TFLite CPU float32 not measured for InceptionV3 and ResNet50; Caffe2 float32 not measured",
        "TFLite CPU INT8 not measured for InceptionV3, ResNet50 and MnasNet",
        "TFLite CPU INT8/dynamic and PyTorch float32 not measured for ResNet50",
        "",
        "Caffe2 float32 not measured for MnasNet",
    ]
    merged = merge_reasons(reasons)
    lacking = (
        "TFLite CPU float32 not measured for ResNet50 and InceptionV3; Caffe2 float32 not measured; "
        "TFLite CPU INT8 not measured for InceptionV3, ResNet50 and MnasNet; "
        "TFLite CPU dynamic and PyTorch float32 not measured for ResNet50"
    )
    assert merged == ("no device has both", lacking)
    assert merge_reasons(merged) == merged
    assert is_lacking(merged[1:]) and not is_lacking(merged) and not is_lacking(())


def test_implementations_that_lack_the_same_models_share_their_words():
    models = {"TFLite CPU float32": ["A", "B"], "PyTorch float32": ["B", "A"], "TFLite CPU INT8": ["A", "B"]}
    assert lacking_words(models) == "TFLite CPU float32/INT8 and PyTorch float32 not measured for A and B"
    assert lacking_words({"Caffe2 float32": ["", "A"]}) == "Caffe2 float32 not measured"
    assert lacking_words({}) == ""
