"""Counts of what a try did wrong, from its raw logs and from the exit codes and output of its commands.

Files are read line by line and not with the runner's own reader, which excludes invalid records.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

COLUMNS = ("lost", "doubled", "changed", "left behind", "tracebacks", "wrong")
"""Names of the counts, in the order of the table."""
ENDINGS = ("end", "failed", "unavailable")
TRACEBACK = "Traceback (most recent call last)"

TELLS, FAILS, EITHER = "tells", "fails", "either"
"""Expected exit codes: 0 if and only if everything requested was measured; not 0; or any."""

Event = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Measurements that a run was asked for."""

    instances: tuple[str, ...]
    queries: int  # of each instance


@dataclass(frozen=True)
class EndedCommand:
    """A command that has ended: its exit code and output, and what had been measured by then."""

    words: tuple[str, ...]
    code: int
    output: str  # of both streams
    measured: Mapping[str, int]  # by run folder: the number of instances with an ending `end`
    complete: bool  # the newest run of each device has all that was asked for
    expected: str = TELLS  # of the exit code

    @property
    def text(self) -> str:
        """The output as one line."""
        return " ".join(self.output.split())


@dataclass(frozen=True)
class Finding:
    """Something that went wrong: the column in which it counts, how often, and a description."""

    column: str
    number: int
    sentence: str


def total(findings: Iterable[Finding]) -> Counter[str]:
    """Return the sum of each column."""
    sums = Counter(dict.fromkeys(COLUMNS, 0))
    for finding in findings:
        sums[finding.column] += finding.number
    return sums


# raw logs


def events(source: Path | bytes) -> Iterator[Event]:
    """Yield the events of an attempt's file or its content. Lines that are not JSON objects are skipped."""
    for line in (source if isinstance(source, bytes) else source.read_bytes()).split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def queries(source: Path | bytes) -> list[int]:
    """Return the query of each image in an attempt's file or its content, in order and with repetitions."""
    return [record["query"] for record in events(source) if record.get("event") in ("image", "image_failed")]


def ending(source: Path | bytes) -> Event:
    """Return the last event of an attempt's file or its content if it ends the attempt, or an empty dictionary."""
    last = next(reversed(list(events(source))), {})
    return last if last.get("event") in ENDINGS else {}


def runs(raw: Path) -> list[Path]:
    """Return the run folders, in the order of their names."""
    return sorted((path for path in raw.glob("*/*") if path.is_dir()), key=lambda path: path.name)


def newest_runs(raw: Path) -> list[Path]:
    """Return the newest run of each device."""
    return list({folder.parent.name: folder for folder in runs(raw)}.values())


def attempts(folder: Path, instance: str) -> list[Path]:
    """Return the files of an instance's attempts, in the order of their numbers."""
    paths = [path for path in folder.glob(f"{instance}.*.jsonl") if path.suffixes[-2][1:].isdecimal()]
    return sorted(paths, key=lambda path: int(path.suffixes[-2][1:]))


def measured(raw: Path) -> dict[str, int]:
    """Return how many instances of each run have an attempt with the ending `end`, by the path of the folder."""
    numbers = {}
    for folder in runs(raw):
        whole = {path.name.split(".")[0] for path in folder.glob("*.*.jsonl") if ending(path).get("event") == "end"}
        numbers[str(folder)] = len(whole)
    return numbers


def ended_attempts(raw: Path) -> dict[str, str]:
    """Return the SHA-256 of each attempt that has ended, by its path below `raw`."""
    return {
        path.relative_to(raw).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in runs(raw)
        for path in sorted(folder.glob("*.*.jsonl"))
        if ending(path)
    }


# images and attempts


def lost_images(folders: Sequence[Path], asked: Asked, devices: int = 1) -> list[Finding]:
    """Return the images asked for that no finished attempt has.

    Each of the folders must have all of them, and there must be a folder for each device.
    """
    findings = []
    wanted = set(range(asked.queries))
    for folder in folders:
        for instance in asked.instances:
            whole = [path for path in attempts(folder, instance) if ending(path).get("event") == "end"]
            missing = wanted - set(queries(whole[-1])) if whole else wanted
            if missing:
                where = whole[-1].name if whole else f"{instance}, which has no finished attempt"
                findings.append(Finding("lost", len(missing), f"{len(missing)} images of {where} in {folder.name}"))
    without_run = devices - len({folder.parent for folder in folders})
    if without_run > 0:
        number = without_run * len(asked.instances) * asked.queries
        findings.append(Finding("lost", number, f"{without_run} devices have no run"))
    return findings


