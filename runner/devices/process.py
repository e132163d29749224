"""A process on an attached device that outlives the connection that started it.

Its process id, exit code and output are stored in files in one folder on the device, named after the process. When the
connection is restored, or another command resumes the run, these files tell what happened in the meantime.
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
    """A process on an attached device: see runner.devices.Process.

    Several processes may share a folder if their names differ.
    """

    def __init__(self, connection: Connection, folder: str, name: str) -> None:
        self._connection = connection
        self._folder = folder
        self._name = name
        self.tail = b""  # end of the log at the time of the last poll

    def path(self, extension: str) -> str:
        """Return the path of one of the process's files on the device."""
        return posixpath.join(self._folder, f"{self._name}.{extension}")

    def start(self, words: Sequence[str], within: str, output: str, errors: str | None = None) -> None:
        """Start words in a folder of the device, with output written to the files with these extensions.

        Without `errors`, both streams go to one file. Raises DeviceError if the process does not start.
        """
        error_redirect = f"2>{quoted([self.path(errors)])}" if errors else "2>&1"
        script = (
            f"cd {quoted([within])} || exit 1\n"
            "export PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1\n"
            f"echo $$ >{quoted([self.path('pid')])}\n"
            f"{quoted(words)} >{quoted([self.path(output)])} {error_redirect}\n"
            f"echo $? 1<>{quoted([self.path('exit')])}\n"  # overwrites in place, since the storage may be full
        )
        line = _START.format(folder=quoted([self._folder]), name=quoted([self._name]), script=quoted([script]))
        answer = self._connection.shell(line)
        if answer.exit_code != 0:
            output_text = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"A process did not start on {self._connection.serial}: the message is {output_text!r}.")

    def known(self) -> bool:
        """Return whether the device has a record of the process: it was started and not removed."""
        return self._ask() != "absent"

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs, or GONE if it left no exit code.

        In the last case the shell around the process, which writes the exit code, was killed too.
        """
        state = self._ask()
        if state == "running":
            return None
        return int(state.split()[1]) if state.startswith("exit") else GONE

    def kill(self) -> None:
        """Kill the process, if it is running, and everything that it started."""
        pid, name = quoted([self.path("pid")]), quoted([self._name])
        # kill the process group that setsid created (negative number); dash does not accept `--`
        self._connection.shell(
            f"[ -s {pid} ] && read -r pid <{pid} && grep -qF {name} /proc/$pid/cmdline && kill -9 -$pid"
        )

    def has(self, extension: str) -> bool:
        """Return whether the file with this extension exists on the device."""
        return self._connection.shell(["ls", self.path(extension)]).exit_code == 0

    def content(self, extension: str, limit_bytes: int) -> Iterator[bytes]:
        """Yield the file with this extension in chunks.

        Raises DeviceError if it is larger than the limit or cannot be read.
        """
        return self._connection.pull(self.path(extension), limit_bytes)

    def remove(self, *extensions: str) -> None:
        """Remove the files with these extensions and the record of the process."""
        self._connection.shell(["rm", "-f", *map(self.path, (*extensions, "exit", "pid"))])

    def _ask(self) -> str:
        """Return the state of the process (running, gone, absent or "exit <code>") and store the end of its log."""
        line = _ASK.format(folder=quoted([self._folder]), name=quoted([self._name]), bytes=TAIL_BYTES)
        reply = self._connection.shell(line).stdout
        match = _STATE.match(reply)
        if not match:
            raise DeviceError(
                f"The device {self._connection.serial} gave the unexpected answer {reply[:80]!r} about a "
                "process that was started."
            )
        self.tail = reply[match.end() :].encode()
        return match[1]
