"""Remarks 2 to 6 translated to the profile jobs that Qualcomm AI Hub published (see `published_speed`).

The paper compares TFLite, PyTorch Mobile and Caffe2 on the CPU, and TFLite through NNAPI. AI Hub runs TFLite, ONNX
Runtime and QNN, nearly always on the NPU. A claim about a framework, a precision or a unit that AI Hub lacks is
translated where another one plays the same part, and otherwise not judged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aiot_analysis.stats import latency, variance
from aiot_analysis.stats import published_speed as speed
from aiot_analysis.stats.accuracy import clopper_pearson
from aiot_analysis.stats.intervals import level
from aiot_analysis.stats.published_claims import TranslatedClaim
from aiot_analysis.stats.published_speed import FLOAT, NPU, PAPER_NETWORKS, RUNTIMES, W8A8, W8A16
from aiot_analysis.stats.remarks import accuracy_claims, speed_claims, vips_claims
from aiot_analysis.stats.remarks.claim import FASTER, ClaimPart, Region
from aiot_analysis.stats.remarks.evidence import Estimate, share
from aiot_analysis.tables import names
from aiot_analysis.words import CONFIDENCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NETWORKS = list(PAPER_NETWORKS.values())
STAND_INS = "AI Hub has SqueezeNet 1.1 and MnasNet 0.5 in place of 1.0, and InceptionV3 with images of 224 pixels"
NO_CPU = "AI Hub publishes no float times on the CPU"
_NO_FRAMEWORK = "AI Hub runs neither PyTorch Mobile nor Caffe2"
_ONE_DEVICE = "AI Hub measured accuracies on one device only"
_NO_DYNAMIC = "AI Hub has no dynamic range quantization"
_ON_CPU = (
    "the runtime changes together with the unit, the precision is an integer one, and only the devices count on which "
    "ONNX Runtime fell back to the CPU"
)

File = tuple[str, str, str]
"""Runtime, precision and network."""


class Jobs:
    """The profile jobs of devices with jobs of their own, for comparing files.

    Takes the arguments of `translated`; the accuracies are those of all devices.
    """

    def __init__(self, rows: pd.DataFrame, everything: pd.DataFrame, run_to_run: float = variance.RUN_TO_RUN) -> None:
        self.rows = speed.independent(rows)
        self.everything = everything
        self.run_to_run = run_to_run

    def times(self, file: File, unit: str = NPU) -> pd.Series:
        """Return the times of a file in ms by device, where the unit ran most of it."""
        framework, precision, model = file
        rows = self.rows[(self.rows["framework"] == framework) & (self.rows["quantization"] == precision)]
        rows = rows[(rows["model"] == model) & (rows["unit"] == unit)]
        return rows.set_index("device_id")["latency_ms"].astype(float)

    def logs(self, slow: File, fast: File, slow_unit: str = NPU) -> pd.Series:
        """Return the log of how many times as fast as `slow` the file `fast` is, on each device that has both."""
        return (self.times(slow, slow_unit) / self.times(fast)).dropna().map(math.log)

    def over_devices(self, slow: File, fast: File, joint_level: float, slow_unit: str = NPU) -> Estimate:
        """Return how many times as fast `fast` is: geometric mean over devices, or the value of a single device."""
        logs = self.logs(slow, fast, slow_unit)
        if logs.empty:
            return Estimate(why="no device has both")
        if len(logs) == 1:
            return next(iter(self.on_each(slow, fast, joint_level, slow_unit).values()))
        effect, low, high = np.exp(speed.mean_of_logs(logs.to_numpy(), self.run_to_run, joint_level))
        return Estimate(effect, low, high, len(logs), latency.too_few_devices(np.exp(logs)))

    def on_each(self, slow: File, fast: File, joint_level: float, slow_unit: str = NPU) -> dict[str, Estimate]:
        """Return the same for each device alone, with the allowance for two jobs as its interval."""
        logs = self.logs(slow, fast, slow_unit)
        error = np.full(len(logs), 2 * variance.standard_deviation(self.run_to_run) ** 2)
        low, high = variance.interval_of_parts(logs.to_numpy(), [error], [np.full(len(logs), np.inf)], joint_level)
        ratios = np.exp(np.array([logs, low, high])).T.tolist()
        return {
            str(device): Estimate(ratio, lowest, highest, 1)
            for device, (ratio, lowest, highest) in zip(logs.index, ratios, strict=True)
        }


def translated(
    rows: pd.DataFrame, everything: pd.DataFrame, run_to_run: float = variance.RUN_TO_RUN
) -> list[TranslatedClaim]:
    """Return every claim of Remarks 2 to 6, translated to the profile jobs or with the reason why it cannot be.

    Takes the arguments of `published_speed.with_accuracy`. All intervals of a claim have a joint confidence of 95%.
    """
    jobs = Jobs(rows, everything, run_to_run)
    return [*_frameworks(jobs), *_accelerator(jobs), *_complexity(jobs), *_quantization(jobs), *_score(jobs)]


def _part(
    jobs: Jobs, name: str, slow: File, fast: File, claimed: Region, joint_level: float, slow_unit: str = NPU
) -> ClaimPart:
    return ClaimPart(name, jobs.over_devices(slow, fast, joint_level, slow_unit), claimed)


def _on_each_device(
    jobs: Jobs, pairs: Sequence[tuple[str, File, File]], claimed: Region, slow_unit: str = NPU
) -> list[ClaimPart]:
    """Return one part per pair and device, whose intervals hold together."""
    count = sum(len(jobs.logs(slow, fast, slow_unit)) for _, slow, fast in pairs)
    return [
        ClaimPart(name, estimate, claimed, device=device)
        for name, slow, fast in pairs
        for device, estimate in jobs.on_each(slow, fast, level(count), slow_unit).items()
    ]


def _share_of_devices(name: str, those: pd.Series, claimed: Region) -> ClaimPart:
    """Return the share of devices for which `those` is true, with the interval of Clopper and Pearson (1934)."""
    if those.empty:
        return ClaimPart(name, Estimate(why="no device has these jobs"), claimed)
    low, high = clopper_pearson(int(those.sum()), len(those))
    return ClaimPart(name, Estimate(float(those.mean()), low, high, len(those)), claimed)


def _name(framework: str) -> str:
    return names.framework(framework)


def _frameworks(jobs: Jobs) -> list[TranslatedClaim]:
    joint_level = level(4)
    fastest = [
        _part(
            jobs, f"{names.display(model)}, TFLite against {_name(other)}", (other, FLOAT, model),
            ("tflite", FLOAT, model), FASTER, joint_level,
        )
        for model in ("mobilenet_v2", "mnasnet05")
        for other in ("onnxruntime", "qnn")
    ]  # fmt: skip
    return [
        TranslatedClaim("2a", why_not=_NO_FRAMEWORK),
        TranslatedClaim("2b", why_not=_NO_FRAMEWORK),
        TranslatedClaim(
            "2c",
            "NPU: TFLite is fastest for MobileNetV2, MnasNet 0.5",
            "TFLite against ONNX Runtime and QNN, float on the NPU, for MobileNetV2 and MnasNet 0.5: over 1 in the "
            "geometric mean over devices",
            fastest,
            limits=f"The half of the claim on PyTorch Mobile is not tested; {STAND_INS}",
        ),
        TranslatedClaim("2d", why_not=_NO_FRAMEWORK),
        TranslatedClaim(
            "2e",
            "NPU: no runtime is fastest for all networks",
            "each of TFLite, ONNX Runtime and QNN, float on the NPU: some other of them is faster for some network, in "
            "the geometric mean over devices",
            _beaten(jobs),
            limits="The runtimes drive the same NPU with the same compiler, in two versions",
        ),
    ]


def _beaten(jobs: Jobs) -> list[ClaimPart]:
    """Return a part per runtime: the runtime and network that beat it most clearly."""
    models = sorted(jobs.rows.loc[jobs.rows["quantization"] == FLOAT, "model"].unique())
    joint_level = level(len(RUNTIMES) * (len(RUNTIMES) - 1) * len(models))
    parts = []
    for framework in RUNTIMES:
        ahead = {
            f"{_name(other)} for {names.display(model)}": jobs.over_devices(
                (framework, FLOAT, model), (other, FLOAT, model), joint_level
            )
            for other in RUNTIMES
            if other != framework
            for model in models
        }
        usable = {name: estimate for name, estimate in ahead.items() if math.isfinite(estimate.low)}
        if not usable:
            parts.append(ClaimPart(f"{_name(framework)} is behind", Estimate(why="too few devices"), FASTER))
            continue
        name = max(usable, key=lambda key: usable[key].low)
        highest = max(estimate.high for estimate in usable.values())
        clearest = usable[name]
        widest = Estimate(clearest.effect, clearest.low, max(clearest.high, highest), clearest.n_devices)
        parts.append(ClaimPart(f"{_name(framework)} is behind {name}", widest, FASTER))
    return parts


_CPU_PRECISIONS = {"mobilenet_v2": W8A16, "mnasnet05": W8A16}
"""Precisions, if not w8a8, of the paper's networks that ONNX Runtime ran on the CPU."""


