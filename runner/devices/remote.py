"""Files and processes on an attached device: pushed files, and work that outlives its connection."""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, NoReturn

from aiot_suite.workspace import sha256_of
from runner import rawlog
from runner.devices import FOLDER, GONE, OUTPUT_LIMIT_BYTES, TAIL_BYTES, DeviceTask, archives, check_names
from runner.devices.answers import parse_json
from runner.devices.connection import SHELL_TIMEOUT_S, CommandResult, DeviceConnection
from runner.devices.reservation import Reservation
from runner.errors import DeviceError, DeviceLostError, FolderLostError
from runner.rawlog import LOG_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

_MARK = ".aiotbench"  # marks our folder: without it nothing is removed
_PUSHED = ".pushed.json"  # in each folder of pushed files: maps name to SHA-256
_BATCH_BYTES = 3000  # total length of names in one command: adbd of Android 5 and older accepts 4 KiB at once
_PLAIN = re.compile(r"[^\s\\]+")
"""Names that all tools print unchanged, one per line: some versions of sha256sum escape backslashes and newlines."""
_LONG_S = 120.0  # timeout of commands that read or remove large files
_NOT_OURS, _NOT_HELD = 9, 8
_MAKE = """\
{held} || exit {not_held}
[ -e {mark} ] && exit
mkdir -p {folder} || exit 1
[ -z "$(ls -A {folder})" ] || exit {not_ours}
touch {mark}
"""


def check_folder(folder: str) -> None:
    """Raise DeviceError if a path cannot be that of the folder on a device."""
    if not folder.startswith("/") or ":" in folder or not folder.strip("/") or ".." in folder.split("/"):
        raise DeviceError(
            f"{folder!r} cannot be used as the folder on a device: name an absolute path without `..` and "
            f"`:` (which separates the paths given to Python), for example {FOLDER}."
        )


