"""Claims on speed: Remarks 2 (frameworks), 3 (NNAPI) and 4 (complexity)."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from aiot_analysis.stats import latency
from aiot_analysis.stats.accuracy import clopper_pearson
from aiot_analysis.stats.intervals import level
from aiot_analysis.stats.remarks.claim import ANY, AS_CLAIMED, FASTER, SHARE, TIMES, Claim, ClaimPart, Region
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence, share
from aiot_analysis.tables import paper
from aiot_analysis.tables.names import MODELS, display, instance_id

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAVY, LIGHT = ["resnet50", "inception_v3", "densenet121"], ["squeezenet", "mobilenet_v2", "mnasnet"]
TFLITE, NNAPI, PYTORCH, CAFFE2 = "tflite_cpu", "tflite_nnapi", "pytorch_cpu", "caffe2_cpu"


MATERIAL = 0.05
"""Smallest difference in time, as a share, for an instance to count as faster or slower on a device in claims about
some devices. Within it, two runs of the same thing count as equal.
"""
FASTER_BY_MATERIAL: Region = (1 + MATERIAL, math.inf)
SLOWER_BY_MATERIAL: Region = (0.0, 1 / (1 + MATERIAL))


class SpeedPair(NamedTuple):
    """Two instances, and the claimed region of how many times as fast as `slow` the instance `fast` is."""

    name: str
    slow: str
    fast: str
    claimed: Region = FASTER


def frameworks(model: str, slow: str, fast: str, claimed: Region = FASTER) -> SpeedPair:
    """Return the comparison of two implementations of one model in float32."""
    name = f"{display(model)}, {display(fast)} against {display(slow)}"
    return SpeedPair(name, instance_id(slow, "float32", model), instance_id(fast, "float32", model), claimed)


def models(implementation: str, slow: str, fast: str, claimed: Region = FASTER) -> SpeedPair:
    """Return the comparison of two models in one implementation, float32."""
    name = f"{display(implementation)}, {display(fast)} against {display(slow)}"
    base, other = (instance_id(implementation, "float32", model) for model in (slow, fast))
    return SpeedPair(name, base, other, claimed)


def quantizations(implementation: str, model: str, slow: str, fast: str, claimed: Region = FASTER) -> SpeedPair:
    """Return the comparison of two quantizations of one model."""
    name = f"{display(model)}, {display(fast)} against {display(slow)}"
    base, other = (instance_id(implementation, quantization, model) for quantization in (slow, fast))
    return SpeedPair(name, base, other, claimed)


def over_devices(evidence: Evidence, pairs: Sequence[SpeedPair]) -> list[ClaimPart]:
    """Return one part per pair: the geometric mean over devices, or the value of the only device.

    The intervals have a joint confidence of 95%.
    """
    joint_level = level(len(pairs))
    return [ClaimPart(pair.name, evidence.speed_up(pair.slow, pair.fast, joint_level), pair.claimed) for pair in pairs]


def on_each_device(evidence: Evidence, pairs: Sequence[SpeedPair]) -> list[ClaimPart]:
    """Return one part per pair and device, each with the interval of that device; their joint confidence is 95%.

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


CLOSE = (0.8, 1.25)
SLIGHTLY = (1.0, 1.5)
THREE = [TFLITE, PYTORCH, CAFFE2]

_FIGURE_5 = {"figure": "Figure 5", "unit": TIMES, "notebook": "04_frameworks"}
_RULE = "speed-up over devices (geometric mean), on one device alone"


def _clearest_loser(evidence: Evidence) -> list[ClaimPart]:
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
        short="Heavy models: PyTorch is the fastest",
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
        short="SqueezeNet: PyTorch and Caffe2 slightly ahead",
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
        short="MobileNetV2, MnasNet: TFLite fastest, PyTorch slowest",
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
        short="ResNet50: Caffe2 beats PyTorch on some devices",
        text="On some devices, Caffe2 is faster than PyTorch Mobile for ResNet50.",
        quote="there are some devices on which ResNet50 with Caffe2 performs better than Pytorch Mobile",
        rule="speed-up on each device alone: over 1.05 on at least one, or in the geometric mean over them (5% of "
        "time, our choice); it "
        "does not hold if it is under 1.05 on each",
        find=partial(on_each_device, pairs=[frameworks("resnet50", PYTORCH, CAFFE2, FASTER_BY_MATERIAL)]),
        needs=ANY,
        **_FIGURE_5,
    ),
    Claim(
        id="2e",
        short="No framework is fastest for all models",
        text="No framework is the fastest for all models.",
        quote="There is no one-size-fits-all solution for AI frameworks on mobile devices",
        rule=f"{_RULE}: over 1 for some other framework and model, against each of the three frameworks",
        find=_clearest_loser,
        **_FIGURE_5,
    ),
]


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


