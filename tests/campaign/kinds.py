"""The kinds of faults: what happens at the moment of a try, and which statements about its cause are true."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psutil

from aiot_suite.workspace import Workspace
from tests.campaign.counting import (
    BUSY,
    EITHER,
    FAILS,
    FULL,
    INTERRUPTED,
    KILLED,
    LOST,
    TIMED_OUT,
    UNAUTHORIZED,
    conditions,
    runs,
)
from tests.campaign.stage import LONG, Setting, SshLink, Stage, furnish
from tests.e2e.board import SshBoard

if TYPE_CHECKING:
    import random

    from tests.campaign.counting import EndedCommand
    from tests.campaign.stage import Command

Provoke = Callable[["Stage", "random.Random"], None]
"""Function that runs the suite on a stage with a fault at the moment of the try; `draw` makes other random choices."""


ONE_DEVICE = Setting()
PROXY = Setting(proxy=True)
TWO_DEVICES = Setting(devices=2, options=("--patience", "2"))
TWO_DEVICES_AND_PROXY = Setting(devices=2, proxy=True)
SMALL_DISK = Setting(disk_mb=4)
LONG_RUN = Setting(passes=LONG)


@dataclass(frozen=True)
class Kind:
    """A kind of faults."""

    name: str
    words: str  # description for the table
    provoke: Provoke
    true: frozenset[str] = frozenset()  # claims about the cause that are true: see tests.campaign.counting
    setting: Setting = ONE_DEVICE
    keeps: bool = True  # what a device had stored at the moment must reach the host
    while_measuring: bool = False  # only at moments at which images are measured
    only_newest: bool = False  # earlier runs may stay unfinished, since the user started another


KINDS: dict[str, Kind] = {}


def kind(
    name: str, words: str, *true: str, setting: Setting = ONE_DEVICE, **other: bool
) -> Callable[[Provoke], Provoke]:
    """Add a function to KINDS."""

    def add(provoke: Provoke) -> Provoke:
        KINDS[name] = Kind(name, words, provoke, frozenset(true), setting, **other)
        return provoke

    return add


@kind("none", "nothing happens")
def none(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.finish()


# The device


@kind("drop", "the device disconnects, which ends its processes, and returns", LOST)
def drop(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.phone.drop()
    time.sleep(draw.uniform(0.5, 4))
    stage.phone.start()
    stage.finish()


@kind("drop-long", "the same, for longer than it is waited for", LOST, setting=Setting(options=("--patience", "1")))
def drop_long(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.phone.drop()
    stage.finish()
    stage.phone.start()
    stage.link.attach(stage.device.serial)


@kind("reboot", "the device restarts", LOST)
def reboot(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.phone.reboot()
    stage.finish()


@kind("adbd-hangs", "adbd stands still for a while", LOST)
def adbd_hangs(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.phone.freeze()
    time.sleep(draw.uniform(0.5, 5))
    stage.phone.thaw()
    stage.finish()


@kind("sleep", "everything on the device stands still for a while", LOST)
def sleep(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.phone.freeze(everything=True)
    time.sleep(draw.uniform(0.5, 5))
    stage.phone.thaw()
    stage.finish()


@kind("full", "the storage of the device is full", FULL)
def full(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.phone.fill_storage(free_bytes=draw.choice([0, 0, 4096, 65536]))
    stage.finish()
    stage.phone.free_storage()


@kind("folder-removed", "somebody deletes our folder on the device", keeps=False)
def folder_removed(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    place = stage.device.folder
    for _ in range(3):  # an agent may write in between
        for path in sorted(place.rglob("*"), reverse=True):
            with suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        with suppress(OSError):
            place.rmdir()
    stage.finish()


@kind("cleaned", "somebody calls `aiot clean` for the device", BUSY, setting=LONG_RUN)
def cleaned(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.aiot("clean", *stage.chosen(), "--workspace", str(stage.scratch), expected=EITHER)
    stage.finish()


@kind("agent-killed", "the system ends the agent", KILLED, while_measuring=True)
def agent_killed(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.device.live_log()
    _signal_agents(stage, signal.SIGKILL)
    stage.finish()


@kind("group-killed", "the system ends all that adb has started, and not adbd", KILLED, while_measuring=True)
def group_killed(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.device.live_log()
    for process in stage.phone.processes()[1:]:
        with suppress(psutil.Error):
            process.kill()
    stage.finish()


@kind(
    "agent-hangs",
    "the agent stands still until its time is over",
    TIMED_OUT,
    setting=Setting(options=("--timeout", "8")),
    while_measuring=True,
)
def agent_hangs(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.device.live_log()
    _signal_agents(stage, signal.SIGSTOP)
    stage.finish()


@kind("endless-log", "the log on the device becomes a link to /dev/zero", keeps=False, while_measuring=True)
def endless_log(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    if log := stage.device.live_log():
        with suppress(OSError):
            log.unlink()
            log.symlink_to("/dev/zero")
    stage.finish()


@kind("waiting-log", "the log on the device becomes a pipe", keeps=False, while_measuring=True)
def waiting_log(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    if log := stage.device.live_log():
        with suppress(OSError):
            log.unlink()
            os.mkfifo(log, 0o666)
    stage.finish()


def _signal_agents(stage: Stage, number: signal.Signals) -> None:
    for process in stage.device.agents():
        with suppress(psutil.Error):
            process.send_signal(number)


# The connection


@kind("server-restart", "the adb server is restarted and knows no device", LOST)
def server_restart(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.link.restart()
    stage.finish()
    stage.link.attach(stage.device.serial)


@kind("server-away", "the adb server is gone for a while", LOST)
def server_away(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.link.restart(pause_s=draw.uniform(0.5, 4))
    stage.finish()
    stage.link.attach(stage.device.serial)


@kind("cut", "the connection to the device is cut", LOST, setting=PROXY)
def cut(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    assert stage.device.proxy
    stage.device.proxy.cut()
    stage.finish()


@kind("cut-in-push", "the connection is cut after a number of bytes", LOST, setting=PROXY)
def cut_in_push(stage: Stage, draw: random.Random) -> None:
    assert stage.device.proxy
    stage.device.proxy.cut_after(round(draw.uniform(0, 90_000)))
    stage.run_to_moment()
    stage.finish()


@kind("cut-old-shell", "the same as cut, without exit codes", LOST, setting=Setting(proxy=True, shell_v2=False))
def cut_old_shell(stage: Stage, draw: random.Random) -> None:
    cut(stage, draw)


@kind(
    "unauthorized",
    "the device forgets this computer, and is allowed again",
    LOST,
    UNAUTHORIZED,
    setting=PROXY,
)
def unauthorized(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    _forbid(stage)
    time.sleep(draw.uniform(0.5, 4))
    _allow(stage)
    stage.finish()


def _forbid(stage: Stage) -> None:
    assert stage.device.proxy
    stage.device.proxy.authorized = False
    stage.device.proxy.cut()


def _allow(stage: Stage) -> None:
    assert stage.device.proxy
    stage.device.proxy.authorized = True
    stage.device.proxy.cut()
    stage.link.attach(stage.device.serial)


# This machine


@kind("killed", "`aiot run` is killed")
def killed(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.kill()


def _send_and_finish(stage: Stage, number: signal.Signals) -> None:
    """Send a signal that must end the run with all processes it started, on this machine and on the device."""
    stage.run_to_moment()
    assert stage.command
    stage.command.send(number)
    stage.finish()
    stage.left_behind(f"after {number.name}")


@kind("ctrl-c", "Ctrl-C", INTERRUPTED)
def ctrl_c(stage: Stage, draw: random.Random) -> None:
    _send_and_finish(stage, signal.SIGINT)


@kind("sigterm", "`aiot run` is told to terminate (SIGTERM)", INTERRUPTED, setting=Setting(android=True))
def sigterm(stage: Stage, draw: random.Random) -> None:
    _send_and_finish(stage, signal.SIGTERM)


@kind("sighup", "the terminal of `aiot run` is closed (SIGHUP)", INTERRUPTED)
def sighup(stage: Stage, draw: random.Random) -> None:
    _send_and_finish(stage, signal.SIGHUP)


@kind(
    "killed-and-new",
    "`aiot run` is killed, and called again without `--resume`",
    BUSY,
    keeps=False,
    only_newest=True,
    setting=LONG_RUN,
)
def killed_and_new(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.kill()
    stage.watch.counting_agents = True
    stage.aiot(*stage.words(), expected=EITHER)


@kind("second-run", "a second `aiot run` in the same workspace, then the first is killed", BUSY, setting=LONG_RUN)
def second_run(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    assert stage.command
    stage.watch.counting_agents = True
    earlier = runs(stage.space.raw)
    second = stage.aiot(*stage.words(), expected=EITHER)
    if second.code and stage.command.running and len(runs(stage.space.raw)) > len(earlier) > 0:
        stage.note("wrong", "a run that was refused has a folder, as if it were unfinished")
    stage.kill()


@kind("two-hosts", "a second workspace measures the same device", BUSY, setting=LONG_RUN)
def two_hosts(stage: Stage, draw: random.Random) -> None:
    other = Workspace(stage.scratch / "other")
    furnish(other)
    stage.spaces.append(other)
    stage.run_to_moment()
    stage.watch.counting_agents = True
    command: Command = stage.start(*stage.words(space=other))
    stage.finish()
    stage.end(command, space=other)


@kind("disk-full", "the disk of this machine is full", FULL, setting=SMALL_DISK)
def disk_full(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    assert stage.disk
    stage.disk.fill()
    stage.finish()
    stage.disk.free()


@kind("cut-run-json", "`aiot run` is killed, and run.json is cut off", keeps=False, only_newest=True)
def cut_run_json(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.kill()
    for folder in runs(stage.space.raw):
        path = folder / "run.json"
        if path.exists():
            path.write_bytes(path.read_bytes()[: round(draw.uniform(0, 0.99) * path.stat().st_size)])


# Several devices


@kind("one-drops", "one of two devices disconnects for good", LOST, setting=TWO_DEVICES)
def one_drops(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.devices[1].phone.drop()
    stage.finish()
    stage.devices[1].phone.start()
    stage.link.attach(stage.devices[1].serial)


@kind(
    "one-unauthorized",
    "one of two devices has not authorized this computer",
    LOST,
    UNAUTHORIZED,
    setting=TWO_DEVICES_AND_PROXY,
)
def one_unauthorized(stage: Stage, draw: random.Random) -> None:
    _forbid(stage)
    time.sleep(1)  # for the adb server to ask
    stage.run_to_moment()
    _check_named(stage, stage.finish(FAILS))
    _allow(stage)


@kind(
    "one-missing",
    "`aiot run --all` is killed, and resumed while one of two is unauthorized",
    LOST,
    UNAUTHORIZED,
    setting=TWO_DEVICES_AND_PROXY,
)
def one_missing(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    stage.kill()
    _forbid(stage)
    time.sleep(1)
    _check_named(stage, stage.resume(FAILS))
    _allow(stage)


def _check_named(stage: Stage, ended: EndedCommand) -> None:
    """Record a wrong statement if the output of `--all` does not name a device that could not be used."""
    if stage.device.serial not in ended.output:
        stage.note(
            "wrong", f"`aiot {ended.words[0]} --all` does not name {stage.device.serial}, which was not measured"
        )


@kind(
    "asleep",
    "the screen of a phone that is unplugged is off, and the phone disconnects",
    LOST,
    setting=Setting(android=True),
)
def asleep(stage: Stage, draw: random.Random) -> None:
    stage.phone.answers.set_battery(percent=85, plugged=False)
    stage.phone.answers.set_screen(awake=False)
    drop(stage, draw)
    for folder in runs(stage.space.raw):
        for held in conditions(folder):
            if held.get("screen_on"):
                stage.note("wrong", f"{folder.name} states screen_on, although the screen is off")


# Boards over SSH

_ALSO_OVER_SSH = (
    *(
        "none",
        "drop",
        "drop-long",
        "reboot",
        "sleep",
        "full",
        "folder-removed",
        "cleaned",
        "agent-killed",
        "agent-hangs",
    ),
    *(
        "endless-log",
        "waiting-log",
        "killed",
        "ctrl-c",
        "sigterm",
        "sighup",
        "killed-and-new",
        "second-run",
        "two-hosts",
    ),
    *("disk-full", "cut-run-json", "one-drops"),
)
SSH_KINDS = {
    f"ssh-{name}": replace(
        KINDS[name], name=f"ssh-{name}", setting=replace(KINDS[name].setting, link=SshLink, android=False)
    )
    for name in _ALSO_OVER_SSH
}
"""Kinds of faults of boards over SSH: the applicable kinds of other devices, and those below."""


def _ssh_kind(name: str, words: str, *true: str) -> Callable[[Provoke], Provoke]:
    """Add a function to SSH_KINDS."""

    def add(provoke: Provoke) -> Provoke:
        SSH_KINDS[name] = Kind(name, words, provoke, frozenset(true), Setting(link=SshLink))
        return provoke

    return add


def _board(stage: Stage) -> SshBoard:
    assert isinstance(stage.phone, SshBoard)
    return stage.phone


@_ssh_kind("ssh-cut", "the connection is cut", LOST)
def ssh_cut(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    _board(stage).cut()
    stage.finish()


@_ssh_kind("ssh-cut-often", "the connection is cut five times", LOST)
def ssh_cut_often(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    for _ in range(5):
        _board(stage).cut()
        time.sleep(draw.uniform(0, 1))
    stage.finish()


@_ssh_kind("ssh-hangs", "sshd and the connections stand still for a while", LOST)
def ssh_hangs(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    _board(stage).freeze()
    time.sleep(draw.uniform(0.5, 25))
    _board(stage).thaw()
    stage.finish()


@_ssh_kind("ssh-client-killed", "the connection's `ssh` on this machine is killed", LOST)
def ssh_client_killed(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    assert stage.command
    with suppress(psutil.Error):
        for process in psutil.Process(stage.command.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                if process.name() == "ssh":
                    process.kill()
    stage.finish()


@_ssh_kind("ssh-refused", "the board no longer accepts the key, and accepts it again", LOST)
def ssh_refused(stage: Stage, draw: random.Random) -> None:
    stage.run_to_moment()
    keys = _board(stage).ssh / "authorized_keys"
    content = keys.read_bytes()
    keys.write_bytes(b"")
    _board(stage).cut()
    time.sleep(draw.uniform(0.5, 4))
    keys.write_bytes(content)
    stage.finish()
