"""What a device is, read through a shell: Android phones, and Linux boards that run an adbd."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from typing import Any

from runner.devices.android_state import Battery, battery
from runner.devices.answers import ANSWER_LIMIT_BYTES, PREAMBLE, cleaned, first, number, sections
from runner.errors import DeviceError
from runner.rawlog import DEVICE_FIELDS, SCHEMA_VERSION

MARKET_NAMES = (
    "ro.product.marketname",
    "ro.config.marketing_name",
    "ro.vivo.market.name",
    "ro.vendor.oplus.market.name",
    "ro.oppo.market.name",
)
"""Properties in which Xiaomi, Huawei, vivo and Oppo keep the name a phone is sold by; Android itself has none."""

_PROPERTIES = (
    *("ro.product.manufacturer", "ro.product.brand", "ro.product.model", "ro.product.device", "ro.product.cpu.abi"),
    *("ro.soc.model", "ro.board.platform", "ro.hardware", "ro.serialno", "ro.boot.serialno"),
    *("ro.build.version.release", "ro.build.version.sdk"),
    *MARKET_NAMES,
)
"""No other is taken from the device: some of the others tell about its owner."""

FACTS = (
    PREAMBLE
    + f"""\
section properties
getprop | grep -E '^\\[({"|".join(map(re.escape, _PROPERTIES))})\\]: '
"""
    + """\
section release
cat /etc/os-release
section maker
cat /sys/class/dmi/id/sys_vendor
section model
cat /sys/class/dmi/id/product_name || cat /proc/device-tree/model
section serial
cat /proc/device-tree/serial-number
section machine
uname -m
section kernel
uname -r
section memory
grep MemTotal: /proc/meminfo
section cores
for cpu in /sys/devices/system/cpu/cpu[0-9]*; do
  max= governor=
  read -r max <"$cpu/cpufreq/cpuinfo_max_freq"
  read -r governor <"$cpu/cpufreq/scaling_governor"
  echo "${cpu##*/cpu} ${max:--} ${governor:--}"
