"""Remark 1: "The same AI model on different platform has different accuracy." (Figure 4)"""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations

from aiot_analysis.stats.multiple import level
from aiot_analysis.stats.remarks.claim import CORRELATION, POINTS, SHARE, Claim, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence
from aiot_analysis.stats.remarks.fluctuation import BEYOND_NOISE, OWN_PATTERN, different, patterns, spread_apart
from aiot_analysis.stats.remarks.speed_ratios import CAFFE2, NNAPI, PYTORCH, TFLITE
from aiot_analysis.tables.names import IMPLEMENTATIONS, MODELS, PAPER_FLOAT32, display, instance_id

EQUAL = 2.0  # percentage points: differences that are surely smaller count as none
FRAMEWORKS = {"TFLite": [TFLITE, NNAPI], "PyTorch": [PYTORCH], "Caffe2": [CAFFE2]}

_FIGURE_4 = {"figure": "Figure 4", "notebook": "03_accuracy"}


def _all_of(implementations: list[str], model: str) -> list[str]:
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
        sizes = {pair: _size(first) for pair, first in measured.items()}
        widest_pair = max(sizes, key=lambda pair: (sizes[pair].low, sizes[pair].effect))
        high = max(first.high for first in sizes.values())
        name = f"{display(model)}, between {display(widest_pair[0])} and {display(widest_pair[1])}"
        chosen = sizes[widest_pair]
        widest = Estimate(chosen.effect, chosen.low, max(chosen.high, high), chosen.n_devices)
        same = evidence.same_weights(*dict.fromkeys(ids[first] for pair in measured for first in pair))
        untested = (
            f"its frameworks run the same weights ({same}), but each framework of the paper had its own" if same else ""
        )
        parts.append(ClaimPart(name, widest, (0.0, math.inf), refuted=(-math.inf, EQUAL), untested=untested))
    return parts


def _size(change: Estimate) -> Estimate:
    """Return the magnitude of a change."""
    ends = sorted(map(abs, (change.low, change.high)))
    low = 0.0 if change.low <= 0 <= change.high else ends[0]
    return Estimate(abs(change.effect), low, ends[1], change.n_devices)


ACCURACY_CLAIMS = [
    Claim(
        id="1a",
        text="The same model with the same framework has different accuracy on different devices.",
        quote="for the same model with the same framework, the accuracy fluctuates across different devices",
        rule=f"share of model and framework combinations {BEYOND_NOISE}",
        unit=SHARE,
        find=partial(different, instances=PAPER_FLOAT32, what="combinations"),
        **_FIGURE_4,
    ),
    Claim(
        id="1b",
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
                    f"TFLite's over {other}'s",
                    [(_all_of(FRAMEWORKS["TFLite"], model), _all_of(FRAMEWORKS[other], model)) for model in MODELS],
                )
                for other in ("PyTorch", "Caffe2")
            ],
            kind="model",
        ),
        **_FIGURE_4,
    ),
    Claim(
        id="1c",
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
                    f"InceptionV3's over {display(other)}'s",
                    [(_all_of([way], "inception_v3"), _all_of([way], other)) for way in IMPLEMENTATIONS],
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
        text="Each framework fluctuates in its own pattern.",
        quote="the fluctuating patterns are various depending on the framework and the model",
        rule=f"correlation over devices between the accuracies of one model in two implementations, {OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="the same model in two implementations",
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
        text="Each model fluctuates in its own pattern.",
        quote="the fluctuating patterns are various depending on the framework and the model",
        rule=f"correlation over devices between the accuracies of two models in one implementation, {OWN_PATTERN}",
        unit=CORRELATION,
        find=partial(
            patterns,
            name="two models in the same implementation",
            pairs=[
                (instance_id(implementation, "float32", first), instance_id(implementation, "float32", second))
                for implementation in IMPLEMENTATIONS
                for first, second in combinations(MODELS, 2)
            ],
        ),
        **_FIGURE_4,
    ),
]
