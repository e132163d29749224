"""Tests of facts and states of Linux boards, with texts from public sources instead of real boards.

Names in device trees are from the sources of the Linux kernel in arch/arm64/boot/dts: broadcom/bcm2711-rpi-4-b.dts and
bcm2712-rpi-5-b.dts (the firmware of a Raspberry Pi adds the revision to the model), rockchip/rk3588-rock-5b.dts,
rk3588s-orangepi-5.dts, and nvidia/tegra234-p3768-0000+p3767-0005.dts. The flags of `vcgencmd get_throttled` are from
raspberrypi.com/documentation/computers/os.html; the file in /sys is written, without 0x, by
drivers/firmware/raspberrypi.c of the Raspberry Pi's kernel. Kernels name cooling devices either cpufreq-cpu0 or
thermal-cpufreq-0 (drivers/thermal/cpufreq_cooling.c). Zones are from public listings of a Jetson Nano, where PMIC-Die
always reads 100 degrees, and of boards with an RK3588. The texts of the PC are made up according to the format.
"""

import os
import subprocess

import pytest

from runner import doctor
from runner.devices import android, answers, local
from tests.runner.devices import android_specimens as specimens

PI_4 = {"model": "Raspberry Pi 4 Model B Rev 1.4\0", "compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0"}
PI_5 = {"model": "Raspberry Pi 5 Model B Rev 1.0\0", "compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0"}
ORIN_NANO = {
    "model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
}
ROCK_5B = {"model": "Radxa ROCK 5B\0", "compatible": "radxa,rock-5b\0rockchip,rk3588\0"}
ORANGE_PI_5 = {"model": "Xunlong Orange Pi 5\0", "compatible": "xunlong,orangepi-5\0rockchip,rk3588s\0"}
X86 = {
    "maker": "LattePanda\n",
    "model": "LattePanda 3 Delta\n",
    "processor": "model name\t: Intel(R) Celeron(R) N5105 @ 2.00GHz\n",
    "machine": "x86_64\n",
    "serial": "",
}


JETSON_NANO_ZONES = """\
41500 AO-therm
34000 CPU-therm
31000 GPU-therm
31500 PLL-therm
100000 PMIC-Die
33000 thermal-fan-est
"""
RK3588_ZONES = """\
36100 soc-thermal
35200 bigcore0-thermal
35900 bigcore1-thermal
36000 littlecore-thermal
35200 center-thermal
35200 gpu-thermal
35200 npu-thermal
"""


def facts(**changed):
    return android.facts(specimens.answer(**{**specimens.BOARD, **changed}))


def state(**sections):
    return answers.current_state(specimens.answer(**sections))


@pytest.mark.parametrize(
    ("board", "model", "soc"),
    [
        (PI_4, "Raspberry Pi 4 Model B Rev 1.4", "Broadcom BCM2711"),
        # since Linux 4.9, all models report BCM2835 in /proc/cpuinfo
        ({**PI_5, "hardware": "Hardware\t: BCM2835\n"}, "Raspberry Pi 5 Model B Rev 1.0", "Broadcom BCM2712"),
        (ORIN_NANO, "NVIDIA Jetson Orin Nano Developer Kit", "NVIDIA Tegra234"),
        (ROCK_5B, "Radxa ROCK 5B", "Rockchip RK3588"),
        (ORANGE_PI_5, "Xunlong Orange Pi 5", "Rockchip RK3588S"),
        (X86, "LattePanda 3 Delta", "Intel(R) Celeron(R) N5105 @ 2.00GHz"),
        ({"model": "", "compatible": "no comma\0"}, None, None),
        ({"model": "x", "compatible": "maker,board\0\33[31m,$(reboot)\0"}, "x", None),
    ],
)
def test_model_and_soc_of_a_board(board, model, soc):
    board_facts = facts(**board)
    assert (board_facts.model, board_facts.soc) == (model, soc)


def test_the_device_tree_of_a_phone_does_not_name_its_soc():
    answer = specimens.answer(**{**specimens.PHONE, "compatible": "qcom,sm8150-mtp\0qcom,sm8150\0"})
    assert android.facts(answer).soc == "Qualcomm Technologies, Inc SM8150"


def test_a_pc_is_recognized_by_the_id_of_its_system():
    pc = facts(**X86)
    assert (pc.serial, pc.system_id, pc.machine) == (None, "4f1d2c3b4a5968778695a4b3c2d1e0f0", "x86_64")


@pytest.mark.parametrize(
    ("flags", "cooling", "throttling"),
    [
        ("throttled=0x0\n", "", "none"),
        ("throttled=0x50000\n", "", "none"),  # under-voltage and throttling have occurred since the start
        ("throttled=0x50005\n", "", "under-voltage, throttled"),
        ("throttled=0xe0008\n", "", "hot"),
        ("throttled=0x20002\n", "0 cpufreq-cpu0\n", "capped"),
        ("50005\n", "", "under-voltage, throttled"),
        ("0\n", "", "none"),
        ("VCHI initialization failed\n", "", None),
        ("", "0 thermal-cpufreq-0\n3 thermal-cpufreq-1\n", "capped"),
        ("", "0 cpufreq-cpu0\n0 cpufreq-cpu4\n0 cpufreq-cpu6\n", "none"),
        ("throttled=0x4\n", "2 thermal-cpufreq-0\n", "throttled, capped"),
        ("", "0 Processor\n0 Processor\n", "none"),
        ("", "", None),
    ],
)
def test_what_slows_a_board_down(flags, cooling, throttling):
    assert state(throttled=flags, cooling=cooling)["throttling"] == throttling


