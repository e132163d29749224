"""Tests of connections to devices: words reach the shell unchanged, and answers are limited."""

import errno
import itertools
import shlex
import struct
import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiot_suite.errors import SelectionError
from runner.devices import adb
from runner.devices.adb import Connection
from runner.errors import DeviceError, DeviceLostError
from tests.examples import examples
from tests.runner.devices.stand_in import OKAY, StandInServer, block, device, packet

SERIAL = "it's; $(a) `phone`"


@pytest.fixture
def client_of(monkeypatch):
    """Return a function that makes a client of a stand-in server with these answers."""
    servers = []

    def start(says):
        servers.append(StandInServer(says))
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(servers[-1].port))
        return adb.Client()

    start.servers = servers
    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connection_to(client_of):
    return lambda shell, features="shell_v2": Connection(SERIAL, client_of(device(SERIAL, shell, features)))


@examples(40)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1, max_size=5))
def test_quoted_words_arrive_at_a_real_shell_as_they_are(words):
    line = shlex.join(["printf", "%s\\0", *words])
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout.decode() == "".join(
        f"{word}\0" for word in words
    )


def test_output_errors_and_exit_code_are_kept_apart(connection_to):
    lines = []

    def shell(line):
        lines.append(line)
        return packet(1, b"o") + packet(2, b"e\xff") + packet(9, b"?") + packet(1, b"ut") + packet(3, b"\7")

    answer = connection_to(shell).shell(["echo", "$(reboot)", "a'b\nc"])
    assert answer == adb.CommandResult(7, "out", "e\ufffd")
    assert lines == ["echo '$(reboot)' 'a'\"'\"'b\nc'"]


def test_a_server_is_asked_for_its_version_once(client_of):
    client = client_of(device(SERIAL, lambda line: packet(3, b"\0")))
    for _ in range(3):
        Connection(SERIAL, client).shell("true")
    services = client_of.servers[-1].services
    assert (services.count("host:version"), services.count("shell,v2,raw:true")) == (1, 3)