def _cpu_pair(model: str) -> tuple[str, File, File]:
    """Return a network by ONNX Runtime on the CPU, and by another runtime on the NPU in the same precision."""
    precision, runtime = _CPU_PRECISIONS.get(model, W8A8), "tflite" if model == "densenet121" else "qnn"
    name = f"{names.display(model)} in {precision}, {_name(runtime)} on the NPU against ONNX Runtime on the CPU"
    return name, ("onnxruntime", precision, model), (runtime, precision, model)


def _accelerator(jobs: Jobs) -> list[TranslatedClaim]:
    against = "QNN (DenseNet121: TFLite) on the NPU against ONNX Runtime on the CPU, in the same integer precision"
    limits = f"In place of NNAPI: {_ON_CPU}. {STAND_INS}"

    def over(models: Sequence[str], claimed: Region) -> list[ClaimPart]:
        pairs = map(_cpu_pair, models)
        return [_part(jobs, name, slow, fast, claimed, level(len(models)), "cpu") for name, slow, fast in pairs]

    def each(models: Sequence[str]) -> list[ClaimPart]:
        return _on_each_device(jobs, list(map(_cpu_pair, models)), speed_claims.SLOWER_BY_MATERIAL, "cpu")

    _, slow, fast = _cpu_pair("densenet121")
    ratio = np.exp(jobs.logs(slow, fast, "cpu"))
    tflite = jobs.rows[(jobs.rows["framework"] == "tflite") & (jobs.rows["unit"] == NPU)]
    tflite = tflite[tflite["model"] == "densenet121"].set_index("device_id")
    return [
        TranslatedClaim(
            "3a", "NPU: ResNet50, InceptionV3, SqueezeNet 1.1 much faster",
            f"{against}: over 1.5 in the geometric mean over devices, for each of the three networks",
            over(["resnet50", "inception_v3", "squeezenet1_1"], speed_claims.VERY_GOOD), limits=limits,
        ),
        TranslatedClaim(
            "3b", "NPU: MobileNetV2, MnasNet 0.5 gain little or nothing",
            f"{against}: under 1.25 in the geometric mean over devices, for both networks",
            over(["mobilenet_v2", "mnasnet05"], speed_claims.LITTLE), limits=limits,
        ),
        TranslatedClaim(
            "3c", "NPU: MobileNetV2 or MnasNet 0.5 sometimes slower",
            f"{against}: under 1 / 1.05 for one of the two networks on at least one device",
            each(["mobilenet_v2", "mnasnet05"]), limits=limits,
        ),
        TranslatedClaim(
            "3d", "NPU: DenseNet121 much slower on most devices",
            f"{against}: share of devices on which DenseNet121 takes more than 1.5 times as long on the NPU: "
            "over a half",
            [_share_of_devices("DenseNet121, w8a8, devices on which the NPU is much slower",
                               ratio < speed_claims.DRAMATICALLY, speed_claims.MOST)],
            limits=limits,
        ),
        TranslatedClaim(
            "3e", "TFLite leaves layers of DenseNet121 to the CPU",
            "share of devices on which TFLite left layers of DenseNet121 to the CPU, while the NPU ran the rest: "
            "over a half, in float and in w8a8",
            [_share_of_devices(f"DenseNet121, {precision}, devices with layers on the CPU", part["layers_cpu"] > 0,
                               speed_claims.MOST) for precision, part in tflite.groupby("quantization")],
            limits="Layers are counted by unit; partitions are not published. The delegate is QNN's, not NNAPI",
        ),
        TranslatedClaim(
            "3f", "The NPU is not always faster",
            f"{against}: under 1 / 1.05 for one of the six networks on at least one device", each(NETWORKS),
            limits=limits,
        ),
    ]  # fmt: skip


