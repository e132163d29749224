"""Plans of the fleets planted for the claims, in which a claim is false, or true with a stated effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from aiot_analysis.calibrate.plant import FLIPS, RUN_SD, FleetPlan
from aiot_analysis.stats.remarks.complexity_claims import ALMOST, ordered_pairs
from aiot_analysis.stats.remarks.speed_ratios import CAFFE2, HEAVY, LIGHT, NNAPI, PYTORCH, TFLITE
from aiot_analysis.tables import paper
from aiot_analysis.tables.names import MODELS, PAPER, PAPER_FLOAT32, PAPER_QUANTIZED, QUANTIZATIONS, instance_id

EFFECT = 1.1
"""Planted effect on times: a difference of 10 %."""
POINTS = 3.0
"""Planted effect on accuracy, and standard deviation over devices of a planted pattern, in percentage points."""
FAR = 2.0
"""Ratio of speeds in comparisons whose outcome should be beyond doubt."""


def _ids(implementation: str, models: Iterable[str] = MODELS, quantization: str = "float32") -> list[str]:
    return [instance_id(implementation, quantization, model) for model in models]


def _all(value: float, instances: Iterable[str]) -> dict[str, float]:
    return dict.fromkeys(instances, value)


def _by_model(implementation: str, values: Mapping[str, float], quantization: str = "float32") -> dict[str, float]:
    """Return values by model as values by instance id."""
    return {instance_id(implementation, quantization, model): value for model, value in values.items()}


CPU = [*_ids(TFLITE), *_ids(PYTORCH), *_ids(CAFFE2)]
TFLITE_FLOAT32 = [*_ids(TFLITE), *_ids(NNAPI)]
TFLITE_EVERY = [*TFLITE_FLOAT32, *PAPER_QUANTIZED]
DENSENET_NNAPI = instance_id(NNAPI, "float32", "densenet121")


def _frameworks_apart(points: float) -> dict[str, float]:
    return {**_all(0.7 + points / 200, _ids(PYTORCH)), **_all(0.7 - points / 200, _ids(CAFFE2))}


# Times with each framework and with NNAPI; one fleet serves several claims if they use different comparisons
EQUAL = FleetPlan(PAPER_FLOAT32, device_speed=[1, 1, 2, 2, 4, 4, 8, 8])
TIMES_NULL = FleetPlan(
    PAPER_FLOAT32,
    speed={
        **_by_model(PYTORCH, {"resnet50": FAR, "inception_v3": FAR}),
        **_by_model(TFLITE, {"mobilenet_v2": FAR**2, "mnasnet": FAR**2}),
        **_by_model(CAFFE2, {"densenet121": 1 / FAR, "squeezenet": EFFECT, "mobilenet_v2": FAR}),
        **_by_model(NNAPI, {"resnet50": 3.0, "inception_v3": 3.0, "squeezenet": 1.5}),
        **_by_model(NNAPI, {"mobilenet_v2": FAR**2, "mnasnet": 1.25 * FAR**2}),
    },
    speed_on_share={DENSENET_NNAPI: (0.5, 1 / 3)},
    pieces_on_share={DENSENET_NNAPI: 0.5},
)
TIMES_EFFECT = FleetPlan(
    PAPER_FLOAT32,
    speed={
        **_all(EFFECT, _ids(PYTORCH, [*HEAVY, "squeezenet"])),
        **_all(EFFECT, _ids(CAFFE2, LIGHT)),
        **_all(EFFECT**2, _ids(TFLITE, ["mobilenet_v2", "mnasnet"])),
        **_all(1.5 * EFFECT, _ids(NNAPI, ["resnet50", "inception_v3", "squeezenet"])),
        **_all(1.25 * EFFECT, _ids(NNAPI, ["mobilenet_v2", "mnasnet"])),  # relative to TFLite's EFFECT**2
        DENSENET_NNAPI: 1 / (1.5 * EFFECT),
    },
    pieces_on_share={DENSENET_NNAPI: 1.0},
    device_speed=[EFFECT**place for place in range(8)],
)
SOME_EFFECT = FleetPlan(
    PAPER_FLOAT32,
    speed={
        **_by_model(CAFFE2, {"resnet50": EFFECT}),
        **_by_model(TFLITE, {"densenet121": EFFECT, "inception_v3": 1 / EFFECT}),
        **_all(1 / EFFECT, _ids(NNAPI)),
        **_by_model(NNAPI, {"densenet121": 1.0, "inception_v3": 1 / EFFECT**2}),
    },
    accuracy=_frameworks_apart(12.0),
)
TFLITE_BEST = FleetPlan(
    CPU,
    speed={**_all(1 / FAR, _ids(PYTORCH, HEAVY)), **_all(1 / FAR, _ids(CAFFE2, LIGHT))},
    accuracy={**_all(0.55, _ids(PYTORCH, MODELS[1:])), **_all(0.85, _ids(CAFFE2, MODELS[1:]))},
)


# Remark 4
def _flops_speeds() -> dict[str, float]:
    flops = paper.models().set_index("model")["flops_millions"]
    return _by_model(TFLITE, {model: float(flops[MODELS[0]] / flops[model]) for model in MODELS})


def _in_order() -> dict[str, float]:
    """Return speeds such that each model is 10 % faster than the one with the next higher FLOPs."""
    flops = paper.models().set_index("model")["flops_millions"]
    models = sorted(MODELS, key=lambda model: -float(flops[model]))
    return _by_model(TFLITE, {model: EFFECT**place for place, model in enumerate(models)})


def spread_for(share: float) -> float:
    """Return the spread of times at which, on average, `share` of the ordered pairs of models are in order of FLOPs.

    The spread is the standard deviation of the logarithm of times around a time proportional to FLOPs.
    """
    flops = paper.models().set_index("model")["flops_millions"]
    log_ratios = np.array([np.log(flops[larger] / flops[smaller]) for larger, smaller in ordered_pairs()])
    return float(brentq(lambda sd: norm.cdf(log_ratios / (np.sqrt(2) * sd)).mean() - share, 0.01, 100.0))


COMPLEXITY_NULL = FleetPlan(
    PAPER_FLOAT32,
    speed={
        **_flops_speeds(),
        **_by_model(PYTORCH, {"squeezenet": FAR, "mobilenet_v2": 1 / 1.2, "densenet121": 1 / FAR}),
        **_all(1 / FAR, _ids(CAFFE2, [*HEAVY, "mobilenet_v2"])),
        **_by_model(NNAPI, {"inception_v3": 0.5, "resnet50": 0.25, "densenet121": 0.25}),
    },
    speed_spread=_all(spread_for(ALMOST), _ids(TFLITE)),
)
COMPLEXITY_EFFECT = FleetPlan(
    PAPER_FLOAT32,
    speed={
        **_in_order(),
        **_by_model(PYTORCH, {"squeezenet": EFFECT, "densenet121": EFFECT / 2}),
        **_by_model(CAFFE2, {"squeezenet": EFFECT}),
        **_by_model(NNAPI, {"inception_v3": 0.5 * EFFECT, "resnet50": 0.5 * EFFECT, "densenet121": 0.5}),
    },
)

# Remark 5: times with both delegates, and accuracies, for claims that do not interfere with each other
_NO_FASTER = 1.05
QUANTIZED_NULL = FleetPlan(
    TFLITE_EVERY,
    speed={
        **_all(FAR, [instance for way in ("dynamic", "float16") for instance in _ids(TFLITE, MODELS, way)]),
        **_all(FAR**2, _ids(TFLITE, MODELS, "int8")),
        **_by_model(TFLITE, {"mobilenet_v2": _NO_FASTER, "mnasnet": 0.8}, "dynamic"),
        **_by_model(TFLITE, {"resnet50": 1.0}, "float16"),
        **_by_model(TFLITE, {"squeezenet": FAR}, "int8"),
        **_all(0.8, _ids(NNAPI, MODELS, "dynamic")),
        **_all(0.4, [instance for way in ("int8", "float16") for instance in _ids(NNAPI, MODELS, way)]),
        **_by_model(NNAPI, {"resnet50": _NO_FASTER, "densenet121": FAR}, "dynamic"),
        **_by_model(NNAPI, {"densenet121": 1.0, "mnasnet": 0.8}, "int8"),
    },
    accuracy={
        instance_id(delegate, quantization, model): value
        for delegate in (TFLITE, NNAPI)
        for (quantization, model), value in {
            ("dynamic", "resnet50"): 0.715,
            ("int8", "resnet50"): 0.685,
            ("float16", "densenet121"): 0.8,
            ("int8", "densenet121"): 0.65,
            ("int8", "squeezenet"): 0.5,
            ("float16", "mobilenet_v2"): 0.6,
        }.items()
    },
)
QUANTIZED_EFFECT = FleetPlan(
    TFLITE_EVERY,
    speed={
        **_all(EFFECT, [instance for way in ("dynamic", "float16") for instance in _ids(TFLITE, MODELS, way)]),
        **_all(EFFECT**2, _ids(TFLITE, MODELS, "int8")),
        **_all(_NO_FASTER / EFFECT, _ids(TFLITE, ["mobilenet_v2", "mnasnet"], "dynamic")),
        **_all(_NO_FASTER / EFFECT, _ids(NNAPI, MODELS, "dynamic")),
        **_all(
            _NO_FASTER / EFFECT**2, [instance for way in ("int8", "float16") for instance in _ids(NNAPI, MODELS, way)]
        ),
        **_by_model(NNAPI, {"densenet121": EFFECT**2}, "dynamic"),
        **_by_model(NNAPI, {"densenet121": EFFECT}, "int8"),
    },
    accuracy={
        instance_id(delegate, quantization, model): value
        for delegate in (TFLITE, NNAPI)
        for (quantization, model), value in {
            ("int8", "densenet121"): 0.7 - (5 + POINTS) / 100,
            ("int8", "squeezenet"): 0.7 - (5 + POINTS) / 100,
            ("float16", "mobilenet_v2"): 0.7 - (10 + POINTS) / 100,
        }.items()
    },
)

# More images, for accuracy claims whose effect 500 images do not show
QUANTIZED_MORE_IMAGES = replace(
    QUANTIZED_EFFECT,
    instances=[
        *_ids(TFLITE, ["mobilenet_v2"]),
        *_ids(NNAPI, ["mobilenet_v2"]),
        *(
            instance_id(delegate, quantization, model)
            for delegate in (TFLITE, NNAPI)
            for quantization in QUANTIZATIONS[1:]
            for model in MODELS
        ),
    ],
    images=2000,
)

# Accuracy that varies over devices, with two sessions per device so that a device can be compared with itself
_TWICE = FleetPlan(PAPER_FLOAT32, sessions=2, flips=FLIPS)
NO_PATTERN = _TWICE
OWN_PATTERNS = replace(_TWICE, pattern_points=_all(POINTS, PAPER))
SHARED_PATTERN = replace(OWN_PATTERNS, pattern_shared=0.7)
TFLITE_PATTERN = replace(_TWICE, pattern_points=_all(POINTS, TFLITE_FLOAT32))
INCEPTION_PATTERN = replace(
    _TWICE, pattern_points={instance: POINTS for instance in PAPER_FLOAT32 if instance.endswith("_inception_v3")}
)


def quantized(plan: FleetPlan) -> FleetPlan:
    """Return the plan with the paper's 36 quantized instances."""
    return replace(plan, instances=PAPER_QUANTIZED)


