"""Claims on accuracy and quantization: Remark 1 (Figure 4) and Remark 5 (Figures 8 and 9)."""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

from aiot_analysis.stats.intervals import level
from aiot_analysis.stats.remarks.claim import CORRELATION, FASTER, POINTS, SHARE, TIMES, Claim, ClaimPart, Region
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence
from aiot_analysis.stats.remarks.fluctuation import (
    BEYOND_NOISE,
    OWN_PATTERN,
    patterns,
    share_of_different,
    spread_apart,
)
from aiot_analysis.stats.remarks.speed_claims import CAFFE2, NNAPI, PYTORCH, TFLITE, over_devices, quantizations
from aiot_analysis.tables.names import (
    IMPLEMENTATIONS,
    MODELS,
    PAPER_FLOAT32,
    PAPER_QUANTIZED,
    QUANTIZATIONS,
    display,
    instance_id,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EQUAL = 2.0  # percentage points: differences that are surely smaller count as none
FRAMEWORKS = {"TFLite": [TFLITE, NNAPI], "PyTorch": [PYTORCH], "Caffe2": [CAFFE2]}

_FIGURE_4 = {"figure": "Figure 4", "notebook": "03_accuracy"}


def _float32_instances(implementations: list[str], model: str) -> list[str]:
    """Return the float32 instances of a model in some implementations."""
    return [instance_id(implementation, "float32", model) for implementation in implementations]


def _frameworks_differ(evidence: Evidence) -> list[ClaimPart]:
    """Return a part per model: the difference between the two frameworks that are farthest apart."""
    pairs = list(combinations([TFLITE, PYTORCH, CAFFE2], 2))
    joint_level = level(len(pairs) * len(MODELS))
    parts = []
    for model in MODELS:
        ids = {first: instance_id(first, "float32", model) for first in (TFLITE, PYTORCH, CAFFE2)}
        changes = {
            (first, second): evidence.accuracy_change(ids[first], ids[second], joint_level, "weights")
            for first, second in pairs
        }
        measured = {pair: first for pair, first in changes.items() if not math.isnan(first.low)}
        if not measured:
            parts.append(ClaimPart(display(model), next(iter(changes.values())), (0.0, math.inf)))
            continue
        sizes = {pair: _magnitude(first) for pair, first in measured.items()}
        widest_pair = max(sizes, key=lambda pair: (sizes[pair].low, sizes[pair].effect))
        high = max(first.high for first in sizes.values())
        name = f"{display(model)}, between {display(widest_pair[0])} and {display(widest_pair[1])}"
        chosen = sizes[widest_pair]
        widest = Estimate(chosen.effect, chosen.low, max(chosen.high, high), chosen.n_devices)
        same = evidence.same_weights(*dict.fromkeys(ids[first] for pair in measured for first in pair))
        untested = (
            f"the frameworks run the same weights ({same}), but each framework of the paper had its own" if same else ""
        )
        parts.append(ClaimPart(name, widest, (0.0, math.inf), refuted=(-math.inf, EQUAL), untested=untested))
    return parts


def _magnitude(change: Estimate) -> Estimate:
    """Return the magnitude of a change."""
    ends = sorted(map(abs, (change.low, change.high)))
    low = 0.0 if change.low <= 0 <= change.high else ends[0]
    return Estimate(abs(change.effect), low, ends[1], change.n_devices)


ACCURACY_CLAIMS = [
    Claim(
        id="1a",
        short="Accuracy differs between devices",
        text="The same model with the same framework has different accuracy on different devices.",
        quote="for the same model with the same framework, the accuracy fluctuates across different devices",
        rule=f"share of model and framework combinations {BEYOND_NOISE}",
        unit=SHARE,
        find=partial(share_of_different, instances=PAPER_FLOAT32, what="combinations"),
        **_FIGURE_4,
    ),
    Claim(
        id="1b",
        short="TFLite fluctuates most",
        text="TFLite fluctuates most of the three frameworks.",
        quote="Overall Tenforflow Lite has more fluctuations among the three frameworks",
        rule="standard deviation of accuracy over devices, of TFLite (mean of CPU and NNAPI) minus that of the same "
        "model with PyTorch and with Caffe2, mean over the models that both have: over 0 for both, by a bootstrap over "
        "5 devices or more",
        unit=POINTS,
        find=partial(
            spread_apart,
            groups=[
                (
                    f"standard deviation, TFLite minus {other}",
                    [
                        (_float32_instances(FRAMEWORKS["TFLite"], model), _float32_instances(FRAMEWORKS[other], model))
                        for model in MODELS
                    ],
                )
                for other in ("PyTorch", "Caffe2")
            ],
            kind="model",
        ),
        **_FIGURE_4,
    ),
    Claim(
        id="1c",
        short="InceptionV3 fluctuates most",
        text="InceptionV3 fluctuates most of the six models.",
        quote="For the aspect of model, InceptionV3 has more fluctuations across different devices",
        rule="standard deviation of accuracy over devices, minus that of each other model with the same "
        "implementation, mean over the implementations that have both: over 0 for all five, by a bootstrap over 5 "
        "devices or more",
        unit=POINTS,
        find=partial(
            spread_apart,
            groups=[
                (
                    f"standard deviation, InceptionV3 minus {display(other)}",
                    [
                        (_float32_instances([way], "inception_v3"), _float32_instances([way], other))
                        for way in IMPLEMENTATIONS
                    ],
                )
                for other in MODELS
                if other != "inception_v3"
            ],
            kind="implementation",
        ),
        **_FIGURE_4,
    ),
    Claim(
        id="1d",
        short="Accuracy differs between frameworks",
        text="The same model has different accuracy with different frameworks.",
        quote="The same model with different framework has different accuracy",
        rule="for each model the largest difference in accuracy between two of the three frameworks on the same "
        "images: its interval does not include 0; a difference that is certainly under 2 points counts as none, our "
        "choice. Frameworks that run the same weights cannot refute it, since each framework of the paper had its own",
        unit=POINTS,
        find=_frameworks_differ,
        **_FIGURE_4,
    ),
    Claim(
        id="1e",
        short="Each framework has its own pattern",
        text="Each framework fluctuates in its own pattern.",
        quote="the fluctuating patterns are various depending on the framework and the model",
        rule=f"correlation over devices between the accuracies of one model in two implementations, {OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="correlation of one model in two implementations",
            pairs=[
                (instance_id(first, "float32", model), instance_id(second, "float32", model))
                for model in MODELS
                for first, second in combinations(IMPLEMENTATIONS, 2)
            ],
        ),
        **_FIGURE_4,
    ),
    Claim(
        id="1f",
        short="Each model has its own pattern",
        text="Each model fluctuates in its own pattern.",
        quote="the fluctuating patterns are various depending on the framework and the model",
        rule=f"correlation over devices between the accuracies of two models in one implementation, {OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="correlation of two models in one implementation",
            pairs=[
                (instance_id(implementation, "float32", first), instance_id(implementation, "float32", second))
                for implementation in IMPLEMENTATIONS
                for first, second in combinations(MODELS, 2)
            ],
        ),
        **_FIGURE_4,
    ),
]


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


