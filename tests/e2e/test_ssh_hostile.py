"""Boards over a real sshd that refuse connections, print unexpected output, or lack common tools."""

import gc
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from aiot_suite.workspace import Workspace
from runner.devices.choice import Choice, choose_devices
from runner.devices.ssh import SshConnection, SshTarget
from runner.errors import DeviceError, DeviceLostError
from tests.e2e.board import new_key
from tests.e2e.runs import check_logs, run
from tests.e2e.test_ssh import choice, ssh_processes

pytestmark = pytest.mark.e2e
NOISE = '"greetings\\n$(reboot)\\033[31m"'


@pytest.fixture
def connected(request):
    """Return a function that makes a connection to a board or an address, which is closed at the end."""

    def connect(address):
        connection = SshConnection(SshTarget.parse(getattr(address, "serial", address)))
        request.addfinalizer(connection.close)
        return connection

    return connect


def refusal(connection):
    """Return the type and the message of the error that a command over the connection raises."""
    with pytest.raises(DeviceError) as raised:
        connection.shell("true")
    return type(raised.value), str(raised.value)


# The host key and keys


def test_a_host_key_that_changed_is_refused_and_what_to_do_is_said(boards, connected, ssh_client):
    (board,) = boards()
    board.drop()
    board.new_host_key()
    board.start()
    kind, sentence = refusal(connected(board))
    assert kind is DeviceError, "waiting for the board would not help"
    assert f"The host key of {board.serial} has changed from {ssh_client.known_hosts}:1, so ssh refuses" in sentence
    assert f"`ssh-keygen -R '[127.0.0.1]:{board.port}'`" in sentence
    subprocess.run(
        ["ssh-keygen", "-f", ssh_client.known_hosts, "-R", f"[127.0.0.1]:{board.port}"], check=True, capture_output=True
    )
    kind, sentence = refusal(connected(board))
    unknown = f"The host key of {board.serial} is not known: run `ssh -p {board.port} pi@127.0.0.1` once"
    assert (kind, unknown in sentence) == (DeviceError, True)
    ssh_client.trust(board)
    assert connected(board).shell("echo it works").stdout == "it works\n"


def test_a_host_key_that_changes_during_a_run_ends_it(boards, connected):
    (board,) = boards()
    connection = connected(board)
    connection.shell("true")
    board.drop()
    board.new_host_key()
    board.start()
    with suppress(DeviceError):  # the lost connection may or may not have been noticed yet
        connection.shell("true")
    kind, sentence = refusal(connection)
    assert (kind, "has changed" in sentence) == (DeviceError, True)


def test_without_a_key_nothing_is_asked(boards, connected, ssh_client):
    (board,) = boards()
    (board.ssh / "authorized_keys").write_text("")
    kind, sentence = refusal(connected(board))
    assert kind is DeviceError
    assert f"{board.serial} accepts none of this user's keys" in sentence
    assert f"`ssh-copy-id -p {board.port} pi@127.0.0.1`" in sentence