class DeviceFiles:
    """Files in our folder on a device.

    Methods raise DeviceLostError if the device does not answer and DeviceError for what it refuses.
    """

    def __init__(self, connection: DeviceConnection, folder: str) -> None:
        check_folder(folder)
        self.connection = connection
        self.folder = folder.rstrip("/")
        self.reservation = Reservation(connection, self.folder)
        self._noted: dict[str, dict[str, str]] = {}  # content of _PUSHED by folder
        self.unpacked: set[str] = set()  # folders of bundles

    def push(self, files: dict[str, Path], folder: str, executable: bool = False) -> str:
        """Send the files that are missing on the device and verify what arrived. Return the folder's path there."""
        check_names(files, folder)
        place = posixpath.join(self.folder, folder)
        present = self._there(place, files)
        mode = 0o755 if executable else 0o644
        new = [name for name, path in files.items() if name not in present or present[name] != sha256_of(path)]
        if new:
            self.make([])
        rounds, others = archives.split_into_rounds({name: files[name].stat().st_size for name in new})
        for names in rounds:
            mark = posixpath.join(self.folder, _MARK)
            arrived = archives.send(self.connection, mark, place, {name: files[name] for name in names}, mode)
            self._note(place, arrived)
            others += [name for name in names if name not in arrived]
        for names in split_into_batches(others):
            self.write(place, {name: files[name] for name in names}, mode)
            expected = {name: sha256_of(files[name]) for name in names}
            if not self.connection.authenticates_content:
                self._compare(place, expected)
            self._note(place, expected)
        return place

    def _note(self, place: str, arrived: dict[str, str]) -> None:
        """Note on the device the SHA-256 of further files in a folder, so that they are not sent again."""
        if arrived:
            self._noted[place] |= arrived
            self.write(place, {_PUSHED: json.dumps(self._noted[place]).encode()})

    def write(self, place: str, files: Mapping[str, Path | bytes], mode: int = 0o644) -> None:
        """Write files, given by name, into a folder below ours.

        adb makes the folders of a file that it writes, even if ours was deleted meanwhile. In that case the files and
        these folders are removed again, and FolderLostError is raised.
        """
        for name, content in files.items():
            self.connection.push(content, posixpath.join(place, name), mode)
        mark = posixpath.join(self.folder, _MARK)
        if self.connection.shell(["test", "-e", mark]).exit_code == 0:
            return
        paths = [posixpath.join(place, name) for name in files]
        for path in paths:
            self.connection.shell(["rm", "-f", path])
        self.connection.shell(["rmdir", *self._folders_of(paths), self.folder])
        raise self.lost()

    def _folders_of(self, paths: Iterable[str]) -> list[str]:
        """Return the folders between our folder and the paths, inner ones first."""
        folders = set()
        for path in paths:
            while len(path := posixpath.dirname(path)) > len(self.folder):
                folders.add(path)
        return sorted(folders, key=len, reverse=True)

    def make(self, folders: Iterable[str]) -> None:
        """Make folders, and mark ours: nothing else makes it.

        Raises DeviceError if our folder exists and holds files of others, or if another run has taken over the device
        that we had reserved, and FolderLostError if our folder was deleted meanwhile.
        """
        mark = posixpath.join(self.folder, _MARK)
        script = _MAKE.format(
            folder=shlex.join([self.folder]),
            mark=shlex.join([mark]),
            not_ours=_NOT_OURS,
            held=self.reservation.held_by_us(),
            not_held=_NOT_HELD,
        )
        answer = self.connection.shell(script)
        if answer.exit_code == _NOT_HELD:
            self._raise_not_held()
        if answer.exit_code == _NOT_OURS:
            raise DeviceError(
                f"{self.folder} on {self.connection.serial} contains files that aiot did not create: choose "
                "another folder with --device-folder."
            )
        if answer.exit_code != 0:
            message = (answer.stderr or answer.stdout).strip()[-200:]
            raise DeviceError(
                f"The folder {self.folder} cannot be made on {self.connection.serial} ({message}): make it writable, "
                "free some space there, or name another with --device-folder."
            )
        if to_make := list(folders):
            self.do(["mkdir", "-p", *to_make])

    def _raise_not_held(self) -> NoReturn:
        """Raise the reason why our note is no longer on the device."""
        if owner := self.reservation.look().owner:
            raise DeviceError(
                f"{self.connection.serial} was taken over by run {owner.run} (process {owner.process} on "
                f"{owner.host}): continue with --resume when that has finished."
            )
        raise self.lost()

    def lost(self) -> FolderLostError:
        """Forget what is in our folder, and return the error that says that it was deleted."""
        self._noted.clear()
        self.unpacked.clear()
        return FolderLostError(self.folder)

    def remove(self) -> bool:
        """Remove our folder with all its content. Return whether it existed.

        Raises DeviceError for a folder that is not ours.
        """
        answer = self.connection.shell(["ls", "-a", self.folder])
        if answer.exit_code != 0:
            return False
        if _MARK not in answer.stdout.split():
            raise DeviceError(
                f"{self.folder} on {self.connection.serial} was not created by aiot, so it is not removed."
            )
        self.do(["rm", "-rf", self.folder], _LONG_S)
        self._noted.clear()
        self.unpacked.clear()
        return True

    def exists(self) -> bool:
        """Return whether the folder exists."""
        return self.connection.shell(["ls", "-d", self.folder]).exit_code == 0

    def unfetched(self) -> dict[str, list[str]]:
        """Return the tasks whose log is still on the device: names by run."""
        runs = shlex.join([posixpath.join(self.folder, "runs")])
        answer = self.connection.shell(f'cd {runs} 2>/dev/null && for log in */*.jsonl; do echo "$log"; done')
        names: dict[str, list[str]] = {}
        for line in answer.stdout.splitlines():
            run, _, name = line.partition("/")
            if name.endswith(".jsonl") and "*" not in line:
                names.setdefault(run, []).append(name.removesuffix(".jsonl"))
        return names

    def run_folder(self, run: str) -> str:
        """Return the folder of a run's files."""
        return posixpath.join(self.folder, "runs", run)

    def do(self, command: str | list[str], timeout_s: float = SHELL_TIMEOUT_S) -> CommandResult:
        """Run a command and raise DeviceError if it fails."""
        answer = self.connection.shell(command, timeout_s)
        self._check(answer, command if isinstance(command, str) else command[0])
        return answer

    def _check(self, answer: CommandResult, what: str) -> None:
        if answer.exit_code != 0:
            output = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"The device {self.connection.serial} refuses `{what[:80]}` ({output}).")

    def _there(self, place: str, files: dict[str, Path]) -> dict[str, str]:
        """Return the SHA-256, by name, of those files left by an earlier push whose sizes are unchanged."""
        if place not in self._noted:
            noted_file = shlex.join([posixpath.join(place, _PUSHED)])
            answer = self.connection.shell(f"[ -f {noted_file} ] && cat {noted_file}")
            noted = parse_json(answer.stdout) if answer.exit_code == 0 else {}
            self._noted[place] = noted if isinstance(noted, dict) else {}
        noted = self._noted[place]
        names = [name for name in files if name in noted]
        sizes = self._table(place, names, ["wc", "-c"])
        return {name: noted[name] for name in names if sizes.get(name) == str(files[name].stat().st_size)}

    def _compare(self, place: str, wanted: dict[str, str]) -> None:
        """Raise DeviceError if the files that arrived differ from those sent.

        On a device without sha256sum, the size that each transfer checks has to suffice.
        """
        sums = self._table(place, wanted, ["sha256sum"])
        for name, sha256 in wanted.items():
            if sums and sums.get(name) != sha256:
                raise DeviceError(
                    f"{place}/{name} on {self.connection.serial} differs from the file that was sent: try again."
                )

    def _table(self, place: str, names: Iterable[str], words: list[str]) -> dict[str, str]:
        """Return the output of `wc -c` or `sha256sum` for files in a folder, as name -> first column."""
        values = {}
        for batch in split_into_batches(names):
            if _PLAIN.fullmatch(batch[0]):
                line = f"cd {shlex.join([place])} && {shlex.join([*words, *(f'./{name}' for name in batch)])}"
                for row in self.connection.shell(line, _LONG_S).stdout.splitlines():
                    value, _, name = row.strip().partition(" ")
                    values[name.strip().removeprefix("./")] = value
            else:  # a name that is not plain, which is in a batch by itself
                answer = self.connection.shell(
                    f"cd {shlex.join([place])} && {shlex.join(words)} <{shlex.join(batch)}", _LONG_S
                )
                if value := answer.stdout.strip().partition(" ")[0]:
                    values[batch[0]] = value
        return values


