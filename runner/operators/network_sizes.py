"""Multiply-accumulates and parameters of the networks that published results name and torchvision has.

    python -m runner.operators.network_sizes > aiot_analysis/stats/network_sizes.csv

makes the table that `aiot_analysis.stats.published_speed` reads, so that the analysis needs no PyTorch. Operations are
counted as for Table II.
"""

from __future__ import annotations

import csv
import sys

from aiot_suite.architectures import build, count

TORCHVISION_NAMES = {
    "convnext_base": "convnext_base",
    "convnext_tiny": "convnext_tiny",
    "densenet121": "densenet121",
    "efficientnet_b0": "efficientnet_b0",
    "efficientnet_b4": "efficientnet_b4",
    "efficientnet_v2_s": "efficientnet_v2_s",
    "googlenet": "googlenet",
    "inception_v3": "inception_v3",
    "mnasnet05": "mnasnet0_5",
    "mobilenet_v2": "mobilenet_v2",
    "mobilenet_v3_large": "mobilenet_v3_large",
    "mobilenet_v3_small": "mobilenet_v3_small",
    "regnet": "regnet_x_3_2gf",
    "regnet_y_800mf": "regnet_y_800mf",
    "resnet18": "resnet18",
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "resnext50": "resnext50_32x4d",
    "resnext101": "resnext101_32x8d",
    "shufflenet_v2": "shufflenet_v2_x0_5",
    "squeezenet1_1": "squeezenet1_1",
    "vit": "vit_b_16",
    "wideresnet50": "wide_resnet50_2",
}
"""torchvision's name of each network of AI Hub, as the `model.py` of the network there states it. Its MobileNetV2 is
another implementation of the same network.
"""
SIZE = 224
"""Height and width of the input of all of these on AI Hub, InceptionV3 and the EfficientNets included."""

CLASSES = 1000  # of ImageNet
COLUMNS = ("model", "torchvision", "size", "macs_millions", "params_millions")


def main() -> None:
    """Write the table to the standard output."""
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(COLUMNS)
    for model, name in sorted(TORCHVISION_NAMES.items()):
        macs, parameters = count(build(name, CLASSES), SIZE)
        table.writerow([model, name, SIZE, f"{macs / 1e6:.3f}", f"{parameters / 1e6:.6f}"])


if __name__ == "__main__":
    main()
