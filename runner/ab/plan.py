"""The plan of an A/B session: both sides with what they can run, and the blocks that remain to be measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from aiot_suite.errors import SelectionError
from aiot_suite.suite import Instance
from aiot_suite.workspace import Workspace
from runner.ab import blocks, settings
from runner.ab.blocks import Block, Recorded, Session
from runner.ab.settings import SettingsSide
from runner.devices.choice import Choice, choose_devices
from runner.run_request import RunRequest
from runner.suite_run import with_instances


@dataclass(frozen=True)
class Plan:
    """What an A/B session is going to measure."""

    session: Session
    sides: Mapping[str, SettingsSide]  # by name, "a" and "b"
    remaining: Sequence[Block]
    obstacles: Sequence[str]  # why pairs of instances are left out
    newest: str | None = None  # the newest session of the device, if it was to be continued
    differences: Sequence[str] = ()  # in what it differs from this one, so that a new one begins


def make_plan(
    space: Workspace,
    common: RunRequest,
    words: Mapping[str, Mapping[str, str]],
    options: Mapping[str, Sequence[str]],
    choice: Choice,
    *,
    checks_folder: Path,
    number_of_blocks: int,
    resume: bool,
) -> Plan:
    """Return the plan of a session.

    Parameters
    ----------
    space
        The workspace.
    common
        The part of the request that both sides share: see runner.suite_run.build_request.
    words
        The settings of each side, by the name of the side.
    options
        The models, frameworks, delegates and quantizations that the user selected.
    choice
        The device that the user selected, and how to reach it.
    checks_folder
        Folder of the model files, with what was found about them.
    number_of_blocks
        Number of blocks of the session.
    resume
        Continue the newest session of the device if it is the same comparison.

    Raises
    ------
    SelectionError
        A and B are the same, nothing can run on both sides, more than one device is selected, or a setting does not
        fit the device or the other selections.
    """
    texts = {name: settings.settings_text(each) for name, each in words.items()}
    if texts["a"] == texts["b"]:
        raise SelectionError(f"A and B are the same ({texts['a']}): choose two different settings.")
    sides, instances = _choose_sides(space, common, words, options, choice)
    matched = settings.pairs(instances, words)
    places, obstacles = settings.runnable_pairs(sides, matched)
    if not places:
        raise SelectionError(f"No instance can run on both sides: {'; '.join(obstacles[:3])}.")
    of_sides = zip(*(matched[place] for place in places), strict=True)
    sides = {
        name: replace(side, request=with_instances(side.request, side_instances, checks_folder))
        for (name, side), side_instances in zip(sides.items(), of_sides, strict=True)
    }
    settings.check_different(sides)
    session = Session.new(common.seed, number_of_blocks, texts)
    newest, differences, measured = _newest(space, session, sides) if resume else (None, [], [])
    if newest and not differences:
        session = replace(session, id=newest)
    return Plan(session, sides, blocks.remaining_blocks(session, measured), obstacles, newest, differences)


def _choose_sides(
    space: Workspace,
    common: RunRequest,
    words: Mapping[str, Mapping[str, str]],
    options: Mapping[str, Sequence[str]],
    choice: Choice,
) -> tuple[dict[str, SettingsSide], dict[str, list[Instance]]]:
    """Return both sides, and the instances that each could run, by the name of the side."""
    everything = common.catalog.everything(common.artifacts.values())
    sides, instances = {}, {}
    for name, each in words.items():
        request = settings.request_of_side(common, each, space.staging / "native")
        side_instances = settings.select_instances(options, each, everything)
        if "model" in each:
            model = Path(each["model"])
            side_instances, files = settings.with_model(side_instances, common.artifacts, model, common.catalog)
            request = replace(request, artifacts=files)
        python = settings.python_of(each, choice.local)
        side_choice = replace(choice, python=str(python), local_python=python) if python else choice
        devices = choose_devices(side_choice, space)
        if len(devices) > 1:
            raise SelectionError(
                f"{len(devices)} devices are selected, but A and B alternate on a single device: select one."
            )
        side = SettingsSide(settings.settings_text(each), devices[0], request, python)
        if request.native:
            request.native.tools_for(devices[0])
        sides[name], instances[name] = settings.with_versions(side, side_instances)
    return sides, instances


def _newest(
    space: Workspace, session: Session, sides: Mapping[str, SettingsSide]
) -> tuple[str | None, list[str], list[Recorded]]:
    """Return the newest session of the device, in what it differs from `session`, and its blocks if in nothing."""
    slug = sides["a"].device.slug
    newest = blocks.newest_session(space.raw, slug)
    if newest is None:
        return None, [], []
    records = {
        name: replace(side.request, ab={"session": session.id}).record(side.device) for name, side in sides.items()
    }
    differences = blocks.session_differences(space.raw, slug, newest, session, records)
    return newest, differences, [] if differences else blocks.recorded(space.raw, slug, newest)
