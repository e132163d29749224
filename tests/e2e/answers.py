"""Answers of the stand-ins on a device: those of a phone of the paper's Table III, unless a test changes them."""

from __future__ import annotations

import platform
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from aiot_analysis.tables import paper

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

API_LEVELS = {"9": "28", "10": "29", "11": "30"}
PLATFORMS = {  # TARGET_BOARD_PLATFORM in public device trees of phones with these chips
    "Snapdragon 855": "msmnile",
    "Snapdragon 855+": "msmnile",
    "Snapdragon 865": "kona",
    "Snapdragon 845": "sdm845",
    "Snapdragon 710": "sdm710",
    "Snapdragon 712": "sdm710",
    "Snapdragon 670": "sdm710",
    "Snapdragon 675": "sm6150",
    "Snapdragon 730G": "sm6150",
    "MediaTek Helio G90T": "mt6785",
    "MediaTek Helio P90": "mt6779",
    "MediaTek Helio P95": "mt6779",
}


class Answers:
    """The files that getprop, dumpsys and /proc on a device read. They can be changed while the device runs."""

    def __init__(self, folder: Path, paper_id: int, serial: str) -> None:
        self._stand_in = folder / "stand-in"
        self._properties = self._stand_in / "properties"
        self._services = self._stand_in / "services"
        for subfolder in (self._properties, self._services):
            subfolder.mkdir(parents=True)
        self._folder = folder
        table = paper.devices()
        [facts] = table[table["paper_id"] == paper_id].astype(str).to_dict("records")
        for name, value in _properties(facts, serial).items():
            self.set_property(name, value)
        self.set_battery()
        self.set_screen()
        if int(facts["android"]) >= 10:
            self.set_thermal()
        self.set_fixed_performance(True if int(facts["android"]) >= 11 else None)
        self.set_ram(float(facts["ram_gb"]))
        self.new_boot_id()
        self.reset()

    def set_property(self, name: str, value: str | bytes) -> None:
        """Set a property that getprop returns: any text or bytes, including hostile ones."""
        _write(self._properties / name, value)

    def set_service(self, name: str, value: str | bytes) -> None:
        """Set the output of dumpsys for a service."""
        _write(self._services / name, value)

    def remove_service(self, name: str) -> None:
        """Remove a service, which dumpsys then does not find."""
        (self._services / name).unlink(missing_ok=True)

    def set_battery(
        self, percent: int = 85, temperature_c: float = 25.0, plugged: bool = True, charge_uah: int | None = None
    ) -> None:
        """Set the output of `dumpsys battery`."""
        lines = {
            "AC powered": "false",
            "USB powered": str(plugged).lower(),
            "Wireless powered": "false",
            "Max charging current": 500000 if plugged else 0,
            "Max charging voltage": 5000000 if plugged else 0,
            "Charge counter": percent * 34000 if charge_uah is None else charge_uah,
            "status": (5 if percent == 100 else 2) if plugged else 3,  # full, charging, discharging
            "health": 2,
            "present": "true",
            "level": percent,
            "scale": 100,
            "voltage": 3600 + 7 * percent,
            "temperature": round(temperature_c * 10),
            "technology": "Li-ion",
        }
        text = "".join(f"  {name}: {value}\n" for name, value in lines.items())
        self.set_service("battery", f"Current Battery Service state:\n{text}")

    def set_thermal(self, status: int = 0, temperatures: Mapping[str, tuple[int, float]] | None = None) -> None:
        """Set the output of `dumpsys thermalservice` (Android 10 and later).

        `temperatures` has the type of each sensor and its value in degrees Celsius, by the name of the sensor.
        """
        sensors = temperatures or {"AP": (0, 31.5), "BAT": (2, 25.0), "SKIN": (3, 27.2), "USB": (4, 0.0)}
        sensor_lines = "".join(
            f"\tTemperature{{mValue={value}, mType={kind}, mName={name}, mStatus={status}}}\n"
            for name, (kind, value) in sensors.items()
        )
        text = (
            f"IsStatusOverride: false\nThermal Status: {status}\nCached temperatures:\n{sensor_lines}HAL Ready: true\n"
        )
        text += f"HAL connection:\n\tThermalHAL 2.0 connected: yes\nCurrent temperatures from HAL:\n{sensor_lines}"
        text += "Current cooling devices from HAL:\nTemperature static thresholds from HAL:\n"
        text += "\tTemperatureThreshold{mType=3, mName=SKIN, mHotThrottlingThresholds=[NaN, 39.0, 43.0, 48.0, NaN], "
        text += "mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN]}\n"
        self.set_service("thermalservice", text)

    def set_screen(self, awake: bool = True, locked: bool = False, timeout_s: int = 30) -> None:
        """Set the state of the screen in the output of `dumpsys power` and `dumpsys window policy`."""
        state = f"  mWakefulness={'Awake' if awake else 'Asleep'}\n  mScreenOffTimeoutSetting={1000 * timeout_s}\n"
        self.set_service("power", f"Power Manager State:\n{state}")
        keyguard = f"    KeyguardServiceDelegate\n      showing={str(locked).lower()}\n"
        self.set_service("window", f"WINDOW MANAGER POLICY STATE (dumpsys window policy)\n{keyguard}")

    def set_fixed_performance(self, offered: bool | None) -> None:
        """Set whether `cmd power set-fixed-performance-mode-enabled` works; None: unknown to Android 10 and older."""
        _write(self._stand_in / "fixed-performance", {True: "offered", False: "refused", None: "unknown"}[offered])

    def set_nnapi(self, installed: bool) -> None:
        """Create or delete a file with the name of NNAPI's library, which is not a library."""
        library = self._stand_in / "apex" / "com.android.neuralnetworks" / "lib64" / "libneuralnetworks.so"
        if installed:
            library.parent.mkdir(parents=True, exist_ok=True)
            library.write_text("A stand-in for NNAPI's library: only its name is real.\n")
        else:
            library.unlink(missing_ok=True)

    def set_ram(self, ram_gb: float) -> None:
        """Set MemTotal in /proc/meminfo from the next boot on; other values are those of this machine."""
        meminfo = Path("/proc/meminfo").read_text(encoding="utf-8")
        total_kb = round(ram_gb * 2**20 * 0.94)  # a phone reserves some memory for its modem and graphics
        _write(self._folder / "meminfo", re.sub(r"(?m)^MemTotal: .*", f"MemTotal: {total_kb:15} kB", meminfo))

    def reset(self) -> None:
        """Set a new `android_id`, as a factory reset does; nothing else changes."""
        _write(self._stand_in / "android-id", f"{uuid.uuid4().hex[:16]}\n")

    def new_boot_id(self) -> None:
        """Set a new /proc/sys/kernel/random/boot_id from the next boot on."""
        _write(self._folder / "boot_id", f"{uuid.uuid4()}\n")


