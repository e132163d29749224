"""Answers of devices, written by hand according to the documented formats; none was taken from a phone.

The formats are those of Android's BatteryService, ThermalManagerService, PowerManagerService and
KeyguardServiceDelegate (`dumpsys`), of toybox (getprop, df, getconf, uname) and of the Linux kernel (/proc, /sys).
"""


def answer(**sections):
    """Return a complete answer to one of the scripts."""
    return "".join(f"\n@aiot-section {name}\n{text}" for name, text in [*sections.items(), ("end", "")])


def properties(**changed):
    """Return lines of getprop; double underscores in a name stand for dots."""
    defaults = {
        "ro.product.manufacturer": "Xiaomi",
        "ro.product.brand": "Xiaomi",
        "ro.product.model": "Redmi K20 Pro",
        "ro.product.device": "raphael",
        "ro.product.cpu.abi": "arm64-v8a",
        "ro.board.platform": "msmnile",
        "ro.hardware": "qcom",
        "ro.serialno": "9f1c2d3e",
        "ro.build.version.release": "10",
        "ro.build.version.sdk": "29",
        **{name.replace("__", "."): value for name, value in changed.items()},
    }
    return "".join(f"[{name}]: [{value}]\n" for name, value in sorted(defaults.items()))


BATTERY = """\
Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  Max charging voltage: 5000000
  Charge counter: 3112000
  status: 2
  health: 2
  present: true
  level: 84
  scale: 100
  voltage: 4063
  temperature: 326
  technology: Li-ion
"""

BATTERY_WITH_A_MAKERS_LINES = """\
Current Battery Service state:
  (UPDATES STOPPED -- use 'reset' to restart)
  AC powered: false
  USB powered: false
  Wireless powered: false
  Dock powered: false
  status: 3
  health: 2
  present: true
  level: 150
  scale: 200
  voltage: 4063
  temperature: 298
  technology: Li-ion
  LED Charging: true
  current now: 321
  level: 3
BatteryInfoBackUp
  mSavedBatteryMaxTemp: 490
"""

NO_BATTERY = """\
Current Battery Service state:
  AC powered: true
  USB powered: false
  Wireless powered: false
  status: 1
  health: 1
  present: false
  level: 0
  scale: 100
  voltage: 0
  temperature: 0
"""

THERMAL = """\
IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 1
\tkilled: false
\tbroadcasts count: -1
ThermalStatusListeners:
\tcallbacks: 1
\tkilled: false
\tbroadcasts count: -1
Thermal Status: 1
Cached temperatures:
\tTemperature{mValue=45.979, mType=3, mName=skin-therm, mStatus=1}
\tTemperature{mValue=99.0, mType=0, mName=CPU-old, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL 2.0 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=41.3, mType=0, mName=CPU0, mStatus=0}
\tTemperature{mValue=43.849, mType=0, mName=CPU7, mStatus=0}
\tTemperature{mValue=38.0, mType=1, mName=GPU0, mStatus=0}
\tTemperature{mValue=0.0, mType=1, mName=GPU1, mStatus=0}
\tTemperature{mValue=31.2, mType=2, mName=battery, mStatus=0}
\tTemperature{mValue=33.4, mType=3, mName=skin-therm, mStatus=0}
\tTemperature{mValue=-99.9, mType=5, mName=PA, mStatus=0}
\tTemperature{mValue=120.0, mType=6, mName=vbat, mStatus=6}
\tTemperature{mValue=77.0, mType=8, mName=soc, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=3, mType=2, mName=thermal-cpufreq-0}
Temperature static thresholds from HAL:
\tTemperatureThreshold{mType=3, mName=skin-therm, mHotThrottlingThresholds=[NaN, 39.0, 43.0, 45.0, 46.5, 52.0, 55.0], \
mColdThrottlingThresholds=[NaN, NaN, NaN, NaN, NaN, NaN, NaN]}
"""

