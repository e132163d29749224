"""Facts about a device, read through a shell: Android phones, and Linux boards that run adbd."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from typing import Any

from aiot_suite.errors import printable
from runner.devices.answers import (
    ANSWER_LIMIT_BYTES,
    POWER_LINES,
    PREAMBLE,
    SCREEN_ON,
    Battery,
    first_match,
    parse_battery,
    parse_number,
    parse_screen_timeout,
    parse_wakefulness,
    printable_value,
    split_sections,
)
from runner.errors import DeviceError
from runner.rawlog import DEVICE_FIELDS, SCHEMA_VERSION

MARKET_NAMES = (
    "ro.product.marketname",
    "ro.config.marketing_name",
    "ro.vivo.market.name",
    "ro.vendor.oplus.market.name",
    "ro.oppo.market.name",
)
"""Properties in which Xiaomi, Huawei, vivo and Oppo store the name a phone is sold under; Android itself has none."""

_PROPERTIES = (
    *("ro.product.manufacturer", "ro.product.brand", "ro.product.model", "ro.product.device", "ro.product.cpu.abi"),
    *("ro.soc.model", "ro.board.platform", "ro.hardware", "ro.serialno", "ro.boot.serialno"),
    *("ro.build.version.release", "ro.build.version.sdk"),
    *MARKET_NAMES,
)
"""The only properties read from the device: some of the others reveal information about its owner."""

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
section compatible
cat /proc/device-tree/compatible
section serial
cat /proc/device-tree/serial-number
section system
settings get secure android_id || cat /etc/machine-id
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
"""
    + POWER_LINES
    + """
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
"""Shell script that prints everything `facts` reads, in one call.

