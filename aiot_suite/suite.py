"""The suite: its instances, how they are selected and ordered, and how long each is measured."""

from __future__ import annotations

import random
import re
import reprlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite.errors import SelectionError
from runner import rawlog

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MODELS = ("resnet50", "inception_v3", "densenet121", "squeezenet", "mobilenet_v2", "mnasnet")
HEAVY_MODELS, LIGHT_MODELS = MODELS[:3], MODELS[3:]
FRAMEWORKS = ("tflite", "pytorch", "caffe2")
BEYOND_FRAMEWORKS = ("executorch", "onnxruntime", "ncnn", "mnn")  # not in the paper
DELEGATES = ("cpu", "nnapi")
BEYOND_DELEGATES = ("gpu", "xnnpack", "qnn")  # not in the paper; of TFLite's own tools, and of ONNX Runtime
ACCELERATED = ("nnapi", "gpu", "dsp", "npu", "coreml", "external", "stable")
"""Kinds of delegates that a model can be handed to, by the names used in instances.

`dsp` is Hexagon. `external` is any delegate that is not part of TFLite: a loaded library, identified by its own name.
`stable` is one loaded through the stable ABI.
"""
QUANTIZATIONS = ("float32", "dynamic", "int8", "float16")
TODAY_MODELS = (
    *MODELS,
    *("mobilenet_v3_large", "efficientnet_b0", "regnet_y_800mf", "shufflenet_v2_x1_0", "convnext_tiny", "vit_b_16"),
)
"""The networks of the suite `today`: the paper's, and classifiers of torchvision from after its time."""


@dataclass(frozen=True)
class Suite:
    """A named set of instances: all that there are of its models, frameworks, delegates and quantizations."""

    name: str
    models: tuple[str, ...] = MODELS
    frameworks: tuple[str, ...] = FRAMEWORKS
    delegates: tuple[str, ...] = DELEGATES
    quantizations: tuple[str, ...] = QUANTIZATIONS

    @property
    def recorded_name(self) -> str | None:
        """Name that run.json keeps; None for the paper's suites, whose instances are known."""
        return None if self.name in OF_PAPER else self.name


PAPER = "paper"
OF_PAPER = (PAPER, "float32", "quantized")
SUITES = {
    suite.name: suite
    for suite in (
        Suite(PAPER),
        Suite("float32", quantizations=QUANTIZATIONS[:1]),
        Suite("quantized", quantizations=QUANTIZATIONS[1:]),
        Suite("today", TODAY_MODELS, ("tflite", "onnxruntime", "executorch", "ncnn", "mnn"), ("cpu",)),
    )
}
"""Suites by name: the paper's 60 instances, of which `float32` has 24 and `quantized` 36 (Section V), and today's."""

FULL = "full"  # former name of the suite `paper`

_SUITE_LISTS = ("models", "frameworks", "delegates", "quantizations")
_SUITE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def find_suite(name: str) -> Suite:
    """Return the suite with a name of SUITES, or that of a TOML file; raises SelectionError if there is none."""
    match = match_name(name, (*SUITES, FULL))
    if match is not None:
        return SUITES[PAPER if match == FULL else match]
    file = Path(name)
    if file.suffix != ".toml" and not file.exists():
        raise SelectionError(
            f"Suite {name!r} is unknown: choose from {', '.join(SUITES)}, or name a file like my-suite.toml."
        )
    return read_suite(file)


def read_suite(file: Path) -> Suite:
    """Read a suite from a TOML file with lists of names: see docs/adding.md.

    Raises SelectionError if the file cannot be read or has anything else.
    """
    import tomllib  # Python 3.11; models are converted in the legacy environment, too, which has Python 3.9

    try:
        content = tomllib.loads(rawlog.read_bytes(file).decode())
    except rawlog.RawLogError as error:
        raise SelectionError(str(error)) from None
    except ValueError as error:  # also of text that is not UTF-8
        raise SelectionError(f"{file} is not valid TOML ({error}): correct it.") from None
    if unknown := sorted(content.keys() - {"name", *_SUITE_LISTS}):
        raise SelectionError(f"{file} has {unknown[0]!a:.80}: a suite has only name, {', '.join(_SUITE_LISTS)}.")
    name = content.pop("name", file.stem.lower().replace(" ", "-"))
    if not isinstance(name, str) or not _SUITE_NAME.fullmatch(name) or name in (*SUITES, FULL):
        raise SelectionError(
            f'{file} has the name {name!a:.80}: write another name = "..." of lower-case letters, digits, - and _, '
            f"which is none of {', '.join(SUITES)}."
        )
    for kind in ("models", "frameworks"):
        if kind not in content:
            raise SelectionError(f'{file} has no {kind}: write {kind} = ["...", "..."].')
    for kind, names in content.items():
        if not isinstance(names, list) or not names or not all(isinstance(part, str) and part for part in names):
            raise SelectionError(
                f'{file} has {reprlib.repr(names)} as {kind}: write a list of names, {kind} = ["...", "..."].'
            )
    return Suite(name, **{"delegates": ("cpu",), **{kind: tuple(names) for kind, names in content.items()}})


