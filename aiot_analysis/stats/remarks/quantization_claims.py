"""Remark 5: "There is also no one-size-fits-all solution for model quantization." (Figures 8 and 9)"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

from aiot_analysis.stats.multiple import level
from aiot_analysis.stats.remarks.claim import CORRELATION, FASTER, POINTS, SHARE, TIMES, Claim, ClaimPart, Region
from aiot_analysis.stats.remarks.evidence import Evidence
from aiot_analysis.stats.remarks.fluctuation import BEYOND_NOISE, OWN_PATTERN, different, patterns
from aiot_analysis.stats.remarks.speed_ratios import NNAPI, TFLITE, over_devices, quantizations
from aiot_analysis.tables.names import MODELS, PAPER_QUANTIZED, QUANTIZATIONS, display, instance_id

THREE = QUANTIZATIONS[1:]
BOTH = [TFLITE, NNAPI]
SMALL = (-3.0, 3.0)  # percentage points
MUCH_LOWER = (-math.inf, -5.0)
EXTREMELY = (-math.inf, -10.0)
NO_FASTER = (0.0, 1.05)

_FIGURE_8 = {"figure": "Figure 8", "notebook": "07_quantization"}
_FIGURE_9 = {"figure": "Figure 9", "unit": TIMES, "notebook": "07_quantization"}
_TIMES = "speed-up over devices (geometric mean), on one device alone"
_CHANGE = "change in accuracy on the same images, mean over devices, with CPU and, where there is one, with NNAPI"


class QuantizationChange(NamedTuple):
    """The accuracy of one quantization of a model minus that of another."""

    model: str
    base: str
    other: str


def _changes(evidence: Evidence, changes: Sequence[QuantizationChange], claimed: Region) -> list[ClaimPart]:
    """Return a part per change and delegate, in percentage points; those missing only with NNAPI are optional."""
    together = level(len(changes) * len(BOTH))
    parts = []
    for implementation in BOTH:
        for item in changes:
            base, other = (
                instance_id(implementation, quantization, item.model) for quantization in (item.base, item.other)
            )
            name = f"{display(item.model)}, {display(implementation)}, {display(item.other)} minus {display(item.base)}"
            change = evidence.accuracy_change(base, other, together)
            parts.append(ClaimPart(name, change, claimed, optional=implementation == NNAPI))
    return parts


def _gains(
    implementation: str, but: Sequence[tuple[str, str]], only: bool, claimed: Region = FASTER
) -> partial[list[ClaimPart]]:
    """Return a finder for each quantization against float32, without those in `but` or, if `only`, for those alone."""
    pairs = [
        (model, quantization) for model in MODELS for quantization in THREE if ((model, quantization) in but) == only
    ]
    return partial(
        over_devices,
        pairs=[quantizations(implementation, model, "float32", quantization, claimed) for model, quantization in pairs],
    )


def _best(implementation: str, best: str) -> partial[list[ClaimPart]]:
    """Return a finder for one quantization against the two others, for each model."""
    others = [quantization for quantization in THREE if quantization != best]
    return partial(
        over_devices,
        pairs=[quantizations(implementation, model, quantization, best) for model in MODELS for quantization in others],
    )


SLOW_ON_CPU = [("mobilenet_v2", "dynamic"), ("mnasnet", "dynamic")]
FAST_ON_NNAPI = [("densenet121", "dynamic"), ("densenet121", "int8")]

QUANTIZATION_CLAIMS = [
    Claim(
        id="5a",
        text="The same model with the same quantization has different accuracy on different devices.",
        quote="For the same model with the same quantization, the accuracy fluctuates across different devices",
        rule=f"share of model, quantization and delegate combinations {BEYOND_NOISE}",
        unit=SHARE,
        find=partial(different, instances=PAPER_QUANTIZED, what="combinations"),
        **_FIGURE_8,
    ),
    Claim(
        id="5b",
        text="Each quantization of a model fluctuates in its own pattern.",
        quote="The fluctuating patterns are different for the same model with the different quantization",
        rule="correlation over devices between the accuracies of two quantizations of one model with one delegate, "
        f"{OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="two quantizations of one model",
            pairs=[
                (instance_id(implementation, first, model), instance_id(implementation, second, model))
                for implementation in BOTH
                for model in MODELS
                for first, second in combinations(THREE, 2)
            ],
        ),
        **_FIGURE_8,
    ),
    Claim(
        id="5c",
        text="With NNAPI, accuracy fluctuates in different patterns from those on the CPU.",
        quote="The fluctuating patterns on CPU are different from NNAPI",
        rule="correlation over devices between the accuracies of one quantized model on the CPU and with NNAPI, "
        f"{OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="a quantized model on the CPU and with NNAPI",
            pairs=[
                (instance_id(TFLITE, quantization, model), instance_id(NNAPI, quantization, model))
                for model in MODELS
                for quantization in THREE
            ],
        ),
        **_FIGURE_8,
    ),
    Claim(
        id="5d",
        text="For ResNet50, InceptionV3 and MnasNet the quantizations differ little in accuracy.",
        quote="For ResNet50, InceptionV3, and MnasNet, the absolute value of difference between different "
        "quantization is small",
        rule=f"{_CHANGE}: within 3 points of 0 between each two quantizations; the paper gives no number for small, "
        "so this is our choice",
        unit=POINTS,
        find=partial(
            _changes,
            changes=[
                QuantizationChange(model, base, other)
                for model in ("resnet50", "inception_v3", "mnasnet")
                for base, other in combinations(THREE, 2)
            ],
            claimed=SMALL,
        ),
        **_FIGURE_8,
    ),
    Claim(
        id="5e",
        text="For DenseNet121 and SqueezeNet INT8 is much less accurate than the two other quantizations.",
        quote="for DenseNet121 and SqueezeNet, the accuracy of full integer quantization is much lower than the other "
        "two quantization methods",
        rule=f"{_CHANGE}: more than 5 points lower than dynamic and than float16; the paper gives no number for much, "
        "so this is our choice",
        unit=POINTS,
        find=partial(
            _changes,
            changes=[
                QuantizationChange(model, base, "int8")
                for model in ("densenet121", "squeezenet")
                for base in ("dynamic", "float16")
            ],
            claimed=MUCH_LOWER,
        ),
        **_FIGURE_8,
    ),
    Claim(
        id="5f",
        text="Float16 makes MobileNetV2 far less accurate.",
        quote="For MobileNetV2, float16 quantization extremely hurts the accuracy",
        rule=f"{_CHANGE}: more than 10 points lower than float32; the paper gives no number for extremely, so this is "
        "our choice",
        unit=POINTS,
        find=partial(_changes, changes=[QuantizationChange("mobilenet_v2", "float32", "float16")], claimed=EXTREMELY),
        **_FIGURE_8,
    ),
    Claim(
        id="5g",
        text="On the CPU, quantized models are faster than float32, except dynamic range with two light models.",
        quote="On CPU, quantization sqeedups the inference compared to float32 model generally, except dynamic range "
        "quantization of MobileNetV2 and MnasNet",
        rule=f"{_TIMES}: over 1 against float32, for each of the 16 others",
        find=_gains(TFLITE, SLOW_ON_CPU, only=False),
        **_FIGURE_9,
    ),
    Claim(
        id="5h",
        text="On the CPU, dynamic range does not speed up MobileNetV2 and MnasNet.",
        quote="except dynamic range quantization of MobileNetV2 and MnasNet",
        rule=f"{_TIMES}: under 1.05 against float32 for both; the paper gives no number for no speed-up, so this is "
        "our choice",
        find=_gains(TFLITE, SLOW_ON_CPU, only=True, claimed=NO_FASTER),
        **_FIGURE_9,
    ),
    Claim(
        id="5i",
        text="On the CPU, INT8 is the fastest of the three quantizations.",
        quote="Among the three quantization methods, full integer quantization achieves the best performance",
        rule=f"{_TIMES}: over 1 against dynamic and against float16, for each of the six models",
        find=_best(TFLITE, "int8"),
        **_FIGURE_9,
    ),
    Claim(
        id="5j",
        text="With NNAPI, quantized models are no faster than float32, except two of DenseNet121.",
        quote="With NNAPI, quantization does not sqeedup the inference compared to float32 model except dynamic range "
        "and full integer quantization of DenseNet121",
        rule=f"{_TIMES}: under 1.05 against float32, for each of the 16 others; the paper gives no number for no "
        "speed-up, so this is our choice",
        find=_gains(NNAPI, FAST_ON_NNAPI, only=False, claimed=NO_FASTER),
        **_FIGURE_9,
    ),
    Claim(
        id="5k",
        text="With NNAPI, dynamic range and INT8 speed up DenseNet121.",
        quote="except dynamic range and full integer quantization of DenseNet121",
        rule=f"{_TIMES}: over 1 against float32 for both",
        find=_gains(NNAPI, FAST_ON_NNAPI, only=True),
        **_FIGURE_9,
    ),
    Claim(
        id="5l",
        text="With NNAPI, dynamic range is the fastest of the three quantizations.",
        quote="Among the three quantization methods, dynamic range quantization achieves the best performance",
        rule=f"{_TIMES}: over 1 against INT8 and against float16, for each of the six models",
        find=_best(NNAPI, "dynamic"),
        **_FIGURE_9,
    ),
]