THERMAL_OTHER_NUMBERS = """\
IsStatusOverride: false
Thermal Status: 0
Cached temperatures:
\tTemperature{mValue=61.0, mType=1, mName=TYPE_CPU, mStatus=0}
HAL Ready: true
Current temperatures from HAL:
\tTemperature{mValue=71.5, mType=1, mName=TYPE_CPU, mStatus=0}
\tTemperature{mValue=24.4, mType=3, mName=TYPE_BATTERY, mStatus=0}
\tTemperature{mValue=25.3, mType=4, mName=TYPE_SKIN, mStatus=0}
Current cooling devices from HAL:
Temperature static thresholds from HAL:
"""
"""Output of a maker whose type numbers are one higher than Android's, and whose HAL has no thresholds."""

THERMAL_WITHOUT_HAL = """\
IsStatusOverride: false
ThermalEventListeners:
ThermalStatusListeners:
Thermal Status: 0
Cached temperatures:
HAL Ready: false
"""

POWER_AND_WINDOW = """\
  mWakefulness=Awake
      showing=false
      mIsShowing=false
    mShowingLockscreen=false mShowingDream=false mDreamingLockscreen=false mDreamingSleepToken=null
"""

DF = """\
Filesystem      1K-blocks     Used Available Use% Mounted on
/dev/block/dm-5 113700000 45000000  68700000  40% /data
"""

CPUINFO = "Hardware\t: Qualcomm Technologies, Inc SM8150\n"

CORES = "".join(f"{number} {khz} schedutil\n" for number, khz in enumerate([1785600] * 4 + [2419200] * 3 + [2841600]))

PHONE = {
    "properties": properties(),
    "release": "",
    "maker": "",
    "model": "",
    "serial": "",
    "system": "3f7a91c2d4e5b608\n",
    "machine": "aarch64\n",
    "kernel": "4.14.117-perf-g1a2b3c4\n",
    "memory": "MemTotal:        7826384 kB\n",
    "cores": CORES,
    "hardware": CPUINFO,
    "processor": "",
    "battery": BATTERY,
    "screen": POWER_AND_WINDOW,
    "storage": DF,
    "page_bytes": "4096\n",
    "page_kb": "KernelPageSize:        4 kB\n",
    "nnapi": "/system/lib64\n/system/lib\n",
}
"""Sections of the answer of a phone to android.FACTS."""

BOARD = {
    "properties": "",
    "release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\n',
    "maker": "",
    "model": "Raspberry Pi 4 Model B Rev 1.4\0",
    "serial": "10000000abcdef01\0",
    "system": "4f1d2c3b4a5968778695a4b3c2d1e0f0\n",
    "machine": "aarch64\n",
    "kernel": "6.1.0-rpi7-rpi-v8\n",
    "memory": "MemTotal:        3884332 kB\n",
    "cores": "0 1800000 ondemand\n1 1800000 ondemand\n10 1500000 -\n2 - -\n",
    "hardware": "",
    "processor": "",
    "battery": "",
    "screen": "",
    "storage": "Filesystem     1K-blocks    Used Available Use% Mounted on\n"
    "/dev/mapper/a-very-long-name-that-takes-the-line\n                30000000 9000000  21000000  30% /\n",
    "page_bytes": "",
    "page_kb": "KernelPageSize:       16 kB\n",
    "nnapi": "",
}
"""Sections of the answer of a Linux board to android.FACTS."""

HOSTILE = [
    "'; rm -rf / #",
    '"$(reboot)"',
    "`id`; ls",
    "a\nb",
    "a\r\n@aiot-section battery\nlevel: 1",
    "]: [x]",
    "../../etc/passwd",
    "..",
    "-rf",
    "/",
    "小米 红米 K20 尊享版",
    "Größe é ñ",
    "\x1b[31mred\x1b]0;title\x07",
    "\u202egnp.exe",
    "<script>alert(1)</script>",
    "[red]markup[/red]",
    "\0\0",
    "�" * 40,
    "\ud800",
    "9" * 10_000,
    "A-" * 5_000,
    "é" * 10_000,
    "",
    " ",
]
"""Values that a property of a device may have."""
