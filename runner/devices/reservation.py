"""Reservation of an attached device for one run at a time: the owner's note, and what else measures there.

The note is a file in our folder on the device. It has the run, and the process and host that execute it. Every
runner.devices.BEAT_S seconds, the owner writes the device's uptime beside it; if it has not done so for LEASE_S,
another host takes the owner for gone. Agents are found among the processes of the device, so those that have outlived
their run, those of another folder and those of earlier versions count, too.
"""

from __future__ import annotations

import json
import os
import platform
import posixpath
import re
import shlex
import time
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from runner.devices import Rival
from runner.devices.answers import parse_json, printable_value
from runner.errors import DeviceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.devices.connection import DeviceConnection

NOTE = ".aiotbench-owner"
LEASE_S = 60.0

_NOTE_LIMIT_BYTES = 2000
_SAME_START_S = 30.0  # what the start of a process may differ by when the clock of its machine is adjusted
_RUN = r"[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{6}"
_SIGNATURE = rf"/runs/{_RUN}/[^/]*\.(pid|job\.json)"
"""Part of the command line of each process that measures: the shell around it names its .pid, an agent its job."""

SCAN_END = "@aiot-scan-end"
SCAN = f"""\
: /runs/00000000T000000.000Z-000000/scan.pid
for place in $(grep -lE '{_SIGNATURE}' /proc/[0-9]*/cmdline 2>/dev/null); do
  echo
  echo "@aiot-process $place"
  head -c 8192 "$place" 2>/dev/null
done
echo
echo "{SCAN_END}"
"""
"""Shell script that prints the command line of each process that measures.

The first line does nothing, but makes the shell that runs the script one of them: if the script does not find that, the
device does not show its processes. Elsewhere, the pattern does not match itself.
"""

_PROCESS = re.compile(r"^@aiot-process /proc/(\d{1,10})/cmdline$", re.MULTILINE)
_WORK = re.compile(rf"/runs/({_RUN})/([^/\0\n]{{1,200}}?)\.(?:pid|job\.json)")
_OWN_SCAN = "00000000T000000.000Z-000000"

_LOOK = """\
head -c {limit} {note} 2>/dev/null
echo
echo "@aiot-beat"
head -c 20 {note}.beat 2>/dev/null
echo
echo "@aiot-uptime"
cat /proc/uptime
echo "@aiot-scan"
"""

_HELD = '[ "$(head -c {limit} {note} 2>/dev/null)" = {text} ]'

_SWAP = """\
cd {folder} || exit 1
turn=0
while ! mkdir {note}.lock 2>/dev/null; do
  turn=$((turn + 1))
  [ $turn -lt 30 ] || {{ rmdir {note}.lock || exit 1; }}
  sleep 0.1 || sleep 1
done
code={changed}
if {held}; then
  code=1
  rm -f {note} {note}.beat  # which may be another user's
  echo {text} >{note} && read -r now rest </proc/uptime && echo "$now" >{note}.beat && code=0
fi
rmdir {note}.lock
exit $code
"""
_BEAT = "cd {folder} && {held} && read -r now rest </proc/uptime && echo $now >{note}.beat"
_RELEASE = "cd {folder} && {held} && rm -f {note} {note}.beat"
_CHANGED = 8
_END_POLLS, _END_POLL_S = 20, 0.2

_END = """\
for pid in {pids}; do
  grep -qE '{signature}' /proc/$pid/cmdline 2>/dev/null || continue
  read -r stat </proc/$pid/stat
  set -- ${{stat##*) }}
  if [ "$3" = $pid ]; then kill -9 -$pid; else kill -9 $pid; fi
done
"""


