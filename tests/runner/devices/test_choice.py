"""Tests of choosing devices, with a stand-in for an adb server."""

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field

import pytest

from aiot import main
from aiot_suite.errors import SelectionError
from aiot_suite.workspace import Workspace
from runner.devices.choice import SKIPPED, Choice, SkippedDevice, choose_devices, select_devices
from runner.errors import DeviceError
from tests.runner.devices import android_specimens as specimens
from tests.runner.devices.stand_in import OKAY, StandInServer, block, packet

CHEAP = "0123456789ABCDEF"
HOSTILE = "\33[31m\u202e[bold]$(id)';`id`\\"


@dataclass
class Attached:
    """A device of the stand-in."""

    serial: str
    state: str = "device"
    hardware_serial: str = CHEAP
    model: str = "Redmi K20 Pro"
    boot_id: str | None = field(default_factory=lambda: str(uuid.uuid4()))
    silent: bool = False
    system_id: str = ""

    def says(self, line):
        if "boot_id" in line:
            return self.boot_id or ""
        changed = {"ro__serialno": self.hardware_serial, "ro__product__model": self.model}
        sections = {"properties": specimens.properties(**changed), "system": self.system_id}
        return specimens.answer(**{**specimens.PHONE, **sections})


@pytest.fixture
def attach(monkeypatch):
    """Return a function that attaches devices to an adb server."""
    servers = []
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)

    def start(*devices):
        def says(service):
            if service == "host:devices":
                return OKAY + block("".join(f"{device.serial}\t{device.state}\n" for device in devices))
            for device in devices:
                if service == f"host-serial:{device.serial}:features" and not device.silent:
                    return OKAY + block("shell_v2")
            if service.startswith("host:connect:"):
                return OKAY + block(f"connected to {service.removeprefix('host:connect:')}")
            return None

        class Server(StandInServer):
            """A server with several devices, whose shell is that of the device chosen before."""

            def _serve(self, request, says):
                chosen = []

                def answer(service):
                    if service.startswith("host:tport:serial:"):
                        chosen[:] = [device for device in devices if service.endswith(f":{device.serial}")]
                        return OKAY + bytes(8)
                    if service.startswith("shell,v2,raw:"):
                        return OKAY + packet(1, chosen[0].says(service).encode()) + packet(3, b"\0")
                    return says(service)

                super()._serve(request, answer)

        servers.append(Server(says))
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(servers[-1].port))

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def space(tmp_path):
    return Workspace(tmp_path)


def names(devices):
    return [device.connection.serial for device in devices]


def test_nothing_chosen_is_said_with_the_choices(attach, space):
    attach(Attached("one"))
    with pytest.raises(
        SelectionError, match=r"use --local for this machine, -s SERIAL for one that `aiot devices` lists, or --ssh"
    ):
        choose_devices(Choice(), space)


def test_the_device_of_the_environment_counts_where_nothing_else_is_chosen(attach, space, monkeypatch):
    attach(Attached("one"), Attached("two", hardware_serial="2"))
    monkeypatch.setenv("ANDROID_SERIAL", "two")
    assert names(choose_devices(Choice(), space)) == ["two"]
    assert names(choose_devices(Choice(serials=["one"]), space)) == ["one"]
    assert [device.slug for device in choose_devices(Choice(local=True), space)] == ["local"]
    monkeypatch.setenv("ANDROID_SERIAL", "three")
    with pytest.raises(DeviceError, match=r"^There is no device three: attached devices are one, two\.$"):
        choose_devices(Choice(), space)


@pytest.mark.parametrize("state", ["unauthorized", "offline", "no permissions (user in plugdev group; see [http])"])
def test_an_unusable_device_is_an_error_if_named_and_skipped_with_all(attach, space, state):
    attach(Attached("one"), Attached("two", state=state))
    with pytest.raises(DeviceError) as raised:
        choose_devices(Choice(serials=["two"]), space)
    assert str(raised.value) == f"The device two is {state}: run `aiot doctor -s two` for advice."
    assert names(choose_devices(Choice(every=True), space)) == ["one"]


def test_without_any_usable_device_there_is_an_error(attach, space):
    attach(Attached("one", state="offline"))
    with pytest.raises(SelectionError, match="No attached device can be used: run `aiot doctor` to find out why"):
        choose_devices(Choice(every=True), space)
    attach()
    with pytest.raises(DeviceError, match=r"There is no device one: attached devices are none\."):
        choose_devices(Choice(serials=["one"]), space)