def renamed_devices(raw: Path, devices: int) -> list[Finding]:
    """Return a finding if there are runs of more devices than exist."""
    names = sorted({folder.parent.name for folder in runs(raw)})
    if len(names) <= devices:
        return []
    return [Finding("wrong", 1, f"the runs are of {', '.join(names)}, but there are {devices} devices")]


def lost_records(stored: Mapping[str, set[int]], raws: Sequence[Path]) -> list[Finding]:
    """Return the images that a device had stored and no attempt of that name on the host has.

    `stored` has the queries by `<run id>/<file name>`.
    """
    findings = []
    for name, wanted in stored.items():
        fetched = {query for raw in raws for path in raw.glob(f"*/{name}") for query in queries(path)}
        if missing := wanted - fetched:
            findings.append(Finding("lost", len(missing), f"{len(missing)} stored images of {name}"))
    return findings


def doubled_images(raw: Path) -> list[Finding]:
    """Return the images that an attempt has more than once, and those of instances that were finished repeatedly."""
    findings = []
    for folder in runs(raw):
        whole: dict[str, list[Path]] = {}
        for path in sorted(folder.glob("*.*.jsonl")):
            repeated = sum(count - 1 for count in Counter(queries(path)).values())
            if repeated:
                findings.append(Finding("doubled", repeated, f"{repeated} images in {folder.name}/{path.name}"))
            if ending(path).get("event") == "end":
                whole.setdefault(path.name.split(".")[0], []).append(path)
        for instance, paths in whole.items():
            for path in paths[1:]:
                number = len(set(queries(path)))
                findings.append(Finding("doubled", number, f"{instance} was finished again as {path.name}"))
    return findings


def changed_attempts(before: Mapping[str, str], raw: Path) -> list[Finding]:
    """Return the attempts that had ended and are now different or gone."""
    now = ended_attempts(raw)
    gone = [path for path in before if path not in now]
    changed = [path for path, digest in before.items() if path in now and now[path] != digest]
    return [
        *(Finding("changed", 1, f"{path} is gone or no longer ended") for path in gone),
        *(Finding("changed", 1, f"{path} was changed") for path in changed),
    ]


# statements

LOST, INTERRUPTED, TIMED_OUT, FULL, READ_ONLY = "lost", "interrupted", "timed out", "full", "read-only"
KILLED, BUSY, NOT_OURS, UNAUTHORIZED = "killed", "busy", "not ours", "unauthorized"
CLAIMS = {
    LOST: r"does not answer|stopped answering|(device|connection) (was|is|has been) (lost|gone)"
    r"|(device|connection) went away|is offline",
    INTERRUPTED: r"\binterrupted|was terminated|\bSIG(TERM|HUP|INT)\b",
    TIMED_OUT: r"took longer than",
    FULL: r"no space (is )?left",
    READ_ONLY: r"cannot be written|read-only",
    KILLED: r"it was killed|out of memory|not enough memory",
    BUSY: r"another run is using|is in use by run|was taken over by run",
    NOT_OURS: r"aiot did not create|not created by aiot",
    UNAUTHORIZED: r"is unauthorized",
    "empty": r"(message is|saying|says?:?) ''|\(\)",  # quotes a message that says nothing
}
"""Causes of failures that sentences of the runner may state, as patterns. `empty` is never true: an empty quotation."""
HEDGES = re.compile(r"\b(probably|perhaps|possibly|may have|might have|as happens|unless)\b", re.IGNORECASE)
"""Words that turn a statement into a guess."""


def claims(sentence: str) -> set[str]:
    """Return the causes in CLAIMS that a sentence states as facts."""
    stated = {name for name, pattern in CLAIMS.items() if re.search(pattern, sentence, re.IGNORECASE)}
    return stated & {"empty"} if HEDGES.search(sentence) else stated


def false_claims(sentences: Iterable[str], true: Iterable[str], source: str) -> list[Finding]:
    """Return a finding for each different sentence that states a cause other than the `true` ones."""
    return [
        Finding("wrong", 1, f"{source} claims {', '.join(sorted(false))}: {sentence[:300]!r}")
        for sentence in dict.fromkeys(sentences)
        if (false := claims(sentence) - set(true))
    ]


def split_sentences(text: str) -> list[str]:
    """Split the output of a command where a sentence or a line ends."""
    return [part.strip() for line in text.splitlines() for part in re.split(r"(?<=[.:]) (?=[A-Z])", line)]


