"""Split the output of a tool into runs, and find the delegate that each run requested and the evidence for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from runner.errors import LogError
from runner.importers.formats import UNKNOWN
from runner.tools import benchmark_output, delegates
from runner.tools.delegates import Delegation
from runner.tools.text import parse_number
from runner.tools.tflite_output import PARAMETER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.importers.input_files import LabelOverrides

Lines = list[tuple[str, str]]

RUNS_AT_MOST = 1000
"""Maximum number of runs in one file."""

_FLAG = re.compile(r"(?<!\S)[\"']{0,2}--(\w+)(?:=(\"[^\"]*\"|'[^']*'|[^\s\"']*))?")
_HELP = re.compile(r"--\w{1,80}=?\S{0,200}\s+(?:bool|string|u?int\d*|float|double)\s+(?:optional|required)")
_COMMAND = re.compile(
    r"(?:benchmark\w*|run_eval|imagenet_image_classification)(?:\.exe|\.apk)?\s.{0,2000}?--\w|--(?:graph|model|model_file)=\S"
)
_MEAN = re.compile(r"(?:\bavg=|^count=\d+ curr=|(?:Inference \(avg\)|no stats|Inference): )([\d.e+]+)")

_BLOCK, _BLOCK_BEGIN = re.compile(r"=+ BENCHMARK RESULTS =+"), re.compile(r"Model initialization: ")
_RUN = r"Running benchmark for "
_ROLES = {
    "benchmark_model": {
        "start": r"STARTING!",
        "final": r"Inference timings in us: |Average inference timings in us: ",
        "failed": r"Benchmarking failed",
        "front": r"Loaded model |Loading model from|resolved reporter|The input model file size|Initialized session in "
        rf"|{_RUN}|count=\d",
    },
    "run_eval": {
        "final": r"Top-\d+ Accuracy: ",
        "failed": r"Could not run the task evaluation",
        "front": r"Evaluated: \d|Num evaluation runs: |(?:Preprocessing|Inference) latency: ",
    },
    "speed_benchmark": {
        "start": r"Starting benchmark\.",
        "final": r"Main run finished",
        "front": r"Running warmup runs|Main runs?\b|PyTorchObserver \{",
    },
}
_ROLES["benchmark_litert_model"] = _ROLES["benchmark_model"]
_ROLES["speed_benchmark_torch"] = _ROLES["caffe2_benchmark"] = _ROLES["speed_benchmark"]
_ONCE = ("Num evaluation runs: ", "Initialized session in ")
_PHASES = 2  # warm-up and runs


@dataclass
class Section:
    """The lines of one run, and what is known about it before they are parsed."""

    lines: Lines = field(default_factory=list)
    flags: dict[str, str] = field(default_factory=dict)  # of the command line
    roles: set[str] = field(default_factory=set)
    head: int = 0  # number of first lines that followed the end of the previous run and concern delegates
    final: str | None = None  # the line with the result
    mean_ms: float | None = None  # the last mean printed
    keys: set[str] = field(default_factory=set)  # names of parameters
    phases: int = 0

    @property
    def is_run(self) -> bool:
        """Whether it holds more than commands and lines that belong to other runs."""
        return bool(self.roles - {"command", "delegate", "other"})

    @property
    def finished(self) -> bool:
        return bool(self.roles & {"final", "block", "failed"})


def split(output_lines: Lines, tool: str) -> list[Section]:
    """Return the runs of a tool in an output, in order.

    An output without any sign of a run is returned as a single section.
    """
    patterns = {role: re.compile(pattern) for role, pattern in _ROLES[tool].items()}
    sections = [Section()]
    previous_text = ""
    for index, (severity, text) in enumerate(output_lines):
        role = _role(text, patterns, previous_text)
        if _begins(sections[-1], role, text, output_lines[index + 1 : index + 15]) and len(sections) < RUNS_AT_MOST:
            sections.append(Section())
        _add(sections[-1], role, severity, text)
        previous_text = text or previous_text
    return _settled(sections)


def _role(text: str, patterns: dict[str, re.Pattern[str]], before: str) -> str:
    if _HELP.search(text):
        return "other"
    if ("--" in text and _COMMAND.search(text)) or (text.startswith("--") and before.endswith(("\\", "^"))):
        return "command"
    if _BLOCK.match(text) or _BLOCK_BEGIN.match(text):
        return "block"
    for role, pattern in patterns.items():
        if pattern.match(text):
            return role
    if PARAMETER.fullmatch(text):
        return "parameter"
    return "delegate" if delegates.mentions_delegate(text) else "other"


def _begins(section: Section, role: str, text: str, following: Lines) -> bool:
    """Return whether a line starts a new run rather than continuing that of the section."""
    content = section.roles - {"command", "delegate", "other", "failed"}
    if role == "start":
        return bool(content)
    if role == "command":
        continued = text.startswith("--") and section.roles <= {"command", "other"}
        return bool(section.roles - {"other"}) and not continued
    if role == "delegate":
        return section.finished and bool(content)
    if role == "block":
        return _begins_with_block(section, text, following)
    if role == "final":
        several = text.startswith("Top-")
        return section.final is not None and not several and section.final != text
    if role == "failed":
        return bool(section.roles & {"final", "block"})
    if role == "parameter":
        key = PARAMETER.fullmatch(text)
        repeated = key is not None and key[1].lower() in section.keys and section.lines[-1][1] != text
        return (section.finished and bool(content)) or (repeated and "front" in section.roles)
    if role == "front":
        if section.finished and content:
            return True
        if text.startswith("Running benchmark for "):
            return section.phases >= _PHASES
        return any(
            text.startswith(prefix) and any(line.startswith(prefix) for _, line in section.lines) for prefix in _ONCE
        )
    return False


def _begins_with_block(section: Section, text: str, following: Lines) -> bool:
    """Return whether a block of LiteRT's results belongs to a new run.

    A block of the same run repeats its mean.
    """
    if _BLOCK_BEGIN.match(text) and "title" in section.roles and "block" not in section.roles:
        return False
    if "block" in section.roles:
        return True
    if section.mean_ms is None:
        return False
    mean_ms = benchmark_output.read_litert_lines(following).times_ms.get("mean_ms")
    return mean_ms is not None and abs(mean_ms - section.mean_ms) > 0.0051  # printed with two decimals, in ms


def _add(section: Section, role: str, severity: str, text: str) -> None:
    section.lines.append((severity, text))
    if role == "block":
        section.roles.add("title" if _BLOCK.match(text) else "block")
        return
    if not text:
        return
    if role == "delegate" and section.roles <= {"delegate", "other"}:
        section.head = len(section.lines)
    section.roles.add(role)
    if role == "command":
        section.flags |= flags(text)
    elif role == "final":
        section.final = text
    elif match := PARAMETER.fullmatch(text):
        section.keys.add(match[1].lower())
    section.phases += text.startswith("Running benchmark for ")
    if (role == "final" or text.startswith("count=")) and (match := _MEAN.search(text)):
        mean_us = parse_number(match[1])
        section.mean_ms = None if mean_us is None else mean_us / 1000


def _settled(sections: list[Section]) -> list[Section]:
    """Move lines about delegates between two runs to the right run, and sections that are no run to the previous run.

    Lines about delegates go to the other output stream. Where both streams went into one file, they precede the other
    lines of their run. If some follow the last run, the two streams of each run were concatenated, and these lines
    belong to the run before them.
    """
    if len(sections) > 1 and not sections[-1].is_run and "command" not in sections[-1].roles and not sections[0].head:
        for earlier, later in pairwise(sections):
            earlier.lines += later.lines[: later.head]
            later.lines = later.lines[later.head :]
    runs: list[Section] = []
    first: Lines = []  # lines before the first run
    for section in sections:
        if section.is_run:
            section.lines, first = first + section.lines, []
            runs.append(section)
        elif runs:
            runs[-1].lines += section.lines
        else:
            first += section.lines
    return runs or [Section(first, sections[-1].flags)]


def flags(text: str) -> dict[str, str]:
    """Return the flags of a command line by name; a flag without a value has the value "true"."""
    return {
        name: "true" if value == "" and f"--{name}=" not in text else value.strip("\"'")
        for name, value in _FLAG.findall(text)
    }


_NAMED_ANYTHING = ("npu", "dsp", "stable")  # delegates that TFLite loads as external ones


def delegate_of(
    name: str, run: Section, parameters: Mapping[str, str], tool: str, overrides: LabelOverrides
) -> tuple[str | None, list[str]]:
    """Return the delegate that a run requested according to its output, and notes on it for the user.

    The delegate is UNKNOWN if neither the output nor the user states it, and None if only the user does. If the output
    requests several, it is the one that the user named, or else the only one that was assigned nodes.

    Raises:
        LogError: The output requests several delegates, and neither rule selects one of them.
    """
    requested = delegates.requested_delegates(run.lines, parameters, run.flags)
    if len(requested) > 1:
        applied = tuple(
            kind for kind in requested if delegates.delegation(run.lines, kind).applied in ("whole", "partly", "some")
        )
        if overrides.delegate in requested:
            applied = (overrides.delegate,)
        if len(applied) != 1:
            raise LogError(
                f"{name} requested {len(requested)} delegates, {' and '.join(requested)}: choose one of them with "
                "--delegate."
            )
        return applied[0], [f"{name} requested {' and '.join(requested)}: it is imported as {applied[0]}"]
    if requested:
        [delegate] = requested
        plugin = delegates.delegation(run.lines, delegate).name
        if delegate in ("external", "stable") and overrides.delegate in _NAMED_ANYTHING:
            return overrides.delegate, []
        return delegate, [f"{name}: the external delegate is {plugin}"] if plugin and delegate == "external" else []
    if _cpu_asked(run, parameters, tool):
        return "cpu", []
    if overrides.delegate is not None:
        return None, []
    return UNKNOWN, [f"{name} does not state its delegate, which is imported as unknown: use --delegate if you know it"]


def _cpu_asked(run: Section, parameters: Mapping[str, str], tool: str) -> bool:
    """Return whether the output shows that no delegate was requested.

    The header of TFLite's benchmark_model lists every option that was set. LiteRT's header does not name the
    accelerator, and incomplete headers and other tools prove nothing, unless the runtime reports that the CPU's own
    delegate ran.
    """
    whole_header = "graph" in parameters and (
        len(parameters) > 1 or any(text.startswith("STARTING!") for _, text in run.lines)
    )
    return (whole_header and tool == "benchmark_model") or delegates.cpu_ran(run.lines)


def proven_delegation(
    reported: Delegation | None, delegate: str, run: Section, parameters: Mapping[str, str], tool: str
) -> Delegation:
    """Return how a delegate was applied, as far as the output proves it.

    The delegate "cpu" counts as proven only if the output shows that the CPU ran.
    """
    if delegate == "cpu" and not (reported and reported.others) and not _cpu_asked(run, parameters, tool):
        return Delegation("unknown")
    return reported or Delegation("unknown")
