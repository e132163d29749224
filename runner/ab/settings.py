"""What A and B are: settings by name, the requests they result in, and the instances that both can run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite import suite
from aiot_suite.errors import ModelError, SelectionError, printable
from aiot_suite.facts import Artifact
from aiot_suite.suite import PROFILES, Instance
from aiot_suite.workspace import sha256_of
from runner.devices import CORES, Conditions, Device
from runner.preflight import framework_version
from runner.run_request import RunRequest, agent_files
from runner.tools.jobs import NativeToolOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiot_suite.catalog import Catalog

PARTS = ("framework", "delegate", "quantization")
"""Settings that make A and B two different instances of the suite with the same model."""
NAMES = ("model", "threads", *PARTS, "profile", "cores", "python", "native-tools", "accelerator")


@dataclass(frozen=True)
class SettingsSide:
    """One of the two settings, ready to run."""

    words: str
    device: Device
    request: RunRequest  # its n-th instance is compared with the n-th instance of the other side
    python: Path | None = None  # the interpreter that the user named to run the agent
    versions: str = ""  # versions of the frameworks in that Python

    @property
    def requested_facts(self) -> dict[str, Any]:
        """The facts on which the measurements of this side depend; equal for equal sides."""
        record = self.request.record(self.device)
        tools = record["native_tools"]
        if tools and all(instance.delegate != "nnapi" for instance in self.request.instances):
            record["native_tools"] = {**tools, "accelerator": None}  # only NNAPI uses it
        by_agent = not all(map(self.request.by_tools, self.request.instances))
        return {**record, "python": str(self.python) if by_agent else None}


def parse(words: Sequence[str], option: str) -> dict[str, str]:
    """Return settings by name from words like "threads=2" or "threads=2,cores=big".

    Raises:
        SelectionError: A setting is unknown, has no value, or occurs twice.
    """
    settings: dict[str, str] = {}
    for part in (part.strip() for word in words for part in word.split(",")):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if name not in NAMES or not value:
            raise SelectionError(
                f"{part!r} in {option} is not a setting: use NAME=VALUE, where NAME is one of {', '.join(NAMES)}."
            )
        if name in settings:
            raise SelectionError(f"{option} contains {name} twice: set it once.")
        settings[name] = value
    if not settings:
        raise SelectionError(f"{option} contains no setting: use for example {option} threads=2.")
    return settings


def settings_text(settings: Mapping[str, str]) -> str:
    """Return settings as text, in the order of NAMES."""
    return ", ".join(f"{name}={settings[name]}" for name in NAMES if name in settings)


def python_of(settings: Mapping[str, str], local: bool) -> Path | None:
    """Return the Python that runs the agent, or None if the settings name none.

    Raises:
        SelectionError: `local` is set and there is no such interpreter on this machine.
    """
    if "python" not in settings:
        return None
    python = Path(settings["python"])
    if local and not python.is_file():
        raise SelectionError(
            f"There is no Python {python}: name the interpreter of an environment, for example {python}/bin/python."
            if python.is_dir()
            else f"There is no Python {python}: name the interpreter of an environment that has the framework."
        )
    return python.absolute() if local else python


def versions(device: Device, python: Path, frameworks: Iterable[str], catalog: Catalog) -> dict[str, str]:
    """Return the versions of frameworks in a Python on a device, as the agent imports them there.

    Frameworks that this Python cannot run are excluded.

    Raises:
        SelectionError: It can run none of the frameworks.
    """
    agent = device.push(agent_files(catalog), "agent")
    available: dict[str, str] = {}
    problem = ""
    for framework in frameworks:
        can_run, text = framework_version(device, agent, framework)
        if can_run:
            available[framework] = text
        else:
            problem = problem or f"{python} cannot run {framework} ({printable(text)[-200:]})"
    if not available:
        raise SelectionError(f"{problem}: install what is missing there, or name another Python.")
    return available


def with_versions(side: SettingsSide, instances: Sequence[Instance]) -> tuple[SettingsSide, list[Instance]]:
    """Return a side with the versions of its frameworks, and those of its instances that its Python can run.

    Both are returned unchanged if no Python was named or TFLite's own tools measure everything.

    Raises:
        SelectionError: The Python can run none of the frameworks.
    """
    frameworks = dict.fromkeys(instance.framework for instance in instances if not side.request.by_tools(instance))
    if side.python is None or not frameworks:
        return side, list(instances)
    available = versions(side.device, side.python, frameworks, side.request.catalog)
    runnable = [
        instance for instance in instances if instance.framework in available or side.request.by_tools(instance)
    ]
    return replace(side, versions=", ".join(available.values())), runnable


def request_of_side(common: RunRequest, settings: Mapping[str, str], scratch: Path) -> RunRequest:
    """Return the request of a side.

    `common` is the part that both sides share, and `scratch` a folder for files that native tools need.

    Raises:
        SelectionError: A setting has an invalid value.
    """
    changes: dict[str, Any] = {}
    if "threads" in settings:
        threads = settings["threads"]
        if not (threads.isascii() and threads.isdecimal() and int(threads)):
            raise SelectionError(f"threads={threads} is not a valid number of threads: use 1 or more.")
        changes["threads"] = int(threads)
    if "profile" in settings:
        name = suite.choose("Profile", [settings["profile"]], list(PROFILES))[0]
        changes["profile"] = replace(PROFILES[name], max_images=common.profile.max_images)
    if "cores" in settings:
        cores = suite.choose("Choice of cores", [settings["cores"]], list(CORES))[0]
        changes["conditions"] = Conditions(common.conditions.fixed_performance, cores)
    native = common.native
    if "native-tools" in settings:
        native = NativeToolOptions(Path(settings["native-tools"]), scratch, native.accelerator if native else None)
    if "accelerator" in settings:
        if native is None:
            raise SelectionError("accelerator= requires TFLite's own tools: give their folder with --native-tools.")
        native = replace(native, accelerator=settings["accelerator"])
    return replace(common, native=native, **changes)


def select_instances(
    options: Mapping[str, Sequence[str]], settings: Mapping[str, str], everything: Sequence[Instance]
) -> list[Instance]:
    """Return the instances of a side: those selected by the options, except where its settings name something else."""
    wanted = {**options, **{f"{name}s": [settings[name]] for name in PARTS if name in settings}}
    models, frameworks, delegates, quantizations = (wanted[f"{name}s"] for name in ("model", *PARTS))
    return suite.select(models, frameworks, delegates, quantizations, everything)


def with_model(
    instances: Sequence[Instance], artifacts: Mapping[str, Artifact], file: Path, catalog: Catalog
) -> tuple[list[Instance], dict[str, Artifact]]:
    """Return the instances that run a model file, and the artifacts with this file in place of the prepared one.

    A description next to the file, as written by `aiot models`, identifies it. Without one, the file is assumed to hold
    the only chosen model, framework and quantization, with the settings of the file prepared for these.

    Raises:
        ModelError: The file is missing or belongs to another framework.
        SelectionError: It is unclear which model the file holds.
    """
    if not file.is_file():
        raise ModelError(f"There is no model file {file}: name an existing file.")
    described = file.with_suffix(".json")
    if described.is_file() and (artifact := Artifact.load(described)).path.resolve() == file.resolve():
        matching = [instance for instance in instances if instance.artifact == artifact.name]
        if not matching:
            raise SelectionError(f"{file} is {artifact.name}, which is not among the selected instances: select it.")
    else:
        names = list(dict.fromkeys(instance.artifact for instance in instances))
        if len(names) > 1:
            raise SelectionError(
                f"{file} may be any of {len(names)} models: select the one whose settings apply to it with "
                "--models, --frameworks and --quantizations."
            )
        if names[0] not in artifacts:
            raise ModelError(
                f"{names[0]}, whose settings would apply to {file}, has not been prepared: run `aiot models prepare`."
            )
        artifact, matching = _replace_artifact(artifacts[names[0]], file), list(instances)
    suffix = catalog.frameworks[matching[0].framework].suffix
    if file.suffix != suffix:
        raise ModelError(
            f"{file} is not a {matching[0].framework} model file, whose name ends in {suffix}: name another file."
        )
    return matching, {**artifacts, artifact.name: artifact}


def _replace_artifact(artifact: Artifact, file: Path) -> Artifact:
    size, sha256 = file.stat().st_size, sha256_of(file)
    return replace(artifact, path=file, sha256=sha256, size_bytes=size, made_with={}, source_key="", calibrated=None)


def pairs(
    instances: Mapping[str, Sequence[Instance]], settings: Mapping[str, Mapping[str, str]]
) -> list[tuple[Instance, Instance]]:
    """Return the pairs to compare: instances of A and of B that differ only in what the settings name.

    Raises:
        SelectionError: A part of the instance is named on one side only, or nothing can be paired.
    """
    varied = {name for side in settings.values() for name in side if name in PARTS}
    for name in sorted(varied):
        for side, other in (("a", "b"), ("b", "a")):
            if name not in settings[side]:
                raise SelectionError(f"--{other} sets the {name}, but --{side} does not: set it on both sides.")

    def key(instance: Instance) -> tuple[str, ...]:
        return tuple(getattr(instance, part) for part in ("model", *PARTS) if part not in varied)

    b_instances = {key(instance): instance for instance in instances["b"]}
    matched = [
        (a_instance, b_instances[key(a_instance)]) for a_instance in instances["a"] if key(a_instance) in b_instances
    ]
    if not matched:
        raise SelectionError("A and B have no instances in common: select others.")
    return matched


def runnable_pairs(
    sides: Mapping[str, SettingsSide], pairs_of_instances: Sequence[tuple[Instance, Instance]]
) -> tuple[list[int], list[str]]:
    """Return the positions of the pairs that both sides can run, and for each other pair the reason."""
    positions: list[int] = []
    reasons: list[str] = []
    for position, pair in enumerate(pairs_of_instances):
        obstacles = []
        for side, instance in zip(sides.values(), pair, strict=True):
            obstacle = side.request.obstacle(instance, side.device)
            obstacles += [f"{instance.id}: {obstacle['reason']} ({obstacle['remedy']})"] if obstacle else []
        if obstacles:
            reasons += dict.fromkeys(obstacles)
        else:
            positions.append(position)
    return positions, reasons


def check_different(sides: Mapping[str, SettingsSide]) -> None:
    """Raise SelectionError if A and B would run the same, or could not be compared afterwards."""
    a, b = sides.values()
    if a.requested_facts == b.requested_facts:
        raise SelectionError(
            f"A ({a.words}) and B ({b.words}) are the same for the selected instances: choose two different settings."
        )
    for mine, theirs in zip(a.request.instances, b.request.instances, strict=True):
        weights = [side.request.artifacts[instance.artifact].weights for side, instance in ((a, mine), (b, theirs))]
        if weights[0] != weights[1]:
            raise SelectionError(
                f"A has {weights[0]} weights and B has {weights[1]}, which cannot be compared: use files with "
                "the same weights."
            )
        if a.request.by_tools(mine) != b.request.by_tools(theirs):
            raise SelectionError(
                f"{mine.id} and {theirs.id} would be measured by an agent and by TFLite's own tools, whose "
                "times cannot be compared: measure both in the same way."
            )
