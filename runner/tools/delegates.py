"""Detection of the accelerator that ran a model, from the lines that TFLite and its tools print about it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runner.tools.text import parse_integer, quotable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

CPU_ACCELERATORS = ("nnapi-reference",)
"""Accelerators of NNAPI that are its own implementation on the CPU."""

REPLACED_AT_MOST = ACCELERATORS_AT_MOST = 100

_LOADED = ("external", "stable", "npu", "dsp")
"""Kinds whose delegates may have any name, such as "Vx Delegate" or "TfLiteQnnDelegate"."""

_KINDS = (  # pattern in the lower-case name of a delegate -> its kind
    (r"xnn|flex|select tf ops|^cpu$", "cpu"),
    (r"nnapi", "nnapi"),
    (r"hexagon|^dsp$", "dsp"),
    (r"core[ _-]?ml", "coreml"),
    (r"stable", "stable"),
    (r"dispatch|^npu$", "npu"),
    (r"gpu|metal|litert_cl|opencl|vulkan", "gpu"),
)

_REPLACING = re.compile(
    r"Replacing (\d+)(?: out of (\d+))? node\(s\) with delegate \(([^)]+)\) node"
    r"(?:, yielding (\d+) partitions(?: for (?:the whole graph|subgraph (\d+)(?: \((.*)\))?))?)?\."
)
_DELEGATED = re.compile(  # Hexagon, Core ML, QNN, Ethos-U and others, in addition to or instead of "Replacing"
    r"(\S{1,80}?)(?: delegate|(?<=Delegate)): (\d+) nodes delegated out of (\d+) nodes,? with (\d+) partitions"
)
# "Applied X delegate, and the model graph will be completely executed w/ the delegate." is the 2020 wording
_APPLIED = re.compile(
    r"(?:Explicitly applied|Applied) (\S{1,80}) delegate, and the model graph will be (completely|partially) executed"
    r"(?: (?:by|w/) the delegate)?(?: w/ (\d+) delegate kernels)?"
)
_REFUSED = re.compile(
    r"Failed to apply (?:(\S{1,80}) delegate|delegate \d+)|Disallowed CPU fallback detected"
    r"|(NNAPI) delegate requested but no accelerators available"
)
_UNUSED = re.compile(
    r"Though (\S{1,80}) delegate is explicitly applied, the model(?: graph)? will not be executed"
    r"|(\S{1,80}) acceleration is unsupported on this platform|Couldn't load (\S{1,80}) support library"
    r"|Could not create (\S{1,80}) delegate"
    r"|Unsupported TFLite delegate: (\S{1,80})|(\S{1,80}) delegate (?:is )?not supported|(NNAPI) not supported"
)
_CREATED = re.compile(
    r"(?:^|\s)(\w{1,80}) delegate created\.|Created TensorFlow Lite (?:(\w{1,80}) )?delegate for ([\w ]{1,80})\."
    r"|Applied (\S{1,80}) delegate\.|Created \d+ (GPU) delegate kernels"
)
_ACCELERATORS = re.compile(r"NNAPI accelerators available: \[(.*)\]")

_PATTERNS = (_REPLACING, _DELEGATED, _APPLIED, _REFUSED, _UNUSED, _CREATED, _ACCELERATORS)
_WORDS = (
    "delegate",
    "accelerat",
    "NNAPI",
    "support library",
    "CPU fallback",
)  # every pattern contains one of these words, which are fast to search for


@dataclass(frozen=True)
class Replaced:
    """A line "Replacing ...": the part of one subgraph that a delegate took over."""

    delegate: str  # the delegate's own name, such as TfLiteNnapiDelegate
    nodes: int
    of: int | None  # nodes of the subgraph; None in older builds
    partitions: int | None  # parts the subgraph is cut into, on and off the accelerator; None in older builds


@dataclass(frozen=True)
class Delegation:
    """How a requested delegate was applied.

    applied: "whole" (the accelerator runs all of the model), "partly", "some" (it runs at least a part; the tool does
    not report whether it runs all), "none" (it took no node), "refused" (the tool gave up) or "unknown" (not reported)
    """

    applied: str
    nodes: int | None = None  # nodes that the delegate took over
    of: int | None = None  # total nodes of the model
    partitions: int | None = None
    kernels: int | None = None  # parts of the model that the delegate runs
    name: str | None = None  # the delegate's own name
    others: tuple[str, ...] = ()  # other kinds of delegates that took nodes, except those of the CPU

    def accelerator(self, delegate: str, name: str | None = None) -> str | None:
        """Return what ran: "cpu", kinds of delegates joined by "and", or None if unknown or nothing ran.

        `name` is the requested accelerator of NNAPI; one in CPU_ACCELERATORS counts as the CPU.
        """
        if self.applied == "refused" or (self.applied == "unknown" and not self.others):
            return None
        delegate_ran = delegate not in ("cpu", "unknown") and self.applied not in ("none", "unknown")
        kinds = [delegate] if delegate_ran and name not in CPU_ACCELERATORS else []
        return " and ".join([*kinds, *self.others]) or "cpu"


def delegate_kind(name: str) -> str:
    """Return the kind of a delegate by its own name: "cpu", or one of `suite.ACCELERATED` ("external" if unknown)."""
    plain = name.strip("`'\" ").lower()
    return next((kind_name for pattern, kind_name in _KINDS if re.search(pattern, plain)), "external")


def mentions_delegate(text: str) -> bool:
    """Return whether a line contains information about a delegate."""
    return _may_mention(text) and any(pattern.search(text) for pattern in _PATTERNS)


def _may_mention(text: str) -> bool:
    return any(word in text for word in _WORDS)


def find_replacements(lines: Iterable[tuple[str, str]]) -> list[Replaced]:
    """Return what delegates took over, in order, in all wordings since 2019. A repeated line counts once.

    A line "N nodes delegated" counts only if no line "Replacing" refers to the same kind of delegate.
    """
    replacing: dict[str, Replaced] = {}
    delegated: dict[str, Replaced] = {}
    for _, text in lines:
        if not _may_mention(text):
            continue
        if match := _REPLACING.search(text):
            nodes, partitions = parse_integer(match[1]), parse_integer(match[4])
            if nodes is not None:
                replacing.setdefault(match[0], Replaced(quotable(match[3]), nodes, parse_integer(match[2]), partitions))
        elif match := _DELEGATED.search(text):
            nodes, partitions = parse_integer(match[2]), parse_integer(match[4])
            if nodes is not None and partitions is not None:
                delegated.setdefault(match[0], Replaced(quotable(match[1]), nodes, parse_integer(match[3]), partitions))
    kinds = {delegate_kind(entry.delegate) for entry in replacing.values()}
    additional = [entry for entry in delegated.values() if delegate_kind(entry.delegate) not in kinds]
    return [*replacing.values(), *additional][:REPLACED_AT_MOST]


def requested_delegates(
    lines: list[tuple[str, str]], parameters: Mapping[str, str], flags: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the kinds of delegates that a run was asked to use, without duplicates; () if nothing names one.

    parameters: as listed by the tool, such as "Use gpu" -> "1"
    flags: of its command line, such as "use_gpu" -> "true"

    If neither these nor the lines about creating delegates name one, the delegates that took nodes count.
    """
    requests = [_requested_by(name, value) for name, value in [*parameters.items(), *flags.items()]]
    for text in (text for _, text in lines if _may_mention(text)):
        for pattern in (_APPLIED, _UNUSED, _CREATED, _REFUSED):
            if match := pattern.search(text):
                name = next(filter(None, match.groups()), None)
                requests.append(delegate_kind(name) if name else None)
                break
    requested = _accelerated(requests)
    return requested or _accelerated(delegate_kind(entry.delegate) for entry in find_replacements(lines) if entry.nodes)


