"""Which delegate a run was asked to use, and what the output proves that ran."""

from __future__ import annotations

from collections.abc import Mapping

from runner.errors import LogError
from runner.importers.given import UNKNOWN, Given
from runner.importers.sections import Section
from runner.tools import delegates
from runner.tools.delegates import Delegation

_NAMED_ANYTHING = ("npu", "dsp", "stable")  # delegates that TFLite knows as external ones


def delegate_of(
    name: str, run: Section, parameters: Mapping[str, str], tool: str, given: Given
) -> tuple[str | None, list[str]]:
    """Return what a run was asked to use, as its output tells it, and what is to be said of that.

    What nobody tells is UNKNOWN. Of two delegates it is the one that took nodes; raises LogError where both did,
    and none is given.
    """
    asked = delegates.asked(run.lines, parameters, run.flags)
    if len(asked) > 1:
        took = tuple(
            one for one in asked if delegates.delegation(run.lines, one).applied in ("whole", "partly", "some")
        )
        if given.delegate in asked:
            took = (given.delegate,)
        if len(took) != 1:
            raise LogError(
                f"{name} is of {len(asked)} delegates, {' and '.join(asked)}: give --delegate with the one it is to be "
                "filed under."
            )
        return took[0], [f"{name} was asked for {' and '.join(asked)}: it is filed under {took[0]}"]
    if asked:
        own = delegates.delegation(run.lines, asked[0]).name
        if asked[0] in ("external", "stable") and given.delegate in _NAMED_ANYTHING:
            return given.delegate, []
        return asked[0], [f"{name} is of the {asked[0]} delegate {own}"] if own and asked[0] == "external" else []
    if _cpu_asked(run, parameters, tool):
        return "cpu", []
    if given.delegate is not None:
        return None, []
    return UNKNOWN, [f"{name} does not tell its delegate, which is unknown: give --delegate if you know it"]


def _cpu_asked(run: Section, parameters: Mapping[str, str], tool: str) -> bool:
    """Return whether an output shows that no delegate was asked for.

    The header of TFLite's benchmark_model lists all that it was asked for. That of LiteRT's does not name the
    accelerator, and of other tools and of parts of a header nothing is known, unless the runtime says that the CPU's
    own delegate ran.
    """
    whole_header = "graph" in parameters and (
        len(parameters) > 1 or any(text.startswith("STARTING!") for _, text in run.lines)
    )
    return (whole_header and tool == "benchmark_model") or delegates.cpu_ran(run.lines)


def proven(
    told: Delegation | None, delegate: str, run: Section, parameters: Mapping[str, str], tool: str
) -> Delegation:
    """Return what became of a delegate, as far as the output proves it: the CPU ran only where it shows that."""
    if delegate == "cpu" and not (told and told.others) and not _cpu_asked(run, parameters, tool):
        return Delegation("unknown")
    return told or Delegation("unknown")
