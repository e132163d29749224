"""Find which delegate a run requested, and what the output proves about the delegate that ran."""

from __future__ import annotations

from collections.abc import Mapping

from runner.errors import LogError
from runner.importers.given import UNKNOWN, LabelOverrides
from runner.importers.sections import Section
from runner.tools import delegates
from runner.tools.delegates import Delegation

_NAMED_ANYTHING = ("npu", "dsp", "stable")  # delegates that TFLite loads as external ones


def delegate_of(
    name: str, run: Section, parameters: Mapping[str, str], tool: str, given: LabelOverrides
) -> tuple[str | None, list[str]]:
    """Return the delegate that a run requested according to its output, and notes on it for the user.

    The delegate is UNKNOWN if neither the output nor the user states it, and None if only the user does. Of several
    delegates in the output it is the one that the user named, or else the only one that was assigned nodes.

    Raises:
        LogError: The output requests several delegates, and neither rule selects one of them.
    """
    asked = delegates.requested_delegates(run.lines, parameters, run.flags)
    if len(asked) > 1:
        applied = tuple(
            kind for kind in asked if delegates.delegation(run.lines, kind).applied in ("whole", "partly", "some")
        )
        if given.delegate in asked:
            applied = (given.delegate,)
        if len(applied) != 1:
            raise LogError(
                f"{name} requested {len(asked)} delegates, {' and '.join(asked)}: choose one of them with --delegate."
            )
        return applied[0], [f"{name} requested {' and '.join(asked)}: it is imported as {applied[0]}"]
    if asked:
        plugin = delegates.delegation(run.lines, asked[0]).name
        if asked[0] in ("external", "stable") and given.delegate in _NAMED_ANYTHING:
            return given.delegate, []
        return asked[0], [f"{name}: the {asked[0]} delegate is {plugin}"] if plugin and asked[0] == "external" else []
    if _cpu_asked(run, parameters, tool):
        return "cpu", []
    if given.delegate is not None:
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
    told: Delegation | None, delegate: str, run: Section, parameters: Mapping[str, str], tool: str
) -> Delegation:
    """Return what became of a delegate as far as the output proves it.

    The delegate "cpu" counts as proven only if the output shows that the CPU ran.
    """
    if delegate == "cpu" and not (told and told.others) and not _cpu_asked(run, parameters, tool):
        return Delegation("unknown")
    return told or Delegation("unknown")