def _complexity(jobs: Jobs) -> list[TranslatedClaim]:
    points = speed.complexity(jobs.rows)
    in_order = speed.in_order(points[points["implementation"] == "tflite"]).set_index("device_id")
    shares = in_order["share"].dropna()
    name = "TFLite on the NPU, pairs of networks in the order of their operations"
    middle, low, high = latency.mean_over_devices(shares.to_numpy(float))
    if why := latency.too_few_devices(shares):
        estimate = Estimate(middle, n_devices=len(shares), why=why)
    elif shares.empty:
        estimate = Estimate(why="no device has these jobs")
    else:
        estimate = share(float(middle), float(low), float(high), int(in_order["pairs"].sum()), len(shares))
    others = [model for model in NETWORKS if model != "squeezenet1_1"]
    fewest = [
        _part(jobs, f"{_name(framework)}, SqueezeNet 1.1 against {names.display(slow)}", (framework, FLOAT, slow),
              (framework, FLOAT, "squeezenet1_1"), FASTER, level(2 * len(others)))
        for framework in ("onnxruntime", "qnn")
        for slow in others
    ]  # fmt: skip
    light = [
        (f"InceptionV3 against {names.display(model)}", ("tflite", FLOAT, model), ("tflite", FLOAT, "inception_v3"))
        for model in ("squeezenet1_1", "mobilenet_v2", "mnasnet05")
    ]
    slowest = [
        _part(jobs, f"{names.display(fast)} against DenseNet121", ("tflite", FLOAT, "densenet121"),
              ("tflite", FLOAT, fast), FASTER, level(len(NETWORKS) - 1))
        for fast in NETWORKS
        if fast != "densenet121"
    ]  # fmt: skip
    return [
        TranslatedClaim(
            "4a",
            "TFLite on NPU: more operations take longer",
            "TFLite on the NPU in float, share of the pairs of torchvision's networks, 10% or more apart in "
            "operations, that are in the order of their operations, mean over devices: over 80%",
            [ClaimPart(name, estimate, (speed_claims.ALMOST, math.inf))],
            limits="The NPU in half precision in place of the CPU in float32, and up to 23 networks in place of six",
        ),
        TranslatedClaim(
            "4b",
            "ONNX Runtime, QNN: SqueezeNet 1.1 is the fastest",
            "SqueezeNet 1.1 against each other network of the paper, float on the NPU, by ONNX Runtime and by QNN: "
            "over 1 in the geometric mean over devices",
            fewest,
            limits=f"Two runtimes in place of PyTorch Mobile and Caffe2; {STAND_INS}",
        ),
        TranslatedClaim("4c", why_not=_NO_FRAMEWORK),
        TranslatedClaim(
            "4d",
            "TFLite on NPU: InceptionV3 close to light networks",
            "TFLite on the NPU in float, speed of InceptionV3 over that of a light network: over 0.5 for one of the "
            "three on at least one device",
            _on_each_device(jobs, light, speed_claims.AT_MOST_TWICE),
            limits=STAND_INS,
        ),
        TranslatedClaim(
            "4e",
            "TFLite on NPU: DenseNet121 is the slowest",
            "TFLite on the NPU in float, each other network of the paper against DenseNet121: over 1 in the geometric "
            "mean over devices",
            slowest,
            limits=STAND_INS,
        ),
    ]