def _nnapi_slows_densenet(evidence: Evidence) -> list[ClaimPart]:
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
        short="NNAPI: ResNet50, InceptionV3, SqueezeNet much faster",
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
        short="NNAPI: MobileNetV2, MnasNet gain little or nothing",
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
        short="NNAPI: MobileNetV2 or MnasNet slower on some devices",
        text="On some devices, MobileNetV2 or MnasNet is slower with NNAPI.",
        quote="the performances with NNAPI even decrease on some devices",
        rule="speed-up over TFLite CPU on each device alone: under 1 / 1.05 for one of the two models "
        "on at least one device, or in the geometric mean over devices (5% of time, our choice); it does not hold "
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
        short="NNAPI: DenseNet121 much slower on most devices",
        text="On most devices, NNAPI makes DenseNet121 much slower.",
        quote="the NNAPI dramatically deteriorates its performance on most of devices",
        rule="share of devices on which it takes more than 1.5 times as long with NNAPI (the paper gives no number for "
        "dramatically, so this is our choice): over a half, with the exact binomial interval",
        unit=SHARE,
        find=_nnapi_slows_densenet,
        **_FIGURE_6,
    ),
    Claim(
        id="3e",
        short="DenseNet121 is split between NNAPI and CPU",
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
        short="NNAPI is not always faster",
        text="NNAPI does not always make inference faster.",
        quote="NNAPI does not always accelerate the inference",
        rule="speed-up over TFLite CPU on each device alone: under 1 / 1.05 for one of the six models "
        "on at least one device, or in the geometric mean over devices (5% of time, our choice); it does not hold "
        "if it is over that for all on each",
        unit=TIMES,
        find=partial(on_each_device, pairs=[frameworks(model, TFLITE, NNAPI, SLOWER_BY_MATERIAL) for model in MODELS]),
        needs=ANY,
        **_FIGURE_6,
    ),
]


ALMOST = 0.8  # smallest share of the pairs of models
APART = 1.1  # smallest ratio of FLOPs of compared models: the paper calls MobileNetV2 close to MnasNet, 5% apart
CLOSE_TO_HEAVY = (0.5, 2.0)
AT_MOST_TWICE = (0.5, math.inf)  # times as fast as a light model

_FIGURE_7 = {"figure": "Figure 7", "notebook": "06_complexity"}


def ordered_pairs() -> list[tuple[str, str]]:
    """Return the pairs of the paper's models whose FLOPs (Table II) differ by more than APART, the larger one first."""
    flops = paper.models().set_index("model")["flops_millions"]
    pairs = [
        (first, second) if flops[first] > flops[second] else (second, first)
        for first, second in combinations(MODELS, 2)
    ]
    return [(more, fewer) for more, fewer in pairs if flops[more] > APART * flops[fewer]]


def _concordance(evidence: Evidence) -> list[ClaimPart]:
    """Return the share of pairs of models in which the one with more FLOPs takes longer, for TFLite CPU."""
    name = f"{display(TFLITE)}, pairs of models in the order of their FLOPs"
    claimed = (ALMOST, math.inf)
    ids = {model: instance_id(TFLITE, "float32", model) for model in MODELS}
    if why := evidence.lacking(*ids.values()):
        return [ClaimPart(name, Estimate(why=why), claimed)]
    pairs = ordered_pairs()
    if why := next((why for pair in pairs if (why := evidence.refused(*(ids[item] for item in pair)))), ""):
        return [ClaimPart(name, Estimate(why=why), claimed)]
    ms = evidence.ms[list(ids.values())].dropna()
    if ms.empty:
        return [ClaimPart(name, Estimate(why="no device has all six models"), claimed)]
    shares = np.mean([ms[ids[more]] > ms[ids[fewer]] for more, fewer in pairs], axis=0)
    if len(ms) > 1:
        effect, low, high = latency.mean_over_devices(shares)
        if why := latency.too_few_devices(pd.Series(shares, ms.index)):
            return [ClaimPart(name, Estimate(effect, n_devices=len(ms), why=why), claimed)]
        return [ClaimPart(name, share(float(effect), low, high, len(pairs) * len(ms), len(ms)), claimed)]
    joint_level = level(len(pairs))
    estimates = [evidence.speed_up(ids[more], ids[fewer], joint_level) for more, fewer in pairs]
    surely, never = (
        np.mean(flags) for flags in ([item.low > 1 for item in estimates], [item.high < 1 for item in estimates])
    )
    all_scatter_known = all(np.isfinite([item.low for item in estimates]))
    if not all_scatter_known:
        return [ClaimPart(name, Estimate(why="no scatter of times is known"), claimed)]
    return [ClaimPart(name, share(float(shares[0]), float(surely), 1 - float(never), len(pairs), 1), claimed)]


