"""Small frames whose values are easy to compute by hand, and the charts of them, by name, for any number of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aiot_analysis.charts import (
    accuracy,
    agreement,
    answer_sets,
    complexity,
    coverage,
    latency,
    operators,
    published_speed,
    quantization,
    shares,
    vips,
)
from aiot_analysis.charts import runtimes as runtimes_chart
from aiot_analysis.tables import names

if TYPE_CHECKING:
    from aiot_analysis.charts.chart import Chart

SOCS = ["Snapdragon 865", "Kirin 990", "MediaTek Helio P90"]
INSTANCES = ["tflite_cpu_float32_resnet50", "pytorch_cpu_float32_mnasnet", "tflite_nnapi_int8_resnet50"]
SEVERAL, MANY = 2, 8  # devices: with a panel each, and with a point each


def devices(number: int) -> pd.DataFrame:
    """Phones p00, p01, ...; the vendor of the SoC changes from one to the next."""
    rows = [
        (f"p{place:02}", place + 1, ["Oppo", "Honor"][place % 2], f"Model {place:02}", SOCS[place % 3], "Android", "10")
        for place in range(number)
    ]
    return pd.DataFrame(rows, columns=["device_id", "paper_id", "maker", "model", "soc", "os", "os_version"])


def by_instance(number: int, **columns: object) -> pd.DataFrame:
    """A row per phone and instance, in an order that is not that of figures; `at` is 100 x phone + instance."""
    rows = [
        (f"run{phone}", f"p{phone:02}", instance_id, 100 * phone + place)
        for place, instance_id in reversed(list(enumerate(INSTANCES)))
        for phone in reversed(range(number))
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "device_id", "instance_id", "at"])
    return frame.assign(images=500, **columns)


def summary(number: int) -> pd.DataFrame:
    """Medians of 10 + phone ms; the 99th percentile is twice the median on the first phone, three times on the next."""
    frame = by_instance(number)
    phone = frame["at"] // 100
    median = 10.0 + phone
    return frame.assign(
        median_ms=median,
        min_ms=median - 3,
        p25_ms=median - 1,
        p75_ms=median + 1,
        p90_ms=1.5 * median,
        tail=2.0 + phone,
        p99_ms=(2.0 + phone) * median,
        max_ms=50.0 * median,
        first_ms=40.0 * median,
    )


def phases(number: int) -> pd.DataFrame:
    """Four phases of 1, 2, 3 and 4 ms."""
    frame = by_instance(number)
    return pd.concat([frame.assign(phase=f"{phase}_ms", mean_ms=1.0 + n) for n, phase in enumerate(names.PHASES)])


def stability(number: int) -> pd.DataFrame:
    """The first instance is unstable, the second is stable, and of the third nothing is known."""
    frame = by_instance(number)
    place = frame["at"] % 100
    return frame.assign(
        stability=place.map({0: 0.85, 1: 0.99}),
        chance=0.95,
        steadiness=place.map({0: "unstable", 1: "stable"}).fillna(""),
    )


def bursts(number: int) -> pd.DataFrame:
    """10 ms in the burst, and then 12 ms."""
    return by_instance(
        number, burst_ms=10.0, rest_ms=12.0, slowdown=1.2, slowdown_low=1.1, slowdown_high=1.3, burst_images=50
    )


def times_along_run() -> pd.DataFrame:
    """One image takes 100 ms, where the medians of the parts are 10 and 20 ms."""
    rows = [(0, 10.0, "image"), (1, 100.0, "image"), (2, 20.0, "image"), (0.5, 10.0, "loop"), (2, 20.0, "loop")]
    frame = pd.DataFrame(rows, columns=["query", "ms", "kind"])
    return frame.assign(run_id="run0", device_id="p00", instance_id=INSTANCES[0])[
        ["run_id", "device_id", "instance_id", "query", "ms", "kind"]
    ]


def moved(p_value: float = 0.01) -> pd.DataFrame:
    row = {
        "run_id": "run0", "device_id": "p00", "instance_id": INSTANCES[0], "images": 3, "finding": "slower",
        "drift": 0.5, "drift_low": 0.4, "drift_high": 0.6, "change_at": 1.0, "change": 1.0, "before_ms": 10.0,
        "after_ms": 20.0, "change_p_adjusted": p_value,
    }  # fmt: skip
    return pd.DataFrame([row])


def runs(number: int) -> pd.DataFrame:
    """Each phone ran its instances twice: only the second run is valid. The first instance ran on no other phone."""
    frame = by_instance(number).assign(verdict="valid", reasons="")
    older = frame.assign(run_id="older", verdict="invalid", reasons="too hot")
    both = pd.concat([frame, older])
    return both[(both["device_id"] == "p00") | (both["instance_id"] != INSTANCES[0])]


def kinds(number: int) -> pd.DataFrame:
    """Shares of 3/4 and 1/4 of two kinds of operator, in two frameworks."""
    rows = [
        (f"p{phone:02}", framework, model, kind, share)
        for phone in range(number)
        for framework in ("caffe2", "pytorch")
        for model in ("mnasnet", "resnet50")
        for kind, share in (("relu", 0.25), ("convolution", 0.75))
    ]
    frame = pd.DataFrame(rows, columns=["device_id", "framework", "model", "kind", "share"])
    return frame.assign(
        share_p5=frame["share"] - 0.1, share_p95=frame["share"] + 0.1, time_ms=10 * frame["share"], calls=7,
        repetitions=20,
    )  # fmt: skip


def bins(number: int) -> pd.DataFrame:
    """Two bins of 0.5 ms, and a fifth of the convolutions is longer."""
    rows = [
        (f"p{phone:02}", "pytorch", "mnasnet", low, low + 0.5 if low < 1 else np.inf, share)
        for phone in range(number)
        for low, share in ((0.0, 0.5), (0.5, 0.3), (1.0, 0.2))
    ]
    frame = pd.DataFrame(rows, columns=["device_id", "framework", "model", "low_ms", "high_ms", "share"])
    return frame.assign(convolutions=100, repetitions=20)


def faster(number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """PyTorch is 2 + phone times as fast; the mean over devices is 2.5 times."""
    rows = [("resnet50", f"p{phone:02}", "pytorch_cpu", 2.0 + phone) for phone in range(number)]
    frame = pd.DataFrame(rows, columns=["model", "device_id", "implementation", "speed_up"])
    frame = frame.assign(
        n_images=500, base_ms=100.0, other_ms=100 / frame["speed_up"], speed_up_low=frame["speed_up"] - 0.5,
        speed_up_high=frame["speed_up"] + 0.5,
    )  # fmt: skip
    row = ("resnet50", "pytorch_cpu", number, 2.5, 2.2, 2.8)
    columns = ["model", "implementation", "devices", "speed_up", "speed_up_low", "speed_up_high"]
    return frame, pd.DataFrame([row], columns=columns)


def ways(number: int) -> pd.DataFrame:
    """Accuracies of 0.7 and 0.6 by two ways of resizing, which take 2 and 3 ms."""
    parts = [
        by_instance(number, resize=way, accuracy=accuracy, preprocess_ms=time, decode_preprocess_ms=time + 5)
        for way, accuracy, time in (("crop_resize", 0.7, 2.0), ("square_crop", 0.6, 3.0))
    ]
    frame = pd.concat(parts, ignore_index=True)
    for column, half in (("accuracy", 0.04), ("preprocess_ms", 0.5), ("decode_preprocess_ms", 1.0)):
        frame = frame.assign(**{f"{column}_low": frame[column] - half, f"{column}_high": frame[column] + half})
    return frame


def spread() -> pd.DataFrame:
    """The first instance differs by more than chance."""
    return pd.DataFrame(
        {
            "instance_id": INSTANCES, "devices": 8, "images": 500, "sd": [0.02, 0.004, np.nan],
            "sd_chance": 0.005, "sd_chance_most": 0.01, "sd_sampling": 0.019, "p_adjusted": [0.01, 0.5, np.nan],
            "gap": ["", "", "one device"],
        }
    )  # fmt: skip


def unstable() -> pd.DataFrame:
    frame = pd.DataFrame({"instance_id": INSTANCES, "instability": [0.1, 0.05, np.nan], "disagreement": 0.03})
    return frame.assign(devices=8, images=500, instability_low=0.04, instability_high=0.12, gap="")


def repeats() -> pd.DataFrame:
    return pd.DataFrame([(INSTANCES[0], 500, 0.02, 0.01, 0.03)], columns=[
        "instance_id", "images", "noise", "noise_low", "noise_high",
    ])  # fmt: skip


def compared(number: int) -> pd.DataFrame:
    """Phones differ from p00 by one point; on p01, the difference is significant."""
    frame = by_instance(number)
    frame = frame[frame["device_id"] != "p00"]
    parts = [names.instance(instance_id) for instance_id in frame["instance_id"]]
    return frame.assign(
        model=[part.model for part in parts], implementation=[part.implementation for part in parts],
        quantization=[part.quantization for part in parts], accuracy=0.71, accuracy_low=0.67, accuracy_high=0.75,
        accuracy_base=0.7, n_images=500, change=0.01, change_low=0.0, change_high=0.02, only_base=5, only_other=10,
        p_adjusted=frame["device_id"].eq("p01").map({True: 0.01, False: 0.4}),
    )  # fmt: skip


def residuals(number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """PyTorch takes twice as long as by the line, and is off it."""
    rows = [
        (f"p{phone:02}", model, implementation, ratio, off)
        for phone in range(number)
        for model in ("mnasnet", "resnet50")
        for implementation, ratio, off in (("pytorch_cpu", 2.0, "slower"), ("tflite_cpu", 1.0, ""))
    ]
    frame = pd.DataFrame(rows, columns=["device_id", "model", "implementation", "ratio", "off"])
    frame = frame.assign(latency_ms=10 * frame["ratio"], line_ms=10.0, macs_millions=300)
    middle = pd.DataFrame(
        [("pytorch_cpu", 2.0, 1.8, 2.2), ("tflite_cpu", 1.0, np.nan, np.nan)],
        columns=["implementation", "ratio", "ratio_low", "ratio_high"],
    )
    return frame, middle


def versions(number: int) -> pd.DataFrame:
    """INT8 is twice as fast, loses one point, and is on the Pareto front; NNAPI has nothing to compare with."""
    rows = [
        (f"p{phone:02}", "resnet50", delegate, quantization, speed, change, front)
        for phone in range(number)
        for delegate, quantization, speed, change, front in (
            ("nnapi", "float32", 1.0, 0.0, True),
            ("cpu", "int8", 2.0, -0.01, True),
            ("cpu", "float32", 1.0, 0.0, False),
        )
    ]
    columns = ["device_id", "model", "delegate", "quantization", "speed_up", "change", "pareto"]
    frame = pd.DataFrame(rows, columns=columns).assign(framework="tflite")
    return frame.assign(
        speed_up_low=frame["speed_up"] - 0.2, speed_up_high=frame["speed_up"] + 0.2, change_low=frame["change"] - 0.02,
        change_high=frame["change"] + 0.02, other_ms=50.0, model_mb=25.0, n_images=500, images=500,
        verdict="semi-valid",
        end_to_end_ms_mean=100 / frame["speed_up"],
    )  # fmt: skip


def weights() -> pd.DataFrame:
    """Two groups of devices with the same instances, of which the second is the larger."""
    columns = ["peer_group", "instance_id", "devices", "share_median", "share_min", "share_max", "moved"]
    rows = [
        (1, INSTANCES[0], 2, 0.9, 0.8, 1.0, 0),
        (2, INSTANCES[0], 5, 0.6, 0.5, 0.7, 3),
        (2, INSTANCES[1], 5, 0.4, 0.3, 0.5, 0),
    ]
    return pd.DataFrame(rows, columns=columns).assign(largest_move=2, tau=0.8, first_ten_changed=0)


def submissions() -> pd.DataFrame:
    columns = ["model", "submission", "answer_set", "accuracy", "submitter"]
    rows = [("resnet50", "Phone X", "A", 0.76, "Maker"), ("resnet50", "Phone Y", "B", 0.75, "Other")]
    return pd.DataFrame(rows, columns=columns).assign(
        accuracy_low=0.74, accuracy_high=0.77, correct=38000, n_images=50000, soc="SoC", sdk="SDK",
        publication="MLPerf Mobile v4.0",
    )  # fmt: skip


def differences() -> pd.DataFrame:
    """The two submissions differ in 100 of 50,000 images."""
    phones = {"Phone X": "A", "Phone Y": "B"}
    rows = [("resnet50", a, b, phones[a], phones[b], 100 * (a != b)) for a in phones for b in phones]
    columns = ["model", "submission_a", "submission_b", "set_a", "set_b", "differ"]
    return pd.DataFrame(rows, columns=columns).assign(n_images=50000, submitter_a="Maker", sdk_a="SDK")


def spreads() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Samples of 500 images, whose accuracies are multiples of 0.2 points."""
    counts = pd.DataFrame({"model": "resnet50", "spread": [0.2, 0.4], "samples": [300, 700], "share": [0.3, 0.7]})
    row = ("resnet50", 2, 500, 1000, 0.1, 0.4, 0.2, 0.4)
    columns = ["model", "sets", "size", "draws", "true_spread", "spread", "spread_low", "spread_high"]
    return counts, pd.DataFrame([row], columns=columns)


