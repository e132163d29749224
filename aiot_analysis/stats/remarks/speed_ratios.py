"""Comparisons of speed, of which most claims consist."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from aiot_analysis.stats.remarks.claim import AS_CLAIMED, FASTER, Part, Region
from aiot_analysis.stats.remarks.evidence import Evidence, level
from aiot_analysis.tables.names import display, instance_id

HEAVY, LIGHT = ["resnet50", "inception_v3", "densenet121"], ["squeezenet", "mobilenet_v2", "mnasnet"]
TFLITE, NNAPI, PYTORCH, CAFFE2 = "tflite_cpu", "tflite_nnapi", "pytorch_cpu", "caffe2_cpu"


MATERIAL = 0.05
"""Share of the time by which an instance has to be faster or slower on a device for a claim about some devices: within
it two runs of the same thing count as alike."""
FASTER_BY_MATERIAL: Region = (1 + MATERIAL, math.inf)
SLOWER_BY_MATERIAL: Region = (0.0, 1 / (1 + MATERIAL))


class Versus(NamedTuple):
    """How many times as fast as `slow` is `fast`, two instances, and the region that it is claimed to be in."""

    name: str
    slow: str
    fast: str
    claimed: Region = FASTER


def frameworks(model: str, slow: str, fast: str, claimed: Region = FASTER) -> Versus:
    """Two implementations of one model in float32."""
    name = f"{display(model)}, {display(fast)} against {display(slow)}"
    return Versus(name, instance_id(slow, "float32", model), instance_id(fast, "float32", model), claimed)


def models(implementation: str, slow: str, fast: str, claimed: Region = FASTER) -> Versus:
    """Two models in one implementation, float32."""
    name = f"{display(implementation)}, {display(fast)} against {display(slow)}"
    base, other = (instance_id(implementation, "float32", model) for model in (slow, fast))
    return Versus(name, base, other, claimed)


def quantizations(implementation: str, model: str, slow: str, fast: str, claimed: Region = FASTER) -> Versus:
    """Two quantizations of one model."""
    name = f"{display(model)}, {display(fast)} against {display(slow)}"
    base, other = (instance_id(implementation, quantization, model) for quantization in (slow, fast))
    return Versus(name, base, other, claimed)


def over_devices(evidence: Evidence, pairs: Sequence[Versus]) -> list[Part]:
    """A part per pair: the geometric mean over devices, or the one device. Intervals keep 95 % together."""
    each = level(len(pairs))
    return [Part(one.name, evidence.speed_up(one.slow, one.fast, each), one.claimed) for one in pairs]


def on_each_device(evidence: Evidence, pairs: Sequence[Versus]) -> list[Part]:
    """Return a part per pair and device, each with the interval of that device. All intervals keep 95 % together.

    They share the error rate over all pairs and all devices that were looked at, those without a number too. Where
    no device is clear by itself, all together may be: the geometric mean over devices is within what is claimed only if
    some device is. It counts as one more device, and is a part of its own where it is as claimed.
    """
    each = level(len(pairs) * (len(evidence.ms) + 1))
    found = []
    for pair in pairs:
        devices = evidence.speed_ups(pair.slow, pair.fast, each)
        found += [Part(pair.name, numbers, pair.claimed, device=device) for device, numbers in devices.items()]
        if not devices:  # one row that says why
            found.append(Part(pair.name, evidence.speed_up(pair.slow, pair.fast), pair.claimed))
        elif len(devices) > 1:
            mean = Part(f"{pair.name}, mean over devices", evidence.speed_up(pair.slow, pair.fast, each), pair.claimed)
            found += [mean] if mean.state == AS_CLAIMED else []
    return found
