"""The suite: which instances there are, how they are chosen, in which order they run, how long each."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from aiot_suite.errors import SelectionError

MODELS = ("resnet50", "inception_v3", "densenet121", "squeezenet", "mobilenet_v2", "mnasnet")
HEAVY_MODELS, LIGHT_MODELS = MODELS[:3], MODELS[3:]
FRAMEWORKS = ("tflite", "pytorch", "caffe2")
DELEGATES = ("cpu", "nnapi")
BEYOND_DELEGATES = ("gpu",)  # none of the paper's: by TFLite's own tools
QUANTIZATIONS = ("float32", "dynamic", "int8", "float16")
SUITES = {"full": QUANTIZATIONS, "float32": QUANTIZATIONS[:1], "quantized": QUANTIZATIONS[1:]}
"""The paper's parts by the quantizations in them: `float32` 24 instances, `quantized` 36, `full` all 60 (Section V)."""


@dataclass(frozen=True)
class Instance:
    """One test of the suite."""

    framework: str
    delegate: str
    quantization: str
    model: str

    @property
    def id(self) -> str:
        return f"{self.framework}_{self.delegate}_{self.quantization}_{self.model}"

    @property
    def artifact(self) -> str:
        """Name of the model file it runs; the delegates of a framework share it."""
        return f"{self.framework}_{self.quantization}_{self.model}"

    @classmethod
    def of_artifact(cls, name: str) -> Instance:
        """The instance that runs a model file on the CPU."""
        framework, quantization, model = name.split("_", 2)
        return cls(framework, "cpu", quantization, model)

    @classmethod
    def parse(cls, instance_id: str) -> Instance:
        """The instance of an id; raises SelectionError if it is not one."""
        parts = instance_id.split("_", 3)
        if len(parts) != 4 or parts[1] not in (*DELEGATES, *BEYOND_DELEGATES) or parts[2] not in QUANTIZATIONS:
            raise SelectionError(
                f"{instance_id!r} is no instance: ids are <framework>_<delegate>_<quantization>_<model>, "
                "like tflite_cpu_float32_mobilenet_v2."
            )
        return cls(*parts)


def paper_float32() -> list[Instance]:
    """The paper's 24 float32 instances (Section V): 6 models x 4 implementations."""
    implementations = [("tflite", "cpu"), ("tflite", "nnapi"), ("pytorch", "cpu"), ("caffe2", "cpu")]
    return [
        Instance(framework, delegate, "float32", model) for model in MODELS for framework, delegate in implementations
    ]


def paper_quantized() -> list[Instance]:
    """The paper's 36 quantized instances (Section V): 6 models x 3 quantizations x TFLite CPU and NNAPI."""
    return [
        Instance("tflite", delegate, quantization, model)
        for model in MODELS
        for quantization in QUANTIZATIONS[1:]
        for delegate in DELEGATES
    ]


def choose(kind: str, given: Iterable[str], choices: Sequence[str]) -> list[str]:
    """The choices that were named, in any case, hyphens or underscores alike; all of them if none was.

    Raises SelectionError with the choices if a name is unknown.
    """
    plain = {_plain(choice): choice for choice in choices}
    chosen = []
    for name in (part.strip() for value in given for part in value.split(",")):
        if _plain(name) not in plain:
            raise SelectionError(f"{kind} {name!r} is unknown: choose from {', '.join(choices)}.")
        chosen.append(plain[_plain(name)])
    return [choice for choice in choices if choice in chosen] or list(choices)


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")