def pair() -> tuple[pd.DataFrame, pd.DataFrame]:
    counts = pd.DataFrame({"change": [-0.2, 0.0, 0.2], "share": [0.2, 0.5, 0.3], "significant": [0.0, 0.0, 0.1]})
    return counts, pd.DataFrame([{"set_a": "A", "set_b": "B", "change": 0.001}])


def classes() -> pd.DataFrame:
    frame = pd.DataFrame({"model": "resnet50", "class_name": ["hook", "candle"], "instability": [0.5, 0.4]})
    return frame.assign(
        instability_low=0.3, instability_high=0.6, unstable=[25, 20], n_images=50, accuracy_min=0.3, accuracy_max=0.4
    )


def jobs(number: int) -> pd.DataFrame:
    """Times of 10 + phone ms."""
    rows = [
        (f"p{phone:02}", model, runtime, macs, 10.0 + phone)
        for phone in range(number)
        for runtime in ("qnn", "tflite")
        for model, macs in (("beit", 1000.0), ("vit", 2000.0))
    ]
    columns = ["device_id", "model", "implementation", "macs_millions", "latency_ms"]
    return pd.DataFrame(rows, columns=columns).assign(gmacs_per_s=100.0)


def runtimes() -> pd.DataFrame:
    """The runtimes differ most for the second network."""
    rows = [("beit", "qnn", 0.5), ("beit", "tflite", 0.5), ("vit", "qnn", 0.2), ("vit", "tflite", 0.8)]
    frame = pd.DataFrame(rows, columns=["model", "framework", "share"])
    return frame.assign(share_min=frame["share"] - 0.1, share_max=frame["share"] + 0.1, devices=5, fastest=1)


