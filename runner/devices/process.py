"""A process on an attached device that outlives the connection which started it.

Its number, its exit code and what it says are files in one folder there, named after it. When the connection comes
back, or another command goes on with the run, they tell what happened meanwhile.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence

from runner.devices import GONE, TAIL_BYTES
from runner.devices.adb import Connection, quoted
from runner.errors import DeviceError

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


class RemoteProcess:
    """See runner.devices.Process. Of several processes in a folder each has its own name."""

    def __init__(self, connection: Connection, folder: str, name: str) -> None:
        self._connection = connection
        self._folder = folder
        self._name = name
        self.tail = b""  # of what it has logged, when it was asked for last

    def path(self, extension: str) -> str:
        """Of one of its files on the device."""
        return posixpath.join(self._folder, f"{self._name}.{extension}")

    def start(self, words: Sequence[str], within: str, output: str, errors: str | None = None) -> None:
        """Starts words in a folder of the device; what they say goes to the files with these extensions.

        Without `errors` both streams go to one file. Raises DeviceError if nothing was started.
        """
        both = f"2>{quoted([self.path(errors)])}" if errors else "2>&1"
        script = (
            f"cd {quoted([within])} || exit 1\n"
            "export PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1\n"
            f"echo $$ >{quoted([self.path('pid')])}\n"
            f"{quoted(words)} >{quoted([self.path(output)])} {both}\n"
            f"echo $? 1<>{quoted([self.path('exit')])}\n"  # in place: it may be the last thing that fits
        )
        line = _START.format(folder=quoted([self._folder]), name=quoted([self._name]), script=quoted([script]))
        answer = self._connection.shell(line)
        if answer.exit_code != 0:
            said = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"A process did not start on {self._connection.serial}: it says {said!r}.")

    def known(self) -> bool:
        """Whether the device knows of it: it was started, and not removed."""
        return self._ask() != "absent"

    def poll(self) -> int | None:
        """GONE if it left no exit code: the shell around it, which would have written one, was ended too."""
        state = self._ask()
        if state == "running":
            return None
        return int(state.split()[1]) if state.startswith("exit") else GONE

    def kill(self) -> None:
        """Ends it, if it goes on, with all that it started."""
        pid, name = quoted([self.path("pid")]), quoted([self._name])
        # the negative number is the group, which setsid made of the process and all that it starts; dash knows no `--`
        self._connection.shell(
            f"[ -s {pid} ] && read -r pid <{pid} && grep -qF {name} /proc/$pid/cmdline && kill -9 -$pid"
        )

    def has(self, extension: str) -> bool:
        """Whether the device has this file of it."""
        return self._connection.shell(["ls", self.path(extension)]).exit_code == 0

    def content(self, extension: str, limit_bytes: int) -> Iterator[bytes]:
        """A file of it in pieces. Raises DeviceError if it is larger than the limit, or cannot be read."""
        return self._connection.pull(self.path(extension), limit_bytes)

    def remove(self, *extensions: str) -> None:
        """Removes these files of it, and what tells that it was there."""
        self._connection.shell(["rm", "-f", *map(self.path, (*extensions, "exit", "pid"))])

    def _ask(self) -> str:
        """What became of it, with the end of its log: running, gone, absent or "exit <code>"."""
        line = _ASK.format(folder=quoted([self._folder]), name=quoted([self._name]), bytes=TAIL_BYTES)
        said = self._connection.shell(line).stdout
        found = _STATE.match(said)
        if not found:
            raise DeviceError(f"The device {self._connection.serial} says {said[:80]!r} of a process that was started.")
        self.tail = said[found.end() :].encode()
        return found[1]