def _properties(facts: Mapping[Hashable, str], serial: str) -> dict[str, str]:
    """Return the properties of a phone, given its row of Table III."""
    maker, _, model = facts["device"].partition(" ")
    soc, android = facts["soc"], facts["android"]
    chip = PLATFORMS.get(
        soc, soc.replace(" ", "").lower()
    )  # platforms of Kirin and Exynos chips are named after the chip
    code = re.sub(r"\W+", "", model).lower()
    abi = "arm64-v8a" if platform.machine() == "aarch64" else platform.machine()
    return {
        "ro.product.manufacturer": maker,
        "ro.product.brand": maker,
        "ro.product.model": model,
        "ro.product.name": code,
        "ro.product.device": code,
        "ro.board.platform": chip,
        "ro.hardware": "qcom" if soc.startswith("Snapdragon") else chip,
        "ro.build.version.release": android,
        "ro.build.version.sdk": API_LEVELS[android],
        "ro.build.fingerprint": f"{maker}/{code}/{code}:{android}/STANDIN/1:user/release-keys",
        "ro.product.cpu.abi": abi,  # of this machine, on which pushed programs run
        "ro.product.cpu.abilist": abi,
        "ro.serialno": serial,
        "ro.boot.serialno": serial,
        "sys.boot_completed": "1",
    }


def _write(path: Path, value: str | bytes) -> None:
    """Write a file atomically, so that no process on the device reads a part of an answer."""
    draft = path.with_name(f".{path.name}")
    draft.write_bytes(value if isinstance(value, bytes) else value.encode())
    draft.rename(path)