Run it as `sh -c FACTS sh FOLDER`, where FOLDER is the folder that files will be pushed to. It is plain POSIX, for mksh
with toybox as well as for dash. The section of anything that a system lacks stays empty.
"""

SLUG_NAME_LENGTH, SLUG_HASH_LENGTH = 40, 8

# matches only the first line of a value with several lines
_PROPERTY = re.compile(r"^\[([a-z0-9_.]{1,50})\]: \[(.*?)\]?$", re.MULTILINE)
_RELEASE = re.compile(r"^([A-Z_]{1,30})=[\"']?([^\"'\n]*)", re.MULTILINE)
_CORE = re.compile(r"^(\d{1,4}) (\S{1,20}) (\S{1,40})$", re.MULTILINE)
_AFTER_COLON = re.compile(r":[ \t]*([^\n]+)")
_KB = re.compile(r":[ \t]*(\d{1,15}) kB")
_DF = re.compile(r"\s(\d{1,18})\s+(\d{1,18})\s+(\d{1,18})\s+(?:\d{1,3}%|-)\s")
_LOCKED = re.compile(r"(?:^|\s)(?:showing|mIsShowing|mShowingLockscreen)=(true|false)\b")
_COMPATIBLE = re.compile(r"([a-z0-9-]{1,30}),([a-z0-9-]{1,40})")
_BYTES = re.compile(r"(\d{1,9})\s")
_SYSTEM_ID = re.compile(r"(?:[0-9a-f]{1,16}|[0-9a-f]{32})")
_SHARED_SYSTEM_ID = "9774d56d682e549c"  # of many phones with Android 2.2, which had a bug
_UNKNOWN = ("", "unknown", "none", "null")  # placeholders that a device prints for a missing value


_CHIP_MAKERS = {
    "allwinner": "Allwinner",
    "amlogic": "Amlogic",
    "brcm": "Broadcom",
    "fsl": "NXP",
    "mediatek": "MediaTek",
    "nvidia": "NVIDIA",
    "qcom": "Qualcomm",
    "rockchip": "Rockchip",
    "samsung": "Samsung",
    "ti": "Texas Instruments",
}
"""Names of makers by their prefix in device trees (Documentation/devicetree/bindings/vendor-prefixes.yaml of Linux)."""


@dataclass(frozen=True)
class AndroidFacts:
    """Facts about a device. A field is None if the device does not report it."""

    maker: str | None
    model: str | None
    market_name: str | None  # name it is sold under
    soc: str | None
    ram_gb: float | None
    os: str | None
    os_version: str | None
    sdk: int | None  # Android's API level; 27 is Android 8.1
    abi: str | None
    machine: str | None  # the kernel's name of the processor, such as aarch64
    kernel: str | None
    cores: tuple[dict[str, Any], ...]  # max_mhz and governor of each core
    battery: Battery | None
    serial: str | None = field(repr=False)
    system_id: str | None = field(repr=False)  # drawn when the system is first started: Android's id, or the machine id
    page_bytes: int | None  # page size of the memory
    free_bytes: int | None  # free space where files will be pushed to
    awake: bool | None  # whether the screen is on
    dreaming: bool | None  # whether a screen saver is running
    screen_timeout_s: float | None  # time without a touch after which the screen turns off on battery
    locked: bool | None
    nnapi: bool | None  # whether Android's NNAPI library exists


def facts(answer: str | bytes) -> AndroidFacts:
    """Return the facts from the output of FACTS. Raise DeviceError if the output is cut short."""
    texts = split_sections(answer)
    if "end" not in texts:
        raise DeviceError(
            f"The device's description of itself is cut off (after {len(answer)} bytes; at most "
            f"{ANSWER_LIMIT_BYTES} are read): check the cable, and try again."
        )
    property_of = dict(_PROPERTY.findall(texts.get("properties", "")))
    release = dict(_RELEASE.findall(texts.get("release", "")))
    sdk = parse_number(property_of.get("ro.build.version.sdk"), 1, 10_000)
    android = bool(property_of.get("ro.build.version.release") or sdk)

    def known(*values: str | None) -> str | None:
        """Return the first meaningful value."""
        return next(
            (text for value in values if (text := printable_value(value)) and text.lower() not in _UNKNOWN), None
        )

    def of(*names: str) -> str | None:
        return known(*(property_of.get(name) for name in names))

    wakefulness = parse_wakefulness(texts.get("screen"))
    showing = _LOCKED.findall(texts.get("screen", ""))
    ram_kb = parse_number(first_match(_KB, texts.get("memory")), 1, 1e12)
    page_bytes = parse_number(first_match(_BYTES, texts.get("page_bytes")), 1024, 2**24)
    page_kb = parse_number(first_match(_KB, texts.get("page_kb")), 1, 2**14)
    storage_match = _DF.search(texts.get("storage", "") + "\n")
    return AndroidFacts(
        maker=of("ro.product.manufacturer", "ro.product.brand") or known(texts.get("maker")),
        model=of("ro.product.model", "ro.product.device") or known(texts.get("model")),
        market_name=of(*MARKET_NAMES),
        # "Qualcomm Technologies, Inc SM8150" from /proc/cpuinfo is more specific than the platform, "msmnile". On a
        # board it may be wrong: every Raspberry Pi calls itself BCM2835 there.
        soc=of("ro.soc.model")
        or (None if android else board_soc(texts.get("compatible", "")))
        or known(first_match(_AFTER_COLON, texts.get("hardware")))
        or of("ro.board.platform", "ro.hardware")
        or known(first_match(_AFTER_COLON, texts.get("processor"))),
        ram_gb=round(ram_kb / 2**20, 1) if ram_kb else None,
        os="Android" if android else known(release.get("NAME")),
        os_version=of("ro.build.version.release") if android else known(release.get("VERSION_ID")),
        sdk=int(sdk) if sdk else None,
        abi=of("ro.product.cpu.abi") or known(texts.get("machine")),
        machine=known(texts.get("machine")),
        kernel=known(texts.get("kernel")),
        cores=_cores(texts.get("cores", "")),
        battery=parse_battery(texts.get("battery")),
        serial=of("ro.serialno", "ro.boot.serialno") or known(texts.get("serial")),
        system_id=_system_id(texts.get("system", "")),
        page_bytes=int(page_bytes) if page_bytes else int(1024 * page_kb) if page_kb else None,
        free_bytes=1024 * int(storage_match[3]) if storage_match else None,
        awake=wakefulness in SCREEN_ON if wakefulness else None,
        dreaming=wakefulness == "Dreaming" if wakefulness else None,
        screen_timeout_s=parse_screen_timeout(texts.get("screen")),
        locked="true" in showing if showing else None,
        nnapi=bool(texts.get("nnapi", "").strip()) if android else None,
    )


def properties(
    answer: str | bytes, salt: str, slug: str, keep_serial: bool = False, identity_doubt: str | None = None
) -> dict[str, Any]:
    """Return the fields of device.json (`runner.rawlog.DEVICE_FIELDS`) and `market_name` from the output of FACTS.

    With `keep_serial`, `serial` is included unhashed. Raises DeviceError if the output is cut short.
    """
    device_facts = facts(answer)
    battery_state = device_facts.battery
    names = ("maker", "model", "soc", "ram_gb", "os", "os_version", "abi", "kernel")
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "slug": slug,
        "serial_sha256": hashed(device_facts.serial, salt) if device_facts.serial else None,
        "system_sha256": hashed(device_facts.system_id, salt) if device_facts.system_id else None,
        **{name: getattr(device_facts, name) for name in names},
        "cores": list(device_facts.cores),
        "battery": asdict(battery_state) if battery_state else None,
    }
    offered = {name for name, value in record.items() if value is not None}
    record["not_offered"] = sorted(set(DEVICE_FIELDS) - offered - {"not_offered", "identity_doubt"})
    record["identity_doubt"] = identity_doubt
    if device_facts.market_name:
        record["market_name"] = device_facts.market_name
    return {**record, "serial": device_facts.serial} if keep_serial else record


def slug(maker: str | None, model: str | None, identity: str, salt: str) -> str:
    """Return the name of a device's folder.

    It matches [a-z0-9][a-z0-9-]* and has at most SLUG_NAME_LENGTH + 1 + SLUG_HASH_LENGTH characters. `identity`
    distinguishes the device from others of its model (see runner.devices.identity). The name contains only a salted
    hash of it.
    """
    return f"{slug_start(maker, model)}-{hashed(identity, salt)[:SLUG_HASH_LENGTH]}"


def slug_start(maker: str | None, model: str | None) -> str:
    """Return what the names of the folders of all devices of a model start with."""
    maker, model = (_plain(name or "") for name in (maker, model))
    name = model if model.startswith(maker) else f"{maker}-{model}"  # avoid repetitions such as "HUAWEI HUAWEI P30"
    return name[:SLUG_NAME_LENGTH].strip("-") or "device"


def hashed(serial: str, salt: str) -> str:
    """Return the SHA-256 of salt and serial, as stored in every device.json."""
    return hashlib.sha256(f"{salt}:{serial}".encode(errors="replace")).hexdigest()


def board_soc(text: str) -> str | None:
    """Return the SoC of a board, such as "Rockchip RK3588", from the property `compatible` of its device tree.

    The property lists names from the most specific, the board's, to the most general, the SoC's; each ends with NUL.
    """
    match = _COMPATIBLE.fullmatch(text.strip("\0\n").rpartition("\0")[2])
    if not match:
        return None
    chip = match[2].capitalize() if match[2].startswith("tegra") else match[2].upper()
    return f"{_CHIP_MAKERS.get(match[1], match[1].capitalize())} {chip}"


def _system_id(text: str) -> str | None:
    """Return the id of a system from what `settings get secure android_id` or /etc/machine-id says."""
    value = text.strip()
    return value if _SYSTEM_ID.fullmatch(value) and value != _SHARED_SYSTEM_ID else None


def _plain(name: str) -> str:
    """Return the name in lower-case ASCII letters and digits, without accents; hyphens replace everything else."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")