def split_into_batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Yield the names in order, in batches that fit into one command. A name that is not plain is a batch by itself."""
    group: list[str] = []
    size = 0
    for name in names:
        length = len(shlex.join([name]).encode(errors="replace")) + 3  # a space and "./"
        odd = not _PLAIN.fullmatch(name)
        if group and (odd or size + length > _BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(name)
        size += length
        if odd:
            yield group
            group, size = [], 0
    if group:
        yield group


_STATE = re.compile(r"\A(running|gone|absent|exit (\d{1,3}))\n")
_NOTHING_THERE = 7
_START = """\
cd {folder} && cd {within} || exit {nothing_there}
cd {folder} || exit {nothing_there}
rm -f {name}.pid
echo ---- >{name}.exit
setsid sh -c {script} </dev/null >/dev/null 2>{name}.start &
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -s {name}.pid ] && rm -f {name}.start && exit 0
  sleep 0.1 || sleep 1
done
cat {name}.start >&2
rm -f {name}.start {name}.exit
exit 1
"""
_ASK = """\
cd {folder} 2>/dev/null || {{ echo absent; exit; }}
[ -s {name}.pid ] || {{ echo absent; exit; }}
read -r pid <{name}.pid
if grep -qF {name} /proc/$pid/cmdline 2>/dev/null; then now=running; else now=gone; fi
code=
[ -f {name}.exit ] && read -r code <{name}.exit
case $code in [0-9]*) now="exit $code" ;; esac
echo "$now"
[ -f {name}.jsonl ] && tail -c {bytes} {name}.jsonl 2>/dev/null
"""
"""Script that prints the state of a process and the end of its log.