def integers(number: int) -> pd.DataFrame:
    rows = [(f"p{phone:02}", "qnn", "w8a8", "vit", 2.0, -0.01) for phone in range(number)]
    columns = ["device_id", "framework", "quantization", "model", "speed_up", "change"]
    return pd.DataFrame(rows, columns=columns).assign(
        speed_up_low=1.8, speed_up_high=2.2, change_low=-0.03, change_high=0.01, latency_ms=5.0, base_ms=10.0,
        accuracy=0.7, torch_accuracy=0.71, images=1000,
    )  # fmt: skip


def off_npu(number: int) -> pd.DataFrame:
    """The second network takes longer; of the third, there is no time on the NPU."""
    rows = [
        (f"p{phone:02}", "tflite", "w8a8", model, times)
        for phone in range(number)
        for model, times in (("beit", 2.0), ("vit", 4.0), ("regnet", np.nan))
    ]
    columns = ["device_id", "framework", "quantization", "model", "times"]
    frame = pd.DataFrame(rows, columns=columns).assign(unit="cpu", layers_npu=0, layers_gpu=0, layers_cpu=100)
    return frame.assign(
        times_low=frame["times"] - 0.5, times_high=frame["times"] + 0.5, npu_ms=1.0, latency_ms=frame["times"]
    )