@dataclass(frozen=True)
class Owner:
    """The process that uses a device."""

    run: str
    host: str
    system: str  # identifies the host since its start, and the container: there, `process` is a unique number
    process: int
    began: float  # when the process started, on the host's clock

    @classmethod
    def of_this_process(cls, run: str) -> Owner:
        host = re.sub(r"[^A-Za-z0-9._-]", "-", platform.node())[:60]
        return cls(run, host or "unknown", _this_system(), os.getpid(), _began(os.getpid()))

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Return the owner in a note, or None if the text is no such note. Its content is not trusted."""
        record = parse_json(text)
        try:
            owner = cls(**record) if isinstance(record, dict) else None
        except TypeError:
            return None
        if owner is None or not all(isinstance(value, str) for value in (owner.run, owner.host, owner.system)):
            return None
        if type(owner.process) is not int or type(owner.began) not in (int, float) or not 0 < owner.process < 2**31:
            return None
        return cls(
            printable_value(owner.run) or "unknown",
            printable_value(owner.host) or "unknown",
            owner.system[:64],
            owner.process,
            owner.began,
        )

    def text(self) -> str:
        """Return the content of the note: one line that `echo` of any shell prints as it is."""
        return json.dumps(asdict(self))

    def is_running_here(self) -> bool | None:
        """Return whether the process exists; None if it is not one of this machine."""
        if self.system != _this_system():
            return None
        try:
            return bool(abs(psutil.Process(self.process).create_time() - self.began) < _SAME_START_S)
        except psutil.Error:
            return False


@cache
def _began(process: int) -> float:
    return float(psutil.Process(process).create_time())


@cache
def _this_system() -> str:
    """Return an identifier of this machine since its start, and of this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        boot, space = platform.node(), str(psutil.boot_time())
    return sha256(f"{boot} {space}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Measurement:
    """A process on a device that measures, or the shell around it."""

    run: str
    name: str  # as DeviceTask.name, or the name of a tool's process
    pid: int


def measurements(scan: str) -> list[Measurement] | None:
    """Return the processes in the answer to SCAN; None if the device does not show its processes."""
    parts = _PROCESS.split(scan.partition(f"\n{SCAN_END}")[0])
    seen = [
        Measurement(work[1], work[2], int(pid))
        for pid, words in zip(parts[1::2], parts[2::2], strict=True)
        if (work := _WORK.search(words))
    ]
    return (
        [process for process in seen if process.run != _OWN_SCAN]
        if any(process.run == _OWN_SCAN for process in seen)
        else None
    )


def others_seen(scan: str, run: str) -> str:
    """Return whether other measurements than those of a run are in the answer to SCAN: none, seen or unknown."""
    processes = measurements(scan)
    if processes is None:
        return "unknown"
    return "seen" if any(process.run != run for process in processes) else "none"


def in_use(name: str, rivals: Sequence[Rival], remedy: str) -> str:
    """Return the sentence that says what else uses a device."""
    rival = rivals[0]
    if rival.attempt is None:
        return f"{name} is in use by run {rival.run} (process {rival.process} on {rival.host}): {remedy}."
    return f"{name} is still measuring {rival.attempt} of run {rival.run}, which nothing waits for: {remedy}."


@dataclass(frozen=True)
class Occupancy:
    """Who uses a device, and what measures there."""

    note: str  # content of the owner's note; "" without one
    owner: Owner | None  # None: there is no valid note
    silent_s: float | None  # seconds since the owner's last sign of life; None: unknown, or before the device restarted
    processes: list[Measurement] | None  # None: the device does not show its processes

    def rivals(self, run: str) -> list[Rival]:
        """Return what uses the device, except this process and agents that an earlier process left to the run."""
        owner = self._other_owner()
        works = {(process.run, process.name) for process in self.others(run)}
        orphans = [Rival(work, name) for work, name in sorted(works) if not (owner and work == owner.run)]
        return [*([Rival(owner.run, None, owner.process, owner.host)] if owner else []), *orphans]

    def others(self, run: str) -> list[Measurement]:
        """Return the processes on the device that do not belong to the run, or that another process owns."""
        return [process for process in self.processes or [] if process.run != run or self._other_owner()]

    def _other_owner(self) -> Owner | None:
        """Return the owner if it is another process that is still running."""
        if self.owner is None or self.owner == Owner.of_this_process(self.owner.run):
            return None
        running = self.owner.is_running_here()
        if running is None:  # on another host
            running = self.silent_s is not None and self.silent_s <= LEASE_S
        return self.owner if running else None


class Reservation:
    """The owner's note in our folder on a device, and the processes there."""

    def __init__(self, connection: DeviceConnection, folder: str) -> None:
        self._connection = connection
        self._folder = folder
        self.owner: Owner | None = None  # this process, while it has the device reserved

    def look(self) -> Occupancy:
        """Return who uses the device."""
        look = _LOOK.format(note=shlex.join([posixpath.join(self._folder, NOTE)]), limit=_NOTE_LIMIT_BYTES)
        answer = self._connection.shell(look + SCAN).stdout
        text, _, rest = answer.partition("\n@aiot-beat")
        beat, _, rest = rest.partition("\n@aiot-uptime")
        uptime, _, scan = rest.partition("@aiot-scan")
        note = text.strip()
        before, now = _seconds(beat), _seconds(uptime)
        silent = now - before if before is not None and now is not None and before <= now else None
        return Occupancy(note, Owner.parse(note), silent, measurements(scan))

    def take(self, seen: Occupancy, run: str) -> bool:
        """Write our note in place of the one that was seen, or of none. Return False if it has changed since.

        Raises DeviceError if it cannot be written.
        """
        owner = Owner.of_this_process(run)
        held = self._held(seen.note) if seen.owner else "true" if seen.note else f"! [ -s {NOTE} ]"
        script = _SWAP.format(
            folder=shlex.join([self._folder]), note=NOTE, held=held, text=shlex.join([owner.text()]), changed=_CHANGED
        )
        answer = self._connection.shell(script)
        if answer.exit_code not in (0, _CHANGED):
            message = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"{self._connection.serial} cannot be reserved ({message}): check its free storage.")
        if answer.exit_code == 0:
            self.owner = owner
        return answer.exit_code == 0

    def beat(self) -> None:
        """Give a sign of life."""
        if self.owner:
            self._connection.shell(_BEAT.format(**self._words(self.owner)))

    def release(self) -> None:
        """Remove our note."""
        owner, self.owner = self.owner, None
        if owner:
            self._connection.shell(_RELEASE.format(**self._words(owner)))

    def end(self, processes: Sequence[Measurement]) -> None:
        """Kill measurements on the device, each with all that it started."""
        if processes:
            pids = " ".join(str(process.pid) for process in processes)
            self._connection.shell(_END.format(pids=pids, signature=_SIGNATURE))

    def end_others(self, seen: Occupancy, run: str) -> list[Rival]:
        """Kill the measurements that were seen and do not belong to the run. Return those that are still running."""
        self.end(seen.others(run))
        for _ in range(_END_POLLS if seen.others(run) else 0):
            remaining = [process for process in self.look().processes or [] if process in seen.others(run)]
            if not remaining:
                return []
            time.sleep(_END_POLL_S)
        return [Rival(process.run, process.name) for process in seen.others(run)]

    def end_work(self, run: str, name: str) -> None:
        """Kill the processes of one task or tool of a run, wherever its files are."""
        self.end([process for process in self.look().processes or [] if (process.run, process.name) == (run, name)])

    def held_by_us(self) -> str:
        """Return a shell condition that is true if our note is on the device; it is true if none was written."""
        if not self.owner:
            return "true"
        return _HELD.format(
            limit=_NOTE_LIMIT_BYTES,
            note=shlex.join([posixpath.join(self._folder, NOTE)]),
            text=shlex.join([self.owner.text()]),
        )

    def _words(self, owner: Owner) -> dict[str, str]:
        return {"folder": shlex.join([self._folder]), "note": NOTE, "held": self._held(owner.text())}

    def _held(self, text: str) -> str:
        return _HELD.format(limit=_NOTE_LIMIT_BYTES, note=NOTE, text=shlex.join([text]))


def _seconds(text: str) -> float | None:
    match = re.match(r"\s*(\d{1,12})", text)
    return float(match[1]) if match else None
