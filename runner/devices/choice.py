"""Which devices a command is for: this machine, or some or all of those that an adb server knows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from aiot_suite.errors import SelectionError
from aiot_suite.workspace import Workspace
from runner.devices import FOLDER, Device, android
from runner.devices.adb import Connection
from runner.devices.attached import AttachedDevice
from runner.devices.local import LocalDevice
from runner.devices.server import Client, connect, states
from runner.errors import DeviceError

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Choice:
    """What a command line says of devices."""

    local: bool = False
    serials: Sequence[str] = ()
    every: bool = False
    connect: Sequence[str] = ()  # HOST:PORT of devices in the network
    folder: str = FOLDER  # on attached devices
    python: str = "python3"  # of attached devices
    keep_serial: bool = False
    local_python: Path | None = None  # that runs the agent on this machine; None: that of each environment


def to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def chosen(choice: Choice, space: Workspace, tell: Tell = to_stderr) -> list[Device]:
    """The devices, this machine first; ANDROID_SERIAL counts where nothing else is chosen.

    Of `--all` those that do not answer are left out, and told. Raises SelectionError if none is chosen or known,
    DeviceError for one that was named and cannot be used.
    """
    devices: list[Device] = [LocalDevice(space.staging, space.salt(), choice.local_python)] if choice.local else []
    named = list(choice.serials)
    if not (choice.local or named or choice.connect or choice.every):
        named = from_environment()
    if not (named or choice.connect or choice.every):
        if not devices:
            raise SelectionError(
                "No device is chosen: give --local for this machine, or -s SERIAL of one that `aiot devices` lists."
            )
        return devices
    client = Client()
    named += [connect(client, address) for address in choice.connect]
    known = states(client)
    check_known(named, known)
    usable = [serial for serial, state in known.items() if state == "device"]
    for serial in named:
        if serial not in usable:
            raise DeviceError(f"The device {serial} is {known[serial]}: `aiot doctor -s {serial}` says what helps.")
    serials = list(dict.fromkeys([*named, *usable] if choice.every else named))
    if not serials:
        raise SelectionError("No attached device can be used: `aiot doctor` says why.")
    found = [attached(serial, client, choice, space) for serial in serials]
    with ThreadPoolExecutor(len(found)) as pool:
        errors = list(pool.map(_silent, found))
    for device, error in zip(found, errors, strict=True):
        if error and device.connection.serial in named:
            raise error
        if error:
            tell(f"{error} It is left out.")
    answering = [device for device, error in zip(found, errors, strict=True) if not error]
    if not answering:
        raise SelectionError("No attached device answers: `aiot doctor` says why.")
    return [*devices, *_each_once(answering, named, space.salt())]


def from_environment() -> list[str]:
    """The device that ANDROID_SERIAL names, as adb takes it."""
    return list(filter(None, [os.environ.get("ANDROID_SERIAL")]))


def check_known(serials: Sequence[str], known: dict[str, str]) -> None:
    """Raises DeviceError for a serial that the adb server does not know."""
    if unknown := [serial for serial in serials if serial not in known]:
        raise DeviceError(f"There is no device {unknown[0]}: attached are {', '.join(known) or 'none'}.")


def attached(serial: str, client: Client, choice: Choice, space: Workspace) -> AttachedDevice:
    return AttachedDevice(
        Connection(serial, client), space.salt(), choice.folder, choice.python, keep_serial=choice.keep_serial
    )


def _silent(device: AttachedDevice) -> DeviceError | None:
    """Why a device does not tell what it is; None if it does."""
    try:
        device.facts  # noqa: B018
    except DeviceError as error:
        return error
    return None


def _each_once(devices: Sequence[AttachedDevice], named: Sequence[str], salt: str) -> list[AttachedDevice]:
    """The devices, one that is attached twice only once, with slugs that tell them apart.

    Cheap phones share a serial number, like 0123456789ABCDEF; and one phone may be attached by cable and by network at
    once. The kernel's boot id tells which it is: it is equal for one device, and drawn anew by each. The slugs of
    devices that share a number rest on what adb calls them, too. Raises DeviceError where one device was named twice.
    """
    kept: list[AttachedDevice] = []
    by_slug = sorted(devices, key=lambda device: device.slug)
    for _, group in groupby(by_slug, key=lambda device: device.slug):
        alike = list(group)
        if len(alike) == 1:
            kept += alike
            continue
        boots: dict[str | None, list[AttachedDevice]] = {}
        for device in alike:
            boots.setdefault(device.boot().boot_id, []).append(device)
        if None in boots:
            names = " and ".join(device.connection.serial for device in alike)
            raise DeviceError(
                f"{names} have one serial number, and do not tell whether they are one device: attach only one of them."
            )
        several = [_one_of(same, named) for same in boots.values()]
        if len(several) > 1:
            for device in several:
                facts = device.facts
                device.slug = android.slug(
                    facts.maker, facts.model, f"{facts.serial} at {device.connection.serial}", salt
                )
        kept += several
    order = [device.connection.serial for device in devices]
    return sorted(kept, key=lambda device: order.index(device.connection.serial))


def _one_of(same: list[AttachedDevice], named: Sequence[str]) -> AttachedDevice:
    """The way to one device that is used, of several: the one that was named, or else by cable before by network."""
    asked = [device for device in same if device.connection.serial in named]
    if len(asked) > 1:
        one, other = (device.connection.serial for device in asked[:2])
        raise DeviceError(f"{one} and {other} are the same device (one serial number, one boot): choose one of them.")
    return min(same, key=lambda device: (device not in asked, device.connection.over_network))