FRAMEWORKS_APART = FleetPlan(CPU, accuracy=_frameworks_apart(POINTS))

# Scores of devices with a run-to-run deviation that all instances of a run share
DEVICES_ALIKE = replace(EQUAL, run_sd=0.0, shared_sd=RUN_SD)
DEVICES_APART = replace(DEVICES_ALIKE, device_speed=TIMES_EFFECT.device_speed)

# Pitfalls: data that the statistics once mistook for evidence
EQUAL_NO_RUNS = replace(EQUAL, instances=TFLITE_FLOAT32, run_sd=0.0)
EQUAL_ONE_DEVICE = FleetPlan(PAPER_FLOAT32, devices=1)
SLOWER_AT_END = FleetPlan(PAPER_FLOAT32, slower_at_end=0.1)
SLOWER_AT_END_COMMON = replace(SLOWER_AT_END, common_order=True)
ONE_COMBINATION = FleetPlan(
    _ids(TFLITE, ["resnet50"]), devices=2, lost_answers=dict.fromkeys(_ids(TFLITE, ["resnet50"]), 4)
)
OTHER_MODELS = FleetPlan(
    [*_ids(TFLITE, ["resnet50"]), *_ids(PYTORCH, ["mnasnet"]), *_ids(CAFFE2, ["mnasnet"])],
    pattern_points=_all(POINTS, _ids(TFLITE, ["resnet50"])),
    flips=FLIPS,
)
