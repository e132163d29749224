"""The phones of the simulated fleet and its parameters: the content of fleet.toml, and every value derived from it."""

from __future__ import annotations

import math
import re
import tomllib
import zlib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aiot_analysis.tables import names, paper

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Phone:
    """Properties of a phone. Those beyond Table III have no paper_id; vips is the score in Table IV, if any."""

    number: int  # from 1; the id in Table III for the first 51
    maker: str
    model: str
    soc: str
    ram_gb: int
    android: str
    paper_id: int | None = None
    vips: float | None = None

    @property
    def name(self) -> str:
        """Return maker and model."""
        return f"{self.maker} {self.model}"

    @property
    def slug(self) -> str:
        """Return an id like sim-01-samsung-galaxy-s10e."""
        return f"sim-{self.number:02}-" + re.sub(r"[^a-z0-9]+", "-", self.name.lower().replace("+", " plus")).strip("-")


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return a random generator of its own for the given names, unaffected by what else is drawn or in which order."""
    return np.random.default_rng([seed, zlib.crc32("/".join(map(str, names)).encode())])


@cache
def paper_phones() -> tuple[Phone, ...]:
    """Return the 51 phones of Table III."""
    scores = dict(zip(paper.top10()["device"], paper.top10()["vips"].astype(float), strict=True))
    phones = []
    for row in paper.devices().to_dict("records"):
        maker, model = row["device"].split(" ", 1)
        number = int(row["paper_id"])
        score = scores.get(row["device"])
        phones.append(Phone(number, maker, model, row["soc"], int(row["ram_gb"]), str(row["android"]), number, score))
    return tuple(phones)


def phones(count: int, seed: int) -> list[Phone]:
    """Return the first `count` phones: those of Table III, then others with the specification of one of them."""
    return [
        *paper_phones()[:count],
        *(_similar_phone(number, seed) for number in range(len(paper_phones()) + 1, count + 1)),
    ]


def _similar_phone(number: int, seed: int) -> Phone:
    """Return a phone beyond Table III that resembles one in it."""
    template = paper_phones()[int(stream(seed, "phone", number).integers(len(paper_phones())))]
    return Phone(number, "Simulated", f"Phone {number}", template.soc, template.ram_gb, template.android)


def quantized(all_phones: Sequence[Phone], count: int | None) -> set[int]:
    """Return the numbers of the phones that run the quantized models, all of them if `count` is None.

    The paper says how many there are (25) but not which: the first phone of each chip in the order of Table III is
    taken, then the first of the others.
    """
    if count is None:
        return {phone.number for phone in all_phones}
    first_by_soc: dict[str, Phone] = {}
    for phone in paper_phones():
        first_by_soc.setdefault(phone.soc, phone)
    chip_firsts = [phone.number for phone in first_by_soc.values()]
    order = [
        *chip_firsts,
        *(number for number in range(1, max(len(paper_phones()), len(all_phones)) + 1) if number not in chip_firsts),
    ]
    return set(order[:count]) & {phone.number for phone in all_phones}


REFERENCE, ASSUMED = "reference", "assumed"
INSTANCES = [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED]


@dataclass(frozen=True)
class SourcedValue:
    """A parameter: the number, whether it is published or assumed, by which rule, and its source."""

    value: float
    basis: str
    rule: str = ""  # a name in fleet.toml; "" if the figure was published
    source: str = ""


@cache
def file() -> dict[str, Any]:
    """Return the content of fleet.toml."""
    return tomllib.loads(resources.files(__package__).joinpath("fleet.toml").read_text(encoding="utf-8"))


def socs() -> list[str]:
    """Return the 19 chips of the paper's Table III, in order of first appearance."""
    return list(paper.devices()["soc"].unique())


