"""The parameters of the simulated fleet: what fleet.toml says, and every value that follows from it.

A value is "reference" where a published figure stands for it as it is, and "assumed" where a rule made it.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

import pandas as pd

from aiot_analysis.simulate import fleet
from aiot_analysis.tables import names, paper

REFERENCE, ASSUMED = "reference", "assumed"
INSTANCES = [*names.PAPER_FLOAT32, *names.PAPER_QUANTIZED]


@dataclass(frozen=True)
class Value:
    """A parameter: the number, whether it was published or assumed, by which rule, and what it rests on."""

    value: float
    basis: str
    rule: str = ""  # a name in fleet.toml; "" where the figure was published
    source: str = ""


@cache
def file() -> dict[str, Any]:
    """fleet.toml as it is."""
    return tomllib.loads(resources.files(__package__).joinpath("fleet.toml").read_text(encoding="utf-8"))


def socs() -> list[str]:
    """The 19 chips of the paper's Table III, in the order they first stand there."""
    return list(paper.devices()["soc"].unique())


@cache
def cpu_speed(soc: str) -> Value:
    """How long a CPU takes, as a multiple of what the base chip takes.

    The geometric mean of published ratios, or, where there is none, by the clock of the chip it is like.
    """
    chips = file()["socs"]
    rows = [row for row in file()["speeds"]["rows"] if row["soc"] == soc]
    if soc == file()["base_soc"]:
        return Value(1.0, REFERENCE)
    if rows:
        logs = [math.log(row["ms"] / row["than_ms"] * cpu_speed(row["than"]).value) for row in rows]
        return Value(math.exp(sum(logs) / len(logs)), REFERENCE, source=_sources(row["source"] for row in rows))
    like = chips[soc]["like"]
    other = cpu_speed(like)
    ratio = chips[like]["clock_ghz"] / chips[soc]["clock_ghz"]
    return Value(other.value * ratio, ASSUMED, "clock", other.source)


@cache
def time_ms(soc: str, instance_id: str) -> Value:
    """The time of one inference in ms, before a phone is scaled to its score.

    Published where there is an anchor. Otherwise everything starts from TensorFlow Lite on the CPU in float32:
    there from the base chip's time, elsewhere by the factor of a rule.
    """
    rules, anchors = file()["rules"], file()["anchors"]["rows"]
    for row in anchors:
        if (row["soc"], row["instance"]) == (soc, instance_id):
            return Value(row["ms"], REFERENCE, source=_sources([row["source"]]))
    framework, delegate, quantization, model = names.instance(instance_id)
    if quantization != "float32":
        rule = f"quantization_{delegate}"
        return _times(time_ms(soc, f"{framework}_{delegate}_float32_{model}"), rules[rule][quantization][model], rule)
    if framework != "tflite" or delegate == "nnapi":
        rule, factor = _framework(soc, framework, model) if framework != "tflite" else _nnapi(soc, model)
        return _times(time_ms(soc, f"tflite_cpu_float32_{model}"), factor, rule)
    if soc != file()["base_soc"]:
        speed = cpu_speed(soc)
        base = time_ms(file()["base_soc"], instance_id)
        return Value(base.value * speed.value, ASSUMED, "cpu_speed", speed.source)
    return _by_flops(instance_id, model)


def _times(start: Value, factor: float, rule: str) -> Value:
    return Value(start.value * factor, ASSUMED, rule, start.source)


def _framework(soc: str, framework: str, model: str) -> tuple[str, float]:
    exception = file()["rules"]["framework_exception"]
    if soc in exception["socs"] and model in exception.get(framework, {}):
        return "framework_exception", exception[framework][model]
    return "framework", file()["rules"]["framework"][framework][model]


def _nnapi(soc: str, model: str) -> tuple[str, float]:
    rules = file()["rules"]
    whole = rules["nnapi_whole_graph"]
    if soc in whole["socs"] and model in whole["factor"]:
        return "nnapi_whole_graph", whole["factor"][model]
    accelerator = rules["nnapi"]["accelerators"][file()["socs"][soc]["accelerator"]]
    factor = rules["nnapi"]["factor"][model]
    if model in rules["nnapi"]["light"]:
        return "nnapi", factor * accelerator["light"]
    # where the graph is cut to pieces the way between them costs, whatever the accelerator
    return "nnapi", factor if factor > 1 else factor * accelerator["heavy"]


