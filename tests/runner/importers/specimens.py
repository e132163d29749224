"""Logs of the paper's app as its public source writes them. NO REAL LOGS: nothing ran, and all numbers are made up.

`app_session` makes up what an app would have measured; `result_log` and `program_log` write it in the two forms. The
device is called Specimen, which is no phone.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

MODELS = ("resnet50", "inception_v3", "densenet121", "squeezenet", "mobilenet_v2", "mnasnet")
FLOAT32 = [
    f"{framework}_{device}_{model}"
    for framework, devices in (("pytorch", ("cpu",)), ("caffe2", ("cpu",)), ("tflite", ("cpu", "nnapi")))
    for model in MODELS
    for device in devices
]
"""The app's 24 workloads, in its order."""

QUANTIZED = [
    f"tflite_{quantization}_{device}_{model}"
    for quantization in ("DR", "full_int", "f16")
    for model in MODELS
    for device in ("cpu", "nnapi")
]
"""Its 36 quantized ones."""

FINGERPRINT = "specimen/made_up/specimen:10/QKQ1.000000.000/made-up:user/release-keys"
DEVICE = "Specimen 1"
RESULT_NAME = "Specimen 1_5_20201105_133000"
PROGRAM_NAME = "program_log_Specimen 1_5_20201105_131800.log"
JAVA_BITMAP = "android.graphics.Bitmap@5d2b1c"


@dataclass
class Workload:
    """What an app would have measured of one, in ms."""

    name: str
    load_ms: int
    first: int  # when its first image began, by the clock
    bitmap_ms: list[int]
    ic_ms: list[int]
    statistics_ms: list[int]
    best: list[list[int]]  # five classes an image
    failed: set[int] = field(default_factory=set)

    @property
    def times_ms(self) -> list[int]:
        return [sum(three) for three in zip(self.bitmap_ms, self.ic_ms, self.statistics_ms, strict=True)]

    def correct(self, labels: list[int]) -> int:
        answers = enumerate(zip(self.best, labels, strict=True))
        return sum(best[0] == label for index, (best, label) in answers if index not in self.failed)

    @property
    def mean_ms(self) -> float:  # the app divides the time of all by their number, with 3 ms between two images
        return (sum(self.times_ms) + 3 * len(self.times_ms)) / len(self.times_ms)

    @property
    def sd_ms(self) -> float:
        mean = sum(self.times_ms) / len(self.times_ms)
        return (sum((time - mean) ** 2 for time in self.times_ms) / len(self.times_ms)) ** 0.5


@dataclass
class AppSession:
    labels: list[int]
    workloads: list[Workload]


def app_session(images: int = 500, names: list[str] | None = None, seed: int = 0) -> AppSession:
    """Made-up measurements: five images of each class, times around a number of each workload's own."""
    rng = random.Random(seed)
    labels = [10 * (index // 5) % 1000 for index in range(images)]
    found, clock = [], 5_000_000
    for name in names or FLOAT32:
        around = rng.randrange(20, 200)
        best = []
        for label in labels:
            others = rng.sample([one for one in range(1000) if one != label], 5)
            best.append([label, *others[:4]] if rng.random() < 0.7 else others)
        one = Workload(
            name,
            rng.randrange(5, 900),
            clock,
            [rng.randrange(5, 12) for _ in labels],
            [around + rng.randrange(10) for _ in labels],
            [rng.randrange(1, 3) for _ in labels],
            best,
        )
        clock += sum(one.times_ms) + 3 * images + 1000
        found.append(one)
    return AppSession(labels, found)


def result_log(made: AppSession, device: str = DEVICE, fingerprint: str = FINGERPRINT, **header: str) -> str:
    """As outputResultLog writes it."""
    images = len(made.labels)
    accuracies = [one.correct(made.labels) / images for one in made.workloads]
    vips = sum(accuracy / one.mean_ms * 1000 for accuracy, one in zip(accuracies, made.workloads, strict=True))
    lines = {
        "device": device,
        "ram size": "6",
        "ram available size": "3012345856",
        "device fingerprint": fingerprint,
        "device hardware": "made_up",
        "device sdk int": "29",
        "resource name": "20201110_model_8_dataset_100x5",
        "image count": str(images),
        "time total": "720000ms",
        "vips": repr(vips),
        "vops": "123456.789",
        **header,
    }
    text = "".join(f"{key}:{value}\n" for key, value in lines.items())
    for one, accuracy in zip(made.workloads, accuracies, strict=True):
        framework, *middle = one.name.split("_")
        device_of = "nnapi" if "nnapi" in middle else "cpu"
        model = one.name.partition(f"_{device_of}_")[2]
        quantization = one.name.removeprefix(f"{framework}_").partition(f"{device_of}_")[0].rstrip("_")
        text += f"\n\nworkload\nname:{one.name}\nframework:{framework}\n"
        text += f"framework:{quantization}\n" if quantization else ""
        text += f"device:{device_of}\nmodel:{model}\ntime_load:{one.load_ms}ms\ntime_first_img:{one.times_ms[0]}ms\n"
        text += f"time_total:{round(one.mean_ms * images)}ms\ntime_avg:{one.mean_ms!r}ms\ntime_sd:{one.sd_ms!r}ms\n"
        text += f"accuracy:{accuracy!r}\n"
    return text


def program_log(made: AppSession) -> str:
    """As AbstractModel.doImageClassificationContinue and ImageClassifyActivityV2 write it."""
    lines = ["load dataset: s=4990000,e=4990120,d=120"]
    for number, one in enumerate(made.workloads):
        loaded = f"load model: s={one.first - one.load_ms - 5},e={one.first - 5},d={one.load_ms}"
        lines += [loaded, loaded, f"start workload {number} name={one.name}"]
        clock = one.first
        for index in range(len(made.labels)):
            lines += _image(one, index, made.labels[index], clock)
            clock += one.times_ms[index] + 3
        lines.append(f"all done for workload {number} name={one.name}")
        lines.append("flops=300  model=mobilenet_v2")
        lines.append("vips=12.5  accuracy=[0.7]  time=[0.056]")
    return "\n".join(lines) + "\n"


def _image(one: Workload, index: int, label: int, clock: int) -> list[str]:
    decoded = clock + one.bitmap_ms[index]
    inferred = decoded + one.ic_ms[index]
    end = inferred + one.statistics_ms[index]
    best = one.best[index]
    scores = [9.123456954956055, 5.5, 4.25, 1.0e-3, -0.5]
    data = f"score.len=1000, maxIndex={','.join(map(str, best))}, maxScore={','.join(map(str, scores))}, "
    data += f"firstHitRecognitionDepth={0.39 if best[0] == label else -1.0} target={label}"
    answered = [
        ["bitmap", JAVA_BITMAP, "ic", "end", inferred],
        ["bitmap", JAVA_BITMAP, "statistics", "start", inferred],
        ["index", index, "statistics", "data", data],
        ["index", index, "statistics", "end", end],
    ]
    failed = [["index", index, "do image classification error", "exception", "java.lang.RuntimeException: made up"]]
    lines = [
        ["index", index, "all", "start", clock],
        ["index", index, "bitmap", "start", clock],
        ["index", index, "bitmap", "end", decoded],
        ["index", index, "bitmap.size", "[224,224]", "ic", "start", decoded],
        *(failed if index in one.failed else answered),
        ["index", index, "all", "end", end],
        ["index", index, "all", "end", f"s={clock},e={end},d={end - clock}"],
    ]
    return ["  -  ".join(map(str, ["ic", *fields])) for fields in lines]