def _cores(text: str) -> tuple[dict[str, Any], ...]:
    """Return the cores, ordered by number."""
    core_facts: dict[int, dict[str, Any]] = {}
    for core, max_khz, governor in _CORE.findall(text):
        khz = parse_number(max_khz, 1, 1e8)
        max_mhz = khz / 1000 if khz else None
        core_facts.setdefault(
            int(core), {"max_mhz": max_mhz, "governor": None if governor == "-" else printable_value(governor)}
        )
    return tuple(core_facts[core] for core in sorted(core_facts))


BOOT_FILES = ("/proc/sys/kernel/random/boot_id", "/proc/uptime")
"""Files with the random id drawn at each boot (random(4)) and the seconds since boot and of idle cores (proc(5))."""

_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UPTIME = re.compile(r"(\d{1,12}(?:\.\d{1,9})?) \d+(?:\.\d+)?")
_DIGITS = 16


@dataclass(frozen=True)
class Boot:
    """One boot of a system. A field is None if it cannot be read."""

    boot_id: str | None = None  # a hash, since other logs of the device may contain the boot id itself
    uptime_s: float | None = None


def parse_boot(text: str, salt: str) -> Boot:
    """Return the boot described by the contents of FILES, either of which may be missing."""
    lines = [printable(line) for line in text.splitlines()]
    boot_id = next((line for line in lines if _BOOT_ID.fullmatch(line)), None)
    uptime = next((match for line in lines if (match := _UPTIME.fullmatch(line))), None)
    return Boot(hashed(boot_id, salt)[:_DIGITS] if boot_id else None, float(uptime[1]) if uptime else None)
