"""Former name of `aiot_suite.architectures`."""

from aiot_suite.architectures import torchvision_models

__all__ = ["torchvision_models"]