@pytest.mark.parametrize(
    ("zones", "celsius", "sensor"),
    [
        (JETSON_NANO_ZONES, 34.0, "CPU-therm"),
        (RK3588_ZONES, 36.1, "soc-thermal"),
        ("27800 acpitz\n20000 INT3400 Thermal\n54000 x86_pkg_temp\n61000 iwlwifi_1\n", 54.0, "x86_pkg_temp"),
        ("48312 cpu-thermal\n", 48.3, "cpu-thermal"),  # a Raspberry Pi
        ("50000 sensor A\n47000 sensor B\n", 50.0, "sensor A"),
        ("100000 PMIC-Die\n", None, None),
    ],
)
def test_the_temperature_of_a_board_is_that_of_its_chip(zones, celsius, sensor):
    values = state(zones=zones)
    assert (values["temperature_c"], values["temperature_sensor"]) == (celsius, sensor)


def test_a_real_shell_reads_what_the_kernel_and_the_firmware_say(tmp_path):
    files = {
        "sys/class/thermal/cooling_device0/type": "gpio-fan\n",
        "sys/class/thermal/cooling_device0/cur_state": "1\n",
        "sys/class/thermal/cooling_device1/type": "cpufreq-cpu4\n",
        "sys/class/thermal/cooling_device1/cur_state": "2\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "80008\n",
        "proc/device-tree/compatible": PI_5["compatible"],
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def run(script, *folders):
        script = script.replace("/sys/", f"{tmp_path}/sys/").replace(
            "/proc/device-tree/", f"{tmp_path}/proc/device-tree/"
        )
        path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
        return subprocess.run(["sh", "-c", script], capture_output=True, check=True, env={"PATH": path}).stdout

    assert answers.current_state(run(answers.STATE_SCRIPT))["throttling"] == "hot, capped"
    assert android.facts(run(android.FACTS)).soc == "Broadcom BCM2712"
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "vcgencmd"
    tool.write_text('#!/bin/sh\n[ "$1" = get_throttled ] && echo throttled=0x50001\n')
    tool.chmod(0o755)
    assert answers.current_state(run(answers.STATE_SCRIPT, tool.parent))["throttling"] == "under-voltage, capped"
    tool.write_text("#!/bin/sh\necho VCHI initialization failed >&2\nexit 255\n")  # the user is not in the group video
    assert answers.current_state(run(answers.STATE_SCRIPT, tool.parent))["throttling"] == "hot, capped"


def test_a_board_that_is_this_machine_is_described_alike(tmp_path, monkeypatch):
    for name in ("_THERMAL_FOLDER", "_THROTTLED_FILE", "_COMPATIBLE_FILE"):
        monkeypatch.setattr(local, name, tmp_path / name)
    device = local.LocalDevice(tmp_path / "root", "salt")
    assert device.telemetry()["throttling"] is None
    (tmp_path / "_COMPATIBLE_FILE").write_text(PI_5["compatible"])
    (tmp_path / "_THROTTLED_FILE").write_text("50001\n")
    for number, (kind, step) in enumerate([("gpio-fan", 3), ("cpufreq-cpu0", 1)]):
        folder = tmp_path / "_THERMAL_FOLDER" / f"cooling_device{number}"
        folder.mkdir(parents=True)
        (folder / "type").write_text(f"{kind}\n")
        (folder / "cur_state").write_text(f"{step}\n")
    assert device.telemetry()["throttling"] == "under-voltage, capped"
    assert device.properties()["soc"] == "Broadcom BCM2712"


# ---- findings of aiot doctor


def finding(check, device_facts, **sections):
    (match,) = [match for match in doctor.findings("device", device_facts, state(**sections)) if match.check == check]
    return match


def test_doctor_speaks_of_a_board_as_a_board():
    findings = doctor.findings("device", facts(**PI_4), state(throttled="throttled=0x0\n"))
    checks = {entry.check: entry.level for entry in findings}
    assert "screen" not in checks and "thermal status" not in checks
    assert (checks["throttling"], checks["governor"]) == ("ok", "note")


@pytest.mark.parametrize(
    ("flags", "level", "words"),
    [
        ("throttled=0x0", "ok", "not throttled"),
        ("throttled=0x50005", "problem", "power supply that is made for the board"),
        ("throttled=0x80008", "problem", "cool it with a fan"),
        ("", "note", "`sudo usermod -aG video USER`"),
    ],
)
def test_doctor_on_throttling(flags, level, words):
    throttling = finding("throttling", facts(**PI_4), throttled=f"{flags}\n")
    assert (throttling.level, words in f"{throttling.message} {throttling.remedy}") == (level, True)


def test_doctor_on_the_governor():
    governor = finding("governor", facts(cores="0 1800000 ondemand\n1 1800000 schedutil\n"))
    assert (governor.level, "ondemand and schedutil" in governor.message, "sudo tee" in governor.remedy) == (
        "note",
        True,
        True,
    )
    assert finding("governor", facts(cores="0 1800000 performance\n")).level == "ok"
    assert finding("governor", facts(cores="0 - -\n")).message == "It does not report how its clock rates are chosen."


def test_a_throttled_board_is_waited_for_unless_its_power_supply_is_too_weak():
    assert doctor.gate(state(throttled="throttled=0xc0008")) == ["it is throttled (hot)"]
    assert doctor.gate(state(throttled="throttled=0x50005")) == []
    assert doctor.gate(state(throttled="throttled=0x0")) == []
