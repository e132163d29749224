"""Run the suite from Python: check the options, choose devices and models, and run them. `aiot run` calls it too."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiot_suite import catalog
from aiot_suite.datasets import store
from aiot_suite.errors import SelectionError
from aiot_suite.facts import NO_LABELS, load_artifacts, load_unsupported
from aiot_suite.preprocess import RESIZE_WAYS
from aiot_suite.suite import COOLDOWN_S, PAPER, PATIENCE_S, PROFILES, TIMEOUT_S, Instance, choose, find_suite, select
from aiot_suite.workspace import Workspace, models_folder
from runner import fleet, ledger, rawlog
from runner.devices import ALL_CORES, CORES, Conditions, Device
from runner.devices.choice import Choice, SkippedDevice, select_devices
from runner.fleet import DeviceOutcome, RunProgress
from runner.preflight import read_checks
from runner.reservations import IF_BUSY, REFUSE
from runner.run_request import RunRequest
from runner.tools.jobs import NativeToolOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from runner.execution import Listener

LOCAL, ALL = "local", "all"
"""Words for this machine and for every attached device, among serial numbers."""
SSH = "ssh://"
"""Start of the address of a board over SSH, among serial numbers."""


@dataclass(frozen=True)
class PlannedInstance:
    """An instance in the order of the next run of a device."""

    device: str  # name of the device's folder of raw logs
    instance_id: str
    obstacle: dict[str, str]  # why it cannot run (`reason`) and what would help (`remedy`); empty if it can


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of `run_suite`."""

    devices: tuple[str, ...]  # names of the devices' folders of raw logs
    runs: tuple[DeviceOutcome, ...] = ()  # of each device in turn, for each way of resizing; empty after a dry run
    planned: tuple[PlannedInstance, ...] = ()  # only of a dry run
    skipped: tuple[SkippedDevice, ...] = ()  # attached devices that "all" could not use
    only_timed: tuple[str, ...] = ()  # models with random weights, which have no accuracy

    @property
    def folders(self) -> list[Path]:
        """Folders of the raw logs that were written or continued."""
        return [run.folder for run in self.runs if run.folder]

    @property
    def failed(self) -> bool:
        """Whether a run did not come to its end, or an instance failed. Unavailable instances are no failures."""
        return any(run.failed for run in self.runs)


