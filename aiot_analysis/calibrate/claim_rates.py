"""Planted fleets for each claim of the paper: some in which it is false (null), some in which it is true (power).

A claim that requires all of its comparisons is false if one of them is at the boundary of what is claimed. The others
are then planted well inside the boundary, which makes a wrong "holds" most likely. A claim that requires one comparison
is false if none is inside; all are then planted at the boundary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from aiot_analysis.calibrate import plans
from aiot_analysis.calibrate.plant import FleetPlan, plant
from aiot_analysis.calibrate.rates import NULL, POWER, Counts, RateRow, Study, Target
from aiot_analysis.stats import remarks
from aiot_analysis.stats.remarks.claim import AS_CLAIMED, HOLDS

TRIALS = 100
"""Fleets per plan: if a claim holds in none of 100, the exact interval of the share ends at 3.6 %."""
AT_BOUNDARY = 200
"""Fleets per plan in which a false claim is expected to hold in nearly 5 % of the fleets."""
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
    trials: int = TRIALS

    @property
    def row(self) -> RateRow:
        name = self.name or f"{self.claim}-{'power' if self.target is POWER else 'null'}"
        return RateRow(name, self.words, "remarks", self.share_of or f"{self.claim} holds", self.target, self.note)


_EQUAL_BUT = "one comparison {}, the others well inside what is claimed"
_TEN = "10 % in each comparison"
_MORE = "2,000 images"
_TOO_FEW = "500 images do not show it, 2,000 do: see the row above"

PLANTED = [
    Planted("1a", "0.2 % of the answers flip from run to run", plans.NO_PATTERN),
    Planted("1a", "accuracy differs between devices by a standard deviation of 3 points", plans.OWN_PATTERNS, POWER),
    Planted("1b", "all frameworks fluctuate by a standard deviation of 3 points", plans.OWN_PATTERNS),
    Planted("1b", "TFLite alone fluctuates, by a standard deviation of 3 points", plans.TFLITE_PATTERN, POWER),
    Planted("1c", "all models fluctuate by a standard deviation of 3 points", plans.OWN_PATTERNS),
    Planted("1c", "InceptionV3 alone fluctuates, by a standard deviation of 3 points", plans.INCEPTION_PATTERN, POWER),
    Planted("1d", "equal accuracy for ResNet50, the other models well apart", plans.TFLITE_BEST),
    Planted("1d", "two frameworks 12 points apart for each model", plans.SOME_EFFECT, POWER),
    Planted("1e", "accuracies of any two instances correlate by 0.7 over devices", plans.SHARED_PATTERN),
    Planted("1e", "patterns without correlation, standard deviation 3 points", plans.OWN_PATTERNS, POWER),
    Planted("1f", "accuracies of any two instances correlate by 0.7 over devices", plans.SHARED_PATTERN),
    Planted("1f", "patterns without correlation, standard deviation 3 points", plans.OWN_PATTERNS, POWER),
    Planted("2a", _EQUAL_BUT.format("equal (DenseNet121 with TFLite)"), plans.TIMES_NULL),
    Planted("2a", _TEN, plans.TIMES_EFFECT, POWER),
    Planted("2b", "PyTorch as fast as TFLite, Caffe2 10 % faster", plans.TIMES_NULL),
    Planted("2b", "PyTorch and Caffe2 alike, and 10 % faster than TFLite", plans.TIMES_EFFECT, POWER),
    Planted("2c", _EQUAL_BUT.format("equal (Caffe2 and PyTorch for MnasNet)"), plans.TIMES_NULL),
    Planted("2c", _TEN, plans.TIMES_EFFECT, POWER),
    Planted("2d", "Caffe2 = PyTorch on all devices", plans.EQUAL),
    Planted("2d", "Caffe2 10 % faster on all devices", plans.SOME_EFFECT, POWER),
    Planted(
        "2e",
        "TFLite as fast as the best other one for each model, the two others far behind for three",
        plans.TFLITE_BEST,
    ),
    Planted("2e", "TFLite 10 % faster for one model and 10 % slower for another", plans.SOME_EFFECT, POWER),
    Planted("3a", _EQUAL_BUT.format("at 1.5 (SqueezeNet)"), plans.TIMES_NULL),
    Planted("3a", "1.65 times as fast, 10 % beyond 1.5", plans.TIMES_EFFECT, POWER),
    Planted("3b", _EQUAL_BUT.format("at 1.25 (MnasNet)"), plans.TIMES_NULL, trials=AT_BOUNDARY),
    Planted("3b", "1.14 times as fast, 10 % under 1.25", plans.TIMES_EFFECT, POWER),
    Planted("3c", "NNAPI = CPU on all devices", plans.EQUAL),
    Planted("3c", "NNAPI 10 % slower on all devices", plans.SOME_EFFECT, POWER),
    Planted("3d", "each device slower by 3 times with a chance of a half", plans.TIMES_NULL),
    Planted("3d", "1.65 times slower on all devices, 10 % beyond 1.5", plans.TIMES_EFFECT, POWER),
    Planted("3e", "each device cuts the graph with a chance of a half", plans.TIMES_NULL),
    Planted("3e", "all devices cut it", plans.TIMES_EFFECT, POWER),
    Planted("3f", "NNAPI = CPU on all devices", plans.EQUAL),
    Planted("3f", "NNAPI 10 % slower on all devices", plans.SOME_EFFECT, POWER),
    Planted(
        "4a",
        "times scatter around FLOPs so that 80 % of the pairs are in order",
        plans.COMPLEXITY_NULL,
        trials=AT_BOUNDARY,
    ),
    Planted("4a", "each model 10 % slower than the one with the next fewer FLOPs", plans.COMPLEXITY_EFFECT, POWER),
    Planted("4b", _EQUAL_BUT.format("equal (MnasNet with Caffe2)"), plans.COMPLEXITY_NULL),
    Planted("4b", _TEN, plans.COMPLEXITY_EFFECT, POWER),
    Planted("4c", _EQUAL_BUT.format("at 2 (MnasNet to DenseNet121)"), plans.COMPLEXITY_NULL),
    Planted("4c", "1.82 times as fast as DenseNet121, 10 % under 2", plans.COMPLEXITY_EFFECT, POWER),
    Planted("4d", "half as fast as each light model on all devices", plans.COMPLEXITY_NULL),
    Planted("4d", "0.55 times as fast, 10 % beyond a half, on all devices", plans.COMPLEXITY_EFFECT, POWER),
    Planted("4e", _EQUAL_BUT.format("equal (ResNet50)"), plans.COMPLEXITY_NULL),
    Planted("4e", "10 % against ResNet50 and InceptionV3, far against light models", plans.COMPLEXITY_EFFECT, POWER),
    Planted("5a", "0.2 % of the answers flip from run to run", plans.quantized(plans.NO_PATTERN)),
    Planted(
        "5a",
        "accuracy differs between devices by a standard deviation of 3 points",
        plans.quantized(plans.OWN_PATTERNS),
        POWER,
    ),
    Planted(
        "5b", "accuracies of any two instances correlate by 0.7 over devices", plans.quantized(plans.SHARED_PATTERN)
    ),
    Planted(
        "5b", "patterns without correlation, standard deviation 3 points", plans.quantized(plans.OWN_PATTERNS), POWER
    ),
    Planted(
        "5c", "accuracies of any two instances correlate by 0.7 over devices", plans.quantized(plans.SHARED_PATTERN)
    ),
    Planted(
        "5c", "patterns without correlation, standard deviation 3 points", plans.quantized(plans.OWN_PATTERNS), POWER
    ),
    Planted("5d", _EQUAL_BUT.format("at 3 points (ResNet50)"), plans.QUANTIZED_NULL),
    Planted("5d", f"equal accuracy, 3 points from the boundary, {_MORE}", plans.QUANTIZED_MORE_IMAGES, POWER),
    Planted("5e", _EQUAL_BUT.format("at 5 points (DenseNet121)"), plans.QUANTIZED_NULL),
    Planted("5e", f"8 points, 3 beyond the threshold, {_MORE}", plans.QUANTIZED_MORE_IMAGES, POWER),
    Planted("5f", "10 points", plans.QUANTIZED_NULL),
    Planted("5f", f"13 points, 3 beyond the threshold, {_MORE}", plans.QUANTIZED_MORE_IMAGES, POWER),
    Planted("5g", _EQUAL_BUT.format("equal (ResNet50, float16)"), plans.QUANTIZED_NULL),
    Planted("5g", _TEN, plans.QUANTIZED_EFFECT, POWER),
    Planted("5h", _EQUAL_BUT.format("at 1.05 (MobileNetV2)"), plans.QUANTIZED_NULL),
    Planted("5h", "0.95 times as fast, 10 % under 1.05", plans.QUANTIZED_EFFECT, POWER),
    Planted("5i", _EQUAL_BUT.format("equal (SqueezeNet, dynamic)"), plans.QUANTIZED_NULL),
    Planted("5i", _TEN, plans.QUANTIZED_EFFECT, POWER),
    Planted("5j", _EQUAL_BUT.format("at 1.05 (ResNet50, dynamic)"), plans.QUANTIZED_NULL),
    Planted("5j", "0.95 times as fast or less, 10 % under 1.05", plans.QUANTIZED_EFFECT, POWER),
    Planted("5k", _EQUAL_BUT.format("equal (INT8)"), plans.QUANTIZED_NULL),
    Planted("5k", _TEN, plans.QUANTIZED_EFFECT, POWER),
    Planted("5l", _EQUAL_BUT.format("equal (MnasNet, INT8)"), plans.QUANTIZED_NULL),
    Planted("5l", _TEN, plans.QUANTIZED_EFFECT, POWER),
    Planted("6a", "four pairs of devices with equal scores, the pairs 2 times apart", plans.EQUAL),
    Planted("6a", "eight devices, each 10 % faster than the next", plans.TIMES_EFFECT, POWER),
    Planted("6b", "four pairs of devices with equal scores, the pairs 2 times apart", plans.EQUAL),
    Planted("6b", "eight devices, each 10 % faster than the next", plans.TIMES_EFFECT, POWER),
]

PITFALLS = [
    Planted("3c", "NNAPI = CPU exactly, 8 devices", plans.EQUAL, name="nnapi-equal-3c"),
    Planted("3f", "NNAPI = CPU exactly, 8 devices", plans.EQUAL, name="nnapi-equal-3f"),
    Planted("3c", "the same without run-to-run deviation", plans.EQUAL_NO_RUNS, name="no-runs-3c"),
    Planted("3f", "the same without run-to-run deviation", plans.EQUAL_NO_RUNS, name="no-runs-3f"),
    Planted("2d", "Caffe2 = PyTorch, 8 devices", plans.EQUAL, name="caffe2-equal-2d"),
    Planted("2e", "all implementations equal, one device", plans.EQUAL_ONE_DEVICE, name="one-device-2e"),
    Planted(
        "2e",
        "all equal, instances 10 % slower at the end of a run, each run in an order of its own",
        plans.SLOWER_AT_END,
        name="slower-at-end-2e",
    ),
    Planted(
        "2e",
        "the same with one order for all devices",
        plans.SLOWER_AT_END_COMMON,
        None,
        name="common-order-2e",
        note="place in the run and instance cannot be told apart in such logs",
    ),
    Planted(
        "1a",
        "one combination on two devices, of which one has 4 of 500 answers less right",
        plans.ONE_COMBINATION,
        name="4-of-500-1a",
    ),
    Planted("1e", "no pattern: 0.2 % of the answers flip at random", plans.NO_PATTERN, name="no-pattern-1e"),
    Planted("1f", "no pattern: 0.2 % of the answers flip at random", plans.NO_PATTERN, name="no-pattern-1f"),
    Planted(
        "5b", "no pattern: 0.2 % of the answers flip at random", plans.quantized(plans.NO_PATTERN), name="no-pattern-5b"
    ),
    Planted(
        "5c", "no pattern: 0.2 % of the answers flip at random", plans.quantized(plans.NO_PATTERN), name="no-pattern-5c"
    ),
    Planted(
        "1b",
        "TFLite measured with ResNet50 alone, the others with MnasNet alone",
        plans.OTHER_MODELS,
        name="other-models-1b",
        share_of="a part of 1b as claimed",
    ),
]

FURTHER = [
    *(
        Planted(
            claim,
            f"as {claim}-power, with 500 images",
            plans.QUANTIZED_EFFECT,
            None,
            name=f"500-images-{claim}",
            note=_TOO_FEW,
        )
        for claim in ("5d", "5e", "5f")
    ),
    Planted(
        "1d",
        "two frameworks 3 points apart for each model",
        plans.FRAMEWORKS_APART,
        None,
        name="3-points-1d",
        note="files with weights of their own disagree on a quarter of the images, and 500 images tell 12 points",
    ),
    Planted("6a", "as 6a-null, runs that deviate as a whole", plans.DEVICES_ALIKE, name="shared-6a-null"),
    Planted("6b", "as 6b-null, runs that deviate as a whole", plans.DEVICES_ALIKE, name="shared-6b-null"),
    Planted("6a", "as 6a-power, runs that deviate as a whole", plans.DEVICES_APART, POWER, name="shared-6a-power"),
    Planted("6b", "as 6b-power, runs that deviate as a whole", plans.DEVICES_APART, POWER, name="shared-6b-power"),
]


def holds(plan: FleetPlan, asked: Sequence[Planted], rng: np.random.Generator) -> dict[str, Counts]:
    """Plant one fleet and count for each row whether its claim holds (or has a part as claimed)."""
    fleet = plant(plan, rng)
    parts = remarks.parts(fleet.instances, fleet.images, ids={planted.claim for planted in asked})
    verdict = remarks.verdicts(parts).set_index("id")["verdict"]
    supported = set(parts.loc[parts["state"] == AS_CLAIMED, "id"])
    return {
        planted.row.name: (int(planted.claim in supported if planted.share_of else verdict[planted.claim] == HOLDS), 1)
        for planted in asked
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
        trials = max(planted.trials if planted.target else SHOWN_ONLY for planted in claims)
        yield Study(tuple(planted.row for planted in claims), partial(holds, plan, tuple(claims)), trials)