def wrong_exits(ended: EndedCommand) -> list[Finding]:
    """Return a finding if the exit code of a command is not the expected one."""
    name = f"`aiot {ended.words[0]}` with exit code {ended.code}"
    problem = ""
    if ended.expected == FAILS and not ended.code:
        problem = "although something asked for did not happen"
    elif ended.expected == TELLS and not ended.code and not ended.complete:
        problem = "although something asked for is not measured"
    elif ended.expected == TELLS and ended.code and ended.complete:
        problem = "although all that was asked for is measured"
    return [Finding("wrong", 1, f"{name}, {problem}: {ended.text[-200:]!r}")] if problem else []


def silent_endings(ended: EndedCommand) -> list[Finding]:
    """Return a finding if a command failed without an error message."""
    if ended.code and not re.search(r"^aiot: .*\w", ended.output, re.MULTILINE):
        return [
            Finding(
                "wrong", 1, f"`aiot {ended.words[0]}` with exit code {ended.code} has no error message: {ended.text!r}"
            )
        ]
    return []


_SUMMARY = re.compile(r"(\d+) instances? measured[^/]* in (\S+)")


def wrong_summaries(ended: EndedCommand) -> list[Finding]:
    """Return the lines `N instances measured ... in FOLDER` whose number is not that of the folder."""
    return [
        Finding(
            "wrong",
            1,
            f"{number} instances measured according to the output, but there are {ended.measured.get(folder, 0)}",
        )
        for number, folder in _SUMMARY.findall(ended.text)
        if int(number) != ended.measured.get(folder, 0)
    ]


def tracebacks(ended: EndedCommand) -> list[Finding]:
    """Return the tracebacks in the output of a command."""
    number = ended.output.count(TRACEBACK)
    last = next((line for line in reversed(ended.output.splitlines()) if line.strip()), "")
    return [Finding("tracebacks", number, f"`aiot {ended.words[0]}`: {last[:200]}")] if number else []


def reasons(raw: Path) -> list[str]:
    """Return the reasons of all attempts that failed or were unavailable."""
    endings = [ending(path) for folder in runs(raw) for path in sorted(folder.glob("*.*.jsonl"))]
    return [str(last["reason"]) for last in endings if last.get("event") in ("failed", "unavailable")]


def wrong_endings(raw: Path) -> list[Finding]:
    """Return the attempts whose event `end` disagrees with their records of images."""
    findings = []
    for folder in runs(raw):
        for path in sorted(folder.glob("*.*.jsonl")):
            last = ending(path)
            if last.get("event") == "end":
                records = [record for record in events(path) if record.get("event") in ("image", "image_failed")]
                shown = [record for record in records if record["event"] == "image"]
                correct = sum(record["top5"][0][0] == record["label"] for record in shown)
                numbers = (len(shown), len(records) - len(shown), correct)
                claimed = (last["images"], last["failed_images"], last["correct"])
                if numbers != claimed:
                    sentence = f"{path.name} states (images, failed, correct) {claimed}, but has {numbers}"
                    findings.append(Finding("wrong", 1, sentence))
    return findings


def conditions(folder: Path) -> list[Event]:
    """Return the conditions that run.json says the device has applied."""
    try:
        return json.loads((folder / "run.json").read_bytes()).get("held") or []
    except (OSError, ValueError):
        return []


def wrong_records(raw: Path) -> list[Finding]:
    """Return a finding for each run.json that states the end of its run while an instance has no ending."""
    findings = []
    for folder in runs(raw):
        try:
            record = json.loads((folder / "run.json").read_bytes())
        except (OSError, ValueError):
            continue
        unfinished = [name for name in record["suite"] if not any(map(ending, attempts(folder, name)))]
        if record["ended"] and unfinished:
            findings.append(
                Finding(
                    "wrong", 1, f"run.json of {folder.name} states its end, but {', '.join(unfinished)} has no ending"
                )
            )
    return findings


def unmarked_overlap(raws: Sequence[Path]) -> list[Finding]:
    """Return the workspaces that measured, but whose telemetry does not report other measurements on the device.

    Call this only if two agents measured at once. A sample with the value `unknown` is sufficient.
    """
    findings = []
    for raw in raws:
        samples = [sample for path in raw.glob("*/*/telemetry.jsonl") for sample in events(path)]
        if samples and not any(sample.get("others") in ("seen", "unknown") for sample in samples):
            findings.append(Finding("wrong", 1, f"two agents measured at once, and no sample below {raw} says so"))
    return findings
