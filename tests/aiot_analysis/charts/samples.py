"""Small frames whose values are easy to compute by hand, and the charts of them, by name, for any number of devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from aiot_analysis.charts import latency
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


def course() -> pd.DataFrame:
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


def charts(number: int) -> dict[str, Chart]:
    """All charts of frames with `number` phones."""
    phones = devices(number)
    return {
        "latency tails": latency.tails(summary(number), phones),
        "latency distribution": latency.distribution(summary(number), phones),
        "phases": latency.phases(phases(number), phones),
        "stability": latency.stability_scores(stability(number), phones),
        "slowdown": latency.slowdown(bursts(number), phones),
        "along the run": latency.along_run(course(), moved(), phones),
    }