def candidates() -> pd.DataFrame:
    """Versions of two networks on one phone: the second is faster and as accurate, the third loses 10 points."""
    versions = [("tflite", "float32", 10.0, 0.0), ("pytorch", "float32", 5.0, 0.0), ("tflite", "int8", 2.0, -0.1)]
    frame = pd.DataFrame(
        [(model, *version) for model in ("resnet50", "mnasnet") for version in versions],
        columns=["model", "framework", "quantization", "mean_ms", "change"],
    ).assign(device_id="p00", delegate="cpu", load_ms=100.0, peak_rss_mb=50.0, model_mb=10.0, tie_group="")
    loses = frame["change"] < 0
    return frame.assign(
        implementation=frame["framework"] + "_cpu",
        instance_id=frame["framework"] + "_cpu_" + frame["quantization"] + "_" + frame["model"],
        reference="tflite_cpu_float32_" + frame["model"],
        accuracy=0.7 + frame["change"], accuracy_low=0.65, accuracy_high=0.75, change_low=frame["change"] - 0.01,
        change_high=frame["change"] + 0.01, as_accurate=np.where(loses, "no", "yes"),
        mean_ms_low=frame["mean_ms"] - 0.5, mean_ms_high=frame["mean_ms"] + 0.5,
        rank=pd.array([2, 1, pd.NA] * 2, "Int64"), rank_low=pd.array([2, 1, pd.NA] * 2, "Int64"),
        rank_high=pd.array([2, 1, pd.NA] * 2, "Int64"), pareto=pd.array([False, True, True] * 2, "boolean"),
        pareto_probability=[0.0, 1.0, 1.0] * 2,
    )  # fmt: skip