def test_a_key_with_a_passphrase_has_to_be_in_the_agent(boards, connected, ssh_client, tmp_path):
    (board,) = boards()
    for path in (ssh_client.key, ssh_client.key.with_suffix(".pub")):
        path.unlink()
    new_key(ssh_client.key, passphrase="secret words")
    ssh_client.trust(board)
    kind, sentence = refusal(connected(board))
    assert (kind, "load a key that has a passphrase with `ssh-add`" in sentence) == (DeviceError, True)
    socket = tmp_path / "agent"
    ask = tmp_path / "ask"
    ask.write_text("#!/bin/sh\necho secret words\n")
    ask.chmod(0o755)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            time.sleep(0.05)
        environment = {"SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
        subprocess.run(["ssh-add", ssh_client.key], env=environment, check=True, capture_output=True)
        ssh_client.configure("Host *", f"IdentityAgent {socket}")
        assert connected(board).shell("true").exit_code == 0
    finally:
        agent.terminate()
        agent.wait()


def test_names_ports_jumps_and_users_of_the_configuration_count(boards, connected, ssh_client):
    board, bastion = boards(2)
    ssh_client.configure(
        *("Host jetson", "HostName 127.0.0.1", f"Port {board.port}", "User pi", "RemoteCommand tmux attach"),
        *("RequestTTY yes", f"LocalForward {board.port + 1} localhost:1", "ControlMaster auto", "LogLevel QUIET"),
        *(
            f"ControlPath {ssh_client.folder}/own",
            "ForwardAgent yes",
            f"ProxyCommand ssh -W %h:%p -p {bastion.port} pi@127.0.0.1",
        ),
    )
    assert connected("jetson").shell("echo $HOME").stdout == f"{board.home}\n"
    assert len(bastion.sessions()) > 0, "the connection leads through the other board"
    assert not (ssh_client.folder / "own").exists(), "the shared connection of the user's configuration is not used"


def test_a_board_that_is_not_there_may_come_back(boards, connected):
    (board,) = boards()
    board.drop()
    kind, sentence = refusal(connected(board))
    assert kind is DeviceLostError
    assert "Connection refused" in sentence
    assert f"check its power, its network and `ssh -p {board.port} pi@127.0.0.1`" in sentence
    kind, sentence = refusal(connected("pi@board.invalid"))
    assert (kind, "pi@board.invalid has no known address" in sentence) == (DeviceError, True)


def test_a_connection_ends_when_nobody_uses_it_any_more(boards):
    (board,) = boards()
    connection = SshConnection(SshTarget.parse(board.serial))
    connection.shell("true")
    assert len(ssh_processes()) > 0
    del connection
    gc.collect()
    assert ssh_processes() == []


# Output and shells of boards


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_what_a_login_shell_and_sshd_print_is_not_part_of_any_answer(workspace, boards, ssh_client, shell):
    (board,) = boards(shell=shell, lines=("Banner /ssh/banner",))
    (board.ssh / "banner").write_text("Authorized users only!\n")
    loud = f"printf {NOISE}; printf {NOISE} >&2; echo 'no end of line' | tr -d '\\n'; alias tar=false; cd /\n"
    for name in (".bashrc", ".profile", ".shinit"):
        (board.home_folder / name).write_text(loud)
    connection = SshConnection(SshTarget.parse(board.serial))
    assert connection.shell("echo out; echo err >&2; exit 3") == connection.shell("echo out; echo err >&2; exit 3")
    answer = connection.shell("echo out; echo err >&2; pwd; exit 3")
    assert (answer.exit_code, answer.stdout.split("\n")[0], answer.stderr) == (3, "out", "err\n")
    assert connection.feed("cat", [b"a\0b", b"\xff"], 5).stdout == "a\0b\ufffd"
    connection.close()
    done = run(workspace, *choice(board))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "greetings" not in done.stdout + done.stderr
    check_logs(workspace, {}, repeat=2)


def test_a_board_with_the_tools_of_busybox_only(workspace, boards):
    (board,) = boards(shell="/adbd/applets/sh", path="/adbd/applets")
    connection = SshConnection(SshTarget.parse(board.serial))
    assert connection.shell("command -v bash").exit_code == 127 or connection.shell("command -v bash").stdout == ""
    assert "BusyBox" in connection.shell("busybox | head -n 1").stdout
    connection.close()
    done = run(workspace, *choice(board), "--device-python", sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    check_logs(workspace, {}, repeat=2)
    again = run(workspace, *choice(board), "--device-python", sys.executable, "--resume")
    assert again.returncode == 0, again.stdout + again.stderr
    [device] = choose_devices(Choice(ssh=[board.serial]), Workspace(workspace.root))
    assert device.clean()
    device.connection.close()


def test_answers_are_english_whatever_the_locale_of_the_board(boards, connected):
    (board,) = boards(lines=("SetEnv LC_ALL=de_DE.UTF-8 LANGUAGE=de LANG=de_DE.UTF-8",))
    answer = connected(board).shell("cat /ist/nicht/da; echo $LC_ALL")
    assert (answer.stdout, "No such file or directory" in answer.stderr) == ("C\n", True)


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/cat", "/bin/false"])
def test_a_login_that_runs_no_command_is_said(boards, connected, shell):
    (board,) = boards(shell=shell)
    kind, sentence = refusal(connected(board))
    assert (kind, "accepts the login but runs no command" in sentence) == (DeviceError, True), sentence


def test_a_forced_command_is_said(boards, connected):
    (board,) = boards(lines=("ForceCommand echo only backups here",))
    kind, sentence = refusal(connected(board))
    assert (kind, "runs no command ('only backups here" in sentence) == (DeviceError, True), sentence


def test_a_single_session_is_not_enough(boards, connected):
    (board,) = boards(lines=("MaxSessions 1",))
    kind, sentence = refusal(connected(board))
    assert (kind, "set MaxSessions in its /etc/ssh/sshd_config to 10" in sentence) == (DeviceError, True), sentence


def test_a_shell_that_reads_its_input_takes_nothing_of_an_archive(boards, connected):
    (board,) = boards()
    (board.home_folder / ".bashrc").write_text("read -t 0.2 -r word; echo taken: $word\n")
    assert connected(board).feed("wc -c", [b"x" * 100_000] * 3, 20).stdout == "300000\n"


# Storage and permissions


def test_a_home_that_is_read_only_or_of_root_is_said_and_another_folder_helps(tmp_path, boards):
    (read_only,) = boards(home="/usr/share")
    (of_root,) = boards(home="/data")
    (tmp_path / "file").write_text("it")
    for board, reason in ((read_only, "Read-only file system"), (of_root, "Permission denied")):
        [device] = choose_devices(Choice(ssh=[board.serial]), Workspace(tmp_path))
        with pytest.raises(
            DeviceError, match=f"cannot be made on {board.serial} .*{reason}.*--device-folder"
        ) as raised:
            device.push({"file": tmp_path / "file"}, "it")
        assert type(raised.value) is DeviceError
        device.connection.close()
        [device] = choose_devices(Choice(ssh=[board.serial], folder="/tmp/elsewhere"), Workspace(tmp_path))
        assert device.push({"file": tmp_path / "file"}, "it") == "/tmp/elsewhere/it"
        device.connection.close()


def test_a_push_onto_a_full_home_is_said_at_once(tmp_path, boards):
    (board,) = boards(storage_mb=8)
    (tmp_path / "model").write_bytes(bytes(3 << 20))
    [device] = choose_devices(Choice(ssh=[board.serial]), Workspace(tmp_path))
    board.fill_storage(free_bytes=1 << 20)
    with pytest.raises(
        DeviceError, match=r"does not accept .*/it/model \(.*No space left on device.*free storage"
    ) as raised:
        device.push({"model": tmp_path / "model"}, "it")
    assert type(raised.value) is DeviceError, "the board is connected, so waiting would not help"
    files = {f"{number}.jpg": tmp_path / f"{number}.jpg" for number in range(30)}
    for path in files.values():
        path.write_bytes(bytes(100_000))
    board.fill_storage(free_bytes=1 << 20)
    with pytest.raises(DeviceError, match=r"does not accept .*\.jpg"):
        device.push(files, "many")
    board.free_storage()
    device.push({"model": tmp_path / "model"}, "it")
    folder = board.storage / Path(device.push(files, "many")).relative_to("/data")
    assert all((folder / name).read_bytes() == bytes(100_000) for name in files)
    device.connection.close()


def test_images_of_any_name_arrive_once(tmp_path, boards):
    (board,) = boards()
    names = [
        "-rf",
        "two words.jpg",
        "back\\slash",
        "new\nline",
        "it's.jpg",
        '"$(id)"',
        "`id`;id",
        "Ü 小米",
        "* ?",
        "!!",
    ]
    names += [f"{number % 3}/{number:03}" for number in range(60)]
    for number, name in enumerate(names):
        (tmp_path / str(number)).write_bytes(name.encode() * number)
    files = {name: tmp_path / str(number) for number, name in enumerate(names)}
    folder = f'{board.home}/it\'s `my` "folder"; $(id) Ü, 小!'
    times = []
    for _ in range(2):
        [device] = choose_devices(Choice(ssh=[board.serial], folder=folder), Workspace(tmp_path))
        pushed = board.storage / device.push(files, "images").removeprefix("/data/")
        times.append({name: (pushed / name).stat().st_mtime_ns for name in names})
        assert {name: (pushed / name).read_bytes() for name in names} == {
            name: path.read_bytes() for name, path in files.items()
        }
        device.connection.close()
    assert times[0] == times[1], "a second push sends nothing"


def test_one_board_by_two_names_is_one_device(tmp_path, boards, ssh_client):
    (board,) = boards()
    ssh_client.configure("Host alias", "HostName 127.0.0.1", f"Port {board.port}", "User pi")
    with pytest.raises(DeviceError, match=r"are the same device \(same serial number and boot\): choose one of them"):
        choose_devices(Choice(ssh=[board.serial, "alias"]), Workspace(tmp_path))
