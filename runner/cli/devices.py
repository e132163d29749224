"""aiot devices, aiot doctor, aiot clean: what is attached, what stands in its way, and leaving nothing behind."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from runner.cli.options import HERE, PYTHON, Connect, DeviceFolder, DevicePython, Every, Serials, Workspaces
from runner.devices import FOLDER
from runner.errors import DeviceError, RunnerError
from runner.workspace import Workspace

AsJson = Annotated[bool, typer.Option("--json", help="For scripts: JSON on standard output.")]
COLUMNS = ("serial", "state", "model", "soc", "system", "ram_gb", "abi")


def devices(connect: Connect = [], as_json: AsJson = False, workspace: Workspaces = HERE) -> None:  # noqa: B006
    """List the devices that an adb server knows."""
    import json

    from runner.devices.choice import connected, states

    client = connected(connect)
    rows = [_row(serial, state, client, Workspace(workspace)) for serial, state in states(client).items()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        print("No device is attached: plug one in with USB debugging on, or name one with --connect HOST:PORT.")
        return
    table = [COLUMNS, *([str(row[name] if row[name] is not None else "-") for name in COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(COLUMNS))]
    for line in table:
        print("  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip())


def _row(serial: str, state: str, client: Any, space: Workspace) -> dict[str, Any]:
    from runner.devices.choice import Choice, attached

    row: dict[str, Any] = {**dict.fromkeys(COLUMNS), "serial": serial, "state": state}
    if state != "device":
        return row
    try:
        facts = attached(serial, client, Choice(), space).facts
    except DeviceError as error:
        return {**row, "state": "no answer", "model": None, "error": str(error)}
    name = " ".join(filter(None, [facts.maker, facts.market_name or facts.model]))
    system = " ".join(filter(None, [facts.os, facts.os_version]))
    return {**row, "model": name or None, "soc": facts.soc, "system": system, "ram_gb": facts.ram_gb, "abi": facts.abi}


def doctor(
    serials: Serials = [],  # noqa: B006
    connect: Connect = [],  # noqa: B006
    folder: DeviceFolder = FOLDER,
    python: DevicePython = PYTHON,
    as_json: AsJson = False,
    workspace: Workspaces = HERE,
) -> None:
    """Check attached devices before a run: what is wrong, and what to do."""
    import json

    from runner import doctor as checks
    from runner.devices.choice import Choice, attached, connected, states

    client = connected(connect)
    known = states(client)
    wanted = list(dict.fromkeys([*serials, *connect])) or list(known)
    if unknown := [serial for serial in wanted if serial not in known]:
        raise DeviceError(f"There is no device {unknown[0]}: attached are {', '.join(known) or 'none'}.")
    if not wanted:
        raise DeviceError("No device is attached: plug one in with USB debugging on, or name one with --connect.")
    choice = Choice(python=python, folder=folder)
    found = {}
    for serial in wanted:
        if known[serial] != "device":
            found[serial] = checks.findings(known[serial], None, None)
            continue
        try:
            device = attached(serial, client, choice, Workspace(workspace))
            found[serial] = checks.findings(
                "device", device.facts, device.telemetry(), device.abilities(), device.connection.features()
            )
        except DeviceError as error:
            found[serial] = [checks.Finding("connection", "problem", str(error))]
    if as_json:
        print(json.dumps({serial: checks.as_json(each) for serial, each in found.items()}, indent=1))
    else:
        for serial, each in found.items():
            print(serial)
            print("\n".join(f"  {line}" for line in checks.lines(each)))
    if any(checks.worst(each) == "problem" for each in found.values()):
        raise RunnerError("Some devices cannot be used as they are (see the lines that begin with `problem`).")


def clean(
    serials: Serials = [],  # noqa: B006
    every: Every = False,
    connect: Connect = [],  # noqa: B006
    folder: DeviceFolder = FOLDER,
    workspace: Workspaces = HERE,
) -> None:
    """Remove what was pushed to devices, with all that is in the folder there."""
    from runner.devices.attached import AttachedDevice
    from runner.devices.choice import Choice, chosen

    choice = Choice(serials=serials, every=every, connect=connect, folder=folder)
    for device in chosen(choice, Workspace(workspace)):
        assert isinstance(device, AttachedDevice)
        said = "removed" if device.files.remove() else "nothing there:"
        print(f"clean     {device.connection.serial}: {said} {device.files.folder}")
