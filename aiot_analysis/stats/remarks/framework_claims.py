"""Remark 2: "There is no one-size-fits-all solution for AI frameworks on mobile devices." (Figure 5)"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from aiot_analysis.stats.multiple import level
from aiot_analysis.stats.remarks.claim import ANY, FASTER, TIMES, Claim, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence
from aiot_analysis.stats.remarks.speed_ratios import (
    CAFFE2,
    FASTER_BY_MATERIAL,
    HEAVY,
    PYTORCH,
    TFLITE,
    frameworks,
    on_each_device,
    over_devices,
)
from aiot_analysis.tables.names import MODELS, display, instance_id

CLOSE = (0.8, 1.25)
SLIGHTLY = (1.0, 1.5)
THREE = [TFLITE, PYTORCH, CAFFE2]

_FIGURE_5 = {"figure": "Figure 5", "unit": TIMES, "notebook": "04_frameworks"}
_RULE = "speed-up over devices (geometric mean), on one device alone"


def _beaten(evidence: Evidence) -> list[ClaimPart]:
    """Return a part per framework: the framework and model that beat it most clearly."""
    joint_level = level(len(THREE) * (len(THREE) - 1) * len(MODELS))
    parts = []
    for framework in THREE:
        ahead: list[tuple[str, Estimate]] = []
        for other in (other for other in THREE if other != framework):
            for model in MODELS:
                slow, fast = (instance_id(side, "float32", model) for side in (framework, other))
                ahead.append((f"{display(other)} for {display(model)}", evidence.speed_up(slow, fast, joint_level)))
        name, clearest = max(ahead, key=lambda pair: -1.0 if math.isnan(pair[1].low) else pair[1].low)
        upper_ends = [numbers.high for _, numbers in ahead if not math.isnan(numbers.high)]
        # a comparison without a number may be one that it loses
        if upper_ends and clearest.low <= FASTER[0] and len(upper_ends) < len(ahead):
            why = next(numbers.why for _, numbers in ahead if math.isnan(numbers.high))
            parts.append(
                ClaimPart(f"{display(framework)} is not behind any measured framework", Estimate(why=why), FASTER)
            )
            continue
        if upper_ends:  # it is behind none only if no interval reaches above 1
            clearest = replace(clearest, high=max(upper_ends))
        parts.append(ClaimPart(f"{display(framework)} is behind {name}", clearest, FASTER))
    return parts


FRAMEWORK_CLAIMS = [
    Claim(
        id="2a",
        text="PyTorch Mobile is the fastest for ResNet50, InceptionV3 and DenseNet121.",
        quote="for ResNet50, InceptionV3, and DenseNet121, Pytorch Mobile achieves the best performance",
        rule=f"{_RULE}: over 1 against TFLite CPU and against Caffe2, for each of the three models",
        find=partial(
            over_devices, pairs=[frameworks(model, slow, PYTORCH) for model in HEAVY for slow in (TFLITE, CAFFE2)]
        ),
        **_FIGURE_5,
    ),
    Claim(
        id="2b",
        text="For SqueezeNet, PyTorch Mobile and Caffe2 are close, and slightly faster than TFLite.",
        quote="for SqueezeNet, Pytorch Mobile and Caffe2 achieve close performance, slightly better than Tensorflow "
        "Lite",
        rule=f"{_RULE}: 0.8 to 1.25 between the two (close), and 1 to 1.5 of each against TFLite CPU (slightly "
        "better); the paper gives no number for either word, so these are our choices",
        find=partial(
            over_devices,
            pairs=[
                frameworks("squeezenet", CAFFE2, PYTORCH, CLOSE),
                frameworks("squeezenet", TFLITE, PYTORCH, SLIGHTLY),
                frameworks("squeezenet", TFLITE, CAFFE2, SLIGHTLY),
            ],
        ),
        **_FIGURE_5,
    ),
    Claim(
        id="2c",
        text="TFLite is the fastest and PyTorch Mobile the slowest for MobileNetV2 and MnasNet.",
        quote="for MobileNetV2 and MnasNet, Tensorflow Lite achieves the best performance, and Pytorch Mobile "
        "achieves the worst",
        rule=f"{_RULE}: over 1 of TFLite CPU against both others and of Caffe2 against PyTorch, for both models",
        find=partial(
            over_devices,
            pairs=[
                frameworks(model, slow, fast)
                for model in ("mobilenet_v2", "mnasnet")
                for slow, fast in ((PYTORCH, TFLITE), (CAFFE2, TFLITE), (PYTORCH, CAFFE2))
            ],
        ),
        **_FIGURE_5,
    ),
    Claim(
        id="2d",
        text="On some devices, Caffe2 is faster than PyTorch Mobile for ResNet50.",
        quote="there are some devices on which ResNet50 with Caffe2 performs better than Pytorch Mobile",
        rule="speed-up on each device alone: over 1.05 on at least one, or in the geometric mean over them (5 % of "
        "time, our choice); it "
        "does not hold if it is under 1.05 on each",
        find=partial(on_each_device, pairs=[frameworks("resnet50", PYTORCH, CAFFE2, FASTER_BY_MATERIAL)]),
        needs=ANY,
        **_FIGURE_5,
    ),
    Claim(
        id="2e",
        text="No framework is the fastest for all models.",
        quote="There is no one-size-fits-all solution for AI frameworks on mobile devices",
        rule=f"{_RULE}: over 1 for some other framework and model, against each of the three frameworks",
        find=_beaten,
        **_FIGURE_5,
    ),
]
