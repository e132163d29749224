"""Which accelerator ran a model, by the lines that TFLite and its tools print of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.tools.text import shown, whole

CPU_ACCELERATORS = ("nnapi-reference",)
"""Accelerators of NNAPI that are its own implementation on the CPU."""

REPLACED_AT_MOST = ACCELERATORS_AT_MOST = 100

ACCELERATED = ("nnapi", "gpu", "dsp", "npu", "coreml", "external", "stable")
"""What a model can be handed to, by the names that instances have here.

`dsp` is Hexagon. `external` is any delegate that TFLite does not bring itself: a library that is loaded, known by its
own name. `stable` is one that is loaded through the stable ABI.
"""

_LOADED = ("external", "stable", "npu", "dsp")
"""Their delegates may be called anything, like "Vx Delegate" or "TfLiteQnnDelegate"."""

_KINDS = (  # in the name of a delegate, in small letters -> what it is called here
    (r"xnn|flex|select tf ops|^cpu$", "cpu"),
    (r"nnapi", "nnapi"),
    (r"hexagon|^dsp$", "dsp"),
    (r"core[ _-]?ml", "coreml"),
    (r"stable", "stable"),
    (r"dispatch|^npu$", "npu"),
    (r"gpu|metal|litert_cl|opencl|vulkan", "gpu"),
)

_REPLACING = re.compile(
    r"Replacing (\d+)(?: out of (\d+))? node\(s\) with delegate \(([^)]+)\) node, yielding (\d+) partitions"
    r"(?: for (?:the whole graph|subgraph (\d+)(?: \((.*)\))?))?\."
)
_DELEGATED = re.compile(  # Hexagon and Core ML, beside or in place of "Replacing"
    r"(\S{1,80}) delegate: (\d+) nodes delegated out of (\d+) nodes,? with (\d+) partitions"
)
# "Applied X delegate, and the model graph will be completely executed w/ the delegate." is the wording of 2020
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
)  # each of them has one: quick to look for


@dataclass(frozen=True)
class Replaced:
    """A line "Replacing ...": what a delegate took over of one subgraph."""

    delegate: str  # its own name, like TfLiteNnapiDelegate
    nodes: int
    of: int | None  # nodes of the subgraph; older builds do not say
    partitions: int  # parts the subgraph is cut into, on the accelerator and beside it


@dataclass(frozen=True)
class Delegation:
    """What became of a delegate that was asked for.

    applied: "whole" (the accelerator runs all of the model), "partly", "some" (it runs at least a part: the tool
    does not say whether all), "none" (it took no node), "refused" (the tool gave up) or "unknown" (no line tells).
    """

    applied: str
    nodes: int | None = None  # that the delegate took over
    of: int | None = None  # nodes of the model
    partitions: int | None = None
    kernels: int | None = None  # parts of the model that the delegate runs
    name: str | None = None  # what the delegate calls itself
    others: tuple[str, ...] = ()  # delegates of other kinds that took nodes, but for those of the CPU

    def accelerator(self, delegate: str, name: str | None = None) -> str | None:
        """Return what ran: "cpu", kinds of delegates joined by "and", or None where it is not known or nothing ran.

        `name` is the accelerator of NNAPI that was asked for: one of CPU_ACCELERATORS is the CPU.
        """
        if self.applied == "refused" or (self.applied == "unknown" and not self.others):
            return None
        own = delegate not in ("cpu", "unknown") and self.applied not in ("none", "unknown")
        ran = [delegate] if own and name not in CPU_ACCELERATORS else []
        return " and ".join([*ran, *self.others]) or "cpu"


def kind(name: str) -> str:
    """Return what a delegate is called here by its own name: "cpu", one of ACCELERATED, "external" if it is new."""
    plain = name.strip("`'\" ").lower()
    return next((known for pattern, known in _KINDS if re.search(pattern, plain)), "external")


def tells(text: str) -> bool:
    """Return whether a line tells of a delegate."""
    return _may_tell(text) and any(pattern.search(text) for pattern in _PATTERNS)


def _may_tell(text: str) -> bool:
    return any(word in text for word in _WORDS)


def replaced(lines: Iterable[tuple[str, str]]) -> list[Replaced]:
    """Return what delegates took over, in order, in all wordings since 2019; a line that comes twice counts once.

    A line "N nodes delegated" counts where no line "Replacing" tells of the same delegate.
    """
    found: dict[str, Replaced] = {}
    otherwise: dict[str, Replaced] = {}
    for _, text in lines:
        if not _may_tell(text):
            continue
        if match := _REPLACING.search(text):
            nodes, partitions = whole(match[1]), whole(match[4])
            if nodes is not None and partitions is not None:
                found.setdefault(match[0], Replaced(shown(match[3]), nodes, whole(match[2]), partitions))
        elif match := _DELEGATED.search(text):
            nodes, partitions = whole(match[2]), whole(match[4])
            if nodes is not None and partitions is not None:
                otherwise.setdefault(match[0], Replaced(shown(match[1]), nodes, whole(match[3]), partitions))
    kinds = {kind(one.delegate) for one in found.values()}
    more = [one for one in otherwise.values() if kind(one.delegate) not in kinds]
    return [*found.values(), *more][:REPLACED_AT_MOST]


def asked(lines: list[tuple[str, str]], parameters: Mapping[str, str], flags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the kinds of delegates that a run was asked to use, each once; () where nothing tells of one.

    parameters: as the tool lists them, like "Use gpu" -> "1"
    flags: of its command line, like "use_gpu" -> "true"

    Where neither these nor the lines on the making of delegates name one, those count that took nodes.
    """
    found = [_asked_by(name, value) for name, value in [*parameters.items(), *flags.items()]]
    for text in (text for _, text in lines if _may_tell(text)):
        for pattern in (_APPLIED, _UNUSED, _CREATED, _REFUSED):
            if match := pattern.search(text):
                name = next(filter(None, match.groups()), None)
                found.append(kind(name) if name else None)
                break
    named = _accelerated(found)
    return named or _accelerated(kind(one.delegate) for one in replaced(lines) if one.nodes)