def run_suite(
    devices: str | Sequence[str] | Choice = (),
    *,
    workspace: str | Path = ".",
    suite: str = PAPER,
    models: str | Sequence[str] = (),
    frameworks: str | Sequence[str] = (),
    delegates: str | Sequence[str] = (),
    quantizations: str | Sequence[str] = (),
    profile: str = "paper",
    dataset: str = "sample",
    weights: str = "sample",
    threads: int = 1,
    warmups: int | None = None,
    passes: int | None = None,
    max_images: int | None = None,
    resize: str | Sequence[str] = (),
    seed: int | None = None,
    timeout_s: float = TIMEOUT_S,
    cooldown_s: float = COOLDOWN_S,
    patience_s: float = PATIENCE_S,
    if_busy: str = REFUSE,
    fixed_performance: bool = False,
    cores: str = ALL_CORES,
    native_tools: str | Path | None = None,
    nnapi_accelerator: str | None = None,
    resume: bool = False,
    dry_run: bool = False,
    progress: bool = False,
    report: Callable[[Sequence[DeviceOutcome]], None] | None = None,
) -> RunOutcome:
    """Run the suite on devices, all at once, and write raw logs, as `aiot run` does with the same checks.

    Parameters
    ----------
    devices
        "local" for this machine, "all" for every device attached over adb, serial numbers as `adb devices` prints
        them, addresses of boards such as "ssh://pi@192.168.0.7", or several of these. A
        `runner.devices.choice.Choice` also has network devices and the folder on devices. By default, the device that
        the environment variable ANDROID_SERIAL names.
    workspace
        Folder that holds data/.
    suite
        "paper" (60 instances), of which "float32" has 24 and "quantized" 36; "today" (today's runtimes and networks);
        or the path of a TOML file with lists of names, see docs/adding.md.
    models, frameworks, delegates, quantizations
        One name, or several, of what to run. By default, everything in the suite.
    profile
        "paper", "mlperf-like", "quick" or "sustained".
    dataset
        Name of a dataset in the workspace.
    weights
        "sample", "pretrained", "random", a folder of state dicts, or a name given to `aiot models add`.
    threads
        Threads of each framework.
    warmups, passes, max_images
        Warm-up images, times through the images, and number of images. By default, those of the profile.
    resize
        Ways of resizing to compare, each in a run of its own. These runs take no part in the statistics of the suite.
    seed
        Seed of the order and of the images that a profile draws. Without it each device has an order of its own, a
        second run takes the reverse order, and images are drawn with seed 0.
    timeout_s
        Seconds that one instance may take.
    cooldown_s
        Seconds to wait for a device that is hot or has an empty battery.
    patience_s
        Seconds to wait for a device whose connection is lost.
    if_busy
        What to do if another run, or an agent that has outlived its run, uses a device: "refuse"; "wait" for it;
        "collect" what agents of runs in this workspace measure, once they have finished; or "end" it.
    fixed_performance, cores
        Conditions that the devices are asked to keep: lower, steadier clock rates, and "all" or "big" cores.
    native_tools
        Folder with TFLite's own programs, which then measure all instances of TFLite.
    nnapi_accelerator
        Name of the accelerator that NNAPI uses. It needs `native_tools`.
    resume
        Continue the newest run of a device. A new run starts if that one is finished or differs.
    dry_run
        Return the order and what cannot run, and run nothing.
    progress
        Show progress bars in the terminal, and print a line for each instance that fails.
    report
        Function to call with the outcomes of all devices when their runs are over; once for each way of resizing.

    Returns
    -------
    The outcome of each device, with its failures, and the attached devices that "all" skipped; call `run_suite` again
    with `resume=True` to try what failed again.

    Raises
    ------
    RunnerError
        A device, model, dataset or option cannot be used. The message is the sentence that `aiot run` prints. Problems
        of one device during its run are in its outcome instead.
    """
    _check_at_least(0, patience_s=patience_s)
    choose("Answer to --if-busy", [if_busy], IF_BUSY)
    space = Workspace(Path(workspace))
    selection = select_devices(_choice(devices), space)
    chosen_devices = selection.devices
    slugs = tuple(device.slug for device in chosen_devices)
    ways = choose("Way of resizing", _names(resize), RESIZE_WAYS) if resize else []
    common = build_request(
        space,
        profile=profile,
        dataset=dataset,
        weights=weights,
        threads=threads,
        warmups=warmups,
        passes=passes,
        max_images=max_images,
        seed=seed or 0,
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        fixed_performance=fixed_performance,
        cores=cores,
        native_tools=native_tools,
        nnapi_accelerator=nnapi_accelerator,
    )
    chosen_suite = find_suite(suite)
    everything = common.catalog.everything(common.artifacts.values(), _names(models) or chosen_suite.models)
    instances = select(
        _names(models), _names(frameworks), _names(delegates), _names(quantizations), everything, chosen_suite
    )
    if common.profile.name == "sustained" and len(instances) > 1:
        raise SelectionError(
            f"Profile sustained runs one instance for ten minutes, but {len(instances)} are selected: select "
            "one, for example with `--models mnasnet --frameworks tflite --delegates cpu --quantizations int8`."
        )
    request = with_instances(common, instances, models_folder(space, weights))
    request = replace(request, order_seed=seed, suite_name=chosen_suite.recorded_name)
    if request.native:
        for device in chosen_devices:
            request.native.tools_for(device)  # fail before any device starts if one has no tools
    only_timed = tuple(
        dict.fromkeys(
            instance.model
            for instance in instances
            if (file := request.artifacts.get(instance.artifact)) and file.settings.label_space == NO_LABELS
        )
    )
    if dry_run:
        planned = [instance for device in chosen_devices for instance in _planned(space, device, request)]
        return RunOutcome(slugs, planned=tuple(planned), skipped=selection.skipped, only_timed=only_timed)
    runs: list[DeviceOutcome] = []
    for variant in [request.with_resize(way) for way in ways] or [request]:
        with _listeners(slugs, len(instances), progress) as listeners:
            outcomes = fleet.run_all(space, chosen_devices, variant, resume, listeners, patience_s, if_busy)
        outcomes = [replace(outcome, resize=variant.resize) for outcome in outcomes]
        if report:
            report(outcomes)
        runs += outcomes
    return RunOutcome(slugs, tuple(runs), skipped=selection.skipped, only_timed=only_timed)


