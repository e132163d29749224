"""Make rows of the table `instances` from the published facts in the package, without the importers."""

from pathlib import Path

import pandas as pd

import runner.importers

FACTS = Path(runner.importers.__file__).parent / "facts"
RUNTIMES = {"tflite": "tflite", "onnx": "onnxruntime", "qnn_dlc": "qnn"}
ACCURACY = ["model", "device", "precision", "runtime"]


def instances(**selection):
    """Return the rows of AI Hub whose columns have one of these values, as in model=["resnet50"]."""
    times = pd.read_csv(FACTS / "ai_hub_performance.csv")
    right = pd.read_csv(FACTS / "ai_hub_accuracy.csv")[
        [*ACCURACY, "samples", "torch_accuracy_percent", "accuracy_percent"]
    ]
    for column, values in selection.items():
        times = times[times[column].isin(values)]
    rows = times.merge(right, on=ACCURACY, how="left")
    framework = rows["runtime"].map(RUNTIMES).fillna(rows["runtime"].str.replace("_", ""))
    return pd.DataFrame(
        {
            "run_id": "run",
            "device_id": rows["device"],
            "instance_id": framework + "_unknown_" + rows["precision"] + "_" + rows["model"],
            "framework": framework,
            "quantization": rows["precision"],
            "model": rows["model"],
            "inference_ms_mean": rows["inference_ms"],
            "accelerator_actual": rows["compute_unit"].str.lower(),
            **{name: rows[name].astype("Int64") for name in ("layers_npu", "layers_gpu", "layers_cpu")},
            "accuracy": rows["accuracy_percent"] / 100,
            "torch_accuracy": rows["torch_accuracy_percent"] / 100,
            "images": rows["samples"].fillna(0).astype(int),
            "job": rows["job_id"],
            "profile": "AI Hub (fastest run)",
            "timing": "inference",
            "publisher": "Qualcomm",
            "publication": "AI Hub Models at b61a009028",
            "address": rows["source"],
            "retrieved": "2026-11-28",
            "origin": "published",
        }
    )
