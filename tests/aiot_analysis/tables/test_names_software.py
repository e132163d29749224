"""Versions of frameworks, as pages list them."""

import pandas as pd

from aiot_analysis.tables import names


def software(*versions: tuple[str, str | None]) -> str:
    return names.software(pd.DataFrame(versions, columns=["framework", "framework_version"]))


def test_each_package_has_its_displayed_name_and_each_version_once() -> None:
    assert software(
        ("onnxruntime", "onnxruntime 1.32.0"),
        ("onnxruntime", "onnxruntime 1.32.0"),
        ("pytorch", "torch 2.13.0+cu130"),
        ("tflite", "ai-edge-litert 2.3.0"),
        ("caffe2", None),
    ) == ("LiteRT 2.3.0, ONNX Runtime 1.32.0, PyTorch 2.13.0")


def test_packages_of_several_frameworks_are_listed_once_without_their_builds() -> None:
    assert software(
        ("onnxruntime", "qairt 2.43.0.260127150333_193827; onnx_runtime 1.24.1"),
        ("precompiledqnnonnx", "qairt 2.42.0.251225135753_193295; onnx_runtime 1.24.1"),
        ("tflite", "tflite 2.17.0"),
        ("samsung", "ENN 2.2.20"),
        ("snpe", "Qualcomm AI Stack -- Qualcomm Neural Processing SDK v2.25.0"),
        ("snpe", "Qualcomm AI Stack -- Qualcomm Neural Processing SDK v2.9.0"),
    ) == ("ENN 2.2.20, ONNX Runtime 1.24.1, QAIRT 2.42.0 and 2.43.0, SNPE 2.9.0 and 2.25.0, TFLite 2.17.0")


def test_a_version_without_a_package_has_the_name_of_its_framework() -> None:
    assert software(("tflite", "2.3.0"), ("caffe2", "simulated")) == "Caffe2 simulated, TFLite 2.3.0"
    assert software(("caffe2", None)) == ""
