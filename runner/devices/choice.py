"""Choice of the devices for a command: this machine, devices known to an adb server, and boards over SSH."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiot_suite.errors import SelectionError, printable
from runner.devices.identity import identify_all
from runner.devices.local import LocalDevice
from runner.devices.ssh import SshConnection, SshTarget
from runner.errors import DeviceError

if TYPE_CHECKING:
    from pathlib import Path

    from aiot_suite.workspace import Workspace
    from runner.devices import Device
    from runner.devices.adb import Client
    from runner.devices.attached import AttachedDevice

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """Options of a command line that select devices."""

    local: bool = False
    serials: Sequence[str] = ()
    every: bool = False
    connect: Sequence[str] = ()  # HOST:PORT of network devices
    folder: str | None = None  # folder on attached devices; None: the default of adb or SSH
    python: str = "python3"  # Python of attached devices
    keep_serial: bool = False
    local_python: Path | None = None  # Python for the agent on this machine; None: the one of each environment
    ssh: Sequence[str] = ()  # user@host:port of boards over SSH


@dataclass(frozen=True)
class SkippedDevice:
    """An attached device that `--all` could not use."""

    serial: str
    state: str  # as adb shows it: offline, unauthorized, ...; or "no answer"


@dataclass(frozen=True)
class ChosenDevices:
    """The devices that a command uses, and those that `--all` skipped."""

    devices: list[Device]
    skipped: tuple[SkippedDevice, ...] = ()


NO_ANSWER = "no answer"
SKIPPED = (
    "Some attached devices were not used (see above): see `aiot doctor`, then repeat the command, or add "
    "--skip-unusable to accept it."
)


def to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def choose_devices(choice: Choice, space: Workspace, tell: Tell = to_stderr) -> list[Device]:
    """Return the devices of `select_devices`."""
    return select_devices(choice, space, tell).devices


def select_devices(choice: Choice, space: Workspace, tell: Tell = to_stderr, salt: str | None = None) -> ChosenDevices:
    """Return the chosen devices, this machine first. ANDROID_SERIAL applies if nothing else is chosen.

    With `--all`, devices that cannot be used or do not answer are skipped, each with a message. `salt` is by default
    that of the workspace. Raises SelectionError if no device is chosen or none can be used, and DeviceError for a
    device that was named and cannot be used.
    """
    named = list(choice.serials)
    targets = [SshTarget.parse(address) for address in dict.fromkeys(choice.ssh)]
    if not (choice.local or named or choice.connect or choice.every or targets):
        named = from_environment()
        if not named:
            raise SelectionError(
                "No device is selected: use --local for this machine, -s SERIAL for one that `aiot devices` lists, or "
                "--ssh USER@HOST for a board."
            )
    salt = salt or space.salt()
    devices: list[Device] = [LocalDevice(space.staging, salt, choice.local_python)] if choice.local else []
    candidates: list[AttachedDevice] = []
    skipped: list[SkippedDevice] = []
    if named or choice.connect or choice.every:
        candidates, skipped = _adb_devices(choice, named, salt, tell)
    # those over adb that were not named are there because of --all
    required = [*named, *(target.text for target in targets)]
    candidates += [attached_over_ssh(target, choice, salt) for target in targets]
    if not candidates:
        if choice.every:
            raise SelectionError("No attached device can be used: run `aiot doctor` to find out why.")
        return ChosenDevices(devices)
    answering = _answering(candidates, required, tell)
    skipped += [SkippedDevice(device.connection.serial, NO_ANSWER) for device in candidates if device not in answering]
    unique = _without_duplicates(answering, required)
    for device in answering:
        if device not in unique:
            tell(printable(f"{device.connection.serial} is a second connection to a device, and is not used."))
    return ChosenDevices([*devices, *_identified(unique, space.raw, salt, tell)], tuple(skipped))


def _adb_devices(
    choice: Choice, named: list[str], salt: str, tell: Tell
) -> tuple[list[AttachedDevice], list[SkippedDevice]]:
    """Return the devices over adb that can be used, and those that `--all` skips.

    Network devices are connected first and added to `named`. Raises DeviceError for a named device that cannot be used.
    """
    from runner.devices.adb import Client, connect, device_states  # not needed for other devices

    client = Client()
    named += [connect(client, address) for address in choice.connect]
    state_of = device_states(client)
    check_known(named, state_of)
    usable = [serial for serial, state in state_of.items() if state == "device"]
    for serial in named:
        if serial not in usable:
            raise DeviceError(f"The device {serial} is {state_of[serial]}: run `aiot doctor -s {serial}` for advice.")
    serials = list(dict.fromkeys([*named, *usable] if choice.every else named))
    skipped = [SkippedDevice(serial, state) for serial, state in state_of.items() if choice.every and state != "device"]
    for device in skipped:
        tell(printable(f"The device {device.serial} is {device.state}: it is skipped."))
    return [attached(serial, client, choice, salt) for serial in serials], skipped


def from_environment() -> list[str]:
    """Return the device named by ANDROID_SERIAL, as adb does."""
    return list(filter(None, [os.environ.get("ANDROID_SERIAL")]))


def check_known(serials: Sequence[str], known: dict[str, str]) -> None:
    """Raise DeviceError for a serial that is unknown to the adb server."""
    if unknown := [serial for serial in serials if serial not in known]:
        raise DeviceError(f"There is no device {unknown[0]}: attached devices are {', '.join(known) or 'none'}.")


def attached(serial: str, client: Client, choice: Choice, salt: str) -> AttachedDevice:
    from runner.devices.adb import Connection
    from runner.devices.attached import AttachedDevice

    return AttachedDevice(
        Connection(serial, client), salt, choice.folder, choice.python, keep_serial=choice.keep_serial
    )


def attached_over_ssh(target: SshTarget, choice: Choice, salt: str) -> AttachedDevice:
    from runner.devices.attached import AttachedDevice

    return AttachedDevice(SshConnection(target), salt, choice.folder, choice.python, keep_serial=choice.keep_serial)


def _answering(devices: Sequence[AttachedDevice], named: Sequence[str], tell: Tell) -> list[AttachedDevice]:
    """Return the devices that report their facts, and tell which others are skipped.

    Raises the DeviceError of a device that was named, and SelectionError if no device answers.
    """
    with ThreadPoolExecutor(len(devices)) as pool:
        errors = list(pool.map(_connection_error, devices))
    for device, error in zip(devices, errors, strict=True):
        if error and device.connection.serial in named:
            raise error
        if error:
            tell(f"{error} It is skipped.")
    answering = [device for device, error in zip(devices, errors, strict=True) if not error]
    if not answering:
        raise SelectionError("No attached device answers: run `aiot doctor` to find out why.")
    return answering


def _connection_error(device: AttachedDevice) -> DeviceError | None:
    """Return the error of a device that does not report its facts, or None."""
    try:
        device.facts  # noqa: B018
    except DeviceError as error:
        return error
    return None


def _without_duplicates(devices: Sequence[AttachedDevice], named: Sequence[str]) -> list[AttachedDevice]:
    """Return the devices without duplicates of one that is attached twice.

    Cheap phones share a serial number, such as 0123456789ABCDEF, and one phone may be attached by cable and over the
    network at once. The kernel's boot id decides: it is the same for one device and drawn at random by each. Raises
    DeviceError if one device was named twice.
    """
    unique: list[AttachedDevice] = []
    alike: dict[tuple[str | None, ...], list[AttachedDevice]] = {}
    for device in devices:
        facts = device.facts
        ids = (facts.serial, facts.system_id) if facts.serial or facts.system_id else (device.connection.serial,)
        alike.setdefault((facts.maker, facts.model, *ids), []).append(device)
    for same_ids in alike.values():
        if len(same_ids) == 1:
            unique += same_ids
            continue
        boots: dict[str | None, list[AttachedDevice]] = {}
        for device in same_ids:
            boots.setdefault(device.boot().boot_id, []).append(device)
        if None in boots:
            names = " and ".join(device.connection.serial for device in same_ids)
            raise DeviceError(
                f"{names} have the same serial number and do not report whether they are one device: attach "
                "only one of them."
            )
        unique += [_preferred_connection(connections, named) for connections in boots.values()]
    order = [device.connection.serial for device in devices]
    return sorted(unique, key=lambda device: order.index(device.connection.serial))


def _identified(devices: list[AttachedDevice], raw: Path, salt: str, tell: Tell) -> list[AttachedDevice]:
    """Return the devices with their identities, whose doubts are told."""
    identities = identify_all([(device.connection.serial, device.facts) for device in devices], raw, salt)
    for device, identity in zip(devices, identities, strict=True):
        device.identity = identity
        if identity.doubt:
            tell(f"{printable(device.connection.serial)}: {identity.doubt}.")
    return devices


def _preferred_connection(same: list[AttachedDevice], named: Sequence[str]) -> AttachedDevice:
    """Choose one of several connections to the same device: the one that was named, else cable before network."""
    requested = [device for device in same if device.connection.serial in named]
    if len(requested) > 1:
        first, second = (device.connection.serial for device in requested[:2])
        raise DeviceError(
            f"{first} and {second} are the same device (same serial number and boot): choose one of them."
        )
    return min(same, key=lambda device: (device not in requested, device.connection.over_network))