COMPLEXITY_CLAIMS = [
    Claim(
        id="4a",
        short="TFLite CPU: more FLOPs take longer",
        text="With TFLite on the CPU, models with more FLOPs nearly always take longer.",
        quote="With the implementation of Tensorflow Lite CPU, it is almost true that the model with more FLOPs takes "
        "more inference time",
        rule="share of the pairs of models, 10% or more apart in Table II's FLOPs, that are in the order of their "
        "FLOPs, mean over devices (on one device, by its intervals): over 80%; the paper gives no number "
        "for almost, so this is our choice",
        unit=SHARE,
        find=_concordance,
        **_FIGURE_7,
    ),
    Claim(
        id="4b",
        short="PyTorch, Caffe2: SqueezeNet is the fastest",
        text="SqueezeNet is the fastest model with PyTorch Mobile and with Caffe2, though not the smallest in FLOPs.",
        quote="Although its FLOPs is not the fewest, SqueezeNet takes fewest inference time with Pytorch Mobile as "
        "well as Caffe2",
        rule="speed-up over each other model over devices (geometric mean), on one device alone: over 1 for "
        "all five, with both frameworks",
        unit=TIMES,
        find=partial(
            over_devices,
            pairs=[
                models(framework, slow, "squeezenet")
                for framework in (PYTORCH, CAFFE2)
                for slow in MODELS
                if slow != "squeezenet"
            ],
        ),
        **_FIGURE_7,
    ),
    Claim(
        id="4c",
        short="PyTorch: MobileNetV2, MnasNet as slow as heavy",
        text="With PyTorch Mobile, MobileNetV2 and MnasNet take about as long as the three heavy models.",
        quote="For Pytorch Mobile, although with much fewer FLOPs, MobileNetV2 and MnasNet have close performance to "
        "the three heavy-weight networks",
        rule="speed-up over each heavy model over devices (geometric mean), on one device alone: 0.5 to 2, "
        "where FLOPs differ by 8.9 times and more; the paper gives no number for close, so this is our choice",
        unit=TIMES,
        find=partial(
            over_devices,
            pairs=[
                models(PYTORCH, slow, fast, CLOSE_TO_HEAVY) for fast in ("mobilenet_v2", "mnasnet") for slow in HEAVY
            ],
        ),
        **_FIGURE_7,
    ),
    Claim(
        id="4d",
        short="NNAPI: InceptionV3 close to light models",
        text="With NNAPI, InceptionV3 comes close to light models on some devices.",
        quote="With Tensorflow Lite NNAPI, InceptionV3, who has the most FLOPs, achieves close performance to "
        "light-weight networks on some devices",
        rule="speed of InceptionV3 over that of a light model on each device alone: over 0.5 for one of the three "
        "on at least one device, or in the geometric mean over devices; it does not hold if it is under 0.5 for all on "
        "each; the paper gives no number for close, so this is our choice",
        unit=TIMES,
        find=partial(on_each_device, pairs=[models(NNAPI, light, "inception_v3", AT_MOST_TWICE) for light in LIGHT]),
        needs=ANY,
        **_FIGURE_7,
    ),
    Claim(
        id="4e",
        short="NNAPI: DenseNet121 is the slowest",
        text="With NNAPI, DenseNet121 is the slowest model, though not the largest in FLOPs.",
        quote="while DenseNet121, whose FLOPs is not the most, achieves the worst performance",
        rule="speed-up of each other model over it over devices (geometric mean), on one device alone: over "
        "1 for all five",
        unit=TIMES,
        find=partial(
            over_devices,
            pairs=[models(NNAPI, "densenet121", fast) for fast in MODELS if fast != "densenet121"],
        ),
        **_FIGURE_7,
    ),
]
