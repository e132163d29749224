"""Logs in the formats of the public source of the paper's app. NO REAL LOGS: all numbers are made up.

`app_session` makes up the measurements of a session; `result_log` and `program_log` write them in the two formats. The
device is called Specimen, which is not a phone.
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
"""The 24 workloads of the app in float32, in its order."""

QUANTIZED = [
    f"tflite_{quantization}_{device}_{model}"
    for quantization in ("DR", "full_int", "f16")
    for model in MODELS
    for device in ("cpu", "nnapi")
]
"""The 36 quantized workloads of the app."""

FINGERPRINT = "specimen/made_up/specimen:10/QKQ1.000000.000/made-up:user/release-keys"
DEVICE = "Specimen 1"
RESULT_NAME = "Specimen 1_5_20201105_133000"
PROGRAM_NAME = "program_log_Specimen 1_5_20201105_131800.log"
JAVA_BITMAP = "android.graphics.Bitmap@5d2b1c"


@dataclass
class Workload:
    """The made-up measurements of one workload, in ms."""

    name: str
    load_ms: int
    first: int  # start of the first image on the clock
    bitmap_ms: list[int]
    ic_ms: list[int]
    statistics_ms: list[int]
    best: list[list[int]]  # five classes per image
    failed: set[int] = field(default_factory=set)

    @property
    def times_ms(self) -> list[int]:
        return [sum(three) for three in zip(self.bitmap_ms, self.ic_ms, self.statistics_ms, strict=True)]

    def correct(self, labels: list[int]) -> int:
        answers = enumerate(zip(self.best, labels, strict=True))
        return sum(best[0] == label for index, (best, label) in answers if index not in self.failed)

    @property
    def mean_ms(self) -> float:  # the app divides the total time, with 3 ms between images, by the number of images
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
    """Make up measurements: five images per class, and times that vary around a base for each workload."""
    rng = random.Random(seed)
    labels = [10 * (index // 5) % 1000 for index in range(images)]
    workloads, clock = [], 5_000_000
    for name in names or FLOAT32:
        around = rng.randrange(20, 200)
        best = []
        for label in labels:
            others = rng.sample([other for other in range(1000) if other != label], 5)
            best.append([label, *others[:4]] if rng.random() < 0.7 else others)
        workload = Workload(
            name,
            rng.randrange(5, 900),
            clock,
            [rng.randrange(5, 12) for _ in labels],
            [around + rng.randrange(10) for _ in labels],
            [rng.randrange(1, 3) for _ in labels],
            best,
        )
        clock += sum(workload.times_ms) + 3 * images + 1000
        workloads.append(workload)
    return AppSession(labels, workloads)


def result_log(session: AppSession, device: str = DEVICE, fingerprint: str = FINGERPRINT, **header: str) -> str:
    """Return the result log in the format of outputResultLog."""
    images = len(session.labels)
    accuracies = [workload.correct(session.labels) / images for workload in session.workloads]
    vips = sum(
        accuracy / workload.mean_ms * 1000 for accuracy, workload in zip(accuracies, session.workloads, strict=True)
    )
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
    for workload, accuracy in zip(session.workloads, accuracies, strict=True):
        framework, *middle = workload.name.split("_")
        device_of = "nnapi" if "nnapi" in middle else "cpu"
        model = workload.name.partition(f"_{device_of}_")[2]
        quantization = workload.name.removeprefix(f"{framework}_").partition(f"{device_of}_")[0].rstrip("_")
        text += f"\n\nworkload\nname:{workload.name}\nframework:{framework}\n"
        text += f"framework:{quantization}\n" if quantization else ""
        text += f"device:{device_of}\nmodel:{model}\n"
        text += f"time_load:{workload.load_ms}ms\ntime_first_img:{workload.times_ms[0]}ms\n"
        text += f"time_total:{round(workload.mean_ms * images)}ms\ntime_avg:{workload.mean_ms!r}ms\n"
        text += f"time_sd:{workload.sd_ms!r}ms\n"
        text += f"accuracy:{accuracy!r}\n"
    return text


def program_log(session: AppSession) -> str:
    """Return the log that AbstractModel.doImageClassificationContinue and ImageClassifyActivityV2 write."""
    lines = ["load dataset: s=4990000,e=4990120,d=120"]
    for number, workload in enumerate(session.workloads):
        loaded = f"load model: s={workload.first - workload.load_ms - 5},e={workload.first - 5},d={workload.load_ms}"
        lines += [loaded, loaded, f"start workload {number} name={workload.name}"]
        clock = workload.first
        for index in range(len(session.labels)):
            lines += _image(workload, index, session.labels[index], clock)
            clock += workload.times_ms[index] + 3
        lines.append(f"all done for workload {number} name={workload.name}")
        lines.append("flops=300  model=mobilenet_v2")
        lines.append("vips=12.5  accuracy=[0.7]  time=[0.056]")
    return "\n".join(lines) + "\n"


def _image(workload: Workload, index: int, label: int, clock: int) -> list[str]:
    decoded = clock + workload.bitmap_ms[index]
    inferred = decoded + workload.ic_ms[index]
    end = inferred + workload.statistics_ms[index]
    best = workload.best[index]
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
        *(failed if index in workload.failed else answered),
        ["index", index, "all", "end", end],
        ["index", index, "all", "end", f"s={clock},e={end},d={end - clock}"],
    ]
    return ["  -  ".join(map(str, ["ic", *fields])) for fields in lines]