def ranks(number: int) -> pd.DataFrame:
    """The first phone is the fastest."""
    place = pd.Series(range(number))
    frame = pd.DataFrame({"device_id": [f"p{phone:02}" for phone in place], "rank": place + 1, "vips": 100.0 - place})
    return frame.assign(
        rank_low=1, rank_high=number, suite_min=1, suite_max=frame["rank"], vips_low=frame["vips"] - 1,
        vips_high=frame["vips"] + 1, instances=21,
    )  # fmt: skip


def charts(number: int) -> dict[str, Chart]:
    """All charts of frames with `number` phones."""
    phones = devices(number)
    return {
        "latency tails": latency.tails(summary(number), phones),
        "latency distribution": latency.distribution(summary(number), phones),
        "phases": latency.phases(phases(number), phones),
        "stability": latency.stability_scores(stability(number), phones),
        "slowdown": latency.slowdown(bursts(number), phones),
        "along the run": latency.along_run(times_along_run(), moved(), phones),
        "coverage": coverage.grid(runs(number), phones),
        "operators": operators.breakdown(kinds(number), phones),
        "convolutions": operators.convolution_times(bins(number), phones),
        "speed-ups": shares.speed_ups(*faster(number), "TFLite CPU"),
        "resizing": accuracy.resizing(ways(number), phones),
        "agreement": agreement.noise(spread(), unstable(), repeats()),
        "reference": agreement.against(compared(max(number, 2)), "p00"),
        "off the line": complexity.off_line(*residuals(number)),
        "tradeoff": quantization.tradeoff(versions(number)),
        "runtimes": runtimes_chart.by_time(candidates()),
        "front of runtimes": runtimes_chart.front(candidates()),
        "times of quantizations": quantization.latency(versions(number)),
        "weights": vips.weights(weights()),
        "published accuracy": answer_sets.published_accuracy(submissions()),
        "published disagreement": answer_sets.disagreement(differences()),
        "published classes": answer_sets.unstable_classes(classes()),
        "published samples": answer_sets.sample_spread(*spreads()),
        "published pair": answer_sets.pair_change(*pair(), ("Phone X", "Phone Y")),
        "published complexity": published_speed.complexity(jobs(number)),
        "published runtimes": published_speed.runtime_shares(runtimes()),
        "published integers": published_speed.quantized(integers(number)),
        "published off the NPU": published_speed.off_npu(off_npu(number), phones),
        "published ranks": published_speed.rank_ranges(ranks(number)),
    }
