"""Which devices a command is for: this machine, or some or all of those that an adb server knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from adbutils import AdbClient

from runner.devices import FOLDER, Device
from runner.devices.adb import Connection, server_answering, states
from runner.devices.attached import AttachedDevice
from runner.devices.local import LocalDevice
from runner.errors import DeviceError, SelectionError
from runner.workspace import Workspace


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


def chosen(choice: Choice, space: Workspace) -> list[Device]:
    """The devices, this machine first; ANDROID_SERIAL counts where nothing else is chosen.

    Raises SelectionError if none is chosen or known, DeviceError for one that cannot be used.
    """
    devices: list[Device] = [LocalDevice(space.staging, space.salt())] if choice.local else []
    serials = [*choice.serials, *choice.connect]
    if not (choice.local or serials or choice.every) and os.environ.get("ANDROID_SERIAL"):
        serials = [os.environ["ANDROID_SERIAL"]]
    if not (serials or choice.every):
        if not devices:
            raise SelectionError(
                "No device is chosen: give --local for this machine, or -s SERIAL, --all or --connect."
            )
        return devices
    client = connected(choice.connect)
    known = states(client)
    if choice.every:
        serials += [serial for serial, state in known.items() if serial not in serials and state == "device"]
        if not serials:
            raise SelectionError("No attached device can be used: `aiot doctor` says why.")
    for serial in serials:
        if known.get(serial) != "device":
            raise DeviceError(
                f"The device {serial} is {known[serial]}: `aiot doctor -s {serial}` says what helps."
                if serial in known
                else f"There is no device {serial}: attached are {', '.join(known) or 'none'}."
            )
    by_slug: dict[str, AttachedDevice] = {}
    for serial in dict.fromkeys(serials):
        device = attached(serial, client, choice, space)
        if (other := by_slug.setdefault(device.slug, device)) is not device:
            raise DeviceError(f"{other.connection.serial} and {serial} are the same device: choose one of them.")
    devices += by_slug.values()
    return devices


def attached(serial: str, client: AdbClient, choice: Choice, space: Workspace) -> AttachedDevice:
    return AttachedDevice(
        Connection(serial, client), space.salt(), choice.folder, choice.python, keep_serial=choice.keep_serial
    )


def connected(addresses: Sequence[str]) -> AdbClient:
    """A client of the adb server (ANDROID_ADB_SERVER_PORT names another port) that has connected to these addresses.

    Raises DeviceError for one that does not answer.
    """
    try:
        client = AdbClient()
    except ValueError:
        port = os.environ.get("ANDROID_ADB_SERVER_PORT")
        raise SelectionError(f"ANDROID_ADB_SERVER_PORT is {port!r}, which is no port: unset it, or name one.") from None
    for address in addresses:
        with server_answering():
            said = client.connect(address, timeout=10)
        if not said.startswith(("connected", "already connected")):
            raise DeviceError(f"{address} cannot be reached ({said.strip()}): is wireless debugging on there?")
    return client
