"""Comparisons of speed, which most claims consist of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from aiot_analysis.stats.multiple import level
from aiot_analysis.stats.remarks.claim import AS_CLAIMED, FASTER, ClaimPart, Region
from aiot_analysis.stats.remarks.evidence import Evidence
from aiot_analysis.tables.names import display, instance_id

HEAVY, LIGHT = ["resnet50", "inception_v3", "densenet121"], ["squeezenet", "mobilenet_v2", "mnasnet"]
TFLITE, NNAPI, PYTORCH, CAFFE2 = "tflite_cpu", "tflite_nnapi", "pytorch_cpu", "caffe2_cpu"


MATERIAL = 0.05
"""Smallest difference in time, as a share, for an instance to count as faster or slower on a device in claims about
some devices. Within it, two runs of the same thing count as equal.
"""
FASTER_BY_MATERIAL: Region = (1 + MATERIAL, math.inf)
SLOWER_BY_MATERIAL: Region = (0.0, 1 / (1 + MATERIAL))


class Versus(NamedTuple):
    """Two instances, and the claimed region of how many times as fast as `slow` the instance `fast` is."""

    name: str
    slow: str
    fast: str
    claimed: Region = FASTER


def frameworks(model: str, slow: str, fast: str, claimed: Region = FASTER) -> Versus:
    """Return the comparison of two implementations of one model in float32."""
    name = f"{display(model)}, {display(fast)} against {display(slow)}"
    return Versus(name, instance_id(slow, "float32", model), instance_id(fast, "float32", model), claimed)


def models(implementation: str, slow: str, fast: str, claimed: Region = FASTER) -> Versus:
    """Return the comparison of two models in one implementation, float32."""
    name = f"{display(implementation)}, {display(fast)} against {display(slow)}"
    base, other = (instance_id(implementation, "float32", model) for model in (slow, fast))
    return Versus(name, base, other, claimed)


def quantizations(implementation: str, model: str, slow: str, fast: str, claimed: Region = FASTER) -> Versus:
    """Return the comparison of two quantizations of one model."""
    name = f"{display(model)}, {display(fast)} against {display(slow)}"
    base, other = (instance_id(implementation, quantization, model) for quantization in (slow, fast))
    return Versus(name, base, other, claimed)


def over_devices(evidence: Evidence, pairs: Sequence[Versus]) -> list[ClaimPart]:
    """Return one part per pair: the geometric mean over devices, or the value of the only device.

    The intervals have a joint confidence of 95 %.
    """
    joint_level = level(len(pairs))
    return [ClaimPart(pair.name, evidence.speed_up(pair.slow, pair.fast, joint_level), pair.claimed) for pair in pairs]


def on_each_device(evidence: Evidence, pairs: Sequence[Versus]) -> list[ClaimPart]:
    """Return one part per pair and device, each with the interval of that device; their joint confidence is 95 %.

    The intervals share the error rate over all pairs and all devices considered, including those without a number.
    Where no single device is clear, all of them together may be: the geometric mean over devices can be in the claimed
    region only if that of some device is. It counts as one more device, and is a part of its own where it is as
    claimed.
    """
    joint_level = level(len(pairs) * (len(evidence.ms) + 1))
    parts = []
    for pair in pairs:
        devices = evidence.speed_ups(pair.slow, pair.fast, joint_level)
        parts += [ClaimPart(pair.name, numbers, pair.claimed, device=device) for device, numbers in devices.items()]
        if not devices:  # one row with the reason
            parts.append(ClaimPart(pair.name, evidence.speed_up(pair.slow, pair.fast), pair.claimed))
        elif len(devices) > 1:
            mean = ClaimPart(
                f"{pair.name}, mean over devices", evidence.speed_up(pair.slow, pair.fast, joint_level), pair.claimed
            )
            parts += [mean] if mean.state == AS_CLAIMED else []
    return parts
