"""The devices, servers and proxies of these tests behave as documented in README.md."""

import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from aiot_analysis.tables import paper
from tests.e2e.phones import running_phones
from tests.e2e.runs import wait_until
from tests.e2e.server import is_listening
from tests.unpacked import NotHere

pytestmark = pytest.mark.e2e
errors = pytest.importorskip("adbutils.errors", reason="adbutils is not installed: pip install -e '.[run]'")
AdbError, AdbTimeout = errors.AdbError, errors.AdbTimeout
PHONE_ROOT = {"adbd", "apex", "bin", "data", "dev", "lib", "lib64", "proc", "stand-in", "sys", "system", "usr"}
SLEEPER = "setsid nohup sleep 600 </dev/null >/dev/null 2>&1 &"  # toybox keeps the name of its first tool, setsid
until = partial(wait_until, timeout_s=10)


def adb_device(server, phone):
    return server.client().device(phone.serial)


def states(server):
    """Return the state of each device of an adb server, by serial."""
    return {device.serial: device.state for device in server.client().list()}


def answers(server, phone):
    """Return whether the shell of a phone answers, after reconnecting it if necessary."""
    try:
        server.client(2).connect(phone.serial)
        return adb_device(server, phone).shell2("echo here", timeout=2, v2=True).stdout == "here\n"
    except (AdbError, AdbTimeout):
        return False


def test_two_phones_are_two_devices(adb_server, phones):
    first, second = phones(2)
    assert states(adb_server) == {first.serial: "device", second.serial: "device"}
    for phone in (first, second):
        done = adb_device(adb_server, phone).shell2("echo out; echo err >&2; exit 3", v2=True)
        assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    adb_device(adb_server, first).sync.push(b"one", "/data/local/tmp/it")
    assert adb_device(adb_server, second).shell("ls /data/local/tmp") == ""
    assert adb_device(adb_server, first).sync.read_bytes("/data/local/tmp/it") == b"one"
    assert (first.storage / "local" / "tmp" / "it").read_bytes() == b"one"


def test_a_frozen_phone_answers_nothing_until_it_is_thawed(adb_server, phones):
    (phone,) = phones(1)
    device = adb_device(adb_server, phone)
    beat = "while sleep 0.05; do echo >>/data/local/tmp/beats; done"
    device.shell2(f"setsid nohup sh -c '{beat}' </dev/null >/dev/null 2>&1 &", v2=True)
    beats = phone.storage / "local" / "tmp" / "beats"
    until(beats.exists)

    phone.freeze()
    with pytest.raises(AdbTimeout):
        device.shell2("echo here", timeout=0.3, v2=True)  # the timeout of `shell` starts only when adbd answers
    assert states(adb_server) == {phone.serial: "device"}, "a device that hangs is still connected"
    size = beats.stat().st_size
    until(lambda: beats.stat().st_size > size + 2)  # processes started by adbd continue

    phone.freeze(everything=True)
    size = beats.stat().st_size
    time.sleep(0.2)
    assert beats.stat().st_size == size
    phone.thaw()
    until(lambda: beats.stat().st_size > size)
    assert device.shell("echo here", timeout=5) == "here"

    phone.freeze()
    phone.drop()
    phone.start()
    until(lambda: answers(adb_server, phone))


def test_a_dropped_phone_is_lost_with_all_that_ran_on_it_and_comes_back(adb_server, phones):
    lost, other = phones(2)
    device = adb_device(adb_server, lost)
    device.shell2(SLEEPER, v2=True)
    device.sync.push(b"kept", "/data/local/tmp/it")
    until(lambda: len(lost.processes()) == 2)
    assert "setsid" in device.shell("ps -A -o NAME").split()
    processes = lost.processes()
    boot_id = device.shell("cat /proc/sys/kernel/random/boot_id")

    lost.drop()
    assert not any(process.is_running() for process in processes)
    until(lambda: states(adb_server).get(lost.serial) != "device")
    with pytest.raises(AdbError):
        device.shell("echo here", timeout=5)
    assert answers(adb_server, other)

    lost.start()
    until(lambda: answers(adb_server, lost))
    assert device.shell("cat /proc/sys/kernel/random/boot_id") == boot_id
    assert device.shell("cat /data/local/tmp/it") == "kept"
    assert "setsid" not in device.shell("ps -A -o NAME").split()