_ID = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Instance:
    """One test of the suite: a model on a framework with a delegate and a quantization."""

    framework: str
    delegate: str
    quantization: str
    model: str

    @property
    def id(self) -> str:
        """Instance id: <framework>_<delegate>_<quantization>_<model>."""
        return rawlog.format_instance_id(self.framework, self.delegate, self.quantization, self.model)

    @property
    def artifact(self) -> str:
        """Name of the model file that the instance runs; all delegates of a framework share it."""
        return rawlog.format_model_file_name(self.framework, self.quantization, self.model)

    @classmethod
    def of_artifact(cls, name: str) -> Instance:
        """Return the instance that runs a model file on the CPU."""
        framework, quantization, model = rawlog.split_model_file_name(name)
        return cls(framework, "cpu", quantization, model)

    @classmethod
    def parse(cls, instance_id: str) -> Instance:
        """Return the instance with an id; raises SelectionError if the id is malformed."""
        try:
            instance = cls(*rawlog.split_instance_id(instance_id))
        except ValueError:
            instance = None
        if (
            instance is None
            or not _ID.fullmatch(instance_id)  # it becomes the name of a file
            or instance.delegate not in (*DELEGATES, *BEYOND_DELEGATES)
            or instance.quantization not in QUANTIZATIONS
        ):
            raise SelectionError(
                f"{instance_id!r} is not an instance id: use <framework>_<delegate>_<quantization>_<model>, "
                "for example tflite_cpu_float32_mobilenet_v2."
            )
        return instance


def paper_float32() -> list[Instance]:
    """Return the paper's 24 float32 instances (Section V): 6 models x 4 implementations."""
    implementations = [("tflite", "cpu"), ("tflite", "nnapi"), ("pytorch", "cpu"), ("caffe2", "cpu")]
    return [
        Instance(framework, delegate, "float32", model) for model in MODELS for framework, delegate in implementations
    ]


def paper_quantized() -> list[Instance]:
    """Return the paper's 36 quantized instances (Section V): 6 models x 3 quantizations x TFLite CPU and NNAPI."""
    return [
        Instance("tflite", delegate, quantization, model)
        for model in MODELS
        for quantization in QUANTIZATIONS[1:]
        for delegate in DELEGATES
    ]


def choose(kind: str, names: Iterable[str], choices: Sequence[str]) -> list[str]:
    """Return the named choices, or all choices if none are named.

    names: possibly comma-separated, see `match_name`.
    Raises SelectionError listing the choices if a name is unknown.
    """
    chosen = []
    for name in split_names(names):
        match = match_name(name, choices)
        if match is None:
            raise SelectionError(f"{kind} {name!r} is unknown: choose from {', '.join(choices)}.")
        chosen.append(match)
    return [choice for choice in choices if choice in chosen] or list(choices)


def split_names(names: Iterable[str]) -> list[str]:
    """Return names that may be separated by commas one by one."""
    return [part.strip() for value in names for part in value.split(",")]