def test_of_all_one_that_does_not_answer_is_left_out_and_told(attach, space):
    attach(Attached("one", hardware_serial="1"), Attached("two", silent=True), Attached("three", hardware_serial="3"))
    messages = []
    assert names(choose_devices(Choice(every=True), space, messages.append)) == ["one", "three"]
    assert (
        len(messages) == 1
        and messages[0].startswith("The device two does not answer")
        and messages[0].endswith("It is skipped.")
    )
    with pytest.raises(DeviceError, match="The device two does not answer"):
        choose_devices(Choice(serials=["two"]), space)
    attach(Attached("two", silent=True))
    with pytest.raises(SelectionError, match="No attached device answers"):
        choose_devices(Choice(every=True), space, messages.append)


def test_an_address_is_a_device_by_the_name_that_adb_gives_it(attach, space):
    attach(Attached("10.0.0.1:5555"))
    assert names(choose_devices(Choice(connect=["10.0.0.1:5555"]), space)) == ["10.0.0.1:5555"]
    assert names(choose_devices(Choice(connect=["10.0.0.1:5555"], every=True), space)) == ["10.0.0.1:5555"]


def test_two_devices_with_one_serial_number_are_two_devices(attach, space):
    attach(Attached("usb:1-1"), Attached("usb:1-2"), Attached("other", hardware_serial="other"))
    devices = choose_devices(Choice(every=True), space)
    assert names(devices) == ["usb:1-1", "usb:1-2", "other"]
    assert len({device.slug for device in devices}) == 3
    again = choose_devices(Choice(every=True), space)
    assert [device.slug for device in again] == [device.slug for device in devices], "so that a run can be gone on with"
    for device in devices:
        assert device.properties()["slug"] == device.slug
        assert device.slug.startswith("xiaomi-redmi-k20-pro-")


@pytest.mark.parametrize("network", ["10.0.0.1:5555", "adb-0123-x._adb-tls-connect._tcp"])
def test_one_device_that_is_attached_twice_is_one_device(attach, space, network):
    over_network = Attached(network)
    attach(over_network, Attached("cable", boot_id=over_network.boot_id), Attached("other", hardware_serial="other"))
    assert names(choose_devices(Choice(every=True), space)) == ["cable", "other"]
    assert names(choose_devices(Choice(every=True, serials=[network]), space)) == [network, "other"]
    sentence = rf"^{network} and cable are the same device \(same serial number and boot\): choose one of them\.$"
    with pytest.raises(DeviceError, match=sentence):
        choose_devices(Choice(serials=[network, "cable"]), space)


@pytest.mark.parametrize("boot_id", [None, "\33[31m", "x" * 10_240])
def test_devices_that_cannot_be_told_apart_are_not_taken_for_one(attach, space, boot_id):
    attach(Attached("one", boot_id=boot_id), Attached("two"))
    with pytest.raises(DeviceError, match=r"^one and two have the same serial number and do not report whether"):
        choose_devices(Choice(every=True), space)
    assert names(choose_devices(Choice(serials=["one"]), space)) == ["one"]