A pipe, or a link to a device like /dev/zero, in place of a file would never end, so it is not read.
"""


class RemoteProcess:
    """A process on an attached device: see runner.devices.DeviceProcess.

    Several processes may share a folder if their names differ.
    """

    def __init__(self, files: DeviceFiles, run: str, name: str) -> None:
        self._files = files
        self._connection = files.connection
        self._folder = files.run_folder(run)
        self._name = name
        self.tail = b""  # end of the log at the time of the last poll

    def path(self, extension: str) -> str:
        """Return the path of one of the process's files on the device."""
        return posixpath.join(self._folder, f"{self._name}.{extension}")

    def start(self, words: Sequence[str], within: str, output: str, errors: str | None = None) -> None:
        """Start a command in a folder of the device and write its output to the files with these extensions.

        Without `errors`, both streams go to one file. Raises DeviceError if the process does not start, and
        FolderLostError if a folder is no longer there.
        """
        error_redirect = f"2>{shlex.join([self.path(errors)])}" if errors else "2>&1"
        script = (
            "trap '' HUP\n"  # some systems have no nohup
            f"cd {shlex.join([within])} || exit 1\n"
            "export PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1\n"
            f"echo $$ >{shlex.join([self.path('pid')])}\n"
            f"{shlex.join(words)} >{shlex.join([self.path(output)])} {error_redirect}\n"
            f"echo $? 1<>{shlex.join([self.path('exit')])}\n"  # overwrites in place, since the storage may be full
        )
        line = _START.format(
            folder=shlex.join([self._folder]),
            within=shlex.join([within]),
            name=shlex.join([self._name]),
            script=shlex.join([script]),
            nothing_there=_NOTHING_THERE,
        )
        answer = self._connection.shell(line)
        if answer.exit_code == _NOTHING_THERE:
            raise self._files.lost()
        if answer.exit_code != 0:
            output_text = (answer.stderr or answer.stdout).strip()[:200]
            raise DeviceError(f"A process did not start on {self._connection.serial}: the message is {output_text!r}.")

    def known(self) -> bool:
        """Return whether the device has a record of the process: it was started and not removed."""
        return self._ask() != "absent"

    def poll(self) -> int | None:
        """Return the exit code, None while the process runs, or GONE if it left no exit code.

        In the last case the shell around the process, which writes the exit code, was killed too. Raises
        FolderLostError if the device has no record of the process any more.
        """
        state = self._ask()
        if state == "absent":
            raise self._files.lost()
        if state == "running":
            return None
        return int(state.split()[1]) if state.startswith("exit") else GONE

    def kill(self) -> None:
        """Kill the process, if it is running, and everything that it started."""
        pid, name = shlex.join([self.path("pid")]), shlex.join([self._name])
        # kill the process group that setsid created (negative number); dash does not accept `--`
        answer = self._connection.shell(
            f"[ -s {pid} ] && read -r pid <{pid} && grep -qF {name} /proc/$pid/cmdline && kill -9 -$pid"
        )
        if answer.exit_code != 0:  # its files may have been deleted
            self._files.reservation.end_work(posixpath.basename(self._folder), self._name)

    def has(self, extension: str) -> bool:
        """Return whether the device has a regular file with this extension: reading anything else may never end."""
        return self._connection.shell(["test", "-f", self.path(extension)]).exit_code == 0

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
        line = _ASK.format(folder=shlex.join([self._folder]), name=shlex.join([self._name]), bytes=TAIL_BYTES)
        reply = self._connection.shell(line).stdout
        match = _STATE.match(reply)
        if not match:
            raise DeviceError(
                f"The device {self._connection.serial} gave the unexpected answer {reply[:80]!r} about a "
                "process that was started."
            )
        self.tail = reply[match.end() :].encode()
        return match[1]


LINE_LIMIT_BYTES = 2**20
"""Limit on the size of a line of a log; those that the agent writes are far shorter."""