def match_name(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that a name stands for, or None if there is none or several.

    Case is ignored, and so is punctuation unless it tells choices apart, as in regnet_y_3_2gf and regnet_y_32gf.
    """
    for between in ("_", ""):
        wanted = _PUNCTUATION.sub(between, name.lower())
        matches = {choice for choice in choices if _PUNCTUATION.sub(between, choice.lower()) == wanted}
        if len(matches) == 1:
            return matches.pop()
    return None


_PUNCTUATION = re.compile(r"[-_.:]+")


def select(
    models: Iterable[str] = (),
    frameworks: Iterable[str] = (),
    delegates: Iterable[str] = (),
    quantizations: Iterable[str] = (),
    everything: Sequence[Instance] = (),
    suite: str | Suite = PAPER,
) -> list[Instance]:
    """Return the instances of a suite (see `find_suite`) that match the given names.

    everything: the instances to select from, by default the paper's 60.
    Models, frameworks and delegates that are given take the place of the suite's; of quantizations, only those that are
    also the suite's remain. Without `delegates`, frameworks that are not in the paper run on the CPU. Raises
    SelectionError for an unknown name, or if no instance matches.
    """
    suite, delegates = find_suite(suite) if isinstance(suite, str) else suite, list(delegates)
    candidates = list(everything) or paper_float32() + paper_quantized()
    quantizations = choose("Quantization", quantizations, QUANTIZATIONS)
    criteria = {
        "model": choose("Model", list(models) or suite.models, _matching("model", candidates)),
        "framework": choose("Framework", list(frameworks) or suite.frameworks, _matching("framework", candidates)),
        "delegate": choose("Delegate", delegates or suite.delegates, _matching("delegate", candidates)),
        "quantization": quantizations,
    }
    of_suite = choose("Quantization", suite.quantizations, QUANTIZATIONS)
    chosen = [
        instance
        for instance in candidates
        if all(getattr(instance, kind) in names for kind, names in criteria.items())
        and instance.quantization in of_suite
    ]
    if not delegates:
        chosen = [
            instance for instance in chosen if instance.framework not in BEYOND_FRAMEWORKS or instance.delegate == "cpu"
        ]
    if not chosen:
        description = ", ".join(f"{kind} {'/'.join(names)}" for kind, names in criteria.items())
        raise SelectionError(
            f"No instance of the suite {suite.name} has {description}: choose others; docs/quantization.md lists "
            "the quantizations of each framework."
        )
    return chosen


def _matching(kind: str, instances: Iterable[Instance]) -> list[str]:
    return list(dict.fromkeys(getattr(instance, kind) for instance in instances))


DRAWS = 50
"""Number of random orders drawn for one seed, of which the most balanced is used."""


def draw_balanced_order(instances: Iterable[Instance], seed: int) -> list[Instance]:
    """Return the instances in a seeded random order, interleaved so that consecutive instances differ in model.

    Each model appears once in every round, or in evenly spaced rounds if it has fewer instances than others. Of DRAWS
    such orders, the one is used whose models, implementations and quantizations have the most similar mean positions
    (rerandomization, Morgan and Rubin 2012). Slow changes of a device over a run (heating, throttling) then affect all
    of them equally, and, over many seeds, every instance equally.
    """
    rng = random.Random(seed)
    by_model: dict[str, list[Instance]] = {}
    for instance in sorted(instances, key=lambda instance: instance.id):
        by_model.setdefault(instance.model, []).append(instance)
    orders = [_interleaved(list(by_model.values()), rng) for _ in range(DRAWS)]
    return min(orders, key=_unevenness)


def _interleaved(models: Sequence[Sequence[Instance]], rng: random.Random) -> list[Instance]:
    """Return a random order of instances, given by model, that takes at most one instance of each model per round."""
    rounds: list[list[Instance]] = [[] for _ in range(max(map(len, models), default=0))]
    for same_model in models:
        offset = rng.randrange(len(rounds))
        for index, instance in enumerate(rng.sample(same_model, len(same_model))):
            rounds[(index * len(rounds) + offset) // len(same_model)].append(instance)
    order: list[Instance] = []
    for round_instances in rounds:
        rng.shuffle(round_instances)
        if order and round_instances and round_instances[0].model == order[-1].model:
            round_instances.append(round_instances.pop(0))
        order += round_instances
    return order


def _unevenness(order: Sequence[Instance]) -> float:
    """Return how far an order is from balanced.

    This is the sum, over all models, implementations and quantizations, of the squared distance between their mean
    position and the middle of the order. Positions are counted in instances.
    """
    positions: dict[tuple[str, ...], list[int]] = {}
    for position, instance in enumerate(order):
        implementation = (instance.framework, instance.delegate)
        for group in (("model", instance.model), implementation, ("quantization", instance.quantization)):
            positions.setdefault(group, []).append(position)
    middle = (len(order) - 1) / 2
    return sum((sum(group_positions) / len(group_positions) - middle) ** 2 for group_positions in positions.values())


@dataclass(frozen=True)
class Profile:
    """A measurement profile: how, and for how long, an instance is measured."""

    name: str
    warmups: int = 0
    passes: int = 1  # over all images
    min_queries: int = 0
    min_duration_s: float = 0.0
    max_images: int | None = None  # spread evenly over the dataset; None: all

    def record(self) -> dict[str, object]:
        """Return the fields as a dictionary, as stored in run.json."""
        return asdict(self)

    @classmethod
    def parse(cls, record: dict[str, Any], where: object) -> Profile:
        """Return the profile in a run.json; raises SelectionError if this version cannot measure it."""
        field_by_name = {field.name: field for field in fields(cls)}
        for name, value in record.items():
            if name not in field_by_name:
                raise SelectionError(
                    f"{where} has {name!a:.80} in its profile, which this version does not know: start a new run, "
                    "without `--resume`."
                )
            number = type(value) in (int, float) and 0 <= value < 2**53
            if not (
                isinstance(value, str) if name == "name" else number or value is field_by_name[name].default is None
            ):
                raise SelectionError(
                    f"{where} has {reprlib.repr(value)} as {name} in its profile, which is not a number: start a new "
                    "run, without `--resume`."
                )
        return cls(**{"name": "", **record})


TIMEOUT_S = 1800.0
"""Default time limit of one instance."""

COOLDOWN_S = 600.0
"""Default limit of the wait for a device that is hot or has an empty battery."""

PATIENCE_S = 120.0
"""Default limit of the wait for a device whose connection is lost."""

PROFILES = {
    profile.name: profile
    for profile in (
        # The paper's app: every image once, end to end, without warm-up (the first image counts).
        Profile("paper"),
        # MLPerf Mobile's single-stream scenario for classification: at least 1024 queries and 60 s.
        Profile("mlperf-like", warmups=5, min_queries=1024, min_duration_s=60.0),
        # For trying things out.
        Profile("quick", warmups=1, max_images=50),
        # Ten minutes per selected instance, to observe heating and throttling.
        Profile("sustained", warmups=1, min_duration_s=600.0),
    )
}