def _change(jobs: Jobs, name: str, base: File | None, other: File, claimed: Region, joint_level: float) -> ClaimPart:
    """Return the accuracy of a file minus that of another, or of its PyTorch original, in percentage points."""
    measured = jobs.everything.dropna(subset=["accuracy"]).set_index(["framework", "quantization", "model"])
    if other not in measured.index or (base is not None and base not in measured.index):
        return ClaimPart(name, Estimate(why="no accuracy was published"), claimed)
    row = measured.loc[[other]].iloc[-1]
    before = float(row["torch_accuracy"] if base is None else measured.loc[[base]].iloc[-1]["accuracy"])
    after, images = float(row["accuracy"]), float(row["images"])
    low, high = speed.difference(np.array([before]), np.array([after]), np.array([images]), joint_level)
    change = round(100 * (after - before), 9) + 0.0  # otherwise no change could be written as -0.00
    return ClaimPart(name, Estimate(change, 100 * float(low[0]), 100 * float(high[0]), 1), claimed)


def _quantization(jobs: Jobs) -> list[TranslatedClaim]:
    images = (
        "On one device, and on 1,000 images of which it is not published which answers changed, so the interval is "
        "that of independent answers, which is too wide"
    )
    small = [
        _change(jobs, f"{names.display(model)}, {_name(framework)}, {precision} minus float", (framework, FLOAT, model),
                (framework, precision, model), accuracy_claims.SMALL, level(8))
        for model, precision in (("resnet50", W8A8), ("inception_v3", W8A8), ("mnasnet05", W8A16))
        for framework in RUNTIMES
        if (framework, precision) != ("tflite", W8A16)
    ]  # fmt: skip
    much = [
        _change(jobs, f"{names.display(model)}, {_name(framework)}, w8a8 minus {base}", (framework, base, model),
                (framework, W8A8, model), accuracy_claims.MUCH_LOWER, level(5))
        for model, base, frameworks in (
            ("densenet121", W8A16, ["onnxruntime", "qnn"]), ("squeezenet1_1", FLOAT, RUNTIMES),
        )
        for framework in frameworks
    ]  # fmt: skip
    half = [
        _change(jobs, f"MobileNetV2, {_name(framework)}, float on the NPU minus PyTorch", None,
                (framework, FLOAT, "mobilenet_v2"), accuracy_claims.EXTREMELY, level(len(RUNTIMES)))
        for framework in RUNTIMES
    ]  # fmt: skip

    def faster(models: Sequence[str], claimed: Region) -> list[ClaimPart]:
        return [
            _part(jobs, f"{names.display(model)}, TFLite, w8a8 against float", ("tflite", FLOAT, model),
                  ("tflite", W8A8, model), claimed, level(len(models)))
            for model in models
        ]  # fmt: skip

    with_w8a8 = [model for model in NETWORKS if model not in ("densenet121", "mnasnet05")]
    return [
        *(TranslatedClaim(name, why_not=_ONE_DEVICE) for name in ("5a", "5b", "5c")),
        TranslatedClaim(
            "5d", "ResNet50, InceptionV3, MnasNet 0.5: integers cost little accuracy",
            "w8a8 (MnasNet 0.5: w8a16) minus float in accuracy, with each runtime: within 3 points of 0", small,
            limits=images,
        ),
        TranslatedClaim(
            "5e", "DenseNet121, SqueezeNet 1.1: w8a8 much less accurate",
            "w8a8 minus w8a16 (DenseNet121) or float (SqueezeNet 1.1) in accuracy: more than 5 points lower",
            much, limits=images,
        ),
        TranslatedClaim(
            "5f", "MobileNetV2: half precision far less accurate",
            "float on the NPU, which computes in half precision, minus the PyTorch original: more than 10 points "
            "lower", half, limits=images,
        ),
        *(TranslatedClaim(name, why_not=NO_CPU) for name in ("5g", "5h", "5i")),
        TranslatedClaim(
            "5j", "TFLite on NPU: w8a8 no faster, DenseNet121 excepted",
            "TFLite on the NPU, w8a8 against float: under 1.05 in the geometric mean over devices, for each "
            "network of the paper that has both, without DenseNet121",
            faster(with_w8a8, accuracy_claims.NO_FASTER), limits=f"The delegate is QNN's, not NNAPI; {STAND_INS}",
        ),
        TranslatedClaim(
            "5k", "TFLite on NPU: w8a8 speeds up DenseNet121",
            "TFLite on the NPU, w8a8 against float for DenseNet121: over 1 in the geometric mean over devices",
            faster(["densenet121"], FASTER), limits="The delegate is QNN's, not NNAPI; dynamic range is not tested",
        ),
        TranslatedClaim("5l", why_not=_NO_DYNAMIC),
    ]  # fmt: skip