class RemoteWork:
    """The process of a task on an attached device: see runner.devices.Work."""

    def __init__(self, files: DeviceFiles, task: DeviceTask) -> None:
        self._connection = files.connection
        self._process = RemoteProcess(files, task.folder.name, task.name)
        self._task = task
        self._folder = files.run_folder(task.folder.name)

    @classmethod
    def start(cls, files: DeviceFiles, task: DeviceTask, python: list[str]) -> RemoteWork:
        """Start the task with its files in the folder of its run on the device."""
        work = cls(files, task)
        job = {**task.job, "log": work._process.path("jsonl"), "parent": None}
        text = json.dumps(job)
        task.job_file.write_text(text, encoding="utf-8")
        files.make([work._folder])
        job_path = work._process.path("job.json")
        files.write(work._folder, {posixpath.basename(job_path): text.encode()})
        work._process.start([*python, "-m", task.module, job_path], within=task.agent, output="output.txt")
        return work

    @classmethod
    def find(cls, files: DeviceFiles, task: DeviceTask) -> RemoteWork | None:
        """Return the work of a task that was started and not collected, or None."""
        work = cls(files, task)
        return work if work._process.known() else None

    def poll(self) -> int | None:
        return self._process.poll()

    def tail(self) -> bytes:
        return self._process.tail

    def kill(self) -> None:
        self._process.kill()

    def collect(self) -> None:
        """Fetch the log and the output, each completely or not at all, and remove them from the device.

        Their places on the host follow from the task alone: nothing that a device sends becomes a path on the host.
        Raises DeviceError for a log over the limits, which is discarded, and if the device's storage is full.
        """
        df_columns = self._connection.shell(f"df -k {shlex.join([self._folder])} | tail -n 1").stdout.split()
        refused = self._fetch("jsonl", self._task.log, LOG_LIMIT_BYTES)
        if sentence := self._fetch("output.txt", self._task.output, OUTPUT_LIMIT_BYTES):
            self._task.output.write_text(f"aiot: {sentence}\n", encoding="utf-8")
        self._process.remove("jsonl", "output.txt", "job.json")
        if refused:
            raise DeviceError(refused)
        if len(df_columns) >= 4 and df_columns[-3] == "0":
            # no serial in the message: it is logged
            raise DeviceError("no space is left on the device: free some space on it")

    def _fetch(self, extension: str, target: Path, limit_bytes: int) -> str | None:
        """Fetch a file of the device unless it is missing or already fetched. Return the reason if it is rejected."""
        if target.exists() or not self._process.has(extension):
            return None
        try:
            with rawlog.replacing(target) as part:
                with part.open("wb") as file:
                    file.writelines(self._process.content(extension, limit_bytes))
                    file.flush()
                    os.fsync(file.fileno())  # the copy on the device is removed next
                self._refuse_long_lines(part, extension)
        except DeviceLostError:
            raise
        except DeviceError as error:
            return str(error)
        return None

    def _refuse_long_lines(self, fetched: Path, extension: str) -> None:
        with fetched.open("rb") as file:
            while line := file.readline(LINE_LIMIT_BYTES + 1):
                if len(line) > LINE_LIMIT_BYTES:
                    path = self._process.path(extension)
                    raise DeviceError(
                        f"{path} on the device has a line over {LINE_LIMIT_BYTES} bytes and was not copied."
                    )


class RemoteTool:
    """A program on an attached device: see runner.devices.ToolProcess.

    A process that an earlier attempt left running in the folder is killed first.
    """

    _NAME, _OUTPUT, _ERRORS = "native-tool", "stdout.txt", "stderr.txt"

    def __init__(self, files: DeviceFiles, run: str) -> None:
        self._process = RemoteProcess(files, run, self._NAME)

    @classmethod
    def start(cls, files: DeviceFiles, run: str, words: Sequence[str]) -> RemoteTool:
        """Start words in the folder of a run on the device."""
        tool = cls(files, run)
        folder = files.run_folder(run)
        files.make([folder])
        tool._process.kill()
        tool._process.remove(cls._OUTPUT, cls._ERRORS)
        tool._process.start(words, within=folder, output=cls._OUTPUT, errors=cls._ERRORS)
        return tool

    def poll(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        self._process.kill()

    def output(self) -> tuple[str, str]:
        texts = self._text(self._OUTPUT), self._text(self._ERRORS)
        self._process.remove(self._OUTPUT, self._ERRORS)
        return texts

    def _text(self, extension: str) -> str:
        try:
            return b"".join(self._process.content(extension, OUTPUT_LIMIT_BYTES)).decode(errors="replace")
        except DeviceLostError:
            raise
        except DeviceError as error:
            return f"aiot: {error}\n"