def aiot(monkeypatch, space, *words):
    monkeypatch.setattr("sys.argv", ["aiot", *words, "--workspace", str(space.root)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_devices_are_listed_and_those_that_cannot_be_used_as_well(attach, space, monkeypatch, capsys):
    attach(Attached("one"), Attached("two", state="offline"), Attached("three", silent=True))
    assert aiot(monkeypatch, space, "devices") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["serial", "state", "model", "soc", "system", "ram_gb", "abi"]
    assert lines[1][:6] == ["one", "device", "Xiaomi", "Redmi", "K20", "Pro"]
    assert lines[2:] == [["two", "offline", *"-----"], ["three", "no", "answer", *"-----"]]
    assert aiot(monkeypatch, space, "devices", "--json") == 0
    first, second, third = json.loads(capsys.readouterr().out)
    assert (first["ram_gb"], second["state"], second["model"]) == (7.5, "offline", None)
    assert third["error"].startswith("The device three does not answer")


def test_no_word_of_a_device_is_a_word_to_a_terminal(attach, space, monkeypatch, capsys):
    attach(Attached(HOSTILE, model=f"小米 {HOSTILE}\33]0;evil\7"), Attached(f"{HOSTILE}2", state=f"off{HOSTILE}"))
    aiot(monkeypatch, space, "devices")
    aiot(monkeypatch, space, "doctor")
    aiot(monkeypatch, space, "run", "-s", f"{HOSTILE}2")
    aiot(monkeypatch, space, "run", "-s", f"{HOSTILE}3")
    printed = capsys.readouterr()
    assert all(line.isprintable() for line in (printed.out + printed.err).splitlines())
    assert "小米 [31m [bold]$(id)';`id`\\ ]0;evil" in printed.out
    assert aiot(monkeypatch, space, "devices", "--json") == 0
    listed = capsys.readouterr().out
    assert listed.isascii() and "\33" not in listed
    assert json.loads(listed)[0]["serial"] == HOSTILE, "as adb has it, for scripts to name it by"


def test_columns_are_straight_with_characters_of_two_columns(attach, space, monkeypatch, capsys):
    from rich.cells import cell_len

    attach(Attached("one", model="小米"), Attached("two", model="mi", hardware_serial="2"))
    aiot(monkeypatch, space, "devices")
    wide, narrow = capsys.readouterr().out.splitlines()[1:]
    assert cell_len(wide.partition("Qualcomm")[0]) == cell_len(narrow.partition("Qualcomm")[0])


def test_every_device_that_the_server_knows_is_used_or_named_with_its_state(attach, space):
    cable = Attached("cable", hardware_serial="1")
    network = Attached("10.0.0.1:5555", hardware_serial="1", boot_id=cable.boot_id)
    states = ("unauthorized", "offline", "recovery", "no permissions (user in plugdev group; see [http])")
    attach(cable, network, Attached("silent", silent=True), *(Attached(f"in {state}", state=state) for state in states))
    messages = []
    selection = select_devices(Choice(every=True), space, messages.append)
    assert names(selection.devices) == ["cable"]
    expected = [*(SkippedDevice(f"in {state}", state) for state in states), SkippedDevice("silent", "no answer")]
    assert list(selection.skipped) == expected
    assert messages[:4] == [f"The device in {state} is {state}: it is skipped." for state in states]
    assert messages[4].startswith("The device silent does not answer") and messages[4].endswith("It is skipped.")
    assert messages[5:] == ["10.0.0.1:5555 is a second connection to a device, and is not used."]
    assert select_devices(Choice(serials=["cable"]), space, messages.append).skipped == (), (
        "the others were not asked for"
    )


@pytest.mark.parametrize("state", ["offline", "unauthorized"])
def test_the_exit_code_of_all_tells_of_devices_that_were_skipped(attach, space, monkeypatch, capsys, state):
    attach(Attached("one", hardware_serial="1"), Attached("two", state=state))
    monkeypatch.setattr("runner.devices.attached.AttachedDevice.clean", lambda device, force: True)
    assert aiot(monkeypatch, space, "clean", "--all") == 1
    out, errors = capsys.readouterr()
    assert out.startswith("clean     one: removed ")
    assert errors.splitlines() == [
        f"The device two is {state}: it is skipped.",
        f"aiot: {SKIPPED}",
    ]
    assert aiot(monkeypatch, space, "clean", "--all", "--skip-unusable") == 0
    assert capsys.readouterr().err == f"The device two is {state}: it is skipped.\n", "it is named all the same"
    assert aiot(monkeypatch, space, "clean", "-s", "one") == 0


def test_commands_that_read_write_nothing(attach, space, monkeypatch):
    attach(Attached("one"), Attached("two", state="offline"))
    monkeypatch.setattr("runner.devices.attached.AttachedDevice.clean", lambda device, force: True)
    for words in (["devices"], ["doctor"], ["clean", "--all"]):
        aiot(monkeypatch, space, *words)
        assert list(space.root.iterdir()) == []


@pytest.mark.parametrize("port", ["abc", "\u00b2", "0", "65536", "5037 ", "-1", "1" * 5000])
def test_a_port_that_is_none_is_one_sentence(tmp_path, port):
    """The command runs in a separate process, because adbutils reads the variable when it is imported."""
    done = subprocess.run(
        [sys.executable, "-m", "aiot", "devices", "--workspace", tmp_path],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ANDROID_ADB_SERVER_PORT": port},
    )
    [sentence] = done.stderr.splitlines()
    assert done.returncode == 1 and len(sentence) < 250
    assert sentence.startswith("aiot: ANDROID_ADB_SERVER_PORT is ")
    assert sentence.endswith(", which is not a port number: unset it, or set it to one.")
