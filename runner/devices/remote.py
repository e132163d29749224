"""The process of a task on an attached device: started so that it outlives the connection, asked for, and fetched.

Its log, what it prints and its exit code are files of the device. When the connection comes back, or another command
goes on with the run, they tell what happened meanwhile.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from pathlib import Path

from runner.devices import GONE, TAIL_BYTES, Task
from runner.devices.adb import Connection, quoted
from runner.errors import DeviceError, DeviceLostError

LOG_LIMIT_BYTES = 512 * 2**20
LINE_LIMIT_BYTES = 2**20
"""Larger logs, and longer lines, are not taken from a device: the largest that the agent writes are far smaller."""
OUTPUT_LIMIT_BYTES = 16 * 2**20

_STATE = re.compile(r"\A(running|gone|absent|exit (\d{1,3}))\n")
_START = """\
cd {folder} || exit 1
rm -f {name}.pid
echo ---- >{name}.exit
setsid nohup sh -c {script} </dev/null >/dev/null 2>&1 &
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -s {name}.pid ] && exit 0
  sleep 0.1 || sleep 1
done
exit 1
"""
_ASK = """\
cd {folder} 2>/dev/null || {{ echo absent; exit; }}
[ -s {name}.pid ] || {{ echo absent; exit; }}
read -r pid <{name}.pid
if grep -qF {name} /proc/$pid/cmdline 2>/dev/null; then now=running; else now=gone; fi
read -r code <{name}.exit
case $code in [0-9]*) now="exit $code" ;; esac
echo "$now"
tail -c {bytes} {name}.jsonl 2>/dev/null
"""


class RemoteWork:
    """See runner.devices.Work."""

    def __init__(self, connection: Connection, task: Task, folder: str) -> None:
        self._connection = connection
        self._task = task
        self._folder = folder
        self._tail = b""

    @classmethod
    def start(cls, connection: Connection, task: Task, folder: str, python: list[str]) -> RemoteWork:
        """Starts the task, its files in a folder of the device."""
        work = cls(connection, task, folder)
        job = {**task.job, "log": work._path("jsonl"), "parent": None}
        text = json.dumps(job)
        task.job_file.write_text(text, encoding="utf-8")
        connection.shell(["mkdir", "-p", folder])
        connection.push(text.encode(), work._path("job.json"))
        words = [*python, "-m", task.module, work._path("job.json")]
        script = (
            f"cd {quoted([task.agent])} || exit 1\n"
            "export PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1\n"
            f"echo $$ >{quoted([work._path('pid')])}\n"
            f"{quoted(words)} >{quoted([work._path('output.txt')])} 2>&1\n"
            f"echo $? 1<>{quoted([work._path('exit')])}\n"  # in place: it may be the last thing that fits
        )
        line = _START.format(folder=quoted([folder]), name=quoted([task.name]), script=quoted([script]))
        answer = connection.shell(line)
        if answer.exit_code != 0:
            said = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"The agent did not start on {connection.serial}: it says {said!r}.")
        return work

    @classmethod
    def find(cls, connection: Connection, task: Task, folder: str) -> RemoteWork | None:
        """The work of a task that was started and not fetched."""
        work = cls(connection, task, folder)
        return None if work._ask() == "absent" else work

    def poll(self) -> int | None:
        """GONE if it left no exit code: the shell around it, which would have written one, was ended too."""
        state = self._ask()
        if state == "running":
            return None
        return int(state.split()[1]) if state.startswith("exit") else GONE

    def tail(self) -> bytes:
        return self._tail

    def kill(self) -> None:
        pid, name = quoted([self._path("pid")]), quoted([self._task.name])
        # the negative number is the group, which setsid made of the process and all that it starts; dash knows no `--`
        self._connection.shell(f"read -r pid <{pid} && grep -qF {name} /proc/$pid/cmdline && kill -9 -$pid")

    def collect(self) -> None:
        """Fetches log and output, each whole or not at all, and removes them from the device.

        Where they are put is known from the task alone: nothing that a device says becomes a path on this side. Raises
        DeviceError for a log over the limits, which is not kept, and if no space was left for it on the device.
        """
        left = self._connection.shell(f"df -k {quoted([self._folder])} | tail -n 1").stdout.split()
        refused = self._fetch("jsonl", self._task.log, LOG_LIMIT_BYTES)
        if sentence := self._fetch("output.txt", self._task.output, OUTPUT_LIMIT_BYTES):
            self._task.output.write_text(f"aiot: {sentence}\n", encoding="utf-8")
        names = [self._path(each) for each in ("jsonl", "output.txt", "job.json", "exit", "pid")]
        self._connection.shell(["rm", "-f", *names])
        if refused:
            raise DeviceError(refused)
        if len(left) >= 4 and left[-3] == "0":
            raise DeviceError("no space is left on the device: free some there")  # without its serial: it is logged

    def _fetch(self, extension: str, target: Path, limit_bytes: int) -> str | None:
        """Takes a file of the device, if there is one that was not taken before; why it is refused, if it is."""
        path = self._path(extension)
        if target.exists() or self._connection.shell(["ls", path]).exit_code != 0:
            return None
        part = target.with_name(target.name + ".part")
        try:
            with part.open("wb") as file:
                file.writelines(self._connection.pull(path, limit_bytes))
                file.flush()
                os.fsync(file.fileno())  # the device's own copy is removed next
            with part.open("rb") as file:
                while line := file.readline(LINE_LIMIT_BYTES + 1):
                    if len(line) > LINE_LIMIT_BYTES:
                        return f"{path} of the device has a line over {LINE_LIMIT_BYTES} bytes, and was not taken."
            part.replace(target)
        except DeviceLostError:
            raise
        except DeviceError as error:
            return str(error)
        finally:
            part.unlink(missing_ok=True)
        return None

    def _path(self, extension: str) -> str:
        return posixpath.join(self._folder, f"{self._task.name}.{extension}")

    def _ask(self) -> str:
        """What became of it, with the end of its log: running, gone, absent or "exit <code>"."""
        line = _ASK.format(folder=quoted([self._folder]), name=quoted([self._task.name]), bytes=TAIL_BYTES)
        said = self._connection.shell(line).stdout
        found = _STATE.match(said)
        if not found:
            raise DeviceError(f"The device {self._connection.serial} says {said[:80]!r} of a process that was started.")
        self._tail = said[found.end() :].encode()
        return found[1]