def test_an_old_shell_gives_exit_code_and_errors_by_a_workaround(connection_to, monkeypatch, tmp_path):
    monkeypatch.setattr(adb, "_TEMPORARY", str(tmp_path))

    def shell(line):  # from a real server, with the line ends of a terminal
        done = subprocess.run(["sh", "-c", line], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout.replace(b"\n", b"\r\n")

    connection = connection_to(shell, features="cmd")
    assert connection.shell("echo out; echo err >&2; exit 3") == adb.CommandResult(3, "out\n", "err\n")
    assert connection.shell(["printf", "no end"]) == adb.CommandResult(0, "no end", "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_endless_output_of_a_device_is_stopped(connection_to, features):
    talk = packet(1, b"y\n" * 1000) if features == "shell_v2" else b"y\n" * 1000
    sent = itertools.count()
    connection = connection_to(lambda line: (talk for _ in sent), features)
    with pytest.raises(
        DeviceError, match=r"The command `yes` does not finish on the device .*: it has sent \d+ bytes\.$"
    ) as raised:
        connection.shell("yes")
    assert not isinstance(raised.value, DeviceLostError)
    assert next(sent) * len(talk) < 4 * adb.ANSWER_LIMIT_BYTES


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_slow_endless_output_of_a_device_is_stopped(connection_to, features):
    def drip(line):
        while True:
            time.sleep(0.05)
            yield packet(1, b".") if features == "shell_v2" else b"."

    with pytest.raises(
        DeviceError, match=r"The command `sleep` does not finish on the device .*: it is still sending output"
    ):
        connection_to(drip, features).shell("sleep", timeout_s=0.3)


def test_an_announced_length_of_gigabytes_is_rejected(connection_to):
    def shell(line):
        yield struct.pack("<BI", 1, 2**32 - 1)
        yield from itertools.repeat(bytes(1000))

    with pytest.raises(DeviceLostError, match="it announces 4294967295 bytes at once"):
        connection_to(shell).shell("ls")


@pytest.mark.parametrize("features", ["shell_v2", "cmd"])
def test_an_answer_that_breaks_off_is_a_lost_device(connection_to, features):
    with pytest.raises(DeviceLostError):
        connection_to(lambda line: packet(1, b"half an ans")[:-2], features).shell("ls")


@pytest.mark.parametrize(
    ("serial", "reconnected"),
    [
        ("10.0.0.7:5555", True),
        ("adb-R58M12ABCDE-x1y2z3._adb-tls-connect._tcp", True),
        ("adb-0123-x (2)._adb-tls-connect._tcp.", True),
        ("R58M12ABCDE", False),
        ("usb:1-4", False),
    ],
)
def test_a_device_on_the_network_is_connected_again_under_its_name(client_of, serial, reconnected):
    says = device(serial, lambda line: packet(1, b"it"), listed=f"{serial}\toffline\n")
    answers = {f"host:disconnect:{serial}": OKAY + block("disconnected"), f"host:connect:{serial}": OKAY + block("ok")}
    connection = Connection(serial, client_of(lambda service: answers.get(service) or says(service)))
    for _ in range(2):
        with pytest.raises(DeviceLostError):
            connection.shell("ls")
    assert (f"host:connect:{serial}" in client_of.servers[0].services) == reconnected


def test_a_silent_device_counts_as_lost_after_the_timeout(connection_to):
    def shell(line):
        time.sleep(3)
        yield b""

    began = time.monotonic()
    with pytest.raises(DeviceLostError, match="does not answer"):
        connection_to(shell).shell("ls", timeout_s=0.2)
    assert time.monotonic() - began < 2


def test_control_characters_from_a_device_do_not_reach_the_terminal(connection_to, client_of):
    def says(service):
        return b"FAIL" + block("\33[31mred\33[0m \u202e evil\nnext") if service.startswith("host-serial") else None

    with pytest.raises(DeviceLostError) as raised:
        Connection(SERIAL, client_of(says)).shell("ls")
    assert "[31mred [0m evil next" in str(raised.value) and str(raised.value).isprintable()


@pytest.mark.parametrize("words", ["a\0b", "\udcff", "x" * 70_000])
def test_text_that_cannot_be_sent_to_a_device_is_refused_first(connection_to, words):
    connection = connection_to(lambda line: packet(3, b"\0"))
    for say in (lambda: connection.shell(words), lambda: connection.push(b"", words)):
        with pytest.raises(DeviceError, match="cannot be sent to a device") as raised:
            say()
        assert not isinstance(raised.value, DeviceLostError)


def test_a_file_of_this_side_that_is_not_there_is_no_lost_device(connection_to, tmp_path):
    with pytest.raises(OSError) as raised:
        connection_to(lambda line: b"").push(tmp_path / "none", "/data/it")
    assert raised.value.errno == errno.ENOENT


def test_a_file_larger_than_the_limit_is_not_taken(connection_to):
    def sync(line):
        yield from itertools.repeat(b"DATA" + struct.pack("<I", 65536) + bytes(65536))

    taken = 0
    with pytest.raises(DeviceError, match=r"/data/it on .* is larger than 1000000 bytes and was not copied"):
        for piece in connection_to(sync).pull("/data/it", 1_000_000):
            taken += len(piece)
    assert taken <= 1_000_000


def test_an_announced_file_piece_of_gigabytes_is_rejected(connection_to):
    with pytest.raises(DeviceLostError, match="it announces 4294967295 bytes at once"):
        list(connection_to(lambda line: b"DATA\xff\xff\xff\xff" + bytes(1000)).pull("/data/it", 1_000_000))


def test_a_file_that_cannot_be_read_is_said(connection_to):
    reason = b"Permission denied"
    answer = b"FAIL" + struct.pack("<I", len(reason)) + reason
    with pytest.raises(DeviceError, match=r"^/data/it on .* cannot be read \(Permission denied\)\.$") as raised:
        list(connection_to(lambda line: answer).pull("/data/it", 1_000_000))
    assert not isinstance(raised.value, DeviceLostError)


def test_devices_that_share_a_serial_are_called_by_their_ports(client_of):
    listed = "0123456789ABCDEF\tdevice\n(no serial number)\tno permissions (user in group?)\nA B\toffline\n"
    listed += "0123456789ABCDEF\tdevice\n127.0.0.1:5555\tdevice\n"
    ports = ["usb:1-1", "usb:1-2", "usb:1-3", "usb:1-4.2", "product:x"]
    detailed = "".join(
        f"{line.split(chr(9))[0]:<22} {line.split(chr(9))[1]} {port} transport_id:7\n"
        for line, port in zip(listed.splitlines(), ports, strict=True)
    )
    answers = {"host:devices": OKAY + block(listed), "host:devices-l": OKAY + block(detailed)}
    assert adb.device_states(client_of(answers.get)) == {
        "usb:1-1": "device",
        "usb:1-2": "no permissions (user in group?)",
        "A B": "offline",
        "usb:1-4.2": "device",
        "127.0.0.1:5555": "device",
    }


def test_an_address_that_does_not_answer_is_one_sentence(client_of):
    client = client_of(lambda service: OKAY + block("failed to connect to '10.0.0.1:5555': refused"))
    with pytest.raises(
        DeviceError, match=r"^10.0.0.1 cannot be reached \(failed .* refused\): check that wireless debugging"
    ):
        adb.connect(client, "10.0.0.1")
    client = client_of(lambda service: OKAY + block("already connected to 10.0.0.1:5555"))
    assert adb.connect(client, "10.0.0.1") == "10.0.0.1:5555"


@pytest.mark.parametrize("port", ["0", "65536", "-1", "x", "\u0663\u0663", "5037 "])
def test_an_invalid_port_is_one_sentence(monkeypatch, port):
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    with pytest.raises(SelectionError, match=r"ANDROID_ADB_SERVER_PORT is .* which is not a port"):
        adb.Client()


def test_the_port_of_the_environment_is_the_one_that_is_asked(monkeypatch, client_of):
    assert adb.device_states(client_of(lambda service: OKAY + block("one\tdevice\n"))) == {"one": "device"}
    monkeypatch.delenv("ANDROID_ADB_SERVER_PORT")
    assert adb.Client().port == 5037


def test_a_server_that_does_not_answer_is_one_sentence(client_of):
    with pytest.raises(DeviceError, match=r"The adb server does not answer \(.*\): try `adb start-server`"):
        adb.device_states(client_of(lambda service: b"HTTP/1.1 400 Bad Request\r\n"))