def test_a_reboot_ends_everything_and_shows_in_the_boot_id(adb_server, phones):
    (phone,) = phones(1)
    device = adb_device(adb_server, phone)
    device.sync.push(b"kept", "/data/local/tmp/it")
    device.shell2(SLEEPER, v2=True)
    until(lambda: "setsid" in device.shell("ps -A -o NAME").split())
    before = device.shell("cat /proc/sys/kernel/random/boot_id")
    phone.reboot()
    until(lambda: answers(adb_server, phone))
    assert "setsid" not in device.shell("ps -A -o NAME").split()
    assert device.shell("cat /data/local/tmp/it") == "kept"
    after = device.shell("cat /proc/sys/kernel/random/boot_id")
    assert len(after) == len(before) == 36 and after != before


def test_a_restarted_server_knows_no_device_until_it_is_connected(adb_server, phones):
    (phone,) = phones(1)
    adb_server.restart()
    assert states(adb_server) == {}
    assert answers(adb_server, phone)


def test_a_full_storage_refuses_a_push_and_takes_it_when_there_is_room(adb_server, phones):
    (phone,) = phones(1, storage_mb=8)
    device = adb_device(adb_server, phone)
    phone.fill_storage(free_bytes=100_000)
    with pytest.raises(AdbError):
        device.sync.push(bytes(200_000), "/data/local/tmp/it", check=True)
    assert device.shell2("head -c 200000 /dev/zero >/data/local/tmp/it", v2=True).returncode != 0
    phone.free_storage()
    device.sync.push(bytes(200_000), "/data/local/tmp/it", check=True)
    assert (phone.storage / "local" / "tmp" / "it").stat().st_size == 200_000


def test_a_push_is_cut_in_the_middle_and_goes_through_the_second_time(adb_server, phones, proxied):
    (phone,) = phones(1)
    proxy = proxied(phone)
    device = adb_device(adb_server, proxy)
    proxy.cut_after(1_000_000)
    with pytest.raises((AdbError, OSError)):
        device.sync.push(bytes(5_000_000), "/data/local/tmp/it", check=True)
    assert proxy.cuts == 1
    pushed = phone.storage / "local" / "tmp" / "it"
    assert not pushed.exists() or pushed.stat().st_size < 5_000_000
    until(lambda: answers(adb_server, proxy))
    device.sync.push(bytes(5_000_000), "/data/local/tmp/it", check=True)
    assert pushed.stat().st_size == 5_000_000


def test_a_proxy_hides_shell_v2_and_nothing_else(adb_server, phones, proxied):
    (phone,) = phones(1)
    hidden = adb_device(adb_server, proxied(phone, shell_v2=False))
    features = set(adb_device(adb_server, phone).get_features().split(","))
    assert "shell_v2" in features
    assert set(hidden.get_features().split(",")) == features - {"shell_v2"}
    assert hidden.shell("echo out; echo err >&2").split() == ["out", "err"]
    with pytest.raises(AdbError), hidden.open_transport(timeout=5) as connection:
        connection.send_command("shell,v2:echo out")
        connection.check_okay()
    hidden.sync.push(b"it", "/data/local/tmp/it", check=True)
    assert hidden.sync.read_bytes("/data/local/tmp/it") == b"it"


def test_a_proxy_makes_a_phone_that_has_not_allowed_this_computer(adb_server, phones, proxied):
    (phone,) = phones(1)
    serial = proxied(phone, authorized=False).serial
    until(lambda: states(adb_server)[serial] == "unauthorized")
    with pytest.raises(AdbError, match="unauthorized"):
        adb_server.client().device(serial).shell("echo here", timeout=5)


def test_a_phone_answers_like_one_of_table_iii(adb_server, phones):
    (phone,) = phones(1, paper_ids=(20,))
    facts = paper.devices().set_index("paper_id").loc[20]
    device = adb_device(adb_server, phone)
    assert f"{device.prop.get('ro.product.manufacturer')} {device.prop.get('ro.product.model')}" == facts["device"]
    assert device.prop.get("ro.board.platform") == facts["soc"].replace(" ", "").lower() == "kirin990"
    assert device.prop.get("ro.build.version.release") == str(facts["android"])
    assert device.shell("getprop ro.nothing") == ""
    assert "[ro.product.model]: [Mate 30 Pro]" in device.shell("getprop").splitlines()
    ram_kb = int(device.shell("grep MemTotal /proc/meminfo").split()[1])
    assert 0.9 < ram_kb / 2**20 / facts["ram_gb"] < 1
    assert "level: 85" in device.shell("dumpsys battery")
    assert "Thermal Status: 0" in device.shell("dumpsys thermalservice")
    assert device.shell2("dumpsys nothing", v2=True).stderr == "Can't find service: nothing\n"


def test_android_9_has_no_thermal_service(adb_server, phones):
    (phone,) = phones(1, paper_ids=(1,))
    assert "Can't find service" in adb_device(adb_server, phone).shell("dumpsys thermalservice")