@cache
def cpu_speed(soc: str) -> SourcedValue:
    """Return the time that a CPU takes, as a multiple of that of the base chip.

    This is the geometric mean of published ratios or, without any, derived from the clock of a similar chip.
    """
    chips = file()["socs"]
    rows = [row for row in file()["speeds"]["rows"] if row["soc"] == soc]
    if soc == file()["base_soc"]:
        return SourcedValue(1.0, REFERENCE)
    if rows:
        logs = [math.log(row["ms"] / row["than_ms"] * cpu_speed(row["than"]).value) for row in rows]
        return SourcedValue(math.exp(sum(logs) / len(logs)), REFERENCE, source=_sources(row["source"] for row in rows))
    similar = chips[soc]["like"]
    speed = cpu_speed(similar)
    ratio = chips[similar]["clock_ghz"] / chips[soc]["clock_ghz"]
    return SourcedValue(speed.value * ratio, ASSUMED, "clock", speed.source)


@cache
def time_ms(soc: str, instance_id: str) -> SourcedValue:
    """Return the time of one inference in ms, before a phone is scaled to its score.

    It is published if there is an anchor. Otherwise it is derived from TensorFlow Lite on the CPU in float32: from the
    base chip's time for that implementation, and by the factor of a rule for any other.
    """
    rules, anchors = file()["rules"], file()["anchors"]["rows"]
    for row in anchors:
        if (row["soc"], row["instance"]) == (soc, instance_id):
            return SourcedValue(row["ms"], REFERENCE, source=_sources([row["source"]]))
    parts = names.instance(instance_id)
    framework, delegate, quantization, model = parts
    if quantization != "float32":
        rule = f"quantization_{delegate}"
        return _scaled(
            time_ms(soc, names.instance_id(parts.implementation, "float32", model)),
            rules[rule][quantization][model],
            rule,
        )
    if framework != "tflite" or delegate == "nnapi":
        rule, factor = _framework(soc, framework, model) if framework != "tflite" else _nnapi(soc, model)
        return _scaled(time_ms(soc, names.instance_id("tflite_cpu", "float32", model)), factor, rule)
    if soc != file()["base_soc"]:
        speed = cpu_speed(soc)
        base = time_ms(file()["base_soc"], instance_id)
        return SourcedValue(base.value * speed.value, ASSUMED, "cpu_speed", speed.source)
    return _by_flops(instance_id, model)


def _scaled(start: SourcedValue, factor: float, rule: str) -> SourcedValue:
    """Return a value multiplied by the factor of a rule."""
    return SourcedValue(start.value * factor, ASSUMED, rule, start.source)


def _framework(soc: str, framework: str, model: str) -> tuple[str, float]:
    """Return the rule and the factor of a framework's time relative to TensorFlow Lite."""
    exception = file()["rules"]["framework_exception"]
    if soc in exception["socs"] and model in exception.get(framework, {}):
        return "framework_exception", exception[framework][model]
    return "framework", file()["rules"]["framework"][framework][model]


def _nnapi(soc: str, model: str) -> tuple[str, float]:
    """Return the rule and the factor of NNAPI's time relative to the CPU."""
    rules = file()["rules"]
    whole_graph = rules["nnapi_whole_graph"]
    if soc in whole_graph["socs"] and model in whole_graph["factor"]:
        return "nnapi_whole_graph", whole_graph["factor"][model]
    accelerator = rules["nnapi"]["accelerators"][file()["socs"][soc]["accelerator"]]
    factor = rules["nnapi"]["factor"][model]
    if model in rules["nnapi"]["light"]:
        return "nnapi", factor * accelerator["light"]
    # if the graph is split, transfers between the pieces cost time on any accelerator
    return "nnapi", factor if factor > 1 else factor * accelerator["heavy"]


def _by_flops(instance_id: str, model: str) -> SourcedValue:
    """Return a time interpolated between DenseNet121 and InceptionV3 by the FLOPs in Table II."""
    flops = paper.models().set_index("model")["flops_millions"]
    low, high = "densenet121", "inception_v3"
    times = [time_ms(file()["base_soc"], instance_id.replace(model, neighbour)) for neighbour in (low, high)]
    fraction = (flops[model] - flops[low]) / (flops[high] - flops[low])
    value = times[0].value + fraction * (times[1].value - times[0].value)
    return SourcedValue(float(value), ASSUMED, f"{model}_by_flops", times[0].source)