def _accelerated(kinds: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(kind_name for kind_name in dict.fromkeys(kinds) if kind_name is not None and kind_name != "cpu")


def _requested_by(name: str, value: str) -> str | None:
    """Return the kind of delegate that a parameter or a flag requests, or None."""
    plain_name, plain_value = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip(), value.strip("'\" ").lower()
    if "external delegate path" in plain_name:
        return "external" if plain_value else None
    if "delegate settings file" in plain_name:
        return "stable" if plain_value else None
    if plain_name == "delegate":
        return delegate_kind(plain_value) if plain_value not in ("", "none") else None
    match = re.fullmatch(r"(?:use )?(?:legacy )?(nnapi|gpu|hexagon|core ?ml|npu|external delegate|vulkan)", plain_name)
    return delegate_kind(match[1]) if match and plain_value in ("1", "true", "yes") else None


def cpu_ran(lines: list[tuple[str, str]]) -> bool:
    """Return whether the lines prove that the CPU ran the whole model: only its own delegates took nodes."""
    kinds = [delegate_kind(entry.delegate) for entry in find_replacements(lines) if entry.nodes]
    applied = [match for _, text in lines if _may_mention(text) and (match := _APPLIED.search(text))]
    kinds += [delegate_kind(match[1]) for match in applied if match[2] == "completely"]
    return bool(kinds) and set(kinds) == {"cpu"}


def delegation(lines: list[tuple[str, str]], delegate: str) -> Delegation:
    """Return how `delegate` ("cpu", "unknown" or one of `suite.ACCELERATED`) was applied, from what a tool printed.

    The tool's own summary takes precedence over the runtime's "Replacing", which release builds for Linux do not print.
    If that line is printed only for other delegates, the requested one took no node.
    """
    share = share_of(find_replacements(lines), delegate)
    if delegate in ("cpu", "unknown"):
        return share
    applied, kernels = share.applied, None
    for text in (text for _, text in lines if _may_mention(text)):
        if (match := _APPLIED.search(text)) and _may_be(match[1], delegate):
            applied = "whole" if match[2] == "completely" else "partly"
            kernels = 1 if applied == "whole" else parse_integer(match[3])
        elif (match := _UNUSED.search(text)) and _may_be(next(filter(None, match.groups())), delegate):
            applied = "none"
        elif (match := _REFUSED.search(text)) and _may_be(match[1] or match[2] or delegate, delegate):
            applied = "refused"
    nodes = 0 if applied == "none" else share.nodes if share.name else None
    return replace(share, applied=applied, kernels=kernels, nodes=nodes)


def share_of(entries: Sequence[Replaced], delegate: str) -> Delegation:
    """Return how `delegate` was applied, from what delegates took over. If it is not among them, it took no node."""
    accelerated = [entry for entry in entries if delegate_kind(entry.delegate) != "cpu"]
    matching = [entry for entry in accelerated if _may_be(entry.delegate, delegate)]
    if not matching and delegate in _LOADED:
        matching = accelerated  # the delegate of a library may have any name
    other_kinds = tuple(
        dict.fromkeys(delegate_kind(entry.delegate) for entry in accelerated if entry not in matching and entry.nodes)
    )
    if delegate in ("cpu", "unknown"):
        return Delegation("none" if delegate == "cpu" else "unknown", others=other_kinds)
    if not matching:
        return Delegation("none" if entries else "unknown", nodes=0 if entries else None, others=other_kinds)
    nodes = sum(entry.nodes for entry in matching)
    total_nodes, partitions = _total([entry.of for entry in matching]), _total([entry.partitions for entry in matching])
    return Delegation(
        "none" if not nodes else "some" if total_nodes is None else "whole" if nodes >= total_nodes else "partly",
        nodes,
        total_nodes,
        partitions,
        name=matching[0].delegate,
        others=other_kinds,
    )


def _total(values: Sequence[int | None]) -> int | None:
    """Return the sum, or None if a value is unknown."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) if len(numbers) == len(values) else None


def accelerators(lines: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the accelerators listed by the device's NNAPI."""
    for _, text in lines:
        if match := _ACCELERATORS.search(text):
            names = [quotable(name) for name in match[1].split(",") if name.strip()]
            return tuple(names[:ACCELERATORS_AT_MOST])
    return ()


def _may_be(name: str, delegate: str) -> bool:
    """Return whether a delegate of that name may be the requested one."""
    actual = delegate_kind(name)
    return actual == delegate or (actual == "external" and delegate in _LOADED)