def _by_flops(instance_id: str, model: str) -> Value:
    """Between DenseNet121 and InceptionV3 by Table II's FLOPs."""
    flops = paper.models().set_index("model")["flops_millions"]
    low, high = "densenet121", "inception_v3"
    times = [time_ms(file()["base_soc"], instance_id.replace(model, other)) for other in (low, high)]
    part = (flops[model] - flops[low]) / (flops[high] - flops[low])
    value = times[0].value + part * (times[1].value - times[0].value)
    return Value(float(value), ASSUMED, f"{model}_by_flops", times[0].source)


def around_ms(soc: str, model: str) -> dict[str, float]:
    """The times of decode, preprocess and postprocess in ms, before a phone is scaled; all assumed."""
    time, speed = file()["time"], cpu_speed(soc).value
    pixels = (time["input_pixels"].get(model, 224) / 224) ** 2
    return {
        "decode": time["decode_ms"] * speed,
        "preprocess": time["preprocess_ms"] * speed * pixels,
        "postprocess": time["postprocess_ms"] * speed,
    }


@cache
def accuracy(framework: str, quantization: str, model: str) -> Value:
    """The accuracy of a model file, a fraction of 1."""
    cell = file()["accuracy"][f"{framework}_{quantization}"][model]
    source = _sources([cell["source"]]) if "source" in cell else ""
    return Value(cell["percent"] / 100, ASSUMED if "rule" in cell else REFERENCE, cell.get("rule", ""), source)


def times() -> pd.DataFrame:
    """Every time there is: one row per chip of Table III x instance of the suite, 19 x 60.

    Columns soc, instance_id, ms (of the inference, before scaling), basis ("reference" or "assumed"), rule,
    source, speed_basis (of the chip's CPU).
    """
    rows = []
    for soc in socs():
        for instance_id in INSTANCES:
            found = asdict(time_ms(soc, instance_id))
            speed = {"speed_basis": cpu_speed(soc).basis}
            rows.append({"soc": soc, "instance_id": instance_id, "ms": found.pop("value"), **found, **speed})
    return pd.DataFrame(rows)


def speeds() -> pd.DataFrame:
    """One row per chip of Table III: soc, factor (time over the base chip's), basis, rule, source."""
    rows = [{"soc": soc, **asdict(cpu_speed(soc))} for soc in socs()]
    return pd.DataFrame(rows).rename(columns={"value": "factor"})


def accuracies() -> pd.DataFrame:
    """One row per model file: framework, quantization, model, accuracy (fraction of 1), basis, rule, source."""
    files = dict.fromkeys((one.framework, one.quantization, one.model) for one in map(names.instance, INSTANCES))
    rows = [dict(zip(("framework", "quantization", "model"), of, strict=True)) | asdict(accuracy(*of)) for of in files]
    return pd.DataFrame(rows).rename(columns={"value": "accuracy"})


def shares() -> pd.DataFrame:
    """How much of the fleet was published and how much is assumed.

    One row each for the chips' CPU speeds, the times by chip x instance, the times of the 51 phones' instances
    as they are simulated by default, and the accuracies of the model files. Columns of, total, reference
    (how many), assumed (how many) and assumed_share (fraction of 1).
    """
    by_cell = times().set_index(["soc", "instance_id"])
    chosen = fleet.quantized(fleet.known(), file()["quantized"]["phones"])
    simulated = [
        (phone.soc, instance)
        for phone in fleet.known()
        for instance in (INSTANCES if phone.number in chosen else names.PAPER_FLOAT32)
    ]
    found = {
        "CPU speeds of chips": speeds(),
        "times, chip x instance": by_cell,
        "times, phone x instance": by_cell.loc[simulated],
        "accuracies of model files": accuracies(),
    }
    rows = [
        {"of": of, "total": len(frame), "reference": (frame["basis"] == REFERENCE).sum()} for of, frame in found.items()
    ]
    table = pd.DataFrame(rows)
    table["assumed"] = table["total"] - table["reference"]
    return table.assign(assumed_share=table["assumed"] / table["total"])


def _sources(keys: Any) -> str:
    return "; ".join(dict.fromkeys(file()["sources"][key] for key in keys))