def test_answers_of_a_phone_can_change_while_it_runs(adb_server, phones):
    (phone,) = phones(1, paper_ids=(2,))
    device = adb_device(adb_server, phone)
    phone.answers.set_battery(percent=12, temperature_c=41.5, plugged=False)
    lines = device.shell("dumpsys battery").split("\n  ")
    assert {"level: 12", "temperature: 415", "USB powered: false", "status: 3"} <= set(lines)
    phone.answers.set_thermal(status=4, temperatures={"SKIN": (3, 58.0)})
    assert "Thermal Status: 4" in device.shell("dumpsys thermalservice")
    assert "Temperature{mValue=58.0, mType=3, mName=SKIN, mStatus=4}" in device.shell("dumpsys thermalservice")


def test_a_phone_offers_the_fixed_performance_mode_refuses_it_or_does_not_know_it(adb_server, phones):
    (phone,) = phones(1, paper_ids=(10,))
    device = adb_device(adb_server, phone)
    command = "cmd power set-fixed-performance-mode-enabled true"
    assert device.shell2(command, v2=True).returncode == 0
    phone.answers.set_fixed_performance(False)
    refused = device.shell2(command, v2=True)
    assert refused.returncode == 255 and "Failed to set FIXED_PERFORMANCE mode" in refused.stderr
    phone.answers.set_fixed_performance(None)
    assert device.shell("cmd power set-fixed-performance-mode-enabled false").startswith("Unknown command")
    assert phone.calls() == [command, command, command.replace("true", "false")]


def test_screen_and_nnapi_are_as_a_test_says(adb_server, phones):
    (phone,) = phones(1)
    device = adb_device(adb_server, phone)
    library = "/apex/com.android.neuralnetworks/lib64/libneuralnetworks.so"
    assert "mWakefulness=Awake" in device.shell("dumpsys power") and "showing=false" in device.shell("dumpsys window")
    assert device.shell2(f"[ -e {library} ]", v2=True).returncode == 1
    phone.answers.set_screen(awake=False, locked=True)
    phone.answers.set_nnapi(True)
    assert "Asleep" in device.shell("dumpsys power") and "showing=true" in device.shell("dumpsys window policy")
    assert device.shell2(f"[ -e {library} ]", v2=True).returncode == 0


def test_a_phone_sees_nothing_of_this_machine_and_a_board_sees_this_python(adb_server, phones):
    (phone,), (board,) = phones(1), phones(1, board=True)
    device = adb_device(adb_server, phone)
    assert device.shell2("which python3 python", v2=True).returncode == 1
    assert set(device.shell("ls /").split()) == PHONE_ROOT
    on_board = adb_device(adb_server, board)
    assert on_board.shell(f"{Path(sys.executable).name} -c 'import sys; print(sys.prefix)'") == sys.prefix
    assert on_board.shell2(f"touch {sys.prefix}/it", v2=True).returncode == 1


@pytest.mark.parametrize(("unshare", "reason"), [("exit 1", "Operation not permitted"), (None, "there is no unshare")])
@pytest.mark.usefixtures("parts")
def test_a_machine_without_namespaces_is_reported(tmp_path, monkeypatch, unshare, reason):
    for tool in ("sh", "nsenter", "mount", "chroot"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    if unshare:
        (tmp_path / "unshare").write_text(f"#!/bin/sh\necho unshare failed: Operation not permitted >&2\n{unshare}\n")
        (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotHere, match=reason), running_phones([1]):
        pass


def test_the_command_starts_phones_and_nothing_of_them_outlives_it(phones, tmp_path):
    phones(1)  # skips the test if phones cannot be started
    words = [sys.executable, "-m", "tests.e2e.phones", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as command:
        ports = []
        for line in command.stdout:
            ports += [
                int(port) for port in re.findall(r"(?:^connected to 127.0.0.1:|^ANDROID_ADB_SERVER_PORT=)(\d+)", line)
            ]
            if "Ctrl-C" in line:
                break
        assert len(ports) == 2 and all(is_listening(port) for port in ports)
        command.kill()
    until(lambda: not any(is_listening(port) for port in ports))


@pytest.mark.parametrize(
    "value", ["$(reboot)", "`id`; rm -rf /", "a'b\"c", "\n\n\\n%s -n", "Überfön 小米", "x" * 10_240]
)
def test_a_hostile_value_arrives_unchanged(adb_server, phones, value):
    (phone,) = phones(1)
    phone.answers.set_property("ro.product.model", value)
    assert adb_device(adb_server, phone).shell("getprop ro.product.model", rstrip=False) == f"{value}\n"