def _accelerated(kinds: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(one for one in dict.fromkeys(kinds) if one is not None and one != "cpu")


def _asked_by(name: str, value: str) -> str | None:
    """Return the kind of delegate that a parameter or a flag asks for, if it does."""
    plain, chosen = re.sub(r"[^a-z0-9]+", " ", name.lower()).strip(), value.strip("'\" ").lower()
    if "external delegate path" in plain:
        return "external" if chosen else None
    if "delegate settings file" in plain:
        return "stable" if chosen else None
    if plain == "delegate":
        return kind(chosen) if chosen not in ("", "none") else None
    used = re.fullmatch(r"(?:use )?(?:legacy )?(nnapi|gpu|hexagon|core ?ml|npu|external delegate|vulkan)", plain)
    return kind(used[1]) if used and chosen in ("1", "true", "yes") else None


def cpu_ran(lines: list[tuple[str, str]]) -> bool:
    """Return whether the lines prove that the CPU ran all of a model: no delegate but the CPU's own took nodes."""
    took = [kind(one.delegate) for one in replaced(lines) if one.nodes]
    applied = [match for _, text in lines if _may_tell(text) and (match := _APPLIED.search(text))]
    took += [kind(match[1]) for match in applied if match[2] == "completely"]
    return bool(took) and set(took) == {"cpu"}


def delegation(lines: list[tuple[str, str]], delegate: str) -> Delegation:
    """Return what became of `delegate`, "cpu", "unknown" or one of ACCELERATED, by the lines that a tool printed.

    The tool's own summary comes before the runtime's "Replacing", which release builds for Linux do not print. Where
    that is printed of other delegates alone, the one that was asked for took no node.
    """
    everyones = replaced(lines)
    accelerated = [one for one in everyones if kind(one.delegate) != "cpu"]
    mine = [one for one in accelerated if _is(one.delegate, delegate)]
    if not mine and delegate in _LOADED:
        mine = accelerated  # a library may call its delegate what it wants
    others = tuple(dict.fromkeys(kind(one.delegate) for one in accelerated if one not in mine and one.nodes))
    if delegate in ("cpu", "unknown"):
        return Delegation("none" if delegate == "cpu" else "unknown", others=others)
    nodes = sum(one.nodes for one in mine) if mine else None
    of = sum(one.of or 0 for one in mine) if mine and all(one.of is not None for one in mine) else None
    partitions = sum(one.partitions for one in mine) if mine else None
    kernels = None
    applied = "none" if everyones else "unknown"
    if mine:
        applied = "none" if not nodes else "some" if of is None else "whole" if nodes >= of else "partly"
    for text in (text for _, text in lines if _may_tell(text)):
        if (match := _APPLIED.search(text)) and _is(match[1], delegate):
            applied = "whole" if match[2] == "completely" else "partly"
            kernels = 1 if applied == "whole" else whole(match[3])
        elif (match := _UNUSED.search(text)) and _is(next(filter(None, match.groups())), delegate):
            applied = "none"
        elif (match := _REFUSED.search(text)) and _is(match[1] or match[2] or delegate, delegate):
            applied = "refused"
    if applied == "none":
        nodes = 0
    return Delegation(applied, nodes, of, partitions, kernels, mine[0].delegate if mine else None, others)


def accelerators(lines: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The accelerators that the device's NNAPI names."""
    for _, text in lines:
        if match := _ACCELERATORS.search(text):
            names = [shown(name) for name in match[1].split(",") if name.strip()]
            return tuple(names[:ACCELERATORS_AT_MOST])
    return ()


def _is(name: str, delegate: str) -> bool:
    """Return whether a delegate of that name may be the one that was asked for."""
    found = kind(name)
    return found == delegate or (found == "external" and delegate in _LOADED)
