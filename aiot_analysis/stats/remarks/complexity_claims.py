"""Remark 4: "Model complexity does affect the inference time, but the implementation is also important." (Figure 7)"""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from aiot_analysis.stats import ratios
from aiot_analysis.stats.multiple import level
from aiot_analysis.stats.remarks.claim import ANY, SHARE, TIMES, Claim, ClaimPart
from aiot_analysis.stats.remarks.evidence import Estimate, Evidence, share
from aiot_analysis.stats.remarks.speed_ratios import (  # fmt: skip
    CAFFE2,
    HEAVY,
    LIGHT,
    NNAPI,
    PYTORCH,
    TFLITE,
    models,
    on_each_device,
    over_devices,
)
from aiot_analysis.tables import paper
from aiot_analysis.tables.names import MODELS, display, instance_id

ALMOST = 0.8  # smallest share of the pairs of models
APART = 1.1  # smallest ratio of FLOPs of compared models: the paper calls MobileNetV2 close to MnasNet, 5 % apart
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
        lacking_models = ", ".join(display(model) for model, item in ids.items() if not evidence.has(item))
        return [ClaimPart(name, Estimate(why=f"{why}: {lacking_models}"), claimed)]
    pairs = ordered_pairs()
    if why := next((why for pair in pairs if (why := evidence.refused(*(ids[item] for item in pair)))), ""):
        return [ClaimPart(name, Estimate(why=why), claimed)]
    ms = evidence.ms[list(ids.values())].dropna()
    if ms.empty:
        return [ClaimPart(name, Estimate(why="no device has all six models"), claimed)]
    shares = np.mean([ms[ids[more]] > ms[ids[fewer]] for more, fewer in pairs], axis=0)
    if len(ms) > 1:
        effect, low, high = ratios.mean_over_devices(shares)
        if why := ratios.too_few_devices(pd.Series(shares, ms.index)):
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
        text="With TFLite on the CPU, models with more FLOPs nearly always take longer.",
        quote="With the implementation of Tensorflow Lite CPU, it is almost true that the model with more FLOPs takes "
        "more inference time",
        rule="share of the pairs of models, 10 % or more apart in Table II's FLOPs, that are in the order of their "
        "FLOPs, mean over devices (on one device, by its intervals): over 80 %; the paper gives no number "
        "for almost, so this is our choice",
        unit=SHARE,
        find=_concordance,
        **_FIGURE_7,
    ),
    Claim(
        id="4b",
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
