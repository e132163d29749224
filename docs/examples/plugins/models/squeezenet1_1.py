"""SqueezeNet 1.1, its authors' second version (Iandola et al. 2016): less computation than 1.0, the same accuracy.

The published weights (and so these settings) want BGR pixels of 0 to 255 with the mean of each channel subtracted.
"""

from aiot_suite.architectures import torchvision_models

SETTINGS = {
    "size": 227,
    "channel_order": "BGR",
    "mean": (104.0, 117.0, 123.0),
    "std": (1.0, 1.0, 1.0),
}


def build(classes):
    return torchvision_models().squeezenet1_1(num_classes=classes)