def _best_quantization(implementation: str, best: str) -> partial[list[ClaimPart]]:
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
        short="Quantized models: accuracy differs between devices",
        text="The same model with the same quantization has different accuracy on different devices.",
        quote="For the same model with the same quantization, the accuracy fluctuates across different devices",
        rule=f"share of model, quantization and delegate combinations {BEYOND_NOISE}",
        unit=SHARE,
        find=partial(share_of_different, instances=PAPER_QUANTIZED, what="combinations"),
        **_FIGURE_8,
    ),
    Claim(
        id="5b",
        short="Each quantization has its own pattern",
        text="Each quantization of a model fluctuates in its own pattern.",
        quote="The fluctuating patterns are different for the same model with the different quantization",
        rule="correlation over devices between the accuracies of two quantizations of one model with one delegate, "
        f"{OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="correlation of two quantizations of one model",
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
        short="NNAPI's patterns differ from the CPU's",
        text="With NNAPI, accuracy fluctuates in different patterns from those on the CPU.",
        quote="The fluctuating patterns on CPU are different from NNAPI",
        rule="correlation over devices between the accuracies of one quantized model on the CPU and with NNAPI, "
        f"{OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="correlation of a quantized model on the CPU and with NNAPI",
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
        short="ResNet50, InceptionV3, MnasNet: quantizations differ little in accuracy",
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
        short="DenseNet121, SqueezeNet: INT8 much less accurate",
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
        short="MobileNetV2: float16 far less accurate",
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
        short="CPU: quantized models faster, two excepted",
        text="On the CPU, quantized models are faster than float32, except dynamic range with two light models.",
        quote="On CPU, quantization sqeedups the inference compared to float32 model generally, except dynamic range "
        "quantization of MobileNetV2 and MnasNet",
        rule=f"{_TIMES}: over 1 against float32, for each of the 16 others",
        find=_gains(TFLITE, SLOW_ON_CPU, only=False),
        **_FIGURE_9,
    ),
    Claim(
        id="5h",
        short="CPU: dynamic slow for MobileNetV2, MnasNet",
        text="On the CPU, dynamic range does not speed up MobileNetV2 and MnasNet.",
        quote="except dynamic range quantization of MobileNetV2 and MnasNet",
        rule=f"{_TIMES}: under 1.05 against float32 for both; the paper gives no number for no speed-up, so this is "
        "our choice",
        find=_gains(TFLITE, SLOW_ON_CPU, only=True, claimed=NO_FASTER),
        **_FIGURE_9,
    ),
    Claim(
        id="5i",
        short="CPU: INT8 is fastest of three quantizations",
        text="On the CPU, INT8 is the fastest of the three quantizations.",
        quote="Among the three quantization methods, full integer quantization achieves the best performance",
        rule=f"{_TIMES}: over 1 against dynamic and against float16, for each of the six models",
        find=_best_quantization(TFLITE, "int8"),
        **_FIGURE_9,
    ),
    Claim(
        id="5j",
        short="NNAPI: quantized no faster, two of DenseNet121 excepted",
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
        short="NNAPI: dynamic and INT8 speed up DenseNet121",
        text="With NNAPI, dynamic range and INT8 speed up DenseNet121.",
        quote="except dynamic range and full integer quantization of DenseNet121",
        rule=f"{_TIMES}: over 1 against float32 for both",
        find=_gains(NNAPI, FAST_ON_NNAPI, only=True),
        **_FIGURE_9,
    ),
    Claim(
        id="5l",
        short="NNAPI: dynamic is fastest of three quantizations",
        text="With NNAPI, dynamic range is the fastest of the three quantizations.",
        quote="Among the three quantization methods, dynamic range quantization achieves the best performance",
        rule=f"{_TIMES}: over 1 against INT8 and against float16, for each of the six models",
        find=_best_quantization(NNAPI, "dynamic"),
        **_FIGURE_9,
    ),
]