def unfinished_runs(raw: Path, without: Sequence[str]) -> dict[Path, int]:
    """Return the newest run of the suite on each device, if it is unfinished, and how many instances it has left.

    `without` has the names of devices to leave out.
    """
    newest = {}
    for folder in rawlog.run_folders(raw):
        with suppress(rawlog.RawLogError):
            record = rawlog.read_json(folder / "run.json", rawlog.RUN_FIELDS)
            if folder.parent.name not in without and not record["study"] and record["origin"] == "measured":
                newest[folder.parent] = folder
    left = {folder: sum(not ledger.finished([entry]) for entry in ledger.read(folder)) for folder in newest.values()}
    return {folder: number for folder, number in left.items() if number}


def build_request(
    space: Workspace,
    *,
    profile: str,
    dataset: str,
    weights: str,
    threads: int,
    warmups: int | None = None,
    passes: int | None = None,
    max_images: int | None = None,
    seed: int,
    timeout_s: float,
    cooldown_s: float,
    fixed_performance: bool,
    cores: str,
    native_tools: str | Path | None,
    nnapi_accelerator: str | None = None,
) -> RunRequest:
    """Return a request for no instances yet: what they share, with options checked as `run_suite` describes them."""
    _check_at_least(1, threads=threads, passes=passes, max_images=max_images, timeout_s=timeout_s)
    _check_at_least(0, warmups=warmups, cooldown_s=cooldown_s)
    if nnapi_accelerator and not native_tools:
        raise SelectionError("--nnapi-accelerator requires TFLite's own tools: give their folder with --native-tools.")
    overrides: dict[str, Any] = {"warmups": warmups, "passes": passes, "max_images": max_images}
    chosen_profile = PROFILES[choose("Profile", [profile], list(PROFILES))[0]]
    return RunRequest(
        instances=(),
        profile=replace(chosen_profile, **{name: value for name, value in overrides.items() if value is not None}),
        seed=seed,
        threads=threads,
        dataset=store.load(space.dataset(dataset)),
        artifacts=load_artifacts(models_folder(space, weights)),
        lacking=load_unsupported(models_folder(space, weights)),
        catalog=catalog.load(space.plugins),
        checks={},
        timeout_s=timeout_s,
        cooldown_s=cooldown_s,
        conditions=Conditions(fixed_performance, choose("Choice of cores", [cores], list(CORES))[0]),
        native=NativeToolOptions(Path(native_tools), space.staging / "native", nnapi_accelerator)
        if native_tools
        else None,
    )


def with_instances(request: RunRequest, instances: Sequence[Instance], folder: Path) -> RunRequest:
    """Return the request for these instances, with the checks in `folder` of the model files."""
    checks = read_checks(folder, request.artifacts.values())
    return replace(request, instances=list(instances), checks={name: asdict(check) for name, check in checks.items()})


def _names(names: str | Sequence[str]) -> list[str]:
    """Return names as a list; a string is one name, and not its letters."""
    return [names] if isinstance(names, str) else list(names)


def _choice(devices: str | Sequence[str] | Choice) -> Choice:
    if isinstance(devices, Choice):
        return devices
    names = _names(devices)
    boards = [name for name in names if name.startswith(SSH)]
    serials = [name for name in names if name not in (LOCAL, ALL, *boards)]
    return Choice(LOCAL in names, serials, ALL in names, ssh=boards)


def _check_at_least(minimum: int, **options: float | None) -> None:
    """Raise SelectionError for an option that is smaller than `minimum`; None stands for the default."""
    for name, value in options.items():
        if value is not None and not value >= minimum:
            raise SelectionError(f"{name} is {value}, but must be at least {minimum}.")


def _planned(space: Workspace, device: Device, request: RunRequest) -> Iterator[PlannedInstance]:
    """Yield the instances in the order of the next run of a device."""
    drawn = ledger.draw_order(space.raw, device.slug, request.record(device), request.order_seed)
    for instance in map(Instance.parse, drawn["suite"]):
        yield PlannedInstance(device.slug, instance.id, request.obstacle(instance, device))


@contextmanager
def _listeners(slugs: Sequence[str], instances: int, progress: bool) -> Iterator[Sequence[Listener]]:
    """Provide a listener for each device: those of progress bars, or silent ones."""
    if progress:
        with RunProgress(slugs, instances) as bars:
            yield bars.listeners
    else:
        yield [_ignore] * len(slugs)


def _ignore(event: str, instance: Instance, details: dict[str, Any]) -> None:
    """Ignore an event of a run."""