def _score(jobs: Jobs) -> list[TranslatedClaim]:
    files = speed.suite_of_all(speed.with_accuracy(jobs.rows, jobs.everything))
    suite = "over the files that all devices ran"
    limits = "Another suite than the paper's 24 instances, and accuracies of one device for all"
    scored = speed.scores(files, jobs.run_to_run) if len(files) else pd.DataFrame({"vips": []})
    n = len(scored)
    if n < latency.FEWEST_DEVICES:
        return [TranslatedClaim(name, why_not="too few devices have files in common") for name in ("6a", "6b")]
    apart = differ(scored["vips"].to_numpy(float), jobs.run_to_run)
    together = apart.sum(axis=1)
    of_pairs = float(together.sum() / (n * (n - 1)))
    without = (together.sum() - 2 * together) / ((n - 1) * (n - 2))
    _, low, high = latency.mean_over_devices(n * of_pairs - (n - 1) * without)  # pseudo-values of the jackknife
    pairs = share(of_pairs, float(low), float(high), n * (n - 1) // 2, n)
    neighbours = pd.Series(apart[range(n - 1), range(1, n)])
    low, high = clopper_pearson(int(neighbours.sum()), n - 1)
    ranked = Estimate(float(neighbours.mean()), low, high, n)
    return [
        TranslatedClaim(
            "6a", "Scores of common files distinguish any two devices",
            f"share of the pairs of devices whose scores {suite} differ by more than two jobs may: over 90%",
            [ClaimPart("pairs of devices that their scores distinguish", pairs, vips_claims.NEARLY_ALL)],
            limits=limits,
        ),
        TranslatedClaim(
            "6b", "Scores of common files rank the devices",
            f"share of the neighbours in the ranking whose scores {suite} differ by more than two jobs may: over "
            "a half",
            [ClaimPart("neighbours in the ranking that their scores distinguish", ranked, vips_claims.MOST)],
            limits=limits,
        ),
    ]  # fmt: skip


def differ(scores: NDArray[np.float64], run_to_run: float = variance.RUN_TO_RUN) -> NDArray[np.bool_]:
    """Return which pairs of scores differ by more than the allowance for two jobs, (devices, devices)."""
    distance = np.abs(np.log(scores[:, None] / scores[None, :]))
    error = np.array([np.sqrt(2) * variance.standard_deviation(run_to_run)])
    _, width = variance.student_interval(np.zeros(1), error, np.array([np.inf]), CONFIDENCE)
    apart: NDArray[np.bool_] = distance > width[0]
    return apart