def other_phases_ms(soc: str, model: str) -> dict[str, float]:
    """Return the times of decode, preprocess and postprocess in ms, before a phone is scaled; all are assumed."""
    settings, speed = file()["time"], cpu_speed(soc).value
    pixels = (settings["input_pixels"].get(model, 224) / 224) ** 2
    return {
        "decode": settings["decode_ms"] * speed,
        "preprocess": settings["preprocess_ms"] * speed * pixels,
        "postprocess": settings["postprocess_ms"] * speed,
    }


@cache
def accuracy(framework: str, quantization: str, model: str) -> SourcedValue:
    """Return the accuracy of a model file, as a fraction of 1."""
    cell = file()["accuracy"][f"{framework}_{quantization}"][model]
    source = _sources([cell["source"]]) if "source" in cell else ""
    return SourcedValue(cell["percent"] / 100, ASSUMED if "rule" in cell else REFERENCE, cell.get("rule", ""), source)


def times() -> pd.DataFrame:
    """Return all times: one row per chip of Table III x instance of the suite, 19 x 60.

    Columns are soc, instance_id, ms (of the inference, before scaling), basis ("reference" or "assumed"), rule, source
    and speed_basis (of the chip's CPU).
    """
    rows = []
    for soc in socs():
        for instance_id in INSTANCES:
            time = asdict(time_ms(soc, instance_id))
            speed = {"speed_basis": cpu_speed(soc).basis}
            rows.append({"soc": soc, "instance_id": instance_id, "ms": time.pop("value"), **time, **speed})
    return pd.DataFrame(rows)


def speeds() -> pd.DataFrame:
    """Return one row per chip of Table III: soc, factor (time relative to the base chip), basis, rule, source."""
    rows = [{"soc": soc, **asdict(cpu_speed(soc))} for soc in socs()]
    return pd.DataFrame(rows).rename(columns={"value": "factor"})


def accuracies() -> pd.DataFrame:
    """Return one row per model file: framework, quantization, model, accuracy (fraction of 1), basis, rule, source."""
    files = dict.fromkeys(
        (instance.framework, instance.quantization, instance.model) for instance in map(names.instance, INSTANCES)
    )
    rows = [
        dict(zip(("framework", "quantization", "model"), file_key, strict=True)) | asdict(accuracy(*file_key))
        for file_key in files
    ]
    return pd.DataFrame(rows).rename(columns={"value": "accuracy"})


def shares() -> pd.DataFrame:
    """Return how much of the fleet was published and how much is assumed.

    There is one row each for the chips' CPU speeds, the times by chip x instance, the times of the 51 phones' instances
    as they are simulated by default, and the accuracies of the model files. Columns are of, total, reference (count),
    assumed (count) and assumed_share (fraction of 1).
    """
    by_cell = times().set_index(["soc", "instance_id"])
    chosen = quantized(paper_phones(), file()["quantized"]["phones"])
    simulated = [
        (phone.soc, instance)
        for phone in paper_phones()
        for instance in (INSTANCES if phone.number in chosen else names.PAPER_FLOAT32)
    ]
    parameters = {
        "CPU speeds of chips": speeds(),
        "times, chip x instance": by_cell,
        "times, phone x instance": by_cell.loc[simulated],
        "accuracies of model files": accuracies(),
    }
    rows = [
        {"of": kind, "total": len(frame), "reference": (frame["basis"] == REFERENCE).sum()}
        for kind, frame in parameters.items()
    ]
    table = pd.DataFrame(rows)
    table["assumed"] = table["total"] - table["reference"]
    return table.assign(assumed_share=table["assumed"] / table["total"])


def _sources(keys: Any) -> str:
    """Return the distinct sources with the given keys as text."""
    return "; ".join(dict.fromkeys(file()["sources"][key] for key in keys))
