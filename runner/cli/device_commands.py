"""`aiot devices`, `aiot doctor`, `aiot clean` and `aiot bundle`: the commands that prepare devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aiot_suite.cli.options import (
    PYTHON,
    AsJson,
    CommandGroup,
    Connect,
    DeviceFolder,
    DevicePython,
    Every,
    NativeTools,
    NoWorkspace,
    ReadWorkspace,
    Serials,
    SkipUnusable,
    Ssh,
    show,
    to_read,
)
from aiot_suite.cli.streams import say
from aiot_suite.errors import RunnerError, SelectionError, SetupError, printable
from aiot_suite.workspace import PROJECT
from runner import rawlog
from runner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.devices.attached import AttachedDevice
    from runner.devices.choice import Choice

COLUMNS = ("serial", "state", "model", "soc", "system", "ram_gb", "abi")


def devices(
    connect: Connect = [],  # noqa: B006
    ssh: Ssh = [],  # noqa: B006
    as_json: AsJson = False,
    workspace: ReadWorkspace = None,
) -> None:
    """List the devices that the adb server knows, with their serial numbers; or the boards named with --ssh."""
    from concurrent.futures import ThreadPoolExecutor

    from runner.devices.choice import Choice

    salt = to_read(workspace).salt_to_read()
    attachments = _attachments([], connect, ssh, Choice(), salt)
    with ThreadPoolExecutor(max(1, len(attachments))) as pool:  # a silent device must not delay the others
        rows = list(pool.map(_row, attachments))
    if as_json:
        rawlog.print_json(rows)
    elif rows:
        print("\n".join(_table(rows)))
        for row in rows:
            if "error" in row:
                say(printable(row["error"]))
    else:
        print(NO_DEVICE)


def _table(rows: list[dict[str, Any]]) -> list[str]:
    """Return aligned lines of text, without characters that control a terminal."""
    from rich.cells import cell_len  # some characters are two columns wide

    cells = [[printable(str(row[name])) if row[name] is not None else "-" for name in COLUMNS] for row in rows]
    lines = [list(COLUMNS), *cells]
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    return [
        "  ".join(value + " " * (width - cell_len(value)) for value, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


NO_DEVICE = (
    "No device is attached: connect one with USB debugging on, or name one with --connect HOST:PORT or --ssh USER@HOST."
)


@dataclass(frozen=True)
class Attachment:
    """A device that a command is about, with the state of its connection; without a device if it cannot be used."""

    serial: str
    state: str
    device: AttachedDevice | None


def _attachments(
    serials: Sequence[str], connect: Sequence[str], ssh: Sequence[str], choice: Choice, salt: str
) -> list[Attachment]:
    """Return the named devices: of those over adb, all if none is named at all."""
    from runner.devices.choice import attached, attached_over_ssh, check_known
    from runner.devices.ssh import SshTarget

    targets = [SshTarget.parse(address) for address in dict.fromkeys(ssh)]
    boards = [Attachment(target.text, "device", attached_over_ssh(target, choice, salt)) for target in targets]
    if boards and not (serials or connect):
        return boards
    from runner.devices import adb

    client = adb.Client()
    wanted = [*serials, *(adb.connect(client, address) for address in connect)]
    states = adb.device_states(client)
    check_known(wanted, states)
    over_adb = [
        Attachment(
            serial, states[serial], attached(serial, client, choice, salt) if states[serial] == "device" else None
        )
        for serial in dict.fromkeys(wanted or states)
    ]
    return [*over_adb, *boards]


def _row(attachment: Attachment) -> dict[str, Any]:
    row: dict[str, Any] = {**dict.fromkeys(COLUMNS), "serial": attachment.serial, "state": attachment.state}
    if attachment.device is None:
        return row
    try:
        facts = attachment.device.facts
    except DeviceError as error:
        return {**row, "state": "no answer", "error": str(error)}
    name = " ".join(filter(None, [facts.maker, facts.market_name or facts.model]))
    system = " ".join(filter(None, [facts.os, facts.os_version]))
    return {
        **row,
        "model": name or None,
        "soc": facts.soc,
        "system": system or None,
        "ram_gb": facts.ram_gb,
        "abi": facts.abi,
    }


def doctor(
    serials: Serials = [],  # noqa: B006
    connect: Connect = [],  # noqa: B006
    ssh: Ssh = [],  # noqa: B006
    device_folder: DeviceFolder = None,
    device_python: DevicePython = PYTHON,
    native_tools: NativeTools = None,
    as_json: AsJson = False,
    workspace: ReadWorkspace = None,
) -> None:
    """Check attached devices before a run, and show problems with their remedies."""
    from concurrent.futures import ThreadPoolExecutor

    from runner import doctor as checks
    from runner.devices.choice import Choice, from_environment
    from runner.tools.jobs import FRAMEWORK, NativeToolOptions

    space = to_read(workspace)
    choice = Choice(python=device_python, folder=device_folder)
    named = serials or ([] if connect or ssh else from_environment())
    attachments = _attachments(named, connect, ssh, choice, space.salt_to_read())
    if not attachments:
        raise DeviceError(NO_DEVICE)

    def findings(attachment: Attachment) -> list[checks.Finding]:
        device = attachment.device
        if device is None:
            return checks.findings(attachment.state, None, None)
        try:
            features = device.connection.features()
            abilities = device.abilities()
            results = []
            if native_tools:
                native = NativeToolOptions(native_tools, space.staging)
                try:
                    abilities[FRAMEWORK].append(native.tools_for(device).benchmark_model.version)
                except SetupError as error:
                    results = [checks.Finding("native tools", "problem", str(error))]
            return checks.findings("device", device.facts, device.telemetry(), abilities, features) + results
        except DeviceError as error:
            return [checks.Finding("connection", "problem", str(error))]

    with ThreadPoolExecutor(len(attachments)) as pool:
        serials = [attachment.serial for attachment in attachments]
        results = dict(zip(serials, pool.map(findings, attachments), strict=True))
    if as_json:
        rawlog.print_json({serial: checks.as_json(device_findings) for serial, device_findings in results.items()})
    else:
        for serial, device_findings in results.items():
            print(printable(serial))
            print("\n".join(f"  {line}" for line in checks.lines(device_findings)))
    if any(checks.worst(device_findings) == "problem" for device_findings in results.values()):
        raise RunnerError(
            "Some devices cannot be used in their present state: see the lines that start with `problem`."
        )


def clean(
    serials: Serials = [],  # noqa: B006
    every: Every = False,
    connect: Connect = [],  # noqa: B006
    ssh: Ssh = [],  # noqa: B006
    skip_unusable: SkipUnusable = False,
    device_folder: DeviceFolder = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Even if a run uses the device, which this ends, or has measurements there to fetch."
        ),
    ] = False,
    workspace: ReadWorkspace = None,
) -> None:
    """Delete all files that were copied to devices, and restore the settings that runs changed."""
    from runner.devices.attached import AttachedDevice
    from runner.devices.choice import SKIPPED, Choice, select_devices

    space = to_read(workspace)
    choice = Choice(serials=serials, every=every, connect=connect, folder=device_folder, ssh=ssh)
    failed = False
    selection = select_devices(choice, space, salt=space.salt_to_read())
    for device in selection.devices:
        assert isinstance(device, AttachedDevice)
        try:
            outcome = "removed" if device.clean(force) else "nothing to remove in"
        except DeviceError as error:
            outcome, failed = f"{error} Not removed:", True
        print(f"clean     {printable(f'{device.connection.serial}: {outcome} {device.files.folder}')}")
    if failed:
        raise RunnerError("Some devices were not cleaned (see above): run `aiot doctor` to find out why.")
    if selection.skipped and not skip_unusable:
        raise RunnerError(SKIPPED)


app = typer.Typer(
    cls=CommandGroup,
    help="Build bundles: Python and a framework for devices that do not have them.",
    no_args_is_help=True,
)

_MB = 1e6


@app.command("build")
def bundle_build(
    arch: Annotated[
        str,
        typer.Option(
            "--arch", metavar="NAME", help="Architecture of the device: arm64 (phones, boards) or amd64 (x86-64)."
        ),
    ] = "arm64",
    framework: Annotated[
        str,
        typer.Option(
            "--framework", "-f", metavar="NAME", help="tflite, pytorch or caffe2; the last two share a bundle."
        ),
    ] = "tflite",
    workspace: NoWorkspace = None,
) -> None:
    """Build a bundle from Debian packages and wheels, which are downloaded; an existing bundle is kept."""
    import elftools  # noqa: F401  fail before anything is downloaded

    from runner.bundle import build, recipes

    architecture = recipes.architecture_for(arch)
    if architecture is None:
        names = ", ".join(recipes.ARCHITECTURES)
        raise SelectionError(f"There are no bundles for the architecture {arch!r}: choose one of {names}.")
    built = build.build(framework, architecture, _say)
    print(f"{built.name} ready: {built.path} ({built.size_bytes / _MB:.0f} MB)")


@app.command("list")
def bundle_list(as_json: AsJson = False, workspace: NoWorkspace = None) -> None:
    """List the bundles, and which of them have been built."""
    from runner.bundle import build, recipes

    columns = ["bundle", "frameworks", "python", "packages", "state"]
    rows = []
    for recipe in recipes.load_recipes().values():
        for architecture in recipes.ARCHITECTURES:
            lock = recipes.lock_of(recipe.name, architecture)
            built = build.find_locked(lock)
            command = f"aiot bundle build --arch {architecture} --framework {recipe.frameworks[0]}"
            state = f"{built.size_bytes / _MB:.0f} MB, {built.path.name}" if built else command
            libraries = ", ".join(f"{part.name} {part.version}" for part in lock.of("wheel"))
            rows.append([lock.name, ", ".join(recipe.frameworks), recipe.python, libraries, state])
    if as_json:
        rawlog.print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        show(columns, rows)


@app.command("lock")
def bundle_lock(workspace: NoWorkspace = None) -> None:
    """Update the list of the exact package versions in bundles to the newest ones; only in a checkout."""
    from runner.bundle import build, recipes

    if not (PROJECT / "pyproject.toml").is_file():
        raise SetupError(
            "The lock can be changed only in a checkout of the project, but this is an installed package: "
            "clone the project."
        )
    recipes.write_lock(build.renew_lock(_say))
    print(f"{recipes.LOCK} written")


def _say(text: str) -> None:
    say(f"bundle    {text}")
