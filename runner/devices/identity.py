"""Which device is which: the name of a device's folder, which stays the same, and what is doubtful about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner import rawlog
from runner.devices import android
from runner.devices.android import AndroidFacts, hashed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_DIGITS = ("0123456789abcdef" * 2, "1234567890" * 2, "1234567890abcdef" * 2, "9876543210" * 2)
_SHORTEST = 4  # characters; a shorter one may well be a serial number
_PLACEHOLDERS = ("20080411", "default string", "not specified", "system serial number", "to be filled by o.e.m.")

_INSTEAD = "so it is recognized by the id of its system, which changes when the device is reset"
SHARED = f"another device has the same serial number, {_INSTEAD}"
PLACEHOLDER = f"it has no serial number of its own, {_INSTEAD}"
CHANGED = "its serial number was last seen with the id of another system: it was reset, or it is another device"
BY_ADDRESS = (
    "it reports neither a serial number of its own nor an id of its system, so it is recognized by its name or address "
    "in adb or SSH: under another one it counts as another device"
)


@dataclass(frozen=True)
class Identity:
    """The name of a device's folder, and what is doubtful about it in words that may be logged."""

    slug: str
    doubt: str | None = None


@dataclass(frozen=True)
class OtherDevices:
    """What is known about other devices when one is identified."""

    measured: Mapping[str, str] = field(default_factory=dict)  # earlier, of the same serial: slug by hash of the system
    same_serial: bool = False  # whether another attached device reports the same serial number
    same_system: bool = False  # whether another attached device reports the same id of its system, too


def is_placeholder(serial: str) -> bool:
    """Return whether a serial number is one that makers put into all devices of a kind, like 0123456789ABCDEF."""
    text = serial.lower()
    is_plain = len(set(text)) == 1 or any(text in digits for digits in _DIGITS)
    return (is_plain and len(text) >= _SHORTEST) or text in _PLACEHOLDERS or text.startswith("emulator")


def identify(facts: AndroidFacts, address: str, salt: str, others: OtherDevices | None = None) -> Identity:
    """Return the identity of a device.

    A device is recognized by its serial number. If that is missing, a placeholder, or that of another device as well,
    the id of its system (`AndroidFacts.system_id`) is taken in addition, and without one its name in adb or its
    address, `address`.
    """
    others = others or OtherDevices()
    serial, system = facts.serial or "", facts.system_id
    system_hash = hashed(system, salt) if system else ""

    def named(text: str) -> str:
        return android.slug(facts.maker, facts.model, text, salt)

    reason = PLACEHOLDER
    if serial and not is_placeholder(serial):
        several = others.same_serial or len(others.measured) > 1
        if system_hash in others.measured and not others.same_system:
            return Identity(others.measured[system_hash], SHARED if several else None)
        if not several:
            return Identity(named(serial), CHANGED if others.measured and system else None)
        reason = SHARED
    if system and not others.same_system:
        return Identity(named(f"{serial} of {system}"), reason)
    return Identity(named(f"{serial} at {address}" if serial else address), BY_ADDRESS)


def identify_all(attached: Sequence[tuple[str, AndroidFacts]], raw: Path, salt: str) -> list[Identity]:
    """Return the identities of devices that are attached at the same time, and that are all different ones.

    `attached` has the name that adb gives a device, and its facts. `raw` is the folder of the raw logs, in which
    devices that were measured earlier are looked up.
    """
    serials = Counter(facts.serial for _, facts in attached)
    systems = Counter((facts.serial, facts.system_id) for _, facts in attached)
    identities = []
    for address, facts in attached:
        others = OtherDevices(
            measured_devices(raw, facts, salt),
            same_serial=bool(facts.serial) and serials[facts.serial] > 1,
            same_system=bool(facts.system_id) and systems[facts.serial, facts.system_id] > 1,
        )
        identities.append(identify(facts, address, salt, others))
    return identities


def measured_devices(raw: Path, facts: AndroidFacts, salt: str) -> dict[str, str]:
    """Return the devices in the raw logs that have the same serial number: slug by the hash of the system's id.

    The newest run of each device counts that states both.
    """
    slugs: dict[str, str] = {}
    if not facts.serial:
        return slugs
    for folder in sorted(raw.glob(f"{android.slug_start(facts.maker, facts.model)}-*")):
        for path in sorted(folder.glob("*/device.json"), reverse=True):
            try:
                record = rawlog.read_json(path, rawlog.DEVICE_FIELDS)
            except rawlog.RawLogError:
                continue
            if record["serial_sha256"] != hashed(facts.serial, salt):
                break
            if record["system_sha256"]:
                slugs[record["system_sha256"]] = folder.name
                break
    return slugs
