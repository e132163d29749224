"""Remark 3: "NNAPI does not always accelerate the inference." (Figure 6)"""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from aiot_analysis.stats.accuracy import clopper_pearson
from aiot_analysis.stats.remarks.claim import ANY, SHARE, TIMES, Claim, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence
from aiot_analysis.stats.remarks.speed_ratios import (
    NNAPI,
    SLOWER_BY_MATERIAL,
    TFLITE,
    frameworks,
    on_each_device,
    over_devices,
)
from aiot_analysis.tables.names import MODELS, display, instance_id

VERY_GOOD = (1.5, math.inf)
LITTLE = (0.0, 1.25)
DRAMATICALLY = 1 / 1.5
MOST = (0.5, math.inf)
DENSENET = "densenet121"

_FIGURE_6 = {"figure": "Figure 6", "notebook": "05_nnapi"}


def _share(name: str, those: pd.Series) -> ClaimPart:
    """Return the share of devices for which `those` is true, with the exact interval of Clopper and Pearson (1934)."""
    if those.empty:
        return ClaimPart(name, Estimate(why="not in the logs"), MOST)
    low, high = clopper_pearson(int(those.sum()), len(those))
    why = "one device says nothing about most devices" if len(those) == 1 else ""
    return ClaimPart(name, Estimate(float(those.mean()), low, high, len(those), why), MOST)


def _deteriorates(evidence: Evidence) -> list[ClaimPart]:
    """Return the share of devices on which NNAPI makes DenseNet121 much slower."""
    slow, fast = (instance_id(implementation, "float32", DENSENET) for implementation in (TFLITE, NNAPI))
    name = f"{display(DENSENET)}, devices on which it is much slower with NNAPI"
    if why := evidence.lacking(slow, fast) or evidence.refused(slow, fast):
        return [ClaimPart(name, Estimate(why=why), MOST)]
    return [_share(name, (evidence.ms[slow] / evidence.ms[fast]).dropna() < DRAMATICALLY)]


def _cut(evidence: Evidence) -> list[ClaimPart]:
    """Return the share of devices on which NNAPI takes DenseNet121 in several pieces."""
    instance = instance_id(NNAPI, "float32", DENSENET)
    name = f"{display(DENSENET)}, devices on which NNAPI got more than one part of the graph"
    if why := evidence.lacking(instance):
        return [ClaimPart(name, Estimate(why=why), MOST)]
    rows = evidence.rows[evidence.rows["instance_id"] == instance].dropna(subset="partitions")
    if rows.empty:
        return [ClaimPart(name, Estimate(why="no log has the number of partitions"), MOST)]
    return [_share(name, rows["partitions"].astype(int) > 1)]


NNAPI_CLAIMS = [
    Claim(
        id="3a",
        text="NNAPI speeds up ResNet50, InceptionV3 and SqueezeNet a lot.",
        quote="the accelerating effect of NNAPI is very good for ResNet50, InceptionV3, and SqueezeNet",
        rule="speed-up over TFLite CPU over devices (geometric mean), on one device alone: over 1.5 for each "
        "model; the paper gives no number for very good, so this is our choice",
        unit=TIMES,
        find=partial(
            over_devices,
            pairs=[frameworks(model, TFLITE, NNAPI, VERY_GOOD) for model in ("resnet50", "inception_v3", "squeezenet")],
        ),
        **_FIGURE_6,
    ),
    Claim(
        id="3b",
        text="NNAPI helps MobileNetV2 and MnasNet little or not at all.",
        quote="Extra accelerator helps little for them",
        rule="speed-up over TFLite CPU over devices (geometric mean), on one device alone: under 1.25 for "
        "both models; the paper gives no number for little, so this is our choice",
        unit=TIMES,
        find=partial(
            over_devices, pairs=[frameworks(model, TFLITE, NNAPI, LITTLE) for model in ("mobilenet_v2", "mnasnet")]
        ),
        **_FIGURE_6,
    ),
    Claim(
        id="3c",
        text="On some devices, MobileNetV2 or MnasNet is slower with NNAPI.",
        quote="the performances with NNAPI even decrease on some devices",
        rule="speed-up over TFLite CPU on each device alone: under 1 / 1.05 for one of the two models "
        "on at least one device, or in the geometric mean over devices (5 % of time, our choice); it does not hold "
        "if it is over that for both on each",
        unit=TIMES,
        find=partial(
            on_each_device,
            pairs=[frameworks(model, TFLITE, NNAPI, SLOWER_BY_MATERIAL) for model in ("mobilenet_v2", "mnasnet")],
        ),
        needs=ANY,
        **_FIGURE_6,
    ),
    Claim(
        id="3d",
        text="On most devices, NNAPI makes DenseNet121 much slower.",
        quote="the NNAPI dramatically deteriorates its performance on most of devices",
        rule="share of devices on which it takes more than 1.5 times as long with NNAPI (the paper gives no number for "
        "dramatically, so this is our choice): over a half, with the exact binomial interval",
        unit=SHARE,
        find=_deteriorates,
        **_FIGURE_6,
    ),
    Claim(
        id="3e",
        text="DenseNet121 is split into parts, since NNAPI does not have all its operators.",
        quote="the model graph is partitioned into several sub-graphs, and the unsupported sub-graphs are ran on the "
        "CPU",
        rule="share of the devices that report it on which NNAPI was given more than one partition: over a half, with "
        "the exact binomial interval",
        unit=SHARE,
        find=_cut,
        **_FIGURE_6,
    ),
    Claim(
        id="3f",
        text="NNAPI does not always make inference faster.",
        quote="NNAPI does not always accelerate the inference",
        rule="speed-up over TFLite CPU on each device alone: under 1 / 1.05 for one of the six models "
        "on at least one device, or in the geometric mean over devices (5 % of time, our choice); it does not hold "
        "if it is over that for all on each",
        unit=TIMES,
        find=partial(on_each_device, pairs=[frameworks(model, TFLITE, NNAPI, SLOWER_BY_MATERIAL) for model in MODELS]),
        needs=ANY,
        **_FIGURE_6,
    ),
]