done
section hardware
grep -m 1 '^Hardware' /proc/cpuinfo
section processor
grep -m 1 '^model name' /proc/cpuinfo
section battery
dumpsys battery
section screen
dumpsys power | grep mWakefulness=
dumpsys window policy | grep -i -E 'showing=|showinglockscreen='
section storage
folder=${1:-/data/local/tmp}
while [ -n "$folder" ] && [ ! -d "$folder" ]; do
  case $folder in /?*) folder=${folder%/*} ;; *) break ;; esac
done
[ -d "${folder:-/}" ] && df -k "${folder:-/}"
section page_bytes
getconf PAGE_SIZE
section page_kb
grep -m 1 KernelPageSize /proc/self/smaps
section nnapi
for base in /system /apex/com.android.neuralnetworks; do
  for lib in lib64 lib; do [ -e "$base/$lib/libneuralnetworks.so" ] && echo "$base/$lib"; done
done
section end
"""
)
"""Prints what `facts` reads, in one call: `sh -c FACTS sh FOLDER`, where FOLDER is the one that files will go to.

Plain POSIX, for mksh with toybox as for dash: what a system lacks leaves its section empty.
"""

SLUG_NAME_LENGTH, SLUG_HASH_LENGTH = 40, 8

_PROPERTY = re.compile(r"^\[([a-z0-9_.]{1,50})\]: \[(.*?)\]?$", re.MULTILINE)  # of a value in lines, the first
_RELEASE = re.compile(r"^([A-Z_]{1,30})=[\"']?([^\"'\n]*)", re.MULTILINE)
_CORE = re.compile(r"^(\d{1,4}) (\S{1,20}) (\S{1,40})$", re.MULTILINE)
_AFTER_COLON = re.compile(r":[ \t]*([^\n]+)")
_KB = re.compile(r":[ \t]*(\d{1,15}) kB")
_DF = re.compile(r"\s(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s+(?:\d{1,3}%|-)\s")
_WAKEFULNESS = re.compile(r"mWakefulness=([A-Z][a-z]{1,20})")
_SCREEN_ON = ("Awake", "Dreaming")  # a screen saver is a dream
_LOCKED = re.compile(r"(?:^|\s)(?:showing|mIsShowing|mShowingLockscreen)=(true|false)\b")
_BYTES = re.compile(r"(\d{1,9})\s")
_UNKNOWN = ("", "unknown", "none", "null")  # what a device says of a value that it does not have


@dataclass(frozen=True)
class Facts:
    """What a device is. None: it does not say."""

    maker: str | None
    model: str | None
    market_name: str | None  # what it is sold by
    soc: str | None
    ram_gb: float | None
    os: str | None
    os_version: str | None
    sdk: int | None  # Android's API level, 27 for Android 8.1
    abi: str | None
    machine: str | None  # what the kernel calls the processor, like aarch64
    kernel: str | None
    cores: tuple[dict[str, Any], ...]  # max_mhz and governor of each
    battery: Battery | None
    serial: str | None = field(repr=False)
    page_bytes: int | None  # of memory
    free_bytes: int | None  # where files will go to
    awake: bool | None  # whether its screen is on
    dreaming: bool | None  # whether a screen saver runs
    locked: bool | None
    nnapi: bool | None  # whether Android's library of it is there


def facts(answer: str | bytes) -> Facts:
    """What a device is, from what FACTS printed; raises DeviceError if it was cut short."""
    said = sections(answer)
    if "end" not in said:
        raise DeviceError(
            f"The device's answer about itself breaks off (after {len(answer)} bytes; up to {ANSWER_LIMIT_BYTES} are "
            "read): check the cable, and try again."
        )
    property_of = dict(_PROPERTY.findall(said.get("properties", "")))
    release = dict(_RELEASE.findall(said.get("release", "")))
    sdk = number(property_of.get("ro.build.version.sdk"), 1, 10_000)
    android = bool(property_of.get("ro.build.version.release") or sdk)

    def known(*values: str | None) -> str | None:
        """The first that says something."""
        return next((one for value in values if (one := cleaned(value)) and one.lower() not in _UNKNOWN), None)

    def of(*names: str) -> str | None:
        return known(*(property_of.get(name) for name in names))

    wakefulness = first(_WAKEFULNESS, said.get("screen"))
    showing = _LOCKED.findall(said.get("screen", ""))
    ram_kb = number(first(_KB, said.get("memory")), 1, 1e12)
    page_bytes = number(first(_BYTES, said.get("page_bytes")), 1024, 2**24)
    page_kb = number(first(_KB, said.get("page_kb")), 1, 2**14)
    storage = _DF.search(said.get("storage", "") + "\n")
    return Facts(
        maker=of("ro.product.manufacturer", "ro.product.brand") or known(said.get("maker")),
        model=of("ro.product.model", "ro.product.device") or known(said.get("model")),
        market_name=of(*MARKET_NAMES),
        # "Qualcomm Technologies, Inc SM8150" of /proc/cpuinfo says more than the platform, which is "msmnile"
        soc=of("ro.soc.model")
        or known(first(_AFTER_COLON, said.get("hardware")))
        or of("ro.board.platform", "ro.hardware")
        or known(first(_AFTER_COLON, said.get("processor"))),
        ram_gb=round(ram_kb / 2**20, 1) if ram_kb else None,
        os="Android" if android else known(release.get("NAME")),
        os_version=of("ro.build.version.release") if android else known(release.get("VERSION_ID")),
        sdk=int(sdk) if sdk else None,
        abi=of("ro.product.cpu.abi") or known(said.get("machine")),
        machine=known(said.get("machine")),
        kernel=known(said.get("kernel")),
        cores=_cores(said.get("cores", "")),
        battery=battery(said.get("battery")),
        serial=of("ro.serialno", "ro.boot.serialno") or known(said.get("serial")),
        page_bytes=int(page_bytes) if page_bytes else int(1024 * page_kb) if page_kb else None,
        free_bytes=1024 * int(storage[3]) if storage else None,
        awake=wakefulness in _SCREEN_ON if wakefulness else None,
        dreaming=wakefulness == "Dreaming" if wakefulness else None,
        locked="true" in showing if showing else None,
        nnapi=bool(said.get("nnapi", "").strip()) if android else None,
    )


def properties(answer: str | bytes, salt: str, slug: str, keep_serial: bool = False) -> dict[str, Any]:
    """The fields of device.json (`runner.rawlog.DEVICE_FIELDS`) from what FACTS printed, and `market_name`.

    With `keep_serial` also `serial`, as it is. Raises DeviceError if the answer was cut short.
    """
    found = facts(answer)
    power = found.battery
    names = ("maker", "model", "soc", "ram_gb", "os", "os_version", "abi", "kernel")
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "slug": slug,
        "serial_sha256": hashed(found.serial, salt) if found.serial else None,
        **{name: getattr(found, name) for name in names},
        "cores": list(found.cores),
        "battery": asdict(power) if power else None,
    }
    offered = {name for name, value in record.items() if value is not None}
    record["not_offered"] = sorted(set(DEVICE_FIELDS) - offered - {"not_offered"})
    if found.market_name:
        record["market_name"] = found.market_name
    return {**record, "serial": found.serial} if keep_serial else record


def slug(maker: str | None, model: str | None, identity: str, salt: str) -> str:
    """The name of a device's folder: [a-z0-9][a-z0-9-]*, at most SLUG_NAME_LENGTH + 1 + SLUG_HASH_LENGTH long.

    `identity` tells it apart from others of its kind: the serial, or where it has none, how adb calls it. Only a salted
    hash of it is in the name.
    """
    maker, model = (_plain(name or "") for name in (maker, model))
    name = model if model.startswith(maker) else f"{maker}-{model}"  # "HUAWEI HUAWEI P30" says it twice
    name = name[:SLUG_NAME_LENGTH].strip("-") or "device"
    return f"{name}-{hashed(identity, salt)[:SLUG_HASH_LENGTH]}"


def hashed(serial: str, salt: str) -> str:
    """SHA-256 of salt and serial, as every device.json has it."""
    return hashlib.sha256(f"{salt}:{serial}".encode(errors="replace")).hexdigest()


def _plain(name: str) -> str:
    """Small letters and digits of ASCII, with hyphens for what is between them; letters lose their accents."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")


def _cores(text: str) -> tuple[dict[str, Any], ...]:
    """The cores in the order of their numbers."""
    found: dict[int, dict[str, Any]] = {}
    for core, max_khz, governor in _CORE.findall(text):
        khz = number(max_khz, 1, 1e8)
        max_mhz = khz / 1000 if khz else None
        found.setdefault(int(core), {"max_mhz": max_mhz, "governor": None if governor == "-" else cleaned(governor)})
    return tuple(found[core] for core in sorted(found))
