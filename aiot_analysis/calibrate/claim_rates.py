"""Error rates of the claims: the fleets planted for them, in which a claim is false or true."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from aiot_analysis.calibrate.plant import FLIPS, RUN_SD, FleetPlan, plant
from aiot_analysis.calibrate.rates import NULL, POWER, Counts, RateRow, Study, Target
from aiot_analysis.stats import remarks
from aiot_analysis.stats.remarks.claim import AS_CLAIMED, HOLDS
from aiot_analysis.stats.remarks.speed_claims import ALMOST, CAFFE2, HEAVY, LIGHT, NNAPI, PYTORCH, TFLITE, ordered_pairs
from aiot_analysis.tables import paper
from aiot_analysis.tables.names import MODELS, PAPER, PAPER_FLOAT32, PAPER_QUANTIZED, QUANTIZATIONS, instance_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

EFFECT = 1.1
"""Planted effect on times: a difference of 10%."""
POINTS = 3.0
"""Planted effect on accuracy, and standard deviation over devices of a planted pattern, in percentage points."""
SHOWN_BY_ONE_RUN = 1.12
"""Ratio of the scores of two devices that one run of each shows where runs deviate as a whole."""
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
    """Return speeds such that each model is 10% faster than the one with the next higher FLOPs."""
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
DEVICES_FURTHER_APART = replace(DEVICES_ALIKE, device_speed=[SHOWN_BY_ONE_RUN**place for place in range(8)])

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


TRIALS = 80
"""Fleets per plan with false claims: if a claim holds in none of 80, the exact interval of the share ends at 4.5%."""
POWER_TRIALS = 60
"""Fleets per plan with true claims alone: if a claim holds in 55 of 60, the exact interval starts at 81.6%."""
AT_BOUNDARY = 200
"""Fleets per plan in which a false claim is expected to hold in nearly 5% of the fleets."""
SHOWN_ONLY = 40
"""Fleets per plan for which no row has a target."""


@dataclass(frozen=True)
class Planted:
    """Fleet planted for a claim, as text and as a plan."""

    claim: str
    words: str
    plan: FleetPlan
    target: Target | None = NULL
    note: str = ""
    name: str = ""  # name of the row; "" for the standard rows of a claim, such as 2a-null and 2a-power
    share_of: str = ""
    at_least: int = 0

    @property
    def trials(self) -> int:
        """Number of fleets that the row needs."""
        standard = {NULL: TRIALS, POWER: POWER_TRIALS, None: SHOWN_ONLY}[self.target]
        return max(standard, self.at_least)

    @property
    def row(self) -> RateRow:
        name = self.name or f"{self.claim}-{'power' if self.target is POWER else 'null'}"
        return RateRow(name, self.words, "remarks", self.share_of or f"{self.claim} holds", self.target, self.note)


_EQUAL_BUT = "one comparison {}, the others well inside what is claimed"
_TEN = "10% in each comparison"
_MORE = "2,000 images"
_TOO_FEW = "500 images do not show it, 2,000 do: see the row above"

PLANTED = [
    Planted("1a", "0.2% of the answers flip from run to run", NO_PATTERN),
    Planted("1a", "accuracy differs between devices by a standard deviation of 3 points", OWN_PATTERNS, POWER),
    Planted("1b", "all frameworks fluctuate by a standard deviation of 3 points", OWN_PATTERNS),
    Planted("1b", "TFLite alone fluctuates, by a standard deviation of 3 points", TFLITE_PATTERN, POWER),
    Planted("1c", "all models fluctuate by a standard deviation of 3 points", OWN_PATTERNS),
    Planted("1c", "InceptionV3 alone fluctuates, by a standard deviation of 3 points", INCEPTION_PATTERN, POWER),
    Planted("1d", "equal accuracy for ResNet50, the other models well apart", TFLITE_BEST),
    Planted("1d", "two frameworks 12 points apart for each model", SOME_EFFECT, POWER),
    Planted("1e", "accuracies of any two instances correlate by 0.7 over devices", SHARED_PATTERN),
    Planted("1e", "patterns without correlation, standard deviation 3 points", OWN_PATTERNS, POWER),
    Planted("1f", "accuracies of any two instances correlate by 0.7 over devices", SHARED_PATTERN),
    Planted("1f", "patterns without correlation, standard deviation 3 points", OWN_PATTERNS, POWER),
    Planted("2a", _EQUAL_BUT.format("equal (DenseNet121 with TFLite)"), TIMES_NULL),
    Planted("2a", _TEN, TIMES_EFFECT, POWER),
    Planted("2b", "PyTorch as fast as TFLite, Caffe2 10% faster", TIMES_NULL),
    Planted("2b", "PyTorch and Caffe2 alike, and 10% faster than TFLite", TIMES_EFFECT, POWER),
    Planted("2c", _EQUAL_BUT.format("equal (Caffe2 and PyTorch for MnasNet)"), TIMES_NULL),
    Planted("2c", _TEN, TIMES_EFFECT, POWER),
    Planted("2d", "Caffe2 = PyTorch on all devices", EQUAL),
    Planted("2d", "Caffe2 10% faster on all devices", SOME_EFFECT, POWER),
    Planted(
        "2e",
        "TFLite as fast as the best other one for each model, the two others far behind for three",
        TFLITE_BEST,
    ),
    Planted("2e", "TFLite 10% faster for one model and 10% slower for another", SOME_EFFECT, POWER),
    Planted("3a", _EQUAL_BUT.format("at 1.5 (SqueezeNet)"), TIMES_NULL),
    Planted("3a", "1.65 times as fast, 10% beyond 1.5", TIMES_EFFECT, POWER),
    Planted("3b", _EQUAL_BUT.format("at 1.25 (MnasNet)"), TIMES_NULL, at_least=AT_BOUNDARY),
    Planted("3b", "1.14 times as fast, 10% under 1.25", TIMES_EFFECT, POWER),
    Planted("3c", "NNAPI = CPU on all devices", EQUAL),
    Planted("3c", "NNAPI 10% slower on all devices", SOME_EFFECT, POWER),
    Planted("3d", "each device slower by 3 times with a chance of a half", TIMES_NULL),
    Planted("3d", "1.65 times slower on all devices, 10% beyond 1.5", TIMES_EFFECT, POWER),
    Planted("3e", "each device cuts the graph with a chance of a half", TIMES_NULL),
    Planted("3e", "all devices cut it", TIMES_EFFECT, POWER),
    Planted("3f", "NNAPI = CPU on all devices", EQUAL),
    Planted("3f", "NNAPI 10% slower on all devices", SOME_EFFECT, POWER),
    Planted(
        "4a",
        "times scatter around FLOPs so that 80% of the pairs are in order",
        COMPLEXITY_NULL,
        at_least=AT_BOUNDARY,
    ),
    Planted("4a", "each model 10% slower than the one with the next fewer FLOPs", COMPLEXITY_EFFECT, POWER),
    Planted("4b", _EQUAL_BUT.format("equal (MnasNet with Caffe2)"), COMPLEXITY_NULL),
    Planted("4b", _TEN, COMPLEXITY_EFFECT, POWER),
    Planted("4c", _EQUAL_BUT.format("at 2 (MnasNet to DenseNet121)"), COMPLEXITY_NULL),
    Planted("4c", "1.82 times as fast as DenseNet121, 10% under 2", COMPLEXITY_EFFECT, POWER),
    Planted("4d", "half as fast as each light model on all devices", COMPLEXITY_NULL),
    Planted("4d", "0.55 times as fast, 10% beyond a half, on all devices", COMPLEXITY_EFFECT, POWER),
    Planted("4e", _EQUAL_BUT.format("equal (ResNet50)"), COMPLEXITY_NULL),
    Planted("4e", "10% against ResNet50 and InceptionV3, far against light models", COMPLEXITY_EFFECT, POWER),
    Planted("5a", "0.2% of the answers flip from run to run", quantized(NO_PATTERN)),
    Planted(
        "5a",
        "accuracy differs between devices by a standard deviation of 3 points",
        quantized(OWN_PATTERNS),
        POWER,
    ),
    Planted("5b", "accuracies of any two instances correlate by 0.7 over devices", quantized(SHARED_PATTERN)),
    Planted("5b", "patterns without correlation, standard deviation 3 points", quantized(OWN_PATTERNS), POWER),
    Planted("5c", "accuracies of any two instances correlate by 0.7 over devices", quantized(SHARED_PATTERN)),
    Planted("5c", "patterns without correlation, standard deviation 3 points", quantized(OWN_PATTERNS), POWER),
    Planted("5d", _EQUAL_BUT.format("at 3 points (ResNet50)"), QUANTIZED_NULL),
    Planted("5d", f"equal accuracy, 3 points from the boundary, {_MORE}", QUANTIZED_MORE_IMAGES, POWER),
    Planted("5e", _EQUAL_BUT.format("at 5 points (DenseNet121)"), QUANTIZED_NULL),
    Planted("5e", f"8 points, 3 beyond the threshold, {_MORE}", QUANTIZED_MORE_IMAGES, POWER),
    Planted("5f", "10 points", QUANTIZED_NULL),
    Planted("5f", f"13 points, 3 beyond the threshold, {_MORE}", QUANTIZED_MORE_IMAGES, POWER),
    Planted("5g", _EQUAL_BUT.format("equal (ResNet50, float16)"), QUANTIZED_NULL),
    Planted("5g", _TEN, QUANTIZED_EFFECT, POWER),
    Planted("5h", _EQUAL_BUT.format("at 1.05 (MobileNetV2)"), QUANTIZED_NULL),
    Planted("5h", "0.95 times as fast, 10% under 1.05", QUANTIZED_EFFECT, POWER),
    Planted("5i", _EQUAL_BUT.format("equal (SqueezeNet, dynamic)"), QUANTIZED_NULL),
    Planted("5i", _TEN, QUANTIZED_EFFECT, POWER),
    Planted("5j", _EQUAL_BUT.format("at 1.05 (ResNet50, dynamic)"), QUANTIZED_NULL),
    Planted("5j", "0.95 times as fast or less, 10% under 1.05", QUANTIZED_EFFECT, POWER),
    Planted("5k", _EQUAL_BUT.format("equal (INT8)"), QUANTIZED_NULL),
    Planted("5k", _TEN, QUANTIZED_EFFECT, POWER),
    Planted("5l", _EQUAL_BUT.format("equal (MnasNet, INT8)"), QUANTIZED_NULL),
    Planted("5l", _TEN, QUANTIZED_EFFECT, POWER),
    Planted("6a", "four pairs of devices with equal scores, the pairs 2 times apart", EQUAL),
    Planted("6a", "eight devices, each 10% faster than the next", TIMES_EFFECT, POWER),
    Planted("6b", "four pairs of devices with equal scores, the pairs 2 times apart", EQUAL),
    Planted("6b", "eight devices, each 10% faster than the next", TIMES_EFFECT, POWER),
]

PITFALLS = [
    Planted("3c", "NNAPI = CPU exactly, 8 devices", EQUAL, name="nnapi-equal-3c"),
    Planted("3f", "NNAPI = CPU exactly, 8 devices", EQUAL, name="nnapi-equal-3f"),
    Planted("3c", "the same without run-to-run deviation", EQUAL_NO_RUNS, name="no-runs-3c"),
    Planted("3f", "the same without run-to-run deviation", EQUAL_NO_RUNS, name="no-runs-3f"),
    Planted("2d", "Caffe2 = PyTorch, 8 devices", EQUAL, name="caffe2-equal-2d"),
    Planted("2e", "all implementations equal, one device", EQUAL_ONE_DEVICE, name="one-device-2e"),
    Planted(
        "2e",
        "all equal, instances 10% slower at the end of a run, each run in an order of its own",
        SLOWER_AT_END,
        name="slower-at-end-2e",
    ),
    Planted(
        "2e",
        "the same with one order for all devices",
        SLOWER_AT_END_COMMON,
        None,
        name="common-order-2e",
        note="place in the run and instance cannot be told apart in such logs",
    ),
    Planted(
        "1a",
        "one combination on two devices, of which one has 4 of 500 answers less right",
        ONE_COMBINATION,
        name="4-of-500-1a",
    ),
    Planted("1e", "no pattern: 0.2% of the answers flip at random", NO_PATTERN, name="no-pattern-1e"),
    Planted("1f", "no pattern: 0.2% of the answers flip at random", NO_PATTERN, name="no-pattern-1f"),
    Planted("5b", "no pattern: 0.2% of the answers flip at random", quantized(NO_PATTERN), name="no-pattern-5b"),
    Planted("5c", "no pattern: 0.2% of the answers flip at random", quantized(NO_PATTERN), name="no-pattern-5c"),
    Planted(
        "1b",
        "TFLite measured with ResNet50 alone, the others with MnasNet alone",
        OTHER_MODELS,
        name="other-models-1b",
        share_of="a part of 1b as claimed",
    ),
]

FURTHER = [
    *(
        Planted(
            claim,
            f"as {claim}-power, with 500 images",
            QUANTIZED_EFFECT,
            None,
            name=f"500-images-{claim}",
            note=_TOO_FEW,
        )
        for claim in ("5d", "5e", "5f")
    ),
    Planted(
        "1d",
        "two frameworks 3 points apart for each model",
        FRAMEWORKS_APART,
        None,
        name="3-points-1d",
        note="files with weights of their own disagree on a quarter of the images, and 500 images tell 12 points",
    ),
    Planted("6a", "as 6a-null, runs that deviate as a whole", DEVICES_ALIKE, name="shared-6a-null"),
    Planted("6b", "as 6b-null, runs that deviate as a whole", DEVICES_ALIKE, name="shared-6b-null"),
    *(
        Planted(
            claim,
            f"as {claim}-power, runs that deviate as a whole",
            DEVICES_APART,
            None,
            name=f"shared-{claim}-10",
            note="a run that deviates as a whole hides some differences of 10% and shows those of 12%: see the last "
            "rows",
        )
        for claim in ("6a", "6b")
    ),
    *(
        Planted(
            claim,
            "eight devices, each 12% faster than the next, runs that deviate as a whole",
            DEVICES_FURTHER_APART,
            POWER,
            name=f"shared-{claim}-power",
        )
        for claim in ("6a", "6b")
    ),
]


def holds(plan: FleetPlan, claims: Sequence[Planted], rng: np.random.Generator) -> dict[str, Counts]:
    """Plant one fleet and count for each row whether its claim holds (or has a part as claimed)."""
    fleet = plant(plan, rng)
    parts = remarks.parts(fleet.instances, fleet.images, ids={planted.claim for planted in claims})
    verdict = remarks.verdicts(parts).set_index("id")["verdict"]
    supported = set(parts.loc[parts["state"] == AS_CLAIMED, "id"])
    return {
        planted.row.name: (int(planted.claim in supported if planted.share_of else verdict[planted.claim] == HOLDS), 1)
        for planted in claims
    }


def claim_studies() -> Iterator[Study]:
    """Yield one study per plan, with the rows of all claims that use it."""
    by_plan: list[tuple[FleetPlan, list[Planted]]] = []
    for planted in [*PITFALLS, *PLANTED, *FURTHER]:
        claims_of_plan = next((claims for plan, claims in by_plan if plan == planted.plan), None)
        if claims_of_plan is None:
            by_plan.append((planted.plan, [planted]))
        else:
            claims_of_plan.append(planted)
    for plan, claims in by_plan:
        trials = max(planted.trials for planted in claims)
        yield Study(tuple(planted.row for planted in claims), partial(holds, plan, tuple(claims)), trials)
