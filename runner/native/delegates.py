"""Which accelerator ran a model, by the lines that TFLite and its tools print of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from runner.native.text import shown, whole

CPU_ACCELERATORS = ("nnapi-reference",)
"""Accelerators of NNAPI that are its own implementation on the CPU."""

REPLACED_AT_MOST = ACCELERATORS_AT_MOST = 100

_REPLACING = re.compile(
    r"Replacing (\d+)(?: out of (\d+))? node\(s\) with delegate \(([^)]+)\) node, yielding (\d+) partitions"
    r"(?: for (?:the whole graph|subgraph (\d+)(?: \((.*)\))?))?\."
)
# "Applied X delegate, and the model graph will be completely executed w/ the delegate." is the wording of 2020
_APPLIED = re.compile(
    r"(?:Explicitly applied|Applied) (\S+) delegate, and the model graph will be (completely|partially) executed"
    r"(?: (?:by|w/) the delegate)?(?: w/ (\d+) delegate kernels)?"
)
_REFUSED = re.compile(
    r"Failed to apply (?:(\S+) delegate|delegate \d+)|Disallowed CPU fallback detected"
    r"|NNAPI delegate requested but no accelerators available"
)
_UNUSED = re.compile(
    r"Though (\S+) delegate is explicitly applied, the model graph will not be executed"
    r"|(\S+) acceleration is unsupported on this platform|Couldn't load (\S+) support library"
    r"|Unsupported TFLite delegate: (\S+)|(\S+) delegate (?:is )?not supported|(NNAPI) not supported"
)
_ACCELERATORS = re.compile(r"NNAPI accelerators available: \[(.*)\]")


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
    does not say whether all), "none" (the CPU ran), "refused" (the tool gave up) or "unknown" (no line tells).
    """

    applied: str
    nodes: int | None = None  # that the delegate took over
    of: int | None = None  # nodes of the model
    partitions: int | None = None
    kernels: int | None = None  # parts of the model that the delegate runs

    def accelerator(self, delegate: str, name: str | None = None) -> str | None:
        """What ran: the delegate that was asked for, "cpu", or None where it is not known or nothing ran.

        `name` is the accelerator of NNAPI that was asked for: one of CPU_ACCELERATORS is the CPU.
        """
        if self.applied in ("refused", "unknown"):
            return None
        return "cpu" if self.applied == "none" or name in CPU_ACCELERATORS else delegate


def replaced(lines: Iterable[tuple[str, str]]) -> list[Replaced]:
    """Every line "Replacing ..." in order, in all wordings since 2019, with or without a prefix of another log."""
    found = []
    for _, text in lines:
        if match := _REPLACING.search(text):
            nodes, partitions = whole(match[1]), whole(match[4])
            if nodes is not None and partitions is not None:
                found.append(Replaced(shown(match[3]), nodes, whole(match[2]), partitions))
    return found[:REPLACED_AT_MOST]


def delegation(lines: list[tuple[str, str]], delegate: str) -> Delegation:
    """What became of `delegate`, like "nnapi", "gpu" or "xnnpack", by the lines that a tool printed.

    The tool's own summary comes before the runtime's "Replacing", which release builds for Linux do not print. Where
    that is printed of another delegate alone, the one that was asked for took no node.
    """
    everyones = replaced(lines)
    mine = [one for one in everyones if delegate in one.delegate.lower()]
    nodes = sum(one.nodes for one in mine) if mine else None
    of = sum(one.of or 0 for one in mine) if mine and all(one.of is not None for one in mine) else None
    partitions = sum(one.partitions for one in mine) if mine else None
    kernels = None
    applied = "none" if everyones else "unknown"
    if mine:
        applied = "none" if not nodes else "some" if of is None else "whole" if nodes >= of else "partly"
    for _, text in lines:
        if (match := _APPLIED.search(text)) and _is(match[1], delegate):
            applied = "whole" if match[2] == "completely" else "partly"
            kernels = 1 if applied == "whole" else whole(match[3])
        elif (match := _UNUSED.search(text)) and _is(next(filter(None, match.groups())), delegate):
            applied = "none"
        elif (match := _REFUSED.search(text)) and _is(match[1] or delegate, delegate):
            applied = "refused"
    if applied == "none":
        nodes = 0
    return Delegation(applied, nodes, of, partitions, kernels)


def accelerators(lines: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The accelerators that the device's NNAPI names."""
    for _, text in lines:
        if match := _ACCELERATORS.search(text):
            names = [shown(name) for name in match[1].split(",") if name.strip()]
            return tuple(names[:ACCELERATORS_AT_MOST])
    return ()


def _is(name: str, delegate: str) -> bool:
    return name.strip("`'\"").lower() == delegate