def select(
    models: Iterable[str] = (),
    frameworks: Iterable[str] = (),
    delegates: Iterable[str] = (),
    quantizations: Iterable[str] = (),
    everything: Sequence[Instance] = (),
    suite: str = "full",
) -> list[Instance]:
    """The instances of a suite (see SUITES) with the given names, of `everything` there is (none: the paper's).

    Where no model, framework or delegate is named, the paper's are meant. Raises SelectionError if there is none.
    """
    suite = choose("Suite", [suite], list(SUITES))[0]
    there = list(everything) or paper_float32() + paper_quantized()
    wanted = {
        "model": choose("Model", list(models) or MODELS, _found("model", there)),
        "framework": choose("Framework", list(frameworks) or FRAMEWORKS, _found("framework", there)),
        "delegate": choose("Delegate", list(delegates) or DELEGATES, _found("delegate", there)),
        "quantization": choose("Quantization", quantizations, QUANTIZATIONS),
    }
    chosen = [one for one in there if all(getattr(one, kind) in names for kind, names in wanted.items())]
    chosen = [one for one in chosen if one.quantization in SUITES[suite]]
    if not chosen:
        asked = ", ".join(f"{kind} {'/'.join(names)}" for kind, names in wanted.items())
        raise SelectionError(f"No instance of the {suite} suite has {asked}: only TFLite is quantized or has NNAPI.")
    return chosen


def _found(kind: str, instances: Iterable[Instance]) -> list[str]:
    return list(dict.fromkeys(getattr(one, kind) for one in instances))


DRAWS = 50
"""Orders that are drawn for one seed, of which the most even one is taken."""


def ordered(instances: Iterable[Instance], seed: int) -> list[Instance]:
    """Return the instances in the order that a seed gives: interleaved, so that neighbours differ in model.

    Each model comes once in every round, or in evenly spaced rounds where it has fewer instances than others. Of DRAWS
    such orders the one is taken in which models, implementations and quantizations have nearly the same mean place
    (rerandomization, Morgan and Rubin 2012). What a device does slowly over a run (heating, throttling) then falls on
    all of them alike, and over many seeds on each instance alike.
    """
    rng = random.Random(seed)
    by_model: dict[str, list[Instance]] = {}
    for instance in sorted(instances, key=lambda instance: instance.id):
        by_model.setdefault(instance.model, []).append(instance)
    orders = [_interleaved(list(by_model.values()), rng) for _ in range(DRAWS)]
    return min(orders, key=_unevenness)


def _interleaved(models: Sequence[Sequence[Instance]], rng: random.Random) -> list[Instance]:
    """Return a random order of the instances of some models in rounds."""
    rounds: list[list[Instance]] = [[] for _ in range(max(map(len, models), default=0))]
    for own in models:
        offset = rng.randrange(len(rounds))
        for number, instance in enumerate(rng.sample(own, len(own))):
            rounds[(number * len(rounds) + offset) // len(own)].append(instance)
    order: list[Instance] = []
    for part in rounds:
        rng.shuffle(part)
        if order and part and part[0].model == order[-1].model:
            part.append(part.pop(0))
        order += part
    return order


def _unevenness(order: Sequence[Instance]) -> float:
    """Return the sum over all models, implementations and quantizations of the squared distance of their mean place
    from the middle of the order, in instances."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, instance in enumerate(order):
        implementation = (instance.framework, instance.delegate)
        for group in (("model", instance.model), implementation, ("quantization", instance.quantization)):
            places.setdefault(group, []).append(place)
    middle = (len(order) - 1) / 2
    return sum((sum(of_group) / len(of_group) - middle) ** 2 for of_group in places.values())


@dataclass(frozen=True)
class Profile:
    """How long and how an instance is measured."""

    name: str
    warmups: int = 0
    passes: int = 1  # times through the images
    min_queries: int = 0
    min_duration_s: float = 0.0
    max_images: int | None = None  # evenly spread over the dataset; None: all

    def record(self) -> dict[str, object]:
        return asdict(self)


PROFILES = {
    profile.name: profile
    for profile in (
        # The paper's app: every image once, the first counts, end to end.
        Profile("paper"),
        # MLPerf Mobile's single stream for classification: at least 1024 queries and 60 s.
        Profile("mlperf-like", warmups=5, min_queries=1024, min_duration_s=60.0),
        # For trying out.
        Profile("quick", warmups=1, max_images=50),
        # Ten minutes of each chosen instance, for heat and throttling.
        Profile("sustained", warmups=1, min_duration_s=600.0),
    )
}
